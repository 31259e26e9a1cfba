# ruff: noqa
import heapq
import math
from collections import Counter

import numpy as np

from w2vlib import huffman_codes


# --- right: codes and shares
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return (p * [len(code) for code in codes]).sum(), -(p * np.log2(p)).sum()


# --- right: without codes – each join makes everything below it one decision deeper
def path_and_entropy(counts):
    heap = [int(c) for c in counts]
    heapq.heapify(heap)
    total, decisions = sum(heap), 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        decisions += joined
        heapq.heappush(heap, joined)
    entropy = sum(c / total * math.log2(total / c) for c in counts.tolist())
    return decisions / total, entropy


# --- right: the entropy by natural logarithms, the text written out
def path_and_entropy(counts):
    text = [word for word, count in enumerate(counts) for _ in range(count)]
    codes, _ = huffman_codes(counts)
    T = len(text)
    entropy = math.log(T) - sum(c * math.log(c) for c in Counter(text).values()) / T
    return np.mean([len(codes[word]) for word in text]), entropy / math.log(2)


# --- right: an array of two
def path_and_entropy(counts):
    p = counts / counts.sum()
    lengths = np.array([len(code) for code in huffman_codes(counts)[0]])
    return p @ np.stack([lengths, -np.log2(p)], axis=1)


# --- wrong: each-word-once
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return np.mean([len(code) for code in codes]), -(p * np.log2(p)).sum()


# --- wrong: natural-logarithm
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return sum(len(c) * x for c, x in zip(codes, p)), -sum(x * math.log(x) for x in p)


# --- wrong: path-not-divided
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return sum(len(c) * n for c, n in zip(codes, counts)), -(p * np.log2(p)).sum()


# --- wrong: minus-missing
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return (p * [len(code) for code in codes]).sum(), p @ np.log2(p)


# --- wrong: counts-not-shares
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return (p * [len(code) for code in codes]).sum(), -np.sum(counts * np.log2(counts))


# --- wrong: surprise-not-weighted
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return (p * [len(code) for code in codes]).sum(), np.mean(-np.log2(p))


# --- wrong: balanced-tree
def path_and_entropy(counts):
    p = counts / counts.sum()
    return math.log(len(counts), 2), -(p * np.log2(p)).sum()


# --- wrong: swapped
def path_and_entropy(counts):
    codes, _ = huffman_codes(counts)
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum(), (p * [len(code) for code in codes]).sum()


# --- wrong: ?  only the entropy
def path_and_entropy(counts):
    p = counts / counts.sum()
    return -(p * np.log2(p)).sum()


# --- wrong: ?  the largest counts are joined first
def path_and_entropy(counts):
    heap = sorted(int(c) for c in counts)
    total, decisions = sum(heap), 0
    while len(heap) > 1:
        joined = heap.pop() + heap.pop()
        decisions += joined
        heap = sorted([*heap, joined])
    p = counts / total
    return decisions / total, -(p * np.log2(p)).sum()
