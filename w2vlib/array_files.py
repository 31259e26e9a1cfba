"""Named arrays in one file, without pickle: ``.npz`` (NumPy reads it) and ``.safetensors``.

Both are written in one canonical way.  The readers rebuild every structural byte from what they
found and compare, and a CRC-32 guards the rest, so *no* changed byte goes unnoticed: a file is
exactly as it was written, or it is refused.  NumPy's ``np.load`` and the safetensors library read
these files; files that those programs wrote may look different, and are refused.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from w2vlib.files import (
    AGAIN,
    VectorFileError,
    as_path,
    atomic_write,
    clear_errors,
    open_source,
)

_METADATA = "metadata.json"
# All array types that may occur, by NumPy's (little-endian) and safetensors' names.
_DTYPES = {
    "<f8": "F64",
    "<i8": "I64",
    "<u8": "U64",
    "<f4": "F32",
    "<i4": "I32",
    "<u4": "U32",
    "<f2": "F16",
    "<i2": "I16",
    "<u2": "U16",
    "|i1": "I8",
    "|u1": "U8",
    "|b1": "BOOL",
}
_DTYPE_OF = {name: dtype for dtype, name in _DTYPES.items()}
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,99}")
_MAX_MEMBERS = 10_000
_MAX_HEADER = 1 << 24
_FOREIGN = (
    "If another program wrote it, read it with that program (np.load(…, allow_pickle=False) for "
    ".npz) and save it here again; otherwise it is damaged: save or download it again"
)


def save_arrays(
    path: str | os.PathLike,
    arrays: Mapping[str, np.ndarray],
    metadata: Mapping[str, str] | None = None,
    *,
    format: str | None = None,
) -> None:
    """Write named arrays atomically; the suffix ``.npz`` or ``.safetensors`` chooses the format.

    Args:
        path: the file; replaced as a whole if it exists.
        arrays: name (letters, digits, ``_ . -``) → array of real numbers or bools, any shape.
        metadata: texts to keep with them, for example a version.
        format: ``"npz"`` or ``"safetensors"``, where the suffix does not tell.

    Raises:
        TypeError: something that is not such an array, or not a text.
        ValueError: a name that is not allowed.
        VectorFileError: the suffix is neither, or the system refuses.
    """
    path = as_path(path)
    arrays = {name: _storable(name, array) for name, array in arrays.items()}
    metadata = dict(metadata or {})
    if not all(isinstance(t, str) for pair in metadata.items() for t in pair):
        raise TypeError(f"metadata must map str to str, got {metadata!r}.")
    if "crc32" in metadata:
        raise ValueError("metadata may not hold 'crc32': the file's own checksum has that name.")
    write = {"npz": _write_npz, "safetensors": _write_safetensors}[_format_of(path, format)]
    with clear_errors(path), atomic_write(path) as file:
        write(file, arrays, metadata)


def load_arrays(
    path: str | os.PathLike, *, format: str | None = None, progress: bool | None = None
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Read what :func:`save_arrays` wrote, checking every byte.

    Memory is asked for only after the sizes in the file agree with the size of the file.

    Args:
        path: an ``.npz`` or ``.safetensors`` file.
        format: which of both, where the suffix does not tell.
        progress: show a bar; by default for files of 64 MB and more.

    Returns:
        (arrays by name, metadata).

    Raises:
        VectorFileError: anything is not as it was written; the message says what and where.
    """
    path = as_path(path)
    read = {"npz": _read_npz, "safetensors": _read_safetensors}[_format_of(path, format)]
    with open_source(path, "", progress) as source:
        reader = _Reader(source)
        result = read(reader)
        reader.finish()
    return result


def _format_of(path: Path, format: str | None) -> str:
    name = path.suffix.lower()[1:] if format is None else format
    if name in ("npz", "safetensors"):
        return name
    raise VectorFileError(
        path,
        "unknown-format",
        f"{name!r} is no format for arrays",
        expected="npz or safetensors",
        remedy="Rename the file, or give format=…",
    )


def _storable(name: str, array) -> np.ndarray:
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name == _METADATA:
        raise ValueError(
            f"{name!r} cannot name an array: use letters, digits, '_', '.', '-' (at most 100)."
        )
    if not isinstance(array, np.ndarray) or _canonical(array.dtype) not in _DTYPES:
        got = getattr(array, "dtype", type(array).__name__)
        raise TypeError(f"{name} must be a NumPy array of real numbers or bools, got {got}.")
    if array.ndim > 32:
        raise ValueError(f"{name} has {array.ndim} dimensions; at most 32 can be stored.")
    return np.asarray(array, dtype=_canonical(array.dtype), order="C")


def _canonical(dtype: np.dtype) -> str:
    """The dtype's name in little-endian form, which is what lies on the disk."""
    return dtype.newbyteorder("<").str


