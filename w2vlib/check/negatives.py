"""Check for NegativeSamplingLoss: known answers first, then the words that it draws."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from w2vlib.check import common
from w2vlib.check.answers import Remark, same, show
from w2vlib.check.chance import Draws
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake, accepts
from w2vlib.check.losses import GROWING_HINTS, LOG_OF_ZERO, SUM_OVER_BATCH, VERY_WRONG, capped
from w2vlib.check.noise import (
    SAME_FOR_ALL,
    SamplerExercise,
    _UnigramSampler,
    corpus_with,
    judge_draws,
    seeds,
    shown_inputs,
)
from w2vlib.check.report import Report


def negative_sampling_loss(cls) -> Report:
    """Check a class ``NegativeSamplingLoss(W, corpus, power, sample_size)``.

    Write::

        class NegativeSamplingLoss:
            def __init__(self, W, corpus, power=0.75, sample_size=5):   # W: (V, H)
                self.params = [W]
                self.grads = [np.zeros_like(W)]     # or those of the layers inside

            def forward(self, h, target, negatives=None):   # h: (B, H), target: (B,)
                ...     # negatives: (B, K) ids to use; None: draw them
                ...     # → mean over B of −log σ(h·w_target) − Σ_k log σ(−h·w_negative_k)

            def backward(self, dout=1):     # → dh: (B, H); the gradient of W goes to grads
                ...

    The sum runs over the target and all K negatives, the mean over the batch.  The library's layers
    and sampler may be used inside.  If W is listed several times in ``params``, the gradients
    beside it count together.

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return NEGATIVE_SAMPLING_LOSS.check(cls)


class _NegativeSamplingLoss:
    def __init__(self, W, corpus, power, sample_size, *, slip: str = "") -> None:
        self.params, self.grads, self.slip = [W], [np.zeros_like(W)], slip
        self.sampler = _UnigramSampler(corpus, power, sample_size)
        self.cache = None

    def forward(self, h, target, negatives=None):
        (W,), slip = self.params, self.slip
        if negatives is None:
            negatives = self.sampler.get_negative_sample(target)
        if slip.startswith("one-negative-reused"):
            column = int(slip.split(":")[1])
            negatives = np.repeat(negatives[:, [column]], negatives.shape[1], axis=1)
        ids = np.concatenate([target[:, None], negatives], axis=1)
        t = np.zeros(ids.shape, dtype=W.dtype)
        t[:, 0] = 1
        if slip == "labels-swapped":
            t = 1 - t
        if slip == "negatives-labelled-right":
            t[...] = 1
        counted = np.ones_like(t)
        if slip == "negatives-forgotten":
            counted[:, 1:] = 0
        if slip.startswith("one-negative-forgotten"):
            counted[:, 1 if slip.endswith(":first") else -1] = 0
        if slip == "positive-forgotten":
            counted[:, 0] = 0
        x = np.einsum("bh,bkh->bk", h, W[ids])
        if slip != "stale-cache" or self.cache is None:
            self.cache = h, ids, t, x, counted
        cost = np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x)))
        return self._mean((cost * counted).sum(), *ids.shape)

    def backward(self, dout=1):
        (W,), (dW,), slip = self.params, self.grads, self.slip
        h, ids, t, x, counted = self.cache
        y = np.exp(-np.logaddexp(np.zeros_like(x), -x))
        dx = self._mean((y - t) * counted, *ids.shape)
        if slip != "dout-ignored":
            dx = dx * W.dtype.type(dout)
        if slip != "grads-accumulate":
            dW[...] = 0
        if slip.startswith("one-layer-for-all"):  # it keeps the last input, or a pile of them
            ids = ids[:, ::-1] if slip.endswith("pile") else np.repeat(ids[:, -1:], ids.shape[1], 1)
        if slip == "assigned-instead-of-added:rows":
            dW[ids] = dx[:, :, None] * h[:, None, :]
        elif slip == "assigned-instead-of-added:columns":
            for k in range(ids.shape[1]):
                dW[ids[:, k]] = dx[:, k, None] * h
        else:
            columns = {
                "shared-weight-overwritten:last": slice(-1, None),
                "shared-weight-overwritten:target": slice(1),
            }.get(slip, slice(None))
            np.add.at(dW, ids[:, columns], dx[:, columns, None] * h[:, None, :])
        columns = {"dh-overwritten:last": slice(-1, None), "dh-overwritten:target": slice(1)}
        columns = columns.get(slip, slice(None))
        return np.einsum("bk,bkh->bh", dx[:, columns], W[ids[:, columns]])

    def _mean(self, total, B, questions):
        divisor = {"missing-1/B": 1, "double-mean": B * B, "divided-by-K+1": B * questions}
        return total / divisor.get(self.slip, B)


