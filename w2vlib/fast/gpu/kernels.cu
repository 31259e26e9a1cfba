// CBOW and skip-gram with negative sampling on a GPU: what w2vlib/fast/kernels.py does, in warps.
//
// A step is the same as there:
//
//     z_j = s_j h·w_j        s_j = +1: "yes" is the right answer, -1: "no"
//     L   = sum_j log(1 + exp(-z_j))
//     g_j = lr s_j sigma(-z_j)
//     h  <- h + sum_j g_j w_j,    w_j <- w_j + g_j h     (both from before the step)
//
// A block is one warp of 32 threads.  Each thread owns some columns of every row, four at a time:
// a row of H numbers is HIDDEN4 = ceil(H / 4) vectors of type float4, and thread `lane` owns those
// with the numbers lane, lane + 32, …  So the threads of a warp exchange nothing but dot products
// and row numbers, and what they keep in shared memory is theirs alone.
//
// Different warps change the same matrices without waiting: they add with atomic operations, so no
// change is lost, but the order of the additions is not fixed.  The kernels `answer_items` and
// `add_sorted` do the same work in a fixed order.
//
// Many warps take their gradients at the same weights, and add them all: for a word that stands
// everywhere these are so many that the step would be far too long.  So changes of row r are
// multiplied by damp[r] <= 1, see w2vlib/fast/gpu/launch.py; 1 for all but the most frequent words.
//
// The text is compiled as it stands by NVRTC, and by a plain C++ compiler for the tests, which bring
// definitions of GLOBAL, SHARED, `add`, `fresh` and the warp functions of their own (HOST_BUILD).
//
// Fixed when compiled: HIDDEN4, WINDOW (w), NEGATIVES (K).

#ifndef HOST_BUILD
#define GLOBAL(type) type* __restrict__
#define SHARED(type, name) extern __shared__ type name[]

// memory[i] += value, with nothing lost if others add to the same place.
static __device__ __forceinline__ void add(float4* memory, long long i, float4 value)
{
#if __CUDA_ARCH__ >= 900 && __CUDACC_VER_MAJOR__ * 100 + __CUDACC_VER_MINOR__ >= 1201
    atomicAdd(memory + i, value);
#else
    float* place = (float*)(memory + i);
    atomicAdd(place, value.x);
    atomicAdd(place + 1, value.y);
    atomicAdd(place + 2, value.z);
    atomicAdd(place + 3, value.w);
#endif
}

// memory[i] as it is now: past the cache of this multiprocessor, which does not see others' changes.
static __device__ __forceinline__ float4 fresh(const float4* memory, long long i)
{
    return __ldcg(memory + i);
}
#endif

typedef unsigned long long u64;
typedef unsigned int u32;

#define ALL 0xffffffffu
#define PER_LANE ((HIDDEN4 + 31) / 32)
#define GROUP 8                                             // output rows worked on together
#define ROWS (NEGATIVES + 1 < GROUP ? NEGATIVES + 1 : GROUP)  // how many of them exist
#define GROUPS ((NEGATIVES + GROUP) / GROUP)
#define RING (2 * WINDOW + 2)
#define MINE(i, v) int i = lane + 32 * v; i < HIDDEN4

// ---- small vectors -------------------------------------------------------------------------------

struct Slice {  // the columns of one row that a thread owns
    float4 part[PER_LANE];
};

static __device__ __forceinline__ float4 times(float a, float4 x)
{
    return make_float4(a * x.x, a * x.y, a * x.z, a * x.w);
}

static __device__ __forceinline__ float4 plus(float4 x, float4 y)
{
    return make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
}

static __device__ __forceinline__ float dot(float4 x, float4 y)
{
    return x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
}

static __device__ __forceinline__ Slice zeros()
{
    Slice x;
    for (int v = 0; v < PER_LANE; v++) x.part[v] = make_float4(0.f, 0.f, 0.f, 0.f);
    return x;
}

