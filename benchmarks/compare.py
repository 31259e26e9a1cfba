"""This project's engine beside gensim, fastText and the textbook's method.

    python benchmarks/compare.py speed          # words/s, in turns; about 5 minutes
    python benchmarks/compare.py quality        # scores over five seeds; about 15 minutes
    python benchmarks/compare.py scaling        # window 2 and 10; 10,000 and a million words
    python benchmarks/compare.py memory         # a text of 10⁷ and of 10⁸ tokens, from a file
    python benchmarks/compare.py all --record   # everything; writes results/comparison.json

gensim and fastText are used where they are installed (pip install -e ".[benchmarks]").  All
programs get the same text, H = 100, window 5 (full, not shrinking at random), K = 5, no
subsampling, min_count 1; fastText's windows always shrink, which is half the work.  Every run is a
process of its own; only training is timed, see programs.py.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import statistics
import sys
import tempfile
from pathlib import Path

import machine
import programs

EPOCHS = {"cbow": 10, "skipgram": 5}  # for the scores
SECTIONS = ("speed", "quality", "scaling", "memory", "ceilings")


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=(*SECTIONS, "all"))
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program, in turns")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--corpus", default="ptb", help="ptb, embedded or zipf:TOKENS:WORDS")
    parser.add_argument("--record", action="store_true", help="write results/comparison.json")
    args = parser.parse_args(argv)
    for name in SECTIONS if args.what == "all" else (args.what,):
        result = globals()[name](args)
        if args.record:
            about = machine.about(*(p for p in ("gensim",) if installed(p)))
            machine.record("comparison", name, {"rows": result, **about})
    return 0


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def others() -> list[str]:
    return [name for name in ("gensim", "fasttext") if installed(name)]


def show(row: dict) -> dict:
    print("  ".join(f"{key}={_short(value)}" for key, value in row.items()), flush=True)
    return row


def _short(value):
    return f"{value:,.4g}" if isinstance(value, float) else value


# ---- words a second ------------------------------------------------------------------------------


def speed(args) -> list[dict]:
    """Medians over rounds in which every program runs once; ratios are medians of the rounds'."""
    rows = []
    for model, threads in itertools.product(("cbow", "skipgram"), (1, 2)):
        epochs = 3 if model == "cbow" else 1
        same = {"model": model, "threads": threads, "epochs": epochs, "corpus": args.corpus}
        runs = {name: same | {"program": name} for name in [*others(), "w2vlib"]}
        if model == "skipgram":
            runs["w2vlib, shared negatives"] = same | {"program": "w2vlib", "shared": True}
        elif threads == 1:
            runs["book"] = same | {"program": "book", "batches": 30}
        found = {name: [] for name in runs}
        for _ in range(args.rounds):
            for name, options in runs.items():
                found[name].append(programs.measure(options))
        for name, results in found.items():
            rows.append(show(speed_row(name, model, threads, results, found["w2vlib"])))
    return rows


def speed_row(name, model, threads, results, ours) -> dict:
    def values(of, key="words_per_second"):
        return [result[key] for result in of]

    ratios = [a / b for a, b in zip(values(ours), values(results), strict=True)]
    return {
        "program": name,
        "model": model,
        "threads": threads,
        "words_per_second": round(statistics.median(values(results))),
        "all": [round(value) for value in values(results)],
        "words_per_cpu_second": round(statistics.median(values(results, "words_per_cpu_second"))),
        "w2vlib_is_faster_by": round(statistics.median(ratios), 2),
        "peak_mb": round(max(values(results, "peak_mb"))),
    }


# ---- what was learned ----------------------------------------------------------------------------


def quality(args) -> list[dict]:
    """Means and standard deviations of the scores over the seeds."""
    rows = []
    for corpus, model in itertools.product(("ptb", "embedded"), ("cbow", "skipgram")):
        runs = [("w2vlib", {}, 1), ("w2vlib, two threads", {}, 2)]
        runs = [(name, {}, 1) for name in others()] + runs
        if model == "skipgram":
            runs.append(("w2vlib, shared negatives", {"shared": True}, 1))
        else:  # as fastText does it, whose windows cannot be full
            same = [name for name in ("gensim", "w2vlib") if name == "w2vlib" or installed(name)]
            runs += [(f"{name}, shrinking windows", {"shrink": True}, 1) for name in same]
        for name, options, threads in runs:
            options = {"corpus": corpus, "model": model, "threads": threads, **options}
            rows.append(show(quality_row(name, options, args.seeds)))
    return rows


def quality_row(name: str, options: dict, seeds: int) -> dict:
    options = {"program": name.split(",")[0], "epochs": EPOCHS[options["model"]], **options}
    found = [
        programs.measure({**options, "seed": seed, "scores": True})["scores"]
        for seed in range(1, seeds + 1)
    ]
    row = {"program": name} | {key: options[key] for key in ("corpus", "model", "epochs")}
    for score in found[0]:
        values = [one[score] for one in found]
        row[score] = round(statistics.mean(values), 3)
        if score != "questions" and len(values) > 1:
            row[f"{score}_sd"] = round(statistics.stdev(values), 3)
    return row


# ---- how cost grows ------------------------------------------------------------------------------


def scaling(args) -> list[dict]:
    """Words/s of one thread: windows 2 and 10, vocabularies of 10,000 and a million words.

    ``large_base_mb`` is the memory before training: Python, its packages and the text.
    """
    pairs = [
        ("window", [{"window": 2, "epochs": 3}, {"window": 10, "epochs": 3}], args.corpus),
        ("vocabulary", [{"corpus": f"zipf:5000000:{V}"} for V in (10_000, 1_000_000)], None),
    ]
    rows = []
    for what, two, corpus in pairs:
        found = []
        for _ in range(args.rounds):
            same = {"program": "w2vlib"} | ({"corpus": corpus} if corpus else {})
            found.append([programs.measure(same | options) for options in two])
        small, large = zip(*found, strict=True)
        ratios = [a["words_per_second"] / b["words_per_second"] for a, b in found]
        rows.append(
            show(
                {
                    "what": what,
                    "small": two[0],
                    "large": two[1],
                    "small_words_per_second": round(_median_speed(small)),
                    "large_words_per_second": round(_median_speed(large)),
                    "large_is_slower_by": round(statistics.median(ratios), 2),
                    "large_base_mb": round(min(run["base_mb"] for run in large)),
                    "large_peak_mb": round(max(run["peak_mb"] for run in large)),
                }
            )
        )
    return rows


def _median_speed(runs):
    return statistics.median(run["words_per_second"] for run in runs)


# ---- texts larger than memory --------------------------------------------------------------------


def memory(args) -> list[dict]:
    """Sentences of the embedded corpus in random order, as a file of 10⁷ and of 10⁸ tokens."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for tokens in (10_000_000, 100_000_000):
            path = Path(folder, "text.txt")
            programs.write_text(path, tokens)
            options = {"program": "stored", "path": str(path), "threads": 2, "epochs": 1}
            result = programs.measure(options)
            kept = ("store_seconds", "vocab_size", "words", "words_per_second", "base_mb")
            row = {"tokens": tokens, "file_mb": round(path.stat().st_size / 1e6)}
            row |= {name: round(result[name]) for name in (*kept, "peak_mb")}
            rows.append(show(row))
    return rows


def ceilings(args) -> list[dict]:
    return [show(machine.ceilings())]


if __name__ == "__main__":
    sys.exit(main())
