"""Hand-ins from a platform's zip file, or a folder of files, into nbgrader's ``submitted/``.

Names inside an archive are never used as paths: the student's id is taken out of the name, checked,
and everything is written where nbgrader expects it.
"""

from __future__ import annotations

import datetime
import errno
import re
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from w2vlib.classroom.course import Course, CourseError, is_good_name
from w2vlib.classroom.handin import MAX_NOTEBOOK
from w2vlib.classroom.records import write_bytes

PATTERNS = {
    # Moodle: "Ada Lovelace_1234_assignsubmission_file_/a1_rows.ipynb"
    "moodle": r"(?P<student>[^/]+)_(?P<number>\d+)_assignsubmission_file_?/(?:.*/)?[^/]+\.ipynb",
    # Canvas: "lovelaceada_1234_5678_a1_rows.ipynb"
    "canvas": r"(?:.*/)?(?P<student>[^/_]+)_(?:LATE_)?(?P<number>\d+)_\d+_[^/]+\.ipynb",
    # a folder or file for each student: "ada/a1_rows.ipynb", "ada.ipynb"
    "folders": r"(?:.*/)?(?P<student>[^/]+)/[^/]+\.ipynb",
    "files": r"(?:.*/)?(?P<student>[^/]+)\.ipynb",
}
MAX_FILES = 20_000


@dataclass
class Collected:
    """What was collected.

    Attributes:
        students: ids, in order; skipped: (name in the archive, why).
        renamed: id → name on the platform, where they differ by more than blanks.
    """

    students: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


def collect(course: Course, name: str, source: str | Path, pattern: str = "moodle") -> Collected:
    """Copy every notebook in ``source`` to ``submitted/STUDENT/NAME/NAME.ipynb``.

    Of several from one student the newest counts.

    Args:
        name: the assignment.
        source: a zip file or a folder.
        pattern: one of :data:`PATTERNS`, or a regular expression with a group ``student``.

    Raises:
        CourseError: no such assignment, no such source, or a pattern that is none.
    """
    if name not in course.names:
        raise CourseError(f"there is no assignment {name!r}; there are: {', '.join(course.names)}")
    form = _compiled(PATTERNS.get(pattern, pattern))
    result, newest = Collected(), {}
    for path, when, read in _entries(Path(source)):
        found = form.fullmatch(path)
        person = (found["student"], found.groupdict().get("number")) if found else ("", None)
        if not path.lower().endswith(".ipynb"):
            continue
        if not _student(*person):
            result.skipped.append((path, "the name does not tell whose it is"))
        elif (data := read()) is None:
            result.skipped.append((path, f"a link, unreadable, or over {MAX_NOTEBOOK >> 20} MB"))
        elif person in newest and newest[person][0] >= when:
            result.skipped.append((path, "there is a newer one"))
        else:
            newest[person] = when, data
    for student, person in sorted(_ids(newest).items()):
        when, data = newest[person]
        try:
            _write(course.root / "submitted", student, name, f"{name}.ipynb", data)
            stamp = f"{when:%Y-%m-%d %H:%M:%S}\n".encode("ascii")
            _write(course.root / "submitted", student, name, "timestamp.txt", stamp)
        except OSError as error:
            result.skipped.append((student, f"cannot be written ({error.strerror})"))
            continue
        result.students.append(student)
        if re.sub(r"\s+", "_", person[0].strip()) != student:
            result.renamed[student] = person[0]
    return result


def _ids(people) -> dict[str, tuple[str, str | None]]:
    """Student's id → (name, number); people of the same name are told apart by their numbers."""
    namesakes = Counter(_student(*person) for person in people)
    found = {}
    for text, number in people:
        student = _student(text, number)
        if namesakes[student] > 1 and number:
            student = f"{student[:50]}_{number}"[:64]
        found[student] = text, number
    return found


def _write(submitted: Path, student: str, name: str, file: str, data: bytes) -> None:
    """Write a file into the student's folder; a link that lies in its place is replaced."""
    folder = submitted / student / name
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() or folder.parent.is_symlink():
        raise OSError(errno.ELOOP, "there is a link in its place")
    write_bytes(folder / file, data)


def _compiled(pattern: str) -> re.Pattern:
    try:
        form = re.compile(pattern)
    except re.error as error:
        raise CourseError(f"the pattern {pattern!r} is none: {error}") from None
    if "student" not in form.groupindex:
        raise CourseError(f"the pattern {pattern!r} has no group (?P<student>…).")
    return form


def _student(text: str, number: str | None = None) -> str:
    """A plain id: blanks become underscores, accents go; other scripts' names give their number."""
    name = re.sub(r"\s+", "_", text.strip())
    if is_good_name(name):
        return name
    if not re.fullmatch(r"[\w .'’-]+", text.strip()):
        return ""
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    plain = re.sub(r"[^A-Za-z0-9_.-]", "", plain) if _mostly_latin(plain) else ""
    if is_good_name(plain):
        return plain
    foreign = any(c.isalpha() and not c.isascii() for c in text)
    return f"participant_{number}" if foreign and number and len(number) < 40 else ""


_LETTERS = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "æ": "ae", "Æ": "Ae", "œ": "oe"}
    | {"đ": "d", "Đ": "D", "ð": "d", "þ": "th", "ı": "i"}
)


def _mostly_latin(text: str) -> bool:
    letters = [c for c in text if c.isalpha()]
    return bool(letters) and all(c.isascii() for c in letters)


def _entries(source: Path) -> Iterator[tuple[str, datetime.datetime, object]]:
    """(name, time, function that reads it or gives None) of every file."""
    if source.is_dir():
        for path in sorted(source.rglob("*")):
            about = path.lstat()
            if stat.S_ISREG(about.st_mode) or path.is_symlink():
                when = datetime.datetime.fromtimestamp(about.st_mtime)
                yield path.relative_to(source).as_posix(), when, lambda p=path: _from_disk(p)
        return
    try:
        archive = zipfile.ZipFile(source)
    except (OSError, zipfile.BadZipFile) as error:
        raise CourseError(f"{source} is no zip file and no folder ({error})") from None
    with archive:
        entries = archive.infolist()
        if len(entries) > MAX_FILES:
            raise CourseError(f"{source} holds {len(entries):,} files; that is no class.")
        for entry in entries:
            if not entry.is_dir():
                yield entry.filename, _time(entry), lambda e=entry: _from_zip(archive, e)


def _time(entry: zipfile.ZipInfo) -> datetime.datetime:
    try:
        return datetime.datetime(*entry.date_time)
    except ValueError:
        return datetime.datetime(1980, 1, 1)


def _from_disk(path: Path) -> bytes | None:
    if path.is_symlink() or path.stat().st_size > MAX_NOTEBOOK:
        return None
    return path.read_bytes()


def _from_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes | None:
    """The bytes, read no further than the limit whatever the archive says about its size."""
    if stat.S_ISLNK(entry.external_attr >> 16) or entry.file_size > MAX_NOTEBOOK:
        return None
    try:
        with archive.open(entry) as file:
            data = file.read(MAX_NOTEBOOK + 1)
    except (OSError, RuntimeError, NotImplementedError, zipfile.BadZipFile, EOFError):
        return None
    except Exception:  # zlib.error and its cousins
        return None
    return data if len(data) <= MAX_NOTEBOOK else None
