"""The parts of a gradient check, one by one: what is shared, chosen, measured, judged and said."""

import numpy as np
import pytest

from w2vlib import gradient_compare as compare
from w2vlib.gradient_compare import Comparer, Target
from w2vlib.gradient_report import Comparison, GradientReport
from w2vlib.sparse import RowGradient

EPS = 2.0**-52


def ones(x):
    return np.ones(np.shape(x))


# ---- parameters that share memory ----------------------------------------------------------------


def test_addresses_by_hand():
    x = np.zeros((2, 3))
    start = x.__array_interface__["data"][0]

    def steps(view):
        return [address - start for address in compare._addresses(view)]

    assert steps(x) == [0, 8, 16, 24, 32, 40]
    assert steps(x.T) == [0, 24, 8, 32, 16, 40]
    assert steps(x[:, ::2]) == [0, 16, 24, 40]
    assert steps(x[::-1, 1]) == [32, 8]
    assert steps(x[1, 2, ...]) == [40]  # an array without axes


def test_one_array_listed_twice_gets_the_sum():
    W = np.zeros((2, 2))
    a, b = np.array([[1.0, 2], [3, 4]]), np.array([[10.0, 20], [30, 40]])
    (merged,) = compare.merge_shared([Target("a", W, a, 1), Target("b", W, b, 2)])
    assert merged.got.tolist() == [[11, 22], [33, 44]]
    assert merged.name == "a = b"
    assert a.tolist() == [[1, 2], [3, 4]]  # only the target's own sum is new
    (merged,) = compare.merge_shared([Target("a", W, a, 1), Target("b", W.T, b, 2)])
    assert merged.got.tolist() == [[11, 32], [23, 44]]


def test_one_gradient_listed_twice_counts_once():
    W, g = np.zeros(2), np.array([1.0, 2])
    (merged,) = compare.merge_shared([Target("a", W, g, 7), Target("b", W, g, 7)])
    assert merged.got.tolist() == [1, 2]
    (merged,) = compare.merge_shared([Target("a", W, g), Target("a", W, g)])  # source unknown
    assert merged.got.tolist() == [2, 4]
    assert merged.name == "a"  # said once


def test_a_part_goes_into_the_whole_wherever_it_stands():
    W = np.zeros((3, 2))
    whole, part = np.ones((3, 2)), np.array([[5.0, 6]])
    for order in (1, -1):
        targets = [Target("part", W[1:2], part, 1), Target("W", W, whole, 2)][::order]
        (merged,) = compare.merge_shared(targets)
        assert merged.name == "W = part"
        assert merged.got.tolist() == [[1, 1], [6, 7], [1, 1]]


def test_half_overlapping_views_add_where_they_overlap():
    line = np.zeros(5)
    left, right = np.ones(4), np.array([10.0, 20, 30])
    (merged,) = compare.merge_shared([Target("l", line[:4], left), Target("r", line[2:], right)])
    assert merged.got.tolist() == [1, 1, 11, 21]


def test_what_is_not_shared_stays_apart_in_its_order():
    line = np.zeros(6)
    targets = [
        Target("none", np.zeros(0), np.zeros(0)),
        Target("even", line[::2], np.ones(3)),
        Target("odd", line[1::2], np.ones(3)),
        Target("other", np.zeros(9), np.ones(9)),
        Target("nothing", line[:0], np.zeros(0)),
    ]
    found = compare.merge_shared(list(targets))
    assert [t.name for t in found] == ["none", "even", "odd", "other", "nothing"]
    assert all(t.got.tolist() == [1.0] * t.x.size for t in found)


# ---- gradients as arrays -------------------------------------------------------------------------


def dense(grad, shape=(2, 2)):
    report = GradientReport("")
    found = compare.dense_gradient(grad, np.zeros(shape), "W", report, batch="b", point="p")
    assert (found is None) == bool(report.problems)
    for problem in report.problems:
        assert (problem.batch, problem.point) == ("b", "p")
    return found, [(p.name, p.sentence) for p in report.problems]


