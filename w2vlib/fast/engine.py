"""The compiled trainer: threads, learning rate, progress, and what comes out at the end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import numpy as np

from w2vlib.checkpoints import saving
from w2vlib.corpus import keep_probability, refuse_lone_words
from w2vlib.fast import kernels, plan
from w2vlib.fast.saving import EngineTraining
from w2vlib.trainer import _as_callbacks, _call, _someone_watches, _Stopwatch
from w2vlib.validation import as_choice, as_count, as_generator, as_matrix, as_number
from w2vlib.word_vectors import WordVectors

MODELS = ("cbow", "skipgram")
LOSSES = ("negative_sampling", "hierarchical_softmax")
_LEARNING_RATE = {"cbow": 0.2, "skipgram": 0.05}
_LAST_SHARE = 1e-4  # of the learning rate, at the end: as in word2vec.c
_LOOK = 0.1  # seconds between two looks at the keyboard


class FastTrainer:
    """Trains CBOW or skip-gram with compiled code; :func:`w2vlib.fast.train` in pieces.

    See :func:`w2vlib.fast.train` for the arguments.

    Attributes:
        epoch: epochs finished.
        loss_list: mean loss of every epoch (a float64 sum over all targets, divided by their
            number), taken while the weights changed.
        history: ``(tokens, loss)`` for every stretch of about 10,000 tokens.
        targets: number of targets of the running epoch, or of the last one: tokens that
            subsampling left and that have a neighbour in their sentence.
        loss: mean loss of the running epoch, or of the last one.
        lr: learning rate now.
        words_per_second: tokens of the text a second, over the whole training; rests left out.
        tokens: tokens of the text worked through, in all epochs.
        interrupted: whether Ctrl-C ended the training.
        resting: set it to ``True`` from another thread, and the training rests between two
            stretches of text until it is ``False`` again.  What is learned stays the same.
    """

    def __init__(
        self,
        corpus,
        *,
        model: str = "cbow",
        hidden_size: int = 100,
        window_size: int = 5,
        loss: str = "negative_sampling",
        sample_size: int = 5,
        power: float = 0.75,
        subsample: float = 0.0,
        shrink_windows: bool = False,
        share_negatives: bool = False,
        mean_gradient: bool = True,
        lr: float | None = None,
        final_lr: float | None = None,
        max_epoch: int = 5,
        threads: int = 1,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        progress: bool | None = None,
    ) -> None:
        if not hasattr(corpus, "sentence_starts"):
            raise TypeError(
                f"corpus must be a Corpus or a StoredCorpus, got {type(corpus).__name__}. Make one "
                "with datasets.load(…) or build_corpus(…), or call fast.train."
            )
        refuse_lone_words(corpus)
        self.corpus = corpus
        self.model = as_choice(model, "model", MODELS)
        self.loss_name = as_choice(loss, "loss", LOSSES)
        self.max_epoch = as_count(max_epoch, "max_epoch")
        self.first_lr = _LEARNING_RATE[model] if lr is None else _as_rate(lr, "lr")
        last = _LAST_SHARE * self.first_lr
        self.final_lr = last if final_lr is None else as_number(final_lr, "final_lr", minimum=0)
        self.lr = self.first_lr
        self.shrink_windows, self.mean_gradient = bool(shrink_windows), bool(mean_gradient)
        self.share_negatives = bool(share_negatives)
        if share_negatives and model != "skipgram":
            raise ValueError("share_negatives is for model='skipgram': CBOW has one target each.")
        self.progress = _someone_watches() if progress is None else bool(progress)
        rng = as_generator(rng, seed)
        self._key = int(rng.integers(2**63))
        self.shape = plan.Shape(
            vocab_size=corpus.vocab_size,
            hidden_size=as_count(hidden_size, "hidden_size"),
            window_size=as_count(window_size, "window_size"),
            threads=_usable_threads(threads, len(corpus.ids)),
        )
        self.order = plan.Order(np.asarray(corpus.counts))
        sample_size = as_count(sample_size, "sample_size")
        if sample_size > plan.MOST_NEGATIVES:
            raise ValueError(
                f"sample_size must be at most {plan.MOST_NEGATIVES}, got {sample_size}. "
                "From there on a full softmax is the better idea."
            )
        self.sample_size, self.power = sample_size, as_number(power, "power")
        self.subsample = as_number(subsample, "subsample", minimum=0)
        keep = None
        if subsample > 0:
            keep = keep_probability(corpus.counts, subsample)
        self.weights = plan.Weights(self.shape)
        counts = self.order.counts[self.order.id_of]
        if loss == "negative_sampling":
            outputs = plan.negative_outputs(counts, self.power, sample_size, self.weights.ahead)
        else:
            _check_tree(counts)
            outputs = plan.tree_outputs(counts, self.weights.ahead)
        self._outputs = outputs
        self._text = plan.make_text(corpus, self.order, keep)
        self.weights.randomize(rng)
        self._reset()

    def _reset(self) -> None:
        self.epoch = 0
        self.loss_list: list[float] = []
        self.history: list[tuple[int, float]] = []
        self.loss, self.targets = float("nan"), 0
        self.words_per_second = float("nan")
        self.interrupted = self.resting = False
        self._stop = False
        self._also = None
        self._tokens = 0
        self._seconds = 0.0
        self._running: _Epoch | None = None
        self._resumed = (0, 0.0, 0)  # of the running epoch: next token, loss, targets

    # -- weights

    def set_weights(self, W_in, W_out) -> None:
        """Go on from these weights: (V, H) each, by id ((V − 1, H) inner nodes for a tree).

        Raises:
            TypeError, ValueError: other shapes, or something else than finite numbers.
        """
        inner, outer = self.weights.rows("W_in"), self._output_rows()
        W_in = plan.checked_weights(W_in, "W_in", *inner.shape)
        W_out = plan.checked_weights(W_out, "W_out", *outer.shape)
        inner[...] = W_in[self.order.id_of]
        outer[...] = self._arranged(W_out)

    def get_weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W_in and W_out, by id, float32; W_out has V − 1 rows for a tree."""
        W_in = self.weights.rows("W_in")[self.order.row_of]
        if self.loss_name == "hierarchical_softmax":
            return W_in, self._output_rows()[::-1].copy()
        return W_in, self._output_rows()[self.order.row_of]

    def _output_rows(self) -> np.ndarray:
        rows = self.weights.rows("W_out")
        return rows[:-1] if self.loss_name == "hierarchical_softmax" else rows

    def _arranged(self, W_out: np.ndarray) -> np.ndarray:
        return W_out[::-1] if self.loss_name == "hierarchical_softmax" else W_out[self.order.id_of]

    def word_vectors(self) -> WordVectors:
        """The vectors as they are now, with the words and counts of the corpus."""
        vectors = self.weights.rows("W_in")[self.order.row_of]
        return WordVectors(self.corpus.words, vectors, self.corpus.counts, copy=False)

    def take_vectors(self) -> WordVectors:
        """Like :meth:`word_vectors`, at the end: W_out is let go first, to save memory.

        The training cannot go on afterwards.
        """
        self.weights.W_out = None
        return self.word_vectors()

    # -- training

    def compile(self) -> None:
        """Make the compiled code ready now, so that :meth:`fit` begins at once."""
        _Worker(self, 0).compile()

    def stop(self) -> None:
        """From a callback or another thread: end the training and keep what was learned.

        The stretches of text in work are finished first, about 10,000 tokens for each thread.
        """
        self._stop = True

    @property
    def tokens(self) -> int:
        """Tokens of the text worked through, in all epochs."""
        return self._tokens

    def _told_to(self, flag: str) -> bool:
        """Whether we, or the ``Trainer`` that lets us work, have been told to stop or to rest."""
        return getattr(self, flag) or getattr(self._also, flag, False)

    def fit(
        self,
        callbacks: Iterable[Callable] = (),
        *,
        checkpoint=None,
        resume: bool = False,
        also=None,
    ) -> FastTrainer:
        """Train ``max_epoch`` epochs; called again, as many more at the last learning rate.

        Args:
            callbacks: called as ``callback(trainer)`` after every epoch; an object with a method
                ``on_epoch(trainer)`` has that called instead.
            checkpoint: a folder, where all that training needs is saved every minute and at the
                end; or a :class:`~w2vlib.checkpoints.Checkpoints` with your own choices.
            resume: go on from the newest checkpoint there; from the beginning if there is none.
            also: a :class:`~w2vlib.trainer.Trainer` whose losses are saved along, and that may
                be told to stop or to rest in our place.

        Raises:
            FloatingPointError: weights that grew beyond all bounds; the message says what to do.
            CheckpointError: the checkpoints are in use, damaged, or of another training.

        Ctrl-C ends training after the stretches of text in work; what was learned is kept.
        """
        callbacks = _as_callbacks(callbacks)
        self._stop = self.interrupted = False
        self._also = also
        running = EngineTraining(self, also)
        meter = None
        try:
            with saving(checkpoint, resume, running) as saver:
                workers = [_Worker(self, thread) for thread in range(self.shape.threads)]
                workers[0].compile()
                meter = _Meter(self) if self.progress else None
                with ThreadPoolExecutor(self.shape.threads) as pool:
                    while self.epoch < running.first_epoch + self.max_epoch and not self._stop:
                        self._run_epoch(pool, workers, meter, saver)
                        if self._running is not None:  # stopped on the way
                            break
                        self.epoch += 1
                        _call(callbacks, "on_epoch", self)
        except KeyboardInterrupt:
            self.interrupted = True
            print(
                f"Interrupted in epoch {self.epoch + 1}: the vectors keep what they have learned.",
                file=sys.stderr,
            )
        finally:
            self._running = None
            if meter is not None:
                meter.close()
        return self

    def _run_epoch(self, pool, workers, meter, saver) -> None:
        epoch = self._running = _Epoch(self, meter, saver)
        try:
            while epoch.begin < epoch.size and not self._told_to("_stop"):
                epoch.clock.rest(self._told_to, saver)
                self._run_stretches(pool, workers, epoch)
                # No thread is at work: the moment for a checkpoint.
                if epoch.begin < epoch.size and (saver.due() or self._told_to("_stop")):
                    saver.save_now()
        finally:
            epoch.finish()
        if epoch.begin >= epoch.size:
            self._running = None

    def _run_stretches(self, pool, workers, epoch: _Epoch) -> None:
        """Let the threads work until the epoch's end, a checkpoint, a rest or a stop."""
        epoch.paused = False
        futures = [pool.submit(worker.run, epoch) for worker in workers]
        try:
            # Waiting in short naps lets Ctrl-C through at once, on every system.
            while wait(futures, timeout=_LOOK, return_when=FIRST_EXCEPTION).not_done:
                if any(future.done() and future.exception() for future in futures):
                    break
        finally:
            epoch.paused = True
            wait(futures)
        for future in futures:
            future.result()

    def _rate(self, tokens: int) -> float:
        """The learning rate after so many tokens of all epochs."""
        done = min(1.0, tokens / (self.max_epoch * len(self._text.ids)))
        return self.first_lr + (self.final_lr - self.first_lr) * done


