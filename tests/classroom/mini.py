"""A small course for the tests: one assignment, two tasks, one written answer."""

import json
import textwrap
from pathlib import Path

GRADING = """
import numpy as np
from w2vlib.check import common
from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.tasks import Part, Task


def blend(x, y, *, slip=""):
    return x - 2 * y if slip == "minus" else x + 2 * y


def blend_cases(rng):
    shapes = [(3,), (4,), (2, 3), (3, 5)]
    names = ["vectors", "vectors", "matrices", "matrices"]
    return [
        Case(n, {"x": common.numbers(rng, *s), "y": common.numbers(rng, *s)})
        for n, s in zip(names, shapes)
    ]


class Scale:
    def __init__(self, W, *, slip=""):
        self.params, self.grads, self.slip = [W], [np.zeros_like(W)], slip

    def forward(self, x):
        self.x = x
        return x * self.params[0]

    def backward(self, dout):
        step = (dout * self.x).sum(axis=0)
        self.grads[0][...] = step / len(self.x) if self.slip == "averaged" else step
        return dout * self.params[0]


def scale_cases(rng):
    return [
        Case("small", {"W": common.numbers(rng, H), "x": common.numbers(rng, B, H),
                       "dout": common.numbers(rng, B, H)})
        for B, H in ((2, 2), (3, 2), (4, 5))
    ]


TASKS = (
    Task(
        name="blend", title="Blend", cell="test_blend", kind="function",
        steps=(("ask", "z", ["x", "y"]),), cases=blend_cases, reference=blend,
        parts=(Part("vectors", 1, ("z",), ("vectors",)),
               Part("matrices", 2, ("z",), ("matrices",))),
        mistakes=(Mistake("minus", "minus instead of plus.", lambda c: f"x is {c.x}", ("Sign?",)),),
        hints=("x + 2 y",), seconds=2, labels={"z": "blend(x, y)"},
    ),
    Task(
        name="Scale", title="Scale", cell="test_scale", kind="class",
        steps=(("make", ["W"]), ("hold", "dW", "W"), ("call", "y", "forward", ["x"]),
               ("call", "dx", "backward", ["dout"]), ("grad", "dW")),
        cases=scale_cases, reference=Scale,
        parts=(Part("forward", 1, ("y",)), Part("dx", 1, ("dx",)), Part("dW", 3, ("dW",))),
        mistakes=(Mistake("averaged", "divided by B.", "Sum.", ("Sum?",)),),
        hints=("Product rule.",), seconds=2, labels={},
    ),
)
"""

SETUP = """
import numpy as np

from w2vlib.classroom import practice

check = practice.open()
"""

BLEND = """
def blend(x, y):
    ### BEGIN SOLUTION
    return x + 2 * y
    ### END SOLUTION
"""

SCALE = """
class Scale:
    def __init__(self, W):
        self.params = [W]
        self.grads = [np.zeros_like(W)]

    def forward(self, x):
        ### BEGIN SOLUTION
        self.x = x
        return x * self.params[0]
        ### END SOLUTION

    def backward(self, dout):
        ### BEGIN SOLUTION
        self.grads[0][...] = (dout * self.x).sum(axis=0)
        return dout * self.params[0]
        ### END SOLUTION
"""

HIDDEN = """
check({0})
### BEGIN HIDDEN TESTS
assert {0}.__name__ == "{0}", "a hidden line"
### END HIDDEN TESTS
"""


def cell(kind, source, name="", **about):
    """A cell in nbformat's form."""
    metadata = {}
    if about:
        known = {"grade": False, "locked": False, "solution": False, "task": False}
        metadata = {"nbgrader": {"schema_version": 3, "grade_id": name, **known, **about}}
    made = {"cell_type": kind, "id": f"id-{name or abs(hash(source)) % 10**6}"}
    made |= {"metadata": metadata, "source": textwrap.dedent(source).strip()}
    return made | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def notebook(cells):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


def source_cells():
    return [
        cell("markdown", "# Mini"),
        cell("code", SETUP, "setup", locked=True),
        cell("code", BLEND, "blend", solution=True),
        cell("code", HIDDEN.format("blend"), "test_blend", grade=True, locked=True, points=3),
        cell("code", "print('a demonstration')", "demo"),
        cell("code", SCALE, "scale", solution=True),
        cell("code", HIDDEN.format("Scale"), "test_scale", grade=True, locked=True, points=5),
        cell("markdown", "The sum, because …", "why", grade=True, solution=True, points=2),
    ]


def make_course(root: Path, config: Path) -> Path:
    """Write the course into an empty folder."""
    (root / "source/mini").mkdir(parents=True)
    (root / "grading").mkdir()
    (root / "grading/mini.py").write_text(GRADING)
    (root / "nbgrader_config.py").write_text(config.read_text())
    text = json.dumps(notebook(source_cells()))
    (root / "source/mini/mini.ipynb").write_text(text)
    return root


def solved(**changes):
    """The released cells with the given sources in the cells of these names; none: untouched."""
    from w2vlib.classroom.course import released_source

    cells = source_cells()
    for c in cells:
        about = c["metadata"].get("nbgrader", {})
        name = about.get("grade_id", "")
        code = c["cell_type"] == "code"
        c["source"] = released_source(c["source"], code, bool(about.get("solution")))
        if name in changes:
            c["source"] = textwrap.dedent(changes[name]).strip()
    return cells


RIGHT = {
    "blend": BLEND.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", ""),
    "scale": SCALE.replace("### BEGIN SOLUTION", "").replace("### END SOLUTION", ""),
}
