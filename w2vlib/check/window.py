"""Checks for the window classifier by hand, and for the numerical gradient."""

from __future__ import annotations

import dataclasses

import numpy as np

from w2vlib.check.common import negated, numbers
from w2vlib.check.exercise import MIN_EVIDENCE, Case, Exercise, Mistake, Remark, same
from w2vlib.check.report import Report

ACTIVATIONS = ("sigmoid", "tanh")


def _activation(name: str):
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {ACTIVATIONS}, got {name!r}.")
    return name


# ------------------------------------------------------------------------------------- score


def window_score(function, *, activation: str = "sigmoid") -> Report:
    """Check a function ``window_score(x, W, b, u)``.

    Write::

        def window_score(x, W, b, u):   # x: (D,) the window's word vectors, one after the other
            ...                         # W: (D, H), b: (H,), u: (H,)
            return s                    # a number: s = f(x W + b) · u

    f is the sigmoid σ(z) = 1 / (1 + e^−z).

    Args:
        function: yours.
        activation: ``"tanh"`` to check the network with f = tanh instead.
    """
    return _with(WINDOW_SCORE, activation).check(function)


def _with(exercise: Exercise, activation: str) -> Exercise:
    """The exercise with another activation function."""
    if _activation(activation) == "sigmoid":
        return exercise
    old_cases, old_reference = exercise.cases, exercise.reference

    def cases(rng):
        # Scores that only the exponential of a sigmoid cannot bear are no question for tanh.
        return [case for case in old_cases(rng) if case.name != "large scores"]

    def reference(*args, slip: str = ""):
        return old_reference(*args, slip=slip, activation=activation)

    mistakes = tuple(
        dataclasses.replace(m, hints=tuple(map(_for_tanh, m.hints))) for m in exercise.mistakes
    )
    hints = tuple(map(_for_tanh, exercise.hints))
    return dataclasses.replace(
        exercise, cases=cases, reference=reference, mistakes=mistakes, hints=hints
    )


_FOR_TANH = {
    "`h * (1 - h)` with h = σ(z)": "`1 - h**2` with h = tanh(z)",
    "h * (1 - h)": "(1 - h**2)",
    "1 / (1 + np.exp(-z))": "np.tanh(z)",
    "the derivative of the sigmoid": "the derivative of tanh",
    "What is σ(0), and what is σ′(0)?": "What is tanh(1), and what is the slope there?",
}


def _for_tanh(hint: str) -> str:
    for sigmoid, tanh in _FOR_TANH.items():
        hint = hint.replace(sigmoid, tanh)
    return hint


def _f(z, activation: str, slip: str = ""):
    if slip == "activation-missing":
        return z
    if slip == "other-activation":
        activation = ACTIVATIONS[1 - ACTIVATIONS.index(activation)]
    if slip == "relu":
        return np.maximum(z, 0)
    if activation == "tanh":
        return np.tanh(z)
    if slip == "sigmoid-overflow":
        return np.exp(z) / (1 + np.exp(z))
    return np.exp(-np.logaddexp(0, -z))


def _score(x, W, b, u, *, slip: str = "", activation: str = "sigmoid"):
    z = x @ (W.T if slip == "weights-transposed" else W)
    if slip == "activation-at-the-end":
        return _f((z + b) @ u, activation)
    if slip == "bias-after-activation":
        return (_f(z, activation) + b) @ u
    if slip == "bias-subtracted":
        b = -b
    if slip != "bias-forgotten":
        z = z + b
    h = _f(-z, activation) if slip == "exponent-sign" else _f(z, activation, slip)
    if slip == "activation-twice":
        return _f(h @ u, activation)
    if slip == "not-summed":
        return h * u
    if slip == "u-forgotten":
        return h.sum()
    return h @ u


def _window_case(name: str, rng, D: int, H: int, factor: float = 1.0) -> Case:
    inputs = {"x": numbers(rng, D), "W": numbers(rng, D, H), "b": numbers(rng, H)}
    inputs["W"] = inputs["W"] / 2
    return Case(name, {**inputs, "u": numbers(rng, H)})


