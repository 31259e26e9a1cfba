"""From text to words and from words to ids, a piece at a time, so that a file may be of any size.

What readers call is in :mod:`w2vlib.corpus`; this is the machinery behind ``build_corpus``.

A *piece* is a list of words with :data:`LINE_END` wherever a line (a sentence) ends.
"""

from __future__ import annotations

import functools
import itertools
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import NamedTuple, NoReturn

import numpy as np

from w2vlib.validation import as_choice, as_count, shorten

_CHUNK = 1 << 16  # characters: the tokens of one chunk stay in the processor's cache
_LONGEST_TOKEN = 1 << 20
LINE_END = "\0"  # no text may contain it
_FILE_SUFFIXES = (".txt", ".gz", ".xz")
_LONGEST_NAME = 4096
_LEFT_OUT = -1  # instead of the id of a word that is not in the vocabulary


# ---- text → words -------------------------------------------------------------------------------


def _split_book(text: str) -> list[str]:
    return text.lower().replace(".", " . ").split()


# ' ’ - stay inside a word ("don't"); here are those that stand at its edge.
_LOOSE = re.compile(r"(?<![^\s'’-])['’-]|['’-](?![^\s'’-])")


def _split_words(text: str) -> list[str]:
    text = text.lower()
    # A text has few different marks: replacing one after the other beats a regular expression, and
    # the combining marks that many scripts need stay with their letters.
    for mark in filter(_is_mark, set(text)):
        text = text.replace(mark, f" {mark} ")
    return _LOOSE.sub(r" \g<0> ", text).split()


@functools.cache
def _is_mark(character: str) -> bool:
    """Punctuation or a symbol that never belongs to a word."""
    return unicodedata.category(character)[0] in "PS" and character not in "_'’-"


_TOKENIZERS: dict[str, Callable[[str], list[str]]] = {
    "book": _split_book,
    "words": _split_words,
    "split": str.split,
}


def tokenize(text: str, method: str = "book") -> list[str]:
    """The words of a text.

    Args:
        text: any text.  A byte-order mark at its beginning is ignored.
        method: how to cut it.

            * ``"book"``: lower case, each "." becomes a word of its own, cut at white space.
              Unlike the book, *any* run of white space cuts (two blanks, tabs, line ends) and a "."
              inside a word ("3.14") is set apart on both sides.  Other punctuation stays attached.
            * ``"words"``: lower case, every punctuation mark and symbol is a word of its own, but
              ``don't`` and ``well-known`` stay one.
            * ``"split"``: cut at white space, change nothing – for text that is tokenised already.

    Returns:
        The words, in Unicode normal form NFC: letters that look the same are the same word.

    Raises:
        TypeError: ``text`` is not a string.
        ValueError: an unknown method.

    Source: "Deep Learning from Scratch 2", section 2.3.1.
    """
    split = tokenizer_of(method)
    normalize = unicodedata.normalize
    return [normalize("NFC", word) for word in split(checked_text(text))]


def checked_text(text) -> str:
    if not isinstance(text, str):
        hint = " Decode it first: text.decode('utf-8')." if isinstance(text, bytes) else ""
        raise TypeError(f"text must be a string, got {type(text).__name__}.{hint}")
    return text.removeprefix("\ufeff")


def refuse_file_name(text: str) -> None:
    """A text was asked for: say so to somebody who gives the name of its file.

    That is one word with a suffix that texts have, or a line with one that names a file which is
    there.  No other text is refused.

    Raises:
        ValueError: ``text`` is the name of a file.
    """
    name = text[:_LONGEST_NAME].strip()
    if len(text) >= _LONGEST_NAME or not name.lower().endswith(_FILE_SUFFIXES):
        return
    if name.split() == [name] or os.path.isfile(name):
        raise ValueError(
            f"{shorten(repr(name))} is the name of a file, not a text. To read the file use "
            f"datasets.load({name!r}). If these words are the text, give a list: {name.split()!r}."
        )


def tokenizer_of(method) -> Callable[[str], list[str]]:
    if callable(method):
        return method
    if not isinstance(method, str) or method not in _TOKENIZERS:
        raise ValueError(
            f"tokenizer must be one of {', '.join(map(repr, _TOKENIZERS))} or a function that "
            f"turns a line of text into a list of words, got {method!r}."
        )
    return _TOKENIZERS[method]


