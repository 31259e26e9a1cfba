"""Counting which words stand near each other, and PPMI: word vectors before word2vec.

What readers call is in :mod:`w2vlib.corpus`; :class:`CoMatrix` and :func:`ppmi` are defined here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from w2vlib.validation import as_array, as_ids, as_number


class CoMatrix(NamedTuple):
    """A sparse matrix as three arrays: entry ``values[k]`` stands at ``(rows[k], cols[k])``.

    Each place occurs once, sorted by row, then column; all other entries are 0.
    """

    rows: np.ndarray
    """(n,) int32"""
    cols: np.ndarray
    """(n,) int32"""
    values: np.ndarray
    """(n,) int64 counts or float32 PPMI"""
    shape: tuple[int, int]
    """(V, V)"""

    def to_dense(self, dtype=None) -> np.ndarray:
        """The same matrix as a (V, V) array."""
        dense = zeros(self.shape, self.values.dtype if dtype is None else dtype, STAY_SPARSE)
        dense[self.rows, self.cols] = self.values
        return dense


STAY_SPARSE = (
    "Use cooccurrence(...), which stores only the entries that are not 0, or fewer words "
    "(min_count)."
)


def zeros(shape: tuple[int, ...], dtype, remedy: str) -> np.ndarray:
    try:
        return np.zeros(shape, dtype=dtype)
    except (MemoryError, ValueError):  # ValueError: more bytes than an address can name
        gib = math.prod(shape) * np.dtype(dtype).itemsize / 2**30
        raise MemoryError(
            f"A dense array of shape {shape} needs {gib:,.0f} GiB. {remedy}"
        ) from None


_PAIRS_AT_ONCE = 1 << 21


def count_pairs(ids: np.ndarray, starts: np.ndarray | None, size: int, w: int) -> CoMatrix:
    """The counts of ``corpus.cooccurrence``, whose arguments have been checked."""
    keys, values = _count(_pair_keys(ids, starts, size, w))
    rows, cols = np.divmod(keys, keys.dtype.type(size))
    return CoMatrix(rows.astype(np.int32), cols.astype(np.int32), values, (size, size))


def _pair_keys(ids: np.ndarray, starts, size: int, w: int) -> Iterator[np.ndarray]:
    """``i·V + j`` of every pair of neighbours (i, j), in both orders, a block at a time."""
    # Small keys sort faster.
    key_type = np.int32 if size * size <= np.iinfo(np.int32).max else np.int64
    ids = ids.astype(key_type)
    sentence = None
    if starts is not None and len(starts) > 1:
        sentence = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ids))))
    block = max(1, _PAIRS_AT_ONCE // w)
    for first in range(0, len(ids), block):
        keys = []
        for distance in range(1, w + 1):
            left = ids[first : first + block]
            right = ids[first + distance : first + distance + block]
            left = left[: len(right)]
            if sentence is not None:
                at = slice(first, first + len(right))
                further = slice(first + distance, first + distance + len(right))
                together = sentence[at] == sentence[further]
                left, right = left[together], right[together]
            keys += [left * key_type(size) + right, right * key_type(size) + left]
        yield np.concatenate(keys)


def _count(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The different keys of all blocks, sorted, and how often each occurs."""
    # Like binary addition: two results of similar length are joined, so that no key is moved
    # more than log(number of blocks) times.
    results: list[tuple[np.ndarray, np.ndarray]] = []
    for block in blocks:
        results.append(np.unique(block, return_counts=True))
        while len(results) > 1 and len(results[-2][0]) < 2 * len(results[-1][0]):
            results.append(_join_counts(results.pop(), results.pop()))
    while len(results) > 1:
        results.append(_join_counts(results.pop(), results.pop()))
    return results[0]


def _join_counts(one, other) -> tuple[np.ndarray, np.ndarray]:
    keys = np.concatenate([one[0], other[0]])
    counts = np.concatenate([one[1], other[1]])
    order = np.argsort(keys, kind="stable")  # merges the two sorted runs
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[first], np.add.reduceat(counts, first)


