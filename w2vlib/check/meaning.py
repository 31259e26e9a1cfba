"""Checks for what the numbers mean: rank correlation, and the score that training looks for."""

from __future__ import annotations

import numpy as np

from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report

# ---------------------------------------------------------------------------- rank correlation


def spearman(function) -> Report:
    """Check a function ``spearman(x, y)``: rank correlation of two series of numbers.

    Write::

        def spearman(x, y):     # x, y: (n,) numbers
            ...                 # → ρ, a number between −1 and 1

    Replace every number by its rank (1 for the smallest; equal numbers share the mean of
    their ranks), then take the ordinary (Pearson) correlation of the two series of ranks.

    Args:
        function: yours.
    """
    return SPEARMAN.check(function)


def _ranks(x, slip: str) -> np.ndarray:
    x = np.asarray(x, dtype=float)
    order = np.argsort(x, kind="quicksort" if slip.endswith(":unstable") else "stable")
    if slip.startswith("argsort-taken-for-ranks"):
        return order.astype(float)
    ranks = np.empty(len(x))
    ranks[order] = np.arange(len(x))
    if slip.startswith("ties-by-position"):
        return ranks
    if slip == "dense-ranks":
        return np.array([np.sum(np.unique(x) < value) for value in x], dtype=float)
    if slip.startswith("ties-at-one-end"):
        end = np.min if slip.endswith(":smallest") else np.max
        return np.array([end(ranks[x == value]) for value in x])
    return np.array([ranks[x == value].mean() for value in x])


def _spearman(x, y, *, slip: str = ""):
    if slip == "no-ranks":
        a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    else:
        a, b = _ranks(x, slip), _ranks(y, slip)
    if slip == "upside-down":
        b = -b
    if slip == "short-formula":
        n = len(a)
        return 1 - 6 * ((a - b) ** 2).sum() / (n * (n * n - 1))
    if slip == "means-not-subtracted":
        return a @ b / np.sqrt((a @ a) * (b @ b))
    a, b = a - a.mean(), b - b.mean()
    if slip == "not-divided":
        return a @ b / len(a)
    return a @ b / np.sqrt((a @ a) * (b @ b))


def _spearman_cases(rng) -> list[Case]:
    def case(name, x, y):
        return Case(name, {"x": np.array(x, dtype=float), "y": np.array(y, dtype=float)})

    return [
        case("known answers", [1, 2, 4, 9], [2, 1, 7, 6]),
        case("known answers", [3, 1, 2, 8, 5], [30, 2, 10, 4, 7]),
        case("same order, other numbers", [1, 2, 3, 100], [0.1, 0.2, 5, 6]),
        case("equal numbers", [1, 1, 2, 5, 3], [2, 4, 4, 1, 3]),
        case("equal numbers", [7, 7, 7, 0, 2, 9], [1, 3, 2, 6, 6, 0]),
        case("larger", rng.integers(0, 12, 30), rng.integers(0, 12, 30)),
    ]


def _probe_spearman(make, case: Case, notes) -> None:
    x, y = notes.give("x", "y")
    notes.value("rho", notes.ask("rho", make, x, y, name="spearman"))


