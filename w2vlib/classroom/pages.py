"""Pages for students and teachers: one HTML file each, without scripts and outside requests."""

from __future__ import annotations

import csv
import html
import io
import re
import statistics
from collections import Counter
from collections.abc import Sequence

from w2vlib.check.report import Report
from w2vlib.classroom.course import Assignment
from w2vlib.classroom.grader import Record, TaskResult

_STYLE = """
:root { color-scheme: light dark; --soft: #8a8f98; --line: #8a8f9855; --good: #2e9e5b; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; margin: 0.6em 0; } caption { text-align: left; }
th, td { padding: 0.2em 0.8em 0.2em 0; text-align: left; border-bottom: 1px solid var(--line); }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
pre { overflow-x: auto; } code { font-size: 90%; } .soft { color: var(--soft); }
.bar { display: inline-block; height: 0.7em; background: var(--good); vertical-align: middle; }
"""
_HEAD = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
    "style-src 'unsafe-inline'\">"
    '<meta name="viewport" content="width=device-width, initial-scale=1">'
)


def _page(title: str, parts: list[str]) -> str:
    # Control characters, and those that turn the direction of writing, show nothing but confusion.
    body = re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", "�", "\n".join(parts))
    return f"{_HEAD}<title>{_text(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n</body></html>\n"  # noqa: E501


def _text(text) -> str:
    return html.escape(str(text))


def _inline(text: str) -> str:
    """Text with `code` between backticks, as in the reports."""
    pieces = _text(text).split("`")
    if len(pieces) % 2 == 0:
        return _text(text)
    return "".join(p if i % 2 == 0 else f"<code>{p}</code>" for i, p in enumerate(pieces))


def _table(head, rows, numbers=(), caption: str = "") -> str:
    def row(cells, tag):
        marked = (
            f"<{tag}{' class=n' if i in numbers else ''}>{cell}</{tag}>"
            for i, cell in enumerate(cells)
        )
        return "<tr>" + "".join(marked) + "</tr>"

    parts = [f"<caption>{caption}</caption>"] if caption else []
    parts += [f"<thead>{row(head, 'th')}</thead>", "<tbody>"]
    return "<table>" + "".join([*parts, *(row(r, "td") for r in rows)]) + "</tbody></table>"


# ---- for the student ----------------------------------------------------------------------------


def feedback(assignment: Assignment, record: Record, by_hand: Sequence[dict] = ()) -> str:
    """The page of one student; ``by_hand`` is what :meth:`~.gradebook.Book.by_hand` tells."""
    parts = [
        f"<h1>{_text(assignment.name)}: {record.points:g} of {record.max:g} points</h1>",
        f"<p class=soft>{_text(record.student)}</p>",
        *map(_by_hand, by_hand),
    ]
    if record.problem:
        parts.append(f"<p><strong>Nothing could be graded:</strong> {_text(record.problem)}.</p>")
    if record.remarks:
        items = "".join(f"<li>{_text(remark)}</li>" for remark in record.remarks)
        parts.append(f"<h2>About your notebook</h2><ul>{items}</ul>")
    if record.cells:
        parts += ["<h2>Cells that stopped with an error</h2>", *map(_cell_error, record.cells)]
    parts += [_task(task) for task in record.tasks]
    parts.append(
        "<p class=soft>Graded with questions of the same kind as the practice questions, with "
        "other numbers. Numbers on this page are those of the practice questions.</p>"
    )
    return _page(f"{assignment.name} – {record.student}", parts)


def _by_hand(given: dict) -> str:
    """A part that a person grades, or has graded otherwise than the program."""
    text = f"<strong>{_text(given['title'])}</strong>, read by a person: "
    if given["points"] is None:
        return f"<p>{text}not yet ({given['max']:g} more points).</p>"
    comment = f"<br>{_text(given['comment'])}" if given["comment"] else ""
    return f"<p>{text}{given['points']:g} of {given['max']:g} points.{comment}</p>"


def _cell_error(error: dict) -> str:
    where = f"Cell {error['number']}" if error["number"] else "A given cell"
    where += f", line {error['line']}" if error["line"] else ""
    code = f"<pre>{_text(error['code'])}</pre>" if error.get("code") else ""
    return f"<p>{where}: <code>{_text(error['kind'])}: {_text(error['text'])}</code></p>{code}"


def _task(task: TaskResult) -> str:
    rows = [["✓" if m["points"] > 0 else "✗", _text(m["title"]), _share(m)] for m in task.marks]
    name = f" <code>{_text(task.mistake)}</code>" if task.mistake else ""
    parts = [
        f"<h2>{_text(task.title)}: {task.points:g} of {task.max:g}</h2>",
        f"<p><code>{_text(task.name)}</code>: {_inline(task.headline)}{name}</p>",
    ]
    if task.status in ("passed", "wrong"):
        parts.append(_table(("", "property", "points"), rows, (2,)))
    if task.text:
        parts.append(f"<p>{_inline(task.text)}</p>")
    if task.practice:
        parts.append("<p>On the practice questions:</p>" + _report(task.practice))
    return "\n".join(parts)


