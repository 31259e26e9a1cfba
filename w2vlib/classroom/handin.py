"""What a student handed in: read with care, put back into order, reduced to what must run.

A hand-in is a file from a stranger: it may be a link, a pipe, gigabytes long, no notebook at all,
or a notebook whose cells were deleted, copied, split and changed.  Reading raises nothing but
:class:`HandInError`, whose text is fit for the student; everything that was repaired is told.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from w2vlib.classroom.course import Template, TemplateCell, is_stub, same_code

MAX_NOTEBOOK = 20 << 20
"""Bytes of the largest notebook that is read."""
MAX_PARTS = 1_000_000
"""Most lists and dicts in a notebook; each takes far more memory than its two brackets."""
MAX_CELLS = 2_000
MAX_SOURCE = 1 << 20


class HandInError(ValueError):
    """This cannot be graded; the text says why, in words for the student."""


@dataclass(frozen=True)
class Cell:
    """One cell as handed in: plain text and the names by which it can be recognised."""

    kind: str
    source: str
    id: str = ""
    grade_id: str = ""


@dataclass(frozen=True)
class HandIn:
    """A notebook as handed in.

    Attributes:
        cells: in order; digest: SHA-256 of the file; remarks: what was odd about the file.
    """

    cells: tuple[Cell, ...]
    digest: str
    remarks: tuple[str, ...] = ()


@dataclass
class Reduced:
    """What will run, and what was repaired.

    Attributes:
        run: code cells as ``{"number", "source"}``; the number is that of the student's notebook.
        remarks: repairs, in words for the student.
        answers: written answer by grade id; empty if nothing was written.
        defined: names of tasks that some cell defines.
    """

    run: list[dict] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    places: dict[int, TemplateCell] = field(default_factory=dict)


# ---- reading ------------------------------------------------------------------------------------


def read(folder: Path, student: str, assignment: str, notebook: str) -> HandIn:
    """The notebook ``folder/student/assignment/notebook.ipynb``, following no links.

    Raises:
        HandInError: there is no such file, or it is no notebook that could be graded.
    """
    data, remarks = read_bytes(folder, student, assignment, notebook)
    return parse(data, remarks)


def read_bytes(folder: Path, student: str, assignment: str, notebook: str):
    """(bytes of the file, remarks).

    Raises:
        HandInError: as :func:`read`.
    """
    opened = []
    try:
        _open_folder(opened, folder, student, assignment)
        name, remarks = _choose(os.listdir(opened[-1]), f"{notebook}.ipynb")
        about = _open_file(opened, name)
        if about.st_size > MAX_NOTEBOOK:
            raise HandInError(
                f"the notebook has {about.st_size >> 20} MB; the limit is {MAX_NOTEBOOK >> 20} MB. "
                "Clear all outputs, save, and hand it in again"
            )
        return _all_of(opened[-1]), remarks
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
            raise HandInError("a link was handed in instead of a file") from None
        raise HandInError(f"the file cannot be read ({error.strerror})") from None
    finally:
        for number in opened:
            os.close(number)


def read_note(folder: Path, student: str, assignment: str, name: str) -> str | None:
    """The first 200 bytes of a small text beside the notebook; None if there is no plain file."""
    opened = []
    try:
        _open_folder(opened, folder, student, assignment)
        _open_file(opened, name)
        return os.read(opened[-1], 200).decode("ascii", "replace").strip()
    except (OSError, HandInError):
        return None
    finally:
        for number in opened:
            os.close(number)


def _open_folder(opened: list[int], folder: Path, *names: str) -> None:
    """Open one folder after the other and follow no link below ``folder``."""
    opened.append(os.open(folder, os.O_RDONLY | os.O_DIRECTORY))
    for name in names:
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        opened.append(os.open(_plain_name(name), flags, dir_fd=opened[-1]))


def _open_file(opened: list[int], name: str) -> os.stat_result:
    opened.append(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened[-1]))
    about = os.fstat(opened[-1])
    if not stat.S_ISREG(about.st_mode):
        raise HandInError("the notebook is not an ordinary file")
    return about


def _plain_name(name: str) -> str:
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise HandInError(f"{name!r} is no name of a folder")
    return name


def _choose(names: list[str], wanted: str) -> tuple[str, list[str]]:
    if wanted in names:
        return wanted, []
    others = sorted(n for n in names if n.lower().endswith(".ipynb"))
    if len(others) == 1:
        return others[0], [f"The file is called {others[0]!a} instead of {wanted}."]
    if not others:
        raise HandInError("no notebook was handed in")
    raise HandInError(f"none of {len(others)} notebooks is called {wanted}")


def _all_of(number: int) -> bytes:
    parts, room = [], MAX_NOTEBOOK + 1
    while room and (chunk := os.read(number, min(room, 1 << 20))):
        parts.append(chunk)
        room -= len(chunk)
    if not room:
        raise HandInError("the notebook grew while it was read")
    return b"".join(parts)


def parse(data: bytes, remarks=()) -> HandIn:
    """A notebook from its bytes.

    Raises:
        HandInError: it is none.
    """
    if data.count(b"{") + data.count(b"[") > MAX_PARTS:
        raise HandInError("the notebook has too many parts. Clear all outputs, and save it again")
    text, odd = _decoded(data)
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError, MemoryError):
        raise HandInError(
            "the file is no notebook (not JSON). Open it in JupyterLab, save it, and hand in "
            "the .ipynb file itself"
        ) from None
    cells = _cells_of(tree)
    if len(cells) > MAX_CELLS:
        raise HandInError(f"the notebook has {len(cells):,} cells; the limit is {MAX_CELLS:,}")
    found = tuple(filter(None, map(_cell, cells)))
    if len(found) < len(cells):
        odd.append(f"{len(cells) - len(found)} cells could not be read and were left out.")
    return HandIn(found, hashlib.sha256(data).hexdigest(), (*remarks, *odd))


def _decoded(data: bytes) -> tuple[str, list[str]]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    else:
        encodings = ("utf-8-sig", "cp1252", "latin-1")
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        odd = encoding != "utf-8-sig"
        return text, [f"The file was not in UTF-8 but in {encoding}."] if odd else []
    raise HandInError("the file is no notebook (not readable as text)")


def _cells_of(tree) -> list:
    if isinstance(tree, dict) and isinstance(tree.get("cells"), list):
        return tree["cells"]
    raise HandInError("the file is no notebook of version 4 (it has no list of cells)")


def _cell(raw) -> Cell | None:
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    source = raw.get("source", "")
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        return None
    source = source.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n")
    source = source.replace("\0", "")
    metadata = raw.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return Cell(raw["cell_type"], source, _short(raw.get("id")), _short(grade_id))


def _short(name) -> str:
    return name if isinstance(name, str) and len(name) <= 100 else ""


# ---- putting back into order --------------------------------------------------------------------


def reduce(template: Template, hand_in: HandIn) -> Reduced:
    """Recognise the cells of the assignment, repair them, and keep what has to run."""
    cells, result = hand_in.cells, Reduced(remarks=list(hand_in.remarks))
    result.places = _places(template, cells)
    by_cell: dict[str, list[int]] = {}
    for number, cell in result.places.items():
        by_cell.setdefault(cell.name, []).append(number)
    dropped = _stubs_behind_solutions(template, cells, result)
    order: list[tuple[float, dict]] = []
    for number, cell in enumerate(cells):
        known = result.places.get(number)
        source = _source_to_run(template, cell, known, number, by_cell, dropped, result)
        if source is not None:
            order.append((number, {"number": number + 1, "source": without_magics(source)}))
    order += _restored(template, by_cell, result)
    result.run = [cell for _, cell in sorted(order, key=lambda pair: pair[0])]
    _missing(template, cells, by_cell, result)
    for cell in template.of_role("answer"):
        texts = [cells[i].source for i in by_cell.get(cell.name, ())]
        texts = [t for t in texts if not same_code(t, cell.released)]
        result.answers[cell.name] = "\n\n".join(t for t in texts if t.strip())
    return result


def _places(template: Template, cells) -> dict[int, TemplateCell]:
    """Which cell of the assignment each cell is: by nbgrader's name, else by an id of its own."""
    by_name = {cell.name: cell for cell in template.cells if cell.name}
    by_id = {cell.id: cell for cell in template.cells if cell.id}
    taken = {by_name[c.grade_id].id for c in cells if c.grade_id in by_name}
    taken |= {name for name, count in Counter(c.id for c in cells).items() if count > 1}
    found = {}
    for number, cell in enumerate(cells):
        if cell.grade_id in by_name:
            found[number] = by_name[cell.grade_id]
        elif cell.id in by_id and cell.id not in taken and by_id[cell.id].name:
            found[number] = by_id[cell.id]
    return found


