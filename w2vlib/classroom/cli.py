"""The command line for a class: release, collect, grade; and validate, for students."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from w2vlib.cli import add_command

_EPILOG = """\
a round, from the folder of the course:
  python -m w2vlib.classroom list
  python -m w2vlib.classroom release a1_rows           # makes assignments/release/a1_rows
  python -m w2vlib.classroom collect a1_rows moodle.zip
  python -m w2vlib.classroom grade a1_rows             # as often as you like
  python -m w2vlib.classroom feedback a1_rows          # after grading written answers by hand
  python -m w2vlib.classroom validate a1_rows.ipynb    # what students run

exit codes: 0 all went well; 1 something is wrong (validate: the notebook is not finished);
2 wrong options; 3 the sandbox cannot be used; 130 ended by Ctrl-C (run grade again to go on).
"""

_GRADE_EPILOG = """\
Each submission runs in a bubblewrap sandbox; a second process draws secret questions, compares, and
gives the points.  Results: scores and comments in gradebook.db, a page for each student in
feedback/, the notebook for nbgrader's formgrader in autograded/, a table and a page about the class
in results/.  What has not changed since the last run is not graded again.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``arguments`` are by default the process's."""
    from w2vlib.classroom.course import CourseError
    from w2vlib.classroom.handin import HandInError
    from w2vlib.classroom.sandbox import SandboxError

    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("Interrupted. Run the same command again to go on.", file=sys.stderr)
        return 130
    except SandboxError as error:
        print(f"classroom: error: {error}", file=sys.stderr)
        print(
            "Submissions are strangers' programs: without a sandbox they could read and change "
            "everything that you can.\nIf this machine holds nothing of value and may be thrown "
            "away afterwards, say --machine-is-disposable.",
            file=sys.stderr,
        )
        return 3
    except (CourseError, HandInError, OSError) as error:
        print(f"classroom: error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m w2vlib.classroom",
        description="Hand out assignments, collect them, and grade them so that nobody can cheat.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add(commands, "list", _list, "show the assignments, their tasks and points", course=True)
    words = "make the students' version of an assignment"
    release = _add(commands, "release", _release, words, course=True)
    release.add_argument("assignment", nargs="+", metavar="ASSIGNMENT")
    _add_collect(commands)
    _add_grade(commands)
    words = "write the students' pages again, with points and comments given by hand"
    feedback = _add(commands, "feedback", _feedback, words, course=True)
    feedback.add_argument("assignment", nargs="+", metavar="ASSIGNMENT")
    validate = _add(
        commands,
        "validate",
        _validate,
        "ask the practice questions of a notebook, as the grader asks the secret ones",
    )
    validate.add_argument("notebook", metavar="NOTEBOOK", help="with practice.json beside it")
    return parser


def _add(commands, name: str, run, help: str, epilog: str | None = None, course: bool = False):
    command = add_command(commands, name, run, help, epilog)
    if course:
        command.add_argument(
            "--course",
            metavar="FOLDER",
            default="assignments" if Path("assignments/source").is_dir() else ".",
            help="the course folder, with source/ and grading/ (default: assignments, or here)",
        )
    return command


def _add_collect(commands) -> None:
    from w2vlib.classroom.collect import PATTERNS

    collect = _add(
        commands,
        "collect",
        _collect,
        "sort the notebooks of a platform's zip file (or a folder) into submitted/",
        "Of several notebooks from one student the newest counts.  With JupyterHub use\n"
        "`nbgrader collect ASSIGNMENT --course-dir=assignments` instead.",
        course=True,
    )
    collect.add_argument("assignment", metavar="ASSIGNMENT")
    collect.add_argument("source", metavar="ZIP_OR_FOLDER")
    collect.add_argument(
        "--names",
        metavar="FORM",
        default="moodle",
        help=f"how names tell the student: {', '.join(PATTERNS)}, or a regular expression with a "
        "group (?P<student>…) (default: moodle)",
    )


def _add_grade(commands) -> None:
    grade = _add(
        commands, "grade", _grade, "grade what is new or changed", _GRADE_EPILOG, course=True
    )
    grade.add_argument("assignment", nargs="+", metavar="ASSIGNMENT")
    grade.add_argument("--student", action="append", metavar="ID", help="only this one; repeatable")
    grade.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
        help="submissions at a time (default: the number of cores)",
    )  # fmt: skip
    grade.add_argument("--again", action="store_true", help="grade what has not changed, too")
    grade.add_argument(
        "--seed", type=int, metavar="N",
        help="draw the secret questions from this seed, the same for all (default: a new one for "
        "each submission; records/ keeps it)",
    )  # fmt: skip
    grade.add_argument(
        "--machine-is-disposable", action="store_true", dest="disposable",
        help="run submissions WITHOUT a sandbox; they can do what you can do",
    )  # fmt: skip


