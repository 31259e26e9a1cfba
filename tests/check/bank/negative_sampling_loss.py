# ruff: noqa
import numpy as np
from w2vlib.functions import sigmoid
from w2vlib.layers import Embedding, EmbeddingDot, SigmoidWithLoss
from w2vlib.negative_sampling import UnigramSampler


# --- right: K + 1 pairs of layers, each with gradients of its own
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layers = [SigmoidWithLoss() for _ in range(sample_size + 1)]
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.params, self.grads = [], []
        for layer in self.embed_dot_layers:
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, h, target, negatives=None):
        batch_size = target.shape[0]
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        score = self.embed_dot_layers[0].forward(h, target)
        loss = self.loss_layers[0].forward(score, np.ones(batch_size, dtype=np.int32))
        for i in range(self.sample_size):
            score = self.embed_dot_layers[1 + i].forward(h, negatives[:, i])
            loss += self.loss_layers[1 + i].forward(score, np.zeros(batch_size, dtype=np.int32))
        return loss

    def backward(self, dout=1):
        dh = 0
        for l0, l1 in zip(self.loss_layers, self.embed_dot_layers):
            dscore = l0.backward(dout)
            dh += l1.backward(dscore)
        return dh


# --- right: everything at once with einsum
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5, seed=None):
        self.W, self.dW = W, np.zeros_like(W)
        self.params, self.grads = [W], [self.dW]
        self.sampler = UnigramSampler(corpus, power, sample_size, seed=seed)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.ids = np.c_[target, negatives]
        self.h = h
        x = np.einsum("bh,bkh->bk", h, self.W[self.ids])
        self.t = np.zeros_like(x)
        self.t[:, 0] = 1
        self.y = sigmoid(x)
        return np.sum(np.logaddexp(0, x) - self.t * x) / len(h)

    def backward(self, dout=1):
        dx = (self.y - self.t) * dout / len(self.h)
        self.dW[...] = 0
        np.add.at(self.dW, self.ids, np.einsum("bk,bh->bkh", dx, self.h))
        return np.einsum("bk,bkh->bh", dx, self.W[self.ids])


# --- right: plain loops over examples and words, ±1 labels
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power, sample_size):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.weights, self.K = np.bincount(corpus).astype(float) ** power, sample_size

    def draw(self, t):
        p = self.weights.copy()
        p[t] = 0.0
        return np.random.choice(len(p), self.K, p=p / p.sum())

    def forward(self, h, target, negatives=None):
        self.todo, total = [], 0.0
        for b in range(len(h)):
            words = self.draw(target[b]) if negatives is None else negatives[b]
            for sign, w in [(1, target[b])] + [(-1, n) for n in words]:
                s = sign * float(h[b] @ self.params[0][w])
                total += np.logaddexp(0, -s)
                self.todo.append((b, w, -sign * float(sigmoid(np.array(-s)))))
        self.h = h
        return total / len(h)

    def backward(self, dout=1):
        W, dW = self.params[0], self.grads[0]
        dW.fill(0)
        dh = np.zeros_like(self.h)
        for b, w, g in self.todo:
            g = self.h.dtype.type(g * dout / len(self.h))
            dW[w] += g * self.h[b]
            dh[b] += g * W[w]
        return dh


# --- wrong: one-negative-reused
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.K = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.losses = [SigmoidWithLoss() for _ in range(sample_size + 1)]
        self.dots = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.params = [p for d in self.dots for p in d.params]
        self.grads = [g for d in self.dots for g in d.grads]

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        loss = self.losses[0].forward(self.dots[0].forward(h, target), np.ones(len(h)))
        for i in range(self.K):
            score = self.dots[1 + i].forward(h, negatives[:, 1])
            loss += self.losses[1 + i].forward(score, np.zeros(len(h)))
        return loss

    def backward(self, dout=1):
        return sum(d.backward(l.backward(dout)) for l, d in zip(self.losses, self.dots))


