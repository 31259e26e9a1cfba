"""Checks for the window classifier by hand: its score, and the gradients of the score."""

from __future__ import annotations

import dataclasses

import numpy as np

from w2vlib.check.answers import Remark
from w2vlib.check.common import negated, numbers
from w2vlib.check.exercise import Case, Exercise, Mistake
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
