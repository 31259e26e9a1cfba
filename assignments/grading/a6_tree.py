"""Grades assignment 6, tree: a softmax that asks log₂ V questions instead of V.

The functions below are the right solutions; ``slip`` makes each of them make one known mistake.
"""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers
from w2vlib.check.exercise import Case, Mistake
from w2vlib.classroom.tasks import Part, Task

from ._shared import BATCH_FORGOTTEN, BATCH_SUMMED, sigmoid, softplus


def _way(word, vocab_size):
    """Numbers of the inner nodes from the root down, and the turns: 0 left, 1 right."""
    number, nodes, turns = vocab_size + int(word), [], []
    while number > 1:
        turns.append(number % 2)
        number //= 2
        nodes.append(number)
    return nodes[::-1], turns[::-1]


# ---- path ---------------------------------------------------------------------------------------


def _path(word, vocab_size, *, slip=""):
    nodes, turns = _way(word, vocab_size)
    nodes, turns = np.array(nodes), np.array(turns)
    if slip == "from-the-leaf":
        return nodes[::-1], turns[::-1]
    if slip == "turns-exchanged":
        return nodes, 1 - turns
    if slip == "leaf-included":
        return np.append(nodes, vocab_size + word), turns
    return nodes, turns


def _path_cases(rng):
    def case(name, V):
        return Case(name, {"word": int(rng.integers(V)), "vocab_size": V})

    full = [case("a full tree", V) for V in (4, 8, 8, 16)]
    other = [case("any size", int(V)) for V in rng.choice([5, 6, 7, 9, 11, 13, 21], 4, False)]
    return [*full, *other, case("large", 1000), case("large", 70_000)]


PATH = Task(
    name="path",
    title="The way to a word",
    cell="test_path",
    kind="function",
    steps=(("ask", ["nodes", "turns"], ["word", "vocab_size"]),),
    cases=_path_cases,
    reference=_path,
    labels={"nodes": "nodes", "turns": "turns"},
    parts=(
        Part("the nodes", 2, ("nodes",)),
        Part("the turns", 2, ("turns",)),
    ),
    mistakes=(
        Mistake(
            "from-the-leaf",
            "the way is listed from the leaf up.",
            "Parents are found from the bottom, but the way is asked from the root down.",
            ("Turn both lists around at the end.",),
        ),
        Mistake(
            "turns-exchanged",
            "left and right are exchanged.",
            "The children of node n are 2n (left, turn 0) and 2n + 1 (right, turn 1).",
            ("Is an even number a left or a right child?",),
        ),
        Mistake(
            "leaf-included",
            "the leaf itself is among the nodes.",
            "Decisions are made at inner nodes only; there are as many nodes as turns.",
            ("How many questions lead to a leaf of depth 3?",),
        ),
    ),
    hints=(
        "The leaf of word k has the number V + k; the parent of number n is n // 2.",
        "n % 2 tells whether n is the left or the right child of its parent.",
        "Collect until you reach 1, the root; then turn both lists around.",
    ),
)

# ---- tree_probabilities -------------------------------------------------------------------------


def _row(node, slip=""):
    return node if slip == "row-off-by-one" else node - 1


def _tree_probabilities(h, W, *, slip=""):
    V = len(W) + 1
    logs = np.zeros(V)
    for word in range(V):
        nodes, turns = _way(word, V)
        for node, turn in zip(nodes, turns, strict=True):
            score = W[_row(node, slip) % len(W)] @ h
            if slip == "turns-ignored":
                turn = 0
            if slip == "signs-exchanged":
                turn = 1 - turn
            logs[word] -= softplus(score if turn else -score)
    return np.exp(logs)


def _probability_cases(rng):
    def case(name, V, H, scale=1.0):
        return Case(name, {"h": scale * numbers(rng, H), "W": numbers(rng, V - 1, H)})

    return [case("a full tree", 4, 2), case("a full tree", 8, 3), case("any size", 5, 2),
            case("any size", 7, 3), case("any size", 11, 4),
            case("large scores", 6, 3, 500.0), case("large scores", 5, 2, 500.0)]  # fmt: skip


