# ruff: noqa
import numpy as np


# --- right: np.add.at
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.idx = None

    def forward(self, idx):
        (W,) = self.params
        self.idx = idx
        return W[idx]

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        np.add.at(dW, self.idx, dout)
        return None


# --- right: a loop over the positions, backwards
class Embedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, idx):
        self.ids = list(idx)
        return np.stack([self.params[0][i] for i in self.ids])

    def backward(self, dout):
        g = self.grads[0]
        g *= 0
        for k in range(len(self.ids) - 1, -1, -1):
            g[self.ids[k]] += dout[k]


# --- right: the one-hot product, in float64 and back
class Embedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, idx):
        self.onehot = np.eye(len(self.params[0]))[idx]
        return np.take(self.params[0], idx, axis=0)

    def backward(self, dout):
        self.grads[0][:] = self.onehot.T @ dout.astype(np.float64)


# --- right: sorted and summed in groups
class Embedding:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx.copy()
        return self.params[0].take(idx, 0)

    def backward(self, dout):
        self.grads[0].fill(0)
        order = np.argsort(self.idx, kind="stable")
        rows, starts = np.unique(self.idx[order], return_index=True)
        self.grads[0][rows] = np.add.reduceat(dout[order], starts, axis=0)
        return self.grads[0]


# --- wrong: assigned-instead-of-added
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        for i, word_id in enumerate(self.idx):
            dW[word_id] = dout[i]


# --- wrong: assigned-instead-of-added
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        self.grads[0].fill(0.0)
        self.grads[0][self.idx] += dout


# --- wrong: grads-accumulate
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        np.add.at(self.grads[0], self.idx, dout)


# --- wrong: averaged-repeats
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        dW = self.grads[0]
        dW[...] = 0
        for word in set(self.idx.tolist()):
            dW[word] = dout[self.idx == word].mean(axis=0)


# --- wrong: grads-not-filled
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        dW = np.zeros_like(self.params[0])
        np.add.at(dW, self.idx, dout)


# --- wrong: grads-rebound
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        dW = np.zeros_like(self.params[0])
        np.add.at(dW, self.idx, dout)
        self.grads = [dW]


# --- wrong: stale-cache
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.idx = None

    def forward(self, idx):
        if self.idx is None:
            self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.idx, dout)


# --- wrong: dout-ignored
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        counts = np.bincount(self.idx, minlength=len(self.grads[0]))
        self.grads[0][...] = counts[:, None]


# --- wrong: columns-picked
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return np.take(self.params[0], idx, axis=1)

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.idx, dout)


# --- wrong: id-off-by-one
class Embedding:
    """Ids that count from 1."""

    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.rows = [i - 1 for i in idx]
        return np.array([self.params[0][r] for r in self.rows])

    def backward(self, dout):
        self.grads[0][...] = 0
        for r, d in zip(self.rows, dout):
            self.grads[0][r] += d


# --- wrong: weights-changed
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        np.subtract.at(self.params[0], self.idx, dout)


# --- wrong: input-modified
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        g = self.grads[0]
        g[...] = 0
        for i in range(len(dout)):
            g[self.idx[i]] += dout[i]
            dout[i] = 0


# --- wrong: float32-leak
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return np.eye(len(self.params[0]))[idx] @ self.params[0]

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.idx, dout)


# --- wrong: ?  the first contribution wins
class Embedding:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, idx):
        self.idx = idx
        return self.params[0][idx]

    def backward(self, dout):
        self.grads[0][...] = 0
        seen = set()
        for i, d in zip(self.idx, dout):
            if i not in seen:
                self.grads[0][i] = d
                seen.add(i)
