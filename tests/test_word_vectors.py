"""Word vectors against plain float64 loops, and everything that may be asked wrongly."""

import contextlib
import io
import math
import pickle
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from w2vlib import word_table
from w2vlib import word_vectors as book
from w2vlib.corpus import build_corpus
from w2vlib.validation import UnknownWordError
from w2vlib.word_vectors import WordVectors, analogy_scores, best, unit_rows

WORDS = ["the", "king", "queen", "man", "woman", "apple", "pear"]


def random_vectors(seed=0, words=WORDS, size=5, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return WordVectors(words, rng.standard_normal((len(words), size)).astype(dtype))


# -- the truth, slowly, in float64


def slow_unit(vector):
    vector = [float(x) for x in vector]
    length = math.hypot(*vector)
    return [x / length for x in vector] if length else vector


def slow_cos(a, b):
    return math.fsum(x * y for x, y in zip(slow_unit(a), slow_unit(b), strict=True))


def slow_add(v, a, b, c):
    a, b, c = (slow_unit(v[w]) for w in (a, b, c))
    query = [y - x + z for x, y, z in zip(a, b, c, strict=True)]
    return {w: slow_cos(v[w], query) for w in v}


def slow_mul(v, a, b, c):
    def shifted(word, other):
        return (1 + slow_cos(v[word], v[other])) / 2

    return {w: shifted(w, b) * shifted(w, c) / (shifted(w, a) + 0.001) for w in v}


def ranked(scores, top, without=()):
    left = [(w, s) for w, s in scores.items() if w not in without]
    return sorted(left, key=lambda pair: -pair[1])[:top]


def same(found, expected, tolerance=1e-5):
    assert [w for w, _ in found] == [w for w, _ in expected]
    assert [s for _, s in found] == pytest.approx([s for _, s in expected], abs=tolerance)


# -- answers


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("seed", range(5))
def test_most_similar_equals_the_slow_loop(seed, dtype):
    v = random_vectors(seed, dtype=dtype)
    scores = {w: slow_cos(v[w], v["king"]) for w in v}
    same(v.most_similar("king", 4), ranked(scores, 4, {"king"}))
    same(v.most_similar("king", 9, exclude_query=False), ranked(scores, 7))


@pytest.mark.parametrize("method, slow", [("3CosAdd", slow_add), ("3CosMul", slow_mul)])
@pytest.mark.parametrize("seed", range(8))
def test_analogy_equals_the_slow_loop(seed, method, slow):
    v = random_vectors(seed)
    truth = slow(v, "man", "king", "woman")
    query = {"man", "king", "woman"}
    same(v.analogy("man", "king", "woman", 3, method), ranked(truth, 3, query), 1e-4)
    everything = v.analogy("man", "king", "woman", 7, method, exclude_query=False)
    same(everything, ranked(truth, 7), 1e-4)


def test_an_analogy_by_hand():
    # Axes: male/female, royal, fruit. king − man + woman points exactly at queen.
    rows = [[1, 0, 0], [1, 2, 0], [-1, 0, 0], [-1, 2, 0], [0, 0, 1]]
    v = WordVectors(["man", "king", "woman", "queen", "pear"], np.array(rows, float))
    [(word, score)] = v.analogy("man", "king", "woman", top=1)
    king = np.array([1, 2, 0]) / math.sqrt(5)
    query = king - [1, 0, 0] + [-1, 0, 0]
    expected = query @ [-1, 2, 0] / math.sqrt(5) / np.linalg.norm(query)
    assert word == "queen"
    assert score == pytest.approx(expected, abs=1e-12)


def test_long_vectors_do_not_win():
    """The book's analogy multiplies with unnormalised vectors, and 'long' comes first there."""
    rows = np.array([[1, 0.1], [1, 0.2], [1, 0.3], [1, 0.4], [900, 500]], np.float32)
    words = ["a", "b", "c", "right", "long"]
    ids = {w: i for i, w in enumerate(words)}
    with contextlib.redirect_stdout(io.StringIO()):
        found = book.analogy("a", "b", "c", ids, dict(enumerate(words)), rows, top=1)
    assert found[0][0] == "right"


def test_query_words_can_be_several_and_weighted():
    v = random_vectors(3)
    king, man, woman = (np.array(slow_unit(v[w])) for w in ("king", "man", "woman"))
    query = king - man + woman
    scores = {w: slow_cos(v[w], query) for w in v}
    expected = ranked(scores, 3, {"king", "man", "woman"})
    same(v.most_similar(positive=["king", "woman"], negative=["man"], top=3), expected)
    same(v.most_similar(["king", "woman"], 3, negative="man"), expected)
    same(v.most_similar([("king", 1), ("man", -1.0), ("woman", 1)], 3), expected)
    same(v.most_similar(("king", 2.5), 3), v.most_similar("king", 3))
    assert v.most_similar("king", 3) != v.most_similar(("king", -1), 3)


def test_a_raw_vector_can_be_the_query():
    v = random_vectors(1)
    raw = np.array(v["king"]) * 7
    scores = {w: slow_cos(v[w], raw) for w in v}
    expected = ranked(scores, 3)
    for query in (raw, raw.tolist(), raw.astype(np.float64), [raw], raw[::1][:, None].T[0]):
        same(v.most_similar(query, 3), expected)
    assert v.most_similar(raw, 1)[0][0] == "king"  # nothing is excluded: no word was named
    same(v.most_similar(raw.astype(np.float64) * 1e200, 3), expected)
    same(v.most_similar(["king", raw], 3, exclude_query=False), expected)


def test_equal_scores_come_in_row_order():
    rows = np.tile(np.array([[1.0, 2.0]], np.float32), (50, 1))
    v = WordVectors([f"w{i}" for i in range(50)], rows)
    assert [w for w, _ in v.most_similar("w3", 4)] == ["w0", "w1", "w2", "w4"]
    assert best(np.array([1.0, 3, 3, 3, 0]), 2) == [(1, 3.0), (2, 3.0)]
    assert best(np.array([1.0, 3, 3, 3, 0]), 2, [1]) == [(2, 3.0), (3, 3.0)]


@given(
    st.lists(st.sampled_from([-1.0, 0.0, 0.5, 1.0]), min_size=1, max_size=30),
    st.integers(1, 40),
    st.sets(st.integers(0, 29)),
)
def test_best_is_a_stable_sort(scores, top, excluded):
    excluded = {i for i in excluded if i < len(scores)}
    expected = sorted(
        (i for i in range(len(scores)) if i not in excluded), key=lambda i: -scores[i]
    )
    assert [i for i, _ in best(np.array(scores), top, excluded)] == expected[:top]


def test_results_are_plain_python():
    v = random_vectors()
    for found in (v.most_similar("king"), v.analogy("man", "king", "woman")):
        assert type(found) is list
        assert all(type(w) is str and type(s) is float for w, s in found)
    assert type(v.similarity("king", "queen")) is float


def test_top_beyond_the_vocabulary_returns_all_that_is_left():
    v = random_vectors()
    assert len(v.most_similar("king", 1000)) == 6
    assert len(v.analogy("man", "king", "woman", 1000)) == 4
    assert WordVectors(["only"], np.ones((1, 2))).most_similar("only") == []


def test_similarity_and_odd_one_out():
    v = random_vectors(2)
    assert v.similarity("king", "queen") == pytest.approx(slow_cos(v["king"], v["queen"]), abs=1e-6)
    assert v.similarity("king", "king") == pytest.approx(1, abs=1e-6)
    assert -1 <= v.similarity("king", -v["king"]) <= -0.999999
    rows = np.array([[1, 0], [1, 0.1], [1, -0.1], [0, 1]], np.float32)
    v = WordVectors(["breakfast", "lunch", "dinner", "cereal"], rows)
    assert v.doesnt_match(["breakfast", "cereal", "dinner", "lunch"]) == "cereal"


# -- numbers at the edge


def test_zero_vectors_are_similar_to_nothing():
    rows = np.array([[0, 0], [1, 2], [2, 1]], np.float32)
    v = WordVectors(["zero", "a", "b"], rows)
    with np.errstate(all="raise"):
        assert v.most_similar("zero") == [("a", 0.0), ("b", 0.0)]
        assert v.similarity("zero", "a") == 0.0
        assert v.similarity("zero", "zero") == 0.0
        for method in book.METHODS:
            scores = [s for _, s in v.analogy("zero", "a", "zero", 3, method)]
            assert np.isfinite(scores).all()
        assert v.doesnt_match(["zero", "a", "b"]) == "zero"
    np.testing.assert_array_equal(v.unit_vectors[0], 0)


@pytest.mark.parametrize(
    "dtype, scale",
    [
        (np.float16, 2.0**15),
        (np.float16, 2.0**-24),
        (np.float32, 2.0**126),
        (np.float32, 2.0**-149),
        (np.float64, 2.0**1022),
        (np.float64, 2.0**-1074),
    ],
)
def test_huge_and_tiny_vectors_keep_their_direction(dtype, scale):
    small = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0]])
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        unit = unit_rows((small * scale).astype(dtype))
    expected = small / np.linalg.norm(small, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, expected, atol=1e-6)


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(width=32, allow_nan=False, allow_infinity=False),
    )
)
def test_unit_rows_have_length_one_or_zero(matrix):
    before = matrix.copy()
    unit = unit_rows(matrix)
    lengths = np.linalg.norm(unit.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, matrix.any(axis=1).astype(float), atol=1e-5)
    np.testing.assert_array_equal(matrix, before)


