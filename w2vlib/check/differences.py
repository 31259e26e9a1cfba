"""Check for the numerical gradient: the answers, and the places where the function was asked."""

from __future__ import annotations

import numpy as np

from w2vlib.check.answers import Remark, same
from w2vlib.check.common import negated, numbers
from w2vlib.check.exercise import MIN_EVIDENCE, Case, Exercise, Mistake
from w2vlib.check.report import Report


def numerical_gradient(function) -> Report:
    """Check a function ``numerical_gradient(f, x)``.

    Write::

        def numerical_gradient(f, x):   # f: function of one array, returns a number
            ...                         # x: float64 array of any shape
            return gradient             # array of the same shape

    Central differences: ``(f(x + h e_i) − f(x − h e_i)) / 2h`` for each entry i, one at a time,
    with a small h such as 1e-4.  Afterwards x must be what it was.

    Args:
        function: yours.
    """
    return NUMERICAL_GRADIENT.check(function)


class _Function:
    """A function whose gradient is known, and which remembers where it was asked."""

    def __init__(self, formula: str, a) -> None:
        self.formula, self.a, self.asked = formula, a, []

    def __call__(self, x):
        self.asked.append(np.array(x, dtype=float))
        return float(self._value(np.asarray(x, dtype=float)))

    def _value(self, x):
        a = self.a
        if self.formula == "sum(a * x**2)":
            return (a * x**2).sum()
        if self.formula == "sum(a * x)":
            return (a * x).sum()
        if self.formula == "sum(x**3)":
            return (x**3).sum()
        if self.formula == "prod(x)":
            return np.prod(x)
        return np.sin(a * x).sum()

    def gradient(self, x):
        a = self.a
        return {
            "sum(a * x**2)": lambda: 2 * a * x,
            "sum(a * x)": lambda: a + 0 * x,
            "sum(x**3)": lambda: 3 * x**2,
            "prod(x)": lambda: np.prod(x) / x,
            "sum(sin(a * x))": lambda: a * np.cos(a * x),
        }[self.formula]()


def _numerical(f, x, *, slip: str = "", h: float = 1e-4):
    gradient = np.zeros(x.shape)
    h = {"step-too-small": 1e-14, "step-too-large": 0.1, "f-at-one-point": 1e-50}.get(slip, h)
    view = slip.startswith("moved-together:view") and x.ndim == 2
    if view:
        h = float(slip.rsplit(":", 1)[1])
    groups = [(i,) for i in range(x.size)]
    if view or (slip == "moved-together:rows" and x.ndim == 2):
        groups = [tuple(r * x.shape[1] + c for c in range(x.shape[1])) for r in range(len(x))]
    if slip == "moved-together:all":
        groups = [tuple(range(x.size))]
    for group in groups:
        at, before = np.unravel_index(group, x.shape), x.flat[list(group)].copy()
        x[at] = before + h
        high = f(x)
        # `before = x[0]` of a matrix is no copy: it has moved along.
        x[at] = before if view or slip == "forward-difference" else before - h
        low = f(x)
        if slip not in ("x-not-restored:low",):
            x[at] = before
        if slip == "x-not-restored:high":
            x[at] = before + h
        width = h if slip in ("divided-by-h", "forward-difference") else 2 * h
        gradient[at] = (high - low) * (1 if slip == "not-divided" else 1 / width)
    return gradient.ravel() if slip == "shape-lost" else gradient


def _numeric_cases(rng) -> list[Case]:
    def case(name, formula, x, a=None):
        a = numbers(rng, *x.shape) if a is None else a
        return Case(name, {"f": formula, "a": a, "x": x})

    return [
        case("known answers", "sum(a * x**2)", numbers(rng, 2)),
        case("known answers", "sum(a * x)", numbers(rng, 3)),
        case("known answers", "sum(x**3)", numbers(rng, 3)),
        case("known answers", "prod(x)", numbers(rng, 4)),
        case("two axes", "sum(a * x**2)", numbers(rng, 2, 3)),
        case("two axes", "sum(sin(a * x))", numbers(rng, 3, 2)),
        case("strong curvature", "sum(a * x**2)", np.zeros(2), np.array([1e4, -2e4])),
        case("strong curvature", "sum(a * x**2)", np.array([0.0, 0.25]), np.array([3e4, 1e4])),
    ]


