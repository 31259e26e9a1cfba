"""The parts of a layer check: names, random numbers, passes, and how a mistake is told."""

import warnings

import numpy as np
import pytest

from w2vlib import layer_check
from w2vlib.layer_check import LayerCheck, _Pass
from w2vlib.layers import Affine, MatMul, Tanh

W, B = np.arange(6.0).reshape(2, 3) / 7 + 0.1, np.array([0.5, -0.25, 1.0])
X = np.array([[1.0, -0.5], [0.25, 2.0], [-1.0, 0.75]])


class Right:
    """y = x W + b, with everything that a layer promises."""

    def __init__(self):
        self.W, self.b = W.copy(), B.copy()
        self.params = [self.W, self.b]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.grads[0][...] = self.x.T @ dout
        self.grads[1][...] = dout.sum(axis=0)
        return dout @ self.W.T


def check_of(factory=Right, inputs=(X,), **options):
    arguments = {"wrt": None, "tol": 1e-6, "seed": 0} | options
    check = LayerCheck(factory, inputs, *arguments.values())
    check.param_names = ["W", "b"]
    return check


def problems(factory=Right, inputs=(X,), more=None, skip=(), twice=False, steps=1, **options):
    report = check_of(factory, inputs, **options).run(more or {}, set(skip), twice, steps)
    return [(p.name, p.batch, p.point, p.sentence) for p in report.problems]


# ---- names --------------------------------------------------------------------------------------


def test_inputs_are_called_as_their_author_calls_them():
    class Some(Right):
        def forward(self, x, t=None, *more, key=1):
            return x

    assert layer_check._input_names(Some(), 1) == ["input x"]
    assert layer_check._input_names(Some(), 2) == ["input x", "input t"]
    assert layer_check._input_names(Some(), 4) == ["input x", "input t", "input 2", "input 3"]

    class Dark(Right):
        forward = max  # without a signature that can be read

    assert layer_check._input_names(Dark(), 2) == ["input 0", "input 1"]


def test_parameters_are_called_by_their_attribute():
    assert layer_check._param_names(Right()) == ["W", "b"]
    assert layer_check._param_names(Affine(W, B)) == ["params[0]", "params[1]"]

    class Hidden:
        __slots__ = ("params",)

    hidden = Hidden()
    hidden.params = [W]
    assert layer_check._param_names(hidden) == ["params[0]"]

    class Private(Right):
        def __init__(self):
            super().__init__()
            self._W = self.__dict__.pop("W")

    assert layer_check._param_names(Private()) == ["params[0]", "b"]


# ---- passes -------------------------------------------------------------------------------------


def passed(out, *grads):
    return _Pass(np.array(out), [np.array(g) for g in grads], {}, [])


def test_how_a_repetition_differs():
    one = passed([1.0], [2.0], [0.0])
    assert layer_check._how_repeated(one, passed([1.5], [2.0], [0.0])) == " (the output differs)."
    assert "doubled" in layer_check._how_repeated(one, passed([1.0], [4.0], [0.0]))
    assert layer_check._how_repeated(one, passed([1.0], [3.0], [0.0])) == " (the gradient differs)."
    # 0 is also its own double: that alone tells nothing.
    zero = passed([1.0], [0.0], [2.0])
    assert layer_check._how_repeated(zero, passed([1.0], [0.0], [3.0])).endswith("differs).")
    assert layer_check._same_pass(one, passed([1.0], [2.0], [0.0]))
    assert not layer_check._same_pass(one, passed([1.0], [2.0], [-0.0]))
    assert not layer_check._same_pass(one, passed([1.0 + 2**-52], [2.0], [0.0]))


