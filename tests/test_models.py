"""Whole models against loops over their formulas: losses, both gradients, PAD, and shapes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import (
    LAYOUTS,
    cross_entropy,
    dot,
    laid_out,
    log_sigmoid,
    numeric_gradient,
    run_python,
)
from w2vlib.corpus import convert_one_hot, create_contexts_target
from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss
from w2vlib.layers import Embedding
from w2vlib.models import CBOW, SimpleCBOW, SimpleSkipGram, SkipGram, WindowClassifier
from w2vlib.negative_sampling import NegativeSamplingLoss, UnigramSampler
from w2vlib.sparse import RowGradient
from w2vlib.validation import PAD

CORPUS = np.array([0, 1, 2, 3, 4, 1, 2, 1, 0, 3])
V = 5
few = settings(max_examples=30)


def spread(model):
    """The model with weights of a size that makes gradients easy to tell from zero."""
    for i, p in enumerate(model.params):
        p[...] = np.random.default_rng(i).standard_normal(p.shape)
    return model


def dense(gradient):
    return gradient.to_dense() if isinstance(gradient, RowGradient) else gradient


def assert_gradients(model, loss):
    for p, g in zip(model.params, model.grads, strict=True):
        assert dense(g) == pytest.approx(numeric_gradient(loss, p), rel=1e-5, abs=1e-7)


# ---- with one-hot vectors and softmax -----------------------------------------------------------


def slow_scores(h, W_out):
    return [dot(h, W_out[:, j]) for j in range(W_out.shape[1])]


def slow_simple_cbow(W_in, W_out, contexts, target):
    costs = []
    for row, t in zip(contexts, target, strict=True):
        h = sum(W_in[i] for i in row) / len(row)
        costs.append(cross_entropy(slow_scores(h, W_out), t))
    return math.fsum(costs) / max(len(costs), 1)


def slow_simple_skip_gram(W_in, W_out, contexts, target):
    costs = [
        cross_entropy(slow_scores(W_in[t], W_out), i)
        for row, t in zip(contexts, target, strict=True)
        for i in row
    ]
    return math.fsum(costs) / max(len(target), 1)


SIMPLE = [(SimpleCBOW, slow_simple_cbow), (SimpleSkipGram, slow_simple_skip_gram)]


@few
@pytest.mark.parametrize(("make", "slow"), SIMPLE)
@given(
    st.integers(0, 3),
    st.integers(1, 4),
    st.integers(0, 999),
    st.sampled_from(LAYOUTS),
    st.sampled_from([np.int32, np.float32, bool]),
    st.floats(-2, 2),
)
def test_simple_models(make, slow, B, C, seed, layout, dtype, dout):
    rng = np.random.default_rng(seed)
    contexts, target = rng.integers(V, size=(B, C)), rng.integers(V, size=B)
    model = spread(make(V, 3, seed=0, dtype=np.float64))
    one_hot = np.eye(V, dtype=dtype)
    found = model.forward(laid_out(one_hot[contexts], layout), laid_out(one_hot[target], layout))
    assert found == pytest.approx(slow(*model.params, contexts, target), rel=1e-12)
    assert model.backward(dout) is None
    assert_gradients(model, lambda: dout * slow(*model.params, contexts, target))


@pytest.mark.parametrize(("make", "_"), SIMPLE)
def test_simple_models_have_two_small_matrices(make, _):
    model = make(70, 30, seed=0)
    W_in, W_out = model.params
    assert (W_in.shape, W_out.shape) == ((70, 30), (30, 70))
    assert {p.dtype for p in (*model.params, *model.grads)} == {np.dtype(np.float32)}
    assert model.word_vecs is W_in
    # Normal numbers with standard deviation 0.01, independent of each other
    for p in model.params:
        assert p.std() == pytest.approx(0.01, rel=0.1)
        assert abs(p.mean()) < 0.001
    assert abs(np.corrcoef(W_in.ravel(), W_out.ravel())[0, 1]) < 0.1


@pytest.mark.parametrize(("make", "_"), SIMPLE)
def test_a_new_simple_model_knows_nothing(make, _):
    contexts, target = create_contexts_target(CORPUS, 1)
    loss = make(V, 3, seed=0).forward(convert_one_hot(contexts, V), convert_one_hot(target, V))
    questions = 1 if make is SimpleCBOW else 2
    assert loss == pytest.approx(questions * math.log(V), rel=1e-3)


@pytest.mark.parametrize(("make", "_"), SIMPLE)
@pytest.mark.parametrize(
    ("contexts", "target"),
    [
        ((2, 2), (2,)),
        ((2, 2, V), (2,)),
        ((2, 2, V), (3, V)),
        ((2, 2, V + 1), (2, V)),
        ((2, 2, V), (2, V - 1)),
        ((2, V), (2, V)),
        ((2, 0, V), (2, V)),
    ],
)
def test_simple_models_take_one_hot_vectors_only(make, _, contexts, target):
    model = make(V, 3, seed=0)
    with pytest.raises(ValueError, match=r"^contexts must be one-hot, .*convert_one_hot\(ids"):
        model.forward(np.zeros(contexts, int), np.zeros(target, int))


# ---- CBOW and skip-gram -------------------------------------------------------------------------


def slow_cost(h, W_out, word, negatives):
    cost = -log_sigmoid(dot(h, W_out[word]))
    return cost - math.fsum(log_sigmoid(-dot(h, W_out[k])) for k in negatives)


def slow_cbow(W_in, W_out, contexts, target, negatives):
    costs = []
    for row, t, ks in zip(contexts, target, negatives, strict=True):
        there = [W_in[i] for i in row if i != PAD]
        h = sum(there) / len(there) if there else np.zeros(W_in.shape[1])
        costs.append(slow_cost(h, W_out, t, ks))
    return math.fsum(costs) / max(len(costs), 1)


def slow_skip_gram(W_in, W_out, contexts, target, negatives):
    costs = [
        slow_cost(W_in[t], W_out, i, ks)
        for row, t, kss in zip(contexts, target, negatives, strict=True)
        for i, ks in zip(row, kss, strict=True)
        if i != PAD
    ]
    return math.fsum(costs) / max(len(target), 1)


BOTH = [(CBOW, slow_cbow), (SkipGram, slow_skip_gram)]


def batch(seed, B, w, K, make):
    rng = np.random.default_rng(seed)
    contexts, target = rng.integers(PAD, V, (B, 2 * w)), rng.integers(0, V, B)
    return contexts, target, rng.integers(0, V, (B, K) if make is CBOW else (B, 2 * w, K))


@few
@pytest.mark.parametrize(("make", "slow"), BOTH)
@given(
    st.integers(0, 3),
    st.integers(1, 2),
    st.integers(0, 3),
    st.integers(0, 999),
    st.sampled_from(LAYOUTS),
    st.sampled_from([np.int8, np.int32, np.int64]),
    st.booleans(),
    st.floats(-2, 2),
)
def test_loss_and_both_gradients(make, slow, B, w, K, seed, layout, dtype, sparse, dout):
    data = batch(seed, B, w, K, make)
    model = spread(make(V, 3, w, CORPUS, seed=0, dtype=np.float64, sparse_grad=sparse))
    found = model.forward(*(laid_out(a.astype(dtype), layout) for a in data))
    assert type(found) is float
    assert found == pytest.approx(slow(*model.params, *data), rel=1e-12)
    assert model.backward(dout) is None
    assert_gradients(model, lambda: dout * slow(*model.params, *data))


@few
@pytest.mark.parametrize("make", [CBOW, SkipGram])
@given(st.integers(0, 3), st.integers(1, 2), st.integers(0, 999), st.booleans())
def test_with_hierarchical_softmax(make, B, w, seed, sparse):
    contexts, target, _ = batch(seed, B, w, 1, make)
    model = make(V, 3, w, CORPUS, loss="hierarchical_softmax", dtype=np.float64, sparse_grad=sparse)
    W_in, W_out = spread(model).params
    assert W_out.shape == (V - 1, 3)

    def loss():
        reference = HierarchicalSoftmaxLoss(W_out, CORPUS)  # it has tests of its own
        if make is SkipGram:
            return reference.forward(W_in[target], contexts)
        h = np.array([W_in[row[row != PAD]].mean(0) if (row != PAD).any() else 0 * W_in[0]
                      for row in contexts])  # fmt: skip
        return reference.forward(h.reshape(-1, 3), target)

    assert model.forward(contexts, target) == pytest.approx(loss(), rel=1e-12)
    model.backward()
    assert_gradients(model, loss)


def test_cbow_by_hand():
    # h = mean of rows 0 and 2 = ((log 9, 0) + (0, 0)) / 2 = (log 3, 0).
    # Target 1: h·(1, 0) = log 3, "yes" costs log 4/3.  Negative 0: h·(0, 5) = 0, "no" costs log 2.
    model = CBOW(3, 2, 1, [0, 1, 2], dtype=np.float64)
    W_in, W_out = model.params
    W_in[...] = [[math.log(9), 0], [7, 7], [0, 0]]
    W_out[...] = [[0, 5], [1, 0], [9, 9]]
    loss = model.forward([[0, 2]], [1], negatives=[[0]])
    assert loss == pytest.approx(math.log(4 / 3) + math.log(2))
    model.backward()
    # dscore = (3/4 − 1, 1/2);  dh = −1/4 (1, 0) + 1/2 (0, 5); each context gets half of it.
    assert model.grads[0] == pytest.approx(np.array([[-1 / 8, 5 / 4], [0, 0], [-1 / 8, 5 / 4]]))
    half, quarter = math.log(3) / 2, -math.log(3) / 4
    assert model.grads[1] == pytest.approx(np.array([[half, 0], [quarter, 0], [0, 0]]))
    # With PAD beside it word 0 is the mean: h = (log 9, 0), "yes" costs log 10/9.
    loss = model.forward([[PAD, 0]], [1], negatives=[[0]])
    assert loss == pytest.approx(math.log(10 / 9) + math.log(2))


def test_skip_gram_by_hand():
    # h = W_in[1] = (log 3, 0).  Contexts 0 and PAD; the negative of context 0 is word 2.
    # Score log 3 for word 0: log 4/3.  Score 0 for word 2: log 2.
    model = SkipGram(3, 2, 1, [0, 1, 2], dtype=np.float64)
    W_in, W_out = model.params
    W_in[...] = [[5, 5], [math.log(3), 0], [5, 5]]
    W_out[...] = [[1, 0], [9, 9], [0, 4]]
    loss = model.forward([[0, PAD]], [1], negatives=[[[2], [1]]])
    assert loss == pytest.approx(math.log(4 / 3) + math.log(2))
    model.backward()
    assert model.grads[0] == pytest.approx(np.array([[0, 0], [-1 / 4, 2], [0, 0]]))
    truth = [[-math.log(3) / 4, 0], [0, 0], [math.log(3) / 2, 0]]
    assert model.grads[1] == pytest.approx(np.array(truth))


@pytest.mark.parametrize("sparse", [False, True])
def test_cbow_is_the_books_composition(sparse):
    """C Embedding layers that share W_in, their mean, and the loss: the same numbers."""
    model = spread(CBOW(V, 3, 2, CORPUS, dtype=np.float64, sparse_grad=sparse))
    contexts, target = create_contexts_target(CORPUS, 2)
    negatives = np.random.default_rng(0).integers(0, V, (len(target), 4))
    W_in, W_out = model.params
    in_layers = [Embedding(W_in) for _ in range(4)]
    ns_loss = NegativeSamplingLoss(W_out, CORPUS)
    h = sum(layer.forward(contexts[:, i]) for i, layer in enumerate(in_layers)) / 4
    assert model.forward(contexts, target, negatives) == pytest.approx(
        ns_loss.forward(h, target, negatives), rel=1e-14
    )
    dh = ns_loss.backward() / 4
    for layer in in_layers:
        layer.backward(dh)
    model.backward()
    assert dense(model.grads[0]) == pytest.approx(sum(layer.grads[0] for layer in in_layers))
    assert dense(model.grads[1]) == pytest.approx(ns_loss.grads[0])


@pytest.mark.parametrize("make", [CBOW, SkipGram])
@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize("sparse", [False, True])
def test_single_precision_against_double(make, loss, sparse):
    models = [
        spread(make(V, 8, 2, CORPUS, loss=loss, dtype=dtype, sparse_grad=sparse))
        for dtype in (np.float32, np.float64)
    ]
    contexts, target = create_contexts_target(CORPUS, 2, partial=True)
    shape = (*(target if make is CBOW else contexts).shape, 3)
    given_negatives = ()
    if loss == "negative_sampling":
        given_negatives = (np.random.default_rng(0).integers(0, V, shape),)
    single, double = (m.forward(contexts, target, *given_negatives) for m in models)
    assert single == pytest.approx(double, rel=1e-5)
    for model in models:
        model.backward(np.float64(1))
    for a, b in zip(models[0].grads, models[1].grads, strict=True):
        assert dense(a).dtype == np.float32
        assert dense(a) == pytest.approx(dense(b), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("make", [CBOW, SkipGram])
def test_params_and_options(make):
    model = make(60, 40, 3, np.arange(60), sample_size=4, power=0.5, seed=0)
    W_in, W_out = model.params
    assert W_in.shape == W_out.shape == (60, 40)
    assert W_in.dtype == W_out.dtype == np.float32
    assert model.word_vecs is W_in
    assert model.params[1] is model.loss_layer.params[0]
    assert all(type(g) is np.ndarray and g.shape == (60, 40) for g in model.grads)
    for p in model.params:
        assert p.std() == pytest.approx(0.01, rel=0.1)
    assert abs(np.corrcoef(W_in.ravel(), W_out.ravel())[0, 1]) < 0.1
    assert (model.window_size, model.loss) == (3, "negative_sampling")
    sampler = model.loss_layer.sampler
    assert (sampler.sample_size, sampler.power, sampler.vocab_size) == (4, 0.5, 60)
    assert make(60, 40, 3, np.arange(60)).loss_layer.sampler.sample_size == 5
    model = make(60, 40, 3, np.arange(60), sparse_grad=True)
    assert all(isinstance(g, RowGradient) for g in model.grads)


@pytest.mark.parametrize("make", [CBOW, SkipGram])
@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
def test_a_new_model_knows_nothing(make, loss):
    contexts, target = create_contexts_target(np.arange(64), 1)
    found = make(64, 4, 1, np.arange(64), loss=loss, seed=0).forward(contexts, target)
    # Every yes-or-no question costs log 2: 1 + K of them, or log2 64 = 6 in a full tree.
    questions = 6 if make is CBOW else 2 * 6
    assert found == pytest.approx(questions * math.log(2), rel=1e-3)


@pytest.mark.parametrize("make", [CBOW, SkipGram])
def test_the_seed_decides(make):
    def train(seed):
        model = make(V, 3, 1, CORPUS, seed=seed)
        contexts, target = create_contexts_target(CORPUS, 1)
        losses = [model.forward(contexts, target) for _ in range(2)]
        return [*losses, *model.params[0].ravel().tolist(), *model.params[1].ravel().tolist()]

    assert train(1) == train(1) != train(2)
    code = f"""
