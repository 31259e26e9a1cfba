"""The training loop: what it counts, what it keeps, and what it must not disturb."""

import gc
import math
import pickle
import sys
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import run_python
from w2vlib import layers
from w2vlib.corpus import build_corpus, convert_one_hot, create_contexts_target
from w2vlib.layers import Embedding, MatMul, forward_only
from w2vlib.models import CBOW, SimpleCBOW, SkipGram, WindowClassifier
from w2vlib.optimizers import SGD, Adam
from w2vlib.sparse import RowGradient
from w2vlib.trainer import Trainer, remove_duplicate

CORPUS = np.tile([0, 1, 2, 3, 4, 1, 2, 1, 0, 3], 5)
V = 5


class Recorder:
    """A model that writes down what it is given; its loss is the mean of the targets."""

    def __init__(self):
        self.params, self.grads = [np.zeros(2)], [np.ones(2)]
        self.batches, self.log = [], []

    def forward(self, contexts, target):
        self.batches.append((contexts.copy(), target.copy()))
        self.log.append("forward")
        return float(np.mean(target))

    def backward(self):
        self.log.append("backward")


class Counter:
    """An optimiser that counts its updates."""

    def __init__(self):
        self.updates = 0

    def update(self, params, grads):
        self.updates += 1
        for p, g in zip(params, grads, strict=True):
            p -= g


def recorded(n=7, **options):
    model, optimizer = Recorder(), Counter()
    trainer = Trainer(model, optimizer, seed=0, progress=False)
    trainer.fit(np.arange(2 * n).reshape(n, 2), np.arange(n), **options)
    return model, optimizer, trainer


def cbow(seed=0, **options):
    return CBOW(V, 3, 1, CORPUS, seed=seed, **options)


DATA = create_contexts_target(CORPUS, 1)


# ---- batches ------------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(1, 15), st.integers(1, 3))
def test_every_example_counts_once_an_epoch(n, batch_size, epochs):
    model, optimizer, trainer = recorded(n, max_epoch=epochs, batch_size=batch_size)
    steps = math.ceil(n / batch_size)
    assert optimizer.updates == len(model.batches) == epochs * steps
    assert model.log == ["forward", "backward"] * (epochs * steps)
    sizes = [len(target) for _, target in model.batches]
    last = n - (steps - 1) * batch_size
    assert sizes == ([batch_size] * (steps - 1) + [last]) * epochs
    for epoch in range(epochs):
        part = model.batches[epoch * steps : (epoch + 1) * steps]
        seen = np.concatenate([target for _, target in part])
        assert sorted(seen.tolist()) == list(range(n))
    for contexts, target in model.batches:  # rows stay together
        assert np.array_equal(contexts, np.stack([2 * target, 2 * target + 1], axis=1))
    assert trainer.epoch == epochs


def test_each_epoch_has_its_own_order():
    model, _, _ = recorded(40, max_epoch=3, batch_size=40)
    orders = [target.tolist() for _, target in model.batches]
    assert orders[0] != orders[1] != orders[2] != orders[0]
    assert orders[0] != sorted(orders[0])


def test_the_defaults_are_those_of_the_book():
    model, optimizer, _ = recorded(33)
    assert [len(t) for _, t in model.batches[:2]] == [32, 1]
    assert optimizer.updates == 2 * 10


def test_data_may_be_read_only_and_strided_and_stays():
    contexts, target = (np.repeat(a, 2, axis=0)[::2] for a in DATA)
    before = contexts.copy(), target.copy()
    contexts.setflags(write=False)
    target.setflags(write=False)
    trainer = Trainer(cbow(), SGD(), seed=0, progress=False)
    trainer.fit(contexts, target, 2, 4)
    assert np.array_equal(contexts, before[0])
    assert np.array_equal(target, before[1])


