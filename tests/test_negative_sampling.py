"""The noise distribution, its draws, and the loss that uses them."""

import itertools
import math
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gpu import strict_cupy
from tests.oracles import LAYOUTS, dot, laid_out, log_sigmoid, numeric_gradient, run_python
from w2vlib import negative_sampling
from w2vlib.corpus import Corpus, build_corpus
from w2vlib.negative_sampling import (
    AliasTable,
    IntervalTable,
    NegativeSamplingLoss,
    UnigramSampler,
    count_ids,
)
from w2vlib.sparse import RowGradient
from w2vlib.validation import PAD

few = settings(max_examples=40)


# ---- counting -----------------------------------------------------------------------------------


def test_counting_by_hand():
    assert count_ids(np.array([0, 3, 3, 1])).tolist() == [1, 1, 0, 2]
    assert count_ids([0, 3, 3, 1], 6).tolist() == [1, 1, 0, 2, 0, 0]
    assert count_ids(np.array([2], np.uint8)).tolist() == [0, 0, 1]
    assert count_ids([0]).dtype == np.int64


def test_a_corpus_brings_its_counts_even_after_subsampling():
    corpus = build_corpus("a a a a b b c")
    assert count_ids(corpus).tolist() == corpus.counts.tolist()
    thinner = Corpus(np.array([0, 1]), corpus.words, counts=corpus.counts)
    assert count_ids(thinner).tolist() == corpus.counts.tolist()
    assert count_ids(thinner, 5).tolist() == [*corpus.counts.tolist(), 0, 0]


@pytest.mark.parametrize(
    ("corpus", "size", "error", "message"),
    [
        ([], None, ValueError, "^corpus is empty"),
        ([0, 4], 4, IndexError, r"^corpus\[1\] is 4"),
        ([0, -1], None, IndexError, r"^corpus\[1\] is -1"),
        ([0.0], None, TypeError, "^corpus must hold integer"),
        (["you"], None, TypeError, "^corpus must hold integer"),
        (None, None, TypeError, "^corpus must hold integer"),
        ([[0], [0, 1]], None, ValueError, "^corpus"),
        ([0], 0, ValueError, "^vocab_size must be at least 1"),
        ([0], 2.5, TypeError, "^vocab_size must be a whole number"),
    ],
)
def test_what_cannot_be_counted(corpus, size, error, message):
    with pytest.raises(error, match=message):
        count_ids(corpus, size)


def test_a_vocabulary_that_is_larger_than_the_model():
    corpus = build_corpus("a b c")
    with pytest.raises(ValueError, match="^corpus has 3 words, but vocab_size is 2.*vocab_size="):
        count_ids(corpus, 2)


# ---- the alias table ----------------------------------------------------------------------------


def table_probabilities(table):
    """What the table really draws: each column is picked with 1/V, keeps its share or hands on."""
    p = table.keep.copy()
    np.add.at(p, table.alias, 1 - table.keep)
    return p / len(p)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=50).filter(any))
def test_the_alias_table_holds_the_exact_probabilities(counts):
    p = np.array(counts) / sum(counts)
    table = AliasTable(p)
    assert table_probabilities(table) == pytest.approx(p, abs=1e-12)
    assert (table.keep >= 0).all()
    assert (table.keep <= 1).all()
    assert (table_probabilities(table)[p == 0] == 0).all()  # exactly


@pytest.mark.parametrize("top", [0.999999, 1 - 1e-12, 1.0])
def test_one_word_has_nearly_everything(top):
    p = np.full(1000, (1 - top) / 999)
    p[417] = top
    table = AliasTable(p)
    assert table_probabilities(table) == pytest.approx(p, abs=1e-12)
    draws = table.draw((100_000,), np.random.default_rng(0))
    assert np.count_nonzero(draws != 417) <= 3


def test_zipf_with_many_words():
    p = 1 / np.arange(1, 20_001)
    table = AliasTable(p)  # it divides by the sum itself
    assert table_probabilities(table) == pytest.approx(p / p.sum(), abs=1e-13)


def test_zeros_are_never_drawn_however_the_heights_round():
    """Columns that rounding leaves over keep their own outcome: none of them may be a zero."""
    rng = np.random.default_rng(0)
    for size in range(2, 300):
        p = rng.random(size) ** 8 * (rng.random(size) < 0.5)
        p[rng.integers(size)] = 1
        table = AliasTable(p)
        assert (table.keep[p == 0] == 0).all() and (p[table.alias] > 0)[table.keep < 1].all()