PROBABILITIES = Task(
    name="tree_probabilities",
    title="Probabilities that sum to 1 by themselves",
    cell="test_tree_probabilities",
    kind="function",
    steps=(("ask", "p", ["h", "W"]),),
    cases=_probability_cases,
    reference=_tree_probabilities,
    labels={"p": "tree_probabilities(h, W)"},
    parts=(
        Part("a full tree", 2, ("p",), ("a full tree",)),
        Part("any number of words", 2, ("p",), ("any size",)),
        Part("large scores", 1, ("p",), ("large scores",), ("a full tree",)),
    ),
    mistakes=(
        Mistake(
            "row-off-by-one",
            "the rows of W are shifted by one.",
            "Nodes are numbered from 1, rows from 0: node n uses row n − 1.",
            ("Which row belongs to the root, node 1?",),
        ),
        Mistake(
            "turns-ignored",
            "all turns have the same probability.",
            "Left has the probability σ(score) and right the rest, 1 − σ(score) = σ(−score).",
            ("Do your probabilities sum to 1?",),
        ),
        Mistake(
            "signs-exchanged",
            "left and right are exchanged.",
            "A large score means left (turn 0): σ(+score).",
            ("Which turn gets σ(score), 0 or 1?",),
        ),
    ),
    hints=(
        "p(word) is a product over the nodes on its way: σ(score) for left, σ(−score) for right.",
        "score = W[node − 1] · h.",
        "Large scores: σ(x) = exp(−log(1 + e^(−x))), and that logarithm can be computed safely.",
    ),
)

# ---- TreeLoss -----------------------------------------------------------------------------------


class _TreeLoss:
    def __init__(self, W, *, slip=""):
        self.params, self.grads, self.slip = [W], [np.zeros_like(W)], slip

    def forward(self, h, target):
        (W,), slip = self.params, self.slip
        V, self.h, self.steps, loss = len(W) + 1, h, [], 0.0
        for b, word in enumerate(target):
            for node, turn in zip(*_way(word, V), strict=True):
                if slip == "signs-exchanged":
                    turn = 1 - turn
                row = _row(node, slip) % len(W)
                score = W[row] @ h[b]
                loss += softplus(score if turn else -score)
                y = sigmoid(score)
                self.steps.append((b, row, y - (1 - turn)))
            if slip == "root-only":
                self.steps = [s for s in self.steps if s[0] != b] + [
                    s for s in self.steps if s[0] == b
                ][:1]
        return loss if slip == "batch-summed" else loss / len(h)

    def backward(self):
        (W,), (dW,), h, slip = self.params, self.grads, self.h, self.slip
        if slip != "grads-accumulate":
            dW[...] = 0
        dh = np.zeros_like(h)
        B = 1 if slip in ("batch-summed", "batch-forgotten") else len(h)
        for b, row, d in self.steps:
            d = -d if slip == "wrong-sign" else d
            dh[b] += d / B * W[row]
            if slip == "assigned-instead-of-added":
                dW[row] = d / B * h[b]
            else:
                dW[row] += d / B * h[b]
        return dh


def _tree_cases(rng):
    def case(name, V, H, B, scale=1.0):
        inputs = {"W": numbers(rng, V - 1, H), "h": scale * numbers(rng, B, H)}
        return Case(name, {**inputs, "target": rng.permutation(V)[:B]})

    def later(V):
        return common.second_pass(case("", V, 2, 2), case("", V, 2, 2), "h", "target")

    return [
        case("one word", 4, 2, 1),
        case("one word", 7, 3, 1),
        case("a batch", 6, 2, 4),
        case("a batch", 9, 3, 5),
        later(5),
        later(6),
        case("large scores", 6, 2, 3, 500.0),
    ]


