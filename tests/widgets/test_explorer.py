"""The explorer's skin: messages in, state out, errors shown, a still picture left behind."""

import json

import pytest

from tests.oracles import run_python
from tests.widgets.planted import planted
from w2vlib.widgets import AnalogyExplorer

V = planted(200)


@pytest.fixture
def widget():
    return AnalogyExplorer(V)


def sent(widget, monkeypatch):
    replies = []
    monkeypatch.setattr(widget, "send", replies.append)
    return replies


def test_messages_change_the_state(widget, monkeypatch):
    replies = sent(widget, monkeypatch)
    for number, message in enumerate(
        [
            {"do": "analogy", "words": ["france", "paris", "italy"]},
            {"do": "switch", "options": {"exclude_query": False}},
            {"do": "mode", "mode": "formula"},
            {"do": "ask", "text": "king - man + woman"},
            {"do": "word", "word": "queen"},
            {"do": "back"},
            {"do": "forward"},
            {"do": "go", "place": 0},
            {"do": "picture", "kind": "shadow"},
            {"do": "other", "name": ""},
            {"do": "model", "name": "vectors"},
            {"do": "hello"},
        ]
    ):
        widget._receive(widget, {**message, "view": "v", "number": number}, None)
        assert widget.error == {}, message
        assert replies[-1] == {"view": "v", "number": number}
    assert widget.state["headline"] == "man is to king as woman is to queen" or widget.state
    json.dumps(widget.state, allow_nan=False)


def test_completions_go_back_to_the_view_that_asked(widget, monkeypatch):
    replies = sent(widget, monkeypatch)
    ask = {"do": "complete", "text": "king - wom", "caret": 10, "view": "v", "number": 7}
    widget._receive(widget, ask, None)
    assert (replies[0]["view"], replies[0]["number"], replies[0]["start"]) == ("v", 7, 7)
    assert replies[0]["words"][0][0] == "woman"
    widget._receive(widget, {"do": "complete", "text": "wom", "whole": True}, None)
    assert (replies[1]["start"], replies[1]["end"]) == (0, 3)


@pytest.mark.parametrize("what", ["csv", "svg"])
def test_files(widget, monkeypatch, what):
    replies = sent(widget, monkeypatch)
    widget._receive(widget, {"do": "export", "what": what}, None)
    assert replies[0]["name"] == f"king_minus_man_plus_woman.{what}"
    assert replies[0]["text"]


@pytest.mark.parametrize(
    "message",
    [{"do": "switch", "options": {"top": -1}}, {"do": "go", "place": "x"}, {}, {"do": "analogy"}],
)
def test_errors_are_kept_for_the_reader(widget, message):
    widget._receive(widget, message, None)
    assert widget.error["message"] and "Traceback" in widget.error["details"]
    widget._receive(widget, {"do": "hello"}, None)
    assert widget.error == {}


def test_the_bundle_holds_a_still_picture(widget):
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == "Analogy explorer: man is to king as woman is to queen"
    assert "data:image/svg+xml" in data["text/html"] and "<table" in data["text/html"]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_what_is_shown_is_two_outputs_of_which_the_second_stays(widget, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, **options: shown.append(data))
    widget._ipython_display_()
    live, still = shown
    assert "text/html" not in live and "application/vnd.jupyter.widget-view+json" in live
    assert set(still) == {"text/html", "text/plain"}


def test_nothing_in_the_page_asks_another_host():
    for text in (AnalogyExplorer._esm, AnalogyExplorer._css):
        addresses = text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in addresses and "https:" not in addresses
        assert "import " not in addresses and "@import" not in addresses


def test_ipywidgets_comes_with_the_first_widget():
    code = "import sys, w2vlib.widgets; from w2vlib.widgets import Explorer; "
    code += "print('ipywidgets' in sys.modules, 'anywidget' in sys.modules); "
    code += "from w2vlib.widgets import AnalogyExplorer; print('anywidget' in sys.modules)"
    assert run_python(code) == "False False\nTrue\n"


def test_unknown_names():
    import w2vlib.widgets

    with pytest.raises(AttributeError, match="no attribute 'Analogy'"):
        _ = w2vlib.widgets.Analogy
    assert "TrainingMonitor" in dir(w2vlib.widgets)
