"""Zip files and folders from learning platforms: names are never used as paths."""

import stat
import zipfile

import pytest

from tests.classroom import mini
from tests.classroom.conftest import ROOT
from w2vlib.classroom import collect
from w2vlib.classroom.course import Course, CourseError


@pytest.fixture
def empty(tmp_path):
    config = ROOT / "assignments/nbgrader_config.py"
    return Course(mini.make_course(tmp_path / "course", config))


def archive(path, files):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files:
            info = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo(name)
            made.writestr(info, data)
    return path


def everything(course):
    root = course.root / "submitted"
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


def test_moodle(empty, tmp_path):
    source = archive(
        tmp_path / "m.zip",
        [
            ("Ada Lovelace_123_assignsubmission_file_/mini.ipynb", b"ada"),
            ("Alan Turing_124_assignsubmission_file/sub/mini (1).ipynb", b"alan"),
            ("Alan Turing_124_assignsubmission_file/notes.txt", b"x"),
        ],
    )
    found = collect.collect(empty, "mini", source)
    assert found.students == ["Ada_Lovelace", "Alan_Turing"]
    assert found.skipped == []
    assert everything(empty) == [
        f"{student}/mini/{file}"
        for student in ("Ada_Lovelace", "Alan_Turing")
        for file in ("mini.ipynb", "timestamp.txt")
    ]
    stamp = (empty.root / "submitted/Ada_Lovelace/mini/timestamp.txt").read_text()
    assert stamp == "1980-01-01 00:00:00\n"


def test_canvas_and_other_forms(empty, tmp_path):
    canvas = [("lovelaceada_12_345_mini.ipynb", b"1"), ("turing_LATE_13_346_mini-1.ipynb", b"2")]
    source = archive(tmp_path / "c.zip", canvas)
    assert collect.collect(empty, "mini", source, "canvas").students == ["lovelaceada", "turing"]
    (tmp_path / "files").mkdir()
    (tmp_path / "files/grace.ipynb").write_bytes(b"3")
    assert collect.collect(empty, "mini", tmp_path / "files", "files").students == ["grace"]
    (tmp_path / "folders/emmy").mkdir(parents=True)
    (tmp_path / "folders/emmy/mini.ipynb").write_bytes(b"4")
    (tmp_path / "folders/emmy/link.ipynb").symlink_to(empty.root / "grading/mini.py")
    found = collect.collect(empty, "mini", tmp_path / "folders", "folders")
    assert found.students == ["emmy"]
    assert [why for _, why in found.skipped] == ["a link, unreadable, or over 20 MB"]
    own = r"(?P<student>\w+)-hw\.ipynb"
    source = archive(tmp_path / "o.zip", [("sofia-hw.ipynb", b"5")])
    assert collect.collect(empty, "mini", source, own).students == ["sofia"]


