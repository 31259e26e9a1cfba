# ruff: noqa
import math
import numpy as np


# --- right: the formula
def optimal_score(pair_count, word_count, p, K):
    return math.log(pair_count / (K * word_count * p))


# --- right: by halving an interval
def optimal_score(pair_count, word_count, p, K):
    a, b = pair_count, K * word_count * p
    low, high = -50.0, 50.0
    for _ in range(200):
        middle = (low + high) / 2
        slope = -a / (1 + math.exp(middle)) + b / (1 + math.exp(-middle))
        low, high = (middle, high) if slope < 0 else (low, middle)
    return low


# --- right: from the probability, as an array
def optimal_score(pair_count, word_count, p, K):
    y = np.array([pair_count / (pair_count + K * word_count * p)])
    return np.log(y) - np.log1p(-y)


# --- wrong: K-forgotten
def optimal_score(pair_count, word_count, p, K):
    return np.log(pair_count) - np.log(word_count) - np.log(p)


# --- wrong: log2
def optimal_score(pair_count, word_count, p, K):
    return math.log2(pair_count / (word_count * p)) - math.log2(K)


# --- wrong: probability-not-score
def optimal_score(pair_count, word_count, p, K):
    return pair_count / (pair_count + K * p * word_count)


# --- wrong: upside-down
def optimal_score(pair_count, word_count, p, K):
    return np.log(K) + np.log(word_count * p) - np.log(pair_count)


# --- wrong: ?  plus and minus mixed up
def optimal_score(pair_count, word_count, p, K):
    return np.log(pair_count * word_count) - np.log(K * p)


# --- wrong: power-twice
def optimal_score(pair_count, word_count, p, K):
    return np.log(pair_count) - np.log(K * word_count) - 0.75 * np.log(p)


# --- wrong: log-of-probability
def optimal_score(pair_count, word_count, p, K):
    wrong = K * word_count * p
    return np.log(pair_count) - np.log(pair_count + wrong)
