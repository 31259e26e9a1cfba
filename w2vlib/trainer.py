"""The training loop: shuffle, batch, forward, backward, update – and keep what was learned."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterable

import numpy as np

from w2vlib.backend import address, get_array_module, may_look, to_cpu, to_gpu, trusted
from w2vlib.checkpoints import saving
from w2vlib.layers import forward_only
from w2vlib.optimizers import clip_grads
from w2vlib.training_state import LayerTraining, Rounds
from w2vlib.validation import as_count, as_generator, as_number

ENGINES = ("numpy", "fast")
DEVICES = (None, "cpu", "gpu")
_NAP = 0.05  # seconds of a rest; short, so that Ctrl-C is heard


class Trainer:
    """Trains a model on (contexts, target) by mini-batches.

    Args:
        model: has ``params``, ``grads``, ``forward(contexts, target)`` and ``backward()``.
        optimizer: has ``update(params, grads)``.
        seed, rng: for shuffling.  The model has its own randomness.
        engine: ``"numpy"`` runs the model's own layers; ``"fast"`` lets :meth:`fit_corpus` hand a
            CBOW or SkipGram to the compiled trainer of :mod:`w2vlib.fast`.
        progress: show a progress bar; by default where someone watches (a terminal, a notebook).
        device: ``"gpu"`` moves the model to the GPU now, and the data in :meth:`fit`, if there is a
            GPU that works; ``"cpu"`` the other way.  By default all stay where they are, and must
            be in one place.

    On a GPU the data are checked once, before the first batch; the loss is looked at only every
    ``eval_interval`` batches, and so is whether it is finite.

    Attributes:
        loss_list: mean loss of every ``eval_interval`` batches (the first epoch's if that is
            shorter, and of those left over at the end).
        validation_losses: loss on the validation data after every epoch.
        loss_batches, validation_batches: after how many batches each of these was taken.
        batches: batches trained on since the trainer was made.  The compiled trainer knows no
            batches: it leaves these three as they are; its ``loss_list`` has the loss of each
            stretch of text.
        words_per_second: speed of the last ``fit``, in targets a second; rests left out.
        epoch: epochs finished since the trainer was made.
        interrupted: whether the last ``fit`` was ended early by Ctrl-C.
        resting: set it to ``True`` from another thread, and the training rests between two steps
            until it is ``False`` again.  What is learned stays the same.
        compiled: the compiled trainer, while :meth:`fit_corpus` lets it work; else ``None``.

    Raises:
        TypeError: something else than a model and an optimiser, or a class in place of an object.
        ValueError: another engine or device; both seed and rng.

    Source: Deep Learning from Scratch 2, section 1.4.4.
    """

    def __init__(
        self,
        model,
        optimizer,
        *,
        seed: int | None = None,
        rng: np.random.Generator | None = None,
        engine: str = "numpy",
        progress: bool | None = None,
        device: str | None = None,
    ) -> None:
        if engine not in ENGINES:
            raise ValueError(f"engine must be one of {ENGINES}, got {engine!r}.")
        if device not in DEVICES:
            raise ValueError(f"device must be one of {DEVICES}, got {device!r}.")
        _check_has(model, "model", "CBOW(…)", "forward", "backward")
        _check_has(optimizer, "optimizer", "Adam()", "update")
        self._to_device = {None: _where_it_is, "cpu": to_cpu, "gpu": to_gpu}[device]
        model, optimizer = self._to_device(model), self._to_device(optimizer)
        self.model, self.optimizer, self.engine = model, optimizer, engine
        self.rng = as_generator(rng, seed)
        self.progress = _someone_watches() if progress is None else bool(progress)
        self.loss_list: list[float] = []
        self.loss_batches: list[int] = []
        self.validation_losses: list[float] = []
        self.validation_batches: list[int] = []
        self.eval_interval = 20
        self.epoch = self.batches = 0
        self.words_per_second = float("nan")
        self.interrupted = self.resting = False
        self.compiled = None
        self._stop = False

    def fit(
        self,
        contexts,
        target,
        max_epoch: int = 10,
        batch_size: int = 32,
        max_grad: float | None = None,
        eval_interval: int = 20,
        *,
        validation: tuple | None = None,
        callbacks: Iterable[Callable] = (),
        checkpoint=None,
        resume: bool = False,
    ) -> None:
        """Train; may be called again to go on.

        Args:
            contexts, target: arrays whose first axes run over the N examples (for models with other
                inputs: whatever ``forward`` takes).
            max_epoch: passes over all examples.
            batch_size: examples a step; the last batch of an epoch holds what is left over.
            max_grad: clip the gradients' common length to this.
            eval_interval: batches that share one entry of ``loss_list``.
            validation: ``(contexts, target)`` whose loss is taken after every epoch.
            callbacks: called as ``callback(trainer)`` after every epoch; an object with a method
                ``on_batch(trainer)`` or ``on_epoch(trainer)`` has these called instead.
            checkpoint: a folder, where all that training needs is saved every minute and at the
                end; or a :class:`~w2vlib.checkpoints.Checkpoints` with your own choices.
            resume: go on from the newest checkpoint there, as if nothing had happened in between;
                from the beginning if there is none.  ``max_epoch`` counts from the beginning.

        Raises:
            ValueError: no examples, different lengths, epochs or batch sizes below 1.
            CheckpointError: the checkpoints are in use, damaged, or of another training.
            TypeError: callbacks that cannot be called.
            FloatingPointError: the loss is NaN or infinite; the step that would have spread it is
                not taken (on a GPU it is seen only at the next look at the loss).  Or a step was
                so large that the weights are.

        Ctrl-C ends training after the current step; the model keeps what it has learned.
        """
        contexts, target = self._to_device(contexts), self._to_device(target)
        size = _checked_size(contexts, target)
        max_epoch, batch_size = as_count(max_epoch, "max_epoch"), as_count(batch_size, "batch_size")
        self.eval_interval = as_count(eval_interval, "eval_interval")
        if max_grad is not None:
            max_grad = as_number(max_grad, "max_grad", minimum=0, open_minimum=True)
        callbacks = _as_callbacks(callbacks)
        validate = self._make_validation(validation, batch_size)
        rounds = Rounds(self.rng, size, batch_size, max_epoch, like=contexts)
        meter = _Meter(self, len(rounds), self.progress)
        data = {"contexts": contexts, "target": target, "validation": validation}
        options = {"batch_size": batch_size, "max_grad": max_grad, "eval_interval": eval_interval}
        running = LayerTraining(self, rounds, meter, data, options)
        self._stop = self.interrupted = False
        trust = self._trust(contexts, target)
        try:
            with saving(checkpoint, resume, running) as saver:
                batches = iter(rounds)
                while rounds.done < len(rounds):
                    meter.clock.rest(self._told_to, saver)
                    if self._stop:
                        return
                    batch = next(batches)
                    with trust():
                        loss = self._step(contexts, target, batch, max_grad)
                    meter.batch_done(loss, len(batch))
                    _call(callbacks, "on_batch", self)
                    if rounds.epoch_is_over:
                        self._end_epoch(meter, validate, callbacks)
                    saver.step_done()
        except KeyboardInterrupt:
            self.interrupted = True
            print(
                f"Interrupted in epoch {self.epoch + 1}: the model keeps what it has learned.",
                file=sys.stderr,
            )
        finally:
            meter.close()

    def _end_epoch(self, meter: _Meter, validate, callbacks: tuple) -> None:
        self.epoch += 1
        meter.epoch_done()
        if validate is not None:
            with forward_only():
                self.validation_losses.append(validate())
            self.validation_batches.append(self.batches)
        _call(callbacks, "on_epoch", self)

    def fit_corpus(self, corpus, max_epoch: int = 10, batch_size: int = 100, **options) -> None:
        """Train a CBOW or SkipGram on a corpus; with either engine.

        With ``engine="numpy"`` this makes contexts and target and calls :meth:`fit`; with
        ``engine="fast"`` the compiled trainer goes over the corpus itself.

        Args:
            corpus: a :class:`~w2vlib.corpus.Corpus` or (T,) ids.
            max_epoch: passes over the corpus.
            batch_size: examples a step; the compiled trainer has its own blocks and ignores it.
            options: further arguments of :meth:`fit` (or of :func:`w2vlib.fast.fit`).

        Raises:
            TypeError: a model without ``window_size``, such as the ones that take one-hot vectors.
            ValueError: sentences of one word only, in which no word has a neighbour;
            and as :meth:`fit`.
        """
        if self.engine == "fast":
            from w2vlib import fast

            fast.fit(self, corpus, max_epoch, **options)
            return
        from w2vlib.corpus import create_contexts_target, refuse_lone_words

        if not hasattr(self.model, "window_size"):
            raise TypeError(
                f"fit_corpus makes windows of ids, and {type(self.model).__name__} has no "
                "window_size. Make its inputs yourself (create_contexts_target, convert_one_hot) "
                "and call fit, or use CBOW or SkipGram."
            )
        refuse_lone_words(corpus)
        has_ends = getattr(corpus, "sentence_starts", None) is not None
        contexts, target = create_contexts_target(corpus, self.model.window_size, partial=has_ends)
        if get_array_module(getattr(self.model, "word_vecs", None)) is not np:
            contexts, target = to_gpu(contexts), to_gpu(target)
        self.fit(contexts, target, max_epoch, batch_size, **options)

    def stop(self) -> None:
        """From a callback or another thread: end the training and keep what was learned.

        The step in work is finished first; with ``engine="fast"`` that is a stretch of about 10,000
        tokens.
        """
        self._stop = True

    def _told_to(self, flag: str) -> bool:
        """Whether we have been told to stop or to rest."""
        return getattr(self, flag)

    def plot(self, ylim: tuple[float, float] | None = None):
        """Draw the loss over the batches; returns the matplotlib axes."""
        from matplotlib import pyplot as plt

        _, axes = plt.subplots()
        batches = self._places(self.loss_batches, self.loss_list)
        axes.plot(batches, self.loss_list, label="training loss")
        if self.validation_losses:
            batches = self._places(self.validation_batches, self.validation_losses)
            axes.plot(batches, self.validation_losses, "o--", label="validation loss")
            axes.legend()
        axes.set(xlabel=f"batches (mean over {self.eval_interval})", ylabel="loss", ylim=ylim)
        return axes

    def _places(self, batches: list[int], losses: list[float]):
        """Where on the axis to draw losses; the compiled trainer leaves that to us."""
        if len(batches) == len(losses):
            return batches
        last = self.batches or self.eval_interval * len(self.loss_list)
        return np.linspace(0, last, len(losses) + 1)[1:]

    def _step(self, contexts, target, batch, max_grad) -> float:
        try:
            loss = self.model.forward(contexts[batch], target[batch])
        except ValueError:
            self._refuse_lost_weights()
            raise
        if may_look(loss) and not np.isfinite(float(loss)):
            raise FloatingPointError(
                f"The loss is {float(loss)} in epoch {self.epoch + 1}; the model stays as it was "
                "before this step. Start again with a smaller learning rate, or with max_grad=5."
            )
        self.model.backward()
        params, grads = remove_duplicate(self.model.params, self.model.grads)
        if max_grad is not None:
            clip_grads(grads, max_grad)
        self.optimizer.update(params, grads)
        return loss

    def _refuse_lost_weights(self) -> None:
        """A layer refuses NaN; say so if it is the last step that brought it into the weights."""
        for p in self.model.params:
            if p.dtype.kind == "f" and may_look(p) and not bool((abs(p) < np.inf).all()):
                raise FloatingPointError(
                    f"The weights are NaN or infinite in epoch {self.epoch + 1}: the last steps "
                    "were too large. Make a new model, and start again with a smaller learning "
                    "rate, or with max_grad=5."
                ) from None

    def _trust(self, contexts, target) -> Callable:
        """What to do a step in: on a GPU all examples are checked now, and trusted afterwards."""
        check = getattr(self.model, "check_examples", None)
        if get_array_module(contexts, target) is np or check is None:
            return contextlib.nullcontext
        check(contexts, target)
        return trusted

    def _make_validation(self, validation, batch_size: int = 1000) -> Callable[[], float] | None:
        """A function that gives the validation loss, always on the same negative samples."""
        if validation is None:
            return None
        if not isinstance(validation, (tuple, list)) or len(validation) != 2:
            raise ValueError("validation must be a pair (contexts, target).")
        contexts, target = map(self._to_device, validation)
        size = _checked_size(contexts, target, "validation: ")
        negatives = self._fixed_negatives(contexts, target)

        def loss() -> float:
            total = 0.0
            for start in range(0, size, batch_size):
                part = slice(start, start + batch_size)
                more = () if negatives is None else (negatives[part],)
                total += len(target[part]) * self.model.forward(contexts[part], target[part], *more)
            return total / size

        return loss

    def _fixed_negatives(self, contexts, target):
        """Negatives for the validation data, from a generator of their own.

        Looking at the validation loss must not change the training.
        """
        from w2vlib.models import CBOW, SkipGram

        sampler = getattr(getattr(self.model, "loss_layer", None), "sampler", None)
        if sampler is None or not isinstance(self.model, (CBOW, SkipGram)):
            return None
        asked = contexts if isinstance(self.model, SkipGram) else target
        return sampler.get_negative_sample(asked, rng=np.random.default_rng(0))


class _Stopwatch:
    """Seconds of training since it was made; it stands still while the training rests."""

    def __init__(self) -> None:
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """So far."""
        return time.perf_counter() - self._began

    def rest(self, told_to: Callable[[str], bool], saver=None) -> None:
        """Between two steps of any trainer: rest as long as it is told to, but for a stop.

        Args:
            told_to: says of ``"resting"`` and of ``"_stop"`` whether the trainer is told to.
            saver: of the checkpoints, which keeps Ctrl-C back until one is written.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        began = time.perf_counter()
        try:
            while told_to("resting") and not told_to("_stop"):
                if saver is not None and saver.interrupted:
                    saver.save_now()
                time.sleep(_NAP)
        finally:
            self._began += time.perf_counter() - began


