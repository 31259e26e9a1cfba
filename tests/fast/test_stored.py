"""Texts on the disk: the same ids, words and vectors as in memory."""

import gzip
import lzma
import os
import shutil

import numpy as np
import pytest

from w2vlib import build_corpus, datasets, fast
from w2vlib.fast import stored

TEXT = """The cat sat . The dog sat.

  a b c d e f g\twith tabs
one
cat dog cat
été \N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}
last line without an end"""


def same(found, expected):
    assert (found.ids == expected.ids).all() and len(found.ids) == len(expected.ids)
    assert found.words == expected.words
    assert (found.counts == expected.counts).all()
    if expected.sentence_starts is None:
        assert found.sentence_starts is None
    else:
        assert found.sentence_starts.tolist() == expected.sentence_starts.tolist()
    assert found.dropped == expected.dropped and found.vocab_size == expected.vocab_size


@pytest.mark.parametrize("block", [1 << 20, 3])
@pytest.mark.parametrize("sentences", ["lines", "stream"])
@pytest.mark.parametrize("min_count", [1, 2])
@pytest.mark.parametrize("tokenizer", ["book", "split", "words"])
def test_same_as_in_memory(tmp_path, monkeypatch, block, sentences, min_count, tokenizer):
    monkeypatch.setattr(stored, "_BLOCK", block)
    path = tmp_path / "text.txt"
    path.write_text(TEXT, encoding="utf-8")
    options = {"min_count": min_count, "sentences": sentences, "tokenizer": tokenizer}
    with fast.store(path, **options) as found:
        same(found, datasets.load(path, **options))
        folder = found.folder
        assert sorted(file.name for file in folder.iterdir()) == sorted(
            ["ids.i32"] + ["starts.i64"] * (sentences == "lines")
        )
    assert not folder.exists()


def test_packed_files(tmp_path):
    data = TEXT.encode()
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(data))
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(data))
    expected = datasets.load(tmp_path / "a.txt")
    for name in ("a.txt", "a.txt.gz", "a.txt.xz"):
        with fast.store(tmp_path / name) as found:
            same(found, expected)


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_same_vectors_byte_for_byte(tmp_path, model):
    rng = np.random.default_rng(0)
    lines = [" ".join(f"w{i}" for i in rng.zipf(1.4, 12) % 400) for _ in range(3000)]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines))
    options = {"model": model, "hidden_size": 10, "max_epoch": 2, "seed": 3, "progress": False}
    memory = fast.train(datasets.load(path), **options)
    disk = fast.train(path, **options)
    assert memory.words == disk.words
    assert (memory.vectors == disk.vectors).all() and (memory.counts == disk.counts).all()


def test_own_folder_stays(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    corpus = fast.store(path, tmp_path / "made" / "here")
    assert "StoredCorpus" in repr(corpus) and len(corpus) == len(build_corpus(TEXT).ids)
    corpus.close()
    assert (tmp_path / "made" / "here" / "ids.i32").exists()


def test_ids_are_read_only_and_can_be_released(tmp_path, monkeypatch):
    monkeypatch.setattr(stored, "_RELEASE", 4096)
    path = tmp_path / "text.txt"
    path.write_text(" ".join(f"w{i % 70}" for i in range(20_000)))
    with fast.store(path) as corpus:
        before = corpus.ids.copy()
        with pytest.raises(ValueError, match="read-only"):
            corpus.ids[0] = 1
        corpus.release(0, 10_000)
        assert (corpus.ids == before).all()


def test_closing_while_an_array_is_held(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    corpus = fast.store(path)
    held = corpus.ids
    corpus.close()
    assert held[0] >= 0


def test_nobody_holds_the_files_of_a_text_when_they_are_deleted(tmp_path, monkeypatch):
    """Windows deletes no file that is still mapped: a finished training would end in an error."""
    held = []

    class Watched(stored._Mapping):
        def close(self):
            super().close()
            held.append(not self._map.closed)

    monkeypatch.setattr(stored, "_Mapping", Watched)
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    fast.train(path, hidden_size=2, max_epoch=1, seed=0, progress=False)
    assert held == [False, False]


def test_files_that_cannot_be_deleted_now_are_deleted_at_the_end(tmp_path, monkeypatch):
    later = []
    monkeypatch.setattr(stored.atexit, "register", lambda *call, **options: later.append(call))
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    corpus = fast.store(path)
    with monkeypatch.context() as windows:

        def refuse(*_, **__):
            raise PermissionError(13, "The process cannot access the file")

        windows.setattr(os, "unlink", refuse)
        corpus.close()
    assert later == [(shutil.rmtree, corpus.folder)]
    later[0][0](later[0][1])
    assert not corpus.folder.exists()


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        (b"", {}, "no word"),
        (b"\n \n", {}, "no word"),
        (b"a b c", {"min_count": 2}, "min_count = 2"),
        (b"caf\xe9", {}, "not UTF-8"),
        (b"a\0b", {}, "NUL"),
        (b"a b", {"tokenizer": "none"}, "tokenizer must be"),
        (b"a b", {"sentences": "words"}, "sentences must be"),
        (b"a b", {"min_count": 0}, "min_count"),
        (b"\x1f\x8b\x08 broken", {}, "damaged"),
    ],
)
def test_wrong_texts(tmp_path, data, options, words):
    path = tmp_path / "text.txt"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=words):
        fast.store(path, **options)


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.txt"):
        fast.store(tmp_path / "nothing.txt")
    with pytest.raises(IsADirectoryError):
        fast.store(tmp_path)
