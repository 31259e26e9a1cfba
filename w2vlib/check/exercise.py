"""How every check works: ask, compare, and recognise the mistake by computing it.

An exercise holds a *reference* solution that can be told to make a known mistake (``slip=...``).
The checked code and the reference answer the same questions.  Where they differ, each known mistake
is played through on the same questions; if exactly one of them gives the very numbers that
the checked code gave, on at least two independent inputs, then that is the mistake.  Otherwise the
report keeps to the numbers: better no name than a wrong one.

Asking (which runs the checked code) and judging (which only sees plain data) are separate steps.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from w2vlib.check import running
from w2vlib.check.answers import (
    NOTHING,
    UNWRITTEN,
    Remark,
    article,
    difference,
    first_apart,
    is_remark,
    plain,
    raised_text,
    same,
    show,
    shown_alike,
)
from w2vlib.check.report import Report
from w2vlib.check.running import Raised, TimeUp
from w2vlib.check.stubs import is_untouched

MIN_EVIDENCE = 2
"""Independent inputs on which a mistake must give the same wrong numbers before it is named."""


class _Stop(Exception):
    """Ends the questions about one case."""


@dataclass(frozen=True)
class Case:
    """One question: the name of what it looks at, and the inputs."""

    name: str
    inputs: dict
    earlier: dict = field(default_factory=dict)
    """Inputs of a first pass that happens before, on the same object."""
    telling: bool = True
    """Whether mistakes are compared here: not where right answers may differ, as with ties."""

    def __getattr__(self, name: str):
        try:
            return self.__dict__["inputs"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def size(self) -> int:
        return sum(map(_size, (*self.inputs.values(), *self.earlier.values())))


def _size(value) -> int:
    if isinstance(value, list | tuple | dict):
        return sum(map(_size, value.values() if isinstance(value, dict) else value))
    return np.size(value)


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make.

    Attributes:
        id: its name.
        title: what was done, in one sentence.
        why: why it matters; text, or a function of the case that shows it.
        hints: in stages; the exercise's own hints by default.
        slips: variants, each a word that the reference solution understands.  ``(id,)`` by default.
        edit: alternatively a function ``(case, right answers) → wrong answers``.
        rule: alternatively a function ``(cases, answers, right answers) → bool``.
    """

    id: str
    title: str
    why: str | Callable[[Case], str]
    hints: tuple[str, ...] = ()
    slips: tuple[str, ...] | None = None
    edit: Callable | None = None
    rule: Callable | None = None

    def variants(self) -> tuple[str, ...]:
        if self.edit or self.rule:
            return ()
        return (self.id,) if self.slips is None else self.slips


