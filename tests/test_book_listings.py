"""Programs as readers of the book and of its study notes write them: only the imports differ.

The programs are written anew, in the same style: classes built from layers, weights shared by hand,
``params`` and ``grads`` added up in lists, results printed.
"""

import math

import numpy as np
import pytest

from tests.oracles import dot, log_sigmoid
from w2vlib import (
    CBOW,
    SGD,
    AdaGrad,
    Adam,
    Affine,
    Embedding,
    EmbeddingDot,
    MatMul,
    Momentum,
    NegativeSamplingLoss,
    Sigmoid,
    SigmoidWithLoss,
    SimpleCBOW,
    SimpleSkipGram,
    SkipGram,
    SoftmaxWithLoss,
    Trainer,
    UnigramSampler,
    WordVectors,
    analogy,
    clip_grads,
    convert_one_hot,
    cos_similarity,
    create_co_matrix,
    create_contexts_target,
    most_similar,
    ppmi,
    preprocess,
    to_cpu,
    to_gpu,
)

TEXT = "You say goodbye and I say hello."


@pytest.fixture
def tiny():
    return preprocess(TEXT)


@pytest.fixture
def stream():
    """A longer text in which every word has its fixed neighbours."""
    return preprocess("the cat sat on the mat and the dog lay on the rug . " * 6)


# ---- chapters 1 to 3 ----------------------------------------------------------------------------


class TwoLayerNet:
    """Affine, sigmoid, affine, softmax: the network of the first chapter."""

    def __init__(self, input_size, hidden_size, output_size):
        rng = np.random.default_rng(0)
        W1 = 0.1 * rng.standard_normal((input_size, hidden_size))
        W2 = 0.1 * rng.standard_normal((hidden_size, output_size))
        self.layers = [
            Affine(W1, np.zeros(hidden_size)),
            Sigmoid(),
            Affine(W2, np.zeros(output_size)),
        ]
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = [], []
        for layer in self.layers:
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, x, t):
        for layer in self.layers:
            x = layer.forward(x)
        return self.loss_layer.forward(x, t)

    def backward(self, dout=1):
        dout = self.loss_layer.backward(dout)
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


@pytest.mark.parametrize("optimizer", [SGD(3.0), Momentum(0.5), AdaGrad(0.3), Adam(0.1)])
def test_a_hand_written_training_loop(optimizer):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 2))
    t = (np.abs(x).max(axis=1) > 1).astype(int)  # inside or outside: no straight line parts them
    model = TwoLayerNet(2, 10, 2)
    losses = []
    for _ in range(300):
        losses.append(model.forward(x, t))
        model.backward()
        clip_grads(model.grads, 5.0)
        optimizer.update(model.params, model.grads)
    assert losses[-1] < 0.6 * losses[0]


def test_counting_words(tiny, capsys):
    corpus, word_to_id, id_to_word = tiny
    C = create_co_matrix(corpus, len(word_to_id), window_size=1)
    # "you" stands beside "say" only, "i" beside "and" and "say": 1 / (1 · √2)
    assert cos_similarity(C[word_to_id["you"]], C[word_to_id["i"]]) == pytest.approx(
        1 / math.sqrt(2)
    )
    ranking = most_similar("you", word_to_id, id_to_word, C.astype(float), top=5)
    assert {word for word, _ in ranking[:3]} == {"goodbye", "i", "hello"}
    W = ppmi(C, verbose=True)
    assert W.shape == (7, 7)
    U, S, _ = np.linalg.svd(W)
    assert np.allclose((U * S) @ (U * S).T, W @ W.T, atol=1e-5)
    assert "PPMI" in capsys.readouterr().out


