"""The small teaching widgets in JupyterLab: moved by keyboard, without barriers."""

import pytest

from tests.browser.accessibility import no_barriers, too_wide
from tests.browser.conftest import watched_page

CELL = """
import numpy as np
from IPython.display import display
from w2vlib.widgets import NegativeStep, NoisePower, OneHotRow, SoftmaxCost
W = np.random.default_rng(0).normal(size=(5, 3))
words = ["you", "say", "goodbye", "and", "hello"]
display(OneHotRow(W, words))
display(SoftmaxCost())
display(NoisePower([900, 100, 30, 5, 1], words))
display(NegativeStep(W, W + 0.5, [0, 2], 1, [3, 4], words=words))
"""


def test_sliders_by_keyboard(page, notebooks):
    notebooks(page, CELL)
    page.wait_for_function("document.querySelectorAll('.w2v-lesson[data-ready]').length === 4")
    for label, key, times, text in (
        ("word", "ArrowRight", 2, "row 2 of W, the vector of 'goodbye'"),
        ("vocabulary size V", "End", 1, "1,000,000,000 multiplications against 600"),
        ("power", "Home", 1, "is drawn 1 times as often"),
        ("step", "End", 1, "rows have changed. The loss of"),
    ):
        slider = page.get_by_role("slider", name=label, exact=True)
        slider.scroll_into_view_if_needed()
        slider.focus()
        for _ in range(times):
            page.keyboard.press(key)
        page.locator(".w2v-lesson p", has_text=text).wait_for()
    assert page.locator(".w2v-static").first.is_hidden()
    no_barriers(page, ".w2v-lesson")


@pytest.mark.parametrize("width", [480, 640])
def test_in_a_narrow_window_and_in_the_dark(browser, notebooks, width):
    """640 pixels are what a window of 1280 has at 200%."""
    with watched_page(browser, viewport={"width": width, "height": 800}) as page:
        notebook = notebooks(page, CELL, run=False)
        notebook.command("application:toggle-left-area")
        notebook.run_all()
        page.wait_for_function("document.querySelectorAll('.w2v-lesson[data-ready]').length === 4")
        assert too_wide(page, ".w2v-lesson") == []
        notebook.theme("JupyterLab Dark")
        page.wait_for_timeout(300)
        no_barriers(page, ".w2v-lesson")
        bars = page.locator(".w2v-lesson .w2v-bar").evaluate_all("b => b.map(e => e.offsetWidth)")
        assert len(bars) == 2 + 5 and min(bars[:2]) > 5  # they are there, and can be seen
