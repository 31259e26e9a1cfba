"""The Huffman tree against brute force, and the loss on its paths."""

import functools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import LAYOUTS, dot, laid_out, log_sigmoid, numeric_gradient
from w2vlib.corpus import build_corpus
from w2vlib.hierarchical_softmax import HierarchicalSoftmaxLoss, HuffmanTree, huffman_codes
from w2vlib.sparse import RowGradient
from w2vlib.validation import PAD

few = settings(max_examples=40)
some_counts = st.lists(st.integers(0, 30), min_size=2, max_size=12)


# ---- the tree -----------------------------------------------------------------------------------


def best_expected_length(counts):
    """The smallest Σ count · length of any binary tree, by trying every way to join two trees."""

    @functools.cache
    def cost(trees):
        if len(trees) == 1:
            return 0
        best = math.inf
        for i in range(len(trees)):
            for j in range(i):
                rest = [t for k, t in enumerate(trees) if k not in (i, j)]
                joined = trees[i] + trees[j]
                best = min(best, joined + cost(tuple(sorted([*rest, joined]))))
        return best

    return cost(tuple(sorted(counts)))


@few
@given(st.lists(st.integers(0, 9), min_size=2, max_size=6))
def test_no_tree_is_shorter(counts):
    codes, _ = huffman_codes(counts)
    total = sum(n * len(code) for n, code in zip(counts, codes, strict=True))
    assert total == best_expected_length(counts)


@given(some_counts)
def test_the_codes_fill_a_tree(counts):
    codes, points = huffman_codes(counts)
    assert len(codes) == len(points) == len(counts)
    # Kraft: Σ 2^−length = 1 exactly, and no code begins another.
    assert math.fsum(2.0 ** -len(code) for code in codes) == 1
    words = ["".join(map(str, code)) for code in codes]
    assert not any(a != b and b.startswith(a) for a in words for b in words)
    assert len(set(words)) == len(words)
    # One inner node for each prefix, V − 1 in all, the root first and the same for all.
    node_of = {}
    for code, path in zip(codes, points, strict=True):
        assert len(code) == len(path)
        assert path[0] == len(counts) - 2
        for depth, node in enumerate(path):
            assert node_of.setdefault(tuple(code[:depth]), node) == node
    assert sorted(node_of.values()) == list(range(len(counts) - 1))


@given(some_counts)
def test_frequent_words_have_short_codes(counts):
    codes, _ = huffman_codes(counts)
    for n, code in zip(counts, codes, strict=True):
        for m, other in zip(counts, codes, strict=True):
            assert len(code) <= len(other) or n <= m


def test_a_tree_by_hand():
    # Counts 1, 2, 4, 8: join 1 and 2 (node 0, count 3), that and 4 (node 1, count 7), that and 8
    # (node 2, the root).  The smaller of the two gets 0.
    codes, points = huffman_codes([8, 1, 4, 2])
    assert codes == [[1], [0, 0, 0], [0, 1], [0, 0, 1]]
    assert points == [[2], [2, 1, 0], [2, 1], [2, 1, 0]]


def test_equal_counts_older_nodes_first():
    # Words 0 and 1 are joined (node 0), then 2 and 3 (node 1), then both nodes (node 2).
    assert huffman_codes([1, 1, 1, 1]) == (
        [[0, 0], [0, 1], [1, 0], [1, 1]],
        [[2, 0], [2, 0], [2, 1], [2, 1]],
    )
    # 1 + 1 = 2 is as large as word 2, which is older.
    assert huffman_codes([1, 1, 2])[0] == [[1, 0], [1, 1], [0]]


def test_two_words_need_one_decision():
    assert huffman_codes([5, 1]) == ([[1], [0]], [[0], [0]])


def test_counts_may_be_fractions_and_large():
    assert huffman_codes(np.array([0.5, 0.25, 0.25]))[0] == huffman_codes([2, 1, 1])[0]
    assert huffman_codes(np.array([2**62, 2**62, 2**62, 1]))[0] == huffman_codes([9, 9, 9, 1])[0]


@given(some_counts)
def test_the_tree_as_arrays(counts):
    codes, points = huffman_codes(counts)
    tree = HuffmanTree(counts)
    assert len(tree) == len(tree.lengths) == len(counts)
    assert tree.lengths.tolist() == [len(code) for code in codes]
    assert tree.codes.shape == tree.points.shape == (len(counts), max(map(len, codes)))
    kinds = (tree.codes.dtype, tree.points.dtype, tree.lengths.dtype)
    assert kinds == (np.int8, np.int32, np.int32)
    for word, length in enumerate(tree.lengths):
        assert tree.codes[word, :length].tolist() == codes[word]
        assert tree.points[word, :length].tolist() == points[word]
        assert (tree.codes[word, length:] == 0).all()
        assert (tree.points[word, length:] == PAD).all()


