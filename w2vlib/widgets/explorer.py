"""The analogy explorer as a widget: a thin skin around :mod:`w2vlib.widgets.session`."""

from __future__ import annotations

import traitlets

from w2vlib.validation import as_choice
from w2vlib.widgets.base import Panel, module, style
from w2vlib.widgets.session import Explorer

_TYPES = {"csv": "text/csv", "svg": "image/svg+xml"}


class AnalogyExplorer(Panel):
    """Ask word vectors questions, with a picture: ``AnalogyExplorer(vectors)``.

    For JupyterLab, Notebook 7 and Voila.  Type three words or a formula such as
    ``king - man + 0.5 * woman``; choose how answers are ranked; see the exact plane of the
    question; click on a word to go on from there; take the table, the picture or the code with
    you.  A saved notebook shows the last answer as a still picture.

    Args:
        vectors: a :class:`~w2vlib.word_vectors.WordVectors`; or several to compare (models,
            epochs), as a dict from a name to each, or a list.
        start: the first question: a formula, a word, or three words (a, b, c).
        top: how many answers.
        name: the variable that holds ``vectors``, for the code that reproduces an answer.
        min_count: how often a word had to occur to be kept, if known: it explains missing words.
        all_counts: counts of all words of the text, before rare ones were dropped, if known.

    Attributes:
        explorer: the :class:`~w2vlib.widgets.session.Explorer` behind it; its ``answer`` holds the
            numbers.

    Raises:
        TypeError, ValueError: as :class:`~w2vlib.widgets.session.Explorer`.
    """

    _esm = module("explorer")
    _css = style("explorer")
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, vectors, **options) -> None:
        self.explorer = Explorer(vectors, **options)
        _ = self.explorer.vocabulary  # made now: the first suggestion should be as quick as others
        super().__init__(state=self.explorer.state())

    # -- what the page may ask for

    def do_complete(self, message: dict) -> dict:
        """Words that begin with what is typed."""
        if message.get("whole"):
            text = message["text"]
            words = self.explorer.vocabulary.complete(text.strip())
            return {"start": 0, "end": len(text), "words": [list(pair) for pair in words]}
        return self.explorer.complete(message["text"], message["caret"])

    def do_ask(self, message: dict) -> None:
        """A formula."""
        self.explorer.ask(message["text"])
        self._show()

    def do_analogy(self, message: dict) -> None:
        """Three words."""
        self.explorer.ask_analogy(*message["words"])
        self._show()

    def do_word(self, message: dict) -> None:
        """A point or a row was chosen."""
        self.explorer.ask_word(message["word"])
        self._show()

    def do_mend(self, message: dict) -> None:
        """A suggestion was chosen."""
        self.explorer.mend(message["word"], message["by"])
        self._show()

    def do_back(self, message: dict) -> None:
        """The question before."""
        self.explorer.back()
        self._show()

    def do_forward(self, message: dict) -> None:
        """The question after."""
        self.explorer.forward()
        self._show()

    def do_go(self, message: dict) -> None:
        """A step of the trail."""
        self.explorer.go(message["place"])
        self._show()

    def do_switch(self, message: dict) -> None:
        """Another way to rank."""
        self.explorer.switch(**message["options"])
        self._show()

    def do_mode(self, message: dict) -> None:
        """Three fields or a formula."""
        self.explorer.set_mode(message["mode"])
        self._show()

    def do_picture(self, message: dict) -> None:
        """The exact plane or the shadow."""
        self.explorer.set_picture(message["kind"])
        self._show()

    def do_model(self, message: dict) -> None:
        """Another model."""
        self.explorer.choose(message["name"])
        self._show()

    def do_other(self, message: dict) -> None:
        """A model to compare with."""
        self.explorer.set_other(message["name"] or None)
        self._show()

    def do_export(self, message: dict) -> dict:
        """A file to save."""
        what = as_choice(message["what"], "what", tuple(_TYPES))
        text = self.explorer.csv() if what == "csv" else self.explorer.svg()
        return {"name": self.explorer.file_name(what), "type": _TYPES[what], "text": text}

    def _show(self) -> None:
        self.state = self.explorer.state()
        self.refresh_still()

    # -- for pages without a kernel

    def still(self) -> str:
        """The last answer as HTML without a kernel."""
        return self.explorer.html()

    def summary(self) -> str:
        """The last answer in one line."""
        return f"Analogy explorer: {self.explorer.headline() or 'no answer yet'}"
