"""Judging draws: is what came out of a sampler what should come out of it?

Every test compares a count with a binomial distribution through Chernoff's bound

    P(count as far from n·p as this) ≤ 2 · exp(−n · KL(count/n ‖ p)),

which holds exactly, for every n and p and every seed, not only for large samples.  The alarm level
is shared out over all tests (Bonferroni): a right sampler is called wrong with a probability below
``FALSE_ALARM`` = 1e-7 for all tests of a check together.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

FALSE_ALARM = 1e-7
PLAUSIBLE = 1e-3
"""A mistake is named if the draws would not be unusual, at this level, for one who made it."""


def surprise(count: float, n: int, p: float) -> float:
    """``n · KL(count/n ‖ p)``: how surprising a count is (natural logarithm)."""
    if n == 0:
        return 0.0
    share = count / n
    total = 0.0
    for part, chance in ((share, p), (1 - share, 1 - p)):
        if part > 0:
            total += part * np.log(part / chance) if chance > 0 else np.inf
    return n * max(total, 0.0)


def limit(tests: int, level: float = FALSE_ALARM) -> float:
    """Surprise above which one of ``tests`` two-sided tests gives alarm."""
    return float(np.log(2 * tests / level))


def row_probabilities(weights: np.ndarray, K: int, replace: bool) -> dict[tuple[int, ...], float]:
    """Probability of each ordered row of K draws; without replacement one after the other."""
    p = weights / weights.sum()
    found = {}
    for row in itertools.product(np.flatnonzero(p > 0).tolist(), repeat=K):
        chance, left = 1.0, 1.0
        for i, word in enumerate(row):
            if not replace and word in row[:i]:
                chance = 0.0
                break
            chance *= p[word] / left
            left -= 0.0 if replace else p[word]
        if chance > 0:
            found[row] = chance
    return found


@dataclass(frozen=True)
class Draws:
    """The negatives of many targets.

    Attributes:
        rows: (N, V) how often each word was drawn for each target; rows sum to K.
        target: (N,) ids.
        counts: (V,) of the corpus;  ``power``: the exponent.
        bulk: (V,) how often each word was drawn in ``bulk_rows`` further rows (of the only target).
    """

    rows: np.ndarray
    target: np.ndarray
    counts: np.ndarray
    power: float
    bulk: np.ndarray | int = 0
    bulk_rows: int = 0

    @property
    def K(self) -> int:
        return int(self.rows[0].sum())

    @property
    def replace(self) -> bool:
        return self.K == 1 or bool((self.rows > 1).any())

    def of(self, target: int) -> np.ndarray:
        return self.rows[self.target == target]

    def targets(self) -> list[int]:
        return np.unique(self.target).tolist()

    def once_all_targets_came(self) -> Draws:
        """Without the first rows: what a mistake does that builds up as targets come by."""
        first = max(int(np.flatnonzero(self.target == t)[0]) for t in self.targets())
        return replace(self, rows=self.rows[first:], target=self.target[first:])

    def tests(self) -> int:
        """How many tests :meth:`frequency_surprise` and the others make, an upper bound."""
        return len(self.targets()) * (self.rows.shape[1] + 2)

    def frequency_surprise(self, weights_of: Callable) -> float:
        """The largest surprise of any word's frequency, for the weights of a model."""
        return max(self._frequency_surprise(t, weights_of(self, t)) for t in self.targets())

    def _frequency_surprise(self, target: int, weights: np.ndarray) -> float:
        drawn, size = self.totals(target)
        n = size * (self.K if self.replace else 1)
        expected = self.expected(weights) * size / n
        return max(surprise(c, n, p) for c, p in zip(drawn, expected, strict=True))

    def totals(self, target: int) -> tuple[np.ndarray, int]:
        """How often each word was drawn for this target, and for how many rows."""
        rows = self.of(target)
        return rows.sum(axis=0) + self.bulk, len(rows) + self.bulk_rows

    def expected(self, weights: np.ndarray) -> np.ndarray:
        """How often a row holds each word on average, (V,)."""
        if self.replace:
            return self.K * weights / weights.sum()
        if np.count_nonzero(weights) < self.K:
            return np.zeros(len(weights))
        mean = np.zeros(len(weights))
        for row, chance in row_probabilities(weights, self.K, False).items():
            mean[list(row)] += chance
        return np.minimum(mean, 1.0)

    def all_same(self) -> bool:
        """Whether every row holds one word K times."""
        return self.K > 1 and bool((self.rows == self.K).any(axis=1).all())

    def all_alike(self) -> bool:
        """Whether all rows of a target hold the same words."""
        return all((self.of(t) == self.of(t)[0]).all() for t in self.targets())

    def all_same_surprise(self) -> float:
        """Rows that hold one word K times: more of them than chance allows?"""
        if self.K == 1 or not self.replace:
            return 0.0
        worst = 0.0
        for target in self.targets():
            rows, p = self.of(target), right_weights(self, target)
            chance = float(((p / p.sum()) ** self.K).sum())
            worst = max(worst, surprise((rows == self.K).any(axis=1).sum(), len(rows), chance))
        return worst

    def neighbours_surprise(self) -> float:
        """Pairs of rows with the same draws: more of them than chance allows?"""
        worst = 0.0
        for target in self.targets():
            rows = self.of(target)
            rows = rows[: len(rows) // 2 * 2].reshape(-1, 2, rows.shape[1])
            alike: dict[tuple, float] = {}
            for row, p in row_probabilities(
                right_weights(self, target), self.K, self.replace
            ).items():
                key = tuple(sorted(row))
                alike[key] = alike.get(key, 0.0) + p
            chance = sum(p * p for p in alike.values())
            equal = (rows[:, 0] == rows[:, 1]).all(axis=1).sum()
            worst = max(worst, surprise(equal, len(rows), min(chance, 1.0)))
        return worst


def right_weights(draws: Draws, target: int) -> np.ndarray:
    """``count ** power``, and 0 for the target."""
    return without(draws.counts.astype(float) ** draws.power, target)


def without(weights: np.ndarray, target) -> np.ndarray:
    weights = weights.copy()
    weights[target] = 0
    return weights


def cut_off(p: np.ndarray) -> np.ndarray:
    """What is drawn from "probabilities" whose running sum passes 1: nothing lies beyond."""
    return np.diff(np.minimum(np.cumsum(p), 1.0), prepend=0.0)
