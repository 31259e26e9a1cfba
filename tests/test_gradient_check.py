"""Gradient checks that cannot be fooled: what they catch, and what they leave alone."""

import importlib.util
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from w2vlib.gradient_batches import derived_batches
from w2vlib.gradient_check import (
    GradientError,
    check_gradient,
    check_layer,
    numerical_gradient,
)
from w2vlib.gradient_report import describe
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
from w2vlib.models import CBOW, SimpleCBOW, SimpleSkipGram, SkipGram, WindowClassifier
from w2vlib.negative_sampling import NegativeSamplingLoss
from w2vlib.sparse import RowGradient


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def names_of(report):
    return [p.name for p in report.problems]


# ---------------------------------------------------------------------------------------------
# numerical_gradient
# ---------------------------------------------------------------------------------------------

SCALES = [1e-8, 1e-4, 1.0, 1e4, 1e8]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize(
    ("f", "slope"),
    [
        (lambda u: u**2, lambda u: 2 * u),
        (lambda u: u**5 - 3 * u, lambda u: 5 * u**4 - 3),
        (np.exp, np.exp),
        (np.sin, np.cos),
        (np.tanh, lambda u: 1 - np.tanh(u) ** 2),
        (lambda u: np.log(u**2), lambda u: 2 / u),
        (lambda u: 1 / (1 + u**2), lambda u: -2 * u / (1 + u**2) ** 2),
    ],
    ids=["square", "polynomial", "exp", "sin", "tanh", "log", "rational"],
)
def test_known_derivatives_at_every_scale(f, slope, scale):
    u = np.array([-2.3, -0.7, 0.2, 0.9, 3.1])
    got = numerical_gradient(lambda x: f(x / scale).sum(), u * scale)
    np.testing.assert_allclose(got * scale, slope(u), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("size", SCALES)
def test_the_size_of_the_function_does_not_matter(size):
    x = numbers(4)
    got = numerical_gradient(lambda x: size * np.exp(x).sum(), x)
    np.testing.assert_allclose(got, size * np.exp(x), rtol=1e-9)


@settings(max_examples=60)
@given(
    coefficients=st.lists(st.floats(-5, 5), min_size=1, max_size=6),
    x=st.floats(-4, 4),
)
def test_polynomials(coefficients, x):
    polynomial = np.polynomial.Polynomial(coefficients)
    got = numerical_gradient(lambda a: polynomial(a[0]), np.array([x]))
    size = np.abs(coefficients).max() * max(abs(x), 1.0) ** 5
    np.testing.assert_allclose(got[0], polynomial.deriv()(x), rtol=1e-8, atol=1e-9 * size + 1e-300)


def test_each_entry_has_its_own_step():
    scale = np.array([1e-8, 1.0, 1e6])
    u = np.array([0.7, -1.2, 2.0])
    got = numerical_gradient(lambda x: np.sin(x / scale).sum(), u * scale)
    np.testing.assert_allclose(got * scale, np.cos(u), rtol=1e-7)


def test_zeros_get_the_step_of_their_neighbours():
    x = np.array([[0.0, -2.0], [0.0, 30.0]])
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**2).sum(), x), 2 * x, atol=1e-9)
    np.testing.assert_allclose(numerical_gradient(lambda x: np.sin(x).sum(), np.zeros(3)), 1.0)


def test_f_may_ignore_its_argument_as_in_the_book():
    W = numbers(2, 3)
    got = numerical_gradient(lambda _: float(np.sin(W).sum()), W)
    np.testing.assert_allclose(got, np.cos(W), rtol=1e-9)


def test_x_is_restored_to_the_last_bit():
    x = numbers(3, 2) * 1e-3
    before = x.copy()
    numerical_gradient(lambda x: (x**3).sum(), x)
    assert x.tobytes() == before.tobytes()


def test_x_is_restored_when_f_raises():
    x, calls = numbers(3), []

    def f(x):
        calls.append(1)
        if len(calls) > 7:
            raise RuntimeError("enough")
        return x.sum()

    before = x.copy()
    with pytest.raises(RuntimeError, match="enough"):
        numerical_gradient(f, x)
    assert x.tobytes() == before.tobytes()


def test_views_are_moved_in_place():
    whole = numbers(4, 6)
    view = whole[::2, 1::2]
    got = numerical_gradient(lambda _: (whole**2).sum(), view)
    np.testing.assert_allclose(got, 2 * view, rtol=1e-8)


def test_shapes():
    assert numerical_gradient(lambda x: 0.0, np.zeros((0, 3))).shape == (0, 3)
    assert numerical_gradient(lambda x: x**2, np.array(3.0)) == pytest.approx(6.0)


def test_float32_is_measured_on_a_float64_copy():
    x = numbers(5).astype(np.float32)
    got = numerical_gradient(lambda x: np.exp(x).sum(), x)
    assert got.dtype == np.float64
    np.testing.assert_allclose(got, np.exp(x.astype(np.float64)), rtol=1e-9)


def test_float32_in_place_has_fewer_digits():
    x = numbers(5).astype(np.float32)
    got = numerical_gradient(lambda _: float((x.astype(np.float64) ** 2).sum()), x)
    np.testing.assert_allclose(got, 2 * x, rtol=1e-5)


def test_read_only_arrays_are_copied():
    x = numbers(3)
    x.flags.writeable = False
    np.testing.assert_allclose(numerical_gradient(lambda x: (x**2).sum(), x), 2 * x, rtol=1e-9)


@pytest.mark.parametrize("kind", [np.int64, np.bool_, np.uint8])
def test_integers_are_refused(kind):
    with pytest.raises(TypeError, match=r"float64 array.*whole numbers.*astype"):
        numerical_gradient(lambda x: x.sum(), np.zeros(3, dtype=kind))


