"""The compiled engine behind ``Trainer``."""

import numpy as np
import pytest

from w2vlib import (
    CBOW,
    SGD,
    Adam,
    Corpus,
    SimpleCBOW,
    SkipGram,
    Trainer,
    create_contexts_target,
    datasets,
    fast,
)


@pytest.fixture(scope="module")
def corpus():
    full = datasets.load("embedded")
    return Corpus(
        full.ids[:25_000], full.words, full.sentence_starts[full.sentence_starts < 25_000]
    )


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_trains_the_model_in_place(corpus, kind, loss, dtype):
    model = kind(corpus.vocab_size, 12, 3, corpus, loss=loss, seed=1, dtype=dtype)
    params = model.params
    before = [param.copy() for param in params]
    trainer = Trainer(model, SGD(0.05), engine="fast", seed=1, progress=False)
    epochs = []
    trainer.fit_corpus(corpus, 2, callbacks=[lambda trainer: epochs.append(trainer.epoch)])
    assert epochs == [1, 2] and trainer.epoch == 2 and not trainer.interrupted
    assert all(p is q for p, q in zip(model.params, params, strict=True))
    assert all(p.dtype == dtype and (p != b).any() for p, b in zip(params, before, strict=True))
    assert len(trainer.loss_list) == 6 and trainer.loss_list[-1] < trainer.loss_list[0]
    assert trainer.words_per_second > 0


def test_same_loss_as_the_numpy_engine(corpus):
    """The loss that the engine reports goes on where the layers' own loss stands."""
    model = CBOW(corpus.vocab_size, 20, 3, corpus, loss="hierarchical_softmax", seed=1)
    trainer = Trainer(model, SGD(0.1), engine="fast", seed=1, progress=False)
    contexts, target = create_contexts_target(corpus, 3, partial=True)
    trainer.fit_corpus(corpus, 3, validation=(contexts, target))
    assert trainer.validation_losses[-1] == pytest.approx(trainer.loss_list[-1], rel=0.1)
    assert trainer.validation_losses[-1] == pytest.approx(model.forward(contexts, target), rel=1e-5)


def test_looking_at_the_validation_loss_leaves_nothing_in_the_layers(corpus):
    model = CBOW(corpus.vocab_size, 4, 2, corpus, seed=1)
    trainer = Trainer(model, SGD(0.1), engine="fast", seed=1, progress=False)
    trainer.fit_corpus(corpus, 2, validation=create_contexts_target(corpus, 2, partial=True))
    with pytest.raises(RuntimeError, match="before forward"):
        model.backward()


def test_bare_ids_and_stop():
    ids = np.random.default_rng(0).integers(0, 20, 500)
    model = CBOW(20, 5, 2, ids, seed=1)
    trainer = Trainer(model, SGD(0.1), engine="fast", seed=1, progress=False)
    trainer.fit_corpus(ids, 50, callbacks=[lambda trainer: trainer.stop()])
    assert trainer.epoch == 1


def test_seeded(corpus):
    def vectors():
        model = SkipGram(corpus.vocab_size, 8, 2, corpus, seed=1)
        Trainer(model, SGD(0.02), engine="fast", seed=4, progress=False).fit_corpus(corpus, 1)
        return model.word_vecs

    assert (vectors() == vectors()).all()


def test_what_the_engine_does_not_have(corpus):
    def fit(model, optimizer, corpus=corpus):
        Trainer(model, optimizer, engine="fast", progress=False).fit_corpus(corpus, 1)

    model = CBOW(corpus.vocab_size, 8, 2, corpus, seed=1)
    with pytest.raises(TypeError, match=r"plain SGD only, got Adam.*SGD\(lr="):
        fit(model, Adam())
    with pytest.raises(TypeError, match="CBOW and SkipGram, got SimpleCBOW"):
        fit(SimpleCBOW(10, 4), SGD())
    with pytest.raises(ValueError, match="3 words and the model"):
        fit(model, SGD(), Corpus([0, 1, 2], ["a", "b", "c"]))
    with pytest.raises(TypeError, match="nonsense"):
        fast.fit(Trainer(model, SGD()), corpus, 1, nonsense=1)