def test_upstream_gradients_follow_from_seed_batch_and_purpose():
    check = check_of(seed=3)
    out = np.zeros((2, 3))
    dout = check._upstream(out)
    assert dout.shape == (2, 3)
    assert check._upstream(out).tolist() == dout.tolist()  # nothing else was drawn in between
    assert check._upstream(out, "other").tolist() != dout.tolist()
    assert check_of(seed=4)._upstream(out).tolist() != dout.tolist()
    check.batch = "one row"
    assert check._upstream(out).tolist() != dout.tolist()
    numbers = {check_of(seed=seed)._upstream(1.0) for seed in range(40)}
    assert all(type(n) is float and 0.3 <= abs(n) <= 0.9 for n in numbers)
    assert len(numbers) == 40 and {n > 0 for n in numbers} == {True, False}


def test_numbers_stay_numbers_when_they_are_shaken():
    rng = np.random.default_rng(0)
    assert type(layer_check._shaken_dout(0.5, rng)) is float
    assert layer_check._shaken_dout(0.5, rng) == pytest.approx(0.5, rel=1e-13)
    assert layer_check._shaken_dout(np.ones(3), rng).shape == (3,)


# ---- whole checks -------------------------------------------------------------------------------


def test_the_right_one_passes_everywhere():
    check = check_of()
    report = check.run({"more": (2 * X,)}, set(), None, 2)
    assert report.passed, str(report)
    assert report.title == "Right"
    seen = list(dict.fromkeys((c.batch, c.point) for c in report.comparisons))
    assert seen == [
        ("given", "start"),
        ("more", "start"),
        ("one row", "start"),
        ("repeated rows", "start"),
        ("saturated 30", "start"),
        ("saturated 1000", "start"),
        ("given", "trained"),
    ]
    assert {c.name for c in report.comparisons} == {"W", "b", "input x"}
    sizes = {
        c.batch: float(np.sqrt((c.inputs[0] ** 2).mean()))
        for c in report.comparisons
        if c.name == "W"
    }
    assert sizes["saturated 30"] == pytest.approx(30)
    assert sizes["saturated 1000"] == pytest.approx(1000)


def test_parameters_are_saturated_where_no_input_can_be():
    seen = []

    class Table(Right):
        def forward(self, ids):
            seen.append(float(np.sqrt((self.W**2).mean())))
            self.x = np.eye(2)[ids]
            return self.x @ self.W + self.b

        def backward(self, dout):
            super().backward(dout)

    ids = np.array([0, 1, 1, 0])
    report = check_of(Table, (ids,)).run({}, set(), False, 1)
    assert report.passed, str(report)
    batches = {c.batch for c in report.comparisons}
    assert {"saturated 6", "saturated 40"} <= batches
    assert any(size == pytest.approx(40) for size in seen)
    assert any(size == pytest.approx(6) for size in seen)


def test_training_takes_as_many_steps_as_asked():
    for steps in (0, 1, 4):
        passes = []

        class Counting(Right):
            def backward(self, dout, passes=passes):
                passes.append(self.W.copy())
                return super().backward(dout)

        problems(Counting, steps=steps, skip=("one row", "repeated rows"))
        distinct = {w.tobytes() for w in passes if not np.allclose(w, W, rtol=1e-9)}
        if steps == 0:
            assert distinct == set()
        else:
            assert len(distinct) >= steps
            # One step moves the entry with the largest gradient by a tenth of the largest weight.
            moves = [np.abs(w - W).max() for w in passes if not np.allclose(w, W, rtol=1e-9)]
            assert min(moves) == pytest.approx(0.1 * W.max(), rel=1e-6)


class FirstTime(Right):
    """Right on the batch that is given only."""

    def backward(self, dout):
        dx = super().backward(dout)
        if len(dout) == 1:
            self.grads[1][...] = 0
        return dx


def test_a_problem_is_told_with_its_batch_once_and_ends_the_check():
    found = problems(FirstTime)
    assert [(name, batch, point) for name, batch, point, _ in found] == [
        ("gradient", "one row", "start")
    ]
    assert problems(FirstTime, skip=("one row",)) == []


class Untrained(Right):
    def backward(self, dout):
        dx = super().backward(dout)
        if not np.allclose(self.W, W, rtol=1e-6):
            self.grads[0][...] *= 1.5
        return dx


def test_what_shows_after_training_is_told_so():
    assert [(n, b, p) for n, b, p, _ in problems(Untrained)] == [("gradient", "given", "trained")]
    assert problems(Untrained, steps=0) == []


