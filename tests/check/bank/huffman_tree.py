# ruff: noqa
import heapq
import numpy as np


# --- right: a heap and a climb
def huffman_tree(counts):
    V = len(counts)
    heap = [(int(c), i) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    parent, bit = {}, {}
    for new in range(V, 2 * V - 1):
        (c0, a), (c1, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a], parent[b], bit[a], bit[b] = new, new, 0, 1
        heapq.heappush(heap, (c0 + c1, new))
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.insert(0, bit[node])
            node = parent[node]
            path.insert(0, node - V)
        codes.append(code)
        points.append(path)
    return codes, points


# --- right: sorted lists, bits the other way round, nodes numbered from the root
def huffman_tree(counts):
    nodes = [(float(c), [i]) for i, c in enumerate(counts)]
    codes = [[] for _ in counts]
    points = [[] for _ in counts]
    number = len(counts) - 2
    made = 0
    while len(nodes) > 1:
        nodes.sort(key=lambda n: (-n[0], len(n[1])))
        (c1, first), (c2, second) = nodes.pop(), nodes.pop()
        for word in first:
            codes[word] = [1] + codes[word]
        for word in second:
            codes[word] = [0] + codes[word]
        for word in first + second:
            points[word] = [number - made] + points[word]
        made += 1
        nodes.append((c1 + c2, first + second))
    return codes, points


# --- right: recursion over nested pairs, NumPy arrays as results
def huffman_tree(counts):
    from itertools import count

    tick = count(len(counts), -1)
    queue = [(c, next(tick), i) for i, c in enumerate(counts)]
    heapq.heapify(queue)
    while len(queue) > 1:
        x, y = heapq.heappop(queue), heapq.heappop(queue)
        heapq.heappush(queue, (x[0] + y[0], next(tick), (x[2], y[2])))
    V, numbers = len(counts), count(0)
    codes, points = [None] * V, [None] * V

    def visit(tree, code, path):
        if not isinstance(tree, tuple):
            codes[tree], points[tree] = np.array(code), np.array(path)
            return
        here = next(numbers)
        for b, child in enumerate(tree):
            visit(child, code + [b], path + [here])

    visit(queue[0][2], [], [])
    return codes, points


# --- right: two pointers, as in word2vec.c
def huffman_tree(counts):
    V = len(counts)
    order = np.argsort(-np.asarray(counts), kind="stable")
    count = [int(counts[i]) for i in order] + [10**15] * V
    binary, parent = [0] * (2 * V + 1), [0] * (2 * V + 1)
    pos1, pos2 = V - 1, V
    for a in range(V - 1):
        picked = []
        for _ in range(2):
            if pos1 >= 0 and count[pos1] < count[pos2]:
                picked.append(pos1)
                pos1 -= 1
            else:
                picked.append(pos2)
                pos2 += 1
        count[V + a] = count[picked[0]] + count[picked[1]]
        parent[picked[0]] = parent[picked[1]] = V + a
        binary[picked[1]] = 1
    codes, points = [None] * V, [None] * V
    for a in range(V):
        b, code, path = a, [], []
        while b != 2 * V - 2:
            code.append(binary[b])
            b = parent[b]
            path.append(b - V)
        codes[order[a]], points[order[a]] = code[::-1], path[::-1]
    return codes, points


# --- wrong: largest-joined
def huffman_tree(counts):
    V = len(counts)
    nodes = [(int(c), i) for i, c in enumerate(counts)]
    parent, bit = {}, {}
    for new in range(V, 2 * V - 1):
        nodes.sort()
        (c0, a), (c1, b) = nodes.pop(), nodes.pop()
        parent[a], parent[b], bit[a], bit[b] = new, new, 0, 1
        nodes.append((c0 + c1, new))
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.insert(0, bit[node])
            node = parent[node]
            path.insert(0, node - V)
        codes.append(code)
        points.append(path)
    return codes, points


# --- wrong: chain
def huffman_tree(counts):
    V = len(counts)
    order = list(np.argsort(counts, kind="stable"))
    parent, bit = {}, {}
    current = order.pop(0)
    for new in range(V, 2 * V - 1):
        other = order.pop(0)
        parent[current] = parent[other] = new
        bit[current], bit[other] = 0, 1
        current = new
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.insert(0, bit[node])
            node = parent[node]
            path.insert(0, node - V)
        codes.append(code)
        points.append(path)
    return codes, points


# --- wrong: read-backwards
def huffman_tree(counts):
    V = len(counts)
    heap = [(int(c), i) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    parent, bit = {}, {}
    for new in range(V, 2 * V - 1):
        (c0, a), (c1, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a], parent[b], bit[a], bit[b] = new, new, 0, 1
        heapq.heappush(heap, (c0 + c1, new))
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.append(bit[node])
            node = parent[node]
            path.append(node - V)
        codes.append(code)
        points.append(path)
    return codes, points


# --- wrong: read-backwards
def huffman_tree(counts):
    V = len(counts)
    heap = [(int(c), i) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    parent, bit = {}, {}
    for new in range(V, 2 * V - 1):
        (c0, a), (c1, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a], parent[b], bit[a], bit[b] = new, new, 1, 0
        heapq.heappush(heap, (c0 + c1, new))
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.append(bit[node])
            node = parent[node]
            path.append(node - V)
        codes.append(code[::-1])
        points.append(path)
    return codes, points


# --- wrong: points-not-shifted
def huffman_tree(counts):
    V = len(counts)
    heap = [(int(c), i) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    children = {}
    for new in range(V, 2 * V - 1):
        (c0, a), (c1, b) = heapq.heappop(heap), heapq.heappop(heap)
        children[new] = a, b
        heapq.heappush(heap, (c0 + c1, new))
    codes, points, todo = [None] * V, [None] * V, [(2 * V - 2, [], [])]
    while todo:
        node, code, path = todo.pop()
        if node < V:
            codes[node], points[node] = code, path
        else:
            for b, child in enumerate(children[node]):
                todo.append((child, code + [b], path + [node]))
    return codes, points


# --- wrong: leaf-among-points
def huffman_tree(counts):
    V = len(counts)
    heap = [(int(c), i) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    children = {}
    for new in range(V, 2 * V - 1):
        (c0, a), (c1, b) = heapq.heappop(heap), heapq.heappop(heap)
        children[new] = a, b
        heapq.heappush(heap, (c0 + c1, new))
    codes, points, todo = [None] * V, [None] * V, [(2 * V - 2, [], [])]
    while todo:
        node, code, path = todo.pop()
        path = path + [node - V if node >= V else node]
        if node < V:
            codes[node], points[node] = code, path
        else:
            for b, child in enumerate(children[node]):
                todo.append((child, code + [b], path))
    return codes, points


# --- wrong: counts-ignored
def huffman_tree(counts):
    V = len(counts)
    queue, parent, bit, new = list(range(V)), {}, {}, V
    while len(queue) > 1:
        a, b = queue.pop(0), queue.pop(0)
        parent[a], parent[b], bit[a], bit[b] = new, new, 0, 1
        queue.append(new)
        new += 1
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.insert(0, bit[node])
            node = parent[node]
            path.insert(0, node - V)
        codes.append(code)
        points.append(path)
    return codes, points


# --- wrong: same-bit-twice
def huffman_tree(counts):
    V = len(counts)
    heap = [(int(c), i) for i, c in enumerate(counts)]
    heapq.heapify(heap)
    parent, bit = {}, {}
    for new in range(V, 2 * V - 1):
        (c0, a), (c1, b) = heapq.heappop(heap), heapq.heappop(heap)
        parent[a] = parent[b] = new
        bit[a] = bit[b] = 1
        heapq.heappush(heap, (c0 + c1, new))
    codes, points = [], []
    for node in range(V):
        code, path = [], []
        while node in parent:
            code.insert(0, bit[node])
            node = parent[node]
            path.insert(0, node - V)
        codes.append(code)
        points.append(path)
    return codes, points


# --- wrong: ?  codes of equal length
def huffman_tree(counts):
    V = len(counts)
    L = int(np.ceil(np.log2(V)))
    codes = [[int(b) for b in np.binary_repr(i, L)] for i in range(V)]
    return codes, [
        [2**d - 1 + int("0" + "".join(map(str, c[:d])), 2) for d in range(L)] for c in codes
    ]
