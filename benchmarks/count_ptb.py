"""Counting instead of training, on Penn Treebank: counts, PPMI and SVD of chapter 02 on real text.

    python benchmarks/count_ptb.py                                   # about two minutes
    python benchmarks/count_ptb.py --record benchmarks/results

Rows are all 10,000 words, columns the most frequent ones as neighbours.  For each kind of vector it
prints the scores on Google's analogies and on WordSim-353, then the nearest words of a few
words.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import time

import machine
import numpy as np

from w2vlib import WordVectors, datasets
from w2vlib.corpus import cooccurrence
from w2vlib.evaluation import evaluate_analogies, evaluate_similarity
from w2vlib.pair_counts import ppmi

WORDS = ("you", "year", "car", "toyota")


def main(argv=None) -> int:
    args = parse(argv)
    corpus = datasets.load("ptb")
    results, seconds = [], {}
    for window in args.windows:
        start = time.perf_counter()
        kinds = vectors_of(corpus, window, args.columns, args.sizes)
        for name, matrix in kinds.items():
            vectors = WordVectors(corpus.words, matrix, corpus.counts, copy=False)
            row = {"window": window, "vectors": name, "numbers_per_word": matrix.shape[1]}
            row |= scores(vectors)
            row["neighbours"] = {w: [x for x, _ in vectors.most_similar(w, top=5)] for w in WORDS}
            results.append(row)
            print(json.dumps({k: v for k, v in row.items() if k != "neighbours"}), flush=True)
            for word, found in row["neighbours"].items():
                print(f"    {word:>8}: {', '.join(found)}")
        seconds[str(window)] = round(time.perf_counter() - start, 1)
    if args.record:
        write_record(pathlib.Path(args.record), results, seconds, args)
    return 0


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--windows", type=int, nargs="+", default=[2, 5])
    parser.add_argument("--columns", type=int, default=4000, help="neighbours that are counted")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 300], help="H after the SVD")
    parser.add_argument("--record", metavar="DIR", help="write the results there")
    return parser.parse_args(argv)


def vectors_of(corpus, window: int, columns: int, sizes) -> dict[str, np.ndarray]:
    """Name → (V, D) matrix: counts, PPMI, and the PPMI matrix squeezed by SVD."""
    counts = cooccurrence(corpus, window_size=window)
    frequent = np.argsort(-corpus.counts, kind="stable")[:columns]
    found = {"counts": dense(counts, frequent), "PPMI": dense(ppmi(counts), frequent)}
    M = found["PPMI"]
    # The eigenvectors of MᵀM are the right singular vectors of M.  MᵀM is the smaller matrix, and
    # the largest singular values, the only ones used, come out accurately.
    right = np.linalg.eigh(M.T @ M)[1][:, ::-1]
    for size in sizes:
        US = np.ascontiguousarray(M @ right[:, :size])
        found[f"PPMI, SVD {size}"] = US
        found[f"PPMI, SVD {size}, U only"] = US / np.sqrt((US**2).sum(axis=0))
    return found


def dense(pairs, columns) -> np.ndarray:
    """The chosen columns of a sparse matrix, as a (V, D) float32 array."""
    place = np.full(pairs.shape[1], -1)
    place[columns] = np.arange(len(columns))
    chosen = place[pairs.cols] >= 0
    matrix = np.zeros((pairs.shape[0], len(columns)), np.float32)
    matrix[pairs.rows[chosen], place[pairs.cols[chosen]]] = pairs.values[chosen]
    return matrix


def scores(vectors: WordVectors) -> dict:
    analogies = evaluate_analogies(vectors, datasets.load_analogies("google"))
    similarity = evaluate_similarity(vectors, datasets.load_similarities("wordsim353"))
    return {
        "questions": analogies.used,
        "top1": round(analogies.accuracy(1), 4),
        "top5": round(analogies.accuracy(5), 4),
        "pairs": similarity.used,
        "wordsim353": round(similarity.rho, 3),
    }


def write_record(folder: pathlib.Path, results: list, seconds: dict, args) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = {
        **machine.when_and_where(),
        "columns": args.columns,
        "seconds_by_window": seconds,
    }
    text = json.dumps(about | {"results": results}, indent=2)
    (folder / "ptb_counting.json").write_text(text + "\n")


if __name__ == "__main__":
    raise SystemExit(main())
