"""Figures for the chapters: one style, alternative text for every picture, a few ready drawings.

matplotlib and IPython are imported where they are needed, so importing this module costs nothing.

    from w2vlib import plotting

    plotting.use_style()
    ax = plotting.loss_curve(trainer.loss_list)
    plotting.show(ax, alt="The loss falls from 4.1 to 1.2 within 200 steps, then stays flat.")
"""

from __future__ import annotations

import base64
import html
import io
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

STYLE_FILE = Path(__file__).with_name("w2vlib.mplstyle")

# The Okabe-Ito palette by name (https://jfly.uni-koeln.de/color/).
BLUE = "#0072B2"
VERMILLION = "#D55E00"
GREEN = "#009E73"
PURPLE = "#CC79A7"
ORANGE = "#E69F00"
SKY = "#56B4E9"
YELLOW = "#F0E442"
BLACK = "#000000"
GREY = "#777777"
PALE = "#F3F3F3"
PALE_BLUE = "#CFE6F5"
INK = "#222222"

_DOTS_PER_INCH = 144  # in the stored picture: sharp on screen and on paper, still small
_PIXELS_PER_INCH = 96  # on the page (CSS pixels)
_CELL_WIDTH, _CELL_HEIGHT = 0.58, 0.38  # of a matrix cell, in inches


def use_style() -> None:
    """Use the course's figure style from now on: colours, fonts, grid.

    Call it once, in the first code cell of a notebook.
    """
    import matplotlib.pyplot as plt

    plt.style.use(STYLE_FILE)


# ---------------------------------------------------------------------------------------------
# Show a figure together with the words for those who cannot see it
# ---------------------------------------------------------------------------------------------


class Picture:
    """A drawn figure as PNG, with its alternative text.

    Why HTML and not the usual `image/png` output: JupyterLab and nbconvert drop the alternative
    text of plain images, while the `alt` of an `<img>` reaches the reader in all of them.
    """

    def __init__(self, png: bytes, alt: str):
        self.png = png
        self.alt = alt

    @property
    def width(self) -> int:
        """Width on the page, in CSS pixels."""
        dots = struct.unpack(">I", self.png[16:20])[0]  # from the header of the PNG file
        return round(dots * _PIXELS_PER_INCH / _DOTS_PER_INCH)

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png).decode("ascii")
        return (
            f'<img alt="{html.escape(self.alt)}" width="{self.width}" '
            f'style="max-width: 100%; height: auto; background: white" '
            f'src="data:image/png;base64,{data}">'
        )

    def __repr__(self) -> str:
        return f"Figure: {self.alt}"


def show(figure, alt: str) -> None:
    """Show a figure in the notebook, with alternative text, and close it.

    `figure`: a matplotlib Figure, or Axes (then its figure).
    `alt`: one or two sentences saying what there is to see, for readers who hear the page instead
    of seeing it. nbval compares it, so the numbers in it are checked like printed ones; a cell
    whose `alt` names a timing needs the tag `nbval-ignore-output`.

    Raises TypeError if `figure` is neither, or `alt` is no string; ValueError if `alt` has fewer
    than three words.
    """
    from IPython.display import display

    display(picture(figure, alt))


def picture(figure, alt: str) -> Picture:
    """Draw a figure into a `Picture` and close it; `show` without showing. Same arguments."""
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    figure = getattr(figure, "figure", figure)
    if not isinstance(figure, Figure):
        raise TypeError(
            f"figure must be a matplotlib Figure or Axes, got {type(figure).__name__}; "
            "pass what plt.subplots() or a drawing of w2vlib.plotting returned"
        )
    alt = _as_alt(alt)
    buffer = io.BytesIO()
    # No "Software" entry: the file must not change with the version of matplotlib.
    figure.savefig(
        buffer,
        format="png",
        dpi=_DOTS_PER_INCH,
        bbox_inches="tight",
        pad_inches=0.1,
        metadata={"Software": None},
    )
    plt.close(figure)
    return Picture(buffer.getvalue(), alt)


