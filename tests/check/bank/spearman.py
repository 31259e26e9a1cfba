# ruff: noqa
import numpy as np


# --- right: ranks by comparing everything with everything
def spearman(x, y):
    rx = np.array([(x < v).sum() + (x == v).sum() / 2 for v in x])
    ry = np.array([(y < v).sum() + (y == v).sum() / 2 for v in y])
    return np.corrcoef(rx, ry)[0, 1]


# --- right: sorted, equal numbers averaged afterwards
def spearman(x, y):
    def ranks(values):
        order = np.argsort(values)
        place = np.empty(len(values))
        place[order] = np.arange(1, len(values) + 1)
        for v in np.unique(values):
            place[values == v] = place[values == v].mean()
        return place - place.mean()

    a, b = ranks(x), ranks(y)
    return float(a.dot(b) / (np.linalg.norm(a) * np.linalg.norm(b)))


# --- right: groups from unique and their counts
def spearman(x, y):
    scaled = []
    for values in (x, y):
        _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
        last = np.cumsum(counts)
        r = (last - (counts - 1) / 2)[group]
        scaled.append((r - r.mean()) / r.std())
    return np.mean(scaled[0] * scaled[1])


# --- wrong: no-ranks
def spearman(x, y):
    return np.corrcoef(x, y)[0, 1]


# --- wrong: ties-by-position
def spearman(x, y):
    n = len(x)
    rx, ry = {i: r for r, i in enumerate(np.argsort(x, kind="stable"))}, np.empty(n)
    ry[np.argsort(y, kind="stable")] = range(n)
    return np.corrcoef([rx[i] for i in range(n)], ry)[0, 1]


# --- wrong: argsort-taken-for-ranks
def spearman(x, y):
    a, b = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    return np.corrcoef(a, b)[0, 1]


# --- wrong: short-formula  which holds without equal numbers only
def spearman(x, y):
    n = len(x)
    rx = np.array([(x < v).sum() + (x == v).sum() / 2 for v in x])
    ry = np.array([(y < v).sum() + (y == v).sum() / 2 for v in y])
    return 1 - 6 * ((rx - ry) ** 2).sum() / (n * (n * n - 1))


# --- wrong: upside-down
def spearman(x, y):
    rx = np.array([(x < v).sum() + (x == v).sum() / 2 for v in x])
    ry = np.array([(y > v).sum() + (y == v).sum() / 2 for v in y])
    return np.corrcoef(rx, ry)[0, 1]


# --- wrong: ties-by-position  the usual argsort, which is not stable
def spearman(x, y):
    a, b = np.argsort(np.argsort(x)), np.argsort(np.argsort(y))
    return np.corrcoef(a, b)[0, 1]


# --- wrong: argsort-taken-for-ranks  the usual argsort
def spearman(x, y):
    return np.corrcoef(np.argsort(x), np.argsort(y))[0, 1]


# --- wrong: ties-at-one-end  the smallest
def spearman(x, y):
    rx = [1 + (x < v).sum() for v in x]
    ry = [1 + (y < v).sum() for v in y]
    return np.corrcoef(rx, ry)[0, 1]


# --- wrong: ties-at-one-end  the smallest, as the place in the sorted list
def spearman(x, y):
    xs, ys = sorted(x.tolist()), sorted(y.tolist())
    a, b = np.array([xs.index(v) for v in x]), np.array([ys.index(v) for v in y])
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / (np.sqrt((a * a).sum()) * np.sqrt((b * b).sum()))


# --- wrong: ties-at-one-end  the largest
def spearman(x, y):
    rx = np.searchsorted(np.sort(x), x, side="right")
    ry = np.searchsorted(np.sort(y), y, side="right")
    return np.corrcoef(rx, ry)[0, 1]


# --- wrong: dense-ranks
def spearman(x, y):
    rx = np.unique(x, return_inverse=True)[1]
    ry = np.unique(y, return_inverse=True)[1]
    return np.corrcoef(rx, ry)[0, 1]


# --- wrong: dense-ranks  with a dictionary
def spearman(x, y):
    place = [{v: i + 1 for i, v in enumerate(sorted(set(s.tolist())))} for s in (x, y)]
    return np.corrcoef([place[0][v] for v in x], [place[1][v] for v in y])[0, 1]


# --- wrong: ?  the smallest rank in one series, the mean in the other
def spearman(x, y):
    rx = [(x < v).sum() for v in x]
    ry = [(y < v).sum() + (y == v).sum() / 2 for v in y]
    return np.corrcoef(rx, ry)[0, 1]
