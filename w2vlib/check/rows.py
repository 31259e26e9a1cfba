"""Checks for layers that pick rows of a matrix: Embedding and EmbeddingDot."""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report

# --------------------------------------------------------------------------------- Embedding


def embedding(cls) -> Report:
    """Check a class ``Embedding(W)``: pick rows forward, add their gradients backward.

    Write::

        class Embedding:
            def __init__(self, W):      # W: (V, H) weights
                self.params = [W]
                self.grads = [np.zeros_like(W)]

            def forward(self, idx):     # idx: (B,) ids → (B, H), the rows W[idx]
                ...

            def backward(self, dout):   # dout: (B, H); fills grads[0] (V, H) in place
                ...

    ``grads[0]`` is the gradient of this batch alone: rows that do not occur in ``idx`` are zero.
    Ids have no gradient, so backward need not return anything.  dtype in is dtype out.

    Args:
        cls: the class, or a function of W that makes an instance.
    """
    return EMBEDDING.check(cls)


class _Embedding:
    def __init__(self, W, *, slip: str = "") -> None:
        self.params, self.grads, self.slip, self.idx = [W], [np.zeros_like(W)], slip, None

    def forward(self, idx):
        (W,) = self.params
        if self.slip != "stale-cache" or self.idx is None:
            self.idx = idx
        if self.slip == "id-off-by-one":
            self.idx = idx - 1
        if self.slip == "columns-picked":
            return W[:, idx]
        return W[self.idx]

    def backward(self, dout):
        (dW,), slip = self.grads, self.slip
        if slip != "grads-accumulate":
            dW[...] = 0
        if slip == "assigned-instead-of-added":
            dW[self.idx] = dout
        elif slip == "dout-ignored":
            np.add.at(dW, self.idx, 1)
        else:
            np.add.at(dW, self.idx, dout)
        if slip == "averaged-repeats":
            dW /= np.maximum(np.bincount(self.idx, minlength=len(dW)), 1)[:, None]
        if slip == "weights-changed":
            self.params[0][...] -= dW
            dW[...] = 0


def _embedding_case(name: str, rng, V: int, H: int, idx) -> Case:
    idx = np.array(idx)
    return Case(name, {"W": numbers(rng, V, H), "idx": idx, "dout": numbers(rng, len(idx), H)})


def _embedding_cases(rng) -> list[Case]:
    def case(name, V, H, idx):
        return _embedding_case(name, rng, V, H, idx)

    repeats = [case("repeated ids", 4, 2, [3, 0, 3]), case("repeated ids", 3, 3, [1, 1, 0, 1])]
    return [
        case("known answers", 4, 2, [0, 2]),
        case("known answers", 3, 4, [2, 1, 0]),
        *repeats,
        case("one row", 5, 3, [4]),
        case("larger", 7, 5, rng.integers(0, 7, 12)),
        second_pass(case("", 4, 2, [1, 2, 2]), case("", 4, 2, [3, 0, 3]), "idx", "dout"),
        second_pass(case("", 5, 3, [4, 4]), case("", 5, 3, [0, 1]), "idx", "dout"),
        *map(common.as_float32, repeats),
    ]


