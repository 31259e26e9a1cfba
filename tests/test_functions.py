"""softmax, sigmoid, cross entropy and cosine against plain loops in double precision."""

import math
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.gpu import strict_cupy
from tests.oracles import LAYOUTS, cross_entropy, dot, laid_out
from tests.oracles import log_sigmoid as slow_log_sigmoid
from w2vlib.backend import to_cpu, trusted
from w2vlib.functions import (
    as_float,
    check_probabilities,
    cos_similarity,
    cross_entropy_error,
    log_sigmoid,
    log_softmax,
    mean_picked,
    normalize,
    sigmoid,
    softmax,
)

FLOATS = [np.float16, np.float32, np.float64]
scores = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=1, max_dims=4, max_side=4),
    elements=st.floats(-50, 50, allow_nan=False),
)


def slow_softmax(row):
    top = max(row)
    powers = [math.exp(x - top) for x in row]
    return [p / math.fsum(powers) for p in powers]


# -- softmax


@given(scores)
def test_softmax_works_on_the_last_axis_of_any_array(x):
    found = softmax(x)
    assert found.shape == x.shape
    for place in np.ndindex(*x.shape[:-1]):
        assert found[place] == pytest.approx(slow_softmax(x[place].tolist()), abs=1e-15)


def test_softmax_by_hand():
    # e^0 : e^ln2 : e^ln5 = 1 : 2 : 5
    assert softmax([0, math.log(2), math.log(5)]) == pytest.approx([1 / 8, 2 / 8, 5 / 8])
    assert log_softmax([0, math.log(7)]) == pytest.approx([-math.log(8), math.log(7 / 8)])


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_type_that_goes_in_comes_out(function, dtype):
    assert function(np.ones((2, 3), dtype)).dtype == dtype


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
@pytest.mark.parametrize("dtype", [np.int32, np.uint8, bool])
def test_whole_numbers_are_computed_in_double_precision(function, dtype):
    x = np.array([[1, 0, 1]], dtype)
    assert function(x).dtype == np.float64
    assert function(x).tolist() == function(x.astype(float)).tolist()


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_does_not_matter_and_the_input_stays(function, layout):
    numbers = np.random.default_rng(0).standard_normal((3, 4))
    x = laid_out(numbers, layout)
    assert np.array_equal(function(x), function(numbers))
    assert np.array_equal(x, numbers)


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
def test_no_rows_give_no_rows(function):
    assert function(np.zeros((0, 3))).shape == (0, 3)


@pytest.mark.parametrize("scale", [1e3, 1e30])
def test_huge_scores_neither_overflow_nor_warn(scale):
    assert softmax(np.array([scale, 0, -scale], np.float32)).tolist() == [1, 0, 0]
    assert log_softmax(np.array([scale, 0], np.float32)).tolist() == [0, -np.float32(scale)]


def test_minus_infinity_means_impossible():
    assert softmax([-np.inf, 0.0, 0.0]).tolist() == [0, 0.5, 0.5]
    assert log_softmax([-np.inf, 0.0]).tolist() == [-np.inf, 0]


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("row", [[np.inf, 0], [-np.inf, -np.inf], [np.inf, np.inf]])
def test_a_row_without_probabilities_is_refused(function, row):
    with pytest.raises(ValueError, match=r"largest score of each row of x\[1, 0\] is -?inf"):
        function([[0, 0], row])


@pytest.mark.parametrize("function", [softmax, log_softmax])
@pytest.mark.parametrize("shape", [(), (0,), (2, 0)])
def test_softmax_of_nothing_is_refused(function, shape):
    with pytest.raises(ValueError, match=r"^x must have shape \(\.\.\., V\) with V >= 1"):
        function(np.zeros(shape))


# -- sigmoid


@given(st.floats(-700, 700))
def test_sigmoid_and_its_logarithm(x):
    assert float(sigmoid(x)) == pytest.approx(math.exp(slow_log_sigmoid(x)), rel=1e-12)
    assert float(log_sigmoid(x)) == pytest.approx(slow_log_sigmoid(x), rel=1e-14)


def test_sigmoid_at_the_ends():
    ends = np.array([-np.inf, -1e38, -1e3, 0, 1e3, 1e38, np.inf], np.float32)
    assert sigmoid(ends).tolist() == [0, 0, 0, 0.5, 1, 1, 1]
    assert log_sigmoid(ends)[[0, 2, 4, 6]].tolist() == [-np.inf, -1000, 0, 0]
    # float32 keeps what 1 - sigmoid would lose: log σ(20) = −log(1 + e⁻²⁰) = −2.06e-9
    assert float(log_sigmoid(np.float32(20))) == pytest.approx(-2.0611536e-9, rel=1e-6)
    assert float(sigmoid(np.float32(-90))) == pytest.approx(math.exp(-90), rel=1e-5)


