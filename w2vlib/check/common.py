"""Mistakes that several exercises share, and small helpers for making their questions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from w2vlib.check.answers import Remark
from w2vlib.check.exercise import Case, Mistake


def numbers(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Readable numbers: multiples of 1/8 between −2 and 2, none zero, exact in float32."""
    return rng.integers(1, 17, shape) * rng.choice([-1, 1], shape) / 8


def as_float32(case: Case) -> Case:
    """The same question in float32; only the types of the answers are new."""
    inputs = {
        name: value.astype(np.float32)
        if isinstance(value, np.ndarray) and value.dtype == np.float64
        else value
        for name, value in case.inputs.items()
    }
    return Case("float32", inputs)


def second_pass(first: Case, second: Case, *names: str) -> Case:
    """The question ``second`` to an object that has answered ``first`` (its ``names``) before."""
    earlier = {name: first.inputs[name] for name in names}
    return Case("second pass", second.inputs, earlier)


def negated(*quantities: str) -> Callable:
    """An edit: these quantities with the wrong sign."""
    return lambda case, answers: {
        q: -v if q in quantities and isinstance(v, np.ndarray) else v for q, v in answers.items()
    }


def scaled(factor: Callable[[Case], float], *quantities: str) -> Callable:
    """An edit: these quantities times ``factor(case)``."""
    return lambda case, answers: {
        q: v * factor(case) if q in quantities and isinstance(v, np.ndarray) else v
        for q, v in answers.items()
    }


def repeated(ids) -> tuple[int, int]:
    """The id that occurs most often, and how often."""
    values, counts = np.unique(np.asarray(ids), return_counts=True)
    return int(values[counts.argmax()]), int(counts.max())


TIMES = {1: "once", 2: "twice", 3: "three times", 4: "four times"}


def times(n: int) -> str:
    return TIMES.get(n, f"{n} times")


def assigned_instead_of_added(ids: str, dW: str = "dW", dout: str = "dout") -> Mistake:
    def why(case: Case) -> str:
        row, count = repeated(case.inputs[ids])
        return (
            f"Row {row} occurs {times(count)} in `{ids}` and got only the last contribution. A "
            f"word that occurs {times(count)} has influenced the loss {times(count)}, so its "
            f"gradients must be summed. (`{dW}[{ids}] += {dout}` does not help: NumPy writes each "
            "row once.)"
        )

    return Mistake(
        "assigned-instead-of-added",
        "you assigned where you must add.",
        why,
        (
            f"What should happen to row 3 of `{dW}` if the word 3 stands twice in `{ids}`?",
            f"Start from zeros and let every position add its row: a loop over `{ids}` will do.",
            f"In one line: `np.add.at({dW}, {ids}, {dout})`.",
        ),
    )


def dout_ignored(what: str = "dout", quantities: str = "the gradient") -> Mistake:
    return Mistake(
        "dout-ignored",
        f"`{what}` plays no part.",
        f"Whatever `{what}` is, {quantities} comes out as if it were 1. By the chain rule every "
        "local derivative is multiplied by what arrives from above; this layer alone does not "
        "know how much the loss cares.",
        (
            f"Where in your backward pass does `{what}` appear?",
            f"Chain rule: gradient of the input = `{what}` times the local derivative.",
        ),
    )


def stale_cache(what: str) -> Mistake:
    return Mistake(
        "stale-cache",
        "the backward pass goes back to an old forward pass.",
        f"In the second step it still used the {what} of the first. Each forward has to replace "
        "what backward needs.",
        (
            f"Where is {what} stored, and is it stored anew in every forward?",
            "Store it in `forward` without asking whether it is there already.",
        ),
    )


def grads_accumulate(name: str = "dW") -> Mistake:
    return Mistake(
        "grads-accumulate",
        "the gradient of the last step is still in there.",
        f"After the second backward, `{name}` is the sum of both steps. Nobody else clears it, so "
        "training would follow all the old batches as well.",
        (
            f"What stands in `{name}` when backward begins for the second time?",
            f"Clear it first: `{name}[...] = 0`.",
        ),
    )


