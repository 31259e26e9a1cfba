"""Slopes of a function that can only be evaluated, each with an estimate of its error.

A single central difference has two errors that pull in opposite directions: a large step cuts off
the curvature, a small one drowns in rounding.  Here the step goes down a ladder, the differences
are extrapolated to step zero (Richardson), and the rung that agrees best with its neighbours wins.
What the rungs disagree by is the error that is reported.

This is the engine of :mod:`w2vlib.gradient_check`; it works in float64 only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

EPS = float(np.finfo(np.float64).eps)
RATIO = 4.0
"""Each rung of the ladder takes a step this many times smaller than the one above."""
TOP = 0.1138
"""First step, relative to the coordinate's size.  Not a round number on purpose: round steps from
round numbers give values without rounding, and nothing could be learned about it."""
BY_CHANCE = 1e-4
"""An entry smaller than this part of its neighbours is small by chance: larger steps are tried."""
DOWN = 15
"""At most so many rungs below the first step."""
ORDERS = 3
"""Extrapolate away the terms h², h⁴ and h⁶."""
ULPS = 4.0
"""We trust a value of the function to so many units in the last place."""
NOISY = 1e-6
"""No function that deserves to be checked scatters by more than this part of its size."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A measured derivative.

    Attributes:
        value: the derivative.
        error: how far off it may be (an estimate, on the safe side for smooth functions).
        step: a step h with which the pair (4h, h) alone gives nearly the same value.
        noise: scatter of the function's values that is not explained by the slope.
        kink: (slope to the left, slope to the right) where the two differ, else None.
    """

    value: float
    error: float
    step: float
    noise: float = 0.0
    kink: tuple[float, float] | None = None


class Line:
    """A function along a line: ``φ(t) = Σ weights · F(x + t v)``.

    Args:
        evaluate: () → F at the current x, a float or an array.
        move: t → puts x at ``x + t v`` and returns the t that rounding really gave.
        weights: what to multiply the entries of F with; a float or an array of F's shape.
        usual: size that the entries of F have elsewhere.  A small value is often the difference of
            numbers of that size, and carries their rounding.
        rounding: relative error of the values.
    """

    def __init__(self, evaluate, move, weights=1.0, usual=0.0, rounding=ULPS * EPS) -> None:
        self.evaluate, self.move, self.weights, self.usual = evaluate, move, weights, usual
        self.rounding = rounding

    def restore(self) -> None:
        self.move(0.0)

    def change(self, high, low) -> float:
        """φ at ``high`` minus φ at ``low``.  Subtracting before summing keeps small changes."""
        if isinstance(high, float):
            return self.weights * (high - low)
        return float(np.vdot(self.weights, high - low))

    def rung(self, h: float) -> Rung:
        """Look at both sides at distance h."""
        right = self.move(h)
        high = self.evaluate()
        left = self.move(-h)
        low = self.evaluate()
        if isinstance(high, float):
            size = abs(self.weights) * max(abs(high), abs(low), self.usual)
        else:
            size = np.maximum(np.maximum(np.abs(high), np.abs(low)), self.usual)
            size *= np.abs(self.weights)
        return Rung(h, right, left, high, low, self.change(high, low), size)


@dataclass(frozen=True, slots=True)
class Rung:
    """The function at ``right`` and at ``left``, the difference, and the size of the values."""

    h: float
    right: float
    left: float
    high: object
    low: object
    change: float
    size: object

    @property
    def slope(self) -> float:
        width = self.right - self.left
        return self.change / width if width else float("nan")


def along_entry(x: np.ndarray, index: int):
    """``move`` for one entry of ``x`` (flat index)."""
    flat = x.reshape(-1) if x.flags.c_contiguous else x.flat
    start = float(flat[index])

    def move(t: float) -> float:
        flat[index] = start + t if t else start
        return float(flat[index]) - start

    return move


def along_direction(x: np.ndarray, direction: np.ndarray):
    """``move`` for all entries of ``x`` at once, along ``direction``."""
    start = x.copy()

    def move(t: float) -> float:
        x[...] = start + t * direction if t else start
        return t

    return move


def size_of_entries(x: np.ndarray) -> np.ndarray:
    """Natural step size for each entry: its own size; for zeros that of the others; else 1."""
    size = np.abs(np.asarray(x, dtype=np.float64)).ravel()
    there = size[size > 0]
    usual = float(np.sqrt(np.mean((there / there.max()) ** 2)) * there.max()) if there.size else 1.0
    return np.where(size > 0, size, usual)


def measure(line: Line, scale: float, reach: float = 0.0, careful: bool = False) -> Slope:
    """The derivative of ``line`` at t = 0.

    Args:
        line: the function along a line.
        scale: natural size of a step, for an entry of x about its absolute value.
        reach: natural size of all entries of x.
        careful: spend more evaluations, to tell rounding and kinks from a real slope.
    """
    # Far steps may overflow, or leave the domain of a logarithm: such rungs are not used.
    with np.errstate(all="ignore"):
        try:
            ladder = Ladder(line, TOP * scale, max(scale, BY_CHANCE * reach))
            ladder.climb_down(DOWN if careful else 0)
            ladder.climb_up()
            return ladder.careful_slope() if careful else ladder.slope()
        finally:
            line.restore()


def measure_pair(line: Line, h: float) -> float:
    """Quick derivative from the steps 4h and h; four evaluations, error of order h⁴."""
    with np.errstate(all="ignore"):
        try:
            coarse, fine = line.rung(RATIO * h).slope, line.rung(h).slope
            return fine + (fine - coarse) / (RATIO**2 - 1)
        finally:
            line.restore()


class Ladder:
    """Rungs from the largest step to the smallest, and what they say about the slope at 0."""

    def __init__(self, line: Line, top: float, reach: float) -> None:
        self.line, self.reach = line, reach
        self.rungs: list[Rung] = []
        self._table: list[list[float]] = []
        self._touched: np.ndarray | None = None
        self._add(top)

    def climb_down(self, at_least: int) -> None:
        """Smaller steps, until they only add rounding (but at least so many)."""
        while len(self.rungs) <= DOWN:
            self._add(self.rungs[-1].h / RATIO)
            if len(self.rungs) > max(at_least, 2):
                value, _, error = self.best()
                good = error <= 1e-12 * abs(value) or self.is_flat()
                if good or self._noises()[-1] > 4 * error:
                    return

    def climb_up(self) -> None:
        """Larger steps, for entries that are small by chance, as long as they help."""
        if self.is_flat() and self.rungs[0].h < TOP:
            # Nothing moves: the entry has no influence, or is as good as zero.
            self.rungs.clear()
            self._table.clear()
            self.reach = max(self.reach, 1.0)
            self._add(TOP)
            self.climb_down(0)
        while self.rungs[0].h < self.reach and not self.is_flat():
            value, h, error = self.best()
            if error <= 1e-9 * abs(value) or h * RATIO**3 < self.rungs[0].h:
                return
            self._add(self.rungs[0].h * RATIO)

    def is_flat(self) -> bool:
        return not any(r.change for r in self.rungs)

    def best(self) -> tuple[float, float, float]:
        """The value that its neighbours confirm best, its step, and its error."""
        noises, candidates = self._noises(), []
        for k in range(1, len(self._table)):
            above, row = self._table[k - 1], self._table[k]
            for m, value in enumerate(row):
                error = abs(value - above[max(m - 1, 0)])
                if m:
                    error = max(error, abs(value - row[m - 1]))
                error += 1.5 * noises[k]
                if error < float("inf"):
                    candidates.append((error, -k, value))
        candidates.sort()
        for error, k, value in candidates:
            if self._finer_agree(value, -k, noises):
                return value, self.rungs[-k].h, error
        if not candidates:
            return self.rungs[-1].slope, self.rungs[-1].h, float("inf")
        error, k, value = candidates[0]
        contradiction = max(abs(r.slope - value) for r in self.rungs[-k:])
        return value, self.rungs[-k].h, max(error, contradiction)

    def slope(self) -> Slope:
        """The best value so far."""
        value, _, error = self.best()
        return Slope(value, error, self._pair_step(value))

    def careful_slope(self) -> Slope:
        """The best value, with the scatter of the small steps in its error, and the kink if any."""
        value, h, error = self.best()
        small = [r for r in self.rungs if r.h <= 1e-3 * h]
        scatter = [abs(r.change - (r.right - r.left) * value) for r in small]
        noise = max((s for s in scatter if np.isfinite(s)), default=0.0)
        return Slope(value, error + noise / h, self._pair_step(value), noise, self._kink(noise))

    def _add(self, h: float) -> None:
        """One more rung, at the end where it belongs; the extrapolation table grows with it."""
        rung = self.line.rung(h)
        if not isinstance(rung.high, float):
            changed = rung.high != rung.low
            self._touched = changed if self._touched is None else self._touched | changed
        if self.rungs and h > self.rungs[0].h:
            self.rungs.insert(0, rung)
            self._table.clear()
        else:
            self.rungs.append(rung)
        for k in range(len(self._table), len(self.rungs)):
            row = [self.rungs[k].slope]
            for m in range(1, min(k, ORDERS) + 1):
                finer, coarser = row[-1], self._table[k - 1][m - 1]
                row.append(finer + (finer - coarser) / (RATIO ** (2 * m) - 1))
            self._table.append(row)

    def _noises(self) -> list[float]:
        """Error of each rung's slope through rounding of the function's values.

        Outside the usual x, terms inside the function grow with h and may cancel in its value; so
        their rounding is taken to grow with h too.
        """
        touched = self._touched if self._touched is not None and self._touched.any() else None
        noises = []
        for r in self.rungs:
            size = r.size if touched is None else r.size[touched]
            far = max(1.0, r.h / self.reach)
            noises.append(self.line.rounding * float(np.sum(size)) * far / (2 * r.h))
        return noises

    def _finer_agree(self, value: float, k: int, noises: list[float]) -> bool:
        """Whether all smaller steps say the same, as far as rounding lets them.

        A function that is flat at some distance to both sides has the slope 0 for two large steps
        in a row; only the smaller ones know about the hill between.
        """
        off = [abs(r.change - (r.right - r.left) * value) for r in self.rungs[k:]]
        # What the smallest steps are off by is rounding, unless it is a jump of the function.
        rounding = min(max(off[-3:]), NOISY * float(np.sum(self.rungs[k].size)))
        for n, difference in enumerate(off):
            noise = 2 * self.rungs[k + n].h * noises[k + n]
            if difference > 2 * max(noise, rounding, off[0] / RATIO ** (3 * n)):
                return False
        return True

    def _pair_step(self, value: float) -> float:
        """The step for which the pair (4h, h) comes closest to ``value``."""
        noises = self._noises()
        errors = [
            (abs(row[1] - value) + noise, rung.h)
            for row, noise, rung in zip(self._table[1:], noises[1:], self.rungs[1:], strict=True)
        ]
        finite = [pair for pair in errors if np.isfinite(pair[0])]
        return min(finite)[1] if finite else self.rungs[-1].h

    def _kink(self, scatter: float) -> tuple[float, float] | None:
        """Slopes to either side, if they differ however close one looks."""
        self.line.restore()
        here = self.line.evaluate()
        sides = []
        for r, noise in zip(self.rungs, self._noises(), strict=True):
            if r.right and r.left:
                right = self.line.change(r.high, here) / r.right
                left = self.line.change(r.low, here) / r.left
                unsure = 2 * max(noise, scatter / r.h)
                sides.append((left, right, abs(right - left), unsure))
        clear = [n for n, (_, _, jump, unsure) in enumerate(sides) if unsure <= 0.05 * jump]
        if not clear:
            return None
        n = clear[-1]
        left, right, jump, unsure = sides[n]
        hidden = n + 1 == len(sides) or RATIO * unsure > 0.05 * jump
        # In a smooth function the jump shrinks with the step: to a quarter on the next rung.
        persistent = n > 0 and jump > 0.5 * sides[n - 1][2]
        return (left, right) if hidden and persistent else None


def coarseness(line: Line, reach: float) -> float:
    """How coarsely the function's values are rounded, relative to their size.

    Over a very short way a function is straight; what is off the straight line is rounding.
    Curvature is off too, but 16 times less on a quarter of the way, and a kink 4 times less.
    """
    with np.errstate(over="ignore"):
        usual = float(np.max(line.usual * np.abs(line.weights)))
    size = max(
        usual,
        *(float(np.abs(v).max(initial=0.0)) for v in _values(line, [-TOP * reach, TOP * reach])),
    )
    if not 0 < size < float("inf"):
        return 0.0
    wide, narrow = (_off_straight(line, part * reach) for part in (6.4e-7, 1.6e-7))
    coarse = narrow > wide / 2.5 and not _is_steep(line, 1.6e-7 * reach, narrow)
    return wide / size if coarse else 0.0


def _is_steep(line: Line, length: float, off: float) -> bool:
    """Whether the function is smooth after all, but so steep that it bends within ``length``.

    On each way that is four times shorter, what is off a straight line must shrink as curvature
    does: 16 or 64 times.  Rounding stays, until it is gone at a stroke.
    """
    shrunk = 0
    for _ in range(DOWN):
        length /= RATIO
        before, off = off, _off_straight(line, length)
        shrunk = shrunk + 1 if 8 * off < before < 200 * off else 0
        if shrunk == 2:
            return True
    return False


def _off_straight(line: Line, length: float) -> float:
    """Largest distance of the function's values from a straight line."""
    t = np.linspace(-length, length, 9)
    values = np.array(_values(line, t))
    with np.errstate(invalid="ignore"):
        off = values - values.mean(axis=0) - np.outer(t, t @ values / (t @ t))
    return float(np.nan_to_num(np.abs(off)).max(initial=0.0))


def _values(line: Line, steps) -> list[np.ndarray]:
    """The weighted values of the function at some places along the line."""
    with np.errstate(all="ignore"):
        try:
            values = []
            for t in steps:
                line.move(float(t))
                values.append(np.ravel(line.evaluate() * line.weights))
            return values
        finally:
            line.restore()
