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
"""First step, relative to the coordinate's size.  Not a round number on purpose: with round steps
the values of a function can fall on a coarse grid, and rounding could not be told from flatness."""
DOWN, UP = 15, 8
"""At most so many rungs below and above the first step."""
FAR = 3
"""A careful look goes at least so many rungs up, to see how the function is elsewhere."""
ORDERS = 3
"""Extrapolate away the terms h², h⁴ and h⁶."""
ULPS = 4.0
"""We trust a value of the function to so many units in the last place."""

STAIR = 1e-10
"""The stairs of a function that is rounded on the way are smaller than this part of its range."""


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
    """

    def __init__(self, evaluate, move, weights=1.0) -> None:
        self.evaluate, self.move, self.weights = evaluate, move, weights

    def restore(self) -> None:
        self.move(0.0)

    def change(self, high, low) -> float:
        """φ at ``high`` minus φ at ``low``.  Subtracting before summing keeps small changes."""
        if isinstance(high, float):
            return self.weights * (high - low)
        return float(np.vdot(self.weights, high - low))

    def size(self, high, low) -> float:
        """Size of the values that changed: their rounding is the noise of the difference."""
        if isinstance(high, float):
            return abs(self.weights) * max(abs(high), abs(low))
        moved = np.maximum(np.abs(high), np.abs(low)) * (high != low)
        return float(np.vdot(np.abs(self.weights), moved))

    def rung(self, h: float) -> Rung:
        """Look at both sides at distance h."""
        right = self.move(h)
        high = self.evaluate()
        left = self.move(-h)
        low = self.evaluate()
        return Rung(h, right, left, high, low, self.change(high, low), self.size(high, low))


@dataclass(frozen=True, slots=True)
class Rung:
    """Two values of the function, at ``right`` and at ``left``, and their difference."""

    h: float
    right: float
    left: float
    high: object
    low: object
    change: float
    size: float

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


def measure(line: Line, scale: float, careful: bool = False) -> Slope:
    """The derivative of ``line`` at t = 0.

    Args:
        line: the function along a line.
        scale: natural size of a step, for an entry of x about its absolute value.
        careful: spend more evaluations, to tell rounding and kinks from a real slope.
    """
    # Far steps may overflow, or leave the domain of a logarithm: such rungs are not used.
    with np.errstate(all="ignore"):
        try:
            ladder = Ladder(line, TOP * scale)
            ladder.climb_down(DOWN if careful else 0)
            if careful or ladder.noisy():
                ladder.climb_up(FAR if careful else 0)
            return ladder.careful_slope() if careful else ladder.slope()
        finally:
            line.restore()


def measure_pair(line: Line, h: float) -> float:
    """Quick derivative from the steps 4h and h; four evaluations, error of order h⁴."""
    with np.errstate(all="ignore"):
        try:
            coarse, fine = line.rung(RATIO * h).slope, line.rung(h).slope
        finally:
            line.restore()
    return fine + (fine - coarse) / (RATIO**2 - 1)


class Ladder:
    """Rungs from the largest step to the smallest, and what they say about the slope at 0."""

    def __init__(self, line: Line, top: float) -> None:
        self.line, self.rungs = line, [line.rung(top)]
        self._extrapolated: list[list[float]] = []
        self._extrapolate()

    def climb_down(self, at_least: int) -> None:
        """Smaller steps, until they only add rounding (but at least so many)."""
        while len(self.rungs) <= DOWN:
            self.rungs.append(self.line.rung(self.rungs[-1].h / RATIO))
            self._extrapolate()
            if len(self.rungs) > max(at_least, 2):
                best, _, error, _ = self.best()
                good = error <= 1e-12 * abs(best) or not any(r.change for r in self.rungs)
                if good or self._noise(self.rungs[-1]) > 4 * error:
                    return

    def climb_up(self, at_least: int) -> None:
        """Larger steps, as long as they help against rounding (but at least so many)."""
        for k in range(UP):
            _, _, before, _ = self.best()
            flat = not any(r.change for r in self.rungs)
            self.rungs.insert(0, self.line.rung(self.rungs[0].h * RATIO))
            self._extrapolated.clear()
            self._extrapolate()
            _, _, after, _ = self.best()
            if k + 1 >= at_least and not flat and not after < before:
                return

    def noisy(self) -> bool:
        """Whether rounding, and not the length of the steps, spoils the best value."""
        value, h, error, _ = self.best()
        top = self.rungs[0]
        return (
            error > 1e-9 * abs(value)
            and h * RATIO**3 >= top.h
            and any(r.change for r in self.rungs)
        )

    def best(self) -> tuple[float, float, float, int]:
        """Best value, its step, its error, and the number of its rung."""
        answer = (self.rungs[-1].slope, self.rungs[-1].h, float("inf"), len(self.rungs) - 1)
        table, quantum = self._extrapolated, self._quantum()
        for k in range(1, len(table)):
            noise = 1.5 * self._noise(self.rungs[k], quantum)
            for m, value in enumerate(table[k]):
                error = noise + abs(value - table[k - 1][max(m - 1, 0)])
                if m:
                    error = max(error, noise + abs(value - table[k][m - 1]))
                if error < answer[2]:
                    answer = (value, self.rungs[k].h, error, k)
        return answer

    def slope(self) -> Slope:
        """The best value so far."""
        value, _, error, _ = self.best()
        return Slope(value, error, self._pair_step(value))

    def careful_slope(self) -> Slope:
        """The best value, with the scatter of the small steps in its error, and the kink if any."""
        value, h, error, _ = self.best()
        small = [r for r in self.rungs if r.h <= 1e-3 * h]
        scatter = [abs(r.change - (r.right - r.left) * value) for r in small]
        noise = max([s for s in scatter if np.isfinite(s)] + [self._quantum()], default=0.0)
        return Slope(value, error + noise / h, self._pair_step(value), noise, self._kink(noise))

    def _extrapolate(self) -> None:
        """Fill in the missing rows of the extrapolation table."""
        table = self._extrapolated
        for k in range(len(table), len(self.rungs)):
            row = [self.rungs[k].slope]
            for m in range(1, min(k, ORDERS) + 1):
                row.append(row[-1] + (row[-1] - table[k - 1][m - 1]) / (RATIO ** (2 * m) - 1))
            table.append(row)

    def _noise(self, rung: Rung, quantum: float = 0.0) -> float:
        """Error of a rung's slope through rounding of the function's values."""
        return max(ULPS * EPS * rung.size, quantum) / (2 * rung.h)

    def _quantum(self) -> float:
        """Height of a stair, if the function turns out to be a staircase.

        Where the change is 0 for a small step and tiny for a larger one, the function's values
        cannot be finer than that last change.  Example: log(1 + e) for e near 1e-16.  A change that
        is not tiny, compared with those far away, means the end of a flat part instead.
        """
        largest = max((abs(r.change) for r in self.rungs if np.isfinite(r.change)), default=0.0)
        for above, below in zip(self.rungs, self.rungs[1:], strict=False):
            if above.change and not below.change:
                return abs(above.change) if abs(above.change) <= STAIR * largest else 0.0
        return 0.0

    def _pair_step(self, value: float) -> float:
        """The step for which the pair (4h, h) comes closest to ``value``."""
        quantum = self._quantum()
        errors = [
            (abs(row[1] - value) + self._noise(rung, quantum), rung.h)
            for row, rung in zip(self._extrapolated[1:], self.rungs[1:], strict=True)
        ]
        finite = [pair for pair in errors if np.isfinite(pair[0])]
        return min(finite)[1] if finite else self.rungs[-1].h

    def _kink(self, noise: float) -> tuple[float, float] | None:
        """Slopes to either side, if they differ however close one looks."""
        self.line.restore()
        here = self.line.evaluate()
        sides = []
        for r in self.rungs:
            if not r.right or not r.left:
                continue
            right = self.line.change(r.high, here) / r.right
            left = self.line.change(r.low, here) / r.left
            unsure = max(ULPS * EPS * self.line.size(r.high, r.low), noise) / r.h
            if np.isfinite(right) and np.isfinite(left):
                sides.append((left, right, unsure))
        jumps = [abs(right - left) for left, right, _ in sides]
        largest = max(jumps, default=0.0)
        # The smallest step at which a jump of that size would still be seen.
        visible = [side for side in sides if side[2] <= 0.05 * largest]
        if not visible or not largest:
            return None
        left, right, _ = visible[-1]
        return (left, right) if abs(right - left) > 0.4 * largest else None