template <class Matrix>
static __device__ __forceinline__ Slice load(Matrix W, long long row, int lane)
{
    Slice x = zeros();
#pragma unroll
    for (int v = 0; v < PER_LANE; v++)
        if (MINE(i, v)) x.part[v] = W[row * HIDDEN4 + i];
    return x;
}

template <class Matrix>
static __device__ __forceinline__ Slice load_fresh(Matrix W, long long row, int lane)
{
    Slice x = zeros();
#pragma unroll
    for (int v = 0; v < PER_LANE; v++)
        if (MINE(i, v)) x.part[v] = fresh(W, row * HIDDEN4 + i);
    return x;
}

template <class Matrix>
static __device__ __forceinline__ void store(Matrix W, long long row, int lane, const Slice& x)
{
#pragma unroll
    for (int v = 0; v < PER_LANE; v++)
        if (MINE(i, v)) W[row * HIDDEN4 + i] = x.part[v];
}

template <class Matrix>
static __device__ __forceinline__ void add_row(
    Matrix W, long long row, int lane, float factor, const Slice& x)
{
#pragma unroll
    for (int v = 0; v < PER_LANE; v++)
        if (MINE(i, v)) add(W, row * HIDDEN4 + i, times(factor, x.part[v]));
}

static __device__ __forceinline__ void collect(Slice& sum, float factor, const Slice& x)
{
#pragma unroll
    for (int v = 0; v < PER_LANE; v++) sum.part[v] = plus(sum.part[v], times(factor, x.part[v]));
}

// Eight sums over the warp at once, with nine exchanges: thread `lane` gets that of s[lane / 4].
static __device__ __forceinline__ float sums8(float* s, int lane)
{
#pragma unroll
    for (int half = 4, far = 16; half; half /= 2, far /= 2) {
        const bool upper = lane & far;
#pragma unroll
        for (int j = 0; j < half; j++) {
            const float keep = upper ? s[j + half] : s[j], give = upper ? s[j] : s[j + half];
            s[j] = keep + __shfl_xor_sync(ALL, give, far);
        }
    }
    s[0] += __shfl_xor_sync(ALL, s[0], 2);
    return s[0] + __shfl_xor_sync(ALL, s[0], 1);
}

// ---- random numbers: splitmix64, as in w2vlib/fast/kernels.py ---------------------------------------

#define STEP 0x9E3779B97F4A7C15ull

static __device__ __forceinline__ u64 scramble(u64 z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    return z ^ (z >> 31);
}

// Number `number` of the negative words: one that is not `word`.  The first try is number `number`
// of draw_many(table, key); further tries have keys of their own.
template <class Table>
static __device__ int draw_negative(Table table, u32 size, u64 key, u64 number, int word)
{
    for (u64 attempt = 0;; attempt++) {
        const u64 start = attempt ? scramble(key + attempt) : key;
        const u64 random = scramble(start + (number + 1) * STEP);
        const u32 column = (u32)(((random >> 32) * size) >> 32);
        const u64 entry = table[column];
        const int row = (random & ALL) < (entry & ALL) ? (int)column : (int)(entry >> 32);
        if (row != word) return row;
    }
}

static __device__ __forceinline__ int draw_reach(u64 key, u64 target)
{
    return 1 + (int)(((scramble(key + (target + 1) * STEP) >> 32) * WINDOW) >> 32);
}

// ---- what a launch is told -------------------------------------------------------------------------

struct Orders {
    long long begin, end;        // targets of this launch, as places in `tokens`
    long long lr_begin, lr_end;  // places where the learning rate has its first and its last value
    float first_lr, last_lr;
    u64 key, reach_key;          // where the random numbers begin
    int vocabulary;              // entries of the alias table
    int piece;                   // targets that a warp works on at a stretch
    int shrink, mean;            // flags, see w2vlib.fast.train
    int given;                   // whether `negatives` and `reaches` hold what otherwise is drawn
};

