"""How good is an answer?  Numbers for tasks with a result to reach; no solution is in here."""

from __future__ import annotations

import numpy as np


def _vectors(case, answers: dict) -> np.ndarray | None:
    """The answer ``vectors`` as (V, H) unit rows, or None if it is no such thing."""
    vectors = answers.get("vectors")
    size = case.inputs["vocab_size"]
    if not isinstance(vectors, np.ndarray) or vectors.ndim != 2 or vectors.dtype.kind != "f":
        return None
    if len(vectors) != size or not 2 <= vectors.shape[1] <= 1_000:
        return None
    vectors = vectors.astype(np.float64)
    if not np.isfinite(vectors).all():
        return None
    largest = np.abs(vectors).max(initial=0)
    vectors = vectors / (largest or 1)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def analogies_right(case, answers: dict) -> float:
    """Share of questions a : b = c : d whose d is nearest to b − a + c; the query words left out.

    The questions are in ``case.truth["questions"]`` (N, 4).  A tie is not a right answer.
    """
    unit = _vectors(case, answers)
    if unit is None:
        return -np.inf
    a, b, c, d = case.truth["questions"].T
    scores = (unit[b] - unit[a] + unit[c]) @ unit.T
    rows = np.arange(len(d))
    right = scores[rows, d]
    for query in (a, b, c, d):
        scores[rows, query] = -np.inf
    return float((right > scores.max(axis=1) + 1e-9).mean())
