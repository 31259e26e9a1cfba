"""The README's numbers are those of the records in benchmarks/results/, and its code runs."""

import ast
import itertools
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.texts import write_beginning
from w2vlib import Corpus, WordVectors, datasets

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


def test_the_textbooks_scores_are_those_of_the_script():
    """They come with the published vectors; nothing here can measure them."""
    script = ast.parse((ROOT / "benchmarks" / "train_ptb.py").read_text(encoding="utf-8"))
    (scores,) = [
        ast.literal_eval(node.value)
        for node in script.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "BOOK_SCORES"
    ]
    top1, top5, rho, _ = row("the textbook's published vectors")
    assert [top1 / 100, top5 / 100, rho] == pytest.approx(list(scores.values()))


PROGRAMS = {
    "`w2vlib.fast`": "w2vlib",
    "`w2vlib.fast`, shared negatives": "w2vlib, shared negatives",
    "gensim": "gensim",
    "fastText": "fasttext",
    "the textbook's method": "book",
}


def cells(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def table_after(head):
    lines = README[README.index(head) :].splitlines()[2:]
    return [cells(line) for line in itertools.takewhile(lambda line: line.startswith("|"), lines)]


def test_speed_beside_other_programs():
    columns = [("cbow", 1), ("cbow", 2), ("skipgram", 1), ("skipgram", 2)]
    rows = record("comparison")["speed"]["rows"]
    made = {(r["program"], r["model"], r["threads"]): r for r in rows}
    found = {}
    for name, *values in table_after("| words/s | CBOW, 1 thread"):
        for column, value in zip(columns, values, strict=True):
            if value:
                found[PROGRAMS[name], *column] = numbers(value)
    assert found.keys() == made.keys()
    for key, (speed, *times) in found.items():
        digits = 2 if key[0] == "book" else 3
        assert speed == float(f"{made[key]['words_per_second']:.{digits}g}")
        if not key[0].startswith("w2vlib"):
            assert hundreds(times[0]) == hundreds(made[key]["w2vlib_is_faster_by"])


def test_scores_beside_other_programs():
    rows = record("comparison")["quality"]["rows"]
    made = {(r["program"], r["model"]): r for r in rows if r["corpus"] == "ptb"}
    table = table_after("| after 10 epochs (CBOW) or 5 (skip-gram)")
    assert len(table) == 8
    for name, analogies, rho in table:
        model, program = name.split(", ", 1)
        program, *kind = program.split(", ")
        program = ", ".join([PROGRAMS[program], *kind])
        row = made[program, model.replace("-", "").lower()]
        assert row["epochs"] == {"CBOW": 10, "skip-gram": 5}[model]
        top1, top5 = numbers(analogies)
        assert top1 == pytest.approx(row["top1"], abs=0.051)
        assert top5 == pytest.approx(row["top5"], abs=0.051)
        assert float(rho) == pytest.approx(row["wordsim353"], abs=0.0051)


def test_the_ladder():
    rungs = [r for r in record("speed_ladder")["rungs"] if "skip-gram" not in r["rung"]]
    (text,) = re.findall(r"!\[(Nine bars[^]]*)\]\(benchmarks/results/speed_ladder.png\)", README)
    ends = [float(f"{rungs[i]['words_per_second']:.3g}") for i in (0, -1)]
    assert len(rungs) == 9 and numbers(text) == ends


def test_the_questions_of_the_table():
    (head,) = [line for line in README.splitlines() if "analogies, top 1" in line]
    assert record("ptb_cbow_batch100")["questions"] in numbers(head)


def test_how_the_course_begins_and_ends():
    """The first paragraph speaks of the ladder's first step and of compiled code, one thread."""
    speed = {rung["rung"]: rung["words_per_second"] for rung in record("speed_ladder")["rungs"]}
    first = speed["one-hot, softmax"]
    assert "trains about five\nthousand words a second" in README and 4_500 <= first < 5_500
    assert "hundreds of times faster" in README and 200 <= speed["compiled"] / first < 1_000


def test_how_many_chapters_there_are():
    words = {13: "thirteen", 14: "fourteen", 15: "fifteen"}
    assert f"{words[len(list((ROOT / 'notebooks').glob('[0-9][0-9]_*.ipynb')))]} chapters" in README


def beginning_of(corpus, sentences):
    """A corpus of the first sentences, with the vocabulary of all."""
    ids = np.concatenate(list(itertools.islice(corpus.sentences(), sentences)))
    return Corpus(ids, corpus.words, corpus.sentence_starts[:sentences])


def test_the_code_runs(tmp_path, monkeypatch):
    """All Python of the page, one piece after the other, on a small part of the text."""
    small = beginning_of(datasets.load("embedded"), 2000)
    monkeypatch.setattr(datasets, "load", lambda name, **_: small)
    monkeypatch.chdir(tmp_path)
    names = {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="No usable GPU")
        for code in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL):
            exec(compile(code, "README.md", "exec"), names)
    assert names["trainer"].epoch == 3
    # Every word with a neighbour is a target; windows of full length would leave out most of them.
    assert names["trainer"].batches == 3 * -(-len(small) // 1000)
    assert WordVectors.load("vectors.bin").words == tuple(small.words)
    assert names["vectors"].words == tuple(small.words)


def test_the_command_line_runs(tmp_path, monkeypatch, capsys):
    from w2vlib.cli import main

    write_beginning(tmp_path / "text.txt", sentences=3000)
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"^python -m w2vlib (.+)$", README, flags=re.MULTILINE)
    assert {command.split()[0] for command in commands} == {
        "train",
        "nearest",
        "analogy",
        "evaluate",
    }
    for command in commands:
        if command.startswith("evaluate"):
            monkeypatch.setenv("W2V_OFFLINE", "1")
        assert main(command.split()) == 0, capsys.readouterr().err
