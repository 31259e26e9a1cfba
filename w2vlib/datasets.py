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

import codecs
import difflib
import gzip
import hashlib
import io
import lzma
import math
import os
import shutil
import tempfile
import threading
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

import numpy as np

from w2vlib.corpus import Corpus, build_corpus, build_corpus_from_blocks

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

_CONNECT_SECONDS = 5.0  # to reach the server
_PATIENCE_SECONDS = 15.0  # without a single new byte
_BLOCK_BYTES = 1 << 16
_ARCHIVE_ERRORS = (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile)


@dataclass(frozen=True)
class _Remote:
    """A file that the project does not contain: where it is and how to know it."""

    filename: str
    url: str
    sha256: str
    size: int  # bytes
    archive_hash: str = ""  # of the zip file around it, in pooch's notation "sha1:…"

    @property
    def archive(self) -> str:
        """Name of the zip file that the download is, or ''."""
        return self.filename + ".zip" if self.archive_hash else ""


_PTB_URL = "https://raw.githubusercontent.com/tomsercu/lstm/master/data/"
_GENSIM_URL = "https://raw.githubusercontent.com/piskvorky/gensim/develop/gensim/test/test_data/"

_PTB = {
    "train": _Remote(
        "ptb.train.txt",
        _PTB_URL + "ptb.train.txt",
        "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
        5_101_618,
    ),
    "valid": _Remote(
        "ptb.valid.txt",
        _PTB_URL + "ptb.valid.txt",
        "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
        399_782,
    ),
    "test": _Remote(
        "ptb.test.txt",
        _PTB_URL + "ptb.test.txt",
        "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
        449_945,
    ),
}
_TEXT8 = _Remote(
    "text8",
    # The server speaks plain http only; two hashes make up for it.
    "http://mattmahoney.net/dc/text8.zip",
    "6e890197040d37d85beb962ae1f041ff1d9a9ca8d20c7d99c85027eebf51dca7",
    100_000_000,
    archive_hash="sha1:6c70299b93b7e1f927b42cd8f6ac1a31547c7a2e",
)
_ANALOGIES = {
    "google": _Remote(
        "questions-words.txt",
        "https://raw.githubusercontent.com/tmikolov/word2vec/master/questions-words.txt",
        "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
        603_955,
    ),
}
_SIMILARITIES = {
    "wordsim353": _Remote(
        "wordsim353.tsv",
        _GENSIM_URL + "wordsim353.tsv",
        "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
        7_186,
    ),
    "simlex999": _Remote(
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
_CORPORA = ("tiny", "embedded", "ptb", "text8")
_TOKENIZED = ("embedded", "ptb", "text8")


class DataUnavailableError(RuntimeError):
    """A data file that is not here and could not be fetched, or that has the wrong content.

    The message names the file, its hash and where to put it.

    Attributes:
        filename: name of the file.
        url: where it can be had.
        sha256: what its SHA-256 must be.
    """

    def __init__(self, message: str, filename: str = "", url: str = "", sha256: str = "") -> None:
        super().__init__(message)
        self.filename, self.url, self.sha256 = filename, url, sha256


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
        return _read_corpus(_find(_TEXT8, download), name, options)
    if name == "ptb":
        return _load_ptb(split, options, download)
    return _read_corpus(_checked_file(name_or_path, _CORPORA), Path(name).name, options)


def _default(value, default):
    return default if value is None else value


def _load_ptb(split: str, options: dict, download: bool) -> Corpus:
    if split != "train" and options["vocabulary"] is None:
        train = _read_corpus(_find(_PTB["train"], download), "ptb train", options)
        options = {**options, "vocabulary": train, "min_count": 1}
    return _read_corpus(_find(_PTB[split], download), f"ptb {split}", options)


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


def _checked_file(name_or_path, known: Iterable[str]) -> Path:
    path = Path(name_or_path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder. Give the path of one text file in it.")
    if not path.exists():
        known = list(known)
        close = difflib.get_close_matches(str(name_or_path).lower(), known, n=1, cutoff=0.75)
        raise FileNotFoundError(
            f"{str(name_or_path)!r} is neither a data set ({', '.join(known)}) nor an existing "
            f"file; looked in {Path.cwd()}." + "".join(f" Did you mean {n!r}?" for n in close)
        )
    return path


def _read_corpus(path: Path, name: str, options: dict) -> Corpus:
    try:
        return build_corpus_from_blocks(_text_blocks(path), name=name, **options)
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


def _test_set(name_or_path, kind: str, known: dict[str, _Remote], download: bool) -> Path:
    name = _checked_name(name_or_path, "name_or_path")
    if name == "embedded":
        return _embedded(_EMBEDDED[kind])
    if name in known:
        return _find(known[name], download)
    return _checked_file(name_or_path, ("embedded", *known))


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that say something, stripped and in NFC, with their numbers from 1."""
    try:
        text = "".join(_text_blocks(path))
    except ValueError as error:
        raise ValueError(f"Cannot load {path}: {error}") from error
    for number, line in enumerate(text.split("\n"), start=1):
        line = unicodedata.normalize("NFC", line.strip())
        if line and not line.startswith("#"):
            yield number, line


def _raise_line(path: Path, number: int, problem: str, line: str) -> NoReturn:
    shown = line if len(line) <= 60 else line[:59] + "…"
    raise ValueError(f"{path}, line {number}: {problem}: {shown!r}.")


# ---- reading text files --------------------------------------------------------------------------


def _text_blocks(path: Path) -> Iterator[str]:
    """The text of a UTF-8 file in blocks, line ends as ``"\\n"``, without a byte-order mark."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    offset, begun = 0, False
    with _open_bytes(path) as file:
        while True:
            try:
                data = file.read(_BLOCK_BYTES)
            except _ARCHIVE_ERRORS as error:
                raise ValueError(
                    f"the compressed file is damaged or cut off ({error}). Get it again."
                ) from error
            waiting = len(decoder.getstate()[0])  # bytes of a letter that the last block cut
            try:
                text = newlines.decode(data, final=not data)
            except UnicodeDecodeError as error:
                _raise_not_utf8(offset - waiting + error.start, error)
            yield text if begun else text.removeprefix("\ufeff")
            begun = begun or bool(text)
            offset += len(data)
            if not data:
                return


def _raise_not_utf8(offset: int, error: UnicodeDecodeError) -> NoReturn:
    byte = error.object[error.start]
    likely = ""
    if offset == 0 and error.object[:2] in (b"\xff\xfe", b"\xfe\xff"):
        likely = " It looks like UTF-16."
    raise ValueError(
        f"it is not UTF-8 text: byte 0x{byte:02x} at offset {offset:,} ({error.reason}).{likely} "
        "Save it as UTF-8, or convert it: iconv -f ENCODING -t UTF-8 FILE > NEWFILE."
    ) from None


def _open_bytes(path: Path) -> BinaryIO:
    """The file's bytes, unpacked if it is compressed (its first bytes tell, not its name)."""
    try:
        file = open(path, "rb")
    except PermissionError as error:
        raise PermissionError(
            f"{path} may not be read by this user. Change its permissions (chmod u+r), or copy it."
        ) from error
    if not file.seekable():  # a pipe: what is read of it, to look at, is gone
        return file
    with file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path, "rb")
    if start == b"\xfd7zXZ\x00":
        return lzma.open(path, "rb")
    if start.startswith(b"PK\x03\x04"):
        return _open_zip(path)
    if path.suffix in (".gz", ".xz", ".zip"):
        raise ValueError(f"its name ends in {path.suffix}, but it is no such file. Get it again.")
    return open(path, "rb")


def _open_zip(path: Path) -> BinaryIO:
    try:
        archive = zipfile.ZipFile(path)
        names = [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile as error:
        raise ValueError(f"the zip file is damaged or cut off ({error}). Get it again.") from error
    if len(names) != 1:
        raise ValueError(f"the zip file must hold one file, it holds {len(names)}. Unpack it.")
    try:
        return archive.open(names[0])
    except (RuntimeError, NotImplementedError) as error:  # a password, an unknown method
        raise ValueError(f"the zip file cannot be unpacked ({error}). Unpack it first.") from error


# ---- finding and fetching files ------------------------------------------------------------------


def cache_folder() -> Path:
    """The folder where downloads are kept, e.g. ``~/.cache/w2vlib`` (it need not exist yet)."""
    import pooch

    return Path(pooch.os_cache("w2vlib"))


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


def _find(remote: _Remote, download: bool) -> Path:
    """The verified file: from W2V_DATA, else from the cache, else downloaded."""
    path = _in_data_folder(remote)
    if path is not None:
        return path
    cached = cache_folder() / remote.filename
    if _has_hash(cached, "sha256:" + remote.sha256):
        return cached
    state = "is damaged in the cache" if cached.is_file() else "is not on this computer"
    if not download:
        _raise_unavailable(remote, f"it {state}, and download=False forbids fetching it")
    if os.environ.get("W2V_OFFLINE", "") not in ("", "0"):
        _raise_unavailable(remote, f"it {state}, and W2V_OFFLINE forbids fetching it")
    return _store(remote, lambda folder: _fetch(remote, folder))


def _in_data_folder(remote: _Remote) -> Path | None:
    name = os.environ.get("W2V_DATA")
    if not name:
        return None
    folder = Path(name)
    if not folder.is_dir():
        where = "" if folder.is_absolute() else f" in {Path.cwd()}"
        raise DataUnavailableError(
            f"The environment variable W2V_DATA names {name!r}, but there is no such folder{where}."
            " Set it to the full path of the folder with your data files, or unset it.",
            remote.filename,
            remote.url,
            remote.sha256,
        )
    path = folder / remote.filename
    if path.is_file():
        _check_hash(remote, path, "sha256:" + remote.sha256)
        return path
    zipped = folder / remote.archive if remote.archive else None
    if zipped is not None and zipped.is_file():
        _check_hash(remote, zipped, remote.archive_hash)
        cached = cache_folder() / remote.filename
        if _has_hash(cached, "sha256:" + remote.sha256):
            return cached
        return _store(remote, lambda temporary: _unpack(zipped, remote, temporary))
    return None


def _digest(path: Path, algorithm: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _has_hash(path: Path, known_hash: str) -> bool:
    algorithm, _, expected = known_hash.partition(":")
    try:
        return path.is_file() and _digest(path, algorithm) == expected
    except OSError:  # not readable, or just replaced by another process
        return False


def _check_hash(remote: _Remote, path: Path, known_hash: str) -> None:
    algorithm, _, expected = known_hash.partition(":")
    try:
        got = _digest(path, algorithm)
    except OSError as error:
        _raise_unavailable(remote, f"{path} cannot be read ({error})")
    if got != expected:
        _raise_unavailable(
            remote,
            f"{path} has the wrong content: its {algorithm.upper()} is {got}, "
            f"expected {expected}. It was changed or is another edition; remove it",
        )


def _raise_unavailable(
    remote: _Remote, reason: str, cause: BaseException | None = None
) -> NoReturn:
    parts = [f"{remote.filename} cannot be used: {reason}."]
    folder = os.environ.get("W2V_DATA") or str(cache_folder())
    if remote.archive:
        sha1 = remote.archive_hash.partition(":")[2]
        what = f"{remote.archive} (SHA-1 {sha1}; unpacked: SHA-256 {remote.sha256})"
    else:
        what = f"the file (SHA-256 {remote.sha256})"
    parts.append(
        f"To get it by hand, download {what} from {remote.url} and put it into {folder}, or into a "
        "folder that the environment variable W2V_DATA names."
    )
    parts.append("The embedded data need no download: use the name 'embedded'.")
    # "from None": the reason says it all, and the network's own tracebacks fill pages.
    raise DataUnavailableError(
        " ".join(parts), remote.filename, remote.url, remote.sha256
    ) from None


def _store(remote: _Remote, make: Callable[[Path], Path]) -> Path:
    """Let ``make`` write the file into a folder of its own, verify it, move it into the cache.

    Whatever goes wrong, the cache holds either the whole right file or nothing new; the last step
    is a rename, so several processes may do this at once.
    """
    cache = cache_folder()
    target = cache / remote.filename
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
        with tempfile.TemporaryDirectory(
            prefix=_TEMPORARY, dir=cache, ignore_cleanup_errors=True
        ) as temporary:
            made = make(Path(temporary))
            _check_hash(remote, made, "sha256:" + remote.sha256)
            os.chmod(made, 0o644)  # temporary files are private; a cache may be shared
            os.replace(made, target)
    except OSError as error:
        # On Windows a file that another process reads cannot be replaced: then it is there.
        if not _has_hash(target, "sha256:" + remote.sha256):
            reason = f"the cache folder {cache} cannot be written ({error})"
            _raise_unavailable(remote, reason)
    return target


_TEMPORARY = ".download-"


def _sweep(cache: Path, seconds: float = 3600) -> None:
    """Remove what killed processes left behind: temporary folders without a change for an hour."""
    for folder in cache.glob(_TEMPORARY + "*"):
        try:
            newest = max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
        except OSError:
            continue
        if newest < time.time() - seconds:
            shutil.rmtree(folder, ignore_errors=True)


def _fetch(remote: _Remote, folder: Path) -> Path:
    """Download (and unpack) into ``folder``; the hash is checked on arrival."""
    known_hash = remote.archive_hash or "sha256:" + remote.sha256
    try:
        path = _retrieve(remote, known_hash, folder)
    except OSError as error:  # includes what requests raises, and time-outs
        _raise_unavailable(remote, f"the download failed ({_in_one_line(error)})")
    except ValueError as error:  # pooch: another hash
        reason = (
            "what the server sent is not the file (a log-in page of the network, a cut transfer, "
            f"or a changed file: {_in_one_line(error)})"
        )
        _raise_unavailable(remote, reason)
    return _unpack(path, remote, folder) if remote.archive else path


def _in_one_line(error: BaseException, limit: int = 300) -> str:
    # requests wraps urllib3, which keeps what really happened in ``reason``.
    reason = getattr(error.args[0], "reason", None) if error.args else None
    text = " ".join(str(reason or error).split()) or type(error).__name__
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _retrieve(remote: _Remote, known_hash: str, folder: Path) -> Path:
    """``pooch.retrieve``, given up when no byte arrives for a while.

    The time-outs of sockets cover neither a name server that is silent nor a server that drips, so
    the transfer runs in a thread of its own and we watch the file grow.
    """
    import pooch

    outcome: list = []

    def transfer() -> None:
        try:
            downloader = pooch.HTTPDownloader(
                timeout=(_CONNECT_SECONDS, _PATIENCE_SECONDS),
                chunk_size=1 << 14,
                progressbar=remote.size > 10_000_000,
            )
            name = remote.archive or remote.filename
            outcome.append(pooch.retrieve(remote.url, known_hash, name, folder, None, downloader))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=transfer, daemon=True)
    thread.start()
    size, since = -1, time.monotonic()
    while thread.is_alive():
        thread.join(0.05)
        now = _bytes_in(folder)
        if now != size:
            size, since = now, time.monotonic()
        elif time.monotonic() - since > _PATIENCE_SECONDS:
            raise TimeoutError(f"no data for {_PATIENCE_SECONDS:g} seconds")
    result = outcome[0]
    if isinstance(result, (OSError, ValueError)):
        raise result
    if isinstance(result, BaseException):
        raise OSError(f"{type(result).__name__}: {result}") from result
    return Path(result)


def _bytes_in(folder: Path) -> int:
    try:
        return sum(path.stat().st_size for path in folder.iterdir())
    except FileNotFoundError:  # renamed while we looked
        return -1


def _unpack(archive: Path, remote: _Remote, folder: Path) -> Path:
    """The one file of a zip archive, never more bytes than it should have."""
    target = folder / remote.filename
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(remote.filename) as source:
            with open(target, "wb") as unpacked:
                left = remote.size + 1
                while left and (data := source.read(min(left, 1 << 20))):
                    left -= len(data)
                    unpacked.write(data)
    except (*_ARCHIVE_ERRORS, KeyError, RuntimeError) as error:
        _raise_unavailable(remote, f"{archive.name} cannot be unpacked ({error})")
    return target