def test_alias_table_by_hand():
    # p = 3/4, 1/4: columns of height 3/2 and 1/2.  Column 1 keeps half and is topped up by word 0.
    table = AliasTable(np.array([0.75, 0.25]))
    assert table.keep.tolist() == [1, 0.5]
    assert table.alias.tolist() == [0, 0]
    assert table.draw((2, 3), np.random.default_rng(0)).shape == (2, 3)
    assert table.draw((), np.random.default_rng(0)).dtype == np.int32


# ---- the interval table of the device ------------------------------------------------------------


def test_random_bits_are_those_of_splitmix64():
    # The published first outputs for the seed 1234567; we keep the upper 53 of 64 bits.
    truth = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    found = negative_sampling._random_bits(np, 4, np.uint64(1234567))
    assert found.dtype == np.uint64
    assert found.tolist() == [number >> 11 for number in truth]


def test_every_word_owns_its_part_of_the_interval():
    table = IntervalTable(np.array([0.5, 0.0, 0.25, 0.25, 1e-30]), np)
    assert table.weight.tolist() == [2**51, 0, 2**50, 2**50, 1]
    assert table.end.tolist() == [2**51, 2**51, 3 * 2**50, 2**52, 2**52 + 1]
    assert table.total == 2**52 + 1
    assert table.weight.dtype == table.end.dtype == np.int64


# Places in the interval, in 53 bits: its begin, just below the middle, the middle, its very end.
BITS = [0, 2**52 - 1, 2**52, 2**53 - 1]


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ([], [0, 0, 2, 3]),
        ([PAD], [0, 0, 2, 3]),
        ([1], [0, 0, 2, 3]),  # has no part
        ([0], [2, 2, 3, 3]),
        ([2], [0, 0, 0, 3]),
        ([3], [0, 0, 0, 2]),
        ([3, 0], [2, 2, 2, 2]),  # in any order
        ([PAD, 0], [2, 2, 3, 3]),
        ([3, PAD], [0, 0, 0, 2]),
        ([2, 3], [0, 0, 0, 0]),
    ],
)
def test_words_that_are_left_out_are_stepped_over(left_out, words, monkeypatch):
    # Words 0, 2, 3 own 1/2, 1/4, 1/4.  Without 0 the middle is the border of 2 and 3; without 2
    # or 3 it lies inside 0, which then has two thirds.
    bits = np.array(BITS * 2, np.uint64)
    monkeypatch.setattr(negative_sampling, "_random_bits", lambda xp, count, key: bits[:count])
    table = IntervalTable(np.array([0.5, 0.0, 0.25, 0.25]), np)
    rows = np.array([left_out, left_out], np.int64).reshape(2, -1)
    draws = table.draw(rows, 4, np.uint64(0))
    assert draws.tolist() == [words, words]
    assert draws.dtype == np.int32


@pytest.mark.parametrize("left_out", [[], [PAD]])
def test_the_last_and_rarest_word_can_be_reached(left_out, monkeypatch):
    bits = np.array([2**53 - 1], np.uint64)
    monkeypatch.setattr(negative_sampling, "_random_bits", lambda xp, count, key: bits)
    table = IntervalTable(np.array([1.0, 1e-30]), np)
    rows = np.array([left_out], np.int64)
    assert table.draw(rows, 1, np.uint64(0)).tolist() == [[1]]


def test_keys_use_all_64_bits(monkeypatch):
    keys = []

    def draw(self, left_out, count, key):
        keys.append(key)
        return np.zeros((len(left_out), count), np.int32)

    monkeypatch.setattr(IntervalTable, "draw", draw)
    for seed in range(20):
        sampler = UnigramSampler(CORPUS, sample_size=2, seed=seed)
        sampler._draw_on_device(np.zeros(3, int), sampler.rng, np)
    assert len(set(keys)) == 20
    assert 2**60 < max(keys) < 2**64
    assert all(key.dtype == np.uint64 for key in keys)


def test_unsigned_targets_stay_whole_numbers():
    sampler = UnigramSampler(CORPUS, sample_size=2, seed=0, replace=False)
    draws = sampler._draw_on_device(np.array([0, 1], np.uint64), sampler.rng, np)
    assert draws.dtype == np.int32
    assert all(len({t, *row}) == 3 for t, row in zip([0, 1], draws.tolist(), strict=True))


# ---- the sampler --------------------------------------------------------------------------------

CORPUS = np.repeat([0, 1, 2, 3, 4], [16, 8, 4, 2, 1])