def _bytes_of(array: np.ndarray) -> memoryview:
    return memoryview(array.reshape(-1).view(np.uint8))


# ----------------------------------------------------------------------------------- strict reading


class _Reader:
    """Reads a source byte by byte in order, and knows how many bytes must be left."""

    def __init__(self, source) -> None:
        self.path: Path = source.path
        self.left: int = source.size
        self.position = 0
        self.crc = 0  # of what was read since it was last set to 0
        self._source = source
        self._buffer = memoryview(b"")

    def fail(self, kind: str, problem: str, *, expected: str = "", remedy: str = AGAIN):
        return VectorFileError(
            self.path, kind, problem, byte=self.position, expected=expected, remedy=remedy
        )

    def need(self, count: int, what: str) -> None:
        """Make sure that so many bytes are there, before anything is allocated for them."""
        if count > self.left:
            raise self.fail(
                "truncated",
                f"{self.left} bytes are left where {what} needs {count}",
                expected=f"at least {count} bytes",
            )

    def read(self, count: int, what: str) -> bytes:
        self.need(count, what)
        result = bytearray(count)
        self.read_into(memoryview(result), what)
        return bytes(result)

    def read_into(self, target: memoryview, what: str) -> None:
        self.need(len(target), what)
        done = 0
        while done < len(target):
            if not self._buffer:
                self._buffer = memoryview(self._source.read())
                if not self._buffer:
                    raise self.fail("truncated", f"The file shrank while {what} was read")
            piece = self._buffer[: len(target) - done]
            target[done : done + len(piece)] = piece
            self.crc = zlib.crc32(piece, self.crc)
            self._buffer = self._buffer[len(piece) :]
            done += len(piece)
            self.position += len(piece)
            self.left -= len(piece)

    def expect(self, wanted: bytes, what: str) -> None:
        """The next bytes must be exactly these."""
        start = self.position
        found = self.read(len(wanted), what)
        if found != wanted:
            offset = next(i for i, (x, y) in enumerate(zip(found, wanted, strict=True)) if x != y)
            self.position = start + offset
            raise self.fail(
                "wrong-structure",
                f"{what.capitalize()} is not as w2vlib writes it",
                expected=f"{wanted[offset : offset + 16]!r}, got {found[offset : offset + 16]!r}",
                remedy=_FOREIGN,
            )

    def array(self, dtype: str, shape: tuple[int, ...], what: str) -> np.ndarray:
        size = math.prod(shape) * np.dtype(dtype).itemsize
        self.need(size, what)
        try:
            array = np.empty(shape, dtype)
        except (ValueError, MemoryError) as error:
            raise self.fail(
                "too-large", f"{what} of shape {shape} does not fit into memory ({error})"
            ) from error
        self.read_into(_bytes_of(array), what)
        if dtype == "|b1" and _bytes_of(array) and max(np.unique(array.view(np.uint8))) > 1:
            raise self.fail("bad-value", f"{what} holds a truth value that is neither 0 nor 1")
        return array.astype(np.dtype(dtype).newbyteorder("="), copy=False)

    def finish(self) -> None:
        if self.left:
            raise self.fail("trailing-bytes", f"{self.left} bytes follow behind the last array")


# --------------------------------------------------------------------------------------------- npz
#
# A zip archive of uncompressed members, "name.npy" and "metadata.json". All headers are of the
# 64-bit kind whatever the size, which keeps one fixed form.


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    crc: int
    offset: int

    @property
    def local_header(self) -> bytes:
        extra = struct.pack("<HHQQ", 1, 16, self.size, self.size)
        name = self.name.encode("ascii")
        fixed = struct.pack(
            "<4s5H3L2H",
            b"PK\3\4",
            *(45, 0, 0, 0, 0x21),  # version 4.5, no flags, stored, 1980-01-01 00:00
            *(self.crc, 0xFFFFFFFF, 0xFFFFFFFF),  # both sizes stand in `extra`
            *(len(name), len(extra)),
        )
        return fixed + name + extra

    @property
    def central_header(self) -> bytes:
        extra = struct.pack("<HHQQQ", 1, 24, self.size, self.size, self.offset)
        name = self.name.encode("ascii")
        fixed = struct.pack(
            "<4s6H3L5H2L",
            b"PK\1\2",
            *(3 << 8 | 45, 45, 0, 0, 0, 0x21),  # made on Unix
            *(self.crc, 0xFFFFFFFF, 0xFFFFFFFF),
            *(len(name), len(extra), 0, 0, 0),
            *(0o600 << 16, 0xFFFFFFFF),
        )
        return fixed + name + extra


