"""Is this gradient right?  Measured, not believed.

Three tools, from small to large:

* :func:`numerical_gradient` measures the gradient of a function by moving each entry a little;
* :func:`check_gradient` compares a gradient that you computed with a measured one;
* :func:`check_layer` takes any class with the layer contract (``params``, ``grads``, ``forward``,
  ``backward``) and also tries what training will do to it sooner or later.

    >>> check_layer(lambda: MatMul(W.copy()), x).raise_if_failed()

Everything is compared in float64.  The relative error of an entry is ``|got − expected|`` divided
by the larger of the two, but at least by ``FLOOR`` times the largest entry of that gradient: an
entry that is a millionth of its neighbours must not fail over its own rounding.  Nothing in the
verdict depends on the absolute size of the loss.

Source: CS224n, assignment 2 (the idea); Deep Learning from Scratch 2, section 1.4 (the contract);
scikit-learn's ``check_estimator`` (one checker for everybody's class).
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from w2vlib.derivatives import (
    EPS,
    Line,
    Slope,
    along_direction,
    along_entry,
    measure,
    measure_pair,
    size_of_entries,
)
from w2vlib.gradient_report import Comparison, GradientError, GradientReport, Problem, describe
from w2vlib.sparse import RowGradient

__all__ = [
    "GradientError",
    "GradientReport",
    "check_gradient",
    "check_layer",
    "numerical_gradient",
]

TOLERANCE = 1e-6
"""Largest relative error of a right gradient."""
FLOOR = 1e-4
"""Entries smaller than this part of the largest are compared on that scale."""
PRECISION = 1e-9
"""Along a random direction a float64 gradient is at least this exact; a float32 one is not."""
BACKWARD_ULPS = 256.0
"""The gradient under test may itself be rounded by so many units of the function's usual slope."""
SCATTER = 16.0
"""… and by so many times what it changes when the last bits of all numbers are shaken."""
SHAKES = 4
"""How often the last bits are shaken."""
SAFETY = 4.0
"""The estimated error of a measurement counts so many times."""
PROOFS = 3
"""So many entries of an array are proven wrong with care; a quick look is enough for the rest."""
SURVEY = (1.0, 0.3, 0.03, 0.003, 0.0003)
"""Where to look for the function's usual size and slopes: at so many times all its arrays."""
EVERY_ENTRY = 400
"""Up to this size every entry of a parameter is measured."""
SAMPLE = 64
"""From larger parameters so many entries are measured one by one, besides random directions."""


# ---------------------------------------------------------------------------------------------
# Measure
# ---------------------------------------------------------------------------------------------


def numerical_gradient(f: Callable, x: np.ndarray) -> np.ndarray:
    """Gradient of ``f`` at ``x`` by central differences: ``(f(x + h e_i) − f(x − h e_i)) / 2h``.

    The step h is chosen for each entry, and the limit h → 0 is extrapolated from several steps, so
    about ten digits are right for a smooth f of any scale.  Costs 6 to 30 evaluations an entry.

    Args:
        f: function of one array that returns one number.  As in the book it may ignore its argument
            and read the array x that it knows: x is changed in place, entry by entry, and restored.
        x: float64 array of any shape.  A float32 array is measured on a float64 copy, if f uses
            its argument; else in place, with the few digits that float32 has.

    Returns:
        float64 array of x's shape; NaN where f has no finite values around x.

    Raises:
        TypeError: x is no floating-point array, or float16 (too coarse to measure anything).
        ValueError: f does not return one finite number at x.

    Source: Deep Learning from Scratch, section 4.3; Richardson 1911 for the extrapolation.
    """
    x = _measurable(x, f)
    argument = _argument_for(f, x)

    def evaluate() -> float:
        return _one_number(f(argument))

    if not np.isfinite(evaluate()):
        raise ValueError(f"f(x) is {evaluate()}: there is no gradient at this x.")
    gradient = np.empty(x.shape)
    scales = size_of_entries(argument)
    for i, scale in enumerate(scales):
        line = Line(evaluate, along_entry(argument, i))
        gradient.flat[i] = measure(line, scale, scales.max()).value
    return gradient


def _measurable(x, f) -> np.ndarray:
    if not callable(f):
        raise TypeError(f"f must be a function of one array, got {type(f).__name__}.")
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"x must be a NumPy array, got {type(x).__name__}. Use np.array(x, dtype=np.float64)."
        )
    if x.dtype not in (np.float64, np.float32, np.longdouble):
        why = "whole numbers cannot move a little" if x.dtype.kind in "iub" else "it is too coarse"
        raise TypeError(
            f"x must be a float64 array, got {x.dtype}: {why}. Use x.astype(np.float64)."
        )
    return x


def _argument_for(f, x: np.ndarray) -> np.ndarray:
    """The array to move: x itself, or a float64 copy where f listens to it."""
    if x.dtype == np.float64 and x.flags.writeable:
        return x
    copy = x.astype(np.float64)
    if not x.flags.writeable:
        return copy
    moved = copy + 0.01 * size_of_entries(copy).reshape(x.shape)
    with np.errstate(all="ignore"):
        uses_argument = _one_number(f(moved)) != _one_number(f(copy))
    return copy if uses_argument else x


def _one_number(value) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        kind = f"an array of shape {array.shape}" if array.ndim else type(value).__name__
        raise ValueError(f"f must return one number, got {kind}.")
    return float(array.reshape(()))


# ---------------------------------------------------------------------------------------------
# Compare
# ---------------------------------------------------------------------------------------------


