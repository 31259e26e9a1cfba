"""Checks for hierarchical softmax: the Huffman tree and the loss on it."""

from __future__ import annotations

import heapq

import numpy as np

from w2vlib.check import common
from w2vlib.check.answers import Remark
from w2vlib.check.common import numbers, second_pass
from w2vlib.check.exercise import Case, Exercise, Mistake, accepts
from w2vlib.check.losses import GROWING_HINTS, LOG_OF_ZERO, SUM_OVER_BATCH, VERY_WRONG, capped
from w2vlib.check.report import Report
from w2vlib.hierarchical_softmax import HuffmanTree, huffman_codes

# ------------------------------------------------------------------------------ Huffman tree


def huffman_tree(function) -> Report:
    """Check a function ``huffman_tree(counts)``.

    Write::

        def huffman_tree(counts):       # (V,) how often each word occurs
            ...
            return codes, points        # two lists with one list for each word

    ``codes[i]`` are the bits 0 and 1 on the way from the root to word i; ``points[i]`` are the
    numbers of the inner nodes at which they are decided, the root first.  Inner nodes are numbered
    0 … V−2 in any order, and both lists of a word have the same length.

    Any Huffman tree will do: which of two nodes gets the bit 0, and which of equal counts is taken
    first, is your choice.

    Args:
        function: yours.
    """
    return HUFFMAN_TREE.check(function)


def _joined(counts, slip: str):
    """Children of each inner node, in the order in which the nodes are made."""
    key = {"largest-joined": lambda c: -c}.get(slip, lambda c: c)
    heap = [(key(c), i) for i, c in enumerate(counts)]
    if slip == "counts-ignored":
        heap = [(0, i) for i in range(len(counts))]
    heapq.heapify(heap)
    children = []
    for new in range(len(counts), 2 * len(counts) - 1):
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        children.append((first[1], second[1]))
        weight = first[0] + second[0]
        if slip == "sum-missing":
            weight = max(first[0], second[0])
        elif slip == "not-sorted-in":
            weight = -1  # always taken next: a chain
        heapq.heappush(heap, (weight, new))
    return children


def _huffman(counts, *, slip: str = ""):
    counts = [float(c) for c in counts]
    V = len(counts)
    children = _joined(counts, slip)
    codes, points = [[] for _ in counts], [[] for _ in counts]
    bits = (0, 0) if slip == "same-bit-twice" else (0, 1)

    def walk(node, code, path):
        if node < V:
            codes[node], points[node] = code, path
            return
        for bit, child in zip(bits, children[node - V], strict=True):
            walk(child, [*code, bit], [*path, node - V])

    walk(2 * V - 2, [], [])
    return _spoiled(codes, points, V, slip)


def _spoiled(codes, points, V: int, slip: str):
    """Right codes and points, with one of the mistakes in how they are written down."""
    if slip in ("read-backwards:both", "read-backwards:codes"):
        codes = [code[::-1] for code in codes]
    if slip in ("read-backwards:both", "read-backwards:points"):
        points = [path[::-1] for path in points]
    if slip == "points-not-shifted":
        points = [[p + V for p in path] for path in points]
    elif slip == "leaf-among-points":
        points = [[*path, i] for i, path in enumerate(points)]
    elif slip == "root-missing":
        points = [path[1:] for path in points]
    elif slip == "depth-as-point":
        points = [list(range(len(path))) for path in points]
    elif slip == "root-has-a-bit":
        codes = [[0, *code] for code in codes]
    elif slip == "last-bit-missing":
        codes = [code[:-1] for code in codes]
    elif slip == "pair-swapped":
        codes, points = points, codes
    return codes, points


_NO_TIES = (
    [5, 1, 9, 2],
    [8, 7, 10, 9],
    [40, 3, 11, 7, 22],
    [12, 13, 14, 15, 40, 9],
    [5, 10, 7, 8, 30, 9, 6],
    [60, 31, 14, 50, 3, 1, 22],
)


def _tree_cases(rng) -> list[Case]:
    def case(name, counts, telling=True):
        return Case(name, {"counts": np.array(counts)}, telling=telling)

    return [
        *(case("known answers", counts) for counts in _NO_TIES),
        case("two words", [3, 8], telling=False),
        case("equal counts", [1, 1, 1, 1], telling=False),
        case("equal counts", [2, 1, 2, 1, 3, 3], telling=False),
        case("larger", rng.integers(1, 500, 40), telling=False),
    ]


