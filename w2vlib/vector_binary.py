"""word2vec's binary format: ``V H``, then for each word its letters, a blank and H float32 numbers.

:mod:`w2vlib.vector_files` is the door; here are the reader and the writer behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from w2vlib.files import Source, VectorFileError
from w2vlib.vector_table import (
    MAX_HEADER_BYTES,
    MAX_NUMBER_BYTES,
    MAX_WORD_BYTES,
    NUMBER,
    VectorFile,
    VectorTable,
    check_claim,
    parse_header,
)


def read_binary(source: Source, allow) -> VectorFile:
    """All of a binary file; options and errors as in :func:`w2vlib.vector_files.read_vectors`."""
    stream = _Records(source)
    header, complete = stream.line(MAX_HEADER_BYTES)
    rows, columns = parse_header(source, header, complete)
    _refuse_text(stream, columns)
    check_claim(source, rows, columns, 4 * columns + 2, len(header) + 1)
    table = VectorTable(source, rows, columns, np.dtype(np.float32), allow, "byte")
    newline: bool | None = None  # word2vec.c writes one behind each vector, gensim does not
    for number in range(rows):
        place = stream.position
        word = stream.word(number)
        vector = np.frombuffer(stream.take(4 * columns, number, rows), "<f4")
        if newline is None:
            newline = stream.peek() == b"\n"
        if newline:
            stream.newline(number)
        table.add(word, vector, place)
    if stream.peek():
        raise VectorFileError(
            source.path,
            "trailing-bytes",
            f"There are bytes behind the last of {rows} words",
            byte=stream.position,
            expected="the end of the file",
            remedy="Two files may have been joined, or the first line is wrong: get it again",
        )
    return table.result()


class _Records:
    """The bytes of a binary file in pieces of any length."""

    def __init__(self, source: Source) -> None:
        self.path = source.path
        self.position = 0
        self._source = source
        self._buffer = b""
        self._at = 0

    def _fill(self, count: int) -> bool:
        """Have ``count`` bytes at hand; ``False`` if the file ends before."""
        while len(self._buffer) - self._at < count:
            piece = self._source.read()
            if not piece:
                return False
            self._buffer = self._buffer[self._at :] + piece
            self._at = 0
        return True

    def _move(self, count: int) -> bytes:
        data = self._buffer[self._at : self._at + count]
        self._at += len(data)
        self.position += len(data)
        return data

    def peek(self, count: int = 1) -> bytes:
        """The next bytes without moving; fewer at the end."""
        if len(self._buffer) - self._at < count:
            self._fill(count)
        return self._buffer[self._at : self._at + count]

    def line(self, limit: int) -> tuple[bytes, bool]:
        """Up to the next newline (which is skipped), and whether there was one."""
        end = self.peek(limit + 1).find(b"\n")
        if end < 0:
            return self._move(limit), False
        return self._move(end + 1)[:-1], True

    def word(self, number: int) -> bytes:
        """Up to the next blank, which is skipped."""
        end = self._buffer.find(b" ", self._at)
        if end < 0:
            self._fill(MAX_WORD_BYTES + 1)
            end = self._buffer.find(b" ", self._at)
        if end < 0:
            kind = "long-word" if self._fill(MAX_WORD_BYTES + 1) else "truncated"
            raise VectorFileError(
                self.path,
                kind,
                f"Word number {number + 1} has no end",
                byte=self.position,
                expected=f"a blank behind a word of at most {MAX_WORD_BYTES} bytes",
                remedy="The file is damaged before this place, or its first line names the wrong "
                "number of dimensions: get it again",
            )
        return self._move(end - self._at + 1)[:-1]

    def take(self, count: int, number: int, rows: int) -> bytes:
        """Exactly ``count`` bytes of numbers."""
        if len(self._buffer) - self._at < count and not self._fill(count):
            raise VectorFileError(
                self.path,
                "truncated",
                f"The file ends inside the numbers of word {number + 1} of {rows}",
                byte=self.position,
                expected=f"{count} bytes, got {len(self._buffer) - self._at}",
                remedy="The file is cut off: get it again",
            )
        return self._move(count)

    def newline(self, number: int) -> None:
        """Skip the newline that word2vec.c writes behind each vector."""
        if self.peek() != b"\n":
            found = self.peek()
            raise VectorFileError(
                self.path,
                "missing-newline" if found else "truncated",
                f"No newline stands behind the numbers of word {number + 1}",
                byte=self.position,
                expected=f"a newline, as behind the words before, got {found!r}",
                remedy="The file is cut off or damaged before this place: get it again",
            )
        self._move(1)


def _refuse_text(stream: _Records, columns: int) -> None:
    """Say so if the first record is a line of text: numbers that anyone can read."""
    start = stream.peek(MAX_WORD_BYTES + columns * MAX_NUMBER_BYTES)
    if _is_text_line(start.partition(b"\n")[0], columns):
        raise VectorFileError(
            stream.path,
            "text-as-binary",
            "After its first line comes a word with numbers in readable text",
            byte=stream.position,
            expected=f"a word and {columns} numbers of 4 bytes each",
            remedy="It is word2vec's text format: let its name end in .txt or .vec, or say "
            "format='text'",
        )


def _is_text_line(line: bytes, columns: int) -> bool:
    numbers = line.removesuffix(b"\r").removesuffix(b" ").split(b" ")[1:]
    return len(numbers) == columns and all(NUMBER.fullmatch(piece) for piece in numbers)


def binary_records(path, words: list[bytes], vectors: np.ndarray, layout: str) -> Iterator[bytes]:
    """The bytes behind the first line, in blocks."""
    ending = b"\n" if layout == "word2vec.c" else b""
    block = max(1, (1 << 18) // vectors.shape[1])
    for start in range(0, len(words), block):
        rows = vectors[start : start + block].astype("<f4")
        records = b"".join(
            b"%s %s%s" % (word, row.tobytes(), ending)
            for word, row in zip(words[start : start + block], rows, strict=True)
        )
        if start == 0 and _is_text_line(records.partition(b"\n")[0], vectors.shape[1]):
            raise VectorFileError(
                path,
                "ambiguous",
                "By a rare chance these numbers look like readable text, byte for byte",
                remedy="Save them as .npz",
            )
        yield records