// Arguments of a kernel that become its orders, in the order of w2vlib/fast/gpu/launch.py.
#define ORDERS                                                                                     \
    const long long begin, const long long end, const long long lr_begin, const long long lr_end,  \
        const float first_lr, const float last_lr, const u64 key, const u64 reach_key,             \
        const int vocabulary, const int piece_size, const int shrink, const int mean, const int given
#define TAKE_ORDERS                                                                                \
    const Orders o = {begin,     end, lr_begin,   lr_end,     first_lr, last_lr, key,              \
                      reach_key, vocabulary, piece_size, shrink,   mean,    given}

static __device__ __forceinline__ float learning_rate(const Orders& o, long long t)
{
    const double done = (double)(t - o.lr_begin) / (double)(o.lr_end - o.lr_begin);
    return (float)(o.first_lr + ((double)o.last_lr - o.first_lr) * done);
}

// The window of the word at t: from `first` to `last` - 1, t itself included.  `spans` holds how far
// it may go to the left and (16 bits further up) to the right.
struct Window {
    long long first, last;
};

template <class Spans, class Reaches>
static __device__ __forceinline__ Window window_of(
    const Orders& o, long long t, Spans spans, Reaches reaches)
{
    const u32 span = spans[t];
    int left = span & 0xffffu, right = span >> 16;
    if (o.given || o.shrink) {
        const int reach = o.given ? reaches[t - o.begin] : draw_reach(o.reach_key, t);
        left = left < reach ? left : reach;
        right = right < reach ? right : reach;
    }
    Window window = {t - left, t + right + 1};
    return window;
}

// Row j of group `group` for a word: itself first, then its negatives; thread 4 j knows row j.
template <class Table, class Negatives>
static __device__ __forceinline__ int row_of_lane(
    const Orders& o, Table table, Negatives negatives, u64 number, int word, int group, int lane)
{
    const int place = group * GROUP + lane / 4;
    if (lane % 4 || place > NEGATIVES) return word;
    if (place == 0) return word;
    if (o.given) return negatives[number * NEGATIVES + place - 1];
    return draw_negative(table, o.vocabulary, o.key, number * NEGATIVES + place - 1, word);
}

// The factor g of row lane / 4; the loss of the rows is added up in the threads 4 j.
static __device__ __forceinline__ float factor(float score, int group, int lane, float lr, double& loss)
{
    const int place = group * GROUP + lane / 4;
    if (place > NEGATIVES) return 0.f;
    const float sign = place ? -1.f : 1.f, z = sign * score;
    const float small = expf(-fabsf(z));
    const float wrong = (z >= 0.f ? small : 1.f) / (1.f + small);
    if (lane % 4 == 0) loss += (double)(log1pf(small) + fmaxf(-z, 0.f));
    return lr * sign * wrong;
}

// One input vector against all groups of one word: d += sum_j g_j w_j, and the rows of W_out change.
template <class Matrix, class Table, class Negatives, class Damp>
static __device__ __forceinline__ void answer(
    const Orders& o, Matrix W_out, Table table, Negatives negatives, Damp damp, u64 number,
    int word, const Slice& x, Slice& d, float lr, int lane, double& loss)
{
    for (int group = 0; group < GROUPS; group++) {
        const int mine = row_of_lane(o, table, negatives, number, word, group, lane);
        int row[ROWS];
        Slice w[ROWS];
        float s[GROUP];
#pragma unroll
        for (int j = 0; j < GROUP; j++) s[j] = 0.f;
#pragma unroll
        for (int j = 0; j < ROWS; j++) {
            row[j] = __shfl_sync(ALL, mine, 4 * j);
            w[j] = load_fresh(W_out, row[j], lane);
        }
#pragma unroll
        for (int j = 0; j < ROWS; j++)
#pragma unroll
            for (int v = 0; v < PER_LANE; v++) s[j] += dot(x.part[v], w[j].part[v]);
        const float g = factor(sums8(s, lane), group, lane, lr, loss), damped = g * damp[mine];
#pragma unroll
        for (int j = 0; j < ROWS; j++) {
            collect(d, __shfl_sync(ALL, g, 4 * j), w[j]);
            const float g_j = __shfl_sync(ALL, damped, 4 * j);
            if (group * GROUP + j <= NEGATIVES) add_row(W_out, row[j], lane, g_j, x);
        }
    }
}