def _probe_tree(make, case: Case, notes) -> None:
    result = notes.ask("codes", make, notes.give("counts"), name="huffman_tree")
    try:
        codes, points = ([[int(x) for x in row] for row in part] for part in result)
    except (TypeError, ValueError, OverflowError):
        notes.stop("codes", Remark("no pair of lists of lists of numbers"))
    V, counts = len(case.counts), np.asarray(case.counts, dtype=float)
    if V <= 7:
        notes.aside("codes", codes)
        notes.aside("points", points)
    if len(codes) != V or len(points) != V:
        notes.stop("codes", Remark(f"{len(codes)} codes and {len(points)} paths for {V} words"))
    notes.seen["codes"] = Remark(_about_codes(codes))
    notes.value("length", sum(len(c) * n for c, n in zip(codes, counts, strict=True)) / sum(counts))
    notes.seen["points"] = Remark(_about_points(codes, points, V))


def _about_codes(codes) -> str:
    """Whether the codes can be told apart, in words that do not depend on the example."""
    if any(bit not in (0, 1) for code in codes for bit in code):
        return "something else than 0 and 1"
    if _prefix_free(codes):
        return "no code begins another"
    if _prefix_free([code[::-1] for code in codes]):
        return "no code begins another only if they are read backwards"
    return "a code begins another"


def _prefix_free(codes) -> bool:
    ordered = sorted(map(tuple, codes))
    return all(b[: len(a)] != a for a, b in zip(ordered, ordered[1:], strict=False))


def _about_points(codes, points, V: int) -> str:
    """Whether the inner nodes fit the codes."""
    lengths = {len(path) - len(code) for code, path in zip(codes, points, strict=True)}
    if lengths == {1}:
        return "one point more than bits"
    if lengths == {-1}:
        return "one point fewer than bits"
    if lengths != {0}:
        return "points and bits of different number"
    shifted = [[p - V for p in path] for path in points]
    for text, some_codes, some_points in (
        ("fit the codes", codes, points),
        ("fit the codes after subtracting V", codes, shifted),
        ("fit the codes read backwards", codes, [path[::-1] for path in points]),
        ("fit the codes, both read backwards", *_backwards(codes, points)),
        ("fit the codes if those are read backwards", [c[::-1] for c in codes], points),
    ):
        if _consistent(some_codes, some_points, V):
            return text
    if all(path == list(range(len(path))) for path in points):
        return "count the depth"
    return "do not fit the codes"


def _backwards(codes, points):
    return [code[::-1] for code in codes], [path[::-1] for path in points]


def _consistent(codes, points, V: int) -> bool:
    """One number for each inner node, i.e. for each beginning of a code, from 0 to V−2."""
    number_of: dict[tuple, int] = {}
    for code, path in zip(codes, points, strict=True):
        for depth, point in enumerate(path):
            if number_of.setdefault(tuple(code[:depth]), point) != point:
                return False
    numbers_ = list(number_of.values())
    return len(set(numbers_)) == len(numbers_) and set(numbers_) <= set(range(V - 1))


