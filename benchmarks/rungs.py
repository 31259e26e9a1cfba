"""The speed ladder: ways to do one and the same step of CBOW, each without one waste of the last.

All rungs in NumPy are functions of one form::

    loss = step(W_in, W_out, ids, window, negatives, lr)

``ids`` (B + 2·window,) is a piece of text; its B inner words are the targets, and each has
C = 2·window contexts.  ``negatives`` (B, K) are ids (unused by the softmax rungs).  The step is one
of plain gradient descent on the *sum* of the targets' losses, W ← W − lr · ∂L/∂W, in place, for
W_in and W_out of shape (V, H); the loss before the step is returned, summed over the targets.

They are written for being compared: nothing but NumPy, no classes, no caches.  The last rungs are
those of :mod:`w2vlib.fast`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

SHARED = 64
"""Negatives that a block shares."""


# ---- parts that several rungs share --------------------------------------------------------------


def windows(ids, window):
    """(B, C) contexts and (B,) targets of a piece of text, as views as far as possible."""
    whole = np.lib.stride_tricks.sliding_window_view(ids, 2 * window + 1)
    return np.delete(whole, window, axis=1), whole[:, window]


def softmax_loss(scores, target):
    """Summed cross entropy, and its gradient: y − t."""
    rows = np.arange(len(target))
    y = np.exp(scores - scores.max(axis=1)[:, None])
    y = y / y.sum(axis=1)[:, None]
    loss = -np.log(y[rows, target]).sum()
    y[rows, target] -= 1
    return float(loss), y


def sigmoid_loss(scores, label):
    """Summed loss of yes/no questions (label 1 or 0), and its gradient: σ(score) − label."""
    y = 1 / (1 + np.exp(-scores))
    right = y if label else 1 - y
    return -float(np.log(right).sum()), y - np.float32(label)


# ---- the rungs -----------------------------------------------------------------------------------


def one_hot_softmax(W_in, W_out, ids, window, negatives, lr):
    """Chapter 3: contexts as one-hot rows times a matrix, a softmax over all words."""
    contexts, target = windows(ids, window)
    x = np.zeros_like(W_in, shape=(len(target), len(W_in)))
    np.add.at(x, (np.arange(len(target))[:, None], contexts), x.dtype.type(1 / contexts.shape[1]))
    h = x @ W_in
    loss, dscores = softmax_loss(h @ W_out.T, target)
    dW_out, dh = dscores.T @ h, dscores @ W_out
    W_in -= lr * (x.T @ dh)
    W_out -= lr * dW_out
    return loss


def embedding_softmax(W_in, W_out, ids, window, negatives, lr):
    """Chapter 4: rows picked instead of multiplied."""
    contexts, target = windows(ids, window)
    h = W_in[contexts].sum(axis=1) / np.float32(contexts.shape[1])
    loss, dscores = softmax_loss(h @ W_out.T, target)
    dW_out, dh = dscores.T @ h, dscores @ W_out
    dW_in = np.zeros_like(W_in)
    np.add.at(dW_in, contexts, (dh / np.float32(contexts.shape[1]))[:, None, :])
    W_in -= lr * dW_in
    W_out -= lr * dW_out
    return loss


def layer_by_layer(W_in, W_out, ids, window, negatives, lr):
    """Chapter 6, as in the book: a layer for each context and each negative, all with a (V, H)
    gradient of their own."""
    contexts, target = windows(ids, window)
    h = W_in[contexts[:, 0]]
    for column in contexts.T[1:]:
        h = h + W_in[column]
    h = h / np.float32(contexts.shape[1])
    loss, dh = 0.0, np.zeros_like(h)
    dW_out = np.zeros_like(W_out)
    for words, label in [(target, 1)] + [(column, 0) for column in negatives.T]:
        w = W_out[words]
        part, dscore = sigmoid_loss((h * w).sum(axis=1), label)
        loss, dh = loss + part, dh + dscore[:, None] * w
        own = np.zeros_like(W_out)
        np.add.at(own, words, dscore[:, None] * h)
        dW_out += own
    dW_in, share = np.zeros_like(W_in), dh / np.float32(contexts.shape[1])
    for column in contexts.T:
        own = np.zeros_like(W_in)
        np.add.at(own, column, share)
        dW_in += own
    W_in -= lr * dW_in
    W_out -= lr * dW_out
    return loss


def one_einsum(W_in, W_out, ids, window, negatives, lr):
    """Chapter 6: all dot products at once, one (V, H) gradient for each matrix."""
    contexts, target = windows(ids, window)
    h = W_in[contexts].sum(axis=1) / np.float32(contexts.shape[1])
    loss, dh, words, dw = _questions(W_out, h, target, negatives)
    dW_in, dW_out = np.zeros_like(W_in), np.zeros_like(W_out)
    np.add.at(dW_out, words, dw)
    np.add.at(dW_in, contexts, (dh / np.float32(contexts.shape[1]))[:, None, :])
    W_in -= lr * dW_in
    W_out -= lr * dW_out
    return loss


def touched_rows(W_in, W_out, ids, window, negatives, lr):
    """Chapters 4 and 7: only the rows that occur are changed; nothing of size (V, H) is made."""
    contexts, target = windows(ids, window)
    h = W_in[contexts].sum(axis=1) / np.float32(contexts.shape[1])
    loss, dh, words, dw = _questions(W_out, h, target, negatives)
    np.add.at(W_out, words, -lr * dw)
    np.add.at(W_in, contexts, (dh * np.float32(-lr / contexts.shape[1]))[:, None, :])
    return loss


def sliding_sums(W_in, W_out, ids, window, negatives, lr):
    """Chapter 10: a window's sum is the difference of two running sums, forward and backward, so
    the work does not depend on the window."""
    h = _window_means(W_in, ids, window)
    target = ids[window : len(ids) - window]
    loss, dh, words, dw = _questions(W_out, h, target, negatives)
    np.add.at(W_out, words, -lr * dw)
    _change_windows(W_in, ids, window, -lr * dh)
    return loss


def _questions(W_out, h, target, negatives):
    """Loss, ∂L/∂h, the K + 1 words of each target, and the gradients of their rows of W_out."""
    words = np.concatenate([target[:, None], negatives], axis=1)
    w = W_out[words]
    scores = np.einsum("bh,bkh->bk", h, w)
    yes, dyes = sigmoid_loss(scores[:, :1], 1)
    no, dno = sigmoid_loss(scores[:, 1:], 0)
    dscores = np.concatenate([dyes, dno], axis=1)
    dh = np.einsum("bk,bkh->bh", dscores, w)
    return yes + no, dh, words, dscores[:, :, None] * h[:, None, :]


def _running_sum(rows):
    """(N + 1, H): entry n is the sum of the first n rows."""
    sums = np.zeros_like(rows, shape=(len(rows) + 1, rows.shape[1]))
    np.add.accumulate(rows, axis=0, out=sums[1:])
    return sums


def shared_negatives(W_in, W_out, ids, window, negatives, lr):
    """The targets of a block share their negatives: two small matrix products.

    Every target is compared with the same n = 64 drawn words, each counted K / n: on average that
    is the same gradient, from rows that are brought in once.
    """
    h = _window_means(W_in, ids, window)
    target, noise = ids[window : len(ids) - window], negatives.ravel()[:SHARED]
    weight = np.float32(negatives.shape[1] / len(noise))
    w, W_noise = W_out[target], W_out[noise]
    yes, dyes = sigmoid_loss((h * w).sum(axis=1), 1)
    no, dno = sigmoid_loss(h @ W_noise.T, 0)
    dno = dno * weight
    dh = dyes[:, None] * w + dno @ W_noise
    np.add.at(W_out, target, (-lr * dyes)[:, None] * h)
    np.add.at(W_out, noise, -lr * (dno.T @ h))
    _change_windows(W_in, ids, window, -lr * dh)
    return yes + float(weight) * no


def _window_means(W_in, ids, window):
    """(B, H): the mean of each target's contexts, a difference of running sums."""
    rows = W_in[ids]
    running = _running_sum(rows)
    whole = running[2 * window + 1 :] - running[: -2 * window - 1]
    return (whole - rows[window : len(ids) - window]) / np.float32(2 * window)


