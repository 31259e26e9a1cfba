"""The compiled inner loops: CBOW and skip-gram, negative sampling and hierarchical softmax.

What a *step* does is what the layers do, in another order.  For one input vector h (a row of W_in,
or the mean of a window's rows) and the output rows w_0 … w_m that it is compared with::

    z_j = s_j h·w_j          s_j = +1: "yes" is the right answer, −1: "no"
    L   = Σ_j log(1 + exp(−z_j))
    g_j = lr · s_j σ(−z_j)   = −lr · ∂L/∂(h·w_j)
    h   ← h + Σ_j g_j w_j    (all with the w_j from before the step)
    w_j ← w_j + g_j h        (a row that occurs twice gets both)

Output rows come in groups of six, because the twelve vectors of a group (six rows, six factors) and
what is needed beside them just fit into the 16 registers of a processor.  What is not a multiple of
six is filled up with a spare row whose sign is 0.

What is *frozen*, i.e. which weights a gradient is taken at:

* CBOW: W_in during a block of at most :data:`BLOCK` targets of one sentence; its gradient is added
  up and applied at the block's end.  W_out changes after every two groups of a target.
* skip-gram: the row of W_in that predicts, until all its neighbours are predicted.  W_out changes
  after every two groups of these.
* skip-gram with shared negatives: W_in during one window; W_out changes after every group, which
  here answers for the whole window.

With K ≤ 5 negatives a target has one group, so everything that belongs to it is frozen.

All arrays of weights are flat, with ``stride`` numbers a row (H filled up with zeros to a multiple
of eight).  Rows are ordered by frequency, most frequent first.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit, uint32, uint64

from w2vlib.fast.simd import (
    all8,
    exp_minus_abs8,
    lane8,
    load8,
    negative_part8,
    ones8,
    prefetch,
    prefetch_far,
    store8,
    sums8,
    where_positive8,
    zeros8,
)

BLOCK = 64
"""CBOW: at most so many targets share one state of W_in."""
GROUP = 6
"""Output rows that are worked on together."""
_AHEAD = 3
"""Words between asking for a row and using it, where matrices are large."""
_LONG_TABLE = 1 << 16
"""Entries from which on the noise table (8 bytes each) does not stay in the second cache."""
_FLUSH = 60
"""Groups after which the logarithm of the loss's factors is taken.

