"""From options to what the compiled loops need: aligned matrices, tables, work space.

The rows of the matrices stand in the order of word frequency, most frequent first; ids may have any
order.  H is filled up with zeros to a multiple of eight, and rows begin at multiples of 32 bytes: a
row that straddles cache lines costs a quarter of the speed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from w2vlib.fast.kernels import BLOCK, GROUP, Net, Outputs, Scratch, Text, kept
from w2vlib.hierarchical_softmax import _huffman_parents
from w2vlib.negative_sampling import AliasTable
from w2vlib.validation import as_count, as_ids, as_matrix

STRETCH = 10_000
"""Tokens that a thread works on between two looks at the clock."""
# Several threads: a core that needs a row which another core has just changed must wait for it, as
# long as for ten rows of its own.  So each thread has its own copies of the most frequent rows (of
# all rows, if they are not too many), which are brought together with everyone's now and then:
# tier by tier, the rarer the words the more seldom.
COPIES = 64 << 20  # bytes for all threads' copies; or a tenth of the matrices, if that is more
TIER = 64  # rows of the first tier
PAUSE = 1_000  # comparisons of all threads together between two mergers of the first tier
MORE_ROWS, LONGER_PAUSE = 8, 4  # factors from tier to tier
WARM_UP = 200_000  # comparisons of all threads together, after which pauses are twice as long
LONGEST = 8  # times as long are they in the end
MOST_NEGATIVES = 300
_CACHE = 2 << 20  # bytes; a larger matrix gains from asking for whole rows ahead of their use


def aligned(size: int, dtype=np.float32) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes."""
    itemsize = np.dtype(dtype).itemsize
    raw = np.zeros(size * itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size * itemsize].view(dtype)


