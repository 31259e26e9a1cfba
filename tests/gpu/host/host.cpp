// All kernels of kernels.cu behind one C function.
#include "warp.h"

#include KERNELS

extern "C" int launch_on_host(const char* name, unsigned grid, size_t shared, void** values,
                              int count, void** begins, size_t* bytes, unsigned order,
                              unsigned together, char* message)
{
    warp::State& s = warp::state();
    s.error.clear();
    s.shared = shared;
    s.arrays.clear();
    for (int i = 0; i < count; i++)
        s.arrays.push_back({(char*)begins[i], (char*)begins[i] + bytes[i]});
    try {
#define OFFER(kernel) \
    if (!std::strcmp(name, #kernel)) return launch(kernel, values, grid, order, together), 0
        OFFERS
        std::snprintf(message, 200, "no kernel of this name: %s", name);
    } catch (const std::exception& e) {
        std::snprintf(message, 200, "%s: %s", name, e.what());
    }
    return 1;
}
