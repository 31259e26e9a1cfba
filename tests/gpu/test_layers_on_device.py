"""Every layer and loss on the device: the numbers of the CPU, the checks of the CPU."""

import inspect

import numpy as np
import pytest

from tests.gpu.hosted import Hosted
from w2vlib import check_layer, hierarchical_softmax, layers, negative_sampling
from w2vlib.backend import to_cpu, to_gpu
from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss
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
from w2vlib.negative_sampling import NegativeSamplingLoss
from w2vlib.sparse import RowGradient

V, H, B = 7, 3, 5
RNG = np.random.default_rng(0)
W = RNG.normal(size=(V, H))
COUNTS = np.array([9, 8, 5, 5, 3, 2, 1])
X = RNG.normal(size=(B, H))
IDS = np.array([3, 0, 3, 6, 3])
MANY = np.array([[1, 2, 1, -1], [0, 0, 0, 0], [6, -1, -1, 5], [-1, -1, -1, -1], [3, 4, 5, 6]])


class GivenNegatives:
    """A negative sampling loss that always gets the same negatives: then it is a function."""

    def __init__(self, **options):
        self.loss = NegativeSamplingLoss(W.copy(), np.repeat(np.arange(V), COUNTS), **options)
        self.params, self.grads = self.loss.params, self.loss.grads

    def forward(self, h, target):
        xp_ids = np.arange(2 * target.size).reshape(*target.shape, 2) % V
        negatives = xp_ids if isinstance(target, np.ndarray) else to_gpu(xp_ids)
        return self.loss.forward(h, target, negatives)

    def backward(self, dout=1):
        return self.loss.backward(dout)


def _given(**options):
    return lambda: GivenNegatives(**options)


CASES = {
    "MatMul": (lambda: MatMul(W.copy()), (RNG.normal(size=(B, V)),)),
    "MatMul, three axes": (lambda: MatMul(W.copy()), (RNG.normal(size=(2, B, V)),)),
    "Affine": (lambda: Affine(W.copy(), np.ones(H)), (RNG.normal(size=(B, V)),)),
    "Softmax": (Softmax, (X,)),
    "SoftmaxWithLoss": (SoftmaxWithLoss, (X, np.array([0, 2, 1, 1, 0]))),
    "SoftmaxWithLoss, one-hot": (SoftmaxWithLoss, (X, np.eye(H)[[0, 2, 1, 1, 0]])),
    "Sigmoid": (Sigmoid, (X,)),
    "Tanh": (Tanh, (X,)),
    "SigmoidWithLoss": (SigmoidWithLoss, (X, np.array(X > 0.3, float))),
    "SigmoidWithLoss, mask": (SigmoidWithLoss, (X, np.ones_like(X), np.array(X < 0.5, float))),
    "Embedding": (lambda: Embedding(W.copy()), (IDS,)),
    "Embedding, sparse": (lambda: Embedding(W.copy(), sparse_grad=True), (IDS,)),
    "Embedding, pads": (lambda: Embedding(W.copy(), allow_pad=True), (MANY,)),
    "Embedding, pads, sparse": (lambda: Embedding(W.copy(), True, allow_pad=True), (MANY,)),
    "EmbeddingMean": (lambda: EmbeddingMean(W.copy()), (MANY,)),
    "EmbeddingMean, sparse": (lambda: EmbeddingMean(W.copy(), sparse_grad=True), (MANY,)),
    "EmbeddingDot": (lambda: EmbeddingDot(W.copy()), (X, IDS)),
    "EmbeddingDot, pads": (lambda: EmbeddingDot(W.copy(), allow_pad=True), (X, MANY)),
    "EmbeddingDot, sparse": (lambda: EmbeddingDot(W.copy(), True, allow_pad=True), (X, MANY)),
    "MaxMarginLoss": (MaxMarginLoss, (X[:, 0], X[:, 1])),
    "NegativeSamplingLoss": (_given(), (X, IDS)),
    "NegativeSamplingLoss, sparse": (_given(sparse_grad=True), (X, IDS)),
    "NegativeSamplingLoss, many": (_given(), (X, MANY)),
    "HierarchicalSoftmaxLoss": (
        lambda: HierarchicalSoftmaxLoss(W[1:].copy(), np.repeat(np.arange(V), COUNTS)),
        (X, IDS),
    ),
    "HierarchicalSoftmaxLoss, many, sparse": (
        lambda: HierarchicalSoftmaxLoss(
            W[1:].copy(), np.repeat(np.arange(V), COUNTS), sparse_grad=True
        ),
        (X, MANY),
    ),
}


