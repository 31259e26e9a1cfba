# ruff: noqa
import numpy as np


# --- right: log-sum-exp
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        m = x.max(axis=1, keepdims=True)
        log_z = m[:, 0] + np.log(np.exp(x - m).sum(axis=1))
        self.y, self.t = np.exp(x - log_z[:, None]), t
        return np.mean(log_z - x[np.arange(len(x)), t])

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dx * dout / len(dx)


# --- right: row by row with logaddexp
class SoftmaxWithLoss:
    params, grads = [], []

    def forward(self, x, t):
        self.x, loss = x, 0.0
        self.hot = t if np.ndim(t) == 2 else np.eye(x.shape[1], dtype=int)[t]
        for row, answer in zip(x, self.hot):
            loss += np.logaddexp.reduce(row) - row[answer == 1].sum()
        return loss / len(x)

    def backward(self, dout=1):
        out = []
        for row, answer in zip(self.x, self.hot):
            y = np.exp(row - np.logaddexp.reduce(row))
            out.append((y - answer).astype(row.dtype) / row.dtype.type(len(self.x)))
        return np.array(out) * self.x.dtype.type(dout)


# --- right: float64 inside, the input's type outside
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.dtype = x.dtype
        x = x.astype(np.float64)
        x = x - np.max(x, -1, keepdims=True)
        logp = x - np.log(np.sum(np.exp(x), -1, keepdims=True))
        self.y = np.exp(logp)
        self.t = np.zeros_like(x)
        if t.shape == x.shape:
            self.t[...] = t
        else:
            self.t[np.arange(len(t)), t] = 1
        return -(np.where(self.t > 0, logp, 0)).sum() / x.shape[0]

    def backward(self, dout=1):
        return ((self.y - self.t) * (dout / self.y.shape[0])).astype(self.dtype)


# --- wrong: loss-capped
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -np.sum(np.log(self.y[np.arange(len(t)), t] + 1e-7)) / len(t)

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        dx *= dout
        return dx / len(self.t)


# --- wrong: loss-capped
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 1:
            t = np.eye(x.shape[1], dtype=x.dtype)[t]
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return -(t * np.log(np.clip(self.y, 1e-12, 1))).sum() / len(t)

    def backward(self, dout=1):
        return ((self.y - self.t) * dout / len(self.t)).astype(self.y.dtype)


# --- wrong: log-of-zero
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        return np.mean([-np.log(p[k]) for p, k in zip(self.y, t)])

    def backward(self, dout=1):
        dx = self.y.copy()
        for i, k in enumerate(self.t):
            dx[i, k] -= 1
        return dx * (dout / len(dx))


# --- wrong: no-max-subtracted
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        self.y = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
        self.t = t
        return -np.log(self.y[np.arange(len(t)), t]).mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout / len(self.t)


# --- wrong: global-max-subtracted
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        x = x - x.max()
        log_y = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -log_y[np.arange(len(t)), t].mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout / len(self.t)


# --- wrong: missing-1/B
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        x = x - x.max(axis=1, keepdims=True)
        log_y = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -log_y[np.arange(len(t)), t].mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout


# --- wrong: mean-over-classes
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 1:
            t = np.eye(x.shape[1], dtype=x.dtype)[t]
        x = x - x.max(axis=1, keepdims=True)
        log_y = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -np.mean(t * log_y)

    def backward(self, dout=1):
        return ((self.y - self.t) * dout / len(self.t)).astype(self.y.dtype)


# --- wrong: softmax-over-batch
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        x = x - x.max(axis=0)
        log_y = x - np.log(np.exp(x).sum(axis=0))
        self.y, self.t = np.exp(log_y), t
        return -log_y[np.arange(len(t)), t].mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout / len(self.t)


# --- wrong: softmax-over-everything
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        e = np.exp(x - np.max(x))
        self.y = e / np.sum(e)
        self.t = t
        return -np.log(self.y[range(len(t)), t]).mean()

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[range(len(self.t)), self.t] -= 1
        return dx * dout / len(self.t)


# --- wrong: crossed-indexing
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        x = x - x.max(axis=1, keepdims=True)
        log_y = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -np.sum(log_y[:, t]) / len(t)

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[:, self.t] -= 1
        return dx * dout / len(self.t)


# --- wrong: cache-changed
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 2:
            t = t.argmax(axis=1)
        x = x - x.max(axis=1, keepdims=True)
        log_y = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -log_y[np.arange(len(t)), t].mean()

    def backward(self, dout=1):
        dx = self.y
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout / len(self.t)


# --- wrong: dout-ignored
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 1:
            t = np.eye(x.shape[1], dtype=x.dtype)[t]
        m = x.max(axis=1, keepdims=True)
        log_y = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -np.sum(t * log_y) / len(x)

    def backward(self, dout=1):
        return ((self.y - self.t) / len(self.t)).astype(self.y.dtype)


# --- wrong: wrong-sign
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 1:
            t = np.eye(x.shape[1], dtype=x.dtype)[t]
        m = x.max(axis=1, keepdims=True)
        log_y = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -np.sum(t * log_y) / len(x)

    def backward(self, dout=1):
        return (dout * (self.t - self.y) / len(self.t)).astype(self.y.dtype)


# --- wrong: ?  the logarithm to base 2
class SoftmaxWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        if t.ndim == 1:
            t = np.eye(x.shape[1], dtype=x.dtype)[t]
        m = x.max(axis=1, keepdims=True)
        log_y = x - m - np.log(np.exp(x - m).sum(axis=1, keepdims=True))
        self.y, self.t = np.exp(log_y), t
        return -np.sum(t * log_y) / len(x) / np.log(2)

    def backward(self, dout=1):
        return ((self.y - self.t) * dout / len(self.t)).astype(self.y.dtype)
