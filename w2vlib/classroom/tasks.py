"""Tasks: what is asked, what the right answers are, and what each property is worth.

A task asks in plain data (:mod:`w2vlib.classroom.script`), so the same questions can be put to a
submission in the sandbox and to the reference solution here.  Marks are given for properties, each
on all cases that show it; a recognised mistake is named as in :mod:`w2vlib.check`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from w2vlib.check.answers import UNWRITTEN, Remark, is_remark, same
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report
from w2vlib.check.running import Raised, Remains
from w2vlib.classroom.script import Script

PRACTICE_SEED = 20130116
"""The questions that everybody may see are drawn from this seed; the graded ones never."""


@dataclass(frozen=True)
class Part:
    """A property and its points.

    Attributes:
        title: what is right if this is right, as the student reads it.
        points: for having it right in every case.
        quantities: the answers that show it.
        cases: names of the cases that count; none means all.
        needs: titles of parts that must be right as well; an answer that is right only because
            nothing was computed earns nothing.
    """

    title: str
    points: float
    quantities: tuple[str, ...]
    cases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mark:
    """What one part earned."""

    title: str
    points: float
    max: float


@dataclass(frozen=True)
class Verdict:
    """The result of one task.

    Attributes:
        status: ``"passed"``, ``"not attempted"`` or ``"wrong"``.
        marks: points by part.
        mistake: name of the mistake, if it was recognised; headline: its sentence.
        report: all that the check says, with the inputs: only for questions that are public.
    """

    status: str
    marks: tuple[Mark, ...]
    mistake: str | None = None
    headline: str = ""
    report: Report | None = field(default=None, repr=False)

    @property
    def points(self) -> float:
        return sum(mark.points for mark in self.marks)


@dataclass(frozen=True)
class Task:
    """One graded task.

    Attributes:
        name: the name that the student defines.
        title: for people.
        cell: nbgrader's name of the test cell that carries the points.
        kind: ``"class"`` or ``"function"``.
        steps, cases, reference, labels, mistakes, hints, unshown: as in an
            :class:`~w2vlib.check.exercise.Exercise`, with steps instead of a probe.
        parts: properties and points.
        seconds: time for all questions.
        worth: share of the points that one recognised mistake leaves at least, if nothing else is
            wrong: who reads a formula wrongly in one place has still done the work.
        worthless: mistakes that leave nothing, because they are no work.
    """

    name: str
    title: str
    cell: str
    kind: str
    steps: tuple
    cases: Callable
    reference: Callable
    parts: tuple[Part, ...]
    labels: dict = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    hints: tuple[str, ...] = ()
    unshown: tuple[str, ...] = ()
    seconds: float = 10.0
    worth: float = 1 / 3
    worthless: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        return sum(part.points for part in self.parts)

    @functools.cached_property
    def exercise(self) -> Exercise:
        return Exercise(
            self.name,
            self.cases,
            Script(self.steps),
            self.reference,
            self.labels,
            self.mistakes,
            self.hints,
            self.kind,
            self.unshown,
        )

    def practice_cases(self) -> list[Case]:
        return self.cases(np.random.default_rng(PRACTICE_SEED))

    def request(self, cells: list[dict], cases: list[Case]) -> dict:
        """The questions as plain data for the sandbox; no right answers are in it."""
        return {
            "name": self.name,
            "kind": self.kind,
            "cells": cells,
            "cases": [{"name": c.name, "inputs": c.inputs, "earlier": c.earlier} for c in cases],
            "steps": [list(step) for step in self.steps],
        }

    def judge(self, cases, answers: list[dict], printed: str = "", warned=()) -> Verdict:
        """Compare plain answers with right ones; runs no student's code."""
        answers = self._with_types(cases, answers)
        report = self.exercise.judge(cases, answers, Remains(printed, tuple(warned)))
        expected = self.exercise.right_answers(cases)
        marks = self.marks(cases, answers, expected)
        if report.status == "passed" and any(mark.points < mark.max for mark in marks):
            report = Report(self.name, "wrong", "answers are missing.", hints=self.hints)
        marks += self._corrections(report, marks, cases, answers, expected)
        return Verdict(report.status, marks, report.mistake, report.headline, report)

    def _with_types(self, cases, answers: list[dict]) -> list[dict]:
        """Answers whose types are those of the arrays that came, whatever is said about them."""
        asked = [step[1:] for step in self.steps if step[0] == "dtype"]
        answers = [dict(seen) for seen in answers]
        for case, seen in zip(cases, answers, strict=False):
            for quantity, of in asked if case.name == "float32" else ():
                if quantity in seen and isinstance(seen.get(of), np.ndarray):
                    seen[quantity] = Remark(str(seen[of].dtype))
        return answers

    def marks(self, cases, answers, expected) -> tuple[Mark, ...]:
        earned: dict[str, bool] = {}
        for part in self.parts:
            right = _is_right(part, cases, answers, expected)
            earned[part.title] = right and all(earned[title] for title in part.needs)
        return tuple(
            Mark(p.title, p.points if earned[p.title] else 0.0, p.points) for p in self.parts
        )

    def _corrections(self, report, marks, cases, answers, expected) -> tuple[Mark, ...]:
        """A single known mistake leaves a share; side effects cost a point."""
        earned = sum(mark.points for mark in marks)
        if report.status != "wrong":
            return ()
        if earned == self.points:
            return (Mark("side effects: inputs changed, or the like", -1.0, 0.0),)
        least = math.floor(2 * self.worth * self.points) / 2
        known = next((m for m in self.mistakes if m.id == report.mistake), None)
        if earned >= least or known is None or known.id in self.worthless:
            return ()
        played = self.exercise._played(known, cases, expected)
        if any(_all_same(answers, variant) for variant in played):
            return (Mark("all else is right", least - earned, 0.0),)
        return ()

    def no_marks(self) -> tuple[Mark, ...]:
        return tuple(Mark(p.title, 0.0, p.points) for p in self.parts)


