"""Two classical exams for word vectors: human similarity judgements, and analogies.

Both report *coverage* too: a score over the few questions whose words happen to be known means
little, and two scores over different questions cannot be compared.
"""

from __future__ import annotations

import html
import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from w2vlib.validation import as_array, as_count
from w2vlib.word_vectors import METHODS, WordVectors, analogy_scores

CASES = ("fold", "exact")
NEVER = np.iinfo(np.int64).max
"""Rank of an answer that may not be given, because it is one of the query's own words."""

# Scores of a block of questions: 2^24 numbers, 64 MiB in float32.
_BLOCK_SCORES = 1 << 24


# ------------------------------------------------------------------------------------- similarity


def average_ranks(values) -> np.ndarray:
    """Rank of each value, from 1; equal values share the mean of their ranks.

    Args:
        values: (n,) finite numbers.

    Returns:
        (n,) float64.  Example: ``[10, 30, 20, 20]`` → ``[1, 4, 2.5, 2.5]``.
    """
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse.reshape(-1)]


def spearman(x, y) -> float:
    """Spearman's rank correlation ρ in [−1, 1]: Pearson's correlation of the ranks.

    ρ = Σ (r_i − r̄)(s_i − s̄) / √(Σ (r_i − r̄)² · Σ (s_i − s̄)²), with average ranks r, s for ties.

    Args:
        x, y: (n,) finite numbers, n ≥ 2.

    Raises:
        ValueError: different lengths, fewer than two values, NaN or infinite values, or values
            that are all equal (then no correlation exists).

    Source:
        Spearman 1904.
    """
    x, y = _finite_series(x, "x"), _finite_series(y, "y")
    if len(x) != len(y):
        raise ValueError(f"x and y must be equally long, got {len(x)} and {len(y)} values.")
    if len(x) < 2:
        raise ValueError(f"A correlation needs at least two values, got {len(x)}.")
    return _rank_correlation(x, y, "x", "y")


def _rank_correlation(x: np.ndarray, y: np.ndarray, *names: str) -> float:
    r, s = (ranks - ranks.mean() for ranks in (average_ranks(x), average_ranks(y)))
    spread = np.sqrt(np.dot(r, r) * np.dot(s, s))
    if spread == 0:
        name = names[0] if not r.any() else names[1]
        raise ValueError(f"All values of {name} are equal: a rank correlation does not exist.")
    return float(np.clip(np.dot(r, s) / spread, -1, 1))


def _finite_series(values, name: str) -> np.ndarray:
    series = as_array(values, name)
    if series.dtype.kind not in "fiu" and series.size:
        raise TypeError(f"{name} must hold real numbers, got dtype {series.dtype}.")
    if series.ndim != 1:
        raise ValueError(f"{name} must have one dimension, got shape {series.shape}.")
    if not np.isfinite(series).all():
        raise ValueError(f"{name} holds NaN or infinite values.")
    return series


@dataclass(frozen=True)
class SimilarityResult:
    """How well cosines agree with human judgement.

    Attributes:
        rho: Spearman's ρ over the pairs used.
        used, total: pairs with both words in the vocabulary, and all pairs.
        pairs: the pairs used, as (word, word).
        predicted, human: (used,) the cosines and the human scores.
    """

    rho: float
    used: int
    total: int
    pairs: list[tuple[str, str]] = field(repr=False, compare=False)
    predicted: np.ndarray = field(repr=False, compare=False)
    human: np.ndarray = field(repr=False, compare=False)

    @property
    def coverage(self) -> float:
        """Share of the pairs that could be asked, 0 … 1."""
        return self.used / self.total

    def __str__(self) -> str:
        return (
            f"Spearman ρ = {self.rho:.3f} over {self.used} of {self.total} pairs "
            f"({self.coverage:.1%} coverage)"
        )


