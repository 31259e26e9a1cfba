"""``python -m w2vlib train --device gpu``: the same command, on a device or with a clear word."""

import numpy as np
import pytest

from tests.gpu import host_build
from tests.texts import write_beginning
from w2vlib import WordVectors, fast
from w2vlib.cli import main

SMALL = ["--size", "6", "--window", "3", "--epochs", "1"]
SAME = {"hidden_size": 6, "window_size": 3, "max_epoch": 1, "seed": 1, "progress": False}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    return write_beginning(tmp_path_factory.mktemp("cli") / "text.txt", sentences=150)


def train(text, output, *options):
    return main(["train", str(text), "-o", str(output), *SMALL, *map(str, options)])


@pytest.mark.skipif(host_build.COMPILER is None, reason="needs a C++ compiler (g++)")
@pytest.mark.parametrize(
    ("options", "same_as"),
    [
        ([], {}),
        (["--deterministic"], {"deterministic": True}),
        (["--model", "skipgram", "--shared"], {"model": "skipgram", "share_negatives": True}),
    ],
)
def test_it_trains_on_the_device(device, text, tmp_path, capsys, options, same_as):
    output = tmp_path / "v.npz"
    host_build.launches.clear()
    assert train(text, output, "--device", "gpu", *options) == 0
    assert host_build.launches
    shown = capsys.readouterr()
    assert shown.out == "" and "words/s, loss" in shown.err and "No usable GPU" not in shown.err
    expected = fast.train(text, device="gpu", **SAME, **same_as)
    found = WordVectors.load(output)
    assert found.words == expected.words and (found.vectors == expected.vectors).all()


def test_the_cpu_is_the_default(device, text, tmp_path):
    host_build.launches.clear()
    assert train(text, tmp_path / "v.npz", "--quiet") == 0
    assert train(text, tmp_path / "w.npz", "--quiet", "--device", "cpu") == 0
    assert not host_build.launches
    first, again = (WordVectors.load(tmp_path / name).vectors for name in ("v.npz", "w.npz"))
    assert (first == again).all()


def test_without_a_gpu_one_notice_and_the_cpu(no_device, text, tmp_path, capsys):
    output = tmp_path / "v.npz"
    assert train(text, output, "--device", "gpu", "--quiet") == 0
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert shown.err.startswith("w2vlib: warning: No usable GPU was found")
    expected = fast.train(text, **SAME).vectors
    assert np.array_equal(WordVectors.load(output).vectors, expected)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--hs"], "--hs"),
        (["--checkpoint", "saved"], "--checkpoint"),
        (["--threads", 2], "--threads"),
        (["--checkpoint", "saved", "--resume", "--hs"], "--hs, --checkpoint, --resume"),
    ],
)
def test_what_the_gpu_does_not_do(no_device, text, tmp_path, capsys, monkeypatch, options, named):
    """Said at once, whether there is a GPU or not; nothing is written."""
    monkeypatch.chdir(tmp_path)
    assert train(text, "v.npz", "--device", "gpu", *options) == 2
    shown = capsys.readouterr()
    assert shown.out == "" and not list(tmp_path.iterdir())
    words = f"--device gpu does not go together with {named}; use --device cpu."
    assert shown.err == f"w2vlib: error: {words}\n"


def test_a_fixed_order_on_the_cpu_needs_one_thread(text, tmp_path, capsys):
    output = tmp_path / "v.npz"
    assert train(text, output, "--deterministic", "--threads", 2) == 2
    shown = capsys.readouterr().err
    assert shown == "w2vlib: error: --deterministic on the CPU needs --threads 1, not 2.\n"
    assert train(text, output, "--deterministic", "--quiet") == 0


def test_another_device_is_a_wrong_option(text, capsys):
    with pytest.raises(SystemExit) as stop:
        train(text, "v.npz", "--device", "tpu")
    assert stop.value.code == 2 and "invalid choice: 'tpu'" in capsys.readouterr().err
