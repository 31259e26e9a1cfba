"""Hierarchical softmax: find the word by about log2 V left-or-right decisions in a Huffman tree."""

from __future__ import annotations

import heapq

import numpy as np

from w2vlib.backend import get_array_module, to_cpu
from w2vlib.functions import log_sigmoid
from w2vlib.layers import EmbeddingDot, SigmoidWithLoss, as_rows
from w2vlib.negative_sampling import as_target, count_ids
from w2vlib.validation import PAD, on_device, refuse_corpus


def huffman_codes(counts) -> tuple[list[list[int]], list[list[int]]]:
    """Huffman codes: frequent words get short ones.

    The two nodes with the smallest counts are joined until one is left; the first of the two gets
    the bit 0, the second the bit 1.  Of equal counts the older node comes first, where words
    are older than inner nodes and inner nodes are numbered as they are made.

    Args:
        counts: (V,) how often each word occurs; V ≥ 2.

    Returns:
        ``(codes, points)``, for each word: the bits from the root to the word, and the inner nodes
        (0 … V−2; the root is V−2) at which they are decided.  Both have the same length for a word.

    Raises:
        ValueError: fewer than two words, or counts that are negative or not finite.
        TypeError: a corpus in place of its counts.

    Source: Huffman 1952; Mikolov et al. 2013b, section 2.1.
    """
    counts = _as_counts(counts)
    if len(counts) < 2:
        raise ValueError(f"counts must be a vector of at least 2 words, got shape {counts.shape}.")
    parent, bit = _huffman_parents(counts.tolist())
    size, root = len(counts), 2 * len(counts) - 2
    codes, points = [], []
    for word in range(size):
        code, path, node = [], [], word
        while node != root:
            code.append(bit[node])
            node = parent[node]
            path.append(node - size)
        codes.append(code[::-1])
        points.append(path[::-1])
    return codes, points


def _as_counts(counts) -> np.ndarray:
    refuse_corpus(counts, "counts")
    counts = to_cpu(on_device(counts, "counts"))
    if counts.ndim != 1:
        raise ValueError(f"counts must be a vector of at least 2 words, got shape {counts.shape}.")
    if counts.dtype.kind not in "iuf" or not np.isfinite(counts).all() or (counts < 0).any():
        raise ValueError("counts must be finite numbers that are not negative.")
    return counts


def _huffman_parents(counts: list) -> tuple[list[int], list[int]]:
    """Parent of every node and the bit that leads from there to it; words are nodes 0 … V−1."""
    size = len(counts)
    parent, bit = ([0] * (2 * size - 1) for _ in range(2))
    heap = [(count, node) for node, count in enumerate(counts)]
    heapq.heapify(heap)
    for new in range(size, 2 * size - 1):
        first, left = heapq.heappop(heap)
        second, right = heapq.heappop(heap)
        parent[left] = parent[right] = new
        bit[right] = 1
        heapq.heappush(heap, (first + second, new))
    return parent, bit


class HuffmanTree:
    """The Huffman tree of a vocabulary, as rectangular arrays that layers can index.

    Args:
        counts: (V,) how often each word occurs, V ≥ 2.

    Attributes:
        codes: (V, L) int8 bits from the root, filled up with 0; L is the longest code.
        points: (V, L) int32 inner node of each decision, filled up with ``PAD``.
        lengths: (V,) length of each word's code.
    """

    def __init__(self, counts) -> None:
        codes, points = huffman_codes(counts)
        self.lengths = np.array([len(code) for code in codes], dtype=np.int32)
        shape = (len(codes), int(self.lengths.max()))
        used = np.arange(shape[1]) < self.lengths[:, None]
        self.codes = np.zeros(shape, dtype=np.int8)
        self.points = np.full(shape, PAD, dtype=np.int32)
        self.codes[used] = [bit for code in codes for bit in code]
        self.points[used] = [point for path in points for point in path]

    def __len__(self) -> int:
        return len(self.lengths)

    def expected_length(self, counts) -> float:
        """Mean number of decisions for a word drawn with frequency ``counts`` (V,).

        Raises:
            TypeError, ValueError: counts that are none, of other words, or all zero.
        """
        counts = _as_counts(counts).astype(np.float64)
        if len(counts) != len(self) or not counts.any():
            raise ValueError(
                f"counts must hold one number for each of the {len(self)} words, not all of them "
                f"zero; got {len(counts)} with the sum {counts.sum():g}."
            )
        return float(self.lengths @ counts / counts.sum())


