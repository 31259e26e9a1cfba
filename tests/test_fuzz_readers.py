"""A short run of the fuzzing targets, with changes drawn from a seed (the long run: tests/fuzz)."""

import shutil

import numpy as np
import pytest

from tests.fuzz import readers
from w2vlib import files, vector_table

PIECES = [b" ", b"\n", b"0", b"9", b"-", b"e", b"nan", b"\0", b"\xff" * 4, b"1e39", b"2 2\n"]


@pytest.fixture(scope="module", autouse=True)
def _tidy():
    yield
    shutil.rmtree(readers.FOLDER)


def change(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three small changes."""
    for _ in range(rng.integers(1, 4)):
        place, end = sorted(rng.integers(0, len(data) + 1, 2).tolist())
        piece = PIECES[rng.integers(len(PIECES))]
        kind = rng.integers(9)
        if kind == 0:
            data = data[:place] + rng.bytes(1) + data[place + 1 :]
        elif kind == 1:
            data = data[:place] + piece + data[place:]
        elif kind == 2:
            data = data[:place] + piece + data[place + len(piece) :]
        elif kind == 3:
            data = data[:place] + data[place + int(rng.integers(1, 9)) :]
        elif kind == 4:
            data = data[:end] + data[place:]
        elif kind == 5:
            data = data[:end]
        else:
            data = b"\n".join(change_lines(data.split(b"\n"), kind, rng))
    return data


def change_lines(lines: list[bytes], kind: int, rng: np.random.Generator) -> list[bytes]:
    """Changes that leave most of the form intact, and so get further."""
    one, two = rng.integers(len(lines), size=2)
    if kind == 6:  # one line in place of another
        lines[one] = lines[two]
    elif kind == 7:  # another number of words, or another number of lines
        digits = rng.permutation(np.frombuffer(b"1234", np.uint8))[:3].tobytes()
        lines[0] = lines[0].translate(bytes.maketrans(b"123", digits))
        lines = lines if rng.integers(2) else lines[:one] + lines[two:]
    else:  # a blank moves
        parts = lines[one].split(b" ")
        if len(parts) > 2:
            place = int(rng.integers(1, len(parts)))
            other = int(rng.integers(1, len(parts)))
            parts[place - 1 : place + 1] = [parts[place - 1] + parts[place]]
            lines[one] = b" ".join([*parts[:other], b"", *parts[other:]])
    return lines


@pytest.mark.parametrize("reader", readers.READERS)
def test_changed_files(reader, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(files, "CHUNK", 64)
    monkeypatch.setattr(vector_table, "CHUNK", 64)
    rng = np.random.default_rng(0)
    good = readers.seeds(reader)
    for data in good:
        readers.READERS[reader](data)
    for _ in range(1000):
        readers.READERS[reader](change(good[rng.integers(len(good))], rng))
