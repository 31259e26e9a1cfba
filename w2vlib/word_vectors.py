"""Word vectors and the questions one can ask them: neighbours, analogies, the odd one out.

Everything here compares *directions*: each word's vector is brought to length 1 once (and kept), so
one matrix-vector product gives the cosine with every word of the vocabulary.
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import NamedTuple

import numpy as np

from w2vlib.backend import to_cpu
from w2vlib.validation import UnknownWordError, as_count, as_ids, as_matrix, shorten
from w2vlib.word_table import (
    BLOCK_NUMBERS,
    checked_counts,
    checked_matrix,
    checked_words,
    index_words,
    read_only,
    require_finite,
)

METHODS = ("3CosAdd", "3CosMul")
# Levy & Goldberg's epsilon: it only keeps 3CosMul from dividing by zero.
_COSMUL_EPSILON = 0.001

Scored = list[tuple[str, float]]


# --------------------------------------------------------------------------- directions and scores


def unit_rows(matrix) -> np.ndarray:
    """Every row brought to length 1: ``x / ‖x‖₂``; a row of zeros stays a row of zeros.

    Each row is divided by its largest entry first, so neither huge values overflow nor tiny ones
    vanish when they are squared.

    Args:
        matrix: (n, H) real numbers of any floating dtype; not changed.

    Returns:
        (n, H) new array: float64 for float64 input and wider, float32 for everything smaller
        (float16 has too few digits for a sum of squares).
    """
    result = np.empty(matrix.shape, np.float64 if matrix.dtype.itemsize >= 8 else np.float32)
    block = max(1, BLOCK_NUMBERS // max(1, matrix.shape[1]))
    for start in range(0, len(matrix), block):
        rows = result[start : start + block]
        rows[...] = matrix[start : start + block]
        _divide_rows(rows, np.abs(rows).max(axis=1))
        _divide_rows(rows, np.sqrt(np.einsum("ij,ij->i", rows, rows)))
    return result


def _divide_rows(rows: np.ndarray, divisors: np.ndarray) -> None:
    divisors[divisors == 0] = 1  # zero rows stay zero instead of becoming NaN
    rows /= divisors[:, None]


def analogy_scores(unit: np.ndarray, abc: np.ndarray, method: str = "3CosAdd") -> np.ndarray:
    """Score of every word as the answer d to "a is to b as c is to d", for B questions at once.

    With unit vectors a, b, c, d:

    - ``3CosAdd``: cos(d, b − a + c);
    - ``3CosMul``: s(d, b) · s(d, c) / (s(d, a) + 0.001), where s = (1 + cos) / 2 lies in [0, 1].

    Args:
        unit: (V, H) rows of length 1 (or 0).
        abc: (B, 3) integer ids of a, b and c.
        method: ``"3CosAdd"`` or ``"3CosMul"``.

    Returns:
        (B, V) scores, dtype of ``unit``.

    Raises:
        ValueError: unknown method.

    Source:
        Mikolov et al. 2013 (3CosAdd); Levy and Goldberg 2014, "Linguistic Regularities in Sparse
        and Explicit Word Representations" (3CosMul).
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}.")
    a, b, c = (unit[abc[:, k]] for k in range(3))
    if method == "3CosAdd":
        return unit_rows(b - a + c) @ unit.T
    scores = _shifted_cosines(b, unit)
    scores *= _shifted_cosines(c, unit)
    scores /= _shifted_cosines(a, unit) + unit.dtype.type(_COSMUL_EPSILON)
    return scores


def _shifted_cosines(queries: np.ndarray, unit: np.ndarray) -> np.ndarray:
    cosines = queries @ unit.T
    cosines += 1
    cosines /= 2
    return np.maximum(cosines, 0, out=cosines)  # rounding can put −1 a hair lower


