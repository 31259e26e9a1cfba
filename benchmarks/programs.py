"""The programs that are compared, behind one function: same corpus, same settings.

Each run happens in a process of its own, so that programs do not share caches, threads or memory:
``python benchmarks/programs.py '{"program": "gensim", "model": "cbow", …}'`` prints one JSON line.
The time is that of training alone: reading the text, counting words and compiling are not in it.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from w2vlib import WordVectors, datasets


class Stopwatch:
    """Wall and processor time of a ``with`` block (all threads)."""

    def __enter__(self) -> Stopwatch:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *exception) -> None:
        self.wall = time.perf_counter() - self.wall
        self.cpu = time.process_time() - self.cpu


# ---- the programs: (corpus, options) → (stopwatch, WordVectors) ----------------------------------


def w2vlib_engine(corpus, o):
    """This project's compiled engine."""
    from w2vlib.fast import FastTrainer

    trainer = FastTrainer(
        corpus,
        model=o["model"],
        hidden_size=o["size"],
        window_size=o["window"],
        sample_size=o["negative"],
        shrink_windows=o["shrink"],
        share_negatives=o.get("shared", False),
        mean_gradient=o.get("mean", True),
        lr=o.get("lr"),
        max_epoch=o["epochs"],
        threads=o["threads"],
        seed=o["seed"],
        progress=False,
    )
    trainer.compile()
    with Stopwatch() as watch:
        trainer.fit()
    return watch, trainer.take_vectors()


def gensim(corpus, o):
    """gensim.models.Word2Vec.  A list of sentences: the faster of its two ways to read a text."""
    from gensim.models import Word2Vec

    sentences = [[corpus.words[i] for i in ids] for ids in corpus.sentences()]
    model = Word2Vec(
        vector_size=o["size"],
        window=o["window"],
        negative=o["negative"],
        sg=int(o["model"] == "skipgram"),
        min_count=1,
        sample=0,
        shrink_windows=o["shrink"],
        workers=o["threads"],
        seed=o["seed"],
        **({"alpha": o["lr"]} if o.get("lr") else {}),
    )
    model.build_vocab(sentences)
    with Stopwatch() as watch:
        model.train(sentences, total_examples=len(sentences), epochs=o["epochs"])
    return watch, WordVectors.from_gensim(model)


def fasttext(corpus, o):
    """fastText without subwords.  Its windows always shrink at random: half the work."""
    import fasttext

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "text.txt")
        lines = (" ".join(corpus.words[i] for i in ids) for ids in corpus.sentences())
        path.write_text("\n".join(lines), encoding="utf-8")

        def train(epochs):
            return fasttext.train_unsupervised(
                str(path),
                model="cbow" if o["model"] == "cbow" else "skipgram",
                dim=o["size"],
                ws=o["window"],
                neg=o["negative"],
                loss="ns",
                minCount=1,
                minn=0,
                maxn=0,
                t=1,
                epoch=epochs,
                lr=o.get("lr") or 0.05,
                thread=o["threads"],
                verbose=0,
            )

        # Its one call reads the text too: what one more epoch takes is training alone.
        with Stopwatch() as first:
            train(1)
        with Stopwatch() as watch:
            model = train(1 + o["epochs"])
    watch.wall, watch.cpu = watch.wall - first.wall, watch.cpu - first.cpu
    words = [word for word in corpus.words if word in model.words]
    return watch, WordVectors(words, np.array([model.get_word_vector(word) for word in words]))


def book(corpus, o):
    """The method of the book's chapter 4 (batch 100, Adam, one layer per word), a few batches."""
    import book_method

    from w2vlib import create_contexts_target

    contexts, target = create_contexts_target(corpus.ids[:60_000], o["window"])
    model = book_method.BookCBOW(
        corpus.vocab_size, o["size"], o["window"], corpus.ids, np.random.default_rng(o["seed"])
    )
    optimizer = book_method.BookAdam()
    book_method.train(model, optimizer, contexts, target, batches=1)
    with Stopwatch() as watch:
        words = book_method.train(model, optimizer, contexts, target, batches=o["batches"])
    watch.words = words
    return watch, None


def stored(corpus, o):
    """This project's engine on a text file, by way of ids in a file: see ``fast.store``."""
    from w2vlib.fast import FastTrainer, store

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, store(o["path"], folder) as kept:
        seconds = time.perf_counter() - start
        options = {"model": o["model"], "hidden_size": o["size"], "window_size": o["window"]}
        options |= {"threads": o["threads"], "max_epoch": o["epochs"], "seed": o["seed"]}
        trainer = FastTrainer(kept, progress=False, **options)
        trainer.compile()
        with Stopwatch() as watch:
            trainer.fit()
        watch.words = len(kept.ids) * o["epochs"]
        watch.about = {"store_seconds": seconds, "vocab_size": kept.vocab_size}
        return watch, trainer.take_vectors()


