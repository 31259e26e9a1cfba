"""Plain data through a pipe: numbers, texts, lists, dicts and NumPy arrays; nothing that can run.

A message is a magic word, the length of a JSON part, the JSON part, and the bytes of the arrays.
The reader trusts nothing: it checks sizes before it asks for memory, knows only real numbers and
bools, and refuses whatever it does not expect.  There is no pickle on either side.

This file stands alone (NumPy and the standard library), because it is also used inside the sandbox.
"""

from __future__ import annotations

import json
import math
import struct

import numpy as np

MAGIC = b"W2VPLAIN"
DTYPES = ("<f8", "<f4", "<f2", "<i8", "<i4", "<i2", "|i1", "<u8", "<u4", "<u2", "|u1", "|b1")
"""Array types that may travel."""
MAX_BYTES = 64 << 20
"""Largest message, unless the reader sets another limit."""
MAX_ITEMS = 200_000
"""Most lists, dicts, texts and numbers in one message (the entries of arrays do not count)."""
MAX_DEPTH = 12
MAX_TEXT = 1 << 20
MAX_AXES = 8
_HEAD = len(MAGIC) + 8
_TAG = "~array"


class WireError(ValueError):
    """A message that is not plain data as agreed."""


def pack(value) -> bytes:
    """Plain data as bytes.

    Raises:
        WireError: something in it is no plain data.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_out(value, arrays, 0), ensure_ascii=True, separators=(",", ":"))
    body = text.encode("ascii")
    parts = [MAGIC, struct.pack("<Q", len(body)), body]
    return b"".join(parts + [array.tobytes() for array in arrays])


def _out(value, arrays: list, depth: int):
    if depth > MAX_DEPTH:
        raise WireError("too many levels")
    if isinstance(value, np.ndarray):
        return _array_out(value, arrays)
    if isinstance(value, np.bool_ | np.integer | np.floating):
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if type(value) in (list, tuple):
        return [_out(item, arrays, depth + 1) for item in value]
    if type(value) is dict and all(type(k) is str and k != _TAG for k in value):
        return {k: _out(item, arrays, depth + 1) for k, item in value.items()}
    raise WireError(f"{type(value).__name__} is no plain data")


def _array_out(array: np.ndarray, arrays: list) -> dict:
    if array.dtype.kind == "U" and array.ndim <= 1:
        return {_TAG: "text", "texts": np.atleast_1d(array).tolist(), "axes": array.ndim}
    array = np.asarray(array)  # a subclass may carry surprises
    name = array.dtype.newbyteorder("<").str
    if name not in DTYPES or array.ndim > MAX_AXES:
        raise WireError(f"an array of {array.dtype} with {array.ndim} axes cannot travel")
    arrays.append(np.ascontiguousarray(array, dtype=name))
    return {_TAG: name, "shape": list(array.shape)}


def unpack(data: bytes, max_bytes: int = MAX_BYTES):
    """What :func:`pack` made; every array is a fresh one.

    Raises:
        WireError: anything else.
    """
    if len(data) > max_bytes:
        raise WireError("too many bytes")
    if len(data) < _HEAD or data[: len(MAGIC)] != MAGIC:
        raise WireError("not a message")
    (length,) = struct.unpack_from("<Q", data, len(MAGIC))
    if length > len(data) - _HEAD:
        raise WireError("the message ends too early")
    try:
        tree = json.loads(data[_HEAD : _HEAD + length].decode("ascii"))
    except (ValueError, RecursionError, MemoryError) as error:
        raise WireError(f"no JSON: {type(error).__name__}") from None
    reader = _Reader(memoryview(data)[_HEAD + length :])
    try:
        value = reader.read(tree, 0)
    except RecursionError:
        raise WireError("too many levels") from None
    if reader.used != len(reader.body):
        raise WireError("bytes are left over")
    return value


class _Reader:
    def __init__(self, body: memoryview) -> None:
        self.body, self.used, self.items = body, 0, 0

    def read(self, tree, depth: int):
        self.items += 1
        if depth > MAX_DEPTH or self.items > MAX_ITEMS:
            raise WireError("too many parts")
        if tree is None or isinstance(tree, bool | float):
            return tree
        if isinstance(tree, int):
            if abs(tree) >= 1 << 63:
                raise WireError("a number of more than 64 bits")
            return tree
        if isinstance(tree, str):
            return self._text(tree)
        if isinstance(tree, list):
            return [self.read(item, depth + 1) for item in tree]
        if _TAG in tree:
            return self._array(tree)
        return {self._text(k): self.read(item, depth + 1) for k, item in tree.items()}

    def _text(self, text: str) -> str:
        if len(text) > MAX_TEXT:
            raise WireError("a text that is too long")
        return text.encode("utf-8", "replace").decode("utf-8")  # no lone surrogates

    def _array(self, tree: dict) -> np.ndarray:
        if tree[_TAG] == "text":
            return self._texts(tree)
        name, shape = tree[_TAG], tree.get("shape")
        if name not in DTYPES or not isinstance(shape, list) or len(shape) > MAX_AXES:
            raise WireError("an array of an unknown kind")
        if not all(type(n) is int and 0 <= n < 1 << 40 for n in shape):
            raise WireError("an array with an impossible shape")
        size = math.prod(shape) * np.dtype(name).itemsize
        empty_but_huge = 0 in shape and math.prod(n or 1 for n in shape) > 1 << 30
        if size > len(self.body) - self.used or empty_but_huge:
            raise WireError("an array larger than its message")
        raw = bytes(self.body[self.used : self.used + size])
        self.used += size
        if name == "|b1" and raw.strip(b"\x00\x01"):
            raise WireError("a truth value that is neither")
        return np.frombuffer(raw, dtype=name).reshape(shape).copy()

    def _texts(self, tree: dict) -> np.ndarray:
        texts, axes = tree.get("texts"), tree.get("axes")
        if not isinstance(texts, list) or not all(isinstance(t, str) for t in texts):
            raise WireError("texts that are none")
        self.items += len(texts)
        longest = max(map(len, texts), default=0)
        if self.items > MAX_ITEMS or longest * len(texts) > MAX_TEXT or axes not in (0, 1):
            raise WireError("too much text")
        array = np.array([self._text(t) for t in texts], dtype=f"U{max(longest, 1)}")
        if axes == 0:
            if len(texts) != 1:
                raise WireError("texts that are none")
            return array.reshape(())
        return array
