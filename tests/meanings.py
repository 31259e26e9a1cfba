"""What word2vec's plain file formats mean, written as simply as possible: truth for the tests."""

import io
import re
import struct

import numpy as np


def text_meaning(data):
    """(words, float32 rows) of a word2vec text file, or None if it is not a sound one."""
    if not data.endswith(b"\n"):
        return None
    header, *lines = data[:-1].split(b"\n")
    if not re.fullmatch(rb"[1-9]\d* [1-9]\d*", header):
        return None
    v, h = map(int, header.split())
    if v != len(lines) or h > 100_000:
        return None
    blank = lines[0].endswith(b" ")
    words, rows = [], []
    for line in lines:
        if line.endswith(b" ") != blank:
            return None
        word, *numbers = (line[:-1] if blank else line).split(b" ")
        number = rb"[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?"
        if len(numbers) != h or not all(re.fullmatch(number, x) for x in numbers):
            return None
        with np.errstate(over="ignore"):
            rows.append(np.array([float(x) for x in numbers]).astype(np.float32))
        words.append(word)
    return sound(words, rows)


def binary_meaning(data):
    """The same for a word2vec binary file, with or without newlines behind the vectors."""
    head, _, rest = data.partition(b"\n")
    if b"\n" not in data or not re.fullmatch(rb"[1-9]\d* [1-9]\d*", head):
        return None
    v, h = map(int, head.split())
    if h > 100_000 or v * 4 * h > len(rest):
        return None
    for ending in (b"\n", b""):
        stream, words, rows = io.BytesIO(rest), [], []
        for _ in range(v):
            word = b""
            while (letter := stream.read(1)) not in (b" ", b""):
                word += letter
            numbers = stream.read(4 * h)
            if letter != b" " or len(numbers) < 4 * h or stream.read(len(ending)) != ending:
                break
            words.append(word)
            rows.append(np.array(struct.unpack(f"<{h}f", numbers), np.float32))
        else:
            if not stream.read() and sound(words, rows):
                return sound(words, rows)
    return None


def sound(words, rows):
    try:
        words = [word.decode() for word in words]
    except UnicodeDecodeError:
        return None
    good = all(0 < len(w.encode()) <= 2000 and not set(w) & set("\0\t\n\v\f\r ") for w in words)
    good &= len(set(words)) == len(words)
    good &= all(np.isfinite(row).all() and row.any() for row in rows)
    return (words, rows) if good else None
