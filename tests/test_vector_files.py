"""Files of word vectors: exact round trips, other programs, and files that are not sound."""

import gzip
import io
import lzma
import os
import stat
import struct
import sys
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.meanings import binary_meaning, text_meaning
from w2vlib import files, vector_files, vector_table
from w2vlib.vector_files import (
    VectorFileAccessError,
    VectorFileError,
    VectorFileNotFoundError,
    check_writable,
    read_vectors,
    write_vectors,
)
from w2vlib.word_vectors import WordVectors

PLAIN = (".txt", ".vec", ".bin")
PACKED = tuple(suffix + packing for suffix in PLAIN for packing in (".gz", ".xz"))
ARRAYS = (".npz", ".safetensors")
ALL = PLAIN + PACKED + ARRAYS

WORDS = ["the", "naïve", "日本", "no\u00a0break", "</s>", "a\u2028b", "\ufeffbom", "🎈"]


def vectors(words=WORDS, size=7, dtype=np.float32, counts=None):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((len(words), size)).astype(dtype)
    return WordVectors(words, rows, counts)


def assert_equal(v, w, counts=True):
    assert v.words == w.words
    assert v.vectors.dtype == w.vectors.dtype
    assert v.vectors.tobytes() == w.vectors.tobytes()  # to the bit: −0.0 is not 0.0
    if counts:
        assert (v.counts is None) == (w.counts is None)
        assert v.counts is None or v.counts.tolist() == w.counts.tolist()


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """Hundreds of small files need not survive a power cut; one test below looks at the order."""
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: None)


# -- independent truth: what the formats mean, written as simply as possible


def c_program_writes(words, rows, binary):
    """The bytes that word2vec.c writes: fprintf("%s "), fwrite or "%lf ", fprintf("\\n")."""
    out = [f"{len(rows)} {len(rows[0])}\n".encode()]
    for word, row in zip(words, rows, strict=True):
        out.append(word.encode() + b" ")
        out += [struct.pack("<f", x) if binary else b"%f " % x for x in row.tolist()]
        out.append(b"\n")
    return b"".join(out)


# -- round trips


@pytest.mark.parametrize("suffix", ALL)
def test_round_trip(tmp_path, suffix):
    v = vectors()
    v.save(tmp_path / f"v{suffix}")
    assert_equal(WordVectors.load(tmp_path / f"v{suffix}"), v)
    assert [p.name for p in tmp_path.iterdir()] == [f"v{suffix}"]  # nothing else is left behind


@pytest.mark.parametrize("suffix", ARRAYS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_archives_keep_dtype_counts_zeros_and_any_word(tmp_path, suffix, dtype):
    words = ["with blank", "tab\t", "new\nline", "nul\0", " "]
    rows = np.array([[0.0, -0.0], [1, 2], [3, 4], [5, 6], [7, 8]], dtype)
    v = WordVectors(words, rows, [2**62, 3, 2, 1, 0])
    v.save(tmp_path / f"v{suffix}")
    assert_equal(WordVectors.load(tmp_path / f"v{suffix}"), v)


any_word = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0").filter(
        lambda letter: not letter.isspace()
    ),
    min_size=1,
    max_size=20,
)
any_float = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=True)


@st.composite
def any_vectors(draw):
    words = draw(st.lists(any_word, min_size=1, max_size=6, unique=True))
    shape = (len(words), draw(st.integers(1, 5)))
    rows = draw(hnp.arrays(np.float32, shape, elements=any_float))
    assume(rows.any(axis=1).all())
    return WordVectors(words, rows)


@given(v=any_vectors(), suffix=st.sampled_from(ALL), layout=st.sampled_from(vector_files.LAYOUTS))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_words_and_any_float32_come_back(tmp_path, v, suffix, layout):
    path = tmp_path / f"any{suffix}"
    v.save(path, layout=layout)
    assert_equal(WordVectors.load(path), v)


@given(hnp.arrays(np.float64, (2, 3), elements=st.floats(1e-320, 1e308)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_float64_text_is_exact_when_read_as_float64(tmp_path, rows):
    write_vectors(tmp_path / "v.txt", ["a", "b"], rows)
    back = read_vectors(tmp_path / "v.txt", dtype=np.float64)
    assert back.vectors.tobytes() == rows.tobytes()


def test_float16_text_is_short_and_exact(tmp_path):
    rows = np.array([[0.1, 65504, 6e-8]], np.float16)
    write_vectors(tmp_path / "v.txt", ["a"], rows)
    assert (tmp_path / "v.txt").read_text() == "1 3\na 0.099976 65504 5.9605e-08\n"
    back = read_vectors(tmp_path / "v.txt").vectors
    assert back.astype(np.float16).tobytes() == rows.tobytes()


@pytest.mark.parametrize("suffix", ALL)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1000])
def test_pieces_of_any_size_give_the_same(tmp_path, monkeypatch, suffix, chunk):
    words = [f"word{i}" * (1 + i % 3) for i in range(40)]
    v = vectors(words)
    v.save(tmp_path / f"v{suffix}")
    monkeypatch.setattr(files, "CHUNK", chunk)
    monkeypatch.setattr(vector_table, "CHUNK", chunk)
    assert_equal(WordVectors.load(tmp_path / f"v{suffix}"), v)


