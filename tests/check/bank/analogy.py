# ruff: noqa
import numpy as np
from w2vlib.functions import cos_similarity, normalize


# --- right: in four lines
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    va, vb, vc = unit[[word_to_id[w] for w in (a, b, c)]]
    scores = unit @ normalize((vb - va + vc)[None])[0]
    order = [i for i in (-scores).argsort() if id_to_word[i] not in (a, b, c)]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- right: word by word with cos_similarity
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    def unit(word):
        v = word_matrix[word_to_id[word]]
        return v / np.linalg.norm(v)

    query, found = unit(b) - unit(a) + unit(c), {}
    for word in word_to_id:
        if word not in {a, b, c}:
            found[word] = cos_similarity(word_matrix[word_to_id[word]], query)
    best = sorted(found, key=found.get, reverse=True)[:top]
    return [(word, found[word]) for word in best]


# --- right: the cosines of the three added up (the same order), then divided
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = word_matrix / np.linalg.norm(word_matrix, axis=1)[:, None]
    ia, ib, ic = word_to_id[a], word_to_id[b], word_to_id[c]
    G = unit @ unit.T
    length = np.sqrt(3 - 2 * G[ia, ib] + 2 * G[ib, ic] - 2 * G[ia, ic])
    scores = (G[ib] - G[ia] + G[ic]) / length
    scores[[ia, ib, ic]] = -np.inf
    return [(id_to_word[int(i)], float(scores[i])) for i in np.argsort(-scores)[:top]]


# --- wrong: vectors-not-normalised
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    a_vec, b_vec, c_vec = (
        word_matrix[word_to_id[a]],
        word_matrix[word_to_id[b]],
        word_matrix[word_to_id[c]],
    )
    query_vec = b_vec - a_vec + c_vec
    query_vec = query_vec / np.sqrt((query_vec * query_vec).sum())
    similarity = np.dot(word_matrix, query_vec)
    result = []
    for i in (-1 * similarity).argsort():
        if id_to_word[i] in (a, b, c):
            continue
        result.append((id_to_word[i], similarity[i]))
        if len(result) == top:
            break
    return result


# --- wrong: vectors-not-normalised
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    query = word_matrix[word_to_id[b]] - word_matrix[word_to_id[a]] + word_matrix[word_to_id[c]]
    scores = np.array([cos_similarity(row, query) for row in word_matrix])
    order = [i for i in (-scores).argsort() if id_to_word[i] not in (a, b, c)]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: candidates-not-normalised
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    query = unit[word_to_id[b]] - unit[word_to_id[a]] + unit[word_to_id[c]]
    query = query / np.linalg.norm(query)
    scores = word_matrix @ query
    order = [i for i in (-scores).argsort() if id_to_word[i] not in (a, b, c)]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: score-not-cosine
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    scores = unit @ (unit[word_to_id[b]] - unit[word_to_id[a]] + unit[word_to_id[c]])
    order = [i for i in (-scores).argsort() if id_to_word[i] not in (a, b, c)]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: wrong-sign
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    query = unit[word_to_id[a]] - unit[word_to_id[b]] + unit[word_to_id[c]]
    scores = unit @ (query / np.linalg.norm(query))
    order = [i for i in (-scores).argsort() if id_to_word[i] not in (a, b, c)]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: query-words-included
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    query = unit[word_to_id[b]] - unit[word_to_id[a]] + unit[word_to_id[c]]
    scores = unit @ (query / np.linalg.norm(query))
    return [(id_to_word[i], scores[i]) for i in np.argsort(-scores)[:top]]


# --- wrong: only-c-excluded
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    query = unit[word_to_id[b]] - unit[word_to_id[a]] + unit[word_to_id[c]]
    scores = unit @ (query / np.linalg.norm(query))
    order = [i for i in (-scores).argsort() if i != word_to_id[c]]
    return [(id_to_word[i], scores[i]) for i in order[:top]]


# --- wrong: cut-before-excluding
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    query = unit[word_to_id[b]] - unit[word_to_id[a]] + unit[word_to_id[c]]
    scores = unit @ (query / np.linalg.norm(query))
    return [
        (id_to_word[i], scores[i])
        for i in np.argsort(-scores)[:top]
        if id_to_word[i] not in (a, b, c)
    ]


# --- wrong: ?  words without scores
def analogy(a, b, c, word_to_id, id_to_word, word_matrix, top=5):
    unit = normalize(word_matrix)
    query = unit[word_to_id[b]] - unit[word_to_id[a]] + unit[word_to_id[c]]
    order = [i for i in (-(unit @ query)).argsort() if id_to_word[i] not in (a, b, c)]
    return [id_to_word[i] for i in order[:top]]