class _Meter:
    """Counts words and losses, and shows them while training runs."""

    def __init__(self, trainer: Trainer, steps: int, progress: bool) -> None:
        self.trainer, self.words, self.losses = trainer, 0, []
        self.clock = _Stopwatch()
        self.bar = None
        if progress:
            from tqdm import tqdm  # plain text: a saved notebook still shows it

            self.bar = tqdm(total=steps, unit="batch", leave=True)

    def resumed(self, batches: int) -> None:
        """So many batches were trained on before a checkpoint was written."""
        if self.bar is not None:
            self.bar.update(batches)

    def batch_done(self, loss: float, words: int) -> None:
        self.words += words
        self.trainer.batches += 1
        self.losses.append(loss)
        if self.bar is not None:
            self.bar.update()
        if len(self.losses) == self.trainer.eval_interval:
            self._flush()

    def epoch_done(self) -> None:
        if self.losses and not self.trainer.loss_list:
            self._flush()  # so that even the shortest training has a point to draw

    def _flush(self) -> None:
        count = len(self.losses)
        mean = float(sum(self.losses)) / count
        self.losses.clear()
        if not np.isfinite(mean):  # here only on a GPU: elsewhere each loss was looked at
            raise FloatingPointError(
                f"The loss is {mean} in epoch {self.trainer.epoch + 1}, somewhere in the last "
                f"{count} batches, and has spread through the model. Make a new model, "
                "and start again with a smaller learning rate, or with max_grad=5."
            )
        self.trainer.loss_list.append(mean)
        self.trainer.loss_batches.append(self.trainer.batches)
        self.trainer.words_per_second = self.words / self.clock.seconds
        if self.bar is not None:
            loss, speed = self.trainer.loss_list[-1], self.trainer.words_per_second
            self.bar.set_postfix_str(f"loss {loss:.3f}, {speed:,.0f} words/s")

    def close(self) -> None:
        if self.losses:
            self._flush()
        if self.words:
            self.trainer.words_per_second = self.words / self.clock.seconds
        if self.bar is not None:
            self.bar.close()


