"""From text to numbers: words → ids, windows (contexts and targets), co-occurrence counts and PPMI.

Everything here runs on the CPU with NumPy and is done once, before training.

Notation: ``corpus`` (T,) ids of the words in the order of the text, V vocabulary size, w window
size, C = 2w contexts per target.

Source: the functions keep the names and the results of chapters 2–4 of "Deep Learning from
Scratch 2"; what they do beyond the book is said in each docstring.
"""

from __future__ import annotations

import functools
import itertools
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from w2vlib.validation import (
    PAD,
    UnknownWordError,
    as_count,
    as_generator,
    as_ids,
    as_number,
)

__all__ = [
    "CoMatrix",
    "Corpus",
    "build_corpus",
    "convert_one_hot",
    "cooccurrence",
    "create_co_matrix",
    "create_contexts_target",
    "keep_probability",
    "ppmi",
    "preprocess",
    "subsample",
    "tokenize",
]

_LARGEST_ID = 2**31 - 2  # ids are int32
_CHUNK = 1 << 16  # characters: the tokens of one chunk stay in the processor's cache
_LONGEST_TOKEN = 1 << 20
_LINE_END = "\0"  # stands for a line end while text is turned into ids; text may not contain it


# ---- the corpus ---------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, repr=False)
class Corpus:
    """A text as ids, together with its vocabulary.  Its arrays are read-only.

    ``ids, word_to_id, id_to_word = corpus`` unpacks the triple that the book works with, and
    ``np.asarray(corpus)`` is ``corpus.ids``.  ``len(corpus)`` is T, the number of tokens.

    Attributes:
        ids: (T,) int32, the text.
        words: list of V words; ``words[i]`` is the word with id i.
        sentence_starts: (S,) int64, position of each sentence's first token in ``ids``; ``None`` if
            the text is one stream without sentence ends.
        counts: (V,) int64, how often each word occurs.  Given, it is kept as it is (a subsampled
            corpus keeps the counts of the full text); else it is counted from ``ids``.
        dropped: number of tokens of the text that are not in ``ids`` because their word is not in
            the vocabulary.
        name: what to call it in messages.

    Raises:
        TypeError: ids that are not integers, words that are not strings.
        ValueError: no tokens, a repeated or empty word, sentence starts that are not 0 < … < T.
        IndexError: an id that is not in ``[0, V)``.
    """

    ids: np.ndarray
    words: list[str]
    sentence_starts: np.ndarray | None = None
    counts: np.ndarray | None = field(default=None)
    dropped: int = 0
    name: str = "corpus"

    def __post_init__(self) -> None:
        words = _checked_words(self.words)
        ids = _one_row_of_ids(self.ids, "ids")
        as_ids(ids, len(words), "ids")
        starts = self.sentence_starts
        if starts is not None:
            starts = _checked_starts(starts, len(ids))
        counts = self.counts
        if counts is None:
            counts = np.bincount(ids, minlength=len(words))
        put = object.__setattr__
        put(self, "ids", _read_only(ids, np.int32))
        put(self, "words", words)
        put(self, "sentence_starts", None if starts is None else _read_only(starts, np.int64))
        put(self, "counts", _read_only(_checked_counts(counts, len(words)), np.int64))
        put(self, "dropped", as_count(self.dropped, "dropped", minimum=0))

    @functools.cached_property
    def word_to_id(self) -> dict[str, int]:
        """Dictionary word → id."""
        return dict(zip(self.words, range(len(self.words)), strict=True))

    @functools.cached_property
    def id_to_word(self) -> dict[int, str]:
        """Dictionary id → word, as in the book (``words`` is the same as a list)."""
        return dict(enumerate(self.words))

    @property
    def vocab_size(self) -> int:
        """V, the number of different words."""
        return len(self.words)

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator:
        """The book's triple ``(corpus, word_to_id, id_to_word)``."""
        return iter((self.ids, self.word_to_id, self.id_to_word))

    def __array__(self, dtype=None, copy=None) -> np.ndarray:
        return np.array(self.ids, dtype=dtype, copy=copy)

    def __reduce__(self):
        # Unpickled arrays would be writable again: go through the constructor.
        starts, counts = self.sentence_starts, self.counts
        return Corpus, (self.ids, self.words, starts, counts, self.dropped, self.name)

    def __repr__(self) -> str:
        parts = [f"{len(self):,} tokens", f"{self.vocab_size:,} words"]
        if self.sentence_starts is not None:
            count = len(self.sentence_starts)
            parts.append(f"{count:,} sentence{'s' if count > 1 else ''}")
        if self.dropped:
            parts.append(f"{self.dropped:,} tokens dropped")
        return f"<Corpus {self.name!r}: {', '.join(parts)}>"

    def encode(self, words: str | Iterable[str]) -> np.ndarray:
        """The ids of ``words``.

        Args:
            words: a sequence of words, or a string that is split at white space (nothing else is
                done to it: no lower-casing).

        Returns:
            (n,) int32.

        Raises:
            UnknownWordError: a word is not in the vocabulary; the error suggests others.
            TypeError: not words.
        """
        if isinstance(words, str):
            words = words.split()
        elif isinstance(words, bytes) or not isinstance(words, Iterable):
            raise TypeError(f"words must be a string or a list of strings, got {words!r}.")
        words = list(words)
        try:
            return np.fromiter(map(self.word_to_id.__getitem__, words), np.int32, len(words))
        except (KeyError, TypeError):  # find out which word, and whether it can be mended
            return np.array([self._id_of(word) for word in words], dtype=np.int32)

    def _id_of(self, word: str) -> int:
        if not isinstance(word, str):
            raise TypeError(
                f"words must hold strings, got {word!r}. To turn ids into words use decode(ids)."
            )
        found = self.word_to_id.get(word)
        if found is None:  # the same letters may be written with other code points
            found = self.word_to_id.get(unicodedata.normalize("NFC", word))
        if found is None:
            raise UnknownWordError(word, self.words)
        return found

    def decode(self, ids) -> list[str]:
        """The words of ``ids``, one after the other (an array of any shape, read row by row).

        Raises:
            IndexError: an id is not in ``[0, V)``.
            TypeError: not integers.
        """
        flat = as_ids(ids, self.vocab_size, "ids").ravel()
        return [self.words[i] for i in flat.tolist()]

    def sentences(self) -> Iterator[np.ndarray]:
        """The sentences, one after the other, as read-only views of ``ids``."""
        starts = [0] if self.sentence_starts is None else self.sentence_starts.tolist()
        for start, stop in itertools.pairwise([*starts, len(self.ids)]):
            yield self.ids[start:stop]

    def subsample(self, t: float = 1e-3, *, rng=None, seed=None, formula: str = "code") -> Corpus:
        """A corpus with fewer of the frequent words; see :func:`subsample`.

        Vocabulary and ``counts`` stay those of the full text, so ids and the noise distribution
        of negative sampling do not change.  A sentence that loses all its words disappears.
        """
        rng = as_generator(rng, seed)
        keep = _draw_kept(self.ids, keep_probability(self.counts, t, formula=formula), rng)
        if not keep.any():
            raise ValueError(
                f"Subsampling with t = {t:g} left no token of the {len(self):,}: use a larger t."
            )
        starts = self.sentence_starts
        if starts is not None:
            starts = _starts_after_dropping(starts, keep)
        return Corpus(self.ids[keep], self.words, starts, self.counts, self.dropped, self.name)


