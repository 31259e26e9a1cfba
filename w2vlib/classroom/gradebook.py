"""Writes results where nbgrader keeps them, through its own interface.

Scores go to the grade cells, feedback to the comments, and a clean copy of the notebook into
``autograded/``, where nbgrader's *formgrader* shows it: there, people grade written answers.
"""

from __future__ import annotations

import datetime
import json
import logging
import re
import warnings
from pathlib import Path

from w2vlib.classroom import grader, handin
from w2vlib.classroom.course import Assignment, Course, CourseError
from w2vlib.classroom.grader import Record
from w2vlib.classroom.records import write_text


class Book:
    """nbgrader's grade book of a course; use it in a ``with`` statement.

    Raises:
        CourseError: nbgrader is not installed, or the assignment was not released yet.
    """

    def __init__(self, course: Course) -> None:
        try:
            from nbgrader.api import Gradebook, MissingEntry
        except ImportError:
            raise CourseError(
                "nbgrader is not installed: pip install 'w2vlib[classroom]'"
            ) from None
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.course, self.missing = course, MissingEntry
        self._book = Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", _course_id(course))

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *error) -> None:
        self._book.close()

    def require(self, assignment: Assignment) -> None:
        """Make sure that the grade book knows the assignment with its present cells and points."""
        advice = f"run `python -m w2vlib.classroom release {assignment.name}`"
        try:
            notebook = self._book.find_notebook(assignment.notebook.stem, assignment.name)
        except self.missing:
            raise CourseError(f"{assignment.name} was not released yet: {advice}.") from None
        known = {cell.name: cell.max_score for cell in notebook.grade_cells}
        wanted = {c.name: c.points for c in assignment.template.of_role("test", "answer")}
        if known != wanted:
            raise CourseError(f"{assignment.name} has changed since it was released: {advice}.")

    def holds(self, record: Record) -> bool:
        """Whether the book has the scores of this record."""
        try:
            self._book.find_submission(record.assignment, record.student)
            return all(self._grade(record, t.cell).auto_score == t.points for t in record.tasks)
        except self.missing:
            return False

    def write(self, assignment: Assignment, record: Record) -> None:
        """Scores, comments and the notebook for the formgrader; points given by hand stay."""
        moment = _handed_in(self.course.root, record)
        about = {"timestamp": moment} if moment else {}
        with warnings.catch_warnings():  # SQLAlchemy has remarks on nbgrader's code
            warnings.simplefilter("ignore")
            self._book.update_or_create_student(record.student)
            self._book.update_or_create_submission(assignment.name, record.student, **about)
        for task in record.tasks:
            grade = self._grade(record, task.cell)
            grade.auto_score = float(task.points)
            grade.needs_manual_grade = grade.manual_score is not None
        for cell in assignment.template.of_role("answer"):
            grade = self._grade(record, cell.name)
            answered = bool(record.answers.get(cell.name))
            if answered:
                grade.needs_manual_grade = True
            else:
                grade.auto_score, grade.needs_manual_grade = 0.0, grade.manual_score is not None
        self._comments(assignment, record)
        self._book.db.commit()
        write_text(_place(self.course.root, "autograded", assignment, record, ".ipynb"),
                   _for_the_formgrader(assignment, record, self.course.root))  # fmt: skip

    def by_hand(self, assignment: Assignment, record: Record) -> list[dict]:
        """Points and words that a person has given: ``{"title", "points", "max", "comment"}``.

        ``points`` is None where nobody has looked yet.
        """
        titles = {task.cell: task.title for task in record.tasks}
        found = []
        for cell in assignment.template.of_role("test", "answer"):
            grade = self._grade(record, cell.name)
            points = grade.manual_score
            if cell.role == "answer" and not record.answers.get(cell.name):
                points = grade.score
            if points is None and cell.role == "test":
                continue
            about = {"title": titles.get(cell.name, cell.name), "points": points}
            found.append(about | {"max": cell.points, "comment": self._word(record, cell)})
        return found

    def total(self, record: Record) -> float | None:
        """All points in the book, with those given by hand; None if there is no such entry."""
        try:
            return self._book.find_submission(record.assignment, record.student).score
        except self.missing:
            return None

    def _word(self, record: Record, cell) -> str:
        try:
            comment = self._book.find_comment(
                cell.name, record.assignment, record.assignment, record.student
            )
        except self.missing:
            return ""
        return comment.manual_comment or ""

    def _grade(self, record: Record, cell: str):
        return self._book.find_grade(cell, record.assignment, record.assignment, record.student)

    def _comments(self, assignment: Assignment, record: Record) -> None:
        by_name = {task.name: task for task in record.tasks}
        for cell in assignment.template.of_role("solution", "answer"):
            comment = self._book.find_comment(
                cell.name, record.assignment, record.assignment, record.student
            )
            told = [in_words(by_name[name]) for name in cell.defines if name in by_name]
            if cell.role == "answer" and not record.answers.get(cell.name):
                told = ["No response."]
            comment.auto_comment = "\n\n".join(told) or None