def layers(corpus, o):
    """This project's NumPy layers with sparse gradients and lazy Adam, ``targets`` targets."""
    from w2vlib import Adam, Trainer, create_contexts_target
    from w2vlib.models import CBOW, SkipGram

    contexts, target = create_contexts_target(corpus.ids, o["window"])
    make = CBOW if o["model"] == "cbow" else SkipGram
    model = make(
        corpus.vocab_size,
        o["size"],
        o["window"],
        corpus.ids,
        sample_size=o["negative"],
        seed=o["seed"],
        sparse_grad=True,
    )
    trainer = Trainer(model, Adam(), seed=o["seed"], progress=False)
    some = slice(0, o["targets"])
    trainer.fit(contexts[: o["batch_size"]], target[: o["batch_size"]], 1, o["batch_size"])
    with Stopwatch() as watch:
        trainer.fit(contexts[some], target[some], 1, o["batch_size"])
    watch.words = len(target[some])
    return watch, WordVectors(corpus.words, model.word_vecs, corpus.counts)


PROGRAMS = {
    "w2vlib": w2vlib_engine,
    "gensim": gensim,
    "fasttext": fasttext,
    "book": book,
    "layers": layers,
    "stored": stored,
}
DEFAULTS = {
    "model": "cbow",
    "size": 100,
    "window": 5,
    "negative": 5,
    "shrink": False,
    "epochs": 1,
    "threads": 1,
    "seed": 1,
    "corpus": "ptb",
}


def zipf_corpus(tokens: int, vocab_size: int, seed: int = 0, sentence: int = 20):
    """A text of random words with P(rank r) ∝ 1/r, every word at least once."""
    from w2vlib import Corpus

    rng = np.random.default_rng(seed)
    share = np.cumsum(1 / np.arange(1, vocab_size + 1))
    drawn = rng.random(tokens - vocab_size, dtype=np.float32) * share[-1]
    ids = np.searchsorted(share, drawn).astype(np.int32).clip(0, vocab_size - 1)
    ids = np.concatenate([ids, np.arange(vocab_size, dtype=np.int32)])
    rng.shuffle(ids)
    starts = np.arange(0, tokens, sentence)
    return Corpus(ids, [f"w{i}" for i in range(vocab_size)], starts)


def write_text(path: Path, tokens: int, seed: int = 0) -> None:
    """A text file: sentences of the embedded corpus, drawn with replacement."""
    corpus = datasets.load("embedded")
    sentences = [" ".join(corpus.words[i] for i in ids) + "\n" for ids in corpus.sentences()]
    mean = len(corpus.ids) / len(sentences)
    rng = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8") as file:
        left = round(tokens / mean)
        while left > 0:
            drawn = rng.integers(len(sentences), size=min(left, 100_000))
            file.write("".join([sentences[i] for i in drawn]))
            left -= len(drawn)


def load(name: str):
    """A data set, or ``zipf:TOKENS:VOCABULARY``."""
    if name.startswith("zipf:"):
        return zipf_corpus(*map(int, name.split(":")[1:]))
    return datasets.load(name)


def scores(vectors: WordVectors, corpus: str) -> dict:
    """The exams that fit the corpus, in percent and ρ."""
    from w2vlib import evaluate_analogies, evaluate_similarity

    google = {"ptb": "google", "embedded": "embedded"}.get(corpus)
    pairs = {"ptb": ("wordsim353", "simlex999"), "embedded": ("embedded",)}.get(corpus, ())
    found = {}
    if google:
        result = evaluate_analogies(vectors, datasets.load_analogies(google))
        found = {
            "questions": result.used,
            "top1": 100 * result.accuracy(1),
            "top5": 100 * result.accuracy(5),
        }
    for name in pairs:
        found[name] = evaluate_similarity(vectors, datasets.load_similarities(name)).rho
    return found


def run(options: dict) -> dict:
    """Train once; the speed, the memory and, if asked for, the scores.

    ``base_mb`` is the memory of the process before training (Python, packages, the corpus),
    ``peak_mb`` the most that it had from then on, both where Linux tells them.
    """
    o = {**DEFAULTS, **options}
    corpus = None if "path" in o else load(o["corpus"])
    base = memory("VmRSS")
    forget_peak()
    watch, vectors = PROGRAMS[o["program"]](corpus, o)
    words = getattr(watch, "words", None) or len(corpus.ids) * o["epochs"]
    result = {
        **o,
        "words": words,
        "wall": watch.wall,
        "cpu": watch.cpu,
        "words_per_second": words / watch.wall,
        "words_per_cpu_second": words / watch.cpu,
        "base_mb": base,
        "peak_mb": memory("VmHWM"),
        **getattr(watch, "about", {}),
    }
    if o.get("scores"):
        result["scores"] = scores(vectors, o["corpus"])
    return result


def memory(what: str) -> float:
    """Memory of this process in MB: VmRSS is what it has now, VmHWM the most it had."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(what))


def forget_peak() -> None:
    """Let VmHWM begin anew from here (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def measure(options: dict) -> dict:
    """:func:`run` in a process of its own."""
    command = [sys.executable, __file__, json.dumps(options)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{options} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    print(json.dumps(run(json.loads(sys.argv[1]))))
