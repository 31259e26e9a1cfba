"""The mini-language of the sentences.

    the cat sat                 plain words
    (red|blue|)                 one of these, with equal chance (an empty one is allowed)
    [very]                      with chance one half
    {food}                      a rule, or a random row of a table (its first column)
    {v=verb}                    choose a row of the table `verb`, call it v, say nothing
    {v.past}                    say the field `past` of that row
    {animal.young}              choose a row and say one field of it
    {s=h}                       a second name for a row that has been chosen before

A template is compiled once into nested Python functions. Each takes the `Speaker`, which
holds the words said so far, the rows chosen so far and the source of chance.

Chance is drawn with `random.Random.random()` only: Python promises that its sequence stays the
same from version to version. Weights are whole numbers, so no rounding can change a choice.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

Node = Callable[["Speaker"], None]
MARKS = "()[]{}|"


class Speaker:
    """The state of one sentence: the words so far, the rows chosen, the source of chance."""

    __slots__ = ("chosen", "random", "words")

    def __init__(self, random: Callable[[], float]):
        self.random = random
        self.chosen: dict[str, dict[str, Node]] = {}
        self.words: list[str] = []


class Weighted:
    """A list from which items are drawn with whole-number weights."""

    __slots__ = ("bounds", "items", "total")

    def __init__(self, items: Sequence, weights: Iterable[int]):
        self.items = list(items)
        self.bounds = list(accumulate(weights))
        self.total = self.bounds[-1]

    def draw(self, random: Callable[[], float]):
        return self.items[bisect_right(self.bounds, int(random() * self.total))]


class TemplateError(ValueError):
    """A template that cannot be read; the message quotes it."""


class Compiler:
    """Turns templates into functions; `lookup` finds the rules and tables that they name."""

    def __init__(self, lookup, synonyms: dict[str, tuple[list[str], list[int]]] | None = None):
        self.lookup = lookup
        self.synonyms = {w: Weighted(*pair) for w, pair in (synonyms or {}).items()}

    def compile(self, text: str) -> Node:
        """Compile one template. Raises TemplateError for unbalanced brackets."""
        pieces = _split(text)
        node, rest = self._alternatives(pieces, 0, None)
        if rest != len(pieces):
            raise TemplateError(f"unbalanced brackets in the template {text!r}")
        return node

    def _alternatives(self, pieces: list[str], start: int, closing: str | None):
        options, parts, i = [], [], start
        while i < len(pieces) and pieces[i] not in (")", "]", "}"):
            piece = pieces[i]
            if piece == "|":
                options.append(_sequence(parts))
                parts, i = [], i + 1
            elif piece in "([{":
                part, i = self._bracket(pieces, i)
                parts.append(part)
            else:
                parts.extend(self._words(piece))
                i += 1
        if closing is not None and (i == len(pieces) or pieces[i] != closing):
            raise TemplateError(f"no {closing!r} in the template {' '.join(pieces)!r}")
        options.append(_sequence(parts))
        return (options[0] if len(options) == 1 else _one_of(options)), i

    def _bracket(self, pieces: list[str], i: int):
        if pieces[i] == "{":
            if pieces[i + 2 : i + 3] != ["}"]:
                raise TemplateError(f"no '}}' in the template {' '.join(pieces)!r}")
            return self._reference(pieces[i + 1]), i + 3
        closing = ")" if pieces[i] == "(" else "]"
        node, i_end = self._alternatives(pieces, i + 1, closing)
        return (node if closing == ")" else _one_of([node, _nothing])), i_end + 1

    def _words(self, piece: str) -> list[Node]:
        """Plain words; a word with synonyms becomes a choice among them."""
        nodes, plain = [], []
        for word in piece.split():
            if word in self.synonyms:
                nodes.append(_say(" ".join(plain)))
                nodes.append(_say_one(self.synonyms[word]))
                plain = []
            else:
                plain.append(word)
        nodes.append(_say(" ".join(plain)))
        return [node for node in nodes if node is not _nothing]

    def _reference(self, text: str) -> Node:
        if "=" in text:
            name, source = text.split("=")
            return self.lookup.binding(name, source)
        if "." in text:
            name, field = text.split(".")
            return self.lookup.field(name, field)
        return self.lookup.rule(text)


def _split(text: str) -> list[str]:
    pieces, word = [], ""
    for letter in text:
        if letter in MARKS:
            if word.strip():
                pieces.append(word.strip())
            pieces.append(letter)
            word = ""
        else:
            word += letter
    return pieces + ([word.strip()] if word.strip() else [])


def _nothing(speaker: Speaker) -> None:
    """Say nothing."""


def _say(words: str) -> Node:
    if not words:
        return _nothing

    def say(speaker: Speaker) -> None:
        speaker.words.append(words)

    return say


def _say_one(words: Weighted) -> Node:
    def say_one(speaker: Speaker) -> None:
        speaker.words.append(words.draw(speaker.random))

    return say_one


def _sequence(parts: list[Node]) -> Node:
    if not parts:
        return _nothing
    if len(parts) == 1:
        return parts[0]

    def sequence(speaker: Speaker) -> None:
        for part in parts:
            part(speaker)

    return sequence


def _one_of(options: list[Node]) -> Node:
    count = len(options)

    def one_of(speaker: Speaker) -> None:
        options[int(speaker.random() * count)](speaker)

    return one_of