def best(scores: np.ndarray, top: int, excluded: Iterable[int] = ()) -> list[tuple[int, float]]:
    """The ``top`` highest scores as (id, score), best first; equal scores go by the lower id.

    Args:
        scores: (V,) numbers; not changed.
        top: how many; fewer come back where fewer words are left.
        excluded: ids that must not appear.
    """
    skip = set(excluded)
    wanted = min(top + len(skip), len(scores))
    if wanted < len(scores):
        # argpartition picks any of several equal scores, so take all that reach the last place.
        last = np.partition(scores, len(scores) - wanted)[len(scores) - wanted]
        ids = np.flatnonzero(scores >= last)
    else:
        ids = np.arange(len(scores))
    ids = ids[np.argsort(-scores[ids], kind="stable")]
    return [(int(i), float(scores[i])) for i in ids[: top + len(skip)] if int(i) not in skip][:top]


# ------------------------------------------------------------------------------------ word vectors


class _Term(NamedTuple):
    vector: np.ndarray
    weight: float
    word_id: int | None


class WordVectors:
    """A vocabulary and one vector per word, ready to be asked, saved and loaded.

    The object never changes: arrays are handed out read-only, and ``vectors`` is copied so that
    training can go on with the original.

    Args:
        words: the V words in row order, or ``id_to_word`` (a dict from id to word).
        vectors: (V, H) float16, float32 or float64 (the dtype is kept), all finite.
        counts: (V,) how often each word occurs in the training text, if known.
        copy: ``False`` keeps the given array instead of a copy; then do not change it any more.

    Attributes:
        words: tuple of the V words, by id.
        word_to_id: read it, do not change it: dict from word to id.
        vectors: (V, H) read-only array.
        counts: (V,) read-only int64 array, or ``None``.

    Raises:
        TypeError: words that are not strings, vectors that are not floating-point numbers.
        ValueError: shapes that do not fit, duplicate or empty words, NaN or infinite numbers.

    Example:
        >>> v = WordVectors(["sun", "moon"], np.eye(2))
        >>> v.similarity("sun", "moon")
        0.0
    """

    def __init__(
        self,
        words: Sequence[str] | Mapping[int, str],
        vectors,
        counts=None,
        *,
        copy: bool = True,
    ) -> None:
        matrix = checked_matrix(vectors)
        self.words: tuple[str, ...] = checked_words(words, len(matrix))
        self.word_to_id: dict[str, int] = index_words(self.words)
        require_finite(matrix, self.words)
        self.vectors: np.ndarray = read_only(matrix.copy() if copy else matrix)
        self.counts: np.ndarray | None = checked_counts(counts, len(matrix))
        self._unit: np.ndarray | None = None

    # -- what is in it

    def __len__(self) -> int:
        return len(self.words)

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self._find(word) is not None

    def __reduce__(self):
        # Through the back door of the readers: unpickled arrays would be writable again.
        parts = (list(self.words), self.vectors, self.counts, self.word_to_id)
        return WordVectors._from_checked, parts

    def _find(self, word: str) -> int | None:
        found = self.word_to_id.get(word)
        if found is None and not word.isascii():
            # The same letters may be written with other code points, "ë" or "e" and two dots.
            found = self.word_to_id.get(unicodedata.normalize("NFC", word))
        return found

    def __getitem__(self, word: str | Sequence[str]) -> np.ndarray:
        """``v["king"]``: its (H,) vector; ``v[["king", "queen"]]``: the (2, H) matrix."""
        if isinstance(word, str):
            return self.vectors[self.id(word)]
        if isinstance(word, (list, tuple)):
            return self.vectors[[self.id(w) for w in word]]
        raise TypeError(
            f"Ask for a word, v['king'], or a list of words, got {word!r} "
            f"({type(word).__name__}). For a row number use v.vectors[number]."
        )

    def __repr__(self) -> str:
        first = ", ".join(self.words[:3]) + (", …" if len(self) > 3 else "")
        rows, columns = self.vectors.shape
        plural = "" if rows == 1 else "s"
        return f"<WordVectors: {rows:,} word{plural} × {columns} {self.vectors.dtype} ({first})>"

    @property
    def shape(self) -> tuple[int, int]:
        """(V, H)."""
        return self.vectors.shape

    @property
    def id_to_word(self) -> dict[int, str]:
        """A new dict from id to word, as the book's functions want it."""
        return dict(enumerate(self.words))

    @property
    def unit_vectors(self) -> np.ndarray:
        """(V, H) read-only rows of length 1 (float32, or float64 for float64 vectors).

        Computed at the first question and kept; a zero vector stays zero.
        """
        if self._unit is None:
            self._unit = read_only(unit_rows(self.vectors))
        return self._unit

    def id(self, word: str) -> int:
        """The row number of ``word``.

        Raises:
            TypeError: not a string.
            UnknownWordError: not in the vocabulary; the message suggests words.
        """
        if not isinstance(word, str):
            raise TypeError(f"A word must be a str, got {word!r} ({type(word).__name__}).")
        found = self._find(word)
        if found is None:
            raise UnknownWordError(word, self.by_frequency())
        return found

    def by_frequency(self) -> list[str]:
        """All words, most frequent first; in row order where counts are unknown or equal."""
        if self.counts is None:
            return list(self.words)
        return [self.words[i] for i in self._frequency_order().tolist()]

    def most_frequent(self, n: int) -> WordVectors:
        """New vectors with only the ``n`` most frequent words, most frequent first."""
        ids = self._frequency_order()[: as_count(n, "n")]
        counts = None if self.counts is None else self.counts[ids]
        words = [self.words[i] for i in ids.tolist()]
        return WordVectors(words, self.vectors[ids], counts, copy=False)

    def _frequency_order(self) -> np.ndarray:
        if self.counts is None:
            return np.arange(len(self))
        return np.argsort(-self.counts, kind="stable")

    # -- questions

    def most_similar(
        self, word=None, top: int = 5, *, positive=(), negative=(), exclude_query: bool = True
    ) -> Scored:
        """The words whose vectors point most nearly in the query's direction.

        Query q = Σ w_i u_i, where u_i is the unit vector of a word; score = cos(q, word).

        Args:
            word: a word; or a raw vector (H,); or a list of both, each alone or as a pair
                ``(word, weight)``; or a dict from word to weight.
            top: how many words to return (fewer if the vocabulary has fewer).
            positive: like ``word``: more terms to add.
            negative: the same, to subtract.
            exclude_query: leave the query's own words out of the answer.

        Returns:
            ``[(word, cosine), …]``, best first; equal scores in row order.  A zero vector is
            similar to nothing: 0.0.

        Raises:
            UnknownWordError: a word that is not in the vocabulary.
            ValueError: no query, ``top`` < 1, a raw vector of the wrong length, or one that holds
                NaN or nothing but zeros.
        """
        top = as_count(top, "top")
        terms = [*self._terms(word, 1), *self._terms(positive, 1), *self._terms(negative, -1)]
        query = self._direction(terms)
        own = {t.word_id for t in terms if t.word_id is not None} if exclude_query else ()
        return self._named(best(self.unit_vectors @ query, top, own))

    def analogy(
        self,
        a: str,
        b: str,
        c: str,
        top: int = 5,
        method: str = "3CosAdd",
        exclude_query: bool = True,
    ) -> Scored:
        """The words d that best complete "a is to b as c is to d".

        ``3CosAdd``: cos(d, b − a + c) on unit vectors; ``3CosMul``: s(d, b)·s(d, c) / (s(d, a) + ε)
        with s = (1 + cos) / 2 and ε = 0.001, which no single large similarity can dominate.

        Args:
            a, b, c: words, for example ``"man", "king", "woman"``.
            top: how many answers.
            method: ``"3CosAdd"`` or ``"3CosMul"``.
            exclude_query: leave a, b and c out of the answer, as all published scores do.

        Returns:
            ``[(word, score), …]``, best first.

        Raises:
            UnknownWordError: one of the words is not in the vocabulary.
            ValueError: unknown method, ``top`` < 1.

        Source:
            Mikolov et al. 2013; Levy and Goldberg 2014.
        """
        top = as_count(top, "top")
        ids = [self.id(word) for word in (a, b, c)]
        scores = analogy_scores(self.unit_vectors, np.array([ids]), method)[0]
        return self._named(best(scores, top, ids if exclude_query else ()))

    def similarity(self, a, b) -> float:
        """cos(a, b) in [−1, 1] of two words or raw vectors; 0.0 where one is a zero vector.

        Raises:
            UnknownWordError, TypeError, ValueError: as :meth:`most_similar`.
        """
        u = self._direction(self._terms(a, 1))
        w = self._direction(self._terms(b, 1))
        return float(np.clip(np.dot(u, w), -1, 1))

    def doesnt_match(self, words: Sequence[str]) -> str:
        """The word that fits least: lowest cosine with the mean of all given unit vectors.

        Raises:
            UnknownWordError: a word that is not in the vocabulary.
            TypeError: no list of words.
            ValueError: fewer than three words (two are always equally far from their mean).
        """
        if isinstance(words, str):
            raise TypeError(f"words must be a list of words, got the single str {words!r}.")
        if not isinstance(words, Iterable):
            raise TypeError(f"words must be a list of words, got {words!r}.")
        words = list(words)
        if len(words) < 3:
            raise ValueError(f"doesnt_match needs at least three words, got {len(words)}.")
        rows = self.unit_vectors[[self.id(word) for word in words]]
        return words[int(np.argmin(rows @ rows.mean(axis=0)))]

    def _named(self, scored: list[tuple[int, float]]) -> Scored:
        return [(self.words[i], score) for i, score in scored]

    def _direction(self, terms: list[_Term]) -> np.ndarray:
        if not terms:
            raise ValueError("There is nothing to compare with: give a word, or positive=[…].")
        # float64 until the length is 1: a raw vector may lie outside float32's range.
        with np.errstate(over="ignore", invalid="ignore"):
            query = sum(term.weight * term.vector.astype(np.float64) for term in terms)
        if not np.isfinite(query).all():
            raise ValueError("The weighted sum of the query's vectors overflows: scale it down.")
        return unit_rows(query[None, :])[0].astype(self.unit_vectors.dtype)

    def _terms(self, query, sign: int) -> list[_Term]:
        """One word, one vector, one (word, weight) pair, or a list of these."""
        if query is None:
            return []
        if isinstance(query, Mapping):
            query = list(query.items())
        if _is_single(query):
            return [self._term(query, sign)]
        if isinstance(query, bytes) or not isinstance(query, Iterable):
            raise TypeError(
                f"A query is a word, a vector, or a list of them, got {query!r} "
                f"({type(query).__name__})."
            )
        return [self._term(part, sign) for part in query]

    def _term(self, part, sign: int) -> _Term:
        weight = 1.0
        if _is_weighted(part):
            part, weight = part[0], float(part[1])
            if not np.isfinite(weight):
                raise ValueError(f"A weight must be finite, got {weight}.")
        if isinstance(part, str):
            word_id = self.id(part)
            return _Term(self.unit_vectors[word_id], sign * weight, word_id)
        return _Term(self._raw_vector(part), sign * weight, None)

    def _raw_vector(self, part) -> np.ndarray:
        vector = to_cpu(part)
        size = self.vectors.shape[1]
        if vector.dtype.kind not in "fiu":
            raise TypeError(
                "A part of a query is a word, a vector of real numbers, or a pair (word, weight), "
                f"got {shorten(part)}."
            )
        if vector.shape != (size,):
            raise ValueError(
                f"A raw query vector must have shape ({size},) like the word vectors, "
                f"got {vector.shape}."
            )
        if not np.isfinite(vector).all():
            raise ValueError("The raw query vector holds NaN or infinite numbers.")
        if not vector.any():
            raise ValueError("The raw query vector is all zeros: it has no direction to compare.")
        return vector

    # -- to and from elsewhere

    def save(self, path: str | os.PathLike, **options) -> None:
        """Write to ``path``; the suffix chooses the format.

        ``.txt`` / ``.vec`` word2vec text, ``.bin`` word2vec binary (these two also with ``.gz`` or
        ``.xz`` behind), ``.npz`` and ``.safetensors``.  The last two keep everything; text and
        binary files have no room for counts, and come back as float32.  See
        :func:`w2vlib.vector_files.write_vectors` for the options and errors.
        """
        from w2vlib.vector_files import write_vectors

        write_vectors(path, self.words, self.vectors, self.counts, **options)

    @classmethod
    def load(cls, path: str | os.PathLike, **options) -> WordVectors:
        """Read a file of any of the formats that :meth:`save` writes, checking all of it.

        See :func:`w2vlib.vector_files.read_vectors` for the options and errors.
        """
        from w2vlib.vector_files import read_vectors

        return cls._from_checked(*read_vectors(path, **options))

    @classmethod
    def _from_checked(cls, words, vectors, counts, word_to_id) -> WordVectors:
        """Skip the checks and copies that a file reader has made already (they cost memory)."""
        self = cls.__new__(cls)
        self.words = tuple(words)
        self.word_to_id = word_to_id
        self.vectors = read_only(vectors)
        self.counts = None if counts is None else read_only(counts)
        self._unit = None
        return self

    def to_gensim(self):
        """The same vectors as a ``gensim.models.KeyedVectors`` (gensim must be installed)."""
        try:
            from gensim.models import KeyedVectors
        except ImportError as error:
            raise ImportError(
                "to_gensim() needs gensim: pip install gensim. Without it, save(...) writes "
                "files that gensim reads."
            ) from error
        keyed = KeyedVectors(self.vectors.shape[1], dtype=self.vectors.dtype)
        keyed.add_vectors(list(self.words), self.vectors)
        if self.counts is not None:
            for word, count in zip(self.words, self.counts.tolist(), strict=True):
                keyed.set_vecattr(word, "count", count)
        return keyed

    @classmethod
    def from_gensim(cls, model) -> WordVectors:
        """From a gensim ``KeyedVectors``, or a gensim model that has one in ``model.wv``.

        Raises:
            TypeError: neither of them.
        """
        keyed = getattr(model, "wv", model)
        if not (hasattr(keyed, "index_to_key") and hasattr(keyed, "vectors")):
            raise TypeError(
                "from_gensim wants gensim's KeyedVectors or a model with .wv, "
                f"got {type(model).__name__}."
            )
        counts = keyed.expandos.get("count") if hasattr(keyed, "expandos") else None
        return cls(list(keyed.index_to_key), keyed.vectors, counts)