template <class Losses>
static __device__ __forceinline__ void put_loss(Losses losses, long long number, double loss, int lane)
{
    for (int far = 16; far; far /= 2) loss += __shfl_xor_sync(ALL, loss, far);
    if (lane == 0) losses[number] = loss;
}

// ---- how every training kernel begins -----------------------------------------------------------

#define TRAINING                                                                                   \
    GLOBAL(float4) W_in, GLOBAL(float4) W_out, GLOBAL(const int) tokens, GLOBAL(const u32) spans,  \
        GLOBAL(const u64) table, GLOBAL(const int) negatives, GLOBAL(const int) reaches,           \
        GLOBAL(double) losses, GLOBAL(const float) damp_in, GLOBAL(const float) damp_out, ORDERS,  \
        const long long size

// A stretch of text that one warp works on: the targets `from` … `to` - 1.  Their windows may hold the
// words `begin` … `end` - 1, which take their turns in a ring of rows in shared memory.
struct Piece {
    long long from, to, begin, end;
    float lr;
    __device__ int slot(long long p) const { return (int)((u32)(p - begin) % RING); }
};

static __device__ __forceinline__ long long first_target(const Orders& o, long long number)
{
    return o.begin + number * o.piece;
}

static __device__ __forceinline__ Piece piece_of(const Orders& o, long long number, long long size)
{
    Piece piece;
    piece.from = first_target(o, number);
    piece.to = piece.from + o.piece < o.end ? piece.from + o.piece : o.end;
    piece.begin = piece.from > WINDOW ? piece.from - WINDOW : 0;
    piece.end = piece.to + WINDOW < size ? piece.to + WINDOW : size;
    piece.lr = learning_rate(o, piece.from);
    return piece;
}

// ---- CBOW ------------------------------------------------------------------------------------------
//
// Window sums are differences of running sums: sums[p] is the sum of the rows before p, and as the
// window slides one row enters.  The gradient goes the other way: what a target adds to all rows of
// its window is noted where the window begins (+) and behind its end (-), and one running sum, taken
// as rows leave, brings it to each row.  At the end of a sentence it begins anew, from a true zero.
// Both live in a ring of 2 w + 2 rows in shared memory.
// So a row of W_in is read once, when it enters, and changed once, when it leaves.

