"""Sums of rows and row gradients against dense arrays."""

import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.gpu import strict_cupy
from tests.oracles import LAYOUTS, laid_out
from w2vlib import sparse
from w2vlib.backend import to_cpu
from w2vlib.sparse import RowGradient, sum_rows


def slow_sums(ids, values):
    """{id: sum of its values}, in double precision."""
    found = {}
    for i, row in zip(np.asarray(ids).tolist(), values, strict=True):
        found[i] = found.get(i, 0) + row.astype(np.float64)
    return found


def assert_same_sums(ids, values, rows, sums):
    truth = slow_sums(ids, values)
    assert rows.tolist() == sorted(truth)
    assert sums.shape == (len(rows), values.shape[1])
    for row, total in zip(rows.tolist(), sums, strict=True):
        assert total == pytest.approx(truth[row], abs=1e-12)


# -- sum_rows


@given(st.lists(st.integers(0, 8), max_size=60), st.integers(0, 3), st.sampled_from(LAYOUTS))
def test_values_of_one_id_are_added(ids, H, layout):
    ids = np.array(ids, np.int32)
    values = np.random.default_rng(0).standard_normal((len(ids), H))
    rows, sums = sum_rows(laid_out(ids, layout), laid_out(values, layout))
    assert_same_sums(ids, values, rows, sums)


@pytest.mark.parametrize("repeats", [1, 2, 15, 16, 17, 31, 32, 33, 255, 256, 257, 4097])
def test_many_values_of_one_id(repeats):
    # Sums are made in chunks of 16, and of those again: watch the borders.
    ids = np.repeat([7, 3, 5], [repeats, 1, 2])
    np.random.default_rng(1).shuffle(ids)
    values = np.random.default_rng(2).standard_normal((len(ids), 2))
    assert_same_sums(ids, values, *sum_rows(ids, values))


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=40))
def test_several_ids_may_share_one_row_of_values(pairs):
    ids, owners = np.array(pairs, np.int64).reshape(-1, 2).T
    values = np.random.default_rng(0).standard_normal((4, 3))
    assert_same_sums(ids, values[owners], *sum_rows(ids, values, owners))


def test_sums_by_hand():
    rows, sums = sum_rows(np.array([4, 1, 4]), np.array([[1.0, 2], [3, 4], [5, 6]]))
    assert rows.tolist() == [1, 4]
    assert sums.tolist() == [[3, 4], [6, 8]]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_type_stays(dtype):
    assert sum_rows(np.array([1, 1]), np.ones((2, 3), dtype))[1].dtype == dtype
    assert sum_rows(np.zeros(0, int), np.ones((0, 3), dtype))[1].dtype == dtype


def test_the_sums_are_a_new_array():
    ids, values = np.array([0, 1]), np.ones((2, 3))
    sum_rows(ids, values)[1][:] = 9
    assert (values == 1).all()
    assert ids.tolist() == [0, 1]


def test_large_ids():
    rows, sums = sum_rows(np.array([2**31 - 2, 0, 2**31 - 2], np.int32), np.eye(3))
    assert rows.tolist() == [0, 2**31 - 2]
    assert sums.tolist() == [[0, 1, 0], [1, 0, 1]]


def test_rounding_does_not_depend_on_other_ids():
    # The same addends in the same order give the same bits, whatever else is in the batch.
    values = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
    alone = sum_rows(np.zeros(40, int), values)[1][0]
    ids = np.repeat([3, 9], 40)
    beside = sum_rows(ids, np.concatenate([values, values]))[1]
    assert np.array_equal(beside, [alone, alone])


# -- RowGradient


def gradient(rows=(1, 1, 3), shape=(4, 2), dtype=np.float64):
    """Rows 1, 1, 3 with the values 1 2, 3 4, 5 6: row 1 sums to 4 6."""
    values = np.arange(1, 2 * len(rows) + 1, dtype=dtype).reshape(-1, 2)
    return RowGradient(np.array(rows, dtype=np.int64), values, shape)


DENSE = np.array([[0, 0], [4, 6], [0, 0], [5, 6]])