def _source_to_run(template, cell, known, number, by_cell, dropped, result) -> str | None:
    """The source of this cell as it will run; None: it does not run."""
    if known is None:
        if cell.kind != "code" or template.is_given(cell.source):
            return None
        return cell.source
    if known.role in ("test", "locked"):
        changed = not same_code(cell.source, known.released)
        first = by_cell[known.name][0] == number
        if changed:
            what = "" if first else "A copy of "
            text = f"{what}The cell “{known.name}” was changed; the original was used."
            text = text.replace("of The", "of the")
            if text not in result.remarks:
                result.remarks.append(text)
        return known.released if known.role == "locked" and first else None
    if known.role == "answer" or number in dropped:
        return None
    if by_cell[known.name][0] == number and len(by_cell[known.name]) > 1:
        result.remarks.append(
            f"The cell “{known.name}” is there {len(by_cell[known.name])} times; all were run."
        )
    if cell.kind != "code":
        result.remarks.append(f"The cell “{known.name}” was not a code cell; it was run as one.")
    return cell.source


def _stubs_behind_solutions(template, cells, result) -> set[int]:
    """Untouched cells that would overwrite what another cell defines."""
    dropped = set()
    for task_cell in template.of_role("solution"):
        for name in task_cell.defines:
            defining = [
                i
                for i, cell in enumerate(cells)
                if name in defined_names(cell.source) and not template.is_given(cell.source)
            ]
            written = [i for i in defining if not is_stub(cells[i].source, task_cell)]
            if written:
                dropped |= {i for i in defining if i not in written}
    return dropped