HUFFMAN_TREE = Exercise(
    "huffman_tree",
    _tree_cases,
    _probe_tree,
    _huffman,
    labels={
        "codes": "the codes",
        "length": "the mean number of bits, weighted by the counts",
        "points": "the points",
    },
    mistakes=(
        Mistake(
            "largest-joined",
            "the two most frequent nodes were joined.",
            "What is joined first ends up deepest. That must be the *rare* words, so that the "
            "frequent ones get short codes.",
            ("Which words should have the longest codes?", "A heap hands out the smallest first."),
        ),
        Mistake(
            "chain",
            "the tree is a chain.",
            "Every new node was joined again at once, so rare words end up as deep as there are "
            "words. A node stands for all words below it: its count is the *sum* of both, and "
            "with that count it goes back among the others. Each step joins the two smallest of "
            "all.",
            (
                "Which count has the new node, and where does it go?",
                "`heapq.heappush(heap, (first + second, new))`.",
            ),
            slips=("sum-missing", "not-sorted-in"),
        ),
        Mistake(
            "counts-ignored",
            "the counts play no part.",
            "All codes are about equally long. The point of the Huffman tree is that frequent "
            "words are reached in fewer steps.",
            ("Where do the counts enter?",),
        ),
        Mistake(
            "read-backwards",
            "codes or points run from the word up to the root.",
            "Climbing from the word to the root collects them in the wrong order. Decisions are "
            "made from the root down, so they must be turned round (codes *and* points).",
            ("In which order does your loop collect the bits?", "`code[::-1]`, `path[::-1]`."),
            slips=("read-backwards:both", "read-backwards:codes", "read-backwards:points"),
        ),
        Mistake(
            "points-not-shifted",
            "the inner nodes are numbered from V on.",
            "While the tree is built they come after the V words. As rows of the weights (V−1, H) "
            "they must be 0 … V−2.",
            (
                "How many rows has the weight matrix, and which row does your root use?",
                "Subtract V.",
            ),
        ),
        Mistake(
            "leaf-among-points",
            "the word itself is among its points.",
            "At the word nothing is decided any more: a word with L bits has L points.",
            ("How many decisions lead to a word with 2 bits?",),
        ),
        Mistake(
            "root-missing",
            "the root is missing from the points.",
            "The first bit is decided at the root, so every path begins there.",
            ("Where is the first bit decided?",),
        ),
        Mistake(
            "depth-as-point",
            "the points are depths, not nodes.",
            "Nodes of the same depth are different decisions and need weights of their own.",
            ("How many inner nodes are there, and how many different points do you use?",),
        ),
        Mistake(
            "root-has-a-bit",
            "every code has a bit too many at the front.",
            "Nothing leads to the root, so it has no bit. The first bit leads from the root to "
            "one of its children.",
            ("Look at the first bits of all your codes.",),
        ),
        Mistake(
            "last-bit-missing",
            "the last bit of every code is missing.",
            "Words that are siblings then have the same code.",
            ("When does your loop stop: before or after the last step?",),
        ),
        Mistake(
            "same-bit-twice",
            "both children got the same bit.",
            "One goes left (0), the other right (1); otherwise nobody can tell them apart.",
            ("Which bit does the second child get?",),
        ),
        Mistake(
            "pair-swapped",
            "the two results are swapped.",
            "The codes come first, then the points.",
            ("`return codes, points`.",),
        ),
    ),
    hints=(
        "Put all words into a heap by their counts. Join the two smallest, put the new node "
        "back, and repeat until one is left: the root.",
        "Remember the parent of every node and the bit that leads to it. Then climb from each "
        "word to the root and turn the way round.",
        "The n-th new node has the number n (from 0); `heapq` with pairs (count, node) does the "
        "rest.",
    ),
    kind="function",
)

# ---------------------------------------------------------------------- hierarchical softmax


def hierarchical_softmax(cls) -> Report:
    """Check a class ``HierarchicalSoftmaxLoss(W, codes, points)``.

    Write::

        class HierarchicalSoftmaxLoss:
            def __init__(self, W, codes, points):   # W: (V−1, H), one row for each inner node
                self.params = [W]                   # codes, points: a list for each word, as from
                self.grads = [np.zeros_like(W)]     # huffman_tree

            def forward(self, h, target):       # h: (B, H), target: (B,) word ids
                ...     # → mean over B of Σ over the path of −log σ(±h·w_point)

            def backward(self, dout=1):         # → dh: (B, H); fills grads[0] in place
                ...

    The sign is + where the code has the bit 0 and − where it has 1 (as in word2vec.c).  A class
    that takes ``tree=`` instead of the two lists, as the library's does, is checked with a
    :class:`~w2vlib.hierarchical_softmax.HuffmanTree`.

    Args:
        cls: the class, or a function of the same arguments that makes an instance.
    """
    return HIERARCHICAL_SOFTMAX.check(cls)