def check_gradient(
    f: Callable[[], float],
    params,
    grads,
    *,
    names: Sequence[str] | None = None,
    tol: float = TOLERANCE,
    seed: int = 0,
) -> GradientReport:
    """Compare gradients that you computed with measured ones.

    Args:
        f: () → loss, a number; it must read the arrays ``params``, which are changed in place and
            restored.
        params: list of float64 arrays, or a dict name → array.
        grads: for each parameter an array of its shape, a RowGradient, or a function () → array.
        names: what to call the parameters in the report.
        tol: largest relative error allowed.
        seed: for the choice of entries and directions in large parameters.

    Returns:
        A :class:`~w2vlib.gradient_report.GradientReport`; ``.raise_if_failed()`` turns it into an
        assertion.

    Raises:
        TypeError: a parameter is no float64 array.
        ValueError: params and grads do not belong together, or f returns no number.
    """
    params, grads, names = _as_lists(params, grads, names)
    report = GradientReport("gradient")

    def evaluate() -> float:
        return _one_number(f())

    before = [p.copy() for p in params]
    loss = evaluate()
    if loss != evaluate() and np.isfinite(loss):
        report.problems.append(Problem("random", _RANDOM.format("f()")))
    elif not np.isfinite(loss):
        report.problems.append(Problem("not finite", f"The loss f() is {loss}."))
    elif not all(map(_same, params, before)):
        report.problems.append(Problem("parameter changed", "f() changes its own parameters."))
    if report.problems:
        return report
    targets = []
    for name, p, g in zip(names, params, grads, strict=True):
        got = _checked_grad(g() if callable(g) else g, p, name, report)
        if got is not None:
            scatter = _shaken_function(evaluate, params, g, got) if callable(g) else float
            targets.append(Target(name, p, got, scatter))
    targets = merge_shared(targets)
    comparer = Comparer(evaluate, 1.0, targets, np.random.default_rng(seed), tol)
    report.comparisons = [comparer.compare(t) for t in targets]
    for c in report.comparisons:
        _report_comparison(report, c)
    if not report.problems and not any(c.judged for c in report.comparisons):
        report.problems.append(Problem("nothing judged", _NOTHING_JUDGED))
    return report


def _shaken_function(evaluate, params, grad: Callable, got: np.ndarray) -> Callable[[], float]:
    """() → how much the gradient that ``grad()`` returns changes with the last bits of params."""

    def scatter() -> float:
        held, largest = [p.copy() for p in params], 0.0
        rng = np.random.default_rng(0)
        try:
            for _ in range(SHAKES):
                for p, before in zip(params, held, strict=True):
                    p[...] = shaken(before, rng)
                evaluate()
                other = _checked_grad(grad(), got, "", GradientReport(""))
                if other is not None:
                    largest = max(largest, float(np.abs(other - got).max(initial=0.0)))
        finally:
            for p, before in zip(params, held, strict=True):
                p[...] = before
            evaluate()
        return largest

    return scatter


def shaken(x: np.ndarray, rng) -> np.ndarray:
    """x with the last bits of its entries changed at random."""
    return x * (1 + EPS * rng.integers(-2, 3, x.shape))


_RANDOM = (
    "{} gives another result each time, so no gradient can be measured: fix the random numbers "
    "(a seed, or negatives that you pass in)."
)
_NOTHING_JUDGED = (
    "Nothing could be judged: all derivatives are smaller than rounding errors here, or the "
    "function has a corner. Try smaller or other values."
)


def _as_lists(params, grads, names):
    if isinstance(params, Mapping):
        names = list(params) if names is None else names
        grads = [grads[k] for k in params] if isinstance(grads, Mapping) else grads
        params = list(params.values())
    params, grads = list(params), list(grads)
    names = [f"params[{i}]" for i in range(len(params))] if names is None else list(names)
    if not len(params) == len(grads) == len(names):
        raise ValueError(
            f"There must be one gradient (and one name) for each parameter, got {len(params)} "
            f"params, {len(grads)} grads, {len(names)} names."
        )
    for name, p in zip(names, params, strict=True):
        if not isinstance(p, np.ndarray) or p.dtype != np.float64:
            kind = p.dtype if isinstance(p, np.ndarray) else type(p).__name__
            raise TypeError(
                f"{name} must be a float64 array, got {kind}: gradients are checked in float64, "
                "so build the model with dtype=np.float64."
            )
    return params, grads, names


def _checked_grad(grad, param, name: str, report, **where) -> np.ndarray | None:
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


@dataclass(slots=True)
class Target:
    """One array to compare: ``x`` is moved, ``got`` is the gradient under test.

    ``scatter()`` tells how much that gradient changes when last bits are shaken.
    """

    name: str
    x: np.ndarray
    got: np.ndarray
    scatter: Callable[[], float] = float


def merge_shared(targets: list[Target]) -> list[Target]:
    """Parameters that share memory (also as transposed views) are one: their gradients add up."""
    merged: list[Target] = []
    for target in targets:
        for other in merged:
            if target.x.size and np.shares_memory(target.x, other.x):
                _add_shared(other, target)
                break
        else:
            merged.append(target)
    return merged


def _add_shared(whole: Target, part: Target) -> None:
    place = {address: i for i, address in enumerate(_addresses(whole.x))}
    total = whole.got.copy()
    for address, g in zip(_addresses(part.x), part.got.ravel(), strict=True):
        if address in place:
            total.flat[place[address]] += g
    whole.got = total
    if part.name not in whole.name.split(" = "):
        whole.name += f" = {part.name}"


