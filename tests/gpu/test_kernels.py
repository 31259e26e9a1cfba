"""The CUDA text, run thread by thread on the CPU, changes weights as the layers' gradients say."""

import numpy as np
import pytest

from tests.fast.test_update import (
    VOCAB,
    assert_same_update,
    make_corpus,
    model_update,
    negatives_for,
)
from tests.gpu import host_build, reference
from w2vlib import CBOW, Corpus, SkipGram, create_contexts_target

pytestmark = pytest.mark.skipif(
    host_build.COMPILER is None, reason="needs a C++ compiler (g++) to run the CUDA text on the CPU"
)
REFERENCES = {
    "cbow": reference.cbow,
    "skipgram": reference.skipgram,
    "windows": reference.windows,
}
# H, w, K: a part of a float4; rows of more than 32 float4s and two groups of output rows.
SHAPES = [(6, 3, 5, False), (6, 3, 5, True), (140, 2, 9, True)]


def make_weights(hidden, seed=1):
    rng = np.random.default_rng(seed)
    return (rng.normal(0, 0.4, (VOCAB, hidden)).astype(np.float32) for _ in range(2))


def update(W_in, W_out, corpus, kind="cbow", **options):
    from w2vlib.fast.gpu import update

    model = "cbow" if kind == "cbow" else "skipgram"
    return update(W_in, W_out, corpus, model=model, share_negatives=kind == "windows", **options)


def given(corpus, kind, window, K, shrink, seed=2):
    size = len(corpus.ids)
    shape = (size, 2 * window, K) if kind == "skipgram" else (size, K)
    rng = np.random.default_rng(3)
    reaches = rng.integers(1, window + 1, size) if shrink else np.full(size, window)
    return negatives_for(shape, seed), reaches


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize(("hidden", "window", "K", "shrink"), SHAPES)
def test_whole_pass(device, kind, hidden, window, K, shrink):
    corpus = make_corpus()
    W_in, W_out = make_weights(hidden)
    negatives, reaches = given(corpus, kind, window, K, shrink)
    new_in, new_out, loss, targets = update(
        W_in,
        W_out,
        corpus,
        kind,
        window_size=window,
        negatives=negatives,
        reaches=reaches,
        lr=0.01,
    )
    expected = REFERENCES[kind](W_in, W_out, corpus, window, negatives, reaches, 0.01)
    size = len(corpus.ids)
    assert_same_update(new_in, W_in, expected[0], size)
    assert_same_update(new_out, W_out, expected[1], size)
    assert loss == pytest.approx(expected[2], rel=1e-5)
    assert targets == size - 2  # two sentences of one word


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize(("hidden", "window", "K", "shrink"), SHAPES)
def test_in_fixed_order(device, kind, hidden, window, K, shrink):
    corpus = make_corpus()
    W_in, W_out = make_weights(hidden)
    negatives, reaches = given(corpus, kind, window, K, shrink)
    options = {
        "window_size": window,
        "negatives": negatives,
        "reaches": reaches,
        "lr": 0.01,
        "deterministic": True,
    }
    new_in, new_out, loss, targets = update(W_in, W_out, corpus, kind, **options)
    expected = reference.frozen(kind, W_in, W_out, corpus, window, negatives, reaches, 0.01)
    size = len(corpus.ids)
    assert_same_update(new_in, W_in, expected[0], size)
    assert_same_update(new_out, W_out, expected[1], size)
    assert loss == pytest.approx(expected[2], rel=1e-5)
    assert targets == size - 2
    for warps in (7, 10_000):  # however many work on it: the same bytes
        again = update(W_in, W_out, corpus, kind, **options, warps=warps)
        assert (again[0] == new_in).all() and (again[1] == new_out).all()


@pytest.mark.parametrize("deterministic", [False, True])
def test_sum_gradient(device, deterministic):
    corpus, window = make_corpus(), 3
    W_in, W_out = make_weights(6)
    negatives, reaches = given(corpus, "cbow", window, 5, False)
    options = {"window_size": window, "negatives": negatives, "lr": 0.01, "mean_gradient": False}
    new_in, new_out, *_ = update(W_in, W_out, corpus, deterministic=deterministic, **options)
    arguments = W_in, W_out, corpus, window, negatives, reaches, 0.01, False
    expected = reference.frozen("cbow", *arguments) if deterministic else reference.cbow(*arguments)
    assert_same_update(new_in, W_in, expected[0], len(corpus.ids))
    assert_same_update(new_out, W_out, expected[1], len(corpus.ids))