def evaluate_similarity(
    vectors: WordVectors, pairs: Sequence[tuple[str, str, float]], *, case: str = "fold"
) -> SimilarityResult:
    """Spearman's ρ between cos(a, b) and human scores.

    Args:
        vectors: the word vectors.
        pairs: (word, word, human score); pairs with an unknown word are left out and counted.
        case: ``"fold"`` ignores upper and lower case (the most frequent spelling stands for all),
            ``"exact"`` does not.

    Raises:
        TypeError: no word vectors.
        ValueError: a pair without two words and a finite number; fewer than two pairs are in the
            vocabulary; all cosines or all scores are equal.

    Source:
        WordSim-353 (Finkelstein et al. 2002), SimLex-999 (Hill et al. 2015).
    """
    if isinstance(pairs, str) or not isinstance(pairs, Iterable):
        raise TypeError(
            f"pairs must be a list of (word, word, score), got {pairs!r}. Test sets are read by "
            "datasets.load_similarities(name)."
        )
    find = _Finder(vectors, case)
    pairs = [_checked_pair(pair, i) for i, pair in enumerate(pairs)]
    ids = np.array([find.ids(pair[:2]) for pair in pairs], dtype=np.int64).reshape(-1, 2)
    known = (ids >= 0).all(axis=1)
    if known.sum() < 2:
        raise ValueError(_nothing_known("pairs", int(known.sum()), len(pairs)))
    unit = vectors.unit_vectors
    cosines = np.einsum("ij,ij->i", unit[ids[known, 0]], unit[ids[known, 1]])
    human = np.array([pair[2] for pair, ok in zip(pairs, known, strict=True) if ok], np.float64)
    return SimilarityResult(
        rho=_rank_correlation(cosines, human, "the cosines", "the scores"),
        used=int(known.sum()),
        total=len(pairs),
        pairs=[pair[:2] for pair, ok in zip(pairs, known, strict=True) if ok],
        predicted=cosines,
        human=human,
    )


def _checked_pair(pair, position: int) -> tuple[str, str, float]:
    try:
        first, second, score = pair
    except (TypeError, ValueError):
        raise ValueError(f"pairs[{position}] must be (word, word, score), got {pair!r}.") from None
    if not (isinstance(first, str) and isinstance(second, str)):
        raise ValueError(f"pairs[{position}] must start with two words (str), got {pair!r}.")
    try:
        score = float(score)
    except (TypeError, ValueError):
        score = math.nan
    if not math.isfinite(score):
        raise ValueError(f"pairs[{position}] must end with a finite number, got {pair!r}.")
    return first, second, score


# -------------------------------------------------------------------------------------- analogies


@dataclass(frozen=True)
class CategoryResult:
    """One category of analogy questions.

    Attributes:
        name: of the category.
        total: all its questions.
        ranks: (used,) for each question in the vocabulary, the place of the right answer among
            all allowed words, 1 = first; :data:`NEVER` where the answer is not allowed.
    """

    name: str
    total: int
    ranks: np.ndarray = field(repr=False, compare=False)

    @property
    def used(self) -> int:
        """Questions whose four words are all in the vocabulary."""
        return len(self.ranks)

    @property
    def coverage(self) -> float:
        """used / total, 0 … 1."""
        return self.used / self.total if self.total else 0.0

    def correct(self, top: int = 1) -> int:
        """How many questions have their answer among the first ``top`` words."""
        return int(np.count_nonzero(self.ranks <= as_count(top, "top")))

    def accuracy(self, top: int = 1) -> float | None:
        """correct / used, 0 … 1; ``None`` if no question could be asked."""
        return self.correct(top) / self.used if self.used else None