def test_gradients_become_double_precision_copies():
    g = np.ones((2, 2), np.float32)
    for grad in (g, g.astype(int), [[1, 1], [1, 1]], RowGradient([1, 0], g, (2, 2))):
        found, _ = dense(grad)
        assert found.dtype == np.float64
        assert found.tolist() == [[1, 1], [1, 1]]
    g = np.ones((2, 2))
    assert not np.shares_memory(dense(g)[0], g)


@pytest.mark.parametrize(
    ("grad", "shape", "problem"),
    [
        (None, (2, 2), ("contract", "The gradient of W is None.")),
        (
            np.ones((2, 2), complex),
            (2, 2),
            ("contract", "The gradient of W is of type complex128."),
        ),
        (np.array(["a"]), (1,), ("contract", "The gradient of W is of type <U1.")),
        (
            np.ones((3, 2)),
            (2, 3),
            ("shape", "The gradient of W has shape (3, 2), but W has (2, 3). It looks transposed."),
        ),
        (np.ones(3), (2, 3), ("shape", "The gradient of W has shape (3,), but W has (2, 3).")),
        (np.ones((1, 2)), (2,), ("shape", "The gradient of W has shape (1, 2), but W has (2,).")),
        (
            np.ones((2, 3)),
            (2, 2),
            ("shape", "The gradient of W has shape (2, 3), but W has (2, 2)."),
        ),
        (
            np.array([[1, 1], [np.nan, 1]]),
            (2, 2),
            ("not finite", "The gradient of W is nan at index [1, 0]."),
        ),
        (
            np.array([[1, np.inf], [np.nan, 1]]),
            (2, 2),
            (
                "not finite",
                "The gradient of W is inf at index [0, 1] (2 of 4 entries are NaN or infinite).",
            ),
        ),
    ],
)
def test_what_is_no_gradient(grad, shape, problem):
    assert dense(grad, shape) == (None, [problem])


# ---- bits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (np.nan, np.nan, True),
        (0.0, -0.0, False),
        (np.ones(2), np.ones(2), True),
        (np.ones(2), np.ones((2, 1)), False),
        (np.zeros(0), np.zeros((0, 1)), False),
        (np.zeros(2), np.zeros(2, int), False),  # the same bits, another type
        (np.ones(2), np.array([1, 1 + EPS]), False),
    ],
)
def test_the_same_bits(a, b, same):
    assert compare.same_bits(a, b) is same


def test_shaking_changes_the_last_five_bits():
    found = (compare.shaken(np.ones(20_000), np.random.default_rng(0)) - 1) / EPS
    assert set(found.tolist()) == set(range(-32, 33))
    x = np.array([0.0, -3e20])
    moved = compare.shaken(x, np.random.default_rng(1))
    assert moved[0] == 0 and x[1] == -3e20
    assert abs(moved[1] - x[1]) <= 33 * EPS * 3e20


# ---- choosing ------------------------------------------------------------------------------------


def comparer(evaluate, *targets, weights=1.0, **options):
    return Comparer(evaluate, weights, list(targets), np.random.default_rng(0), **options)


def test_small_arrays_are_measured_whole():
    c = comparer(float, every_entry=6)
    assert c._choose(np.zeros((2, 3))).tolist() == [0, 1, 2, 3, 4, 5]
    assert len(comparer(float)._choose(np.zeros(400))) == 400
    assert len(comparer(float)._choose(np.zeros(401))) <= 34


def test_samples_hold_the_ends_the_extremes_and_both_kinds():
    got = np.zeros(10_000)
    got[2000:4000] = np.linspace(-5, -1, 2000)
    got[3000], got[2500] = 1e-9, 77
    picked = comparer(float)._choose(got.reshape(100, 100))
    assert picked.tolist() == sorted(set(picked.tolist()))
    assert {0, 9999, 2500, 3000} <= set(picked.tolist())
    inside = int(((picked >= 2000) & (picked < 4000)).sum())
    assert 32 <= inside <= 34
    assert 32 <= len(picked) - inside <= 34
    few = np.zeros(1000)
    few[[17, 400]] = 1
    assert {17, 400} <= set(comparer(float)._choose(few).tolist())


# ---- measuring and judging -----------------------------------------------------------------------


def one(f, x, got, **options):
    target = Target("x", x, np.asarray(got, np.float64))
    return comparer(lambda: float(f(x)), target, **options).compare(target)


