"""Data sets: the files we have, files of others, and downloads from a server that misbehaves."""

import dataclasses
import gzip
import hashlib
import http.server
import io
import lzma
import os
import socket
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2vlib import datasets, downloads, text_files
from w2vlib.datasets import (
    DataUnavailableError,
    load,
    load_analogies,
    load_entities,
    load_similarities,
    ptb,
)

REMOTES = [  # as they are before the tests point them to loopback
    *datasets._PTB.values(),
    *datasets._ANALOGIES.values(),
    *datasets._SIMILARITIES.values(),
    datasets._TEXT8,
]
TRAIN = "".join(f" line {i} of the training text \n" for i in range(3000)).encode()
VALID = b" the text of line 7 \n line 8 \n"


# ---- fixtures ------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty cache and a clean environment: no test may touch the user's, or the network."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(downloads, "cache_folder", lambda: folder)
    for name in ("W2V_DATA", "W2V_OFFLINE", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for table in ("_PTB", "_ANALOGIES", "_SIMILARITIES"):
        nowhere = {
            name: dataclasses.replace(remote, url="http://127.0.0.1:1/" + remote.filename)
            for name, remote in getattr(datasets, table).items()
        }
        monkeypatch.setattr(datasets, table, nowhere)
    text8 = dataclasses.replace(datasets._TEXT8, url="http://127.0.0.1:1/text8.zip")
    monkeypatch.setattr(datasets, "_TEXT8", text8)
    return folder


class Server:
    """A web server on loopback whose ``answer(handler)`` each test chooses."""

    def __init__(self):
        self.files = {"/ptb.train.txt": TRAIN, "/ptb.valid.txt": VALID}
        self.requests = []
        self.answer = self.whole
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests.append(self.path)
                outer.answer(self)

            def log_message(self, *arguments):
                pass

        self.httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.httpd.server_port}"
        self.released = threading.Event()
        threading.Thread(target=self.httpd.serve_forever, args=(0.01,), daemon=True).start()

    def whole(self, handler):
        self.cut(handler, 1.0)

    def cut(self, handler, share):
        """Promise the whole body, send a share of it, hang up."""
        body = self.files[handler.path]
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: int(len(body) * share)])
        handler.wfile.flush()

    def hold(self, handler, share=0.5):
        """Send a share of the body, then nothing, but keep the line open."""
        self.cut(handler, share)
        self.released.wait(60)

    def page(self, handler):
        """A web page instead of the file."""
        body = b"<html><body>Please log in</body></html>"
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def redirect(self, handler):
        if handler.path == "/login.html":
            self.page(handler)
        else:
            handler.send_response(302)
            handler.send_header("Location", "/login.html")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

    def fail(self, handler, status):
        handler.send_error(status)

    def close(self):
        self.released.set()
        self.httpd.shutdown()
        self.httpd.server_close()


@pytest.fixture
def server(monkeypatch):
    """PTB at home on loopback."""
    server = Server()
    remotes = {}
    for split, body in (("train", TRAIN), ("valid", VALID)):
        name = f"ptb.{split}.txt"
        sha256 = hashlib.sha256(body).hexdigest()
        url = f"{server.address}/{name}"
        remotes[split] = downloads.Remote(name, url, sha256, len(body))
    monkeypatch.setattr(datasets, "_PTB", {**datasets._PTB, **remotes})
    yield server
    server.close()


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*")) if folder.exists() else []


def write(path: Path, content) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# ---- the texts that come with the package --------------------------------------------------------


def test_tiny():
    corpus = load("tiny")
    assert corpus.ids.tolist() == [0, 1, 2, 3, 4, 1, 5, 6]
    assert corpus.words == ["you", "say", "goodbye", "and", "i", "hello", "."]
    assert corpus.name == "tiny"


def test_embedded():
    corpus = load("embedded")
    assert 300_000 <= len(corpus) <= 1_000_000
    assert 1_500 <= corpus.vocab_size <= 3_000
    assert len(corpus.sentence_starts) > 10_000
    assert (np.diff(corpus.counts) <= 0).all()
    assert {corpus.words[s[-1]] for s in corpus.sentences()} <= {".", "?", "!"}