class Notes:
    """What is asked of the checked code in one case, and what it answers.

    ``seen`` maps the name of a quantity to an array, a :class:`Remark` or a :class:`Raised`.
    """

    def __init__(self, case: Case) -> None:
        self.case, self.seen = case, {}
        self._given: list[tuple[str, object, object]] = []

    def give(self, *names: str, source: dict | None = None):
        """Copies of inputs of the case; at the end they must be unchanged."""
        source = self.case.inputs if source is None else source
        copies = [copy.deepcopy(source[name]) for name in names]
        self._given += [(n, c, source[n]) for n, c in zip(names, copies, strict=True)]
        return copies[0] if len(copies) == 1 else copies

    def make(self, make, *args, quantity: str = "made", **kwargs):
        """Build the object that is checked."""
        if make is None or make is Ellipsis:
            self.unwritten(quantity)
        return self._run(quantity, _name_of(make), make, args, kwargs)

    def call(self, quantity: str, thing, method: str, *args, returns: bool = True, **kwargs):
        """Call a method; what it raises is noted as the answer to ``quantity``."""
        function = getattr(thing, method, None)
        if not callable(function):
            self.stop(quantity, Remark(f"{type(thing).__name__} has no method `{method}`"))
        return self.ask(quantity, function, *args, returns=returns, name=method, **kwargs)

    def ask(self, quantity: str, function, *args, returns: bool = True, name: str = "", **kwargs):
        """Call a function; what it raises is noted as the answer to ``quantity``."""
        if function is None or function is Ellipsis:
            self.unwritten(quantity)
        value = self._run(quantity, name or _name_of(function), function, args, kwargs)
        if value is Ellipsis or (value is None and is_untouched(function)):
            self.unwritten(quantity)
        if value is None and returns:
            self.stop(quantity, NOTHING)
        return value

    def value(self, quantity: str, value) -> None:
        """Note an answer: a number or an array of numbers."""
        self.seen[quantity] = plain(value)

    def aside(self, quantity: str, value) -> None:
        """Note something that is shown or looked up, but not compared."""
        self.seen[f"({quantity})"] = value

    def dtype(self, quantity: str, value) -> None:
        """Note which type of number the answer is made of."""
        self.seen[quantity] = Remark(str(getattr(value, "dtype", type(value).__name__)))

    def hold(self, quantity: str, thing, weights) -> list:
        """The gradient arrays of ``weights``, held as an optimiser holds them before training.

        Weights that several layers share may be listed several times: their gradients add up.
        """
        params, grads = getattr(thing, "params", None), getattr(thing, "grads", None)
        if not all(isinstance(x, list | tuple) for x in (params, grads)):
            self.stop(quantity, Remark("no gradient array: `params` and `grads` must be lists"))
        if len(params) != len(grads):
            text = f"{len(params)} arrays in `params`, {len(grads)} in `grads`"
            self.stop(
                quantity, Remark(f"no gradient array for each weight: after `__init__`, {text}")
            )
        places = [i for i, p in enumerate(params) if p is weights]
        if not places:
            self.stop(
                quantity, Remark("no gradient array: `params` does not hold the weights W itself")
            )
        return [(i, grads[i]) for i in places]

    def grad(self, quantity: str, thing, held: list) -> None:
        """Note a gradient after backward, and whether it lies in the array held from before."""
        try:
            now = [thing.grads[i] for i, _ in held]
        except (TypeError, IndexError, KeyError, AttributeError):
            self.stop(quantity, Remark("no gradient array: `grads` has become shorter"))
        if any(g is None for g in now):
            self.stop(quantity, Remark("no gradient array: None in `grads`"))
        kept = all(g is before for g, (_, before) in zip(now, held, strict=True))
        self.seen["grads in place"] = Remark(
            "filled in place" if kept else "replaced by a new array"
        )
        now = [g.to_dense() if hasattr(g, "to_dense") else g for g in now]
        if len(now) > 1 and len({np.shape(g) for g in now}) == 1:
            now = [sum(now[1:], now[0])]
        self.value(quantity, now[0])

    def unwritten(self, quantity: str) -> None:
        self.stop(quantity, UNWRITTEN)

    def stop(self, quantity: str, answer) -> None:
        self.seen[quantity] = answer
        raise _Stop

    def close(self) -> None:
        """Note whether the inputs are still what they were."""
        changed = [name for name, now, before in self._given if not _same_input(now, before)]
        text = "changed: " + ", ".join(dict.fromkeys(changed)) if changed else "left alone"
        self.seen["inputs"] = Remark(text)

    def _run(self, quantity, name, function, args, kwargs):
        try:
            return function(*args, **kwargs)
        except NotImplementedError:
            self.unwritten(quantity)
        except (Exception, SystemExit) as error:
            if "ellipsis" in running.message_of(
                error
            ):  # a blank of the stub, ``W = ...``, is still empty
                self.unwritten(quantity)
            self.stop(quantity, running.as_raised(error, f"{name}({_names(args, kwargs)})"))


def _name_of(thing) -> str:
    return getattr(thing, "__name__", type(thing).__name__)


def _names(args, kwargs) -> str:
    """Arguments by kind, for telling which call failed: ``array (3, 2), array (3,)``."""
    shown = [_brief(a) for a in args] + [f"{k}={_brief(v)}" for k, v in kwargs.items()]
    return ", ".join(shown)


