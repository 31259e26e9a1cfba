"""A stopwatch for the chapters: how long does a call take?"""

from __future__ import annotations

import time
from collections.abc import Callable

from w2vlib.validation import as_count


def fastest(function: Callable, *inputs, repeats: int = 5) -> float:
    """Seconds of the fastest of several calls ``function(*inputs)``.

    The fastest call is the one that other programs on the machine disturbed least: a delay can
    only make a call longer, never shorter.

    Args:
        function: what to time; what it returns is thrown away.
        inputs: given to every call.
        repeats: number of calls, 1 or more.

    Returns:
        Seconds, a float.

    Raises:
        TypeError, ValueError: ``repeats`` is no whole number, or below 1; and whatever the
            function raises.
    """
    best = float("inf")
    for _ in range(as_count(repeats, "repeats")):
        start = time.perf_counter()
        function(*inputs)
        best = min(best, time.perf_counter() - start)
    return best
