"""The rungs of the speed ladder: each makes the same step; what they cost is counted rightly."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import rungs
from counted import Count, counted

from w2vlib import Corpus, fast

V, H, WINDOW, K, B = 11, 4, 2, 3, 9
C = 2 * WINDOW
NUMPY = [rung for rung in rungs.LADDER if rung.step is not None]
SAMPLING = [rungs.layer_by_layer, rungs.one_einsum, rungs.touched_rows, rungs.sliding_sums]
SOFTMAX = [rungs.one_hot_softmax, rungs.embedding_softmax]


@pytest.fixture
def case():
    """Few words: many repeat, and some negatives are the target or a context."""
    rng = np.random.default_rng(3)
    W_in, W_out = rng.standard_normal((2, V, H))
    return W_in, W_out, rng.integers(0, V, B + C), rng.integers(0, V, (B, K))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def expected_sampling(W_in, W_out, ids, negatives):
    """Loss and gradients, one target after the other, straight from the formula."""
    loss, dW_in, dW_out = 0.0, np.zeros_like(W_in), np.zeros_like(W_out)
    for b in range(B):
        context = [ids[b + WINDOW + o] for o in range(-WINDOW, WINDOW + 1) if o]
        h = np.mean([W_in[c] for c in context], axis=0)
        dh = np.zeros(H)
        for label, word in [(1, ids[b + WINDOW])] + [(0, word) for word in negatives[b]]:
            y = sigmoid(h @ W_out[word])
            loss -= np.log(y if label else 1 - y)
            dh += (y - label) * W_out[word]
            dW_out[word] += (y - label) * h
        for c in context:
            dW_in[c] += dh / C
    return loss, dW_in, dW_out


def expected_softmax(W_in, W_out, ids):
    loss, dW_in, dW_out = 0.0, np.zeros_like(W_in), np.zeros_like(W_out)
    for b in range(B):
        context = [ids[b + WINDOW + o] for o in range(-WINDOW, WINDOW + 1) if o]
        h = np.mean([W_in[c] for c in context], axis=0)
        y = np.exp(W_out @ h) / np.exp(W_out @ h).sum()
        loss -= np.log(y[ids[b + WINDOW]])
        y[ids[b + WINDOW]] -= 1
        dW_out += np.outer(y, h)
        for c in context:
            dW_in[c] += W_out.T @ y / C
    return loss, dW_in, dW_out


def step_of(step, case, lr):
    W_in, W_out, ids, negatives = case
    new_in, new_out = W_in.copy(), W_out.copy()
    loss = step(new_in, new_out, ids, WINDOW, negatives, lr)
    return loss, new_in, new_out


@pytest.mark.parametrize("step", SAMPLING)
def test_sampling_rungs_make_the_step_of_the_formula(step, case):
    W_in, W_out, ids, negatives = case
    loss, dW_in, dW_out = expected_sampling(W_in, W_out, ids, negatives)
    found, new_in, new_out = step_of(step, case, 0.5)
    assert found == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(new_in, W_in - 0.5 * dW_in, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(new_out, W_out - 0.5 * dW_out, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("step", SOFTMAX)
def test_softmax_rungs_make_the_step_of_the_formula(step, case):
    W_in, W_out, ids, _ = case
    loss, dW_in, dW_out = expected_softmax(W_in, W_out, ids)
    found, new_in, new_out = step_of(step, case, 0.5)
    assert found == pytest.approx(loss, rel=1e-6)
    np.testing.assert_allclose(new_in, W_in - 0.5 * dW_in, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(new_out, W_out - 0.5 * dW_out, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("step", [*SOFTMAX, *SAMPLING, rungs.shared_negatives])
def test_every_step_goes_down_the_slope_of_its_own_loss(step, case):
    """(W − W_new) / lr is the numerical gradient of the returned loss."""
    W_in, W_out, ids, negatives = case
    _, new_in, new_out = step_of(step, case, 1.0)

    def loss(a, b):
        return step(a.copy(), b.copy(), ids, WINDOW, negatives, 0.0)

    eps = 1e-5
    for number, (W, new) in enumerate(((W_in, new_in), (W_out, new_out))):
        slope = np.zeros_like(W)
        for index in np.ndindex(W.shape):
            around = []
            for sign in (1, -1):
                both = [W_in.copy(), W_out.copy()]
                both[number][index] += sign * eps
                around.append(loss(*both))
            slope[index] = (around[0] - around[1]) / (2 * eps)
        np.testing.assert_allclose(W - new, slope, rtol=1e-5, atol=1e-6)


def test_shared_negatives_are_right_on_average(case):
    """Over many draws, the mean step is that of own negatives from the same distribution."""
    W_in, W_out, ids, _ = case
    rng = np.random.default_rng(0)
    mean = dict.fromkeys((rungs.one_einsum, rungs.shared_negatives), 0)
    draws = 4000
    for _ in range(draws):
        negatives = rng.integers(0, V, (B, K))
        for step in mean:
            mean[step] += step_of(step, (W_in, W_out, ids, negatives), 1.0)[1] / draws
    difference = mean[rungs.one_einsum] - mean[rungs.shared_negatives]
    # The standard error of own negatives' mean is about 0.3 / √4000 here: 0.005.
    assert np.abs(difference).max() < 0.05
    assert np.abs(mean[rungs.one_einsum] - W_in).max() > 0.5


def test_the_compiled_rung_makes_the_same_step(case):
    """To float32's accuracy, and up to W_out changing from target to target: a small step."""
    W_in, W_out, ids, negatives = case
    corpus = Corpus(ids.astype(np.int32), [f"w{i}" for i in range(V)], None)
    lr = 1e-3
    loss, new_in, new_out = step_of(rungs.touched_rows, case, lr)
    got_in, got_out, got_loss, targets = fast.update(
        W_in, W_out, corpus, window_size=WINDOW, negatives=negatives, lr=lr, begin=WINDOW,
        end=WINDOW + B,
    )  # fmt: skip
    assert targets == B
    assert got_loss == pytest.approx(loss, rel=5e-3)
    for old, new, got in ((W_in, new_in, got_in), (W_out, new_out, got_out)):
        change = old - new
        np.testing.assert_allclose(old - got, change, atol=0.01 * np.abs(change).max())


