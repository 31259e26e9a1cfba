"""The plain functions that layers are made of: softmax, sigmoid, cross entropy, cosine.

All of them work on NumPy and CuPy arrays, keep the floating-point type that they are given, and
never change their input.
"""

from __future__ import annotations

import numpy as np

from w2vlib.backend import get_array_module


def as_float(x):
    """``x`` as a floating-point array on its own device; integers become float64."""
    xp = get_array_module(x)
    x = xp.asarray(x)
    return x if x.dtype.kind == "f" else x.astype(np.float64)


def softmax(x):
    """Probabilities from scores: ``y_i = exp(x_i) / Σ_j exp(x_j)`` over the last axis.

    The largest score is subtracted first; that changes nothing in the quotient and keeps
    ``exp`` from overflowing.

    Args:
        x: (..., V) scores, any number of leading axes.

    Returns:
        (..., V) probabilities of the same dtype; each row sums to 1.

    Source: Deep Learning from Scratch 2, section 1.3.1.
    """
    xp = get_array_module(x)
    x = as_float(x)
    e = xp.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x):
    """``log softmax(x)`` over the last axis, without taking the logarithm of a rounded zero."""
    xp = get_array_module(x)
    x = as_float(x)
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))


def sigmoid(x):
    """``σ(x) = 1 / (1 + exp(−x))``, element by element, without overflow for any x.

    For negative x the equal form ``exp(x) / (1 + exp(x))`` is used, so that ``exp`` only ever
    sees numbers ≤ 0.
    """
    xp = get_array_module(x)
    x = as_float(x)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


def log_sigmoid(x):
    """``log σ(x) = min(x, 0) − log(1 + exp(−|x|))``: exact where σ(x) itself rounds to 0 or 1."""
    xp = get_array_module(x)
    x = as_float(x)
    return xp.minimum(x, 0) - xp.log1p(xp.exp(-xp.abs(x)))


def cross_entropy_error(y, t) -> float:
    """Mean of ``−log y[right answer]`` over the batch.

    Args:
        y: (B, V) probabilities, or (V,) for a single example.
        t: labels of shape (B,), or one-hot rows of the same shape as ``y``.

    Returns:
        The mean loss.  A probability of exactly 0 for the right answer costs infinitely much; use
        :class:`~w2vlib.layers.SoftmaxWithLoss` on the scores, where that cannot happen.

    Raises:
        ValueError: the shapes of ``y`` and ``t`` do not belong together.
        IndexError: a label that is no column of ``y``.
    """
    xp = get_array_module(y, t)
    y = as_float(y)
    with np.errstate(divide="ignore"):
        return mean_picked(-xp.log(y), t, "y")


def mean_picked(cost, t, name: str) -> float:
    """Mean over the batch of ``cost`` at the right answers ``t`` (labels, or one-hot rows)."""
    xp = get_array_module(cost, t)
    t = xp.asarray(t)
    if t.shape == cost.shape:
        # where(): an unlikely class costs inf, and inf · 0 would poison the sum with NaN.
        picked = xp.where(t != 0, t * cost, 0)
        return float(picked.sum(dtype=np.float64)) / max(cost[..., 0].size, 1)
    labels = as_labels(t, cost.shape, name)
    picked = xp.take_along_axis(cost, labels[..., None], axis=-1)
    return float(picked.sum(dtype=np.float64)) / max(labels.size, 1)


def as_labels(t, shape: tuple[int, ...], name: str):
    """Labels ``t`` checked against scores of ``shape`` (..., V).

    Raises:
        ValueError: ``t`` has neither the shape of the scores (one-hot) nor that of their rows.
        TypeError, IndexError: labels that are no column numbers.
    """
    from w2vlib.validation import as_ids

    if t.shape != shape[:-1]:
        raise ValueError(
            f"t must hold one label for each row, shape {shape[:-1]}, or one-hot rows, shape "
            f"{shape}, to fit {name}; got shape {t.shape}."
        )
    return as_ids(t, shape[-1], "t")


def cos_similarity(x, y, eps: float = 1e-8) -> float:
    """Cosine of the angle between two vectors: ``x · y / (|x| |y|)``.

    Args:
        x, y: vectors of the same length.
        eps: kept for the book's signature; only an all-zero vector needs care here, and it has
            similarity 0 with everything.

    Returns:
        A number between −1 and 1.

    Source: Deep Learning from Scratch 2, section 2.3.5.
    """
    xp = get_array_module(x, y)
    x, y = as_float(xp.asarray(x)), as_float(xp.asarray(y))
    if x.ndim != 1 or x.shape != y.shape:
        raise ValueError(
            f"x and y must be vectors of the same length, got shapes {x.shape} and {y.shape}."
        )
    dtype = np.result_type(x.dtype, y.dtype, np.float32)  # float16 would overflow in the sums
    x, y = normalize(x.astype(dtype)[None])[0], normalize(y.astype(dtype)[None])[0]
    return min(1.0, max(-1.0, float(x @ y)))


def normalize(x):
    """Rows scaled to length 1; an all-zero row stays zero.  The input is not changed.

    Args:
        x: (V, H) matrix.

    Returns:
        (V, H) matrix of unit rows, same dtype.
    """
    xp = get_array_module(x)
    x = as_float(x)
    if x.size == 0:
        return x.copy()
    # Dividing by the largest entry first keeps the squares from over- and underflowing.
    largest = xp.abs(x).max(axis=-1, keepdims=True)
    scaled = x / xp.where(largest > 0, largest, 1)
    length = xp.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    return scaled / xp.where(length > 0, length, 1)