@pytest.mark.parametrize("name", ["v.txt", "v.bin"])
@pytest.mark.parametrize("bad, kind", [(0, "zero-vector"), (np.nan, "nan"), (np.inf, "infinite")])
def test_a_bad_row_far_down_is_found_at_its_place(tmp_path, name, bad, kind):
    rows = np.ones((1000, 2), np.float32)
    rows[700] = bad, 0
    words = [f"w{i:03}" for i in range(1000)]
    (tmp_path / name).write_bytes(c_program_writes(words, rows, name.endswith("bin")))
    with pytest.raises(VectorFileError) as caught:
        read_vectors(tmp_path / name)
    error = caught.value
    assert error.kind == kind
    if name == "v.txt":
        assert error.line == 702
    else:
        assert error.byte == len(b"1000 2\n") + 700 * len(b"w700 12345678\n")
        assert "'w700'" in str(error)


def test_many_blocks(tmp_path):
    words = [f"w{i}" for i in range(3000)]
    v = vectors(words, 150)
    for suffix in (".txt", ".bin", ".bin.gz"):
        v.save(tmp_path / f"v{suffix}")
        assert_equal(WordVectors.load(tmp_path / f"v{suffix}"), v)


@pytest.mark.parametrize("suffix", ALL)
def test_the_same_content_gives_the_same_bytes(tmp_path, suffix):
    for name in ("one", "two"):
        vectors().save(tmp_path / f"{name}{suffix}")
    one, two = (tmp_path / f"{name}{suffix}" for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()


def test_format_can_be_named_and_case_does_not_matter(tmp_path):
    v = vectors()
    for name, format in [("a", "text"), ("b.dat", "binary"), ("c.gz", "text"), ("d.txt", "npz")]:
        v.save(tmp_path / name, format=format)
        assert_equal(WordVectors.load(tmp_path / name, format=format), v)
    v.save(tmp_path / "V.TXT.GZ")
    assert gzip.decompress((tmp_path / "V.TXT.GZ").read_bytes()).startswith(b"8 7\nthe ")


def test_progress_bar(tmp_path, capsys, monkeypatch):
    vectors().save(tmp_path / "v.txt")
    read_vectors(tmp_path / "v.txt", progress=True)
    assert "v.txt: 100%" in capsys.readouterr().err
    read_vectors(tmp_path / "v.txt")
    assert not capsys.readouterr().err
    monkeypatch.setattr(files, "_SHOW_PROGRESS_FROM", 10)
    read_vectors(tmp_path / "v.txt")
    assert "100%" in capsys.readouterr().err


# -- other programs


@pytest.mark.parametrize("binary", [False, True])
def test_word2vec_c_files_can_be_read(tmp_path, binary):
    v = vectors()
    data = c_program_writes(v.words, v.vectors, binary)
    path = tmp_path / ("c.bin" if binary else "c.txt")
    path.write_bytes(data)
    back = WordVectors.load(path)
    if binary:
        assert_equal(back, v)
        v.save(tmp_path / "ours.bin")  # and ours are the same, byte for byte
        assert (tmp_path / "ours.bin").read_bytes() == data
    else:
        np.testing.assert_allclose(back.vectors, v.vectors, atol=5e-7)


def test_fasttext_vec_files_can_be_read(tmp_path):
    # fastText: header, then a blank behind every number, also the last one.
    data = "2 3\n</s> 0.0031 -1.5e-05 2 \ncafé\u00a0x -0.1 1 0.25 \n"
    (tmp_path / "f.vec").write_bytes(data.encode())
    back = WordVectors.load(tmp_path / "f.vec")
    assert back.words == ("</s>", "café\u00a0x")
    expected = np.array([[0.0031, -1.5e-05, 2], [-0.1, 1, 0.25]], np.float32)
    np.testing.assert_array_equal(back.vectors, expected)


def test_gensim_reads_ours_and_we_read_gensims(tmp_path):
    keyed_vectors = pytest.importorskip("gensim.models").KeyedVectors
    v = vectors()
    for suffix in PLAIN + tuple(s for s in PACKED if s.endswith(".gz")):
        v.save(tmp_path / f"v{suffix}")
        binary = ".bin" in suffix
        keyed = keyed_vectors.load_word2vec_format(tmp_path / f"v{suffix}", binary=binary)
        assert tuple(keyed.index_to_key) == v.words
        assert keyed.vectors.tobytes() == v.vectors.tobytes()
    keyed = v.to_gensim()
    for name, binary in [("g.bin", True), ("g.txt", False)]:
        keyed.save_word2vec_format(tmp_path / name, binary=binary)
        assert_equal(WordVectors.load(tmp_path / name), v)
    v.save(tmp_path / "ours.bin", layout="gensim")
    assert (tmp_path / "ours.bin").read_bytes() == (tmp_path / "g.bin").read_bytes()


def test_numpy_reads_our_npz(tmp_path):
    v = vectors(counts=range(8))
    v.save(tmp_path / "v.npz")
    with np.load(tmp_path / "v.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["vectors"], v.vectors)
        np.testing.assert_array_equal(arrays["counts"], v.counts)
        ends = arrays["word_ends"]
        assert arrays["word_bytes"][ends[1] : ends[2]].tobytes().decode() == "日本"


# -- broken files: name of the fault, file name, content, kind of error, place, part of the message

GOOD = [b"3 2", b"the 1.5 -2", b"king .25 3e-1", b"queen 4 +5."]


def text(*changes, end=b"\n"):
    """The good file with some lines changed: (number, new line); None takes a line out."""
    lines = list(GOOD)
    for number, line in changes:
        lines[number - 1 : number] = [] if line is None else line.split(b"\n")
    return b"\n".join(lines) + end


ROWS = np.array([[1.5, -2], [0.25, 0.5], [4, 5]], np.float32)


def binary(header=b"3 2\n", words=(b"the", b"king", b"queen"), rows=ROWS, ending=b"\n"):
    pieces = [w + b" " + r.tobytes() + ending for w, r in zip(words, rows, strict=True)]
    return header + b"".join(pieces)


def row(*numbers):
    changed = ROWS.copy()
    changed[1] = numbers
    return changed


GZ = gzip.compress(text(), mtime=0)
XZ = lzma.compress(text())
NAN, INF = np.nan, np.inf
L = "line"
B = "byte"

BROKEN = [
    # the header
    ("empty file", "v.txt", b"", "empty", (B, 0), "empty"),
    ("no header, as GloVe", "v.txt", text((1, None)), "bad-header", (L, 1), "GloVe"),
    ("header of one number", "v.txt", text((1, b"3")), "bad-header", (L, 1), "'10000 100'"),
    ("header of three", "v.txt", text((1, b"3 2 1")), "bad-header", (L, 1), "b'3 2 1'"),
    ("negative header", "v.txt", text((1, b"-3 2")), "bad-header", (L, 1), "-3"),
    ("header not whole", "v.txt", text((1, b"3.0 2")), "bad-header", (L, 1), "3.0"),
    ("header with zeros", "v.txt", text((1, b"03 2")), "bad-header", (L, 1), "03"),
    ("header with two blanks", "v.txt", text((1, b"3  2")), "bad-header", (L, 1), ""),
    ("header with Arabic digits", "v.txt", text((1, "٣ 2".encode())), "bad-header", (L, 1), ""),
    ("header of 30 digits", "v.txt", text((1, b"1" * 30 + b" 2")), "bad-header", (L, 1), ""),
    ("header cut off", "v.txt", b"3", "bad-header", (L, 1), ""),
    ("header and no more", "v.txt", b"3 2\n", "header-too-large", (L, 1), "0 bytes follow"),
    ("no words", "v.txt", b"0 2\n", "no-vectors", (L, 1), ""),
    ("no dimensions", "v.txt", b"3 0\nthe\nking\nqueen\n", "no-vectors", (L, 1), ""),
    ("10^12 words", "v.txt", text((1, b"1000000000000 2")), "header-too-large", (L, 1), "bytes"),
    ("10^12 dimensions", "v.txt", text((1, b"3 1000000000000")), "header-too-large", (L, 1), ""),
    ("count too small", "v.txt", text((1, b"2 2")), "header-too-small", (L, 4), "2 words"),
    ("count too large", "v.txt", text((1, b"4 2")), "header-too-large", (L, 5), "1 more"),
    ("line missing", "v.txt", text((3, None)), "header-too-large", (L, 4), "1 more"),
    ("byte order mark", "v.txt", b"\xef\xbb\xbf" + text(), "bad-header", (L, 1), "BOM"),
    ("UTF-16", "v.txt", text().decode().encode("utf-16"), "bad-header", (L, 1), "UTF-16"),
    ("a text", "v.txt", "Der König, die Königin\n".encode(), "bad-header", (L, 1), "fast.train"),
    ("web page", "v.txt", b"<!DOCTYPE html>\n<html>\n", "bad-header", (L, 1), "web page"),
    ("gzip without .gz", "v.txt", GZ, "bad-header", (L, 1), ".gz"),
    ("xz without .xz", "v.bin", XZ, "bad-header", (L, 1), ".xz"),
    ("zip as text", "v.vec", b"PK\3\4" + bytes(60), "bad-header", (L, 1), ".npz"),
    ("pickle as text", "v.txt", b"\x80\4\x95\n", "bad-header", (L, 1), "convert_book_pickle"),
    ("git-lfs pointer", "v.txt", b"version https://git-lfs\n", "bad-header", (L, 1), "lfs pull"),
    # Windows and editors
    ("CRLF everywhere", "v.txt", text().replace(b"\n", b"\r\n"), "bad-header", (L, 1), "dos2unix"),
    ("CRLF below the header", "v.txt", text((3, GOOD[2] + b"\r")), "crlf", (L, 3), "dos2unix"),
    ("CRLF and blank", "v.txt", text((2, GOOD[1] + b" \r")), "crlf", (L, 2), "dos2unix"),
    ("no newline at the end", "v.txt", text(end=b""), "truncated", (L, 4), "add it"),
    ("empty line within", "v.txt", text((3, b"")), "empty-line", (L, 3), ""),
    ("empty line at the end", "v.txt", text(end=b"\n\n"), "header-too-small", (L, 5), ""),
    ("tabs", "v.txt", text((2, b"the\t1.5\t-2")), "tab", (L, 2), "tab"),
    ("tab beside a blank", "v.txt", text((2, b"the 1.5\t -2")), "tab", (L, 2), "tab"),
    ("two blanks", "v.txt", text((2, b"the 1.5  -2")), "uneven-blanks", (L, 2), ""),
    ("two blanks, one missing", "v.txt", text((2, b"the  1.5-2")), "uneven-blanks", (L, 2), ""),
    ("blank at one line's end", "v.txt", text((3, GOOD[2] + b" ")), "uneven-blanks", (L, 3), ""),
    ("no blank at one line's end", "v.txt", text((2, GOOD[1] + b" ")), "uneven-blanks", (L, 3), ""),
    # numbers
    ("one number missing", "v.txt", text((3, b"king .25")), "wrong-dimension", (L, 3), "1 numbers"),
    ("one number too many", "v.txt", text((3, b"king 1 2 3")), "wrong-dimension", (L, 3), "3 numb"),
    ("no number", "v.txt", text((3, b"king")), "wrong-dimension", (L, 3), "0 numbers"),
    ("line of one number", "v.txt", text((3, b"0.25")), "wrong-dimension", (L, 3), "0 numbers"),
    ("number cut in the exponent", "v.txt", text((3, b"king 1 2e-")), "bad-number", (L, 3), "2e-"),
    ("two points", "v.txt", text((3, b"king 1.2.3 4")), "bad-number", (L, 3), "1.2.3"),
    ("two numbers run together", "v.txt", text((3, b"king 1-2 4")), "bad-number", (L, 3), "1-2"),
    ("letters", "v.txt", text((3, b"king l.5 4")), "bad-number", (L, 3), "l.5"),
    ("decimal comma", "v.txt", text((3, b"king 1,5 4")), "bad-number", (L, 3), "1,5"),
    ("underscore", "v.txt", text((3, b"king 1_0 4")), "bad-number", (L, 3), "1_0"),
    ("hexadecimal", "v.txt", text((3, b"king 0x1 4")), "bad-number", (L, 3), "0x1"),
    ("only a sign", "v.txt", text((3, b"king 1 -")), "bad-number", (L, 3), "Number 2"),
    ("minus as a dash", "v.txt", text((3, "king 1 −2".encode())), "bad-number", (L, 3), ""),
    ("no-break space", "v.txt", text((3, "king 1\u00a02 3".encode())), "bad-number", (L, 3), ""),
    ("Arabic digit", "v.txt", text((3, "king 1 ٣".encode())), "bad-number", (L, 3), ""),
    ("NaN", "v.txt", text((3, b"king 1 nan")), "nan", (L, 3), "Number 2"),
    ("NaN with a sign", "v.txt", text((3, b"king -NaN 1")), "nan", (L, 3), "Number 1"),
    ("NaN with a note", "v.txt", text((3, b"king nan(1) 1")), "bad-number", (L, 3), ""),
    ("Inf", "v.txt", text((3, b"king 1 -inf")), "infinite", (L, 3), "-inf"),
    ("beyond float32", "v.txt", text((3, b"king 1 1e39")), "infinite", (L, 3), "float32"),
    ("zero vector", "v.txt", text((3, b"king 0 -0.0")), "zero-vector", (L, 3), "allow"),
    # words
    ("duplicate word", "v.txt", text((4, b"the 1 2")), "duplicate-word", (L, 4), "number 1"),
    ("empty word", "v.txt", text((3, b" 1 2")), "empty-word", (L, 3), ""),
    ("word with a blank", "v.txt", text((3, b"new york 1 2")), "wrong-dimension", (L, 3), "'_'"),
    ("word with a tab", "v.txt", text((3, b"new\tyork 1 2")), "blank-in-word", (L, 3), "'_'"),
    ("word with a NUL", "v.txt", text((3, b"ki\0ng 1 2")), "blank-in-word", (L, 3), ""),
    ("word with a CR", "v.txt", text((3, b"\rking 1 2")), "blank-in-word", (L, 3), ""),
    ("Latin-1", "v.txt", text((3, "café 1 2".encode("latin-1"))), "bad-utf8", (L, 3), "UTF-8"),
    ("cut in a letter", "v.txt", text((3, b"caf\xc3 1 2")), "bad-utf8", (L, 3), ""),
    ("surrogate", "v.txt", text((3, b"\xed\xa0\x80 1 2")), "bad-utf8", (L, 3), ""),
    ("endless word", "v.txt", text((3, b"k" * 2001 + b" 1 2")), "long-word", (L, 3), "2000"),
    # damage
    ("cut inside a number", "v.txt", text()[:-3], "truncated", (L, 4), "cut off"),
    ("cut inside a word", "v.txt", text()[:20], "header-too-large", (L, 1), "bytes follow"),
    ("cut after a line", "v.txt", text()[:29], "header-too-large", (L, 4), "1 more"),
    ("zeros for a number", "v.txt", text((3, b"king 1 \0\0\0")), "binary-as-text", (L, 3), ""),
    ("zeros behind the end", "v.txt", text() + bytes(5), "header-too-small", (L, 5), ""),
    ("two files joined", "v.txt", text() + text(), "header-too-small", (L, 5), "joined"),
    ("line without an end", "v.txt", b"9 2\n" + b"x" * 9999, "long-line", (L, 2), ""),
    ("binary read as text", "v.txt", binary(), "binary-as-text", (L, 2), "format='binary'"),
    # binary
    ("bin: empty", "v.bin", b"", "empty", (B, 0), ""),
    ("bin: text", "v.bin", text(), "text-as-binary", (B, 4), "format='text'"),
    ("bin: CRLF text", "v.bin", text((2, GOOD[1] + b" \r")), "text-as-binary", (B, 4), ""),
    ("bin: header CRLF", "v.bin", binary(b"3 2\r\n"), "bad-header", (L, 1), ""),
    ("bin: header without end", "v.bin", b"3 2" + b"3" * 99, "bad-header", (L, 1), ""),
    ("bin: 10^12 words", "v.bin", binary(b"1000000000000 2\n"), "header-too-large", (L, 1), ""),
    ("bin: count too large", "v.bin", binary(b"4 2\n"), "truncated", (B, 46), "Word number 4"),
    ("bin: count too small", "v.bin", binary(b"2 2\n"), "trailing-bytes", (B, 31), "2 words"),
    ("bin: dimension too small", "v.bin", binary(b"3 1\n"), "blank-in-word", (B, 12), ""),
    ("bin: dimension too large", "v.bin", binary(b"3 3\n"), "truncated", (B, 37), ""),
    ("bin: cut in the numbers", "v.bin", binary()[:-3], "truncated", (B, 37), "word 3 of 3"),
    ("bin: cut in a word", "v.bin", binary()[:33], "header-too-large", (L, 1), ""),
    ("bin: last newline missing", "v.bin", binary()[:-1], "truncated", (B, 45), "newline"),
    ("bin: a newline missing", "v.bin", binary()[:30] + binary()[31:], "missing-newline", (B, 30),
     "b'q'"),
    ("bin: a newline too many", "v.bin", binary(ending=b"")[:29] + b"\n" + binary(ending=b"")[29:],
     "blank-in-word", (B, 29), ""),
    ("bin: trailing bytes", "v.bin", binary() + b"\0", "trailing-bytes", (B, 46), ""),
    ("bin: NaN", "v.bin", binary(rows=row(1, NAN)), "nan", (B, 17), "Number 2"),
    ("bin: Inf", "v.bin", binary(rows=row(-INF, 1)), "infinite", (B, 17), "Number 1"),
    ("bin: zeros", "v.bin", binary(rows=row(0, 0)), "zero-vector", (B, 17), "'king'"),
    ("bin: duplicate", "v.bin", binary(words=[b"a", b"b", b"a"]), "duplicate-word", (B, 26), ""),
    ("bin: empty word", "v.bin", binary(words=[b"a", b"", b"c"]), "empty-word", (B, 15), ""),
    ("bin: bad UTF-8", "v.bin", binary(words=[b"a", b"\xff", b"c"]), "bad-utf8", (B, 15), ""),
    ("bin: tab in word", "v.bin", binary(words=[b"a", b"\tb", b"c"]), "blank-in-word", (B, 15), ""),
    ("bin: endless word", "v.bin", b"1 2\n" + b"x" * 2500, "long-word", (B, 4), "2000"),
    # packed
    ("gz: not packed", "v.txt.gz", text(), "damaged-archive", None, "take .gz"),
    ("gz: cut", "v.txt.gz", GZ[:-9], "truncated-archive", None, "break off"),
    ("gz: cut in the checksum", "v.txt.gz", GZ[:-1], "truncated-archive", None, ""),
    ("gz: cut in its header", "v.txt.gz", GZ[:5], "truncated-archive", None, ""),
    ("gz: bit flipped", "v.txt.gz", GZ[:15] + b"\x55" + GZ[16:], "damaged-archive", None, ""),
    ("gz: wrong checksum", "v.txt.gz", GZ[:-8] + b"1234" + GZ[-4:], "damaged-archive", None, ""),
    ("gz: wrong length", "v.txt.gz", GZ[:-1] + b"\1", "damaged-archive", None, ""),
    ("gz: zeros behind", "v.txt.gz", GZ + bytes(8), "damaged-archive", None, "nothing behind"),
    ("gz: bytes behind", "v.txt.gz", GZ + b"garbage", "damaged-archive", None, ""),
    ("gz: nothing in it", "v.txt.gz", gzip.compress(b""), "bad-header", (L, 1), ""),
    ("gz: 10^12 words", "v.txt.gz", gzip.compress(text((1, b"1000000000000 2"))),
     "header-too-large", (L, 5), "ends after 3 words"),
    ("xz: not packed", "v.txt.xz", text(), "damaged-archive", None, "take .gz or .xz"),
    ("xz: cut", "v.txt.xz", XZ[:-20], "truncated-archive", None, ""),
    ("xz: bit flipped", "v.txt.xz", XZ[:30] + b"\x55" + XZ[31:], "damaged-archive", None, ""),
    ("xz: zeros behind", "v.txt.xz", XZ + bytes(4), "truncated-archive", None, ""),
    ("xz: bytes behind", "v.txt.xz", XZ + b"garbage" * 9, "damaged-archive", None, ""),
    ("xz: cut within binary", "v.bin.xz", lzma.compress(binary()[:-3]), "truncated", (B, 37), ""),
    ("xz: 10^12 words", "v.bin.xz", lzma.compress(binary(b"1000000000000 2\n")), "truncated",
     (B, 58), ""),
    # archives (more in test_array_files.py)
    ("npz: empty", "v.npz", b"", "empty", (B, 0), ""),
    ("npz: text", "v.npz", text(), "wrong-structure", (B, 0), "np.load"),
    ("safetensors: empty", "v.safetensors", b"", "empty", (B, 0), ""),
    ("safetensors: text", "v.safetensors", text(), "wrong-size", None, ""),
    # names
    ("unknown suffix", "v.dat", text(), "unknown-format", None, "format="),
    ("no suffix", "v", text(), "unknown-format", None, ".vec"),
    ("packed npz", "v.npz.gz", text(), "unknown-format", None, "Unpack"),
]  # fmt: skip


@pytest.mark.parametrize(
    "name, data, kind, place, part",
    [case[1:] for case in BROKEN],
    ids=[case[0] for case in BROKEN],
)
def test_broken_files_are_refused(tmp_path, name, data, kind, place, part):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(VectorFileError) as caught:
        WordVectors.load(path)
    error = caught.value
    assert (error.kind, type(error)) == (kind, VectorFileError)
    assert str(error).startswith(str(path))
    assert part in str(error)
    assert error.remedy
    if place:
        assert getattr(error, place[0]) == place[1]
        assert f", {place[0]} {place[1]}: " in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < len(str(path)) + 600


def test_the_table_is_long_enough_and_its_good_files_are_good(tmp_path):
    assert len({case[0] for case in BROKEN}) == len(BROKEN) > 100
    assert len({case[3] for case in BROKEN}) >= 25
    for name, data in [("v.txt", text()), ("v.bin", binary()), ("v.bin", binary(ending=b""))]:
        (tmp_path / name).write_bytes(data)
        np.testing.assert_array_equal(read_vectors(tmp_path / name).vectors[0], ROWS[0])
    for name, data in [("v.txt.gz", GZ), ("v.txt.xz", XZ), ("v.vec.gz", GZ)]:
        (tmp_path / name).write_bytes(data)
        assert read_vectors(tmp_path / name).words == ["the", "king", "queen"]
    half = len(text()) // 2  # several members, one after the other, are a sound gzip file
    (tmp_path / "v.txt.gz").write_bytes(gzip.compress(text()[:half]) + gzip.compress(text()[half:]))
    assert read_vectors(tmp_path / "v.txt.gz").words == ["the", "king", "queen"]


@pytest.mark.parametrize("suffix", ALL)
def test_every_truncation_is_refused(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    vectors(WORDS[:3], 3).save(path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(VectorFileError):
            read_vectors(path)


@pytest.mark.parametrize("suffix", [*(s for s in PACKED if ".vec" not in s), *ARRAYS])
def test_every_flipped_bit_is_noticed_where_there_are_checksums(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    v = vectors(WORDS[:3], 3, counts=[3, 2, 1] if suffix in ARRAYS else None)
    v.save(path)
    whole = path.read_bytes()
    for position in range(len(whole)):
        letter = bytes([whole[position] ^ 1 << position % 8])
        path.write_bytes(whole[:position] + letter + whole[position + 1 :])
        try:
            back = WordVectors.load(path)
        except VectorFileError:
            continue
        # A gzip header has room for a time and the like, which change nothing.
        assert suffix.endswith(".gz")
        assert_equal(back, v)


# -- system


def test_what_the_system_refuses(tmp_path, monkeypatch):
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    cases = [
        (tmp_path / "missing.txt", VectorFileNotFoundError, "not-found"),
        (tmp_path / "no" / "such.txt", VectorFileNotFoundError, "not-found"),
        (tmp_path / "folder.txt", VectorFileAccessError, "folder"),
        (tmp_path / "pipe.txt", VectorFileAccessError, "not-a-file"),
        ("/dev/zero", VectorFileAccessError, "not-a-file"),
        (tmp_path / ("x" * 300 + ".txt"), VectorFileAccessError, "bad-name"),
        ("a\0b.txt", VectorFileError, "bad-name"),
        ("", VectorFileError, "bad-name"),
    ]
    for path, cls, kind in cases:
        with pytest.raises(cls) as caught:
            read_vectors(path, format="text")
        assert caught.value.kind == kind
        assert isinstance(caught.value, VectorFileError)
        assert caught.value.remedy
    with pytest.raises(FileNotFoundError):
        read_vectors(tmp_path / "missing.txt")
    for wrong in (3, None, b"v.txt", io.BytesIO()):
        with pytest.raises(TypeError, match="path must be"):
            read_vectors(wrong)

    def refuse(*args, **kwargs):  # root, who runs the tests in containers, may read everything
        raise PermissionError(13, "Permission denied")

    (tmp_path / "v.txt").write_bytes(text())
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(OSError, match="Permission denied") as caught:
        read_vectors(tmp_path / "v.txt")
    assert caught.value.kind == "no-permission"


def test_errors_survive_pickling():
    import pickle

    error = VectorFileError("v.txt", "nan", "Bad", line=3, expected="good")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.kind, again.line) == (str(error), "nan", 3)
    missing = pickle.loads(pickle.dumps(VectorFileNotFoundError("v.txt", "not-found", "No")))
    assert isinstance(missing, FileNotFoundError)


# -- writing


@pytest.mark.parametrize("suffix", PLAIN + PACKED)
@pytest.mark.parametrize(
    "words, rows, kind",
    [
        (["new york", "b"], np.eye(2), "blank-in-word"),
        (["a", "tab\t"], np.eye(2), "blank-in-word"),
        (["a", "new\nline"], np.eye(2), "blank-in-word"),
        (["a", "nul\0"], np.eye(2), "blank-in-word"),
        (["a", "half\ud800"], np.eye(2), "bad-utf8"),
        (["a", "b" * 2001], np.eye(2), "long-word"),
        (["a", "b"], np.array([[1.0, 2], [0, 0]]), "zero-vector"),
        (["a"], np.ones((1, 100_001)), "too-large"),
    ],
)
def test_what_the_plain_formats_cannot_hold_is_refused(tmp_path, suffix, words, rows, kind):
    path = tmp_path / f"v{suffix}"
    path.write_bytes(b"old")
    with pytest.raises(VectorFileError) as caught:
        write_vectors(path, words, rows)
    assert caught.value.kind == kind
    assert path.read_bytes() == b"old"


def test_no_digits_are_lost_in_silence(tmp_path):
    for rows in (np.array([[0.1, 1]]), np.array([[1e300, 1]]), np.array([[1e-300, 1]])):
        with pytest.raises(VectorFileError, match="would be rounded"):
            write_vectors(tmp_path / "v.bin", ["a"], rows)
    write_vectors(tmp_path / "v.bin", ["a"], np.array([[0.5, 1]]))  # exact in float32
    write_vectors(tmp_path / "v.bin", ["a"], np.array([[0.1, 1]], np.float16))


def test_zeros_and_duplicates_can_be_allowed(tmp_path):
    rows = np.array([[0, 0], [1, 2]], np.float32)
    for name in ("v.txt", "v.bin"):
        write_vectors(tmp_path / name, ["a", "b"], rows, allow={"zeros"})
        with pytest.raises(VectorFileError, match="all zeros"):
            read_vectors(tmp_path / name)
        np.testing.assert_array_equal(read_vectors(tmp_path / name, allow="zeros").vectors, rows)
    (tmp_path / "d.txt").write_bytes(text((3, b"the 9 9")))
    back = WordVectors.load(tmp_path / "d.txt", allow=["duplicates"])
    assert back.words == ("the", "queen")
    np.testing.assert_array_equal(back.vectors, ROWS[[0, 2]])


def test_text_that_looks_binary_and_the_other_way_is_never_guessed(tmp_path):
    rows = np.frombuffer(b"0.1 0.2\n", "<f4").reshape(1, 2)
    with pytest.raises(VectorFileError, match="rare chance"):
        write_vectors(tmp_path / "v.bin", ["a"], rows)
    write_vectors(tmp_path / "v.npz", ["a"], rows)


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"format": "word2vec"}, ValueError, "format must be one of"),
        ({"layout": "glove"}, ValueError, "layout must be one of"),
        ({"allow": {"nan"}}, ValueError, "allow may hold"),
        ({"words": ["a", "a"]}, ValueError, "occurs twice"),
        ({"words": ["a"]}, ValueError, "1 words and 2 rows"),
        ({"vectors": np.eye(2) * NAN}, ValueError, "NaN"),
        ({"vectors": np.eye(2, dtype=int)}, TypeError, "floating-point"),
        ({"counts": [1]}, ValueError, "counts"),
        ({"path": 7}, TypeError, "path must be"),
    ],
)
def test_wrong_arguments_of_writing(tmp_path, options, error, message):
    arguments = {"path": tmp_path / "v.txt", "words": ["a", "b"], "vectors": np.eye(2), **options}
    with pytest.raises(error, match=message):
        write_vectors(**arguments)
    assert not any(tmp_path.iterdir())


