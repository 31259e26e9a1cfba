"""Training with the GPU kernels on the stand-in: interface and results of the CPU engine."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.gpu import host_build
from tests.gpu.strict_cupy import counting
from w2vlib import CBOW, SGD, Corpus, SkipGram, Trainer, datasets, fast
from w2vlib.fast import plan

pytestmark = pytest.mark.skipif(
    host_build.COMPILER is None, reason="needs a C++ compiler (g++) to run the CUDA text on the CPU"
)
# One shape for all, so that the kernels are compiled once.
SHAPE = {"hidden_size": 6, "window_size": 3, "sample_size": 5, "progress": False}
KINDS = [
    {},
    {"shrink_windows": True, "subsample": 1e-2},
    {"model": "skipgram"},
    {"model": "skipgram", "share_negatives": True},
    {"deterministic": True},
    {"model": "skipgram", "share_negatives": True, "deterministic": True, "subsample": 1e-2},
]


def cut(size):
    """The first tokens of the embedded text."""
    full = datasets.load("embedded")
    kept, ids = np.unique(full.ids[:size], return_inverse=True)
    starts = full.sentence_starts[full.sentence_starts < size]
    return Corpus(ids, [full.words[i] for i in kept], starts)


@pytest.fixture(scope="module")
def corpus():
    return cut(2000)


def trainer(corpus, **options):
    from w2vlib.fast.gpu import GpuTrainer

    return GpuTrainer(corpus, **{"seed": 7, "max_epoch": 2, **SHAPE, **options})


@pytest.mark.parametrize("options", KINDS)
def test_it_learns_and_the_seed_decides(device, corpus, options):
    options = {"lr": 0.3 if options.get("model") is None else 0.1} | options
    first = trainer(corpus, **options).fit()
    assert first.epoch == len(first.loss_list) == 2
    assert first.loss_list[0] > first.loss_list[1]
    assert first.lr == pytest.approx(first.final_lr)
    vectors = first.word_vectors().vectors
    assert vectors.shape == (corpus.vocab_size, 6) and np.isfinite(vectors).all()
    again = trainer(corpus, **options).fit()
    assert (again.word_vectors().vectors == vectors).all()
    other = trainer(corpus, max_epoch=1, seed=8, **options).fit()
    assert not np.allclose(other.word_vectors().vectors, vectors)


@pytest.mark.parametrize("options", [{}, {"model": "skipgram"}, KINDS[3]])
def test_as_good_as_the_cpu_engine(device, options):
    """The same first weights, the same loss to a per cent: one warp sees the text as one thread."""
    corpus = cut(4000)
    here = fast.FastTrainer(corpus, seed=1, max_epoch=2, **SHAPE, **options).fit()
    there = trainer(corpus, seed=1, max_epoch=2, warps=1, **options).fit()
    assert there.loss_list == pytest.approx(here.loss_list, rel=0.01)
    assert there.targets == here.targets
    assert there.history[-1][0] == here.history[-1][0] == 2 * len(corpus.ids)


@pytest.mark.parametrize("options", [{}, {**KINDS[3], "lr": 0.1}])
def test_many_warps_stay_within_the_spread_of_the_seeds(device, options, monkeypatch):
    """Warps that take turns, on the embedded text, at the worst: when little is learned as yet."""
    monkeypatch.setattr(host_build, "together", 1000)
    corpus = cut(10_000)

    def losses(make, seeds, **more):
        options_of = {"max_epoch": 2, **SHAPE, **options, **more}
        return [make(corpus, seed=seed, **options_of).fit().loss_list[-1] for seed in range(seeds)]

    here, there = losses(fast.FastTrainer, 5), losses(trainer, 2)
    assert np.mean(there) - np.mean(here) < 3 * np.std(here, ddof=1)
    if not options:  # what the growing number of warps is good for
        (all_at_once,) = losses(trainer, 1, warps=256, tokens_per_warp=0)
        assert all_at_once - np.mean(here) > 10 * np.std(here, ddof=1)


def test_a_fixed_order_costs_a_per_cent(device):
    """Batches of 512 targets from the beginning would cost eight."""
    corpus, options = cut(10_000), {"seed": 0, "max_epoch": 2, **SHAPE}
    here = fast.FastTrainer(corpus, **options).fit().loss
    there = trainer(corpus, deterministic=True, warps=8, **options).fit().loss
    assert there == pytest.approx(here, rel=0.01)


def test_batches_grow(device, corpus):
    """By hand: a target for every tenth of 1,000 tokens so far, at least 16, at most 512."""
    ready = trainer(corpus, deterministic=True)
    grown = list(ready._batches(2000, 0))
    assert grown[:2] == [(0, 16), (16, 32)] and grown[100] == (1600, 1616)
    assert [end - begin for begin, end in grown[-3:]] == [19, 19, 2000 - grown[-1][0]]
    assert all(a[1] == b[0] for a, b in zip(grown, grown[1:], strict=False))
    assert list(ready._batches(1000, 60_000)) == [(0, 512), (512, 1000)]
    ready.tokens_per_warp = 0
    assert list(ready._batches(1000, 0)) == [(0, 512), (512, 1000)]


def test_draws_are_those_of_the_cpu_engine(device, corpus):
    """The kernel's tries are ``draw_many`` of the compiled loops, number by number."""
    from w2vlib.fast.gpu.launch import Draws, Kernels, Rates
    from w2vlib.fast.kernels import draw_many

    xp, key, size = device, 12345, 500
    order = plan.Order(np.asarray(corpus.counts))
    table = plan.noise_table(order.counts[order.id_of], 0.75)
    kernels = Kernels("cbow", corpus.vocab_size, 6, 3, 5, warps=4)
    tokens = np.asarray(order.row_of[corpus.ids[:size]])
    spans = np.full(size, 1 | 1 << 16, np.uint32)
    spans[0], spans[-1] = 1 << 16, 1
    W = kernels.matrix(np.zeros((corpus.vocab_size, 6)))
    rows = {}

    def keep(W_out, out_rows, *rest):
        rows.setdefault("out", out_rows.get())

    kernels._add_sorted = keep
    kernels.run_in_order(
        W,
        W,
        xp.asarray(tokens),
        xp.asarray(spans),
        0,
        size,
        Rates(0.1, 0.1, size),
        Draws(xp.asarray(table), key=key),
    )
    got = rows["out"].reshape(size, 6)
    assert (got[:, 0] == tokens).all()
    expected = draw_many(table, np.uint64(key), 5 * size).reshape(size, 5)
    same = got[:, 1:] == expected
    assert same[expected != tokens[:, None]].all()  # a target itself is drawn again
    assert not (got[:, 1:] == tokens[:, None]).any()
    assert (expected == tokens[:, None]).any()