def test_embedded_test_sets_are_about_the_embedded_words():
    words = set(load("embedded").words)
    analogies = load_analogies("embedded")
    assert len(analogies) >= 8
    assert sum(map(len, analogies.values())) >= 300
    assert words.issuperset(word for rows in analogies.values() for row in rows for word in row)
    pairs = load_similarities("embedded")
    assert len(pairs) >= 50
    assert words.issuperset(word for *two, _ in pairs for word in two)


def test_entities_fit_the_embedded_corpus():
    corpus, labels = load("embedded"), load_entities("embedded")
    lengths = np.diff(np.append(corpus.sentence_starts, len(corpus)))
    assert [len(line) for line in labels] == lengths.tolist()
    named = {letter: set() for letter in "PLO."}
    for word, letter in zip(corpus.decode(corpus.ids), "".join(labels), strict=True):
        named[letter].add(word)
    assert {"anna", "tom", "will"} <= named["P"]
    assert {"rome", "france"} <= named["L"]
    assert 5 <= len(named["O"]) < len(named["P"])
    assert not {"the", "and", "."} & (named["P"] | named["L"] | named["O"])


def test_embedded_files_need_no_data_folder_and_no_network(monkeypatch):
    monkeypatch.setenv("W2V_DATA", "/nowhere")
    monkeypatch.setenv("W2V_OFFLINE", "1")
    assert len(load("tiny")) == 8
    assert load("embedded", min_count=100).dropped > 0


def test_missing_embedded_file(monkeypatch):
    monkeypatch.setitem(datasets._EMBEDDED, "corpus", "gone.txt")
    with pytest.raises(DataUnavailableError, match=r"gone\.txt is missing.*Install"):
        load("embedded")


# ---- the real texts ------------------------------------------------------------------------------


@pytest.fixture
def real(real_data, monkeypatch):
    monkeypatch.setenv("W2V_DATA", str(real_data))
    return real_data


def test_ptb_is_the_books(real):
    # the numbers that section 2.4.4 of the book prints
    corpus, word_to_id, id_to_word = load("ptb")
    assert len(corpus) == 929_589
    assert corpus[:30].tolist() == list(range(30))
    assert (id_to_word[0], id_to_word[1], id_to_word[2]) == ("aer", "banknote", "berlitz")
    assert (word_to_id["car"], word_to_id["happy"], word_to_id["lexus"]) == (3856, 4428, 7426)
    # and the book's own way to read it, word for word
    words = (real / "ptb.train.txt").read_text().replace("\n", "<eos>").strip().split()
    assert corpus.tolist() == [word_to_id[word] for word in words]
    assert list(word_to_id) == list(dict.fromkeys(words))


def test_ptb_splits_share_the_vocabulary_of_train(real):
    train, valid, test = (load("ptb", split) for split in ("train", "valid", "test"))
    assert (len(valid), len(test)) == (73_760, 82_430)
    assert train.words == valid.words == test.words
    assert valid.dropped == test.dropped == 0
    assert valid.counts.sum() == len(valid)
    sentence = next(valid.sentences())
    assert " ".join(valid.decode(sentence)).startswith("consumers may want to move their")
    assert valid.decode(sentence)[-1] == "<eos>"
    assert len(train.sentence_starts) == 42_068
    np.testing.assert_array_equal(ptb.load_data("val")[0], ptb.load_data("valid")[0])
    assert ptb.load_vocab()[0] == train.word_to_id


def test_ptb_options(real):
    corpus = load("ptb", min_count=100, order="frequency", unknown="<unk>")
    assert corpus.words[:2] == ["<unk>", "the"]
    assert corpus.counts.min() >= 100
    valid = load("ptb", "valid", min_count=100, order="frequency", unknown="<unk>")
    assert valid.words == corpus.words
    assert len(valid) == 73_760


def test_google_analogies(real):
    questions = load_analogies("google")
    assert len(questions) == 14
    assert sum(map(len, questions.values())) == 19_544
    assert questions["capital-common-countries"][0] == ("Athens", "Greece", "Baghdad", "Iraq")
    assert questions["gram9-plural-verbs"][-1] == ("write", "writes", "work", "works")