def dense(gradient):
    return to_cpu(gradient.to_dense() if isinstance(gradient, RowGradient) else gradient)


def passes(layer, inputs, dtype, move):
    """Forward and backward, twice (the second with another gradient): everything on the host."""
    layer.params[:] = [move(p.astype(dtype)) for p in map(to_cpu, layer.params)]
    if hasattr(layer, "grads") and layer.params:
        layer.grads[:] = [
            RowGradient.zeros_like(p)
            if isinstance(g, RowGradient)
            else move(np.zeros(g.shape, dtype))
            for p, g in zip(layer.params, layer.grads, strict=True)
        ]
    inputs = [move(x.astype(dtype) if x.dtype.kind == "f" else x) for x in inputs]
    outs = [layer.forward(*inputs), layer.forward(*inputs)]
    got = [to_cpu(out) if hasattr(out, "dtype") else np.array(out) for out in outs]
    for factor in (1.0, 0.5):
        if hasattr(outs[0], "dtype"):
            shape = outs[0].shape
            dout = (np.arange(np.prod(shape)).reshape(shape) % 5 - 2).astype(dtype) * dtype(factor)
            back = layer.backward(move(dout))
        else:
            back = layer.backward(factor)
        parts = back if isinstance(back, tuple) else (back,)
        got += [to_cpu(part) for part in parts if part is not None]
    return got + [dense(g) for g in layer.grads]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CASES)
def test_same_numbers_as_on_the_cpu(device, name, dtype):
    factory, inputs = CASES[name]
    expected = passes(factory(), inputs, dtype, lambda x: x)
    moved = to_gpu(factory()) if hasattr(factory(), "params") else factory()
    if isinstance(moved, GivenNegatives):
        moved.loss = to_gpu(moved.loss)
    got = passes(moved, inputs, dtype, to_gpu)
    assert len(got) == len(expected)
    for mine, theirs in zip(got, expected, strict=True):
        assert mine.dtype == theirs.dtype and mine.shape == theirs.shape
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(mine, theirs, rtol=20 * eps, atol=20 * eps)


def test_every_layer_and_loss_is_among_the_cases():
    made = [factory() for factory, _ in CASES.values()]
    seen = {type(getattr(layer, "loss", layer)) for layer in made}
    for module in (layers, negative_sampling, hierarchical_softmax):
        for name, thing in inspect.getmembers(module, inspect.isclass):
            if {"forward", "backward"} <= set(dir(thing)) and not name.startswith("_"):
                assert thing in seen, name


# The check makes batches of its own, which the fixed negatives do not fit.
CHECKED = [name for name in CASES if "sparse" not in name and "NegativeSampling" not in name]


@pytest.mark.parametrize("name", CHECKED)
def test_the_gradient_check_passes_on_the_device(device, name):
    factory, inputs = CASES[name]
    check = check_layer(lambda: Hosted(factory()), inputs)
    assert check.passed, str(check)


def test_the_gradient_check_finds_a_mistake_on_the_device(device):
    class Forgetful(Embedding):
        def _add_row_grads(self, ids, values, owners=None):
            (grad,) = self.grads
            grad.fill(0)
            for i in range(len(ids)):  # the last one wins
                grad[int(ids[i])] = values[i]

    assert not check_layer(lambda: Hosted(Forgetful(W.copy())), (IDS,)).passed


# ---- our own checks: the device would wrap silently ----------------------------------------------


