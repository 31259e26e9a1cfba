"""The test sets: formats, coverage, no duplicates, and agreement with the corpus."""

from collections import Counter

import pytest
from generator import tables as tables_module
from generator import truth

from w2vlib import datasets


def rows(folder, name):
    lines = (folder / name).read_text(encoding="ascii").splitlines()
    assert lines[0].startswith("# ")
    return [line.split("\t") for line in lines[1:]]


def test_families(families):
    assert len(families) >= 8
    assert sum(map(len, families.values())) >= 300
    assert min(map(len, families.values())) >= 20


def test_questions_have_four_different_words(families):
    for questions in families.values():
        for question in questions:
            assert len(question) == len(set(question)) == 4


def test_no_question_twice(families):
    questions = Counter(q for block in families.values() for q in block)
    assert max(questions.values()) == 1


def test_every_word_of_a_question_is_frequent_enough(families, counts):
    words = {word for block in families.values() for question in block for word in question}
    rare = {word: counts[word] for word in words if counts[word] < 20}
    assert not rare


def test_questions_of_the_book(families):
    assert ("king", "queen", "man", "woman") in families["gender"]
    assert ("take", "took", "go", "went") in families["gram5-past-tense"]
    assert ("car", "cars", "child", "children") in families["gram6-plural"]
    assert ("good", "better", "bad", "worse") in families["gram2-comparative"]


def test_each_question_has_one_right_answer(families):
    """Within a family a word has one partner only, in either direction."""
    for name, questions in families.items():
        pairs = {pair for a, b, c, d in questions for pair in ((a, b), (c, d))}
        assert len({a for a, _ in pairs}) == len(pairs), name
        assert len({b for _, b in pairs}) == len(pairs), name


def test_the_package_reads_the_files(families, lines):
    assert datasets.load_analogies("embedded") == families
    assert len(datasets.load_similarities("embedded")) > 200
    corpus = datasets.load("embedded")
    assert len(corpus) == sum(line.count(" ") + 1 for line in lines)
    assert len(corpus.sentence_starts) == len(lines)


def test_similarity_set(folder, counts):
    pairs = [(a, b, float(score)) for a, b, score in rows(folder, "similarity.tsv")]
    assert len(pairs) >= 200
    assert len({frozenset(p[:2]) for p in pairs}) == len(pairs)
    assert all(a != b and counts[a] and counts[b] for a, b, _ in pairs)
    scores = Counter(score for *_, score in pairs)
    assert set(scores) == {9.5, 7.5, 6.0, 4.0, 0.5}
    assert min(scores.values()) >= 25


def test_synonyms_are_in_the_corpus(folder, counts):
    sets = rows(folder, "synonyms.tsv")
    assert len(sets) >= 25
    words = [word for row in sets for word in row]
    assert len(words) == len(set(words))
    assert not [word for word in words if not counts[word]]


def test_homonyms_stand_near_their_cues(folder, lines, counts):
    """Every meaning occurs: the word and one of its cues share a sentence at least five times."""
    by_word: dict[str, list[set[str]]] = {}
    for word, _, cues in rows(folder, "homonyms.tsv"):
        by_word.setdefault(word, []).append(set(cues.split()))
    assert len(by_word) >= 20
    sentences = {word: [] for word in by_word}
    for line in lines:
        words = set(line.split())
        for word in words & sentences.keys():
            sentences[word].append(words)
    for word, meanings in by_word.items():
        assert len(meanings) >= 2
        for cues in meanings:
            assert sum(bool(cues & words) for words in sentences[word]) >= 5, (word, cues)


def test_truth_does_not_depend_on_the_corpus(families):
    tables = tables_module.read_all()
    assert list(families) == list(truth.FAMILIES)
    for family, questions in families.items():
        assert truth.questions(tables, family) == questions


@pytest.mark.parametrize("family", truth.FAMILIES)
def test_every_pair_is_used_equally_often(family):
    tables = tables_module.read_all()
    questions = truth.questions(tables, family)
    asked = Counter(question[2:] for question in questions)
    assert max(asked.values()) - min(asked.values()) <= 1
    assert set(asked) == set(truth.pairs(tables, family))
