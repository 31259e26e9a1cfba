"""One pass of a layer check, and every sentence that it can say about it."""

import numpy as np
import pytest

from tests.test_layer_check import B, Right, W, X, check_of, problems
from w2vlib import layer_check

# ---- what is said about one pass -----------------------------------------------------------------


def stopped(check, function, *arguments):
    """The problems of a check that gives up."""
    with pytest.raises(layer_check._Stop):
        function(*arguments)
    return [(p.name, p.sentence) for p in check.report.problems]


def test_which_gradient_belongs_to_which_input():
    a, b, ids = np.ones((2, 2)), 2 * np.ones((2, 2)), np.array([0, 1])
    one_hot = np.eye(2)
    da, db = np.full((2, 2), 3.0), np.full((2, 2), 4.0)

    def found(returned, inputs, wrt=None):
        check = check_of(Right, inputs, wrt=wrt)
        grads = check._input_grads(returned, inputs)
        assert check.report.problems == []
        return {i: g[0, 0] for i, g in grads.items()}, check.wrt

    assert found(da, (a, b)) == ({0: 3}, [0])  # one array: that of the first
    assert found(da, (ids, b)) == ({1: 3}, [1])
    assert found(db, (a, b), [1]) == ({1: 4}, [1])
    assert found((da, db), (a, b)) == ({0: 3, 1: 4}, [0, 1])
    assert found([da, db], (a, ids, b)) == ({0: 3, 2: 4}, [0, 2])  # one for each float input
    assert found((da, None, db), (a, ids, b)) == ({0: 3, 2: 4}, [0, 2])  # one for each input
    assert found((None, db), (a, b), [1]) == ({1: 4}, [1])
    assert found((db,), (a, b), [1]) == ({1: 4}, [1])
    assert found(None, (ids,)) == ({}, [])
    assert found(None, (one_hot,)) == ({}, [])  # labels, probably
    assert found(None, (a,), []) == ({}, [])
    assert found(da, (one_hot,)) == ({0: 3}, [0])


def test_gradients_of_inputs_that_cannot_be():
    a, b = np.ones((2, 2)), np.ones((2, 2))
    check = check_of(Right, (a, b))
    assert stopped(check, check._input_grads, (a, a, a), (a, b)) == [
        ("contract", "backward returned 3 gradients for 2 float inputs.")
    ]
    check = check_of(Right, (a,))
    ((name, sentence),) = stopped(check, check._input_grads, None, (a,))
    assert name == "contract" and sentence.startswith("backward returned no gradient for input x")
    check = check_of(Right, (a,))
    check.batch, check.point = "one row", "trained"
    ((name, sentence),) = stopped(check, check._input_grads, np.ones(3), (a,))
    assert [(p.batch, p.point) for p in check.report.problems] == [("one row", "trained")]
    assert name == "shape" and sentence.startswith("The gradient of input x has shape (3,)")
    check = check_of(Right, (a,))
    check._input_grads(a.astype(np.float32), (a,))
    (problem,) = check.report.problems
    assert (problem.name, problem.batch, problem.point) == ("dtype", "given", "start")
    assert problem.sentence == "The gradient of input x is float32, not float64."


def test_gradients_of_parameters_that_cannot_be():
    check, layer = check_of(), Right()
    layer.grads = [layer.grads[0].astype(np.float32), layer.grads[1]]
    assert [g.dtype for g in check._dense_grads(layer)] == [np.float64] * 2
    (problem,) = check.report.problems
    assert problem.name == "dtype"
    assert problem.sentence == "grads[0] is float32 although params[0] is float64."
    check = check_of()
    layer.grads = [W.tolist(), B.tolist()]  # has no type of numbers
    assert [g.tolist() for g in check._dense_grads(layer)] == [W.tolist(), B.tolist()]
    assert check.report.problems == []
    check = check_of()
    check.batch, check.point = "one row", "trained"
    layer.grads = [np.zeros((2, 3)), np.zeros(2)]
    ((name, sentence),) = stopped(check, check._dense_grads, layer)
    assert name == "shape" and sentence.startswith("The gradient of b has shape (2,)")
    assert check.report.problems[0].batch == "one row"
    assert check.report.problems[0].point == "trained"


@pytest.mark.parametrize(
    ("out", "value"),
    [(np.nan, "nan"), (np.inf, "inf"), (np.array([1.0, -np.inf, np.nan]), "-inf"), (1.0, None)],
)
def test_what_is_not_finite_is_shown(out, value):
    check = check_of()
    if value is None:
        check._check_finite(out)
        check._check_finite(np.ones(3))
    else:
        expected = [("not finite", f"forward returned {value}.")]
        assert stopped(check, check._check_finite, out) == expected


