"""What all widgets of the course share: messages, errors that show, and a still picture."""

from __future__ import annotations

import threading
import traceback
from functools import cache
from pathlib import Path

import anywidget
import traitlets

from w2vlib.widgets.picture import STYLE

_FOLDER = Path(__file__).parent

# Of a saved notebook: the place of the live widget is empty there, or says that a model is missing.
_HIDE_EMPTY = (
    "<style>.jp-OutputArea-child:has(+ .jp-OutputArea-child .w2v-static) "
    "> .jp-OutputArea-output:not(:has(*)) { display: none; }</style>"
)


@cache
def module(name: str) -> str:
    """The widget's JavaScript: the shared part and its own, in one module."""
    return _read("common.js") + "\n" + _read(f"{name}.js")


@cache
def style(name: str) -> str:
    """The widget's style: the shared part, that of pictures, and its own."""
    return "\n".join((_read("common.css"), STYLE, _read(f"{name}.css")))


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


class Panel(anywidget.AnyWidget):
    """A widget whose messages are answered, whose errors show, and which leaves a still picture.

    A message from the page is ``{"do": name, …}`` and calls ``do_name(message)``; whatever dict
    that returns goes back to the view that asked.  If it raises, the error appears in the widget.
    """

    error = traitlets.Dict().tag(sync=True)

    def __init__(self, **traits) -> None:
        self._lock = threading.RLock()  # the page's messages may come in a thread of their own
        self._still = self._later = None
        super().__init__(**traits)
        self.on_msg(self._receive)

    def _receive(self, _, message: dict, buffers) -> None:
        reply = {"view": message.get("view"), "number": message.get("number")}
        try:
            with self._lock:
                answer = getattr(self, f"do_{message.get('do')}")(message)
                if self.error:
                    self.error = {}
            reply |= answer or {}
        except Exception as error:
            self.show_error(error)
        self.send(reply)

    def show_error(self, error: BaseException) -> None:
        """Show an error in the widget: nothing else would tell the reader of it."""
        text = "".join(traceback.format_exception(error))
        self.error = {"message": f"{type(error).__name__}: {error}", "details": text}

    def open(self) -> None:
        """Open the line to the page, and let its messages through while a cell runs.

        The page sends them to a thread beside the running cell (a subshell).  From ipykernel 7.4 on
        the kernel hands them to whoever spoke last instead: to the cell, which is busy.  To undo
        that after each word of ours would be too late for a message that comes in between, so the
        line never knows a better address than the page's own.
        """
        super().open()
        if hasattr(self.comm, "_reply_subshell_for"):
            self.comm._reply_subshell_for = lambda data, asked_for: asked_for

    def do_hello(self, message: dict) -> None:
        """A view has opened and asks whether somebody is there."""

    # -- for pages without a kernel

    def still(self) -> str:
        """The widget as HTML without a kernel."""
        raise NotImplementedError

    def summary(self) -> str:
        """The widget in one line of text."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        data, metadata = super()._repr_mimebundle_(**kwargs)
        return {**data, "text/html": self._page(), "text/plain": self.summary()}, metadata

    def _ipython_display_(self, **kwargs) -> None:
        """Two outputs: the live widget, and below it the still picture, which the live one hides.

        In one output the still picture would be lost: a page that knows widgets shows the widget's
        place even where there is no kernel to fill it.
        """
        from IPython.display import display

        data, metadata = super()._repr_mimebundle_(**kwargs)
        display(data | {"text/plain": self.summary()}, metadata=metadata, raw=True)
        still = {"text/html": self._page(), "text/plain": self.summary()}
        self._still = display(still, raw=True, display_id=True)

    def _page(self) -> str:
        return _HIDE_EMPTY + self.still()

    def refresh_still(self, soon: float = 0.5) -> None:
        """Keep the picture that is saved with the notebook as new as the live one.

        It is sent when the reader has stopped for a moment, so that nobody waits for it.
        """
        if self._still is None:
            return
        if self._later is not None:
            self._later.cancel()
        self._later = threading.Timer(soon, self._send_still)
        self._later.daemon = True
        self._later.start()

    def _send_still(self) -> None:
        try:
            with self._lock:
                still = {"text/html": self._page(), "text/plain": self.summary()}
            self._still.update(still, raw=True)
        except Exception as error:
            self.show_error(error)