# ---- counting ------------------------------------------------------------------------------------


def test_what_a_count_is():
    a, b = counted(np.ones((3, 5), np.float32)), counted(np.ones((5, 2), np.float32))
    for run, operations, numbers in (
        (lambda: a + a, 15, 45),
        (lambda: a @ b, 2 * 3 * 5 * 2, 15 + 10 + 6),
        (lambda: np.exp(a), 15, 30),
        (lambda: a.sum(axis=1), 15, 15 + 3),
        (lambda: np.einsum("ij,jk->ik", a, b), 60, 15 + 10 + 6),
        (lambda: a[[0, 2, 2]], 0, 30),
        (lambda: a[1:], 0, 0),
        (lambda: np.add.at(a, [0, 1], np.ones((2, 5), np.float32)), 10, 30),
        (lambda: np.zeros_like(a), 0, 15),
    ):
        with Count() as count:
            run()
        assert (count.operations, count.bytes) == (operations, 4 * numbers)


def count_of(step, V=V, H=H, window=WINDOW, K=K, B=B):
    rng = np.random.default_rng(0)
    W_in, W_out = (counted(np.zeros((V, H), np.float32)) for _ in range(2))
    with Count() as count:
        ids, negatives = rng.integers(0, V, B + 2 * window), rng.integers(0, V, (B, K))
        step(W_in, W_out, ids, window, negatives, np.float32(0.1))
    return count


@pytest.mark.parametrize("step", [rung.step for rung in NUMPY] + [rungs.shared_negatives])
def test_counting_changes_no_result(step, case):
    plain = step_of(step, case, 0.5)
    W_in, W_out, ids, negatives = case
    counting_in, counting_out = counted(W_in.copy()), counted(W_out.copy())
    loss = step(counting_in, counting_out, ids, WINDOW, negatives, 0.5)
    assert loss == plain[0]
    np.testing.assert_array_equal(counting_in, plain[1])
    np.testing.assert_array_equal(counting_out, plain[2])


def test_operations_of_the_sampling_step_by_hand():
    """Per target: window C·H and division H; K + 1 dots, dh, dw; sigmoid and loss; two updates."""
    n = K + 1
    window = C * H + H
    products = 2 * H * n + 2 * H * n + H * n
    questions = 5 * n + 2 * n + K  # −, exp, +, ÷, − label; log and its sum; 1 − y
    updates = H * n + H * n + H + C * H  # −lr·dw, its adding, dh scaled, its adding
    expected = window + products + questions + updates
    # The sum of the loss is made once for all: two negations in Python floats, not counted.
    assert count_of(rungs.touched_rows).operations == B * expected


def test_softmax_costs_grow_with_the_vocabulary_and_sampling_does_not():
    for step in SOFTMAX:
        assert count_of(step, V=2000).operations > 1.9 * count_of(step, V=1000).operations
    for step in (rungs.touched_rows, rungs.sliding_sums, rungs.shared_negatives):
        assert count_of(step, V=2000).operations == count_of(step, V=1000).operations
        assert count_of(step, V=2000).bytes == count_of(step, V=1000).bytes


def test_only_whole_gradients_move_whole_matrices():
    matrix = 4 * 1000 * H
    for step, matrices in ((rungs.layer_by_layer, C + K + 1), (rungs.one_einsum, 2)):
        assert count_of(step, V=1000).bytes > matrices * matrix
    assert count_of(rungs.touched_rows, V=1000).bytes < matrix


def test_sliding_sums_do_not_care_about_the_window():
    def inner(window):  # what the words at the two ends cost is left out
        long, short = (count_of(rungs.sliding_sums, window=window, B=B) for B in (400, 200))
        return long.operations - short.operations

    assert inner(2) == inner(10)
    long, short = (count_of(rungs.touched_rows, window=w, B=200).operations for w in (10, 2))
    assert long - short == 200 * 2 * 16 * H  # each further context: one addition in, one out


@pytest.mark.parametrize("size", [1, 10])
def test_compiled_work(size):
    """The engine's arithmetic for CBOW: six operations a number and row, and the sliding sums."""
    operations, traffic = rungs.compiled_work(H=size, K=5, C=10)
    assert operations == 36 * size + 10 * size
    assert traffic == 4 * size * 15
    assert rungs.compiled_work(size, 5, 10, "skipgram")[0] == 360 * size + size
    assert rungs.compiled_work(size, 5, 10, "skipgram", True) == (360 * size, 4 * size * 32)
