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
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from w2vlib.pair_counts import CoMatrix, count_pairs, ppmi, zeros
from w2vlib.text import (
    blocks_of,
    checked_text,
    checked_words,
    index_words,
    pieces_of_blocks,
    pieces_of_tokens,
    refuse_file_name,
    starts_after_dropping,
    tokenize,
    tokenizer_of,
)
from w2vlib.validation import (
    PAD,
    UnknownWordError,
    as_array,
    as_choice,
    as_count,
    as_generator,
    as_ids,
    as_number,
    refuse_corpus,
    refuse_triple,
    shorten,
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
        words = checked_words(self.words)
        ids = _one_row_of_ids(self.ids, "ids")
        ids = as_ids(ids, len(words), "ids")
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
        parts = [_counted(len(self), "token"), _counted(self.vocab_size, "word")]
        if self.sentence_starts is not None:
            parts.append(_counted(len(self.sentence_starts), "sentence"))
        if self.dropped:
            parts.append(f"{_counted(self.dropped, 'token')} dropped")
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
            starts = starts_after_dropping(starts, keep)
        return Corpus(self.ids[keep], self.words, starts, self.counts, self.dropped, self.name)


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _read_only(array, dtype) -> np.ndarray:
    array = np.asarray(array)
    # Someone else's array, or a view of one, could change behind our back: copy it.
    safe = array.dtype == dtype and array.base is None and not array.flags.writeable
    result = array if safe else np.array(array, dtype=dtype)
    result.flags.writeable = False
    return result


def _checked_counts(counts, size: int) -> np.ndarray:
    counts = as_array(counts, "counts")
    if counts.dtype.kind not in "iu":
        raise TypeError(f"counts must hold whole numbers, got dtype {counts.dtype}.")
    if counts.shape != (size,):
        raise ValueError(
            f"counts must have shape ({size},), one for each word, got {counts.shape}."
        )
    if size and counts.min() < 0:
        raise ValueError(f"counts must not be negative, got {counts.min()}.")
    if size and counts.max() > np.iinfo(np.int64).max:
        raise ValueError(f"counts must be below 2**63, got {counts.max()}.")
    return counts


def _checked_starts(starts, length: int) -> np.ndarray:
    starts = as_array(starts, "sentence_starts")
    if starts.ndim != 1 or not len(starts):
        raise ValueError(
            "sentence_starts must be a row of positions that begins with 0, "
            f"got shape {starts.shape}."
        )
    if starts.dtype.kind not in "iu":
        raise TypeError(f"sentence_starts must hold whole numbers, got dtype {starts.dtype}.")
    starts = starts.astype(np.int64, copy=False)
    if starts[0] != 0 or starts[-1] >= length or (np.diff(starts) <= 0).any():
        raise ValueError(
            f"sentence_starts must begin with 0, grow, and stay below the corpus length {length}, "
            f"got {shorten(starts.tolist())}. Leave out empty sentences."
        )
    return starts


def _one_row_of_ids(ids, name: str) -> np.ndarray:
    """``ids`` as a (T,) integer array without negative entries, T > 0."""
    if isinstance(ids, (str, bytes)):
        raise TypeError(
            f"{name} must hold word ids, got text {shorten(ids)!r}. "
            "Turn text into ids with preprocess(text) or build_corpus(text)."
        )
    refuse_triple(ids, name)
    array = as_array(ids, name)
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


# ---- text → ids ---------------------------------------------------------------------------------


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
    checked_text(text)
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
            list of words.  It is read once, piece by piece.  Files: :func:`w2vlib.datasets.load`.
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
            contradict each other; a string that is the name of a file, not a text.
    """
    tokenizer_of(tokenizer)  # complain about it even where lists of words do without
    if isinstance(source, Corpus):
        raise TypeError(
            "source is a Corpus already. Use its ids, or Corpus.decode(ids) for its words."
        )
    if isinstance(source, str):
        refuse_file_name(source)
        pieces = pieces_of_blocks(blocks_of(checked_text(source)), tokenizer)
    else:
        pieces = pieces_of_tokens(source)
    return _corpus_of(
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
    tokenizer_of(tokenizer)
    return _corpus_of(pieces_of_blocks(blocks, tokenizer), **options)


def _corpus_of(pieces, *, name: str = "corpus", vocabulary=None, **options) -> Corpus:
    if isinstance(vocabulary, Corpus):
        vocabulary = vocabulary.words
    ids, words, starts, counts, dropped = index_words(pieces, vocabulary=vocabulary, **options)
    ids.flags.writeable = False  # nobody else holds it: spares the copy
    return Corpus(ids, words, starts, counts, dropped, name)


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


def refuse_lone_words(corpus) -> None:
    """Windows end with the sentence: a text of one word a line has nothing to learn from.

    Raises:
        ValueError: every sentence of the corpus has one word only.
    """
    starts = getattr(corpus, "sentence_starts", None)
    if starts is not None and len(starts) == len(corpus.ids):
        raise ValueError(
            f"no word has a neighbour: each of the {len(starts):,} sentences has one word. If the "
            "text has one word a line, read it with datasets.load(path, sentences='stream')."
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
    refuse_triple(corpus, "corpus")
    ids = as_ids(as_array(corpus, "corpus"), size, "corpus")
    if ids.ndim not in (1, 2):
        raise ValueError(f"corpus must have shape (N,) or (N, C), got {ids.shape}.")
    one_hot = zeros((*ids.shape, size), np.int32, "Give ids to Embedding layers instead.")
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
    as_choice(formula, "formula", ("code", "paper"))
    t = as_number(t, "t", minimum=0, open_minimum=True)
    refuse_corpus(counts, "counts")
    counts = as_array(counts, "counts")
    if counts.ndim != 1 or not len(counts):
        raise ValueError(f"counts must have shape (V,), V > 0, got {counts.shape}.")
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


# ---- co-occurrence ------------------------------------------------------------------------------


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
    return count_pairs(ids, starts, size, w)


def create_co_matrix(
    corpus, vocab_size: int | None = None, window_size: int = 1, *, sentence_starts=None
) -> np.ndarray:
    """The co-occurrence counts of :func:`cooccurrence` as a dense (V, V) int32 matrix.

    Args and errors as there.  At V = 10,000 the result takes 400 MB: prefer the sparse one.

    Source: "Deep Learning from Scratch 2", section 2.3.4.
    """
    pairs = cooccurrence(corpus, vocab_size, window_size, sentence_starts=sentence_starts)
    return pairs.to_dense(np.int32)