import numpy as np
from w2vlib import {make.__name__} as make, create_contexts_target
model = make({V}, 3, 1, np.array({CORPUS.tolist()}), seed=1)
contexts, target = create_contexts_target(np.array({CORPUS.tolist()}), 1)
losses = [model.forward(contexts, target) for _ in range(2)]
print([*losses, *model.params[0].ravel().tolist(), *model.params[1].ravel().tolist()])
"""
    assert eval(run_python(code)) == train(1)
    rng = np.random.default_rng(0)
    assert make(V, 3, 1, CORPUS, rng=rng).loss_layer.sampler.rng is rng
    with pytest.raises(ValueError, match="either rng or seed"):
        make(V, 3, 1, CORPUS, rng=rng, seed=0)


def test_skip_gram_counts_the_corpus_once(monkeypatch):
    made = []
    real = UnigramSampler.__init__
    monkeypatch.setattr(
        UnigramSampler, "__init__", lambda *a, **k: (made.append(1), real(*a, **k))[1]
    )
    SkipGram(V, 3, 5, CORPUS)
    assert len(made) == 1


@pytest.mark.parametrize("make", [CBOW, SkipGram])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint64, np.int8])
def test_ids_of_any_integer_type(make, dtype):
    contexts, target = create_contexts_target(CORPUS, 1)
    found = [
        make(V, 3, 1, CORPUS, seed=0).forward(contexts.astype(t), target.astype(t))
        for t in (np.int32, dtype)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("make", [CBOW, SkipGram])
@pytest.mark.parametrize(
    ("contexts", "target", "error", "message"),
    [
        ([[0, 1, 2]], [1], ValueError, r"^contexts must have shape \(B, 2\) for window_size=1"),
        ([[0, 1]], [1, 2], ValueError, "^contexts must have shape"),
        ([0, 1], [1], ValueError, r"Make both with create_contexts_target\(corpus, window_size\)"),
        ([[0, 1]], [[1]], ValueError, "^contexts must have shape"),
        ([[0, 1]], 1, ValueError, "^contexts must have shape"),
        ([[0, 5]], [1], IndexError, r"^contexts\[0, 1\] is 5"),
        ([[0, -2]], [1], IndexError, r"^contexts\[0, 1\] is -2"),
        ([[0, 1]], [5], IndexError, r"^target\[0\] is 5"),
        ([[0, 1]], [PAD], IndexError, r"^target\[0\] is -1"),
        ([[0.0, 1]], [1], TypeError, "^contexts must hold integer"),
        ([[0, 1]], [1.0], TypeError, "^target must hold integer"),
        ([["a", "b"]], [1], TypeError, "^contexts must hold integer"),
        ([[0, 1], [2]], [1, 2], ValueError, "^contexts must be an array with rows of eq"),
    ],
)
def test_wrong_batches(make, contexts, target, error, message):
    with pytest.raises(error, match=message):
        make(V, 3, 1, CORPUS, seed=0).forward(contexts, target)


@pytest.mark.parametrize("make", [CBOW, SkipGram])
@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"vocab_size": 1}, ValueError, "^vocab_size must be at least 2"),
        ({"vocab_size": 4}, IndexError, r"^corpus\[4\] is 4"),
        ({"vocab_size": 5.0}, TypeError, "^vocab_size must be a whole"),
        ({"hidden_size": 0}, ValueError, "^hidden_size must be at least 1"),
        ({"window_size": 0}, ValueError, "^window_size must be at least 1"),
        ({"corpus": []}, ValueError, "^corpus is empty"),
        ({"corpus": [1, 1]}, ValueError, "at least 2 different words"),
        ({"loss": "softmax"}, ValueError, "^loss must be one of .*got 'softmax'"),
        ({"dtype": np.int32}, ValueError, "^dtype must be float32 or float64, got int32"),
        ({"dtype": np.float16}, ValueError, "^dtype must be float32 or float64"),
        ({"sample_size": 0}, ValueError, "^sample_size must be"),
        ({"power": np.nan}, ValueError, "^power must be"),
        ({"seed": "a"}, TypeError, "^seed must be"),
    ],
)
def test_models_that_cannot_be(make, change, error, message):
    options = {"vocab_size": V, "hidden_size": 3, "window_size": 1, "corpus": CORPUS} | change
    with pytest.raises(error, match=message):
        make(**options)


# ---- the window classifier ----------------------------------------------------------------------


def slow_classifier(table, W, b, u, windows, corrupt, f):
    def score(window):
        x = np.concatenate([table[i] for i in window])  # PAD = −1 is the last row
        hidden = [f(dot(x, W[:, j]) + b[j]) for j in range(W.shape[1])]
        return dot(hidden, u[:, 0])

    costs = [max(0, 1 - score(a) + score(c)) for a, c in zip(windows, corrupt, strict=True)]
    return math.fsum(costs) / max(len(costs), 1)


ACTIVATIONS = {"tanh": math.tanh, "sigmoid": lambda x: math.exp(log_sigmoid(x))}


@few
@given(
    st.integers(0, 3),
    st.integers(0, 2),
    st.integers(0, 999),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.booleans(),
    st.sampled_from(LAYOUTS),
)
def test_window_classifier(B, w, seed, activation, train_vectors, layout):
    rng = np.random.default_rng(seed)
    windows, corrupt = rng.integers(PAD, V, (2, B, 2 * w + 1))
    start = rng.standard_normal((V, 2))
    model = WindowClassifier(
        V, 2, 3, w, activation=activation, train_vectors=train_vectors, word_vecs=start,
        seed=seed, dtype=np.float64,
    )  # fmt: skip
    assert np.array_equal(model.word_vecs, start)
    table, W, b, u = model.embedding.params + model.affine.params + model.score_layer.params
    assert (table.shape, W.shape, b.shape, u.shape) == ((V + 1, 2), (4 * w + 2, 3), (3,), (3, 1))
    b[:], table[-1] = rng.standard_normal(3), rng.standard_normal(2)

    def loss():
        return slow_classifier(table, W, b, u, windows, corrupt, ACTIVATIONS[activation])

    found = model.forward(laid_out(windows, layout), laid_out(corrupt, layout))
    assert found == pytest.approx(loss(), rel=1e-12)
    assert model.backward() is None
    assert len(model.params) == 3 + train_vectors
    assert_gradients(model, loss)


def test_window_classifier_starts_small_and_reproducible():
    model = WindowClassifier(200, 20, 30, 2, seed=0)
    assert model.word_vecs.shape == (200, 20)
    assert model.word_vecs.std() == pytest.approx(0.1, rel=0.1)
    W, u = model.affine.params[0], model.score_layer.params[0]
    assert W.std() == pytest.approx(1 / math.sqrt(100), rel=0.1)
    assert u.std() == pytest.approx(1 / math.sqrt(30), rel=0.4)
    assert not model.affine.params[1].any()
    assert {p.dtype for p in model.params} == {np.dtype(np.float32)}
    again = WindowClassifier(200, 20, 30, 2, seed=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.params, again.params, strict=True))
    windows = np.array([[PAD, PAD, 0, 1, 199]])
    assert model.score(windows).shape == (1,)
    assert windows.tolist() == [[PAD, PAD, 0, 1, 199]]
    assert model.score(windows.astype(np.int16)) == model.score(windows)


def test_the_window_classifier_learns():
    # Windows with word 0 in the middle are good, with word 4 they are corrupt.
    model = WindowClassifier(V, 4, 4, 1, seed=0, dtype=np.float64)
    windows, corrupt = np.array([[1, 0, 2], [3, 0, 1]]), np.array([[1, 4, 2], [3, 4, 1]])
    for _ in range(200):
        model.forward(windows, corrupt)
        model.backward()
        for p, g in zip(model.params, model.grads, strict=True):
            p -= 0.1 * g
    assert model.forward(windows, corrupt) == 0
    assert (model.score(windows) - model.score(corrupt) >= 1).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"vocab_size": 0}, ValueError, "^vocab_size must be"),
        ({"vector_size": 0}, ValueError, "^vector_size must be"),
        ({"hidden_size": 0}, ValueError, "^hidden_size must be"),
        ({"window_size": -1}, ValueError, "^window_size must be at least 0"),
        ({"activation": "relu"}, ValueError, "^activation must be 'sigmoid' or 'tanh'"),
        ({"word_vecs": np.ones((V, 3))}, ValueError, rf"^word_vecs must be \({V}, 2\)"),
        ({"word_vecs": np.full((V, 2), np.nan)}, ValueError, r"^word_vecs\[0, 0\] is nan"),
        ({"dtype": int}, ValueError, "^dtype must be"),
    ],
)
def test_classifiers_that_cannot_be(change, error, message):
    options = {"vocab_size": V, "vector_size": 2, "hidden_size": 3} | change
    with pytest.raises(error, match=message):
        WindowClassifier(**options)


@pytest.mark.parametrize(
    ("windows", "error", "message"),
    [
        ([[0, 1]], ValueError, r"^windows must have shape \(B, 3\), got \(1, 2\)"),
        ([0, 1, 2], ValueError, "^windows must have shape"),
        ([[0, 1, V]], IndexError, rf"^windows\[0, 2\] is {V}"),
        ([[0, 1, -2]], IndexError, r"^windows\[0, 2\] is -2"),
        ([[0.0, 1, 2]], TypeError, "^windows must hold integer"),
    ],
)
def test_wrong_windows(windows, error, message):
    model = WindowClassifier(V, 2, 3, 1, seed=0)
    with pytest.raises(error, match=message):
        model.forward([[0, 1, 2]], windows)
    with pytest.raises(error, match=message):
        model.score(windows)


def test_as_many_corrupt_windows_as_true_ones():
    model = WindowClassifier(V, 2, 3, 1, seed=0)
    with pytest.raises(ValueError, match="^s and s_corrupt must both have shape"):
        model.forward([[0, 1, 2]], [[0, 1, 2], [0, 1, 2]])