def test_similarity_sets(real):
    wordsim, simlex = load_similarities("wordsim353"), load_similarities("simlex999")
    assert (len(wordsim), len(simlex)) == (353, 999)
    assert wordsim[0] == ("love", "sex", 6.77)
    assert simlex[0] == ("old", "new", 1.58)


def test_text8_if_it_is_there(real):
    if not any((real / name).is_file() for name in ("text8", "text8.zip")):
        pytest.skip("the folder that W2V_DATA names has no text8")
    corpus = load("text8", min_count=5)
    assert (len(corpus) + corpus.dropped, corpus.vocab_size) == (17_005_207, 71_290)


# ---- your own files ------------------------------------------------------------------------------

SAMPLE = "Über café\u0301 ß.\n\nSecond  line 日本\n"
SAMPLE_WORDS = [["über", "café\u0301", "ß", "."], ["second", "line", "日本"]]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_gives_all_of_its_text(tmp_path):
    """Such as ``<(zcat text.gz)`` in a shell: what was read to look at it must not be lost."""
    text = "".join(f"line {i} of the text\n" for i in range(20_000))
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(text,), daemon=True)
    writer.start()
    corpus = load(path)
    writer.join()
    assert corpus.decode(corpus.ids) == text.split()
    assert len(corpus.sentence_starts) == 20_000


@pytest.mark.parametrize(
    "content",
    [
        SAMPLE,
        SAMPLE.replace("\n", "\r\n"),
        SAMPLE.replace("\n", "\r"),
        "\ufeff" + SAMPLE,
        SAMPLE.rstrip("\n"),
        "\n\n" + SAMPLE + "\n \n",
    ],
    ids=["plain", "crlf", "cr", "bom", "no final newline", "empty lines"],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, "zip"])
def test_any_text_file(tmp_path, content, pack):
    data = content.encode()
    if pack == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("inside.txt", data)
        data = buffer.getvalue()
    else:
        data = pack(data)
    path = write(tmp_path / "some text", data)
    for given_path in (str(path), path):
        corpus = load(given_path, order="first-seen")
        assert [corpus.decode(s) for s in corpus.sentences()] == SAMPLE_WORDS
        assert corpus.name == "some text"


def test_options_reach_the_corpus(tmp_path):
    path = write(tmp_path / "a.txt", "A, b a,\nc A,\n")
    assert load(path).words == ["a,", "b", "c"]
    assert load(path, tokenizer="words").words == ["a", ",", "b", "c"]
    assert load(path, tokenizer="split").words == ["A,", "b", "a,", "c"]
    assert load(path, tokenizer=lambda line: list(line.replace(" ", ""))).words[:2] == [",", "A"]
    assert load(path, sentences="stream").sentence_starts is None
    assert load(path, sentence_end="</s>", min_count=2).words == ["a,", "</s>"]
    assert load(path, vocabulary=["b", "?"], unknown="?").ids.tolist() == [1, 0, 1, 1, 1]


def test_large_file_comes_in_blocks(tmp_path):
    # letters of two to four bytes lie across the borders of the blocks that are read
    line = "añb 日本語 😀x " * 5
    path = write(tmp_path / "large.txt", (line + "\n") * 5000)
    corpus = load(path, tokenizer="split")
    assert len(corpus) == 5000 * 15
    assert set(corpus.words) == {"añb", "日本語", "😀x"}
    assert len(corpus.sentence_starts) == 5000


@given(st.text(st.sampled_from("ab é\n\r\t日.😀\ufeff"), max_size=60), st.integers(1, 7))
def test_reading_in_any_block_size_is_the_same(text, size):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_files, "_BLOCK_BYTES", size)
        patch.setattr(text_files, "_open_bytes", lambda path: io.BytesIO(text.encode()))
        got = "".join(text_files.text_blocks(Path("x")))
    expected = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8-sig").read()
    assert got == expected


