"""More attacks: odd data, messages out of turn, odd files, files that change, words that bite."""

import csv
import io
import json
import os
import re
import socket
import textwrap

import pytest

from tests.classroom import attacks, mini
from tests.classroom.conftest import ROOT
from tests.classroom.test_hostile import fill_in
from w2vlib.classroom import batch, cli, grader, handin, pages, sandbox
from w2vlib.classroom.course import Course

pytestmark = [pytest.mark.classroom, pytest.mark.usefixtures("walls")]
LIMITS = sandbox.Limits(cpu=2, wall=4.0, cell=1.0, memory=1 << 30)


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A released course of this file's own."""
    pytest.importorskip("nbgrader")
    config = ROOT / "assignments/nbgrader_config.py"
    made = Course(mini.make_course(tmp_path_factory.mktemp("attacked"), config))
    batch.release(made, "mini")
    return made


def cells_with(course, changes):
    changes = {k: fill_in(course, v) for k, v in changes.items()}
    cells = mini.solved(**changes)
    if "extra" in changes:
        cells.insert(2, mini.cell("code", textwrap.dedent(changes["extra"])))
    return cells


def write(course, student, cells, name="mini.ipynb"):
    folder = course.root / "submitted" / student / "mini"
    folder.mkdir(parents=True, exist_ok=True)
    data = cells if isinstance(cells, bytes) else json.dumps(mini.notebook(cells)).encode()
    (folder / name).write_bytes(data)
    return folder


def grade(course, *students):
    result = batch.grade_class(course, "mini", students=list(students), jobs=2, limits=LIMITS)
    return {record.student: record for record in result.records}


@pytest.fixture(scope="module")
def graded(course):
    """All tricks, between two honest neighbours."""
    write(course, "aa-honest", cells_with(course, mini.RIGHT))
    write(course, "zz-honest", cells_with(course, mini.RIGHT))
    for name, changes in attacks.TRICKS.items():
        write(course, name, cells_with(course, changes))
    return grade(course)


def test_there_are_many():
    assert len(attacks.TRICKS) >= 40


@pytest.mark.parametrize("name", attacks.TRICKS)
def test_a_trick_earns_nothing_and_is_recorded(name, graded):
    record = graded[name]
    assert record.points == 0, record.tasks
    assert len(record.tasks) == 2
    for task in record.tasks:
        assert task.status != "passed", "nothing was right, so nothing is said to be"
        assert task.headline, "there is a reason"


def test_neighbours_get_all_their_points(graded):
    assert graded["aa-honest"].points == graded["zz-honest"].points == 8