def test_what_is_right_and_what_is_wrong():
    x = np.array([0.5, -1.0, 2.0])
    c = one(lambda x: np.sin(x).sum(), x, np.cos(x) * [1, 1.001, 1])
    assert c.wrong.tolist() == [False, True, False]
    assert not c.unsure.any() and not c.kinks.any()
    assert c.expected == pytest.approx(np.cos([0.5, -1, 2]), rel=1e-10)
    assert c.relative_error[1] == pytest.approx(0.001 / 1.001, rel=1e-6)
    assert (c.relative_error[[0, 2]] < 1e-9).all()
    assert x.tolist() == [0.5, -1, 2]


def test_small_entries_are_compared_on_the_scale_of_the_largest():
    # 1e-4 of the largest, 2: an error of 1e-9 in the small one is 5e-6 of that floor, 1e-11 is not.
    x = np.array([1.0, 1e-7])
    for off, wrong in ((1e-9, True), (1e-11, False)):
        c = one(lambda x: (x**2).sum(), x, [2.0, 2e-7 + off])
        assert c.wrong.tolist() == [False, wrong]
        # What rounding explains is shown as 0.
        assert c.relative_error[1] == pytest.approx(off / 2e-4 if wrong else 0, rel=1e-2)


@pytest.mark.parametrize("tol", [1e-6, 1e-3])
def test_the_tolerance_is_the_border(tol):
    x = np.array([1.0, 2.0])
    assert not one(lambda x: (x**2).sum(), x, [2 * (1 + 0.9 * tol), 4], tol=tol).wrong.any()
    assert one(lambda x: (x**2).sum(), x, [2 * (1 + 1.1 * tol), 4], tol=tol).wrong.any()


def test_the_twenty_first_wrong_entry_is_found_too():
    x = np.linspace(1, 2, 60)
    got = np.cos(x)
    got[::2] *= 1.01
    c = one(lambda x: np.sin(x).sum(), x, got)
    assert c.wrong.tolist() == [True, False] * 30


def test_a_weighted_sum_of_outputs():
    x, dout = np.array([1.0, 2.0, 3.0]), np.array([1.0, -2.0, 0.5])
    target = Target("x", x, dout * 3 * x**2)
    c = comparer(lambda: x**3, target, weights=dout).compare(target)
    assert not c.wrong.any()
    assert c.expected == pytest.approx(dout * 3 * x**2, rel=1e-9)


@pytest.mark.parametrize("size", [1, 3])
def test_nothing_to_compare(size):
    c = one(lambda x: 1.0, np.zeros((0, size)), np.zeros((0, size)))
    assert c.got.shape == (0, size) and not c.wrong.any()


def test_a_gradient_in_single_precision_is_imprecise():
    x = np.linspace(0.1, 2, 50)
    c = one(lambda x: np.sin(x).sum(), x, np.cos(x).astype(np.float32))
    assert not c.wrong.any()
    assert 1e-9 < c.imprecise < 1e-6
    assert one(lambda x: np.sin(x).sum(), x, np.cos(x)).imprecise == 0


@pytest.mark.parametrize(("shape", "place"), [(4000, 0), ((80, 50), 1234), (4000, 3999)])
def test_one_wrong_entry_of_thousands_is_hunted_down(shape, place):
    x = np.linspace(0.1, 2, 4000).reshape(shape)
    got = np.cos(x)
    got.flat[place] += 0.01
    c = one(lambda x: np.sin(x).sum(), x, got)
    assert np.flatnonzero(c.wrong).tolist() == [place]


# ---- the function's usual size, slope and rounding -----------------------------------------------


def test_the_usual_size_is_the_largest_on_the_way_to_zero():
    x = np.array([2.0])
    target = Target("x", x, np.zeros(1))
    usual, slopes = comparer(lambda: float(3 * x[0]), target)._survey
    assert usual == 6
    assert slopes == pytest.approx([3])
    assert x.tolist() == [2]
    # Saturated at 50, with the slope 1 at 0: the way to 0 knows about it.
    x[0] = 50
    usual, slopes = comparer(lambda: float(np.tanh(x[0])), target)._survey
    assert usual == 1
    assert 0.9 < slopes[0] <= 1