def test_float16_lists_and_non_functions_are_refused():
    with pytest.raises(TypeError, match="too coarse"):
        numerical_gradient(lambda x: x.sum(), np.zeros(3, dtype=np.float16))
    with pytest.raises(TypeError, match="NumPy array, got list"):
        numerical_gradient(sum, [1.0, 2.0])
    with pytest.raises(TypeError, match="f must be a function"):
        numerical_gradient(3.0, np.zeros(2))


def test_f_must_return_one_finite_number():
    with pytest.raises(ValueError, match=r"one number, got an array of shape \(3,\)"):
        numerical_gradient(lambda x: x, np.zeros(3))
    with pytest.raises(ValueError, match="one number, got NoneType"):
        numerical_gradient(lambda x: None, np.zeros(3))
    with pytest.raises(ValueError, match="nan"):
        numerical_gradient(lambda x: np.nan, np.zeros(3))


def test_no_finite_values_around_x_give_nan():
    with np.errstate(invalid="ignore"):
        got = numerical_gradient(lambda x: np.sqrt(x).sum(), np.array([0.0, 4.0]))
    assert np.isnan(got[0])
    assert got[1] == pytest.approx(0.25, rel=1e-9)


# ---------------------------------------------------------------------------------------------
# check_gradient
# ---------------------------------------------------------------------------------------------


def loss_and_gradients(scale=1.0):
    """A small network with two parameters: (f, params, right gradients)."""
    x, W, b = numbers(5, 3, seed=1), numbers(3, 4, seed=2), numbers(4, seed=3)

    def f():
        return scale * float((np.tanh(x @ W + b) ** 2).sum())

    y = np.tanh(x @ W + b)
    dz = scale * 2 * y * (1 - y**2)
    return f, [W, b], [x.T @ dz, dz.sum(axis=0)]


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
def test_a_right_gradient_passes_at_any_scale(scale):
    f, params, grads = loss_and_gradients(scale)
    before = [p.copy() for p in params]
    report = check_gradient(f, params, grads)
    assert report.passed and report
    assert report.raise_if_failed() is report
    assert report.worst.relative_error < 1e-8
    assert all(p.tobytes() == q.tobytes() for p, q in zip(params, before, strict=True))


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1.0, 1e6, 1e12])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda g: np.zeros_like(g),
        lambda g: -g,
        lambda g: g * 1.001,
        lambda g: g * (1 + 1e-5),
        lambda g: g * (1 - 1e-5),
        lambda g: g + 1e-5 * np.abs(g).max(),
    ],
    ids=["zero", "sign", "0.1%", "1e-5", "-1e-5", "offset"],
)
def test_a_wrong_gradient_fails_at_any_scale(spoil, scale):
    f, (W, b), (dW, db) = loss_and_gradients(scale)
    report = check_gradient(f, [W, b], [dW, spoil(db)], names=["W", "b"])
    assert names_of(report) == ["gradient"]
    assert report.worst.name == "b"
    with pytest.raises(GradientError, match="The gradient of b"):
        report.raise_if_failed()


def test_one_wrong_entry_is_named():
    f, params, grads = loss_and_gradients()
    grads[0][2, 1] *= 1.01
    worst = check_gradient(f, params, grads).worst
    assert (worst.name, worst.index) == ("params[0]", (2, 1))
    assert worst.got == grads[0][2, 1]
    assert worst.expected == pytest.approx(grads[0][2, 1] / 1.01, rel=1e-8)
    assert worst.relative_error == pytest.approx(0.01 / 1.01, rel=1e-5)


@pytest.mark.parametrize("factor", [0.0, 1.00001])
def test_one_wrong_entry_among_a_hundred_thousand_is_found(factor):
    W = numbers(1000, 100)
    grad = np.cos(W)
    grad[123, 45] *= factor
    report = check_gradient(lambda: np.sin(W).sum(), {"W": W}, {"W": grad})
    assert report.worst.index == (123, 45)
    assert names_of(report) == ["gradient"]


def test_a_gradient_where_there_should_be_none_is_found():
    W, grad = numbers(2000, 10), np.zeros((2000, 10))
    grad[7] = 2 * W[7]
    grad[1500, 3] = 1e-3
    report = check_gradient(lambda: (W[7] ** 2).sum(), [W], [grad])
    assert report.worst.index == (1500, 3)
    assert report.worst.expected == 0


def test_a_missing_row_among_thousands_is_found():
    W, grad = numbers(5000, 10), np.zeros((5000, 10))
    grad[7] = 2 * W[7]
    report = check_gradient(lambda: (W[7] ** 2).sum() + (W[4321] ** 2).sum(), [W], [grad])
    assert report.worst.index[0] == 4321


def test_large_parameters_are_sampled_with_and_without_gradient():
    W = numbers(1000, 10)
    grad = np.zeros_like(W)
    grad[7] = 2 * W[7]
    (comparison,) = check_gradient(lambda: (W[7] ** 2).sum(), [W], [grad]).comparisons
    assert 40 <= comparison.measured.sum() < 100
    assert comparison.measured[7].all()
    assert comparison.measured[0, 0] and comparison.measured[-1, -1]


def test_nan_and_infinity_fail():
    f, params, grads = loss_and_gradients()
    for bad in (np.nan, np.inf, -np.inf):
        grads[1][2] = bad
        report = check_gradient(f, params, grads)
        assert names_of(report) == ["not finite"]
        assert f"is {bad} at index [2]" in str(report)
    report = check_gradient(lambda: np.nan, params, loss_and_gradients()[2])
    assert names_of(report) == ["not finite"]


