"""Coverage-guided fuzzing of every file reader, with atheris (see README.md beside this file).

python tests/fuzz/fuzz_readers.py READER [libFuzzer options]
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
with atheris.instrument_imports(include=["w2vlib"]):
    from tests.fuzz import readers
    from w2vlib import files, vector_table


def main() -> None:
    """Fuzz the reader that the command line names until something is found, or -runs are done."""
    if len(sys.argv) < 2 or sys.argv[1] not in readers.READERS:
        sys.exit(f"usage: fuzz_readers.py {{{','.join(readers.READERS)}}} [libFuzzer options]")
    reader = sys.argv.pop(1)
    # Small pieces, so that small inputs too meet the edges between two of them.
    files.CHUNK = vector_table.CHUNK = 64
    os.fsync = lambda descriptor: None  # nothing in memory needs forcing to a disk
    start = readers.FOLDER / "seeds"
    start.mkdir()
    for number, data in enumerate(readers.seeds(reader)):
        (start / str(number)).write_bytes(data)
    options = ["-timeout=10", "-rss_limit_mb=1024", "-max_len=2000", "-print_final_stats=1"]
    atheris.Setup([*sys.argv, *options, str(start)], readers.READERS[reader])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
