"""The bank: right solutions pass, wrong ones are caught and never called a wrong name."""

from collections import Counter

import numpy as np
import pytest
from bank_reader import load_bank

from w2vlib import check
from w2vlib.check import running

BANK = load_bank()
RIGHT = [s for s in BANK if s.mistake is None]
WRONG = [s for s in BANK if s.mistake is not None]
# What each check called the wrong solutions; filled by the tests below, read by the last one.
CALLED: dict[str, str | None] = {}


def report_on(solution):
    return getattr(check, solution.exercise)(solution.load(), **dict(solution.options))


@pytest.mark.parametrize("solution", RIGHT, ids=lambda s: s.id)
def test_a_right_solution_passes(solution):
    report = report_on(solution)
    assert report.status == "passed", str(report)


@pytest.mark.parametrize("solution", WRONG, ids=lambda s: s.id)
def test_a_wrong_solution_is_caught_and_never_called_a_wrong_name(solution, monkeypatch):
    if solution.mistake == "time-limit":
        monkeypatch.setattr(running, "TIME_LIMIT", 0.5)
    report = report_on(solution)
    CALLED[solution.id] = report.mistake
    assert report.status == "wrong", str(report)
    named = None if solution.mistake == "?" else solution.mistake
    assert report.mistake in (None, named), str(report)
    assert report.example, "there is an example that shows it"
    assert report.hints


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_other_inputs_the_verdicts_hold_and_no_name_is_wrong(seed):
    """As a grader does who draws secret inputs."""
    for solution in BANK:
        if solution.options or solution.mistake == "time-limit":
            continue
        exercise = check.exercise_named(solution.exercise)
        cases = exercise.cases(np.random.default_rng(seed))
        report = exercise.judge(cases, *exercise.collect(solution.load(), cases))
        assert report.status == ("wrong" if solution.mistake else "passed"), str(report)
        named = None if solution.mistake in (None, "?") else solution.mistake
        assert report.mistake in (None, named), f"{solution.id}: {report}"


def test_the_bank_is_large_and_covers_every_exercise():
    assert len(WRONG) >= 90
    right = Counter(s.exercise for s in RIGHT if not s.options)
    wrong = Counter(s.exercise for s in WRONG)
    for name in check.EXERCISES:
        assert right[name] >= 3, name
        assert wrong[name] >= 3, name


def test_at_least_85_percent_of_the_wrong_solutions_are_named():
    if len(CALLED) < len(WRONG):
        pytest.skip("needs the reports of all wrong solutions: run the whole file in one process")
    named = sum(CALLED[s.id] == s.mistake for s in WRONG)
    assert named >= 0.85 * len(WRONG), f"{named} of {len(WRONG)}"


def test_most_mistakes_that_a_check_can_name_have_a_solution_in_the_bank():
    known = {(name, m.id) for name in check.EXERCISES for m in check.exercise_named(name).mistakes}
    shown = {(s.exercise, s.mistake) for s in WRONG}
    assert len(known & shown) >= 0.6 * len(known), sorted(known - shown)
