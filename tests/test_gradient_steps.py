"""One comparison of a gradient, step by step and number by number."""

import numpy as np
import pytest

from w2vlib import gradient_compare as compare
from w2vlib.derivatives import Slope
from w2vlib.gradient_compare import Comparer, Target


def ones(x):
    return np.ones(np.shape(x))


def comparer(evaluate, *targets, weights=1.0, **options):
    return Comparer(evaluate, weights, list(targets), np.random.default_rng(0), **options)


def work(x, got, f=None, **options):
    """One comparison before anything is measured; rounding is 0 until a test says otherwise."""
    x = np.asarray(x, np.float64)
    target = Target("x", x, np.asarray(got, np.float64))
    c = comparer((lambda: float(f(x))) if f else (lambda: 0.0), target, **options)
    w = compare._Work(c, target)
    w._rounding = 0.0
    return w


def slope(value, error=0.0, step=0.1, kink=None):
    return Slope(value, error, step, 0.0, kink)


def test_how_exact_a_gradient_must_be_along_a_direction():
    # A float64 gradient is right to 1e-9; who asks for more gets more, who allows 1e-3 allows it.
    assert comparer(float).precision == 1e-9
    assert comparer(float, tol=1e-8).precision == pytest.approx(1e-11)
    assert comparer(float, tol=1e-3).precision == 1e-3


def test_when_directions_are_looked_at():
    x = np.linspace(0.1, 2, 50)
    target = Target("x", x, np.cos(x).astype(np.float32).astype(np.float64))

    def imprecise(every_entry, *direction):
        c = comparer(lambda: float(np.sin(x).sum()), target, every_entry=every_entry)
        return c.compare(target, *direction).imprecise > 0

    assert imprecise(50) and imprecise(50, True)
    assert not imprecise(50, False)
    assert imprecise(49, False)  # what is sampled is always looked at along directions


def test_a_careful_line_knows_the_usual_size():
    x = np.array([2.0])
    c = comparer(lambda: float(3 * x[0]), Target("x", x, ones(x)), weights=0.5)
    c.rounding = 0.125
    move = compare.along_entry(x, 0)
    for line, usual in ((c.line(move), 0), (c.line(move, False), 0), (c.line(move, True), 6)):
        assert (line.evaluate, line.move, line.weights) == (c.evaluate, move, 0.5)
        assert (line.usual, line.rounding) == (usual, 0.125)


def test_where_the_survey_looks():
    x, places = np.array([2.0, -1.0]), []

    def f():
        places.append(x.tolist())
        return 1.0

    usual, slopes = comparer(f, Target("x", x, ones(x)))._survey
    assert (usual, slopes) == (1, [0])
    # At each place, and a tenth of the largest entry to either side, each entry up or down.
    assert len(places) == 3 * len(compare.SURVEY)
    for n, part in enumerate(compare.SURVEY):
        here, high, low = np.array(places[3 * n : 3 * n + 3])
        assert here == pytest.approx([2 * part, -part])
        assert np.abs(high - here) == pytest.approx([0.2 * part, 0.2 * part])
        assert high - here == pytest.approx(here - low)


def test_only_finite_values_and_slopes_are_surveyed():
    x = np.array([1.0])
    c = comparer(lambda: 0.25 if x[0] > 0.85 else np.inf, Target("x", x, ones(x)))
    assert c._survey == (0.25, [0])
    c = comparer(lambda: np.nan, Target("x", x, ones(x)))
    assert c._survey == (0, [0])


def test_an_empty_array_is_no_reason_to_stop_the_survey():
    nothing, x = np.zeros((0, 2)), np.array([2.0])
    targets = [Target("nothing", nothing, nothing), Target("x", x, ones(x))]
    assert comparer(lambda: float(3 * x[0]), *targets)._survey[1] == pytest.approx([0, 3])


def test_the_survey_goes_up_and_down_and_is_the_same_each_time():
    x, places = np.full((6, 10), 2.0), []

    def f():
        places.append(x.copy())
        return float((x**3).sum())

    def survey():
        return comparer(f, Target("x", x, ones(x)))._survey

    assert survey() == survey()
    up = (places[1] > places[0]).sum()
    assert 5 < up < 55  # some entries up, the others down


