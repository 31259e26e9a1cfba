"""Texts larger than memory: ids in files that the system maps into memory piece by piece.

The text is read once, from beginning to end; the vocabulary is then known, and one pass over the
ids gives them their final numbers.  In memory are the vocabulary and one block at a time.
"""

from __future__ import annotations

import atexit
import itertools
import mmap
import os
import shutil
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from w2vlib.datasets import CORPORA, existing_file
from w2vlib.text import (
    LINE_END,
    _checked_spelling,
    _collect,
    _raise_no_words,
    pieces_of_blocks,
    tokenizer_of,
)
from w2vlib.text_files import text_blocks
from w2vlib.validation import as_choice, as_count

_BLOCK = 1 << 20  # ids that are in memory at a time
_RELEASE = 1 << 22  # bytes of a mapping that are given back to the system at a time


class StoredCorpus:
    """A corpus whose ids lie in a file; for everything else like :class:`~w2vlib.corpus.Corpus`.

    Made by :func:`store`.  Use it in a ``with`` statement, or call :meth:`close`: a corpus without
    a folder of its own then deletes its files.

    Attributes:
        ids: (T,) int32, read-only, mapped into memory.
        words: list of the V words, most frequent first.
        counts: (V,) int64.
        sentence_starts: (S,) int64, read-only, mapped; ``None`` for one stream.
        dropped: number of tokens left out because their word is too rare.
        folder: where the files lie.
    """

    def __init__(self, folder: Path, words, counts, dropped: int, stream: bool, temporary) -> None:
        self.folder, self.words, self.counts, self.dropped = folder, words, counts, dropped
        self.name = folder.name
        self._temporary = temporary
        self._ids = _Mapping(folder / "ids.i32", np.int32)
        self._starts = None if stream else _Mapping(folder / "starts.i64", np.int64)
        self.ids = self._ids.array
        self.sentence_starts = None if stream else self._starts.array

    @property
    def vocab_size(self) -> int:
        """V, the number of different words."""
        return len(self.words)

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"<StoredCorpus: {len(self):,} tokens, {self.vocab_size:,} words, {self.folder}>"

    def release(self, begin: int, end: int) -> None:
        """The ids ``begin … end − 1`` will not be read soon: their memory may be used otherwise."""
        self._ids.release(begin, end)

    def close(self) -> None:
        """Let go of the files; delete them if they are temporary."""
        self.ids = self.sentence_starts = None
        for mapping in (self._ids, self._starts):
            if mapping is not None:
                mapping.close()
        if self._temporary is not None:
            self._temporary.cleanup()
            if self.folder.exists():  # Windows deletes no file that someone still has mapped
                atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    def __enter__(self) -> StoredCorpus:
        return self

    def __exit__(self, *exception) -> None:
        self.close()


class _Mapping:
    """A file as a read-only array."""

    def __init__(self, path: Path, dtype) -> None:
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.array = np.frombuffer(self._map, dtype)

    def release(self, begin: int, end: int) -> None:
        """Give back the memory of whole pieces that end here; the system reads them again."""
        size = self.array.itemsize
        first, last = begin * size // _RELEASE * _RELEASE, end * size // _RELEASE * _RELEASE
        if last > first and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED, first, last - first)

    def close(self) -> None:
        self.array = None
        try:
            self._map.close()
        except BufferError:
            pass  # someone still holds the array: the mapping goes when they do


