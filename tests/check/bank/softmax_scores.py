# ruff: noqa
import numpy as np


# --- right: the logarithm of the shares
def softmax_scores(counts):
    return np.log(counts / counts.sum(axis=1, keepdims=True))


# --- right: the logarithm of the counts, with another constant in each row
def softmax_scores(counts):
    return np.log(counts) + 10.0 * np.arange(len(counts))[:, None]


# --- right: PMI and the log frequency of the neighbour
def softmax_scores(counts):
    D = counts.sum()
    pmi = np.log(counts * D / np.outer(counts.sum(axis=1), counts.sum(axis=0)))
    return (pmi + np.log(counts.sum(axis=0) / D)).tolist()


# --- right: by descent (Newton's steps for each score, until nothing moves)
def softmax_scores(counts):
    s = np.zeros_like(counts)
    share = counts / counts.sum(axis=1, keepdims=True)
    for _ in range(3000):
        q = np.exp(s - s.max(axis=1, keepdims=True))
        q /= q.sum(axis=1, keepdims=True)
        s -= 0.5 * (q - share) / q.max(axis=1, keepdims=True)
    return s


# --- wrong: neighbour-divided-out
def softmax_scores(counts):
    D = counts.sum()
    return np.log(counts * D / np.outer(counts.sum(axis=1), counts.sum(axis=0)))


# --- wrong: neighbour-divided-out  P(w | c) for P(c | w)
def softmax_scores(counts):
    return np.log(counts / counts.sum(axis=0))


# --- wrong: probabilities
def softmax_scores(counts):
    return counts / counts.sum(axis=1, keepdims=True)


# --- wrong: logarithm-missing
def softmax_scores(counts):
    return counts - counts.mean()


# --- wrong: log2
def softmax_scores(counts):
    return np.log2(counts)


# --- wrong: wrong-sign
def softmax_scores(counts):
    return np.log(counts.sum(axis=1, keepdims=True) / counts)


# --- wrong: transposed
def softmax_scores(counts):
    return np.log(counts).T


# --- wrong: ppmi
def softmax_scores(counts):
    D = counts.sum()
    pmi = np.log(counts * D / np.outer(counts.sum(axis=1), counts.sum(axis=0)))
    return np.where(pmi > 0, pmi, 0)


# --- wrong: ?  one number for each word
def softmax_scores(counts):
    return np.log(counts.sum(axis=0) / counts.sum())


# --- wrong: ?  too few steps of descent
def softmax_scores(counts):
    s = np.zeros_like(counts)
    for _ in range(20):
        q = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        s -= 0.001 * (counts.sum(axis=1, keepdims=True) * q - counts)
    return s