def _change_windows(W_in, ids, window, change):
    """Add to every context 1/C of what each target whose window it is in wants: (B, H)."""
    B = len(change)
    padded = np.zeros_like(change, shape=(B + 4 * window, change.shape[1]))
    padded[2 * window : 2 * window + B] = change / np.float32(2 * window)
    running = _running_sum(padded)
    sums = running[2 * window + 1 :] - running[: -2 * window - 1]
    sums[window : window + B] -= padded[2 * window : 2 * window + B]
    np.add.at(W_in, ids, sums)


def compiled_work(H, K, C, model="cbow", share_negatives=False):
    """Operations and bytes of one target in :mod:`w2vlib.fast`, as its loops are written.

    An input vector h against one output row w costs 6·H: the dot product, h's gradient, w's update.
    CBOW does that for K + 1 rows, and has four sliding sums (window, its gradient, and the two
    ends of it) and two scalings.  Skip-gram does it for C · (K + 1) pairs.  Bytes: each row that is
    needed is read once and written once; what lies in the first cache in between is not counted.
    """
    rows = K + 1 if model == "cbow" else C * (K + 1)
    if model == "cbow":
        return 6 * H * rows + 10 * H, 4 * H * (2 * rows + 3)
    if share_negatives:  # the window's C rows and K + 1 output rows, each once
        return 6 * H * rows, 4 * H * 2 * (C + K + 1)
    return 6 * H * rows + H, 4 * H * (2 * rows + 2)


class Rung(NamedTuple):
    """``step`` (``None``: compiled code with these ``options``), targets a call, chapter."""

    name: str
    step: Callable | None
    batch: int
    chapter: str
    options: dict = {}


LADDER = (
    Rung("one-hot, softmax", one_hot_softmax, 100, "03"),
    Rung("Embedding, softmax", embedding_softmax, 100, "04"),
    Rung("negative sampling, layer by layer", layer_by_layer, 100, "06"),
    Rung("one einsum", one_einsum, 100, "06"),
    Rung("touched rows only", touched_rows, 100, "07"),
    Rung("longer blocks, sliding sums", sliding_sums, 1000, "10"),
    Rung("shared negatives", shared_negatives, 1000, "10"),
    Rung("compiled", None, 64, "10", {"threads": 1}),
    Rung("compiled, two threads", None, 64, "10", {"threads": 2}),
)
SKIPGRAM = (
    Rung("skip-gram, compiled", None, 1, "10", {"model": "skipgram"}),
    Rung(
        "skip-gram, shared negatives",
        None,
        1,
        "10",
        {"model": "skipgram", "share_negatives": True},
    ),
)
