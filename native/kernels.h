/* Everything the native part offers, as C sees it. kernels.cdef says the same to cffi.
 *
 * A kernel reads n elements of `in`, writes n elements of `out` and returns 0 or a status.
 * None of them allocates, keeps state or touches Python, so each may run in any thread.
 */
#ifndef FLOWLIKE_KERNELS_H
#define FLOWLIKE_KERNELS_H

#include <stddef.h>
#include <stdint.h>

/* Statuses. */
#define FLOWLIKE_OK 0
#define FLOWLIKE_ZERO_MODULUS 1

/* `num` times x = rem(mu * x * (x + 1), p), exact as with unbounded integers; the remainder
 * has the sign of the dividend. `in` may be `out`. The first form picks the fastest path of
 * this CPU, the others are one path each: what flowlike_has_* denies must not be called. */
int flowlike_logistic_map(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                          int64_t mu);
int flowlike_logistic_map_avx512(const int64_t *in, int64_t *out, size_t n, int64_t num,
                                 int64_t p, int64_t mu);
int flowlike_logistic_map_avx2(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                               int64_t mu);
int flowlike_logistic_map_portable(const int64_t *in, int64_t *out, size_t n, int64_t num,
                                   int64_t p, int64_t mu);
int flowlike_has_avx512(void);
int flowlike_has_avx2(void);

/* The same with plain 64-bit arithmetic, as anyone would write it: the yardstick. Exact only
 * where mu * x * (x + 1) fits an int64; beyond, the product wraps. */
int flowlike_logistic_map_naive(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                                int64_t mu);

/* Hashes of single keys. `flowlike_hash_number` takes Python's numeric hash(). */
#define FLOWLIKE_NAN_HASH 0x7ff8f10e11ce0000
uint64_t flowlike_hash_number(int64_t python_hash);
uint64_t flowlike_hash_bytes(const char *bytes, size_t size, uint64_t seed);
uint64_t flowlike_hash_combine(uint64_t hash, uint64_t next);
uint32_t flowlike_partition_of_number(int64_t python_hash, uint32_t partitions);

/* Hashes of n keys, equal to those of the same keys one by one. */
int flowlike_partition_ids_i64(const int64_t *keys, uint32_t *ids, size_t n, uint32_t partitions);
int flowlike_partition_ids_u64(const uint64_t *keys, uint32_t *ids, size_t n, uint32_t partitions);
int flowlike_partition_ids_f64(const double *keys, uint32_t *ids, size_t n, uint32_t partitions);
int flowlike_partition_ids_bytes(const char *keys, uint32_t *ids, size_t n, size_t width,
                                 uint64_t seed, uint32_t partitions);

/* Moves n rows of `size` bytes to `out`, ordered by id and, within an id, as they came.
 * Ids are below `partitions`; partition i lies at rows ends[i - 1] (0 for the first) to
 * ends[i] of `out`. */
int flowlike_scatter(const char *rows, char *out, size_t n, size_t size, const uint32_t *ids,
                     uint32_t partitions, size_t *ends);

#endif
