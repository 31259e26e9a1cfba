"""Reads tables/*.txt.

    columns: base third past ing          names of the words in each row's first line
    weights: zipf 4                       optional: row i is drawn with weight 1/(i + 4); or: equal

    take takes took taking                a row: one word per column ("_" means: has none)
      with: the early train; his hat      a field: templates separated by semicolons

A word may carry a tag for named entities: paris@P is a person, paris@L a place, comet@O an
organisation. "+" joins words that fill one column together: north+star@O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent / "tables"
SCALE = 10_000_000


@dataclass
class Row:
    """One row: `words` maps columns to single words, `phrases` maps fields to templates."""

    words: dict[str, str]
    phrases: dict[str, list[str]] = field(default_factory=dict)


@dataclass
class Table:
    """A table as written, with a whole-number weight for each row."""

    name: str
    columns: list[str]
    rows: list[Row]
    weights: list[int]


def zipf_weights(count: int, offset: int) -> list[int]:
    """Weights in proportion to 1 / (i + offset), rounded down to whole numbers."""
    return [SCALE // (i + offset) for i in range(count)]


def read_all(folder: Path = FOLDER) -> dict[str, Table]:
    """Every table of the folder, by name, in alphabetical order."""
    return {path.stem: read(path) for path in sorted(folder.glob("*.txt"))}


def read(path: Path) -> Table:
    """One table. Raises ValueError that names file and line of what cannot be read."""
    columns: list[str] = []
    offset = 4
    rows: list[Row] = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.split("#")[0].rstrip()
        if not text:
            continue
        try:
            if text.startswith("columns:"):
                columns = text.split()[1:]
            elif text.startswith("weights:"):
                offset = 0 if text.split()[1] == "equal" else int(text.split()[2])
            elif text.startswith(" "):
                _add_phrases(rows[-1], text)
            else:
                rows.extend(_read_rows(columns, text))
        except (IndexError, ValueError) as error:
            raise ValueError(f"{path.name}, line {number}: cannot read {line!r}: {error}") from None
    weights = zipf_weights(len(rows), offset) if offset else [1] * len(rows)
    return Table(path.stem, columns, rows, weights)


def _read_rows(columns: list[str], text: str) -> list[Row]:
    words = [word.replace("+", " ") for word in text.split()]
    if len(columns) == 1:  # a plain list: as many rows as words
        return [Row({columns[0]: word}) for word in words]
    if len(words) != len(columns):
        raise ValueError(f"{len(columns)} columns expected, got {len(words)}")
    return [Row({c: w for c, w in zip(columns, words, strict=True) if w != "_"})]


def _add_phrases(row: Row, text: str) -> None:
    name, _, phrases = text.strip().partition(":")
    if not phrases:
        raise ValueError("a field needs a name and a colon")
    row.phrases.setdefault(name, []).extend(p.strip() for p in phrases.split(";") if p.strip())
