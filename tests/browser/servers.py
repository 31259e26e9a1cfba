"""JupyterLab and Voila on this machine's loopback, and pages that watch what the browser does."""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import nbformat

from tests.notebooks.kernel import ROOT, prepare_environment

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")  # its names on different systems

# Messages on the browser's console that are not ours, each with its reason.
ALLOWED = {
    # Lab asks for workspaces and settings that a fresh folder does not have.
    r"Failed to load resource: .* 404": r"/(lab/api/workspaces|lab/api/settings|static/favicons)",
    # A kernel that is restarted or shut down closes its sockets.
    r"WebSocket connection to .* failed|WebSocket is already in CLOSING": "",
    r"Kernel connection|Connection lost, reconnecting|Canceled future for": "",
    # Notebook 7 loads Lab's extensions (that of jupytext, for one) without all that they expect.
    r"reading 'schema'|'filebrowser:open-path' not registered|RUNTIME-012": "",
}


def find_chromium() -> str | None:
    """Where the system's Chromium is; ``None`` if there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server process with a folder of notebooks."""

    def __init__(self, folder: Path, arguments, path: str) -> None:
        self.folder, self.token = folder, secrets.token_hex(16)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder.parent / f"server-{self.port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *arguments(self)],
                cwd=folder,
                env=environment(folder.parent),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait(path)

    def _wait(self, path: str, seconds: float = 180) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError, urllib.error.URLError):
                urllib.request.urlopen(f"{self.url}{path}", timeout=5).close()
                return
            time.sleep(0.1)
        self.stop()
        raise RuntimeError(f"the server did not start:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def environment(base: Path) -> dict:
    """Folders of our own for all that Jupyter keeps, and this checkout for the kernels."""
    prepare_environment()
    keep = {k: v for k, v in os.environ.items() if not k.startswith("JUPYTER")}
    own = {
        "JUPYTER_CONFIG_DIR": base / "config",
        "JUPYTER_DATA_DIR": base / "data",
        "JUPYTER_RUNTIME_DIR": base / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": base / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": base / "workspaces",
        "JUPYTER_CONFIG_PATH": ROOT / ".ci" / "jupyter",
    }
    return keep | {name: str(path) for name, path in own.items()}


def lab_arguments(server: Server) -> list[str]:
    return [
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={server.port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={server.folder}",
        f"--IdentityProvider.token={server.token}",
    ]


def offline_template(folder: Path) -> None:
    """Voila's page without its two style sheets of icons, which lie on another host."""
    from jupyter_core.paths import jupyter_path

    found = (Path(path) / "lab" for path in jupyter_path("voila", "templates"))
    lab = next(path for path in found if path.is_dir())
    lines = (lab / "index.html.j2").read_text(encoding="utf-8").splitlines(keepends=True)
    own = folder.parent / "data" / "voila" / "templates" / "offline"
    own.mkdir(parents=True)
    kept = [line for line in lines if not ("<link" in line and "https://" in line)]
    (own / "index.html.j2").write_text("".join(kept), encoding="utf-8")
    (own / "conf.json").write_text('{"base_template": "lab"}', encoding="utf-8")


def voila_arguments(server: Server) -> list[str]:
    offline_template(server.folder)
    return [
        "voila",
        "--no-browser",
        f"--port={server.port}",
        "--Voila.ip=127.0.0.1",
        "--VoilaConfiguration.file_allowlist=.*",
        "--template=offline",
        "--theme=light",
        str(server.folder),
    ]


class Watcher:
    """Notes what a page asks of the network and complains of on its console."""

    def __init__(self, page) -> None:
        self.foreign, self.complaints = [], []
        page.on("request", self._request)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._complain(f"uncaught: {error}", ""))
        page.on("websocket", lambda socket: self._address(socket.url))

    def _request(self, request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        if re.match(r"(data|blob|about):", url):
            return
        host = re.match(r"\w+://([^/:]+)", url)
        if host is None or host.group(1) not in ("127.0.0.1", "localhost"):
            self.foreign.append(url)

    def _console(self, message) -> None:
        if message.type == "error":
            self._complain(message.text, message.location.get("url", ""))

    def _complain(self, message: str, where: str) -> None:
        for text, place in ALLOWED.items():
            if re.search(text, message) and re.search(place, where):
                return
        self.complaints.append(f"{message} ({where})")

    def check(self) -> None:
        assert not self.foreign, f"requests to other hosts: {self.foreign}"
        assert not self.complaints, f"on the browser's console: {self.complaints}"


def write_notebook(path: Path, *sources: str) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in sources]
    )
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    path.write_text(nbformat.writes(notebook), encoding="utf-8")


