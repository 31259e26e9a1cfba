"""The training monitor without a browser: what it sees, how it halts, what it leaves behind."""

import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

from w2vlib import CBOW, SGD, Adam, Trainer, build_corpus
from w2vlib.fast import FastTrainer
from w2vlib.widgets import TrainingMonitor
from w2vlib.widgets.training_log import MOST_QUESTIONS, Moment, TrainingLog

rng = np.random.default_rng(0)
TEXT = " ".join(f"w{i}" for i in rng.zipf(1.5, size=6000) % 60)
CORPUS = build_corpus(TEXT)
PROBES = list(CORPUS.words[:2])
QUESTIONS = {"all": [tuple(CORPUS.words[i : i + 4]) for i in range(3)]}


def layers(seed=0):
    model = CBOW(CORPUS.vocab_size, 8, 2, CORPUS.ids, seed=seed)
    return Trainer(model, SGD(0.1), seed=seed, progress=False)


def compiled(seed=0, epochs=3):
    return FastTrainer(
        CORPUS, hidden_size=8, window_size=2, max_epoch=epochs, seed=seed, progress=False
    )


def handed_over(seed=0):
    model = CBOW(CORPUS.vocab_size, 8, 2, CORPUS, seed=seed)
    return Trainer(model, SGD(0.1), seed=seed, engine="fast", progress=False)


def watched(trainer, **options):
    options = {"corpus": CORPUS, "probes": PROBES, "questions": QUESTIONS, "live": False} | options
    return TrainingMonitor(trainer, **options)


def test_a_watched_training_is_the_same_training():
    plain, seen = layers(), layers()
    plain.fit_corpus(CORPUS, 2, 50)
    monitor = watched(seen)
    assert monitor.fit_corpus(CORPUS, 2, 50) is monitor
    np.testing.assert_array_equal(plain.model.word_vecs, seen.model.word_vecs)
    assert plain.loss_list == seen.loss_list
    plain, seen = compiled().fit(), compiled()
    watched(seen).fit()
    np.testing.assert_array_equal(plain.get_weights()[0], seen.get_weights()[0])


@pytest.mark.parametrize("make", [layers, compiled])
def test_what_it_sees_is_what_the_trainer_has(make):
    trainer = make()
    monitor = watched(trainer)
    if make is layers:
        monitor.fit_corpus(CORPUS, 3, 50)
        vectors = monitor._vectors()
        rate = 0.1
    else:
        monitor.fit()
        vectors, rate = trainer.word_vectors(), trainer.lr
    last = monitor.log.last
    assert monitor.log.status == "finished"
    assert last.epoch == trainer.epoch == 3
    assert last.lr == pytest.approx(rate)
    for probe in PROBES:
        assert list(last.neighbours[probe]) == [w for w, _ in vectors.most_similar(probe, top=6)]
    assert 0 <= last.score <= 1
    assert monitor.log.losses[-1][0] == pytest.approx(1)
    state = json.loads(json.dumps(monitor.state(), allow_nan=False))
    assert state["curves"].startswith("<svg") and state["status"] == "finished"
    assert monitor._repr_html_() == monitor._repr_html_()
    assert "data:image/svg+xml" in monitor._repr_html_()


def test_it_looks_at_most_five_times_a_second(monkeypatch):
    monitor = watched(layers())
    now = [0.0]
    monkeypatch.setattr("w2vlib.widgets.monitor.time.perf_counter", lambda: now[0])
    looks = []
    monitor.update = lambda: (looks.append(now[0]), setattr(monitor, "_next", now[0] + 0.2))
    for step in range(1000):
        now[0] = step / 100
        monitor.step()
    assert len(looks) <= 51


def test_a_dear_look_is_taken_seldom(monkeypatch):
    """A look that takes a second comes at most every 80 seconds."""
    monitor = watched(layers())
    now = [100.0]
    monkeypatch.setattr("w2vlib.widgets.monitor.time.perf_counter", lambda: now[0])
    monkeypatch.setattr(monitor, "_moment", lambda: now.__setitem__(0, now[0] + 1.0) or moment())
    monitor.update()
    assert monitor._next == pytest.approx(101 + 80)


