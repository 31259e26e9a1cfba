# ruff: noqa
import numpy as np
from w2vlib.functions import log_sigmoid, sigmoid
from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss as Library


# --- right: example by example
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target, loss = h, target, 0
        for row, word in zip(h, target):
            for bit, node in zip(self.codes[word], self.points[word]):
                sign = 1 if bit == 0 else -1
                loss -= log_sigmoid(sign * self.params[0][node] @ row)
        return loss / len(h)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            for bit, node in zip(self.codes[word], self.points[word]):
                g = (sigmoid(W[node] @ self.h[i]) - (1 - bit)) * dout / len(self.h)
                dh[i] += g * W[node]
                dW[node] += g * self.h[i]
        return dh


# --- right: filled up to a rectangle, with a mask
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        L = max(map(len, codes))
        self.path = np.array([p + [0] * (L - len(p)) for p in points])
        self.sign = np.array([[1 - 2 * b for b in c] + [0] * (L - len(c)) for c in codes])

    def forward(self, h, target):
        self.h, self.ids, self.s = h, self.path[target], self.sign[target].astype(h.dtype)
        self.x = np.einsum("blh,bh->bl", self.params[0][self.ids], h)
        return -(log_sigmoid(self.s * self.x) * (self.s != 0)).sum() / len(h)

    def backward(self, dout=1):
        g = -self.s * sigmoid(-self.s * self.x) * (dout / len(self.h))
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, g[..., None] * self.h[:, None])
        return np.einsum("bl,blh->bh", g, self.params[0][self.ids])


# --- right: all nodes at once
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.S = np.zeros((len(codes), len(W)))
        for word, (code, path) in enumerate(zip(codes, points)):
            self.S[word, path] = 1 - 2 * np.array(code)

    def forward(self, h, target):
        self.h, self.s = h, self.S[target].astype(h.dtype)
        self.x = h @ self.params[0].T
        return (np.logaddexp(0, -self.s * self.x) * np.abs(self.s)).sum() / h.shape[0]

    def backward(self, dout=1):
        g = (-self.s * sigmoid(-self.s * self.x) * dout / len(self.h)).astype(self.h.dtype)
        np.matmul(g.T, self.h, out=self.grads[0])
        return g @ self.params[0]


# --- wrong: bit-flipped
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target, loss = h, target, 0
        for row, word in zip(h, target):
            for bit, node in zip(self.codes[word], self.points[word]):
                loss -= log_sigmoid((2 * bit - 1) * self.params[0][node] @ row)
        return loss / len(h)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            for bit, node in zip(self.codes[word], self.points[word]):
                g = (sigmoid(W[node] @ self.h[i]) - bit) * dout / len(self.h)
                dh[i] += g * W[node]
                dW[node] += g * self.h[i]
        return dh


# --- wrong: padding-counted
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        L = max(map(len, codes))
        self.path = np.array([p + [0] * (L - len(p)) for p in points])
        self.code = np.array([c + [0] * (L - len(c)) for c in codes])

    def forward(self, h, target):
        self.h, self.ids, self.t = h, self.path[target], (1 - self.code[target]).astype(h.dtype)
        self.x = np.einsum("blh,bh->bl", self.params[0][self.ids], h)
        return (np.logaddexp(0, self.x) - self.t * self.x).sum() / len(h)

    def backward(self, dout=1):
        g = (sigmoid(self.x) - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, g[..., None] * self.h[:, None])
        return np.einsum("bl,blh->bh", g, self.params[0][self.ids])


# --- wrong: mean-over-path
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target = h, target
        losses = []
        for row, word in zip(h, target):
            sign = 1 - 2 * np.array(self.codes[word])
            losses.append(-log_sigmoid(sign * (self.params[0][self.points[word]] @ row)).mean())
        return np.mean(losses)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            path = self.points[word]
            for bit, node in zip(self.codes[word], path):
                g = (sigmoid(W[node] @ self.h[i]) - (1 - bit)) * dout / len(self.h) / len(path)
                dh[i] += g * W[node]
                dW[node] += g * self.h[i]
        return dh


# --- wrong: assigned-instead-of-added
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target, loss = h, target, 0
        for row, word in zip(h, target):
            for bit, node in zip(self.codes[word], self.points[word]):
                loss -= log_sigmoid((1 - 2 * bit) * self.params[0][node] @ row)
        return loss / len(h)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            for bit, node in zip(self.codes[word], self.points[word]):
                g = (sigmoid(W[node] @ self.h[i]) - (1 - bit)) * dout / len(self.h)
                dh[i] += g * W[node]
                dW[node] = g * self.h[i]
        return dh