def test_one_hot_times_matrix(tiny):
    corpus, word_to_id, _ = tiny
    c0 = np.array([[1, 0, 0, 0, 0, 0, 0]])
    c1 = np.array([[0, 0, 1, 0, 0, 0, 0]])
    W_in = np.random.default_rng(0).standard_normal((7, 3))
    in_layer0, in_layer1, out_layer = MatMul(W_in), MatMul(W_in), MatMul(W_in.T.copy())
    h = 0.5 * (in_layer0.forward(c0) + in_layer1.forward(c1))
    s = out_layer.forward(h)
    assert s.shape == (1, 7)
    assert h == pytest.approx((W_in[[0]] + W_in[[2]]) / 2)
    contexts, target = create_contexts_target(corpus, window_size=1)
    assert contexts.tolist() == [[0, 2], [1, 3], [2, 4], [3, 1], [4, 5], [1, 6]]
    assert target.tolist() == [1, 2, 3, 4, 1, 5]
    assert convert_one_hot(contexts, len(word_to_id)).shape == (6, 2, 7)


class HandMadeSimpleCBOW:
    """Two MatMul layers share W_in; their outputs are averaged."""

    def __init__(self, vocab_size, hidden_size):
        rng = np.random.default_rng(0)
        W_in = 0.01 * rng.standard_normal((vocab_size, hidden_size)).astype("f")
        W_out = 0.01 * rng.standard_normal((hidden_size, vocab_size)).astype("f")
        self.in_layer0 = MatMul(W_in)
        self.in_layer1 = MatMul(W_in)
        self.out_layer = MatMul(W_out)
        self.loss_layer = SoftmaxWithLoss()
        self.params, self.grads = [], []
        for layer in [self.in_layer0, self.in_layer1, self.out_layer]:
            self.params += layer.params
            self.grads += layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        h0 = self.in_layer0.forward(contexts[:, 0])
        h1 = self.in_layer1.forward(contexts[:, 1])
        score = self.out_layer.forward((h0 + h1) * 0.5)
        return self.loss_layer.forward(score, target)

    def backward(self, dout=1):
        ds = self.loss_layer.backward(dout)
        da = self.out_layer.backward(ds) * 0.5
        self.in_layer1.backward(da)
        self.in_layer0.backward(da)


def as_library(hand_made, model):
    """The library's model with the same starting weights."""
    for ours, theirs in zip(model.params, hand_made, strict=True):
        ours[...] = theirs
    return model


def fit(model, contexts, target, epochs=5, lr=0.01):
    trainer = Trainer(model, Adam(lr), seed=0)
    trainer.fit(contexts, target, epochs, 3)
    return trainer


def test_simple_cbow_by_hand_is_that_of_the_library(tiny):
    corpus, word_to_id, _ = tiny
    V = len(word_to_id)
    contexts, target = create_contexts_target(corpus, 1)
    contexts, target = convert_one_hot(contexts, V), convert_one_hot(target, V)
    hand_made = HandMadeSimpleCBOW(V, 5)
    library = as_library(hand_made.params[1:], SimpleCBOW(V, 5))
    one, two = (fit(model, contexts, target, 40) for model in (hand_made, library))
    assert one.loss_list == pytest.approx(two.loss_list, rel=1e-4)
    assert hand_made.word_vecs == pytest.approx(library.word_vecs, rel=1e-3, abs=1e-5)
    assert one.loss_list[-1] < 0.9 * one.loss_list[0]


class HandMadeSimpleSkipGram:
    """One word in, two loss layers out."""

    def __init__(self, vocab_size, hidden_size):
        rng = np.random.default_rng(0)
        W_in = 0.01 * rng.standard_normal((vocab_size, hidden_size)).astype("f")
        W_out = 0.01 * rng.standard_normal((hidden_size, vocab_size)).astype("f")
        self.in_layer, self.out_layer = MatMul(W_in), MatMul(W_out)
        self.loss_layer1, self.loss_layer2 = SoftmaxWithLoss(), SoftmaxWithLoss()
        self.params = self.in_layer.params + self.out_layer.params
        self.grads = self.in_layer.grads + self.out_layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        s = self.out_layer.forward(self.in_layer.forward(target))
        l1 = self.loss_layer1.forward(s, contexts[:, 0])
        l2 = self.loss_layer2.forward(s, contexts[:, 1])
        return l1 + l2

    def backward(self, dout=1):
        ds = self.loss_layer1.backward(dout) + self.loss_layer2.backward(dout)
        self.in_layer.backward(self.out_layer.backward(ds))


