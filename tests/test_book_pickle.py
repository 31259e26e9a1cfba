"""The book's pickle files: their numbers are read, their programs are never run."""

import builtins
import os
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2vlib.vector_files import VectorFileError, convert_book_pickle

WORDS = ["you", "say", "goodbye", "naïve", "日本", "with blank"]


def book(dtype=np.float16):
    rng = np.random.default_rng(0)
    return {
        "word_vecs": rng.standard_normal((len(WORDS), 3)).astype(dtype),
        "word_to_id": {w: i for i, w in enumerate(WORDS)},
        "id_to_word": dict(enumerate(WORDS)),
    }


def convert(tmp_path, data):
    (tmp_path / "book.pkl").write_bytes(data)
    return convert_book_pickle(tmp_path / "book.pkl")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4"])
@pytest.mark.parametrize("old_numpy", [False, True])
def test_the_books_files_of_every_protocol(tmp_path, protocol, dtype, old_numpy):
    content = book(dtype)
    data = pickle.dumps(content, protocol)
    if old_numpy:  # NumPy 1 called the module numpy.core
        assert b"numpy._core" in data
        data = renamed(data, protocol)
        pickle.loads(data)  # a sound file still
    v = convert(tmp_path, data)
    assert v.words == tuple(WORDS)
    np.testing.assert_array_equal(v.vectors, content["word_vecs"])
    assert v.vectors.dtype == content["word_vecs"].dtype.newbyteorder("=")
    v.save(tmp_path / "v.npz")


def renamed(data, protocol):
    """The file as NumPy 1 would have written it."""
    if protocol < 4:
        return data.replace(b"numpy._core.", b"numpy.core.")
    long, short = b"numpy._core.", b"numpy.core."
    for module in (b"multiarray", b"numeric"):
        data = data.replace(
            b"\x8c" + bytes([len(long + module)]) + long + module,
            b"\x8c" + bytes([len(short + module)]) + short + module,
        )
    # The only frame is one byte shorter per name.
    frames = [op for op in pickletools.genops(_unframed(data)) if op[0].name == "FRAME"]
    assert not frames
    return _unframed(data)


def _unframed(data):
    position = data.find(b"\x95")
    return data if position != 2 else data[:2] + data[11:]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_both_memory_orders(tmp_path, order, protocol):
    content = book()
    content["word_vecs"] = np.array(content["word_vecs"], order=order)
    v = convert(tmp_path, pickle.dumps(content, protocol))
    np.testing.assert_array_equal(v.vectors, content["word_vecs"])


def test_numbers_of_numpy_as_ids(tmp_path):
    content = book()
    content["word_to_id"] = {w: np.int64(i) for w, i in content["word_to_id"].items()}
    content["id_to_word"] = {np.int32(i): w for i, w in content["id_to_word"].items()}
    content["loss"] = [1.5, None, True, (b"bytes", 2**70)]
    assert convert(tmp_path, pickle.dumps(content)).words == tuple(WORDS)


# -- files that want to do something

LOG = []


def trap(*arguments):
    LOG.append(arguments)


class Calls:
    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def raw(*parts):
    return b"\x80\x02" + b"".join(parts) + b"."


def named(module, name):
    return f"c{module}\n{name}\n".encode()


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