def test_expected_length_by_hand():
    # Lengths 1, 2, 2 for counts 2, 1, 1: (2·1 + 1·2 + 1·2) / 4
    assert HuffmanTree([2, 1, 1]).expected_length([2, 1, 1]) == 1.5
    assert HuffmanTree([2, 1, 1]).expected_length(np.array([0, 1, 0])) == 2
    for wrong in ([2, 1], [2, 1, 1, 1], [0, 0, 0]):
        with pytest.raises(ValueError, match="^counts must hold one number for each of the 3"):
            HuffmanTree([2, 1, 1]).expected_length(wrong)
    for wrong in ([1, -1, 1], [1, np.nan, 1], 3):
        with pytest.raises(ValueError, match="^counts must be"):
            HuffmanTree([2, 1, 1]).expected_length(wrong)


@pytest.mark.parametrize(
    "counts", [[], [3], [[1, 2]], [1, -1], [1, np.nan], [1, np.inf], ["a", "b"], 3, [True, False]]
)
def test_counts_without_a_tree(counts):
    with pytest.raises(ValueError, match="^counts must be"):
        huffman_codes(counts)
    with pytest.raises(ValueError, match="^counts must be"):
        HuffmanTree(counts)


def test_ragged_counts_are_named():
    with pytest.raises(ValueError, match="^counts"):
        huffman_codes([[1], [1, 2]])
    with pytest.raises(ValueError, match="^counts"):
        HuffmanTree([1, 2]).expected_length([[1], [1, 2]])


# ---- the loss -----------------------------------------------------------------------------------

CORPUS = np.repeat([0, 1, 2, 3, 4], [16, 8, 4, 2, 1])
V = 5


def slow_log_probability(W, row, word):
    codes, points = huffman_codes([16, 8, 4, 2, 1])
    return math.fsum(
        log_sigmoid(dot(row, W[node]) * (1 if bit == 0 else -1))
        for bit, node in zip(codes[word], points[word], strict=True)
    )


def slow_loss(W, h, target):
    costs = [
        -slow_log_probability(W, h[place[0]], target[place])
        for place in np.ndindex(*target.shape)
        if target[place] != PAD
    ]
    return math.fsum(costs) / max(len(target), 1)


def problem(seed, B, C, H):
    rng = np.random.default_rng(seed)
    target = rng.integers(PAD, V, (B, C)) if C else rng.integers(0, V, B)
    return rng.standard_normal((V - 1, H)), rng.standard_normal((B, H)), target


@few
@given(
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 999),
    st.sampled_from(LAYOUTS),
    st.booleans(),
    st.floats(-2, 2),
)
def test_loss_and_gradient(B, C, H, seed, layout, sparse, dout):
    W, h, target = problem(seed, B, C, H)
    loss = HierarchicalSoftmaxLoss(W, CORPUS, sparse_grad=sparse)
    found = loss.forward(laid_out(h, layout), laid_out(target, layout))
    assert type(found) is float
    assert found == pytest.approx(slow_loss(W, h, target), rel=1e-12)
    dh = loss.backward(dout)

    def truth():
        return dout * slow_loss(W, h, target)

    assert dh.shape == h.shape
    assert dh == pytest.approx(numeric_gradient(truth, h), rel=1e-5, abs=1e-7)
    dW = loss.grads[0].to_dense() if sparse else loss.grads[0]
    assert dW == pytest.approx(numeric_gradient(truth, W), rel=1e-5, abs=1e-7)


@few
@given(some_counts, st.integers(0, 999))
def test_the_probabilities_of_all_words_sum_to_one(counts, seed):
    counts = [n + 1 for n in counts]
    corpus = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(seed)
    W, h = 3 * rng.standard_normal((len(counts) - 1, 4)), rng.standard_normal((2, 4))
    loss = HierarchicalSoftmaxLoss(W, corpus)
    log_p = loss.log_probabilities(h)
    assert log_p.shape == (2, len(counts))
    assert np.exp(log_p).sum(axis=1) == pytest.approx([1, 1], abs=1e-12)
    for word in range(len(counts)):
        assert loss.forward(h, [word, word]) == pytest.approx(-log_p[:, word].mean())


def test_loss_by_hand():
    # Words 0, 1 with counts 1, 3: word 0 has the code 0 at the root, word 1 the code 1.
    # h·w = log 3: word 0 has probability σ(log 3) = 3/4, word 1 has 1/4.
    loss = HierarchicalSoftmaxLoss(np.array([[math.log(3), 0]]), [0, 1, 1, 1])
    h = np.array([[1.0, 2.0]])
    assert loss.forward(h, [0]) == pytest.approx(math.log(4 / 3))
    # d/dx of −log σ(x) is σ(x) − 1 = −1/4
    assert loss.backward() == pytest.approx(np.array([[-math.log(3) / 4, 0]]))
    assert loss.grads[0] == pytest.approx(np.array([[-1 / 4, -1 / 2]]))
    assert loss.forward(h, [1]) == pytest.approx(math.log(4))
    assert loss.backward() == pytest.approx(np.array([[3 * math.log(3) / 4, 0]]))
    assert loss.log_probabilities(h) == pytest.approx(np.log([[3 / 4, 1 / 4]]))


