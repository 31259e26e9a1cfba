"""The training monitor in JupyterLab: numbers that move, and buttons that are obeyed."""

import re

import pytest

from tests.browser import servers
from tests.browser.accessibility import no_barriers, too_wide
from tests.browser.conftest import watched_page

DATA = """
import numpy as np
from w2vlib import CBOW, SGD, Trainer, build_corpus
from w2vlib.fast import FastTrainer
from w2vlib.widgets import TrainingMonitor
rng = np.random.default_rng(0)
corpus = build_corpus(" ".join(f"w{i}" for i in rng.zipf(1.5, size=20_000) % 300))
probes = list(corpus.words[:2])
questions = {"x": [tuple(corpus.words[i : i + 4]) for i in range(5)]}
"""
LAYERS = """
trainer = Trainer(CBOW(corpus.vocab_size, 8, 2, corpus.ids, seed=0), SGD(0.1), seed=0)
monitor = TrainingMonitor(trainer, corpus=corpus, probes=probes, questions=questions)
monitor.fit_corpus(corpus, 100_000, 50)
"""
COMPILED = """
trainer = FastTrainer(corpus, hidden_size=8, max_epoch=1_000_000, seed=0)
monitor = TrainingMonitor(trainer, probes=probes, questions=questions)
monitor.fit(background=True)
None
"""


def fact(page, label):
    """A number of the widget, by its label."""
    return page.evaluate(
        "label => [...document.querySelectorAll('.w2v-monitor dl > div')]"
        ".find(e => e.firstChild.textContent === label)?.lastChild.textContent",
        label,
    )


def seconds(page):
    return float(re.match(r"[\d.]+", fact(page, "time")).group())


HANDED_OVER = """
model = CBOW(corpus.vocab_size, 8, 2, corpus, seed=0)
trainer = Trainer(model, SGD(0.1), seed=0, engine="fast")
monitor = TrainingMonitor(trainer, corpus=corpus, probes=probes, questions=questions)
monitor.fit_corpus(corpus, 1_000_000, 50)
"""


@pytest.mark.parametrize(
    "cell", [LAYERS, COMPILED, HANDED_OVER], ids=["layers", "compiled", "handed over"]
)
def test_a_training_is_paused_resumed_and_stopped(page, notebooks, cell, lab_server):
    """The cell is busy while its buttons are pressed; the second one trains in the background."""
    notebook = notebooks(page, DATA, cell, "print('kept', trainer._stop)", run=False)
    notebook.run_all(wait=False)
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('running')", timeout=60_000)
    page.wait_for_selector(".w2v-monitor polyline", timeout=60_000)  # when all is compiled
    before = seconds(page)
    page.wait_for_function(
        "t => [...document.querySelectorAll('.w2v-monitor dd')].some("
        "e => e.textContent.endsWith(' s') && parseFloat(e.textContent) > t)",
        arg=before,
    )
    page.get_by_role("button", name="Pause").click()
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('paused')")
    page.wait_for_timeout(400)
    no_barriers(page, ".w2v-monitor")
    resting = seconds(page)
    page.wait_for_timeout(800)
    assert seconds(page) == resting
    page.get_by_role("button", name="Resume").click()
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('running')")
    page.wait_for_function(
        "t => [...document.querySelectorAll('.w2v-monitor dd')].some("
        "e => e.textContent.endsWith(' s') && parseFloat(e.textContent) > t)",
        arg=resting,
    )
    assert fact(page, "speed").endswith("words/s")
    assert fact(page, "analogies right").endswith("%")
    assert page.locator(".w2v-probes p").count() == 2
    page.get_by_role("button", name="Stop and keep").click()
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('stopped, and kept')")
    assert page.get_by_role("button", name="Pause").is_disabled()
    # The still picture that is saved tells the end of the training.
    page.wait_for_timeout(1000)
    content = notebook.save()
    stills = [
        "".join(output["data"]["text/html"])
        for output in content["cells"][1]["outputs"]
        if "text/html" in output.get("data", {})
    ]
    assert any("Training: stopped, and kept" in still and "<img" in still for still in stills)


UNHEARD = """
from w2vlib.widgets.base import Panel
opened, unheard = Panel.open, []
def open(panel):
    opened(panel)
    def address(data, asked_for):
        wish = data["content"]["do"] if data["method"] == "custom" else "state"
        if wish in ("pause", "stop") and unheard.count(wish) < 2:
            unheard.append(wish)
            return None  # to the cell, which is busy
        return asked_for
    panel.comm._reply_subshell_for = address
Panel.open = open
"""


def test_a_button_is_obeyed_that_was_not_heard_at_once(page, notebooks, lab_server):
    """On a busy machine a click may come before the page has its line beside the running cell."""
    notebook = notebooks(page, DATA + UNHEARD, LAYERS, "print(unheard)", run=False)
    notebook.run_all(wait=False)
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('running')", timeout=60_000)
    page.get_by_role("button", name="Pause").click()
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('paused')")
    page.get_by_role("button", name="Stop and keep").click()
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('stopped, and kept')")
    said = page.locator(".jp-CodeCell").nth(2).locator(".jp-OutputArea-output")
    said.wait_for()
    told = ["pause", "pause", "stop", "stop"], []  # from ipykernel 7.4 on; before
    assert said.inner_text().strip() in map(str, told)
    # What was not heard then is heard now that the cell has ended, and changes nothing.
    page.wait_for_timeout(500)
    status = page.locator(".w2v-monitor .w2v-status").inner_text()
    assert status.endswith("stopped, and kept")
    no_barriers(page, ".w2v-monitor")


def test_a_finished_training_without_a_kernel(browser, page, notebooks, lab_server):
    short = LAYERS.replace("100_000, 50", "2, 50")
    notebook = notebooks(page, DATA, short)
    page.wait_for_selector(".w2v-monitor .w2v-status:has-text('finished')", timeout=60_000)
    page.wait_for_timeout(1000)
    notebook.save()
    servers.close_sessions(lab_server, keep="shared")
    notebook.open()
    page.wait_for_selector(".w2v-static img")
    assert "Training: finished" in page.locator(".w2v-static").first.inner_text()


def test_in_a_narrow_window_and_in_the_dark(browser, notebooks):
    with watched_page(browser, viewport={"width": 480, "height": 900}) as page:
        notebook = notebooks(page, DATA, LAYERS.replace("100_000, 50", "3, 50"), run=False)
        notebook.command("application:toggle-left-area")
        notebook.run_all()
        page.wait_for_selector(".w2v-monitor .w2v-status:has-text('finished')", timeout=60_000)
        assert too_wide(page, ".w2v-monitor") == []
        # The curves stand one below the other, as wide as the widget.
        widths = page.locator(".w2v-curves svg").evaluate_all("c => c.map(e => e.clientWidth)")
        assert len(widths) == 2 and min(widths) > 250
        notebook.theme("JupyterLab Dark")
        page.wait_for_timeout(300)
        no_barriers(page, ".w2v-monitor")
