"""Archives of arrays: exact, readable by others, and no changed byte goes unnoticed."""

import io
import json
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from w2vlib import array_files, files
from w2vlib.array_files import _Member, _npy_header, _zip_end, load_arrays, save_arrays
from w2vlib.vector_files import VectorFileError, read_vectors, write_vectors

SUFFIXES = (".npz", ".safetensors")
TYPES = "f2 f4 f8 i1 i2 i4 i8 u1 u2 u4 u8 bool".split()


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)


def same(found, expected):
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert found[name].shape == array.shape
        assert found[name].dtype == array.dtype.newbyteorder("=")
        assert found[name].flags.writeable
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_round_trip_of_every_type_and_shape(tmp_path, suffix):
    arrays = {f"a_{i}.{t}": np.arange(6).astype(t).reshape(2, 3) for i, t in enumerate(TYPES)}
    base = np.arange(24.0).reshape(4, 6)
    arrays |= {
        "number": np.array(7.5),
        "empty": np.zeros((0, 5), np.float32),
        "deep": np.ones((1, 2, 1, 3), np.int8),
        "fortran": np.asfortranarray(base),
        "strided": base[::2, ::-2],
        "big-endian": base.astype(">f4"),
        "nan": np.array([np.nan, np.inf, -0.0]),
    }
    metadata = {"step": "12", "Text": 'é"\\ \n \u2028'}
    save_arrays(tmp_path / f"a{suffix}", arrays, metadata)
    found, notes = load_arrays(tmp_path / f"a{suffix}")
    same(found, arrays)
    assert notes == metadata
    save_arrays(tmp_path / "again", found, notes, format=suffix[1:])
    assert (tmp_path / "again").read_bytes() == (tmp_path / f"a{suffix}").read_bytes()


@given(
    st.dictionaries(
        st.from_regex(r"[a-z0-9_][a-zA-Z0-9_.-]{0,8}", fullmatch=True).filter(
            lambda name: name != "metadata.json"
        ),
        st.sampled_from([np.float32, np.int64, np.uint8, np.bool_]).flatmap(
            lambda t: hnp.arrays(t, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0))
        ),
        max_size=4,
    ),
    st.dictionaries(st.text(), st.text(), max_size=3),
    st.sampled_from(SUFFIXES),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_anything_comes_back(tmp_path, arrays, metadata, suffix):
    metadata.pop("crc32", None)
    save_arrays(tmp_path / f"a{suffix}", arrays, metadata)
    found, notes = load_arrays(tmp_path / f"a{suffix}")
    same(found, arrays)
    assert notes == metadata


def test_numpy_and_zip_programs_read_our_npz(tmp_path):
    arrays = {"x": np.arange(5.0), "y": np.ones((2, 2), np.float16)}
    save_arrays(tmp_path / "a.npz", arrays, {"k": "v"})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("metadata.json")) == {"k": "v"}


