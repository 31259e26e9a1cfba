"""Read the book's ``.pkl`` files of word vectors without running anything that is in them.

A pickle is a small program, and ``pickle.load`` runs it: whoever wrote the file decides what
happens on the reader's computer.  Here the program is only *looked at*: a little stack machine of
our own follows the instructions that build dicts, texts, numbers and NumPy arrays.  It never
imports a name and never calls a function because a file says so; names that stand for NumPy's array
builders become inert marks, and everything else is refused.
"""

from __future__ import annotations

import math
import os
import pickletools
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from w2vlib.files import VectorFileError, as_path, open_source

_MARK = object()
_KEYS = ("word_vecs", "word_to_id", "id_to_word")

# The only names a file may mention, under NumPy's old and new module names. They are compared as
# text and never imported.
_ARRAY = {f"{m} _reconstruct" for m in ("numpy.core.multiarray", "numpy._core.multiarray")}
_SCALAR = {f"{m} scalar" for m in ("numpy.core.multiarray", "numpy._core.multiarray")}
_BUFFER = {f"{m} _frombuffer" for m in ("numpy.core.numeric", "numpy._core.numeric")}
_NDARRAY = "numpy ndarray"
_DTYPE = "numpy dtype"
_ENCODE = "_codecs encode"  # how Python 3 writes bytes in the old protocols
_NAMES = _ARRAY | _SCALAR | _BUFFER | {_NDARRAY, _DTYPE, _ENCODE}

_KINDS = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"f2", "f4", "f8", "b1"}


@dataclass
class _Name:
    """A name that the file mentions; nothing but its text."""

    text: str


@dataclass
class _Dtype:
    kind: str
    order: str = "<"

    def numpy(self) -> np.dtype:
        return np.dtype(self.order.replace("|", "=") + self.kind)


@dataclass
class _Array:
    """An array whose content comes in a later instruction."""

    value: np.ndarray | None = None


class _Refused(Exception):
    pass


def convert_book_pickle(path: str | os.PathLike):
    """The word vectors in a ``.pkl`` file of the book, as a ``WordVectors``.

    The book saves a dict with ``word_vecs`` (V, H) (float16), ``word_to_id`` and ``id_to_word``.
    To convert a file once and for all::

        convert_book_pickle("cbow_params.pkl").save("cbow.npz")

    Nothing in the file is executed: only dicts, lists, tuples, str, bytes, int, float, bool, None
    and NumPy arrays of numbers can be built.

    Args:
        path: the pickle file, of any protocol.

    Returns:
        The vectors in their own dtype.

    Raises:
        VectorFileError: the file asks for anything else, is damaged, or is not the book's.
    """
    from w2vlib.word_vectors import WordVectors

    path = as_path(path)
    content = _load(path)
    if not isinstance(content, dict) or any(key not in content for key in _KEYS):
        held = list(content)[:10] if isinstance(content, dict) else type(content).__name__
        raise _error(path, "wrong-content", f"It holds {repr(held)[:200]}", f"a dict with {_KEYS}")
    vectors, word_to_id, id_to_word = (_plain(content[key]) for key in _KEYS)
    words = _words(path, word_to_id, id_to_word)
    try:
        return WordVectors(words, vectors, copy=False)
    except (TypeError, ValueError) as error:
        raise _error(path, "wrong-content", str(error)) from error


def _words(path: Path, word_to_id, id_to_word) -> list[str]:
    tables = isinstance(word_to_id, dict) and isinstance(id_to_word, dict)
    if not tables or len(word_to_id) != len(id_to_word):
        raise _error(path, "wrong-content", "word_to_id and id_to_word are not two equal tables")
    words = []
    for number in range(len(id_to_word)):
        word = id_to_word.get(number)
        if not isinstance(word, str) or word_to_id.get(word) != number:
            raise _error(
                path, "wrong-content", f"id_to_word and word_to_id disagree about id {number}"
            )
        words.append(word)
    return words


def _error(path: Path, kind: str, problem: str, expected: str = "") -> VectorFileError:
    return VectorFileError(
        path,
        kind,
        problem,
        expected=expected,
        remedy="Only pickles of word vectors as the book writes them can be converted. Do not open "
        "this file with pickle.load unless you trust whoever made it",
    )