def test_simple_skip_gram_by_hand_is_that_of_the_library(tiny):
    corpus, word_to_id, _ = tiny
    V = len(word_to_id)
    contexts, target = create_contexts_target(corpus, 1)
    contexts, target = convert_one_hot(contexts, V), convert_one_hot(target, V)
    hand_made = HandMadeSimpleSkipGram(V, 5)
    library = as_library(hand_made.params, SimpleSkipGram(V, 5))
    one, two = (fit(model, contexts, target, 20) for model in (hand_made, library))
    assert one.loss_list == pytest.approx(two.loss_list, rel=1e-5)
    assert hand_made.word_vecs == pytest.approx(library.word_vecs, rel=1e-4, abs=1e-6)


# ---- chapter 4 ----------------------------------------------------------------------------------


def test_an_embedding_layer():
    W = np.arange(21).reshape(7, 3).astype("f")
    embed = Embedding(W)
    assert embed.forward(np.array([0, 2, 0])).tolist() == [[0, 1, 2], [6, 7, 8], [0, 1, 2]]
    embed.backward(np.ones((3, 3), dtype="f"))
    (dW,) = embed.grads
    assert dW[[0, 2]].tolist() == [[2, 2, 2], [1, 1, 1]]
    assert dW.sum() == 9


def test_an_embedding_dot_layer():
    W = np.arange(21).reshape(7, 3).astype("f")
    layer = EmbeddingDot(W)
    h = np.arange(9).reshape(3, 3).astype("f")
    out = layer.forward(h, np.array([0, 3, 1]))
    # (0 1 2)·(0 1 2) = 5, (3 4 5)·(9 10 11) = 122, (6 7 8)·(3 4 5) = 86
    assert out.tolist() == [5, 122, 86]
    dh = layer.backward(np.ones(3, dtype="f"))
    assert dh.tolist() == W[[0, 3, 1]].tolist()


def test_a_unigram_sampler():
    corpus = np.array([0, 1, 2, 3, 4, 1, 2, 3])
    sampler = UnigramSampler(corpus, 0.75, 2)
    target = np.array([1, 3, 0])
    negative_sample = sampler.get_negative_sample(target)
    assert negative_sample.shape == (3, 2)
    assert not (negative_sample == target.reshape(-1, 1)).any()


class HandMadeLoss:
    """Negative sampling from K + 1 layers of each kind that share one W."""

    def __init__(self, W, corpus, power=0.75, sample_size=5):
        self.sample_size = sample_size
        self.sampler = UnigramSampler(corpus, power, sample_size)
        self.loss_layers = [SigmoidWithLoss() for _ in range(sample_size + 1)]
        self.embed_dot_layers = [EmbeddingDot(W) for _ in range(sample_size + 1)]
        self.params, self.grads = [], []
        for layer in self.embed_dot_layers:
            self.params += layer.params
            self.grads += layer.grads

    def forward(self, h, target):
        batch_size = target.shape[0]
        self.negative_sample = self.sampler.get_negative_sample(target)
        score = self.embed_dot_layers[0].forward(h, target)
        correct_label = np.ones(batch_size, dtype=np.int32)
        loss = self.loss_layers[0].forward(score, correct_label)
        negative_label = np.zeros(batch_size, dtype=np.int32)
        for i in range(self.sample_size):
            score = self.embed_dot_layers[1 + i].forward(h, self.negative_sample[:, i])
            loss += self.loss_layers[1 + i].forward(score, negative_label)
        return loss

    def backward(self, dout=1):
        dh = 0
        for l0, l1 in zip(self.loss_layers, self.embed_dot_layers, strict=True):
            dh += l1.backward(l0.backward(dout))
        return dh


