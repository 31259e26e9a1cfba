"""A whole class: in parallel, with progress, and going on where it was interrupted."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from w2vlib.classroom import gradebook, grader, pages, records, sandbox
from w2vlib.classroom.course import Assignment, Course, CourseError, is_good_name
from w2vlib.classroom.grader import Record

_LOG = logging.getLogger(__name__)


@dataclass
class ClassResult:
    """What grading a class gave.

    Attributes:
        records: one for each hand-in, by student; graded: how many were graded just now.
        refused: folders whose names can be no student's.
        csv, summary: where the table and the class page lie.
    """

    records: list[Record] = field(default_factory=list)
    graded: int = 0
    refused: list[str] = field(default_factory=list)
    csv: Path | None = None
    summary: Path | None = None


def grade_class(
    course: Course,
    name: str,
    *,
    students: list[str] | None = None,
    jobs: int = 2,
    again: bool = False,
    seed: int | None = None,
    limits: sandbox.Limits | None = None,
    disposable: bool = False,
    progress: Callable[[int, int, Record], None] | None = None,
) -> ClassResult:
    """Grade what is new or changed, and write grade book, table and pages.

    Args:
        students: only these; by default everybody who handed in.
        jobs: submissions at a time.
        again: grade also what has not changed.
        seed: of the secret questions; by default a new one for each submission.
        disposable: without a sandbox, on a machine that may be thrown away.
        progress: called after each submission with (done, of, record).

    Raises:
        CourseError: there is no such assignment, or it was not released.
        SandboxError: the sandbox does not work here.
    """
    assignment = course.assignment(name)
    if not disposable and (why := sandbox.why_not()):
        raise sandbox.SandboxError(why)
    everybody = course.students(name)
    known = [s for s in everybody if is_good_name(s) and (not students or s in students)]
    result = ClassResult(refused=[s for s in everybody if not is_good_name(s)])
    with gradebook.Book(course) as book:
        book.require(assignment)
        old, todo = _sorted_out(course, assignment, known, again)
        for record in old:
            if not book.holds(record):
                _publish(course, assignment, book, record)
        options = {"seed": seed, "limits": limits, "disposable": disposable}
        for record in _graded(course, assignment, todo, jobs, options):
            records.save(course.root, record)
            _publish(course, assignment, book, record)
            result.graded += 1
            if progress:
                progress(result.graded, len(todo), record)
        _write_class(course, assignment, book, everybody, result)
    return result


def _sorted_out(course: Course, assignment: Assignment, students, again: bool):
    """(records that still hold, students to grade)."""
    old, todo = [], []
    for student in students:
        record = None if again else records.load(course.root, assignment.name, student)
        digest = grader.read(course.root / "submitted", student, assignment).digest
        if record and (record.digest, record.version) == (digest, assignment.version):
            old.append(record)
        else:
            todo.append(student)
    return old, todo


def _graded(course, assignment, students, jobs: int, options: dict) -> Iterator[Record]:
    """Records as they are finished; at most a few ahead of the reader."""
    waiting, running, stop = list(reversed(students)), set(), threading.Event()
    options = options | {"stop": stop}
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        try:
            while waiting or running:
                while waiting and len(running) < jobs + 1:
                    folder, student = course.root / "submitted", waiting.pop()
                    running.add(pool.submit(_one, assignment, folder, student, options))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:  # after Ctrl-C, too: nobody wants to wait for a loop that never ends
            stop.set()
            for future in running:
                future.cancel()


def _one(assignment: Assignment, folder: Path, student: str, options: dict) -> Record:
    """One record, even if the grader itself has a fault; such a one is graded again next time."""
    try:
        return grader.grade(assignment, folder, student, **options)
    except sandbox.SandboxError:
        raise
    except Exception as error:
        _LOG.exception("grading %s", student)
        record = Record(assignment.name, student, "", assignment.version, 0)
        record.problem = f"the grader itself stopped ({type(error).__name__}); tell your teacher"
        record.tasks = [grader.nothing(t, "failed", record.problem) for t in assignment.tasks]
        return record


def _publish(course: Course, assignment: Assignment, book, record: Record) -> None:
    book.write(assignment, record)
    _write_page(course, assignment, book, record)


def _write_page(course: Course, assignment: Assignment, book, record: Record) -> None:
    """The feedback page where nbgrader looks for it, with what its exchange wants beside it."""
    place = course.root / "feedback" / record.student / assignment.name
    page = pages.feedback(assignment, record, book.by_hand(assignment, record))
    records.write_text(place / f"{assignment.notebook.stem}.html", page)
    # nbgrader's `release_feedback` stops for the whole class where one of these is missing.
    for name, instead in (("timestamp.txt", "unknown"), ("submission_secret.txt", None)):
        text = gradebook.small_file(course.root, record, name)
        if text or not (place / name).exists():
            records.write_text(place / name, text or instead or secrets.token_hex(64))


def write_feedback(course: Course, name: str) -> list[Record]:
    """Write all pages and the table again, with points and words that people gave meanwhile.

    Raises:
        CourseError: there is no such assignment, or it was not released.
    """
    assignment = course.assignment(name)
    with gradebook.Book(course) as book:
        book.require(assignment)
        students = filter(is_good_name, course.students(name))
        loaded = (records.load(course.root, name, student) for student in students)
        found = [record for record in loaded if record and book.holds(record)]
        for record in found:
            _write_page(course, assignment, book, record)
        _write_class(course, assignment, book, course.students(name), ClassResult())
    return found


def _write_class(course, assignment, book, everybody, result: ClassResult) -> None:
    loaded = (records.load(course.root, assignment.name, s) for s in everybody if is_good_name(s))
    result.records = [r for r in loaded if r and r.version == assignment.version]
    folder = course.root / "results"
    result.csv = folder / f"{assignment.name}.csv"
    result.summary = folder / f"{assignment.name}.html"
    totals = {record.student: book.total(record) for record in result.records}
    records.write_text(result.csv, pages.table(assignment, result.records, totals))
    records.write_text(result.summary, pages.summary(assignment, result.records))


def release(course: Course, name: str) -> Path:
    """Make the students' version with nbgrader, and look whether anything leaked into it.

    Returns:
        The folder to hand out.

    Raises:
        CourseError: nbgrader refuses, or something leaked.
    """
    from w2vlib.classroom import publish

    assignment = course.assignment(name)
    publish.write_practice(assignment)
    folder = publish.generate(course, assignment)
    leaks = publish.leaks(assignment, folder)
    if leaks:
        shutil.rmtree(folder)
        raise CourseError(f"{name} was not released: " + "; ".join(leaks))
    return folder
