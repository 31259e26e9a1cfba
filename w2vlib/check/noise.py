"""Checks for the noise: UnigramSampler and NegativeSamplingLoss."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from w2vlib.check import chance, common
from w2vlib.check.chance import Draws, right_weights, without
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.dense import _capped, _log_of_zero
from w2vlib.check.exercise import (
    Case,
    Exercise,
    Mistake,
    Remark,
    accepts,
    is_remark,
    same,
    show,
)
from w2vlib.check.report import Report


def seeds(make) -> dict:
    """The keyword that fixes the randomness of ``make``, if it has one.

    Otherwise nothing needs to be done: while a check runs, NumPy's global random numbers and
    unseeded generators start from a fixed seed.
    """
    if accepts(make, "seed"):
        return {"seed": 1}
    if accepts(make, "rng"):
        return {"rng": np.random.default_rng(1)}
    return {}


def corpus_with(counts) -> np.ndarray:
    """A corpus in which word i occurs counts[i] times, not in order."""
    ids = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).permutation(ids)


# ------------------------------------------------------------------- mistakes in the drawing


@dataclass(frozen=True)
class _Model:
    """What a mistake does to the frequencies: ``weights(draws, target) → (V,)``."""

    mistake: Mistake
    weights: tuple


def _after_normalising(draws: Draws, target: int) -> np.ndarray:
    p = draws.counts / draws.counts.sum()
    return without(chance.cut_off(p**draws.power), target)


def _after_normalising_and_excluding(draws: Draws, target: int) -> np.ndarray:
    p = without(draws.counts / draws.counts.sum(), target)
    return chance.cut_off(p**draws.power)


def _collision_shifted(draws: Draws, target: int) -> np.ndarray:
    p = draws.counts.astype(float) ** draws.power
    shifted = without(p, target)
    shifted[(target + 1) % len(p)] += p[target]
    return shifted


def _power_of(power):
    return lambda draws, target: without(draws.counts.astype(float) ** power, target)


_TARGET_DRAWN = Mistake(
    "target-drawn",
    "the right answer is among the negatives.",
    "A target was drawn as its own negative. The model is then told “yes” and “no” about the same "
    "pair; for frequent words that happens often, and they learn nothing.",
    (
        "What keeps your draw from being the target itself?",
        "Set the target's probability to 0 (in a copy) and divide by the new sum; or draw again "
        "where `negatives == target`.",
    ),
)
_ONE_REUSED = Mistake(
    "one-negative-reused",
    "one draw fills the whole row.",
    "The K negatives of a row are the same word, far more often than chance allows. Only one "
    "word is then pushed away, K times over. No gradient check can see this: the gradients are "
    "right, for the wrong words.",
    (
        "Look at one row of your negatives. How many different words should there be?",
        "Draw K times; and inside a loop over k, use column k, not a fixed one.",
    ),
)
_SAME_FOR_ALL = Mistake(
    "same-for-all-rows",
    "all rows got the same negatives.",
    "They were drawn once for the whole batch. Each target needs draws of its own, or a batch "
    "of 100 learns from 5 negative words instead of 500.",
    ("Inside or outside the loop over the batch: where do you draw?",),
)
_SAME_EVERY_CALL = Mistake(
    "same-every-call",
    "every call gives the same negatives.",
    "The generator starts from its seed again with each call, so in the whole training only one "
    "set of negatives is ever seen.",
    ("Where is the seed set?", "Make the generator once, in `__init__`, and keep it."),
)
_MODELS = (
    _Model(
        Mistake(
            "power-forgotten",
            "the power is missing.",
            "Words come as often as in the corpus. With the power 0.75 rare words are "
            "drawn somewhat more often than that, which makes better negatives.",
            ("Compare the frequency of the most frequent word with the expected one.",),
        ),
        (_power_of(1),),
    ),
    _Model(
        Mistake(
            "power-squared",
            "the counts were squared.",
            "A power above 1 makes frequent words more frequent still. The exponent is "
            "`power`, usually 0.75, below 1.",
            ("Which exponent do you use?", "`counts ** power`."),
        ),
        (_power_of(2),),
    ),
    _Model(
        Mistake(
            "power-fixed",
            "the argument `power` is not used.",
            "Whatever power is asked for, the words come as for 0.75.",
            ("Where does `power` appear in your code?",),
        ),
        (_power_of(0.75),),
    ),
    _Model(
        Mistake(
            "power-inverted",
            "rare words are drawn more often than frequent ones.",
            "Negatives should look like text: frequent words must be frequent among them too.",
            ("Which sign does the exponent have? What is divided by what?",),
        ),
        (lambda draws, target: without(draws.counts.astype(float) ** -draws.power, target),),
    ),
    _Model(
        Mistake(
            "uniform",
            "all words are drawn alike.",
            "The counts play no part. A negative that hardly ever occurs in text teaches little: "
            "it is too easy to tell from the right answer.",
            ("Where do the counts of the corpus enter your draw?",),
        ),
        (
            lambda draws, target: without(np.ones(len(draws.counts)), target),
            lambda draws, target: without(np.ones(len(draws.counts)), [target, -1]),
        ),
    ),
    _Model(
        Mistake(
            "power-after-normalising",
            "the power was applied after dividing by the sum.",
            "Once p is raised to the power, it no longer sums to 1. The running sum passes 1 "
            "too early, and the words at its end are never drawn.",
            (
                "What is `p.sum()` right before you draw?",
                "First the power, then the division: `p = counts ** power; p /= p.sum()`.",
            ),
        ),
        (_after_normalising, _after_normalising_and_excluding),
    ),
    _Model(
        Mistake(
            "excluded-for-others",
            "a word that is the target in one row is missing from the others.",
            "Each row may draw everything but its *own* target. Probably the probability was set "
            "to 0 in the sampler's own array, where it stays 0 for all rows that follow.",
            (
                "What does the second row of the batch find in the probabilities?",
                "Work on a copy in each row: `p = self.word_p.copy()`.",
            ),
        ),
        (
            lambda draws, target: without(
                draws.counts.astype(float) ** draws.power, draws.targets()
            ),
        ),
    ),
    _Model(
        Mistake(
            "collision-shifted",
            "a draw that hit the target was moved to the next word.",
            "The neighbour of the target, by id, inherits all of its probability. Ids have no "
            "meaning; draw again instead.",
            ("What happens in your code when the draw equals the target?",),
        ),
        (_collision_shifted,),
    ),
)


@dataclass(frozen=True)
class Finding:
    """What is wrong with draws: the case, the mistake if known, and two rows of numbers."""

    number: int
    mistake: Mistake | None
    text: str
    example: tuple[tuple[str, str], ...]


def judge_draws(cases: list[Draws]) -> Finding | None:
    """The first thing that is wrong with any of the draws, or None."""
    alarm = chance.limit(3 * sum(draws.tests() for draws in cases))
    for number, draws in enumerate(cases):
        hit = draws.rows[np.arange(len(draws.target)), draws.target]
        if hit.any():
            row = int(hit.argmax())
            drawn = np.repeat(np.arange(len(draws.counts)), draws.rows[row])
            example = (("a target", show(draws.target[row])), ("its negatives", show(drawn)))
            return Finding(number, _TARGET_DRAWN, "", example)
    # In every case, or it may be nothing but a distribution that one word dominates.
    if all(draws.all_same() for draws in cases if draws.K > 1):
        return Finding(0, _ONE_REUSED, "", _some_rows(cases[0]))
    if all(draws.all_alike() for draws in cases):
        return Finding(0, _SAME_FOR_ALL, "", _some_rows(cases[0]))
    for number, draws in enumerate(cases):
        if draws.frequency_surprise(right_weights) > alarm:
            mistake = _named_by_frequency(cases)
            return Finding(number, mistake, "" if mistake else _FREQUENCIES, _frequencies(draws))
    for number, draws in enumerate(cases):
        if max(draws.all_same_surprise(), draws.neighbours_surprise()) > alarm:
            return Finding(number, None, _DEPENDENT, _some_rows(draws))
    return None


def _some_rows(draws: Draws) -> tuple[tuple[str, str], ...]:
    shown = "\n".join(
        f"{target}: {show(np.repeat(np.arange(len(row)), row))}"
        for target, row in zip(draws.target[:4], draws.rows[:4], strict=True)
    )
    return (("some targets and their negatives", shown),)


_DEPENDENT = (
    "Each word comes as often as it should, but the draws depend on each other: the same words "
    "come together far more often than chance allows. Every negative needs a draw of its own."
)
_FREQUENCIES = (
    "The words do not come as often as `count ** power` says. (This is no bad luck: with a right "
    "sampler it would happen less than once in ten million checks.)"
)


def _named_by_frequency(cases: list[Draws]) -> Mistake | None:
    """The one mistake with which all draws agree, if at least two of the cases tell it apart."""
    plausible = chance.limit(sum(draws.tests() for draws in cases), chance.PLAUSIBLE)
    alarm = chance.limit(sum(draws.tests() for draws in cases))
    fitting = []
    for model in _MODELS:
        for weights in model.weights:
            later = [draws.once_all_targets_came() for draws in cases]
            surprises = [draws.frequency_surprise(weights) for draws in later]
            telling = sum(d.frequency_surprise(right_weights) > alarm for d in cases)
            # These two show in one case only, but there on two targets or at full strength.
            needed = 1 if model.mistake.id in ("power-fixed", "excluded-for-others") else 2
            if max(surprises) <= plausible and telling >= needed:
                fitting.append(model.mistake)
    return fitting[0] if len({m.id for m in fitting}) == 1 else None


def _frequencies(draws: Draws) -> tuple[tuple[str, str], ...]:
    """The most telling target, with how often each word came and should have come."""
    target = max(
        draws.targets(), key=lambda t: draws._frequency_surprise(t, right_weights(draws, t))
    )
    drawn, size = draws.totals(target)
    return (
        ("counts in the corpus", show(draws.counts)),
        ("power", show(draws.power)),
        ("target", f"{target} ({size} times, {draws.K} negatives each)"),
        ("yours: share of each word", show(np.round(drawn / drawn.sum(), 3))),
        ("expected", show(np.round(draws.expected(right_weights(draws, target)) / draws.K, 3))),
    )


# --------------------------------------------------------------------------- UnigramSampler


def unigram_sampler(cls) -> Report:
    """Check a class ``UnigramSampler(corpus, power, sample_size)``: draws negative words.

    Write::

        class UnigramSampler:
            def __init__(self, corpus, power, sample_size):     # corpus: (T,) ids 0 … V−1
                ...

            def get_negative_sample(self, target):  # target: (B,) ids
                ...                                 # → (B, K) ids, K = sample_size

    Each word is drawn with a probability in proportion to ``count ** power``, but never the row's
    own target.  With or without replacement is your choice, and so is where randomness comes from
    (``np.random`` or a generator; if the class takes ``seed`` or ``rng``, the check uses it).

    The test is statistical.  Its seed is fixed, and a right sampler fails it with a
    probability below 1e-7.

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return UNIGRAM_SAMPLER.check(cls)


