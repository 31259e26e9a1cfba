"""Text → ids → windows, counts, PPMI: answers by hand, and slow oracles in plain Python."""

import math
import pickle
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2vlib.corpus import (
    CoMatrix,
    Corpus,
    build_corpus,
    build_corpus_from_blocks,
    convert_one_hot,
    cooccurrence,
    create_co_matrix,
    create_contexts_target,
    keep_probability,
    ppmi,
    preprocess,
    subsample,
    tokenize,
)
from w2vlib.validation import PAD, UnknownWordError

TINY = "You say goodbye and I say hello."
TINY_IDS = [0, 1, 2, 3, 4, 1, 5, 6]


# ---- oracles -------------------------------------------------------------------------------------


def slow_windows(ids, w, starts=None, partial=False):
    """Window by window, position by position."""
    ids = list(ids)
    bounds = [*([0] if starts is None else starts), len(ids)]
    contexts, target = [], []
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        for i in range(begin, end):
            row = []
            for j in [*range(i - w, i), *range(i + 1, i + w + 1)]:
                row.append(ids[j] if begin <= j < end else PAD)
            if partial or PAD not in row:
                contexts.append(row)
                target.append(ids[i])
    return contexts, target


def slow_counts(ids, size, w, starts=None):
    """The book's double loop over positions and distances."""
    ids = list(ids)
    bounds = [*([0] if starts is None else starts), len(ids)]
    matrix = [[0] * size for _ in range(size)]
    for begin, end in zip(bounds[:-1], bounds[1:], strict=True):
        for i in range(begin, end):
            for d in range(1, w + 1):
                if i - d >= begin:
                    matrix[ids[i]][ids[i - d]] += 1
                if i + d < end:
                    matrix[ids[i]][ids[i + d]] += 1
    return matrix


def slow_ppmi(matrix, eps):
    """PPMI entry by entry, in Python's floats."""
    rows = [sum(row) for row in matrix]
    columns = [sum(column) for column in zip(*matrix, strict=True)]
    total = sum(rows)
    result = [[0.0] * len(columns) for _ in rows]
    for i, row in enumerate(matrix):
        for j, count in enumerate(row):
            if count:
                result[i][j] = max(0.0, math.log2(count * total / (rows[i] * columns[j]) + eps))
    return result


@st.composite
def texts(draw, max_size=40, words=5):
    """Ids and sentence starts (or None)."""
    ids = draw(st.lists(st.integers(0, words - 1), min_size=1, max_size=max_size))
    if draw(st.booleans()):
        return ids, None
    cuts = draw(st.sets(st.integers(1, max(1, len(ids) - 1)), max_size=len(ids) - 1))
    return ids, [0, *sorted(cut for cut in cuts if cut < len(ids))]


# ---- text → words --------------------------------------------------------------------------------


def test_preprocess_numbers_words_as_the_book_does():
    corpus, word_to_id, id_to_word = preprocess(TINY)
    assert corpus.tolist() == TINY_IDS
    assert corpus.dtype == np.int32
    assert word_to_id == {
        "you": 0,
        "say": 1,
        "goodbye": 2,
        "and": 3,
        "i": 4,
        "hello": 5,
        ".": 6,
    }
    assert id_to_word == {number: word for word, number in word_to_id.items()}
    assert list(word_to_id) == [id_to_word[i] for i in range(7)]


@pytest.mark.parametrize(
    "text",
    [
        "You  say\tgoodbye\nand\r\n I say\u00a0hello.",  # any white space, and a lot of it
        "\ufeffYOU SAY GOODBYE AND I SAY HELLO.\n",
        "  you say goodbye and i say hello .  ",
    ],
)
def test_preprocess_splits_at_any_white_space(text):
    assert preprocess(text)[0].tolist() == TINY_IDS


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("book", ["a", ".", "b", "don't", "stop,", "3", ".", "14"]),
        ("words", ["a", ".", "b", "don't", "stop", ",", "3", ".", "14"]),
        ("split", ["A.B", "Don't", "stop,", "3.14"]),
    ],
)
def test_tokenize_methods(method, words):
    assert tokenize("A.B Don't \n stop,  3.14", method) == words


def test_tokenize_words_keeps_inner_marks_and_scripts():
    assert tokenize("“well-known”—he's x--y 'tis", "words") == [
        *("“", "well-known", "”", "—", "he's", "x", "-", "-", "y", "'", "tis")
    ]
    hindi = "हिन्दी"  # has combining marks that are no letters
    assert tokenize(hindi + "!", "words") == [hindi, "!"]
    assert tokenize("snake_case 😀", "words") == ["snake_case", "😀"]


@given(st.text(max_size=60), st.sampled_from(["book", "words", "split"]))
def test_unicode_normal_forms_are_the_same_words(text, method):
    composed, taken_apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert tokenize(composed, method) == tokenize(taken_apart, method)


@given(st.text(max_size=60), st.sampled_from(["book", "words", "split"]))
def test_tokens_hold_every_visible_character_and_no_white_space(text, method):
    words = tokenize(text, method)
    assert all(word and word.split() == [word] for word in words)
    lowered = text.removeprefix("\ufeff")
    lowered = lowered if method == "split" else lowered.lower()
    expected = unicodedata.normalize("NFC", "".join(lowered.split()))
    assert unicodedata.normalize("NFC", "".join(words)) == expected


def test_normal_forms_share_one_id():
    corpus = build_corpus("caf\u00e9 cafe\u0301 the")
    assert corpus.words == ["caf\u00e9", "the"]
    assert corpus.counts.tolist() == [2, 1]
    assert corpus.encode(["cafe\u0301"]).tolist() == [0]
    assert build_corpus(["cafe\u0301", "caf\u00e9"]).words == ["caf\u00e9"]


