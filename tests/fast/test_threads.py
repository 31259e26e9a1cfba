"""Several threads: their own copies of the frequent rows, and how these come together again.

What two threads do at once cannot be foretold.  What each of them does can: here they take turns.
"""

import numpy as np
import pytest

from w2vlib import Corpus, fast
from w2vlib.fast import engine, kernels, plan

OPTIONS = {"hidden_size": 12, "window_size": 3, "sample_size": 4, "seed": 5, "progress": False}


@pytest.fixture
def corpus():
    rng = np.random.default_rng(1)
    zipf = 1 / np.arange(1, 301)
    ids = rng.choice(300, size=2 * plan.STRETCH, p=zipf / zipf.sum()).astype(np.int32)
    ids[:300] = np.arange(300)
    return Corpus(ids, [f"w{i}" for i in range(300)], np.arange(0, len(ids), 25))


def weights(trainer):
    return np.concatenate(trainer.get_weights())


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_what_two_threads_learn_is_added(corpus, model, monkeypatch):
    """Without mergers on the way: W + (what the first learned) + (what the second learned)."""
    monkeypatch.setattr(plan, "PAUSE", 10**9)

    def run(threads, parts):
        """Each worker trains on its part, one after the other; then all merge."""
        trainer = fast.FastTrainer(corpus, model=model, threads=threads, **OPTIONS)
        start = weights(trainer)
        workers = [engine._Worker(trainer, i) for i in range(threads)]
        for worker, (begin, end) in zip(workers, parts, strict=False):
            orders = worker._orders(0, len(corpus.ids), begin, end)
            text, outputs = trainer._text, trainer._outputs
            worker.function(text, worker.net, outputs, worker.scratch, orders)
        for worker in workers:
            kernels.merge_all(worker.net)
        return start, weights(trainer)

    halves = [(0, plan.STRETCH), (plan.STRETCH, 2 * plan.STRETCH)]
    start, first = run(1, halves[:1])
    _, second = run(1, halves[1:])
    same_start, both = run(2, halves)
    np.testing.assert_array_equal(start, same_start)
    expected = start + (first - start) + (second - start)
    assert np.abs(first - start).max() > 0.01  # something was learned
    np.testing.assert_allclose(both, expected, atol=2e-6)


def test_compiling_in_advance_changes_no_weight(corpus):
    trainer = fast.FastTrainer(corpus, threads=2, **OPTIONS)
    before = weights(trainer)
    trainer.compile()
    np.testing.assert_array_equal(weights(trainer), before)


def test_training_goes_on_from_given_weights(corpus):
    """The copies are made when training begins, not before."""
    trainer = fast.FastTrainer(corpus, threads=2, max_epoch=1, lr=1e-12, **OPTIONS)
    given = [np.full_like(W, 0.5) for W in trainer.get_weights()]
    trainer.set_weights(*given)
    trainer.fit()
    np.testing.assert_allclose(weights(trainer), 0.5, atol=1e-6)


@pytest.mark.parametrize(
    ("vocab_size", "threads", "ends", "pauses"),
    [
        (40, 2, [40], [500]),
        (64, 2, [64], [500]),
        (600, 2, [64, 512, 600], [500, 2000, 8000]),
        (10_000, 4, [64, 512, 4096, 10_000], [250, 1000, 4000, 16_000]),
        (10_000, 1, [], []),
    ],
)
def test_tiers(vocab_size, threads, ends, pauses):
    tier_end, every = plan.tiers(plan.Shape(vocab_size, 100, 5, threads))
    assert tier_end.tolist() == ends
    assert every.tolist() == pauses


def test_copies_stay_small_beside_large_matrices():
    """Copies and bases of both matrices: 64 MiB at most, or a tenth of the matrices."""
    for vocab_size, threads in ((100_000, 2), (100_000, 16), (3_000_000, 2), (3_000_000, 64)):
        shape = plan.Shape(vocab_size, 300, 5, threads)
        copies = 4 * shape.hot * threads * shape.stride * 4
        matrices = 2 * vocab_size * shape.stride * 4
        assert 0 < copies <= max(64 << 20, matrices / 10)
    assert plan.Shape(10_000, 100, 5, 2).hot == 10_000
    assert plan.Shape(10_000, 100, 5, 1).hot == 0


def test_each_tier_is_merged_when_it_is_due(corpus):
    """After n comparisons only the tiers with a pause of at most n have reached the others."""
    trainer = fast.FastTrainer(corpus, threads=2, **OPTIONS)
    worker = engine._Worker(trainer, 1)  # the last: its first pause is a whole one
    net = worker.net
    assert net.tier_end.tolist() == [64, 300]
    assert net.due.tolist() == [500, 2000]
    common = trainer.weights.rows("W_in")
    before = common.copy()
    for begin, changed in ((0, 0), (400, 64), (1000, 64), (1900, 300)):
        orders = worker._orders(0, len(corpus.ids), begin, begin + 200)
        net.done[0] = begin
        worker.function(trainer._text, net, trainer._outputs, worker.scratch, orders)
        rows = np.flatnonzero((common != before).any(axis=1))
        assert (rows.max(initial=-1) < changed) and (changed == 0 or len(rows) > 0)
        assert (rows >= 64).any() == (changed == 300)