def test_shapes_and_missing_gradients():
    f, params, grads = loss_and_gradients()
    report = check_gradient(f, params, [grads[0].T, None])
    assert names_of(report) == ["shape", "contract"]
    assert "(4, 3), but params[0] has (3, 4). It looks transposed." in str(report)


def test_a_random_loss_or_one_that_changes_its_parameters_is_no_loss():
    f, params, grads = loss_and_gradients()
    rng = np.random.default_rng(0)
    assert names_of(check_gradient(lambda: rng.random(), params, grads)) == ["random"]

    def overwrite():
        params[1][0] = 0.5
        return f()

    assert names_of(check_gradient(overwrite, params, grads)) == ["parameter changed"]


def test_wrong_arguments():
    f, params, grads = loss_and_gradients()
    with pytest.raises(TypeError, match=r"params\[1\] must be a float64 array, got float32"):
        check_gradient(f, [params[0], params[1].astype(np.float32)], grads)
    with pytest.raises(ValueError, match="2 params, 1 grads, 2 names"):
        check_gradient(f, params, grads[:1])
    with pytest.raises(ValueError, match="one number"):
        check_gradient(lambda: params[0], params, grads)


def test_sparse_gradients_and_functions():
    W, ids = numbers(6, 3), np.array([1, 4, 1])

    def f():
        return float((W[ids] ** 2).sum())

    sparse = RowGradient(ids, 2 * W[ids], W.shape)
    assert check_gradient(f, [W], [sparse]).passed
    assert check_gradient(f, [W], [lambda: RowGradient(ids, 2 * W[ids], W.shape)]).passed
    wrong = RowGradient(np.array([1, 4]), 2 * W[[1, 4]], W.shape)
    assert "Only row 1 is wrong, by the factor 0.5." in str(check_gradient(f, [W], [wrong]))


def test_shared_parameters_are_one_parameter():
    W = numbers(3, 3)

    def f():
        return float(np.sin(W).sum() + (W @ W.T).sum())

    sine, product = np.cos(W), 2 * np.ones((3, 3)) @ W
    assert check_gradient(f, [W, W], [sine, product]).passed
    assert check_gradient(f, [W, W.T], [sine, product.T]).passed
    assert not check_gradient(f, [W, W.T], [sine, product]).passed
    total = sine + product
    assert check_gradient(f, [W, W], [total, total]).passed  # one gradient, listed twice
    report = check_gradient(f, [W, W], [sine, np.zeros((3, 3))])
    assert report.worst.name == "params[0] = params[1]"


def test_a_view_of_some_rows_belongs_to_the_whole():
    W = numbers(4, 3)

    def f():
        return float(np.sin(W).sum() + (W[:2] ** 2).sum())

    assert check_gradient(f, [W[:2], W], [2 * W[:2], np.cos(W)]).passed
    wrong = np.cos(W)
    wrong[3, 1] = 0
    assert check_gradient(f, [W[:2], W], [2 * W[:2], wrong]).worst.index == (3, 1)


def test_same_seed_same_report():
    W, grad = numbers(100, 20), np.cos(numbers(100, 20))
    grad[3, 3] = 5
    one, two = (check_gradient(lambda: np.sin(W).sum(), [W], [grad], seed=4) for _ in range(2))
    assert str(one) == str(two)
    assert one.table() == two.table()


@pytest.mark.parametrize("x", [10.0, 34.0, 36.5, 40.0, 300.0, 800.0, -40.0, -800.0])
@pytest.mark.parametrize("rough", [False, True])
def test_saturated_losses_are_no_false_alarm(x, rough):
    """The gradient σ(x) − 1 of −log σ(x) is 1e-18, but right only to 1e-16."""
    a = np.array([x, x / 2])

    def f():
        with np.errstate(over="ignore"):
            soft = np.log(1 + np.exp(-np.abs(a))) if rough else np.log1p(np.exp(-np.abs(a)))
        return float((np.maximum(-a, 0) + soft).sum())

    sigma = np.exp(np.minimum(a, 0)) / (1 + np.exp(-np.abs(a)))
    report = check_gradient(f, [a], [sigma - 1])
    assert report.passed or names_of(report) == ["nothing judged"]
    if abs(x) <= 10 or x < 0:
        assert report.passed


def test_a_kink_is_not_judged():
    x = np.array([0.0, 1.0, -1.0])

    def f():
        return float(np.maximum(x, 0).sum())

    for at_zero in (0.0, 1.0, 0.3):
        report = check_gradient(f, [x], [np.array([at_zero, 1.0, 0.0])])
        assert report.passed
        assert "Not smooth here" in str(report)
        assert report.comparisons[0].kinks.tolist() == [True, False, False]
    assert not check_gradient(f, [x], [np.array([0.0, 1.0, 1.0])]).passed


@pytest.mark.parametrize("distance", [1e-2, 1e-4, 1e-6])
def test_a_kink_nearby_does_not_spoil_the_slope(distance):
    x = np.array([1.0])
    for side, slope in ((1 + distance, 0.0), (1 - distance, 1.0)):

        def f(side=side):
            return float(np.maximum(x, side).sum() + np.sin(x).sum())

        slope = float(x[0] > side)
        report = check_gradient(f, [x], [slope + np.cos(x)])
        assert report.passed and not report.comparisons[0].kinks.any()
        assert not check_gradient(f, [x], [(slope + np.cos(x)) * 1.001]).passed


