"""What readers and writers of word vector files share: the table, the first line, the checks.

Text and binary files begin alike (``V H``) and can hold the same words: these rules stand here,
once.  :mod:`w2vlib.vector_files` is the door.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from w2vlib.files import AGAIN, CHUNK, Source, VectorFileError

MAX_WORD_BYTES = 2_000
MAX_DIMENSION = 100_000
MAX_NUMBER_BYTES = 64
MAX_HEADER_BYTES = 64
_ROWS_AT_ONCE = 256
NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# What C's isspace() takes for the end of a word, and NUL, which ends a C string.
BLANK = re.compile(rb"[\x00\t\n\x0b\x0c\r ]")


class VectorFile(NamedTuple):
    """What is in a file of word vectors.

    Attributes:
        words: the V words, in the file's order.
        vectors: (V, H) numbers.
        counts: (V,) int64, or ``None`` where the format has none.
        word_to_id: dict from word to row.
    """

    words: list[str]
    vectors: np.ndarray
    counts: np.ndarray | None
    word_to_id: dict[str, int]


# --------------------------------------------------------------------------------- what is read


class VectorTable:
    """Collects words and rows, and refuses what no good file has.

    The full matrix is made at once only where the file's size has vouched for its header; otherwise
    it grows with what has really been read.
    """

    def __init__(self, source: Source, rows: int, columns: int, dtype, allow, unit: str) -> None:
        self.path = source.path
        self._unit = unit  # places are "line" or "byte"
        self._places: list[int] = []  # of the rows that were not looked at yet
        self.size = rows
        self.words: list[str] = []
        self.word_to_id: dict[str, int] = {}
        self._allow = allow
        start = rows if source.size is not None else min(rows, 1 + CHUNK // (8 * columns))
        self._matrix = np.empty((start, columns), dtype)

    def add(self, raw_word: bytes, row: np.ndarray, place: int) -> None:
        """Take one word and its numbers; ``place`` (line or byte) is for error messages."""
        word = self._word(raw_word, place)
        if word in self.word_to_id:
            if "duplicates" in self._allow:
                return
            raise self._error(
                "duplicate-word",
                f"The word {word!r} occurs again (first as number {self.word_to_id[word] + 1})",
                place,
                "every word once",
                "Take one of them out, or keep the first with allow={'duplicates'}",
            )
        self.word_to_id[word] = position = len(self.words)
        self.words.append(word)
        if position == len(self._matrix):
            # realloc moves pages, not bytes: no second copy of a large matrix.
            rows = min(self.size, position + position // 2 + 1)
            self._matrix.resize((rows, self._matrix.shape[1]), refcheck=False)
        self._matrix[position] = row
        self._places.append(place)
        if len(self._places) == _ROWS_AT_ONCE:
            self._check_rows()

    def result(self) -> VectorFile:
        """All of it, once the last word is in."""
        self._check_rows()
        if len(self.words) < len(self._matrix):
            self._matrix.resize((len(self.words), self._matrix.shape[1]), refcheck=False)
        return VectorFile(self.words, self._matrix, None, self.word_to_id)

    def _check_rows(self) -> None:
        """Look at the newest rows together: one by one would take most of the time."""
        start = len(self.words) - len(self._places)
        rows = self._matrix[start : len(self.words)]
        good = np.isfinite(rows).all(axis=1)
        if good.all() and "zeros" not in self._allow:
            good = rows.any(axis=1)
        if not good.all():
            bad = int(np.argmin(good))
            raise self._bad_row(self.words[start + bad], rows[bad], self._places[bad])
        self._places.clear()

    def _bad_row(self, word: str, row: np.ndarray, place: int) -> VectorFileError:
        finite = np.isfinite(row)
        if finite.all():
            return self._error(
                "zero-vector",
                f"The vector of {word!r} is all zeros",
                place,
                "at least one number that is not 0",
                "Zeros are what a damaged disk leaves; if they are meant, read it with "
                "allow={'zeros'}",
            )
        column = int(np.argmin(finite))
        kind, what = ("nan", "NaN") if np.isnan(row[column]) else ("infinite", "infinite")
        return self._error(
            kind,
            f"Number {column + 1} of {word!r} is {what}",
            place,
            f"finite numbers that fit into {row.dtype}",
            "Training went wrong, or the file is damaged: make it again",
        )

    def _error(self, kind, problem, place: int, expected="", remedy=AGAIN) -> VectorFileError:
        where = {self._unit: place}
        return VectorFileError(self.path, kind, problem, **where, expected=expected, remedy=remedy)

    def _word(self, raw: bytes, place: int) -> str:
        if not raw:
            raise self._error("empty-word", "There is no word before the numbers", place)
        if len(raw) > MAX_WORD_BYTES:
            expected = f"at most {MAX_WORD_BYTES} bytes"
            raise self._error("long-word", f"A word of {len(raw)} bytes", place, expected)
        if BLANK.search(raw):
            raise self._error(
                "blank-in-word",
                f"The word {shorten(raw)} holds a blank or control character",
                place,
                "a word without blanks",
                "Join its parts with '_' in the program that wrote the file, or if it is damaged, "
                "get it again",
            )
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._error(
                "bad-utf8",
                f"The word {shorten(raw)} is not UTF-8 ({error.reason})",
                place,
                "words in UTF-8",
                "Convert the file to UTF-8 if it has another encoding; otherwise it is damaged",
            ) from error


def parse_header(source: Source, header: bytes, complete: bool) -> tuple[int, int]:
    """(V, H) from the first line, ``b"V H"``, in exactly the form in which programs write it."""
    found = re.fullmatch(rb"(0|[1-9]\d{0,18}) (0|[1-9]\d{0,18})", header)
    if not (complete and found):
        raise VectorFileError(
            source.path,
            "bad-header",
            f"The first line is {shorten(header)}",
            line=1,
            expected="two numbers, 'words dimensions', for example '10000 100'",
            remedy=_header_remedy(header),
        )
    rows, columns = int(found[1]), int(found[2])
    if rows == 0 or columns == 0:
        raise VectorFileError(
            source.path,
            "no-vectors",
            f"The first line announces {rows} words with {columns} numbers each",
            line=1,
            expected="at least one of both",
        )
    if columns > MAX_DIMENSION:
        raise VectorFileError(
            source.path,
            "header-too-large",
            f"The first line announces vectors of {columns} numbers",
            line=1,
            expected=f"at most {MAX_DIMENSION}",
        )
    return rows, columns


# What the first bytes say when a file is something else altogether.
_SIGNATURES = [
    (b"\xef\xbb\xbf", "It starts with a byte order mark: save it as UTF-8 without BOM"),
    (b"\xff\xfe", "It is UTF-16: save it as UTF-8"),
    (b"\xfe\xff", "It is UTF-16: save it as UTF-8"),
    (b"\x1f\x8b", "It is packed with gzip: let its name end in .gz"),
    (b"\xfd7zXZ", "It is packed with xz: let its name end in .xz"),
    (b"BZh", "It is packed with bzip2: unpack it first"),
    (b"PK\3\4", "It is a zip or .npz archive: let its name end in .npz, or unpack it first"),
    (b"\x93NUMPY", "It is a NumPy array: load it with numpy.load"),
    (b"\x80", "It may be a pickle: convert_book_pickle(path) reads the book's"),
    (b"\xba\x16\x4f\x2f", "It is a fastText model: export its vectors as .vec first"),
    (b"<", "It is a web page: the download went wrong; download it again"),
    (b"version https://git-lfs", "It only points to the real file: fetch that with 'git lfs pull'"),
]


def _header_remedy(header: bytes) -> str:
    for signature, remedy in _SIGNATURES:
        if header.startswith(signature):
            return remedy
    if header.endswith(b"\r"):
        return "It has Windows line ends: convert it (dos2unix) and try again"
    if re.fullmatch(rb"\S+( [-+.\deE]+)+ ?", header):
        return (
            "A file without that first line (GloVe's, for example) needs it: put "
            "'words dimensions' at its top"
        )
    if re.search(r"[^\W\d_]{2,} (.* )?[^\W\d_]{2,}", header.decode("utf-8", "replace")):
        return (
            "It looks like a text, which vectors can be learned from: w2vlib.fast.train(path), or "
            "'python -m w2vlib train'"
        )
    return AGAIN


def check_claim(source: Source, rows: int, columns: int, least: int, header_size: int) -> None:
    """Compare the header with the size of the file, before memory is asked for."""
    if source.size is not None and rows * least > source.size - header_size:
        raise VectorFileError(
            source.path,
            "header-too-large",
            f"The first line announces {rows} words of {columns} numbers, but only "
            f"{source.size - header_size} bytes follow",
            line=1,
            expected=f"at least {rows * least} bytes",
            remedy="The file is cut off or its first line is wrong: get it again",
        )


def shorten(data: bytes) -> str:
    """Bytes for an error message: the first 60 of them."""
    return repr(data) if len(data) <= 60 else f"{data[:60]!r}…"


# ------------------------------------------------------------------------------ what is written


def encoded_words(path: Path, words: Sequence[str]) -> list[bytes]:
    """UTF-8 of every word, all of them fit for the text and binary formats."""
    encoded = []
    for word in words:
        raw = encode_word(path, word)
        if BLANK.search(raw):
            raise VectorFileError(
                path,
                "blank-in-word",
                f"The word {word!r} holds a blank or control character, which ends a word in this "
                "format",
                remedy="Replace blanks by '_', or save as .npz, which takes any word",
            )
        if len(raw) > MAX_WORD_BYTES:
            raise VectorFileError(
                path,
                "long-word",
                f"The word {word[:20]!r}… has {len(raw)} bytes",
                expected=f"at most {MAX_WORD_BYTES}",
                remedy="Save as .npz, which takes any word",
            )
        encoded.append(raw)
    return encoded


def encode_word(path: Path, word: str) -> bytes:
    """UTF-8 of one word."""
    try:
        return word.encode("utf-8")
    except UnicodeEncodeError as error:
        raise VectorFileError(
            path,
            "bad-utf8",
            f"The word {word!r} cannot be written in UTF-8 ({error.reason})",
            remedy="Half a surrogate pair comes from text that was decoded wrongly: decode it as "
            "UTF-8 when you read it",
        ) from error


def check_numbers(path: Path, kind: str, words, vectors: np.ndarray, allow) -> None:
    """Refuse (V, H) numbers that a text or binary file cannot hold, or that readers refuse."""
    if vectors.shape[1] > MAX_DIMENSION:
        raise VectorFileError(
            path,
            "too-large",
            f"The vectors have {vectors.shape[1]} numbers",
            expected=f"at most {MAX_DIMENSION}",
            remedy="Save as .npz",
        )
    block = max(1, (1 << 20) // vectors.shape[1])
    for start in range(0, len(words), block):
        rows = vectors[start : start + block]
        if "zeros" not in allow and not rows.any(axis=1).all():
            word = words[start + int(np.argmin(rows.any(axis=1)))]
            raise VectorFileError(
                path,
                "zero-vector",
                f"The vector of {word!r} is all zeros, which readers take for damage",
                remedy="Leave the word out, save as .npz, or write and read with allow={'zeros'}",
            )
        if kind == "binary" and rows.dtype == np.float64:
            with np.errstate(over="ignore"):
                exact = (rows.astype(np.float32) == rows).all()
            if not exact:
                raise VectorFileError(
                    path,
                    "loses-digits",
                    "The binary format holds float32, and these float64 numbers would be rounded",
                    remedy="Round them yourself, vectors.astype(np.float32), or save as .npz",
                )
