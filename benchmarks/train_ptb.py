"""Train the book's chapter-4 set-up on Penn Treebank with the NumPy layers, to the end.

    python benchmarks/train_ptb.py                      # CBOW, batch 100, 10 epochs
    python benchmarks/train_ptb.py --batch-size 1000
    python benchmarks/train_ptb.py --model skipgram --epochs 5 --batch-size 1000

Prints the nearest words and analogies that the book prints, the scores on the analogy and
similarity sets, time, words/s and peak memory; with --compare also the speed of the book's own
method, measured in turns with ours.  --record DIR writes a Markdown table and the loss plot.
"""

from __future__ import annotations

import argparse
import datetime
import json
import pathlib
import platform
import resource
import statistics
import sys
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import book_method

from w2vlib import Adam, Trainer, WordVectors, create_contexts_target, datasets
from w2vlib.evaluation import evaluate_analogies, evaluate_similarity
from w2vlib.models import CBOW, SkipGram

WORDS = ("you", "year", "car", "toyota")
ANALOGIES = (
    ("king", "man", "queen"),
    ("take", "took", "go"),
    ("car", "cars", "child"),
    ("good", "better", "bad"),
)
BOOK_SCORES = {"top1": 0.016, "top5": 0.041, "wordsim353": 0.15}  # the book's published vectors


def main(argv=None) -> int:
    args = parse(argv)
    corpus = datasets.load("ptb")
    contexts, target = create_contexts_target(corpus.ids, args.window)
    make = CBOW if args.model == "cbow" else SkipGram
    model = make(
        corpus.vocab_size, args.size, args.window, corpus.ids, seed=args.seed, sparse_grad=True
    )
    trainer = Trainer(model, Adam(args.alpha), seed=args.seed)
    began = time.perf_counter()
    trainer.fit(contexts, target, args.epochs, args.batch_size, eval_interval=args.interval)
    seconds = time.perf_counter() - began
    vectors = WordVectors(corpus.words, model.word_vecs, corpus.counts)
    if args.output:
        vectors.save(args.output)
    result = {
        "model": args.model,
        "batch_size": args.batch_size,
        "epochs": args.epochs,
        "seed": args.seed,
        "seconds": round(seconds, 1),
        "words_per_second": round(args.epochs * len(target) / seconds),
        "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "final_loss": round(trainer.loss_list[-1], 3),
        **scores(vectors),
    }
    show_queries(vectors)
    if args.compare:
        result |= compare(corpus, contexts, target, args)
    print(json.dumps(result, indent=2))
    if args.record:
        write_record(pathlib.Path(args.record), result, trainer)
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=("cbow", "skipgram"), default="cbow")
    parser.add_argument("--size", type=int, default=100, help="hidden size H")
    parser.add_argument("--window", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--alpha", type=float, default=0.001, help="Adam's learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--interval", type=int, default=500, help="batches per point of the loss")
    parser.add_argument("--compare", type=int, default=0, metavar="ROUNDS")
    parser.add_argument("--output", help="save the vectors here")
    parser.add_argument("--record", metavar="DIR", help="write the table and the plot here")
    return parser.parse_args(argv)


def scores(vectors: WordVectors) -> dict:
    analogies = evaluate_analogies(vectors, datasets.load_analogies("google"))
    similarity = {
        name: round(evaluate_similarity(vectors, datasets.load_similarities(name)).rho, 3)
        for name in ("wordsim353", "simlex999")
    }
    return {
        "questions": analogies.used,
        "top1": round(analogies.accuracy(1), 4),
        "top5": round(analogies.accuracy(5), 4),
        **similarity,
    }


def show_queries(vectors: WordVectors) -> None:
    for word in WORDS:
        print(f"\n[{word}]")
        for other, score in vectors.most_similar(word, top=5):
            print(f"  {other:<15}{score:.3f}")
    for a, b, c in ANALOGIES:
        print(f"\n[{a} : {b} = {c} : ?]")
        for other, score in vectors.analogy(a, b, c, top=5):
            print(f"  {other:<15}{score:.3f}")


def compare(corpus, contexts, target, args, book_batches: int = 20) -> dict:
    """Words/s of the book's method and of ours, in turns in one process: medians and ratio."""
    V, H = corpus.vocab_size, args.size
    part = 40_000  # examples a turn for ours; the book's method gets a few batches
    book = book_method.BookCBOW(V, H, args.window, corpus.ids, np.random.default_rng(0))
    book_adam = book_method.BookAdam()
    ours = CBOW(V, H, args.window, corpus.ids, seed=0, sparse_grad=True)
    trainer = Trainer(ours, Adam(), seed=0, progress=False)
    speeds = {"book": [], "ours": []}
    for _ in range(args.compare):
        start = time.perf_counter()
        some = slice(0, 100 * book_batches)
        words = book_method.train(book, book_adam, contexts[some], target[some])
        speeds["book"].append(words / (time.perf_counter() - start))
        trainer.fit(contexts[:part], target[:part], 1, args.batch_size)
        speeds["ours"].append(trainer.words_per_second)
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    return {
        "book_words_per_second": round(medians["book"]),
        "ours_words_per_second": round(medians["ours"]),
        "ratio": round(medians["ours"] / medians["book"], 1),
    }


def write_record(folder: pathlib.Path, result: dict, trainer: Trainer) -> None:
    from matplotlib import pyplot as plt

    from w2vlib import plotting

    folder.mkdir(parents=True, exist_ok=True)
    name = f"ptb_{result['model']}_batch{result['batch_size']}"
    about = {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.machine()}, {platform.system()}",
    }
    (folder / f"{name}.json").write_text(json.dumps(result | about, indent=2) + "\n")
    plotting.use_style()
    axes = trainer.plot()
    axes.set_title("The loss falls fast, then slowly")
    axes.figure.savefig(folder / f"{name}.png", dpi=100)
    plt.close(axes.figure)


if __name__ == "__main__":
    raise SystemExit(main())
