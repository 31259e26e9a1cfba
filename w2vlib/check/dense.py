"""Checks for MatMul and for the two loss layers."""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.losses import capped, count_broken, log_of_zero, ordinary_right
from w2vlib.check.report import Report

# ------------------------------------------------------------------------------------ MatMul


def matmul(cls) -> Report:
    """Check a class ``MatMul(W)``: ``y = x W`` and its gradients.

    Write::

        class MatMul:
            def __init__(self, W):      # W: (D, H)
                self.params = [W]
                self.grads = [np.zeros_like(W)]

            def forward(self, x):       # x: (B, D) → (B, H)
                ...

            def backward(self, dout):   # dout: (B, H) → dx: (B, D); fills grads[0] (D, H) in place
                ...

    Args:
        cls: the class, or a function of W that makes an instance.
    """
    return MATMUL.check(cls)


class _MatMul:
    def __init__(self, W, *, slip: str = "") -> None:
        self.params, self.grads, self.slip, self.x = [W], [np.zeros_like(W)], slip, None

    def forward(self, x):
        (W,), slip = self.params, self.slip
        if slip != "stale-cache" or self.x is None:
            self.x = x
        if slip == "weights-transposed":
            return x @ W.T
        return x @ W

    def backward(self, dout):
        (W,), (dW,), slip, x = self.params, self.grads, self.slip, self.x
        if slip == "dout-ignored":
            dout = np.ones_like(dout)
        if slip == "weights-transposed":
            dW[...] = dout.T @ x
            return dout @ W
        new = dout.T @ x if slip == "gradient-transposed" else x.T @ dout
        dW[...] = dW + new if slip == "grads-accumulate" else new
        if slip == "weights-changed":
            W -= new
        return dout @ W if slip == "transpose-forgotten" else dout @ W.T


def _matmul_cases(rng) -> list[Case]:
    def case(name, B, D, H):
        inputs = {"W": numbers(rng, D, H), "x": numbers(rng, B, D), "dout": numbers(rng, B, H)}
        return Case(name, inputs)

    small = [case("known answers", 2, 3, 2), case("known answers", 3, 2, 4)]
    return [
        *small,
        case("square weights", 2, 2, 2),
        case("square weights", 3, 3, 3),
        case("one row", 1, 3, 2),
        case("larger", 6, 5, 4),
        second_pass(case("", 2, 3, 2), case("", 2, 3, 2), "x", "dout"),
        second_pass(case("", 3, 2, 4), case("", 3, 2, 4), "x", "dout"),
        *map(common.as_float32, small),
    ]


MATMUL = Exercise(
    "matmul",
    _matmul_cases,
    common.layer_probe("y", "x", dx="dx"),
    _MatMul,
    labels={"y": "forward(x)", "dx": "backward(dout)", "dW": "grads[0] after backward(dout)"},
    mistakes=(
        Mistake(
            "weights-transposed",
            "the weights are used transposed.",
            "Rows of x are examples, so x (B, D) meets W (D, H) as it is: the inner axes, both D, "
            "belong together. With a square W nothing complains, and the answer is wrong.",
            ("Write down the shapes of x and W. Which axes must meet?", "`x @ W`."),
        ),
        Mistake(
            "transpose-forgotten",
            "dx needs the transpose of W.",
            "Each x[i, d] reaches y through the *row* d of W, so `dx = dout @ W.T`: (B, H) times "
            "(H, D). Where W is square, `dout @ W` runs and is wrong.",
            ("Which shape has dx? Which product of `dout` and W gives it for any D and H?",),
        ),
        Mistake(
            "gradient-transposed",
            "the gradient of W is transposed.",
            "A gradient has the shape of its weights, (D, H), and entry [d, h] says what W[d, h] "
            "does: `x.T @ dout`.",
            ("(D, B) times (B, H) gives (D, H). Which of the two arrays is (D, B)?",),
        ),
        common.dout_ignored(),
        common.grads_not_filled("grads[0]", "dW"),
        common.grads_accumulate(),
        common.stale_cache("`x`"),
        common.wrong_sign("dx", "dW"),
        common.extra_mean(lambda case: len(case.x), "dW"),
        Mistake(
            "weights-changed",
            "backward changed the weights.",
            "Backward only computes the gradient and leaves it in `grads`; the step is the "
            "optimiser's business.",
            ("Which of your lines writes into W?",),
        ),
    ),
    hints=(
        "Let the shapes guide you: forward (B, D) · (D, H) → (B, H).",
        "dx has the shape of x, dW that of W; each is a product of `dout` with the other "
        "factor. There is only one way in which the shapes fit.",
        "`dW[...] = x.T @ dout`, `dx = dout @ W.T`.",
    ),
)

