"""Faults of the book's code that w2vlib must not repeat, one named test for each.

Many have further tests beside the module they belong to; here the list is complete and readable.
"""

import ast
import math
import sys
import tracemalloc
import types
import warnings

import numpy as np
import pytest

from tests.gpu import strict_cupy
from tests.oracles import ROOT
from w2vlib import datasets, downloads, negative_sampling
from w2vlib.corpus import build_corpus, create_contexts_target, ppmi, preprocess
from w2vlib.functions import cross_entropy_error, normalize, sigmoid, softmax
from w2vlib.layers import Embedding, SigmoidWithLoss, SoftmaxWithLoss
from w2vlib.models import CBOW, SkipGram
from w2vlib.negative_sampling import NegativeSamplingLoss, UnigramSampler
from w2vlib.optimizers import SGD, Adam
from w2vlib.trainer import Trainer, remove_duplicate
from w2vlib.word_vectors import analogy, most_similar

CORPUS = np.tile([0, 1, 2, 3, 4, 1, 2, 1], 4)


@pytest.fixture(autouse=True)
def warnings_are_errors():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


# ---- functions and layers -----------------------------------------------------------------------


@pytest.mark.parametrize("score", [17.0, 50.0, 1e4])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_small_constant_in_the_logarithm_caps_the_loss(score, dtype):
    """log(y + 1e-7) is never below −16.1, though the gradient goes on as if it were."""
    assert SigmoidWithLoss().forward(np.array([score], dtype), [0]) == pytest.approx(score)
    assert SoftmaxWithLoss().forward(np.array([[0, score]], dtype), [0]) == pytest.approx(score)
    assert cross_entropy_error([[1e-30, 1.0]], [0]) == pytest.approx(30 * math.log(10))


def test_the_loss_and_its_gradient_agree_far_out():
    layer, step = SigmoidWithLoss(), 1e-3
    slope = (layer.forward([40 + step], [0]) - layer.forward([40 - step], [0])) / (2 * step)
    assert layer.backward() == pytest.approx([slope])


def test_the_sigmoid_overflows():
    assert sigmoid(np.array([-1e3, -1e38, 1e38], np.float32)).tolist() == [0, 0, 1]


def test_softmax_leaves_three_dimensional_input_unchanged():
    y = softmax(np.zeros((2, 3, 4)))
    assert y.tolist() == np.full((2, 3, 4), 0.25).tolist()


def test_one_hot_rows_are_told_by_their_size():
    """With one column, labels and one-hot rows have as many numbers: only the shape tells."""
    labels = np.array([0, 0, 0])
    assert cross_entropy_error(np.ones((3, 1)), labels) == 0
    layer = SoftmaxWithLoss()
    assert layer.forward(np.zeros((3, 1)), labels) == 0
    assert layer.backward().shape == (3, 1)
    # And a batch of one, whose one-hot row has as many entries as there are classes:
    assert layer.forward(np.zeros((1, 3)), np.array([[0, 0, 1]])) == pytest.approx(math.log(3))


def test_integer_labels_turn_float32_into_float64():
    x = np.zeros((2, 3), np.float32)
    labels = np.array([0, 1], np.int32)
    softmax_loss, sigmoid_loss = SoftmaxWithLoss(), SigmoidWithLoss()
    for t in (labels, np.eye(3, dtype=np.int32)[labels]):
        softmax_loss.forward(x, t)
        assert softmax_loss.backward().dtype == np.float32
    sigmoid_loss.forward(x[:, 0], labels)
    assert sigmoid_loss.backward(np.float64(1)).dtype == np.float32


def test_an_embedding_used_twice_overwrites_its_gradient():
    layer = Embedding(np.zeros((3, 1)))
    layer.forward([0, 0])
    layer.forward([1, 0])
    layer.backward([[10.0], [20.0]])
    layer.backward([[1.0], [2.0]])
    assert layer.grads[0].tolist() == [[23], [10], [0]]


@pytest.mark.parametrize("make", [CBOW, SkipGram])
def test_a_matrix_of_zeros_for_every_layer_and_step(make):
    """A step needs memory for the rows it touches, not for the vocabulary."""
    V, H = 20_000, 50  # one float32 matrix: 4 MB
    corpus = np.arange(V)
    model, optimizer = make(V, H, 2, corpus, seed=0, sparse_grad=True), SGD()
    contexts, target = create_contexts_target(corpus[:50], 2)
    assert not any(isinstance(g, np.ndarray) for g in model.grads)

    def step():
        model.forward(contexts, target)
        model.backward()
        optimizer.update(model.params, model.grads)

    step()
    tracemalloc.start()
    step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4_000_000 / 2


# ---- sampling -----------------------------------------------------------------------------------