def test_not_utf8_names_the_byte(tmp_path):
    # é in Latin-1 behind a good deal of UTF-8, at a block's border too
    for before in (0, 3, 65_535, 65_536, 65_537, 200_000):
        path = write(
            tmp_path / "latin1.txt", b"a " * (before // 2) + b"x" * (before % 2) + b"\xe9 b"
        )
        with pytest.raises(ValueError, match=rf"latin1\.txt.*0xe9 at offset {before:,} .*iconv"):
            load(path)


def test_vectors_are_no_text(tmp_path):
    vectors = np.array([[0.9, -1.0], [2.5, 1e-3]], np.float32)
    path = write(tmp_path / "v.bin", b"2 2\nhello " + vectors.tobytes())
    with pytest.raises(ValueError, match="zero bytes in it, too: it may be a file of vectors"):
        load(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "no word"),
        (b" \n\r\n\t", "no word"),
        (b"\xef\xbb\xbf", "no word"),
        ("hello world".encode("utf-16"), "UTF-16"),
        ("hello world".encode("utf-16-le"), "NUL"),
        (b"cut letter \xe6\x97", "offset 11"),
        (b"\xed\xa0\x80", "offset 0"),  # half of a surrogate pair
        (b"\x80\x04}q\x00.", "not UTF-8"),  # a pickle
        (b"\x00\x01\x02", "NUL"),
        (b"x" * 2_000_000, "white space"),
        (gzip.compress(b"some words " * 100)[:-9], "damaged"),
        (gzip.compress(b"some words " * 100)[:12], "damaged"),
        (gzip.compress(b"some words " * 100)[:-8] + b"12345678", "damaged"),
        (lzma.compress(b"some words " * 100)[:-20], "damaged"),
        (lzma.compress(b"some words " * 100)[:30] + b"\0" * 50, "damaged"),
        (b"PK\x03\x04 is the beginning of a zip", "damaged"),
        (gzip.compress(b"\xff\xfe"), "UTF-16"),
    ],
)
def test_files_that_are_no_text(tmp_path, content, match):
    path = write(tmp_path / "file", content)
    with pytest.raises(ValueError, match=match) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", [".gz", ".xz", ".zip"])
def test_names_that_promise_an_archive(tmp_path, suffix):
    path = write(tmp_path / f"text{suffix}", "plain words")
    with pytest.raises(ValueError, match=f"ends in {suffix}"):
        load(path)


@pytest.mark.parametrize("names", [[], ["a.txt", "b.txt"]])
def test_zip_must_hold_one_file(tmp_path, names):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "words")
    with pytest.raises(ValueError, match="zip"):
        load(path)


def test_folder_missing_and_forbidden_files(tmp_path, monkeypatch):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="neither a data set .*embedded.* nor an existing"):
        load("embeded")
    with pytest.raises(FileNotFoundError):
        load(Path("no-such-file"))
    with pytest.raises(FileNotFoundError, match="path always means a file.* the string 'embedded'"):
        load(Path("embedded"))
    path = write(tmp_path / "secret.txt", "words")

    def forbidden(*arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(text_files, "open", forbidden, raising=False)
    with pytest.raises(PermissionError, match=r"secret\.txt may not be read.*chmod"):
        load(path)
    with pytest.raises(FileNotFoundError, match="Did you mean 'ptb'"):
        load("PTB")
    with pytest.raises(FileNotFoundError, match=r"looked in .*\.$"):
        load("my.txt")


def test_a_file_named_like_a_data_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tiny", "one two three")
    assert len(load("tiny")) == 8
    assert len(load("./tiny")) == 3
    assert len(load(Path("tiny"))) == 3


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ((None,), {}, TypeError, "name_or_path"),
        ((3,), {}, TypeError, "name_or_path"),
        ((b"tiny",), {}, TypeError, "name_or_path"),
        (("",), {}, ValueError, "name_or_path"),
        (("a\0b",), {}, ValueError, "name_or_path"),
        (("tiny", "valid"), {}, ValueError, "Only 'ptb' has others"),
        (("ptb", "dev"), {}, ValueError, "'train' or 'valid' or 'test'"),
        (("ptb", None), {}, ValueError, "split"),
        (("tiny",), {"order": "x"}, ValueError, "order"),
        (("tiny",), {"min_count": 0}, ValueError, "min_count"),
        (("embedded",), {"min_count": 10**9}, ValueError, "Lower min_count"),
        (("embedded",), {"tokenizer": "x"}, ValueError, "tokenizer"),
    ],
)
def test_bad_arguments(arguments, options, error, match):
    with pytest.raises(error, match=match):
        load(*arguments, **options)


# ---- test sets -----------------------------------------------------------------------------------


