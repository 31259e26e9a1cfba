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
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from w2vlib.array_files import load_arrays, save_arrays
from w2vlib.book_pickle import convert_book_pickle
from w2vlib.files import (
    VectorFileAccessError,
    VectorFileError,
    VectorFileNotFoundError,
    as_path,
    atomic_write,
    clear_errors,
    open_source,
    packed_write,
)
from w2vlib.vector_arrays import read_arrays, write_arrays
from w2vlib.vector_binary import binary_records, read_binary
from w2vlib.vector_table import VectorFile, check_numbers, encode_word, encoded_words
from w2vlib.vector_text import read_text, text_records
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
_SUFFIXES = {
    ".txt": "text",
    ".vec": "text",
    ".bin": "binary",
    ".npz": "npz",
    ".safetensors": "safetensors",
}


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
        return read_arrays(path, kind, progress)
    with open_source(path, packing, progress) as source:
        if kind == "text":
            return read_text(source, _checked_dtype(dtype), allow)
        return read_binary(source, allow)


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
        write_arrays(path, kind, words, vectors, counts)
        return
    encoded = encoded_words(path, words)
    check_numbers(path, kind, words, vectors, allow)
    records = text_records if kind == "text" else binary_records
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
        encoded_words(path, words)
    else:
        for word in words:
            encode_word(path, word)


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
            remedy=f"Choose another name; in Python also format=… (one of {', '.join(FORMATS)})",
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
