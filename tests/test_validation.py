"""Every argument check: what passes, what does not, and what the reader is told."""

import pickle
import sys
import types

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2vlib.validation import (
    PAD,
    UnknownWordError,
    as_count,
    as_generator,
    as_ids,
    as_matrix,
    as_number,
    check_finite,
    suggest_words,
)

# -- ids


@given(st.lists(st.integers(0, 6)), st.sampled_from([np.int8, np.uint8, np.int32, np.int64]))
def test_good_ids_pass_unchanged(ids, dtype):
    array = np.array(ids, dtype=dtype)
    assert as_ids(array, 7, "ids") is array


def test_uint64_becomes_int64():
    """NumPy 2.0, which is allowed, refuses to count and to take rows with uint64."""
    found = as_ids(np.array([[1], [2]], np.uint64), 3, "ids")
    assert found.dtype == np.int64
    assert found.tolist() == [[1], [2]]
    with pytest.raises(IndexError, match=rf"ids\[0\] is {2**64 - 1}"):
        as_ids(np.array([2**64 - 1], np.uint64), 3, "ids")


def test_lists_become_integer_arrays():
    found = as_ids([[1, 2], [3, 0]], 4, "ids")
    assert found.dtype.kind == "i"
    assert found.tolist() == [[1, 2], [3, 0]]


@pytest.mark.parametrize("nothing", [[], np.zeros((0, 3)), np.zeros((2, 0), np.float32)])
def test_no_ids_at_all_are_ids_of_the_same_shape(nothing):
    found = as_ids(nothing, 4, "ids")
    assert found.dtype == np.int32
    assert found.shape == np.shape(nothing)


def test_empty_integer_ids_keep_their_type():
    empty = np.zeros(0, np.int64)
    assert as_ids(empty, 0, "ids") is empty


@pytest.mark.parametrize("size", [1, 5])
def test_the_largest_id_is_size_minus_one(size):
    assert as_ids([size - 1], size, "ids").tolist() == [size - 1]
    with pytest.raises(IndexError, match=rf"ids\[0\] is {size}, .* 0 … {size - 1}"):
        as_ids([size], size, "ids")


def test_the_error_says_where_and_what_to_do():
    with pytest.raises(IndexError) as caught:
        as_ids(np.array([[0, 1], [2, 9]]), 4, "contexts")
    message = str(caught.value)
    assert message.startswith("contexts[1, 1] is 9, but ids must lie in 0 … 3")
    assert "there are 4 rows" in message
    assert "vocabulary" in message
    assert "PAD" not in message


def test_the_first_wrong_id_is_the_one_named():
    with pytest.raises(IndexError, match=r"ids\[1\] is -2"):
        as_ids([0, -2, -3, 9], 4, "ids")


def test_a_single_wrong_id_is_named_without_a_place():
    with pytest.raises(IndexError, match="^idx is 5, but"):
        as_ids(5, 3, "idx")


def test_pad_is_minus_one_and_must_be_allowed():
    assert PAD == -1
    with pytest.raises(IndexError, match=r"ids\[1\] is -1"):
        as_ids([0, PAD], 4, "ids")
    assert as_ids([0, PAD], 4, "ids", allow_pad=True).tolist() == [0, -1]
    with pytest.raises(IndexError, match="is -2, .*PAD = -1"):
        as_ids([-2], 4, "ids", allow_pad=True)


@pytest.mark.parametrize(
    "wrong", [[1.0], [True], ["you"], [None], np.array([1 + 0j]), [2**70], "you", 1.5, None]
)
def test_what_is_no_integer_is_a_type_error_with_a_remedy(wrong):
    with pytest.raises(TypeError, match=r"^target must hold integer word ids, got .*word_to_id"):
        as_ids(wrong, 4, "target")


def test_ragged_lists_are_named():
    with pytest.raises(ValueError, match="^contexts must be .*rows of equal length"):
        as_ids([[1], [2, 3]], 4, "contexts")