# --- wrong: dh-overwritten
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target, loss = h, target, 0
        for row, word in zip(h, target):
            for bit, node in zip(self.codes[word], self.points[word]):
                loss -= log_sigmoid((1 - 2 * bit) * self.params[0][node] @ row)
        return loss / len(h)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            for bit, node in zip(self.codes[word], self.points[word]):
                g = (sigmoid(W[node] @ self.h[i]) - (1 - bit)) * dout / len(self.h)
                dh[i] = g * W[node]
                dW[node] += g * self.h[i]
        return dh


# --- wrong: missing-1/B
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target = h, target
        return sum(
            -log_sigmoid((1 - 2 * bit) * self.params[0][node] @ row)
            for row, word in zip(h, target)
            for bit, node in zip(self.codes[word], self.points[word])
        )

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            for bit, node in zip(self.codes[word], self.points[word]):
                g = (sigmoid(W[node] @ self.h[i]) - (1 - bit)) * dout
                dh[i] += g * W[node]
                dW[node] += g * self.h[i]
        return dh


# --- wrong: last-decision-missing
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target, loss = h, target, 0.0
        for row, word in zip(h, target):
            code, path = self.codes[word], self.points[word]
            for j in range(len(code) - 1):
                loss -= float(log_sigmoid((1 - 2 * code[j]) * self.params[0][path[j]] @ row))
        return loss / len(h)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            code, path = self.codes[word], self.points[word]
            for j in range(len(code) - 1):
                g = (sigmoid(W[path[j]] @ self.h[i]) - (1 - code[j])) * dout / len(self.h)
                dh[i] += g * W[path[j]]
                dW[path[j]] += g * self.h[i]
        return dh


# --- wrong: log-of-zero
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        self.h, self.target, loss = h, target, 0
        for row, word in zip(h, target):
            p = 1.0
            for bit, node in zip(self.codes[word], self.points[word]):
                y = sigmoid(self.params[0][node] @ row)
                p *= y if bit == 0 else 1 - y
            loss -= np.log(p)
        return loss / len(h)

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for i, word in enumerate(self.target):
            for bit, node in zip(self.codes[word], self.points[word]):
                g = (sigmoid(W[node] @ self.h[i]) - (1 - bit)) * dout / len(self.h)
                dh[i] += g * W[node]
                dW[node] += g * self.h[i]
        return dh


# --- wrong: assigned-instead-of-added
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        L = max(map(len, codes))
        self.ids = np.array([list(p) + [0] * (L - len(p)) for p in points])
        self.label = np.array([[1 - b for b in c] + [0] * (L - len(c)) for c in codes])
        self.mask = np.array([[1] * len(c) + [0] * (L - len(c)) for c in codes])

    def forward(self, h, target):
        (W,) = self.params
        self.h, self.rows = h, self.ids[target]
        t, self.m = self.label[target].astype(h.dtype), self.mask[target].astype(h.dtype)
        x = np.einsum("blh,bh->bl", W[self.rows], h)
        self.d = (sigmoid(x) - t) * self.m
        return ((np.logaddexp(0, x) - t * x) * self.m).sum() / len(h)

    def backward(self, dout=1):
        (W,), (dW,) = self.params, self.grads
        d = self.d * (dout / len(self.h))
        dW[...] = 0
        dW[self.rows] += d[:, :, None] * self.h[:, None, :]
        return np.einsum("bl,blh->bh", d, W[self.rows])


# --- wrong: mean-over-path
class HierarchicalSoftmaxLoss:
    def __init__(self, W, codes, points):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.codes, self.points = codes, points

    def forward(self, h, target):
        (W,) = self.params
        self.h, self.target, costs = h, target, []
        for row, word in zip(h, target):
            x = W[self.points[word]] @ row
            costs.append(np.logaddexp(0, x) - (1 - np.array(self.codes[word])) * x)
        self.n = sum(map(len, costs))
        return np.concatenate(costs).mean()

    def backward(self, dout=1):
        (W,), (dW,) = self.params, self.grads
        dW[...] = 0
        dh = np.zeros_like(self.h)
        for b, word in enumerate(self.target):
            path = self.points[word]
            d = sigmoid(W[path] @ self.h[b]) - (1 - np.array(self.codes[word]))
            d = (d * dout / self.n).astype(W.dtype)
            dh[b] = d @ W[path]
            dW[path] += d[:, None] * self.h[b]
        return dh
