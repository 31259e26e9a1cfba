"""Mistakes of whole models with negative sampling that are read off their loss and gradient."""

from __future__ import annotations

import numpy as np

from w2vlib.check.answers import plain, same
from w2vlib.check.exercise import MIN_EVIDENCE, Case, Mistake

SAMPLE_SIZE = 5  # K of a model that is not told otherwise, as in the book


def _knows_nothing(cases, answers, expected, skip_gram: bool) -> str | None:
    """The loss is that of scores near 0 in every case, whatever stands in the matrices."""
    wrong = 0
    for case, seen, right in zip(cases, answers, expected, strict=False):
        if "loss" not in seen:  # a case of the other kind of model
            continue
        loss = seen["loss"]
        K = case.negatives.shape[-1] if "negatives" in case.inputs else SAMPLE_SIZE
        level = (K + 1) * np.log(2) * (case.contexts.shape[1] if skip_gram else 1)
        if not isinstance(loss, np.ndarray) or loss.size != 1 or loss.dtype.kind not in "fiu":
            return None
        if not abs(loss.item() - level) < 0.05 * level:
            return None
        wrong += not same(loss, right["loss"])
    return "loss" if wrong >= MIN_EVIDENCE else None


def other_weights(skip_gram: bool) -> Mistake:
    """The layers hold other matrices than ``params``, so that those have no effect."""
    return Mistake(
        "other-weights",
        "the layers do not use the matrices in `params`.",
        "The check wrote its own numbers into the arrays in `params`, and the loss is still that "
        "of a network which knows nothing, (K + 1) · log 2 for each word to be guessed. An "
        "optimiser fares the same: it trains arrays that no layer looks at.",
        (
            "How many different arrays did your `__init__` make? Which of them do the layers hold?",
            "One array `W_in`: hand the same one to every layer, and put that one into `params`.",
        ),
        rule=lambda c, a, e: _knows_nothing(c, a, e, skip_gram),
    )


def _words_drawn(case: Case, seen: dict, skip_gram: bool) -> np.ndarray | None:
    """How often each word was a negative of each example, (B, V), if the numbers say so for sure.

    With s = h_b · W_out[w] and y = σ(s), the gradient of row w of W_out is the sum over b of
    (n·y − a·(1 − y)) · h_b · dout / B: word w is to be guessed a times in example b and was
    drawn n times.  If the h_b are linearly independent, this can be solved for n; the loss and the
    gradient that belong to n must then be those that were seen.
    """
    loss, dW, W = seen.get("loss"), seen.get("dW_out"), case.W_out
    if not all(isinstance(x, np.ndarray) and x.dtype.kind == "f" for x in (loss, dW)):
        return None
    if loss.size != 1 or dW.shape != W.shape or not np.isfinite(dW).all():
        return None
    guessed = case.contexts if skip_gram else case.target[:, None]
    h = case.W_in[case.target] if skip_gram else case.W_in[case.contexts].mean(axis=1)
    B, s = len(h), h @ W.T
    y = 1 / (1 + np.exp(-s))
    if B > h.shape[1] or np.linalg.svd(h, compute_uv=False).min() < 0.1 or y.min() < 1e-3:
        return None
    a = np.stack([np.bincount(row, minlength=len(W)) for row in guessed])
    scale = case.dout / B
    solved = np.linalg.lstsq(h.T * scale, dW.T.astype(float), rcond=None)[0]
    n = np.rint((solved + a * (1 - y)) / y)
    cost = plain((a * np.logaddexp(0, -s) + n * np.logaddexp(0, s)).sum() / B)
    fits = same(loss, cost) and same(dW, (n * y - a * (1 - y)).T @ h * scale)
    return n if fits and (n >= 0).all() else None


def _draws_its_own(cases, answers, expected, skip_gram: bool) -> str | None:
    """Wherever it can be told, other words were negatives than those that were handed in."""
    found = 0
    for case, seen, right in zip(cases, answers, expected, strict=False):
        if "negatives" not in case.inputs or "loss" not in seen:
            continue  # a model that does not take them
        n = _words_drawn(case, seen, skip_gram)
        if n is None:
            continue
        given = case.negatives.reshape(len(n), -1)
        guesses = given.shape[1] // case.negatives.shape[-1]
        given = np.stack([np.bincount(row, minlength=n.shape[1]) for row in given])
        if (n.sum(axis=1) != SAMPLE_SIZE * guesses).any():
            return None
        others, missing = (n > 0) & (given == 0), n < given
        found += bool(others.any() and missing.any()) and not same(seen["loss"], right["loss"])
    return "loss" if found >= MIN_EVIDENCE else None


def own_negatives(skip_gram: bool) -> Mistake:
    """The model takes negatives, and its loss draws others.  (A rule: draws differ by chance.)"""
    one = "The loss layer takes them, too: `forward(h, target, negatives)`."
    many = "Each loss layer takes its part, `negatives[:, c]`, and None where there are none."
    return Mistake(
        "negatives-ignored",
        "the given negatives are not used.",
        f"Loss and gradient are those of other words, {SAMPLE_SIZE} for each word to be guessed: "
        "the loss draws its own. Handed on, the given ones make a loss that can be checked and "
        "repeated.",
        ("What does your forward do with its argument `negatives`?", many if skip_gram else one),
        rule=lambda c, a, e: _draws_its_own(c, a, e, skip_gram),
    )