def test_a_function_that_is_flat_to_both_sides_is_measured_between():
    x = np.array([3.0])

    def f():
        return float(np.tanh(200 * (x[0] - 3.001)))

    right = 200 * (1 - np.tanh(200 * (x - 3.001)) ** 2)
    assert check_gradient(f, [x], [right]).passed
    assert not check_gradient(f, [x], [np.zeros(1)]).passed


def test_a_float32_gradient_is_not_precise_enough():
    f, params, grads = loss_and_gradients()
    report = check_gradient(f, params, [g.astype(np.float32) for g in grads])
    assert set(names_of(report)) == {"precision"}
    assert "float32" in str(report)


# ---------------------------------------------------------------------------------------------
# What kind of wrong
# ---------------------------------------------------------------------------------------------

E = np.array([[1.0, -2.0, 3.5], [0.5, 4.0, -1.0], [2.0, 0.25, -3.0]])


@pytest.mark.parametrize(
    ("got", "text"),
    [
        (0 * E, "Every entry is 0."),
        (-E, "The sign is flipped."),
        (2 * E, "Every entry is 2 times too large."),
        (E / 3, "Every entry is 3 times too small."),
        (-4 * E, "The sign is flipped, and every entry is 4 times too large."),
        (1.0001 * E, "Every entry is off by the factor 1.0001."),
        (E + 0.5, "Every entry is off by the same amount, 0.5."),
        (E.T, "It looks transposed."),
        (E * [[1], [2], [1]], "Only row 1 is wrong, by the factor 2."),
        (E * [[0.5], [2], [1]], "Only rows 0, 1 are wrong, by the factors 0.5, 2."),
        (E * [[0], [1], [1]], "Only row 0 is wrong: 0 throughout."),
        (E * [1, 3, 1], "Only column 1 is wrong, by the factor 3."),
        (E + np.diag([0, 1, 0]), "All other measured entries are right."),
        (E + [[0, 1, 1], [0, 0, 0], [0, 0, 0]], "Only row 0 is wrong."),
        (np.sin(E), ""),
        (E, ""),
    ],
)
def test_simple_facts_about_a_wrong_gradient(got, text):
    assert describe(got, E, got != E) == text


def test_facts_need_something_to_compare():
    assert describe(np.ones(2), np.zeros(2)) == ""
    assert describe(np.ones(2), np.full(2, np.nan)) == ""
    assert describe(np.array([np.nan, 1]), np.ones(2)) == ""
    expected = np.array([1.0, np.nan, 3.0])
    assert describe(np.array([2.0, 7.0, 6.0]), expected) == "Every entry is 2 times too large."


# ---------------------------------------------------------------------------------------------
# check_layer: the library's layers are right …
# ---------------------------------------------------------------------------------------------

IDS = np.array([1, 3, 5, 0, 2])
CONTEXTS = np.array([[1, 2, -1, 0], [3, 3, 4, 5], [0, 1, 2, -1], [5, 4, 3, 2], [1, 1, 1, 1]])
NEGATIVES = np.array([[0, 2], [4, 4], [1, 0], [2, 5], [3, 1]])
CORPUS = np.arange(6).repeat(3)


def model(kind, **options):
    return lambda: kind(6, 3, 2, CORPUS, seed=1, dtype=np.float64, **options)


@pytest.mark.parametrize(
    ("factory", "inputs"),
    [
        (lambda: MatMul(numbers(4, 3)), numbers(5, 4, seed=1)),
        (lambda: MatMul(numbers(4, 3)), numbers(2, 3, 4, seed=1)),
        (lambda: Affine(numbers(4, 3), numbers(3, seed=5)), numbers(5, 4, seed=1)),
        (Softmax, numbers(3, 4)),
        (Sigmoid, numbers(3, 4)),
        (Tanh, numbers(3, 4)),
        (SoftmaxWithLoss, (numbers(3, 4), np.array([0, 3, 1]))),
        (SoftmaxWithLoss, (numbers(3, 4), np.eye(4)[[0, 3, 1]])),
        (SigmoidWithLoss, (numbers(4), np.array([1, 0, 0, 1]))),
        (lambda: Embedding(numbers(6, 3)), IDS),
        (lambda: Embedding(numbers(6, 3), sparse_grad=True), IDS),
        (lambda: EmbeddingMean(numbers(6, 3)), CONTEXTS),
        (lambda: EmbeddingDot(numbers(6, 3)), (numbers(5, 3, seed=2), IDS)),
        (lambda: NegativeSamplingLoss(numbers(6, 3), CORPUS), (numbers(5, 3), IDS, NEGATIVES)),
        (model(CBOW), (CONTEXTS, IDS, NEGATIVES)),
        (model(CBOW, sparse_grad=True, loss="hierarchical_softmax"), (CONTEXTS, IDS)),
        (model(SkipGram, loss="hierarchical_softmax"), (np.abs(CONTEXTS), IDS)),
    ],
)
def test_library_layers_pass(factory, inputs):
    report = check_layer(factory, inputs, twice=True)
    assert report.passed, str(report)
    assert report.worst.relative_error < 1e-6


def test_one_hot_models_and_kinks_pass():
    one_hot = np.eye(6)
    for kind in (SimpleCBOW, SimpleSkipGram):
        inputs = (one_hot[np.abs(CONTEXTS)], one_hot[IDS])
        assert check_layer(lambda k=kind: k(6, 3, seed=0, dtype=np.float64), inputs).passed
    windows = (CONTEXTS[:, :3], CONTEXTS[::-1, 1:])
    assert check_layer(
        lambda: WindowClassifier(6, 2, 3, 1, seed=0, dtype=np.float64), windows
    ).passed
    # The first pair of scores lies exactly on the margin.
    scores = (np.array([1.5, 0.2, 3.0]), np.array([0.5, 0.4, 0.1]))
    report = check_layer(MaxMarginLoss, scores)
    assert report.passed
    assert any("Not smooth here" in note for note in report.notes)


