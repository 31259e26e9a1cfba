"""Checkpoints: a training that is killed goes on where it was, and ends in the same bytes.

    trainer.fit(contexts, target, checkpoint="my-checkpoints")                # writes them
    trainer.fit(contexts, target, checkpoint="my-checkpoints", resume=True)   # goes on

A checkpoint is one file, ``checkpoint-000012.npz``: parameters, the optimiser's state, the states
of all random generators, the position in the data and the losses so far, with a checksum over every
byte and the version of the format.  It is written under another name, forced to the disk and
renamed, so it is there as a whole or not at all.  The last few are kept.  One process at a time
writes to a folder; the system gives its lock back when the process ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import signal
import socket
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from w2vlib.array_files import load_arrays, save_arrays
from w2vlib.files import (
    VectorFileAccessError,
    VectorFileError,
    as_path,
    clear_errors,
    temporary_prefix,
)
from w2vlib.training_state import pack, unpack
from w2vlib.validation import as_choice, as_count, as_number

_CONTENT, _VERSION = "w2vlib checkpoint", "1"
_NAME = re.compile(r"checkpoint-(\d{6,12})\.npz")
_LOCK = ".lock"
ON_ERROR = ("warn", "stop")


class CheckpointError(VectorFileError):
    """Checkpoints that cannot be used as asked; the message says why and what to do.

    ``kind`` is ``"in-use"``, ``"exists"``, ``"another-training"``, ``"all-damaged"``,
    ``"no-checkpoint"``, ``"wrong-version"``, ``"wrong-content"`` or ``"not-a-folder"``.
    """


class CheckpointWarning(UserWarning):
    """A checkpoint could not be written, or a damaged one was passed over."""


class Checkpoints:
    """A folder of checkpoints, and when to write one.

    Wherever a ``checkpoint`` is asked for, the folder's name alone does too.  A checkpoint is
    always written at the end of a training, also when it is stopped or interrupted by Ctrl-C.

    Args:
        folder: made if it is not there.  Use one folder for one training.
        every_seconds: write one when the last is so old; ``None``: do not look at the clock.
        every_batches: write one after so many batches (with the compiled trainer: stretches of
            10,000 tokens); ``None``: do not count.
        keep: how many to keep, the newest.  One more needs room while it is written.
        on_error: if one cannot be written (disk full, no permission): ``"warn"`` says so once and
            goes on training, ``"stop"`` raises the error.

    Attributes:
        written: number of checkpoints written through this object.
        seconds: time that this took.
        resumed_from: path of the checkpoint from which the last training went on, or ``None``.
        last_error: what the last attempt to write raised, ``None`` if it went well.

    Raises:
        TypeError, ValueError: a wrong argument.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        every_seconds: float | None = 60.0,
        every_batches: int | None = None,
        keep: int = 2,
        on_error: str = "warn",
    ) -> None:
        self.folder = as_path(folder)
        self.every_seconds = self.every_batches = None
        if every_seconds is not None:
            self.every_seconds = as_number(every_seconds, "every_seconds", minimum=0)
        if every_batches is not None:
            self.every_batches = as_count(every_batches, "every_batches")
        self.keep = as_count(keep, "keep")
        self.on_error = as_choice(on_error, "on_error", ON_ERROR)
        self.written, self.seconds = 0, 0.0
        self.resumed_from: Path | None = None
        self.last_error: VectorFileError | None = None

    def __repr__(self) -> str:
        return f"Checkpoints({str(self.folder)!r}, keep={self.keep}, on_error={self.on_error!r})"

    def paths(self) -> list[Path]:
        """The checkpoints in the folder, oldest first."""
        return [self.folder / _name(number) for number in self._numbers()]

    def _numbers(self) -> list[int]:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            with clear_errors(self.folder):
                found = map(_NAME.fullmatch, os.listdir(self.folder))
                return sorted(int(match[1]) for match in found if match)
        return []


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and found sound.

    Attributes:
        path: its file.
        place: where the training stood, for people.
        identity: which training it belongs to: sizes, options, checksums of the data.
        arrays: its arrays by name.
        state: the tree of everything, which the training takes back.
    """

    path: Path
    place: str
    identity: dict
    arrays: dict[str, np.ndarray]
    state: dict

    def __repr__(self) -> str:
        size = sum(array.nbytes for array in self.arrays.values())
        return f"<Checkpoint {self.path.name}: {self.place}, {size:,} bytes in arrays>"


def load_checkpoint(path: str | os.PathLike) -> Checkpoint:
    """Read a checkpoint and check all of it; needs no model and disturbs no training.

    Args:
        path: a checkpoint, or a folder, whose newest sound one is taken.

    Raises:
        CheckpointError: there is none, or all are damaged.
        VectorFileError: a single file that is damaged or cannot be read.
    """
    path = as_path(path)
    if not path.is_dir() and (path.exists() or path.suffix == ".npz"):
        return _read(path)
    for _ in range(10):  # a running training may remove a file that was listed a moment ago
        try:
            found, _ = _newest(Checkpoints(path))
        except FileNotFoundError:
            continue
        if found is not None:
            return found
        break
    raise CheckpointError(
        path,
        "no-checkpoint",
        "There is no checkpoint in this folder",
        remedy="Check the name; a training writes them with checkpoint='this folder'",
    )


# -------------------------------------------------------------------------------- during a training


class Training(Protocol):
    """A training, as checkpoints see it: see :class:`~w2vlib.training_state.LayerTraining`."""

    def identity(self) -> dict: ...

    def place(self) -> str: ...

    def state(self) -> dict: ...

    def restore(self, state: dict) -> None: ...


@contextlib.contextmanager
def saving(checkpoint, resume: bool, training: Training) -> Iterator[Saver]:
    """Go on from a checkpoint if asked to, write new ones on the way and a last one at the end.

    Args:
        checkpoint: a folder, :class:`Checkpoints`, or ``None``.
        resume: go on from the newest sound checkpoint; from the beginning if there is none.
        training: what is saved and brought back.

    Yields:
        A :class:`Saver`, whose ``step_done()`` is to be called after each step.

    Raises:
        CheckpointError: the folder is in use, holds checkpoints and ``resume`` is false, or those
            of another training.
        VectorFileAccessError: the folder cannot be used, and ``on_error="stop"``.
        TypeError, ValueError: ``resume`` without ``checkpoint``, or an object that cannot be saved.
    """
    if checkpoint is None:
        if resume:
            raise ValueError("resume=True needs checkpoint=…, the folder to go on from.")
        yield Saver(None, training)
        return
    options = checkpoint if isinstance(checkpoint, Checkpoints) else Checkpoints(checkpoint)
    saver = Saver(options, training)
    with _Lock(options.folder) as saver.lock:
        saver.start(bool(resume))
        with _late_interrupts(saver):
            yield saver
        saver.finish()


class Saver:
    """Decides after each step whether to write a checkpoint; made by :func:`saving`."""

    lock: _Lock

    def __init__(self, options: Checkpoints | None, training: Training) -> None:
        self.options, self.training = options, training
        self.interrupted = False
        self._identity: dict = {}
        self._steps = 0  # since the last checkpoint
        self._last = time.monotonic()
        self._damaged: list[int] = []

    def due(self) -> bool:
        """Whether a checkpoint should be written now."""
        options = self.options
        if options is None:
            return False
        return (
            self.interrupted
            or (options.every_batches is not None and self._steps >= options.every_batches)
            or (
                options.every_seconds is not None
                and time.monotonic() - self._last >= options.every_seconds
            )
        )

    def step_done(self) -> None:
        """A step is complete: the training could go on from here.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed during the step; the checkpoint is written.
        """
        self._steps += 1
        if self.due():
            self.save_now()

    def stretch_done(self) -> bool:
        """Like :meth:`step_done`, from a thread: says whether to come to rest for a checkpoint."""
        self._steps += 1
        return self.due()

    def save_now(self) -> None:
        """Write a checkpoint, and let a Ctrl-C that waited for it take effect."""
        if self.options is None:
            return
        self._save()
        if self.interrupted:
            self._steps = 0
            raise KeyboardInterrupt

    def start(self, resume: bool) -> None:
        """Lock the folder, tidy up after a killed process, and go on if asked to."""
        folder, options = self.options.folder, self.options
        self._identity = self.training.identity()  # reads all the data, so once is enough
        options.resumed_from = options.last_error = None
        try:
            self._prepare()
        except VectorFileAccessError as error:
            self._failed(error)
        if not resume and options.paths():
            raise CheckpointError(
                folder,
                "exists",
                f"This folder already holds checkpoints ({options.paths()[-1].name})",
                remedy="Go on from them with resume=True, or use another folder, or delete it",
            )
        if resume:
            found, self._damaged = _newest(options)
            if found is not None:
                self._resume(found)
        pack(self.training.state())  # better refused now than after an hour
        self._last = time.monotonic()

    def finish(self) -> None:
        """The training has ended: keep what came after the last checkpoint."""
        if self.options is not None and self._steps:
            self._save()

    def _prepare(self) -> None:
        folder = self.options.folder
        if folder.exists() and not folder.is_dir():
            raise CheckpointError(
                folder, "not-a-folder", "This is a file", remedy="Give the name of a folder"
            )
        with clear_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self.lock.take()
            for name in os.listdir(folder):  # left by a process that was killed while it wrote
                if name.startswith(temporary_prefix(Path("checkpoint-"))[:-1]):
                    os.unlink(folder / name)

    def _resume(self, found: Checkpoint) -> None:
        _check_identity(found, self._identity)
        try:
            self.training.restore(found.state)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CheckpointError(
                found.path,
                "wrong-content",
                f"It does not fit this training: {error}",
                remedy="Make model, optimiser and trainer as they were made then",
            ) from error
        self.options.resumed_from = found.path

    def _save(self) -> None:
        began = time.monotonic()
        options = self.options
        try:
            self._prepare()  # again: the folder may have become writable, or be gone
            with clear_errors(options.folder):
                number = max(options._numbers(), default=0) + 1
                _write(options.folder / _name(number), self.training, self._identity)
            options.last_error = None
            options.written += 1
            self._remove_old()
        except VectorFileAccessError as error:
            self._failed(error)
        self._steps, self._last = 0, time.monotonic()
        options.seconds += self._last - began

    def _remove_old(self) -> None:
        numbers = self.options._numbers()
        sound = [number for number in numbers if number not in self._damaged]
        old = set(numbers) - set(sound[-self.options.keep :])
        for number in old:
            with contextlib.suppress(OSError):
                os.unlink(self.options.folder / _name(number))

    def _failed(self, error: VectorFileError) -> None:
        options = self.options
        first, options.last_error = options.last_error is None, error
        if options.on_error == "stop":
            raise error
        if first:  # once is enough; the next success makes it news again
            left = [path.name for path in options.paths()]
            kept = f"{left[-1]} is intact" if left else "there is none yet"
            warnings.warn(
                f"No checkpoint can be written: {error} Training goes on; {kept}.",
                CheckpointWarning,
                stacklevel=2,
            )


@contextlib.contextmanager
def _late_interrupts(saver: Saver) -> Iterator[None]:
    """Ctrl-C waits for the end of the step, so that the checkpoint is no half-made step.

    A second Ctrl-C takes effect at once.
    """

    def note(signum, frame) -> None:
        if saver.interrupted:
            raise KeyboardInterrupt
        saver.interrupted = True

    in_charge = (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if in_charge:
        signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        if in_charge:
            signal.signal(signal.SIGINT, signal.default_int_handler)


# -------------------------------------------------------------------------------------- the files


def _name(number: int) -> str:
    return f"checkpoint-{number:06d}.npz"


def _write(path: Path, training: Training, identity: dict) -> None:
    text, arrays = pack(training.state())
    metadata = {
        "content": _CONTENT,
        "version": _VERSION,
        "place": training.place(),
        "identity": json.dumps(identity),
        "state": text,
    }
    save_arrays(path, arrays, metadata)


def _read(path: Path) -> Checkpoint:
    """A checkpoint whose every byte was checked.

    Raises:
        VectorFileError: damaged, or it cannot be read.
        CheckpointError: sound, but no checkpoint, or of another version.
    """
    arrays, metadata = load_arrays(path, progress=False)
    if metadata.get("content") != _CONTENT:
        raise CheckpointError(
            path,
            "wrong-content",
            f"This is no checkpoint: it describes itself as {metadata.get('content')!r}",
            remedy="Give a folder that a training wrote",
        )
    if metadata.get("version") != _VERSION:
        raise CheckpointError(
            path,
            "wrong-version",
            f"This checkpoint has version {metadata.get('version')} of the format",
            expected=f"version {_VERSION}",
            remedy="Go on with the version of w2vlib that wrote it",
        )
    try:
        identity = json.loads(metadata["identity"])
        state = unpack(metadata["state"], arrays)
        return Checkpoint(path, metadata["place"], identity, arrays, state)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(
            path, "wrong-content", f"Its description makes no sense ({error!r})"
        ) from error


def _newest(options: Checkpoints) -> tuple[Checkpoint | None, list[int]]:
    """The newest sound checkpoint, and the numbers of damaged ones that were passed over.

    Raises:
        CheckpointError: all are damaged, or the newest is of another version.
        VectorFileAccessError: one cannot be read at all.
    """
    damaged: dict[int, VectorFileError] = {}
    for number in reversed(options._numbers()):
        try:
            found = _read(options.folder / _name(number))
        except VectorFileAccessError:
            raise
        except VectorFileError as error:
            if error.kind == "wrong-version":
                raise
            damaged[number] = error
            continue
        for error in damaged.values():
            warnings.warn(
                f"A damaged checkpoint is passed over: {error.path}: {error.problem}. "
                f"{found.path.name} ({found.place}) is used instead.",
                CheckpointWarning,
                stacklevel=2,
            )
        return found, list(damaged)
    if damaged:
        raise CheckpointError(
            options.folder,
            "all-damaged",
            "All checkpoints in this folder are damaged: "
            + "; ".join(f"{error.path.name}: {error.problem}" for error in damaged.values()),
            remedy="Begin again in another folder",
        )
    return None, []


def _check_identity(found: Checkpoint, identity: dict) -> None:
    """Refuse to go on with another model, other options or other data, and name the difference."""
    here, there = json.loads(json.dumps(identity)), found.identity
    names = [*here, *(name for name in there if name not in here)]
    differences = [
        f"{name} is {there.get(name, 'missing')} in the checkpoint and "
        f"{here.get(name, 'missing')} here"
        for name in names
        if here.get(name, ...) != there.get(name, ...)
    ]
    if differences:
        more = f"; and {len(differences) - 5} more" if len(differences) > 5 else ""
        raise CheckpointError(
            found.path,
            "another-training",
            f"This checkpoint belongs to another training: {'; '.join(differences[:5])}{more}",
            remedy="Use the same text, model and options as then, or another folder",
        )


# ----------------------------------------------------------------------------------------- the lock


class _Lock:
    """One process (and one training in it) at a time writes to a folder.

    The lock lies on an open file, so the system itself takes it back when the process ends, even by
    ``kill -9``: it can never be stale.  The file stays; only its lock counts.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / _LOCK
        self._descriptor: int | None = None

    def take(self) -> None:
        """Take the lock, unless we have it.

        Raises:
            CheckpointError: someone else has it.
            OSError: the system refuses.
        """
        if self._descriptor is not None and self._still_there():
            return
        self._let_go()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            ours = _try_lock(descriptor)
            owner = "" if ours or os.name == "nt" else os.pread(descriptor, 200, 0).decode()
        except BaseException:
            os.close(descriptor)
            raise
        if not ours:
            os.close(descriptor)
            raise CheckpointError(
                self.path.parent,
                "in-use",
                f"Another training writes to this folder{f' ({owner})' if owner else ''}",
                remedy="Wait until it ends, or use another folder",
            )
        self._descriptor = descriptor
        _held.add(self)
        with contextlib.suppress(OSError):  # only to tell others who we are
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode())

    def _still_there(self) -> bool:
        """Whether the file that we locked is the one in the folder, and not a deleted one."""
        with contextlib.suppress(FileNotFoundError):
            return os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        return False

    def _let_go(self) -> None:
        _held.discard(self)
        if self._descriptor is not None:
            os.close(self._descriptor)  # which gives the lock back
            self._descriptor = None

    def __enter__(self) -> _Lock:
        return self

    def __exit__(self, *exception) -> None:
        self._let_go()


_held: set[_Lock] = set()


def _forget_locks() -> None:
    """In a forked process: the lock is the parent's, and must end with the parent."""
    for lock in list(_held):
        lock._let_go()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_locks)


def _try_lock(descriptor: int) -> bool:
    """Lock an open file; false if someone else has locked it.

    Raises:
        OSError: the system refuses for another reason.
    """
    try:
        if os.name == "nt":
            import msvcrt

            os.lseek(descriptor, 1 << 30, os.SEEK_SET)  # a byte that nobody reads or writes
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            os.lseek(descriptor, 0, os.SEEK_SET)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
            return False
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP):
            raise
        warnings.warn(
            "The disk of this folder knows no locks: let only one training use it at a time.",
            CheckpointWarning,
            stacklevel=2,
        )
    return True
