"""Check for the noise: UnigramSampler, and how draws are judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2vlib.check import chance
from w2vlib.check.answers import Remark, is_remark, same, show
from w2vlib.check.chance import Draws, right_weights, without
from w2vlib.check.exercise import Case, Exercise, Mistake, accepts
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
SAME_FOR_ALL = Mistake(
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
            "Each row may draw everything but its *own* target. Either all targets of the batch "
            "were ruled out at once, or the probability was set to 0 in the sampler's own array, "
            "where it stays 0 for all rows that follow.",
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
        return Finding(0, SAME_FOR_ALL, "", _some_rows(cases[0]))
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


class SamplerExercise(Exercise):
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
                return self._report(_SAME_EVERY_CALL, "", shown_inputs(cases[number]) + shown)
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
    if not isinstance(again, np.ndarray) or (again == again[:1]).all():
        return False  # rows that are all alike may well come again by chance
    return np.array_equal(seen["draws"][: len(again)], again)


def shown_inputs(case: Case) -> tuple[tuple[str, str], ...]:
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


class _SamplerReference(SamplerExercise):
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