def _large(rng, D: int, H: int) -> Case:
    """Pre-activations of about ±1000."""
    case = _window_case("large scores", rng, D, H)
    z = case.x @ case.W
    signs = np.where(np.arange(H) % 2, -1, 1)  # units of both kinds: far too high, far too low
    case.inputs["W"] = case.W * np.round(1000 / z) * signs
    return case


def _ordinary_cases(rng) -> list[Case]:
    return [
        _window_case("known answers", rng, 3, 2),
        _window_case("known answers", rng, 4, 3),
        _window_case("square weights", rng, 2, 2),
        _window_case("square weights", rng, 3, 3),
        _window_case("larger", rng, 10, 6),
    ]


def _score_cases(rng) -> list[Case]:
    return [*_ordinary_cases(rng), _large(rng, 2, 3), _large(rng, 3, 4)]


def _probe_score(make, case: Case, notes) -> None:
    x, W, b, u = notes.give("x", "W", "b", "u")
    notes.value("s", notes.ask("s", make, x, W, b, u, name="window_score"))


_BIAS_FORGOTTEN = Mistake(
    "bias-forgotten",
    "the bias is missing.",
    "Without b every hidden unit has its threshold at 0: a window of zeros always gives the same "
    "score.",
    ("Which of the four arguments does your code not use?", "`z = x @ W + b`."),
)
_FORWARD_MISTAKES = (
    _BIAS_FORGOTTEN,
    Mistake(
        "bias-subtracted",
        "the bias has the wrong sign.",
        "z = x W + b. (A network could live with −b, but then its gradient changes its sign too.)",
        ("Plus or minus?",),
    ),
    Mistake(
        "other-activation",
        "another activation function was used.",
        "σ(z) lies between 0 and 1, tanh(z) between −1 and 1; their derivatives differ too.",
        ("Which f is asked for here?",),
    ),
    Mistake(
        "relu",
        "another activation function was used: max(0, z).",
        "It is popular, but this exercise asks for a smooth f.",
        ("Which f is asked for here?",),
    ),
    Mistake(
        "activation-missing",
        "the activation function is missing.",
        "Without it the two layers melt into one: (x W + b) · u is just another weighted sum of "
        "x, and no combination of words can mean more than its parts.",
        ("What happens to z before it meets u?",),
    ),
)
WINDOW_SCORE = Exercise(
    "window_score",
    _score_cases,
    _probe_score,
    _score,
    labels={"s": "window_score(x, W, b, u)"},
    mistakes=(
        Mistake(
            "sigmoid-overflow",
            "the exponential overflows.",
            "`exp(1000)` is too large for a computer, it becomes ∞, and ∞/∞ is NaN.",
            ("Which form of the sigmoid never needs a large exponent?", "`1 / (1 + np.exp(-z))`."),
        ),
        *_FORWARD_MISTAKES,
        Mistake(
            "bias-after-activation",
            "the bias was added after the activation.",
            "It belongs inside: f(x W + b). There it moves the point at which the unit switches "
            "on.",
            ("What is the argument of f?",),
        ),
        Mistake(
            "activation-at-the-end",
            "f was applied to the score instead of to the hidden layer.",
            "The hidden layer is f(x W + b); the score is its plain dot product with u, any "
            "number.",
            ("Which comes first: f or the product with u?",),
        ),
        Mistake(
            "activation-twice",
            "f was applied to the score as well.",
            "The hidden layer is squeezed, the score is not: it may be any number, so that a true "
            "window can be ahead of a corrupt one by a whole margin.",
            ("How large can your score get? How large should it be able to get?",),
        ),
        Mistake(
            "exponent-sign",
            "the sign inside f is turned round.",
            "f should grow with z; yours falls. The sigmoid has e to the power *minus* z.",
            ("What should f be for a large z, and what is yours?",),
        ),
        Mistake(
            "weights-transposed",
            "the weights are used transposed.",
            "x is a row: x (D,) times W (D, H). With a square W nothing complains.",
            ("Write down the shapes. Which axes must meet?", "`x @ W`."),
        ),
        Mistake(
            "not-summed",
            "the products with u were not summed.",
            "A score is one number: the dot product f(z) · u multiplies *and adds*.",
            ("Which shape does your result have?", "`np.dot`, or `@`."),
        ),
        Mistake(
            "u-forgotten",
            "u is missing.",
            "u says how much each hidden unit counts, and with which sign.",
            ("Which of the four arguments does your code not use?",),
        ),
    ),
    hints=(
        "Three steps: z = x W + b, h = f(z), s = h · u. Give each its own line.",
        "Shapes: (D,) @ (D, H) + (H,) → (H,); then (H,) @ (H,) → a number.",
        "`z = x @ W + b`; `h = 1 / (1 + np.exp(-z))`; `return h @ u`.",
    ),
    kind="function",
)

