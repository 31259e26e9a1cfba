"""Checks for counting: windows of a corpus, co-occurrence, PPMI."""

from __future__ import annotations

import numpy as np

from w2vlib.check.answers import Remark, article, same
from w2vlib.check.exercise import MIN_EVIDENCE, Case, Exercise, Mistake
from w2vlib.check.report import Report

# --------------------------------------------------------------------- create_contexts_target


def create_contexts_target(function, *, sentences: bool = False) -> Report:
    """Check a function ``create_contexts_target(corpus, window_size)``.

    Write::

        def create_contexts_target(corpus, window_size=1):  # corpus: (T,) ids
            ...
            return contexts, target     # (N, 2·window_size) and (N,) ids, N = T − 2·window_size

    Every word with a full window on both sides is a target, in the order of the text; its contexts
    are the ``window_size`` words on its left and those on its right, from left to right.

    Args:
        function: yours.
        sentences: also hand in ``sentence_starts``, the positions at which sentences begin, as a
            third argument; then no window may reach into another sentence.
    """
    return (CONTEXTS_IN_SENTENCES if sentences else CREATE_CONTEXTS_TARGET).check(function)


def _contexts_target(corpus, window_size, sentence_starts=None, *, slip: str = ""):
    corpus, w = np.asarray(corpus), int(window_size)
    if slip == "window-ignored":
        w = 1
    if slip.startswith("window-off-by-one"):
        w = max(w + int(slip.split(":")[1]), 0)
    T = len(corpus)
    shifts = [s for s in range(-w, w + 1) if s != 0]
    centres = list(range(w, T - w))
    if slip == "target-among-contexts":
        shifts = list(range(-w, w + 1))
    elif slip == "last-neighbour-missing":
        shifts.pop()
    elif slip == "one-side-only:left":
        shifts = shifts[:w]
    elif slip == "one-side-only:right":
        shifts = shifts[w:]
    elif slip == "contexts-out-of-order:reversed":
        shifts.reverse()
    elif slip == "contexts-out-of-order:nearest":
        shifts.sort(key=lambda s: (abs(s), s))
    elif slip == "contexts-out-of-order:outwards":
        shifts = shifts[:w][::-1] + shifts[w:]
    elif slip == "contexts-out-of-order:right":
        shifts = shifts[w:] + shifts[:w]
    elif slip == "last-window-missing":
        centres = centres[:-1]
    elif slip == "first-window-missing":
        centres = centres[1:]
    elif slip == "wraps-around":
        centres = list(range(T))
    elif slip == "wraps-around:left":
        centres = list(range(T - w))
    if sentence_starts is not None and slip != "window-across-sentences":
        starts = np.asarray(sentence_starts)
        sentence = np.searchsorted(starts, np.arange(T), side="right")
        if slip == "only-the-target-checked":
            centres = [i for i in centres if i not in set(starts.tolist())]
        else:
            centres = [i for i in centres if sentence[i - w] == sentence[i] == sentence[i + w]]
    rows = [[corpus[(i + s) % T] for s in shifts] for i in centres]
    contexts = np.array(rows, dtype=int).reshape(len(rows), len(shifts))
    target = np.array([corpus[i] for i in centres], dtype=int)
    if slip == "targets-not-cut":
        target = corpus.copy()
    return (target, contexts) if slip == "pair-swapped" else (contexts, target)


def _window_cases(rng) -> list[Case]:
    def case(T, w):
        return Case("known answers", {"corpus": rng.permutation(T), "window_size": w})

    repeated = [np.array([0, 1, 2, 3, 1, 4, 5, 0]), rng.integers(0, 4, 11)]
    return [
        case(5, 1),
        case(7, 2),
        case(6, 1),
        case(9, 3),
        *(
            Case("repeated words", {"corpus": c, "window_size": w})
            for c, w in zip(repeated, (1, 2), strict=True)
        ),
        Case("only one window fits", {"corpus": np.array([2, 0, 1]), "window_size": 1}),
        Case("only one window fits", {"corpus": rng.permutation(5), "window_size": 2}),
    ]


def _sentence_cases(rng) -> list[Case]:
    def case(name, lengths, w):
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        inputs = {"corpus": rng.permutation(sum(lengths)), "window_size": w}
        return Case(name, {**inputs, "sentence_starts": starts})

    return [
        case("two sentences", [3, 4], 1),
        case("two sentences", [6, 5], 2),
        case("three sentences", [4, 3, 5], 1),
        case("a sentence that is too short", [4, 2, 5], 1),
        case("a sentence that is too short", [5, 1, 6], 2),
    ]