def test_blocks_do_not_change_the_result(monkeypatch):
    matrix = np.random.default_rng(0).standard_normal((100, 7))
    whole = unit_rows(matrix)
    monkeypatch.setattr(book, "BLOCK_NUMBERS", 20)
    monkeypatch.setattr(word_table, "BLOCK_NUMBERS", 20)
    np.testing.assert_array_equal(unit_rows(matrix), whole)
    matrix[93, 2] = np.inf
    with pytest.raises(ValueError, match=r"'w93' \(row 93\) holds NaN"):
        WordVectors([f"w{i}" for i in range(100)], matrix)


@pytest.mark.parametrize("method", ["3CosAdd", "3CosMul"])
def test_scores_keep_the_dtype(method):
    for dtype in (np.float32, np.float64):
        unit = unit_rows(np.eye(4, dtype=dtype))
        assert analogy_scores(unit, np.array([[0, 1, 2]]), method).dtype == dtype


# -- the object


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_dtype_is_kept_and_arrays_are_read_only(dtype):
    rows = np.arange(1, 7, dtype=dtype).reshape(3, 2)
    v = WordVectors(["a", "b", "c"], rows, [3, 2, 1])
    assert v.vectors.dtype == dtype
    for array in (v.vectors, v.counts, v["a"], v.unit_vectors):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    rows[:] = 0  # training goes on; the snapshot does not change
    np.testing.assert_array_equal(v["c"], [5, 6])