def moment(**values):
    return Moment(**({"seconds": 1.0, "done": 0.5, "epoch": 1, "loss": 2.0} | {
        "words_per_second": 1000.0, "lr": None} | values))  # fmt: skip


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("make", [layers, compiled, handed_over])
def test_pause_resume_and_stop(make):
    trainer = compiled(epochs=100_000) if make is compiled else make()
    monitor = watched(trainer, probes=(), questions=None)
    if make is compiled:
        monitor.fit(background=True)
        steps = lambda: len(trainer.history)  # noqa: E731
    else:
        in_background(monitor)
        steps = lambda: max(trainer.batches, len(trainer.loss_list))  # noqa: E731
    until(lambda: steps() > 3)
    with pytest.raises(RuntimeError, match="still running"):
        monitor.fit()
    monitor.pause()
    assert monitor.log.status == "paused" and monitor.paused
    time.sleep(0.3)
    before = steps()
    time.sleep(0.4)
    assert steps() == before
    monitor.resume()
    until(lambda: steps() > before)
    monitor.pause()
    monitor.stop()  # also out of a pause
    monitor.wait(30)
    assert monitor.log.status == "stopped, and kept"
    assert np.isfinite(trainer.loss_list).all()
    monitor.pause()  # nothing left to pause
    assert not monitor.paused


def in_background(monitor, epochs=100_000):
    if isinstance(monitor.trainer, FastTrainer):
        return monitor.fit(background=True)
    return monitor.fit_corpus(CORPUS, epochs, 50, background=True)


@pytest.mark.parametrize("make", [layers, compiled, handed_over])
@pytest.mark.parametrize("wish", ["stop", "pause"])
def test_a_button_pressed_before_the_trainer_has_begun(make, wish, monkeypatch):
    """A trainer forgets at its beginning what it was told before; the monitor does not."""
    trainer = compiled(epochs=100_000) if make is compiled else make()
    monitor = watched(trainer, probes=(), questions=None)
    method = "fit" if make is compiled else "fit_corpus"
    fit, may_begin = getattr(trainer, method), threading.Event()
    monkeypatch.setattr(trainer, method, lambda *a, **o: may_begin.wait(30) and fit(*a, **o))
    in_background(monitor)
    getattr(monitor, wish)()
    may_begin.set()
    if wish == "pause":
        time.sleep(0.3)
        assert monitor.log.status == "paused" and not trainer.loss_list
        assert monitor._clock.seconds < 0.3
        monitor.stop()
    monitor.wait(30)
    assert not monitor._thread.is_alive()
    assert monitor.log.status == "stopped, and kept" and not monitor.paused


def test_a_button_pressed_as_the_training_ends():
    """The training's last word stands, whatever a late button had in mind."""

    class Slow(TrainingLog):
        @property
        def status(self):
            return self._status

        @status.setter
        def status(self, value):
            if threading.current_thread() is here and value == "running" and slow:
                monitor._thread.join(0.5)  # the training may end in between, if it can
            self._status = value

    here, slow, trainer = threading.current_thread(), [], layers()
    monitor = watched(trainer, probes=(), questions=None)
    monitor.log = Slow()
    in_background(monitor)
    until(lambda: trainer.batches > 3)
    monitor.pause()
    slow.append(True)
    monitor.stop()
    monitor.wait(30)
    assert monitor.log.status == "stopped, and kept" and not monitor.paused
    monitor.resume(), monitor.stop(), monitor.pause()
    assert monitor.log.status == "stopped, and kept" and not monitor.paused


def test_the_newest_state_is_shown_last(monkeypatch):
    """A button is obeyed while the training's thread is about to tell of an earlier moment."""
    monitor = watched(layers(), probes=(), questions=None)
    monitor._panel = SimpleNamespace(state=None, refresh_still=lambda soon: None)
    shown, buttons = monitor.state, []

    def slowly():
        state = shown()
        if not buttons and state["status"] == "running" and monitor.log.moments:
            buttons.append(threading.Thread(target=monitor.pause))
            buttons[0].start()
            buttons[0].join(0.5)
        return state

    monkeypatch.setattr(monitor, "state", slowly)
    in_background(monitor)
    try:
        until(lambda: buttons and not buttons[0].is_alive())
        until(lambda: monitor._panel.state["status"] == "paused")  # and not "running" for good
        assert monitor._panel.state["paused"]
    finally:  # a training that rests for ever would disturb the tests after this one
        monitor.stop()
        monitor.wait(30)
    assert monitor._panel.state["status"] == "stopped, and kept"


