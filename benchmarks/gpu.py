"""Everything about the GPU in one call: builds, checks, speed, quality.

    python benchmarks/gpu.py                       # on a machine with an NVIDIA card and CuPy
    python benchmarks/gpu.py --dry-run             # anywhere: the same steps, tiny, on the stand-in
    python benchmarks/gpu.py --only checks speed   # some of the steps

Steps: ``build`` (the kernels for each size: seconds, registers, local memory), ``checks`` (updates
against float64 loops and the layers, layers against NumPy, same bytes from the same seed, no
hidden waiting in a batch), ``speed`` (words/s, bytes/s and operations/s of CBOW and skip-gram
against the measured ceilings of the card), ``layers`` (the NumPy layers on CuPy and on NumPy),
``quality`` (Penn Treebank, several seeds, against the CPU's engine), ``goal`` (what it was for).

Every finding goes to ``--record`` (default: benchmarks/results/gpu.json; a dry run only prints) as
soon as it is there, with date, card and versions: a machine may be lent for a short time.  What
fails is recorded with its error, and the next thing begins; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import pathlib
import sys
import time
import traceback

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import machine
import numpy as np

STEPS = ("build", "checks", "speed", "layers", "quality", "goal")
GOAL = 100e6  # words a second, CBOW, H = 100, on an H200
KINDS = {
    "cbow": {"model": "cbow"},
    "skipgram": {"model": "skipgram"},
    "skipgram, shared negatives": {"model": "skipgram", "share_negatives": True},
}


def main(argv=None) -> int:
    args = parse(argv)
    if args.dry_run:
        pretend()
    from w2vlib.backend import gpu_available

    if not gpu_available():
        print("No GPU answers here. --dry-run goes through the same steps without one.")
        return 2
    path = args.record
    if path is None and not args.dry_run:
        path = machine.RESULTS / "gpu.json"
    record = Record(path, about(args))
    for name in args.only or STEPS:
        began = time.perf_counter()
        record.step = name
        with record.trying("error"):
            globals()[name](args, record)
        record.put("step_seconds", round(time.perf_counter() - began, 1))
    return int(record.failures > 0)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dry-run", action="store_true")
    parser.add_argument("--only", nargs="+", choices=STEPS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=10, help="of the quality runs")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of the CPU runs")
    parser.add_argument("--tokens", type=int, default=10**8, help="of the synthetic text")
    parser.add_argument("--record", type=pathlib.Path)
    return parser.parse_args(argv)


class Record:
    """Findings by step and name, on the screen and in a file as soon as they are there."""

    def __init__(self, path: pathlib.Path | None, facts: dict) -> None:
        self.path, self.found = path, {"about": facts}
        self.step, self.failures = "", 0
        print(json.dumps(facts), flush=True)

    def put(self, name: str, value) -> None:
        self.found.setdefault(self.step, {})[name] = value
        print(f"{self.step}: {name}: {json.dumps(value)}", flush=True)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text(json.dumps(self.found, indent=1) + "\n", encoding="utf-8")

    def get(self, step: str) -> dict:
        return self.found.get(step, {})

    @contextlib.contextmanager
    def trying(self, name: str):
        """An exception inside is a finding, and no end."""
        try:
            yield
        except Exception as error:
            traceback.print_exc()
            self.failures += 1
            self.put(name, {"error": f"{type(error).__name__}: {error}"})

    def take(self, name: str, function, *arguments) -> None:
        """Put down what the function returns, or its error."""
        with self.trying(name):
            self.put(name, function(*arguments))


def pretend() -> None:
    """Put the strict stand-in in the place of CuPy; kernels run on the CPU, thread by thread."""
    from tests.gpu import strict_cupy

    sys.modules["cupy"], sys.modules["cupyx"] = strict_cupy.make_cupy()


def about(args) -> dict:
    import cupy

    facts = machine.about() | {"cupy": cupy.__version__, "cpu_threads": args.threads}
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


# ---- build ---------------------------------------------------------------------------------------


def build(args, record: Record) -> None:
    for hidden in (8,) if args.dry_run else (100, 300):
        for kind in ("cbow", "skipgram", "windows"):
            record.take(f"{kind}, H={hidden}", build_one, kind, hidden)


def build_one(kind: str, hidden: int) -> dict:
    """Registers and local memory (0: all is in registers) of a kernel, and the warps that fit."""
    from w2vlib.fast.gpu.launch import Kernels

    began = time.perf_counter()
    kernels = Kernels(kind, 10_000, hidden, 5, 5)
    seconds = time.perf_counter() - began
    function = kernels._function(f"train_{kind}")
    return {
        "seconds": round(seconds, 2),
        "registers": function.num_regs,
        "local_bytes": getattr(function, "local_size_bytes", 0),
        "shared_bytes": kernels.ring_bytes,
        "warps": kernels.warps,
    }


# ---- checks --------------------------------------------------------------------------------------


def checks(args, record: Record) -> None:
    shapes = [(6, 3, 5)] if args.dry_run else [(6, 3, 5), (100, 5, 5), (300, 5, 12)]
    for kind in ("cbow", "skipgram", "windows"):
        for shape in shapes:
            for in_order in (False, True):
                name = f"{kind} H={shape[0]} K={shape[2]}{' in order' if in_order else ''}"
                record.take(f"error of {name}", check_update, kind, shape, in_order)
    record.take("updates equal to the layers'", check_gradients)
    record.take("layers and types equal to NumPy's", check_layers)
    record.take("same seed, same bytes", check_bytes)
    record.take("waits in a batch", check_waiting, args)


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


def check_gradients() -> bool:
    """Single targets and whole batches: the models' own gradients."""
    from tests.gpu import test_kernels

    for in_order in (False, True):
        test_kernels.test_one_target_is_the_gradient_of_cbow(None, 11, in_order)
    test_kernels.test_one_target_is_the_gradient_of_skipgram(None)
    test_kernels.test_a_whole_batch_is_the_gradient_of_the_layers(None)
    return True


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


