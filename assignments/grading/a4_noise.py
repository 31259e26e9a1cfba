"""Grades assignment 4, noise: whom to compare with, how to draw them, and what is learned from it.

The functions below are the right solutions; ``slip`` makes each of them make one known mistake.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers
from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.tasks import Part, Task

from ._shared import BATCH_FORGOTTEN, BATCH_SUMMED, sigmoid, softplus

# ---- noise_distribution -------------------------------------------------------------------------


def _noise_distribution(counts, power, banned, *, slip=""):
    weights = counts.astype(float) ** (1.0 if slip == "power-forgotten" else power)
    if slip == "power-after":
        weights = (counts / counts.sum()) ** power
        weights[banned] = 0
        return weights
    if slip == "banned-kept":
        return weights / weights.sum()
    if slip == "banned-after":
        p = weights / weights.sum()
        p[banned] = 0
        return p
    weights[banned] = 0
    return weights / weights.sum()


def _noise_cases(rng):
    def case(name, V, banned):
        inputs = {"counts": rng.integers(1, 500, V), "power": float(rng.choice([0.5, 0.75, 0.9]))}
        return Case(name, {**inputs, "banned": np.array(banned, dtype=np.int64)})

    first = int(rng.integers(0, 3))
    return [case("nobody banned", 4, []), case("nobody banned", 7, []), case("banned", 5, [first]),
            case("banned", 6, [5, first]), case("larger", 30, [3, 17])]  # fmt: skip


NOISE = Task(
    name="noise_distribution",
    title="The noise distribution",
    cell="test_noise_distribution",
    kind="function",
    steps=(("ask", "p", ["counts", "power", "banned"]),),
    cases=_noise_cases,
    reference=_noise_distribution,
    labels={"p": "noise_distribution(counts, power, banned)"},
    parts=(
        Part("powers of the counts", 2, ("p",), ("nobody banned",)),
        Part("banned words", 2, ("p",), ("banned", "larger")),
    ),
    mistakes=(
        Mistake(
            "power-forgotten",
            "the power plays no part.",
            "The power lifts rare words: with 0.75, a word 16 times as frequent is drawn 8 times "
            "as often.",
            ("counts ** power, then divide by the sum.",),
        ),
        Mistake(
            "power-after",
            "the probabilities do not sum to 1.",
            "If the power comes last, after dividing by the sum, the result is no distribution any "
            "more.",
            ("Which step must be the last one?",),
        ),
        Mistake(
            "banned-kept",
            "banned words can still be drawn.",
            "Their probability must be exactly 0.",
            ("Set some weights to 0 – before or after dividing by the sum?",),
        ),
        Mistake(
            "banned-after",
            "without the banned words, the rest no longer sums to 1.",
            "Their share has to go to the others: take them out first, then divide by the sum.",
            ("What is `p.sum()`?",),
        ),
    ),
    hints=("Weights first: counts to the power, 0 for the banned. Divide by their sum last.",),
)

# ---- draw ---------------------------------------------------------------------------------------


def _draw(p, uniforms, *, slip=""):
    cumulative = np.cumsum(p)
    if slip == "scaled-uniform":
        return (uniforms * len(p)).astype(np.int64)
    side = "left" if slip == "wrong-side" else "right"
    ids = np.searchsorted(cumulative, uniforms, side=side)
    if slip == "off-by-one":
        ids = ids + 1
    return np.minimum(ids, len(p) - (0 if slip == "off-by-one" else 1))


def _draw_cases(rng):
    def dyadic(V, zeros=()):
        """Probabilities that are multiples of 1/64, so that sums are exact."""
        cuts = np.sort(rng.choice(np.arange(1, 64), V - len(zeros) - 1, replace=False))
        parts = list(np.diff([0, *cuts, 64]) / 64)
        for place in sorted(zeros):
            parts.insert(place, 0.0)
        return np.array(parts)

    def case(name, V, *shape, zeros=()):
        return Case(name, {"p": dyadic(V, zeros), "uniforms": rng.random(shape)})

    def borders(V, zeros=()):
        p = dyadic(V, zeros)
        return Case("on the border", {"p": p, "uniforms": np.r_[0.0, np.cumsum(p)[:-1]]})

    return [case("a row", 4, 5), case("a row", 5, 8), case("a matrix", 4, 3, 4),
            case("a matrix", 6, 2, 5), borders(4), borders(6, [0, 3]), borders(5, [2]),
            case("larger", 20, 60)]  # fmt: skip


DRAW = Task(
    name="draw",
    title="Drawing words",
    cell="test_draw",
    kind="function",
    steps=(("ask", "ids", ["p", "uniforms"]),),
    cases=_draw_cases,
    reference=_draw,
    labels={"ids": "draw(p, uniforms)"},
    parts=(
        Part("draws", 2, ("ids",), ("a row", "larger")),
        Part("in any shape", 1, ("ids",), ("a matrix",)),
        Part(
            "on the border: words with p = 0 never come",
            1,
            ("ids",),
            ("on the border",),
            ("draws",),
        ),
    ),
    mistakes=(
        Mistake(
            "scaled-uniform",
            "every word is equally likely.",
            "The probabilities play no part. A word with p = 0.5 should own half of the line from "
            "0 to 1.",
            ("Lay the probabilities end to end: where does each word's piece begin and end?",),
        ),
        Mistake(
            "wrong-side",
            "on a border, the wrong neighbour comes.",
            "Word k owns the numbers from the sum before it up to, but not including, the sum with "
            "it. So 0.0 belongs to the first word that has any probability at all.",
            ("`np.searchsorted` has an argument `side`.",),
        ),
        Mistake(
            "off-by-one",
            "every id is one too large.",
            "The first sum is p[0], and everything below it belongs to word 0.",
            ("Which word owns the number 0.0?",),
        ),
    ),
    worthless=("scaled-uniform",),
    hints=(
        "`np.cumsum(p)` gives the right end of each word's piece of the line.",
        "The word of u is the first one whose right end is larger than u: "
        "`np.searchsorted(ends, u, side=…)`.",
    ),
)

# ---- draw_others --------------------------------------------------------------------------------


def _draw_others(p, target, uniforms, *, slip=""):
    ids = np.empty(uniforms.shape, np.int64)
    for b, t in enumerate(target):
        q = p.copy()
        if slip != "target-kept":
            q[t] = 0
        if slip == "first-target-for-all":
            q = p.copy()
            q[target[0]] = 0
        if slip != "not-renormalised":
            q = q / q.sum()
        ids[b] = np.minimum(np.searchsorted(np.cumsum(q), uniforms[b], side="right"), len(p) - 1)
        if slip == "next-word":
            ids[b] = np.searchsorted(np.cumsum(p), uniforms[b], side="right")
            ids[b] = np.where(ids[b] == t, (ids[b] + 1) % len(p), ids[b])
    return ids


def _others_cases(rng):
    def case(name, V, B, K):
        counts = rng.integers(2, 9, V)
        p = counts / counts.sum()
        target = rng.permutation(V)[:B] if B <= V else rng.integers(0, V, B)
        # Far from every border, so that rounding decides nothing.
        uniforms = np.empty((B, K))
        for b in range(B):
            q = np.where(np.arange(V) == target[b], 0, p)
            ends = np.cumsum(np.r_[0, q / q.sum()])
            word = rng.choice(np.flatnonzero(q), K)
            uniforms[b] = ends[word] + (ends[word + 1] - ends[word]) * rng.uniform(0.1, 0.9, K)
        return Case(name, {"p": p, "target": target, "uniforms": uniforms})

    return [case("small", 3, 2, 6), case("small", 4, 3, 6), case("small", 5, 3, 8),
            case("larger", 12, 10, 20), case("larger", 6, 15, 9)]  # fmt: skip


OTHERS = Task(
    name="draw_others",
    title="Never the target itself",
    cell="test_draw_others",
    kind="function",
    steps=(("ask", "ids", ["p", "target", "uniforms"]),),
    cases=_others_cases,
    reference=_draw_others,
    labels={"ids": "draw_others(p, target, uniforms)"},
    parts=(Part("draws without the target", 4, ("ids",)),),
    mistakes=(
        Mistake(
            "target-kept",
            "the target itself can be drawn.",
            "Then the model is told in one breath that this word is right and wrong.",
            ("For row b, the probability of target[b] is 0.",),
        ),
        Mistake(
            "not-renormalised",
            "the other words' probabilities do not sum to 1.",
            "Without the target, the pieces no longer fill the line from 0 to 1, and what falls "
            "behind the end goes to the wrong word.",
            ("Divide by the sum that is left.",),
        ),
        Mistake(
            "next-word",
            "whenever the target comes, its neighbour is taken instead.",
            "The neighbour would then be drawn too often: its own share and the target's.",
            ("All other words should keep their proportions.",),
        ),
        Mistake(
            "first-target-for-all",
            "all rows leave out the first row's target.",
            "Each row has a target of its own.",
            ("A loop over the rows is fine here.",),
        ),
    ),
    hints=(
        "Row by row: a copy of p, its target set to 0, divided by the sum, then `draw`.",
        "Your own `draw` from task 2 does the rest.",
    ),
)

# ---- NoiseLoss ----------------------------------------------------------------------------------


class _NoiseLoss:
    def __init__(self, W, *, slip=""):
        self.params, self.grads, self.slip = [W], [np.zeros_like(W)], slip

    def forward(self, h, target, negatives):
        (W,), slip = self.params, self.slip
        ids = np.concatenate([target[:, None], negatives], axis=1)
        scores = np.einsum("bh,bkh->bk", h, W[ids])
        K = negatives.shape[1]
        weights = np.ones(scores.shape)
        weights[:, 1:] = 1.0 if slip == "negatives-summed" else 1 / K
        labels = np.zeros(scores.shape)
        labels[:, 0] = 1
        if slip == "labels-exchanged":
            labels = 1 - labels
        if slip == "negatives-forgotten":
            weights[:, 1:] = 0
        self.cache = h, ids, scores, labels, weights
        x = np.where(labels == 1, -scores, scores)
        if slip == "overflows":
            with np.errstate(all="ignore"):
                losses = -np.log(1 / (1 + np.exp(x)))
        else:
            losses = softplus(x)
        total = (weights * losses).sum()
        return total if slip == "batch-summed" else total / len(h)

    def backward(self):
        (W,), (dW,), slip = self.params, self.grads, self.slip
        h, ids, scores, labels, weights = self.cache
        d = weights * (sigmoid(scores) - labels)
        if slip not in ("batch-summed", "batch-forgotten"):
            d = d / len(h)
        steps = d[:, :, None] * h[:, None, :]
        dW[...] = 0
        if slip == "assigned-instead-of-added":
            dW[ids] = steps
        else:
            np.add.at(dW, ids, steps)
        if slip == "target-only-in-dh":
            return d[:, :1] * W[ids[:, 0]]
        return np.einsum("bk,bkh->bh", d, W[ids])


def _loss_cases(rng):
    def case(name, V, H, B, K, scale=1.0, repeat=False):
        if repeat:
            ids = rng.integers(0, V, (B, K + 1))
            ids[-1] = ids[0]
        else:
            ids = rng.permutation(V)[: B * (K + 1)].reshape(B, K + 1)
        W, h = numbers(rng, V, H), numbers(rng, B, H)
        if scale > 1:  # every target's score is below −800
            W += np.sign(W)
            h = -scale * W[ids[:, 0]]
        return Case(
            name,
            {
                "W": W,
                "h": h,
                "target": ids[:, 0],
                "negatives": ids[:, 1:],
            },
        )

    return [
        case("small", 6, 2, 2, 2),
        case("small", 9, 3, 2, 3),
        case("repeated ids", 4, 2, 3, 2, repeat=True),
        case("repeated ids", 5, 3, 4, 3, repeat=True),
        case("large scores", 8, 3, 2, 2, scale=700.0),
        case("large scores", 9, 4, 2, 3, scale=700.0),
        case("larger", 10, 4, 6, 5, repeat=True),
    ]


_ORDINARY = ("small", "repeated ids", "larger")
LOSS = Task(
    name="NoiseLoss",
    title="A loss with given negatives",
    cell="test_noise_loss",
    kind="class",
    steps=(
        ("make", ["W"]),
        ("hold", "dW", "W"),
        ("call", "loss", "forward", ["h", "target", "negatives"]),
        ("call", "dh", "backward", []),
        ("grad", "dW"),
    ),
    cases=_loss_cases,
    reference=_NoiseLoss,
    labels={
        "loss": "forward(h, target, negatives)",
        "dh": "backward()",
        "dW": "grads[0] after backward()",
    },
    parts=(
        Part("the loss", 2, ("loss",), _ORDINARY),
        Part("the gradient of h", 2, ("dh",), _ORDINARY),
        Part("the gradient of W", 1, ("dW", "grads in place"), ("small",)),
        Part("words that occur several times", 2, ("dW",), ("repeated ids", "larger")),
        Part("large scores", 1, ("loss", "dh", "dW"), ("large scores",)),
    ),
    mistakes=(
        Mistake(
            "assigned-instead-of-added",
            "you assigned where you must add.",
            "A word can be a target and a negative, or a negative several times, in one batch. "
            "Each time it has influenced the loss, so its row gets the sum of all contributions.",
            ("`dW[ids] += …` writes each row once; what adds every time?", "`np.add.at`."),
        ),
        common.grads_not_filled("grads[0]", "dW"),
        Mistake(
            "negatives-summed",
            "the negatives were summed instead of averaged.",
            "This loss takes the *mean* over the K negatives, so that target and noise weigh the "
            "same whatever K is.",
            ("Where does 1/K belong – in the loss only, or in the gradient too?",),
        ),
        Mistake(
            "labels-exchanged",
            "target and negatives are exchanged.",
            "The target should get a high score, so its loss is −log σ(+score).",
            ("What does the loss do when the target's score grows?",),
        ),
        Mistake(
            "negatives-forgotten",
            "the negatives play no part.",
            "Without them the best thing is to make all scores large, and every vector ends up "
            "pointing the same way.",
            ("Two kinds of terms: one for the target, K for the noise.",),
        ),
        BATCH_SUMMED,
        BATCH_FORGOTTEN,
        Mistake(
            "overflows",
            "large scores break the loss.",
            "`np.exp(1000)` is infinity. −log σ(x) = log(1 + e^(−x)) can be written so that `exp` "
            "only sees negative numbers.",
            ("log(1 + eʸ) = max(y, 0) + log(1 + e^(−|y|)).",),
        ),
        Mistake(
            "target-only-in-dh",
            "the gradient of h knows only the target.",
            "h takes part in K + 1 scores, and every one of them adds its share.",
            ("Sum over target and negatives.",),
        ),
    ),
    hints=(
        "Put target and negatives side by side: ids (B, K + 1), the first column is the target.",
        "The gradient of a score is σ(score) − label, times its weight: 1 or 1/K, and 1/B.",
        "From there on it is CandidateScores from assignment 3.",
    ),
)

TASKS = (NOISE, DRAW, OTHERS, LOSS)
