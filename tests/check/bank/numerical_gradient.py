# ruff: noqa
import numpy as np


# --- right: the textbook with nditer
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    it = np.nditer(x, flags=["multi_index"], op_flags=["readwrite"])
    while not it.finished:
        idx = it.multi_index
        tmp_val = x[idx]
        x[idx] = tmp_val + h
        fxh1 = f(x)
        x[idx] = tmp_val - h
        fxh2 = f(x)
        grad[idx] = (fxh1 - fxh2) / (2 * h)
        x[idx] = tmp_val
        it.iternext()
    return grad


# --- right: on copies
def numerical_gradient(f, x):
    slopes = []
    for i in range(x.size):
        up, down = x.copy(), x.copy()
        up.flat[i] += 1e-5
        down.flat[i] -= 1e-5
        slopes.append((f(up) - f(down)) / 2e-5)
    return np.array(slopes).reshape(x.shape)


# --- right: moves there and back
def numerical_gradient(f, x):
    out = np.empty(x.shape)
    for i in np.ndindex(*x.shape):
        h = 1e-4 * max(1.0, abs(x[i]))
        x[i] += h
        high = f(x)
        x[i] -= 2 * h
        low = f(x)
        x[i] += h
        out[i] = (high - low) / (2 * h)
    return out


# --- right: four points
def numerical_gradient(f, x):
    def along(i, s):
        moved = np.array(x)
        moved.ravel()[i] += s
        return f(moved)

    h = 1e-3
    g = [
        (8 * (along(i, h) - along(i, -h)) - along(i, 2 * h) + along(i, -2 * h)) / (12 * h)
        for i in range(x.size)
    ]
    return np.reshape(g, x.shape)


# --- wrong: forward-difference
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    fx = f(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        grad[i] = (f(x) - fx) / h
        x[i] = old
    return grad


# --- wrong: forward-difference
def numerical_gradient(f, x):
    h = 1e-3
    grad = np.zeros(x.size)
    for i in range(x.size):
        back = x.copy()
        back.flat[i] -= h
        grad[i] = (f(x) - f(back)) / h
    return grad.reshape(x.shape)


# --- wrong: divided-by-h
def numerical_gradient(f, x):
    eps = 1e-4
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + eps
        a = f(x)
        x[i] = old - eps
        b = f(x)
        x[i] = old
        grad[i] = (a - b) / eps
    return grad


# --- wrong: f-at-one-point
def numerical_gradient(f, x):
    h = 10e-50
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        old = x[i]
        x[i] = old + h
        a = f(x)
        x[i] = old - h
        b = f(x)
        x[i] = old
        grad[i] = (a - b) / (2 * h)
    return grad


# --- wrong: f-at-one-point
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        moved = x.copy()
        moved[i] += h
        a = f(x)
        moved[i] -= 2 * h
        b = f(x)
        grad[i] = (a - b) / (2 * h)
    return grad


# --- wrong: x-not-restored
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        x[i] += h
        a = f(x)
        x[i] -= 2 * h
        b = f(x)
        grad[i] = (a - b) / (2 * h)
    return grad


# --- wrong: moved-together
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    for i in range(len(x)):
        old = np.copy(x[i])
        x[i] = old + h
        a = f(x)
        x[i] = old - h
        b = f(x)
        x[i] = old
        grad[i] = (a - b) / (2 * h)
    return grad


# --- wrong: shape-lost
def numerical_gradient(f, x):
    h = 1e-4
    grad = []
    for i in range(x.size):
        up, down = x.copy(), x.copy()
        up.flat[i] += h
        down.flat[i] -= h
        grad.append((f(up) - f(down)) / (2 * h))
    return np.array(grad)


# --- wrong: step-too-large
def numerical_gradient(f, x):
    h = 0.5
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up) - f(down)) / (2 * h)
    return grad


# --- wrong: step-too-small
def numerical_gradient(f, x):
    h = 1e-15
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(up) - f(down)) / (2 * h)
    return grad


# --- wrong: wrong-sign
def numerical_gradient(f, x):
    h = 1e-4
    grad = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[i] += h
        down[i] -= h
        grad[i] = (f(down) - f(up)) / (2 * h)
    return grad


# --- wrong: x-not-restored (the step is not that of the check)
def numerical_gradient(f, x):
    h, gradient = 1e-5, np.zeros_like(x)
    for i in np.ndindex(x.shape):
        before = x[i]
        x[i] = before + h
        high = f(x)
        x[i] = before - h
        gradient[i] = (high - f(x)) / (2 * h)
    return gradient


# --- wrong: moved-together (and the row that was kept is no copy)
def numerical_gradient(f, x, h=1e-5):
    gradient = np.zeros_like(x)
    for i in range(len(x)):
        before = x[i]
        x[i] = before + h
        high = f(x)
        x[i] = before - h
        low = f(x)
        x[i] = before
        gradient[i] = (high - low) / (2 * h)
    return gradient
