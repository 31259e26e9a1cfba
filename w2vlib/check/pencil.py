"""Checks for exercises that begin on paper: what is derived or counted there, as a function."""

from __future__ import annotations

import heapq

import numpy as np

from w2vlib.check.answers import plain
from w2vlib.check.common import two_results
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report

# ------------------------------------------------------------------------ mean path and entropy


def path_and_entropy(function) -> Report:
    """Check a function ``path_and_entropy(counts)``: mean path in Huffman's tree, and entropy.

    Write::

        def path_and_entropy(counts):   # counts: (V,) how often each word occurs, at least once
            ...
            return mean_path, entropy   # two numbers

    The mean path is the number of decisions from the root to a word, each word weighted by how
    often it occurs.  The entropy is −Σ p_i log2 p_i over the shares p_i = count_i / sum of counts.

    Args:
        function: yours.
    """
    return PATH_AND_ENTROPY.check(function)


def _depths(counts) -> np.ndarray:
    """(V,) decisions on the way to each word in Huffman's tree."""
    depth = np.zeros(len(counts))
    heap = [(count, number, [number]) for number, count in enumerate(counts)]
    heapq.heapify(heap)
    for new in range(len(counts), 2 * len(counts) - 1):
        (a, _, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        depth[left + right] += 1
        heapq.heappush(heap, (a + b, new, left + right))
    return depth


def _path_and_entropy(counts, *, slip: str = ""):
    p, depth = counts / counts.sum(), _depths(counts)
    path = depth.mean() if slip == "each-word-once" else p @ depth
    if slip == "path-not-divided":
        path = counts @ depth
    if slip == "balanced-tree":
        path = np.log2(len(counts))
    if slip == "root-counted":
        path = p @ (depth + 1)
    log = np.log if slip == "natural-logarithm" else np.log2
    if slip == "counts-not-shares":
        entropy = -(counts @ log(counts))
    elif slip == "surprise-not-weighted":
        entropy = -log(p).mean()
    else:
        entropy = -(p @ log(p))
    if slip == "minus-missing":
        entropy = -entropy
    return (entropy, path) if slip == "swapped" else (path, entropy)


def _path_cases(rng) -> list[Case]:
    return [
        Case(name, {"counts": np.array(counts)})
        for name, counts in (
            ("known answers", [5, 2, 1, 1]),
            ("known answers", [8, 4, 2, 1, 1]),
            ("known answers", [3, 7]),
            ("equal counts", [2, 2, 2]),
            ("equal counts", [3, 3, 3, 3, 3]),
            ("larger", rng.integers(1, 60, 12)),
            ("larger", rng.integers(1, 1000, 30)),
        )
    ]


def _probe_path(make, case: Case, notes) -> None:
    result = notes.ask("mean path", make, notes.give("counts"), name="path_and_entropy")
    two_results(result, notes, ("mean path", "entropy"))


PATH_AND_ENTROPY = Exercise(
    "path_and_entropy",
    _path_cases,
    _probe_path,
    _path_and_entropy,
    labels={"mean path": "mean_path", "entropy": "entropy"},
    mistakes=(
        Mistake(
            "each-word-once",
            "every word was counted once in the mean path.",
            "A word that occurs eight times is looked up eight times: its path must weigh eight "
            "times as much. That is what Huffman's tree makes short.",
            ("Which words are looked up most often, and how long are their paths?",),
        ),
        Mistake(
            "path-not-divided",
            "the paths were added up, but not divided by the number of words of the text.",
            "A mean is a sum divided by how much was summed: here by the sum of the counts.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "balanced-tree",
            "that is the depth of a balanced tree.",
            "log2 V decisions are needed if all paths are equally long. Huffman's tree gives "
            "frequent words shorter ones.",
            ("Draw the tree for the counts 5, 2, 1, 1: how far is it to the first word?",),
        ),
        Mistake(
            "root-counted",
            "the nodes on the path were counted, the word itself among them.",
            "A path costs one decision at each *inner* node; at the word there is nothing left to "
            "decide.",
            ("How many decisions does a tree with two words need?",),
        ),
        Mistake(
            "natural-logarithm",
            "the natural logarithm instead of log2.",
            "One yes-or-no question is worth one *bit*, and bits are counted with the base 2: "
            "log2 8 = 3 questions tell 8 things apart.",
            ("By which factor do yours and the expected values differ?", "`np.log2`."),
        ),
        Mistake(
            "counts-not-shares",
            "the counts stand where the shares belong.",
            "p_i is a probability: the count divided by the sum of all counts.",
            ("What should the p_i sum to?",),
        ),
        Mistake(
            "surprise-not-weighted",
            "the mean of −log2 p was taken over the words, each once.",
            "A rare word is a great surprise, but a rare one. The entropy is the mean surprise of "
            "a word of the *text*: each −log2 p_i counts p_i times.",
            ("Which factor stands before the logarithm in the formula?",),
        ),
        Mistake(
            "minus-missing",
            "the minus sign of the entropy is missing.",
            "Shares are below 1, so their logarithms are negative; the entropy is not.",
            ("What is the sign of log2 0.5?",),
        ),
        Mistake(
            "swapped",
            "the two results have changed places.",
            "The mean path comes first, then the entropy.",
            ("Which of the two can never be the smaller one?",),
        ),
    ),
    hints=(
        "The chapter's `my_huffman(counts)` gives the codes; the length of a code is the length of "
        "its path.",
        "Both are weighted means: of the lengths, and of −log2 p, with the shares p as weights.",
        "`p = counts / counts.sum()`, then `(p * lengths).sum()` and `-(p * np.log2(p)).sum()`.",
    ),
    kind="function",
)

# ---------------------------------------------------------------------------- softmax's scores


def softmax_scores(function) -> Report:
    """Check a function ``softmax_scores(counts)``: the scores at which softmax's loss is smallest.

    Write::

        def softmax_scores(counts):     # counts: (V, V), entry (w, c) is #(w, c), at least 1
            ...
            return scores               # (V, V), with the smallest −Σ #(w, c) log P(c | w)
                                        # where P(c | w) is the softmax of row w of the scores

    Any number may be added to all scores of a row: the check takes each row's mean away before it
    compares.  ``counts`` need not be symmetric.

    Args:
        function: yours.
    """
    return SOFTMAX_SCORES.check(function)


def _softmax_scores(counts, *, slip: str = ""):
    N, of_word, of_neighbour = counts.sum(), counts.sum(axis=1, keepdims=True), counts.sum(axis=0)
    if slip == "transposed":
        return np.log(counts.T / of_neighbour[:, None])
    if slip == "neighbour-divided-out":
        return np.log(counts * N / (of_word * of_neighbour))
    if slip == "ppmi":
        return np.maximum(np.log(counts * N / (of_word * of_neighbour)), 0)
    if slip == "probabilities":
        return counts / of_word
    if slip == "logarithm-missing":
        return counts
    log = np.log2 if slip == "log2" else np.log
    return (-1 if slip == "wrong-sign" else 1) * log(counts / of_word)


def _scores_cases(rng) -> list[Case]:
    def case(name, *size):
        return Case(name, {"counts": rng.integers(1, 60, size).astype(float)})

    two = Case("known answers", {"counts": np.array([[2.0, 6.0], [9.0, 3.0]])})
    half = rng.integers(1, 30, (4, 4))
    symmetric = Case("symmetric counts", {"counts": (half + half.T).astype(float)})
    return [two, case("known answers", 3, 3), symmetric, case("larger", 7, 7)]


def _probe_scores(make, case: Case, notes) -> None:
    scores = notes.ask("scores", make, notes.give("counts"), name="softmax_scores")
    scores = plain(scores)
    if getattr(scores, "shape", None) == case.counts.shape and scores.dtype.kind != "U":
        scores = np.array(scores, dtype=float)
        notes.aside("scores", scores)
        scores = scores - scores.mean(axis=1, keepdims=True)
    notes.value("scores", scores)


SOFTMAX_SCORES = Exercise(
    "softmax_scores",
    _scores_cases,
    _probe_scores,
    _softmax_scores,
    labels={"scores": "the scores, less the mean of each row"},
    mistakes=(
        Mistake(
            "neighbour-divided-out",
            "that is the PMI: the frequency of the neighbour was divided out.",
            "Negative sampling with power 1 does that, because it draws frequent words more often "
            "as wrong answers. Softmax has no such reason: a frequent neighbour keeps its high "
            "score next to every word.",
            ("At which q_wc is the derivative zero? Does #(c) appear in it?",),
        ),
        Mistake(
            "ppmi",
            "that is the positive PMI.",
            "Nothing in the loss cuts scores off at 0, and nothing divides by how frequent the "
            "neighbour is.",
            ("At which q_wc is the derivative zero?",),
        ),
        Mistake(
            "transposed",
            "rows and columns have changed places.",
            "Row w holds the scores of all neighbours c of the word w, and softmax goes along the "
            "row.",
            ("Over which index does the sum under P(c | w) run?",),
        ),
        Mistake(
            "probabilities",
            "those are the probabilities, not the scores.",
            "The softmax of a row of scores must give #(w, c) / #(w). The scores are what goes "
            "*into* the softmax.",
            ("If e^s is in proportion to q, what is s?",),
        ),
        Mistake(
            "logarithm-missing",
            "the logarithm is missing.",
            "The e^s of a row are in proportion to the counts; the scores are their logarithms.",
            ("What does softmax do with the scores before it divides?",),
        ),
        Mistake(
            "log2",
            "log2 instead of the natural logarithm.",
            "Softmax raises e to the scores, so it takes the natural logarithm to undo it.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "wrong-sign",
            "the scores have the wrong sign.",
            "The more often a neighbour occurs, the higher its score.",
            ("Which neighbour should get the highest score?",),
        ),
    ),
    hints=(
        "Take one word w. The gradient of its loss with respect to s_wc is chapter 03's y − t, "
        "summed over all places of w.",
        "#(w) q_wc − #(w, c) = 0: so which probabilities must the softmax give?",
        "e^s_wc has to be in proportion to #(w, c) along each row.",
    ),
    kind="function",
)
