"""Checks for asking word vectors: most_similar and analogy."""

from __future__ import annotations

import numpy as np

from w2vlib.check.answers import Remark, same
from w2vlib.check.exercise import MIN_EVIDENCE, Case, Exercise, Mistake
from w2vlib.check.report import Report

NAN = "+nan"
_WORDS = "king queen man woman apple pear Paris Rome two three blue green".split()


def most_similar(function) -> Report:
    """Check a function ``most_similar(query, word_to_id, id_to_word, word_matrix, top)``.

    Write::

        def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
            ...
            return [(word, score), …]   # the top words with the highest cosine, best first

    ``word_matrix`` is (V, H).  The score is the cosine of the angle between the two vectors; the
    query itself is not among the answers.  A word whose vector is zero has the score 0.

    Args:
        function: yours.  What it prints does not matter.
    """
    return MOST_SIMILAR.check(function)


def analogy(function) -> Report:
    """Check a function ``analogy(a, b, c, word_to_id, id_to_word, word_matrix, top)``.

    Write::

        def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
            ...
            return [(word, score), …]   # the top answers to "a is to b as c is to ?", best first

    All vectors are first brought to length 1; the score of a word d is the cosine of d and
    b − a + c.  The three words of the question are not among the answers.

    Args:
        function: yours.  What it prints does not matter.
    """
    return ANALOGY.check(function)


def _units(matrix):
    length = np.sqrt((matrix**2).sum(axis=-1, keepdims=True))
    return np.divide(matrix, length, out=np.zeros_like(matrix), where=length > 0)


def _best(scores, left_out, id_to_word, top, slip: str):
    order = np.argsort(-scores, kind="stable")
    if slip == "ascending":
        order = order[::-1]
    if slip == "top-off-by-one:more":
        top += 1
    elif slip == "top-off-by-one:less":
        top -= 1
    elif slip == "top-ignored":
        top = 5
    if slip == "first-skipped":
        found = order[1 : top + 1]
    elif slip == "cut-before-excluding":
        found = [i for i in order[:top] if i not in left_out]
    else:
        found = [i for i in order if i not in left_out][:top]
    return [(id_to_word[int(i)], float(scores[i])) for i in found]


def _most_similar(query, word_to_id, id_to_word, word_matrix, top=5, *, slip: str = ""):
    matrix, q = np.asarray(word_matrix, dtype=float), word_to_id[query]
    scores = _units(matrix) @ _units(matrix[q])
    if slip.endswith(NAN):  # besides, zero vectors are divided by their length
        slip = slip.removesuffix(NAN)
        scores[~matrix.any(axis=1)] = np.nan
    if slip == "dot-instead-of-cosine":
        scores = matrix @ matrix[q]
    elif slip == "half-normalised:query":
        scores = matrix @ _units(matrix[q])
    elif slip == "half-normalised:matrix":
        scores = _units(matrix) @ matrix[q]
    elif slip == "distance":
        scores = -np.sqrt(((matrix - matrix[q]) ** 2).sum(axis=1))
    elif slip == "positive-distance":
        scores = np.sqrt(((matrix - matrix[q]) ** 2).sum(axis=1))
        found = np.argsort(scores, kind="stable")
        return [(id_to_word[int(i)], float(scores[i])) for i in found if i != q][:top]
    elif slip == "columns-normalised":
        by_column = matrix / np.sqrt((matrix**2).sum(axis=0))
        scores = by_column @ by_column[q]
    left_out = set() if slip == "query-included" else {q}
    return _best(scores, left_out, id_to_word, top, slip)


def _analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5, *, slip: str = ""):
    matrix, ids = np.asarray(word_matrix, dtype=float), [word_to_id[w] for w in (a, b, c)]
    unit = _units(matrix)
    raw = slip.startswith("vectors-not-normalised")
    va, vb, vc = (matrix if raw else unit)[ids]
    query = vb - va + vc
    if slip == "wrong-sign:a-b+c":
        query = va - vb + vc
    elif slip == "wrong-sign:a+b-c":
        query = va + vb - vc
    elif slip == "wrong-sign:a+b+c":
        query = va + vb + vc
    candidates = unit
    if slip in ("vectors-not-normalised:at-all", "vectors-not-normalised:but-query"):
        candidates = matrix
    if slip not in ("vectors-not-normalised:at-all", "score-not-cosine"):
        query = _units(query)
    if slip == "candidates-not-normalised":
        candidates = matrix
    left_out = {"query-words-included": set(), "only-c-excluded": {ids[2]}}.get(slip, set(ids))
    return _best(candidates @ query, left_out, id_to_word, top, slip)


def _vocabulary(V: int):
    words = _WORDS[:V]
    return {w: i for i, w in enumerate(words)}, dict(enumerate(words))


def _matrix(rng, V: int, H: int) -> np.ndarray:
    """Vectors of very different lengths, so that length and direction cannot be confused."""
    directions = _units(rng.normal(size=(V, H)))
    return np.round(directions * rng.choice([0.5, 1, 2, 4], (V, 1)), 2)


