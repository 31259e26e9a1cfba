"""Judge a gradient against measured slopes: entry by entry, or along random directions.

Three things can make a right gradient differ from a measured one: the rounding of the function
(the measurement's error says how much), the rounding of the gradient itself, and corners of the
function.  All three are estimated, so that neither a tiny mistake in a tiny loss gets through, nor
a saturated layer is accused.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from w2vlib.derivatives import (
    EPS,
    ULPS,
    Line,
    Slope,
    along_direction,
    along_entry,
    coarseness,
    measure,
    measure_pair,
    size_of_entries,
)
from w2vlib.gradient_report import Comparison, GradientReport, Problem, describe
from w2vlib.sparse import RowGradient

TOLERANCE = 1e-6
"""Largest relative error of a right gradient."""
FLOOR = 1e-4
"""Entries smaller than this part of the largest are compared on that scale."""
PRECISION = 1e-9
"""Along a random direction a float64 gradient is at least this exact; a float32 one is not."""
BACKWARD_ULPS = 256.0
"""The gradient under test may itself be rounded by so many units of the function's usual slope."""
SCATTER = 4.0
"""… and by so many times what it changes when the last bits of all numbers are shaken."""
SHAKES, SHAKE_ULPS = 4, 32
"""How often the last bits are shaken, and by how many units at most."""
SAFETY = 4.0
"""The estimated error of a measurement counts so many times."""
COARSE = 1e-9
"""A function whose values are rounded to this part of their size is not computed in float64."""
PROOFS = 20
"""So many entries of an array are proven wrong with care; a quick look is enough for the rest."""
SURVEY = (1.0, 0.3, 0.03, 0.003, 0.0003)
"""Where to look for the function's usual size and slopes: at so many times all its arrays."""
EVERY_ENTRY = 400
"""Up to this size every entry of a parameter is measured."""
SAMPLE = 64
"""From larger parameters so many entries are measured one by one, besides random directions."""

RANDOM = (
    "{} gives another result each time, so no gradient can be measured: fix the random numbers "
    "(a seed, or negatives that you pass in)."
)
NOTHING_JUDGED = (
    "Nothing could be judged: all derivatives are smaller than rounding errors here, or the "
    "function has a corner. Try smaller or other values."
)


@dataclass(slots=True, eq=False)
class Target:
    """One array to compare; two targets are equal only if they are the same object.

    Attributes:
        name: what to call it.
        x: the array, which is moved in place.
        got: the gradient under test.
        source: tells gradients apart: one gradient listed twice counts once.
        scatter: () → how much the gradient changes when last bits are shaken.
    """

    name: str
    x: np.ndarray
    got: np.ndarray
    source: int = 0
    scatter: Callable[[], float] = float


def merge_shared(targets: list[Target]) -> list[Target]:
    """Parameters that share memory (also as transposed views) are one: their gradients add up."""
    merged: list[Target] = []
    # The largest first, so that a view of some rows goes into the whole.
    for target in sorted(targets, key=lambda t: -t.x.size):
        for other in merged:
            if target.x.size and np.shares_memory(target.x, other.x):
                _add_shared(other, target)
                break
        else:
            merged.append(target)
    return [t for t in targets if t in merged]


def _add_shared(whole: Target, part: Target) -> None:
    if part.source and part.source == whole.source:
        return
    place = {address: i for i, address in enumerate(_addresses(whole.x))}
    total = whole.got.copy()
    for i, address in enumerate(_addresses(part.x)):
        if address in place:
            total.flat[place[address]] += part.got.flat[i]
    whole.got = total
    if part.name not in whole.name.split(" = "):
        whole.name += f" = {part.name}"


def _addresses(x: np.ndarray) -> list[int]:
    """Where in memory each entry of x lies."""
    steps = np.tensordot(x.strides, np.indices(x.shape), axes=1)
    return np.ravel(x.__array_interface__["data"][0] + steps).tolist()


def _usual_size(x: np.ndarray) -> float:
    """Natural size of a step for all entries of x at once."""
    return float(np.sqrt(np.mean(size_of_entries(x) ** 2))) if x.size else 1.0


def _up_or_down(rng, size: float, shape) -> np.ndarray:
    """A random direction: each entry is ``size`` or ``−size``."""
    return rng.choice([-size, size], shape)


