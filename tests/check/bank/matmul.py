# ruff: noqa
# Solutions as students might hand them in.  "--- wrong: <mistake>" or "--- right".
import numpy as np


# --- right: the textbook
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]
        self.x = None

    def forward(self, x):
        (W,) = self.params
        out = np.dot(x, W)
        self.x = x
        return out

    def backward(self, dout):
        (W,) = self.params
        dx = np.dot(dout, W.T)
        dW = np.dot(self.x.T, dout)
        self.grads[0][...] = dW
        return dx


# --- right: einsum
class MatMul:
    def __init__(self, W):
        self.params, self.grads = [W], [np.empty(W.shape, W.dtype)]

    def forward(self, x):
        self.x = x.copy()
        return np.einsum("bd,dh->bh", x, self.params[0])

    def backward(self, dout):
        np.einsum("bd,bh->dh", self.x, dout, out=self.grads[0])
        return np.einsum("bh,dh->bd", dout, self.params[0])


# --- right: loops only, rows in reverse
class MatMul:
    def __init__(self, W):
        self.W, self.dW = W, np.zeros_like(W)
        self.params, self.grads = [self.W], [self.dW]

    def forward(self, x):
        B, D = x.shape
        y = np.zeros((B, self.W.shape[1]), dtype=self.W.dtype)
        for b in reversed(range(B)):
            for d in range(D):
                y[b] += x[b, d] * self.W[d]
        self.saved = x
        return y

    def backward(self, dout):
        self.dW.fill(0)
        dx = np.zeros_like(self.saved)
        for b in range(len(dout)):
            self.dW += np.outer(self.saved[b], dout[b])
            for d in range(dx.shape[1]):
                dx[b, d] = (dout[b] * self.W[d]).sum()
        return dx


# --- right: tensordot, a tuple of parameters
class MatMul:
    def __init__(self, W):
        self.params = (W,)
        self.grads = (W * 0,)

    def forward(self, x):
        self.x = x
        return np.tensordot(x, self.params[0], axes=(1, 0))

    def backward(self, dout):
        dW = np.tensordot(self.x, dout, axes=(0, 0))
        np.copyto(self.grads[0], dW)
        return np.tensordot(dout, self.params[0], axes=(1, 1))


# --- wrong: weights-transposed
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return np.matmul(x, self.params[0].T)

    def backward(self, dout):
        self.grads[0][:] = np.matmul(dout.T, self.x)
        return np.matmul(dout, self.params[0])


# --- wrong: transpose-forgotten
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return np.dot(x, self.params[0])

    def backward(self, dout):
        self.grads[0][...] = np.dot(self.x.T, dout)
        return np.dot(dout, self.params[0])


# --- wrong: gradient-transposed
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        dx = dout @ self.params[0].T
        dW = dout.T @ self.x
        self.grads[0][...] = dW
        return dx


# --- wrong: grads-rebound
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        dW = self.x.T @ dout
        self.grads[0] = dW
        return dout @ self.params[0].T


# --- wrong: grads-accumulate
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        for row, d in zip(self.x, dout):
            self.grads[0] += row[:, None] * d[None, :]
        return dout @ self.params[0].T


# --- wrong: dout-ignored
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        (W,) = self.params
        self.grads[0][...] = self.x.sum(axis=0)[:, np.newaxis]
        return np.tile(W.sum(axis=1), (len(self.x), 1))


# --- wrong: extra-mean
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        self.grads[0][...] = np.mean([np.outer(a, b) for a, b in zip(self.x, dout)], axis=0)
        return dout @ self.params[0].T


# --- wrong: forgotten-return
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        out = x @ self.params[0]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        return dout @ self.params[0].T


# --- wrong: weights-changed
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        dx = dout @ self.params[0].T
        self.grads[0][...] = self.x.T @ dout
        self.params[0] -= self.grads[0]
        return dx


# --- wrong: ?  the gradient of one example only
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dout):
        self.grads[0][...] = np.outer(self.x[0], dout[0])
        return dout @ self.params[0].T


# --- wrong: ?  a typing error in forward
class MatMul:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        self.x = x
        return x @ self.parms[0]

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        return dout @ self.params[0].T
