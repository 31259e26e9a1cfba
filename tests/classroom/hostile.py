"""Hostile hand-ins: dicts of cell name → source; ``extra`` is a cell of the student's own.

None of them computes what was asked, so none may earn a point, whatever it does to its own process.
"""

FAKE = {"blend": "def blend(x, y):\n    return ANSWER", "scale": "Scale = FAKE"}


def with_answer(prepare: str, answer: str) -> dict:
    """Both tasks answered with the same expression, after some preparation."""
    scale = f"""
class Scale:
    def __init__(self, W):
        self.params, self.grads = [W], [np.zeros_like(W)]
    def forward(self, x):
        y = None
        return {answer}
    def backward(self, dout):
        x, y = dout, None
        self.grads[0] = {answer}
        return {answer}
"""
    blend = f"def blend(x, y):\n    return {answer}"
    return {"extra": prepare, "blend": blend, "scale": scale}


TRICKS = {
    "input-transformer": with_answer(
        """
        ip = get_ipython()
        ip.input_transformers_cleanup.append(lambda lines: ["pass"])
        """,
        "0",
    ),
    "numpy-testing-replaced": with_answer(
        """
        import numpy.testing
        for module in (np, numpy.testing):
            for name in ("allclose", "array_equal", "isclose", "assert_allclose", "all"):
                setattr(module, name, lambda *a, **k: True)
        """,
        "np.zeros(3)",
    ),
    "equal-to-everything": with_answer(
        """
        class Yes:
            def __eq__(self, other): return True
            __ne__ = __lt__ = __le__ = __gt__ = __ge__ = lambda self, other: True
            def __hash__(self): return 1
            def __sub__(self, other): return 0
            __rsub__ = __abs__ = __sub__
            def __bool__(self): return True
            def __getattr__(self, name): return self
            def __call__(self, *a, **k): return self
        """,
        "Yes()",
    ),
    "array-protocol": with_answer(
        """
        class Chameleon:
            def __init__(self): self.asked = 0
            def __array__(self, *a, **k):
                self.asked += 1
                return np.zeros((3, 3)) + self.asked
            def __array_ufunc__(self, *a, **k): return True
            def __array_function__(self, *a, **k): return True
        """,
        "Chameleon()",
    ),
    "array-subclass": with_answer(
        """
        class Sly(np.ndarray):
            def __eq__(self, other): return np.ones(np.shape(other), bool)
            def __array_finalize__(self, other): pass
            def astype(self, *a, **k): return self
            def tobytes(self, *a, **k): return b"x" * 1000
            @property
            def shape(self): return (1, 2, 3)
        """,
        "np.zeros(np.shape(x)).view(Sly)",
    ),
    "exit-in-a-cell": {"extra": "import os\nos._exit(0)"},
    "exit-in-a-function": with_answer("import os", "os._exit(0)"),
    "system-exit": with_answer("import sys", "sys.exit(0)"),
    "endless-cell": {
        "extra": "while True:\n    try:\n        x = 1\n    except BaseException:\n        pass"
    },
    "endless-function": with_answer(
        """
        def forever():
            while True:
                try:
                    while True: pass
                except BaseException: pass
        """,
        "forever()",
    ),
    "deaf-to-alarms": with_answer(
        """
        import signal
        def forever():
            for number in range(1, 65):
                try: signal.signal(number, signal.SIG_IGN)
                except Exception: pass
            while True: pass
        """,
        "forever()",
    ),
    "sleeper": with_answer("import time", "time.sleep(10_000)"),
    "memory-bomb": with_answer("", "[bytearray(1 << 28) for _ in range(10_000)]"),
    "recursion-bomb": with_answer(
        "import sys\nsys.setrecursionlimit(10**9)\ndef f(n=0): return f(n + 1) + 1", "f()"
    ),
    "fork-bomb": {"extra": "import os\nwhile True:\n    os.fork()"},
    "fork-bomb-in-a-function": with_answer(
        """
        import os, subprocess
        def bomb():
            try: subprocess.Popen(["/bin/sh"])
            except OSError: pass
            while True: os.fork()
        """,
        "bomb()",
    ),
    "thread-bomb": with_answer(
        """
        import threading, time
        def bomb():
            while True: threading.Thread(target=time.sleep, args=(100,)).start()
        """,
        "bomb()",
    ),
    "disk-fill": with_answer(
        """
        import os
        def fill():
            for folder in ("/tmp", "/", "/dev", "/dev/shm", "/var/tmp", "/grader"):
                for number in range(100):
                    try:
                        with open(f"{folder}/{number}", "wb") as file:
                            for _ in range(64): file.write(bytes(1 << 20))
                    except OSError:
                        pass
        """,
        "fill()",
    ),
    "gigabyte-of-output": {
        "extra": """
        import os, sys
        for _ in range(1024):
            print("x" * (1 << 20))
            os.write(1, b"x" * (1 << 20))
        """
    },
    "flooded-answers": {
        "extra": """
        import os
        for number in range(3, 20):
            try:
                while True: os.write(number, b"x" * (1 << 20))
            except OSError: pass
        """
    },
    "solutions-read": with_answer(
        """
        import os
        found = []
        for folder, _, files in os.walk("/"):
            for name in files:
                path = os.path.join(folder, name)
                if name in ("mini.py", "mini.ipynb", "practice.json", "gradebook.db"):
                    found.append(path)
        for path in found:
            exec(open(path).read())
        secret = {"blend": blend}["blend"] if found else None
        """,
        "secret(x, y)",
    ),
    "grade-book-written": with_answer(
        """
        import glob, os, sqlite3
        def rob():
            for path in glob.glob("/**/gradebook.db", recursive=True) + ["COURSE/gradebook.db"]:
                book = sqlite3.connect(path)
                book.execute("update grade set auto_score = 100")
                book.commit()
        """,
        "rob()",
    ),
    "other-students-read": with_answer(
        """
        import json, os
        def copy_honest():
            tree = json.load(open("COURSE/submitted/honest/mini/mini.ipynb"))
            for c in tree["cells"]:
                exec("".join(c["source"]), globals())
            return blend(x, y)
        """,
        "copy_honest()",
    ),
    "network": with_answer(
        """
        import socket, urllib.request
        def phone():
            try: urllib.request.urlopen("http://1.1.1.1/", timeout=1).read()
            except OSError: pass
            return socket.create_connection(("8.8.8.8", 53), 1)
        """,
        "phone()",
    ),
    "forged-score-messages": with_answer(
        """
        import os, json
        message = '{"score": 8, "points": 8, "max": 8, "status": "passed"}\\n'
        print(message)
        for number in (1, 2): os.write(number, message.encode())
        open("/tmp/results.json", "w").write(message)
        """,
        "{'score': 8, 'status': 'passed'}",
    ),
    "forged-frames": {
        "extra": """
        import os, sys
        wire = sys.modules["wire"]
        def frame(word, value=None):
            data = wire.pack([word, value])
            return len(data).to_bytes(8, "little") + data
        zero = {"array": np.zeros(3)}
        lies = {"answers": [{"z": zero, "y": zero, "dW": zero, "dx": zero}] * 4,
                "printed": "", "warned": [], "status": "passed", "points": 8}
        for number in range(3, 20):
            try: os.write(number, frame("cells", []) + frame("done", lies))
            except OSError: pass
        os._exit(0)
        """
    },
    "answers-of-the-wrong-form": {
        "extra": """
        import os, sys
        wire = sys.modules["wire"]
        def frame(word, value=None):
            data = wire.pack([word, value])
            return len(data).to_bytes(8, "little") + data
        odd = {"z": {"raised": [1], "line": "x"}, "inputs": {"array": np.zeros(2)},
               "grads in place": {"array": 3}, "time": {"array": 1}, "dW": {"remark": "passed"}}
        for number in range(3, 20):
            try: os.write(number, frame("cells", [7]) + frame("done", {"answers": [odd] * 3}))
            except OSError: pass
        os._exit(0)
        """
    },
    "half-a-frame": {
        "extra": """
        import os
        for number in range(3, 20):
            try: os.write(number, bytes([16]) + bytes(7))
            except OSError: pass
        os._exit(0)
        """
    },
    "w2vlib-patched": with_answer(
        """
        import w2vlib.check.answers as answers, w2vlib.check.exercise as exercise
        import w2vlib.check.running as running
        exercise.same = answers.same = answers.close_entries = lambda *a, **k: True
        exercise.Notes.value = lambda self, quantity, value: None
        exercise.Exercise.judge = lambda *a: "passed"
        running.limited = lambda f, s=None: None
        """,
        "0",
    ),
    "pickled-payload": with_answer(
        """
        import pickle, sys
        class Payload:
            def __reduce__(self):
                import os
                return os.system, ("touch /tmp/owned COURSE/owned",)
        sys.modules["wire"].pack = lambda value: pickle.dumps(Payload())
        """,
        "np.array([Payload()], dtype=object)",
    ),
    "taken-from-the-library": with_answer(
        """
        from w2vlib.layers import MatMul, Embedding
        """,
        "MatMul(x).forward(x)",
    ),
    "answers-looked-up-in-memory": with_answer(
        """
        import gc, sys
        def look():
            frame = sys._getframe()
            while frame:
                for name, value in list(frame.f_locals.items()):
                    if name in ("right", "expected", "answers", "z") and np.size(value):
                        return value
                frame = frame.f_back
            arrays = [a for a in gc.get_objects() if isinstance(a, np.ndarray)]
            return arrays[0] if arrays else 0
        """,
        "look()",
    ),
    "practice-answers-by-heart": {
        "blend": """
        def blend(x, y):
            known = KNOWN_ANSWERS
            for (a, b), z in known:
                if np.shape(a) == x.shape and np.allclose(a, x) and np.allclose(b, y):
                    return np.array(z)
            return x
        """
    },
    "crash": with_answer("import ctypes", "ctypes.string_at(0)"),
    "huge-answer": with_answer("", "np.zeros((5_000, 5_000))"),
    "huge-shape-no-bytes": with_answer("", "np.zeros((10**9, 0))"),
    "nan-everywhere": with_answer("", "np.full(np.shape(x), np.nan)"),
    "coarse-numbers": with_answer("", "np.zeros(np.shape(x), np.float16)"),
    "nested-deeply": with_answer("deep = []\nfor _ in range(100_000):\n    deep = [deep]", "deep"),
    "limits-raised": with_answer(
        """
        import resource
        def free():
            for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
                resource.setrlimit(which, (-1, -1))
        """,
        "free()",
    ),
    "other-processes": with_answer(
        """
        import os, glob
        def meddle():
            for path in glob.glob("/proc/*/mem") + glob.glob("/proc/*/environ"):
                try: open(path, "r+b").write(b"0")
                except OSError: pass
            for number in (os.getppid(), 1, -1):
                try: os.kill(number, 9)
                except OSError: pass
        """,
        "meddle()",
    ),
    "another-program": with_answer(
        "import os, sys", "os.execv(sys.executable, [sys.executable, '-c', 'print(1)'])"
    ),
    "late-work": with_answer(
        """
        import atexit, sys
        class Late:
            def __del__(self):
                while True: pass
        keep = Late()
        atexit.register(lambda: [0 for _ in iter(int, 1)])
        sys.modules["keep"] = keep
        """,
        "0",
    ),
    "untouched": {},
}
