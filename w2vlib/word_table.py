"""What makes a table of word vectors: V different words, and one row of finite numbers for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import numpy as np

from w2vlib.backend import to_cpu
from w2vlib.validation import shorten

# Rows are worked on in blocks of about this many numbers, so temporaries stay small and in cache.
BLOCK_NUMBERS = 1 << 18


def read_only(array: np.ndarray) -> np.ndarray:
    """A view of ``array`` that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def checked_matrix(vectors) -> np.ndarray:
    """``vectors`` as a C-ordered (V, H) float16, float32 or float64 array of this machine's bytes.

    Copied only where that is needed.

    Raises:
        TypeError: not floating-point numbers of these sizes.
        ValueError: not two-dimensional, or empty.
    """
    matrix = to_cpu(vectors)
    if matrix.dtype.kind != "f" or matrix.dtype.itemsize not in (2, 4, 8):
        raise TypeError(
            "vectors must be a floating-point array (float16, float32 or float64), got "
            f"{matrix.dtype}. Use np.asarray(vectors, dtype=np.float32)."
        )
    if matrix.ndim != 2:
        raise ValueError(
            f"vectors must have two dimensions (one row per word), got shape {matrix.shape}."
        )
    if 0 in matrix.shape:
        raise ValueError(
            f"vectors must have at least one row and one column, got shape {matrix.shape}."
        )
    return np.ascontiguousarray(matrix, dtype=matrix.dtype.newbyteorder("="))


def checked_words(words, rows: int) -> tuple[str, ...]:
    """``words``, a sequence or a dict from id to word, as a tuple of ``rows`` non-empty texts.

    Raises:
        TypeError: a word that is not a ``str``, or one ``str`` instead of many; a set, which has no
            order; a corpus.
        ValueError: too few or too many words, an empty word, ids with gaps.
    """
    if isinstance(words, str):
        raise TypeError("words must be a list of words, got a single str. Use text.split().")
    if not isinstance(words, Iterable):
        raise TypeError(f"words must be a list of words, got {words!r}.")
    if isinstance(words, Set):
        raise TypeError(
            f"words must be a list, got a {type(words).__name__}: sets have no order, so nobody "
            "could say which row belongs to which word."
        )
    if not isinstance(words, Mapping) and isinstance(getattr(words, "words", None), (list, tuple)):
        raise TypeError(
            f"words must be a list of words, got {shorten(words)}. Give its .words instead."
        )
    if isinstance(words, Mapping):
        try:
            words = [words[i] for i in range(len(words))]
        except KeyError:
            raise ValueError(
                "words, given as a dict, must be id_to_word with the ids 0 … V−1 as keys. "
                "For a word_to_id dict use list(word_to_id) if its ids are in order."
            ) from None
    words = tuple(words)
    if len(words) != rows:
        raise ValueError(
            f"words and vectors must have the same length, got {len(words)} words and "
            f"{rows} rows. Were they made with the same vocabulary?"
        )
    for position, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(
                f"words[{position}] must be a str, got {word!r} ({type(word).__name__})."
            )
        if not word:
            raise ValueError(f"words[{position}] is empty; every row needs a word.")
    return tuple(map(str, words))  # NumPy's texts would be shown as np.str_('…') in every answer


def index_words(words: tuple[str, ...]) -> dict[str, int]:
    """Dict from word to row.

    Raises:
        ValueError: a word occurs twice.
    """
    word_to_id = {word: i for i, word in enumerate(words)}
    if len(word_to_id) != len(words):
        again = next(i for i, word in enumerate(words) if word_to_id[word] != i)
        word = words[again]
        raise ValueError(
            f"{word!r} occurs twice in words (rows {again} and {word_to_id[word]}); "
            "each word needs one row."
        )
    return word_to_id


def require_finite(matrix: np.ndarray, words: tuple[str, ...]) -> None:
    """Raise a ``ValueError`` that names the first word with NaN or infinite numbers."""
    block = max(1, BLOCK_NUMBERS // matrix.shape[1])
    for start in range(0, len(matrix), block):
        good = np.isfinite(matrix[start : start + block]).all(axis=1)
        if not good.all():
            row = start + int(np.argmin(good))
            raise ValueError(
                f"The vector of {words[row]!r} (row {row}) holds NaN or infinite numbers. "
                "Training that went wrong leaves these: try a smaller learning rate."
            )


def checked_counts(counts, rows: int) -> np.ndarray | None:
    """``counts`` as a read-only (V,) int64 copy; ``None`` stays ``None``.

    Raises:
        TypeError: not whole numbers.
        ValueError: not one count from 0 to 2⁶³ − 1 for each word.
    """
    if counts is None:
        return None
    counts = to_cpu(counts)
    if counts.dtype.kind not in "iu":
        raise TypeError(f"counts must be whole numbers, got dtype {counts.dtype}.")
    if counts.shape != (rows,):
        raise ValueError(f"counts must have shape ({rows},), one per word, got {counts.shape}.")
    if (counts < 0).any():
        raise ValueError(f"counts must not be negative, got {int(counts.min())}.")
    if counts.max() > np.iinfo(np.int64).max:
        raise ValueError(f"counts must be below 2**63, got {int(counts.max())}.")
    return read_only(counts.astype(np.int64))
