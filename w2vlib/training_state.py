"""What a training consists of: all that its next step depends on, as plain data.

A *state* is a tree of dicts, lists, numbers, texts, arrays and random generators.  :func:`pack`
turns it into a JSON text and named arrays, which :mod:`w2vlib.array_files` can store;
:func:`unpack` brings it back.  No pickle: nothing in a file can run.

An *identity* says which training a state belongs to: sizes, options and checksums of the data, as a
flat dict.
"""

from __future__ import annotations

import hashlib
import inspect
import itertools
import json
import re
from collections.abc import Iterator

import numpy as np

from w2vlib.backend import get_array_module, to_cpu
from w2vlib.hierarchical_softmax import HuffmanTree
from w2vlib.negative_sampling import UnigramSampler

_DEEPEST = 50  # a tree deeper than this goes in a circle
_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
_SIMPLE = (bool, int, float, str, type(None))
_LEAVES = (type, np.ndarray, np.random.Generator)


# ----------------------------------------------------------------------------------- plain and back


def pack(state) -> tuple[str, dict[str, np.ndarray]]:
    """A JSON text and named arrays that hold ``state``; arrays are not copied.

    Args:
        state: dicts, lists and tuples of numbers, texts, ``None``, arrays and random generators.

    Raises:
        TypeError: something else is in it; the message says where.
    """
    arrays: dict[str, np.ndarray] = {}
    tree = _encode(state, "state", arrays, 0)
    return json.dumps(tree, separators=(",", ":")), arrays


def unpack(text: str, arrays: dict[str, np.ndarray]):
    """The state that :func:`pack` was given.

    Raises:
        KeyError, TypeError, ValueError: text and arrays that do not come from there.
    """
    return _decode(json.loads(text), arrays)


def _encode(value, place: str, arrays: dict, depth: int):
    def inner(value, name):
        return _encode(value, f"{place}.{name}", arrays, depth + 1)

    if isinstance(value, _SIMPLE):
        return value
    if depth > _DEEPEST:
        raise TypeError(f"{place} is nested too deeply for a checkpoint.")
    if isinstance(value, np.generic) and value.dtype.kind in "fiub":
        return {"@": "number", "dtype": value.dtype.str, "value": value.item()}
    if isinstance(value, np.random.Generator):
        return {"@": "rng", "state": random_state(value)}
    if isinstance(value, (list, tuple)):
        items = [inner(item, i) for i, item in enumerate(value)]
        return items if isinstance(value, list) else {"@": "tuple", "items": items}
    if isinstance(value, dict) and all(isinstance(key, (str, int)) for key in value):
        if all(isinstance(key, str) for key in value) and "@" not in value:
            return {key: inner(item, key) for key, item in value.items()}
        return {"@": "dict", "items": [[key, inner(item, key)] for key, item in value.items()]}
    if getattr(getattr(value, "dtype", None), "kind", "") in tuple("fiub"):
        name = re.sub(r"[^A-Za-z0-9_.]", "_", f"{len(arrays)}.{place.removeprefix('state.')}")[:100]
        arrays[name] = to_cpu(value)
        return {"@": "array", "name": name}
    raise TypeError(
        f"{place} is a {type(value).__name__}, which no checkpoint can hold. Possible are numbers, "
        "texts, arrays of numbers, numpy.random.Generator, and lists and dicts of these."
    )


