"""Negative sampling: instead of one question with V answers, K + 1 questions with two."""

from __future__ import annotations

import numpy as np

from w2vlib.backend import all_true, get_array_module, to_cpu
from w2vlib.layers import EmbeddingDot, SigmoidWithLoss
from w2vlib.validation import (
    PAD,
    as_count,
    as_generator,
    as_ids,
    as_number,
    on_device,
    refuse_corpus,
    refuse_triple,
)

MAX_REJECTION_ROUNDS = 20
"""After so many rounds of redrawing, the few draws still refused are made exactly, in O(V) each."""


def count_ids(corpus, vocab_size: int | None = None) -> np.ndarray:
    """How often each id occurs: (V,) int64.  Ids that never occur have count 0.

    Args:
        corpus: (T,) ids, or a :class:`~w2vlib.corpus.Corpus`, which brings its counts (after
            subsampling they are still those of the full text).
        vocab_size: V; by default that of the corpus, or its largest id + 1.

    Raises:
        ValueError: the corpus is empty, or has more words than ``vocab_size``.
        TypeError, IndexError: it holds something else than ids in 0 … V−1.
    """
    size = None if vocab_size is None else as_count(vocab_size, "vocab_size")
    counts = getattr(corpus, "counts", None)
    if counts is None:
        refuse_triple(corpus, "corpus")
        ids = to_cpu(on_device(corpus, "corpus"))
        if ids.size == 0:
            raise ValueError("corpus is empty: there are no words to count.")
        if size is None:
            size = int(ids.max()) + 1 if ids.dtype.kind in "iu" else 0
        counts = np.bincount(as_ids(ids, size, "corpus").ravel())
    size = len(counts) if size is None else size
    if len(counts) > size:
        raise ValueError(
            f"corpus has {len(counts)} words, but vocab_size is {size}. Make the model with "
            "vocab_size=corpus.vocab_size."
        )
    return np.pad(to_cpu(counts).astype(np.int64), (0, size - len(counts)))


class AliasTable:
    """Draw from a discrete distribution in O(1) a draw, after O(V) set-up (Walker, Vose 1991).

    V columns of equal height hold all the probability; column i keeps its own share ``keep[i]`` and
    is topped up by one other outcome, ``alias[i]``.  A draw picks a column, then one of its owners.

    Args:
        p: (V,) probabilities; they are divided by their sum.
    """

    def __init__(self, p: np.ndarray) -> None:
        height = (p / p.sum() * len(p)).tolist()  # plain floats: this loop is faster without NumPy
        self.keep = np.ones(len(p))
        self.alias = np.arange(len(p), dtype=np.int32)
        small = [i for i, share in enumerate(height) if share < 1]
        large = [i for i, share in enumerate(height) if share >= 1]
        while small and large:
            low, high = small.pop(), large[-1]
            self.keep[low], self.alias[low] = height[low], high
            height[high] -= 1 - height[low]
            if height[high] < 1:
                small.append(large.pop())
        # What rounding leaves over in either list is full but for the last bits, and stays its own:
        # the heights that are left add up to the number of columns, so none can be much below 1.

    def draw(self, shape, rng: np.random.Generator) -> np.ndarray:
        """Independent draws as an int32 array of the given shape."""
        column = rng.integers(len(self.keep), size=shape, dtype=np.int32)
        return np.where(rng.random(shape) < self.keep[column], column, self.alias[column])