class _Epoch:
    """One pass over the text, in stretches that the threads take one after the other."""

    def __init__(self, trainer: FastTrainer, meter, saver) -> None:
        self.trainer, self.meter, self.saver = trainer, meter, saver
        self.number = trainer.epoch
        self.size = len(trainer._text.ids)
        self.begin, self.loss, self.targets = trainer._resumed
        trainer._resumed = (0, 0.0, 0)
        self.lock = threading.Lock()
        self.paused = False
        self.clock = _Stopwatch()

    def next_stretch(self) -> tuple[int, int] | None:
        """Begin and end of the next stretch; ``None`` when there is none, or all are to halt."""
        told_to = self.trainer._told_to
        with self.lock:
            begin = self.begin
            self.paused |= told_to("resting") or told_to("_stop")
            if self.paused or begin >= self.size:
                return None
            self.begin = min(begin + plan.STRETCH, self.size)
            return begin, self.begin

    def done(self, begin: int, end: int, loss: float, targets: int) -> None:
        """A thread reports a finished stretch (it holds the lock)."""
        trainer = self.trainer
        if not np.isfinite(loss):
            self.paused = True
            raise FloatingPointError(
                f"training diverged in epoch {self.number + 1}: the loss is {loss}. "
                f"Use a smaller lr than {trainer.first_lr:g}."
            )
        self.loss += loss
        self.targets += targets
        trainer._tokens += end - begin
        trainer.targets = self.targets
        if targets:
            trainer.history.append((trainer._tokens, loss / targets))
            trainer.loss = self.loss / self.targets
        seconds = trainer._seconds + self.clock.seconds
        trainer.words_per_second = trainer._tokens / max(seconds, 1e-9)
        if self.meter is not None:
            self.meter.show(end - begin)
        if self.saver is not None and self.saver.stretch_done():
            self.paused = True

    def finish(self) -> None:
        trainer = self.trainer
        trainer._seconds += self.clock.seconds
        if self.targets:
            trainer.loss_list.append(self.loss / self.targets)


