"""What a gradient check found, for terminals, notebooks, pictures and programs."""

from __future__ import annotations

import html
from dataclasses import dataclass, field

import numpy as np


class GradientError(AssertionError):
    """A gradient check failed; ``str(error)`` is its report."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One property that does not hold.

    Attributes:
        name: short fixed name, e.g. ``"gradient"``, ``"not finite"``, ``"linear in dout"``.
        sentence: what is wrong, for a person.
        batch: which batch showed it ("given", "repeated rows", …), or "".
        point: ``"start"``, ``"trained"`` or "".
        error: the exception, if one was raised.
    """

    name: str
    sentence: str
    batch: str = ""
    point: str = ""
    error: BaseException | None = None

    def __str__(self) -> str:
        where = [f"batch: {self.batch}"] if self.batch not in ("", "given") else []
        where += ["after training steps"] if self.point == "trained" else []
        return self.sentence + (f" ({', '.join(where)})" if where else "")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a gradient.

    Attributes:
        name: the parameter or input.
        index: the entry's index, a tuple.
        got: what the code under test computed.
        expected: the measured derivative.
        relative_error: see :class:`Comparison`.
        batch, point: where it was seen.
    """

    name: str
    index: tuple[int, ...]
    got: float
    expected: float
    relative_error: float
    batch: str = ""
    point: str = ""

    def __str__(self) -> str:
        place = f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name
        return (
            f"{place}: got {self.got:.6g}, expected {self.expected:.6g} "
            f"(relative error {self.relative_error:.1e})"
        )


@dataclass(slots=True)
class Comparison:
    """The gradient of one array in one batch, beside what was measured.

    Attributes:
        name: the parameter or input.
        got: gradient computed by the code under test, as a dense array.
        expected: measured derivatives; NaN where an entry was not measured.
        relative_error: |got − expected| / max(|got|, |expected|, floor · largest); 0 where rounding
            explains the difference; NaN as above.
        wrong: entries that differ by more than tolerance and rounding allow.
        unsure: entries too small to judge: rounding hides them.
        kinks: entries where the function has a corner (max, ReLU), so no single right answer.
        batch, point: where it was seen.
        inputs, dout: what the layer was given, to follow a failure up.
        imprecise: relative error along a random direction if it is larger than float64 explains.
        rounding: how far the gradient may be off by its own rounding; 0 if that does not matter,
            because all entries agree.
    """

    name: str
    got: np.ndarray
    expected: np.ndarray
    relative_error: np.ndarray
    wrong: np.ndarray
    unsure: np.ndarray
    kinks: np.ndarray
    batch: str = ""
    point: str = ""
    inputs: tuple = ()
    dout: object = None
    imprecise: float = 0.0
    rounding: float = 0.0

    @property
    def measured(self) -> np.ndarray:
        """Which entries were measured one by one."""
        return ~np.isnan(self.expected)

    @property
    def judged(self) -> np.ndarray:
        """Which entries could be judged."""
        return self.measured & ~self.unsure & ~self.kinks

    @property
    def informative(self) -> bool:
        """Whether an entry was judged that is far from 0, so that a mistake would have shown."""
        return bool((self.judged & (np.abs(self.got) > 1e3 * self.rounding)).any())

    def worst(self) -> Entry | None:
        """The entry with the largest relative error: among the wrong ones, if there are any."""
        among = self.wrong if self.wrong.any() else self.judged
        if not among.any():
            return None
        error = np.where(among, np.nan_to_num(self.relative_error, nan=np.inf), -1.0)
        # Of equally wrong entries show the largest: it reads best.
        size = np.abs(np.nan_to_num(self.expected)) + np.abs(np.nan_to_num(self.got))
        tied = error >= 0.99 * error.max()
        at = np.unravel_index(np.argmax(np.where(tied, size, -1.0)), error.shape)
        index = tuple(int(i) for i in at)
        got, expected = float(self.got[at]), float(self.expected[at])
        return Entry(
            self.name, index, got, expected, float(error[at]), self.batch, self.point
        )  # fmt: skip


@dataclass(slots=True)
class GradientReport:
    """Result of :func:`~w2vlib.gradient_check.check_layer` and ``check_gradient``.

    Attributes:
        title: what was checked.
        problems: properties that do not hold, a list of :class:`Problem`; empty if all is well.
        notes: remarks that are no failure.
        comparisons: every gradient that was compared, a list of :class:`Comparison`.

    In a notebook the last line of a cell shows it as a table; elsewhere ``print(result)``.
    """

    title: str
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    def __bool__(self) -> bool:
        return self.passed

    @property
    def worst(self) -> Entry | None:
        """The entry that is furthest off (also when everything passed); None without entries."""
        comparison = self._worst_comparison()
        return comparison.worst() if comparison else None

    def raise_if_failed(self) -> GradientReport:
        """Raise :class:`GradientError` with this report unless everything passed."""
        if not self.passed:
            raise GradientError(str(self))
        return self

    def rows(self) -> list[tuple[str, ...]]:
        """The table's rows: gradient, batch, shape, entries measured, worst error, verdict."""
        rows = []
        for c in self.comparisons:
            worst = c.worst()
            batch = c.batch + (", trained" if c.point == "trained" else "")
            rows.append(
                (
                    c.name,
                    batch or "–",
                    "×".join(map(str, c.got.shape)) or "number",
                    f"{int(c.measured.sum())} of {c.got.size}",
                    _rounded(worst.relative_error) if worst else "–",
                    _verdict(c),
                )
            )
        return rows

    def table(self) -> str:
        """All comparisons as a text table."""
        rows = [HEADER, *self.rows()]
        widths = [max(len(row[i]) for row in rows) for i in range(len(HEADER))]
        lines = [
            "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        lines.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join(lines)

    def summary(self) -> str:
        """One line: the verdict and how much was compared."""
        if not self.passed:
            n = len(self.problems)
            return f"{self.title}: FAILED, {n} problem{'s' if n > 1 else ''}"
        entries = sum(int(c.measured.sum()) for c in self.comparisons)
        batches = len({(c.batch, c.point) for c in self.comparisons})
        text = f"{self.title}: passed, {entries} entries"
        if batches > 1:
            text += f" in {batches} batches"
        worst = self.worst
        return text + (f", relative errors {_rounded(worst.relative_error)}" if worst else "")

    def __str__(self) -> str:
        lines = [self.summary()]
        for problem in self.problems:
            lines += [f"  [{problem.name}] {problem}"]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        """The report for a notebook.  No colours of its own: it follows the reader's theme."""
        esc = html.escape
        cell = 'style="text-align:left;padding:0.15em 0.8em 0.15em 0"'
        parts = [f"<p><strong>{esc(self.summary())}</strong></p>"]
        if self.problems:
            items = "".join(
                f"<li><strong>{esc(p.name)}</strong>: {esc(str(p))}</li>" for p in self.problems
            )
            parts.append(f"<ul>{items}</ul>")
        if self.notes:
            parts.append("".join(f"<p>Note: {esc(note)}</p>" for note in self.notes))
        if self.comparisons:
            head = "".join(f'<th scope="col" {cell}>{esc(name)}</th>' for name in HEADER)
            body = "".join(
                "<tr>" + "".join(f"<td {cell}>{esc(value)}</td>" for value in row) + "</tr>"
                for row in self.rows()
            )
            opened = " open" if any(c.wrong.any() for c in self.comparisons) else ""
            parts.append(
                f"<details{opened}><summary>All comparisons</summary>"
                f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
            )
        return "<div>" + "".join(parts) + "</div>"

    def plot(self, name: str | None = None, batch: str | None = None, ax=None):
        """Picture of the relative error over a parameter.

        Wrong entries carry a cross; entries that were not measured are left blank.

        Args:
            name: parameter or input; by default the one that is furthest off.
            batch: which batch; by default the one where it is furthest off.
            ax: matplotlib Axes to draw on.

        Returns:
            The Axes.  :meth:`alt` has the words for those who cannot see it.

        Raises:
            ValueError: nothing was compared under that name.
        """
        from matplotlib import pyplot as plt
        from matplotlib.ticker import MaxNLocator

        comparison = self._named(name, batch)
        error, wrong = (_as_image(a) for a in (comparison.relative_error, comparison.wrong))
        rows, columns = error.shape
        if ax is None:
            size = (min(max(0.5 * columns, 4.5), 9.0), min(max(0.35 * rows, 1.6), 6.0) + 1.2)
            _, ax = plt.subplots(figsize=size, layout="constrained")
        shades = np.log10(np.clip(error, 1e-16, 1.0))
        image = ax.imshow(shades, vmin=-16, vmax=0, cmap="cividis", aspect="auto")
        at = np.argwhere(wrong)
        if len(at):
            ax.scatter(at[:, 1], at[:, 0], marker="x", color="white", s=40, linewidths=3)
            ax.scatter(at[:, 1], at[:, 0], marker="x", color="black", s=28, linewidths=1.2)
        ax.set(xlabel="column", ylabel="row", title=_picture_title(comparison))
        ax.grid(False)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
        if rows == 1:
            ax.set(xlabel="entry", ylabel="", yticks=[])
        ax.figure.colorbar(image, ax=ax, label="relative error (log10)")
        return ax

    def alt(self, name: str | None = None, batch: str | None = None) -> str:
        """What :meth:`plot` shows, in words."""
        comparison = self._named(name, batch)
        worst = comparison.worst()
        text = f"Relative error of the gradient of {comparison.name}, entry by entry. "
        text += _picture_title(comparison) + "."
        return text + (f" The worst entry is {worst}." if worst else "")

    def _worst_comparison(self) -> Comparison | None:
        ranked = [
            (bool(c.wrong.any()), c.worst().relative_error, -i) for i, c in self._comparable()
        ]
        return self.comparisons[-max(ranked)[2]] if ranked else None

    def _comparable(self):
        return [(i, c) for i, c in enumerate(self.comparisons) if c.worst() is not None]

    def _named(self, name, batch) -> Comparison:
        fitting = [
            c
            for c in self.comparisons
            if (name is None or c.name == name) and (batch is None or c.batch == batch)
        ]
        if not fitting:
            known = sorted({(c.name, c.batch) for c in self.comparisons})
            raise ValueError(
                f"There is no comparison for name={name!r}, batch={batch!r}; there are {known}."
            )
        chosen = GradientReport("", comparisons=fitting)._worst_comparison()
        return chosen or fitting[0]


HEADER = ("gradient of", "batch", "shape", "measured", "relative error", "verdict")


def _rounded(error: float) -> str:
    """A relative error in short.  Tiny ones are noise that differs between machines."""
    return "below 1e-8" if error < 1e-8 else f"up to {error:.0e}"


def _verdict(c: Comparison) -> str:
    wrong, unsure, kinks = (int(a.sum()) for a in (c.wrong, c.unsure, c.kinks))
    if wrong:
        return f"{wrong} wrong"
    remarks = [f"{unsure} too small to judge"] if unsure else []
    remarks += [f"{kinks} on a kink"] if kinks else []
    return "right" + (f" ({', '.join(remarks)})" if remarks else "")


def _as_image(a: np.ndarray) -> np.ndarray:
    """Any array as rows and columns."""
    if a.ndim < 2:
        return np.asarray(a).reshape(1, -1)
    return a.reshape(-1, a.shape[-1])


def _picture_title(c: Comparison) -> str:
    wrong = int(c.wrong.sum())
    if not wrong:
        return f"Gradient of {c.name}: right everywhere"
    return f"Gradient of {c.name}: {wrong} of {int(c.measured.sum())} entries wrong"


# ---------------------------------------------------------------------------------------------
# What kind of wrong?  Only facts that the two arrays show by themselves.
# ---------------------------------------------------------------------------------------------

_CLOSE = 1e-5


def describe(got: np.ndarray, expected: np.ndarray, wrong: np.ndarray | None = None) -> str:
    """A sentence on how ``got`` differs from ``expected``, or "" if nothing simple fits.

    Args:
        got: the gradient under test.
        expected: the right one; NaN where it is unknown.
        wrong: which entries are wrong, for telling where they are.
    """
    known = np.isfinite(expected)
    g, e = got[known], expected[known]
    if not g.size or not np.isfinite(g).all() or not np.abs(e).max():
        return ""
    if not g.any():
        return "Every entry is 0."
    return (
        _describe_ratio(g, e)
        or _describe_transposed(got, expected)
        or _describe_place(got, expected, wrong, known)
    )


def _describe_ratio(g, e) -> str:
    scale = np.abs(e).max()
    g, e = g / scale, e / scale
    ratio = float(g @ e / (e @ e))
    if not ratio or np.abs(g - ratio * e).max() > _CLOSE * np.abs(g).max():
        shift = float(np.mean(g - e))
        if g.size > 2 and np.abs(g - e - shift).max() <= _CLOSE * abs(shift):
            return f"Every entry is off by the same amount, {shift * scale:.6g}."
        return ""
    flipped = "The sign is flipped" if ratio < 0 else ""
    factor = abs(ratio)
    if flipped and abs(factor - 1) <= _CLOSE:
        return f"{flipped}."
    if not flipped and abs(factor - 1) <= 1e-7:
        return ""
    if not flipped and abs(factor - 1) <= 1e-3:
        return f"Every entry is off by the factor {factor:.9g}."
    times = f"{factor:.5g} times too large" if factor > 1 else f"{1 / factor:.5g} times too small"
    return f"{flipped}, and every entry is {times}." if flipped else f"Every entry is {times}."


def _describe_transposed(got, expected) -> str:
    if got.ndim != 2 or got.shape[0] != got.shape[1] or len(got) < 2:
        return ""
    known = np.isfinite(expected)
    difference = np.abs(got.T - expected)[known]
    close = difference.max() <= _CLOSE * np.abs(expected[known]).max()
    return "It looks transposed." if close else ""


def _describe_place(got, expected, wrong, known) -> str:
    if wrong is None or not wrong.any():
        return ""
    if wrong.sum() == 1:
        return "All other measured entries are right." if known.sum() > 1 else ""
    for axis, word in ((0, "row"), (1, "column")):
        if got.ndim != 2 or got.shape[axis] < 2:
            continue
        bad = np.flatnonzero(wrong.any(axis=1 - axis))
        if len(bad) < got.shape[axis] and (axis == 0 or len(bad) == 1):
            return _describe_lines(bad, np.moveaxis(got, axis, 0), np.moveaxis(expected, axis, 0),
                                   word)  # fmt: skip
    return ""


def _describe_lines(bad, got, expected, word: str) -> str:
    """Wrong rows (or columns): which, and whether they are all 0 or each off by a factor."""
    shown = ", ".join(map(str, bad[:6])) + (", …" if len(bad) > 6 else "")
    text = f"Only {word}{'s' if len(bad) > 1 else ''} {shown} {'are' if len(bad) > 1 else 'is'} "
    if not got[bad].any():
        return text + "wrong: 0 throughout."
    ratios = []
    for i in bad:
        known = np.isfinite(expected[i])
        g, e = got[i][known], expected[i][known]
        if not e.any():
            return text + "wrong."
        ratio = float(g @ e / (e @ e))
        if np.abs(g - ratio * e).max() > 1e-4 * np.abs(e).max():
            return text + "wrong."
        ratios.append(ratio)
    if len(bad) <= 3:
        factors = ", ".join(f"{r:.4g}" for r in ratios)
        return text + f"wrong, by the factor{'s' if len(bad) > 1 else ''} {factors}."
    return text + "wrong, each by a factor of its own."