def _probe_windows(make, case: Case, notes) -> None:
    names = [n for n in ("corpus", "window_size", "sentence_starts") if n in case.inputs]
    given = notes.give(*names)
    result = notes.ask("contexts", make, *given, name="create_contexts_target")
    if not isinstance(result, tuple | list) or len(result) != 2:
        what = article(type(result).__name__)
        notes.stop("contexts", Remark(f"{what}, not the pair contexts, target"))
    contexts = result[0]
    if isinstance(contexts, np.ndarray) and contexts.shape == (0,):  # no window, and so no width
        contexts = np.zeros((0, 2 * case.window_size), dtype=int)
    notes.value("contexts", contexts)
    notes.value("target", result[1])


_ACROSS = Mistake(
    "window-across-sentences",
    "windows reach across the end of a sentence.",
    "The last word of one sentence and the first of the next are no neighbours in meaning, but "
    "they are counted as such here.",
    (
        "Which sentence does each word of a window belong to?",
        "Keep a position only if its window begins and ends in its own sentence.",
    ),
)
_WINDOW_MISTAKES = (
    Mistake(
        "target-among-contexts",
        "the target itself is among its contexts.",
        "Then the model can read the answer off its input; it learns to copy and nothing else.",
        ("Which shift of the window is the word itself?", "Leave out the shift 0."),
    ),
    Mistake(
        "last-neighbour-missing",
        "the last word of each window is missing.",
        "`range(-w, w)` ends at w − 1: the end of a range is not part of it.",
        ("Print `list(range(-2, 2))`.", "`range(-w, w + 1)`, without 0."),
    ),
    Mistake(
        "one-side-only",
        "the window has one side only.",
        "A word is described by what comes before *and* after it: `window_size` words on each "
        "side.",
        ("How many contexts does one target have?",),
        slips=("one-side-only:left", "one-side-only:right"),
    ),
    Mistake(
        "contexts-out-of-order",
        "the contexts stand in another order.",
        "They should stand as in the text, from left to right. (CBOW does not care, but whatever "
        "else reads these arrays may.)",
        ("In which order does your loop visit the shifts?", "From −w to w."),
        slips=tuple(
            f"contexts-out-of-order:{kind}" for kind in ("reversed", "nearest", "outwards", "right")
        ),
    ),
    Mistake(
        "last-window-missing",
        "the last window is missing.",
        "The last position with a full window is T − w − 1, and the end of a range is not part of "
        "it: it must be T − w.",
        ("Which is the last word that has w words on its right?", "`range(w, len(corpus) - w)`."),
    ),
    Mistake(
        "first-window-missing",
        "the first window is missing.",
        "Positions count from 0, so the first word with w words on its left is number w.",
        ("Which is the first word that has w words on its left?", "`range(w, len(corpus) - w)`."),
    ),
    Mistake(
        "wraps-around",
        "at the edge the window continues at the other end.",
        "A negative index counts from the end in Python, so the first word gets the *last* one "
        "as its neighbour. Words without a full window are no targets.",
        ("What is `corpus[-1]`?", "`range(w, len(corpus) - w)`."),
        slips=("wraps-around", "wraps-around:left"),
    ),
    Mistake(
        "window-ignored",
        "`window_size` plays no part.",
        "The contexts are always the two direct neighbours, whatever window is asked for.",
        ("Where does `window_size` appear in your function?",),
    ),
    Mistake(
        "window-off-by-one",
        "the window is off by one.",
        "A window of size w has w words on each side, so C = 2w contexts.",
        ("How many columns should `contexts` have?",),
        slips=("window-off-by-one:1", "window-off-by-one:-1"),
    ),
    Mistake(
        "pair-swapped",
        "the two results are swapped.",
        "The contexts come first, then the target; whoever calls the function relies on that.",
        ("`return contexts, target`.",),
    ),
    Mistake(
        "targets-not-cut",
        "words at the edge are targets without contexts.",
        "`contexts` and `target` belong together row by row, so they must have the same length, "
        "and here every target has moved away from its contexts.",
        ("How long are your two arrays?", "`corpus[w:-w]`."),
    ),
)
CREATE_CONTEXTS_TARGET = Exercise(
    "create_contexts_target",
    _window_cases,
    _probe_windows,
    _contexts_target,
    labels={"contexts": "contexts", "target": "target"},
    mistakes=_WINDOW_MISTAKES,
    hints=(
        "Write the corpus 0 1 2 3 4 on paper, window 1: which words have a neighbour on both "
        "sides?",
        "Outer loop over the positions w … T − w − 1, inner loop over the shifts −w … w, without "
        "0.",
        "`for i in range(w, len(corpus) - w): row = [corpus[i + s] for s in range(-w, w + 1) if "
        "s]`.",
    ),
    kind="function",
)
CONTEXTS_IN_SENTENCES = Exercise(
    "create_contexts_target",
    _sentence_cases,
    _probe_windows,
    _contexts_target,
    labels={"contexts": "contexts", "target": "target"},
    mistakes=(
        _ACROSS,
        Mistake(
            "only-the-target-checked",
            "only the first word of a sentence was left out.",
            "The window of a word further in can reach back across the sentence's start, or on "
            "across its end. All words of a window must be in the same sentence.",
            ("Which words of the window have you compared?",),
        ),
        *(m for m in _WINDOW_MISTAKES if m.id != "wraps-around"),
    ),
    hints=(
        "Give each position the number of its sentence (`np.searchsorted` on the starts does it).",
        "Keep position i if i − w and i + w have the same sentence number as i.",
    ),
    kind="function",
)

