"""Trainings that are killed: run in processes of their own by the tests of checkpoints.

Each training is small, complete in a moment, and writes a checkpoint after every few steps.
``slow`` makes every part of the writing of a file take long, so that a kill at a random moment
often meets it; ``die_at`` ends the process by ``kill -9`` at one exact point of the writing.
"""

from __future__ import annotations

import json
import mmap
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from w2vlib import files
from w2vlib.checkpoints import Checkpoints
from w2vlib.corpus import Corpus, create_contexts_target
from w2vlib.models import CBOW, SimpleCBOW, SkipGram, WindowClassifier
from w2vlib.optimizers import SGD, AdaGrad, Adam, Momentum
from w2vlib.trainer import Trainer

V, H, WINDOW = 30, 6, 2
IDS = np.random.default_rng(0).zipf(1.4, 4000).clip(max=V).astype(np.int32) - 1
CONTEXTS, TARGET = create_contexts_target(IDS[:1200], WINDOW)
VALIDATION = (CONTEXTS[:50], TARGET[:50])
EVERY = 4  # batches


def corpus(tokens: int = 45_000) -> Corpus:
    """Enough text for a few of the engine's stretches."""
    ids = np.random.default_rng(1).zipf(1.4, tokens).clip(max=V).astype(np.int32) - 1
    starts = np.arange(0, tokens, 20)
    return Corpus(ids, [f"w{i}" for i in range(V)], sentence_starts=starts)


def _word2vec(model, optimizer, **options):
    def train(**saving):
        network = model(V, H, WINDOW, IDS, seed=1, **options)
        trainer = Trainer(network, optimizer(), seed=2, progress=False)
        max_grad = 1.0 if optimizer is Momentum else None
        trainer.fit(CONTEXTS, TARGET, 2, 64, max_grad, 5, validation=VALIDATION, **saving)
        return trainer

    return train


def _decaying(**saving):
    """A callback changes the learning rate; model and trainer draw from the same generator."""
    rng = np.random.default_rng(4)
    network = CBOW(V, H, WINDOW, IDS, rng=rng, sparse_grad=True)
    trainer = Trainer(network, Adam(0.01), rng=rng, progress=False)

    def decay(trainer):
        trainer.optimizer.lr *= 0.5

    trainer.fit(CONTEXTS, TARGET, 3, 100, callbacks=[decay], **saving)
    return trainer


def _simple(**saving):
    trainer = Trainer(SimpleCBOW(V, H, seed=1), Adam(), seed=2, progress=False)
    one_hot = np.eye(V, dtype=np.float32)
    trainer.fit(one_hot[CONTEXTS[:400]], one_hot[TARGET[:400]], 2, 20, **saving)
    return trainer


def _classifier(**saving):
    """Word vectors that are not trained must come back too: they were random."""
    model = WindowClassifier(V, 4, 3, 1, train_vectors=False, seed=1)
    rng = np.random.default_rng(3)
    windows, corrupt = rng.integers(V, size=(2, 600, 3))
    trainer = Trainer(model, AdaGrad(0.1), seed=2, progress=False)
    trainer.fit(windows, corrupt, 2, 16, **saving)
    return trainer


def _engine(**options):
    def train(**saving):
        from w2vlib.fast import FastTrainer

        trainer = FastTrainer(
            corpus(), hidden_size=H, window_size=3, max_epoch=2, seed=5, progress=False, **options
        )
        return trainer.fit(**saving)

    return train


def _bridge(**saving):
    network = SkipGram(V, H, 3, corpus(), seed=1)
    trainer = Trainer(network, SGD(0.02), seed=2, engine="fast", progress=False)
    text = corpus()
    validation = create_contexts_target(text.ids[:200], 3)
    trainer.fit_corpus(text, 2, validation=validation, **saving)
    return trainer


TRAININGS = {
    "cbow-sgd": _word2vec(CBOW, SGD),
    "cbow-momentum-rows": _word2vec(CBOW, Momentum, sparse_grad=True),
    "cbow-adam": _word2vec(CBOW, Adam),
    "cbow-adam-rows": _word2vec(CBOW, Adam, sparse_grad=True),
    "skipgram-adagrad-rows": _word2vec(SkipGram, AdaGrad, sparse_grad=True),
    "skipgram-tree-adam": _word2vec(SkipGram, Adam, loss="hierarchical_softmax"),
    "shared-rng-decay": _decaying,
    "simple-cbow": _simple,
    "classifier": _classifier,
    "engine-cbow": _engine(subsample=1e-2, shrink_windows=True),
    "engine-skipgram": _engine(model="skipgram", share_negatives=True),
    "engine-tree": _engine(model="skipgram", loss="hierarchical_softmax"),
    "engine-trainer": _bridge,
}
LAYERS = [name for name in TRAININGS if not name.startswith("engine")]
ENGINE = [name for name in TRAININGS if name.startswith("engine")]