# --- wrong: one-negative-reused
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        K = negatives.shape[1]
        self.h, self.pos, self.neg = h, target, np.stack([negatives[:, -1]] * K, axis=1)
        W = self.params[0]
        self.sp = (W[self.pos] * h).sum(1)
        self.sn = (W[self.neg] * h[:, None]).sum(2)
        return (np.logaddexp(0, -self.sp) + np.logaddexp(0, self.sn).sum(1)).mean()

    def backward(self, dout=1):
        W, (dW,) = self.params[0], self.grads
        gp = (sigmoid(self.sp) - 1) * dout / len(self.h)
        gn = sigmoid(self.sn) * dout / len(self.h)
        dW[...] = 0
        np.add.at(dW, self.pos, gp[:, None] * self.h)
        np.add.at(dW, self.neg, gn[:, :, None] * self.h[:, None])
        return gp[:, None] * W[self.pos] + (gn[:, :, None] * W[self.neg]).sum(1)


# --- wrong: one-negative-reused
class NegativeSamplingLoss:
    """Right for given negatives; but its own draw fills a row with one word."""

    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, 1)
        self.K = sample_size

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = np.repeat(self.sampler.get_negative_sample(target), self.K, axis=1)
        self.h, self.ids = h, np.concatenate([target[:, None], negatives], axis=1)
        x = (self.params[0][self.ids] * h[:, None]).sum(2)
        self.t = np.zeros_like(x)
        self.t[:, 0] = 1
        self.y = sigmoid(x)
        return (np.logaddexp(0, x) - self.t * x).sum() / len(h)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, g[..., None] * self.h[:, None])
        return (g[..., None] * self.params[0][self.ids]).sum(1)


# --- wrong: target-drawn
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size, exclude_target=False)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.concatenate([target[:, None], negatives], axis=1)
        x = (self.params[0][self.ids] * h[:, None]).sum(2)
        self.t = np.zeros_like(x)
        self.t[:, 0] = 1
        self.y = sigmoid(x)
        return (np.logaddexp(0, x) - self.t * x).sum() / len(h)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, g[..., None] * self.h[:, None])
        return (g[..., None] * self.params[0][self.ids]).sum(1)


# --- wrong: negatives-ignored
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.concatenate([target[:, None], negatives], axis=1)
        x = (self.params[0][self.ids] * h[:, None]).sum(2)
        self.t = np.zeros_like(x)
        self.t[:, 0] = 1
        self.y = sigmoid(x)
        return (np.logaddexp(0, x) - self.t * x).sum() / len(h)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, g[..., None] * self.h[:, None])
        return (g[..., None] * self.params[0][self.ids]).sum(1)


# --- wrong: negatives-labelled-right
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.dots = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.losses = [SigmoidWithLoss() for _ in self.dots]
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.params = [p for d in self.dots for p in d.params]
        self.grads = [g for d in self.dots for g in d.grads]

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        columns = [target] + list(negatives.T)
        correct = np.ones(len(target), dtype=np.int32)
        return sum(
            l.forward(d.forward(h, c), correct) for l, d, c in zip(self.losses, self.dots, columns)
        )

    def backward(self, dout=1):
        return sum(d.backward(l.backward(dout)) for l, d in zip(self.losses, self.dots))


# --- wrong: labels-swapped
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.dots = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.losses = [SigmoidWithLoss() for _ in self.dots]
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.params = [p for d in self.dots for p in d.params]
        self.grads = [g for d in self.dots for g in d.grads]

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        loss = 0
        for k, column in enumerate([target] + list(negatives.T)):
            label = np.full(len(target), 0 if k == 0 else 1)
            loss += self.losses[k].forward(self.dots[k].forward(h, column), label)
        return loss

    def backward(self, dout=1):
        return sum(d.backward(l.backward(dout)) for l, d in zip(self.losses, self.dots))


# --- wrong: dh-overwritten
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.dots = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.losses = [SigmoidWithLoss() for _ in self.dots]
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.params = [p for d in self.dots for p in d.params]
        self.grads = [g for d in self.dots for g in d.grads]

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        loss = 0
        for k, column in enumerate([target] + list(negatives.T)):
            label = np.full(len(target), 1 if k == 0 else 0)
            loss += self.losses[k].forward(self.dots[k].forward(h, column), label)
        return loss

    def backward(self, dout=1):
        for loss, dot in zip(self.losses, self.dots):
            dh = dot.backward(loss.backward(dout))
        return dh


