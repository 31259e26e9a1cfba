"""What a layer check asks of backward: linear in dout, no memory, sums when used twice, trained."""

import numpy as np
import pytest

from tests.test_layer_check import B, Right, W, X, check_of, problems
from w2vlib import layer_check
from w2vlib.derivatives import EPS
from w2vlib.gradient_compare import BACKWARD_ULPS


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


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_what_adds_up_is_measured_on_the_scale_of_the_gradient(size):
    """y = size · x, whose gradient mixes the entries of dout a little or too much."""
    for off, said in ((0.2e-9, False), (1e-6, True)):

        class Scales:
            params, grads = (), ()

            def forward(self, x):
                return size * x

            def backward(self, dout, off=off):
                return size * (dout + off * np.abs(dout).max() * np.sign(dout[0, 0]))

        check = check_of(Scales)
        check.values = []
        check._check_linear(np.array([[1.0, 0.5], [-0.25, 0.125], [0.75, -1.0]]))
        assert [p.name for p in check.report.problems] == ["linear in dout"] * said


@pytest.mark.parametrize("drawn", [False, True])
def test_the_rounding_of_a_gradient_follows_from_the_usual_slope(drawn):
    rng = np.random.default_rng(0)

    class Zero:
        """y = w x, and a gradient of 0: what is left is the function's slope."""

        def __init__(self):
            self.w = rng.uniform(7, 9, 1)  # check_layer puts its own values there
            self.params, self.grads = [self.w], [np.zeros(1)]

        def forward(self, x):
            return self.w * x

        def backward(self, dout):
            return 0 * dout

    x, dout = np.array([[2.0]]), np.array([[-5.0]])
    check = check_of(Zero, (x,))
    check.values, check.param_names, check.random = [np.array([3.0])], ["w"], drawn
    one = check._fresh_pass(check.values, (x,), dout)
    unit = BACKWARD_ULPS * EPS
    assert check._rounding_of(0, dout, one) == pytest.approx(unit * 5 * 2, rel=1e-6, abs=0)
    assert check._rounding_of(1, dout, one) == pytest.approx(unit * 5 * 3, rel=1e-6, abs=0)


def test_one_gradient_for_a_parameter_that_is_listed_twice():
    class Listed(Right):
        def __init__(self):
            super().__init__()
            self.params.append(self.W)
            self.grads.append(self.grads[0])

    report = check_of(Listed).run({}, set(), False, 0)
    assert report.passed, str(report)
    assert {c.name for c in report.comparisons} == {"W", "b", "input x"}


# ---- the factory --------------------------------------------------------------------------------


def test_the_factory_may_draw_other_weights_each_time():
    rng = np.random.default_rng(0)

    class Drawn(Right):
        def __init__(self):
            super().__init__()
            self.W[...] = rng.standard_normal(self.W.shape)

    check = check_of(Drawn)
    check.values = [W.copy(), B.copy()]
    for n in range(3):  # all rounding is in the last digits
        assert check._cancelled(n, (np.ones((3, 3)), -0.7 * np.ones((3, 3)))) < 1e-13
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


# ---- memory -------------------------------------------------------------------------------------


class Adds(Right):
    """Forgets to clear its gradient."""

    def backward(self, dout):
        old = self.grads[0].copy()
        dx = super().backward(dout)
        self.grads[0][...] += old
        return dx


class KeepsDout(Right):
    """Works with the first dout that it was ever given."""

    dout = None

    def backward(self, dout):
        self.dout = dout if self.dout is None else self.dout
        return super().backward(self.dout)


class KeepsInput(Right):
    """Works with the first input of a shape."""

    def backward(self, dout):
        self.first = getattr(self, "first", self.x)
        if self.first.shape == self.x.shape:
            self.x = self.first
        return super().backward(dout)


class KnowsInput(Right):
    """Other outputs for inputs that are not the one that backward has seen first."""

    known = None

    def forward(self, x):
        return super().forward(x) + (self.known is not None and (self.known != x).any())

    def backward(self, dout):
        self.known = self.x.copy() if self.known is None else self.known
        return super().backward(dout)


@pytest.mark.parametrize(
    ("factory", "name", "how"),
    [
        (Adds, "repeatable", " (the gradient doubled: clear it at the start of backward)."),
        (KeepsDout, "stale", " (the gradient differs)."),
        (KeepsInput, "stale", " (the gradient differs)."),
        (KnowsInput, "stale", " (the output differs)."),
    ],
)
def test_what_is_left_from_earlier(factory, name, how):
    check = check_of(factory, wrt=[])
    check._batches = lambda more: ()
    ((found, sentence),) = [(p.name, p.sentence) for p in check.run({}, set(), False, 0).problems]
    assert found == name and sentence.endswith(how)


def test_another_problem_does_not_hide_what_is_left():
    class Both(KeepsDout):
        def backward(self, dout):
            dx = super().backward(dout.copy())
            dout[...] = 0
            return dx

    assert names_of(Both) == ["dout changed", "stale"]


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


class Square(Right):
    """y = (x W + b)²: its gradient depends on the weights."""

    def forward(self, x):
        return super().forward(x) ** 2

    def backward(self, dout):
        return super().backward(2 * (self.x @ self.W + self.b) * dout)


