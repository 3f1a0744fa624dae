/* The logistic map on every path against 128-bit arithmetic step by step. */
#include "check.h"

#include "../kernels.h"

typedef int kernel(const int64_t *, int64_t *, size_t, int64_t, int64_t, int64_t);

enum { SIZE = 197 }; /* whole blocks and a rest, on every path */

/* One step, as defined: mu * x * (x + 1) has up to 192 bits, so it is reduced on the way. */
static int64_t stepped(int64_t x, int64_t p, int64_t mu)
{
    __int128 P = p < 0 ? -(__int128)p : p;
    __int128 square = ((__int128)x * ((__int128)x + 1)) % P;
    unsigned __int128 m = (unsigned __int128)(mu < 0 ? -(__int128)mu : mu);
    __int128 r = (__int128)((unsigned __int128)square * m % (unsigned __int128)P);
    return (int64_t)(mu < 0 ? -r : r);
}

static void check_path(kernel *path, const char *name)
{
    static const int64_t edges[] = {0, 1, -1, 2, -2, 3, 1000, -1000, INT64_MAX, INT64_MIN,
                                    INT64_C(1) << 25, INT64_C(1) << 50, -(INT64_C(1) << 50),
                                    (INT64_C(1) << 51) + 1, -(INT64_C(1) << 51) - 1};
    static const int64_t moduli[] = {1, -1, 2, 3, 4, 7, 10, 6700417, -6700417, 1 << 26,
                                     (1 << 26) - 5, (1 << 26) + 1, INT64_C(1) << 32,
                                     (INT64_C(1) << 40) + 9, INT64_C(1) << 47,
                                     INT64_C(1) << 48, (INT64_C(1) << 48) - 59,
                                     (INT64_C(1) << 48) - 1, (INT64_C(1) << 48) + 1,
                                     (INT64_C(1) << 32) + 15, INT64_MAX, INT64_MIN};
    static const int64_t factors[] = {0, 1, -1, 2, 22, -22, 6700416, INT64_MAX, INT64_MIN};
    for (size_t a = 0; a < COUNT(moduli); a++) {
        for (size_t b = 0; b < COUNT(factors); b++) {
            for (int64_t num = 0; num < 4; num++) {
                int64_t in[SIZE], out[SIZE];
                for (size_t i = 0; i < SIZE; i++)
                    in[i] = i < COUNT(edges) ? edges[i] : (int64_t)random_bits() >> (i % 64);
                CHECK(path(in, out, SIZE, num, moduli[a], factors[b]) == FLOWLIKE_OK);
                for (size_t i = 0; i < SIZE; i++) {
                    int64_t x = in[i];
                    for (int64_t k = 0; k < num; k++)
                        x = stepped(x, moduli[a], factors[b]);
                    CHECK(out[i] == x);
                }
                CHECK(path(in, in, SIZE, num, moduli[a], factors[b]) == FLOWLIKE_OK);
                CHECK(memcmp(in, out, sizeof in) == 0);
            }
        }
    }
    CHECK(path(NULL, NULL, 0, 1, 7, 2) == FLOWLIKE_OK);
    CHECK(path(NULL, NULL, 0, 0, 0, 2) == FLOWLIKE_ZERO_MODULUS);
    printf("logistic map, %s: ok\n", name);
}

int main(void)
{
    check_path(flowlike_logistic_map, "chosen");
    check_path(flowlike_logistic_map_portable, "portable");
    if (flowlike_has_avx2())
        check_path(flowlike_logistic_map_avx2, "avx2");
    if (flowlike_has_avx512())
        check_path(flowlike_logistic_map_avx512, "avx512");

    /* The yardstick wraps, so it is compared only where nothing does. */
    int64_t in[SIZE], plain[SIZE], out[SIZE];
    for (size_t i = 0; i < SIZE; i++)
        in[i] = (int64_t)(random_bits() >> 36) - (1 << 27);
    CHECK(flowlike_logistic_map_naive(in, plain, SIZE, 10, 6700417, -22) == FLOWLIKE_OK);
    CHECK(flowlike_logistic_map(in, out, SIZE, 10, 6700417, -22) == FLOWLIKE_OK);
    CHECK(memcmp(plain, out, sizeof out) == 0);
    in[0] = INT64_MIN;
    CHECK(flowlike_logistic_map_naive(in, plain, SIZE, 1, -1, INT64_MAX) == FLOWLIKE_OK);
    CHECK(plain[0] == 0);
    CHECK(flowlike_logistic_map_naive(in, plain, SIZE, 1, 0, 1) == FLOWLIKE_ZERO_MODULUS);
    puts("logistic map, naive: ok");
    return 0;
}