def test_sigmoid_is_symmetric():
    x = np.linspace(-8, 8, 33)
    assert sigmoid(x) + sigmoid(-x) == pytest.approx(np.ones(33), abs=1e-15)


# -- what no function takes


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
def test_nan_is_refused_and_named(function):
    with pytest.raises(ValueError, match=r"^x\[1, 0\] is nan, but x must not hold NaN"):
        function([[1.0, 2.0], [np.nan, 1.0]])


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
@pytest.mark.parametrize("wrong", [None, "you", [1j], [None], [[1], "a"]])
def test_what_is_no_number_is_refused(function, wrong):
    with pytest.raises((TypeError, ValueError)):
        function(wrong)


def test_complex_numbers_do_not_lose_a_part_silently():
    with pytest.raises(TypeError, match="^scores must hold real numbers, got dtype complex128"):
        as_float([1j], "scores")


def test_what_is_a_float_already_is_taken_as_it_is():
    for dtype in FLOATS:
        x = np.ones(3, dtype)
        assert as_float(x) is x


def test_numbers_take_the_type_that_they_are_like():
    found = as_float([1, 2], like=np.zeros(1, np.float32))
    assert found.dtype == np.float32
    assert found.tolist() == [1, 2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # 1e300 has no place in float32: an error, no warning
        with pytest.raises(ValueError, match=r"^W\[1\] is inf"):
            as_float([1, 1e300], "W", like=np.zeros(1, np.float32))


def test_infinite_numbers_pass_where_they_may_only():
    assert as_float([-np.inf, 1], infinite=True).tolist() == [-np.inf, 1]
    with pytest.raises(ValueError, match=r"^x\[0\] is -inf"):
        as_float([-np.inf, 1])
    with pytest.raises(TypeError, match="^x must hold real numbers"):
        as_float([1j])


def test_probabilities_may_be_off_by_rounding():
    check_probabilities(np.array([0.0, 1.0, 1.001]), "y")
    check_probabilities(np.zeros((0, 3)), "y")
    for wrong in (1.0011, 1.5, 2.0, -1e-9):
        with pytest.raises(ValueError, match="^y must hold numbers between 0 and 1"):
            check_probabilities(np.array([0.5, wrong]), "y")


# -- cross entropy


@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 99))
def test_cross_entropy_is_the_mean_over_the_batch(B, V, seed):
    rng = np.random.default_rng(seed)
    x, t = rng.standard_normal((B, V)), rng.integers(V, size=B)
    truth = math.fsum(cross_entropy(row, label) for row, label in zip(x, t, strict=True)) / B
    y = softmax(x)
    assert cross_entropy_error(y, t) == pytest.approx(truth, abs=1e-14)
    assert cross_entropy_error(y, np.eye(V)[t]) == pytest.approx(truth, abs=1e-14)
    assert cross_entropy_error(y, np.eye(V, dtype=np.int32)[t]) == pytest.approx(truth, abs=1e-14)


def test_cross_entropy_by_hand():
    # −log 0.25 and −log 0.5: the mean is (2 + 1)/2 · log 2
    y = np.array([[0.25, 0.75], [0.5, 0.5]])
    assert cross_entropy_error(y, [0, 1]) == pytest.approx(1.5 * math.log(2))
    assert cross_entropy_error(y[0], 0) == pytest.approx(2 * math.log(2))
    assert cross_entropy_error(y[0], [1, 0]) == pytest.approx(2 * math.log(2))
    # Soft labels: 0.5 · (log 4 + log 4/3)
    assert cross_entropy_error(y[:1], [[0.5, 0.5]]) == pytest.approx(
        0.5 * (math.log(4) + math.log(4 / 3))
    )


def test_more_axes_than_a_batch():
    y = softmax(np.arange(12.0).reshape(2, 2, 3))
    rows = [cross_entropy_error(y[i, j], 1) for i in range(2) for j in range(2)]
    assert cross_entropy_error(y, np.ones((2, 2), int)) == pytest.approx(np.mean(rows))


def test_one_answer_only_costs_nothing():
    assert cross_entropy_error(np.ones((3, 1)), np.ones((3, 1))) == 0
    assert mean_picked(np.full((2, 1), 7.0), np.ones((2, 1)), "y") == 7


def test_a_long_batch_is_summed_in_double_precision():
    # 100,000 times log 2 is more than float16 can hold, and 0.693 is what it makes of log 2.
    y = np.full((100_000, 2), 0.5, np.float16)
    for t in (np.zeros(100_000, int), np.eye(2, dtype=np.float16)[np.zeros(100_000, int)]):
        assert cross_entropy_error(y, t) == pytest.approx(math.log(2), rel=1e-3)


