"""From a text and two matrices on the device to launches of the kernels in ``kernels.cu``."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from w2vlib.fast.kernels import _STEP as STEP
from w2vlib.validation import as_ids

WARP = 32
PIECE = 128
"""Targets that a warp works on at a stretch; 2w rows more are read at its ends."""
MOST_PIECES = 1 << 16
"""Pieces of one launch: about a tenth of a second, so that Ctrl-C does not wait for long."""
KINDS = ("cbow", "skipgram", "windows")  # windows: skip-gram with shared negatives
TOKENS_PER_WARP = 1000
"""Tokens trained on so far, for each warp that may work now; see :func:`stretches`."""
LEAST_WARPS = 8
"""With so many a training begins."""
LONGEST_STEP = 3.2
"""Sum of the learning rates with which one row may change between two looks at it."""
MOST_HIDDEN = 512
MOST_WINDOW = (1 << 16) - 1
MOST_WAITING = 2
"""Launches under way: one at work, and the next, so that the device never waits."""
_SPAN_BITS = 16
_BLOCK = 1 << 24
"""Tokens whose spans are computed together: the numbers on the way need ten times their memory."""


@functools.cache
def source() -> str:
    """The text of the kernels."""
    return Path(__file__).with_name("kernels.cu").read_text(encoding="utf-8")


def compiler_options(hidden_size: int, window_size: int, sample_size: int) -> tuple[str, ...]:
    """What is fixed when the kernels are compiled."""
    sizes = {"HIDDEN4": -(-hidden_size // 4), "WINDOW": window_size, "NEGATIVES": sample_size}
    return ("-std=c++17", *(f"-D{name}={value}" for name, value in sizes.items()))


@dataclass(frozen=True)
class Draws:
    """What chance decides, or is given instead: a table and keys, or negatives and window sizes."""

    table: object  # (V,) uint64 alias table on the device
    key: int = 0
    reach_key: int = 0
    negatives: object = None  # int32 rows on the device
    reaches: object = None  # int32 window sizes on the device


@dataclass(frozen=True)
class Rates:
    """Learning rate: ``first`` at the place 0 of the tokens, ``last`` at the place ``size``."""

    first: float
    last: float
    size: int


def stretches(
    size: int, passed: int, most: int, tokens_per_warp: int = TOKENS_PER_WARP
) -> Iterator[tuple[int, int, int]]:
    """Launches of an epoch: ``(begin, end, warps)``, with more warps the more has been learned.

    What R warps change at once, none of them has seen.  At the end of a training that costs nothing
    (the loss is even a little lower, as with larger batches); at its beginning, when all vectors
    still look alike, it costs much.  So no more warps work than one for every ``tokens_per_warp``
    tokens trained on so far.  The sum of the times stays small: after 1,000 · R tokens all R work.

    Args:
        size: tokens of the epoch.
        passed: tokens of the epochs before.
        most: warps that there are.
        tokens_per_warp: 0: all warps work from the beginning.
    """
    begin = 0
    while begin < size:
        warps = most
        if tokens_per_warp:
            warps = min(most, max(LEAST_WARPS, (passed + begin) // tokens_per_warp))
        pieces = MOST_PIECES if warps == most else 4 * warps
        end = min(begin + pieces * PIECE, size)
        yield begin, end, warps
        begin = end


def crowding(
    kind: str,
    p: np.ndarray,
    noise: np.ndarray,
    *,
    window_size: int,
    sample_size: int,
    lr: float,
    mean: bool = True,
    in_order: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """How far each row moves unseen for each target in work, as a part of :data:`LONGEST_STEP`.

    Targets in work at the same time, R of them, change a row that has the probability P in each of
    them about ``R · P`` times before any of them sees it: a step of ``R · P · lr``.  Where that is
    beyond :data:`LONGEST_STEP`, training would diverge; there :func:`damping` makes each change so
    much smaller that their sum is just that long.  Rare words are not concerned.

    Args:
        kind: one of :data:`KINDS`.
        p, noise: (V,) probabilities of the rows as tokens and as negatives.
        window_size, sample_size: w and K.
        lr, mean: see :func:`w2vlib.fast.train`.
        in_order: rows of W_in too are seen again after R targets; otherwise (but for skip-gram)
            they stay in a window for 2w + 1 targets.

    Returns:
        (V,) float32 parts for the rows of W_in and of W_out.
    """
    pairs = 1 if kind == "cbow" else 2 * window_size
    stays = 1 if in_order or kind == "skipgram" else 2 * window_size + 1
    changes_in = stays * p * (2 * window_size if kind == "cbow" and not mean else pairs)
    changes_out = pairs * (p + sample_size * noise)
    return tuple((c * (lr / LONGEST_STEP)).astype(np.float32) for c in (changes_in, changes_out))


def damping(crowd, at_once: int, xp=np):
    """By what changes of rows are multiplied while ``at_once`` targets are in work: (V,), ≤ 1."""
    return 1 / xp.maximum(at_once * crowd, 1)


class DeviceText:
    """A corpus on the device: rows of its tokens, and how far their windows may reach.

    Args:
        text: a :class:`w2vlib.fast.kernels.Text`.
        window_size: w.
        xp: cupy (or numpy, for tests).

    Raises:
        IndexError: an id outside the vocabulary; a GPU would wrap it silently.
    """

    def __init__(self, text, window_size: int, xp) -> None:
        self.xp, self.window = xp, window_size
        ids = as_ids(xp.asarray(np.asarray(text.ids)), len(text.row_of), "corpus.ids")
        self.rows = xp.asarray(text.row_of)[ids]
        self.starts = xp.asarray(np.asarray(text.starts))
        self.keep = xp.asarray(text.keep) if len(text.keep) else None
        self._all = None

    def epoch(self, keep_key) -> tuple:
        """``(tokens, spans)``: the rows of the words that subsampling leaves, and their spans.

        spans: (T,) uint32, how far a window reaches to the left, and 16 bits further up to the
        right; 0 for a word alone in its sentence.
        """
        xp = self.xp
        if self.keep is None:
            if self._all is None:
                self._all = self.rows, self._spans(self.starts, len(self.rows))
            return self._all
        # The same draws as in the compiled loops of the CPU.
        counter = xp.arange(len(self.rows), dtype=np.uint64) * np.uint64(STEP) + np.uint64(keep_key)
        kept = xp.nonzero((_scramble(counter) >> np.uint64(32)) <= self.keep[self.rows])[0]
        return self.rows[kept], self._spans(xp.searchsorted(kept, self.starts), len(kept))

    def _spans(self, starts, size: int):
        xp = self.xp
        ends = xp.concatenate([starts[1:], xp.full(1, size, dtype=starts.dtype)])
        spans = xp.empty(size, dtype=np.uint32)
        for begin in range(0, size, _BLOCK):
            place = xp.arange(begin, min(begin + _BLOCK, size), dtype=np.int64)
            sentence = xp.searchsorted(starts, place, side="right") - 1
            left = xp.minimum(place - starts[sentence], self.window)
            right = xp.minimum(ends[sentence] - 1 - place, self.window)
            spans[begin : begin + _BLOCK] = (left | (right << _SPAN_BITS)).astype(np.uint32)
        return spans


def _scramble(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


class Waiting:
    """Lets the host be no more than :data:`MOST_WAITING` launches ahead of the device.

    Else it would have ordered a whole epoch in a moment, and a rest, a stop or Ctrl-C would be
    noticed too late to keep any of it back.

    Args:
        xp: cupy.
    """

    def __init__(self, xp) -> None:
        self.xp, self._marks = xp, deque()

    def add(self) -> None:
        """One more was launched; wait until there are few enough."""
        mark = self.xp.cuda.Event(block=True, disable_timing=True)
        mark.record()
        self._marks.append(mark)
        self.finish(MOST_WAITING)

    def finish(self, left: int = 0) -> None:
        """Wait until no more than ``left`` of them are under way."""
        while len(self._marks) > left:
            self._marks.popleft().synchronize()


class Kernels:
    """The compiled kernels for one shape, and how to start them.

    Args:
        kind: one of :data:`KINDS`.
        vocab_size, hidden_size, window_size, sample_size: V, H, w and K.
        shrink, mean: see :func:`w2vlib.fast.train`.
        warps: how many warps work at a time; by default as many as fit, see :meth:`usual_warps`.

    Attributes:
        warps: the same; may be changed between launches.
        damp: factors for the rows of W_in and W_out on the device, see :func:`damping`; ones.

    Raises:
        ValueError: sizes for which a row or a window does not fit into a multiprocessor.
    """

    def __init__(
        self,
        kind: str,
        vocab_size: int,
        hidden_size: int,
        window_size: int,
        sample_size: int,
        *,
        shrink: bool = False,
        mean: bool = True,
        warps: int | None = None,
    ) -> None:
        import cupy

        self.xp, self.kind, self.vocab_size = cupy, kind, vocab_size
        self.window, self.negatives = window_size, sample_size
        self.hidden_size, self.width = hidden_size, 4 * -(-hidden_size // 4)
        self.shrink, self.mean = shrink, mean
        self.ring_bytes = 0 if kind == "skipgram" else 2 * (2 * window_size + 2) * self.width * 4
        self._limits = cupy.cuda.Device().attributes
        self._check_sizes()
        options = compiler_options(hidden_size, window_size, sample_size)
        self._module = cupy.RawModule(code=source(), options=options)
        self._functions: dict = {}
        self.warps = self.usual_warps() if warps is None else warps
        self.damp = (cupy.ones(vocab_size, dtype=np.float32),) * 2

    def _check_sizes(self) -> None:
        if self.hidden_size > MOST_HIDDEN:
            raise ValueError(
                f"hidden_size must be at most {MOST_HIDDEN} on the GPU, got {self.hidden_size}. "
                "Use device='cpu'."
            )
        most = self._limits["MaxSharedMemoryPerBlockOptin"]
        if self.ring_bytes > most or self.window > MOST_WINDOW:
            fits = max(0, (most // (self.width * 8) - 2) // 2)
            raise ValueError(
                f"window_size must be at most {fits} for hidden_size={self.hidden_size} on this "
                f"GPU, got {self.window}: a window's rows must fit into its shared memory. Use "
                "device='cpu'."
            )

    def usual_warps(self) -> int:
        """As many warps as have room at a time; fewer where windows or vectors are long."""
        limits, registers = self._limits, self._function(f"train_{self.kind}").num_regs * WARP
        room = (
            limits.get("MaxBlocksPerMultiprocessor", 16),
            limits["MaxSharedMemoryPerMultiprocessor"] // (self.ring_bytes + 1024),
            limits.get("MaxRegistersPerMultiprocessor", 1 << 16) // registers,
        )
        return limits["MultiProcessorCount"] * max(1, min(room))

    def matrix(self, rows: np.ndarray):
        """(V, H) numbers on the device, rows filled up with zeros to a multiple of 16 bytes."""
        W = self.xp.zeros((len(rows), self.width), dtype=np.float32)
        W[:, : self.hidden_size] = self.xp.asarray(np.ascontiguousarray(rows, dtype=np.float32))
        return W

    def _function(self, name: str):
        if name not in self._functions:
            function = self._functions[name] = self._module.get_function(name)
            if name.startswith("train") and self.ring_bytes > 48 << 10:
                function.max_dynamic_shared_size_bytes = self.ring_bytes
        return self._functions[name]

    def _start(self, name: str, grid: int, arguments: tuple, shared: int = 0) -> None:
        self._function(name)((grid,), (WARP,), arguments, shared_mem=shared)

    def _orders(self, begin: int, end: int, rates: Rates, draws: Draws) -> tuple:
        """The arguments ORDERS of the kernels."""
        return (
            *map(np.int64, (begin, end, 0, rates.size)),
            *map(np.float32, (rates.first, rates.last)),
            *map(np.uint64, (draws.key, draws.reach_key)),
            *map(np.int32, (self.vocab_size, PIECE, self.shrink, self.mean)),
            np.int32(draws.negatives is not None),
        )

    def _inputs(self, tokens, spans, draws: Draws) -> tuple:
        nothing = self.xp.zeros(1, dtype=np.int32)
        given = draws.negatives is not None
        more = (draws.negatives, draws.reaches) if given else (nothing, nothing)
        return tokens, spans, draws.table, *more

    def run(self, W_in, W_out, tokens, spans, begin: int, end: int, rates: Rates, draws: Draws):
        """Train on the targets ``begin … end − 1``: fast, additions in no fixed order.

        Returns:
            The losses of the pieces, float64 on the device.
        """
        pieces = -(-(end - begin) // PIECE)
        losses = self.xp.zeros(pieces, dtype=np.float64)
        arguments = (W_in, W_out, *self._inputs(tokens, spans, draws), losses, *self.damp)
        arguments += (*self._orders(begin, end, rates, draws), np.int64(len(tokens)))
        self._start(f"train_{self.kind}", min(pieces, self.warps), arguments, self.ring_bytes)
        return losses

    def run_in_order(
        self, W_in, W_out, tokens, spans, begin: int, end: int, rates: Rates, draws: Draws
    ):
        """The same with additions in a fixed order, from weights that stay until ``end``.

        Returns:
            The losses of the items, float64 on the device.
        """
        xp, wide = self.xp, 2 * self.window
        items = (end - begin) * (1 if self.kind == "cbow" else wide)
        in_rows = wide if self.kind == "cbow" else 1
        xs, ds = (xp.zeros((items, self.width), dtype=np.float32) for _ in range(2))
        outs = items * (self.negatives + 1)
        out_rows, ins = xp.zeros(outs, dtype=np.int32), xp.zeros(items * in_rows, dtype=np.int32)
        out_g, in_g = xp.zeros(outs, np.float32), xp.zeros(items * in_rows, np.float32)
        losses = xp.zeros(items, dtype=np.float64)
        arguments = (W_in, W_out, *self._inputs(tokens, spans, draws))
        arguments += (xs, ds, out_rows, out_g, ins, in_g, losses)
        arguments += self._orders(begin, end, rates, draws)
        arguments += (np.int32(KINDS.index(self.kind)), np.int32(self.vocab_size))
        self._start("answer_items", min(items, self.warps), arguments)
        self._add_sorted(W_out, out_rows, out_g, xs, self.damp[1], self.negatives + 1)
        self._add_sorted(W_in, ins, in_g, ds, self.damp[0], in_rows)
        return losses

    def _add_sorted(self, W, rows, factors, vectors, damp, per_item: int) -> None:
        """``W[rows[e]] += factors[e] · vectors[e // per_item]``, entry by entry in each row."""
        xp, size = self.xp, self.vocab_size
        order = xp.argsort(rows, kind="stable")
        starts = xp.searchsorted(rows[order], xp.arange(size + 1, dtype=np.int32))
        arguments = (W, starts.astype(np.int64), order.astype(np.int64), factors, vectors, damp)
        sizes = map(np.int32, (per_item, size))
        self._start("add_sorted", min(size, self.warps), (*arguments, *sizes))
