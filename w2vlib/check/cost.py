"""Check for what a target costs: skip-gram's operations and bytes, counted on paper."""

from __future__ import annotations

from w2vlib.check.common import two_results
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report


def skip_gram_cost(function) -> Report:
    """Check a function ``skip_gram_cost(H, K, C)``: operations and bytes for one target.

    Write::

        def skip_gram_cost(H, K, C):    # vectors of H numbers, K negatives, C neighbours
            ...
            return operations, bytes    # of one target with all its C neighbours

    Count as for CBOW, multiplications and additions both: the K + 1 scores, the gradient of h, the
    update of the K + 1 rows; each of these rows is read once and written once, 4 bytes a number.
    Skip-gram asks these K + 1 questions for each neighbour anew, and has no sliding sums.

    Args:
        function: yours.
    """
    return SKIP_GRAM_COST.check(function)


def _skip_gram_cost(H, K, C, *, slip: str = ""):
    questions = K if slip == "target-forgotten" else K + 1
    places = 1 if slip in ("neighbours-forgotten", "cost-of-cbow") else C
    rows = H * questions * places
    operations, numbers = 6 * rows, 2 * rows
    if slip == "scores-only":
        operations = 2 * rows
    if slip == "multiplications-only":
        operations = 3 * rows
    if slip == "read-only":
        numbers = rows
    if slip in ("sliding-sums", "cost-of-cbow"):
        operations, numbers = operations + 6 * H, numbers + 4 * H
    size = {"numbers-not-bytes": 1, "eight-bytes": 8}.get(slip, 4)
    result = operations, size * numbers
    return result[::-1] if slip == "swapped" else result


def _cost_cases(rng) -> list[Case]:
    values = [(100, 5, 10), (50, 3, 4), (1, 1, 1), tuple(rng.integers(2, 40, 3).tolist())]
    return [Case("known answers", dict(zip("HKC", three, strict=True))) for three in values]


def _probe_cost(make, case: Case, notes) -> None:
    result = notes.ask("operations", make, *notes.give(*"HKC"), name="skip_gram_cost")
    two_results(result, notes, ("operations", "bytes"))


SKIP_GRAM_COST = Exercise(
    "skip_gram_cost",
    _cost_cases,
    _probe_cost,
    _skip_gram_cost,
    labels={"operations": "operations", "bytes": "bytes"},
    mistakes=(
        Mistake(
            "target-forgotten",
            "only the K negatives were counted.",
            "Each neighbour is asked about too, with the answer yes: K + 1 questions.",
            ("How many rows of W_out take part in one question about a neighbour?",),
        ),
        Mistake(
            "neighbours-forgotten",
            "the C neighbours are missing.",
            "CBOW asks about one word for each target. Skip-gram asks about each of the C "
            "neighbours, with negatives of its own.",
            ("How often does the whole table come for one target?",),
        ),
        Mistake(
            "cost-of-cbow",
            "that is the cost of CBOW.",
            "Skip-gram's hidden vector is a single row, so there is no sum that could slide; and "
            "it asks K + 1 questions for each of its C neighbours.",
            ("What does skip-gram guess, and how many of them?",),
        ),
        Mistake(
            "sliding-sums",
            "the sliding sums were counted.",
            "They belong to CBOW, whose hidden vector is a mean over the window. Skip-gram's is "
            "one row, and nothing slides.",
            ("What is h in skip-gram?",),
        ),
        Mistake(
            "scores-only",
            "only the scores were counted.",
            "The gradient of h and the update of the rows cost as much again, each of them.",
            ("How many lines of the table have the factor K + 1?",),
        ),
        Mistake(
            "multiplications-only",
            "the additions are missing.",
            "A dot product of H numbers takes H multiplications and about as many additions.",
            ("How many operations does one term of a sum need?",),
        ),
        Mistake(
            "read-only",
            "the rows are written, too.",
            "After the update every row goes back to memory: H (K + 1) numbers read and as many "
            "written, for each neighbour.",
            ("What happens to the rows after the update?",),
        ),
        Mistake(
            "numbers-not-bytes",
            "those are numbers, not bytes.",
            "A float32 number takes 4 bytes.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "eight-bytes",
            "8 bytes for each number.",
            "That is float64. The weights are float32, 4 bytes each.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "swapped",
            "the two results have changed places.",
            "First the operations, then the bytes.",
            ("`return operations, bytes`.",),
        ),
    ),
    hints=(
        "Take the lines of the table that have the factor K + 1. How often do they come for one "
        "target?",
        "Operations: 2 H (K + 1) three times, for each neighbour. Numbers: H (K + 1) read and "
        "H (K + 1) written, for each neighbour.",
        "`6 * H * (K + 1) * C` and `4 * 2 * H * (K + 1) * C`.",
    ),
    kind="function",
)