def test_the_survey_looks_at_every_array_and_every_output():
    x, y = np.array([1.0]), np.array([-4.0])
    targets = [Target("x", x, ones(x)), Target("y", y, ones(y))]

    def f():
        return np.array([2 * x[0], x[0] + 5 * y[0]])

    usual, slopes = comparer(f, *targets, weights=np.array([1.0, -3.0]))._survey
    assert usual.tolist() == [2, 19]
    assert slopes == pytest.approx([1 * 2 + 3 * 1, 3 * 5])  # Σ |weight| · |slope|


def test_a_function_that_refuses_far_away_is_surveyed_as_far_as_it_goes():
    x = np.array([8.0])

    def f():
        if abs(x[0]) < 3:
            raise ValueError("too small")
        return float(x[0])

    usual, slopes = comparer(f, Target("x", x, ones(x)))._survey
    assert usual == 8 and slopes == pytest.approx([1])
    assert x.tolist() == [8]


def test_values_that_are_not_finite_do_not_count():
    x = np.array([1.0])
    usual, slopes = comparer(
        lambda: float(1 / (x[0] - 0.3)) if abs(x[0] - 0.3) > 1e-9 else np.inf,
        Target("x", x, ones(x)),
    )._survey
    assert np.isfinite(usual) and np.isfinite(slopes[0])


def test_the_rounding_of_a_gradient_by_hand():
    x = np.array([2.0])
    target = Target("x", x, np.array([3.0]), scatter=lambda: 0.25)
    c = comparer(lambda: float(3 * x[0]), target)
    assert c.rounding_of(target) == pytest.approx(256 * EPS * 3 + 4 * 0.25)
    target.scatter = float
    assert c.rounding_of(target) == pytest.approx(256 * EPS * 3, rel=1e-9, abs=0)


def test_single_precision_inside_is_noticed():
    x = np.linspace(0.3, 1, 20)
    rough = comparer(lambda: float(np.float32(np.exp(x).sum())), Target("x", x, ones(x)))
    found = rough.coarseness()
    assert 1e-9 < found < 1e-6
    assert rough.rounding == 4 * found
    fine = comparer(lambda: float(np.exp(x).sum()), Target("x", x, ones(x)))
    assert fine.coarseness() == 0
    assert fine.rounding == 4 * EPS
    assert comparer(float, Target("x", np.zeros(0), np.zeros(0))).coarseness() == 0


# ---- saying --------------------------------------------------------------------------------------


def said(got, expected, **marks):
    shape = np.shape(got)
    marks = {name: np.array(marks.pop(name, np.zeros(shape)), bool) for name in MARKS} | marks
    error = np.abs(np.subtract(got, expected)) / np.maximum(np.abs(got), np.abs(expected))
    c = Comparison("W", np.array(got), np.array(expected), error, **marks)
    c.batch, c.point = "one row", "trained"
    report = GradientReport("")
    compare.report_comparison(report, c)
    compare.report_comparison(report, c)  # notes are not repeated
    return report


MARKS = ("wrong", "unsure", "kinks")


def test_how_many_are_wrong():
    report = said([1.0, 2.0], [1.0, 4.0], wrong=[0, 1])
    problem = report.problems[0]
    assert (problem.name, problem.batch, problem.point) == ("gradient", "one row", "trained")
    assert "1 of 2 measured entries is wrong" in problem.sentence
    assert "2 of 2 measured entries are wrong" in str(said([1.0, 2], [2.0, 4], wrong=[1, 1]))
    assert "The gradient of W: wrong." in str(said([1.0], [2.0], wrong=[1]))
    assert said([1.0], [1.0]).problems == []


def test_precision_and_kinks_are_told():
    report = said([1.0], [1.0], imprecise=3e-8)
    assert [p.name for p in report.problems[:1]] == ["precision"]
    assert (report.problems[0].batch, report.problems[0].point) == ("one row", "trained")
    assert "relative error of 3e-08 only" in report.problems[0].sentence
    report = said([1.0], [1.0], kinks=[1])
    assert len(report.notes) == 1 and "entries of W lie on a kink" in report.notes[0]
    assert report.problems == []


def test_digits_of_a_coarse_function():
    assert compare.coarse_text("forward", 1.2e-7).startswith("forward is right to about 7 digits")
