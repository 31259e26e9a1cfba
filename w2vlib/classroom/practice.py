"""Practice questions for an assignment, with a diagnosis – and without the solution.

``practice.json`` lies beside a released notebook.  It holds the questions that everybody may see,
their right answers, and the wrong answers that known mistakes give: numbers only.  So a check can
name a mistake as :mod:`w2vlib.check` does, and there is no code to copy from.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from w2vlib.check.answers import Remark
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report
from w2vlib.check.running import Raised
from w2vlib.classroom.script import Script

FILE = "practice.json"


class NotYet(AssertionError):
    """The practice questions are not all answered correctly yet."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence, without the way that led here."""
        return [f"NotYet: {self}"]


class Practice:
    """All practice checks of one assignment: ``check(MyFunction)``.

    Args:
        description: the content of ``practice.json``.
    """

    def __init__(self, description: dict) -> None:
        self.name = description["assignment"]
        self.tasks = {task["name"]: task for task in description["tasks"]}
        self.cells = description.get("cells", [])

    def __call__(self, solution) -> None:
        """Show what the check says; a wrong or missing solution is an error, so nobody misses it.

        Raises:
            NotYet: it is not right yet.
            ValueError: no task of this assignment has the name of ``solution``.
        """
        report = self.report(solution)
        _show(report)
        if not report:
            what = f" [{report.mistake}]" if report.mistake else ""
            raise NotYet(f"{report.exercise}: {report.headline}{what}")

    def report(self, solution, name: str | None = None) -> Report:
        """What the check says, as a value."""
        name = name or getattr(solution, "__name__", "?")
        if name not in self.tasks:
            known = ", ".join(self.tasks)
            raise ValueError(f"this assignment asks for {known}; got {name!r}.")
        return exercise_from(self.tasks[name]).check(solution)

    def example(self, name: str) -> dict:
        """Inputs of the first practice question of a task, to look at and to try.

        Raises:
            ValueError: there is no such task.
        """
        if name not in self.tasks:
            raise ValueError(f"this assignment asks for {', '.join(self.tasks)}; got {name!r}.")
        return _in(self.tasks[name]["cases"][0]["inputs"])


