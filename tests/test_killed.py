"""kill -9 at any moment: what goes on from the checkpoints ends in the same bytes."""

import functools
import os
import signal
import time

import numpy as np
import pytest

from tests import killed
from w2vlib.checkpoints import load_checkpoint

pytestmark = pytest.mark.skipif(os.name == "nt", reason="kill -9 and forked processes")


@pytest.fixture(scope="module")
def nursery(tmp_path_factory):
    made = killed.Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()


@functools.cache
def uninterrupted(name):
    return killed.run(name, None)


@pytest.fixture(autouse=True)
def _quick_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def checkpoints_in(folder):
    return sorted(folder.glob("checkpoint-*"))


def kill_at_random(nursery, name, folder, kills, rng, slow):
    """Start and kill a training until it has been killed so often; returns the stages met.

    It may live until it has written a new checkpoint, and a random time more.
    """
    met = []
    while len(met) < kills:
        before = checkpoints_in(folder)
        pid = nursery.start(name, folder, slow)
        while checkpoints_in(folder) == before and nursery.ended(pid, wait=False) is None:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 10 * slow))
        stage = killed.STAGES[nursery.stage[0]]
        os.kill(pid, signal.SIGKILL)
        if nursery.ended(pid) == 0:
            break  # it had just come to its end
        met.append(stage)
    return met


def assert_same(name, folder):
    """What goes on from the folder ends as if nobody had been killed, and leaves it tidy."""
    assert killed.run(name, folder) == uninterrupted(name)
    names = sorted(path.name for path in folder.iterdir())
    assert names[0] == ".lock" and 1 <= len(names[1:]) <= 2, names
    assert all(name.startswith("checkpoint-") for name in names[1:])


@pytest.mark.slow
def test_at_random_moments(nursery, tmp_path):
    rng = np.random.default_rng(0)
    met = []
    for name in killed.TRAININGS:
        folder = tmp_path / name
        folder.mkdir()
        met += kill_at_random(nursery, name, folder, 2, rng, slow=0.004)
        assert_same(name, folder)
    assert len(met) >= 20
    assert sum(stage != "training" for stage in met) >= 5, met


@pytest.mark.parametrize("name", ["cbow-adam-rows", "engine-cbow"])
@pytest.mark.parametrize(
    ("stage", "time", "left"),
    [
        ("opened", 1, 0),  # an empty temporary file
        ("opened", 2, 1),  # the first checkpoint is whole
        ("bytes", 1, 0),
        ("bytes", 3, 0),
        ("bytes", 25, None),  # somewhere in a later one
        ("bytes", 27, None),
        ("synced", 1, 0),  # whole, but under its temporary name
        ("synced", 2, 1),
        ("renamed", 1, 1),  # under its name, which is not yet forced to the disk
        ("renamed", 3, 3),  # before old ones are removed
        ("named", 4, 3),
    ],
)
def test_in_the_midst_of_writing(nursery, tmp_path, name, stage, time, left):
    pid = nursery.start(name, tmp_path, die_at=(stage, time))
    assert nursery.ended(pid) == -signal.SIGKILL
    assert left in (None, len(checkpoints_in(tmp_path)))
    if left != 0:
        load_checkpoint(tmp_path)
    assert_same(name, tmp_path)


def test_two_trainings_in_one_folder(nursery, tmp_path):
    """The second is refused while the first lives, and goes on where it was once that is killed."""
    pid = nursery.start("cbow-adam", tmp_path, slow=0.05)
    while not checkpoints_in(tmp_path):
        time.sleep(0.001)
    with pytest.raises(ValueError, match=f"Another training writes to this .*process {pid} on"):
        killed.run("cbow-adam", tmp_path)
    load_checkpoint(tmp_path)  # looking is always allowed
    os.kill(pid, signal.SIGKILL)
    assert nursery.ended(pid) == -signal.SIGKILL
    assert_same("cbow-adam", tmp_path)


def test_many_trainings_start_at_once(nursery, tmp_path):
    """Of those that start together one trains; what it leaves is sound."""
    started = [nursery.start("cbow-sgd", tmp_path, slow=0.002) for _ in range(6)]
    codes, seen = {}, 0
    while len(codes) < len(started):
        for pid in started:
            if pid not in codes and (code := nursery.ended(pid, wait=False)) is not None:
                codes[pid] = code
        if checkpoints_in(tmp_path):
            load_checkpoint(tmp_path)  # never half a file, though files come and go
            seen += 1
    assert 0 in codes.values() and set(codes.values()) <= {0, 1} and seen
    assert_same("cbow-sgd", tmp_path)
