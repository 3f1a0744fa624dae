/* The yardstick: what one writes first. */
#include "kernels.h"

int flowlike_logistic_map_naive(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                                int64_t mu)
{
    if (p == 0)
        return FLOWLIKE_ZERO_MODULUS;
    for (size_t i = 0; i < n; i++) {
        int64_t x = in[i];
        for (int64_t k = 0; k < num; k++) {
            /* Wrapping is defined for unsigned numbers only, and INT64_MIN % -1 traps. */
            int64_t product = (int64_t)((uint64_t)mu * (uint64_t)x * ((uint64_t)x + 1));
            x = p == -1 ? 0 : product % p;
        }
        out[i] = x;
    }
    return FLOWLIKE_OK;
}