def test_where_roundings_are_looked_for(monkeypatch):
    # Along one random direction for each array, as long as its entries reach; beside the usual
    # size, which is 3 · 4 on the way from here to 0.
    x, y, looks, found = np.full((6, 10), 4.0), np.full(3, -2.0), [], [1e-8, 3e-8]

    def f():
        return float(3 * x[0, 0] + 0 * y.sum())

    def coarseness(line, reach):
        here = (x.copy(), y.copy())
        line.move(1.0)
        looks.append((line.usual, reach, x - here[0], y - here[1]))
        line.restore()
        return found[len(looks) % 2]

    monkeypatch.setattr(compare, "coarseness", coarseness)
    targets = [Target("x", x, ones(x)), Target("nothing", x[:0], x[:0]), Target("y", y, ones(y))]
    c = comparer(f, *targets)
    assert c.coarseness() == 3e-8  # the worse one
    assert c.rounding == 1.2e-7
    (usual, reach, dx, dy), (*_, other_dx, other_dy) = looks
    assert (usual, reach) == (12, 1)
    assert (np.abs(dx) == 4).all() and 5 < (dx > 0).sum() < 55 and not dy.any()
    assert (np.abs(other_dy) == 2).all() and not other_dx.any()
    # Exactly as coarse as allowed is fine.
    found[:] = [compare.COARSE] * 2
    assert comparer(f, *targets).coarseness() == 0


def test_each_array_has_its_own_rounding():
    x, y = np.array([2.0]), np.array([1.0])
    # Equal arrays all the same: which one is meant is a question of identity.
    first, second = Target("x", x, ones(x)), Target("x", y, ones(y))
    c = comparer(lambda: float(3 * x[0] + 7 * y[0]), first, second)
    unit = compare.BACKWARD_ULPS * compare.EPS
    assert c.rounding_of(first) == pytest.approx(3 * unit, rel=1e-6, abs=0)
    assert c.rounding_of(second) == pytest.approx(7 * unit, rel=1e-6, abs=0)


def test_how_far_entries_reach():
    assert work([3.0, -4.0], [0, 0]).reach == pytest.approx(np.sqrt(12.5))
    assert work([0.0, -4.0, 0.0], [0, 0, 0]).reach == pytest.approx(4)  # zeros move as the others
    assert work(np.zeros((0, 2)), np.zeros((0, 2))).reach == 1


@pytest.fixture
def lines(monkeypatch):
    """What ``measure`` is asked: usual size of the function, scale, reach, careful."""
    seen = []

    def measure(line, *arguments):
        seen.append((line.usual, *arguments))
        return slope(0.0)

    monkeypatch.setattr(compare, "measure", measure)
    return seen


def test_what_each_measurement_is_told(lines):
    x = np.array([2.0, 0.5])
    w = work(x, [0.0, 0.0])
    w.c.evaluate = lambda: 5.0
    reach = np.sqrt((4 + 0.25) / 2)
    w._measure(1)  # a quick look needs no survey
    w.judge(1)
    assert lines == [(0.0, 0.5, reach, False), (5.0, 0.5, reach, True)]
    lines.clear()
    # A direction is as long as the entries reach, so its natural step is 1.
    w._along(x)
    w._along(x, careful=True)
    assert lines == [(5.0, 1.0, 1.0, False), (5.0, 1.0, 1.0, True)]


@pytest.fixture
def looks(monkeypatch):
    """Which entries are measured how: pairs of what and how far."""
    seen = []

    def measure(line, scale, reach, careful):
        seen.append(("ladder", scale, reach, careful))
        return slope(next(looks_give), step=0.03)

    def measure_pair(line, h):
        seen.append(("pair", h))
        return 7.0

    looks_give = iter(())

    def give(*values):
        nonlocal looks_give
        looks_give = iter(values)
        return seen

    monkeypatch.setattr(compare, "measure", measure)
    monkeypatch.setattr(compare, "measure_pair", measure_pair)
    return give


def test_the_two_largest_entries_choose_the_step_of_all(looks):
    seen, w = looks(5.0, 6.0), work([1.0, 2.0, 4.0, 8.0], [1.0, -9.0, 3.0, 4.0])
    w.screen(np.arange(4))
    reach = np.sqrt((1 + 4 + 16 + 64) / 4)
    ladders = [("ladder", 2.0, reach, False), ("ladder", 8.0, reach, False)]
    assert seen == [*ladders, ("pair", 0.03), ("pair", 0.03)]
    assert w.expected.tolist() == [7, 5, 7, 6]
    assert w.quick.all()
    # Only the entries that are asked for.
    seen, w = looks(5.0, 6.0), work([1.0, 2.0, 4.0, 8.0], [1.0, -9.0, 3.0, 4.0])
    w.screen(np.array([0, 3]))
    assert w.quick.tolist() == [True, False, False, True]
    assert w.expected[[0, 3]].tolist() == [6, 5] and np.isnan(w.expected[[1, 2]]).all()
    w = work([1.0], [1.0])
    w.screen(np.arange(0))
    assert not w.quick.any()