def test_analogies_from_a_file(tmp_path):
    path = write(
        tmp_path / "q.txt",
        "\ufeff# made by hand\r\n: family\r\nking queen  man\twoman\r\n\r\n"
        ":  empty \r\n: family\r\nboy girl son cafe\u0301",
    )
    assert load_analogies(path) == {
        "family": [("king", "queen", "man", "woman"), ("boy", "girl", "son", "caf\u00e9")],
        "empty": [],
    }


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (": a\na b c\n", r"q\.txt, line 2: expected four words, got 3: 'a b c'"),
        (": a\n\n# x\na b c d e\n", "line 4: expected four words, got 5"),
        ("a b c d\n", "line 1: expected a line ': category'"),
        (":\na b c d\n", "line 1: the category"),
        (": a\n", "no question"),
        ("", "no question"),
        (b": a\na b c \xff\n", "offset 10"),
        (": a\n" + "x" * 500, "…"),
    ],
)
def test_malformed_analogies(tmp_path, content, match):
    with pytest.raises(ValueError, match=match):
        load_analogies(write(tmp_path / "q.txt", content))


def test_similarities_from_a_file(tmp_path):
    path = write(
        tmp_path / "s.tsv", "# word\tword\tscore\ncar\tauto \t 9.5\r\n\nice cream\tsun\t-1"
    )
    assert load_similarities(path) == [("car", "auto", 9.5), ("ice cream", "sun", -1.0)]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("car auto 9.5\n", r"s\.tsv, line 1: .*tabs, got 1 field"),
        ("a\tb\t1\ncar\tauto\n", "line 2: .*got 2 fields"),
        ("car\tauto\t9\t5\n", "got 4 fields"),
        ("car\t\t9\n", "line 1"),
        ("car\tauto\thigh\n", "line 1: expected a finite number, got 'high'"),
        ("car\tauto\tnan\n", "finite"),
        ("car\tauto\tinf\n", "finite"),
        ("car\tauto\t9,5\n", "finite"),
        ("# nothing\n", "no pair"),
    ],
)
def test_malformed_similarities(tmp_path, content, match):
    with pytest.raises(ValueError, match=match):
        load_similarities(write(tmp_path / "s.tsv", content))


def test_entities_from_a_file(tmp_path):
    path = write(tmp_path / "e.txt", "# by hand\r\nP..L.\r\n\n .O. \n.")
    assert load_entities(path) == ["P..L.", ".O.", "."]


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("P..\nP.X.\n", r"e\.txt, line 2: expected only the letters P L O \., got 'X': 'P\.X\.'"),
        ("p..\n", "line 1: .*got 'p'"),
        ("P. L.\n", "line 1: .*got ' '"),
        ("# nothing\n\n", "no sentence"),
        ("", "no sentence"),
    ],
)
def test_malformed_entities(tmp_path, content, match):
    with pytest.raises(ValueError, match=match):
        load_entities(write(tmp_path / "e.txt", content))


@pytest.mark.parametrize("function", [load_analogies, load_entities, load_similarities])
def test_unknown_test_sets(function, tmp_path):
    with pytest.raises(FileNotFoundError, match="neither a data set .*embedded"):
        function("gogle")
    with pytest.raises(IsADirectoryError):
        function(tmp_path)
    with pytest.raises(TypeError):
        function(None)


# ---- where files are looked for ------------------------------------------------------------------


def test_data_folder_comes_first(server, cache, tmp_path, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "ptb.train.txt", TRAIN)
    monkeypatch.setenv("W2V_DATA", str(folder))
    assert len(load("ptb")) == 3000 * 7
    assert server.requests == []
    assert left_behind(cache) == []


def test_what_the_data_folder_lacks_is_fetched(server, cache, tmp_path, monkeypatch):
    monkeypatch.setenv("W2V_DATA", str(tmp_path))
    load("ptb")
    assert left_behind(cache) == ["ptb.train.txt"]
    load("ptb")
    assert server.requests == ["/ptb.train.txt"]


