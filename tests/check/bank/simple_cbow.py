# ruff: noqa
import numpy as np
from w2vlib.functions import softmax
from w2vlib.layers import MatMul, SoftmaxWithLoss


# --- right: the textbook, two input layers on one matrix
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        V, H = vocab_size, hidden_size
        W_in = 0.01 * np.random.randn(V, H).astype("f")
        W_out = 0.01 * np.random.randn(H, V).astype("f")
        self.in_layer0 = MatMul(W_in)
        self.in_layer1 = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layer = SoftmaxWithLoss()
        layers = [self.in_layer0, self.in_layer1, self.out_layer]
        self.params, self.grads = [], []
        for layer in layers:
            self.params += layer.params
            self.grads += layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        h0 = self.in_layer0.forward(contexts[:, 0])
        h1 = self.in_layer1.forward(contexts[:, 1])
        h = (h0 + h1) * 0.5
        score = self.out_layer.forward(h)
        return self.loss_layer.forward(score, target)

    def backward(self, dout=1):
        ds = self.loss_layer.backward(dout)
        da = self.out_layer.backward(ds)
        da *= 0.5
        self.in_layer1.backward(da)
        self.in_layer0.backward(da)
        return None


# --- right: everything in one formula, float64
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        self.W_in = np.random.randn(vocab_size, hidden_size)
        self.W_out = np.random.randn(hidden_size, vocab_size)
        self.params = [self.W_in, self.W_out]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.x = contexts.mean(axis=1)
        self.t = target
        self.h = self.x @ self.W_in
        s = self.h @ self.W_out
        self.y = softmax(s)
        return -(target * np.log(self.y)).sum() / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.t) * dout / len(self.t)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.x.T @ (ds @ self.W_out.T)


# --- right: rows picked instead of one-hot products
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size, seed=0):
        rng = np.random.default_rng(seed)
        self.params = [
            rng.normal(size=(vocab_size, hidden_size)),
            rng.normal(size=(hidden_size, vocab_size)),
        ]
        self.grads = [p * 0 for p in self.params]

    def forward(self, contexts, target):
        self.c, self.t = contexts.argmax(axis=2), target.argmax(axis=1)
        W_in, W_out = self.params
        self.h = W_in[self.c].sum(axis=1) / self.c.shape[1]
        s = self.h @ W_out
        self.y = softmax(s)
        return float(np.mean([-np.log(row[k]) for row, k in zip(self.y, self.t)]))

    def backward(self, dout=1):
        ds = self.y.copy()
        ds[np.arange(len(ds)), self.t] -= 1
        ds *= dout / len(ds)
        self.grads[1][:] = np.einsum("bh,bv->hv", self.h, ds)
        self.grads[0].fill(0)
        for row, d in zip(self.c, ds @ self.params[1].T):
            for i in row:
                self.grads[0][i] += d / len(row)


# --- wrong: missing-1/C
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        V, H = vocab_size, hidden_size
        W_in, W_out = np.random.randn(V, H), np.random.randn(H, V)
        self.a, self.b, self.o, self.l = (
            MatMul(W_in),
            MatMul(W_in),
            MatMul(W_out),
            SoftmaxWithLoss(),
        )
        self.params = self.a.params + self.b.params + self.o.params
        self.grads = self.a.grads + self.b.grads + self.o.grads

    def forward(self, contexts, target):
        h = self.a.forward(contexts[:, 0]) + self.b.forward(contexts[:, 1])
        return self.l.forward(self.o.forward(h), target)

    def backward(self, dout=1):
        dh = self.o.backward(self.l.backward(dout))
        self.a.backward(dh)
        self.b.backward(dh)


# --- wrong: missing-1/C
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        V, H = vocab_size, hidden_size
        W_in, W_out = np.random.randn(V, H), np.random.randn(H, V)
        self.a, self.b, self.o, self.l = (
            MatMul(W_in),
            MatMul(W_in),
            MatMul(W_out),
            SoftmaxWithLoss(),
        )
        self.params = self.a.params + self.b.params + self.o.params
        self.grads = self.a.grads + self.b.grads + self.o.grads

    def forward(self, contexts, target):
        h = 0.5 * (self.a.forward(contexts[:, 0]) + self.b.forward(contexts[:, 1]))
        return self.l.forward(self.o.forward(h), target)

    def backward(self, dout=1):
        dh = self.o.backward(self.l.backward(dout))
        self.a.backward(dh)
        self.b.backward(dh)