def test_a_layer_that_draws_random_numbers_needs_a_seeded_factory():
    inputs = (numbers(5, 3), IDS)
    assert check_layer(lambda: NegativeSamplingLoss(numbers(6, 3), CORPUS, seed=3), inputs).passed
    report = check_layer(lambda: NegativeSamplingLoss(numbers(6, 3), CORPUS), inputs)
    assert names_of(report) == ["random"]


def test_a_saturated_input_is_judged_after_calming_it():
    report = check_layer(Tanh, 500 * np.sign(numbers(3, 4)))
    assert report.passed
    assert "calm" in {c.batch for c in report.comparisons}


def test_more_batches_and_batches_left_out():
    seen = []

    class Watching(Tanh):
        def forward(self, x):
            seen.append(x.shape)
            return super().forward(x)

    report = check_layer(
        Watching, numbers(4, 3), batches={"wide": (numbers(2, 7),)}, skip=["one row", "wide"]
    )
    assert report.passed
    assert (1, 3) not in seen and (2, 7) not in seen
    report = check_layer(Watching, numbers(4, 3), batches={"wide": (numbers(2, 7),)})
    assert {"wide", "one row"} <= {c.batch for c in report.comparisons}


def test_the_callers_arrays_are_never_touched():
    x, t = numbers(4, 3), np.array([0, 1, 2, 0])
    x.flags.writeable = t.flags.writeable = False
    assert check_layer(SoftmaxWithLoss, (x, t)).passed


def test_float32_inputs_are_checked_in_float64():
    assert check_layer(Tanh, numbers(4, 3).astype(np.float32)).passed


def test_the_global_random_state_is_not_used():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tobytes()  # noqa: NPY002
    check_layer(Tanh, numbers(4, 3))
    assert np.random.get_state()[1].tobytes() == before  # noqa: NPY002


# ---------------------------------------------------------------------------------------------
# … and wrong ones are caught
# ---------------------------------------------------------------------------------------------


class Product:
    """y = x W as in the book; the mistakes below change one line each."""

    def __init__(self, W=None):
        self.W = numbers(4, 3) if W is None else W
        self.params, self.grads = [self.W], [np.zeros_like(self.W)]
        self.x = None

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        return dout @ self.W.T


class Lookup:
    """y = W[ids]."""

    def __init__(self):
        self.W = numbers(6, 3)
        self.params, self.grads = [self.W], [np.zeros_like(self.W)]

    def forward(self, ids):
        self.ids = ids
        return self.W[ids]

    def backward(self, dout):
        self.grads[0][...] = 0
        np.add.at(self.grads[0], self.ids, dout)


class CrossEntropy:
    """L = −mean log softmax(x)[t]."""

    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y, self.t = e / e.sum(axis=1, keepdims=True), t
        with np.errstate(divide="ignore"):
            # The right way: from the scores.
            log_y = x - x.max(axis=1, keepdims=True) - np.log(e.sum(axis=1, keepdims=True))
        return -float(log_y[np.arange(len(t)), t].mean())

    def backward(self, dout=1):
        dx = self.y.copy()
        dx[np.arange(len(self.t)), self.t] -= 1
        return dx * dout / len(dx)


X, T = numbers(5, 4, seed=9), np.array([0, 2, 3, 1, 1])


def test_the_right_ones_pass():
    assert check_layer(Product, X).passed
    assert check_layer(Lookup, IDS).passed
    assert check_layer(CrossEntropy, (X, T)).passed


class ForgetsDout(CrossEntropy):
    def backward(self, dout=1):
        return super().backward(1)


class ClipsDout(Product):
    def backward(self, dout):
        return super().backward(np.clip(dout, -2.5, 2.5))


class MixesDout(Product):
    def backward(self, dout):
        return super().backward(dout * (1 + np.abs(dout).max() / (np.abs(dout).sum() + 1e-300)))


class TinyThreshold(Product):
    def backward(self, dout):
        return super().backward(np.where(np.abs(dout) < 1e-5, 0, dout))


class ForgetsBatch(CrossEntropy):
    def backward(self, dout=1):
        return super().backward(dout) * len(self.t)


class CapsTheLoss(CrossEntropy):
    def forward(self, x, t):
        super().forward(x, t)
        return -float(np.log(self.y[np.arange(len(t)), t] + 1e-7).mean())


class LogOfZero(CrossEntropy):
    def forward(self, x, t):
        super().forward(x, t)
        with np.errstate(divide="ignore"):
            return -float(np.log(self.y[np.arange(len(t)), t]).mean())


class AssignsRows(Lookup):
    def backward(self, dout):
        self.grads[0][...] = 0
        self.grads[0][self.ids] = dout


class NeverClears(Lookup):
    def backward(self, dout):
        np.add.at(self.grads[0], self.ids, dout)


class ReplacesGrads(Product):
    def backward(self, dout):
        self.grads[0] = self.x.T @ dout
        return dout @ self.W.T


class ChangesInput(Product):
    def forward(self, x):
        x -= x.mean()
        return super().forward(x)


class ChangesDout(Product):
    def backward(self, dout):
        dout *= 1.0000001
        return super().backward(dout)


class ChangesInputInBackward(Product):
    def backward(self, dout):
        self.x *= 2
        return super().backward(dout)


class ChangesParameter(Product):
    def backward(self, dout):
        dx = super().backward(dout)
        self.W -= 0.01 * self.grads[0]
        return dx


