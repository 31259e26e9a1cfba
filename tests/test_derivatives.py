"""The engine of the gradient checks: slopes, how sure they are, kinks and coarse functions."""

import numpy as np
import pytest

from w2vlib.derivatives import (
    Line,
    along_direction,
    along_entry,
    coarseness,
    measure,
    measure_pair,
    size_of_entries,
)


def line(f, x, usual=0.0):
    """φ(t) = f(x + t) for a number x."""
    a = np.array([float(x)])
    return Line(lambda: float(f(a[0])), along_entry(a, 0), usual=usual)


SMOOTH = [
    (np.exp, np.exp, 1.3),
    (np.exp, np.exp, -20.0),
    (np.exp, np.exp, 30.0),
    (np.tanh, lambda x: 1 / np.cosh(x) ** 2, 3.0),
    (np.log, lambda x: 1 / x, 1e-3),
    (np.sqrt, lambda x: 0.5 / np.sqrt(x), 1e-5),
    (lambda x: np.log1p(np.exp(-x)), lambda x: -1 / (1 + np.exp(x)), 40.0),
    (lambda x: np.sin(1e8 * x), lambda x: 1e8 * np.cos(1e8 * x), 1.3e-8),
    (lambda x: 1e-3 * x + 1, lambda x: 1e-3, 0.5),
    (lambda x: 7.0, lambda x: 0.0, 2.0),
]


@pytest.mark.parametrize("careful", [False, True])
@pytest.mark.parametrize(("f", "slope", "x"), SMOOTH)
def test_the_error_bound_holds_and_is_small(f, slope, x, careful):
    measured = measure(line(f, x), abs(x), careful=careful)
    assert abs(measured.value - slope(x)) <= measured.error
    assert measured.error <= 1e-9 * abs(slope(x)) + 1e-13
    assert measured.kink is None


@pytest.mark.parametrize(("f", "slope", "x"), SMOOTH)
def test_the_suggested_step_suits_a_quick_look(f, slope, x):
    step = measure(line(f, x), abs(x)).step
    np.testing.assert_allclose(measure_pair(line(f, x), step), slope(x), rtol=1e-7)


def test_a_quick_look_takes_four_values():
    calls = []
    measure_pair(line(lambda x: calls.append(x) or x**3, 2.0), 0.01)
    np.testing.assert_allclose(calls, [2.04, 1.96, 2.01, 1.99])


@pytest.mark.parametrize("careful", [False, True])
def test_what_was_moved_is_put_back(careful):
    x = np.array([0.1, 0.2, 0.3])
    before = x.tobytes()
    measure(Line(lambda: float(x.sum()), along_entry(x, 1)), 0.2, careful=careful)
    v = np.array([1.0, -1.0, 0.5])
    slope = measure(Line(lambda: float((x**2).sum()), along_direction(x, v)), 1.0, careful=careful)
    assert x.tobytes() == before
    assert slope.value == pytest.approx(2 * x @ v, rel=1e-9)


def test_arrays_are_weighted():
    x, weights = np.array([1.0, 2.0]), np.array([[3.0, -5.0]])
    slope = measure(Line(lambda: (x**2)[None], along_entry(x, 1), weights), 2.0)
    assert slope.value == pytest.approx(-20.0, rel=1e-10)


def test_an_error_is_as_large_as_the_usual_values_round():
    # 1e-18 is what −log σ(40) really is; a loss near 1 elsewhere leaves only 1e-16 of it.
    def f(x):
        return np.log1p(np.exp(-x))

    sure = measure(line(f, 40.0), 40.0, careful=True)
    unsure = measure(line(f, 40.0, usual=0.7), 40.0, careful=True)
    assert sure.error < 1e-6 * abs(sure.value) < abs(unsure.value) < unsure.error < 1e-15


def test_kinks():
    assert measure(line(abs, 0.0), 1.0, careful=True).kink == (-1.0, 1.0)
    kink = measure(line(lambda x: max(x, 0.0) + np.sin(x), 0.0), 1.0, careful=True).kink
    assert kink == pytest.approx((1.0, 2.0), rel=1e-4)
    near = measure(line(lambda x: abs(x - 1.00001), 1.0), 1.0, careful=True)
    assert near.kink is None
    assert near.value == pytest.approx(-1.0, rel=1e-9)