class _UnigramSampler:
    def __init__(self, corpus, power, sample_size, *, slip: str = "") -> None:
        counts = np.bincount(corpus).astype(float)
        self.p, self.K, self.slip = counts**power / (counts**power).sum(), sample_size, slip
        self.rng = np.random.default_rng(5)

    def get_negative_sample(self, target):
        draws = self.rng.choice(len(self.p), size=(len(target), self.K), p=self.p)
        while (hit := draws == target[:, None]).any():
            draws[hit] = self.rng.choice(len(self.p), size=hit.sum(), p=self.p)
        return draws


def _sampler_cases(rng) -> list[Case]:
    def case(name, counts, power, K, targets, N):
        target = rng.choice(targets, size=N) if N > len(targets) else np.array(targets)
        inputs = {"corpus": corpus_with(counts), "power": power, "sample_size": K, "target": target}
        return Case(name, inputs)

    return [
        case("shape", [3, 1, 4, 2], 0.75, 2, [2, 0, 2], 3),
        case("shape", [2, 2, 2, 1, 5], 0.75, 3, [1], 1),
        # The counts are chosen so that 2,000 rows tell the power 0.75 from 1 at the alarm level.
        case("frequencies", [400, 3, 3, 3, 3, 20], 0.75, 2, [1], 2000),
        case("frequencies", [500, 60, 9, 2, 20], 0.75, 3, [2], 2000),
        case("two targets in turn", [256, 1, 16, 81, 9, 4], 0.75, 2, [3, 0], 1000),
        case("another power", [300, 2, 40, 5, 100], 0.5, 2, [2], 800),
        case("one negative", [900, 30, 5, 1, 200], 0.75, 1, [3], 2000),
    ]


