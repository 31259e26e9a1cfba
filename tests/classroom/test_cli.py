"""The command line: exit codes that can be trusted, and help worth reading."""

import json
import shutil

import pytest

from tests.classroom import mini
from w2vlib.classroom import batch, cli, publish, sandbox
from w2vlib.classroom.course import Course

pytestmark = pytest.mark.classroom
CONFIG = mini.Path(__file__).resolve().parents[2] / "assignments/nbgrader_config.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A released notebook with its practice questions, as a student has it."""
    course = Course(mini.make_course(tmp_path_factory.mktemp("cli"), CONFIG))
    publish.write_practice(course.assignment("mini"))
    return course.root / "source/mini"


def notebook(folder, tmp_path, **changes):
    shutil.copy(folder / "practice.json", tmp_path)
    path = tmp_path / "mini.ipynb"
    path.write_text(json.dumps(mini.notebook(mini.solved(**changes))))
    return path


def test_validate_succeeds_only_if_everything_is_right(folder, tmp_path, capsys):
    path = notebook(folder, tmp_path, why="Because.", **mini.RIGHT)
    assert cli.main(["validate", str(path)]) == 0
    assert "Hand it in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "not attempted"),
        ({**mini.RIGHT, "blend": "def blend(x, y):\n    return x - 2 * y"}, "[minus]"),
        ({**mini.RIGHT, "blend": "x = 1"}, "`blend` is not defined"),
        ({**mini.RIGHT, "blend": "def blend(x, y):\n    1 / 0"}, "ZeroDivisionError"),
        ({**mini.RIGHT, "blend": "def blend(:"}, "SyntaxError"),
        ({**mini.RIGHT, "blend": "import os\nos._exit(0)"}, "ended early"),
        (dict(mini.RIGHT), "the written answer “why” is still to be written"),
    ],
)
def test_validate_fails_loudly(folder, tmp_path, capsys, changes, words):
    answer = {} if words.startswith("the written") else {"why": "Because."}
    path = notebook(folder, tmp_path, **answer, **changes)
    assert cli.main(["validate", str(path)]) == 1
    said = capsys.readouterr()
    assert words in said.out
    assert "NOT FINISHED" in said.err


def test_validate_without_practice_questions(tmp_path, capsys):
    path = tmp_path / "mini.ipynb"
    path.write_text("{}")
    assert cli.main(["validate", str(path)]) == 1
    assert "practice.json is missing" in capsys.readouterr().err


def test_a_file_that_is_no_notebook(folder, tmp_path, capsys):
    path = notebook(folder, tmp_path)
    path.write_text("no")
    assert cli.main(["validate", str(path)]) == 1
    assert "no notebook" in capsys.readouterr().err