def test_wrong_file_in_the_data_folder_is_refused(server, cache, tmp_path, monkeypatch):
    path = write(tmp_path / "ptb.train.txt", TRAIN[:-1])
    monkeypatch.setenv("W2V_DATA", str(tmp_path))
    got, expected = (hashlib.sha256(x).hexdigest() for x in (TRAIN[:-1], TRAIN))
    with pytest.raises(DataUnavailableError) as caught:
        load("ptb")
    for part in (str(path), got, expected, "remove it", server.address):
        assert part in str(caught.value)
    assert path.read_bytes() == TRAIN[:-1]
    assert server.requests == []


@pytest.mark.parametrize("name", ["/no/such/folder", "no-such-folder"])
def test_data_folder_that_is_not_there(name, monkeypatch):
    monkeypatch.setenv("W2V_DATA", name)
    with pytest.raises(DataUnavailableError, match=f"W2V_DATA names '{name}'.*no such folder"):
        load("ptb")


@pytest.mark.parametrize("way", ["argument", "environment"])
def test_downloads_can_be_forbidden(server, cache, way, monkeypatch):
    options = {"download": False} if way == "argument" else {}
    if way == "environment":
        monkeypatch.setenv("W2V_OFFLINE", "1")
    for function, name in ((load, "ptb"), (load_analogies, "google"), (load, "text8")):
        with pytest.raises(DataUnavailableError, match=r"forbids.*SHA-256 \w{64}.*embedded"):
            function(name, **options)
    assert server.requests == []
    assert left_behind(cache) == []
    monkeypatch.setenv("W2V_OFFLINE", "0")
    load("ptb")
    monkeypatch.setenv("W2V_OFFLINE", "1")
    load("ptb", **options)  # what is in the cache may be used


def test_damaged_cache_is_mended(server, cache):
    cache.mkdir()
    write(cache / "ptb.train.txt", TRAIN[:1000])
    with pytest.raises(DataUnavailableError, match="damaged in the cache"):
        load("ptb", download=False)
    assert len(load("ptb")) == 3000 * 7
    assert (cache / "ptb.train.txt").read_bytes() == TRAIN


def test_cache_that_cannot_be_written(server, cache):
    write(cache, "a file where the folder should be")
    with pytest.raises(DataUnavailableError, match="cannot be written"):
        load("ptb")
    assert cache.read_text().startswith("a file")


# ---- downloads -----------------------------------------------------------------------------------


def test_download_works_and_is_kept(server, cache):
    train, valid = load("ptb"), load("ptb", "valid")
    assert len(train) == 3000 * 7
    assert valid.decode(valid.ids[:6]) == ["the", "text", "of", "line", "7", "<eos>"]
    assert left_behind(cache) == ["ptb.train.txt", "ptb.valid.txt"]
    assert (cache / "ptb.train.txt").stat().st_mode & 0o777 == 0o644
    assert server.requests == ["/ptb.train.txt", "/ptb.valid.txt"]


BAD_ANSWERS = {
    "cut at 0 %": lambda server, handler: server.cut(handler, 0),
    "cut at 1 %": lambda server, handler: server.cut(handler, 0.01),
    "cut at 50 %": lambda server, handler: server.cut(handler, 0.5),
    "cut at 99.9 %": lambda server, handler: server.cut(handler, 0.999),
    "hangs up at once": lambda server, handler: handler.connection.close(),
    "no HTTP": lambda server, handler: handler.wfile.write(b"SSH-2.0-OpenSSH_9\r\n"),
    "page": Server.page,
    "redirect to a page": Server.redirect,
    "not found": lambda server, handler: server.fail(handler, 404),
    "broken server": lambda server, handler: server.fail(handler, 500),
    "redirects for ever": lambda server, handler: (
        handler.send_response(302),
        handler.send_header("Location", handler.path),
        handler.send_header("Content-Length", "0"),
        handler.end_headers(),
    ),
}


@pytest.mark.parametrize("kind", BAD_ANSWERS)
def test_bad_downloads_leave_nothing_and_the_next_one_works(server, cache, kind):
    server.answer = lambda handler: BAD_ANSWERS[kind](server, handler)
    with pytest.raises(DataUnavailableError) as caught:
        load("ptb")
    error = caught.value
    for part in ("ptb.train.txt", error.sha256, error.url, str(cache), "W2V_DATA", "'embedded'"):
        assert part in str(error)
    assert left_behind(cache) == []
    server.answer = server.whole
    assert len(load("ptb")) == 3000 * 7
    assert left_behind(cache) == ["ptb.train.txt"]


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body[:-1],
        lambda body: body + b"\n",
        lambda body: body[:500] + b"X" + body[501:],
        lambda body: b"",
    ],
)
def test_wrong_content_is_refused(server, cache, change):
    server.files["/ptb.train.txt"] = change(TRAIN)
    with pytest.raises(DataUnavailableError, match="what the server sent is not the file"):
        load("ptb")
    assert left_behind(cache) == []


