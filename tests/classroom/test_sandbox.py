"""The walls of the sandbox, probed from inside."""

import struct
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from tests.classroom.conftest import ROOT
from w2vlib.classroom import sandbox, seccomp

LIMITS = sandbox.Limits(cpu=10, wall=20.0, task=5.0)


def ask(code, limits=LIMITS, disposable=False, setup=""):
    """The number that ``probe(x)`` returns inside, where ``code`` is its body."""
    body = textwrap.indent(textwrap.dedent(code), "    ")
    source = f"{setup}\nimport os, numpy as np\ndef probe(x):\n{body}"
    request = {
        "name": "probe",
        "kind": "function",
        "cells": [{"number": 1, "source": source}],
        "cases": [{"name": "one", "inputs": {"x": 3.0}, "earlier": {}}],
        "steps": [["ask", "y", ["x"]]],
    }
    return sandbox.run(request, limits, disposable=disposable)


def value(outcome):
    assert outcome.end == "answered", outcome
    return outcome.value["answers"][0]["y"]


def number(code, **options):
    found = value(ask(code, **options))
    assert "array" in found, found
    return found["array"].item()


def hidden():
    """Places of this machine that must not exist inside; only the way to Python's files may."""
    home = Path.home()
    places = [ROOT, ROOT / "assignments", Path(sys.prefix, "bin")]
    places += [] if home == Path("/") else home.glob("*")
    places += map(Path, ("/home", "/etc/passwd", "/etc/shadow", "/var", "/run", "/sys", "/mnt"))
    way = {part for file in sandbox._interpreter() for part in (file, *file.parents)}
    return [str(place) for place in places if place not in way]


@pytest.mark.usefixtures("walls")
class TestInside:
    def test_a_question_is_answered(self):
        assert number("return 2 * x") == 6

    def test_nothing_of_the_course_or_the_home_is_there(self):
        code = f"return sum(os.path.exists(path) for path in {hidden()!r})"
        assert number(code) == 0

    def test_what_there_is(self):
        code = "return np.array(sorted(os.listdir('/')))"
        top = set(value(ask(code))["array"].tolist())
        home = ROOT.parts[1]
        python = {sandbox._interpreter()[0].parts[1]}
        known = {"dev", "tmp", "usr", "lib", "lib64", "lib32", "etc", "grader", *python}
        assert top <= known, home

    def test_only_numpy_and_the_machinery_of_the_checks_can_be_imported(self):
        code = """
        import importlib
        found = 0
        for name in ("scipy", "gensim", "numba", "nbgrader", "w2vlib.layers", "w2vlib.functions",
                     "w2vlib.check.rows", "w2vlib.classroom.tasks", "pip", "IPython.core"):
            try:
                module = importlib.import_module(name)
                found += not type(module).__name__ == "Quiet"
            except ImportError:
                pass
        return found
        """
        assert number(code) == 0

    def test_only_tmp_can_be_written_and_not_much(self):
        code = """
        written = 0
        for folder in ("/", "/usr", "/grader", "/grader/lib/w2vlib", "/dev", "/dev/shm", "/proc",
                       "/etc", os.path.dirname(np.__file__), os.path.dirname(os.__file__)):
            try:
                with open(folder + "/x", "wb") as file: file.write(b"x")
                written += 1
            except OSError: pass
        return written
        """
        assert number(code) == 0
        code = """
        total = 0
        for n in range(20):
            try:
                with open(f"/tmp/{n}", "wb", buffering=0) as file:
                    while True: total += file.write(bytes(1 << 20))
            except OSError: pass
        return total
        """
        assert 0 < number(code) <= 33 << 20

    def test_no_network_no_process_no_thread_no_namespace(self):
        code = """
        import ctypes, socket, subprocess, threading
        libc, worked = ctypes.CDLL(None), []
        def tried(name, action):
            try:
                if action() not in (-1, False): worked.append(name)
            except (OSError, RuntimeError): pass
        tried("socket", lambda: socket.socket())
        tried("unix", lambda: socket.socket(socket.AF_UNIX))
        tried("pair", lambda: socket.socketpair())
        tried("fork", lambda: os.fork())
        tried("program", lambda: subprocess.run(["/bin/true"]))
        tried("thread", lambda: threading.Thread(target=print).start())
        tried("unshare", lambda: libc.unshare(0x10000000))
        tried("mount", lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None))
        tried("ptrace", lambda: libc.ptrace(0, 0, 0, 0))
        tried("memfd", lambda: os.memfd_create("x"))
        tried("shm", lambda: libc.shmget(0, 4096, 0o1600))
        tried("chroot", lambda: os.chroot("/tmp"))
        tried("setuid", lambda: os.setuid(0))
        tried("bpf", lambda: libc.syscall(321, 0, 0, 0))
        return np.array(worked or ["none"])
        """
        assert value(ask(code))["array"].tolist() == ["none"]

    def test_who_and_where(self):
        assert number("return os.getuid()") == 65534
        environment = value(ask("return np.array(sorted(os.environ))"))["array"].tolist()
        assert set(environment) <= {
            "HOME", "LANG", "PATH", "PWD", "PYTHONHASHSEED", "LC_CTYPE", "OPENBLAS_NUM_THREADS",
            "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS",
        }  # fmt: skip

    def test_nothing_of_the_teachers_environment_can_be_read(self, monkeypatch):
        """Not even that of bubblewrap, the first process: its page could carry a token away."""
        monkeypatch.setenv("W2V_TEACHERS_TOKEN", "s3cret")
        code = """
        import glob
        found = []
        for path in glob.glob("/proc/*/*") + glob.glob("/dev/fd/*") + ["/proc/1/environ"]:
            try: found.append(open(path, "rb").read(100_000))
            except OSError: pass
        return len(found) + os.path.lexists("/proc")
        """
        assert number(code) == 0
        seen = {}
        real = sandbox.subprocess.Popen
        monkeypatch.setattr(
            sandbox.subprocess, "Popen", lambda *a, **k: seen.update(k) or real(*a, **k)
        )
        assert number("return 2 * x") == 6
        assert set(seen["env"]) == {"PATH"}

    def test_no_open_files_but_its_own(self):
        code = """
        import stat
        found = []
        for n in range(100):
            try: kind = stat.S_IFMT(os.fstat(n).st_mode)
            except OSError: continue
            null = kind == stat.S_IFCHR and os.fstat(n).st_rdev == os.stat("/dev/null").st_rdev
            if not null and kind != stat.S_IFIFO:
                found.append(f"{n}: {kind:o}")
        return np.array(found or ["none"])
        """
        assert value(ask(code))["array"].tolist() == ["none"]

    def test_memory(self):
        limits = sandbox.Limits(memory=600 << 20, task=5.0)
        outcome = value(ask("return np.ones(1 << 28).sum()", limits))
        assert outcome["raised"][0] == "_ArrayMemoryError" or "Memory" in outcome["raised"][0]

    def test_a_cell_that_fails_does_not_stop_the_others(self):
        outcome = ask("return x", setup="raise ValueError('so what')")
        assert outcome.end == "absent", "it stands in the same cell"
        assert outcome.cells[0]["kind"] == "ValueError"

    def test_pictures_are_not_drawn(self):
        setup = (
            "import matplotlib.pyplot as plt\nfrom IPython.display import HTML\n"
            "from w2vlib.classroom import practice\nfrom w2vlib import plotting\n"
            "fig, ax = plt.subplots()\nax.plot([1], label='x')\nwith plt.style.context('x'): pass\n"
            "practice.open()('x')\nplotting.use_style()\ndisplay(HTML('x'))\nimport tqdm"
        )
        assert number("return x", setup=setup) == 3


