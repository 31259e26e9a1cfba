"""Training as a whole: the same bytes from the same seed, threads, losses, callbacks, Ctrl-C."""

import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import w2vlib
from tests.oracles import run_python
from w2vlib import CBOW, Corpus, build_corpus, create_contexts_target, datasets, fast
from w2vlib.corpus import keep_probability

KINDS = [
    {},
    {"loss": "hierarchical_softmax"},
    {"shrink_windows": True, "subsample": 1e-2},
    {"mean_gradient": False, "lr": 0.05},
    {"model": "skipgram"},
    {"model": "skipgram", "loss": "hierarchical_softmax", "shrink_windows": True},
    {"model": "skipgram", "share_negatives": True},
    {"model": "skipgram", "share_negatives": True, "subsample": 1e-2, "sample_size": 12},
]


@pytest.fixture(scope="module")
def corpus():
    """The first 30,000 tokens of the embedded text."""
    full = datasets.load("embedded")
    starts = full.sentence_starts[full.sentence_starts < 30_000]
    ids = full.ids[:30_000]
    kept, ids = np.unique(ids, return_inverse=True)
    return Corpus(ids, [full.words[i] for i in kept], starts)


def train(corpus, **options):
    options = {"hidden_size": 16, "max_epoch": 2, "seed": 7, "progress": False, **options}
    return fast.train(corpus, **options)


# ---- the same seed, the same bytes ---------------------------------------------------------------

_SCRIPT = """
import hashlib, sys
from w2vlib import fast
v = fast.train("embedded", model=sys.argv[1], share_negatives=sys.argv[2] == "1", max_epoch=1,
               hidden_size=12, subsample=1e-4, shrink_windows=True, seed=5, progress=False)
print(hashlib.sha256(v.vectors.tobytes()).hexdigest())
"""


@pytest.mark.parametrize(("model", "share"), [("cbow", 0), ("skipgram", 1)])
def test_same_bytes_in_a_fresh_process(model, share, root):
    command = [sys.executable, "-c", _SCRIPT, model, str(share)]
    outputs = [
        subprocess.run(command, capture_output=True, text=True, cwd=root, check=True).stdout
        for _ in range(1)
    ]
    here = fast.train(
        "embedded",
        model=model,
        share_negatives=bool(share),
        max_epoch=1,
        hidden_size=12,
        subsample=1e-4,
        shrink_windows=True,
        seed=5,
        progress=False,
    )
    assert outputs[0].strip() == hashlib.sha256(here.vectors.tobytes()).hexdigest()


@pytest.mark.parametrize("options", KINDS)
def test_seeds(corpus, options):
    first, again, other = (train(corpus, seed=seed, **options).vectors for seed in (1, 1, 2))
    assert (first == again).all()
    assert not np.allclose(first, other)


def test_the_global_random_state_is_left_alone(corpus):
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    train(corpus, max_epoch=1)
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


def test_a_generator_instead_of_a_seed(corpus):
    rng = np.random.default_rng(3)
    first = train(corpus, seed=None, rng=rng).vectors
    assert (first == train(corpus, seed=3).vectors).all()
    assert not np.allclose(first, train(corpus, seed=None, rng=rng).vectors)


# ---- does it learn? ------------------------------------------------------------------------------


@pytest.mark.parametrize("options", KINDS)
def test_loss_falls(corpus, options):
    trainer = fast.FastTrainer(
        corpus, hidden_size=16, max_epoch=3, seed=1, progress=False, **options
    ).fit()
    assert trainer.epoch == 3 and len(trainer.loss_list) == 3
    assert trainer.loss_list[0] > trainer.loss_list[1] > trainer.loss_list[2]
    assert np.isfinite(trainer.word_vectors().vectors).all()
    assert trainer.words_per_second > 0 and not trainer.interrupted
    assert trainer.lr == pytest.approx(trainer.final_lr, rel=0.05)


def test_two_words_that_stand_in_the_same_places_become_neighbours():
    rng = np.random.default_rng(0)
    places = [["the", "cat", "eats", "fish"], ["the", "dog", "eats", "meat"]]
    noise = [f"x{i}" for i in range(30)]
    sentences = []
    for _ in range(3000):
        subject, sentence = rng.choice(["cat", "tomcat"]), list(places[0])
        sentence[1] = str(subject)
        sentences.append(sentence)
        sentences.append([str(word) for word in rng.choice(noise, 5)])
    for options in ({}, {"model": "skipgram"}, {"model": "skipgram", "share_negatives": True}):
        vectors = train(build_corpus(sentences), max_epoch=5, window_size=2, **options)
        assert vectors.most_similar("cat", top=1)[0][0] == "tomcat"