SPEARMAN = Exercise(
    "spearman",
    _spearman_cases,
    _probe_spearman,
    _spearman,
    labels={"rho": "spearman(x, y)"},
    mistakes=(
        Mistake(
            "no-ranks",
            "the numbers themselves were correlated, not their ranks.",
            "That is Pearson's correlation: one extreme number can decide it. Only the *order* of "
            "marks and cosines can be compared.",
            ("What stands in the place of the number 100, if there are four numbers?",),
        ),
        Mistake(
            "ties-by-position",
            "equal numbers got different ranks.",
            "Which of two equal marks comes first is an accident of their place in the list; the "
            "result must not depend on it. They share the mean of their ranks.",
            (
                "Which ranks should [5, 5, 9] have?",
                "For every value: the mean of the ranks at all places where it stands.",
            ),
            slips=("ties-by-position", "ties-by-position:unstable"),
        ),
        Mistake(
            "ties-at-one-end",
            "equal numbers share a rank, but not the mean of their ranks.",
            "They got the smallest (or the largest) of the ranks that they take up. Then the ranks "
            "of two series with different ties no longer have the same sum, and a group of equal "
            "numbers lies nearer to what is on one side of it than to the other.",
            (
                "Which ranks do 5 and 5 take up in [5, 5, 9], and what is their mean?",
                "`(x < v).sum()` counts the numbers below v; half of those that equal v come on "
                "top.",
            ),
            slips=("ties-at-one-end:smallest", "ties-at-one-end:largest"),
        ),
        Mistake(
            "dense-ranks",
            "equal numbers take up one rank together.",
            "The next larger number then follows with the next rank, as if there were only one of "
            "them. Two equal numbers take up two ranks and share their mean: in [5, 5, 9], the 9 "
            "is the third.",
            (
                "Which ranks should [5, 5, 9] have?",
                "`np.unique` and a set forget how often each number stands there; count them.",
            ),
        ),
        Mistake(
            "short-formula",
            "the short formula only holds if no two numbers are equal.",
            "1 − 6 Σd² / (n (n² − 1)) equals the correlation of two series of ranks if each rank "
            "from 1 to n occurs once. With equal numbers it does not.",
            ("Use the ordinary correlation of the ranks: it holds with equal numbers, too.",),
        ),
        Mistake(
            "argsort-taken-for-ranks",
            "`argsort` gives an order, not ranks.",
            "`order[0]` is the *place* of the smallest number. The rank is the other way round: "
            "`ranks[order[i]] = i`.",
            ("Try it on [30, 10, 20]: which number is the smallest, and what does argsort say?",),
            slips=("argsort-taken-for-ranks", "argsort-taken-for-ranks:unstable"),
        ),
        Mistake(
            "means-not-subtracted",
            "the means were not subtracted.",
            "Without that it is a cosine, and ranks, being positive, always look similar.",
            ("What is the correlation of two series that have nothing to do with each other?",),
        ),
        Mistake(
            "not-divided",
            "the result is not divided by the lengths.",
            "That is the covariance of the ranks: it grows with their number.",
            ("In which range must ρ lie?",),
        ),
        Mistake(
            "upside-down",
            "one of the two orders is upside down.",
            "The sign is wrong: small numbers have small ranks in both series.",
            ("Is rank 1 the smallest or the largest number, and is it the same in both?",),
        ),
    ),
    hints=(
        "Two steps: numbers → ranks, then the correlation of the ranks.",
        "`order = np.argsort(x)`, `ranks[order] = np.arange(len(x))`; then average over equal "
        "numbers.",
        "`a = ranks of x minus their mean`, `b` likewise: ρ = a·b / √((a·a)(b·b)).",
    ),
    kind="function",
)

# ------------------------------------------------------------------------------- optimal score


def optimal_score(function) -> Report:
    """Check a function ``optimal_score(pair_count, word_count, p, K)``.

    Write::

        def optimal_score(pair_count, word_count, p, K):
            ...     # → the score s at which a·(−log σ(s)) + b·(−log σ(−s)) is smallest

    ``pair_count`` #(w, c) and ``word_count`` #(w) are counts, p is the probability P(c) with which
    the word c is drawn as a negative, K the number of negatives: a = #(w, c), b = K·#(w)·P(c).

    Args:
        function: yours.
    """
    return OPTIMAL_SCORE.check(function)


