"""Texts to train on and test sets to judge by: embedded ones, real ones, and your own files.

* ``"tiny"``: "You say goodbye and I say hello." – the sentence that is worked out by hand.
* ``"embedded"``: this project's own corpus with planted truth; it comes with the package.
* ``"ptb"``: Penn Treebank as the book uses it, 929,589 tokens, 10,000 words; train, valid, test.
* ``"text8"``: the first 10⁸ characters of a cleaned Wikipedia, 17 million tokens.
* a path: any UTF-8 text file, also compressed (.gz, .xz, .zip), one sentence a line.

Real files are looked for in the folder that the environment variable ``W2V_DATA`` names, then in
the user's cache, then downloaded – over a checked connection and never without a known hash.
``W2V_OFFLINE=1`` forbids downloads.  Files of wrong content are refused, wherever they lie.
"""

from __future__ import annotations

import difflib
import math
import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

import numpy as np

from w2vlib.corpus import Corpus, build_corpus, build_corpus_from_blocks
from w2vlib.downloads import DataUnavailableError, Remote, cache_folder, find_file
from w2vlib.text_files import text_blocks

__all__ = [
    "DataUnavailableError",
    "cache_folder",
    "load",
    "load_analogies",
    "load_entities",
    "load_similarities",
    "ptb",
]

TINY = "You say goodbye and I say hello."

_PTB_URL = "https://raw.githubusercontent.com/tomsercu/lstm/master/data/"
_GENSIM_URL = "https://raw.githubusercontent.com/piskvorky/gensim/develop/gensim/test/test_data/"

_PTB = {
    "train": Remote(
        "ptb.train.txt",
        _PTB_URL + "ptb.train.txt",
        "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
        5_101_618,
    ),
    "valid": Remote(
        "ptb.valid.txt",
        _PTB_URL + "ptb.valid.txt",
        "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
        399_782,
    ),
    "test": Remote(
        "ptb.test.txt",
        _PTB_URL + "ptb.test.txt",
        "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
        449_945,
    ),
}
_TEXT8 = Remote(
    "text8",
    # The server speaks plain http only; two hashes make up for it.
    "http://mattmahoney.net/dc/text8.zip",
    "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7",
    100_000_000,
    archive_hash="sha1:6c70299b93b7e1f927b42cd8f6ac1a31547c7a2e",
)
_ANALOGIES = {
    "google": Remote(
        "questions-words.txt",
        "https://raw.githubusercontent.com/tmikolov/word2vec/master/questions-words.txt",
        "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
        603_955,
    ),
}
_SIMILARITIES = {
    "wordsim353": Remote(
        "wordsim353.tsv",
        _GENSIM_URL + "wordsim353.tsv",
        "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
        7_186,
    ),
    "simlex999": Remote(
        "simlex999.txt",
        _GENSIM_URL + "simlex999.txt",
        "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
        18_126,
    ),
}
_EMBEDDED = {
    "corpus": "embedded.txt",
    "analogies": "analogies.txt",
    "similarities": "similarity.tsv",
    "entities": "entities.txt",
}
_ENTITY_LABELS = "PLO."
CORPORA = ("tiny", "embedded", "ptb", "text8")
_TOKENIZED = ("embedded", "ptb", "text8")


# ---- texts ---------------------------------------------------------------------------------------


def load(
    name_or_path: str | os.PathLike,
    split: str = "train",
    *,
    min_count: int = 1,
    order: str | None = None,
    vocabulary: Corpus | Iterable[str] | None = None,
    unknown: str | None = None,
    tokenizer: str | Callable[[str], list[str]] | None = None,
    sentences: str = "lines",
    sentence_end: str | None = None,
    download: bool = True,
) -> Corpus:
    """A text as a :class:`~w2vlib.corpus.Corpus`.

    ``ids, word_to_id, id_to_word = load("ptb")`` gives the book's triple.

    Args:
        name_or_path: "tiny", "embedded", "ptb", "text8", or the path of a UTF-8 text file with one
            sentence a line, also compressed (.gz, .xz, or .zip with one file).  A file whose name
            is one of these four is loaded as "./tiny".
        split: "train", "valid" or "test"; only "ptb" has more than "train".  All splits have the
            vocabulary of "train".
        min_count: leave words out that occur less often.
        order: "frequency" or "first-seen"; ``None``: "first-seen" for "tiny" and "ptb" as in the
            book, else "frequency".
        vocabulary: words and ids to use instead of collecting them.
        unknown: the word that stands for all words outside the vocabulary; ``None`` drops them.
        tokenizer: "book", "words", "split" or a function, see :func:`w2vlib.corpus.tokenize`;
            ``None``: "split" for "embedded", "ptb" and "text8", which are tokenised already, else
            "book".
        sentences: "lines" (each line is a sentence) or "stream" (windows run over line ends).
        sentence_end: a word to append to each line; "ptb" always gets ``"<eos>"``, as in the book.
        download: whether a file that is not here may be downloaded.

    Returns:
        The corpus; in memory are its ids and vocabulary, never the whole text.

    Raises:
        DataUnavailableError: a named text is not here and cannot be fetched, or has wrong content.
        FileNotFoundError, IsADirectoryError, PermissionError: no such file, a folder, not readable.
        ValueError: not UTF-8 (the message names the byte), damaged, no words, or wrong options.
    """
    name = _checked_name(name_or_path, "name_or_path")
    _check_split(name, split)
    options = {
        "min_count": min_count,
        "order": _default(order, "first-seen" if name in ("tiny", "ptb") else "frequency"),
        "vocabulary": vocabulary,
        "unknown": unknown,
        "tokenizer": _default(tokenizer, "book" if name not in _TOKENIZED else "split"),
        "sentences": sentences,
        "sentence_end": _default(sentence_end, "<eos>" if name == "ptb" else None),
    }
    if name == "tiny":
        return build_corpus(TINY, name=name, **options)
    if name == "embedded":
        return _read_corpus(_embedded(_EMBEDDED["corpus"]), name, options)
    if name == "text8":
        return _read_corpus(find_file(_TEXT8, download), name, options)
    if name == "ptb":
        return _load_ptb(split, options, download)
    return _read_corpus(existing_file(name_or_path, CORPORA), Path(name).name, options)


