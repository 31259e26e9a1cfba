"""Checkpoints: whole or not there, checked before use, and never those of another training."""

import errno
import itertools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests import killed
from tests.oracles import ROOT
from tests.texts import write_beginning
from w2vlib import checkpoints, fast, files
from w2vlib.array_files import load_arrays, save_arrays
from w2vlib.checkpoints import CheckpointError, Checkpoints, CheckpointWarning, load_checkpoint
from w2vlib.cli import main
from w2vlib.corpus import Corpus
from w2vlib.models import CBOW, SkipGram
from w2vlib.optimizers import SGD, Adam
from w2vlib.trainer import Trainer
from w2vlib.training_state import Rounds, pack, random_state, set_random_state, unpack

V, IDS, CONTEXTS, TARGET = killed.V, killed.IDS, killed.CONTEXTS[:160], killed.TARGET[:160]


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch):
    """Nobody cuts the power during these tests, and waiting for the disk takes long."""
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)


class StopAt:
    """Ends a training after so many batches."""

    def __init__(self, batches):
        self.batches = batches

    def on_batch(self, trainer):
        if trainer.batches >= self.batches:
            trainer.stop()


def made(optimizer=Adam, model=CBOW, lr=0.01, **options):
    network = model(V, 4, killed.WINDOW, IDS, seed=1, **options)
    return Trainer(network, optimizer(lr), seed=2, progress=False)


def fit(trainer, folder=None, stop=None, resume=True, batch_size=16, epochs=2, **options):
    """Ten batches an epoch."""
    callbacks = [] if stop is None else [StopAt(stop)]
    saving = {} if folder is None else {"checkpoint": folder, "resume": resume}
    arguments = {"callbacks": callbacks, **saving, **options}
    trainer.fit(CONTEXTS, TARGET, epochs, batch_size, None, 3, **arguments)
    return trainer


def every(folder, batches=1, **options):
    return Checkpoints(folder, every_seconds=None, every_batches=batches, **options)


def names(folder):
    return sorted(path.name for path in Path(folder).glob("checkpoint-*"))


def assert_same(one, two):
    assert killed.outcome(one) == killed.outcome(two)


# ---- going on ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", killed.TRAININGS)
def test_a_new_process_needs_nothing_but_the_folder(name, tmp_path):
    """Trained to the end; then once more from each checkpoint that was ever written."""
    step = 1 if name.startswith("engine") else 7
    saving = every(tmp_path, step, keep=1000)
    whole = killed.outcome(killed.TRAININGS[name](checkpoint=saving))
    assert whole == killed.run(name, None)
    assert len(saving.paths()) == saving.written > 3
    for path in reversed(saving.paths()[:-1]):
        (tmp_path / "next").mkdir()
        (tmp_path / "next" / path.name).write_bytes(path.read_bytes())
        assert killed.run(name, tmp_path / "next", every=1000) == whole
        for left in (tmp_path / "next").iterdir():
            left.unlink()
        (tmp_path / "next").rmdir()
    assert killed.run(name, tmp_path) == whole  # a finished training stays as it is


@pytest.mark.parametrize("seeds", [(1, 2), (None, None)])
def test_the_seeds_need_not_be_the_same(tmp_path, seeds):
    fit(made(), tmp_path, stop=7)
    network = CBOW(V, 4, killed.WINDOW, IDS, seed=seeds[0])
    assert_same(fit(Trainer(network, Adam(0.01), seed=seeds[1]), tmp_path), fit(made()))


def test_more_epochs_than_planned(tmp_path):
    fit(made(), tmp_path, epochs=1)
    assert_same(fit(made(), tmp_path, epochs=3), fit(made(), epochs=3))


def test_resume_in_an_empty_folder_begins(tmp_path):
    saving = Checkpoints(tmp_path / "a" / "b")
    assert_same(fit(made(), saving), fit(made()))
    assert saving.resumed_from is None and names(saving.folder) == ["checkpoint-000001.npz"]
    fit(made(), saving)
    assert saving.resumed_from == saving.paths()[0]


def test_resume_needs_a_folder():
    with pytest.raises(ValueError, match="resume=True needs checkpoint="):
        made().fit(CONTEXTS, TARGET, resume=True)


def test_a_folder_with_checkpoints_is_not_overwritten(tmp_path):
    fit(made(), tmp_path)
    with pytest.raises(CheckpointError, match=r"already holds .*000001.*resume=True.*delete it"):
        fit(made(), tmp_path, resume=False)
    (tmp_path / "file").write_text("")
    with pytest.raises(CheckpointError, match="This is a file"):
        fit(made(), tmp_path / "file")