def test_no_copy_of_the_data_per_epoch():
    n = 200_000
    contexts, target = np.zeros((n, 20), np.int32), np.zeros(n, np.int32)  # 16 MB
    model = Recorder()
    model.forward = lambda contexts, target: 0.0
    trainer = Trainer(model, Counter(), seed=0, progress=False)
    gc.collect()
    tracemalloc.start()
    trainer.fit(contexts, target, 2, 1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The order of the examples: 8 bytes each, for a moment twice; the data would be 84 bytes each.
    assert peak < 24 * n


# ---- seeds --------------------------------------------------------------------------------------


def test_the_seed_decides_in_a_fresh_process_too():
    code = """
import numpy as np
from w2vlib import CBOW, Adam, Trainer, create_contexts_target
corpus = np.tile([0, 1, 2, 3, 4, 1, 2, 1, 0, 3], 5)
trainer = Trainer(CBOW(5, 3, 1, corpus, seed=0), Adam(), seed=1)
trainer.fit(*create_contexts_target(corpus, 1), 3, 7)
print(trainer.model.word_vecs.tobytes().hex(), trainer.loss_list)
"""
    trainer = Trainer(cbow(), Adam(), seed=1, progress=False)
    trainer.fit(*DATA, 3, 7)
    here = f"{trainer.model.word_vecs.tobytes().hex()} {trainer.loss_list}\n"
    assert run_python(code) == here
    other = Trainer(cbow(), Adam(), seed=2, progress=False)
    other.fit(*DATA, 3, 7)
    assert not np.array_equal(other.model.word_vecs, trainer.model.word_vecs)


def test_a_generator_may_be_shared():
    rng = np.random.default_rng(3)
    assert Trainer(cbow(), SGD(), rng=rng).rng is rng
    with pytest.raises(ValueError, match="either rng or seed"):
        Trainer(cbow(), SGD(), rng=rng, seed=0)


def test_training_in_two_parts_is_training():
    whole, parts = (Trainer(cbow(), Adam(), seed=1, progress=False) for _ in range(2))
    whole.fit(*DATA, 4, 7)
    parts.fit(*DATA, 1, 7)
    parts.fit(*DATA, 3, 7)
    assert np.array_equal(whole.model.word_vecs, parts.model.word_vecs)
    assert whole.epoch == parts.epoch == 4


def test_global_random_state_is_untouched():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    Trainer(cbow(), SGD(), progress=False).fit(*DATA, 1, 7)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


# ---- the loss curve -----------------------------------------------------------------------------


def test_each_entry_is_the_mean_of_eval_interval_batches():
    model, _, trainer = recorded(10, max_epoch=1, batch_size=1, eval_interval=4)
    losses = [float(target.mean()) for _, target in model.batches]
    truth = [np.mean(losses[:4]), np.mean(losses[4:8]), np.mean(losses[8:])]
    assert trainer.loss_list == pytest.approx(truth)
    assert trainer.eval_interval == 4
    assert trainer.words_per_second > 0


def test_intervals_run_on_over_the_ends_of_epochs():
    model, _, trainer = recorded(6, max_epoch=4, batch_size=2, eval_interval=5)
    losses = [float(target.mean()) for _, target in model.batches]
    # 12 batches; a first point after the first epoch, since 5 batches are not yet full then.
    truth = [np.mean(losses[:3]), np.mean(losses[3:8]), np.mean(losses[8:])]
    assert trainer.loss_list == pytest.approx(truth)
    assert trainer.loss_batches == [3, 8, 12]
    assert trainer.batches == 12
    trainer.fit(np.ones((2, 2)), np.ones(2), 2, 1, eval_interval=3)
    assert trainer.loss_batches == [3, 8, 12, 15, 16]  # it goes on


def test_the_shortest_training_has_a_point_to_draw():
    _, _, trainer = recorded(1, max_epoch=1, batch_size=1)
    assert trainer.loss_list == [0]


def test_the_loss_falls():
    trainer = Trainer(cbow(dtype=np.float64), Adam(0.01), seed=0, progress=False)
    trainer.fit(*DATA, 60, 8, eval_interval=60)
    assert trainer.loss_list[-1] < 0.8 * trainer.loss_list[0]


def test_plot():
    import matplotlib as mpl

    mpl.use("Agg")
    _, _, trainer = recorded(
        10, max_epoch=2, batch_size=2, eval_interval=2, validation=(np.ones((2, 2)), np.ones(2))
    )
    axes = trainer.plot(ylim=(0, 9))
    training, validation = axes.lines
    assert training.get_xdata().tolist() == [2, 4, 6, 8, 10]
    assert training.get_ydata().tolist() == trainer.loss_list
    assert validation.get_xdata().tolist() == [5, 10]  # after each epoch of 5 batches
    trainer.fit(np.ones((4, 2)), np.ones(4), 1, 1, eval_interval=3, validation=DATA)
    assert trainer.plot().lines[0].get_xdata().tolist() == [2, 4, 6, 8, 10, 13, 14]
    assert trainer.plot().lines[1].get_xdata().tolist() == [5, 10, 14]
    assert validation.get_ydata().tolist() == [1, 1]
    assert axes.get_ylim() == (0, 9)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("batches (mean over 2)", "loss")
    assert [text.get_text() for text in axes.get_legend().texts] == [
        "training loss",
        "validation loss",
    ]


def test_plot_of_losses_from_elsewhere():
    import matplotlib as mpl

    mpl.use("Agg")
    trainer = Trainer(Recorder(), Counter())
    trainer.loss_list, trainer.validation_losses = [3.0, 2.0, 1.0, 0.0], [2.0, 1.0]
    assert trainer.plot().lines[0].get_xdata().tolist() == [20, 40, 60, 80]
    assert trainer.plot().lines[1].get_xdata().tolist() == [40, 80]


def test_plot_without_validation_and_before_training():
    import matplotlib as mpl

    mpl.use("Agg")
    _, _, trainer = recorded()
    assert len(trainer.plot().lines) == 1
    fresh = Trainer(Recorder(), Counter())
    assert len(fresh.plot().lines[0].get_xdata()) == 0


# ---- validation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [CBOW, SkipGram])
@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
def test_validation_does_not_change_the_training(make, loss):
    contexts, target = DATA
    models = [make(V, 3, 1, CORPUS, seed=0, loss=loss) for _ in range(2)]
    trainers = [Trainer(model, Adam(0.01), seed=0, progress=False) for model in models]
    trainers[0].fit(contexts, target, 3, 8)
    trainers[1].fit(contexts, target, 3, 8, validation=(contexts[:9], target[:9]))
    assert all(np.array_equal(a, b) for a, b in zip(models[0].params, models[1].params))  # noqa: B905
    assert trainers[0].loss_list == trainers[1].loss_list
    assert len(trainers[1].validation_losses) == 3
    assert trainers[0].validation_losses == []


def test_the_validation_loss_is_that_of_the_whole_set_on_fixed_negatives():
    contexts, target = DATA
    model = cbow()
    trainer = Trainer(model, SGD(0.0), seed=0, progress=False)
    trainer.fit(contexts, target, 2, 7, validation=DATA)  # 48 examples: 6 batches of 7, one of 6
    negatives = model.loss_layer.sampler.get_negative_sample(target, rng=np.random.default_rng(0))
    truth = model.forward(contexts, target, negatives=negatives)
    assert trainer.validation_losses == pytest.approx([truth, truth], rel=1e-6)


def test_validation_is_cut_into_batches():
    model, _, trainer = recorded(
        4, max_epoch=1, batch_size=3, validation=(np.zeros((8, 2)), np.arange(8.0))
    )
    assert [len(t) for _, t in model.batches] == [3, 1, 3, 3, 2]
    assert trainer.validation_losses == [3.5]
    assert model.log[4:] == ["forward"] * 3


def test_validation_of_models_without_a_sampler():
    contexts, target = (convert_one_hot(a, V) for a in DATA)
    model = SimpleCBOW(V, 3, seed=0)
    trainer = Trainer(model, SGD(0.0), seed=0, progress=False)
    trainer.fit(contexts, target, 1, 10, validation=(contexts, target))
    assert trainer.validation_losses == pytest.approx([model.forward(contexts, target)], rel=1e-6)


def test_validation_leaves_nothing_in_the_layers():
    model = cbow()
    trainer = Trainer(model, SGD(), seed=0, progress=False)
    trainer.fit(*DATA, 1, 48, validation=DATA)
    assert len(model.in_layer._memory) == 1  # that of the training step


def test_forward_only_remembers_nothing():
    layer = MatMul(np.array([[2.0]]))
    layer.forward([[3.0]])
    with forward_only():
        layer.forward([[5.0]])
        with forward_only():
            layer.forward([[7.0]])
        layer.forward([[9.0]])
    layer.backward([[1.0]])
    assert layer.grads[0].tolist() == [[3]]
    with pytest.raises(ZeroDivisionError), forward_only():
        raise ZeroDivisionError
    layer.forward([[4.0]])  # remembered again
    layer.backward([[1.0]])
    assert layer.grads[0].tolist() == [[4]]
    assert not layers._forward_only.get()


@pytest.mark.parametrize(
    "validation", [(np.zeros((0, 2)), np.zeros(0)), (np.zeros((2, 2)), np.zeros(3)), (1,), (1, 2)]
)
def test_validation_data_that_cannot_be(validation):
    with pytest.raises(ValueError, match="^validation.*contexts"):
        recorded(validation=validation)


# ---- callbacks, stopping, interrupting ----------------------------------------------------------


def test_functions_are_called_after_each_epoch():
    epochs = []
    recorded(4, max_epoch=3, batch_size=2, callbacks=[lambda trainer: epochs.append(trainer.epoch)])
    assert epochs == [1, 2, 3]


def test_objects_have_the_methods_they_have_called():
    class OnBatch:
        def __init__(self):
            self.calls = []

        def on_batch(self, trainer):
            self.calls.append(trainer.optimizer.updates)

    class OnEpoch:
        def __init__(self):
            self.calls = []

        def on_epoch(self, trainer):
            self.calls.append((trainer.epoch, list(trainer.validation_losses)))

    class Both(OnBatch):
        def on_epoch(self, trainer):
            self.calls.append("epoch")

        def __call__(self, trainer):
            raise AssertionError("its methods are called instead")

    batch, epoch, both = OnBatch(), OnEpoch(), Both()
    recorded(
        4, max_epoch=2, batch_size=2, callbacks=(c for c in (batch, epoch, both)),
        validation=(np.ones((1, 2)), np.ones(1)),
    )  # fmt: skip
    assert batch.calls == [1, 2, 3, 4]
    assert epoch.calls == [(1, [1]), (2, [1, 1])]
    assert both.calls == [1, 2, "epoch", 3, 4, "epoch"]


@pytest.mark.parametrize("callbacks", [[3], ["loss"], [None, print], [object()], print, None])
def test_callbacks_are_checked_before_training(callbacks):
    model, optimizer = Recorder(), Counter()
    with pytest.raises(TypeError, match="^callbacks"):
        Trainer(model, optimizer).fit(np.ones((2, 2)), np.ones(2), callbacks=callbacks)
    assert model.batches == []


def test_stop_after_a_step():
    class AtThree:
        def on_batch(self, trainer):
            if trainer.optimizer.updates == 3:
                trainer.stop()

    _, optimizer, trainer = recorded(8, max_epoch=5, batch_size=2, callbacks=[AtThree()])
    assert (optimizer.updates, trainer.epoch, trainer.interrupted) == (3, 0, False)
    assert len(trainer.loss_list) == 1
    trainer.fit(np.ones((2, 2)), np.ones(2), 1)  # and on again
    assert (optimizer.updates, trainer.epoch) == (4, 1)


def test_stop_after_an_epoch():
    _, optimizer, trainer = recorded(
        8, max_epoch=5, batch_size=2, callbacks=[lambda t: t.stop() if t.epoch == 2 else None]
    )
    assert (optimizer.updates, trainer.epoch) == (8, 2)


def test_an_interrupt_keeps_what_was_learned(capsys):
    model, optimizer = Recorder(), Counter()
    forward = model.forward

    def interrupted(contexts, target):
        if optimizer.updates == 5:
            raise KeyboardInterrupt
        return forward(contexts, target)

    model.forward = interrupted
    trainer = Trainer(model, optimizer, seed=0, progress=False)
    trainer.fit(np.ones((8, 2)), np.ones(8), 4, 2, eval_interval=2)
    assert trainer.interrupted
    assert (optimizer.updates, trainer.epoch) == (5, 1)
    assert model.params[0].tolist() == [-5, -5]
    assert trainer.loss_list == [1, 1, 1]  # two full intervals and the rest
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == "Interrupted in epoch 2: the model keeps what it has learned.\n"
    model.forward = forward
    trainer.fit(np.ones((8, 2)), np.ones(8), 1, 2)
    assert not trainer.interrupted


def test_other_errors_are_not_swallowed():
    def broken(trainer):
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        recorded(callbacks=[broken])


# ---- steps --------------------------------------------------------------------------------------


def test_gradients_are_clipped_when_asked():
    # Each gradient is (1, 1), of length √2; clipped to 1 it is (1, 1) / √2.
    model, _, _ = recorded(1, max_epoch=1, max_grad=1.0)
    assert model.params[0] == pytest.approx(np.full(2, -1 / math.sqrt(2)))
    model, _, _ = recorded(1, max_epoch=1, max_grad=10)
    assert model.params[0].tolist() == [-1, -1]
    for max_grad, error in ((0, ValueError), (np.nan, ValueError), ("5", TypeError)):
        with pytest.raises(error, match="^max_grad must be"):
            recorded(max_grad=max_grad)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_lost_training_stops_before_it_spoils_the_model(value):
    model, optimizer = Recorder(), Counter()
    model.forward = lambda contexts, target: 1.0 if optimizer.updates < 2 else value
    trainer = Trainer(model, optimizer, seed=0, progress=False)
    with pytest.raises(FloatingPointError, match="loss is (nan|inf) in epoch 2.*learning rate"):
        trainer.fit(np.ones((2, 2)), np.ones(2), 5, 1)
    assert optimizer.updates == 2
    assert model.params[0].tolist() == [-2, -2]
    assert trainer.loss_list  # what there was


def test_a_step_that_is_too_large_is_told_by_its_name():
    class Giant(Counter):
        def update(self, params, grads):
            params[0][:] = np.inf

    trainer = Trainer(cbow(), Giant(), seed=0, progress=False)
    with pytest.raises(FloatingPointError, match="weights are NaN or infinite.*learning rate"):
        trainer.fit(*DATA, 50, 8)
    sound = Trainer(cbow(), SGD(), seed=0, progress=False)
    with pytest.raises(ValueError, match="contexts must have shape"):  # other errors stay
        sound.fit(DATA[0][:, :1], DATA[1])


def test_one_weight_in_two_layers_is_updated_once():
    W = np.zeros((3, 1))

    class Twice(Recorder):
        def __init__(self):
            self.params, self.grads = [W, W], [np.ones((3, 1)), 2 * np.ones((3, 1))]

        def forward(self, contexts, target):
            return 0.0

        def backward(self):
            pass

    Trainer(Twice(), SGD(1.0), progress=False).fit(np.ones((1, 1)), np.ones(1), 1)
    assert W.ravel().tolist() == [-3, -3, -3]


# ---- shared weights -----------------------------------------------------------------------------


def test_shared_memory_is_one_parameter():
    W, g, h = np.ones((3, 2)), np.full((3, 2), 1.0), np.full((3, 2), 2.0)
    params, grads = remove_duplicate([W, W, W], [g, h, h.copy()])
    assert len(params) == 1
    assert params[0] is W
    assert (grads[0] == 5).all()
    assert (g == 1).all()  # not changed
    view = W[:]
    params, grads = remove_duplicate([W, view], [g, h])
    assert len(params) == 1
    assert (grads[0] == 3).all()


def test_equal_numbers_are_not_one_parameter():
    W = np.zeros((3, 2))
    grads = [np.ones((3, 2)), np.ones((3, 2))]
    params, kept = remove_duplicate([W, W.copy()], grads)
    assert len(params) == 2
    assert kept[0] is grads[0]
    assert kept[1] is grads[1]


@pytest.mark.parametrize("parts", [lambda W: W[:1], lambda W: W[1:], lambda W: W[:, :1]])
def test_parts_of_a_matrix_are_other_parameters(parts):
    W = np.ones((2, 2))
    params, _ = remove_duplicate([W, parts(W)], [np.ones((2, 2)), np.ones(parts(W).shape)])
    assert len(params) == 2


def test_one_gradient_listed_twice_counts_once():
    # The same layer listed twice: its gradient is already the sum over its uses.
    W, g = np.ones((2, 2)), np.ones((2, 2))
    assert (remove_duplicate([W, W], [g, g])[1][0] == 1).all()
    sparse = RowGradient(np.array([1]), np.ones((1, 2)), (2, 2))
    total = remove_duplicate([W, W, W, W], [g, sparse, sparse, g])[1][0]
    assert total.tolist() == [[1, 1], [2, 2]]


@pytest.mark.parametrize("shape", [(3, 2), (2, 2), (1, 3), (3, 1), (1, 1)])
@pytest.mark.parametrize("first", ["W", "W.T"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_transpose_in_the_same_memory_is_the_same(shape, first, order):
    W = np.ones(shape, order=order)
    g, t = np.random.default_rng(0).random(shape), np.random.default_rng(1).random(shape).T
    if first == "W":
        params, grads = remove_duplicate([W, W.T], [g, t])
        assert params[0] is W
        assert grads[0] == pytest.approx(g + t.T)
    else:
        params, grads = remove_duplicate([W.T, W], [t, g])
        assert grads[0] == pytest.approx(t + g.T)
    assert len(params) == 1
    assert params[0].shape == grads[0].shape


@pytest.mark.parametrize("sparse_first", [True, False])
def test_sparse_and_dense_gradients_of_one_parameter(sparse_first):
    W = np.ones((3, 2))
    sparse = RowGradient(np.array([1, 1]), np.ones((2, 2)), (3, 2))
    grads = [sparse, np.ones((3, 2))] if sparse_first else [np.ones((3, 2)), sparse]
    assert remove_duplicate([W, W], grads)[1][0].tolist() == [[1, 1], [3, 3], [1, 1]]
    grads = [sparse, np.ones((2, 3))] if sparse_first else [np.ones((2, 3)), sparse]
    params = [W, W.T] if sparse_first else [W.T, W]
    total = remove_duplicate(params, grads)[1][0]
    assert (total if sparse_first else total.T).tolist() == [[1, 1], [3, 3], [1, 1]]
    assert sparse.to_dense().tolist() == [[0, 0], [2, 2], [0, 0]]


def test_two_sparse_gradients_stay_sparse():
    W = np.ones((3, 2))
    grads = [RowGradient(np.array([i]), np.ones((1, 2)), (3, 2)) for i in (1, 2)]
    (total,) = remove_duplicate([W, W], grads)[1]
    assert isinstance(total, RowGradient)
    assert total.to_dense().tolist() == [[0, 0], [1, 1], [1, 1]]


def test_vectors_are_shared_too():
    b = np.ones(3)
    params, grads = remove_duplicate([b, b, np.ones(3)], [np.ones(3), np.ones(3), np.ones(3)])
    assert [g.tolist() for g in grads] == [[2, 2, 2], [1, 1, 1]]
    assert len(params) == 2


def test_lists_of_different_length():
    with pytest.raises(ValueError):
        remove_duplicate([np.ones(2)], [])


# ---- whole corpora ------------------------------------------------------------------------------


def test_fit_corpus_makes_the_windows():
    one, two = (Trainer(cbow(), SGD(), seed=0, progress=False) for _ in range(2))
    one.fit_corpus(CORPUS, max_epoch=2, batch_size=7, eval_interval=3)
    two.fit(*DATA, 2, 7, eval_interval=3)
    assert np.array_equal(one.model.word_vecs, two.model.word_vecs)
    assert one.loss_list == two.loss_list


def test_fit_corpus_keeps_to_sentences():
    corpus = build_corpus([["a", "b", "c"], ["d", "e"], ["f", "a"]])
    model = Recorder()
    model.window_size = 1
    trainer = Trainer(model, Counter(), seed=0, progress=False)
    trainer.fit_corpus(corpus, 1)
    contexts, target = model.batches[0]
    sentences = [[corpus.words[i] for i in s] for s in corpus.sentences()]
    expected = set()
    for s in sentences:
        for i, word in enumerate(s):
            expected.add((s[i - 1] if i else None, word, s[i + 1] if i + 1 < len(s) else None))
    names = corpus.id_to_word | {-1: None}
    found = [(names[a], names[t], names[b]) for (a, b), t in zip(contexts, target, strict=True)]
    assert len(found) == 7
    assert set(found) == expected


def test_fit_corpus_needs_neighbours():
    """Of one word a line nothing can be learned; it was not said."""
    model = CBOW(2, 2, 1, [0, 1])
    with pytest.raises(ValueError, match="each of the 3 sentences has one word.*'stream'"):
        Trainer(model, SGD(), progress=False).fit_corpus(build_corpus("a\nb\na\n"))


def test_a_trainer_can_be_pickled_and_goes_on():
    contexts, target = create_contexts_target(CORPUS, 1)
    one, other = (Trainer(CBOW(V, 3, 1, CORPUS, seed=0), Adam(), seed=0) for _ in range(2))
    one.fit(contexts, target, 1)
    one.fit(contexts, target, 1)
    other.fit(contexts, target, 1)
    other = pickle.loads(pickle.dumps(other))
    other.fit(contexts, target, 1)
    assert (one.model.word_vecs == other.model.word_vecs).all()
    assert one.loss_list == other.loss_list


def test_fit_corpus_needs_a_model_with_windows():
    with pytest.raises(TypeError, match="SimpleCBOW has no window_size.*convert_one_hot"):
        Trainer(SimpleCBOW(V, 2), SGD()).fit_corpus(CORPUS)


# ---- what is shown ------------------------------------------------------------------------------


def test_a_bar_with_loss_and_speed(capsys):
    trainer = Trainer(cbow(), SGD(), seed=0, progress=True)
    trainer.fit(*DATA, 2, 8, eval_interval=4)
    shown = capsys.readouterr().err
    assert "12/12" in shown  # 48 examples: 6 batches an epoch
    assert "loss " in shown
    assert "words/s" in shown


@pytest.fixture
def no_notebook(monkeypatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)


def test_no_bar_where_nobody_watches(capsys, no_notebook):
    trainer = Trainer(cbow(), SGD(), seed=0)
    assert trainer.progress is False
    trainer.fit(*DATA, 1, 8)
    assert capsys.readouterr() == ("", "")


def test_a_bar_in_a_terminal(monkeypatch, no_notebook):
    for watched in (True, False):
        monkeypatch.setattr(sys, "stderr", SimpleNamespace(isatty=lambda watched=watched: watched))
        assert Trainer(cbow(), SGD()).progress is watched
        assert Trainer(cbow(), SGD(), progress=not watched).progress is not watched
    monkeypatch.setattr(sys, "stderr", None)  # a program without a console
    assert Trainer(cbow(), SGD()).progress is False


@pytest.mark.parametrize(
    ("shell", "watched"), [(SimpleNamespace(kernel=1), True), (None, False), (object(), False)]
)
def test_a_bar_in_a_notebook(monkeypatch, shell, watched):
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert Trainer(cbow(), SGD()).progress is watched


# ---- what fit does not take ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"max_epoch": 0}, ValueError, "^max_epoch must be at least 1"),
        ({"max_epoch": 1.5}, TypeError, "^max_epoch must be a whole"),
        ({"batch_size": 0}, ValueError, "^batch_size must be at least 1"),
        ({"batch_size": -1}, ValueError, "^batch_size must be at least 1"),
        ({"eval_interval": 0}, ValueError, "^eval_interval must be at least 1"),
        ({"contexts": np.zeros((0, 2)), "target": np.zeros(0)}, ValueError, "are empty"),
        ({"target": np.zeros(3)}, ValueError, r"same number of rows, got \[\(2, 2\), \(3,\)\]"),
        ({"target": 3}, ValueError, "must be arrays with the same number of rows"),
        ({"contexts": [[1, 2], [3, 4]]}, ValueError, "must be arrays"),
        ({"contexts": None}, ValueError, "must be arrays"),
    ],
)
def test_what_cannot_be_trained(change, error, message):
    model = Recorder()
    options = {"contexts": np.zeros((2, 2)), "target": np.zeros(2)} | change
    with pytest.raises(error, match=message):
        Trainer(model, Counter()).fit(**options)
    assert model.batches == []


@pytest.mark.parametrize(
    ("model", "optimizer", "message"),
    [
        (CBOW, SGD(), r"^model must be an object, got the class CBOW: write CBOW\(…\)"),
        (None, SGD(), "^model must have the method forward and backward.*got NoneType"),
        (SGD(), Recorder(), "^model must have the method forward and backward.*got SGD"),
        (Recorder(), Adam, r"^optimizer must be an object, got the class Adam: write Adam\(…\)"),
        (Recorder(), "adam", r"^optimizer must have the method update, as Adam\(\) has; got str"),
        (Recorder(), None, "^optimizer must have the method update"),
    ],
)
def test_what_is_no_model_and_no_optimiser(model, optimizer, message):
    with pytest.raises(TypeError, match=message):
        Trainer(model, optimizer)


@pytest.mark.parametrize("engine", ["gpu", "", None, "Numpy"])
def test_engines(engine):
    with pytest.raises(ValueError, match=r"^engine must be one of \('numpy', 'fast'\), got"):
        Trainer(Recorder(), Counter(), engine=engine)
    assert Trainer(Recorder(), Counter()).engine == "numpy"
    assert Trainer(Recorder(), Counter(), engine="fast").engine == "fast"


def test_other_models_and_layers_train_too():
    windows = np.array([[1, 0, 2], [3, 0, 1]])
    corrupt = np.array([[1, 4, 2], [3, 4, 1]])
    model = WindowClassifier(V, 4, 4, 1, seed=0)
    trainer = Trainer(model, SGD(0.1), seed=0, progress=False)
    trainer.fit(windows, corrupt, 60, 2, eval_interval=10)
    assert trainer.loss_list[-1] < trainer.loss_list[0]
    assert isinstance(model.embedding, Embedding)
