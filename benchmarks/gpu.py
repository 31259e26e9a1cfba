"""Everything about the GPU in one call: checks, quality, speed.

    python benchmarks/gpu.py                       # on a machine with an NVIDIA card and CuPy
    python benchmarks/gpu.py --dry-run             # anywhere: the same steps, tiny, on the stand-in
    python benchmarks/gpu.py --only checks speed   # some of the steps

Steps: ``checks`` (updates against float64 loops, layers against NumPy, same bytes from the same
seed, no hidden waiting in a batch), ``quality`` (Penn Treebank, several seeds, against the CPU's
engine), ``speed`` (words/s, bytes/s and operations/s of CBOW and skip-gram against the measured
ceilings of the card), ``layers`` (the NumPy layers on CuPy and on NumPy).

Each step's findings go to ``--record`` (default: benchmarks/results/gpu.json; a dry run prints
only) as soon as it is finished, with date, card and versions.  A step that fails is recorded with
its error, and the next one begins.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import pathlib
import platform
import sys
import time
import traceback

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
STEPS = ("checks", "quality", "speed", "layers")


def main(argv=None) -> int:
    args = parse(argv)
    if args.dry_run:
        pretend()
    from w2vlib.backend import gpu_available

    if not gpu_available():
        print("No GPU answers here. --dry-run goes through the same steps without one.")
        return 2
    record = {"about": about(args)}
    failed = False
    for name in args.only or STEPS:
        began = time.perf_counter()
        try:
            record[name] = globals()[name](args)
        except Exception as error:  # the lease may be short: the other steps still count
            traceback.print_exc()
            record[name] = {"error": f"{type(error).__name__}: {error}"}
            failed = True
        record[name]["step_seconds"] = round(time.perf_counter() - began, 1)
        print(json.dumps({name: record[name]}, indent=1), flush=True)
        if args.record and not args.dry_run:
            path = pathlib.Path(args.record)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(record, indent=1) + "\n")
    return int(failed)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--only", nargs="+", choices=STEPS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10, help="of the quality runs")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the CPU runs")
    parser.add_argument("--tokens", type=int, default=10**8, help="of the synthetic text")
    parser.add_argument("--record", default=str(ROOT / "benchmarks/results/gpu.json"))
    return parser.parse_args(argv)


def pretend() -> None:
    """Put the strict stand-in in the place of CuPy; kernels run on the CPU, thread by thread."""
    from tests.gpu import strict_cupy

    sys.modules["cupy"], sys.modules["cupyx"] = strict_cupy.make_cupy()


def about(args) -> dict:
    import cupy

    facts = {
        "date": datetime.date.today().isoformat(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "cupy": cupy.__version__,
        "cpu_threads": args.threads,
    }
    if args.dry_run:
        return facts | {"device": "none: a dry run on the stand-in"}
    properties = cupy.cuda.runtime.getDeviceProperties(0)
    return facts | {
        "device": properties["name"].decode(),
        "compute_capability": f"{properties['major']}.{properties['minor']}",
        "multiprocessors": properties["multiProcessorCount"],
        "cuda_runtime": cupy.cuda.runtime.runtimeGetVersion(),
        "cuda_driver": cupy.cuda.runtime.driverGetVersion(),
    }


def wait() -> None:
    import cupy

    cupy.cuda.Device().synchronize()


def timed(function) -> float:
    """Seconds until the device has finished."""
    wait()
    began = time.perf_counter()
    function()
    wait()
    return time.perf_counter() - began


# ---- checks --------------------------------------------------------------------------------------


def checks(args) -> dict:
    shapes = [(6, 3, 5), (140, 2, 9)] if args.dry_run else [(6, 3, 5), (100, 5, 5), (300, 5, 12)]
    found = {"largest_error_of_updates": {}}
    for kind in ("cbow", "skipgram", "windows"):
        for shape in shapes:
            for in_order in (False, True):
                name = f"{kind} H={shape[0]} K={shape[2]}{' in order' if in_order else ''}"
                found["largest_error_of_updates"][name] = check_update(kind, shape, in_order)
    found["layers_equal"] = check_layers()
    found["same_seed_same_bytes"] = check_bytes()
    found["waits_in_a_batch"] = check_waiting(args)
    return found


def check_update(kind: str, shape: tuple, in_order: bool) -> float:
    """Largest error of a pass over a small text, as a part of the largest change; at most 1e-4."""
    from tests.fast.test_update import VOCAB, make_corpus, negatives_for
    from tests.gpu import reference
    from w2vlib.fast.gpu import update

    hidden, window, K = shape
    corpus, rng = make_corpus(), np.random.default_rng(1)
    W_in, W_out = (rng.normal(0, 0.4, (VOCAB, hidden)).astype(np.float32) for _ in range(2))
    size = len(corpus.ids)
    negatives = negatives_for((size, 2 * window, K) if kind == "skipgram" else (size, K))
    reaches = rng.integers(1, window + 1, size)
    arguments = W_in, W_out, corpus, window, negatives, reaches, 0.01
    slow = getattr(reference, kind)
    expected = reference.frozen(kind, *arguments) if in_order else slow(*arguments)
    new = update(
        W_in,
        W_out,
        corpus,
        model="cbow" if kind == "cbow" else "skipgram",
        share_negatives=kind == "windows",
        window_size=window,
        negatives=negatives,
        reaches=reaches,
        lr=0.01,
        deterministic=in_order,
    )
    errors = [abs(new[2] / expected[2] - 1)]
    for got, wanted, old in zip(new, expected, (W_in, W_out), strict=False):
        errors.append(float(np.abs(got - wanted).max() / np.abs(wanted - old).max()))
    if not max(errors) < 1e-4:
        raise AssertionError(f"{kind} {shape}: error {max(errors):.2g}")
    return round(max(errors), 9)


def check_layers() -> int:
    """How many layers and types give the numbers of the CPU."""
    from tests.gpu.test_layers_on_device import CASES, test_same_numbers_as_on_the_cpu

    for name in CASES:
        for dtype in (np.float32, np.float64):
            test_same_numbers_as_on_the_cpu(None, name, dtype)
    return 2 * len(CASES)


def check_bytes() -> bool:
    """The same seed twice, additions in a fixed order."""
    corpus = zipf_corpus(1000, 100)
    options = {"hidden_size": 8, "max_epoch": 2, "deterministic": True, "warps": 64}
    first, again = (train(corpus, **options)[0].word_vectors().vectors for _ in range(2))
    if not (first == again).all():
        raise AssertionError("the same seed gave other bytes")
    return True


def check_waiting(args) -> str:
    """CuPy itself refuses to wait for the device inside the batches."""
    import cupyx

    from w2vlib import CBOW, Adam, Trainer, create_contexts_target
    from w2vlib.backend import to_gpu, trusted

    if args.dry_run:
        return "see tests/gpu: the stand-in counts"
    ids = zipf_corpus(20_000, 300).ids
    contexts, target = map(to_gpu, create_contexts_target(ids, 2))
    model = to_gpu(CBOW(300, 16, 2, ids, seed=0))
    trainer = Trainer(model, Adam(), progress=False)
    trainer.fit(contexts, target, 1, 1000)  # tables are copied, kernels compiled
    batch = to_gpu(np.arange(1000))
    with trusted(), cupyx.allow_synchronize(False):
        for _ in range(10):
            trainer._step(contexts, target, batch, 1.0)
    return "none"


# ---- quality -------------------------------------------------------------------------------------


def quality(args) -> dict:
    """Loss and scores of CPU and GPU; the CPU's spread over seeds says what a difference means."""
    from w2vlib import datasets
    from w2vlib.fast import FastTrainer

    if args.dry_run:
        corpus, args.seeds, args.epochs, hidden = zipf_corpus(1000, 100), 2, 2, 8
        plans = {"gpu, 4 warps": {"warps": 4}}
    else:
        corpus, hidden = datasets.load("ptb"), 100
        plans = {f"gpu, {n} warps": {"warps": n} for n in (128, 256, 512, 1024, 2048)}
        plans["gpu, in order"] = {"deterministic": True}
    found = {}
    for model in ({"model": "cbow"}, {"model": "skipgram", "share_negatives": True}):
        same = model | {"hidden_size": hidden, "max_epoch": args.epochs, "progress": False}
        table = {"cpu": [], **{name: [] for name in plans}}
        for seed in range(args.seeds):
            cpu = FastTrainer(corpus, seed=seed, threads=args.threads, **same).fit()
            table["cpu"].append(scores(cpu, args))
            for name, options in plans.items():
                table[name].append(scores(train(corpus, seed=seed, **same, **options)[0], args))
        found[model["model"]] = {
            name: {
                key: [round(float(np.mean(v)), 4), round(float(np.std(v)), 4)]
                for key in rows[0]
                for v in [[row[key] for row in rows]]
            }
            for name, rows in table.items()
        }
    found["reading"] = "each entry: mean and standard deviation over the seeds"
    return found