def chi_square(observed, expected):
    """Σ (O − E)² / E over the cells that can occur; the others must be empty."""
    observed, expected = np.asarray(observed), np.asarray(expected)
    assert (observed[expected == 0] == 0).all()
    there = expected > 0
    return float(((observed - expected)[there] ** 2 / expected[there]).sum())


def test_probabilities_by_hand():
    # 16^0.75 = 8, 1^0.75 = 1
    assert UnigramSampler([0] * 16 + [1]).p == pytest.approx([8 / 9, 1 / 9])
    assert UnigramSampler(CORPUS, 1).p == pytest.approx(np.array([16, 8, 4, 2, 1]) / 31)
    assert UnigramSampler(CORPUS, power=0).p == pytest.approx(np.full(5, 0.2))
    assert UnigramSampler([0] * 4 + [1], power=-0.5).p == pytest.approx([1 / 3, 2 / 3])


def test_the_books_example():
    # 0.7^0.75 = 0.7653, 0.29^0.75 = 0.3952, 0.01^0.75 = 0.0316: shares 0.642, 0.332, 0.027
    p = UnigramSampler(None, counts=np.array([0.7, 0.29, 0.01])).p
    assert p == pytest.approx([0.64196878, 0.33150408, 0.02652714], abs=1e-8)
    assert UnigramSampler(None, counts=[70, 29, 1]).p == pytest.approx(p, abs=1e-12)


@pytest.mark.parametrize("power", [100, -100, 1e5, -1e5])
def test_a_large_power_does_not_overflow(power):
    p = UnigramSampler([0, 0, 0, 1, 1, 2], power, exclude_target=False).p
    assert p.sum() == pytest.approx(1)
    assert p.argmax() == (0 if power > 0 else 2)


@pytest.mark.parametrize("power", [0, 0.75, -1])
def test_words_that_never_occur_are_never_drawn(power):
    sampler = UnigramSampler([1, 1, 5, 9], power, 4, vocab_size=12, seed=0)
    assert sampler.vocab_size == len(sampler.p) == 12
    assert np.flatnonzero(sampler.p).tolist() == [1, 5, 9]
    draws = sampler.get_negative_sample(np.array([1, 5, 9, 0] * 200))
    assert set(np.unique(draws)) == {1, 5, 9}


@pytest.mark.parametrize("K", [1, 5])
@pytest.mark.parametrize("target", [0, 4])
def test_draws_follow_the_distribution_without_the_target(K, target):
    sampler = UnigramSampler(CORPUS, sample_size=K, seed=1)
    draws = sampler.get_negative_sample(np.full(40_000, target))
    assert draws.shape == (40_000, K)
    assert draws.dtype == np.int32
    p = sampler.p.copy()
    p[target] = 0
    expected = p / p.sum() * draws.size
    assert chi_square(np.bincount(draws.ravel(), minlength=5), expected) < 20  # 3 degrees: P < 2e-4


def test_the_columns_are_independent():
    draws = UnigramSampler(CORPUS, 0, 2, seed=3).get_negative_sample(np.zeros(50_000, int))
    pairs = np.bincount(5 * draws[:, 0] + draws[:, 1], minlength=25)
    expected = np.zeros((5, 5))
    expected[1:, 1:] = 50_000 / 16
    assert chi_square(pairs, expected.ravel()) < 40  # 15 degrees


def test_each_row_excludes_its_own_target_only():
    sampler = UnigramSampler([0, 1, 2], sample_size=1, seed=0)
    target = np.arange(3).repeat(2000)
    draws = sampler.get_negative_sample(target)[:, 0]
    assert (draws != target).all()
    counts = np.bincount(3 * target + draws, minlength=9).reshape(3, 3)
    assert (counts.diagonal() == 0).all()
    assert counts[counts > 0].min() > 900


def test_with_the_target_allowed_it_is_drawn_too():
    sampler = UnigramSampler(CORPUS, sample_size=5, seed=2, exclude_target=False)
    draws = sampler.get_negative_sample(np.zeros(40_000, int))
    assert chi_square(np.bincount(draws.ravel(), minlength=5), sampler.p * draws.size) < 25


@pytest.mark.parametrize("exclude", [True, False])
def test_without_replacement_every_order_has_its_exact_probability(exclude):
    sampler = UnigramSampler(
        [0, 0, 0, 0, 1, 1, 2, 3], 1, 2, seed=5, replace=False, exclude_target=exclude
    )
    n = 40_000
    draws = sampler.get_negative_sample(np.full(n, 0))
    p = sampler.p.copy()
    if exclude:
        p[0] = 0
    p /= p.sum()
    expected = np.zeros((4, 4))
    for a, b in itertools.permutations(range(4), 2):
        expected[a, b] = n * p[a] * p[b] / (1 - p[a])  # first a, then b among the others
    observed = np.bincount(4 * draws[:, 0] + draws[:, 1], minlength=16).reshape(4, 4)
    assert (observed.diagonal() == 0).all()
    assert chi_square(observed, expected) < 35  # at most 11 degrees


