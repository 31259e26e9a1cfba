"""The command line: what it prints, what it returns, and how it complains."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from tests.texts import write_beginning
from w2vlib import WordVectors, cli, fast
from w2vlib.cli import main


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """A small text: the first sentences of the embedded corpus."""
    return write_beginning(tmp_path_factory.mktemp("cli") / "text.txt", sentences=1500)


@pytest.fixture
def vectors(tmp_path):
    """Four words on the axes of a plane, and one between two of them."""
    path = tmp_path / "v.txt"
    matrix = np.array([[1, 0], [0, 1], [-1, 0], [0.6, 0.8]], np.float32)
    WordVectors(["east", "north", "west", "northeast"], matrix).save(path)
    return path


def run(*arguments, **options):
    """The command in a process of its own."""
    command = [sys.executable, "-m", "w2vlib", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def error_of(capsys, *arguments):
    """Exit code 1 and one line on stderr, which is returned."""
    assert main([str(argument) for argument in arguments]) == 1
    shown = capsys.readouterr()
    assert shown.out == "" and shown.err.count("\n") == 1
    assert shown.err.startswith("w2vlib: error: ")
    return shown.err


# ---- train ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["v.bin", "v.txt", "v.vec.gz", "v.npz", "v.safetensors"])
def test_train_writes_every_format(text, tmp_path, name):
    output = tmp_path / name
    command = ["train", str(text), "-o", str(output), "--size", "8", "--epochs", "1", "--quiet"]
    assert main(command) == 0
    found = WordVectors.load(output)
    expected = fast.train(text, hidden_size=8, max_epoch=1, seed=1, progress=False)
    assert found.words == expected.words
    assert (found.vectors == expected.vectors).all()


@pytest.mark.parametrize(
    ("options", "same_as"),
    [
        (["--model", "skipgram"], {"model": "skipgram"}),
        (["--model", "skipgram", "--shared"], {"model": "skipgram", "share_negatives": True}),
        (["--hs", "--negative", "0"], {"loss": "hierarchical_softmax"}),
        (["--window", "2", "--shrink"], {"window_size": 2, "shrink_windows": True}),
        (["--negative", "3", "--power", "1"], {"sample_size": 3, "power": 1.0}),
        (["--min-count", "4", "--sample", "1e-3"], {"min_count": 4, "subsample": 1e-3}),
        (["--iter", "2", "--alpha", "0.1"], {"max_epoch": 2, "lr": 0.1}),
        (["--sum-gradient"], {"mean_gradient": False, "lr": 0.05}),
        (["--seed", "5", "--tokenizer", "words"], {"seed": 5, "tokenizer": "words"}),
    ],
)
def test_options_mean_what_those_of_fast_train_mean(text, tmp_path, options, same_as):
    output = tmp_path / "v.npz"
    base = ["train", str(text), "-o", str(output), "--size", "8", "--quiet"]
    epochs = [] if "--iter" in options else ["--epochs", "1"]
    assert main([*base, *epochs, *options]) == 0
    expected = fast.train(
        text, **{"hidden_size": 8, "max_epoch": 1, "seed": 1, "progress": False, **same_as}
    )
    found = WordVectors.load(output)
    assert found.words == expected.words and (found.counts == expected.counts).all()
    assert (found.vectors == expected.vectors).all()


def test_train_tells_what_it_did(text, tmp_path, capsys):
    assert main(["train", str(text), "-o", str(tmp_path / "v.bin"), "--epochs", "1"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "tokens" in shown.err and "words/s, loss" in shown.err and "v.bin written" in shown.err


@pytest.mark.parametrize(
    ("seconds", "options", "told"), [(0.3, [], True), (0.3, ["--quiet"], False), (0, [], False)]
)
def test_who_waits_for_the_compiler_is_told(
    text, tmp_path, capsys, monkeypatch, seconds, options, told
):
    monkeypatch.setattr(cli, "_PATIENCE", 0.1 if seconds else 60)
    monkeypatch.setattr(fast.FastTrainer, "compile", lambda self: time.sleep(seconds))
    output = str(tmp_path / "v.bin")
    assert main(["train", str(text), "-o", output, "--size", "8", "--epochs", "1", *options]) == 0
    assert ("Compiling" in capsys.readouterr().err) == told


def test_train_with_threads_and_data_set(tmp_path):
    output = tmp_path / "v.bin"
    done = run("train", "tiny", "-o", output, "--size", 5, "--threads", 2, "--window", 1)
    assert done.returncode == 0, done.stderr
    assert WordVectors.load(output).words == tuple("you say goodbye and i hello .".split())


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
def test_ctrl_c_writes_what_was_learned(text, tmp_path):
    output = tmp_path / "v.bin"
    code = (
        "import sys, threading, os, signal; from w2vlib import cli; "
        "from w2vlib.fast import engine; whole = engine._Epoch.finish\n"
        "def finish(self):\n"
        "    whole(self)\n"
        "    if self.number == 2: os.kill(os.getpid(), signal.SIGINT)\n"
        "engine._Epoch.finish = finish\n"
        "sys.exit(cli.main(sys.argv[1:]))"
    )
    command = ["train", text, "-o", output, "--size", "8", "--epochs", "100000"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 130
    assert "Interrupted in epoch" in done.stderr and "Traceback" not in done.stderr
    assert WordVectors.load(output).vectors.shape[1] == 8


# ---- ask and judge -------------------------------------------------------------------------------


def test_nearest(vectors, capsys):
    assert main(["nearest", str(vectors), "north", "east", "--top", "2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "north\tnortheast\t0.8000",
        "north\teast\t0.0000",
        "east\tnortheast\t0.6000",
        "east\tnorth\t0.0000",
    ]


def test_analogy(vectors, capsys):
    command = ["analogy", str(vectors), "east", "northeast", "north", "--top", "1"]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("west\t")
    assert main([*command, "--method", "3CosMul"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("west\t")


def test_evaluate(tmp_path, vectors, capsys):
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("east\tnortheast\t9\neast\tnorth\t5\neast\twest\t1\neast\tsouth\t1\n")
    questions = tmp_path / "questions.txt"
    questions.write_text(": winds\neast northeast north west\neast north west south\n")
    command = ["evaluate", vectors, "--similarities", pairs, "--analogies", questions]
    assert main([str(argument) for argument in command]) == 0
    shown = capsys.readouterr().out
    assert "ρ = 1.000 over 3 of 4 pairs" in shown and "1 of 2" in shown and "100.0%" in shown


def test_evaluate_leaves_out_what_does_not_fit(vectors, capsys, monkeypatch):
    monkeypatch.setenv("W2V_OFFLINE", "1")
    assert main(["evaluate", str(vectors)]) == 1
    assert "embedded: left out" in capsys.readouterr().err
    assert "vocabulary" in error_of(capsys, "evaluate", vectors, "--analogies", "embedded")


def test_output_into_a_closed_pipe(vectors):
    command = f"{sys.executable} -m w2vlib nearest {vectors} east | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert "Traceback" not in done.stderr and "Error" not in done.stderr


# ---- complaints ----------------------------------------------------------------------------------


def test_wrong_files_and_words(tmp_path, text, vectors, capsys):
    missing = tmp_path / "nothing.txt"
    assert "nothing.txt" in error_of(capsys, "train", missing, "-o", tmp_path / "v.bin", "--quiet")
    assert "folder" in error_of(capsys, "train", tmp_path, "-o", tmp_path / "v.bin", "--quiet")
    assert "nothing.txt" in error_of(capsys, "nearest", missing, "a")
    assert "Did you mean 'north'" in error_of(capsys, "nearest", vectors, "North")
    assert "not in the vocabulary" in error_of(capsys, "analogy", vectors, "east", "up", "down")
    broken = tmp_path / "broken.bin"
    broken.write_bytes(b"3 4\nabc")
    assert "broken.bin" in error_of(capsys, "nearest", broken, "a")
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    assert "no word" in error_of(capsys, "train", empty, "-o", tmp_path / "v.bin", "--quiet")
    binary = tmp_path / "binary.txt"
    binary.write_bytes(b"caf\xe9")
    assert "UTF-8" in error_of(capsys, "train", binary, "-o", tmp_path / "v.bin", "--quiet")


def test_the_output_is_checked_before_the_work(tmp_path, text, capsys):
    train = ["train", text, "--quiet", "-o"]
    assert "'.pkl' names no format" in error_of(capsys, *train, tmp_path / "v.pkl")
    assert "no folder" in error_of(capsys, *train, tmp_path / "none" / "v.bin")
    (tmp_path / "folder.bin").mkdir()
    assert "is a folder" in error_of(capsys, *train, tmp_path / "folder.bin")
    if os.path.isdir("/proc/self"):
        assert "/proc/self/v.bin" in error_of(capsys, *train, "/proc/self/v.bin")
    assert "--negative 0" in error_of(capsys, *train, tmp_path / "v.bin", "--negative", "0")


def test_words_are_checked_before_the_work(tmp_path, capsys, monkeypatch):
    """A word too long for the format must not cost hours of training."""
    text = tmp_path / "long.txt"
    text.write_text(f"a b {'x' * 3000} c\n" * 5)
    monkeypatch.setattr(fast.FastTrainer, "fit", None)  # nobody may get so far
    train = ["train", text, "--quiet", "-o"]
    assert "3000 bytes" in error_of(capsys, *train, tmp_path / "v.bin")
    assert "3000 bytes" in error_of(capsys, *train, tmp_path / "v.txt.gz")
    assert not list(tmp_path.glob("v.*"))


def test_training_that_cannot_work(tmp_path, text, capsys):
    train = ["train", text, "-o", tmp_path / "v.bin", "--quiet"]
    assert "smaller lr" in error_of(capsys, *train, "--alpha", "1e30")
    assert "share_negatives" in error_of(capsys, *train, "--shared")
    assert "min_count" in error_of(capsys, *train, "--min-count", "1000000")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train"],
        ["train", "text.txt"],
        ["train", "text.txt", "-o", "v.bin", "--size", "0"],
        ["train", "text.txt", "-o", "v.bin", "--size", "many"],
        ["train", "text.txt", "-o", "v.bin", "--negative", "-1"],
        ["train", "text.txt", "-o", "v.bin", "--model", "glove"],
        ["nearest", "v.bin"],
        ["analogy", "v.bin", "a", "b"],
    ],
)
def test_wrong_usage(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    shown = capsys.readouterr().err
    assert shown.startswith("usage: python -m w2vlib") and "error:" in shown


@pytest.mark.parametrize("command", ["", "train", "nearest", "analogy", "evaluate"])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "usage: python -m w2vlib" in shown and len(shown) > 300
    if command == "train":
        for option in ("--size", "--window", "--negative", "--sample", "--min-count", "--threads"):
            assert option in shown


def test_as_a_process(vectors, root):
    assert run("--version", cwd=root).stdout.startswith("w2vlib ")
    done = run("nearest", vectors, "up", cwd=root)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("w2vlib: error: 'up' is not in the vocabulary")