def scores(trainer, args) -> dict:
    from w2vlib import datasets
    from w2vlib.evaluation import evaluate_analogies, evaluate_similarity

    found = {"loss": trainer.loss_list[-1]}
    if not args.dry_run:
        vectors = trainer.word_vectors()
        analogies = evaluate_analogies(vectors, datasets.load_analogies("google"))
        pairs = datasets.load_similarities("wordsim353")
        found |= {"top1": analogies.accuracy(1), "top5": analogies.accuracy(5)}
        found["wordsim353"] = evaluate_similarity(vectors, pairs).rho
    return found


# ---- speed ---------------------------------------------------------------------------------------


def zipf_corpus(tokens: int, vocab: int, seed: int = 0):
    """Words drawn with P ∝ 1 / rank, in sentences of 20."""
    from w2vlib import Corpus

    edges = np.cumsum(1 / np.arange(1, vocab + 1))
    rng = np.random.default_rng(seed)
    ids = np.empty(tokens, np.int32)
    for start in range(0, tokens, 1 << 22):
        part = ids[start : start + (1 << 22)]
        part[...] = np.searchsorted(edges, rng.random(len(part)) * edges[-1])
    ids[: min(vocab, tokens)] = np.arange(min(vocab, tokens))
    return Corpus(ids, [f"w{i}" for i in range(vocab)], np.arange(0, tokens, 20))