extern "C" __global__ void train_cbow(TRAINING)
{
    TAKE_ORDERS;
    SHARED(float4, ring);
    const int lane = threadIdx.x;
    // Rows 0 … RING - 1 of the ring are the sums, the others the changes.
    for (long long number = blockIdx.x; first_target(o, number) < o.end; number += gridDim.x) {
        const Piece piece = piece_of(o, number, size);
        long long entered = piece.begin, left = piece.begin;
        double loss = 0.;
        Slice running = zeros();
        store(ring, 0, lane, running);
        store(ring, RING, lane, running);
        for (long long t = piece.from; t < piece.to; t++) {
            for (; entered <= t + WINDOW && entered < piece.end; entered++) {
                Slice sum = load(ring, piece.slot(entered), lane);
                collect(sum, 1.f, load_fresh(W_in, tokens[entered], lane));
                store(ring, piece.slot(entered + 1), lane, sum);
                store(ring, RING + piece.slot(entered + 1), lane, zeros());
            }
            const Window window = window_of(o, t, spans, reaches);
            const int others = (int)(window.last - window.first) - 1;
            if (others > 0) {
                const float share = 1.f / (float)others;
                Slice x = load(ring, piece.slot(window.last), lane), d = zeros();
                collect(x, -1.f, load(ring, piece.slot(window.first), lane));
                collect(x, -1.f, load(ring, piece.slot(t + 1), lane));
                collect(x, 1.f, load(ring, piece.slot(t), lane));
#pragma unroll
                for (int v = 0; v < PER_LANE; v++) x.part[v] = times(share, x.part[v]);
                answer(o, W_out, table, negatives, damp_out, o.given ? t - o.begin : t, tokens[t],
                       x, d, piece.lr, lane, loss);
                const float scale = o.mean ? share : 1.f;
                const long long places[4] = {window.first, t + 1, t, window.last};  // + + - -
                const bool ends = spans[window.last - 1] >> 16 == 0;  // nothing to take back there
#pragma unroll
                for (int k = 0; k < 4; k++) {
                    if (ends && places[k] == window.last) continue;
                    Slice change = load(ring, RING + piece.slot(places[k]), lane);
                    collect(change, k < 2 ? scale : -scale, d);
                    store(ring, RING + piece.slot(places[k]), lane, change);
                }
            }
            for (; left <= t - WINDOW; left++) {
                collect(running, 1.f, load(ring, RING + piece.slot(left), lane));
                add_row(W_in, tokens[left], lane, damp_in[tokens[left]], running);
                if (spans[left] >> 16 == 0) running = zeros();
            }
            if (piece.slot(t) == RING - 1) {  // small sums are exact ones
                const Slice base = load(ring, piece.slot(left), lane);
                for (int slot = 0; slot < RING; slot++) {
                    Slice sum = load(ring, slot, lane);
                    collect(sum, -1.f, base);
                    store(ring, slot, lane, sum);
                }
            }
        }
        for (; left < piece.end; left++) {
            collect(running, 1.f, load(ring, RING + piece.slot(left), lane));
            add_row(W_in, tokens[left], lane, damp_in[tokens[left]], running);
            if (spans[left] >> 16 == 0) running = zeros();
        }
        put_loss(losses, number, loss, lane);
    }
}

// ---- skip-gram -------------------------------------------------------------------------------------

extern "C" __global__ void train_skipgram(TRAINING)
{
    TAKE_ORDERS;
    const int lane = threadIdx.x;
    for (long long number = blockIdx.x; first_target(o, number) < o.end; number += gridDim.x) {
        const Piece piece = piece_of(o, number, size);
        double loss = 0.;
        for (long long t = piece.from; t < piece.to; t++) {
            const Window window = window_of(o, t, spans, reaches);
            if (window.last - window.first < 2) continue;
            const Slice x = load_fresh(W_in, tokens[t], lane);
            Slice d = zeros();
            for (long long p = window.first; p < window.last; p++) {
                if (p == t) continue;
                const long long column = p - t + (p < t ? WINDOW : WINDOW - 1);
                const u64 draw = (o.given ? t - o.begin : t) * 2 * WINDOW + column;
                answer(o, W_out, table, negatives, damp_out, draw, tokens[p], x, d, piece.lr, lane,
                       loss);
            }
            add_row(W_in, tokens[t], lane, damp_in[tokens[t]], d);
        }
        put_loss(losses, number, loss, lane);
    }
}

// Skip-gram where all neighbours of a word share its negatives and predict it.  The window's rows of
// W_in live in shared memory while they are in the window, as they were when they entered (ring rows
// 0 … RING - 1) and what they have learned since; each row of W_out is brought in once a window.

