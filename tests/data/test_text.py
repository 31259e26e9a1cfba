"""The corpus: size, Zipf's law, and the grammar of its sentences."""

import re

import numpy as np
import pytest
from generator import tables as tables_module
from generator.world import FEMALE, MALE
from generator.world import FOLDER as GRAMMAR


@pytest.fixture(scope="module")
def tables():
    return tables_module.read_all()


def words_of(tables, table, column):
    return {row.words[column].split("@")[0] for row in tables[table].rows}


# Size and shape.


def test_size(folder, lines, counts):
    assert 300_000 <= sum(counts.values()) <= 1_000_000
    assert 1_500 <= len(counts) <= 3_000
    assert (folder / "embedded.txt").stat().st_size < 2_500_000
    assert len(set(lines)) > 0.85 * len(lines)


def test_every_line_is_one_tidy_sentence(lines):
    tidy = re.compile(r"[a-z]+(?: [a-z]+)+ [.?]")
    assert not [line for line in lines if not tidy.fullmatch(line)]
    lengths = [line.count(" ") + 1 for line in lines]
    assert min(lengths) >= 4
    assert max(lengths) <= 40


def test_zipf(counts):
    """Over the middle ranks, log frequency falls like −1 times log rank, almost on a line."""
    frequency = np.array(sorted(counts.values(), reverse=True), float)
    rank = np.unique(np.geomspace(10, 1_500, 40).astype(int))
    x, y = np.log(rank), np.log(frequency[rank - 1])
    slope = np.polyfit(x, y, 1)[0]
    assert -1.1 < slope < -0.85
    assert np.corrcoef(x, y)[0, 1] ** 2 > 0.97


def test_the_is_the_most_frequent_word(counts):
    assert [word for word, _ in counts.most_common(3) if word != "."][0] == "the"


def test_every_word_comes_from_our_own_lists(folder, counts):
    sources = [*GRAMMAR.glob("*.txt"), *tables_module.FOLDER.glob("*.txt")]
    known = set(re.findall(r"[a-z]+", " ".join(path.read_text() for path in sources)))
    ours = {form for forms in (MALE, FEMALE) for form in forms.values()}
    assert set(counts) - known - ours <= {".", "?", "an"}


def test_no_unknown_word_marker(counts):
    assert not {"<unk>", "unk", "<eos>", "n"} & set(counts)


# Grammar.

CONSONANT_SOUND = {"one", "once", "uniform", "united", "university", "useful", "euro"}


def test_a_and_an(lines):
    text = " ".join(lines)
    after_a = set(re.findall(r"(?<![^ ])a ([a-z]+)", text))
    after_an = set(re.findall(r"(?<![^ ])an ([a-z]+)", text))
    assert len(after_a) > 300
    assert len(after_an) > 30
    assert not [w for w in after_a if w[0] in "aeiou" and w not in CONSONANT_SOUND]
    assert not [w for w in after_an if w[0] not in "aeiou" and w not in {"hour", "honest", "heir"}]
    assert not after_an & CONSONANT_SOUND


def followers(lines, tags, first):
    """(word, next word) for the words of `first` where both are ordinary words (tag '.')."""
    for line, line_tags in zip(lines, tags, strict=True):
        words = line.split()
        for i, word in enumerate(words[:-1]):
            if word in first and line_tags[i : i + 2] == "..":
                yield word, words[i + 1]


def test_number_agreement(lines, tags, tables):
    one, many = words_of(tables, "nouns", "one"), words_of(tables, "nouns", "many")
    singular = {"a", "an", "this", "every", "each", "another"}
    plural = {"these", "those", "many", "several", "both", "two", "three", "few"}
    # "leaves" and "ships" may be verbs, but not behind these words.
    assert not {pair for pair in followers(lines, tags, singular) if pair[1] in many}
    assert not {pair for pair in followers(lines, tags, plural) if pair[1] in one}