@pytest.mark.parametrize("kind", REFERENCES)
def test_damping(device, kind):
    """Changes of a row are multiplied; what others see of it is not."""
    corpus, window = make_corpus(), 3
    W_in, W_out = make_weights(6)
    negatives, reaches = given(corpus, kind, window, 5, False)
    damp = np.random.default_rng(0).uniform(0.1, 1, (2, VOCAB)).astype(np.float32)
    options = {"window_size": window, "lr": 0.01}
    got = update(
        W_in, W_out, corpus, kind, negatives=negatives, damp=damp, deterministic=True, **options
    )
    full = reference.frozen(kind, W_in, W_out, corpus, window, negatives, reaches, 0.01)
    for new, old, whole, factor in zip(got, (W_in, W_out), full, damp, strict=False):
        assert_same_update(new, old, old + (whole - old) * factor[:, None], len(corpus.ids))
    assert got[2] == pytest.approx(full[2], rel=1e-5)
    options |= {"begin": 50, "end": 51, "negatives": negatives[50:51]}
    plain, damped = (update(W_in, W_out, corpus, kind, damp=d, **options) for d in (None, damp))
    for new, old, whole, factor in zip(damped, (W_in, W_out), plain, damp, strict=False):
        wanted = (whole - old) * factor[:, None]
        # Skip-gram's neighbours see what earlier ones have changed, which here is less.
        np.testing.assert_allclose(new - old, wanted, rtol=0, atol=2e-3 * np.abs(wanted).max())


def test_the_factors_by_hand():
    """R = 100 warps, lr = 0.1: more than 32 changes at a time of one row are too many."""
    from w2vlib.fast.gpu import launch

    def damping(*arguments, at_once, **options):
        return [launch.damping(c, at_once) for c in launch.crowding(*arguments, **options)]

    p, noise = np.array([0.9, 0.0999, 0.0001]), np.array([0.6, 0.3, 0.1])
    options = {"window_size": 2, "sample_size": 3, "at_once": 100, "lr": 0.1}
    damp_in, damp_out = damping("cbow", p, noise, **options)
    # In a window for 5 targets: 450, 49.95 and 0.05 changes; as target and as 3 negatives: 270 …
    assert damp_in == pytest.approx([32 / 450, 32 / 49.95, 1])
    assert damp_out == pytest.approx([32 / 270, 32 / 99.99, 1])
    assert damping("cbow", p, noise, **options, in_order=True)[0] == pytest.approx([32 / 90, 1, 1])
    summed = damping("cbow", p, noise, **options, mean=False)[0]
    assert summed == pytest.approx([32 / 1800, 32 / 199.8, 1])
    # Skip-gram: 4 pairs for each target.
    damp_in, damp_out = damping("skipgram", p, noise, **options)
    assert damp_in == pytest.approx([32 / 360, 32 / 39.96, 1])
    assert damp_out == pytest.approx([32 / 1080, 32 / 399.96, 32 / 120.04])
    assert damping("windows", p, noise, **options)[0] == pytest.approx([32 / 1800, 32 / 199.8, 1])
    for kind in ("cbow", "skipgram", "windows"):  # one warp is a thread like any other
        options |= {"at_once": 1}
        assert np.min(damping(kind, p, noise, **options)) == 1


# ---- against the models' own backward ------------------------------------------------------------


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("position", [1, 2, 11, 150])
def test_one_target_is_the_gradient_of_cbow(device, position, deterministic):
    corpus, window = make_corpus(), 3
    W_in, W_out = make_weights(6)
    negatives = negatives_for((1, 5), seed=position)
    contexts, target = create_contexts_target(corpus, window, partial=True)
    new_in, new_out, loss, targets = update(
        W_in,
        W_out,
        corpus,
        window_size=window,
        negatives=negatives,
        lr=0.1,
        begin=position,
        end=position + 1,
        deterministic=deterministic,
    )
    part = slice(position, position + 1)
    expected = model_update(
        CBOW,
        *(W_in, W_out, corpus, window, "negative_sampling"),
        *(contexts[part], target[part], negatives, 0.1),
    )
    assert_same_update(new_in, W_in, expected[0])
    assert_same_update(new_out, W_out, expected[1])
    assert (loss, targets) == (pytest.approx(expected[2], rel=1e-5), 1)


def test_one_target_is_the_gradient_of_skipgram(device):
    window, K = 3, 5
    corpus = make_corpus(starts=None)
    W_in, W_out = make_weights(6)
    contexts, target = create_contexts_target(corpus, window, partial=True)
    negatives = negatives_for((1, 2 * window, K))
    part = slice(50, 51)
    expected = model_update(
        SkipGram,
        *(W_in, W_out, corpus, window, "negative_sampling"),
        *(contexts[part], target[part], negatives, 0.1),
    )
    options = {"window_size": window, "negatives": negatives, "lr": 0.1, "begin": 50, "end": 51}
    # All neighbours at once, from the same weights: that is the layers' gradient.
    new_in, new_out, loss, _ = update(
        W_in, W_out, corpus, "skipgram", deterministic=True, **options
    )
    assert_same_update(new_in, W_in, expected[0])
    assert_same_update(new_out, W_out, expected[1])
    assert loss == pytest.approx(expected[2], rel=1e-6)


