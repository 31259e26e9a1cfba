# ruff: noqa
import numpy as np
from w2vlib.functions import sigmoid
from w2vlib.layers import Embedding
from w2vlib.negative_sampling import NegativeSamplingLoss


# --- right: one loss layer for each context, as in the textbook
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        V, H = vocab_size, hidden_size
        W_in = 0.01 * np.random.randn(V, H).astype("f")
        W_out = 0.01 * np.random.randn(V, H).astype("f")
        self.in_layer = Embedding(W_in)
        self.loss_layers = []
        for i in range(2 * window_size):
            self.loss_layers.append(NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5))
        self.params, self.grads = [], []
        for layer in [self.in_layer] + self.loss_layers:
            self.params += layer.params
            self.grads += layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        h = self.in_layer.forward(target)
        loss = 0
        for i, layer in enumerate(self.loss_layers):
            loss += layer.forward(h, contexts[:, i])
        return loss

    def backward(self, dout=1):
        dh = 0
        for layer in self.loss_layers:
            dh += layer.backward(dout)
        self.in_layer.backward(dh)


# --- right: the same with given negatives
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.e = Embedding(np.zeros((vocab_size, hidden_size)))
        W_out = np.zeros((vocab_size, hidden_size))
        self.ls = [NegativeSamplingLoss(W_out, corpus) for _ in range(2 * window_size)]
        self.params = self.e.params + [l.params[0] for l in self.ls]
        self.grads = self.e.grads + [l.grads[0] for l in self.ls]

    def forward(self, contexts, target, negatives=None):
        h, loss = self.e.forward(target), 0.0
        for c in reversed(range(contexts.shape[1])):
            given = None if negatives is None else negatives[:, c]
            loss += self.ls[c].forward(h, contexts[:, c], given)
        return loss

    def backward(self, dout=1):
        self.e.backward(np.sum([l.backward(dout) for l in self.ls], axis=0))


# --- right: by hand with einsum
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.params = [np.zeros((vocab_size, hidden_size)) for _ in range(2)]
        self.grads = [np.zeros_like(p) for p in self.params]
        self.sampler = NegativeSamplingLoss(self.params[1], corpus).sampler

    def forward(self, contexts, target, negatives=None):
        if negatives is None:
            negatives = self.sampler.get_negative_sample(contexts)
        self.target = target
        self.ids = np.concatenate([contexts[..., None], negatives], axis=-1)
        self.h = self.params[0][target]
        s = np.einsum("bckh,bh->bck", self.params[1][self.ids], self.h)
        self.g = sigmoid(s)
        self.g[..., 0] -= 1
        return np.logaddexp(0, np.concatenate([-s[..., :1], s[..., 1:]], axis=-1)).sum() / len(
            target
        )

    def backward(self, dout=1):
        g = self.g * dout / len(self.target)
        for grad in self.grads:
            grad.fill(0)
        np.add.at(self.grads[1], self.ids, np.einsum("bck,bh->bckh", g, self.h))
        np.add.at(
            self.grads[0], self.target, np.einsum("bck,bckh->bh", g, self.params[1][self.ids])
        )


# --- wrong: dh-overwritten
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layer = Embedding(W_in)
        self.loss_layers = [NegativeSamplingLoss(W_out, corpus) for _ in range(2 * window_size)]
        layers = [self.in_layer] + self.loss_layers
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target):
        h = self.in_layer.forward(target)
        return sum(l.forward(h, contexts[:, i]) for i, l in enumerate(self.loss_layers))

    def backward(self, dout=1):
        for layer in self.loss_layers:
            dh = layer.backward(dout)
        self.in_layer.backward(dh)


# --- wrong: mean-instead-of-sum
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layer, self.loss = Embedding(W_in), NegativeSamplingLoss(W_out, corpus)
        self.params = self.in_layer.params + self.loss.params
        self.grads = self.in_layer.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        self.C = contexts.shape[1]
        return self.loss.forward(self.in_layer.forward(target), contexts, negatives) / self.C

    def backward(self, dout=1):
        self.in_layer.backward(self.loss.backward(dout / self.C))


# --- wrong: first-context-only
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layer, self.loss = Embedding(W_in), NegativeSamplingLoss(W_out, corpus)
        self.params = self.in_layer.params + self.loss.params
        self.grads = self.in_layer.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        if negatives is not None:
            negatives = negatives[:, 0]
        return self.loss.forward(self.in_layer.forward(target), contexts[:, 0], negatives)

    def backward(self, dout=1):
        self.in_layer.backward(self.loss.backward(dout))


