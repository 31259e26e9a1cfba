"""The one place that knows NumPy from CuPy: arrays decide the device, no global switch does.

Code that may run on either asks :func:`get_array_module` for the module of the arrays it was given
and calls that module's functions.  Host and device arrays are never mixed silently.
"""

from __future__ import annotations

import functools
import sys
import warnings
from types import ModuleType

import numpy as np


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

    Raises:
        ValueError: nested lists of different lengths.
    """
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(x, cupy.ndarray):
        return cupy.asnumpy(x)
    try:
        return np.asarray(x)
    except ValueError:
        raise ValueError("Nested lists must have rows of equal length to be an array.") from None


def to_gpu(x):
    """``x`` as a CuPy array where a GPU works; otherwise one clear notice, and NumPy."""
    if not gpu_available():
        _notice_no_gpu()
        return np.asarray(x)
    import cupy

    return cupy.asarray(x)


@functools.cache  # once per process
def _notice_no_gpu() -> None:
    warnings.warn(
        "No usable GPU was found (CuPy missing, or no device answers): computing with NumPy on "
        "the CPU instead. Everything works the same, only slower.",
        stacklevel=3,
    )


def add_at_rows(a, ids, values) -> None:
    """``a[ids[i]] += values[i]`` for every i, adding up where an id occurs more than once.

    Args:
        a: (V, H) array, changed in place.
        ids: (n,) integer ids into the rows of ``a``.
        values: (n, H) what to add.
    """
    # Both NumPy (>= 1.25, fast) and CuPy offer ufunc.at for add.
    get_array_module(a, ids, values).add.at(a, ids, values)
