"""What the checks of all loss layers share: a loss that stops growing, a logarithm of zero.

``special`` are the names of the cases with very wrong answers, where alone these mistakes show.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check.answers import same
from w2vlib.check.exercise import MIN_EVIDENCE, Mistake


def ordinary_right(cases, answers, expected, special: tuple[str, ...]) -> bool:
    """Whether all is well with ordinary scores (a small number in the logarithm shows a little)."""
    return len(answers) == len(cases) and all(
        same(seen[q], right[q], slack=100) if q in right else False
        for case, seen, right in zip(cases, answers, expected, strict=True)
        if case.name not in special
        for q in seen
        if not q.startswith("type of")
    )


def broken(answer) -> bool:
    """Whether there is NaN or infinity in it."""
    return isinstance(answer, np.ndarray) and not np.isfinite(answer.astype(float)).all()


def count_broken(cases, answers, quantity: str, name: str) -> int:
    """In how many cases of that name the quantity is broken."""
    pairs = zip(cases, answers, strict=False)
    return sum(case.name == name and broken(seen.get(quantity)) for case, seen in pairs)


def capped(cases, answers, expected, special) -> str | None:
    """The loss stops growing: of two questions, the worse answer costs no more than the other."""
    if not ordinary_right(cases, answers, expected, special):
        return None
    stuck = []
    for case, seen, right in zip(cases, answers, expected, strict=True):
        loss = seen.get("loss")
        if case.name != "very wrong answer" or not isinstance(loss, np.ndarray) or broken(loss):
            continue
        if not same(loss, right["loss"]) and loss < right["loss"]:
            stuck.append(float(loss))
    return "loss" if len(stuck) >= MIN_EVIDENCE and np.ptp(stuck) <= 1e-6 * max(stuck) else None


def log_of_zero(cases, answers, expected, special) -> str | None:
    """The loss is NaN or infinite where an answer is very unlikely; all else is right."""
    if not ordinary_right(cases, answers, expected, special):
        return None
    count = sum(broken(seen.get("loss")) for seen in answers)
    gradients_fine = not any(broken(seen.get("dx")) for seen in answers)
    return "loss" if count >= MIN_EVIDENCE and gradients_fine else None


# Negative sampling and hierarchical softmax ask many questions with two answers each.
VERY_WRONG = ("very wrong answer", "extreme scores")
GROWING_HINTS = (
    "What is −log(1e-7)? Compare it with your loss.",
    "−log σ(x) = log(1 + exp(−x)).",
)
LOG_OF_ZERO = Mistake(
    "log-of-zero",
    "the logarithm of zero.",
    "For a score of −800 the probability rounds to 0, and its logarithm is −∞.",
    ("Which probability does your code store for a score of −800?",),
    rule=lambda c, a, e: log_of_zero(c, a, e, VERY_WRONG),
)
SUM_OVER_BATCH = Mistake(
    "missing-1/B",
    "the sum over the batch instead of its mean.",
    "The loss is a mean over the B examples; with the sum, the size of a step depends on "
    "the batch size.",
    ("By which factor do yours and the expected values differ?",),
)
