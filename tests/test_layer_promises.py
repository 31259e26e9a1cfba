"""What a layer check asks of backward: linear in dout, no memory, sums when used twice, trained."""

import numpy as np
import pytest

from tests.test_layer_check import Right, X, check_of, problems
from w2vlib import layer_check


def names_of(factory, inputs=(X,), **options):
    return [name for name, *_ in problems(factory, inputs, **options)]


# ---- linear in dout -----------------------------------------------------------------------------


def mixing(to, tied=False):
    """Proportional to dout, but its gradient number ``to`` mixes the entries of dout."""

    class Mixes(Right):
        def __init__(self):
            super().__init__()
            if tied:
                self.params.append(self.W.T)
                self.grads.append(np.zeros((3, 2)))

        def backward(self, dout):
            dx = super().backward(dout)
            off = 1e-3 * np.abs(dout).sum() * np.sign(dout[0, 0])  # proportional, not additive
            (*self.grads, dx)[to][...] += off
            return dx

    return Mixes


@pytest.mark.parametrize("to", [0, 1, 2])
def test_entries_of_dout_may_only_add_up(to):
    name, batch, _, sentence = problems(mixing(to))[0]
    assert (name, batch) == ("linear in dout", "given")
    assert sentence.startswith("backward(d1 + d2) is not backward(d1) + backward(d2): entries of")
    assert names_of(mixing(to)).count("linear in dout") == 1


@pytest.mark.parametrize("to", [0, 2, 3])
def test_shared_parameters_may_not_hide_it(to):
    assert names_of(mixing(to, tied=True))[0] == "linear in dout"


# ---- the factory --------------------------------------------------------------------------------


def test_the_factory_may_draw_other_weights_each_time():
    rng = np.random.default_rng(0)

    class Drawn(Right):
        def __init__(self):
            super().__init__()
            self.W[...] = rng.standard_normal(self.W.shape)

    check = check_of(Drawn)
    report = check.run({"more": (2 * X,)}, set(), None, 2)
    assert report.passed, str(report)
    assert len(report.notes) == 1 and "not the sum of the two" in report.notes[0]
    assert check.run({}, set(), False, 0).passed


def test_an_empty_parameter_is_no_trouble():
    class Extra(Right):
        def __init__(self):
            super().__init__()
            self.none = np.zeros((0, 3))
            self.params.append(self.none)
            self.grads.append(np.zeros((0, 3)))

    report = check_of(Extra).run({}, set(), None, 2)
    assert report.passed, str(report)
    assert {c.name for c in report.comparisons} == {"W", "b", "none", "input x"}


# ---- used twice ---------------------------------------------------------------------------------


class Sums(Right):
    """Used several times before backward, it sums its gradients, the last use first."""

    def __init__(self):
        super().__init__()
        self.seen, self.backs = [], 0

    def forward(self, x):
        if self.backs:
            self.seen, self.backs = [], 0
        self.seen.append(x)
        return super().forward(x)

    def uses(self):
        return self.seen[::-1]

    def backward(self, dout):
        self.x = self.uses()[self.backs]
        old = [g.copy() if self.backs else 0 * g for g in self.grads]
        self.backs += 1
        dx = super().backward(dout)
        for g, before in zip(self.grads, old, strict=True):
            g += before
        return dx


class TheFirstFirst(Sums):
    def uses(self):
        return self.seen if len(self.seen) == 2 else self.seen[::-1]


class LosesNumbers(Sums):
    def backward(self, dout):
        dx = super().backward(dout)
        if self.backs == 2:
            self.grads[0][0, 0] = np.nan
        return dx


class SlightlyLess(Sums):
    def backward(self, dout):
        if self.backs == 1:
            self.grads[0] *= 1 - 1e-7
        return super().backward(dout)


@pytest.mark.parametrize("factory", [TheFirstFirst, LosesNumbers, SlightlyLess])
def test_two_uses_that_do_not_add_up(factory):
    assert problems(factory) == problems(Sums, twice=True) == []
    ((name, batch, point, sentence),) = problems(factory, twice=True)
    assert (name, batch, point) == ("used twice", "given", "start")
    assert sentence == (
        "Used twice in one model (forward, forward, backward, backward), "
        "its gradient is not the sum of the two."
    )


def test_the_sum_of_two_gradients():
    a, b = np.array([1.0, 0.0]), np.array([0.0, -2.0])
    for off in (1.9e-9, -1.9e-9):
        assert layer_check._is_sum(a + b + off, a, b)
        assert layer_check._is_sum(a + b + off, b, a)
    for off in (2.1e-9, -2.1e-9):
        assert not layer_check._is_sum(a + b + off, a, b)
        assert not layer_check._is_sum(a + b + off, b, a)
    assert not layer_check._is_sum(a + b + [0, 2.1e-9], a, b)
    assert layer_check._is_sum(np.array([1e-10]), np.array([1.0]), np.array([-1.0]))
    assert layer_check._is_sum(*np.zeros((3, 0, 2)))
    assert not layer_check._is_sum(None, a, b)


class Drops(Right):
    """Dropout of the output; the numbers follow from a seed."""

    def __init__(self):
        super().__init__()
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        y = super().forward(x)
        self.kept = self.rng.integers(0, 2, y.shape) * 2.0
        return y * self.kept

    def backward(self, dout):
        return super().backward(dout * self.kept)


def test_random_layers_are_not_asked_for_sums_or_repetition():
    report = check_of(Drops).run({}, set(), True, 2)
    assert report.passed and not report.notes, str(report)
