"""Answers against a plain float64 computation; completion, suggestions and reasons."""

import numpy as np
import pytest

from tests.widgets.planted import planted
from w2vlib import UnknownWordError, WordVectors
from w2vlib.validation import suggest_words
from w2vlib.widgets.formula import Term, parse
from w2vlib.widgets.query import (
    EmptyQueryError,
    Query,
    Vocabulary,
    ask,
    changed,
    ranks_of,
    what_changed,
)

V = planted(400)
FORMULAS = [
    "king - man + woman",
    "king",
    "- king",
    "2 paris - 0.5 italy",
    "king + man + woman - old - good",
]


def query(text, **options):
    return Query(tuple(parse(text, V.__contains__)), **options)


def truth(vectors, asked):
    """(words in order, their scores), word by word in float64."""
    X = vectors.vectors.astype(np.float64)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    ids = [vectors.word_to_id[t.word] for t in asked.terms]
    scores = {}
    for i, word in enumerate(vectors.words):
        if asked.exclude_query and i in ids:
            continue
        if asked.similarity == "dot":
            score = sum(
                t.weight * float(X[i] @ X[j]) for t, j in zip(asked.terms, ids, strict=True)
            )
        elif asked.method == "3CosAdd":
            q = sum(t.weight * U[j] for t, j in zip(asked.terms, ids, strict=True))
            score = float(U[i] @ q) / float(np.linalg.norm(q))
        else:
            score = 1.0
            for t, j in zip(asked.terms, ids, strict=True):
                s = (1 + float(U[i] @ U[j])) / 2
                score *= s**t.weight if t.weight > 0 else (s + 0.001) ** t.weight
        scores[word] = score
    order = sorted(scores, key=lambda word: -scores[word])[: asked.top]
    return order, [scores[word] for word in order]


@pytest.mark.parametrize("text", FORMULAS)
@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("way", [("cosine", "3CosAdd"), ("cosine", "3CosMul"), ("dot", "3CosAdd")])
def test_answers_are_those_of_a_plain_computation(text, exclude, way):
    asked = query(text, similarity=way[0], method=way[1], exclude_query=exclude, top=7)
    answer = ask(V, asked)
    words, scores = truth(V, asked)
    assert answer.words == words
    np.testing.assert_allclose([row.score for row in answer.rows], scores, rtol=2e-5, atol=1e-6)
    assert [row.rank for row in answer.rows] == list(range(1, 8))
    for row in answer.rows:
        assert row.count == V.counts[V.word_to_id[row.word]]
        assert row.in_query == (row.word in asked.words)


def test_cosine_and_dot_product_of_every_row():
    asked = query("king - man + woman")
    X = V.vectors.astype(np.float64)
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    man, king, woman = (V.word_to_id[w] for w in ("man", "king", "woman"))
    q, r = U[king] - U[man] + U[woman], X[king] - X[man] + X[woman]
    for row in ask(V, asked).rows:
        i = V.word_to_id[row.word]
        assert row.cosine == pytest.approx(U[i] @ q / np.linalg.norm(q), abs=1e-12)
        assert row.dot == pytest.approx(X[i] @ r, abs=1e-10)


def test_the_planted_answer_comes_first():
    assert ask(V, query("king - man + woman")).first.word == "queen"
    assert ask(V, query("paris - france + japan")).first.word == "tokyo"


@pytest.mark.parametrize("method", ["3CosAdd", "3CosMul"])
def test_the_library_gives_the_same(method):
    asked = query("king - man + woman", method=method)
    expected = V.analogy("man", "king", "woman", top=10, method=method)
    assert ask(V, asked).words == [word for word, _ in expected]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_dtypes(dtype):
    other = WordVectors(V.words, V.vectors.astype(dtype))
    for similarity in ("cosine", "dot"):
        answer = ask(other, query("king - man + woman", similarity=similarity))
        assert answer.first.count is None
        assert len(answer.words) == 10


def test_dot_products_cannot_be_multiplied():
    assert query("king", similarity="dot", method="3CosMul").method == "3CosAdd"


def test_terms_that_cancel_out():
    with pytest.raises(EmptyQueryError, match="king - king cancels out"):
        ask(V, query("king - king"))