def _as_alt(alt: str) -> str:
    if not isinstance(alt, str):
        raise TypeError(f"alt must be a string that says what the figure shows, got {alt!r}")
    words = alt.split()
    if len(words) < 3:
        raise ValueError(f"alt must be a sentence that says what the figure shows, got {alt!r}")
    return " ".join(words)


# ---------------------------------------------------------------------------------------------
# Matrices
# ---------------------------------------------------------------------------------------------


@dataclass
class Matrix:
    """A matrix to draw in `matrix_equation`, with its labels.

    `values` (R, C) or (C,), a vector being drawn as one row; `title` above it (name, shape);
    `rows`, `columns`: labels; `highlight`: numbers of the rows to pick out; `cells`: pairs (row,
    column) of single cells to pick out; `cell_format`: how a cell is written, as for `format()`.
    """

    values: np.ndarray
    title: str = ""
    rows: Sequence[str] | None = None
    columns: Sequence[str] | None = None
    highlight: Sequence[int] = ()
    cells: Sequence[tuple[int, int]] = ()
    cell_format: str | None = None

    def __post_init__(self):
        self.values = _as_matrix(self.values)
        n_rows, n_columns = self.values.shape
        _check_labels(self.rows, n_rows, "rows")
        _check_labels(self.columns, n_columns, "columns")
        self.highlight = [int(i) for i in np.atleast_1d(np.asarray(self.highlight, dtype=int))]
        for i in self.highlight:
            if not 0 <= i < n_rows:
                raise IndexError(
                    f"highlight has row {i}, but the matrix has rows 0 to {n_rows - 1}"
                )
        for i, j in self.cells:
            if not (0 <= i < n_rows and 0 <= j < n_columns):
                raise IndexError(f"cells has {(i, j)}, but the matrix is {n_rows} x {n_columns}")

    def cell_text(self, i: int, j: int) -> str:
        """What is written into cell (i, j)."""
        value = self.values[i, j]
        if self.cell_format is not None:
            return format(value, self.cell_format)
        if not np.isfinite(value):  # who looks for NaN must see it
            return str(value).replace("inf", "∞").replace("-", "\N{MINUS SIGN}")
        text = str(int(value)) if value == int(value) else format(value, ".2f")
        return text.replace("-", "\N{MINUS SIGN}")

    @property
    def head(self) -> float:
        """Room above the matrix for title and column labels, in cells."""
        return 0.1 + 0.75 * (self.columns is not None) + 0.85 * bool(self.title)


def matrix_picture(
    values,
    *,
    title: str = "",
    rows: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    highlight: Sequence[int] = (),
    cells: Sequence[tuple[int, int]] = (),
    cell_format: str | None = None,
):
    """Draw a small matrix with the value in each cell; picked rows are filled, bold and marked.

    `values` (R, C) or (C,); the other arguments as in `Matrix`. Returns the Axes, for `show`.

    Raises TypeError for something else than numbers; ValueError for more than two dimensions, an
    empty matrix or a wrong number of labels; IndexError for a highlighted row or cell that does not
    exist.
    """
    matrix = Matrix(values, title, rows, columns, highlight, cells, cell_format)
    return matrix_equation(matrix)


def matrix_equation(*parts, title: str = ""):
    """Draw matrices side by side, with signs between them: `x @ W = h` in numbers.

    `parts`: `Matrix` objects, arrays, or strings (the signs). Returns the Axes, for `show`.

        matrix_equation(Matrix(x, "x (1, 5)"), "@", Matrix(W, "W (5, 3)", highlight=[2]),
                        "=", Matrix(x @ W, "h (1, 3)"))
    """
    import matplotlib.pyplot as plt

    parts = [p if isinstance(p, str | Matrix) else Matrix(p) for p in parts]
    width, top, bottom = _size_in_cells(parts)
    size = (_CELL_WIDTH * width, _CELL_HEIGHT * (top + bottom))
    ax = plt.subplots(figsize=size, layout="none")[1]
    ax.set_position([0, 0, 1, 1])
    ax.set_axis_off()
    ax.set_xlim(0, width)
    ax.set_ylim(bottom, -top)  # row 0 on top, as matrices are written

    x = 0.0
    for part in parts:
        if isinstance(part, str):
            ax.text(x + 0.5, 0, part, ha="center", va="center", fontsize=16)
            x += 1.0
            continue
        x += _label_width(part)
        _draw_matrix(ax, part, x, -part.values.shape[0] / 2)
        x += part.values.shape[1] + _margin_right(part)
    if title:
        ax.set_title(title)
    return ax