class StaleInput(Product):
    def forward(self, x):
        if self.x is None or self.x.shape != x.shape:
            self.x = x.copy()
        return x @ self.W


class StaleWeights(Product):
    def __init__(self, W=None):
        super().__init__(W)
        self.transposed = self.W.T.copy()

    def backward(self, dout):
        super().backward(dout)
        return dout @ self.transposed


class Float32Inside(Product):
    def forward(self, x):
        self.x = x
        return (x.astype(np.float32) @ self.W.astype(np.float32)).astype(np.float64)


class Float32Output(Product):
    def forward(self, x):
        return super().forward(x).astype(np.float32)


class Float32Backward(Product):
    def backward(self, dout):
        dout = dout.astype(np.float32)
        self.grads[0][...] = self.x.astype(np.float32).T @ dout
        return (dout @ self.W.T.astype(np.float32)).astype(np.float64)


class Float32Grads(Product):
    def __init__(self, W=None):
        super().__init__(W)
        self.grads = [np.zeros(self.W.shape, dtype=np.float32)]


class Float32Params(Product):
    def __init__(self):
        super().__init__(numbers(4, 3).astype(np.float32))


class NanGradient(Product):
    def backward(self, dout):
        dx = super().backward(dout)
        self.grads[0][1, 2] = np.nan
        return dx


class NanOutput(Product):
    def forward(self, x):
        return super().forward(x) * np.nan


class Transposed(Product):
    def backward(self, dout):
        super().backward(dout)
        return (dout @ self.W.T).T


class NoInputGradient(Product):
    def backward(self, dout):
        super().backward(dout)


class TooManyGradients(Product):
    def backward(self, dout):
        return (super().backward(dout),) * 3


class NoParams(Product):
    def __init__(self):
        super().__init__()
        del self.params


class NoGrads(Product):
    def __init__(self):
        super().__init__()
        self.grads = []


class ListParameter(Product):
    def __init__(self):
        super().__init__()
        self.params = [[1.0, 2.0]]


class Stub(Product):
    def forward(self, x):
        return None


class Crashes(Product):
    def backward(self, dout):
        raise ValueError("operands could not be broadcast together.")


class OneRowCrashes(Product):
    def forward(self, x):
        if len(x) < 2:
            raise IndexError("no second row")
        return super().forward(x)


class Squeezes(Product):
    """Right unless the batch has one row."""

    def backward(self, dout):
        super().backward(dout)
        if len(dout) == 1:
            return -(dout @ self.W.T)
        return dout @ self.W.T


class Random(Product):
    rng = np.random.default_rng(0)

    def forward(self, x):
        return super().forward(x) * self.rng.random()


class RandomBackward(Product):
    rng = np.random.default_rng(0)

    def backward(self, dout):
        return super().backward(dout) * (1 + 1e-13 * self.rng.random())


class SlightlyOff(Product):
    def backward(self, dout):
        return super().backward(dout) * (1 + 1e-5)


class Saturates(Sigmoid):
    """Wrong only where the sigmoid is flat."""

    def backward(self, dout):
        dx = super().backward(dout)
        return dx + 1e-3 * dout * (np.abs(self._memory[-1][0] - 0.5) > 0.4999)


@pytest.mark.parametrize(
    ("factory", "inputs", "name", "text"),
    [
        (ForgetsDout, (X, T), "linear in dout", "ignores dout"),
        (ClipsDout, X, "linear in dout", "proportional"),
        (MixesDout, X, "linear in dout", ""),
        (TinyThreshold, X, "linear in dout", "proportional"),
        (ForgetsBatch, (X, T), "gradient", "Every entry is 5 times too large"),
        (CapsTheLoss, (X, T), "gradient", "input x"),
        (LogOfZero, (X, T), "not finite", "saturated 1000"),
        (AssignsRows, IDS, "gradient", "batch: repeated rows"),
        (NeverClears, IDS, "repeatable", "the gradient doubled"),
        (ReplacesGrads, X, "grads replaced", "grads[0]"),
        (ChangesInput, X, "input changed", "forward changes input x"),
        (ChangesInputInBackward, X, "input changed", "backward changes input x"),
        (ChangesDout, X, "dout changed", "dout"),
        (ChangesParameter, X, "parameter changed", "backward changes params[0]"),
        (StaleInput, X, "stale", "another batch"),
        (StaleWeights, X, "gradient", "after training steps"),
        (Float32Inside, X, "precision", "forward is right to about 7 digits"),
        (Float32Output, X, "dtype", "forward returned float32"),
        (Float32Backward, X, "precision", "float32"),
        (Float32Grads, X, "dtype", "grads[0] is float32"),
        (Float32Params, X, "dtype", "params[0] is float32"),
        (NanGradient, X, "not finite", "W is nan at index [1, 2]"),
        (NanOutput, X, "not finite", "forward returned nan"),
        (Transposed, X, "shape", "It looks transposed"),
        (NoInputGradient, X, "contract", "no gradient for input x"),
        (TooManyGradients, X, "contract", "3 gradients for 1 float inputs"),
        (NoParams, X, "contract", "no list params"),
        (NoGrads, X, "contract", "1 params but 0 grads"),
        (ListParameter, X, "contract", "params[0] is no array but a list"),
        (Stub, X, "contract", "forward returned NoneType"),
        (Crashes, X, "crash", "backward raised ValueError: operands could not be broadcast"),
        (OneRowCrashes, X, "crash", "Pass skip=('one row',)"),
        (Squeezes, X, "gradient", "sign is flipped"),
        (Random, X, "random", "another result each time"),
        (RandomBackward, X, "repeatable", "the gradient differs"),
        (SlightlyOff, X, "gradient", "off by the factor 1.00001"),
        (Saturates, X, "gradient", "batch: saturated 30"),
    ],
)
def test_wrong_layers_are_caught(factory, inputs, name, text):
    report = check_layer(factory, inputs)
    assert name in names_of(report), str(report)
    assert text in "\n".join(str(p) for p in report.problems if p.name == name)


