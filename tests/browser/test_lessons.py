"""The small teaching widgets in JupyterLab: moved by keyboard, without barriers."""

from tests.browser.accessibility import no_barriers

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
