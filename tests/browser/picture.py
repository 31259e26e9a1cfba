"""The README's picture of the analogy explorer, taken in JupyterLab.

    python -m tests.browser.picture

Trains as chapter 08 does, asks as the README says, and writes notebooks/figures/
analogy_explorer.png.
"""

import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.browser import servers
from tests.notebooks.kernel import ROOT

QUESTION = ("france", "paris", "italy")
WIDTH, HEIGHT, SCALE = 1190, 1300, 1.2
CELL = f"""
from w2vlib import datasets, fast
from w2vlib.widgets import AnalogyExplorer
corpus = datasets.load("embedded")
vectors = fast.train(
    corpus, hidden_size=50, window_size=5, max_epoch=15, seed=0, progress=False
)
AnalogyExplorer(vectors, start={QUESTION!r})
"""


def main() -> None:
    """Take the picture."""
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "notebooks"
        folder.mkdir()
        servers.write_notebook(folder / "picture.ipynb", CELL)
        server = servers.Server(folder, servers.lab_arguments, "/api")
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=servers.FLAGS
                )
                page = browser.new_page(
                    viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=SCALE
                )
                notebook = servers.LabPage(page, server, "picture.ipynb").open()
                notebook.command("application:toggle-left-area")
                notebook.theme("JupyterLab Light")
                notebook.run_all()
                explorer = page.locator(".w2v-live")
                explorer.locator(".w2v-headline", has_text=QUESTION[2]).wait_for(timeout=120_000)
                page.mouse.move(0, 0)
                explorer.scroll_into_view_if_needed()
                page.wait_for_timeout(500)
                path = ROOT / "notebooks" / "figures" / "analogy_explorer.png"
                explorer.screenshot(path=path)
                browser.close()
            # Few colours make a small file; this way of choosing them keeps the rare ones, too.
            small = Image.open(path).convert("RGB").quantize(200, Image.Quantize.MAXCOVERAGE)
            small.save(path, optimize=True)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
