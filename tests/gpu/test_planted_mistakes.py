"""Mistakes planted in the CUDA text: the tests of the kernels would notice each of them."""

import numpy as np
import pytest

from tests.fast.test_update import VOCAB, make_corpus, negatives_for
from tests.gpu import host_build, reference
from w2vlib.fast.gpu import launch

pytestmark = pytest.mark.skipif(
    host_build.COMPILER is None, reason="needs a C++ compiler (g++) to run the CUDA text on the CPU"
)
PLANTED = {
    "a ring one row too small": (
        "windows",
        "#define RING (2 * WINDOW + 2)",
        "#define RING (2 * WINDOW)",
    ),
    "sums in the wrong threads": ("skipgram", "s[j + half] : s[j], give", "s[j] : s[j], give"),
    "an exchange that some skip": (
        "cbow",
        "s[0] += __shfl_xor_sync(ALL, s[0], 2);",
        "if (lane < 30) s[0] += __shfl_xor_sync(ALL, s[0], 2);",
    ),
    "a window over the text's end": (
        "cbow",
        "piece.to + WINDOW < size ? piece.to + WINDOW : size",
        "piece.to + WINDOW",
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_mistake_is_found(device, monkeypatch, name):
    from w2vlib.fast.gpu import update

    kind, right, wrong = PLANTED[name]
    text = launch.source()
    assert text.count(right) >= 1
    monkeypatch.setattr(launch, "source", lambda: text.replace(right, wrong))
    corpus, window, rng = make_corpus(), 3, np.random.default_rng(1)
    W_in, W_out = (rng.normal(0, 0.4, (VOCAB, 140)).astype(np.float32) for _ in range(2))
    size = len(corpus.ids)
    negatives = negatives_for((size, 2 * window, 5) if kind == "skipgram" else (size, 5))
    reaches = np.full(size, window)
    expected = getattr(reference, kind)(W_in, W_out, corpus, window, negatives, reaches, 0.01)
    try:
        new = update(
            W_in,
            W_out,
            corpus,
            model="cbow" if kind == "cbow" else "skipgram",
            share_negatives=kind == "windows",
            window_size=window,
            negatives=negatives,
            lr=0.01,
        )
    except RuntimeError:  # outside an array, or not all threads take part
        return
    error = max(np.abs(a - b).max() for a, b in zip(new[:2], expected[:2], strict=True))
    assert not error < 1e-4