class _Worker:
    """One thread: its view of the weights, its work space, its copies of the hot rows."""

    def __init__(self, trainer: FastTrainer, thread: int) -> None:
        self.trainer = trainer
        self.net = trainer.weights.net(thread)
        self.scratch = plan.make_scratch(trainer.shape, trainer._outputs, plan.STRETCH)
        self.function = training_function(trainer.model, trainer.share_negatives)

    def compile(self) -> None:
        """Call the loop on nothing at all, so that compiling does not count as training time."""
        orders = self._orders(0, len(self.trainer._text.ids), 0, 0)
        self.function(self.trainer._text, self.net, self.trainer._outputs, self.scratch, orders)
        kernels.merge_all(self.net)

    def run(self, epoch: _Epoch) -> None:
        trainer, text = self.trainer, self.trainer._text
        release = getattr(trainer.corpus, "release", None)
        while (stretch := epoch.next_stretch()) is not None:
            begin, end = stretch
            loss, targets = self.function(
                text,
                self.net,
                trainer._outputs,
                self.scratch,
                self._orders(epoch.number, epoch.size, begin, end),
            )
            with epoch.lock:
                epoch.done(begin, end, loss, targets)
            if release is not None:
                release(begin, end)
        with epoch.lock:
            kernels.merge_all(self.net)

    def _orders(self, epoch: int, size: int, begin: int, end: int) -> kernels.Stretch:
        trainer = self.trainer
        passed = epoch * size
        lr_begin, lr_end = trainer._rate(passed + begin), trainer._rate(passed + end)
        trainer.lr = lr_end
        return kernels.Stretch(
            begin=begin,
            end=end,
            window=trainer.shape.window_size,
            shrink=trainer.shrink_windows,
            mean=trainer.mean_gradient,
            lr_begin=lr_begin,
            lr_end=lr_end,
            key=_mix(trainer._key, epoch, begin),
            keep_key=_mix(trainer._key, epoch, -1),
        )