def test_windows_shrink_evenly(device, corpus):
    from w2vlib.fast.gpu.launch import Draws, Kernels, Rates

    xp, size = device, 3000
    kernels = Kernels("cbow", corpus.vocab_size, 6, 3, 5, shrink=True, warps=4)
    counted = {}

    def keep(W, rows, *rest):
        counted["rows"] = rows.get()

    kernels._add_sorted = keep
    tokens = xp.zeros(size, dtype=np.int32)
    tokens[...] = 1
    spans = xp.full(size, 3 | 3 << 16, dtype=np.uint32)
    spans[:3] = 0
    spans[size - 3 :] = 0
    W = kernels.matrix(np.zeros((corpus.vocab_size, 6)))
    table = xp.asarray(plan.noise_table(np.ones(corpus.vocab_size), 0.0))
    kernels.run_in_order(
        W, W, tokens, spans, 0, size, Rates(0.1, 0.1, size), Draws(table, reach_key=5)
    )
    widths = (counted["rows"].reshape(size, 6) == 1).sum(axis=1)[3:-3]
    seen = np.bincount(widths, minlength=7)
    assert seen[[0, 1, 3, 5]].sum() == 0
    assert (np.abs(seen[[2, 4, 6]] - len(widths) / 3) < 5 * np.sqrt(len(widths) / 3)).all()


def test_subsampling_drops_the_tokens_that_the_cpu_engine_drops(device, corpus):
    here = fast.FastTrainer(corpus, seed=3, subsample=1e-2, max_epoch=1, **SHAPE)
    there = trainer(corpus, seed=3, subsample=1e-2, max_epoch=1)
    assert here._key == there._key
    here.fit(), there.fit()
    assert there.targets == here.targets < len(corpus.ids)


@pytest.mark.parametrize("block", [1 << 24, 4, 1])
def test_spans_by_hand(device, monkeypatch, block):
    from w2vlib.fast.gpu import launch
    from w2vlib.fast.gpu.launch import DeviceText

    monkeypatch.setattr(launch, "_BLOCK", block)
    corpus = Corpus(np.zeros(9, int), ["a"], [0, 1, 4])
    order = plan.Order(np.asarray(corpus.counts))
    _, spans = DeviceText(plan.make_text(corpus, order), 2, device).epoch(0)
    spans = spans.get()
    assert (spans & 0xFFFF).tolist() == [0, 0, 1, 2, 0, 1, 2, 2, 2]
    assert (spans >> 16).tolist() == [0, 2, 1, 0, 2, 2, 2, 1, 0]


