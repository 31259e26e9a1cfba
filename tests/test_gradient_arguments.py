"""What gradient checks take and what they refuse; defaults; what they leave behind."""

import inspect

import numpy as np
import pytest

from w2vlib import gradient_check, gradient_compare
from w2vlib.gradient_check import check_gradient, check_layer, numerical_gradient, one_number
from w2vlib.layers import MatMul, Tanh


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.array(2), np.array([[2.0]]), np.uint8(2), [2.0]]
)
def test_one_number_in_any_dress(value):
    assert one_number(value) == 2
    assert type(one_number(value)) is float
    assert one_number(True) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "got NoneType"),
        ("2", "got str"),
        (2j, "got complex"),
        (np.array([1.0, 2]), r"got an array of shape \(2,\)"),
        (np.zeros((0, 1)), r"got an array of shape \(0, 1\)"),
        (["2"], r"got an array of shape \(1,\)"),
    ],
)
def test_what_is_not_one_number(value, text):
    with pytest.raises(ValueError, match=f"^f must return one number, {text}"):
        one_number(value)


# ---- numerical_gradient --------------------------------------------------------------------------


def test_how_far_an_array_may_go():
    x = np.array([1e100, -1e100])
    assert numerical_gradient(lambda x: 3e-100 * x.sum(), x) == pytest.approx([3e-100] * 2)
    with pytest.raises(ValueError, match="^x goes beyond 1e100"):
        numerical_gradient(lambda x: 0.0, np.array([1.0, -1.0001e100]))
    with pytest.raises(ValueError, match=r"^x\[1\] is nan"):
        numerical_gradient(lambda x: 0.0, np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="^W goes beyond 1e100"):
        check_gradient(lambda: 0.0, {"W": np.array([2e100])}, {"W": np.zeros(1)})
    with pytest.raises(ValueError, match=r"^inputs\[1\] goes beyond 1e100"):
        check_layer(Tanh, (np.ones(2), np.array([2e100])))
    with pytest.raises(ValueError, match=r"^inputs\[0\]\[1\] is inf"):
        check_layer(Tanh, np.array([0, np.inf]))


def test_byte_order_and_long_doubles():
    for kind in (">f8", "<f8", np.longdouble):
        x = np.array([1.0, 2.0], dtype=kind)
        assert numerical_gradient(lambda x: float((x**2).sum()), x) == pytest.approx([2, 4])


def test_a_single_precision_array_is_only_copied_where_f_listens():
    x = np.array([1.0, 0.0], np.float32)
    seen = set()

    def listens(a):
        seen.add(a.dtype)
        return float((a.astype(np.float64) ** 3).sum())

    assert numerical_gradient(listens, x) == pytest.approx([3, 0], abs=1e-9)
    assert seen == {np.dtype(np.float64)}
    moved = []

    def reads(_):
        moved.append(x[0] != 1)
        return float((x.astype(np.float64) ** 3).sum())

    assert numerical_gradient(reads, x) == pytest.approx([3, 0], abs=1e-3)
    assert any(moved)
    assert x.tolist() == [1, 0]


@pytest.mark.parametrize("size", [1e8, 1e-8])
def test_whether_f_listens_is_found_out_at_any_size(size):
    x, seen = np.array([size], np.float32), set()

    def listens(a):
        seen.add(a.dtype)
        return float((a / size) ** 3)

    slope = 3 * float(x[0]) ** 2 / size**3
    with np.errstate(all="ignore"):
        assert numerical_gradient(lambda a: listens(a[0]), x) == pytest.approx([slope], rel=1e-9)
    assert seen == {np.dtype(np.float64)}


def test_small_entries_move_a_little_and_large_ones_much():
    scale, u = np.array([1e-8, 1.0, 1e6]), np.array([0.7, -1.2, 2.0])
    found = numerical_gradient(lambda x: np.sin(x / scale).sum(), u * scale)
    assert found * scale == pytest.approx(np.cos(u), rel=1e-7)


def test_whether_f_listens_is_found_out_nearby():
    # A table in single precision, and a function that is asked a hundredth aside and not further.
    x = np.array([[1.0, 0.5], [-1.0, 2.0]], np.float32)

    def f(a):
        if np.abs(a - x).max() > 0.3:
            raise ValueError("too far")
        return float((np.asarray(a, np.float64) ** 3).sum())

    assert numerical_gradient(f, x) == pytest.approx(3 * x.astype(np.float64) ** 2, rel=1e-9)