@pytest.mark.parametrize(
    ("twice", "names", "notes"), [(True, ["used twice"], 0), (None, [], 1), (False, [], 0)]
)
def test_used_twice(twice, names, notes):
    report = check_of().run({}, set(), twice, 0)
    assert [p.name for p in report.problems] == names
    assert sum("Used twice" in note for note in report.notes) == notes
    report = check_of(lambda: MatMul(W.copy())).run({}, set(), twice, 0)
    assert report.passed and not report.notes


def test_a_layer_that_breaks_when_used_twice_says_how():
    class Once(Right):
        def backward(self, dout):
            if self.x is None:
                raise KeyError("gone")
            dx, self.x = super().backward(dout), None
            return dx

    report = check_of(Once).run({}, set(), True, 0)
    (problem,) = report.problems
    assert problem.name == "used twice" and "it raised KeyError: 'gone'" in problem.sentence


def test_a_gradient_that_is_always_zero_is_noted():
    class Constant:
        params, grads = (), ()

        def forward(self, x):
            return x * 0

        def backward(self, dout):
            return dout * 0

    report = check_of(Constant).run({}, set(), False, 0)
    assert report.passed
    (note,) = report.notes
    assert note.startswith("Hardly tested: the gradient of input x is 0 or negligible in every")

    class Unused(Right):
        def __init__(self):
            super().__init__()
            self.unused = np.ones(2)
            self.params.append(self.unused)
            self.grads.append(np.zeros(2))

    report = check_of(Unused).run({}, set(), False, 0)
    assert report.passed
    (note,) = report.notes
    assert note == "Hardly tested: the gradient of unused is 0 or negligible in every batch."


def test_that_nothing_was_judged_is_a_problem():
    class Nothing:
        params, grads = (), ()

        def forward(self, x):
            return x * 1.0

        def backward(self, dout):
            return None

    report = check_of(Nothing, wrt=()).run({}, set(), False, 0)
    assert [(p.name, p.sentence) for p in report.problems] == [
        ("nothing judged", layer_check.NOTHING_JUDGED)
    ]
    assert report.notes == []


def test_what_is_random_is_told():
    rng = np.random.default_rng(0)

    class Noisy(Right):
        def forward(self, x):
            return super().forward(x) + rng.random()

    ((name, batch, _, sentence),) = problems(Noisy)
    assert (name, batch) == ("random", "given")
    assert sentence == layer_check.RANDOM.format("forward")

    class Rarely(Right):  # draws that agree by chance, most of the time
        count = 0

        def forward(self, x):
            self.count += 1
            return super().forward(x) + (self.count == 4)

    assert "given" not in [name for name, *_ in problems(Rarely)]
    check = check_of(Rarely)
    check._first_look(Rarely())
    assert check.random


def test_other_warnings_than_those_of_numpy_are_not_held_back():
    class Warns(Right):
        def forward(self, x):
            warnings.warn("old", DeprecationWarning, stacklevel=1)
            warnings.warn("overflow", RuntimeWarning, stacklevel=1)
            return super().forward(x)

    with pytest.warns(DeprecationWarning, match="^old$") as caught:
        report = check_of(Warns).run({}, set(), False, 0)
    assert {w.category for w in caught} == {DeprecationWarning}
    batches = ["given", "one row", "repeated rows", "saturated 30", "saturated 1000"]
    assert report.notes == [f"NumPy warned in batch {name!r}: overflow." for name in batches]


def test_the_tolerance_is_the_one_asked_for():
    class SlightlyOff(Right):
        def backward(self, dout):
            return super().backward(dout) * (1 + 1e-5)

    assert [name for name, *_ in problems(SlightlyOff)] == ["gradient"]
    assert problems(SlightlyOff, tol=1e-3) == []
    assert problems(SlightlyOff, wrt=[]) == []
    assert [name for name, *_ in problems(SlightlyOff, wrt=[0])] == ["gradient"]