@pytest.mark.parametrize("options", [{}, {"deterministic": True}, {"subsample": 1e-2}])
def test_an_epoch_copies_nothing(device, corpus, options, monkeypatch):
    from w2vlib.fast.gpu import launch
    from w2vlib.fast.gpu import trainer as module

    monkeypatch.setattr(launch, "MOST_PIECES", 2)  # many launches
    monkeypatch.setattr(module, "IN_ORDER", 400)

    def train(epochs):
        ready = trainer(corpus, max_epoch=epochs, warps=2, **options)
        ready.compile()
        host_build.launches.clear()
        with counting() as n:
            ready.fit()
        return n, len(host_build.launches)

    (one, launches), (three, more) = train(1), train(3)
    assert launches > 4 and more > 1.5 * launches  # in order: later ones are larger
    # One fetch for an epoch, with subsampling one wait for the number of tokens that stay.
    assert (one.to_host, three.to_host) == (1, 3)
    assert one.waits == ("subsample" in options) and three.waits == 3 * one.waits
    assert one.to_device == three.to_device == one.scalars == three.scalars == 0


def test_launches_are_as_large_as_they_should_be(device, corpus):
    host_build.launches.clear()
    trainer(corpus, max_epoch=1).fit()
    ring = 2 * (2 * 3 + 2) * 8 * 4
    assert host_build.launches == [("train_cbow", 8, ring)]  # at the beginning eight warps
    host_build.launches.clear()
    trainer(corpus, max_epoch=1, tokens_per_warp=0).fit()
    assert host_build.launches == [("train_cbow", 16, ring)]  # 16 pieces of text
    host_build.launches.clear()
    trainer(corpus, max_epoch=1, model="skipgram", warps=7).fit()
    assert host_build.launches == [("train_skipgram", 7, 0)]


def test_as_many_warps_as_have_room(device, monkeypatch):
    """By hand, for the sizes of an H200: 132 multiprocessors, 228 kB and 65,536 registers each."""
    from w2vlib.fast.gpu.launch import Kernels

    kernels = Kernels("cbow", 9, 6, 3, 5)
    assert kernels.warps == 132 * 21  # 94 registers for each of 32 threads
    kernels.ring_bytes = 28_800  # H = 300, w = 5: 7 such windows
    assert kernels.usual_warps() == 132 * 7
    monkeypatch.setattr(kernels._function("train_cbow"), "num_regs", 40)
    kernels.ring_bytes = 512
    assert kernels.usual_warps() == 132 * 32  # no more blocks than that
    kernels.ring_bytes = 200 << 10
    assert kernels.usual_warps() == 132


def test_the_more_is_learned_the_more_warps_work():
    """By hand: at least 8 warps, 4 pieces of 128 targets each, until all of them work."""
    from w2vlib.fast.gpu.launch import MOST_PIECES, PIECE, stretches

    growing = [(0, 4096, 8), (4096, 8192, 8), (8192, 16384, 16), (16384, 20000, 32)]
    assert list(stretches(20000, 0, most=100, tokens_per_warp=500)) == growing
    assert list(stretches(5000, 0, most=40, tokens_per_warp=100)) == [
        (0, 4096, 8),
        (4096, 5000, 40),
    ]
    assert list(stretches(20000, 60000, most=100, tokens_per_warp=500)) == [(0, 20000, 100)]
    assert list(stretches(20000, 0, most=100, tokens_per_warp=0)) == [(0, 20000, 100)]
    assert list(stretches(20000, 0, most=1)) == [(0, 20000, 1)]
    step = MOST_PIECES * PIECE
    assert list(stretches(step + 1, 0, 5, 0)) == [(0, step, 5), (step, step + 1, 5)]
    assert list(stretches(0, 0, 5)) == []


# ---- the interface -------------------------------------------------------------------------------


def test_fast_train(device, corpus):
    vectors = fast.train(corpus, device="gpu", seed=7, max_epoch=2, **SHAPE)
    expected = trainer(corpus).fit().word_vectors()
    assert (vectors.vectors == expected.vectors).all() and vectors.words == expected.words
    with pytest.raises(ValueError, match="device must be one of"):
        fast.train(corpus, device="tpu", **SHAPE)