def _probe_numeric(make, case: Case, notes) -> None:
    f, x = _Function(case.f, case.a), case.x.copy()
    result = notes.ask("gradient", make, f, x, name="numerical_gradient")
    notes.value("gradient", result)
    # Moving there and back may leave x changed in its last digits: that is not what is meant.
    restored = x.shape == case.x.shape and np.allclose(x, case.x, rtol=1e-9, atol=1e-12)
    notes.seen["x"] = Remark("as before" if restored else "changed")
    away = np.array([asked - case.x for asked in f.asked if asked.shape == case.x.shape])
    if len(away):
        flat = away.reshape(len(away), -1)
        moved = (np.abs(flat) > 0).sum(axis=1).max()
        notes.aside("steps up to", f"{max(flat.max(), 0):.3g} and {min(flat.min(), 0):.3g}")
        notes.aside("entries moved at once", int(moved))


def _steps(seen: dict) -> tuple[float, float]:
    up, _, down = str(seen.get("(steps up to)", "nan and nan")).partition(" and ")
    return float(up), float(down)


def _gradient_wrong(answers, expected) -> list[int]:
    return [
        n
        for n, (seen, right) in enumerate(zip(answers, expected, strict=False))
        if isinstance(seen.get("gradient"), np.ndarray)
        and seen["gradient"].shape == right["gradient"].shape
        and not same(seen["gradient"], right["gradient"])
    ]


def _by_steps(wanted):
    """A rule: the gradient is wrong in at least two cases, and the steps explain it."""

    def rule(cases, answers, expected) -> str | None:
        wrong = _gradient_wrong(answers, expected)
        restored = all(seen.get("x") == expected[n]["x"] for n, seen in enumerate(answers))
        singly = all(seen.get("(entries moved at once)", 0) <= 1 for seen in answers)
        if len(wrong) < MIN_EVIDENCE or not restored or not singly:
            return None
        return "gradient" if all(wanted(cases[n], answers[n], expected[n]) for n in wrong) else None

    return rule


def _never_moved(case, seen, right) -> bool:
    up, down = _steps(seen)
    return max(up, -down) < 1e-17 and not seen["gradient"].any()


def _one_sided(case, seen, right) -> bool:
    """Steps to one side only, and the error is that of such a difference: f″·h/2."""
    up, down = _steps(seen)
    if (up > 0) == (down < 0) or case.f == "sum(a * x)":
        return False
    step, f = (up if up > 0 else down), _Function(case.f, case.a)
    wanted = np.empty(case.x.size)
    for i in range(case.x.size):
        moved = case.x.copy()
        moved.flat[i] += step
        wanted[i] = (f(moved) - f(case.x)) / step
    error = np.abs(seen["gradient"].ravel() - wanted).max()
    return error <= 0.05 * np.abs(wanted - right["gradient"].ravel()).max()


def _tiny_steps(case, seen, right) -> bool:
    """Steps so small that hardly a digit is left."""
    if seen["gradient"].dtype.kind == "U":
        return False
    up, down = _steps(seen)
    close = np.abs(seen["gradient"] - right["gradient"]).max()
    return 0 < max(up, -down) < 1e-10 and close < 10 * (1 + np.abs(right["gradient"]).max())


def _large_steps(case, seen, right) -> bool:
    """Steps so large that the curve bends within them: the very error of that step."""
    up, down = _steps(seen)
    if not 1e-3 <= up <= -1.0001 * down or not 1e-3 <= -down <= 1.0001 * up:
        return False
    f, wanted = _Function(case.f, case.a), np.empty(case.x.size)
    for i in range(case.x.size):
        high, low = case.x.copy(), case.x.copy()
        high.flat[i] += up
        low.flat[i] += down
        wanted[i] = (f(high) - f(low)) / (up - down)
    return bool(np.allclose(seen["gradient"].ravel(), wanted, rtol=1e-3))


def _left_elsewhere(cases, answers, expected) -> str | None:
    """x is changed after every call; the first entry, measured before that, is right."""
    asked = [n for n, seen in enumerate(answers) if isinstance(seen.get("gradient"), np.ndarray)]
    changed = [n for n in asked if answers[n].get("x") != expected[n]["x"]]
    if len(changed) < MIN_EVIDENCE or len(changed) < len(asked):
        return None
    first = [(answers[n]["gradient"].flat[:1], expected[n]["gradient"].flat[:1]) for n in changed]
    right = all(len(a) == len(b) and np.allclose(a, b, rtol=1e-2, atol=1e-2) for a, b in first)
    return ("x" if right else None) if len(asked) == len(cases) else None