The factors lie in (1, 2]; up to 2 · 60 of them in a lane stay below 2^127, the limit of float32,
and the product of the eight lanes below that of float64.
"""

# "_nrt": False: no counting of references.  The loops make no arrays, and the counting – an atomic
# addition for each array of the tuples below, once for each word – took up to a tenth of the time
# with one thread, and more with two, which count in the same places.
_OPTIONS = {"nogil": True, "error_model": "numpy", "boundscheck": False, "_nrt": False}


def kept(function, **options):
    """``njit`` with a cache on the disk, or without one where no folder can be written."""
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:
        return njit(**options)(function)


def _compiled(function):
    return kept(function, **_OPTIONS)


def _inlined(function):
    """For small functions, which become part of the loops that call them."""
    return njit(forceinline=True, **_OPTIONS)(function)


class Text(NamedTuple):
    """What is read: (T,) int32 ids, (S,) int64 sentence starts, and two tables by id and by row.

    ``row_of``: (V,) int32.  ``keep``: (V,) uint32, a token of row r stays with probability
    ``(keep[r] + 1) / 2^32``; empty: all tokens stay.
    """

    ids: np.ndarray
    starts: np.ndarray
    row_of: np.ndarray
    keep: np.ndarray


class Net(NamedTuple):
    """The weights, flat float32.

    ``spare`` is a row of W_out that does not matter.  Rows below ``hot`` are this thread's own
    copies, ``shift`` rows further down; ``base_in`` and ``base_out`` are what these were when they
    were last brought together with everyone's.  The hot rows form tiers: tier k ends before row
    ``tier_end[k]`` and is merged next when this thread has made ``due[k]`` comparisons (so far it
    has made ``done[0]``).  The pause between two mergers is ``every[k]`` at first, and grows by
    that with each ``warm_up`` comparisons, up to ``longest`` times: rows change less and less.
    The rest is up to :func:`merge_all`.
    """

    W_in: np.ndarray
    W_out: np.ndarray
    stride: int
    spare: int
    hot: int
    shift: int
    base_in: np.ndarray
    base_out: np.ndarray
    tier_end: np.ndarray
    every: np.ndarray
    due: np.ndarray
    done: np.ndarray
    warm_up: int
    longest: int


class Outputs(NamedTuple):
    """With which rows of W_out a word is compared.

    Negative sampling: ``table`` (V,) uint64 alias table, K negatives each, ``signs`` for the first,
    a middle and the last group; ``given`` int32 rows to use instead of drawing (usually empty).
    Hierarchical softmax: word r has the groups ``tree_start[r] … tree_start[r + 1] − 1``, with
    rows ``tree_rows[6 g …]`` and signs ``signs[8 tree_sign[g] …]``.
    """

    table: np.ndarray
    sample_size: int
    given: np.ndarray
    signs: np.ndarray
    tree_start: np.ndarray
    tree_rows: np.ndarray
    tree_sign: np.ndarray
    ahead: bool  # the matrices are large: ask for whole rows, a few words early


class Scratch(NamedTuple):
    """Work space of one thread; see :func:`w2vlib.fast.plan.make_scratch` for the sizes."""

    tokens: np.ndarray  # int32 rows of the words of a stretch of text
    first: np.ndarray  # int32 where its sentences begin in ``tokens``
    reach: np.ndarray  # int32 window size of each target of a block
    given_reach: np.ndarray  # int32 window sizes to use instead of drawing them (usually empty)
    rows: np.ndarray  # int64 offsets of output rows
    sign_at: np.ndarray  # int32 offsets of the groups' signs
    ends: np.ndarray  # int32 last group of each target of a block, plus one
    neighbours: np.ndarray  # int64 offsets of a window's rows of W_in
    x: np.ndarray  # float32 input vectors
    d: np.ndarray  # float32 their gradients; the last row stays zero
    sums: np.ndarray  # float32 window sums
    z: np.ndarray  # float32 factors g of a window
    tally: np.ndarray  # float32 the loss so far, see _factors


class Stretch(NamedTuple):
    """What one call trains on: the targets at positions ``begin … end − 1``.

    The learning rate goes from ``lr_begin`` to ``lr_end`` in even steps.
    """

    begin: int
    end: int
    window: int
    shrink: bool
    mean: bool
    lr_begin: float
    lr_end: float
    key: int  # uint64, where the random numbers begin
    keep_key: int  # uint64, which tokens subsampling drops in this epoch


# ---- random numbers -----------------------------------------------------------------------------
# splitmix64 (Steele, Lea, Flood 2014): a counter, and a function that scrambles it.  Nothing is
# carried from call to call, so the same key gives the same numbers everywhere.

_STEP = uint64(0x9E3779B97F4A7C15)


@_inlined
def scramble(counter):
    """A random uint64 for each value of the counter."""
    z = (counter ^ (counter >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> uint64(27))) * uint64(0x94D049BB133111EB)
    return z ^ (z >> uint64(31))


@_inlined
def draw_row(table, random):
    """A row from an alias table: the upper 32 random bits choose a column, the lower its owner."""
    column = ((random >> uint64(32)) * uint64(len(table))) >> uint64(32)
    entry = table[column]
    own_share = entry & uint64(0xFFFFFFFF)
    return np.int64(column if (random & uint64(0xFFFFFFFF)) < own_share else entry >> uint64(32))


@njit(nogil=True)
def draw_many(table, key, count):
    """``count`` rows, for tests of the distribution."""
    rows = np.empty(count, np.int32)
    state = uint64(key)
    for i in range(count):
        state += _STEP
        rows[i] = draw_row(table, scramble(state))
    return rows


# ---- several threads ----------------------------------------------------------------------------


@_inlined
def _merge(W, base, net, first, last):
    """What this thread has learned about its copies since ``base`` is added to the common rows.

    The copies and ``base`` then begin anew from there.  No lock: where two threads meet in one row,
    one of them loses a few steps, as may happen to the rows that have no copies.
    """
    for i in range(first * net.stride, last * net.stride, 8):
        copy = net.shift * net.stride + i
        common = load8(W, i) + (load8(W, copy) - load8(base, i))
        store8(W, i, common)
        store8(W, copy, common)
        store8(base, i, common)


@_inlined
def _merge_due(net, more):
    """Merge the tiers that are due after ``more`` comparisons."""
    net.done[0] += more
    done, first = net.done[0], 0
    for k in range(len(net.due)):
        last = net.tier_end[k]
        if done >= net.due[k]:
            net.due[k] = done + net.every[k] * min(1 + done // net.warm_up, net.longest)
            _merge(net.W_in, net.base_in, net, first, last)
            _merge(net.W_out, net.base_out, net, first, last)
        first = last


@_compiled
def merge_all(net):
    """Merge all hot rows: at the end of an epoch, one thread after the other."""
    _merge(net.W_in, net.base_in, net, 0, net.hot)
    _merge(net.W_out, net.base_out, net, 0, net.hot)


# ---- text → a row of tokens ---------------------------------------------------------------------


@_inlined
def _sentence_of(starts, position):
    """Number of the sentence that holds a position: the last that begins there or before."""
    low, high = 0, len(starts)
    while high - low > 1:
        middle = (low + high) // 2
        if starts[middle] <= position:
            low = middle
        else:
            high = middle
    return low


@_inlined
def _append(text, net, tokens, size, first, last, key):
    """The rows of the tokens ``first … last − 1`` that stay, at ``tokens[size:]``; the new size."""
    some = len(text.keep) > 0
    for position in range(first, last):
        row = text.row_of[uint64(text.ids[uint64(position)])]
        tokens[uint64(size)] = row + net.shift if row < net.hot else row
        size += 1
        if some:
            random = scramble(key + uint64(position) * _STEP)
            if uint32(random >> uint64(32)) > text.keep[uint64(row)]:
                size -= 1
    return size


@_inlined
def gather_tokens(text, net, stretch, scratch):
    """Rows of the tokens that subsampling leaves, with up to ``window`` more on either side.

    Fills ``scratch.tokens`` and ``scratch.first`` (begin of each sentence, and the end of all).
    Returns the number of sentences, and where the targets begin and end in ``tokens``.
    """
    tokens, first, starts = scratch.tokens, scratch.first, text.starts
    key, window = uint64(stretch.keep_key), stretch.window
    sentence = _sentence_of(starts, stretch.begin)
    # What stands to the left comes from right to left, and is turned round.
    size, position = 0, stretch.begin
    while position > starts[sentence] and size < window:
        position -= 1
        size = _append(text, net, tokens, size, position, position + 1, key)
    for i in range(size // 2):
        tokens[i], tokens[size - 1 - i] = tokens[size - 1 - i], tokens[i]
    begin, count = size, 1
    first[0] = 0
    position = stretch.begin
    while True:
        sentence += 1
        next_start = starts[sentence] if sentence < len(starts) else len(text.ids)
        size = _append(text, net, tokens, size, position, min(next_start, stretch.end), key)
        if next_start >= stretch.end:
            break
        first[count] = size
        count += 1
        position = next_start
    end, position = size, stretch.end
    while position < next_start and size < end + window:
        size = _append(text, net, tokens, size, position, position + 1, key)
        position += 1
    first[count] = size
    return count, begin, end


@_inlined
def _draw_reach(stretch, scratch, begin, first, last, state):
    """Window sizes of the targets ``first … last − 1`` into ``scratch.reach``."""
    for t in range(first, last):
        reach = stretch.window
        if len(scratch.given_reach):
            reach = scratch.given_reach[t - begin]
        elif stretch.shrink:
            state += _STEP
            random = scramble(state) >> uint64(32)
            reach = 1 + np.int64((random * uint64(stretch.window)) >> uint64(32))
        scratch.reach[t - first] = reach
    return state


# ---- which rows of W_out ------------------------------------------------------------------------


@_inlined
def _put_outputs(outputs, net, scratch, word, at, given_at, state):
    """Rows and signs for one word (a row of W_in), from group ``at`` on.

    Returns the next free group and the state of the random numbers.
    """
    rows, sign_at, stride = scratch.rows, scratch.sign_at, net.stride
    if len(outputs.tree_start):
        row = word - net.shift if word >= net.shift and net.hot else word
        for group in range(outputs.tree_start[row], outputs.tree_start[row + 1]):
            for j in range(GROUP):
                node = np.int64(outputs.tree_rows[group * GROUP + j])
                if node < 0:
                    node = net.spare
                elif node < net.hot:
                    node += net.shift
                rows[at * GROUP + j] = node * stride
            sign_at[at] = outputs.tree_sign[group] * 8
            at += 1
        return at, state
    i = at * GROUP
    rows[i] = word * stride
    for k in range(outputs.sample_size):
        if len(outputs.given):
            row = np.int64(outputs.given[given_at + k])
            row = row + net.shift if row < net.hot else row
        else:
            row = word
            while row == word:
                state += _STEP
                row = draw_row(outputs.table, scramble(state))
                row = row + net.shift if row < net.hot else row
        rows[i + 1 + k] = row * stride
    used = outputs.sample_size + 1
    groups = (used + GROUP - 1) // GROUP
    for j in range(used, groups * GROUP):
        rows[i + j] = net.spare * stride
    sign_at[at] = 0
    for g in range(1, groups):
        sign_at[at + g] = 8 if g < groups - 1 else 16
    return at + groups, state


# ---- one input vector against six output rows ----------------------------------------------------


@_inlined
def _factors(z, sign, lr8, tally):
    """``g`` of the module's head; the loss goes to ``tally``.

    ``log(1 + exp(−z)) = log(1 + exp(−|z|)) + max(−z, 0)``: the factors ``1 + exp(−|z|)`` of many
    steps are multiplied, and :func:`_take_loss` takes one logarithm for all of them.
    """
    small = exp_minus_abs8(z)
    wrong = where_positive8(z, small, ones8()) / (ones8() + small)  # σ(−z)
    # A lane without a row has the sign 0: it adds nothing to the loss.
    store8(tally, 0, load8(tally, 0) * (ones8() + small * (sign * sign)))
    store8(tally, 8, load8(tally, 8) + negative_part8(z))
    return lr8 * sign * wrong


@_inlined
def _take_loss(tally):
    """The loss collected since the last call, in float64; ``tally`` begins anew."""
    factor, excess = 1.0, 0.0
    for lane in range(8):
        factor *= np.float64(tally[lane])
        excess += np.float64(tally[8 + lane])
    store8(tally, 0, ones8())
    store8(tally, 8, zeros8())
    return excess + math.log(factor)


@_inlined
def _six_rows(rows, at):
    at = uint64(at)  # no check for negative numbers
    r0, r1, r2 = rows[at], rows[at + uint64(1)], rows[at + uint64(2)]
    return r0, r1, r2, rows[at + uint64(3)], rows[at + uint64(4)], rows[at + uint64(5)]


@_inlined
def _six_lanes(g):
    return lane8(g, 0), lane8(g, 1), lane8(g, 2), lane8(g, 3), lane8(g, 4), lane8(g, 5)


@_inlined
def _scores(W_out, rows, at, n, x, x_at):
    """``h·w_j`` of six rows, and two zeros."""
    r0, r1, r2, r3, r4, r5 = _six_rows(rows, at)
    s0, s1, s2, s3, s4, s5 = zeros8(), zeros8(), zeros8(), zeros8(), zeros8(), zeros8()
    for i in range(0, n, 8):
        h = load8(x, x_at + i)
        s0 = s0 + h * load8(W_out, r0 + i)
        s1 = s1 + h * load8(W_out, r1 + i)
        s2 = s2 + h * load8(W_out, r2 + i)
        s3 = s3 + h * load8(W_out, r3 + i)
        s4 = s4 + h * load8(W_out, r4 + i)
        s5 = s5 + h * load8(W_out, r5 + i)
    return sums8(s0, s1, s2, s3, s4, s5)


@_inlined
def _pull(W_out, rows, at, n, d, d_at, old_at, g, scale8):
    """``d[d_at:] = d[old_at:] + scale · Σ g_j w_j``, for six rows."""
    r0, r1, r2, r3, r4, r5 = _six_rows(rows, at)
    g0, g1, g2, g3, g4, g5 = _six_lanes(g)
    for i in range(0, n, 8):
        low = g0 * load8(W_out, r0 + i) + g1 * load8(W_out, r1 + i) + g2 * load8(W_out, r2 + i)
        high = g3 * load8(W_out, r3 + i) + g4 * load8(W_out, r4 + i) + g5 * load8(W_out, r5 + i)
        store8(d, d_at + i, load8(d, old_at + i) + (low + high) * scale8)


@_inlined
def _push(W_out, rows, at, n, x, x_at, g):
    """``w_j += g_j h``, for six rows.

    Each row is loaded just before it is stored: so a row that occurs twice gets both updates.
    """
    r0, r1, r2, r3, r4, r5 = _six_rows(rows, at)
    g0, g1, g2, g3, g4, g5 = _six_lanes(g)
    for i in range(0, n, 8):
        h = load8(x, x_at + i)
        store8(W_out, r0 + i, load8(W_out, r0 + i) + g0 * h)
        store8(W_out, r1 + i, load8(W_out, r1 + i) + g1 * h)
        store8(W_out, r2 + i, load8(W_out, r2 + i) + g2 * h)
        store8(W_out, r3 + i, load8(W_out, r3 + i) + g3 * h)
        store8(W_out, r4 + i, load8(W_out, r4 + i) + g4 * h)
        store8(W_out, r5 + i, load8(W_out, r5 + i) + g5 * h)


@_inlined
def _pull_and_push(W_out, rows, at, n, x, x_at, d, d_at, old_at, g, scale8):
    """:func:`_pull` and :func:`_push` in one loop, which is faster; each column is pulled first."""
    r0, r1, r2, r3, r4, r5 = _six_rows(rows, at)
    g0, g1, g2, g3, g4, g5 = _six_lanes(g)
    for i in range(0, n, 8):
        h = load8(x, x_at + i)
        low = g0 * load8(W_out, r0 + i) + g1 * load8(W_out, r1 + i) + g2 * load8(W_out, r2 + i)
        high = g3 * load8(W_out, r3 + i) + g4 * load8(W_out, r4 + i) + g5 * load8(W_out, r5 + i)
        store8(d, d_at + i, load8(d, old_at + i) + (low + high) * scale8)
        store8(W_out, r0 + i, load8(W_out, r0 + i) + g0 * h)
        store8(W_out, r1 + i, load8(W_out, r1 + i) + g1 * h)
        store8(W_out, r2 + i, load8(W_out, r2 + i) + g2 * h)
        store8(W_out, r3 + i, load8(W_out, r3 + i) + g3 * h)
        store8(W_out, r4 + i, load8(W_out, r4 + i) + g4 * h)
        store8(W_out, r5 + i, load8(W_out, r5 + i) + g5 * h)


@_inlined
def _one_group(net, outputs, scratch, group, x, x_at, d_at, old_at, lr8, scale8):
    """One input vector ``x[x_at:]``, one group.

    What h would gain goes to ``d[d_at:]``, on top of ``d[old_at:]``.
    """
    n, at, sign = net.stride, group * GROUP, load8(outputs.signs, scratch.sign_at[uint64(group)])
    z = sign * _scores(net.W_out, scratch.rows, at, n, x, x_at)
    g = _factors(z, sign, lr8, scratch.tally)
    _pull_and_push(net.W_out, scratch.rows, at, n, x, x_at, scratch.d, d_at, old_at, g, scale8)


@_inlined
def _two_groups(net, outputs, scratch, group, x, x_at, d_at, old_at, lr8, scale8):
    """The same with ``group`` and the next one.

    A processor waits long for the factors of one group; those of two it finds side by side.  Both
    groups see W_out as it was: so the second is pulled before the first is pushed.
    """
    n, W_out, rows, d, tally = net.stride, net.W_out, scratch.rows, scratch.d, scratch.tally
    a, sign_a = group * GROUP, load8(outputs.signs, scratch.sign_at[uint64(group)])
    b, sign_b = a + GROUP, load8(outputs.signs, scratch.sign_at[uint64(group + 1)])
    z_a = sign_a * _scores(W_out, rows, a, n, x, x_at)
    z_b = sign_b * _scores(W_out, rows, b, n, x, x_at)
    g_a, g_b = _factors(z_a, sign_a, lr8, tally), _factors(z_b, sign_b, lr8, tally)
    _pull(W_out, rows, b, n, d, d_at, old_at, g_b, scale8)
    _pull_and_push(W_out, rows, a, n, x, x_at, d, d_at, d_at, g_a, scale8)
    _push(W_out, rows, b, n, x, x_at, g_b)


@_inlined
def _answer(net, outputs, scratch, first, last, x, x_at, d_at, old_at, lr8, scale8):
    """One input vector, the groups ``first … last − 1``, two at a time."""
    for group in range(first, last - 1, 2):
        _two_groups(net, outputs, scratch, group, x, x_at, d_at, old_at, lr8, scale8)
        old_at = d_at
    if (last - first) % 2:
        _one_group(net, outputs, scratch, last - 1, x, x_at, d_at, old_at, lr8, scale8)


# What is needed soon is asked for early, so that it is there when its turn comes.  Where the
# matrices fit into the second cache, the first line of each row of the next word is enough: the
# processor notices by itself that one cache line follows the other.  Where they do not
# (``outputs.ahead``), a row may take as long to come as a few words do: ask for all of it, early.


@_inlined
def _ask_for_draws(outputs, state, words):
    """Ask for the entries of the noise table from which ``words`` words will draw."""
    table = outputs.table
    if len(table) > _LONG_TABLE and not len(outputs.given):
        for _ in range(words * outputs.sample_size):
            state += _STEP
            column = (scramble(state) >> uint64(32)) * uint64(len(table))
            prefetch_far(table, column >> uint64(32))


@_inlined
def _ask_for_outputs(net, outputs, scratch, first, last, groups):
    """Before the groups ``first … last − 1``, of ``groups``: ask for the rows of later ones."""
    n, early = (net.stride, 2 * _AHEAD) if outputs.ahead else (1, 2)
    start = first + early if first else 0
    for j in range(start * GROUP, min(last + early, groups) * GROUP):
        for i in range(0, n, 16):
            prefetch_far(net.W_out, scratch.rows[j] + i)


@_inlined
def _ask_for_inputs(net, outputs, tokens, position, end):
    """Ask for a row of W_in that comes after ``position``."""
    if not outputs.ahead:
        prefetch(net.W_in, tokens[min(position + 4, end - 1)] * net.stride)
    elif position + 2 * _AHEAD < end:
        _ask_for_row(net.W_in, tokens[position + 2 * _AHEAD] * net.stride, net.stride)


@_inlined
def _ask_for_row(W, row, n):
    for i in range(0, n, 16):
        prefetch_far(W, row + i)


@_inlined
def _learning_rate(stretch, t, begin, end):
    done = (t - begin) / (end - begin)
    return np.float32(stretch.lr_begin + (stretch.lr_end - stretch.lr_begin) * done)


@_inlined
def _clear(values, at, n):
    for i in range(at, at + n, 8):
        store8(values, i, zeros8())


@_inlined
def _add(values, at, W, row, n):
    """``values[at:] += W[row:]``, n numbers."""
    for i in range(0, n, 8):
        store8(values, at + i, load8(values, at + i) + load8(W, row + i))


# ---- CBOW ---------------------------------------------------------------------------------------


@_compiled
def train_cbow(text, net, outputs, scratch, stretch):
    """CBOW over a stretch of text.  Returns the summed loss and the number of targets."""
    sentences, begin, end = gather_tokens(text, net, stretch, scratch)
    state = uint64(stretch.key)
    loss, targets = 0.0, 0
    for s in range(sentences):
        low, high = scratch.first[s], scratch.first[s + 1]
        t0, stop = max(low, begin), min(high, end)
        if high - low < 2:
            continue  # a lone word has no context
        while t0 < stop:
            t1 = min(t0 + BLOCK, stop)
            state = _draw_reach(stretch, scratch, begin, t0, t1, state)
            lr8 = all8(_learning_rate(stretch, t0, begin, end))
            part, state = _cbow_block(
                net, outputs, scratch, stretch, low, high, begin, t0, t1, lr8, state
            )
            loss += part
            targets += t1 - t0
            if net.hot:
                _merge_due(net, t1 - t0)
            t0 = t1
    return loss, targets


@_inlined
def _cbow_block(net, outputs, scratch, stretch, low, high, begin, t0, t1, lr8, state):
    """Targets t0 … t1 − 1 of the sentence low … high − 1, all with the same W_in.

    Window sums are differences of running sums, so their cost does not depend on the window:
    ``sums[k]`` is the sum of the rows before position p0 + k; a window is one minus another.
    The gradient goes the other way: what a target adds to all rows of its window is noted where
    the window begins (+) and behind its end (−), and one running sum brings it to every row.
    """
    n, W_in, tokens, reach = net.stride, net.W_in, scratch.tokens, scratch.reach
    sums, d, x, tally = scratch.sums, scratch.d, scratch.x, scratch.tally
    p0, p1 = max(low, t0 - stretch.window), min(high, t1 + stretch.window)
    edges = BLOCK * n  # d: a row for each target, then the beginnings and ends of windows
    nothing = len(d) - n  # and at last a row of zeros
    _clear(sums, 0, n)
    _clear(d, edges, n)
    for p in range(p0, p1):
        _ask_for_inputs(net, outputs, tokens, p, p1)
        at, row = (p - p0) * n, tokens[p] * n
        for i in range(0, n, 8):
            store8(sums, at + n + i, load8(sums, at + i) + load8(W_in, row + i))
        _clear(d, edges + at + n, n)
    groups, ends = 0, scratch.ends
    _ask_for_draws(outputs, state, t1 - t0)
    for t in range(t0, t1):
        given_at = (t - begin) * outputs.sample_size
        groups, state = _put_outputs(outputs, net, scratch, tokens[t], groups, given_at, state)
        ends[t - t0] = groups
    loss, ready, group = 0.0, 0, 0
    for t in range(t0, t1):
        end = ends[t - t0]
        _ask_for_outputs(net, outputs, scratch, group, end, groups)
        first, last = max(low, t - reach[t - t0]), min(high, t + reach[t - t0] + 1)
        a, b, own = (first - p0) * n, (last - p0) * n, tokens[t] * n
        share8 = all8(np.float32(1) / np.float32(last - first - 1))
        for i in range(0, n, 8):
            others = load8(sums, b + i) - load8(sums, a + i) - load8(W_in, own + i)
            store8(x, i, others * share8)
        at = (t - t0) * n
        scale8 = share8 if stretch.mean else ones8()
        _answer(net, outputs, scratch, group, end, x, 0, at, nothing, lr8, scale8)
        for i in range(0, n, 8):
            change = load8(d, at + i)
            store8(d, edges + a + i, load8(d, edges + a + i) + change)
            store8(d, edges + b + i, load8(d, edges + b + i) - change)
        ready += end - group
        group = end
        if ready >= _FLUSH:
            loss += _take_loss(tally)
            ready = 0
    _clear(sums, 0, n)
    for p in range(p0, p1):
        at, row = edges + (p - p0) * n, tokens[p] * n
        own = (p - t0) * n if t0 <= p < t1 else -1
        for i in range(0, n, 8):
            change = load8(sums, i) + load8(d, at + i)
            store8(sums, i, change)
            if own >= 0:
                change = change - load8(d, own + i)
            store8(W_in, row + i, load8(W_in, row + i) + change)
    return loss + _take_loss(tally), state


# ---- skip-gram ----------------------------------------------------------------------------------


@_compiled
def train_skipgram(text, net, outputs, scratch, stretch):
    """Skip-gram over a stretch of text.  Returns the summed loss and the number of targets."""
    sentences, begin, end = gather_tokens(text, net, stretch, scratch)
    state = uint64(stretch.key)
    loss, targets = 0.0, 0
    for s in range(sentences):
        low, high = scratch.first[s], scratch.first[s + 1]
        if high - low < 2:
            continue
        for t in range(max(low, begin), min(high, end)):
            state = _draw_reach(stretch, scratch, begin, t, t + 1, state)
            lr8 = all8(_learning_rate(stretch, t, begin, end))
            part, state = _skipgram_target(
                net, outputs, scratch, stretch.window, low, high, begin, t, lr8, state
            )
            loss += part
            targets += 1
            if net.hot:
                _merge_due(net, 2 * scratch.reach[0])
    return loss, targets


@_inlined
def _skipgram_target(net, outputs, scratch, window, low, high, begin, t, lr8, state):
    """The word at t predicts its neighbours: one input row, all their output rows."""
    n, W_in, tokens = net.stride, net.W_in, scratch.tokens
    first, last = max(low, t - scratch.reach[0]), min(high, t + scratch.reach[0] + 1)
    groups = 0
    _ask_for_draws(outputs, state, last - first - 1)
    for p in range(first, last):
        if p == t:
            continue
        column = (t - begin) * 2 * window + p - t + (window if p < t else window - 1)
        groups, state = _put_outputs(
            outputs, net, scratch, tokens[p], groups, column * outputs.sample_size, state
        )
    own, old_at = tokens[t] * n, len(scratch.d) - n
    loss, ready = 0.0, 0
    for group in range(0, groups, 2):
        end = min(group + 2, groups)
        _ask_for_outputs(net, outputs, scratch, group, end, groups)
        _answer(net, outputs, scratch, group, end, W_in, own, 0, old_at, lr8, ones8())
        old_at = 0
        ready += 2
        if ready >= _FLUSH:
            loss += _take_loss(scratch.tally)
            ready = 0
    _add(W_in, own, scratch.d, 0, n)
    return loss + _take_loss(scratch.tally), state


# ---- skip-gram with shared negatives ------------------------------------------------------------


@_compiled
def train_windows(text, net, outputs, scratch, stretch):
    """Skip-gram where all neighbours of a word share its negatives.

    The pairs are those of skip-gram, the other way round, as word2vec.c has them: each neighbour's
    row of W_in predicts the word in the middle.  The window's 2w input rows and its K + 1 output
    rows are then two small matrices, and everything is a product of them: each row is brought in
    once and used for all pairs.
    """
    sentences, begin, end = gather_tokens(text, net, stretch, scratch)
    state = uint64(stretch.key)
    loss, targets = 0.0, 0
    for s in range(sentences):
        low, high = scratch.first[s], scratch.first[s + 1]
        if high - low < 2:
            continue
        for t in range(max(low, begin), min(high, end)):
            state = _draw_reach(stretch, scratch, begin, t, t + 1, state)
            groups, state = _put_outputs(
                outputs,
                net,
                scratch,
                scratch.tokens[t],
                0,
                (t - begin) * outputs.sample_size,
                state,
            )
            lr8 = all8(_learning_rate(stretch, t, begin, end))
            loss += _window(net, outputs, scratch, low, high, t, groups, lr8)
            targets += 1
            if net.hot:
                _merge_due(net, 2 * scratch.reach[0])
    return loss, targets


@_inlined
def _window(net, outputs, scratch, low, high, t, groups, lr8):
    """All neighbours of the word at t against its groups of output rows."""
    n, tokens, x = net.stride, scratch.tokens, scratch.x
    first, last = max(low, t - scratch.reach[0]), min(high, t + scratch.reach[0] + 1)
    size = 0
    for p in range(first, last):
        if p != t:  # a copy, because the same word may stand in the window twice
            scratch.neighbours[size] = tokens[p] * n
            for i in range(0, n, 8):
                store8(x, size * n + i, load8(net.W_in, tokens[p] * n + i))
            size += 1
    loss = 0.0
    for group in range(groups):
        sign = load8(outputs.signs, scratch.sign_at[group])
        for start in range(0, size, _FLUSH):
            stop = min(start + _FLUSH, size)
            _window_scores(net, scratch, group * GROUP, start, stop, sign, lr8)
            loss += _take_loss(scratch.tally)
        _window_update(net, scratch, group * GROUP, size)
    return loss


@_inlined
def _window_scores(net, scratch, at, start, stop, sign, lr8):
    """The factors g of the neighbours ``start … stop − 1`` and one group, into ``scratch.z``."""
    n, W_out, x, rows = net.stride, net.W_out, scratch.x, scratch.rows
    r0, r1, r2 = rows[at], rows[at + 1], rows[at + 2]
    r3, r4, r5 = rows[at + 3], rows[at + 4], rows[at + 5]
    for c in range(start, stop - 1, 2):
        a0, a1, a2, a3, a4, a5 = zeros8(), zeros8(), zeros8(), zeros8(), zeros8(), zeros8()
        b0, b1, b2, b3, b4, b5 = zeros8(), zeros8(), zeros8(), zeros8(), zeros8(), zeros8()
        for i in range(0, n, 8):
            g, h = load8(x, c * n + i), load8(x, (c + 1) * n + i)
            w = load8(W_out, r0 + i)
            a0, b0 = a0 + g * w, b0 + h * w
            w = load8(W_out, r1 + i)
            a1, b1 = a1 + g * w, b1 + h * w
            w = load8(W_out, r2 + i)
            a2, b2 = a2 + g * w, b2 + h * w
            w = load8(W_out, r3 + i)
            a3, b3 = a3 + g * w, b3 + h * w
            w = load8(W_out, r4 + i)
            a4, b4 = a4 + g * w, b4 + h * w
            w = load8(W_out, r5 + i)
            a5, b5 = a5 + g * w, b5 + h * w
        z = sign * sums8(a0, a1, a2, a3, a4, a5)
        store8(scratch.z, 8 * c, _factors(z, sign, lr8, scratch.tally))
        z = sign * sums8(b0, b1, b2, b3, b4, b5)
        store8(scratch.z, 8 * c + 8, _factors(z, sign, lr8, scratch.tally))
    if (stop - start) % 2:
        c = stop - 1
        a0, a1, a2, a3, a4, a5 = zeros8(), zeros8(), zeros8(), zeros8(), zeros8(), zeros8()
        for i in range(0, n, 8):
            g = load8(x, c * n + i)
            a0, a1 = a0 + g * load8(W_out, r0 + i), a1 + g * load8(W_out, r1 + i)
            a2, a3 = a2 + g * load8(W_out, r2 + i), a3 + g * load8(W_out, r3 + i)
            a4, a5 = a4 + g * load8(W_out, r4 + i), a5 + g * load8(W_out, r5 + i)
        z = sign * sums8(a0, a1, a2, a3, a4, a5)
        store8(scratch.z, 8 * c, _factors(z, sign, lr8, scratch.tally))


@_inlined
def _window_update(net, scratch, at, size):
    """``x_c += Σ_j g_cj w_j`` and ``w_j += Σ_c g_cj x_c``, eight columns at a time."""
    n, W_in, W_out, x, z = net.stride, net.W_in, net.W_out, scratch.x, scratch.z
    rows, neighbours = scratch.rows, scratch.neighbours
    r0, r1, r2 = rows[at], rows[at + 1], rows[at + 2]
    r3, r4, r5 = rows[at + 3], rows[at + 4], rows[at + 5]
    for i in range(0, n, 8):
        w0, w1, w2 = load8(W_out, r0 + i), load8(W_out, r1 + i), load8(W_out, r2 + i)
        w3, w4, w5 = load8(W_out, r3 + i), load8(W_out, r4 + i), load8(W_out, r5 + i)
        d0, d1, d2, d3, d4, d5 = zeros8(), zeros8(), zeros8(), zeros8(), zeros8(), zeros8()
        for c in range(size):
            h = load8(x, c * n + i)
            g = all8(z[8 * c])
            change, d0 = g * w0, d0 + g * h
            g = all8(z[8 * c + 1])
            change, d1 = change + g * w1, d1 + g * h
            g = all8(z[8 * c + 2])
            change, d2 = change + g * w2, d2 + g * h
            g = all8(z[8 * c + 3])
            change, d3 = change + g * w3, d3 + g * h
            g = all8(z[8 * c + 4])
            change, d4 = change + g * w4, d4 + g * h
            g = all8(z[8 * c + 5])
            change, d5 = change + g * w5, d5 + g * h
            row = neighbours[c] + i
            store8(W_in, row, load8(W_in, row) + change)
        store8(W_out, r0 + i, load8(W_out, r0 + i) + d0)
        store8(W_out, r1 + i, load8(W_out, r1 + i) + d1)
        store8(W_out, r2 + i, load8(W_out, r2 + i) + d2)
        store8(W_out, r3 + i, load8(W_out, r3 + i) + d3)
        store8(W_out, r4 + i, load8(W_out, r4 + i) + d4)
        store8(W_out, r5 + i, load8(W_out, r5 + i) + d5)
