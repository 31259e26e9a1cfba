"""Grades assignment 1, rows: a product with all rows, differences of rows, rows behind a gate.

The classes below are the right solutions; ``slip`` makes each of them make one known mistake.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import as_float32, numbers, second_pass
from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.tasks import Part, Task

# ---- ScoreAll -----------------------------------------------------------------------------------


class _ScoreAll:
    def __init__(self, W, *, slip=""):
        self.params, self.grads, self.slip, self.h = [W], [np.zeros_like(W)], slip, None

    def forward(self, h):
        if self.slip != "stale-cache" or self.h is None:
            self.h = h
        return h @ self.params[0].T

    def backward(self, dout):
        (W,), (dW,), slip = self.params, self.grads, self.slip
        dh = dout @ W
        if slip == "dout-ignored":
            dout = np.ones_like(dout)
        step = dout.T @ self.h
        if slip == "grads-accumulate":
            dW += step
        else:
            dW[...] = step
        if slip == "extra-mean":
            dW /= len(self.h)
        return dh


def _score_cases(rng):
    def case(name, V, H, B):
        inputs = {"W": numbers(rng, V, H), "h": numbers(rng, B, H), "dout": numbers(rng, B, V)}
        return Case(name, inputs)

    first = [case("small", 3, 2, 2), case("small", 4, 3, 3), case("one row", 5, 2, 1)]
    later = [second_pass(case("", V, 2, 3), case("", V, 2, 3), "h", "dout") for V in (4, 5)]
    return [*first, case("square", 3, 3, 3), *later, case("larger", 9, 6, 7)]


SCORE_ALL = Task(
    name="ScoreAll",
    title="Scores of all words",
    cell="test_score_all",
    kind="class",
    steps=(
        ("make", ["W"]),
        ("hold", "dW", "W"),
        ("warm", [["forward", ["h"]], ["backward", ["dout"]]]),
        ("call", "scores", "forward", ["h"]),
        ("call", "dh", "backward", ["dout"]),
        ("grad", "dW"),
    ),
    cases=_score_cases,
    reference=_ScoreAll,
    labels={"scores": "forward(h)", "dh": "backward(dout)", "dW": "grads[0] after backward(dout)"},
    parts=(
        Part("the scores", 1, ("scores",)),
        Part("the gradient of h", 1, ("dh",)),
        Part("the gradient of W, filled in place", 2, ("dW", "grads in place")),
    ),
    mistakes=(
        common.grads_accumulate(),
        common.stale_cache("`h`"),
        common.grads_not_filled("grads[0]", "dW"),
        common.dout_ignored(quantities="the gradient of W"),
        common.extra_mean(lambda case: len(case.h), "dW"),
        Mistake(
            "dw-transposed",
            "the gradient of W lies on its side.",
            "W has one row for each word, so its gradient has one too. Yours is the transposed of "
            "the right one: the roles of `h` and `dout` are exchanged.",
            ("Which of `dout.T @ h` and `h.T @ dout` has the shape of W?",),
            edit=lambda case, answers: {q: v.T if q == "dW" else v for q, v in answers.items()},
        ),
    ),
    hints=(
        "Write down the shapes: h (B, H), W (V, H), scores (B, V). Which product fits?",
        "With Y = X A, the gradients are dX = dY Aᵀ and dA = Xᵀ dY. Here A is Wᵀ.",
    ),
)

# ---- RowDifference ------------------------------------------------------------------------------


class _RowDifference:
    def __init__(self, W, *, slip=""):
        self.params, self.grads, self.slip, self.ids = [W], [np.zeros_like(W)], slip, None

    def forward(self, a, b):
        if self.slip != "stale-cache" or self.ids is None:
            self.ids = a, b
        (W,) = self.params
        return W[a] + W[b] if self.slip == "sum-instead" else W[a] - W[b]

    def backward(self, dout):
        (dW,), (a, b), slip = self.grads, self.ids, self.slip
        if slip != "grads-accumulate":
            dW[...] = 0
        if slip == "dout-ignored":
            dout = np.ones_like(dout)
        if slip == "assigned-instead-of-added":
            dW[a] = dout
            dW[b] = -dout
        elif slip == "plus-equals":
            dW[a] += dout
            dW[b] -= dout
        else:
            np.add.at(dW, a, dout)
            if slip != "first-only":
                np.add.at(dW, b, dout if slip in ("second-not-negated", "sum-instead") else -dout)


def _difference_cases(rng):
    def case(name, V, H, a, b):
        a, b = np.array(a), np.array(b)
        return Case(
            name, {"W": numbers(rng, V, H), "a": a, "b": b, "dout": numbers(rng, len(a), H)}
        )

    def shuffled(V, *ids):
        order = rng.permutation(V)
        return [[int(order[i]) for i in row] for row in ids]

    def later(V):
        first = case("", V, 2, *shuffled(V, [0, 0], [1, 2]))
        return second_pass(first, case("", V, 2, *shuffled(V, [3, 4], [0, 1])), "a", "b", "dout")

    repeated = [
        case("repeated ids", 5, 2, *shuffled(5, [3, 0, 3], [1, 2, 4])),
        case("repeated ids", 4, 3, *shuffled(4, [0, 1, 2, 0], [3, 3, 3, 3])),
    ]
    return [
        case("different ids", 4, 2, *shuffled(4, [0, 2], [1, 3])),
        case("different ids", 6, 3, *shuffled(6, [5, 1, 0], [4, 3, 2])),
        *repeated,
        case("in both", 4, 2, *shuffled(4, [0, 1], [1, 2])),
        case("in both", 5, 3, *shuffled(5, [0, 4, 1], [2, 0, 1])),
        case("larger", 8, 4, rng.integers(0, 8, 15), rng.integers(0, 8, 15)),
        later(5),
        later(6),
        *map(as_float32, repeated),
    ]


_DIFFERENT = ("different ids",)
_REPEATED = ("repeated ids", "in both", "larger")

ROW_DIFFERENCE = Task(
    name="RowDifference",
    title="Differences of rows",
    cell="test_row_difference",
    kind="class",
    steps=(
        ("make", ["W"]),
        ("hold", "dW", "W"),
        ("warm", [["forward", ["a", "b"]], ["backward", ["dout"]]]),
        ("call", "y", "forward", ["a", "b"]),
        ("do", "backward", ["dout"]),
        ("grad", "dW"),
        ("dtype", "type of y", "y"),
    ),
    cases=_difference_cases,
    reference=_RowDifference,
    labels={"y": "forward(a, b)", "dW": "grads[0] after backward(dout)"},
    parts=(
        Part("forward", 2, ("y",)),
        Part("the gradient, while no word occurs twice", 2, ("dW",), _DIFFERENT),
        Part("the gradient of words that occur several times", 2, ("dW",), (*_REPEATED, "float32")),
        Part(
            "a second batch starts afresh",
            1,
            ("y", "dW", "grads in place"),
            ("second pass",),
            ("the gradient, while no word occurs twice",),
        ),
        Part("float32 stays float32", 1, ("y", "type of y"), ("float32",)),
    ),
    mistakes=(
        common.assigned_instead_of_added("a"),
        Mistake(
            "plus-equals",
            "`dW[a] += …` adds only once for each row.",
            "NumPy reads all old values first, adds once, and writes: of a word that occurs twice "
            "in `a` (or in `b`), only the last contribution is kept.",
            ("Which NumPy function adds again and again to the same row?", "`np.add.at`."),
        ),
        common.grads_accumulate(),
        common.stale_cache("ids"),
        common.dout_ignored(quantities="the gradient"),
        common.grads_not_filled("grads[0]", "dW"),
        common.wrong_sign("dW"),
        Mistake(
            "second-not-negated",
            "the rows of `b` get the wrong sign.",
            "A larger W[b] makes the difference W[a] − W[b] smaller: the gradient of the second "
            "row is −dout.",
            ("What is the derivative of x − y with respect to y?",),
        ),
        Mistake(
            "first-only",
            "only the rows of `a` get a gradient.",
            "The difference depends on two rows of W, and the loss depends on both of them through "
            "it.",
            ("Which entries of W does one row of the result depend on?",),
        ),
        Mistake(
            "sum-instead",
            "the rows are added instead of subtracted.",
            "The layer is asked for the vector from b to a: W[a] − W[b].",
            ("Try a word against itself: which result must come out?",),
        ),
    ),
    hints=(
        "Forward picks two rows for each pair and subtracts them.",
        "Which rows of W take part in row i of the result, and with which sign?",
        "Both lists may hold a word several times: add with `np.add.at`, once for a, once for b.",
    ),
)

# ---- touched_rows -------------------------------------------------------------------------------


def _touched_rows(ids, dout, *, slip=""):
    rows, where = np.unique(ids, return_inverse=True)
    values = np.zeros((len(rows), dout.shape[1]), dout.dtype)
    if slip == "assigned-instead-of-added":
        values[where.reshape(-1)] = dout
    else:
        np.add.at(values, where.reshape(-1), dout)
    if slip == "averaged-repeats":
        values /= np.bincount(where.reshape(-1))[:, None]
    if slip == "order-of-appearance":
        first = [list(ids).index(r) for r in rows]
        order = np.argsort(first)
        rows, values = rows[order], values[order]
    return rows, values


def _touched_cases(rng):
    def case(name, ids, H):
        ids = np.array(ids)
        return Case(name, {"ids": ids, "dout": numbers(rng, len(ids), H)})

    n = int(rng.integers(2, 9))
    return [
        case("no word twice", [n + 4, n, n + 1], 2),
        case("repeated ids", [n + 3, n, n + 3], 2),
        case("repeated ids", [5, n + 9, 5, 5, n + 6], 3),
        case("one word only", [n] * 3, 2),
        case("large ids", [10**6 + n, 3, 10**6 + n, 2], 2),
        case("larger", rng.integers(0, 12, 30), 4),
    ]


TOUCHED_ROWS = Task(
    name="touched_rows",
    title="Only the rows that were touched",
    cell="test_touched_rows",
    kind="function",
    steps=(("ask", ["rows", "values"], ["ids", "dout"]),),
    cases=_touched_cases,
    reference=_touched_rows,
    labels={"rows": "rows", "values": "values"},
    parts=(
        Part("which rows, each once and sorted", 1, ("rows",)),
        Part("their sums", 3, ("values",)),
    ),
    mistakes=(
        common.assigned_instead_of_added("ids", "values"),
        Mistake(
            "averaged-repeats",
            "the contributions of a repeated word were averaged.",
            "The gradient of a row is the *sum* of its rows of dout: the loss changes through each "
            "of them.",
            ("Sum or mean? Think of the loss as a function of this one row of W.",),
        ),
        Mistake(
            "order-of-appearance",
            "the rows are not sorted.",
            "They come in the order in which they first appear in `ids`. Sorted rows make two "
            "gradients easy to compare, and memory is read in one direction.",
            ("`np.unique` sorts, and `return_inverse=True` tells where each id went.",),
        ),
    ),
    hints=(
        "`np.unique(ids, return_inverse=True)` gives the rows and, for each id, its place in them.",
        "Make `values` as long as `rows`, and add with `np.add.at`.",
    ),
)

# ---- GatedRows ----------------------------------------------------------------------------------


class _GatedRows:
    def __init__(self, W, g, *, slip=""):
        self.params, self.grads = [W, g], [np.zeros_like(W), np.zeros_like(g)]
        self.slip, self.cache = slip, None

    def forward(self, ids):
        W, g = self.params
        if self.slip != "stale-cache" or self.cache is None:
            self.cache = ids, W[ids]
        return W[ids] * g

    def backward(self, dout):
        (_, g), (dW, dg), (ids, rows), slip = self.params, self.grads, self.cache, self.slip
        dW[...] = 0
        if slip == "assigned-instead-of-added":
            dW[ids] = dout * g
        else:
            np.add.at(dW, ids, dout if slip == "gate-forgotten" else dout * g)
        dg[...] = {
            "rows-forgotten": dout.sum(axis=0),
            "gate-averaged": (dout * rows).mean(axis=0),
            "last-row-only": (dout * rows)[-1],
        }.get(slip, (dout * rows).sum(axis=0))


def _gated_cases(rng):
    def case(name, V, H, ids):
        ids = np.array(ids)
        return Case(
            name,
            {
                "W": numbers(rng, V, H),
                "g": numbers(rng, H),
                "ids": ids,
                "dout": numbers(rng, len(ids), H),
            },
        )

    return [
        case("small", 4, 2, [0, 2]),
        case("small", 4, 3, [3, 1, 2]),
        case("repeated ids", 4, 2, [3, 0, 3]),
        case("repeated ids", 5, 3, [1, 1, 1, 4]),
        second_pass(case("", 4, 2, [1, 2, 2]), case("", 4, 2, [3, 0, 1]), "ids", "dout"),
        second_pass(case("", 5, 3, [4, 0]), case("", 5, 3, [2, 1]), "ids", "dout"),
        case("larger", 8, 5, rng.integers(0, 8, 12)),
    ]


GATED_ROWS = Task(
    name="GatedRows",
    title="Rows behind a gate",
    cell="test_gated_rows",
    kind="class",
    steps=(
        ("make", ["W", "g"]),
        ("hold", "dW", "W"),
        ("hold", "dg", "g"),
        ("warm", [["forward", ["ids"]], ["backward", ["dout"]]]),
        ("call", "y", "forward", ["ids"]),
        ("do", "backward", ["dout"]),
        ("grad", "dW"),
        ("grad", "dg"),
    ),
    cases=_gated_cases,
    reference=_GatedRows,
    labels={"y": "forward(ids)", "dW": "grads[0] after backward", "dg": "grads[1] after backward"},
    parts=(
        Part("forward", 1, ("y",)),
        Part("the gradient of W", 1, ("dW",)),
        Part("the gradient of the gate", 2, ("dg", "grads in place")),
    ),
    mistakes=(
        common.assigned_instead_of_added("ids"),
        common.stale_cache("rows"),
        Mistake(
            "gate-forgotten",
            "the gate plays no part in the gradient of W.",
            "y = W[ids] · g: when W grows by a little, y grows by g times as much.",
            ("The derivative of a product x · g with respect to x is …?",),
        ),
        Mistake(
            "rows-forgotten",
            "the rows play no part in the gradient of the gate.",
            "y = W[ids] · g: when g grows by a little, y grows by W[ids] times as much.",
            ("The derivative of a product x · g with respect to g is …?",),
        ),
        Mistake(
            "gate-averaged",
            "the gradient of the gate was averaged over the batch.",
            "The same gate acts on every row of the batch, so its gradient is the sum over them. "
            "The 1/B of a mean loss is already inside `dout`.",
            ("What happens to a parameter that is used B times?",),
        ),
        Mistake(
            "last-row-only",
            "the gate listens to the last row of the batch only.",
            "It acts on every row, so the contributions of all rows are added.",
            ("Sum over which axis?",),
        ),
    ),
    hints=(
        "Product rule: each factor's gradient is dout times the other factor.",
        "g has the shape (H,) and is used for all B rows: sum over the batch.",
    ),
)

TASKS = (SCORE_ALL, ROW_DIFFERENCE, TOUCHED_ROWS, GATED_ROWS)
