"""The work behind :func:`~w2vlib.gradient_check.check_layer`: one layer, many batches."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from w2vlib.derivatives import EPS, ULPS
from w2vlib.gradient_batches import (
    as_input,
    copies,
    decoy,
    derived_batches,
    is_float,
    is_one_hot,
    scaled,
    to_size,
)
from w2vlib.gradient_compare import (
    EVERY_ENTRY,
    NOTHING_JUDGED,
    RANDOM,
    SAMPLE,
    SCATTER,
    SHAKES,
    Comparer,
    Target,
    coarse_text,
    dense_gradient,
    merge_shared,
    report_comparison,
    same_bits,
    shaken,
)
from w2vlib.gradient_report import GradientReport, Problem


class _Stop(BaseException):
    """Enough is known: what follows would make no sense any more.

    No Exception, so that nobody takes it for one of the layer's own.
    """


class _Broken(Exception):
    """forward raised the cause of this one while its slopes were measured."""


# Lists that have the same length by now; what the layer itself may have changed is checked first.
_pairs = functools.partial(zip, strict=True)


@dataclass(slots=True)
class _Pass:
    """Result of forward and backward: everything as copies."""

    out: object
    grads: list
    input_grads: dict
    sources: list

    def arrays(self) -> list:
        return [*self.grads, *self.input_grads.values()]


class _Held:
    """Inputs and parameters as they are before a pass."""

    def __init__(self, inputs, layer) -> None:
        self.inputs, self.params = copies(inputs), list(layer.params)
        self.values = [p.copy() for p in layer.params]


class LayerCheck:
    """One run of :func:`check_layer`."""

    def __init__(self, factory, inputs, wrt, tol, seed) -> None:
        if not callable(factory):
            raise TypeError(
                f"factory must be a function that makes a layer, got {type(factory).__name__}. "
                "Write lambda: MyLayer(W.copy())."
            )
        self.factory, self.tol = factory, tol
        self.seed = seed
        self.inputs = _as_inputs(inputs)
        self.wrt = None if wrt is None else list(wrt)
        floats = [i for i, x in enumerate(self.inputs) if is_float(x)]
        if not set(self.wrt or ()) <= set(floats):
            raise ValueError(
                f"wrt must name positions of float inputs, which are {floats}, got {self.wrt}."
            )
        layer = self._new_layer()
        self.report = GradientReport(type(layer).__name__)
        self.names = _input_names(layer, len(self.inputs))
        self.random = False
        self.rounding = ULPS * EPS  # of the layer's output
        self.batch, self.point = "given", "start"

    # -- the plan ---------------------------------------------------------------------------

    def run(self, more: Mapping, skip: set, twice: bool | None, steps: int) -> GradientReport:
        """Everything, in the order in which one mistake hides the next."""
        with warnings.catch_warnings():
            # Harder batches may overflow hundreds of times; one note for each batch is enough.
            warnings.simplefilter("ignore", RuntimeWarning)
            try:
                self._run(more, skip, twice, steps)
            except _Stop:
                pass
            except _Broken as broken:
                self._problem("crash", self._told("forward", broken.__cause__), broken.__cause__)
        return self.report

    def _run(self, more: Mapping, skip: set, twice: bool | None, steps: int) -> None:
        layer = self._new_layer()
        self._check_contract(layer)
        self.param_names = _param_names(layer)
        self.values = [p.copy() for p in layer.params]
        dout = self._first_look(layer)
        self._check_linear(dout)
        self._compare(self.values, self.inputs, dout, direction=True)
        self._check_history(dout)
        self._stop_if_wrong()
        for batch, values, inputs in self._batches(more):
            if batch not in skip:
                self.batch = batch
                self._check_batch(values, inputs)
                self._stop_if_wrong()
        self.batch = "given"
        if steps:
            self._check_trained(dout, steps)
        if twice or (twice is None and self.report.passed):
            self._check_twice(dout, strict=bool(twice))
        self._check_that_something_was_tested()

    def _check_that_something_was_tested(self) -> None:
        comparisons = self.report.comparisons
        if not any(c.judged.any() for c in comparisons):
            self._problem("nothing judged", NOTHING_JUDGED)
            return
        for name in dict.fromkeys(c.name for c in comparisons):
            if not any(c.informative for c in comparisons if c.name == name):
                self._note(
                    f"Hardly tested: the gradient of {name} is 0 or negligible in every batch."
                )

    def _stop_if_wrong(self) -> None:
        if any(p.name == "gradient" for p in self.report.problems):
            raise _Stop

    def _problem(self, name: str, sentence: str, error=None) -> None:
        known = {(p.name, p.sentence) for p in self.report.problems}
        if (name, sentence) not in known:
            self.report.problems.append(Problem(name, sentence, self.batch, self.point, error))

    def _fail(self, name: str, sentence: str, error=None) -> None:
        self._problem(name, sentence, error)
        raise _Stop from error

    # -- layers and passes ------------------------------------------------------------------

    def _new_layer(self, values=None):
        layer = self.factory()
        for method in ("forward", "backward"):
            if not callable(getattr(layer, method, None)):
                raise TypeError(
                    f"factory() made a {type(layer).__name__} without {method}(); a layer has "
                    "params, grads, forward and backward."
                )
        if values is not None:
            self._check_contract(layer, " when it is made again")
            shapes, usual = [p.shape for p in layer.params], [v.shape for v in values]
            if shapes != usual:
                self._fail(
                    "contract",
                    f"The factory makes other layers: params have the shapes {shapes} now, and had "
                    f"{usual} at first. It must make the same one each time.",
                )
            # Backwards, so that of parameters that share memory the first one counts.
            for p, value in reversed(list(_pairs(layer.params, values))):
                p[...] = value
        return layer

    def _check_contract(self, layer, when: str = "") -> None:
        for name in ("params", "grads"):
            if not isinstance(getattr(layer, name, None), (list, tuple)):
                self._fail("contract", f"The layer has no list {name}{when} (it may be empty: []).")
        if len(layer.params) != len(layer.grads):
            self._fail(
                "contract",
                f"The layer has {len(layer.params)} params but {len(layer.grads)} grads{when}; "
                "there must be one gradient for each parameter, made in __init__ and filled by "
                "backward: self.grads[i][...] = …",
            )
        for i, p in enumerate(layer.params):
            if not isinstance(p, np.ndarray):
                self._fail("contract", f"params[{i}] is no array but a {type(p).__name__}.")
            if p.dtype != np.float64:
                self._fail(
                    "dtype",
                    f"params[{i}] is {p.dtype}: the layer must keep the type it is given. "
                    "Gradients are checked in float64, so the factory must make float64 arrays.",
                )

    def _forward(self, layer, inputs):
        """The output as a float or as a copy of the array (the layer may reuse its own)."""
        return _as_output(layer.forward(*inputs))

    def _evaluator(self, layer, values, inputs):
        """() → output at the current values; a random layer is made anew each time."""

        def evaluate():
            try:
                return self._forward(self._new_layer(values) if self.random else layer, inputs)
            except Exception as error:
                raise _Broken from error

        return evaluate

    def _attempt(self, what: str, function, *args):
        try:
            return function(*args)
        except Exception as error:
            self._fail("crash", self._told(what, error), error)

    def _told(self, what: str, error) -> str:
        text = f"{what} raised {type(error).__name__}: {str(error).rstrip('.')}."
        if self.batch != "given":
            text += f" Pass skip=({self.batch!r},) if the layer does not allow such input."
        return text

    def _run_pass(self, layer, inputs, dout) -> _Pass:
        """forward and backward, and what both promise not to touch."""
        held, grads = _Held(inputs, layer), list(layer.grads)
        out = self._attempt("forward", self._forward, layer, inputs)
        self._check_untouched("forward", inputs, layer, held)
        upstream = dout if isinstance(dout, float) else dout.copy()
        returned = self._attempt("backward", layer.backward, upstream)
        self._check_untouched("backward", inputs, layer, held)
        if not same_bits(upstream, dout):
            self._problem(
                "dout changed",
                "backward changes the array dout that it is given; the caller may still need it.",
            )
        for i, (before, after) in enumerate(_pairs(grads, layer.grads)):
            if before is not after:
                self._problem(
                    "grads replaced",
                    f"backward puts a new object into grads[{i}]. The model has collected the old "
                    "one and would never see it: write self.grads[i][...] = …",
                )
        grads, sources = self._dense_grads(layer), [id(g) for g in layer.grads]
        return _Pass(out, grads, self._input_grads(returned, inputs), sources)

    def _check_untouched(self, who: str, inputs, layer, held: _Held) -> None:
        for i, (x, before) in enumerate(_pairs(inputs, held.inputs)):
            if isinstance(x, np.ndarray) and not same_bits(x, before):
                x[...] = before
                self._fail("input changed", f"{who} changes {self.names[i]} in place.")
        self._check_contract(layer, f" after {who}")
        if len(layer.params) != len(held.params):
            self._fail(
                "contract",
                f"{who} changes how many params there are: {len(layer.params)}, and "
                f"{len(held.params)} before.",
            )
        for i, (p, old, before) in enumerate(_pairs(layer.params, held.params, held.values)):
            if p is not old and not np.shares_memory(p, old):
                self._fail(
                    "params replaced",
                    f"{who} puts a new array into params[{i}]. The optimiser has collected the old "
                    "one and would change that.",
                )
            if not same_bits(p, before):
                self._fail(
                    "parameter changed",
                    f"{who} changes params[{i}]; only the optimiser may do that.",
                )

    def _dense_grads(self, layer) -> list:
        grads = []
        for i, (p, g) in enumerate(_pairs(layer.params, layer.grads)):
            if getattr(g, "dtype", p.dtype) != np.float64:
                self._problem("dtype", f"grads[{i}] is {g.dtype} although params[{i}] is float64.")
            where = {"batch": self.batch, "point": self.point}
            grads.append(dense_gradient(g, p, _param_names(layer)[i], self.report, **where))
        return self._or_stop(grads)

    def _input_grads(self, returned, inputs) -> dict:
        """Gradient for each input position that has one."""
        floats = [i for i, x in enumerate(inputs) if is_float(x)]
        if returned is None:
            # One-hot rows are usually labels, and a layer owes no gradient for those.
            floats = [i for i in floats if not is_one_hot(inputs[i])]
        if isinstance(returned, (tuple, list)):
            wrt = floats if self.wrt is None else self.wrt
            if len(returned) == len(inputs):
                found = {i: returned[i] for i in wrt}
            elif len(returned) == len(wrt):
                found = dict(_pairs(wrt, returned))
            else:
                self._fail(
                    "contract",
                    f"backward returned {len(returned)} gradients for {len(wrt)} float inputs.",
                )
        else:
            wrt = floats[:1] if self.wrt is None else self.wrt
            found = dict.fromkeys(wrt, returned)
        if self.wrt is None:
            self.wrt = wrt
        for i, g in found.items():
            if g is None:
                self._fail(
                    "contract",
                    f"backward returned no gradient for {self.names[i]} (None). Return "
                    "it, or pass wrt=() if the layer has none.",
                )
            if np.asarray(g).dtype != np.float64:
                kind = np.asarray(g).dtype
                self._problem("dtype", f"The gradient of {self.names[i]} is {kind}, not float64.")
        where = {"batch": self.batch, "point": self.point}
        dense = [
            dense_gradient(g, inputs[i], self.names[i], self.report, **where)
            for i, g in found.items()
        ]
        return dict(_pairs(found, self._or_stop(dense)))

    def _or_stop(self, grads: list) -> list:
        if any(g is None for g in grads):
            raise _Stop
        return grads

    # -- the checks -------------------------------------------------------------------------

    def _first_look(self, layer):
        """Is forward repeatable?  Returns a random upstream gradient."""
        out = self._look(layer, self.inputs)
        # Several times: a few random draws may agree by chance.
        for _ in range(8):
            again = self._attempt("forward", self._forward, layer, self.inputs)
            if np.shape(again) != np.shape(out):
                self._fail(
                    "repeatable",
                    "The same input gives an output of another shape the next time: "
                    f"{np.shape(again)}, not {np.shape(out)}.",
                )
            self.random = self.random or not same_bits(out, again)
        if self.random:
            one, two = (self._forward(self._new_layer(), self.inputs) for _ in range(2))
            if not same_bits(one, two):
                self._fail("random", RANDOM.format("forward"))
        return self._upstream(out)

    def _look(self, layer, inputs):
        """The output, if it is finite; is it float64?"""
        held = _Held(inputs, layer)
        raw = self._attempt("forward", layer.forward, *inputs)
        self._check_untouched("forward", inputs, layer, held)
        kind = np.asarray(raw).dtype if not isinstance(raw, (tuple, list)) else np.dtype(object)
        if kind.kind not in "fiu":
            self._fail(
                "contract",
                f"forward returned {type(raw).__name__}, not a number or an array of numbers.",
            )
        if kind.kind == "f" and kind.itemsize < 8:
            self._problem("dtype", f"forward returned {kind}, although everything is float64.")
        out = _as_output(raw)
        self._check_finite(out)
        return out

    def _upstream(self, out, purpose: str = ""):
        """Random dout: with dout = 1 a layer that forgets it would look right."""
        rng = self._rng(purpose)
        if isinstance(out, float):
            return float(rng.choice([-1, 1]) * rng.uniform(0.3, 0.9))
        return rng.standard_normal(out.shape)

    def _rng(self, purpose: str) -> np.random.Generator:
        """Random numbers for one purpose: what else was drawn does not change them."""
        return np.random.default_rng([self.seed, *f"{self.batch} {self.point} {purpose}".encode()])

    def _check_finite(self, out) -> None:
        bad = ~np.isfinite(out)
        if np.any(bad):
            self._fail("not finite", f"forward returned {np.asarray(out)[bad].ravel()[0]}.")

    def _fresh_pass(self, values, inputs, dout) -> _Pass:
        return self._run_pass(self._new_layer(values), inputs, dout)

    def _check_linear(self, dout) -> None:
        """backward(a·d) = a · backward(d), also for very large and small a, and additive."""
        one = self._fresh_pass(self.values, self.inputs, dout)
        usual = [np.abs(g).max(initial=0.0) for g in one.arrays()]
        twice = self._fresh_pass(self.values, self.inputs, 2.0 * dout)
        if any(usual) and all(map(same_bits, one.arrays(), twice.arrays())):
            self._problem(
                "linear in dout",
                "backward ignores dout: the gradient is the same for dout and for 2·dout. "
                "Multiply by dout.",
            )
            return
        # Powers of two scale every rounded number exactly, even a gradient that is all rounding.
        for scale in (-1.0, 2.0**-20, 2.0**20, 0.0):
            other = self._fresh_pass(self.values, self.inputs, scale * dout)
            for a, b, size in _pairs(one.arrays(), other.arrays(), usual):
                if np.abs(b - scale * a).max(initial=0.0) > 1e-9 * abs(scale) * size:
                    self._problem(
                        "linear in dout",
                        f"backward({scale:g}·dout) is not {scale:g}·backward(dout): the gradient "
                        "must be proportional to dout.",
                    )
                    return
        if not isinstance(dout, float):
            self._check_additive(one, dout, usual)

    def _check_additive(self, one, dout, usual) -> None:
        other_dout = self._upstream(dout, "other")
        other = self._fresh_pass(self.values, self.inputs, other_dout)
        both = self._fresh_pass(self.values, self.inputs, dout + other_dout)
        arrays = _pairs(one.arrays(), other.arrays(), both.arrays(), usual)
        for n, (a, b, c, size) in enumerate(arrays):
            difference = np.abs(a + b - c).max(initial=0.0)
            if difference <= 1e-9 * (size + np.abs(b).max(initial=0.0)):
                continue
            rounding = self._rounding_of(n, dout, one)
            if difference > rounding + self._cancelled(n, (dout, other_dout)):
                self._problem(
                    "linear in dout",
                    "backward(d1 + d2) is not backward(d1) + backward(d2): entries of dout must "
                    "not influence each other's gradient other than by adding up.",
                )
                return

    def _cancelled(self, n: int, douts) -> float:
        """How far the n-th gradient may be off where entries of dout cancel inside backward.

        Powers of two, which :meth:`_check_linear` takes, leave such rounding as it is; odd factors
        do not.  Backward is known to be proportional to dout here, so the difference is rounding.
        """
        largest = 0.0
        for dout in douts:
            g = self._fresh_pass(self.values, self.inputs, dout).arrays()[n]
            for factor in (3.0, 5.0, 7.0, 11.0):
                scaled_g = self._fresh_pass(self.values, self.inputs, factor * dout).arrays()[n]
                largest = max(largest, np.abs(scaled_g / factor - g).max())
        return SCATTER * largest

    def _rounding_of(self, n: int, dout, result: _Pass) -> float:
        """How far the n-th gradient may be off through rounding alone."""
        values, inputs = [v.copy() for v in self.values], copies(self.inputs)
        layer = self._new_layer(values)
        moved = [*(values if self.random else layer.params)]
        moved += [inputs[i] for i in result.input_grads]
        targets = [Target("", *pair) for pair in _pairs(moved, result.arrays())]
        scatter = self._shaken_layer(values, inputs, dout, result.arrays(), shared=False)
        targets[n].scatter = lambda: scatter()[n]
        evaluate = self._evaluator(layer, values, inputs)
        # Nothing is drawn.
        return Comparer(evaluate, dout, targets, None).rounding_of(targets[n])

    def _compare(self, values, inputs, dout, direction=False) -> None:
        """Compare all gradients at these values with measured ones."""
        values, inputs = [v.copy() for v in values], copies(inputs)
        layer = self._new_layer(values)
        result = self._pass_with_warnings(layer, inputs, dout)
        targets = self._targets(values if self.random else layer.params, inputs, result)
        scatter = self._shaken_layer(values, inputs, dout, [t.got for t in targets])
        for n, target in enumerate(targets):
            target.scatter = lambda n=n: scatter()[n]
        evaluate = self._evaluator(layer, values, inputs)
        every_entry = EVERY_ENTRY if direction else SAMPLE
        comparer = Comparer(evaluate, dout, targets, self._rng("look"), self.tol, every_entry)
        if direction and (coarse := comparer.coarseness()):
            self._problem("precision", coarse_text("forward", coarse))
            self.rounding = comparer.rounding
        comparer.rounding = self.rounding
        for target in targets:
            c = comparer.compare(target, direction)
            c.batch, c.point, c.inputs, c.dout = self.batch, self.point, inputs, dout
            self.report.comparisons.append(c)
            report_comparison(self.report, c)
        if not self.random:
            self._check_repeatable(layer, inputs, dout, result)

    def _pass_with_warnings(self, layer, inputs, dout) -> _Pass:
        """forward and backward; NumPy's warnings become notes."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = self._run_pass(layer, inputs, dout)
        for w in caught:
            if issubclass(w.category, RuntimeWarning):
                self._note(f"NumPy warned in batch {self.batch!r}: {w.message}.")
        self._check_finite(result.out)
        return result

    def _check_repeatable(self, layer, inputs, dout, first: _Pass) -> None:
        """The layer has computed a lot in between; now the same once more."""
        again = self._run_pass(layer, inputs, dout)
        if not _same_pass(first, again):
            self._problem(
                "repeatable",
                "The same input gives another result the second time: forward or backward "
                "depends on what was computed before, or adds to an old gradient"
                + _how_repeated(first, again),
            )

    def _targets(self, params, inputs, result: _Pass) -> list[Target]:
        targets = [
            Target(name, p, g, source)
            for name, p, g, source in _pairs(self.param_names, params, result.grads, result.sources)
        ]
        if not self.random:
            targets = merge_shared(targets)
        inner = result.input_grads.items()
        return targets + [Target(self.names[i], inputs[i], g) for i, g in inner]

    def _shaken_layer(self, values, inputs, dout, grads, shared: bool = True):
        """() → how much each of grads changes when all last bits are shaken.

        With ``shared`` they are those of :meth:`_targets`, else those of a pass.
        """

        @functools.cache
        def scatter() -> list[float]:
            rng, largest = np.random.default_rng(0), [0.0] * len(grads)
            for _ in range(SHAKES):
                layer = self._new_layer([shaken(v, rng) for v in values])
                other_inputs = tuple(shaken(x, rng) if is_float(x) else x for x in inputs)
                result = self._run_pass(layer, other_inputs, _shaken_dout(dout, rng))
                others = result.arrays()
                if shared:
                    others = [t.got for t in self._targets(layer.params, other_inputs, result)]
                for n, (a, b) in enumerate(_pairs(grads, others)):
                    largest[n] = max(largest[n], float(np.abs(a - b).max(initial=0.0)))
            return largest

        return scatter

    def _note(self, text: str) -> None:
        if text not in self.report.notes:
            self.report.notes.append(text)

    def _check_history(self, dout) -> None:
        """A layer that has worked on another batch must not remember it."""
        if self.random or any(p.name == "repeatable" for p in self.report.problems):
            return
        fresh = self._fresh_pass(self.values, self.inputs, dout)
        used = self._new_layer(self.values)
        try:
            other = self._forward(used, decoy(self.inputs))
            used.backward(self._upstream(other, "decoy"))
        except Exception:  # not every layer takes the decoy
            return
        after = self._run_pass(used, self.inputs, dout)
        if not _same_pass(fresh, after):
            self._problem(
                "stale",
                "After another batch the layer gives a different result for this one: something "
                "from an earlier forward or backward is still in use" + _how_repeated(fresh, after),
            )

    def _check_twice(self, dout, strict: bool) -> None:
        """forward(a), forward(b), backward(b), backward(a): the gradients must add up."""
        if self.random or not self.values:
            return
        first, second = self.inputs, decoy(self.inputs)
        try:
            out = self._forward(self._new_layer(self.values), second)
            other_dout = self._upstream(out, "other")
            single = [self._fresh_pass(self.values, first, dout)]
            single.append(self._fresh_pass(self.values, second, other_dout))
            layer = self._new_layer(self.values)
            layer.forward(*first)
            layer.forward(*second)
            layer.backward(other_dout)
            layer.backward(dout)
            self._check_contract(layer, " when it is used twice")
            grads = [
                dense_gradient(g, p, "", GradientReport(""))
                for p, g in _pairs(layer.params, layer.grads)
            ]
        except _Stop:
            return
        except Exception as error:
            grads, reason = None, f"it raised {type(error).__name__}: {error}"
        else:
            reason = "its gradient is not the sum of the two"
        if grads is not None and all(map(_is_sum, grads, single[0].grads, single[1].grads)):
            return
        text = f"Used twice in one model (forward, forward, backward, backward), {reason}."
        if strict:
            self._problem("used twice", text)
        else:
            self._note(text + " Make one layer object for each use, then all is well.")

    def _check_batch(self, values, inputs) -> None:
        out = self._look(self._new_layer(values), copies(inputs))
        self._compare(values, inputs, self._upstream(out))

    def _check_trained(self, dout, steps: int) -> None:
        """A few steps of gradient descent, then everything once more."""
        if not self.values:
            return
        layer = self._new_layer(self.values)
        for _ in range(steps):
            result = self._run_pass(layer, self.inputs, dout)
            for p, g in _pairs(layer.params, result.grads):
                largest = np.abs(g).max(initial=0.0)
                if largest:
                    p -= g * (0.1 * (np.abs(p).max() or 1.0) / largest)
        self.point = "trained"
        self._compare([p.copy() for p in layer.params], self.inputs, dout)
        self.point = "start"

    # -- batches ----------------------------------------------------------------------------

    def _batches(self, more: Mapping):
        """Name, parameter values and inputs of every further batch."""
        for name, given in more.items():
            inputs = _as_inputs(given)
            if not all(i < len(inputs) and is_float(inputs[i]) for i in self.wrt):
                raise ValueError(
                    f"batches[{name!r}] must have float arrays where the given inputs have those "
                    f"whose gradients backward returns: at the positions {self.wrt}."
                )
            yield name, self.values, inputs
        for name, inputs in derived_batches(self.inputs):
            yield name, self.values, inputs
        if not all(c.informative for c in self.report.comparisons if c.batch == "given"):
            yield "calm", self._scaled_values(0.5), scaled(self.inputs, self.wrt, 1.0)
        if self.wrt:
            for size in (30.0, 1000.0):
                yield f"saturated {size:g}", self.values, scaled(self.inputs, self.wrt, size)
        elif self.values:
            for size in (6.0, 40.0):
                yield f"saturated {size:g}", self._scaled_values(size), self.inputs

    def _scaled_values(self, size: float) -> list:
        return [to_size(v, size) for v in self.values]


