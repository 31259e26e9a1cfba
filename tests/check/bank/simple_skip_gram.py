# ruff: noqa
import numpy as np
from w2vlib.functions import softmax
from w2vlib.layers import MatMul, SoftmaxWithLoss


# --- right: two loss layers
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        W_in = 0.01 * np.random.randn(vocab_size, hidden_size).astype("f")
        W_out = 0.01 * np.random.randn(hidden_size, vocab_size).astype("f")
        self.in_layer, self.out_layer = MatMul(W_in), MatMul(W_out)
        self.loss_layer1, self.loss_layer2 = SoftmaxWithLoss(), SoftmaxWithLoss()
        self.params = self.in_layer.params + self.out_layer.params
        self.grads = self.in_layer.grads + self.out_layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        s = self.out_layer.forward(self.in_layer.forward(target))
        return self.loss_layer1.forward(s, contexts[:, 0]) + self.loss_layer2.forward(
            s, contexts[:, 1]
        )

    def backward(self, dout=1):
        ds = self.loss_layer1.backward(dout) + self.loss_layer2.backward(dout)
        self.in_layer.backward(self.out_layer.backward(ds))


# --- right: in formulas
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.t, self.c = target, contexts
        self.h = target @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -np.einsum("bcv,bv->", contexts, np.log(self.y)) / len(target)

    def backward(self, dout=1):
        ds = (self.c.shape[1] * self.y - self.c.sum(axis=1)) * dout / len(self.y)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.t.T @ ds @ self.params[1].T


# --- right: example by example
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        W_in, W_out = self.params
        self.work, loss = [], 0
        for row, word in zip(contexts.argmax(2), target.argmax(1)):
            y = softmax(W_in[word] @ W_out)
            loss -= sum(np.log(y[c]) for c in row)
            self.work.append((word, row, y))
        return loss / len(target)

    def backward(self, dout=1):
        W_in, W_out = self.params
        for g in self.grads:
            g *= 0
        for word, row, y in self.work:
            ds = len(row) * y
            for c in row:
                ds[c] -= 1
            ds = ds * dout / len(self.work)
            self.grads[1] += np.outer(W_in[word], ds)
            self.grads[0][word] += W_out @ ds


# --- wrong: mean-instead-of-sum
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.t, self.c = target, contexts
        self.h = target @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -np.mean([(c * np.log(self.y)).sum(axis=1) for c in contexts.swapaxes(0, 1)])

    def backward(self, dout=1):
        ds = (self.y - self.c.mean(axis=1)) * dout / len(self.y)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.t.T @ ds @ self.params[1].T


# --- wrong: dh-overwritten
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.t, self.c = target, contexts
        self.h = target @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -np.einsum("bcv,bv->", contexts, np.log(self.y)) / len(target)

    def backward(self, dout=1):
        self.grads[1][...] = 0
        for c in range(self.c.shape[1]):
            ds = (self.y - self.c[:, c]) * dout / len(self.y)
            self.grads[1] += self.h.T @ ds
            dh = ds @ self.params[1].T
        self.grads[0][...] = self.t.T @ dh


# --- wrong: contexts-and-target-swapped
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.x, self.t = contexts.mean(axis=1), target
        self.h = self.x @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -(target * np.log(self.y)).sum() / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.t) * dout / len(self.t)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.x.T @ (ds @ self.params[1].T)


# --- wrong: missing-1/B
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.t, self.c = target, contexts
        self.h = target @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -np.sum(contexts * np.log(self.y)[:, None])

    def backward(self, dout=1):
        ds = (self.c.shape[1] * self.y - self.c.sum(axis=1)) * dout
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.t.T @ ds @ self.params[1].T


# --- wrong: probabilities-once
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.t, self.c = target, contexts
        self.h = target @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -np.einsum("bcv,bv->", contexts, np.log(self.y)) / len(target)

    def backward(self, dout=1):
        ds = (self.y - self.c.sum(axis=1)) * dout / len(self.y)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.t.T @ ds @ self.params[1].T


# --- wrong: output-grads-not-filled
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        W_in = 0.01 * np.random.randn(vocab_size, hidden_size)
        W_out = 0.01 * np.random.randn(hidden_size, vocab_size)
        self.in_layer, self.out_layer = MatMul(W_in), MatMul(W_out)
        self.losses = [SoftmaxWithLoss(), SoftmaxWithLoss()]
        self.params = [W_in, W_out]
        self.grads = [self.in_layer.grads[0], np.zeros_like(W_out)]

    def forward(self, contexts, target):
        s = self.out_layer.forward(self.in_layer.forward(target))
        return sum(l.forward(s, contexts[:, c]) for c, l in enumerate(self.losses))

    def backward(self, dout=1):
        ds = sum(l.backward(dout) for l in self.losses)
        self.in_layer.backward(self.out_layer.backward(ds))


# --- wrong: ?  the answers are in the gradient once, the probabilities C times
class SimpleSkipGram:
    def __init__(self, vocab_size, hidden_size):
        self.params = [np.ones((vocab_size, hidden_size)), np.ones((hidden_size, vocab_size))]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, contexts, target):
        self.t, self.c = target, contexts
        self.h = target @ self.params[0]
        self.y = softmax(self.h @ self.params[1])
        return -np.einsum("bcv,bv->", contexts, np.log(self.y)) / len(target)

    def backward(self, dout=1):
        ds = (self.c.shape[1] * self.y - self.c[:, 0]) * dout / len(self.y)
        self.grads[1][...] = self.h.T @ ds
        self.grads[0][...] = self.t.T @ ds @ self.params[1].T