def blocks_of(text: str) -> Iterator[str]:
    """A text in blocks, with ``"\\n"`` for every kind of line end."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return (text[i : i + _CHUNK] for i in range(0, len(text), _CHUNK))


def _recut(blocks: Iterable[str], whole_lines: bool) -> Iterator[str]:
    """The same text in pieces that end where a word (or a line) ends."""
    rest: list[str] = []
    waiting = 0
    for block in blocks:
        cut = block.rfind("\n") + 1
        if not cut and not whole_lines:
            cut = 1 + max(block.rfind(" "), block.rfind("\t"))
        if not cut:
            rest.append(block)
            waiting += len(block)
            if waiting > _LONGEST_TOKEN and not whole_lines:
                raise ValueError(
                    f"The text has no blank, tab or line end in {waiting:,} characters, beginning "
                    f"with {shorten(rest[0])!r}. Words must be separated by white space."
                )
            continue
        yield "".join([*rest, block[:cut]])
        rest, waiting = [block[cut:]], len(block) - cut
    yield "".join(rest)


def pieces_of_blocks(blocks: Iterable[str], tokenizer) -> Iterator[list[str]]:
    """The pieces of a text that arrives in blocks, which may end anywhere, even within a word."""
    split = tokenizer_of(tokenizer)
    for chunk in _recut(blocks, whole_lines=callable(tokenizer)):
        yield _split_chunk(chunk, split, whole_lines=callable(tokenizer))


def _split_chunk(chunk: str, split: Callable[[str], list[str]], whole_lines: bool) -> list[str]:
    if LINE_END in chunk:
        raise ValueError(
            "The text contains NUL characters: it is binary data, or not UTF-8 (UTF-16, perhaps). "
            "Save it as UTF-8 text."
        )
    if not whole_lines:
        return split(chunk.replace("\n", f" {LINE_END} "))
    lines = chunk.split("\n")
    words: list[str] = []
    for i, line in enumerate(lines):
        found = split(line) if line else []
        if isinstance(found, str) or not isinstance(found, Iterable):
            raise TypeError(f"tokenizer must return a list of words, got {shorten(repr(found))}.")
        words.extend(found)
        if i < len(lines) - 1:
            words.append(LINE_END)
    return words


def pieces_of_tokens(source) -> Iterator[list[str]]:
    """The pieces of a list of words, or of an iterable of sentences."""
    if isinstance(source, os.PathLike):
        raise TypeError(
            f"source must be a text or its words, got the path {os.fspath(source)!r}. "
            "To read a file use datasets.load(path)."
        )
    if isinstance(source, (bytes, Mapping, Set)) or not isinstance(source, Iterable):
        raise TypeError(
            "source must be a string, a list of words or a list of sentences, "
            f"got {type(source).__name__}."
        )
    items = iter(source)
    position, flat = 0, None  # flat: whether the items are words (True) or sentences (False)
    while batch := list(itertools.islice(items, _CHUNK // 8 if flat else 512)):
        if flat is None:
            flat = isinstance(batch[0], str)
        piece = batch if flat else []
        for i, item in enumerate(batch, start=position):
            if type(item) is str and flat:
                continue
            if isinstance(item, str) != flat or not _is_iterable(item):
                raise TypeError(
                    f"source[{i}] is {shorten(item)} ({type(item).__name__}). The items of source "
                    "must be all words (strings) or all sentences (lists of strings)."
                )
            if isinstance(item, (Set, Mapping)):
                raise TypeError(
                    f"source[{i}] is a {type(item).__name__}: a sentence must be a list of words. "
                    "A set would have another order in each run."
                )
            if not flat:
                words = list(item)
                _check_no_line_end(words)
                piece += words
                piece.append(LINE_END)
        if flat:
            _check_no_line_end(batch)
        position += len(batch)
        yield piece


def _is_iterable(item) -> bool:
    return isinstance(item, Iterable) and not isinstance(item, (bytes, bytearray, memoryview))


def _check_no_line_end(words: list) -> None:
    if LINE_END in words:
        raise ValueError(f"source holds the word {LINE_END!r}: NUL is not allowed.")


# ---- words → ids --------------------------------------------------------------------------------


class Indexed(NamedTuple):
    """A text as ids; see the attributes of the same names of ``Corpus``."""

    ids: np.ndarray
    words: list[str]
    sentence_starts: np.ndarray | None
    counts: np.ndarray
    dropped: int


def index_words(
    pieces: Iterable[list[str]],
    *,
    min_count: int = 1,
    order: str = "frequency",
    vocabulary: dict[str, int] | Iterable[str] | None = None,
    unknown: str | None = None,
    sentences: str = "lines",
    sentence_end: str | None = None,
) -> Indexed:
    """Number the words of a stream of pieces; the options are those of ``build_corpus``."""
    as_count(min_count, "min_count")
    as_choice(order, "order", ("frequency", "first-seen"))
    as_choice(sentences, "sentences", ("lines", "stream"))
    for option, value in (("unknown", unknown), ("sentence_end", sentence_end)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{option} must be a word (a string) or None, got {value!r}.")
        if value is not None:
            _check_word(value, option)
    given = _given_words(vocabulary, min_count, unknown)

    # First pass: ids in order of appearance.  The dictionary hands out the next number itself, so
    # the loop over the tokens runs in C.
    seen: dict = defaultdict(itertools.count().__next__)
    for word in given:
        seen[word]
    blocks = _number(pieces, seen)
    line_end = seen[LINE_END]
    if sentence_end is not None and blocks and blocks[-1][-1] != line_end:
        blocks.append(np.array([line_end], dtype=np.int32))  # a last line without a line end
    uses = np.zeros(len(seen), dtype=np.int64)
    for block in blocks:
        uses += np.bincount(block, minlength=len(seen))

    # Over the vocabulary: join spellings, drop rare words, sort.
    total = int(uses.sum() - uses[line_end])
    if not total:
        raise ValueError("source contains no word: a corpus needs at least one.")
    spelled = _checked_spelling(seen)
    spelled[line_end] = LINE_END if sentence_end is None else sentence_end
    if sentence_end is None:
        uses[line_end] = 0
    if given:
        words, new_id = given, _look_up(spelled, given, unknown)
    else:
        words, new_id = _collect(spelled, uses, min_count, order, unknown)
    if sentence_end is None:
        new_id[line_end] = _LEFT_OUT
    kept = new_id >= 0
    if not kept[uses > 0].any():
        _raise_no_words(total, min_count, bool(given))

    # Second pass: the final ids.
    counts = np.zeros(len(words), dtype=np.int64)
    np.add.at(counts, new_id[kept], uses[kept])
    ids, starts = _renumber(blocks, new_id, line_end, int(counts.sum()))
    dropped = int(uses[~kept].sum())
    return Indexed(ids, words, starts if sentences == "lines" else None, counts, dropped)


def _given_words(vocabulary, min_count: int, unknown: str | None) -> list[str]:
    if vocabulary is None:
        return []
    if min_count != 1:
        raise ValueError(
            "Give either min_count or vocabulary: a given vocabulary is used as it is."
        )
    words = vocabulary
    if isinstance(vocabulary, dict):
        words = sorted(vocabulary, key=vocabulary.__getitem__)
        if [vocabulary[word] for word in words] != list(range(len(words))):
            raise ValueError("vocabulary must give each of its V words one of the ids 0 … V−1.")
    words = checked_words(words)
    if not words:
        raise ValueError("vocabulary is empty: there must be at least one word.")
    if unknown is not None and unknown not in words:
        raise ValueError(f"unknown is {unknown!r}, but the given vocabulary has no such word.")
    return words


_BLOCK = 1 << 20  # tokens


def _number(pieces: Iterable[list[str]], seen: dict) -> list[np.ndarray]:
    """Provisional ids, in blocks of about a million."""
    blocks: list[np.ndarray] = []
    parts: list[np.ndarray] = []
    waiting = 0
    for piece in pieces:
        try:
            parts.append(np.fromiter(map(seen.__getitem__, piece), np.int32, len(piece)))
        except TypeError as error:
            raise TypeError(
                f"A word must be a string, got something else ({error}). "
                "source must be a list of words or a list of sentences, not deeper."
            ) from None
        waiting += len(piece)
        if waiting >= _BLOCK:
            blocks.append(np.concatenate(parts))
            parts, waiting = [], 0
    if waiting:
        blocks.append(np.concatenate(parts))
    return blocks


def _renumber(
    blocks: list[np.ndarray], new_id: np.ndarray, line_end: int, total: int
) -> tuple[np.ndarray, np.ndarray]:
    """Final ids and sentence starts; takes the blocks away one by one, to save memory."""
    ids = np.empty(total, dtype=np.int32)
    starts = [np.zeros(1, dtype=np.int64)]
    done = 0
    blocks.reverse()
    while blocks:
        block = blocks.pop()
        final = new_id[block]
        kept = final >= 0
        ends = np.flatnonzero(block == line_end)
        starts.append(done + np.cumsum(kept)[ends])  # tokens kept up to and with the line end
        final = final[kept]
        ids[done : done + len(final)] = final
        done += len(final)
    found = np.unique(np.concatenate(starts))  # an empty sentence starts where the next one does
    return ids, found[found < total]


def _checked_spelling(seen: Iterable) -> list[str]:
    spelled = list(seen)
    for word in spelled:
        if not isinstance(word, str):
            raise TypeError(f"A word must be a string, got {word!r} ({type(word).__name__}).")
        if word != LINE_END:
            _check_word(word, "A word of source")
    return spelled


def _look_up(spelled: list[str], given: list[str], unknown: str | None) -> np.ndarray:
    """Provisional id → id in the given vocabulary."""
    final = {word: i for i, word in enumerate(given)}
    other = _LEFT_OUT if unknown is None else final[unknown]
    new_id = [final[word] if word in final else final.get(_nfc(word), other) for word in spelled]
    return np.array(new_id, dtype=np.int32)


def _collect(
    spelled: list[str], uses: np.ndarray, min_count: int, order: str, unknown: str | None
) -> tuple[list[str], np.ndarray]:
    """The vocabulary, and provisional id → final id."""
    groups: dict[str, int] = {}  # NFC word → group, numbered by first appearance
    group_of = np.full(len(spelled), _LEFT_OUT, dtype=np.int32)
    for i, word in enumerate(spelled):
        if uses[i]:
            group_of[i] = groups.setdefault(_nfc(word), len(groups))
    used = group_of >= 0
    totals = np.bincount(group_of[used], weights=uses[used], minlength=len(groups))
    totals = totals.astype(np.int64)
    words = list(groups)
    rare = totals < min_count
    target = np.arange(len(words))  # where each group goes
    first = np.arange(len(words))  # and when the goal first appeared
    if unknown is not None and rare.any():
        goal = groups.get(_nfc(unknown), len(words))
        if goal == len(words):
            words.append(_nfc(unknown))
            target, first = np.append(target, goal), np.append(first, goal)
            totals, rare = np.append(totals, 0), np.append(rare, True)
        lost = rare.copy()
        rare[goal] = False
        lost[goal] = False
        totals[goal] += totals[lost].sum()
        target[lost] = goal
        first[goal] = min(first[goal], first[lost].min(initial=goal))
    kept = np.flatnonzero(~rare & (totals > 0))
    kept = kept[np.argsort(first[kept], kind="stable")]
    if order == "frequency":
        kept = kept[np.argsort(-totals[kept], kind="stable")]
    final = np.full(len(words), _LEFT_OUT, dtype=np.int32)
    final[kept] = np.arange(len(kept))
    new_id = np.full(len(spelled), _LEFT_OUT, dtype=np.int32)
    new_id[used] = final[target[group_of[used]]]
    return [words[i] for i in kept], new_id


def _nfc(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def _raise_no_words(tokens: int, min_count: int, given: bool) -> NoReturn:
    if given:
        raise ValueError(f"None of the {tokens:,} tokens is in the given vocabulary.")
    raise ValueError(
        f"No word occurs min_count = {min_count} times or more in {tokens:,} tokens. "
        "Lower min_count (on the command line: --min-count)."
    )


def starts_after_dropping(starts: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Sentence starts in ``ids[keep]``."""
    before = np.concatenate([[0], np.cumsum(keep)])  # kept tokens before each position
    starts = np.unique(before[starts])
    return starts[starts < before[-1]]


