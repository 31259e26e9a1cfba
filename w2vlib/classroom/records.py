"""Results on disk, one file for each submission, so that grading can stop and go on."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from w2vlib.classroom.grader import Record

FOLDER = "records"


def path_of(root: Path, assignment: str, student: str) -> Path:
    """Where the record of a submission lies."""
    return root / FOLDER / assignment / f"{student}.json"


def save(root: Path, record: Record) -> None:
    """Write a record, whole or not at all."""
    path = path_of(root, record.assignment, record.student)
    write_text(path, json.dumps(record.to_dict(), indent=1, ensure_ascii=True))


def load(root: Path, assignment: str, student: str) -> Record | None:
    """The record of a submission, or None if there is none that can be read."""
    try:
        data = json.loads(path_of(root, assignment, student).read_text(encoding="ascii"))
        record = Record.from_dict(data)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    # A record that lies in the wrong place is somebody else's.
    return record if (record.student, record.assignment) == (student, assignment) else None


def write_text(path: Path, text: str) -> None:
    """Write a file, whole or not at all; text that is no Unicode is repaired."""
    write_bytes(path, text.encode("utf-8", "replace"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, name = tempfile.mkstemp(dir=path.parent, prefix=".w2v-", suffix=".tmp")
    try:
        with os.fdopen(number, "wb") as file:
            file.write(data)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
