# ruff: noqa
import numpy as np


# --- right: the formula
def skip_gram_cost(H, K, C):
    return 6 * H * (K + 1) * C, 8 * H * (K + 1) * C


# --- right: one line of the table after the other
def skip_gram_cost(H, K, C):
    operations = bytes = 0
    for _ in range(C):
        for row in range(1 + K):
            operations += 2 * H  # score
            operations += 2 * H  # its part of the gradient of h
            operations += 2 * H  # update
            bytes += 4 * H + 4 * H  # read, written
    return operations, bytes


# --- right: as an array of floats
def skip_gram_cost(H, K, C):
    lines = np.array([[2.0, 4.0], [2.0, 0.0], [2.0, 4.0]])
    return C * H * (K + 1) * lines.sum(axis=0)


# --- wrong: target-forgotten
def skip_gram_cost(H, K, C):
    return 6 * H * K * C, 8 * H * K * C


# --- wrong: neighbours-forgotten
def skip_gram_cost(H, K, C):
    return 6 * H * (K + 1), 8 * H * (K + 1)


# --- wrong: cost-of-cbow
def skip_gram_cost(H, K, C):
    return 6 * H * (K + 1) + 6 * H, 4 * (2 * H * (K + 1) + 4 * H)


# --- wrong: sliding-sums
def skip_gram_cost(H, K, C):
    return C * 6 * H * (K + 1) + 6 * H, 4 * (C * 2 * H * (K + 1) + 4 * H)


# --- wrong: numbers-not-bytes
def skip_gram_cost(H, K, C):
    rows = C * (K + 1)
    return 6 * H * rows, 2 * H * rows


# --- wrong: scores-only
def skip_gram_cost(H, K, C):
    return 2 * H * (K + 1) * C, 4 * 2 * H * (K + 1) * C


# --- wrong: multiplications-only
def skip_gram_cost(H, K, C):
    return H * (K + 1) * C * 3, 4 * 2 * H * (K + 1) * C


# --- wrong: read-only
def skip_gram_cost(H, K, C):
    return 6 * H * (K + 1) * C, 4 * H * (K + 1) * C


# --- wrong: eight-bytes
def skip_gram_cost(H, K, C):
    W = np.zeros((K + 1, H))
    return 6 * W.size * C, 2 * W.nbytes * C


# --- wrong: ?  the sliding sums for each neighbour
def skip_gram_cost(H, K, C):
    return (6 * H * (K + 1) + 6 * H) * C, 4 * (2 * H * (K + 1) + 4 * H) * C