def in_words(task) -> str:
    """A task's result in a few lines of text."""
    lines = [f"{task.title}: {task.points:g} of {task.max:g} points – {task.headline}"]
    if task.mistake:
        lines[0] += f" [{task.mistake}]"
    for mark in task.marks:
        sign, share = "✓" if mark["points"] > 0 else "✗", f"{mark['points']:+g}"
        if mark["max"]:
            share = f"{mark['points']:g} of {mark['max']:g}"
        lines.append(f"{sign} {mark['title']}: {share}")
    return "\n".join([*lines, *filter(None, [task.text])])


def _course_id(course: Course) -> str:
    config = course.root / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    found = re.search(r'^c\.CourseDirectory\.course_id\s*=\s*["\']([^"\']+)', text, re.M)
    return found[1] if found else "default_course"


def _place(root: Path, step: str, assignment: Assignment, record: Record, suffix: str) -> Path:
    folder = root / step / record.student / assignment.name
    return folder / f"{assignment.notebook.stem}{suffix}"


def small_file(root: Path, record: Record, name: str) -> str | None:
    """A small text beside the notebook, such as nbgrader's ``timestamp.txt``; no link, no pipe."""
    return handin.read_note(root / "submitted", record.student, record.assignment, name)


def _handed_in(root: Path, record: Record) -> str | None:
    """The time in nbgrader's ``timestamp.txt``, if there is a sensible one."""
    text = small_file(root, record, "timestamp.txt") or ""
    text = re.sub(r"\s+(UTC|Z)$", "", text)
    try:
        moment = datetime.datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(datetime.UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return None
    return moment.isoformat(sep=" ") if 2000 <= moment.year < 2100 else None


# ---- the notebook that a teacher looks at -------------------------------------------------------


def _for_the_formgrader(assignment: Assignment, record: Record, root: Path) -> str:
    """The student's cells, harmless and in nbgrader's form; graded cells carry the result."""
    reading = grader.read(root / "submitted", record.student, assignment)
    changed = bool(record.digest) and reading.digest != record.digest
    try:
        if changed:
            raise handin.HandInError("changed since")
        hand_in = reading.hand_in(assignment)
        cells = hand_in.cells
        places = handin.reduce(assignment.template, hand_in).places
    except handin.HandInError:
        cells, places = (), {}
    released = _released_metadata(assignment)
    results = {task.cell: in_words(task) for task in record.tasks}
    shown, done = [], set()
    if changed:
        shown.append(_shown("markdown", "**The hand-in has changed since.** Run `grade` again."))
    for number, cell in enumerate(cells):
        known = places.get(number)
        if known is not None and known.name not in done:
            done.add(known.name)
            source = cell.source if known.role in ("solution", "answer") else known.released
            shown.append(_shown(known.kind, source, released[known.name], results.get(known.name)))
        else:
            shown.append(_shown(cell.kind, cell.source))
    for known in assignment.template.cells:
        if known.name and known.name not in done:
            source = known.released if known.role != "solution" else "# This cell was missing."
            shown.append(_shown(known.kind, source, released[known.name], results.get(known.name)))
    notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook["metadata"]["kernelspec"] = {
        "name": "python3", "display_name": "Python 3", "language": "python"
    }  # fmt: skip
    notebook["cells"] = [{**cell, "id": f"cell-{i}"} for i, cell in enumerate(shown)]
    return json.dumps(notebook, indent=1)


def _released_metadata(assignment: Assignment) -> dict[str, dict]:
    tree = json.loads(assignment.notebook.read_text(encoding="utf-8"))
    found = (raw["metadata"].get("nbgrader") for raw in tree["cells"])
    return {about["grade_id"]: about for about in found if about}


def _shown(kind: str, source: str, about: dict | None = None, result: str | None = None) -> dict:
    if kind != "code":  # what a student wrote is text and formulas, not a web page
        source = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", source)
        source = re.sub(r"\](?=[(:])", "] ", source)  # no links and no pictures
        source = re.sub(r"\\(href|require)(?![A-Za-z])", r"\\text{\1}", source)
    cell = {"cell_type": kind, "metadata": {"nbgrader": about} if about else {}, "source": source}
    if kind == "code":
        outputs = []
        if result:
            outputs = [{"output_type": "stream", "name": "stdout", "text": result + "\n"}]
        cell |= {"execution_count": None, "outputs": outputs}
    return cell