LOSS = Task(
    name="TreeLoss",
    title="A loss that asks only the way",
    cell="test_tree_loss",
    kind="class",
    steps=(
        ("make", ["W"]),
        ("hold", "dW", "W"),
        ("warm", [["forward", ["h", "target"]], ["backward", []]]),
        ("call", "loss", "forward", ["h", "target"]),
        ("call", "dh", "backward", []),
        ("grad", "dW"),
    ),
    cases=_tree_cases,
    reference=_TreeLoss,
    labels={
        "loss": "forward(h, target)",
        "dh": "backward()",
        "dW": "grads[0] after backward()",
    },
    parts=(
        Part("the loss", 3, ("loss",), ("one word", "a batch", "large scores")),
        Part("the gradient of h", 2, ("dh",), ("one word", "a batch", "large scores")),
        Part(
            "the gradient of W",
            2,
            ("dW", "grads in place"),
            ("one word", "a batch", "large scores"),
        ),
        Part("a second batch starts afresh", 1, ("loss", "dh", "dW"), ("second pass",)),
    ),
    mistakes=(
        Mistake(
            "assigned-instead-of-added",
            "you assigned where you must add.",
            "The root is on the way to every word, so its row takes part in every loss of the "
            "batch. Its gradient is the sum of all of them, not the last one.",
            ("Which nodes do two words of the batch have in common?", "`+=` for each node."),
        ),
        common.grads_accumulate(),
        common.grads_not_filled("grads[0]", "dW"),
        common.wrong_sign("dh", "dW"),
        Mistake(
            "row-off-by-one",
            "the rows of W are shifted by one.",
            "Nodes are numbered from 1, rows from 0: node n uses row n − 1.",
            ("Which row belongs to the root, node 1?",),
        ),
        Mistake(
            "signs-exchanged",
            "left and right are exchanged.",
            "A large score means left (turn 0): the loss of a left turn is −log σ(+score).",
            ("Which turn gets σ(score), 0 or 1?",),
        ),
        Mistake(
            "root-only",
            "only one node of each way gets a gradient.",
            "Every node on the way to the word has been asked, and every one of them must learn.",
            ("How many scores does the loss of one word contain?",),
        ),
        BATCH_SUMMED,
        BATCH_FORGOTTEN,
    ),
    hints=(
        "Loss of one word: the sum of −log σ(±score) over the nodes on its way.",
        "A left turn is a yes (label 1), a right turn a no (label 0): dscore = σ(score) − label.",
        "Each node adds dscore · W[row] to dh and dscore · h to row `row` of dW; then 1/B.",
    ),
)

# ---- mean_questions -----------------------------------------------------------------------------


def _mean_questions(counts, *, slip=""):
    V = len(counts)
    lengths = np.array([len(_way(w, V)[0]) for w in range(V)])
    if slip == "words-not-counted":
        return lengths.mean()
    if slip == "log-of-size":
        return np.log2(V)
    if slip == "longest":
        return lengths.max()
    return (counts * lengths).sum() / counts.sum()


def _question_cases(rng):
    def case(name, V):
        return Case(name, {"counts": rng.integers(1, 200, V)})

    return [case("small", int(V)) for V in rng.choice([3, 5, 6, 7, 9, 10], 4, False)] + [
        case("larger", 100),
        case("larger", 1000),
    ]


QUESTIONS = Task(
    name="mean_questions",
    title="How many questions, on average?",
    cell="test_mean_questions",
    kind="function",
    steps=(("ask", "mean", ["counts"]),),
    cases=_question_cases,
    reference=_mean_questions,
    labels={"mean": "mean_questions(counts)"},
    parts=(Part("the mean over the text", 3, ("mean",)),),
    mistakes=(
        Mistake(
            "words-not-counted",
            "every word counts the same.",
            "A frequent word is asked for more often: the mean is over the words of the text, not "
            "over the vocabulary.",
            ("A weighted mean: with which weights?",),
        ),
        Mistake(
            "log-of-size",
            "this is log₂ V.",
            "That is only near: unless V is a power of two, some leaves lie one level higher than "
            "others.",
            ("Use `path` from task 1.",),
        ),
        Mistake(
            "longest",
            "this is the longest way.",
            "Some words have shorter ways; asked for is the mean.",
            ("Weight each length by its count.",),
        ),
    ),
    worthless=("log-of-size",),
    hints=("The length of the way to each word, weighted by its count.",),
)

TASKS = (PATH, PROBABILITIES, LOSS, QUESTIONS)
