"""Evaluation against hand-computed numbers and slow loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2vlib import evaluation
from w2vlib.evaluation import average_ranks, evaluate_analogies, evaluate_similarity, spearman
from w2vlib.word_vectors import WordVectors

# -- Spearman


def slow_ranks(values):
    below = [sum(w < v for w in values) for v in values]
    equal = [sum(w == v for w in values) for v in values]
    return [b + (e + 1) / 2 for b, e in zip(below, equal, strict=True)]


def slow_spearman(x, y):
    r, s = slow_ranks(x), slow_ranks(y)
    mean = (len(x) + 1) / 2
    products = sum((a - mean) * (b - mean) for a, b in zip(r, s, strict=True))
    squares = sum((a - mean) ** 2 for a in r) * sum((b - mean) ** 2 for b in s)
    return products / squares**0.5


def test_ranks_by_hand():
    np.testing.assert_array_equal(average_ranks([10, 30, 20, 20]), [1, 4, 2.5, 2.5])
    assert spearman([1, 2, 3], [10, 100, 1000]) == 1
    assert spearman([1, 2, 3], [3, 2, 1]) == -1
    # 1 − 6 Σd² / (n(n² − 1)) with d = (0, 1, −1, 0)
    assert spearman([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(1 - 6 * 2 / 60)


@given(st.lists(st.tuples(st.integers(-3, 3), st.floats(-2, 2)), min_size=2, max_size=30))
def test_spearman_with_ties_equals_the_slow_loop(pairs):
    x, y = zip(*pairs, strict=True)
    if len(set(x)) == 1 or len(set(y)) == 1:
        with pytest.raises(ValueError, match="equal"):
            spearman(x, y)
    else:
        assert spearman(x, y) == pytest.approx(slow_spearman(x, y), abs=1e-12)


def test_spearman_agrees_with_scipy():
    stats = pytest.importorskip("scipy.stats")
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 200), rng.standard_normal(200)
    assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, abs=1e-12)


@pytest.mark.parametrize(
    "x, y, error, message",
    [
        ([1, 2], [1, 2, 3], ValueError, "equally long"),
        ([1], [1], ValueError, "at least two"),
        ([], [], ValueError, "at least two"),
        ([1, np.nan], [1, 2], ValueError, "x holds NaN"),
        ([1, 2], [1, np.inf], ValueError, "y holds NaN"),
        ([1, 1], [1, 2], ValueError, "All values of x"),
        ([1, 2], [2, 2], ValueError, "All values of y"),
        ([[1, 2]], [1, 2], ValueError, "one dimension"),
        (["a", "b"], [1, 2], TypeError, "real numbers"),
    ],
)
def test_wrong_series(x, y, error, message):
    with pytest.raises(error, match=message):
        spearman(x, y)


# -- similarity


def plane(degrees):
    angle = np.deg2rad(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)


V = WordVectors(["a", "b", "c", "d"], plane([0, 10, 40, 90]))


def test_similarity_by_hand():
    pairs = [("a", "b", 9), ("b", "c", 7), ("a", "d", 1.5), ("a", "nowhere", 3)]
    result = evaluate_similarity(V, pairs)
    assert result.rho == pytest.approx(1)
    assert (result.used, result.total, result.coverage) == (3, 4, 0.75)
    assert result.pairs == [("a", "b"), ("b", "c"), ("a", "d")]
    np.testing.assert_allclose(result.predicted, np.cos(np.deg2rad([10, 30, 90])), atol=1e-6)
    assert str(result) == "Spearman ρ = 1.000 over 3 of 4 pairs (75.0% coverage)"
    reverse = [(a, b, -score) for a, b, score in pairs]
    assert evaluate_similarity(V, reverse).rho == pytest.approx(-1)


def test_case_rule_for_pairs():
    pairs = [("A", "b", 9), ("B", "C", 7), ("a", "d", 1)]
    assert evaluate_similarity(V, pairs).used == 3
    with pytest.raises(ValueError, match="Only 1 of 3 pairs"):
        evaluate_similarity(V, pairs, case="exact")
    with pytest.raises(ValueError, match="case must be"):
        evaluate_similarity(V, pairs, case="lower")


@pytest.mark.parametrize(
    "pairs, message",
    [
        ([], "pairs must not be empty"),
        ([("a", "b", 1)], "Only 1 of 1"),
        ([("a", "b")], r"pairs\[0\] must be"),
        ([("a", "b", 1), ("a", "c", np.nan)], r"pairs\[1\] must end with a finite number"),
        ([("a", "b", 1), ("a", "c", "x")], r"pairs\[1\] must end with a finite number"),
        ([("a", "b", 1), ("a", "c", None)], r"pairs\[1\] must end with a finite number"),
        ([("a", "b", 1), ("a", "none", np.inf)], r"pairs\[1\] must end with a finite number"),
        ([("a", "b", 1), (3, "c", 1.0)], r"pairs\[1\]"),
        ([("a", "b", 1), ("a", "b", 2)], "All values of the cosines are equal"),
        ([("a", "b", 1), ("a", "c", 1)], "All values of the scores are equal"),
    ],
)
def test_wrong_pairs(pairs, message):
    with pytest.raises(ValueError, match=message):
        evaluate_similarity(V, pairs)


@pytest.mark.parametrize("vectors", [np.eye(3), {"a": [1.0]}, None, "vectors.bin"])
def test_wrong_vectors(vectors):
    for evaluate, asked in (
        (evaluate_similarity, [("a", "b", 1)]),
        (evaluate_analogies, QUESTIONS),
    ):
        with pytest.raises(TypeError, match="vectors must be WordVectors"):
            evaluate(vectors, asked)


def test_the_name_of_a_test_set_is_no_test_set():
    with pytest.raises(TypeError, match=r"load_similarities\(name\)"):
        evaluate_similarity(V, "wordsim353")


# -- analogies

WORDS = ["man", "king", "woman", "queen", "pear", "boy", "girl"]
ROWS = [[1, 0, 0], [1, 2, 0], [-1, 0, 0], [-1, 2, 0], [0, 0, 1], [1, -1, 0.2], [-1, -1, 0.2]]
QUESTIONS = {
    "royal": [("man", "king", "woman", "queen"), ("woman", "queen", "man", "king")],
    "young": [("man", "boy", "woman", "girl"), ("man", "boy", "prince", "girl")],
    "unknown": [("one", "two", "three", "four")],
}


def vectors(dtype=np.float32):
    return WordVectors(WORDS, np.array(ROWS, dtype))


def slow_rank(v, question, method, exclude):
    *query, answer = question
    scores = dict(v.analogy(*query, top=len(v), method=method, exclude_query=exclude))
    return list(scores).index(answer) + 1 if answer in scores else evaluation.NEVER


def test_categories_totals_and_coverage():
    result = evaluate_analogies(vectors(), QUESTIONS)
    assert [(c.name, c.used, c.total) for c in result.categories] == [
        ("royal", 2, 2),
        ("young", 1, 2),
        ("unknown", 0, 1),
    ]
    assert (result.used, result.total, result.coverage) == (3, 5, 0.6)
    assert result.accuracy() == result["royal"].accuracy(1) == 1.0
    assert result.correct(5) == 3
    assert result["unknown"].accuracy() is None
    assert result["unknown"].coverage == 0
    with pytest.raises(KeyError, match="royal"):
        result["royall"]


def test_pairs_of_name_and_questions_do_as_well():
    a = evaluate_analogies(vectors(), QUESTIONS)
    b = evaluate_analogies(vectors(), [(n, np.array(q)) for n, q in QUESTIONS.items()])
    assert str(a) == str(b)


@pytest.mark.parametrize("method", ["3CosAdd", "3CosMul"])
@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("block", [1, 40, 1 << 20])
def test_ranks_equal_one_question_at_a_time(method, exclude, block, monkeypatch):
    monkeypatch.setattr(evaluation, "_BLOCK_SCORES", block)
    rng = np.random.default_rng(1)
    words = [f"w{i}" for i in range(30)]
    v = WordVectors(words, rng.standard_normal((30, 4)))
    questions = [tuple(rng.choice(words, 4)) for _ in range(60)]
    result = evaluate_analogies(v, {"all": questions}, method=method, exclude_query=exclude)
    expected = [slow_rank(v, q, method, exclude) for q in questions]
    assert result.categories[0].ranks.tolist() == expected
    for top in (1, 3, 10):
        assert result.correct(top) == sum(rank <= top for rank in expected)


def test_ties_count_in_row_order():
    rows = np.array([[1, 0], [1, 0], [1, 0], [1, 0], [1, 0], [0, 1]], float)
    v = WordVectors(list("abcdef"), rows)
    result = evaluate_analogies(v, {"t": [tuple("abcd"), tuple("abce"), tuple("abcf")]})
    assert result.categories[0].ranks.tolist() == [1, 2, 3]


def test_an_answer_among_the_query_words_is_wrong_unless_allowed():
    question = {"same": [("man", "king", "man", "king")]}
    assert evaluate_analogies(vectors(), question).correct(100) == 0
    assert evaluate_analogies(vectors(), question, exclude_query=False).correct(1) == 1


def test_case_folding_keeps_one_spelling():
    # "King" is frequent; "king" and "KING" point at the answer too, and must not take its place.
    words = ["Man", "King", "woman", "Queen", "king", "KING", "queen"]
    rows = [*ROWS[:4], ROWS[3], ROWS[3], [0, 0, 1]]
    v = WordVectors(words, np.array(rows, float), [9, 8, 7, 3, 2, 1, 4])
    question = {"q": [("man", "king", "woman", "queen")]}
    result = evaluate_analogies(v, question)
    # The most frequent spelling "queen" is the fruit: of the four spellings it comes last.
    assert result.categories[0].ranks.tolist() == [1]
    v = WordVectors(words, np.array(rows, float), [9, 8, 7, 4, 2, 1, 3])
    assert evaluate_analogies(v, question).categories[0].ranks.tolist() == [1]
    with pytest.raises(ValueError, match="Only 0 of 1 questions"):
        evaluate_analogies(v, question, case="exact")
    exact = {"q": [("Man", "King", "woman", "Queen")]}
    assert evaluate_analogies(v, exact, case="exact").used == 1


def test_only_frequent_words_may_answer():
    v = WordVectors(WORDS, np.array(ROWS, float), [7, 6, 5, 4, 3, 2, 1])
    assert evaluate_analogies(v, QUESTIONS, vocab_limit=4).used == 2
    with pytest.raises(ValueError, match="Only 0 of 5"):
        evaluate_analogies(v, QUESTIONS, vocab_limit=3)
    with pytest.raises(ValueError, match="vocab_limit"):
        evaluate_analogies(v, QUESTIONS, vocab_limit=0)


def test_zero_vectors_never_make_nan():
    rows = np.array(ROWS, np.float32)
    rows[3] = 0
    with np.errstate(all="raise"):
        for method in ("3CosAdd", "3CosMul"):
            result = evaluate_analogies(WordVectors(WORDS, rows), QUESTIONS, method=method)
            assert np.isfinite(result.accuracy())


@pytest.mark.parametrize("top", [[1, 3], range(1, 4, 2), np.array([1, 3])])
def test_places_to_show_may_be_any_sequence(top):
    assert evaluate_analogies(vectors(), QUESTIONS, top=top).top == (1, 3)


def test_the_table_as_text_and_html():
    result = evaluate_analogies(vectors(), {**QUESTIONS, "a<b>&c": QUESTIONS["royal"]}, top=(1, 3))
    assert str(result).splitlines() == [
        "Analogies, 3CosAdd, query words excluded from the answers",
        "category  questions used   top-1   top-3",
        "royal             2 of 2  100.0%  100.0%",
        "young             1 of 2  100.0%  100.0%",
        "unknown           0 of 1       –       –",
        "a<b>&c            2 of 2  100.0%  100.0%",
        "----------------------------------------",
        "total             5 of 7  100.0%  100.0%",
    ]
    html = result._repr_html_()
    assert "a&lt;b&gt;&amp;c" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 6
    assert "allowed in" in evaluate_analogies(vectors(), QUESTIONS, exclude_query=False)._caption()


@pytest.mark.parametrize(
    "questions, options, error, message",
    [
        ({"x": [("a", "b", "c")]}, {}, ValueError, "Question 0 of 'x' must be four words"),
        ({"x": ["abcd"]}, {}, ValueError, "four words"),
        ({"x": [("a", "b", "c", 4)]}, {}, ValueError, "four words"),
        ([("man", "king", "woman", "queen")], {}, ValueError, "entry 0"),
        ({"x": [3]}, {}, ValueError, "four words"),
        ({"x": None}, {}, TypeError, "questions of 'x' must be a list"),
        ({"x": "a b c d"}, {}, TypeError, "questions of 'x' must be a list"),
        ({1: QUESTIONS["royal"]}, {}, TypeError, "name of a category"),
        ("embedded", {}, TypeError, r"load_analogies\(name\)"),
        ({}, {}, ValueError, "questions must not be empty"),
        ({"x": []}, {}, ValueError, "questions must not be empty"),
        (QUESTIONS, {"top": None}, TypeError, "top"),
        (QUESTIONS, {"vocab_limit": 2}, ValueError, "2 most frequent words.*larger vocab_limit"),
        (QUESTIONS, {"method": "cos"}, ValueError, "3CosMul"),
        (QUESTIONS, {"case": None}, ValueError, "case must be"),
        (QUESTIONS, {"top": 0}, ValueError, "top"),
        (QUESTIONS, {"top": (1, 2.5)}, TypeError, "top"),
    ],
)
def test_wrong_questions(questions, options, error, message):
    with pytest.raises(error, match=message):
        evaluate_analogies(vectors(), questions, **options)


def test_gensim_counts_the_same(tmp_path):
    """Upper and lower case, unknown words, query words left out: all as gensim does it."""
    pytest.importorskip("gensim")
    rng = np.random.default_rng(3)
    words = [f"{'wW'[i % 2]}{i}" for i in range(60)]
    v = WordVectors(words, rng.standard_normal((60, 3)).astype(np.float32))
    questions = {}
    for name in ("one", "two"):
        queries = [rng.choice(words, 4, replace=False).tolist() for _ in range(300)]
        questions[name] = [[q[0].upper(), q[1].lower(), *q[2:]] for q in queries]
        questions[name].append(["w1", "w2", "w3", "unknown"])
    lines = [f": {name}\n" + "\n".join(map(" ".join, qs)) + "\n" for name, qs in questions.items()]
    (tmp_path / "questions.txt").write_text("".join(lines))
    accuracy, sections = v.to_gensim().evaluate_word_analogies(tmp_path / "questions.txt")
    result = evaluate_analogies(v, questions)
    assert result.accuracy(1) == pytest.approx(accuracy)
    assert 0 < accuracy < 1
    for section in sections[:-1]:
        found = result[section["section"]]
        assert found.correct(1) == len(section["correct"])
        assert found.used == len(section["correct"]) + len(section["incorrect"])


@pytest.mark.real_text
def test_the_google_questions_on_the_ptb_vocabulary(real_data):
    """4,716 of 19,544 questions have all their words in PTB's 10,000, as others count them too."""
    text = (real_data / "ptb.train.txt").read_text(encoding="utf-8").split()
    words = [*dict.fromkeys(text), "<eos>"]
    questions = {}
    for line in (real_data / "questions-words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith(":"):
            current = questions.setdefault(line[2:], [])
        else:
            current.append(tuple(line.split()))
    rng = np.random.default_rng(0)
    v = WordVectors(words, rng.standard_normal((len(words), 20)).astype(np.float32))
    result = evaluate_analogies(v, questions)
    assert (result.used, result.total) == (4716, 19544)