def test_strided_read_only_and_swapped_input():
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    base.flags.writeable = False
    for rows in (base[::2, ::3], base.T[:2, :2], base[:2, :2].astype(">f4")):
        v = WordVectors(["a", "b"], rows)
        np.testing.assert_array_equal(v.vectors, rows)
        assert v.vectors.flags.c_contiguous
        assert v.vectors.dtype.isnative


def test_looking_up():
    v = random_vectors()
    assert "king" in v
    assert "King" not in v
    assert 3 not in v
    assert len(v) == 7
    assert list(v) == WORDS
    assert v.shape == (7, 5)
    assert v.id_to_word[1] == "king"
    assert v.word_to_id["king"] == v.id("king") == 1
    np.testing.assert_array_equal(v[["king", "the"]], v.vectors[[1, 0]])
    np.testing.assert_array_equal(WordVectors(v.id_to_word, v.vectors).vectors, v.vectors)
    assert repr(v) == "<WordVectors: 7 words × 5 float32 (the, king, queen, …)>"


def test_frequency_order():
    v = WordVectors(["a", "b", "c", "d"], np.eye(4), [5, 9, 9, 7])
    assert v.by_frequency() == ["b", "c", "d", "a"]
    top = v.most_frequent(2)
    assert top.words == ("b", "c")
    assert top.counts.tolist() == [9, 9]
    np.testing.assert_array_equal(top["c"], v["c"])
    assert len(v.most_frequent(100)) == 4
    assert random_vectors().by_frequency() == WORDS


