"""Writes the generated files and checks them against their SHA-256 sums."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from . import truth
from .stories import sentences, take_tokens
from .world import World

CORPUS, ENTITIES, SUMS = "embedded.txt", "entities.txt", "SHA256SUMS"
TRUTH = {
    "analogies.txt": truth.analogies_text,
    "similarity.tsv": truth.similarity_text,
    "synonyms.tsv": truth.synonyms_text,
    "homonyms.tsv": truth.homonyms_text,
}


def write_all(folder: Path, tokens: int, seed: int) -> list[Path]:
    """Write the corpus, its tags and every truth file into `folder`; the paths written."""
    folder.mkdir(parents=True, exist_ok=True)
    world = World()
    write_corpus(world, folder, tokens, seed)
    for name, text in TRUTH.items():
        _write(folder / name, text(world.tables))
    return [folder / name for name in (CORPUS, ENTITIES, *TRUTH)]


def write_corpus(world: World, folder: Path, tokens: int, seed: int) -> None:
    """Stream sentences to disk one by one: memory does not grow with `tokens`."""
    with ExitStack() as files:
        corpus = files.enter_context(_open(folder / CORPUS))
        entities = files.enter_context(_open(folder / ENTITIES))
        for sentence, tags in take_tokens(sentences(world, seed), tokens):
            corpus.write(sentence + "\n")
            entities.write(tags + "\n")


def write_sums(folder: Path, paths: list[Path]) -> None:
    """Write SHA256SUMS in the format of `sha256sum`."""
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(paths)]
    _write(folder / SUMS, "".join(lines))


def read_sums(folder: Path) -> dict[str, str]:
    """File name → SHA-256 as hexadecimal digits."""
    lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def differences(folder: Path, fresh: Path) -> Iterator[str]:
    """What is wrong with the files of `folder`, one sentence each; `fresh` holds new ones."""
    sums = read_sums(folder)
    for name in (CORPUS, ENTITIES, *TRUTH):
        path = folder / name
        if not path.exists():
            yield f"{name} is missing"
        elif sha256(path) != sums.get(name):
            yield f"{name} does not have the SHA-256 that {SUMS} promises"
        elif path.read_bytes() != (fresh / name).read_bytes():
            yield f"{name} differs from what the generator makes"


def sha256(path: Path) -> str:
    """SHA-256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path):
    return path.open("w", encoding="utf-8", newline="\n")


def _write(path: Path, text: str) -> None:
    with _open(path) as file:
        file.write(text)