def _is_right(part: Part, cases, answers, expected) -> bool:
    shown = 0
    for number, (case, right) in enumerate(zip(cases, expected, strict=True)):
        if part.cases and case.name not in part.cases:
            continue
        for quantity in part.quantities:
            if quantity not in right:
                continue
            shown += 1
            if number >= len(answers) or quantity not in answers[number]:
                return False
            if not same(answers[number][quantity], right[quantity]):
                return False
    return shown > 0


def _all_same(answers, variant) -> bool:
    return len(answers) == len(variant) and all(
        quantity in seen and same(seen[quantity], value)
        for seen, wrong in zip(answers, variant, strict=True)
        for quantity, value in wrong.items()
    )


@dataclass(frozen=True)
class MeasuredCase(Case):
    """A question whose answer is measured; ``truth`` never leaves the grader."""

    truth: dict = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredTask(Task):
    """A task whose answers are not right or wrong, but better or worse.

    Attributes:
        measure: ``(case, answers) → number``, larger is better; it must never raise for answers
            that are no numbers, and give −inf for them.
        goals: the number to reach for each part, in the order of ``parts``; the worst case counts.
        tells: what the number means, with ``{score}`` in it.
    """

    measure: Callable = None
    goals: tuple[float, ...] = ()
    tells: str = "{score:.2f}"

    def judge(self, cases, answers: list[dict], printed: str = "", warned=()) -> Verdict:
        written = [not any(is_remark(v, UNWRITTEN) for v in seen.values()) for seen in answers]
        if not answers or not all(written):
            report = Report(self.name, "not attempted", "not attempted yet.", hints=self.hints)
            return Verdict("not attempted", self.no_marks(), None, report.headline, report)
        scores = [
            self.measure(case, answers[i]) if i < len(answers) else -np.inf
            for i, case in enumerate(cases)
        ]
        worst = min(scores)
        marks = tuple(
            Mark(part.title, part.points if worst >= goal else 0.0, part.points)
            for part, goal in zip(self.parts, self.goals, strict=True)
        )
        done = all(mark.points == mark.max for mark in marks)
        status = "passed" if done else "wrong"
        report = self._report(status, worst, answers, printed)
        return Verdict(status, marks, report.mistake, report.headline, report)

    def _report(self, status, worst, answers, printed) -> Report:
        if np.isfinite(worst):
            headline = self.tells.format(score=worst)
            return Report(self.name, status, headline, hints=self.hints, printed=printed)
        odd = [v for seen in answers for v in seen.values() if isinstance(v, Raised)]
        if any("time" in seen for seen in answers):
            headline, mistake = "it took too long.", "time-limit"
        elif odd:
            headline, mistake = f"your code stopped with {odd[0].kind}.", None
            text = f"`{odd[0].kind}: {odd[0].message}` in line {odd[0].line}: `{odd[0].source}`"
            return Report(self.name, status, headline, mistake, text, hints=self.hints)
        else:
            headline, mistake = "the answer is not what was asked for.", "no-answer"
        return Report(self.name, status, headline, mistake, hints=self.hints, printed=printed)


# ---- answers from outside -----------------------------------------------------------------------

_TOLD = ("inputs", "grads in place")
MAX_ENTRIES = 2_000_000


def decode(value, n_cases: int) -> list[dict]:
    """Answers of a submission as a check knows them; whatever is odd becomes a remark.

    Raises:
        ValueError: they are not even a list of answers.
    """
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(answers, list) or len(answers) > n_cases:
        raise ValueError("no list of answers")
    if not all(isinstance(seen, dict) and len(seen) <= 100 for seen in answers):
        raise ValueError("answers of the wrong form")
    return [{q: _answer(q, found) for q, found in seen.items()} for seen in answers]


def _answer(quantity: str, found):
    if isinstance(found, dict) and set(found) == {"remark"} and isinstance(found["remark"], str):
        return Remark(found["remark"])
    if isinstance(found, dict) and set(found) == {"raised", "line"}:
        texts, line = found["raised"], found["line"]
        if isinstance(texts, list) and len(texts) == 5 and all(isinstance(t, str) for t in texts):
            line = line if isinstance(line, int) and line > 0 else None
            return Raised(texts[0], texts[1], texts[2], line, texts[3], texts[4])
    if isinstance(found, dict) and set(found) == {"array"} and quantity not in (*_TOLD, "time"):
        return _array(found["array"])
    return Remark("something that is no answer")


def _array(value):
    if isinstance(value, bool | int | float):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray) or value.size > MAX_ENTRIES:
        return Remark("something that is no answer")
    # Coarse numbers must not be judged coarsely: what was asked decides what is near enough.
    return value.astype(np.float64) if value.dtype == np.float16 else value


def safe_kind(name: str) -> str:
    """An exception's name if Python knows it; a made-up name may say anything."""
    import builtins

    known = getattr(builtins, name, None) if name.isidentifier() else None
    is_error = isinstance(known, type) and issubclass(known, BaseException)
    return name if is_error else "an exception of its own"


def without_inputs(verdict: Verdict) -> Verdict:
    """A verdict on secret questions, reduced to what may be told."""
    headline = verdict.headline
    if headline.startswith("your code stopped with "):
        kind = headline.removeprefix("your code stopped with ").rstrip(".")
        headline = f"your code stopped with {safe_kind(kind)}."
    return replace(verdict, headline=headline, report=None)
