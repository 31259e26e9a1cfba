"""The compiled trainer's training, as :mod:`w2vlib.checkpoints` sees it."""

from __future__ import annotations

import hashlib

import numpy as np

from w2vlib.training_state import random_state, set_random_state, shown

_LISTS = ("loss_list", "loss_batches", "validation_losses", "validation_batches")


class EngineTraining:
    """A running :meth:`FastTrainer.fit`: weights, position, losses and the key of all draws.

    Between two stretches of text nothing else matters: every draw follows from the key, the epoch
    and the place in the text, and the learning rate from the number of tokens.

    Args:
        trainer: the FastTrainer.
        first_epoch: epochs finished before this ``fit``.
        also: the :class:`~w2vlib.trainer.Trainer` that lets it train, or ``None``.
    """

    def __init__(self, trainer, also=None) -> None:
        self.trainer, self.also = trainer, also
        self.first_epoch = trainer.epoch

    def identity(self) -> dict:
        """Which training this is; the number of threads may change from run to run."""
        trainer, corpus = self.trainer, self.trainer.corpus
        options = ("model", "sample_size", "power", "subsample", "shrink_windows", "mean_gradient")
        options += ("share_negatives", "first_lr", "final_lr", "max_epoch")
        starts = corpus.sentence_starts
        identity = {
            "program": "w2vlib.fast.FastTrainer",
            "loss": trainer.loss_name,
            "hidden_size": trainer.shape.hidden_size,
            "window_size": trainer.shape.window_size,
            **{name: getattr(trainer, name) for name in options},
            "corpus.words": f"{len(corpus.words)} {_text_digest(corpus.words)}",
            "corpus.counts": shown(np.asarray(corpus.counts)),
            "corpus.ids": shown(corpus.ids),
            "corpus.sentence_starts": "none" if starts is None else shown(starts),
        }
        if hasattr(corpus, "release"):
            corpus.release(0, len(corpus.ids))
        return identity

    def place(self) -> str:
        """Where the training stands, for people."""
        return f"epoch {self.trainer.epoch}, {self.trainer._tokens:,} tokens"

    def state(self) -> dict:
        """Everything that the next stretch of text depends on, and what was recorded so far."""
        trainer, running = self.trainer, self.trainer._running
        state = {name: self._matrix(name) for name in ("W_in", "W_out")}
        state["running"] = [0, 0.0, 0]
        if running is not None:
            state["running"] = [running.begin, float(running.loss), int(running.targets)]
        state["key"] = trainer._key
        state["epochs"] = [self.first_epoch, trainer.epoch]
        state["totals"] = [trainer._tokens, trainer._seconds]
        state["loss_list"] = np.array(trainer.loss_list, np.float64)
        state["history"] = np.array(trainer.history, np.float64).reshape(-1, 2)
        if self.also is not None:
            state["also"] = self._state_of_also()
        return state

    def restore(self, state: dict) -> None:
        """Go on from a state of the same training.

        Raises:
            ValueError: weights of another shape.
        """
        trainer = self.trainer
        for name in ("W_in", "W_out"):
            matrix = self._matrix(name)
            if matrix.shape != state[name].shape:
                raise ValueError(f"{name} is {state[name].shape} there and {matrix.shape} here")
            matrix[...] = state[name]
        trainer._key = state["key"]
        self.first_epoch, trainer.epoch = state["epochs"]
        trainer._tokens, trainer._seconds = state["totals"]
        trainer._resumed = tuple(state["running"])
        trainer.loss_list[:] = state["loss_list"].tolist()
        trainer.history[:] = [(int(tokens), loss) for tokens, loss in state["history"].tolist()]
        if self.also is not None:
            self._restore_also(state["also"])

    def _matrix(self, name: str) -> np.ndarray:
        """W_in or W_out as they lie in memory, without the threads' copies: (V, H and padding)."""
        shape = self.trainer.shape
        rows = getattr(self.trainer.weights, name).reshape(-1, shape.stride)
        return rows[: shape.vocab_size]

    def _state_of_also(self) -> dict:
        also = self.also
        lists = {name: np.array(getattr(also, name), np.float64) for name in _LISTS}
        return {"epoch": also.epoch, "rng": random_state(also.rng), **lists}

    def _restore_also(self, state: dict) -> None:
        also = self.also
        also.epoch = state["epoch"]
        set_random_state(also.rng, state["rng"])
        for name in _LISTS:
            getattr(also, name)[:] = state[name].tolist()


def _text_digest(words) -> str:
    total = hashlib.blake2b(digest_size=8)
    for word in words:
        total.update(word.encode("utf-8", "surrogatepass") + b"\n")
    return total.hexdigest()
