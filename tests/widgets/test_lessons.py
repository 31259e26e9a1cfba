"""The small lessons: their numbers against a plain computation or the library's layers."""

import json

import numpy as np
import pytest

from w2vlib import CBOW, SGD
from w2vlib.widgets import NegativeStep, NoisePower, OneHotRow, SoftmaxCost, lessons

rng = np.random.default_rng(0)
W = rng.normal(size=(5, 3))
WORDS = ["you", "say", "<b>", "and", "hello"]


def test_a_one_hot_vector_picks_a_row():
    lesson = lessons.OneHotLesson(W, WORDS)
    for row in range(5):
        lesson.set("row", row)
        np.testing.assert_array_equal(lesson.result(), W[row])
        assert f"row {row} of W" in lesson.tell()
        assert lesson.html().count("◀") == 1
    assert "<b>" not in lesson.html()
    with pytest.raises(IndexError):
        lesson.set("row", 5)
    with pytest.raises(ValueError, match="2 to 16 rows"):
        lessons.OneHotLesson(np.zeros((17, 2)))
    with pytest.raises(ValueError, match="4 names"):
        lessons.OneHotLesson(W, WORDS[:4])


def test_costs():
    lesson = lessons.CostLesson()
    assert lesson.costs() == (1_000_000, 600)
    assert "1,667 times fewer" in lesson.tell()
    lesson.set("V", 1)
    lesson.set("K", 10)
    assert lesson.costs() == (1000, 1100)
    assert "no gain" in lesson.tell()
    with pytest.raises(ValueError, match="no control"):
        lesson.set("x", 1)


@pytest.mark.parametrize("power", [0, 0.75, 1, 1.5])
def test_the_noise_distribution(power):
    counts = np.array([100, 0, 7, 1, 30])
    lesson = lessons.PowerLesson(counts, WORDS)
    lesson.set("power", power)
    weights = [float(c) ** power if c else 0.0 for c in counts.tolist()]
    np.testing.assert_allclose(lesson.probabilities(), np.array(weights) / sum(weights))
    assert 1 not in lesson.shown  # a word that never occurs is never drawn
    assert "100 times as often" in lesson.tell()


def test_few_words_are_all_shown_and_many_from_end_to_end():
    few = lessons.PowerLesson([900, 100, 0, 30, 5, 1])
    assert few.shown.tolist() == [0, 1, 3, 4, 5]  # what never occurs is never drawn
    many = lessons.PowerLesson(np.arange(1, 2001), shown=8)
    assert len(many.shown) == 8 and many.shown[0] == 1999 and many.shown[-1] == 0


def test_one_update_is_that_of_the_layers():
    words = [str(i) for i in range(6)]
    W_in, W_out = rng.normal(size=(2, 6, 3))
    contexts, target, negatives = [0, 2, 0, 5], 3, [1, 4, 1]
    lesson = lessons.NegativeLesson(W_in, W_out, contexts, target, negatives, lr=0.3, words=words)
    model = CBOW(6, 3, 2, np.arange(6), sample_size=3, seed=0, dtype=np.float64)
    model.params[0][...], model.params[1][...] = W_in, W_out
    target, negatives = np.array([target]), np.array([negatives])
    loss = model.forward(np.array([contexts]), target, negatives)
    model.backward()
    SGD(0.3).update(model.params, model.grads)
    assert lesson.loss() == pytest.approx(loss)
    np.testing.assert_allclose(lesson.new_in, model.params[0], atol=1e-12)
    np.testing.assert_allclose(lesson.new_out, model.params[1], atol=1e-12)
    after = model.forward(np.array([contexts]), target, negatives)
    assert lesson.loss(after=True) == pytest.approx(after)


def test_every_step_of_the_update_can_be_shown():
    lesson = lessons.NegativeLesson(W, W + 1, [0, 1], 2, [3, 4], words=WORDS)
    pages = []
    for step in range(6):
        lesson.set("step", step)
        pages.append(lesson.html())
        assert lesson.tell()
    assert len(set(pages)) == 6
    assert "→" in pages[5] and "→" not in pages[0]
    with pytest.raises(ValueError, match="at most 5"):
        lesson.set("step", 6)
    with pytest.raises(IndexError):
        lessons.NegativeLesson(W, W, [0], 9, [1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: OneHotRow(W, WORDS),
        lambda: SoftmaxCost(),
        lambda: NoisePower([5, 3, 1], list("abc")),
        lambda: NegativeStep(W, W + 1, [0, 1], 2, [3, 4], words=WORDS),
    ],
)
def test_widgets_hold_plain_data_and_leave_a_still_picture(make):
    widget = make()
    json.dumps(widget.state, allow_nan=False)
    data, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<table>" in data["text/html"] and "<script" not in data["text/html"]
    assert widget.lesson.title in data["text/plain"]
    first = widget.state["controls"][0]
    widget._receive(widget, {"do": "set", "name": first["name"], "value": first["max"]}, None)
    assert widget.state["controls"][0]["value"] == first["max"] and not widget.error
    widget._receive(widget, {"do": "set", "name": first["name"], "value": "x"}, None)
    assert "Error" in widget.error["message"] and "Traceback" in widget.error["details"]
    widget._receive(widget, {"do": "nonsense"}, None)
    assert "do_nonsense" in widget.error["message"]


def test_the_still_picture_of_an_update_holds_every_step():
    widget = NegativeStep(W, W + 1, [0, 1], 2, [3, 4], words=WORDS)
    widget.lesson.set("step", 2)
    still = widget.still()
    assert still.count("<table>") == still.count("<details") == 6
    assert still.count("<details open>") == 1 and "rows have changed" in still
    assert "<b>" not in still
    assert widget.lesson.step == 2