@pytest.mark.parametrize("make", [layers, compiled])
def test_a_pause_is_no_training_time(make):
    """Neither for the monitor nor for the trainer, which rests itself."""
    trainer = compiled(epochs=100_000) if make is compiled else make()
    monitor, began = watched(trainer, probes=(), questions=None), time.perf_counter()
    in_background(monitor)
    until(lambda: trainer.loss_list)
    monitor.pause()
    time.sleep(1.5)
    monitor.resume()
    monitor.stop()
    monitor.wait(30)
    whole = time.perf_counter() - began
    words = trainer.tokens if make is compiled else 50 * trainer.batches
    for seconds in (words / trainer.words_per_second, monitor.log.last.seconds):
        assert 0 < seconds < whole - 1.4


def test_a_message_of_an_earlier_training_is_not_obeyed():
    """It may have waited for the end of a cell, and comes when another training runs."""
    from w2vlib.widgets.monitor_panel import MonitorPanel

    monitor = watched(layers(), probes=(), questions=None)
    panel = MonitorPanel(monitor)
    monitor.fit_corpus(CORPUS, 1, 50)
    earlier = {"run": monitor.state()["run"]}
    in_background(monitor)
    for late in (panel.do_pause, panel.do_stop, panel.do_resume):
        late(earlier)
        assert monitor.log.status == "running" and not monitor._ended
    now = {"run": monitor.state()["run"]}
    panel.do_pause(now)
    assert monitor.paused
    panel.do_resume(now)
    assert not monitor.paused
    panel.do_stop(now)
    monitor.wait(30)
    assert monitor.log.status == "stopped, and kept"


@pytest.mark.parametrize("make", [layers, handed_over])
def test_an_interrupted_pause_is_over(make):
    """After Ctrl-C in a pause the next training does not rest for ever."""
    trainer = make()
    monitor = watched(trainer, probes=(), questions=None)

    class Hasty:
        def __call__(self, trainer):
            monitor.pause()
            raise KeyboardInterrupt

    monitor.fit_corpus(CORPUS, 3, 50, callbacks=[Hasty()])
    assert monitor.log.status == "stopped, and kept"
    assert not (monitor.paused or trainer.resting)
    monitor.fit_corpus(CORPUS, 1, 50)
    assert monitor.log.status == "finished"


def test_a_handed_over_training_is_seen_within_its_epoch(monkeypatch):
    """Loss, share and vectors of the compiled trainer that works for a ``Trainer``."""
    from w2vlib.fast import engine

    text = build_corpus(" ".join([TEXT] * 5))  # three stretches of text are one epoch
    trainer = Trainer(CBOW(text.vocab_size, 8, 2, text, seed=0), SGD(0.1), engine="fast", seed=0)
    monitor = watched(trainer, corpus=text)
    done, seen = engine._Epoch.done, []

    def looked(epoch, *args):
        done(epoch, *args)
        monitor.update()
        compiled = trainer.compiled.word_vectors().vectors
        seen.append(np.array_equal(monitor._vectors().vectors, compiled))

    monkeypatch.setattr(engine._Epoch, "done", looked)
    monitor.fit_corpus(text, 2, 50)
    whole = 2 * len(text.ids)
    stretches = [10_000, 20_000, len(text.ids)]
    stretches += [len(text.ids) + tokens for tokens in stretches]
    shares = {m.done for m in monitor.log.moments}
    assert shares >= {tokens / whole for tokens in stretches}
    assert seen == [True] * 6
    assert [loss for _, loss in monitor.log.losses] == trainer.loss_list
    assert monitor.log.last.done == 1 and monitor.log.last.epoch == 2


def test_an_error_in_the_background_is_raised_by_wait():
    monitor = watched(layers(), probes=(), questions=None)
    monitor.fit(np.zeros((0, 4), int), np.zeros(0, int), background=True)
    with pytest.raises(ValueError, match="empty"):
        monitor.wait()
    assert monitor.log.status == "ended by ValueError"
    monitor.wait()