def _is_weighted(part) -> bool:
    return (
        isinstance(part, tuple)
        and len(part) == 2
        and isinstance(part[1], Real)
        and not isinstance(part[0], Real)
    )


def _is_single(query) -> bool:
    if isinstance(query, str) or _is_weighted(query) or getattr(query, "ndim", None) == 1:
        return True
    numbers = isinstance(query, (list, tuple)) and len(query) > 0
    return numbers and all(isinstance(x, Real) for x in query)


# ------------------------------------------------------------------- the book's functions, mended


def most_similar(
    query: str,
    word_to_id: Mapping[str, int],
    id_to_word: Mapping[int, str],
    word_matrix,
    top: int = 5,
) -> Scored:
    """Print and return the ``top`` words most similar to ``query``: cos(query, word).

    Args:
        query: a word.
        word_to_id, id_to_word: the vocabulary, V entries each.
        word_matrix: (V, H) floating-point numbers, float16 too.
        top: how many words.

    Returns:
        ``[(word, cosine), …]``, best first, without the query itself.

    Raises:
        UnknownWordError: ``query`` is not in the vocabulary.
        TypeError: a query that is no ``str``, ids in place of words.
        ValueError: the matrix does not have V rows, an id has no word, or ``top`` < 1.
        IndexError: an id in ``word_to_id`` is no row.

    Source:
        "Deep Learning from Scratch 2", section 2.3.6.  There an unknown word is only printed.
    """
    top = as_count(top, "top")
    unit = _unit_for_book(word_to_id, id_to_word, word_matrix)
    (query_id,) = _book_ids([query], word_to_id)
    found = _in_words(best(unit @ unit[query_id], top, [query_id]), id_to_word)
    print(f"\n[query] {query}")
    return _print_scored(found)