def test_a_row_gradient_is_an_array_with_many_zeros():
    g = gradient()
    rows, values = g.coalesce()
    assert rows.tolist() == [1, 3]
    assert values.tolist() == [[4, 6], [5, 6]]
    assert g.to_dense().tolist() == DENSE.tolist()
    assert g.T.tolist() == DENSE.T.tolist()
    assert (g.shape, g.dtype) == ((4, 2), np.float64)
    assert repr(g) == "RowGradient(2 of 4 rows, H=2, float64)"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_everything_keeps_the_type(dtype):
    g = gradient(dtype=dtype)
    assert g.dtype == g.to_dense().dtype == g.coalesce()[1].dtype == dtype
    g.scale_(np.float64(0.5))
    assert g.dtype == (g + g).dtype == dtype
    assert RowGradient.zeros_like(np.ones((2, 2), dtype)).dtype == dtype


def test_no_rows_at_all():
    g = RowGradient.zeros_like(np.ones((4, 2), np.float32))
    assert g.coalesce()[0].size == 0
    assert g.to_dense().tolist() == np.zeros((4, 2)).tolist()
    assert g.norm_squared() == 0
    assert (g + g).to_dense().tolist() == np.zeros((4, 2)).tolist()
    g.scale_(2)
    assert repr(g) == "RowGradient(0 of 4 rows, H=2, float32)"


def test_lists_are_taken_too():
    assert RowGradient([1], [[1.0, 2.0]], (3, 2)).to_dense().tolist() == [[0, 0], [1, 2], [0, 0]]


def test_clear_then_add():
    g = gradient()
    g.clear()
    assert not g.to_dense().any()
    g.add(np.array([2, 2]), np.array([[1.0, 1], [2, 2]]))
    assert g.to_dense()[2].tolist() == [3, 3]
    g.add(np.array([2]), np.array([[10.0, 0]]), distinct=True)
    assert g.to_dense()[2].tolist() == [13, 3]
    assert g.coalesce()[0].tolist() == [2]


def test_distinct_rows_are_taken_at_their_word():
    g = RowGradient.zeros_like(np.ones((4, 2)))
    rows, values = np.array([0, 3]), np.ones((2, 2))
    g.add(rows, values, distinct=True)
    assert g.coalesce()[0] is rows
    assert g.coalesce()[1] is values


def test_adding_to_one_that_is_not_empty_adds_up():
    g = gradient()
    g.add(np.array([0, 3]), np.array([[1.0, 1], [1, 1]]), distinct=True)
    assert g.to_dense().tolist() == [[1, 1], [4, 6], [0, 0], [6, 7]]


def test_length_and_scale():
    g = gradient()
    # 4² + 6² + 5² + 6² = 16 + 36 + 25 + 36
    assert g.norm_squared() == 113
    g.scale_(0.5)
    assert g.to_dense().tolist() == (DENSE / 2).tolist()
    assert g.norm_squared() == 113 / 4
    g.scale_(2)
    assert g.coalesce()[0].tolist() == [1, 3]


def test_the_length_does_not_overflow_single_precision():
    g = RowGradient(np.array([0]), np.full((1, 2), 1e25, np.float32), (2, 2))
    assert g.norm_squared() == pytest.approx(2e50)


def test_scaling_does_not_change_the_values_that_were_given():
    rows, values = np.array([0]), np.ones((1, 2))
    g = RowGradient(rows, values, (2, 2))
    g.scale_(3)
    g.clear()
    assert values.tolist() == [[1, 1]]


def test_sums_of_gradients():
    g = gradient()
    both = g + gradient((3, 3, 0))
    assert isinstance(both, RowGradient)
    assert both.to_dense().tolist() == (DENSE + [[5, 6], [0, 0], [0, 0], [4, 6]]).tolist()
    assert g.to_dense().tolist() == DENSE.tolist()  # neither has changed


def test_sums_with_arrays_are_arrays_on_either_side():
    other = np.arange(8.0).reshape(4, 2)
    for total in (gradient() + other, other + gradient()):
        assert type(total) is np.ndarray
        assert total.dtype == np.float64
        assert total.tolist() == (DENSE + other).tolist()
    assert other.tolist() == np.arange(8.0).reshape(4, 2).tolist()
    with pytest.raises(TypeError, match="RowGradient"):
        other += gradient()  # NumPy cannot; better an error than an array of arrays