# ---- words → ids ---------------------------------------------------------------------------------


def test_frequency_order_with_ties_by_first_appearance():
    corpus = build_corpus("b a c a c d")
    assert corpus.words == ["a", "c", "b", "d"]
    assert corpus.counts.tolist() == [2, 2, 1, 1]
    assert corpus.decode(corpus.ids) == "b a c a c d".split()
    assert corpus.dropped == 0


def test_first_seen_order():
    assert build_corpus("b a c a c d", order="first-seen").words == ["b", "a", "c", "d"]


def test_the_three_kinds_of_source_agree():
    text = build_corpus("a b\nc a\n")
    nested = build_corpus([["a", "b"], ["c", "a"]])
    lazy = build_corpus(iter(sentence) for sentence in (["a", "b"], ["c", "a"]))
    for corpus in (text, nested, lazy):
        assert corpus.ids.tolist() == [0, 1, 2, 0]
        assert corpus.sentence_starts.tolist() == [0, 2]
    flat = build_corpus(["a", "b", "c", "a"])
    assert flat.ids.tolist() == [0, 1, 2, 0]
    assert flat.sentence_starts.tolist() == [0]


def test_sentences():
    corpus = build_corpus("a b\n\n \nc\r\nd e f\rg")
    assert [corpus.decode(s) for s in corpus.sentences()] == [
        ["a", "b"],
        ["c"],
        ["d", "e", "f"],
        ["g"],
    ]
    stream = build_corpus("a b\nc", sentences="stream")
    assert stream.sentence_starts is None
    assert [s.tolist() for s in stream.sentences()] == [[0, 1, 2]]


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_sentence_end_is_appended_to_each_line(end):
    corpus = build_corpus("a b\nc" + end, sentence_end="<eos>", order="first-seen")
    assert corpus.decode(corpus.ids) == ["a", "b", "<eos>", "c", "<eos>"]
    assert corpus.sentence_starts.tolist() == [0, 3]


def test_sentence_end_is_numbered_where_it_first_appears():
    corpus = build_corpus("a b\nc a\nd", sentence_end="<eos>", order="first-seen")
    assert corpus.words == ["a", "b", "<eos>", "c", "d"]
    # and is the same word where the text itself contains it
    text = "a <eos> b\nc"
    corpus = build_corpus(text, sentence_end="<eos>", order="first-seen", tokenizer="split")
    assert corpus.words == ["a", "<eos>", "b", "c"]
    assert corpus.sentence_starts.tolist() == [0, 4]
    known = build_corpus("b\na", sentence_end="<eos>", vocabulary=corpus)
    assert known.ids.tolist() == [2, 1, 0, 1]


def test_sentence_end_of_lists():
    corpus = build_corpus([["a"], ["b", "a"]], sentence_end=".")
    assert corpus.decode(corpus.ids) == ["a", ".", "b", "a", "."]


def test_min_count_drops_and_says_so():
    corpus = build_corpus("a b a\nc\nb d b", min_count=2)
    assert corpus.words == ["b", "a"]
    assert corpus.decode(corpus.ids) == ["a", "b", "a", "b", "b"]
    assert corpus.sentence_starts.tolist() == [0, 3]
    assert corpus.dropped == 2
    assert "2 tokens dropped" in repr(corpus)


@pytest.mark.parametrize(
    ("order", "words"),
    [("frequency", ["a", "<unk>", "b"]), ("first-seen", ["a", "<unk>", "b"])],
)
def test_unknown_word_takes_the_place_of_rare_ones(order, words):
    corpus = build_corpus("a c b a d b a e", min_count=2, unknown="<unk>", order=order)
    assert corpus.words == words
    assert corpus.decode(corpus.ids) == "a <unk> b a <unk> b a <unk>".split()
    assert corpus.counts.tolist() == [3, 3, 2]
    assert corpus.dropped == 0


def test_unknown_word_that_the_text_holds_already():
    corpus = build_corpus("a <unk> a b", min_count=2, unknown="<unk>", tokenizer="split")
    assert corpus.decode(corpus.ids) == ["a", "<unk>", "a", "<unk>"]
    none_rare = build_corpus("a a", min_count=2, unknown="<unk>")
    assert none_rare.words == ["a"]


def test_given_vocabulary():
    train = build_corpus("a b <unk> c", order="first-seen", tokenizer="split")
    other = build_corpus("c x a", vocabulary=train)
    assert other.words == train.words
    assert other.ids.tolist() == [3, 0]
    assert other.dropped == 1
    assert other.counts.tolist() == [1, 0, 0, 1]
    mapped = build_corpus("c x\na\n", vocabulary=train.word_to_id, unknown="<unk>")
    assert mapped.ids.tolist() == [3, 2, 0]
    assert mapped.sentence_starts.tolist() == [0, 2]
    assert mapped.dropped == 0
    ended = build_corpus("c\na", vocabulary=train, sentence_end="<eos>")
    assert (ended.ids.tolist(), ended.dropped) == ([3, 0], 2)
    assert ended.sentence_starts.tolist() == [0, 1]


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_blocks_of_ids_do_not_show(monkeypatch, block):
    monkeypatch.setattr("w2vlib.text._BLOCK", block)
    monkeypatch.setattr("w2vlib.text._CHUNK", 16)
    text = "a b c\n\nd a\ne f a b\nb\n" * 5
    corpus = build_corpus(text, min_count=6, order="first-seen")
    assert corpus.words == ["a", "b"]
    assert [corpus.decode(s) for s in corpus.sentences()] == [
        ["a", "b"],
        ["a"],
        ["a", "b"],
        ["b"],
    ] * 5
    assert corpus.dropped == 20
    np.testing.assert_array_equal(corpus.counts, np.bincount(corpus.ids))


