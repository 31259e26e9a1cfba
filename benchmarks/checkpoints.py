"""What checkpoints cost, and what they survive.

    python benchmarks/checkpoints.py cost              # seconds, and share of the time
    python benchmarks/checkpoints.py kill --kills 500  # kill -9 at random moments

Records go to benchmarks/results/checkpoints.json.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
RECORD = ROOT / "benchmarks" / "results" / "checkpoints.json"

import numpy as np  # noqa: E402

from tests import killed  # noqa: E402
from w2vlib import CBOW, Adam, Checkpoints, Corpus, Trainer, fast  # noqa: E402


def text(words: int, tokens: int) -> Corpus:
    """A text with frequencies as in language; every word occurs."""
    rng = np.random.default_rng(0)
    p = 1 / np.arange(1, words + 1)
    drawn = rng.choice(words, size=tokens - words, p=p / p.sum())
    ids = np.concatenate([np.arange(words), drawn]).astype(np.int32)
    return Corpus(ids, [f"w{i}" for i in range(words)])


def layers(checkpoint, words=10_000, size=100, tokens=60_000) -> None:
    corpus = text(words, tokens)
    model = CBOW(words, size, 5, corpus, seed=1, sparse_grad=True)
    trainer = Trainer(model, Adam(), seed=2, progress=False)
    trainer.fit_corpus(corpus, 1, 100, checkpoint=checkpoint)


def engine(checkpoint, words=10_000, size=100, tokens=3_000_000) -> None:
    corpus = text(words, tokens)
    trainer = fast.FastTrainer(corpus, hidden_size=size, max_epoch=1, seed=1, progress=False)
    trainer.fit(checkpoint=checkpoint)


CASES = {
    "layers, CBOW with Adam, 10,000 x 100": layers,
    "compiled, CBOW, 10,000 x 100": engine,
    "compiled, CBOW, 71,000 x 200": lambda c: engine(c, 71_000, 200),
}


def cost() -> list[dict]:
    """How long a checkpoint takes when there are many, and what that is at one a minute."""
    results = []
    for name, train in CASES.items():
        with tempfile.TemporaryDirectory(dir=ROOT) as folder:  # a real disk
            checkpoint = Checkpoints(folder, every_seconds=0.5)
            train(checkpoint)
            size = checkpoint.paths()[-1].stat().st_size
        each = checkpoint.seconds / checkpoint.written
        result = {
            "training": name,
            "bytes": size,
            "checkpoints": checkpoint.written,
            "seconds_each": round(each, 4),
            "share_of_time_at_one_a_minute": round(each / (60 + each), 5),
        }
        print(result)
        results.append(result)
    return results


def kill(kills: int, seed: int = 0) -> dict:
    """Kill trainings at random moments until so many kills are done; compare what they end in."""
    rng = np.random.default_rng(seed)
    whole = {name: killed.run(name, None) for name in killed.TRAININGS}
    stages, trainings, began = Counter(), 0, time.perf_counter()
    with tempfile.TemporaryDirectory() as top:
        nursery = killed.Nursery(Path(top))
        while sum(stages.values()) < kills:
            name = list(whole)[trainings % len(whole)]
            folder = Path(top) / str(trainings)
            while True:
                pid = nursery.start(name, folder, slow=0.001)
                time.sleep(rng.uniform(0, 0.3))
                stage = killed.STAGES[nursery.stage[0]]
                os.kill(pid, signal.SIGKILL)
                if nursery.ended(pid) == 0:
                    break
                stages[stage] += 1
            if killed.run(name, folder) != whole[name]:
                raise AssertionError(f"{name} in {folder} ends in other bytes")
            trainings += 1
        nursery.close()
    return {
        "kills": sum(stages.values()),
        "trainings": trainings,
        "killed_while": dict(stages),
        "all_ended_in_the_same_bytes": True,
        "seconds": round(time.perf_counter() - began, 1),
    }


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cost", "kill"))
    parser.add_argument("--kills", type=int, default=500)
    options = parser.parse_args()
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    record[options.what] = cost() if options.what == "cost" else kill(options.kills)
    print(json.dumps(record[options.what], indent=1))
    RECORD.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