def padded(hidden_size: int) -> int:
    """H, rounded up to a multiple of eight."""
    return -(-hidden_size // 8) * 8


@dataclass(frozen=True)
class Shape:
    """Sizes that everything else follows from."""

    vocab_size: int
    hidden_size: int
    window_size: int
    threads: int = 1

    @property
    def stride(self) -> int:
        return padded(self.hidden_size)

    @property
    def hot(self) -> int:
        """Rows that each thread has its own copy of (and a base for, of both matrices)."""
        if self.threads == 1:
            return 0
        row = 4 * self.stride
        budget = max(COPIES, 2 * self.vocab_size * row // 10)
        return min(self.vocab_size, budget // (4 * row * self.threads))


class Weights:
    """W_in and W_out as the compiled loops want them.

    ``W_in`` holds V rows and the threads' copies of the hot ones; ``W_out`` the same (one of the V
    is not used in hierarchical softmax), and a spare row for each thread.
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        copies = shape.threads * shape.hot
        self.W_in = aligned((shape.vocab_size + copies) * shape.stride)
        self.W_out = aligned((shape.vocab_size + copies + shape.threads) * shape.stride)

    @property
    def ahead(self) -> bool:
        """Whether the matrices are so large that rows should be fetched early."""
        return self.W_out.nbytes > _CACHE

    def net(self, thread: int) -> Net:
        """The weights as seen by one thread, whose copies of the hot rows are made here."""
        shape = self.shape
        copies = shape.vocab_size + shape.threads * shape.hot
        shift = shape.vocab_size + thread * shape.hot
        for name in ("W_in", "W_out"):
            rows = self._all_rows(name)
            rows[shift : shift + shape.hot] = rows[: shape.hot]
        tier_end, every = tiers(shape)
        return Net(
            W_in=self.W_in,
            W_out=self.W_out,
            stride=shape.stride,
            spare=copies + thread,
            hot=shape.hot,
            shift=shift,
            base_in=self.W_in[: shape.hot * shape.stride].copy(),
            base_out=self.W_out[: shape.hot * shape.stride].copy(),
            tier_end=tier_end,
            every=every,
            due=every * (thread + 1) // shape.threads,  # not all threads at the same moment
            done=np.zeros(1, np.int64),
            warm_up=-(-WARM_UP // shape.threads),
            longest=LONGEST,
        )

    def rows(self, name: str) -> np.ndarray:
        """The (V, H) part of a matrix that holds the weights, as a view."""
        return self._all_rows(name)[: self.shape.vocab_size, : self.shape.hidden_size]

    def _all_rows(self, name: str) -> np.ndarray:
        matrix = getattr(self, name)
        if matrix is None:
            raise RuntimeError(
                f"{name} is gone: take_vectors() ends a training. To go on afterwards, look at the "
                "vectors with word_vectors()."
            )
        return matrix.reshape(-1, self.shape.stride)

    def randomize(self, rng: np.random.Generator) -> None:
        """W_in uniform in ±1/(2H) as in word2vec.c; W_out stays zero."""
        rows = self.rows("W_in")
        width = self.shape.hidden_size
        for start in range(0, len(rows), 4096):  # in blocks: no second matrix
            part = rows[start : start + 4096]
            part[...] = (rng.random(part.shape, dtype=np.float32) - np.float32(0.5)) / width
        self.W_out.fill(0)  # its memory is handed out now, not in the middle of the training


def tiers(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """Where the tiers of hot rows end, and after how many comparisons of a thread they merge."""
    ends, every = [], []
    end, pause = TIER, max(1, PAUSE // shape.threads)
    while shape.hot and (not ends or ends[-1] < shape.hot):
        ends.append(min(end, shape.hot))
        every.append(pause)
        end, pause = end * MORE_ROWS, pause * LONGER_PAUSE
    return np.array(ends, np.int64), np.array(every, np.int64)


# ---- outputs ------------------------------------------------------------------------------------


def noise_table(counts: np.ndarray, power: float) -> np.ndarray:
    """(V,) uint64 alias table of ``P ∝ count ** power``: share (32 bits) below, other row above."""
    with np.errstate(over="ignore"):
        weights = np.where(counts > 0, np.maximum(counts, 1).astype(np.float64) ** power, 0.0)
        if not np.isfinite(weights.sum()):
            raise ValueError(f"power = {power:g} makes infinite weights of the counts. Use 0.75.")
    if np.count_nonzero(weights) < 2:
        raise ValueError(
            "negative sampling needs at least two different words (one is the target), but the "
            f"corpus has {np.count_nonzero(weights)}. Use a larger corpus."
        )
    table = AliasTable(weights / weights.sum())
    share = np.minimum(table.keep * 2.0**32, 2.0**32 - 1).astype(np.uint64)
    return share | (table.alias.astype(np.uint64) << np.uint64(32))


_NOTHING = np.zeros(0, np.int32)


def negative_outputs(counts, power: float, sample_size: int, ahead: bool, given=None) -> Outputs:
    """Each word is compared with itself (yes) and K drawn words (no)."""
    groups = -(-(sample_size + 1) // GROUP)
    signs = np.zeros((3, 8), np.float32)
    signs[0, : min(GROUP, sample_size + 1)] = -1
    signs[0, 0] = 1
    signs[1, :GROUP] = -1
    signs[2, : sample_size + 1 - GROUP * (groups - 1)] = -1
    return Outputs(
        table=noise_table(counts, power),
        sample_size=sample_size,
        given=_NOTHING if given is None else given,
        signs=signs.ravel(),
        tree_start=np.zeros(0, np.int64),
        tree_rows=_NOTHING,
        tree_sign=_NOTHING,
        ahead=ahead,
    )


def tree_outputs(counts: np.ndarray, ahead: bool) -> Outputs:
    """Each word is compared with the inner nodes on its path in the Huffman tree.

    Inner node k of :func:`~w2vlib.hierarchical_softmax.huffman_codes` is row V − 2 − k: the root
    comes first, and rows used often stand together.
    """
    parent, bit = _huffman_parents(counts.tolist())
    start, rows, sign = _cut_paths(np.array(parent, np.int64), np.array(bit, np.int8), len(counts))
    # The signs of a group: entry 64 (n − 1) + bits for n rows; bit 0 of a code means yes.
    signs = np.zeros((GROUP, 64, 8), np.float32)
    for used in range(1, GROUP + 1):
        bits = np.arange(64)[:, None] >> np.arange(used) & 1
        signs[used - 1, :, :used] = 1 - 2 * bits
    return Outputs(
        table=np.zeros(0, np.uint64),
        sample_size=0,
        given=_NOTHING,
        signs=signs.ravel(),
        tree_start=start,
        tree_rows=rows,
        tree_sign=sign,
        ahead=ahead,
    )


@kept
def _cut_paths(parent, bit, size):
    """The paths from the root to the words, cut into groups."""
    root = 2 * size - 2
    start = np.zeros(size + 1, np.int64)
    for word in range(size):
        node, length = word, 0
        while node != root:
            node, length = parent[node], length + 1
        start[word + 1] = start[word] + (length + GROUP - 1) // GROUP
    rows = np.full(start[size] * GROUP, -1, np.int32)
    sign = np.zeros(start[size], np.int32)
    path = np.zeros(size, np.int64)
    for word in range(size):
        node, length = word, 0
        while node != root:
            path[length] = node
            node, length = parent[node], length + 1
        for j in range(length):  # from the root
            node = path[length - 1 - j]
            group = start[word] + j // GROUP
            rows[start[word] * GROUP + j] = root - parent[node]
            sign[group] += bit[node] << (j % GROUP)
        for group in range(start[word], start[word + 1]):
            used = min(GROUP, length - (group - start[word]) * GROUP)
            sign[group] += 64 * (used - 1)
    return start, rows, sign


def groups_a_word(outputs: Outputs) -> int:
    """The largest number of groups that one word has."""
    if len(outputs.tree_start):
        return int(np.diff(outputs.tree_start).max())
    return -(-(outputs.sample_size + 1) // GROUP)


# ---- what is given -------------------------------------------------------------------------------


def checked_weights(W, name: str, rows: int, columns: int) -> np.ndarray:
    """``W`` as a (rows, columns) matrix: NumPy alone would spread a single column over all.

    Raises:
        TypeError, ValueError: another shape, or something else than finite numbers.
    """
    W = as_matrix(np.asarray(W), name)
    if W.shape != (rows, columns):
        raise ValueError(f"{name} must have shape ({rows}, {columns}), got {W.shape}.")
    return W


@dataclass(frozen=True)
class Given:
    """A stretch of text, and what chance would decide there; compiled code looks at none of it.

    Attributes:
        begin, end: positions in the corpus; N = end − begin.
        negatives: (N, K) ids, or (N, 2w, K); ``None`` for a tree.
        reaches: (N,) int32 window sizes, or ``None``.
    """

    begin: int
    end: int
    negatives: np.ndarray | None
    reaches: np.ndarray | None


def checked_given(corpus, window: int, wide: bool, negatives, reaches, begin, end) -> Given:
    """What :func:`w2vlib.fast.update` is given, checked: wrong numbers would reach other memory.

    Args:
        corpus, begin, end, reaches: as there.
        window: w.
        wide: whether each of a target's 2w neighbours has negatives of its own.
        negatives: as there; ``None`` if the loss is a tree.

    Raises:
        TypeError, ValueError, IndexError: the message says which argument and what is allowed.
    """
    size = len(corpus.ids)
    begin = as_count(begin, "begin", 0)
    end = size if end is None else as_count(end, "end", 0)
    if not begin <= end <= size:
        raise ValueError(
            f"begin and end must be positions in the corpus, 0 <= begin <= end <= {size}, "
            f"got {begin} and {end}."
        )
    count = end - begin
    if negatives is not None:
        negatives = as_ids(negatives, corpus.vocab_size, "negatives")
        wanted = (count, 2 * window) if wide else (count,)
        if negatives.ndim != len(wanted) + 1 or negatives.shape[:-1] != wanted:
            shown = ", ".join(map(str, (*wanted, "K")))
            raise ValueError(f"negatives must have shape ({shown}), got {negatives.shape}.")
        if not 1 <= negatives.shape[-1] <= MOST_NEGATIVES:
            raise ValueError(f"K must be from 1 to {MOST_NEGATIVES}, got {negatives.shape[-1]}.")
    if reaches is not None:
        reaches = as_ids(reaches, window + 1, "reaches")
        if reaches.shape != (count,) or (count and reaches.min() < 1):
            raise ValueError(
                f"reaches must hold {count} window sizes from 1 to {window}, got shape "
                f"{reaches.shape} and {reaches.tolist()[:10]} …"
            )
        reaches = reaches.astype(np.int32)
    return Given(begin, end, negatives, reaches)


# ---- work space and text ------------------------------------------------------------------------


def make_scratch(shape: Shape, outputs: Outputs, stretch: int, given_reach=None) -> Scratch:
    """Work space of one thread, for calls on at most ``stretch`` tokens."""
    w, n, groups = shape.window_size, shape.stride, groups_a_word(outputs)
    words = max(BLOCK, 2 * w)  # whose outputs are put down together
    span = BLOCK + 2 * w + 1
    scratch = Scratch(
        tokens=np.zeros(stretch + 2 * w, np.int32),
        first=np.zeros(stretch + 2, np.int32),
        reach=np.zeros(BLOCK, np.int32),
        given_reach=_NOTHING if given_reach is None else given_reach,
        rows=np.zeros(words * groups * GROUP, np.int64),
        sign_at=np.zeros(words * groups, np.int32),
        ends=np.zeros(words, np.int32),
        neighbours=np.zeros(2 * w, np.int64),
        x=aligned(2 * w * n),
        d=aligned((BLOCK + span + 1) * n),
        sums=aligned(span * n),
        z=aligned(2 * w * 8),
        tally=aligned(16),
    )
    scratch.tally[:8] = 1
    return scratch


@dataclass(frozen=True)
class Order:
    """Rows by frequency: ``id_of[row]`` and ``row_of[id]``, both (V,) int32."""

    counts: np.ndarray = field(repr=False)

    @cached_property
    def id_of(self) -> np.ndarray:
        return np.argsort(-self.counts, kind="stable").astype(np.int32)

    @cached_property
    def row_of(self) -> np.ndarray:
        row_of = np.empty(len(self.counts), np.int32)
        row_of[self.id_of] = np.arange(len(self.counts), dtype=np.int32)
        return row_of


def make_text(corpus, order: Order, keep_probability=None) -> Text:
    """The corpus as the compiled loops read it; its ids are not copied if they are int32."""
    ids = _frozen(corpus.ids, np.int32)
    starts = corpus.sentence_starts
    starts = np.zeros(1, np.int64) if starts is None else starts
    keep = np.zeros(0, np.uint32)
    if keep_probability is not None:
        limit = np.clip(keep_probability[order.id_of] * 2.0**32 - 1, 0, 2.0**32 - 1)
        keep = limit.astype(np.uint32)
    return Text(ids, _frozen(starts, np.int64), order.row_of, keep)


def _frozen(array, dtype) -> np.ndarray:
    """A read-only view: compiled code is made once for arrays that all look alike."""
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view