def _draw_matrix(ax, matrix: Matrix, left: float, top: float) -> None:
    """Draw one matrix; one unit of the axes is one cell."""
    n_rows, n_columns = matrix.values.shape
    for i in range(n_rows):
        for j in range(n_columns):
            picked = i in matrix.highlight or (i, j) in matrix.cells
            _draw_cell(ax, left + j, top + i, matrix.cell_text(i, j), picked)
        if matrix.rows is not None:
            weight = "bold" if i in matrix.highlight else "normal"
            place = (left - 0.2, top + i + 0.5)
            ax.text(*place, matrix.rows[i], ha="right", va="center", weight=weight)
    for i in matrix.highlight:
        _draw_frame(ax, left, top + i, n_columns)
        ax.text(left + n_columns + 0.15, top + i + 0.5, "◀", ha="left", va="center", color=BLUE)
    for i, j in matrix.cells:
        _draw_frame(ax, left + j, top + i, 1)
    if matrix.columns is not None:
        for j, label in enumerate(matrix.columns):
            ax.text(left + j + 0.5, top - 0.15, label, ha="center", va="bottom", fontsize=10)
    if matrix.title:
        y = top - (0.9 if matrix.columns is not None else 0.2)
        ax.text(left + n_columns / 2, y, matrix.title, ha="center", va="bottom", weight="bold")


def _draw_cell(ax, x: float, y: float, text: str, picked: bool) -> None:
    from matplotlib.patches import Rectangle

    fill = PALE_BLUE if picked else PALE
    ax.add_patch(Rectangle((x, y), 1, 1, facecolor=fill, edgecolor="white", lw=1.5))
    weight = "bold" if picked else "normal"
    ax.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=10, weight=weight)


def _draw_frame(ax, x: float, y: float, width: float) -> None:
    from matplotlib.patches import Rectangle

    ax.add_patch(Rectangle((x, y), width, 1, fill=False, edgecolor=BLUE, lw=2.5, zorder=3))


def _size_in_cells(parts) -> tuple[float, float, float]:
    """Width, and height above and below the middle line, in cells."""
    matrices = [p for p in parts if isinstance(p, Matrix)]
    if not matrices:
        raise ValueError("matrix_equation needs at least one matrix")
    width = sum(1.0 for p in parts if isinstance(p, str))
    width += sum(_label_width(m) + m.values.shape[1] + _margin_right(m) for m in matrices)
    top = max(m.values.shape[0] / 2 + m.head for m in matrices)
    return width, top, max(m.values.shape[0] / 2 for m in matrices) + 0.1


def _label_width(matrix: Matrix) -> float:
    """Room for the row labels on the left, in cells (about 0.18 of a cell for a letter)."""
    if matrix.rows is None:
        return 0.1
    return 0.4 + 0.18 * max(len(label) for label in matrix.rows)


def _margin_right(matrix: Matrix) -> float:
    return 0.6 if matrix.highlight else 0.1


def _as_matrix(values) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"a matrix must hold real numbers, got dtype {values.dtype}")
    if values.ndim not in (1, 2) or values.size == 0:
        raise ValueError(f"a matrix must be (R, C) or (C,) and not empty, got shape {values.shape}")
    if values.size > 400:
        raise ValueError(
            f"a matrix of shape {values.shape} is too large to write its values; draw a part of it"
        )
    return values.reshape(-1, values.shape[-1])


def _check_labels(labels, n: int, name: str) -> None:
    if labels is not None and len(labels) != n:
        raise ValueError(f"{name} has {len(labels)} labels, but the matrix has {n} {name}")


# ---------------------------------------------------------------------------------------------
# Curves and bars
# ---------------------------------------------------------------------------------------------


