"""What is allowed, and how we say so: every module checks its arguments with these few functions.

An error names the argument, what was got, what is allowed and the remedy.  Wrong *kinds* of things
are ``TypeError``, wrong *values* ``ValueError``, ids outside a table ``IndexError``, and words that
a vocabulary does not hold :class:`UnknownWordError` (a ``KeyError``).
"""

from __future__ import annotations

import difflib
import operator
import unicodedata
from collections import Counter
from collections.abc import Iterable

import numpy as np

from w2vlib.backend import get_array_module, may_look

PAD = -1
"""Filler id for a context position that does not exist (the window sticks out of its sentence).

It is allowed in ``contexts`` only, and stands for "no word here": it has no row in any matrix.
"""


class UnknownWordError(KeyError):
    """A word that is not in the vocabulary; ``str(error)`` is a sentence with suggestions.

    Attributes:
        word: the word that was asked for.
        suggestions: up to five words of the vocabulary that the reader may have meant.
    """

    def __init__(self, word: str, vocabulary: Iterable[str] = ()) -> None:
        self.word = word
        self.suggestions = suggest_words(word, vocabulary)
        super().__init__(word)

    def __str__(self) -> str:
        sentence = f"{self.word!r} is not in the vocabulary."
        if self.suggestions:
            sentence += f" Did you mean {', '.join(map(repr, self.suggestions))}?"
        return sentence


_ALIKE = 0.7  # of the letters of both words together are in matching pieces


def suggest_words(word: str, vocabulary: Iterable[str], limit: int = 5) -> list[str]:
    """Words of ``vocabulary`` that look like ``word``: in another case first, then by spelling.

    Args:
        word: what the reader typed.
        vocabulary: the words that exist, most frequent first where possible.
        limit: at most so many suggestions.

    Returns:
        A list of words, best first, possibly empty.
    """
    if not isinstance(word, str) or not word:
        return []
    folded = _fold(word)
    letters = Counter(folded).items()
    same, near = [], {}
    for candidate in vocabulary:
        other = _fold(candidate)
        if other == folded:
            same.append(candidate)
        # A cheap filter keeps the search quick at 70,000 words: similar length, same first letter
        # or same last two letters.
        elif abs(len(other) - len(folded)) <= 2 and (
            other[:1] == folded[:1] or other[-2:] == folded[-2:]
        ):
            # No more letters can match than both have; difflib would count them much more slowly.
            common = sum(min(n, other.count(letter)) for letter, n in letters)
            if 2 * common >= _ALIKE * (len(other) + len(folded)):
                near.setdefault(other, candidate)
    close = difflib.get_close_matches(folded, near, n=limit, cutoff=_ALIKE)
    return list(dict.fromkeys(same + [near[other] for other in close]))[:limit]


def _fold(word: str) -> str:
    return word.lower() if word.isascii() else unicodedata.normalize("NFKC", word).casefold()


def on_device(values, name: str, *like):
    """``values`` as an array on its own device, or on that of the arrays ``like``.

    Raises:
        TypeError: one part on the CPU, the other on the GPU.
        ValueError: nested lists of different lengths.
    """
    xp = get_array_module(values, *like)
    try:
        return xp.asarray(values)
    except ValueError:  # NumPy's own words do not name the argument
        raise ValueError(
            f"{name} must be an array with rows of equal length. Fill short rows up."
        ) from None


def refuse_triple(values, name: str) -> None:
    """Ids were asked for: say so to somebody who gives all that ``preprocess`` returns.

    Raises:
        TypeError: ``values`` is ``(ids, word_to_id, id_to_word)``.
    """
    if isinstance(values, tuple) and len(values) == 3 and isinstance(values[1], dict):
        raise TypeError(
            f"{name} must hold word ids, got (ids, word_to_id, id_to_word). Take the first of the "
            "three: ids, word_to_id, id_to_word = preprocess(text)."
        )


