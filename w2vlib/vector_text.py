"""word2vec's text format: ``V H``, then a line for each word with its numbers.

:mod:`w2vlib.vector_files` is the door; here are the reader and the writer behind it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

from w2vlib.files import AGAIN, Source, VectorFileError
from w2vlib.vector_table import (
    MAX_HEADER_BYTES,
    MAX_NUMBER_BYTES,
    MAX_WORD_BYTES,
    NUMBER,
    VectorFile,
    VectorTable,
    check_claim,
    parse_header,
    shorten,
)

# Every float of the type comes back from so many significant digits.
_DIGITS = {2: 5, 4: 9, 8: 17}
_NUMBER_BYTES = b"0123456789+-.eE "


def _lines(source: Source, first_limit: int) -> Iterator[tuple[bytes, bool]]:
    """The lines and whether each ended with a newline.  ``send`` the longest length allowed."""
    limit, rest = first_limit, b""
    while piece := source.read():
        *complete, rest = (rest + piece).split(b"\n")
        for line in complete:
            limit = (yield line, True) or limit
        if len(rest) > limit:
            yield rest, False
            return
    if rest:
        yield rest, False


def read_text(source: Source, dtype: np.dtype, allow) -> VectorFile:
    """All of a text file; options and errors as in :func:`w2vlib.vector_files.read_vectors`."""
    with closing(_lines(source, MAX_HEADER_BYTES)) as lines:
        header, complete = next(lines, (b"", False))
        rows, columns = parse_header(source, header, complete)
        check_claim(source, rows, columns, 2 * columns + 2, len(header) + 1)
        limit = MAX_WORD_BYTES + columns * MAX_NUMBER_BYTES
        table = VectorTable(source, rows, columns, dtype, allow, "line")
        parser = _LineParser(source.path, columns, dtype)
        count = 0
        line, complete = _advance(lines, limit)
        while line is not None:
            count += 1
            if count > rows:
                raise _header_too_small(source, rows, count + 1)
            if not complete:
                raise _broken_line(source, line, limit, count + 1)
            word, numbers = parser.parse(line, count + 1)
            table.add(word, numbers, count + 1)
            line, complete = next(lines, (None, True))
    if count < rows:
        raise VectorFileError(
            source.path,
            "header-too-large",
            f"The file ends after {count} words, but its first line announces {rows}",
            line=count + 2,
            expected=f"{rows - count} more line{'s' * (rows - count > 1)}",
            remedy="The file is cut off or its first line is wrong: get it again",
        )
    return table.result()


def _advance(lines, limit: int):
    try:
        return lines.send(limit)
    except StopIteration:
        return None, True


def _header_too_small(source: Source, rows: int, line: int) -> VectorFileError:
    return VectorFileError(
        source.path,
        "header-too-small",
        f"There are more lines than the {rows} words that the first line announces",
        line=line,
        expected="the end of the file",
        remedy="Two files may have been joined, or the first line is wrong: get it again",
    )


def _broken_line(source: Source, line: bytes, limit: int, number: int) -> VectorFileError:
    if len(line) > limit:
        return VectorFileError(
            source.path,
            "long-line",
            f"A line of more than {limit} bytes, without an end",
            line=number,
            expected="one word and its numbers",
            remedy="This may be another format; otherwise the file is damaged",
        )
    return VectorFileError(
        source.path,
        "truncated",
        f"The last line does not end with a newline: {shorten(line[-60:])}",
        line=number,
        expected="a newline at the end of the file",
        remedy="The file is cut off: get it again; if only the newline is missing, add it",
    )


class _LineParser:
    """Takes lines apart.  The quick way serves good lines; bad ones are then looked at closely."""

    def __init__(self, path: Path, columns: int, dtype: np.dtype) -> None:
        self.path = path
        self.columns = columns
        self.dtype = dtype
        self._tail: bytes | None = None  # b" " if lines end with a blank, as word2vec.c's do

    def parse(self, line: bytes, number: int) -> tuple[bytes, np.ndarray]:
        """The word and its (H,) numbers."""
        word, _, text = line.partition(b" ")
        if self._tail is None:
            self._tail = b" " if text.endswith(b" ") else b""
        if self._tail:
            text, ending = text[:-1], text[-1:]
        else:
            ending = b""
        good = (
            ending == self._tail
            and text.count(b" ") == self.columns - 1
            and b"  " not in text
            and text[:1] != b" "
            and text[-1:] != b" "
            and not text.translate(None, _NUMBER_BYTES)
        )
        values = self._convert(text) if good else None
        if values is None:
            raise self._explain(line, text, ending, number)
        return word, values

    def _convert(self, text: bytes) -> np.ndarray | None:
        try:
            values = np.fromstring(text, self.dtype, sep=" ")
        except (ValueError, DeprecationWarning):
            return None
        # As many numbers as blanks say: so every piece between blanks is exactly one number.
        return values if len(values) == self.columns else None

    def _explain(self, line: bytes, text: bytes, ending: bytes, number: int) -> VectorFileError:
        def error(kind, problem, expected, remedy=AGAIN):
            return VectorFileError(
                self.path, kind, problem, line=number, expected=expected, remedy=remedy
            )

        one_line = f"a word and {self.columns} numbers with one blank between them"
        if line.endswith(b"\r"):
            return error(
                "crlf",
                "The line has a Windows line end (CR LF)",
                "lines that end with LF alone",
                "Convert the file (dos2unix), and copy such files in binary mode",
            )
        if not line.strip():
            return error("empty-line", "The line is empty", one_line)
        if _looks_binary(line):
            return error(
                "binary-as-text",
                "There are bytes that occur in no text",
                one_line,
                "If it is word2vec's binary format, let its name end in .bin or say "
                "format='binary'; otherwise the file is damaged",
            )
        if b"\t" in line:
            return error("tab", "There is a tab in the line", one_line, "Replace tabs by blanks")
        for position, piece in enumerate(text.split(b" ")):
            if piece.lower().lstrip(b"+-") in (b"nan", b"inf", b"infinity"):
                return error(
                    "nan" if b"n" == piece.lower().lstrip(b"+-")[:1] else "infinite",
                    f"Number {position + 1} is {piece.decode('ascii')}",
                    "finite numbers",
                    "Training went wrong, or the file is damaged: make it again",
                )
        found = text.count(b" ") + 1 if text else 0
        if ending != self._tail:
            wanted = "a blank before its end, as" if self._tail else "no blank at its end, like"
            return error(
                "uneven-blanks", "The line ends in another way", f"{wanted} the lines before"
            )
        if b"  " in line or line.startswith(b" ") or text.endswith(b" "):
            return error("uneven-blanks", "There is a blank too many", one_line)
        if found != self.columns:
            return error(
                "wrong-dimension",
                f"There are {found} numbers",
                one_line,
                "If the word itself holds a blank, join its parts with '_'; otherwise the file is "
                "damaged: get it again",
            )
        return self._explain_number(text, error)

    def _explain_number(self, text: bytes, error: Callable) -> VectorFileError:
        for position, piece in enumerate(text.split(b" ")):
            if not NUMBER.fullmatch(piece):
                return error(
                    "bad-number",
                    f"Number {position + 1} is {shorten(piece)}",
                    "a decimal number like -0.25 or 1.5e-05",
                )
        return error("bad-number", f"The line cannot be read: {shorten(text)}", "numbers")


def _looks_binary(line: bytes) -> bool:
    # Tab and carriage return have errors of their own.
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", line):
        return True
    try:
        line.partition(b" ")[2].decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def text_records(path, words: list[bytes], vectors: np.ndarray, layout: str) -> Iterator[bytes]:
    """The bytes behind the first line, in blocks (``path``, ``layout``: as for binary files)."""
    digits = _DIGITS[vectors.dtype.itemsize]
    row_format = " ".join([f"%.{digits}g"] * vectors.shape[1])
    block = max(1, (1 << 16) // vectors.shape[1])
    for start in range(0, len(words), block):
        rows = vectors[start : start + block].tolist()
        yield b"".join(
            b"%s %s\n" % (word, (row_format % tuple(row)).encode("ascii"))
            for word, row in zip(words[start : start + block], rows, strict=True)
        )