def _read_only(array, dtype) -> np.ndarray:
    array = np.asarray(array)
    # Someone else's array, or a view of one, could change behind our back: copy it.
    safe = array.dtype == dtype and array.base is None and not array.flags.writeable
    result = array if safe else np.array(array, dtype=dtype)
    result.flags.writeable = False
    return result


def _checked_words(words) -> list[str]:
    if isinstance(words, str):
        raise TypeError(
            f"words must be a list of strings, got the string {_shorten(words)!r}. "
            "For text use build_corpus(text)."
        )
    words = list(words)
    for i, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(
                f"words[{i}] must be a string, got {_shorten(word)} ({type(word).__name__})."
            )
        _check_word(word, f"words[{i}]")
    if len(set(words)) != len(words):
        seen: set[str] = set()
        twice = next(word for word in words if word in seen or seen.add(word))
        raise ValueError(f"words holds {twice!r} more than once: each word has exactly one id.")
    return words


def _check_word(word: str, name: str) -> None:
    if _LINE_END in word or word.split() != [word]:
        raise ValueError(
            f"{name} is {_shorten(repr(word))}: a word must not be empty nor contain white space "
            "or NUL. Join the parts of a phrase with '_'; give a text as one string, not as lines."
        )


def _checked_counts(counts, size: int) -> np.ndarray:
    counts = _as_array(counts, "counts")
    if counts.dtype.kind not in "iu":
        raise TypeError(f"counts must hold whole numbers, got dtype {counts.dtype}.")
    if counts.shape != (size,):
        raise ValueError(
            f"counts must have shape ({size},), one for each word, got {counts.shape}."
        )
    if size and counts.min() < 0:
        raise ValueError(f"counts must not be negative, got {counts.min()}.")
    return counts


def _checked_starts(starts, length: int) -> np.ndarray:
    starts = _as_array(starts, "sentence_starts")
    if starts.dtype.kind not in "iu":
        raise TypeError(f"sentence_starts must hold whole numbers, got dtype {starts.dtype}.")
    if starts.ndim != 1 or not len(starts):
        raise ValueError(
            "sentence_starts must be a row of positions that begins with 0, "
            f"got shape {starts.shape}."
        )
    starts = starts.astype(np.int64, copy=False)
    if starts[0] != 0 or starts[-1] >= length or (np.diff(starts) <= 0).any():
        raise ValueError(
            f"sentence_starts must begin with 0, grow, and stay below the corpus length {length}, "
            f"got {_shorten(starts.tolist())}. Leave out empty sentences."
        )
    return starts


def _as_array(values, name: str) -> np.ndarray:
    try:
        return np.asarray(values)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{name} cannot be made into one NumPy array ({error}). "
            f"Give one row of numbers; arrays on the GPU go through to_cpu({name}) first."
        ) from None


def _one_row_of_ids(ids, name: str) -> np.ndarray:
    """``ids`` as a (T,) integer array without negative entries, T > 0."""
    if isinstance(ids, (str, bytes)):
        raise TypeError(
            f"{name} must hold word ids, got text {_shorten(ids)!r}. "
            "Turn text into ids with preprocess(text) or build_corpus(text)."
        )
    array = _as_array(ids, name)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must be one row of word ids, shape (T,), got shape {array.shape}. "
            f"Use {name}.ravel() if the rows follow each other."
        )
    if not len(array):
        raise ValueError(f"{name} is empty: there must be at least one word id.")
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must hold integer word ids, got dtype {array.dtype}. "
            "Turn words into ids with word_to_id, or use .astype(np.int32)."
        )
    lowest, highest = int(array.min()), int(array.max())
    if lowest < 0:
        where = int(np.argmax(array < 0))
        raise IndexError(
            f"{name}[{where}] is {int(array[where])}, but word ids must not be negative. "
            "PAD (−1) may occur in contexts only, never in a corpus."
        )
    if highest > _LARGEST_ID:
        raise IndexError(f"{name} holds {highest}, but word ids must be at most {_LARGEST_ID}.")
    return array


def _shorten(value, limit: int = 40) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


# ---- text → words -------------------------------------------------------------------------------


def _split_book(text: str) -> list[str]:
    return text.lower().replace(".", " . ").split()


# ' ’ - stay inside a word ("don't"); here are those that do not stand between two characters of one.
_LOOSE = re.compile(r"(?<![^\s'’-])['’-]|['’-](?![^\s'’-])")


