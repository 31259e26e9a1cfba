"""The textbook's way to train CBOW, as a yardstick for speed: same steps, own words.

It is slow on purpose and in the same places: one layer per context word and per negative sample,
each clearing a whole (V, H) gradient; negatives drawn row by row with ``np.random.choice`` over the
whole vocabulary; integer labels that turn the backward pass to float64; shared weights found by
comparing matrices; Adam over every row; all data copied for each epoch's shuffle.  Method: Deep
Learning from Scratch 2, chapter 4 (window 5, batch 100, Adam).
"""

from __future__ import annotations

import numpy as np


class _Rows:
    """Embedding with a dense gradient."""

    def __init__(self, W):
        self.W, self.dW = W, np.zeros_like(W)

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW[...] = 0
        np.add.at(self.dW, self.idx, dout)


class _Question:
    """One target or one negative word per row: dot product, sigmoid, cross entropy."""

    def __init__(self, W, label):
        self.rows, self.label = _Rows(W), label

    def forward(self, h, idx):
        self.h, self.picked = h, self.rows.forward(idx)
        self.t = np.full(len(idx), self.label, dtype=np.int32)
        self.y = 1 / (1 + np.exp(-np.sum(self.picked * h, axis=1)))
        both = np.c_[1 - self.y, self.y]
        return -np.mean(np.log(both[np.arange(len(idx)), self.t] + 1e-7))

    def backward(self):
        # float32 minus int32 is float64: from here on the backward pass runs in double precision.
        dscore = ((self.y - self.t) / len(self.y))[:, None]
        self.rows.backward(dscore * self.h)
        return dscore * self.picked


class BookCBOW:
    """CBOW with negative sampling, textbook style."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus, rng, sample_size=5):
        def weights():
            return (0.01 * rng.standard_normal((vocab_size, hidden_size))).astype(np.float32)

        self.W_in, W_out = weights(), weights()
        self.rng, self.sample_size = rng, sample_size
        p = np.bincount(corpus, minlength=vocab_size) ** 0.75
        self.p = p / p.sum()
        self.inputs = [_Rows(self.W_in) for _ in range(2 * window_size)]
        self.questions = [_Question(W_out, 1)]
        self.questions += [_Question(W_out, 0) for _ in range(sample_size)]
        self.params = [self.W_in] * len(self.inputs) + [W_out] * len(self.questions)

    @property
    def grads(self):
        return [layer.dW for layer in self.inputs] + [q.rows.dW for q in self.questions]

    def forward(self, contexts, target):
        h = sum(layer.forward(contexts[:, i]) for i, layer in enumerate(self.inputs))
        h /= len(self.inputs)
        words = [target, *self._negatives(target).T]
        return sum(q.forward(h, idx) for q, idx in zip(self.questions, words, strict=True))

    def backward(self):
        dh = sum(q.backward() for q in self.questions) / len(self.inputs)
        for layer in self.inputs:
            layer.backward(dh)

    def _negatives(self, target):
        drawn = np.empty((len(target), self.sample_size), dtype=np.int32)
        for row, word in enumerate(target):
            p = self.p.copy()
            p[word] = 0
            drawn[row] = self.rng.choice(len(p), self.sample_size, replace=False, p=p / p.sum())
        return drawn


def merge_equal(params, grads):
    """Add up the gradients of parameters that are the same matrix (looking for transposes too)."""
    params, grads = list(params), list(grads)
    i = 0
    while i < len(params):
        for j in range(len(params) - 1, i, -1):
            same = params[i] is params[j]
            if same or (params[i].T.shape == params[j].shape and np.all(params[i].T == params[j])):
                grads[i] += grads[j] if same else grads[j].T
                del params[j], grads[j]
        i += 1
    return params, grads


class BookAdam:
    """Adam over all rows."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.beta1, self.beta2, self.t, self.m = lr, beta1, beta2, 0, None

    def update(self, params, grads):
        if self.m is None:
            self.m = [np.zeros_like(p) for p in params]
            self.v = [np.zeros_like(p) for p in params]
        self.t += 1
        lr = self.lr * np.sqrt(1 - self.beta2**self.t) / (1 - self.beta1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v, strict=True):
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g**2 - v)
            p -= lr * m / (np.sqrt(v) + 1e-7)


def train(model, optimizer, contexts, target, batch_size=100, batches=None):
    """One epoch (or the first ``batches`` of it); returns the number of targets seen."""
    order = model.rng.permutation(len(target))
    contexts, target = contexts[order], target[order]
    total = len(target) // batch_size if batches is None else batches
    for i in range(total):
        part = slice(i * batch_size, (i + 1) * batch_size)
        model.forward(contexts[part], target[part])
        model.backward()
        optimizer.update(*merge_equal(model.params, model.grads))
    return total * batch_size
