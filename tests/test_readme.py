"""The README's numbers are those of the records in benchmarks/results/."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def record(name):
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))


def numbers(line):
    return [float(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\.?\d*", line)]


def row(beginning):
    (line,) = [line for line in README.splitlines() if line.startswith(f"| {beginning}")]
    return numbers(line.split("|", 2)[2])


def hundreds(number):
    """Rounded to two digits, as the README says it."""
    return float(f"{number:.2g}")


@pytest.mark.parametrize(
    ("beginning", "name"),
    [
        ("batches of 100 ", "ptb_cbow_batch100"),
        ("batches of 1,000 ", "ptb_cbow_batch1000"),
        ("skip-gram, batches of 1,000", "ptb_skipgram_batch1000"),
    ],
)
def test_penn_treebank_with_the_layers(beginning, name):
    found = record(name)
    top1, top5, rho, speed = row(beginning)
    assert top1 == pytest.approx(100 * found["top1"], abs=0.051)
    assert top5 == pytest.approx(100 * found["top5"], abs=0.051)
    assert rho == pytest.approx(found["wordsim353"], abs=0.0051)
    assert hundreds(speed) == hundreds(found["words_per_second"])


def test_the_books_speed():
    line = row("the textbook's published vectors")
    assert hundreds(line[-1]) == hundreds(record("ptb_cbow_batch100")["book_words_per_second"])