def _zip_end(members: list[_Member], start: int) -> bytes:
    """Everything behind the members' data: the central directory and its three closing records."""
    directory = b"".join(m.central_header for m in members)
    count, end = len(members), start + len(directory)
    end64 = struct.pack(
        "<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, len(directory), start
    )
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, end, 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return directory + end64 + locator + last


def _npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """NumPy's own header (version 1.0): 10 bytes, a dict as text, blanks up to a multiple of 64."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape!r}, }}"
    padding = -(10 + len(text) + 1) % 64
    body = (text + " " * padding + "\n").encode("ascii")
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body


def _write_npz(file: BinaryIO, arrays: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    parts = {_METADATA: [_json(metadata)]}
    for name, array in arrays.items():
        header = _npy_header(array.dtype.str, array.shape)
        parts[f"{name}.npy"] = [header, _bytes_of(array)]
    members, offset = [], 0
    for name, pieces in parts.items():
        crc = 0
        for piece in pieces:
            crc = zlib.crc32(piece, crc)
        member = _Member(name, sum(len(piece) for piece in pieces), crc, offset)
        members.append(member)
        file.write(member.local_header)
        for piece in pieces:
            file.write(piece)
        offset += len(member.local_header) + member.size
    file.write(_zip_end(members, offset))


_LOCAL = struct.Struct("<4s5H3L2H")


def _read_npz(reader: _Reader) -> tuple[dict, dict]:
    members: list[_Member] = []
    arrays: dict[str, np.ndarray] = {}
    metadata: dict[str, str] = {}
    while True:
        start = reader.position
        signature = reader.read(4, "a zip record")
        if signature != b"PK\3\4":
            break
        member = _read_local_header(reader, start)
        if any(m.name == member.name for m in members) or len(members) >= _MAX_MEMBERS:
            raise reader.fail("duplicate-name", f"A second member {member.name!r}, or too many")
        members.append(member)
        left = reader.left
        reader.need(member.size, member.name)
        reader.crc = 0
        if member.name == _METADATA:
            metadata = _metadata(reader, reader.read(member.size, member.name))
        else:
            arrays[member.name.removesuffix(".npy")] = _read_npy(reader, member)
        if left - reader.left != member.size:
            raise reader.fail("wrong-size", f"{member.name} is not as long as its header says")
        if reader.crc != member.crc:
            raise reader.fail("wrong-checksum", f"The CRC-32 of {member.name} is wrong")
    wanted = _zip_end(members, start)
    if not members or members[0].name != _METADATA or signature != wanted[:4]:
        reader.position = start
        raise reader.fail("wrong-structure", "This is no .npz file of w2vlib", remedy=_FOREIGN)
    reader.expect(wanted[4:], "the zip directory")
    return arrays, metadata


def _read_local_header(reader: _Reader, start: int) -> _Member:
    fixed = b"PK\3\4" + reader.read(_LOCAL.size - 4, "a zip header")
    fields = _LOCAL.unpack(fixed)
    crc, name_length, extra_length = fields[6], fields[9], fields[10]
    rest = reader.read(name_length + extra_length, "a zip header")
    raw_name, extra = rest[:name_length], rest[name_length:]
    size = struct.unpack("<HHQQ", extra)[2] if len(extra) == 20 else 0
    name = raw_name.decode("ascii", errors="replace")
    bare = name.removesuffix(".npy")
    good_name = name == _METADATA or (bare != name and _NAME.fullmatch(bare))
    member = _Member(name, size, crc, start) if good_name else None
    if member is None or member.local_header != fixed + rest:
        raise reader.fail(
            "wrong-structure",
            f"The zip header of {name!r} is not as w2vlib writes it",
            remedy=_FOREIGN,
        )
    return member


def _read_npy(reader: _Reader, member: _Member) -> np.ndarray:
    if member.size < 10:
        raise reader.fail("truncated", f"{member.name} is too short for an array")
    head = reader.read(10, member.name)
    length = struct.unpack("<H", head[8:])[0]
    if length > member.size - 10:
        raise reader.fail("truncated", f"{member.name} ends inside its header")
    head += reader.read(length, member.name)
    dtype, shape = _parse_npy_header(head)
    if dtype not in _DTYPES or _npy_header(dtype, shape) != head:
        raise reader.fail(
            "wrong-structure",
            f"{member.name} does not start with an array header as w2vlib writes it",
            expected="a C-ordered array of " + ", ".join(_DTYPES),
            remedy=_FOREIGN,
        )
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size != member.size - len(head):
        raise reader.fail(
            "wrong-size",
            f"{member.name} announces shape {shape}, but holds {member.size - len(head)} bytes",
            expected=f"{size} bytes",
        )
    return reader.array(dtype, shape, member.name)


_NPY = re.compile(
    rb"\{'descr': '([<|][a-z][1-8])', 'fortran_order': False, 'shape': \(([0-9, ]*)\), \} *\n"
)


def _parse_npy_header(head: bytes) -> tuple[str, tuple[int, ...]]:
    found = _NPY.fullmatch(head[10:])
    if not found:
        return "", ()
    sides = [side for side in found[2].replace(b" ", b"").split(b",") if side]
    if len(sides) > 32 or any(len(side) > 18 for side in sides):
        return "", ()
    return found[1].decode("ascii"), tuple(int(side) for side in sides)


# ------------------------------------------------------------------------------------- safetensors


def _write_safetensors(
    file: BinaryIO, arrays: dict[str, np.ndarray], metadata: dict[str, str]
) -> None:
    # The format's own order: widest numbers first, so that every array starts at a multiple of its
    # item size, then by name.
    ordered = dict(sorted(arrays.items(), key=lambda item: (-item[1].itemsize, item[0])))
    layout = {name: (array.dtype.str, array.shape) for name, array in ordered.items()}
    crc = zlib.crc32(_tensor_header(layout, metadata, ""))
    for array in ordered.values():
        crc = zlib.crc32(_bytes_of(array), crc)
    header = _tensor_header(layout, metadata, f"{crc:08x}")
    file.write(struct.pack("<Q", len(header)))
    file.write(header)
    for array in ordered.values():
        file.write(_bytes_of(array))


def _tensor_header(layout: dict, metadata: dict[str, str], crc: str) -> bytes:
    header = {"__metadata__": {**metadata, "crc32": crc}}
    offset = 0
    for name, (dtype, shape) in layout.items():
        end = offset + math.prod(shape) * np.dtype(dtype).itemsize
        header[name] = {
            "dtype": _DTYPES[dtype],
            "shape": list(shape),
            "data_offsets": [offset, end],
        }
        offset = end
    text = _json(header)
    return text + b" " * (-len(text) % 8)


def _read_safetensors(reader: _Reader) -> tuple[dict, dict]:
    length = struct.unpack("<Q", reader.read(8, "the header's length"))[0]
    if length > _MAX_HEADER:
        raise reader.fail(
            "wrong-size", f"The header claims {length} bytes", expected=f"at most {_MAX_HEADER}"
        )
    head = reader.read(length, "the header")
    layout, metadata = _parse_tensor_header(reader, head)
    crc = metadata.pop("crc32", "")
    if _tensor_header(layout, metadata, crc) != head:
        raise reader.fail(
            "wrong-structure", "The header is not as w2vlib writes it", remedy=_FOREIGN
        )
    size = sum(math.prod(s) * np.dtype(d).itemsize for d, s in layout.values())
    if size != reader.left:
        raise reader.fail(
            "truncated" if size > reader.left else "trailing-bytes",
            f"{reader.left} bytes of numbers follow the header",
            expected=f"{size} bytes",
        )
    reader.crc = zlib.crc32(_tensor_header(layout, metadata, ""))
    arrays = {name: reader.array(dtype, shape, name) for name, (dtype, shape) in layout.items()}
    if f"{reader.crc:08x}" != crc:
        raise reader.fail("wrong-checksum", "The CRC-32 over header and numbers is wrong")
    return arrays, metadata


def _parse_tensor_header(reader: _Reader, head: bytes) -> tuple[dict, dict]:
    header = _parse_json(reader, head)
    layout = {}
    try:
        metadata = dict(header.pop("__metadata__"))
        for name, entry in header.items():
            shape = tuple(entry["shape"])
            whole = all(type(side) is int and 0 <= side < 1 << 60 for side in shape)
            if not (whole and len(shape) <= 32 and _NAME.fullmatch(name)):
                raise ValueError(name)
            layout[name] = (_DTYPE_OF[entry["dtype"]], shape)
        if not all(isinstance(t, str) for pair in metadata.items() for t in pair):
            raise ValueError("__metadata__")
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise reader.fail(
            "wrong-structure", f"The header does not describe arrays ({error!r})", remedy=_FOREIGN
        ) from error
    return layout, metadata


# --------------------------------------------------------------------------------------------- JSON


def _json(value) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _parse_json(reader: _Reader, data: bytes):
    try:
        return json.loads(data.decode("ascii"))
    except (ValueError, RecursionError) as error:
        raise reader.fail(
            "wrong-structure", f"The description is no sound JSON ({error})", remedy=_FOREIGN
        ) from error


def _metadata(reader: _Reader, data: bytes) -> dict[str, str]:
    metadata = _parse_json(reader, data)
    if not isinstance(metadata, dict) or not all(isinstance(t, str) for t in metadata.values()):
        raise reader.fail("wrong-structure", "metadata.json must map texts to texts")
    if _json(metadata) != data:
        raise reader.fail(
            "wrong-structure", "metadata.json is not as w2vlib writes it", remedy=_FOREIGN
        )
    return metadata
