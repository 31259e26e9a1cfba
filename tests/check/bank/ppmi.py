# ruff: noqa
import numpy as np


# --- right: the textbook's loops
def ppmi(C, verbose=False, eps=1e-8):
    M = np.zeros_like(C, dtype=np.float32)
    N = np.sum(C)
    S = np.sum(C, axis=0)
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            if C[i, j] == 0:
                continue
            pmi = np.log2(C[i, j] * N / (S[j] * S[i]) + eps)
            M[i, j] = max(0, pmi)
    return M


# --- right: outer product, only where counted
def ppmi(C):
    S = C.sum(axis=1)
    M = np.zeros(C.shape)
    met = C > 0
    M[met] = np.log2(C[met] / np.outer(S, S)[met] * C.sum())
    return M.clip(min=0)


# --- right: with probabilities and nan_to_num
def ppmi(C):
    P = C / C.sum()
    p = P.sum(axis=0, keepdims=True)
    with np.errstate(all="ignore"):
        pmi = np.log2(P) - np.log2(p) - np.log2(p.T)
    return np.maximum(np.nan_to_num(pmi, nan=0.0, neginf=0.0), 0)


# --- wrong: not-clipped
def ppmi(C):
    M = np.zeros(C.shape)
    N, S = C.sum(), C.sum(axis=0)
    for i in range(len(C)):
        for j in range(len(C)):
            if C[i, j]:
                M[i, j] = np.log2(C[i, j] * N / (S[i] * S[j]))
    return M


# --- wrong: not-clipped
def ppmi(C):
    S = C.sum(axis=0)
    return np.log2(C * C.sum() / np.maximum(np.outer(S, S), 1) + 1e-8)


# --- wrong: natural-log
def ppmi(C):
    N, S = C.sum(), C.sum(axis=0)
    ratio = C * N / np.maximum(np.outer(S, S), 1)
    return np.maximum(0, np.log(ratio + 1e-12))


# --- wrong: N-is-V
def ppmi(C):
    N, S = len(C), C.sum(axis=0)
    M = np.zeros(C.shape)
    for i, j in zip(*np.nonzero(C)):
        M[i, j] = max(0.0, np.log2(C[i, j] * N / S[i] / S[j]))
    return M


# --- wrong: N-missing
def ppmi(C):
    S = C.sum(axis=0)
    M = np.zeros(C.shape)
    for i, j in zip(*np.nonzero(C)):
        M[i, j] = max(0.0, np.log2(C[i, j] / (S[i] * S[j])))
    return M


# --- wrong: zero-row-nan
def ppmi(C):
    S = C.sum(axis=0)
    return np.maximum(0, np.log2(C * C.sum() / np.outer(S, S) + 1e-8))


# --- wrong: one-word-divided
def ppmi(C):
    N = C.sum()
    S = np.maximum(C.sum(axis=1, keepdims=True), 1)
    return np.maximum(0, np.log2(C * N / S + 1e-12))


# --- wrong: absolute-value
def ppmi(C):
    N, S = C.sum(), C.sum(axis=0)
    M = np.zeros(C.shape)
    for i, j in np.argwhere(C):
        M[i, j] = abs(np.log2(C[i, j] * N / (S[i] * S[j])))
    return M


# --- wrong: logarithm-missing
def ppmi(C):
    N, S = C.sum(), C.sum(axis=0)
    return np.maximum(0, C * N / np.maximum(np.outer(S, S), 1))


# --- wrong: ?  shifted by one
def ppmi(C):
    N, S = C.sum(), C.sum(axis=0)
    M = np.zeros(C.shape)
    for i, j in np.argwhere(C):
        M[i, j] = max(0, np.log2(C[i, j] * N / (S[i] * S[j])) - 1)
    return M


# --- wrong: whole-numbers
def ppmi(C):
    M, S, N = np.zeros_like(C), C.sum(axis=0), C.sum()
    for i in range(len(C)):
        for j in range(len(C)):
            if C[i, j]:
                M[i, j] = max(0, np.log2(C[i, j] * N / (S[i] * S[j])))
    return M


# --- wrong: ?  one half of a symmetric matrix
def ppmi(C):
    M, S, N = np.zeros(C.shape), C.sum(axis=0), C.sum()
    for i in range(len(C)):
        for j in range(i + 1, len(C)):
            if C[i, j]:
                M[i, j] = max(0, np.log2(C[i, j] * N / (S[i] * S[j])))
    return M
