# ruff: noqa
import numpy as np
from w2vlib.functions import sigmoid, log_sigmoid


# --- right: logaddexp
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.x, self.t = x, t.astype(x.dtype)
        return np.mean(np.logaddexp(0, np.where(t == 1, -x, x)))

    def backward(self, dout=1):
        return (sigmoid(self.x) - self.t) * dout / len(self.t)


# --- right: two cases in a loop
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.x, self.t = x, t
        costs = []
        for score, label in zip(x.tolist(), t.tolist()):
            s = score if label else -score
            costs.append(np.log1p(np.exp(-s)) if s > 0 else -s + np.log1p(np.exp(s)))
        return sum(costs) / len(costs)

    def backward(self, dout=1):
        dx = np.empty_like(self.x)
        for i, (score, label) in enumerate(zip(self.x, self.t)):
            e = np.exp(-abs(score))
            y = 1 / (1 + e) if score >= 0 else e / (1 + e)
            dx[i] = dout * (y - label) / len(dx)
        return dx


# --- right: with the library's functions, signs ±1
class SigmoidWithLoss:
    params = grads = ()

    def forward(self, x, t):
        self.sign = (2 * t - 1).astype(x.dtype)
        self.x = x
        return -log_sigmoid(self.sign * x).sum() / x.size

    def backward(self, dout=1):
        return -self.sign * sigmoid(-self.sign * self.x) * (dout / self.x.size)


# --- right: tanh form
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y = (0.5 * (1 + np.tanh(x / 2))).astype(x.dtype)
        self.t = t.astype(x.dtype)
        return (np.maximum(x, 0) - x * t + np.log(1 + np.exp(-np.abs(x)))).mean()

    def backward(self, dout=1):
        dx = self.y - self.t
        dx *= dout
        dx /= len(dx)
        return dx


# --- wrong: loss-capped
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.t = t
        self.y = 1 / (1 + np.exp(-x))
        y = np.c_[1 - self.y, self.y]
        return -np.sum(np.log(y[np.arange(len(t)), t] + 1e-7)) / len(t)

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: loss-capped
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.t = t.astype(x.dtype)
        self.y = sigmoid(x)
        y = np.clip(self.y, 1e-10, 1 - 1e-10)
        return np.mean(-(self.t * np.log(y) + (1 - self.t) * np.log(1 - y)))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: log-of-zero
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.t = t.astype(x.dtype)
        self.y = sigmoid(x)
        return -np.mean(self.t * np.log(self.y) + (1 - self.t) * np.log(1 - self.y))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: sigmoid-overflow
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.t = t.astype(x.dtype)
        self.y = np.exp(x) / (np.exp(x) + 1)
        return np.mean(np.where(t == 1, np.logaddexp(0, -x), np.logaddexp(0, x)))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: missing-1/B
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.x, self.t = x, t.astype(x.dtype)
        return np.sum(np.logaddexp(0, x) - t * x)

    def backward(self, dout=1):
        return (sigmoid(self.x) - self.t) * dout


# --- wrong: double-mean
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.x, self.t = x, t.astype(x.dtype)
        return np.mean(np.logaddexp(0, x) - t * x) / len(x)

    def backward(self, dout=1):
        return (sigmoid(self.x) - self.t) * dout / len(self.t)


# --- wrong: wrong-sign
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.x, self.t = x, t.astype(x.dtype)
        return np.mean(np.logaddexp(0, x) - t * x)

    def backward(self, dout=1):
        return (self.t - sigmoid(self.x)) * dout / len(self.t)


# --- wrong: derivative-twice
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return np.mean(np.logaddexp(0, x) - t * x)

    def backward(self, dout=1):
        dy = (self.y - self.t) / len(self.t)
        return dout * dy * self.y * (1 - self.y)


# --- wrong: half-forgotten
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return -np.mean(self.t * log_sigmoid(x))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: dout-ignored
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return np.mean(np.logaddexp(0, x) - t * x)

    def backward(self, dout=1):
        return (self.y - self.t) / len(self.t)


# --- wrong: float32-leak
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t
        return np.mean(np.logaddexp(0, x) - t * x)

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: loss-sign
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return np.mean(self.t * log_sigmoid(x) + (1 - self.t) * log_sigmoid(-x))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: ?  a squared error
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return np.mean((self.y - self.t) ** 2) / 2

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: time-limit
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        total, i = 0.0, 0
        while i < len(x):
            total += np.logaddexp(0, x[i]) - t[i] * x[i]
        return total / len(x)

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: size-forgotten
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return np.mean(np.maximum(x, 0) - self.t * x + np.log1p(np.exp(-x)))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: sigmoid-of-size
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        e = np.exp(-np.abs(x))
        self.y, self.t = 1 / (1 + e), t.astype(x.dtype)
        return np.mean(np.maximum(x, 0) - self.t * x + np.log1p(e))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: labels-swapped
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.x, self.t = x, (1 - t).astype(x.dtype)
        return np.mean(np.logaddexp(0, x) - self.t * x)

    def backward(self, dout=1):
        return (sigmoid(self.x) - self.t) * dout / len(self.t)


# --- wrong: labels-swapped  in the loss only
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = sigmoid(x), t.astype(x.dtype)
        return np.mean(np.where(t == 1, np.logaddexp(0, x), np.logaddexp(0, -x)))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: sigmoid-upside-down
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = 1 / (1 + np.exp(x)), t.astype(x.dtype)
        return -np.mean(self.t * np.log(self.y) + (1 - self.t) * np.log(1 - self.y))

    def backward(self, dout=1):
        return (self.y - self.t) * dout / len(self.t)


# --- wrong: ?  the sigmoid runs the wrong way, and its derivative is applied twice
class SigmoidWithLoss:
    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        self.y, self.t = 1 / (1 + np.exp(x)), t.astype(x.dtype)
        return -np.mean(self.t * np.log(self.y) + (1 - self.t) * np.log(1 - self.y))

    def backward(self, dout=1):
        return (self.y - self.t) * self.y * (1 - self.y) * dout / len(self.t)
