# ruff: noqa
import numpy as np


# --- right: the textbook
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr = lr
        self.beta1 = beta1
        self.beta2 = beta2
        self.iter = 0
        self.m = None
        self.v = None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [], []
            for param in params:
                self.m.append(np.zeros_like(param))
                self.v.append(np.zeros_like(param))
        self.iter += 1
        lr_t = self.lr * np.sqrt(1.0 - self.beta2**self.iter) / (1.0 - self.beta1**self.iter)
        for i in range(len(params)):
            self.m[i] += (1 - self.beta1) * (grads[i] - self.m[i])
            self.v[i] += (1 - self.beta2) * (grads[i] ** 2 - self.v[i])
            params[i] -= lr_t * self.m[i] / (np.sqrt(self.v[i]) + 1e-7)


# --- right: as in the paper, corrected averages and another small constant
class Adam:
    def __init__(self, lr, beta1, beta2):
        self.hyper, self.t, self.state = (lr, beta1, beta2), 0, {}

    def update(self, params, grads):
        lr, b1, b2 = self.hyper
        self.t += 1
        for n, (p, g) in enumerate(zip(params, grads)):
            m, v = self.state.get(n, (0, 0))
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            self.state[n] = m, v
            p -= lr * (m / (1 - b1**self.t)) / (np.sqrt(v / (1 - b2**self.t)) + 1e-8)


# --- right: number by number, last parameter first
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2 = lr, beta1, beta2
        self.history = []

    def update(self, params, grads):
        self.history.append([g.copy() for g in grads])
        t = len(self.history)
        for i in reversed(range(len(params))):
            for j in np.ndindex(params[i].shape):
                m = sum(
                    (1 - self.b1) * self.b1 ** (t - 1 - k) * g[i][j]
                    for k, g in enumerate(self.history)
                )
                v = sum(
                    (1 - self.b2) * self.b2 ** (t - 1 - k) * g[i][j] ** 2
                    for k, g in enumerate(self.history)
                )
                step = (m / (1 - self.b1**t)) / ((v / (1 - self.b2**t)) ** 0.5 + 1e-10)
                params[i][j] -= self.lr * step


# --- wrong: no-bias-correction
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.m, self.v = lr, beta1, beta2, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m = [np.zeros_like(p) for p in params]
            self.v = [np.zeros_like(p) for p in params]
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m[...] = self.b1 * m + (1 - self.b1) * g
            v[...] = self.b2 * v + (1 - self.b2) * g**2
            p -= self.lr * m / (np.sqrt(v) + 1e-8)


# --- wrong: t-not-advanced
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.m, self.v = lr, beta1, beta2, {}, {}

    def update(self, params, grads):
        t = 1
        for i, g in enumerate(grads):
            self.m[i] = self.b1 * self.m.get(i, 0) + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v.get(i, 0) + (1 - self.b2) * g * g
            m_hat, v_hat = self.m[i] / (1 - self.b1**t), self.v[i] / (1 - self.b2**t)
            params[i] -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)
        t += 1


# --- wrong: t-per-parameter
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.m, self.v, self.t = lr, beta1, beta2, {}, {}, 0

    def update(self, params, grads):
        for i, g in enumerate(grads):
            self.t += 1
            self.m[i] = self.b1 * self.m.get(i, 0) + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v.get(i, 0) + (1 - self.b2) * g * g
            m_hat, v_hat = self.m[i] / (1 - self.b1**self.t), self.v[i] / (1 - self.b2**self.t)
            params[i] -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


# --- wrong: nothing-happens
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.m, self.v, self.t = lr, beta1, beta2, {}, {}, 0

    def update(self, params, grads):
        self.t += 1
        for i, (p, g) in enumerate(zip(params, grads)):
            self.m[i] = self.b1 * self.m.get(i, 0) + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v.get(i, 0) + (1 - self.b2) * g * g
            m_hat, v_hat = self.m[i] / (1 - self.b1**self.t), self.v[i] / (1 - self.b2**self.t)
            p = p - self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


