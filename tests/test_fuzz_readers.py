"""A short run of the fuzzing targets, with changes drawn from a seed (the long run: tests/fuzz)."""

import shutil

import numpy as np
import pytest

from tests.fuzz import readers
from w2vlib import files, vector_files

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
        kind = rng.integers(6)
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
        else:
            data = data[:end]
    return data


@pytest.mark.parametrize("reader", readers.READERS)
def test_changed_files(reader, monkeypatch):
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(files, "CHUNK", 64)
    monkeypatch.setattr(vector_files, "CHUNK", 64)
    rng = np.random.default_rng(0)
    good = readers.seeds(reader)
    for data in good:
        readers.READERS[reader](data)
    for _ in range(500):
        readers.READERS[reader](change(good[rng.integers(len(good))], rng))