def test_own_tokenizer_gets_whole_lines():
    lines = []

    def split(line):
        lines.append(line)
        return line.split("/")

    corpus = build_corpus_from_blocks(["a/b", "/c\nd", "/e\n"], tokenizer=split, order="first-seen")
    assert lines == ["a/b/c", "d/e"]
    assert corpus.words == list("abcde")
    assert corpus.sentence_starts.tolist() == [0, 3]


@given(
    st.lists(st.sampled_from(["a", "b.", "cé", "Ünder", "\n", "\n\n"]), min_size=1, max_size=40),
    st.lists(st.integers(0, 200), max_size=8),
    st.sampled_from(["book", "words", "split"]),
    st.booleans(),
)
def test_blocks_may_be_cut_anywhere(words, cuts, method, with_end):
    text = " ".join(words)
    options = {"tokenizer": method, "sentence_end": "<eos>" if with_end else None}
    edges = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    blocks = [text[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)]
    if not text.split():
        with pytest.raises(ValueError, match="no word"):
            build_corpus_from_blocks(blocks, **options)
        return
    whole, pieces = build_corpus(text, **options), build_corpus_from_blocks(blocks, **options)
    assert whole.words == pieces.words
    np.testing.assert_array_equal(whole.ids, pieces.ids)
    np.testing.assert_array_equal(whole.sentence_starts, pieces.sentence_starts)
    # and a plain oracle
    lines = [tokenize(line, method) for line in text.split("\n")]
    if with_end:
        last = lines.pop()
        lines = [[*line, "<eos>"] for line in lines] + ([[*last, "<eos>"]] if last else [])
    lines = [line for line in lines if line]
    assert [pieces.decode(s) for s in pieces.sentences()] == lines
    counts = Counter(word for line in lines for word in line)
    assert dict(zip(pieces.words, pieces.counts.tolist(), strict=True)) == counts
    assert sorted(pieces.counts, reverse=True) == pieces.counts.tolist()


@given(
    st.lists(st.lists(st.sampled_from("abcdef"), max_size=5), min_size=1, max_size=12),
    st.integers(1, 4),
    st.booleans(),
    st.sampled_from(["frequency", "first-seen"]),
)
def test_min_count_against_oracle(sentences, min_count, with_unknown, order):
    counts = Counter(word for sentence in sentences for word in sentence)
    stays = {word for word, n in counts.items() if n >= min_count}
    if with_unknown:
        expected = [[w if w in stays else "?" for w in sentence] for sentence in sentences]
    else:
        expected = [[w for w in sentence if w in stays] for sentence in sentences]
    expected = [sentence for sentence in expected if sentence]
    options = {"unknown": "?" if with_unknown else None, "min_count": min_count, "order": order}
    if not any(expected):
        with pytest.raises(ValueError):
            build_corpus(sentences, **options)
        return
    flat = [word for sentence in expected for word in sentence]
    if with_unknown and 0 < flat.count("?") < min_count:
        pass  # the stand-in word stays however rare it is
    corpus = build_corpus(sentences, **options)
    assert [corpus.decode(s) for s in corpus.sentences()] == expected
    words = list(dict.fromkeys(flat))
    if order == "frequency":
        words.sort(key=lambda word: -flat.count(word))
    assert corpus.words == words
    assert corpus.dropped == sum(counts.values()) - len(flat)


def test_long_text_is_read_in_pieces():
    words = [f"w{i % 1000}" for i in range(40_000)]
    corpus = build_corpus(" ".join(words), tokenizer="split", order="first-seen")
    np.testing.assert_array_equal(corpus.ids, np.arange(40_000) % 1000)
    nested = build_corpus(([word] for word in words), order="first-seen")
    np.testing.assert_array_equal(nested.ids, corpus.ids)
    assert len(nested.sentence_starts) == 40_000


BAD_SOURCES = [
    (b"bytes", TypeError, "source must be a string"),
    (None, TypeError, "source must be a string"),
    (3, TypeError, "source must be a string"),
    ({"a": 0}, TypeError, "source must be a string"),
    ({"a", "b"}, TypeError, "source must be a string"),
    (Path("text.txt"), TypeError, r"datasets\.load\(path\)"),
    ([], ValueError, "no word"),
    ([[], []], ValueError, "no word"),
    ("", ValueError, "no word"),
    (" \n\t", ValueError, "no word"),
    (["a", ["b"]], TypeError, r"source\[1\]"),
    ([["a"], "b"], TypeError, r"source\[1\]"),
    ([1, 2], TypeError, r"source\[0\]"),
    ([{"b", "a"}], TypeError, r"source\[0\] is a set: a sentence must be a list"),
    ([["b"], {"a": 1}], TypeError, r"source\[1\] is a dict: a sentence must be a list"),
    ([b"a"], TypeError, r"source\[0\]"),
    ([[1, 2]], TypeError, "must be a string, got 1"),
    ([[["a"]]], TypeError, "not deeper"),
    (["You say goodbye", "I say hello"], ValueError, "white space"),
    ([""], ValueError, "must not be empty"),
    (["a\0"], ValueError, "NUL"),
    (["a", "\0", "b"], ValueError, "NUL"),
    ([["a", "\0", "b"]], ValueError, "NUL"),
    ("a\0b", ValueError, "NUL"),
    ("x" * 1_200_000, ValueError, "separated by white space"),
]


@pytest.mark.parametrize(("source", "error", "match"), BAD_SOURCES)
def test_bad_sources(source, error, match):
    with pytest.raises(error, match=match):
        build_corpus(source)


