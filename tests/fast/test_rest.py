"""A compiled training that rests, or stops, in the middle of an epoch."""

import functools
import signal
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from w2vlib import CBOW, SGD, Corpus, Trainer, create_contexts_target, fast
from w2vlib.fast import engine, plan

STRETCHES = 5


@pytest.fixture(scope="module")
def corpus():
    ids = np.random.default_rng(1).integers(0, 200, STRETCHES * plan.STRETCH).astype(np.int32)
    ids[:200] = np.arange(200)
    return Corpus(ids, [f"w{i}" for i in range(200)], np.arange(0, len(ids), 25))


def own(corpus, threads=1):
    """The compiled trainer by itself: the trainer, how to train, and its weights."""
    trainer = fast.FastTrainer(
        corpus, hidden_size=8, max_epoch=1, threads=threads, seed=3, progress=False
    )
    return trainer, trainer.fit, trainer.get_weights


def behind(corpus, threads=1):
    """The same behind a ``Trainer``."""
    model = CBOW(corpus.vocab_size, 8, 2, corpus, seed=3)
    trainer = Trainer(model, SGD(0.1), engine="fast", seed=3, progress=False)
    return trainer, lambda: trainer.fit_corpus(corpus, 1, threads=threads), lambda: model.params


def layers(corpus, threads=1):
    """The layers: resting is between two batches there."""
    model = CBOW(corpus.vocab_size, 8, 2, corpus, seed=3)
    trainer = Trainer(model, SGD(0.1), seed=3, progress=False)
    data = create_contexts_target(corpus, 2, partial=True)
    fit = functools.partial(trainer.fit, *data, 1, 10_000)
    return trainer, fit, lambda: model.params


def after(monkeypatch, stretches, then):
    """Call ``then`` when so many stretches of text (or batches) are done."""
    done = [0]

    def counting(function):
        def counted(*args, **options):
            result = function(*args, **options)
            done[0] += 1
            if done[0] == stretches:
                then()
            return result

        return counted

    monkeypatch.setattr(engine._Epoch, "done", counting(engine._Epoch.done))
    monkeypatch.setattr(Trainer, "_step", counting(Trainer._step))
    return done


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [own, behind, layers])
def test_a_rest_within_an_epoch_changes_nothing(corpus, make, threads, monkeypatch):
    _, fit, weights = make(corpus, threads)
    fit()
    plain = [W.copy() for W in weights()]
    trainer, fit, weights = make(corpus, threads)
    done = after(monkeypatch, 2, lambda: setattr(trainer, "resting", True))
    training = threading.Thread(target=fit)
    training.start()
    end = time.monotonic() + 60
    while not trainer.resting:
        assert time.monotonic() < end
        time.sleep(0.01)
    time.sleep(0.3)  # the stretches in work are finished
    rested = done[0]
    assert 2 <= rested < 2 + threads
    time.sleep(0.3)
    assert done[0] == rested and training.is_alive()
    trainer.resting = False
    training.join(60)
    assert done[0] == STRETCHES
    if threads == 1:
        for W, same in zip(weights(), plain, strict=True):
            np.testing.assert_array_equal(W, same)


@pytest.mark.parametrize("make", [own, behind, layers])
def test_a_stop_within_an_epoch(corpus, make, monkeypatch):
    trainer, fit, weights = make(corpus)
    before = [W.copy() for W in weights()]
    done = after(monkeypatch, 2, lambda: trainer.stop())
    fit()
    assert done[0] == 2 and trainer.epoch == 0 and not trainer.interrupted
    assert any((W != old).any() for W, old in zip(weights(), before, strict=True))
    assert getattr(trainer, "compiled", None) is None


@pytest.mark.parametrize("make", [own, behind, layers])
def test_a_stop_in_a_rest(corpus, make, monkeypatch):
    """Whoever rests can still be told to stop, and does not take another step."""
    trainer, fit, _ = make(corpus)

    def rest_and_be_stopped():
        trainer.resting = True
        threading.Timer(0.2, trainer.stop).start()

    done = after(monkeypatch, 1, rest_and_be_stopped)
    fit()
    assert done[0] == 1 and trainer.epoch == 0


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("make", [own, behind, layers])
def test_a_rest_is_no_training_time(corpus, make, threads, monkeypatch):
    """A rest of a thousand seconds, on a clock that is put forward in each nap."""
    trainer, fit, _ = make(corpus, threads)
    naps = []

    def nap(seconds):
        naps.append(100)
        if len(naps) == 10:
            trainer.resting = False

    clock = SimpleNamespace(perf_counter=lambda: time.perf_counter() + sum(naps), sleep=nap)
    monkeypatch.setattr("w2vlib.trainer.time", clock)
    done = after(monkeypatch, 2, lambda: setattr(trainer, "resting", True))
    fit()
    assert len(naps) == 10 and done[0] == STRETCHES
    assert 0 < len(corpus.ids) / trainer.words_per_second < 100


@pytest.mark.parametrize("make", [own, layers])
def test_ctrl_c_is_heard_in_a_rest(corpus, make, monkeypatch, tmp_path):
    """Also where it waits for a checkpoint, which is written then; training goes on from there."""
    trainer, fit, weights = make(corpus)
    fit()
    plain = [W.copy() for W in weights()]
    trainer, fit, weights = make(corpus)

    def rest_and_be_interrupted():
        trainer.resting = True
        threading.Timer(0.2, signal.raise_signal, [signal.SIGINT]).start()

    done = after(monkeypatch, 2, rest_and_be_interrupted)
    fit(checkpoint=tmp_path)
    assert done[0] == 2 and trainer.interrupted
    assert len(list(tmp_path.glob("checkpoint-*.npz"))) == 1
    trainer, fit, weights = make(corpus)
    fit(checkpoint=tmp_path, resume=True)
    assert done[0] == STRETCHES
    for W, same in zip(weights(), plain, strict=True):
        np.testing.assert_array_equal(W, same)


def test_the_compiled_trainer_can_be_looked_at(corpus, monkeypatch):
    """While a ``Trainer`` lets it work, and not afterwards."""
    trainer, fit, _ = behind(corpus)
    seen = []
    after(monkeypatch, 2, lambda: seen.append((trainer.compiled.tokens, trainer.compiled.lr)))
    fit()
    assert seen == [(2 * plan.STRETCH, 0.1)]
    assert trainer.compiled is None