def test_where_no_gradient_is_expected_a_few_are_measured(looks):
    seen, w = looks(*[0.0] * 5), work(2 * np.ones(10), np.zeros(10))
    w.screen(np.arange(10))
    assert [look[0] for look in seen] == ["ladder"] * 5 + ["pair"] * 5
    assert {look[1] for look in seen[5:]} == {0.02}  # no step is known: a hundredth of the entry
    assert np.flatnonzero(w.expected == 0).tolist() == [0, 2, 4, 6, 8]
    _, w = looks(*[0.0] * 8), work(2 * np.ones(8), np.zeros(8))
    w.screen(np.arange(8))
    assert np.flatnonzero(w.expected == 0).tolist() == [0, 2, 4, 6]
    seen, w = looks(0.0, 3.0, 0.0), work(2 * np.ones(3), np.zeros(3))
    w.screen(np.arange(3))
    assert [look[0] for look in seen[-3:]] == ["ladder"] * 3


def test_equal_entries_come_in_their_order(looks):
    # Many of two sizes: a sort that is not stable would mix them up, here and on other machines.
    got = np.where(np.arange(400) % 2, -1.0, 2.0)
    _, w = looks(5.0, 6.0), work(ones(got), got)
    w.screen(np.arange(400))
    assert w.expected[:4].tolist() == [5, 7, 6, 7]
    w.expected[:] = -0.5
    worst, bad = range(0, 400, 2), range(1, 400, 2)
    assert w._suspects().tolist() == [*worst, *bad]


def test_so_many_are_proven_and_the_others_taken_at_a_glance(looks):
    proofs = compare.PROOFS
    seen, w = looks(*[1.0] * 99), work(np.ones(99), np.full(99, 2.0))
    w.expected[:], w.quick[:] = 1.0, True
    w.expected[-1] = 2.0
    w.confirm()
    assert w.wrong.tolist() == [True] * 98 + [False]
    assert len(seen) == len(w.slopes) == proofs
    assert w.quick.tolist() == [False] * 98 + [True]


def test_relative_errors_by_hand():
    w = work(np.ones(6), [10.0, 1.0, 0.0, 1e-4, 3.0, 0.0])
    w.expected[:] = [10.0, 2.0, 0.0, 3e-4, np.nan, 1e-5]
    # The floor is 1e-4 of the largest, 10.
    errors = w.errors()
    assert errors[:4] == pytest.approx([0, 0.5, 0, 2e-4 / 1e-3])
    assert np.isnan(errors[4])
    assert errors[5] == pytest.approx(1e-5 / 1e-3)
    assert w._largest() == 10
    w.expected[3] = -40
    assert w._largest() == 40
    w.expected[:] = np.nan
    assert w._largest() == 10
    assert work(np.zeros(0), np.zeros(0))._largest() == 0


def test_where_all_is_zero_nothing_is_off():
    w = work(np.ones(2), np.zeros(2))
    w.expected[:] = 0.0
    with np.errstate(all="raise"):
        assert w.errors().tolist() == [0, 0]
    assert not w._suspects().size


def test_what_looks_wrong_is_looked_at_again_the_worst_first():
    w = work(np.ones(6), [1.0, 1.0, 1.0, 1.0, 1.0, 1.0], tol=1e-2)
    w.expected[:] = [1.0, 1.1, 1.00005, 1.5, np.nan, 2.0]
    w.quick[:] = [True, True, True, True, True, False]
    assert w._suspects().tolist() == [4, 3, 1]  # a hundredth of the tolerance, 1e-4, is enough
    w.expected[2] = 1.0002
    assert w._suspects().tolist() == [4, 3, 1, 2]


def test_what_rounding_explains():
    w = work(np.ones(2), [1.0, 2.0])
    w._rounding = 0.5
    assert w._slack(slope(0.0, error=0.25)) == compare.SAFETY * 0.25 + 0.5
    calls = []
    w = work(np.ones(2), [1.0, 2.0])
    w._rounding, w.c.rounding_of = None, lambda target: calls.append(target) or 0.75
    assert w.rounding() == w.rounding() == 0.75
    assert calls == [w.target]  # asked once


