"""Checks for using word vectors: scores of a finder, nearest class means, a text classifier."""

from __future__ import annotations

import numpy as np

from w2vlib.check import common
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake
from w2vlib.check.report import Report

# -------------------------------------------------------------------------- precision, recall


def precision_recall(function) -> Report:
    """Check a function ``precision_recall(truth, found)``.

    Write::

        def precision_recall(truth, found):     # two (N,) arrays of True and False
            ...
            return precision, recall, F1        # three numbers from 0 to 1

    Precision: which share of what was found is true.  Recall: which share of what is true was
    found.  F1 = 2 · precision · recall / (precision + recall).  A quotient 0/0 counts as 0.

    Args:
        function: yours.
    """
    return PRECISION_RECALL.check(function)


def _share(part, whole, otherwise: float = 0.0) -> float:
    return float(part / whole) if whole else otherwise


_IS_ONE = "zero-by-zero-is-one"


def _precision_recall(truth, found, *, slip: str = ""):
    both = np.sum(truth & found)
    nan = float("nan")
    for_shares = nan if slip == "zero-by-zero" else 0.0
    for_f1 = nan if slip in ("zero-by-zero", "zero-by-zero:F1") else 0.0
    one, of_precision, of_recall = (_IS_ONE + end for end in ("", ":precision", ":recall"))
    precision = _share(both, found.sum(), 1.0 if slip in (one, of_precision) else for_shares)
    recall = _share(both, truth.sum(), 1.0 if slip in (one, of_recall) else for_shares)
    if slip == "swapped":
        precision, recall = recall, precision
    if slip == "accuracy":
        precision = float(np.mean(truth == found))
    if slip in ("share-of-all", "share-of-all:precision"):
        precision = both / len(truth)
    if slip in ("share-of-all", "share-of-all:recall"):
        recall = both / len(truth)
    f1 = _share(2 * precision * recall, precision + recall, for_f1)
    if slip == "plain-mean":
        f1 = (precision + recall) / 2
    if slip == "two-forgotten":
        f1 = f1 / 2
    if slip == "percent":
        return 100 * precision, 100 * recall, 100 * f1
    return precision, recall, f1


def _flags(text: str) -> np.ndarray:
    return np.array([letter == "1" for letter in text])


def _precision_recall_cases(rng) -> list[Case]:
    def case(name, truth, found):
        return Case(name, {"truth": _flags(truth), "found": _flags(found)})

    random = rng.random((2, 60)) < [[0.3], [0.4]]
    return [
        case("known answers", "11110000", "11001000"),
        case("known answers", "1000000000", "1110000000"),
        case("known answers", "1111100000", "1000000000"),
        Case("larger", {"truth": random[0], "found": random[1]}),
        case("nothing found", "1010", "0000"),
        case("nothing found", "11100", "00000"),
        case("nothing to find", "0000", "0110"),
        case("nothing to find", "00000", "10000"),
    ]


def _probe_precision_recall(make, case: Case, notes) -> None:
    result = notes.ask("result", make, *notes.give("truth", "found"), name="precision_recall")
    if common.results(result) != 3:
        kind = type(result).__name__
        notes.stop("result", common.as_remark(f"a {kind}, not the three numbers"))
    for name, value in zip(("precision", "recall", "F1"), result, strict=True):
        notes.value(name, value)