def _brief(value) -> str:
    if isinstance(value, np.ndarray):
        return f"<{value.dtype.name} array of shape {value.shape}>"
    text = repr(value)
    return text if len(text) <= 24 else f"<{type(value).__name__}>"


def _same_input(now, before) -> bool:
    if isinstance(before, np.ndarray):
        return (
            isinstance(now, np.ndarray)
            and now.dtype == before.dtype
            and np.array_equal(now, before, equal_nan=now.dtype.kind == "f")
        )
    if isinstance(before, (list, tuple)):
        return len(now) == len(before) and all(map(_same_input, now, before))
    return bool(now == before)


@dataclass(frozen=True)
class Exercise:
    """One exercise: questions, the right answers, and the mistakes that it can name.

    Attributes:
        name: of the check.
        cases: ``(rng) → list of Case``, small ones first.
        probe: ``(make, case, notes) → None`` asks the questions of one case.
        reference: the right solution; the keyword ``slip`` makes it make a mistake.
        labels: quantity → how the reader would write it.
        mistakes, hints: what can be named, and the general hints.
        kind: ``"class"`` or ``"function"``.
        unshown: inputs that the report leaves out, because others say the same.
    """

    name: str
    cases: Callable
    probe: Callable
    reference: Callable
    labels: dict
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, ...]
    kind: str = "class"
    unshown: tuple[str, ...] = ()

    def check(self, solution) -> Report:
        """Ask ``solution`` all questions and judge its answers."""
        if solution is not None and solution is not Ellipsis and not callable(solution):
            return self._not_callable(solution)
        cases = self.cases(np.random.default_rng(running.SEED))
        answers, remains = self.collect(solution, cases)
        return self.judge(cases, answers, remains)

    def collect(self, solution, cases) -> tuple[list[dict], running.Remains]:
        """Run ``solution`` on all cases: a dict of plain answers for each, and what it printed."""
        answers: list[dict] = []
        with running.fenced() as remains:
            try:
                running.limited(lambda: self._ask_all(solution, cases, answers))
            except TimeUp:
                answers[-1]["time"] = Remark("over the limit")
        return answers, remains

    def _ask_all(self, solution, cases, answers: list[dict]) -> None:
        for case in cases:
            notes = Notes(case)
            answers.append(notes.seen)
            try:
                self.probe(solution, case, notes)
                notes.close()
            except _Stop:
                pass

    def right_answers(self, cases, slip: str = "") -> list[dict]:
        """Answers of the reference solution, right or with a slip."""
        answers: list[dict] = []
        with np.errstate(all="ignore"):
            self._ask_all(self._solution(slip), cases, answers)
        return answers

    def _solution(self, slip: str):
        def make(*args, **kwargs):
            return self.reference(*args, slip=slip, **kwargs)

        make.__name__ = self.name
        if hasattr(self.reference, "__signature_for_students__"):
            make.__signature__ = self.reference.__signature_for_students__
        return make

    def judge(self, cases, answers: list[dict], remains=None) -> Report:
        """The report on plain answers; runs no foreign code."""
        remains = remains or running.Remains()
        expected = self.right_answers(cases)
        wrong = _wrong_quantities(answers, expected)
        if any("time" in seen for seen in answers):
            return self._too_slow(cases[len(answers) - 1], remains)
        open_ended = [s for s in answers if any(is_remark(v, UNWRITTEN) for v in s.values())]
        if open_ended and not [q for q in wrong if not _is_unwritten(q, answers)]:
            return self._not_attempted(open_ended[0], expected)
        if not wrong:
            return self._passed(cases, answers, remains)
        wrong = [q for q in wrong if not _is_unwritten(q, answers)]
        mistake, quantity = self.recognise(cases, answers, expected, wrong)
        return self._wrong(cases, answers, expected, mistake, quantity or wrong[0], remains)

    # ------------------------------------------------------------------------------ recognising

    def recognise(self, cases, answers, expected, wrong) -> tuple[Mistake | None, str | None]:
        """The mistake that explains the answers, and the quantity in which it shows."""
        for mistake in (*self.mistakes, *GENERIC):
            if mistake.rule and (quantity := mistake.rule(cases, answers, expected)):
                return mistake, quantity if isinstance(quantity, str) else wrong[0]
        played = [
            (mistake, wrong_answers)
            for mistake in self.mistakes
            for wrong_answers in self._played(mistake, cases, expected)
        ]
        every = list(dict.fromkeys(q for seen in expected for q in seen if q[0] != "("))
        # First a mistake that explains all answers, right and wrong; then one that explains all
        # wrong ones; then one that explains where it first went wrong.
        for quantities in (every, wrong, wrong[:1]):
            fitting = {
                mistake.id: mistake
                for mistake, mutant in played
                if _explains(quantities, cases, answers, mutant, expected)
            }
            if fitting:
                return (
                    (next(iter(fitting.values())), wrong[0]) if len(fitting) == 1 else (None, None)
                )
        for mistake in GENERIC:
            if mistake.edit and (quantity := mistake.edit(answers, expected, wrong)):
                return mistake, quantity if isinstance(quantity, str) else wrong[0]
        return None, None

    def _played(self, mistake: Mistake, cases, expected):
        for slip in mistake.variants():
            yield self.right_answers(cases, slip)
        if mistake.edit:
            yield [mistake.edit(c, dict(e)) for c, e in zip(cases, expected, strict=True)]

    # ---------------------------------------------------------------------------------- reports

    def _not_callable(self, solution) -> Report:
        thing = "class" if self.kind == "class" else "function"
        text = (
            f"The check got {article(type(solution).__name__)}, but it needs the {thing} itself, "
            f"to call it with inputs of its own: `check.{self.name}(YourName)`, without brackets "
            "after your name."
        )
        return Report(self.name, "wrong", f"hand in the {thing} itself.", "not-callable", text)

    def _passed(self, cases, answers, remains) -> Report:
        asked = (c.name for c, seen in zip(cases, answers, strict=True) if seen.keys() - {"inputs"})
        looked_at = ", ".join(dict.fromkeys(asked))
        remarks = tuple(
            f"NumPy warned “{text}”. The results are right all the same."
            for text in remains.warned
            if "encountered in" in text
        )
        return Report(self.name, "passed", f"passed ({looked_at}).", remarks=remarks)

    def _not_attempted(self, seen: dict, expected) -> Report:
        quantity = next(q for q, value in seen.items() if is_remark(value, UNWRITTEN))
        done = [q for q in seen if q in self.labels and q != quantity]
        text = ""
        if done:
            text = "Right so far: " + ", ".join(f"`{self.label(q)}`" for q in done)
            text += f". Still to be written: `{self.label(quantity)}`."
        return Report(self.name, "not attempted", "not attempted yet.", text=text, hints=self.hints)

    def _too_slow(self, case: Case, remains) -> Report:
        text = (
            f"After {running.TIME_LIMIT:.0f} seconds there was still no answer, where a moment is "
            "enough. Is there a loop that never ends – a `while` whose condition never becomes "
            "false?"
        )
        return Report(
            self.name,
            "wrong",
            "stopped: it did not come to an end.",
            mistake="time-limit",
            text=text,
            example=self._inputs(case),
            hints=self.hints,
            printed=remains.printed,
        )

    def _wrong(self, cases, answers, expected, mistake, quantity, remains) -> Report:
        telling = self._telling(cases, answers, expected, mistake, quantity)
        number = _smallest(cases, answers, expected, quantity, bool(mistake), telling)
        case, seen = cases[number], answers[number]
        got, right = seen[quantity], expected[number].get(quantity, NOTHING)
        headline, text = "not right yet.", ""
        if mistake:
            headline = mistake.title
            text = mistake.why(case) if callable(mistake.why) else mistake.why
        elif isinstance(got, Raised):
            headline = f"your code stopped with {got.kind}."
        label = self.label(quantity)
        asides = tuple((f"yours: {q[1:-1]}", show(v)) for q, v in seen.items() if q[0] == "(")
        if isinstance(got, Raised):
            text = "\n".join(filter(None, [text, raised_text(got)]))
            answer = ()
        else:
            text = text or difference(label, got, right)
            yours, wanted = shown_alike(got, right)
            answer = ((f"yours: `{label}`", yours), ("expected", wanted), *first_apart(got, right))
        return Report(
            self.name,
            "wrong",
            headline,
            mistake=mistake.id if mistake else None,
            text=text,
            example=(*self._inputs(case), *asides, *answer),
            hints=(mistake.hints if mistake and mistake.hints else self._hints_for(label)),
            printed=remains.printed,
        )

    def _telling(self, cases, answers, expected, mistake, quantity: str) -> set[int]:
        """Numbers of the cases in which the mistake gives the very answer that was given."""
        if mistake not in self.mistakes:
            return set()
        return {
            number
            for mutant in self._played(mistake, cases, expected)
            for number, (seen, wrong, right) in enumerate(
                zip(answers, mutant, expected, strict=False)
            )
            if {quantity} <= seen.keys() & wrong.keys() & right.keys()
            and same(seen[quantity], wrong[quantity])
            and not same(wrong[quantity], right[quantity])
        }

    def _hints_for(self, label: str) -> tuple[str, ...]:
        """The general hints; none about forward where forward is right and backward is not."""
        if not label.startswith(("backward", "grads[")):
            return self.hints
        return tuple(h for h in self.hints if not h.startswith("Forward")) or self.hints

    def _inputs(self, case: Case) -> tuple[tuple[str, str], ...]:
        earlier = tuple((f"first pass: {k}", show(v)) for k, v in case.earlier.items())
        shown = ((n, show(v)) for n, v in case.inputs.items() if n not in self.unshown)
        return (*earlier, *shown)

    def label(self, quantity: str) -> str:
        return self.labels.get(quantity, _LABELS.get(quantity, quantity))


