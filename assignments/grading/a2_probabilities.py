"""Grades assignment 2, probabilities: losses with logarithms that survive large scores.

The functions below are the right solutions; ``slip`` makes each of them make one known mistake.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers
from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.tasks import Part, Task

from ._shared import sigmoid, softplus

LARGE = ("large scores",)


def _log_softmax(x):
    x = x - x.max(axis=-1, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))


OVERFLOWS = Mistake(
    "overflows",
    "large scores break it.",
    "`np.exp(1000)` is infinity, and infinity divided by infinity is no number. With scores this "
    "large a network is simply very sure (or very wrong), and its loss is an ordinary number.",
    (
        "Which `np.exp` in your formula gets a large positive number?",
        "Rewrite it so that `exp` only ever sees negative numbers: subtract the largest score, or "
        "use log(1 + eˣ) = max(x, 0) + log(1 + e^(−|x|)).",
    ),
)
CAPPED = Mistake(
    "capped",
    "a small number inside the logarithm caps the loss.",
    "`np.log(p + 1e-7)` can never be less than −16.1: however wrong the answer, the loss stays "
    "there, while the gradient goes on as if it did not. Large scores need another formula.",
    ("What is the loss when σ is exactly 0 in floating point – and what should it be?",),
)


def _naive(x, slip):
    """log σ(x) as it is written first, and breaks."""
    with np.errstate(all="ignore"):
        p = 1 / (1 + np.exp(-x))
        return np.log(p + 1e-7) if slip == "capped" else np.log(p)


# ---- log_loss -----------------------------------------------------------------------------------


def _log_loss(scores, signs, *, slip=""):
    x = scores * signs
    if slip == "sign-forgotten":
        x = scores
    if slip == "labels-not-signs":
        x = scores * ((signs + 1) / 2)
    if slip in ("overflows", "capped"):
        return -_naive(x, slip)
    loss = softplus(-x)
    return {"not-negated": -loss, "averaged": np.asarray(loss.mean())}.get(slip, loss)


def _log_loss_cases(rng):
    def case(name, *shape, scale=1.0):
        signs = rng.choice([-1, 1], shape)
        signs.flat[0], signs.flat[-1] = 1, -1
        scores = numbers(rng, *shape)
        if scale > 1:  # all beyond ±800; one very sure and right, one very sure and wrong
            scores = scale * (scores + 2 * np.sign(scores))
            signs.flat[0] = np.sign(scores.flat[0])
            signs.flat[-1] = -np.sign(scores.flat[-1])
        return Case(name, {"scores": scores, "signs": signs})

    return [
        case("few scores", 2),
        case("few scores", 4),
        case("a matrix", 2, 3),
        case("a matrix", 3, 2),
        case("large scores", 4, scale=600.0),
        case("large scores", 6, scale=800.0),
    ]


LOG_LOSS = Task(
    name="log_loss",
    title="The loss of a yes-or-no question",
    cell="test_log_loss",
    kind="function",
    steps=(("ask", "loss", ["scores", "signs"]),),
    cases=_log_loss_cases,
    reference=_log_loss,
    labels={"loss": "log_loss(scores, signs)"},
    parts=(
        Part("ordinary scores", 2, ("loss",), ("few scores",)),
        Part("any shape", 1, ("loss",), ("a matrix",)),
        Part("scores of a thousand", 2, ("loss",), LARGE),
    ),
    mistakes=(
        OVERFLOWS,
        CAPPED,
        Mistake(
            "sign-forgotten",
            "the signs play no part.",
            "With the sign −1 the right answer is *no*, so the loss is −log σ(−score).",
            ("What should the loss be if the score is 10 and the sign is −1?",),
        ),
        Mistake(
            "labels-not-signs",
            "−1 is treated as 0.",
            "The signs are +1 and −1, not 1 and 0: with −1 the score is turned around.",
            ("σ(−s) = 1 − σ(s): what does the sign do inside the sigmoid?",),
        ),
        Mistake(
            "not-negated",
            "this is the logarithm, not the loss.",
            "A probability is below 1, so its logarithm is negative. The loss is minus that.",
            ("Can a loss be negative here?",),
        ),
        Mistake(
            "averaged",
            "one number came back instead of one for each score.",
            "The question asks for the loss of every single score; what is summed or averaged "
            "later is decided elsewhere.",
            ("Which shape do the scores have, and which one your answer?",),
        ),
    ),
    hints=(
        "−log σ(x) = log(1 + e^(−x)), with x = score · sign.",
        "For x = −1000 that is log(1 + e^1000). Which number should come out?",
        "log(1 + eʸ) = max(y, 0) + log(1 + e^(−|y|)), and `np.log1p(z)` is log(1 + z).",
    ),
)

# ---- WeightedLogLoss ----------------------------------------------------------------------------


class _WeightedLogLoss:
    def __init__(self, *, slip=""):
        self.params, self.grads, self.slip, self.cache = [], [], slip, None

    def forward(self, scores, labels, weights):
        if self.slip != "stale-cache" or self.cache is None:
            self.cache = scores, labels, weights
        x = np.where(labels == 1, scores, -scores)
        loss = softplus(-x)
        if self.slip in ("overflows", "capped"):
            loss = -_naive(x, self.slip)
        if self.slip == "weights-not-normalised":
            return (weights * loss).sum()
        if self.slip == "divided-by-count":
            return (weights * loss).mean()
        if self.slip == "weights-ignored":
            return loss.mean()
        return (weights * loss).sum() / weights.sum()

    def backward(self, dout=1.0):
        scores, labels, weights = self.cache
        if self.slip == "weights-ignored":
            weights = np.ones(len(scores))
        total = weights.sum()
        if self.slip == "weights-not-normalised":
            total = 1
        if self.slip == "divided-by-count":
            total = len(scores)
        if self.slip == "overflows":
            with np.errstate(all="ignore"):
                y = 1 / (1 + np.exp(-scores))
        else:
            y = sigmoid(scores)
        ds = weights * (y - labels) / total
        if self.slip == "wrong-sign":
            ds = -ds
        return ds if self.slip == "dout-ignored" else dout * ds


def _weighted_cases(rng):
    def case(name, B, scale=1.0):
        labels = rng.integers(0, 2, B)
        labels[0], labels[-1] = 0, 1
        scores = numbers(rng, B)
        if scale > 1:  # all beyond ±800, the first and the last very wrong
            scores = scale * (scores + 2 * np.sign(scores))
            scores[0], scores[-1] = abs(scores[0]), -abs(scores[-1])
        return Case(
            name,
            {
                "scores": scores,
                "labels": labels,
                "weights": rng.integers(1, 9, B) / 4,
                "dout": float(rng.choice([-3.0, 0.5, 2.0, 5.0])),
            },
        )

    def later(B):
        return common.second_pass(case("", B), case("", B), "scores", "labels", "weights", "dout")

    return [case("small", 2), case("small", 3), case("larger", 7), later(3), later(4),
            case("large scores", 4, 600.0), case("large scores", 5, 700.0)]  # fmt: skip


ORDINARY = ("small", "larger", "second pass")
WEIGHTED = Task(
    name="WeightedLogLoss",
    title="A loss in which some answers count more",
    cell="test_weighted_log_loss",
    kind="class",
    steps=(
        ("make", []),
        ("warm", [["forward", ["scores", "labels", "weights"]], ["backward", ["dout"]]]),
        ("call", "loss", "forward", ["scores", "labels", "weights"]),
        ("call", "ds", "backward", ["dout"]),
    ),
    cases=_weighted_cases,
    reference=_WeightedLogLoss,
    labels={"loss": "forward(scores, labels, weights)", "ds": "backward(dout)"},
    parts=(
        Part("the loss", 2, ("loss",), ORDINARY),
        Part("the gradient", 2, ("ds",), ORDINARY),
        Part("large scores, forward and backward", 2, ("loss", "ds"), LARGE),
    ),
    mistakes=(
        OVERFLOWS,
        CAPPED,
        common.stale_cache("scores"),
        common.dout_ignored(),
        common.wrong_sign("ds"),
        Mistake(
            "weights-not-normalised",
            "the weights are not divided by their sum.",
            "A weighted mean divides by the sum of the weights: doubling all of them must change "
            "nothing.",
            ("What should come out if all weights are 2 instead of 1?",),
        ),
        Mistake(
            "divided-by-count",
            "the sum is divided by the number of scores.",
            "A weighted mean divides by the sum of the weights, not by how many there are.",
            ("What should come out if all weights are 2 instead of 1?",),
        ),
        Mistake(
            "weights-ignored",
            "the weights play no part.",
            "A score of weight 2 counts as much as two scores of weight 1.",
            ("Multiply each loss by its weight, and divide by the sum of the weights.",),
        ),
    ),
    hints=(
        "Loss i is −log σ(s) if the label is 1, and −log σ(−s) if it is 0.",
        "The derivative of one loss by its score is σ(s) − label; then come weight, sum and dout.",
        "σ(s) = e^(−log(1 + e^(−s))) never overflows if the inner logarithm does not.",
    ),
)

# ---- smoothed_cross_entropy ---------------------------------------------------------------------


def _smoothed(scores, target, eps, *, slip=""):
    B, V = scores.shape
    hot = np.zeros((B, V))
    hot[np.arange(B), target] = 1
    q = (1 - eps) * hot + eps / V
    if slip == "smoothing-forgotten":
        q = hot
    if slip == "others-only":
        q = (1 - eps) * hot + eps / (V - 1) * (1 - hot)
    if slip == "overflows":
        with np.errstate(all="ignore"):
            e = np.exp(scores)
            p = e / e.sum(axis=1, keepdims=True)
            logs = np.log(p)
    else:
        logs = _log_softmax(scores)
        p = np.exp(logs)
    if slip == "whole-matrix":
        logs = scores - np.log(np.exp(scores).sum())
        p = np.exp(logs)
    with np.errstate(all="ignore"):
        loss = -(q * logs).sum() / B
    dscores = (p - (hot if slip == "gradient-not-smoothed" else q)) / B
    if slip == "not-divided-by-batch":
        dscores = dscores * B
    if slip == "wrong-sign":
        dscores = -dscores
    return loss, dscores


def _smoothed_cases(rng):
    def case(name, B, V, scale=1.0):
        return Case(
            name,
            {
                "scores": scale * numbers(rng, B, V),
                "target": rng.integers(0, V, B),
                "eps": float(rng.choice([0.1, 0.2, 0.3])),
            },
        )

    return [case("small", 2, 3), case("small", 3, 4), case("one row", 1, 5), case("larger", 6, 8),
            case("large scores", 3, 4, 600.0), case("large scores", 2, 6, 700.0)]  # fmt: skip


SMOOTHED = Task(
    name="smoothed_cross_entropy",
    title="Cross entropy with soft targets",
    cell="test_smoothed_cross_entropy",
    kind="function",
    steps=(("ask", ["loss", "dscores"], ["scores", "target", "eps"]),),
    cases=_smoothed_cases,
    reference=_smoothed,
    labels={"loss": "loss", "dscores": "dscores"},
    parts=(
        Part("the loss", 2, ("loss",), ("small", "one row", "larger")),
        Part("the gradient", 2, ("dscores",), ("small", "one row", "larger")),
        Part("large scores", 1, ("loss", "dscores"), LARGE),
    ),
    mistakes=(
        OVERFLOWS,
        common.wrong_sign("dscores"),
        Mistake(
            "smoothing-forgotten",
            "`eps` plays no part.",
            "The target is no longer 1 for one word and 0 for all others: every word gets eps/V, "
            "and the right one 1 − eps on top.",
            ("Write down the row q of targets for V = 4 and eps = 0.2. Does it sum to 1?",),
        ),
        Mistake(
            "others-only",
            "eps was shared out among the other words only.",
            "Here all V words get eps/V, the right one too: q = (1 − eps)·onehot + eps/V.",
            ("What is q of the right word: 1 − eps, or 1 − eps + eps/V?",),
        ),
        Mistake(
            "gradient-not-smoothed",
            "the gradient still has the hard targets.",
            "The gradient is softmax − target, and the target is the smoothed one, as in the loss.",
            ("Derive −Σ q log p by the scores: where does q stand in the result?",),
        ),
        Mistake(
            "not-divided-by-batch",
            "the gradient is that of the sum, not of the mean.",
            "The loss is the mean over B rows, so every row's gradient is divided by B.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "whole-matrix",
            "the softmax runs over the whole batch.",
            "Each row is a question of its own: its probabilities sum to 1.",
            ("Over which axis do you sum?", "`axis=1, keepdims=True`."),
        ),
    ),
    hints=(
        "Targets first: q = (1 − eps)·onehot + eps/V, shape (B, V), rows that sum to 1.",
        "loss = mean over rows of −Σ q log p; its gradient by the scores is (p − q)/B.",
        "log p = scores − max − log Σ exp(scores − max): no `exp` of a large number.",
    ),
)

# ---- perplexity ---------------------------------------------------------------------------------


def _perplexity(scores, target, *, slip=""):
    rows = np.arange(len(target))
    if slip == "overflows":
        with np.errstate(all="ignore"):
            e = np.exp(scores)
            return np.exp(-np.log((e / e.sum(axis=1, keepdims=True))[rows, target]).mean())
    losses = -_log_softmax(scores)[rows, target]
    if slip == "loss-itself":
        return losses.mean()
    if slip == "mean-of-exp":
        return np.exp(losses).mean()
    if slip == "summed":
        return np.exp(losses.sum())
    if slip == "base-two":
        return 2 ** losses.mean()
    return np.exp(losses.mean())


def _perplexity_cases(rng):
    def case(name, B, V, offset=0.0):
        shift = rng.permutation(B)[:, None] * offset
        return Case(name, {"scores": numbers(rng, B, V) + shift, "target": rng.integers(0, V, B)})

    even = Case("all alike", {"scores": np.zeros((3, 7)), "target": rng.integers(0, 7, 3)})
    return [case("small", 2, 3), case("small", 4, 3), even, case("larger", 9, 12),
            case("large scores", 4, 5, 900.0), case("large scores", 3, 4, 1000.0)]  # fmt: skip


PERPLEXITY = Task(
    name="perplexity",
    title="Perplexity",
    cell="test_perplexity",
    kind="function",
    steps=(("ask", "perplexity", ["scores", "target"]),),
    cases=_perplexity_cases,
    reference=_perplexity,
    labels={"perplexity": "perplexity(scores, target)"},
    parts=(
        Part("ordinary scores", 3, ("perplexity",), ("small", "all alike", "larger")),
        Part("large scores", 1, ("perplexity",), LARGE),
    ),
    mistakes=(
        OVERFLOWS,
        Mistake(
            "loss-itself",
            "this is the loss; its exponential is asked.",
            "Perplexity says among how many equally likely words the model hesitates: if it "
            "knows nothing it is V, and if it is always sure and right it is 1.",
            ("What comes out if all seven words have the same score? It should be 7.",),
        ),
        Mistake(
            "mean-of-exp",
            "the exponential was taken before the mean.",
            "Mean first, then exp: otherwise a single surprising word decides everything.",
            ("In which order do mean and exp stand in the formula?",),
        ),
        Mistake(
            "summed",
            "the losses were summed instead of averaged.",
            "A longer text would then always be more perplexing, however good the model.",
            ("Does the number of rows change your result if all rows are alike?",),
        ),
        Mistake(
            "base-two",
            "logarithm and power have different bases.",
            "The cross entropy here uses the natural logarithm, so e goes with it: 2 to the power "
            "belongs to logarithms of base 2.",
            ("Which function undoes `np.log`?",),
        ),
    ),
    hints=("exp of the mean of −log p(target).", "Use your stable log-softmax from task 3."),
)

TASKS = (LOG_LOSS, WEIGHTED, SMOOTHED, PERPLEXITY)