def test_only_a_layer_is_checked():
    with pytest.raises(TypeError, match="^factory must be a function"):
        check_of(3)
    with pytest.raises(TypeError, match="without backward"):
        check_of(lambda: type("Half", (), {"forward": lambda self, x: x})())
    with pytest.raises(ValueError, match=r"float inputs, which are \[0\], got \[1\]"):
        check_of(Tanh, (X, np.array([1, 2, 3])), wrt=[1])
    assert check_of(Tanh, X).inputs[0] is not X


# ---- layers that change their lists, and factories that change their mind -----------------------


class Grows(Right):
    """Its lists change while it works: ``when`` and ``how`` say where."""

    when, how = "backward", None

    def forward(self, x):
        if self.when == "forward":
            self.how()
        return super().forward(x)

    def backward(self, dout):
        dx = super().backward(dout)
        if self.when == "backward":
            self.how()
        return dx


def first_problem(factory, inputs=(X,), **options):
    """Name, batch and sentence; no exception of ours may get out."""
    name, batch, _, sentence = problems(factory, inputs, **options)[0]
    return name, batch, sentence


@pytest.mark.parametrize("when", ["forward", "backward"])
@pytest.mark.parametrize(
    ("how", "said"),
    [
        (
            lambda self: self.grads.append(self.W),
            "has 2 params but 3 grads after {}; there must be",
        ),
        (lambda self: self.grads.pop(), "has 2 params but 1 grads after {}; there must be"),
        (lambda self: setattr(self, "grads", None), "has no list grads after {} (it may be empty"),
        (lambda self: setattr(self, "params", self.W), "has no list params after {} (it may be"),
        (lambda self: self.params.append(self.b), "has 3 params but 2 grads after {}; there must"),
    ],
)
def test_lists_that_change_their_length(when, how, said):
    factory = type("Some", (Grows,), {"when": when, "how": how})
    name, batch, sentence = first_problem(factory)
    assert (name, batch) == ("contract", "given")
    assert sentence.startswith("The layer " + said.format(when))


@pytest.mark.parametrize("when", ["forward", "backward"])
def test_both_lists_grow(when):
    def more(self):
        self.params.append(self.b)
        self.grads.append(self.b * 0)

    name, _, sentence = first_problem(type("Some", (Grows,), {"when": when, "how": more}))
    assert name == "contract"
    assert sentence == f"{when} changes how many params there are: 3, and 2 before."


@pytest.mark.parametrize("when", ["forward", "backward"])
def test_a_parameter_must_stay_the_same_array(when):
    def copy(self):
        self.params[1] = self.b = self.b.copy()

    name, _, sentence = first_problem(type("Some", (Grows,), {"when": when, "how": copy}))
    assert name == "params replaced"
    assert sentence.startswith(f"{when} puts a new array into params[1]. The optimiser has")

    def view(self):  # the same numbers in memory: an optimiser that writes there changes them
        self.params[1] = self.b[:]

    assert problems(type("Some", (Grows,), {"when": when, "how": view})) == []


def test_lists_that_change_only_when_used_twice():
    class Twice(Right):
        forwards = 0

        def forward(self, x):
            self.forwards += 1
            return super().forward(x)

        def backward(self, dout):
            dx = super().backward(dout)
            self.forwards -= 1
            if self.forwards == 1 and not np.array_equal(self.x, X):
                self.grads.append(self.b)
            return dx

    report = check_of(Twice, (X,)).run({}, {"one row", "repeated rows"}, True, 0)
    assert any("2 params but 3 grads when it is used twice" in p.sentence for p in report.problems)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"W": np.ones((2, 4))}, "[(2, 4), (3,)] now, and had [(2, 3), (3,)] at first"),
        ({"W": np.ones((3, 2))}, "[(3, 2), (3,)] now, and had"),
        ({"params": [W.copy()], "grads": [W.copy()]}, "[(2, 3)] now, and had [(2, 3), (3,)]"),
        ({"params": None}, "no list params when it is made again"),
        ({"grads": []}, "2 params but 0 grads when it is made again"),
    ],
)
def test_the_factory_must_make_the_same_layer_each_time(change, said):
    made = []

    def factory():
        layer = Right()
        made.append(layer)
        if len(made) > 2:
            for name, value in change.items():
                setattr(layer, name, value)
            if "W" in change:
                layer.params[0], layer.grads[0] = layer.W, layer.W * 0
        return layer

    name, _, sentence = first_problem(factory)
    assert name == "contract" and said in sentence, sentence


