"""Things to touch: the analogy explorer, the training monitor and a few small teaching widgets.

    from w2vlib.widgets import AnalogyExplorer

    AnalogyExplorer(vectors)

What they compute lives in plain classes (:mod:`~w2vlib.widgets.session` and below) that need no
browser and are tested like any other code; the widgets only show it.  ipywidgets and anywidget are
loaded when a widget is first asked for.
"""

from __future__ import annotations

import importlib

_LAZY = {
    "AnalogyExplorer": "explorer",
    "Explorer": "session",
    "TrainingMonitor": "monitor",
    "OneHotRow": "teaching",
    "SoftmaxCost": "teaching",
    "NoisePower": "teaching",
    "NegativeStep": "teaching",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__
