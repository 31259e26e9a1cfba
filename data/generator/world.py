"""Joins the tables and the rules of grammar/*.txt into one grammar that can speak.

A grammar file holds rules: a name in square brackets on its own line, then one template per
line. A template may end in `*3`: it is three times as likely as its neighbours. Rules whose names
begin with `topic ` are what stories are made of; `[topic weather 5]` has weight 5.
"""

from __future__ import annotations

import re
from pathlib import Path

from . import tables as tables_module
from .tables import Row, Table, zipf_weights
from .template import Compiler, Node, Speaker, Weighted

FOLDER = Path(__file__).parent / "grammar"
PHRASES = 2  # the i-th phrase of a field is said with weight 1 / (i + PHRASES)
MALE = {"he": "he", "him": "him", "his": "his", "himself": "himself"}
FEMALE = {"he": "she", "him": "her", "his": "her", "himself": "herself"}
# `a` before a vowel that is heard; the next word's first letters decide.
AN = re.compile(
    r"(?<![^ ])a(?= (?:(?!one |once |uni[fvtc]|us[eu]|eu|ewe)[aeiou]|hour|honest|heir))"
)


class World:
    """The grammar: finds tables and rules by name for the compiler, and says sentences."""

    def __init__(self, folder: Path = FOLDER):
        self.tables = tables_module.read_all()
        _derive(self.tables)
        self.synonyms = _synonyms(self.tables["synonyms"])
        self.compiler = Compiler(self, self.synonyms)
        self._sources = _read_rules(folder)
        self._rules: dict[str, list] = {}
        self._rows = {name: self._compile_table(table) for name, table in self.tables.items()}
        self.topics = self._topics()
        for name in self._sources:
            self._rule(name)

    # What the compiler asks for.

    def rule(self, name: str) -> Node:
        """Say a rule; a table's name means the first column of a random row."""
        if name in self.tables:
            return self.field(name, self.tables[name].columns[0])
        slot = self._rule(name)

        def say_rule(speaker: Speaker) -> None:
            options = slot[0]
            options.draw(speaker.random)(speaker)

        return say_rule

    def binding(self, name: str, source: str) -> Node:
        """Choose a row of the table `source` (or one chosen before) and call it `name`."""
        if source not in self.tables:

            def rename(speaker: Speaker) -> None:
                speaker.chosen[name] = speaker.chosen[source]

            return rename
        slot = self._rows

        def bind(speaker: Speaker) -> None:
            speaker.chosen[name] = slot[source].draw(speaker.random)

        return bind

    def field(self, name: str, field: str) -> Node:
        """Say a field of the row called `name`, or of a random row of the table `name`."""
        if name not in self.tables:

            def say_field(speaker: Speaker) -> None:
                speaker.chosen[name][field](speaker)

            return say_field
        slot = self._rows

        def say_random(speaker: Speaker) -> None:
            slot[name].draw(speaker.random)[field](speaker)

        return say_random

    def rows(self, table: str) -> Weighted:
        """The compiled rows of a table."""
        return self._rows[table]

    # Building.

    def _rule(self, name: str) -> list:
        if name not in self._sources:
            raise ValueError(f"no rule and no table is called {name!r}")
        if name not in self._rules:
            slot = self._rules[name] = [None]  # first the slot: a rule may name itself
            templates, weights = zip(*self._sources[name], strict=True)
            slot[0] = Weighted([self.compiler.compile(t) for t in templates], weights)
        return self._rules[name]

    def _compile_table(self, table: Table) -> Weighted:
        rows = []
        for row in table.rows:
            nodes = {c: self.compiler.compile(w) for c, w in row.words.items()}
            for name, phrases in row.phrases.items():
                options = [self.compiler.compile(p) for p in phrases]
                nodes[name] = _choice(options)
            rows.append(nodes)
        return Weighted(rows, table.weights)

    def _topics(self) -> Weighted:
        names, weights = [], []
        for name in self._sources:
            if name.startswith("topic "):
                _, topic, weight = name.split()
                names.append(self.rule(name))
                weights.append(int(weight))
        return Weighted(names, weights)


def finish(words: list[str]) -> str:
    """Join the words of a sentence and turn `a` into `an` where the next word asks for it."""
    return AN.sub("an", " ".join(words))


def _choice(options: list[Node]) -> Node:
    if len(options) == 1:
        return options[0]
    choice = Weighted(options, zipf_weights(len(options), PHRASES))

    def choose(speaker: Speaker) -> None:
        choice.draw(speaker.random)(speaker)

    return choose


def _synonyms(table: Table) -> dict[str, tuple[list[str], list[int]]]:
    """word → (all words of its set, weights): the first word of a set is said most often."""
    sets = {}
    for row in table.rows:
        words = row.words["words"].split("/")
        weights = [5, 4, 3, 2][: len(words)]
        sets.update(dict.fromkeys(words, (words, weights)))
    return sets


def _read_rules(folder: Path) -> dict[str, list[tuple[str, int]]]:
    rules: dict[str, list[tuple[str, int]]] = {}
    for path in sorted(folder.glob("*.txt")):
        templates: list[tuple[str, int]] | None = None
        for line in path.read_text(encoding="utf-8").splitlines():
            text = line.split("#")[0].strip()
            header = re.fullmatch(r"\[([a-z0-9_ ]+)\]", text)
            if header:
                if header[1] in rules:
                    raise ValueError(f"{path.name}: the rule {header[1]!r} is defined twice")
                templates = rules[header[1]] = []
            elif text:
                match = re.fullmatch(r"(.*?)(?:\s+\*(\d+))?", text)
                templates.append((match[1], int(match[2] or 1)))
    return rules


def _derive(tables: dict[str, Table]) -> None:
    """Tables made from others: people who know their pronouns, adjectives that know their sign."""
    sexes = (("male", MALE), ("female", FEMALE))

    def add(name: str, source: str, variants: list[tuple[str, str, dict[str, str]]]) -> None:
        """One row per row of `source` and variant (new column, column of `source`, more words)."""
        rows, weights = [], []
        for row, weight in zip(tables[source].rows, tables[source].weights, strict=True):
            for new, column, more in variants:
                words = row.words | {new: row.words[column]} | more
                rows.append(Row(words, row.phrases))
                weights.append(weight)
        tables[name] = Table(name, [variants[0][0]], rows, weights)

    add("person", "kin", [("noun", column, words) for column, words in sexes])
    add("name", "names", [("noun", column, words) for column, words in sexes])
    add("worker", "jobs", [("noun", "worker", words) for _, words in sexes])
    add("plus", "opposites", [("x", "plus", {})])
    add("minus", "opposites", [("x", "minus", {})])