def test_an_error_while_looking_is_not_swallowed():
    class Bad(Trainer):
        @property
        def words_per_second(self):
            raise ZeroDivisionError

        @words_per_second.setter
        def words_per_second(self, value):
            pass

    trainer = Bad(CBOW(CORPUS.vocab_size, 8, 2, CORPUS.ids, seed=0), Adam(), progress=False)
    with pytest.raises(ZeroDivisionError):
        watched(trainer).fit_corpus(CORPUS, 1, 50)


def test_callbacks_of_the_reader_are_still_called():
    seen = []
    watched(layers()).fit_corpus(CORPUS, 2, 50, callbacks=[lambda t: seen.append(t.epoch)])
    assert seen == [1, 2]


def test_without_a_notebook_the_trainers_own_bar_shows(capsys):
    trainer = layers()
    trainer.progress = True
    monitor = TrainingMonitor(trainer)
    assert not monitor.live
    monitor.fit_corpus(CORPUS, 1, 50)
    assert "batch/s" in capsys.readouterr().err
    assert trainer.progress


def test_wrong_arguments():
    for wrong in (3, Trainer, SimpleNamespace(fit=print, stop=print, loss_list=[])):
        with pytest.raises(TypeError, match="must be a Trainer"):
            TrainingMonitor(wrong)
    with pytest.raises(TypeError, match="give corpus="):
        TrainingMonitor(layers(), probes=["w1"])
    with pytest.raises(TypeError, match="list of words"):
        watched(layers(), probes="w1")
    monitor = watched(layers(), probes=["w1", "nowhere"])
    assert monitor.state()["unknown"] == ["nowhere"]


def test_threads_of_a_finished_training_are_gone():
    before = threading.active_count()
    watched(compiled()).fit()
    assert threading.active_count() <= before


# ---- the log ------------------------------------------------------------------------------------


def test_neighbours_that_moved():
    log = TrainingLog(["a"])
    log.moments = [
        moment(neighbours={"a": ("b", "c", "d")}),
        moment(neighbours={"a": ("c", "b", "e")}),
    ]
    steps = [(n["word"], n["step"]) for n in log.moved()["a"]]
    assert steps == [("c", "▲ 1"), ("b", "▼ 1"), ("e", "new")]


def test_questions_are_a_fair_sample():
    questions = {"x": [("a", "b", "c", "d")] * 900, "y": [("a", "b", "c", "d")] * 100}
    kept = TrainingLog(questions=questions).questions
    assert len(kept["x"]) == 9 * len(kept["y"])
    assert sum(map(len, kept.values())) <= MOST_QUESTIONS


def test_an_empty_log_can_be_told():
    log = TrainingLog()
    assert log.sentence() == "No training yet." and log.curves() == "" and log.facts() == []
    json.dumps(log.state())
    assert "not started" in log.html()


def test_the_first_look_is_on_the_curve():
    """The score of the untrained vectors is where the curve begins."""
    log = TrainingLog()
    log.moments = [moment(done=0.0, score=0.0), moment(done=1.0, score=0.5)]
    assert log.curves().count("<svg") == 1 and "answered right" in log.curves()
    log.losses = [(0.5, 3.0), (1.0, 2.0)]
    assert log.curves().count("<svg") == 1 and log.curves(apart=True).count("<svg") == 2
    log.losses = [(i / 1000, 3.0 - i / 1000) for i in range(1000)]
    first = np.mean([loss for _, loss in log.losses[:4]])  # 999 of them make 239 points
    assert log.sentence().startswith(f"The loss fell from {first:.3f} to 2.001")
    points = log.curves().split('points="')[1].split('"')[0].split()
    assert len(points) == 240


def test_the_facts_are_readable():
    log = TrainingLog()
    log.moments = [moment(words_per_second=1_234_567.0, lr=0.025, score=0.5)]
    facts = dict(log.facts())
    assert facts["speed"] == "1,200,000 words/s"
    assert facts["analogies right"] == "50%" and facts["learning rate"] == "0.025"
