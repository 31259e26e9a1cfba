"""What runs inside the sandbox: the student's cells, then the questions.

The grader reads nothing from here but plain data, and believes nothing but right answers; so it
does not matter what the student's code does to this process.  Usage: ``python -I -S inside.py``,
the request on standard input, answers on standard output.
"""

from __future__ import annotations

import os
import sys


class Nothing:
    """Stands in for pictures and displays: accepts every call, attribute and index."""

    def __getattr__(self, name: str):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs):
        return self

    __getitem__ = __call__

    def __setattr__(self, name: str, value) -> None:
        pass

    def __setitem__(self, key, value) -> None:
        pass

    def __iter__(self):
        return iter((self, self))

    def __enter__(self):
        return self

    def __exit__(self, *args) -> None:
        return None


_QUIET = ("matplotlib", "IPython", "ipywidgets", "tqdm", "w2vlib.plotting", "w2vlib.classroom")


def _find_module():
    """Give ``Nothing`` for pictures, and say why other parts of w2vlib are absent."""
    import importlib.abc
    import importlib.machinery
    import types

    class Quiet(types.ModuleType):
        __path__: list = []

        def __getattr__(self, name: str):
            if name.startswith("__") and name.endswith("__"):
                raise AttributeError(name)
            return Nothing()

    class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
        def find_spec(self, fullname, path=None, target=None):
            if any(fullname == q or fullname.startswith(q + ".") for q in _QUIET):
                return importlib.machinery.ModuleSpec(fullname, self, is_package=True)
            return None

        def create_module(self, spec):
            return Quiet(spec.name)

        def exec_module(self, module) -> None:
            pass

    class Last(importlib.abc.MetaPathFinder):
        def find_spec(self, fullname, path=None, target=None) -> None:
            if fullname.startswith("w2vlib."):
                raise ModuleNotFoundError(
                    f"{fullname} is not available while this assignment is graded: "
                    "it asks you to write such things yourself",
                    name=fullname,
                )

    sys.meta_path.insert(0, Finder())
    sys.meta_path.append(Last())


def _limit(limits: dict) -> None:
    try:
        import resource
    except ImportError:  # Windows, where only students run this, on their own work
        return

    def lower(which: int, value: int) -> None:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))

    lower(resource.RLIMIT_AS, limits["memory"])
    lower(resource.RLIMIT_CPU, limits["cpu"])
    lower(resource.RLIMIT_FSIZE, limits["file"])
    lower(resource.RLIMIT_NOFILE, 64)
    lower(resource.RLIMIT_CORE, 0)


def _run_cells(cells, space: dict, seconds: float) -> list[dict]:
    """Run the cells one after the other; a cell that fails does not stop the next."""
    import linecache

    from w2vlib.check import running

    troubles = []
    for cell in cells:
        name = f"cell {cell['number']}"
        source = cell["source"]
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        try:
            code = compile(source, name, "exec", dont_inherit=True)
            running.limited(lambda code=code: exec(code, space), seconds)
        except running.TimeUp:
            text = f"took longer than {seconds:g} s and was stopped"
            troubles.append({"number": cell["number"], "kind": "TimeUp", "text": text, "line": 0})
        except BaseException as error:
            troubles.append({"number": cell["number"], **_told(error)})
    return troubles


def _told(error: BaseException) -> dict:
    """An error in a cell, in words; telling may fail or never end as well."""
    from w2vlib.check import running

    try:
        seen = running.limited(lambda: running.as_raised(error, ""), 1.0)
        line = seen.line or getattr(error, "lineno", 0) or 0
    except BaseException:
        return {"kind": "Error", "text": "it cannot be told", "line": 0}
    line = line if isinstance(line, int) else 0
    return {"kind": str(seen.kind), "text": str(seen.message)[:300], "line": line}


def _as_it_can_travel(value):
    """An array that the grader's messages know; otherwise a remark on what it is."""
    import numpy as np
    import wire

    from w2vlib.check.answers import Remark

    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.kind == "f" and value.dtype.itemsize > 8:
        value = value.astype(np.float64)
    try:
        wire.pack(value)
    except wire.WireError:
        return Remark(f"an array of {value.dtype} with {value.ndim} axes")
    return value


def _plain_answers(answers: list[dict]) -> list[dict]:
    from w2vlib.check.answers import Remark
    from w2vlib.check.running import Raised

    def plain(value):
        value = _as_it_can_travel(value)
        if isinstance(value, Remark):
            return {"remark": str(value.text)[:400]}
        if isinstance(value, Raised):
            texts = (value.kind, value.message, value.call, value.source, value.function)
            return {"raised": [str(t)[:400] for t in texts], "line": int(value.line or 0)}
        return {"array": value}

    return [{str(q): plain(value) for q, value in seen.items()} for seen in answers]


def _answer(request: dict, solution, script) -> dict:
    from w2vlib.check import running
    from w2vlib.check.exercise import Case, Exercise

    cases = [Case(c["name"], c["inputs"], c["earlier"]) for c in request["cases"]]
    exercise = Exercise(
        request["name"], None, script.Script(request["steps"]), None, {}, (), (), request["kind"]
    )
    running.TIME_LIMIT = request["seconds"]
    answers, remains = exercise.collect(solution, cases)
    return {
        "answers": _plain_answers(answers),
        "printed": remains.printed,
        "warned": [str(w)[:300] for w in remains.warned[:10]],
    }


def main() -> None:
    request_bytes = sys.stdin.buffer.read()
    out = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:0] = [os.path.join(here, "lib"), os.path.join(here, "site")]
    if os.path.exists(os.path.join(here, "site.txt")):  # without walls, where links are forbidden
        with open(os.path.join(here, "site.txt"), encoding="utf-8") as file:
            sys.path.append(file.read())

    import numpy  # noqa: F401  (before the limits, so that they count the student's work only)
    import wire

    request = wire.unpack(request_bytes, 1 << 30)
    import script

    _find_module()

    def say(word: str, value=None) -> None:
        """One frame: its length in eight bytes, then the message."""
        data = wire.pack([word, value])
        data = len(data).to_bytes(8, "little") + data
        while data:
            data = data[os.write(out, data) :]

    _limit(request["limits"])
    os.chdir(os.environ["HOME"])
    say("ready")
    space = {"__name__": "__main__", "__builtins__": __builtins__, "display": Nothing()}
    module = type(sys)("__main__")
    module.__dict__.update(space)
    sys.modules["__main__"] = module
    troubles = _run_cells(request["cells"], module.__dict__, request["cell_seconds"])
    say("cells", troubles[:50])
    name = request["name"]
    if name not in module.__dict__:
        say("absent")
    else:
        say("done", _answer(request, module.__dict__[name], script))
    os._exit(0)


if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    main()
