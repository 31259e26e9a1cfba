"""More hostile hand-ins, in the form of :mod:`tests.classroom.hostile`: data, clocks, frames.

Those in ``hostile.py`` attack the machine; most of these attack the comparison: answers that are
data, but odd; guesses about the questions; the process that asks them.
"""

from tests.classroom.hostile import with_answer
from w2vlib.classroom.tasks import PRACTICE_SEED

ODD_DATA = {
    "infinities": "np.full(np.shape(x), np.inf)",
    "negative-zeros": "-np.zeros(np.shape(x))",
    "largest-integers": "np.full(np.shape(x), 2**63 - 1)",
    "unsigned-integers": "np.full(np.shape(x), 2**64 - 1, np.uint64)",
    "a-number-of-a-thousand-digits": "10**1000",
    "structured-entries": "np.zeros(np.shape(x), [('a', float), ('b', int)])",
    "objects": "np.array(['x'], dtype=object)",
    "numbers-as-texts": "np.asarray(x).astype(str)",
    "bytes": "np.asarray(x).astype('S20')",
    "dates": "np.zeros(np.shape(x), 'datetime64[s]')",
    "complex-numbers": "np.asarray(x) + 1j",
    "extended-precision": "np.asarray(x, np.longdouble)",
    "no-axes": "np.array(0.0)",
    "one-axis-more": "np.asarray(x)[None]",
    "thirty-two-axes": "np.zeros((1,) * 32)",
    "no-entries": "np.zeros((0,) + np.shape(x))",
    "truth-values": "np.ones(np.shape(x), bool)",
    "everything-masked": "np.ma.masked_all(np.shape(x))",
    "ragged-lists": "[[1.0], [2.0, 3.0]]",
    "a-list-within-itself": "LOOP",
    "a-view-without-end": "np.lib.stride_tricks.as_strided(np.zeros(1), (10**6, 10**6), (0, 0))",
    "a-generator": "(value for value in np.ravel(x))",
    "subnormal-numbers": "np.full(np.shape(x), 5e-324)",
}
PREPARED = {"a-list-within-itself": "LOOP = []\nLOOP.append(LOOP)"}

SEND = """
import os, sys, time
wire = sys.modules["wire"]

def frame(word, value=None):
    data = wire.pack([word, value])
    return len(data).to_bytes(8, "little") + data

def send(data):
    for number in range(3, 20):
        try:
            os.write(number, data)
            return
        except OSError:
            pass
"""


def _sends(code: str) -> dict:
    """A cell that speaks to the grader itself."""
    import textwrap

    return {"extra": SEND + textwrap.dedent(code)}


