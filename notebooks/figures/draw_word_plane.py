"""Draws word_plane.png, the README's picture: word pairs in the plane that shows them best.

python notebooks/figures/draw_word_plane.py
"""

from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt

from w2vlib import datasets, fast, plotting

FAMILIES = {
    "woman to man": ("-", [("woman", "man"), ("queen", "king"), ("aunt", "uncle")]),
    "country to capital": ("--", [("france", "paris"), ("japan", "tokyo"), ("italy", "rome")]),
    "present to past": (":", [("go", "went"), ("take", "took"), ("sing", "sang")]),
}


def main() -> None:
    corpus = datasets.load("embedded")
    vectors = fast.train(corpus, hidden_size=50, max_epoch=20, seed=0, progress=False)
    plotting.use_style()
    fig, panels = plt.subplots(1, len(FAMILIES), figsize=(11, 3.8))
    for ax, (name, (line, pairs)) in zip(panels, FAMILIES.items(), strict=True):
        draw_family(ax, vectors, name, line, pairs)
    fig.suptitle("Learned from 500,000 words of text: the same step for every pair", fontsize=14)
    fig.savefig(Path(__file__).with_name("word_plane.png"), dpi=110, metadata={"Software": None})


def draw_family(ax, vectors, name, line, pairs) -> None:
    """One panel: the plane of the first two principal components of the family's words."""
    words = [word for pair in pairs for word in pair]
    unit = np.stack([vectors.unit_vectors[vectors.id(word)] for word in words])
    centred = unit - unit.mean(axis=0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    plane = centred @ axes[:2].T
    for (x0, y0), (x1, y1) in zip(plane[::2], plane[1::2], strict=True):
        arrow = {"arrowstyle": "-|>", "ls": line, "lw": 1.8, "color": plotting.BLUE}
        ax.annotate("", (x1, y1), (x0, y0), arrowprops=arrow)
    ax.plot(*plane.T, "o", color=plotting.VERMILLION)
    for word, (x, y) in zip(words, plane, strict=True):
        ax.annotate(word, (x, y), (0, 7), textcoords="offset points", ha="center", weight="bold")
    ax.margins(0.2)
    ax.set(title=name, xticks=[], yticks=[])


if __name__ == "__main__":
    main()