def test_a_batch_of_negatives_costs_batch_times_vocabulary():
    """O(1) a draw: no array of V probabilities for any row, let alone a loop over rows."""
    sampler = UnigramSampler(np.arange(50_000), sample_size=5, seed=0)
    target = np.arange(200)
    lines = count_lines(negative_sampling.__file__, sampler.get_negative_sample, target)
    assert lines < 100  # the same for any batch
    tracemalloc.start()
    sampler.get_negative_sample(target)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000 * 8 / 2


def count_lines(filename, function, *arguments):
    """How many lines of a source file are run: a measure of work that needs no clock."""
    ran = 0

    def trace(frame, event, _):
        nonlocal ran
        if frame.f_code.co_filename != filename:
            return None
        ran += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function(*arguments)
    finally:
        sys.settrace(before)
    return ran


def test_ids_with_gaps_give_wrong_negatives():
    draws = UnigramSampler([2, 2, 7, 30], sample_size=4, seed=0).get_negative_sample([2] * 100)
    assert set(draws.ravel().tolist()) == {7, 30}


@pytest.mark.parametrize("sample_size", [3, 4, 50])
def test_more_negatives_than_other_words_crash(sample_size):
    sampler = UnigramSampler([0, 1, 2], sample_size=sample_size, seed=0)
    assert sampler.get_negative_sample([0, 1, 2]).shape == (3, sample_size)
    with pytest.raises(ValueError, match=r"sample_size.*smaller sample_size, replace=True"):
        UnigramSampler([0, 1, 2], sample_size=sample_size, replace=False)


def test_the_sampler_means_something_else_on_the_gpu(monkeypatch):
    """Both devices draw with the same probabilities; on the GPU the book's may draw the target."""
    cupy, _ = strict_cupy.make_cupy()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    target = np.array([0, 1, 2] * 5000)
    here = UnigramSampler(CORPUS, seed=0).get_negative_sample(target)
    there = UnigramSampler(CORPUS, seed=0).get_negative_sample(cupy.asarray(target))
    assert isinstance(there, cupy.ndarray)
    there = there.get()
    assert (here != target[:, None]).all() and (there != target[:, None]).all()
    for t in range(3):
        a, b = (np.bincount(x[target == t].ravel(), minlength=5) for x in (here, there))
        assert (np.abs(a - b) <= 5 * np.sqrt(a + b)).all()


def test_the_sampler_has_no_seed():
    a, b = (UnigramSampler(CORPUS, seed=5).get_negative_sample([0, 1, 2]) for _ in range(2))
    assert a.tolist() == b.tolist()
    losses = [NegativeSamplingLoss(np.ones((5, 2)), CORPUS, seed=1) for _ in range(2)]
    for loss in losses:
        loss.forward(np.ones((2, 2)), [0, 1])
    assert losses[0].negatives.tolist() == losses[1].negatives.tolist()


def test_skip_gram_recounts_the_corpus_for_each_context(monkeypatch):
    counted = []
    real = np.bincount
    monkeypatch.setattr(np, "bincount", lambda *a, **k: (counted.append(1), real(*a, **k))[1])
    SkipGram(5, 2, 10, CORPUS)
    assert len(counted) == 1


# ---- training -----------------------------------------------------------------------------------


def test_equal_matrices_that_are_not_shared_are_merged():
    a, b = np.zeros((2, 2)), np.zeros((2, 2))
    params, grads = remove_duplicate([a, b], [np.ones((2, 2)), 2 * np.ones((2, 2))])
    assert len(params) == 2
    assert (grads[0] == 1).all()
    assert (grads[1] == 2).all()


def trained(epochs=(1,), batch_size=10):
    model = CBOW(5, 3, 1, CORPUS, seed=0)
    trainer = Trainer(model, Adam(), seed=0, progress=False)
    sizes, forward = [], model.forward
    model.forward = lambda contexts, target, *more: (
        sizes.append(len(target)),
        forward(contexts, target, *more),
    )[1]
    for max_epoch in epochs:
        trainer.fit(*create_contexts_target(CORPUS, 1), max_epoch, batch_size)
    return model, sizes


def test_the_trainer_drops_the_last_batch():
    _, sizes = trained()
    assert sizes == [10, 10, 10]  # 32 words, 30 of them with a full window
    _, sizes = trained(batch_size=8)
    assert sizes == [8, 8, 8, 6]
    _, sizes = trained(batch_size=100)
    assert sizes == [30]


