"""Gradients that are zero outside a few rows, kept as those rows.

A batch touches some hundred words; a gradient of shape (V, H) for them is nearly all zeros.
:class:`RowGradient` holds the ids of the touched rows and their values, and the optimisers of
:mod:`w2vlib.optimizers` update just those rows.
"""

from __future__ import annotations

import numpy as np

from w2vlib.backend import get_array_module
from w2vlib.functions import as_float
from w2vlib.validation import as_count, as_ids


def sum_rows(ids, values, owners=None):
    """Add up values that belong to the same id.

    Args:
        ids: (n,) integer ids, repeats allowed.
        values: (n, H) one row for each id; or (B, H) if ``owners`` is given.
        owners: (n,) which row of ``values`` belongs to each id (many ids may share one row).

    Returns:
        ``(rows, sums)``: the distinct ids in increasing order, and (len(rows), H) their sums.
    """
    xp = get_array_module(ids, values, owners)
    if xp is not np:
        rows, place = xp.unique(ids, return_inverse=True)
        sums = xp.zeros((rows.size, values.shape[1]), dtype=values.dtype)
        xp.add.at(sums, place, values if owners is None else values[owners])
        return rows, sums
    if ids.size == 0:
        return ids, np.zeros((0, values.shape[1]), dtype=values.dtype)
    sorted_ids, order = _stable_sort(ids)
    starts = np.flatnonzero(np.concatenate(([True], sorted_ids[1:] != sorted_ids[:-1])))
    lengths = np.diff(starts, append=ids.size)
    picked = order if owners is None else owners[order]
    return sorted_ids[starts], _sum_runs(values, picked, lengths)


def _sum_runs(values, picked, lengths, chunk: int = 16):
    """Sums of consecutive runs of ``values[picked]``; run i has ``lengths[i]`` ≥ 1 rows.

    Every run is cut into chunks; one addition adds the k-th rows of all chunks at once, and what is
    left, a shorter list of partial sums, is treated again.  ``np.add.reduceat`` gives the same sums
    but goes through the columns one by one, at less than half the speed.
    """
    while True:
        ends = np.cumsum(lengths)
        chunks = (lengths + (chunk - 1)) // chunk
        chunk_ends = np.cumsum(chunks)
        offset = ends - lengths - chunk * (chunk_ends - chunks)
        first = np.repeat(offset, chunks) + chunk * np.arange(chunk_ends[-1])
        size = np.minimum(np.repeat(ends, chunks) - first, chunk)
        # Longest chunks first, so that those with a k-th row are always the first few.
        order = np.argsort((chunk - size).astype(np.uint8), kind="stable")
        longer_than = len(size) - np.cumsum(np.bincount(size))
        first = first[order]
        partial = values.take(picked[first], axis=0)
        for k in range(1, int(size.max())):
            some = longer_than[k]
            partial[:some] += values.take(picked[first[:some] + k], axis=0)
        sums = np.empty_like(partial)
        sums[order] = partial
        if len(sums) == len(lengths):
            return sums
        values, picked, lengths = sums, np.arange(len(sums)), chunks


def _stable_sort(ids):
    """Sorted ids and the stable order that sorts them.

    Id and position are packed into one integer, because sorting plain integers is several times
    faster than an indirect stable sort.  Stability makes the sums the same on every machine.
    """
    n = ids.size
    packed = ids.astype(np.int64) * n + np.arange(n)
    packed.sort()
    sorted_ids, order = np.divmod(packed, n)
    return sorted_ids, order


class RowGradient:
    """Gradient of a (V, H) parameter that is zero outside the given rows.

    Args:
        rows: (n,) ids of rows; an id may occur more than once, its values then add up.
        values: (n, H) the gradient's values in those rows.
        shape: shape (V, H) of the parameter.

    Raises:
        ValueError: the shapes do not belong together.
        TypeError, IndexError: rows that are no ids in 0 … V−1.
    """

    # NumPy would take a RowGradient for a number and add it to each entry of an array.
    __array_ufunc__ = None

    def __init__(self, rows, values, shape: tuple[int, int]) -> None:
        try:
            shape = tuple(as_count(n, "shape", 0) for n in shape)
        except TypeError:
            raise TypeError(f"shape must be a pair of whole numbers, got {shape!r}.") from None
        values = as_float(values, "values")
        rows = as_ids(rows, shape[0] if shape else 0, "rows", like=values)
        if len(shape) != 2 or rows.ndim != 1 or values.shape != (rows.size, shape[1]):
            raise ValueError(
                f"rows must have shape (n,) and values (n, H) to fit the shape (V, H) = {shape}, "
                f"got {rows.shape} and {values.shape}."
            )
        self.shape = shape
        self._parts = [(rows, values)]
        self._distinct = False

    @classmethod
    def zeros_like(cls, param) -> RowGradient:
        """An all-zero gradient for ``param`` (no rows at all)."""
        gradient = cls([], param[:0].copy(), param.shape)
        gradient._distinct = True
        return gradient

    @property
    def dtype(self):
        """Floating-point type of the values."""
        return self._parts[0][1].dtype

    def clear(self) -> None:
        """Make it all zero again; costs nothing, however large V is."""
        rows, values = self._parts[0]
        self._parts = [(rows[:0], values[:0])]
        self._distinct = True

    def add(self, rows, values, *, distinct: bool = False) -> None:
        """Add ``values`` (n, H) to rows (n,); ``distinct`` promises sorted rows without repeats."""
        if self._distinct and not self._parts[0][0].size:
            self._parts, self._distinct = [(rows, values)], distinct
        else:
            self._parts.append((rows, values))
            self._distinct = False

    def coalesce(self):
        """The distinct rows in increasing order and their summed values, as ``(rows, values)``."""
        if not self._distinct:
            xp = get_array_module(self._parts[0][1])
            rows = xp.concatenate([rows for rows, _ in self._parts])
            values = xp.concatenate([values for _, values in self._parts])
            self._parts = [sum_rows(rows, values)]
            self._distinct = True
        return self._parts[0]

    def to_dense(self):
        """The same gradient as an array of the parameter's shape."""
        rows, values = self.coalesce()
        dense = get_array_module(values).zeros(self.shape, dtype=values.dtype)
        dense[rows] = values
        return dense

    @property
    def T(self):
        """The transpose, as an array: its rows are the columns, and all of them count."""
        return self.to_dense().T

    def norm_squared(self) -> float:
        """Sum of the squares of all entries."""
        _, values = self.coalesce()
        with np.errstate(over="ignore"):
            return float((values.astype(np.float64) ** 2).sum())

    def scale_(self, factor: float) -> None:
        """Multiply all entries by ``factor``, a number or an array of no axes, in place."""
        rows, values = self.coalesce()
        factor = factor.astype(values.dtype) if hasattr(factor, "astype") else float(factor)
        self._parts = [(rows, values * factor)]

    def __add__(self, other):
        """Sum with another RowGradient (sparse again) or with an array (dense)."""
        if not isinstance(other, RowGradient):
            return self.to_dense() + other
        total = RowGradient(*self.coalesce(), self.shape)
        total.add(*other.coalesce())
        return total

    __radd__ = __add__

    def __repr__(self) -> str:
        rows, _ = self.coalesce()
        return f"RowGradient({rows.size} of {self.shape[0]} rows, H={self.shape[1]}, {self.dtype})"
