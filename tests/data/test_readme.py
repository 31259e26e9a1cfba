"""What data/README.md counts is what lies in the folder."""

import re
from collections import Counter, defaultdict

import numpy as np
import pytest


@pytest.fixture(scope="module")
def readme(folder):
    return re.sub(r"\s+", " ", (folder / "README.md").read_text(encoding="utf-8"))


def numbers(pattern, readme):
    """The numbers in the one place of the page that the pattern describes."""
    (found,) = re.findall(pattern.replace("#", r"([−\d.,]*\d)"), readme)
    found = [found] if isinstance(found, str) else found
    return [float(n.replace(",", "").replace("−", "-")) for n in found]


def rows(folder, name):
    """The lines of a table that say something, as lists of cells."""
    text = (folder / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def test_sentences_words_and_vocabulary(readme, lines, counts):
    found = numbers("the corpus: # sentences, # words, # different ones", readme)
    assert found == [len(lines), sum(counts.values()), len(counts)]


def test_questions_pairs_and_synonyms(readme, folder, families):
    total = sum(map(len, families.values()))
    assert numbers("# questions in # families", readme) == [total, len(families)]
    assert numbers("# pairs of words with a score", readme) == [len(rows(folder, "similarity.tsv"))]
    assert numbers("# sets of words that", readme) == [len(rows(folder, "synonyms.tsv"))]
    assert "| 30-odd words with two or three meanings" in readme
    assert 30 < len({row[0] for row in rows(folder, "homonyms.tsv")}) < 40


def test_the_planted_scores(readme, folder):
    pattern = r"synonyms #, two forms .*? \(.*?\) #, two of a kind \(.*?\) #, one topic \(.*?\) #,"
    found = numbers(pattern + " strangers #[.]", readme)
    assert set(found) == {float(row[2]) for row in rows(folder, "similarity.tsv")}


def test_zipf(readme, counts):
    lowest, highest, slope, r2 = numbers("between ranks # and # .*? slope is # .r² = #.", readme)
    rank = np.unique(np.geomspace(lowest, highest, 40).astype(int))
    frequency = np.array(sorted(counts.values(), reverse=True), float)
    x, y = np.log(rank), np.log(frequency[rank - 1])
    assert slope == pytest.approx(np.polyfit(x, y, 1)[0], abs=0.0051)
    assert r2 == pytest.approx(np.corrcoef(x, y)[0, 1] ** 2, abs=0.0051)


def test_words_with_more_than_one_tag(readme, lines, tags):
    of_word = defaultdict(Counter)
    for line, letters in zip(lines, tags, strict=True):
        for word, letter in zip(line.split(), letters, strict=True):
            of_word[word][letter] += 1
    unsure = [found for found in of_word.values() if len(found) > 1]
    usual = sum(max(found.values()) for found in unsure)
    share = 100 * usual / sum(found.total() for found in unsure)
    assert numbers("# words have more than one tag", readme) == [len(unsure)]
    assert numbers("usual tag is right for # %", readme) == pytest.approx([share], abs=0.51)
