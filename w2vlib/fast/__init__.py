"""Compiled trainers: what :mod:`w2vlib.models` does, some fifty times faster.

    from w2vlib import fast

    vectors = fast.train("text.txt", model="skipgram", max_epoch=5)
    vectors.most_similar("king")

numba is loaded, and the loops are compiled, when something here is first called; later processes
find the compiled code in numba's cache.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from w2vlib.word_vectors import WordVectors

if TYPE_CHECKING:  # what editors and type checkers read; the program itself never does
    from w2vlib.fast.engine import FastTrainer, update
    from w2vlib.fast.stored import StoredCorpus, store

_LAZY = {"FastTrainer": "engine", "update": "engine", "StoredCorpus": "stored", "store": "stored"}

__all__ = ["FastTrainer", "StoredCorpus", "fit", "opened", "store", "train", "trainer_on", "update"]


def __getattr__(name: str):
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


def __dir__() -> list[str]:
    return __all__


def train(
    source,
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
    min_count: int = 1,
    tokenizer=None,
    threads: int = 1,
    seed: int | None = None,
    rng=None,
    callbacks: Iterable[Callable] = (),
    progress: bool | None = None,
    checkpoint=None,
    resume: bool = False,
    device: str | None = None,
    deterministic: bool = False,
) -> WordVectors:
    """Learn word vectors from a text: the whole way in one call.

    Args:
        source: a :class:`~w2vlib.corpus.Corpus`, a :class:`StoredCorpus`, (T,) ids, the name of a
            data set ("ptb", "embedded", …), or the path of a text file (also .gz, .xz, .zip), which
            may be larger than memory.
        model: ``"cbow"`` or ``"skipgram"``.
        hidden_size: H, the length of a vector.
        window_size: words on either side; no window crosses a sentence end.
        loss: ``"negative_sampling"`` or ``"hierarchical_softmax"``.
        sample_size, power: K negatives a target, drawn with ``P ∝ count ** power``.
        subsample: threshold t of :func:`~w2vlib.corpus.keep_probability`, e.g. 1e-3; 0 keeps all.
        shrink_windows: draw each target's window size from 1 … window_size, as word2vec.c does.
        share_negatives: skip-gram only: all neighbours of a word share its K negatives, and predict
            it (as in word2vec.c) instead of being predicted.  About one and a half times as fast.
        mean_gradient: CBOW only: a context word gets 1/C of the gradient of the mean, as calculus
            wants it and the layers do; ``False``: all of it, as word2vec.c and gensim do.
        lr, final_lr: the learning rate falls evenly from ``lr`` (default 0.2 for CBOW, 0.05 for
            skip-gram; with ``mean_gradient=False`` use about 0.05) to ``final_lr`` (default
            ``lr / 10,000``).  It is the step for *one* target, whatever the batch.
        max_epoch: passes over the text.
        min_count, tokenizer: for paths: leave out words that occur less often, and how to cut the
            text into words, see :func:`w2vlib.datasets.load`.
        threads: compiled code runs in so many threads at a time.  One thread: the same seed gives
            the same bytes.  Several: they change the same matrices without waiting for each other,
            so results differ in the last digits from run to run.
        seed, rng: for the initial weights and all draws.
        callbacks: called with the :class:`FastTrainer` after every epoch; it has ``epoch``,
            ``loss_list``, ``words_per_second``, ``word_vectors()`` and ``stop()``.
        progress: show a progress bar; by default where someone watches.
        checkpoint: a folder, where the state of the training is saved every minute and at the end;
            or a :class:`~w2vlib.checkpoints.Checkpoints` with your own choices.
        resume: go on from the newest checkpoint there; from the beginning if there is none.  With
            one thread the vectors end as the same bytes as without a break.

        device: ``"gpu"`` trains on an NVIDIA card with CuPy, see :mod:`w2vlib.fast.gpu`, or says
            that there is none and uses the CPU; negative sampling only, no checkpoints.
        deterministic: the same seed gives the same bytes: on a GPU slower, on the CPU always true
            of one thread and never of several.

    Returns:
        The vectors (W_in).  Ctrl-C ends the training early and returns what was learned so far.

    Raises:
        TypeError, ValueError: arguments out of range; the message says which and what is allowed.
        FloatingPointError: the learning rate was too large.
        CheckpointError: the checkpoints are in use, damaged, or of another training.

    Source: Mikolov et al. 2013a, 2013b.
    """
    options = {
        "model": model,
        "hidden_size": hidden_size,
        "window_size": window_size,
        "loss": loss,
        "sample_size": sample_size,
        "power": power,
        "subsample": subsample,
        "shrink_windows": shrink_windows,
        "share_negatives": share_negatives,
        "mean_gradient": mean_gradient,
        "lr": lr,
        "final_lr": final_lr,
        "max_epoch": max_epoch,
        "threads": threads,
        "seed": seed,
        "rng": rng,
        "progress": progress,
    }
    make = trainer_on(device, deterministic, threads)
    with opened(source, min_count, tokenizer) as corpus:
        trainer = make(corpus, **options)
        vectors = trainer.fit(callbacks, checkpoint=checkpoint, resume=resume).take_vectors()
        del trainer  # it reads the text's files, which Windows would not delete below it
        return vectors


def trainer_on(device: str | None, deterministic: bool, threads: int) -> Callable:
    """The trainer for a device: a function of a corpus and of the options of :class:`FastTrainer`.

    Arguments as in :func:`train`.  Where no GPU works, it says so and takes the CPU.

    Raises:
        ValueError: there is no such device, or ``deterministic`` with several threads on the CPU.
    """
    from w2vlib.backend import gpu_works

    if device not in (None, "cpu", "gpu"):
        raise ValueError(f"device must be one of (None, 'cpu', 'gpu'), got {device!r}.")
    if device == "gpu" and gpu_works():
        from w2vlib.fast.gpu import GpuTrainer

        return functools.partial(GpuTrainer, deterministic=deterministic)
    if deterministic and threads != 1:
        raise ValueError(f"deterministic on the CPU needs threads=1, got {threads!r}.")
    from w2vlib.fast.engine import FastTrainer

    return FastTrainer


def fit(trainer, corpus, max_epoch: int = 10, **options) -> None:
    """Train the model of a :class:`~w2vlib.trainer.Trainer` with compiled code, in place.

    This is what ``Trainer(model, SGD(lr), engine="fast").fit_corpus(corpus, …)`` calls.  Model,
    loss, window, K and power are the model's own, and so is the meaning of the loss.

    Args:
        trainer: a Trainer with a :class:`~w2vlib.models.CBOW` or :class:`~w2vlib.models.SkipGram`
            and the optimiser :class:`~w2vlib.optimizers.SGD`.
        corpus: a corpus with the model's vocabulary, or (T,) ids.
        max_epoch: passes over the corpus.
        options: ``threads``, ``final_lr`` (default: the learning rate stays), ``subsample``,
            ``shrink_windows``, ``share_negatives``; ``callbacks``, ``validation``, ``checkpoint``
            and ``resume`` as for ``Trainer.fit``.

    Raises:
        TypeError, ValueError: a model or an optimiser that the engine does not have.

    The learning rate is the step for one target.  The layers take the *mean* over a batch, so
    ``SGD(lr)`` with a batch of B targets makes steps that are B times smaller.
    """
    from w2vlib.fast.bridge import fit_trainer

    fit_trainer(trainer, corpus, max_epoch, **options)


@contextlib.contextmanager
def opened(source, min_count: int, tokenizer):
    """A corpus for whatever was given; its temporary files go away at the end."""
    if not isinstance(source, (str, os.PathLike)):
        if min_count != 1 or tokenizer is not None:
            raise ValueError(
                "min_count and tokenizer are for texts that are still to be read. "
                "Give them to build_corpus(…) or datasets.load(…), which made the corpus."
            )
        is_corpus = all(
            hasattr(source, name) for name in ("ids", "words", "counts", "sentence_starts")
        )
        yield source if is_corpus else _from_ids(source)
        return
    from w2vlib import datasets

    if source in datasets.CORPORA:
        yield datasets.load(source, min_count=min_count, tokenizer=tokenizer)
        return
    from w2vlib.fast.stored import store

    with store(source, min_count=min_count, tokenizer=tokenizer or "book") as corpus:
        yield corpus


def _from_ids(ids):
    """A corpus of bare ids: the words are the numbers themselves."""
    from w2vlib.corpus import Corpus
    from w2vlib.negative_sampling import count_ids

    return Corpus(ids, [str(i) for i in range(len(count_ids(ids)))])
