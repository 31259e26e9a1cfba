"""Everything a reader does in the explorer, without a browser; and what can be taken away."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from tests.widgets.planted import planted
from w2vlib import WordVectors
from w2vlib.widgets import export
from w2vlib.widgets.formula import Term, parse
from w2vlib.widgets.history import Trail
from w2vlib.widgets.query import Query, ask
from w2vlib.widgets.session import Explorer

V = planted(300)


@pytest.fixture
def explorer():
    return Explorer(V)


def test_it_begins_with_a_question_that_the_model_can_answer(explorer):
    assert explorer.headline() == "man is to king as woman is to queen"
    assert Explorer(V, start="paris - france + italy").answer.first.word == "rome"
    assert Explorer(V, start=("good", "better", "big")).answer.first.word == "bigger"
    for wrong in (("good", "better"), ("good", "better", "big", "bad"), [], 3):
        with pytest.raises(ValueError, match="^start must be a formula, a word or three words"):
            Explorer(V, start=wrong)
    other = Explorer(WordVectors(["x", "y"], np.eye(2), [1, 5]))
    assert other.headline() == "y: its nearest word is x"
    assert other.mode == "formula"


def test_the_state_is_plain_data(explorer):
    state = json.loads(json.dumps(explorer.state(), allow_nan=False))
    assert state["rows"][0]["word"] == "queen"
    assert state["problem"] is None and state["changed"] == ""
    assert state["fields"] == ["man", "king", "woman"]
    assert state["text"] == "king - man + woman"
    assert state["exact"] and state["can_be_exact"]


def test_shown_numbers_are_the_rounded_ones(explorer):
    for shown, row in zip(explorer.state()["rows"], explorer.answer.rows, strict=True):
        assert float(shown["cosine"].replace("−", "-")) == pytest.approx(row.cosine, abs=5.1e-4)
        assert float(shown["dot"].replace("−", "-")) == pytest.approx(row.dot, abs=5.1e-4)
        assert int(shown["count"].replace(",", "")) == row.count


def test_an_unknown_word_has_suggestions_and_a_reason(explorer):
    explorer.ask_analogy("man", "kng", "woman")
    problem = explorer.problem
    assert problem["message"] == "'kng' is not in the vocabulary."
    (word,) = problem["words"]
    assert word["word"] == "kng" and "king" in word["try"] and word["why"]
    assert explorer.fields == ["man", "kng", "woman"]
    explorer.mend("kng", "king")
    assert explorer.problem is None
    assert explorer.answer.first.word == "queen"


def test_an_unknown_word_in_a_formula(explorer):
    explorer.set_mode("formula")
    explorer.ask("kng - man + 0.5 womn")
    assert explorer.problem["message"] == "'kng' and 'womn' are not in the vocabulary."
    explorer.mend("kng", "king")
    assert [w["word"] for w in explorer.problem["words"]] == ["womn"]
    explorer.mend("womn", "woman")
    assert explorer.text == "king - man + 0.5 * woman"
    assert explorer.problem is None


@pytest.mark.parametrize("text", ["", "king man", "king - king", "king +"])
def test_no_formula_ends_in_a_traceback(explorer, text):
    before = explorer.answer
    explorer.ask(text)
    assert explorer.problem["message"]
    assert explorer.answer is before
    json.dumps(explorer.state())


def test_empty_fields_are_named(explorer):
    explorer.ask_analogy("man", " ", "")
    assert explorer.problem["message"] == "Type a word for b and c."


def test_switches_ask_again_and_tell(explorer):
    explorer.switch(exclude_query=False)
    assert explorer.changed.startswith("The words of the query may be answers now.")
    assert any(row["in_query"] for row in explorer.state()["rows"])
    explorer.switch(similarity="dot")
    assert "long vectors gain" in explorer.changed
    assert explorer.state()["score"] == "dot product"
    explorer.switch(similarity="cosine", method="3CosMul")
    assert explorer.state()["score"] == "3CosMul"
    explorer.switch(top=5)
    assert len(explorer.state()["rows"]) == 5


@pytest.mark.parametrize(
    ("options", "error"),
    [({"top": 0}, ValueError), ({"similarity": "x"}, ValueError), ({"colour": 1}, TypeError)],
)
def test_wrong_switches_change_nothing(explorer, options, error):
    before = dict(explorer.options)
    with pytest.raises(error):
        explorer.switch(**options)
    assert explorer.options == before


def test_the_trail(explorer):
    explorer.ask_word("queen")
    explorer.ask("paris - france")
    assert explorer.state()["trail"] == ["man : king = woman : ?", "queen", "paris − france"]
    explorer.back()
    assert explorer.answer.query.words == ("queen",)
    explorer.back()
    assert explorer.mode == "analogy" and explorer.fields == ["man", "king", "woman"]
    explorer.forward()
    explorer.ask_word("king")
    assert explorer.state()["trail"] == ["man : king = woman : ?", "queen", "king"]
    explorer.go(0)
    assert explorer.state()["at"] == 0


def test_a_trail_has_ends():
    trail = Trail(most=3)
    assert trail.current is None and trail.back() is None
    for item in "aabcd":
        trail.push(item)
    assert trail.items == ["b", "c", "d"]
    assert not trail.can_go_forward and trail.can_go_back
    assert trail.forward() == "d" and trail.go(-5) == "b" and not trail.can_go_back
    trail.push("x")
    assert trail.items == ["b", "x"]


def test_completion_in_a_formula(explorer):
    found = explorer.complete("king - wom", 10)
    assert (found["start"], found["end"]) == (7, 10)
    assert found["words"][0][0] == "woman"


def test_the_picture_can_be_a_shadow(explorer):
    explorer.set_picture("shadow")
    state = explorer.state()
    assert not state["exact"] and state["can_be_exact"]
    assert "of the variance" in state["picture"]
    with pytest.raises(ValueError, match="picture must be one of"):
        explorer.set_picture("map")


# ---- several models -----------------------------------------------------------------------------


def test_two_models_side_by_side():
    explorer = Explorer({"first": V, "second": planted(300, seed=1, noise=1.0)})
    explorer.set_other("second")
    compared = explorer.state()["compared"]
    assert compared["picture"].startswith("<svg")
    assert "second" in compared["sentence"] and "Procrustes" in compared["sentence"]
    assert set(compared["moves"]) == set(explorer.answer.words)
    # Places are those of the other model's own list.
    other = ask(explorer.models["second"], Query(explorer.answer.query.terms, top=100))
    for row in other.rows:
        if row.word in compared["moves"]:
            assert compared["moves"][row.word].split()[0] == str(row.rank)
    assert explorer.html().count("<img") == 2
    explorer.choose("second")
    assert explorer.other is None and explorer.model == "second"


def test_the_same_model_twice_agrees_with_itself():
    explorer = Explorer([V, V])
    explorer.set_other("model 2")
    compared = explorer.state()["compared"]
    assert {text.split(" ", 1)[1] for text in compared["moves"].values()} == {"="}
    assert "mean cosine of 1.00" in compared["sentence"]
    assert explorer.code().startswith("vectors[0].")


def test_a_model_that_lacks_a_word():
    small = WordVectors(["man", "king"], np.eye(2))
    explorer = Explorer({"large": V, "small": small})
    explorer.set_other("small")
    assert "does not know 'woman'" in explorer.state()["compared"]["sentence"]
    explorer.choose("small")
    assert explorer.problem["message"] == "'woman' is not in the vocabulary of 'small'."
    json.dumps(explorer.state())
    assert "w2v-static" in explorer.html()
    explorer.choose("large")
    assert explorer.answer.first.word == "queen"


def test_wrong_models():
    with pytest.raises(TypeError, match="vectors must be WordVectors"):
        Explorer(np.eye(2))
    with pytest.raises(TypeError, match="'x' must be WordVectors"):
        Explorer({"x": 3})
    with pytest.raises(ValueError, match="no model"):
        Explorer([])


# ---- the drawing --------------------------------------------------------------------------------


def boxes(svg):
    """Where the names are drawn: (left, right, baseline) of each text, by a mean letter width."""
    for text in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text"):
        size = 14 if text.get("class") in (None, "", "strong") else 12.5
        width, x = 0.58 * size * len(text.text), float(text.get("x"))
        left = x - {None: 0, "start": 0, "middle": width / 2, "end": width}[text.get("text-anchor")]
        yield text.text, left, left + width, float(text.get("y"))


@pytest.mark.parametrize("seed", range(12))
def test_names_do_not_cover_each_other(seed):
    """Ten words in a heap: all names can be read, and those pushed aside have a line to them."""
    rng = np.random.default_rng(seed)
    names = [f"word{i}" for i in range(7)]
    heap = np.full((7, 8), 3.0) + rng.normal(size=(7, 8)) * 0.05
    rows = np.concatenate([rng.normal(size=(3, 8)), heap])
    rows[3:] += rows[1] - rows[0] + rows[2]
    crowded = Explorer(WordVectors(["a", "b", "c", *names], rows), start=("a", "b", "c"))
    svg = crowded.svg()
    shown = list(boxes(svg))
    assert len(shown) == 13  # 3 words, target, 6 answers, gap, foot and rule
    for i, (one, left, right, y) in enumerate(shown):
        for other, left2, right2, y2 in shown[:i]:
            apart = left >= right2 or left2 >= right or abs(y - y2) >= 11
            assert apart, (one, other)
    assert "leader" in svg


# ---- to take away -------------------------------------------------------------------------------


def test_the_table_as_a_file(explorer):
    rows = list(csv.DictReader(io.StringIO(explorer.csv())))
    assert list(rows[0]) == list(export.COLUMNS)
    for row, true in zip(rows, explorer.answer.rows, strict=True):
        assert (int(row["rank"]), row["word"]) == (true.rank, true.word)
        assert float(row["cosine"]) == true.cosine and float(row["dot"]) == true.dot
        assert int(row["count"]) == true.count
    # Distances from the plane of a, b and c, also of answers that are not drawn: least squares.
    unit = {w: V[w] / np.linalg.norm(V[w].astype(float)) for w in V}
    sides = np.stack([unit["king"] - unit["man"], unit["woman"] - unit["man"]], axis=1)
    for row, shown in zip(rows, explorer.state()["rows"], strict=True):
        away = unit[row["word"]] - unit["man"]
        off = np.linalg.norm(away - sides @ np.linalg.lstsq(sides, away, rcond=None)[0])
        assert float(row["beside_plane"]) == pytest.approx(off, rel=1e-6)
        assert float(shown["beside"]) == pytest.approx(off, abs=5.1e-4)


def test_the_picture_as_a_file(explorer):
    svg = ET.fromstring(explorer.svg())
    text = "".join(svg.itertext())
    for word in ("a: man", "b: king", "c: woman", "1. queen", "target", "misses by"):
        assert word in text
    assert "var(" not in explorer.svg()
    assert "http" not in explorer.svg().replace("http://www.w3.org/2000/svg", "")


def test_places_on_paper_are_the_places_in_the_plane(explorer):
    """The square of b and the circle of a are as far apart as |b − a|, by the drawn rule."""
    svg = ET.fromstring(explorer.svg())
    names = {"s": "{http://www.w3.org/2000/svg}"}["s"]
    circle = next(e for e in svg.iter(f"{names}circle") if e.get("class") == "mark")
    square = next(e for e in svg.iter(f"{names}rect") if e.get("class") == "mark")
    pixels = float(square.get("x")) + 7 - float(circle.get("cx"))
    rule = next(e for e in svg.iter(f"{names}path")).get("d")
    left, right = float(re.match(r"M([\d.]+)", rule)[1]), float(re.search(r"H([\d.]+)", rule)[1])
    length = float(re.search(r"length ([\d.]+)", explorer.svg())[1])
    a, b = (V[word].astype(float) / np.linalg.norm(V[word]) for word in ("man", "king"))
    assert pixels * length / (right - left) == pytest.approx(np.linalg.norm(b - a), rel=0.01)


@pytest.mark.parametrize(
    "options",
    [{}, {"method": "3CosMul"}, {"similarity": "dot"}, {"exclude_query": False, "top": 3}],
)
@pytest.mark.parametrize("text", ["king - man + woman", "king", '2 paris - 0.5 italy + "\'s"'])
def test_the_code_gives_the_same_answer(text, options):
    explorer = Explorer(V, start=text)
    explorer.switch(**options)
    *before, last = explorer.code().split("\n")
    scope = {"vectors": V}
    exec("\n".join(before), scope)
    result = eval(last, scope)
    assert [word for word, _ in result] == explorer.answer.words
    if explorer.answer.query.similarity == "dot":
        np.testing.assert_allclose(
            [s for _, s in result], [r.score for r in explorer.answer.rows], rtol=1e-5
        )


def test_words_of_any_kind_are_written_safely():
    words = ['<script>alert("x")</script>', 'a"b', "c&d", "'"]
    odd = Explorer(WordVectors(words, np.eye(4) + 0.1), start=f'"{words[2]}"')
    assert "<script" not in odd.html() and "<script" not in odd.state()["picture"]
    ET.fromstring(odd.svg())
    ET.fromstring(odd.state()["picture"])
    assert odd.file_name("csv") == "c_d.csv"


def test_the_page_without_a_kernel(explorer):
    page = explorer.html()
    assert "man is to king as woman is to queen" in page
    assert 'src="data:image/svg+xml;base64,' in page and 'alt="Picture' in page
    assert "misses the target by" in page
    for row in explorer.state()["rows"]:
        assert f">{row['word']}<" in page and f">{row['cosine']}<" in page
    assert "<script" not in page
    assert Explorer(V).html() == page  # the same every time


def test_file_names():
    terms = tuple(parse("king - 2 * man + u.s.", V.__contains__))
    assert export.file_name(Query(terms), "svg") == "king_minus_2_man_plus_u.s.svg"
    assert export.file_name(Query((Term("/"),)), "csv") == "answer.csv"


def test_numbers_have_no_minus_zero():
    assert export.number(-0.0001) == "0.000"
    assert export.number(-1.5, 1) == "−1.5"
