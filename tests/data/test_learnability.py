"""Learnable and not trivial: what the book's CBOW can and cannot learn from the corpus."""

import numpy as np
import pytest

from w2vlib import datasets
from w2vlib.corpus import create_contexts_target
from w2vlib.models import CBOW
from w2vlib.optimizers import Adam
from w2vlib.trainer import Trainer

WINDOW, HIDDEN, BATCH = 5, 100, 1_000
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def train(corpus, ids, *, epochs, lr, seed=0):
    """Word vectors (V, H) of CBOW, five negative samples, Adam; windows keep to sentences."""
    contexts, target = create_contexts_target(
        ids, WINDOW, sentence_starts=corpus.sentence_starts, partial=True
    )
    model = CBOW(corpus.vocab_size, HIDDEN, WINDOW, ids, seed=seed, sparse_grad=True)
    trainer = Trainer(model, Adam(lr), seed=seed, progress=False)
    trainer.fit(contexts, target, max_epoch=epochs, batch_size=BATCH)
    return np.asarray(model.word_vecs)


def top1(corpus, vectors, families):
    """Share of questions whose right answer is nearest to b − a + c (query words left out)."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    index = corpus.word_to_id
    questions = [[index[word] for word in q] for block in families.values() for q in block]
    a, b, c, d = np.array(questions).T
    scores = (unit[b] - unit[a] + unit[c]) @ unit.T
    for query in (a, b, c):
        scores[np.arange(len(d)), query] = -np.inf
    return float((scores.argmax(axis=1) == d).mean())


def ranks(values):
    """Ranks, ties sharing their mean."""
    values = np.asarray(values, float)
    below = (values[None, :] < values[:, None]).sum(axis=1)
    same = (values[None, :] == values[:, None]).sum(axis=1)
    return below + (same - 1) / 2


@pytest.fixture(scope="module")
def corpus():
    return datasets.load("embedded")


@pytest.fixture(scope="module")
def trained(corpus):
    return train(corpus, np.asarray(corpus.ids), epochs=5, lr=0.01)


def test_five_epochs_answer_four_questions_in_five(corpus, trained, families):
    assert 0.80 <= top1(corpus, trained, families) <= 0.97


def test_no_family_is_out_of_reach(corpus, trained, families):
    for name, questions in families.items():
        assert top1(corpus, trained, {name: questions}) > 0.4, name


def test_cosines_follow_the_planted_similarities(corpus, trained):
    unit = trained / np.linalg.norm(trained, axis=1, keepdims=True)
    index = corpus.word_to_id
    pairs = datasets.load_similarities("embedded")
    cosines = [unit[index[a]] @ unit[index[b]] for a, b, _ in pairs]
    truth = [score for *_, score in pairs]
    assert np.corrcoef(ranks(cosines), ranks(truth))[0, 1] > 0.5


def test_one_epoch_at_a_tiny_learning_rate_learns_nothing(corpus, families):
    vectors = train(corpus, np.asarray(corpus.ids), epochs=1, lr=0.0001)
    assert top1(corpus, vectors, families) < 0.05


def test_shuffled_words_teach_nothing(corpus, families):
    """All words in random order: only their frequencies are left.

    Chance is one answer in V, 0.04 %. Five in a thousand leave room for luck, not for knowledge.
    """
    ids = np.random.default_rng(0).permutation(np.asarray(corpus.ids))
    vectors = train(corpus, ids, epochs=2, lr=0.01)
    assert top1(corpus, vectors, families) < 0.005


def test_counting_shows_signal_too(corpus, families):
    """PPMI rows, no learning: the truth is in the text, not in the network."""
    size, ids = corpus.vocab_size, np.asarray(corpus.ids)
    sentence = np.zeros(len(ids), int)
    sentence[np.asarray(corpus.sentence_starts)[1:]] = 1
    sentence = sentence.cumsum()
    counts = np.zeros((size, size))
    for distance in range(1, WINDOW + 1):
        inside = sentence[distance:] == sentence[:-distance]
        left, right = ids[:-distance][inside], ids[distance:][inside]
        counts += np.bincount(left * size + right, minlength=size * size).reshape(size, size)
    counts += counts.T
    total = counts.sum(axis=1)
    with np.errstate(divide="ignore"):
        ppmi = np.maximum(np.log2(counts * total.sum() / np.outer(total, total)), 0)
    assert top1(corpus, ppmi, families) > 0.6
