"""Makes the students' version of an assignment, with nbgrader, and checks it for leaks."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from w2vlib.classroom import practice
from w2vlib.classroom.course import Assignment, Course, CourseError
from w2vlib.classroom.records import write_text


def write_practice(assignment: Assignment) -> Path:
    """Write ``practice.json`` beside the notebook."""
    path = assignment.notebook.parent / practice.FILE
    write_text(path, practice_text(assignment))
    return path


def practice_text(assignment: Assignment) -> str:
    """The content of ``practice.json``: one line for each task."""
    about = practice.describe(assignment.name, assignment.tasks)
    lines = [json.dumps(task, separators=(",", ":"), allow_nan=False) for task in about["tasks"]]
    cells = [json.dumps(cell, separators=(",", ":")) for cell in _cells(assignment)]
    parts = [f'"assignment": {json.dumps(assignment.name)}']
    for key, items in (("cells", cells), ("tasks", lines)):
        parts.append(f'"{key}": [\n' + ",\n".join(items) + "\n]")
    return "{" + ",\n".join(parts) + "}\n"


def _cells(assignment: Assignment) -> list[dict]:
    """The cells as released, so that `validate` sees what the grader will see."""
    names = ("name", "id", "role", "released", "points", "kind")
    return [
        {name: getattr(cell, name) for name in names}
        for cell in assignment.template.cells
        if cell.role != "text"
    ]


def generate(course: Course, assignment: Assignment) -> Path:
    """Run nbgrader's ``generate_assignment``; returns the folder that it made.

    Raises:
        CourseError: nbgrader is missing or refuses.
    """
    try:
        from nbgrader.apps import NbGraderAPI
        from traitlets.config import Config
    except ImportError:
        raise CourseError("nbgrader is not installed: pip install 'w2vlib[classroom]'") from None
    logging.getLogger("alembic").setLevel(logging.WARNING)
    config = Config()
    config.CourseDirectory.root = str(course.root)
    config = _with_file(course.root / "nbgrader_config.py", config)
    done = NbGraderAPI(config=config).generate_assignment(assignment.name)
    if not done["success"]:
        said = (done.get("error") or done.get("log") or "").strip().splitlines()
        raise CourseError("nbgrader could not make the students' version: " + " ".join(said[-3:]))
    return course.root / "release" / assignment.name


def _with_file(path: Path, config):
    from traitlets.config import PyFileConfigLoader

    if path.is_file():
        loaded = PyFileConfigLoader(path.name, path=str(path.parent)).load_config()
        loaded.merge(config)
        return loaded
    return config


def leaks(assignment: Assignment, folder: Path) -> list[str]:
    """What a released folder tells that it must not: solutions, hidden tests, files."""
    notebook = f"{assignment.notebook.stem}.ipynb"
    beside = {p.relative_to(assignment.notebook.parent) for p in _files(assignment.notebook.parent)}
    here = [p.relative_to(folder) for p in _files(folder)]
    found = [f"a file too many: {p}" for p in here if p not in beside]
    text = (folder / notebook).read_text(encoding="utf-8")
    for word in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS", "MARK SCHEME"):
        if word in text:
            found.append(f"the words {word}")
    cells = json.loads(text)["cells"]
    if any(cell.get("outputs") for cell in cells):
        found.append("outputs of cells")
    released = {line.strip() for cell in cells for line in "".join(cell["source"]).split("\n")}
    for cell in assignment.template.cells:
        kept = {line.strip() for line in cell.released.split("\n")}
        secret = {line.strip() for line in cell.source.split("\n")} - kept
        for line in sorted(secret & released):
            if len(line) > 12 and not _stands_elsewhere(line, assignment):
                found.append(f"a line of “{cell.name}”: {line}")
    return found


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file() and ".ipynb_checkpoints" not in p.parts]


def _stands_elsewhere(line: str, assignment: Assignment) -> bool:
    """A line that students see anyway, in another cell."""
    lines = (r.strip() for c in assignment.template.cells for r in c.released.split("\n"))
    return line in lines