def _addresses(x: np.ndarray) -> list[int]:
    """Where in memory each entry of x lies."""
    offsets = np.zeros(x.shape, dtype=np.int64)
    for axis, stride in enumerate(x.strides):
        index = np.arange(x.shape[axis]) * stride
        offsets += index.reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return (offsets.ravel() + x.__array_interface__["data"][0]).tolist()


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
        self.precision = PRECISION * tol / TOLERANCE
        self.usual, slopes = self._survey()
        self.usual_slopes = {id(t): slope for t, slope in zip(targets, slopes, strict=True)}

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

    def line(self, move) -> Line:
        return Line(self.evaluate, move, self.weights, self.usual)

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

    def rounding_of(self, target: Target) -> float:
        """How far the gradient under test may be off through its own rounding."""
        slope = self.usual_slopes[id(target)]
        return BACKWARD_ULPS * EPS * slope + SCATTER * target.scatter()

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
        step = 0.1 * part * float(size_of_entries(x / part).max(initial=0.0))
        v, here = self.rng.choice([-step, step], x.shape), x.copy()
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
        self.reach = float(np.sqrt(np.mean(self.scales**2))) if self.x.size else 1.0
        self.asked = np.zeros(self.got.size, dtype=bool)
        self.slopes: dict[int, Slope] = {}
        self.imprecise = 0.0
        self._rounding: float | None = None

    def screen(self, entries: np.ndarray) -> None:
        """A quick look at all entries, with one step for the whole array."""
        if not entries.size:
            return
        self.asked[entries] = True
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
        # "not smaller", because a quick look that gave NaN is a suspect too.
        badness = np.nan_to_num(self.errors(), nan=np.inf)
        suspects = np.flatnonzero(self.asked & ~(badness <= 0.01 * self.c.tol))
        for i in suspects[np.argsort(-badness[suspects], kind="stable")]:
            if self.wrong.sum() >= PROOFS:
                # Enough entries are proven wrong; the others need no proof of their own.
                self.wrong[i] = badness[i] > self.c.tol
            else:
                self.judge(i)
        for i in self.slopes:  # once more, now that the largest entry is known
            self._decide(i)

    def judge(self, i: int) -> bool:
        """Measure entry i with care and decide about it; returns whether it is wrong."""
        self.slopes[i] = slope = self._measure(i, careful=True)
        self.expected[i], self.asked[i] = slope.value, True
        self._decide(i)
        return bool(self.wrong[i])

    def _decide(self, i: int) -> None:
        slope, got = self.slopes[i], self.got[i]
        error = abs(got - slope.value)
        allowed = self.c.tol * max(abs(got), abs(slope.value), FLOOR * self._largest())
        slack = SAFETY * slope.error + self.rounding()
        off = not error <= allowed  # NaN, a slope that cannot be measured, is off too
        self.kinks[i] = off and slope.kink is not None and self._between(got, slope.kink)
        self.unsure[i] = off and not self.kinks[i] and not error > allowed + slack
        self.wrong[i] = off and not self.kinks[i] and not self.unsure[i]

    def compare_directions(self) -> None:
        """All entries at once, along random directions; finds the one wrong entry of a million."""
        n, shape = self.got.size, self.x.shape
        if not n or self.wrong.any() or self.kinks.any():
            return
        groups = [np.ones(n, dtype=bool)]
        if n > self.c.every_entry:
            zero = self.got == 0
            groups += [g for g in (zero, ~zero) if g.any() and not g.all()]
        for group in groups:
            v = np.where(group, self.reach * self.c.rng.choice([-1.0, 1.0], n), 0.0)
            error, norm = self._along(v.reshape(shape), careful=True)
            if error <= self.c.precision * norm:
                continue
            if np.isnan(self.expected).any() and self._hunt(v.reshape(shape)):
                return
            self.imprecise = max(self.imprecise, error / norm if norm else np.inf)

    def comparison(self) -> Comparison:
        """The result, in the shape of the parameter."""
        shape = self.x.shape
        errors = np.where(np.isnan(self.expected), np.nan, self.errors())
        arrays = (self.got, self.expected, errors, self.wrong, self.unsure, self.kinks)
        reshaped = (a.reshape(shape) for a in arrays)
        return Comparison(self.target.name, *reshaped, imprecise=self.imprecise)

    def errors(self) -> np.ndarray:
        """Relative errors of all entries; NaN where nothing was measured."""
        expected, got = self.expected, self.got
        size = np.maximum(np.maximum(np.abs(got), np.abs(expected)), FLOOR * self._largest())
        difference = np.abs(got - expected)
        return np.divide(difference, size, out=np.zeros_like(difference), where=difference != 0)

    def rounding(self) -> float:
        """How far the gradient under test may be off through its own rounding."""
        if self._rounding is None:
            self._rounding = self.c.rounding_of(self.target)
        return self._rounding

    def _largest(self) -> float:
        known = np.abs(self.expected[np.isfinite(self.expected)])
        return max(float(np.abs(self.got).max(initial=0.0)), float(known.max(initial=0.0)))

    def _measure(self, i: int, careful: bool = False) -> Slope:
        return measure(
            self.c.line(along_entry(self.x, int(i))), float(self.scales[i]), self.reach, careful
        )

    def _between(self, got: float, kink: tuple[float, float]) -> bool:
        low, high = min(kink), max(kink)
        slack = 1e-3 * (high - low)
        return low - slack <= got <= high + slack

    def _along(self, v: np.ndarray, careful: bool = False) -> tuple[float, float]:
        """Error of the gradient along v beyond what rounding explains, and the size to compare."""
        slope = measure(self.c.line(along_direction(self.x, v)), 1.0, 1.0, careful)
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