def _share(mark: dict) -> str:
    if mark["max"]:
        return f"{mark['points']:g} of {mark['max']:g}"
    return f"{mark['points']:+g}"


def _report(data: dict) -> str:
    pairs = tuple((str(a), str(b)) for a, b in data["example"])
    lists = {k: tuple(data[k]) for k in ("hints", "remarks")}
    return Report(**{**data, "example": pairs, **lists})._repr_html_()


# ---- for the teacher ----------------------------------------------------------------------------


def summary(assignment: Assignment, records: list[Record]) -> str:
    """The class at a glance: points, properties, mistakes, and who needs a look."""
    count = len(records)
    points = sorted(record.points for record in records)
    most = sum(task.points for task in assignment.tasks)
    parts = [f"<h1>{_text(assignment.name)}: {count} hand-ins</h1>"]
    if not count:
        return _page(assignment.name, [*parts, "<p>Nothing was handed in.</p>"])
    mean, median = sum(points) / count, statistics.median(points)
    parts.append(
        f"<p>Mean {mean:.1f}, median {median:g}, highest {points[-1]:g} of {most:g} points "
        "(without answers that are graded by hand).</p>"
    )
    parts += [_histogram(points, most), "<h2>Tasks</h2>", _tasks_table(assignment, records)]
    parts += ["<h2>Properties</h2>", _parts_table(assignment, records)]
    parts += ["<h2>Mistakes</h2>", _mistakes_table(records), *_odd(records)]
    return _page(f"{assignment.name}: the class", parts)


def _bar(share: float) -> str:
    return f'<span class=bar style="width: {12 * share:.2f}em"></span>'


def _histogram(points: list[float], most: float) -> str:
    bins = Counter(min(int(10 * p / most), 9) for p in points)
    rows = [
        (f"{10 * b}–{10 * b + 10} %", bins[b], _bar(bins[b] / len(points)))
        for b in range(10)
        if bins[b]
    ]
    return _table(("points", "students", ""), rows, (1,))


def _tasks_table(assignment, records) -> str:
    rows = []
    for number, task in enumerate(assignment.tasks):
        results = [r.tasks[number] for r in records]
        states = Counter(t.status for t in results)
        mean = sum(t.points for t in results) / len(results)
        rows.append(
            [
                _text(task.title),
                f"{mean:.1f} of {task.points:g}",
                *(states[s] for s in ("passed", "wrong", "not attempted", "failed")),
            ]
        )
    head = ("task", "mean", "passed", "wrong", "not attempted", "no answer")
    return _table(head, rows, (1, 2, 3, 4, 5))


def _parts_table(assignment, records) -> str:
    rows = []
    for number, task in enumerate(assignment.tasks):
        for place, part in enumerate(task.parts):
            right = sum(r.tasks[number].marks[place]["points"] > 0 for r in records)
            share = right / len(records)
            cells = [_text(task.name), _text(part.title), f"{100 * share:.0f} %", _bar(share)]
            rows.append(cells)
    return _table(("task", "property", "right", ""), rows, (2,))


def _mistakes_table(records) -> str:
    found = Counter((t.title, t.mistake, t.headline) for r in records for t in r.tasks if t.mistake)
    rows = [
        [_text(title), f"<code>{_text(name)}</code>", _inline(headline), count]
        for (title, name, headline), count in found.most_common()
    ]
    unnamed = sum(t.status == "wrong" and not t.mistake for r in records for t in r.tasks)
    if not rows and not unnamed:
        return "<p>None.</p>"
    table = _table(("task", "mistake", "what was done", "students"), rows, (3,)) if rows else ""
    return f"{table}<p>Wrong answers without a recognised mistake: {unnamed}.</p>"


def _odd(records) -> list[str]:
    rows = [[_text(r.student), _text(r.problem)] for r in records if r.problem]
    rows += [
        [_text(r.student), _inline(f"{t.title}: {t.headline}")]
        for r in records
        if not r.problem
        for t in r.tasks
        if t.status == "failed"
    ]
    rows += [[_text(r.student), _text(remark)] for r in records for remark in r.remarks]
    if not rows:
        return []
    return ["<h2>Worth a look</h2>", _table(("student", "what"), rows)]


def table(assignment: Assignment, records: list[Record], totals: dict | None = None) -> str:
    """All scores as CSV, for a spreadsheet.

    Args:
        totals: student → points in the grade book, with those that people gave.
    """
    totals = totals or {}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    head = ["student", "points", "max", "total", "total_max"]
    for task in assignment.tasks:
        head += [task.name, f"{task.name}_mistake"]
    writer.writerow([*head, "problem", "remarks"])
    for record in records:
        total = totals.get(record.student)
        row = [record.student, f"{record.points:g}", f"{record.max:g}"]
        row += ["" if total is None else f"{total:g}", f"{record.max + record.manual:g}"]
        for task in record.tasks:
            state = "" if task.status == "passed" else task.status
            row += [f"{task.points:g}", task.mistake or state]
        writer.writerow([_harmless(c) for c in [*row, record.problem, " ".join(record.remarks)]])
    return out.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet must not take it for a formula."""
    return "'" + cell if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