class _HierarchicalSoftmax:
    def __init__(self, W, codes, points, *, slip: str = "") -> None:
        self.params, self.grads, self.slip, self.cache = [W], [np.zeros_like(W)], slip, None
        self.codes, self.points = codes, points

    def _path(self, word: int):
        slip, code, path = self.slip, list(self.codes[word]), list(self.points[word])
        if slip == "first-decision-only":
            code, path = code[:1], path[:1]
        elif slip == "last-decision-missing":
            code, path = code[:-1], path[:-1]
        elif slip.startswith("padding-counted"):
            missing = max(map(len, self.codes)) - len(code)
            code, path = code + [0] * missing, path + [int(slip.split(":")[1])] * missing
        label = np.array(code) if slip == "bit-flipped" else 1 - np.array(code)
        return label.astype(int), np.array(path, dtype=int)

    def forward(self, h, target):
        (W,) = self.params
        if self.slip != "stale-cache" or self.cache is None:
            self.cache = h, [self._path(word) for word in target]
        total = 0.0
        for row, word in zip(h, target, strict=True):
            t, path = self._path(word)
            x = W[path] @ row
            cost = np.maximum(x, 0) - t * x + np.log1p(np.exp(-np.abs(x)))
            total += cost.mean() if self.slip == "mean-over-path" else cost.sum()
        if self.slip == "mean-over-path:all":
            return total / sum(len(self._path(word)[1]) for word in target)
        return self._mean(total, len(h))

    def backward(self, dout=1):
        (W,), (dW,), slip, (h, paths) = self.params, self.grads, self.slip, self.cache
        if slip == "mean-over-path:all":
            dout = dout * len(h) / sum(len(path) for _, path in paths)
        dout = 1 if slip == "dout-ignored" else dout
        if slip != "grads-accumulate":
            dW[...] = 0
        dh, dxs = np.zeros_like(h), []
        for i, (t, path) in enumerate(paths):
            x = W[path] @ h[i]
            dx = np.exp(-np.logaddexp(0, -x)) - t
            dx = self._mean(dx, len(h)) * dout / (len(path) if slip == "mean-over-path" else 1)
            dx = dx.astype(W.dtype)
            dxs.append(dx)
            last = slice(-1, None) if slip == "dh-overwritten" else slice(None)
            dh[i] = dx[last] @ W[path[last]]
            if slip == "assigned-instead-of-added":
                dW[path] = dx[:, None] * h[i]
            else:
                np.add.at(dW, path, dx[:, None] * h[i])
        if slip.startswith("assigned-instead-of-added:"):
            self._assign(dW, h, [path for _, path in paths], dxs, int(slip.split(":")[1]))
        return dh

    def _assign(self, dW, h, paths, dxs, fill: int) -> None:
        """All paths at once, filled up with a node: ``dW[rows] = …``, where the last one wins."""
        shape = len(paths), max(map(len, self.codes))
        rows, dx = np.full(shape, fill), np.zeros(shape, h.dtype)
        for i, path in enumerate(paths):
            rows[i, : len(path)], dx[i, : len(path)] = path, dxs[i]
        dW[...] = 0
        dW[rows] = dx[:, :, None] * h[:, None, :]

    def _mean(self, total, B):
        return total / {"missing-1/B": 1, "double-mean": B * B}.get(self.slip, B)


def _softmax_cases(rng) -> list[Case]:
    def case(name, counts, H, target, dout=1.0):
        codes, points = huffman_codes(np.array(counts))
        inputs = {
            "W": numbers(rng, len(counts) - 1, H),
            "counts": np.array(counts),
            "codes": codes,
            "points": points,
            "h": numbers(rng, len(target), H),
            "target": np.array(target),
            "dout": dout,
        }
        return Case(name, inputs, telling=name not in VERY_WRONG)

    def saturated(name, score):
        one = case(name, [2, 5], 1, [0])
        sign = -1 if one.codes[0] == [0] else 1
        one.inputs["W"] = np.array([[float(sign * score)]])
        one.inputs["h"] = np.array([[1.0]])
        return one

    four, five, six = [5, 1, 9, 2], [40, 3, 11, 7, 22], [100, 1, 2, 50, 25, 13]
    small = [case("known answers", four, 2, [1]), case("known answers", five, 3, [4, 0])]
    return [
        *small,
        case("known answers", six, 2, [3, 1, 0]),
        case("every word", four, 3, [0, 1, 2, 3]),
        case("every word", five, 2, [0, 1, 2, 3, 4]),
        case("repeated words", four, 2, [3, 3, 1]),
        case("repeated words", six, 3, [2, 2, 2, 5]),
        case("upstream gradient", four, 2, [0, 3], 2.0),
        case("upstream gradient", five, 3, [1, 2, 2], -0.5),
        second_pass(case("", four, 2, [0]), case("", four, 2, [1]), "h", "target"),
        second_pass(case("", five, 3, [0, 1]), case("", five, 3, [4, 2]), "h", "target"),
        saturated("very wrong answer", 50),
        saturated("very wrong answer", 60),
        saturated("extreme scores", 800),
        saturated("extreme scores", 900),
        *map(common.as_float32, small),
    ]


