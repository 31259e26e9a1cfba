"""What good word vectors should know about this corpus, read off the same tables.

Nothing here looks at the generated text: the truth was there before the first sentence.
"""

from __future__ import annotations

from .tables import Table

# Family of analogies → (table, first column, second column).
FAMILIES = {
    "capital-country": ("countries", "capital", "country"),
    "country-people": ("countries", "country", "people"),
    "country-currency": ("countries", "country", "currency"),
    "gender": ("kin", "male", "female"),
    "young-animal": ("animals", "adult", "young"),
    "worker-place": ("jobs", "worker", "place"),
    "worker-tool": ("jobs", "worker", "tool"),
    "opposite": ("opposites", "plus", "minus"),
    "gram1-adjective-adverb": ("adverbs", "adjective", "adverb"),
    "gram2-comparative": ("adjectives", "base", "more"),
    "gram3-superlative": ("adjectives", "base", "most"),
    "gram4-present-participle": ("verbs", "base", "ing"),
    "gram5-past-tense": ("verbs", "base", "past"),
    "gram6-plural": ("nouns", "one", "many"),
    "gram7-third-person": ("verbs", "base", "third"),
}
SHARED = {"euro"}  # the money of many countries: no question can have it as its one answer
SHIFTS = 10  # questions per pair
BOOK = [  # the questions that readers know from the book
    ("gender", "king", "man"),
    ("gram5-past-tense", "take", "go"),
    ("gram6-plural", "car", "child"),
    ("gram2-comparative", "good", "bad"),
]


def plain(word: str) -> str:
    """The word without its tag."""
    return word.split("@")[0]


def pairs(tables: dict[str, Table], family: str) -> list[tuple[str, str]]:
    """The word pairs of one family."""
    table, first, second = FAMILIES[family]
    rows = [row.words for row in tables[table].rows]
    found = [(plain(r[first]), plain(r[second])) for r in rows if first in r and second in r]
    return [pair for pair in found if not SHARED & set(pair)]


def questions(tables: dict[str, Table], family: str) -> list[tuple[str, str, str, str]]:
    """Questions a : b = c : d; every pair is used equally often in both roles."""
    known = pairs(tables, family)
    count = len(known)
    shifts = range(1, min(SHIFTS, count - 1) + 1)
    chosen = [(*known[i], *known[(i + k) % count]) for i in range(count) for k in shifts]
    wanted = {pair[0]: pair for pair in known}
    for name, first, second in BOOK:
        question = (*wanted[first], *wanted[second]) if name == family else None
        if question and question not in chosen:
            chosen.append(question)
    return chosen


def analogies_text(tables: dict[str, Table]) -> str:
    """All questions in the format of questions-words: `: family`, then four words a line."""
    lines = []
    for family in FAMILIES:
        lines.append(f": {family}")
        lines.extend(" ".join(question) for question in questions(tables, family))
    return "\n".join(lines) + "\n"


# Similarity: what the pair of words has in common decides the score.
SYNONYMS, TWINS, KIN, TOPIC, STRANGERS = 9.5, 7.5, 6.0, 4.0, 0.5
PER_LEVEL = 70
PER_CLASS = 5  # from the top of each list, where the frequent words stand
CLASSES = {  # lists whose members are of one kind
    "colours": "name",
    "fruits": "name",
    "vegetables": "name",
    "instruments": "name",
    "sports": "name",
    "clothes": "name",
    "furniture": "name",
    "flowers": "name",
    "trees": "name",
    "subjects": "name",
    "vehicles": "name",
    "animals": "adult",
    "countries": "country",
    "jobs": "worker",
}
TWIN_FAMILIES = ("gender", "young-animal", "gram6-plural", "gram2-comparative")
TOPIC_FIELDS = {
    "jobs": ("worker", "thing"),
    "countries": ("country", "food"),
    "kin": ("male", "of"),
}


def similarities(tables: dict[str, Table]) -> list[tuple[str, str, float]]:
    """Word pairs with graded scores, from synonyms (9.5) down to strangers (0.5)."""
    levels = [
        (SYNONYMS, _synonym_pairs(tables)),
        (TWINS, _twin_pairs(tables)),
        (KIN, _class_pairs(tables)),
        (TOPIC, _topic_pairs(tables)),
        (STRANGERS, _stranger_pairs(tables)),
    ]
    found: dict[frozenset[str], tuple[str, str, float]] = {}
    for score, candidates in levels:
        for first, second in _spread(candidates, PER_LEVEL):
            found.setdefault(frozenset((first, second)), (first, second, score))
    return list(found.values())


def similarity_text(tables: dict[str, Table]) -> str:
    """Tab-separated: two words and their score from 0 to 10, below a header comment."""
    header = "# word1\tword2\tscore (0-10): planted by the generator of the embedded corpus\n"
    return header + "".join(f"{a}\t{b}\t{score}\n" for a, b, score in similarities(tables))


def synonyms_text(tables: dict[str, Table]) -> str:
    """One set of synonyms a line, tab-separated; the most frequent word first."""
    header = "# words that the generator exchanges freely\n"
    rows = [row.words["words"].split("/") for row in tables["synonyms"].rows]
    return header + "".join("\t".join(row) + "\n" for row in rows)


def homonyms_text(tables: dict[str, Table]) -> str:
    """Tab-separated: word, number of the meaning, words that stand near it then."""
    lines = ["# word\tsense\tcues\n"]
    for row in tables["homonyms"].rows:
        for number, cues in enumerate(row.phrases["sense"], start=1):
            lines.append(f"{row.words['word']}\t{number}\t{cues}\n")
    return "".join(lines)


def _spread(items: list, count: int) -> list:
    """`count` items, evenly spread over the list."""
    if len(items) <= count:
        return items
    return [items[i * len(items) // count] for i in range(count)]


def _synonym_pairs(tables: dict[str, Table]) -> list[tuple[str, str]]:
    rows = [row.words["words"].split("/") for row in tables["synonyms"].rows]
    return [(row[0], other) for row in rows for other in row[1:]]


def _twin_pairs(tables: dict[str, Table]) -> list[tuple[str, str]]:
    return [pair for family in TWIN_FAMILIES for pair in pairs(tables, family)]


def _class_pairs(tables: dict[str, Table]) -> list[tuple[str, str]]:
    found = []
    for table, column in CLASSES.items():
        words = [plain(row.words[column]) for row in tables[table].rows]
        words = words[: 2 * PER_CLASS]
        found.extend(zip(words[0::2], words[1::2], strict=False))
    return found


def _topic_pairs(tables: dict[str, Table]) -> list[tuple[str, str]]:
    found = []
    for table, (column, field) in TOPIC_FIELDS.items():
        for row in tables[table].rows[: 3 * PER_CLASS]:
            words = [phrase for phrase in row.phrases[field] if " " not in phrase]
            found.extend((plain(row.words[column]), word) for word in words[:2])
    return found


def _stranger_pairs(tables: dict[str, Table]) -> list[tuple[str, str]]:
    """Members of two classes that have nothing to do with each other."""
    names = list(CLASSES)
    found = []
    for i, table in enumerate(names):
        other = names[(i + len(names) // 2) % len(names)]
        first = [plain(row.words[CLASSES[table]]) for row in tables[table].rows]
        second = [plain(row.words[CLASSES[other]]) for row in tables[other].rows]
        found.extend(zip(first[:PER_CLASS], reversed(second[:PER_CLASS]), strict=False))
    return found
