"""What all file readers and writers share: clear errors, atomic writing, strict unpacking.

A reader here believes nothing that a file says about itself: sizes are compared with the bytes that
are really there before memory is asked for, and every byte up to the end of the file is accounted
for.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import lzma
import os
import secrets
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 22  # bytes read at once
_SHOW_PROGRESS_FROM = 1 << 26  # a 64 MB file takes about a second
_XZ_MEMORY = 1 << 28  # `xz -9` needs a quarter of this; a file may not ask for gigabytes

AGAIN = "The file is damaged: save or download it again"


# ------------------------------------------------------------------------------------------ errors


class VectorFileError(ValueError):
    """A file that cannot be read or written as asked; the message says where, what and the remedy.

    Attributes:
        path: the file.
        kind: a short name of the fault, for example ``"truncated"``.
        line, byte: where, counted from 1 and from 0; ``None`` where it makes no sense.  In packed
            files they count in the unpacked content.
        expected: what should have been there.
        remedy: what can be done.
    """

    def __init__(
        self,
        path,
        kind: str,
        problem: str,
        *,
        line: int | None = None,
        byte: int | None = None,
        expected: str = "",
        remedy: str = AGAIN,
    ) -> None:
        where = os.fspath(path) if isinstance(path, (str, os.PathLike)) else repr(path)
        if line is not None:
            where += f", line {line}"
        if byte is not None:
            where += f", byte {byte}"
        sentences = [problem, f"Expected: {expected}" if expected else "", remedy]
        self.message = f"{where}: " + " ".join(f"{s.rstrip('.')}." for s in sentences if s)
        super().__init__(self.message)
        self.path, self.kind, self.line, self.byte = path, kind, line, byte
        self.problem, self.expected, self.remedy = problem, expected, remedy

    def __str__(self) -> str:
        return self.message

    def __reduce__(self):  # so that it survives the way back from a worker process
        places = {"line": self.line, "byte": self.byte}
        texts = {"expected": self.expected, "remedy": self.remedy}
        arguments = (type(self), self.path, self.kind, self.problem, {**places, **texts})
        return _rebuild_error, arguments


class VectorFileAccessError(OSError, VectorFileError):
    """The system refuses: no permission, a folder, a full disk; also an ``OSError``."""

    __init__ = VectorFileError.__init__
    __str__ = VectorFileError.__str__
    __reduce__ = VectorFileError.__reduce__


class VectorFileNotFoundError(FileNotFoundError, VectorFileAccessError):
    """There is no such file or folder; also a ``FileNotFoundError``."""

    __init__ = VectorFileError.__init__
    __str__ = VectorFileError.__str__
    __reduce__ = VectorFileError.__reduce__


def _rebuild_error(cls, path, kind, problem, options):
    return cls(path, kind, problem, **options)


# kind, problem and remedy for what the operating system may answer
_SYSTEM_ERRORS = {
    errno.ENOENT: ("not-found", "There is no such file or folder", "Check the name and the folder"),
    errno.ENOTDIR: ("not-found", "A part of this path is not a folder", "Check the path"),
    errno.EISDIR: ("folder", "This is a folder, not a file", "Give the name of a file in it"),
    errno.EACCES: ("no-permission", "Permission denied", "Change its permissions, or use a copy"),
    errno.EPERM: ("no-permission", "Not permitted", "Change its permissions, or use a copy"),
    errno.EROFS: ("no-permission", "The disk is read-only", "Choose another folder"),
    errno.EFBIG: (
        "disk-full",
        "The file is larger than allowed here",
        "Raise the limit (ulimit -f)",
    ),
    errno.ENOSPC: ("disk-full", "The disk is full", "Free some space; an old file is still whole"),
    errno.EDQUOT: ("disk-full", "Your quota is used up", "Free some space, then try again"),
    errno.ENAMETOOLONG: ("bad-name", "The name is too long", "Choose a shorter name"),
    errno.ELOOP: ("bad-name", "The links go round in a circle", "Give the real file's name"),
}


@contextlib.contextmanager
def clear_errors(path) -> Iterator[None]:
    """Turn whatever the system raises about ``path`` into a :class:`VectorFileAccessError`."""
    try:
        yield
    except VectorFileError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        unknown = ("system", f"The system says: {reason}", "Check the disk and the file")
        kind, problem, remedy = _SYSTEM_ERRORS.get(error.errno, unknown)
        cls = VectorFileNotFoundError if kind == "not-found" else VectorFileAccessError
        raise cls(path, kind, problem, remedy=remedy) from error


def as_path(path) -> Path:
    """``path`` as a ``Path``.

    Raises:
        TypeError: neither ``str`` nor ``os.PathLike``.
        VectorFileError: empty, or with a NUL character, which no system allows.
    """
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise TypeError(f"path must be a str or a Path, got {path!r} ({type(path).__name__}).")
    text = os.fspath(path)
    if not text or "\0" in text:
        raise VectorFileError(path, "bad-name", "This is no file name", remedy="Give a file's name")
    return Path(path)


# ------------------------------------------------------------------------------------------ writing


@contextlib.contextmanager
def atomic_write(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """Write a file so that nobody ever sees half of it: all of it appears, or nothing does.

    The bytes go into a temporary file in the same folder, are forced to the disk, and only then
    take the name ``path``.  After any error, or ``kill -9``, an older file of that name is intact.

    Args:
        path: where the file shall be.  A symbolic link stays a link; its target is replaced.

    Yields:
        A binary file open for writing.

    Raises:
        OSError: the system refuses; the temporary file is gone then.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    temporary = target.parent / f"{temporary_prefix(target)}{secrets.token_hex(8)}.tmp"
    # O_EXCL: never someone else's file. Mode 0o666 lets the user's umask decide, as open() does.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, 0o666)
    try:
        with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            os.chmod(temporary, stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    _sync_folder(target.parent)


def temporary_prefix(target: Path) -> str:
    """How the names of the temporary files for ``target`` begin."""
    return f".w2v-{target.name[:30]}-"


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def packed_write(path: Path, packing: str) -> Iterator[BinaryIO]:
    """Like :func:`atomic_write`, packed with ``"gz"`` or ``"xz"``; ``""`` packs nothing.

    The same content always gives the same bytes: no name and no time is stored.
    """
    with atomic_write(path) as file:
        if packing == "gz":
            with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
                yield packed
        elif packing == "xz":
            with lzma.LZMAFile(file, "wb", check=lzma.CHECK_CRC64) as packed:
                yield packed
        else:
            yield file


# ------------------------------------------------------------------------------------------ reading


@contextlib.contextmanager
def open_regular(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """Open an existing ordinary file; yields it and its size in bytes.

    Raises:
        VectorFileAccessError: missing, no permission, a folder, a pipe or a device.
    """
    with clear_errors(path):
        # Look first: opening a pipe would wait for ever.
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise VectorFileAccessError(
                path,
                "not-a-file",
                "This is not an ordinary file",
                remedy="Copy its content into a file first",
            )
        with open(path, "rb") as file:
            yield file, os.fstat(file.fileno()).st_size


class Source:
    """The (unpacked) bytes of a file, piece by piece, with a progress bar for large files.

    Attributes:
        path: the file.
        size: number of bytes of the content; ``None`` for packed files, which do not tell.
    """

    def __init__(self, path: Path, file: BinaryIO, size: int, packing: str, progress) -> None:
        self.path = path
        self.size = None if packing else size
        self._file = file
        self._chunks = _UNPACKERS[packing](self)
        self._bar = _progress_bar(path, size, progress)

    def read(self) -> bytes:
        """The next piece, empty at the end of the file."""
        return next(self._chunks, b"")

    def read_packed(self) -> bytes:
        """The next piece as it lies on the disk."""
        data = self._file.read(CHUNK)
        if self._bar is not None:
            self._bar.update(len(data))
        return data

    def close(self) -> None:
        """End the progress bar."""
        if self._bar is not None:
            self._bar.close()


@contextlib.contextmanager
def open_source(path: Path, packing: str = "", progress: bool | None = None) -> Iterator[Source]:
    """Open a :class:`Source`; ``packing`` is ``""``, ``"gz"`` or ``"xz"``."""
    with open_regular(path) as (file, size):
        if size == 0:
            raise VectorFileError(path, "empty", "The file is empty", byte=0)
        source = Source(path, file, size, packing, progress)
        try:
            yield source
        finally:
            source.close()


def _progress_bar(path: Path, size: int, progress: bool | None):
    if progress is None:
        progress = size >= _SHOW_PROGRESS_FROM
    if not progress:
        return None
    from tqdm.auto import tqdm

    return tqdm(total=size, unit="B", unit_scale=True, desc=path.name)


def _plain(source: Source) -> Iterator[bytes]:
    while data := source.read_packed():
        yield data


# The gzip and lzma modules skip padding or garbage behind the packed data without a word, so the
# unpacking is done here with the bare decoders.


def _gunzip(source: Source) -> Iterator[bytes]:
    data = source.read_packed()
    while data:  # a gzip file may have several members, one after the other
        decoder = zlib.decompressobj(wbits=31)
        while not decoder.eof:
            data = decoder.unconsumed_tail or data or source.read_packed()
            if not data:
                raise _packing_error(source, "truncated", "gzip data that break off")
            try:
                piece = decoder.decompress(data, CHUNK)
            except zlib.error as error:
                raise _packing_error(source, "damaged", f"no sound gzip data ({error})") from error
            data = b""
            if piece:
                yield piece
        data = decoder.unused_data or source.read_packed()


def _unxz(source: Source) -> Iterator[bytes]:
    data = source.read_packed()
    while data:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)
        while not decoder.eof:
            if decoder.needs_input and not data:
                data = source.read_packed()
                if not data:
                    raise _packing_error(source, "truncated", "xz data that break off")
            try:
                piece = decoder.decompress(data, CHUNK)
            except (lzma.LZMAError, MemoryError) as error:
                raise _packing_error(source, "damaged", f"no sound xz data ({error})") from error
            data = b""
            if piece:
                yield piece
        data = decoder.unused_data or source.read_packed()


def _packing_error(source: Source, kind: str, what: str) -> VectorFileError:
    return VectorFileError(
        source.path,
        f"{kind}-archive",
        f"It holds {what}",
        expected="whole, undamaged packed data and nothing behind them",
        remedy=f"{AGAIN}; if it is not packed at all, take .gz or .xz off its name",
    )


_UNPACKERS = {"": _plain, "gz": _gunzip, "xz": _unxz}
