# ruff: noqa
import numpy as np


# --- right: cut, pick, join
def reorder_sentences(ids, starts, order):
    sentences = np.split(ids, starts[1:])
    picked = [sentences[i] for i in order]
    lengths = np.array([len(s) for s in picked])
    return np.concatenate(picked), np.cumsum(lengths) - lengths


# --- right: a loop and lists
def reorder_sentences(ids, starts, order):
    new_ids, new_starts = [], []
    bounds = list(starts) + [len(ids)]
    for i in order:
        new_starts.append(len(new_ids))
        new_ids.extend(ids[bounds[i] : bounds[i + 1]].tolist())
    return new_ids, new_starts


# --- right: one stable sort of all words by the new place of their sentence
def reorder_sentences(ids, starts, order):
    place = np.empty(len(order), dtype=int)
    place[order] = np.arange(len(order))
    of_word = place[np.searchsorted(starts, np.arange(len(ids)), side="right") - 1]
    by_place = np.argsort(of_word, kind="stable")
    return ids[by_place], np.flatnonzero(np.diff(of_word[by_place], prepend=-1))


# --- wrong: starts-not-new
def reorder_sentences(ids, starts, order):
    sentences = np.split(ids, starts[1:])
    return np.concatenate([sentences[i] for i in order]), starts


# --- wrong: starts-of-the-old-text
def reorder_sentences(ids, starts, order):
    ends = np.append(starts[1:], len(ids))
    return np.concatenate([ids[a:b] for a, b in zip(starts[order], ends[order])]), starts[order]


# --- wrong: ends-for-starts
def reorder_sentences(ids, starts, order):
    picked = [np.split(ids, starts[1:])[i] for i in order]
    return np.concatenate(picked), np.cumsum([len(s) for s in picked])


# --- wrong: one-start-too-many
def reorder_sentences(ids, starts, order):
    picked = [np.split(ids, starts[1:])[i] for i in order]
    new_starts = [0]
    for sentence in picked:
        new_starts.append(new_starts[-1] + len(sentence))
    return np.concatenate(picked), new_starts


# --- wrong: order-upside-down
def reorder_sentences(ids, starts, order):
    sentences = np.split(ids, starts[1:])
    picked = [None] * len(order)
    for i, place in enumerate(order):
        picked[place] = sentences[i]
    lengths = np.array([len(s) for s in picked])
    return np.concatenate(picked), np.cumsum(lengths) - lengths


# --- wrong: last-word-missing
def reorder_sentences(ids, starts, order):
    bounds = list(starts) + [len(ids)]
    picked = [ids[bounds[i] : bounds[i + 1] - 1] for i in order]
    lengths = np.array([len(s) for s in picked])
    return np.concatenate(picked), np.cumsum(lengths) - lengths


# --- wrong: order-ignored
def reorder_sentences(ids, starts, order):
    return ids.copy(), starts.copy()


# --- wrong: ?  the words shuffled, not the sentences
def reorder_sentences(ids, starts, order):
    rng = np.random.default_rng(0)
    return rng.permutation(ids), starts


# --- wrong: ?  the last sentence is never reached
def reorder_sentences(ids, starts, order):
    picked = [ids[starts[i] : starts[i + 1]] for i in order if i + 1 < len(starts)]
    lengths = np.array([len(s) for s in picked], dtype=int)
    new = np.concatenate(picked) if picked else ids[:0]
    return new, np.cumsum(lengths) - lengths
