"""``king - man + woman`` as a list of weighted words, and back.

A word may hold nearly any character (``vice-president``, ``u.s.``, ``'s``, ``<eos>``), so a sign
counts as a sign only where it stands alone, or where the pieces beside it are words of the
vocabulary.  A word in double quotes is always a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

_PLUS, _MINUS, _TIMES = frozenset("+"), frozenset("-−–"), frozenset("*×·")
_NUMBER = re.compile(r"\d+(?:\.\d*)?|\.\d+")
_WEIGHTED = re.compile(r"((?:\d+(?:\.\d*)?|\.\d+))[*×·](.+)", re.DOTALL)
_CHUNK = re.compile(r'"([^"]*)"|(\S+)')
_ANALOGY = re.compile(
    r"\s*(?P<a>\S+?)\s*(?::|\s+is\s+to\s+)\s*(?P<b>\S+?)\s*(?:=|::|\s+as\s+)\s*(?P<c>\S+?)"
    r"\s*(?:(?::|is\s+to)\s*(?:\?|…|\.\.\.)?)?\s*\??\s*"
)


class FormulaError(ValueError):
    """A formula that cannot be read; the message says what to write instead."""


class Term(NamedTuple):
    """One word of a formula and how much of it."""

    word: str
    weight: float = 1.0


class _Token(NamedTuple):
    kind: str  # "word", "sign", "number" or "times"
    text: str


def parse(text: str, known: Callable[[str], bool] = lambda word: False) -> list[Term]:
    """The terms of a formula, in the order written.

    Understood: ``king - man + woman``, ``2 paris - 0.5 * france``, ``king-man+woman`` (if these are
    words), ``"-" + dash``, and questions: ``man : king = woman : ?``.

    Args:
        text: what the reader typed.
        known: says whether a word is in the vocabulary; it decides where a sign inside a chunk of
            letters belongs to the word.

    Returns:
        One :class:`Term` per word; nothing is looked up or merged.

    Raises:
        FormulaError: no word at all, two words without a sign between them, a sign or a weight
            without a word, a weight that is too large.
    """
    if not isinstance(text, str):
        raise TypeError(f"A formula must be a str, got {text!r} ({type(text).__name__}).")
    question = _ANALOGY.fullmatch(text)
    if question and not known(text.strip()):
        a, b, c = question["a"], question["b"], question["c"]
        return [Term(b), Term(a, -1.0), Term(c)]
    tokens = [token for chunk in _CHUNK.finditer(text) for token in _tokens(chunk, known)]
    if not tokens:
        raise FormulaError("Type a word, or a formula such as king - man + woman.")
    return _terms(tokens)


def _tokens(chunk: re.Match, known) -> Iterable[_Token]:
    """What a piece of text between blanks stands for."""
    quoted, text = chunk[1], chunk[2]
    if quoted is not None:
        return [_Token("word", quoted)] if quoted else []
    if text in _PLUS or text in _MINUS:
        return [_Token("sign", "+" if text in _PLUS else "-")]
    if text in _TIMES:
        return [_Token("times", text)]
    if _NUMBER.fullmatch(text):
        return [_Token("number", text)]
    if known(text):
        return [_Token("word", text)]
    if text[0] in _PLUS | _MINUS and len(text) > 1:
        sign = _Token("sign", "+" if text[0] in _PLUS else "-")
        return [sign, *_tokens(_CHUNK.match(text[1:]), known)]
    weighted = _WEIGHTED.fullmatch(text)
    if weighted:
        rest = _tokens(_CHUNK.match(weighted[2]), known)
        return [_Token("number", weighted[1]), _Token("times", "*"), *rest]
    return _split(text, known)


def _split(text: str, known) -> list[_Token]:
    """``king-man+woman``: cut at signs, if that gives words, or if the sign is no hyphen."""
    pieces = re.split(r"([+\-−–])", text)
    words, signs = pieces[0::2], pieces[1::2]
    sure = any(sign in "+−" for sign in signs) and all(words)
    if not (sure or all(known(_bare(word)) for word in words)):
        return [_Token("word", text)]
    tokens = []
    for piece in pieces:
        if piece in _PLUS or piece in _MINUS:
            tokens.append(_Token("sign", "+" if piece in _PLUS else "-"))
        elif weighted := _WEIGHTED.fullmatch(piece):
            tokens += [_Token("number", weighted[1]), _Token("word", weighted[2])]
        else:
            tokens.append(_Token("word", piece))
    return tokens


def _bare(word: str) -> str:
    weighted = _WEIGHTED.fullmatch(word)
    return weighted[2] if weighted else word


def _terms(tokens: list[_Token]) -> list[Term]:
    terms: list[Term] = []
    place = 0
    while place < len(tokens):
        sign, place = _read_sign(tokens, place, terms)
        weight, word, place = _read_product(tokens, place)
        terms.append(Term(word, sign * weight))
    return terms


def _read_sign(tokens: list[_Token], place: int, terms: list[Term]) -> tuple[float, int]:
    sign, signs = 1.0, 0
    while place < len(tokens) and tokens[place].kind == "sign":
        sign = -sign if tokens[place].text == "-" else sign
        place, signs = place + 1, signs + 1
    if place == len(tokens):
        raise FormulaError(f"A word is missing after the last {tokens[-1].text!r}.")
    if terms and not signs:
        before, here = terms[-1].word, tokens[place].text
        raise FormulaError(
            f"Put + or - between {before!r} and {here!r}. "
            f'A word that holds a blank goes into quotes: "{before} {here}".'
        )
    return sign, place


def _read_product(tokens: list[_Token], place: int) -> tuple[float, str, int]:
    """``word``, ``2 word``, ``2 * word`` or ``word * 2``; a number alone is a word."""
    kinds = [token.kind for token in tokens[place : place + 3]]
    texts = [token.text for token in tokens[place : place + 3]]
    if kinds[0] == "times":
        raise FormulaError(f"A weight or a word is missing before {texts[0]!r}.")
    if kinds[:3] == ["number", "times", "word"] or kinds[:3] == ["number", "times", "number"]:
        return _weight(texts[0]), texts[2], place + 3
    if kinds[:2] == ["number", "word"]:
        return _weight(texts[0]), texts[1], place + 2
    if kinds[:3] == ["word", "times", "number"]:
        return _weight(texts[2]), texts[0], place + 3
    if kinds[1:2] == ["times"]:
        raise FormulaError(
            f"Beside {texts[1]!r} there must be one number and one word, as in 0.5 * woman."
        )
    return 1.0, texts[0], place + 1


def _weight(text: str) -> float:
    weight = float(text)
    if weight > 1e6:
        raise FormulaError(f"The weight {text} is too large: take one up to 1,000,000.")
    return weight


def show(terms: Iterable[Term], known: Callable[[str], bool] = lambda word: True) -> str:
    """The formula in its plain spelling; :func:`parse` reads it back.

    Example:
        >>> show([Term("king"), Term("man", -1.0), Term("woman", 0.5)])
        'king - man + 0.5 * woman'
    """
    parts = []
    for term in terms:
        amount = abs(term.weight)
        word = _quoted(term.word, known)
        text = word if amount == 1 else f"{_amount(amount)} * {word}"
        negative = term.weight < 0
        if parts:
            parts.append(f"{'-' if negative else '+'} {text}")
        else:
            parts.append(f"- {text}" if negative else text)
    return " ".join(parts)


def _amount(number: float) -> str:
    """All digits, and no exponent: 0.00001."""
    return f"{Decimal(repr(number)):f}".removesuffix(".0")


def _quoted(word: str, known) -> str:
    """In quotes if it would be read as something else without them."""
    try:
        alone = parse(word, known) == [Term(word)]
    except FormulaError:
        alone = False
    # A number is a weight as soon as a word follows, and ":" may look like a question.
    return word if alone and not _NUMBER.fullmatch(word) and ":" not in word else f'"{word}"'


def as_analogy(terms: Iterable[Term]) -> tuple[str, str, str] | None:
    """(a, b, c) if the terms are b − a + c with plain weights, else ``None``."""
    terms = list(terms)
    plus = [t.word for t in terms if t.weight == 1]
    minus = [t.word for t in terms if t.weight == -1]
    if len(terms) != 3 or len(plus) != 2 or len(minus) != 1:
        return None
    return minus[0], plus[0], plus[1]


def from_analogy(a: str, b: str, c: str) -> list[Term]:
    """b − a + c."""
    return [Term(b), Term(a, -1.0), Term(c)]


def word_at(text: str, caret: int) -> tuple[int, int, str]:
    """(start, end, prefix) of the word around ``caret``, for completing it.

    The prefix is what stands before the caret, without a sign or a weight in front of it.
    """
    caret = max(0, min(caret, len(text)))
    start = caret
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    end = caret
    while end < len(text) and not text[end].isspace():
        end += 1
    lead = re.match(r'[+\-−–]?(?:(?:\d+(?:\.\d*)?|\.\d+)[*×·])?"?', text[start:caret])
    start += lead.end()
    return start, end, text[start:caret]
