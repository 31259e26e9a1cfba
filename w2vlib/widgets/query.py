"""Questions to word vectors and their answers, as plain data.

A :class:`Query` says what is asked, :func:`ask` answers it, :class:`Vocabulary` completes and mends
what was typed, and :func:`what_changed` puts the difference of two answers into a sentence.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from w2vlib.validation import _fold, as_choice, as_count, suggest_words
from w2vlib.widgets.formula import Term, as_analogy, show
from w2vlib.word_vectors import METHODS, WordVectors, best

SIMILARITIES = ("cosine", "dot")
MOST_ROWS = 8  # of a list of completions
MOST_ANSWERS = 100
_EPSILON = 0.001  # of 3CosMul


class EmptyQueryError(ValueError):
    """A question whose terms cancel out."""


@dataclass(frozen=True)
class Query:
    """What is asked.

    Attributes:
        terms: the words and their weights.
        similarity: ``"cosine"`` (vectors of length 1) or ``"dot"`` (vectors as they are).
        method: ``"3CosAdd"`` or ``"3CosMul"``; the latter only with cosines.
        top: how many answers.
        exclude_query: leave the query's words out of the answers.

    Raises:
        ValueError: another similarity or method, no terms, ``top`` outside 1 … 100.
    """

    terms: tuple[Term, ...]
    similarity: str = "cosine"
    method: str = "3CosAdd"
    top: int = 10
    exclude_query: bool = True

    def __post_init__(self) -> None:
        as_choice(self.similarity, "similarity", SIMILARITIES)
        as_choice(self.method, "method", METHODS)
        if as_count(self.top, "top") > MOST_ANSWERS:
            raise ValueError(f"top must be at most {MOST_ANSWERS}, got {self.top}.")
        if not self.terms:
            raise ValueError("terms must hold at least one word.")
        if self.similarity == "dot" and self.method == "3CosMul":
            # The product needs numbers between 0 and 1; dot products have no such bounds.
            object.__setattr__(self, "method", "3CosAdd")

    @property
    def words(self) -> tuple[str, ...]:
        """The words of the query, each once, in order."""
        return tuple(dict.fromkeys(term.word for term in self.terms))

    @property
    def analogy(self) -> tuple[str, str, str] | None:
        """(a, b, c) for a question "a is to b as c is to …", else ``None``."""
        return as_analogy(self.terms)

    @property
    def formula(self) -> str:
        """The terms in their plain spelling."""
        return show(self.terms)


@dataclass(frozen=True)
class Row:
    """One answer: its place, the word, the score that ranked it, and what else is known of it."""

    rank: int
    word: str
    score: float
    cosine: float
    dot: float
    count: int | None
    in_query: bool = False


@dataclass(frozen=True)
class Answer:
    """The rows, best first, and the query that they answer."""

    query: Query
    rows: tuple[Row, ...] = field(repr=False)

    @property
    def first(self) -> Row | None:
        """The best answer, if there is any."""
        return self.rows[0] if self.rows else None

    @property
    def words(self) -> list[str]:
        """The answers' words."""
        return [row.word for row in self.rows]


def target(vectors: WordVectors, query: Query, similarity: str | None = None) -> np.ndarray:
    """(H,) float64: Σ w_i x_i over the terms, with x_i of length 1 ("cosine") or as it is ("dot").

    Raises:
        UnknownWordError: a word that is not in the vocabulary.
    """
    ids = [vectors.id(term.word) for term in query.terms]
    rows = rows_of(vectors, ids, similarity or query.similarity)
    return np.array([term.weight for term in query.terms]) @ rows


def rows_of(vectors: WordVectors, ids, similarity: str) -> np.ndarray:
    """(n, H) float64 rows: of length 1 for "cosine" (zero stays zero), else as they are."""
    rows = vectors.vectors[np.asarray(ids, dtype=np.int64)].astype(np.float64)
    if similarity == "cosine":
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows = rows / np.where(lengths > 0, lengths, 1)
    return rows


