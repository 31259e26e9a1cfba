"""Plain data through a pipe: what went in comes out; anything else is refused, cheaply."""

import json
import pickle
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from w2vlib.classroom import wire

ARRAYS = hnp.arrays(
    st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_, np.uint16]),
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**62), 2**62) | st.floats() | st.text() | ARRAYS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def same(one, other) -> bool:
    if isinstance(one, np.ndarray):
        return (
            isinstance(other, np.ndarray)
            and (one.dtype, one.shape) == (other.dtype, other.shape)
            and one.tobytes() == other.tobytes()
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[k], other[k]) for k in one)
    if isinstance(one, float):
        return one == other or one != one and other != other
    return one == other


def encodable(text):
    return text.encode("utf-8", "replace").decode("utf-8") == text


@given(value=PLAIN)
def test_what_goes_in_comes_out(value):
    if "~array" not in json.dumps(value, default=str):
        assert same(value, wire.unpack(wire.pack(value)))


def test_arrays_of_words():
    words = np.array(["king", "queen", "ä"])
    assert wire.unpack(wire.pack([words]))[0].tolist() == words.tolist()
    assert wire.unpack(wire.pack([np.array("king")]))[0].shape == ()


def test_arrays_are_fresh_and_writable():
    array = wire.unpack(wire.pack(np.arange(3)))
    array[0] = 7
    assert array.flags.owndata


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"~array": 1}, np.array([object()]), np.array([1j]), {1, 2}, b"x",
     np.array(["a"], dtype="S1"), np.array([[["a"]]]), np.zeros((1,) * 9)],
)  # fmt: skip
def test_other_things_do_not_travel(value):
    with pytest.raises(wire.WireError):
        wire.pack(value)


def message(tree, body=b""):
    text = json.dumps(tree).encode()
    return wire.MAGIC + struct.pack("<Q", len(text)) + text + body


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pickle.dumps([1]),
        wire.MAGIC + b"\xff" * 8,
        message([1])[:-1],
        message([1], b"left over"),
        message({"~array": "|O", "shape": [1]}, b"x" * 8),
        message({"~array": "<f8", "shape": [10**12]}),
        message({"~array": "<f8", "shape": [-1]}, b"x" * 8),
        message({"~array": "<f8", "shape": [2**62, 2**62]}),
        message({"~array": "<f8", "shape": [10**12, 0]}),
        message({"~array": "<f8", "shape": [10**11, 10**11, 0]}),
        message({"~array": "<f8", "shape": "12"}),
        message({"~array": "<f8", "shape": [True]}, b"x" * 8),
        message({"~array": "<f8", "shape": [1] * 9}, b"x" * 8),
        message({"~array": ["<f8"], "shape": [1]}, b"x" * 8),
        message({"~array": "|b1", "shape": [1]}, b"\x02"),
        message({"~array": "text", "texts": ["a"] * 3, "axes": 0}),
        message({"~array": "text", "texts": [1], "axes": 1}),
        message({"~array": "text", "texts": ["a" * 1000] * 10_000, "axes": 1}),
        message([2**70]),
        message([0] * 300_000),
        message("x" * (2 << 20)),
        message(eval("[" * 20 + "]" * 20)),
        wire.MAGIC + struct.pack("<Q", 50_000) + b"[" * 50_000,
        wire.MAGIC + struct.pack("<Q", 5_000) + b"9" * 5_000,
    ],
)
def test_anything_else_is_refused(data):
    with pytest.raises(wire.WireError):
        wire.unpack(data)


def test_too_long_a_message():
    data = wire.pack(np.zeros(1000))
    with pytest.raises(wire.WireError, match="too many bytes"):
        wire.unpack(data, 1000)


@given(data=st.binary(max_size=300))
def test_random_bytes(data):
    with pytest.raises(wire.WireError):
        wire.unpack(wire.MAGIC + data)


@given(place=st.integers(0, 400), bit=st.integers(0, 7))
def test_changed_bits_give_plain_data_or_a_refusal(place, bit):
    data = bytearray(wire.pack({"a": np.arange(6.0).reshape(2, 3), "b": [1, "two", None, True]}))
    data[place % len(data)] ^= 1 << bit
    try:
        value = wire.unpack(bytes(data))
    except wire.WireError:
        return
    assert isinstance(value, dict)