def speed(args, record: Record) -> None:
    from w2vlib import datasets

    record.take("ceilings", ceilings, args)
    if args.dry_run:
        text = functools.partial(zipf_corpus, 600, 100)
        corpora, sizes, more_warps = {"synthetic": text}, (8,), ()
    else:
        corpora = {
            "ptb": functools.partial(datasets.load, "ptb"),
            f"{args.tokens:.0e} synthetic tokens": functools.partial(
                zipf_corpus, args.tokens, 100_000
            ),
        }
        sizes, more_warps = (100, 300), (128, 256, 512, 1024, 2048, 4096)
    limits = record.get("speed").get("ceilings", {})
    for text, make in corpora.items():
        with record.trying(text):
            corpus = make()
            for hidden in sizes:
                for kind in KINDS:
                    name = f"{text}, H={hidden}, {kind}"
                    record.take(name, measure, corpus, kind, hidden, {}, limits)
            # How the speed grows with the warps, each number from the beginning.
            for warps in more_warps:
                options = {"warps": warps, "tokens_per_warp": 0}
                name = f"{text}, H=100, cbow, {warps} warps"
                record.take(name, measure, corpus, "cbow", 100, options, limits)


def measure(corpus, kind: str, hidden: int, options: dict, limits: dict) -> dict:
    """Words/s, and what they amount to in bytes of rows and in operations."""
    same = KINDS[kind] | options | {"hidden_size": hidden, "lr": 0.01}
    train(zipf_corpus(300, 50), **same, max_epoch=1)  # everything is compiled
    epochs = max(1, min(20, 2 * 10**7 // len(corpus.ids))) if len(corpus.ids) > 10_000 else 1
    trainer, seconds = train(corpus, **same, max_epoch=epochs)
    words = epochs * len(corpus.ids) / seconds
    w, K = trainer.shape.window_size, trainer.sample_size
    # Rows read and rows added to, and multiply-adds, for one word (whole windows).
    rows, products = {
        "cbow": (1 + K + 1, 3 * (K + 1)),
        "skipgram": (1 + 2 * w * (K + 1), 2 * w * 3 * (K + 1)),
        "skipgram, shared negatives": (1 + K + 1, 2 * w * 3 * (K + 1)),
    }[kind]
    found = {
        "words_per_second": round(words),
        "warps": trainer._kernels.warps,
        "row_bytes_per_second": round(words * rows * 2 * 4 * hidden),
        "operations_per_second": round(words * products * 2 * hidden),
    }
    parts = {
        "part_of_memory": ("row_bytes_per_second", "memory_bytes_per_second"),
        "part_of_cache": ("row_bytes_per_second", "cache_bytes_per_second"),
        "part_of_operations": ("operations_per_second", "operations_per_second"),
    }
    for name, (mine, limit) in parts.items():
        if limit in limits:
            found[name] = round(found[mine] / limits[limit], 3)
    return found


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


def layers(args, record: Record) -> None:
    """CBOW with the layers, Adam: words/s on CuPy and on NumPy."""
    from w2vlib import create_contexts_target, datasets

    ids = zipf_corpus(3000, 300).ids if args.dry_run else datasets.load("ptb").ids
    contexts, target = create_contexts_target(ids, 5)
    record.put("reading", "words a second")
    for batch in (100,) if args.dry_run else (1000, 10_000):
        for device in ("gpu", "cpu"):
            name = f"{device}, batch {batch}"
            record.take(name, layer_speed, ids, contexts, target, device, batch)


def layer_speed(ids, contexts, target, device: str, batch: int) -> int:
    from w2vlib import CBOW, Adam, Trainer

    # On the CPU with the sparse gradients that suit it, and fewer examples.
    vocab = int(ids.max()) + 1
    model = CBOW(vocab, 100, 5, ids, seed=0, sparse_grad=device == "cpu")
    trainer = Trainer(model, Adam(), seed=0, device=device, progress=False)
    some = slice(0, len(target) if device == "gpu" else 200_000)
    trainer.fit(contexts[:batch], target[:batch], 1, batch)  # warm up
    seconds = timed(lambda: trainer.fit(contexts[some], target[some], 1, batch))
    return round(len(target[some]) / seconds)


# ---- quality -------------------------------------------------------------------------------------


def quality(args, record: Record) -> None:
    """Loss and scores of CPU and GPU; the CPU's spread over seeds says what a difference means."""
    from w2vlib import datasets

    if args.dry_run:
        corpus, seeds, same = zipf_corpus(1000, 100), 2, {"hidden_size": 8, "max_epoch": 2}
    else:
        corpus, seeds = datasets.load("ptb"), args.seeds
        same = {"hidden_size": 100, "max_epoch": args.epochs}
    plans = {
        "cpu": None,
        "gpu": {},
        "gpu, all warps at once": {"tokens_per_warp": 0},
        "gpu, 256 warps at once": {"tokens_per_warp": 0, "warps": 256},
        "gpu, in order": {"deterministic": True},
    }
    record.put("reading", "each entry: mean and standard deviation over the seeds")
    for kind in ("cbow", "skipgram, shared negatives"):
        for name, options in plans.items():
            more = same | KINDS[kind]
            record.take(f"{kind}: {name}", spread, args, corpus, options, more, seeds)


def spread(args, corpus, options: dict | None, same: dict, seeds: int) -> dict:
    """Mean and spread of loss and scores; ``options`` of the GPU's trainer, None for the CPU's."""
    from w2vlib.fast import FastTrainer

    rows = []
    for seed in range(seeds):
        if options is None:
            more = {"threads": args.threads, "progress": False}
            trainer = FastTrainer(corpus, seed=seed, **more, **same).fit()
        else:
            trainer, _ = train(corpus, seed=seed, **same, **options)
        rows.append(scores(trainer, args))
    values = {key: [row[key] for row in rows] for key in rows[0]}
    return {k: [round(float(np.mean(v)), 4), round(float(np.std(v)), 4)] for k, v in values.items()}


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


# ---- goal ----------------------------------------------------------------------------------------


def goal(args, record: Record) -> None:
    """CBOW at H = 100: fast enough, and with the loss and the scores of the CPU's engine?"""
    rows = {n: r for n, r in record.get("speed").items() if n.endswith("H=100, cbow")}
    record.put("words_per_second", {n: row.get("words_per_second") for n, row in rows.items()})
    record.put("wanted", GOAL)
    here, there = (record.get("quality").get(f"cbow: {name}", {}) for name in ("cpu", "gpu"))
    for key in here.keys() & there.keys() - {"error"}:
        (mean, deviation), (other, _) = here[key], there[key]
        difference = {"difference": round(other - mean, 4), "spread_of_cpu": deviation}
        record.put(f"{key}, gpu minus cpu", difference)


if __name__ == "__main__":
    raise SystemExit(main())