@pytest.mark.parametrize("wrong", [-2, V, 100])
@pytest.mark.parametrize(
    "make",
    [
        lambda ids: Embedding(to_gpu(W)).forward(ids),
        lambda ids: EmbeddingMean(to_gpu(W)).forward(ids[:, None]),
        lambda ids: EmbeddingDot(to_gpu(W)).forward(to_gpu(X[:2]), ids),
        lambda ids: RowGradient(ids, to_gpu(X[:2]), (V, H)),
        lambda ids: to_gpu(NegativeSamplingLoss(W.copy(), np.arange(V))).forward(
            to_gpu(X[:2]), ids
        ),
        lambda ids: to_gpu(NegativeSamplingLoss(W.copy(), np.arange(V))).forward(
            to_gpu(X[:2]), to_gpu(np.array([0, 1])), ids[:, None]
        ),
        lambda ids: to_gpu(HierarchicalSoftmaxLoss(W[1:].copy(), np.arange(V))).forward(
            to_gpu(X[:2]), ids
        ),
    ],
)
def test_ids_outside_are_refused(device, make, wrong):
    with pytest.raises(IndexError, match=f"is {wrong}, but ids must lie in 0 … {V - 1}"):
        make(to_gpu(np.array([0, wrong])))


def test_nan_is_refused(device):
    with pytest.raises(ValueError, match="NaN"):
        Sigmoid().forward(to_gpu(np.array([1.0, np.nan])))
    with pytest.raises(ValueError, match=r"W\[0, 1\] is nan"):
        MatMul(to_gpu(np.array([[1.0, np.nan]])))


def test_lists_go_where_the_weights_are(device):
    dot = EmbeddingDot(to_gpu(W))
    assert to_cpu(dot.forward(to_gpu(X[:2]), [1, 0])) == pytest.approx((X[:2] * W[[1, 0]]).sum(1))
    loss, there = SoftmaxWithLoss(), SoftmaxWithLoss()
    assert there.forward(to_gpu(X[:2]), [2, 0]) == pytest.approx(loss.forward(X[:2], [2, 0]))
    assert to_cpu(there.backward()) == pytest.approx(loss.backward())


def test_a_tree_for_weights_that_are_there_already(device):
    here, there = _hierarchical(), HierarchicalSoftmaxLoss(to_gpu(W[1:]), np.arange(V))
    assert there.forward(to_gpu(X), to_gpu(IDS)) == pytest.approx(here.forward(X, IDS))
    truth = here.log_probabilities(X)
    assert to_cpu(there.log_probabilities(to_gpu(X))) == pytest.approx(truth)


def _sampled():
    return NegativeSamplingLoss(W.copy(), np.arange(V), seed=0)


def _hierarchical():
    return HierarchicalSoftmaxLoss(W[1:].copy(), np.arange(V))


@pytest.mark.parametrize("swap", [False, True])
def test_one_half_here_the_other_there_is_refused(device, swap):
    there, here = (to_gpu, lambda x: x) if swap else (lambda x: x, to_gpu)
    for call in (
        lambda: MatMul(there(W)).forward(here(X @ W.T)),
        lambda: Embedding(there(W)).forward(here(IDS)),
        lambda: EmbeddingMean(there(W)).forward(here(MANY)),
        lambda: EmbeddingDot(there(W)).forward(here(X), there(IDS)),
        lambda: EmbeddingDot(there(W)).forward(there(X), here(IDS)),
        lambda: SoftmaxWithLoss().forward(there(X), here(IDS % H)),
        lambda: SigmoidWithLoss().forward(there(X), here(np.ones_like(X))),
        lambda: MaxMarginLoss().forward(there(X[:, 0]), here(X[:, 1])),
        lambda: there(_sampled()).forward(here(X), there(IDS)),
        lambda: there(_sampled()).forward(there(X), here(IDS)),
        lambda: there(_sampled()).forward(there(X), there(IDS), here(IDS[:, None])),
        lambda: there(_hierarchical()).forward(here(X), there(IDS)),
        lambda: there(_hierarchical()).forward(there(X), here(IDS)),
        lambda: there(_hierarchical()).log_probabilities(here(X)),
    ):
        with pytest.raises(TypeError, match="partly on the CPU"):
            call()