def test_server_gone(server, cache):
    server.close()
    with pytest.raises(DataUnavailableError, match="the download failed"):
        load("ptb")
    assert left_behind(cache) == []


@pytest.mark.timeout(60)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_silent_server_is_given_up(server, cache, share, monkeypatch):
    monkeypatch.setattr(downloads, "_PATIENCE_SECONDS", 0.3)
    server.answer = lambda handler: server.hold(handler, share)
    with pytest.raises(DataUnavailableError, match="the download failed"):
        load("ptb")
    assert left_behind(cache) == []


@pytest.mark.timeout(60)
def test_a_silent_name_server_is_given_up(server, cache, monkeypatch):
    monkeypatch.setattr(downloads, "_PATIENCE_SECONDS", 0.3)
    asked = threading.Event()

    def silent(*arguments, **options):
        asked.set()
        server.released.wait(30)
        raise socket.gaierror("no answer")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    with pytest.raises(DataUnavailableError, match="no data for 0.3 seconds"):
        load("ptb")
    assert asked.is_set()
    assert left_behind(cache) == []


@pytest.mark.timeout(60)
def test_interrupt_leaves_nothing(server, cache, monkeypatch):
    server.answer = lambda handler: server.hold(handler, 0.5)

    def pressed(folder):
        size = before(folder)
        if size > 0:
            raise KeyboardInterrupt
        return size

    before = downloads._bytes_in
    monkeypatch.setattr(downloads, "_bytes_in", pressed)
    with pytest.raises(KeyboardInterrupt):
        load("ptb")
    assert left_behind(cache) == []
    server.answer = server.whole
    monkeypatch.setattr(downloads, "_bytes_in", before)
    assert len(load("ptb")) == 3000 * 7


def test_what_killed_processes_left_is_swept(server, cache):
    old, new = cache / ".download-old", cache / ".download-new"
    for folder in (old, new):
        folder.mkdir(parents=True)
        write(folder / "tmp123", b"half")
    hours_ago = time.time() - 7200
    for path in (old / "tmp123", old):
        os.utime(path, (hours_ago, hours_ago))
    load("ptb")
    assert left_behind(cache) == [".download-new", "ptb.train.txt", "tmp123"]


# A process that fetches the small "ptb" from the loopback server into a given cache.
PROCESS = """
    import sys
    from pathlib import Path
    from w2vlib import datasets, downloads
    address, sha256, size, cache = sys.argv[1:]
    downloads.cache_folder = lambda: Path(cache)
    remote = downloads.Remote("ptb.train.txt", address + "/ptb.train.txt", sha256, int(size))
    datasets._PTB["train"] = remote
    print(len(datasets.load("ptb")), flush=True)
"""


def start_process(server, cache):
    root = Path(datasets.__file__).parents[1]
    sha256 = hashlib.sha256(TRAIN).hexdigest()
    arguments = [server.address, sha256, str(len(TRAIN)), str(cache)]
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROCESS), *arguments],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.timeout(120)
def test_several_processes_at_once(server, cache):
    together = threading.Barrier(3)

    def wait_for_all(handler):
        together.wait(60)  # all are in the middle of it
        server.whole(handler)

    server.answer = wait_for_all
    processes = [start_process(server, cache) for _ in range(3)]
    for process in processes:
        out, err = process.communicate(timeout=90)
        assert (process.returncode, out.strip()) == (0, "21000"), err
    assert left_behind(cache) == ["ptb.train.txt"]
    assert (cache / "ptb.train.txt").read_bytes() == TRAIN