# ------------------------------------------------------------------- what both losses share


def _loss_mistakes(exact: str, special: tuple[str, ...]) -> tuple[Mistake, ...]:
    return (
        Mistake(
            "loss-capped",
            "the loss stops growing.",
            "However wrong the answer is, it never costs more than a fixed amount: the small "
            "number inside the logarithm is a floor. The gradient goes on regardless, so the "
            "loss that is printed and the one that is minimised are two different functions.",
            (
                "What is −log(1e-7)? Compare it with your loss.",
                f"Take the loss from the scores instead of from rounded probabilities: {exact}.",
            ),
            rule=lambda c, a, e: capped(c, a, e, special),
        ),
        Mistake(
            "log-of-zero",
            "the logarithm of zero.",
            "For a very unlikely answer the probability rounds to exactly 0 (or 1 − y does), and "
            "its logarithm is −∞; 0 · ∞ is NaN. One such example spoils the whole batch.",
            (
                "For which scores is the probability so small that the computer stores 0?",
                f"Take the loss from the scores instead of from rounded probabilities: {exact}.",
            ),
            rule=lambda c, a, e: log_of_zero(c, a, e, special),
        ),
        Mistake(
            "missing-1/B",
            "the sum over the batch instead of its mean.",
            lambda case: (
                f"Here are B = {len(case.x)} examples, and the result is {len(case.x)} times too "
                "large. With the sum, the size of a step depends on the batch size, and a learning "
                "rate that fits one batch size is far too big for another."
            ),
            ("By which factor do yours and the expected values differ?", "Divide by B: len(x)."),
        ),
        Mistake(
            "double-mean",
            "divided by the batch size twice.",
            lambda case: (
                f"The mean over the B = {len(case.x)} examples is taken once; here it is divided "
                "by B twice, so that the result is B times too small."
            ),
            ("Where does 1/B stand in your code? Count the places, `np.mean` included.",),
        ),
        common.dout_ignored(quantities="dx"),
        common.wrong_sign("dx"),
        Mistake(
            "loss-sign",
            "the loss has the wrong sign.",
            "Logarithms of probabilities are negative; the loss is *minus* the log-probability, so "
            "that smaller means better.",
            ("Can a loss be negative here?",),
            edit=common.negated("loss"),
        ),
        Mistake(
            "derivative-twice",
            "the derivative of the activation was applied twice.",
            "`y − t` is already the gradient with respect to the *scores*: the factor y(1 − y) has "
            "cancelled against the 1/(y(1 − y)) of the cross entropy. That is the beauty of it.",
            ("Write out ∂L/∂y · ∂y/∂x. What cancels?",),
        ),
        Mistake(
            "target-not-subtracted",
            "the targets are missing from the gradient.",
            "The gradient is what the model says minus what is true: `y − t`. Without t it pushes "
            "all scores down, the right ones too.",
            ("What should the gradient be when y equals t exactly?",),
        ),
    )


# -------------------------------------------------------------------------- SigmoidWithLoss


def sigmoid_with_loss(cls) -> Report:
    """Check a class ``SigmoidWithLoss()``: yes-or-no questions, sigmoid and cross entropy.

    Write::

        class SigmoidWithLoss:
            def __init__(self):
                self.params, self.grads = [], []

            def forward(self, x, t):        # x: (B,) scores, t: (B,) labels 0 or 1
                ...                         # → mean over B of −[t log y + (1−t) log(1−y)], y = σ(x)

            def backward(self, dout=1):     # → dx: (B,), dout · (y − t) / B
                ...

    The loss must be exact for any score: a score of −800 whose answer is 1 costs 800.  float32
    scores give a float32 dx, whatever the type of t.

    Args:
        cls: the class, or a function that makes an instance.
    """
    return SIGMOID_WITH_LOSS.check(cls)


