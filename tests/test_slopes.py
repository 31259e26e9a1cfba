"""The parts of the derivative engine around its ladder, with answers worked out by hand."""

import numpy as np
import pytest

from w2vlib import derivatives
from w2vlib.derivatives import (
    BY_CHANCE,
    DOWN,
    TOP,
    Line,
    Rung,
    Slope,
    along_direction,
    along_entry,
    coarseness,
    measure,
    measure_pair,
    size_of_entries,
)

QUIET = dict.fromkeys(("divide", "over", "under", "invalid"), "ignore")


class Fake(Line):
    """φ(t) = f(t): moves without rounding, and remembers where it was and how quiet NumPy was."""

    def __init__(self, f, *args, **options):
        self.moves, self.settings, self.place = [], [], 0.0

        def evaluate():
            self.settings.append(np.geterr())
            return f(self.place)

        super().__init__(evaluate, self.go, *args, **options)

    def go(self, t):
        self.moves.append(t)
        self.place = t
        return t


def fail(t):
    raise ValueError(t)


def bits(x):
    return np.ascontiguousarray(x).tobytes()


# -- a line and its rungs -------------------------------------------------------------------------


def test_a_line_by_default():
    line = Line(float, abs)
    assert (line.evaluate, line.move) == (float, abs)
    assert (line.weights, line.usual, line.rounding) == (1.0, 0.0, 2.0**-50)
    line = Line(float, abs, 2.0, 3.0, 4.0)
    assert (line.weights, line.usual, line.rounding) == (2.0, 3.0, 4.0)


def test_restoring_is_a_move_by_nothing():
    line = Fake(float)
    line.restore()
    assert line.moves == [0.0]


def test_a_change_is_weighted():
    assert Line(float, abs, -3.0).change(5.0, 3.0) == -6.0
    weights = np.array([[1.0, -2.0]])
    change = Line(float, abs, weights).change(np.array([[5.0, 7.0]]), np.array([[2.0, 3.0]]))
    assert change == 1 * 3 - 2 * 4
    assert type(change) is float


def test_a_rung_of_a_number():
    line = Fake(lambda t: t**2 - 3 * t, -2.0)
    rung = line.rung(2.0)
    assert line.moves == [2.0, -2.0]
    assert rung == Rung(2.0, 2.0, -2.0, -2.0, 10.0, 24.0, 20.0)
    assert rung.slope == 6.0


@pytest.mark.parametrize(
    ("slope", "usual", "size"), [(3.0, 1.0, 8), (-3.0, 1.0, 8), (3.0, 7.0, 14)]
)
def test_the_size_of_a_number_is_the_largest_of_three(slope, usual, size):
    assert Fake(lambda t: 1 + slope * t, -2.0, usual).rung(1.0).size == size


def test_a_rung_of_an_array():
    weights = np.array([2.0, -1.0, -3.0])
    line = Fake(lambda t: np.array([1 + 3 * t, 1 - 3 * t, t]), weights, 2.5)
    rung = line.rung(1.0)
    assert line.moves == [1.0, -1.0]
    assert (rung.h, rung.right, rung.left) == (1.0, 1.0, -1.0)
    assert (rung.high.tolist(), rung.low.tolist()) == ([4, -2, 1], [-2, 4, -1])
    assert rung.change == 2 * 6 + 6 - 3 * 2
    assert rung.size.tolist() == [8, 4, 7.5]
    assert rung.slope == 6.0
    assert weights.tolist() == [2, -1, -3]


def test_a_rung_keeps_what_rounding_made_of_the_step():
    place = []

    def move(t):
        place[:] = [t]
        return t + 0.5

    rung = Line(lambda: place[0], move).rung(2.0)
    assert (rung.h, rung.right, rung.left, rung.high, rung.low) == (2.0, 2.5, -1.5, 2.0, -2.0)


def test_no_width_no_slope():
    assert np.isnan(Rung(1.0, 2.0, 2.0, 3.0, 3.0, 0.0, 3.0).slope)
    assert Rung(1.0, 3.0, -1.0, 3.0, 1.0, 2.0, 3.0).slope == 0.5


def test_a_slope_has_neither_noise_nor_kink_by_default():
    assert Slope(1.0, 2.0, 3.0) == Slope(1.0, 2.0, 3.0, 0.0, None)


# -- moving x -------------------------------------------------------------------------------------

LAYOUTS = [
    lambda x: x.copy(),
    np.asfortranarray,
    lambda x: np.repeat(x, 2, axis=1)[:, ::2],
    lambda x: x[::-1].copy()[::-1],
]


def numbers():
    return np.array([[0.1, -0.0, 3.0], [1e300, -5e-324, 0.0]])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("index", range(6))
