"""The compiled loops change the weights as the gradients of the NumPy layers say, to float32."""

import numpy as np
import pytest

from tests.fast import reference
from w2vlib import CBOW, Corpus, SkipGram, create_contexts_target
from w2vlib.fast import update

VOCAB = 40
STARTS = np.array([0, 1, 3, 12, 13, 90])  # lone words, a pair, and a sentence longer than a block


def make_corpus(size=190, starts=STARTS, seed=0, vocab=VOCAB):
    """Random ids; every word occurs, so that a tree has all of them."""
    rng = np.random.default_rng(seed)
    ids = np.concatenate([rng.permutation(vocab), rng.integers(0, vocab, max(0, size - vocab))])
    return Corpus(ids[:size], [f"w{i}" for i in range(vocab)], starts)


def make_weights(hidden, rows=VOCAB, seed=1):
    rng = np.random.default_rng(seed)
    shape = (VOCAB, hidden)
    W_in = rng.normal(0, 0.4, shape).astype(np.float32)
    return W_in, rng.normal(0, 0.4, (rows, hidden)).astype(np.float32)


def assert_same_update(new, old, expected, updates=1):
    """The changes agree to float32 accuracy: relative to the largest change and largest weight.

    A row that is changed many times is rounded as often; these errors add up like random steps.
    """
    change, wanted = new.astype(np.float64) - old, expected - old
    tolerance = 3e-6 * np.abs(wanted).max() + 2e-7 * np.abs(old).max() * np.sqrt(updates)
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(change, wanted, rtol=0, atol=tolerance)


def negatives_for(shape, seed=2):
    """Any words: also the target itself, and the same word several times."""
    return np.random.default_rng(seed).integers(0, VOCAB, shape)


REFERENCES = {
    ("cbow", False): reference.cbow,
    ("skipgram", False): reference.skipgram,
    ("skipgram", True): reference.windows,
}


@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize(("model", "share"), REFERENCES)
@pytest.mark.parametrize(
    ("hidden", "window", "K", "shrink"),
    [(20, 3, 5, False), (8, 1, 1, False), (1, 2, 6, True), (33, 7, 13, True), (16, 200, 5, False)],
)
def test_whole_pass(model, share, loss, hidden, window, K, shrink):
    corpus = make_corpus()
    rows = VOCAB - (loss == "hierarchical_softmax")
    W_in, W_out = make_weights(hidden, rows)
    size = len(corpus.ids)
    wide = model == "skipgram" and not share
    negatives = negatives_for((size, 2 * window, K) if wide else (size, K))
    rng = np.random.default_rng(3)
    reaches = rng.integers(1, window + 1, size) if shrink else np.full(size, window)
    lr = 0.01
    new_in, new_out, total, targets = update(
        W_in,
        W_out,
        corpus,
        model=model,
        window_size=window,
        loss=loss,
        negatives=negatives,
        reaches=reaches,
        share_negatives=share,
        lr=lr,
    )
    expected = REFERENCES[model, share](W_in, W_out, corpus, window, negatives, reaches, lr, loss)
    assert_same_update(new_in, W_in, expected[0], size)
    assert_same_update(new_out, W_out, expected[1], size)
    assert total == pytest.approx(expected[2], rel=1e-5)
    assert targets == size - 2  # two sentences of one word


@pytest.mark.parametrize("window", [2, 5])
def test_sum_gradient(window):
    corpus = make_corpus()
    W_in, W_out = make_weights(10)
    negatives, reaches = negatives_for((len(corpus.ids), 5)), np.full(len(corpus.ids), window)
    options = {"window_size": window, "negatives": negatives, "lr": 0.01}
    new_in, new_out, *_ = update(W_in, W_out, corpus, mean_gradient=False, **options)
    expected = reference.cbow(
        W_in, W_out, corpus, window, negatives, reaches, 0.01, "negative_sampling", False
    )
    assert_same_update(new_in, W_in, expected[0])
    assert_same_update(new_out, W_out, expected[1])


