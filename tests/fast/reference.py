"""What the compiled loops should do, written with the NumPy layers in float64.

A *step* is one input vector against one or two groups of at most six output rows; the docstring of
``w2vlib.fast.kernels`` says which weights are frozen meanwhile.  Slow and simple.
"""

import numpy as np

from w2vlib.hierarchical_softmax import huffman_codes
from w2vlib.layers import EmbeddingDot, EmbeddingMean, SigmoidWithLoss

BLOCK, GROUP = 64, 6


class Reference:
    """W_in and W_out in float64, and steps that change them."""

    def __init__(self, W_in, W_out, lr):
        self.W_in, self.W_out, self.lr = W_in.astype(np.float64), W_out.astype(np.float64), lr
        self.loss = 0.0

    def step(self, h, ids, labels):
        """``h`` (B, H) against some rows; W_out changes; returns lr · dh, (B, H)."""
        layer, loss = EmbeddingDot(self.W_out), SigmoidWithLoss()
        batch = len(h)
        score = layer.forward(h, np.tile(ids, (batch, 1)))
        # The layers take the mean over the batch; a step takes the sum.
        self.loss += batch * loss.forward(score, np.tile(labels, (batch, 1)))
        dh = batch * layer.backward(loss.backward())
        self.W_out -= self.lr * batch * layer.grads[0]
        return self.lr * dh

    def steps(self, h, groups):
        """Some groups (ids, labels), each answered before the next; returns lr · dh, (B, H)."""
        return sum(self.step(h, ids, labels) for ids, labels in groups)


def groups_of(ids, labels):
    """The rows of a word, six at a time."""
    return [(ids[i : i + GROUP], labels[i : i + GROUP]) for i in range(0, len(ids), GROUP)]


def in_twos(groups):
    """Two groups become one: what is worked on together."""
    pairs = [groups[i : i + 2] for i in range(0, len(groups), 2)]
    return [tuple(map(np.concatenate, zip(*pair, strict=True))) for pair in pairs]


def outputs_of(corpus, loss):
    """A function (word, negatives) → groups of (rows of W_out, labels)."""
    if loss == "negative_sampling":
        return lambda word, negatives: groups_of(
            np.array([word, *negatives]), np.array([1] + [0] * len(negatives))
        )
    codes, points = huffman_codes(corpus.counts)
    return lambda word, _: groups_of(np.array(points[word]), 1 - np.array(codes[word]))


def sentences_of(corpus):
    """(begin, end) of each sentence that has at least two words."""
    starts = [0] if corpus.sentence_starts is None else corpus.sentence_starts.tolist()
    for begin, end in zip(starts, [*starts[1:], len(corpus.ids)], strict=True):
        if end - begin > 1:
            yield begin, end


def neighbours(t, reach, begin, end):
    """Positions of the neighbours of t."""
    return [p for p in range(max(begin, t - reach), min(end, t + reach + 1)) if p != t]


def cbow(W_in, W_out, corpus, window, negatives, reaches, lr, loss, mean_gradient=True):
    """One pass of CBOW: (W_in, W_out, loss)."""
    state = Reference(W_in, W_out, lr)
    outputs = outputs_of(corpus, loss)
    for begin, end in sentences_of(corpus):
        for first in range(begin, end, BLOCK):
            change = np.zeros_like(state.W_in)
            for t in range(first, min(first + BLOCK, end)):
                words = corpus.ids[neighbours(t, reaches[t], begin, end)]
                layer = EmbeddingMean(state.W_in)
                h = layer.forward(words[None, :])
                groups = outputs(corpus.ids[t], negatives[t])
                layer.backward(state.steps(h, in_twos(groups)))
                change += layer.grads[0] * (1 if mean_gradient else len(words))
            state.W_in -= change
    return state.W_in, state.W_out, state.loss


def skipgram(W_in, W_out, corpus, window, negatives, reaches, lr, loss):
    """One pass of skip-gram: (W_in, W_out, loss); negatives (T, 2w, K)."""
    state = Reference(W_in, W_out, lr)
    outputs = outputs_of(corpus, loss)
    for begin, end in sentences_of(corpus):
        for t in range(begin, end):
            h = state.W_in[[corpus.ids[t]]]
            groups = []
            for p in neighbours(t, reaches[t], begin, end):
                column = p - t + (window if p < t else window - 1)
                groups += outputs(corpus.ids[p], negatives[t][column])
            change = state.steps(h, in_twos(groups))
            state.W_in[corpus.ids[t]] -= change[0]
    return state.W_in, state.W_out, state.loss


def windows(W_in, W_out, corpus, window, negatives, reaches, lr, loss):
    """One pass of skip-gram with shared negatives: (W_in, W_out, loss); negatives (T, K)."""
    state = Reference(W_in, W_out, lr)
    outputs = outputs_of(corpus, loss)
    for begin, end in sentences_of(corpus):
        for t in range(begin, end):
            words = corpus.ids[neighbours(t, reaches[t], begin, end)]
            dh = state.steps(state.W_in[words], outputs(corpus.ids[t], negatives[t]))
            np.subtract.at(state.W_in, words, dh)
    return state.W_in, state.W_out, state.loss
