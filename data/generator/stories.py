"""Strings sentences together into little stories, without end and in constant memory.

A story has a hero, a main topic and a few sentences. Most sentences stay with the topic, some
wander off. Every sentence is made from the speaker's chance alone, so a seed decides everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random

from .template import Speaker
from .world import World, finish

SENTENCES = (5, 10)  # the shortest and the longest story
STRAY = 0.25  # share of sentences that leave the story's topic
TAGS = ("P", "L", "O")  # person, place, organisation


def sentences(world: World, seed: int) -> Iterator[tuple[str, str]]:
    """Endless pairs (sentence, tags): words separated by blanks; one letter per word.

    A tag is P (person), L (place), O (organisation) or `.` (none of these).
    """
    speaker = Speaker(Random(seed).random)
    heroes = world.rows("name")
    intro = world.rule("intro")
    shortest, longest = SENTENCES
    while True:
        speaker.chosen = {"h": heroes.draw(speaker.random)}
        topic = world.topics.draw(speaker.random)
        yield _sentence(speaker, intro)
        for _ in range(shortest - 1 + int(speaker.random() * (longest - shortest + 1))):
            stray = speaker.random() < STRAY
            yield _sentence(speaker, world.topics.draw(speaker.random) if stray else topic)


def take_tokens(pairs: Iterator[tuple[str, str]], tokens: int) -> Iterator[tuple[str, str]]:
    """Whole sentences until at least `tokens` words (full stops included) have been said."""
    said = 0
    while said < tokens:
        for pair in islice(pairs, 1):
            said += len(pair[1])
            yield pair


def _sentence(speaker: Speaker, rule) -> tuple[str, str]:
    speaker.words = []
    speaker.chosen["s"] = speaker.chosen["h"]
    rule(speaker)
    if speaker.words[-1] != "?":
        speaker.words.append(".")
    return separate_tags(finish(speaker.words))


def separate_tags(sentence: str) -> tuple[str, str]:
    """Split "anna@P sang ." into "anna sang ." and "P..": one letter per word."""
    if "@" not in sentence:
        return sentence, "." * (sentence.count(" ") + 1)
    tags = "".join(w[-1] if w[-2:-1] == "@" else "." for w in sentence.split(" "))
    for tag in TAGS:
        sentence = sentence.replace("@" + tag, "")
    return sentence, tags