def _load(path: Path):
    with open_source(path) as source:
        data = b"".join(iter(source.read, b""))
    # Each array's bytes lie in the file once, so all arrays together are hardly larger than it.
    machine = _Machine(budget=4 * len(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in texts; such texts are refused anyway
        return _follow(path, data, machine)


def _follow(path: Path, data: bytes, machine: _Machine):
    position = 0
    try:
        for code, argument, position in pickletools.genops(data):
            if code.name == "STOP":
                if position + 1 != len(data):
                    raise _Refused(f"{len(data) - position - 1} bytes behind its end")
                return machine.pop()
            machine.step(code.name, argument)
    except _Refused as error:
        kind, problem = "unsafe-pickle", f"Refused near byte {position}: {error}"
        raise _error(path, kind, problem, "plain dicts, texts, numbers and arrays") from error
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        problem = f"It is no sound pickle (near byte {position}: {repr(error)[:200]})"
        raise _error(path, "damaged-pickle", problem) from error
    raise _error(path, "truncated", "The pickle has no end")


class _Machine:
    """Follows a pickle's instructions over plain values and inert marks."""

    def __init__(self, budget: int) -> None:
        self.stack: list = []
        self.memo: dict[int, object] = {}
        self.budget = budget

    def pop(self):
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark where a value should be")
        return value

    def pop_to_mark(self) -> list:
        items = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        return items[::-1]

    def step(self, name: str, argument) -> None:
        if name in _PUSH:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name]())
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            self.memo[int(argument)] = self.stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            self.stack.append(self.memo[int(argument)])
        elif name not in ("PROTO", "FRAME"):
            action = getattr(self, f"do_{name.lower()}", None)
            if action is None:
                raise _Refused(f"the instruction {name}")
            if name == "GLOBAL":
                action(argument)
            else:
                action()

    # -- containers

    def do_memoize(self) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_pop(self) -> None:
        self.stack.pop()

    def do_pop_mark(self) -> None:
        self.pop_to_mark()

    def do_dup(self) -> None:
        self.stack.append(self.stack[-1])

    def do_tuple(self) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def do_tuple1(self) -> None:
        self.stack.append((self.pop(),))

    def do_tuple2(self) -> None:
        second, first = self.pop(), self.pop()
        self.stack.append((first, second))

    def do_tuple3(self) -> None:
        third, second, first = self.pop(), self.pop(), self.pop()
        self.stack.append((first, second, third))

    def do_list(self) -> None:
        self.stack.append(self.pop_to_mark())

    def do_append(self) -> None:
        value = self.pop()
        self._top(list).append(value)

    def do_appends(self) -> None:
        values = self.pop_to_mark()
        self._top(list).extend(values)

    def do_dict(self) -> None:
        items = self.pop_to_mark()
        self.stack.append({})
        self._set(items)

    def do_setitem(self) -> None:
        value, key = self.pop(), self.pop()
        self._set([key, value])

    def do_setitems(self) -> None:
        self._set(self.pop_to_mark())

    def _top(self, kind: type):
        if type(self.stack[-1]) is not kind:
            raise ValueError(f"a {kind.__name__} was expected")
        return self.stack[-1]

    def _set(self, items: list) -> None:
        target = self._top(dict)
        for key, value in zip(items[::2], items[1::2], strict=True):
            key = _plain(key)
            if not isinstance(key, (str, int)):
                raise _Refused(f"a dict key of type {type(key).__name__}")
            target[key] = value

    # -- names and what is built with them

    def do_global(self, text: str) -> None:
        if text not in _NAMES:
            raise _Refused(f"it asks for {text.replace(' ', '.')[:100]}")
        self.stack.append(_Name(text))

    def do_stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name that is no text")
        self.do_global(f"{module} {name}")

    def do_reduce(self) -> None:
        arguments, name = self.pop(), self.pop()
        if not isinstance(name, _Name) or not isinstance(arguments, tuple):
            raise _Refused("a call of something that is no NumPy array builder")
        self._spend(arguments)
        self.stack.append(_built(name.text, arguments))

    def _spend(self, parts: tuple) -> None:
        """Refuse a file that builds the same bytes again and again until memory is full."""
        self.budget -= sum(len(x) for x in parts if isinstance(x, (str, bytes, bytearray)))
        if self.budget < 0:
            raise _Refused("arrays that are larger than the file")

    def do_build(self) -> None:
        state, target = self.pop(), self._peek()
        if isinstance(state, tuple):
            self._spend(state)
        if isinstance(target, _Dtype):
            _set_dtype_state(target, state)
        elif isinstance(target, _Array) and target.value is None:
            _set_array_state(target, state)
        else:
            raise _Refused("a state for something that is no NumPy array")

    def _peek(self):
        value = self.pop()
        self.stack.append(value)
        return value