extern "C" __global__ void train_windows(TRAINING)
{
    TAKE_ORDERS;
    SHARED(float4, ring);
    const int lane = threadIdx.x;
    for (long long number = blockIdx.x; first_target(o, number) < o.end; number += gridDim.x) {
        const Piece piece = piece_of(o, number, size);
        long long entered = piece.begin, left = piece.begin;
        double loss = 0.;
        for (long long t = piece.from; t < piece.to; t++) {
            for (; entered <= t + WINDOW && entered < piece.end; entered++) {
                store(ring, piece.slot(entered), lane, load_fresh(W_in, tokens[entered], lane));
                store(ring, RING + piece.slot(entered), lane, zeros());
            }
            const Window window = window_of(o, t, spans, reaches);
            const bool alone = window.last - window.first < 2;
            const u64 draw = o.given ? t - o.begin : t;
            for (int group = 0; group < GROUPS && !alone; group++) {
                const int mine = row_of_lane(o, table, negatives, draw, tokens[t], group, lane);
                int row[ROWS];
                Slice w[ROWS], change[ROWS];
#pragma unroll
                for (int j = 0; j < ROWS; j++) {
                    row[j] = __shfl_sync(ALL, mine, 4 * j);
                    w[j] = load_fresh(W_out, row[j], lane);
                    change[j] = zeros();
                }
                for (long long p = window.first; p < window.last; p++) {
                    if (p == t) continue;
                    Slice learned = load(ring, RING + piece.slot(p), lane);
                    Slice x = load(ring, piece.slot(p), lane);
                    collect(x, 1.f, learned);
                    float s[GROUP];
#pragma unroll
                    for (int j = 0; j < GROUP; j++) s[j] = 0.f;
#pragma unroll
                    for (int j = 0; j < ROWS; j++)
#pragma unroll
                        for (int v = 0; v < PER_LANE; v++) s[j] += dot(x.part[v], w[j].part[v]);
                    const float g = factor(sums8(s, lane), group, lane, piece.lr, loss);
#pragma unroll
                    for (int j = 0; j < ROWS; j++) {
                        const float g_j = __shfl_sync(ALL, g, 4 * j);
                        collect(learned, g_j, w[j]);
                        collect(change[j], g_j, x);
                    }
                    store(ring, RING + piece.slot(p), lane, learned);
                }
#pragma unroll
                for (int j = 0; j < ROWS; j++)
                    if (group * GROUP + j <= NEGATIVES)
                        add_row(W_out, row[j], lane, damp_out[row[j]], change[j]);
            }
            for (; left <= t - WINDOW; left++) {
                const Slice learned = load(ring, RING + piece.slot(left), lane);
                add_row(W_in, tokens[left], lane, damp_in[tokens[left]], learned);
            }
        }
        for (; left < piece.end; left++) {
            const Slice learned = load(ring, RING + piece.slot(left), lane);
            add_row(W_in, tokens[left], lane, damp_in[tokens[left]], learned);
        }
        put_loss(losses, number, loss, lane);
    }
}

// ---- the same work in a fixed order ----------------------------------------------------------------
//
// First all answers of a batch, from weights that do not change meanwhile: item i has an input
// vector xs[i], the gradient ds[i] of it, and K + 1 rows of W_out with their factors g.  Then
// `add_sorted` adds them up row by row, in the order of the items.
//
// Items: CBOW (kind 0): one for each target.  Skip-gram (kind 1) and skip-gram with shared negatives
// (kind 2): 2 w for each target; those outside the sentence have rows that do not exist, `none`.
// Every item changes `in_rows` rows of W_in (2 w for CBOW, otherwise 1).

