"""The ladder of steps behind a measured slope, rung by rung and number by number."""

import numpy as np
import pytest

from w2vlib.derivatives import DOWN, NOISY, ORDERS, TOP, Ladder, Rung

INF = float("inf")
NAN = float("nan")


def above(x):
    """The next larger number."""
    return float(np.nextafter(x, INF))


def rung(h, change=0.0, size=0.0, high=1.0, low=1.0):
    return Rung(h, h, -h, high, low, change, size)


class Prepared:
    """A line whose rungs a test has prepared; keeps the steps it was asked for."""

    def __init__(self, prepare, rounding=0.0):
        self.prepare, self.rounding, self.steps = prepare, rounding, []

    def rung(self, h):
        self.steps.append(h)
        return self.prepare(h)


def ladder_on(prepare, top=1.0, reach=1.0, rounding=0.0):
    return Ladder(Prepared(prepare, rounding), top, reach)


def ladder_of(*rungs, reach=1.0, rounding=0.0):
    """A ladder with exactly these rungs, from the largest step to the smallest."""
    waiting = list(rungs)
    ladder = ladder_on(lambda h: waiting.pop(0), rungs[0].h, reach, rounding)
    for r in rungs[1:]:
        ladder._add(r.h)
    assert ladder.rungs == list(rungs)
    return ladder


def heights(ladder):
    return [r.h for r in ladder.rungs]


# ---- one more rung ------------------------------------------------------------------------------


def extrapolated(slopes, k, m):
    """Entry m in row k of Richardson's table, for steps that shrink to a quarter."""
    if m == 0:
        return slopes[k]
    finer, coarser = extrapolated(slopes, k, m - 1), extrapolated(slopes, k - 1, m - 1)
    return (16**m * finer - coarser) / (16**m - 1)


def check_table(ladder, slopes):
    assert [len(row) for row in ladder._table] == [min(k, 3) + 1 for k in range(len(slopes))]
    for k, row in enumerate(ladder._table):
        expected = [extrapolated(slopes, k, m) for m in range(len(row))]
        np.testing.assert_allclose(row, expected, rtol=1e-14)


def test_rungs_stand_in_order_and_the_table_grows_with_them():
    slopes = {64.0: 11.0, 16.0: 3.0, 4.0: -2.0, 1.0: 5.0, 0.25: 7.0, 0.0625: 1.0}
    ladder = ladder_on(lambda h: rung(h, 2 * h * slopes[h]), 16.0)
    assert ladder._table == [[3.0]]
    ladder._add(4.0)
    assert ladder._table == [[3.0], [-2.0, -2.0 - 5.0 / 15]]
    for h in (1.0, 0.25, 0.0625):
        ladder._add(h)
    assert heights(ladder) == [16.0, 4.0, 1.0, 0.25, 0.0625]
    check_table(ladder, [3.0, -2.0, 5.0, 7.0, 1.0])
    ladder._add(64.0)
    assert heights(ladder) == [64.0, 16.0, 4.0, 1.0, 0.25, 0.0625]
    check_table(ladder, [11.0, 3.0, -2.0, 5.0, 7.0, 1.0])


def test_a_step_as_large_as_the_first_goes_to_the_end():
    changes = iter([2.0, 4.0])
    ladder = ladder_on(lambda h: rung(h, next(changes)))
    ladder._add(1.0)
    assert [r.change for r in ladder.rungs] == [2.0, 4.0]


def test_three_orders_are_extrapolated_away():
    ladder = ladder_on(lambda h: rung(h, 2 * h * (5 + 2 * h**2 - h**4 + 3 * h**6)))
    for h in (0.25, 0.0625, 0.015625):
        ladder._add(h)
    assert ORDERS == 3
    assert ladder._table[3][3] == pytest.approx(5, rel=1e-14)
    assert abs(ladder._table[3][2] - 5) > 1e-9


def test_entries_that_moved_at_any_step_are_touched():
    highs = iter([[1.0, 2.0, 3.0, 4.0], [0.0, 5.0, 3.0, 4.0], [0.0, 2.0, 3.0, 4.0]])
    low = np.array([0.0, 2.0, 3.0, 4.0])
    ladder = ladder_on(lambda h: rung(h, high=np.array(next(highs)), low=low))
    assert ladder._touched.tolist() == [True, False, False, False]
    ladder._add(0.25)
    ladder._add(4.0)
    assert ladder._touched.tolist() == [True, True, False, False]
    assert ladder_of(rung(1.0, high=2.0), rung(0.25, high=3.0))._touched is None


