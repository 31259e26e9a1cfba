"""The layers: each knows its forward pass, its backward pass, and nothing else.

Every layer has ``params`` and ``grads``, two lists of arrays of the same shapes; ``forward``
computes, ``backward(dout)`` takes the gradient of the loss with respect to the layer's output,
fills ``grads`` in place and returns the gradient of its input.  Rows are examples: x (B, D) @ W
(D, H).

All of them refuse NaN, and what has the wrong shape or type, with a ``ValueError`` or ``TypeError``
that names the argument; ``backward`` without ``forward`` is a ``RuntimeError``.

The names and call signatures are those of "Deep Learning from Scratch 2".
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

import numpy as np

from w2vlib.backend import add_at_rows, all_true, as_loss, get_array_module
from w2vlib.functions import (
    as_float,
    as_labels,
    check_probabilities,
    log_softmax,
    mean_picked,
    sigmoid,
    softmax,
)
from w2vlib.sparse import RowGradient, sum_rows
from w2vlib.validation import PAD, as_ids, as_matrix, as_number, as_weights, on_device

MAX_PENDING = 64
"""How many forward passes a layer remembers for a backward pass before it forgets the oldest."""

_forward_only = contextvars.ContextVar("forward_only", default=False)


@contextlib.contextmanager
def forward_only() -> Iterator[None]:
    """Inside ``with forward_only():`` layers remember nothing, since no backward pass will follow.

    For validation and prediction: it saves memory, and a training step under way goes on as if
    nothing had happened.
    """
    token = _forward_only.set(True)
    try:
        yield
    finally:
        _forward_only.reset(token)


class Layer:
    """What all layers share: parameters, their gradients, and the memory between the two passes.

    A layer may be used several times in one model (forward, forward, backward, backward): the
    passes are undone last in, first out, and the gradients add up, since one parameter used twice
    is still one parameter.  The first ``backward`` after a ``forward`` starts a new gradient; a
    ``backward`` after a complete pass repeats that pass.

    Args:
        params: arrays that training changes.
        sparse_grad: hold the gradients as :class:`~w2vlib.sparse.RowGradient` instead of arrays.
    """

    def __init__(self, params=(), *, sparse_grad: bool = False) -> None:
        self.params = list(params)
        self.grads = [
            RowGradient.zeros_like(p) if sparse_grad else get_array_module(p).zeros_like(p)
            for p in self.params
        ]
        self._memory: list[tuple] = []  # what each forward leaves for its backward
        self._undone = 0  # how many of them backward has been through
        self._forgot = False  # whether there were more than MAX_PENDING

    def _remember(self, *what) -> None:
        if _forward_only.get():
            return
        if self._undone:
            self._memory.clear()
            self._undone, self._forgot = 0, False
        elif len(self._memory) == MAX_PENDING:
            # Someone runs forward only, without saying so: the memory must not grow for ever.
            del self._memory[0]
            self._forgot = True
        self._memory.append(what)

    def _recall(self) -> tuple:
        if not self._memory:
            raise RuntimeError(
                f"{type(self).__name__}.backward was called before forward: there is no forward "
                "pass to go back through."
            )
        if self._forgot and self._undone == len(self._memory):
            raise RuntimeError(
                f"{type(self).__name__} remembers the last {MAX_PENDING} forward passes only, and "
                "backward has been through them. Use the layer less often before backward, or set "
                "w2vlib.layers.MAX_PENDING higher."
            )
        self._undone = self._undone % len(self._memory) + 1
        return self._memory[-self._undone]

    def _add_grad(self, index: int, grad) -> None:
        """Set the gradient of parameter ``index`` in a new backward pass; add to it later on."""
        if self._undone == 1:
            self.grads[index][...] = grad
        else:
            self.grads[index] += grad


class MatMul(Layer):
    """Product with a matrix: ``y = x W``, hence ``dx = dy Wᵀ`` and ``dW = xᵀ dy``.

    Args:
        W: (D, H) weights.

    Shapes: x (B, D) or (..., D) → y (..., H).

    Source: Deep Learning from Scratch 2, section 1.3.
    """

    def __init__(self, W) -> None:
        super().__init__([as_matrix(W, "W")])

    def forward(self, x):
        (W,) = self.params
        x = as_rows(x, W)
        self._remember(x)
        return x @ W

    def backward(self, dout):
        (W,), (x,) = self.params, self._recall()
        dout = _as_upstream(dout, (*x.shape[:-1], W.shape[1]), x)
        self._add_grad(0, _flat(x).T @ _flat(dout))
        return dout @ W.T


class Affine(Layer):
    """Product and bias: ``y = x W + b``; ``dx = dy Wᵀ``, ``dW = xᵀ dy``, ``db = Σ_B dy``.

    Args:
        W: (D, H) weights.
        b: (H,) bias.

    Shapes: x (B, D) or (..., D) → y (..., H).

    Raises:
        TypeError, ValueError: b is no vector of H floating-point numbers.
    """

    def __init__(self, W, b) -> None:
        W, b = as_matrix(W, "W"), as_weights(b, "b")
        if b.shape != W.shape[1:]:
            raise ValueError(f"b must have shape {W.shape[1:]} to fit W, got {b.shape}.")
        super().__init__([W, b])

    def forward(self, x):
        W, b = self.params
        x = as_rows(x, W)
        self._remember(x)
        y = x @ W
        y += b  # in place, so that a float64 bias cannot promote a float32 layer
        return y

    def backward(self, dout):
        (W, _), (x,) = self.params, self._recall()
        dout = _as_upstream(dout, (*x.shape[:-1], W.shape[1]), x)
        self._add_grad(0, _flat(x).T @ _flat(dout))
        self._add_grad(1, _flat(dout).sum(axis=0))
        return dout @ W.T


class Softmax(Layer):
    """Scores to probabilities: ``y = softmax(x)``; ``dx_i = y_i (dy_i − Σ_j dy_j y_j)``.

    Shapes: x (..., V) → y (..., V).
    """

    def forward(self, x):
        y = softmax(x)
        self._remember(y)
        return y

    def backward(self, dout):
        (y,) = self._recall()
        dout = _as_upstream(dout, y.shape, y)
        return y * (dout - (dout * y).sum(axis=-1, keepdims=True))


class SoftmaxWithLoss(Layer):
    """Softmax and cross entropy in one: ``L = −mean log softmax(x)[t]``; ``dx = (y − t) / B``.

    The loss is taken from the scores, so it is exact however unlikely the right answer is.

    Shapes: x (B, V) or (..., V); t labels (B,) or one-hot rows (B, V) → loss, a float.

    Source: Deep Learning from Scratch 2, section 1.3.4.
    """

    def forward(self, x, t) -> float:
        log_y = log_softmax(x)
        t = on_device(t, "t", log_y)
        loss = mean_picked(-log_y, t, "x")
        self._remember(get_array_module(log_y).exp(log_y), t)
        return loss

    def backward(self, dout=1):
        y, t = self._recall()
        xp = get_array_module(y)
        if t.shape == y.shape:
            t = t.astype(y.dtype)
            dx = y * t.sum(axis=-1, keepdims=True) - t
        else:
            dx = y.copy()
            rows, labels = dx.reshape(-1, y.shape[-1]), as_labels(t, y.shape, "x").ravel()
            rows[xp.arange(labels.size), labels] -= 1
        return dx * (as_number(dout, "dout") / max(y[..., 0].size, 1))


class Sigmoid(Layer):
    """Squash to (0, 1): ``y = σ(x)``; ``dx = dy · y (1 − y)``.  Any shape."""

    def forward(self, x):
        y = sigmoid(x)
        self._remember(y)
        return y

    def backward(self, dout):
        (y,) = self._recall()
        return _as_upstream(dout, y.shape, y) * y * (1 - y)


class Tanh(Layer):
    """Squash to (−1, 1): ``y = tanh(x)``; ``dx = dy · (1 − y²)``.  Any shape."""

    def forward(self, x):
        x = as_float(x, infinite=True)
        y = get_array_module(x).tanh(x)
        self._remember(y)
        return y

    def backward(self, dout):
        (y,) = self._recall()
        return _as_upstream(dout, y.shape, y) * (1 - y * y)


class SigmoidWithLoss(Layer):
    """Yes or no? ``L = mean_B Σ −[t log y + (1 − t) log(1 − y)]``, y = σ(x); ``dx = (y − t) / B``.

    Computed as ``max(x, 0) − t x + log(1 + exp(−|x|))``, which is the same number and stable in
    float32 for any score.  With x (B, M) each example asks M questions: their losses add up.

    Shapes: x (B,) or (B, M) scores; t labels 0 or 1, of the same shape or (M,);
    ``mask`` optional, same shape: questions where it is 0 do not count → loss, a float.

    Source: Deep Learning from Scratch 2, section 4.2.
    """

    def forward(self, x, t, mask=None) -> float:
        x = as_float(x)
        xp = get_array_module(x)
        t = _as_answers(t, x, "t")
        mask = None if mask is None else _as_answers(mask, x, "mask")
        # The first two terms cancel exactly for a right answer; grouping them keeps tiny losses.
        cost = (xp.maximum(x, 0) - t * x) + xp.log1p(xp.exp(-xp.abs(x)))
        if mask is not None:
            cost = cost * mask
        self._remember(x, t, mask)
        return as_loss(xp.sum(cost, dtype=np.float64), len(x))

    def backward(self, dout=1):
        x, t, mask = self._recall()
        dx = (sigmoid(x) - t) * (as_number(dout, "dout") / max(len(x), 1))
        return dx if mask is None else dx * mask


class Embedding(Layer):
    """Pick rows: ``y = W[idx]`` – what multiplying by one-hot vectors does, without the zeros.

    Backward *adds* each row of ``dout`` to the gradient row that it came from, because a word that
    occurs twice has influenced the loss twice.

    Args:
        W: (V, H) weights.
        sparse_grad: ``grads[0]`` is a :class:`~w2vlib.sparse.RowGradient` of the touched rows; the
            default is an array of W's shape, which is cleared at every backward pass.
        allow_pad: accept the id ``PAD``: it gives a row of zeros and has no gradient.

    Shapes: idx (B,) or any shape (...,) → y (..., H).  ``backward`` returns None: ids have no
    gradient.

    Raises (forward):
        TypeError, IndexError: ids that are not integers in 0 … V−1.

    Source: Deep Learning from Scratch 2, section 4.1.
    """

    def __init__(self, W, sparse_grad: bool = False, allow_pad: bool = False) -> None:
        super().__init__([as_matrix(W, "W")], sparse_grad=sparse_grad)
        self.allow_pad = allow_pad

    def forward(self, idx):
        (W,) = self.params
        idx = as_ids(idx, len(W), "idx", allow_pad=self.allow_pad, like=W)
        self._remember(idx)
        rows = W.take(idx, axis=0)  # for PAD this is the last row …
        if self.allow_pad:
            rows[idx == PAD] = 0  # … which does not count
        return rows

    def backward(self, dout) -> None:
        (W,), (idx,) = self.params, self._recall()
        dout = _as_upstream(dout, (*idx.shape, W.shape[1]), W)
        ids, values = idx.ravel(), _flat(dout)
        if self.allow_pad:
            there = ids != PAD
            if self._on_device:
                values = values * there[:, None]
            elif not all_true(there):
                ids, values = ids[there], values[there]
        self._add_row_grads(ids, values)

    def _add_row_grads(self, ids, values, owners=None) -> None:
        """Add ``values[owners[i]]`` (or ``values[i]``) to gradient row ``ids[i]``, for every i."""
        (grad,) = self.grads
        if self._undone == 1:
            grad.clear() if isinstance(grad, RowGradient) else grad.fill(0)
        if self._on_device:
            # How many different rows there are only the device knows: asking would mean waiting.
            add_at_rows(grad, ids, values)
            return
        rows, sums = sum_rows(ids, values, owners)
        if isinstance(grad, RowGradient):
            grad.add(rows, sums, distinct=True)
        else:
            grad[rows] += sums

    @property
    def _on_device(self) -> bool:
        """Whether the gradient is a whole array on a GPU."""
        (grad,) = self.grads
        return not isinstance(grad, RowGradient) and get_array_module(grad) is not np


class EmbeddingMean(Embedding):
    """The hidden layer of CBOW: the mean of the rows of all context words that are there.

    ``h = (1/n) Σ_c W[contexts_c]`` over the n contexts that are not ``PAD``; each of those rows
    gets ``dh / n``.  An example without any context has h = 0.

    Args:
        W: (V, H) weights.
        sparse_grad: as in :class:`Embedding`.

    Shapes: contexts (B, C) ids or PAD → h (B, H).

    Raises (forward):
        ValueError: contexts that are not (B, C).
        TypeError, IndexError: ids that are not integers in 0 … V−1 or PAD.
    """

    def __init__(self, W, sparse_grad: bool = False) -> None:
        super().__init__(W, sparse_grad, allow_pad=True)

    def forward(self, contexts):
        (W,) = self.params
        xp = get_array_module(W)
        contexts = as_ids(contexts, len(W), "contexts", allow_pad=True, like=W)
        if contexts.ndim != 2:
            raise ValueError(
                f"contexts must have shape (B, C), got {contexts.shape}. "
                "Make it with create_contexts_target(corpus, window_size)."
            )
        there = contexts != PAD
        count = xp.maximum(there.sum(axis=1), 1).astype(W.dtype)[:, None]
        self._remember(contexts, there, count)
        total = xp.zeros((len(contexts), W.shape[1]), dtype=W.dtype)
        for c in range(
            contexts.shape[1]
        ):  # C small steps need less memory than one (B, C, H) array
            rows = W[contexts[:, c]]
            total += rows if all_true(there[:, c]) else rows * there[:, c : c + 1]
        return total / count

    def backward(self, dout) -> None:
        (W,), (contexts, there, count) = self.params, self._recall()
        share = _as_upstream(dout, (len(contexts), W.shape[1]), W) / count
        if self._on_device:
            rows = share[:, None, :] * there[:, :, None]
            self._add_row_grads(contexts.ravel(), _flat(rows))
            return
        owners, place = get_array_module(W).nonzero(there)
        self._add_row_grads(contexts[owners, place], share, owners)


class EmbeddingDot(Layer):
    """Pick rows and multiply: ``score = W[idx] · h``, one number for each picked row.

    ``dh = dscore · W[idx]`` and row idx of W receives ``dscore · h``.

    Args:
        W: (V, H) weights.
        sparse_grad, allow_pad: as in :class:`Embedding`; a PAD scores 0.

    Shapes: h (B, H), idx (B,) → scores (B,);  idx (B, M) → scores (B, M): M dot products with the
    same h, summed in dh.

    Raises (forward):
        ValueError: h and idx do not belong together.
        TypeError, IndexError: ids that are not integers in 0 … V−1.

    Source: Deep Learning from Scratch 2, section 4.2.
    """

    def __init__(self, W, sparse_grad: bool = False, allow_pad: bool = False) -> None:
        self.embed = Embedding(W, sparse_grad, allow_pad)
        super().__init__()
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        (W,) = self.params
        idx = as_ids(idx, len(W), "idx", allow_pad=self.embed.allow_pad, like=W)
        h = as_rows(h, W.T, "h")
        if idx.ndim not in (1, 2) or h.shape != (len(idx), W.shape[1]):
            raise ValueError(
                f"h must have shape (B, H) = ({len(idx) if idx.ndim else 'B'}, {W.shape[1]}) and "
                f"idx (B,) or (B, M); got h {h.shape} and idx {idx.shape}."
            )
        target_W = self.embed.forward(idx)  # (B, H) or (B, M, H)
        self._remember(h, target_W)
        if idx.ndim == 1:
            return (target_W * h).sum(axis=1)
        return (target_W @ h[:, :, None])[:, :, 0]

    def backward(self, dout):
        h, target_W = self._recall()
        dout = _as_upstream(dout, target_W.shape[:-1], h)[..., None]
        if target_W.ndim == 2:
            self.embed.backward(dout * h)
            return dout * target_W
        self.embed.backward(dout * h[:, None, :])
        return (dout.swapaxes(1, 2) @ target_W)[:, 0]


class MaxMarginLoss(Layer):
    """A good window should beat a corrupt one by 1: ``L = mean max(0, 1 − s + s_corrupt)``.

    Where the margin is met the loss is flat, so the gradient is 0; elsewhere it is −1/B for the
    good score and +1/B for the corrupt one.

    Shapes: s, s_corrupt (B,) → loss, a float; ``backward`` returns ``(ds, ds_corrupt)``.

    Raises (forward):
        ValueError: not two vectors of one length.

    Source: CS224n 2019, lecture 4 (Collobert and Weston 2008).
    """

    def forward(self, s, s_corrupt) -> float:
        xp = get_array_module(s, s_corrupt)
        s, s_corrupt = as_float(s, "s"), as_float(s_corrupt, "s_corrupt")
        if s.ndim != 1 or s.shape != s_corrupt.shape:
            raise ValueError(
                f"s and s_corrupt must both have shape (B,), got {s.shape}, {s_corrupt.shape}."
            )
        missing = xp.maximum(0, 1 - s + s_corrupt)
        self._remember(missing)
        return as_loss(missing.sum(dtype=np.float64), len(s))

    def backward(self, dout=1):
        (missing,) = self._recall()
        ds = (missing > 0).astype(missing.dtype) * (as_number(dout, "dout") / max(len(missing), 1))
        return -ds, ds


def as_rows(x, W, name: str = "x"):
    """Input ``x`` (..., D) checked against weights W (D, H), in the type of the weights.

    Raises:
        TypeError, ValueError: not finite real numbers, or a last axis of another length.
    """
    # The weights decide: one-hot rows of integers must not turn a float32 model into float64.
    x = as_float(x, name, like=W)
    if x.ndim == 0 or x.shape[-1] != W.shape[0]:
        raise ValueError(
            f"{name} must have shape (B, {W.shape[0]}) to fit the weights {W.shape}, got {x.shape}."
        )
    return x


def _as_upstream(dout, shape: tuple[int, ...], like):
    """Upstream gradient ``dout`` checked against the output's shape, in the type of ``like``."""
    dout = as_float(dout, "dout", like=like)
    if dout.shape != shape:
        if dout.ndim:
            raise ValueError(
                f"dout must have the shape {shape} of the layer's output, got {dout.shape}."
            )
        dout = get_array_module(dout).broadcast_to(dout, shape)
    return dout


def _as_answers(t, x, name: str):
    """Answers ``t`` to the scores ``x``, in x's dtype: integer labels must not promote float32."""
    t = as_float(t, name, like=x)
    check_probabilities(t, name)
    if x.ndim not in (1, 2):
        raise ValueError(f"x must have shape (B,) or (B, M), got {x.shape}.")
    if t.shape != x.shape and t.shape != x.shape[1:]:
        raise ValueError(f"{name} must have the shape {x.shape} of the scores x, got {t.shape}.")
    return t


def _flat(x):
    """(..., H) as (N, H)."""
    return x.reshape(-1, x.shape[-1])
