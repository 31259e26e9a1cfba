// Runs CUDA text on a CPU, warp by warp or several in turns, and looks for mistakes that a GPU would
// hide.
//
// Every thread of a warp is a fiber of its own.  It runs until it comes to an exchange with the
// others (__shfl_sync, __syncwarp), then the next one runs, in an order that the caller chooses: a
// result that depends on it betrays a race.  Refused with a message:
//
// * an exchange that not all threads take part in, or not at the same line of the text;
// * reading or writing outside an array;
// * two threads at one place of shared memory, one of them writing, without a __syncwarp between
//   (an exchange of registers orders no memory).
//
// Shared memory begins as NaN.

#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#define HOST_BUILD
#define __global__
#define __device__
#define __forceinline__ inline
#define GLOBAL(type) Global<type>
#define SHARED(type, name) Shared<type> name

struct float4 {
    float x, y, z, w;
};
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }

namespace warp {

const int SIZE = 32;
const size_t STACK = 64 << 10;
// From stack to stack.  Were it a power of two, all stacks would fall on the same lines of the cache.
const size_t APART = STACK + 64 * 37;

// ---- fibers --------------------------------------------------------------------------------------

#if defined(__x86_64__)
extern "C" void warp_switch(void** from, void* to);
asm(R"(
    .text
    .globl warp_switch
    .type warp_switch, @function
warp_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
    .size warp_switch, .-warp_switch
)");

struct Fiber {
    void* top = nullptr;
    void start(char* stack, void (*entry)())
    {
        auto* p = (void**)(((uintptr_t)stack + STACK) & ~(uintptr_t)15);
        *--p = nullptr;
        *--p = (void*)entry;
        for (int i = 0; i < 6; i++) *--p = nullptr;
        top = p;
    }
};
inline void swap(Fiber& from, Fiber& to) { warp_switch(&from.top, to.top); }
#else
struct Fiber {
    ucontext_t context;
    void start(char* stack, void (*entry)())
    {
        getcontext(&context);
        context.uc_stack.ss_sp = stack;
        context.uc_stack.ss_size = STACK;
        context.uc_link = nullptr;
        makecontext(&context, entry, 0);
    }
};
inline void swap(Fiber& from, Fiber& to) { swapcontext(&from.context, &to.context); }
#endif

// ---- one warp ------------------------------------------------------------------------------------

struct Place {  // who was at a place of shared memory since the last __syncwarp
    long long epoch = -1;
    int writer = -1, reader = -1;  // SIZE: several readers
};

struct Warp {
    Fiber lanes[SIZE];
    bool done[SIZE];
    int line[SIZE], parity[SIZE];
    bool memory_too = false;
    char exchange[2][SIZE][16];
    long long epoch = 0;
    unsigned block = 0;
    std::vector<char> stacks, shared;
    std::vector<Place> places;
};

struct State {
    Fiber scheduler;
    Warp* warp = nullptr;  // that runs now
    int lane = 0;
    unsigned grid = 1;
    size_t shared = 0;
    std::string error;
    std::vector<std::pair<char*, char*>> arrays;
    void (*body)(void*) = nullptr;
    void* argument = nullptr;
};
inline State& state()
{
    static State all;
    return all;
}

inline void meet(int line, bool memory)
{
    State& s = state();
    s.warp->line[s.lane] = line;
    s.warp->memory_too = memory;
    swap(s.warp->lanes[s.lane], s.scheduler);
}

inline void entry()
{
    State& s = state();
    try {
        s.body(s.argument);
    } catch (const std::exception& e) {
        if (s.error.empty()) s.error = e.what();
    }
    s.warp->done[s.lane] = true;
    swap(s.warp->lanes[s.lane], s.scheduler);
}

inline void begin(Warp& w, unsigned block)
{
    w.block = block;
    w.epoch = 0;
    w.stacks.resize(APART * SIZE + 64 * (block % 601));
    w.shared.assign(state().shared, (char)0xff);
    w.places.assign(state().shared / 4 + 1, Place());
    for (int i = 0; i < SIZE; i++) {
        w.done[i] = false, w.parity[i] = 0;
        w.lanes[i].start(w.stacks.data() + 64 * (block % 601) + APART * i, entry);
    }
}

// Every thread of a warp runs until the next exchange.  Returns whether the warp goes on after that.
// order: 0 first to last, 1 last to first, otherwise drawn anew each time.
inline bool advance(Warp& w, unsigned order, std::minstd_rand& random)
{
    State& s = state();
    s.warp = &w;
    int turn[SIZE];
    for (int i = 0; i < SIZE; i++) turn[i] = order == 1 ? SIZE - 1 - i : i;
    if (order > 1) std::shuffle(turn, turn + SIZE, random);
    for (int i : turn) {
        s.lane = i;
        swap(s.scheduler, w.lanes[i]);
        if (!s.error.empty()) throw std::runtime_error(s.error);
    }
    const int finished = (int)std::count(w.done, w.done + SIZE, true);
    if (finished == SIZE) return false;
    if (finished) throw std::runtime_error("some threads have ended while others wait for them");
    for (int i = 1; i < SIZE; i++)
        if (w.line[i] != w.line[0]) throw std::runtime_error("threads meet at different lines");
    if (w.memory_too) w.epoch++;
    return true;
}

// All blocks; `together` warps at a time take turns, as the warps of a GPU do.
inline void run(void (*body)(void*), void* argument, unsigned grid, unsigned order,
                unsigned together)
{
    State& s = state();
    std::minstd_rand random(order + 1);
    s.body = body, s.argument = argument, s.grid = grid;
    std::vector<Warp> warps(std::min(grid, together));
    unsigned next = 0;
    std::vector<Warp*> busy;
    for (Warp& w : warps) {
        begin(w, order == 1 ? grid - 1 - next : next);
        next++;
        busy.push_back(&w);
    }
    while (!busy.empty()) {
        for (size_t i = 0; i < busy.size();) {
            if (advance(*busy[i], order, random)) {
                i++;
            } else if (next < grid) {
                begin(*busy[i], order == 1 ? grid - 1 - next : next);
                next++;
            } else {
                busy.erase(busy.begin() + i);
            }
        }
    }
}

template <class T>
T exchange(int line, unsigned mask, T value, int from)
{
    static_assert(sizeof(T) <= 16, "exchanges are of single numbers");
    State& s = state();
    if (mask != 0xffffffffu) throw std::runtime_error("only whole warps are emulated");
    Warp& w = *s.warp;
    const int lane = s.lane, parity = w.parity[lane];
    w.parity[lane] ^= 1;
    std::memcpy(w.exchange[parity][lane], &value, sizeof(T));
    meet(line, false);
    T result;
    std::memcpy(&result, w.exchange[parity][from & (SIZE - 1)], sizeof(T));
    return result;
}

}  // namespace warp

