"""The README's picture of the analogy explorer, taken in JupyterLab.

    python -m tests.browser.picture

Trains as chapter 08 does, asks as the README says, and writes notebooks/figures/
analogy_explorer.png.
"""

from PIL import Image

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
    settings = {"viewport": {"width": WIDTH, "height": HEIGHT}, "device_scale_factor": SCALE}
    path = ROOT / "notebooks" / "figures" / "analogy_explorer.png"
    with servers.notebook_in_lab(CELL, **settings) as notebook:
        notebook.command("application:toggle-left-area")
        notebook.theme("JupyterLab Light")
        notebook.run_all()
        page = notebook.page
        explorer = page.locator(".w2v-live")
        explorer.locator(".w2v-headline", has_text=QUESTION[2]).wait_for(timeout=120_000)
        page.mouse.move(0, 0)
        explorer.scroll_into_view_if_needed()
        page.wait_for_timeout(500)
        explorer.screenshot(path=path)
    # Few colours make a small file; this way of choosing them keeps the rare ones, too.
    small = Image.open(path).convert("RGB").quantize(200, Image.Quantize.MAXCOVERAGE)
    small.save(path, optimize=True)


if __name__ == "__main__":
    main()