def outcome(trainer) -> dict:
    """All that a training leaves behind, as bytes and lists."""
    result = {"epoch": trainer.epoch, "losses": list(trainer.loss_list)}
    if isinstance(trainer, Trainer):
        result["params"] = [p.tobytes() for p in trainer.model.params]
        result["vectors"] = trainer.model.word_vecs.tobytes()
        result["validation"] = list(trainer.validation_losses)
        result["lr"] = trainer.optimizer.lr
        result["state"] = [
            {name: slot.tobytes() for name, slot in slots.items()}
            for slots in trainer.optimizer.state
        ]
        result["rng"] = trainer.rng.bit_generator.state
        return result
    result["params"] = [p.tobytes() for p in trainer.get_weights()]
    result["history"] = list(trainer.history)
    return result


def run(name: str, folder, every: int | None = None) -> dict:
    """Train to the end, going on from what is in ``folder``; ``None``: without checkpoints."""
    if folder is None:
        return outcome(TRAININGS[name]())
    every = every or (1 if name.startswith("engine") else EVERY)
    checkpoints = Checkpoints(folder, every_seconds=None, every_batches=every)
    return outcome(TRAININGS[name](checkpoint=checkpoints, resume=True))


# ---- writing, slowed or ended -------------------------------------------------------------------

STAGES = ("training", "opened", "bytes", "synced", "renamed", "named")


def spoil_writing(stage: mmap.mmap, slow: float, die_at: tuple[str, int] | None) -> None:
    """From now on writing a checkpoint shows its stage, and dawdles or ends there.

    Args:
        stage: shared memory, whose first byte is an index of ``STAGES``.
        slow: seconds that each stage lasts longer.
        die_at: (stage, how many times it is reached), where the process kills itself.
    """
    reached = dict.fromkeys(STAGES, 0)

    def reach(name: str) -> None:
        stage[0] = STAGES.index(name)
        reached[name] += 1
        if die_at is not None and name == die_at[0] and reached[name] == die_at[1]:
            os.kill(os.getpid(), signal.SIGKILL)
        if slow:
            time.sleep(slow)

    class SlowFile:
        """Hands the bytes on, and shows that it does after every 1,000."""

        def __init__(self, file) -> None:
            self.file, self.left = file, 1000

        def write(self, data) -> int:
            data = memoryview(data).cast("B")
            done = 0
            while done < len(data):
                piece = data[done : done + self.left]
                self.file.write(piece)
                done, self.left = done + len(piece), self.left - len(piece)
                if self.left == 0:
                    self.file.flush()
                    reach("bytes")
                    self.left = 1000
            return len(data)

        def __getattr__(self, name):
            return getattr(self.file, name)

        def __enter__(self):
            return self

        def __exit__(self, *exception):
            self.file.close()

    def fdopen(descriptor, *arguments, **options):
        reach("opened")
        return SlowFile(real_fdopen(descriptor, *arguments, **options))

    def fsync(descriptor):  # a killed process, unlike a cut of the power, loses nothing here
        reach("synced")

    def replace(source, target):
        real_replace(source, target)
        reach("renamed")

    def sync_folder(folder: Path) -> None:
        reach("named")
        stage[0] = 0

    real_fdopen, real_replace = os.fdopen, os.replace
    files.os = _Patched(os, fdopen=fdopen, fsync=fsync, replace=replace)
    files._sync_folder = sync_folder


class _Patched:
    """A module with some names replaced, for one importer only."""

    def __init__(self, module, **names) -> None:
        self.__dict__.update(names, _module=module)

    def __getattr__(self, name):
        return getattr(self._module, name)


# ---- processes that start in milliseconds -------------------------------------------------------


class Nursery:
    """A process that has imported everything, and is forked for each training."""

    def __init__(self, folder: Path) -> None:
        path = folder / "stage"
        path.write_bytes(b"\0")
        with open(path, "r+b") as file:
            self.stage = mmap.mmap(file.fileno(), 1)
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__, str(path)],
            cwd=Path(__file__).parents[1],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._ask("ready") == "yes"

    def start(self, name: str, folder, slow: float = 0.0, die_at=None) -> int:
        """Begin a training, or go on with one; its process's id."""
        self.stage[0] = 0
        return self._ask("start", name, str(folder), slow, die_at)

    def ended(self, pid: int, wait: bool = True) -> int | None:
        """The exit code, negative for a signal; ``None`` while it runs."""
        return self._ask("ended", pid, wait)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def _ask(self, *question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def serve(stage_path: str) -> None:
    """The life of that process: answers one question a line."""
    for name in ENGINE:
        run(name, None)  # compiled code is then there in all forked processes
    with open(stage_path, "r+b") as file:
        stage = mmap.mmap(file.fileno(), 1)
    for line in sys.stdin:
        question, *arguments = json.loads(line)
        answer = "yes"
        if question == "start":
            answer = os.fork()
            if answer == 0:
                _live(stage, *arguments)
        elif question == "ended":
            pid, wait = arguments
            found, status = os.waitpid(pid, 0 if wait else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if found else None
        print(json.dumps(answer), flush=True)


def _live(stage, name: str, folder: str, slow: float, die_at) -> None:
    """A forked process: train, and never come back."""
    try:
        spoil_writing(stage, slow, die_at)
        run(name, folder)
    except ValueError:
        os._exit(1)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        os._exit(2)
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