def test_wrong_arguments_of_reading(tmp_path):
    vectors().save(tmp_path / "v.bin")
    with pytest.raises(ValueError, match="text files only"):
        read_vectors(tmp_path / "v.bin", dtype=np.float32)
    (tmp_path / "v.txt").write_bytes(text())
    with pytest.raises(ValueError, match="float32 or float64"):
        read_vectors(tmp_path / "v.txt", dtype=np.float16)


class Full(io.RawIOBase):
    """A disk that is full after some bytes."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def writable(self):
        return True

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return self.file.write(data)

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()
        super().close()


@pytest.mark.parametrize("suffix", ALL)
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"v{suffix}"
    path.write_bytes(b"old")
    real = os.fdopen
    monkeypatch.setattr(files.os, "fdopen", lambda fd, *a, **k: Full(real(fd, "wb"), 20))
    with pytest.raises(VectorFileAccessError, match="disk is full") as caught:
        vectors().save(path)
    assert caught.value.kind == "disk-full"
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_writing_where_one_may_not(tmp_path, monkeypatch):
    v = vectors()
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(VectorFileAccessError) as caught:
        v.save(tmp_path / "folder.txt")
    assert caught.value.kind == "folder"
    with pytest.raises(VectorFileNotFoundError):
        v.save(tmp_path / "no" / "v.txt")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(VectorFileNotFoundError, match="not a folder"):
        v.save(tmp_path / "file" / "v.txt")

    def refuse(*args, **kwargs):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(files.os, "open", refuse)
    with pytest.raises(VectorFileAccessError, match="read-only"):
        v.save(tmp_path / "v.npz")


def test_the_name_changes_only_when_all_is_on_the_disk(tmp_path, monkeypatch):
    events, path = [], tmp_path / "v.txt"
    replace = os.replace
    monkeypatch.setattr(files.os, "fsync", lambda descriptor: events.append("sync"))

    def record(source, target):
        assert read_vectors(source, format="text").words == list(WORDS)  # the whole file is there
        events.append("replace")
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", record)
    vectors().save(path)
    assert events == ["sync", "replace", "sync"]  # the file, its name, the folder


def test_replacing_keeps_permissions_and_links(tmp_path):
    path, link = tmp_path / "v.txt", tmp_path / "link.txt"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link.symlink_to(path)
    vectors().save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert_equal(WordVectors.load(path), vectors())
    before = os.umask(0o027)
    try:
        vectors().save(tmp_path / "new.txt")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new.txt").stat().st_mode) == 0o640


# -- memory


@pytest.mark.parametrize(
    "name, data",
    [
        ("v.txt", b"1000000000 300\n" + b"x" * 1000),
        ("v.bin", b"1000000000 300\n" + b"x" * 1000),
        ("v.bin", b"1 100000\n" + b"x" * 1000),
        ("v.txt.gz", gzip.compress(b"1000000000 300\n" + b"w" + b" 1" * 300 + b"\n")),
        ("v.bin.xz", lzma.compress(b"1000000000 300\nw " + b"1" * 1200)),
        ("v.txt.gz", gzip.compress(b"9 300\n" + b"x" * 50_000_000)),
        ("v.bin.gz", gzip.compress(b"9 300\n" + bytes(50_000_000))),
    ],
)
def test_memory_is_never_taken_on_trust(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(VectorFileError):
            read_vectors(tmp_path / name)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 40_000_000


@pytest.mark.parametrize("suffix", [".txt", ".bin", ".npz", ".safetensors", ".bin.gz"])
def test_memory_at_most_a_fifth_above_the_vectors(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(files, "CHUNK", 1 << 16)
    v = vectors([f"word{i}" for i in range(6000)], 300)
    v.save(tmp_path / f"v{suffix}")
    tracemalloc.start()
    try:
        back = WordVectors.load(tmp_path / f"v{suffix}")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert_equal(back, v)
    assert peak < 1.2 * v.vectors.nbytes


# -- changed files: refused, or read as what they now say


@pytest.fixture(scope="module")
def seeds():
    v = vectors(["the", "king", "é"], 2)
    both = {"text": c_program_writes(v.words, v.vectors, False), "text 2": text()}
    return both | {"binary": c_program_writes(v.words, v.vectors, True), "binary 2": binary()}


changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "delete", "copy"]),
        st.integers(0, 200),
        st.one_of(
            st.sampled_from([b" ", b"\n", b"\r", b"0", b"9", b".", b"-", b"e", b"\0", b"\xff"]),
            st.sampled_from([b"nan", b"inf", b"1e39", b"10000000000 ", b"the 1.5 -2\n", b"3 2\n"]),
            st.binary(min_size=1, max_size=4),
        ),
    ),
    min_size=1,
    max_size=4,
)


def changed(data, edits):
    for kind, place, piece in edits:
        place %= len(data) + 1
        if kind == "put":
            data = data[:place] + piece + data[place + len(piece) :]
        elif kind == "insert":
            data = data[:place] + piece + data[place:]
        elif kind == "delete":
            data = data[:place] + data[place + len(piece) :]
        else:
            data = data[:place] + data[place // 2 : place] + data[place:]
    return data


@given(kind=st.sampled_from(["text", "text 2", "binary", "binary 2"]), edits=changes)
@settings(max_examples=800, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_plain_file_is_refused_or_read_as_it_stands(tmp_path, seeds, kind, edits):
    data = changed(seeds[kind], edits)
    path = tmp_path / "changed"
    path.write_bytes(data)
    format = kind.split()[0]
    expected = (text_meaning if format == "text" else binary_meaning)(data)
    try:
        found = read_vectors(path, format=format)
    except VectorFileError as error:
        assert expected is None or error.kind in ("text-as-binary",)
    else:
        assert expected is not None
        assert found.words == expected[0]
        assert found.vectors.tobytes() == np.array(expected[1]).tobytes()


@pytest.mark.skipif(sys.byteorder != "little", reason="looks at raw bytes")
def test_binary_numbers_are_little_endian(tmp_path):
    write_vectors(tmp_path / "v.bin", ["a"], np.array([[1.0]], np.float32))
    assert (tmp_path / "v.bin").read_bytes() == b"1 1\na \x00\x00\x80\x3f\n"


# -- complaints before the work


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("v", ["a"]),
        ("v.pkl", ["a"]),
        ("v.npz.gz", ["a"]),
        ("none/v.bin", ["a"]),
        ("n" * 300 + ".bin", ["a"]),
        ("folder.bin", ["a"]),
        ("v.bin", ["a", "b c"]),
        ("v.txt.xz", ["a", "b\0c"]),
        ("v.vec", ["a", "x" * 2001]),
        ("v.bin", ["a", "\ud800"]),
        ("v.npz", ["a", "\ud800"]),
    ],
)
def test_what_cannot_be_written_is_said_before(tmp_path, name, words):
    """By the same error as afterwards."""
    (tmp_path / "folder.bin").mkdir()
    with pytest.raises(VectorFileError) as late:
        write_vectors(tmp_path / name, words, np.ones((len(words), 2)))
    with pytest.raises(VectorFileError) as early:
        check_writable(tmp_path / name, words)
    assert (early.value.kind, str(early.value)) == (late.value.kind, str(late.value))
    assert [path.name for path in tmp_path.iterdir()] == ["folder.bin"]


@pytest.mark.parametrize("suffix", ALL)
def test_what_can_be_written_is_left_alone(tmp_path, suffix):
    path = tmp_path / f"v{suffix}"
    check_writable(path, WORDS)
    assert not list(tmp_path.iterdir())
    path.write_bytes(b"old")
    check_writable(str(path), ["a b"] if suffix in ARRAYS else WORDS)
    assert path.read_bytes() == b"old"
    check_writable(tmp_path / "v", format="text")


def test_allow_is_a_list_of_names(tmp_path):
    with pytest.raises(TypeError, match="allow must be a list of names, got None"):
        read_vectors(tmp_path / "v.txt", allow=None)
