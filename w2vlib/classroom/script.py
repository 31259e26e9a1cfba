"""Questions as plain data: a short list of steps that is carried out on the student's code.

The same steps run in three places: in the sandbox on the submission, in the grader on the reference
solution, and on the student's own machine.  So they can travel as plain data, and hold no answers.

Each step is a list of words.  ``names`` are lists of names of inputs of the case; what a call
returns is kept under the name of its quantity.

``["ask", quantity, names, keywords?]``
    Call the function itself.  ``quantity`` may be a list of names for a tuple that is returned.
``["make", names, keywords?]``
    Make the object whose methods are asked.
``["hold", quantity, name]``
    Remember the array in ``grads`` that belongs to the input ``name``.
``["warm", [[method, names], …]]``
    A first pass, with the earlier inputs of the case, if it has any.
``["call", quantity, method, names]``
    Call a method and note the answer.
``["do", method, names]``
    Call a method; what it returns does not matter.
``["grad", quantity]``
    Note the gradient in the array that was held.
``["dtype", quantity, of]``
    In a case named "float32": note the type of the answer ``of``.
"""

from __future__ import annotations

from w2vlib.check.answers import Remark
from w2vlib.check.exercise import Case, Notes

WORDS = ("ask", "make", "hold", "warm", "call", "do", "grad", "dtype")


class Script:
    """Carries out steps; an instance is the ``probe`` of an exercise."""

    def __init__(self, steps) -> None:
        self.steps = [list(step) for step in steps]
        for step in self.steps:
            if step[0] not in WORDS:
                raise ValueError(f"a step begins with one of {', '.join(WORDS)}; got {step[0]!r}.")

    def __call__(self, solution, case: Case, notes: Notes) -> None:
        run = _Run(solution, case, notes)
        for step in self.steps:
            getattr(run, step[0])(*step[1:])


class _Run:
    def __init__(self, solution, case: Case, notes: Notes) -> None:
        self.solution, self.case, self.notes = solution, case, notes
        self.given: dict = {}
        self.answers: dict = {}
        self.held: dict = {}
        self.thing = None

    def inputs(self, names) -> list:
        for name in names:
            if name not in self.given:
                self.given[name] = self.notes.give(name)
        return [self.given[name] for name in names]

    def keywords(self, names) -> dict:
        return dict(zip(names, self.inputs(names), strict=True))

    def ask(self, quantity, names, keywords=()) -> None:
        several = isinstance(quantity, list | tuple)
        first = quantity[0] if several else quantity
        value = self.notes.ask(first, self.solution, *self.inputs(names), **self.keywords(keywords))
        if not several:
            self.note(quantity, value)
            return
        if not isinstance(value, tuple | list) or len(value) != len(quantity):
            text = f"not {len(quantity)} values: {_kind(value)}"
            self.notes.stop(first, Remark(text))
        for name, part in zip(quantity, value, strict=True):
            self.note(name, part)

    def make(self, names, keywords=()) -> None:
        values = self.inputs(names)
        self.thing = self.notes.make(self.solution, *values, **self.keywords(keywords))

    def hold(self, quantity, name) -> None:
        self.held[quantity] = self.notes.hold(quantity, self.thing, self.given[name])

    def warm(self, calls) -> None:
        if not self.case.earlier:
            return
        for method, names in calls:
            values = [self.notes.give(name, source=self.case.earlier) for name in names]
            self.notes.call(f"first {method}", self.thing, method, *values, returns=False)

    def call(self, quantity, method, names) -> None:
        self.note(quantity, self.notes.call(quantity, self.thing, method, *self.inputs(names)))

    def do(self, method, names) -> None:
        self.notes.call(method, self.thing, method, *self.inputs(names), returns=False)

    def grad(self, quantity) -> None:
        self.notes.grad(quantity, self.thing, self.held[quantity])

    def dtype(self, quantity, of) -> None:
        if self.case.name == "float32":
            self.notes.dtype(quantity, self.answers[of])

    def note(self, quantity, value) -> None:
        self.answers[quantity] = value
        self.notes.value(quantity, value)


def _kind(value) -> str:
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