EMBEDDING = Exercise(
    "embedding",
    _embedding_cases,
    common.layer_probe("y", "idx"),
    _Embedding,
    labels={"y": "forward(idx)", "dW": "grads[0] after backward(dout)"},
    mistakes=(
        common.assigned_instead_of_added("idx"),
        common.grads_accumulate(),
        common.stale_cache("`idx`"),
        common.dout_ignored(quantities="the gradient of every row"),
        common.wrong_sign("dW"),
        common.grads_not_filled("grads[0]", "dW"),
        common.extra_mean(lambda case: len(case.idx), "dW"),
        Mistake(
            "averaged-repeats",
            "the contributions of a repeated word were averaged.",
            lambda case: (
                f"Row {common.repeated(case.idx)[0]} occurs "
                f"{common.times(common.repeated(case.idx)[1])} in `idx`. Its gradient is the *sum* "
                "of its rows of `dout`: the loss changes through each of them."
            ),
            ("Sum or mean? Think of the loss as a function of this one row of W.",),
        ),
        Mistake(
            "id-off-by-one",
            "every id is off by one.",
            "Id 0 is the first row: ids count from 0, as Python's indices do.",
            ("Which row of W is word 0?",),
        ),
        Mistake(
            "columns-picked",
            "columns were picked instead of rows.",
            "W has one *row* for each word; the columns are the H numbers of its vector.",
            ("Which axis of W is the vocabulary?", "`W[idx]` picks rows, `W[:, idx]` columns."),
        ),
        Mistake(
            "weights-changed",
            "backward changed the weights.",
            "Backward only computes the gradient and leaves it in `grads`; the step is the "
            "optimiser's business. Here W was changed and `grads[0]` is zero.",
            ("Which of your lines writes into W?", "Write into `self.grads[0]` instead."),
        ),
    ),
    hints=(
        "Forward: multiplying one-hot rows by W picks rows of W. What does indexing by `idx` do?",
        "Backward: row `idx[i]` of W was used for output row i. Where does row i of `dout` belong, "
        "and what if two of them belong to the same place?",
        "Clear `grads[0]`, then go through the batch: `dW[idx[i]] += dout[i]` for every i. All in "
        "one line: `np.add.at(dW, self.idx, dout)`.",
    ),
)

# ------------------------------------------------------------------------------ EmbeddingDot


def embedding_dot(cls) -> Report:
    """Check a class ``EmbeddingDot(W)``: pick rows and take their dot products with h.

    Write::

        class EmbeddingDot:
            def __init__(self, W):          # W: (V, H) weights
                self.params = [W]           # or those of an Embedding layer inside
                self.grads = [np.zeros_like(W)]

            def forward(self, h, idx):      # h: (B, H), idx: (B,) ids
                ...                         # → (B,): row i is h[i] · W[idx[i]]

            def backward(self, dout):       # dout: (B,)
                ...                         # → dh: (B, H); fills grads[0] (V, H) in place

    A word that occurs several times in ``idx`` gets the sum of its gradients.

    Args:
        cls: the class, or a function of W that makes an instance.
    """
    return EMBEDDING_DOT.check(cls)


class _EmbeddingDot:
    def __init__(self, W, *, slip: str = "") -> None:
        self.params, self.grads, self.slip, self.cache = [W], [np.zeros_like(W)], slip, None

    def forward(self, h, idx):
        slip, rows = self.slip, self.params[0][idx]
        if slip != "stale-cache" or self.cache is None:
            self.cache = h, idx, rows
        if slip == "not-summed":
            return rows * h
        if slip == "sum-over-wrong-axis":
            return (rows * h).sum(axis=0)
        if slip == "sum-over-everything":
            return (rows * h).sum()
        if slip == "all-pairs":
            return h @ rows.T
        if slip == "mean-instead-of-sum":
            return (rows * h).mean(axis=1)
        return (rows * h).sum(axis=1)

    def backward(self, dout):
        (dW,), slip, (h, idx, rows) = self.grads, self.slip, self.cache
        if slip == "dout-ignored":
            dout = np.ones_like(dout)
        if slip != "dout-not-reshaped":
            dout = dout[:, None]
        if slip != "grads-accumulate":
            dW[...] = 0
        for_h, for_rows = (h, rows) if slip == "factors-swapped" else (rows, h)
        if slip == "assigned-instead-of-added":
            dW[idx] = dout * for_rows
        else:
            np.add.at(dW, idx, dout * for_rows)
        return dout * for_h


def _dot_case(name: str, rng, V: int, H: int, idx) -> Case:
    idx = np.array(idx)
    B = len(idx)
    inputs = {"W": numbers(rng, V, H), "h": numbers(rng, B, H), "idx": idx, "dout": numbers(rng, B)}
    return Case(name, inputs)


