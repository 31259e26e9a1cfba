# ruff: noqa
import numpy as np


# --- right: sentence after sentence
def create_contexts_target(corpus, window_size, sentence_starts):
    w, contexts, target = window_size, [], []
    for sentence in np.split(corpus, sentence_starts[1:]):
        for i in range(w, len(sentence) - w):
            contexts.append(np.r_[sentence[i - w : i], sentence[i + 1 : i + w + 1]])
            target.append(sentence[i])
    return np.array(contexts), np.array(target)


# --- right: a mask over all windows
def create_contexts_target(corpus, window_size, sentence_starts):
    w = window_size
    number = np.zeros(len(corpus), dtype=int)
    number[sentence_starts] = 1
    number = number.cumsum()
    i = np.arange(w, len(corpus) - w)
    i = i[number[i - w] == number[i + w]]
    shifts = np.array([s for s in range(-w, w + 1) if s])
    return corpus[i[:, None] + shifts], corpus[i]


# --- right: by the nearest start
def create_contexts_target(corpus, window_size, sentence_starts):
    starts = set(map(int, sentence_starts))
    contexts, target = [], []
    for i in range(window_size, len(corpus) - window_size):
        if not any(j in starts for j in range(i - window_size + 1, i + window_size + 1)):
            contexts.append([corpus[i + s] for s in range(-window_size, window_size + 1) if s])
            target.append(corpus[i])
    return np.array(contexts), np.array(target)


# --- wrong: window-across-sentences
def create_contexts_target(corpus, window_size, sentence_starts):
    w = window_size
    windows = np.lib.stride_tricks.sliding_window_view(corpus, 2 * w + 1)
    return np.delete(windows, w, axis=1), windows[:, w]


# --- wrong: only-the-target-checked
def create_contexts_target(corpus, window_size, sentence_starts):
    contexts, target = [], []
    for i in range(window_size, len(corpus) - window_size):
        if i in sentence_starts:
            continue
        contexts.append([corpus[i + s] for s in range(-window_size, window_size + 1) if s])
        target.append(corpus[i])
    return np.array(contexts), np.array(target)
