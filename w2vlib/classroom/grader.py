"""One submission, graded: read, repaired, run in the sandbox, judged out here.

This process draws the questions from a secret seed that is new in every run, sends them into the
sandbox as plain data, and compares what comes back.  It never runs or imports student's code.

What the student is told about secret questions: which properties failed, and the mistake's name.
Everything with numbers in it comes from a second run on the practice questions, which are public;
in that sandbox there are no secrets that messages or output could carry away.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from w2vlib.classroom import handin, sandbox, tasks
from w2vlib.classroom.course import Assignment, is_stub
from w2vlib.classroom.handin import HandInError, Reduced

_LOG = logging.getLogger(__name__)

_REASONS = {
    "timeout": "it did not come to an end in time",
    "died": "its process ended before it had answered",
    "flooded": "it sent more than an answer can hold",
    "garbled": "its answers could not be read",
}


@dataclass
class TaskResult:
    """What one task earned, and all that may be told about it.

    Attributes:
        status: ``"passed"``, ``"wrong"``, ``"not attempted"`` or ``"failed"`` (no answer at all).
        headline, text: what to tell; mistake: its name, if it was recognised.
        practice: the report on the public questions, as a dict, if it says more.
    """

    name: str
    title: str
    cell: str
    points: float
    max: float
    status: str
    marks: list[dict]
    mistake: str | None = None
    headline: str = ""
    text: str = ""
    practice: dict | None = None


@dataclass
class Record:
    """The result of grading one submission; plain data, so that it can be stored.

    Attributes:
        digest: of what was handed in; version: of assignment and grader. Equal: nothing to do.
        problem: why nothing could be graded, or "".
        remarks: repairs.
        cells: errors in the student's cells, from the practice run.
        answers: written answers by cell, for the human grader.
        seed: of the secret questions, to repeat a run exactly.
    """

    assignment: str
    student: str
    digest: str
    version: str
    seed: int
    tasks: list[TaskResult] = field(default_factory=list)
    problem: str = ""
    remarks: list[str] = field(default_factory=list)
    cells: list[dict] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    manual: float = 0.0
    seconds: float = 0.0

    @property
    def points(self) -> float:
        return round(sum(task.points for task in self.tasks), 6)

    @property
    def max(self) -> float:
        return sum(task.max for task in self.tasks)

    def to_dict(self) -> dict:
        """All fields as plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict) -> Record:
        """The record that :meth:`to_dict` gave."""
        return cls(**{**data, "tasks": [TaskResult(**task) for task in data["tasks"]]})


@dataclass(frozen=True)
class Reading:
    """A hand-in, read once, so that all that is said about it is said about the same bytes.

    Attributes:
        digest: names what was handed in, readable or not; another student's copy has another name.
        hand_in: the notebook; None with the ``problem`` why there is none.
    """

    digest: str
    data: bytes = field(default=b"", repr=False)
    remarks: tuple[str, ...] = ()
    problem: str = ""

    def hand_in(self, assignment: Assignment) -> handin.HandIn:
        """The notebook.

        Raises:
            HandInError: it cannot be read, or is not the student's.
        """
        if self.problem:
            raise HandInError(self.problem)
        found = handin.parse(self.data, self.remarks)
        if any(assignment.template.is_secret(cell.source) for cell in found.cells):
            raise HandInError(
                "this is the teacher's version of the notebook, which no student was given"
            )
        return found


def read(folder: Path, student: str, assignment: Assignment) -> Reading:
    """Read what ``student`` has handed in; never fails."""
    data, remarks, problem = b"", (), ""
    try:
        data, remarks = handin.read_bytes(
            folder, student, assignment.name, assignment.notebook.stem
        )
        found = hashlib.sha256(data).hexdigest()
    except HandInError as error:
        problem = str(error)
        found = f"unreadable: {error}"
    digest = hashlib.sha256(f"{student}/{assignment.name}/{found}".encode()).hexdigest()
    return Reading(digest, data, tuple(remarks), problem)


def grade(
    assignment: Assignment,
    folder: Path,
    student: str,
    *,
    seed: int | None = None,
    limits: sandbox.Limits | None = None,
    disposable: bool = False,
    stop: threading.Event | None = None,
) -> Record:
    """Grade ``folder/student/assignment/…``; whatever was handed in, there is a record.

    Args:
        seed: of the secret questions; by default a new one.
        limits: of time and memory; by default those of :class:`~w2vlib.classroom.sandbox.Limits`.
        disposable: run without a sandbox, on a machine that may be thrown away.
        stop: ends the work, unfinished, when it is set.

    Raises:
        SandboxError: the sandbox does not work, or was stopped; nothing was graded.
    """
    start = time.monotonic()
    seed = secrets.randbits(120) if seed is None else seed
    reading = read(folder, student, assignment)
    record = Record(assignment.name, student, reading.digest, assignment.version, seed)
    record.manual = sum(c.points for c in assignment.template.of_role("answer"))
    try:
        hand_in = reading.hand_in(assignment)
    except HandInError as error:
        record.problem = str(error)
        record.tasks = [nothing(task, "failed", record.problem) for task in assignment.tasks]
    else:
        reduced = handin.reduce(assignment.template, hand_in)
        record.remarks, record.answers = reduced.remarks, reduced.answers
        sandboxes = {"disposable": disposable, "stop": stop}
        _Run(assignment, reduced, record, limits or sandbox.Limits(), sandboxes).all_tasks()
    record.seconds = round(time.monotonic() - start, 3)
    return record


