"""The course folder: its assignments, the tasks that grade them, the cells as they were released.

An assignment is a notebook in nbgrader's source form (``source/NAME/NAME.ipynb``) and a module
that grades it (``grading/NAME.py``, with ``TASKS``).  Grading modules hold solutions: they are
never copied anywhere, and no sandbox sees them.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import json
import os
import re
import stat
import sys
import types
from dataclasses import dataclass
from pathlib import Path

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
TEXT_STUB = "YOUR ANSWER HERE"
_BEGIN, _END = "BEGIN SOLUTION", "END SOLUTION"
_HIDDEN = re.compile(r"^[^\n]*BEGIN HIDDEN TESTS.*?END HIDDEN TESTS[^\n]*\n?", re.S | re.M)
_MARKS = re.compile(r"^[^\n]*BEGIN MARK SCHEME.*?END MARK SCHEME[^\n]*\n?", re.S | re.M)
_DEFINED = re.compile(r"^(?:def|class)\s+(\w+)", re.M)
_CHECKING = ("common", "exercise", "report", "running", "stubs")  # not the chapters' exercises
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class CourseError(ValueError):
    """The course folder is not as it should be; the text says what to do."""


@dataclass(frozen=True)
class TemplateCell:
    """A cell of the assignment.

    Attributes:
        name: nbgrader's id of the cell ("" if it has none); id: the notebook's own id.
        role: "solution", "answer" (written, graded by hand), "test", "locked", "given" or "text".
        source: in the teacher's version; released: in the students' version.
        points: of a test or an answer.
        defines: names that the students' version defines.
    """

    name: str
    id: str
    role: str
    source: str
    released: str
    points: float = 0.0
    kind: str = "code"

    @property
    def defines(self) -> tuple[str, ...]:
        return tuple(_DEFINED.findall(self.released))


@dataclass(frozen=True)
class Template:
    """All cells of an assignment, in order."""

    cells: tuple[TemplateCell, ...]

    def of_role(self, *roles: str) -> list[TemplateCell]:
        return [cell for cell in self.cells if cell.role in roles]

    @functools.cached_property
    def _given(self) -> frozenset[str]:
        return frozenset(_bare(c.released) for c in self.of_role("given", "test"))

    @functools.cached_property
    def _secret(self) -> frozenset[str]:
        cells = (c for c in self.of_role("test") if not same_code(c.source, c.released))
        return frozenset(_bare(c.source) for c in cells)

    def is_secret(self, source: str) -> bool:
        """Whether this is a test cell with its hidden tests: no student was ever given that."""
        return _bare(source) in self._secret

    def is_given(self, source: str) -> bool:
        """Whether this is the text of a demonstration or a test: those need not run."""
        return _bare(source) in self._given


@dataclass(frozen=True)
class Assignment:
    """One assignment: its name, notebook, tasks and cells."""

    name: str
    notebook: Path
    tasks: tuple
    template: Template
    version: str

    @property
    def max_score(self) -> float:
        return sum(c.points for c in self.template.cells)


class Course:
    """A course folder.

    Raises:
        CourseError: the folder has no ``source``.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root).resolve()
        if not (self.root / "source").is_dir():
            raise CourseError(f"{self.root} is no course folder: it has no folder 'source'.")

    @property
    def names(self) -> list[str]:
        """Assignments that can be graded, in order."""
        found = sorted(p.stem for p in (self.root / "grading").glob("*.py"))
        return [n for n in found if not n.startswith("_") and (self.root / "source" / n).is_dir()]

    def assignment(self, name: str) -> Assignment:
        """One assignment, loaded.

        Raises:
            CourseError: there is none of this name, or notebook and tasks disagree.
        """
        if name not in self.names:
            raise CourseError(
                f"there is no assignment {name!r}; there are: {', '.join(self.names)}"
            )
        notebook = self.root / "source" / name / f"{name}.ipynb"
        if not notebook.is_file():
            raise CourseError(f"{notebook} is missing.")
        grading = self.root / "grading" / f"{name}.py"
        template = read_template(notebook)
        tasks = tuple(_load(grading).TASKS)
        _agree(name, tasks, template)
        return Assignment(name, notebook, tasks, template, _version(grading, notebook))

    def students(self, name: str) -> list[str]:
        """Students who handed in something for this assignment."""
        submitted = self.root / "submitted"
        if not submitted.is_dir():
            return []
        found = (p.name for p in submitted.iterdir() if _is_handed_in(p / name))
        return sorted(student for student in found if not student.startswith("."))


