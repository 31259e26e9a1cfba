"""Harder batches for a gradient check, made from the one that was given."""

from __future__ import annotations

import numpy as np

BATCH_NAMES = (
    "one row",
    "repeated rows",
    "repeated in a row",
    "one word everywhere",
    "calm",
    "saturated 6",
    "saturated 30",
    "saturated 40",
    "saturated 1000",
)
"""Names of all batches that can be derived from a given one."""


def derived_batches(inputs: tuple) -> list[tuple[str, tuple]]:
    """Harder batches made from the given one: pairs of name and inputs.

    Only ids that occur in the given inputs are used, so they are valid wherever those were.
    """
    result = []
    arrays = [x for x in inputs if isinstance(x, np.ndarray) and x.ndim]
    rows = {len(x) for x in arrays}
    if len(rows) == 1 and (n := rows.pop()):
        if n > 1:
            result.append(("one row", take(inputs, np.array([n // 2]))))
        result.append(("repeated rows", take(inputs, np.arange(max(n, 2)) // 2 * 2)))
    wide = [is_ids(x) and x.ndim > 1 and x.shape[-1] > 1 for x in inputs]
    if any(wide):
        repeated = tuple(
            np.repeat(x[..., :1], x.shape[-1], axis=-1) if w else x
            for x, w in zip(inputs, wide, strict=True)
        )
        result.append(("repeated in a row", repeated))
    ids = [x for x in inputs if is_ids(x) and x.size and x.max() >= 0]
    if len(ids) > 1 or (ids and ids[0].ndim > 1):
        word = min(int(x[x >= 0].max()) for x in ids)
        result.append(("one word everywhere", tuple(_one_word(x, word) for x in inputs)))
    return result


def _one_word(x, word: int):
    """The same word at every place of the first half of the rows."""
    if not is_ids(x) or not x.size:
        return x
    x = x.copy()
    half = x[: max(1, len(x) // 2)]
    half[half >= 0] = word
    return x


def is_ids(x) -> bool:
    """Integers, but not one-hot rows."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu" or not x.ndim:
        return False
    return not is_one_hot(x)


def is_one_hot(x) -> bool:
    return bool(x.ndim > 1 and np.isin(x, (0, 1)).all() and (x.sum(axis=-1) == 1).all())


def is_float(x) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def as_input(x):
    """Float arrays as float64 copies, other arrays as copies, the rest as it is."""
    if isinstance(x, np.ndarray):
        return np.array(x, dtype=np.float64 if x.dtype.kind == "f" else x.dtype)
    return x


def copies(inputs) -> tuple:
    return tuple(x.copy() if isinstance(x, np.ndarray) else x for x in inputs)


def take(inputs, rows) -> tuple:
    return tuple(x[rows] if isinstance(x, np.ndarray) and x.ndim else x for x in inputs)


def to_size(x, size: float):
    """x scaled so that its entries have this size in the (square) mean."""
    usual = float(np.sqrt(np.mean(x**2))) if x.size else 0.0
    return x * (size / usual) if usual else x.copy()


def scaled(inputs, positions, size: float) -> tuple:
    return tuple(to_size(x, size) if i in positions else x for i, x in enumerate(inputs))


def decoy(inputs) -> tuple:
    """Another valid batch of the same shapes: rows in another order, floats a little smaller."""
    return tuple(
        (0.7 * x[::-1] if is_float(x) else x[::-1].copy())
        if isinstance(x, np.ndarray) and x.ndim
        else x
        for x in inputs
    )