PRECISION_RECALL = Exercise(
    "precision_recall",
    _precision_recall_cases,
    _probe_precision_recall,
    _precision_recall,
    labels={"precision": "precision", "recall": "recall", "F1": "F1"},
    mistakes=(
        Mistake(
            "swapped",
            "precision and recall have changed places.",
            "Precision divides by what was *found*, recall by what is *true*. One punishes false "
            "alarms, the other misses.",
            ("Which of the two suffers if a program calls everything a name?",),
        ),
        Mistake(
            "accuracy",
            "that is accuracy, the share of right answers, not precision.",
            "Most words are no names, so saying no to everything is right nearly always. Precision "
            "and recall look at the names only.",
            ("Do places count that are neither true nor found?",),
        ),
        Mistake(
            "share-of-all",
            "what is right was divided by the number of all words.",
            "Then rare things can never reach 1. Divide by the number found, and by the number "
            "true.",
            ("What should both be if `found` equals `truth`?",),
            slips=("share-of-all", "share-of-all:precision", "share-of-all:recall"),
        ),
        Mistake(
            "plain-mean",
            "F1 is not the plain mean.",
            "A program that finds everything has recall 1 and hardly any precision; the plain mean "
            "would still give it a half. F1 is close to the *smaller* of the two.",
            ("Write down the formula of F1 again: product over sum.",),
        ),
        Mistake(
            "two-forgotten",
            "the factor 2 of F1 is missing.",
            "With precision = recall = 1, F1 must be 1.",
            ("What is 1 · 1 / (1 + 1)?",),
        ),
        Mistake(
            "zero-by-zero",
            "zero divided by zero.",
            "If nothing is found there is nothing to divide by, and NaN spreads into every mean. "
            "By agreement the score is then 0.",
            ("What is `found.sum()` in the example?", "Test the divisor before you divide."),
            slips=("zero-by-zero", "zero-by-zero:F1"),
        ),
        Mistake(
            _IS_ONE,
            "zero divided by zero was counted as 1.",
            "One may say that whoever finds nothing has made no false alarm. But then a program "
            "that always keeps silent has the best precision of all. By agreement 0/0 counts as 0 "
            "here.",
            (
                "What does your function return if nothing was found, or if there is nothing to "
                "find?",
                "Where the divisor is 0, the quotient is to be 0.0.",
            ),
            slips=(_IS_ONE, f"{_IS_ONE}:precision", f"{_IS_ONE}:recall"),
        ),
        Mistake(
            "percent",
            "those are percentages.",
            "The exercise asks for shares, from 0 to 1.",
            ("By which factor do yours and the expected values differ?",),
        ),
    ),
    hints=(
        "Count three things: true, found, and both.",
        "`both = (truth & found).sum()`; precision divides it by `found.sum()`.",
        "`2 * precision * recall / (precision + recall)`, or 0 if the divisor is 0.",
    ),
    kind="function",
)

# ---------------------------------------------------------------------------- nearest means