class BookAdam:
    """An optimiser as readers write it: no class of w2vlib, lists made at the first update."""

    def __init__(self, lr=0.001):
        self.lr, self.iter, self.m, self.v = lr, 0, None, None

    def update(self, params, grads):
        if self.m is None:
            self.m, self.v = [[np.zeros_like(p) for p in params] for _ in range(2)]
        self.iter += 1
        lr = self.lr * np.sqrt(1 - 0.999**self.iter) / (1 - 0.9**self.iter)
        for p, g, m, v in zip(params, grads, self.m, self.v, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            p -= lr * m / (np.sqrt(v) + 1e-7)


def test_an_optimizer_of_the_readers_own(tmp_path):
    for stop in (0, 5, 13):
        fit(made(BookAdam), tmp_path, stop=stop)
    resumed, whole = fit(made(BookAdam), tmp_path), fit(made(BookAdam))
    assert resumed.optimizer.iter == whole.optimizer.iter == 20
    for slot in ("m", "v"):
        pairs = zip(getattr(resumed.optimizer, slot), getattr(whole.optimizer, slot), strict=True)
        assert all((a == b).all() for a, b in pairs)
    assert (resumed.model.word_vecs == whole.model.word_vecs).all()


def test_what_cannot_be_saved_is_refused_before_training(tmp_path):
    trainer = made()
    trainer.optimizer.schedule = lambda step: 0.1
    with pytest.raises(TypeError, match=r"^state\.optimizer\.schedule is a function, which no ch"):
        fit(trainer, tmp_path)
    assert trainer.batches == 0


def test_ctrl_c_is_saved_to_the_step(tmp_path, capsys):
    class Press:
        def on_batch(self, trainer):
            if trainer.batches == 7:
                os.kill(os.getpid(), signal.SIGINT)

    trainer = fit(made(), Checkpoints(tmp_path), callbacks=[Press()])
    assert trainer.interrupted and trainer.batches == 7
    assert "Interrupted in epoch 1" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert "batch 7" in load_checkpoint(tmp_path).place
    assert_same(fit(made(), tmp_path), fit(made()))


def test_a_second_ctrl_c_does_not_wait(tmp_path, capsys):
    def press(trainer):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    trainer = fit(made(), Checkpoints(tmp_path), callbacks=[press])
    assert trainer.interrupted and not names(tmp_path)


def test_ctrl_c_in_the_compiled_trainer(tmp_path, capsys):
    text = killed.corpus()

    def trained(callbacks=(), **saving):
        trainer = fast.FastTrainer(text, hidden_size=4, max_epoch=3, seed=1, progress=False)
        return trainer.fit(callbacks, **saving)

    trainer = trained([lambda _: os.kill(os.getpid(), signal.SIGINT)], checkpoint=tmp_path)
    assert trainer.interrupted and trainer.epoch == 1 and trainer._tokens < 3 * len(text)
    assert_same(trained(checkpoint=tmp_path, resume=True), trained())


@pytest.mark.parametrize("threads", [2, 3])
def test_several_threads_come_to_rest(tmp_path, threads):
    """Every token is counted once although the threads stop after each few stretches."""
    options = {"hidden_size": 4, "max_epoch": 2, "seed": 1, "progress": False}
    trainer = fast.FastTrainer(killed.corpus(), threads=threads, **options)
    trainer.fit(checkpoint=every(tmp_path, 2))
    alone = fast.FastTrainer(killed.corpus(), **options).fit()
    assert trainer.targets == alone.targets and trainer._tokens == alone._tokens
    assert trainer.loss_list == pytest.approx(alone.loss_list, rel=0.1)
    with_one = fast.FastTrainer(killed.corpus(), **options)  # the number of threads may change
    with_one.fit(checkpoint=tmp_path, resume=True)
    assert (with_one.get_weights()[0] == trainer.get_weights()[0]).all()


# ---- how often, how many -------------------------------------------------------------------------


@pytest.mark.parametrize(("batches", "written"), [(1, 20), (3, 7), (20, 1), (100, 1), (None, 1)])
def test_every_few_batches_and_at_the_end(tmp_path, batches, written):
    saving = every(tmp_path, batches)
    fit(made(), saving)
    assert saving.written == written and saving.seconds > 0
    last = [f"checkpoint-{number:06d}.npz" for number in range(1, written + 1)][-2:]
    assert names(tmp_path) == last


def test_every_few_seconds(tmp_path, monkeypatch):
    clock = itertools.count()
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: next(clock))
    saving = Checkpoints(tmp_path, every_seconds=5)
    fit(made(), saving)
    assert 3 <= saving.written <= 8