def _dot_cases(rng) -> list[Case]:
    def case(name, V, H, idx):
        return _dot_case(name, rng, V, H, idx)

    repeats = [case("repeated ids", 4, 3, [3, 3]), case("repeated ids", 3, 2, [1, 0, 1, 1])]
    before = "h", "idx", "dout"
    return [
        case("known answers", 4, 2, [0, 2, 1]),
        case("known answers", 5, 4, [4, 2]),
        case("as many rows as columns", 3, 2, [2, 0]),
        case("as many rows as columns", 5, 3, [1, 4, 0]),
        *repeats,
        case("one row", 5, 3, [4]),
        case("larger", 7, 5, rng.integers(0, 7, 12)),
        second_pass(case("", 4, 2, [1, 2, 2]), case("", 4, 2, [3, 0, 3]), *before),
        second_pass(case("", 5, 3, [4, 4]), case("", 5, 3, [0, 1]), *before),
        *map(common.as_float32, repeats),
    ]


EMBEDDING_DOT = Exercise(
    "embedding_dot",
    _dot_cases,
    common.layer_probe("score", "h", "idx", dx="dh"),
    _EmbeddingDot,
    labels={
        "score": "forward(h, idx)",
        "dh": "backward(dout)",
        "dW": "grads[0] after backward(dout)",
    },
    mistakes=(
        common.assigned_instead_of_added("idx", "dW", "dtarget_W"),
        common.dout_ignored(),
        Mistake(
            "dout-not-reshaped",
            "`dout` was not made a column.",
            "`dout` (B,) times a (B, H) matrix: NumPy lines shapes up from the right, so entry j "
            "of `dout` meets *column* j. With B ≠ H that is an error; with B = H it is silently "
            "wrong. Entry i of `dout` belongs to row i.",
            (
                "Write down the shapes of both factors. Which axis of `dout` is the batch?",
                "Make it a column, (B, 1): `dout = dout.reshape(-1, 1)`.",
            ),
        ),
        Mistake(
            "factors-swapped",
            "the two gradients are swapped.",
            "The derivative of `w · h` with respect to h is w, and with respect to w it is h: each "
            "factor gets the *other* one.",
            (
                "Take H = 1: score = w·h. What is ∂score/∂h?",
                "`dh = dout * target_W`, and the rows of W get `dout * h`.",
            ),
        ),
        Mistake(
            "not-summed",
            "the products were not summed.",
            "A dot product is multiply *and add*: each row has to become one number, shape (B,).",
            ("Over which axis must the products be added?", "`np.sum(target_W * h, axis=1)`."),
        ),
        Mistake(
            "sum-over-wrong-axis",
            "summed over the batch instead of over H.",
            "Each example has a score of its own: the sum runs along the row (axis 1), and the "
            "batch axis stays.",
            ("Which shape should the scores have, and which one do you get?", "`axis=1`."),
        ),
        Mistake(
            "sum-over-everything",
            "all products went into one number.",
            "Without `axis`, `np.sum` adds up the whole batch. Each example has its own score.",
            ("`np.sum(a)` and `np.sum(a, axis=1)` differ: look at the shapes.",),
        ),
        Mistake(
            "all-pairs",
            "every h met every row.",
            "`h @ target_W.T` gives all B × B dot products; only those of h[i] with its own row i "
            "are wanted (its diagonal). The rest is wasted work, and B² of it.",
            ("Which entries of the (B, B) matrix answer the question?", "Multiply row by row."),
        ),
        Mistake(
            "mean-instead-of-sum",
            "the mean of the products instead of their sum.",
            "A dot product adds the products up; divided by H it makes all scores too small.",
            ("By which factor do yours and the expected values differ?",),
        ),
        common.grads_not_filled("grads[0]", "dW"),
        common.grads_accumulate(),
        common.stale_cache("the `h` and the rows"),
        common.wrong_sign("dh", "dW"),
        common.extra_mean(lambda case: len(case.idx), "dh", "dW"),
    ),
    hints=(
        "Forward for one example: pick one row, multiply it with h[i] entry by entry, add up.",
        "Backward: `score = Σ_j W[idx, j] · h[j]`. Its derivative with respect to h[j] is "
        "W[idx, j], and the other way round. Multiply by `dout`, one number for each row.",
        "`dout = dout.reshape(-1, 1)`; `dh = dout * target_W`; the embedding's backward gets "
        "`dout * h`.",
    ),
)