@dataclass(frozen=True)
class AnalogyResult:
    """Scores on a set of analogy questions, in total and by category; prints as a table.

    Attributes:
        categories: one :class:`CategoryResult` each.
        method: ``"3CosAdd"`` or ``"3CosMul"``.
        top: the places shown in the table, for example ``(1, 5)``.
        exclude_query: whether a, b and c were left out of the answers.
    """

    categories: tuple[CategoryResult, ...]
    method: str = "3CosAdd"
    top: tuple[int, ...] = (1, 5)
    exclude_query: bool = True

    @property
    def all(self) -> CategoryResult:
        """All questions together, as one category named ``"total"``."""
        ranks = np.concatenate([c.ranks for c in self.categories])
        return CategoryResult("total", sum(c.total for c in self.categories), ranks)

    @property
    def total(self) -> int:
        """Number of questions."""
        return self.all.total

    @property
    def used(self) -> int:
        """Number of questions in the vocabulary."""
        return self.all.used

    @property
    def coverage(self) -> float:
        """used / total, 0 … 1."""
        return self.all.coverage

    def correct(self, top: int = 1) -> int:
        """How many questions have their answer among the first ``top`` words."""
        return self.all.correct(top)

    def accuracy(self, top: int = 1) -> float:
        """correct(top) / used, 0 … 1."""
        return self.all.accuracy(top)

    def __getitem__(self, name: str) -> CategoryResult:
        for category in self.categories:
            if category.name == name:
                return category
        names = ", ".join(repr(c.name) for c in self.categories)
        raise KeyError(f"There is no category {name!r}; there are {names}.")

    def _rows(self) -> list[list[str]]:
        rows = []
        for part in (*self.categories, self.all):
            scores = [part.accuracy(k) for k in self.top]
            shown = ["–" if s is None else f"{100 * s:.1f}%" for s in scores]
            rows.append([part.name, f"{part.used} of {part.total}", *shown])
        return rows

    def _head(self) -> list[str]:
        return ["category", "questions used", *(f"top-{k}" for k in self.top)]

    def _caption(self) -> str:
        words = "excluded from" if self.exclude_query else "allowed in"
        return f"Analogies, {self.method}, query words {words} the answers"

    def __str__(self) -> str:
        rows = [self._head(), *self._rows()]
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = [self._caption()]
        for row in rows:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells))
        lines.insert(-1, "-" * len(lines[1]))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in self._head())
        body = "".join(
            f'<tr><th scope="row" style="text-align:left">{html.escape(row[0])}</th>'
            + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self._rows()
        )
        return (
            f"<table><caption>{html.escape(self._caption())}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def evaluate_analogies(
    vectors: WordVectors,
    questions: Mapping[str, Iterable[Sequence[str]]] | Iterable[tuple[str, Iterable]],
    *,
    method: str = "3CosAdd",
    top: int | Iterable[int] = (1, 5),
    exclude_query: bool = True,
    case: str = "fold",
    vocab_limit: int | None = None,
) -> AnalogyResult:
    """How often "a is to b as c is to ?" is answered with the right word d.

    Args:
        vectors: the word vectors.
        questions: category name → list of (a, b, c, d); a dict or a list of such pairs.
        method: ``"3CosAdd"`` or ``"3CosMul"`` (see :func:`w2vlib.word_vectors.analogy_scores`).
        top: the place or places to show in the table.
        exclude_query: leave a, b, c out of the answers.  A question whose answer is one of its own
            query words then counts as wrong.
        case: ``"fold"``: upper and lower case are the same, and the most frequent spelling of a
            word stands for all of them; ``"exact"``: every spelling is a word of its own.
        vocab_limit: only the so many most frequent words are asked for and may be answers.

    Returns:
        An :class:`AnalogyResult`.  Questions with a word outside the vocabulary are left out of
        the score and counted in ``coverage``.

    Raises:
        TypeError: no word vectors, no questions, names that are not strings.
        ValueError: unknown ``method`` or ``case``, a question without four words, or no question
            at all in the vocabulary.

    Source:
        Mikolov et al. 2013, "Efficient Estimation of Word Representations in Vector Space".
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}.")
    top = tuple(as_count(k, "top") for k in (top if isinstance(top, Iterable) else (top,)))
    find = _Finder(vectors, case, vocab_limit)
    named = [(name, _checked_questions(name, qs)) for name, qs in _categories(questions)]
    ids = [np.array([find.ids(q) for q in qs], np.int64).reshape(-1, 4) for _, qs in named]
    ids = [block[(block >= 0).all(axis=1)] for block in ids]
    if not sum(map(len, ids)):
        total = sum(len(qs) for _, qs in named)
        raise ValueError(_nothing_known("questions", 0, total, vocab_limit))
    ranks = _answer_ranks(vectors, np.concatenate(ids), find.allowed, method, exclude_query)
    parts = np.split(ranks, np.cumsum([len(block) for block in ids])[:-1])
    categories = tuple(
        CategoryResult(name, len(qs), part) for (name, qs), part in zip(named, parts, strict=True)
    )
    return AnalogyResult(categories, method, top, exclude_query)


def _answer_ranks(vectors, ids, allowed, method, exclude_query) -> np.ndarray:
    """(n,) place of each answer: 1 + the number of allowed words that beat it."""
    unit = vectors.unit_vectors
    block = max(1, _BLOCK_SCORES // len(unit))
    ranks = [
        _rank_block(unit, ids[start : start + block], allowed, method, exclude_query)
        for start in range(0, len(ids), block)
    ]
    return np.concatenate(ranks)


def _rank_block(unit, ids, allowed, method, exclude_query) -> np.ndarray:
    scores = analogy_scores(unit, ids[:, :3], method)
    if allowed is not None:
        scores[:, ~allowed] = -np.inf
    if exclude_query:
        np.put_along_axis(scores, ids[:, :3], -np.inf, axis=1)
    own = np.take_along_axis(scores, ids[:, 3:], axis=1)
    ahead = (scores > own).sum(axis=1)
    # Of equal scores the lower id comes first, as in WordVectors.analogy.
    equal_rows, equal_ids = np.nonzero(scores == own)
    before = equal_ids < ids[equal_rows, 3]
    ahead += np.bincount(equal_rows[before], minlength=len(ids))
    return np.where(np.isneginf(own[:, 0]), NEVER, ahead + 1)


# ---------------------------------------------------------------------------------------- helpers


class _Finder:
    """Looks up words under a case rule; of several spellings the most frequent one counts.

    ``allowed`` marks the words that may be answers (``None``: all), so that no spelling of a query
    word slips in as an answer.
    """

    def __init__(self, vectors: WordVectors, case: str, limit: int | None = None) -> None:
        if not isinstance(vectors, WordVectors):
            raise TypeError(
                f"vectors must be WordVectors, got {type(vectors).__name__}. Make them with "
                "WordVectors(words, matrix) or WordVectors.load(path)."
            )
        if case not in CASES:
            raise ValueError(f"case must be one of {CASES}, got {case!r}.")
        words = vectors.by_frequency()
        if limit is not None:
            words = words[: as_count(limit, "vocab_limit")]
        self._key = _fold if case == "fold" else str
        self._ids: dict[str, int] = {}
        for word in words:
            self._ids.setdefault(self._key(word), vectors.word_to_id[word])
        self.allowed = None
        if len(self._ids) < len(vectors):
            self.allowed = np.zeros(len(vectors), dtype=bool)
            self.allowed[list(self._ids.values())] = True

    def ids(self, words: Sequence[str]) -> list[int]:
        """The ids of ``words``, −1 for unknown ones."""
        return [self._ids.get(self._key(word), -1) for word in words]


def _fold(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFC", word.casefold())


def _categories(questions) -> list[tuple[str, Iterable]]:
    if isinstance(questions, str) or not isinstance(questions, Iterable):
        raise TypeError(
            f"questions must be {{category name: [(a, b, c, d), …]}}, got {questions!r}. Test sets "
            "are read by datasets.load_analogies(name)."
        )
    named = questions.items() if isinstance(questions, Mapping) else questions
    result = []
    for position, entry in enumerate(named):
        try:
            name, block = entry
        except (TypeError, ValueError):
            raise ValueError(
                "questions must be {category name: [(a, b, c, d), …]} or a list of such pairs; "
                f"entry {position} is {entry!r}."
            ) from None
        if not isinstance(name, str):
            raise TypeError(f"The name of a category must be a str, got {name!r}.")
        if isinstance(block, str) or not isinstance(block, Iterable):
            raise TypeError(
                f"The questions of {name!r} must be a list of (a, b, c, d), got {block!r}."
            )
        result.append((name, block))
    return result


def _checked_questions(name: str, questions: Iterable) -> list[tuple[str, ...]]:
    result = []
    for position, question in enumerate(questions):
        is_row = isinstance(question, Iterable) and not isinstance(question, str)
        words = tuple(question) if is_row else ()
        if len(words) != 4 or not all(isinstance(word, str) for word in words):
            raise ValueError(
                f"Question {position} of {name!r} must be four words (a, b, c, d), "
                f"got {question!r}."
            )
        result.append(words)
    return result


def _nothing_known(what: str, known: int, total: int, limit: int | None = None) -> str:
    if not total:
        return f"{what} must not be empty: there is nothing to score."
    if limit is not None:
        return (
            f"Only {known} of {total} {what} are among the {limit} most frequent words: there is "
            "nothing to score. Use a larger vocab_limit."
        )
    return (
        f"Only {known} of {total} {what} are in the vocabulary: there is nothing to score. "
        "Was the text lower-cased or tokenised in another way, or is it about other things?"
    )