def checked_words(words) -> list[str]:
    if isinstance(words, str):
        raise TypeError(
            f"words must be a list of strings, got the string {shorten(words)!r}. "
            "For text use build_corpus(text)."
        )
    if isinstance(words, (Set, Mapping)):
        raise TypeError(
            f"words must be a list, in the order of the ids, got a {type(words).__name__}. "
            "Use sorted(words) for a set, [id_to_word[i] for i in range(V)] for a dictionary."
        )
    if not isinstance(words, Iterable):
        raise TypeError(f"words must be a list of strings, got {words!r}.")
    words = list(words)
    for i, word in enumerate(words):
        if not isinstance(word, str):
            raise TypeError(
                f"words[{i}] must be a string, got {shorten(word)} ({type(word).__name__})."
            )
        _check_word(word, f"words[{i}]")
    words = list(map(str, words))  # NumPy's texts would be shown as np.str_('…')
    if len(set(words)) != len(words):
        seen: set[str] = set()
        twice = next(word for word in words if word in seen or seen.add(word))
        raise ValueError(f"words holds {twice!r} more than once: each word has exactly one id.")
    return words


def _check_word(word: str, name: str) -> None:
    if LINE_END in word or word.split() != [word]:
        raise ValueError(
            f"{name} is {shorten(repr(word))}: a word must not be empty nor contain white space "
            "or NUL. Join the parts of a phrase with '_'; give a text as one string, not as lines."
        )
