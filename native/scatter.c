/* Rows to their partitions, by counting and then placing them. */
#include "kernels.h"

#include <string.h>

#if defined(__x86_64__) && !defined(FLOWLIKE_NO_LANES)
#include <immintrin.h>
#define LANES __attribute__((target("avx512f,avx512vl,popcnt")))

/* The same eight rows at a time, as far as there is room for eight in both; says how far that was.
 * What is stored beyond the rows of a partition is overwritten by its next ones. */
LANES static size_t scatter_pairs_in_lanes(const uint64_t *rows, uint64_t **zeros, uint64_t **ones,
                                           size_t n, const uint32_t *ids)
{
    uint64_t *left = *zeros, *right = *ones, *const left_end = right, *const right_end = left + n;
    size_t i = 0;
    while (left_end - left >= 8 && right_end - right >= 8) {
        __m512i eight = _mm512_loadu_si512(rows + i);
        __m256i id = _mm256_loadu_si256((const void *)(ids + i));
        __mmask8 ones_mask = _mm256_test_epi32_mask(id, id);
        unsigned count = (unsigned)_mm_popcnt_u32(ones_mask);
        _mm512_storeu_si512(left, _mm512_maskz_compress_epi64((__mmask8)~ones_mask, eight));
        _mm512_storeu_si512(right, _mm512_maskz_compress_epi64(ones_mask, eight));
        left += 8 - count;
        right += count;
        i += 8;
    }
    *zeros = left;
    *ones = right;
    return i;
}
#endif

/* Two partitions of 8-byte rows without a branch or a table: every row is written to both, and
 * only the right one moves on. The wrong copy is overwritten by that partition's next row, so
 * this ends where one of them is full and the rest belongs to the other. */
static void scatter_pairs(const uint64_t *rows, uint64_t *out, size_t n, const uint32_t *ids,
                          size_t first)
{
    uint64_t *zeros = out, *ones = out + first;
    uint64_t *const zeros_end = ones, *const ones_end = out + n;
    size_t i = 0;
#ifdef LANES
    if (flowlike_has_avx512())
        i = scatter_pairs_in_lanes(rows, &zeros, &ones, n, ids);
#endif
    while (zeros != zeros_end && ones != ones_end) {
        size_t left = (size_t)(zeros_end - zeros), right = (size_t)(ones_end - ones);
        size_t end = i + (left < right ? left : right);
        for (; i < end; i++) {
            uint64_t row = rows[i];
            size_t id = ids[i];
            *zeros = row;
            *ones = row;
            zeros += 1 - id;
            ones += id;
        }
    }
    memcpy(zeros != zeros_end ? zeros : ones, rows + i, (n - i) * sizeof *rows);
}

static void scatter_words(const uint64_t *restrict rows, uint64_t *restrict out, size_t n,
                          const uint32_t *restrict ids, size_t *restrict next)
{
    for (size_t i = 0; i < n; i++)
        out[next[ids[i]]++] = rows[i];
}

static void scatter_bytes(const char *restrict rows, char *restrict out, size_t n, size_t size,
                          const uint32_t *restrict ids, size_t *restrict next)
{
    for (size_t i = 0; i < n; i++, rows += size)
        memcpy(out + next[ids[i]]++ * size, rows, size);
}

int flowlike_scatter(const char *rows, char *out, size_t n, size_t size, const uint32_t *ids,
                     uint32_t partitions, size_t *ends)
{
    memset(ends, 0, partitions * sizeof *ends);
    if (n == 0)
        return FLOWLIKE_OK;
    if (partitions == 2) {
        for (size_t i = 0; i < n; i++)
            ends[1] += ids[i];
        ends[0] = n - ends[1];
    } else {
        for (size_t i = 0; i < n; i++)
            ends[ids[i]]++;
    }
    /* Counts to starts; placing moves every start to its end. */
    size_t start = 0;
    for (uint32_t id = 0; id < partitions; id++) {
        size_t count = ends[id];
        ends[id] = start;
        start += count;
    }
    int aligned = ((uintptr_t)rows | (uintptr_t)out) % sizeof(uint64_t) == 0;
    if (size == sizeof(uint64_t) && aligned && partitions == 2) {
        scatter_pairs((const uint64_t *)rows, (uint64_t *)out, n, ids, ends[1]);
        ends[0] = ends[1];
        ends[1] = n;
    } else if (size == sizeof(uint64_t) && aligned) {
        scatter_words((const uint64_t *)rows, (uint64_t *)out, n, ids, ends);
    } else {
        scatter_bytes(rows, out, n, size, ids, ends);
    }
    return FLOWLIKE_OK;
}