@pytest.mark.parametrize(
    ("got", "measured", "rounding", "verdict"),
    [
        (1.0, slope(1.0), 0.0, ""),
        (1.0, slope(1.0 + 0.9e-3), 0.0, ""),
        (1.0, slope(1.0 + 1.2e-3), 0.0, "wrong"),
        (-1.0, slope(1.0), 0.0, "wrong"),
        (1.0, slope(1.0 + 1.2e-3), 1e-3, "unsure"),
        (1.0, slope(1.0 + 1.2e-3, error=1e-3), 0.0, "unsure"),
        (1.0, slope(1.1, error=1e-3), 1e-3, "wrong"),
        (1.0, slope(np.nan), 0.0, "unsure"),
        (1.0, slope(2.0, kink=(1.0, 3.0)), 0.0, "kinks"),
        (1.0, slope(1.0, kink=(0.0, 2.0)), 0.0, ""),
    ],
)
def test_verdicts(got, measured, rounding, verdict):
    w = work(np.ones(1), [got], tol=1e-3)
    w._rounding, w.slopes[0], w.expected[0] = rounding, measured, measured.value
    w._decide(0)
    marks = {"wrong": w.wrong[0], "unsure": w.unsure[0], "kinks": w.kinks[0]}
    assert [name for name, mark in marks.items() if mark] == ([verdict] if verdict else [])


def test_exactly_on_the_border():
    # All numbers are powers of two here, so nothing is rounded.
    for got, measured in ((1.0, 2.0), (2.0, 1.0)):  # half of the larger one is allowed
        w = work(np.ones(1), [got], tol=0.5)
        w.slopes[0] = slope(measured)
        w._decide(0)
        assert not w.wrong[0] and not w.unsure[0]
    w = work(np.ones(1), [1.0], tol=0.5)
    w._rounding, w.slopes[0] = 1.0, slope(4.0)  # 2 are allowed, and 1 is explained
    w._decide(0)
    assert w.unsure[0] and not w.wrong[0]
    w = work(np.ones(2), [1.0, 1.0], tol=0.5)
    w.slopes[0], w.expected[1] = slope(1.0), 2.0
    assert w._clearly_off(1) is False
    w = work(np.ones(1), [1.0], tol=50.0)
    w.expected[0], w.quick[0] = 0.5, True  # off by a half, a hundredth of the tolerance
    assert not w._suspects().size
    w.slopes[0], w._rounding = slope(0.5), 0.5
    assert w.comparison().relative_error.tolist() == [0]


def test_small_entries_are_judged_on_the_floor():
    # The floor is 1e-4 · 2, so 1e-3 of it is 2e-7.
    for off, wrong in ((1.9e-7, False), (2.1e-7, True)):
        w = work(np.ones(2), [2.0, 0.0], tol=1e-3)
        w.slopes[1] = slope(off)
        w._decide(1)
        assert w.wrong[1] == wrong


def test_a_careful_look_says_whether_it_was_wrong(looks):
    seen, w = looks(2.0, 1.0), work([1.0, 4.0], [1.0, 1.0])
    w.quick[:] = True
    assert w.judge(1) is True and w.judge(0) is False
    assert [look[1] for look in seen] == [4, 1] and all(look[-1] for look in seen)
    assert w.expected.tolist() == [1, 2]
    assert not w.quick.any()
    assert {i: s.value for i, s in w.slopes.items()} == {1: 2, 0: 1}


def test_far_more_wrong_than_those_that_were_proven():
    w = work(np.ones(2), [1.0, 1.0], tol=1e-3)
    w._rounding, w.slopes[0] = 0.001, slope(2.0, error=0.002)
    # allowed: 1e-3 of the larger one, and ten times the slack SAFETY · 0.002 + 0.001
    slack = 10 * (compare.SAFETY * 0.002 + 0.001)
    for factor, off in ((0.99, False), (1.03, True)):
        w.expected[1] = 1 + factor * slack
        assert w._clearly_off(1) is off
    w.expected[1] = np.nan
    assert w._clearly_off(1) is False


def test_far_off_is_measured_on_the_larger_number_and_the_floor():
    w = work(np.ones(3), [2.0, 0.0, 1.0], tol=1e-3)
    w.slopes[0] = slope(2.0)
    # The floor is 1e-4 · 2, a thousandth of it 2e-7.
    for off, clearly in ((1.9e-7, False), (2.1e-7, True)):
        w.expected[1] = off
        assert w._clearly_off(1) is clearly
    w.c.tol = 0.6
    w.expected[2] = 2.4  # off by 1.4, allowed 0.6 · 2.4 = 1.44
    assert w._clearly_off(2) is False
    w.expected[2] = 0.5  # off by 0.5, allowed 0.6 · 1
    assert w._clearly_off(2) is False
    w.expected[2] = 0.3  # off by 0.7
    assert w._clearly_off(2) is True