# --------------------------------------------------------------------------------- gradients


def window_gradients(function, *, activation: str = "sigmoid") -> Report:
    """Check a function ``window_gradients(x, W, b, u)``: the gradients of the score.

    Write::

        def window_gradients(x, W, b, u):   # shapes as in window_score
            ...
            return dW, db, du, dx           # gradients of s, each with the shape of its variable

    s = f(x W + b) · u, and f is the sigmoid.

    Args:
        function: yours.
        activation: ``"tanh"`` to check the network with f = tanh instead.
    """
    return _with(WINDOW_GRADIENTS, activation).check(function)


def _gradients(x, W, b, u, *, slip: str = "", activation: str = "sigmoid"):
    z = x @ W + (0 if slip == "bias-forgotten" else b)
    if slip == "other-activation":
        activation = ACTIVATIONS[1 - ACTIVATIONS.index(activation)]
    h = _f(z, activation)
    slope = h * (1 - h) if activation == "sigmoid" else 1 - h * h
    if slip == "slope-missing":
        slope = np.ones_like(h)
    elif slip == "slope-of-z":
        slope = z * (1 - z) if activation == "sigmoid" else 1 - z * z
    elif slip == "value-for-slope":
        slope = h
    elif slip == "slope-at-h":
        again = _f(h, activation)
        slope = again * (1 - again) if activation == "sigmoid" else 1 - again * again
    elif slip == "half-slope":
        slope = 1 - h
    elif slip == "other-slope":
        slope = 1 - h * h if activation == "sigmoid" else h * (1 - h)
    delta = slope * (1 if slip == "u-forgotten" else u)
    du = z if slip == "du-before-activation" else h
    if slip == "du-is-delta":
        du = delta
    dW, dx = np.outer(x, delta), W @ delta
    if slip == "gradient-transposed":
        dW = dW.T
    if slip == "dx-transposed":
        dx = delta @ W
    db = np.zeros_like(b) if slip == "bias-gradient-missing" else delta.copy()
    if slip == "bias-gradient-is-u":
        db = u.copy()
    if slip == "order-swapped:x-first":
        return dx, dW, db, du
    if slip == "order-swapped:u-first":
        return du, dW, db, dx
    if slip == "order-swapped:last-two":
        return dW, db, dx, du
    if slip == "order-swapped:b-first":
        return db, dW, du, dx
    return dW, db, du, dx


def _probe_gradients(make, case: Case, notes) -> None:
    result = notes.ask("dW", make, *notes.give("x", "W", "b", "u"), name="window_gradients")
    if not isinstance(result, tuple | list) or len(result) != 4:
        kind = f"a {type(result).__name__}"
        notes.stop("dW", Remark(f"{kind}, not the four gradients dW, db, du, dx"))
    for name, value in zip(("dW", "db", "du", "dx"), result, strict=True):
        notes.value(name, value)


