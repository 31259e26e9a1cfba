# ruff: noqa
import numpy as np


# --- right: the textbook
def create_co_matrix(corpus, vocab_size, window_size=1):
    corpus_size = len(corpus)
    co_matrix = np.zeros((vocab_size, vocab_size), dtype=np.int32)
    for idx, word_id in enumerate(corpus):
        for i in range(1, window_size + 1):
            left_idx = idx - i
            right_idx = idx + i
            if left_idx >= 0:
                co_matrix[word_id, corpus[left_idx]] += 1
            if right_idx < corpus_size:
                co_matrix[word_id, corpus[right_idx]] += 1
    return co_matrix


# --- right: right neighbours, then the transpose
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size))
    for s in range(1, window_size + 1):
        np.add.at(C, (corpus[:-s], corpus[s:]), 1)
    return C + C.T


# --- right: slices and a counter
def create_co_matrix(corpus, vocab_size, window_size=1):
    from collections import Counter

    words, pairs = corpus.tolist(), Counter()
    for i, w in enumerate(words):
        neighbours = words[max(0, i - window_size) : i] + words[i + 1 : i + window_size + 1]
        pairs.update((w, n) for n in neighbours)
    C = np.zeros((vocab_size, vocab_size), dtype=np.uint16)
    for (i, j), n in pairs.items():
        C[i, j] = n
    return C


# --- right: one-hot matrices
def create_co_matrix(corpus, vocab_size, window_size=1):
    X = np.eye(vocab_size, dtype=int)[corpus]
    C = sum(X[:-s].T @ X[s:] for s in range(1, window_size + 1))
    return C + C.T


# --- wrong: one-sided
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for i in range(len(corpus)):
        for s in range(1, window_size + 1):
            if i + s < len(corpus):
                C[corpus[i], corpus[i + s]] += 1
    return C


# --- wrong: self-counted
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for i, word in enumerate(corpus):
        for other in corpus[max(0, i - window_size) : i + window_size + 1]:
            C[word, other] += 1
    return C


# --- wrong: assigned-instead-of-added
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for s in range(1, window_size + 1):
        C[corpus[:-s], corpus[s:]] = 1
        C[corpus[s:], corpus[:-s]] = 1
    return C


# --- wrong: wraps-around
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for i, word in enumerate(corpus):
        for s in range(1, window_size + 1):
            C[word, corpus[i - s]] += 1
            if i + s < len(corpus):
                C[word, corpus[i + s]] += 1
    return C


# --- wrong: edges-missing
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for i in range(window_size, len(corpus) - window_size):
        for s in range(1, window_size + 1):
            C[corpus[i], corpus[i - s]] += 1
            C[corpus[i], corpus[i + s]] += 1
    return C


# --- wrong: window-off-by-one
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for i in range(len(corpus)):
        for s in range(1, window_size):
            if i - s >= 0:
                C[corpus[i], corpus[i - s]] += 1
            if i + s < len(corpus):
                C[corpus[i], corpus[i + s]] += 1
    return C


# --- wrong: vocab-size-ignored
def create_co_matrix(corpus, vocab_size, window_size=1):
    n = len(set(corpus.tolist()))
    n = max(n, corpus.max() + 1)
    C = np.zeros((n, n), dtype=int)
    for s in range(1, window_size + 1):
        np.add.at(C, (corpus[:-s], corpus[s:]), 1)
        np.add.at(C, (corpus[s:], corpus[:-s]), 1)
    return C


# --- wrong: counted-twice
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for i in range(len(corpus)):
        for j in range(len(corpus)):
            if i != j and abs(i - j) <= window_size:
                C[corpus[i], corpus[j]] += 1
                C[corpus[j], corpus[i]] += 1
    return C


# --- wrong: ?  counts fade with the distance
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size))
    for s in range(1, window_size + 1):
        np.add.at(C, (corpus[:-s], corpus[s:]), 1 / s)
    return C + C.T


# --- wrong: repeated-pairs-lost
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = np.zeros((vocab_size, vocab_size), dtype=int)
    for s in range(1, window_size + 1):
        C[corpus[:-s], corpus[s:]] += 1
        C[corpus[s:], corpus[:-s]] += 1
    return C


# --- wrong: rows-shared
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = [[0] * vocab_size] * vocab_size
    for i, word in enumerate(corpus):
        for j in range(max(0, i - window_size), min(len(corpus), i + window_size + 1)):
            if j != i:
                C[word][corpus[j]] += 1
    return C


# --- wrong: rows-shared  an array of one row, listed V times
def create_co_matrix(corpus, vocab_size, window_size=1):
    C = [np.zeros(vocab_size, dtype=int)] * vocab_size
    for s in range(1, window_size + 1):
        for left, right in zip(corpus[:-s], corpus[s:]):
            C[left][right] += 1
            C[right][left] += 1
    return np.array(C)
