"""Makes the embedded corpus, its named-entity tags and its test sets.

    python data/generate.py                       writes the files beside this one
    python data/generate.py --check               compares the files with a fresh generation
    python data/generate.py --tokens 100000000 --output big    as much text as you like

The same seed gives the same bytes with every Python from 3.11 on. Only Python is needed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from generator import files  # noqa: E402

TOKENS = 500_000
SEED = 20_130


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when all is well, 1 when --check found a difference."""
    options = _parse(arguments)
    if options.check:
        return _check(options.output)
    paths = files.write_all(options.output, options.tokens, options.seed)
    files.write_sums(options.output, paths)
    for path in paths:
        print(f"{path.stat().st_size:>12,} bytes  {path}")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Make the embedded corpus and its test sets.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="at least so many words")
    parser.add_argument("--seed", type=int, default=SEED, help="another seed, another corpus")
    parser.add_argument("--output", type=Path, default=HERE, help="folder for the files")
    options = parser.parse_args(arguments)
    if options.tokens < 1:
        parser.error(f"--tokens must be at least 1, got {options.tokens}")
    return options


def _check(folder: Path) -> int:
    with tempfile.TemporaryDirectory() as fresh:
        files.write_all(Path(fresh), TOKENS, SEED)
        wrong = list(files.differences(folder, Path(fresh)))
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    if not wrong:
        print("all files are as the generator makes them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