def test_negative_sampling_by_hand_is_that_of_the_library(stream):
    corpus, word_to_id, _ = stream
    rng = np.random.default_rng(0)
    W = rng.standard_normal((len(word_to_id), 4)).astype("f")
    h, target = rng.standard_normal((9, 4)).astype("f"), corpus[:9]
    hand_made = HandMadeLoss(W, corpus)
    loss = hand_made.forward(h, target)
    library = NegativeSamplingLoss(W, corpus, power=0.75, sample_size=5)
    assert library.forward(h, target, hand_made.negative_sample) == pytest.approx(loss, rel=1e-5)
    assert hand_made.backward() == pytest.approx(library.backward(), rel=1e-4, abs=1e-6)
    assert sum(hand_made.grads) == pytest.approx(library.grads[0], rel=1e-4, abs=1e-6)
    truth = [-log_sigmoid(dot(row, W[t])) for row, t in zip(h, target, strict=True)]
    for k in range(5):
        for row, word in zip(h, hand_made.negative_sample[:, k], strict=True):
            truth.append(-log_sigmoid(-dot(row, W[word])))
    assert loss == pytest.approx(math.fsum(truth) / 9, rel=1e-5)


class HandMadeCBOW:
    """2 · window_size Embedding layers share W_in; the loss has W_out."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        V, H = vocab_size, hidden_size
        rng = np.random.default_rng(0)
        W_in = 0.01 * rng.standard_normal((V, H)).astype("f")
        W_out = 0.01 * rng.standard_normal((V, H)).astype("f")
        self.in_layers = []
        for _ in range(2 * window_size):
            layer = Embedding(W_in)
            self.in_layers.append(layer)
        self.ns_loss = NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5, seed=7)
        layers = [*self.in_layers, self.ns_loss]
        self.params, self.grads = [], []
        for layer in layers:
            self.params += layer.params
            self.grads += layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        h = 0
        for i, layer in enumerate(self.in_layers):
            h += layer.forward(contexts[:, i])
        h *= 1 / len(self.in_layers)
        return self.ns_loss.forward(h, target)

    def backward(self, dout=1):
        dout = self.ns_loss.backward(dout)
        dout *= 1 / len(self.in_layers)
        for layer in self.in_layers:
            layer.backward(dout)


def test_cbow_by_hand_is_that_of_the_library(stream):
    corpus, word_to_id, _ = stream
    V = len(word_to_id)
    contexts, target = create_contexts_target(corpus, 2)
    hand_made = HandMadeCBOW(V, 5, 2, corpus)
    library = as_library(hand_made.params[-2:], CBOW(V, 5, 2, corpus))
    library.loss_layer.sampler = UnigramSampler(corpus, 0.75, 5, seed=7, vocab_size=V)
    one, two = (fit(model, contexts, target, 6) for model in (hand_made, library))
    assert one.loss_list == pytest.approx(two.loss_list, rel=1e-4)
    assert hand_made.word_vecs == pytest.approx(library.word_vecs, rel=1e-2, abs=1e-4)
    assert one.loss_list[-1] < one.loss_list[0]


class HandMadeSkipGram:
    """One loss layer for each context, all on one W_out."""

    def __init__(self, vocab_size, hidden_size, window_size, corpus):
        V, H = vocab_size, hidden_size
        rng = np.random.default_rng(0)
        W_in = 0.01 * rng.standard_normal((V, H)).astype("f")
        W_out = 0.01 * rng.standard_normal((V, H)).astype("f")
        self.in_layer = Embedding(W_in)
        self.loss_layers = []
        for _ in range(2 * window_size):
            layer = NegativeSamplingLoss(W_out, corpus, power=0.75, sample_size=5)
            self.loss_layers.append(layer)
        self.params, self.grads = [], []
        for layer in [self.in_layer, *self.loss_layers]:
            self.params += layer.params
            self.grads += layer.grads
        self.word_vecs = W_in

    def forward(self, contexts, target):
        h = self.in_layer.forward(target)
        loss = 0
        for i, layer in enumerate(self.loss_layers):
            loss += layer.forward(h, contexts[:, i])
        return loss

    def backward(self, dout=1):
        dh = 0
        for layer in self.loss_layers:
            dh += layer.backward(dout)
        self.in_layer.backward(dh)


def test_skip_gram_by_hand_is_that_of_the_library(stream):
    corpus, word_to_id, _ = stream
    V = len(word_to_id)
    contexts, target = create_contexts_target(corpus, 2)
    hand_made = HandMadeSkipGram(V, 5, 2, corpus)
    library = as_library(hand_made.params[:2], SkipGram(V, 5, 2, corpus))
    loss = hand_made.forward(contexts, target)
    negatives = np.stack([layer.negatives for layer in hand_made.loss_layers], axis=1)
    assert library.forward(contexts, target, negatives) == pytest.approx(loss, rel=1e-5)
    hand_made.backward()
    library.backward()
    assert hand_made.grads[0] == pytest.approx(library.grads[0], rel=1e-4, abs=1e-7)
    assert sum(hand_made.grads[1:]) == pytest.approx(library.grads[1], rel=1e-4, abs=1e-7)
    trainer = fit(hand_made, contexts, target, 6)
    assert trainer.loss_list[-1] < trainer.loss_list[0]


@pytest.mark.parametrize("make", [CBOW, SkipGram])
def test_a_training_script(make, stream, capsys):
    """Hyperparameters, data, model, fit, plot, word vectors, queries."""
    import matplotlib as mpl

    mpl.use("Agg")
    window_size, hidden_size, batch_size, max_epoch = 2, 8, 10, 4
    corpus, word_to_id, id_to_word = stream
    vocab_size = len(word_to_id)
    contexts, target = create_contexts_target(corpus, window_size)
    contexts, target = to_gpu_quietly(contexts), to_gpu_quietly(target)
    model = make(vocab_size, hidden_size, window_size, corpus)
    optimizer = Adam()
    trainer = Trainer(model, optimizer)
    trainer.fit(contexts, target, max_epoch, batch_size)
    trainer.plot()
    word_vecs = to_cpu(model.word_vecs)
    assert word_vecs.shape == (vocab_size, hidden_size)
    assert trainer.loss_batches == [8, 28, 32]  # 4 epochs of 8 batches, a point every 20
    assert len(trainer.loss_list) == 3
    for query in ["cat", "dog", "."]:
        assert len(most_similar(query, word_to_id, id_to_word, word_vecs, top=5)) == 5
    found = analogy("cat", "sat", "dog", word_to_id, id_to_word, word_vecs)
    assert len(found) == 5
    answered = analogy("cat", "sat", "dog", word_to_id, id_to_word, word_vecs, answer="lay")
    assert answered == found
    assert "==>lay: " in capsys.readouterr().out
    vectors = WordVectors(list(word_to_id), word_vecs)
    assert [word for word, _ in vectors.most_similar("cat", top=3)] == [
        word for word, _ in most_similar("cat", word_to_id, id_to_word, word_vecs, top=3)
    ]


def to_gpu_quietly(x):
    """As a script with ``if config.GPU:`` does, without the notice that there is none here."""
    from w2vlib.backend import gpu_available

    return to_gpu(x) if gpu_available() else x


@pytest.mark.real_text
def test_penn_treebank_comes_as_the_books_triple(real_data):
    from w2vlib.datasets import ptb

    corpus, word_to_id, id_to_word = ptb.load_data("train")
    assert len(corpus) == 929_589
    assert len(word_to_id) == len(id_to_word) == 10_000
    assert [id_to_word[i] for i in range(3)] == ["aer", "banknote", "berlitz"]
    assert word_to_id["car"] == 3856