WINDOW_GRADIENTS = Exercise(
    "window_gradients",
    _ordinary_cases,
    _probe_gradients,
    _gradients,
    labels={"dW": "dW", "db": "db", "du": "du", "dx": "dx"},
    mistakes=(
        Mistake(
            "slope-missing",
            "the derivative of f is missing.",
            "On its way back through f the gradient is multiplied by f′(z). Where f is flat, "
            "hardly anything may come through.",
            ("Which factors does the chain rule give for ∂s/∂b?", "δ = u · f′(z)."),
        ),
        Mistake(
            "slope-of-z",
            "the derivative was taken from z instead of f(z).",
            "f′ = f(1 − f) for the sigmoid (1 − f² for tanh): written with the *value* of f, which "
            "forward has computed already. With z in its place the formula means nothing.",
            ("What is σ(0), and what is σ′(0)?", "`h * (1 - h)` with h = σ(z)."),
        ),
        Mistake(
            "value-for-slope",
            "f itself stands where its derivative belongs.",
            "The chain rule needs f′(z), not f(z).",
            ("What is the derivative of the sigmoid?", "`h * (1 - h)`."),
        ),
        Mistake(
            "slope-at-h",
            "f was applied twice before its derivative was taken.",
            "The slope belongs to the point z. Written with the value h = f(z), it needs no "
            "second f.",
            ("In your slope, what goes into f – z, or already h?", "`h * (1 - h)`."),
        ),
        *(m for m in _FORWARD_MISTAKES if m.id == "other-activation"),
        Mistake(
            "half-slope",
            "half of the derivative is missing.",
            "It is f · (1 − f) for the sigmoid, and 1 − f² for tanh.",
            ("What should f′ be where f is close to 0?",),
        ),
        Mistake(
            "other-slope",
            "the derivative belongs to another activation function.",
            "σ′ = σ(1 − σ), tanh′ = 1 − tanh².",
            ("Which f did you use in the forward pass?",),
        ),
        Mistake(
            "u-forgotten",
            "u is missing from the way back.",
            "s = f(z) · u, so each hidden unit matters as much as its entry of u says.",
            ("What is ∂s/∂f?", "δ = u · f′(z)."),
        ),
        Mistake(
            "du-before-activation",
            "du was taken before the activation.",
            "s = f(z) · u, so ∂s/∂u = f(z), the hidden layer itself.",
            ("Which vector does u meet in the forward pass?",),
        ),
        Mistake(
            "du-is-delta",
            "du is the error signal δ.",
            "δ = u · f′(z) is what flows back *through* the hidden layer; u itself meets f(z).",
            ("What is the derivative of f(z) · u with respect to u?",),
        ),
        Mistake(
            "gradient-transposed",
            "the gradient of W is transposed.",
            "A gradient has the shape of its variable: entry [d, h] belongs to W[d, h] and is "
            "x[d] · δ[h].",
            ("Which shape has W?", "`np.outer(x, delta)`."),
        ),
        Mistake(
            "dx-transposed",
            "dx needs the other side of W.",
            "x[d] reaches every hidden unit h through W[d, h], so dx[d] = Σ_h W[d, h] δ[h].",
            ("Over which index must be summed?", "`W @ delta`."),
        ),
        Mistake(
            "bias-gradient-missing",
            "db is zero.",
            "∂z/∂b = 1, so db is simply δ.",
            ("What happens to s if b[0] grows a little?",),
        ),
        Mistake(
            "bias-gradient-is-u",
            "db is u.",
            "Between b and s lies f, so its derivative belongs in: db = u · f′(z) = δ.",
            ("What lies between b and s?",),
        ),
        _BIAS_FORGOTTEN,
        Mistake(
            "order-swapped",
            "the four gradients come in another order.",
            "The caller expects dW, db, du, dx.",
            ("Look at your return line.",),
            slips=tuple(
                f"order-swapped:{which}" for which in ("x-first", "u-first", "last-two", "b-first")
            ),
        ),
        Mistake(
            "wrong-sign",
            "a gradient points the other way.",
            "Every entry is right, but for its sign.",
            ("Is there a minus that does not belong here?",),
            edit=negated("dW", "db", "du", "dx"),
        ),
    ),
    hints=(
        "Write the forward pass in three lines: z, h = f(z), s = h · u. Go back through them "
        "from the last to the first.",
        "δ = u · f′(z) is the gradient of z. All of W, b and x reach s through z only.",
        "`delta = u * h * (1 - h)`; dW = outer(x, δ), db = δ, du = h, dx = W δ.",
    ),
    kind="function",
)

# ------------------------------------------------------------------------- numerical gradient


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
            ("What is `1.0 + 1e-50 == 1.0`?", "h = 1e-4 leaves enough digits on both sides."),
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