def analogy(
    a: str,
    b: str,
    c: str,
    word_to_id: Mapping[str, int],
    id_to_word: Mapping[int, str],
    word_matrix,
    top: int = 5,
    answer: str | None = None,
) -> Scored:
    """Print and return the words d for "a is to b as c is to d": cos(d, b − a + c).

    Args:
        a, b, c: words.
        word_to_id, id_to_word, word_matrix: as in :func:`most_similar`.
        top: how many words.
        answer: a word whose own score is printed first.

    Returns:
        ``[(word, score), …]``, best first, without a, b and c.

    Raises:
        UnknownWordError: one of the words is not in the vocabulary.
        ValueError: the matrix does not have V rows, an id has no word, or ``top`` < 1.
        IndexError: an id in ``word_to_id`` is no row.

    Source:
        "Deep Learning from Scratch 2", section 4.3.  There the vectors are not brought to length
        1, so long vectors win, and a zero vector divides by zero; here neither happens.
    """
    top = as_count(top, "top")
    unit = _unit_for_book(word_to_id, id_to_word, word_matrix)
    ids = _book_ids([a, b, c], word_to_id)
    answer_ids = [] if answer is None else _book_ids([answer], word_to_id)
    scores = analogy_scores(unit, np.array([ids]))[0]
    found = _in_words(best(scores, top, ids), id_to_word)
    print(f"\n[analogy] {a}:{b} = {c}:?")
    for answer_id in answer_ids:
        print(f"==>{answer}: {scores[answer_id]:.4f}")
    return _print_scored(found)