def test_checked_ids_may_be_read_only_and_strided():
    ids = np.arange(10)[::2]
    ids.setflags(write=False)
    assert as_ids(ids, 9, "ids") is ids


# -- counts and numbers


@pytest.mark.parametrize("value", [1, np.int8(1), np.uint64(7), 10**9])
def test_whole_numbers_become_plain_ints(value):
    found = as_count(value, "n")
    assert type(found) is int
    assert found == value


@pytest.mark.parametrize("wrong", [1.0, "1", None, True, np.True_, [1], 1 + 0j, np.float32(2)])
def test_a_count_must_be_whole(wrong):
    with pytest.raises(TypeError, match="^batch_size must be a whole number >= 1, got"):
        as_count(wrong, "batch_size")


def test_a_count_has_a_minimum():
    with pytest.raises(ValueError, match="^max_epoch must be at least 1, got 0"):
        as_count(0, "max_epoch")
    assert as_count(0, "n", minimum=0) == 0
    assert as_count(2, "n", 2) == 2
    with pytest.raises(ValueError, match="at least 2, got 1"):
        as_count(1, "n", 2)


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), 1, np.int64(2)])
def test_numbers_become_plain_floats(value):
    found = as_number(value, "lr")
    assert type(found) is float
    assert found == value


NO_NUMBERS = ["1", b"1", None, True, np.False_, 1j, [1.0], np.ones(1), [[1], [1, 2]]]


@pytest.mark.parametrize("wrong", NO_NUMBERS)
def test_what_is_no_number(wrong):
    with pytest.raises(TypeError, match="^lr must be a number, got"):
        as_number(wrong, "lr")


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, -0.1, 1.1, 10**400, -(10**400)])
def test_numbers_out_of_range(wrong):
    with pytest.raises(ValueError, match="^p must be finite and at least 0 and at most 1, got"):
        as_number(wrong, "p", minimum=0, maximum=1)


def test_a_bound_is_shown_as_it_is():
    with pytest.raises(ValueError, match="at most 0.999999999999, got 1"):
        as_number(1, "beta1", minimum=0, maximum=1 - 1e-12)
    with pytest.raises(ValueError, match="^power must be finite, got nan"):
        as_number(np.nan, "power")


def test_the_ends_of_the_range():
    assert as_number(0, "p", minimum=0, maximum=1) == 0
    assert as_number(1, "p", minimum=0, maximum=1) == 1
    with pytest.raises(ValueError, match="finite and greater than 0, got 0"):
        as_number(0, "p", minimum=0, open_minimum=True)
    assert as_number(1e-300, "p", minimum=0, open_minimum=True) == 1e-300


# -- matrices


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_matrix_is_not_copied(dtype):
    matrix = np.ones((2, 3), dtype)
    assert as_matrix(matrix, "W") is matrix


@pytest.mark.parametrize("wrong", [[[1.0]], np.ones((2, 2), int), np.ones((2, 2), complex), None])
def test_a_matrix_holds_floats(wrong):
    with pytest.raises(TypeError, match=r"^W must be a floating-point array, got .*asarray\(W"):
        as_matrix(wrong, "W")


@pytest.mark.parametrize("shape", [(), (3,), (2, 3, 4)])
def test_a_matrix_has_two_dimensions(shape):
    with pytest.raises(ValueError, match="^W must have two dimensions"):
        as_matrix(np.ones(shape), "W")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_matrix_is_finite(value):
    matrix = np.ones((3, 4), np.float32)
    matrix[1, 2] = value
    with pytest.raises(ValueError, match=r"^W\[1, 2\] is -?(nan|inf)"):
        as_matrix(matrix, "W")


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 3)])
def test_nothing_is_finite(shape):
    assert check_finite(np.zeros(shape), "x") is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_only_finite_numbers_pass(value, place):
    x = np.zeros(3)
    x[place] = value
    with pytest.raises(ValueError, match=rf"^x\[{place}\] is .*learning rate"):
        check_finite(x, "x")


