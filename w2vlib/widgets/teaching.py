"""Small widgets for the chapters: thin skins around :mod:`w2vlib.widgets.lessons`."""

from __future__ import annotations

import html

import traitlets

from w2vlib.widgets import lessons
from w2vlib.widgets.base import Panel, module, style


class Lesson(Panel):
    """Shows a lesson: its sliders, what they change, and that in words."""

    _esm = module("teaching")
    _css = style("teaching")
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, lesson) -> None:
        self.lesson = lesson
        super().__init__(state=self._state())

    def _state(self) -> dict:
        lesson = self.lesson
        return {
            "title": lesson.title,
            "controls": lesson.controls(),
            "html": lesson.html(),
            "words": lesson.tell(),
        }

    def do_set(self, message: dict) -> None:
        """A slider was moved."""
        self.lesson.set(message["name"], message["value"])
        self.state = self._state()
        self.refresh_still()

    def still(self) -> str:
        """The lesson as it stands, as HTML without a kernel."""
        set_to = ", ".join(f"{c['label']}: {c['text']}" for c in self.lesson.controls())
        return (
            f'<div class="w2v-static"><p><strong>{html.escape(self.lesson.title)}</strong></p>'
            f"<p>{html.escape(set_to)}</p>{self.lesson.html()}"
            f"<p>{html.escape(self.lesson.tell())}</p></div>"
        )

    def summary(self) -> str:
        """The lesson in one line."""
        return f"{self.lesson.title}: {self.lesson.tell()}"


class OneHotRow(Lesson):
    """A one-hot vector picks a row of a small matrix: ``OneHotRow(W, words)``."""

    def __init__(self, W, words=None) -> None:
        super().__init__(lessons.OneHotLesson(W, words))


class SoftmaxCost(Lesson):
    """The cost of one target as V grows: softmax against 1 + K sigmoids."""

    def __init__(self, vocab_size: int = 10_000, hidden_size: int = 100, sample_size: int = 5):
        super().__init__(lessons.CostLesson(vocab_size, hidden_size, sample_size))


class NoisePower(Lesson):
    """The power in the noise distribution: ``NoisePower(corpus.counts, corpus.words)``."""

    def __init__(self, counts, words=None, shown: int = 8) -> None:
        super().__init__(lessons.PowerLesson(counts, words, shown))


class NegativeStep(Lesson):
    """One negative-sampling update, step by step, with the rows before and after."""

    def __init__(self, W_in, W_out, contexts, target: int, negatives, lr=0.5, words=None) -> None:
        super().__init__(
            lessons.NegativeLesson(W_in, W_out, contexts, target, negatives, lr, words)
        )

    def still(self) -> str:
        """All steps, to unfold one after the other; the last one stands open."""
        with self._lock:
            shown, last = self.lesson.step, len(self.lesson.STEPS) - 1
            steps = []
            for step, name in enumerate(self.lesson.STEPS):
                self.lesson.set("step", step)
                steps.append(
                    f"<details{' open' if step == last else ''}><summary>step {step}: {name}"
                    f"</summary>{self.lesson.html()}<p>{html.escape(self.lesson.tell())}</p>"
                    "</details>"
                )
            self.lesson.set("step", shown)
        title = html.escape(self.lesson.title)
        return f'<div class="w2v-static"><p><strong>{title}</strong></p>{"".join(steps)}</div>'