NUMERICAL_GRADIENT = Exercise(
    "numerical_gradient",
    _numeric_cases,
    _probe_numeric,
    lambda f, x, slip="": f.gradient(x) if not slip else _numerical(f, x, slip=slip),
    labels={"gradient": "numerical_gradient(f, x)", "x": "x afterwards"},
    mistakes=(
        Mistake(
            "f-at-one-point",
            "f was only ever asked at the same point.",
            "So its differences are all 0. Either the step is so small that x + h rounds to x "
            "(numbers have 16 digits), or f was handed another array than the one that was moved.",
            (
                "Which array do you move, and which one do you hand to f? "
                "(`flatten` and `copy` make another one.)",
                "What is `1.0 + 1e-50 == 1.0`? h = 1e-4 leaves enough digits on both sides.",
            ),
            rule=_by_steps(_never_moved),
        ),
        Mistake(
            "forward-difference",
            "the difference looks to one side only.",
            "(f(x + h) − f(x)) / h is off by about f″·h/2. The central difference, with steps to "
            "both sides, is off by h² only: eight digits instead of four.",
            ("On which side of x is f asked?", "`(f(x + h) - f(x - h)) / (2 * h)`."),
            rule=_by_steps(_one_sided),
        ),
        Mistake(
            "step-too-small",
            "the step is too small.",
            "f(x + h) and f(x − h) agree in nearly all of their 16 digits, and what is left of "
            "their difference is rounding noise.",
            ("How many digits do both values share?", "h = 1e-4 is a good compromise."),
            rule=_by_steps(_tiny_steps),
        ),
        Mistake(
            "step-too-large",
            "the step is too large.",
            "Over such a distance f bends, and the slope of the line through both points is not "
            "the slope at x.",
            ("How large is your h, compared with x?", "h = 1e-4 is a good compromise."),
            rule=_by_steps(_large_steps),
        ),
        Mistake(
            "divided-by-h",
            "the width is 2h, not h.",
            "From x − h to x + h it is two steps; divided by one, the gradient is twice too large.",
            ("How far are the two points apart?",),
        ),
        Mistake(
            "not-divided",
            "the division by the width is missing.",
            "A slope is the difference of the values divided by the distance of the points.",
            ("What is a slope?", "Divide by `2 * h`."),
        ),
        Mistake(
            "x-not-restored",
            "x is not what it was.",
            "After an entry has been measured it must be put back, or the next one is measured "
            "at another point, and the caller's weights have changed.",
            (
                "Which value has `x[i]` after your loop?",
                "`x[i] = before` at the end of each round.",
            ),
            rule=_left_elsewhere,
        ),
        Mistake(
            "moved-together",
            "several entries were moved at once.",
            "Each partial derivative asks what *one* entry does while all others stay. `x[i]` of a "
            "matrix is a whole row.",
            ("What is `x[0]` if x has two axes?", "Go through `np.ndindex(x.shape)`, or `x.flat`."),
            slips=(
                *("moved-together:rows", "moved-together:all"),
                *(f"moved-together:view:{h}" for h in ("1e-4", "1e-5", "1e-6")),
            ),
        ),
        Mistake(
            "shape-lost",
            "the gradient has lost the shape of x.",
            "Every entry of x has its partial derivative in the same place.",
            (
                "Which shape does your result have for a (2, 3) array?",
                "`gradient.reshape(x.shape)`.",
            ),
        ),
        Mistake(
            "wrong-sign",
            "the gradient points the other way.",
            "f(x + h) comes first: where f grows, the gradient is positive.",
            ("Which of the two values is subtracted?",),
            edit=negated("gradient"),
        ),
    ),
    hints=(
        "For one entry: move it up a little, ask f, move it down, ask f, put it back.",
        "The slope is the difference of the two values divided by the distance 2h.",
        "`for i in np.ndindex(x.shape): before = x[i]; x[i] = before + h; …; x[i] = before`.",
    ),
    kind="function",
)