def ask(vectors: WordVectors, query: Query) -> Answer:
    """Answer a query.

    - ``cosine``, ``3CosAdd``: cos(x, Σ w_i u_i) with unit vectors u_i;
    - ``cosine``, ``3CosMul``: Π s(x, u_i)^w_i over positive weights / Π (s(x, u_j) + ε)^|w_j| over
      negative ones, with s = (1 + cos) / 2 and ε = 0.001;
    - ``dot``: x · Σ w_i v_i with the vectors v_i as they are.

    Returns:
        An :class:`Answer`; its cosines and dot products are computed in float64.

    Raises:
        UnknownWordError: a word that is not in the vocabulary.
        EmptyQueryError: the terms cancel out, so there is no direction to compare with.
    """
    unit_target, raw_target = (target(vectors, query, kind) for kind in SIMILARITIES)
    own = target(vectors, query)
    if np.linalg.norm(own) <= 1e-6 * sum(abs(term.weight) for term in query.terms):
        raise EmptyQueryError(
            f"{query.formula} cancels out: nothing is left to compare with. Change a word."
        )
    scores = _scores(vectors, query, own)
    skip = [vectors.word_to_id[word] for word in query.words] if query.exclude_query else []
    ids = [i for i, _ in best(scores, query.top, skip)]
    return Answer(query, _rows(vectors, query, ids, scores, unit_target, raw_target))


def _scores(vectors: WordVectors, query: Query, own: np.ndarray) -> np.ndarray:
    """(V,) the scores that rank the words."""
    if query.similarity == "dot":
        return vectors.vectors @ own.astype(_working(vectors.vectors.dtype))
    unit = vectors.unit_vectors
    if query.method == "3CosAdd":
        return unit @ (own / np.linalg.norm(own)).astype(unit.dtype)
    scores = np.ones(len(unit), unit.dtype)
    for term in query.terms:
        shifted = np.maximum((unit @ unit[vectors.word_to_id[term.word]] + 1) / 2, 0)
        if term.weight >= 0:
            scores *= shifted ** unit.dtype.type(term.weight)
        else:
            scores /= (shifted + unit.dtype.type(_EPSILON)) ** unit.dtype.type(-term.weight)
    return scores


def _working(dtype) -> np.dtype:
    """float16 has too few digits for sums."""
    return np.dtype(np.float32) if dtype.itemsize < 4 else dtype


def _rows(vectors, query, ids, scores, unit_target, raw_target) -> tuple[Row, ...]:
    raw = vectors.vectors[ids].astype(np.float64)
    lengths = np.linalg.norm(raw, axis=1) * np.linalg.norm(unit_target)
    cosines = (raw @ unit_target) / np.where(lengths > 0, lengths, 1)
    dots = raw @ raw_target
    rows = []
    for place, i in enumerate(ids):
        word, cosine, dot = vectors.words[i], float(cosines[place]), float(dots[place])
        score = {"dot": dot, "cosine": cosine}[query.similarity]
        if query.method == "3CosMul":
            score = float(scores[i])
        count = None if vectors.counts is None else int(vectors.counts[i])
        rows.append(Row(place + 1, word, score, cosine, dot, count, word in query.words))
    return tuple(rows)


def ranks_of(vectors: WordVectors, query: Query, words) -> dict[str, int]:
    """The place of each of ``words`` among all answers of ``query``; unknown words are left out."""
    scores = _scores(vectors, query, target(vectors, query)).copy()
    if query.exclude_query:
        scores[[vectors.word_to_id[word] for word in query.words]] = -np.inf
    places = {}
    for word in words:
        i = vectors.word_to_id.get(word)
        if i is None or np.isneginf(scores[i]):
            continue
        ahead = np.count_nonzero(scores > scores[i]) + np.count_nonzero(scores[:i] == scores[i])
        places[word] = int(ahead) + 1
    return places


# -------------------------------------------------------------------------------------- vocabulary