def nearest_mean(function) -> Report:
    """Check a function ``nearest_mean(X, y, queries)``: a classifier without any training.

    Write::

        def nearest_mean(X, y, queries):    # X: (N, H) vectors with the classes y: (N,)
            ...                             # queries: (M, H) vectors
            return classes                  # (M,) whole numbers

    The classes are 0, 1, … up to the largest in y, and each of them occurs.  Every class has a
    mean vector; a query gets the class whose mean has the largest cosine with it.

    Args:
        function: yours.
    """
    return NEAREST_MEAN.check(function)


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _nearest_mean(X, y, queries, *, slip: str = ""):
    means = np.array([X[y == k].mean(axis=0) for k in range(y.max() + 1)])
    if slip == "normalised-too-early":
        means = np.array([_unit(X[y == k]).mean(axis=0) for k in range(y.max() + 1)])
    if slip == "one-example":
        means = np.array([X[y == k][0] for k in range(y.max() + 1)])
    if slip == "dot-product":
        return (queries @ means.T).argmax(axis=1)
    if slip == "distance":
        return ((queries[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    if slip == "nearest-example":
        return y[(_unit(queries) @ _unit(X).T).argmax(axis=1)]
    cosines = _unit(queries) @ _unit(means).T
    return cosines.argmin(axis=1) if slip == "smallest" else cosines.argmax(axis=1)


def _nearest_mean_cases(rng) -> list[Case]:
    def case(name, N, H, classes, M):
        y = rng.permutation(np.arange(N) % classes)
        scale = 2.0 ** rng.integers(-2, 3, (classes, 1))  # lengths that differ from class to class
        centres = scale * numbers(rng, classes, H)
        X = centres[y] + 0.75 * scale[y] * numbers(rng, N, H)
        return Case(name, {"X": X, "y": y, "queries": numbers(rng, M, H)})

    plain = {"X": [[1, 0], [1, 0.25], [0, 1]], "y": [0, 0, 1], "queries": [[2, 0.5], [0.125, 3]]}
    return [
        Case("known answers", {name: np.array(value) for name, value in plain.items()}),
        case("lengths that differ", 6, 3, 2, 12),
        case("lengths that differ", 9, 4, 3, 15),
        case("larger", 20, 6, 4, 40),
        case("larger", 30, 5, 5, 40),
    ]


def _probe_nearest_mean(make, case: Case, notes) -> None:
    given = notes.give("X", "y", "queries")
    notes.value("classes", notes.ask("classes", make, *given, name="nearest_mean"))


NEAREST_MEAN = Exercise(
    "nearest_mean",
    _nearest_mean_cases,
    _probe_nearest_mean,
    _nearest_mean,
    labels={"classes": "nearest_mean(X, y, queries)"},
    mistakes=(
        Mistake(
            "dot-product",
            "the dot product was compared, not the cosine.",
            "A class with a long mean vector then wins nearly everywhere, whatever the direction.",
            ("What does the length of a vector say?", "Divide every mean by its length first."),
        ),
        Mistake(
            "distance",
            "the distance was compared, not the cosine.",
            "The distance also looks at lengths: a long query is far from every mean.",
            ("Which of the two means has the *direction* of the query?",),
        ),
        Mistake(
            "nearest-example",
            "the nearest single example decides, not the nearest mean.",
            "That is another classifier (the *nearest neighbour*). One odd example can mislead it; "
            "a mean is calmer.",
            ("How many vectors do you compare a query with? There should be one a class.",),
        ),
        Mistake(
            "normalised-too-early",
            "the examples were brought to length 1 before their mean was taken.",
            "Then a short vector counts as much as a long one, and that is another mean. It can be "
            "a good idea, but it is not the one described.",
            ("What comes first: the mean, or the division by the length?",),
        ),
        Mistake(
            "one-example",
            "only one example of each class was used.",
            "The others were thrown away; the mean uses them all.",
            ("`X[y == k]` has several rows. What do you do with them?",),
        ),
        Mistake(
            "smallest",
            "the smallest cosine was taken.",
            "The largest cosine is the most similar direction.",
            ("What is the cosine of a vector with itself?", "`argmax`."),
        ),
    ),
    hints=(
        "Make one mean a class: `X[y == k].mean(axis=0)`.",
        "Divide means and queries by their lengths; then a matrix product gives all cosines.",
        "`(unit_queries @ unit_means.T).argmax(axis=1)`.",
    ),
    kind="function",
)

# --------------------------------------------------------------------------- text classifier


def text_classifier(cls) -> Report:
    """Check a class ``TextClassifier(E, W, b)``: mean of the word vectors, then softmax.

    Write::

        class TextClassifier:
            def __init__(self, E, W, b):        # E: (V, H) word vectors, W: (H, C), b: (C,)
                self.params = [E, W, b]
                self.grads = [np.zeros_like(E), np.zeros_like(W), np.zeros_like(b)]

            def forward(self, sentences, t):    # sentences: (B, n) ids, t: (B,) classes
                ...                             # → the mean of −log softmax(x W + b)[t]
                                                #   where row r of x is the mean of E[sentences[r]]
            def backward(self, dout=1):         # fills the three arrays of grads in place
                ...

    Args:
        cls: the class, or a function of E, W, b that makes an instance.
    """
    return TEXT_CLASSIFIER.check(cls)


class _TextClassifier:
    def __init__(self, E, W, b, *, slip: str = "") -> None:
        self.params, self.slip = [E, W, b], slip
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, sentences, t):
        (E, W, b), slip = self.params, self.slip
        rows = E[sentences]
        self.sentences, self.t = sentences, t
        self.x = rows.sum(axis=1) if slip == "sum-instead-of-mean" else rows.mean(axis=1)
        score = self.x @ W + (0 if slip == "bias-forgotten" else b)
        score = score - score.max(axis=1, keepdims=True)
        log_y = score - np.log(np.exp(score).sum(axis=1, keepdims=True))
        self.y = np.exp(log_y)
        losses = -log_y[np.arange(len(t)), t]
        return losses.sum() if slip == "loss-summed" else losses.mean()

    def backward(self, dout=1):
        W, (dE, dW, db), slip = self.params[1], self.grads, self.slip
        sentences, B, n = self.sentences, len(self.t), self.sentences.shape[1]
        delta = self.y.copy()
        delta[np.arange(B), self.t] -= 1
        delta = delta * (1 if slip == "dout-ignored" else dout)
        delta = delta if slip in ("missing-1/B", "loss-summed") else delta / B
        whole = slip in ("missing-1/n", "sum-instead-of-mean")
        share = delta @ W.T / (1 if whole else n)
        if slip != "grads-accumulate":
            dE[...] = 0
        if slip == "assigned-instead-of-added":
            dE[sentences] = share[:, None, :]
        elif slip == "counted-once":
            for words, part in zip(sentences, share, strict=True):
                dE[words] += part
        elif slip != "vectors-frozen":
            np.add.at(dE, sentences, share[:, None, :])
        dW[...] = self.x.T @ delta
        if slip != "bias-forgotten":
            db[...] = delta.mean(axis=0) if slip == "bias-mean" else delta.sum(axis=0)


_PARAMS, _GIVEN = ("E", "W", "b"), ("sentences", "t", "dout")


def _text_cases(rng) -> list[Case]:
    def case(name, sentences, t, dout=1.0, V=6, H=3, C=3):
        E, W, b = numbers(rng, V, H), numbers(rng, H, C), numbers(rng, C)
        given = {"sentences": np.array(sentences), "t": np.array(t), "dout": dout}
        return Case(name, {"E": E, "W": W, "b": b, **given})

    repeats = [
        case("a word in two sentences", [[0, 1], [1, 2]], [0, 2]),
        case("a word twice in one sentence", [[3, 3, 1], [0, 2, 4]], [1, 0]),
    ]
    first, second = case("", [[0, 1], [1, 1]], [0, 1]), case("", [[2, 3], [4, 1]], [2, 0])
    return [
        case("known answers", [[0, 2]], [1]),
        case("known answers", [[1, 0], [4, 3]], [2, 0]),
        *repeats,
        case("another dout", [[0, 1], [2, 5]], [1, 2], dout=0.5),
        case("another dout", [[5, 1, 2], [0, 2, 3]], [0, 0], dout=-2.0),
        case("larger", rng.integers(0, 6, (7, 4)), rng.integers(0, 3, 7)),
        second_pass(first, second, *_GIVEN),
        second_pass(case("", [[5, 1]], [2]), case("", [[0, 1], [4, 4]], [1, 0]), *_GIVEN),
    ]


def _probe_text(make, case: Case, notes) -> None:
    params = notes.give(*_PARAMS)
    model = notes.make(make, *params)
    if case.earlier:
        sentences, t, dout = notes.give(*_GIVEN, source=case.earlier)
        notes.call("loss", model, "forward", sentences, t)
        notes.call("dE", model, "backward", dout, returns=False)
    sentences, t, dout = notes.give(*_GIVEN)
    notes.value("loss", notes.call("loss", model, "forward", sentences, t))
    held = [notes.hold(f"d{name}", model, p) for name, p in zip(_PARAMS, params, strict=True)]
    notes.call("dE", model, "backward", dout, returns=False)
    for name, arrays in zip(_PARAMS, held, strict=True):
        notes.grad(f"d{name}", model, arrays)


TEXT_CLASSIFIER = Exercise(
    "text_classifier",
    _text_cases,
    _probe_text,
    _TextClassifier,
    labels={
        "loss": "forward(sentences, t)",
        "dE": "grads[0] after backward(dout)",
        "dW": "grads[1] after backward(dout)",
        "db": "grads[2] after backward(dout)",
    },
    mistakes=(
        Mistake(
            "vectors-frozen",
            "the word vectors get no gradient.",
            "dE is zero: the vectors stay what they are. That can be a good choice, but here they "
            "are to be trained.",
            ("What is ∂L/∂x, and which rows of E make x?", "`np.add.at(dE, sentences, …)`."),
        ),
        Mistake(
            "missing-1/n",
            "the gradient of the vectors lacks the factor 1/n.",
            "x is the *mean* of n rows, so each of them moves x by only 1/n of its own change.",
            ("What is ∂x/∂E for one of the n words?",),
        ),
        Mistake(
            "sum-instead-of-mean",
            "the word vectors were added up, but not divided by n.",
            "Long sentences would have larger scores than short ones, whatever they say.",
            ("By which factor does your x differ?",),
        ),
        Mistake(
            "missing-1/B",
            "the gradients lack the factor 1/B.",
            "The loss is the mean over the batch, so each sentence has only 1/B of a say.",
            ("By which factor do yours and the expected values differ?",),
        ),
        Mistake(
            "loss-summed",
            "the losses were added up, but not divided by B.",
            "With a sum, the steps grow with the batch, and no learning rate fits two batch sizes.",
            ("Sum or mean over the batch?",),
        ),
        Mistake(
            "bias-forgotten",
            "the bias is missing.",
            "b says how frequent a class is before any word has been read.",
            ("Which of the three parameters does your code not use?",),
        ),
        Mistake(
            "bias-mean",
            "db was averaged over the batch once more.",
            "The factor 1/B is in δ already. All B rows use the same b, so their contributions add "
            "up.",
            ("Sum or mean over the rows of δ?",),
        ),
        common.assigned_instead_of_added("sentences", "dE", "share"),
        Mistake(
            "counted-once",
            "a word that stands twice in one sentence was counted once.",
            "Its row went into the mean once for each place, so each place has a share in the "
            "gradient. With several equal ids in the brackets, `dE[ids] += …` writes each row "
            "once.",
            (
                "What does your loop do with a sentence such as 3, 3, 1?",
                "`np.add.at(dE, sentences, share[:, None])`, or a loop over the places.",
            ),
        ),
        common.dout_ignored(quantities="every gradient"),
        common.grads_accumulate("dE"),
        common.wrong_sign("dE", "dW", "db"),
        common.grads_not_filled("one of the arrays in `grads`", "dE", "dW", "db"),
    ),
    hints=(
        "Forward: rows (B, n, H) → mean (B, H) → scores (B, C) → −log softmax at t → mean.",
        "δ = (y − one-hot(t)) · dout / B, shape (B, C). dW = xᵀ δ and db = the column sums of δ.",
        "dx = δ Wᵀ; each of the n words of sentence r gets dx[r] / n, *added* to its row of dE.",
    ),
)