def test_names_that_climb_out_links_and_bombs(empty, tmp_path):
    link = zipfile.ZipInfo("Link_1_assignsubmission_file_/mini.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    form = "_1_assignsubmission_file_/mini.ipynb"
    source = archive(
        tmp_path / "evil.zip",
        [
            (f"..{form}", b"1"),
            (f"../../../etc{form}", b"2"),
            (f"/etc/cron{form}", b"3"),
            (f"a\\..\\b{form}", b"4"),
            (f"=cmd(){form}", b"5"),
            (f"{'x' * 300}{form}", b"6"),
            (link, b"/etc/passwd"),
            (f"Bomb{form}", bytes(30 << 20)),
            (f"Honest{form}", b"right"),
        ],
    )
    found = collect.collect(empty, "mini", source)
    assert found.students == ["Honest"]
    assert len(found.skipped) == 8
    assert everything(empty) == ["Honest/mini/mini.ipynb", "Honest/mini/timestamp.txt"]
    outside = [p for p in tmp_path.iterdir() if p.name not in ("course", "evil.zip")]
    assert outside == []


def test_names_of_people(empty, tmp_path):
    """Accents, other scripts, apostrophes, and two people of the same name."""
    form = "assignsubmission_file_/mini.ipynb"
    names = ["Zoë Müller_11", "李 雷_12", "O'Brien Sinéad_13", "Jörg Groß_14", "Ада Лавлейс_15"]
    same = ["Ada Lovelace_21", "Ada  Lovelace_22", "Ada Lovelace_23"]
    files = [(f"{name}_{form}", name.encode()) for name in names + same]
    found = collect.collect(empty, "mini", archive(tmp_path / "n.zip", files))
    assert found.skipped == []
    assert found.students == sorted([
        "Zoe_Muller", "participant_12", "OBrien_Sinead", "Jorg_Gross", "participant_15",
        "Ada_Lovelace_21", "Ada_Lovelace_22", "Ada_Lovelace_23",
    ])  # fmt: skip
    assert found.renamed["participant_12"] == "李 雷"
    for student, name in (("participant_12", "李 雷_12"), ("Ada_Lovelace_22", same[1])):
        assert (empty.root / f"submitted/{student}/mini/mini.ipynb").read_bytes() == name.encode()


def test_links_in_the_place_of_a_hand_in_are_not_written_through(empty, tmp_path):
    (empty.root / "submitted/A").mkdir(parents=True)
    (empty.root / "submitted/A/mini").symlink_to(empty.root / "source/mini")
    (empty.root / "submitted/B/mini").mkdir(parents=True)
    (empty.root / "submitted/B/mini/mini.ipynb").symlink_to(empty.root / "source/mini/mini.ipynb")
    before = (empty.root / "source/mini/mini.ipynb").read_bytes()
    files = [(f"{s}_1_assignsubmission_file_/mini.ipynb", b"new") for s in "AB"]
    found = collect.collect(empty, "mini", archive(tmp_path / "l.zip", files))
    assert found.students == ["B"] and found.skipped[0][0] == "A"
    assert (empty.root / "source/mini/mini.ipynb").read_bytes() == before
    assert (empty.root / "submitted/B/mini/mini.ipynb").read_bytes() == b"new"


def test_a_size_that_lies(empty, tmp_path):
    name = "A_1_assignsubmission_file_/mini.ipynb"
    path = archive(tmp_path / "l.zip", [(name, bytes(30 << 20))])
    size = (30 << 20).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (10).to_bytes(4, "little")))
    found = collect.collect(empty, "mini", path)
    assert found.students == [] or (
        (empty.root / "submitted/A/mini/mini.ipynb").stat().st_size <= 10
    )


def test_the_newest_counts(empty, tmp_path):
    old = zipfile.ZipInfo("A_1_assignsubmission_file_/mini.ipynb", (2026, 1, 1, 0, 0, 0))
    new = zipfile.ZipInfo("A_1_assignsubmission_file_/new/mini.ipynb", (2026, 1, 2, 3, 4, 6))
    source = archive(tmp_path / "n.zip", [(new, b"new"), (old, b"old")])
    found = collect.collect(empty, "mini", source)
    assert found.skipped == [(old.filename, "there is a newer one")]
    assert (empty.root / "submitted/A/mini/mini.ipynb").read_bytes() == b"new"
    stamp = (empty.root / "submitted/A/mini/timestamp.txt").read_text()
    assert stamp == "2026-01-02 03:04:06\n"


def test_errors(empty, tmp_path):
    with pytest.raises(CourseError, match="no assignment 'other'"):
        collect.collect(empty, "other", tmp_path)
    with pytest.raises(CourseError, match="no zip file"):
        collect.collect(empty, "mini", empty.root / "grading/mini.py")
    with pytest.raises(CourseError, match="no zip file"):
        collect.collect(empty, "mini", tmp_path / "missing.zip")
    with pytest.raises(CourseError, match="no group"):
        collect.collect(empty, "mini", tmp_path, r".*\.ipynb")
    with pytest.raises(CourseError, match="is none"):
        collect.collect(empty, "mini", tmp_path, r"(")