@pytest.mark.parametrize("keep", [1, 3])
def test_keep(tmp_path, keep):
    fit(made(), every(tmp_path, keep=keep))
    assert names(tmp_path) == [f"checkpoint-{n:06d}.npz" for n in range(21 - keep, 21)]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"keep": 0}, ValueError),
        ({"every_batches": 0}, ValueError),
        ({"every_seconds": -1}, ValueError),
        ({"every_seconds": float("nan")}, ValueError),
        ({"on_error": "ignore"}, ValueError),
        ({"folder": 3}, TypeError),
        ({"folder": ""}, ValueError),
    ],
)
def test_wrong_choices(wrong, error):
    with pytest.raises(error, match=next(iter(wrong)) if "folder" not in wrong else "name|path"):
        Checkpoints(**{"folder": "x", **wrong})


# ---- damage --------------------------------------------------------------------------------------


def written(folder, count=2):
    fit(made(), every(folder, 4), stop=4 * count)
    return sorted(folder.glob("checkpoint-*"))


DAMAGE = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "cut at the end": lambda data: data[:-1],
    "longer": lambda data: data + b"\0",
    "zeros": lambda data: bytes(len(data)),
    "a bit": lambda data: data[:3000] + bytes([data[3000] ^ 1]) + data[3001:],
    "text": lambda data: b"checkpoint\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_the_one_before_is_used(tmp_path, damage):
    first, newest = written(tmp_path)
    newest.write_bytes(DAMAGE[damage](newest.read_bytes()))
    message = (
        rf"damaged checkpoint is passed over: .*{newest.name}.*{first.name} \(epoch 0, batch 4"
    )
    with pytest.warns(CheckpointWarning, match=message):
        assert load_checkpoint(tmp_path).path == first
    saving = every(tmp_path, 4)
    with pytest.warns(CheckpointWarning, match=message):
        resumed = fit(made(), saving, stop=9)
    assert saving.resumed_from == first
    assert newest.name not in names(tmp_path) and len(names(tmp_path)) == 2
    assert resumed.batches == 9
    assert_same(fit(made(), tmp_path), fit(made()))


def test_every_changed_byte_is_noticed(tmp_path):
    path = written(tmp_path, 1)[0]
    data = path.read_bytes()
    for place in range(0, len(data), 23):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x10]) + data[place + 1 :])
        with pytest.raises(files.VectorFileError):
            load_checkpoint(path)
    path.write_bytes(data)
    assert load_checkpoint(path).path == path


def test_nothing_sound_is_left(tmp_path):
    for path in written(tmp_path):
        path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(CheckpointError, match="All checkpoints .* damaged.*another folder") as info:
        fit(made(), tmp_path)
    assert info.value.kind == "all-damaged"


def rewritten(path, arrays=None, **metadata):
    old_arrays, old = load_arrays(path)
    save_arrays(path, old_arrays if arrays is None else arrays, {**old, **metadata})


def test_of_another_version(tmp_path):
    newest = written(tmp_path)[-1]
    rewritten(newest, version="2")
    with pytest.raises(
        CheckpointError, match=r"version 2 of the format.*version 1.*Go on with the"
    ):
        fit(made(), tmp_path)


@pytest.mark.parametrize(
    "metadata", [{"content": "vectors"}, {"state": "{"}, {"identity": "?"}, {"state": '{"@":"x"}'}]
)
def test_a_sound_file_that_is_no_checkpoint(tmp_path, metadata):
    path = written(tmp_path, 1)[0]
    rewritten(path, **metadata)
    with pytest.raises(CheckpointError) as info:
        load_checkpoint(path)
    assert info.value.kind == "wrong-content"


def test_arrays_are_missing(tmp_path):
    path = written(tmp_path, 1)[0]
    rewritten(path, arrays={})
    with pytest.raises(CheckpointError, match="makes no sense"):
        load_checkpoint(path)


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_no_checkpoint_to_look_at(tmp_path, name):
    with pytest.raises(CheckpointError, match="There is no checkpoint in this folder"):
        load_checkpoint(tmp_path / name)