_LABELS = {
    "made": "__init__",
    "inputs": "the arrays that were handed in",
    "grads in place": "the arrays in grads",
}


def _wrong_quantities(answers, expected) -> list[str]:
    """Names of the quantities that differ in any case, in the order in which they are computed."""
    order = list(dict.fromkeys(q for seen in (*expected, *answers) for q in seen))
    order.sort(key=lambda q: q in ("inputs", "grads in place"))
    if any("made" in seen for seen in answers):
        order.sort(key=lambda q: q != "made")
    differing = {
        q
        for seen, right in zip(answers, expected, strict=False)
        for q, value in seen.items()
        if not q.startswith("(") and (q not in right or not same(value, right[q]))
    }
    return [q for q in order if q in differing]


def _is_unwritten(quantity: str, answers) -> bool:
    return any(is_remark(seen.get(quantity), UNWRITTEN) for seen in answers)


def _explains(quantities, cases, answers, mutant, expected) -> bool:
    """Whether the mutant gives the same answers, with evidence from enough wrong numbers."""
    evidence = 0
    for case, seen, wrong, right in zip(cases, answers, mutant, expected, strict=False):
        telling = False
        if not case.telling:
            continue
        for q in quantities:
            if q not in seen:
                continue  # an exception before it
            if q not in wrong or not same(seen[q], wrong[q]):
                return False
            if not isinstance(seen[q], Raised) and not (q in right and same(seen[q], right[q])):
                telling = True
        evidence += telling
    return evidence >= MIN_EVIDENCE