# ---- a whole block against the models' own backward ----------------------------------------------


def model_update(kind, W_in, W_out, corpus, window, loss, contexts, target, negatives, lr):
    """``W − lr · B · gradient`` with the gradient of the model, in float64."""
    model = kind(len(W_in), W_in.shape[1], window, corpus, loss=loss, seed=0, dtype=np.float64)
    for param, value in zip(model.params, (W_in, W_out), strict=True):
        param[...] = value
    given = () if loss == "hierarchical_softmax" else (negatives,)
    value = model.forward(contexts, target, *given)
    model.backward()
    new = [p - lr * len(target) * g for p, g in zip(model.params, model.grads, strict=True)]
    return *new, value * len(target)


def assert_same_as_model(expected, W_in, W_out, corpus, rel=1e-6, **options):
    """The loops' new weights and loss are those of ``model_update`` at lr = 0.1."""
    new_in, new_out, total, targets = update(W_in, W_out, corpus, lr=0.1, **options)
    assert_same_update(new_in, W_in, expected[0])
    assert_same_update(new_out, W_out, expected[1])
    assert total == pytest.approx(expected[2], rel=rel)
    return targets


def test_frozen_block_is_the_gradient_of_cbow():
    """64 targets whose output rows all differ: nothing that one changes concerns another."""
    vocab, window, K, hidden = 600, 4, 5, 50
    rng = np.random.default_rng(0)
    words = rng.permutation(vocab)
    ids, negatives = words[:64], words[64 : 64 + 64 * K].reshape(64, K)
    counts = np.ones(vocab, np.int64)
    corpus = Corpus(ids, [f"w{i}" for i in range(vocab)], counts=counts)
    W_in = rng.normal(0, 0.3, (vocab, hidden)).astype(np.float32)
    W_out = rng.normal(0, 0.3, (vocab, hidden)).astype(np.float32)
    contexts, target = create_contexts_target(corpus, window, partial=True)
    expected = model_update(
        CBOW, W_in, W_out, corpus, window, "negative_sampling", contexts, target, negatives, 0.1
    )
    assert_same_as_model(expected, W_in, W_out, corpus, window_size=window, negatives=negatives)


@pytest.mark.parametrize("position", [0, 2, 7, 11, 40])
@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
def test_one_target_is_the_gradient_of_cbow(position, loss):
    """Any target and any negatives, repeated ones too: one target is one frozen step."""
    if position == 0:
        position = 1  # position 0 is a lone word, which has no context
    corpus, window = make_corpus(), 3
    W_in, W_out = make_weights(24, VOCAB - (loss == "hierarchical_softmax"))
    negatives = negatives_for((1, 5), seed=position)
    contexts, target = create_contexts_target(corpus, window, partial=True)
    part = slice(position, position + 1)
    expected = model_update(
        CBOW,
        *(W_in, W_out, corpus, window, loss),
        *(contexts[part], target[part], negatives, 0.1),
    )
    targets = assert_same_as_model(
        expected,
        W_in,
        W_out,
        corpus,
        window_size=window,
        loss=loss,
        negatives=negatives,
        begin=position,
        end=position + 1,
        rel=1e-5,
    )
    assert targets == 1


def test_one_target_is_the_gradient_of_skipgram():
    """All neighbours of a word, with negatives that all differ."""
    window, K = 3, 5
    corpus = make_corpus(starts=None)
    W_in, W_out = make_weights(24)
    contexts, target = create_contexts_target(corpus, window, partial=True)
    position = next(t for t in range(10, 150) if len(set(contexts[t])) == 2 * window)
    others = np.setdiff1d(np.arange(VOCAB), contexts[position])
    negatives = np.random.default_rng(0).permutation(others)[: 2 * window * K]
    negatives = negatives.reshape(1, 2 * window, K)
    part = slice(position, position + 1)
    expected = model_update(
        SkipGram,
        *(W_in, W_out, corpus, window, "negative_sampling"),
        *(contexts[part], target[part], negatives, 0.1),
    )
    assert_same_as_model(
        expected,
        W_in,
        W_out,
        corpus,
        model="skipgram",
        window_size=window,
        negatives=negatives,
        begin=position,
        end=position + 1,
    )