def remove_duplicate(params: list, grads: list) -> tuple[list, list]:
    """Merge parameters that are one and the same array; their gradients are added up.

    A parameter that is another one's transpose *in the same memory* counts as the same.  Equal
    numbers in different memory do not: they are two parameters that happen to be equal.  One and
    the same gradient array counts once: it belongs to one layer that was listed twice.

    Args:
        params: arrays, some perhaps listed several times.
        grads: their gradients (arrays or RowGradients); never changed.

    Returns:
        ``(params, grads)``, new lists without duplicates.

    Raises:
        ValueError: lists of different lengths, or a gradient that does not fit its parameter.
    """
    for i, (p, g) in enumerate(zip(params, grads, strict=True)):
        fits = hasattr(p, "strides") and getattr(g, "shape", None) == p.shape
        if not fits or g.dtype.kind not in "fiub":
            raise ValueError(
                f"params[{i}] and grads[{i}] must be arrays of real numbers and of one shape."
            )
    unique: dict = {}
    kept_params, kept_grads = [], []
    for p, g in zip(params, grads, strict=True):
        key, flipped = _memory_key(p)
        if key not in unique:
            unique[key] = (len(kept_params), flipped, [g])
            kept_params.append(p)
            kept_grads.append(g)
            continue
        place, first_flipped, counted = unique[key]
        if any(g is other for other in counted):
            continue
        counted.append(g)
        kept_grads[place] = kept_grads[place] + (g if flipped == first_flipped else g.T)
    return kept_params, kept_grads