def test_an_open_file_is_no_list_of_words(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("one two\nthree\n")
    with open(path) as file, pytest.raises(ValueError, match="white space"):
        build_corpus(file)


BAD_OPTIONS = [
    ({"min_count": 0}, ValueError, "min_count"),
    ({"min_count": 1.5}, TypeError, "min_count"),
    ({"min_count": 9}, ValueError, "Lower min_count"),
    ({"order": "alphabet"}, ValueError, "order"),
    ({"order": None}, ValueError, "order"),
    ({"sentences": "dots"}, ValueError, "sentences"),
    ({"tokenizer": "nltk"}, ValueError, "tokenizer"),
    ({"tokenizer": lambda line: line}, TypeError, "tokenizer must return a list"),
    ({"tokenizer": lambda line: None}, TypeError, "tokenizer must return a list"),
    ({"unknown": ""}, ValueError, "unknown"),
    ({"sentence_end": "a b"}, ValueError, "sentence_end"),
    ({"sentence_end": "\0"}, ValueError, "sentence_end"),
    ({"unknown": 3}, TypeError, "unknown"),
    ({"sentence_end": 3}, TypeError, "sentence_end"),
    ({"vocabulary": []}, ValueError, "vocabulary is empty"),
    ({"vocabulary": ["a", "a"]}, ValueError, "more than once"),
    ({"vocabulary": "abc"}, TypeError, "list of strings"),
    ({"vocabulary": {"a", "b"}}, TypeError, r"sorted\(words\)"),
    ({"vocabulary": {"a": 1}}, ValueError, "ids 0"),
    ({"vocabulary": ["z"]}, ValueError, "in the given vocabulary"),
    ({"vocabulary": ["a"], "min_count": 2}, ValueError, "either min_count or vocabulary"),
    ({"vocabulary": ["a"], "unknown": "?"}, ValueError, "no such word"),
]


@pytest.mark.parametrize(("options", "error", "match"), BAD_OPTIONS)
def test_bad_options(options, error, match):
    with pytest.raises(error, match=match):
        build_corpus("a b\nc", **options)


@pytest.mark.parametrize(
    ("text", "error"), [("", ValueError), (" ", ValueError), (b"a", TypeError), (None, TypeError)]
)
def test_bad_text_for_preprocess(text, error):
    with pytest.raises(error):
        preprocess(text)


@pytest.mark.parametrize(
    "name", ["my.txt", "data/My.TXT", "C:\\texts\\wiki.txt.gz", " wiki.xz\n", "../ptb.train.txt"]
)
@pytest.mark.parametrize("take", [build_corpus, preprocess])
def test_the_name_of_a_file_is_not_taken_for_its_text(take, name):
    with pytest.raises(ValueError, match=r"name of a file.*datasets\.load\('.*'\)"):
        take(name)


def test_the_name_of_a_file_with_blanks(tmp_path):
    path = tmp_path / "my own text.txt"
    build_corpus(str(path), tokenizer="words")  # there is no such file: words like others
    path.write_text("a b c")
    with pytest.raises(ValueError, match=r"name of a file"):
        build_corpus(str(path))


@pytest.mark.parametrize(
    "text", ["see my.txt", "my.txt my.txt", "txt", "read me.\n.txt", "a\nb.gz", "end.", "ab.text"]
)
def test_texts_about_files_are_texts(text):
    assert len(build_corpus(text)) >= 1


def test_lists_of_words_may_hold_names_of_files():
    assert build_corpus(["my.txt"]).words == ["my.txt"]


# ---- the Corpus object ---------------------------------------------------------------------------


def test_corpus_unpacks_as_the_book_expects():
    corpus = build_corpus(TINY, order="first-seen", name="tiny")
    ids, word_to_id, id_to_word = corpus
    assert ids is corpus.ids
    assert word_to_id["hello"] == 5
    assert id_to_word[5] == "hello"
    assert len(corpus) == 8
    assert corpus.vocab_size == 7
    np.testing.assert_array_equal(np.asarray(corpus), TINY_IDS)
    assert repr(corpus) == "<Corpus 'tiny': 8 tokens, 7 words, 1 sentence>"


def test_corpus_is_read_only_and_independent_of_what_it_was_made_from():
    ids, starts, words = np.array([0, 1, 0]), np.array([0, 2]), ["a", "b"]
    corpus = Corpus(ids, words, starts)
    ids[:], starts[1] = 1, 1
    words.append("c")
    assert corpus.ids.tolist() == [0, 1, 0]
    assert corpus.sentence_starts.tolist() == [0, 2]
    assert corpus.vocab_size == 2
    for array in (corpus.ids, corpus.sentence_starts, corpus.counts):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    with pytest.raises(AttributeError):
        corpus.ids = ids
    assert (corpus.ids.dtype, corpus.counts.dtype) == (np.int32, np.int64)
    assert corpus.sentence_starts.dtype == np.int64


def test_corpus_survives_pickling_read_only():
    corpus = build_corpus("a b a\nc", min_count=1, name="x")
    copy = pickle.loads(pickle.dumps(corpus))
    assert repr(copy) == repr(corpus)
    assert copy.words == corpus.words
    assert copy.sentence_starts.tolist() == [0, 3]
    assert not copy.ids.flags.writeable


def test_encode_and_decode():
    corpus = build_corpus(TINY, order="first-seen")
    assert corpus.encode("hello say .").tolist() == [5, 1, 6]
    assert corpus.encode(["hello"]).dtype == np.int32
    assert corpus.encode(word for word in ["you", "i"]).tolist() == [0, 4]
    assert corpus.encode([]).tolist() == []
    assert corpus.decode([[5, 1], [6, 0]]) == ["hello", "say", ".", "you"]
    assert corpus.decode(np.int64(2)) == ["goodbye"]


def test_unknown_word_gets_suggestions():
    corpus = build_corpus(TINY)
    with pytest.raises(UnknownWordError, match="'helo' is not in the vocabulary.*'hello'"):
        corpus.encode(["say", "helo"])
    with pytest.raises(KeyError, match="'you'"):
        corpus.encode("You")


@pytest.mark.parametrize("words", [3, None, b"hello", [3], [b"you"], [["you"]]])
def test_encode_refuses_what_is_no_word(words):
    with pytest.raises(TypeError):
        build_corpus(TINY).encode(words)


@pytest.mark.parametrize(
    ("ids", "error"), [([7], IndexError), ([-1], IndexError), ([0.5], TypeError)]
)
def test_decode_refuses_bad_ids(ids, error):
    with pytest.raises(error):
        build_corpus(TINY).decode(ids)


BAD_CORPORA = [
    ({"ids": []}, ValueError, "empty"),
    ({"ids": [[0, 1]]}, ValueError, "one row"),
    ({"ids": [[0], [0, 1]]}, ValueError, "one NumPy array"),
    ({"ids": 3}, ValueError, "one row"),
    ({"ids": [0.0]}, TypeError, "integer"),
    ({"ids": [True]}, TypeError, "integer"),
    ({"ids": "a b"}, TypeError, "preprocess"),
    ({"ids": None}, ValueError, "one row"),
    ({"ids": [-1]}, IndexError, "negative"),
    ({"ids": [2]}, IndexError, r"0 … 1"),
    ({"ids": [2**40]}, IndexError, "at most"),
    ({"words": "ab"}, TypeError, "list of strings"),
    ({"words": ["a", 3]}, TypeError, r"words\[1\]"),
    ({"words": {"a", "b"}}, TypeError, "in the order of the ids"),
    ({"words": {"b": 1, "a": 0}}, TypeError, "in the order of the ids"),
    ({"ids": preprocess("a b")}, TypeError, "Take the first of the three"),
    ({"words": ["a", "a"]}, ValueError, "'a' more than once"),
    ({"words": ["a", ""]}, ValueError, r"words\[1\]"),
    ({"words": ["a", "b c"]}, ValueError, r"words\[1\]"),
    ({"sentence_starts": []}, ValueError, "begins with 0"),
    ({"sentence_starts": [1]}, ValueError, "begin with 0"),
    ({"sentence_starts": [0, 0]}, ValueError, "grow"),
    ({"sentence_starts": [0, 3]}, ValueError, "below the corpus length"),
    ({"sentence_starts": [0.0]}, TypeError, "whole numbers"),
    ({"sentence_starts": [[0]]}, ValueError, "row of positions"),
    ({"counts": [1]}, ValueError, "shape"),
    ({"counts": [1, -1]}, ValueError, "negative"),
    ({"counts": np.array([1, 2**63], np.uint64)}, ValueError, r"below 2\*\*63"),
    ({"counts": [1.0, 2.0]}, TypeError, "whole numbers"),
    ({"dropped": -1}, ValueError, "dropped"),
]


@pytest.mark.parametrize(("change", "error", "match"), BAD_CORPORA)
def test_bad_corpora(change, error, match):
    with pytest.raises(error, match=match):
        Corpus(**{"ids": [0, 1, 0], "words": ["a", "b"], **change})


# ---- windows -------------------------------------------------------------------------------------


def test_windows_of_the_tiny_sentence():
    contexts, target = create_contexts_target(np.array(TINY_IDS), window_size=1)
    assert contexts.tolist() == [[0, 2], [1, 3], [2, 4], [3, 1], [4, 5], [1, 6]]
    assert target.tolist() == [1, 2, 3, 4, 1, 5]
    assert contexts.dtype == target.dtype == np.int32


def test_windows_with_sentences_by_hand():
    ids, starts = [10, 11, 12, 20, 30, 31, 32], [0, 3, 4]
    contexts, target = create_contexts_target(ids, 1, sentence_starts=starts)
    assert contexts.tolist() == [[10, 12], [30, 32]]
    assert target.tolist() == [11, 31]
    contexts, target = create_contexts_target(ids, 1, sentence_starts=starts, partial=True)
    assert target.tolist() == ids
    assert contexts.tolist() == [
        [PAD, 11],
        [10, 12],
        [11, PAD],
        [PAD, PAD],
        [PAD, 31],
        [30, 32],
        [31, PAD],
    ]


@given(texts(), st.integers(1, 6), st.booleans())
@settings(max_examples=300)
def test_windows_against_oracle(text, w, partial):
    ids, starts = text
    expected, wanted = slow_windows(ids, w, starts, partial)
    if not wanted or (partial and w >= len(ids)):
        with pytest.raises(ValueError, match="window_size"):
            create_contexts_target(ids, w, sentence_starts=starts, partial=partial)
        return
    contexts, target = create_contexts_target(ids, w, sentence_starts=starts, partial=partial)
    assert contexts.tolist() == expected
    assert target.tolist() == wanted
    assert contexts.shape == (len(wanted), 2 * w)
    assert contexts.dtype == target.dtype == np.int32
    assert contexts.flags.c_contiguous


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("length", [4095, 4096, 4097, 4106, 9000])
def test_windows_across_blocks(length, partial):
    ids = np.random.default_rng(0).integers(0, 50, length)
    starts = [0, *range(7, length, 13)]
    for cuts in (None, starts):
        expected, wanted = slow_windows(ids.tolist(), 5, cuts, partial)
        got, target = create_contexts_target(ids, 5, sentence_starts=cuts, partial=partial)
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(target, wanted)


def test_a_corpus_brings_its_sentences():
    corpus = build_corpus("a b c\nd e f")
    assert len(create_contexts_target(corpus)[1]) == 2
    assert len(create_contexts_target(corpus.ids)[1]) == 4
    assert len(create_contexts_target(corpus, sentence_starts=[0])[1]) == 4
    assert len(create_contexts_target(corpus, partial=True)[1]) == 6


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.int64, np.uint64])
def test_windows_of_any_integers_strided_and_read_only(dtype):
    ids = np.repeat(np.array(TINY_IDS, dtype=dtype), 2)[::2]
    ids.flags.writeable = False
    before = ids.copy()
    contexts, target = create_contexts_target(ids, 2)
    expected, wanted = slow_windows(TINY_IDS, 2)
    assert contexts.tolist() == expected
    assert target.tolist() == wanted
    assert target.flags.writeable
    np.testing.assert_array_equal(ids, before)