@pytest.mark.parametrize(
    ("rows", "values", "shape", "error"),
    [
        ([-1], np.ones((1, 2)), (4, 2), IndexError),
        ([4], np.ones((1, 2)), (4, 2), IndexError),
        ([0.0], np.ones((1, 2)), (4, 2), TypeError),
        ([0, 1], np.ones((1, 2)), (4, 2), ValueError),
        ([0], np.ones((1, 3)), (4, 2), ValueError),
        ([[0]], np.ones((1, 2)), (4, 2), ValueError),
        ([0], np.ones(2), (4, 2), ValueError),
        ([0], np.ones(1), (4,), ValueError),
        ([0], np.ones((1, 2)), (), IndexError),
    ],
)
def test_what_is_no_gradient(rows, values, shape, error):
    with pytest.raises(error, match=r"^rows"):
        RowGradient(np.array(rows), values, shape)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), max_size=20), st.booleans())
def test_the_way_of_the_gpu_gives_the_same_sums(pairs, shared):
    """CuPy has no packed sort here; NumPy, under another name, goes the same way."""
    asked, unique = [], []

    def there(*arrays):
        asked.extend(arrays)
        return types.SimpleNamespace(unique=once, zeros=np.zeros, add=np.add)

    def once(*arguments, **options):
        unique.append(arguments)
        return np.unique(*arguments, **options)

    ids, owners = np.array(pairs, np.int64).reshape(-1, 2).T
    values = np.random.default_rng(0).integers(-99, 99, (4, 3)).astype(np.float32)
    arguments = (ids, values, owners) if shared else (ids, values[owners], None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "get_array_module", there)
        rows, sums = sum_rows(*arguments)
    assert_same_sums(ids, values[owners], rows, sums)
    assert sums.dtype == np.float32
    assert len(unique) == 1
    # All three are asked where they lie, so that a mixture is noticed.
    assert all(a is b for a, b in zip(asked, arguments, strict=True))


def test_a_vocabulary_without_words_and_vectors_without_numbers():
    assert RowGradient(np.zeros(0, int), np.zeros((0, 2)), (0, 2)).to_dense().shape == (0, 2)
    g = RowGradient.zeros_like(np.ones((4, 0)))
    g.add(np.array([2]), np.ones((1, 0)))
    g.add(np.array([1]), np.ones((1, 0)))
    assert g.coalesce()[0].tolist() == [1, 2]
    g.clear()
    g.add(np.array([3]), np.ones((1, 0)), distinct=True)
    g.add(np.array([0]), np.ones((1, 0)), distinct=True)
    assert g.coalesce()[0].tolist() == [0, 3]


def test_what_is_wrong_is_named():
    with pytest.raises(ValueError, match=r"^shape"):
        RowGradient(np.zeros(0, int), np.zeros((0, 2)), (-1, 2))
    with pytest.raises(ValueError, match=r"^values"):
        RowGradient(np.array([0]), np.array([[np.nan, 0]]), (4, 2))


@pytest.mark.parametrize("read_in_between", [False, True])
def test_cleared_means_zero_and_ready_for_the_next(read_in_between):
    g = gradient()
    g.clear()
    if read_in_between:
        assert g.norm_squared() == 0
    rows, values = np.array([0, 3]), np.ones((2, 2))
    g.add(rows, values, distinct=True)
    assert g.coalesce()[1] is values  # nothing to add up, nothing copied


def test_a_gradient_lies_where_its_values_are(monkeypatch):
    cupy, cupyx = strict_cupy.make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", cupyx)
    W = cupy.asarray(np.ones((4, 2)))
    nothing, one = RowGradient.zeros_like(W), RowGradient([3], W[:1], (4, 2))
    for g in (nothing, one, nothing + one):
        assert all(isinstance(part, cupy.ndarray) for part in g.coalesce())
    assert to_cpu((nothing + one).to_dense()).tolist() == [[0, 0], [0, 0], [0, 0], [1, 1]]
    with pytest.raises(TypeError):
        RowGradient(np.array([3]), W[:1], (4, 2))


def test_rows_are_summed_once():
    g = gradient()
    assert g.coalesce()[1] is g.coalesce()[1]


def test_a_length_beyond_all_numbers_is_infinite_without_a_warning():
    assert RowGradient([0], [[1e200]], (1, 1)).norm_squared() == np.inf


def test_scaling_by_a_number_on_a_device_does_not_wait_for_it():
    class Far:
        def __float__(self):
            raise AssertionError("reading it means waiting")

        def astype(self, dtype):
            return np.array(2, dtype)

    g = gradient()
    g.scale_(Far())
    assert g.to_dense().tolist() == (2 * DENSE).tolist()
