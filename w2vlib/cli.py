"""The command line: train vectors from a text, ask them, judge them.

Options have the names that word2vec.c gives them, where it has them.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import w2vlib
from w2vlib.checkpoints import ON_ERROR, Checkpoints, CheckpointWarning

_EPILOG = """\
examples:
  python -m w2vlib train text.txt -o vectors.bin
  python -m w2vlib train text.txt.gz -o vectors.txt --model skipgram --size 200 --threads 2
  python -m w2vlib train big.txt -o vectors.bin --checkpoint saved --resume
  python -m w2vlib train text.txt -o vectors.bin --device gpu
  python -m w2vlib nearest vectors.bin king queen
  python -m w2vlib analogy vectors.bin man king woman
  python -m w2vlib evaluate vectors.bin --analogies google --similarities wordsim353

exit codes: 0 all went well; 1 something is wrong with a file, a word or the data; 2 wrong options;
130 ended by Ctrl-C (train then still writes what was learned).
"""

_TRAIN_EPILOG = """\
The text is UTF-8, one sentence a line, also compressed (.gz, .xz, .zip); no window crosses a line
end.  "tiny", "embedded", "ptb" and "text8" name data sets.  The text may be larger than memory: its
ids go to a temporary file (4 bytes a word; TMPDIR says where).

The suffix of the output file chooses its format: .bin (word2vec binary), .txt or .vec (word2vec
text; these three also with .gz or .xz), .npz or .safetensors (with counts).

Options with the names of word2vec.c mean what they mean there, with these differences: the window
does not shrink at random unless you say --shrink; --cbow 0|1 is --model; -alpha of CBOW belongs to
the true gradient of the mean (see --sum-gradient).

With --device gpu the training runs on an NVIDIA card with CuPy; where none works it says so and
uses the CPU. On a GPU there is no --hs, no --checkpoint and nothing for --threads to do.

With --checkpoint DIR --resume the same command can be given again and again: it goes on where the
last run was ended, by Ctrl-C, a power cut or kill -9, and begins anew in an empty folder.
"""


_COMPILING = "Compiling the inner loops; later trainings find them ready"
_PATIENCE = 1.5  # seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; ``arguments`` are by default the process's."""
    options = _parser().parse_args(arguments)
    try:
        if (conflict := _conflict(options)) is not None:
            print(f"w2vlib: error: {conflict}", file=sys.stderr)
            return 2
        return options.run(options)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, `head` perhaps, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, ValueError, KeyError, FloatingPointError, RuntimeError, ImportError) as error:
        print(f"w2vlib: error: {_in_one_line(error)}", file=sys.stderr)
        return 1
    except MemoryError:
        print("w2vlib: error: not enough memory; use a smaller --size or window.", file=sys.stderr)
        return 1


def _in_one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


