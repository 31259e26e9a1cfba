"""Harder batches for gradient checks, number by number."""

import warnings

import numpy as np
import pytest

from w2vlib import gradient_batches as batches

IDS = np.array([[4, 1], [0, 2], [-1, 3], [2, 2], [1, 0]], np.int32)
TARGET = np.array([3, 0, 1, 2, 1])
X = np.arange(10.0).reshape(5, 2)


def test_every_batch_by_hand():
    found = batches.derived_batches((X, IDS, TARGET, 7))
    assert [name for name, _ in found] == [
        "one row",
        "repeated rows",
        "repeated in a row",
        "one word everywhere",
    ]
    assert {name for name, _ in found} <= set(batches.BATCH_NAMES)
    inputs = dict(found)
    # The row in the middle; every second row twice, the last one (there is no other) once.
    assert [x.tolist() for x in inputs["one row"][:3]] == [[[4, 5]], [[-1, 3]], [1]]
    x, ids, target, _ = inputs["repeated rows"]
    assert x[:, 0].tolist() == [0, 0, 4, 4, 8]
    assert ids.tolist() == [[4, 1], [4, 1], [-1, 3], [-1, 3], [1, 0]]
    assert target.tolist() == [3, 3, 1, 1, 1]
    # The first word of each row stands in all its places; nothing else changes.
    x, ids, target, _ = inputs["repeated in a row"]
    assert x is X and target is TARGET
    assert ids.tolist() == [[4, 4], [0, 0], [-1, -1], [2, 2], [1, 1]]
    # The largest id that all have, 3, in the first half of the rows: 2 of 5.
    x, ids, target, _ = inputs["one word everywhere"]
    assert x is X
    assert ids.tolist() == [[3, 3], [3, 3], [-1, 3], [2, 2], [1, 0]]
    assert target.tolist() == [3, 3, 1, 2, 1]
    assert all(values[3] == 7 for values in inputs.values())
    assert IDS[0, 0] == 4 and TARGET[1] == 0  # what was given has not changed


def test_one_row_alone_is_doubled():
    ((name, (x,)),) = batches.derived_batches((X[:1],))
    assert (name, x.tolist()) == ("repeated rows", [[0, 1], [0, 1]])


def test_two_rows_become_one_and_the_first_twice():
    (_, (one,)), (_, (two,)) = batches.derived_batches((X[:2],))
    assert one.tolist() == [[2, 3]]
    assert two.tolist() == [[0, 1], [0, 1]]


def test_ids_in_one_column_are_not_repeated_in_a_row():
    names = [name for name, _ in batches.derived_batches((IDS[:, :1],))]
    assert names == ["one row", "repeated rows", "one word everywhere"]


def test_more_axes_repeat_along_the_last():
    ids = np.arange(6).reshape(1, 3, 2)
    found = dict(batches.derived_batches((ids,)))["repeated in a row"][0]
    assert found.tolist() == [[[0, 0], [2, 2], [4, 4]]]
    pairs, columns = np.array([[[0, 1]], [[2, 3]]]), np.array([[[0], [1]], [[2], [3]]])
    assert "repeated in a row" in dict(batches.derived_batches((pairs,)))
    assert "repeated in a row" not in dict(batches.derived_batches((columns,)))


def test_one_word_in_half_of_the_rows():
    def spread(*inputs):
        return dict(batches.derived_batches(inputs))["one word everywhere"]

    assert spread(np.array([[0, 1], [2, 0]]))[0].tolist() == [[2, 2], [2, 0]]
    assert spread(np.array([[0, 2]]))[0].tolist() == [[2, 2]]
    assert spread(np.array([0, 3]), np.array([2, 1]))[0].tolist() == [2, 3]
    # The word 0 is a word.
    assert spread(np.array([[0, 0], [0, 0]]))[0].tolist() == [[0, 0], [0, 0]]
    assert spread(np.array([0, 3]), np.array([0, 0]))[0].tolist() == [0, 3]