def test_a_crash_keeps_the_exception():
    (problem,) = check_layer(Crashes, X).problems
    assert isinstance(problem.error, ValueError)
    assert "together.." not in problem.sentence


def test_wrong_arguments_of_check_layer():
    for wrt in ([1], [-1], [2]):
        with pytest.raises(ValueError, match=r"positions of float inputs, which are \[0\]"):
            check_layer(CrossEntropy, (X, T), wrt=wrt)
    with pytest.raises(ValueError, match=r"skip names no batch: \['one rwo'\]"):
        check_layer(Product, X, skip=["one rwo"])
    with pytest.raises(ValueError, match="tol must be finite and greater than 0"):
        check_layer(Product, X, tol=0)
    with pytest.raises(ValueError, match="tol must be finite and greater than 0"):
        check_gradient(lambda: 0.0, [], [], tol=-1)
    with pytest.raises(ValueError, match="steps"):
        check_layer(Product, X, steps=-1)
    assert "one row" not in {c.batch for c in check_layer(Product, X, skip="one row").comparisons}
    assert "trained" not in {c.point for c in check_layer(Product, X, steps=0).comparisons}


def test_what_is_no_layer():
    with pytest.raises(TypeError, match="factory must be a function"):
        check_layer(Product(), X)
    with pytest.raises(TypeError, match=r"made a list without forward\(\)"):
        check_layer(list, X)


class TwoInputs:
    """y = a · b, with the gradients returned in different ways."""

    answer = staticmethod(lambda da, db: (da, db))

    def __init__(self):
        self.params, self.grads = [], []

    def forward(self, a, b, c=None):
        self.a, self.b = a, b
        return a * b

    def backward(self, dout):
        return self.answer(dout * self.b, dout * self.a)


def test_gradients_of_several_inputs():
    a, b, ids = numbers(3, 2), numbers(3, 2, seed=1), np.array([0, 1, 1])
    report = check_layer(TwoInputs, (a, b))
    assert report.passed
    assert {c.name for c in report.comparisons} == {"input a", "input b"}
    assert check_layer(TwoInputs, (a, b, ids)).passed  # two gradients, for the two float inputs

    class Aligned(TwoInputs):
        answer = staticmethod(lambda da, db: (da, db, None))

    assert check_layer(Aligned, (a, b, ids)).passed

    class OnlySecond(TwoInputs):
        answer = staticmethod(lambda da, db: db)

    assert not check_layer(OnlySecond, (a, b)).passed
    assert check_layer(OnlySecond, (a, b), wrt=[1]).passed

    class Swapped(TwoInputs):
        answer = staticmethod(lambda da, db: (db, da))

    assert names_of(check_layer(Swapped, (a, b)))[0] == "gradient"


def test_an_input_without_gradient_must_be_said():
    class NoGradient(TwoInputs):
        answer = staticmethod(lambda da, db: None)

    a, b = numbers(3, 2), numbers(3, 2, seed=1)
    assert names_of(check_layer(NoGradient, (a, b))) == ["contract"]
    # With neither parameters nor inputs to compare, nothing has been checked.
    assert names_of(check_layer(NoGradient, (a, b), wrt=())) == ["nothing judged"]


def test_used_twice():
    text = "Used twice in one model"
    assert check_layer(lambda: MatMul(numbers(4, 3)), X, twice=True).notes == []
    report = check_layer(Product, X)
    assert report.passed and text in report.notes[0]
    assert check_layer(Product, X, twice=False).notes == []
    assert names_of(check_layer(Product, X, twice=True)) == ["used twice"]


def test_tied_weights_are_checked_as_one():
    class Autoencoder:
        """y = x W Wᵀ with one W, which is listed twice."""

        def __init__(self, transposed=False):
            W = numbers(4, 3)
            self.first, self.second = Product(W), Product(W.T)
            self.params = [W, W.T]
            self.grads = [self.first.grads[0], self.second.grads[0]]

        def forward(self, x):
            return self.second.forward(self.first.forward(x))

        def backward(self, dout):
            return self.first.backward(self.second.backward(dout))

    assert check_layer(Autoencoder, X).passed

    class Forgets(Autoencoder):
        def backward(self, dout):
            dx = super().backward(dout)
            self.grads[1][...] = 0
            return dx

    assert "gradient" in names_of(check_layer(Forgets, X))


def test_warnings_of_numpy_become_notes():
    class Naive(Sigmoid):
        def forward(self, x):
            self._remember(1 / (1 + np.exp(-x)))
            return self._memory[-1][0]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_layer(Naive, numbers(3, 4))
    assert report.passed
    assert any("overflow" in note and "saturated 1000" in note for note in report.notes)


def test_a_parameter_without_gradient_is_noted():
    class Unused(Product):
        def __init__(self):
            super().__init__()
            self.unused = numbers(2)
            self.params.append(self.unused)
            self.grads.append(np.zeros(2))

    report = check_layer(Unused, X)
    assert report.passed
    assert any(
        note.startswith("Hardly tested: the gradient of unused is 0") for note in report.notes
    )


def test_same_seed_same_result():
    one, two = (check_layer(AssignsRows, IDS, seed=5) for _ in range(2))
    assert str(one) == str(two)
    assert one.comparisons[0].dout.tobytes() == two.comparisons[0].dout.tobytes()