class Vocabulary:
    """Completes, mends and explains words that are typed.

    Args:
        vectors: the word vectors.
        min_count: how often a word had to occur to be kept, if known.
        all_counts: how often each word of the text occurs, before rare ones were dropped, if known.
    """

    def __init__(
        self,
        vectors: WordVectors,
        min_count: int | None = None,
        all_counts: Mapping[str, int] | None = None,
    ) -> None:
        self.vectors, self.all_counts = vectors, all_counts
        self.min_count = None if min_count is None else as_count(min_count, "min_count")
        self._frequent_first = vectors.by_frequency()
        folded = [_fold(word) for word in self._frequent_first]
        order = sorted(range(len(folded)), key=folded.__getitem__)
        self._folded = [folded[i] for i in order]
        self._places = np.array(order, dtype=np.int64)  # in order of frequency, 0 = most frequent
        self._by_ends: dict[tuple[str, str], list[int]] = {}
        for place, word in enumerate(folded):
            for end in {("first", word[:1]), ("last", word[-2:])}:
                self._by_ends.setdefault(end, []).append(place)

    def __contains__(self, word: object) -> bool:
        return word in self.vectors

    def complete(self, prefix: str, limit: int = MOST_ROWS) -> list[tuple[str, int | None]]:
        """Words that begin with ``prefix`` (in any case), most frequent first.

        Returns:
            Up to ``limit`` pairs of a word and its count; nothing for an empty prefix.
        """
        prefix = _fold(prefix)
        if not prefix:
            return []
        begin = bisect_left(self._folded, prefix)
        end = bisect_left(self._folded, prefix + chr(0x10FFFF), begin)
        places = np.sort(self._places[begin:end])[: max(0, limit)]
        words = [self._frequent_first[i] for i in places.tolist()]
        return [(word, self._count(word)) for word in words]

    def suggest(self, word: str, limit: int = 5) -> list[str]:
        """Words that the reader may have meant: the same as an ``UnknownWordError`` suggests.

        Only words that share the beginning or the end are looked at, as there; an index of both
        makes that quick in a large vocabulary.
        """
        folded = _fold(word)
        near = {
            *self._by_ends.get(("first", folded[:1]), ()),
            *self._by_ends.get(("last", folded[-2:]), ()),
        }
        return suggest_words(word, [self._frequent_first[i] for i in sorted(near)], limit)

    def why_missing(self, word: str) -> str:
        """Why a word may not be in the vocabulary: too rare, or never in the text."""
        counts = self.vectors.counts
        least = None if counts is None or not len(counts) else int(counts.min())
        if self.all_counts is not None:
            times = int(self.all_counts.get(word, 0))
            if not times:
                return f"{word!r} never occurs in the text."
            limit = f" (min_count = {self.min_count})" if self.min_count else ""
            return f"{word!r} occurs {_times(times)} in the text: too rare to be kept{limit}."
        if self.min_count is not None and self.min_count > 1:
            return (
                f"A word that is missing here occurs fewer than {self.min_count} times in the text "
                f"(min_count = {self.min_count}), or never."
            )
        if self.min_count == 1 or least == 1:
            return "Words that occur once were kept: what is missing here never occurs in the text."
        if least is not None and least > 1:
            return (
                f"The rarest word here occurs {_times(least)}: perhaps what is missing was rarer "
                "and was dropped (min_count), or never occurs in the text."
            )
        return "Rare words may have been dropped (min_count); others never occur in the text."

    def _count(self, word: str) -> int | None:
        counts = self.vectors.counts
        return None if counts is None else int(counts[self.vectors.word_to_id[word]])


def _times(n: int) -> str:
    return "once" if n == 1 else "twice" if n == 2 else f"{n:,} times"


# ------------------------------------------------------------------------------------ what changed


def what_changed(before: Answer | None, after: Answer) -> str:
    """One or two sentences on what a switch did to the answers; empty for another question."""
    if before is None or set(before.query.terms) != set(after.query.terms):
        return ""
    switch = _switch(before.query, after.query)
    if not switch:
        return ""
    return f"{switch} {_effect(before, after)}"


def _switch(old: Query, new: Query) -> str:
    if old.exclude_query != new.exclude_query:
        if new.exclude_query:
            return "The words of the query may no longer be answers."
        return "The words of the query may be answers now."
    if old.similarity != new.similarity:
        if new.similarity == "dot":
            return "Dot products count now: long vectors gain."
        return "Cosines count now: only directions matter, not lengths."
    if old.method != new.method:
        if new.method == "3CosMul":
            return "Cosines are multiplied now (3CosMul): no single one can outvote the others."
        return "Cosines are added now (3CosAdd): a large one can outvote the others."
    if old.top != new.top:
        return f"{new.top} answers are shown now, {old.top} before."
    return ""


def _effect(before: Answer, after: Answer) -> str:
    if before.query.top != after.query.top:
        return ""
    if before.first is None or after.first is None:
        return ""
    old, new = before.first.word, after.first.word
    if before.words == after.words:
        return "The answers and their order stay the same."
    came = [word for word in after.words if word not in before.words]
    moved = "" if not came else f" New in the list: {_listed(came)}."
    if old == new:
        return f"{new!r} stays first.{moved or ' Only the order below it changes.'}"
    place = next((row.rank for row in after.rows if row.word == old), None)
    where = f"falls to place {place}" if place else "is no longer among them"
    return f"{new!r} is first now; {old!r} {where}.{moved}"


def _listed(words: list[str], most: int = 4) -> str:
    shown = ", ".join(words[:most])
    return shown + (f" and {len(words) - most} more" if len(words) > most else "")


def changed(query: Query, **options) -> Query:
    """The query with other options."""
    return replace(query, **options)