def _restored(template, by_cell, result) -> list[tuple[float, dict]]:
    """Given code that was deleted comes back, behind the cell that stood before it."""
    found, before = [], -1.0
    for cell in template.cells:
        if cell.name in by_cell and cell.name:
            before = by_cell[cell.name][0]
        elif cell.role == "locked":
            before += 1e-3
            found.append((before, {"number": 0, "source": without_magics(cell.released)}))
            result.remarks.append(f"The cell “{cell.name}” was missing; it was put back.")
    return found


def _missing(template, cells, by_cell, result) -> None:
    for cell in template.cells:
        if cell.role not in ("solution", "answer") or cell.name in by_cell:
            continue
        elsewhere = [
            name
            for name in cell.defines
            if any(name in defined_names(c.source) for c in cells if c.kind == "code")
        ]
        text = f"The cell “{cell.name}” is missing"
        if elsewhere and len(elsewhere) == len(cell.defines):
            text += f"; {' and '.join(elsewhere)} was found in another cell"
        result.remarks.append(text + ".")


_DEFINED = re.compile(r"^(?:async\s+def|def|class)\s+(\w+)|^(\w+)\s*(?::[^=\n]+)?=(?!=)", re.M)


def defined_names(source: str) -> set[str]:
    """Names that a cell defines at its left margin."""
    return {a or b for a, b in _DEFINED.findall(source)}


_MAGIC = re.compile(r"^(\s*)(%|!|\?)")
_ASSIGNED_MAGIC = re.compile(r"^(\s*)\w[\w, ]*=\s*(!|%)")


def without_magics(source: str) -> str:
    """IPython's own commands as comments: ``%matplotlib``, ``!pip``, ``name?``."""
    if source.lstrip().startswith("%%"):
        return "\n".join("# " + line for line in source.split("\n"))
    lines = []
    open_string = False
    for line in source.split("\n"):
        command = _MAGIC.match(line) or _ASSIGNED_MAGIC.match(line) or _asks(line)
        if command and not open_string:
            indent = line[: len(line) - len(line.lstrip())]
            line = f"{indent}pass  # {line.strip()}"
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                open_string = not open_string
        lines.append(line)
    return "\n".join(lines)


def _asks(line: str) -> bool:
    return bool(re.match(r"^[\w.]+\?{1,2}\s*$", line))