@pytest.mark.parametrize(
    "inputs",
    [(), (3.0, "a", None), (np.array(2.0),), (X[:0],), (X, X[:2]), (np.zeros((0, 2), int),)],
)
def test_nothing_to_derive(inputs):
    assert batches.derived_batches(inputs) == []


def test_one_list_of_ids_has_no_word_to_share():
    names = [name for name, _ in batches.derived_batches((TARGET,))]
    assert names == ["one row", "repeated rows"]


def test_fillers_alone_are_no_words():
    found = dict(batches.derived_batches((np.array([[-1, -1]]), np.array([[0, 5]]))))
    fillers, ids = found["one word everywhere"]
    assert fillers.tolist() == [[-1, -1]]
    assert ids.tolist() == [[5, 5]]
    assert "one word everywhere" not in dict(batches.derived_batches((np.array([[-1, -1]]),)))


@pytest.mark.parametrize(
    ("x", "ids", "one_hot"),
    [
        (np.array([0, 1]), True, False),
        (np.array([[0, 1]], np.uint8), False, True),
        (np.array([[0, 1], [1, 1]]), True, False),
        (np.array([[0, 2]]), True, False),
        (np.array([[2, -1]]), True, False),
        (np.array([[0, 0]]), True, False),
        (np.array([[[1, 0, 0], [1, 0, 0]]]), False, True),
        (np.array(3), False, False),
        (np.array([0.0, 1.0]), False, False),
        (np.array([[0.0, 1.0]]), False, True),
        (np.array([True]), False, False),
    ],
)
def test_what_ids_and_one_hot_rows_are(x, ids, one_hot):
    assert batches.is_ids(x) is ids
    assert batches.is_one_hot(x) is one_hot
    assert batches.is_float(x) is (x.dtype.kind == "f")


def test_what_is_no_array():
    assert not batches.is_ids([0, 1])
    assert not batches.is_float(1.5)
    text = "as it is"
    assert batches.as_input(text) is text
    assert batches.copies((text, 3)) == (text, 3)


@pytest.mark.parametrize(
    ("given", "kind"), [(np.float32, np.float64), (np.float64, np.float64), (np.int32, np.int32)]
)
def test_inputs_become_double_precision_copies(given, kind):
    x = np.ones(3, given)
    found = batches.as_input(x)
    assert found.dtype == kind
    assert found.tolist() == [1, 1, 1]
    assert not np.shares_memory(found, x)
    (copy,) = batches.copies((x,))
    assert copy.dtype == given and not np.shares_memory(copy, x)


def test_rows_are_taken_where_there_are_rows():
    number = np.array(5.0)
    x, same, text = batches.take((X, number, "a"), np.array([1, 1]))
    assert x.tolist() == [[2, 3], [2, 3]]
    assert same is number and text == "a"


def test_size_is_the_root_of_the_mean_square():
    # √((9 + 16) / 2) = 3.5355…; scaled to 10
    x = batches.to_size(np.array([3.0, -4.0]), 10)
    assert x == pytest.approx(np.array([3, -4]) * 10 / np.sqrt(12.5))
    zeros = np.zeros(2)
    found = batches.to_size(zeros, 10)
    assert found.tolist() == [0, 0] and found is not zeros
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert batches.to_size(np.zeros((0, 2)), 10).shape == (0, 2)


def test_only_named_positions_are_scaled():
    one, two = batches.scaled((np.array([2.0]), np.array([2.0])), [1], 30.0)
    assert (one.tolist(), two.tolist()) == ([2], [30])


def test_a_decoy_is_another_batch_of_the_same_shapes():
    number = np.array(5.0)
    x, ids, same, text = batches.decoy((X, TARGET, number, "a"))
    assert x.tolist() == (0.7 * X[::-1]).tolist()
    assert ids.tolist() == TARGET[::-1].tolist()
    assert not np.shares_memory(ids, TARGET)
    assert same is number and text == "a"