class IntervalTable:
    """Draw words other than some given ones, with whole-array operations alone: for a device.

    The words share an interval of whole numbers: word w owns ``weight[w]`` of them, up to
    ``end[w] − 1``.  To leave words out, a number is drawn from an interval that is shorter by their
    parts, and moved past each of them.  Nothing is drawn twice, so nobody has to look.

    Args:
        p: (V,) probabilities, held to 52 bits.
        xp: numpy or cupy, where the table lies.
    """

    def __init__(self, p: np.ndarray, xp) -> None:
        weight = np.where(p > 0, np.maximum(np.rint(p * 2.0**52), 1), 0).astype(np.int64)
        self.total = int(weight.sum())
        self.weight, self.end = xp.asarray(weight), xp.asarray(np.cumsum(weight))

    def draw(self, left_out, count: int, key: np.uint64):
        """``count`` draws for each row of ``left_out``, as (N, count) int32.

        Args:
            left_out: (N, m) words that the row must not get; all different, or PAD.
            key: other draws for another key.
        """
        xp = get_array_module(left_out)
        out = xp.sort(left_out, axis=1) if left_out.shape[1] > 1 else left_out
        weight = xp.where(out != PAD, self.weight[out], 0)
        start = self.end[out] - self.weight[out]
        size = (self.total - weight.sum(axis=1))[:, None]
        random = _random_bits(xp, len(out) * count, key).reshape(len(out), count)
        number = (random.astype(np.float64) * 2.0**-53 * size).astype(np.int64)
        number = xp.minimum(number, size - 1)  # the product may round up to ``size``
        for m in range(out.shape[1]):
            part = slice(m, m + 1)
            number = number + xp.where(number >= start[:, part], weight[:, part], 0)
        return xp.searchsorted(self.end, number, side="right").astype(np.int32)


def _random_bits(xp, count: int, key: np.uint64):
    """``count`` random numbers of 53 bits: splitmix64 (Steele, Lea, Flood 2014), a counter and a
    function that scrambles it, so all of them can be made at once."""
    z = xp.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + key
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))) >> np.uint64(11)


class UnigramSampler:
    """Draws negative words with probability ``P(w) ∝ count(w) ** power``.

    A power below 1 lifts rare words a little: [0.7, 0.29, 0.01] becomes about [0.64, 0.33, 0.03]
    with the power 0.75.

    Args:
        corpus: (T,) ids, or a Corpus, whose words are counted once; None if counts are given.
        power: exponent on the *counts*; 1 is the unigram distribution, 0 draws all words alike.
        sample_size: K, negative words for each target.
        seed, rng: where the randomness comes from, see :func:`~w2vlib.validation.as_generator`.
        counts: (V,) counts to use instead of counting the corpus.
        vocab_size: V, if it is larger than the corpus's largest id + 1.
        replace: draw with replacement (the paper); without, a row's K negatives differ (the book).
        exclude_target: never draw the row's own target.

    Attributes:
        p: (V,) float64 probabilities of the words.

    Raises:
        ValueError: an empty corpus, an impossible K, a vocabulary with nothing to draw.

    Source: Mikolov et al. 2013b, section 2.2; Deep Learning from Scratch 2, section 4.2.6.
    """

    def __init__(
        self,
        corpus,
        power: float = 0.75,
        sample_size: int = 5,
        *,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        counts=None,
        vocab_size: int | None = None,
        replace: bool = True,
        exclude_target: bool = True,
    ) -> None:
        if counts is None:
            counts = count_ids(corpus, vocab_size)
        counts = _as_counts(counts, vocab_size)
        self.power = as_number(power, "power")
        self.sample_size = as_count(sample_size, "sample_size")
        self.vocab_size = len(counts)
        self.replace, self.exclude_target = bool(replace), bool(exclude_target)
        self.rng = as_generator(rng, seed)
        self.p = _noise(counts, self.power)
        self._check_enough(np.count_nonzero(self.p))
        self._table = AliasTable(self.p)
        self._device_table: IntervalTable | None = None

    def get_negative_sample(self, target, rng: np.random.Generator | None = None):
        """K negative words for each target.

        Args:
            target: (B,) ids, or (B, C); entries that are PAD get arbitrary negatives.
            rng: draw from this generator instead of the sampler's own.

        Returns:
            (B, K) or (B, C, K) int32 ids, on the device of ``target``.  On a GPU other words are
            drawn than on the CPU, with the same probabilities.
        """
        xp = get_array_module(target)
        target = as_ids(target, self.vocab_size, "target", allow_pad=True)
        rng = self.rng if rng is None else as_generator(rng)
        if xp is not np:
            return self._draw_on_device(target, rng, xp)
        draws = self._table.draw((*target.shape, self.sample_size), rng)
        flat, targets = draws.reshape(-1, self.sample_size), target.ravel()
        if self.replace:
            self._redraw(flat, targets, slice(None), rng)
        else:
            for k in range(self.sample_size):
                self._redraw(flat, targets, k, rng)
        return draws

    def _draw_on_device(self, target, rng, xp):
        """The draws where the targets are: all at once, or one after the other to be different."""
        if self._device_table is None:
            self._device_table = IntervalTable(self.p, xp)
        table, K = self._device_table, self.sample_size
        left_out = target.reshape(-1, 1)[:, : int(self.exclude_target)]
        for count in [K] if self.replace else [1] * K:
            key = rng.integers(2**64, dtype=np.uint64)
            draws = table.draw(left_out, count, key)
            left_out = xp.concatenate([left_out, draws], axis=1, dtype=np.int64)
        return left_out[:, -K:].astype(np.int32).reshape(*target.shape, K)

    def _redraw(self, draws, targets, columns, rng) -> None:
        """Draw again, in place, what may not stay in the given column(s)."""
        for _ in range(MAX_REJECTION_ROUNDS):
            refused = self._refused(draws, targets, columns)
            if not refused.any():
                return
            part = draws[:, columns]
            part[refused] = self._table.draw(np.count_nonzero(refused), rng)
            draws[:, columns] = part
        self._draw_exactly(draws, targets, columns, rng)

    def _refused(self, draws, targets, columns):
        """Which draws are the target, or (without replacement) stand further left already."""
        if self.replace:
            if not self.exclude_target:
                return np.zeros((), dtype=bool)
            return draws == targets[:, None]
        refused = (draws[:, :columns] == draws[:, columns, None]).any(axis=1)
        return refused | (draws[:, columns] == targets) if self.exclude_target else refused

    def _draw_exactly(self, draws, targets, columns, rng) -> None:
        """One draw at a time from what is allowed: for distributions that one word dominates."""
        refused = np.zeros(draws.shape, dtype=bool)
        refused[:, columns] = self._refused(draws, targets, columns)
        for row, k in zip(*np.nonzero(refused), strict=True):
            p = self.p.copy()
            if self.exclude_target and targets[row] != PAD:
                p[targets[row]] = 0
            if not self.replace:
                p[draws[row, :k]] = 0
            draws[row, k] = rng.choice(self.vocab_size, p=p / p.sum())

    def _check_enough(self, words: int) -> None:
        """At least so many words must be drawable that every row finds its negatives."""
        needed = (1 if self.replace else self.sample_size) + self.exclude_target
        if words < needed:
            raise ValueError(
                f"sample_size={self.sample_size} with replace={self.replace} needs at least "
                f"{needed} different words{' (one is the target)' if self.exclude_target else ''}, "
                f"but the corpus has {words}. Use a smaller sample_size, replace=True, or a larger "
                "corpus."
            )


