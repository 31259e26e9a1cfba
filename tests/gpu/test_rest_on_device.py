"""The trainer on the GPU rests and stops between two launches, not only between two epochs."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from tests.gpu import host_build
from w2vlib import CBOW, SGD, Corpus, Trainer
from w2vlib.widgets import TrainingMonitor

pytestmark = pytest.mark.skipif(
    host_build.COMPILER is None, reason="needs a C++ compiler (g++) to run the CUDA text on the CPU"
)
SHAPE = {"hidden_size": 6, "window_size": 3, "sample_size": 5, "progress": False}
SIZE, LAUNCH = 2000, 256  # tokens of an epoch and of a launch: eight launches
LAUNCHES = -(-SIZE // LAUNCH)
KINDS = [{}, {"deterministic": True}]


@pytest.fixture(scope="module")
def corpus():
    ids = np.random.default_rng(1).integers(0, 50, SIZE).astype(np.int32)
    ids[:50] = np.arange(50)
    return Corpus(ids, [f"w{i}" for i in range(50)], np.arange(0, SIZE, 25))


@pytest.fixture(autouse=True)
def _small_launches(device, monkeypatch):
    from w2vlib.fast.gpu import launch
    from w2vlib.fast.gpu import trainer as module

    monkeypatch.setattr(launch, "MOST_PIECES", LAUNCH // launch.PIECE)
    monkeypatch.setattr(module, "IN_ORDER", LAUNCH)
    device.cuda.Event.unfinished = device.cuda.Event.most_unfinished = 0


def trainer(corpus, **options):
    from w2vlib.fast.gpu import GpuTrainer

    options = {"seed": 7, "max_epoch": 1, "tokens_per_warp": 0, "warps": 2} | SHAPE | options
    return GpuTrainer(corpus, **options)


def after(monkeypatch, launches, then):
    """Call ``then`` when there were so many launches; the list holds the end of each."""
    from w2vlib.fast.gpu.launch import Kernels

    ends = []

    def counting(run):
        def counted(kernels, W_in, W_out, tokens, spans, begin, end, *rest):
            result = run(kernels, W_in, W_out, tokens, spans, begin, end, *rest)
            ends.append(end)
            if len(ends) == launches:
                then()
            return result

        return counted

    for name in ("run", "run_in_order"):
        monkeypatch.setattr(Kernels, name, counting(getattr(Kernels, name)))
    return ends


@pytest.mark.parametrize("options", KINDS)
def test_a_rest_within_an_epoch_changes_nothing(corpus, options, monkeypatch):
    plain = trainer(corpus, **options).fit()
    ready = trainer(corpus, **options)
    ends = after(monkeypatch, 3, lambda: setattr(ready, "resting", True))
    training = threading.Thread(target=ready.fit)
    training.start()
    end = time.monotonic() + 60
    while not ready.resting:
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(ends) == 3 and training.is_alive()
    ready.resting = False
    training.join(60)
    assert len(ends) == LAUNCHES and ready.epoch == 1
    for mine, same in zip(ready.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, same)
    assert ready.loss_list == plain.loss_list and ready.history == plain.history


@pytest.mark.parametrize("options", KINDS)
def test_a_stop_within_an_epoch(corpus, options, monkeypatch):
    """What was learned on the way is kept and told: losses, tokens, learning rate."""
    ready, called = trainer(corpus, lr=0.3, max_epoch=3, **options), []
    before = ready.get_weights()
    ends = after(monkeypatch, 3, ready.stop)
    ready.fit([called.append])
    assert ends == [LAUNCH, 2 * LAUNCH, 3 * LAUNCH]
    assert ready.epoch == 0 and not called and not ready.interrupted
    assert ready.tokens == 3 * LAUNCH == ready.history[-1][0]
    assert len(ready.loss_list) == 1 and ready.targets == 3 * LAUNCH
    done = 3 * LAUNCH / (3 * SIZE)
    assert ready.lr == pytest.approx(0.3 + (ready.final_lr - 0.3) * done)
    assert all((new != old).any() for new, old in zip(ready.get_weights(), before, strict=True))


def test_a_stop_in_the_last_launch_is_an_epoch(corpus, monkeypatch):
    ready, called = trainer(corpus, max_epoch=3), []
    after(monkeypatch, LAUNCHES, ready.stop)
    ready.fit([lambda t: called.append(t.epoch)])
    assert called == [1] and ready.epoch == 1 and ready.tokens == SIZE


@pytest.mark.parametrize("options", [{}, {"subsample": 1e-2}])
def test_a_stop_before_the_first_launch(corpus, options, monkeypatch):
    """Told so in a rest that began before the training."""
    ready = trainer(corpus, **options)
    before = ready.get_weights()[0]
    ready.resting = True
    threading.Timer(0.3, ready.stop).start()
    ends = after(monkeypatch, 1, lambda: None)
    ready.fit()
    assert not ends and ready.epoch == ready.tokens == 0 and ready.loss_list == []
    assert (ready.get_weights()[0] == before).all() and ready.lr == ready.first_lr


def test_a_rest_is_no_training_time(corpus, monkeypatch):
    """A rest of a thousand seconds, on a clock that is put forward in each nap."""
    ready, naps = trainer(corpus), []
    ready.compile()

    def nap(seconds):
        naps.append(100)
        if len(naps) == 10:
            ready.resting = False

    clock = SimpleNamespace(perf_counter=lambda: time.perf_counter() + sum(naps), sleep=nap)
    monkeypatch.setattr("w2vlib.trainer.time", clock)
    after(monkeypatch, 2, lambda: setattr(ready, "resting", True))
    ready.fit()
    assert len(naps) == 10 and ready.epoch == 1
    assert 0 < ready.tokens / ready.words_per_second < 100


def test_the_host_is_two_launches_ahead_and_waits_before_a_rest(corpus, device, monkeypatch):
    event, seen, ready = device.cuda.Event, [], trainer(corpus)

    def nap(seconds):
        seen.append(event.unfinished)
        ready.resting = False

    clock = SimpleNamespace(perf_counter=time.perf_counter, sleep=nap)
    monkeypatch.setattr("w2vlib.trainer.time", clock)
    after(monkeypatch, 5, lambda: setattr(ready, "resting", True))
    ready.fit()
    assert seen == [0]  # all that was launched is done, and its time is counted
    assert event.most_unfinished == 3  # the third one waits at once for the first


def test_behind_a_trainer_and_watched(corpus, monkeypatch):
    """``Trainer(engine="fast", device="gpu")`` is told to rest and to stop, not its engine."""
    from w2vlib.fast.gpu import launch

    monkeypatch.setattr(launch, "LEAST_WARPS", 1)  # 512 tokens a launch
    model = CBOW(corpus.vocab_size, 6, 3, corpus, seed=0)
    there = Trainer(model, SGD(0.1), seed=1, engine="fast", device="gpu", progress=False)
    monitor = TrainingMonitor(there, live=False)
    halfway = threading.Event()
    ends = after(monkeypatch, 2, lambda: (monitor.pause(), halfway.set()))
    monitor.fit_corpus(corpus, 3, background=True)
    assert halfway.wait(60)
    time.sleep(0.3)
    assert ends == [512, 1024] and monitor.log.status == "paused"
    monitor.stop()
    monitor.wait(60)
    assert monitor.log.status == "stopped, and kept"
    assert len(ends) == 2 and there.epoch == 0
    assert len(there.loss_list) == 2 and np.isfinite(there.loss_list).all()
