"""Reading text files: UTF-8, also compressed, in blocks, so that a file may be of any size."""

from __future__ import annotations

import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NoReturn

ARCHIVE_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)
"""What reading a damaged compressed file raises."""
_BLOCK_BYTES = 1 << 16


def text_blocks(path: Path) -> Iterator[str]:
    """The text of a UTF-8 file in blocks, line ends as ``"\\n"``, without a byte-order mark."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    offset, begun = 0, False
    with _open_bytes(path) as file:
        while True:
            try:
                data = file.read(_BLOCK_BYTES)
            except ARCHIVE_ERRORS as error:
                raise ValueError(
                    f"the compressed file is damaged or cut off ({error}). Get it again."
                ) from error
            waiting = len(decoder.getstate()[0])  # bytes of a letter that the last block cut
            try:
                text = newlines.decode(data, final=not data)
            except UnicodeDecodeError as error:
                _raise_not_utf8(offset - waiting + error.start, error)
            yield text if begun else text.removeprefix("\ufeff")
            begun = begun or bool(text)
            offset += len(data)
            if not data:
                return


def _raise_not_utf8(offset: int, error: UnicodeDecodeError) -> NoReturn:
    byte = error.object[error.start]
    remedy = "Save it as UTF-8, or convert it: iconv -f ENCODING -t UTF-8 FILE > NEWFILE."
    if offset == 0 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff"):
        remedy = f"It looks like UTF-16. {remedy}"
    elif b"\0" in error.object:
        remedy = "There are zero bytes in it, too: it may be a file of vectors, or no text at all."
    raise ValueError(
        f"it is not UTF-8 text: byte 0x{byte:02x} at offset {offset:,} ({error.reason}). {remedy}"
    ) from None


def _open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if it is compressed (its first bytes tell, not its name)."""
    try:
        file = open(path, "rb")
    except PermissionError as error:
        raise PermissionError(
            f"{path} may not be read by this user. Change its permissions (chmod u+r), or copy it."
        ) from error
    if not file.seekable():  # a pipe: what is read of it, to look at, is gone
        return file
    with file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")
    if start == b"\xfd7zXZ\x00":
        return lzma.open(path, "rb")
    if start.startswith(b"PK\x03\x04"):
        return _open_zip(path)
    if path.suffix in (".gz", ".xz", ".zip"):
        raise ValueError(f"its name ends in {path.suffix}, but it is no such file. Get it again.")
    return open(path, "rb")


def _open_zip(path: Path) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile as error:
        raise ValueError(f"the zip file is damaged or cut off ({error}). Get it again.") from error
    if len(names) != 1:
        raise ValueError(f"the zip file must hold one file, it holds {len(names)}. Unpack it.")
    try:
        return archive.open(names[0])
    except (RuntimeError, NotImplementedError) as error:  # a password, an unknown method
        raise ValueError(f"the zip file cannot be unpacked ({error}). Unpack it first.") from error
