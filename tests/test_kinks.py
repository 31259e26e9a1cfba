"""What a ladder of steps says about corners, scatter and steps, number by number."""

import numpy as np
import pytest

from w2vlib.derivatives import Ladder, Line, Rung, Slope

NAN = float("nan")


def rung(h, left=0.0, right=0.0, noise=0.0, change=0.0):
    """A step of a function that is 0 at 0, with these slopes and this error of its slope."""
    return Rung(h, h, -h, right * h, -left * h, change, noise * 2 * h)


def ladder(*rungs, table=()):
    made = Ladder.__new__(Ladder)
    # A rounding of 1: the error of a rung's slope is its size / 2h.
    made.line = Line(lambda: 0.0, lambda t: t, rounding=1.0)
    made.reach, made.rungs, made._table, made._touched = 1e9, list(rungs), list(table), None
    return made


def corner(h, jump=2.0, noise=0.0):
    return rung(h, -jump / 2, jump / 2, noise)


NO_IDEA = 10.0  # an error with which nothing is clear


@pytest.mark.parametrize(
    ("rungs", "found"),
    [
        ([corner(4), corner(1)], True),
        ([corner(4)], False),  # one look only: it might shrink
        ([corner(4, noise=NO_IDEA), corner(1, noise=NO_IDEA)], False),
        # Twice the error must be a twentieth of the jump at most.
        ([corner(4), corner(1, noise=0.05)], True),
        ([corner(4), corner(1, noise=0.0501)], False),
        ([corner(4), corner(1, noise=0.5)], False),
        # A jump that halves belongs to a smooth function.
        ([corner(4, 4), corner(1, 2)], False),
        ([corner(4, 3.9), corner(1, 2)], True),
        ([corner(16, 1), corner(4, 4), corner(1, 2)], False),
        # The last clear look is not the last look: could the next one have been clear, too?
        ([corner(16), corner(4, noise=0.025), corner(1, noise=NO_IDEA)], True),
        ([corner(16), corner(4, noise=0.0125), corner(1, noise=NO_IDEA)], False),
        ([corner(16, 4), corner(4, 4, noise=0.01), corner(1, 4, noise=NO_IDEA)], False),
    ],
)
def test_which_jumps_are_corners(rungs, found):
    jump = rungs[-1].high / rungs[-1].h
    assert ladder(*rungs)._kink(0.0) == ((-jump, jump) if found else None)


def test_scatter_is_an_error_that_grows_with_smaller_steps():
    steps = corner(1), corner(0.25)
    assert ladder(*steps)._kink(0.05 * 0.25) == (-1, 1)
    assert ladder(*steps)._kink(0.0501 * 0.25) is None


def test_a_step_that_rounding_has_swallowed_is_no_look():
    nothing = Rung(1e-20, 0.0, -1e-20, 0.0, -1e-20, 0.0, 0.0)
    assert ladder(corner(4), corner(1), nothing)._kink(0.0) == (-1, 1)
    other = Rung(1e-20, 1e-20, 0.0, 1e-20, 0.0, 0.0, 0.0)
    assert ladder(corner(4), corner(1), other)._kink(0.0) == (-1, 1)


def test_the_corner_is_looked_at_from_where_the_line_begins():
    """f(t) = 3 + |t|, and the line stands elsewhere before."""
    place = [5.0]

    def move(t):
        place[0] = t
        return t

    made = ladder(*(Rung(h, h, -h, 3 + h, 3 + h, 0.0, 0.0) for h in (4.0, 1.0)))
    made.line = Line(lambda: 3 + abs(place[0]), move, rounding=1.0)
    assert made._kink(0.0) == (-1, 1)


def test_the_pair_that_comes_closest():
    rungs = [rung(64), rung(16), rung(4, noise=0.25), rung(1)]
    table = [[9.0], [9.0, 2.125], [9.0, 2.0625], [9.0, 1.5]]
    assert ladder(*rungs, table=table)._pair_step(2.0) == 16  # 0.125 < 0.0625 + 0.25 < 0.5
    table[1][1] = NAN
    assert ladder(*rungs, table=table)._pair_step(2.0) == 4
    table[2][1] = float("inf")
    assert ladder(*rungs, table=table)._pair_step(2.0) == 1
    table[3][1] = NAN
    assert ladder(*rungs, table=table)._pair_step(2.0) == 1  # nothing to choose: the smallest


def test_small_steps_tell_the_scatter():
    """Steps of a thousandth and less of the best one: their changes are 2 h · value and scatter."""
    h, value = 0.5, 3.0

    def off(h, scatter):
        return rung(h, change=2 * h * value + scatter)

    found = []
    made = ladder(off(0.5, 99.0), off(0.0006, 7.0), off(0.0005, -2.0), off(0.0001, 1.0))
    made.rungs.append(rung(1e-5, change=NAN))
    made.best = lambda: (value, h, 0.25)
    made._pair_step = lambda slope: found.append(slope) or 0.125
    made._kink = lambda noise: found.append(noise) or (1.0, 2.0)
    slope = made.careful_slope()
    noise = pytest.approx(2.0, rel=1e-12)
    assert slope == Slope(value, pytest.approx(0.25 + 2.0 / h, rel=1e-12), 0.125, noise, (1.0, 2.0))
    assert found == [value, noise]
    made.rungs = made.rungs[:2]
    assert made.careful_slope() == Slope(value, 0.25, 0.125, 0.0, (1.0, 2.0))


def test_a_slope_without_care_knows_no_scatter():
    made = ladder(rung(1))
    made.best = lambda: (3.0, 1.0, 0.5)
    made._pair_step = lambda value: 0.25 * value
    assert made.slope() == Slope(3.0, 0.5, 0.75)
    assert np.isfinite(made.slope().noise)