def _as_counts(counts, vocab_size) -> np.ndarray:
    refuse_corpus(counts, "counts")
    counts = to_cpu(on_device(counts, "counts"))
    if counts.dtype.kind not in "iuf":
        raise TypeError(f"counts must hold numbers, got dtype {counts.dtype}.")
    if counts.ndim != 1 or (vocab_size is not None and len(counts) != vocab_size):
        raise ValueError(
            f"counts must have shape ({vocab_size or 'V'},), one for each word, got {counts.shape}."
        )
    if not np.isfinite(counts).all() or (counts < 0).any() or not (counts > 0).any():
        raise ValueError("counts must be finite, not negative, and not all zero.")
    return counts


def _noise(counts, power: float) -> np.ndarray:
    """Probabilities ∝ count ** power; a word that never occurs has 0, with the power 0 too."""
    there = counts > 0
    # Dividing by the count with the largest weight first keeps large powers from overflowing.
    top = counts[there].max() if power >= 0 else counts[there].min()
    weights = np.zeros(len(counts))
    weights[there] = (counts[there] / top) ** power
    return weights / weights.sum()


class NegativeSamplingLoss:
    """Is this the target? – asked for the target (yes) and for K negative words (no).

    ``L = mean_B [ −log σ(h·w_t) − Σ_k log σ(−h·w_k) ]``.  All K + 1 dot products of a row are one
    product; with targets (B, C), as skip-gram has them, all C (K + 1), and the loss sums over C.

    Args:
        W: (V, H) output weights, one row a word.
        corpus, power, sample_size: for :class:`UnigramSampler`.
        seed, rng: randomness of the sampler.
        sparse_grad: ``grads[0]`` becomes a RowGradient instead of an array.
        sampler: a sampler to use instead of making one.
        replace, exclude_target: for :class:`UnigramSampler`.

    Attributes:
        params, grads: ``[W]`` and ``[dW]``.
        negatives: the ids used by the last ``forward``, (B, K) or (B, C, K).

    Raises:
        ValueError: as UnigramSampler, or a sampler for another number of words.

    Source: Mikolov et al. 2013b, equation 4; Deep Learning from Scratch 2, section 4.2.7.
    """

    def __init__(
        self,
        W,
        corpus,
        power: float = 0.75,
        sample_size: int = 5,
        *,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        sparse_grad: bool = False,
        sampler: UnigramSampler | None = None,
        replace: bool = True,
        exclude_target: bool = True,
    ) -> None:
        self.embed_dot = EmbeddingDot(W, sparse_grad, allow_pad=True)
        self.loss_layer = SigmoidWithLoss()
        self.params, self.grads = self.embed_dot.params, self.embed_dot.grads
        if sampler is None:
            options = {"replace": replace, "exclude_target": exclude_target}
            options.update(seed=seed, rng=rng, vocab_size=len(W))
            sampler = UnigramSampler(corpus, power, sample_size, **options)
        elif getattr(sampler, "vocab_size", len(W)) != len(W):
            raise ValueError(
                f"sampler draws from {sampler.vocab_size} words, but W has {len(W)} rows. Make the "
                "sampler with vocab_size=len(W)."
            )
        self.sampler, self.negatives = sampler, None

    def forward(self, h, target, negatives=None) -> float:
        """The loss of a batch.

        Args:
            h: (B, H) hidden layer.
            target: (B,) ids; or (B, C) ids, where PAD marks a missing word.
            negatives: (B, K) or (B, C, K) ids to use instead of drawing them; any K.

        Raises:
            ValueError: shapes that do not fit.
            TypeError, IndexError: ids that are none.
        """
        (W,) = self.params
        xp = get_array_module(W)
        target = as_target(target, len(W), W)
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        self.negatives = negatives = self._checked(negatives, target)
        # (B, K+1) or (B, C, K+1); left alone, NumPy would make float64 of uint64 and int32
        ids = xp.concatenate([target[..., None], negatives], axis=-1, dtype=np.int64)
        labels = xp.zeros(ids.shape, dtype=W.dtype)
        labels[..., 0] = 1
        there = xp.broadcast_to((target != PAD)[..., None], ids.shape)
        everything = (len(ids), -1 if ids.size else 0)
        ids, labels, there = (a.reshape(everything) for a in (ids, labels, there))
        ids = xp.where(there, ids, PAD)
        score = self.embed_dot.forward(h, ids)
        return self.loss_layer.forward(score, labels, None if all_true(there) else there)

    def backward(self, dout=1):
        """Gradient of ``h``, (B, H); the gradient of W is in ``grads``."""
        return self.embed_dot.backward(self.loss_layer.backward(dout))

    def _checked(self, negatives, target):
        (W,) = self.params
        negatives = as_ids(negatives, len(W), "negatives", like=W)
        if negatives.ndim != target.ndim + 1 or negatives.shape[:-1] != target.shape:
            raise ValueError(
                f"negatives must have shape {(*target.shape, 'K')} to fit target {target.shape}, "
                f"got {negatives.shape}."
            )
        return negatives


def as_target(target, size: int, like):
    """Target ids (B,), or (B, C) where PAD marks a missing word, checked and on the right device.

    Raises:
        ValueError, TypeError, IndexError: anything else.
    """
    target = as_ids(target, size, "target", allow_pad=True, like=like)
    if target.ndim not in (1, 2):
        raise ValueError(f"target must have shape (B,) or (B, C), got {target.shape}.")
    return target if target.ndim == 2 else as_ids(target, size, "target")