def train(corpus, **options):
    """A trained trainer, and the seconds of its epochs."""
    from w2vlib.fast.gpu import GpuTrainer

    trainer = GpuTrainer(corpus, **{"seed": 0, "progress": False, **options})
    trainer.compile()
    return trainer, timed(trainer.fit)


def speed(args) -> dict:
    from w2vlib import datasets

    found = {"ceilings": ceilings(args)}
    if args.dry_run:
        corpora, sizes, warps = {"synthetic": zipf_corpus(600, 100)}, (8,), (None,)
    else:
        synthetic = zipf_corpus(args.tokens, 100_000)
        corpora = {"ptb": datasets.load("ptb"), f"{args.tokens:.0e} synthetic tokens": synthetic}
        sizes, warps = (100, 300), (None, 128, 1024, 2048, 4096)
    kinds = {
        "cbow": {"model": "cbow"},
        "skipgram": {"model": "skipgram"},
        "skipgram, shared negatives": {"model": "skipgram", "share_negatives": True},
    }
    for text, corpus in corpora.items():
        for hidden in sizes:
            for kind, options in kinds.items():
                for count in warps:
                    more = {"warps": count, "max_epoch": 1}
                    if not args.dry_run:
                        more["max_epoch"] = max(1, min(20, 2 * 10**7 // len(corpus.ids)))
                    row = measure(corpus, kind, hidden, options | more)
                    name = f"{text}, H={hidden}, {kind}, {count or 'usual'} warps"
                    found[name] = row
                    print(name, row, flush=True)
    return found


def measure(corpus, kind: str, hidden: int, options: dict) -> dict:
    """Words/s, and what they amount to in bytes of rows and in operations."""
    train(corpus, hidden_size=hidden, lr=0.01, **options | {"max_epoch": 1})  # warm up
    trainer, seconds = train(corpus, hidden_size=hidden, lr=0.01, **options)
    words = trainer.max_epoch * len(corpus.ids) / seconds
    w, K = trainer.shape.window_size, trainer.sample_size
    # Rows read and rows added to, and multiply-adds, for one word (whole windows).
    rows, products = {
        "cbow": (1 + K + 1, 3 * (K + 1)),
        "skipgram": (1 + 2 * w * (K + 1), 2 * w * 3 * (K + 1)),
        "skipgram, shared negatives": (1 + K + 1, 2 * w * 3 * (K + 1)),
    }[kind]
    return {
        "words_per_second": round(words),
        "warps": trainer._kernels.warps,
        "row_bytes_per_second": round(words * rows * 2 * 4 * hidden),
        "operations_per_second": round(words * products * 2 * hidden),
    }


def ceilings(args) -> dict:
    """What the card can do: copying in its memory and in its cache, single-precision products."""
    import cupy

    found = {}
    for name, size in (("memory", 1 << 30), ("cache", 1 << 22)):
        size = 1 << 12 if args.dry_run else size
        x, y = cupy.zeros(size, np.float32), cupy.ones(size, np.float32)
        rounds = 20

        def copy(x=x, y=y, rounds=rounds):
            for _ in range(rounds):
                x[...] = y

        copy()
        found[f"{name}_bytes_per_second"] = round(2 * 4 * size * rounds / timed(copy))
    n = 64 if args.dry_run else 8192
    a = cupy.ones((n, n), np.float32)
    a @ a
    found["operations_per_second"] = round(2 * n**3 / timed(lambda: a @ a))
    return found


# ---- layers --------------------------------------------------------------------------------------


def layers(args) -> dict:
    """CBOW with the layers, Adam, dense gradients: words/s on CuPy and on NumPy."""
    from w2vlib import CBOW, Adam, Trainer, create_contexts_target, datasets

    ids = zipf_corpus(3000, 300).ids if args.dry_run else datasets.load("ptb").ids
    vocab = int(ids.max()) + 1
    contexts, target = create_contexts_target(ids, 5)
    found = {}
    for batch in (100,) if args.dry_run else (1000, 10_000):
        for device in ("gpu", "cpu"):
            # On the CPU with the sparse gradients that suit it, and fewer examples.
            model = CBOW(vocab, 100, 5, ids, seed=0, sparse_grad=device == "cpu")
            trainer = Trainer(model, Adam(), seed=0, device=device, progress=False)
            some = slice(0, len(target) if device == "gpu" else 200_000)
            trainer.fit(contexts[:batch], target[:batch], 1, batch)  # warm up
            seconds = timed(lambda t=trainer, s=some, b=batch: t.fit(contexts[s], target[s], 1, b))
            found[f"{device}, batch {batch}"] = round(len(target[some]) / seconds)
    found["reading"] = "words a second"
    return found


if __name__ == "__main__":
    raise SystemExit(main())