def test_an_entry_that_is_small_by_chance_moves_like_its_neighbours():
    # A step of 1e-9 in a sum of size 1 would leave seven digits.
    x = np.array([1.0, 1e-8])
    assert numerical_gradient(lambda x: np.exp(x).sum(), x) == pytest.approx(np.exp(x), rel=1e-10)


def test_a_read_only_array_that_f_reads_by_itself_is_refused():
    x = np.ones(2)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        numerical_gradient(lambda _: float(x.sum()), x)


def test_no_gradient_where_there_is_no_number():
    with pytest.raises(ValueError, match=r"^f\(x\) is inf: there is no gradient"):
        numerical_gradient(lambda x: np.inf, np.zeros(2))


# ---- check_gradient ------------------------------------------------------------------------------


def square():
    W = np.array([1.0, -2.0])
    return W, lambda: float((W**2).sum())


def test_lists_dictionaries_and_names():
    W, f = square()
    for params, grads, names, expected in (
        ([W], [2 * W], None, "params[0]"),
        ((W,), (2 * W,), ["weights"], "weights"),
        ({"W": W}, {"W": 2 * W}, None, "W"),
        ({"W": W}, [2 * W], None, "W"),
        ({"W": W}, {"W": 2 * W}, ["other"], "other"),
        ([W], [[2.0, -4.0]], None, "params[0]"),
        ([W], [lambda: 2 * W], None, "params[0]"),
    ):
        report = check_gradient(f, params, grads, names=names)
        assert report.passed
        assert [c.name for c in report.comparisons] == [expected]
    assert W.tolist() == [1, -2]


@pytest.mark.parametrize(
    ("params", "grads", "names", "counts"),
    [
        ([np.ones(1)], [], None, "1 params, 0 grads, 1 names"),
        ([], [np.ones(1)], None, "0 params, 1 grads, 0 names"),
        ([np.ones(1)], [np.ones(1)], ["a", "b"], "1 params, 1 grads, 2 names"),
    ],
)
def test_as_many_gradients_as_parameters(params, grads, names, counts):
    with pytest.raises(ValueError, match=counts):
        check_gradient(lambda: 0.0, params, grads, names=names)


def test_parameters_must_be_movable():
    W, f = square()
    with pytest.raises(TypeError, match=r"^params\[0\] must be a float64 array, got list"):
        check_gradient(f, [[1.0]], [W])
    with pytest.raises(TypeError, match=r"^params\[0\] must be a float64 array, got float32"):
        check_gradient(f, [W.astype(np.float32)], [W])
    W.flags.writeable = False
    with pytest.raises(ValueError, match=r"^params\[0\] is read-only"):
        check_gradient(f, [W], [2 * W])


def test_losses_that_are_none():
    W, f = square()
    rng = np.random.default_rng(0)
    for loss, name in (
        (rng.random, "random"),
        (lambda: np.nan, "not finite"),
        (lambda: -np.inf, "not finite"),
    ):
        report = check_gradient(loss, [W], [2 * W])
        assert [p.name for p in report.problems] == [name]
        assert report.comparisons == []

    def nudges():
        W[0] += 0
        W[1] = -2.5
        return 1.0

    assert [p.name for p in check_gradient(nudges, [W], [W]).problems] == ["parameter changed"]


def test_what_the_loss_does_not_depend_on_cannot_be_judged():
    (problem,) = check_gradient(lambda: 1.0, [np.zeros(0)], [np.zeros(0)]).problems
    assert problem.name == "nothing judged"
    assert problem.sentence.startswith("Nothing could be judged")
    # A gradient that is 0, and should be, is judged: it is right.
    assert check_gradient(lambda: 1.0, [np.ones(2)], [np.zeros(2)]).passed


def test_a_gradient_that_is_asked_for_is_shaken_and_put_back():
    # Cancellation on purpose: the loss is right, the gradient carries rounding of 1e-8 and shows
    # it when asked again with other last bits.
    W, asked = np.array([1.0, 2.0]), []

    def grad():
        asked.append(W.copy())
        return ((W + 1e8) - 1e8) * 2

    report = check_gradient(lambda: float((W**2).sum()), [W], [grad])
    assert W.tolist() == [1, 2]
    assert asked[0].tolist() == [1, 2]
    assert report.comparisons[0].got.tolist() == [2, 4]


