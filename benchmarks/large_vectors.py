"""How much memory and time large files of word vectors take, and suggestions for unknown words.

    python benchmarks/large_vectors.py                 # 1,000,000 × 300, .bin and .npz: 1.2 GB
    python benchmarks/large_vectors.py --formats txt   # word2vec's text format: 3.5 GB

Each file is made in a temporary folder, read in a process of its own, whose highest use of memory
the system tells, and deleted.  The record is benchmarks/results/large_vectors.json; the goal is a
peak of at most 1.2 times the size of the file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "benchmarks" / "results" / "large_vectors.json"

READ = """
import json, resource, sys, time
import numpy as np
from w2vlib import WordVectors
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
began = time.perf_counter()
vectors = WordVectors.load(sys.argv[1])
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
word = vectors.words[-1]
print(json.dumps({"seconds": seconds, "peak": peak, "before": base, "words": len(vectors),
                  "last": [word, float(vectors[word][-1])]}))
"""


def make(path: Path, words: int, size: int) -> float:
    """Write the vectors; the last number of the last one."""
    import numpy as np

    from w2vlib import write_vectors

    rng = np.random.default_rng(0)
    vectors = np.empty((words, size), np.float32)
    for start in range(0, words, 50_000):
        part = vectors[start : start + 50_000]
        part[...] = rng.standard_normal(part.shape, dtype=np.float32)
    write_vectors(path, [f"word{i}" for i in range(words)], vectors)
    return float(vectors[-1, -1])


def measure(kind: str, words: int, size: int, folder: Path) -> dict:
    """Make a file, read it in a fresh process, delete it."""
    path = folder / f"large.{kind}"
    child = [sys.executable, __file__, "--make", str(path), str(words), str(size)]
    last = float(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    bytes_on_disk = path.stat().st_size
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    path.unlink()
    found = json.loads(done.stdout)
    assert found["words"] == words and found["last"] == [f"word{words - 1}", last]
    return {
        "format": kind,
        "words": words,
        "dimensions": size,
        "file_bytes": bytes_on_disk,
        "peak_bytes": found["peak"],
        "bytes_before_reading": found["before"],
        "peak_over_file": round(found["peak"] / bytes_on_disk, 3),
        "peak_over_numbers": round(found["peak"] / (4 * words * size), 3),
        "seconds": round(found["seconds"], 2),
        "progress_shown": "large." in done.stderr and "100%" in done.stderr,
    }


def suggestions(words: int = 71_000) -> dict:
    """Milliseconds of CPU time for suggestions to unknown words, the best of five each."""
    import numpy as np

    from w2vlib.validation import suggest_words

    rng = np.random.default_rng(0)
    letters = np.array(list("eeetttaaaoooiiinnnsssrrrhhlldduummccffggppwwyybbvk"))
    text = letters[rng.integers(len(letters), size=12 * words)]
    lengths = rng.integers(2, 12, size=words)
    vocabulary = ["".join(text[12 * i : 12 * i + lengths[i]]) for i in range(words)]
    times = []
    for query in ("kingg", "internatoinal", "presidnt", "sss", "governmant", "a", "xqzj"):
        runs = []
        for _ in range(5):
            began = time.process_time()
            suggest_words(query, vocabulary)
            runs.append(time.process_time() - began)
        times.append(round(1000 * min(runs), 1))
    return {"words": words, "milliseconds": times, "slowest": max(times)}


def main() -> None:
    """Measure and record."""
    if sys.argv[1:2] == ["--make"]:
        print(make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
        return
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--formats", nargs="+", default=["bin", "npz"])
    parser.add_argument("--output", type=Path, default=RECORD)
    options = parser.parse_args()
    record = json.loads(options.output.read_text()) if options.output.exists() else {"files": []}
    record["machine"] = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    with tempfile.TemporaryDirectory() as folder:
        for kind in options.formats:
            result = measure(kind, options.words, options.size, Path(folder))
            same = (kind, options.words, options.size)
            record["files"] = [
                old
                for old in record["files"]
                if (old["format"], old["words"], old["dimensions"]) != same
            ] + [result]
            print(json.dumps(result))
    record["suggestions"] = suggestions()
    print(record["suggestions"])
    options.output.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