def _report_comparison(report: GradientReport, c: Comparison) -> None:
    """Add the problems and notes of one comparison."""
    where = {"batch": c.batch, "point": c.point}
    if c.wrong.any():
        measured, wrong = int(c.measured.sum()), int(c.wrong.sum())
        which = f"{wrong} of {measured} measured entries are wrong" if measured > 1 else "wrong"
        text = f"The gradient of {c.name}: {which}. Worst is {c.worst()}."
        facts = describe(c.got, c.expected, c.wrong)
        report.problems.append(Problem("gradient", f"{text} {facts}".strip(), **where))
    elif c.imprecise:
        text = (
            f"The gradient of {c.name} is right to a relative error of {c.imprecise:.0e} only, "
            "where float64 gives 1e-12: is something computed in float32 on the way?"
        )
        report.problems.append(Problem("precision", text, **where))
    if c.kinks.any():
        place = f" in batch {c.batch!r}" if c.batch else ""
        report.notes.append(
            f"Not smooth here: {int(c.kinks.sum())} entries of {c.name}{place} lie on a kink "
            "(max, ReLU, |x|) and have no single right gradient; yours is one of the possible ones."
        )


def _same(a, b) -> bool:
    """Bit for bit the same, NaN included."""
    a, b = np.asarray(a), np.asarray(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


# ---------------------------------------------------------------------------------------------
# Layers
# ---------------------------------------------------------------------------------------------


def check_layer(
    factory: Callable,
    inputs,
    *,
    wrt: Iterable[int] | None = None,
    batches: Mapping[str, tuple] | None = None,
    skip: Iterable[str] = (),
    twice: bool | None = None,
    steps: int = 3,
    tol: float = TOLERANCE,
    seed: int = 0,
) -> GradientReport:
    """Check everything that a layer promises, on the inputs given and on harder ones.

    The gradient of all parameters and inputs is compared with a measured one, for a random upstream
    gradient, on these batches (those that can be derived from the inputs):

    ``given``; ``one row``; ``repeated rows`` (every id occurs again in another row); ``repeated in
    a row`` (one word several times in one example, repeated negatives); ``one word everywhere``
    (target, context and negative at once); ``saturated 30`` and ``saturated 1000`` (float inputs
    scaled up to that size; where there are none, the parameters to 6 and 40); and ``given`` again
    after some training steps.

    Besides: the same input gives the same result bit for bit, whatever was computed in between;
    forward and backward change neither inputs nor parameters nor dout; ``grads`` stay the same
    arrays; backward is linear in dout, at any scale; nothing is NaN or infinite; nothing falls
    back to float32.

    Args:
        factory: () → a fresh layer with float64 parameters, the same each time.
        inputs: arguments of ``forward``, a tuple; a single array may stand alone.  Float arrays are
            measured, integer arrays (ids, labels) are not.
        wrt: positions of the inputs whose gradient ``backward`` returns.  By default all float
            arrays if it returns a tuple, the first one if it returns an array.
        batches: more batches, name → inputs.
        skip: names of batches to leave out, because the layer does not allow them.
        twice: whether one layer object may be used twice in a model (forward, forward, backward,
            backward), so that its gradients add up.  True: it must; False: not tried; None: tried,
            and reported as a note.
        steps: training steps before the last check.
        tol: largest relative error of a gradient.
        seed: everything random in this check follows from it.

    Returns:
        A :class:`~w2vlib.gradient_report.GradientReport`.

    Raises:
        TypeError: the factory is no function, or what it makes is no layer.
    """
    check = _LayerCheck(factory, inputs, wrt, tol, seed)
    try:
        check.run(batches or {}, set(skip), twice, steps)
    except _Stop:
        pass
    return check.report


class _Stop(Exception):
    """Enough is known: what follows would make no sense any more."""


@dataclass(slots=True)
class _Pass:
    """Result of forward and backward: everything as copies."""

    out: object
    grads: list
    input_grads: dict

    def arrays(self) -> list:
        return [*self.grads, *self.input_grads.values()]


class _LayerCheck:
    """One run of :func:`check_layer`."""

    def __init__(self, factory, inputs, wrt, tol, seed) -> None:
        if not callable(factory):
            raise TypeError(
                f"factory must be a function that makes a layer, got {type(factory).__name__}. "
                "Write lambda: MyLayer(W.copy())."
            )
        self.factory, self.tol = factory, tol
        self.rng = np.random.default_rng(seed)
        self.inputs = tuple(
            _as_input(x) for x in (inputs if isinstance(inputs, (tuple, list)) else (inputs,))
        )
        self.wrt = None if wrt is None else list(wrt)
        layer = self._new_layer()
        self.report = GradientReport(type(layer).__name__)
        self.names = _input_names(layer, len(self.inputs))
        self.random = False
        self.batch, self.point = "given", "start"

    # -- the plan ---------------------------------------------------------------------------

    def run(self, more: Mapping, skip: set, twice: bool | None, steps: int) -> None:
        layer = self._new_layer()
        self._check_contract(layer)
        self.param_names = _param_names(layer)
        self.values = [p.copy() for p in layer.params]
        dout = self._first_look(layer)
        self._check_linear(dout)
        self._compare(self.values, self.inputs, dout, direction=True)
        self._check_history(dout)
        self._stop_if_wrong()
        if twice is not False:
            self._check_twice(dout, strict=bool(twice))
        for batch, values, inputs in self._batches(more):
            if batch not in skip:
                self.batch = batch
                self._check_batch(values, inputs)
                self._stop_if_wrong()
        self.batch = "given"
        if steps:
            self._check_trained(dout, steps)
        if not any(c.judged for c in self.report.comparisons):
            self._problem("nothing judged", _NOTHING_JUDGED)

    def _stop_if_wrong(self) -> None:
        if any(p.name in ("gradient", "not finite", "crash") for p in self.report.problems):
            raise _Stop

    def _problem(self, name: str, sentence: str, error=None) -> None:
        known = {(p.name, p.sentence) for p in self.report.problems}
        if (name, sentence) not in known:
            self.report.problems.append(Problem(name, sentence, self.batch, self.point, error))

    def _fail(self, name: str, sentence: str, error=None) -> None:
        self._problem(name, sentence, error)
        raise _Stop from error

    # -- layers and passes ------------------------------------------------------------------

    def _new_layer(self, values=None):
        layer = self.factory()
        for method in ("forward", "backward"):
            if not callable(getattr(layer, method, None)):
                raise TypeError(
                    f"factory() made a {type(layer).__name__} without {method}(); a layer has "
                    "params, grads, forward and backward."
                )
        if values is not None:
            # Backwards, so that of parameters that share memory the first one counts.
            for p, value in reversed(list(zip(layer.params, values, strict=True))):
                p[...] = value
        return layer

    def _check_contract(self, layer) -> None:
        for name in ("params", "grads"):
            if not isinstance(getattr(layer, name, None), (list, tuple)):
                self._fail("contract", f"The layer has no list {name} (it may be empty: []).")
        if len(layer.params) != len(layer.grads):
            self._fail(
                "contract",
                f"The layer has {len(layer.params)} params but {len(layer.grads)} grads; there "
                "must be one gradient for each parameter.",
            )
        for i, p in enumerate(layer.params):
            if not isinstance(p, np.ndarray):
                self._fail("contract", f"params[{i}] is no array but a {type(p).__name__}.")
            if p.dtype != np.float64:
                self._fail(
                    "dtype",
                    f"params[{i}] is {p.dtype}: the layer must keep the type it is given. "
                    "Gradients are checked in float64, so the factory must make float64 arrays.",
                )

    def _forward(self, layer, inputs):
        out = layer.forward(*inputs)
        if isinstance(out, (float, int, np.floating)):
            return float(out)
        return np.array(out)

    def _evaluator(self, layer, values, inputs):
        """() → output at the current values; a random layer is made anew each time."""
        if not self.random:
            return lambda: self._forward(layer, inputs)
        return lambda: self._forward(self._new_layer(values), inputs)

    def _attempt(self, what: str, function, *args):
        try:
            return function(*args)
        except Exception as error:
            hint = (
                "" if self.batch == "given" else f" Pass skip=({self.batch!r},) if that is meant."
            )
            self._fail("crash", f"{what} raised {type(error).__name__}: {error}.{hint}", error)

    def _run_pass(self, layer, inputs, dout) -> _Pass:
        """forward and backward, and what both promise not to touch."""
        held = _copies(inputs)
        params = [p.copy() for p in layer.params]
        grads = list(layer.grads)
        out = self._attempt("forward", self._forward, layer, inputs)
        self._check_untouched("forward", inputs, held, layer, params)
        upstream = dout if isinstance(dout, float) else dout.copy()
        returned = self._attempt("backward", layer.backward, upstream)
        self._check_untouched("backward", inputs, held, layer, params)
        if not _same(upstream, dout):
            self._problem(
                "dout changed",
                "backward changes the array dout that it is given; the caller may still need it.",
            )
        for i, (before, after) in enumerate(zip(grads, layer.grads, strict=False)):
            if before is not after:
                self._problem(
                    "grads replaced",
                    f"backward puts a new object into grads[{i}]. The model has collected the old "
                    "one and would never see it: write self.grads[i][...] = …",
                )
        return _Pass(out, self._dense_grads(layer), self._input_grads(returned, inputs))

    def _check_untouched(self, who: str, inputs, held, layer, params) -> None:
        for i, (x, before) in enumerate(zip(inputs, held, strict=True)):
            if isinstance(x, np.ndarray) and not _same(x, before):
                x[...] = before
                self._fail("input changed", f"{who} changes its input {self.names[i]} in place.")
        for i, (p, before) in enumerate(zip(layer.params, params, strict=True)):
            if not _same(p, before):
                self._fail(
                    "parameter changed",
                    f"{who} changes params[{i}]; only the optimiser may do that.",
                )

    def _dense_grads(self, layer) -> list:
        grads = []
        for i, (p, g) in enumerate(zip(layer.params, layer.grads, strict=True)):
            if getattr(g, "dtype", p.dtype) != np.float64:
                self._problem("dtype", f"grads[{i}] is {g.dtype} although params[{i}] is float64.")
            where = {"batch": self.batch, "point": self.point}
            grads.append(_checked_grad(g, p, _param_names(layer)[i], self.report, **where))
        return self._or_stop(grads)

    def _input_grads(self, returned, inputs) -> dict:
        """Gradient for each input position that has one."""
        floats = [i for i, x in enumerate(inputs) if _is_float(x)]
        if returned is None:
            # One-hot rows are usually labels, and a layer owes no gradient for those.
            floats = [i for i in floats if not _is_one_hot(inputs[i])]
        if isinstance(returned, (tuple, list)):
            wrt = floats if self.wrt is None else self.wrt
            if len(returned) == len(inputs):
                found = {i: returned[i] for i in wrt}
            elif len(returned) == len(wrt):
                found = dict(zip(wrt, returned, strict=True))
            else:
                self._fail(
                    "contract",
                    f"backward returned {len(returned)} gradients for {len(wrt)} float inputs.",
                )
        else:
            wrt = floats[:1] if self.wrt is None else self.wrt
            found = dict.fromkeys(wrt, returned)
        if self.wrt is None:
            self.wrt = wrt
        for i, g in found.items():
            if g is None:
                self._fail(
                    "contract",
                    f"backward returned no gradient for the input {self.names[i]} (None). Return "
                    "it, or pass wrt=() if the layer has none.",
                )
            if np.asarray(g).dtype != np.float64:
                kind = np.asarray(g).dtype
                self._problem("dtype", f"The gradient of {self.names[i]} is {kind}, not float64.")
        where = {"batch": self.batch, "point": self.point}
        dense = [_checked_grad(g, inputs[i], self.names[i], self.report, **where)
                 for i, g in found.items()]  # fmt: skip
        return dict(zip(found, self._or_stop(dense), strict=True))

    def _or_stop(self, grads: list) -> list:
        if any(g is None for g in grads):
            raise _Stop
        return grads

    # -- the checks -------------------------------------------------------------------------

    def _first_look(self, layer):
        """Is forward repeatable, finite, and float64?  Returns a random upstream gradient."""
        held = _copies(self.inputs)
        params = [p.copy() for p in layer.params]
        out = self._attempt("forward", self._forward, layer, self.inputs)
        self._check_untouched("forward", self.inputs, held, layer, params)
        kind = np.asarray(layer.forward(*self.inputs)).dtype
        if kind.kind not in "fiu":
            self._fail("contract", f"forward returned {kind} values, not numbers.")
        if kind.kind == "f" and kind.itemsize < 8:
            self._problem("dtype", f"forward returned {kind}, although everything is float64.")
        self._check_finite(out)
        # Several times: a few random draws may agree by chance.
        if not all(_same(out, self._forward(layer, self.inputs)) for _ in range(8)):
            self.random = True
            one, two = (self._forward(self._new_layer(), self.inputs) for _ in range(2))
            if not _same(one, two):
                self._fail("random", _RANDOM.format("forward"))
        return self._upstream(out)

    def _upstream(self, out):
        """Random dout: with dout = 1 a layer that forgets it would look right."""
        if isinstance(out, float):
            return float(self.rng.choice([-1, 1]) * self.rng.uniform(0.3, 0.9))
        return self.rng.standard_normal(out.shape)

    def _check_finite(self, out) -> None:
        bad = ~np.isfinite(out)
        if np.any(bad):
            value = np.asarray(out)[bad].ravel()[0] if np.ndim(out) else out
            self._fail("not finite", f"forward returned {value}.")

    def _fresh_pass(self, values, inputs, dout) -> _Pass:
        return self._run_pass(self._new_layer(values), inputs, dout)

    def _check_linear(self, dout) -> None:
        """backward(a·d) = a · backward(d), also for very large and small a, and additive."""
        one = self._fresh_pass(self.values, self.inputs, dout)
        usual = [np.abs(g).max(initial=0.0) for g in one.arrays()]
        twice = self._fresh_pass(self.values, self.inputs, 2.0 * dout)
        if any(usual) and all(map(_same, one.arrays(), twice.arrays())):
            self._problem(
                "linear in dout",
                "backward ignores dout: the gradient is the same for dout and for 2·dout. "
                "Multiply by dout.",
            )
            return
        # Powers of two scale every rounded number exactly, even a gradient that is all rounding.
        for scale in (-1.0, 2.0**-20, 2.0**20, 0.0):
            other = self._fresh_pass(self.values, self.inputs, scale * dout)
            for a, b, size in zip(one.arrays(), other.arrays(), usual, strict=True):
                if np.abs(b - scale * a).max(initial=0.0) > 1e-9 * abs(scale) * size:
                    self._problem(
                        "linear in dout",
                        f"backward({scale:g}·dout) is not {scale:g}·backward(dout): the gradient "
                        "must be proportional to dout.",
                    )
                    return
        if not isinstance(dout, float):
            self._check_additive(one, dout, usual)

    def _check_additive(self, one, dout, usual) -> None:
        other_dout = self.rng.standard_normal(dout.shape)
        other = self._fresh_pass(self.values, self.inputs, other_dout)
        both = self._fresh_pass(self.values, self.inputs, dout + other_dout)
        arrays = zip(one.arrays(), other.arrays(), both.arrays(), usual, strict=True)
        for n, (a, b, c, size) in enumerate(arrays):
            difference = np.abs(a + b - c).max(initial=0.0)
            if difference <= 1e-9 * (size + np.abs(b).max(initial=0.0)):
                continue
            if difference > self._rounding_of(n, dout, one):
                self._problem(
                    "linear in dout",
                    "backward(d1 + d2) is not backward(d1) + backward(d2): entries of dout must "
                    "not influence each other's gradient other than by adding up.",
                )
                return

    def _rounding_of(self, n: int, dout, result: _Pass) -> float:
        """How far the n-th gradient may be off through rounding alone."""
        values, inputs = [v.copy() for v in self.values], _copies(self.inputs)
        layer = self._new_layer(values)
        moved = [*(values if self.random else layer.params)]
        moved += [inputs[i] for i in result.input_grads]
        names = [""] * len(moved)
        targets = [Target(*t) for t in zip(names, moved, result.arrays(), strict=True)]
        scatter = self._shaken_layer(values, inputs, dout, targets)
        targets[n].scatter = lambda: scatter()[n]
        comparer = Comparer(self._evaluator(layer, values, inputs), dout, targets, self.rng)
        return comparer.rounding_of(targets[n])

    def _compare(self, values, inputs, dout, direction=False) -> _Pass:
        """Compare all gradients at these values with measured ones."""
        values = [v.copy() for v in values]
        inputs = _copies(inputs)
        layer = self._new_layer(values)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = self._run_pass(layer, inputs, dout)
        for w in caught:
            if issubclass(w.category, RuntimeWarning):
                self._note(f"NumPy warned in batch {self.batch!r}: {w.message}.")
        self._check_finite(result.out)
        moved = values if self.random else layer.params
        targets = self._targets(moved, inputs, result)
        scatter = self._shaken_layer(values, inputs, dout, targets)
        for n, target in enumerate(targets):
            target.scatter = lambda n=n: scatter()[n]
        comparer = Comparer(
            self._evaluator(layer, values, inputs),
            dout,
            targets,
            self.rng,
            self.tol,
            EVERY_ENTRY if direction else SAMPLE,
        )
        for target in targets:
            c = comparer.compare(target, direction)
            c.batch, c.point, c.inputs, c.dout = self.batch, self.point, inputs, dout
            self.report.comparisons.append(c)
            _report_comparison(self.report, c)
        if not self.random:
            again = self._run_pass(layer, inputs, dout)
            if not _same_pass(result, again):
                self._problem(
                    "repeatable",
                    "The same input gives another result the second time: forward or backward "
                    "depends on what was computed before, or adds to an old gradient"
                    + _how_repeated(result, again),
                )
        return result

    def _targets(self, params, inputs, result: _Pass) -> list[Target]:
        targets = [Target(*t) for t in zip(self.param_names, params, result.grads, strict=True)]
        if not self.random:
            targets = merge_shared(targets)
        names = self.names
        return targets + [Target(names[i], inputs[i], g) for i, g in result.input_grads.items()]

    def _shaken_layer(self, values, inputs, dout, targets):
        """() → for each target how much its gradient changes when all last bits are shaken."""

        @functools.cache
        def scatter() -> list[float]:
            rng, largest = np.random.default_rng(0), [0.0] * len(targets)
            for _ in range(SHAKES):
                layer = self._new_layer([shaken(v, rng) for v in values])
                other_inputs = tuple(shaken(x, rng) if _is_float(x) else x for x in inputs)
                result = self._run_pass(layer, other_inputs, dout)
                others = self._targets(layer.params, other_inputs, result)
                for n, (a, b) in enumerate(zip(targets, others, strict=True)):
                    largest[n] = max(largest[n], float(np.abs(a.got - b.got).max(initial=0.0)))
            return largest

        return scatter

    def _note(self, text: str) -> None:
        if text not in self.report.notes:
            self.report.notes.append(text)

    def _check_history(self, dout) -> None:
        """A layer that has worked on another batch must not remember it."""
        if self.random:
            return
        fresh = self._fresh_pass(self.values, self.inputs, dout)
        used = self._new_layer(self.values)
        decoy = _decoy(self.inputs)
        try:
            other = self._forward(used, decoy)
            used.backward(self._upstream(other))
        except Exception:  # not every layer takes the decoy
            return
        after = self._run_pass(used, self.inputs, dout)
        if not _same_pass(fresh, after):
            self._problem(
                "stale",
                "After another batch the layer gives a different result for this one: something "
                "from an earlier forward or backward is still in use" + _how_repeated(fresh, after),
            )

    def _check_twice(self, dout, strict: bool) -> None:
        """forward(a), forward(b), backward(b), backward(a): the gradients must add up."""
        if self.random or not self.values:
            return
        first, second = self.inputs, _decoy(self.inputs)
        layer = self._new_layer(self.values)
        try:
            out = self._forward(layer, second)
            other_dout = self._upstream(out)
            single = [self._fresh_pass(self.values, first, dout)]
            single.append(self._fresh_pass(self.values, second, other_dout))
            layer = self._new_layer(self.values)
            layer.forward(*first)
            layer.forward(*second)
            layer.backward(other_dout)
            layer.backward(dout)
            grads = [_checked_grad(g, p, "", GradientReport("")) for p, g in
                     zip(layer.params, layer.grads, strict=True)]  # fmt: skip
        except _Stop:
            return
        except Exception as error:
            grads, reason = None, f"it raised {type(error).__name__}: {error}"
        else:
            reason = "its gradient is not the sum of the two"
        if grads is not None and all(
            g is not None and np.allclose(g, a + b, rtol=1e-9, atol=1e-9 * np.abs(a + b).max())
            for g, a, b in zip(grads, single[0].grads, single[1].grads, strict=True)
        ):
            return
        text = f"Used twice in one model (forward, forward, backward, backward), {reason}."
        if strict:
            self._problem("used twice", text)
        else:
            self._note(text + " Make one layer object for each use, then all is well.")

    def _check_batch(self, values, inputs) -> None:
        out = self._attempt("forward", self._forward, self._new_layer(values), _copies(inputs))
        self._check_finite(out)
        self._compare(values, inputs, self._upstream(out))

    def _check_trained(self, dout, steps: int) -> None:
        """A few steps of gradient descent, then everything once more."""
        if not self.values:
            return
        layer = self._new_layer(self.values)
        for _ in range(steps):
            result = self._run_pass(layer, self.inputs, dout)
            for p, g in zip(layer.params, result.grads, strict=True):
                largest = np.abs(g).max(initial=0.0)
                if largest:
                    p -= g * (0.1 * (np.abs(p).max() or 1.0) / largest)
        self.point = "trained"
        self._compare([p.copy() for p in layer.params], self.inputs, dout)
        self.point = "start"

    # -- batches ----------------------------------------------------------------------------

    def _batches(self, more: Mapping):
        """Name, parameter values and inputs of every further batch."""
        for name, inputs in more.items():
            yield name, self.values, tuple(_as_input(x) for x in inputs)
        for name, inputs in derived_batches(self.inputs):
            yield name, self.values, inputs
        first = [c for c in self.report.comparisons if c.batch == "given"]
        if 2 * sum(c.judged for c in first) < sum(int(c.measured.sum()) for c in first):
            yield "calm", self._scaled_values(0.5), _scaled(self.inputs, self.wrt, 1.0)
        if self.wrt:
            for size in (30.0, 1000.0):
                yield f"saturated {size:g}", self.values, _scaled(self.inputs, self.wrt, size)
        elif self.values:
            for size in (6.0, 40.0):
                yield f"saturated {size:g}", self._scaled_values(size), self.inputs

    def _scaled_values(self, size: float) -> list:
        return [_to_size(v, size) for v in self.values]


def derived_batches(inputs: tuple) -> list[tuple[str, tuple]]:
    """Harder batches made from the given one: pairs of name and inputs.

    Only ids that occur in the given inputs are used, so they are valid wherever those were.
    """
    result = []
    arrays = [x for x in inputs if isinstance(x, np.ndarray) and x.ndim]
    rows = {len(x) for x in arrays}
    if len(rows) == 1 and (n := rows.pop()) > 1:
        result.append(("one row", _take(inputs, np.array([n // 2]))))
        result.append(("repeated rows", _take(inputs, np.arange(n) // 2 * 2 % n)))
    wide = [_is_ids(x) and x.ndim > 1 and x.shape[-1] > 1 for x in inputs]
    if any(wide):
        repeated = tuple(
            np.repeat(x[..., :1], x.shape[-1], axis=-1) if w else x
            for x, w in zip(inputs, wide, strict=True)
        )
        result.append(("repeated in a row", repeated))
    ids = [x for x in inputs if _is_ids(x) and x.size and x.max() >= 0]
    if len(ids) > 1 or (ids and ids[0].ndim > 1):
        word = min(int(x[x >= 0].max()) for x in ids)
        result.append(("one word everywhere", tuple(_one_word(x, word) for x in inputs)))
    return result


def _one_word(x, word: int):
    """The same word at every place of the first half of the rows."""
    if not _is_ids(x) or not x.size:
        return x
    x = x.copy()
    half = x[: max(1, len(x) // 2)]
    half[half >= 0] = word
    return x


def _is_ids(x) -> bool:
    """Integers, but not one-hot rows."""
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "iu" or not x.ndim:
        return False
    return not _is_one_hot(x)


def _is_one_hot(x) -> bool:
    return bool(x.ndim > 1 and np.isin(x, (0, 1)).all() and (x.sum(axis=-1) == 1).all())


def _is_float(x) -> bool:
    return isinstance(x, np.ndarray) and x.dtype.kind == "f"


def _as_input(x):
    """Float arrays as float64 copies, other arrays as copies, the rest as it is."""
    if isinstance(x, np.ndarray):
        return np.array(x, dtype=np.float64 if x.dtype.kind == "f" else x.dtype)
    return x


def _copies(inputs) -> tuple:
    return tuple(x.copy() if isinstance(x, np.ndarray) else x for x in inputs)


def _take(inputs, rows) -> tuple:
    return tuple(x[rows] if isinstance(x, np.ndarray) and x.ndim else x for x in inputs)


def _to_size(x, size: float):
    largest = np.abs(x).max(initial=0.0)
    return x * (size / largest) if largest else x.copy()


def _scaled(inputs, positions, size: float) -> tuple:
    return tuple(_to_size(x, size) if i in positions else x for i, x in enumerate(inputs))


def _decoy(inputs) -> tuple:
    """Another valid batch of the same shapes: rows in another order, floats a little smaller."""
    return tuple(
        (0.7 * x[::-1] if _is_float(x) else x[::-1].copy())
        if isinstance(x, np.ndarray) and x.ndim
        else x
        for x in inputs
    )


def _same_pass(a: _Pass, b: _Pass) -> bool:
    return _same(a.out, b.out) and all(map(_same, a.arrays(), b.arrays()))


def _how_repeated(first: _Pass, second: _Pass) -> str:
    if not _same(first.out, second.out):
        return " (the output differs)."
    for a, b in zip(first.arrays(), second.arrays(), strict=True):
        if a.any() and np.allclose(b, 2 * a):
            return " (the gradient doubled: clear it at the start of backward)."
    return " (the gradient differs)."


def _input_names(layer, count: int) -> list[str]:
    """Names of forward's arguments, as its author calls them."""
    try:
        parameters = list(inspect.signature(layer.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in kinds][:count]
    return [f"input {n}" for n in names] + [f"input {i}" for i in range(len(names), count)]


def _param_names(layer) -> list[str]:
    """``W`` if the layer has an attribute W that is the parameter, else ``params[0]``."""
    attributes = vars(layer) if hasattr(layer, "__dict__") else {}
    names = []
    for i, p in enumerate(layer.params):
        found = [n for n, value in attributes.items() if value is p and not n.startswith("_")]
        names.append(found[0] if found else f"params[{i}]")
    return names