def _split_words(text: str) -> list[str]:
    text = text.lower()
    # A text has few different marks: replacing one after the other beats a regular expression, and
    # the combining marks that many scripts need stay with their letters.
    for mark in filter(_is_mark, set(text)):
        text = text.replace(mark, f" {mark} ")
    return _LOOSE.sub(r" \g<0> ", text).split()


@functools.cache
def _is_mark(character: str) -> bool:
    """Punctuation or a symbol that never belongs to a word."""
    return unicodedata.category(character)[0] in "PS" and character not in "_'’-"


_TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "book": _split_book,
    "words": _split_words,
    "split": str.split,
}


def tokenize(text: str, method: str = "book") -> list[str]:
    """The words of a text.

    Args:
        text: any text.  A byte-order mark at its beginning is ignored.
        method: how to cut it.

            * ``"book"``: lower case, each "." becomes a word of its own, cut at white space.
              Unlike the book, *any* run of white space cuts (two blanks, tabs, line ends) and a "."
              inside a word ("3.14") is set apart on both sides.  Other punctuation stays attached.
            * ``"words"``: lower case, every punctuation mark and symbol is a word of its own, but
              ``don't`` and ``well-known`` stay one.
            * ``"split"``: cut at white space, change nothing – for text that is tokenised already.

    Returns:
        The words, in Unicode normal form NFC: letters that look the same are the same word.

    Raises:
        TypeError: ``text`` is not a string.
        ValueError: an unknown method.

    Source: "Deep Learning from Scratch 2", section 2.3.1.
    """
    split = _tokenizer(method)
    normalize = unicodedata.normalize
    return [normalize("NFC", word) for word in split(_checked_text(text))]


def _checked_text(text) -> str:
    if not isinstance(text, str):
        hint = " Decode it first: text.decode('utf-8')." if isinstance(text, bytes) else ""
        raise TypeError(f"text must be a string, got {type(text).__name__}.{hint}")
    return text.removeprefix("\ufeff")


def _tokenizer(method) -> Callable[[str], list[str]]:
    if callable(method):
        return method
    if not isinstance(method, str) or method not in _TOKENIZERS:
        raise ValueError(
            f"tokenizer must be one of {', '.join(map(repr, _TOKENIZERS))} or a function that "
            f"turns a line of text into a list of words, got {method!r}."
        )
    return _TOKENIZERS[method]


# ---- words → ids --------------------------------------------------------------------------------


def preprocess(text: str) -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
    """A text as ids, numbered in the order of first appearance.

    Args:
        text: cut into words by :func:`tokenize`, method "book".

    Returns:
        ``(corpus, word_to_id, id_to_word)``: (T,) int32 ids and the two dictionaries.

    Raises:
        TypeError: ``text`` is not a string.
        ValueError: it contains no word.

    Source: "Deep Learning from Scratch 2", section 2.3.1.
    """
    _checked_text(text)
    corpus = build_corpus(text, order="first-seen")
    return corpus.ids.copy(), corpus.word_to_id, corpus.id_to_word


def build_corpus(
    source: str | Iterable[str] | Iterable[Sequence[str]],
    *,
    min_count: int = 1,
    order: str = "frequency",
    vocabulary: Corpus | Iterable[str] | None = None,
    unknown: str | None = None,
    tokenizer: str | Callable[[str], list[str]] = "book",
    sentences: str = "lines",
    sentence_end: str | None = None,
    name: str = "corpus",
) -> Corpus:
    """Turn text, tokens or sentences into a :class:`Corpus`.

    Args:
        source: a string (text), a list of words (one sentence), or an iterable of sentences, each a
            list of words.  It is read once, piece by piece.
        min_count: a word that occurs less often is left out of the vocabulary.
        order: how ids are given: "frequency" (most frequent word first, equal ones in order of
            first appearance) or "first-seen" (as the book does).
        vocabulary: use these words and ids (for a validation text, say) instead of collecting them.
        unknown: words outside the vocabulary become this word, e.g. ``"<unk>"``.  With ``None``
            their tokens are left out, as in word2vec.c; ``Corpus.dropped`` says how many.
        tokenizer: how text is cut into words, see :func:`tokenize`; or a function that gets a line
            and returns its words.  Lists of words are taken as they are.
        sentences: "lines" (each line of a text, each inner list is a sentence) or "stream" (no
            sentence ends: windows run from one line into the next).
        sentence_end: a word to put at the end of each sentence, e.g. ``"<eos>"`` (of an empty one
            too, as the book does).
        name: what to call the corpus in messages.

    Returns:
        The corpus.  Words are in Unicode normal form NFC.  Empty sentences are not kept.

    Raises:
        TypeError: a source of another kind, words that are not strings.
        ValueError: no words at all, or none that occurs ``min_count`` times; options that
            contradict each other.
    """
    split = _tokenizer(tokenizer)
    if isinstance(source, Corpus):
        raise TypeError(
            "source is a Corpus already. Use its ids, or Corpus.decode(ids) for its words."
        )
    if isinstance(source, str):
        chunks = _chunks_of_text(_checked_text(source), whole_lines=callable(tokenizer))
        pieces = (_split_chunk(chunk, split, tokenizer) for chunk in chunks)
    else:
        pieces = _pieces_of_tokens(source)
    return _index(
        pieces,
        min_count=min_count,
        order=order,
        vocabulary=vocabulary,
        unknown=unknown,
        sentences=sentences,
        sentence_end=sentence_end,
        name=name,
    )


def build_corpus_from_blocks(blocks: Iterable[str], *, tokenizer="book", **options) -> Corpus:
    """Like :func:`build_corpus` for a text that arrives in blocks, cut anywhere (a large file).

    Only the ids and the vocabulary stay in memory, never the text.

    Args:
        blocks: strings; line ends are ``"\\n"``.
        tokenizer: as in :func:`build_corpus`.
        options: the other keyword arguments of :func:`build_corpus`.
    """
    split = _tokenizer(tokenizer)
    chunks = _recut(blocks, whole_lines=callable(tokenizer))
    return _index((_split_chunk(chunk, split, tokenizer) for chunk in chunks), **options)


