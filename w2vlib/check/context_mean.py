"""Check for the hidden layer of CBOW: the mean of the context words' rows."""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report


def embedding_mean(cls) -> Report:
    """Check a class ``EmbeddingMean(W)``: the mean of C picked rows for each example.

    Write::

        class EmbeddingMean:
            def __init__(self, W):          # W: (V, H) weights
                self.params = [W]
                self.grads = [np.zeros_like(W)]

            def forward(self, contexts):    # contexts: (B, C) ids → h: (B, H)
                ...                         # row b is the mean of the rows W[contexts[b]]

            def backward(self, dout):       # dout: (B, H); fills grads[0] (V, H) in place
                ...

    A word may stand in ``contexts`` several times, in one row or in several.

    Args:
        cls: the class, or a function of W that makes an instance.
    """
    return EMBEDDING_MEAN.check(cls)


class _EmbeddingMean:
    def __init__(self, W, *, slip: str = "") -> None:
        self.params, self.grads, self.slip, self.contexts = [W], [np.zeros_like(W)], slip, None

    def forward(self, contexts):
        (W,), slip = self.params, self.slip
        if slip != "stale-cache" or self.contexts is None:
            self.contexts = contexts
        rows = W[contexts]
        if slip in ("sum-instead-of-mean", "summed-forward"):
            return rows.sum(axis=1)
        if slip == "mean-over-batch":
            return rows.mean(axis=0)
        return rows.mean(axis=1)

    def backward(self, dout):
        (dW,), slip, contexts = self.grads, self.slip, self.contexts
        if slip != "grads-accumulate":
            dW[...] = 0
        if slip == "dout-ignored":
            dout = np.ones_like(dout)
        C = contexts.shape[1]
        share = dout if slip in ("missing-1/C", "sum-instead-of-mean") else dout / C
        if slip == "divided-by-B":
            share = dout / len(contexts)
        if slip == "first-context-only":
            np.add.at(dW, contexts[:, 0], share)
        elif slip == "assigned-instead-of-added":
            dW[contexts] = share[:, None, :]
        elif slip == "examples-mixed":  # (B, C) ids beside (B, H): fits only if B = C or B = 1
            np.add.at(dW, contexts, share)
        elif slip == "counted-once":
            for b, row in enumerate(contexts):
                dW[np.unique(row)] += share[b]
        elif slip == "column-by-column":
            for c in range(C):
                dW[contexts[:, c]] += share
        else:
            np.add.at(dW, contexts, np.repeat(share[:, None, :], C, axis=1))


def _cases(rng) -> list[Case]:
    def case(name, V, H, contexts):
        contexts = np.array(contexts)
        dout = numbers(rng, len(contexts), H)
        return Case(name, {"W": numbers(rng, V, H), "contexts": contexts, "dout": dout})

    repeats = [
        case("a word in two rows", 4, 2, [[0, 1], [2, 0]]),
        case("a word twice in one column", 4, 3, [[0, 1], [0, 2]]),
        case("a word twice in one row", 4, 2, [[3, 3], [1, 0]]),
        case("a word twice in one column", 5, 2, [[4, 1], [2, 1], [4, 0]]),
    ]
    return [
        case("known answers", 5, 2, [[0, 2], [1, 3]]),
        case("known answers", 7, 3, [[2, 1, 0, 4]]),
        *repeats,
        case("larger", 8, 5, rng.integers(0, 8, (9, 4))),
        case("larger", 6, 4, rng.integers(0, 6, (5, 3))),
        second_pass(case("", 4, 2, [[1, 2], [2, 0]]), case("", 4, 2, [[3, 0], [3, 1]]), *_GIVEN),
        second_pass(case("", 5, 3, [[4, 4], [0, 1]]), case("", 5, 3, [[0, 1], [2, 3]]), *_GIVEN),
        *map(common.as_float32, repeats[:2]),
    ]


_GIVEN = ("contexts", "dout")


EMBEDDING_MEAN = Exercise(
    "embedding_mean",
    _cases,
    common.layer_probe("h", "contexts"),
    _EmbeddingMean,
    labels={"h": "forward(contexts)", "dW": "grads[0] after backward(dout)"},
    mistakes=(
        Mistake(
            "missing-1/C",
            "the gradient lacks the factor 1/C.",
            "h is the *mean* of C rows, so each row moves h by only 1/C of its own change and gets "
            "only that share of the gradient.",
            ("What is ∂h/∂W for one of the C rows?", "Hand every context word `dout / C`."),
        ),
        Mistake(
            "sum-instead-of-mean",
            "the rows were added up, but not divided by C.",
            "CBOW's hidden layer is the mean of the context rows; the sum grows with the window.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "summed-forward",
            "forward adds the rows, backward takes their mean.",
            "The gradient belongs to another function than the one that forward computes: forward "
            "has to divide by C too.",
            ("Compare your two passes: where does 1/C appear?",),
        ),
        Mistake(
            "mean-over-batch",
            "the mean runs over the batch instead of the contexts.",
            "Axis 0 of `W[contexts]` (B, C, H) is the batch; each example has a mean of its own.",
            ("Which shape should h have, and which one do you get?", "`axis=1`."),
        ),
        Mistake(
            "first-context-only",
            "only the first context word of each row got its gradient.",
            "All C words took part in h, so all of them have a share in the loss.",
            ("How many rows of W did forward pick for one example?",),
        ),
        Mistake(
            "column-by-column",
            "a word that stands twice in one column of `contexts` lost a contribution.",
            "You go through the columns, but `dW[ids] += …` writes a row once, and in one column "
            "the same word may stand in two examples. Those contributions must be summed too.",
            (
                "Take contexts = [[0, 1], [0, 2]]: what happens to row 0 in the first column?",
                "`np.add.at(dW, contexts[:, c], share)` adds them all.",
            ),
        ),
        Mistake(
            "examples-mixed",
            "the contexts of one example got the gradients of others.",
            "`contexts` is (B, C) and `dout` is (B, H). NumPy lines shapes up from the right, so "
            "`dout` is taken for one row for each *place* c, not for each example b. With B ≠ C "
            "that is an error; with B = C it is silently wrong.",
            (
                "Which shape must the values have that go to the (B, C) rows `dW[contexts]`?",
                "One share for each example, for all its places: `(dout / C)[:, None, :]`.",
            ),
        ),
        Mistake(
            "counted-once",
            "a word that stands twice in one row of `contexts` was counted once.",
            "In forward its row went into the mean once for each place, so each place has a share "
            "in the gradient.",
            ("Take contexts = [[3, 3]]: what is h, and what is ∂h/∂W for row 3?",),
        ),
        Mistake(
            "divided-by-B",
            "divided by the batch size instead of C.",
            "The mean runs over the C context words of one example. The examples of the batch do "
            "not share an h.",
            ("How many rows of W went into the mean of one example?",),
        ),
        common.assigned_instead_of_added("contexts"),
        common.dout_ignored(quantities="the gradient of every row"),
        common.grads_accumulate(),
        common.stale_cache("`contexts`"),
        common.wrong_sign("dW"),
        common.grads_not_filled("grads[0]", "dW"),
        common.extra_mean(lambda case: len(case.contexts), "dW"),
    ),
    hints=(
        "Forward: `W[contexts]` has shape (B, C, H). Over which axis is the mean?",
        "Backward: every one of the C words of example b receives the same share of `dout[b]`.",
        "Clear `grads[0]`, then `np.add.at(dW, contexts[:, c], dout / C)` for every c.",
    ),
)
