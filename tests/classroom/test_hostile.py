"""Hostile hand-ins: no unearned point, always a recorded score, neighbours notice nothing."""

import hashlib
import json
import os
import resource
import textwrap

import pytest

from tests.classroom import hostile, mini
from w2vlib.classroom import batch, pages, practice, records, sandbox

pytestmark = [pytest.mark.classroom, pytest.mark.usefixtures("walls")]
LIMITS = sandbox.Limits(cpu=2, wall=4.0, cell=1.0, memory=1 << 30)


def submit(course, student, changes):
    """Hand in the notebook with these cells; ``extra`` goes before the first task."""
    changes = {k: fill_in(course, v) for k, v in changes.items()}
    cells = mini.solved(**changes)
    if "extra" in changes:
        cells.insert(2, mini.cell("code", textwrap.dedent(changes["extra"])))
    write(course, student, json.dumps(mini.notebook(cells)).encode())


def fill_in(course, source):
    source = source.replace("COURSE", str(course.root))
    if "KNOWN_ANSWERS" in source:
        about = practice.describe("mini", course.assignment("mini").tasks)["tasks"][0]
        pairs = [
            ((c["inputs"]["x"]["data"], c["inputs"]["y"]["data"]), seen["z"]["data"])
            for c, seen in zip(about["cases"], about["right"], strict=True)
        ]
        source = source.replace("KNOWN_ANSWERS", repr(pairs))
    return source


def write(course, student, data, name="mini.ipynb"):
    folder = course.root / "submitted" / student / "mini"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def hand_in_odd_files(course):
    """Hand-ins that are odd before anything of them runs."""
    right = json.dumps(mini.notebook(mini.solved(**mini.RIGHT))).encode()
    submitted = course.root / "submitted"
    for student, data in {
        "empty-file": b"",
        "not-json": b"<html>log in first</html>",
        "nested-json": b'{"cells":' + b"[" * 500_000,
        "binary": bytes(range(256)) * 100,
        "huge-notebook": b'{"cells": "' + b"x" * (21 << 20) + b'"}',
        "many-cells": json.dumps({"cells": [{}] * 100_000}).encode(),
        "odd-cells": json.dumps(
            {"cells": [7, None, {"cell_type": 3}, {"cell_type": "code", "source": {"a": 1}},
                       {"cell_type": "code", "source": "x", "metadata": [], "id": 5}]}
        ).encode(),
        "old-format": json.dumps({"worksheets": [{"cells": []}], "nbformat": 3}).encode(),
    }.items():  # fmt: skip
        write(course, student, data)
    teachers = course.root / "grading/mini.py"
    for student in ("link-to-a-file", "link-to-a-folder", "pipe", "no-file", "folder-for-a-file"):
        (submitted / student).mkdir()
    (submitted / "link-to-a-file/mini").mkdir()
    (submitted / "link-to-a-file/mini/mini.ipynb").symlink_to(submitted / "honest/mini/mini.ipynb")
    (submitted / "link-to-a-folder/mini").symlink_to(submitted / "honest/mini")
    (submitted / "pipe/mini").mkdir()
    os.mkfifo(submitted / "pipe/mini/mini.ipynb")
    (submitted / "no-file/mini").mkdir()
    (submitted / "no-file/mini/solution.py").symlink_to(teachers)
    (submitted / "folder-for-a-file/mini/mini.ipynb").mkdir(parents=True)
    # Files of results that somebody put beside the notebook, and somebody else's record.
    write(course, "stale-results", json.dumps(mini.notebook(mini.solved())).encode())
    for name in ("records.json", "gradebook.db", "mini.html", "timestamp.txt"):
        write(course, "stale-results", right, name)
    # Odd, but readable: these earn what they solve.
    write(course, "in-utf-16", right.decode().encode("utf-16"))
    write(course, "with-a-mark", b"\xef\xbb\xbf" + right)
    write(course, "in-latin-1", right.replace(b"# Mini", "# Caf\u00e9".encode("latin-1")))
    write(course, "other-name", right, "mini (1).ipynb")
    write(course, "bad name; rm", right)


@pytest.fixture(scope="module")
def graded(course):
    """All hand-ins of this file, graded in one run, with the state around them."""
    submit(course, "honest", mini.RIGHT)
    wrong = {
        "blend": "def blend(x, y):\n    return x - 2 * y",
        "scale": mini.RIGHT["scale"].replace("sum(axis=0)", "mean(axis=0)"),
    }
    submit(course, "half", wrong)
    for name, changes in hostile.TRICKS.items():
        submit(course, name, changes)
    hand_in_odd_files(course)
    before = fingerprint(course)
    result = batch.grade_class(course, "mini", jobs=3, limits=LIMITS)
    assert fingerprint(course) == before, "something outside the sandbox was changed"
    return {record.student: record for record in result.records}


def fingerprint(course):
    folders = ("source", "grading", "release", "submitted")
    files = [p for f in folders for p in (course.root / f).rglob("*") if p.is_file()]
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files} | {
        "owned": (course.root / "owned").exists()
    }


def test_there_are_enough_of_them():
    assert len(hostile.TRICKS) >= 35