@pytest.mark.parametrize(
    "asked, suggested",
    [("King", "king"), ("quen", "queen"), ("ＫＩＮＧ", "king"), ("Cafe\u0301", "caf\u00e9")],
)
def test_unknown_words_come_with_suggestions(asked, suggested):
    v = WordVectors([*WORDS, "caf\u00e9"], np.eye(8))
    calls = [
        lambda: v[asked],
        lambda: v.most_similar(asked),
        lambda: v.most_similar(positive=["king"], negative=[asked]),
        lambda: v.analogy("man", asked, "woman"),
        lambda: v.similarity("man", asked),
        lambda: v.doesnt_match(["man", "woman", asked]),
    ]
    for call in calls:
        with pytest.raises(UnknownWordError) as caught:
            call()
        assert caught.value.suggestions[0] == suggested
        assert repr(suggested) in str(caught.value)
        assert isinstance(caught.value, KeyError)


def test_other_code_points_for_the_same_letters_find_the_word():
    """As in a Corpus: some keyboards and file systems write ë as e and two dots."""
    v = random_vectors(words=["zoë", "max", "ann"])
    asked = "zoe\u0308"
    assert asked in v and v.id(asked) == 0
    same(v.most_similar(asked), v.most_similar("zoë"))
    same(v.analogy("max", asked, "ann", exclude_query=False), v.analogy("max", "zoë", "ann", 5,
         exclude_query=False))  # fmt: skip
    assert "\u0308" not in v


def test_weights_in_a_dict():
    v = random_vectors()
    same(
        v.most_similar({"king": 1, "man": -0.5}, 4),
        v.most_similar([("king", 1), ("man", -0.5)], 4),
    )
    same(v.most_similar(negative={"king": 2.0}, top=3), v.most_similar([("king", -2.0)], 3))


@pytest.mark.parametrize("copy", [lambda v: pickle.loads(pickle.dumps(v)), deepcopy])
def test_a_copy_does_not_change_either(copy):
    v = WordVectors(WORDS, np.eye(7), range(7))
    v.most_similar("king")
    found = copy(v)
    assert found.words == v.words and found.word_to_id == v.word_to_id
    np.testing.assert_array_equal(found.vectors, v.vectors)
    np.testing.assert_array_equal(found.counts, v.counts)
    same(found.most_similar("king"), v.most_similar("king"))
    for array in (found.vectors, found.counts, found.unit_vectors):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    assert copy(random_vectors()).counts is None