class _SigmoidWithLoss:
    params, grads = (), ()

    def __init__(self, *, slip: str = "") -> None:
        self.slip, self.cache = slip, None

    def forward(self, x, t):
        slip = self.slip
        if slip != "stale-cache" or self.cache is None:
            self.cache = x, t
        if slip.startswith(("labels-swapped", "sigmoid-upside-down")):
            t = 1 - t
        if slip == "labels-swapped":
            self.cache = x, t
        cost = np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x)))
        if slip == "size-forgotten":
            cost = np.maximum(x, 0) - t * x + np.logaddexp(0, -x)
        if slip == "half-forgotten":
            cost = cost * t
        return self._mean(cost.sum(), len(x))

    def backward(self, dout=1):
        slip, (x, t) = self.slip, self.cache
        y = np.exp(-np.logaddexp(np.zeros_like(x), -x))
        if slip == "sigmoid-upside-down":
            y = 1 - y
        if slip == "sigmoid-of-size":
            y = np.maximum(y, 1 - y)
        if slip == "dout-ignored":
            dout = 1
        if slip == "target-not-subtracted":
            t = np.zeros_like(x)
        dx = y - t.astype(x.dtype)
        if slip == "derivative-twice":
            dx = dx * y * (1 - y)
        return self._mean(dx * x.dtype.type(dout), len(x))

    def _mean(self, total, B):
        power = {"missing-1/B": 0, "double-mean": 2}.get(self.slip, 1)
        return total / B**power


_SIGMOID_SPECIAL = "very wrong answer", "extreme scores"


def _sigmoid_cases(rng) -> list[Case]:
    def case(name, x, t, dout=None):
        dout = float(numbers(rng, 1)[0]) if dout is None else dout
        inputs = {"x": np.array(x, float), "t": np.array(t), "dout": dout}
        return Case(name, inputs, telling=name not in _SIGMOID_SPECIAL)

    def random_case(name, B, dout=None):
        return case(name, numbers(rng, B), rng.permutation(np.arange(B) % 2), dout)

    small = [random_case("known answers", 2, 1.0), random_case("known answers", 3, 1.0)]
    scaled = [random_case("upstream gradient", 3, 2.0), random_case("upstream gradient", 5, -0.5)]
    return [
        *small,
        random_case("larger", 9, 1.0),
        *scaled,
        second_pass(random_case("", 3), random_case("", 3), "x", "t"),
        second_pass(random_case("", 2), random_case("", 4), "x", "t"),
        case("very wrong answer", [-50], [1], 1.0),
        case("very wrong answer", [-60], [1], 1.0),
        case("very wrong answer", [50], [0], 1.0),
        case("very wrong answer", [60], [0], 1.0),
        case("extreme scores", [800, -2], [0, 1], 1.0),
        case("extreme scores", [-800, 900, 3], [1, 1, 0], 1.0),
        *map(common.as_float32, scaled),
    ]


def _probe_sigmoid(make, case: Case, notes) -> None:
    _ask_loss(make, case, notes)


def _ask_loss(make, case: Case, notes) -> tuple:
    """Ask a layer for its loss and dx; the layer, and what its backward was handed."""
    x, t = notes.give("x", "t")
    layer = notes.make(make)
    if case.earlier:
        notes.call("loss", layer, "forward", *notes.give("x", "t", source=case.earlier))
        notes.call("dx", layer, "backward")
    notes.value("loss", notes.call("loss", layer, "forward", x, t))
    upstream = () if case.dout == 1 else (case.dout,)
    dx = notes.call("dx", layer, "backward", *upstream)
    notes.value("dx", dx)
    if x.dtype == np.float32:
        notes.dtype("type of dx", dx)
    return layer, upstream