def _probe_sampler(make, case: Case, notes) -> None:
    corpus, target = notes.give("corpus", "target")
    sampler = notes.make(make, corpus, case.power, case.sample_size, **seeds(make))
    draws = notes.call("draws", sampler, "get_negative_sample", target)
    notes.value("draws", draws)
    if case.name == "frequencies":
        again = notes.call("draws again", sampler, "get_negative_sample", target[:100])
        notes.value("draws again", again)


class _SamplerExercise(Exercise):
    """Draws cannot be compared with the right ones; they are judged by structure and by chance."""

    def judge(self, cases, answers, remains=None) -> Report:
        plain = [_structure(case, seen) for case, seen in zip(cases, answers, strict=False)]
        report = super().judge(cases, plain, remains)
        if not report:
            return report
        usable = [number for number, case in enumerate(cases) if case.name != "shape"]
        for number in usable:
            seen = answers[number]
            if "draws again" in seen and _same_start(seen):
                shown = (("first call", show(seen["draws"][:3])),)
                shown += (("second call", show(seen["draws again"][:3])),)
                return self._report(_SAME_EVERY_CALL, "", _INPUTS(cases[number]) + shown)
        finding = judge_draws([_as_draws(cases[n], answers[n]["draws"]) for n in usable])
        if finding is None:
            return report
        return self._report(finding.mistake, finding.text, finding.example)

    def _report(self, mistake, text, example) -> Report:
        return Report(
            self.name,
            "wrong",
            mistake.title if mistake else "not right yet.",
            mistake.id if mistake else None,
            mistake.why if mistake else text,
            example,
            mistake.hints if mistake else self.hints,
        )