@few
@given(st.integers(1, 8), st.integers(0, 3), st.integers(0, 999), st.booleans())
def test_single_precision_against_double(B, C, seed, sparse):
    W, h, target = problem(seed, B, C, 8)
    double = HierarchicalSoftmaxLoss(W, CORPUS)
    single = HierarchicalSoftmaxLoss(W.astype(np.float32), CORPUS, sparse_grad=sparse)
    truth = double.forward(h, target)
    assert single.forward(h.astype(np.float32), target) == pytest.approx(truth, rel=1e-5)
    dh = single.backward(np.float64(1))
    assert dh.dtype == single.grads[0].dtype == np.float32
    assert dh == pytest.approx(double.backward(), rel=1e-4, abs=1e-5)
    dW = single.grads[0].to_dense() if sparse else single.grads[0]
    assert dW == pytest.approx(double.grads[0], rel=1e-4, abs=1e-5)
    assert single.log_probabilities(h.astype(np.float32)).dtype == np.float32


def test_no_contexts_no_loss():
    loss = HierarchicalSoftmaxLoss(np.ones((V - 1, 2)), CORPUS)
    assert loss.forward(np.ones((3, 2)), np.zeros((3, 0), int)) == 0
    assert loss.backward().tolist() == np.zeros((3, 2)).tolist()
    assert not loss.grads[0].any()


def test_the_parameter_and_the_tree():
    W, tree = np.ones((4, 2), np.float32), HuffmanTree([1, 2, 3, 4, 5])
    loss = HierarchicalSoftmaxLoss(W, None, tree=tree, sparse_grad=True)
    assert loss.params[0] is W
    assert loss.tree is tree
    assert isinstance(loss.grads[0], RowGradient)
    assert type(HierarchicalSoftmaxLoss(W, CORPUS).grads[0]) is np.ndarray


def test_words_that_never_occur_have_a_place_too():
    loss = HierarchicalSoftmaxLoss(np.ones((4, 2)), [0, 0, 2])
    assert len(loss.tree) == 5
    assert np.isfinite(loss.forward(np.ones((1, 2)), [4]))


def test_what_was_given_stays():
    W, h, target = problem(3, 4, 2, 3)
    arrays = [W, h, target]
    before = [a.copy() for a in arrays]
    for a in arrays:
        a.setflags(write=False)
    loss = HierarchicalSoftmaxLoss(W, CORPUS)
    loss.forward(h, target)
    loss.backward()
    loss.log_probabilities(h)
    assert all(np.array_equal(a, b) for a, b in zip(arrays, before, strict=True))


@pytest.mark.parametrize(
    ("h", "target", "error", "message"),
    [
        (np.ones((1, 2)), [5], IndexError, r"^target\[0\] is 5"),
        (np.ones((1, 2)), [PAD], IndexError, r"^target\[0\] is -1"),
        (np.ones((1, 2)), [[-2]], IndexError, r"^target\[0, 0\] is -2"),
        (np.ones((1, 2)), [0.5], TypeError, "^target must hold integer"),
        (np.ones((1, 2)), 0, ValueError, r"^target must have shape \(B,\) or \(B, C\)"),
        (np.ones((1, 2)), [[[0]]], ValueError, "^target must have shape"),
        (np.ones((2, 2)), [0], ValueError, "^h must have shape"),
        (np.ones((1, 3)), [0], ValueError, "^h must have shape"),
        (np.full((1, 2), np.nan), [0], ValueError, r"^h\[0, 0\] is nan"),
    ],
)
def test_wrong_inputs(h, target, error, message):
    loss = HierarchicalSoftmaxLoss(np.ones((4, 2)), CORPUS)
    with pytest.raises(error, match=message):
        loss.forward(h, target)
    with pytest.raises(RuntimeError, match="before forward"):
        loss.backward()


@pytest.mark.parametrize("h", [np.ones((1, 3)), np.ones(()), np.ones(2), np.full((1, 2), np.nan)])
def test_wrong_inputs_for_probabilities(h):
    with pytest.raises(ValueError, match="^h"):
        HierarchicalSoftmaxLoss(np.ones((4, 2)), CORPUS).log_probabilities(h)


@pytest.mark.parametrize(
    ("rows", "corpus", "tree", "error", "message"),
    [
        (3, CORPUS, None, IndexError, r"^corpus\[30\] is 4"),
        (4, [], None, ValueError, "^corpus is empty"),
        (0, [0, 0], None, ValueError, "^counts must be a vector of at least 2"),
        (4, None, None, TypeError, "^corpus must hold integer"),
        (3, None, HuffmanTree([1] * 5), ValueError, "^W must have one row for each of the 4 inner"),
        (5, None, HuffmanTree([1] * 5), ValueError, "got 5 rows"),
    ],
)
def test_losses_that_cannot_be(rows, corpus, tree, error, message):
    with pytest.raises(error, match=message):
        HierarchicalSoftmaxLoss(np.ones((rows, 2)), corpus, tree=tree)


@pytest.mark.parametrize("function", [huffman_codes, HuffmanTree])
def test_a_corpus_is_no_list_of_counts(function):
    with pytest.raises(TypeError, match=r"^counts must hold one count.*corpus\.counts"):
        function(build_corpus("a a a b b c"))