def test_without_bubblewrap_it_refuses(monkeypatch):
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    assert "bubblewrap is not installed" in sandbox.why_not()
    monkeypatch.setattr(sandbox.sys, "platform", "darwin")
    assert "Linux" in sandbox.why_not()


@pytest.mark.usefixtures("walls")
def test_where_namespaces_are_forbidden_it_says_so(monkeypatch):
    monkeypatch.setattr(sandbox, "_walls", lambda: ("--bind", "/no/such/folder", "/x"))
    assert "cannot make a sandbox on this machine" in sandbox.why_not()
    with pytest.raises(sandbox.SandboxError, match="did not start"):
        ask("return x")


def test_on_a_disposable_machine_the_limits_still_hold():
    assert number("return 2 * x", disposable=True) == 6
    outcome = ask("while True: pass", sandbox.Limits(cpu=2, wall=9, task=1.0), disposable=True)
    assert outcome.end == "timeout" or "time" in outcome.value["answers"][0]
    assert ask("os._exit(3)", disposable=True).end == "died"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_answers_as_intended(machine):
    """Runs the little program as the kernel would."""
    code = seccomp.program(machine)
    lines = [struct.unpack("<HBBI", code[i : i + 8]) for i in range(0, len(code), 8)]
    architecture = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

    def verdict(call, arch=architecture[machine]):
        at, loaded = 0, 0
        while True:
            op, yes, no, k = lines[at]
            at += 1
            if op == 0x20:
                loaded = {0: call, 4: arch}[k]
            elif op == 0x15:
                at += yes if loaded == k else no
            elif op == 0x35:
                at += yes if loaded >= k else no
            else:
                return k

    column = 0 if machine == "x86_64" else 1
    for name, numbers in seccomp._DENIED.items():
        if numbers[column] is not None:
            assert verdict(numbers[column]) == 0x00050001, name
    assert verdict(435) == 0x00050000 | 38
    read, write = ((0, 1), (63, 64))[column]
    assert verdict(read) == verdict(write) == 0x7FFF0000
    assert verdict(read, 0x40000003) == 0x80000000, "another architecture"
    if machine == "x86_64":
        assert verdict(0x40000000 + 57) == 0x80000000, "x32"


def test_no_filter_for_other_machines():
    with pytest.raises(ValueError, match="machine must be one of"):
        seccomp.program("z80")


@pytest.mark.usefixtures("walls")
def test_answers_do_not_depend_on_what_ran_before():
    first = value(ask("return np.random.default_rng().random()"))["array"]
    again = value(ask("return np.random.default_rng().random()"))["array"]
    assert np.array_equal(first, again)
