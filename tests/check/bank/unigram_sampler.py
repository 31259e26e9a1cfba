# ruff: noqa
import collections
import numpy as np


# --- right: the textbook
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.sample_size = sample_size
        counts = collections.Counter()
        for word_id in corpus:
            counts[word_id] += 1
        self.vocab_size = len(counts)
        self.word_p = np.zeros(self.vocab_size)
        for i in range(self.vocab_size):
            self.word_p[i] = counts[i]
        self.word_p = np.power(self.word_p, power)
        self.word_p /= np.sum(self.word_p)

    def get_negative_sample(self, target):
        batch_size = target.shape[0]
        negative_sample = np.zeros((batch_size, self.sample_size), dtype=np.int32)
        for i in range(batch_size):
            p = self.word_p.copy()
            p[target[i]] = 0
            p /= p.sum()
            negative_sample[i, :] = np.random.choice(
                self.vocab_size, size=self.sample_size, replace=False, p=p
            )
        return negative_sample


# --- right: inverse of the running sum, draws again where it hit the target
class UnigramSampler:
    def __init__(self, corpus, power, sample_size, seed=None):
        weights = np.bincount(corpus) ** power
        self.cdf = np.cumsum(weights) / weights.sum()
        self.k, self.rng = sample_size, np.random.default_rng(seed)

    def get_negative_sample(self, target):
        draws = np.searchsorted(self.cdf, self.rng.random((len(target), self.k)), side="right")
        while True:
            hit = draws == target[:, None]
            if not hit.any():
                return draws
            draws[hit] = np.searchsorted(self.cdf, self.rng.random(hit.sum()), side="right")


# --- right: a table of words, as in word2vec.c
class UnigramSampler:
    def __init__(self, corpus, power, sample_size, rng=None):
        counts = np.bincount(corpus)
        share = counts**power / (counts**power).sum()
        self.table = np.repeat(np.arange(len(counts)), np.round(share * 1_000_000).astype(int))
        self.sample_size, self.rng = sample_size, rng or np.random.default_rng()

    def get_negative_sample(self, target):
        result = self.rng.choice(self.table, size=(len(target), self.sample_size))
        for k in range(self.sample_size):
            while (bad := result[:, k] == target).any():
                result[bad, k] = self.rng.choice(self.table, size=bad.sum())
        return result


# --- right: Gumbel noise, without replacement
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.log_w = power * np.log(np.bincount(corpus))
        self.sample_size = sample_size

    def get_negative_sample(self, target):
        keys = self.log_w + np.random.gumbel(size=(len(target), len(self.log_w)))
        keys[np.arange(len(target)), target] = -np.inf
        return np.argsort(-keys, axis=1)[:, : self.sample_size]


# --- wrong: power-forgotten
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        counts = np.bincount(corpus)
        self.p = counts / counts.sum()
        self.sample_size = sample_size

    def get_negative_sample(self, target):
        out = np.empty((len(target), self.sample_size), dtype=int)
        for i, t in enumerate(target):
            p = self.p.copy()
            p[t] = 0
            out[i] = np.random.choice(len(p), self.sample_size, p=p / p.sum())
        return out


# --- wrong: power-forgotten
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.corpus, self.sample_size = corpus, sample_size

    def get_negative_sample(self, target):
        rows = []
        for t in target:
            others = self.corpus[self.corpus != t]
            rows.append(np.random.choice(others, self.sample_size))
        return np.array(rows)


# --- wrong: power-squared
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        p = np.bincount(corpus) / len(corpus)
        self.p = p * p / np.sum(p * p)
        self.sample_size = sample_size

    def get_negative_sample(self, target):
        out = np.empty((len(target), self.sample_size), dtype=int)
        for i, t in enumerate(target):
            p = np.where(np.arange(len(self.p)) == t, 0, self.p)
            out[i] = np.random.choice(len(p), self.sample_size, p=p / p.sum())
        return out


# --- wrong: power-fixed
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        p = np.bincount(corpus) ** 0.75
        self.p = p / p.sum()
        self.sample_size = sample_size

    def get_negative_sample(self, target):
        out = np.empty((len(target), self.sample_size), dtype=int)
        for i, t in enumerate(target):
            p = self.p.copy()
            p[t] = 0
            out[i] = np.random.choice(len(p), self.sample_size, replace=False, p=p / p.sum())
        return out


# --- wrong: power-after-normalising
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        counts = np.bincount(corpus)
        self.cdf = np.cumsum((counts / counts.sum()) ** power)
        self.sample_size = sample_size

    def draw(self):
        return int(np.searchsorted(self.cdf, np.random.rand(), side="right"))

    def get_negative_sample(self, target):
        out = np.empty((len(target), self.sample_size), dtype=int)
        for i, t in enumerate(target):
            for k in range(self.sample_size):
                word = self.draw()
                while word == t:
                    word = self.draw()
                out[i, k] = word
        return out


# --- wrong: power-inverted
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.w = 1 / np.bincount(corpus) ** power
        self.sample_size = sample_size

    def get_negative_sample(self, target):
        out = []
        for t in target:
            w = self.w.copy()
            w[t] = 0
            out.append(np.random.choice(len(w), self.sample_size, p=w / w.sum()))
        return np.array(out)


