"""Optimisers against the textbook's formulas, written for one number at a time."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gpu import strict_cupy
from tests.oracles import laid_out
from w2vlib.backend import to_cpu, trusted
from w2vlib.optimizers import SGD, AdaGrad, Adam, Momentum, clip_grads
from w2vlib.sparse import RowGradient

OPTIMIZERS = [SGD, Momentum, AdaGrad, Adam]
few = settings(max_examples=40)


class SlowSGD:
    """One number w; ``step(g, t)`` is update t = 1, 2, …"""

    def __init__(self, w, lr=0.1):
        self.w, self.lr = float(w), lr

    def step(self, g, t):
        self.w -= self.lr * g


class SlowMomentum(SlowSGD):
    v = 0.0

    def step(self, g, t):
        self.v = 0.9 * self.v + self.lr * g
        self.w -= self.v


class SlowAdaGrad(SlowSGD):
    s = 0.0

    def step(self, g, t):
        self.s += g**2
        self.w -= self.lr * g / (math.sqrt(self.s) + 1e-7)


class SlowAdam(SlowSGD):
    m = v = 0.0

    def step(self, g, t):
        self.m = 0.9 * self.m + 0.1 * g
        self.v = 0.999 * self.v + 0.001 * g**2
        lr = self.lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        self.w -= lr * self.m / (math.sqrt(self.v) + 1e-7)


SLOW = {SGD: SlowSGD, Momentum: SlowMomentum, AdaGrad: SlowAdaGrad, Adam: SlowAdam}


@few
@pytest.mark.parametrize("make", OPTIMIZERS)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=6), st.floats(-3, 3))
def test_arrays_follow_the_formula(make, gradients, start):
    w, slow, optimizer = np.array([[start]]), SLOW[make](start), make(lr=0.1)
    for t, g in enumerate(gradients, start=1):
        optimizer.update([w], [np.array([[g]])])
        slow.step(g, t)
        assert w[0, 0] == pytest.approx(slow.w, rel=1e-9, abs=1e-12)
    assert optimizer.iteration == len(gradients)


@few
@pytest.mark.parametrize("make", OPTIMIZERS)
@given(
    st.lists(st.lists(st.integers(0, 3), max_size=5), min_size=1, max_size=5),
    st.integers(0, 999),
)
def test_rows_are_updated_when_they_have_a_gradient_and_only_then(make, batches, seed):
    """The lazy form: each row follows the formula at the times when it is touched."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((4, 2))
    slow = [[SLOW[make](w) for w in row] for row in W]
    optimizer = make(lr=0.1)
    for t, ids in enumerate(batches, start=1):
        values = rng.standard_normal((len(ids), 2))
        optimizer.update([W], [RowGradient(np.array(ids, int), values, W.shape)])
        for row in set(ids):
            total = sum(v for i, v in zip(ids, values, strict=True) if i == row)
            for j in range(2):
                slow[row][j].step(total[j], t)
        truth = [[s.w for s in row] for row in slow]
        assert W == pytest.approx(np.array(truth), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("make", "same"), [(SGD, True), (AdaGrad, True), (Momentum, False)])
def test_sparse_is_dense_where_zero_gradients_change_nothing(make, same):
    rng = np.random.default_rng(0)
    W = rng.standard_normal((5, 3))
    dense, sparse = W.copy(), W.copy()
    one, two = make(0.1), make(0.1)
    for ids in ([0, 1, 1], [4, 1], [2], [0, 0]):
        g = RowGradient(np.array(ids), rng.standard_normal((len(ids), 3)), W.shape)
        one.update([dense], [g.to_dense()])
        two.update([sparse], [g])
    assert np.array_equal(dense, sparse) is same


def test_sgd_by_hand():
    # 1 − 0.1·2 = 0.8;  0.8 − 0.1·(−1) = 0.9
    w, optimizer = np.array([1.0]), SGD(lr=0.1)
    optimizer.update([w], [np.array([2.0])])
    assert w == pytest.approx([0.8])
    optimizer.update([w], [np.array([-1.0])])
    assert w == pytest.approx([0.9])


def test_momentum_by_hand():
    # v = 0.2, w = 0.8;  v = 0.5·0.2 + 0.1·2 = 0.3, w = 0.5;  v = 0.5·0.3 + 0 = 0.15, w = 0.35
    w, optimizer = np.array([1.0]), Momentum(lr=0.1, momentum=0.5)
    for g, expected in ((2, 0.8), (2, 0.5), (0, 0.35)):
        optimizer.update([w], [np.array([float(g)])])
        assert w == pytest.approx([expected])