def test_a_ladder_is_flat_if_nothing_moves_at_any_step():
    assert ladder_of(rung(1.0), rung(0.25)).is_flat()
    assert not ladder_of(rung(1.0), rung(0.25, -1.0)).is_flat()
    assert not ladder_of(rung(1.0, 1.0), rung(0.25)).is_flat()


# ---- down ---------------------------------------------------------------------------------------


def climbing(best=(1.0, 1.0, 1.0), flat=False, noise=0.0, top=1.0, reach=1.0):
    """A ladder that always thinks the same of its rungs."""
    ladder = ladder_on(lambda h: rung(h, h), top, reach)
    ladder.best = lambda: best
    ladder.is_flat = lambda: flat
    ladder._noises = lambda: [0.0] * (len(ladder.rungs) - 1) + [noise]
    return ladder


def rungs_down(at_least=0, **thoughts):
    ladder = climbing(**thoughts)
    ladder.climb_down(at_least)
    assert heights(ladder) == [0.25**n for n in range(len(ladder.rungs))]
    return len(ladder.rungs)


def test_the_way_down_has_an_end():
    assert rungs_down() == rungs_down(100) == 16
    assert rungs_down(100, flat=True) == 16
    assert DOWN == 15


@pytest.mark.parametrize(
    "enough", [{"best": (3.0, 1.0, 0.0)}, {"flat": True}, {"noise": 5.0}], ids=str
)
def test_enough_rungs_are_enough(enough):
    assert [rungs_down(n, **enough) for n in (0, 1, 2, 3, 4, 15)] == [3, 3, 3, 4, 5, 16]


def test_a_value_that_is_good_needs_no_more_rungs():
    for value in (2.0, -2.0):
        assert rungs_down(best=(value, 1.0, 2e-12)) == 3
        assert rungs_down(best=(value, 1.0, above(2e-12))) == 16
    assert rungs_down(best=(0.0, 1.0, 0.0)) == 3


def test_no_more_rungs_where_rounding_is_larger_than_the_error():
    assert rungs_down(best=(1.0, 1.0, 0.5), noise=2.0) == 16
    assert rungs_down(best=(1.0, 1.0, 0.5), noise=above(2.0)) == 3


# ---- up -----------------------------------------------------------------------------------------


def rungs_up(**thoughts):
    ladder = climbing(**thoughts)
    ladder.climb_up()
    assert heights(ladder) == sorted(ladder.line.steps, reverse=True)
    return heights(ladder)


def test_up_as_far_as_the_others_reach():
    assert rungs_up(reach=1.0) == [1.0]
    assert rungs_up(reach=above(1.0)) == [4.0, 1.0]
    assert rungs_up(reach=16.0) == [16.0, 4.0, 1.0]
    assert rungs_up(reach=16.0, flat=True) == [1.0]


def test_a_value_that_is_good_needs_no_larger_steps():
    for value in (2.0, -2.0):
        assert rungs_up(best=(value, 1.0, 2e-9), reach=4.0) == [1.0]
        assert rungs_up(best=(value, 1.0, above(2e-9)), reach=4.0) == [4.0, 1.0]


def test_no_larger_steps_where_they_do_not_help():
    assert rungs_up(best=(1.0, 1 / 64, 1.0), reach=1000.0) == [4.0, 1.0]
    assert rungs_up(best=(1.0, 1 / 80, 1.0), reach=1000.0) == [1.0]
    assert rungs_up(best=(1.0, 1 / 4, 1.0), reach=1000.0) == [64.0, 16.0, 4.0, 1.0]


@pytest.mark.parametrize(("before", "after"), [(1e-9, 1.0), (1.0, 1.0), (5.0, 5.0)])
def test_a_flat_ladder_begins_anew_at_the_top(before, after):
    ladder = ladder_on(lambda h: rung(h, 0.0), 1e-9, before)
    ladder.climb_up()
    assert ladder.line.steps == [1e-9, TOP, TOP / 4, TOP / 16]
    assert heights(ladder) == [TOP, TOP / 4, TOP / 16]
    assert ladder._table == [[0.0], [0.0] * 2, [0.0] * 3]
    assert ladder.reach == after