def _as_inputs(inputs) -> tuple:
    """Arguments of forward; a single one may stand alone."""
    return tuple(as_input(x) for x in (inputs if isinstance(inputs, (tuple, list)) else (inputs,)))


def _as_output(out):
    """A float, or a copy of the array."""
    return float(out) if np.ndim(out) == 0 else np.array(out)


def _shaken_dout(dout, rng):
    moved = shaken(np.asarray(dout), rng)
    return float(moved) if isinstance(dout, float) else moved


def _same_pass(a: _Pass, b: _Pass) -> bool:
    return same_bits(a.out, b.out) and all(map(same_bits, a.arrays(), b.arrays()))


def _is_sum(total, a, b) -> bool:
    return total is not None and bool(
        np.abs(total - (a + b)).max(initial=0.0) <= 1e-9 * np.abs([a, b]).max(initial=0.0)
    )


def _how_repeated(first: _Pass, second: _Pass) -> str:
    if not same_bits(first.out, second.out):
        return " (the output differs)."
    for a, b in _pairs(first.arrays(), second.arrays()):
        if a.any() and np.allclose(b, 2 * a):
            return " (the gradient doubled: clear it at the start of backward)."
    return " (the gradient differs)."


def _input_names(layer, count: int) -> list[str]:
    """Names of forward's arguments, as its author calls them."""
    try:
        parameters = list(inspect.signature(layer.forward).parameters.values())
    except (TypeError, ValueError):
        parameters = []
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [p.name for p in parameters if p.kind in kinds][:count]
    return [f"input {n}" for n in names] + [f"input {i}" for i in range(len(names), count)]


def _param_names(layer) -> list[str]:
    """``W`` if the layer has an attribute W that is the parameter, else ``params[0]``."""
    attributes = vars(layer) if hasattr(layer, "__dict__") else {}
    names = []
    for i, p in enumerate(layer.params):
        found = [n for n, value in attributes.items() if value is p and not n.startswith("_")]
        names.append(found[0] if found else f"params[{i}]")
    return names
