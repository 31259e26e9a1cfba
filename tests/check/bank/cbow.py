# ruff: noqa
import numpy as np
from w2vlib.functions import sigmoid
from w2vlib.layers import Embedding, EmbeddingMean
from w2vlib.negative_sampling import NegativeSamplingLoss


# --- right: the textbook, without the argument negatives
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        V, H = vocab_size, hidden_size
        W_in = 0.01 * np.random.randn(V, H).astype("f")
        W_out = 0.01 * np.random.randn(V, H).astype("f")
        self.in_layers = []
        for i in range(2 * window_size):
            self.in_layers.append(Embedding(W_in))
        self.ns_loss = NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
        self.params, self.grads = [], []
        for layer in self.in_layers + [self.ns_loss]:
            self.params += layer.params
            self.grads += layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        h = 0
        for i, layer in enumerate(self.in_layers):
            h += layer.forward(contexts[:, i])
        h *= 1 / len(self.in_layers)
        return self.ns_loss.forward(h, target)

    def backward(self, dout=1):
        dout = self.ns_loss.backward(dout)
        dout *= 1 / len(self.in_layers)
        for layer in self.in_layers:
            layer.backward(dout)


# --- right: one lookup for all contexts
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus, seed=None):
        rng = np.random.default_rng(seed)
        self.embed = Embedding(rng.normal(size=(vocab_size, hidden_size)))
        W_out = rng.normal(size=(vocab_size, hidden_size))
        self.loss = NegativeSamplingLoss(W_out, corpus, rng=rng)
        self.params = self.embed.params + self.loss.params
        self.grads = self.embed.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        self.C = contexts.shape[1]
        return self.loss.forward(self.embed.forward(contexts).mean(axis=1), target, negatives)

    def backward(self, dout=1):
        dh = self.loss.backward(dout) / self.C
        self.embed.backward(np.repeat(dh[:, None, :], self.C, axis=1))


# --- right: by hand, output matrix listed first
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.W_in, self.W_out = (
            np.ones((vocab_size, hidden_size)),
            np.zeros((vocab_size, hidden_size)),
        )
        self.loss = NegativeSamplingLoss(self.W_out, corpus)
        self.dW_in = np.zeros_like(self.W_in)
        self.params = [self.loss.params[0], self.W_in]
        self.grads = [self.loss.grads[0], self.dW_in]

    @property
    def word_vecs(self):
        return self.W_in

    def forward(self, contexts, target, negatives=None):
        self.contexts = contexts
        h = np.array([np.mean([self.W_in[i] for i in row], axis=0) for row in contexts])
        return self.loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.loss.backward(dout)
        self.dW_in[...] = 0
        for row, d in zip(self.contexts, dh):
            for i in row:
                self.dW_in[i] += d / len(row)


# --- wrong: missing-1/C
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = sum(l.forward(contexts[:, i]) for i, l in enumerate(self.in_layers))
        return self.ns_loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout)
        for l in self.in_layers:
            l.backward(dh)


# --- wrong: missing-1/C
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target):
        h = np.mean([l.forward(contexts[:, i]) for i, l in enumerate(self.in_layers)], axis=0)
        return self.ns_loss.forward(h, target)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout)
        for l in self.in_layers:
            l.backward(dh)


# --- wrong: shared-weight-overwritten
class CBOW:
    """One gradient array for all contexts, cleared for each of them."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.W_in = np.random.randn(vocab_size, hidden_size)
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = [self.W_in] + self.loss.params
        self.grads = [np.zeros_like(self.W_in)] + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        self.contexts = contexts
        return self.loss.forward(self.W_in[contexts].mean(1), target, negatives)

    def backward(self, dout=1):
        dh = self.loss.backward(dout) / self.contexts.shape[1]
        for column in self.contexts.T:
            self.grads[0][...] = 0
            np.add.at(self.grads[0], column, dh)


# --- wrong: assigned-instead-of-added
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.W_in = np.random.randn(vocab_size, hidden_size)
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = [self.W_in] + self.loss.params
        self.grads = [np.zeros_like(self.W_in)] + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        self.contexts = contexts
        return self.loss.forward(self.W_in[contexts].mean(1), target, negatives)

    def backward(self, dout=1):
        dh = self.loss.backward(dout) / self.contexts.shape[1]
        self.grads[0][...] = 0
        for column in self.contexts.T:
            self.grads[0][column] += dh


# --- wrong: window-ignored
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.left, self.right = Embedding(W_in), Embedding(W_in)
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        layers = [self.left, self.right, self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = (self.left.forward(contexts[:, 0]) + self.right.forward(contexts[:, 1])) * 0.5
        return self.ns_loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) * 0.5
        self.left.backward(dh)
        self.right.backward(dh)


# --- wrong: grads-not-filled
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.mean = EmbeddingMean(np.random.randn(vocab_size, hidden_size))
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = self.mean.params + self.loss.params
        self.grads = self.mean.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        return self.loss.forward(self.mean.forward(contexts), target, negatives)

    def backward(self, dout=1):
        dh = self.loss.backward(dout)


# --- wrong: dout-ignored
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.mean = EmbeddingMean(np.random.randn(vocab_size, hidden_size))
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = self.mean.params + self.loss.params
        self.grads = self.mean.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        return self.loss.forward(self.mean.forward(contexts), target, negatives)

    def backward(self, dout=1):
        self.mean.backward(self.loss.backward())


# --- wrong: ?  one matrix for input and output
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W = np.random.randn(vocab_size, hidden_size)
        self.mean, self.loss = EmbeddingMean(W), NegativeSamplingLoss(W, corpus)
        self.params = self.mean.params + self.loss.params
        self.grads = self.mean.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        return self.loss.forward(self.mean.forward(contexts), target, negatives)

    def backward(self, dout=1):
        self.mean.backward(self.loss.backward(dout))


# --- wrong: other-weights
class CBOW:
    """Each layer has a W_in of its own, and `params` holds yet another one."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        def matrix():
            return (0.01 * np.random.default_rng(0).normal(size=(vocab_size, hidden_size))).astype(
                "f"
            )

        self.layers = [Embedding(matrix()) for _ in range(2 * window_size)]
        self.loss = NegativeSamplingLoss(matrix(), corpus)
        self.params = [matrix(), self.loss.params[0]]
        self.grads = [np.zeros_like(self.params[0]), self.loss.grads[0]]

    def forward(self, contexts, target, negatives=None):
        h = sum(e.forward(contexts[:, c]) for c, e in enumerate(self.layers)) / len(self.layers)
        return self.loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.loss.backward(dout) / len(self.layers)
        for layer in self.layers:
            layer.backward(dh)
        self.grads[0][...] = sum(layer.grads[0] for layer in self.layers)


