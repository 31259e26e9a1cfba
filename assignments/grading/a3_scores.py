"""Grades assignment 3, scores: a dot product with a bias, candidates, and the proof in numbers.

The classes below are the right solutions; ``slip`` makes each of them make one known mistake.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import as_float32, numbers, second_pass
from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.tasks import Part, Task

# ---- BiasedDot ----------------------------------------------------------------------------------


class _BiasedDot:
    def __init__(self, W, b, *, slip=""):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]
        self.slip, self.cache = slip, None

    def forward(self, h, ids):
        (W, b), slip = self.params, self.slip
        if slip != "stale-cache" or self.cache is None:
            self.cache = h, ids
        rows = W[ids]
        if slip == "bias-forgotten":
            return (h * rows).sum(axis=1)
        if slip == "not-summed":
            return h * rows + b[ids][:, None]
        return (h * rows).sum(axis=1) + b[ids]

    def backward(self, dout):
        (W, _), (dW, db), (h, ids), slip = self.params, self.grads, self.cache, self.slip
        if slip != "grads-accumulate":
            dW[...], db[...] = 0, 0
        d = np.ones_like(dout) if slip == "dout-ignored" else dout
        if slip == "assigned-instead-of-added":
            dW[ids], db[ids] = d[:, None] * h, d
        elif slip == "bias-assigned":
            np.add.at(dW, ids, d[:, None] * h)
            db[ids] = d
        else:
            np.add.at(dW, ids, d[:, None] * h)
            np.add.at(db, ids, d)
        if slip == "bias-gets-everything":
            db[...] = d.sum()
        if slip == "roles-exchanged":
            dW[...] = 0
            np.add.at(dW, ids, d[:, None] * W[ids])
            return d[:, None] * h
        return d[:, None] * W[ids]


def _biased_cases(rng):
    def case(name, V, H, ids):
        ids = np.array(ids)
        inputs = {"W": numbers(rng, V, H), "b": numbers(rng, V), "h": numbers(rng, len(ids), H)}
        return Case(name, {**inputs, "ids": ids, "dout": numbers(rng, len(ids))})

    repeated = [case("repeated ids", 4, 2, [3, 0, 3]), case("repeated ids", 5, 3, [1, 1, 2, 1])]

    def later(*ids):
        return second_pass(*(case("", 4, 3, i) for i in ids), "h", "ids", "dout")

    return [
        case("different ids", 4, 2, [2, 0]),
        case("different ids", 5, 3, [4, 1, 3]),
        *repeated,
        case("larger", 7, 4, rng.integers(0, 7, 12)),
        later([1, 1, 2], [3, 0, 1]),
        later([0, 3, 3], [2, 1, 0]),
        as_float32(repeated[0]),
        as_float32(repeated[1]),
    ]


_DIFFERENT = ("different ids",)
_REPEATED = ("repeated ids", "larger")
BIASED_DOT = Task(
    name="BiasedDot",
    title="Dot product with a bias",
    cell="test_biased_dot",
    kind="class",
    steps=(
        ("make", ["W", "b"]),
        ("hold", "dW", "W"),
        ("hold", "db", "b"),
        ("warm", [["forward", ["h", "ids"]], ["backward", ["dout"]]]),
        ("call", "scores", "forward", ["h", "ids"]),
        ("call", "dh", "backward", ["dout"]),
        ("grad", "dW"),
        ("grad", "db"),
        ("dtype", "type of scores", "scores"),
    ),
    cases=_biased_cases,
    reference=_BiasedDot,
    labels={
        "scores": "forward(h, ids)",
        "dh": "backward(dout)",
        "dW": "grads[0] after backward",
        "db": "grads[1] after backward",
    },
    parts=(
        Part("the scores", 1, ("scores", "type of scores")),
        Part("the gradient of h", 1, ("dh",)),
        Part("the gradient of W, while no word occurs twice", 1, ("dW",), _DIFFERENT),
        Part("the gradient of b, while no word occurs twice", 1, ("db",), _DIFFERENT),
        Part("words that occur several times", 1, ("dW", "db"), (*_REPEATED, "float32")),
        Part(
            "a second batch starts afresh",
            1,
            ("scores", "dh", "dW", "db", "grads in place"),
            ("second pass",),
            ("the gradient of W, while no word occurs twice",),
        ),
    ),
    mistakes=(
        common.assigned_instead_of_added("ids"),
        common.grads_accumulate(),
        common.stale_cache("batch"),
        common.dout_ignored(),
        common.grads_not_filled("grads[0]", "dW"),
        common.wrong_sign("dh", "dW", "db"),
        Mistake(
            "bias-forgotten",
            "the bias is not added.",
            "Each word has a bias of its own, b[ids]: how likely it is whatever the context says.",
            ("score = h · W[ids] + …",),
        ),
        Mistake(
            "bias-assigned",
            "the bias of a repeated word got only the last contribution.",
            "You add the rows of W correctly. The bias of a word that occurs twice was used twice "
            "as well.",
            ("`np.add.at` works for one axis just as for two.",),
        ),
        Mistake(
            "bias-gets-everything",
            "every word's bias got the gradient of the whole batch.",
            "Score i contains only b[ids[i]]: its gradient goes there and nowhere else.",
            ("Which entries of b does score i depend on?",),
        ),
        Mistake(
            "roles-exchanged",
            "the gradients of h and of the rows are exchanged.",
            "A product: the gradient of h contains the rows of W, and that of the rows contains h.",
            ("∂(h · w)/∂h is w. And ∂(h · w)/∂w?",),
        ),
        Mistake(
            "not-summed",
            "the products were not summed.",
            "A score is one number for each pair: the *sum* over the H products.",
            ("Sum over which axis?",),
        ),
    ),
    hints=(
        "score i = Σ_j h[i, j] · W[ids[i], j] + b[ids[i]].",
        "dout has one number for each score: `dout[:, None]` stands beside (B, H).",
        "Clear both gradients, then `np.add.at` for W and for b.",
    ),
)

# ---- CandidateScores ----------------------------------------------------------------------------


class _CandidateScores:
    def __init__(self, W, *, slip=""):
        self.params, self.grads, self.slip, self.cache = [W], [np.zeros_like(W)], slip, None

    def forward(self, h, candidates):
        if self.slip != "stale-cache" or self.cache is None:
            self.cache = h, candidates
        return np.einsum("bh,bkh->bk", h, self.params[0][candidates])

    def backward(self, dout):
        (W,), (dW,), (h, candidates), slip = self.params, self.grads, self.cache, self.slip
        if slip != "grads-accumulate":
            dW[...] = 0
        d = np.ones_like(dout) if slip == "dout-ignored" else dout
        steps = d[:, :, None] * h[:, None, :]
        if slip == "assigned-instead-of-added":
            dW[candidates] = steps
        else:
            np.add.at(dW, candidates, steps)
        dh = np.einsum("bk,bkh->bh", d, W[candidates])
        if slip == "averaged-over-candidates":
            dh = dh / d.shape[1]
        if slip == "first-candidate-only":
            dh = d[:, :1] * W[candidates[:, 0]]
        return dh


def _candidate_cases(rng):
    def case(name, V, H, candidates):
        candidates = np.array(candidates)
        B = len(candidates)
        inputs = {"W": numbers(rng, V, H), "h": numbers(rng, B, H), "candidates": candidates}
        return Case(name, {**inputs, "dout": numbers(rng, *candidates.shape)})

    def later(*candidates):
        return second_pass(*(case("", 4, 2, c) for c in candidates), "h", "candidates", "dout")

    return [
        case("different ids", 5, 2, [[0, 3], [4, 1]]),
        case("different ids", 7, 3, [[6, 0, 2], [1, 5, 4]]),
        case("repeated ids", 4, 2, [[3, 3, 0], [1, 3, 2]]),
        case("repeated ids", 3, 4, [[0, 1], [1, 0], [2, 1]]),
        case("larger", 9, 5, rng.integers(0, 9, (6, 4))),
        later([[0, 1], [2, 1]], [[3, 2], [0, 3]]),
        later([[1, 3], [3, 2]], [[0, 2], [1, 0]]),
    ]


CANDIDATES = Task(
    name="CandidateScores",
    title="Scores of a few candidates",
    cell="test_candidate_scores",
    kind="class",
    steps=(
        ("make", ["W"]),
        ("hold", "dW", "W"),
        ("warm", [["forward", ["h", "candidates"]], ["backward", ["dout"]]]),
        ("call", "scores", "forward", ["h", "candidates"]),
        ("call", "dh", "backward", ["dout"]),
        ("grad", "dW"),
    ),
    cases=_candidate_cases,
    reference=_CandidateScores,
    labels={
        "scores": "forward(h, candidates)",
        "dh": "backward(dout)",
        "dW": "grads[0] after backward",
    },
    parts=(
        Part("the scores", 2, ("scores",)),
        Part("the gradient of h", 2, ("dh",)),
        Part("the gradient of W", 1, ("dW", "grads in place"), (*_DIFFERENT, "second pass")),
        Part("words that occur several times", 1, ("dW",), _REPEATED),
    ),
    mistakes=(
        common.assigned_instead_of_added("candidates"),
        common.grads_accumulate(),
        common.stale_cache("batch"),
        common.dout_ignored(),
        common.grads_not_filled("grads[0]", "dW"),
        Mistake(
            "averaged-over-candidates",
            "the gradient of h was averaged over the candidates.",
            "h takes part in all K scores of its row, and every one of them adds its share.",
            ("One h, K scores: what does the chain rule do with K paths?",),
        ),
        Mistake(
            "first-candidate-only",
            "the gradient of h knows only the first candidate.",
            "h takes part in all K scores of its row, and every one of them adds its share.",
            ("Sum over the K candidates.",),
        ),
    ),
    hints=(
        "`W[candidates]` has the shape (B, K, H).",
        "Scores: multiply by `h[:, None, :]` and sum over the last axis.",
        "dh sums over the candidates; W's rows get `dout[:, :, None] * h[:, None, :]`.",
    ),
)

# ---- relative_errors ----------------------------------------------------------------------------


def _relative_errors(analytic, numeric, *, slip=""):
    gap = analytic - numeric if slip == "sign-kept" else np.abs(analytic - numeric)
    scale = np.maximum(np.abs(analytic), np.abs(numeric))
    if slip == "analytic-only":
        scale = np.abs(analytic)
    if slip == "absolute":
        return gap
    if slip == "summed-scale":
        scale = np.abs(analytic) + np.abs(numeric)
    with np.errstate(all="ignore"):
        if slip == "zero-by-zero":
            return gap / scale
        return np.where(scale > 0, gap / np.where(scale > 0, scale, 1), 0.0)


def _error_cases(rng):
    def case(name, *shape):
        a, n = numbers(rng, *shape), numbers(rng, *shape)
        n.flat[0] = a.flat[0] + 0.125 if a.flat[0] > 0 else a.flat[0] - 0.125
        if name == "with zeros":
            a.flat[1] = n.flat[1] = 0.0
            a.flat[2] = 0.0
        return Case(name, {"analytic": a, "numeric": n})

    return [case("ordinary", 4), case("ordinary", 2, 3), case("with zeros", 5),
            case("with zeros", 2, 4), case("ordinary", 3, 5)]  # fmt: skip


ERRORS = Task(
    name="relative_errors",
    title="How far apart are two gradients?",
    cell="test_relative_errors",
    kind="function",
    steps=(("ask", "errors", ["analytic", "numeric"]),),
    cases=_error_cases,
    reference=_relative_errors,
    labels={"errors": "relative_errors(analytic, numeric)"},
    parts=(
        Part("ordinary numbers", 2, ("errors",), ("ordinary",)),
        Part("zeros", 1, ("errors",), ("with zeros",)),
    ),
    mistakes=(
        Mistake(
            "zero-by-zero",
            "zero is divided by zero.",
            "Two gradients that are both exactly zero agree perfectly: their error is 0, and 0/0 "
            "is no number. In an Embedding nearly all entries are like that.",
            ("Divide only where the scale is above zero: `np.where`.",),
        ),
        Mistake(
            "sign-kept",
            "the errors have a sign.",
            "Only the size of the gap counts; with signs, errors would cancel in a sum and the "
            "largest could hide among the negative ones.",
            ("`np.abs` of what?",),
        ),
        Mistake(
            "absolute",
            "these are absolute errors.",
            "A gap of 0.001 is nothing for a gradient of 100 and everything for one of 0.001.",
            ("Divide by the larger of the two sizes.",),
        ),
        Mistake(
            "analytic-only",
            "only one of the two gradients sets the scale.",
            "If that one is zero where the other is not, the error is infinite; with the larger of "
            "the two it is 1.",
            ("`np.maximum(np.abs(a), np.abs(n))`.",),
        ),
        Mistake(
            "summed-scale",
            "the scale is the sum of both sizes instead of the larger one.",
            "Here the larger of |a| and |n| is asked for; with the sum, errors come out about half "
            "as large.",
            ("`np.maximum`.",),
        ),
    ),
    hints=(
        "|a − n| divided by max(|a|, |n|), entry by entry.",
        "Where both are 0, the error is 0.",
    ),
)

TASKS = (BIASED_DOT, CANDIDATES, ERRORS)