# ---- options ------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m w2vlib",
        description="Word vectors: train them, ask them, judge them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"w2vlib {w2vlib.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_train(commands)
    _add_nearest(commands)
    _add_analogy(commands)
    _add_evaluate(commands)
    return parser


def add_command(commands, name: str, run, help: str, epilog: str | None = None):
    """The parser of one command, which ``run(options)`` carries out."""
    command = commands.add_parser(
        name,
        help=help,
        description=help[0].upper() + help[1:] + ".",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _add_train(commands) -> None:
    train = add_command(
        commands, "train", _train, "learn word vectors from a text", epilog=_TRAIN_EPILOG
    )
    train.add_argument("text", metavar="TEXT", help="a text file, or the name of a data set")
    train.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="where the vectors go, e.g. v.bin"
    )
    model = train.add_argument_group("model")
    model.add_argument(
        "--model",
        choices=("cbow", "skipgram"),
        default="cbow",
        help="guess a word from its neighbours, or its neighbours from the word (default: cbow)",
    )
    model.add_argument("--size", type=_count, default=100, help="length of a vector (100)")
    model.add_argument("--window", type=_count, default=5, help="words on either side (5)")
    model.add_argument(
        "--shrink", action="store_true", help="draw each window's size from 1 … WINDOW"
    )
    model.add_argument(
        "--negative", type=_count_or_zero, default=5, help="negative words for each word (5)"
    )
    model.add_argument(
        "--power", type=float, default=0.75, help="negatives are drawn with count ** POWER (0.75)"
    )
    model.add_argument(
        "--shared",
        action="store_true",
        help="skip-gram: the neighbours of a word share its negatives; half as fast again",
    )
    model.add_argument(
        "--hs", action="store_true", help="hierarchical softmax instead of negative sampling"
    )
    text = train.add_argument_group("text")
    text.add_argument(
        "--min-count", type=_count, default=1, help="leave out words that occur less often (1)"
    )
    text.add_argument(
        "--sample",
        type=float,
        default=0.0,
        help="drop frequent words at random; try 1e-3 … 1e-5 for large texts (0: keep all)",
    )
    text.add_argument(
        "--tokenizer",
        choices=("book", "words", "split"),
        help="book: lower case, '.' is a word; words: so is all punctuation; split: white space "
        "only (default: book for files, split for data sets)",
    )
    training = train.add_argument_group("training")
    training.add_argument(
        "--epochs", "--iter", type=_count, default=5, help="passes over the text (5)"
    )
    training.add_argument(
        "--alpha", type=float, help="learning rate at the start (0.2 for cbow, 0.05 for skipgram)"
    )
    training.add_argument(
        "--sum-gradient",
        action="store_true",
        help="cbow: give every context word the whole gradient, as word2vec.c does (alpha: 0.05)",
    )
    training.add_argument("--threads", type=_count, default=1, help="threads (1)")
    training.add_argument(
        "--device", choices=("cpu", "gpu"), default="cpu", help="where the training runs (cpu)"
    )
    training.add_argument(
        "--deterministic",
        action="store_true",
        help="gpu: add up in a fixed order: same seed, same vectors there too; slower",
    )
    training.add_argument(
        "--seed", type=_count_or_zero, default=1, help="same seed, same vectors with one thread (1)"
    )
    training.add_argument("--quiet", action="store_true", help="no progress, no summary")
    _add_checkpoints(train)


def _add_checkpoints(train) -> None:
    safety = train.add_argument_group("checkpoints")
    safety.add_argument(
        "--checkpoint", metavar="DIR", help="save the state of the training in this folder"
    )
    safety.add_argument(
        "--checkpoint-every",
        type=_seconds,
        default=60.0,
        metavar="SECONDS",
        help="how often (60); the last two are kept",
    )
    safety.add_argument(
        "--resume", action="store_true", help="go on from the newest checkpoint in the folder"
    )
    safety.add_argument(
        "--on-checkpoint-error",
        choices=ON_ERROR,
        default="warn",
        help="if the disk is full or read-only: say so and go on, or stop (warn)",
    )


def _add_nearest(commands) -> None:
    nearest = add_command(
        commands,
        "nearest",
        _nearest,
        "show the words with the most similar vectors",
        epilog="Prints one line a neighbour: word, neighbour, cosine, separated by tabs.",
    )
    nearest.add_argument("file", metavar="FILE", help="a file of word vectors")
    nearest.add_argument("words", metavar="WORD", nargs="+")
    nearest.add_argument("--top", type=_count, default=10, help="how many (10)")


def _add_analogy(commands) -> None:
    analogy = add_command(
        commands,
        "analogy",
        _analogy,
        "complete an analogy: A is to B as C is to …",
        epilog="Prints one line an answer: word and score, separated by a tab.",
    )
    analogy.add_argument("file", metavar="FILE", help="a file of word vectors")
    for name in ("a", "b", "c"):
        analogy.add_argument(name, metavar=name.upper())
    analogy.add_argument("--top", type=_count, default=5, help="how many answers (5)")
    analogy.add_argument(
        "--method", choices=("3CosAdd", "3CosMul"), default="3CosAdd", help="(3CosAdd)"
    )


def _add_evaluate(commands) -> None:
    evaluate = add_command(
        commands,
        "evaluate",
        _evaluate,
        "score vectors on analogies and on human similarity judgements",
        epilog="Without --analogies and --similarities: all test sets that can be found and whose "
        "words are known.\nTest sets that are not on this machine are downloaded once.",
    )
    evaluate.add_argument("file", metavar="FILE", help="a file of word vectors")
    evaluate.add_argument(
        "--analogies",
        action="append",
        metavar="SET",
        help="google, embedded, or a file like questions-words.txt; may be repeated",
    )
    evaluate.add_argument(
        "--similarities",
        action="append",
        metavar="SET",
        help="wordsim353, simlex999, embedded, or a file: word, tab, word, tab, score",
    )
    evaluate.add_argument(
        "--limit", type=_count, help="analogies: use only the LIMIT first words of FILE"
    )


def _count(text: str) -> int:
    value = _count_or_zero(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
    return value


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, got {text!r}") from None
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a number of seconds, got {text}")
    return value


def _count_or_zero(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, got {text!r}") from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, got {value}")
    return value


# ---- commands -----------------------------------------------------------------------------------


def _conflict(options) -> str | None:
    """What does not go together, in one line; ``None`` if all is well."""
    if options.run is not _train:
        return None
    if options.device == "cpu":
        if options.deterministic and options.threads > 1:
            return f"--deterministic on the CPU needs --threads 1, not {options.threads}."
        return None
    refused = {
        "--hs": options.hs,
        "--checkpoint": options.checkpoint is not None,
        "--resume": options.resume,
        "--threads": options.threads > 1,
    }
    names = [name for name, given in refused.items() if given]
    if names:
        return f"--device gpu does not go together with {', '.join(names)}; use --device cpu."
    return None


def _train(options) -> int:
    _check_output(options.output)
    if options.negative == 0 and not options.hs:
        raise ValueError("--negative 0 leaves nothing to learn from; add --hs, or use 5.")
    if options.resume and options.checkpoint is None:
        raise ValueError("--resume needs --checkpoint DIR, the folder to go on from.")
    from w2vlib import fast
    from w2vlib.vector_files import check_writable

    began = time.perf_counter()
    if not options.quiet:
        print(f"Reading {options.text}", file=sys.stderr)
    with fast.opened(options.text, options.min_count, options.tokenizer) as corpus:
        if not options.quiet:
            print(f"{len(corpus.ids):,} tokens, {corpus.vocab_size:,} words", file=sys.stderr)
        check_writable(options.output, corpus.words)
        with _plain_warnings():
            make = fast.trainer_on(options.device, options.deterministic, options.threads)
        trainer = make(
            corpus,
            model=options.model,
            hidden_size=options.size,
            window_size=options.window,
            loss="hierarchical_softmax" if options.hs else "negative_sampling",
            sample_size=options.negative or 1,
            power=options.power,
            subsample=options.sample,
            shrink_windows=options.shrink,
            share_negatives=options.shared,
            mean_gradient=not options.sum_gradient,
            lr=_learning_rate(options),
            max_epoch=options.epochs,
            threads=options.threads,
            seed=options.seed,
            progress=not options.quiet and sys.stderr.isatty(),
        )
        checkpoints = _checkpoints(options)
        with _told_if_slow(_COMPILING, options.quiet):
            trainer.compile()
        with _plain_warnings():
            trainer.fit(checkpoint=checkpoints, resume=options.resume)
        if checkpoints is not None and checkpoints.resumed_from and not options.quiet:
            print(f"Went on from {checkpoints.resumed_from}", file=sys.stderr)
        vectors = trainer.take_vectors()
    vectors.save(options.output)
    if not options.quiet:
        print(
            f"{trainer.words_per_second:,.0f} words/s, loss {trainer.loss:.4f}; "
            f"{options.output} written after {time.perf_counter() - began:.1f} s",
            file=sys.stderr,
        )
    return 130 if trainer.interrupted else 0


def _learning_rate(options) -> float | None:
    if options.alpha is None and options.sum_gradient and options.model == "cbow":
        return 0.05
    return options.alpha


def _checkpoints(options) -> Checkpoints | None:
    if options.checkpoint is None:
        return None
    return Checkpoints(
        options.checkpoint,
        every_seconds=options.checkpoint_every,
        on_error=options.on_checkpoint_error,
    )


@contextlib.contextmanager
def _told_if_slow(what: str, quiet: bool) -> Iterator[None]:
    """Say what goes on if it takes long."""
    timer = threading.Timer(_PATIENCE, print, (what,), {"file": sys.stderr})
    if not quiet:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


@contextlib.contextmanager
def _plain_warnings() -> Iterator[None]:
    """Warnings of checkpoints and of a missing GPU as one line each, without a place in code."""

    def show(message, category, *_) -> None:
        print(f"w2vlib: warning: {_in_one_line(message)}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", CheckpointWarning)
        warnings.filterwarnings("always", message="No usable GPU", category=UserWarning)
        warnings.showwarning = show
        yield


def _check_output(output: str) -> None:
    """Complain about the file's name and folder before the work, not after it."""
    from w2vlib.vector_files import check_writable

    folder = Path(output).absolute().parent
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}. Make it first.")
    check_writable(output)


def _nearest(options) -> int:
    vectors = _load(options.file)
    for word in options.words:
        for neighbour, cosine in vectors.most_similar(word, top=options.top):
            print(f"{word}\t{neighbour}\t{cosine:.4f}")
    return 0


def _analogy(options) -> int:
    vectors = _load(options.file)
    words = (options.a, options.b, options.c)
    for word, score in vectors.analogy(*words, top=options.top, method=options.method):
        print(f"{word}\t{score:.4f}")
    return 0


def _evaluate(options) -> int:
    from w2vlib import datasets, evaluate_analogies, evaluate_similarity

    vectors = _load(options.file)
    chosen = bool(options.analogies or options.similarities)
    analogies = options.analogies or ([] if chosen else ["google", "embedded"])
    pairs = options.similarities or ([] if chosen else ["wordsim353", "simlex999", "embedded"])
    limited = functools.partial(evaluate_analogies, vocab_limit=options.limit)
    tests = [(name, datasets.load_analogies, limited) for name in analogies]
    tests += [(name, datasets.load_similarities, evaluate_similarity) for name in pairs]
    done = 0
    for name, load, evaluate in tests:
        try:
            result = evaluate(vectors, load(name))
        except (ValueError, datasets.DataUnavailableError) as error:
            if chosen:
                raise
            print(f"{name}: left out: {_in_one_line(error)}", file=sys.stderr)
            continue
        print(f"{name}: {result}\n")
        done += 1
    return 0 if done else 1


def _load(path: str):
    return w2vlib.WordVectors.load(path)


if __name__ == "__main__":
    sys.exit(main())