def test_rounding_that_shaking_shows_is_no_mistake():
    # The difference of two numbers that are nearly equal, times 1e10, keeps five digits.  An array
    # cannot be asked again; a function can, and when the last bits are shaken the loss shows.
    W = np.array([1.1, -2.3])
    other = W * (1 + 4 * 2.0**-52)

    def grad():
        return 2 * W + 1e10 * (W - other)

    def problems(grad):
        return [p.name for p in check_gradient(lambda: float((W**2).sum()), [W], [grad]).problems]

    assert "gradient" in problems(grad())
    assert "gradient" not in problems(grad)


def test_how_much_a_gradient_is_shaken():
    # Rounding that the caller cannot help, here far larger than usual: 1e9 W − 1e9 W(then).
    W, b = np.array([1.0, -2.0]), np.array([3.0])
    right, returned, losses = 2 * W, [], []

    def grad():
        returned.append(right + 1e9 * (W - [1, -2]) + 1e9 * (b - 3))
        return returned[-1]

    def loss():
        losses.append((W.tolist(), b.tolist()))
        return 0.0

    largest = gradient_check._shaken_function(loss, [W, b], grad, right)()
    assert len(returned) == gradient_compare.SHAKES
    assert largest == max(np.abs(g - right).max() for g in returned) > 0
    assert all((g[0] != right[0]) and (g[1] != right[1]) for g in returned)
    # The loss was asked before each gradient (a layer remembers), and once more at the old place.
    assert len(losses) == gradient_compare.SHAKES + 1
    assert all(w != [1, -2] and c != [3] for w, c in losses[:-1])
    assert losses[-1] == ([1, -2], [3])
    assert W.tolist() == [1, -2] and b.tolist() == [3]


def test_the_same_shaking_each_time():
    W = np.array([1.0, -2.0])

    def scatter():
        asked = []
        gradient_check._shaken_function(float, [W], lambda: asked.append(W.copy()), 2 * W)()
        return np.array(asked).tolist()

    assert scatter() == scatter()
    nothing = np.zeros((0, 2))
    assert gradient_check._shaken_function(float, [nothing], lambda: nothing, nothing)() == 0


@pytest.mark.parametrize(("steps", "error"), [(-1, ValueError), (1.5, TypeError)])
def test_numbers_of_steps_that_cannot_be(steps, error):
    with pytest.raises(error, match="^steps"):
        check_layer(Tanh, np.ones((2, 2)), steps=steps)


@pytest.mark.parametrize("tol", [0, -1, np.nan])
def test_tolerances_that_cannot_be(tol):
    W, f = square()
    with pytest.raises(ValueError, match="^tol must be finite and greater than 0"):
        check_gradient(f, [W], [2 * W], tol=tol)
    with pytest.raises(ValueError, match="^tol must be finite and greater than 0"):
        check_layer(Tanh, W, tol=tol)


def test_a_gradient_that_fails_while_it_is_shaken_leaves_the_parameters_alone():
    W = np.array([1.0, -2.0])
    scatter = gradient_check._shaken_function(lambda: 0.0, [W], lambda: None, 2 * W)
    assert scatter() == 0  # nothing to compare with

    def breaks():
        raise KeyError("gone")

    with pytest.raises(KeyError):
        gradient_check._shaken_function(lambda: 0.0, [W], breaks, 2 * W)()
    assert W.tolist() == [1, -2]


def test_what_is_said_about_a_loss():
    W, f = square()
    assert check_gradient(f, [W], [2 * W]).title == "gradient"
    rng = np.random.default_rng(0)
    (problem,) = check_gradient(rng.random, [W], [2 * W]).problems
    assert problem.sentence.startswith("f() gives another result each time")
    x = np.linspace(0.3, 1, 20)
    report = check_gradient(lambda: float(np.float32(np.exp(x).sum())), [x], [np.exp(x)])
    assert report.problems[0].name == "precision"
    assert report.problems[0].sentence.startswith("The loss f() is right to about")


