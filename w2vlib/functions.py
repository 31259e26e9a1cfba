"""The plain functions that layers are made of: softmax, sigmoid, cross entropy, cosine.

All of them work on NumPy and CuPy arrays, keep the floating-point type that they are given, and
never change their input.
"""

from __future__ import annotations

import numpy as np

from w2vlib.backend import as_loss, get_array_module, may_look
from w2vlib.validation import as_ids, check_finite, on_device


def as_float(x, name: str = "x", *, like=None, infinite: bool = False):
    """``x`` as a floating-point array on its own device; integers become float64.

    Args:
        x: numbers of any shape.
        name: the argument's name, for error messages.
        like: an array whose device and dtype to take.
        infinite: let infinite numbers pass.

    Raises:
        TypeError: not real numbers; another device than that of ``like``.
        ValueError: NaN (or infinite numbers, unless allowed): they would spread.
    """
    x = on_device(x, name, like)
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got dtype {x.dtype}.")
    dtype = like.dtype if like is not None else x.dtype if x.dtype.kind == "f" else np.float64
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, and is found
        x = x.astype(dtype, copy=False)
    check_finite(x, name, infinite=infinite)
    return x


def softmax(x):
    """Probabilities from scores: ``y_i = exp(x_i) / Σ_j exp(x_j)`` over the last axis.

    The largest score is subtracted first; that changes nothing in the quotient and keeps
    ``exp`` from overflowing.

    Args:
        x: (..., V) scores, any number of leading axes.

    Returns:
        (..., V) probabilities of the same dtype; each row sums to 1.

    Raises:
        TypeError: scores that are no real numbers.
        ValueError: NaN, no score at all, or a row whose largest score is infinite.  A score of −inf
            is fine: it means "impossible".

    Source: Deep Learning from Scratch 2, section 1.3.1.
    """
    e = get_array_module(x).exp(_below_zero(x))
    return e / e.sum(axis=-1, keepdims=True)


def log_softmax(x):
    """``log softmax(x)`` over the last axis, without taking the logarithm of a rounded zero.

    Shapes and errors as in :func:`softmax`.
    """
    xp = get_array_module(x)
    shifted = _below_zero(x)
    return shifted - xp.log(xp.exp(shifted).sum(axis=-1, keepdims=True))


def _below_zero(x):
    """Scores minus the largest of their row."""
    x = as_float(x, infinite=True)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"x must have shape (..., V) with V >= 1 scores, got {x.shape}.")
    top = x.max(axis=-1, keepdims=True)
    check_finite(top, "the largest score of each row of x")
    return x - top


def sigmoid(x):
    """``σ(x) = 1 / (1 + exp(−x))``, element by element, without overflow for any x.

    For negative x the equal form ``exp(x) / (1 + exp(x))`` is used, so that ``exp`` only ever
    sees numbers ≤ 0.  Any shape.

    Raises:
        TypeError, ValueError: something else than real numbers, or NaN.
    """
    xp = get_array_module(x)
    x = as_float(x, infinite=True)
    e = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1, e) / (1 + e)


def log_sigmoid(x):
    """``log σ(x) = min(x, 0) − log(1 + exp(−|x|))``: exact where σ(x) itself rounds to 0 or 1.

    Any shape; errors as in :func:`sigmoid`.
    """
    xp = get_array_module(x)
    x = as_float(x, infinite=True)
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
        ValueError: the shapes of ``y`` and ``t`` do not belong together, or numbers that are no
            probabilities.
        TypeError, IndexError: labels that are no columns of ``y``.
    """
    xp = get_array_module(y, t)
    y = as_float(y, "y")
    check_probabilities(y, "y")
    with np.errstate(divide="ignore"):
        return mean_picked(-xp.log(y), t, "y")


def mean_picked(cost, t, name: str) -> float:
    """Mean over the batch of ``cost`` at the right answers ``t`` (labels, or one-hot rows).

    Args:
        cost: (..., V) what each answer would cost.
        t: (...) labels, or (..., V) one-hot rows.
        name: what the caller calls the scores, for error messages.

    Raises:
        TypeError, ValueError, IndexError: labels that do not belong to the costs.
    """
    xp = get_array_module(cost)
    t = on_device(t, "t", cost)
    if cost.ndim == 0 or cost.shape[-1] == 0:
        raise ValueError(f"{name} must have shape (..., V) with V >= 1, got {cost.shape}.")
    if t.shape == cost.shape:
        check_probabilities(as_float(t, "t"), "t")
        # where(): an unlikely class costs inf, and inf · 0 would poison the sum with NaN.
        picked = t * xp.where(t != 0, cost, 0)
        return as_loss(picked.sum(dtype=np.float64), cost[..., 0].size)
    labels = as_labels(t, cost.shape, name)
    picked = xp.take_along_axis(cost, labels[..., None], axis=-1)
    return as_loss(picked.sum(dtype=np.float64), labels.size)


def as_labels(t, shape: tuple[int, ...], name: str):
    """Labels ``t`` checked against scores of ``shape`` (..., V).

    Raises:
        ValueError: ``t`` has neither the shape of the scores (one-hot) nor that of their rows.
        TypeError, IndexError: labels that are no column numbers.
    """
    if t.shape != shape[:-1]:
        raise ValueError(
            f"t must hold one label for each row, shape {shape[:-1]}, or one-hot rows, shape "
            f"{shape}, to fit {name}; got shape {t.shape}."
        )
    return as_ids(t, shape[-1], "t")


def check_probabilities(x, name: str) -> None:
    """Refuse numbers that are not between 0 and 1 (but for rounding).

    Raises:
        ValueError: with the remedy.
    """
    if x.size and may_look(x) and (float(x.min()) < 0 or float(x.max()) > 1.001):
        raise ValueError(
            f"{name} must hold numbers between 0 and 1, got {float(x.min()):g} … "
            f"{float(x.max()):g}. Scores become probabilities with softmax or sigmoid, labels "
            "one-hot rows with convert_one_hot."
        )


def cos_similarity(x, y, eps: float = 1e-8) -> float:
    """Cosine of the angle between two vectors: ``x · y / (|x| |y|)``.

    Args:
        x, y: vectors of the same length.
        eps: kept for the book's signature; only an all-zero vector needs care here, and it has
            similarity 0 with everything.

    Returns:
        A number between −1 and 1.

    Raises:
        ValueError: no vectors, different lengths, NaN or infinite numbers.

    Source: Deep Learning from Scratch 2, section 2.3.5.
    """
    get_array_module(x, y)  # both on one device
    x, y = as_float(x), as_float(y, "y")
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
        (V, H) matrix of unit rows, same dtype; a single vector (H,) works as well.

    Raises:
        TypeError, ValueError: something else than finite numbers in one dimension or more.
    """
    xp = get_array_module(x)
    x = as_float(x)
    if x.ndim == 0:
        raise ValueError("x must be a matrix (V, H) or a vector (H,), got a single number.")
    if x.size == 0:
        return x.copy()
    # Dividing by the largest entry first keeps the squares from over- and underflowing.
    largest = xp.abs(x).max(axis=-1, keepdims=True)
    scaled = x / xp.where(largest > 0, largest, 1)
    length = xp.sqrt((scaled * scaled).sum(axis=-1, keepdims=True))
    return scaled / xp.maximum(length, 1)  # at least 1, but for rows of zeros