def _sigmoid_overflow(cases, answers, expected) -> str | None:
    if not ordinary_right(cases, answers, expected, _SIGMOID_SPECIAL):
        return None
    return "dx" if count_broken(cases, answers, "dx", "extreme scores") >= 2 else None


SIGMOID_WITH_LOSS = Exercise(
    "sigmoid_with_loss",
    _sigmoid_cases,
    _probe_sigmoid,
    _SigmoidWithLoss,
    labels={"loss": "forward(x, t)", "dx": "backward(dout)"},
    mistakes=(
        Mistake(
            "sigmoid-overflow",
            "the exponential overflows.",
            "`exp(800)` is too large for a computer, it becomes ∞, and ∞/∞ is NaN: one large score "
            "and all weights are NaN after the next step.",
            (
                "Which sign does the argument of `exp` have in the failing example?",
                "`1 / (1 + exp(−x))` and `exp(x) / (1 + exp(x))` are equal; use each where its "
                "argument is negative (`np.where`, or `exp(−|x|)`).",
            ),
            rule=_sigmoid_overflow,
        ),
        *_loss_mistakes("`max(x, 0) − t·x + log(1 + exp(−|x|))`", _SIGMOID_SPECIAL),
        Mistake(
            "half-forgotten",
            "only the questions with the answer yes count.",
            "For t = 0 the cost is −log(1 − y). Without that half the model learns to say yes to "
            "everything, and the loss applauds.",
            ("What does your loss say for t = 0?", "The cost is −[t log y + (1 − t) log(1 − y)]."),
        ),
        Mistake(
            "size-forgotten",
            "right for scores above 0 only.",
            "`max(x, 0) − t·x` is made for a logarithm with |x| in it. With `exp(−x)` instead, a "
            "score below 0 is paid for twice.",
            ("Put x = −1, t = 0 into your formula.", "`log(1 + exp(−|x|))`: mind the | |."),
        ),
        Mistake(
            "sigmoid-of-size",
            "y is the sigmoid of |x|.",
            "`1 / (1 + exp(−|x|))` is never below one half: the model could not say no. It is the "
            "sigmoid where x ≥ 0; where x < 0 the numerator is `exp(−|x|)` instead of 1.",
            (
                "What is your y for x = −1? Should it be above or below one half?",
                "`e = np.exp(-np.abs(x))`, then `np.where(x >= 0, 1, e) / (1 + e)`.",
            ),
        ),
        Mistake(
            "labels-swapped",
            "yes and no are swapped.",
            "For t = 1 the cost is −log y, for t = 0 it is −log(1 − y). The other way round, the "
            "model is punished for every right answer.",
            (
                "What does your loss say for a score of 5 whose answer is yes? Should that be "
                "cheap?",
                "−[t log y + (1 − t) log(1 − y)]: t stands with log y.",
            ),
            slips=("labels-swapped", "labels-swapped:forward"),
        ),
        Mistake(
            "sigmoid-upside-down",
            "the sigmoid runs the wrong way.",
            "`1 / (1 + exp(x))` falls as x grows: it is the probability of “no”. High scores "
            "should mean “yes”, with a minus in the exponent.",
            ("What is your y for x = 5? Should it be near 1 or near 0?", "`1 / (1 + exp(−x))`."),
        ),
        common.stale_cache("`x` and `t`"),
    ),
    hints=(
        "y = σ(x) is the probability of “yes”. How surprised are you if the answer was t?",
        "The gradient of the mean cross entropy with respect to the scores is (y − t) / B; the "
        "chain rule multiplies it by `dout`.",
        "Exact for all scores: −log σ(x) = log(1 + exp(−x)); with the larger exponent taken out: "
        "`max(x, 0) − t·x + log(1 + exp(−|x|))`.",
    ),
)

# -------------------------------------------------------------------------- SoftmaxWithLoss