def _similar_cases(rng) -> list[Case]:
    def case(name, V, H, top, zero=None, twin=False):
        matrix = _matrix(rng, V, H)
        query = int(rng.integers(V))
        if twin:  # the same vector, and the smaller id
            query = max(query, 1)
            matrix[query - 1] = matrix[query]
        if zero is not None:
            matrix[(query + zero) % V] = 0
        to_id, to_word = _vocabulary(V)
        inputs = {"query": to_word[query], "word_to_id": to_id, "id_to_word": to_word}
        return Case(name, {**inputs, "word_matrix": matrix, "top": top})

    return [
        case("known answers", 5, 2, 2),
        case("known answers", 6, 3, 3),
        case("larger", 12, 5, 5),
        case("top", 8, 4, 1),
        case("top", 9, 3, 7),
        case("a vector of zeros", 5, 2, 4, zero=1),
        case("a vector of zeros", 6, 3, 5, zero=2),
        case("a twin of the query", 5, 2, 2, twin=True),
        case("a twin of the query", 7, 3, 4, twin=True),
    ]


def _analogy_cases(rng) -> list[Case]:
    def case(name, V, H, top):
        matrix = _matrix(rng, V, H)
        to_id, to_word = _vocabulary(V)
        chosen = rng.permutation(V)[:3]
        inputs = {n: to_word[int(i)] for n, i in zip("abc", chosen, strict=True)}
        inputs |= {"word_to_id": to_id, "id_to_word": to_word, "word_matrix": matrix, "top": top}
        return Case(name, inputs)

    return [
        case("known answers", 6, 2, 2),
        case("known answers", 7, 3, 3),
        case("larger", 12, 5, 5),
        case("larger", 12, 4, 8),
        case("top", 8, 3, 1),
        case("top", 10, 3, 7),
    ]


_SIMILAR_ARGUMENTS = "query", "word_to_id", "id_to_word", "word_matrix", "top"
_ANALOGY_ARGUMENTS = "a", "b", "c", "word_to_id", "id_to_word", "word_matrix", "top"


def _prober(name: str, arguments: tuple):
    def probe(make, case: Case, notes) -> None:
        result = notes.ask("words", make, *notes.give(*arguments), name=name)
        try:
            pairs = [(str(word), float(score)) for word, score in result]
        except (TypeError, ValueError):
            notes.stop("words", Remark(f"a {type(result).__name__}, no list of (word, score)"))
        notes.value("words", np.array([word for word, _ in pairs], dtype=str))
        notes.value("scores", np.array([score for _, score in pairs]))

    return probe


def _nan_first(cases, answers, expected) -> str | None:
    """NaN among the scores, wherever a vector is zero, and nowhere else."""
    hits = 0
    for case, seen, right in zip(cases, answers, expected, strict=False):
        scores = seen.get("scores")
        if not isinstance(scores, np.ndarray):
            return None
        if np.isnan(scores).any():
            hits += 1
            if case.name != "a vector of zeros":
                return None
        elif not (same(scores, right["scores"]) and same(seen["words"], right["words"])):
            return None
    return "scores" if hits >= MIN_EVIDENCE else None


def _answer_mistakes(words: str, *less: str, more: str = "") -> tuple[Mistake, ...]:
    return (
        Mistake(
            "ascending",
            "the worst answers come first.",
            "`argsort` sorts from small to large; the best answer has the largest cosine.",
            ("Which end of the sorted list do you want?", "`(-scores).argsort()`."),
        ),
        Mistake(
            "cut-before-excluding",
            "some answers are missing.",
            f"The list was cut to `top` words first, and then {words} dropped out of it.",
            ("How many answers do you get for top = 5?", "Leave them out first, then cut."),
            slips=tuple(dict.fromkeys(("cut-before-excluding", "cut-before-excluding" + more))),
        ),
        Mistake(
            "top-off-by-one",
            "the number of answers is off by one.",
            "`top` answers are wanted, no more and no fewer.",
            ("Count your answers. When does your loop stop?",),
            slips=("top-off-by-one:more", *less),
        ),
        Mistake(
            "top-ignored",
            "`top` plays no part.",
            "There are always 5 answers, whatever was asked for.",
            ("Where does `top` appear in your function?",),
        ),
    )


