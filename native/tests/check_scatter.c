/* Hashes that equal keys share, and a scatter that keeps every row and the order. */
#include "check.h"

#include "../kernels.h"

enum { SIZE = 3003, MOST = 300 };

static void check_equal_keys(void)
{
    int64_t integers[SIZE];
    uint64_t naturals[SIZE];
    double reals[SIZE];
    uint32_t ids[3][SIZE];
    for (size_t i = 0; i < SIZE; i++) {
        integers[i] = (int64_t)(random_bits() >> (11 + i % 53));
        naturals[i] = (uint64_t)integers[i];
        reals[i] = (double)integers[i];
    }
    static const uint32_t counts[] = {1, 2, 3, 128, 1u << 31, UINT32_MAX};
    for (size_t c = 0; c < COUNT(counts); c++) {
        flowlike_partition_ids_i64(integers, ids[0], SIZE, counts[c]);
        flowlike_partition_ids_u64(naturals, ids[1], SIZE, counts[c]);
        flowlike_partition_ids_f64(reals, ids[2], SIZE, counts[c]);
        CHECK(memcmp(ids[0], ids[1], sizeof ids[0]) == 0);
        CHECK(memcmp(ids[0], ids[2], sizeof ids[0]) == 0);
        for (size_t i = 0; i < SIZE; i++) {
            CHECK(ids[0][i] < counts[c]);
            CHECK(ids[0][i] == flowlike_partition_of_number(integers[i], counts[c]));
        }
    }
    static const int64_t odd[] = {INT64_MIN, INT64_MAX, -1, -2, (INT64_C(1) << 61) - 1,
                                  -(INT64_C(1) << 61) + 1, INT64_C(1) << 61};
    static const int64_t hashes[] = {-4, 3, -2, -2, 0, 0, 1};
    for (size_t i = 0; i < COUNT(odd); i++) {
        uint32_t id;
        flowlike_partition_ids_i64(&odd[i], &id, 1, UINT32_MAX);
        CHECK(id == flowlike_partition_of_number(hashes[i], UINT32_MAX));
    }
    puts("hash, numbers: ok");
}

static void check_bytes(void)
{
    char keys[64 * 19] = {0};
    uint32_t ids[64];
    for (size_t i = 0; i < 64; i++)
        for (size_t k = 0; k < i % 20; k++)
            keys[i * 19 + k] = (char)(1 + random_bits() % 255);
    flowlike_partition_ids_bytes(keys, ids, 64, 19, 7, 1 << 20);
    for (size_t i = 0; i < 64; i++) {
        uint64_t hash = flowlike_hash_bytes(keys + i * 19, i % 20, 7);
        CHECK(ids[i] == (uint32_t)(((unsigned __int128)hash << 20) >> 64));
    }
    puts("hash, bytes: ok");
}

static void check_scatter(size_t size, uint32_t partitions, size_t n)
{
    /* Exactly as large as they must be: the sanitizer sees a byte too much. */
    char *rows = malloc(n * size), *out = malloc(n * size);
    uint32_t *ids = calloc(n, sizeof *ids);
    CHECK(rows != NULL && out != NULL && ids != NULL);
    size_t ends[MOST];
    for (size_t i = 0; i < n * size; i++)
        rows[i] = (char)random_bits();
    for (size_t i = 0; i < n; i++)
        ids[i] = (uint32_t)(random_bits() % partitions);
    if (n % 3 == 0) /* all in one partition */
        for (size_t i = 0; i < n; i++)
            ids[i] = partitions - 1;
    CHECK(flowlike_scatter(rows, out, n, size, ids, partitions, ends) == FLOWLIKE_OK);
    size_t at = 0;
    for (uint32_t id = 0; id < partitions; id++) {
        for (size_t i = 0; i < n; i++)
            if (ids[i] == id) {
                CHECK(memcmp(out + at * size, rows + i * size, size) == 0);
                at++;
            }
        CHECK(ends[id] == at);
    }
    CHECK(at == n);
    free(rows);
    free(out);
    free(ids);
}

int main(void)
{
    check_equal_keys();
    check_bytes();
    static const size_t sizes[] = {1, 3, 4, 8, 24};
    static const uint32_t counts[] = {1, 2, 3, MOST};
    for (size_t s = 0; s < COUNT(sizes); s++)
        for (size_t c = 0; c < COUNT(counts); c++)
            for (size_t n = 1; n < 200; n += 1 + n / 8)
                check_scatter(sizes[s], counts[c], n);
    size_t ends[2] = {7, 7};
    CHECK(flowlike_scatter(NULL, NULL, 0, 8, NULL, 2, ends) == FLOWLIKE_OK);
    CHECK(ends[0] == 0 && ends[1] == 0);
    puts("scatter: ok");
    return 0;
}