@few
@given(st.integers(2, 7), st.integers(0, 99), st.booleans())
def test_without_replacement_a_row_holds_different_words(words, seed, exclude):
    K = words - exclude  # as many as there are
    sampler = UnigramSampler(
        np.arange(words), sample_size=K, seed=seed, replace=False, exclude_target=exclude
    )
    target = np.arange(words)
    for t, row in zip(target, sampler.get_negative_sample(target), strict=True):
        assert len(set(row.tolist())) == K
        assert not (exclude and t in row)


@pytest.mark.parametrize("replace", [True, False])
def test_a_target_that_has_nearly_all_the_probability(replace):
    # 0 has 0.999999; redrawing would take a million rounds, and 1 : 2 must stay 1 : 2.
    sampler = UnigramSampler(None, 1, 1, counts=np.array([3e6 - 3, 1, 2]), seed=0, replace=replace)
    draws = sampler.get_negative_sample(np.zeros(3000, int))
    counts = np.bincount(draws.ravel(), minlength=3)
    assert counts[0] == 0
    assert chi_square(counts[1:], [1000, 2000]) < 12


def test_without_replacement_from_an_extreme_distribution():
    counts = np.array([10**9, 1, 1, 1])
    sampler = UnigramSampler(None, 1, 3, counts=counts, seed=0, replace=False)
    draws = sampler.get_negative_sample(np.array([1, 0, 1, 3]))
    assert [sorted(row) for row in draws.tolist()] == [[0, 2, 3], [1, 2, 3], [0, 2, 3], [0, 1, 2]]
    assert draws[0, 0] == draws[2, 0] == draws[3, 0] == 0  # the likely one comes first


def test_two_words_leave_no_choice():
    sampler = UnigramSampler([0, 1], sample_size=3, seed=0)
    assert sampler.get_negative_sample([0, 1]).tolist() == [[1, 1, 1], [0, 0, 0]]


def test_targets_of_skip_gram_have_two_axes():
    sampler = UnigramSampler(CORPUS, sample_size=3, seed=0)
    target = np.array([[0, 1], [PAD, 4]])
    draws = sampler.get_negative_sample(target)
    assert draws.shape == (2, 2, 3)
    assert (draws != target[..., None]).all()
    assert ((draws >= 0) & (draws < 5)).all()  # those of PAD are words as well
    assert sampler.get_negative_sample(2).shape == (3,)
    assert sampler.get_negative_sample(np.zeros((0,), int)).shape == (0, 3)
    assert sampler.get_negative_sample(np.zeros((2, 0), int)).shape == (2, 0, 3)


def test_pad_excludes_nothing_without_replacement():
    sampler = UnigramSampler([0, 1, 2], sample_size=2, seed=0, replace=False)
    draws = sampler.get_negative_sample(np.full((1, 300), PAD))
    assert set(np.unique(draws)) == {0, 1, 2}


@pytest.mark.parametrize("replace", [True, False])
def test_the_seed_decides(replace):
    def draw(seed):
        sampler = UnigramSampler(CORPUS, sample_size=3, seed=seed, replace=replace)
        return np.concatenate([sampler.get_negative_sample([0, 1, 2]) for _ in range(5)]).tolist()

    assert draw(7) == draw(7) != draw(8)
    code = f"""
import numpy as np
from w2vlib import UnigramSampler
sampler = UnigramSampler(np.array({CORPUS.tolist()}), sample_size=3, seed=7, replace={replace})
print(np.concatenate([sampler.get_negative_sample([0, 1, 2]) for _ in range(5)]).tolist())
"""
    assert eval(run_python(code)) == draw(7)


def test_an_own_generator_leaves_that_of_the_sampler_alone():
    one, two = (UnigramSampler(CORPUS, seed=0) for _ in range(2))
    rng = np.random.default_rng(3)
    aside = one.get_negative_sample([0, 1], rng=rng)
    assert aside.tolist() == UnigramSampler(CORPUS, seed=3).get_negative_sample([0, 1]).tolist()
    assert one.get_negative_sample([2]).tolist() == two.get_negative_sample([2]).tolist()