MOST_SIMILAR = Exercise(
    "most_similar",
    _similar_cases,
    _prober("most_similar", _SIMILAR_ARGUMENTS),
    _most_similar,
    labels={"words": "the words", "scores": "the scores"},
    mistakes=(
        Mistake(
            "nan-for-zero-vector",
            "a vector of zeros makes NaN.",
            "Its length is 0, and 0/0 is NaN. NaN is neither larger nor smaller than anything, "
            "so it can end up anywhere in the order, the first place included.",
            (
                "What do you divide by for a vector of zeros?",
                "Divide by the length only where it is not 0 (or add a tiny number to it).",
            ),
            rule=_nan_first,
        ),
        Mistake(
            "first-skipped",
            "the first word of the list was taken for the query.",
            "The query has the cosine 1 with itself – and so has every word whose vector points "
            "the same way. Such a word may come first, and then it is lost.",
            (
                "How do you know that the first word of the list is the query?",
                "Compare the ids: leave out the word that *is* the query.",
            ),
            slips=("first-skipped", "first-skipped" + NAN),
        ),
        Mistake(
            "dot-instead-of-cosine",
            "the dot product instead of the cosine.",
            "Long vectors have large dot products with everything, so frequent words crowd the "
            "first places. The cosine compares directions only.",
            ("What must the dot product be divided by?", "Bring all vectors to length 1 first."),
        ),
        Mistake(
            "half-normalised",
            "only one of the two vectors was brought to length 1.",
            "The cosine divides by both lengths.",
            ("cos(x, y) = x·y / (|x|·|y|): where are both lengths in your code?",),
            slips=("half-normalised:query", "half-normalised:matrix"),
        ),
        Mistake(
            "columns-normalised",
            "the columns were normalised instead of the rows.",
            "One row is one word; its length is the root of the sum along the row.",
            ("Which axis does a word's vector lie along?", "`axis=1, keepdims=True`."),
        ),
        Mistake(
            "distance",
            "the distance instead of the cosine.",
            "The distance depends on the lengths of the vectors; the cosine compares directions "
            "only.",
            ("What is the score of two vectors that point the same way, one twice as long?",),
            slips=("distance", "positive-distance"),
        ),
        Mistake(
            "query-included",
            "the query itself is among the answers.",
            "Every word is most similar to itself, with the cosine 1. Nobody asks for that.",
            ("Which word has the score 1?", "Skip the query's id."),
            slips=("query-included", "query-included" + NAN),
        ),
        *_answer_mistakes("the query", more=NAN),
    ),
    hints=(
        "One matrix times one vector gives the dot products with all words at once.",
        "Divide by the lengths first; then the dot product is the cosine.",
        "`order = (-scores).argsort()`; go through it, skip the query, stop after `top` words.",
    ),
    kind="function",
    unshown=("id_to_word",),
)
ANALOGY = Exercise(
    "analogy",
    _analogy_cases,
    _prober("analogy", _ANALOGY_ARGUMENTS),
    _analogy,
    labels={"words": "the words", "scores": "the scores"},
    mistakes=(
        Mistake(
            "vectors-not-normalised",
            "the vectors were not brought to length 1.",
            "In b − a + c a long vector drowns the others, so the answer depends on how frequent "
            "the words are and not only on what they mean. All vectors count alike if they have "
            "length 1.",
            (
                "Which of the three vectors is the longest, and what does that do to the sum?",
                "Normalise the rows of the matrix first, then look up a, b and c in it.",
            ),
            slips=tuple(
                f"vectors-not-normalised:{kind}" for kind in ("at-all", "but-query", "but-all-else")
            ),
        ),
        Mistake(
            "candidates-not-normalised",
            "the candidates were not brought to length 1.",
            "The dot product with a long vector is large whatever its direction, so a few long "
            "vectors win every time.",
            ("Is your score a cosine? What must it be divided by?",),
        ),
        Mistake(
            "score-not-cosine",
            "the words are right, but the scores are no cosines.",
            "b − a + c has not length 1 itself. Divide it by its length, and the scores of "
            "different questions can be compared.",
            ("How long is b − a + c?", "`query /= np.linalg.norm(query)`."),
        ),
        Mistake(
            "wrong-sign",
            "a, b and c are put together with the wrong signs.",
            "“a is to b as c is to d”: the way from a to b is b − a; starting from c it leads to "
            "d = c + b − a.",
            ("Draw the four points. Which arrow leads from a to b?", "`b - a + c`."),
            slips=("wrong-sign:a-b+c", "wrong-sign:a+b-c", "wrong-sign:a+b+c"),
        ),
        Mistake(
            "query-words-included",
            "words of the question are among the answers.",
            "b and c are usually closest to b − a + c, simply because they are part of it.",
            ("Which words lie closest to the sum?", "Leave out all three words of the question."),
        ),
        Mistake(
            "only-c-excluded",
            "of the three words of the question, only c was left out.",
            "b is part of the sum too, and usually close to it.",
            ("Which words are part of b − a + c?",),
        ),
        *_answer_mistakes("words of the question", "top-off-by-one:less"),
    ),
    hints=(
        "“a is to b as c is to d”: take the way from a to b, starting from c.",
        "Rows to length 1, query = b − a + c to length 1, one product with the whole matrix.",
        "Sort the scores downwards, leave out a, b and c, and return `top` pairs (word, score).",
    ),
    kind="function",
    unshown=("id_to_word",),
)