_PUSH = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
    *("FLOAT", "BINFLOAT"),
}
_CONSTANTS = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "MARK": lambda: _MARK,
}


def _built(name: str, arguments: tuple):
    """What the named NumPy function would build, from checked arguments only."""
    if name in _ARRAY:
        # (type, shape, typecode): a stand-in; type, shape and data come later with BUILD.
        if not (len(arguments) == 3 and arguments[0] == _Name(_NDARRAY)):
            raise _Refused("an array of an unknown class")
        return _Array()
    if name == _DTYPE:
        kind = arguments[0] if arguments else None
        if not isinstance(kind, str) or kind.lstrip("<>=|") not in _KINDS:
            raise _Refused(f"numbers of the type {_shown(kind)}")
        return _Dtype(kind.lstrip("<>=|"), kind[0] if kind[0] in "<>" else "<")
    if name in _SCALAR:
        dtype, raw = arguments
        return _numbers(dtype, raw, ())[()].item()
    if name in _BUFFER:
        raw, dtype, shape, order = arguments
        return _Array(_numbers(dtype, raw, shape, order))
    if name == _ENCODE:
        text, encoding = arguments
        if not isinstance(text, str) or encoding != "latin1":
            raise _Refused(f"a text in the encoding {_shown(encoding)}")
        return text.encode("latin-1")
    raise _Refused(f"a call of {name.replace(' ', '.')}")


def _set_dtype_state(dtype: _Dtype, state) -> None:
    # (version, order, subtype, names, fields, size, alignment, flags): plain numbers have no more
    # than an order.
    plain = isinstance(state, tuple) and len(state) == 8 and state[2:] == (None,) * 3 + (-1, -1, 0)
    if not plain or state[1] not in ("<", ">", "|", "="):
        raise _Refused("numbers of a compound type")
    dtype.order = state[1]


def _set_array_state(array: _Array, state) -> None:
    if not (isinstance(state, tuple) and len(state) == 5):
        raise _Refused("an array of an unknown form")
    _, shape, dtype, fortran, raw = state
    array.value = _numbers(dtype, raw, shape, "F" if fortran else "C")


def _numbers(dtype, raw, shape, order="C") -> np.ndarray:
    """An array over bytes that are already there: it can never be larger than the file."""
    if not isinstance(dtype, _Dtype) or not isinstance(raw, (bytes, bytearray)):
        raise _Refused("an array of something other than numbers")
    whole = isinstance(shape, tuple) and all(
        type(side) is int and 0 <= side < 1 << 60 for side in shape
    )
    if not whole or len(shape) > 32 or order not in ("C", "F"):
        raise _Refused("an array of an impossible shape")
    numpy_dtype = dtype.numpy()
    if math.prod(shape) * numpy_dtype.itemsize != len(raw):
        raise ValueError(f"{len(raw)} bytes for an array of {math.prod(shape)} numbers")
    if dtype.kind == "b1" and raw.translate(None, b"\0\1"):
        raise ValueError("a truth value that is neither 0 nor 1")
    array = np.frombuffer(raw, numpy_dtype).reshape(shape, order=order)
    return array.astype(numpy_dtype.newbyteorder("="))


def _plain(value):
    return value.value if isinstance(value, _Array) else value


def _shown(value) -> str:
    """A short text for an error message: what a file nests may be endless."""
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