def store(
    path: str | os.PathLike,
    folder: str | os.PathLike | None = None,
    *,
    min_count: int = 1,
    tokenizer="book",
    sentences: str = "lines",
) -> StoredCorpus:
    """Turn a text file into ids on the disk, in one pass over the text.

    The ids, words and counts are those of ``datasets.load(path)`` with the same options.

    Args:
        path: a UTF-8 text file, one sentence a line, also .gz, .xz or .zip.
        folder: where the ids go (4 bytes a token, 8 a sentence); made if it does not exist.  By
            default a temporary folder, which is deleted when the corpus is closed.
        min_count: leave words out that occur less often.
        tokenizer: "book", "words", "split" or a function, see :func:`w2vlib.corpus.tokenize`.
        sentences: "lines" (each line is a sentence) or "stream" (windows run over line ends).

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such text file.
        ValueError: not UTF-8, no words, or wrong options.
    """
    as_count(min_count, "min_count")
    as_choice(sentences, "sentences", ("lines", "stream"))
    tokenizer_of(tokenizer)
    path = existing_file(path, CORPORA)
    temporary = None
    if folder is None:
        temporary = tempfile.TemporaryDirectory(prefix="w2vlib-", ignore_cleanup_errors=True)
    try:
        target = Path(temporary.name if temporary else folder)
        target.mkdir(parents=True, exist_ok=True)
        words, counts, dropped = _write(path, target, min_count, tokenizer, sentences)
        return StoredCorpus(target, words, counts, dropped, sentences == "stream", temporary)
    except BaseException as error:
        if temporary is not None:
            temporary.cleanup()
        if isinstance(error, ValueError):
            raise ValueError(f"Cannot read {path}: {error}") from error
        raise


def _write(path: Path, folder: Path, min_count: int, tokenizer, sentences: str):
    """The files of a stored corpus; returns its words, counts and number of dropped tokens."""
    draft = folder / "draft.i32"
    try:
        seen, uses = _write_draft(pieces_of_blocks(text_blocks(path), tokenizer), draft)
        line_end = seen[LINE_END]
        uses[line_end] = 0
        total = int(uses.sum())
        if not total:
            raise ValueError("source contains no word: a corpus needs at least one.")
        spelled = _checked_spelling(seen)
        words, new_id = _collect(spelled, uses, min_count, "frequency", None)
        new_id[line_end] = -1
        if not words:
            _raise_no_words(total, min_count, False)
        _write_final(draft, folder, new_id, line_end, sentences == "lines")
    finally:
        draft.unlink(missing_ok=True)
    counts = np.zeros(len(words), np.int64)
    kept = new_id >= 0
    np.add.at(counts, new_id[kept], uses[kept])
    return words, counts, total - int(counts.sum())


def _write_draft(pieces, path: Path) -> tuple[dict, np.ndarray]:
    """Ids in the order of appearance, line ends among them; how often each was used."""
    seen: dict = defaultdict(itertools.count().__next__)
    seen[LINE_END]  # number 0
    uses = np.zeros(0, np.int64)
    with open(path, "wb") as file:
        for batch in _batches(pieces, seen):
            counted = np.bincount(batch, minlength=len(uses))
            counted[: len(uses)] += uses
            uses = counted
            batch.tofile(file)
    full = np.zeros(len(seen), np.int64)
    full[: len(uses)] = uses
    return seen, full


def _batches(pieces, seen: dict):
    """The pieces as ids, about a million at a time."""
    parts, waiting = [], 0
    for piece in pieces:
        parts.append(np.fromiter(map(seen.__getitem__, piece), np.int32, len(piece)))
        waiting += len(piece)
        if waiting >= _BLOCK:
            yield np.concatenate(parts)
            parts, waiting = [], 0
    if waiting:
        yield np.concatenate(parts)


def _write_final(draft: Path, folder: Path, new_id: np.ndarray, line_end: int, lines: bool) -> None:
    """The final ids without line ends and rare words, and where the sentences begin."""
    done, last_start = 0, -1
    with (
        open(draft, "rb") as source,
        open(folder / "ids.i32", "wb") as ids,
        open(folder / "starts.i64", "wb") as starts,
    ):
        pending = 0  # where the running sentence began; written with its first token
        while len(block := np.fromfile(source, np.int32, _BLOCK)):
            final = new_id[block]
            kept = final >= 0
            places = done + np.cumsum(kept)
            ends = places[block == line_end]
            final = final[kept]
            final.astype(np.int32, copy=False).tofile(ids)
            done += len(final)
            if not lines:
                continue
            found = np.unique(np.concatenate([[pending], ends]))
            pending = int(found[-1]) if len(ends) else pending
            found = found[(found < done) & (found > last_start)].astype(np.int64)
            if len(found):
                last_start = int(found[-1])
                found.tofile(starts)
    if not lines:
        (folder / "starts.i64").unlink()