def test_looking_at_one(tmp_path):
    trainer = fit(made(), tmp_path)
    found = load_checkpoint(tmp_path)
    assert repr(found).startswith("<Checkpoint checkpoint-000001.npz: epoch 2, batch 20, ")
    assert found.identity["optimizer.lr"] == 0.01 and found.identity["batch_size"] == 16
    assert (found.state["params"][0] == trainer.model.word_vecs).all()
    numbers = np.load(found.path, allow_pickle=False)  # NumPy alone can read it
    assert (numbers["0.params.0"] == trainer.model.word_vecs).all()
    assert repr(Checkpoints("x")) == "Checkpoints('x', keep=2, on_error='warn')"


# ---- another training ----------------------------------------------------------------------------

OTHERS = {
    "optimizer.lr is 0.01 in the checkpoint and 0.02 here": lambda: made(lr=0.02),
    "optimizer is Adam in the checkpoint and SGD here": lambda: made(SGD),
    "model is CBOW in the checkpoint and SkipGram here": lambda: made(model=SkipGram),
    "model.grads is ndarray, ndarray in the checkpoint and RowGradient": lambda: made(
        sparse_grad=True
    ),
    "model.loss_layer.sampler.sample_size is 5 in the checkpoint and 4": lambda: made(
        sample_size=4
    ),
    "model.loss_layer.sampler.power is 0.75 in the checkpoint and 1.0": lambda: made(power=1.0),
    "model.params is float32": lambda: made(dtype=np.float64),
}


@pytest.mark.parametrize("difference", OTHERS)
def test_another_model_or_optimizer(tmp_path, difference):
    fit(made(), tmp_path, stop=5)
    before = names(tmp_path)
    trainer = OTHERS[difference]()
    vectors = trainer.model.word_vecs.copy()
    with pytest.raises(CheckpointError) as info:
        fit(trainer, tmp_path)
    assert difference in str(info.value) and "Use the same text, model and options" in str(
        info.value
    )
    assert info.value.kind == "another-training"
    assert (trainer.model.word_vecs == vectors).all() and names(tmp_path) == before


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ({"batch_size": 17}, "batch_size is 16 in the checkpoint and 17 here"),
        ({"validation": (CONTEXTS, TARGET)}, "validation is missing in the checkpoint and int32"),
    ],
)
def test_other_options(tmp_path, options, difference):
    fit(made(), tmp_path, stop=5)
    with pytest.raises(CheckpointError, match=difference):
        fit(made(), tmp_path, **options)


def test_other_data(tmp_path):
    fit(made(), tmp_path, stop=5)
    target = TARGET.copy()
    target[-1] = (target[-1] + 1) % V
    with pytest.raises(
        CheckpointError, match=r"another training: target is int32 \(160,\) [0-9a-f]+"
    ):
        made().fit(CONTEXTS, target, 2, 16, None, 3, checkpoint=tmp_path, resume=True)


def test_generators_shared_otherwise(tmp_path):
    fit(made(), tmp_path, stop=5)
    rng = np.random.default_rng()
    trainer = Trainer(CBOW(V, 4, killed.WINDOW, IDS, rng=rng), Adam(0.01), rng=rng, progress=False)
    with pytest.raises(CheckpointError, match="random generators .* Pass rng=… and seed=… as"):
        fit(trainer, tmp_path)
    trainer = made()
    trainer.rng = np.random.Generator(np.random.MT19937())
    with pytest.raises(CheckpointError, match="is a MT19937, and the checkpoint .* of a PCG64"):
        fit(trainer, tmp_path)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"hidden_size": 5}, "hidden_size is 4 in the checkpoint and 5 here"),
        ({"model": "skipgram", "lr": 0.2}, "model is cbow in the checkpoint and skipgram here"),
        ({"max_epoch": 3}, "max_epoch is 2 in the checkpoint and 3 here"),
        ({"power": 0.5}, "power is 0.75 in the checkpoint and 0.5 here"),
        ({"subsample": 1e-3}, "subsample is 0.0 in the checkpoint and 0.001 here"),
        ({"loss": "hierarchical_softmax"}, "loss is negative_sampling in the checkpoint and hier"),
    ],
)
def test_another_training_of_the_compiled_trainer(tmp_path, change, difference):
    options = {"hidden_size": 4, "max_epoch": 2, "seed": 1, "progress": False}
    fast.train(killed.corpus(), checkpoint=tmp_path, **options)
    with pytest.raises(CheckpointError, match=difference):
        fast.train(killed.corpus(), checkpoint=tmp_path, resume=True, **{**options, **change})