def test_pronouns_and_verbs_agree(lines, tags):
    wrong = {
        "he": {"are", "am", "were", "have"},
        "she": {"are", "am", "were", "have"},
        "i": {"is", "are", "were", "has"},
        "we": {"is", "am", "was", "has"},
        "they": {"is", "am", "was", "has"},
        "you": {"is", "am", "was", "has"},
    }
    found = {pair for pair in followers(lines, tags, set(wrong)) if pair[1] in wrong[pair[0]]}
    assert not found


def test_modal_verbs_take_the_base_form(lines, tags, tables):
    base = words_of(tables, "verbs", "base")
    other = set.union(*(words_of(tables, "verbs", c) for c in ("third", "past", "ing"))) - base
    modals = {"will", "can", "must", "should", "could", "would", "may"}
    pairs = set(followers(lines, tags, modals))
    assert not {pair for pair in pairs if pair[1] in other}
    assert len({word for _, word in pairs} & base) > 30


def test_forms_of_be_never_take_the_base_form(lines, tags, tables):
    base = words_of(tables, "verbs", "base") - {"fish"}
    pairs = set(followers(lines, tags, {"is", "am", "was", "were"}))
    assert not {pair for pair in pairs if pair[1] in base}


def test_comparatives_stand_with_than_and_superlatives_with_the(lines, tables):
    more, most = words_of(tables, "adjectives", "more"), words_of(tables, "adjectives", "most")
    for line in lines:
        words = line.split()
        if " than " in line:
            assert (more | {"more", "less"}) & set(words), line
        for before, word in zip(words, words[1:], strict=False):
            assert word not in most or before == "the", line


def test_people_keep_their_pronouns(lines, tags, tables):
    """A sentence about one person of the family and nobody else keeps to "he" or to "she"."""
    male, female = words_of(tables, "kin", "male"), words_of(tables, "kin", "female")
    his, her = {"he", "him", "his", "himself"}, {"she", "her", "hers", "herself"}
    checked = 0
    for line, line_tags in zip(lines, tags, strict=True):
        words = line.split()
        people = [word for word in words if word in male | female]
        if words[0] == "the" and people == words[1:2] and "P" not in line_tags:
            wrong = her if people[0] in male else his
            assert not wrong & set(words), line
            checked += 1
    assert checked > 1_000


def test_no_word_twice_in_a_row(lines):
    assert not [line for line in lines if re.search(r"(?<![^ ])(\w+) \1(?![^ ])", line)]


def test_women_and_men_do_the_same_jobs(lines):
    """Behind a worker and a tool stands "his" about as often as "her"."""
    found = re.findall(
        r"\bthe \w+ (?:grabbed|dropped|lifted|polished) (his|her) ", "\n".join(lines)
    )
    assert len(found) > 50
    assert 0.35 < found.count("her") / len(found) < 0.65


# Named entities.


def test_one_tag_per_word(lines, tags):
    assert len(lines) == len(tags)
    assert all(len(t) == line.count(" ") + 1 for line, t in zip(lines, tags, strict=True))
    assert set("".join(tags)) == set(".PLO")


def test_tags_need_the_words_around(lines, tags, folder):
    """Some words are now a person, now a place, now neither."""
    seen: dict[str, set[str]] = {}
    for line, line_tags in zip(lines, tags, strict=True):
        for word, tag in zip(line.split(), line_tags, strict=True):
            seen.setdefault(word, set()).add(tag)
    assert {"P", "L"} <= seen["paris"]
    assert {"P", "L"} <= seen["washington"]
    assert {"P", "L"} <= seen["jordan"]
    for word in ("may", "rose", "mark", "will", "bill", "grace", "drew"):
        assert seen[word] == {"P", "."}, word
    assert seen["comet"] == {"O", "."}
    assert seen["anna"] == {"P"}
    assert seen["the"] == {"."}
    assert sum(len(found) > 1 for found in seen.values()) >= 30
    assert (folder / "entities.txt").stat().st_size < 1_000_000
