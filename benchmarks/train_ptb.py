"""Train the book's chapter-4 set-up on Penn Treebank with the NumPy layers, to the end.

    python benchmarks/train_ptb.py                      # CBOW, batch 100, 10 epochs
    python benchmarks/train_ptb.py --batch-size 1000
    python benchmarks/train_ptb.py --model skipgram --epochs 5 --batch-size 1000

Prints the nearest words and analogies that the book prints, the scores on the analogy and
similarity sets, time, words/s and peak memory; with --compare also the speed of the book's own
method (CBOW), measured in turns with ours.  --record DIR writes a Markdown table and the loss plot.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import resource
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import machine
import programs

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
        "command": "python benchmarks/train_ptb.py " + " ".join(argv or sys.argv[1:]),
        "model": args.model,
        "batch_size": args.batch_size,
        "epochs": args.epochs,
        "seed": args.seed,
        "seconds": round(seconds, 1),
        "words_per_second": round(args.epochs * len(target) / seconds),
        "peak_memory_MB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "final_loss": round(trainer.loss_list[-1], 3),
        **scores(vectors),
        "answers": answers(vectors),
    }
    show(result["answers"])
    if args.compare:
        result |= compare(args)
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


def answers(vectors: WordVectors) -> dict:
    """To each of the book's eight questions: the first five words with their cosines."""
    found = {word: vectors.most_similar(word, top=5) for word in WORDS}
    for a, b, c in ANALOGIES:
        found[f"{a} : {b} = {c} : ?"] = vectors.analogy(a, b, c, top=5)
    return {q: {w: round(float(cosine), 3) for w, cosine in best} for q, best in found.items()}


def show(found: dict) -> None:
    for question, best in found.items():
        print(f"\n[{question}]")
        for word, cosine in best.items():
            print(f"  {word:<15}{cosine:.3f}")


def compare(args) -> dict:
    """Words/s of the book's method and of ours: in turns, each turn in a process of its own."""
    same = {"model": args.model, "size": args.size, "window": args.window}
    book = same | {"program": "book", "batches": 30}
    ours = same | {"program": "layers", "batch_size": args.batch_size, "targets": 100_000}
    turns = [
        tuple(programs.measure(o)["words_per_second"] for o in (book, ours))
        for _ in range(args.compare)
    ]
    slow, fast = map(statistics.median, zip(*turns, strict=True))
    return {
        "rounds": args.compare,
        "book_words_per_second": round(slow),
        "ours_words_per_second": round(fast),
        "ratio": round(statistics.median(b / a for a, b in turns), 1),
    }


def write_record(folder: pathlib.Path, result: dict, trainer: Trainer) -> None:
    from matplotlib import pyplot as plt

    from w2vlib import plotting

    folder.mkdir(parents=True, exist_ok=True)
    name = f"ptb_{result['model']}_batch{result['batch_size']}"
    result = result | machine.when_and_where()
    (folder / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    plotting.use_style()
    axes = trainer.plot()
    axes.set_title("The loss falls fast, then slowly")
    axes.figure.savefig(folder / f"{name}.png", dpi=100)
    plt.close(axes.figure)


if __name__ == "__main__":
    raise SystemExit(main())