def test_one_entry_moves_and_comes_back(layout, index):
    x = layout(numbers())
    move = along_entry(x, index)
    expected = numbers()
    expected.flat[index] += 0.25
    assert move(0.25) == expected.flat[index] - numbers().flat[index]
    assert bits(x) == bits(expected)
    expected.flat[index] = numbers().flat[index] - 2.0
    assert move(-2.0) == expected.flat[index] - numbers().flat[index]
    assert bits(x) == bits(expected)
    assert move(0.0) == 0.0
    assert bits(x) == bits(numbers())


def test_a_move_says_what_rounding_left_of_it():
    x = np.array([1.0, 2.0])
    assert along_entry(x, 0)(1e-17) == 0.0
    assert along_entry(x, 0)(0.75 * 2.0**-52) == 2.0**-52
    single = np.ones(3, np.float32)
    step = along_entry(single, 1)(1e-7)
    assert step == 2.0**-23
    assert type(step) is float


@pytest.mark.parametrize("layout", LAYOUTS)
def test_all_entries_move_and_come_back(layout):
    x, direction = layout(numbers()), np.arange(6.0).reshape(2, 3)
    move = along_direction(x, direction)
    for t in (0.5, -2.0):
        assert move(t) == t
        assert bits(x) == bits(numbers() + t * direction)
    assert move(0.0) == 0.0
    assert bits(x) == bits(numbers())


def test_sizes_of_all_kinds_of_numbers():
    single = np.array([[0.1, -2.0], [0.0, 0.5]], np.float32)
    usual = np.sqrt((float(single[0, 0]) ** 2 + 4 + 0.25) / 3)
    for x in (single, single.tolist(), np.asfortranarray(single)):
        size = size_of_entries(x)
        assert size.dtype == np.float64
        assert size.tolist() == pytest.approx([float(single[0, 0]), 2.0, usual, 0.5], rel=1e-15)
    for x in ([2, 0, -2], np.array([2, 0, -2]), np.array([2, 0, -2], np.int8)):
        assert size_of_entries(x).tolist() == [2.0, 2.0, 2.0]
    assert size_of_entries(5).tolist() == [5.0]
    assert size_of_entries([0, 0]).tolist() == [1.0, 1.0]


def test_sizes_of_huge_and_tiny_numbers():
    with np.errstate(over="raise"):
        assert size_of_entries([1e300, 0.0, -1e300]).tolist() == [1e300] * 3
        assert size_of_entries([2e-300, 0.0]).tolist() == [2e-300] * 2


# -- measuring ------------------------------------------------------------------------------------


@pytest.fixture
def ladder(monkeypatch):
    """A ladder that only writes down what it is asked to do."""
    calls = []

    class Recorder:
        def __init__(self, *args):
            assert np.geterr() == QUIET
            calls.append(("build", *args))

        def climb_down(self, *args):
            calls.append(("down", *args))

        def climb_up(self, *args):
            calls.append(("up", *args))

        def slope(self):
            return "quick"

        def careful_slope(self):
            return "careful"

    monkeypatch.setattr(derivatives, "Ladder", Recorder)
    return calls


def test_measuring_by_default_is_quick_and_knows_no_other_entries(ladder):
    line = Fake(float)
    with np.errstate(all="raise"):
        assert measure(line, 1e-6) == "quick"
    assert ladder == [("build", line, TOP * 1e-6, 1e-6), ("down", 0), ("up",)]
    assert line.moves == [0.0]


def test_measuring_with_care_goes_all_the_way_down(ladder):
    line = Fake(float)
    assert measure(line, 2.0, careful=True) == "careful"
    assert ladder == [("build", line, TOP * 2, 2.0), ("down", DOWN), ("up",)]
    assert line.moves == [0.0]


def test_measuring_an_entry_that_is_small_by_chance(ladder):
    measure(Fake(float), 2.0, 1e6)
    measure(Fake(float), 2.0, 1e3)
    assert [call[3] for call in ladder if call[0] == "build"] == [BY_CHANCE * 1e6, 2.0]


def test_what_failed_while_measuring_is_put_back():
    for look in (measure, measure_pair):
        line = Fake(fail)
        with pytest.raises(ValueError, match=r"0\.\d+|1\.0|4\.0"):
            look(line, 1.0)
        assert len(line.moves) == 2
        assert line.moves[-1] == 0.0


def test_how_many_values_are_needed():
    counts = []
    for careful in (False, True):
        line = Fake(lambda t: 3.0 * t)
        slope = measure(line, 1.0, careful=careful)
        assert slope.value == pytest.approx(3.0, rel=1e-12)
        assert line.moves[-1] == 0.0
        counts.append(len(line.settings))
        assert all(setting == QUIET for setting in line.settings)
    # Three rungs; or all sixteen and the value at the start itself.
    assert counts == [6, 2 * (DOWN + 1) + 1]