def test_the_trainer_copies_all_data_every_epoch():
    n = 100_000
    contexts, target = np.zeros((n, 20), np.int32), np.zeros(n, np.int32)  # 84 bytes an example
    model = types.SimpleNamespace(params=[], grads=[], forward=lambda *_: 0.0, backward=id_none)
    trainer = Trainer(model, SGD(), seed=0, progress=False)
    tracemalloc.start()
    trainer.fit(contexts, target, 1, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 24 * n


def id_none():
    """A backward pass without anything to do."""


def test_training_cannot_be_resumed():
    whole, parts = trained((3,))[0], trained((1, 2))[0]
    assert np.array_equal(whole.word_vecs, parts.word_vecs)


# ---- text ---------------------------------------------------------------------------------------


def test_windows_cross_sentence_ends():
    corpus = build_corpus([["a", "b", "c"], ["d", "e", "f"]])
    contexts, target = create_contexts_target(corpus, 1)
    words = [corpus.words[i] for i in target]
    around = [[corpus.words[i] for i in row] for row in contexts]
    assert words == ["b", "e"]
    assert around == [["a", "c"], ["d", "f"]]


@pytest.mark.parametrize("text", ["a b.", "a  b.", " a\tb.\n", "a\u00a0b.", "\n\na\r\nb ."])
def test_preprocess_splits_at_single_blanks_only(text):
    ids, word_to_id, id_to_word = preprocess(text)
    assert ids.tolist() == [0, 1, 2]
    assert word_to_id == {"a": 0, "b": 1, ".": 2}
    assert id_to_word == {0: "a", 1: "b", 2: "."}


def test_ppmi_loops_over_all_pairs_of_words():
    V = 100
    lines = 0
    for filename in sorted((ROOT / "w2vlib").glob("*.py")):
        lines += count_lines(str(filename), ppmi, np.ones((V, V)))
    assert lines < V


def test_ppmi_hides_nan():
    C = np.array([[0, 2, 0], [2, 0, 0], [0, 0, 0]])  # word 2 never occurs: 0 / 0
    M = ppmi(C)
    # p(0, 1) = 1/2, p(0) = p(1) = 1/2: log2(4 / 2) = 1
    assert M == pytest.approx(np.array([[0, 1, 0], [1, 0, 0], [0, 0, 0]]))
    with pytest.raises(ValueError, match="nan"):
        ppmi(np.array([[np.nan, 1], [1, 0]]))


# ---- word vectors and files ---------------------------------------------------------------------

WORDS = {"a": 0, "b": 1, "c": 2, "long": 3, "right": 4}


def test_analogies_compare_vectors_of_any_length():
    """b − a + c points along (1, 1); "long" has the larger product, "right" the right direction."""
    matrix = np.array([[1, 0], [0, 1], [2, 0], [90, 10], [1, 1.1]], np.float32)
    found = analogy("a", "b", "c", WORDS, {i: w for w, i in WORDS.items()}, matrix, top=2)
    # On unit vectors: (0, 1) − (1, 0) + (1, 0) = (0, 1), so "right" is nearest, cosine 1.1 / 1.487
    assert found[0][0] == "right"
    assert found[0][1] == pytest.approx(1.1 / math.hypot(1, 1.1), rel=1e-5)


def test_normalize_changes_its_input():
    x = np.array([[3.0, 4.0]])
    x.setflags(write=False)
    assert normalize(x).tolist() == [[0.6, 0.8]]
    assert x.tolist() == [[3, 4]]


def library_sources():
    for path in sorted((ROOT / "w2vlib").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_opening_a_pickle_file_runs_its_code():
    """pickletools only lists a pickle's instructions; nothing here may carry them out."""
    dangerous = {"pickle", "_pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    for name, tree in library_sources():
        assert dangerous.isdisjoint(imported(tree)), name
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), name
                assert node.value.value is False, name


def test_downloads_have_no_checksum_and_no_checked_connection():
    remotes = [v for v in vars(datasets).values() if isinstance(v, (dict, downloads.Remote))]
    remotes = [r for v in remotes for r in (v.values() if isinstance(v, dict) else [v])]
    remotes = [r for r in remotes if isinstance(r, downloads.Remote)]
    assert len(remotes) >= 7
    for remote in remotes:
        assert len(remote.sha256) == 64
        assert int(remote.sha256, 16)
    forbidden = ("_create_unverified_context", "CERT_NONE", "known_hash=None", "verify=False")
    for path in sorted((ROOT / "w2vlib").rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        assert not [word for word in forbidden if word in text], path


def test_results_are_printed_instead_of_returned(capsys):
    id_to_word = {i: w for w, i in WORDS.items()}
    matrix = np.eye(5, dtype=np.float32)
    matrix[1, 0] = 1
    found = most_similar("a", WORDS, id_to_word, matrix, top=2)
    assert found[0] == ("b", pytest.approx(1 / math.sqrt(2)))
    assert len(found) == 2
    printed = capsys.readouterr().out
    assert "[query] a" in printed
    assert " b: 0.7071" in printed
    found = analogy("a", "b", "c", WORDS, id_to_word, matrix, top=1)
    assert [type(x) for x in found[0]] == [str, float]
    assert "[analogy] a:b = c:?" in capsys.readouterr().out


def test_trainers_print_nothing_but_a_bar(capsys):
    trained()
    assert capsys.readouterr() == ("", "")