class OnTheGpu:
    """What a CuPy array does when NumPy asks for its numbers."""

    def __array__(self, *arguments, **options):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")


def test_arrays_on_the_gpu_are_not_moved_silently():
    for function in (create_contexts_target, lambda ids: convert_one_hot(ids, 3), ppmi):
        with pytest.raises(TypeError, match="to_cpu"):
            function(OnTheGpu())


def test_targets_are_a_copy():
    ids = np.array(TINY_IDS, dtype=np.int32)
    for partial in (False, True):
        _, target = create_contexts_target(ids, 1, partial=partial)
        target[:] = 99
    assert ids.tolist() == TINY_IDS


BAD_WINDOWS = [
    (([], 1), ValueError, "corpus is empty"),
    (([[1, 2], [3, 4]], 1), ValueError, "one row"),
    (([1.0, 2.0, 3.0], 1), TypeError, "integer"),
    (([True, False, True], 1), TypeError, "integer"),
    (("you say hello", 1), TypeError, "preprocess"),
    ((None, 1), ValueError, "one row"),
    (([0, -1, 2], 1), IndexError, r"corpus\[1\] is -1"),
    (([0, 1, 2], 0), ValueError, "window_size"),
    (([0, 1, 2], -1), ValueError, "window_size"),
    (([0, 1, 2], 1.0), TypeError, "window_size"),
    (([0, 1, 2], True), TypeError, "window_size"),
    (([0, 1, 2], "1"), TypeError, "window_size"),
    (([0, 1], 1), ValueError, "window_size = 1 needs at least 3"),
    (([0], 1), ValueError, "needs at least 3"),
    (([0, 1, 2, 3], 2), ValueError, "needs at least 5"),
    (([0, 1, 2], 10**12), ValueError, "needs at least"),
]