def test_adagrad_by_hand():
    # s = 9, step 0.1·3/3 = 0.1;  s = 9 + 16 = 25, step 0.1·4/5 = 0.08;  s = 25 + 0, no step
    w, optimizer = np.array([1.0]), AdaGrad(lr=0.1)
    for g, expected in ((3, 0.9), (4, 0.82), (0, 0.82)):
        optimizer.update([w], [np.array([float(g)])])
        assert w == pytest.approx([expected], abs=1e-7)


def test_adam_by_hand():
    # The first step has the length lr whatever the gradient: m̂ = g, v̂ = g², g / |g| = ±1.
    w, optimizer = np.array([1.0, 1.0]), Adam(lr=0.1)
    optimizer.update([w], [np.array([2.0, -0.01])])
    assert w == pytest.approx([0.9, 1.1], abs=1e-4)
    # β₁ = β₂ = 0.5, gradients 1 then 0:  t = 1: m = v = 0.5, lr √0.5/0.5, step 0.1.
    # t = 2: m = v = 0.25, step 0.1 · √0.75/0.75 · 0.25/0.5 = 0.1/√3
    w, optimizer = np.array([1.0]), Adam(0.1, beta1=0.5, beta2=0.5)
    optimizer.update([w], [np.array([1.0])])
    assert w == pytest.approx([0.9], abs=1e-6)
    optimizer.update([w], [np.array([0.0])])
    assert w == pytest.approx([0.9 - 0.05 / math.sqrt(0.75)], abs=1e-6)


def test_the_defaults_are_those_of_the_book():
    assert (SGD().lr, Momentum().lr, AdaGrad().lr, Adam().lr) == (0.01, 0.01, 0.01, 0.001)
    assert Momentum().momentum == 0.9
    assert (Adam().beta1, Adam().beta2) == (0.9, 0.999)


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("sparse", [False, True])
def test_single_precision_stays(make, sparse):
    W = np.ones((3, 2), np.float32)
    optimizer = make(lr=0.1)
    for _ in range(3):
        g = np.ones((3, 2), np.float32)
        g = RowGradient(np.arange(3), g, g.shape) if sparse else g
        before = W
        optimizer.update([W], [g])
        assert W is before
    assert W.dtype == np.float32
    assert {slot.dtype for state in optimizer.state for slot in state.values()} <= {W.dtype}
    slow = SLOW[make](1)
    for t in (1, 2, 3):
        slow.step(1, t)
    assert W == pytest.approx(np.full((3, 2), slow.w), rel=1e-5)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_learning_rate_may_change_between_updates(make):
    w, optimizer, slow = np.ones(1, np.float32), make(lr=0.1), SLOW[make](1)
    for t, lr in enumerate((0.1, np.float64(0.05), 0.025), start=1):
        optimizer.lr = slow.lr = lr
        optimizer.update([w], [np.ones(1, np.float32)])
        slow.step(1, t)
    assert w.dtype == np.float32
    assert w[0] == pytest.approx(slow.w, rel=1e-6)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_several_parameters_do_not_mix(make):
    a, b = np.ones((2, 2)), np.ones(3)
    alone = np.ones(3)
    together, single = make(0.1), make(0.1)
    for t in range(3):
        together.update([a, b], [np.full((2, 2), 5.0), np.full(3, t - 1.0)])
        single.update([alone], [np.full(3, t - 1.0)])
    assert np.array_equal(b, alone)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_gradients_are_not_changed(make):
    g, rows, values = np.full((2, 2), 3.0), np.array([1]), np.full((1, 2), 3.0)
    for a in (g, rows, values):
        a.setflags(write=False)
    optimizer = make(0.1)
    for _ in range(2):
        optimizer.update([np.ones((2, 2))] * 2, [g, RowGradient(rows, values, (2, 2))])
    assert (g == 3).all()
    assert (values == 3).all()


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("layout", ["strided", "reversed", "fortran"])
def test_parameters_are_changed_in_place_however_they_lie(make, layout):
    W = laid_out(np.ones((2, 4)), layout)
    plain = np.ones((2, 4))
    for p in (W, plain):
        optimizer = make(0.1)
        for g in (1.0, 2.0):
            optimizer.update([p], [np.full((2, 4), g)])
        rows = RowGradient(np.array([1]), np.ones((1, 4)), (2, 4))
        optimizer.update([p], [rows])
    assert np.array_equal(W, plain)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_an_empty_row_gradient_changes_nothing(make):
    W = np.ones((3, 2))
    optimizer = make(0.1)
    optimizer.update([W], [RowGradient.zeros_like(W)])
    assert (W == 1).all()
    assert optimizer.iteration == 1


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize(
    ("params", "grads", "error", "message"),
    [
        ([np.ones(2)], [], ValueError, "^Got 1 parameters and 0 gradients"),
        ([np.ones(2)], [np.ones(3)], ValueError, r"^grads\[0\] must .* \(2,\), got \(3,\)"),
        ([np.ones(2)], [[1.0, 1.0]], ValueError, r"^grads\[0\] must be an array .* got list"),
        ([np.ones(2)], [None], ValueError, r"^grads\[0\] must be an array"),
        ([np.ones((2, 2))], [RowGradient.zeros_like(np.ones((3, 2)))], ValueError, "^grads"),
        ([np.ones(2)], [np.ones(2) + 1j], TypeError, r"^grads\[0\] must hold real numbers"),
        ([np.ones(2)], [np.array(["a", "b"])], TypeError, r"^grads\[0\] must hold real numbers"),
        ([np.ones(2)], [np.array([1, np.nan])], ValueError, r"^grads\[0\]\[1\] is nan"),
        ([np.ones(2)], [np.array([1, -np.inf])], ValueError, r"^grads\[0\]\[1\] is -inf"),
        ([np.ones(2)], [np.array([1, 1e200])], ValueError, r"^grads\[0\] holds .* too large for"),
        ([np.ones(2, "f")], [np.array([-1e20, 1])], ValueError, "too large for float32"),
        ([np.array([np.nan])], [np.ones(1)], ValueError, r"^params\[0\]\[0\] is nan"),
        ([np.ones(2, int)], [np.ones(2)], TypeError, r"^params\[0\] must be a float.*got int64"),
        ([[1.0, 2.0]], [np.ones(2)], TypeError, r"^params\[0\] must be a floating-.*got list"),
        (np.ones((1, 2)), np.ones((1, 2)), TypeError, "^params and grads must be lists"),
        ([np.ones(2)], np.ones((1, 2)), TypeError, "^params and grads must be lists"),
        (np.ones((1, 2)), [np.ones(2)], TypeError, "^params and grads must be lists"),
        ([laid_out(np.ones(2), "read-only")], [np.ones(2)], ValueError, "is read-only and cannot"),
    ],
)
def test_lists_that_do_not_belong_together(make, params, grads, error, message):
    optimizer = make()
    with pytest.raises(error, match=message):
        optimizer.update(params, grads)
    assert optimizer.iteration == 0


