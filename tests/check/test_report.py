"""The report: text for a terminal, HTML for a notebook, plain data for a file."""

import json
import re
from html.parser import HTMLParser

import pytest

from w2vlib.check.report import Report

FULL = Report(
    exercise="embedding",
    status="wrong",
    headline="you assigned where you must <add>.",
    mistake="assigned-instead-of-added",
    text="Row 3 occurs twice in `idx` & got only the last.\nSecond line.",
    example=(("idx", "[3, 0, 3]"), ("yours: `dW`", "[[1, 2],\n [3, 4]]")),
    hints=("First `a < b`.", "Second.", "Third."),
    remarks=("NumPy warned.",),
    printed="<script>alert(1)</script>",
)


class Balanced(HTMLParser):
    """Collects the tags and checks that each is closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def parsed(report) -> Balanced:
    parser = Balanced()
    parser.feed(report._repr_html_())
    assert parser.open == []
    return parser


def test_text_shows_verdict_mistake_example_and_the_first_hint_only():
    text = str(FULL)
    assert text.startswith("✗ embedding: you assigned where you must <add>.  [assigned-instead")
    assert "idx: [3, 0, 3]" in text and "    [[1, 2],\n     [3, 4]]" in text
    assert "Hint 1: First" in text and "Second." not in text.replace("Second line.", "")
    assert repr(FULL) == text


def test_text_lines_are_not_too_long():
    report = Report("x", "wrong", "no.", text="word " * 100, hints=("hint " * 60,))
    assert max(map(len, str(report).splitlines())) <= 92


def test_html_is_escaped_balanced_and_asks_for_nothing():
    page = FULL._repr_html_()
    tags = parsed(FULL)
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "must &lt;add&gt;" in page and "<code>a &lt; b</code>" in page
    assert not re.search(r"https?:|src=|href=|url\(|<style|onclick|javascript", page)
    assert set(tags.seen) <= {"div", "strong", "span", "code", "p", "pre", "details", "summary"}


def test_hints_unfold_one_inside_the_other():
    page = FULL._repr_html_()
    first, second, third = (page.index(f"Hint {n} of 3") for n in (1, 2, 3))
    assert first < second < third
    assert "</details>" not in page[first:third], "each hint lies inside the one before"
    assert parsed(FULL).seen.count("details") == 4  # three hints, and what was printed
    assert ("open", None) not in parsed(FULL).attributes


def test_html_borrows_the_colours_of_the_page():
    page = FULL._repr_html_()
    assert "color: inherit" in page and "background: transparent" in page
    assert set(re.findall(r"background[^;]*", page)) == {"background: transparent"}


@pytest.mark.parametrize("status", ["passed", "not attempted", "wrong"])
def test_only_passed_is_true_and_each_has_its_own_symbol(status):
    report = Report("x", status, "text.")
    assert bool(report) is (status == "passed")
    assert str(report)[0] == {"passed": "✓", "not attempted": "○", "wrong": "✗"}[status]
    parsed(report)


def test_a_report_is_plain_data():
    stored = json.loads(json.dumps(FULL.to_dict()))
    assert stored["mistake"] == "assigned-instead-of-added" and stored["hints"][1] == "Second."


def test_unknown_status():
    with pytest.raises(ValueError, match="status must be one of"):
        Report("x", "maybe", "text.")
