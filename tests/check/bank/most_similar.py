# ruff: noqa
import numpy as np
from w2vlib.functions import cos_similarity, normalize


# --- right: the textbook, with a result
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    print("\n[query] " + query)
    query_vec = word_matrix[word_to_id[query]]
    vocab_size = len(id_to_word)
    similarity = np.zeros(vocab_size)
    for i in range(vocab_size):
        similarity[i] = cos_similarity(word_matrix[i], query_vec)
    result = []
    for i in (-1 * similarity).argsort():
        if id_to_word[i] == query:
            continue
        print(" %s: %s" % (id_to_word[i], similarity[i]))
        result.append((id_to_word[i], similarity[i]))
        if len(result) >= top:
            return result
    return result


# --- right: one product, partial sort
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    cos = unit @ unit[word_to_id[query]]
    cos[word_to_id[query]] = -2
    best = np.argpartition(-cos, min(top, len(cos) - 1))[:top]
    return sorted(((id_to_word[i], cos[i]) for i in best), key=lambda pair: -pair[1])


# --- right: with a tiny number against zero vectors, sorted in Python
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    q = word_matrix[word_to_id[query]]
    pairs = []
    for word, i in word_to_id.items():
        if word != query:
            v = word_matrix[i]
            cos = np.dot(v, q) / ((np.linalg.norm(v) + 1e-8) * (np.linalg.norm(q) + 1e-8))
            pairs.append((float(cos), word))
    pairs.sort(reverse=True)
    return [[word, cos] for cos, word in pairs[:top]]


# --- wrong: dot-instead-of-cosine
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    scores = word_matrix.dot(word_matrix[word_to_id[query]])
    order = [i for i in np.argsort(scores)[::-1] if i != word_to_id[query]]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: half-normalised
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit.dot(word_matrix[word_to_id[query]])
    order = [i for i in np.argsort(-scores) if id_to_word[i] != query]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: query-included
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit @ unit[word_to_id[query]]
    return [(id_to_word[i], scores[i]) for i in (-scores).argsort()[:top]]


# --- wrong: cut-before-excluding
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit @ unit[word_to_id[query]]
    best = (-scores).argsort()[:top]
    return [(id_to_word[i], scores[i]) for i in best if id_to_word[i] != query]


# --- wrong: ascending
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit @ unit[word_to_id[query]]
    ids = [i for i in scores.argsort() if id_to_word[i] != query]
    return [(id_to_word[i], scores[i]) for i in ids[:top]]


# --- wrong: top-ignored
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit @ unit[word_to_id[query]]
    ids = [i for i in (-scores).argsort() if id_to_word[i] != query]
    return [(id_to_word[i], scores[i]) for i in ids[:5]]


# --- wrong: distance
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    d = np.linalg.norm(word_matrix - word_matrix[word_to_id[query]], axis=1)
    ids = [i for i in d.argsort(kind="stable") if id_to_word[i] != query]
    return [(id_to_word[i], d[i]) for i in ids[:top]]


# --- wrong: nan-for-zero-vector
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = word_matrix / np.linalg.norm(word_matrix, axis=1, keepdims=True)
    scores = unit @ unit[word_to_id[query]]
    ids = [i for i in (-scores).argsort() if id_to_word[i] != query]
    return [(id_to_word[i], scores[i]) for i in ids[:top]]


# --- wrong: forgotten-return
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit @ unit[word_to_id[query]]
    count = 0
    for i in (-scores).argsort():
        if id_to_word[i] == query:
            continue
        print(" %s: %s" % (id_to_word[i], scores[i]))
        count += 1
        if count >= top:
            return


# --- wrong: input-modified
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    length = np.sqrt((word_matrix**2).sum(axis=1, keepdims=True))
    word_matrix /= np.where(length == 0, 1, length)
    scores = word_matrix @ word_matrix[word_to_id[query]]
    ids = [i for i in (-scores).argsort() if id_to_word[i] != query]
    return [(id_to_word[i], scores[i]) for i in ids[:top]]


# --- wrong: ?  the angle instead of its cosine
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    angles = np.arccos(np.clip(unit @ unit[word_to_id[query]], -1, 1))
    ids = [i for i in angles.argsort(kind="stable") if id_to_word[i] != query]
    return [(id_to_word[i], angles[i]) for i in ids[:top]]


# --- wrong: first-skipped
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    length = np.sqrt((word_matrix**2).sum(axis=1))
    unit = word_matrix / np.where(length == 0, 1, length)[:, None]
    scores = unit @ unit[word_to_id[query]]
    order = (-scores).argsort(kind="stable")[1 : top + 1]
    return [(id_to_word[i], scores[i]) for i in order]


# --- wrong: query-included  and zero vectors are divided by their length
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = word_matrix / np.linalg.norm(word_matrix, axis=1, keepdims=True)
    scores = unit @ unit[word_to_id[query]]
    return [(id_to_word[i], scores[i]) for i in (-scores).argsort()[:top]]


# --- wrong: first-skipped  and zero vectors are divided by their length
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = word_matrix / np.linalg.norm(word_matrix, axis=1, keepdims=True)
    scores = unit @ unit[word_to_id[query]]
    return [(id_to_word[i], scores[i]) for i in (-scores).argsort(kind="stable")[1 : top + 1]]


# --- wrong: cut-before-excluding  and zero vectors are divided by their length
def most_similar(query, word_to_id, id_to_word, word_matrix, top=5):
    unit = word_matrix / np.linalg.norm(word_matrix, axis=1, keepdims=True)
    scores = unit @ unit[word_to_id[query]]
    best = (-scores).argsort()[:top]
    return [(id_to_word[i], scores[i]) for i in best if id_to_word[i] != query]