def test_a_gradient_must_be_small_enough_to_be_squared():
    for dtype in (np.float32, np.float64):
        limit = float(np.finfo(dtype).max) ** 0.5
        for sign in (1, -1):
            with pytest.raises(ValueError, match="too large for"):
                SGD().update([np.zeros(2, dtype)], [np.array([0, sign * limit])])
            SGD().update([np.zeros(2, dtype)], [np.array([0, sign * limit * (1 - 1e-12)])])
        assert np.isfinite(dtype(limit * (1 - 1e-6)) ** 2)


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_an_optimiser_starts_without_a_memory(make):
    optimizer = make()
    assert (optimizer.iteration, optimizer.state) == (0, [])
    optimizer.update([np.ones(2), np.ones((1, 3))], [np.ones(2), np.ones((1, 3))])
    shapes = [{name: slot.shape for name, slot in state.items()} for state in optimizer.state]
    assert shapes == [dict.fromkeys(make.slots, shape) for shape in ((2,), (1, 3))]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_one_optimiser_for_one_model(make):
    optimizer = make()
    optimizer.update([np.ones(2)], [np.ones(2)])
    for other in ([np.ones(3)], [np.ones(2), np.ones(2)], []):
        with pytest.raises(ValueError, match="Use one optimiser for one model"):
            optimizer.update(other, other)
    optimizer.update([np.ones(2)], [np.ones(2)])


