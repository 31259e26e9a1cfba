"""The sandbox: a submission runs where there is nothing to see, nothing to break and no way out.

bubblewrap gives the process file systems, process numbers and a network of its own: the network is
empty; of the machine it sees the interpreter, NumPy and a handful of files of this package, all
read-only; it may write 32 MB to a /tmp that is gone afterwards.  No course folder, no grade book,
no tests, no other submission exists there, no /proc that tells of the machine, and nothing of the
environment in which grading was started.  A filter for system calls takes away other processes,
threads and sockets.  Time, memory, file sizes and the length of the answer are limited.

Nothing that comes back is believed: it is parsed as plain data (:mod:`w2vlib.classroom.wire`).
"""

from __future__ import annotations

import functools
import os
import selectors
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from w2vlib.classroom import seccomp, wire

_HERE = Path(__file__).resolve().parent
_PACKAGE = _HERE.parent
# Of the package, only the machinery of the checks is in the sandbox; it holds no solutions.
_MACHINERY = ("__init__", "check/__init__", "check/answers", "check/exercise", "check/report")
_MACHINERY += ("check/running", "check/stubs")


class SandboxError(RuntimeError):
    """The sandbox cannot be used on this machine; nothing was graded."""


@dataclass(frozen=True)
class Limits:
    """What a submission may use, for each task.

    Attributes:
        cpu: seconds of computing; wall: seconds by the clock (for code that only waits).
        cell: seconds for each cell; task: seconds for all questions of the task.
        memory: bytes of address space; disk: bytes in /tmp; file: bytes of one file.
        answer: bytes that may come back.
    """

    cpu: int = 20
    wall: float = 40.0
    cell: float = 5.0
    task: float = 10.0
    memory: int = 1536 << 20
    disk: int = 32 << 20
    file: int = 16 << 20
    answer: int = 8 << 20


@dataclass(frozen=True)
class Outcome:
    """What came back.

    Attributes:
        end: ``"answered"``; ``"absent"`` (the name was not defined); ``"timeout"``; ``"died"``;
            ``"flooded"`` (too much output); or ``"garbled"`` (no plain data).
        ran: whether the cells came to an end.
        value: the answers, unchecked plain data, if ``end`` is "answered".
        cells: what went wrong in cells, as the submission's own process tells it.
        detail: for people.
    """

    end: str
    ran: bool = False
    value: dict | None = None
    cells: tuple[dict, ...] = ()
    detail: str = ""
    seconds: float = 0.0


def why_not() -> str:
    """Why the sandbox cannot be used here; empty if it can."""
    if not sys.platform.startswith("linux"):
        return "bubblewrap needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (on Debian and Ubuntu: sudo apt install bubblewrap)"
    if not seccomp.known_machine():
        return "there is no system call filter for this kind of processor"
    try:
        outcome = _run(_bubblewrap(Limits()) + ["-c", "print('hello')"], b"", 20.0, 100)
    except OSError as error:
        return f"bubblewrap could not be started: {error}"
    if outcome.out.strip() != b"hello":
        said = outcome.err.decode("utf-8", "replace").strip() or f"it ended with {outcome.code}"
        return f"bubblewrap cannot make a sandbox on this machine: {said}"
    return ""


def run(
    request: dict,
    limits: Limits | None = None,
    *,
    disposable: bool = False,
    stop: threading.Event | None = None,
) -> Outcome:
    """Run cells and questions in a fresh sandbox.

    Args:
        request: plain data: ``name, kind, cells, cases, steps`` (see ``inside.py``).
        limits: what it may use.
        disposable: run without a sandbox; only on a machine that may be thrown away.
        stop: ends the run when it is set.

    Raises:
        SandboxError: the sandbox itself did not start, or was stopped.
    """
    limits = limits or Limits()
    request = {
        **request,
        "seconds": limits.task,
        "cell_seconds": limits.cell,
        "limits": {"memory": limits.memory, "cpu": limits.cpu, "file": limits.file},
    }
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="w2v-bare-") as bare:
        command = _bare(bare) if disposable else _bubblewrap(limits) + ["/grader/inside.py"]
        raw = _run(command, wire.pack(request), limits.wall, limits.answer, disposable, stop)
    outcome = _outcome(raw, limits)
    seconds = time.monotonic() - start
    return Outcome(outcome.end, outcome.ran, outcome.value, outcome.cells, outcome.detail, seconds)


# ---- the walls ----------------------------------------------------------------------------------