#define __shfl_sync(mask, value, from) warp::exchange(__LINE__, mask, value, from)
#define __shfl_xor_sync(mask, value, far) \
    warp::exchange(__LINE__, mask, value, warp::state().lane ^ (far))
#define __syncwarp() warp::meet(__LINE__, true)

struct WarpIndex {
    unsigned x;
};
#define threadIdx (WarpIndex{(unsigned)warp::state().lane})
#define blockIdx (WarpIndex{warp::state().warp->block})
#define gridDim (WarpIndex{warp::state().grid})

// ---- memory --------------------------------------------------------------------------------------

template <class T>
struct Global {
    T* numbers = nullptr;
    long long size = 0;
    T& operator[](long long i) const
    {
        if (i < 0 || i >= size)
            throw std::out_of_range("index " + std::to_string(i) + " outside an array of " +
                                    std::to_string(size));
        return numbers[i];
    }
};

template <class T>
struct Shared {
    struct One {
        T* number;
        warp::Place* place;
        warp::Place& now() const
        {
            if (place->epoch != warp::state().warp->epoch) *place = warp::Place();
            place->epoch = warp::state().warp->epoch;
            return *place;
        }
        static void race() { throw std::runtime_error("a race in shared memory"); }
        operator T() const
        {
            warp::Place& p = now();
            const int lane = warp::state().lane;
            if (p.writer >= 0 && p.writer != lane) race();
            p.reader = p.reader < 0 || p.reader == lane ? lane : warp::SIZE;
            return *number;
        }
        void operator=(T value) const
        {
            warp::Place& p = now();
            const int lane = warp::state().lane;
            if ((p.writer >= 0 && p.writer != lane) || (p.reader >= 0 && p.reader != lane)) race();
            p.writer = lane;
            *number = value;
        }
    };
    One operator[](long long i) const
    {
        warp::Warp& w = *warp::state().warp;
        if (i < 0 || (size_t)(i + 1) * sizeof(T) > w.shared.size())
            throw std::out_of_range("index " + std::to_string(i) + " outside shared memory");
        return {(T*)w.shared.data() + i, &w.places[i]};
    }
};

inline void add(Global<float4> memory, long long i, float4 value)
{
    float4& m = memory[i];
    m = {m.x + value.x, m.y + value.y, m.z + value.z, m.w + value.w};
}
inline float4 fresh(Global<float4> memory, long long i) { return memory[i]; }

// ---- launching: arguments come as pointers to their values, as the CUDA driver takes them --------

template <class T>
struct Argument {
    static T from(void* value) { return *(T*)value; }
};
template <class T>
struct Argument<Global<T>> {
    static Global<T> from(void* value)
    {
        char* begin = *(char**)value;
        for (auto& array : warp::state().arrays)
            if (begin >= array.first && begin <= array.second)
                return {(T*)begin, (long long)((array.second - begin) / sizeof(T))};
        throw std::runtime_error("a pointer into no known array");
    }
};

template <class... A>
struct Call {
    void (*kernel)(A...);
    void** values;
    template <size_t... I>
    void run(std::index_sequence<I...>) const
    {
        kernel(Argument<std::remove_const_t<A>>::from(values[I])...);
    }
    static void body(void* self) { ((Call*)self)->run(std::index_sequence_for<A...>()); }
};

template <class... A>
void launch(void (*kernel)(A...), void** values, unsigned grid, unsigned order, unsigned together)
{
    Call<A...> call = {kernel, values};
    warp::run(Call<A...>::body, &call, grid, order, together);
}