# --- wrong: shared-weight-overwritten
class NegativeSamplingLoss:
    """One gradient array for all questions; each of them clears it first."""

    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.hstack([target.reshape(-1, 1), negatives])
        x = np.array([[row @ self.params[0][i] for i in ids] for row, ids in zip(h, self.ids)])
        self.y, self.t = sigmoid(x), np.zeros_like(x)
        self.t[:, 0] = 1
        return (np.logaddexp(0, x) - self.t * x).sum(1).mean()

    def backward(self, dout=1):
        dh = np.zeros_like(self.h)
        for k in range(self.ids.shape[1]):
            g = ((self.y - self.t)[:, k] * dout / len(self.h))[:, None]
            dW = np.zeros_like(self.params[0])
            np.add.at(dW, self.ids[:, k], g * self.h)
            self.grads[0][...] = dW
            dh += g * self.params[0][self.ids[:, k]]
        return dh


# --- wrong: assigned-instead-of-added
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.hstack([target.reshape(-1, 1), negatives])
        x = np.einsum("bh,bkh->bk", h, self.params[0][self.ids])
        self.y, self.t = sigmoid(x), np.zeros_like(x)
        self.t[:, 0] = 1
        return (np.logaddexp(0, x) - self.t * x).sum(1).mean()

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        for b in range(len(self.h)):
            for k in range(self.ids.shape[1]):
                self.grads[0][self.ids[b, k]] = g[b, k] * self.h[b]
        return np.einsum("bk,bkh->bh", g, self.params[0][self.ids])


# --- wrong: divided-by-K+1
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.hstack([target.reshape(-1, 1), negatives])
        x = np.einsum("bh,bkh->bk", h, self.params[0][self.ids])
        self.y, self.t = sigmoid(x), np.zeros_like(x)
        self.t[:, 0] = 1
        return np.mean(np.logaddexp(0, x) - self.t * x)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / self.t.size
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, np.einsum("bk,bh->bkh", g, self.h))
        return np.einsum("bk,bkh->bh", g, self.params[0][self.ids])


# --- wrong: missing-1/B
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.hstack([target.reshape(-1, 1), negatives])
        x = np.einsum("bh,bkh->bk", h, self.params[0][self.ids])
        self.y, self.t = sigmoid(x), np.zeros_like(x)
        self.t[:, 0] = 1
        return np.sum(np.logaddexp(0, x) - self.t * x)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, np.einsum("bk,bh->bkh", g, self.h))
        return np.einsum("bk,bkh->bh", g, self.params[0][self.ids])


# --- wrong: negatives-forgotten
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.dot, self.loss = EmbeddingDot(W), SigmoidWithLoss()
        self.params, self.grads = self.dot.params, self.dot.grads

    def forward(self, h, target, negatives=None):
        return self.loss.forward(self.dot.forward(h, target), np.ones(len(target)))

    def backward(self, dout=1):
        return self.dot.backward(self.loss.backward(dout))


# --- wrong: loss-capped
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.hstack([target.reshape(-1, 1), negatives])
        self.y = sigmoid(np.einsum("bh,bkh->bk", h, self.params[0][self.ids]))
        self.t = np.zeros_like(self.y)
        self.t[:, 0] = 1
        return -np.log(np.where(self.t == 1, self.y, 1 - self.y) + 1e-7).sum() / len(h)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, np.einsum("bk,bh->bkh", g, self.h))
        return np.einsum("bk,bkh->bh", g, self.params[0][self.ids])


# --- wrong: ?  no argument negatives
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.dot, self.loss = EmbeddingDot(W), SigmoidWithLoss()
        self.params, self.grads = self.dot.params, self.dot.grads

    def forward(self, h, target):
        return self.loss.forward(self.dot.forward(h, target), np.ones(len(target)))

    def backward(self, dout=1):
        return self.dot.backward(self.loss.backward(dout))


# --- wrong: one-layer-for-all
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.dot = EmbeddingDot(W)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        words = [target, *negatives.T]
        self.losses = [SigmoidWithLoss() for _ in words]
        labels = [np.ones(len(h))] + [np.zeros(len(h))] * (len(words) - 1)
        return sum(
            loss.forward(self.dot.forward(h, w), t)
            for loss, w, t in zip(self.losses, words, labels)
        )

    def backward(self, dout=1):
        dh, dW = 0, np.zeros_like(self.grads[0])
        for loss in self.losses:
            dh = dh + self.dot.backward(loss.backward(dout))
            dW += self.dot.grads[0]
        self.grads[0][...] = dW
        return dh


