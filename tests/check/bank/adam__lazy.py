# ruff: noqa
import numpy as np
from w2vlib.sparse import RowGradient


# --- right: rows picked and written back
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            rows, values = g.coalesce()
            m[rows] = self.b1 * m[rows] + (1 - self.b1) * values
            v[rows] = self.b2 * v[rows] + (1 - self.b2) * values**2
            p[rows] -= lr_t * m[rows] / (np.sqrt(v[rows]) + 1e-7)


# --- right: row by row in a dictionary
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.state = lr, beta1, beta2, 0, {}

    def update(self, params, grads):
        self.t += 1
        for n, g in enumerate(grads):
            for row, value in zip(*g.coalesce()):
                m, v = self.state.get((n, row), (0.0, 0.0))
                m, v = m + (1 - self.b1) * (value - m), v + (1 - self.b2) * (value**2 - v)
                self.state[n, row] = m, v
                mh, vh = m / (1 - self.b1**self.t), v / (1 - self.b2**self.t)
                params[n][row] -= self.lr * mh / (np.sqrt(vh) + 1e-8)


# --- right: a mask over the dense gradient
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            dense, touched = g.to_dense(), np.zeros((len(p), 1), bool)
            touched[g.coalesce()[0]] = True
            np.copyto(m, m + (1 - self.b1) * (dense - m), where=touched)
            np.copyto(v, v + (1 - self.b2) * (dense**2 - v), where=touched)
            np.copyto(p, p - lr_t * m / (np.sqrt(v) + 1e-7), where=touched)


# --- wrong: dense-average
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            g = g.to_dense()
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g**2 - v)
            p -= lr_t * m / (np.sqrt(v) + 1e-7)


# --- wrong: dense-decay
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            rows, values = g.coalesce()
            m *= self.b1
            v *= self.b2
            m[rows] += (1 - self.b1) * values
            v[rows] += (1 - self.b2) * values * values
            p[rows] -= lr_t * m[rows] / (np.sqrt(v[rows]) + 1e-7)
