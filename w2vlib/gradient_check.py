"""Is this gradient right?  Measured, not believed.

Three tools, from small to large:

* :func:`numerical_gradient` measures the gradient of a function by moving each entry a little;
* :func:`check_gradient` compares a gradient that you computed with a measured one;
* :func:`check_layer` takes any class with the layer contract (``params``, ``grads``, ``forward``,
  ``backward``) and also tries what training will do to it sooner or later.

    >>> check_layer(lambda: MatMul(W.copy()), x).raise_if_failed()

Everything is compared in float64.  The relative error of an entry is ``|got − expected|`` divided
by the larger of the two, but at least by ``FLOOR`` times the largest entry of that gradient: an
entry that is a millionth of its neighbours must not fail over its own rounding.  Nothing in the
verdict depends on the absolute size of the loss.

Source: CS224n, assignment 2 (the idea); Deep Learning from Scratch 2, section 1.4 (the contract);
scikit-learn's ``check_estimator`` (one checker for everybody's class).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from w2vlib.derivatives import Line, along_entry, measure, size_of_entries
from w2vlib.gradient_batches import BATCH_NAMES
from w2vlib.gradient_compare import (
    NOTHING_JUDGED,
    RANDOM,
    SHAKES,
    TOLERANCE,
    Comparer,
    Target,
    coarse_text,
    dense_gradient,
    merge_shared,
    report_comparison,
    same_bits,
    shaken,
)
from w2vlib.gradient_report import GradientError, GradientReport, Problem
from w2vlib.layer_check import LayerCheck
from w2vlib.validation import as_count, as_number, check_finite, on_device

FAR = 1e100
"""Beyond this, squares and steps come near the end of all numbers."""

__all__ = [
    "GradientError",
    "GradientReport",
    "check_gradient",
    "check_layer",
    "numerical_gradient",
]


def numerical_gradient(f: Callable, x: np.ndarray) -> np.ndarray:
    """Gradient of ``f`` at ``x`` by central differences: ``(f(x + h e_i) − f(x − h e_i)) / 2h``.

    The step h is chosen for each entry, and the limit h → 0 is extrapolated from several steps, so
    about ten digits are right for a smooth f of any scale.  Costs 6 to 30 evaluations an entry.

    Args:
        f: function of one array that returns one number.  As in the book it may ignore its argument
            and read the array x that it knows: x is changed in place, entry by entry, and restored.
        x: float64 array of any shape.  A float32 array is measured on a float64 copy, if f uses
            its argument; else in place, with the few digits that float32 has.

    Returns:
        float64 array of x's shape; NaN where f has no finite values around x.

    Raises:
        TypeError: x is no floating-point array, or float16 (too coarse to measure anything).
        ValueError: f does not return one finite number at x, x itself is not finite or beyond
            ±1e100, or x is read-only and f ignores its argument.

    Source: Deep Learning from Scratch, section 4.3; Richardson 1911 for the extrapolation.
    """
    x = _measurable(x, f)
    argument = _argument_for(f, x)

    def evaluate() -> float:
        return one_number(f(argument))

    if not np.isfinite(evaluate()):
        raise ValueError(f"f(x) is {evaluate()}: there is no gradient at this x.")
    gradient = np.empty(x.shape)
    scales = size_of_entries(argument)
    for i, scale in enumerate(scales):
        line = Line(evaluate, along_entry(argument, i))
        gradient.flat[i] = measure(line, scale, scales.max()).value
    return gradient


def _measurable(x, f) -> np.ndarray:
    if not callable(f):
        raise TypeError(f"f must be a function of one array, got {type(f).__name__}.")
    if not isinstance(x, np.ndarray):
        raise TypeError(
            f"x must be a NumPy array, got {type(x).__name__}. Use np.array(x, dtype=np.float64)."
        )
    if x.dtype.newbyteorder("=") not in (np.float64, np.float32, np.longdouble):
        why = "whole numbers cannot move a little" if x.dtype.kind in "iub" else "it is too coarse"
        raise TypeError(
            f"x must be a float64 array, got {x.dtype}: {why}. Use x.astype(np.float64)."
        )
    _check_measurable(x, "x")
    return x


def _check_measurable(x: np.ndarray, name: str) -> None:
    check_finite(x, name)
    if x.size and float(np.abs(x).max()) > FAR:
        raise ValueError(f"{name} goes beyond 1e100: no gradient can be measured there.")


def _argument_for(f, x: np.ndarray) -> np.ndarray:
    """The array to move: x itself, or a float64 copy where f listens to it."""
    if x.dtype == np.float64 and x.flags.writeable:
        return x
    copy = np.array(x, dtype=np.float64)
    moved = copy + 0.01 * size_of_entries(copy).reshape(x.shape)
    with np.errstate(all="ignore"):
        uses_argument = one_number(f(moved)) != one_number(f(copy))
    if not uses_argument and not x.flags.writeable:
        raise ValueError(
            "f does not depend on its argument, and x itself is read-only. Write f as a function "
            "of its argument, or give numerical_gradient a copy of x that f reads."
        )
    return copy if uses_argument else x


def one_number(value) -> float:
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        kind = f"an array of shape {array.shape}" if array.ndim else type(value).__name__
        raise ValueError(f"f must return one number, got {kind}.")
    return float(array.reshape(()))


def check_gradient(
    f: Callable[[], float],
    params,
    grads,
    *,
    names: Sequence[str] | None = None,
    tol: float = TOLERANCE,
    seed: int = 0,
) -> GradientReport:
    """Compare gradients that you computed with measured ones.

    Args:
        f: () → loss, a number; it must read the arrays ``params``, which are changed in place and
            restored.
        params: list of float64 arrays, or a dict name → array.
        grads: for each parameter an array of its shape, a RowGradient, or a function () → array.
        names: what to call the parameters in the report.
        tol: largest relative error allowed.
        seed: for the choice of entries and directions in large parameters.

    Returns:
        A :class:`~w2vlib.gradient_report.GradientReport`; ``.raise_if_failed()`` turns it into an
        assertion.

    Raises:
        TypeError: a parameter is no float64 array.
        ValueError: params and grads do not belong together, or f returns no number.
    """
    params, grads, names = _as_lists(params, grads, names)
    tol, seed = as_number(tol, "tol", minimum=0, open_minimum=True), as_count(seed, "seed", 0)
    report = GradientReport("gradient")

    def evaluate() -> float:
        return one_number(f())

    before = [p.copy() for p in params]
    loss = evaluate()
    if loss != evaluate() and np.isfinite(loss):
        report.problems.append(Problem("random", RANDOM.format("f()")))
    elif not np.isfinite(loss):
        report.problems.append(Problem("not finite", f"The loss f() is {loss}."))
    elif not all(map(same_bits, params, before)):
        report.problems.append(Problem("parameter changed", "f() changes its own parameters."))
    if report.problems:
        return report
    targets = []
    for name, p, g in zip(names, params, grads, strict=True):
        got = dense_gradient(g() if callable(g) else g, p, name, report)
        if got is not None:
            scatter = _shaken_function(evaluate, params, g, got) if callable(g) else float
            targets.append(Target(name, p, got, id(g), scatter))
    targets = merge_shared(targets)
    comparer = Comparer(evaluate, 1.0, targets, np.random.default_rng(seed), tol)
    if coarse := comparer.coarseness():
        report.problems.append(Problem("precision", coarse_text("The loss f()", coarse)))
    report.comparisons = [comparer.compare(t) for t in targets]
    for c in report.comparisons:
        report_comparison(report, c)
    if not report.problems and not any(c.judged.any() for c in report.comparisons):
        report.problems.append(Problem("nothing judged", NOTHING_JUDGED))
    return report


def _shaken_function(evaluate, params, grad: Callable, got: np.ndarray) -> Callable[[], float]:
    """() → how much the gradient that ``grad()`` returns changes with the last bits of params."""

    def scatter() -> float:
        held, largest = [(p, p.copy()) for p in params], 0.0
        rng = np.random.default_rng(0)
        try:
            for _ in range(SHAKES):
                for p, before in held:
                    p[...] = shaken(before, rng)
                evaluate()
                other = dense_gradient(grad(), got, "", GradientReport(""))
                if other is not None:
                    largest = max(largest, float(np.abs(other - got).max(initial=0.0)))
        finally:
            for p, before in held:
                p[...] = before
            evaluate()
        return largest

    return scatter


def _as_lists(params, grads, names):
    if isinstance(params, Mapping):
        names = list(params) if names is None else names
        grads = [grads[k] for k in params] if isinstance(grads, Mapping) else grads
        params = list(params.values())
    params, grads = list(params), list(grads)
    for i, g in enumerate(grads):
        if isinstance(g, (list, tuple)):
            grads[i] = on_device(g, f"grads[{i}]")
    names = [f"params[{i}]" for i in range(len(params))] if names is None else list(names)
    if not len(params) == len(grads) == len(names):
        raise ValueError(
            f"There must be one gradient (and one name) for each parameter, got {len(params)} "
            f"params, {len(grads)} grads, {len(names)} names."
        )
    for name, p in zip(names, params, strict=True):
        if not isinstance(p, np.ndarray) or p.dtype != np.float64:
            kind = p.dtype if isinstance(p, np.ndarray) else type(p).__name__
            raise TypeError(
                f"{name} must be a float64 array, got {kind}: gradients are checked in float64, "
                "so build the model with dtype=np.float64."
            )
        if not p.flags.writeable:
            raise ValueError(f"{name} is read-only, but must be moved a little: use a copy.")
        _check_measurable(p, name)
    return params, grads, names


def check_layer(
    factory: Callable,
    inputs,
    *,
    wrt: Iterable[int] | None = None,
    batches: Mapping[str, tuple] | None = None,
    skip: Iterable[str] = (),
    twice: bool | None = None,
    steps: int = 3,
    tol: float = TOLERANCE,
    seed: int = 0,
) -> GradientReport:
    """Check everything that a layer promises, on the inputs given and on harder ones.

    The gradient of all parameters and inputs is compared with a measured one, for a random upstream
    gradient, on these batches (those that can be derived from the inputs):

    ``given``; ``one row``; ``repeated rows`` (every id occurs again in another row); ``repeated in
    a row`` (one word several times in one example, repeated negatives); ``one word everywhere``
    (target, context and negative at once); ``saturated 30`` and ``saturated 1000`` (float inputs
    scaled up to that size; where there are none, the parameters to 6 and 40); and ``given`` again
    after some training steps.

    Besides: the same input gives the same result bit for bit, whatever was computed in between;
    forward and backward change neither inputs nor parameters nor dout; ``params`` and ``grads``
    stay the same arrays; backward is linear in dout, at any scale; nothing is NaN or infinite;
    nothing falls back to float32.

    Args:
        factory: () → a fresh layer with float64 parameters, the same each time.
        inputs: arguments of ``forward``, a tuple; a single array may stand alone.  Float arrays are
            measured, integer arrays (ids, labels) are not.
        wrt: positions of the inputs whose gradient ``backward`` returns.  By default all float
            arrays if it returns a tuple, the first one if it returns an array.
        batches: more batches, name → inputs (a single array may stand alone here, too).
        skip: names of batches to leave out, because the layer does not allow them.
        twice: whether one layer object may be used twice in a model (forward, forward, backward,
            backward), so that its gradients add up.  True: it must; False: not tried; None: tried,
            and reported as a note.
        steps: training steps before the last check.
        tol: largest relative error of a gradient.
        seed: everything random in this check follows from it.

    Returns:
        A :class:`~w2vlib.gradient_report.GradientReport`.

    Raises:
        TypeError: the factory is no function, or what it makes is no layer.
        ValueError: inputs that are not finite, or beyond ±1e100; wrt that is no float input; a
            name in skip that no batch has; a batch without the float arrays that are measured.
    """
    for i, x in enumerate(inputs if isinstance(inputs, (tuple, list)) else (inputs,)):
        if isinstance(x, np.ndarray) and x.dtype.kind == "f":
            _check_measurable(x, f"inputs[{i}]")
    batches, skip = dict(batches or {}), {skip} if isinstance(skip, str) else set(skip)
    if unknown := sorted(skip - {*BATCH_NAMES, *batches}):
        raise ValueError(f"skip names no batch: {unknown}; there are {[*BATCH_NAMES, *batches]}.")
    tol, steps = as_number(tol, "tol", minimum=0, open_minimum=True), as_count(steps, "steps", 0)
    seed = as_count(seed, "seed", 0)
    check = LayerCheck(factory, inputs, wrt, tol, seed)
    return check.run(batches, skip, twice, steps)