extern "C" __global__ void answer_items(
    GLOBAL(const float4) W_in, GLOBAL(const float4) W_out, GLOBAL(const int) tokens,
    GLOBAL(const u32) spans, GLOBAL(const u64) table, GLOBAL(const int) negatives,
    GLOBAL(const int) reaches, GLOBAL(float4) xs, GLOBAL(float4) ds, GLOBAL(int) out_rows,
    GLOBAL(float) out_factors, GLOBAL(int) in_rows, GLOBAL(float) in_factors,
    GLOBAL(double) losses, ORDERS, const int kind, const int none)
{
    TAKE_ORDERS;
    const int lane = threadIdx.x;
    const int per_target = kind ? 2 * WINDOW : 1, in_per_item = kind ? 1 : 2 * WINDOW;
    const long long items = (o.end - o.begin) * per_target;
    for (long long item = blockIdx.x; item < items; item += gridDim.x) {
        const long long t = o.begin + item / per_target;
        const Window window = window_of(o, t, spans, reaches);
        const int column = (int)(item % per_target);
        const long long p = t - WINDOW + column + (column >= WINDOW);  // skip-gram's neighbour
        const bool there = kind ? p >= window.first && p < window.last
                                : window.last - window.first > 1;
        double loss = 0.;
        Slice x = zeros(), d = zeros();
        if (there && !kind) {
            const float share = 1.f / (float)(window.last - window.first - 1);
            for (long long q = window.first; q < window.last; q++)
                if (q != t) collect(x, share, load(W_in, tokens[q], lane));
        }
        if (there && kind) x = load(W_in, tokens[kind == 1 ? t : p], lane);
        const int word = there ? tokens[kind == 1 ? p : t] : 0;
        const long long local = o.given ? t - o.begin : t;
        const u64 number = kind == 1 ? local * 2 * WINDOW + column : local;
        const float lr = learning_rate(o, t);
        for (int group = 0; group < GROUPS; group++) {
            int mine = none;
            float g = 0.f;
            if (there) {
                mine = row_of_lane(o, table, negatives, number, word, group, lane);
                float s[GROUP];
                Slice w[ROWS];
#pragma unroll
                for (int j = 0; j < GROUP; j++) s[j] = 0.f;
#pragma unroll
                for (int j = 0; j < ROWS; j++) {
                    w[j] = load(W_out, __shfl_sync(ALL, mine, 4 * j), lane);
#pragma unroll
                    for (int v = 0; v < PER_LANE; v++) s[j] += dot(x.part[v], w[j].part[v]);
                }
                g = factor(sums8(s, lane), group, lane, lr, loss);
#pragma unroll
                for (int j = 0; j < ROWS; j++) collect(d, __shfl_sync(ALL, g, 4 * j), w[j]);
            }
            const int place = group * GROUP + lane / 4;
            if (lane % 4 == 0 && place <= NEGATIVES) {
                out_rows[item * (NEGATIVES + 1) + place] = mine;
                out_factors[item * (NEGATIVES + 1) + place] = g;
            }
        }
        store(xs, item, lane, x);
        store(ds, item, lane, d);
        const float scale = !kind && o.mean && there ? 1.f / (float)(window.last - window.first - 1) : 1.f;
        for (int c = lane; c < in_per_item; c += 32) {
            const long long q = kind ? p : t - WINDOW + c + (c >= WINDOW);
            const bool counts = there && q >= window.first && q < window.last;
            in_rows[item * in_per_item + c] = counts ? tokens[kind == 1 ? t : q] : none;
            in_factors[item * in_per_item + c] = counts ? scale : 0.f;
        }
        put_loss(losses, item, loss, lane);
    }
}

// W[row] += damp[row] · sum over the entries of that row, in order, of
// factors[entry] · vectors[entry / per_item].
// The entries of row r are order[starts[r]] … order[starts[r + 1] - 1].

extern "C" __global__ void add_sorted(
    GLOBAL(float4) W, GLOBAL(const long long) starts, GLOBAL(const long long) order,
    GLOBAL(const float) factors, GLOBAL(const float4) vectors, GLOBAL(const float) damp,
    const int per_item, const int rows)
{
    const int lane = threadIdx.x;
    for (int row = blockIdx.x; row < rows; row += gridDim.x) {
        const long long first = starts[row], last = starts[row + 1];
        if (first == last) continue;
        Slice sum = zeros();
        for (long long e = first; e < last; e++) {
            const long long entry = order[e];
            collect(sum, factors[entry], load(vectors, entry / per_item, lane));
        }
        Slice all = load(W, row, lane);
        collect(all, damp[row], sum);
        store(W, row, lane, all);
    }
}