def _loss_cases(rng) -> list[Case]:
    def case(name, V, H, target, negatives, dout=1.0):
        target, negatives = np.array(target), np.array(negatives)
        return Case(
            name,
            {
                "W": numbers(rng, V, H),
                "corpus": np.arange(4 * V) % V,
                "h": numbers(rng, len(target), H),
                "target": target,
                "negatives": negatives,
                "dout": dout,
            },
        )

    def saturated(score, name="very wrong answer"):
        inputs = {
            "W": np.array([[float(score)], [1.0], [1.0]]),
            "corpus": np.array([0, 1, 2, 1]),
            "h": np.array([[1.0]]),
            "target": np.array([0]),
            "negatives": np.array([[1, 2]]),
            "dout": 1.0,
        }
        return Case(name, inputs, telling=False)

    small = [
        case("known answers", 4, 2, [0], [[1, 2]]),
        case("known answers", 5, 3, [3, 1], [[0, 2], [4, 3]]),
        case("known answers", 6, 2, [5, 2], [[0, 1, 3], [4, 3, 0]]),
    ]
    repeats = [
        case("repeated words", 4, 2, [2, 2], [[1, 1], [3, 1]]),
        case("repeated words", 4, 3, [1, 0, 1], [[0, 0, 2], [1, 2, 2], [3, 0, 2]]),
    ]
    before = "h", "target", "negatives"
    return [
        *small,
        *repeats,
        case("upstream gradient", 4, 2, [0, 3], [[1, 2], [1, 0]], 2.0),
        case("upstream gradient", 5, 3, [4, 1, 2], [[1, 2], [2, 0], [3, 3]], -0.5),
        second_pass(case("", 4, 2, [0], [[1, 2]]), case("", 4, 2, [3], [[2, 0]]), *before),
        second_pass(
            case("", 5, 3, [0, 1], [[1, 2], [3, 4]]),
            case("", 5, 3, [2, 2], [[2, 0], [1, 4]]),
            *before,
        ),
        saturated(-50),
        saturated(-60),
        saturated(-800, "extreme scores"),
        saturated(-900, "extreme scores"),
        *map(common.as_float32, small[1:]),
        *(_draw_case(*chosen) for chosen in _DRAWS),
    ]


_DRAWS = (([400, 3, 3, 3, 3, 20], 0.75, 2, 1), ([500, 60, 9, 2, 20], 0.75, 3, 2))
_BULK = 1500  # rows of the large batch in which draws are counted


def _draw_case(counts, power, K, target) -> Case:
    V = len(counts)
    inputs = {
        "W": np.zeros((V, 1)),
        "corpus": corpus_with(counts),
        "power": power,
        "sample_size": K,
        "target": np.array([target]),
    }
    return Case("drawing", inputs)


def _probe_loss(make, case: Case, notes) -> None:
    if case.name == "drawing":
        _probe_drawing(make, case, notes)
        return
    W, corpus, h, target, negatives = notes.give("W", "corpus", "h", "target", "negatives")
    layer = notes.make(make, W, corpus, 0.75, negatives.shape[1], **seeds(make))
    if not accepts(getattr(layer, "forward", None), "negatives"):
        notes.stop("loss", Remark("`forward` has no argument `negatives`; the check needs it"))
    held = notes.hold("dW", layer, W)
    if case.earlier:
        h1, target1, negatives1 = notes.give("h", "target", "negatives", source=case.earlier)
        notes.call("loss", layer, "forward", h1, target1, negatives=negatives1)
        notes.call("dh", layer, "backward")
    loss = notes.call("loss", layer, "forward", h, target, negatives=negatives)
    notes.value("loss", loss)
    dh = notes.call("dh", layer, "backward", *(() if case.dout == 1 else (case.dout,)))
    notes.value("dh", dh)
    notes.grad("dW", layer, held)
    if W.dtype == np.float32:
        notes.dtype("type of dh", dh)
    if case.name == "known answers":
        again = notes.call("loss again", layer, "forward", h, target, negatives=negatives)
        notes.value("loss again", again)


def _probe_drawing(make, case: Case, notes) -> None:
    """Which words were drawn can be read off the gradient, if all scores are 0 and h is 1.

    Then each negative adds (σ(0) − 0)/B = 1/(2B) to its row, and each target −1/(2B).
    """
    W, corpus, target = notes.give("W", "corpus", "target")
    layer = notes.make(make, W, corpus, case.power, case.sample_size, **seeds(make))
    held = notes.hold("draws", layer, W)
    rows = []
    for size in [1] * 200 + [_BULK]:
        batch = np.repeat(target, size)
        notes.call("draws", layer, "forward", np.ones((size, 1)), batch)
        notes.call("draws", layer, "backward")
        seen = notes.seen.copy()
        notes.grad("draws", layer, held)
        dW = notes.seen["draws"]
        notes.seen.clear()
        notes.seen.update(seen)
        if not isinstance(dW, np.ndarray) or dW.size != W.size or dW.dtype.kind == "U":
            notes.stop("draws", Remark("a gradient of W that is no array of numbers like W"))
        counts = 2 * size * np.asarray(dW, dtype=float).ravel()
        counts[target[0]] += size
        rows.append(counts)
    notes.value("draws", np.array(rows))