def test_no_process_is_left(graded):
    left = []
    for place in os.listdir("/proc"):
        if place.isdigit():
            try:
                with open(f"/proc/{place}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
                with open(f"/proc/{place}/status", encoding="ascii", errors="replace") as file:
                    parent = int(re.search(r"^PPid:\s+(\d+)", file.read(), re.M)[1])
            except (OSError, TypeError):
                continue
            if b"/grader/inside.py" in words and parent in (1, os.getpid()):
                left.append(words)
    assert left == []


def test_an_answer_that_cannot_travel_costs_its_own_points_only(course):
    """Extended precision and strange shapes are remarks; what else is right still counts."""
    scale = mini.RIGHT["scale"].replace(
        "return dout * self.params[0]", "return np.zeros((1,) * 12)"
    )
    longer = "def blend(x, y):\n    return (x + 2 * y).astype(np.longdouble)"
    write(course, "half-strange", cells_with(course, {"blend": longer, "scale": scale}))
    blend, scale = grade(course, "half-strange")["half-strange"].tasks
    assert blend.points == 3, "more digits than asked for do no harm"
    assert scale.points == 4 and scale.status == "wrong"


# ---- files --------------------------------------------------------------------------------------


def test_odd_files_are_recorded_and_never_followed(course, tmp_path):
    right = cells_with(course, mini.RIGHT)
    honest = write(course, "victim", right)
    (honest / "submission_secret.txt").write_text("the victim's secret")
    teachers = course.root / "source/mini/mini.ipynb"
    submitted = course.root / "submitted"
    for student in ("sparse", "sparse-and-huge", "socket", "device", "hard-link", "loop"):
        (submitted / student / "mini").mkdir(parents=True)
    for student, size in (("sparse", 15 << 20), ("sparse-and-huge", 1 << 40)):
        with open(submitted / student / "mini/mini.ipynb", "wb") as file:
            file.truncate(size)
    before = os.getcwd()
    os.chdir(submitted / "socket/mini")  # a socket's name must be short
    try:
        socket.socket(socket.AF_UNIX).bind("mini.ipynb")
    finally:
        os.chdir(before)
    (submitted / "device/mini/mini.ipynb").symlink_to("/dev/zero")
    os.link(teachers, submitted / "hard-link/mini/mini.ipynb")
    (submitted / "loop/mini/mini.ipynb").symlink_to("mini.ipynb")
    (submitted / "link-to-a-student").symlink_to(submitted / "victim")
    # What nbgrader's `collect` makes of a link to the teacher's file: a copy of its content.
    write(course, "copy-of-the-solution", teachers.read_bytes())
    (submitted / "linked").mkdir()
    (submitted / "linked/mini").symlink_to(submitted / "victim/mini")
    odd = [p.name for p in submitted.iterdir() if p.name != "victim"]
    odd = [n for n in odd if n in (
        "sparse sparse-and-huge socket device hard-link loop link-to-a-student linked "
        "copy-of-the-solution").split()]  # fmt: skip
    assert len(odd) == 9
    records = grade(course, "victim", *odd)
    for student in odd:
        assert records[student].points == 0, student
        assert records[student].problem, student
        for name in ("submission_secret.txt", "timestamp.txt"):  # nbgrader needs both of everybody
            text = (course.root / "feedback" / student / "mini" / name).read_text()
            assert text and text != "the victim's secret"
    assert records["victim"].points == 8
    for student in ("hard-link", "copy-of-the-solution"):
        assert "teacher's version" in records[student].problem


@pytest.mark.parametrize(
    "text",
    ["0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59-14:00", "0001-01-01", "x" * 5000, "",
     "2026-02-30 10:00", "=1+1", "2026-11-21T10:00:00.123456+00:00", "-1", "\0", "99999-01-01"],
)  # fmt: skip
def test_a_time_that_is_none_stops_nothing(course, text):
    folder = write(course, "out-of-time", cells_with(course, {"extra": f"# {text[:9]!a}"}))
    (folder / "timestamp.txt").write_text(text)
    assert grade(course, "out-of-time")["out-of-time"].points == 0


def test_files_beside_the_notebook_are_not_run(course, tmp_path):
    folder = write(course, "well-equipped", cells_with(course, mini.RIGHT))
    mark = tmp_path / "ran"
    evil = f"open({str(mark)!r}, 'w').write('x')\n"
    for name in (
        "sitecustomize.py", "usercustomize.py", "evil.pth", "numpy.py", "w2vlib.py", "conftest.py",
        "nbgrader_config.py", "jupyter_config.py", "jupyter_nbconvert_config.py", "__init__.py",
        ".ipython/profile_default/startup/00.py", ".jupyter/jupyter_server_config.py",
        ".git/hooks/post-checkout", "practice.json", "mini.py",
    ):  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(evil)
    (folder / "evil.so").write_bytes(b"\x7fELF")
    assert grade(course, "well-equipped")["well-equipped"].points == 8
    assert not mark.exists()


def test_the_notebooks_own_settings_count_for_nothing(course):
    """Another language, other points, exchanged names, flags turned around."""
    cells = cells_with(course, {"blend": "def blend(x, y):\n    return 0 * x"})
    for cell in cells:
        about = cell["metadata"].get("nbgrader")
        if about:
            about |= {
                "points": 1e6,
                "locked": not about["locked"],
                "task": True,
                "solution": True,
                "schema_version": 99,
                "checksum": "0",
                "auto_score": 8,
            }
    names = {"blend": "scale", "scale": "blend", "test_blend": "test_scale"}
    for cell in cells:
        about = cell["metadata"].get("nbgrader", {})
        about["grade_id"] = names.get(about.get("grade_id"), about.get("grade_id", ""))
    tree = mini.notebook(cells)
    tree["metadata"] = {
        "kernelspec": {"name": "bash", "language": "bash", "argv": ["/bin/sh", "-c", "exit"]},
        "nbgrader": {"score": 8}, "student": "aa-honest", "celltoolbar": "Create Assignment",
    }  # fmt: skip
    tree["nbformat"], tree["nbformat_minor"] = 4, 10**9
    folder = course.root / "submitted/turned-around/mini"
    folder.mkdir(parents=True)
    (folder / "mini.ipynb").write_text(json.dumps(tree))
    record = grade(course, "turned-around")["turned-around"]
    assert (record.points, record.max) == (0, 8)
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{course.root / 'gradebook.db'}", "word2vec") as book:
        submission = book.find_submission("mini", "turned-around")
        assert (submission.score, submission.max_score) == (0, 10)
    shown = json.loads((course.root / "autograded/turned-around/mini/mini.ipynb").read_text())
    assert shown["metadata"]["kernelspec"]["name"] == "python3"
    found = [c["metadata"]["nbgrader"] for c in shown["cells"] if c["metadata"].get("nbgrader")]
    assert {a.get("points") for a in found} == {None, 3, 5, 2}
    assert len({a["grade_id"] for a in found}) == len(found)


def test_exchanged_names_of_right_cells_still_count(course):
    cells = cells_with(course, mini.RIGHT)
    names = {"blend": "scale", "scale": "blend"}
    for cell in cells:
        about = cell["metadata"].get("nbgrader", {})
        about["grade_id"] = names.get(about.get("grade_id"), about.get("grade_id", ""))
    write(course, "exchanged", cells)
    assert grade(course, "exchanged")["exchanged"].points == 8


@pytest.mark.parametrize("name", ["id-blend", "id-test_blend", "id-setup", "id-why"])
def test_one_id_for_all_cells(course, name):
    """Duplicate ids, without nbgrader's names: what runs is still the student's own work."""
    cells = cells_with(course, mini.RIGHT)
    for cell in cells:
        cell["id"], cell["metadata"] = name, {}
    write(course, name, cells)
    record = grade(course, name)[name]
    assert record.points == 8 and record.remarks
    stub = cells_with(course, {})
    for cell in stub:
        cell["id"] = "id-blend"
    write(course, f"{name}-stub", stub)
    assert grade(course, f"{name}-stub")[f"{name}-stub"].points == 0


def test_a_notebook_of_brackets_is_refused_before_it_is_read(course):
    """20 MB of `[],` would become half a gigabyte of lists."""
    import tracemalloc

    for data in (b'{"cells":[' + b"[]," * (6 << 20) + b"[]]}", b'{"a":' + b'{"":0},' * (2 << 20)):
        tracemalloc.start()
        with pytest.raises(handin.HandInError, match="parts"):
            handin.parse(data)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 3 * len(data)


def test_a_notebook_exchanged_while_it_is_graded_is_judged_as_it_was_read(course, monkeypatch):
    """One reading: the digest, the points and the teacher's copy are of the same bytes."""
    folder = write(course, "two-faced", cells_with(course, {}))
    submitted = course.root / "submitted"
    bare = grader.read(submitted, "two-faced", course.assignment("mini")).digest
    real, reads = handin.read_bytes, []

    def read_and_exchange(*names):
        found = real(*names)
        if names[1] == "two-faced":
            reads.append(1)
            write(course, "two-faced", cells_with(course, mini.RIGHT))
        return found

    monkeypatch.setattr(handin, "read_bytes", read_and_exchange)
    assignment = course.assignment("mini")
    record = grader.grade(assignment, course.root / "submitted", "two-faced", limits=LIMITS)
    assert (record.points, record.digest) == (0, bare)
    monkeypatch.undo()
    assert (folder / "mini.ipynb").exists()
    assert grade(course, "two-faced")["two-faced"].points == 8, "the next run sees the new one"


def test_the_teacher_is_not_shown_another_notebook_than_was_graded(course, monkeypatch):
    write(course, "late-change", cells_with(course, {"extra": "first = 1"}))
    real = grader.grade

    def grade_then_change(*args, **options):
        record = real(*args, **options)
        write(course, "late-change", cells_with(course, {"extra": "second = 2"}))
        return record

    with monkeypatch.context() as patch:
        patch.setattr(grader, "grade", grade_then_change)
        grade(course, "late-change")
    path = course.root / "autograded/late-change/mini/mini.ipynb"
    assert "second = 2" not in path.read_text()
    grade(course, "late-change")
    assert "second = 2" in path.read_text()


# ---- words that bite ----------------------------------------------------------------------------

BITING = """</pre></code><script>alert(1)</script><img src=http://evil.example/x onerror=alert(1)>
<style>@import url(http://evil.example/)</style>\\x1b[31m\\u202e"""


def test_nothing_that_a_student_writes_becomes_part_of_a_page(course):
    blend = f'''
    def blend(x, y):
        print("""{BITING}""")
        import warnings
        warnings.warn("""{BITING}""")
        if x.ndim > 1:
            return np.array(["""{BITING}"""])
        raise type("""E{BITING}""", (Exception,), {{}})("""{BITING}""")  # <script>alert(2)</script>
    '''
    changes = {"extra": f'raise ValueError("""{BITING}""")', "blend": textwrap.dedent(blend)}
    answer = "<script>alert(3)</script> [read](javascript:alert(4)) ![x](http://evil.example/y)"
    answer += "\n\n[one][two]\n\n> [two]: java&#115;cript:alert(5)\n\n<svg onload=alert(6)>"
    write(course, "biter", cells_with(course, {**changes, "why": answer}), "<b>=1+1\n,x.ipynb")
    record = grade(course, "biter")["biter"]
    assert record.cells and record.tasks[0].practice, "the texts did come back"
    shown = [
        (course.root / "feedback/biter/mini/mini.html").read_text(),
        (course.root / "results/mini.html").read_text(),
    ]
    for page in shown:
        for word in ("<script", "<img", "<svg", "<style>@import", "\x1b", "\u202e"):
            assert word not in page, word
    rows = list(csv.reader(io.StringIO((course.root / "results/mini.csv").read_text())))
    assert len({len(row) for row in rows}) == 1
    assert not any(cell[:1] in "=+-@\t\r" for row in rows for cell in row if cell)
    told = json.loads((course.root / "autograded/biter/mini/mini.ipynb").read_text())
    from nbconvert.filters.markdown import markdown2html

    for cell in told["cells"]:
        if cell["cell_type"] == "markdown":
            html = markdown2html(cell["source"])
            for word in ("<script", "<img", "<svg"):
                assert word not in html, html
            for target in re.findall('href="([^"]*)', html):  # an address that is written out
                assert target.startswith(("#", "http://")), html


def test_mathematics_in_a_written_answer_stays_readable(course):
    answer = r"$$\left[\frac{a}{b}\right](x) = f[i](x), \quad a < b$$ and $W[k]$: fine"
    write(course, "prover", cells_with(course, {"why": answer}))
    grade(course, "prover")
    told = json.loads((course.root / "autograded/prover/mini/mini.ipynb").read_text())
    (shown,) = [c["source"] for c in told["cells"] if "frac" in c["source"]]
    assert shown.replace(" ", "") == answer.replace(" ", "")


def test_what_is_written_for_a_machine_is_no_command_for_a_terminal(course, capsys):
    """Names and messages with escape sequences and line ends do not reach the teacher's screen."""
    write(course, "screamer", cells_with(course, {}), "\x1b[2J\r\nmini.ipynb")
    (course.root / "submitted/\x1b]0;owned\x07/mini").mkdir(parents=True)
    code = cli.main(["grade", "mini", "--course", str(course.root), "--student", "screamer"])
    said = capsys.readouterr()
    assert code == 1 and "can be no student's id" in said.err
    assert "\x1b" not in said.out + said.err


@pytest.mark.parametrize("name", ["-rf", "a\nb", "ünïcode", "a b", "..", "=1+1", "a" * 65, "a;b"])
def test_names_that_are_no_ids_are_left_out_and_told(course, name):
    (course.root / "submitted" / name / "mini").mkdir(parents=True, exist_ok=True)
    result = batch.grade_class(course, "mini", students=["nobody"], limits=LIMITS)
    if name != "..":
        assert name in result.refused
    assert name not in {record.student for record in result.records}


def test_twins_in_upper_and_lower_case_are_two_people(course):
    write(course, "twin", cells_with(course, mini.RIGHT))
    write(course, "Twin", cells_with(course, {}))
    if not (course.root / "submitted/Twin/mini").samefile(course.root / "submitted/twin/mini"):
        records = grade(course, "twin", "Twin")
        assert (records["twin"].points, records["Twin"].points) == (8, 0)


def test_a_folder_that_may_not_be_read_is_a_hand_in_too(course, monkeypatch):
    (course.root / "submitted/closed/mini").mkdir(parents=True)
    real = os.lstat

    def closed(path, *args, **options):
        if os.fspath(path).endswith("closed/mini"):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **options)

    monkeypatch.setattr(os, "lstat", closed)
    assert "closed" in course.students("mini")


def test_the_pages_say_nothing_passed_where_nothing_was_earned(graded, course):
    page = pages.feedback(course.assignment("mini"), graded["answers-without-anything-in-them"])
    assert "passed" not in page
