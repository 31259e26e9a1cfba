"""Figures: alternative text that reaches the page, the same picture every time, honest numbers."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")

from w2vlib import plotting  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]

# What is left of linear RGB without one kind of cone: Machado, Oliveira and Fernandes (2009).
COLOUR_VISION = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}


@pytest.fixture(autouse=True)
def _style():
    with matplotlib.rc_context():
        plotting.use_style()
        yield


def texts(ax):
    """Everything that is written into the axes."""
    return [t.get_text() for t in ax.texts]


class _Images(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        if tag == "img":
            self.found.append(dict(attrs))


def images(page: str) -> list[dict]:
    parser = _Images()
    parser.feed(page)
    return parser.found


def test_importing_is_cheap():
    code = (
        "import sys, w2vlib.plotting\n"
        "heavy = {'matplotlib', 'IPython'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


class TestStyle:
    def test_colours_and_dashes_both_differ(self):
        cycle = list(matplotlib.rcParams["axes.prop_cycle"])
        assert len({c["color"] for c in cycle}) == len(cycle) >= 5
        neighbours = zip(cycle[:4], cycle[1:4], strict=False)
        assert all(a["linestyle"] != b["linestyle"] for a, b in neighbours)

    def test_sheet_is_opaque_white_so_that_dark_themes_do_not_shine_through(self):
        for name in ("figure.facecolor", "savefig.facecolor", "axes.facecolor"):
            assert matplotlib.colors.to_rgba(matplotlib.rcParams[name]) == (1, 1, 1, 1)

    @pytest.mark.parametrize("size", ["font.size", "xtick.labelsize", "legend.fontsize"])
    def test_letters_are_large_enough(self, size):
        assert matplotlib.rcParams[size] >= 10

    @pytest.mark.parametrize("kind", list(COLOUR_VISION))
    def test_strong_colours_differ_without_red_green_vision(self, kind):
        cycle = [c["color"] for c in matplotlib.rcParams["axes.prop_cycle"]][:4]
        linear = np.array([matplotlib.colors.to_rgb(c) for c in cycle]) ** 2.2
        seen = np.clip(linear @ np.array(COLOUR_VISION[kind]).T, 0, 1) ** (1 / 2.2)
        gaps = [np.linalg.norm(seen[i] - seen[j]) for i in range(4) for j in range(i)]
        assert min(gaps) > 0.15


class TestShow:
    def test_alternative_text_is_escaped_into_the_image(self):
        alt = 'Loss "falls" from 4 to <1> & stays.'
        page = plotting.picture(plotting.loss_curve([4, 1]), alt)._repr_html_()
        (image,) = images(page)
        assert image["alt"] == alt
        assert image["src"].startswith("data:image/png;base64,iVBOR")
        assert 300 < int(image["width"]) < 900

    def test_same_figure_gives_the_same_bytes(self):
        a, b = (plotting.picture(plotting.loss_curve([4, 1]), "one two three") for _ in range(2))
        assert a.png == b.png
        assert b"Software" not in a.png

    def test_show_displays_once_and_closes(self, monkeypatch):
        import IPython.display
        import matplotlib.pyplot as plt

        shown = []
        monkeypatch.setattr(IPython.display, "display", shown.append)
        figure, _ = plt.subplots()
        assert plotting.show(figure, alt="an empty pair of axes") is None
        assert [repr(p) for p in shown] == ["Figure: an empty pair of axes"]
        assert plt.get_fignums() == []

    def test_axes_stand_for_their_figure(self):
        ax = plotting.bar_times({"a": 1.0})
        assert plotting.picture(ax, "one bar only").png.startswith(b"\x89PNG")

    def test_outside_a_notebook_the_words_are_printed(self):
        code = (
            "import matplotlib; matplotlib.use('Agg')\n"
            "from w2vlib import plotting\n"
            "plotting.show(plotting.loss_curve([2, 1]), alt='It falls from 2 to 1.')"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT
        )
        assert done.stdout.decode().strip() == "Figure: It falls from 2 to 1."

    def test_line_breaks_in_alt_become_blanks(self):
        p = plotting.picture(plotting.loss_curve([1]), "two lines\n   of words")
        assert p.alt == "two lines of words"

    @pytest.mark.parametrize("alt", ["", "   ", "figure", "a plot"])
    def test_alt_must_be_a_sentence(self, alt):
        with pytest.raises(ValueError, match="alt must be a sentence"):
            plotting.show(plotting.loss_curve([1]), alt=alt)

    def test_alt_must_be_a_string(self):
        with pytest.raises(TypeError, match="alt must be a string"):
            plotting.show(plotting.loss_curve([1]), alt=None)

    @pytest.mark.parametrize("wrong", [None, [1, 2], np.zeros(3)])
    def test_figure_must_be_one(self, wrong):
        with pytest.raises(TypeError, match="figure must be a matplotlib Figure or Axes"):
            plotting.show(wrong, alt="nothing to see here")

    @pytest.mark.parametrize("template", ["lab", "classic"])
    def test_alternative_text_reaches_the_html_page_of_a_notebook(self, template):
        nbformat = pytest.importorskip("nbformat")
        nbconvert = pytest.importorskip("nbconvert")
        picture = plotting.picture(plotting.loss_curve([2, 1]), "It falls from 2 to 1.")
        output = nbformat.v4.new_output(
            "display_data", {"text/html": picture._repr_html_(), "text/plain": repr(picture)}
        )
        cell = nbformat.v4.new_code_cell("show()", outputs=[output], execution_count=1)
        notebook = nbformat.v4.new_notebook(cells=[cell])
        page, _ = nbconvert.HTMLExporter(template_name=template).from_notebook_node(notebook)
        assert [i["alt"] for i in images(page)] == ["It falls from 2 to 1."]


class TestMatrix:
    def test_every_value_label_and_title_is_written(self):
        ax = plotting.matrix_picture(
            [[1, 2.5], [-3, 0.004]], title="W (2, 2)", rows=["you", "say"], columns=["a", "b"]
        )
        written = ["1", "2.50", "\N{MINUS SIGN}3", "0.00", "you", "say", "a", "b", "W (2, 2)"]
        assert sorted(texts(ax)) == sorted(written)

    def test_picked_row_is_bold_and_marked_not_only_coloured(self):
        ax = plotting.matrix_picture(np.arange(6).reshape(3, 2), highlight=[1])
        bold = [t.get_text() for t in ax.texts if t.get_weight() == "bold"]
        assert bold == ["2", "3"]
        assert "◀" in texts(ax)

    def test_picked_cell(self):
        ax = plotting.matrix_picture(np.eye(3, dtype=int)[1], cells=[(0, 1)])
        assert [t.get_text() for t in ax.texts if t.get_weight() == "bold"] == ["1"]

    def test_cell_format(self):
        assert texts(plotting.matrix_picture([0.12345], cell_format=".4f")) == ["0.1235"]

    def test_nan_and_infinity_are_shown(self):
        ax = plotting.matrix_picture([np.nan, np.inf, -np.inf, 1])
        assert set(texts(ax)) == {"1", "nan", "∞", "\N{MINUS SIGN}∞"}

    @pytest.mark.parametrize("values", [["a", "b"], [None], [1j]])
    def test_what_is_no_number_is_refused(self, values):
        with pytest.raises(TypeError, match="must hold real numbers, got dtype"):
            plotting.matrix_picture(values)

    def test_equation_keeps_the_order_from_left_to_right(self):
        ax = plotting.matrix_equation([1, 0], "@", plotting.Matrix([[5], [6]]), "=", [5])
        by_place = [t.get_text() for t in sorted(ax.texts, key=lambda t: t.get_position()[0])]
        assert by_place == ["1", "0", "@", "5", "6", "=", "5"]

    def test_nothing_lies_outside_the_sheet(self):
        ax = plotting.matrix_equation(
            plotting.Matrix(np.eye(1, 4), "x (1, 4)", columns=list("abcd")),
            "@",
            plotting.Matrix(np.ones((4, 2)), "W", rows=["a", "b", "c", "goodbye"], highlight=[0]),
        )
        ax.figure.canvas.draw()
        sheet = ax.figure.bbox
        for text in ax.texts:
            box = text.get_window_extent()
            assert sheet.x0 <= box.x0 and box.x1 <= sheet.x1, text.get_text()
            assert sheet.y0 <= box.y0 and box.y1 <= sheet.y1, text.get_text()

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"values": np.zeros((2, 2, 2))}, ValueError, "got shape"),
            ({"values": []}, ValueError, "not empty"),
            ({"values": np.zeros((30, 30))}, ValueError, "too large"),
            ({"values": np.zeros((2, 2)), "rows": ["a"]}, ValueError, "rows has 1 labels"),
            ({"values": np.zeros((2, 2)), "columns": "abc"}, ValueError, "columns has 3"),
            ({"values": np.zeros((2, 2)), "highlight": [2]}, IndexError, "rows 0 to 1"),
            ({"values": np.zeros((2, 2)), "highlight": [-1]}, IndexError, "row -1"),
            ({"values": np.zeros((2, 2)), "cells": [(0, 2)]}, IndexError, r"\(0, 2\)"),
        ],
    )
    def test_wrong_arguments(self, arguments, error, message):
        with pytest.raises(error, match=message):
            plotting.matrix_picture(**arguments)

    def test_an_equation_without_a_matrix(self):
        with pytest.raises(ValueError, match="at least one matrix"):
            plotting.matrix_equation("=")


class TestLossCurve:
    def test_the_line_holds_the_numbers(self):
        (line,) = plotting.loss_curve([3.0, 2.0, 1.5], x=[20, 40, 60]).lines
        np.testing.assert_array_equal(line.get_xydata(), [[20, 3], [40, 2], [60, 1.5]])

    def test_several_curves_differ_in_more_than_colour(self):
        ax = plotting.loss_curve({"softmax": [3, 2], "sampling": [2, 1]})
        assert [t.get_text() for t in ax.get_legend().get_texts()] == ["softmax", "sampling"]
        assert len({line.get_linestyle() for line in ax.lines}) == 2

    def test_levels_are_named(self):
        ax = plotting.loss_curve([3, 2], levels={"pure guessing": np.log(10)})
        assert texts(ax) == ["pure guessing: 2.30"]

    def test_draws_into_given_axes(self):
        import matplotlib.pyplot as plt

        ax = plt.subplots()[1]
        assert plotting.loss_curve([1, 2], ax=ax) is ax

    @pytest.mark.parametrize("wrong", [[], {}, np.zeros((2, 2)), {"a": []}])
    def test_empty_or_misshapen(self, wrong):
        with pytest.raises(ValueError, match="loss"):
            plotting.loss_curve(wrong)

    def test_x_of_another_length(self):
        with pytest.raises(ValueError, match="x has 3 places"):
            plotting.loss_curve([1, 2], x=[1, 2, 3])


class TestBars:
    def test_gain_is_relative_to_the_first(self):
        ax = plotting.bar_times({"MatMul": 120.0, "Embedding": 0.5, "worse": 240.0})
        assert texts(ax) == ["120 ms", "0.5 ms  (240 × faster)", "240 ms  (2 × slower)"]
        assert [t.get_text() for t in ax.get_yticklabels()] == ["MatMul", "Embedding", "worse"]

    def test_rates(self):
        rates = {"book": 1_400, "w2vlib": 56_000}
        ax = plotting.bar_times(rates, unit="words/s", higher_is_better=True)
        assert texts(ax) == ["1,400 words/s", "56,000 words/s  (40 × faster)"]
        assert "more is better" in ax.get_xlabel()

    def test_before_is_hatched_not_only_coloured(self):
        bars = plotting.bar_times({"before": 2.0, "after": 1.0}).patches
        assert [bool(bar.get_hatch()) for bar in bars] == [True, False]

    def test_logarithmic_axis_shows_the_smallest_bar(self):
        ax = plotting.bar_times({"a": 1000.0, "b": 1.0}, log=True)
        assert ax.get_xscale() == "log"
        assert ax.get_xlim()[0] < 1.0

    @pytest.mark.parametrize("wrong", [{}, {"a": 0}, {"a": -1}, {"a": np.nan}, {"a": np.inf}])
    def test_wrong_values(self, wrong):
        with pytest.raises(ValueError, match="times must"):
            plotting.bar_times(wrong)

    @pytest.mark.parametrize(
        ("value", "text"),
        [(0.0432, "0.043"), (4.32, "4.3"), (43.2, "43"), (432.4, "432"), (43_210, "43,200")],
    )
    def test_numbers_are_rounded_for_reading(self, value, text):
        assert plotting._short(value) == text
