"""Judging draws: the bound is a bound, models say what samplers do, right samplers pass."""

import itertools
import math

import numpy as np
import pytest

from w2vlib import UnigramSampler
from w2vlib.check import chance, exercise_named, noise, running
from w2vlib.check.chance import Draws, surprise


@pytest.mark.parametrize("n", [1, 5, 12])
@pytest.mark.parametrize("p", [0.03, 0.25, 0.5, 0.9])
def test_the_bound_holds_exactly(n, p):
    mass = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    for k in range(n + 1):
        tail = sum(mass[k:]) if k >= n * p else sum(mass[: k + 1])
        assert tail <= math.exp(-surprise(k, n, p)) + 1e-12


def test_surprise_at_the_edges():
    assert surprise(0, 10, 0.0) == 0
    assert surprise(1, 10, 0.0) == math.inf
    assert surprise(10, 10, 1.0) == 0
    assert surprise(5, 10, 0.5) == 0
    assert surprise(0, 0, 0.3) == 0


@pytest.mark.parametrize("replace", [True, False])
def test_row_probabilities_sum_to_one_and_agree_with_draws(replace):
    weights = np.array([4.0, 0.0, 1.0, 2.0])
    rows = chance.row_probabilities(weights, 2, replace)
    assert sum(rows.values()) == pytest.approx(1)
    assert all(1 not in row for row in rows)
    by_hand = 4 / 7 * (1 / 7 if replace else 1 / 3)
    assert rows[0, 2] == pytest.approx(by_hand)


def test_inclusion_without_replacement_by_hand():
    draws = Draws(np.array([[1, 1, 0]]), np.array([2]), np.array([3, 1, 1]), 1.0)
    assert not draws.replace
    expected = draws.expected(np.array([3.0, 1.0, 0.0]))
    np.testing.assert_allclose(expected, [1, 1, 0])
    expected = draws.expected(np.array([2.0, 1.0, 1.0]))
    first, second = 2 / 4, 2 * (1 / 4) * (2 / 3)
    np.testing.assert_allclose(expected[0], first + second)
    np.testing.assert_allclose(expected.sum(), 2)


def test_cut_off_by_hand():
    np.testing.assert_allclose(chance.cut_off(np.array([0.6, 0.3, 0.3])), [0.6, 0.3, 0.1])


def test_the_alarm_level_is_what_the_comment_says():
    # Each of n tests may fire with 2 exp(−limit) = FALSE_ALARM / n.
    for n in (1, 50, 1000):
        assert 2 * n * math.exp(-chance.limit(n)) == pytest.approx(chance.FALSE_ALARM)
    assert chance.FALSE_ALARM < 1e-6


def draws_of(sampler, seed: int):
    """The library's sampler on the questions of the check, drawn with another seed."""
    cases = exercise_named("unigram_sampler").cases(np.random.default_rng(running.SEED))
    found = []
    for number, case in enumerate(c for c in cases if c.name != "shape"):
        one = sampler(
            case.corpus, case.power, case.sample_size, seed=[seed, number][0] * 10 + number
        )
        found.append(noise._as_draws(case, one.get_negative_sample(case.target)))
    return found


@pytest.mark.parametrize("replace", [True, False])
def test_right_samplers_are_far_from_alarm_with_any_seed(replace):
    worst, alarm = 0.0, 0.0
    for seed in range(25):
        cases = draws_of(lambda *a, seed: UnigramSampler(*a, seed=seed, replace=replace), seed)
        assert noise.judge_draws(cases) is None
        alarm = chance.limit(3 * sum(d.tests() for d in cases))
        worst = max(worst, *(d.frequency_surprise(chance.right_weights) for d in cases))
    assert worst < 0.7 * alarm


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("power", [1.0, 0.5, 2.0])
def test_wrong_powers_are_found_with_any_seed(replace, power):
    for seed in range(4):
        cases = draws_of(
            lambda c, p, k, seed: UnigramSampler(c, power, k, seed=seed, replace=replace), seed
        )
        finding = noise.judge_draws(cases)
        assert finding is not None
        wanted = {1.0: "power-forgotten", 2.0: "power-squared", 0.5: None}[power]
        assert (finding.mistake and finding.mistake.id) in (None, wanted)


def test_rows_that_depend_on_each_other_are_found():
    cases = draws_of(UnigramSampler, 1)
    first = cases[0]
    pairs = np.repeat(first.rows[::2], 2, axis=0)  # every second row repeats the one before
    cases[0] = Draws(pairs, first.target, first.counts, first.power)
    finding = noise.judge_draws(cases)
    assert finding is not None and finding.mistake is None and "depend" in finding.text


def test_models_of_mistakes_differ_from_the_right_weights_and_from_each_other():
    case = Draws(np.array([[2, 0, 0, 0, 0]]), np.array([2]), np.array([90, 40, 7, 20, 3]), 0.6)
    shapes = {"right": chance.right_weights(case, 2)}
    for model in noise._MODELS:
        if model.mistake.id not in ("excluded-for-others",):  # that one needs two targets
            for n, weights in enumerate(model.weights):
                shapes[model.mistake.id, n] = weights(case, 2)
    for (a, p), (b, q) in itertools.combinations(shapes.items(), 2):
        if a[0] != b[0]:
            assert not np.allclose(p / p.sum(), q / q.sum()), (a, b)