def test_the_npy_header_is_numpys_own():
    for shape in [(), (3,), (3, 4), (10**9, 300), (1,) * 32]:
        for t in ("<f4", "|u1", "<i8"):
            file = io.BytesIO()
            header = {"descr": t, "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            found, order, dtype = _parsed(_npy_header(t, shape))
            assert (found, order, dtype) == (shape, False, np.dtype(t))
            # NumPy leaves room for a first side that grows; otherwise the bytes are the same.
            assert file.getvalue().split() == _npy_header(t, shape).split() or len(shape) > 9


def _parsed(header):
    file = io.BytesIO(header)
    np.lib.format.read_magic(file)
    assert len(header) % 64 == 0
    return np.lib.format.read_array_header_1_0(file)


def test_the_safetensors_library_reads_ours(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    arrays = {"x": np.arange(5, dtype=np.float32), "odd": np.ones(3, np.uint8), "n": np.array(3)}
    save_arrays(tmp_path / "a.safetensors", arrays, {"k": "v"})
    same(safetensors.load_file(tmp_path / "a.safetensors"), arrays)


def test_safetensors_by_hand(tmp_path):
    """The layout, read with nothing but struct and json."""
    save_arrays(tmp_path / "a.safetensors", {"x": np.array([[1, -1]], np.float32)}, {"k": "v"})
    data = (tmp_path / "a.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    assert header["x"] == {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}
    assert header["__metadata__"]["k"] == "v"
    assert struct.unpack("<2f", data[8 + length :]) == (1, -1)
    assert (8 + length) % 8 == 0


# -- files that are not sound


def npz(*members, cut_directory=False):
    """An archive with sound checksums around whatever is in it."""
    data, done = b"", []
    for name, payload in members:
        member = _Member(name, len(payload), zlib.crc32(payload), len(data))
        done.append(member)
        data += member.local_header + payload
    return data + _zip_end(done, len(data))


META = ("metadata.json", b"{}")


def npy(dtype="<f4", shape="(1, 2)", data=bytes(8), order="False"):
    text = f"{{'descr': '{dtype}', 'fortran_order': {order}, 'shape': {shape}, }}"
    body = (text + " " * (-(11 + len(text)) % 64) + "\n").encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body + data


def foreign(save=np.savez, **arrays):
    file = io.BytesIO()
    save(file, **(arrays or {"x": np.arange(3)}))
    return file.getvalue()


def tensors(header, data=b"", length=None):
    text = (
        header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    )
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(dtype="F32", shape=(1, 2), offsets=(0, 8), metadata=None, name="x"):
    notes = {"crc32": ""} if metadata is None else metadata
    return {
        "__metadata__": notes,
        name: {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)},
    }


GOOD = npz(META, ("x.npy", npy()))
BROKEN = [
    ("cut", ".npz", GOOD[:-1], "truncated"),
    ("byte behind", ".npz", GOOD + b"\0", "trailing-bytes"),
    ("byte before", ".npz", b"\0" + GOOD, "wrong-structure"),
    ("two archives", ".npz", GOOD + GOOD, "trailing-bytes"),
    ("empty archive", ".npz", npz(), "wrong-structure"),
    ("no metadata", ".npz", npz(("x.npy", npy())), "wrong-structure"),
    ("metadata last", ".npz", npz(("x.npy", npy()), META), "wrong-structure"),
    ("same name twice", ".npz", npz(META, ("x.npy", npy()), ("x.npy", npy())), "duplicate-name"),
    ("numpy's own", ".npz", foreign(), "wrong-structure"),
    ("numpy's compressed", ".npz", foreign(np.savez_compressed), "wrong-structure"),
    ("pickled objects", ".npz", npz(META, ("x.npy", npy("|O", "(1,)"))), "wrong-structure"),
    ("pickled by numpy", ".npz", foreign(x=np.array([{}], object)), "wrong-structure"),
    ("compound type", ".npz", npz(META, ("x.npy", npy("<V8", "(1,)"))), "wrong-structure"),
    ("texts", ".npz", npz(META, ("x.npy", npy("<U1", "(2,)"))), "wrong-structure"),
    ("big-endian", ".npz", npz(META, ("x.npy", npy(">f4"))), "wrong-structure"),
    ("Fortran order", ".npz", npz(META, ("x.npy", npy(order="True"))), "wrong-structure"),
    ("negative shape", ".npz", npz(META, ("x.npy", npy(shape="(-1, 2)"))), "wrong-structure"),
    ("shape with code", ".npz", npz(META, ("x.npy", npy(shape="(f(), )"))), "wrong-structure"),
    ("shape too small", ".npz", npz(META, ("x.npy", npy(shape="(1, 1)"))), "wrong-size"),
    ("shape too large", ".npz", npz(META, ("x.npy", npy(shape="(9, 2)"))), "wrong-size"),
    ("10^15 numbers", ".npz", npz(META, ("x.npy", npy(shape=f"({10**15},)"))), "wrong-size"),
    ("0 x 10^17", ".npz", npz(META, ("x.npy", npy("|u1", f"(0, {10**17})", b""))), None),
    ("60 dimensions", ".npz", npz(META, ("x.npy", npy(shape="(1, )".replace("1", "1, " * 60)))),
     "wrong-structure"),
    ("bad truth value", ".npz", npz(META, ("x.npy", npy("|b1", "(2,)", b"\1\2"))), "bad-value"),
    ("empty member", ".npz", npz(META, ("x.npy", b"")), "truncated"),
    ("header only", ".npz", npz(META, ("x.npy", npy()[:30])), "truncated"),
    ("member of another kind", ".npz", npz(META, ("x.txt", b"hello")), "wrong-structure"),
    ("path as name", ".npz", npz(META, ("../x.npy", npy())), "wrong-structure"),
    ("metadata no JSON", ".npz", npz(("metadata.json", b"{")), "wrong-structure"),
    ("metadata a list", ".npz", npz(("metadata.json", b"[]")), "wrong-structure"),
    ("metadata of numbers", ".npz", npz(("metadata.json", b'{"a":1}')), "wrong-structure"),
    ("metadata with blanks", ".npz", npz(("metadata.json", b"{ }")), "wrong-structure"),
    ("deep metadata", ".npz", npz(("metadata.json", b"[" * 10**5)), "wrong-structure"),
    ("wrong checksum", ".npz", GOOD.replace(b"\x93NUMPY" + npy()[6:], npy(data=b"12345678")),
     "wrong-checksum"),
    ("size beyond the file", ".npz", _Member("x.npy", 2**60, 0, 0).local_header + bytes(99),
     "truncated"),
    ("cut in the length", ".safetensors", b"\1\0\0", "truncated"),
    ("header beyond the file", ".safetensors", tensors(tensor(), length=9999), "truncated"),
    ("header of 2^63", ".safetensors", tensors(tensor(), length=2**63), "wrong-size"),
    ("no JSON", ".safetensors", tensors(b"{{{{"), "wrong-structure"),
    ("JSON not ASCII", ".safetensors", tensors("{\"é\":1}".encode()), "wrong-structure"),
    ("deep JSON", ".safetensors", tensors(b"[" * 10**5), "wrong-structure"),
    ("huge number", ".safetensors", tensors(b'{"x":' + b"9" * 5000 + b"}"), "wrong-structure"),
    ("a list", ".safetensors", tensors(b"[]"), "wrong-structure"),
    ("no metadata", ".safetensors", tensors({"x": {}}), "wrong-structure"),
    ("no checksum", ".safetensors", tensors(tensor(metadata={}), bytes(8)), "wrong-structure"),
    ("unknown type", ".safetensors", tensors(tensor("F4"), bytes(8)), "wrong-structure"),
    ("bfloat16", ".safetensors", tensors(tensor("BF16", (4,)), bytes(8)), "wrong-structure"),
    ("gap", ".safetensors", tensors(tensor(offsets=(1, 9)), bytes(9)), "wrong-structure"),
    ("overlap", ".safetensors", tensors(tensor(offsets=(0, 4)), bytes(8)), "wrong-structure"),
    ("negative side", ".safetensors", tensors(tensor(shape=(-1, -2)), bytes(8)), "wrong-structure"),
    ("side as text", ".safetensors", tensors(tensor(shape=("1", 2)), bytes(8)), "wrong-structure"),
    ("odd name", ".safetensors", tensors(tensor(name="../x"), bytes(8)), "wrong-structure"),
    ("numbers missing", ".safetensors", tensors(tensor(), bytes(7)), "truncated"),
    ("numbers too many", ".safetensors", tensors(tensor(), bytes(9)), "trailing-bytes"),
    ("wrong checksum", ".safetensors", tensors(tensor(), bytes(8)), "wrong-checksum"),
    ("blanks in JSON", ".safetensors", tensors(json.dumps(tensor()).encode(), bytes(8)),
     "wrong-structure"),
]  # fmt: skip


@pytest.mark.parametrize(
    "suffix, data, kind",
    [case[1:] for case in BROKEN],
    ids=[f"{case[1][1:]}: {case[0]}" for case in BROKEN],
)
def test_broken_archives_are_refused(tmp_path, suffix, data, kind):
    path = tmp_path / f"a{suffix}"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        if kind is None:  # odd, but sound
            load_arrays(path)
        else:
            with pytest.raises(VectorFileError) as caught:
                load_arrays(path)
            assert caught.value.kind == kind
            assert str(path) in str(caught.value)
            assert len(str(caught.value)) < len(str(path)) + 800
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


@pytest.mark.parametrize(
    "changes, kind",
    [
        ({"vectors": np.ones((3, 2), int)}, "wrong-shape"),
        ({"vectors": np.ones(3, np.float32)}, "wrong-shape"),
        ({"vectors": np.ones((2, 2), np.float32)}, "wrong-shape"),
        ({"vectors": np.ones((0, 2), np.float32)}, "wrong-shape"),
        ({"vectors": np.full((3, 2), np.nan, np.float32)}, "nan"),
        ({"vectors": None}, "wrong-content"),
        ({"extra": np.ones(3)}, "wrong-content"),
        ({"word_ends": np.array([1, 1, 3])}, "wrong-shape"),
        ({"word_ends": np.array([2, 1, 3])}, "wrong-shape"),
        ({"word_ends": np.array([0, 1, 3])}, "wrong-shape"),
        ({"word_ends": np.array([1, 2, 4])}, "wrong-shape"),
        ({"word_ends": np.array([1, 2])}, "wrong-shape"),
        ({"word_ends": np.array([1.0, 2, 3])}, "wrong-shape"),
        ({"word_bytes": np.frombuffer(b"a\xffc", np.uint8)}, "bad-utf8"),
        ({"word_bytes": np.frombuffer(b"aba", np.uint8)}, "duplicate-word"),
        ({"word_bytes": np.ones((3, 1), np.uint8)}, "wrong-shape"),
        ({"counts": np.array([1, 2])}, "wrong-shape"),
        ({"counts": np.array([1, 2, -3])}, "wrong-shape"),
        ({"counts": np.array([1.0, 2, 3])}, "wrong-shape"),
    ],
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_sound_archives_with_something_else_inside(tmp_path, suffix, changes, kind):
    path = tmp_path / f"v{suffix}"
    write_vectors(path, ["a", "b", "c"], np.ones((3, 2), np.float32), [3, 2, 1])
    arrays, metadata = load_arrays(path)
    arrays = {n: a for n, a in (arrays | changes).items() if a is not None}
    save_arrays(path, arrays, metadata)
    with pytest.raises(VectorFileError) as caught:
        read_vectors(path)
    assert caught.value.kind == kind


def test_an_archive_of_something_else(tmp_path):
    save_arrays(tmp_path / "a.npz", {"x": np.ones(3)}, {"content": "a checkpoint"})
    with pytest.raises(VectorFileError, match="a checkpoint"):
        read_vectors(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "name, arrays, metadata, error",
    [
        ("a.npz", {"a b": np.ones(1)}, None, ValueError),
        ("a.npz", {"../a": np.ones(1)}, None, ValueError),
        ("a.npz", {"": np.ones(1)}, None, ValueError),
        ("a.npz", {"metadata.json": np.ones(1)}, None, ValueError),
        ("a.npz", {3: np.ones(1)}, None, ValueError),
        ("a.npz", {"a": [1, 2]}, None, TypeError),
        ("a.npz", {"a": np.array(["text"])}, None, TypeError),
        ("a.npz", {"a": np.array([{}], object)}, None, TypeError),
        ("a.npz", {"a": np.ones(1, complex)}, None, TypeError),
        ("a.npz", {"a": np.ones((1,) * 33)}, None, ValueError),
        ("a.npz", {"a": np.ones(1)}, {"k": 1}, TypeError),
        ("a.safetensors", {"a": np.ones(1)}, {"crc32": "1"}, ValueError),
        ("a.txt", {"a": np.ones(1)}, None, VectorFileError),
        ("a", {"a": np.ones(1)}, None, VectorFileError),
        (7, {"a": np.ones(1)}, None, TypeError),
    ],
)
def test_wrong_arguments(tmp_path, name, arrays, metadata, error):
    path = tmp_path / name if isinstance(name, str) else name
    with pytest.raises(error):
        save_arrays(path, arrays, metadata)
    assert not any(tmp_path.iterdir())


def test_a_file_that_shrinks_while_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    save_arrays(path, {"x": np.ones(1000)})
    monkeypatch.setattr(files.Source, "read", lambda self: b"")
    with pytest.raises(VectorFileError, match="shrank"):
        load_arrays(path)


def test_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr(array_files, "_MAX_MEMBERS", 3)
    save_arrays(tmp_path / "a.npz", {f"x{i}": np.ones(1) for i in range(3)})
    with pytest.raises(VectorFileError):
        load_arrays(tmp_path / "a.npz")
