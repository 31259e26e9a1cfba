"""The folder data/ and what lies in it, read once."""

import sys
from collections import Counter
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "data"
if str(FOLDER) not in sys.path:
    sys.path.insert(0, str(FOLDER))  # the generator is no part of the package w2vlib


@pytest.fixture(scope="session")
def folder() -> Path:
    return FOLDER


@pytest.fixture(scope="session")
def lines() -> list[str]:
    return (FOLDER / "embedded.txt").read_text(encoding="ascii").splitlines()


@pytest.fixture(scope="session")
def tags() -> list[str]:
    return (FOLDER / "entities.txt").read_text(encoding="ascii").splitlines()


@pytest.fixture(scope="session")
def counts(lines) -> Counter:
    return Counter(word for line in lines for word in line.split())


@pytest.fixture(scope="session")
def families() -> dict[str, list[tuple[str, ...]]]:
    """The analogy questions, read here independently of the package."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for line in (FOLDER / "analogies.txt").read_text(encoding="ascii").splitlines():
        if line.startswith(": "):
            questions = found.setdefault(line[2:], [])
        else:
            questions.append(tuple(line.split(" ")))
    return found