def test_comparisons_keep_what_the_layer_was_given():
    report = check_layer(AssignsRows, IDS)
    comparison = report.comparisons[-1]
    assert comparison.batch == "repeated rows"
    (ids,) = comparison.inputs
    assert len(set(ids.tolist())) < len(ids)
    # The shown numbers can be followed up by hand.
    by_hand = np.zeros((6, 3))
    np.add.at(by_hand, ids, comparison.dout)
    np.testing.assert_allclose(comparison.expected, by_hand, atol=1e-9)


# ---------------------------------------------------------------------------------------------
# Harder batches
# ---------------------------------------------------------------------------------------------


def test_derived_batches():
    h, target = numbers(4, 2), np.array([3, 1, 2, 0])
    batches = dict(derived_batches((h, target, NEGATIVES[:4])))
    assert set(batches) == {"one row", "repeated rows", "repeated in a row", "one word everywhere"}
    assert [len(x) for x in batches["one row"]] == [1, 1, 1]
    assert batches["repeated rows"][1].tolist() == [3, 3, 2, 2]
    np.testing.assert_array_equal(batches["repeated rows"][0], h[[0, 0, 2, 2]])
    assert batches["repeated in a row"][2].tolist() == [[0, 0], [4, 4], [1, 1], [2, 2]]
    assert batches["one word everywhere"][1].tolist() == [3, 3, 2, 0]
    assert batches["one word everywhere"][2][:2].tolist() == [[3, 3], [3, 3]]


def test_derived_batches_keep_pads_and_labels_valid():
    batches = dict(derived_batches((CONTEXTS, np.array([0, 1, 1, 0, 0]))))
    contexts, labels = batches["one word everywhere"]
    assert ((contexts == -1) == (CONTEXTS == -1)).all()
    assert labels.max() <= 1 and contexts[0, 0] == 1
    one_hot = np.eye(3, dtype=np.int64)
    assert set(dict(derived_batches((one_hot,)))) == {"one row", "repeated rows"}
    ((name, (ids,)),) = derived_batches((np.array([3]),))
    assert (name, ids.tolist()) == ("repeated rows", [3, 3])
    assert derived_batches((numbers(4, 3), numbers(2))) == []  # no common batch axis
    assert derived_batches((2.5, "text", None)) == []


# ---------------------------------------------------------------------------------------------
# The report
# ---------------------------------------------------------------------------------------------


def test_report_in_a_terminal():
    report = check_layer(ForgetsBatch, (X, T))
    lines = str(report).splitlines()
    assert lines[0] == "ForgetsBatch: FAILED, 1 problem"
    assert lines[1].startswith(
        "  [gradient] The gradient of input x: 20 of 20 measured entries are wrong. Worst is "
    )
    assert repr(report) == str(report)
    passed = check_layer(Tanh, numbers(2, 3))
    assert str(passed).startswith("Tanh: passed, ")
    assert passed.summary().endswith("batches, relative errors below 1e-8")


def test_report_as_a_table():
    table = check_layer(Product, X).table().splitlines()
    assert table[0].split() == "gradient of batch shape measured relative error verdict".split()
    assert any(line.startswith("W") and "given, trained" in line for line in table)
    assert table[3].split() == "input x given 5×4 20 of 20 below 1e-8 right".split()


def test_report_in_a_notebook():
    class Hostile(Product):
        def backward(self, dout):
            raise ValueError("<script>alert(1)</script>")

    html = check_layer(Hostile, X)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html
    html = check_layer(Product, X)._repr_html_()
    for word in ("http", "src=", "color", "background"):
        assert word not in html
    assert html.count("<tr>") == 1 + len(check_layer(Product, X).comparisons)
    assert "<details>" in html
    assert "<details open>" in check_layer(ForgetsBatch, (X, T))._repr_html_()


def test_report_as_a_picture():
    f, (W, b), (dW, db) = loss_and_gradients()
    dW[2, 1] *= 2
    report = check_gradient(f, {"W": W, "b": b}, [dW, db])
    ax = report.plot()
    assert ax.get_title() == "Gradient of W: 1 of 12 entries wrong"
    cross = ax.collections[0].get_offsets()
    assert np.asarray(cross).tolist() == [[1, 2]]  # column, row
    assert "W[2, 1]" in report.alt()
    other = report.plot("b")
    assert other.get_title() == "Gradient of b: right everywhere"
    assert len(other.collections) == 0
    assert other.images[0].get_array().shape == (1, 4)
    assert report.plot("b", ax=ax) is ax
    with pytest.raises(ValueError, match="name='c'"):
        report.plot("c")


def test_worst_of_nothing():
    report = check_layer(Crashes, X)
    assert report.worst is None
    with pytest.raises(ValueError, match="no comparison"):
        report.plot()


# ---------------------------------------------------------------------------------------------
# No false alarms
# ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def random_layers(root):
    path = root / "benchmarks" / "gradient_false_alarms.py"
    spec = importlib.util.spec_from_file_location("gradient_false_alarms", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Seeds that were false alarms at some time while the checker was written.
HARD = [1, 105, 166, 313, 324, 393, 1112, 1254, 5899, 6462, 6951]


@pytest.mark.parametrize("seed", [*HARD, *range(20_000, 20_020)])
def test_random_correct_layers_pass(random_layers, seed):
    text, report = random_layers.run_case(seed)
    assert report.passed or names_of(report) == ["nothing judged"], f"{text}\n{report}"


@pytest.mark.parametrize("seed", range(20_020, 20_032))
def test_random_wrong_layers_fail(random_layers, seed):
    text, report, visible = random_layers.run_spoiled(seed)
    assert not (report.passed and visible), f"{text}\n{report}"