def test_a_shared_generator_moves_on():
    rng = np.random.default_rng(0)
    sampler = UnigramSampler(CORPUS, rng=rng)
    assert sampler.rng is rng
    before = rng.bit_generator.state
    sampler.get_negative_sample([0])
    assert rng.bit_generator.state != before


def test_global_random_state_is_untouched():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()  # noqa: NPY002
    UnigramSampler(CORPUS).get_negative_sample(np.zeros(100, int))
    sampler = UnigramSampler(None, 1, 1, counts=[10**9, 1, 1], replace=False)
    sampler.get_negative_sample([0, 0])
    after = np.random.get_state()  # noqa: NPY002
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_batch_costs_no_memory_for_the_vocabulary():
    sampler = UnigramSampler(np.arange(100_000), sample_size=5, seed=0)
    target = np.arange(500)
    tracemalloc.start()
    sampler.get_negative_sample(target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 400_000  # bytes; one row of V float64 alone takes 800,000


@pytest.mark.parametrize("layout", LAYOUTS)
def test_targets_may_lie_in_memory_as_they_like(layout):
    corpus, target = laid_out(CORPUS, layout), laid_out(np.array([[0, 1], [2, 3]]), layout)
    draws = UnigramSampler(corpus, seed=0).get_negative_sample(target)
    assert (
        draws.tolist()
        == UnigramSampler(CORPUS, seed=0).get_negative_sample(np.array([[0, 1], [2, 3]])).tolist()
    )
    assert corpus.tolist() == CORPUS.tolist()
    assert target.tolist() == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"sample_size": 0}, ValueError, "^sample_size must be at least 1"),
        ({"sample_size": 2.0}, TypeError, "^sample_size must be a whole number"),
        ({"power": np.nan}, ValueError, "^power must be finite"),
        ({"power": "0.75"}, TypeError, "^power must be a number"),
        ({"seed": -1}, ValueError, "^seed must be"),
        ({"rng": 3}, TypeError, "^rng must be"),
        (
            {"sample_size": 5, "replace": False},
            ValueError,
            "^sample_size=5 .* at least 6 diff",
        ),
        ({"vocab_size": 4}, IndexError, r"^corpus\[30\] is 4"),
        ({"counts": [1, -1]}, ValueError, "^counts must be finite"),
        ({"counts": [0, 0]}, ValueError, "^counts must be .* not all zero"),
        ({"counts": [1, np.inf]}, ValueError, "^counts must be finite"),
        ({"counts": [[1, 1]]}, ValueError, r"^counts must have shape \(V,\)"),
        ({"counts": [1, 1], "vocab_size": 3}, ValueError, r"^counts must have shape \(3,\)"),
        ({"counts": ["a"]}, TypeError, "^counts must hold numbers"),
        ({"counts": [[1], [1, 2]]}, ValueError, "^counts"),
    ],
)
def test_samplers_that_cannot_be(options, error, message):
    with pytest.raises(error, match=message):
        UnigramSampler(CORPUS, **options)


def test_there_must_be_enough_words():
    with pytest.raises(ValueError, match="needs at least 2 different words .one is the target"):
        UnigramSampler([0, 0])
    UnigramSampler([0, 0], exclude_target=False)
    with pytest.raises(ValueError, match="sample_size=3 with replace=False needs at least 3 diff"):
        UnigramSampler([0, 1], sample_size=3, replace=False, exclude_target=False)
    with pytest.raises(ValueError, match="the corpus has 3. Use a smaller sample_size, replace=T"):
        UnigramSampler([0, 1, 4], sample_size=3, replace=False)
    UnigramSampler([0, 1, 4], sample_size=2, replace=False)
    UnigramSampler([0, 1], sample_size=100)  # with replacement any K will do


@pytest.mark.parametrize(
    ("target", "error"),
    [([5], IndexError), ([-2], IndexError), ([0.0], TypeError), ([["you"]], TypeError)],
)
def test_targets_that_are_none(target, error):
    with pytest.raises(error, match="^target"):
        UnigramSampler(CORPUS, seed=0).get_negative_sample(target)


# ---- the loss -----------------------------------------------------------------------------------

V = 5


def slow_loss(W, h, target, negatives):
    """−log σ(h·w_t) − Σ_k log σ(−h·w_k), summed over the words that are there, mean over rows."""
    costs = []
    for place in np.ndindex(*target.shape):
        if target[place] == PAD:
            continue
        row = h[place[0]]
        costs.append(-log_sigmoid(dot(row, W[target[place]])))
        costs += [-log_sigmoid(-dot(row, W[k])) for k in negatives[place]]
    return math.fsum(costs) / max(len(target), 1)