@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize("position", [2, 20, 95])
def test_one_window_is_the_gradient_of_skipgram_the_other_way_round(position, loss):
    """Shared negatives: each neighbour predicts the word; any negatives, repeated ones too."""
    window, K = 3, 5
    corpus = make_corpus()
    W_in, W_out = make_weights(24, VOCAB - (loss == "hierarchical_softmax"))
    contexts, target = create_contexts_target(corpus, window, partial=True)
    words = contexts[position][contexts[position] >= 0]
    negatives = negatives_for((1, K), seed=position)
    # In the model's words: each neighbour is a target whose one context is the word in the middle.
    middle = np.full((len(words), 2 * window), -1)
    middle[:, 0] = target[position]
    given = np.zeros((len(words), 2 * window, K), int)
    given[:, 0] = negatives
    expected = model_update(SkipGram, W_in, W_out, corpus, window, loss, middle, words, given, 0.1)
    assert_same_as_model(
        expected,
        W_in,
        W_out,
        corpus,
        model="skipgram",
        share_negatives=True,
        window_size=window,
        loss=loss,
        negatives=negatives,
        begin=position,
        end=position + 1,
        rel=1e-5,
    )


# ---- sentence ends -------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "share"), REFERENCES)
def test_no_window_crosses_a_sentence_end(model, share):
    """Words 0, 1, 2 stand in the first sentence, 3, 4, 5 in the second, 6 is the only negative."""
    window = 5
    ids, words = np.array([0, 1, 2, 3, 4, 5]), list("abcdefg")
    apart = Corpus(ids, words, [0, 3], counts=np.ones(7, np.int64))
    W_in, W_out = (W[:7] for W in make_weights(6))
    wide = (6, 2 * window, 5) if model == "skipgram" and not share else (6, 5)
    options = {
        "model": model,
        "share_negatives": share,
        "window_size": window,
        "negatives": np.full(wide, 6),
        "lr": 0.1,
    }
    options["end"] = 3  # targets of the first sentence only
    options["negatives"] = options["negatives"][:3]
    new_in, new_out, *_ = update(W_in, W_out, apart, **options)
    assert (new_in[3:] == W_in[3:]).all() and (new_out[3:6] == W_out[3:6]).all()
    assert (new_in[:3] != W_in[:3]).any(axis=1).all()
    other = W_in.copy()
    other[3:] += 1  # what the second sentence holds does not matter to the first
    again_in, again_out, *_ = update(other, W_out, apart, **options)
    assert (again_in[:3] == new_in[:3]).all() and (again_out == new_out).all()
    joined = Corpus(ids, words, counts=np.ones(7, np.int64))
    crossed_in, crossed_out, *_ = update(W_in, W_out, joined, **options)
    assert (crossed_in[3:6] != W_in[3:6]).any() or (crossed_out[3:6] != W_out[3:6]).any()


@pytest.mark.parametrize("cut", [1, 3, 4, 50])
def test_windows_see_over_the_ends_of_a_stretch(cut):
    """Two calls on neighbouring stretches see the words on the other side of the cut."""
    corpus = make_corpus(starts=None, size=60)
    W_in, W_out = make_weights(10)
    negatives = negatives_for((60, 5))
    options = {"window_size": 4, "lr": 1e-3}
    half = update(W_in, W_out, corpus, negatives=negatives[:cut], end=cut, **options)
    both = update(*half[:2], corpus, negatives=negatives[cut:], begin=cut, **options)
    whole = update(W_in, W_out, corpus, negatives=negatives, **options)
    # The only difference: at the cut, W_in has learned from the first stretch.
    assert half[2] + both[2] == pytest.approx(whole[2], rel=1e-3)
    np.testing.assert_allclose(both[0] - W_in, whole[0] - W_in, atol=2e-4)
    assert half[3] + both[3] == whole[3] == 60