@functools.cache
def _walls() -> tuple[str, ...]:
    """The part of bubblewrap's command line that is the same every time."""
    python, library = _interpreter()
    words = ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    words += ["--unshare-cgroup-try", "--uid", "65534", "--gid", "65534"]
    words += ["--cap-drop", "ALL", "--hostname", "sandbox", "--new-session", "--die-with-parent"]
    words += ["--clearenv"]
    if "--disable-userns" in _help():  # since 0.8; the filter for system calls says the same
        words += ["--disable-userns"]
    for name in ("/usr/lib", "/usr/lib64", "/usr/lib32", "/lib", "/lib64"):
        words += _system_folder(name)
    words += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache"]
    words += ["--ro-bind", str(library), str(library), "--ro-bind", str(python), str(python)]
    for folder in _other_packages(library):
        words += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    numpy = Path(np.__file__).resolve().parent
    words += ["--ro-bind", str(numpy), "/grader/site/numpy"]
    libraries = numpy.parent / "numpy.libs"
    words += ["--ro-bind-try", str(libraries), "/grader/site/numpy.libs"]
    for name in _MACHINERY:
        words += ["--ro-bind", str(_PACKAGE / f"{name}.py"), f"/grader/lib/w2vlib/{name}.py"]
    for name in ("inside", "wire", "script"):
        words += ["--ro-bind", str(_HERE / f"{name}.py"), f"/grader/{name}.py"]
    words += ["--dev", "/dev"]
    return tuple(words)


def _help() -> str:
    """What this bubblewrap knows."""
    return subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False).stdout


def _system_folder(name: str) -> list[str]:
    path = Path(name)
    if path.is_symlink():
        return ["--symlink", os.readlink(path), name]
    return ["--ro-bind", name, name] if path.is_dir() else []


def _interpreter() -> tuple[Path, Path]:
    """The interpreter behind the virtual environment, and the folder with its library."""
    python = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    library = Path(sysconfig.get_paths()["stdlib"]).resolve().parent
    if sys.base_prefix in ("/usr", "/usr/local"):
        return python, Path(sys.base_prefix) / "lib"
    return python, library


def _other_packages(library: Path) -> list[Path]:
    """Folders with installed packages inside what is shown: they are covered."""
    found = []
    for top in {library, Path("/usr/lib")}:
        for pattern in ("python3*/site-packages", "python3*/dist-packages"):
            found += [p for p in top.glob(pattern) if p.is_dir() and not p.is_symlink()]
    return sorted(found)


def _bubblewrap(limits: Limits) -> list[str]:
    python, _ = _interpreter()
    words = ["bwrap", *_walls(), "--size", str(limits.disk), "--tmpfs", "/tmp"]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    for name, value in _environment("/tmp").items():
        words += ["--setenv", name, value]
    return [*words, "--seccomp", "{seccomp}", "--", str(python), "-I", "-S", "-B"]


