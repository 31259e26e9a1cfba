"""Reads the bank: solutions in the files of ``bank/``, separated by comment lines.

``# --- right: remark`` begins a solution that must pass.  ``# --- wrong: mistake`` begins one that
must be caught and may be called by that name only; ``?`` means that it has no name.
"""

from __future__ import annotations

import linecache
import re
from dataclasses import dataclass
from pathlib import Path

BANK = Path(__file__).parent / "bank"
_HEAD = re.compile(r"^# --- (right|wrong): ?(\S*)(.*)$")


@dataclass(frozen=True)
class Solution:
    """One solution.

    Attributes:
        exercise: which check it is for; ``options``: keywords for the check.
        mistake: None for a right one, "?" for a wrong one without a name.
    """

    exercise: str
    number: int
    mistake: str | None
    source: str
    shared: str
    options: tuple[tuple[str, object], ...] = ()

    @property
    def id(self) -> str:
        return f"{self.exercise}-{self.number}-{self.mistake or 'right'}"

    def load(self):
        """The class or function that the source defines last, as a notebook cell would."""
        name = f"<bank {self.id}>"
        space: dict = {"__name__": "student"}
        exec(compile(self.shared, name + " imports", "exec"), space)
        before = dict(space)
        linecache.cache[name] = (len(self.source), None, self.source.splitlines(True), name)
        exec(compile(self.source, name, "exec"), space)
        new = [
            value
            for key, value in space.items()
            if callable(value) and before.get(key) is not value and not key.startswith("_")
        ]
        return new[-1]


def load_bank() -> list[Solution]:
    """All solutions of all files, in order."""
    found = []
    for path in sorted(BANK.glob("*.py")):
        if path.name != "__init__.py":
            found += _solutions(path)
    return found


def _solutions(path: Path) -> list[Solution]:
    exercise, _, variant = path.stem.partition("__")
    options = ((variant, True),) if variant in ("lazy", "sentences") else ()
    if variant == "tanh":
        options = (("activation", "tanh"),)
    shared, current, found = [], None, []

    def finish():
        if current is not None:
            mistake, lines = current
            source, number = "\n".join(lines) + "\n", len(found) + 1
            found.append(Solution(exercise, number, mistake, source, "\n".join(shared), options))

    for line in path.read_text(encoding="utf-8").splitlines():
        head = _HEAD.match(line)
        if head:
            finish()
            current = (None if head[1] == "right" else head[2]), []
        elif current is None:
            shared.append(line)
        else:
            current[1].append(line)
    finish()
    return found
