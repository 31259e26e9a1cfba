"""What the GPU kernels should do, in float64 and in plain loops; one warp goes through the text.

What differs from the CPU's loops (``tests/fast/reference.py``): output rows come in groups of
eight; CBOW and shared windows read a row of W_in when it enters the window and change it when it
leaves; text is worked on in pieces.
"""

import numpy as np

from tests.fast.reference import Reference, neighbours, sentences_of

GROUP, PIECE = 8, 128


class Groups(Reference):
    """Steps with groups of eight rows, each answered before the next."""

    def answer(self, h, ids, labels):
        dh = np.zeros_like(h)
        for start in range(0, len(ids), GROUP):
            part = slice(start, start + GROUP)
            dh += self.step(h, ids[part], labels[part])
        return dh


def outputs(word, negatives):
    """(rows of W_out, labels) of a word."""
    return np.array([word, *negatives]), np.array([1] + [0] * len(negatives))


def windows_of(corpus, reaches):
    """Positions of the neighbours of each target; none for a word alone in its sentence."""
    found = [[] for _ in corpus.ids]
    for begin, end in sentences_of(corpus):
        for t in range(begin, end):
            found[t] = neighbours(t, reaches[t], begin, end)
    return found


def pieces(corpus, begin, end, window):
    """(first target, end, first position that is read, end) of each piece."""
    for first in range(begin, end, PIECE):
        last = min(first + PIECE, end)
        yield first, last, max(0, first - window), min(len(corpus.ids), last + window)


class Sliding:
    """The rows of W_in that are in the window: read when they enter, changed when they leave."""

    def __init__(self, state, ids, window, p0, p1):
        self.state, self.ids, self.window = state, ids, window
        self.entered = self.left = p0
        self.end = p1
        self.rows, self.change = {}, {}

    def enter(self, t):
        while self.entered <= t + self.window and self.entered < self.end:
            self.rows[self.entered] = self.state.W_in[self.ids[self.entered]].copy()
            self.change[self.entered] = np.zeros_like(self.rows[self.entered])
            self.entered += 1

    def leave(self, until):
        for p in range(self.left, min(until, self.end)):
            self.state.W_in[self.ids[p]] -= self.change[p]
            self.left = p + 1


def cbow(W_in, W_out, corpus, window, negatives, reaches, lr, mean_gradient=True):
    state = Groups(W_in, W_out, lr)
    others = windows_of(corpus, reaches)
    for first, last, p0, p1 in pieces(corpus, 0, len(corpus.ids), window):
        ring = Sliding(state, corpus.ids, window, p0, p1)
        for t in range(first, last):
            ring.enter(t)
            if others[t]:
                h = np.mean([ring.rows[p] for p in others[t]], axis=0)[None]
                dh = state.answer(h, *outputs(corpus.ids[t], negatives[t]))[0]
                for p in others[t]:
                    ring.change[p] += dh / (len(others[t]) if mean_gradient else 1)
            ring.leave(t - window + 1)
        ring.leave(p1)
    return state.W_in, state.W_out, state.loss


def skipgram(W_in, W_out, corpus, window, negatives, reaches, lr):
    state = Groups(W_in, W_out, lr)
    for t, others in enumerate(windows_of(corpus, reaches)):
        h = state.W_in[[corpus.ids[t]]]
        change = np.zeros_like(h)
        for p in others:
            column = p - t + (window if p < t else window - 1)
            change += state.answer(h, *outputs(corpus.ids[p], negatives[t][column]))
        state.W_in[corpus.ids[t]] -= change[0]
    return state.W_in, state.W_out, state.loss


def windows(W_in, W_out, corpus, window, negatives, reaches, lr):
    state = Groups(W_in, W_out, lr)
    others = windows_of(corpus, reaches)
    for first, last, p0, p1 in pieces(corpus, 0, len(corpus.ids), window):
        ring = Sliding(state, corpus.ids, window, p0, p1)
        for t in range(first, last):
            ring.enter(t)
            ids, labels = outputs(corpus.ids[t], negatives[t])
            for start in range(0, len(ids) if others[t] else 0, GROUP):
                part = slice(start, start + GROUP)
                h = np.array([ring.rows[p] - ring.change[p] for p in others[t]])
                dh = state.step(h, ids[part], labels[part])
                for p, change in zip(others[t], dh, strict=True):
                    ring.change[p] += change
            ring.leave(t - window + 1)
        ring.leave(p1)
    return state.W_in, state.W_out, state.loss


def frozen(model, W_in, W_out, corpus, window, negatives, reaches, lr, mean_gradient=True):
    """All answers from the same weights; then everything is added."""
    change_in, change_out = np.zeros(W_in.shape), np.zeros(W_out.shape)
    loss = 0.0

    def step(h, ids, labels):
        nonlocal loss
        state = Reference(W_in, W_out, lr)
        dh = state.step(h, ids, labels)
        change_out[...] += state.W_out - W_out
        loss += state.loss
        return dh

    for t, others in enumerate(windows_of(corpus, reaches)):
        if not others:
            continue
        words, word = corpus.ids[others], corpus.ids[t]
        if model == "cbow":
            dh = step(W_in[words].mean(axis=0, dtype=float)[None], *outputs(word, negatives[t]))
            share = len(words) if mean_gradient else 1
            np.subtract.at(change_in, words, np.repeat(dh / share, len(words), axis=0))
        elif model == "windows":
            dh = step(W_in[words].astype(float), *outputs(word, negatives[t]))
            np.subtract.at(change_in, words, dh)
        else:
            for p in others:
                column = p - t + (window if p < t else window - 1)
                h = W_in[[word]].astype(float)
                change_in[word] -= step(h, *outputs(corpus.ids[p], negatives[t][column]))[0]
    return W_in + change_in, W_out + change_out, loss
