"""Word vectors as named arrays, in an ``.npz`` or ``.safetensors`` file.

:mod:`w2vlib.vector_files` is the door; :mod:`w2vlib.array_files` guards the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from w2vlib.array_files import load_arrays, save_arrays
from w2vlib.files import VectorFileError
from w2vlib.vector_table import VectorFile, encode_word
from w2vlib.word_table import require_finite

CONTENT = "w2vlib word vectors, version 1"


def write_arrays(path: Path, kind: str, words, vectors, counts) -> None:
    """Write words, vectors and perhaps counts; ``kind`` is ``"npz"`` or ``"safetensors"``."""
    encoded = [encode_word(path, word) for word in words]
    arrays = {
        "vectors": vectors,
        "word_bytes": np.frombuffer(b"".join(encoded), np.uint8),
        "word_ends": np.cumsum([len(raw) for raw in encoded], dtype=np.int64),
    }
    if counts is not None:
        arrays["counts"] = counts
    save_arrays(path, arrays, {"content": CONTENT}, format=kind)


def read_arrays(path: Path, kind: str, progress) -> VectorFile:
    """Read what :func:`write_arrays` wrote, and check that the arrays belong together."""
    arrays, metadata = load_arrays(path, format=kind, progress=progress)

    def error(kind: str, problem: str, expected: str = "") -> VectorFileError:
        return VectorFileError(path, kind, problem, expected=expected)

    if metadata.get("content") != CONTENT:
        raise error(
            "wrong-content",
            f"The arrays in it are {sorted(arrays)}, of a file that describes itself as {metadata}",
            f"'{CONTENT}'",
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