def softmax_with_loss(cls) -> Report:
    """Check a class ``SoftmaxWithLoss()``: softmax and cross entropy over V classes.

    Write::

        class SoftmaxWithLoss:
            def __init__(self):
                self.params, self.grads = [], []

            def forward(self, x, t):        # x: (B, V) scores; t: (B,) labels or (B, V) one-hot
                ...                         # → mean over B of −log softmax(x)[right answer]

            def backward(self, dout=1):     # → dx: (B, V), dout · (softmax(x) − one-hot t) / B
                ...

    Both forms of t must work; t with two axes is one-hot.  Scores around 1000 must not overflow,
    and a right answer whose score is 800 below the best costs 800.

    Args:
        cls: the class, or a function that makes an instance.
    """
    return SOFTMAX_WITH_LOSS.check(cls)


class _SoftmaxWithLoss:
    params, grads = (), ()

    def __init__(self, *, slip: str = "") -> None:
        self.slip, self.cache = slip, None

    def forward(self, x, t):
        slip = self.slip
        axis = {"softmax-over-batch": 0, "softmax-over-everything": None}.get(slip, 1)
        shifted = x - x.max(axis=axis, keepdims=True)
        log_y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
        hot = t if t.ndim == 2 else np.eye(x.shape[1], dtype=x.dtype)[t]
        if slip != "stale-cache" or self.cache is None:
            self.cache = np.exp(log_y), hot
        if slip == "crossed-indexing":
            return -log_y[:, hot.argmax(axis=1)].sum() / len(x)
        if slip == "mean-over-classes":
            return -(hot * log_y).mean()
        return self._mean(-(hot * log_y).sum(), len(x))

    def backward(self, dout=1):
        slip, (y, hot) = self.slip, self.cache
        if slip == "dout-ignored":
            dout = 1
        if slip == "target-not-subtracted":
            hot = np.zeros_like(y)
        if slip == "crossed-indexing":
            hot = np.ones((len(y), 1)) * (hot.sum(axis=0) > 0)  # dx[:, t] -= 1
        dx = y - hot
        if slip == "derivative-twice":
            dx = dx * y * (1 - y)
        if slip == "cache-changed":
            y[...] = dx
        if slip == "mean-over-classes":
            return dx * dout / y.size
        return self._mean(dx * y.dtype.type(dout), len(y)).astype(y.dtype)

    def _mean(self, total, B):
        power = {"missing-1/B": 0, "double-mean": 2}.get(self.slip, 1)
        return total / B**power


_SOFTMAX_SPECIAL = (
    "very wrong answer",
    "hopeless answer",
    "large scores",
    "rows on different scales",
)


def _softmax_cases(rng) -> list[Case]:
    def case(name, x, t, dout=1.0):
        inputs = {"x": np.array(x, float), "t": np.array(t), "dout": dout}
        return Case(name, inputs, telling=name not in _SOFTMAX_SPECIAL)

    def labels(name, B, V, dout=1.0):
        return case(name, numbers(rng, B, V), rng.permutation(np.arange(B) % V), dout)

    def one_hot(name, B, V):
        return case(name, numbers(rng, B, V), np.eye(V, dtype=int)[rng.integers(0, V, B)])

    small = [labels("known answers", 2, 3), labels("known answers", 3, 2)]
    scaled = [labels("upstream gradient", 2, 3, 2.0), labels("upstream gradient", 4, 3, -0.5)]
    return [
        *small,
        labels("larger", 6, 5),
        *scaled,
        one_hot("one-hot targets", 2, 3),
        one_hot("one-hot targets", 3, 3),
        one_hot("one-hot targets", 4, 5),
        second_pass(labels("", 2, 3), labels("", 2, 3), "x", "t"),
        second_pass(labels("", 3, 4), labels("", 2, 4), "x", "t"),
        case("very wrong answer", [[0, 50]], [0]),
        case("very wrong answer", [[0, 60]], [0]),
        case("hopeless answer", [[0, 800]], [0]),
        case("hopeless answer", [[3, 1000, 2]], [2]),
        case("large scores", [[1000, 1001]], [0]),
        case("large scores", [[900, 901, 902], [901, 903, 901]], [2, 0]),
        case("rows on different scales", [[1000, 1001], [-1000, -999]], [0, 1]),
        case("rows on different scales", [[-900, -901, -900], [1, 0, 2]], [0, 1]),
        *map(common.as_float32, small),
    ]


