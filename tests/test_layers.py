"""Every layer against its formula, written as plain loops in double precision.

The gradients are compared with central differences of those loops, not of the layers themselves.
"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import LAYOUTS, cross_entropy, dot, laid_out, log_sigmoid, numeric_gradient
from w2vlib import layers, sparse
from w2vlib.layers import (
    Affine,
    Embedding,
    EmbeddingDot,
    EmbeddingMean,
    MatMul,
    MaxMarginLoss,
    Sigmoid,
    SigmoidWithLoss,
    Softmax,
    SoftmaxWithLoss,
    Tanh,
)
from w2vlib.sparse import RowGradient
from w2vlib.validation import PAD

SINGLE = {"rel": 2e-5, "abs": 2e-6}
sizes = st.integers(0, 3)  # 0 rows: an empty batch
seeds = st.integers(0, 999)
layouts = st.sampled_from(LAYOUTS)
scales = st.sampled_from([0.1, 1.0, 5.0])
few = settings(max_examples=40)


def normal(seed, *shape, scale=1.0):
    return scale * np.random.default_rng([seed, *shape]).standard_normal(shape)


def weighted(outputs, dout):
    """Σ output · dout: a number whose gradient is what backward(dout) should give."""
    return dot(np.ravel(outputs), np.ravel(dout))


def close(found, truth, **tolerance):
    tolerance = tolerance or {"rel": 1e-6, "abs": 1e-8}
    assert found.shape == np.shape(truth)
    assert found.astype(np.float64) == pytest.approx(np.asarray(truth), **tolerance)


# ---- the formulas as loops ----------------------------------------------------------------------


def slow_affine(x, W, b):
    rows = x.reshape(-1, x.shape[-1])
    y = [[dot(row, W[:, j]) + float(b[j]) for j in range(W.shape[1])] for row in rows]
    return np.reshape(y, (*x.shape[:-1], W.shape[1]))


def slow_softmax(x):
    y = np.zeros(x.shape)
    for place in np.ndindex(*x.shape[:-1]):
        for j in range(x.shape[-1]):
            y[place][j] = math.exp(-cross_entropy(x[place], j))
    return y


def slow_sigmoid(x):
    return np.reshape([math.exp(log_sigmoid(float(v))) for v in x.ravel()], x.shape)


def slow_tanh(x):
    return np.reshape([math.tanh(float(v)) for v in x.ravel()], x.shape)


def slow_softmax_loss(x, labels):
    rows = x.reshape(-1, x.shape[-1])
    costs = [cross_entropy(row, t) for row, t in zip(rows, np.ravel(labels), strict=True)]
    return math.fsum(costs) / max(len(costs), 1)


def slow_sigmoid_loss(x, t, mask=None):
    mask = np.ones(x.shape) if mask is None else mask
    t = np.broadcast_to(t, x.shape)
    costs = []
    for place in np.ndindex(*x.shape):
        score, answer = float(x[place]), float(t[place])
        cost = -answer * log_sigmoid(score) - (1 - answer) * log_sigmoid(-score)
        costs.append(cost * float(mask[place]))
    return math.fsum(costs) / max(len(x), 1)


def slow_embedding(W, idx):
    """Rows of W by multiplying with one-hot vectors; PAD is the zero vector."""
    V = len(W)
    one_hot = np.array([[float(i == word) for word in range(V)] for i in np.ravel(idx)])
    y = [[dot(row, W[:, j]) for j in range(W.shape[1])] for row in one_hot.reshape(-1, V)]
    return np.reshape(y, (*np.shape(idx), W.shape[1]))


def slow_mean(W, contexts):
    h = np.zeros((len(contexts), W.shape[1]))
    for b, row in enumerate(contexts):
        there = [i for i in row if i != PAD]
        for j in range(W.shape[1]):
            if there:
                h[b, j] = math.fsum(float(W[i, j]) for i in there) / len(there)
    return h


def slow_dot(W, h, idx):
    scores = np.zeros(idx.shape)
    for place in np.ndindex(*idx.shape):
        if idx[place] != PAD:
            scores[place] = dot(W[idx[place]], h[place[0]])
    return scores


# ---- layers with a matrix or none ---------------------------------------------------------------


@few
@given(sizes, st.integers(1, 3), st.integers(1, 3), seeds, layouts, layouts, st.booleans())
def test_matmul_and_affine(B, D, H, seed, layout, dout_layout, three_axes):
    shape = (B, 2) if three_axes else (B,)
    x, W, b = normal(seed, *shape, D), normal(seed, D, H), normal(seed, H)
    dout = normal(seed + 1, *shape, H)

    def loss(bias):
        return weighted(slow_affine(x, W, bias), dout)

    for layer, bias in ((Affine(W, b), b), (MatMul(W), np.zeros(H))):
        close(layer.forward(laid_out(x, layout)), slow_affine(x, W, bias))
        dx = layer.backward(laid_out(dout, dout_layout))
        close(dx, numeric_gradient(lambda bias=bias: loss(bias), x), rel=1e-5, abs=1e-7)
        close(layer.grads[0], numeric_gradient(lambda bias=bias: loss(bias), W), rel=1e-5, abs=1e-7)
    affine = Affine(W, b)
    affine.forward(x)
    affine.backward(dout)
    close(affine.grads[1], numeric_gradient(lambda: loss(b), b), rel=1e-5, abs=1e-7)


@few
@given(sizes, st.integers(1, 4), seeds, scales, layouts, layouts, st.booleans())
def test_softmax_sigmoid_tanh(B, V, seed, scale, layout, dout_layout, three_axes):
    shape = (B, 2, V) if three_axes else (B, V)
    x, dout = normal(seed, *shape, scale=scale), normal(seed + 1, *shape)
    for layer, slow in (
        (Softmax(), slow_softmax),
        (Sigmoid(), slow_sigmoid),
        (Tanh(), slow_tanh),
    ):
        close(layer.forward(laid_out(x, layout)), slow(x))
        dx = layer.backward(laid_out(dout, dout_layout))
        truth = numeric_gradient(lambda slow=slow: weighted(slow(x), dout), x)
        close(dx, truth, rel=1e-4, abs=1e-7)
        assert layer.params == layer.grads == []


@pytest.mark.parametrize("layer", [Sigmoid, Tanh, Softmax])
def test_saturated_layers_have_no_slope_and_no_warning(layer):
    x = np.array([[1e4, -1e4], [-np.inf, 0.0]], np.float32)
    layer = layer()
    assert np.isfinite(layer.forward(x)).all()
    assert layer.backward(np.ones((2, 2)))[0].tolist() == [0, 0]


# ---- losses -------------------------------------------------------------------------------------


@few
@given(sizes, st.integers(1, 4), seeds, scales, layouts, st.booleans(), st.floats(-2, 2))
def test_softmax_with_loss(B, V, seed, scale, layout, three_axes, dout):
    shape = (B, 2) if three_axes else (B,)
    x = normal(seed, *shape, V, scale=scale)
    t = np.random.default_rng(seed).integers(V, size=shape)
    truth = numeric_gradient(lambda: dout * slow_softmax_loss(x, t), x)
    for answers in (t, t.astype(np.uint8), np.eye(V)[t], np.eye(V, dtype=bool)[t]):
        layer = SoftmaxWithLoss()
        found = layer.forward(laid_out(x, layout), laid_out(answers, layout))
        assert type(found) is float
        assert found == pytest.approx(slow_softmax_loss(x, t), rel=1e-12, abs=1e-14)
        close(layer.backward(dout), truth, rel=1e-5, abs=1e-7)


def test_softmax_with_loss_by_hand():
    # Scores 0 and log 3: probabilities 1/4 and 3/4.  Right answers 0 and 1:
    # L = (log 4 + log 4/3) / 2;  dx = (y − t) / 2 = (−3/4, 3/4) / 2 and (1/4, −1/4) / 2
    layer = SoftmaxWithLoss()
    x = np.array([[0, math.log(3)], [0, math.log(3)]])
    assert layer.forward(x, [0, 1]) == pytest.approx((math.log(4) + math.log(4 / 3)) / 2)
    close(layer.backward(), np.array([[-3, 3], [1, -1]]) / 8)
    close(layer.backward(2), np.array([[-3, 3], [1, -1]]) / 4)


def test_softmax_with_soft_labels():
    # L = −Σ t log y with t = (1/2, 1/2): the gradient is y − t; with half of it, half of that.
    layer = SoftmaxWithLoss()
    x = np.array([[0, math.log(3)]])
    assert layer.forward(x, [[0.5, 0.5]]) == pytest.approx((math.log(4) + math.log(4 / 3)) / 2)
    close(layer.backward(), [[-0.25, 0.25]])
    layer.forward(x, [[0.25, 0.25]])
    close(layer.backward(), [[-0.125, 0.125]])


def test_a_single_example_without_batch_axis():
    layer = SoftmaxWithLoss()
    assert layer.forward([0, math.log(3)], 0) == pytest.approx(math.log(4))
    close(layer.backward(), [-0.75, 0.75])
    assert layer.forward(np.array([0, math.log(3)]), [1, 0]) == pytest.approx(math.log(4))


@pytest.mark.parametrize("labels", [[0], [[1, 0]]])
def test_impossible_but_wrong_answers_cost_nothing(labels):
    layer = SoftmaxWithLoss()
    assert layer.forward(np.array([[0, -np.inf]]), labels) == 0
    assert layer.backward().tolist() == [[0, 0]]


@few
@given(sizes, st.integers(0, 3), seeds, scales, layouts, st.booleans(), st.floats(-2, 2))
def test_sigmoid_with_loss(B, M, seed, scale, layout, masked, dout):
    shape = (B, M) if M else (B,)
    rng = np.random.default_rng(seed)
    x, t = normal(seed, *shape, scale=scale), rng.integers(2, size=shape)
    mask = rng.integers(2, size=shape).astype(bool) if masked else None
    truth = numeric_gradient(lambda: dout * slow_sigmoid_loss(x, t, mask), x)
    for answers in (t, t.astype(np.int8), t.astype(bool), t.astype(np.float64)):
        layer = SigmoidWithLoss()
        given_mask = () if mask is None else (laid_out(mask, layout),)
        found = layer.forward(laid_out(x, layout), laid_out(answers, layout), *given_mask)
        assert type(found) is float
        assert found == pytest.approx(slow_sigmoid_loss(x, t, mask), rel=1e-12, abs=1e-14)
        close(layer.backward(dout), truth, rel=1e-5, abs=1e-7)


def test_sigmoid_with_loss_by_hand():
    # σ(log 3) = 3/4, so "yes" costs log 4/3 and "no" log 4.  Sum over questions, mean over rows:
    # L = (log 4/3 + log 4 + log 4/3 + log 4/3) / 2;  dx = (3/4 − t) / 2
    x, t = np.full((2, 2), math.log(3)), [[1, 0], [1, 1]]
    layer = SigmoidWithLoss()
    assert layer.forward(x, t) == pytest.approx((3 * math.log(4 / 3) + math.log(4)) / 2)
    close(layer.backward(), [[-1 / 8, 3 / 8], [-1 / 8, -1 / 8]])
    # The question at [0, 1] does not count:
    assert layer.forward(x, t, [[1, 0], [1, 1]]) == pytest.approx(3 * math.log(4 / 3) / 2)
    close(layer.backward(2), [[-1 / 4, 0], [-1 / 4, -1 / 4]])


def test_the_same_answers_for_all_rows():
    x = normal(0, 3, 2)
    both = SigmoidWithLoss(), SigmoidWithLoss()
    assert both[0].forward(x, [1, 0]) == both[1].forward(x, [[1, 0]] * 3)
    assert np.array_equal(both[0].backward(), both[1].backward())


def test_soft_labels():
    # t = 1/2 at score 0: −½ log ½ − ½ log ½ = log 2, and no slope
    layer = SigmoidWithLoss()
    assert layer.forward(np.array([0.0]), np.array([0.5])) == pytest.approx(math.log(2))
    assert layer.backward().tolist() == [0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_are_exact_for_any_score(dtype):
    # "No" at score 100 costs 100; "yes" there e⁻¹⁰⁰.  log(y + 1e-7) would stop at 16.1.
    layer = SigmoidWithLoss()
    assert layer.forward(np.array([100], dtype), [0]) == 100
    assert layer.backward().tolist() == [1]
    assert layer.forward(np.array([30], dtype), [1]) == pytest.approx(math.exp(-30), rel=1e-5)
    assert layer.forward(np.array([-30], dtype), [0]) == pytest.approx(math.exp(-30), rel=1e-5)
    layer = SoftmaxWithLoss()
    assert layer.forward(np.array([[0, 100]], dtype), [0]) == 100
    assert layer.forward(np.array([[0, 1e4]], dtype), [0]) == 1e4
    assert layer.backward().tolist() == [[-1, 1]]


@few
@given(sizes, seeds, st.floats(-2, 2))
def test_max_margin_loss(B, seed, dout):
    s, bad = normal(seed, B, scale=3), normal(seed + 1, B, scale=3)

    def loss():
        return dout * math.fsum(max(0, 1 - a + b) for a, b in zip(s, bad, strict=True)) / max(B, 1)

    layer = MaxMarginLoss()
    found = layer.forward(s, bad)
    assert type(found) is float
    assert dout * found == pytest.approx(loss())
    ds, dbad = layer.backward(dout)
    close(ds, numeric_gradient(loss, s), rel=1e-5, abs=1e-7)
    close(dbad, numeric_gradient(loss, bad), rel=1e-5, abs=1e-7)


def test_max_margin_loss_by_hand():
    # Row 0 misses the margin by 1 − 2 + 1.5 = 0.5; row 1 meets it exactly (flat); row 2 with room.
    layer = MaxMarginLoss()
    assert layer.forward([2.0, 2.0, 5.0], [1.5, 1.0, 1.0]) == pytest.approx(0.5 / 3)
    ds, dbad = layer.backward()
    assert ds.tolist() == [-1 / 3, 0, 0]
    assert dbad.tolist() == [1 / 3, 0, 0]


# ---- embeddings ---------------------------------------------------------------------------------

V = 4  # so few words that most batches hold one of them twice


def random_ids(seed, *shape, pad=False):
    return np.random.default_rng([seed, 1]).integers(PAD if pad else 0, V, size=shape)


@few
@given(sizes, st.integers(0, 2), st.integers(1, 3), seeds, layouts, st.booleans(), st.booleans())
def test_embedding(B, C, H, seed, layout, pad, sparse):
    shape = (B, C) if C else (B,)
    W, idx, dout = normal(seed, V, H), random_ids(seed, *shape, pad=pad), normal(seed, *shape, H)
    layer = Embedding(laid_out(W, "fortran"), sparse_grad=sparse, allow_pad=pad)
    close(layer.forward(laid_out(idx, layout)), slow_embedding(W, idx))
    assert layer.backward(laid_out(dout, layout)) is None
    truth = numeric_gradient(lambda: weighted(slow_embedding(W, idx), dout), W)
    close(as_dense(layer.grads[0]), truth, rel=1e-5, abs=1e-7)


@few
@given(sizes, st.integers(0, 3), st.integers(1, 3), seeds, layouts, st.booleans())
def test_embedding_mean(B, C, H, seed, layout, sparse):
    W, contexts, dout = normal(seed, V, H), random_ids(seed, B, C, pad=True), normal(seed, B, H)
    layer = EmbeddingMean(W, sparse_grad=sparse)
    close(layer.forward(laid_out(contexts, layout)), slow_mean(W, contexts))
    assert layer.backward(laid_out(dout, layout)) is None
    truth = numeric_gradient(lambda: weighted(slow_mean(W, contexts), dout), W)
    close(as_dense(layer.grads[0]), truth, rel=1e-5, abs=1e-7)


@few
@given(sizes, st.integers(0, 3), st.integers(1, 3), seeds, layouts, st.booleans(), st.booleans())
def test_embedding_dot(B, M, H, seed, layout, pad, sparse):
    shape = (B, M) if M else (B,)
    W, h, idx = normal(seed, V, H), normal(seed, B, H), random_ids(seed, *shape, pad=pad)
    dout = normal(seed + 1, *shape)
    layer = EmbeddingDot(W, sparse_grad=sparse, allow_pad=pad)
    close(layer.forward(laid_out(h, layout), laid_out(idx, layout)), slow_dot(W, h, idx))
    dh = layer.backward(laid_out(dout, layout))

    def loss():
        return weighted(slow_dot(W, h, idx), dout)

    close(dh, numeric_gradient(loss, h), rel=1e-5, abs=1e-7)
    close(as_dense(layer.grads[0]), numeric_gradient(loss, W), rel=1e-5, abs=1e-7)


def as_dense(gradient):
    return gradient.to_dense() if isinstance(gradient, RowGradient) else gradient


def test_embedding_by_hand():
    W = np.arange(8.0).reshape(4, 2)
    layer = Embedding(W)
    assert layer.forward([1, 3, 1]).tolist() == [[2, 3], [6, 7], [2, 3]]
    layer.backward(np.array([[1.0, 2], [3, 4], [5, 6]]))
    # Word 1 occurs twice: (1, 2) + (5, 6)
    assert layer.grads[0].tolist() == [[0, 0], [6, 8], [0, 0], [3, 4]]


def test_one_id_gives_one_row():
    layer = Embedding(np.arange(8.0).reshape(4, 2))
    row = layer.forward(1)
    assert row.tolist() == [2, 3]
    assert not np.shares_memory(row, layer.params[0])
    layer.backward([1.0, 2.0])
    assert layer.grads[0].tolist() == [[0, 0], [1, 2], [0, 0], [0, 0]]


def test_pad_is_nothing_and_moves_nothing():
    W = np.arange(1.0, 9).reshape(4, 2)
    before = W.copy()
    layer = Embedding(W, allow_pad=True)
    assert layer.forward([PAD, 3]).tolist() == [[0, 0], [7, 8]]
    assert layer.forward(PAD).tolist() == [0, 0]
    assert np.array_equal(W, before)  # PAD picks the last row first; it must stay
    layer.forward([PAD, 3])
    layer.backward(np.ones((2, 2)))
    assert layer.grads[0].tolist() == [[0, 0], [0, 0], [0, 0], [1, 1]]
    layer.forward([PAD, PAD])
    layer.backward(np.ones((2, 2)))
    assert not layer.grads[0].any()


def test_pad_must_be_asked_for():
    W = np.ones((4, 2))
    assert EmbeddingMean(W).allow_pad
    for layer, inputs in ((Embedding(W), ([PAD],)), (EmbeddingDot(W), (np.ones((1, 2)), [PAD]))):
        with pytest.raises(IndexError, match=r"^idx\[0\] is -1"):
            layer.forward(*inputs)


def test_embedding_mean_by_hand():
    W = np.arange(8.0).reshape(4, 2)
    layer = EmbeddingMean(W)
    # Row 0: mean of (2, 3), (6, 7); row 1: only (2, 3) is there; row 2: nothing is.
    h = layer.forward([[1, 3], [PAD, 1], [PAD, PAD]])
    assert h.tolist() == [[4, 5], [2, 3], [0, 0]]
    layer.backward(np.array([[2.0, 4], [10, 20], [100, 100]]))
    # Row 0 gives each of its two words half of (2, 4), row 1 gives word 1 all of (10, 20).
    assert layer.grads[0].tolist() == [[0, 0], [11, 22], [0, 0], [1, 2]]


def test_embedding_dot_by_hand():
    W = np.arange(8.0).reshape(4, 2)
    layer = EmbeddingDot(W)
    h = np.array([[1.0, 10], [2, 0]])
    # (2, 3)·(1, 10) = 32;  (6, 7)·(2, 0) = 12
    assert layer.forward(h, [1, 3]).tolist() == [32, 12]
    assert layer.backward([1.0, 2.0]).tolist() == [[2, 3], [12, 14]]
    assert layer.grads[0].tolist() == [[0, 0], [1, 10], [0, 0], [4, 0]]
    # (0, 1)·(1, 10) = 10, (2, 3)·(1, 10) = 32;  word 1 twice with (2, 0): 4, 4
    assert layer.forward(h, [[0, 1], [1, 1]]).tolist() == [[10, 32], [4, 4]]
    assert layer.backward([[1.0, 1], [1, 1]]).tolist() == [[2, 4], [4, 6]]
    assert layer.grads[0].tolist() == [[1, 10], [5, 10], [0, 0], [0, 0]]


def test_the_parameter_is_the_array_that_was_given():
    W, b = np.ones((4, 2), np.float32), np.zeros(2, np.float32)
    for layer in (MatMul(W), Affine(W, b), Embedding(W), EmbeddingMean(W), EmbeddingDot(W)):
        assert layer.params[0] is W
        assert layer.grads[0].shape == W.shape
        assert layer.grads[0].dtype == W.dtype
        assert not layer.grads[0].any()  # nothing learned yet
    assert Affine(W, b).params[1] is b


@pytest.mark.parametrize("layer", [Embedding, EmbeddingMean, EmbeddingDot])
def test_a_sparse_gradient_holds_no_matrix(layer):
    W = np.ones((1000, 2), np.float32)
    layer = layer(W, sparse_grad=True)
    (grad,) = layer.grads
    assert isinstance(grad, RowGradient)
    if isinstance(layer, EmbeddingDot):
        layer.forward(np.ones((2, 2), np.float32), np.array([[5, 7], [7, 999]]))
        layer.backward(np.ones((2, 2)))
    else:
        layer.forward(np.array([[5, 7], [7, 999]]))
        layer.backward(np.ones((2, 2) if isinstance(layer, EmbeddingMean) else (2, 2, 2)))
    assert layer.grads[0] is grad  # filled in place
    rows, values = grad.coalesce()
    assert rows.tolist() == [5, 7, 999]
    assert values.shape == (3, 2)
    assert values.dtype == np.float32


def test_a_sparse_gradient_is_summed_when_it_is_made(monkeypatch):
    layer = Embedding(np.ones((5, 2)), sparse_grad=True)
    layer.forward([3, 1, 3])
    layer.backward(np.ones((3, 2)))
    monkeypatch.setattr(sparse, "sum_rows", None)  # not needed any more
    rows, values = layer.grads[0].coalesce()
    assert rows.tolist() == [1, 3]
    assert values.tolist() == [[1, 1], [2, 2]]


# ---- single precision ---------------------------------------------------------------------------


@few
@given(st.integers(1, 20), seeds, st.booleans())
def test_single_precision_against_double(B, seed, sparse):
    H, M, C = 8, 6, 4
    W, h, x = normal(seed, V, H), normal(seed, B, H), normal(seed, B, V)
    idx, dscore = random_ids(seed, B, M), normal(seed, B, M)
    contexts, dh = random_ids(seed + 1, B, C, pad=True), normal(seed, B, H)
    b = normal(seed, H)
    found, truth = [], []
    for dtype, results in ((np.float32, found), (np.float64, truth)):
        layer = EmbeddingDot(W.astype(dtype), sparse)
        results += [layer.forward(h.astype(dtype), idx), layer.backward(dscore.astype(dtype))]
        results += [as_dense(layer.grads[0])]
        layer = EmbeddingMean(W.astype(dtype), sparse)
        results += [layer.forward(contexts)]
        layer.backward(dh.astype(dtype))
        results += [as_dense(layer.grads[0])]
        layer = Affine(W.astype(dtype), b.astype(dtype))
        results += [layer.forward(x.astype(dtype)), layer.backward(dh.astype(dtype)), *layer.grads]
        for layer in (Softmax(), Sigmoid(), Tanh()):
            results += [layer.forward(x.astype(dtype)), layer.backward(x.astype(dtype))]
        layer = SoftmaxWithLoss()
        results += [np.array(layer.forward(x.astype(dtype), idx[:, 0])), layer.backward()]
        layer = SigmoidWithLoss()
        results += [np.array(layer.forward(dscore.astype(dtype), idx % 2)), layer.backward()]
    for single, double in zip(found, truth, strict=True):
        if single.ndim:
            assert single.dtype == np.float32
            assert double.dtype == np.float64
        assert single == pytest.approx(double, **SINGLE)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("other", [np.float16, np.float32, np.float64, np.int32, bool])
def test_the_weights_decide_the_type(dtype, other):
    """Whatever else is given, in and out of a float32 layer go float32 numbers."""
    W, b = np.ones((3, 2), dtype), np.zeros(2, np.float64 if other == np.float64 else np.float32)
    x, h, dout = np.ones((4, 3), other), np.ones((4, 2), other), np.ones((4, 2), other)
    results = []
    for layer in (MatMul(W), Affine(W, b)):
        results += [layer.forward(x), layer.backward(dout), layer.grads[0]]
    layer = EmbeddingDot(W)
    results += [layer.forward(h, [0, 1, 2, 2]), layer.backward(dout[:, 0]), layer.grads[0]]
    layer = EmbeddingMean(W)
    results += [layer.forward([[0, 1]] * 4), layer.grads[0]]
    layer.backward(dout)
    layer = Embedding(W)
    results += [layer.forward([0, 1, 2, 2]), layer.grads[0]]
    layer.backward(dout)
    assert {result.dtype for result in results} == {np.dtype(dtype)}
    assert b.dtype == Affine(W, b).grads[1].dtype


def test_mixed_types_do_not_lose_digits():
    # float64 weights, float32 input: the gradient must not be rounded to single precision.
    W, x = np.ones((1, 1)), np.ones((1, 1), np.float32)
    layer = MatMul(W)
    layer.forward(x)
    layer.backward(np.array([[1 + 1e-12]]))
    assert layer.grads[0][0, 0] == 1 + 1e-12


@pytest.mark.parametrize("dout", [2, 2.0, np.float64(2), np.array(2), np.int64(2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_scalar_promotes(dout, dtype):
    x, labels = np.ones((2, 3), dtype), np.array([0, 1], np.int32)
    results = []
    for layer in (Sigmoid(), Tanh(), Softmax()):
        layer.forward(x)
        results.append(layer.backward(dout))
    layer = SoftmaxWithLoss()
    for t in (labels, np.eye(3, dtype=np.int64)[labels]):
        layer.forward(x, t)
        results.append(layer.backward(dout))
    layer = SigmoidWithLoss()
    layer.forward(x, np.ones((2, 3), np.int32), np.ones((2, 3), bool))
    results.append(layer.backward(dout))
    layer = MaxMarginLoss()
    layer.forward(x[:, 0], x[:, 1])
    results += layer.backward(dout)
    assert {result.dtype for result in results} == {np.dtype(dtype)}


def test_a_single_number_stands_for_the_whole_upstream_gradient():
    layer = MatMul(np.array([[2.0, 3.0]]))
    layer.forward([[1.0], [10.0]])
    assert layer.backward(1).tolist() == [[5], [5]]
    assert layer.grads[0].tolist() == [[11, 11]]


def test_a_loss_is_summed_in_double_precision():
    # 2²⁴ + 1 does not exist in single precision.
    big = np.float32(2**24)
    margin, yes = MaxMarginLoss(), SigmoidWithLoss()
    assert margin.forward(np.array([1 - big, 0], np.float32), np.zeros(2, np.float32)) == 8388608.5
    found = yes.forward(np.array([-big, -100], np.float32), np.ones(2))
    assert found == (2**24 + 100) / 2
    assert yes.forward(np.array([-big, -1], np.float32), np.ones(2)) == pytest.approx(
        (2**24 + 1 + math.log1p(math.exp(-1))) / 2, rel=1e-10
    )


# ---- a layer used more than once ----------------------------------------------------------------


def two_passes(layer, first, second, *douts):
    layer.forward(*first)
    layer.forward(*second)
    return [layer.backward(dout) for dout in douts]


def test_used_twice_gradients_add_up_last_in_first_out():
    layer = MatMul(np.array([[2.0]]))
    # y = 2·3 and 2·5.  Backward first undoes the 5, then the 3: dW = 5·10 + 3·100
    assert two_passes(layer, [[[3.0]]], [[[5.0]]], [[10.0]], [[100.0]]) == [[[20]], [[200]]]
    assert layer.grads[0].tolist() == [[350]]


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("make", [Embedding, EmbeddingMean, EmbeddingDot])
def test_an_embedding_used_twice_adds_up(make, sparse):
    W = normal(0, V, 2)
    a, b = np.array([[0, 1], [1, 1]]), np.array([[1, 3], [2, 1]])
    h = normal(1, 2, 2), normal(2, 2, 2)
    shape = {Embedding: (2, 2, 2), EmbeddingMean: (2, 2), EmbeddingDot: (2, 2)}[make]
    douts = normal(3, *shape), normal(4, *shape)
    inputs = [(h[0], a), (h[1], b)] if make is EmbeddingDot else [(a,), (b,)]
    once = [make(W), make(W)]
    for layer, x, dout in zip(once, inputs, douts, strict=True):
        layer.forward(*x)
        layer.backward(dout)
    layer = make(W, sparse)
    two_passes(layer, *inputs, douts[1], douts[0])
    truth = once[0].grads[0] + once[1].grads[0]
    close(as_dense(layer.grads[0]), truth, rel=1e-12)


def test_affine_used_twice_adds_up_its_bias():
    layer = Affine(np.array([[2.0]]), np.array([0.5]))
    two_passes(layer, [[[3.0]]], [[[5.0]]], [[10.0]], [[100.0]])
    assert layer.grads[0].tolist() == [[350]]
    assert layer.grads[1].tolist() == [110]


@pytest.mark.parametrize("layer", [Softmax(), Sigmoid(), Tanh()])
def test_layers_without_parameters_remember_both_passes(layer):
    x, y, dout = normal(0, 2, 3), normal(1, 2, 3), normal(2, 2, 3)
    found = two_passes(layer, [x], [y], dout, dout)
    layer.forward(y)
    assert np.array_equal(found[0], layer.backward(dout))
    layer.forward(x)
    assert np.array_equal(found[1], layer.backward(dout))


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (SoftmaxWithLoss(), [(normal(0, 2, 3), [0, 1]), (normal(1, 2, 3), [2, 2])]),
        (SigmoidWithLoss(), [(normal(0, 2), [0, 1]), (normal(1, 2), [1, 1])]),
        (MaxMarginLoss(), [(normal(0, 2), normal(2, 2)), (normal(1, 2), normal(3, 2))]),
    ],
)
def test_losses_remember_both_passes(layer, inputs):
    found = two_passes(layer, *inputs, 1, 2)
    for dx, x, dout in zip(found, reversed(inputs), (1, 2), strict=True):
        layer.forward(*x)
        assert np.array_equal(dx, layer.backward(dout))


def test_a_new_pass_starts_a_new_gradient():
    layer = Embedding(np.zeros((3, 1)))
    for _ in range(2):
        layer.forward([0])
        layer.backward([[1.0]])
    assert layer.grads[0].tolist() == [[1], [0], [0]]
    layer.forward([1])
    layer.backward([[5.0]])
    assert layer.grads[0].tolist() == [[0], [5], [0]]


def test_backward_again_repeats_the_pass():
    layer = MatMul(np.array([[2.0]]))
    two_passes(layer, [[[3.0]]], [[[5.0]]], [[1.0]], [[1.0]])
    assert layer.grads[0].tolist() == [[8]]
    for expected in (5, 8, 5, 8):
        layer.backward([[1.0]])
        assert layer.grads[0].tolist() == [[expected]]


def test_forward_only_before_training_does_not_count():
    layer = MatMul(np.array([[2.0]]))
    for x in range(200):  # predictions, more than the layer remembers
        layer.forward([[float(x)]])
    layer.forward([[7.0]])
    layer.backward([[1.0]])
    assert layer.grads[0].tolist() == [[7]]
    layer.forward([[9.0]])
    layer.backward([[1.0]])
    assert layer.grads[0].tolist() == [[9]]


def test_predicting_does_not_fill_the_memory():
    layer = Tanh()
    for _ in range(10 * layers.MAX_PENDING):
        layer.forward(np.zeros(1))
    assert len(layer._memory) == layers.MAX_PENDING


def test_a_layer_may_be_used_as_often_as_it_remembers():
    layer = MatMul(np.array([[1.0]]))
    for x in range(layers.MAX_PENDING):
        layer.forward([[float(x)]])
    for _ in range(layers.MAX_PENDING):
        layer.backward([[1.0]])
    assert layer.grads[0].tolist() == [[sum(range(layers.MAX_PENDING))]]
    layer.backward([[1.0]])  # once more from the last one
    assert layer.grads[0].tolist() == [[layers.MAX_PENDING - 1]]


def test_forgotten_passes_are_not_left_out_silently():
    layer = MatMul(np.array([[1.0]]))
    for x in range(layers.MAX_PENDING + 1):
        layer.forward([[float(x)]])
    for _ in range(layers.MAX_PENDING):
        layer.backward([[1.0]])
    # All but the first are there: 1 + 2 + … + 64
    assert layer.grads[0].tolist() == [[sum(range(1, layers.MAX_PENDING + 1))]]
    with pytest.raises(RuntimeError, match=r"MatMul remembers the last 64 .*MAX_PENDING higher"):
        layer.backward([[1.0]])
    layer.forward([[1.0]])
    for _ in range(3):  # all is well again
        layer.backward([[1.0]])


@pytest.mark.parametrize(
    "layer",
    [
        MatMul(np.ones((2, 2))),
        Affine(np.ones((2, 2)), np.ones(2)),
        Softmax(),
        SoftmaxWithLoss(),
        Sigmoid(),
        SigmoidWithLoss(),
        Tanh(),
        Embedding(np.ones((2, 2))),
        EmbeddingMean(np.ones((2, 2))),
        EmbeddingDot(np.ones((2, 2))),
        MaxMarginLoss(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_backward_needs_forward(layer):
    with pytest.raises(RuntimeError, match=f"^{type(layer).__name__}.backward was called before"):
        layer.backward(np.ones((2, 2)) if not type(layer).__name__.endswith("Loss") else 1)


# ---- what layers do not take --------------------------------------------------------------------


def affine(W):
    return Affine(W, np.zeros(2))


@pytest.mark.parametrize("make", [MatMul, affine, Embedding, EmbeddingMean, EmbeddingDot])
@pytest.mark.parametrize(
    ("W", "error"),
    [
        (np.ones((2, 2), int), TypeError),
        ([[1.0]], TypeError),
        (np.ones(3), ValueError),
        (np.ones((1, 2, 3)), ValueError),
        (np.array([[1.0, np.nan]]), ValueError),
    ],
)
def test_what_is_no_weight_matrix(make, W, error):
    with pytest.raises(error, match="^W"):
        make(W)


@pytest.mark.parametrize(
    ("b", "error"),
    [
        ([0.0, 0.0], TypeError),
        (np.zeros(2, int), TypeError),
        (np.zeros(3), ValueError),
        (np.zeros((1, 2)), ValueError),
        (np.zeros(()), ValueError),
        (np.array([0, np.inf]), ValueError),
    ],
)
def test_what_is_no_bias(b, error):
    with pytest.raises(error, match="^b"):
        Affine(np.ones((3, 2)), b)


def wrong_inputs():
    nan = np.array([[0.0, np.nan]])
    W, b = np.ones((2, 3)), np.zeros(3)
    one = np.ones((1, 2))
    for layer in (MatMul(W), Affine(W, b)):
        yield layer, (np.ones((1, 3)),), ValueError, r"^x must have shape \(B, 2\)"
        yield layer, (1.0,), ValueError, "^x must have shape"
        yield layer, (nan,), ValueError, r"^x\[0, 1\] is nan"
        yield layer, (-np.inf * one,), ValueError, r"^x\[0, 0\] is -inf"
        yield layer, ([["a", "b"]],), TypeError, "^x must hold real numbers"
    for layer in (Softmax(), Sigmoid(), Tanh()):
        yield layer, (nan,), ValueError, r"^x\[0, 1\] is nan"
        yield layer, (None,), TypeError, "^x must hold real numbers"
    loss = SoftmaxWithLoss()
    yield loss, (nan, [0]), ValueError, "^x"
    yield loss, (one, [0, 1]), ValueError, r"^t must hold one label .* shape \(1,\).* to fit x;"
    yield loss, (one, [2]), IndexError, r"^t\[0\] is 2"
    yield loss, (one, [-1]), IndexError, r"^t\[0\] is -1"
    yield loss, (one, [0.5]), TypeError, "^t must hold integer"
    yield loss, (one, [[0, 5]]), ValueError, "^t must hold numbers between 0 and 1"
    yield loss, (1.0, 0), ValueError, "^x must have shape"
    yield loss, (one, [[1], [1, 0]]), ValueError, "^t "
    loss = SigmoidWithLoss()
    yield loss, (nan, [[0, 1]]), ValueError, r"^x\[0, 1\] is nan"
    yield loss, (np.inf * one, [[0, 1]]), ValueError, r"^x\[0, 0\] is inf"
    yield loss, (one, [[0, 5]]), ValueError, "^t must hold numbers between 0 and 1"
    yield loss, (one, [[0, -1]]), ValueError, "^t must hold numbers between 0 and 1"
    yield loss, (one, nan), ValueError, r"^t\[0, 1\] is nan"
    yield loss, (one, [0]), ValueError, r"^t must have the shape \(1, 2\)"
    yield loss, (one, [[0, 1]], [[1]]), ValueError, "^mask must have the shape"
    yield loss, (np.ones((1, 1, 1)), np.ones((1, 1, 1))), ValueError, r"^x must have shape \(B,\)"
    yield loss, (1.0, 1), ValueError, r"^x must have shape \(B,\)"
    for layer in (Embedding(W), EmbeddingDot(W), EmbeddingMean(W)):
        h = (np.ones((1, 3)),) if isinstance(layer, EmbeddingDot) else ()
        name = "contexts" if isinstance(layer, EmbeddingMean) else "idx"
        yield layer, (*h, [[2]]), IndexError, rf"^{name}\[0, 0\] is 2"
        yield layer, (*h, [[-2]]), IndexError, rf"^{name}\[0, 0\] is -2"
        yield layer, (*h, [[0.0]]), TypeError, f"^{name} must hold integer"
        yield layer, (*h, [["you"]]), TypeError, f"^{name} must hold integer"
    yield Embedding(W), ([PAD],), IndexError, r"^idx\[0\] is -1"
    yield EmbeddingDot(W), (np.ones((1, 3)), [PAD]), IndexError, r"^idx\[0\] is -1"
    yield EmbeddingMean(W), ([0, 1],), ValueError, r"^contexts must have shape \(B, C\)"
    yield EmbeddingMean(W), ([[[0]]],), ValueError, r"^contexts must have shape \(B, C\)"
    yield EmbeddingDot(W), (np.ones((2, 3)), [0]), ValueError, r"^h must have shape \(B, H\)"
    yield EmbeddingDot(W), (np.ones((1, 2)), [0]), ValueError, "^h must have shape"
    yield EmbeddingDot(W), (np.ones((1, 3)), 0), ValueError, "^h must have shape"
    yield EmbeddingDot(W), (np.ones((1, 3)), [[[0]]]), ValueError, "^h must have shape"
    yield EmbeddingDot(W), (np.ones(3), [0]), ValueError, "^h must have shape"
    yield EmbeddingDot(W), (np.nan * np.ones((1, 3)), [0]), ValueError, r"^h\[0, 0\] is nan"
    margin = MaxMarginLoss()
    yield margin, ([1.0], [1.0, 2.0]), ValueError, "^s and s_corrupt must both have shape"
    yield margin, ([[1.0]], [[1.0]]), ValueError, "^s and s_corrupt must both"
    yield margin, ([np.nan], [1.0]), ValueError, r"^s\[0\] is nan"
    yield margin, ([1.0], [np.inf]), ValueError, r"^s_corrupt\[0\] is inf"


@pytest.mark.parametrize(("layer", "inputs", "error", "message"), list(wrong_inputs()))
def test_wrong_inputs(layer, inputs, error, message):
    with pytest.raises(error, match=message):
        layer.forward(*inputs)
    with pytest.raises(RuntimeError, match="before forward"):
        layer.backward(1)  # a refused input leaves nothing behind


@pytest.mark.parametrize(
    ("layer", "inputs", "shape"),
    [
        (MatMul(np.ones((2, 3))), [np.ones((4, 2))], (4, 3)),
        (Affine(np.ones((2, 3)), np.ones(3)), [np.ones((4, 2))], (4, 3)),
        (Softmax(), [np.ones((4, 3))], (4, 3)),
        (Sigmoid(), [np.ones((4, 3))], (4, 3)),
        (Tanh(), [np.ones((4, 3))], (4, 3)),
        (Embedding(np.ones((2, 3))), [[0, 1, 1, 1]], (4, 3)),
        (EmbeddingMean(np.ones((2, 3))), [[[0]] * 4], (4, 3)),
        (EmbeddingDot(np.ones((2, 3))), [np.ones((4, 3)), [[0] * 3] * 4], (4, 3)),
    ],
    ids=lambda x: type(x).__name__,
)
def test_wrong_upstream_gradients(layer, inputs, shape):
    layer.forward(*inputs)
    for wrong in (np.ones(3), np.ones((3, 3)), np.ones((1, 3)), np.ones((4, 3, 1)), [1.0] * 4):
        with pytest.raises(ValueError, match=r"^dout must have the shape \(4, 3\)"):
            layer.backward(wrong)
    with pytest.raises(ValueError, match="^dout"):
        layer.backward(np.full(shape, np.nan))
    with pytest.raises(TypeError, match="^dout must hold real numbers"):
        layer.backward(None)
    layer.backward(np.ones(shape))


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (SoftmaxWithLoss(), (np.ones((1, 1)), [[1]])),
        (SigmoidWithLoss(), (np.ones((1, 1)), [[1]])),
        (MaxMarginLoss(), ([1.0], [1.0])),
    ],
)
def test_the_gradient_of_a_loss_starts_with_a_number(layer, inputs):
    layer.forward(*inputs)
    for wrong in (np.ones(2), "1", None):
        with pytest.raises(TypeError, match="^dout must be a number"):
            layer.backward(wrong)
    with pytest.raises(ValueError, match="^dout must be finite"):
        layer.backward(np.nan)


def test_inputs_are_never_changed():
    W, b, x = normal(0, 4, 3), normal(1, 3), normal(2, 2, 4)
    h, idx, t = normal(3, 2, 3), np.array([[0, PAD], [3, 3]]), np.array([[0.0, 1.0], [1, 0]])
    dout, answers = normal(4, 2, 3), np.array([0, 1])
    given_arrays = (W, b, x, h, idx, t, dout, answers)
    before = [a.copy() for a in given_arrays]
    for a in given_arrays:
        a.setflags(write=False)
    for layer in (MatMul(W), Affine(W, b)):
        layer.forward(x)
        layer.backward(dout)
    for layer in (Softmax(), Sigmoid(), Tanh()):
        layer.forward(h)
        layer.backward(dout)
    layer = EmbeddingMean(W)
    layer.forward(idx)
    layer.backward(dout)
    layer = EmbeddingDot(W, allow_pad=True)
    layer.forward(h, idx)
    layer.backward(t)
    layer = SigmoidWithLoss()
    layer.forward(t, t, t)
    layer.backward()
    layer = SoftmaxWithLoss()
    for labels in (answers, t):
        layer.forward(x[:, :2], labels)
        layer.backward()
    for a, kept in zip(given_arrays, before, strict=True):
        assert np.array_equal(a, kept)