def _same_start(seen: dict) -> bool:
    again = seen["draws again"]
    return isinstance(again, np.ndarray) and np.array_equal(seen["draws"][: len(again)], again)


def _INPUTS(case: Case) -> tuple[tuple[str, str], ...]:
    return (
        ("counts in the corpus", show(np.bincount(case.corpus))),
        ("sample_size", show(case.sample_size)),
        ("target", show(case.target[:3])),
    )


def _structure(case: Case, seen: dict) -> dict:
    """The draws reduced to what must always hold: their shape, and that they are ids."""
    plain = dict(seen)
    if isinstance(seen.get("draws again"), np.ndarray):
        plain.pop("draws again")
    draws = seen.get("draws")
    if isinstance(draws, np.ndarray):
        wanted, V = (len(case.target), case.sample_size), int(case.corpus.max()) + 1
        if draws.shape != wanted:
            plain["draws"] = Remark(f"shape {draws.shape}")
        elif draws.dtype.kind not in "iu" and not np.array_equal(draws, np.round(draws)):
            plain["draws"] = Remark("numbers that are no ids")
        elif draws.min() < 0 or draws.max() >= V:
            plain["draws"] = Remark(f"ids from {draws.min()} to {draws.max()}")
        else:
            plain["draws"] = _right_structure(case)
    return plain


def _right_structure(case: Case) -> Remark:
    shape = len(case.target), case.sample_size
    return Remark(f"ids in 0 … {case.corpus.max()}, shape {shape}")