# --------------------------------------------------------------------------- create_co_matrix


def create_co_matrix(function) -> Report:
    """Check a function ``create_co_matrix(corpus, vocab_size, window_size)``.

    Write::

        def create_co_matrix(corpus, vocab_size, window_size=1):    # corpus: (T,) ids
            ...
            return C    # (V, V) counts

    ``C[i, j]`` says how often word j stands at most ``window_size`` places away from word i, on
    either side.  Words at the edge of the corpus simply have fewer neighbours.

    Args:
        function: yours.
    """
    return CREATE_CO_MATRIX.check(function)


def _co_matrix(corpus, vocab_size, window_size=1, *, slip: str = ""):
    w, T, V = window_size, len(corpus), vocab_size
    if slip == "window-ignored":
        w = 1
    if slip.startswith("window-off-by-one"):
        w = max(w + int(slip.split(":")[1]), 0)
    if slip == "vocab-size-ignored":
        V = int(max(corpus)) + 1
    C = np.zeros((V, V), dtype=np.int64)
    if slip == "repeated-pairs-lost":  # whole arrays of ids in the brackets
        for s in range(1, w + 1):
            C[corpus[:-s], corpus[s:]] += 1
            C[corpus[s:], corpus[:-s]] += 1
        return C
    centres = range(w, T - w) if slip == "edges-missing" else range(T)
    for i in centres:
        for s in range(-w, w + 1):
            j = i + s
            if s == 0 and slip != "self-counted":
                continue
            if (s < 0 and slip == "one-sided:right") or (s > 0 and slip == "one-sided:left"):
                continue
            if slip == "wraps-around" and s < 0:
                j %= T
            if 0 <= j < T:
                if slip == "assigned-instead-of-added":
                    C[corpus[i], corpus[j]] = 1
                else:
                    C[corpus[i], corpus[j]] += 1
    if slip == "rows-shared":  # each of the V rows is the same list
        C[:] = C.sum(axis=0)
    return 2 * C if slip == "counted-twice" else C


def _co_cases(rng) -> list[Case]:
    def case(name, corpus, V, w):
        corpus = np.array(corpus)
        return Case(name, {"corpus": corpus, "vocab_size": V, "window_size": w})

    return [
        case("known answers", [0, 1, 2, 0, 1], 3, 1),
        case("known answers", [0, 1, 2, 3, 1, 4, 5, 6], 7, 1),
        case("wider window", rng.integers(0, 5, 9), 5, 2),
        case("wider window", rng.integers(0, 6, 14), 6, 3),
        case("a word next to itself", [1, 1, 1, 0, 0], 2, 1),
        case("a word next to itself", [2, 2, 0, 1, 1, 1], 3, 2),
        case("words that do not occur", [0, 1, 0, 1, 1], 4, 1),
        case("words that do not occur", [2, 1, 0, 1], 5, 2),
    ]


def _probe_co(make, case: Case, notes) -> None:
    corpus, V, w = notes.give("corpus", "vocab_size", "window_size")
    notes.value("C", notes.ask("C", make, corpus, V, w, name="create_co_matrix"))