class LabPage:
    """A notebook in JupyterLab."""

    def __init__(self, page, server: Server, name: str) -> None:
        self.page, self.server, self.name = page, server, name

    def open(self, path: str = "lab/tree") -> "LabPage":
        """``lab/tree``: JupyterLab; ``notebooks``: Notebook 7."""
        reset = "reset&" if path.startswith("lab") else ""
        url = f"{self.server.url}/{path}/{self.name}?{reset}token={self.server.token}"
        self.page.goto(url)
        self.page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        self.page.wait_for_function("window.jupyterapp !== undefined")
        return self

    def command(self, name: str, **arguments) -> None:
        code = "([name, args]) => { window.jupyterapp.commands.execute(name, args); }"
        self.page.evaluate(code, [name, arguments])

    def run_all(self, wait: bool = True) -> None:
        """Run all cells; returns when the last one is done, if asked to wait."""
        self.page.evaluate(
            """async (wait) => {
              const app = window.jupyterapp;
              const context = app.shell.currentWidget.context.sessionContext;
              await context.ready;
              await context.session.kernel.info;
              const done = app.commands.execute('notebook:run-all-cells');
              if (wait) await done;
            }""",
            wait,
        )

    def theme(self, name: str) -> None:
        self.command("apputils:change-theme", theme=name)
        light = str(name.endswith("Light")).lower()
        self.page.wait_for_selector(f"body[data-jp-theme-light='{light}']", state="attached")

    def save(self) -> dict:
        """Save the notebook, and read it when the server says that it is written."""
        path = self.server.folder / self.name
        before = path.stat().st_mtime_ns
        end = time.monotonic() + 30
        while time.monotonic() < end:
            # A second save is refused, without a word, while the first (by the clock) is under way.
            self.page.evaluate(
                """async () => {
                  await window.jupyterapp.commands.execute('docmanager:save');
                  const { context } = window.jupyterapp.shell.currentWidget;
                  if (context.model.dirty) await context.save();
                }"""
            )
            if path.stat().st_mtime_ns != before:
                with contextlib.suppress(ValueError):  # half a file, or half a letter
                    return json.loads(path.read_text(encoding="utf-8"))
            self.page.wait_for_timeout(150)
        raise TimeoutError("the notebook was not saved")


@contextlib.contextmanager
def notebook_in_lab(*sources: str, **settings):
    """A notebook with these cells, open in a JupyterLab and a Chromium of its own: a LabPage.

    Nothing has run yet.  ``settings`` are those of Playwright's ``new_page``.  At the end the
    server and the browser stop, and the folder (``.server.folder``) goes away.
    """
    from playwright.sync_api import sync_playwright

    settings = {"viewport": {"width": 1300, "height": 1000}} | settings
    with tempfile.TemporaryDirectory() as base:
        folder = Path(base) / "notebooks"
        folder.mkdir()
        write_notebook(folder / "notebook.ipynb", *sources)
        server = Server(folder, lab_arguments, "/api")
        try:
            with (
                sync_playwright() as playwright,
                playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS) as browser,
            ):
                yield LabPage(browser.new_page(**settings), server, "notebook.ipynb").open()
        finally:
            server.stop()


def api(server: Server, what: str, method: str = "GET"):
    """Ask the server itself."""
    headers = {"Authorization": f"token {server.token}"}
    request = urllib.request.Request(f"{server.url}/api/{what}", method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read() or b"null")


def close_sessions(server: Server, keep: str = "-") -> None:
    """Shut down all kernels but those of notebooks whose name begins with ``keep``."""
    for session in api(server, "sessions"):
        if not Path(session["path"]).name.startswith(keep):
            with contextlib.suppress(urllib.error.HTTPError):
                api(server, f"sessions/{session['id']}", "DELETE")