def test_only_careful_measuring_sees_a_kink():
    assert measure(Fake(abs), 1.0).kink is None
    assert measure(Fake(abs), 1.0, careful=True).kink == (-1.0, 1.0)


def test_a_pair_removes_the_cube():
    line = Fake(lambda t: 5.0 + 2 * t + t**3)
    # From (4, 1): (72 + 72) / 8 = 18 and (3 + 3) / 2 = 3, so 3 + (3 − 18) / 15.
    assert measure_pair(line, 1.0) == 2.0
    assert line.moves == [4.0, -4.0, 1.0, -1.0, 0.0]
    assert line.settings == [QUIET] * 4


def test_a_pair_that_overflows_is_silent():
    def f(t):
        return float(np.exp(np.float64(1000.0) * t))

    with np.errstate(all="raise"):
        assert np.isnan(measure_pair(Fake(f), 1.0))
        weights = np.full(2, 1e300)
        assert np.isnan(measure_pair(Fake(lambda t: np.array([t, t]) * 1e300, weights), 1.0))


# -- coarse functions -----------------------------------------------------------------------------


@pytest.fixture
def off_straight(monkeypatch):
    """Says what is off a straight line: a list for the one length after the other."""
    answers, calls = [], []

    def answer(line, length):
        calls.append((line, length))
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def prepare(*values):
        answers[:] = values
        calls.clear()
        return calls

    monkeypatch.setattr(derivatives, "_off_straight", answer)
    return prepare


@pytest.fixture
def steep(monkeypatch):
    calls, answer = [], [False]

    def is_steep(*args):
        calls.append(args)
        return answer[0]

    monkeypatch.setattr(derivatives, "_is_steep", is_steep)
    return calls, answer


def test_coarse_is_relative_to_the_largest_value(off_straight, steep):
    def size(f, *args):
        off_straight(8.0, 8.0)
        return 8.0 / coarseness(Fake(f, *args), 1.0)

    assert size(lambda t: 0.25) == 0.25
    assert size(lambda t: -0.25) == 0.25
    assert size(lambda t: 16.0 if t > 0 else 1.0) == 16
    assert size(lambda t: -16.0 if t < 0 else 1.0) == 16
    assert size(lambda t: np.array([[1.0, -4.0]]), np.array([[3.0, -1.0]])) == 4
    assert size(lambda t: np.array([[1.0, -4.0]]), np.array([[8.0, -1.0]])) == 8
    assert size(lambda t: 0.5, -2.0, 4.0) == 8
    assert size(lambda t: np.array([0.5, 0.5]), np.array([1.0, -4.0]), 4.0) == 16
    assert size(lambda t: 0.0, 1.0, 0.25) == 0.25
    assert size(lambda t: np.zeros(0), 1.0, 2.0) == 2


@pytest.mark.parametrize("reach", [1.0, 8.0])
def test_reach_scales_all_lengths(off_straight, steep, reach):
    looks = off_straight(5.0, 4.0)
    line = Fake(lambda t: 2.0)
    assert coarseness(line, reach) == 2.5
    assert line.moves == [-TOP * reach, TOP * reach, 0.0]
    assert looks == [(line, 6.4e-7 * reach), (line, 1.6e-7 * reach)]
    assert steep[0] == [(line, 1.6e-7 * reach, 4.0)]


def test_rounding_does_not_shrink_with_the_way(off_straight, steep):
    calls, answer = steep
    line = Fake(lambda t: 10.0)
    off_straight(5.0, 2.0)
    assert coarseness(line, 1.0) == 0.0
    assert calls == []
    off_straight(5.0, 2.0 + 2.0**-40)
    assert coarseness(line, 1.0) == 0.5
    off_straight(7.0, 2.5)
    assert coarseness(line, 1.0) == 0.0
    answer[0] = True
    off_straight(5.0, 5.0)
    assert coarseness(line, 1.0) == 0.0


@pytest.mark.parametrize("value", [0.0, np.inf, -np.inf, np.nan])
def test_without_a_size_nothing_is_coarse(off_straight, steep, value):
    looks = off_straight(5.0, 5.0)
    assert coarseness(Fake(lambda t: value), 1.0) == 0.0
    assert coarseness(Fake(lambda t: np.zeros(0)), 1.0) == 0.0
    assert looks == []


