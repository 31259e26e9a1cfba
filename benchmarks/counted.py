"""Arrays that count what is done with them: operations, and bytes read and written.

    with Count() as count:
        step(counted(W_in), counted(W_out), …)
    count.operations, count.bytes

One operation is one addition, multiplication, exponential … of one number; a product of matrices
(m, k) · (k, n) has 2·m·k·n.  Every NumPy call reads its inputs and writes its output: these are
the bytes; what the processor's caches catch is not subtracted.  Work on ids and masks is not
counted, only work on floating-point numbers.
"""

from __future__ import annotations

import numpy as np


class Count:
    """Counts while it is open; the last one opened counts."""

    active: Count | None = None

    def __init__(self) -> None:
        self.operations = self.bytes = 0

    def __enter__(self) -> Count:
        Count.active = self
        return self

    def __exit__(self, *exception) -> None:
        Count.active = None


def counted(array) -> Counted:
    """A view of a floating-point array that counts."""
    return np.asarray(array).view(Counted)


def _floats(arrays):
    return [np.asarray(a) for a in arrays if isinstance(a, np.ndarray) and a.dtype.kind == "f"]


def _note(operations: int, *arrays) -> None:
    if Count.active is not None:
        Count.active.operations += int(operations)
        Count.active.bytes += sum(array.nbytes for array in _floats(arrays))


def _plain(value):
    if isinstance(value, (list, tuple)):
        return type(value)(_plain(item) for item in value)
    return value.view(np.ndarray) if isinstance(value, Counted) else value


def _again(result):
    if isinstance(result, np.ndarray) and result.dtype.kind == "f":
        return result.view(Counted)
    return result


class Counted(np.ndarray):
    """See the module; made by :func:`counted`."""

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        plain = [_plain(x) for x in inputs]
        if out is not None:
            options["out"] = _plain(out)
        result = getattr(ufunc, method)(*plain, **options)
        if method == "at":  # array, indices, values: each value is added to its row
            values = np.broadcast_to(plain[2], np.shape(plain[0][plain[1]]))
            _note(values.size, values, values, values)
            return None
        if ufunc is np.matmul:
            work = 2 * result.size * plain[0].shape[-1]
        elif method in ("reduce", "accumulate"):
            work = plain[0].size
        else:
            work = np.size(result)
        _note(work, *plain, result)
        return out[0] if out is not None else _again(result)

    def __array_function__(self, function, types, args, options):
        if function is np.lib.stride_tricks.sliding_window_view:
            return super().__array_function__(function, types, args, options)
        result = function(*_plain(args), **{key: _plain(x) for key, x in options.items()})
        if function is np.einsum:
            sizes = {}
            for letters, array in zip(args[0].split("->")[0].split(","), args[1:], strict=True):
                sizes |= dict(zip(letters, np.shape(array), strict=True))
            _note(2 * np.prod(list(sizes.values())), *_plain(args[1:]), result)
        elif function in (np.zeros_like, np.concatenate):
            _note(0, result)
        return _again(result)

    def __getitem__(self, index):
        result = _plain(self)[index]
        if isinstance(result, np.ndarray) and result.base is None:  # picked rows: a copy
            _note(0, result, result)
        return _again(result)