def test_the_scores_are_called_as_the_caller_calls_them():
    with pytest.raises(ValueError, match="to fit scores; got"):
        mean_picked(np.ones((1, 2)), [0, 1, 1], "scores")
    with pytest.raises(ValueError, match="^scores must have shape"):
        mean_picked(np.ones((1, 0)), [0], "scores")
    for t in ([[1], [1, 0]], [[1j, 0]]):
        with pytest.raises((TypeError, ValueError), match="^t"):
            mean_picked(np.ones((1, 2)), t, "scores")


@pytest.fixture
def cupy(monkeypatch):
    """A stand-in for CuPy, which refuses NumPy's functions on its arrays as CuPy does."""
    cupy, cupyx = strict_cupy.make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", cupyx)
    return cupy


def test_ragged_lists_are_named_and_lists_go_where_they_are_told(cupy):
    with pytest.raises(ValueError, match="^W"):
        as_float([[1], [1, 2]], "W")
    like = cupy.asarray(np.zeros(1, np.float32))
    found = as_float([1, 2], "W", like=like)
    assert isinstance(found, cupy.ndarray)
    assert found.dtype == np.float32 and to_cpu(found).tolist() == [1, 2]


@pytest.mark.parametrize("function", [softmax, log_softmax, sigmoid, log_sigmoid, normalize])
def test_arrays_on_the_device_stay_there(cupy, function):
    x = np.array([[1.0, -2.0, 0.5], [0.0, 30.0, -30.0]])
    found = function(cupy.asarray(x))
    assert isinstance(found, cupy.ndarray)
    assert to_cpu(found).tolist() == function(x).tolist()


@pytest.mark.parametrize("t", [[1, 0], [[0, 1], [1, 0]]])
def test_the_loss_of_scores_on_the_device(cupy, t):
    y = np.array([[0.25, 0.75], [0.5, 0.5]])
    truth = pytest.approx((math.log(4 / 3) + math.log(2)) / 2)
    for labels in (t, cupy.asarray(np.array(t))):
        assert cross_entropy_error(cupy.asarray(y), labels) == truth
    with pytest.raises(TypeError, match="partly on the CPU"):
        cross_entropy_error(cupy.asarray(y), np.array(t))
    with pytest.raises(TypeError, match="partly on the CPU"):
        cross_entropy_error(y, cupy.asarray(np.array(t)))


def test_trusted_code_does_not_look_at_numbers_on_the_device(cupy):
    wrong = cupy.asarray(np.array([0.5, 3.0]))
    with pytest.raises(ValueError, match="^y must hold numbers between 0 and 1"):
        check_probabilities(wrong, "y")
    with trusted():
        check_probabilities(wrong, "y")


def test_a_square_batch_of_labels_is_no_one_hot_matrix():
    y = np.full((2, 2), 0.5)
    assert cross_entropy_error(y, np.array([0, 1])) == pytest.approx(math.log(2))


def test_certainty_costs_nothing_and_error_costs_everything():
    y = np.array([[1.0, 0.0]])
    assert cross_entropy_error(y, [0]) == 0
    assert cross_entropy_error(y, [[1, 0]]) == 0
    assert cross_entropy_error(y, [1]) == math.inf
    assert cross_entropy_error(y, [[0, 1]]) == math.inf


def test_an_empty_batch_costs_nothing():
    assert cross_entropy_error(np.zeros((0, 3)), np.zeros(0, int)) == 0
    assert cross_entropy_error(np.zeros((0, 3)), np.zeros((0, 3))) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_loss_is_a_plain_float(dtype):
    assert type(cross_entropy_error(np.full((1, 2), 0.5, dtype), [0])) is float


@pytest.mark.parametrize(
    ("y", "t", "error", "message"),
    [
        ([[0.5, 0.5]], [2], IndexError, r"t\[0\] is 2"),
        ([[0.5, 0.5]], [-1], IndexError, r"t\[0\] is -1"),
        ([[0.5, 0.5]], [0.0], TypeError, "t must hold integer"),
        ([[0.5, 0.5]], [0, 1, 1], ValueError, "t must hold one label for each row"),
        ([[0.5, 0.5]], [[0]], ValueError, "to fit y"),
        ([[0.5, 0.5]], [[2, 3]], ValueError, "t must hold numbers between 0 and 1"),
        ([[0.5, 0.5]], [[-1, 1]], ValueError, "t must hold numbers between 0 and 1"),
        ([[0.5, 0.5]], [[np.nan, 1]], ValueError, r"t\[0, 0\] is nan"),
        ([[-0.5, 1.5]], [0], ValueError, "y must hold numbers between 0 and 1.*softmax"),
        ([[3.0, 0.5]], [0], ValueError, "y must hold numbers between 0 and 1"),
        ([[np.nan, 0.5]], [0], ValueError, r"y\[0, 0\] is nan"),
        (0.5, 0, ValueError, "y must have shape"),
        (np.zeros((1, 0)), [0], ValueError, "y must have shape"),
    ],
)
def test_wrong_answers_are_refused(y, t, error, message):
    with pytest.raises(error, match=message):
        cross_entropy_error(y, t)