def test_what_moves_after_all_is_climbed():
    ladder = ladder_on(lambda h: rung(h, 2 * h if h > 0.01 else 0.0), 1e-9, 1e-9)
    ladder.best = lambda: (1.0, 1.0, 1.0)
    ladder.climb_up()
    assert heights(ladder)[:3] == [16 * TOP, 4 * TOP, TOP]


def test_no_new_beginning_without_need():
    for top, change in ((TOP, 0.0), (1e-9, 1.0)):
        ladder = ladder_on(lambda h, change=change: rung(h, change), top, 1e-9)
        ladder.climb_up()
        assert ladder.line.steps == [top]
        assert ladder.reach == 1e-9


# ---- the best value -----------------------------------------------------------------------------


def judged(table, noises=None, agree=(), slopes=None):
    """A ladder with this table; ``agree`` are the values that smaller steps confirm."""
    slopes = slopes or [row[0] for row in table]
    ladder = ladder_of(*(rung(4.0**-k, 2 * 4.0**-k * s) for k, s in enumerate(slopes)))
    ladder._table = table
    noises = noises or [0.0] * len(table)
    ladder._noises = lambda: noises
    ladder.asked = []

    def finer_agree(value, k, told):
        assert told is noises
        ladder.asked.append((value, k))
        return value in agree

    ladder._finer_agree = finer_agree
    return ladder


def test_the_best_value_is_near_its_neighbours():
    # Each value must agree with the one above it to the left and with the one to its left.
    ladder = judged([[0.0], [10.0, 20.0], [100.0, 24.0, 21.0]], agree=[21.0])
    assert ladder.best() == (21.0, 1 / 16, 3.0)
    assert ladder.asked == [(21.0, 2)]
    assert judged([[1.0], [3.0, 2.5]], agree=[2.5]).best() == (2.5, 0.25, 1.5)
    assert judged([[1.0], [-2.0]], agree=[-2.0]).best() == (-2.0, 0.25, 3.0)
    ladder = judged([[0.0], [10.0, 20.0], [100.0, 50.0, 21.0]], agree=[10.0])
    assert ladder.best() == (10.0, 0.25, 10.0)


def test_noise_is_an_error_too():
    ladder = judged([[1.0], [3.0], [4.0]], noises=[100.0, 2.0, 3.0], agree=[3.0, 4.0])
    assert ladder.best() == (3.0, 0.25, 5.0)


def test_of_equals_the_smaller_step_is_better():
    assert judged([[0.0], [1.0], [2.0]], agree=[1.0, 2.0]).best() == (2.0, 1 / 16, 1.0)


def test_the_next_best_if_smaller_steps_say_no():
    ladder = judged([[0.0], [4.0], [5.0], [8.0]], agree=[4.0, 8.0])
    assert ladder.best() == (8.0, 1 / 64, 3.0)
    assert ladder.asked == [(5.0, 2), (8.0, 3)]


@pytest.mark.parametrize("noises", [[0.0, INF, INF], [0.0, NAN, NAN]], ids=str)
def test_without_any_candidate_the_last_rung_is_all_there_is(noises):
    ladder = judged([[1.0], [2.0], [3.0]], noises, agree=[2.0, 3.0], slopes=[5.0, 6.0, 7.0])
    assert ladder.best() == (7.0, 1 / 16, INF)
    assert ladder.asked == []
    assert judged([[1.0]], agree=[1.0]).best() == (1.0, 1.0, INF)


def test_a_contradiction_is_an_error():
    # The best value is that of the second rung; the first may say what it likes.
    table = [[2.0], [3.0], [9.0], [20.0]]
    assert judged(table, slopes=[-90.0, 3.0, 7.0, 5.0]).best() == (3.0, 0.25, 4.0)
    assert judged(table, slopes=[-90.0, 3.0, -7.0, 5.0]).best() == (3.0, 0.25, 10.0)
    assert judged(table, slopes=[-90.0, 3.5, 3.0, 3.0]).best() == (3.0, 0.25, 1.0)


# ---- noise --------------------------------------------------------------------------------------


def test_noise_of_each_rung():
    rungs = rung(8.0, size=3.0), rung(2.0, size=5.0), rung(0.5, size=7.0)
    # rounding · size / width, and more so beyond the reach.
    noises = ladder_of(*rungs, reach=2.0, rounding=0.25)._noises()
    assert noises == [0.25 * 3 / 16 * 4, 0.25 * 5 / 4, 0.25 * 7 / 1]