GOOD = np.eye(2, dtype=np.float32)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ((["a"], GOOD), ValueError, "1 words and 2 rows"),
        ((["a", "a"], GOOD), ValueError, "'a' occurs twice"),
        ((["a", ""], GOOD), ValueError, r"words\[1\] is empty"),
        ((["a", 3], GOOD), TypeError, r"words\[1\] must be a str"),
        (("ab", GOOD), TypeError, "single str"),
        (({"a": 0, "b": 1}, GOOD), ValueError, "id_to_word"),
        (({"a", "b"}, GOOD), TypeError, "sets have no order"),
        ((build_corpus("a b"), GOOD), TypeError, r"Give its \.words"),
        ((["a", "b"], GOOD.astype(int)), TypeError, "floating-point"),
        ((["a", "b"], GOOD.astype(complex)), TypeError, "floating-point"),
        ((["a", "b"], GOOD.astype(np.longdouble)), TypeError, "float16, float32 or float64"),
        ((["a", "b"], GOOD[0]), ValueError, "two dimensions"),
        ((["a", "b"], "no"), TypeError, "floating-point"),
        (([], GOOD[:0]), ValueError, "at least one row"),
        ((["a", "b"], GOOD[:, :0]), ValueError, "at least one row"),
        ((["a", "b"], GOOD * np.nan), ValueError, "vector of 'a'"),
        ((["a", "b"], [[1.0, 2], [3, np.inf]]), ValueError, "vector of 'b'"),
        ((["a", "b"], GOOD, [1]), ValueError, r"shape \(2,\)"),
        ((["a", "b"], GOOD, [1.5, 2]), TypeError, "whole numbers"),
        ((["a", "b"], GOOD, [1, -2]), ValueError, "negative"),
        ((["a", "b"], GOOD, np.array([1, 2**63], np.uint64)), ValueError, r"below 2\*\*63"),
    ],
)
def test_wrong_construction(arguments, error, message):
    with pytest.raises(error, match=message):
        WordVectors(*arguments)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda v: v.most_similar(), ValueError, "nothing to compare"),
        (lambda v: v.most_similar([]), ValueError, "nothing to compare"),
        (lambda v: v.most_similar("king", 0), ValueError, "top must be at least 1"),
        (lambda v: v.most_similar("king", 2.5), TypeError, "top"),
        (lambda v: v.most_similar(7), TypeError, "A query is a word"),
        (lambda v: v.most_similar(b"king"), TypeError, "A query is a word"),
        (lambda v: v.most_similar([("king", "2")]), TypeError, r"got \('king', '2'\)"),
        (lambda v: v.most_similar({"king": "2"}), TypeError, r"got \('king', '2'\)"),
        (lambda v: v.most_similar([["king", "man"]]), TypeError, r"got \['king', 'man'\]"),
        (lambda v: v.similarity("king", None), ValueError, "nothing to compare"),
        (lambda v: v.similarity([], "king"), ValueError, "nothing to compare"),
        (lambda v: v.most_similar(np.ones(4)), ValueError, r"shape \(5,\)"),
        (lambda v: v.most_similar(np.ones((2, 2))), ValueError, r"shape \(5,\)"),
        (lambda v: v.most_similar(np.zeros(5)), ValueError, "all zeros"),
        (lambda v: v.most_similar(np.full(5, np.nan)), ValueError, "NaN"),
        (lambda v: v.most_similar(np.ones(5, complex)), TypeError, "real numbers"),
        (lambda v: v.most_similar(("king", math.inf)), ValueError, "weight"),
        (lambda v: v.most_similar([("king", 1e308)] * 9), ValueError, "overflows"),
        (lambda v: v.analogy("king", "man", "queen", method="add"), ValueError, "3CosMul"),
        (lambda v: v.analogy("king", "man", "queen", -1), ValueError, "top"),
        (lambda v: v.analogy("king", "man", 3), TypeError, "must be a str"),
        (lambda v: v.doesnt_match(["king", "man"]), ValueError, "at least three"),
        (lambda v: v.doesnt_match("king"), TypeError, "list of words"),
        (lambda v: v.doesnt_match(3), TypeError, "list of words"),
        (lambda v: v[1], TypeError, "v.vectors"),
        (lambda v: v[["king", 1]], TypeError, "must be a str"),
        (lambda v: v.most_frequent(0), ValueError, "at least 1"),
        (lambda v: WordVectors.from_gensim(v), TypeError, "KeyedVectors"),
    ],
)
def test_wrong_questions(call, error, message):
    with pytest.raises(error, match=message):
        call(random_vectors())