def _default(value, default):
    return default if value is None else value


def _load_ptb(split: str, options: dict, download: bool) -> Corpus:
    if split != "train" and options["vocabulary"] is None:
        train = _read_corpus(find_file(_PTB["train"], download), "ptb train", options)
        options = {**options, "vocabulary": train, "min_count": 1}
    return _read_corpus(find_file(_PTB[split], download), f"ptb {split}", options)


def _checked_name(name_or_path, argument: str) -> str:
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise TypeError(
            f"{argument} must be the name of a data set or the path of a file, "
            f"got {name_or_path!r} ({type(name_or_path).__name__})."
        )
    name = os.fspath(name_or_path)
    if not isinstance(name, str) or not name or "\0" in name:
        raise ValueError(f"{argument} must be a name or a path, got {name!r}.")
    # A Path object always means a file.
    return name if isinstance(name_or_path, str) else str(Path(".", name).absolute())


def _check_split(name: str, split) -> None:
    allowed = tuple(_PTB) if name == "ptb" else ("train",)
    if split not in allowed:
        only = "" if name == "ptb" else " Only 'ptb' has others."
        raise ValueError(
            f"split must be {' or '.join(map(repr, allowed))} for {name!r}, got {split!r}.{only}"
        )


def existing_file(name_or_path, known: Iterable[str]) -> Path:
    """The path of a file that is there; if not, the error names the ``known`` data sets."""
    path = Path(name_or_path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Give the path of one text file in it.")
    if not path.exists():
        known = list(known)
        if isinstance(name_or_path, os.PathLike) and str(path) in known:
            raise FileNotFoundError(
                f"There is no file {str(path)!r} in {Path.cwd()}. A path always means a file; for "
                f"the data set of that name give the string {str(path)!r}."
            )
        close = difflib.get_close_matches(str(name_or_path).lower(), known, n=1, cutoff=0.75)
        raise FileNotFoundError(
            f"{str(name_or_path)!r} is neither a data set ({', '.join(known)}) nor an existing "
            f"file; looked in {Path.cwd()}." + "".join(f" Did you mean {n!r}?" for n in close)
        )
    return path


def _read_corpus(path: Path, name: str, options: dict) -> Corpus:
    try:
        return build_corpus_from_blocks(text_blocks(path), name=name, **options)
    except ValueError as error:
        raise ValueError(f"Cannot load {path}: {error}") from error


class ptb:
    """The book's module ``dataset.ptb``: ``ptb.load_data("train")``.

    Source: "Deep Learning from Scratch 2", section 2.4.4.
    """

    @staticmethod
    def load_data(data_type: str = "train") -> tuple[np.ndarray, dict[str, int], dict[int, str]]:
        """Penn Treebank: ``(corpus, word_to_id, id_to_word)``, ids int32.

        Args:
            data_type: "train", "valid" (or "val") or "test".

        Raises:
            as :func:`load`.
        """
        corpus = load("ptb", "valid" if data_type == "val" else data_type)
        return corpus.ids, corpus.word_to_id, corpus.id_to_word

    @staticmethod
    def load_vocab() -> tuple[dict[str, int], dict[int, str]]:
        """The vocabulary of the training text: ``(word_to_id, id_to_word)``."""
        _, word_to_id, id_to_word = load("ptb")
        return word_to_id, id_to_word


# ---- test sets -----------------------------------------------------------------------------------


def load_analogies(
    name_or_path: str | os.PathLike, *, download: bool = True
) -> dict[str, list[tuple[str, str, str, str]]]:
    """Analogy questions "a is to b as c is to d", by category.

    Args:
        name_or_path: "embedded" (about the embedded corpus), "google" (Mikolov's 19,544 questions)
            or a file in the format of ``questions-words.txt``: lines ``: category``, each followed
            by lines of four words.  Empty lines and lines that begin with ``#`` are skipped.
        download: whether a file that is not here may be downloaded.

    Returns:
        ``{category: [(a, b, c, d), …]}`` in the order of the file, words as they are written there.

    Raises:
        ValueError: a malformed line; the message names file and line.
        and as :func:`load`.
    """
    path = _test_set(name_or_path, "analogies", _ANALOGIES, download)
    questions: dict[str, list[tuple[str, str, str, str]]] = {}
    category = None
    for number, line in _lines(path):
        if line.startswith(":"):
            category = line[1:].strip()
            if not category:
                _raise_line(path, number, "the category after ':' has no name", line)
            questions.setdefault(category, [])
            continue
        words = line.split()
        if len(words) != 4:
            _raise_line(path, number, f"expected four words, got {len(words)}", line)
        if category is None:
            _raise_line(path, number, "expected a line ': category' before the questions", line)
        questions[category].append(tuple(words))
    if not any(questions.values()):
        raise ValueError(f"{path}: no question in it. Each line holds four words: a b c d.")
    return questions


def load_similarities(
    name_or_path: str | os.PathLike, *, download: bool = True
) -> list[tuple[str, str, float]]:
    """Word pairs with the similarity that people (or the planted truth) give them.

    Args:
        name_or_path: "embedded", "wordsim353", "simlex999", or a file whose lines hold two words
            and a number, separated by tabs.  Empty lines and lines that begin with ``#`` are
            skipped.
        download: whether a file that is not here may be downloaded.

    Returns:
        ``[(word, word, score), …]`` in the order of the file, words as they are written there.

    Raises:
        ValueError: a malformed line; the message names file and line.
        and as :func:`load`.
    """
    path = _test_set(name_or_path, "similarities", _SIMILARITIES, download)
    pairs = []
    for number, line in _lines(path):
        fields = [part.strip() for part in line.split("\t")]
        if len(fields) != 3 or not all(fields):
            problem = f"expected two words and a number separated by tabs, got {len(fields)} fields"
            _raise_line(path, number, problem, line)
        try:
            score = float(fields[2])
        except ValueError:
            score = math.nan
        if not math.isfinite(score):
            _raise_line(path, number, f"expected a finite number, got {fields[2]!r}", line)
        pairs.append((fields[0], fields[1], score))
    if not pairs:
        raise ValueError(f"{path}: no pair in it. Each line holds: word, tab, word, tab, score.")
    return pairs


def load_entities(name_or_path: str | os.PathLike) -> list[str]:
    """Which words of a text are names: one string a sentence, one letter a word.

    ``P`` names a person, ``L`` a place, ``O`` an organisation; ``.`` is no name.

    Args:
        name_or_path: "embedded" (for the embedded corpus), or a file of such lines.  Empty lines
            and lines that begin with ``#`` are skipped.

    Returns:
        ``["PP..L.", …]`` in the order of the text.  ``"".join(load_entities("embedded"))`` has one
        letter for each id of ``load("embedded")``, as long as no word is left out (``min_count``).

    Raises:
        ValueError: a line with another letter; the message names file and line.
        and as :func:`load`.

    Source: planted by the generator of the embedded corpus; the task is that of CS224n, lecture 4.
    """
    path = _test_set(name_or_path, "entities", {}, download=False)
    sentences = []
    for number, line in _lines(path):
        wrong = sorted(set(line) - set(_ENTITY_LABELS))
        if wrong:
            problem = f"expected only the letters {' '.join(_ENTITY_LABELS)}, got {wrong[0]!r}"
            _raise_line(path, number, problem, line)
        sentences.append(line)
    if not sentences:
        raise ValueError(f"{path}: no sentence in it. Each line holds one letter a word: PP..L.")
    return sentences


def _test_set(name_or_path, kind: str, known: dict[str, Remote], download: bool) -> Path:
    name = _checked_name(name_or_path, "name_or_path")
    if name == "embedded":
        return _embedded(_EMBEDDED[kind])
    if name in known:
        return find_file(known[name], download)
    return existing_file(name_or_path, ("embedded", *known))


def _embedded(filename: str) -> Path:
    here = Path(__file__).resolve().parent
    # An installed package carries the files in _data; in a checkout they lie beside the package.
    places = (here / "_data" / filename, here.parent / "data" / filename)
    for path in places:
        if path.is_file():
            return path
    raise DataUnavailableError(
        f"The embedded file {filename} is missing: looked for {places[0]} and {places[1]}. "
        "Install the package again, or restore the folder data/ of your checkout.",
        filename=filename,
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, stripped and in NFC, with their numbers from 1."""
    try:
        text = "".join(text_blocks(path))
    except ValueError as error:
        raise ValueError(f"Cannot load {path}: {error}") from error
    for number, line in enumerate(text.split("\n"), start=1):
        line = unicodedata.normalize("NFC", line.strip())
        if line and not line.startswith("#"):
            yield number, line


def _raise_line(path: Path, number: int, problem: str, line: str) -> NoReturn:
    shown = line if len(line) <= 60 else line[:59] + "…"
    raise ValueError(f"{path}, line {number}: {problem}: {shown!r}.")