CREATE_CO_MATRIX = Exercise(
    "create_co_matrix",
    _co_cases,
    _probe_co,
    _co_matrix,
    labels={"C": "create_co_matrix(corpus, vocab_size, window_size)"},
    mistakes=(
        Mistake(
            "one-sided",
            "only one side of each word was counted.",
            "Neighbours on the left and on the right count alike, so C is symmetric: C[i, j] = "
            "C[j, i].",
            ("Is your matrix symmetric? Should it be?", "Count corpus[i − s] *and* corpus[i + s]."),
            slips=("one-sided:left", "one-sided:right"),
        ),
        Mistake(
            "repeated-pairs-lost",
            "a pair that is met again was not counted again.",
            "`C[ids, ids2] += 1` with arrays of ids reads all old values first, adds 1 and writes: "
            "each entry grows by 1 at most, however often its pair is among them.",
            (
                "Which entries come out too small? How often does their pair occur?",
                "Count one pair at a time in a loop, or with `np.add.at(C, (ids, ids2), 1)`.",
            ),
        ),
        Mistake(
            "self-counted",
            "every word was counted as its own neighbour.",
            "The shift 0 is the word itself. (A word does stand next to itself in “very very "
            "good”, but that is another place in the text.)",
            ("Where do the numbers on the diagonal come from?", "Leave out the shift 0."),
        ),
        Mistake(
            "assigned-instead-of-added",
            "met once or a hundred times, the count is 1.",
            "`= 1` only says *whether* two words met. The matrix should say how often.",
            ("What happens when the same pair is met for the second time?", "`+= 1`."),
        ),
        Mistake(
            "edges-missing",
            "words near the edges of the text were left out.",
            "The first and last words have neighbours too, only fewer.",
            (
                "Which positions does your outer loop visit?",
                "Check each neighbour's position instead.",
            ),
        ),
        Mistake(
            "wraps-around",
            "at the left edge the window continues at the end of the text.",
            "A negative index counts from the end in Python: `corpus[-1]` is the last word.",
            (
                "Which neighbour on its left does the first word have in your matrix?",
                "Count only if `i - s >= 0`.",
            ),
        ),
        Mistake(
            "window-ignored",
            "`window_size` plays no part.",
            "Only direct neighbours were counted, whatever window is asked for.",
            ("Where does `window_size` appear in your function?",),
        ),
        Mistake(
            "window-off-by-one",
            "the window is off by one.",
            "Shifts run from 1 to `window_size`, both included; the end of a range is not part "
            "of it.",
            ("Print `list(range(1, 2))`.", "`range(1, window_size + 1)`."),
            slips=("window-off-by-one:1", "window-off-by-one:-1"),
        ),
        Mistake(
            "counted-twice",
            "every pair was counted twice.",
            "Each ordered pair belongs into the matrix once: if you visit every word and look to "
            "both sides, then C[i, j] and C[j, i] take care of each other.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "rows-shared",
            "all rows are one and the same list.",
            "`[[0] * V] * V` makes one row and lists it V times. What is counted in one row shows "
            "in all of them, so each row ends up with the counts of all words together.",
            (
                "Try `C = [[0] * 2] * 2; C[0][0] = 1` and print C.",
                "`np.zeros((vocab_size, vocab_size), dtype=int)` has rows of its own; so has "
                "`[[0] * V for _ in range(V)]`.",
            ),
        ),
        Mistake(
            "vocab-size-ignored",
            "the matrix has no rows for words that do not occur.",
            "The vocabulary can be larger than what this piece of text shows; the matrix is "
            "`vocab_size` × `vocab_size`.",
            ("Where does `vocab_size` appear in your function?",),
        ),
    ),
    hints=(
        "Go through the text word by word, and for each word through the shifts 1 … window_size.",
        "For each shift count the word on the left and the one on the right, if they exist.",
        "`if i - s >= 0: C[corpus[i], corpus[i - s]] += 1`, and the same for `i + s < T`.",
    ),
    kind="function",
)

# --------------------------------------------------------------------------------------- ppmi


def ppmi(function) -> Report:
    """Check a function ``ppmi(C)``: positive pointwise mutual information.

    Write::

        def ppmi(C):    # C: (V, V) symmetric counts
            ...         # → (V, V): max(0, log2(C[i, j]·N / (S_i·S_j)))

    N is the sum of all of C and S_i the sum of row i.  Where C[i, j] = 0 the result is 0, also in
    rows of words that never occur.

    Args:
        function: yours.
    """
    return PPMI.check(function)