def _decode(tree, arrays: dict):
    if isinstance(tree, list):
        return [_decode(item, arrays) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kind = tree.get("@")
    if kind is None:
        return {key: _decode(item, arrays) for key, item in tree.items()}
    if kind == "array":
        return arrays[tree["name"]]
    if kind == "number":
        return np.dtype(tree["dtype"]).type(tree["value"])
    if kind == "rng":
        return _new_generator(tree["state"])
    items = [_decode(item, arrays) for item in tree["items"]]
    return tuple(items) if kind == "tuple" else dict(map(tuple, items))


# -------------------------------------------------------------------------------------- randomness


def random_state(rng: np.random.Generator) -> dict:
    """The state of a generator as plain data, without arrays."""

    def plain(value):
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value

    return plain(rng.bit_generator.state)


def set_random_state(rng: np.random.Generator, state: dict) -> None:
    """Bring a generator into a state that :func:`random_state` gave.

    Raises:
        ValueError: it is the state of another kind of generator.
    """
    state = dict(state)
    if state["bit_generator"] != type(rng.bit_generator).__name__:
        raise ValueError(
            f"the random generator is a {type(rng.bit_generator).__name__}, and the checkpoint has "
            f"the state of a {state['bit_generator']}."
        )
    if isinstance(state["state"], dict):  # Philox and SFC64 insist on arrays
        state["state"] = {
            key: np.array(value, np.uint64) if isinstance(value, list) else value
            for key, value in state["state"].items()
        }
    if "buffer" in state:
        state["buffer"] = np.array(state["buffer"], np.uint64)
    rng.bit_generator.state = state


def _new_generator(state: dict) -> np.random.Generator:
    if state["bit_generator"] not in _GENERATORS:
        raise ValueError(f"unknown kind of random generator: {state['bit_generator']!r}")
    rng = np.random.Generator(getattr(np.random, state["bit_generator"])())
    set_random_state(rng, state)
    return rng


# ------------------------------------------------------------------------------ looking into models


def parts(thing, name: str) -> Iterator[tuple[str, object]]:
    """(dotted name, object) of an object and of everything that it is made of, each once."""
    seen: set[int] = set()
    waiting = [(name, thing)]
    while waiting:
        name, thing = waiting.pop(0)
        if id(thing) in seen or len(seen) > 10_000:
            continue
        seen.add(id(thing))
        if isinstance(thing, (list, tuple)):
            inner = enumerate(thing[:1000])
        elif isinstance(thing, dict):
            inner = itertools.islice(thing.items(), 1000)
        else:
            yield name, thing
            is_data = isinstance(thing, _LEAVES) or inspect.isroutine(thing)
            inner = () if is_data else getattr(thing, "__dict__", {}).items()
        waiting += [(f"{name}.{key}", value) for key, value in inner if not _is_leaf(value)]


def _is_leaf(value) -> bool:
    return isinstance(value, (*_SIMPLE, np.generic)) or inspect.ismodule(value)


def random_generators(**things) -> dict[str, np.random.Generator]:
    """All random generators in these objects, each once, by name."""
    return {
        name: part
        for name, part in parts(dict(things), "")
        if isinstance(part, np.random.Generator)
    }


def weights_of(model) -> list:
    """The arrays that the model and its layers list as ``params``, each once; the model's first.

    Weights that are not trained (``WindowClassifier(train_vectors=False)``) are among them.
    """
    found = {id(p): p for p in model.params}
    for _, part in parts(model, "model"):
        layer = getattr(part, "params", None)
        for p in layer if isinstance(layer, list) else ():
            found.setdefault(id(p), p)
    return list(found.values())


def described(thing, name: str) -> dict:
    """The numbers and texts that an object and its parts were made with, by dotted name."""
    result = {}
    for place, part in parts(thing, name):
        for option in _options_of(type(part)):
            value = getattr(part, "__dict__", {}).get(option, ...)
            if isinstance(value, np.generic):
                value = value.item()
            if isinstance(value, _SIMPLE) and value is not None:
                result[f"{place}.{option}"] = value
        if isinstance(part, UnigramSampler):
            result[f"{place}.p"] = digest(part.p)
        elif isinstance(part, HuffmanTree):
            result[f"{place}.codes"] = digest(part.points, part.codes)
    return result


def _options_of(cls: type) -> list[str]:
    try:
        return list(inspect.signature(cls).parameters)
    except (TypeError, ValueError):
        return []


def digest(*arrays) -> str:
    """A short text that differs when any number, shape or type in the arrays differs."""
    total = hashlib.blake2b(digest_size=8)
    for array in arrays:
        array = to_cpu(array)
        total.update(f"{array.dtype.str} {array.shape};".encode())
        block = max(1, (1 << 24) // max(1, array[:1].nbytes)) if array.ndim else 1
        for start in range(0, len(array) if array.ndim else 1, block):
            piece = array[start : start + block] if array.ndim else array
            total.update(np.ascontiguousarray(piece).view(np.uint8).data)
    return total.hexdigest()


def shown(data) -> str:
    """Type, shape and checksum of an array (or of several), for an identity."""
    if isinstance(data, (list, tuple)):
        return " and ".join(map(shown, data))
    return f"{data.dtype} {tuple(data.shape)} {digest(data)}"


# ---------------------------------------------------------------------------- a Trainer's training


class Rounds:
    """Shuffled batches, epoch after epoch; it knows where it stands and can be put there.

    Iterating gives arrays of positions of examples, ``batch_size`` at a time, on the device of
    ``like``.

    Attributes:
        epoch: epochs finished by this object.
        begin: examples of the running epoch that were handed out.
        epoch_is_over: whether the batch handed out last was the epoch's last.
    """

    def __init__(
        self, rng: np.random.Generator, size: int, batch_size: int, epochs: int, *, like=None
    ) -> None:
        self.rng, self.size, self.batch_size, self.epochs = rng, size, batch_size, epochs
        self.epoch = self.begin = 0
        self._xp = get_array_module(like)
        self._shuffled_from = self._order = None

    def __len__(self) -> int:
        """Number of batches in all epochs."""
        return self.epochs * -(-self.size // self.batch_size)

    @property
    def done(self) -> int:
        """Number of batches handed out."""
        return self.epoch * -(-self.size // self.batch_size) - (-self.begin // self.batch_size)

    @property
    def epoch_is_over(self) -> bool:
        return self.begin == self.size

    def __iter__(self) -> Iterator[np.ndarray]:
        while self.epoch < self.epochs:
            if self._order is None:
                self._shuffle()
            while not self.epoch_is_over:
                batch = self._order[self.begin : self.begin + self.batch_size]
                self.begin += len(batch)
                yield batch
            self.epoch, self.begin = self.epoch + 1, 0
            self._shuffled_from = self._order = None

    def state(self) -> dict:
        """Where it stands; the order itself follows from the generator's state before it."""
        return {"epoch": self.epoch, "begin": self.begin, "shuffled_from": self._shuffled_from}

    def restore(self, state: dict) -> None:
        """Go to where :meth:`state` was taken; ``rng`` is left in another state."""
        self.epoch, self.begin = state["epoch"], state["begin"]
        self._shuffled_from, self._order = state["shuffled_from"], None
        if self._shuffled_from is not None:
            set_random_state(self.rng, self._shuffled_from)
            self._shuffle()

    def _shuffle(self) -> None:
        self._shuffled_from = random_state(self.rng)
        self._order = self._xp.asarray(self.rng.permutation(self.size))


_LISTS = ("loss_list", "loss_batches", "validation_losses", "validation_batches")


class LayerTraining:
    """A running :meth:`Trainer.fit <w2vlib.trainer.Trainer.fit>`, as checkpoints see it.

    Args:
        trainer, rounds, meter: the parts of the running training.
        data: name → array that the training reads.
        options: name → number, for the identity.
    """

    def __init__(self, trainer, rounds: Rounds, meter, data: dict, options: dict) -> None:
        self.trainer, self.rounds, self.meter = trainer, rounds, meter
        self.data, self.options = data, options

    def identity(self) -> dict:
        """Which training this is."""
        model, optimizer = self.trainer.model, self.trainer.optimizer
        shapes = [f"{p.dtype} {tuple(p.shape)}" for p in weights_of(model)]
        return {
            "program": "w2vlib.Trainer",
            "model": type(model).__name__,
            "model.params": ", ".join(shapes),
            "model.grads": ", ".join(type(g).__name__ for g in model.grads),
            **described(model, "model"),
            "optimizer": type(optimizer).__name__,
            **described(optimizer, "optimizer"),
            **self.options,
            **{name: shown(data) for name, data in self.data.items() if data is not None},
        }

    def place(self) -> str:
        """Where the training stands, for people."""
        return f"epoch {self.trainer.epoch}, batch {self.trainer.batches:,}"

    def state(self) -> dict:
        """Everything that the next step depends on, and what was recorded so far."""
        trainer = self.trainer
        return {
            "params": weights_of(trainer.model),
            "optimizer": getattr(trainer.optimizer, "__dict__", {}),
            "random": {name: random_state(rng) for name, rng in self._generators().items()},
            "rounds": self.rounds.state(),
            "epoch": trainer.epoch,
            "batches": trainer.batches,
            "losses": np.array([float(loss) for loss in self.meter.losses]),
            **{name: np.array(getattr(trainer, name), np.float64) for name in _LISTS},
        }

    def restore(self, state: dict) -> None:
        """Go on from a state of the same training.

        Raises:
            ValueError: random generators that are shared or made otherwise than they were.
        """
        trainer, generators = self.trainer, self._generators()
        if generators.keys() != state["random"].keys():
            raise ValueError(
                f"this training has the random generators {sorted(generators)}, and the checkpoint "
                f"has {sorted(state['random'])}. Pass rng=… and seed=… as you did then."
            )
        for p, value in zip(weights_of(trainer.model), state["params"], strict=True):
            p[...] = get_array_module(p).asarray(value)
        vars(trainer.optimizer).update(_like(trainer.model.params, state["optimizer"]))
        self.rounds.restore(state["rounds"])
        for name, rng in generators.items():
            set_random_state(rng, state["random"][name])
        trainer.epoch, trainer.batches = state["epoch"], state["batches"]
        self.meter.losses[:] = state["losses"].tolist()
        for name in _LISTS:
            values = state[name].tolist()
            getattr(trainer, name)[:] = map(int, values) if "batches" in name else values
        self.meter.resumed(self.rounds.done)

    def _generators(self) -> dict[str, np.random.Generator]:
        return random_generators(
            rng=self.trainer.rng, model=self.trainer.model, optimizer=self.trainer.optimizer
        )


def _like(params: list, tree):
    """The tree with its arrays on the device of the parameters."""
    xp = get_array_module(*params)
    if isinstance(tree, np.ndarray):
        return xp.asarray(tree)
    if isinstance(tree, (list, tuple)):
        return type(tree)(_like(params, item) for item in tree)
    if isinstance(tree, dict):
        return {key: _like(params, item) for key, item in tree.items()}
    return tree