@pytest.mark.parametrize("name", hostile.TRICKS)
def test_a_trick_earns_nothing_and_is_recorded(name, graded):
    record = graded[name]
    assert record.points == 0, record.tasks
    assert len(record.tasks) == 2
    assert all(task.headline for task in record.tasks), "there is a reason"


NOTHING = (
    "empty-file not-json nested-json binary huge-notebook many-cells old-format link-to-a-file "
    "link-to-a-folder pipe no-file folder-for-a-file"
).split()


@pytest.mark.parametrize("name", NOTHING)
def test_what_cannot_be_read_is_recorded_with_the_reason(name, graded):
    assert graded[name].points == 0
    assert graded[name].problem


@pytest.mark.parametrize("name", ["stale-results", "odd-cells"])
def test_results_beside_the_notebook_count_for_nothing(name, graded):
    assert graded[name].points == 0


@pytest.mark.parametrize("name", ["honest", "in-utf-16", "with-a-mark", "in-latin-1", "other-name"])
def test_neighbours_get_all_their_points(name, graded):
    assert graded[name].points == 8
    assert not graded[name].problem


def test_wrong_solutions_earn_a_part_and_are_named(graded):
    blend, scale = graded["half"].tasks
    assert (blend.points, blend.mistake) == (1, "minus"), "a third for one known mistake"
    assert (scale.points, scale.mistake) == (2, "averaged")


def test_a_folder_that_is_no_students_name_is_left_out(graded, course):
    assert "bad name; rm" not in graded
    assert (course.root / "submitted/bad name; rm").is_dir()


@pytest.mark.parametrize("name", ["endless-function", "sleeper", "deaf-to-alarms"])
def test_an_endless_function_is_told(name, graded):
    told = " ".join(t.headline + (t.mistake or "") for t in graded[name].tasks)
    assert "come to an end" in told


def test_the_grade_book_has_a_score_for_everybody(graded, course):
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "word2vec") as book:
        for student, record in graded.items():
            submission = book.find_submission("mini", student)
            grades = {g.name: g for g in submission.notebooks[0].grades}
            # Another test, which shares this course, may have given points by hand.
            by_hand = sum(g.manual_score or 0 for g in grades.values())
            assert submission.score == record.points + by_hand, student
            assert not grades["test_blend"].needs_manual_grade
            assert grades["test_blend"].auto_score is not None
        assert book.find_submission("mini", "honest").max_score == 10


def test_feedback_pages_are_there_and_ask_for_nothing_from_outside(graded, course):
    for student, record in graded.items():
        page = (course.root / "feedback" / student / "mini/mini.html").read_text("utf-8")
        assert page.startswith("<!DOCTYPE html>") and f"{record.points:g} of 8" in page
        for word in ("<script", "http://", "https://", "src=", "@import", "url("):
            assert word not in page.replace("http://1.1.1.1/", ""), (student, word)


def test_the_class_page_counts_mistakes(graded, course):
    page = (course.root / "results/mini.html").read_text("utf-8")
    assert "averaged" in page and "minus" in page
    table = (course.root / "results/mini.csv").read_text("utf-8").splitlines()
    assert len(table) == 1 + len(graded)
    honest = next(line for line in table if line.startswith("honest,"))
    assert honest.startswith("honest,8,8,8,10,3,,5,")


def test_a_second_run_grades_nothing_and_a_lost_grade_book_is_filled_again(graded, course):
    again = batch.grade_class(course, "mini", jobs=1, limits=LIMITS)
    assert again.graded == 0
    assert len(again.records) == len(graded)


def test_only_what_changed_is_graded_again(graded, course):
    submit(course, "untouched", {"blend": mini.RIGHT["blend"]})
    # Somebody else's result in my place is not mine.
    stolen = records.path_of(course.root, "mini", "honest").read_text()
    records.path_of(course.root, "mini", "half").write_text(stolen)
    again = batch.grade_class(course, "mini", jobs=1, limits=LIMITS)
    assert again.graded == 2
    found = {r.student: r.points for r in again.records}
    assert (found["untouched"], found["half"], found["honest"]) == (3, 3, 8)


def test_secret_inputs_cannot_be_carried_into_the_feedback(course):
    """By messages, names of exceptions, prints, warnings, or the line that fails."""
    carry = """
    def blend(x, y):
        import sys, warnings
        text = "SECRET" + ",".join(map(str, np.ravel(x)))
        print(text)
        warnings.warn(text)
        raise type(text, (Exception,), {})(text)
    """
    submit(course, "carrier", {"blend": carry, "scale": mini.RIGHT["scale"]})
    result = batch.grade_class(course, "mini", students=["carrier"], jobs=1, limits=LIMITS)
    (record,) = [r for r in result.records if r.student == "carrier"]
    assignment = course.assignment("mini")
    import numpy as np

    secret = assignment.tasks[0].cases(np.random.default_rng([record.seed, 0]))
    public = assignment.tasks[0].practice_cases()
    page = pages.feedback(assignment, record)
    for case in secret:
        assert ",".join(map(str, np.ravel(case.x))) not in page
    shown = ",".join(map(str, np.ravel(public[0].x)))
    assert shown in page, "the practice questions may be shown"
    assert record.tasks[0].points == 0 and record.tasks[1].points == 5


def test_the_grader_itself_stays_small(graded):
    """No submission made this process swallow its gigabytes."""
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # kilobytes on Linux
    assert used < 2_000_000