def _unit_for_book(word_to_id, id_to_word, word_matrix) -> np.ndarray:
    matrix = as_matrix(to_cpu(word_matrix), "word_matrix")
    if not len(word_to_id) == len(id_to_word) == len(matrix):
        raise ValueError(
            f"The vocabulary and word_matrix do not fit: {len(word_to_id)} words in word_to_id, "
            f"{len(id_to_word)} in id_to_word, {len(matrix)} rows."
        )
    return unit_rows(matrix)


def _book_ids(words: list[str], word_to_id: Mapping[str, int]) -> list[int]:
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"A word must be a str, got {word!r} ({type(word).__name__}).")
        if word not in word_to_id:
            if not all(isinstance(known, str) for known in word_to_id):
                raise TypeError(
                    "word_to_id must have words as its keys. Is it id_to_word? The order is "
                    "word_to_id, id_to_word, word_matrix."
                )
            raise UnknownWordError(word, word_to_id)
    size = len(word_to_id)
    return [int(as_ids(word_to_id[word], size, f"word_to_id[{word!r}]")) for word in words]


def _in_words(found: list[tuple[int, float]], id_to_word: Mapping[int, str]) -> Scored:
    try:
        return [(id_to_word[i], score) for i, score in found]
    except LookupError:
        raise ValueError("id_to_word must have a word for each of the ids 0 … V−1.") from None


def _print_scored(found: Scored) -> Scored:
    for word, score in found:
        print(f" {word}: {score:.4f}")
    return found