def test_the_contract():
    def layer(params, grads):
        made = Right()
        made.params, made.grads = params, grads
        return made

    for params, grads, name, text in (
        (None, [], "contract", "The layer has no list params"),
        ([], np.ones(2), "contract", "The layer has no list grads"),
        ([W], [], "contract", "The layer has 1 params but 0 grads"),
        ([[1.0]], [W], "contract", "params[0] is no array but a list."),
        ([W, W.astype(int)], [W, W], "dtype", f"params[1] is {np.dtype(int)}"),
    ):
        check = check_of()
        ((found, sentence),) = stopped(check, check._check_contract, layer(params, grads))
        assert found == name and sentence.startswith(text)
    check = check_of()
    check._check_contract(layer((W,), (W,)))  # tuples will do
    assert check.report.problems == []


def test_a_pass_holds_copies_of_everything():
    check, layer = check_of(), Right()
    dout = np.ones((3, 3))
    result = check._run_pass(layer, (X.copy(),), dout)
    assert result.out.tolist() == (X @ W + B).tolist()
    assert result.grads[0].tolist() == (X.T @ dout).tolist()
    assert result.grads[1].tolist() == [3, 3, 3]
    assert result.input_grads[0].tolist() == (dout @ W.T).tolist()
    assert result.sources == [id(g) for g in layer.grads]
    assert len(result.arrays()) == 3
    assert not np.shares_memory(result.grads[0], layer.grads[0])
    assert dout.tolist() == np.ones((3, 3)).tolist()
    assert check.report.problems == []


def test_who_changes_what():
    class Meddler(Right):
        where, what = "forward", "x"

        def meddle(self, now, x):
            if now == self.where:
                (x if self.what == "x" else self.b)[..., 0] += 1

        def forward(self, x):
            self.meddle("forward", x)
            return super().forward(x)

        def backward(self, dout):
            dx = super().backward(dout)
            self.meddle("backward", self.x)
            return dx

    for where in ("forward", "backward"):
        for what, name, changed in (
            ("x", "input changed", "input x in place"),
            ("b", "parameter changed", "params[1]; only the optimiser may do that"),
        ):
            layer, x, check = Meddler(), X.copy(), check_of()
            layer.where, layer.what = where, what
            found = stopped(check, check._run_pass, layer, (x,), np.ones((3, 3)))
            assert found == [(name, f"{where} changes {changed}.")]
            assert x.tolist() == X.tolist()  # put back


def test_an_exception_says_where_and_ends_the_check():
    check = check_of()

    def breaks(x):
        raise ValueError(f"no {x}.")

    assert check._attempt("forward", lambda x: x + 1, 2) == 3
    assert stopped(check, check._attempt, "backward", breaks, "way") == [
        ("crash", "backward raised ValueError: no way.")
    ]
    assert isinstance(check.report.problems[0].error, ValueError)
    check, layer = check_of(), Right()
    layer.forward = breaks
    ((name, sentence),) = stopped(check, check._run_pass, layer, (X,), np.ones((3, 3)))
    assert name == "crash" and sentence.startswith("forward raised ValueError: no [[")
    check = check_of()
    check.batch = "one row"
    ((_, sentence),) = stopped(check, check._attempt, "forward", breaks, "way")
    assert sentence.endswith("Pass skip=('one row',) if the layer does not allow such input.")


def test_the_same_problem_is_told_once_in_each_wording():
    check = check_of()
    for sentence in ("a", "b", "a"):
        check._problem("gradient", sentence)
        check._note(sentence)
    assert [p.sentence for p in check.report.problems] == ["a", "b"]
    assert check.report.notes == ["a", "b"]


@pytest.mark.parametrize(("off", "said"), [(0.8e-9, False), (1.3e-9, True)])
@pytest.mark.parametrize("bent", ["large", "small", "added"])
@pytest.mark.parametrize("scale", [0.02, 1.0, 50.0])
def test_how_exactly_a_gradient_must_follow_dout(off, said, bent, scale):
    class Bent:
        """y = scale · x, with a gradient that is larger for some dout."""

        params, grads = (), ()

        def forward(self, x):
            return x * scale

        def backward(self, dout):
            size, dout = np.abs(dout).max(), scale * dout
            if bent == "large":
                return dout * (1 + off * (size > 1000))
            if bent == "small":
                return dout * (1 + off * (0 < size < 0.001))
            return dout + off * np.abs(dout)  # linear for positive factors only

    check = check_of(Bent)
    check.values = []
    check._check_linear(np.array([[1.0, 0.5], [-0.25, 0.125], [0.75, -1.0]]))
    names = [p.name for p in check.report.problems]
    assert names == (["linear in dout"] if said or bent == "added" else [])
    if said:
        factor = {"large": "1.04858e+06", "small": "9.53674e-07", "added": "-1"}[bent]
        assert f"backward({factor}·dout)" in check.report.problems[0].sentence