@pytest.mark.parametrize("model", ["cbow", "skipgram"])
def test_first_loss_is_that_of_the_model(corpus, model):
    """With a learning rate of almost nothing, the mean loss is the model's on the whole corpus."""
    kind = CBOW if model == "cbow" else w2vlib.SkipGram
    network = kind(corpus.vocab_size, 10, 3, corpus, loss="hierarchical_softmax", seed=1)
    for param in network.params:
        param *= 30
    contexts, target = create_contexts_target(corpus, 3, partial=True)
    expected = network.forward(contexts[:5000], target[:5000])
    trainer = fast.FastTrainer(
        Corpus(corpus.ids[:5000], corpus.words, corpus.sentence_starts[:1], corpus.counts),
        model=model,
        hidden_size=10,
        window_size=3,
        loss="hierarchical_softmax",
        lr=1e-12,
        max_epoch=1,
        progress=False,
    )
    trainer.set_weights(*network.params)
    trainer.fit()
    contexts, target = create_contexts_target(corpus.ids[:5000], 3, partial=True)
    expected = network.forward(contexts, target)
    assert trainer.loss_list == [pytest.approx(expected, rel=1e-5)]
    for before, after in zip(network.params, trainer.get_weights(), strict=True):
        np.testing.assert_allclose(after, before, rtol=1e-6)


def test_diverging_training_says_what_to_do(corpus):
    with pytest.raises(FloatingPointError, match="Use a smaller lr than 1e"):
        train(corpus, lr=1e30)


# ---- several threads -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [{}, {"model": "skipgram", "share_negatives": True}, {"loss": "hierarchical_softmax"}],
)
def test_threads_learn_as_well(options):
    corpus = datasets.load("embedded")

    def losses(threads, seed):
        return (
            fast.FastTrainer(
                corpus,
                hidden_size=24,
                max_epoch=2,
                seed=seed,
                threads=threads,
                progress=False,
                **options,
            )
            .fit()
            .loss_list[-1]
        )

    alone = [losses(1, seed) for seed in (1, 2)]
    for threads in (2, 5):
        assert losses(threads, 1) == pytest.approx(np.mean(alone), rel=0.03)


def test_every_token_is_trained_on_once_whatever_the_threads(corpus):
    """30,000 tokens are three stretches; more threads than that make no sense and no harm."""
    for threads in (1, 2, 3, 64):
        trainer = fast.FastTrainer(
            corpus, hidden_size=8, max_epoch=1, threads=threads, progress=False
        )
        assert trainer.shape.threads == min(threads, 3)
        trainer.fit()
        lengths = np.diff(np.append(corpus.sentence_starts, len(corpus.ids)))
        assert trainer.targets == lengths[lengths > 1].sum()
        assert trainer.history[-1][0] == len(corpus.ids)


# ---- callbacks, progress, Ctrl-C -----------------------------------------------------------------


def test_callbacks(corpus):
    seen = []

    class Watcher:
        def on_epoch(self, trainer):
            seen.append(("object", trainer.epoch))

    def watch(trainer):
        seen.append((trainer.epoch, len(trainer.loss_list), len(trainer.word_vectors())))
        if trainer.epoch == 2:
            trainer.stop()

    trainer = fast.FastTrainer(corpus, hidden_size=8, max_epoch=9, progress=False)
    trainer.fit([watch, Watcher()])
    size = corpus.vocab_size
    assert seen == [(1, 1, size), ("object", 1), (2, 2, size), ("object", 2)]
    assert trainer.epoch == 2


def test_an_error_in_a_callback_comes_out(corpus):
    def fail(trainer):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        train(corpus, callbacks=[fail])


def test_progress_bar(corpus, capfd):
    train(corpus, progress=True)
    error = capfd.readouterr().err
    assert "60.0k/60.0k" in error and "loss" in error and "lr" in error and "words/s" in error