def wrong_sign(*quantities: str) -> Mistake:
    return Mistake(
        "wrong-sign",
        "the gradient points the other way.",
        "Every entry is right, but for its sign. A step against this gradient makes the loss "
        "larger with every update.",
        (
            "Compare yours with the expected values: what is the one difference?",
            "Which way round is the subtraction?",
        ),
        edit=negated(*quantities),
    )


def grads_not_filled(name: str = "dW", *quantities: str) -> Mistake:
    quantities = quantities or (name,)

    def edit(case: Case, answers: dict) -> dict:
        return {
            q: np.zeros_like(v) if q in quantities and isinstance(v, np.ndarray) else v
            for q, v in answers.items()
        }

    shown = name if " " in name else f"`{name}`"
    return Mistake(
        "grads-not-filled",
        f"{'some' if len(quantities) > 1 else 'the'} weights get no gradient.",
        f"After backward, {shown} is still zero, so training will never change these weights. "
        "(A name that is assigned anew, a copy or `a[ids][…] = …` does not reach the array in "
        "`grads`.)",
        (
            "Which line of your backward writes into the array that stands in `self.grads`?",
            "Write into the array that is there: `dW, = self.grads`, then `dW[...] = …`.",
        ),
        edit=edit,
    )


def extra_mean(factor: Callable[[Case], float], *quantities: str) -> Mistake:
    return Mistake(
        "extra-mean",
        "the gradient was divided by the batch size here.",
        "The loss layer at the top takes the mean over the batch, and its 1/B comes down to "
        "every layer inside `dout`. Dividing once more makes the steps B times too small.",
        (
            "By which factor do yours and the expected values differ? What has that size?",
            "Sum over the batch here; the mean is already in `dout`.",
        ),
        edit=scaled(lambda case: 1 / factor(case), *quantities),
    )


def as_remark(text: str) -> Remark:
    return Remark(text)


def layer_probe(y: str, *inputs: str, dx: str = "") -> Callable:
    """How a layer with one weight matrix W is asked: forward, backward, and what lies in ``grads``.

    Args:
        y: the name of what ``forward(*inputs)`` returns.
        inputs: the names of its arguments.
        dx: the name of what ``backward(dout)`` returns; by default it need not return anything.
    """

    def probe(make, case: Case, notes) -> None:
        W, *given, dout = notes.give("W", *inputs, "dout")
        layer = notes.make(make, W)
        held = notes.hold("dW", layer, W)
        if case.earlier:
            *first, first_dout = notes.give(*inputs, "dout", source=case.earlier)
            notes.call(y, layer, "forward", *first)
            notes.call(dx or "dW", layer, "backward", first_dout, returns=bool(dx))
        answers = {y: notes.call(y, layer, "forward", *given)}
        notes.value(y, answers[y])
        returned = notes.call(dx or "dW", layer, "backward", dout, returns=bool(dx))
        if dx:
            answers[dx] = returned
            notes.value(dx, returned)
        notes.grad("dW", layer, held)
        if W.dtype == np.float32:
            for name, answer in answers.items():
                notes.dtype(f"type of {name}", answer)

    return probe


def results(value) -> int:
    """How many results a function returned as a tuple, a list or an array; 0 if as none of them."""
    is_one = isinstance(value, tuple | list) or (isinstance(value, np.ndarray) and value.ndim)
    return len(value) if is_one else 0


def two_results(result, notes, names: tuple[str, str]) -> None:
    """Note the answers of a function that returns a pair."""
    if results(result) != 2:
        notes.stop(names[0], Remark(f"a {type(result).__name__}, not the two results"))
    for name, value in zip(names, result, strict=True):
        notes.value(name, value)
