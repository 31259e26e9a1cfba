# ruff: noqa
import numpy as np


# --- right: the textbook
def create_contexts_target(corpus, window_size=1):
    target = corpus[window_size:-window_size]
    contexts = []
    for idx in range(window_size, len(corpus) - window_size):
        cs = []
        for t in range(-window_size, window_size + 1):
            if t == 0:
                continue
            cs.append(corpus[idx + t])
        contexts.append(cs)
    return np.array(contexts), np.array(target)


# --- right: sliding windows
def create_contexts_target(corpus, window_size=1):
    w = window_size
    windows = np.lib.stride_tricks.sliding_window_view(corpus, 2 * w + 1)
    return np.delete(windows, w, axis=1), windows[:, w]


# --- right: column by column
def create_contexts_target(corpus, window_size=1):
    w, n = window_size, len(corpus) - 2 * window_size
    columns = [corpus[s : s + n] for s in range(2 * w + 1)]
    target = columns.pop(w)
    return np.column_stack(columns), target


# --- right: lists, word by word
def create_contexts_target(corpus, window_size=1):
    ids = corpus.tolist()
    contexts, target = [], []
    for i, word in enumerate(ids):
        left, right = ids[max(0, i - window_size) : i], ids[i + 1 : i + 1 + window_size]
        if len(left) == len(right) == window_size:
            contexts.append(left + right)
            target.append(word)
    return contexts, target


# --- wrong: target-among-contexts
def create_contexts_target(corpus, window_size=1):
    w = window_size
    contexts = np.array([corpus[i - w : i + w + 1] for i in range(w, len(corpus) - w)])
    return contexts, corpus[w:-w]


# --- wrong: last-neighbour-missing
def create_contexts_target(corpus, window_size=1):
    contexts, target = [], []
    for i in range(window_size, len(corpus) - window_size):
        contexts.append([corpus[i + s] for s in range(-window_size, window_size) if s != 0])
        target.append(corpus[i])
    return np.array(contexts), np.array(target)


# --- wrong: last-window-missing
def create_contexts_target(corpus, window_size=1):
    contexts, target = [], []
    for i in range(window_size, len(corpus) - window_size - 1):
        contexts.append([corpus[i + s] for s in range(-window_size, window_size + 1) if s])
        target.append(corpus[i])
    return np.array(contexts, dtype=int).reshape(len(target), 2 * window_size), np.array(target)


# --- wrong: wraps-around
def create_contexts_target(corpus, window_size=1):
    T = len(corpus)
    contexts = [
        [corpus[(i + s) % T] for s in range(-window_size, window_size + 1) if s] for i in range(T)
    ]
    return np.array(contexts), np.array(corpus)


# --- wrong: pair-swapped
def create_contexts_target(corpus, window_size=1):
    w = window_size
    target = corpus[w:-w]
    contexts = [
        np.r_[corpus[i - w : i], corpus[i + 1 : i + w + 1]] for i in range(w, len(corpus) - w)
    ]
    return target, np.array(contexts)


# --- wrong: window-ignored
def create_contexts_target(corpus, window_size=1):
    return np.stack([corpus[:-2], corpus[2:]], axis=1), corpus[1:-1]


# --- wrong: contexts-out-of-order
def create_contexts_target(corpus, window_size=1):
    contexts, target = [], []
    for i in range(window_size, len(corpus) - window_size):
        row = []
        for s in range(1, window_size + 1):
            row += [corpus[i - s], corpus[i + s]]
        contexts.append(row)
        target.append(corpus[i])
    return np.array(contexts), np.array(target)


# --- wrong: targets-not-cut
def create_contexts_target(corpus, window_size=1):
    contexts = []
    for i in range(window_size, len(corpus) - window_size):
        contexts.append([*corpus[i - window_size : i], *corpus[i + 1 : i + window_size + 1]])
    return np.array(contexts), corpus


# --- wrong: forgotten-return
def create_contexts_target(corpus, window_size=1):
    target = corpus[window_size:-window_size]
    contexts = []
    for i in range(window_size, len(corpus) - window_size):
        contexts.append([corpus[i + s] for s in range(-window_size, window_size + 1) if s])
    contexts = np.array(contexts)


# --- wrong: ?  target is the right neighbour
def create_contexts_target(corpus, window_size=1):
    w = window_size
    contexts = [[corpus[i + s] for s in range(-w, w + 1) if s] for i in range(w, len(corpus) - w)]
    return np.array(contexts), np.array([corpus[i + 1] for i in range(w, len(corpus) - w)])


# --- wrong: contexts-out-of-order
def create_contexts_target(corpus, window_size=1):
    w, contexts = window_size, []
    for i in range(w, len(corpus) - w):
        left = [corpus[i - s] for s in range(1, w + 1)]
        contexts.append(left + [corpus[i + s] for s in range(1, w + 1)])
    return np.array(contexts), np.array(corpus[w : len(corpus) - w])


# --- wrong: last-window-missing  and then no window at all in the shortest text
def create_contexts_target(corpus, window_size=1):
    contexts, target = [], []
    for i in range(window_size, len(corpus) - window_size - 1):
        target.append(corpus[i])
        contexts.append([corpus[i + s] for s in range(-window_size, window_size + 1) if s])
    return np.array(contexts), np.array(target)
