"""Between the compiled trainer and the models and trainers of the NumPy layers."""

from __future__ import annotations

import numpy as np

from w2vlib.backend import get_array_module
from w2vlib.fast.engine import FastTrainer
from w2vlib.fast.plan import STRETCH
from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss
from w2vlib.layers import forward_only
from w2vlib.models import CBOW, SkipGram
from w2vlib.optimizers import SGD
from w2vlib.trainer import _as_callbacks, _call

_BATCH = 100  # targets: what the loss curve of a Trainer counts in


def fit_trainer(
    trainer,
    corpus,
    max_epoch: int = 10,
    *,
    threads: int = 1,
    final_lr: float | None = None,
    subsample: float = 0.0,
    shrink_windows: bool = False,
    share_negatives: bool = False,
    callbacks=(),
    validation: tuple | None = None,
    eval_interval: int | None = None,
    checkpoint=None,
    resume: bool = False,
) -> None:
    """See :func:`w2vlib.fast.fit`; ``eval_interval`` is accepted and ignored."""
    callbacks = _as_callbacks(callbacks)
    model, lr = _checked(trainer)
    options = model_options(model)
    corpus = _with_vocabulary(corpus, len(model.word_vecs))
    engine = _engine_for(model)(
        corpus,
        **options,
        subsample=subsample,
        shrink_windows=shrink_windows,
        share_negatives=share_negatives,
        lr=lr,
        final_lr=lr if final_lr is None else final_lr,
        max_epoch=max_epoch,
        threads=threads,
        rng=trainer.rng,
        progress=trainer.progress,
    )
    W_in, W_out = model.params
    engine.set_weights(W_in, W_out)
    validate = trainer._make_validation(validation)
    trainer._stop = trainer.interrupted = False
    trainer.eval_interval = STRETCH // _BATCH

    def after_epoch(engine) -> None:
        _write_back(engine, trainer)
        trainer.epoch += 1
        if validate is not None:
            with forward_only():
                trainer.validation_losses.append(validate())
        _call(callbacks, "on_epoch", trainer)
        if trainer._stop:
            engine.stop()

    trainer.compiled = engine
    try:
        engine.fit([after_epoch], checkpoint=checkpoint, resume=resume, also=trainer)
    finally:
        trainer.compiled = None
        _write_back(engine, trainer)
        trainer.interrupted = engine.interrupted


def _engine_for(model):
    """The trainer that works where the model's arrays are."""
    if get_array_module(*model.params) is np:
        return FastTrainer
    from w2vlib.fast.gpu import GpuTrainer

    return GpuTrainer


def _checked(trainer):
    """The model and the learning rate, if the engine has both."""
    model, optimizer = trainer.model, trainer.optimizer
    if type(model) not in (CBOW, SkipGram):
        raise TypeError(
            f"engine='fast' trains CBOW and SkipGram, got {type(model).__name__}. "
            "Use engine='numpy'."
        )
    if type(optimizer) is not SGD:
        raise TypeError(
            f"engine='fast' has plain SGD only, got {type(optimizer).__name__}. "
            "Use SGD(lr=…), for example 0.2 for CBOW and 0.05 for SkipGram, or engine='numpy'."
        )
    return model, optimizer.lr


def model_options(model) -> dict:
    """The arguments of :class:`FastTrainer` that a CBOW or SkipGram already knows."""
    layer = model.loss_layer
    options = {
        "model": "cbow" if isinstance(model, CBOW) else "skipgram",
        "hidden_size": model.word_vecs.shape[1],
        "window_size": model.window_size,
    }
    if isinstance(layer, HierarchicalSoftmaxLoss):
        return {**options, "loss": "hierarchical_softmax"}
    sampler = layer.sampler
    return {**options, "sample_size": sampler.sample_size, "power": sampler.power}


def _with_vocabulary(corpus, size: int):
    """The corpus, with counts for all V words of the model."""
    from w2vlib.corpus import Corpus

    if not hasattr(corpus, "ids"):
        corpus = Corpus(corpus, [str(i) for i in range(size)])
    if corpus.vocab_size != size:
        raise ValueError(
            f"the corpus has {corpus.vocab_size} words and the model {size}: "
            "make both with the same vocabulary."
        )
    return corpus


def _write_back(engine: FastTrainer, trainer) -> None:
    """Weights, losses and speed, from the engine to the model and its trainer."""
    for param, value in zip(trainer.model.params, engine.get_weights(), strict=True):
        param[...] = get_array_module(param).asarray(value)
    trainer.loss_list += [loss for _, loss in engine.history]
    engine.history.clear()
    trainer.words_per_second = engine.words_per_second