def loss_curve(
    losses,
    *,
    x=None,
    title: str = "",
    xlabel: str = "step",
    ylabel: str = "loss",
    levels: Mapping[str, float] | None = None,
    ax=None,
):
    """Draw one loss curve, or several to compare.

    `losses` (T,): one curve, or a mapping from a name to its curve;
    `x` (T,): where the losses were measured, for all curves (default: 1, 2, …);
    `levels`: named levels to compare with, drawn as thin dotted lines, for example
    `{"pure guessing": np.log(V)}`. Returns the Axes, for `show`.

    Raises ValueError for an empty curve or an `x` of another length.
    """
    curves = losses if isinstance(losses, Mapping) else {"": losses}
    if not curves:
        raise ValueError("losses must hold at least one curve")
    ax = _new_axes(ax)
    for name, curve in curves.items():
        curve = np.asarray(curve, dtype=float)
        if curve.ndim != 1 or curve.size == 0:
            raise ValueError(f"a loss curve must be (T,) and not empty, got shape {curve.shape}")
        steps = np.arange(1, len(curve) + 1) if x is None else np.asarray(x)
        if len(steps) != len(curve):
            raise ValueError(f"x has {len(steps)} places, but the curve {name!r} has {len(curve)}")
        ax.plot(steps, curve, label=name or None, marker="o" if len(curve) == 1 else None)
    for name, level in (levels or {}).items():
        ax.axhline(level, color=GREY, lw=1.2, ls=(0, (1, 2)))
        place = (0.99, level)
        ax.annotate(
            f"{name}: {level:.2f}",
            place,
            xytext=(0, 3),
            textcoords="offset points",
            xycoords=ax.get_yaxis_transform(),
            ha="right",
            va="bottom",
            fontsize=10,
        )
    ax.set(xlabel=xlabel, ylabel=ylabel, title=title)
    if len(curves) > 1:
        ax.legend()
    return ax


def bar_times(
    times: Mapping[str, float],
    *,
    unit: str = "ms",
    title: str = "",
    higher_is_better: bool = False,
    log: bool = False,
    ax=None,
):
    """Draw measured times (or rates) as horizontal bars, each with its value and its gain.

    `times`: from a name to its value, in `unit`; the first one is the "before" that the others are
    compared with: "12 × faster". `higher_is_better`: the values are rates, such as words/s.
    `log`: logarithmic axis, for values that differ by more than about 30 times.
    Returns the Axes, for `show`.

    Raises ValueError for no values, or values that are not positive and finite.
    """
    names, values = list(times), np.array(list(times.values()), dtype=float)
    if not names:
        raise ValueError("times must hold at least one value")
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise ValueError(f"times must be positive and finite, got {dict(times)}")
    ax = _new_axes(ax, height=0.9 + 0.55 * len(names))
    places = np.arange(len(names))
    bars = ax.barh(places, values, height=0.62, color=BLUE, edgecolor=INK, linewidth=0.8)
    bars[0].set(facecolor="#DDDDDD", hatch="///")
    for place, value in zip(places, values, strict=True):
        text = f"{_short(value)} {unit}"
        if place > 0:
            text += f"  ({_gain(values[0], value, higher_is_better)})"
        ax.annotate(
            text,
            (value, place),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold" if place > 0 else "normal",
        )
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.grid(visible=False, axis="y")
    if log:
        ax.set_xscale("log")
        ax.set_xlim(left=values.min() / 3)
    ax.set(xlabel=f"{unit} ({'more' if higher_is_better else 'less'} is better)", title=title)
    return ax


def _gain(before: float, after: float, higher_is_better: bool) -> str:
    """How many times faster `after` is than `before`, in words."""
    ratio = after / before if higher_is_better else before / after
    if ratio >= 1:
        return f"{_short(ratio)} × faster"
    return f"{_short(1 / ratio)} × slower"


def _short(value: float) -> str:
    """A number with two or three significant digits: 0.043, 4.3, 43, 432, 4,320."""
    if value >= 100:
        return f"{round(value, 2 - int(np.floor(np.log10(value)))):,.0f}"
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.2g}"


def _new_axes(ax, height: float | None = None):
    """The axes that were given, or those of a new figure."""
    import matplotlib.pyplot as plt

    if ax is not None:
        return ax
    size = plt.rcParams["figure.figsize"]
    return plt.subplots(figsize=(size[0], height or size[1]))[1]