def _chunks_of_text(text: str, whole_lines: bool) -> Iterator[str]:
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _recut((text[i : i + _CHUNK] for i in range(0, len(text), _CHUNK)), whole_lines)


def _recut(blocks: Iterable[str], whole_lines: bool) -> Iterator[str]:
    """The same text in pieces that end where a word (or a line) ends."""
    rest: list[str] = []
    waiting = 0
    for block in blocks:
        cut = block.rfind("\n") + 1
        if not cut and not whole_lines:
            cut = 1 + max(block.rfind(" "), block.rfind("\t"))
        if not cut:
            rest.append(block)
            waiting += len(block)
            if waiting > _LONGEST_TOKEN and not whole_lines:
                raise ValueError(
                    f"The text has no blank, tab or line end in {waiting:,} characters, beginning "
                    f"with {_shorten(rest[0])!r}. Words must be separated by white space."
                )
            continue
        yield "".join([*rest, block[:cut]])
        rest, waiting = [block[cut:]], len(block) - cut
    yield "".join(rest)


def _split_chunk(chunk: str, split: Callable[[str], list[str]], tokenizer) -> list[str]:
    """The words of a chunk, with ``_LINE_END`` where a line ends."""
    if _LINE_END in chunk:
        raise ValueError(
            "The text contains NUL characters: it is binary data, or not UTF-8 (UTF-16, perhaps). "
            "Save it as UTF-8 text."
        )
    if not callable(tokenizer):
        return split(chunk.replace("\n", f" {_LINE_END} "))
    lines = chunk.split("\n")
    words: list[str] = []
    for i, line in enumerate(lines):
        found = split(line) if line else []
        if isinstance(found, str):
            raise TypeError(f"tokenizer must return a list of words, got the string {found!r}.")
        words.extend(found)
        if i < len(lines) - 1:
            words.append(_LINE_END)
    return words


def _pieces_of_tokens(source) -> Iterator[list[str]]:
    """Lists of words from a list of words or of sentences, with ``_LINE_END`` between sentences."""
    if isinstance(source, (bytes, dict)) or not isinstance(source, Iterable):
        raise TypeError(
            "source must be a string, a list of words or a list of sentences, "
            f"got {type(source).__name__}."
        )
    piece: list[str] = []
    flat = None  # whether the items are words (True) or sentences (False)
    for i, item in enumerate(source):
        is_word = isinstance(item, str)
        if flat is None:
            flat = is_word
        if is_word != flat or not (is_word or isinstance(item, Iterable)) or _is_bytes(item):
            raise TypeError(
                f"source[{i}] is {_shorten(item)} ({type(item).__name__}). The items of source "
                "must be all words (strings) or all sentences (lists of strings)."
            )
        if flat:
            piece.append(item)
        else:
            piece.extend(item)
            piece.append(_LINE_END)
        if len(piece) >= _CHUNK // 8:
            yield piece
            piece = []
    yield piece


def _is_bytes(item) -> bool:
    return isinstance(item, (bytes, bytearray, memoryview))


def _index(
    pieces: Iterable[list[str]],
    *,
    min_count: int = 1,
    order: str = "frequency",
    vocabulary: Corpus | Iterable[str] | None = None,
    unknown: str | None = None,
    sentences: str = "lines",
    sentence_end: str | None = None,
    name: str = "corpus",
) -> Corpus:
    """The corpus of a stream of word lists: number first, then tidy the numbering."""
    as_count(min_count, "min_count")
    _check_choice(order, "order", ("frequency", "first-seen"))
    _check_choice(sentences, "sentences", ("lines", "stream"))
    for option, value in (("unknown", unknown), ("sentence_end", sentence_end)):
        if value is not None and (not isinstance(value, str) or not value):
            raise TypeError(f"{option} must be a word (a string) or None, got {value!r}.")
    given = _given_words(vocabulary, min_count, unknown)

    # First pass: ids in order of appearance.  The dictionary hands out the next number itself, so
    # the loop over the tokens runs in C.
    seen: dict = defaultdict(itertools.count().__next__)
    for word in (_LINE_END, *given):
        seen[word]
    ids = _number(pieces, seen)
    ids, starts = _cut_sentences(ids, sentences, seen, sentence_end)

    # Second pass, over the vocabulary only: join spellings, drop rare words, sort.
    words, new_id = _tidy(list(seen), ids, given, min_count, order, unknown)
    ids = new_id[ids]
    keep = ids >= 0
    dropped = len(ids) - int(np.count_nonzero(keep))
    if dropped == len(ids):
        _raise_no_words(len(ids), min_count, bool(given))
    if dropped:
        starts = None if starts is None else _starts_after_dropping(starts, keep)
        ids = ids[keep]
    ids.flags.writeable = False
    return Corpus(ids, words, starts, dropped=dropped, name=name)


def _check_choice(value, name: str, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")


def _given_words(vocabulary, min_count: int, unknown: str | None) -> list[str]:
    if vocabulary is None:
        return []
    if min_count != 1:
        raise ValueError(
            "Give either min_count or vocabulary: a given vocabulary is used as it is."
        )
    if isinstance(vocabulary, Corpus):
        words = vocabulary.words
    elif isinstance(vocabulary, dict):
        words = sorted(vocabulary, key=vocabulary.__getitem__)
        if [vocabulary[word] for word in words] != list(range(len(words))):
            raise ValueError("vocabulary must give each of its V words one of the ids 0 … V−1.")
    else:
        words = vocabulary
    words = _checked_words(words)
    if not words:
        raise ValueError("vocabulary is empty: there must be at least one word.")
    if unknown is not None and unknown not in words:
        raise ValueError(f"unknown is {unknown!r}, but the given vocabulary has no such word.")
    return words


def _number(pieces: Iterable[list[str]], seen: dict) -> np.ndarray:
    parts = []
    try:
        for piece in pieces:
            parts.append(np.fromiter(map(seen.__getitem__, piece), np.int32, len(piece)))
    except TypeError as error:
        if "unhashable" not in str(error):
            raise
        raise TypeError(
            f"A word must be a string, got something else ({error}). "
            "source must be a list of words or a list of sentences, not deeper."
        ) from None
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)


