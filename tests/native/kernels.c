/* Kernels of every shape that the tests need, and functions that are none. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int doubled(const int32_t *in, int64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = 2 * (int64_t)in[i];
    return 0;
}

int scaled(const double *in, double *out, size_t n, double by, int8_t shift, uint16_t limit)
{
    for (size_t i = 0; i < n; i++) {
        double x = in[i] * by + shift;
        out[i] = x < limit ? x : limit;
    }
    return 0;
}

/* Running sums: not elementwise. */
int summed(const int64_t *in, int64_t *out, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        out[i] = sum += in[i];
    return 0;
}

int failing(const int64_t *in, int64_t *out, size_t n, int status)
{
    memcpy(out, in, n * sizeof *in);
    return status;
}

/* Pairs of 32-bit numbers, exchanged. */
int swapped(const void *in, void *out, size_t n)
{
    const int32_t *pairs = in;
    int32_t *turned = out;
    for (size_t i = 0; i < n; i++) {
        turned[2 * i] = pairs[2 * i + 1];
        turned[2 * i + 1] = pairs[2 * i];
    }
    return 0;
}

void nothing(const int64_t *in, int64_t *out, size_t n)
{
    (void)in, (void)out, (void)n;
}

int short_length(const int64_t *in, int64_t *out, int n)
{
    return in[0] == out[0] && n == 0;
}

int no_arrays(size_t n)
{
    return n == 0;
}