def test_noise_comes_from_entries_that_are_touched():
    size, low = np.array([1.0, 10.0, 100.0]), np.zeros(3)

    def noises(*highs):
        rungs = [rung(0.5 / 4**n, 0.0, size, np.array(h), low) for n, h in enumerate(highs)]
        return ladder_of(*rungs, rounding=0.5)._noises()

    assert noises([1.0, 0.0, 0.0], [0.0, 0.0, 1.0]) == [0.5 * 101, 0.5 * 101 * 4]
    assert noises([0.0, 1.0, 0.0]) == [0.5 * 10]
    # Where nothing moves, everything may be noise.
    assert noises([0.0, 0.0, 0.0]) == [0.5 * 111]


# ---- do smaller steps agree? --------------------------------------------------------------------


def agree(off, k=0, noises=None, sizes=None, value=0.0):
    """Whether steps that are off by so much agree with a value; the rounding is 0 if not told."""
    sizes = sizes or [0.0] * len(off)
    rungs = [
        rung(4.0**-n, d + 2 * 4.0**-n * value, s)
        for n, (d, s) in enumerate(zip(off, sizes, strict=True))
    ]
    return ladder_of(*rungs)._finer_agree(value, k, noises or [0.0] * len(off))


def test_smaller_steps_agree_as_far_as_noise_lets_them():
    # Where the smaller steps should not be off at all, 2 · width · noise is allowed.
    assert agree([9.0, 0.0, 0.0, 0.0], k=1)
    assert not agree([9.0, 0.0, 1e-300, 0.0], k=1)
    for k, n in ((0, 1), (1, 1), (1, 2), (2, 1), (2, 2), (1, 3)):
        allowed = 2 * (2 * 0.25 ** (k + n) * 3.0)
        for off, expected in ((allowed, True), (-allowed, True), (above(allowed), False)):
            offs, noises = [0.0] * 7, [0.0] * 7
            offs[k + n], noises[k + n] = off, 3.0
            assert agree(offs, k, noises) is expected


def test_curvature_shrinks_to_a_64th_on_each_rung():
    for off in (1.0, -1.0):
        for n in (1, 2):
            allowed = 2 / 64**n
            assert agree([5.0, off, *[0.0] * (n - 1), allowed, 0.0], k=1)
            assert agree([5.0, off, *[0.0] * (n - 1), -allowed, 0.0], k=1)
            assert not agree([5.0, off, *[0.0] * (n - 1), above(allowed), 0.0], k=1)


def test_what_the_last_three_are_off_by_is_rounding():
    large = [1e30] * 6
    for place in (3, 4, 5):
        off = [0.0] * 6
        off[place] = 1.0
        assert agree(off, sizes=large)
    for place in (1, 2):
        off = [0.0] * 6
        off[place] = 1.0
        assert not agree(off, sizes=large)
    # It is a measure for the others.
    assert agree([0.0, 2.0, 0.0, 0.0, 1.0], sizes=large[:5])
    assert not agree([0.0, above(2.0), 0.0, 0.0, 1.0], sizes=large[:5])


def test_rounding_is_small_beside_the_values():
    assert NOISY == 1e-6
    allowed = 2 * (NOISY * 12.0)
    for size in (12.0, np.array([4.0, 8.0])):
        for off, expected in ((allowed, True), (above(allowed), False)):
            assert agree([0.0, 0.0, 0.0, off], k=1, sizes=[0.0, size, 0.0, 0.0]) is expected
            assert agree([0.0, 0.0, 0.0, off], k=1, sizes=[1e9, size, 1e9, 1e9]) is expected


def test_each_change_is_compared_with_the_width_that_rounding_gave():
    def finer(change):
        rungs = rung(4.0, 8 * 2.0), Rung(1.0, 1.5, -0.5, 1.0, 1.0, change, 0.0)
        return ladder_of(*rungs)._finer_agree(2.0, 0, [0.0, 0.0])

    assert finer(4.0)
    assert not finer(above(4.0))
    assert agree([0.0, 0.0, 0.0], value=-3.0)
    assert not agree([0.0, 0.0, 1e-3], value=-3.0)