def _as_draws(case: Case, draws: np.ndarray) -> Draws:
    counts = np.bincount(case.corpus)
    rows = np.stack([(draws == word).sum(axis=1) for word in range(len(counts))], axis=1)
    return Draws(rows, case.target, counts, case.power)


class _SamplerReference(_SamplerExercise):
    def right_answers(self, cases, slip: str = "") -> list[dict]:
        left_alone = {"inputs": Remark("left alone")}
        return [{"draws": _right_structure(case), **left_alone} for case in cases]


def _all_shapes(shape_of):
    """A rule: the draws have, in every case, the shape that this mistake gives."""

    def rule(cases, answers, expected):
        pairs = list(zip(cases, answers, strict=False))
        wrong = [Remark(f"shape {shape_of(case)}") for case, _ in pairs]
        hits = [is_remark(seen.get("draws"), w) for (_, seen), w in zip(pairs, wrong, strict=True)]
        fine = [
            same(seen["draws"], right["draws"])
            for seen, right in zip(answers, expected, strict=False)
            if "draws" in seen
        ]
        both = [h or f for h, f in zip(hits, fine, strict=False)]
        return "draws" if sum(hits) >= 2 and len(both) == len(hits) and all(both) else None

    return rule


UNIGRAM_SAMPLER = _SamplerReference(
    "unigram_sampler",
    _sampler_cases,
    _probe_sampler,
    _UnigramSampler,
    labels={"draws": "get_negative_sample(target)"},
    mistakes=(
        Mistake(
            "draws-transposed",
            "the axes are swapped.",
            "One row for each target, (B, K): negatives[i] belong to target[i].",
            ("Which axis is the batch?",),
            rule=_all_shapes(lambda case: (case.sample_size, len(case.target))),
        ),
        Mistake(
            "flat-draws",
            "one row for the whole batch.",
            "K negatives were drawn for all targets together. Each target needs its own: (B, K).",
            ("How many negatives does a batch of 3 targets need in all?",),
            rule=_all_shapes(lambda case: (case.sample_size,)),
        ),
    ),
    hints=(
        "Count the words, raise the counts to the power, divide by the sum: these are the "
        "probabilities.",
        "For each target draw K ids from a copy of the probabilities in which the target has "
        "0, divided by its new sum.",
        "`p = self.p.copy(); p[t] = 0; p /= p.sum(); np.random.choice(V, size=K, p=p)`.",
    ),
)

# ---------------------------------------------------------------------- NegativeSamplingLoss


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


_VERY_WRONG = ("very wrong answer", "extreme scores")


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
        counts = 2 * size * np.asarray(dW, dtype=float).ravel()
        counts[target[0]] += size
        rows.append(counts)
    notes.value("draws", np.array(rows))


class _LossExercise(_SamplerExercise):
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
            return self._report(None, text, _INPUTS(cases[drawn[found.index(None)]]))
        for n in drawn:
            batch = answers[n]["draws"][-1]
            if not np.any(np.round(batch) % _BULK):
                label = f"how often each word was drawn, B = {_BULK}"
                example = (*_INPUTS(cases[n]), (label, show(batch)))
                return self._report(_SAME_FOR_ALL, "", example)
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
            ("What is −log(1e-7)? Compare it with your loss.", "−log σ(x) = log(1 + exp(−x))."),
            rule=lambda c, a, e: _capped(c, a, e, _VERY_WRONG),
        ),
        Mistake(
            "log-of-zero",
            "the logarithm of zero.",
            "For a score of −800 the probability rounds to 0, and its logarithm is −∞.",
            ("Which probability does your code store for a score of −800?",),
            rule=lambda c, a, e: _log_of_zero(c, a, e, _VERY_WRONG),
        ),
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
        Mistake(
            "missing-1/B",
            "the sum over the batch instead of its mean.",
            "The loss is a mean over the B examples; with the sum, the size of a step depends on "
            "the batch size.",
            ("By which factor do yours and the expected values differ?",),
        ),
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