def test_infinite_numbers_may_be_allowed_but_never_nan():
    check_finite(np.array([np.inf, -np.inf, 1.0]), "x", infinite=True)
    with pytest.raises(ValueError, match=r"^x\[1\] is nan, but x must not hold NaN"):
        check_finite(np.array([np.inf, np.nan]), "x", infinite=True)
    with pytest.raises(ValueError, match="^x is nan"):
        check_finite(np.array(np.nan), "x")


# -- random generators


def test_the_same_seed_gives_the_same_draws():
    assert as_generator(seed=3).random(4).tolist() == as_generator(None, 3).random(4).tolist()
    assert as_generator(seed=3).random() != as_generator(seed=4).random()
    assert as_generator(seed=0).random() == np.random.default_rng(0).random()


def test_without_a_seed_every_generator_is_fresh():
    assert as_generator().random() != as_generator().random()


def test_a_generator_is_used_as_it_is():
    rng = np.random.default_rng(0)
    assert as_generator(rng) is rng


def test_rng_and_seed_contradict_each_other():
    with pytest.raises(ValueError, match="either rng or seed"):
        as_generator(np.random.default_rng(0), 0)


@pytest.mark.parametrize("wrong", [np.random.RandomState(0), 42, np.random, "seed"])
def test_what_is_no_generator(wrong):
    with pytest.raises(TypeError, match=r"^rng must be a numpy\.random\.Generator.*default_rng"):
        as_generator(wrong)


def test_seeds_are_whole_and_not_negative():
    with pytest.raises(ValueError, match="^seed must be at least 0"):
        as_generator(seed=-1)
    with pytest.raises(TypeError, match="^seed must be a whole number"):
        as_generator(seed=1.5)


# -- unknown words


def test_an_unknown_word_is_a_key_error_that_reads_as_a_sentence():
    error = UnknownWordError("qeen", ["king", "queen"])
    assert isinstance(error, KeyError)
    assert str(error) == "'qeen' is not in the vocabulary. Did you mean 'queen'?"
    assert (error.word, error.suggestions) == ("qeen", ["queen"])
    assert str(UnknownWordError("xyz")) == "'xyz' is not in the vocabulary."


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(UnknownWordError("qeen", ["queen"])))
    assert str(error) == "'qeen' is not in the vocabulary. Did you mean 'queen'?"


def test_another_case_comes_first():
    assert suggest_words("paris", ["paros", "Paris"]) == ["Paris", "paros"]
    assert suggest_words("PARISH", ["PARIS", "LONDON"]) == ["PARIS"]
    assert suggest_words("ﬁn", ["fin"]) == ["fin"]  # the ligature fi is one character


def test_words_that_end_alike_are_found_though_they_begin_otherwise():
    assert suggest_words("ueens", ["queens"]) == ["queens"]


def test_no_suggestion_for_nonsense():
    vocabulary = ["king", "queen", "apple"]
    assert suggest_words("zzzzzz", vocabulary) == []
    assert suggest_words("", vocabulary) == []
    assert suggest_words(7, vocabulary) == []
    assert suggest_words("kingqueenapple", vocabulary) == []


def test_at_most_five_suggestions_without_repeats():
    vocabulary = [f"king{i}" for i in range(9)] + ["king0", "KING"]
    found = suggest_words("king", vocabulary)
    assert len(found) == len(set(found)) == 5
    assert found[0] == "KING"
    assert len(suggest_words("king", vocabulary, limit=2)) == 2
    assert str(UnknownWordError("king", vocabulary)).count("'") == 12  # the word and five others


def test_ids_go_where_the_weights_are(monkeypatch):
    class DeviceArray:
        pass

    cupy = types.ModuleType("cupy")
    cupy.ndarray, cupy.asarray = DeviceArray, lambda ids: np.array(ids)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    assert as_ids([1], 2, "idx", like=DeviceArray()).tolist() == [1]
    with pytest.raises(TypeError, match="partly on the CPU"):
        as_ids(np.array([1]), 2, "idx", like=DeviceArray())
    with pytest.raises(TypeError, match="partly on the CPU"):
        as_ids(DeviceArray(), 2, "idx", like=np.ones(2))