def _probe_softmax(make, case: Case, notes) -> None:
    W, codes, points, h, target = notes.give("W", "codes", "points", "h", "target")
    if accepts(make, "tree") and not accepts(make, "codes"):
        layer = notes.make(make, W, None, tree=HuffmanTree(case.counts), quantity="loss")
    else:
        layer = notes.make(make, W, codes, points, quantity="loss")
    held = notes.hold("dW", layer, W)
    if case.earlier:
        notes.call("loss", layer, "forward", *notes.give("h", "target", source=case.earlier))
        notes.call("dh", layer, "backward")
    notes.value("loss", notes.call("loss", layer, "forward", h, target))
    dh = notes.call("dh", layer, "backward", *(() if case.dout == 1 else (case.dout,)))
    notes.value("dh", dh)
    notes.grad("dW", layer, held)
    if W.dtype == np.float32:
        notes.dtype("type of dh", dh)


HIERARCHICAL_SOFTMAX = Exercise(
    "hierarchical_softmax",
    _softmax_cases,
    _probe_softmax,
    _HierarchicalSoftmax,
    labels={
        "loss": "forward(h, target)",
        "dh": "backward(dout)",
        "dW": "grads[0] after backward(dout)",
    },
    mistakes=(
        Mistake(
            "loss-capped",
            "the loss stops growing.",
            "However wrong a decision is, it never costs more than a fixed amount: the small "
            "number inside the logarithm is a floor.",
            GROWING_HINTS,
            rule=lambda c, a, e: capped(c, a, e, VERY_WRONG),
        ),
        LOG_OF_ZERO,
        Mistake(
            "bit-flipped",
            "the bits have swapped their meaning.",
            "The bit 0 stands for σ(+h·w), the bit 1 for σ(−h·w). With both swapped the model "
            "still learns, but it cannot be compared with others, and vectors from a file are "
            "read wrongly.",
            ("Which label belongs to the bit 0?", "`label = 1 - code`, as in word2vec.c."),
        ),
        Mistake(
            "padding-counted",
            "the filling of short paths was counted.",
            "Paths differ in length. To make a rectangle, short ones are filled up, and what was "
            "filled in must not count: no loss, no gradient.",
            (
                "How long is the path of the most frequent word, and how many terms does it get?",
                "Multiply by a mask, or use only the first `len(code)` entries.",
            ),
            slips=("padding-counted:0", "padding-counted:-1"),
        ),
        Mistake(
            "first-decision-only",
            "only the decision at the root counts.",
            "A word is reached by all decisions on its path; its probability is their product.",
            ("How many points does a path have?",),
        ),
        Mistake(
            "last-decision-missing",
            "the last decision of each path is missing.",
            "The last bit tells a word from its sibling. Without it both have the same "
            "probability, and all words together more than 1.",
            ("Does your loop reach the end of the path?",),
        ),
        Mistake(
            "mean-over-path",
            "the mean over the path instead of the sum.",
            "Probabilities multiply along the path, so their logarithms add up. With the mean the "
            "probabilities of all words no longer sum to 1. The only mean is that over the batch.",
            ("By which factor do yours and the expected values differ?",),
            slips=("mean-over-path", "mean-over-path:all"),
        ),
        Mistake(
            "dh-overwritten",
            "dh is the gradient of the last decision only.",
            "h takes part in every decision on the path, so all of them send a gradient back.",
            ("How many scores depend on h?", "`dh += …`, not `dh = …`."),
        ),
        Mistake(
            "assigned-instead-of-added",
            "you assigned where you must add.",
            "All paths begin at the root, so in every batch its row gets several contributions; "
            "only the last one was kept. (With `dW[rows] += …` too: NumPy writes each row once.)",
            ("Which node is on every path?", "`np.add.at(dW, path, values)`, or `+=` in a loop."),
            slips=tuple(f"assigned-instead-of-added{end}" for end in ("", ":0", ":-1")),
        ),
        SUM_OVER_BATCH,
        Mistake(
            "double-mean",
            "divided by the batch size twice.",
            "The mean over the B examples is taken once.",
            ("Where does 1/B stand in your code? Count the places.",),
        ),
        common.dout_ignored(),
        common.wrong_sign("dh", "dW"),
        common.grads_not_filled("grads[0]", "dW"),
        common.grads_accumulate(),
        common.stale_cache("`h` and paths"),
    ),
    hints=(
        "A word is reached by yes-or-no decisions. Each has its own row of W and costs like any "
        "yes-or-no question: −log σ(±h·w).",
        "For one example: `path = points[word]`, `x = W[path] @ h`, label 1 − code, and the "
        "gradient of x is σ(x) − label.",
        "dh sums dx · W[path] over the path; row path[j] of dW receives dx[j] · h, added up. All "
        "of it divided by B and times `dout`.",
    ),
)
