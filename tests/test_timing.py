"""The stopwatch of the chapters, with a clock that the test moves."""

import pytest

import w2vlib
from w2vlib import timing
from w2vlib.timing import fastest


class Clock:
    """A clock that only goes on when somebody works."""

    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(timing.time, "perf_counter", lambda: self.now)

    def work(self, seconds):
        self.now += seconds.pop(0) if isinstance(seconds, list) else seconds


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_the_shortest_of_the_calls_is_told(clock):
    durations = [3.0, 0.5, 2.0]
    assert fastest(clock.work, durations, repeats=3) == 0.5
    assert durations == []


def test_five_calls_unless_told_otherwise(clock):
    durations = [9.0, 8.0, 7.0, 6.0, 5.0, 1.0]
    assert fastest(clock.work, durations) == 5.0
    assert durations == [1.0]


def test_all_inputs_arrive():
    seen = []
    assert fastest(lambda *inputs: seen.append(inputs), 1, "two", repeats=2) >= 0
    assert seen == [(1, "two")] * 2


@pytest.mark.parametrize("repeats", [0, -1])
def test_no_call_at_all_is_refused(repeats):
    with pytest.raises(ValueError, match="repeats"):
        fastest(int, repeats=repeats)


@pytest.mark.parametrize("repeats", [2.5, "3", None])
def test_repeats_is_a_whole_number(repeats):
    with pytest.raises(TypeError, match="repeats"):
        fastest(int, repeats=repeats)


def test_an_error_comes_through():
    with pytest.raises(ZeroDivisionError):
        fastest(lambda: 1 / 0)


def test_it_can_be_imported_from_the_package():
    assert w2vlib.fastest is fastest and "fastest" in w2vlib.__all__