def _optimal_score(pair_count, word_count, p, K, *, slip: str = ""):
    a, b = pair_count, K * word_count * p
    if slip == "K-forgotten":
        b = word_count * p
    if slip == "log-K-added":
        b = word_count * p / K
    if slip == "word-count-forgotten":
        b = K * p
    if slip == "probability-forgotten":
        b = K * word_count
    if slip == "power-twice":
        b = K * word_count * p**0.75
    if slip == "upside-down":
        a, b = b, a
    if slip == "log-of-probability":
        return np.log(a / (a + b))
    if slip == "log2":
        return np.log2(a / b)
    if slip == "logarithm-missing":
        return a / b
    if slip == "probability-not-score":
        return a / (a + b)
    return np.log(a / b)


_GIVEN = ("pair_count", "word_count", "p", "K")


def _optimal_cases(rng) -> list[Case]:
    return [
        Case("known answers", dict(zip(_GIVEN, values, strict=True)))
        for values in ((30, 100, 0.02, 5), (7, 40, 0.25, 3), (1, 12, 0.5, 2), (90, 300, 0.125, 10))
    ]


def _probe_optimal(make, case: Case, notes) -> None:
    values = notes.give(*_GIVEN)
    notes.value("s", notes.ask("s", make, *values, name="optimal_score"))


OPTIMAL_SCORE = Exercise(
    "optimal_score",
    _optimal_cases,
    _probe_optimal,
    _optimal_score,
    labels={"s": "optimal_score(pair_count, word_count, p, K)"},
    mistakes=(
        Mistake(
            "K-forgotten",
            "K is missing.",
            "There are K questions with the answer no for every one with yes, so b is K times as "
            "large, and the score lower by log K.",
            ("How many negatives does each occurrence of w meet?",),
        ),
        Mistake(
            "log-K-added",
            "log K has the wrong sign.",
            "More questions with the answer no make the network *less* sure of yes.",
            ("Where does K stand in b, and where does b stand in the quotient?",),
        ),
        Mistake(
            "word-count-forgotten",
            "#(w) is missing in b.",
            "The word w meets negatives each time that it occurs, #(w) times.",
            ("How often is any negative drawn for w at all?",),
        ),
        Mistake(
            "probability-forgotten",
            "P(c) is missing in b.",
            "Only the share P(c) of w's negatives is the word c.",
            ("Of the K·#(w) negatives that w meets, how many are c?",),
        ),
        Mistake(
            "power-twice",
            "the power 0.75 is applied once more.",
            "`p` is P(c), the probability with which c is drawn; the power is already in it.",
            ("What would p ** 0.75 be the probability of?",),
        ),
        Mistake(
            "log-of-probability",
            "that is log σ(s), not s.",
            "At the minimum σ(s) = a / (a + b), with b = K·#(w)·P(c). The logarithm belongs to "
            "σ / (1 − σ) = e^s.",
            ("What is σ(s) / (1 − σ(s)) at the minimum?",),
        ),
        Mistake(
            "upside-down",
            "the quotient is upside down.",
            "A pair that is right more often than wrong must get a positive score.",
            ("What should the sign be if a > b?",),
        ),
        Mistake(
            "log2",
            "log2 instead of the natural logarithm.",
            "σ(s) = 1 / (1 + e^−s): solving for s undoes an e, so the logarithm is natural.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "logarithm-missing",
            "that is e^s, not s.",
            "Solving σ(s) / (1 − σ(s)) = a / b gives e^s = a / b; one step is left.",
            ("How do you get s from e^s?",),
        ),
        Mistake(
            "probability-not-score",
            "that is the probability σ(s), not the score s.",
            "At the minimum σ(s) = a / (a + b). The score is what goes into the sigmoid.",
            ("Solve σ(s) = a / (a + b) for s.",),
        ),
    ),
    hints=(
        "Take the derivative of a·(−log σ(s)) + b·(−log σ(−s)) and set it to zero.",
        "a (σ(s) − 1) + b σ(s) = 0, so σ(s) = a / (a + b).",
        "σ / (1 − σ) = e^s, hence s = log(a / b).",
    ),
    kind="function",
)