@pytest.mark.parametrize(
    ("offs", "steep"),
    [
        ([256, 16, 1], True),  # shrinks as h² does
        ([4096, 64, 1], True),  # shrinks as h⁴ does
        ([72.25, 8.5, 1], True),
        ([64, 8, 1, 1 / 8], False),
        ([199 * 199, 199, 1], True),
        ([200 * 200, 200, 1], False),
        ([16, 1, 1], False),  # once is not enough
        ([16, 1, 0], False),  # gone at a stroke
        ([256, 16, 16, 1, 1], False),  # not twice in a row
        ([256, 256, 16, 16, 1, 1], False),
        ([256, 256, 256, 16, 1], True),
        ([0, 0], False),
        ([1, 256, 4096], False),
    ],
)
def test_what_shrinks_twice_in_a_row_is_steep(off_straight, offs, steep):
    line = Fake(float)
    looks = off_straight(*offs[1:])
    assert derivatives._is_steep(line, 2.0, offs[0]) is steep
    count = len(offs) - 1 if steep else DOWN
    assert looks == [(line, 2.0 / 4.0**n) for n in range(1, count + 1)]


def test_far_below_is_steep_too(off_straight):
    off_straight(*[256.0] * (DOWN - 2), 16.0, 1.0)
    assert derivatives._is_steep(Fake(float), 1.0, 256.0)
    off_straight(*[256.0] * (DOWN - 1), 16.0, 1.0)
    assert not derivatives._is_steep(Fake(float), 1.0, 256.0)


def test_nine_places_are_compared_with_a_straight_line():
    line = Fake(lambda t: 3 * t - 7)
    assert derivatives._off_straight(line, 4.0) == 0.0
    assert line.moves == [-4, -3, -2, -1, 0, 1, 2, 3, 4, 0]


@pytest.mark.parametrize("tilt", [0.0, 3.0, -5.0])
def test_how_far_off_a_straight_line(tilt):
    def off(f, *args, length=4.0):
        return derivatives._off_straight(Fake(f, *args), length)

    # |t| is 20/9 on average and 0 in the middle; t² is 60/9 on average and 16 at the ends.
    assert off(lambda t: abs(t) + tilt * t) == pytest.approx(20 / 9, rel=1e-14)
    assert off(lambda t: tilt * t - t**2) == pytest.approx(28 / 3, rel=1e-14)
    assert off(lambda t: abs(t) + tilt * t, length=1.0) == pytest.approx(5 / 9, rel=1e-14)
    assert off(lambda t: abs(t) + tilt * t, -2.0) == pytest.approx(40 / 9, rel=1e-14)
    both = off(lambda t: np.array([[100 + tilt * t, abs(t)]]), np.array([[1.0, 3.0]]))
    assert both == pytest.approx(60 / 9, rel=1e-13)


def test_what_is_no_number_is_off_nothing():
    with np.errstate(all="raise"):
        assert derivatives._off_straight(Fake(lambda t: np.nan), 1.0) == 0.0
        assert derivatives._off_straight(Fake(lambda t: np.inf), 1.0) == 0.0
        one = derivatives._off_straight(Fake(lambda t: np.inf if t == 1 else t), 1.0)
        assert one == np.finfo(np.float64).max
        nothing = derivatives._off_straight(Fake(lambda t: np.zeros(0)), 1.0)
    assert nothing == 0.0
    assert type(nothing) is float


def test_values_are_weighted_and_flat():
    line = Fake(lambda t: np.array([[t, 2.0]]), np.array([[3.0, -1.0]]))
    values = derivatives._values(line, np.array([1.0, -2.0]))
    assert [v.tolist() for v in values] == [[3, -2], [-6, -2]]
    assert line.moves == [1.0, -2.0, 0.0]
    assert [type(t) for t in line.moves] == [float] * 3
    assert line.settings == [QUIET] * 2
    assert [v.tolist() for v in derivatives._values(Fake(lambda t: t, -2.0), [3.0])] == [[-6]]


def test_values_are_silent_and_put_back():
    with np.errstate(all="raise"):
        (value,) = derivatives._values(Fake(lambda t: np.full(2, 1e300), 1e300), [1.0])
    assert value.tolist() == [np.inf, np.inf]
    line = Fake(fail)
    with pytest.raises(ValueError, match=r"1\.0"):
        derivatives._values(line, [1.0, 2.0])
    assert line.moves == [1.0, 0.0]


@pytest.mark.filterwarnings("error")
def test_what_overflows_on_the_way_to_a_slope_is_silent():
    endless = Line(lambda: np.float64(np.inf), lambda t: t)
    assert np.isnan(measure_pair(endless, 0.1))
    assert coarseness(Line(lambda: 1.0, lambda t: t, weights=1e300, usual=1e300), 1.0) == 0