# -- cosine and unit rows


@given(hnp.arrays(np.int64, (2, 4), elements=st.integers(-3, 3)))
def test_the_cosine_is_that_of_the_textbook(xy):
    x, y = xy / 7
    lengths = math.hypot(*x) * math.hypot(*y)
    truth = dot(x, y) / lengths if lengths else 0
    assert cos_similarity(x, y) == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize("scale", [1e-30, 1, 1e30])
def test_length_does_not_count(scale):
    x = scale * np.array([3, 4], np.float32)
    assert cos_similarity(x, np.array([4, 3], np.float32)) == pytest.approx(24 / 25, abs=1e-6)
    assert cos_similarity(x, x) == pytest.approx(1, abs=1e-6)
    assert cos_similarity(x, -x) == pytest.approx(-1, abs=1e-6)


def test_the_cosine_never_leaves_its_range():
    rng = np.random.default_rng(0)
    for x in rng.standard_normal((200, 3)).astype(np.float32):
        assert -1 <= cos_similarity(x, -3 * x) <= cos_similarity(x, 3 * x) <= 1


def test_half_precision_does_not_overflow():
    x = np.full(4, 60_000, np.float16)
    assert cos_similarity(x, x) == pytest.approx(1)
    assert type(cos_similarity(x, x)) is float


def test_a_long_vector_in_half_precision_does_not_overflow():
    # The sum of 70,000 ones is beyond float16.
    x = np.ones(70_000, np.float16)
    assert cos_similarity(x, x) == pytest.approx(1)
    assert cos_similarity(x, -x) == pytest.approx(-1)


def test_the_finer_of_two_types_decides():
    # In single precision 1e-9 would be right to seven digits only.
    fine, coarse = np.array([1.0, 1e-9]), np.array([0.0, 1.0], np.float32)
    assert cos_similarity(fine, coarse) == pytest.approx(1e-9, rel=1e-13, abs=0)
    assert cos_similarity(coarse, fine) == pytest.approx(1e-9, rel=1e-13, abs=0)


def test_a_zero_vector_is_like_nothing():
    assert cos_similarity([0, 0], [1, 2]) == 0
    assert cos_similarity([0.0], [0.0]) == 0
    assert cos_similarity([], []) == 0


@pytest.mark.parametrize(
    ("x", "y"), [([1, 2], [1, 2, 3]), ([[1, 2]], [[1, 2]]), (1, 1), ([1], 1), ([1, 2], [[1, 2]])]
)
def test_the_cosine_takes_two_vectors_of_one_length(x, y):
    with pytest.raises(ValueError, match="^x and y must be vectors of the same length"):
        cos_similarity(x, y)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_cosine_is_never_made_up(value):
    with pytest.raises(ValueError, match=r"^x\[0\] is"):
        cos_similarity([value, 1], [1, 1])
    with pytest.raises(ValueError, match=r"^y\[1\] is"):
        cos_similarity([1, 1], [1, value])


@given(hnp.arrays(np.float64, (3, 4), elements=st.floats(-1e9, 1e9)))
def test_rows_of_length_one(x):
    found = normalize(x)
    for row, unit in zip(x, found, strict=True):
        length = math.hypot(*row)
        assert unit == pytest.approx(row / length if length else row, rel=1e-12, abs=1e-15)


def test_unit_rows_by_hand():
    # (3, 4) has length 5; (0, 0) stays
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    assert normalize(x) == pytest.approx(np.array([[0.6, 0.8], [0, 0]]))
    assert x.tolist() == [[3, 4], [0, 0]]
    assert normalize(np.array([0.0, -2.0])).tolist() == [0, -1]


@pytest.mark.parametrize("size", [1e-45, 1e-30, 1e30])
def test_tiny_and_huge_rows_in_single_precision(size):
    assert normalize(np.full((1, 4), size, np.float32)) == pytest.approx(np.full((1, 4), 0.5))


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_to_scale_is_a_copy(shape):
    x = np.zeros(shape)
    found = normalize(x)
    assert found.shape == shape
    assert found is not x


def test_a_number_has_no_direction():
    with pytest.raises(ValueError, match="^x must be a matrix"):
        normalize(3.0)
    with pytest.raises(ValueError, match=r"^x\[0, 1\] is inf"):
        normalize([[1.0, np.inf]])
