"""The one place that knows NumPy from CuPy: arrays decide the device, no global switch does.

Code that may run on either asks :func:`get_array_module` for the module of the arrays it was given
and calls that module's functions.  Host and device arrays are never mixed silently.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType

import numpy as np

_trusting = contextvars.ContextVar("trusting", default=False)


def get_array_module(*arrays) -> ModuleType:
    """The module (``numpy`` or ``cupy``) that the given arrays belong to.

    Args:
        arrays: arrays, or anything else; lists, numbers and ``None`` count for neither side.

    Returns:
        ``cupy`` if a CuPy array is among them, else ``numpy``.

    Raises:
        TypeError: NumPy and CuPy arrays are mixed.
    """
    # Without cupy in the process there can be no CuPy array; importing it only to ask would cost
    # every CPU reader a second.
    cupy = sys.modules.get("cupy")
    if cupy is None:
        return np
    on_device = [isinstance(a, cupy.ndarray) for a in arrays]
    if not any(on_device):
        return np
    if any(isinstance(a, np.ndarray) for a in arrays):
        raise TypeError(
            "These arrays live partly on the CPU (NumPy) and partly on the GPU (CuPy). "
            "Move them to one side with to_gpu(...) or to_cpu(...)."
        )
    return cupy


@functools.cache
def gpu_available() -> bool:
    """Whether a GPU can really be used: CuPy is installed *and* a kernel runs.

    Importing CuPy succeeds on machines without a device, so only a computed result counts.
    """
    try:
        import cupy
    except ImportError:
        return False
    try:
        return bool(cupy.is_available()) and int(cupy.arange(3).sum()) == 3
    except Exception:  # a broken driver can raise nearly anything; all of it means "no GPU"
        return False


def to_cpu(x):
    """``x`` as a NumPy array; a NumPy array comes back as it is.

    A layer, loss, model or optimiser comes back too, with all its arrays moved to the CPU.

    Raises:
        ValueError: nested lists of different lengths.
    """
    if _holds_arrays(x):
        return _move(x, to_cpu, {})
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy.asnumpy(x)
    try:
        return np.asarray(x)
    except ValueError:
        raise ValueError("Nested lists must have rows of equal length to be an array.") from None


def to_gpu(x):
    """``x`` as a CuPy array where a GPU works; otherwise one clear notice, and NumPy.

    A layer, loss, model or optimiser comes back as it is, with all its arrays moved: parameters,
    gradients, moving averages.  What is one array for several layers stays one array.
    """
    if not gpu_available():
        _notice_no_gpu()
        return x if _holds_arrays(x) else np.asarray(x)
    import cupy

    return _move(x, cupy.asarray, {}) if _holds_arrays(x) else cupy.asarray(x)


def _holds_arrays(x) -> bool:
    """Models, layers and losses have params, optimisers a state, row gradients coalesce."""
    names = ("params", "state", "coalesce")
    return not isinstance(x, type) and any(hasattr(x, name) for name in names)


def _move(x, to, moved: dict):
    """``x`` with all arrays in it moved by ``to``; lists and objects are changed in place."""
    if id(x) in moved:
        return moved[id(x)][1]
    result = x
    if hasattr(x, "dtype") and hasattr(x, "strides"):
        # W and its transpose are one parameter in one place, on the other side too.
        place = address(x), x.shape, x.strides
        _, flipped = moved.get((place[0], x.shape[::-1], x.strides[::-1]), (None, None))
        result = flipped.T if flipped is not None and x.size else to(x)
        moved[place] = x, result
    elif isinstance(x, tuple):
        result = tuple(_move(part, to, moved) for part in x)
    moved[id(x)] = x, result  # keeping x alive keeps its id from being used again
    if isinstance(x, list):
        x[:] = [_move(part, to, moved) for part in x]
    elif isinstance(x, dict) or _holds_arrays(x):
        parts = x if isinstance(x, dict) else vars(x)
        for name, part in list(parts.items()):
            parts[name] = _move(part, to, moved)
    return result


def gpu_works() -> bool:
    """:func:`gpu_available`, with one clear notice if it is not."""
    if not gpu_available():
        _notice_no_gpu()
        return False
    return True


@functools.cache  # once per process
def _notice_no_gpu() -> None:
    warnings.warn(
        "No usable GPU was found (CuPy missing, or no device answers): computing with NumPy on "
        "the CPU instead. Everything works the same, only slower.",
        stacklevel=3,
    )


def address(array) -> int:
    """Where an array's first number lies in the memory of its device."""
    if isinstance(array, np.ndarray):
        return array.__array_interface__["data"][0]
    return array.data.ptr


@contextlib.contextmanager
def trusted() -> Iterator[None]:
    """Inside ``with trusted():`` the numbers in device arrays are taken on trust.

    Every look at a number on the device makes the CPU wait for the GPU.  A trainer that has checked
    all its data once needs no second look at every batch: checks of values are left out for device
    arrays (those of shapes and types stay), and losses remain on the device, as arrays of no axes.
    """
    token = _trusting.set(True)
    try:
        yield
    finally:
        _trusting.reset(token)


def may_look(x) -> bool:
    """Whether the numbers in ``x`` may be looked at here; not for device arrays in trusted code."""
    return not _trusting.get() or get_array_module(x) is np


def as_loss(total, count: int = 1):
    """``total / count`` as a float; in trusted code on the device, an array of no axes."""
    return (float(total) if may_look(total) else total) / max(count, 1)


def all_true(mask) -> bool:
    """Whether all entries are True; on the device False without a look, since looking is slow.

    For short cuts only: what is done instead must be right for either answer.
    """
    return get_array_module(mask) is np and bool(mask.all())


def add_at_rows(a, ids, values) -> None:
    """``a[ids[i]] += values[i]`` for every i, adding up where an id occurs more than once.

    Args:
        a: (V, H) array, changed in place.
        ids: (n,) integer ids into the rows of ``a``.
        values: (n, H) what to add.
    """
    # Both NumPy (>= 1.25, fast) and CuPy offer ufunc.at for add.
    get_array_module(a, ids, values).add.at(a, ids, values)
