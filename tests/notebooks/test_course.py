"""The course as a whole: complete exercises, a complete index of figures, one spelling a term."""

import json
import re

import pytest

nbformat = pytest.importorskip("nbformat")

from tests.notebooks import figures  # noqa: E402
from tests.notebooks.kernel import ROOT, notebooks  # noqa: E402
from w2vlib import check  # noqa: E402

PAGES = ROOT / "notebooks"
CHAPTERS = sorted(PAGES.glob("[01][0-9]_*.ipynb"))[1:]  # 00 has none


def read(path):
    return nbformat.read(path, as_version=4)


def shown(cell) -> str:
    """What a code cell has put out, as text."""
    found = []
    for output in cell.get("outputs", []):
        found.append("".join(output.get("data", {}).get("text/plain", "")))
        found.append("".join(output.get("data", {}).get("text/html", "")))
        found.append("".join(output.get("text", "")))
    return "\n".join(found)


def exercises():
    """``(chapter, number, stars, text, the code cell after it or None)``"""
    for path in CHAPTERS:
        cells = read(path).cells
        for cell, after in zip(cells, [*cells[1:], None], strict=True):
            if cell.cell_type != "markdown":
                continue
            for match in re.finditer(r"\*\*Exercise (\d+)([^*]*)\*\*", cell.source):
                head = re.fullmatch(r" (★{1,3}) – .*\.", match[2])
                assert head, f"{path.name}: write **Exercise N ★ – Title.**, not {match[0]}"
                code = after if after is not None and after.cell_type == "code" else None
                yield path.name, match[1], head[1], cell.source[match.start() :], code


EXERCISES = list(exercises())
_id = [f"{e[0][:2]}-{e[1]}" for e in EXERCISES]


def checks_of(source: str) -> list[str]:
    return re.findall(r"^check\.(\w+)\(", source, re.MULTILINE)


def solution(chapter: str, number: str):
    """The cells of one exercise on the page of solutions."""
    inside, cells = False, []
    for cell in read(PAGES / "solutions" / chapter).cells:
        heading = re.match(r"#+ Exercise (\d+) (★+) – ", cell.source)
        if cell.cell_type == "markdown" and heading:
            inside = heading[1] == number
        if inside:
            cells.append(cell)
    return cells


def test_every_chapter_has_exercises():
    assert {e[0] for e in EXERCISES} == {path.name for path in CHAPTERS}


@pytest.mark.parametrize("exercise", EXERCISES, ids=_id)
def test_exercise_has_a_stub_a_check_and_hints(exercise):
    _, number, _, _, cell = exercise
    assert cell is not None, "a stub comes right after the text"
    assert 'raise NotImplementedError("your code here")' in cell.source
    assert f"xercise{number}" in cell.source  # exercise1 or Exercise1
    (name,) = checks_of(cell.source)
    assert name in check.EXERCISES
    assert "not attempted" in shown(cell)
    assert len(check.exercise_named(name).hints) >= 2


@pytest.mark.parametrize("exercise", EXERCISES, ids=_id)
def test_exercise_has_a_solution_that_passes(exercise):
    chapter, number, stars, _, cell = exercise
    cells = solution(chapter, number)
    assert cells, "no such heading on the page of solutions"
    assert f" {stars} " in cells[0].source
    for name in checks_of(cell.source):
        verdicts = [
            shown(c) for c in cells if c.cell_type == "code" and name in checks_of(c.source)
        ]
        assert any("passed" in verdict for verdict in verdicts), f"check.{name}"


def test_every_check_is_used_by_a_chapter():
    used = {name for e in EXERCISES for name in checks_of(e[4].source)}
    assert used == set(check.EXERCISES)


# --- the index of figures ------------------------------------------------------------------------


def test_the_index_of_figures_is_complete():
    stored = [cell.source for cell in read(figures.PAGE).cells]
    made = [cell.source for cell in figures.make().cells]
    assert stored == made, "run `python -m tests.notebooks.figures`"


def test_titles_are_found_in_code():
    source = """
fig, (a, b) = plt.subplots(1, 2)
a.set_title("First: it falls", x=0)
b.set(xlabel="x", title="Second: it rises")
Matrix(W, title="W (3, 4)")
ax.set_title(name)
fig.suptitle("Both")
"""
    assert figures.titles(source) == ["First: it falls", "Second: it rises", "Both"]