class Comparer:
    """Compares the gradients of one function at one point.

    Args:
        evaluate: () → the function's value, a float or an array.
        weights: what the entries of that value are multiplied with (the upstream gradient).
        targets: the arrays that the function depends on, with their gradients.
        rng: for sampled entries and random directions.
        tol: largest relative error.
        every_entry: measure all entries of arrays up to this size.
    """

    def __init__(
        self, evaluate, weights, targets, rng, tol=TOLERANCE, every_entry=EVERY_ENTRY
    ) -> None:
        self.evaluate, self.weights, self.rng = evaluate, weights, rng
        self.targets: list[Target] = targets
        self.tol, self.every_entry = tol, every_entry
        # Who allows more than usual allows it along directions, too.
        self.precision = PRECISION * tol / TOLERANCE if tol <= TOLERANCE else tol
        self.rounding = ULPS * EPS

    def compare(self, target: Target, direction: bool = True) -> Comparison:
        """Measure entries of ``target`` and judge them.

        Args:
            target: what to compare.
            direction: also compare along random directions; always done where entries are sampled.
        """
        work = _Work(self, target)
        work.screen(self._choose(target.got))
        work.confirm()
        if direction or target.x.size > self.every_entry:
            work.compare_directions()
        return work.comparison()

    def line(self, move, careful: bool = False) -> Line:
        usual = self._survey[0] if careful else 0.0
        return Line(self.evaluate, move, self.weights, usual, self.rounding)

    def _choose(self, got: np.ndarray) -> np.ndarray:
        """Flat indices to measure: all, or a sample with and without gradient."""
        n = got.size
        if n <= self.every_entry:
            return np.arange(n)
        flat = np.abs(got.ravel())
        nonzero, zero = np.flatnonzero(flat), np.flatnonzero(flat == 0)
        picked = [0, n - 1]
        if nonzero.size:
            picked += [int(flat.argmax()), int(nonzero[flat[nonzero].argmin()])]
        for group in (nonzero, zero):
            take = min(SAMPLE // 2, group.size)
            picked += self.rng.choice(group, take, replace=False).tolist()
        return np.unique(picked)

    def coarseness(self) -> float:
        """Relative rounding of the function if it is far worse than that of float64, else 0."""
        worst = 0.0
        for target in self.targets:
            if target.x.size:
                v = _up_or_down(self.rng, _usual_size(target.x), target.x.shape)
                worst = max(worst, coarseness(self.line(along_direction(target.x, v), True), 1.0))
        if worst <= COARSE:
            return 0.0
        self.rounding = 4 * worst
        return worst

    def rounding_of(self, target: Target) -> float:
        """How far the gradient under test may be off through its own rounding."""
        slope = self._survey[1][self.targets.index(target)]
        return BACKWARD_ULPS * EPS * slope + SCATTER * target.scatter()

    @functools.cached_property
    def _survey(self):
        """The function on the way from here to 0: usual size of its values, and of its slopes.

        Where a loss is saturated its gradient is 1e-20, but computed as a difference of numbers
        near 1, so right only to 1e-16.  Nearer to 0 nothing is saturated.
        """
        arrays = [t.x for t in self.targets]
        start = [x.copy() for x in arrays]
        usual, slopes = 0.0, [0.0] * len(arrays)
        weights = np.abs(self.weights)
        with np.errstate(all="ignore"):
            for part in SURVEY:
                try:
                    for x, before in zip(arrays, start, strict=True):
                        x[...] = part * before
                    here = np.abs(self.evaluate())
                    usual = np.fmax(usual, np.where(np.isfinite(here), here, 0.0))
                    for n, x in enumerate(arrays):
                        slope = self._secant(x, part, weights)
                        slopes[n] = max(slopes[n], slope if np.isfinite(slope) else 0.0)
                except Exception:  # far from the given x the function may refuse to work
                    break
                finally:
                    for x, before in zip(arrays, start, strict=True):
                        x[...] = before
        return (float(usual) if np.ndim(usual) == 0 else usual), slopes

    def _secant(self, x, part: float, weights) -> float:
        """Slope between x and a point to either side of it, in a random direction."""
        if not x.size:
            return 0.0
        step = 0.1 * part * float(size_of_entries(x / part).max())
        v, here = _up_or_down(np.random.default_rng(0), step, x.shape), x.copy()
        x[...] = here + v
        high = self.evaluate()
        x[...] = here - v
        low = self.evaluate()
        x[...] = here
        return float(np.sum(weights * np.abs(np.subtract(high, low)))) / (2 * step)


class _Work:
    """The comparison of one array, step by step."""

    def __init__(self, comparer: Comparer, target: Target) -> None:
        self.c, self.target = comparer, target
        self.x, self.got = target.x, target.got.ravel()
        self.expected = np.full(self.got.shape, np.nan)
        self.wrong, self.unsure, self.kinks = np.zeros((3, self.got.size), dtype=bool)
        self.scales = size_of_entries(self.x)
        self.reach = _usual_size(self.x)
        # Entries that have had a quick look only.
        self.quick = np.zeros(self.got.size, dtype=bool)
        self.slopes: dict[int, Slope] = {}
        self.imprecise = 0.0
        self._rounding: float | None = None

    def screen(self, entries: np.ndarray) -> None:
        """A quick look at all entries, with one step for the whole array."""
        if not entries.size:
            return
        self.quick[entries] = True
        by_size = entries[np.argsort(-np.abs(self.got[entries]), kind="stable")]
        step = None
        for i in by_size[:2] if self.got[by_size[0]] else by_size[:: max(1, len(by_size) // 4)]:
            slope = self._measure(i)
            self.expected[i] = slope.value
            if slope.value and step is None:
                step = slope.step
        for i in entries:
            if np.isnan(self.expected[i]):
                h = step or 0.01 * self.scales[i]
                self.expected[i] = measure_pair(self.c.line(along_entry(self.x, i)), h)

    def confirm(self) -> None:
        """A careful look at the entries that seem wrong."""
        # A careful look can reveal that the largest entry was not so large, and make new suspects.
        while len(suspects := self._suspects()):
            for i in suspects:
                if self.wrong.sum() < PROOFS:
                    self.judge(i)
                else:
                    self.wrong[i] = self._clearly_off(i)
                    self.quick[i] = False
        for i in self.slopes:  # once more, now that the largest entry is known
            self._decide(i)

    def _slack(self, slope: Slope) -> float:
        """What rounding explains, in the measurement and in the gradient under test."""
        return SAFETY * slope.error + self.rounding()

    def _suspects(self) -> np.ndarray:
        """Entries whose quick look does not fit, worst first."""
        badness = np.nan_to_num(self.errors(), nan=np.inf)
        # Written as "not smaller", because a quick look that gave NaN is a suspect too.
        suspects = np.flatnonzero(self.quick & ~(badness <= 0.01 * self.c.tol))
        return suspects[np.argsort(-badness[suspects], kind="stable")]

    def _clearly_off(self, i: int) -> bool:
        """Whether the quick look at entry i is off by far more than those proven wrong allow."""
        slack = max(SAFETY * s.error for s in self.slopes.values()) + self.rounding()
        size = max(abs(self.got[i]), abs(self.expected[i]), FLOOR * self._largest())
        return bool(abs(self.got[i] - self.expected[i]) > self.c.tol * size + 10 * slack)

    def judge(self, i: int) -> bool:
        """Measure entry i with care and decide about it; returns whether it is wrong."""
        self.slopes[i] = slope = self._measure(i, careful=True)
        self.expected[i], self.quick[i] = slope.value, False
        self._decide(i)
        return bool(self.wrong[i])

    def _decide(self, i: int) -> None:
        slope, got = self.slopes[i], self.got[i]
        error = abs(got - slope.value)
        allowed = self.c.tol * max(abs(got), abs(slope.value), FLOOR * self._largest())
        slack = self._slack(slope)
        off = not error <= allowed  # NaN, a slope that cannot be measured, is off too
        self.kinks[i] = off and slope.kink is not None
        self.unsure[i] = off and not self.kinks[i] and not error > allowed + slack
        self.wrong[i] = off and not self.kinks[i] and not self.unsure[i]

    def compare_directions(self) -> None:
        """All entries at once, along random directions; finds the one wrong entry of a million."""
        n, shape = self.got.size, self.x.shape
        if not n or self.wrong.any() or self.kinks.any():
            return
        groups = [np.full(n, True)]
        if n > self.c.every_entry:
            zero = self.got == 0
            groups += [g for g in (zero, ~zero) if g.any() and not g.all()]
        for group in groups:
            v = np.where(group.reshape(shape), _up_or_down(self.c.rng, self.reach, shape), 0.0)
            error, norm = self._along(v, careful=True)
            if error <= self.c.precision * norm:
                continue
            if np.isnan(self.expected).any() and self._hunt(v):
                return
            self.imprecise = max(self.imprecise, error / norm if norm else np.inf)

    def comparison(self) -> Comparison:
        """The result, in the shape of the parameter."""
        shape = self.x.shape
        errors = self.errors()
        for i, slope in self.slopes.items():
            if not self.wrong[i] and abs(self.got[i] - slope.value) <= self._slack(slope):
                errors[i] = 0.0
        arrays = (self.got, self.expected, errors, self.wrong, self.unsure, self.kinks)
        reshaped = (a.reshape(shape) for a in arrays)
        return Comparison(
            self.target.name, *reshaped, imprecise=self.imprecise, rounding=self._rounding or 0.0
        )

    def errors(self) -> np.ndarray:
        """Relative errors of all entries; NaN where nothing was measured."""
        expected, got = self.expected, self.got
        size = np.maximum(np.maximum(np.abs(got), np.abs(expected)), FLOOR * self._largest())
        difference = np.abs(got - expected)
        with np.errstate(invalid="ignore"):  # 0 / 0
            return np.where(difference != 0, difference / size, 0.0)

    def rounding(self) -> float:
        """How far the gradient under test may be off through its own rounding."""
        if self._rounding is None:
            self._rounding = self.c.rounding_of(self.target)
        return self._rounding

    def _largest(self) -> float:
        known = np.abs(self.expected[np.isfinite(self.expected)])
        return max(float(np.abs(self.got).max(initial=0.0)), float(known.max(initial=0.0)))

    def _measure(self, i: int, careful: bool = False) -> Slope:
        line = self.c.line(along_entry(self.x, int(i)), careful)
        return measure(line, float(self.scales[i]), self.reach, careful)

    def _along(self, v: np.ndarray, careful: bool = False) -> tuple[float, float]:
        """Error of the gradient along v beyond what rounding explains, and the size to compare."""
        slope = measure(self.c.line(along_direction(self.x, v), True), 1.0, 1.0, careful)
        terms = self.got * v.ravel()
        norm = float(np.linalg.norm(terms))
        slack = SAFETY * slope.error + self.rounding() * float(np.linalg.norm(v))
        return max(abs(float(terms.sum()) - slope.value) - slack, 0.0), max(norm, abs(slope.value))

    def _hunt(self, v: np.ndarray) -> bool:
        """Halve the direction again and again until one wrong entry is left."""
        flat = v.ravel()
        entries = np.flatnonzero(flat)
        while entries.size > 1:
            halves = np.array_split(entries, 2)
            found = []
            for half in halves:
                part = np.zeros_like(flat)
                part[half] = flat[half]
                found.append(self._along(part.reshape(v.shape))[0])
            entries = halves[int(np.argmax(found))]
        return self.judge(int(entries[0]))


def dense_gradient(grad, param, name: str, report, **where) -> np.ndarray | None:
    """A gradient as a dense float64 array, or None and a problem."""
    if isinstance(grad, RowGradient):
        grad = grad.to_dense()
    if grad is None or np.asarray(grad).dtype.kind not in "fiu":
        kind = "None" if grad is None else f"of type {np.asarray(grad).dtype}"
        report.problems.append(Problem("contract", f"The gradient of {name} is {kind}.", **where))
        return None
    grad = np.asarray(grad)
    if grad.shape != param.shape:
        text = f"The gradient of {name} has shape {grad.shape}, but {name} has {param.shape}."
        if grad.ndim == 2 and grad.T.shape == param.shape:
            text += " It looks transposed."
        report.problems.append(Problem("shape", text, **where))
        return None
    if not np.isfinite(grad).all():
        at = tuple(int(i) for i in np.argwhere(~np.isfinite(grad))[0])
        count = int((~np.isfinite(grad)).sum())
        text = f"The gradient of {name} is {grad[at]} at index {list(at)}"
        text += f" ({count} of {grad.size} entries are NaN or infinite)." if count > 1 else "."
        report.problems.append(Problem("not finite", text, **where))
        return None
    return np.array(grad, dtype=np.float64)


def coarse_text(what: str, coarse: float) -> str:
    """The sentence on a function that has too few digits."""
    return (
        f"{what} is right to about {-np.log10(coarse):.0f} digits only, where float64 has 16: is "
        "something computed in float32 on the way, or does it cancel?"
    )


def report_comparison(report: GradientReport, c: Comparison) -> None:
    """Add the problems and notes of one comparison."""
    where = {"batch": c.batch, "point": c.point}
    if c.wrong.any():
        measured, wrong = int(c.measured.sum()), int(c.wrong.sum())
        verb = "is" if wrong == 1 else "are"
        which = f"{wrong} of {measured} measured entries {verb} wrong" if measured > 1 else "wrong"
        text = f"The gradient of {c.name}: {which}. Worst is {c.worst()}."
        facts = describe(c.got, c.expected, c.wrong)
        report.problems.append(Problem("gradient", f"{text} {facts}".strip(), **where))
    elif c.imprecise:
        text = (
            f"The gradient of {c.name} is right to a relative error of {c.imprecise:.0e} only, "
            "where float64 gives 1e-12: is something computed in float32, or is a small number "
            "like 1e-7 added in forward and forgotten in backward?"
        )
        report.problems.append(Problem("precision", text, **where))
    if c.kinks.any():
        text = (
            f"Not smooth here: entries of {c.name} lie on a kink (max, ReLU, |x|), where no single "
            "gradient is right; they were not judged."
        )
        if text not in report.notes:
            report.notes.append(text)


def shaken(x: np.ndarray, rng) -> np.ndarray:
    """x with the last bits of its entries changed at random."""
    return x * (1 + EPS * rng.integers(-SHAKE_ULPS, SHAKE_ULPS + 1, x.shape))


def same_bits(a, b) -> bool:
    """Bit for bit the same, NaN included."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
