"""Check for the sentences of a text in another order."""

from __future__ import annotations

import numpy as np

from w2vlib.check.common import two_results
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report


def reorder_sentences(function) -> Report:
    """Check a function ``reorder_sentences(ids, starts, order)``: a text in another order.

    Write::

        def reorder_sentences(ids, starts, order):
            ...                         # ids: (T,) the text, starts: (S,) where sentences begin
            return new_ids, new_starts  # (T,) and (S,), with the sentence order[0] first

    ``order`` (S,) holds the number of each sentence once.  The words of a sentence stay together,
    in their order, and ``new_starts`` says where the sentences of the new text begin.

    Args:
        function: yours.
    """
    return REORDER_SENTENCES.check(function)


def _reorder_sentences(ids, starts, order, *, slip: str = ""):
    if slip == "order-upside-down":
        order = np.argsort(order)
    ends = np.append(starts[1:], len(ids))
    if slip == "last-word-missing":
        ends = ends - 1
    if slip == "order-ignored":
        order = np.arange(len(starts))
    new_ids = np.concatenate([ids[starts[i] : ends[i]] for i in order])
    if slip == "words-turned-round":
        new_ids = np.concatenate([ids[starts[i] : ends[i]][::-1] for i in order])
    until = np.cumsum((ends - starts)[order])  # where each sentence of the new text ends
    if slip == "starts-not-new":
        return new_ids, starts
    if slip == "starts-of-the-old-text":
        return new_ids, starts[order]
    if slip == "ends-for-starts":
        return new_ids, until
    new_starts = np.append(0, until)
    return new_ids, new_starts if slip == "one-start-too-many" else new_starts[:-1]


def _cases(rng) -> list[Case]:
    def case(name, lengths, order):
        ids, starts = rng.integers(0, 9, sum(lengths)), np.cumsum(lengths) - lengths
        return Case(name, {"ids": ids, "starts": starts, "order": np.array(order)})

    lengths = rng.integers(1, 7, 8)
    return [
        case("known answers", [2, 3, 1], [1, 2, 0]),
        case("known answers", [4, 2, 3, 2], [2, 0, 3, 1]),
        case("the order as it is", [2, 1, 3], [0, 1, 2]),
        case("one sentence", [4], [0]),
        case("larger", lengths, rng.permutation(8)),
        case("larger", lengths[::-1], np.roll(np.arange(8), 3)),
    ]


def _probe(make, case: Case, notes) -> None:
    given = notes.give("ids", "starts", "order")
    result = notes.ask("ids", make, *given, name="reorder_sentences")
    two_results(result, notes, ("ids", "starts"))


REORDER_SENTENCES = Exercise(
    "reorder_sentences",
    _cases,
    _probe,
    _reorder_sentences,
    labels={"ids": "new_ids", "starts": "new_starts"},
    mistakes=(
        Mistake(
            "starts-not-new",
            "the starts are still those of the old text.",
            "Sentences differ in length, so in another order they begin elsewhere. With the old "
            "starts, windows reach from one sentence into the next, and nothing complains.",
            ("How long are the sentences of the new text, one after the other?",),
        ),
        Mistake(
            "starts-of-the-old-text",
            "the starts say where the sentences began in the old text.",
            "`starts[order]` are the old places, in the new order. In the new text the first "
            "sentence begins at 0, the second where the first one ends, and so on.",
            ("Which number must the new starts begin with?", "Add up the lengths in their order."),
        ),
        Mistake(
            "ends-for-starts",
            "those are the ends of the sentences.",
            "A cumulative sum of the lengths says where each sentence *ends*. It begins where the "
            "one before it ends, and the first one at 0.",
            ("Where does the first sentence begin?", "`np.cumsum(lengths) - lengths`."),
        ),
        Mistake(
            "one-start-too-many",
            "there is one start too many.",
            "The last number is the length of the text: the end of the last sentence, where no "
            "other one begins.",
            ("How many sentences are there, and how many starts?",),
        ),
        Mistake(
            "order-upside-down",
            "the order was taken the other way round.",
            "`order[0]` is the number of the sentence that comes first. You have put sentence "
            "number 0 at the place `order[0]`.",
            ("Which sentence should stand first?",),
        ),
        Mistake(
            "order-ignored",
            "`order` plays no part.",
            "The text has come back as it was.",
            ("Where does `order` appear in your function?",),
        ),
        Mistake(
            "words-turned-round",
            "the words of each sentence stand in the opposite order.",
            "Only the sentences change places; inside them everything stays.",
            ("Read the first sentence of your new text aloud.",),
        ),
        Mistake(
            "last-word-missing",
            "the last word of each sentence is missing.",
            "A slice `ids[a:b]` ends before b, so b must be the start of the next sentence.",
            ("How long should the new text be?",),
        ),
    ),
    hints=(
        "Cut the text into a list of sentences first: the sentence i goes from `starts[i]` to the "
        "start of the next one, the last one to the end of the text.",
        "`np.split(ids, starts[1:])` cuts; pick the pieces by `order`, and join them by "
        "`np.concatenate`.",
        "The new starts come from the lengths of the pieces: `np.cumsum(lengths) - lengths`.",
    ),
    kind="function",
)