MALICIOUS = {
    "os.system": pickle.dumps(Calls(os.system, "echo hacked")),
    "a call inside the book's dict": pickle.dumps(book() | {"x": Calls(trap, 1)}),
    "a call as a word": pickle.dumps(book() | {"id_to_word": {0: Calls(trap, 1)}}),
    "eval": pickle.dumps(Calls(eval, "trap(1)")),
    "exec, protocol 0": pickle.dumps(Calls(exec, "trap(1)"), 0),
    "getattr": pickle.dumps(Calls(getattr, trap, "__globals__")),
    "open a file": pickle.dumps(Calls(open, "hacked", "w")),
    "numpy.load": pickle.dumps(Calls(np.load, "x")),
    "numpy.fromfile": raw(named("numpy", "fromfile"), text("/etc/passwd"), b"\x85R"),
    "the module's own name": raw(named("w2vlib.book_pickle", "_Machine"), b")R"),
    "a class of NumPy": raw(named("numpy", "memmap"), text("x"), b"\x85R"),
    "ndarray called": raw(named("numpy", "ndarray"), b"J\0\0\0\x40\x85\x85R"),
    "ndarray by NEWOBJ": raw(named("numpy", "ndarray"), b"K\5\x85\x81"),
    "INST": b"ios\nsystem\n." + b".",
    "INST with an argument": b"(S'echo hacked'\nios\nsystem\n.",
    "OBJ": raw(b"(", named("os", "system"), text("echo hacked"), b"o"),
    "EXT1": raw(b"\x82\x01"),
    "persistent id": b"Pname\n.",
    "binary persistent id": raw(text("name"), b"Q"),
    "dotted name": raw(named("numpy", "dtype.__init__"), b")R"),
    "dotted module": raw(named("numpy.core.multiarray.x", "_reconstruct"), b")R"),
    "STACK_GLOBAL of os.system": raw(text("os"), text("system"), b"\x93", text("x"), b"\x85R"),
    "calling a text": raw(text("os.system"), text("x"), b"\x85R"),
    "calling a dict": raw(b"})R"),
    "arguments no tuple": raw(named("numpy", "dtype"), text("f4"), b"R"),
    "codecs with another codec": raw(named("_codecs", "encode"), text("x"), text("zip"), b"\x86R"),
    "array of another class": raw(
        named("numpy.core.multiarray", "_reconstruct"),
        named("numpy", "dtype"),
        b"K\0\x85C\1b\x87R",
    ),
    "BUILD on a dict": raw(b"}}b"),
    "BUILD on a text": raw(text("x"), b"}b"),
    "BUILD on a name": raw(named("numpy", "ndarray"), b"}b"),
    "object dtype": raw(named("numpy", "dtype"), text("O"), b"\x85R"),
    "compound dtype": raw(named("numpy", "dtype"), text("f4,f4"), b"\x85R"),
    "dtype from a list": raw(named("numpy", "dtype"), b"]\x85R"),
    "dtype with fields": raw(
        named("numpy", "dtype"), text("f4"), b"\x85R", b"(K\3", text("<"), b"NN}J\x99\0\0\0K\1K\0tb"
    ),
    "array of objects": pickle.dumps(book() | {"word_vecs": np.array([[Calls(trap, 1)]], object)}),
    "a set": pickle.dumps({1, 2}),
    "a frozenset as key": pickle.dumps({frozenset(): 1}),
    "a float as key": pickle.dumps({1.5: 1}),
    "a function": pickle.dumps(trap),
    "a class": pickle.dumps(Calls),
    "an error": pickle.dumps(ValueError("x")),
    "a Fraction": pickle.dumps(__import__("fractions").Fraction(1, 2)),
    "an OrderedDict": pickle.dumps(__import__("collections").OrderedDict(a=1)),
    "out-of-band buffer": raw(b"\x97"),
}


@pytest.mark.parametrize("data", MALICIOUS.values(), ids=MALICIOUS.keys())
def test_nothing_is_ever_called(tmp_path, monkeypatch, data):
    LOG.clear()
    (tmp_path / "book.pkl").write_bytes(data)
    monkeypatch.setattr(builtins, "eval", trap)
    monkeypatch.setattr(builtins, "exec", trap)
    monkeypatch.setattr(os, "system", trap)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VectorFileError) as caught:
        convert_book_pickle(tmp_path / "book.pkl")
    assert caught.value.kind in ("unsafe-pickle", "damaged-pickle")
    assert "pickle.load" in str(caught.value)
    assert not LOG
    assert os.listdir(tmp_path) == ["book.pkl"]


def test_the_traps_would_snap_with_pickle_load():
    """So the test above proves something."""
    LOG.clear()
    pickle.loads(MALICIOUS["a call inside the book's dict"])
    assert LOG == [(1,)]


# -- files that want to use up memory or time