def test_a_dout_of_zero_is_allowed():
    class Divides(Right):
        def backward(self, dout):
            size = np.abs(dout).max()
            dx = super().backward(dout / size) * size
            for g in self.grads:
                g *= size
            return dx

    name, *_, sentence = problems(Divides)[0]
    assert name == "not finite" and sentence.startswith("The gradient of W is nan")


def test_how_much_gradients_change_when_last_bits_are_shaken():
    class Table(Right):
        """y = W[ids] + b, and a third parameter that is empty."""

        def __init__(self):
            super().__init__()
            self.params.append(np.zeros((0, 2)))
            self.grads.append(np.zeros((0, 2)))

        def forward(self, ids, x):
            self.ids, self.x = ids, x
            return x * self.W[ids] + self.b

        def backward(self, dout):
            self.grads[0][...] = 0
            np.add.at(self.grads[0], self.ids, dout * self.x)
            self.grads[1][...] = 7.0  # shaken or not
            return dout * self.W[self.ids]

    ids, x, dout = np.array([0, 1]), 1 + np.ones((2, 3)), 5 * np.ones((2, 3))
    check = check_of(Table, (ids, x))
    check.wrt, check.param_names = [1], ["W", "b", "none"]
    values = [p.copy() for p in Table().params]
    one = check._fresh_pass(values, (ids, x), dout)
    for shared in (True, False):
        found = check._shaken_layer(values, (ids, x), dout, one.arrays(), shared)()
        # Each factor changes by up to 32 units of its last bit; the largest of 24 draws by most.
        for change, size in ((found[0], 10.0), (found[3], 5 * W.max())):
            assert 16 * np.finfo(float).eps * size < change < 66 * np.finfo(float).eps * size
        assert found[1:3] == [0, 0]


@pytest.mark.parametrize("bad", [[1.0, 2.0], (1.0,), "text", 1j, None, True])
def test_forward_returns_numbers(bad):
    check = check_of(type("Some", (Right,), {"forward": lambda self, x: bad}))
    ((name, sentence),) = stopped(check, check._look, check._new_layer(), (X,))
    kind = type(bad).__name__
    assert name == "contract" and sentence.startswith(f"forward returned {kind}, not a number or")


@pytest.mark.parametrize(
    ("kind", "told"), [("int32", False), ("int64", False), ("float64", False), ("float16", True)]
)
def test_types_of_the_output(kind, told):
    class Typed(Right):
        def forward(self, x):
            self.out = super().forward(x).astype(kind)
            return self.out

    check, layer = check_of(Typed), Typed()
    out = check._look(layer, (X,))
    assert out.tolist() == (X @ W + B).astype(kind).tolist() and out is not layer.out
    expected = [("dtype", f"forward returned {kind}, although everything is float64.")]
    assert [(p.name, p.sentence) for p in check.report.problems] == expected * told
    number = check._look(type("One", (Right,), {"forward": lambda *_: np.array(2)})(), (X,))
    assert type(number) is float and number == 2


def test_rounding_where_dout_cancels_is_no_mistake():
    """As behind a saturated softmax: backward is right, and still mere rounding."""

    class Cancels:
        """y = x; the gradient comes as a difference of two large numbers."""

        params, grads, large = (), (), 1e10

        def forward(self, x):
            return x * 1.0

        def backward(self, dout):
            return self.large * dout - (self.large - 1) * dout

    dout, other = np.array([[1.1, -0.7]]), np.array([[0.3, 1.9]])
    check = check_of(Cancels, np.ones((1, 2)))
    check.values, check.param_names = [], []
    check._rounding_of = lambda *_: 0.0
    found = check._cancelled(0, (dout, other))
    unit = np.spacing(1.9e10)  # two products, each rounded to half of it
    assert 0.1 * unit < found / layer_check.SCATTER <= 3 * unit
    check._check_linear(dout)
    assert check.report.problems == []
    check._cancelled = lambda *_: 0.0
    check._check_linear(dout)
    assert [p.name for p in check.report.problems] == ["linear in dout"]
    del check._cancelled
    Cancels.large = 2.0**40  # 2⁴⁰ d is exact, and so is the rest
    assert check._cancelled(0, (np.array([[1.0, -0.5]]),)) == 0