def problem(seed, B, C, H, K, dtype=np.float64):
    """W, h, target, negatives; C = 0 means targets without a second axis."""
    rng = np.random.default_rng(seed)
    shape = (B, C) if C else (B,)
    W, h = rng.standard_normal((V, H)), rng.standard_normal((B, H))
    target = rng.integers(PAD if C else 0, V, shape)
    return W.astype(dtype), h.astype(dtype), target, rng.integers(0, V, (*shape, K))


@few
@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 4),
    st.integers(0, 999),
    st.sampled_from(LAYOUTS),
    st.booleans(),
    st.floats(-2, 2),
)
def test_loss_and_gradient(B, C, H, K, seed, layout, sparse, dout):
    W, h, target, negatives = problem(seed, B, C, H, K)
    loss = NegativeSamplingLoss(W, CORPUS, sample_size=3, seed=0, sparse_grad=sparse)
    found = loss.forward(*(laid_out(a, layout) for a in (h, target, negatives)))
    assert type(found) is float
    assert found == pytest.approx(slow_loss(W, h, target, negatives), rel=1e-12)
    dh = loss.backward(dout)

    def truth():
        return dout * slow_loss(W, h, target, negatives)

    assert dh.shape == h.shape
    assert dh == pytest.approx(numeric_gradient(truth, h), rel=1e-5, abs=1e-7)
    dW = loss.grads[0].to_dense() if sparse else loss.grads[0]
    assert dW == pytest.approx(numeric_gradient(truth, W), rel=1e-5, abs=1e-7)


def test_loss_by_hand():
    # h·w: target 0 → log 3 (yes costs log 4/3), negatives 1 → 0 (no costs log 2), 2 → −log 3
    # (no costs log 4/3).  dh = (3/4 − 1) w0 + 1/2 w1 + 1/4 w2, all divided by B = 1.
    W = np.array([[math.log(3), 0], [0, 1], [-math.log(3), 0], [7, 7], [7, 7]])
    loss = NegativeSamplingLoss(W, CORPUS)
    h = np.array([[1.0, 0.0]])
    assert loss.forward(h, [0], [[1, 2]]) == pytest.approx(2 * math.log(4 / 3) + math.log(2))
    assert loss.backward() == pytest.approx(np.array([[-0.5 * math.log(3), 0.5]]))
    truth = [[-0.25, 0], [0.5, 0], [0.25, 0], [0, 0], [0, 0]]
    assert loss.grads[0] == pytest.approx(np.array(truth))
    assert loss.negatives.tolist() == [[1, 2]]
    # A second example with the same numbers: mean over the batch, so the same loss.
    twice = loss.forward(np.repeat(h, 2, axis=0), [0, 0], [[1, 2], [1, 2]])
    assert twice == pytest.approx(2 * math.log(4 / 3) + math.log(2))
    # Two targets of one example: sum, so twice the loss; PAD adds nothing.
    double = 2 * (2 * math.log(4 / 3) + math.log(2))
    assert loss.forward(h, [[0, 0]], [[[1, 2], [1, 2]]]) == pytest.approx(double)
    assert loss.forward(h, [[0, PAD]], [[[1, 2], [3, 4]]]) == pytest.approx(double / 2)
    loss.backward()
    assert loss.grads[0] == pytest.approx(np.array(truth))


def test_without_negatives_the_sampler_draws_them():
    W, h, target, _ = problem(0, 6, 0, 3, 0)
    loss = NegativeSamplingLoss(W, CORPUS, 0.75, 4, seed=3)
    found = loss.forward(h, target)
    drawn = UnigramSampler(CORPUS, 0.75, 4, seed=3).get_negative_sample(target)
    assert loss.negatives.tolist() == drawn.tolist()
    assert found == pytest.approx(slow_loss(W, h, target, drawn))
    assert loss.forward(h, target) != found  # new draws
    contexts = np.array([[0, PAD]] * 6)
    loss.forward(h, contexts)
    assert loss.negatives.shape == (6, 2, 4)


def test_unsigned_targets_and_drawn_negatives_are_ids_together():
    # NumPy alone would make floating-point numbers of uint64 and int32.
    W, h, target, _ = problem(0, 6, 0, 3, 0)
    losses = [NegativeSamplingLoss(W, CORPUS, seed=3) for _ in range(2)]
    kinds = np.int64, np.uint64
    found = {x.forward(h, target.astype(kind)) for x, kind in zip(losses, kinds, strict=True)}
    assert len(found) == 1


