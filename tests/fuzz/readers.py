"""The readers as targets for fuzzing: each takes the bytes of one file and judges what comes back.

Allowed is exactly this: a VectorFileError, or a result that an independent reading of the same
bytes confirms.  Anything else raises: another exception, a sound file refused, a changed file taken
for good.
"""

from __future__ import annotations

import gzip
import lzma
import os
import pickle
import tempfile
import zlib
from pathlib import Path

import numpy as np

from tests.meanings import binary_meaning, text_meaning
from w2vlib import array_files, book_pickle, vector_arrays, vector_files
from w2vlib.array_files import _json, _Member, _npy_header, _tensor_header, _zip_end
from w2vlib.files import VectorFileError

# A folder in memory where there is one: a million small files need not wear out a disk.
FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None))
BORDER = b"\xff|\xfe"


def put(name: str, data: bytes) -> Path:
    """A file with these bytes."""
    path = FOLDER / name
    path.write_bytes(data)
    return path


def confirm(found, expected) -> None:
    """``found`` must be what the independent reading says."""
    if expected is None:
        raise AssertionError("a file was accepted that the independent reading refuses")
    words, rows = expected
    if found.words != words or found.vectors.tobytes() != np.array(rows).tobytes():
        raise AssertionError("words or numbers differ from the independent reading")


def confirm_sound(words, vectors) -> None:
    """Whatever was changed: these are word vectors."""
    if not len(set(words)) == len(vectors) > 0 or not np.isfinite(vectors).all():
        raise AssertionError("no sound word vectors, and yet accepted")


def plain(format: str, meaning):
    """word2vec's text or binary format."""

    def run(data: bytes) -> None:
        expected = meaning(data)
        try:
            found = vector_files.read_vectors(put("v", data), format=format)
        except VectorFileError as error:
            if expected is not None and error.kind != "text-as-binary":
                raise AssertionError("a sound file was refused") from error
        else:
            confirm(found, expected)

    return run


def packed(packing: str, unpack):
    """Text, packed."""

    def run(data: bytes) -> None:
        try:
            found = vector_files.read_vectors(put(f"v.txt.{packing}", data))
        except VectorFileError:
            return
        confirm(found, text_meaning(unpack(data)))

    return run


def archive(suffix: str):
    """Canonical files: whatever is accepted must give the same bytes when it is saved again."""

    def run(data: bytes) -> None:
        path = put(f"v{suffix}", data)
        try:
            arrays, metadata = array_files.load_arrays(path)
        except VectorFileError:
            return
        array_files.save_arrays(FOLDER / f"again{suffix}", arrays, metadata)
        if (FOLDER / f"again{suffix}").read_bytes() != data:
            raise AssertionError("a file was accepted that is not as we write it")
        vectors_in(path)

    return run


def vectors_in(path: Path) -> None:
    """Read the arrays as word vectors, or not."""
    try:
        found = vector_files.read_vectors(path)
    except VectorFileError:
        return
    confirm_sound(found.words, found.vectors)


def forged_npz(data: bytes) -> None:
    """Sound zip headers and checksums around wild content, to get past the checksums."""
    names = ["metadata.json", "vectors.npy", "word_bytes.npy", "word_ends.npy", "counts.npy"]
    content, members = b"", []
    for name, payload in zip(names, data.split(BORDER), strict=False):
        member = _Member(name, len(payload), zlib.crc32(payload), len(content))
        members.append(member)
        content += member.local_header + payload
    archive(".npz")(content + _zip_end(members, len(content)))


def forged_safetensors(data: bytes) -> None:
    """A sound header and checksum around wild arrays that pretend to be word vectors.

    The first 16 bytes say type, number of sides and sides of four arrays; then comes the content.
    """
    types = list(array_files._DTYPES)
    layout, size = {}, 0
    for name, (kind, sides, *shape) in zip(
        ("vectors", "word_ends", "word_bytes", "counts"),
        np.frombuffer(data[:16].ljust(16, b"\0"), np.uint8).reshape(4, 4).tolist(),
        strict=True,
    ):
        if sides % 4 < 3:
            layout[name] = (types[kind % len(types)], tuple(shape[: sides % 4]))
            size += np.dtype(layout[name][0]).itemsize * int(np.prod(layout[name][1]))
    content = data[16 : 16 + size].ljust(size, b"\0")
    metadata = {"content": vector_arrays.CONTENT}
    crc = zlib.crc32(content, zlib.crc32(_tensor_header(layout, metadata, "")))
    header = _tensor_header(layout, metadata, f"{crc:08x}")
    vectors_in(put("v.safetensors", len(header).to_bytes(8, "little") + header + content))


def book(data: bytes) -> None:
    """The book's pickle."""
    try:
        found = book_pickle.convert_book_pickle(put("book.pkl", data))
    except VectorFileError:
        return
    confirm_sound(found.words, found.vectors)


READERS = {
    "text": plain("text", text_meaning),
    "binary": plain("binary", binary_meaning),
    "gz": packed("gz", gzip.decompress),
    "xz": packed("xz", lzma.decompress),
    "npz": archive(".npz"),
    "npz-forged": forged_npz,
    "safetensors": archive(".safetensors"),
    "safetensors-forged": forged_safetensors,
    "pickle": book,
}


# ----------------------------------------------------------------------------- inputs to start from

WORDS = ["the", "é", "q"]
ROWS = np.array([[1.5, -2], [0.25, 1e-7], [3, 4]], np.float32)


def seeds(reader: str) -> list[bytes]:
    """Good inputs, which fuzzing then changes."""
    if reader == "text":
        return [*_written(".txt"), b"2 2\nthe 1.5 -2 \n\xc3\xa9 +.25 1e-7 \n"]
    if reader == "binary":
        return [*_written(".bin"), *_written(".bin", layout="gensim")]
    if reader in ("gz", "xz"):
        return _written(f".txt.{reader}")
    if reader in ("npz", "safetensors"):
        return _written(f".{reader}")
    if reader == "npz-forged":
        arrays = {"<f4": ROWS, "|u1": np.frombuffer(b"abc", np.uint8), "<i8": np.array([1, 2, 3])}
        parts = [_npy_header(t, a.shape) + a.tobytes() for t, a in arrays.items()]
        return [BORDER.join([_json({"content": vector_arrays.CONTENT}), *parts, *parts[2:]])]
    if reader == "safetensors-forged":
        types = list(array_files._DTYPES)
        control = [types.index("<f8"), 2, 3, 1, types.index("<i8"), 1, 3, 0]
        control += [types.index("|u1"), 1, 3, 0, 0, 3, 0, 0]
        numbers = np.array([1.5, 2, 3]).tobytes() + np.array([1, 2, 3]).tobytes()
        return [bytes(control) + numbers + b"abc"]
    content = {"word_vecs": ROWS.astype(np.float16), "word_to_id": {"a": 0, "b": 1, "c": 2}}
    content["id_to_word"] = {0: "a", 1: "b", 2: "c"}
    return [pickle.dumps(content, protocol) for protocol in range(6)]


def _written(suffix: str, **options) -> list[bytes]:
    path, result = FOLDER / f"seed{suffix}", []
    for count in (1, 3):
        vector_files.write_vectors(path, WORDS[:count], ROWS[:count], **options)
        result.append(path.read_bytes())
    return result
