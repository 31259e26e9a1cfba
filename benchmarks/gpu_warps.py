"""What many warps cost, seen without a GPU: the CUDA text runs on the CPU, warps take turns.

    python benchmarks/gpu_warps.py                 # minutes; needs g++ and Penn Treebank
    python benchmarks/gpu_warps.py --tokens 20000  # shorter, from the embedded text, prints only

Warps that take turns at every exchange all read before any of them has written: the worst that can
happen on a card with as many.  Losses are those of the second of two epochs, H = 24, against those
of the CPU's engine with other seeds.  The record is benchmarks/results/gpu_warps.json.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import machine
import numpy as np

SEEDS = 5  # of the CPU's engine
PLANS = {
    "growing, 1 for 1,000 tokens so far": {},
    "256 at once": {"warps": 256, "tokens_per_warp": 0},
    "512 at once": {"warps": 512, "tokens_per_warp": 0},
    "1 at a time": {"warps": 1},
}


def main(argv=None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument(
        "--tokens", type=int, help="of the embedded text; by default 200,000 of PTB"
    )
    args = parser.parse_args(argv)
    short = args.tokens is not None
    corpus = cut("embedded", args.tokens) if short else cut("ptb", 200_000)
    options = {"hidden_size": 24, "max_epoch": 2, "progress": False}
    found = {"tokens": len(corpus.ids), "vocab_size": corpus.vocab_size, "cpu": [], "gpu": {}}
    found |= machine.about()
    for seed in range(SEEDS):
        found["cpu"].append(on_cpu(corpus, seed, options))
    print("cpu", found["cpu"], flush=True)
    pretend()
    for name, plan in PLANS.items():
        found["gpu"][name] = on_device(corpus, options | plan)
        print(name, found["gpu"][name], flush=True)
        if not short:
            machine.record("gpu_warps", None, found)
    return found


def cut(name: str, size: int):
    """The first tokens of a text, with the words that occur there."""
    from w2vlib import Corpus, datasets

    full = datasets.load(name)
    kept, ids = np.unique(full.ids[:size], return_inverse=True)
    starts = full.sentence_starts[full.sentence_starts < size]
    return Corpus(ids, [full.words[i] for i in kept], starts)


def pretend() -> None:
    """The stand-in takes CuPy's place; as many warps as there are take turns."""
    from tests.gpu import host_build, strict_cupy
    from w2vlib import backend

    sys.modules["cupy"], sys.modules["cupyx"] = strict_cupy.make_cupy()
    backend.gpu_available.cache_clear()
    host_build.together = 10_000


def on_cpu(corpus, seed: int, options: dict) -> float:
    from w2vlib.fast import FastTrainer

    return round(FastTrainer(corpus, seed=seed, **options).fit().loss, 4)


def on_device(corpus, options: dict) -> dict:
    from w2vlib.fast.gpu import GpuTrainer

    trainer = GpuTrainer(corpus, seed=0, **options).fit()
    return {"loss": round(trainer.loss, 4), "warps in the end": trainer._kernels.warps}


if __name__ == "__main__":
    main()