# ---- commands -----------------------------------------------------------------------------------


def _course(options):
    from w2vlib.classroom.course import Course

    return Course(options.course)


def _list(options) -> int:
    course = _course(options)
    for name in course.names:
        assignment = course.assignment(name)
        print(f"{name}: {assignment.max_score:g} points")
        for task in assignment.tasks:
            print(f"    {task.name:<24}{task.points:>4g}  {task.title}")
        for cell in assignment.template.of_role("answer"):
            print(f"    {cell.name:<24}{cell.points:>4g}  written answer, graded by hand")
    return 0


def _release(options) -> int:
    from w2vlib.classroom.batch import release

    course = _course(options)
    for name in options.assignment:
        folder = release(course, name)
        files = ", ".join(sorted(p.name for p in folder.iterdir()))
        print(f"{folder}: {files}")
    return 0


def _collect(options) -> int:
    from w2vlib.classroom.collect import collect

    found = collect(_course(options), options.assignment, options.source, options.names)
    print(f"{len(found.students)} hand-ins: {', '.join(found.students) or 'none'}")
    for student, name in found.renamed.items():
        print(f"{_readable(name)} is {student}")
    for path, why in found.skipped:
        print(f"left out: {path!a}: {why}", file=sys.stderr)
    return 0 if found.students else 1


def _readable(text: str) -> str:
    """Letters of all scripts, but nothing that a terminal would obey."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _grade(options) -> int:
    from w2vlib.classroom.batch import grade_class

    course, code = _course(options), 0
    if options.disposable:
        print("Grading WITHOUT a sandbox, as you said.", file=sys.stderr)
    for name in options.assignment:
        start = time.monotonic()
        result = grade_class(
            course,
            name,
            students=options.student,
            jobs=max(1, options.jobs),
            again=options.again,
            seed=options.seed,
            disposable=options.disposable,
            progress=lambda done, of, record, start=start: _progress(done, of, record, start),
        )
        held = len(result.records) - result.graded
        print(f"{name}: {result.graded} graded, {max(0, held)} unchanged")
        print(f"  table    {result.csv}\n  class    {result.summary}")
        for folder in result.refused:
            print(f"  left out: the folder {folder!a} can be no student's id", file=sys.stderr)
            code = 1
    return code


def _feedback(options) -> int:
    from w2vlib.classroom.batch import write_feedback

    course = _course(options)
    for name in options.assignment:
        found = write_feedback(course, name)
        print(f"{name}: {len(found)} pages in {course.root / 'feedback'}/*/{name}/")
    return 0


def _progress(done: int, of: int, record, start: float) -> None:
    left = (time.monotonic() - start) / done * (of - done)
    more = f"  ({record.problem})" if record.problem else ""
    print(
        f"[{done}/{of}] {record.student}: {record.points:g} of {record.max:g}{more}"
        + (f"  – {left:.0f} s to go" if done < of else ""),
        file=sys.stderr,
        flush=True,
    )


def _validate(options) -> int:
    from w2vlib.classroom.validate import validate

    result = validate(options.notebook)
    for error in result.errors:
        print(f"cell {error['number']}: {error['kind']}: {error['text']}")
    for remark in result.remarks:
        print(remark)
    for report in result.reports:
        lines = str(report).split("\n")
        if lines[-1].startswith("More hints:"):
            lines[-1] = "More hints: run its check in the notebook, and unfold them there."
        print("\n".join(lines))
    for problem in result.problems:
        print(f"✗ {problem}")
    if result:
        print("All practice questions are answered. Hand it in.")
        return 0
    print("\nNOT FINISHED: see above.", file=sys.stderr)
    return 1