# -- the book's functions


def test_the_books_functions_print_and_return(capsys):
    v = random_vectors(4, dtype=np.float16)  # the book's published vectors are float16
    found = book.most_similar("king", v.word_to_id, v.id_to_word, v.vectors, top=2)
    printed = capsys.readouterr().out.splitlines()
    assert printed[:2] == ["", "[query] king"]
    assert printed[2:] == [f" {w}: {s:.4f}" for w, s in found]
    same(found, v.most_similar("king", 2))

    matrix = np.asfortranarray(v.vectors)
    found = book.analogy("man", "king", "woman", v.word_to_id, v.id_to_word, matrix, answer="queen")
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "[analogy] man:king = woman:?"
    assert printed[2].startswith("==>queen: ")
    assert printed[3:] == [f" {w}: {s:.4f}" for w, s in found]
    assert not {"man", "king", "woman"} & {w for w, _ in found}
    same(found, v.analogy("man", "king", "woman", 5))


def test_the_books_functions_refuse_wrong_input(capsys):
    v = random_vectors()
    tables = (v.word_to_id, v.id_to_word)
    with pytest.raises(UnknownWordError, match="'king'"):
        book.most_similar("kin", *tables, v.vectors)
    with pytest.raises(UnknownWordError):
        book.analogy("king", "man", "queen", *tables, v.vectors, answer="womann")
    with pytest.raises(ValueError, match="do not fit: 7 words"):
        book.most_similar("king", *tables, v.vectors[:3])
    with pytest.raises(TypeError, match="word_matrix"):
        book.most_similar("king", *tables, [[1, 2]])
    with pytest.raises(TypeError, match="Is it id_to_word"):
        book.most_similar("king", *tables[::-1], v.vectors)
    with pytest.raises(TypeError, match="must be a str, got 3"):
        book.analogy("king", "man", "queen", *tables, v.vectors, answer=3)
    with pytest.raises(ValueError, match="top"):
        book.most_similar("king", *tables, v.vectors, top=0)
    for id_of_king in (-1, 7):
        crooked = {**v.word_to_id, "king": id_of_king}
        with pytest.raises(IndexError, match=rf"word_to_id\['king'\] is {id_of_king}, but ids"):
            book.most_similar("king", crooked, v.id_to_word, v.vectors)
    shifted = {i + 1: word for i, word in v.id_to_word.items()}
    with pytest.raises(ValueError, match="^id_to_word must have a word for each of the ids"):
        book.analogy("king", "man", "queen", v.word_to_id, shifted, v.vectors)
    assert capsys.readouterr().out == ""  # and nothing was printed before


def test_answers_are_plain_texts_also_of_words_in_an_array():
    v = WordVectors(np.array(["sun", "moon"]), np.eye(2))
    assert [type(word) for word in (*v.words, *v.word_to_id)] == [str] * 4
    assert repr(v.most_similar("sun")) == "[('moon', 0.0)]"
    assert repr(build_corpus(np.array(["sun", "moon"])).words) == "['sun', 'moon']"


# -- gensim


def test_gensim_there_and_back():
    pytest.importorskip("gensim")
    rng = np.random.default_rng(0)
    v = WordVectors(WORDS, rng.standard_normal((7, 5)).astype(np.float32), range(7, 0, -1))
    keyed = v.to_gensim()
    same(v.most_similar("king", 3), keyed.most_similar("king", topn=3))
    same(
        v.analogy("man", "king", "woman", 3),
        keyed.most_similar(positive=["king", "woman"], negative=["man"], topn=3),
    )
    back = WordVectors.from_gensim(keyed)
    assert back.words == v.words
    assert back.counts.tolist() == v.counts.tolist()
    np.testing.assert_array_equal(back.vectors, v.vectors)


def test_gensim_missing_is_said_clearly(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(ImportError, match="pip install gensim"):
        random_vectors().to_gensim()