def test_both_uses_have_the_weights_of_the_check():
    rng = np.random.default_rng(0)

    class Drawn(Sums, Square):
        def __init__(self):
            super().__init__()
            self.W[...] = rng.standard_normal(self.W.shape)

    check = check_of(Drawn)
    check.values = [W.copy(), B.copy()]
    check._check_twice(np.ones((3, 3)), strict=True)
    assert check.report.passed, str(check.report)
    seen = []
    check._upstream = lambda out, *_: seen.append(out) or np.ones((3, 3))
    check._check_twice(np.ones((3, 3)), strict=True)
    assert seen[0].tolist() == ((0.7 * X[::-1] @ W + B) ** 2).tolist()


def test_who_ignores_dout_is_told_so_whatever_the_factory_draws():
    rng = np.random.default_rng(0)

    class Ignores(Square):
        def __init__(self):
            super().__init__()
            self.W[...] = rng.standard_normal(self.W.shape)

        def backward(self, dout):
            return super().backward(np.ones((3, 3)))

    check = check_of(Ignores)
    check.values = [W.copy(), B.copy()]
    check._check_linear(np.full((3, 3), 0.5))
    (problem,) = check.report.problems
    assert problem.name == "linear in dout"
    assert problem.sentence.startswith("backward ignores dout: ")


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
    assert not layer_check._is_sum(1.0001e-6 * a, 1e-6 * a, 0 * a)
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


# ---- which batches, which entries ---------------------------------------------------------------


class Bends(Right):
    """y = tanh(x W + b)."""

    def forward(self, x):
        self.y = np.tanh(super().forward(x))
        return self.y.copy()

    def backward(self, dout):
        return super().backward(dout * (1 - self.y**2))


def test_a_calm_batch_where_the_given_one_says_nothing():
    report = check_of(Bends, (1000 * X,)).run({}, set(), False, 0)
    assert report.passed and not report.notes, str(report)
    (calm,) = (c for c in report.comparisons if c.batch == "calm" and c.name == "W")
    assert np.sqrt((calm.inputs[0] ** 2).mean()) == pytest.approx(1)
    report = check_of(Bends).run({"far": 1000 * X}, set(), False, 0)
    assert report.passed and "calm" not in {c.batch for c in report.comparisons}


def test_the_parameters_of_a_calm_batch_are_small():
    seen = []

    class Watched(Bends):
        def forward(self, x):
            seen.append(float(np.sqrt((self.W**2).mean())))
            return super().forward(x)

    check_of(Watched, (1000 * X,)).run({}, set(), False, 0)
    assert any(size == pytest.approx(0.5) for size in seen)


def test_every_entry_of_the_given_batch_and_a_sample_of_the_others():
    class Wide(Right):
        def __init__(self):
            self.W, self.b = np.linspace(-1, 1, 150).reshape(2, 75), np.linspace(0, 1, 75)
            self.params = [self.W, self.b]
            self.grads = [np.zeros_like(p) for p in self.params]

    report = check_of(Wide).run({}, set(), False, 0)
    assert report.passed
    measured = {c.batch: int(c.measured.sum()) for c in report.comparisons if c.name == "W"}
    assert measured.pop("given") == 150
    assert measured and all(32 <= n < 75 for n in measured.values())


# ---- training -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_step_moves_the_weights_by_a_tenth_whatever_the_gradient(size):
    seen = []

    class Watched(Right):
        def forward(self, x):
            seen.append(self.params[0].copy())
            return super().forward(x)

    check = check_of(Watched, (size * X,))
    check.values = [2 * W, B.copy()]
    dout = np.array([[1.0, -0.5, 0.25], [0.5, 0.75, -1.0], [-0.5, 1.0, 0.5]])
    check._check_trained(dout, 2)
    assert check.report.passed and check.point == "start"
    assert {c.point for c in check.report.comparisons} == {"trained"}
    gradient = X.T @ dout
    step = gradient / np.abs(gradient).max()
    first = 2 * W - 0.1 * 2 * np.abs(W).max() * step
    second = first - 0.1 * np.abs(first).max() * step
    assert seen[0].tolist() == (2 * W).tolist()
    assert seen[1] == pytest.approx(first, rel=1e-9)
    assert seen[2] == pytest.approx(second, rel=1e-9)


def test_parameters_that_are_zero_are_trained_too():
    class Zeros(Right):
        def __init__(self):
            super().__init__()
            self.b[...] = 0

    check = check_of(Zeros)
    check.values, seen = [W.copy(), np.zeros(3)], []
    check._compare = lambda values, *_: seen.extend(values)
    dout = np.array([[1.0, -0.5, 0.25], [0.5, 0.75, -1.0], [-0.5, 1.0, 0.5]])
    check._check_trained(dout, 1)
    total = dout.sum(axis=0)
    assert seen[1] == pytest.approx(-0.1 * total / np.abs(total).max())


def test_a_parameter_without_gradient_stays():
    class Still(Right):
        def backward(self, dout):
            dx = super().backward(dout)
            self.grads[1][...] = 0
            return dx

    check, seen = check_of(Still), []
    check.values = [W.copy(), B.copy()]
    check._compare = lambda values, *_: seen.extend(values)
    check._check_trained(np.ones((3, 3)), 3)
    assert seen[1].tolist() == B.tolist()