def _environment(home: str) -> dict:
    environment = {"PATH": "/usr/bin", "HOME": home, "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
    environment |= {f"{n}_NUM_THREADS": "1" for n in ("OPENBLAS", "OMP", "MKL", "NUMEXPR")}
    return environment


def _bare(folder: str) -> list[str]:
    """Without walls: the same files in a temporary folder, the same limits from within."""
    root = Path(folder)
    (root / "lib/w2vlib/check").mkdir(parents=True)
    (root / "site").mkdir()
    for name in _MACHINERY:
        shutil.copy(_PACKAGE / f"{name}.py", root / f"lib/w2vlib/{name}.py")
    for name in ("inside", "wire", "script"):
        shutil.copy(_HERE / f"{name}.py", root / f"{name}.py")
    numpy = Path(np.__file__).resolve().parent
    try:
        for found in (numpy, numpy.parent / "numpy.libs"):
            if found.exists():
                (root / "site" / found.name).symlink_to(found)
    except OSError:
        (root / "site.txt").write_text(str(numpy.parent), encoding="utf-8")
    return [str(_interpreter()[0]), "-I", "-S", "-B", str(root / "inside.py"), folder]


# ---- running ------------------------------------------------------------------------------------


@dataclass
class _Raw:
    out: bytes
    err: bytes
    code: int | None
    late: bool = False
    flooded: bool = False


def _run(command, data: bytes, wall: float, most: int, bare=False, stop=None) -> _Raw:
    """Run a command, feed it, and read no more than it may say."""
    if os.name == "nt":
        return _run_simply(command, data, wall)
    filter_fd = None
    if "{seccomp}" in command:
        filter_fd = _as_file(seccomp.program())
        command = [str(filter_fd) if word == "{seccomp}" else word for word in command]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=() if filter_fd is None else (filter_fd,),
            # bubblewrap's own environment could be read from inside as well
            env=_environment(command[-1]) if bare else {"PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
    finally:
        if filter_fd is not None:
            os.close(filter_fd)
    try:
        return _talk(process, data, time.monotonic() + wall, most, stop)
    finally:
        _end(process)


def _run_simply(command, data: bytes, wall: float) -> _Raw:
    """For students on Windows, who validate their own work."""
    environment = {**os.environ, **_environment(command[-1])}
    try:
        done = subprocess.run(
            command, input=data, capture_output=True, timeout=wall, env=environment
        )
    except subprocess.TimeoutExpired as error:
        return _Raw(error.stdout or b"", error.stderr or b"", None, late=True)
    return _Raw(done.stdout, done.stderr, done.returncode)


def _as_file(data: bytes) -> int:
    file = tempfile.TemporaryFile()
    file.write(data)
    file.seek(0)
    number = os.dup(file.fileno())
    file.close()
    return number


def _end(process: subprocess.Popen) -> None:
    """Nothing of it is left behind (bubblewrap takes its whole family along)."""
    if process.poll() is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if not pipe.closed:
            pipe.close()


def _talk(process: subprocess.Popen, data: bytes, deadline: float, most: int, stop=None) -> _Raw:
    pipes = {process.stdout: bytearray(), process.stderr: bytearray()}
    rest = memoryview(data)
    raw = _Raw(b"", b"", None)
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            os.set_blocking(pipe.fileno(), False)
            selector.register(pipe, selectors.EVENT_READ)
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raw.late = True
                break
            if stop is not None and stop.is_set():
                raise SandboxError("grading was stopped")
            for key, _ in selector.select(min(left, 0.2)):
                pipe = key.fileobj
                if pipe is process.stdin:
                    rest = _feed(process.stdin, rest, selector)
                    continue
                chunk = os.read(pipe.fileno(), 1 << 16)
                if not chunk:
                    selector.unregister(pipe)
                    continue
                pipes[pipe] += chunk
                raw.flooded |= len(pipes[pipe]) > (most if pipe is process.stdout else 1 << 16)
            if raw.flooded:
                break
    if not (raw.late or raw.flooded):
        try:
            raw.code = process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raw.late = True
    raw.out, raw.err = bytes(pipes[process.stdout][:most]), bytes(pipes[process.stderr])
    return raw


def _feed(pipe, rest: memoryview, selector) -> memoryview:
    try:
        rest = rest[os.write(pipe.fileno(), rest[: 1 << 16]) :]
    except BlockingIOError:
        return rest
    except BrokenPipeError:
        rest = rest[:0]
    if not rest:
        selector.unregister(pipe)
        pipe.close()
    return rest


def _outcome(raw: _Raw, limits: Limits) -> Outcome:
    frames, intact = _frames(raw.out, limits.answer)
    words = [frame[0] for frame in frames]
    if words[:1] != ["ready"]:
        said = raw.err.decode("utf-8", "replace").strip()[-600:]
        late = " (it took too long to start)" if raw.late else ""
        raise SandboxError(f"the sandbox did not start{late}: {said or 'it said nothing'}")
    ran = "cells" in words
    cells = next((frame[1] for frame in frames if frame[0] == "cells"), None)
    known = {"ran": ran, "cells": _cells(cells)}
    last = frames[-1]
    if raw.flooded:
        return Outcome("flooded", detail="it sent more than an answer can hold", **known)
    if last[0] == "done" and isinstance(last[1], dict):
        return Outcome("answered", value=last[1], **known)
    if last[0] == "absent":
        return Outcome("absent", **known)
    if raw.late:
        return Outcome("timeout", detail="the time was over", **known)
    if not intact:
        return Outcome("garbled", detail="what it sent is no answer", **known)
    if raw.code in (128 + signal.SIGXCPU, 128 + signal.SIGKILL, -signal.SIGXCPU):
        return Outcome("timeout", detail="it computed for too long", **known)
    return Outcome("died", detail=f"its process ended early (code {raw.code})", **known)


def _frames(data: bytes, most: int) -> tuple[list, bool]:
    """The messages, as far as they are plain data; and whether all of it was."""
    frames, at = [], 0
    while at + 8 <= len(data) and len(frames) < 4:
        length = int.from_bytes(data[at : at + 8], "little")
        if length > len(data) - at - 8:
            return frames, False
        try:
            value = wire.unpack(data[at + 8 : at + 8 + length], most)
        except wire.WireError:
            return frames, False
        if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
            return frames, False
        frames.append(value)
        at += 8 + length
    return frames, at == len(data)


def _cells(told) -> tuple[dict, ...]:
    """Troubles in cells, in the agreed form only."""
    kinds = {"number": int, "kind": str, "text": str, "line": int}
    return tuple(
        {k: item[k] for k in kinds}
        for item in (told if isinstance(told, list) else ())
        if isinstance(item, dict) and all(isinstance(item.get(k), t) for k, t in kinds.items())
    )
