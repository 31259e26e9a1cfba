# ruff: noqa
import numpy as np


# --- right: one scatter-add
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return self.params[0][contexts].mean(axis=1)

    def backward(self, dout):
        self.grads[0][...] = 0
        C = self.contexts.shape[1]
        np.add.at(self.grads[0], self.contexts, (dout / C)[:, None, :])


# --- right: column by column
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        h = 0
        for c in range(contexts.shape[1]):
            h = h + self.params[0][contexts[:, c]]
        return h / contexts.shape[1]

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        for column in self.contexts.T:
            np.add.at(dW, column, dout / self.contexts.shape[1])


# --- right: double loop
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return np.array([sum(self.params[0][i] for i in row) / len(row) for row in contexts])

    def backward(self, dout):
        self.grads[0].fill(0)
        for row, d in zip(self.contexts, dout):
            for i in row:
                self.grads[0][i] += d / len(row)


# --- wrong: missing-1/C
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return np.mean(self.params[0][contexts], axis=1)

    def backward(self, dout):
        self.grads[0][...] = 0
        for row, d in zip(self.contexts, dout):
            for i in row:
                self.grads[0][i] += d


# --- wrong: sum-instead-of-mean
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return np.einsum("bch->bh", self.params[0][contexts])

    def backward(self, dout):
        self.grads[0][...] = 0
        for column in self.contexts.T:
            np.add.at(self.grads[0], column, dout)


# --- wrong: column-by-column
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return self.params[0][contexts].mean(1)

    def backward(self, dout):
        self.grads[0][...] = 0
        n = self.contexts.shape[1]
        for c in range(n):
            self.grads[0][self.contexts[:, c]] += dout / n


# --- wrong: assigned-instead-of-added
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return self.params[0][contexts].mean(1)

    def backward(self, dout):
        self.grads[0][...] = 0
        for b, row in enumerate(self.contexts):
            for i in row:
                self.grads[0][i] = dout[b] / len(row)


# --- wrong: examples-mixed
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return self.params[0][contexts].mean(axis=1)

    def backward(self, dout):
        (dW,) = self.grads
        dW[...] = 0
        np.add.at(dW, self.contexts, dout / self.contexts.shape[1])


# --- wrong: counted-once
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return self.params[0][contexts].mean(axis=1)

    def backward(self, dout):
        self.grads[0][...] = 0
        for b, row in enumerate(self.contexts):
            for word in set(row.tolist()):
                self.grads[0][word] += dout[b] / len(row)


# --- wrong: divided-by-B
class EmbeddingMean:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, contexts):
        self.contexts = contexts
        return self.params[0][contexts].mean(axis=1)

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.contexts, (dout / len(dout))[:, None, :])