# --- wrong: params-rebound
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.m, self.v, self.t = lr, beta1, beta2, {}, {}, 0

    def update(self, params, grads):
        self.t += 1
        for i, g in enumerate(grads):
            self.m[i] = self.b1 * self.m.get(i, 0) + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v.get(i, 0) + (1 - self.b2) * g * g
            m_hat, v_hat = self.m[i] / (1 - self.b1**self.t), self.v[i] / (1 - self.b2**self.t)
            params[i] = params[i] - self.lr * m_hat / (np.sqrt(v_hat) + 1e-8)


# --- wrong: square-missing
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g - v)
            p -= lr_t * m / (np.sqrt(v) + 1e-7)


# --- wrong: root-missing
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p -= lr_t * m / (v + 1e-7)


# --- wrong: betas-swapped
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b2) * (g - m)
            v += (1 - self.b1) * (g * g - v)
            p -= self.lr * (m / (1 - self.b2**self.t)) / (np.sqrt(v / (1 - self.b1**self.t)) + 1e-8)


# --- wrong: state-not-kept
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t = lr, beta1, beta2, 0

    def update(self, params, grads):
        m, v = [np.zeros_like(p) for p in params], [np.zeros_like(p) for p in params]
        self.t += 1
        for i, g in enumerate(grads):
            m[i] = self.b1 * m[i] + (1 - self.b1) * g
            v[i] = self.b2 * v[i] + (1 - self.b2) * g**2
            mh, vh = m[i] / (1 - self.b1**self.t), v[i] / (1 - self.b2**self.t)
            params[i] -= self.lr * mh / (np.sqrt(vh) + 1e-8)


# --- wrong: wrong-sign
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p += lr_t * m / (np.sqrt(v) + 1e-7)


# --- wrong: input-modified
class Adam:
    """Clips the gradients, in the model's own arrays."""

    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p -= lr_t * m / (np.sqrt(v) + 1e-7)
            g[...] = 0


# --- wrong: correction-exchanged
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b1**self.t) / (1 - self.b2**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p -= lr_t * m / (np.sqrt(v) + 1e-7)


# --- wrong: correction-without-root
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * (1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p -= lr_t * m / (np.sqrt(v) + 1e-7)


# --- wrong: t-from-zero
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p -= lr_t * m / (np.sqrt(v) + 1e-7)
        self.t += 1


# --- wrong: ?  momentum with Nesterov's look ahead
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        lr_t = self.lr * np.sqrt(1 - self.b2**self.t) / (1 - self.b1**self.t)
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            p -= lr_t * (self.b1 * m + (1 - self.b1) * g) / (np.sqrt(v) + 1e-7)


# --- wrong: correction-stored
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        for i, g in enumerate(grads):
            self.m[i] = self.b1 * self.m[i] + (1 - self.b1) * g
            self.v[i] = self.b2 * self.v[i] + (1 - self.b2) * g**2
            self.m[i] = self.m[i] / (1 - self.b1**self.t)
            self.v[i] = self.v[i] / (1 - self.b2**self.t)
            params[i] -= self.lr * self.m[i] / (np.sqrt(self.v[i]) + 1e-8)


# --- wrong: correction-stored  of the squares only, in place
class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999):
        self.lr, self.b1, self.b2, self.t, self.m, self.v = lr, beta1, beta2, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [p * 0 for p in params], [p * 0 for p in params]
        self.t += 1
        for p, g, m, v in zip(params, grads, self.m, self.v):
            m += (1 - self.b1) * (g - m)
            v += (1 - self.b2) * (g * g - v)
            m_hat = m / (1 - self.b1**self.t)
            v_hat = v
            v_hat /= 1 - self.b2**self.t
            p -= self.lr * m_hat / (np.sqrt(v_hat) + 1e-7)