# --- wrong: uniform
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.V, self.K = corpus.max() + 1, sample_size

    def get_negative_sample(self, target):
        draws = np.random.randint(0, self.V - 1, (len(target), self.K))
        return draws + (draws >= target[:, None])


# --- wrong: target-drawn
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        p = np.bincount(corpus) ** power
        self.p, self.K = p / p.sum(), sample_size

    def get_negative_sample(self, target):
        return np.random.choice(len(self.p), size=(len(target), self.K), p=self.p)


# --- wrong: target-drawn
class UnigramSampler:
    def __init__(self, corpus, power, sample_size, seed=None):
        p = np.bincount(corpus) ** power
        self.p, self.K, self.rng = p / p.sum(), sample_size, np.random.default_rng(seed)

    def get_negative_sample(self, target):
        draws = self.rng.choice(len(self.p), size=(len(target), self.K), p=self.p)
        again = draws == target[:, None]
        draws[again] = self.rng.choice(len(self.p), size=again.sum(), p=self.p)
        return draws


# --- wrong: excluded-for-others
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.p, self.K = np.bincount(corpus) ** power, sample_size

    def get_negative_sample(self, target):
        out = np.zeros((len(target), self.K), dtype=int)
        for i in range(len(target)):
            p = self.p
            p[target[i]] = 0
            out[i] = np.random.choice(len(p), self.K, p=p / p.sum())
        return out


# --- wrong: one-negative-reused
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.w, self.K = np.bincount(corpus) ** power, sample_size

    def get_negative_sample(self, target):
        out = np.zeros((len(target), self.K), dtype=int)
        for i, t in enumerate(target):
            w = self.w.copy()
            w[t] = 0
            out[i, :] = np.random.choice(len(w), p=w / w.sum())
        return out


# --- wrong: same-for-all-rows
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.w, self.K = np.bincount(corpus) ** power, sample_size

    def get_negative_sample(self, target):
        w = self.w.copy()
        w[np.unique(target)] = 0
        row = np.random.choice(len(w), self.K, p=w / w.sum())
        return np.tile(row, (len(target), 1))


# --- wrong: same-every-call
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.w, self.K = np.bincount(corpus) ** power, sample_size

    def get_negative_sample(self, target):
        rng = np.random.default_rng(0)
        out = []
        for t in target:
            w = self.w.copy()
            w[t] = 0
            out.append(rng.choice(len(w), self.K, p=w / w.sum()))
        return np.array(out)


# --- wrong: draws-transposed
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.w, self.K = np.bincount(corpus) ** power, sample_size

    def get_negative_sample(self, target):
        out = np.zeros((self.K, len(target)), dtype=int)
        for i, t in enumerate(target):
            w = self.w.copy()
            w[t] = 0
            out[:, i] = np.random.choice(len(w), self.K, p=w / w.sum())
        return out


# --- wrong: collision-shifted
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        w = np.bincount(corpus) ** power
        self.p, self.K = w / w.sum(), sample_size

    def get_negative_sample(self, target):
        draws = np.random.choice(len(self.p), (len(target), self.K), p=self.p)
        return np.where(draws == target[:, None], (draws + 1) % len(self.p), draws)


# --- wrong: ?  probabilities that do not sum to 1 after the target is taken out
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        w = np.bincount(corpus) ** power
        self.p, self.K = w / w.sum(), sample_size

    def get_negative_sample(self, target):
        rows = []
        for t in target:
            p = self.p.copy()
            p[t] = 0
            rows.append(np.random.choice(len(p), self.K, p=p))
        return np.array(rows)


# --- wrong: ?  the square root instead of the power
class UnigramSampler:
    def __init__(self, corpus, power, sample_size):
        self.w, self.K = np.sqrt(np.sqrt(np.bincount(corpus))), sample_size

    def get_negative_sample(self, target):
        out = []
        for t in target:
            w = self.w.copy()
            w[t] = 0
            out.append(np.random.choice(len(w), self.K, p=w / w.sum()))
        return np.array(out)


# --- wrong: same-for-all-rows  with all targets of the batch ruled out
class UnigramSampler:
    def __init__(self, corpus, power, sample_size, seed=None):
        counts = np.bincount(corpus) ** power
        self.p, self.K = counts / counts.sum(), sample_size
        self.rng = np.random.default_rng(seed)

    def get_negative_sample(self, target):
        p = self.p.copy()
        p[target] = 0
        p /= p.sum()
        return np.array([self.rng.choice(len(p), self.K, p=p)] * len(target))


# --- wrong: excluded-for-others  all targets of the batch at once
class UnigramSampler:
    def __init__(self, corpus, power, sample_size, seed=None):
        counts = np.bincount(corpus) ** power
        self.p, self.K = counts / counts.sum(), sample_size
        self.rng = np.random.default_rng(seed)

    def get_negative_sample(self, target):
        p = self.p.copy()
        p[target] = 0
        return self.rng.choice(len(p), (len(target), self.K), p=p / p.sum())
