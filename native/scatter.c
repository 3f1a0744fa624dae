/* Rows to their partitions, by counting and then placing them. */
#include "kernels.h"

#include <string.h>

/* Two partitions of 8-byte rows without a branch or a table: every row is written to both, and
 * only the right one moves on. The wrong copy is overwritten by that partition's next row, so
 * this ends where one of them is full and the rest belongs to the other. */
static void scatter_pairs(const uint64_t *rows, uint64_t *out, size_t n, const uint32_t *ids,
                          size_t first)
{
    uint64_t *zeros = out, *ones = out + first;
    uint64_t *const zeros_end = ones, *const ones_end = out + n;
    size_t i = 0;
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
