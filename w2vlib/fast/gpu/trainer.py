"""The trainer on the GPU: the whole text there, one number or two fetched after each epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from w2vlib.backend import to_cpu
from w2vlib.fast import plan
from w2vlib.fast.engine import FastTrainer, _Meter, _mix
from w2vlib.fast.gpu.launch import (
    TOKENS_PER_WARP,
    DeviceText,
    Draws,
    Kernels,
    Rates,
    Waiting,
    crowding,
    damping,
    stretches,
)
from w2vlib.trainer import _as_callbacks, _call, _Stopwatch
from w2vlib.validation import as_count, as_ids

IN_ORDER, LEAST_IN_ORDER = 512, 16
"""Targets that share one state of both matrices when additions happen in a fixed order.

Their number grows as that of the warps does: a target for every tenth of ``tokens_per_warp``.
"""


class GpuTrainer(FastTrainer):
    """:class:`w2vlib.fast.FastTrainer` on a GPU; the same arguments, attributes and methods.

    Weights, text and random draws are on the device; nothing is copied during an epoch, and two
    numbers for each launch after it.  ``threads`` is ignored.  It rests and stops between two
    launches, of which the longest takes about a tenth of a second.

    Args:
        corpus, options: see :func:`w2vlib.fast.train`; the loss must be negative sampling.
        deterministic: add everything up in a fixed order: the same seed then gives the same bytes
            on the same kind of device.  Slower; and the weights change only after every 16 to 512
            targets.
        warps: groups of 32 threads that train at the same time, each on text of its own; by default
            as many as the card has room for.  What so many change at once, none of them has seen.
        tokens_per_warp: so no more warps work than one for so many tokens trained on so far, all
            epochs together; 0: all work from the beginning.  See
            :func:`w2vlib.fast.gpu.launch.stretches`.

    Raises:
        ValueError: as FastTrainer; hierarchical softmax; sizes that do not fit into the GPU.
    """

    def __init__(
        self,
        corpus,
        *,
        deterministic: bool = False,
        warps: int | None = None,
        tokens_per_warp: int = TOKENS_PER_WARP,
        **options,
    ) -> None:
        if options.get("loss", "negative_sampling") != "negative_sampling":
            raise ValueError(
                f"on the GPU loss must be 'negative_sampling', got {options['loss']!r}. "
                "Use device='cpu'."
            )
        super().__init__(corpus, **options | {"threads": 1})
        self.deterministic = bool(deterministic)
        self.tokens_per_warp = as_count(tokens_per_warp, "tokens_per_warp", minimum=0)
        self._kernels = Kernels(
            self.model if not self.share_negatives else "windows",
            self.shape.vocab_size,
            self.shape.hidden_size,
            self.shape.window_size,
            self.sample_size,
            shrink=self.shrink_windows,
            mean=self.mean_gradient,
            warps=None if warps is None else as_count(warps, "warps"),
        )
        self._most_warps = self._kernels.warps
        counts = self.order.counts[self.order.id_of]
        xp = self._kernels.xp
        self._table = xp.asarray(plan.noise_table(counts, self.power))
        self._crowding = tuple(map(xp.asarray, self._crowding_of(counts)))
        self._there: DeviceText | None = None
        self._net: tuple | None = None  # W_in and W_out on the device, if they are newer there

    def _crowding_of(self, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        noise = np.where(counts > 0, np.maximum(counts, 1) ** float(self.power), 0.0)
        return crowding(
            self._kernels.kind,
            counts / counts.sum(),
            noise / noise.sum(),
            window_size=self.shape.window_size,
            sample_size=self.sample_size,
            lr=self.first_lr,
            mean=self.mean_gradient,
            in_order=self.deterministic,
        )

    def _damp(self, at_once: int) -> None:
        """From now on so many targets are in work at a time."""
        xp = self._kernels.xp
        self._kernels.damp = tuple(damping(crowd, at_once, xp) for crowd in self._crowding)

    def compile(self) -> None:
        """Make kernels, text and weights ready now, so that :meth:`fit` begins at once."""
        if self._there is None:
            self._there = DeviceText(self._text, self.shape.window_size, self._kernels.xp)
        if self._net is None:
            rows = (self.weights.rows(name) for name in ("W_in", "W_out"))
            self._net = tuple(map(self._kernels.matrix, rows))

    def set_weights(self, W_in, W_out) -> None:
        """Go on from these weights: (V, H) each, by id, on either device."""
        self._net = None
        super().set_weights(to_cpu(W_in), to_cpu(W_out))

    def get_weights(self) -> tuple[np.ndarray, np.ndarray]:
        """Copies of W_in and W_out on the CPU, by id, float32."""
        self._fetch()
        return super().get_weights()

    def word_vectors(self):
        """The vectors as they are now, with the words and counts of the corpus."""
        self._fetch()
        return super().word_vectors()

    def take_vectors(self):
        """Like :meth:`word_vectors`, at the end: all else is let go."""
        self._fetch()
        self._net = self._there = None
        return super().take_vectors()

    def _fetch(self) -> None:
        for name, W in zip(("W_in", "W_out"), self._net or (), strict=False):
            self.weights.rows(name)[...] = to_cpu(W)[:, : self.shape.hidden_size]

    def fit(
        self,
        callbacks: Iterable[Callable] = (),
        *,
        checkpoint=None,
        resume: bool = False,
        also=None,
    ) -> GpuTrainer:
        """Train ``max_epoch`` epochs; see :meth:`FastTrainer.fit`.

        Raises:
            FloatingPointError: weights that grew beyond all bounds; the message says what to do.
            ValueError: checkpoints, which only the CPU's trainer writes so far.
        """
        if checkpoint is not None or resume:
            raise ValueError("checkpoints are written by the CPU's trainer only: device='cpu'.")
        callbacks = _as_callbacks(callbacks)
        self._stop = self.interrupted = False
        self._also = also
        self.compile()
        meter = _Meter(self) if self.progress else None
        last = self.epoch + self.max_epoch
        try:
            while self.epoch < last and not self._stop:
                if not self._run_epoch_there(meter):
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
            if meter is not None:
                meter.close()
        return self

    def _run_epoch_there(self, meter) -> bool:
        """One pass over the text; whether it came to the end, or was stopped on the way."""
        clock, size = _Stopwatch(), len(self._text.ids)
        passed = self.epoch * size
        rates = self._rate(passed), self._rate(passed + size)
        draws = Draws(
            self._table,
            key=int(_mix(self._key, self.epoch, 0)),
            reach_key=int(_mix(self._key, self.epoch, -2)),
        )
        tokens, spans = self._there.epoch(_mix(self._key, self.epoch, -1))
        order = Rates(*rates, max(1, len(tokens)))
        reports, reached = self._launch_all(tokens, spans, order, draws, clock)
        whole = reached == len(tokens)
        done = size if whole else round(size * reached / len(tokens))
        self.lr = self._rate(passed + done)
        self._report(to_cpu(self._kernels.xp.stack(reports)), done, clock)
        if meter is not None:
            meter.show(done)
        return whole

    def _launch_all(
        self, tokens, spans, rates: Rates, draws: Draws, clock: _Stopwatch
    ) -> tuple[list, int]:
        """The launches of an epoch, without copying anything.

        Returns:
            (loss, targets) of each launch, on the device; and up to which token they came.
        """
        xp, run = self._kernels.xp, self._kernels.run
        if self.deterministic:
            run = self._kernels.run_in_order
        reports, reached, waiting = [xp.zeros(2)], 0, Waiting(xp)
        for begin, end in self._stretches(len(tokens)):
            if self._told_to("resting"):
                waiting.finish()  # what is under way is no rest yet
                clock.rest(self._told_to)
            if self._told_to("_stop"):
                break
            losses = run(*self._net, tokens, spans, begin, end, rates, draws)
            targets = xp.count_nonzero(spans[begin:end]).astype(np.float64)
            reports.append(xp.stack([losses.sum(), targets]))
            reached = end
            waiting.add()
        return reports, reached

    def _stretches(self, size: int) -> Iterator[tuple[int, int]]:
        """Begin and end of each launch of an epoch, which the kernels are made ready for."""
        passed = self.epoch * size
        if self.deterministic:
            yield from self._batches(size, passed)
            return
        for begin, end, warps in stretches(size, passed, self._most_warps, self.tokens_per_warp):
            if begin == 0 or warps != self._kernels.warps:
                self._kernels.warps = warps
                self._damp(warps)
            yield begin, end

    def _batches(self, size: int, passed: int) -> Iterator[tuple[int, int]]:
        """The same for additions in a fixed order."""
        begin = targets = 0
        while begin < size:
            before, targets = targets, IN_ORDER
            if self.tokens_per_warp:
                grown = 10 * (passed + begin) // self.tokens_per_warp
                targets = min(IN_ORDER, max(LEAST_IN_ORDER, grown))
            if targets != before:
                self._damp(targets)
            yield begin, min(begin + targets, size)
            begin += targets

    def _report(self, reports: np.ndarray, size: int, clock: _Stopwatch) -> None:
        """The figures of an epoch, or of its first ``size`` tokens; ``reports`` (launches, 2)."""
        loss, targets = reports.sum(axis=0)
        if not np.isfinite(loss):
            raise FloatingPointError(
                f"training diverged in epoch {self.epoch + 1}: the loss is {loss}. "
                f"Use a smaller lr than {self.first_lr:g}."
            )
        before, done = self._tokens, np.cumsum(reports[:, 1]) / max(targets, 1)
        for (part, count), share in zip(reports, done, strict=True):
            if count:
                self.history.append((before + round(share * size), part / count))
        self._tokens += size
        self.targets = int(targets)
        if targets:
            self.loss = float(loss / targets)
            self.loss_list.append(self.loss)
        self._seconds += clock.seconds
        self.words_per_second = self._tokens / max(self._seconds, 1e-9)


# ---- one step, in the open ----------------------------------------------------------------------


def update(
    W_in,
    W_out,
    corpus,
    *,
    model: str = "cbow",
    window_size: int = 5,
    negatives=None,
    reaches=None,
    share_negatives: bool = False,
    mean_gradient: bool = True,
    lr: float = 0.025,
    begin: int = 0,
    end: int | None = None,
    deterministic: bool = False,
    warps: int = 1,
    damp=None,
) -> tuple[np.ndarray, np.ndarray, float, int]:
    """What the kernels make of given weights, with nothing left to chance: :func:`fast.update`.

    Args:
        W_in, W_out, corpus, model, window_size, negatives, reaches, share_negatives, mean_gradient,
        lr, begin, end: see :func:`w2vlib.fast.update`.
        deterministic, warps: see :class:`GpuTrainer`; one warp goes through the text in order.
        damp: two (V,) factors by id for the changes of W_in and W_out; ones by default.

    Returns:
        ``(W_in, W_out, loss, targets)`` on the CPU, as there.

    Raises:
        IndexError: ids outside the vocabulary.
    """
    end = len(corpus.ids) if end is None else end
    order, size = plan.Order(np.asarray(corpus.counts)), corpus.vocab_size
    negatives = as_ids(np.asarray(negatives), size, "negatives")
    sample_size = negatives.shape[-1]
    kind = "windows" if share_negatives else model
    kernels = Kernels(
        kind,
        size,
        np.shape(W_in)[1],
        window_size,
        sample_size,
        mean=mean_gradient,
        warps=warps,
    )
    xp = kernels.xp
    if damp is not None:
        kernels.damp = tuple(xp.asarray(np.asarray(d, np.float32)[order.id_of]) for d in damp)
    reaches = np.full(end - begin, window_size) if reaches is None else np.asarray(reaches)
    draws = Draws(
        xp.zeros(size, dtype=np.uint64),
        negatives=xp.asarray(order.row_of[negatives.ravel()]),
        reaches=xp.asarray(reaches.astype(np.int32)),
    )
    net = [kernels.matrix(np.asarray(W)[order.id_of]) for W in (W_in, W_out)]
    tokens, spans = DeviceText(plan.make_text(corpus, order), window_size, xp).epoch(0)
    run = kernels.run_in_order if deterministic else kernels.run
    losses = run(*net, tokens, spans, begin, end, Rates(lr, lr, len(tokens)), draws)
    new = (to_cpu(W)[:, : kernels.hidden_size][order.row_of] for W in net)
    targets = int(xp.count_nonzero(spans[begin:end]))
    return *new, float(losses.sum()), targets
