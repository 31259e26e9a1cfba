"""Strings sentences together into little stories, without end and in constant memory.

A story has a hero, a main topic and a few sentences. Most sentences stay with the topic, some
wander off. Every sentence is made from the speaker's chance alone, so a seed decides everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random

from .template import Speaker
from .world import World, finish

SENTENCES = (6, 12)  # the shortest and the longest story
STRAY = 0.25  # share of sentences that leave the story's topic
OPENING, CLOSING = 0.12, 0.3  # share of sentences with a few small words before, after
# "emma and emma met", "two feet in the puddle got wet in the puddle", "in may may sang": say
# something else instead.
SMALL = "is|are|and|or|to|than|from|against|by|in|of|on|with|between|beat|met|the|a|an"
ECHO = re.compile(
    rf"(?<![^ ])(?:(\w{{3,}})(?:@.)?(?: (?:{SMALL}|friend|neighbour|cousin|colleague)){{1,7}} \1"
    r"|(\w{3,} \w{4,})(?:@.)? .*\2|(\w+)(?:@.)? \3)(?![^ @])"
)
TAGS = ("P", "L", "O")  # person, place, organisation


def sentences(world: World, seed: int) -> Iterator[tuple[str, str]]:
    """Endless pairs (sentence, tags): words separated by blanks; one letter per word.

    A tag is P (person), L (place), O (organisation) or `.` (none of these).
    """
    speaker = Speaker(Random(seed).random)
    heroes = world.rows("name")
    frame = world.rule("opening"), world.rule("closing")
    intro = world.rule("intro")
    shortest, longest = SENTENCES
    while True:
        speaker.chosen = {"h": heroes.draw(speaker.random)}
        topic = world.topics.draw(speaker.random)
        yield _sentence(speaker, intro, *frame)
        for _ in range(shortest - 1 + int(speaker.random() * (longest - shortest + 1))):
            stray = speaker.random() < STRAY
            rule = world.topics.draw(speaker.random) if stray else topic
            yield _sentence(speaker, rule, *frame)


def take_tokens(pairs: Iterator[tuple[str, str]], tokens: int) -> Iterator[tuple[str, str]]:
    """Whole sentences until at least `tokens` words (full stops included) have been said."""
    said = 0
    for pair in pairs:
        yield pair
        said += len(pair[1])
        if said >= tokens:
            return


def _sentence(speaker: Speaker, rule, opening, closing) -> tuple[str, str]:
    while True:
        text = _say(speaker, rule, opening, closing)
        if not ECHO.search(text):
            return separate_tags(text)


def _say(speaker: Speaker, rule, opening, closing) -> str:
    speaker.words = []
    speaker.chosen["s"] = speaker.chosen["h"]
    if speaker.random() < OPENING:
        opening(speaker)
    rule(speaker)
    if not speaker.words[-1].endswith("?"):
        if speaker.random() < CLOSING:
            closing(speaker)
        speaker.words.append(".")
    return finish(speaker.words)


def separate_tags(sentence: str) -> tuple[str, str]:
    """Split "anna@P sang ." into "anna sang ." and "P..": one letter per word."""
    if "@" not in sentence:
        return sentence, "." * (sentence.count(" ") + 1)
    tags = "".join(w[-1] if w[-2:-1] == "@" else "." for w in sentence.split(" "))
    for tag in TAGS:
        sentence = sentence.replace("@" + tag, "")
    return sentence, tags