def open(path=FILE) -> Practice:
    """The practice checks in a file (by default the one beside the notebook).

    Raises:
        FileNotFoundError: there is none.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing: it belongs beside the notebook. Fetch the assignment again and "
            "keep its files together."
        )
    return Practice(json.loads(path.read_text(encoding="utf-8")))


def _show(report: Report) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        get_ipython = None
    if get_ipython and get_ipython():
        display(report)


# ---- as numbers ---------------------------------------------------------------------------------


def describe(assignment: str, tasks) -> dict:
    """The content of ``practice.json`` for these tasks."""
    return {"assignment": assignment, "tasks": [_described(task) for task in tasks]}


def _described(task) -> dict:
    cases = task.practice_cases()
    exercise = task.exercise
    about = {
        "name": task.name,
        "kind": task.kind,
        "title": task.title,
        "steps": [list(step) for step in task.steps],
        "labels": task.labels,
        "hints": list(task.hints),
        "unshown": list(task.unshown),
        "cases": [
            {"name": c.name, "inputs": _out(c.inputs), "earlier": _out(c.earlier)} for c in cases
        ],
    }
    if hasattr(task, "measure"):
        goals = [[p.title, goal] for p, goal in zip(task.parts, task.goals, strict=True)]
        about |= {
            "measure": task.measure.__name__,
            "goals": goals,
            "tells": task.tells,
            "truth": [_out(c.truth) for c in cases],
            "seconds": task.seconds,
        }
        return about
    expected = exercise.right_answers(cases)
    about["right"] = [_out(seen) for seen in expected]
    about["mistakes"] = [
        {
            "id": m.id,
            "title": m.title,
            "why": [m.why(c) if callable(m.why) else m.why for c in cases],
            "hints": list(m.hints),
            "variants": [
                [_out(seen) for seen in played] for played in exercise._played(m, cases, expected)
            ],
        }
        for m in task.mistakes
    ]
    return about


def exercise_from(about: dict) -> Exercise:
    """The check behind a description."""
    cases = [Case(c["name"], _in(c["inputs"]), _in(c["earlier"])) for c in about["cases"]]
    if "measure" in about:
        return _Measured(about, cases)
    return _Recorded(about, cases)


def _fields(about: dict, cases, mistakes=()) -> dict:
    return {
        "name": about["name"],
        "cases": lambda rng: cases,
        "probe": Script(about["steps"]),
        "reference": None,
        "labels": about["labels"],
        "mistakes": tuple(mistakes),
        "hints": tuple(about["hints"]),
        "kind": about["kind"],
        "unshown": tuple(about["unshown"]),
    }


class _Recorded(Exercise):
    """An exercise that knows its answers, and those of mistakes, by heart."""

    def __init__(self, about: dict, cases: list[Case]) -> None:
        mistakes = [_mistake(m, cases) for m in about["mistakes"]]
        super().__init__(**_fields(about, cases, mistakes))
        right = [_in(seen) for seen in about["right"]]
        played = {m["id"]: [[_in(s) for s in v] for v in m["variants"]] for m in about["mistakes"]}
        object.__setattr__(self, "_right", right)
        object.__setattr__(self, "_by_heart", played)

    def right_answers(self, cases, slip: str = "") -> list[dict]:
        return self._right

    def _played(self, mistake: Mistake, cases, expected):
        return self._by_heart.get(mistake.id, [])


def _mistake(about: dict, cases: list[Case]) -> Mistake:
    texts = {id(case): text for case, text in zip(cases, about["why"], strict=True)}
    return Mistake(
        about["id"], about["title"], lambda case: texts[id(case)], tuple(about["hints"]), slips=()
    )


class _Measured(Exercise):
    """An exercise that measures how good an answer is."""

    def __init__(self, about: dict, cases: list[Case]) -> None:
        super().__init__(**_fields(about, cases))
        object.__setattr__(self, "about", about)

    def check(self, solution) -> Report:
        from w2vlib.check import running

        cases = self.cases(None)
        before, running.TIME_LIMIT = running.TIME_LIMIT, self.about["seconds"]
        try:
            answers, remains = self.collect(solution, cases)
        finally:
            running.TIME_LIMIT = before
        return self.judge(cases, answers, remains)

    def judge(self, cases, answers: list[dict], remains=None) -> Report:
        """The report on plain answers, measured as the grader measures."""
        from w2vlib.classroom import measures, tasks

        about = self.about
        asked = [
            tasks.MeasuredCase(c.name, c.inputs, truth=_in(truth))
            for c, truth in zip(cases, about["truth"], strict=True)
        ]
        parts = tuple(tasks.Part(title, 1, ()) for title, _ in about["goals"])
        task = tasks.MeasuredTask(
            self.name, "", "", self.kind, about["steps"], lambda rng: asked, None, parts,
            hints=self.hints, measure=getattr(measures, about["measure"]),
            goals=tuple(goal for _, goal in about["goals"]), tells=about["tells"],
        )  # fmt: skip
        return task.judge(asked, answers, remains.printed if remains else "").report


def _out(value):
    """Plain data as JSON can hold it."""
    if isinstance(value, Remark):
        return {"~": "remark", "text": value.text}
    if isinstance(value, Raised):
        return {"~": "raised", "kind": value.kind, "message": value.message}
    if isinstance(value, np.ndarray):
        data = value.tolist()
        return {"~": value.dtype.str, "shape": list(value.shape), "data": _finite(data)}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {k: _out(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_out(v) for v in value]
    return value


def _finite(data):
    """Infinity and NaN as words: JSON has no numbers for them."""
    if isinstance(data, list):
        return [_finite(item) for item in data]
    return str(data) if isinstance(data, float) and not math.isfinite(data) else data


def _in(value):
    if isinstance(value, list):
        return [_in(v) for v in value]
    if not isinstance(value, dict):
        return value
    if "~" not in value:
        return {k: _in(v) for k, v in value.items()}
    read: dict[str, Callable] = {
        "remark": lambda: Remark(value["text"]),
        "raised": lambda: Raised(value["kind"], value["message"]),
    }
    if value["~"] in read:
        return read[value["~"]]()
    return np.array(value["data"], dtype=value["~"]).reshape(value["shape"])