def test_another_text_for_the_compiled_trainer(tmp_path):
    options = {"hidden_size": 4, "max_epoch": 1, "progress": False, "checkpoint": tmp_path}
    text = killed.corpus()
    fast.train(text, **options)
    other = Corpus(text.ids, [*text.words[:-1], "other"], sentence_starts=text.sentence_starts)
    with pytest.raises(CheckpointError, match="corpus.words is 30 [0-9a-f]+ in the checkpoint and"):
        fast.train(other, resume=True, **options)
    with pytest.raises(CheckpointError, match="program is w2vlib.fast.FastTrainer in the check"):
        fit(made(), tmp_path)


# ---- the disk is full, or read-only --------------------------------------------------------------


class FullDisk:
    """A disk with so many bytes left."""

    def __init__(self, monkeypatch, left):
        self.left, self.real = left, os.fdopen
        monkeypatch.setattr(files.os, "fdopen", self.fdopen)

    def fdopen(self, descriptor, mode, **options):
        disk, file = self, self.real(descriptor, mode, buffering=0)

        class Limited:
            def write(self, data):
                data = memoryview(data).cast("B")
                fits = data[: disk.left]
                disk.left -= len(fits)
                file.write(fits)
                if len(fits) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return len(data)

            def __getattr__(self, name):
                return getattr(file, name)

            def __enter__(self):
                return self

            def __exit__(self, *exception):
                file.close()

        return Limited()


class Tiny:
    """As little of a training as there can be: its file has some hundred bytes."""

    def __init__(self, step=0):
        self.step = step

    def identity(self):
        return {"size": 1}

    def place(self):
        return f"step {self.step}"

    def state(self):
        return {"step": self.step, "w": np.full(3, self.step, np.float32)}

    def restore(self, state):
        self.step = state["step"]


def steps(folder, count, **options):
    """Go on for so many steps, with a checkpoint after each."""
    tiny = Tiny()
    with checkpoints.saving(every(folder, **options), True, tiny) as saver:
        for _ in range(count):
            tiny.step += 1
            saver.step_done()
    return tiny.step


def test_the_disk_is_full_after_any_byte(tmp_path, monkeypatch):
    """Whatever the byte: one report, the training goes on, the checkpoint before it is intact."""
    assert steps(tmp_path, 1) == 1
    good = tmp_path / names(tmp_path)[0]
    data = good.read_bytes()
    for left in range(len(data)):
        with monkeypatch.context() as patch:
            FullDisk(patch, left)
            with pytest.warns(CheckpointWarning, match="The disk is full.*000001.npz is intact"):
                assert steps(tmp_path, 1) == 2
            with pytest.raises(OSError, match="The disk is full"):
                steps(tmp_path, 1, on_error="stop")
        assert sorted(tmp_path.iterdir()) == [tmp_path / ".lock", good]
        assert good.read_bytes() == data
    assert steps(tmp_path, 1) == 2 and steps(tmp_path, 0) == 2


@pytest.mark.parametrize("left", [0, 1, 30, 500, 2000, 4000])
def test_training_on_a_full_disk(tmp_path, monkeypatch, left):
    fit(made(), every(tmp_path), stop=1)
    (good,) = tmp_path.glob("checkpoint-*")
    data = good.read_bytes()
    with monkeypatch.context() as patch:
        FullDisk(patch, left)
        saving = every(tmp_path)
        with pytest.warns(CheckpointWarning, match="The disk is full.*000001.npz is intact"):
            assert_same(fit(made(), saving), fit(made()))
    assert saving.last_error.kind == "disk-full" and saving.written == 0
    assert sorted(tmp_path.iterdir()) == [tmp_path / ".lock", good] and good.read_bytes() == data
    assert_same(fit(made(), tmp_path), fit(made()))