def test_unknown_words():
    with pytest.raises(UnknownWordError, match="'kingg'"):
        ask(V, query("kingg - man"))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"similarity": "l2"}, "similarity must be"),
        ({"method": "mul"}, "method must be"),
        ({"top": 0}, "top must be at least 1"),
        ({"top": 101}, "at most 100"),
    ],
)
def test_wrong_options(options, says):
    with pytest.raises(ValueError, match=says):
        query("king", **options)
    with pytest.raises(ValueError, match="at least one word"):
        Query(())


def test_more_answers_than_words():
    small = WordVectors(["a", "b", "c"], np.eye(3))
    assert len(ask(small, Query((Term("a"),), top=10)).rows) == 2


@pytest.mark.parametrize("exclude", [True, False])
def test_ranks_are_places_in_the_whole_list(exclude):
    asked = query("king - man + woman", exclude_query=exclude, top=100)
    answer = ask(V, asked)
    found = ranks_of(V, asked, [*answer.words, "nowhere"])
    assert found == {row.word: row.rank for row in answer.rows}


# ---- vocabulary ---------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["k", "K", "wo", "aw", "str", "caf", "u.", "+"])
def test_completion_is_by_prefix_and_frequency(prefix):
    vocabulary = Vocabulary(V)
    folded = {word: word.casefold() for word in V.words}
    fitting = [w for w in V.words if folded[w].startswith(prefix.casefold())]
    fitting.sort(key=lambda w: -V.counts[V.word_to_id[w]])
    found = vocabulary.complete(prefix)
    assert [word for word, _ in found] == fitting[:8]
    assert [count for _, count in found] == [V.counts[V.word_to_id[w]] for w in fitting[:8]]


def test_completion_of_nothing_and_without_counts():
    assert Vocabulary(V).complete("") == []
    assert Vocabulary(V).complete("zzz") == []
    bare = Vocabulary(WordVectors(["b", "a", "bb"], np.eye(3)))
    assert bare.complete("b") == [("b", None), ("bb", None)]


@pytest.mark.parametrize(
    "word", ["kng", "King", "qeen", "parris", "strasse", "CAFE", "awor", "x", ""]
)
def test_suggestions_are_those_of_the_error(word):
    assert Vocabulary(V).suggest(word) == suggest_words(word, V.by_frequency())


def test_suggestions_mend_spelling_case_and_unicode():
    vocabulary = Vocabulary(V)
    assert vocabulary.suggest("KING")[0] == "king"
    assert vocabulary.suggest("womna")[0] == "woman"
    assert vocabulary.suggest("cafe\u0301")[0] == "café"
    assert len(vocabulary.suggest("aword11")) <= 5


def test_why_a_word_may_be_missing():
    once = WordVectors(["a", "b"], np.eye(2), [1, 3])
    five = WordVectors(["a", "b"], np.eye(2), [5, 9])
    bare = WordVectors(["a", "b"], np.eye(2))
    assert "never occurs" in Vocabulary(once).why_missing("x")
    assert "min_count" not in Vocabulary(once).why_missing("x")
    assert "5 times" in Vocabulary(five).why_missing("x")
    assert "fewer than 4 times" in Vocabulary(five, min_count=4).why_missing("x")
    assert "min_count" in Vocabulary(bare).why_missing("x")
    counted = Vocabulary(five, min_count=4, all_counts={"x": 2})
    assert counted.why_missing("x") == (
        "'x' occurs twice in the text: too rare to be kept (min_count = 4)."
    )
    assert counted.why_missing("y") == "'y' never occurs in the text."


# ---- sentences ----------------------------------------------------------------------------------


def test_what_a_switch_changed():
    asked = query("king - man + woman")
    before = ask(V, asked)
    allowed = ask(V, changed(asked, exclude_query=False))
    text = what_changed(before, allowed)
    assert text.startswith("The words of the query may be answers now.")
    own = [row.word for row in allowed.rows if row.in_query]
    assert own and all(word in text for word in own)
    assert "no longer be answers" in what_changed(allowed, before)
    assert "long vectors gain" in what_changed(before, ask(V, changed(asked, similarity="dot")))
    assert "multiplied" in what_changed(before, ask(V, changed(asked, method="3CosMul")))
    assert what_changed(before, ask(V, changed(asked, top=5))).startswith("5 answers")


def test_another_question_is_no_switch():
    assert what_changed(None, ask(V, query("king"))) == ""
    assert what_changed(ask(V, query("queen")), ask(V, query("king"))) == ""
    assert what_changed(ask(V, query("king")), ask(V, query("king"))) == ""
