"""What can be taken away: a table, a picture, the lines of code, and a page without a kernel."""

from __future__ import annotations

import base64
import csv
import html
import io
from collections.abc import Mapping

from w2vlib.widgets.query import Answer, Query

COLUMNS = ("rank", "word", "score", "cosine", "dot", "count", "in_query", "beside_plane")


def as_csv(answer: Answer, beside: Mapping[str, float] | None = None) -> str:
    """The answers as comma-separated values, one header line, numbers in full precision.

    Args:
        answer: the answers.
        beside: how far each word lies beside the drawn plane.
    """
    beside = beside or {}
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in answer.rows:
        count = "" if row.count is None else row.count
        off = beside.get(row.word)
        writer.writerow(
            [
                row.rank,
                row.word,
                repr(row.score),
                repr(row.cosine),
                repr(row.dot),
                count,
                row.in_query,
                "" if off is None else repr(off),
            ]
        )
    return file.getvalue()


def as_code(query: Query, name: str = "vectors") -> str:
    """Lines of Python that give the same answers from ``name``, a ``WordVectors``."""
    exclude = "" if query.exclude_query else ", exclude_query=False"
    if query.similarity == "cosine" and query.analogy:
        words = ", ".join(map(repr, query.analogy))
        method = "" if query.method == "3CosAdd" else f", method={query.method!r}"
        return f"{name}.analogy({words}, top={query.top}{method}{exclude})"
    if query.similarity == "cosine" and query.method == "3CosAdd":
        if len(query.terms) == 1 and query.terms[0].weight == 1:
            asked = repr(query.terms[0].word)
        else:
            asked = "[" + ", ".join(f"({t.word!r}, {t.weight!r})" for t in query.terms) + "]"
        return f"{name}.most_similar({asked}, top={query.top}{exclude})"
    return _by_hand(query, name)


def _by_hand(query: Query, name: str) -> str:
    """Dot products, and 3CosMul with other than three words, in NumPy."""
    terms = ", ".join(f"({t.word!r}, {t.weight!r})" for t in query.terms)
    lines = ["import numpy as np", "", f"terms = [{terms}]"]
    if query.similarity == "dot":
        lines += [
            f"target = sum(weight * {name}[word].astype(np.float64) for word, weight in terms)",
            f"scores = {name}.vectors @ target",
        ]
    else:
        lines += [
            f"unit = {name}.unit_vectors",
            "scores = 1.0",
            "for word, weight in terms:",
            f"    shifted = np.maximum((1 + unit @ unit[{name}.id(word)]) / 2, 0)",
            "    factor = shifted if weight >= 0 else shifted + 0.001",
            "    scores = scores * factor**weight",
        ]
    if query.exclude_query:
        lines.append(f"scores[[{name}.id(word) for word, _ in terms]] = -np.inf")
    lines += [
        f"best = np.argsort(-scores, kind='stable')[:{query.top}]",
        f"[({name}.words[i], float(scores[i])) for i in best]",
    ]
    return "\n".join(lines)


def file_name(query: Query, suffix: str) -> str:
    """A file name that tells the question: ``king_minus_man_plus_woman.csv``."""
    parts = []
    for i, term in enumerate(query.terms):
        sign = "minus" if term.weight < 0 else "plus" if i else ""
        amount = "" if abs(term.weight) == 1 else f"{abs(term.weight):g}"
        parts += [sign, amount, term.word]
    letters = "_".join(filter(None, parts))
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in letters).strip("._")
    return f"{safe[:80] or 'answer'}.{suffix}"


def number(value: float, digits: int = 3) -> str:
    """A number as it is shown everywhere: fixed digits, a real minus sign, no minus zero."""
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.removeprefix("-")
    return text.replace("-", "−")


_CELL = "padding: 0.15em 0.8em 0.15em 0; text-align: {}; border: 0;"


def static_html(headline: str, sentence: str, pictures, table: list[list[str]], note: str) -> str:
    """The explorer without a kernel: heading, pictures, table and words, nothing to click.

    Args:
        headline: the question and its answer.
        sentence: the picture in words.
        pictures: pairs of an SVG text and its alternative text.
        table: rows of text, the head first.
        note: how to make it live.

    The pictures are ``<img>`` elements that hold their SVG: pages that clean up HTML keep these,
    while they drop a bare ``<svg>``.
    """
    images = "".join(_image(svg, alt) for svg, alt in pictures)
    head, *body = table
    cells = "".join(
        f'<th scope="col" style="{_CELL.format(_side(i))}">{html.escape(cell)}</th>'
        for i, cell in enumerate(head)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_CELL.format(_side(i))}">{html.escape(cell)}</td>'
            for i, cell in enumerate(row)
        )
        + "</tr>"
        for row in body
    )
    return (
        '<div class="w2v-static" style="max-width: 60em;">'
        f'<p style="font-size: 115%; margin: 0.3em 0;"><strong>{html.escape(headline)}</strong></p>'
        '<div style="display: flex; flex-wrap: wrap; gap: 0.5em 1.5em; align-items: flex-start;">'
        f"<div>{images}</div>"
        f'<table style="margin: 0;"><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
        f'<p style="margin: 0.3em 0;">{html.escape(sentence)}</p>'
        f'<p style="margin: 0.3em 0;"><em>{html.escape(note)}</em></p></div>'
    )


def _image(svg: str, alt: str) -> str:
    data = base64.b64encode(svg.encode("utf-8")).decode("ascii")
    return (
        f'<img alt="{html.escape(alt, quote=True)}" width="460" '
        'style="max-width: 100%; height: auto; background: white" '
        f'src="data:image/svg+xml;base64,{data}">'
    )


def _side(column: int) -> str:
    """Words to the left, numbers to the right."""
    return "left" if column == 1 else "right"