def test_pictures_without_a_title_are_described():
    html = {"text/html": '<img alt="It&#x27;s a falling line." src="data:image/png;base64,A">'}
    output = nbformat.v4.new_output("display_data", html)
    cells = [
        nbformat.v4.new_markdown_cell("# Page\n\n## 2. A *fine* part"),
        nbformat.v4.new_code_cell("show(ax)", outputs=[output]),
        nbformat.v4.new_code_cell('ax.set_title("One title")', outputs=[output]),
        nbformat.v4.new_code_cell('ax.set_title("For both")', outputs=[output, output]),
    ]
    found = list(figures.figures(nbformat.v4.new_notebook(cells=cells)))
    texts = ["It's a falling line.", "One title", *2 * ["It's a falling line."]]
    assert found == [("2. A *fine* part", text) for text in texts]
    assert figures.anchor("2. A *fine* part") == "2.-A-fine-part"


# --- the pages beside the chapters ---------------------------------------------------------------


def words_of(path) -> str:
    return "\n\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")


NO_TERMS = {
    *"adds and goodbye hello i lazy list numba positive predict row say went worse".split(),
    *("on this page", "you need", "you will", "by hand", "expect by chance", "the derivatives"),
    *("weakness 5", "huffman's"),
}
"""In bold for another reason."""


def bold_terms(text: str) -> list[str]:
    """What stands in bold and looks like a term: up to three words, no sentence, no formula."""
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    found = [" ".join(t.split()) for t in re.findall(r"\*\*([^*]+?)\*\*", text)]
    return [t for t in found if len(t.split()) <= 3 and re.fullmatch(r"[A-Za-z0-9' -]+", t)]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem[:2])
def test_terms_in_bold_stand_in_the_glossary(path):
    glossary = words_of(PAGES / "glossary.ipynb").lower()
    terms = [t for t in bold_terms(words_of(path)) if t.lower() not in NO_TERMS]
    assert [t for t in terms if t.lower().removesuffix("s") not in glossary] == []


def test_the_glossary_is_in_order():
    lines = words_of(PAGES / "glossary.ipynb").splitlines()
    terms = [line.split("|")[1].strip() for line in lines if line.startswith("|")][2:]
    keys = [(t[0].isdigit(), t.lower().replace("-", "")) for t in terms]
    assert keys == sorted(keys) and len(set(terms)) == len(terms) > 50


_CITED = re.compile(
    r"\b([A-Z][a-zé]+)((?:,?\s+and|,)\s+[A-Z][a-z]+|\s+and\s+others)*,?\s+\(?((?:19|20)\d\d)\b"
)


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda p: p.stem[:2])
def test_what_a_chapter_cites_stands_in_the_references(path):
    entries = words_of(PAGES / "references.ipynb").splitlines()
    for match in _CITED.finditer(words_of(path)):
        first, year = match[1], match[3]
        assert any(first in e and year in e for e in entries), match[0]


def test_references_name_only_chapters_that_exist():
    numbers = {path.name[:2] for path in CHAPTERS}
    named = re.findall(r"\[([\d, to]+)\]$", words_of(PAGES / "references.ipynb"), re.MULTILINE)
    assert len(named) > 25
    assert {n for group in named for n in re.findall(r"\d+", group)} <= numbers


def test_the_teachers_times_are_those_of_the_chapters():
    table = words_of(PAGES / "for_teachers.ipynb")
    for path in CHAPTERS[1:]:
        time = re.search(r"\*\*Time:\*\*\s+about\s+(\d+)\s+minutes", read(path).cells[0].source)
        row = re.search(rf"\({re.escape(path.name)}\) \| (\d+) min", table)
        assert time[1] == row[1], path.name


# --- what chapters quote from records -------------------------------------------------------------