class HierarchicalSoftmaxLoss:
    """Cross entropy of a word reached by decisions: ``L = mean_B Σ_j −log σ(±h·w_{n_j})``.

    The path of a word passes the inner nodes n_1 … n_L; the sign is + where its code has the bit 0
    and − where it has 1, as in word2vec.c.  The probabilities of all words sum to 1.
    Same interface as :class:`~w2vlib.negative_sampling.NegativeSamplingLoss`; nothing is sampled.

    Args:
        W: (V−1, H) weights, one row an inner node.
        corpus: (T,) ids or a Corpus, to count the words; may be None if a tree is given.
        sparse_grad: ``grads[0]`` becomes a RowGradient instead of an array.
        tree: a :class:`HuffmanTree` to use instead of making one.

    Raises:
        ValueError: W has not V − 1 rows, or the corpus is empty.
        TypeError, IndexError: a corpus that holds something else than ids in 0 … V−1.

    Source: Morin and Bengio 2005; Mikolov et al. 2013b, section 2.1.
    """

    def __init__(self, W, corpus, *, sparse_grad: bool = False, tree: HuffmanTree | None = None):
        self.embed_dot = EmbeddingDot(W, sparse_grad, allow_pad=True)
        self.loss_layer = SigmoidWithLoss()
        self.params, self.grads = self.embed_dot.params, self.embed_dot.grads
        self.tree = tree or HuffmanTree(count_ids(corpus, len(W) + 1))
        if len(self.tree) != len(W) + 1:
            raise ValueError(
                f"W must have one row for each of the {len(self.tree) - 1} inner nodes of a tree "
                f"with {len(self.tree)} words, got {len(W)} rows."
            )
        xp = get_array_module(W)
        self._points, self._codes = xp.asarray(self.tree.points), xp.asarray(self.tree.codes)

    def forward(self, h, target) -> float:
        """The loss of a batch: h (B, H), target (B,) ids, or (B, C) ids where PAD is no word.

        Raises:
            ValueError: shapes that do not fit.
            TypeError, IndexError: ids that are none.
        """
        (W,) = self.params
        xp = get_array_module(W)
        target = as_target(target, len(self.tree), W)
        points = xp.where((target != PAD)[..., None], self._points[target], PAD)
        everything = (len(points), -1 if points.size else 0)
        points, codes = points.reshape(everything), self._codes[target].reshape(everything)
        score = self.embed_dot.forward(h, points)
        return self.loss_layer.forward(score, 1 - codes, points != PAD)

    def backward(self, dout=1):
        """Gradient of ``h``, (B, H); the gradient of W is in ``grads``."""
        return self.embed_dot.backward(self.loss_layer.backward(dout))

    def log_probabilities(self, h):
        """``log P(w | h)`` for all words: h (B, H) → (B, V).  Slow: not for training.

        Raises:
            TypeError, ValueError: h that does not fit W.
        """
        (W,) = self.params
        xp, h = get_array_module(W), as_rows(h, W.T, "h")
        if h.ndim != 2:
            raise ValueError(f"h must have shape (B, H), got {h.shape}.")
        sign = 1 - 2 * self._codes.astype(W.dtype)
        decided = log_sigmoid((h @ W.T)[:, self._points] * sign)  # (B, V, L)
        return xp.where(self._points != PAD, decided, 0).sum(axis=-1)