def _ppmi(C, *, slip: str = ""):
    C = np.asarray(C, dtype=float)
    N, S = C.sum(), C.sum(axis=1)
    if slip == "N-missing":
        N = 1.0
    if slip == "N-is-V":
        N = float(len(C))
    if slip == "diagonal-as-counts":
        S = np.diag(C).copy()
    below = S[:, None] if slip == "one-word-divided" else np.outer(S, S)
    if slip == "sqrt-of-product":
        below = np.sqrt(np.outer(S, S))
    ratio = np.divide(C * N, below, out=np.zeros_like(C), where=np.broadcast_to(below, C.shape) > 0)
    if slip == "logarithm-missing":
        return ratio
    log = np.log2(ratio, out=np.full_like(C, -np.inf), where=ratio > 0)
    if slip == "natural-log":
        log = log * np.log(2)
    if slip == "log10":
        log = log * np.log10(2)
    if slip == "clipped-at-one":
        return np.where(log > 1, log, 0.0)
    if slip == "absolute-value":
        return np.where(ratio > 0, np.abs(log), 0.0)
    return np.trunc(np.maximum(log, 0)) if slip == "whole-numbers" else np.maximum(log, 0)


def _ppmi_cases(rng) -> list[Case]:
    def symmetric(V, high):
        half = np.triu(rng.integers(0, high, (V, V)) * rng.integers(0, 2, (V, V)), 1)
        return half + half.T

    text = _co_matrix([0, 1, 2, 3, 1, 4, 5, 6], 7)
    lonely = [
        np.array([[0, 2, 0], [2, 1, 0], [0, 0, 0]]),
        np.pad(symmetric(3, 5) + 4 * np.eye(3, dtype=int), (0, 1)),
    ]
    return [
        Case("known answers", {"C": np.array([[0, 4, 1], [4, 2, 0], [1, 0, 3]])}),
        Case("known answers", {"C": np.array([[6, 1, 2], [1, 0, 5], [2, 5, 1]])}),
        Case("counts of a text", {"C": text}),
        Case("larger", {"C": symmetric(6, 9) + np.eye(6, dtype=int)}),
        *(Case("a word without neighbours", {"C": C}) for C in lonely),
    ]


def _probe_ppmi(make, case: Case, notes) -> None:
    C = notes.give("C")
    notes.value("M", notes.ask("M", make, C, name="ppmi"))


def _numbers_of(answers, expected):
    for seen, right in zip(answers, expected, strict=False):
        got = seen.get("M")
        if not isinstance(got, np.ndarray) or got.shape != right["M"].shape:
            return
        yield got.astype(float), right["M"]


def _not_clipped(cases, answers, expected) -> str | None:
    """Right where the result is positive, negative (or −∞) in places where it should be 0."""
    pairs = list(_numbers_of(answers, expected))
    hits = 0
    for got, right in pairs:
        if not same(np.where(right > 0, got, 0.0), right):
            return None
        rest = got[(right == 0) & ~np.isnan(got)]
        if (rest > 1e-9).any():
            return None
        hits += bool((rest < -1e-9).any())
    return "M" if len(pairs) == len(cases) and hits >= MIN_EVIDENCE else None


def _lonely_nan(cases, answers, expected) -> str | None:
    """NaN or infinity only in the rows and columns of words without neighbours."""
    pairs = list(_numbers_of(answers, expected))
    hits = 0
    for case, (got, right) in zip(cases, pairs, strict=False):
        lonely = case.C.sum(axis=1) == 0
        lonely = lonely[:, None] | lonely[None, :]
        if not same(np.where(lonely, 0.0, got), right):
            return None
        hits += not np.isfinite(got).all()
    return "M" if len(pairs) == len(cases) and hits >= MIN_EVIDENCE else None


def _infinite_zeros(cases, answers, expected) -> str | None:
    """NaN or infinity at the zeros of C, and right elsewhere."""
    pairs = list(_numbers_of(answers, expected))
    hits = 0
    for case, (got, right) in zip(cases, pairs, strict=False):
        if not same(np.where(case.C == 0, 0.0, got), right):
            return None
        hits += not np.isfinite(got).all()
    return "M" if len(pairs) == len(cases) and hits >= MIN_EVIDENCE else None