_INTERRUPTED = """
import sys, w2vlib
from w2vlib import fast
def told(trainer):
    print("epoch", trainer.epoch, flush=True)
v = fast.train("embedded", max_epoch=1000, threads=int(sys.argv[1]), callbacks=[told],
               progress=False)
print("kept", v.vectors.shape, bool((v["king"] ** 2).sum() > 0), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_keeps_what_was_learned(threads, root):
    process = subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED, str(threads)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout.readline() == "epoch 1\n"
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=60)
    assert "kept (" in output and output.strip().endswith("True")
    assert "Interrupted in epoch" in error and "Traceback" not in error
    assert process.returncode == 0


# ---- draws ---------------------------------------------------------------------------------------


def chi_square(seen, expected):
    """Σ (seen − expected)² / expected, in standard deviations from its mean."""
    df = np.count_nonzero(expected) - 1
    some = expected > 0
    assert not seen[~some].any()
    value = ((seen[some] - expected[some]) ** 2 / expected[some]).sum()
    return (value - df) / np.sqrt(2 * df)


@pytest.mark.parametrize("power", [0.75, 0.0, 1.0])
@pytest.mark.parametrize("key", [0, 1, 2**63])
def test_negatives_have_the_right_distribution(power, key):
    from w2vlib.fast.kernels import draw_many
    from w2vlib.fast.plan import noise_table

    counts = np.concatenate([10_000 // np.arange(1, 60), [0, 0]])
    size = 400_000
    rows = draw_many(noise_table(counts, power), np.uint64(key), size)
    weights = np.where(counts > 0, counts.astype(float) ** power, 0)
    expected = size * weights / weights.sum()
    assert abs(chi_square(np.bincount(rows, minlength=len(counts)), expected)) < 5
    # Draws that follow each other have nothing to do with each other.
    pairs = np.bincount(rows[:-1:2] % 8 * 8 + rows[1::2] % 8, minlength=64)
    share = np.bincount(np.arange(len(counts)) % 8, weights, minlength=8) / weights.sum()
    assert abs(chi_square(pairs, size / 2 * np.outer(share, share).ravel())) < 5


def test_subsampling_keeps_the_right_share():
    """One stream, so that every token kept is a target."""
    ids = np.repeat(np.arange(6), [40_000, 20_000, 9_000, 900, 90, 10])
    corpus = Corpus(np.random.default_rng(0).permutation(ids), list("abcdef"))
    for t in (1e-2, 1e-3):
        keep = keep_probability(corpus.counts, t)
        mean = (corpus.counts * keep).sum()
        spread = np.sqrt((corpus.counts * keep * (1 - keep)).sum())
        kept = []
        for seed in range(3):
            trainer = fast.FastTrainer(
                corpus, hidden_size=4, max_epoch=1, subsample=t, seed=seed, progress=False
            )
            kept.append(trainer.fit().targets)
        assert len(set(kept)) == 3  # every seed drops others
        assert abs(np.array(kept) - mean).max() < 5 * spread


def test_subsampling_drops_others_in_every_epoch(corpus):
    targets = []
    trainer = fast.FastTrainer(corpus, hidden_size=4, max_epoch=4, subsample=1e-3, progress=False)
    trainer.fit([lambda trainer: targets.append(trainer.targets)])
    assert len(set(targets)) > 1


# ---- what may be given ---------------------------------------------------------------------------


def test_sources(corpus, tmp_path):
    expected = train(corpus).vectors
    path = tmp_path / "text.txt"
    sentences = [" ".join(corpus.decode(ids)) for ids in corpus.sentences()]
    path.write_text("\n".join(sentences))
    assert (
        train(str(path)).words == train(path).words == tuple(build_corpus(path.read_text()).words)
    )
    bare = train(corpus.ids)
    assert bare.words[3] == "3" and bare.vectors.shape == expected.shape
    assert train("tiny", max_epoch=1).words == tuple("you say goodbye and i hello .".split())
    assert (train(corpus).counts == corpus.counts).all()


@pytest.mark.parametrize("hidden", [1, 7, 8, 9, 100])
def test_any_hidden_size(corpus, hidden):
    assert train(corpus, hidden_size=hidden, max_epoch=1).vectors.shape[1] == hidden


def test_windows_longer_than_the_text():
    corpus = build_corpus("a b c d e f g h i j")
    for model in ("cbow", "skipgram"):
        assert np.isfinite(train(corpus, model=model, window_size=500).vectors).all()


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model": "glove"}, ValueError, "model must be"),
        ({"loss": "softmax"}, ValueError, "loss must be"),
        ({"hidden_size": 0}, ValueError, "hidden_size must be at least 1"),
        ({"hidden_size": 2.5}, TypeError, "hidden_size"),
        ({"window_size": 0}, ValueError, "window_size"),
        ({"sample_size": 0}, ValueError, "sample_size"),
        ({"sample_size": 1000}, ValueError, "sample_size must be at most 300"),
        ({"power": "high"}, TypeError, "power"),
        ({"subsample": -1}, ValueError, "subsample"),
        ({"lr": 0}, ValueError, "lr must be"),
        ({"lr": float("nan")}, ValueError, "lr must be"),
        ({"final_lr": -1}, ValueError, "final_lr"),
        ({"max_epoch": 0}, ValueError, "max_epoch"),
        ({"threads": 0}, ValueError, "threads"),
        ({"seed": -1}, ValueError, "seed"),
        ({"seed": 1, "rng": np.random.default_rng(1)}, ValueError, "not both"),
        ({"share_negatives": True}, ValueError, "share_negatives is for"),
        ({"min_count": 5}, ValueError, "min_count and tokenizer are for texts"),
        ({"tokenizer": "words"}, ValueError, "min_count and tokenizer are for texts"),
        ({"callbacks": print}, TypeError, "callbacks must be a list"),
        ({"callbacks": [3]}, TypeError, r"callbacks\[0\] must be a function"),
    ],
)
def test_wrong_options(corpus, options, error, words):
    with pytest.raises(error, match=words):
        train(corpus, **options)


@pytest.mark.parametrize(
    ("source", "error", "words"),
    [
        ("no-such-file.txt", FileNotFoundError, "neither a data set"),
        (".", IsADirectoryError, "is a folder"),
        (np.array([0, 0, 0]), ValueError, "at least two different words"),
        (np.array([0.5, 1.0]), TypeError, "integer"),
        (np.array([], dtype=int), ValueError, "empty"),
        (None, (TypeError, ValueError), "."),
        (build_corpus("a\nb\na\n"), ValueError, "3 sentences has one word.*sentences='stream'"),
    ],
)
def test_wrong_sources(source, error, words):
    with pytest.raises(error, match=words):
        fast.train(source, progress=False)


@pytest.mark.parametrize("source", ["ptb", [0, 1, 0], np.array([0, 1]), None])
def test_the_trainer_itself_takes_corpora_only(source):
    with pytest.raises(TypeError, match="^corpus must be a Corpus or a StoredCorpus, got"):
        fast.FastTrainer(source)


@pytest.mark.parametrize("power", [1000, 1e300])
def test_a_power_beyond_all_numbers_is_refused(corpus, power):
    """It made NaN of all probabilities, and of these a table that drew anything."""
    with pytest.raises(ValueError, match="^power = .* infinite weights"):
        train(corpus, power=power)


def test_after_its_end_a_training_does_not_go_on(corpus):
    trainer = fast.FastTrainer(corpus, hidden_size=8, max_epoch=1, seed=0, progress=False)
    vectors = trainer.fit().take_vectors()
    assert (trainer.word_vectors().vectors == vectors.vectors).all()
    for go_on in (trainer.fit, trainer.get_weights):
        with pytest.raises(RuntimeError, match=r"^W_out is gone: take_vectors\(\) ends a training"):
            go_on()


def test_compiled_code_needs_no_folder_to_be_kept_in():
    """A package that nobody may write to, and no home: there numba refuses to keep anything."""
    code = """
import numpy as np
from numba.core import caching
caching.CompileResultCacheImpl._locator_classes = []
from w2vlib.fast import engine, plan
print(plan.tree_outputs(np.array([3, 2, 1]), False).tree_start.tolist())
"""
    assert run_python(code) == "[0, 1, 2, 3]\n"


def test_weights_of_another_shape_are_refused(corpus):
    trainer = fast.FastTrainer(corpus, hidden_size=8, progress=False)
    W_in, W_out = trainer.get_weights()
    with pytest.raises(ValueError, match=r"^W_in must have shape .*, 8\), got .*, 1\)"):
        trainer.set_weights(W_in[:, :1], W_out)
    with pytest.raises(ValueError, match="^W_out must have shape"):
        trainer.set_weights(W_in, W_out[1:])
    assert (trainer.get_weights()[0] == W_in).all()


def test_one_word_has_no_tree():
    with pytest.raises(ValueError, match="at least two different words"):
        train(np.array([0, 0]), loss="hierarchical_softmax")


def test_importing_w2vlib_does_not_load_numba(root):
    code = (
        "import sys, w2vlib, w2vlib.fast, w2vlib.cli; w2vlib.fast.train; "
        "assert not {'numba', 'llvmlite', 'tqdm', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)