def refuse_corpus(values, name: str) -> None:
    """Counts of words were asked for: say so to somebody who gives the text.

    NumPy would take a ``Corpus`` for its ids, and the ids for counts.

    Raises:
        TypeError: ``values`` is a corpus.
    """
    if hasattr(values, "ids") and hasattr(values, "counts"):
        raise TypeError(
            f"{name} must hold one count for each word, got {shorten(values)}. "
            "Give its counts: corpus.counts."
        )


def as_ids(ids, size: int, name: str, *, allow_pad: bool = False, like=None):
    """``ids`` as an integer array whose entries all lie in ``[0, size)``.

    Args:
        ids: integers of any shape, a list or an array on any device.
        size: number of rows of the table that the ids point into, usually V.
        name: the argument's name, for the error message.
        allow_pad: also accept :data:`PAD` (−1).
        like: an array on whose device the ids must be (a list goes there).

    Returns:
        The ids as an array; an integer array comes back as it is, not copied.  Only of uint64,
        with which NumPy 2.0 neither counts nor takes rows, int64 is made.

    Raises:
        TypeError: the ids are not integers, or on another device than ``like``.
        ValueError: nested lists of different lengths.
        IndexError: an id is negative or ``>= size``; the message shows where.
    """
    array = on_device(ids, name, like)
    if array.size == 0 and array.dtype.kind not in "iu":
        return array.astype(np.int32)
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"{name} must hold integer word ids, got dtype {array.dtype}. "
            f"Convert words with word_to_id, or an array with {name}.astype(np.int32)."
        )
    lowest = PAD if allow_pad else 0
    looked_at = array.size and may_look(array)
    if looked_at and (int(array.min()) < lowest or int(array.max()) >= size):
        _raise_outside(array, size, lowest, name)
    return array.astype(np.int64) if array.dtype == np.uint64 else array


def _raise_outside(array, size: int, lowest: int, name: str) -> None:
    place = _first((array < lowest) | (array >= size))
    where = _place_name(name, place)
    pad = " (or PAD = -1 for a context that does not exist)" if lowest == PAD else ""
    raise IndexError(
        f"{where} is {int(array[place])}, but ids must lie in 0 … {size - 1}{pad}: there are "
        f"{size} rows. Check that corpus and model were made with the same vocabulary."
    )


def as_count(value, name: str, minimum: int = 1) -> int:
    """``value`` as a plain ``int`` that is at least ``minimum``.

    Raises:
        TypeError: not a whole number (bools are refused too).
        ValueError: too small.
    """
    if isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a whole number >= {minimum}, got {value!r}.")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(
            f"{name} must be a whole number >= {minimum}, got {value!r} "
            f"({type(value).__name__}). Use int(...) if you mean it."
        ) from None
    if number < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {number}.")
    return number


def as_number(
    value,
    name: str,
    *,
    minimum: float = -np.inf,
    maximum: float = np.inf,
    open_minimum: bool = False,
) -> float:
    """``value`` as a finite ``float`` between ``minimum`` and ``maximum``.

    Args:
        value: the number to check.
        name: the argument's name, for the error message.
        minimum, maximum: the allowed range, ends included.
        open_minimum: exclude ``minimum`` itself (for "must be greater than 0").

    Raises:
        TypeError: not a real number.
        ValueError: NaN, infinite or out of range.
    """
    if isinstance(value, (bool, np.bool_, str, bytes)) or getattr(value, "ndim", 0):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    try:
        number = float(value)
    except OverflowError:  # a whole number of more than 300 digits
        number = np.inf if value > 0 else -np.inf
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}.") from None
    too_small = number <= minimum if open_minimum else number < minimum
    if not np.isfinite(number) or too_small or number > maximum:
        bound = ["finite"]
        if np.isfinite(minimum):
            bound.append(f"{'greater than' if open_minimum else 'at least'} {minimum:g}")
        if np.isfinite(maximum):
            bound.append(f"at most {maximum:.15g}")  # 1 − 1e-12 must not be shown as 1
        raise ValueError(f"{name} must be {' and '.join(bound)}, got {number:g}.")
    return number