def _memory_key(p) -> tuple[tuple, bool]:
    """What memory an array covers: the same for its transpose, which the flag tells apart."""
    start = address(p)
    # Axes by stride, largest first; an axis of length 1 has no stride that means anything.
    axes = [(stride, size) for size, stride in zip(p.shape, p.strides, strict=True) if size > 1]
    by_stride = sorted(axes, reverse=True)
    flipped = axes != by_stride if len(axes) == 2 else p.ndim == 2 and p.shape[0] == 1
    return (start, p.dtype.str, p.ndim, tuple(by_stride)), flipped


def _where_it_is(x):
    return x  # by name, so that a Trainer can be pickled


def _check_has(thing, name: str, example: str, *methods: str) -> None:
    """Checked before training: an ``AttributeError`` from its depths would say less."""
    if isinstance(thing, type):
        raise TypeError(
            f"{name} must be an object, got the class {thing.__name__}: write {thing.__name__}(…), "
            f"as in {example}."
        )
    lacking = [method for method in methods if not callable(getattr(thing, method, None))]
    if lacking:
        raise TypeError(
            f"{name} must have the method {' and '.join(lacking)}, as {example} has; "
            f"got {type(thing).__name__}."
        )


def _checked_size(contexts, target, which: str = "") -> int:
    lengths = [len(a) if getattr(a, "ndim", 0) else None for a in (contexts, target)]
    if None in lengths or lengths[0] != lengths[1]:
        raise ValueError(
            f"{which}contexts and target must be arrays with the same number of rows, got "
            f"{[getattr(a, 'shape', type(a).__name__) for a in (contexts, target)]}."
        )
    if lengths[0] == 0:
        raise ValueError(f"{which}contexts and target are empty: there is nothing to train on.")
    return lengths[0]


def _as_callbacks(callbacks) -> tuple:
    """Checked before training starts: an hour later would be too late."""
    if callable(callbacks) or not isinstance(callbacks, Iterable):
        raise TypeError(f"callbacks must be a list, got {callbacks!r}: write callbacks=[function].")
    callbacks = tuple(callbacks)
    for i, callback in enumerate(callbacks):
        methods = [getattr(callback, moment, None) for moment in ("on_batch", "on_epoch")]
        if not any(map(callable, (callback, *methods))):
            raise TypeError(
                f"callbacks[{i}] must be a function of the trainer, or have a method "
                f"on_batch(trainer) or on_epoch(trainer); got {callback!r}."
            )
    return callbacks


def _call(callbacks: tuple, moment: str, trainer: Trainer) -> None:
    for callback in callbacks:
        method = getattr(callback, moment, None)
        if method is not None:
            method(trainer)
        elif moment == "on_epoch" and not hasattr(callback, "on_batch"):
            callback(trainer)


def _someone_watches() -> bool:
    ipython = sys.modules.get("IPython")
    if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
        return True
    return bool(getattr(sys.stderr, "isatty", lambda: False)())