def test_lists_of_words_go_where_the_weights_are(monkeypatch):
    cupy, cupyx = strict_cupy.make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", cupyx)
    W, h, _, _ = problem(0, 2, 0, 3, 0)
    target, negatives = [[0, 1], [PAD, 2]], [[[1], [2]], [[3], [4]]]
    here = NegativeSamplingLoss(W, CORPUS)
    there = NegativeSamplingLoss(cupy.asarray(W), CORPUS, seed=0)
    truth = here.forward(h, target, negatives)
    assert there.forward(cupy.asarray(h), target, negatives) == pytest.approx(truth)
    assert isinstance(there.negatives, cupy.ndarray)
    there.forward(cupy.asarray(h), [0, 1])
    assert isinstance(there.negatives, cupy.ndarray)


def test_a_sampler_of_ones_own():
    class Always:
        def get_negative_sample(self, target):
            return np.full((len(target), 2), 3)

    W, h, target, _ = problem(0, 6, 0, 3, 0)
    loss = NegativeSamplingLoss(W, None, sampler=Always())
    assert loss.negatives is None
    assert loss.forward(h, target) == pytest.approx(slow_loss(W, h, target, np.full((6, 2), 3)))


def test_defaults_are_those_of_the_paper():
    sampler = UnigramSampler(CORPUS)
    assert (sampler.power, sampler.sample_size) == (0.75, 5)
    assert (sampler.replace, sampler.exclude_target) == (True, True)
    sampler = UnigramSampler(CORPUS, replace=0, exclude_target=1, sample_size=2)
    assert (sampler.replace, sampler.exclude_target) == (False, True)


def test_no_contexts_no_loss():
    loss = NegativeSamplingLoss(np.ones((V, 2)), CORPUS, seed=0)
    assert loss.forward(np.ones((3, 2)), np.zeros((3, 0), int)) == 0
    assert loss.backward().tolist() == np.zeros((3, 2)).tolist()
    assert not loss.grads[0].any()


def test_the_options_reach_the_sampler():
    W, rng = np.ones((7, 2)), np.random.default_rng(0)
    sampler = NegativeSamplingLoss(
        W, CORPUS, 0.5, 3, rng=rng, replace=False, exclude_target=False
    ).sampler
    assert (sampler.power, sampler.sample_size, sampler.vocab_size) == (0.5, 3, 7)
    assert sampler.rng is rng
    assert (sampler.replace, sampler.exclude_target) == (False, False)
    sampler = NegativeSamplingLoss(W, CORPUS).sampler
    assert (sampler.power, sampler.sample_size) == (0.75, 5)
    assert (sampler.replace, sampler.exclude_target) == (True, True)
    assert NegativeSamplingLoss(W, None, sampler=sampler).sampler is sampler


def test_one_parameter_shared_by_reference():
    W = np.ones((5, 2), np.float32)
    loss = NegativeSamplingLoss(W, CORPUS, sparse_grad=True)
    assert loss.params[0] is W
    assert len(loss.params) == len(loss.grads) == 1
    assert isinstance(loss.grads[0], RowGradient)
    assert type(NegativeSamplingLoss(W, CORPUS).grads[0]) is np.ndarray


@few
@given(st.integers(1, 8), st.integers(0, 3), st.integers(0, 999), st.booleans())
def test_single_precision_against_double(B, C, seed, sparse):
    W, h, target, negatives = problem(seed, B, C, 8, 5)
    double = NegativeSamplingLoss(W, CORPUS)
    single = NegativeSamplingLoss(W.astype(np.float32), CORPUS, sparse_grad=sparse)
    truth = double.forward(h, target, negatives)
    assert single.forward(h.astype(np.float32), target, negatives) == pytest.approx(truth, rel=1e-5)
    dh = single.backward(np.float64(1))
    assert dh.dtype == single.grads[0].dtype == np.float32
    assert dh == pytest.approx(double.backward(), rel=1e-4, abs=1e-5)
    dW = single.grads[0].to_dense() if sparse else single.grads[0]
    assert dW == pytest.approx(double.grads[0], rel=1e-4, abs=1e-5)


def test_used_twice_the_gradient_is_the_sum():
    W, h, target, negatives = problem(1, 3, 2, 2, 2)
    _, h2, target2, negatives2 = problem(2, 3, 2, 2, 2)
    loss, once = NegativeSamplingLoss(W, CORPUS), NegativeSamplingLoss(W, CORPUS)
    loss.forward(h, target, negatives)
    loss.forward(h2, target2, negatives2)
    dh2, dh = loss.backward(), loss.backward()
    total = 0
    for args, found in (((h, target, negatives), dh), ((h2, target2, negatives2), dh2)):
        once.forward(*args)
        assert np.array_equal(once.backward(), found)
        total = total + once.grads[0]
    assert loss.grads[0] == pytest.approx(total, rel=1e-12)