def _probe_softmax(make, case: Case, notes) -> None:
    layer, upstream = _ask_loss(make, case, notes)
    notes.value("dx again", notes.call("dx again", layer, "backward", *upstream))


def _no_max(cases, answers, expected) -> str | None:
    if not ordinary_right(cases, answers, expected, _SOFTMAX_SPECIAL):
        return None
    return "dx" if count_broken(cases, answers, "dx", "large scores") >= 2 else None


def _global_max(cases, answers, expected) -> str | None:
    if not ordinary_right(cases, answers, expected, _SOFTMAX_SPECIAL):
        return None
    if count_broken(cases, answers, "dx", "large scores"):
        return None
    return "dx" if count_broken(cases, answers, "dx", "rows on different scales") >= 2 else None


SOFTMAX_WITH_LOSS = Exercise(
    "softmax_with_loss",
    _softmax_cases,
    _probe_softmax,
    _SoftmaxWithLoss,
    labels={
        "loss": "forward(x, t)",
        "dx": "backward(dout)",
        "dx again": "backward(dout), called again",
    },
    mistakes=(
        Mistake(
            "no-max-subtracted",
            "the exponential overflows.",
            "`exp(1000)` is too large for a computer, it becomes ∞, and ∞/∞ is NaN. Taking the "
            "same number off all scores of a row does not change the softmax, so take off the "
            "largest: then no exponent is above 0.",
            (
                "Multiply the numerator and the denominator of the softmax by exp(−m). What "
                "happens?",
                "`x - x.max(axis=1, keepdims=True)` before `exp`.",
            ),
            rule=_no_max,
        ),
        Mistake(
            "global-max-subtracted",
            "one maximum for the whole batch.",
            "Each row needs its own largest score. Where one row lies far below another, "
            "all its exponentials become 0, and 0/0 is NaN.",
            ("`x.max()` or `x.max(axis=1, keepdims=True)`?",),
            rule=_global_max,
        ),
        *_loss_mistakes(
            "`log Σ exp(x − m) − (x[t] − m)` with m the largest score", _SOFTMAX_SPECIAL
        ),
        Mistake(
            "mean-over-classes",
            "the mean over all entries instead of over the examples.",
            lambda case: (
                f"There are B = {len(case.x)} examples with V = {case.x.shape[1]} scores each. "
                "`np.mean` over the whole array divides by B·V; only the examples count."
            ),
            ("By which factor do yours and the expected values differ?", "`.sum() / len(x)`."),
        ),
        Mistake(
            "softmax-over-batch",
            "the softmax runs over the batch instead of over the classes.",
            "Each *row* is one example, and its V probabilities must sum to 1. With axis 0 the "
            "examples of a batch compete with each other.",
            ("Along which axis should the probabilities sum to 1?", "`axis=1, keepdims=True`."),
        ),
        Mistake(
            "softmax-over-everything",
            "the softmax runs over the whole batch.",
            "Without `axis`, the probabilities of all rows together sum to 1. Each row is an "
            "example of its own.",
            ("What do your rows sum to?", "`axis=1, keepdims=True`, in the sum and in the max."),
        ),
        Mistake(
            "crossed-indexing",
            "`y[:, t]` picks whole columns.",
            "For every label it takes the column for *all* examples, B × B numbers. Wanted is one "
            "entry for each row: example i with label t[i].",
            ("Which shape has `y[:, t]`?", "`y[np.arange(B), t]`."),
        ),
        common.stale_cache("probabilities"),
        Mistake(
            "cache-changed",
            "the second backward gives another answer.",
            "Backward has changed what it remembered from forward. Then it works once only, and a "
            "gradient check, which calls it again, is led astray.",
            ("Is `dx` a new array, or another name for the stored y?", "`dx = self.y.copy()`."),
        ),
    ),
    hints=(
        "Softmax turns each row of scores into probabilities. How surprised are you by the answer?",
        "The gradient with respect to the scores is (y − t) / B, with t as one-hot rows; the "
        "chain rule multiplies it by `dout`.",
        "Exact for all scores: −log softmax(x)[t] = log Σ exp(x − m) − (x[t] − m), m = row "
        "maximum.",
    ),
)