def _is_handed_in(folder: Path) -> bool:
    """Whether there is a folder or a link, or something that we may not even look at."""
    try:
        mode = os.lstat(folder).st_mode
    except PermissionError:
        return True
    except OSError:
        return False
    return stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def is_good_name(name: str) -> bool:
    """Whether this can be a student's id: letters, digits, ``_ . -``, at most 64."""
    return bool(_SAFE.fullmatch(name))


def template_from(cells: list[dict]) -> Template:
    """The cells as ``practice.json`` tells them."""
    return Template(tuple(TemplateCell(source=cell["released"], **cell) for cell in cells))


def read_template(notebook: Path) -> Template:
    """The cells of an assignment in the teacher's version."""
    tree = json.loads(notebook.read_text(encoding="utf-8"))
    return Template(tuple(_template_cell(raw) for raw in tree["cells"]))


def _template_cell(raw: dict) -> TemplateCell:
    source = "".join(raw["source"])
    about = raw["metadata"].get("nbgrader", {})
    code = raw["cell_type"] == "code"
    role = "given" if code else "text"
    if about.get("solution"):
        role = "answer" if about.get("grade") else "solution"
    elif about.get("grade"):
        role = "test"
    elif about.get("locked") and code:
        role = "locked"
    return TemplateCell(
        about.get("grade_id", ""),
        raw.get("id", ""),
        role,
        source,
        released_source(source, code, bool(about.get("solution"))),
        float(about.get("points", 0) or 0),
        raw["cell_type"],
    )


def released_source(source: str, code: bool = True, solution: bool = True) -> str:
    """A cell as students get it: solutions become stubs; hidden tests and mark schemes go."""
    source = _MARKS.sub("", _HIDDEN.sub("", source))
    if not solution:
        return source
    lines, inside, replaced = [], False, False
    for line in source.split("\n"):
        if _BEGIN in line:
            inside = replaced = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + stub for stub in (STUB if code else TEXT_STUB).split("\n")]
        elif _END in line:
            inside = False
        elif not inside:
            lines.append(line)
    if not replaced:
        return STUB if code else TEXT_STUB
    return "\n".join(lines)


def _bare(source: str) -> str:
    return "\n".join(line.rstrip() for line in source.strip().split("\n"))


def same_code(one: str, other: str) -> bool:
    """The same text, but for blanks at line ends and empty lines around it."""
    return _bare(one) == _bare(other)


def is_stub(source: str, cell: TemplateCell) -> bool:
    """Whether this is still what was handed out."""
    return same_code(source, cell.released)


def _load(path: Path):
    """The grading module; its neighbours can be imported as ``from ._shared import …``."""
    package = "w2vlib_grading_" + hashlib.sha256(str(path.parent).encode()).hexdigest()[:12]
    if package not in sys.modules:
        sys.modules[package] = types.ModuleType(package)
        sys.modules[package].__path__ = [str(path.parent)]
    name = f"{package}.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        spec.loader.exec_module(module)
    finally:
        sys.dont_write_bytecode = before
    return module


def _agree(name: str, tasks, template: Template) -> None:
    points = {cell.name: cell.points for cell in template.of_role("test")}
    graded = {task.cell: task.points for task in tasks}
    if points != graded:
        raise CourseError(
            f"assignment {name}: the test cells of the notebook and the tasks of grading/{name}.py "
            f"disagree in names or points: {points} and {graded}"
        )


def _version(grading: Path, notebook: Path) -> str:
    """Changes with the tasks, the notebook, the machinery of the checks and the grader itself."""
    here = Path(__file__).resolve().parent
    machinery = sorted(here.glob("*.py"))
    machinery += [here.parent / "check" / f"{name}.py" for name in _CHECKING]
    digest = hashlib.sha256()
    for path in [grading, *sorted(grading.parent.glob("_*.py")), notebook, *machinery]:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]
