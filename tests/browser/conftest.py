"""One browser, one JupyterLab and one Voila for all tests here."""

import contextlib
import os

import pytest

from tests.browser import servers
from tests.widgets.planted import planted


def pytest_collection_modifyitems(items):
    """Mark them, and keep them on one test worker: they share a browser and two servers."""
    for item in items:
        if "tests/browser" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser(chromium):
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=servers.FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """The notebooks' folder, with word vectors of known truth."""
    folder = tmp_path_factory.mktemp("browser") / "notebooks"
    folder.mkdir()
    planted().save(folder / "planted.npz")
    planted(seed=1, noise=0.4).save(folder / "other.npz")
    return folder


@pytest.fixture(scope="session")
def lab_server(folder):
    server = servers.Server(folder, servers.lab_arguments, "/api")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def voila_server(folder):
    server = servers.Server(folder, servers.voila_arguments, "/voila/static/voila.js")
    yield server
    server.stop()


@contextlib.contextmanager
def watched_page(browser, **options):
    """A fresh page; at the end: no error on its console, no request to another host."""
    settings = {"viewport": {"width": 1300, "height": 1000}, "reduced_motion": "reduce"}
    context = browser.new_context(**settings | options)
    context.set_default_timeout(int(os.environ.get("W2V_BROWSER_SECONDS", 30)) * 1000)
    page = context.new_page()
    watcher = servers.Watcher(page)
    yield page
    context.close()
    watcher.check()


@pytest.fixture
def page(browser):
    with watched_page(browser) as page:
        yield page


class Notebooks:
    """``notebooks(page, *cells)``: a new notebook with these cells, opened and run in Lab."""

    def __init__(self, server) -> None:
        self.server, self.number = server, 0

    def __call__(self, page, *cells, run=True, path="lab/tree"):
        self.number += 1
        name = f"test-{self.number}.ipynb"
        servers.write_notebook(self.server.folder / name, *cells)
        notebook = servers.LabPage(page, self.server, name).open(path)
        if run:
            notebook.run_all()
        return notebook


@pytest.fixture(scope="session")
def notebooks(lab_server):
    return Notebooks(lab_server)


@pytest.fixture(autouse=True)
def _no_kernels_left(request):
    """Kernels of a finished test are shut down, so that they do not pile up."""
    yield
    if "notebooks" in request.fixturenames and "shared" not in request.fixturenames:
        servers.close_sessions(request.getfixturevalue("lab_server"), keep="shared")