# --- wrong: contexts-and-target-swapped
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layer, self.loss = Embedding(W_in), NegativeSamplingLoss(W_out, corpus)
        self.params = self.in_layer.params + self.loss.params
        self.grads = self.in_layer.grads + self.loss.grads

    def forward(self, contexts, target):
        self.shape = contexts.shape
        return self.loss.forward(self.in_layer.forward(contexts).mean(axis=1), target)

    def backward(self, dout=1):
        dh = self.loss.backward(dout) / self.shape[1]
        self.in_layer.backward(np.repeat(dh[:, None], self.shape[1], axis=1))


# --- wrong: assigned-instead-of-added
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.W_in = np.random.randn(vocab_size, hidden_size)
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = [self.W_in] + self.loss.params
        self.grads = [np.zeros_like(self.W_in)] + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        self.target = target
        return self.loss.forward(self.W_in[target], contexts, negatives)

    def backward(self, dout=1):
        self.grads[0][...] = 0
        self.grads[0][self.target] = self.loss.backward(dout)


# --- wrong: other-weights
class SkipGram:
    """Keeps copies of the matrices in `params`."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        rng = np.random.default_rng(0)
        W_in = 0.01 * rng.normal(size=(vocab_size, hidden_size))
        W_out = 0.01 * rng.normal(size=(vocab_size, hidden_size))
        self.embed, self.loss = Embedding(W_in), NegativeSamplingLoss(W_out, corpus)
        self.params = [W_in.copy(), W_out.copy()]
        self.grads = [self.embed.grads[0], self.loss.grads[0]]

    def forward(self, contexts, target):
        return self.loss.forward(self.embed.forward(target), contexts)

    def backward(self, dout=1):
        self.embed.backward(self.loss.backward(dout))


# --- wrong: shared-weight-overwritten
class SkipGram:
    """Lists the first of the loss layers only, as if it knew the whole gradient of W_out."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in = np.random.randn(vocab_size, hidden_size)
        W_out = np.random.randn(vocab_size, hidden_size)
        self.embed = Embedding(W_in)
        self.losses = [NegativeSamplingLoss(W_out, corpus) for _ in range(2 * window_size)]
        self.params, self.grads = [W_in, W_out], self.embed.grads + self.losses[0].grads

    def forward(self, contexts, target, negatives=None):
        h, total = self.embed.forward(target), 0
        for i, loss in enumerate(self.losses):
            total += loss.forward(h, contexts[:, i], negatives[:, i])
        return total

    def backward(self, dout=1):
        self.embed.backward(sum(loss.backward(dout) for loss in self.losses))


# --- wrong: negatives-ignored
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.e = Embedding(np.zeros((vocab_size, hidden_size)))
        W_out = np.zeros((vocab_size, hidden_size))
        self.ls = [NegativeSamplingLoss(W_out, corpus) for _ in range(2 * window_size)]
        self.params = self.e.params + [l.params[0] for l in self.ls]
        self.grads = self.e.grads + [l.grads[0] for l in self.ls]

    def forward(self, contexts, target, negatives=None):
        h = self.e.forward(target)
        return sum(l.forward(h, contexts[:, c]) for c, l in enumerate(self.ls))

    def backward(self, dout=1):
        self.e.backward(np.sum([l.backward(dout) for l in self.ls], axis=0))


# --- wrong: output-grads-not-filled
class SkipGram:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in = np.random.randn(vocab_size, hidden_size)
        W_out = np.random.randn(vocab_size, hidden_size)
        self.e = Embedding(W_in)
        self.ls = [NegativeSamplingLoss(W_out, corpus) for _ in range(2 * window_size)]
        self.params = [W_in, W_out]
        self.grads = [self.e.grads[0], np.zeros_like(W_out)]

    def forward(self, contexts, target, negatives=None):
        h, loss = self.e.forward(target), 0.0
        for c, layer in enumerate(self.ls):
            given = None if negatives is None else negatives[:, c]
            loss += layer.forward(h, contexts[:, c], given)
        return loss

    def backward(self, dout=1):
        self.e.backward(np.sum([l.backward(dout) for l in self.ls], axis=0))