def test_without_a_gpu_the_cpu_trains(no_device, corpus):
    with pytest.warns(UserWarning, match="No usable GPU"):
        there = fast.train(corpus, device="gpu", seed=7, max_epoch=1, **SHAPE)
    here = fast.train(corpus, seed=7, max_epoch=1, **SHAPE)
    assert (there.vectors == here.vectors).all()


def test_callbacks_weights_and_stop(device, corpus):
    seen = []

    def watch(t):
        seen.append((t.epoch, float(np.abs(t.word_vectors().vectors).sum())))
        if t.epoch == 2:
            t.stop()

    ready = trainer(corpus, max_epoch=9)
    ready.fit([watch])
    assert [epoch for epoch, _ in seen] == [1, 2] and seen[0][1] != seen[1][1]
    W_in, W_out = ready.get_weights()
    assert (W_in == ready.word_vectors().vectors).all()
    other = trainer(corpus, max_epoch=1, lr=1e-12)
    other.set_weights(device.asarray(W_in), W_out)
    other.fit()
    np.testing.assert_allclose(other.get_weights()[1], W_out, rtol=1e-6)


def test_a_row_is_longer_than_needed_and_stays_zero_there(device, corpus):
    ready = trainer(corpus, max_epoch=1).fit()
    for W in ready._net:
        assert W.shape[1] == 8 and not W[:, 6:].get().any() and W[:, :6].get().any()


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
def test_a_model_on_the_device_trains_there(device, corpus, kind):
    """``Trainer(engine="fast")``: the arrays decide where."""

    def run(where, **options):
        model = kind(corpus.vocab_size, 6, 3, corpus, seed=0)
        runner = Trainer(
            model, SGD(0.1), seed=1, engine="fast", device=where, progress=False, **options
        )
        runner.fit_corpus(corpus, 2)
        return runner

    here, there = run(None), run("gpu")
    assert all(isinstance(p, device.ndarray) for p in there.model.params)
    assert there.epoch == 2 and there.words_per_second > 0
    assert there.loss_list[-1] == pytest.approx(here.loss_list[-1], rel=0.02)
    mine, theirs = there.model.word_vecs.get(), here.model.word_vecs  # other draws, same directions
    assert np.corrcoef(mine.ravel(), theirs.ravel())[0, 1] > 0.6


def test_ids_outside_are_refused_before_the_training(device, corpus):
    """A corpus of someone's own, unchecked: the device would wrap id V to 0."""
    from w2vlib.fast.gpu import update

    for wrong in (corpus.vocab_size, -1):
        ids = corpus.ids.copy()
        ids[77] = wrong
        bad = SimpleNamespace(
            ids=ids,
            words=corpus.words,
            counts=corpus.counts,
            sentence_starts=corpus.sentence_starts,
            vocab_size=corpus.vocab_size,
        )
        with pytest.raises(IndexError, match=rf"corpus.ids\[77\] is {wrong}, but ids must lie"):
            trainer(bad).fit()
        W, negatives = np.zeros((corpus.vocab_size, 6)), np.full((2000, 5), wrong)
        with pytest.raises(IndexError, match=rf"negatives\[0, 0\] is {wrong}"):
            update(W, W, corpus, window_size=3, negatives=negatives)


def test_diverging_training_says_what_to_do(device, corpus):
    with pytest.raises(FloatingPointError, match="Use a smaller lr than 1e"):
        trainer(corpus, lr=1e30).fit()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "hierarchical_softmax"}, "on the GPU loss must be"),
        ({"hidden_size": 513}, "hidden_size must be at most 512"),
        ({"window_size": 2000}, r"window_size must be at most \d+ for hidden_size=6"),
        ({"warps": 0}, "warps"),
        ({"tokens_per_warp": -1}, "tokens_per_warp"),
        ({"sample_size": 1000}, "sample_size must be at most 300"),
    ],
)
def test_wrong_options(device, corpus, options, words):
    with pytest.raises(ValueError, match=words):
        trainer(corpus, **options)
    with pytest.raises(ValueError, match="checkpoints"):
        trainer(corpus).fit(resume=True)


def test_the_largest_window_that_is_offered_fits(device, corpus):
    from w2vlib.fast.gpu.launch import Kernels

    with pytest.raises(ValueError, match="at most") as caught:
        Kernels("cbow", 9, 100, 3000, 5)
    fits = int(str(caught.value).split("at most ")[1].split()[0])
    limit = device.cuda.Device().attributes["MaxSharedMemoryPerBlockOptin"]
    assert 2 * (2 * fits + 2) * 400 <= limit < 2 * (2 * (fits + 1) + 2) * 400