class _LossExercise(SamplerExercise):
    """Known answers first; then, if they are right, the drawing."""

    def judge(self, cases, answers, remains=None) -> Report:
        known = [n for n, case in enumerate(cases) if case.name != "drawing"]
        some = [n for n in known if n < len(answers)]
        report = Exercise.judge(
            self, [cases[n] for n in known], [answers[n] for n in some], remains
        )
        if not report:
            return report
        drawn = [n for n, case in enumerate(cases) if case.name == "drawing" and n < len(answers)]
        for n in drawn:
            if not isinstance(answers[n].get("draws"), np.ndarray):
                return Exercise.judge(self, cases, answers, remains)
        found = [self._as_draws(cases[n], answers[n]["draws"]) for n in drawn]
        if None in found:
            text = (
                "When no negatives are given, each target needs `sample_size` words that are drawn "
                "anew; the gradient of W does not look like that."
            )
            return self._report(None, text, shown_inputs(cases[drawn[found.index(None)]]))
        for n in drawn:
            batch = answers[n]["draws"][-1]
            if not np.any(np.round(batch) % _BULK):
                label = f"how often each word was drawn, B = {_BULK}"
                example = (*shown_inputs(cases[n]), (label, show(batch)))
                return self._report(SAME_FOR_ALL, "", example)
        finding = judge_draws(found)
        if finding is None:
            return replace(report, headline=report.headline.replace(").", ", drawing)."))
        return self._report(finding.mistake, finding.text, finding.example)

    def right_answers(self, cases, slip: str = "") -> list[dict]:
        kept = [case for case in cases if case.name != "drawing"]
        answers = iter(super().right_answers(kept, slip))
        return [{} if case.name == "drawing" else next(answers) for case in cases]

    @staticmethod
    def _as_draws(case: Case, rows: np.ndarray) -> Draws | None:
        whole, K = np.round(rows).astype(int), case.sample_size
        wanted = np.array([K] * (len(rows) - 1) + [_BULK * K])
        if np.abs(whole - rows).max() > 1e-6 or not np.array_equal(whole.sum(axis=1), wanted):
            return None
        counts, target = np.bincount(case.corpus), np.repeat(case.target, len(rows) - 1)
        return Draws(whole[:-1], target, counts, case.power, whole[-1], _BULK)


def _negatives_ignored(cases, answers, expected) -> str | None:
    """The same question gives different losses: the given negatives were not used."""
    pairs = [(s["loss"], s["loss again"]) for s in answers if "loss again" in s and "loss" in s]
    arrays = [(a, b) for a, b in pairs if isinstance(a, np.ndarray) and isinstance(b, np.ndarray)]
    return "loss" if sum(not same(a, b) for a, b in arrays) >= 2 else None