@pytest.mark.parametrize(("arguments", "error", "match"), BAD_WINDOWS)
def test_bad_windows(arguments, error, match):
    with pytest.raises(error, match=match):
        create_contexts_target(*arguments)


@pytest.mark.parametrize(
    ("starts", "error"),
    [([1], ValueError), ([0, 9], ValueError), ([0, 2, 1], ValueError), ([0.5], TypeError)],
)
def test_bad_sentence_starts(starts, error):
    with pytest.raises(error, match="sentence_starts"):
        create_contexts_target([0, 1, 2, 3], 1, sentence_starts=starts)


@pytest.mark.parametrize("ids", [[0], [0, 1]])
def test_partial_window_longer_than_the_corpus(ids):
    with pytest.raises(ValueError, match="less than the corpus length"):
        create_contexts_target(ids, len(ids), partial=True)


def test_one_word_vocabulary():
    contexts, target = create_contexts_target([0, 0, 0], 1)
    assert (contexts.tolist(), target.tolist()) == ([[0, 0]], [0])
    assert create_co_matrix([0, 0, 0], 1, 1).tolist() == [[4]]
    assert ppmi(np.array([[4]])).tolist() == [[pytest.approx(0, abs=1e-7)]]


# ---- one-hot -------------------------------------------------------------------------------------


def test_one_hot_by_hand():
    assert convert_one_hot([1, 0], 3).tolist() == [[0, 1, 0], [1, 0, 0]]
    contexts = convert_one_hot(np.array([[0, 2]]), 3)
    assert contexts.tolist() == [[[1, 0, 0], [0, 0, 1]]]
    assert contexts.dtype == np.int32
    assert convert_one_hot(np.zeros((0, 4), int), 3).shape == (0, 4, 3)


@pytest.mark.parametrize(
    ("ids", "size", "error"),
    [
        ([3], 3, IndexError),
        ([-1], 3, IndexError),
        ([0.5], 3, TypeError),
        ([["a"]], 3, TypeError),
        (0, 3, ValueError),
        ([[[0]]], 3, ValueError),
        ([[0], [1, 2]], 3, ValueError),
        ([0], 0, ValueError),
        ([0], 2.0, TypeError),
        ([0], 10**17, MemoryError),
    ],
)
def test_bad_one_hot(ids, size, error):
    with pytest.raises(error):
        convert_one_hot(ids, size)


# ---- subsampling ---------------------------------------------------------------------------------


def test_keep_probability_by_hand():
    # f = 0.64, 0.36; t = 0.01: sqrt(t/f) = 0.125, 1/6; t/f = 1/64, 1/36
    paper = keep_probability([64, 36], t=0.01, formula="paper")
    np.testing.assert_allclose(paper, [0.125, 1 / 6], rtol=1e-15)
    code = keep_probability([64, 36], t=0.01, formula="code")
    np.testing.assert_allclose(code, [0.125 + 1 / 64, 1 / 6 + 1 / 36], rtol=1e-15)
    # word2vec.c as it is written: (sqrt(cn / (sample * train)) + 1) * (sample * train) / cn
    written = (math.sqrt(64 / (0.01 * 100)) + 1) * (0.01 * 100) / 64
    assert code[0] == pytest.approx(written, rel=1e-15)
    assert keep_probability([64, 36]).tolist() == keep_probability([64, 36], 1e-3).tolist()


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20), st.floats(1e-9, 10))
def test_keep_probability_is_a_probability_and_falls_with_frequency(counts, t):
    if not any(counts):
        counts[0] = 1
    for formula in ("code", "paper"):
        keep = keep_probability(counts, t, formula=formula)
        assert ((keep > 0) & (keep <= 1)).all()
        assert (np.diff(keep[np.argsort(counts, kind="stable")]) <= 0).all()