@pytest.mark.parametrize("call", ["open", "fdopen", "fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_any_call_fails(tmp_path, monkeypatch, call, code):
    fit(made(), every(tmp_path), stop=3)
    before = {path: path.read_bytes() for path in tmp_path.glob("checkpoint-*")}
    real = getattr(os, call)

    def refuse(path, *arguments, **options):
        if call == "open" and ".lock" in str(path):
            return real(path, *arguments, **options)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files.os, call, refuse)
    saving = every(tmp_path)
    with pytest.warns(CheckpointWarning) as caught:
        trainer = fit(made(), saving)
    assert len(caught) == 1  # 17 attempts
    assert "No checkpoint can be written: " in str(caught[0].message)
    assert "Training goes on; checkpoint-000003.npz is intact." in str(caught[0].message)
    assert {path: path.read_bytes() for path in tmp_path.glob("checkpoint-*")} == before
    assert not list(tmp_path.glob(".w2v*"))
    assert_same(trainer, fit(made()))
    with pytest.raises(OSError) as info:
        fit(made(), every(tmp_path, on_error="stop"))
    assert isinstance(info.value, files.VectorFileAccessError)
    assert {path: path.read_bytes() for path in tmp_path.glob("checkpoint-*")} == before
    monkeypatch.undo()
    assert_same(fit(made(), tmp_path), fit(made()))


def test_news_again_after_a_success(tmp_path, monkeypatch):
    real, calls = os.replace, itertools.count()

    def now_and_then(*paths):
        if next(calls) % 4:
            raise OSError(errno.ENOSPC, "full")
        real(*paths)

    monkeypatch.setattr(files.os, "replace", now_and_then)
    saving = every(tmp_path)
    with pytest.warns(CheckpointWarning) as caught:
        fit(made(), saving)
    assert len(caught) == saving.written == 5


def test_stopped_by_a_full_disk_keeps_what_was_learned(tmp_path, monkeypatch):
    fit(made(), tmp_path, stop=3)
    FullDisk(monkeypatch, 100)
    trainer = made()
    with pytest.raises(OSError, match="The disk is full. Free some space"):
        fit(trainer, every(tmp_path, 4, on_error="stop"))
    monkeypatch.undo()
    assert trainer.batches == 7
    assert_same(fit(made(), tmp_path), fit(made()))


@pytest.mark.parametrize("on_error", checkpoints.ON_ERROR)
def test_a_folder_that_cannot_be_made(tmp_path, monkeypatch, on_error):
    def refuse(self, *arguments, **options):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    saving = Checkpoints(tmp_path / "new", on_error=on_error)
    if on_error == "stop":
        with pytest.raises(OSError, match="The disk is read-only. Choose another folder"):
            fit(made(), saving)
    else:
        with pytest.warns(CheckpointWarning, match="read-only.*Training goes on; there is none"):
            assert_same(fit(made(), saving), fit(made()))


SMALL_DISK = """
import resource, signal, sys, warnings
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import numpy as np
from tests import killed
from tests.test_checkpoints import *
folder = sys.argv[1]
fit(made(), every(folder), stop=3)
size = os.path.getsize(load_checkpoint(folder).path)
resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, size // 2))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    trainer = fit(made(), every(folder))
print(len(caught), "larger than allowed" in str(caught[0].message), names(folder))
print(killed.outcome(trainer) == killed.outcome(fit(made())))
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_the_system_allows_no_file_of_that_size(tmp_path):
    command = [sys.executable, "-c", SMALL_DISK, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    kept = ["checkpoint-000002.npz", "checkpoint-000003.npz"]
    assert done.stdout == f"1 True {kept}\nTrue\n"


def mounted(folder, options):
    """A small file system in memory, if we may make one."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        if subprocess.run(command, capture_output=True, timeout=20).returncode == 0:
            return
    except OSError:
        pass
    pytest.skip("only root may mount a small disk")


@pytest.fixture
def disk(tmp_path):
    """A real disk of 64 kB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted(folder, "size=64k")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_is_full(disk):
    fit(made(), every(disk), stop=3)
    kept = {path: path.read_bytes() for path in disk.glob("checkpoint-*")}
    with open(disk / "filler", "wb", buffering=0) as filler, pytest.raises(OSError):
        while True:
            filler.write(bytes(1000))
    with pytest.warns(CheckpointWarning, match="The disk is full.*000003.npz is intact"):
        assert_same(fit(made(), every(disk)), fit(made()))
    assert {path: path.read_bytes() for path in disk.glob("checkpoint-*")} == kept
    os.unlink(disk / "filler")
    assert_same(fit(made(), disk), fit(made()))


def test_a_real_disk_is_read_only(disk):
    fit(made(), every(disk), stop=3)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    saving = every(disk)
    with pytest.warns(CheckpointWarning, match="read-only") as caught:
        assert_same(fit(made(), saving), fit(made()))
    assert len(caught) == 1 and saving.resumed_from.name == "checkpoint-000003.npz"
    with pytest.raises(OSError, match="read-only"):
        fit(made(), every(disk, on_error="stop"))


# ---- the lock ------------------------------------------------------------------------------------


def test_two_trainings_in_one_process(tmp_path):
    seen = []

    def second(trainer):
        with pytest.raises(CheckpointError, match=f"process {os.getpid()} on") as info:
            fit(made(), tmp_path)
        seen.append(info.value.kind)

    fit(made(), tmp_path, callbacks=[second])
    assert seen == ["in-use"] * 2
    fit(made(), tmp_path)  # and afterwards it is free again


def test_the_lock_is_given_back_after_an_error(tmp_path):
    def fail(trainer):
        raise RuntimeError("a callback's mistake")

    with pytest.raises(RuntimeError):
        fit(made(), every(tmp_path, 4), callbacks=[fail])
    assert_same(fit(made(), tmp_path), fit(made()))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_child_does_not_hold_the_lock(tmp_path):
    lock = checkpoints._Lock(tmp_path)
    lock.take()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:  # lives on, and does nothing, until we close the pipe
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.close(lock._descriptor)  # what the system does when a process is killed
    lock._descriptor = None
    other = checkpoints._Lock(tmp_path)
    for _ in range(1000):  # the child needs a moment
        try:
            other.take()
            break
        except CheckpointError:
            checkpoints.time.sleep(0.01)
    assert other._descriptor is not None
    other._let_go()
    os.close(writing)
    os.close(reading)
    os.waitpid(child, 0)


def test_the_folder_is_deleted_on_the_way(tmp_path):
    folder = tmp_path / "folder"

    class Delete:
        def on_batch(self, trainer):
            if trainer.batches == 5:
                for path in folder.iterdir():
                    path.unlink()
                folder.rmdir()

    fit(made(), every(folder), callbacks=[Delete()])
    assert names(folder) == ["checkpoint-000015.npz", "checkpoint-000016.npz"]


def test_a_disk_without_locks(tmp_path, monkeypatch):
    fcntl = pytest.importorskip("fcntl")

    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.warns(CheckpointWarning, match="knows no locks"):
        fit(made(), tmp_path)
    assert names(tmp_path) == ["checkpoint-000001.npz"]


def test_only_its_own_remains_are_tidied_up(tmp_path):
    (tmp_path / ".w2v-checkpoint-000003.npz-0011.tmp").write_bytes(b"half")
    (tmp_path / ".w2v-vectors.bin-0011.tmp").write_bytes(b"someone is writing this")
    (tmp_path / "checkpoint-notes.txt").write_text("mine")
    fit(made(), tmp_path)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [
        ".lock",
        ".w2v-vectors.bin-0011.tmp",
        "checkpoint-000001.npz",
        "checkpoint-notes.txt",
    ]


# ---- plain data and back -------------------------------------------------------------------------

NUMBERS = hnp.arrays(
    st.sampled_from(["<f4", "<f8", "<i8", "|u1", "|b1"]), hnp.array_shapes(min_dims=0, min_side=0)
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TREES = st.recursive(
    PLAIN | NUMBERS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=12,
)


def equal(one, two):
    if type(one) is not type(two):
        return False
    if isinstance(one, np.ndarray):
        return (one.dtype, one.shape, one.tobytes()) == (two.dtype, two.shape, two.tobytes())
    if isinstance(one, (list, tuple)):
        return len(one) == len(two) and all(map(equal, one, two))
    if isinstance(one, dict):
        return list(one) == list(two) and all(equal(one[key], two[key]) for key in one)
    return one == two or one != one


@settings(max_examples=200)
@given(tree=TREES)
def test_any_tree_comes_back(tree):
    text, arrays = pack(tree)
    assert equal(unpack(text, arrays), tree)


def test_a_tree_through_a_file(tmp_path):
    tree = {"@": 1, 3: (np.float32(0.1), np.int64(-5)), "é\ud800": [np.arange(6).reshape(2, 3).T]}
    text, arrays = pack(tree)
    save_arrays(tmp_path / "t.npz", arrays, {"text": text})
    arrays, metadata = load_arrays(tmp_path / "t.npz")
    assert equal(unpack(metadata["text"], arrays), tree)


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_random_generator(kind):
    rng = np.random.Generator(getattr(np.random, kind)(7))
    rng.integers(10, size=5, dtype=np.int32)  # leaves half a number behind
    text, arrays = pack({"rng": rng})
    state = json.loads(json.dumps(random_state(rng)))
    expected = rng.random(20).tolist()
    assert unpack(text, arrays)["rng"].random(20).tolist() == expected
    other = np.random.Generator(getattr(np.random, kind)(8))
    set_random_state(other, state)
    assert other.random(20).tolist() == expected


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"a": [object()]}, r"state\.a\.0 is a object"),
        ({"a": {1.5: 0}}, r"state\.a is a dict"),
        (np.array(["text"]), "state is a ndarray"),
        (1j, "state is a complex"),
    ],
)
def test_what_a_checkpoint_cannot_hold(wrong, place):
    with pytest.raises(TypeError, match=place):
        pack(wrong)


def test_a_circle():
    tree = []
    tree.append(tree)
    with pytest.raises(TypeError, match="nested too deeply"):
        pack(tree)


def test_no_other_class_is_ever_made():
    with pytest.raises(ValueError, match="unknown kind of random generator"):
        unpack('{"@":"rng","state":{"bit_generator":"RandomState"}}', {})


@settings(max_examples=60)
@given(
    st.integers(1, 20), st.integers(1, 7), st.integers(1, 3), st.integers(0, 60), st.integers(0, 9)
)
def test_rounds_go_on_anywhere(size, batch_size, epochs, stop, drawn):
    """From any place the same batches follow, also when others draw from the same generator."""

    def batches(rounds, rng, count=None):
        for batch in itertools.islice(rounds, count):
            rng.random(drawn)
            yield batch.tolist()

    rng = np.random.default_rng(0)
    rounds = Rounds(rng, size, batch_size, epochs)
    whole = list(batches(rounds, rng))
    assert len(whole) == len(rounds)
    assert sorted(sum(whole, [])) == sorted(list(range(size)) * epochs)
    rng = np.random.default_rng(0)
    rounds = Rounds(rng, size, batch_size, epochs)
    begun = list(batches(rounds, rng, stop))
    state = json.loads(json.dumps([rounds.state(), random_state(rng)]))
    assert rounds.done == len(begun)
    rng = np.random.default_rng()
    rounds = Rounds(rng, size, batch_size, epochs)
    rounds.restore(state[0])
    set_random_state(rng, state[1])
    assert begun + list(batches(rounds, rng)) == whole


# ---- the command line ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_beginning(tmp_path_factory.mktemp("text") / "text.txt", sentences=3000)


def command(text, output, *options):
    common = ["--size", "8", "--epochs", "2", "--quiet"]
    return ["train", str(text), "-o", str(output), *common, *map(str, options)]


def test_the_command_goes_on(text, tmp_path, capsys):
    folder = tmp_path / "saved"
    safely = command(text, tmp_path / "a.bin", "--checkpoint", folder, "--resume")
    process = subprocess.Popen(
        [sys.executable, "-m", "w2vlib", *safely, "--checkpoint-every", "0"], cwd=ROOT
    )
    while not names(folder) and process.poll() is None:
        checkpoints.time.sleep(0.001)
    process.kill()
    process.wait()
    assert main(safely) == 0
    assert main(command(text, tmp_path / "b.bin")) == 0
    assert (tmp_path / "a.bin").read_bytes() == (tmp_path / "b.bin").read_bytes()
    assert capsys.readouterr().err == ""
    assert main([option for option in safely if option != "--quiet"]) == 0
    assert f"Went on from {folder / 'checkpoint-'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--resume"], "--resume needs --checkpoint DIR"),
        (["--checkpoint", "{done}"], "already holds checkpoints"),
        (["--checkpoint", "{done}", "--resume", "--window", "3"], "window_size is 5 in the checkp"),
        (["--checkpoint", "{text}"], "This is a file"),
        (["--checkpoint", "/dev/null/x", "--on-checkpoint-error", "stop"], "not a folder"),
    ],
)
def test_the_command_complains(text, tmp_path, capsys, options, message):
    done = tmp_path / "done"
    assert main(command(text, tmp_path / "v.bin", "--checkpoint", done)) == 0
    options = [option.format(done=done, text=text) for option in options]
    assert main(command(text, tmp_path / "w.bin", *options)) == 1
    shown = capsys.readouterr().err
    assert message in shown and shown.startswith("w2vlib: error: ") and shown.count("\n") == 1


def test_the_command_trains_on_without_checkpoints(text, tmp_path, capsys):
    assert main(command(text, tmp_path / "v.bin", "--checkpoint", "/dev/null/x")) == 0
    shown = capsys.readouterr().err
    assert shown.startswith("w2vlib: warning: No checkpoint can be written: /dev/null/x")
    assert shown.count("\n") == 1 and (tmp_path / "v.bin").exists()


@pytest.mark.parametrize("value", ["soon", "-1", "nan", "inf"])
def test_a_wrong_interval(capsys, value):
    with pytest.raises(SystemExit):
        main(["train", "x", "-o", "y", "--checkpoint-every", value])
    assert "argument --checkpoint-every: must be a number" in capsys.readouterr().err