# --- wrong: one-layer-for-all (a layer that remembers one input only)
class MyDot:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]

    def forward(self, h, idx):
        self.h, self.idx = h, idx
        return (self.params[0][idx] * h).sum(axis=1)

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.idx, dout[:, None] * self.h)
        return dout[:, None] * self.params[0][self.idx]


class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.dot = MyDot(W)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.losses, total = [], 0
        for k, words in enumerate([target, *negatives.T]):
            self.losses.append(SigmoidWithLoss())
            label = np.full(len(h), 1.0 if k == 0 else 0.0)
            total += self.losses[-1].forward(self.dot.forward(h, words), label)
        return total

    def backward(self, dout=1):
        dh, dW = 0, np.zeros_like(self.grads[0])
        for loss in self.losses:
            dh = dh + self.dot.backward(loss.backward(dout))
            dW += self.dot.grads[0]
        self.grads[0][...] = dW
        return dh


# --- wrong: one-negative-forgotten  the loop ends too early
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.K = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.losses = [SigmoidWithLoss() for _ in range(sample_size)]
        self.dots = [EmbeddingDot(W) for _ in range(sample_size)]
        self.params = [p for d in self.dots for p in d.params]
        self.grads = [g for d in self.dots for g in d.grads]

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        loss = self.losses[0].forward(self.dots[0].forward(h, target), np.ones(len(h)))
        for i in range(self.K - 1):
            score = self.dots[1 + i].forward(h, negatives[:, i])
            loss += self.losses[1 + i].forward(score, np.zeros(len(h)))
        return loss

    def backward(self, dout=1):
        return sum(d.backward(l.backward(dout)) for l, d in zip(self.losses, self.dots))


# --- wrong: one-negative-forgotten  K + 1 layers, of which the last one is never asked
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.K = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.losses = [SigmoidWithLoss() for _ in range(sample_size + 1)]
        self.dots = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.params = [p for d in self.dots for p in d.params]
        self.grads = [g for d in self.dots for g in d.grads]

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        loss = self.losses[0].forward(self.dots[0].forward(h, target), np.ones(len(h)))
        for i in range(self.K - 1):
            score = self.dots[1 + i].forward(h, negatives[:, i])
            loss += self.losses[1 + i].forward(score, np.zeros(len(h)))
        return loss

    def backward(self, dout=1):
        return sum(d.backward(l.backward(dout)) for l, d in zip(self.losses, self.dots))


# --- wrong: one-negative-forgotten  the first one, as if the target stood in its place
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, negatives.copy()
        self.ids[:, 0] = target
        x = np.einsum("bh,bkh->bk", h, self.params[0][self.ids])
        self.y, self.t = sigmoid(x), np.zeros_like(x)
        self.t[:, 0] = 1
        return np.sum(np.logaddexp(0, x) - self.t * x) / len(h)

    def backward(self, dout=1):
        g = (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, np.einsum("bk,bh->bkh", g, self.h))
        return np.einsum("bk,bkh->bh", g, self.params[0][self.ids])


# --- wrong: ?  each negative counts half
class NegativeSamplingLoss:
    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.params, self.grads = [W], [np.zeros_like(W)]
        self.sampler = UnigramSampler(corpus, power, sample_size)

    def forward(self, h, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.h, self.ids = h, np.hstack([target.reshape(-1, 1), negatives])
        x = np.einsum("bh,bkh->bk", h, self.params[0][self.ids])
        self.y, self.t = sigmoid(x), np.zeros_like(x)
        self.t[:, 0] = 1
        self.share = np.where(self.t == 1, 1, 0.5).astype(x.dtype)
        return np.sum(self.share * (np.logaddexp(0, x) - self.t * x)) / len(h)

    def backward(self, dout=1):
        g = self.share * (self.y - self.t) * dout / len(self.h)
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, np.einsum("bk,bh->bkh", g, self.h))
        return np.einsum("bk,bkh->bh", g, self.params[0][self.ids])
