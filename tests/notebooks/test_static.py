"""What can be seen in the notebook files without running them. nbval runs them."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

nbformat = pytest.importorskip("nbformat")

from tests.notebooks.kernel import ROOT, notebooks  # noqa: E402

LONGEST_CELL = 25  # lines
LARGEST_FILE = 1_000_000  # bytes
KNOWN_TAGS = {"nbval-ignore-output", "raises-exception"}
MAKE = "run `make notebooks`"


# --- reading -----------------------------------------------------------------------------------


def read(path: Path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [c for c in notebook.cells if c.cell_type == "code" and c.source.strip()]


def outputs(notebook):
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield cell, output


def tags(cell) -> set:
    return set(cell.metadata.get("tags", []))


class Page(HTMLParser):
    """Collects links, images and anchors of a piece of HTML."""

    def __init__(self, text: str):
        super().__init__()
        self.links, self.images, self.anchors = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "a" and attrs.get("href"):
            self.links.append(attrs["href"])
        if tag == "img":
            self.images.append((attrs.get("src") or "", attrs.get("alt") or ""))
        self.anchors |= {attrs[key] for key in ("id", "name") if attrs.get(key)}


# [text](target), [text](<target>), [text](target "title"); with ! in front it is an image
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
_REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)", re.MULTILINE)
_NOT_PROSE = re.compile(r"```.*?```|~~~.*?~~~|`[^`\n]+`|\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)


def prose(cell) -> str:
    """A Markdown cell without its code and its formulas."""
    return _NOT_PROSE.sub(" ", cell.source)


def links_and_images(notebook):
    links, images = [], []
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        text = prose(cell)
        for bang, label, target in _LINK.findall(text):
            if bang:
                images.append((target, label))
            else:
                links.append(target)
                images += [(t, alt) for b, alt, t in _LINK.findall(label) if b]
        links += _REFERENCE.findall(text)
        page = Page(text)
        links += page.links
        images += page.images
    return links, images


def anchors(path: Path) -> set:
    """Where a link may lead within a notebook or a Markdown file."""
    if path.suffix == ".ipynb":
        texts = [c.source for c in read(path).cells if c.cell_type == "markdown"]
    else:
        texts = [path.read_text(encoding="utf-8")]
    found = set()
    for text in texts:
        found |= Page(text).anchors
        for heading in _HEADING.findall(_NOT_CODE.sub(" ", text)):
            # Jupyter joins the words by hyphens; GitHub also makes small letters of them.
            plain = re.sub(r"[*_`]|\[|\]\([^)]*\)", "", heading)
            found.add(plain.replace(" ", "-"))
            found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


_NOT_CODE = re.compile(r"```.*?```|~~~.*?~~~", re.DOTALL)


# --- faults: each function returns a list of sentences, empty if all is well ---------------------


def faults_of_form(path, notebook):
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        yield f"not a valid notebook: {error.message}"
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        yield f"format {notebook.nbformat}.{notebook.nbformat_minor} has no cell ids; {MAKE}"
    ids = [cell.get("id") for cell in notebook.cells]
    if len(set(ids)) != len(ids):
        yield "two cells have the same id"
    if path.stat().st_size > LARGEST_FILE:
        yield f"the file has {path.stat().st_size:,} bytes; more than {LARGEST_FILE:,} is too much"
    kernel = notebook.metadata.get("kernelspec", {})
    if (kernel.get("name"), kernel.get("language", "python")) != ("python3", "python"):
        yield f"the kernel is {kernel.get('name')!r} and not plain 'python3'; {MAKE}"
    if "version" in notebook.metadata.get("language_info", {}):
        yield f"the file names a version of Python; {MAKE}"
    extra = set(notebook.metadata) - {"kernelspec", "language_info"}
    if extra:
        yield f"the file carries {sorted(extra)} in its metadata; {MAKE}"


PAGES_OF_WORDS = {"figures_index.ipynb", "glossary.ipynb", "references.ipynb"}


def faults_of_execution(path, notebook):
    cells = code_cells(notebook)
    if not cells and path.name not in PAGES_OF_WORDS:
        yield "there is no code in it"
    counts = [cell.execution_count for cell in cells]
    if counts != list(range(1, len(cells) + 1)):
        yield f"it was not run from top to bottom (cells carry {counts}); {MAKE}"
    for cell in cells:
        names = [o.ename for o in cell.outputs if o.output_type == "error"]
        if names and "raises-exception" not in tags(cell):
            yield f"cell [{cell.execution_count}] ended with {names[0]}"
        if not names and "raises-exception" in tags(cell):
            yield f"cell [{cell.execution_count}] is tagged raises-exception, but nothing failed"
    compared = [
        c for c in cells if c.outputs and not tags(c) & {"nbval-ignore-output", "nbval-skip"}
    ]
    if cells and not compared:
        yield "no cell has an output that is compared: the notebook would pass whatever happens"


def faults_of_cells(path, notebook):
    for number, cell in enumerate(notebook.cells):
        lines = len(cell.source.splitlines())
        if cell.cell_type == "code" and lines > LONGEST_CELL:
            yield f"code cell {number} has {lines} lines; {LONGEST_CELL} fit on a screen"
        for tag in tags(cell):
            if tag.startswith(("nbval", "raise", "skip")) and tag not in KNOWN_TAGS:
                yield f"cell {number} has the tag {tag!r}; allowed are {sorted(KNOWN_TAGS)}"
        if re.search(r"^\s*#+\s*NBVAL_", cell.source, re.MULTILINE):
            yield f"cell {number} has an NBVAL comment that readers see; use a cell tag"


def faults_of_links(path, notebook):
    links, images = links_and_images(notebook)
    for target, _ in images:
        if target.startswith("data:"):
            yield "a picture is written into a Markdown cell; put it into a file beside it"
    for target in [*links, *(src for src, _ in images)]:
        if re.match(r"(https?|mailto|data):", target):
            continue
        if target.startswith("attachment:"):
            yield f"{target} is an attachment; put the picture into a file beside the notebook"
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            yield f"the link to {target} leads nowhere"
        elif not file.is_relative_to(ROOT) and not file.is_relative_to(path.parent):
            yield f"the link to {target} leads out of the project"
        elif anchor and file.suffix in (".ipynb", ".md") and anchor not in anchors(file):
            yield f"the link to {target}: {file.name} has no such heading"


def faults_of_alternative_text(path, notebook):
    for source, alt in links_and_images(notebook)[1]:
        if len(alt.split()) < 3:
            yield f"the picture {source[:60]} needs alternative text (got {alt!r})"
    for cell, output in outputs(notebook):
        data = output.get("data", {})
        place = f"the figure of cell [{cell.execution_count}]"
        if any(kind.startswith("image/") for kind in data):
            yield f"{place} has no alternative text; end with plotting.show(fig, alt=…)"
        for _, alt in Page(data.get("text/html", "")).images:
            if len(alt.split()) < 3:
                yield f"{place} needs a sentence as alternative text (got {alt!r})"


_MACHINE_PATH = re.compile(
    r"(?<![\w.~/\-])(?:/(?:home|Users|root|tmp|work|mnt|media|private|var|opt|usr)/[\w.\-]+"
    r"|~/[\w.\-]+/|[A-Z]:\\\\?Users)"
)


def faults_of_privacy(path, notebook):
    texts = [json.dumps(notebook.metadata)]
    for cell in notebook.cells:
        texts.append(cell.source)
        texts.append(re.sub(r"base64,[A-Za-z0-9+/=]+", "", json.dumps(cell.get("outputs", []))))
    for text in texts:
        for found in sorted({m.group() for m in _MACHINE_PATH.finditer(text)} | _own(text)):
            yield f"it names a folder of one machine: {found}"


def _own(text: str) -> set:
    return {str(ROOT)} if str(ROOT) in text else set()


def faults_of_warnings(path, notebook):
    for cell, output in outputs(notebook):
        if output.output_type == "stream" and output.name == "stderr" and "Warning" in output.text:
            yield f"cell [{cell.execution_count}] shows a warning: {output.text.strip()[:100]}"


FAULTS = [
    faults_of_form,
    faults_of_execution,
    faults_of_cells,
    faults_of_links,
    faults_of_alternative_text,
    faults_of_privacy,
    faults_of_warnings,
]
_by_name = [pytest.param(path, id=str(path.relative_to(ROOT))) for path in notebooks()]


@pytest.mark.parametrize("path", _by_name)
@pytest.mark.parametrize("faults", FAULTS, ids=lambda f: f.__name__.removeprefix("faults_of_"))
def test_notebook(path, faults):
    found = list(faults(path, read(path)))
    assert not found, "\n".join([path.name, *found])


# --- the checks are checked: each of them finds its fault in a notebook made for it --------------


def markdown(text):
    return nbformat.v4.new_markdown_cell(text)


def code(source="1", *, count=1, tags=(), **output):
    made = [nbformat.v4.new_output(**output)] if output else []
    cell = nbformat.v4.new_code_cell(source, execution_count=count, outputs=made)
    cell.metadata["tags"] = list(tags)
    return cell


def text_output(**more):
    return {"output_type": "stream", "text": "1\n", **more}


def display(**data):
    data = {key.replace("_", "/"): value for key, value in data.items()}
    return {"output_type": "display_data", "data": data}


A_CELL = code(**text_output())
GOOD_CELLS = [
    markdown(
        "# Part one\n[up](#Part-one), [web](https://example.org), [beside](figure.png)\n\n"
        "![a small figure](figure.png)\n<img src='figure.png' alt='the same figure again'>\n"
        "`[x](no-link)` and $[a](b)$"
    ),
    code(count=1, **text_output()),
    code(count=2, **display(text_html="<img alt='It falls to 2.' src='data:image/png;base64,A'>")),
    code(
        "1 / 0",
        count=3,
        tags=["raises-exception"],
        output_type="error",
        ename="ZeroDivisionError",
        evalue="division by zero",
        traceback=["File w2vlib/layers.py:1"],
    ),
]

# What the one sentence must say, and the cells that deserve it.
WRONG = [
    ("has 26 lines", [code("\n".join(["x"] * 26), **text_output())]),
    ("not run from top", [code(count=None), code(count=1, **text_output())]),
    ("not run from top", [code(count=2, **text_output())]),
    ("ended with E", [code(output_type="error", ename="E", evalue="", traceback=[])]),
    ("but nothing failed", [code(tags=["raises-exception"], **text_output())]),
    ("no cell has an output", [code(tags=["nbval-ignore-output"], **text_output())]),
    ("no code in it", [markdown("words")]),
    ("the tag 'nbval-ignore-outputs'", [code(tags=["nbval-ignore-outputs"], **text_output())]),
    ("the tag 'nbval-skip'", [code(tags=["nbval-skip"]), code(count=2, **text_output())]),
    ("an NBVAL comment", [code("# NBVAL_IGNORE_OUTPUT\n1", **text_output())]),
    ("05-missing.ipynb leads nowhere", [markdown("[next](05-missing.ipynb)"), A_CELL]),
    ("missing.md leads nowhere", [markdown("<a href='missing.md'>x</a>"), A_CELL]),
    ("missing.md leads nowhere", [markdown("[x][1]\n\n[1]: missing.md"), A_CELL]),
    ("no such heading", [markdown("# Here\n[there](#There)"), A_CELL]),
    ("missing.png leads nowhere", [markdown("![a fine picture](missing.png)"), A_CELL]),
    ("is an attachment", [markdown("![a fine picture](attachment:x.png)"), A_CELL]),
    ("into a Markdown cell", [markdown("![a fine picture](data:image/png;base64,A)"), A_CELL]),
    ("needs alternative text", [markdown("![](figure.png)"), A_CELL]),
    ("needs alternative text", [markdown("<img src='figure.png'>"), A_CELL]),
    ("no alternative text", [code(**display(image_png="iVBORw0KGgo="))]),
    ("needs a sentence", [code(**display(text_html="<img src='x' alt='plot'>"))]),
    ("one machine: /home/me", [markdown("see /home/me/course/x"), A_CELL]),
    ("one machine: /tmp/x.txt", [code("open('/tmp/x.txt')", **text_output())]),
    ("one machine: /Users/me", [code(**text_output(text="/Users/me/course\n"))]),
    ("a warning", [code(**text_output(name="stderr", text="x.py:1: RuntimeWarning: y\n"))]),
]


def faults_in(folder: Path, cells, **metadata) -> list[str]:
    (folder / "figure.png").write_bytes(b"")
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    metadata = {"kernelspec": kernel} | metadata
    path = folder / "made.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
    return [sentence for faults in FAULTS for sentence in faults(path, read(path))]


def test_a_good_notebook_has_no_faults(tmp_path):
    assert faults_in(tmp_path, GOOD_CELLS) == []


@pytest.mark.parametrize(("sentence", "cells"), WRONG, ids=[sentence for sentence, _ in WRONG])
def test_every_fault_is_found(sentence, cells, tmp_path):
    (found,) = faults_in(tmp_path, cells)
    assert sentence in found


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "my-env", "display_name": "my-env", "language": "python"}},
        {"language_info": {"name": "python", "version": "3.11.7"}},
        {"widgets": {"state": {}}},
    ],
)
def test_foreign_metadata_is_found(metadata, tmp_path):
    assert len(faults_in(tmp_path, GOOD_CELLS, **metadata)) == 1


def test_a_large_file_is_found(tmp_path):
    cells = [code(**text_output(text="x" * 1_100_000))]
    (fault,) = faults_in(tmp_path, cells)
    assert "bytes" in fault