def test_a_step_of_the_function_is_no_slope():
    measured = measure(line(np.sign, 0.0), 1.0, careful=True)
    assert measured.error > 1e3


def test_a_hill_between_two_flat_sides_is_seen():
    measured = measure(line(lambda x: np.tanh(300 * (x - 5.001)), 5.0), 5.0, careful=True)
    assert measured.value == pytest.approx(300 / np.cosh(0.3) ** 2, rel=1e-8)


def test_steps_that_leave_the_domain_are_not_used():
    # Steps of a tenth of the neighbours' size would take the logarithm of a negative number.
    measured = measure(line(np.log, 1e-3), 1.0, careful=True)
    assert measured.value == pytest.approx(1000, rel=1e-8)
    assert np.isnan(measure(line(np.sqrt, 0.0), 1.0).value)


def test_an_entry_that_is_small_by_chance_gets_larger_steps():
    def f(x):
        return 1 + 1e-3 * np.sin(x)

    x = 1e-9
    assert measure(line(f, x), x, reach=1.0).value == pytest.approx(1e-3, rel=1e-7)


def test_an_entry_as_good_as_zero_is_moved_as_if_it_were_zero():
    assert measure(line(lambda x: 1 + x, 1e-150), 1e-150).value == pytest.approx(1, rel=1e-9)


def test_size_of_entries():
    assert size_of_entries(np.zeros((2, 2))).tolist() == [1, 1, 1, 1]
    assert size_of_entries(np.array([3.0, 0.0, -4.0])).tolist() == pytest.approx(
        [3, np.sqrt(12.5), 4]
    )
    assert size_of_entries(np.array([1e-200, 0.0]))[1] == pytest.approx(1e-200)
    assert size_of_entries(np.zeros(0)).shape == (0,)


def test_coarseness():
    assert coarseness(line(np.sin, 0.7), 0.7) == 0
    assert coarseness(line(lambda x: 0.0, 0.7), 0.7) == 0
    assert coarseness(line(abs, 0.0), 1.0) == 0
    assert coarseness(line(lambda x: np.nan, 0.7), 0.7) == 0
    single = coarseness(line(lambda x: np.float32(np.sin(np.float32(x))), 0.7), 0.7)
    assert 1e-9 < single < 1e-6
    cancelling = coarseness(line(lambda x: (x + 1e8) - 1e8, 0.7), 0.7)
    assert 1e-10 < cancelling < 1e-6


@pytest.mark.parametrize("width", [1e-6, 3e-7, 1e-7, 1e-8, 1e-9])
@pytest.mark.parametrize("place", [0.0, 0.4])
def test_a_narrow_step_is_steep_but_not_coarse(width, place):
    """A row scaled to length 1 turns round within the ε that guards against division by 0."""

    def step(x):
        return (x - place * width) / np.hypot(x - place * width, width) + 0.1 * x

    assert coarseness(line(step, 0.0), 1.0) == 0


def test_float32_on_the_way_is_coarse_whatever_stands_beside_it():
    rng = np.random.default_rng(0)
    some, many = (rng.standard_normal((n, n)).astype(np.float32) for n in (3, 60))
    x, direction = rng.standard_normal(60), rng.choice([-1.0, 1.0], 60)

    def check(f, n):
        moved = x[:n].copy()
        along = Line(lambda: f(moved), along_direction(moved, direction[:n]))
        assert 1e-9 < coarseness(along, 1.0) < 1e-5

    check(lambda x: float((some @ x.astype(np.float32)).sum()), 3)
    check(lambda x: float(np.tanh(many @ x.astype(np.float32)).mean(dtype=np.float64)), 60)
    check(lambda x: x.sum() + float((many @ x.astype(np.float32)).sum(dtype=np.float64)), 60)
    check(lambda x: x**2 * float((some @ x.astype(np.float32)).sum()), 3)