# ---- wrong input: compiled code looks at no bounds ----------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"model": "CBOW"}, ValueError, "^model must be one of 'cbow', 'skipgram'"),
        ({"loss": "softmax"}, ValueError, "^loss must be one of"),
        ({"window_size": 0}, ValueError, "^window_size must be at least 1"),
        ({"lr": np.nan}, ValueError, "^lr must be finite"),
        ({"end": 191}, ValueError, "0 <= begin <= end <= 190, got 0 and 191"),
        ({"begin": 5, "end": 4}, ValueError, "begin <= end <= 190, got 5 and 4"),
        ({"begin": -1}, ValueError, "^begin must be at least 0"),
        ({"negatives": None}, ValueError, "^negatives must be given"),
        ({"negatives": np.full((190, 5), VOCAB)}, IndexError, r"^negatives\[0, 0\] is 40"),
        ({"negatives": np.full((190, 5), -1)}, IndexError, r"^negatives\[0, 0\] is -1"),
        ({"negatives": np.zeros((190, 5))}, TypeError, "^negatives must hold integer"),
        ({"negatives": np.zeros((189, 5), int)}, ValueError, r"\(190, K\), got \(189, 5\)"),
        ({"negatives": np.zeros((190, 0), int)}, ValueError, "^K must be from 1 to 300, got 0"),
        ({"negatives": np.zeros((190, 301), int)}, ValueError, "^K must be from 1 to 300"),
        ({"model": "skipgram"}, ValueError, r"\(190, 6, K\), got \(190, 5\)"),
        ({"reaches": np.full(190, 4)}, IndexError, r"^reaches\[0\] is 4"),
        ({"reaches": np.zeros(190, int)}, ValueError, "190 window sizes from 1 to 3"),
        ({"reaches": np.ones(189, int)}, ValueError, "190 window sizes from 1 to 3"),
        (
            {"W_in": np.ones((VOCAB, 1), np.float32)},
            ValueError,
            r"^W_out must have shape \(40, 1\)",
        ),
        ({"W_out": np.ones((VOCAB, 1))}, ValueError, r"^W_out must have shape \(40, 8\)"),
        ({"W_in": np.ones((VOCAB + 1, 8))}, ValueError, r"^W_in must have shape \(40, 8\)"),
        ({"W_in": np.full((VOCAB, 8), np.nan)}, ValueError, r"^W_in\[0, 0\] is nan"),
    ],
)
def test_wrong_input_is_refused_by_name(wrong, error, message):
    corpus, (W_in, W_out) = make_corpus(), make_weights(8)
    options = {"W_in": W_in, "W_out": W_out, "window_size": 3, "negatives": negatives_for((190, 5))}
    with pytest.raises(error, match=message):
        update(corpus=corpus, **{**options, **wrong})


def test_a_tree_needs_one_row_less():
    corpus, (W_in, W_out) = make_corpus(), make_weights(8)
    with pytest.raises(ValueError, match=r"^W_out must have shape \(39, 8\), got \(40, 8\)"):
        update(W_in, W_out, corpus, loss="hierarchical_softmax")


def test_no_targets_at_all_change_nothing():
    corpus, (W_in, W_out) = make_corpus(), make_weights(8)
    nothing = {"negatives": np.zeros((0, 5), int), "begin": 190}
    new_in, new_out, loss, targets = update(W_in, W_out, corpus, **nothing)
    assert (new_in == W_in).all() and (new_out == W_out).all()
    assert (loss, targets) == (0, 0)
