"""The programs that are compared: each does what its record will claim.  Nothing is timed here."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import book_method
import monitor_cost
import programs

from w2vlib import create_contexts_target, datasets

SMALL = {"corpus": "zipf:30000:500", "size": 8, "window": 2}


@pytest.mark.parametrize(
    "options",
    [
        {"program": "w2vlib", "epochs": 2},
        {"program": "w2vlib", "model": "skipgram", "shared": True, "threads": 2},
        {"program": "book", "batches": 2},
        {"program": "layers", "batch_size": 100, "targets": 500},
        {"program": "gensim"},
        {"program": "fasttext", "model": "skipgram"},
    ],
)
def test_a_run_tells_its_words_and_its_memory(options):
    if options["program"] in ("gensim", "fasttext"):
        pytest.importorskip(options["program"])
    result = programs.run(SMALL | options)
    expected = {"book": 200, "layers": 500}.get(options["program"], 30000 * result["epochs"])
    assert result["words"] == expected
    assert result["words_per_second"] == pytest.approx(expected / result["wall"])
    assert 0 < result["base_mb"] <= result["peak_mb"]


def test_a_run_in_a_process_of_its_own():
    result = programs.measure(SMALL | {"program": "book", "batches": 1})
    assert result["words"] == 100
    with pytest.raises(RuntimeError, match="KeyError"):
        programs.measure(SMALL | {"program": "no such program"})


def test_a_text_from_a_file(tmp_path):
    path = tmp_path / "text.txt"
    programs.write_text(path, 20_000)
    tokens = path.read_text(encoding="utf-8").split()
    assert len(tokens) == pytest.approx(20_000, rel=0.05)
    assert set(tokens) <= set(datasets.load("embedded").words)
    result = programs.run({"program": "stored", "path": str(path), "size": 8})
    assert result["words"] == len(tokens)
    assert result["vocab_size"] == len(set(tokens))


def test_zipf_text():
    corpus = programs.zipf_corpus(50_000, 1000)
    assert len(corpus.ids) == 50_000 and corpus.vocab_size == 1000
    assert corpus.counts.min() >= 1
    share = corpus.counts[:5] / 50_000
    np.testing.assert_allclose(share, 1 / np.arange(1, 6) / (np.log(1000) + 0.577), rtol=0.1)


def test_the_books_method_makes_the_gradient_of_the_formula():
    """CBOW with negative sampling, mean over the batch, by hand in float64."""
    corpus = datasets.load("tiny")
    contexts, target = create_contexts_target(corpus.ids, 1)
    V, rng = corpus.vocab_size, np.random.default_rng(0)
    model = book_method.BookCBOW(V, 3, 1, corpus.ids, rng, sample_size=2)
    model.W_in *= 30
    W_out = model.params[-1]
    W_out *= 30
    drawn = []
    draw = model._negatives
    model._negatives = lambda target: drawn.append(draw(target)) or drawn[-1]
    loss = model.forward(contexts, target)
    model.backward()
    params, grads = book_method.merge_equal(model.params, [g.copy() for g in model.grads])
    assert len(params) == 2
    expected, dW_in, dW_out = 0.0, np.zeros((V, 3)), np.zeros((V, 3))
    for c, t, negatives in zip(contexts, target, drawn[0], strict=True):
        assert t not in negatives
        h = model.W_in[c].mean(axis=0).astype(float)
        dh = np.zeros(3)
        for label, word in ((1, t), (0, negatives[0]), (0, negatives[1])):
            y = 1 / (1 + np.exp(-W_out[word] @ h))
            expected -= np.log(y if label else 1 - y) / len(target)
            dh += (y - label) * W_out[word] / len(target)
            dW_out[word] += (y - label) * h / len(target)
        np.add.at(dW_in, c, dh / len(c))
    assert loss == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(grads[0], dW_in, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(grads[1], dW_out, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("kind", monitor_cost.KINDS[:2])
def test_what_watching_costs(kind):
    """The same training with and without a monitor; without a page to show it."""
    course = monitor_cost.Course(kind, 0.1)
    runs = [course.plain(), course.watched(), course.plain(), course.watched()]
    result = monitor_cost.summary(runs)
    assert result["pairs"] == 1
    first, second = runs[2:]
    assert not first["watched"] and second["watched"] and second["updates"] >= 1
    assert result["wall"]["more_median"] == pytest.approx(
        second["wall"] / first["wall"] - 1, abs=1e-4
    )
    assert result["cpu"]["seconds_with"] == pytest.approx(second["cpu"], abs=0.01)


def test_what_watching_costs_is_the_median_of_pairs_in_turns():
    assert monitor_cost.turns(3) == [1, 2, 1, 2, 2, 1, 1, 2]
    times = [(9, 99), (10, 11), (10, 10), (20, 24)]  # the first pair is to warm up
    runs = []
    for place, (plain, watched) in enumerate(times):
        pair = [
            {"watched": False, "wall": plain, "cpu": 2 * plain},
            {"watched": True, "wall": watched, "cpu": plain, "updates": 22, "shortest_gap": 0.2},
        ]
        runs += pair if place % 2 else pair[::-1]
    result = monitor_cost.summary(runs)
    assert result["wall"]["more_each_pair"] == [0.1, 0.0, 0.2]
    assert result["wall"]["more_median"] == 0.1 and result["cpu"]["more_median"] == -0.5
    assert result["updates_a_second"] == 2.2 and result["shortest_gap_seconds"] == 0.2