def as_weights(array, name: str):
    """``array`` checked to be an array of finite floating-point numbers (not copied).

    Raises:
        TypeError: not an array, or not of floating-point numbers.
        ValueError: NaN or infinite somewhere.
    """
    if getattr(array, "dtype", np.dtype(object)).kind != "f":
        got = getattr(array, "dtype", type(array).__name__)
        raise TypeError(
            f"{name} must be a floating-point array, got {got}. "
            f"Use np.asarray({name}, dtype=np.float32)."
        )
    check_finite(array, name)
    return array


def as_matrix(array, name: str):
    """``array`` checked to be a two-dimensional array of finite real numbers (not copied).

    Raises:
        TypeError: not an array, or not of floating-point numbers.
        ValueError: not two-dimensional, or NaN or infinite somewhere.
    """
    array = as_weights(array, name)
    if array.ndim != 2:
        raise ValueError(
            f"{name} must have two dimensions (rows, columns), got shape {array.shape}."
        )
    return array


def check_finite(x, name: str, *, infinite: bool = False) -> None:
    """Refuse NaN (and infinite numbers, unless allowed) before they spread.

    Args:
        x: array of floating-point numbers.
        name: the argument's name, for the error message.
        infinite: let +inf and −inf pass.

    Raises:
        ValueError: the message names the first such entry.
    """
    if not x.size or not may_look(x):
        return
    # min and max hand NaN on, and unlike isfinite(x).all() they need no second array.
    low, high = float(x.min()), float(x.max())
    if low != low or not (infinite or (np.isfinite(low) and np.isfinite(high))):
        xp = get_array_module(x)
        place = _first(xp.isnan(x) if infinite else ~xp.isfinite(x))
        raise ValueError(
            f"{_place_name(name, place)} is {float(x[place])}, but {name} must not hold NaN"
            f"{'' if infinite else ' or infinite numbers'}. Check the data; if it happened in "
            "training, use a smaller learning rate or max_grad."
        )


def _first(wrong) -> tuple[int, ...]:
    """Index of the first True."""
    return tuple(map(int, np.unravel_index(int(wrong.argmax()), wrong.shape)))


def _place_name(name: str, place: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, place))}]" if place else name


def as_generator(
    rng: np.random.Generator | None = None, seed: int | None = None
) -> np.random.Generator:
    """The random generator to draw from; everything random in w2vlib goes through here.

    Args:
        rng: a generator to use as it is (its state moves on).
        seed: a whole number; the same seed gives the same draws, in a fresh process too.

    Returns:
        ``rng``, or a new generator from ``seed``, or one with fresh entropy if neither is given.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` (an old ``RandomState``, a number).
        ValueError: both are given, or the seed is negative.
    """
    if rng is not None and seed is not None:
        raise ValueError("Give either rng or seed, not both: they would contradict each other.")
    if rng is not None:
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"rng must be a numpy.random.Generator, got {type(rng).__name__}. "
                "Make one with np.random.default_rng(seed), or pass seed=… instead."
            )
        return rng
    if seed is None:
        return np.random.default_rng()
    return np.random.default_rng(as_count(seed, "seed", minimum=0))


def as_array(values, name: str) -> np.ndarray:
    """``values`` as one NumPy array, whatever its shape and dtype.

    Raises:
        ValueError: rows of different lengths.
        TypeError: an array on the GPU.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} cannot be made into one NumPy array ({error}). All rows must be equally long."
        ) from None
    except TypeError as error:
        raise TypeError(
            f"{name} cannot be made into a NumPy array ({error}). "
            f"An array on the GPU goes through to_cpu({name}) first."
        ) from None


def as_choice(value, name: str, allowed: tuple[str, ...]) -> str:
    """``value``, which must be one of the words ``allowed``.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, allowed))}, got {value!r}.")
    return value


def shorten(value, limit: int = 40) -> str:
    """``value`` as text for an error message, cut after ``limit`` characters."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"