TRICKS = {
    name: with_answer(PREPARED.get(name, ""), answer) for name, answer in ODD_DATA.items()
} | {
    "tiny-header-giant-array": _sends(
        """
        import json, struct
        tree = json.dumps(["done", {"answers": [{"z": {"array":
            {"~array": "<f8", "shape": [1 << 20, 1 << 20]}}}], "printed": "", "warned": []}])
        body = wire.MAGIC + struct.pack("<Q", len(tree)) + tree.encode()
        send(frame("cells", []) + len(body).to_bytes(8, "little") + body)
        os._exit(0)
        """
    ),
    "a-frame-longer-than-the-world": _sends(
        'send(frame("cells", []) + b"\\xff" * 7 + b"\\x7f")\nos._exit(0)'
    ),
    "answered-twice": _sends(
        """
        lies = {"answers": [{"z": {"array": np.zeros(3)}}] * 4, "printed": "", "warned": []}
        send(frame("cells", []) + frame("done", lies))
        """
    ),
    "no-answers-at-all": _sends(
        """
        nothing = {"answers": [], "printed": "", "warned": []}
        send(frame("cells", []) + frame("done", nothing))
        os._exit(0)
        """
    ),
    "answers-without-anything-in-them": _sends(
        """
        found = sys._getframe()
        while "request" not in found.f_locals: found = found.f_back
        many = len(found.f_locals["request"]["cases"])
        send(frame("cells", []) + frame("done", {"answers": [{} for _ in range(many)]}))
        os._exit(0)
        """
    ),
    "side-effects-sworn-away": _sends(
        """
        sworn = {"inputs": {"remark": "left alone"},
                 "grads in place": {"remark": "filled in place"}}
        send(frame("cells", []) + frame("done", {"answers": [sworn] * 3, "printed": 7}))
        os._exit(0)
        """
    ),
    "drop-by-drop": _sends(
        """
        data = frame("cells", []) + frame("done", {"answers": [], "printed": "x" * 10_000})
        for place in range(len(data) - 1):
            send(data[place : place + 1])
            time.sleep(0.05)
        """
    ),
    "hangs-up-and-goes-on": _sends(
        """
        for number in range(20):
            try: os.close(number)
            except OSError: pass
        while True: pass
        """
    ),
    "freezes-itself": with_answer(
        "import os, signal\ndef freeze(): os.kill(os.getpid(), signal.SIGSTOP)", "freeze()"
    ),
    "freezes-the-first-process": with_answer(
        """
        import os, signal
        def freeze():
            for number in (1, os.getppid(), 0):
                for how in (signal.SIGSTOP, signal.SIGTERM, signal.SIGINT):
                    try: os.kill(number, how)
                    except OSError: pass
        """,
        "freeze()",
    ),
    "a-child-by-a-back-door": with_answer(
        """
        import ctypes, time
        def spawn():
            libc = ctypes.CDLL(None)
            for number in (56, 57, 58, 220, 435):  # clone, fork, vfork, clone of arm, clone3
                if libc.syscall(number, 17, 0, 0, 0, 0) == 0:
                    while True: time.sleep(1)
        """,
        "spawn()",
    ),
    "a-home-full-of-start-files": with_answer(
        """
        import os, site, sys
        def plant():
            evil = "open('/tmp/ran', 'w').write('x')"
            home = os.path.expanduser("~")
            for name in ("sitecustomize.py", "usercustomize.py", "evil.pth", ".pythonrc.py",
                         ".ipython/profile_default/startup/00.py", ".jupyter/jupyter_config.py",
                         ".local/lib/python3/site-packages/evil.pth", "numpy.py", "wire.py"):
                path = os.path.join(home, name)
                os.makedirs(os.path.dirname(path), exist_ok=True)
                open(path, "w").write(evil)
            os.environ.update(PYTHONSTARTUP=home + "/.pythonrc.py", PYTHONPATH=home,
                              LD_PRELOAD=home + "/evil.so", PYTHONINSPECT="1")
            os.execv(sys.executable, [sys.executable, "/grader/inside.py"])
        """,
        "plant()",
    ),
    "the-question-changed": with_answer(
        """
        import sys
        def change():
            frame = sys._getframe()
            while frame:
                for case in frame.f_locals.get("cases") or []:
                    for value in getattr(case, "inputs", {}).values():
                        try: value[...] = 0
                        except Exception: pass
                frame = frame.f_back
        """,
        "(change(), np.zeros(np.shape(x)))[1]",
    ),
    "the-notebook-of-the-examiner": with_answer(
        """
        import sys
        def write_down(x):
            frame = sys._getframe()
            while frame:
                notes = frame.f_locals.get("notes")
                if notes is not None:
                    for name in ("z", "y", "dx", "dW"):
                        notes.seen[name] = np.zeros(np.shape(x))
                    notes.stop = notes.value = lambda *a: None
                frame = frame.f_back
        """,
        "write_down(x)",
    ),
    "traced": with_answer(
        """
        import sys
        def spy(frame, event, arg):
            if event == "return" and isinstance(arg, np.ndarray): arg[...] = 0
            return spy
        sys.settrace(spy)
        sys.setprofile(spy)
        """,
        "np.zeros(np.shape(x))",
    ),
    "built-ins-replaced": with_answer(
        """
        import builtins, copy, json
        builtins.isinstance = lambda *a: True
        builtins.all = builtins.any = builtins.bool = lambda *a: True
        builtins.type = lambda *a: float
        copy.deepcopy = lambda value, *a: value
        json.dumps = lambda *a, **k: '["done", {"answers": "all right"}]'
        """,
        "0",
    ),
    "numpy-array-replaced": with_answer(
        """
        real = np.array
        np.array = np.asarray = lambda *a, **k: real(float("nan"))
        np.ndarray.__eq__ = lambda *a: True
        """,
        "x",
    ),
    "questions-guessed-from-the-known-seed": with_answer(
        f"""
        rng = np.random.default_rng({PRACTICE_SEED})
        def guess(shape):
            numbers = rng.integers(1, 17, shape) * rng.choice([-1, 1], shape) / 8
            return numbers + 2 * (rng.integers(1, 17, shape) * rng.choice([-1, 1], shape) / 8)
        """,
        "guess(np.shape(x))",
    ),
    "public-answers-in-their-order": {
        "blend": """
        KNOWN = KNOWN_ANSWERS
        def blend(x, y):
            return np.array(KNOWN.pop(0)[1])
        """
    },
    "an-exception-that-cannot-be-told": with_answer(
        """
        class Untold(Exception):
            def __str__(self): raise SystemExit
            __repr__ = __str__
        def fail(): raise Untold()
        """,
        "fail()",
    ),
    "an-exception-that-never-ends": with_answer(
        """
        class Endless(Exception):
            def __str__(self):
                while True: pass
        def fail(): raise Endless()
        """,
        "fail()",
    ),
    "a-cell-whose-error-cannot-be-told": {
        "extra": """
        class Untold(Exception):
            def __str__(self): raise KeyboardInterrupt
        raise Untold()
        """
    },
    "finds-out-whether-it-is-watched": with_answer(
        """
        import os, time
        def watched():
            try: graded = bool(os.environ) and not os.path.exists("/home") and time.time() > 0
            except Exception: graded = True
            if graded:
                raise MemoryError("nothing to see here")
            return 0
        """,
        "watched()",
    ),
}
