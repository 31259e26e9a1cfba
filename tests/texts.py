"""Text files for the tests that read some."""

import itertools
from pathlib import Path

from w2vlib import datasets


def write_beginning(path: Path, sentences: int) -> Path:
    """Write the first sentences of the embedded corpus into a file, one a line."""
    corpus = datasets.load("embedded")
    chosen = itertools.islice(corpus.sentences(), sentences)
    lines = "".join(" ".join(corpus.decode(ids)) + "\n" for ids in chosen)
    path.write_text(lines, encoding="utf-8")
    return path
