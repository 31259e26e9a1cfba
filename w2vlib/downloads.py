"""Files that the project does not contain: found or fetched, and never used without a known hash.

A file is looked for in the folder that the environment variable ``W2V_DATA`` names, then in the
user's cache, then downloaded: into the cache comes only what is whole and right, and a server that
falls silent is given up.  Which files there are says :mod:`w2vlib.datasets`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from w2vlib.text_files import ARCHIVE_ERRORS

_CONNECT_SECONDS = 5.0  # to reach the server
_PATIENCE_SECONDS = 15.0  # without a single new byte


class DataUnavailableError(RuntimeError):
    """A data file that is not here and could not be fetched, or that has the wrong content.

    The message names the file, its hash and where to put it.

    Attributes:
        filename: name of the file.
        url: where it can be had.
        sha256: what its SHA-256 must be.
    """

    def __init__(self, message: str, filename: str = "", url: str = "", sha256: str = "") -> None:
        super().__init__(message)
        self.filename, self.url, self.sha256 = filename, url, sha256


@dataclass(frozen=True)
class Remote:
    """A file that the project does not contain: where it is and how to know it."""

    filename: str
    url: str
    sha256: str
    size: int  # bytes
    archive_hash: str = ""  # of the zip file around it, in pooch's notation "sha1:…"

    @property
    def archive(self) -> str:
        """Name of the zip file that the download is, or ''."""
        return self.filename + ".zip" if self.archive_hash else ""


def cache_folder() -> Path:
    """The folder where downloads are kept, e.g. ``~/.cache/w2vlib`` (it need not exist yet)."""
    import pooch

    return Path(pooch.os_cache("w2vlib"))


def find_file(remote: Remote, download: bool) -> Path:
    """The verified file: from W2V_DATA, else from the cache, else downloaded."""
    path = _in_data_folder(remote)
    if path is not None:
        return path
    cached = cache_folder() / remote.filename
    if _has_hash(cached, "sha256:" + remote.sha256):
        return cached
    state = "is damaged in the cache" if cached.is_file() else "is not on this computer"
    if not download:
        _raise_unavailable(remote, f"it {state}, and download=False forbids fetching it")
    if os.environ.get("W2V_OFFLINE", "") not in ("", "0"):
        _raise_unavailable(remote, f"it {state}, and W2V_OFFLINE forbids fetching it")
    return _store(remote, lambda folder: _fetch(remote, folder))


def _in_data_folder(remote: Remote) -> Path | None:
    name = os.environ.get("W2V_DATA")
    if not name:
        return None
    folder = Path(name)
    if not folder.is_dir():
        where = "" if folder.is_absolute() else f" in {Path.cwd()}"
        raise DataUnavailableError(
            f"The environment variable W2V_DATA names {name!r}, but there is no such folder{where}."
            " Set it to the full path of the folder with your data files, or unset it.",
            remote.filename,
            remote.url,
            remote.sha256,
        )
    path = folder / remote.filename
    if path.is_file():
        _check_hash(remote, path, "sha256:" + remote.sha256)
        return path
    zipped = folder / remote.archive if remote.archive else None
    if zipped is not None and zipped.is_file():
        _check_hash(remote, zipped, remote.archive_hash)
        cached = cache_folder() / remote.filename
        if _has_hash(cached, "sha256:" + remote.sha256):
            return cached
        return _store(remote, lambda temporary: _unpack(zipped, remote, temporary))
    return None


def _digest(path: Path, algorithm: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _has_hash(path: Path, known_hash: str) -> bool:
    algorithm, _, expected = known_hash.partition(":")
    try:
        return path.is_file() and _digest(path, algorithm) == expected
    except OSError:  # not readable, or just replaced by another process
        return False


def _check_hash(remote: Remote, path: Path, known_hash: str) -> None:
    algorithm, _, expected = known_hash.partition(":")
    try:
        got = _digest(path, algorithm)
    except OSError as error:
        _raise_unavailable(remote, f"{path} cannot be read ({error})")
    if got != expected:
        _raise_unavailable(
            remote,
            f"{path} has the wrong content: its {algorithm.upper()} is {got}, "
            f"expected {expected}. It was changed or is another edition; remove it",
        )


def _raise_unavailable(remote: Remote, reason: str, cause: BaseException | None = None) -> NoReturn:
    parts = [f"{remote.filename} cannot be used: {reason}."]
    folder = os.environ.get("W2V_DATA") or str(cache_folder())
    if remote.archive:
        sha1 = remote.archive_hash.partition(":")[2]
        what = f"{remote.archive} (SHA-1 {sha1}; unpacked: SHA-256 {remote.sha256})"
    else:
        what = f"the file (SHA-256 {remote.sha256})"
    parts.append(
        f"To get it by hand, download {what} from {remote.url} and put it into {folder}, or into a "
        "folder that the environment variable W2V_DATA names."
    )
    parts.append("The embedded data need no download: use the name 'embedded'.")
    # "from None": the reason says it all, and the network's own tracebacks fill pages.
    raise DataUnavailableError(
        " ".join(parts), remote.filename, remote.url, remote.sha256
    ) from None


def _store(remote: Remote, make: Callable[[Path], Path]) -> Path:
    """Let ``make`` write the file into a folder of its own, verify it, move it into the cache.

    Whatever goes wrong, the cache holds either the whole right file or nothing new; the last step
    is a rename, so several processes may do this at once.
    """
    cache = cache_folder()
    target = cache / remote.filename
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        with tempfile.TemporaryDirectory(
            prefix=_TEMPORARY, dir=cache, ignore_cleanup_errors=True
        ) as temporary:
            made = make(Path(temporary))
            _check_hash(remote, made, "sha256:" + remote.sha256)
            os.chmod(made, 0o644)  # temporary files are private; a cache may be shared
            os.replace(made, target)
    except OSError as error:
        # On Windows a file that another process reads cannot be replaced: then it is there.
        if not _has_hash(target, "sha256:" + remote.sha256):
            reason = f"the cache folder {cache} cannot be written ({error})"
            _raise_unavailable(remote, reason)
    return target


_TEMPORARY = ".download-"


def _sweep(cache: Path, seconds: float = 3600) -> None:
    """Remove what killed processes left behind: temporary folders without a change for an hour."""
    for folder in cache.glob(_TEMPORARY + "*"):
        try:
            newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        except OSError:
            continue
        if newest < time.time() - seconds:
            shutil.rmtree(folder, ignore_errors=True)


def _fetch(remote: Remote, folder: Path) -> Path:
    """Download (and unpack) into ``folder``; the hash is checked on arrival."""
    known_hash = remote.archive_hash or "sha256:" + remote.sha256
    try:
        path = _retrieve(remote, known_hash, folder)
    except OSError as error:  # includes what requests raises, and time-outs
        _raise_unavailable(remote, f"the download failed ({_in_one_line(error)})")
    except ValueError as error:  # pooch: another hash
        reason = (
            "what the server sent is not the file (a log-in page of the network, a cut transfer, "
            f"or a changed file: {_in_one_line(error)})"
        )
        _raise_unavailable(remote, reason)
    return _unpack(path, remote, folder) if remote.archive else path


def _in_one_line(error: BaseException, limit: int = 300) -> str:
    # requests wraps urllib3, which keeps what really happened in ``reason``.
    reason = getattr(error.args[0], "reason", None) if error.args else None
    text = " ".join(str(reason or error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _retrieve(remote: Remote, known_hash: str, folder: Path) -> Path:
    """``pooch.retrieve``, given up when no byte arrives for a while.

    The time-outs of sockets cover neither a name server that is silent nor a server that drips, so
    the transfer runs in a thread of its own and we watch the file grow.
    """
    import pooch

    outcome: list = []

    def transfer() -> None:
        try:
            downloader = pooch.HTTPDownloader(
                timeout=(_CONNECT_SECONDS, _PATIENCE_SECONDS),
                chunk_size=1 << 14,
                progressbar=remote.size > 10_000_000,
            )
            name = remote.archive or remote.filename
            outcome.append(pooch.retrieve(remote.url, known_hash, name, folder, None, downloader))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=transfer, daemon=True)
    thread.start()
    size, since = -1, time.monotonic()
    while thread.is_alive():
        thread.join(0.05)
        now = _bytes_in(folder)
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > _PATIENCE_SECONDS:
            raise TimeoutError(f"no data for {_PATIENCE_SECONDS:g} seconds")
    result = outcome[0]
    if isinstance(result, (OSError, ValueError)):
        raise result
    if isinstance(result, BaseException):
        raise OSError(f"{type(result).__name__}: {result}") from result
    return Path(result)


def _bytes_in(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except FileNotFoundError:  # renamed while we looked
        return -1


def _unpack(archive: Path, remote: Remote, folder: Path) -> Path:
    """The one file of a zip archive, never more bytes than it should have."""
    target = folder / remote.filename
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(remote.filename) as source:
            with open(target, "wb") as unpacked:
                left = remote.size + 1
                while left and (data := source.read(min(left, 1 << 20))):
                    left -= len(data)
                    unpacked.write(data)
    except (*ARCHIVE_ERRORS, KeyError, RuntimeError) as error:
        _raise_unavailable(remote, f"{archive.name} cannot be unpacked ({error})")
    return target
