# ruff: noqa
import numpy as np


# --- right: by hand
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.t = sentences, t
        self.x = E[sentences].mean(axis=1)
        s = self.x @ W + b
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        B, n = self.sentences.shape
        delta = self.y.copy()
        delta[np.arange(B), self.t] -= 1
        delta *= dout / B
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        np.add.at(dE, self.sentences, (delta @ self.params[1].T / n)[:, None, :])


# --- right: from layers
from w2vlib import Affine, EmbeddingMean, SoftmaxWithLoss


class TextClassifier:
    def __init__(self, E, W, b):
        self.layers = EmbeddingMean(E), Affine(W, b)
        self.loss = SoftmaxWithLoss()
        self.params = self.layers[0].params + self.layers[1].params
        self.grads = self.layers[0].grads + self.layers[1].grads

    def forward(self, sentences, t):
        x = sentences
        for layer in self.layers:
            x = layer.forward(x)
        return self.loss.forward(x, t)

    def backward(self, dout=1):
        d = self.loss.backward(dout)
        for layer in self.layers[::-1]:
            d = layer.backward(d)


# --- right: one sentence after the other
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.given, loss = list(zip(sentences, t)), 0.0
        for words, c in self.given:
            s = sum(E[i] for i in words) / len(words) @ W + b
            loss += np.log(np.exp(s).sum()) - s[c]
        return loss / len(t)

    def backward(self, dout=1):
        E, W, b = self.params
        for g in self.grads:
            g[...] = 0
        for words, c in self.given:
            x = sum(E[i] for i in words) / len(words)
            s = x @ W + b
            delta = np.exp(s) / np.exp(s).sum() - np.eye(len(b))[c]
            delta = delta * dout / len(self.given)
            self.grads[1] += np.outer(x, delta)
            self.grads[2] += delta
            for i in words:
                self.grads[0][i] += W @ delta / len(words)


# --- wrong: vectors-frozen
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.x, self.t = E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout / len(self.t)
        self.grads[1][...] = self.x.T @ delta
        self.grads[2][...] = delta.sum(axis=0)


# --- wrong: missing-1/n
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout / len(self.t)
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        for row, d in zip(self.sentences, delta @ self.params[1].T):
            for i in row:
                dE[i] += d


# --- wrong: assigned-instead-of-added
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout / len(self.t)
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        share = delta @ self.params[1].T / self.sentences.shape[1]
        dE[self.sentences] = share[:, None, :]


# --- wrong: missing-1/B
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        share = delta @ self.params[1].T / self.sentences.shape[1]
        np.add.at(dE, self.sentences, share[:, None, :])


# --- wrong: sum-instead-of-mean
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].sum(axis=1), t
        s = self.x @ W + b
        e = np.exp(s - s.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout / len(self.t)
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        np.add.at(dE, self.sentences, (delta @ self.params[1].T)[:, None, :])


# --- wrong: dout-ignored
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) / len(self.t)
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        share = delta @ self.params[1].T / self.sentences.shape[1]
        np.add.at(dE, self.sentences, share[:, None, :])


# --- wrong: bias-mean
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout / len(self.t)
        dW[...] = self.x.T @ delta
        db[...] = delta.mean(axis=0)
        dE[...] = 0
        share = delta @ self.params[1].T / self.sentences.shape[1]
        np.add.at(dE, self.sentences, share[:, None, :])


# --- wrong: loss-summed
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).sum()

    def backward(self, dout=1):
        dE, dW, db = self.grads
        delta = (self.y - np.eye(self.y.shape[1])[self.t]) * dout
        dW[...] = self.x.T @ delta
        db[...] = delta.sum(axis=0)
        dE[...] = 0
        share = delta @ self.params[1].T / self.sentences.shape[1]
        np.add.at(dE, self.sentences, share[:, None, :])


# --- wrong: ?  softmax over the batch
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.sentences, self.x, self.t = sentences, E[sentences].mean(axis=1), t
        e = np.exp(self.x @ W + b)
        self.y = e / e.sum(axis=0, keepdims=True)
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        pass


# --- wrong: grads-not-filled  for W alone
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, sentences, t):
        E, W, b = self.params
        x = E[sentences].mean(axis=1) @ W + b
        y = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = y / y.sum(axis=1, keepdims=True)
        self.sentences, self.t = sentences, t
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        d = self.y.copy()
        d[np.arange(len(d)), self.t] -= 1
        d *= dout / len(d)
        self.grads[2][...] = d.sum(axis=0)
        self.grads[0][...] = 0
        share = d @ self.params[1].T / self.sentences.shape[1]
        np.add.at(self.grads[0], self.sentences, share[:, None])


# --- wrong: counted-once
class TextClassifier:
    def __init__(self, E, W, b):
        self.params = [E, W, b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, sentences, t):
        E, W, b = self.params
        self.h = E[sentences].mean(axis=1)
        x = self.h @ W + b
        y = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = y / y.sum(axis=1, keepdims=True)
        self.sentences, self.t = sentences, t
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        d = self.y.copy()
        d[np.arange(len(d)), self.t] -= 1
        d *= dout / len(d)
        self.grads[1][...] = self.h.T @ d
        self.grads[2][...] = d.sum(axis=0)
        self.grads[0][...] = 0
        for words, row in zip(self.sentences, d @ self.params[1].T, strict=True):
            self.grads[0][words] += row / len(words)