def _cut_sentences(
    ids: np.ndarray, sentences: str, seen: dict, sentence_end: str | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Replace or remove the line ends (id 0); return the ids and the sentence starts."""
    line_end = ids == 0
    if line_end.all():  # not a single word
        return ids[:0], None
    if sentence_end is not None:
        # The last sentence ends too, with or without a line end in the file.
        if ids[-1] != 0:
            ids, line_end = np.append(ids, np.int32(0)), np.append(line_end, True)
        ids = np.where(line_end, np.int32(seen[sentence_end]), ids)
        starts = np.flatnonzero(line_end) + 1
    else:
        starts = np.flatnonzero(line_end)
        starts -= np.arange(len(starts))  # each line end before it is taken out
        ids = ids[~line_end]
    if sentences == "stream":
        return ids, None
    starts = np.unique(np.concatenate([[0], starts]))
    return ids, starts[starts < len(ids)]


def _tidy(
    spelled: list[str],
    ids: np.ndarray,
    given: list[str],
    min_count: int,
    order: str,
    unknown: str | None,
) -> tuple[list[str], np.ndarray]:
    """The final vocabulary, and the table provisional id → final id (−1: left out)."""
    for word in spelled[1:]:
        if not isinstance(word, str):
            raise TypeError(f"A word must be a string, got {word!r} ({type(word).__name__}).")
        _check_word(word, "A word of source")
    if given:
        final = {word: i for i, word in enumerate(given)}
        other = final[unknown] if unknown is not None else PAD
        new_id = [PAD]
        for word in spelled[1:]:
            found = final.get(word)
            new_id.append(final.get(_nfc(word), other) if found is None else found)
        return given, np.array(new_id, dtype=np.int32)
    return _collect(spelled, np.bincount(ids, minlength=len(spelled)), min_count, order, unknown)


def _collect(
    spelled: list[str], uses: np.ndarray, min_count: int, order: str, unknown: str | None
) -> tuple[list[str], np.ndarray]:
    groups: dict[str, int] = {}  # NFC word → group, numbered by first appearance
    group_of = np.full(len(spelled), PAD, dtype=np.int32)
    for i, word in enumerate(spelled):
        if uses[i]:
            group_of[i] = groups.setdefault(_nfc(word), len(groups))
    used = group_of >= 0
    totals = np.bincount(group_of[used], weights=uses[used], minlength=len(groups))
    totals = totals.astype(np.int64)
    words = list(groups)
    rare = totals < min_count
    target = np.arange(len(words))  # where each group goes
    first = np.arange(len(words))  # and when the goal first appeared
    if unknown is not None and rare.any():
        goal = groups.get(_nfc(unknown), len(words))
        if goal == len(words):
            words.append(_nfc(unknown))
            target, first = np.append(target, goal), np.append(first, goal)
            totals, rare = np.append(totals, 0), np.append(rare, True)
        lost = rare.copy()
        rare[goal] = False
        lost[goal] = False
        totals[goal] += totals[lost].sum()
        target[lost] = goal
        first[goal] = min(first[goal], first[lost].min(initial=goal))
    kept = np.flatnonzero(~rare & (totals > 0))
    kept = kept[np.argsort(first[kept], kind="stable")]
    if order == "frequency":
        kept = kept[np.argsort(-totals[kept], kind="stable")]
    final = np.full(len(words), PAD, dtype=np.int32)
    final[kept] = np.arange(len(kept))
    new_id = np.full(len(spelled), PAD, dtype=np.int32)
    new_id[used] = final[target[group_of[used]]]
    return [words[i] for i in kept], new_id


def _nfc(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def _raise_no_words(tokens: int, min_count: int, given: bool) -> None:
    if not tokens:
        raise ValueError("source contains no word: a corpus needs at least one.")
    if given:
        raise ValueError(f"None of the {tokens:,} tokens is in the given vocabulary.")
    raise ValueError(
        f"No word occurs min_count = {min_count} times or more in {tokens:,} tokens. "
        "Lower min_count."
    )


def _starts_after_dropping(starts: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Sentence starts in ``ids[keep]``."""
    before = np.concatenate([[0], np.cumsum(keep)])  # kept tokens before each position
    starts = np.unique(before[starts])
    return starts[starts < before[-1]]


# ---- windows ------------------------------------------------------------------------------------


def create_contexts_target(
    corpus,
    window_size: int = 1,
    *,
    sentence_starts=None,
    partial: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Each word with its neighbours, the w words on its left and on its right.

    ``contexts[n] = corpus[i−w], …, corpus[i−1], corpus[i+1], …, corpus[i+w]`` where
    ``target[n] = corpus[i]``.

    Args:
        corpus: (T,) integer ids, or a :class:`Corpus`, whose ``sentence_starts`` then hold.
        window_size: w, words on each side.
        sentence_starts: (S,) position of each sentence's first word; no window crosses one.
            ``None``: one stream, as in the book (or the sentences of the given ``Corpus``;
            give ``corpus.ids`` to ignore them).
        partial: False (the book): only positions whose window fits.  True: every position is a
            target, and a context that does not exist is ``PAD`` (−1).

    Returns:
        ``(contexts, target)``: (N, 2w) and (N,) int32; N = T − 2w for a stream of full windows,
        N = T if ``partial``.

    Raises:
        TypeError: ids or window size that are not integers.
        IndexError: a negative id.
        ValueError: an empty corpus; a window longer than the corpus, or than every sentence.

    Source: "Deep Learning from Scratch 2", section 3.3.1.
    """
    ids, starts = _ids_and_starts(corpus, sentence_starts)
    w = as_count(window_size, "window_size")
    if partial:
        _check_reach(w, len(ids))
        if starts is None:
            starts = np.zeros(1, dtype=np.int64)
        padded, centres = _set_apart(ids, starts, w)
        return _windows(padded, centres, w), np.array(ids, dtype=np.int32)
    if len(ids) < 2 * w + 1:
        raise ValueError(
            f"window_size = {w} needs at least {2 * w + 1} words (w left, the target, w right), "
            f"but the corpus has {len(ids)}. Use a smaller window, or partial=True."
        )
    centres = _full_centres(starts, len(ids), w)
    if centres is None:
        return _stream_windows(ids, w), np.array(ids[w:-w], dtype=np.int32)
    if not len(centres):
        longest = int(np.diff(np.append(starts, len(ids))).max())
        raise ValueError(
            f"window_size = {w} needs sentences of at least {2 * w + 1} words, but the longest of "
            f"the {len(starts):,} has {longest}. Use a smaller window, or partial=True."
        )
    return _windows(ids, centres, w), ids[centres].astype(np.int32)


def _ids_and_starts(corpus, sentence_starts) -> tuple[np.ndarray, np.ndarray | None]:
    if isinstance(corpus, Corpus):
        if sentence_starts is None:
            return corpus.ids, corpus.sentence_starts
        corpus = corpus.ids
    ids = _one_row_of_ids(corpus, "corpus")
    if sentence_starts is None:
        return ids, None
    return ids, _checked_starts(sentence_starts, len(ids))


def _check_reach(window_size: int, length: int) -> None:
    if window_size >= length:
        raise ValueError(
            f"window_size = {window_size} reaches past both ends of a corpus of {length} "
            f"word{'s' if length > 1 else ''}: it must be less than the corpus length."
        )


_BLOCK = 4096  # rows of windows written at a time: they stay in the cache until all columns are in


def _stream_windows(ids: np.ndarray, w: int) -> np.ndarray:
    rows = len(ids) - 2 * w
    contexts = np.empty((rows, 2 * w), dtype=np.int32)
    for first in range(0, rows, _BLOCK):
        block = contexts[first : first + _BLOCK]
        for column, shift in enumerate(_shifts(w)):
            start = first + w + shift
            block[:, column] = ids[start : start + len(block)]
    return contexts


def _windows(ids: np.ndarray, centres: np.ndarray, w: int) -> np.ndarray:
    contexts = np.empty((len(centres), 2 * w), dtype=np.int32)
    for first in range(0, len(centres), _BLOCK):
        block = contexts[first : first + _BLOCK]
        middle = centres[first : first + _BLOCK]
        for column, shift in enumerate(_shifts(w)):
            block[:, column] = ids[middle + shift]
    return contexts


def _shifts(w: int) -> list[int]:
    return [*range(-w, 0), *range(1, w + 1)]


def _full_centres(starts: np.ndarray | None, length: int, w: int) -> np.ndarray | None:
    """Positions whose window fits into their sentence; ``None`` if the text is one stream."""
    if starts is None or len(starts) == 1:
        return None
    room = np.maximum(np.diff(np.append(starts, length)) - 2 * w, 0)
    before = np.cumsum(room) - room
    return np.arange(room.sum()) + np.repeat(starts + w - before, room)


def _set_apart(ids: np.ndarray, starts: np.ndarray, w: int) -> tuple[np.ndarray, np.ndarray]:
    """The text with w PADs around every sentence, and where each of its words now stands."""
    lengths = np.diff(np.append(starts, len(ids)))
    places = np.arange(len(ids)) + np.repeat(w * np.arange(1, len(starts) + 1), lengths)
    padded = np.full(len(ids) + w * (len(starts) + 1), PAD, dtype=np.int32)
    padded[places] = ids
    return padded, places


def convert_one_hot(corpus, vocab_size: int) -> np.ndarray:
    """One-hot vectors: ``result[..., i] = 1`` where ``i`` is the id, else 0.

    Args:
        corpus: integer ids of shape (N,) or (N, C) (targets or contexts).
        vocab_size: V.

    Returns:
        (N, V) or (N, C, V) int32.

    Raises:
        TypeError: ids that are not integers.
        IndexError: an id that is not in ``[0, V)``.
        ValueError: another number of dimensions.

    Source: "Deep Learning from Scratch 2", section 3.3.2.
    """
    size = as_count(vocab_size, "vocab_size")
    ids = as_ids(_as_array(corpus, "corpus"), size, "corpus")
    if ids.ndim not in (1, 2):
        raise ValueError(f"corpus must have shape (N,) or (N, C), got {ids.shape}.")
    one_hot = _zeros((*ids.shape, size), np.int32, "Give ids to Embedding layers instead.")
    np.put_along_axis(one_hot, ids[..., None].astype(np.intp), 1, axis=-1)
    return one_hot


# ---- subsampling --------------------------------------------------------------------------------


def keep_probability(counts, t: float = 1e-3, *, formula: str = "code") -> np.ndarray:
    """The probability with which subsampling keeps a token of each word.

    With f the share of the word among all tokens:

    * ``"code"`` (word2vec.c, gensim): ``min(1, sqrt(t/f) + t/f)``,
    * ``"paper"``: ``min(1, sqrt(t/f))``, i.e. discarded with probability ``1 − sqrt(t/f)``.

    The program does not do what the paper says: it keeps more, and all words with
    ``f ≤ 2.618 t`` rather than ``f ≤ t``.

    Args:
        counts: (V,) occurrences of each word.
        t: threshold; word2vec.c's default is 1e-3, the paper names 1e-5 for 10⁹ words.
        formula: "code" or "paper".

    Returns:
        (V,) float64; 1 for words that never occur.

    Raises:
        ValueError: t that is not > 0, negative counts, all counts 0, an unknown formula.

    Source: Mikolov et al. 2013, "Distributed Representations of Words and Phrases …", section 2.3.
    """
    _check_choice(formula, "formula", ("code", "paper"))
    t = as_number(t, "t", minimum=0, open_minimum=True)
    counts = _as_array(counts, "counts")
    if counts.ndim != 1:
        raise ValueError(f"counts must have shape (V,), got {counts.shape}.")
    counts = _checked_counts(counts, len(counts))
    total = counts.sum()
    if not total:
        raise ValueError("counts are all zero: there is no token to keep.")
    ratio = np.ones(len(counts))  # t / f
    np.divide(t * float(total), counts, out=ratio, where=counts > 0)
    keep = np.sqrt(ratio) if formula == "paper" else np.sqrt(ratio) + ratio
    return np.where(counts > 0, np.minimum(keep, 1.0), 1.0)


def subsample(
    ids,
    counts,
    t: float = 1e-3,
    rng: np.random.Generator | None = None,
    *,
    seed: int | None = None,
    formula: str = "code",
) -> np.ndarray:
    """Drop tokens of frequent words at random: the rarer a word, the surer it stays.

    A token stays if a uniform random number in [0, 1) is below :func:`keep_probability` of its
    word.  Draws are made on the CPU, one for each token.  ``Corpus.subsample`` does the same and
    keeps sentence starts right.

    Args:
        ids: (T,) integer ids.
        counts: (V,) occurrences of each word in the full text.
        t: threshold, see :func:`keep_probability`.
        rng: random generator to draw from.
        seed: or a seed for a new one.
        formula: "code" (word2vec.c) or "paper".

    Returns:
        int32 ids of the tokens that stayed, possibly none.

    Raises:
        as :func:`keep_probability`; IndexError: an id without a count.
    """
    rng = as_generator(rng, seed)
    keep = keep_probability(counts, t, formula=formula)
    ids = _one_row_of_ids(ids, "ids")
    as_ids(ids, len(keep), "ids")
    return ids[_draw_kept(ids, keep, rng)].astype(np.int32)


def _draw_kept(ids: np.ndarray, keep: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    kept = np.empty(len(ids), dtype=bool)
    for start in range(0, len(ids), 1 << 20):  # in blocks: no second array as long as the text
        block = ids[start : start + (1 << 20)]
        kept[start : start + len(block)] = rng.random(len(block)) < keep[block]
    return kept


# ---- co-occurrence and PPMI ---------------------------------------------------------------------


class CoMatrix(NamedTuple):
    """A sparse matrix as three arrays: entry ``values[k]`` stands at ``(rows[k], cols[k])``.

    Each place occurs once, sorted by row, then column; all other entries are 0.
    """

    rows: np.ndarray
    """(n,) int32"""
    cols: np.ndarray
    """(n,) int32"""
    values: np.ndarray
    """(n,) int64 counts or float32 PPMI"""
    shape: tuple[int, int]
    """(V, V)"""

    def to_dense(self, dtype=None) -> np.ndarray:
        """The same matrix as a (V, V) array."""
        dense = _zeros(self.shape, self.values.dtype if dtype is None else dtype, _STAY_SPARSE)
        dense[self.rows, self.cols] = self.values
        return dense


_STAY_SPARSE = (
    "Use cooccurrence(...), which stores only the entries that are not 0, or fewer words "
    "(min_count)."
)


def _zeros(shape: tuple[int, ...], dtype, remedy: str) -> np.ndarray:
    try:
        return np.zeros(shape, dtype=dtype)
    except (MemoryError, ValueError):  # ValueError: more bytes than an address can name
        gib = math.prod(shape) * np.dtype(dtype).itemsize / 2**30
        raise MemoryError(
            f"A dense array of shape {shape} needs {gib:,.0f} GiB. {remedy}"
        ) from None


def cooccurrence(
    corpus, vocab_size: int | None = None, window_size: int = 1, *, sentence_starts=None
) -> CoMatrix:
    """How often word j stands at most w words from word i, as a sparse matrix.

    ``C[i, j] = Σ_{p, q : 1 ≤ |p−q| ≤ w} [corpus[p] = i][corpus[q] = j]``.  C is symmetric, and
    a word next to itself counts twice (once from each side), as in the book.

    Args:
        corpus: (T,) integer ids, or a :class:`Corpus`, whose ``sentence_starts`` then hold.
        vocab_size: V; may be left out for a ``Corpus``.
        window_size: w, words on each side.
        sentence_starts: (S,) position of each sentence's first word; pairs within one only.

    Returns:
        The counts (int64).  Memory grows with the number of different pairs, not with V².

    Raises:
        TypeError, IndexError: ids that are not integers or not in ``[0, V)``.
        ValueError: an empty corpus, a window as long as the corpus or longer.
    """
    if vocab_size is None:
        if not isinstance(corpus, Corpus):
            raise TypeError("vocab_size must be given for an array of ids: cooccurrence(ids, V).")
        vocab_size = corpus.vocab_size
    size = as_count(vocab_size, "vocab_size")
    ids, starts = _ids_and_starts(corpus, sentence_starts)
    as_ids(ids, size, "corpus")
    w = as_count(window_size, "window_size")
    _check_reach(w, len(ids))
    keys, values = _count(_pair_keys(ids, starts, size, w))
    rows, cols = np.divmod(keys, keys.dtype.type(size))
    return CoMatrix(rows.astype(np.int32), cols.astype(np.int32), values, (size, size))


def _pair_keys(ids: np.ndarray, starts, size: int, w: int) -> Iterator[np.ndarray]:
    """``i·V + j`` of every pair of neighbours (i, j), in both orders, a block at a time."""
    # Small keys sort faster.
    key_type = np.int32 if size * size <= np.iinfo(np.int32).max else np.int64
    ids = ids.astype(key_type)
    sentence = None
    if starts is not None and len(starts) > 1:
        sentence = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(ids))))
    block = max(1, (1 << 21) // w)
    for first in range(0, len(ids), block):
        keys = []
        for distance in range(1, w + 1):
            left = ids[first : first + block]
            right = ids[first + distance : first + distance + block]
            left = left[: len(right)]
            if sentence is not None:
                at = slice(first, first + len(right))
                further = slice(first + distance, first + distance + len(right))
                together = sentence[at] == sentence[further]
                left, right = left[together], right[together]
            keys += [left * key_type(size) + right, right * key_type(size) + left]
        yield np.concatenate(keys)


def _count(blocks: Iterable[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The different keys of all blocks, sorted, and how often each occurs."""
    # Like binary addition: two results of similar length are joined, so that no key is moved
    # more than log(number of blocks) times.
    results: list[tuple[np.ndarray, np.ndarray]] = []
    for block in blocks:
        results.append(np.unique(block, return_counts=True))
        while len(results) > 1 and len(results[-2][0]) < 2 * len(results[-1][0]):
            results.append(_join_counts(results.pop(), results.pop()))
    while len(results) > 1:
        results.append(_join_counts(results.pop(), results.pop()))
    return results[0]


def _join_counts(one, other) -> tuple[np.ndarray, np.ndarray]:
    keys = np.concatenate([one[0], other[0]])
    counts = np.concatenate([one[1], other[1]])
    order = np.argsort(keys, kind="stable")  # merges the two sorted runs
    keys, counts = keys[order], counts[order]
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[first], np.add.reduceat(counts, first)


def create_co_matrix(
    corpus, vocab_size: int | None = None, window_size: int = 1, *, sentence_starts=None
) -> np.ndarray:
    """The co-occurrence counts of :func:`cooccurrence` as a dense (V, V) int32 matrix.

    Args and errors as there.  At V = 10,000 the result takes 400 MB: prefer the sparse one.

    Source: "Deep Learning from Scratch 2", section 2.3.4.
    """
    pairs = cooccurrence(corpus, vocab_size, window_size, sentence_starts=sentence_starts)
    return pairs.to_dense(np.int32)


def ppmi(C, verbose: bool = False, eps: float = 1e-8):
    """Positive pointwise mutual information of a co-occurrence matrix.

    ``M[i, j] = max(0, log2(C[i, j]·N / (S_i·S_j) + eps))`` with N the sum of C, S_i the sum of row
    i and S_j the sum of column j.  Where ``C[i, j] = 0`` it is 0, also for words that never occur.

    Args:
        C: (V, V) counts, dense or a :class:`CoMatrix`.  Not changed.
        verbose: print one line about the result.
        eps: keeps the logarithm finite in the book's formula; 0 ≤ eps < 1.

    Returns:
        float32, dense for a dense matrix; for a ``CoMatrix`` a ``CoMatrix`` of the entries > 0.

    Raises:
        TypeError: not a matrix of numbers.
        ValueError: NaN, infinite or negative entries, not two-dimensional.

    Source: "Deep Learning from Scratch 2", section 2.4.1.
    """
    eps = as_number(eps, "eps", minimum=0)
    if eps >= 1:
        raise ValueError(f"eps must be less than 1, got {eps:g}: zeros would become positive.")
    if isinstance(C, CoMatrix):
        result = _sparse_ppmi(C, eps)
        positive, total = len(result.values), C.shape[0] * C.shape[1]
    else:
        result = _dense_ppmi(_as_array(C, "C"), eps)
        positive, total = int(np.count_nonzero(result)), result.size
    if verbose:
        print(f"PPMI: {positive:,} of {total:,} entries are positive.")
    return result


def _sparse_ppmi(C: CoMatrix, eps: float) -> CoMatrix:
    _check_values(C.values)
    if not len(C.rows) == len(C.cols) == len(C.values):
        raise ValueError(
            "rows, cols and values of C must be equally long, "
            f"got {len(C.rows)}, {len(C.cols)} and {len(C.values)}."
        )
    as_ids(C.rows, C.shape[0], "C.rows")
    as_ids(C.cols, C.shape[1], "C.cols")
    row_sums = np.bincount(C.rows, weights=C.values, minlength=C.shape[0])
    col_sums = np.bincount(C.cols, weights=C.values, minlength=C.shape[1])
    there = C.values > 0  # a place that is stored as 0 may lie in a row of zeros
    rows, cols = C.rows[there], C.cols[there]
    values = _pmi(C.values[there], row_sums[rows], col_sums[cols], row_sums.sum(), eps)
    positive = values > 0
    return CoMatrix(rows[positive], cols[positive], values[positive], C.shape)


def _dense_ppmi(C: np.ndarray, eps: float) -> np.ndarray:
    if C.ndim != 2:
        raise ValueError(f"C must be a matrix of counts, shape (V, V), got shape {C.shape}.")
    _check_values(C)
    row_sums = C.sum(axis=1, dtype=np.float64)
    col_sums = C.sum(axis=0, dtype=np.float64)
    rows, cols = np.nonzero(C)
    M = _zeros(C.shape, np.float32, _STAY_SPARSE)
    M[rows, cols] = _pmi(C[rows, cols], row_sums[rows], col_sums[cols], row_sums.sum(), eps)
    return M


_LARGEST_COUNT = 1e280  # sums of so many stay finite


def _check_values(values: np.ndarray) -> None:
    if values.dtype.kind not in "iuf":
        raise TypeError(f"C must hold numbers (counts), got dtype {values.dtype}.")
    # One pass each: NaN makes the minimum NaN, and comparisons with NaN are false.
    if values.size and not (values.min() >= 0 and values.max() < _LARGEST_COUNT):
        raise ValueError(
            f"C must hold finite counts >= 0, got entries from {values.min()} to {values.max()}."
        )


def _pmi(counts, row_sums, col_sums, total: float, eps: float) -> np.ndarray:
    # In float64 and in this order: the book's product C·N overflows on a real text.
    share = (counts / row_sums) * (total / col_sums)
    return np.maximum(0, np.log2(share + eps)).astype(np.float32)
