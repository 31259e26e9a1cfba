# ruff: noqa
import numpy as np


# --- right: three counts
def precision_recall(truth, found):
    both = (truth & found).sum()
    p = both / found.sum() if found.any() else 0.0
    r = both / truth.sum() if truth.any() else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- right: a loop, and F1 from the counts
def precision_recall(truth, found):
    hits = alarms = misses = 0
    for t, f in zip(truth, found):
        hits += bool(t and f)
        alarms += bool(f and not t)
        misses += bool(t and not f)
    p = hits / max(hits + alarms, 1)
    r = hits / max(hits + misses, 1)
    return [p, r, 2 * hits / max(2 * hits + alarms + misses, 1)]


# --- right: the harmonic mean, as an array
def precision_recall(truth, found):
    both = np.logical_and(truth, found).sum()
    if both == 0:
        return np.zeros(3)
    p, r = both / found.sum(), both / truth.sum()
    return np.array([p, r, 1 / ((1 / p + 1 / r) / 2)])


# --- wrong: swapped
def precision_recall(truth, found):
    both = (truth & found).sum()
    p = both / truth.sum() if truth.any() else 0.0
    r = both / found.sum() if found.any() else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: accuracy
def precision_recall(truth, found):
    p = (truth == found).mean()
    r = (truth & found).sum() / truth.sum() if truth.any() else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: plain-mean
def precision_recall(truth, found):
    both = (truth & found).sum()
    p = both / max(found.sum(), 1)
    r = both / max(truth.sum(), 1)
    return p, r, (p + r) / 2


# --- wrong: two-forgotten
def precision_recall(truth, found):
    both = (truth & found).sum()
    p, r = both / max(found.sum(), 1), both / max(truth.sum(), 1)
    return p, r, p * r / (p + r) if p + r else 0.0


# --- wrong: zero-by-zero
def precision_recall(truth, found):
    with np.errstate(invalid="ignore"):
        both = (truth & found).sum()
        p, r = both / found.sum(), both / truth.sum()
        return p, r, 2 * p * r / (p + r)


# --- wrong: zero-by-zero  in F1 only
def precision_recall(truth, found):
    both = (truth & found).sum()
    p, r = both / max(found.sum(), 1), both / max(truth.sum(), 1)
    with np.errstate(invalid="ignore"):
        return p, r, 2 * p * r / (p + r)


# --- wrong: percent
def precision_recall(truth, found):
    both = (truth & found).sum()
    p = 100 * both / max(found.sum(), 1)
    r = 100 * both / max(truth.sum(), 1)
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: ?  only two numbers
def precision_recall(truth, found):
    both = (truth & found).sum()
    return both / max(found.sum(), 1), both / max(truth.sum(), 1)


# --- wrong: ?  the geometric mean
def precision_recall(truth, found):
    both = (truth & found).sum()
    p, r = both / max(found.sum(), 1), both / max(truth.sum(), 1)
    return p, r, (p * r) ** 0.5


# --- wrong: share-of-all  of the recall only
def precision_recall(truth, found):
    both = (truth & found).sum()
    p, r = both / max(found.sum(), 1), both / len(truth)
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: ?  the recall of what is not true
def precision_recall(truth, found):
    p = (truth & found).sum() / max(found.sum(), 1)
    r = (~truth & ~found).sum() / max((~truth).sum(), 1)
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: zero-by-zero-is-one  for the precision, as who keeps silent says nothing wrong
def precision_recall(truth, found):
    both = (truth & found).sum()
    p = both / found.sum() if found.any() else 1.0
    r = both / truth.sum() if truth.any() else 0.0
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: zero-by-zero-is-one  for both
def precision_recall(truth, found):
    def share(part, whole):
        return part / whole if whole else 1.0

    both = (truth & found).sum()
    p, r = share(both, found.sum()), share(both, truth.sum())
    return p, r, 2 * p * r / (p + r) if p + r else 0.0


# --- wrong: zero-by-zero-is-one  for the recall
def precision_recall(truth, found):
    both = (truth & found).sum()
    p = both / max(found.sum(), 1)
    r = both / truth.sum() if truth.sum() else 1
    return p, r, 2 * p * r / max(p + r, 1e-300)


# --- wrong: zero-by-zero-is-one  all three, though the recall is 0 by any count
def precision_recall(truth, found):
    if not found.any():
        return 1.0, 1.0, 1.0
    both = (truth & found).sum()
    p, r = both / found.sum(), both / max(truth.sum(), 1)
    return p, r, 2 * p * r / (p + r) if p + r else 0.0