def ppmi(C, verbose: bool = False, eps: float = 1e-8):
    """Positive pointwise mutual information of a co-occurrence matrix.

    ``M[i, j] = max(0, log2(C[i, j]·N / (S_i·S_j) + eps))`` with N the sum of C, S_i the sum of row
    i and S_j the sum of column j.  Where ``C[i, j] = 0`` it is 0, also for words that never occur.

    Args:
        C: (V, V) counts, dense or a :class:`CoMatrix`.  Not changed.
        verbose: print one line about the result.
        eps: keeps the logarithm finite in the book's formula; 0 ≤ eps < 1.

    Returns:
        float32, dense for a dense matrix; for a ``CoMatrix`` a ``CoMatrix`` of the entries > 0.

    Raises:
        TypeError: not a matrix of numbers.
        ValueError: NaN, infinite or negative entries, not two-dimensional.

    Source: "Deep Learning from Scratch 2", section 2.4.1.
    """
    eps = as_number(eps, "eps", minimum=0)
    if eps >= 1:
        raise ValueError(f"eps must be less than 1, got {eps:g}: zeros would become positive.")
    if isinstance(C, CoMatrix):
        result = _sparse_ppmi(C, eps)
        positive, total = len(result.values), C.shape[0] * C.shape[1]
    else:
        result = _dense_ppmi(as_array(C, "C"), eps)
        positive, total = int(np.count_nonzero(result)), result.size
    if verbose:
        print(f"PPMI: {positive:,} of {total:,} entries are positive.")
    return result


def _sparse_ppmi(C: CoMatrix, eps: float) -> CoMatrix:
    _check_values(C.values)
    if not len(C.rows) == len(C.cols) == len(C.values):
        raise ValueError(
            "rows, cols and values of C must be equally long, "
            f"got {len(C.rows)}, {len(C.cols)} and {len(C.values)}."
        )
    as_ids(C.rows, C.shape[0], "C.rows")
    as_ids(C.cols, C.shape[1], "C.cols")
    row_sums = np.bincount(C.rows, weights=C.values, minlength=C.shape[0])
    col_sums = np.bincount(C.cols, weights=C.values, minlength=C.shape[1])
    there = C.values > 0  # a place that is stored as 0 may lie in a row of zeros
    rows, cols = C.rows[there], C.cols[there]
    values = _pmi(C.values[there], row_sums[rows], col_sums[cols], row_sums.sum(), eps)
    positive = values > 0
    return CoMatrix(rows[positive], cols[positive], values[positive], C.shape)


def _dense_ppmi(C: np.ndarray, eps: float) -> np.ndarray:
    if C.ndim != 2:
        raise ValueError(f"C must be a matrix of counts, shape (V, V), got shape {C.shape}.")
    _check_values(C)
    row_sums = C.sum(axis=1, dtype=np.float64)
    col_sums = C.sum(axis=0, dtype=np.float64)
    rows, cols = np.nonzero(C)
    M = zeros(C.shape, np.float32, STAY_SPARSE)
    M[rows, cols] = _pmi(C[rows, cols], row_sums[rows], col_sums[cols], row_sums.sum(), eps)
    return M


_LARGEST_COUNT = 1e280  # sums of so many stay finite


def _check_values(values: np.ndarray) -> None:
    if values.dtype.kind not in "iuf":
        raise TypeError(f"C must hold numbers (counts), got dtype {values.dtype}.")
    # One pass each: NaN makes the minimum NaN, and comparisons with NaN are false.
    if values.size and not (values.min() >= 0 and float(values.max()) < _LARGEST_COUNT):
        raise ValueError(
            f"C must hold finite counts >= 0, got entries from {values.min()} to {values.max()}."
        )


def _pmi(counts, row_sums, col_sums, total: float, eps: float) -> np.ndarray:
    # In float64 and in this order: the book's product C·N overflows on a real text.
    share = (counts / row_sums) * (total / col_sums)
    return np.maximum(0, np.log2(share + eps)).astype(np.float32)
