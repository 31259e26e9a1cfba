"""Two models side by side: turned onto each other, and who rose and who fell.

Two trainings give vectors that are turned against each other in an arbitrary way: only angles
*within* a model mean something.  Procrustes finds the rotation that brings them together best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2vlib.widgets.query import Answer, Query, rows_of
from w2vlib.word_vectors import WordVectors

MOST_SHARED = 5000  # words that decide the rotation


@dataclass(frozen=True)
class Alignment:
    """How to turn one model onto another.

    Attributes:
        rotation: (H_from, H_to) with orthonormal columns or rows; ``x @ rotation`` is x, turned.
        words: how many shared words decided it.
        agreement: mean cosine of these words with themselves in the other model, after turning.
    """

    rotation: np.ndarray
    words: int
    agreement: float


def procrustes(source, goal) -> np.ndarray:
    """The orthogonal matrix R that minimises ‖source R − goal‖.

    With source^T goal = U S V^T (singular value decomposition) it is R = U V^T.

    Args:
        source: (n, H_from) points.
        goal: (n, H_to) the points that they should fall on, in the same order.

    Returns:
        (H_from, H_to); lengths and angles stay the same if H_to >= H_from.

    Raises:
        ValueError: different numbers of points, or none.

    Source:
        Schönemann 1966, "A generalized solution of the orthogonal Procrustes problem".
    """
    source, goal = np.asarray(source, dtype=np.float64), np.asarray(goal, dtype=np.float64)
    if source.ndim != 2 or goal.ndim != 2 or len(source) != len(goal) or not len(source):
        raise ValueError(
            "source and goal must be matrices with the same number of rows (at least one), got "
            f"shapes {source.shape} and {goal.shape}."
        )
    left, _, right = np.linalg.svd(source.T @ goal, full_matrices=False)
    return left @ right


def align(source: WordVectors, goal: WordVectors, similarity: str = "cosine") -> Alignment:
    """Turn ``source`` onto ``goal``, by the words that both have (the most frequent ones).

    Raises:
        ValueError: no word in common.
    """
    shared = [word for word in goal.by_frequency() if word in source][:MOST_SHARED]
    if not shared:
        raise ValueError("The two models have no word in common: nothing can be compared.")
    here = rows_of(source, [source.word_to_id[w] for w in shared], similarity)
    there = rows_of(goal, [goal.word_to_id[w] for w in shared], similarity)
    rotation = procrustes(here, there)
    turned = here @ rotation
    lengths = np.linalg.norm(turned, axis=1) * np.linalg.norm(there, axis=1)
    cosines = np.einsum("ij,ij->i", turned, there) / np.where(lengths > 0, lengths, 1)
    return Alignment(rotation, len(shared), float(cosines.mean()))


def turned(source: WordVectors, alignment: Alignment) -> WordVectors:
    """``source`` in the directions of the other model, as float64."""
    matrix = source.vectors.astype(np.float64) @ alignment.rotation
    return WordVectors(source.words, matrix, source.counts, copy=False)


@dataclass(frozen=True)
class Move:
    """How the place of a word differs between two models.

    Attributes:
        word: the word.
        here, there: its rank in the first and in the second model; ``None`` where it is unknown.
    """

    word: str
    here: int | None
    there: int | None

    @property
    def change(self) -> int | None:
        """Places won on the way from the first model to the second; negative: lost."""
        if self.here is None or self.there is None:
            return None
        return self.here - self.there

    @property
    def text(self) -> str:
        """``"▲ 3"``, ``"▼ 2"``, ``"="`` or ``"unknown there"``."""
        if self.change is None:
            return "unknown there" if self.there is None else "unknown here"
        if self.change == 0:
            return "="
        return f"{'▲' if self.change > 0 else '▼'} {abs(self.change):,}"


def moves(first: Answer, others: dict[str, int]) -> list[Move]:
    """For every row of the first model's answer, its place in the second."""
    return [Move(row.word, row.rank, others.get(row.word)) for row in first.rows]


def missing_words(vectors: WordVectors, query: Query) -> list[str]:
    """Words of the query that this model does not know."""
    return [word for word in query.words if word not in vectors]
