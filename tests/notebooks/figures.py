"""Makes the index of figures: ``python -m tests.notebooks.figures``.

The page is built from the notebooks as they are stored: every picture in an output is one line,
with the title that the code of its cell gives it, or else with its alternative text.
"""

from __future__ import annotations

import ast
import re
from html import unescape
from urllib.parse import quote

import nbformat

from tests.notebooks.kernel import ROOT, notebooks

_SHAPE = re.compile(r"^\S+ \([\d, ]+\)$")  # "C (7, 7)" names a matrix and says nothing about it
PAGE = ROOT / "notebooks" / "figures_index.ipynb"
HEAD = """# Index of figures

Every figure of the course, in reading order, with the section it stands in. The line gives the
title of a figure; where it has none, it says what can be seen. (This page is made by the command
`python -m tests.notebooks.figures`.)"""
FOOT = """---
[Start](00_start_here.ipynb) · [Glossary](glossary.ipynb) · [References](references.ipynb) · \
[For teachers](for_teachers.ipynb)"""


def make() -> nbformat.NotebookNode:
    """The page as a notebook without code."""
    parts = [HEAD]
    for path in pages_with_figures():
        notebook = nbformat.read(path, as_version=4)
        lines = [
            f"- {text} · [{section}]({path.name}#{anchor(section)})"
            for section, text in figures(notebook)
        ]
        if lines:
            name = notebook.cells[0].source.splitlines()[0].lstrip("# ")
            parts.append("\n".join([f"## {name}", "", *lines]))
    cells = [nbformat.v4.new_markdown_cell(text) for text in (*parts, FOOT)]
    for number, cell in enumerate(cells):
        cell.id = f"figures-{number:02}"
    page = nbformat.v4.new_notebook(cells=cells)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    page.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    page.nbformat_minor = 5
    return page


def pages_with_figures() -> list:
    """The chapters, and the pages beside them; no solutions."""
    return [p for p in notebooks() if p.parent == PAGE.parent and p != PAGE]


def figures(notebook):
    """``(heading, title or description)`` of every picture in the outputs."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            headings = re.findall(r"^#{1,2} +(.+?) *$", cell.source, re.MULTILINE)
            section = headings[-1] if headings else section
            continue
        described = [alt for output in cell.get("outputs", []) for alt in _pictures(output)]
        given = titles(cell.source)
        if len(described) == 1 and given:
            described = [" / ".join(given)]
        for text in described:
            yield section, text if len(text) < 120 else re.split(r"(?<=\.) ", text)[0]


def _pictures(output) -> list[str]:
    html = "".join(output.get("data", {}).get("text/html", ""))
    if "base64," not in html:
        return []
    return [unescape(alt) for alt in re.findall(r'<img\b[^>]*\balt="([^"]*)"', html)]


def titles(source: str) -> list[str]:
    """The titles that the code gives, where they are plain strings."""
    found = []
    for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE))):
        if not isinstance(node, ast.Call):
            continue
        values = [k.value for k in node.keywords if k.arg == "title"]
        if getattr(node.func, "attr", "") in ("set_title", "suptitle"):
            values += node.args[:1]
        for value in values:
            if isinstance(value, ast.Constant) and value.value and not _SHAPE.search(value.value):
                found.append((value.lineno, value.col_offset, value.value))
    return list(dict.fromkeys(text for *_, text in sorted(found)))


def anchor(heading: str) -> str:
    """As Jupyter makes it of a heading: words joined by hyphens."""
    plain = re.sub(r"[*_`]|\[|\]\([^)]*\)", "", heading)
    return quote(plain.replace(" ", "-"), safe="-.,?!:'–")


def main() -> None:
    nbformat.write(make(), PAGE)


if __name__ == "__main__":
    main()