def record(name: str) -> dict:
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def table_rows(path) -> list[list[str]]:
    lines = words_of(path).splitlines()
    return [[part.strip() for part in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]


def test_the_table_of_counts_is_the_record():
    results = {(r["window"], r["vectors"]): r for r in record("ptb_counting")["results"]}
    seen = 0
    for row in table_rows(next(PAGES.glob("02_*.ipynb"))):
        if len(row) != 6 or not row[2].endswith("%"):
            continue
        name = row[0].replace(": $US$", f" {row[1]}").replace(": $U$ alone", f" {row[1]}, U only")
        for window, top1, rho in ((2, row[2], row[4]), (5, row[3], row[5])):
            found = results[window, name]
            assert abs(100 * found["top1"] - float(top1[:-1])) <= 0.0501, (row, window)
            assert abs(found["wordsim353"] - float(rho)) <= 0.00501, (row, window)
            seen += 1
    assert seen == len(results)


RUNS = {
    "CBOW, batches of 100, 10 epochs": "ptb_cbow_batch100",
    "CBOW, batches of 1,000, learning rate 0.002, 10 epochs": "ptb_cbow_batch1000",
    "skip-gram, batches of 1,000, learning rate 0.003, 5 epochs": "ptb_skipgram_batch1000",
}


def test_the_runs_of_chapter_07_are_the_records():
    path = next(PAGES.glob("07_*.ipynb"))
    rows = {row[0]: row[1:] for row in table_rows(path)}
    for title, name in RUNS.items():
        run, (top1, top5, rho, speed) = record(name), rows[title]
        assert (top1, top5) == (f"{run['top1']:.2%}", f"{run['top5']:.2%}"), name
        assert float(rho) == run["wordsim353"], name
        assert int(speed.replace(",", "")) == round(run["words_per_second"], -3), name
    counted = next(r for r in record("ptb_counting")["results"] if r["vectors"] == "PPMI, SVD 100")
    (row,) = (row for title, row in rows.items() if title.startswith("counting, no training"))
    assert row[:3] == [f"{counted[k]:.2%}" for k in ("top1", "top5")] + [str(counted["wordsim353"])]


def test_the_answers_of_chapter_07_are_the_record():
    rows = {row[0]: row[-1] for row in table_rows(next(PAGES.glob("07_*.ipynb")))}
    for question, answers in record("ptb_cbow_batch100")["answers"].items():
        shown = rows[question if ":" in question else f"*{question}*"].replace("*", "")
        assert shown.split(", ") == list(answers)


def test_how_much_faster_chapter_07_says_the_runs_are():
    text = " ".join(words_of(next(PAGES.glob("07_*.ipynb"))).split())
    one, two = record("ptb_cbow_batch100"), record("ptb_cbow_batch1000")
    speeds = [f"{round(run['ours_words_per_second'], -3):,}" for run in (one, two)]
    ratios = [f"{run['ratio']:.0f}" for run in (one, two)]
    assert f"reach {speeds[0]} and {speeds[1]} words/s, {ratios[0]} and {ratios[1]} times" in text


# --- one spelling for each term ------------------------------------------------------------------

FORBIDDEN = {
    r"Word2[Vv]ec|word2Vec": "word2vec",
    r"[Ss]kip ?grams?\b|Skip-Gram": "skip-gram",
    r"CBoW|Cbow|\bcbow\b": "CBOW",
    r"[Oo]ptimizers?\b|[Oo]ptimiz(e|es|ed|ing)\b": "optimiser, optimise",
    r"[Nn]ormaliz\w*|[Ii]nitializ\w*|[Rr]egulariz\w*": "-ise",
    r"\b[Cc]olor\w*|\b[Nn]eighbor\w*|\b[Bb]ehavior\w*|\b[Gg]ray\b": "British spelling",
    r"\b[Ll]abel(ed|ing)\b|\b[Mm]odel(ed|ing)\b": "labelled, modelling",
    r"[Cc]ooccur\w*": "co-occurrence",
    r"[Ss]oft-max|[Ss]oft max": "softmax",
    r"[Mm]ini-?batch\w*": "batch",
    r"[Mm]ax margin": "max-margin",
    r"\bNumpy\b|\bnumpy\b": "NumPy",
    r"\bGenSim\b|\bGensim\b": "gensim",
    r"\bfasttext\b|\bFast[Tt]ext\b": "fastText",
    r"\bGlove\b": "GloVe",
    r"[Dd]atasets?\b": "data set",
    r"Penn Tree Bank|PennTree\w*": "Penn Treebank",
    r"[Hh]uffmann": "Huffman",
    r"[Ss]ub-sampl\w*": "subsampling",
    r"[Hh]yper-?[Pp]arameters?": "setting, choice",
    r"Negative Sampling": "negative sampling",
    r"Hierarchical Softmax": "hierarchical softmax",
    r"[Bb]ack-?prop(agat\w*)?\b": "backward",
}
_QUIET = re.compile(
    r"```.*?```|`[^`]*`|\]\([^)]*\)|\$\$.*?\$\$|\$[^$]*\$|\*[A-Z][^*\n]{15,}\*", re.DOTALL
)  # code, link targets, formulas, titles of papers


def spelling_faults(text: str) -> list[str]:
    text = _QUIET.sub(" ", text)
    found = []
    for pattern, better in FORBIDDEN.items():
        found += [f"{match[0]!r}: write {better}" for match in re.finditer(pattern, text)]
    return found


@pytest.mark.parametrize("path", notebooks(), ids=lambda p: str(p.relative_to(PAGES)))
def test_terms_are_spelt_one_way(path):
    text = "\n\n".join(c.source for c in read(path).cells if c.cell_type == "markdown")
    assert spelling_faults(text) == []


@pytest.mark.parametrize(
    "text, faults",
    [
        ("A skip-gram model by word2vec, in NumPy.", 0),
        ("A skipgram model by Word2Vec.", 2),
        ("`normalize(x)` and [text](datasets.ipynb), $color$", 0),
        ("Kingma and Ba: *Adam: A Method for Stochastic Optimization*, 2015.", 0),
        ("The optimizer normalizes the color.", 3),
    ],
)
def test_the_speller_is_right(text, faults):
    assert len(spelling_faults(text)) == faults
