"""Grades assignment 5, training: a falling rate, an honest evaluation, vectors that know.

The functions below are the right solutions; ``slip`` makes each of them make one known mistake.
Training is judged by its result, on texts that are drawn anew each time.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.measures import analogies_right
from w2vlib.classroom.tasks import MeasuredCase, MeasuredTask, Part, Task

# ---- learning_rate ------------------------------------------------------------------------------


def _learning_rate(step, steps, start, floor, *, slip=""):
    rate = start * (1 - step / steps)
    return {
        "floor-forgotten": rate,
        "floor-added": rate + floor,
        "towards-floor": start + (floor - start) * step / steps,
        "from-one": max(floor, start * (1 - (step + 1) / steps)),
        "upside-down": max(floor, start * step / steps),
    }.get(slip, max(floor, rate))


def _rate_cases(rng):
    def case(name, share):
        steps = int(rng.integers(100, 900))
        return Case(
            name,
            {
                "step": int(share * steps),
                "steps": steps,
                "start": float(rng.integers(1, 9)) / 16,
                "floor": float(rng.integers(1, 9)) / 4096,
            },
        )

    shares = rng.uniform(0.1, 0.8, 3)
    falling = [case("falling", share) for share in (0, *shares)]
    return [*falling, case("at the end", 0.9999), case("at the end", 1.0), case("at the end", 1.0)]


RATE = Task(
    name="learning_rate",
    title="A learning rate that falls",
    cell="test_learning_rate",
    kind="function",
    steps=(("ask", "rate", ["step", "steps", "start", "floor"]),),
    cases=_rate_cases,
    reference=_learning_rate,
    labels={"rate": "learning_rate(step, steps, start, floor)"},
    parts=(
        Part("it falls in a straight line", 2, ("rate",), ("falling",)),
        Part("but not below the floor", 1, ("rate",), ("at the end",)),
    ),
    mistakes=(
        Mistake(
            "floor-forgotten",
            "at the end the rate becomes zero.",
            "The last steps would learn nothing. `floor` is the smallest rate that is allowed.",
            ("`max(…, floor)`.",),
        ),
        Mistake(
            "floor-added",
            "the floor was added instead of being a lower limit.",
            "Step 0 should begin with exactly `start`.",
            ("Which rate does your function give at step 0?",),
        ),
        Mistake(
            "towards-floor",
            "the line leads to the floor instead of zero.",
            "The line goes from `start` to 0; the floor only cuts off its end.",
            ("Half-way, the rate should be exactly half of `start`.",),
        ),
        Mistake(
            "from-one",
            "the steps are counted from 1.",
            "Step 0 is the first one and has the full rate.",
            ("Which rate does your function give at step 0?",),
        ),
        Mistake(
            "upside-down",
            "the rate rises.",
            "Large steps first, when everything is wrong; small ones later, to settle down.",
            ("Which share of the steps is still to come?",),
        ),
    ),
    hints=("start · (share of the steps still to come), but at least floor.",),
)

# ---- analogy_ranks ------------------------------------------------------------------------------


def _analogy_ranks(vectors, questions, *, slip=""):
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    space = vectors if slip == "lengths-in-the-sum" else unit
    ranks = []
    for a, b, c, d in questions:
        wanted = space[b] - space[a] + space[c]
        if slip == "signs-exchanged":
            wanted = space[a] - space[b] + space[c]
        scores = (vectors if slip == "lengths-in-the-scores" else unit) @ wanted
        allowed = np.ones(len(vectors), bool)
        if slip != "query-words-kept":
            allowed[[a, b, c]] = False
        rank = int((scores[allowed] > scores[d]).sum())
        ranks.append(rank if slip == "from-zero" else rank + 1)
    return np.array(ranks)


def _rank_cases(rng):
    def case(name, V, H, N):
        vectors = rng.standard_normal((V, H))
        if name == "all of length 1":
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        else:
            vectors *= rng.uniform(0.2, 5.0, (V, 1))
        questions = np.array([rng.permutation(V)[:4] for _ in range(N)])
        return Case(name, {"vectors": vectors, "questions": questions})

    return [
        case("all of length 1", 8, 3, 6),
        case("all of length 1", 12, 4, 9),
        case("all lengths", 9, 3, 8),
        case("all lengths", 15, 4, 12),
        case("larger", 60, 8, 40),
    ]


RANKS = Task(
    name="analogy_ranks",
    title="The rank of the right answer",
    cell="test_analogy_ranks",
    kind="function",
    steps=(("ask", "ranks", ["vectors", "questions"]),),
    cases=_rank_cases,
    reference=_analogy_ranks,
    labels={"ranks": "analogy_ranks(vectors, questions)"},
    parts=(
        Part("vectors of length 1", 3, ("ranks",), ("all of length 1",)),
        Part("vectors of all lengths", 2, ("ranks",), ("all lengths", "larger")),
    ),
    mistakes=(
        Mistake(
            "query-words-kept",
            "the words of the question take part.",
            "b − a + c is usually nearest to b or c themselves, so they would be in the way of "
            "every answer.",
            ("Leave out a, b and c when you count who is nearer than d.",),
        ),
        Mistake(
            "from-zero",
            "the ranks count from 0.",
            "The nearest word has rank 1: one more than the number of words that are nearer.",
            ("Nobody is nearer than d: which rank is that?",),
        ),
        Mistake(
            "lengths-in-the-sum",
            "long vectors decide b − a + c.",
            "The question is asked of directions: first bring all vectors to length 1.",
            ("Divide by the lengths before you subtract.",),
        ),
        Mistake(
            "lengths-in-the-scores",
            "long vectors win.",
            "A dot product grows with the length of the candidate; the cosine does not.",
            ("Divide the candidates by their lengths, too.",),
        ),
        Mistake(
            "signs-exchanged",
            "a and b are exchanged.",
            "a is to b as c is to d: from a to b the step is b − a, and it is taken from c.",
            ("For man : king = woman : ?, which two are subtracted?",),
        ),
    ),
    hints=(
        "All vectors to length 1. For each question: wanted = b − a + c, scores = unit @ wanted.",
        "Rank = 1 + how many words, other than a, b and c, have a larger score than d.",
    ),
)

# ---- train --------------------------------------------------------------------------------------

TOPICS, FORMS = 8, 3


def _small_world(rng, sentences: int):
    """A text whose words have a topic and a form, both told by their neighbours.

    Word (g, f) stands in a sentence with two words of topic g and two that go with form f, among
    fillers, in any order.  So (g, f) : (g, f') = (g', f) : (g', f') for all topics and forms.
    """
    word = np.arange(TOPICS * FORMS).reshape(TOPICS, FORMS)
    topic = word.size + np.arange(TOPICS * 3).reshape(TOPICS, 3)
    form = topic[-1, -1] + 1 + np.arange(FORMS * 3).reshape(FORMS, 3)
    filler = form[-1, -1] + 1 + np.arange(12)
    V = int(filler[-1]) + 1
    text = np.empty((sentences, 8), np.int64)
    for row in text:
        g, f = rng.integers(TOPICS), rng.integers(FORMS)
        row[0] = word[g, f]
        row[1:3], row[3:5] = rng.choice(topic[g], 2), rng.choice(form[f], 2)
        row[5:] = filler[(12 * rng.random(3) ** 2).astype(int)]
        rng.shuffle(row)
    names = rng.permutation(V)  # the same world, other numbers
    pairs = [(a, b) for a in range(TOPICS) for b in range(TOPICS) if a != b]
    steps = [(f, k) for f in range(FORMS) for k in range(FORMS) if f != k]
    questions = [
        (word[a, f], word[a, k], word[b, f], word[b, k]) for a, b in pairs for f, k in steps
    ]
    return names[text].reshape(-1), np.arange(sentences) * 8, V, names[np.array(questions)]


def _train_cases(rng):
    cases = []
    for _ in range(2):
        ids, starts, V, questions = _small_world(rng, 600)
        inputs = {"ids": ids, "starts": starts, "vocab_size": V, "seed": int(rng.integers(1000))}
        cases.append(MeasuredCase("a text", inputs, truth={"questions": questions}))
    return cases


TRAIN = MeasuredTask(
    name="train",
    title="Vectors that know",
    cell="test_train",
    kind="function",
    steps=(("ask", "vectors", ["ids", "starts", "vocab_size", "seed"]),),
    cases=_train_cases,
    reference=None,
    parts=(
        Part("every fifth analogy", 4, ("vectors",)),
        Part("three analogies in five", 4, ("vectors",)),
        Part("nine analogies in ten", 4, ("vectors",)),
    ),
    goals=(0.2, 0.6, 0.9),
    measure=analogies_right,
    tells="your vectors answer {score:.0%} of the analogies (in the worse of two texts).",
    hints=(
        "Pairs (word, neighbour) inside each sentence; for each pair some noise words; the loss of "
        "assignment 4.",
        "Too few right? More passes, a larger learning rate, more noise words. NaN? A smaller one.",
        "Counting works, too: PPMI and a singular value decomposition (chapter 02).",
    ),
    seconds=60.0,
)

TASKS = (RATE, RANKS, TRAIN)
