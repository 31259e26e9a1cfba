"""Word vectors with known truth: families of words that differ by the same step."""

import numpy as np

from w2vlib import WordVectors

FAMILIES = {
    "gender": [("man", "woman"), ("king", "queen"), ("uncle", "aunt"), ("actor", "actress")],
    "capital": [("france", "paris"), ("italy", "rome"), ("japan", "tokyo"), ("egypt", "cairo")],
    "degree": [("good", "better"), ("big", "bigger"), ("small", "smaller"), ("old", "older")],
}
ODD = ["vice-president", "u.s.", "'s", "new_york", "<eos>", "1990s", "café", "Straße", "C", "+"]


def planted(size=2000, dimensions=30, seed=0, noise=0.15, dtype=np.float32):
    """(V, H) vectors in which every family of pairs shares one step, up to ``noise``."""
    rng = np.random.default_rng(seed)
    words, rows = [], []
    for pairs in FAMILIES.values():
        step = rng.normal(size=dimensions)
        for first, second in pairs:
            base = rng.normal(size=dimensions)
            words += [first, second]
            rows += [base, base + step + noise * rng.normal(size=dimensions)]
    words += ODD
    words += [f"{'aeiou'[i % 5]}word{i}" for i in range(size - len(words))]
    rows += list(rng.normal(size=(size - len(rows), dimensions)))
    # Zipf's law, so that completion has an order to keep; row order is not frequency order.
    counts = (200_000 / (1 + rng.permutation(size))).astype(np.int64) + 5
    lengths = rng.uniform(0.5, 3, size=(size, 1))
    return WordVectors(words, (np.array(rows) * lengths).astype(dtype), counts)
