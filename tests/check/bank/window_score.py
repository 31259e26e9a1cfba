# ruff: noqa
import numpy as np
from math import exp


# --- right: three lines
def window_score(x, W, b, u):
    z = x @ W + b
    h = 1 / (1 + np.exp(-z))
    return h @ u


# --- right: plain loops
def window_score(x, W, b, u):
    s = 0.0
    for j in range(len(u)):
        z = b[j]
        for i in range(len(x)):
            z += x[i] * W[i, j]
        s += u[j] * (1 / (1 + exp(-z)) if z > -700 else 0.0)
    return s


# --- right: einsum and tanh
def window_score(x, W, b, u):
    z = np.einsum("d,dh->h", x, W) + b
    return np.einsum("h,h->", (1 + np.tanh(z / 2)) / 2, u)


# --- right: as a matrix with one row
def window_score(x, W, b, u):
    z = np.dot(x[None, :], W) + b[None, :]
    return float(np.dot(1 / (1 + np.exp(-z)), u[:, None])[0, 0])


# --- wrong: bias-forgotten
def window_score(x, W, b, u):
    h = 1 / (1 + np.exp(-(x @ W)))
    return np.dot(u, h)


# --- wrong: activation-missing
def window_score(x, W, b, u):
    return np.dot(np.dot(x, W) + b, u)


# --- wrong: other-activation
def window_score(x, W, b, u):
    return np.tanh(x @ W + b) @ u


# --- wrong: bias-after-activation
def window_score(x, W, b, u):
    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    return (sigmoid(x @ W) + b) @ u


# --- wrong: activation-at-the-end
def window_score(x, W, b, u):
    s = (x @ W + b) @ u
    return 1 / (1 + np.exp(-s))


# --- wrong: not-summed
def window_score(x, W, b, u):
    h = 1 / (1 + np.exp(-(x @ W + b)))
    return u * h


# --- wrong: weights-transposed
def window_score(x, W, b, u):
    z = W @ x + b
    return (1 / (1 + np.exp(-z))) @ u


# --- wrong: sigmoid-overflow
def window_score(x, W, b, u):
    z = x @ W + b
    return (np.exp(z) / (1 + np.exp(z))) @ u


# --- wrong: relu
def window_score(x, W, b, u):
    z = x @ W + b
    z[z < 0] = 0
    return z @ u


# --- wrong: ?  a softmax
def window_score(x, W, b, u):
    z = x @ W + b
    e = np.exp(z - z.max())
    return e / e.sum() @ u


# --- wrong: activation-twice
def window_score(x, W, b, u):
    def f(z):
        return 1 / (1 + np.exp(-z))

    return f(f(x @ W + b) @ u)


# --- wrong: exponent-sign
def window_score(x, W, b, u):
    h = 1 / (1 + np.exp(x @ W + b))
    return h @ u
