"""Formulas: what is read, what is refused, and that the plain spelling is read back."""

import pytest

from w2vlib.widgets.formula import FormulaError, Term, as_analogy, parse, show, word_at

hypothesis = pytest.importorskip("hypothesis")
st = pytest.importorskip("hypothesis.strategies")

VOCABULARY = {
    "king", "man", "woman", "paris", "vice-president", "u.s.", "'s", "2", "1990s", "-", "+", "c++",
    "well-known", "10-k", "a:b", "new york",
}  # fmt: skip
KING = [Term("king"), Term("man", -1.0), Term("woman")]


def read(text):
    return parse(text, VOCABULARY.__contains__)


@pytest.mark.parametrize(
    "text",
    [
        "king - man + woman",
        "king − man + woman",
        "  king -man +woman ",
        "king-man+woman",
        "+king - man + 1 woman",
        "man : king = woman : ?",
        "man:king::woman:?",
        "man is to king as woman is to ?",
        "man is to king as woman is to …",
    ],
)
def test_many_spellings_of_one_question(text):
    assert read(text) == KING


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("king", [("king", 1)]),
        ("- king", [("king", -1)]),
        ("2 king", [("king", 2)]),
        ("2*king", [("king", 2)]),
        ("0.5 * king - .25*man", [("king", 0.5), ("man", -0.25)]),
        ("king * 3 + man × 2", [("king", 3), ("man", 2)]),
        ("king - - man", [("king", 1), ("man", 1)]),
        ("vice-president - u.s.", [("vice-president", 1), ("u.s.", -1)]),
        ("'s + 1990s", [("'s", 1), ("1990s", 1)]),
        ("2", [("2", 1)]),
        ("2 + king", [("2", 1), ("king", 1)]),
        ("3 * 2", [("2", 3)]),
        ('"-" + "+"', [("-", 1), ("+", 1)]),
        ('"new york" - king', [("new york", 1), ("king", -1)]),
        ("c++ + king", [("c++", 1), ("king", 1)]),
        # Unknown words stay whole at a hyphen, but not at a plus.
        ("semi-known", [("semi-known", 1)]),
        ("quen+mann", [("quen", 1), ("mann", 1)]),
        ("a:b", [("a:b", 1)]),
    ],
)
def test_words_signs_and_weights(text, terms):
    assert read(text) == [Term(word, float(weight)) for word, weight in terms]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "Type a word"),
        ("  ", "Type a word"),
        ('""', "Type a word"),
        ("king man", "Put [+] or - between 'king' and 'man'"),
        ("king +", "missing after"),
        ("-", "missing after"),
        ("* king", "missing before"),
        ("king * man", "one number and one word"),
        ("9999999 king", "too large"),
    ],
)
def test_what_cannot_be_read_is_explained(text, says):
    with pytest.raises(FormulaError, match=says):
        read(text)


def test_only_text_is_read():
    with pytest.raises(TypeError, match="must be a str"):
        parse(None)


@hypothesis.given(
    st.lists(
        st.tuples(
            st.sampled_from(sorted(VOCABULARY)),
            st.sampled_from([1.0, -1.0, 0.5, -2.0, 3.25, 1e-05]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_what_is_shown_is_read_back(pairs):
    terms = [Term(word, weight) for word, weight in pairs]
    assert read(show(terms, VOCABULARY.__contains__)) == terms


def test_an_analogy_is_two_plus_and_one_minus():
    assert as_analogy(KING) == ("man", "king", "woman")
    assert as_analogy([Term("man", -1.0), Term("king"), Term("woman")]) == ("man", "king", "woman")
    assert as_analogy([Term("king"), Term("man", -0.5), Term("woman")]) is None
    assert as_analogy(KING[:2]) is None


@pytest.mark.parametrize(
    ("text", "caret", "found"),
    [
        ("king - ma", 9, (7, 9, "ma")),
        ("king - ma", 2, (0, 4, "ki")),
        ("king -ma", 8, (6, 8, "ma")),
        ("0.5*ma", 6, (4, 6, "ma")),
        ("king ", 5, (5, 5, "")),
        ("", 0, (0, 0, "")),
        ("ki", 99, (0, 2, "ki")),
    ],
)
def test_the_word_at_the_caret(text, caret, found):
    assert word_at(text, caret) == found