def test_subsample_keeps_the_expected_share_and_the_order():
    counts = np.array([90_000, 9_000, 1_000])
    ids = np.random.default_rng(1).permutation(np.repeat(np.arange(3), counts))
    kept = subsample(ids, counts, 1e-2, seed=3)
    share = np.bincount(kept, minlength=3) / counts
    expected = keep_probability(counts, 1e-2)
    deviation = np.sqrt(expected * (1 - expected) / counts)
    assert (np.abs(share - expected) <= 5 * deviation).all()
    np.testing.assert_array_equal(kept[kept == 2], ids[ids == 2])  # the rare word stays whole
    assert kept.dtype == np.int32


def test_subsample_is_explicit_about_randomness():
    ids, counts = np.zeros(1000, int), [1000]
    one, two = (subsample(ids, counts, 1e-2, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(one, subsample(ids, counts, 1e-2, seed=5))
    assert len(subsample(ids, counts, 1e-2, seed=6)) != len(one)
    state = np.random.get_state()[1].copy()  # noqa: NPY002 – the global state must not move
    subsample(ids, counts, 1e-2)
    np.testing.assert_array_equal(state, np.random.get_state()[1])  # noqa: NPY002
    with pytest.raises(ValueError, match="either rng or seed"):
        subsample(ids, counts, 1e-2, np.random.default_rng(5), seed=5)


def test_corpus_subsample_keeps_sentences_vocabulary_and_counts():
    corpus = build_corpus("a a a b\na a\nc a a a d\n" * 50)
    smaller = corpus.subsample(1e-2, seed=0)
    kept = subsample(corpus.ids, corpus.counts, 1e-2, seed=0)
    np.testing.assert_array_equal(smaller.ids, kept)
    assert smaller.words == corpus.words
    np.testing.assert_array_equal(smaller.counts, corpus.counts)
    assert 50 <= len(smaller.sentence_starts) <= 150
    # Every kept sentence is one of the old ones with words left out: c and d stay together.
    shapes = {"".join(smaller.decode(s)).replace("a", "") for s in smaller.sentences()}
    assert shapes <= {"b", "", "cd", "c", "d"}
    assert "cd" in shapes


def test_corpus_subsample_that_leaves_nothing():
    with pytest.raises(ValueError, match="larger t"):
        build_corpus("a a a").subsample(1e-12, seed=0)


@pytest.mark.parametrize(
    ("counts", "t", "formula", "error"),
    [
        ([1, 2], 0, "code", ValueError),
        ([1, 2], -1, "code", ValueError),
        ([1, 2], math.nan, "code", ValueError),
        ([1, 2], "x", "code", TypeError),
        ([1, -2], 1e-3, "code", ValueError),
        ([0, 0], 1e-3, "code", ValueError),
        ([], 1e-3, "code", ValueError),
        ([[1]], 1e-3, "code", ValueError),
        ([0.5], 1e-3, "code", TypeError),
        ([1], 1e-3, "gensim", ValueError),
    ],
)
def test_bad_keep_probability(counts, t, formula, error):
    with pytest.raises(error):
        keep_probability(counts, t, formula=formula)


@pytest.mark.parametrize(
    ("ids", "error"), [([], ValueError), ([2], IndexError), ([-1], IndexError), ([0.0], TypeError)]
)
def test_bad_ids_for_subsample(ids, error):
    with pytest.raises(error):
        subsample(ids, [3, 4], 1e-3, seed=0)


# ---- co-occurrence -------------------------------------------------------------------------------


def test_co_matrix_of_the_tiny_sentence():
    # figure 2-7 of the book
    expected = [
        [0, 1, 0, 0, 0, 0, 0],
        [1, 0, 1, 0, 1, 1, 0],
        [0, 1, 0, 1, 0, 0, 0],
        [0, 0, 1, 0, 1, 0, 0],
        [0, 1, 0, 1, 0, 0, 0],
        [0, 1, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 1, 0],
    ]
    matrix = create_co_matrix(TINY_IDS, 7)
    assert matrix.tolist() == expected
    assert matrix.dtype == np.int32
    assert create_co_matrix(build_corpus(TINY, order="first-seen")).tolist() == expected


@given(texts(max_size=30, words=4), st.integers(1, 5))
@settings(max_examples=200)
def test_counts_against_oracle(text, w):
    ids, starts = text
    if w >= len(ids):
        with pytest.raises(ValueError, match="window_size"):
            cooccurrence(ids, 6, w, sentence_starts=starts)
        return
    expected = slow_counts(ids, 6, w, starts)
    sparse = cooccurrence(ids, 6, w, sentence_starts=starts)
    assert sparse.to_dense().tolist() == expected
    assert create_co_matrix(ids, 6, w, sentence_starts=starts).tolist() == expected
    assert (sparse.values > 0).all()
    keys = sparse.rows.astype(int) * 6 + sparse.cols
    assert (np.diff(keys) > 0).all()
    assert sparse.shape == (6, 6)


def test_counts_across_blocks(monkeypatch):
    rng = np.random.default_rng(2)
    ids, starts = rng.integers(0, 9, 3000), [0, *range(11, 3000, 17)]
    expected = np.array(slow_counts(ids.tolist(), 9, 4, starts))
    monkeypatch.setattr("w2vlib.pair_counts._PAIRS_AT_ONCE", 100)
    np.testing.assert_array_equal(
        cooccurrence(ids, 9, 4, sentence_starts=starts).to_dense(), expected
    )


def test_counts_with_a_large_vocabulary():
    # keys no longer fit into 32 bits
    ids = np.array([0, 99_999, 50_000, 99_999])
    sparse = cooccurrence(ids, 100_000, 1)
    entries = {
        (int(r), int(c)): int(v)
        for r, c, v in zip(sparse.rows, sparse.cols, sparse.values, strict=True)
    }
    assert entries == {
        (0, 99_999): 1,
        (99_999, 0): 1,
        (99_999, 50_000): 2,
        (50_000, 99_999): 2,
    }


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (([0, 1],), TypeError, "vocab_size must be given"),
        (([0, 1], 1), IndexError, "corpus"),
        (([0, -1], 2), IndexError, "negative"),
        (([0, 1], 0), ValueError, "vocab_size"),
        (([0, 1], 2.0), TypeError, "vocab_size"),
        (([0, 1], 2, 0), ValueError, "window_size"),
        (([0, 1], 2, 2), ValueError, "window_size"),
        (([], 2), ValueError, "empty"),
        (([[0, 1]], 2), ValueError, "one row"),
        ((["a", "b"], 2), TypeError, "integer"),
    ],
)
def test_bad_counts(arguments, error, match):
    for function in (cooccurrence, create_co_matrix):
        with pytest.raises(error, match=match):
            function(*arguments)