def test_what_the_comparison_is_given(monkeypatch):
    seen, states = [], []

    class Recorder(gradient_compare.Comparer):
        def __init__(self, *arguments):
            seen.append(arguments)
            states.append(arguments[3].bit_generator.state)
            super().__init__(*arguments)

    monkeypatch.setattr(gradient_check, "Comparer", Recorder)
    W, f = square()
    grad = 2 * W
    check_gradient(f, [W], [grad], names=["W"], tol=1e-4, seed=7)
    evaluate, weights, (target,), _, tol = seen.pop()
    assert (evaluate(), weights, tol) == (5.0, 1.0, 1e-4)
    assert states == [np.random.default_rng(7).bit_generator.state]
    assert (target.name, target.source) == ("W", id(grad))
    assert target.x is W and target.scatter() == 0


def test_ragged_lists_are_named():
    W, f = square()
    with pytest.raises(ValueError, match=r"^grads\[1\]"):
        check_gradient(f, [W, W], [2 * W, [[1.0], [1.0, 2.0]]])


def test_warnings_of_a_function_that_is_tried_elsewhere_are_not_shown():
    # A float32 array is copied only if f listens; to find out, f is tried a little aside.
    x = np.array([1.0], np.float32)
    with np.errstate(all="raise"):
        found = numerical_gradient(lambda a: float(np.log(max(1.0 - (a[0] - 1) ** 2, 0.0))), x)
    assert found == pytest.approx([0], abs=1e-8)
    with np.errstate(all="raise"):
        found = numerical_gradient(lambda a: float(np.sqrt(1.005 - a[0])), x)
    assert found == pytest.approx([-0.5 / np.sqrt(0.005)], rel=1e-7)


@pytest.mark.parametrize("seed", [-1, 1.5, None])
def test_seeds_that_cannot_be(seed):
    W, f = square()
    with pytest.raises((ValueError, TypeError), match="^seed"):
        check_gradient(f, [W], [2 * W], seed=seed)
    with pytest.raises((ValueError, TypeError), match="^seed"):
        check_layer(Tanh, W, seed=seed)


# ---- check_layer ---------------------------------------------------------------------------------


def test_defaults():
    layer = inspect.signature(check_layer).parameters
    defaults = {name: p.default for name, p in layer.items() if p.default is not p.empty}
    assert defaults == {
        "wrt": None,
        "batches": None,
        "skip": (),
        "twice": None,
        "steps": 3,
        "tol": 1e-6,
        "seed": 0,
    }
    parameters = inspect.signature(check_gradient).parameters
    assert [parameters[name].default for name in ("names", "tol", "seed")] == [None, 1e-6, 0]


def test_inputs_that_are_no_arrays_are_left_to_the_layer():
    class Power(Tanh):
        def forward(self, x, power, label):
            self.x, self.power = x, power
            return x**power

        def backward(self, dout):
            return self.power * self.x ** (self.power - 1) * dout

    check_layer(Power, (np.array([[0.5, 1.5], [2.0, 0.7]]), 3, "cubed")).raise_if_failed()


def test_all_options_reach_the_check(monkeypatch):
    seen = {}

    class Recorder:
        def __init__(self, *arguments):
            seen["made"] = arguments

        def run(self, *arguments):
            seen["run"] = arguments
            return "report"

    monkeypatch.setattr(gradient_check, "LayerCheck", Recorder)
    x = np.ones((2, 2))
    more = {"wide": (np.ones((2, 2)),)}
    found = check_layer(
        Tanh, x, wrt=[0], batches=more, skip=["wide", "one row"], twice=True, steps=0, tol=1e-3
    )
    assert found == "report"
    assert seen["made"] == (Tanh, x, [0], 1e-3, 0)
    assert seen["run"] == (more, {"wide", "one row"}, True, 0)
    check_layer(Tanh, x, skip="calm", seed=7)
    assert seen["made"][-1] == 7
    assert seen["run"] == ({}, {"calm"}, None, 3)


def test_the_tolerance_decides():
    class Off(MatMul):
        def backward(self, dout):
            return super().backward(dout) * (1 + 1e-4)

    W, x = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, 3.0], [2.0, -1.0], [0.5, 0.7]])
    assert not check_layer(lambda: Off(W.copy()), x).passed
    assert check_layer(lambda: Off(W.copy()), x, tol=1e-3).passed
