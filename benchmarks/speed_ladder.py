"""The speed ladder: what each idea of the course brings, in words a second.

    python benchmarks/speed_ladder.py                      # the table; about two minutes
    python benchmarks/speed_ladder.py --record             # and results/speed_ladder.json, .png

All rungs train CBOW on the same text (Penn Treebank's frequencies and size of vocabulary; no real
text is needed), with H = 100, window 5, K = 5.  They are timed in turns; the table shows medians.
Operations and bytes are counted, see counted.py and rungs.py.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import machine
import numpy as np
import rungs
from counted import Count, counted

from w2vlib import UnigramSampler, fast
from w2vlib.corpus import Corpus

V, H, WINDOW, K = 10_000, 100, 5, 5
TOKENS = 929_589


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each rung in each round")
    parser.add_argument("--record", action="store_true", help="write the record and the figure")
    args = parser.parse_args(argv)
    corpus = zipf_text()
    runs = {rung.name: prepare(rung, corpus) for rung in (*rungs.LADDER, *rungs.SKIPGRAM)}
    speeds = {name: [] for name in runs}
    for _ in range(args.rounds):
        for name, run in runs.items():
            speeds[name].append(run(args.seconds))
    speed = {name: statistics.median(values) for name, values in speeds.items()}
    rows = [row(rung, speed, corpus) for rung in (*rungs.LADDER, *rungs.SKIPGRAM)]
    limits = machine.ceilings()
    print(table(rows, limits))
    if args.record:
        result = {"command": "python benchmarks/speed_ladder.py " + " ".join(sys.argv[1:])}
        result |= {"V": V, "H": H, "window": WINDOW, "K": K, "tokens": TOKENS}
        result |= {"rungs": rows, "ceilings": limits, **machine.about()}
        machine.record("speed_ladder", None, result)
        draw(rows)
    return 0


def zipf_text() -> Corpus:
    """A text of random words, P(rank r) ∝ 1/r: for speed the meaning does not matter."""
    rng = np.random.default_rng(0)
    share = 1 / np.arange(1, V + 1)
    ids = rng.choice(V, size=TOKENS, p=share / share.sum()).astype(np.int32)
    ids[rng.permutation(TOKENS)[:V]] = np.arange(V)
    return Corpus(ids, [f"w{i}" for i in range(V)], np.arange(0, TOKENS, 22))


def prepare(rung, corpus):
    """A function ``run(seconds) → words/s`` that continues where the last call stopped."""
    if rung.step is None:
        return lambda seconds: run_compiled(rung.options, corpus, seconds)
    rng = np.random.default_rng(1)
    W_in = ((rng.random((V, H)) - 0.5) / H).astype(np.float32)
    W_out = np.zeros((V, H), np.float32)
    batches = iter_batches(rung.batch, corpus)

    def run(seconds):
        words, start = 0, time.perf_counter()
        while (passed := time.perf_counter() - start) < seconds:
            ids, negatives = next(batches)
            rung.step(W_in, W_out, ids, WINDOW, negatives, np.float32(0.02))
            words += rung.batch
        return words / passed

    return run


def iter_batches(batch, corpus):
    """Pieces of text with their negatives, again and again from the beginning."""
    sampler = UnigramSampler(corpus.ids, 0.75, K, seed=0)
    while True:
        for begin in range(0, TOKENS - batch - 2 * WINDOW, batch):
            ids = corpus.ids[begin : begin + batch + 2 * WINDOW]
            yield ids, sampler.get_negative_sample(ids[WINDOW:-WINDOW])


def run_compiled(options, corpus, seconds):
    """Words/s of the engine; as much text as takes about so many seconds."""
    trainer = fast.FastTrainer(
        corpus, hidden_size=H, window_size=WINDOW, sample_size=K, seed=0, progress=False, **options
    )
    trainer.compile()
    start = time.perf_counter()
    trainer.fit(callbacks=[lambda t: time.perf_counter() - start > seconds and t.stop()])
    return trainer.words_per_second


def work(rung, corpus):
    """Operations and bytes of one target: counted for NumPy, from the loops for compiled code."""
    if rung.step is None:
        names = ("model", "share_negatives")
        options = {name: rung.options[name] for name in names if name in rung.options}
        return rungs.compiled_work(H, K, 2 * WINDOW, **options)
    ids, negatives = next(iter_batches(rung.batch, corpus))
    W_in, W_out = (counted(np.zeros((V, H), np.float32)) for _ in range(2))
    with Count() as count:
        rung.step(W_in, W_out, ids, WINDOW, negatives, np.float32(0.02))
    return count.operations // rung.batch, count.bytes // rung.batch


def row(rung, speed, corpus) -> dict:
    operations, traffic = work(rung, corpus)
    return {
        "rung": rung.name,
        "chapter": rung.chapter,
        "batch": rung.batch,
        "words_per_second": round(speed[rung.name]),
        "operations_per_word": operations,
        "bytes_per_word": traffic,
    }


def table(rows, limits) -> str:
    lines = [
        "| rung | words/s | × the one before | operations a word | bytes a word | "
        "billion operations/s | GB/s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    before = None
    for r in rows:
        speed, work, traffic = (
            r[key] for key in ("words_per_second", "operations_per_word", "bytes_per_word")
        )
        gain = f"{speed / before:.1f}" if before else ""
        before = speed
        lines.append(
            f"| {r['rung']} | {speed:,} | {gain} | {work:,} | {traffic:,} | "
            f"{speed * work / 1e9:.1f} | {speed * traffic / 1e9:.1f} |"
        )
    ops, cache, memory = (limits[key] / 1e9 for key in limits)
    lines.append(
        f"\nCeilings of one core: {ops:.0f} billion operations/s; {cache:.0f} GB/s in the cache, "
        f"{memory:.0f} GB/s in main memory."
    )
    return "\n".join(lines)


def draw(rows) -> None:
    from matplotlib import pyplot as plt

    from w2vlib import plotting

    plotting.use_style()
    speeds = {r["rung"]: r["words_per_second"] for r in rows[: len(rungs.LADDER)]}
    figure, ax = plt.subplots(figsize=(10, 4.5))
    plotting.bar_times(
        speeds,
        unit="words/s",
        higher_is_better=True,
        log=True,
        title="The speed ladder of CBOW",
        ax=ax,
    )
    figure.savefig(machine.RESULTS / "speed_ladder.png", dpi=100, bbox_inches="tight")
    plt.close(figure)


if __name__ == "__main__":
    raise SystemExit(main())