@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("lr", [-0.1, np.nan, np.inf])
def test_learning_rates_that_cannot_be(make, lr):
    with pytest.raises(ValueError, match="^lr must be finite and at least 0"):
        make(lr)
    with pytest.raises(TypeError, match="^lr must be a number"):
        make("0.1")
    assert make(0).lr == 0


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (Momentum, {"momentum": 1.1}, "^momentum must be"),
        (Momentum, {"momentum": -0.1}, "^momentum must be"),
        (Adam, {"beta1": 1}, "^beta1 must be"),
        (Adam, {"beta1": -0.1}, "^beta1 must be"),
        (Adam, {"beta2": 1}, "^beta2 must be"),
        (Adam, {"beta2": -0.1}, "^beta2 must be"),
    ],
)
def test_constants_that_cannot_be(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


def test_the_ends_of_the_constants():
    assert Momentum(momentum=0).momentum == 0
    assert Momentum(momentum=1).momentum == 1
    assert (Adam(beta1=0, beta2=0).beta1, Adam(beta1=0, beta2=0).beta2) == (0, 0)


# ---- clipping -----------------------------------------------------------------------------------


def test_clipping_by_hand():
    # The common length of (3) and (0, 4) is 5; at most 2.5 allowed: everything is halved.
    grads = [np.array([3.0]), np.array([0.0, 4.0])]
    assert clip_grads(grads, 2.5) == 5
    assert grads[0].tolist() == [1.5]
    assert grads[1].tolist() == [0, 2]


@pytest.mark.parametrize("limit", [5.0, 5.1, 1e9])
def test_short_gradients_stay(limit):
    grads = [np.array([3.0]), np.array([0.0, 4.0])]
    assert clip_grads(grads, limit) == 5
    assert [g.tolist() for g in grads] == [[3], [0, 4]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_arrays_and_rows_together(dtype):
    # Row 1 sums to (0, 4); with the array (3) the length is 5.
    rows = RowGradient(np.array([1, 1]), np.array([[0, 1], [0, 3]], dtype), (3, 2))
    dense = np.array([3], dtype)
    assert clip_grads([dense, rows], 1) == 5
    assert dense == pytest.approx([0.6])
    assert rows.to_dense() == pytest.approx(np.array([[0, 0], [0, 0.8], [0, 0]]))
    assert dense.dtype == rows.dtype == dtype


def test_huge_gradients_do_not_overflow_on_the_way():
    for grads, size in (([np.full(4, 1e30, np.float32)], 1e30), ([np.full(4, 1e300)], 1e300)):
        assert clip_grads(grads, 1) == pytest.approx(2 * size)
        assert grads[0] == pytest.approx(np.full(4, 0.5))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_finite_is_not_scaled(value):
    grads = [np.ones(2), np.array([1.0, value])]
    with pytest.raises(ValueError, match=r"^grads\[1\]\[1\] is (nan|inf)"):
        clip_grads(grads, 1)
    assert grads[0].tolist() == [1, 1]


@pytest.mark.parametrize(
    "wrong", [None, np.ones(2), [None], [[1.0]], [np.ones(2, int)], [np.array(["a"])]]
)
def test_gradients_that_are_none(wrong):
    with pytest.raises(TypeError, match="^grads"):
        clip_grads(wrong, 1)


def test_nothing_to_clip():
    assert clip_grads([], 1) == 0
    assert clip_grads([np.zeros(3)], 1) == 0


@pytest.mark.parametrize("limit", [0, -1, np.nan, np.inf])
def test_limits_that_cannot_be(limit):
    with pytest.raises(ValueError, match="^max_norm must be finite and greater than 0"):
        clip_grads([np.ones(1)], limit)


def test_an_empty_gradient_has_no_length():
    empty, full = np.zeros((0, 2)), np.array([3.0, 4.0])
    assert clip_grads([empty], 1) == 0
    assert clip_grads([empty, full], 1) == 5
    assert full == pytest.approx([0.6, 0.8])


@pytest.mark.parametrize("sparse", [False, True])
def test_trusted_code_does_not_look_at_gradients_on_the_device(sparse, monkeypatch):
    cupy, cupyx = strict_cupy.make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", cupyx)
    values = cupy.asarray(np.array([[3.0, 4.0]]))
    g = RowGradient(cupy.asarray(np.array([0])), values, (1, 2)) if sparse else values
    with trusted():
        length = clip_grads([g], 1)
        assert isinstance(length, cupy.ndarray)  # nobody has read it
    dense = g.to_dense() if sparse else g
    assert to_cpu(dense) == pytest.approx(np.array([[0.6, 0.8]]))
    assert clip_grads([g], 0.5) == pytest.approx(1)
    # What would be refused is taken on trust.
    W, bad = cupy.asarray(np.ones((1, 2))), cupy.asarray(np.array([[np.nan, 1.0]]))
    with pytest.raises(ValueError, match=r"^grads\[0\]\[0, 0\] is nan"):
        SGD().update([W], [bad])
    with trusted():
        SGD().update([W], [bad])
    assert np.isnan(to_cpu(W)[0, 0])