def test_what_was_given_stays():
    W, h, target, negatives = problem(3, 4, 2, 3, 2)
    arrays = [W, h, target, negatives]
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.setflags(write=False)
    loss = NegativeSamplingLoss(W, CORPUS)
    loss.forward(h, target, negatives)
    loss.backward()
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


@pytest.mark.parametrize(
    ("h", "target", "negatives", "error", "message"),
    [
        (np.ones((1, 2)), [5], None, IndexError, r"^target\[0\] is 5"),
        (np.ones((1, 2)), [PAD], None, IndexError, r"^target\[0\] is -1"),
        (np.ones((1, 2)), [[-2]], None, IndexError, r"^target\[0, 0\] is -2"),
        (np.ones((1, 2)), [0.5], None, TypeError, "^target must hold integer"),
        (np.ones((1, 2)), 0, None, ValueError, r"^target must have shape \(B,\) or \(B, C\)"),
        (np.ones((1, 2)), [[[0]]], None, ValueError, "^target must have shape"),
        (np.ones((2, 2)), [0], None, ValueError, "^h must have shape"),
        (np.ones((1, 3)), [0], None, ValueError, "^h must have shape"),
        (np.ones(2), [0], None, ValueError, "^h must have shape"),
        (np.full((1, 2), np.nan), [0], None, ValueError, r"^h\[0, 0\] is nan"),
        (np.ones((1, 2)), [0], [1], ValueError, r"^negatives must have shape \(1, 'K'\)"),
        (np.ones((1, 2)), [0], [[1], [2]], ValueError, "^negatives must have shape"),
        (np.ones((1, 2)), [[0]], [[1]], ValueError, "^negatives must have shape"),
        (np.ones((1, 2)), [0], [[5]], IndexError, r"^negatives\[0, 0\] is 5"),
        (np.ones((1, 2)), [0], [[PAD]], IndexError, r"^negatives\[0, 0\] is -1"),
        (np.ones((1, 2)), [0], [[0.5]], TypeError, "^negatives must hold integer"),
    ],
)
def test_wrong_inputs(h, target, negatives, error, message):
    loss = NegativeSamplingLoss(np.ones((5, 2)), CORPUS, seed=0)
    with pytest.raises(error, match=message):
        loss.forward(h, target, negatives)
    with pytest.raises(RuntimeError, match="before forward"):
        loss.backward()


@pytest.mark.parametrize(
    ("W", "corpus", "error", "message"),
    [
        (np.ones((4, 2)), CORPUS, IndexError, r"^corpus\[30\] is 4"),
        (np.ones((5, 2), int), CORPUS, TypeError, "^W must be"),
        (np.ones(5), CORPUS, ValueError, "^W must have two"),
        (np.ones((5, 2)), [], ValueError, "^corpus is empty"),
        (np.ones((5, 2)), [0], ValueError, "at least 2 different words"),
    ],
)
def test_losses_that_cannot_be(W, corpus, error, message):
    with pytest.raises(error, match=message):
        NegativeSamplingLoss(W, corpus)


def test_a_sampler_for_other_words():
    sampler = UnigramSampler(CORPUS)
    with pytest.raises(ValueError, match="^sampler draws from 5 words, but W has 7 rows"):
        NegativeSamplingLoss(np.ones((7, 2)), CORPUS, sampler=sampler)


def test_what_is_refused_by_hand():
    """A row's other draws do not count for it, nor do draws further right."""
    sampler = UnigramSampler([0, 1, 2, 3, 4], sample_size=3, replace=False, seed=0)
    draws, targets = np.array([[1, 2, 1], [1, 2, 3], [3, 4, 0]]), np.array([4, 4, 0])
    assert sampler._refused(draws, targets, 2).tolist() == [True, False, True]
    assert sampler._refused(draws, targets, 1).tolist() == [False, False, False]


def test_the_triple_is_refused_by_the_name_of_the_argument():
    with pytest.raises(TypeError, match=r"^corpus must hold word ids, got \(ids, word_to_id"):
        count_ids((np.array([0, 1]), {"a": 0, "b": 1}, {0: "a", 1: "b"}))


def test_a_corpus_is_no_list_of_counts():
    with pytest.raises(TypeError, match=r"^counts must hold one count.*corpus\.counts"):
        UnigramSampler(None, counts=build_corpus("a a a b b c"))