class _Meter:
    """The progress bar: words, words a second, time left, loss and learning rate."""

    def __init__(self, trainer: FastTrainer) -> None:
        from tqdm.auto import tqdm

        self.trainer = trainer
        total = trainer.max_epoch * len(trainer._text.ids)
        self.bar = tqdm(
            total=total,
            initial=trainer._tokens,
            unit=" words",
            unit_scale=True,
            smoothing=0.05,
        )

    def show(self, tokens: int) -> None:
        trainer = self.trainer
        self.bar.set_postfix_str(
            f"epoch {trainer.epoch + 1}/{trainer.max_epoch}, loss {trainer.loss:.4f}, "
            f"lr {trainer.lr:.2g}",
            refresh=False,
        )
        self.bar.update(tokens)

    def close(self) -> None:
        self.bar.close()


def training_function(model: str, share_negatives: bool):
    """The compiled loop for a model."""
    if model == "cbow":
        return kernels.train_cbow
    return kernels.train_windows if share_negatives else kernels.train_skipgram


def _mix(*numbers: int) -> np.uint64:
    """One random-looking uint64 for each combination of numbers."""
    state = 0
    for number in numbers:
        state = (state ^ (number & (2**64 - 1))) * 0x9E3779B97F4A7C15 % 2**64
        state ^= state >> 32
        state = state * 0xD6E8FEB86659FD93 % 2**64
        state ^= state >> 29
    return np.uint64(state)


