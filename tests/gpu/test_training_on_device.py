"""Models, optimisers, samplers and the trainer on the device: same code, no copy in a batch."""

import inspect
import warnings

import numpy as np
import pytest

from tests.gpu.strict_cupy import counting
from w2vlib import (
    CBOW,
    SGD,
    AdaGrad,
    Adam,
    Momentum,
    SimpleCBOW,
    SimpleSkipGram,
    SkipGram,
    Trainer,
    UnigramSampler,
    WindowClassifier,
    WordVectors,
    clip_grads,
    create_contexts_target,
    get_array_module,
    models,
    optimizers,
)
from w2vlib.backend import all_true, as_loss, may_look, to_cpu, to_gpu, trusted
from w2vlib.functions import cos_similarity, normalize
from w2vlib.layers import Embedding, MatMul
from w2vlib.negative_sampling import IntervalTable
from w2vlib.sparse import RowGradient
from w2vlib.validation import PAD

V, H, WINDOW = 20, 6, 2
IDS = np.concatenate([np.arange(V), np.random.default_rng(0).integers(0, V, 400) // 2])
CONTEXTS, TARGET = create_contexts_target(IDS, WINDOW, partial=True)


def make(kind=CBOW, **options):
    return kind(V, H, WINDOW, IDS, **{"seed": 1, **options})


OPTIMIZERS = {
    "SGD": lambda: SGD(0.5),
    "Momentum": lambda: Momentum(0.1),
    "AdaGrad": lambda: AdaGrad(0.1),
    "Adam": lambda: Adam(0.02),
}


def test_every_model_and_optimiser_is_here():
    """Those that are tried below are all that there are."""
    tried = {CBOW, SkipGram, SimpleCBOW, SimpleSkipGram, WindowClassifier, SGD}
    tried |= {type(make()) for make in OPTIMIZERS.values()}
    for module in (models, optimizers):
        for name, thing in inspect.getmembers(module, inspect.isclass):
            works = {"forward", "backward"} <= set(dir(thing)) or "update" in dir(thing)
            is_base = thing.__module__ != module.__name__ or thing.__subclasses__()
            if works and not is_base and not name.startswith("_"):
                assert thing in tried, name


# ---- moving --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
@pytest.mark.parametrize("options", [{}, {"loss": "hierarchical_softmax"}, {"sparse_grad": True}])
def test_a_model_goes_there_and_back(device, kind, options):
    model = make(kind, **options)
    before = [p.copy() for p in model.params]
    assert to_gpu(model) is model
    for layer in (model, model.in_layer, model.loss_layer, model.loss_layer.embed_dot.embed):
        assert all(isinstance(p, device.ndarray) for p in layer.params)
    assert model.params[0] is model.in_layer.params[0]
    assert model.params[1] is model.loss_layer.params[0]
    assert model.loss_layer.params is model.loss_layer.embed_dot.params
    assert model.grads[1] is model.loss_layer.embed_dot.embed.grads[0]
    assert to_cpu(model) is model
    for p, b in zip(model.params, before, strict=True):
        assert isinstance(p, np.ndarray) and (p == b).all()
    assert np.isfinite(model.forward(CONTEXTS, TARGET))


def test_one_matrix_stays_one_matrix(device):
    class Tied:
        def __init__(self):
            W = np.arange(6.0).reshape(2, 3)
            self.encoder, self.decoder = MatMul(W), MatMul(W.T)
            self.params = self.encoder.params + self.decoder.params
            self.grads = self.encoder.grads + self.decoder.grads

    model = to_gpu(Tied())
    model.params[0] += 1.0
    assert model.decoder.params[0].tolist() == [[1, 4], [2, 5], [3, 6]]
    to_cpu(model)
    model.params[0] += 1.0
    assert model.decoder.params[0].tolist() == [[2, 5], [3, 6], [4, 7]]


def test_an_optimiser_goes_on_on_the_other_side(device):
    host, there = make(dtype=np.float64), make(dtype=np.float64)
    one, other = Adam(), Adam()
    for step in range(4):
        if step == 2:
            to_gpu(there), to_gpu(other)
        for model, optimizer in ((host, one), (there, other)):
            like = to_gpu if get_array_module(model.word_vecs) is device else to_cpu
            negatives = like(np.full((len(TARGET), 3), step))
            model.forward(like(CONTEXTS), like(TARGET), negatives)
            model.backward()
            optimizer.update(model.params, model.grads)
    np.testing.assert_allclose(to_cpu(there.word_vecs), host.word_vecs, rtol=1e-12)


# ---- models and optimisers -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_are_those_of_the_cpu(device, kind, sparse, name):
    host, there = (make(kind, sparse_grad=sparse, dtype=np.float64) for _ in range(2))
    to_gpu(there)
    mine, theirs = OPTIMIZERS[name](), OPTIMIZERS[name]()
    shape = (len(TARGET), 2 * WINDOW, 4) if kind is SkipGram else (len(TARGET), 4)
    for step in range(3):
        negatives = np.random.default_rng(step).integers(0, V, shape)
        expected = host.forward(CONTEXTS, TARGET, negatives)
        got = there.forward(*map(to_gpu, (CONTEXTS, TARGET, negatives)))
        assert isinstance(got, float) and got == pytest.approx(expected, rel=1e-12)
        for model, optimizer in ((host, mine), (there, theirs)):
            model.backward()
            clip_grads(model.grads, 0.5)
            optimizer.update(model.params, model.grads)
    for a, b in zip(there.params, host.params, strict=True):
        assert isinstance(a, device.ndarray)
        np.testing.assert_allclose(to_cpu(a), b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 1e6])
def test_clipping_without_a_look_is_clipping(device, sparse, max_norm):
    def grads(move):
        g = move(np.arange(6.0).reshape(3, 2))
        rows = RowGradient(move(np.array([1, 1])), move(np.ones((2, 2))), (3, 2))
        return [g, rows] if sparse else [g, g * 2]

    here, there = grads(lambda x: x), grads(to_gpu)
    expected = clip_grads(here, max_norm)
    with trusted():
        length = clip_grads(there, max_norm)
    assert float(length) == pytest.approx(expected)
    for mine, theirs in zip(there, here, strict=True):
        dense = [g.to_dense() if sparse and hasattr(g, "to_dense") else g for g in (mine, theirs)]
        np.testing.assert_allclose(to_cpu(dense[0]), dense[1], rtol=1e-12)


def test_simple_models_and_the_window_classifier(device):
    one_hot = np.eye(V)
    for kind in (SimpleCBOW, SimpleSkipGram):
        host, there = kind(V, H, seed=0), to_gpu(kind(V, H, seed=0))
        full = (CONTEXTS != PAD).all(axis=1)
        contexts, target = one_hot[CONTEXTS[full]], one_hot[TARGET[full]]
        loss = there.forward(to_gpu(contexts), to_gpu(target))
        assert loss == pytest.approx(host.forward(contexts, target), rel=1e-6)
        host.backward(), there.backward()
        np.testing.assert_allclose(to_cpu(there.grads[0]), host.grads[0], atol=1e-7)
    host, there = (WindowClassifier(V, 4, 5, 1, seed=0) for _ in range(2))
    to_gpu(there)
    windows = np.array([[PAD, 1, 2], [3, 4, PAD]])
    loss = there.forward(to_gpu(windows), to_gpu(windows[:, ::-1].copy()))
    assert loss == pytest.approx(host.forward(windows, windows[:, ::-1].copy()), rel=1e-6)
    host.backward(), there.backward()
    for a, b in zip(there.grads, host.grads, strict=True):
        np.testing.assert_allclose(to_cpu(a), b, atol=1e-7)
    assert there.word_vecs.data.ptr == there.embedding.params[0].data.ptr


# ---- drawing on the device -----------------------------------------------------------------------


def p_value_of(seen, expected):
    """How far χ² is from its mean, in standard deviations."""
    df = np.count_nonzero(expected) - 1
    some = expected > 0
    assert not seen[~some].any()
    value = ((seen[some] - expected[some]) ** 2 / expected[some]).sum()
    return (value - df) / np.sqrt(2 * df)


@pytest.mark.parametrize("p", [[0.5, 0.3, 0.2], [0.97, 0.02, 0.01, 0.0], [0, 1e-6, 0.5, 0.5, 0]])
def test_exact_draws_without_some_words(p):
    """Also on NumPy: given words never come, all others in proportion."""
    p = np.array(p) / np.sum(p)
    table, size = IntervalTable(p, np), 60_000
    for out in ([], [0], [1], [PAD], [len(p) - 1, PAD]):
        rest = p.copy()
        rest[[w for w in out if w != PAD]] = 0
        draws = table.draw(np.tile(np.array(out, int), (size // 3, 1)), 3, np.uint64(5))
        assert draws.shape == (size // 3, 3) and draws.dtype == np.int32
        expected = size * rest / rest.sum()
        seen = np.bincount(draws.ravel(), minlength=len(p))
        if np.count_nonzero(rest) > 1:
            seen[expected < 5], expected[expected < 5] = 0, 0
            assert abs(p_value_of(seen, expected)) < 5
        else:
            assert seen[rest > 0] == size


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("exclude", [True, False])
def test_the_sampler_draws_on_the_device(device, replace, exclude):
    counts = np.array([50, 30, 10, 5, 3, 1, 1])
    options = {"counts": counts, "replace": replace, "exclude_target": exclude, "sample_size": 3}
    target = np.repeat([0, 3, 6], 8000)
    there = UnigramSampler(None, seed=0, **options).get_negative_sample(to_gpu(target))
    assert isinstance(there, device.ndarray) and there.dtype == np.int32
    got = to_cpu(there)
    again = UnigramSampler(None, seed=0, **options).get_negative_sample(to_gpu(target))
    assert (to_cpu(again) == got).all()
    other = UnigramSampler(None, seed=1, **options).get_negative_sample(to_gpu(target))
    assert (to_cpu(other) != got).any()
    here = UnigramSampler(None, seed=7, **options).get_negative_sample(target)
    for t in (0, 3, 6):
        mine, theirs = got[target == t], here[target == t]
        if exclude:
            assert not (mine == t).any()
        if not replace:
            assert (np.diff(np.sort(mine, axis=1), axis=1) > 0).all()
        for k in range(3):  # as often as on the CPU, in each place
            a, b = (np.bincount(x[:, k], minlength=len(counts)) for x in (mine, theirs))
            spread = np.sqrt(np.maximum(a + b, 1))
            assert (np.abs(a - b) < 5 * spread).all()


def test_the_sampler_copies_its_table_once(device):
    sampler = UnigramSampler(IDS, seed=0)
    target = to_gpu(np.stack([TARGET, np.full_like(TARGET, PAD)], axis=1))
    sampler.get_negative_sample(target)
    with counting() as n, trusted():
        assert sampler.get_negative_sample(target).shape == (*target.shape, 5)
    assert n.total() == 0


# ---- the trainer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["negative_sampling", "hierarchical_softmax"])
@pytest.mark.parametrize("kind", [CBOW, SkipGram])
@pytest.mark.parametrize("max_grad", [None, 0.5])
def test_a_batch_copies_nothing(device, kind, loss, max_grad):
    """The counters grow with the epochs and the looks at the loss, never with the batches."""

    def train(batches, epochs, looks):
        model = make(kind, loss=loss)
        trainer = Trainer(model, Adam(), seed=0, device="gpu", progress=False)
        size = 8 * batches
        data = to_gpu(CONTEXTS[:size]), to_gpu(TARGET[:size])
        interval = epochs * batches // looks
        with counting() as n:
            trainer.fit(*data, epochs, 8, max_grad, interval)
        assert trainer.batches == epochs * batches and len(trainer.loss_list) >= looks
        return n

    few, many = train(4, 1, 1), train(40, 1, 1)
    assert few == many  # nothing at all for 36 batches more
    epochs, looks = train(4, 6, 1), train(40, 1, 8)
    assert epochs.to_device == few.to_device + 5  # one order of the examples for each epoch
    assert looks.scalars == few.scalars + 7  # one number for each point of the loss curve
    assert many.to_host == many.waits == many.loops == 0
    # The data are checked, the parameters once by the optimiser; one loss is fetched.
    assert many.scalars <= 12 and many.to_device <= 4


def test_sparse_gradients_wait_a_few_times_a_batch(device):
    """How many different rows there are, and how many PADs, must be known on the host."""

    def train(batches):
        model = make(sparse_grad=True)
        trainer = Trainer(model, Adam(), seed=0, device="gpu", progress=False)
        with counting() as n:
            trainer.fit(CONTEXTS[: 8 * batches], TARGET[: 8 * batches], 1, 8, eval_interval=batches)
        return n

    few, many = train(4), train(24)
    assert (many.to_host, many.scalars, many.to_device) == (0, few.scalars, few.to_device)
    assert many.waits - few.waits == 20 * (2 + 3)


@pytest.mark.parametrize("kind", [CBOW, SkipGram])
@pytest.mark.parametrize("sparse", [False, True])
def test_training_learns_there_as_here(device, kind, sparse):
    """Words 2k and 2k + 1 follow each other: the loss falls, and to the same level."""
    ids = np.random.default_rng(0).integers(0, V // 2, 800).repeat(2) * 2
    ids[1::2] += 1
    contexts, target = create_contexts_target(ids, 1)
    last = {}
    for where in (None, "gpu"):
        model = kind(V, H, 1, ids, seed=0, sparse_grad=sparse)
        trainer = Trainer(model, Adam(0.01), seed=0, device=where, progress=False)
        valid = contexts[:100], target[:100]
        trainer.fit(contexts, target, 6, 50, eval_interval=10, validation=valid)
        assert trainer.loss_list[-1] < 0.85 * trainer.loss_list[0]
        assert len(trainer.validation_losses) == 6
        assert all(isinstance(x, float) for x in trainer.loss_list + trainer.validation_losses)
        last[where] = trainer.loss_list[-1]
    assert isinstance(model.word_vecs, device.ndarray)
    assert last["gpu"] == pytest.approx(last[None], rel=0.15)
    vectors = WordVectors([f"w{i}" for i in range(V)], model.word_vecs)
    assert isinstance(vectors.vectors, np.ndarray)


def test_same_seed_same_bytes_there_too(device):
    def vectors():
        model = make()
        Trainer(model, Adam(), seed=3, device="gpu", progress=False).fit(CONTEXTS, TARGET, 2, 16)
        return to_cpu(model.word_vecs)

    assert (vectors() == vectors()).all()


def test_fit_corpus_and_the_way_back(device):
    model = make()
    Trainer(model, Adam(), device="gpu", progress=False).fit_corpus(IDS, 1, 50)
    assert isinstance(model.word_vecs, device.ndarray)
    Trainer(model, Adam(), progress=False).fit_corpus(IDS, 1, 50)  # the arrays decide
    assert isinstance(model.word_vecs, device.ndarray)
    Trainer(model, Adam(), device="cpu", progress=False).fit_corpus(IDS, 1, 50)
    assert isinstance(model.word_vecs, np.ndarray)


def test_wrong_examples_are_found_before_the_first_batch(device):
    """The device would wrap id V to 0 and train on."""
    wrong = CONTEXTS.copy()
    wrong[300, 1] = V
    model = make()
    before = model.word_vecs.copy()
    with pytest.raises(IndexError, match=r"contexts\[300, 1\] is 20"):
        Trainer(model, Adam(), device="gpu", progress=False).fit(wrong, TARGET, 1, 8)
    assert (to_cpu(model.word_vecs) == before).all()


def test_a_model_that_cannot_check_all_examples_checks_each_batch(device):
    class Plain:
        def __init__(self):
            self.layer = Embedding(np.zeros((V, 2)))
            self.params, self.grads = self.layer.params, self.layer.grads

        def forward(self, ids, t):
            return float((self.layer.forward(ids) - 1).sum())

        def backward(self):
            xp = get_array_module(self.params[0])
            self.layer.backward(xp.ones((4, 2)))

    ids = np.arange(8)
    ids[7] = V
    with pytest.raises(IndexError, match="is 20"):
        Trainer(Plain(), SGD(), device="gpu", progress=False).fit(ids, ids, 1, 4)


def test_a_loss_that_is_not_finite_is_seen_at_the_next_look(device):
    model = make()
    trainer = Trainer(model, SGD(1e38), device="gpu", progress=False)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        with pytest.raises(FloatingPointError, match="somewhere in the last 5 batches"):
            trainer.fit(CONTEXTS, TARGET, 5, 8, eval_interval=5)
    assert all(np.isfinite(trainer.loss_list))


def test_data_here_and_model_there_is_refused(device):
    model = to_gpu(make())
    with pytest.raises(TypeError, match="partly on the CPU"):
        Trainer(model, Adam(), progress=False).fit(CONTEXTS, TARGET, 1, 8)
    with pytest.raises(TypeError, match="partly on the CPU"):
        Trainer(make(), Adam(), progress=False).fit(to_gpu(CONTEXTS), to_gpu(TARGET), 1, 8)


def test_no_gpu_one_notice_and_numpy(no_device):
    with pytest.warns(UserWarning, match="No usable GPU") as caught:
        model = make()
        Trainer(model, Adam(), device="gpu", progress=False).fit(CONTEXTS, TARGET, 1, 50)
    assert len(caught) == 1 and isinstance(model.word_vecs, np.ndarray)


def test_an_unknown_device():
    with pytest.raises(ValueError, match="device must be one of"):
        Trainer(make(), Adam(), device="tpu")


# ---- odds and ends -------------------------------------------------------------------------------


def test_trust_concerns_the_device_only(device):
    with trusted():
        assert may_look(np.ones(2)) and not may_look(to_gpu(np.ones(2)))
        with pytest.raises(IndexError):
            Embedding(np.ones((2, 2))).forward([5])
        assert isinstance(as_loss(np.float64(3), 2), float)
        assert as_loss(to_gpu(np.array(3.0)), 2).tolist() == 1.5
    assert may_look(to_gpu(np.ones(2)))
    assert all_true(np.ones(2)) and not all_true(to_gpu(np.ones(2)))


def test_functions_on_the_device(device):
    x, y = np.array([3.0, 4.0]), np.array([4.0, -3.0])
    assert cos_similarity(to_gpu(x), to_gpu(y)) == pytest.approx(0)
    assert to_cpu(normalize(to_gpu(x))).tolist() == [0.6, 0.8]
    with pytest.raises(TypeError, match="partly"):
        cos_similarity(x, to_gpu(y))
