"""Read and write files of word vectors: nothing lost, nothing silently wrong.

==================  ===============  =============================================================
suffix              format           holds
==================  ===============  =============================================================
``.txt``, ``.vec``  word2vec text    words and numbers, exact to the last bit; readable
``.bin``            word2vec binary  words and float32 numbers, as gensim and word2vec.c write it
``.npz``            NumPy archive    words, counts, numbers in their dtype, checksums
``.safetensors``    safetensors      the same
==================  ===============  =============================================================

The first two may be packed: ``.gz`` or ``.xz`` behind the suffix.  Only ``.npz``,
``.safetensors`` and packed files carry checksums.  In plain text and binary files a changed digit
that leaves a valid number cannot be noticed by anyone; everything that *can* be noticed is an error
here.

No format uses pickle.  :func:`convert_book_pickle` reads the book's ``.pkl`` files without running
anything that is in them.
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import numpy as np

from w2vlib.array_files import load_arrays, save_arrays
from w2vlib.book_pickle import convert_book_pickle
from w2vlib.files import (
    AGAIN,
    CHUNK,
    Source,
    VectorFileAccessError,
    VectorFileError,
    VectorFileNotFoundError,
    as_path,
    atomic_write,
    clear_errors,
    open_source,
    packed_write,
)
from w2vlib.word_table import (
    checked_counts,
    checked_matrix,
    checked_words,
    index_words,
    require_finite,
)

__all__ = [
    "VectorFile",
    "VectorFileAccessError",
    "VectorFileError",
    "VectorFileNotFoundError",
    "atomic_write",
    "check_writable",
    "convert_book_pickle",
    "load_arrays",
    "read_vectors",
    "save_arrays",
    "write_vectors",
]

FORMATS = ("text", "binary", "npz", "safetensors")
ALLOWABLE = ("zeros", "duplicates")
LAYOUTS = ("word2vec.c", "gensim")
MAX_WORD_BYTES = 2_000
MAX_DIMENSION = 100_000
_MAX_NUMBER_BYTES = 64
_MAX_HEADER_BYTES = 64
_ROWS_AT_ONCE = 256
_SUFFIXES = {
    ".txt": "text",
    ".vec": "text",
    ".bin": "binary",
    ".npz": "npz",
    ".safetensors": "safetensors",
}
# Every float of the type comes back from so many significant digits.
_DIGITS = {2: 5, 4: 9, 8: 17}
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NUMBER_BYTES = b"0123456789+-.eE "
# What C's isspace() takes for the end of a word, and NUL, which ends a C string.
_BLANK = re.compile(rb"[\x00\t\n\x0b\x0c\r ]")


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


# --------------------------------------------------------------------------------- reading, writing


def read_vectors(
    path: str | os.PathLike,
    *,
    format: str | None = None,
    dtype=None,
    allow: Collection[str] = (),
    progress: bool | None = None,
) -> VectorFile:
    """Read a file of word vectors and check all of it.

    Args:
        path: the file; its suffix tells format and packing (table above).
        format: ``"text"``, ``"binary"``, ``"npz"`` or ``"safetensors"``, where the suffix does not
            tell.
        dtype: of the numbers in a text file: float32 (default) or float64.  The other formats say
            themselves what they hold.
        allow: what to let pass: ``"zeros"`` (vectors that are all zero), ``"duplicates"`` (a word
            that comes again is left out; the first one counts).  For text and binary files.
        progress: show a bar; by default for files of 64 MB and more.

    Returns:
        A :class:`VectorFile`.  Beyond it and the words, the memory needed is a few MB.

    Raises:
        VectorFileError: anything is not as it should be; the message says where, and what to do.
        ValueError, TypeError: a wrong argument.
    """
    path = as_path(path)
    kind, packing = _format_of(path, format)
    allow = _checked_allow(allow)
    if dtype is not None and kind != "text":
        raise ValueError(f"dtype can be chosen for text files only; {path} is {kind}.")
    if kind in ("npz", "safetensors"):
        return _read_arrays(path, kind, progress)
    with open_source(path, packing, progress) as source:
        if kind == "text":
            return _read_text(source, _checked_dtype(dtype), allow)
        return _read_binary(source, allow)


def write_vectors(
    path: str | os.PathLike,
    words: Sequence[str],
    vectors: np.ndarray,
    counts: np.ndarray | None = None,
    *,
    format: str | None = None,
    layout: str = "word2vec.c",
    allow: Collection[str] = (),
) -> None:
    """Write a file of word vectors, atomically: afterwards the whole file is there, or the old one.

    Text and binary files have no room for counts; the order of the words is kept.  The number of
    digits in text is the smallest that brings every number back exactly.

    Args:
        path: the file; its suffix tells format and packing (table above).
        words: V different words.
        vectors: (V, H) floating-point numbers, all finite.
        counts: (V,) integers, or ``None``.
        format: as in :func:`read_vectors`.
        layout: of binary files: ``"word2vec.c"`` ends every vector with a newline, as the original
            program does; ``"gensim"`` does not.  Both programs read both.
        allow: ``{"zeros"}`` writes zero vectors to text and binary files, where they are otherwise
            refused, because a reader takes them for damage.

    Raises:
        VectorFileError: a word or number that the format cannot hold, or the system refuses (disk
            full, no permission).
        ValueError, TypeError: a wrong argument.
    """
    path = as_path(path)
    kind, packing = _format_of(path, format)
    allow = _checked_allow(allow)
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {LAYOUTS}, got {layout!r}.")
    vectors = checked_matrix(vectors)
    words = checked_words(words, len(vectors))
    index_words(words)  # refuses duplicates
    require_finite(vectors, words)
    counts = checked_counts(counts, len(vectors))
    if kind in ("npz", "safetensors"):
        _write_arrays(path, kind, words, vectors, counts)
        return
    encoded = _encoded_words(path, words)
    _check_writable(path, kind, words, vectors, allow)
    records = _text_records if kind == "text" else _binary_records
    with clear_errors(path), packed_write(path, packing) as file:
        file.write(b"%d %d\n" % vectors.shape)
        for block in records(path, encoded, vectors, layout):
            file.write(block)


def check_writable(
    path: str | os.PathLike, words: Sequence[str] = (), *, format: str | None = None
) -> None:
    """Say now what :func:`write_vectors` would say after hours of training.

    Looks at the name, at the folder (a file is made in it and removed) and at the words.

    Args:
        path, words, format: as for :func:`write_vectors`; words may be left out.

    Raises:
        VectorFileError: the name, the folder or a word is one that :func:`write_vectors` refuses.
        TypeError, ValueError: a wrong argument.
    """
    path = as_path(path)
    kind, _ = _format_of(path, format)
    with clear_errors(path):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        with tempfile.TemporaryFile(dir=Path(os.path.realpath(path)).parent):
            pass
    if kind in ("text", "binary"):
        _encoded_words(path, words)
    else:
        for word in words:
            _encode(path, word)


def _format_of(path: Path, format: str | None) -> tuple[str, str]:
    """(format, packing) from the suffixes and what the caller says."""
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {FORMATS}, got {format!r}.")
    suffix = path.suffix.lower()
    packing = suffix[1:] if suffix in (".gz", ".xz") else ""
    if packing:
        suffix = path.with_suffix("").suffix.lower()
    kind = format or _SUFFIXES.get(suffix)
    if kind is None:
        raise VectorFileError(
            path,
            "unknown-format",
            f"The suffix {suffix!r} names no format",
            expected=f"{', '.join(_SUFFIXES)}, the first three also with .gz or .xz",
            remedy=f"Rename the file, or say format=… (one of {', '.join(FORMATS)})",
        )
    if packing and kind in ("npz", "safetensors"):
        raise VectorFileError(
            path,
            "unknown-format",
            f"A {kind} file is never packed with .{packing}",
            remedy="Unpack it first, or choose a name without the last suffix",
        )
    return kind, packing


def _checked_allow(allow: Collection[str]) -> frozenset[str]:
    try:
        allow = frozenset([allow] if isinstance(allow, str) else allow)
    except TypeError:
        raise TypeError(f"allow must be a list of names, got {allow!r}.") from None
    if not allow <= set(ALLOWABLE):
        raise ValueError(f"allow may hold {ALLOWABLE}, got {sorted(allow)!r}.")
    return allow


def _checked_dtype(dtype) -> np.dtype:
    dtype = np.dtype(np.float32 if dtype is None else dtype)
    if dtype not in (np.float32, np.float64):
        raise ValueError(f"dtype must be float32 or float64, got {dtype}.")
    return dtype


# ---------------------------------------------------------------------------------------- the parts


class _Table:
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
        if _BLANK.search(raw):
            raise self._error(
                "blank-in-word",
                f"The word {_shorten(raw)} holds a blank or control character",
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
                f"The word {_shorten(raw)} is not UTF-8 ({error.reason})",
                place,
                "words in UTF-8",
                "Convert the file to UTF-8 if it has another encoding; otherwise it is damaged",
            ) from error


def _parse_header(source: Source, header: bytes, complete: bool) -> tuple[int, int]:
    """(V, H) from the first line, ``b"V H"``, in exactly the form in which programs write it."""
    found = re.fullmatch(rb"(0|[1-9]\d{0,18}) (0|[1-9]\d{0,18})", header)
    if not (complete and found):
        raise VectorFileError(
            source.path,
            "bad-header",
            f"The first line is {_shorten(header)}",
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
    return AGAIN


def _check_claim(source: Source, rows: int, columns: int, least: int, header_size: int) -> None:
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


def _shorten(data: bytes) -> str:
    return repr(data) if len(data) <= 60 else f"{data[:60]!r}…"


# --------------------------------------------------------------------------------------------- text


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


def _read_text(source: Source, dtype: np.dtype, allow) -> VectorFile:
    with closing(_lines(source, _MAX_HEADER_BYTES)) as lines:
        header, complete = next(lines, (b"", False))
        rows, columns = _parse_header(source, header, complete)
        _check_claim(source, rows, columns, 2 * columns + 2, len(header) + 1)
        limit = MAX_WORD_BYTES + columns * _MAX_NUMBER_BYTES
        table = _Table(source, rows, columns, dtype, allow, "line")
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
        f"The last line does not end with a newline: {_shorten(line[-60:])}",
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
            if not _NUMBER.fullmatch(piece):
                return error(
                    "bad-number",
                    f"Number {position + 1} is {_shorten(piece)}",
                    "a decimal number like -0.25 or 1.5e-05",
                )
        return error("bad-number", f"The line cannot be read: {_shorten(text)}", "numbers")


def _looks_binary(line: bytes) -> bool:
    # Tab and carriage return have errors of their own.
    if re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", line):
        return True
    try:
        line.partition(b" ")[2].decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


def _text_records(path, words: list[bytes], vectors: np.ndarray, layout: str) -> Iterator[bytes]:
    digits = _DIGITS[vectors.dtype.itemsize]
    row_format = " ".join([f"%.{digits}g"] * vectors.shape[1])
    block = max(1, (1 << 16) // vectors.shape[1])
    for start in range(0, len(words), block):
        rows = vectors[start : start + block].tolist()
        yield b"".join(
            b"%s %s\n" % (word, (row_format % tuple(row)).encode("ascii"))
            for word, row in zip(words[start : start + block], rows, strict=True)
        )


# ------------------------------------------------------------------------------------------- binary


def _read_binary(source: Source, allow) -> VectorFile:
    stream = _Records(source)
    header, complete = stream.line(_MAX_HEADER_BYTES)
    rows, columns = _parse_header(source, header, complete)
    _refuse_text(stream, columns)
    _check_claim(source, rows, columns, 4 * columns + 2, len(header) + 1)
    table = _Table(source, rows, columns, np.dtype(np.float32), allow, "byte")
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
    start = stream.peek(MAX_WORD_BYTES + columns * _MAX_NUMBER_BYTES)
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
    return len(numbers) == columns and all(_NUMBER.fullmatch(piece) for piece in numbers)


def _binary_records(path, words: list[bytes], vectors: np.ndarray, layout: str) -> Iterator[bytes]:
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


# ------------------------------------------------------------------------------ checks when writing


def _encoded_words(path: Path, words: Sequence[str]) -> list[bytes]:
    """UTF-8 of every word, all of them fit for the text and binary formats."""
    encoded = []
    for word in words:
        raw = _encode(path, word)
        if _BLANK.search(raw):
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


def _encode(path: Path, word: str) -> bytes:
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


def _check_writable(path: Path, kind: str, words, vectors: np.ndarray, allow) -> None:
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


# --------------------------------------------------------------------------------- npz, safetensors

_WHAT = "w2vlib word vectors, version 1"


def _write_arrays(path: Path, kind: str, words, vectors, counts) -> None:
    encoded = [_encode(path, word) for word in words]
    arrays = {
        "vectors": vectors,
        "word_bytes": np.frombuffer(b"".join(encoded), np.uint8),
        "word_ends": np.cumsum([len(raw) for raw in encoded], dtype=np.int64),
    }
    if counts is not None:
        arrays["counts"] = counts
    save_arrays(path, arrays, {"content": _WHAT}, format=kind)


def _read_arrays(path: Path, kind: str, progress) -> VectorFile:
    arrays, metadata = load_arrays(path, format=kind, progress=progress)

    def error(kind: str, problem: str, expected: str = "") -> VectorFileError:
        return VectorFileError(path, kind, problem, expected=expected)

    if metadata.get("content") != _WHAT:
        raise error(
            "wrong-content",
            f"The arrays in it are {sorted(arrays)}, of a file that describes itself as {metadata}",
            f"'{_WHAT}'",
        )
    wanted = {"vectors", "word_bytes", "word_ends"}
    if arrays.keys() - {"counts"} != wanted:
        raise error("wrong-content", f"It holds the arrays {sorted(arrays)}", f"{sorted(wanted)}")
    vectors, counts = arrays["vectors"], arrays.get("counts")
    if vectors.ndim != 2 or vectors.dtype.kind != "f" or 0 in vectors.shape:
        raise error("wrong-shape", f"vectors is {vectors.dtype} of shape {vectors.shape}", "(V, H)")
    words = _decode_words(error, arrays["word_bytes"], arrays["word_ends"], len(vectors))
    word_to_id = {word: row for row, word in enumerate(words)}
    if len(word_to_id) != len(words):
        raise error("duplicate-word", "A word occurs twice", "every word once")
    if counts is not None and not (
        counts.dtype == np.int64 and counts.shape == (len(words),) and counts.min() >= 0
    ):
        raise error("wrong-shape", "counts does not hold one number >= 0 for each word")
    try:
        require_finite(vectors, words)
    except ValueError as problem:
        raise error("nan", str(problem), "finite numbers") from problem
    return VectorFile(words, vectors, counts, word_to_id)


def _decode_words(error: Callable, data: np.ndarray, ends: np.ndarray, count: int) -> list[str]:
    right = (
        data.dtype == np.uint8
        and data.ndim == 1
        and ends.dtype == np.int64
        and ends.shape == (count,)
        and ends[0] > 0
        and ends[-1] == len(data)
        and (ends[1:] > ends[:-1]).all()
    )
    if not right:
        raise error("wrong-shape", f"The word list does not fit {count} vectors")
    raw, words, start = data.tobytes(), [], 0
    for end in ends.tolist():
        try:
            words.append(raw[start:end].decode("utf-8"))
        except UnicodeDecodeError as problem:
            raise error("bad-utf8", f"Word number {len(words) + 1} is not UTF-8") from problem
        start = end
    return words