def test_a_whole_batch_is_the_gradient_of_the_layers(device):
    """Any words, any negatives: 190 targets in fixed order are one batch of the layers."""
    window = 3
    corpus = make_corpus(starts=None)
    W_in, W_out = make_weights(6)
    contexts, target = create_contexts_target(corpus, window, partial=True)
    for kind, name, shape in ((CBOW, "cbow", (190, 5)), (SkipGram, "skipgram", (190, 6, 5))):
        negatives = negatives_for(shape)
        expected = model_update(
            kind,
            *(W_in, W_out, corpus, window, "negative_sampling"),
            *(contexts, target, negatives, 0.01),
        )
        options = {"window_size": window, "negatives": negatives, "lr": 0.01}
        got = update(W_in, W_out, corpus, name, deterministic=True, **options)
        assert_same_update(got[0], W_in, expected[0], 190)
        assert_same_update(got[1], W_out, expected[1], 190)
        assert got[2] == pytest.approx(expected[2], rel=1e-5)


# ---- sentences, pieces, launches -----------------------------------------------------------------


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("kind", REFERENCES)
def test_no_window_crosses_a_sentence_end(device, kind, deterministic):
    """Words 0, 1, 2 stand in the first sentence, 3, 4, 5 in the second, 6 is the only negative."""
    window = 3
    ids, words = np.array([0, 1, 2, 3, 4, 5]), list("abcdefg")
    apart = Corpus(ids, words, [0, 3], counts=np.ones(7, np.int64))
    W_in, W_out = (W[:7] for W in make_weights(6))
    shape = (3, 2 * window, 5) if kind == "skipgram" else (3, 5)
    options = {"window_size": window, "negatives": np.full(shape, 6), "lr": 0.1, "end": 3}
    options["deterministic"] = deterministic
    new_in, new_out, *_ = update(W_in, W_out, apart, kind, **options)
    assert (new_in[3:] == W_in[3:]).all() and (new_out[3:6] == W_out[3:6]).all()
    assert (new_in[:3] != W_in[:3]).any(axis=1).all()
    other = W_in.copy()
    other[3:] += 1  # what the second sentence holds does not matter to the first
    again_in, again_out, *_ = update(other, W_out, apart, kind, **options)
    np.testing.assert_allclose(again_in[:3], new_in[:3], atol=1e-6)
    np.testing.assert_allclose(again_out, new_out, atol=1e-6)
    joined = Corpus(ids, words, counts=np.ones(7, np.int64))
    crossed_in, crossed_out, *_ = update(W_in, W_out, joined, kind, **options)
    assert (crossed_in[3:6] != W_in[3:6]).any() or (crossed_out[3:6] != W_out[3:6]).any()


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("order", [1, 2, 3])
def test_the_order_of_the_threads_does_not_matter(device, kind, order, monkeypatch):
    """Bit for bit, except for the order in which warps, not threads, add to a row."""
    corpus = make_corpus(size=100)  # one piece
    W_in, W_out = make_weights(6)
    negatives, reaches = given(corpus, kind, 3, 5, True)
    options = {"window_size": 3, "negatives": negatives, "reaches": reaches, "lr": 0.01}
    for deterministic in (False, True):
        monkeypatch.setattr(host_build, "order", 0)
        first = update(W_in, W_out, corpus, kind, deterministic=deterministic, **options)
        monkeypatch.setattr(host_build, "order", order)
        again = update(W_in, W_out, corpus, kind, deterministic=deterministic, **options)
        assert (first[0] == again[0]).all() and (first[1] == again[1]).all()
        assert first[2] == again[2]


@pytest.mark.parametrize("kind", REFERENCES)
@pytest.mark.parametrize("cut", [1, 4, 50])
def test_windows_see_over_the_ends_of_a_launch(device, kind, cut):
    corpus = make_corpus(starts=None, size=60)
    W_in, W_out = make_weights(6)
    negatives, _ = given(corpus, kind, 3, 5, False)
    options = {"window_size": 3, "lr": 1e-3}
    half = update(W_in, W_out, corpus, kind, negatives=negatives[:cut], end=cut, **options)
    both = update(*half[:2], corpus, kind, negatives=negatives[cut:], begin=cut, **options)
    whole = update(W_in, W_out, corpus, kind, negatives=negatives, **options)
    assert half[2] + both[2] == pytest.approx(whole[2], rel=1e-3)
    np.testing.assert_allclose(both[0] - W_in, whole[0] - W_in, atol=2e-4)
    assert half[3] + both[3] == whole[3] == 60