def _as_rate(value, name: str) -> float:
    return as_number(value, name, minimum=0, open_minimum=True)


def _usable_threads(threads, tokens: int) -> int:
    """No more threads than there are stretches of text."""
    threads = as_count(threads, "threads")
    return min(threads, -(-tokens // plan.STRETCH))


def _check_tree(counts: np.ndarray) -> None:
    if len(counts) < 2:
        raise ValueError(
            f"hierarchical softmax needs at least two different words, but the corpus has "
            f"{len(counts)}."
        )


# ---- one step, in the open ----------------------------------------------------------------------


def update(
    W_in,
    W_out,
    corpus,
    *,
    model: str = "cbow",
    window_size: int = 5,
    loss: str = "negative_sampling",
    negatives=None,
    reaches=None,
    share_negatives: bool = False,
    mean_gradient: bool = True,
    lr: float = 0.025,
    begin: int = 0,
    end: int | None = None,
) -> tuple[np.ndarray, np.ndarray, float, int]:
    """What the compiled loop makes of given weights, with nothing left to chance.

    With it anyone can see that the engine does what the layers do: ``(W − W_new) / lr`` is the sum
    of the gradients of the targets ``begin … end − 1`` (the layers take their mean).

    Args:
        W_in: (V, H) weights, not changed.
        W_out: (V, H), or (V − 1, H) inner nodes for hierarchical softmax; not changed.
        corpus: a :class:`~w2vlib.corpus.Corpus`.
        model, window_size, loss, share_negatives, mean_gradient: see :func:`w2vlib.fast.train`.
        negatives: ids for the targets: (N, K), or (N, 2w, K) for skip-gram without shared
            negatives, in the order of ``create_contexts_target(…, partial=True)``.
        reaches: (N,) window size of each target, 1 … w; w for all by default.
        lr: learning rate.
        begin, end: positions in the corpus; N = end − begin.

    Returns:
        ``(W_in, W_out, loss, targets)``: the new weights as float32, the loss summed over the
        targets, and how many targets there were (a word alone in its sentence is none).

    Raises:
        TypeError, ValueError, IndexError: an option that does not exist, ids, shapes or positions
            that do not fit.
    """
    as_choice(model, "model", MODELS)
    sampled = as_choice(loss, "loss", LOSSES) == "negative_sampling"
    window_size, lr = as_count(window_size, "window_size"), _as_rate(lr, "lr")
    wide = model == "skipgram" and not share_negatives
    if sampled and negatives is None:
        raise ValueError("negatives must be given for loss='negative_sampling'.")
    negatives = negatives if sampled else None
    given = plan.checked_given(corpus, window_size, wide, negatives, reaches, begin, end)
    begin, end, negatives, reaches = given.begin, given.end, given.negatives, given.reaches
    W_in = as_matrix(np.asarray(W_in), "W_in")
    shape = plan.Shape(corpus.vocab_size, W_in.shape[1], window_size)
    order = plan.Order(np.asarray(corpus.counts))
    counts = order.counts[order.id_of]
    if sampled:
        rows = order.row_of[negatives.ravel()]
        outputs = plan.negative_outputs(counts, 0.75, negatives.shape[-1], False, given=rows)
    else:
        outputs = plan.tree_outputs(counts, False)
    weights = plan.Weights(shape)
    trainer = FastTrainer.__new__(FastTrainer)
    trainer.weights, trainer.order, trainer.loss_name = weights, order, loss
    trainer.set_weights(W_in, W_out)
    scratch = plan.make_scratch(shape, outputs, end - begin, reaches)
    stretch = kernels.Stretch(
        begin, end, window_size, False, mean_gradient, lr, lr, np.uint64(0), np.uint64(0)
    )
    function = training_function(model, share_negatives)
    total, targets = function(
        plan.make_text(corpus, order), weights.net(0), outputs, scratch, stretch
    )
    return *trainer.get_weights(), total, targets