# --- wrong: divided-by-window-size
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        self.window_size = window_size
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = sum(l.forward(contexts[:, i]) for i, l in enumerate(self.in_layers)) / self.window_size
        return self.ns_loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) / self.window_size
        for l in self.in_layers:
            l.backward(dh)


# --- wrong: divided-by-window-size  in forward only
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        self.window_size = window_size
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = sum(l.forward(contexts[:, i]) for i, l in enumerate(self.in_layers)) / self.window_size
        return self.ns_loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) / len(self.in_layers)
        for l in self.in_layers:
            l.backward(dh)


# --- wrong: divided-by-window-size  in backward only
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        self.window_size = window_size
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = sum(l.forward(contexts[:, i]) for i, l in enumerate(self.in_layers)) / len(
            self.in_layers
        )
        return self.ns_loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) / self.window_size
        for l in self.in_layers:
            l.backward(dh)


# --- wrong: ?  divided by one context too many
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in, W_out = (
            np.random.randn(vocab_size, hidden_size),
            np.random.randn(vocab_size, hidden_size),
        )
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus)
        self.window_size = window_size
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = sum(l.forward(contexts[:, i]) for i, l in enumerate(self.in_layers)) / (
            len(self.in_layers) + 1
        )
        return self.ns_loss.forward(h, target, negatives)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) / (len(self.in_layers) + 1)
        for l in self.in_layers:
            l.backward(dh)


# --- wrong: negatives-ignored
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.mean = EmbeddingMean(np.random.randn(vocab_size, hidden_size))
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = self.mean.params + self.loss.params
        self.grads = self.mean.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        return self.loss.forward(self.mean.forward(contexts), target)

    def backward(self, dout=1):
        self.mean.backward(self.loss.backward(dout))


# --- wrong: negatives-ignored  in float32, with a layer for each context
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in = 0.01 * np.random.randn(vocab_size, hidden_size).astype("f")
        W_out = 0.01 * np.random.randn(vocab_size, hidden_size).astype("f")
        self.in_layers = [Embedding(W_in) for _ in range(2 * window_size)]
        self.ns_loss = NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
        layers = self.in_layers + [self.ns_loss]
        self.params = [p for l in layers for p in l.params]
        self.grads = [g for l in layers for g in l.grads]

    def forward(self, contexts, target, negatives=None):
        h = 0
        for i, layer in enumerate(self.in_layers):
            h += layer.forward(contexts[:, i])
        h *= 1 / len(self.in_layers)
        return self.ns_loss.forward(h, target)

    def backward(self, dout=1):
        dh = self.ns_loss.backward(dout) / len(self.in_layers)
        for layer in self.in_layers:
            layer.backward(dh)


# --- wrong: ?  the given negatives and three drawn ones
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.mean = EmbeddingMean(np.random.randn(vocab_size, hidden_size))
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = self.mean.params + self.loss.params
        self.grads = self.mean.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        if negatives is not None:
            drawn = self.loss.sampler.get_negative_sample(target)
            negatives = np.hstack([negatives, drawn])[:, :5]
        return self.loss.forward(self.mean.forward(contexts), target, negatives)

    def backward(self, dout=1):
        self.mean.backward(self.loss.backward(dout))


# --- wrong: ?  the first of the negatives five times
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        self.mean = EmbeddingMean(np.random.randn(vocab_size, hidden_size))
        self.loss = NegativeSamplingLoss(np.random.randn(vocab_size, hidden_size), corpus)
        self.params = self.mean.params + self.loss.params
        self.grads = self.mean.grads + self.loss.grads

    def forward(self, contexts, target, negatives=None):
        if negatives is not None:
            negatives = np.repeat(negatives[:, :1], 5, axis=1)
        return self.loss.forward(self.mean.forward(contexts), target, negatives)

    def backward(self, dout=1):
        self.mean.backward(self.loss.backward(dout))


# --- wrong: output-grads-not-filled
class CBOW:
    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        W_in = np.random.randn(vocab_size, hidden_size)
        W_out = np.random.randn(vocab_size, hidden_size)
        self.mean, self.loss = EmbeddingMean(W_in), NegativeSamplingLoss(W_out, corpus)
        self.params = [W_in, W_out]
        self.grads = [self.mean.grads[0], np.zeros_like(W_out)]

    def forward(self, contexts, target, negatives=None):
        return self.loss.forward(self.mean.forward(contexts), target, negatives)

    def backward(self, dout=1):
        self.mean.backward(self.loss.backward(dout))