def test_help_shows_a_whole_round(capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(["--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    for word in ("release", "collect", "grade", "validate", "exit codes"):
        assert word in said
    for command in ("list", "release", "collect", "grade", "feedback", "validate"):
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        assert len(capsys.readouterr().out) > 200


def test_every_command_of_the_teachers_guide_is_one():
    import re
    import shlex

    text = (CONFIG.parent / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"python -m w2vlib\.classroom ([^\n`]+)", text)
    assert len(found) >= 9
    known = set(Course(CONFIG.parent).names) | {"NAME"}
    for line in found:
        options = cli._parser().parse_args(shlex.split(line, comments=True))
        named = getattr(options, "assignment", [])
        assert {named} <= known if isinstance(named, str) else set(named) <= known, line
    for name in known - {"NAME"}:
        assert f"| `{name}` |" in text


def test_list(folder, capsys):
    assert cli.main(["list", "--course", str(folder.parents[1])]) == 0
    said = capsys.readouterr().out
    assert "mini: 10 points" in said and "Scale" in said and "graded by hand" in said


def test_no_course_and_no_assignment(tmp_path, folder, capsys):
    assert cli.main(["list", "--course", str(tmp_path)]) == 1
    assert cli.main(["release", "other", "--course", str(folder.parents[1])]) == 1
    assert "there are: mini" in capsys.readouterr().err


def test_grade_refuses_without_a_sandbox(course, capsys, monkeypatch):
    monkeypatch.setattr(sandbox, "why_not", lambda: "bubblewrap is not installed")
    assert cli.main(["grade", "mini", "--course", str(course.root)]) == 3
    said = capsys.readouterr().err
    assert "--machine-is-disposable" in said and "not installed" in said


def test_grade_says_that_it_must_be_released_first(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sandbox, "why_not", lambda: "")
    course = Course(mini.make_course(tmp_path / "c", CONFIG))
    assert cli.main(["grade", "mini", "--course", str(course.root)]) == 1
    assert "was not released yet" in capsys.readouterr().err


@pytest.mark.usefixtures("walls")
def test_an_interrupted_run_goes_on(tmp_path, capsys):
    pytest.importorskip("nbgrader")
    course = Course(mini.make_course(tmp_path / "c", CONFIG))
    batch.release(course, "mini")
    for student in ("a", "b", "c", "d", "e"):
        place = course.root / "submitted" / student / "mini"
        place.mkdir(parents=True)
        (place / "mini.ipynb").write_text(json.dumps(mini.notebook(mini.solved(**mini.RIGHT))))
    seen = []

    def stop(done, of, record):
        seen.append(record.student)
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.grade_class(course, "mini", jobs=1, progress=stop)
    result = batch.grade_class(
        course, "mini", jobs=1, progress=lambda d, o, r: seen.append(r.student)
    )
    assert len(set(seen)) == len(seen) == 5 and result.graded == 3
    assert [record.points for record in result.records] == [8] * 5
    # A lost grade book is filled again from the records, without grading.
    (course.root / "gradebook.db").unlink()
    batch.release(course, "mini")
    assert cli.main(["grade", "mini", "--course", str(course.root)]) == 0
    assert "0 graded, 5 unchanged" in capsys.readouterr().out
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "word2vec") as book:
        assert [s.score for s in book.find_assignment("mini").submissions] == [8] * 5


@pytest.mark.usefixtures("walls")
def test_ctrl_c_ends_a_run_that_hangs_at_once(tmp_path):
    """A sandbox that would hang for most of a minute is not waited for; the next run goes on."""
    import os
    import signal
    import subprocess
    import sys
    import time

    pytest.importorskip("nbgrader")
    course = Course(mini.make_course(tmp_path / "c", CONFIG))
    batch.release(course, "mini")
    hang = "import os, signal\ndef blend(x, y):\n    os.kill(os.getpid(), signal.SIGSTOP)"
    for student, changes in (("a", mini.RIGHT), ("b", {**mini.RIGHT, "blend": hang})):
        place = course.root / "submitted" / student / "mini"
        place.mkdir(parents=True)
        (place / "mini.ipynb").write_text(json.dumps(mini.notebook(mini.solved(**changes))))
    words = [sys.executable, "-m", "w2vlib.classroom", "grade", "mini", "--jobs", "1"]
    process = subprocess.Popen(
        [*words, "--course", str(course.root)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(CONFIG.parents[1])},
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr.readline().startswith("[1/2] a: 8 of 8")
    process.send_signal(signal.SIGINT)
    start = time.monotonic()
    said = process.communicate(timeout=120)[1]
    assert process.returncode == 130 and "to go on" in said
    assert time.monotonic() - start < 30, "it would have hung for more than forty seconds"
    assert sorted(p.stem for p in (course.root / "records/mini").iterdir()) == ["a"]
    done = []
    batch.grade_class(
        course, "mini", limits=sandbox.Limits(wall=4.0), progress=lambda d, o, r: done.append(r)
    )
    assert [(r.student, r.points) for r in done] == [("b", 5)]


@pytest.mark.usefixtures("walls")
def test_a_fault_of_the_grader_is_a_record_too_and_is_tried_again(course, monkeypatch):
    place = course.root / "submitted/unlucky/mini"
    place.mkdir(parents=True)
    (place / "mini.ipynb").write_text(json.dumps(mini.notebook(mini.solved(**mini.RIGHT))))
    with monkeypatch.context() as patch:
        patch.setattr(batch.grader, "grade", lambda *a, **k: 1 / 0)
        result = batch.grade_class(course, "mini", students=["unlucky"], jobs=1)
    found = {r.student: r for r in result.records}["unlucky"]
    assert found.points == 0 and "ZeroDivisionError" in found.problem
    result = batch.grade_class(course, "mini", students=["unlucky"], jobs=1)
    assert {r.student: r for r in result.records}["unlucky"].points == 8


@pytest.mark.usefixtures("walls")
def test_written_answers_wait_for_a_person_and_points_given_by_hand_stay(course):
    from nbgrader.api import Gradebook

    place = course.root / "submitted/writer/mini"
    place.mkdir(parents=True)
    answer = "Because <script>alert(1)</script> of the chain rule."
    cells = mini.solved(why=answer, **mini.RIGHT)
    (place / "mini.ipynb").write_text(json.dumps(mini.notebook(cells)))
    (place / "timestamp.txt").write_text("2026-11-21 10:00:00 UTC\n")
    batch.grade_class(course, "mini", students=["writer"], jobs=1)
    url = f"sqlite:///{course.root / 'gradebook.db'}"
    with Gradebook(url, "word2vec") as book:
        grade = book.find_grade("why", "mini", "mini", "writer")
        assert grade.needs_manual_grade and grade.auto_score is None
        assert str(book.find_submission("mini", "writer").timestamp) == "2026-11-21 10:00:00"
        comment = book.find_comment("blend", "mini", "mini", "writer").auto_comment
        assert comment.startswith("Blend: 3 of 3 points")
        grade.manual_score, grade.needs_manual_grade = 1.5, False
        book.find_comment("why", "mini", "mini", "writer").manual_comment = "Well <said>."
        book.db.commit()
    shown = (course.root / "autograded/writer/mini/mini.ipynb").read_text()
    assert "of the chain rule" in shown and "<script" not in shown
    batch.grade_class(course, "mini", students=["writer"], jobs=1, again=True)
    with Gradebook(url, "word2vec") as book:
        grade = book.find_grade("why", "mini", "mini", "writer")
        assert grade.manual_score == 1.5 and grade.needs_manual_grade
        assert book.find_submission("mini", "writer").score == 9.5
    assert cli.main(["feedback", "mini", "--course", str(course.root)]) == 0
    page = (course.root / "feedback/writer/mini/mini.html").read_text()
    assert "1.5 of 2 points" in page and "Well &lt;said&gt;." in page
    table = (course.root / "results/mini.csv").read_text()
    assert "\nwriter,8,8,9.5,10," in table, "with the points that a person gave"
    stamp = (course.root / "feedback/writer/mini/timestamp.txt").read_text()
    assert stamp == "2026-11-21 10:00:00 UTC"