NEGATIVE_SAMPLING_LOSS = _LossExercise(
    "negative_sampling_loss",
    _loss_cases,
    _probe_loss,
    _NegativeSamplingLoss,
    labels={
        "loss": "forward(h, target, negatives)",
        "dh": "backward(dout)",
        "dW": "grads[0] after backward(dout)",
        "draws": "the words drawn by forward(h, target)",
    },
    mistakes=(
        Mistake(
            "negatives-ignored",
            "the given negatives are not used.",
            "Asked twice with the same `negatives`, forward gives two different losses: it draws "
            "its own. Given negatives make a loss that can be checked; draw only when it is None.",
            ("What does forward do with `negatives`?", "`if negatives is None: negatives = …`."),
            rule=_negatives_ignored,
        ),
        Mistake(
            "loss-capped",
            "the loss stops growing.",
            "However wrong the answer is, it never costs more than a fixed amount: the small "
            "number inside the logarithm is a floor, and the loss no longer belongs to its "
            "gradient.",
            GROWING_HINTS,
            rule=lambda c, a, e: capped(c, a, e, VERY_WRONG),
        ),
        LOG_OF_ZERO,
        Mistake(
            "one-negative-reused",
            "one column of the negatives is used again and again.",
            lambda case: (
                f"Each target has K = {case.negatives.shape[1]} negatives, but only one of them "
                "counts, K times over. The gradients are right for those wrong words, so no "
                "gradient check can see this."
            ),
            (
                "Which column of `negatives` does your loop take in its second round?",
                "`negatives[:, k]` with the loop's own k, not a fixed number.",
            ),
            slips=tuple(f"one-negative-reused:{column}" for column in (0, 1, -1)),
        ),
        Mistake(
            "labels-swapped",
            "yes and no are swapped.",
            "The target should get the label 1 and the negatives 0. Now the model learns to avoid "
            "the right answer.",
            ("Which label belongs to the target?",),
        ),
        Mistake(
            "negatives-labelled-right",
            "the negatives got the label 1.",
            "The model is told that every word is the right answer. It then says yes to "
            "everything, and the loss goes to 0 without anything being learned.",
            ("Which labels do the negatives need?", "`np.zeros(B)` for the negatives."),
        ),
        Mistake(
            "negatives-forgotten",
            "the negatives do not count.",
            "With the target alone, “yes to everything” is a perfect answer.",
            ("How many questions does one example ask?", "Sum over the target and K negatives."),
        ),
        Mistake(
            "one-negative-forgotten",
            "one of the negatives does not count.",
            lambda case: (
                f"Each target has K = {case.negatives.shape[1]} negatives, but one column of them "
                "has no share in the loss. Training runs all the same, with one wrong answer fewer "
                "to learn from than was drawn."
            ),
            (
                "How many rounds does your loop over the negatives make? Print "
                "`list(range(K - 1))`.",
                "The negatives are the columns 0 … K − 1: `for k in range(K)`. Only the *layers* "
                "are K + 1, because of the target.",
            ),
            slips=("one-negative-forgotten:last", "one-negative-forgotten:first"),
        ),
        Mistake(
            "positive-forgotten",
            "the target does not count.",
            "With the negatives alone, “no to everything” is a perfect answer.",
            ("How many questions does one example ask?", "Sum over the target and K negatives."),
        ),
        Mistake(
            "divided-by-K+1",
            "the mean over the questions instead of their sum.",
            "The mean runs over the batch only. Divided by K + 1 as well, the step shrinks with "
            "every negative that is added.",
            ("By which factor do yours and the expected values differ?",),
        ),
        SUM_OVER_BATCH,
        Mistake(
            "double-mean",
            "divided by the batch size twice.",
            "The mean over the B examples is taken once; a loss layer inside may have done so "
            "already.",
            ("Where does 1/B stand in your code? Count the places.",),
        ),
        Mistake(
            "dh-overwritten",
            "dh is the gradient of one question only.",
            "h takes part in all K + 1 questions, so all of them send a gradient back, and they "
            "add up.",
            (
                "How many scores depend on h?",
                "`dh += …` in the loop, not `dh = …`.",
            ),
            slips=("dh-overwritten:last", "dh-overwritten:target"),
        ),
        Mistake(
            "one-layer-for-all",
            "one layer answers all the questions.",
            "A layer remembers what its last forward needs in backward. Asked K + 1 questions in a "
            "row and then handed K + 1 gradients, it pairs them with the wrong words.",
            (
                "After the last forward: which words does your EmbeddingDot remember?",
                "Give each question a layer of its own: `[EmbeddingDot(W) for _ in range(K + 1)]`.",
            ),
            slips=("one-layer-for-all:last", "one-layer-for-all:pile"),
        ),
        Mistake(
            "shared-weight-overwritten",
            "the gradient of W is that of one question only.",
            "All K + 1 questions use the same W. One parameter, one gradient: the sum. Where "
            "each question writes into the same array, the last one wins.",
            (
                "How many times is the array in `grads` filled during one backward?",
                "Add instead: one scatter-add over all K + 1 columns does it.",
            ),
            slips=("shared-weight-overwritten:last", "shared-weight-overwritten:target"),
        ),
        Mistake(
            "assigned-instead-of-added",
            "you assigned where you must add.",
            "A word that occurs several times among targets and negatives got only its last "
            "contribution; they must be summed.",
            (
                "What if the same negative is drawn twice in one batch?",
                "`np.add.at(dW, ids, values)`.",
            ),
            slips=("assigned-instead-of-added:rows", "assigned-instead-of-added:columns"),
        ),
        common.dout_ignored(),
        common.wrong_sign("dh", "dW"),
        common.grads_not_filled("grads[0]", "dW"),
        common.grads_accumulate(),
        common.stale_cache("`h` and words"),
    ),
    hints=(
        "K + 1 yes-or-no questions about each example: “is it this word?”. The target's answer is "
        "1, the negatives' 0.",
        "One EmbeddingDot and one SigmoidWithLoss for each question, or all at once: ids (B, K+1), "
        "scores (B, K+1), labels with a 1 in column 0.",
        "Backward: dscore = (σ(score) − label) / B · dout; dh sums dscore · W[ids] over all "
        "questions; row ids of W get dscore · h, added up.",
    ),
)