@pytest.mark.timeout(120)
def test_killed_process_does_no_harm(server, cache):
    reached = threading.Event()

    def half(handler):
        reached.set()
        server.hold(handler, 0.5)

    server.answer = half
    process = start_process(server, cache)
    assert reached.wait(60)
    process.kill()
    process.communicate(timeout=30)
    server.answer = server.whole
    assert len(load("ptb")) == 3000 * 7
    assert (cache / "ptb.train.txt").read_bytes() == TRAIN


# ---- archives (text8) ----------------------------------------------------------------------------

TEXT8 = b" anarchism originated as a term of abuse first used against " * 200


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def text8(server, monkeypatch):
    """``text8(zip_bytes)`` puts an archive with a right SHA-1 on the server."""

    def offer(archive: bytes = zipped({"text8": TEXT8})) -> bytes:
        server.files["/text8.zip"] = archive
        remote = downloads.Remote(
            "text8",
            server.address + "/text8.zip",
            hashlib.sha256(TEXT8).hexdigest(),
            len(TEXT8),
            archive_hash="sha1:" + hashlib.sha1(archive).hexdigest(),
        )
        monkeypatch.setattr(datasets, "_TEXT8", remote)
        return archive

    return offer


def test_archive_is_unpacked_and_only_its_content_kept(server, cache, text8):
    text8()
    corpus = load("text8")
    assert len(corpus) == 2000
    assert corpus.sentence_starts.tolist() == [0]
    assert left_behind(cache) == ["text8"]
    load("text8")
    assert server.requests == ["/text8.zip"]


@pytest.mark.parametrize("kind", ["cut at 50 %", "page", "not found"])
def test_bad_archive_downloads(server, cache, text8, kind):
    text8()
    server.answer = lambda handler: BAD_ANSWERS[kind](server, handler)
    with pytest.raises(DataUnavailableError, match=r"text8\.zip \(SHA-1 \w{40}; unpacked: SHA-256"):
        load("text8")
    assert left_behind(cache) == []
    server.answer = server.whole
    assert len(load("text8")) == 2000


@pytest.mark.parametrize(
    ("archive", "match"),
    [
        (zipped({"text8": TEXT8[:-1]}), "wrong content"),
        (zipped({"text8": TEXT8 + TEXT8}), "wrong content"),
        (zipped({"text9": TEXT8}), "cannot be unpacked"),
        (zipped({"../text8": TEXT8}), "cannot be unpacked"),
        (zipped({"text8": TEXT8})[:-30], "cannot be unpacked"),
        (b"no archive", "cannot be unpacked"),
    ],
)
def test_archives_with_the_wrong_content(server, cache, text8, archive, match):
    text8(archive)
    with pytest.raises(DataUnavailableError, match=match):
        load("text8")
    assert left_behind(cache) == []


def test_archive_never_unpacks_more_than_it_should(tmp_path, text8):
    text8(zipped({"text8": b"\n" * 10_000_000}))
    path = write(tmp_path / "text8.zip", zipped({"text8": b"\n" * 10_000_000}))
    unpacked = downloads._unpack(path, datasets._TEXT8, tmp_path)
    assert unpacked.stat().st_size == len(TEXT8) + 1


def test_archive_in_the_data_folder(server, cache, tmp_path, text8, monkeypatch):
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "text8.zip", text8())
    monkeypatch.setenv("W2V_DATA", str(folder))
    assert len(load("text8")) == 2000
    assert left_behind(cache) == ["text8"]
    assert left_behind(folder) == ["text8.zip"]
    write(folder / "text8.zip", b"something else")
    with pytest.raises(DataUnavailableError, match=r"text8\.zip has the wrong content: its SHA1"):
        load("text8")
    write(folder / "text8", TEXT8)
    assert len(load("text8")) == 2000
    assert server.requests == []


# ---- the table of files --------------------------------------------------------------------------


def test_every_remote_file_has_its_hash():
    assert len({remote.sha256 for remote in REMOTES}) == len(REMOTES) == 7
    for remote in REMOTES:
        assert len(bytes.fromhex(remote.sha256)) == 32
        # a plain connection only where a second hash guards the archive
        assert remote.url.startswith("https://") or remote.archive_hash


def test_real_files_have_the_hashes_of_the_table(real):
    for remote in REMOTES[:-1]:
        path = real / remote.filename
        assert path.stat().st_size == remote.size
        assert hashlib.sha256(path.read_bytes()).hexdigest() == remote.sha256
