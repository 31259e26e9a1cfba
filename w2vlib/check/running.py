"""Running somebody else's code kindly: in bounded time, quietly, and leaving no trace.

While the code runs, its output is caught, unseeded random numbers come from a fixed seed, and a
clock is ticking.  Afterwards the random state, the floating-point settings, the warning filters and
the standard streams are what they were before.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import linecache
import os
import random
import re
import signal
import sys
import sysconfig
import threading
import time
import warnings
from dataclasses import dataclass

import numpy as np

TIME_LIMIT = 10.0
"""Seconds that a whole check may take (see :class:`_Clock` for a machine that is busy)."""
SEED = 20131016
MAX_PRINTED = 1500  # characters that are kept of what the code prints

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LIBRARIES = tuple(
    {
        os.path.abspath(sysconfig.get_paths()[name])
        for name in ("stdlib", "platstdlib", "purelib", "platlib")
    }
    | {_PACKAGE, os.path.dirname(os.path.abspath(np.__file__))}
)


class TimeUp(BaseException):
    """The time limit is over.  Not an Exception, so that ``except Exception`` does not catch it."""


@dataclass(frozen=True)
class Raised:
    """An exception of the checked code, as plain text.

    Attributes:
        kind, message: its type and what it says.
        line: line number in the file or cell, if known; ``source``: the text of that line.
        function: the function that the line belongs to.
        call: the call that led to it, as in ``backward(dout)``.
    """

    kind: str
    message: str
    call: str = ""
    line: int | None = None
    source: str = ""
    function: str = ""


def as_raised(error: BaseException, call: str) -> Raised:
    """Describe ``error`` by the last line of the checked code that it passed through."""
    frame = None
    trace = error.__traceback__
    while trace is not None:
        if not _is_library(trace.tb_frame.f_code.co_filename):
            frame = trace
        trace = trace.tb_next
    message = _steady(message_of(error))
    if frame is None:
        return Raised(type(error).__name__, message, call)
    code = frame.tb_frame.f_code
    source = linecache.getline(code.co_filename, frame.tb_lineno).strip()
    return Raised(type(error).__name__, message, call, frame.tb_lineno, source, code.co_name)


def message_of(error: BaseException) -> str:
    """What it says; an exception of the checked code may fail at that, too."""
    try:
        return str(error)
    except TimeUp:
        raise
    except BaseException:
        return "(it cannot say what happened)"


def _is_library(filename: str) -> bool:
    if filename.startswith(("<frozen", "<__array_function__")):
        return True
    if filename.endswith((".pyx", ".pxd", ".pxi")):  # compiled, as NumPy's generators are
        return True
    path = os.path.abspath(filename)
    return any(path.startswith(folder + os.sep) for folder in _LIBRARIES)


def _steady(text: str, limit: int = 400) -> str:
    """The same in every run, and not endless: without memory addresses, cut to ``limit``."""
    text = re.sub(r"0x[0-9a-fA-F]{6,}", "0x…", text)
    return text if len(text) <= limit else text[:limit] + " …"


class _Bounded(io.TextIOBase):
    """A stream that keeps the first characters and counts the rest."""

    def __init__(self, limit: int) -> None:
        self.kept, self.room, self.lost = [], limit, 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.room:
            self.kept.append(text[: self.room])
        self.lost += max(0, len(text) - self.room)
        self.room = max(0, self.room - len(text))
        return len(text)

    def text(self) -> str:
        more = f"\n… and {self.lost:,} characters more" if self.lost else ""
        return "".join(self.kept).rstrip() + more


@dataclass
class Remains:
    """What the run left behind: printed text, and the messages of warnings."""

    printed: str = ""
    warned: tuple[str, ...] = ()


@contextlib.contextmanager
def fenced(seed: int = SEED):
    """Run the body quietly, with fixed randomness, and put everything back afterwards."""
    remains, stream = Remains(), _Bounded(MAX_PRINTED)
    # Students may use the old global functions, so those are what must be put back.
    legacy = np.random.get_state()  # noqa: NPY002
    plain, make_rng = random.getstate(), np.random.default_rng
    streams = sys.stdout, sys.stderr
    settings, error_call = np.geterr(), np.geterrcall()
    try:
        np.random.seed(seed % 2**32)  # noqa: NPY002
        random.seed(seed)
        np.random.default_rng = _seeded_default_rng(make_rng, seed)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            np.seterr(all="warn", under="ignore")
            sys.stdout = sys.stderr = stream
            try:
                yield remains
            finally:
                remains.printed = stream.text()
                remains.warned = tuple(dict.fromkeys(str(w.message) for w in caught))
    finally:
        sys.stdout, sys.stderr = streams
        np.seterr(**settings)
        np.seterrcall(error_call)
        np.random.default_rng = make_rng
        np.random.set_state(legacy)  # noqa: NPY002
        random.setstate(plain)


def _seeded_default_rng(make_rng, seed: int):
    """``default_rng`` that answers a call without seed with the next one of a fixed series."""
    series = np.random.SeedSequence(seed)

    def default_rng(seed=None):
        return make_rng(series.spawn(1)[0] if seed is None else seed)

    return default_rng


class _Clock:
    """Is the time up?  On a busy machine code that hardly ever had its turn gets longer.

    After ``seconds`` the code must have computed for a third of them, or three times the seconds
    must have passed: an endless loop is stopped on time, a right solution on a crowded machine not.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds, self.wall, self.cpu = seconds, time.monotonic(), time.process_time()

    def is_up(self) -> bool:
        passed = time.monotonic() - self.wall
        computed = time.process_time() - self.cpu
        return passed >= 3 * self.seconds or (
            passed >= self.seconds and computed >= self.seconds / 3
        )


def limited(function, seconds: float | None = None):
    """``function()``, or :class:`TimeUp` when it takes longer than ``TIME_LIMIT`` seconds.

    In the main thread an alarm signal interrupts it; elsewhere (and on Windows) it runs in
    a thread of its own, which is asked to stop.  A single call into compiled code cannot be
    interrupted by either.
    """
    seconds = TIME_LIMIT if seconds is None else seconds
    if hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread():
        return _limited_by_alarm(function, seconds)
    return _limited_by_thread(function, seconds)


def _limited_by_alarm(function, seconds: float):
    armed, clock = True, _Clock(seconds)

    def ring(*_):
        if armed and clock.is_up():
            raise TimeUp

    old_handler = signal.signal(signal.SIGALRM, ring)
    # Rings again and again, in case the time is not up yet or a bare ``except:`` swallows it.
    old_wait, old_interval = signal.setitimer(signal.ITIMER_REAL, seconds, min(1.0, seconds))
    try:
        return function()
    finally:
        armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        # None: a handler that was not installed from Python, and cannot be put back from it.
        signal.signal(signal.SIGALRM, signal.SIG_DFL if old_handler is None else old_handler)
        if old_wait:  # somebody else's alarm goes on, less the time that has passed
            left = max(0.001, old_wait - (time.monotonic() - clock.wall))
            signal.setitimer(signal.ITIMER_REAL, left, old_interval)


def _limited_by_thread(function, seconds: float):
    outcome: dict = {}

    def work():
        try:
            outcome["value"] = function()
        except BaseException as error:
            outcome["error"] = error

    clock = _Clock(seconds)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive() and not clock.is_up():
        thread.join(min(0.2, seconds))
    for _ in range(5):
        if not thread.is_alive():
            break
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(thread.ident), ctypes.py_object(TimeUp)
        )
        thread.join(0.5)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise TimeUp
    return outcome["value"]
