"""Watch a training while it runs, halt it, go on, or stop it and keep what was learned."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Sequence

import numpy as np

from w2vlib.backend import to_cpu
from w2vlib.widgets.training_log import Clock, Moment, TrainingLog
from w2vlib.word_vectors import WordVectors

_SHORTEST = 0.2  # seconds between two updates: at most five a second
_SHARE = 0.0125  # of the time may go into looking; sending and painting cost as much again
_NAP = 0.05


class TrainingMonitor:
    """Shows a training live: ``monitor = TrainingMonitor(trainer); monitor.fit(…)``.

    Works with :class:`~w2vlib.trainer.Trainer` and :class:`~w2vlib.fast.FastTrainer`.  In a
    notebook it shows loss, speed, learning rate, the neighbours of chosen words and the share of
    analogies answered right, and has buttons to pause, to go on, and to stop and keep what was
    learned.  Elsewhere the trainer's own progress bar is shown.  It looks at most five times a
    second, and spends about a hundredth of the time on it.

    Args:
        trainer: the trainer; its own progress bar is switched off where the monitor is shown.
        corpus: gives the words of a ``Trainer``'s vectors (a ``FastTrainer`` has its own).
        probes: words whose nearest words are shown.
        questions: analogy questions, as :func:`~w2vlib.datasets.load_analogies` gives them.
        live: show the widget; by default where there is a notebook.

    Attributes:
        log: the :class:`~w2vlib.widgets.training_log.TrainingLog` with all that was seen.
        runs: how often a training was begun.

    Raises:
        TypeError: something that is no trainer; probes or questions without words to look them up.

    Buttons are obeyed while the cell runs where kernel and page support subshells (ipykernel 7 with
    JupyterLab 4.4 or Notebook 7.4, and newer).  Elsewhere use ``fit(…, background=True)``, which
    returns at once; or interrupt the kernel, which also keeps what was learned.
    """

    def __init__(
        self, trainer, *, corpus=None, probes: Sequence[str] = (), questions=None, live=None
    ) -> None:
        has = ("fit", "stop", "loss_list", "resting")
        if isinstance(trainer, type) or not all(hasattr(trainer, name) for name in has):
            raise TypeError(
                f"trainer must be a Trainer or a FastTrainer, got {type(trainer).__name__}."
            )
        self.trainer, self.corpus = trainer, corpus or getattr(trainer, "corpus", None)
        self.log = TrainingLog(probes, questions)
        if (probes or questions) and not hasattr(self.corpus, "words"):
            raise TypeError("probes and questions need the words: give corpus=… too.")
        self.live = in_notebook() if live is None else bool(live)
        self.runs = 0
        self._unknown = [p for p in probes if p not in set(self.corpus.words)] if probes else []
        self._clock, self._thread, self._failure = Clock(), None, None
        self._ticker = None
        # Buttons are obeyed in one thread while another trains: what is seen of the training
        # (status, clock, state of the page) changes in one of them at a time.
        self._lock, self._ended = threading.RLock(), False
        self._next = self._epochs = self._steps = self._reached = 0.0
        self._panel = None

    # -- training

    def fit(self, *args, background: bool = False, **options) -> TrainingMonitor:
        """The trainer's ``fit`` with these arguments, watched.

        Args:
            args, options: go to the trainer.
            background: return at once and train in a thread; :meth:`wait` waits for it.
        """
        return self._start("fit", args, options, background)

    def fit_corpus(self, *args, background: bool = False, **options) -> TrainingMonitor:
        """A ``Trainer``'s ``fit_corpus`` with these arguments, watched."""
        return self._start("fit_corpus", args, options, background)

    def _start(self, method: str, args, options, background: bool) -> TrainingMonitor:
        if self._thread is not None and self._thread.is_alive():
            raise RuntimeError("This training is still running: wait(), or stop() it first.")
        self._epochs, self._steps = self._expected(method, args, options)
        if self.live:
            self._show()
        with self._lock:
            self.runs += 1
            self._ended, self.log.status = False, "running"
            self._send()
        work = (method, args, options)
        if background:
            self._failure = None
            self._thread = threading.Thread(target=self._in_background, args=work, daemon=True)
            self._thread.start()
        else:
            self._run(*work)
        return self

    def _in_background(self, *work) -> None:
        try:
            self._run(*work)
        except BaseException as error:  # shown in the widget, and raised by wait()
            self._failure = error

    def _run(self, method: str, args, options) -> None:
        trainer = self.trainer
        bar, trainer.progress = trainer.progress, trainer.progress and not self.live
        self._begin = (getattr(trainer, "epoch", 0), getattr(trainer, "batches", 0))
        self._reached = 0.0
        with self._lock:
            if not self.paused:
                self._clock.run()
        compiled = hasattr(trainer, "history") or getattr(trainer, "engine", "") == "fast"
        ticker = self._ticker = _Ticker(self) if compiled else None
        outcome = "finished"
        try:
            callbacks = [*options.pop("callbacks", ()), _Hook(self)]
            getattr(trainer, method)(*args, callbacks=callbacks, **options)
        except BaseException as error:
            outcome = f"ended by {type(error).__name__}"
            if self._panel is not None:
                self._panel.show_error(error)
            raise
        finally:
            if ticker is not None:
                ticker.close()
            trainer.progress = bar
            with self._lock:
                if outcome == "finished" and (trainer._stop or trainer.interrupted):
                    outcome = "stopped, and kept"
                self.log.status = outcome
                self._clock.rest()
                trainer.resting = False  # also after Ctrl-C in a pause
            self.update(last=True)

    def wait(self, timeout: float | None = None) -> TrainingMonitor:
        """Wait for a training in the background; an error in it is raised here."""
        if self._thread is not None:
            self._thread.join(timeout)
        if self._failure is not None:
            error, self._failure = self._failure, None
            raise error
        return self

    def _expected(self, method: str, args, options) -> tuple[float, float]:
        """(epochs, batches) that the training will take; 0 where that cannot be told."""
        if hasattr(self.trainer, "history"):
            return 0.0, 0.0
        data = ("corpus",) if method == "fit_corpus" else ("contexts", "target")
        names = (*data, "max_epoch", "batch_size")
        given = dict(zip(names, args, strict=False)) | options
        epochs = given.get("max_epoch", 10)
        batch = given.get("batch_size", 100 if method == "fit_corpus" else 32)
        try:
            examples = len(given[data[-1]])
            return float(epochs), float(epochs * -(-examples // batch))
        except (KeyError, TypeError, ZeroDivisionError):
            return 0.0, 0.0  # the trainer will say what is wrong

    # -- halting

    @property
    def paused(self) -> bool:
        """Whether the training is to rest."""
        return bool(self.trainer.resting)

    def pause(self) -> None:
        """Let the training rest after this step (of compiled code: some 10,000 words)."""
        with self._lock:
            if self.log.status == "running":
                self.trainer.resting = True
                self.log.status = "paused"
                self._clock.rest()
            self._send()

    def resume(self) -> None:
        """Go on."""
        with self._lock:
            if self.log.status in ("running", "paused"):
                self.log.status = "running"
                self._clock.run()
                self.trainer.resting = False
            self._send()

    def stop(self) -> None:
        """End the training after this step and keep what was learned."""
        with self._lock:
            self._ended = True
            self.trainer.stop()
            self.resume()

    # -- looking

    def step(self) -> None:
        """Between two steps of the training: end it if asked to, look if it is time."""
        if self._ended:  # perhaps asked before the trainer had begun and could hear of it
            self.trainer.stop()
        if self._ticker is None and time.perf_counter() >= self._next:
            self.update()

    def update(self, last: bool = False) -> None:
        """Look at the training now."""
        began = time.perf_counter()
        self.log.moments.append(self._moment())
        self._collect_losses()
        self._send()
        if last and self._panel is not None:
            self._panel.refresh_still(soon=0.05)
        cost = time.perf_counter() - began
        self._next = time.perf_counter() + max(_SHORTEST, cost / _SHARE)

    def _moment(self) -> Moment:
        trainer = self.trainer
        seconds = self._clock.seconds
        vectors = self._vectors() if self.log.probes or self.log.questions else None
        losses = [loss for _, loss in self._history()[-10:]] or trainer.loss_list
        return Moment(
            seconds=seconds,
            done=self._done(),
            epoch=trainer.epoch,
            loss=float(np.mean(losses[-10:])) if losses else float("nan"),
            words_per_second=self._speed(seconds),
            lr=self._rate(),
            **self.log.look(vectors),
        )

    def _vectors(self) -> WordVectors:
        if hasattr(self.trainer, "word_vectors"):
            return self.trainer.word_vectors()
        compiled = self._compiled()  # has them; the model gets them at the end of the epoch
        matrix = (
            self.trainer.model.word_vecs if compiled is None else compiled.word_vectors().vectors
        )
        matrix = to_cpu(matrix)
        return WordVectors(self.corpus.words, matrix, getattr(self.corpus, "counts", None))

    def _compiled(self):
        """The compiled trainer that is at work, be it ours or the ``Trainer``'s, or ``None``."""
        trainer = self.trainer
        return trainer if hasattr(trainer, "history") else getattr(trainer, "compiled", None)

    def _history(self) -> list[tuple[int, float]]:
        """(tokens, loss) of the stretches that the compiled trainer has not handed over yet."""
        return list(getattr(self._compiled(), "history", ()))

    def _done(self) -> float | None:
        trainer, compiled = self.trainer, self._compiled()
        if compiled is not None:
            self._reached = min(1.0, compiled.tokens / _whole(compiled))
            return self._reached
        if self.log.status == "finished":
            return 1.0
        if not self._steps:
            return None
        by_batch = (trainer.batches - self._begin[1]) / self._steps
        # Behind a Trainer the compiled one counts epochs only, and what it reached is remembered.
        by_epoch = (trainer.epoch - self._begin[0]) / self._epochs
        return min(1.0, max(by_batch, by_epoch, self._reached))

    def _speed(self, seconds: float) -> float:
        """Words a second, pauses left out."""
        compiled = self._compiled()
        if compiled is not None:
            return compiled.tokens / max(seconds, 1e-9)
        return self.trainer.words_per_second

    def _rate(self) -> float | None:
        if hasattr(self.trainer, "lr"):
            return float(self.trainer.lr)
        optimizer = getattr(self.trainer, "optimizer", None)
        rate = getattr(optimizer, "lr", None)
        return None if rate is None else float(rate)

    def _collect_losses(self) -> None:
        trainer = self.trainer
        if hasattr(trainer, "history"):
            whole = _whole(trainer)
            self.log.losses = [(tokens / whole, loss) for tokens, loss in self._history()]
            return
        losses = [*trainer.loss_list, *(loss for _, loss in self._history())]
        places = np.linspace(0, self._done() or 1.0, len(losses) + 1)[1:]
        self.log.losses = list(zip(places.tolist(), losses, strict=True))

    # -- showing

    def _show(self) -> None:
        from IPython.display import display

        if self._panel is None:
            from w2vlib.widgets.monitor_panel import MonitorPanel

            self._panel = MonitorPanel(self)
        display(self._panel)

    def _send(self) -> None:
        if self._panel is not None:
            with self._lock:  # else an older state may be sent after a newer one
                self._panel.state = self.state()

    def state(self) -> dict:
        """All there is to show, as data that JSON can carry."""
        more = {"paused": self.paused, "run": self.runs, "unknown": self._unknown}
        return self.log.state() | more

    def _repr_html_(self) -> str:
        return self.log.html()

    def __repr__(self) -> str:
        return f"<TrainingMonitor: {self.log.status}. {self.log.sentence()}>"


class _Hook:
    """What the trainer calls."""

    def __init__(self, monitor: TrainingMonitor) -> None:
        self.monitor = monitor

    def on_batch(self, trainer) -> None:
        """After a batch of a ``Trainer``."""
        self.monitor.step()

    def on_epoch(self, trainer) -> None:
        """After an epoch."""
        self.monitor.step()


class _Ticker:
    """Looks at a compiled training from a thread of its own, as that one has no batches."""

    def __init__(self, monitor: TrainingMonitor) -> None:
        self.monitor, self._end = monitor, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        monitor = self.monitor
        while not self._end.wait(_NAP):
            if monitor._ended:
                monitor.step()
            if time.perf_counter() < monitor._next:
                continue
            if not monitor.paused and getattr(monitor._compiled(), "tokens", 0):
                try:
                    monitor.update()
                except Exception as error:  # a look must not end, and not hide its own failure
                    if monitor._panel is not None:
                        monitor._panel.show_error(error)
                    return

    def close(self) -> None:
        """Stop looking."""
        self._end.set()
        self._thread.join()


def _whole(compiled) -> int:
    """Tokens of the whole training."""
    return compiled.max_epoch * len(compiled.corpus.ids)


def in_notebook() -> bool:
    """Whether a notebook shows what is displayed."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