@pytest.mark.parametrize(
    ("zeros", "every_entry", "groups"),
    [
        (30, 59, ["all", "zero", "other"]),
        (30, 60, ["all"]),  # small enough to be measured entry by entry
        (0, 59, ["all"]),
        (60, 59, ["all"]),
    ],
)
def test_which_directions_are_tried(zeros, every_entry, groups):
    got = np.where(np.arange(60) < zeros, 0.0, 1.0)
    w = work(np.full((6, 10), 3.0), got.reshape(6, 10), every_entry=every_entry)
    tried = []
    w._along = lambda v, careful: tried.append((v, careful)) or (0.0, 1.0)
    w.compare_directions()
    members = {"all": got >= 0, "zero": got == 0, "other": got != 0}
    assert len(tried) == len(groups)
    for name, (v, careful) in zip(groups, tried, strict=True):
        assert v.shape == (6, 10) and careful is True
        assert np.abs(v).ravel() == pytest.approx(3.0 * members[name])  # as far as entries reach
        assert 5 < (v > 0).sum() < members[name].sum() - 5  # in both senses
    assert w.imprecise == 0


def test_how_imprecise_a_direction_is():
    for error, norm, found in ((2e-9, 1.0, 2e-9), (0.9e-9, 1.0, 0), (4e-9, 2.0, 2e-9)):
        w = work(np.ones(3), np.ones(3))
        w._along = lambda v, careful, pair=(error, norm): pair
        w.expected[:] = 1.0
        w.compare_directions()
        assert w.imprecise == found
    w = work(np.ones(3), np.ones(3))
    w._along = lambda v, careful: (1e-3, 0.0)
    w.expected[:] = 1.0
    w.compare_directions()
    assert w.imprecise == np.inf
    w.imprecise, w._along = 0.0, lambda v, careful: (0.0, 0.0)  # 0, and rightly so
    w.compare_directions()
    assert w.imprecise == 0
    w._along = lambda v, careful: (1e-3, 0.0)
    for mark in (w.wrong, w.kinks):  # what is wrong already needs no directions
        w.imprecise = 0.0
        mark[0] = True
        w.compare_directions()
        assert w.imprecise == 0
        mark[0] = False


def test_along_a_direction_by_hand():
    # f = 3a + 4b along (1, −2): 3 − 8 = −5.  The gradient (3, 5) says 3 − 10 = −7.
    x = np.array([1.0, 2.0])
    v = np.array([1.0, -2.0])

    def along(got, rounding=0.0):
        w = work(x, got, lambda x: 3 * x[0] + 4 * x[1])
        w.x, w._rounding = x, rounding
        w.c.evaluate = lambda: float(3 * x[0] + 4 * x[1])
        return w._along(v)

    error, norm = along([3.0, 5.0])
    assert error == pytest.approx(2, rel=1e-9)
    assert norm == pytest.approx(np.hypot(3, 10))
    assert along([3.0, 5.0], 0.5)[0] == pytest.approx(2 - 0.5 * np.sqrt(5), rel=1e-9)
    assert along([3.0, 5.0], 5.0)[0] == 0
    assert along([0.0, 0.0])[1] == pytest.approx(5)  # the measured slope is larger
    assert x.tolist() == [1, 2]


def test_what_a_comparison_shows():
    x = np.ones((2, 2))
    w = work(x, [[1.0, 2.0], [3.0, 4.0]])
    w.expected[:] = [1.0, 2.1, 3.3, np.nan]
    w.slopes = {1: slope(2.1, error=1.0), 2: slope(3.3, error=1.0)}
    w.wrong[2], w.imprecise, w._rounding = True, 3e-8, 0.125
    c = w.comparison()
    assert c.name == "x"
    assert c.got.tolist() == [[1, 2], [3, 4]]
    assert c.expected[0].tolist() == [1, 2.1] and np.isnan(c.expected[1, 1])
    # 2 beside 2.1 is rounding and shown as 0; a wrong entry keeps its error.
    assert c.relative_error[0].tolist() == [0, 0]
    assert c.relative_error[1, 0] == pytest.approx(0.3 / 3.3)
    assert np.isnan(c.relative_error[1, 1])
    assert c.wrong.tolist() == [[False, False], [True, False]]
    assert not c.unsure.any() and not c.kinks.any()
    assert (c.imprecise, c.rounding) == (3e-8, 0.125)
    w._rounding, w.slopes = None, {}  # nobody had to ask
    assert w.comparison().rounding == 0