def test_dense_matrix_that_fits_nowhere():
    with pytest.raises(MemoryError, match="cooccurrence"):
        create_co_matrix([0, 1, 2], 2**31 - 2)


# ---- PPMI ----------------------------------------------------------------------------------------


def test_ppmi_of_the_tiny_sentence():
    # the book's printed result, section 2.4.1
    M = ppmi(create_co_matrix(TINY_IDS, 7))
    expected = [
        [0, 1.807, 0, 0, 0, 0, 0],
        [1.807, 0, 0.807, 0, 0.807, 0.807, 0],
        [0, 0.807, 0, 1.807, 0, 0, 0],
        [0, 0, 1.807, 0, 1.807, 0, 0],
        [0, 0.807, 0, 1.807, 0, 0, 0],
        [0, 0.807, 0, 0, 0, 0, 2.807],
        [0, 0, 0, 0, 0, 2.807, 0],
    ]
    np.testing.assert_allclose(M, expected, atol=5e-4)
    assert M.dtype == np.float32


@given(
    st.integers(1, 6).flatmap(
        lambda n: st.lists(
            st.lists(st.integers(0, 2**31 - 1) | st.just(0), min_size=n, max_size=n),
            min_size=1,
            max_size=6,
        )
    ),
    st.sampled_from([0.0, 1e-8, 0.5]),
)
def test_ppmi_against_oracle(counts, eps):
    C = np.array(counts, dtype=np.int32)
    before = C.copy()
    expected = slow_ppmi(counts, eps)
    got = ppmi(C, eps=eps)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(C, before)
    rows, cols = np.nonzero(C)
    sparse = ppmi(CoMatrix(rows, cols, C[rows, cols], C.shape), eps=eps)
    np.testing.assert_array_equal(sparse.to_dense(), got)
    assert (sparse.values > 0).all()
    assert sparse.values.dtype == np.float32


def test_ppmi_of_words_that_never_occur_is_zero_without_warnings():
    C = np.array([[0, 2, 0], [2, 0, 0], [0, 0, 0]])
    with np.errstate(all="raise"):
        M = ppmi(C)
    np.testing.assert_allclose(M, [[0, 1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-6)
    assert not ppmi(np.zeros((3, 3), int)).any()
    assert ppmi(np.zeros((0, 0), int)).shape == (0, 0)


def test_ppmi_says_what_it_did(capsys):
    C = create_co_matrix(TINY_IDS, 7)
    ppmi(C)
    assert capsys.readouterr().out == ""
    ppmi(C, verbose=True)
    assert capsys.readouterr().out == "PPMI: 14 of 49 entries are positive.\n"


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int64, np.float32, np.float64])
def test_ppmi_of_any_counts(dtype):
    C = np.array([[200, 10], [10, 200]], dtype=dtype)
    np.testing.assert_allclose(ppmi(C), slow_ppmi([[200, 10], [10, 200]], 1e-8), rtol=1e-6)
    np.testing.assert_allclose(ppmi(np.asfortranarray(C)[::-1]), ppmi(C)[::-1])


@pytest.mark.parametrize(
    ("C", "eps", "error"),
    [
        ([[1.0, math.nan]], 1e-8, ValueError),
        ([[1.0, math.inf]], 1e-8, ValueError),
        ([[1e300, 1e300]], 1e-8, ValueError),
        ([[1, -1]], 1e-8, ValueError),
        ([1, 2], 1e-8, ValueError),
        ([[[1]]], 1e-8, ValueError),
        ([[1], [1, 2]], 1e-8, ValueError),
        ([["a"]], 1e-8, TypeError),
        ([[True]], 1e-8, TypeError),
        ([[1j]], 1e-8, TypeError),
        (None, 1e-8, (TypeError, ValueError)),
        ([[1]], -1, ValueError),
        ([[1]], 1.0, ValueError),
        ([[1]], math.nan, ValueError),
        ([[1]], "x", TypeError),
        (CoMatrix(np.array([5]), np.array([0]), np.array([1]), (2, 2)), 0, IndexError),
        (CoMatrix(np.array([0]), np.array([-1]), np.array([1]), (2, 2)), 0, IndexError),
        (CoMatrix(np.array([0]), np.array([0, 1]), np.array([1]), (2, 2)), 0, ValueError),
        (CoMatrix(np.array([0]), np.array([0]), np.array([math.nan]), (2, 2)), 0, ValueError),
    ],
)
def test_bad_ppmi(C, eps, error):
    with pytest.raises(error):
        ppmi(C if isinstance(C, CoMatrix) else C, eps=eps)