# ---- forward, again and again -------------------------------------------------------------------


def test_a_forward_that_does_not_work_at_all():
    class Breaks(Right):
        def forward(self, x):
            raise KeyError("never")

    assert first_problem(Breaks) == ("crash", "given", "forward raised KeyError: 'never'.")


def test_forward_may_be_called_twice_in_a_row():
    class Once(Right):
        busy = False

        def forward(self, x):
            if self.busy:
                raise KeyError("busy")
            self.busy = True
            return super().forward(x)

    check = check_of(Once)
    (problem,) = check.run({}, set(), False, 0).problems
    assert problem.name == "crash" and isinstance(problem.error, KeyError)
    assert problem.sentence == "forward raised KeyError: 'busy'."


def test_an_exception_while_slopes_are_measured_is_one_of_forward():
    class Fixed(Right):
        def forward(self, x):
            if len(x) == 1 and (self.W != W).any():
                raise KeyError("another W")
            return super().forward(x)

    check = check_of(Fixed)
    (problem,) = check.run({}, set(), False, 0).problems
    assert (problem.name, problem.batch) == ("crash", "one row")
    assert isinstance(problem.error, KeyError)
    assert problem.sentence.startswith("forward raised KeyError: 'another W'. Pass skip=('one row'")


def test_another_shape_the_next_time():
    class Taller(Right):
        rows = 0

        def forward(self, x):
            self.rows += 1
            return np.vstack([super().forward(x)] * self.rows)

    assert first_problem(Taller) == (
        "repeatable",
        "given",
        "The same input gives an output of another shape the next time: (6, 3), not (3, 3).",
    )


# ---- more batches -------------------------------------------------------------------------------


def test_the_output_of_every_batch_is_looked_at():
    class Odd(Right):
        def forward(self, x):
            y = super().forward(x)
            return self.odd(y) if len(x) == 1 else y

    for odd, name, said in (
        (lambda self, y: None, "contract", "forward returned NoneType, not a number"),
        (lambda self, y: y.astype(np.float32), "dtype", "forward returned float32, although"),
        (lambda self, y: y * np.inf, "not finite", "forward returned inf."),
    ):
        found, batch, sentence = first_problem(type("Some", (Odd,), {"odd": odd}))
        assert (found, batch) == (name, "one row") and sentence.startswith(said)


def test_the_output_is_looked_at_with_the_weights_of_the_batch():
    class Narrow(Right):
        """Looks rows up; large numbers lose their digits."""

        def forward(self, ids):
            y = super().forward(np.eye(2)[ids])
            return y.astype(np.float32) if np.abs(self.W).max() > 5 else y

        def backward(self, dout):
            super().backward(dout)

    name, batch, sentence = first_problem(Narrow, (np.array([0, 1, 1, 0]),))
    assert (name, batch) == ("dtype", "saturated 6")
    assert sentence == "forward returned float32, although everything is float64."


def test_a_batch_may_be_a_single_array():
    for more in (2 * X, (2 * X,), [2 * X]):
        report = check_of().run({"more": more}, set(), False, 0)
        assert report.passed
        seen = [c.inputs[0] for c in report.comparisons if c.batch == "more"]
        assert seen and all(x.tolist() == (2 * X).tolist() for x in seen)


@pytest.mark.parametrize("more", [(), (np.ones((3, 2), dtype=int),), (None,)])
def test_a_batch_must_have_the_inputs_whose_gradients_are_measured(more):
    with pytest.raises(
        ValueError, match=r"^batches\['more'\] must have float .*positions \[0\]\.$"
    ):
        check_of().run({"more": more}, set(), False, 0)