PPMI = Exercise(
    "ppmi",
    _ppmi_cases,
    _probe_ppmi,
    _ppmi,
    labels={"M": "ppmi(C)"},
    mistakes=(
        Mistake(
            "zero-row-nan",
            "a word without neighbours makes NaN.",
            "Its sum is 0, and 0/0 is NaN. One NaN in the matrix, and the SVD that comes next is "
            "NaN from end to end.",
            (
                "What is S_i for a word that never occurs?",
                "Where C[i, j] is 0 the answer is 0: compute the logarithm only for the others.",
            ),
            rule=_lonely_nan,
        ),
        Mistake(
            "not-clipped",
            "negative values are still in there.",
            "The first P stands for *positive*: pairs that meet less often than by chance count "
            "as 0. (Their values are unreliable, and for pairs that never met the logarithm is "
            "−∞.)",
            ("What does PPMI do with a negative PMI?", "`np.maximum(0, pmi)`."),
            rule=_not_clipped,
        ),
        Mistake(
            "log-of-zero",
            "the logarithm of zero.",
            "Pairs that never met have C[i, j] = 0, and log 0 is −∞.",
            ("What should the result be where C[i, j] = 0?", "Clip at 0, or skip those entries."),
            rule=_infinite_zeros,
        ),
        Mistake(
            "natural-log",
            "the natural logarithm instead of log2.",
            "All values are smaller by the factor ln 2 = 0.693. Information is measured in bits "
            "here: 1 means “twice as often as by chance”.",
            ("By which factor do yours and the expected values differ?", "`np.log2`."),
        ),
        Mistake(
            "whole-numbers",
            "the decimals have been cut off.",
            "C holds whole numbers, and so does an array made by `np.zeros_like(C)`: whatever is "
            "written into it loses what stands behind the point.",
            (
                "Which dtype has your result?",
                "`np.zeros(C.shape)`, or `np.zeros_like(C, dtype=float)`.",
            ),
        ),
        Mistake(
            "log10",
            "the logarithm to base 10 instead of log2.",
            "Information is measured in bits here: 1 means “twice as often as by chance”.",
            ("By which factor do yours and the expected values differ?", "`np.log2`."),
        ),
        Mistake(
            "N-missing",
            "every value is 0; probably the factor N is missing.",
            "PMI compares probabilities: C/N against (S_i/N)·(S_j/N). One N is left in the "
            "numerator; without it every value falls below 0 and is cut off.",
            (
                "Write P(i, j), P(i) and P(j) as counts divided by N. What is left over?",
                "If N is there: print the values before they are cut off at 0.",
            ),
        ),
        Mistake(
            "N-is-V",
            "N is the number of words instead of the number of counted pairs.",
            "N is the sum of all entries of C.",
            ("What do you divide C[i, j] by to get a probability?", "`N = np.sum(C)`."),
        ),
        Mistake(
            "diagonal-as-counts",
            "the diagonal was taken for the word counts.",
            "C[i, i] says how often a word met *itself*. How often it met anything is the row sum.",
            ("What is S_i?", "`S = np.sum(C, axis=1)`."),
        ),
        Mistake(
            "one-word-divided",
            "only one of the two words was divided out.",
            "Chance depends on both words: the product S_i · S_j.",
            ("P(i)·P(j): where is the second factor?", "`np.outer(S, S)`."),
        ),
        Mistake(
            "sqrt-of-product",
            "divided by √(S_i · S_j).",
            "That is a cosine-like scaling; PMI divides by the product itself.",
            ("What would C[i, j]/N be if the two words knew nothing of each other?",),
        ),
        Mistake(
            "logarithm-missing",
            "the logarithm is missing.",
            "The bare ratio is 1 at chance level; its logarithm is 0 there, and above and below "
            "chance are treated alike.",
            ("What should the value be for two words that meet exactly as often as by chance?",),
        ),
        Mistake(
            "absolute-value",
            "negative values became positive.",
            "A pair that meets *less* often than by chance then looks like a strong one. Negative "
            "values become 0.",
            ("`np.abs` or `np.maximum`?",),
        ),
        Mistake(
            "clipped-at-one",
            "values between 0 and 1 were lost.",
            "Everything above chance counts: clip at 0, not at 1.",
            ("Which values does your comparison let through?",),
        ),
    ),
    hints=(
        "How often would i and j meet by chance? S_i · S_j / N. Compare C[i, j] with that.",
        "`np.outer(S, S)` has all products S_i · S_j at once.",
        "Where C is 0 the result is 0; elsewhere `np.maximum(0, np.log2(C * N / outer))`.",
    ),
    kind="function",
)