def bomb(kind):
    if kind == "same bytes again and again":
        parts = text("x" * 100_000) + b"q\2" + text("latin1") + b"q\3"
        once = named("_codecs", "encode") + b"q\1" + parts + b"\x86R"
        return raw(b"]", once, b"ah\1h\2h\3\x86Ra" * 50_000)
    if kind == "lists of lists":  # 2^60 elements if one printed it
        return raw(b"]q\0", b"".join(b"]h\0ah\0aq\0" for _ in range(60)))
    if kind == "lists of lists as a name":
        lists = b"".join(b"]h\0ah\0aq\0" for _ in range(60))
        return raw(b"]q\0", lists, b"h\0\x93")
    if kind == "lists of lists as a shape":
        lists = b"".join(b"]h\0ah\0aq\0" for _ in range(60))
        array = named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray")
        return raw(b"]q\0", lists, array, b"K\0\x85K\0\x87R(K\1h\0K\2K\3K\4tb")
    if kind == "deep tuples":
        return raw(b")", b"\x85" * 100_000)
    if kind == "deep tuples as a dtype":
        return raw(named("numpy", "dtype"), b")", b"\x85" * 100_000, b"R")
    if kind == "a list in itself":
        return raw(b"]q\0h\0a")
    if kind == "a huge array":
        array = named("numpy.core.multiarray", "_reconstruct") + named("numpy", "ndarray")
        dtype = named("numpy", "dtype") + text("f4") + b"\x85R"
        return raw(array, b"K\0\x85K\0\x87R(K\1J\0\0\0\x7f\x85", dtype, b"\x89U\0tb")
    if kind == "a length of 4 GB":
        return raw(b"X\xff\xff\xff\xff")
    return raw(b"\x8b\xff\xff\xff\x7f")  # a number of 2 GB


@pytest.mark.parametrize(
    "kind",
    [
        "same bytes again and again",
        "lists of lists",
        "lists of lists as a name",
        "lists of lists as a shape",
        "deep tuples",
        "deep tuples as a dtype",
        "a list in itself",
        "a huge array",
        "a length of 4 GB",
        "a number of 2 GB",
    ],
)
def test_bombs(tmp_path, kind):
    (tmp_path / "book.pkl").write_bytes(bomb(kind))
    tracemalloc.start()
    try:
        with pytest.raises(VectorFileError) as caught:
            convert_book_pickle(tmp_path / "book.pkl")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 120_000_000
    assert len(str(caught.value)) < 2000


# -- files that are damaged, or not the book's


def test_every_truncation_and_every_byte_behind(tmp_path):
    data = pickle.dumps(book(), 4)
    for length in range(1, len(data)):
        with pytest.raises(VectorFileError):
            convert(tmp_path, data[:length])
    with pytest.raises(VectorFileError, match="behind its end"):
        convert(tmp_path, data + b"x")
    with pytest.raises(VectorFileError, match="empty"):
        convert(tmp_path, b"")
    with pytest.raises(VectorFileError):
        convert(tmp_path, b"hello world\n")


def without(key):
    return {k: v for k, v in book().items() if k != key}


@pytest.mark.parametrize(
    "content, message",
    [
        ([1, 2], "list"),
        (3, "int"),
        (without("word_vecs"), "word_to_id"),
        (without("id_to_word"), "word_vecs"),
        (book() | {"word_vecs": np.ones((2, 3))}, "6 words and 2 rows"),
        (book() | {"word_vecs": np.ones((6, 3), int)}, "floating-point"),
        (book() | {"word_vecs": np.full((6, 3), np.nan)}, "NaN"),
        (book() | {"word_vecs": "no"}, "floating-point"),
        (book() | {"word_vecs": {}}, "floating-point"),
        (book() | {"word_to_id": {}}, "not two equal tables"),
        (book() | {"word_to_id": []}, "not two equal tables"),
        (book() | {"id_to_word": dict(enumerate(WORDS[::-1]))}, "disagree about id 0"),
        (book() | {"id_to_word": dict(enumerate(WORDS, 1))}, "disagree about id 0"),
        (book() | {"id_to_word": dict.fromkeys(range(6), 1)}, "disagree about id 0"),
    ],
)
def test_something_other_than_the_books(tmp_path, content, message):
    with pytest.raises(VectorFileError, match=message) as caught:
        convert(tmp_path, pickle.dumps(content))
    assert caught.value.kind == "wrong-content"


@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=3)), max_size=4),
)
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_files_never_do_more_than_raise_our_error(tmp_path, protocol, edits):
    data = bytearray(pickle.dumps(book(), protocol))
    for place, piece in edits:
        place %= len(data)
        data[place : place + len(piece)] = piece
    try:
        v = convert(tmp_path, bytes(data))
    except VectorFileError:
        return
    assert len(v) == len(WORDS)


def test_the_module_does_not_use_pickle():
    """Only pickletools, which takes pickles apart and never runs them."""
    import w2vlib.book_pickle as module

    values = vars(module).values()
    assert pickle not in values
    assert not any(isinstance(x, type) and issubclass(x, pickle.Unpickler) for x in values)