# --- wrong: shared-weight-overwritten
class SimpleCBOW:
    """A simple MatMul, used twice: it remembers its last input only."""

    class Mat:
        def __init__(self, W):
            self.W, self.dW = W, np.zeros_like(W)

        def forward(self, x):
            self.x = x
            return x @ self.W

        def backward(self, d):
            self.dW[...] = self.x.T @ d
            return d @ self.W.T

    def __init__(self, vocab_size, hidden_size):
        self.i = self.Mat(np.random.randn(vocab_size, hidden_size))
        self.o = self.Mat(np.random.randn(hidden_size, vocab_size))
        self.l = SoftmaxWithLoss()
        self.params, self.grads = [self.i.W, self.o.W], [self.i.dW, self.o.dW]

    def forward(self, contexts, target):
        h = (self.i.forward(contexts[:, 0]) + self.i.forward(contexts[:, 1])) / 2
        return self.l.forward(self.o.forward(h), target)

    def backward(self, dout=1):
        dh = self.o.backward(self.l.backward(dout)) / 2
        self.i.backward(dh)
        self.i.backward(dh)


# --- wrong: hidden-layer-activated
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        self.params = [
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(hidden_size, vocab_size),
        ]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.x, self.t = contexts.mean(axis=1), target
        self.h = np.tanh(self.x @ self.params[0])
        self.y = softmax(self.h @ self.params[1])
        return -(target * np.log(self.y)).sum() / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.t) * dout / len(self.t)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.x.T @ ((1 - self.h**2) * (ds @ self.params[1].T))


# --- wrong: first-context-only
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        self.i = MatMul(np.random.randn(vocab_size, hidden_size))
        self.o = MatMul(np.random.randn(hidden_size, vocab_size))
        self.l = SoftmaxWithLoss()
        self.params, self.grads = self.i.params + self.o.params, self.i.grads + self.o.grads

    def forward(self, contexts, target):
        return self.l.forward(self.o.forward(self.i.forward(contexts[:, 0, :])), target)

    def backward(self, dout=1):
        self.i.backward(self.o.backward(self.l.backward(dout)))


# --- wrong: grads-not-filled
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        self.params = [
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(hidden_size, vocab_size),
        ]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.x, self.t = contexts.mean(axis=1), target
        self.h = self.x @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -(target * np.log(self.y)).sum() / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.t) * dout / len(self.t)
        dh = ds @ self.params[1].T
        self.grads[1][...] = self.h.T @ ds


# --- wrong: dout-ignored
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        self.params = [
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(hidden_size, vocab_size),
        ]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.x, self.t = contexts.mean(axis=1), target
        self.h = self.x @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -(target * np.log(self.y)).sum() / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.t) / len(self.t)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.x.T @ (ds @ self.params[1].T)


# --- wrong: ?  gradients of W_in and W_out in the wrong order of the list
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        self.params = [
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(hidden_size, vocab_size),
        ]
        self.grads = [np.zeros_like(p) for p in self.params[::-1]]

    def forward(self, contexts, target):
        self.x, self.t = contexts.mean(axis=1), target
        self.h = self.x @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -(target * np.log(self.y)).sum() / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.t) * dout / len(self.t)
        self.grads[0][...] = self.h.T @ ds
        self.grads[1][...] = self.x.T @ (ds @ self.params[1].T)


# --- wrong: output-grads-not-filled
class SimpleCBOW:
    def __init__(self, vocab_size, hidden_size):
        W_in = 0.01 * np.random.randn(vocab_size, hidden_size)
        W_out = 0.01 * np.random.randn(hidden_size, vocab_size)
        self.in_layers = [MatMul(W_in), MatMul(W_in)]
        self.out_layer, self.loss_layer = MatMul(W_out), SoftmaxWithLoss()
        self.params = [W_in, W_out]
        self.grads = [np.zeros_like(W_in), np.zeros_like(W_out)]

    def forward(self, contexts, target):
        h = sum(l.forward(contexts[:, c]) for c, l in enumerate(self.in_layers)) / 2
        return self.loss_layer.forward(self.out_layer.forward(h), target)

    def backward(self, dout=1):
        dh = self.out_layer.backward(self.loss_layer.backward(dout)) / 2
        self.grads[0][...] = 0
        for layer in self.in_layers:
            layer.backward(dh)
            self.grads[0] += layer.grads[0]