def nothing(task, status: str, headline: str, text: str = "") -> TaskResult:
    """A result of 0 points, with the reason."""
    marks = [asdict(mark) for mark in task.no_marks()]
    return TaskResult(
        task.name, task.title, task.cell, 0.0, task.points, status, marks, None, headline, text
    )


class _Run:
    def __init__(self, assignment, reduced: Reduced, record: Record, limits, sandboxes) -> None:
        self.assignment, self.reduced, self.record = assignment, reduced, record
        self.limits, self.sandboxes = limits, sandboxes
        self.stuck = ""

    def all_tasks(self) -> None:
        for number, task in enumerate(self.assignment.tasks):
            if self._untouched(task):
                result = nothing(task, "not attempted", "not attempted yet.")
            elif self.stuck:
                result = nothing(task, "failed", self.stuck)
            else:
                rng = np.random.default_rng([self.record.seed, number])
                result = self._task(task, task.cases(rng))
            self.record.tasks.append(result)

    def _untouched(self, task) -> bool:
        """No cell speaks of the name but the one that was handed out, as it was."""
        template = self.assignment.template
        cells = [c for c in template.of_role("solution") if task.name in c.defines]
        speaking = [c["source"] for c in self.reduced.run if task.name in c["source"]]
        stubs = [s for s in speaking if any(is_stub(s, cell) for cell in cells)]
        return bool(stubs) and len(stubs) == len(speaking)

    def _ask(self, task, cases) -> sandbox.Outcome:
        limits = replace(
            self.limits,
            task=task.seconds,
            cpu=int(self.limits.cpu + task.seconds),
            wall=self.limits.wall + 2 * task.seconds,
        )
        request = task.request(self.reduced.run, cases)
        return sandbox.run(request, limits, **self.sandboxes)

    def _task(self, task, cases) -> TaskResult:
        outcome = self._ask(task, cases)
        if outcome.end == "absent":
            return self._explained(task, nothing(task, "failed", f"`{task.name}` is not defined."))
        if outcome.end != "answered":
            reason = _REASONS[outcome.end]
            if not outcome.ran:
                self.stuck = f"the notebook itself does not run: {reason}."
                return nothing(task, "failed", self.stuck)
            return nothing(task, "failed", f"`{task.name}`: {reason}.")
        verdict = self._verdict(task, cases, outcome)
        if verdict is None:
            return nothing(task, "failed", f"`{task.name}`: {_REASONS['garbled']}.")
        safe = tasks.without_inputs(verdict)
        result = TaskResult(
            task.name,
            task.title,
            task.cell,
            round(verdict.points, 6),
            task.points,
            safe.status,
            [asdict(mark) for mark in safe.marks],
            safe.mistake,
            safe.headline,
        )
        measured = hasattr(task, "measure") and safe.mistake is None
        if safe.status == "passed" or safe.mistake == "time-limit" or measured:
            return result
        return self._explained(task, result)

    def _verdict(self, task, cases, outcome) -> tasks.Verdict | None:
        """The verdict; None if the answers have the wrong form."""
        try:
            answers = tasks.decode(outcome.value, len(cases))
        except ValueError:
            return None
        try:
            return task.judge(cases, answers)
        except Exception:  # a strange answer must not stop the class; it is just not right
            _LOG.exception("judging %s of %s", task.name, self.record.student)
            return None

    def _explained(self, task, result: TaskResult) -> TaskResult:
        """Add what the practice questions show: they are public, and so may be all they lead to."""
        cases = task.practice_cases()
        outcome = self._ask(task, cases)
        if outcome.cells and not self.record.cells:
            self.record.cells = [self._cell_error(error) for error in outcome.cells[:10]]
        if outcome.end != "answered":
            return result
        value = outcome.value
        printed, warned = value.get("printed"), value.get("warned")
        printed = printed[:2_000] if isinstance(printed, str) else ""
        warned = [w for w in warned if isinstance(w, str)] if isinstance(warned, list) else []
        try:
            verdict = task.judge(cases, tasks.decode(value, len(cases)), printed, warned)
        except Exception:
            _LOG.exception("explaining %s of %s", task.name, self.record.student)
            return result
        if verdict.status == "passed" and result.status != "passed":
            result.text = (
                "Your code answers all practice questions, but not others of the same kind. Does "
                "it hold for every shape, every id and every order – or only for those numbers?"
            )
        elif verdict.report is not None:
            result.practice = verdict.report.to_dict()
        return result

    def _cell_error(self, error: dict) -> dict:
        source = next((c["source"] for c in self.reduced.run if c["number"] == error["number"]), "")
        lines = source.split("\n")
        line = error["line"]
        code = lines[line - 1].strip()[:200] if 0 < line <= len(lines) else ""
        return {**error, "kind": error["kind"][:60], "text": error["text"][:300], "code": code}
