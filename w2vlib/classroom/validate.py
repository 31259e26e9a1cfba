"""For students: run a notebook as the grader does, on the practice questions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from w2vlib.check.report import Report
from w2vlib.check.running import Remains
from w2vlib.classroom import handin, practice, sandbox, tasks
from w2vlib.classroom.course import CourseError, template_from


@dataclass
class Validation:
    """What was found.

    Attributes:
        reports: one for each task; problems: anything else that keeps points away.
        remarks: repairs; errors: cells that stopped.
    """

    reports: list[Report] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    errors: list[dict] = field(default_factory=list)

    def __bool__(self) -> bool:
        return not self.problems and all(self.reports)


def validate(notebook: str | Path) -> Validation:
    """Ask the practice questions that lie beside the notebook.

    The notebook runs in a process of its own, without a sandbox: it is the student's own machine.

    Raises:
        CourseError: there are no practice questions.
        HandInError: the file is no notebook.
    """
    path = Path(notebook)
    beside = path.resolve().parent / practice.FILE
    if not beside.is_file():
        raise CourseError(
            f"{practice.FILE} is missing beside {path.name}; fetch the assignment again."
        )
    if not path.is_file():
        raise CourseError(f"there is no file {path}")
    about = json.loads(beside.read_text(encoding="utf-8"))
    template = template_from(about["cells"])
    reduced = handin.reduce(template, handin.parse(path.read_bytes()))
    result = Validation(remarks=reduced.remarks)
    for task in about["tasks"]:
        _one(task, reduced.run, result)
    for cell in template.of_role("answer"):
        if not reduced.answers.get(cell.name):
            result.problems.append(f"the written answer “{cell.name}” is still to be written")
    return result


def _one(about: dict, cells: list[dict], result: Validation) -> None:
    exercise = practice.exercise_from(about)
    cases = exercise.cases(None)
    seconds = about.get("seconds", 10.0)
    request = {
        "name": about["name"],
        "kind": about["kind"],
        "cells": cells,
        "cases": [{"name": c.name, "inputs": c.inputs, "earlier": c.earlier} for c in cases],
        "steps": about["steps"],
    }
    limits = sandbox.Limits(task=seconds, wall=40 + 2 * seconds, cpu=int(20 + seconds))
    outcome = sandbox.run(request, limits, disposable=True)
    if outcome.cells and not result.errors:
        result.errors = list(outcome.cells)
    if outcome.end == "absent":
        result.problems.append(f"`{about['name']}` is not defined")
    elif outcome.end != "answered":
        result.problems.append(f"`{about['name']}`: {outcome.detail}")
    else:
        answers = tasks.decode(outcome.value, len(cases))
        remains = Remains(outcome.value["printed"], tuple(outcome.value["warned"]))
        result.reports.append(exercise.judge(cases, answers, remains))
