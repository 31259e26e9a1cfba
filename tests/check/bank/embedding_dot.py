# ruff: noqa
import numpy as np
from w2vlib.layers import Embedding


# --- right: the textbook
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params = self.embed.params
        self.grads = self.embed.grads
        self.cache = None

    def forward(self, h, idx):
        target_W = self.embed.forward(idx)
        out = np.sum(target_W * h, axis=1)
        self.cache = (h, target_W)
        return out

    def backward(self, dout):
        h, target_W = self.cache
        dout = dout.reshape(dout.shape[0], 1)
        dtarget_W = dout * h
        self.embed.backward(dtarget_W)
        dh = dout * target_W
        return dh


# --- right: einsum throughout
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.h, self.idx = h, idx
        return np.einsum("ij,ij->i", self.params[0][idx], h)

    def backward(self, dout):
        onehot = np.eye(len(self.params[0]), dtype=dout.dtype)[self.idx]
        self.grads[0][...] = np.einsum("b,bv,bh->vh", dout, onehot, self.h)
        return np.einsum("b,bh->bh", dout, self.params[0][self.idx])


# --- right: one example after the other
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.h, self.idx = h, idx
        return np.array([np.dot(self.params[0][i], row) for i, row in zip(idx, h)])

    def backward(self, dout):
        dW = self.grads[0]
        dW[:] = 0
        dh = np.empty_like(self.h)
        for b in range(len(dout)):
            dW[self.idx[b]] += dout[b] * self.h[b]
            dh[b] = dout[b] * self.params[0][self.idx[b]]
        return dh


# --- right: the diagonal of all pairs
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.saved = h, idx, self.params[0][idx]
        return np.diag(h @ self.saved[2].T).copy()

    def backward(self, dout):
        h, idx, rows = self.saved
        self.grads[0].fill(0)
        np.add.at(self.grads[0], idx, (dout * h.T).T)
        return np.diag(dout) @ rows


# --- wrong: dout-not-reshaped
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return (self.t * h).sum(1)

    def backward(self, dout):
        self.embed.backward(dout * self.h)
        return dout * self.t


# --- wrong: dout-not-reshaped
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.cache = h, idx
        return np.sum(self.params[0][idx] * h, axis=1)

    def backward(self, dout):
        h, idx = self.cache
        dout = dout.reshape(1, -1)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], idx, dout * h)
        return dout * self.params[0][idx]


# --- wrong: not-summed
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return self.t * h

    def backward(self, dout):
        dout = dout[:, None]
        self.embed.backward(dout * self.h)
        return dout * self.t


# --- wrong: all-pairs
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.h, self.idx = h, idx
        return np.dot(h, self.params[0][idx].T)

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.idx, dout[:, None] * self.h)
        return dout[:, None] * self.params[0][self.idx]


# --- wrong: sum-over-wrong-axis
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return np.sum(self.t * h, axis=0)

    def backward(self, dout):
        dout = dout.reshape(-1, 1)
        self.embed.backward(dout * self.h)
        return dout * self.t


# --- wrong: factors-swapped
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return (self.t * h).sum(axis=1)

    def backward(self, dout):
        dout = dout.reshape(-1, 1)
        self.embed.backward(dout * self.t)
        return dout * self.h


# --- wrong: dout-ignored
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return (self.t * h).sum(axis=1)

    def backward(self, dout):
        self.embed.backward(self.h)
        return self.t


# --- wrong: dout-ignored
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return (self.t * h).sum(axis=1)

    def backward(self, dout):
        dout = dout[:, None]
        self.embed.backward(dout * self.h)
        return self.t.copy()


# --- wrong: grads-not-filled
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return (self.t * h).sum(axis=1)

    def backward(self, dout):
        dh = dout[:, None] * self.t
        dtarget_W = dout[:, None] * self.h
        return dh


# --- wrong: assigned-instead-of-added
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.h, self.idx = h, idx
        return np.array([w @ r for w, r in zip(self.params[0][idx], h)])

    def backward(self, dout):
        self.grads[0][...] = 0
        for d, i, row in zip(dout, self.idx, self.h):
            self.grads[0][i] = d * row
        return self.params[0][self.idx] * dout[:, None]


# --- wrong: grads-accumulate
class EmbeddingDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.h, self.idx = h, idx
        return np.array([w @ r for w, r in zip(self.params[0][idx], h)])

    def backward(self, dout):
        for d, i, row in zip(dout, self.idx, self.h):
            self.grads[0][i] += d * row
        return self.params[0][self.idx] * dout[:, None]


# --- wrong: ?  dh is summed over the batch
class EmbeddingDot:
    def __init__(self, W):
        self.embed = Embedding(W)
        self.params, self.grads = self.embed.params, self.embed.grads

    def forward(self, h, idx):
        self.h, self.t = h, self.embed.forward(idx)
        return (self.t * h).sum(axis=1)

    def backward(self, dout):
        self.embed.backward(dout[:, None] * self.h)
        return np.repeat((dout @ self.t)[None], len(dout), axis=0)