def _smallest(cases, answers, expected, quantity: str, named: bool, telling=()) -> int:
    """Number of the smallest case in which ``quantity`` is wrong; rather one of the telling ones,
    and rather one with numbers.
    """
    found = [
        (number not in telling, named and isinstance(seen[quantity], Raised), case.size, number)
        for number, (case, seen, right) in enumerate(zip(cases, answers, expected, strict=False))
        if quantity in seen and not (quantity in right and same(seen[quantity], right[quantity]))
    ]
    return min(found)[-1]


def accepts(function, name: str) -> bool:
    """Whether ``function`` can be called with the keyword ``name``."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False
    return name in parameters


# ------------------------------------------------------- mistakes that can happen in any exercise


def _forgot_return(cases, answers, expected):
    """A written function returned None where a value is due, every time."""
    quantities = [q for seen in answers for q, v in seen.items() if is_remark(v, NOTHING)]
    for q in quantities:
        if all(is_remark(seen.get(q, NOTHING), NOTHING) for seen in answers):
            return q
    return None


def _only(answers, expected, wrong, texts) -> bool:
    """Whether all that is wrong is that these remarks have one of these texts, at least twice."""
    hits = sum(
        any(q in seen and not same(seen[q], right.get(q, NOTHING)) for q in wrong)
        for seen, right in zip(answers, expected, strict=False)
    )
    return hits >= MIN_EVIDENCE and all(
        same(seen[q], right.get(q, NOTHING)) or getattr(seen[q], "text", "").startswith(texts)
        for seen, right in zip(answers, expected, strict=False)
        for q in wrong
        if q in seen
    )


def _changed_inputs(answers, expected, wrong) -> str | None:
    changed = [seen for seen in answers if seen.get("inputs", NOTHING).text.startswith("changed")]
    return "inputs" if "inputs" in wrong and len(changed) >= MIN_EVIDENCE else None


GENERIC = (
    Mistake(
        "forgotten-return",
        "the result is computed, but not returned.",
        "Without `return`, a Python function answers None, and the next layer has nothing to work "
        "with.",
        ("Look at the last line of the function.", "The last line should be `return …`."),
        rule=_forgot_return,
    ),
    Mistake(
        "grads-rebound",
        "the gradient is right, but it lies in a new array.",
        "Models and optimisers collect the arrays in `grads` once, before training. If backward "
        "puts another array into the list, they go on looking at the old one, and training "
        "does nothing.",
        (
            "Which object does an optimiser hold that was handed `layer.grads` before training?",
            "Fill the array that is there: `dW, = self.grads`, then `dW[...] = …`.",
        ),
        edit=lambda answers, expected, wrong: _only(answers, expected, wrong, "replaced"),
    ),
    Mistake(
        "no-gradient-array",
        "`params` and `grads` do not hold the weights and an array for each gradient.",
        "Right after `__init__`, `params` lists the weights and `grads` lists one array of the "
        "same shape for each. Models and optimisers collect both before training begins.",
        ("In `__init__`: `self.params = [W]`, `self.grads = [np.zeros_like(W)]`.",),
        edit=lambda answers, expected, wrong: _only(answers, expected, wrong, "no gradient array"),
    ),
    Mistake(
        "float32-leak",
        "float32 goes in and float64 comes out.",
        "Models compute in float32: half the memory and about twice the speed. One array of "
        "float64 (or of int32) in a formula turns everything behind it into float64.",
        (
            "Which array in your formula has a dtype of its own – labels, `np.zeros`, `np.eye`?",
            "Give it the dtype of the data: `np.zeros(shape, dtype=W.dtype)`, "
            "`t.astype(x.dtype)`, or start from `np.zeros_like(W)`.",
        ),
        edit=lambda answers, expected, wrong: _only(answers, expected, wrong, ("float64", "int")),
    ),
    Mistake(
        "input-modified",
        "an array that was handed in has been changed.",
        "The caller still needs it: the layer above reuses its gradient, the next step its "
        "input. Such a mistake shows up far away from where it happens.",
        (
            "Operations such as `a += b`, `a *= b` and `a[i] = b` write into the array itself.",
            "Write into a copy: `a = a * b`, or `a = a.copy()` first.",
        ),
        edit=_changed_inputs,
    ),
)
