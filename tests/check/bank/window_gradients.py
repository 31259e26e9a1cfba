# ruff: noqa
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# --- right: three lines back
def window_gradients(x, W, b, u):
    h = sigmoid(x @ W + b)
    delta = u * h * (1 - h)
    return np.outer(x, delta), delta, h, W @ delta


# --- right: index by index
def window_gradients(x, W, b, u):
    D, H = W.shape
    dW, db, du, dx = np.zeros((D, H)), np.zeros(H), np.zeros(H), np.zeros(D)
    for j in range(H):
        f = sigmoid(sum(x[i] * W[i, j] for i in range(D)) + b[j])
        du[j] = f
        db[j] = u[j] * f * (1 - f)
        for i in range(D):
            dW[i, j] = db[j] * x[i]
            dx[i] += db[j] * W[i, j]
    return dW, db, du, dx


# --- right: einsum, the derivative as σ(z)σ(−z), a list
def window_gradients(x, W, b, u):
    z = np.einsum("d,dh->h", x, W) + b
    d = np.einsum("h,h,h->h", u, sigmoid(z), sigmoid(-z))
    return [np.einsum("d,h->dh", x, d), d.copy(), sigmoid(z), np.einsum("dh,h->d", W, d)]


# --- right: with arrays of one row
def window_gradients(x, W, b, u):
    X = x.reshape(1, -1)
    F = sigmoid(X @ W + b)
    E = F * (1 - F) * u
    return X.T @ E, E.sum(axis=0), F[0], (E @ W.T)[0]


# --- wrong: slope-missing
def window_gradients(x, W, b, u):
    h = sigmoid(x @ W + b)
    return x[:, None] * u, u.copy(), h, W @ u


# --- wrong: slope-of-z
def window_gradients(x, W, b, u):
    z = x @ W + b
    delta = u * (z * (1 - z))
    return np.outer(x, delta), delta, sigmoid(z), delta @ W.T


# --- wrong: value-for-slope
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * u
    return np.outer(x, delta), delta, f, W.dot(delta)


# --- wrong: other-slope
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = (1 - f**2) * u
    return np.outer(x, delta), delta, f, W.dot(delta)


# --- wrong: u-forgotten
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * (1 - f)
    return np.outer(x, delta), delta, f, W.dot(delta)


# --- wrong: du-before-activation
def window_gradients(x, W, b, u):
    z = x @ W + b
    f = sigmoid(z)
    delta = f * (1 - f) * u
    return np.outer(x, delta), delta, z, W.dot(delta)


# --- wrong: gradient-transposed
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * (1 - f) * u
    return np.outer(delta, x), delta, f, W.dot(delta)


# --- wrong: dx-transposed
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * (1 - f) * u
    return np.outer(x, delta), delta, f, W.T.dot(delta)


# --- wrong: bias-gradient-is-u
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * (1 - f) * u
    return np.outer(x, delta), 1.0 * u, f, W.dot(delta)


# --- wrong: bias-forgotten
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W)
    delta = f * (1 - f) * u
    return np.outer(x, delta), delta, f, W.dot(delta)


# --- wrong: order-swapped
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * (1 - f) * u
    dx, dW, db, du = W.dot(delta), np.outer(x, delta), delta, f
    return dx, dW, db, du


# --- wrong: ?  only three of the gradients
def window_gradients(x, W, b, u):
    f = sigmoid(x @ W + b)
    delta = f * (1 - f) * u
    return np.outer(x, delta), delta, f


# --- wrong: slope-at-h
def window_gradients(x, W, b, u):
    def f(z):
        return 1 / (1 + np.exp(-z))

    h = f(x @ W + b)
    delta = u * f(h) * (1 - f(h))
    return np.outer(x, delta), delta, h, W @ delta


# --- wrong: other-activation
def window_gradients(x, W, b, u):
    h = np.tanh(x @ W + b)
    delta = u * (1 - h**2)
    return np.outer(x, delta), delta, h, W @ delta


# --- wrong: order-swapped
def window_gradients(x, W, b, u):
    h = 1 / (1 + np.exp(-(x @ W + b)))
    delta = u * h * (1 - h)
    return delta, np.outer(x, delta), h, W @ delta
