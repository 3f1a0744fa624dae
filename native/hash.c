/* Stable hashes of keys, and the partitions they stand for.
 *
 * Keys that are equal in Python hash alike, so numbers start from Python's numeric hash, which
 * is the value modulo 2^61 - 1 whatever the type. The loops over arrays compute that hash
 * themselves; flowlike.native.hashing computes the same for one key at a time.
 */
#include "kernels.h"

#include <string.h>

#define MODULUS ((UINT64_C(1) << 61) - 1) /* of Python's numeric hash */

static inline uint64_t mixed(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xe9846af9b1a615d);
    h ^= h >> 32;
    h *= UINT64_C(0xe9846af9b1a615d);
    h ^= h >> 28;
    return h;
}

/* The high half of hash * partitions: even for any number of partitions, and no division. */
static inline uint32_t partition_of(uint64_t hash, uint32_t partitions)
{
    return (uint32_t)(((unsigned __int128)hash * partitions) >> 64);
}

/* Python's hash of r or -r, r already reduced: -1 is taken, for errors. Without a branch,
 * because signs are hard to predict. */
static inline int64_t signed_hash(uint64_t r, int negative)
{
    int64_t flip = -(int64_t)negative;
    int64_t hash = ((int64_t)r ^ flip) - flip;
    return hash - (hash == -1);
}

static inline uint64_t folded(uint64_t x)
{
    uint64_t r = (x & MODULUS) + (x >> 61);
    return r >= MODULUS ? r - MODULUS : r;
}

static inline int64_t hash_of_int(int64_t x)
{
    /* Nearly always the number itself. */
    if ((uint64_t)x + (MODULUS - 1) < 2 * MODULUS - 1)
        return x - (x == -1);
    return signed_hash(folded(x < 0 ? 0 - (uint64_t)x : (uint64_t)x), x < 0);
}

/* x is mantissa * 2^(exponent - 1075), and modulo 2^61 - 1 a power of two is a rotation. */
static inline int64_t hash_of_parts(uint64_t mantissa, unsigned exponent, int negative)
{
    unsigned turn = (exponent - 1075 + 18 * 61) % 61;
    return signed_hash(((mantissa << turn) | (mantissa >> (61 - turn))) & MODULUS, negative);
}

static inline int64_t hash_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    int negative = (int)(bits >> 63);
    unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    if (exponent - 1 < 0x7fe)
        return hash_of_parts(mantissa | UINT64_C(1) << 52, exponent, negative);
    if (exponent == 0)
        return hash_of_parts(mantissa, 1, negative);
    return mantissa != 0 ? (int64_t)FLOWLIKE_NAN_HASH : negative ? -314159 : 314159;
}

uint64_t flowlike_hash_number(int64_t python_hash)
{
    return mixed((uint64_t)python_hash);
}

uint32_t flowlike_partition_of_number(int64_t python_hash, uint32_t partitions)
{
    return partition_of(mixed((uint64_t)python_hash), partitions);
}

uint64_t flowlike_hash_combine(uint64_t hash, uint64_t next)
{
    return mixed((hash << 23 | hash >> 41) + next);
}

/* Eight bytes, the first the lowest on every machine. */
static inline uint64_t word_of(const char *bytes, size_t size)
{
    uint64_t word = 0;
    memcpy(&word, bytes, size);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

uint64_t flowlike_hash_bytes(const char *bytes, size_t size, uint64_t seed)
{
    uint64_t hash = seed ^ size;
    for (; size >= 8; bytes += 8, size -= 8)
        hash = flowlike_hash_combine(hash, word_of(bytes, 8));
    return flowlike_hash_combine(hash, size != 0 ? word_of(bytes, size) : 0);
}

int flowlike_partition_ids_i64(const int64_t *keys, uint32_t *ids, size_t n, uint32_t partitions)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_of(mixed((uint64_t)hash_of_int(keys[i])), partitions);
    return FLOWLIKE_OK;
}

int flowlike_partition_ids_u64(const uint64_t *keys, uint32_t *ids, size_t n, uint32_t partitions)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_of(mixed(folded(keys[i])), partitions);
    return FLOWLIKE_OK;
}

int flowlike_partition_ids_f64(const double *keys, uint32_t *ids, size_t n, uint32_t partitions)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_of(mixed((uint64_t)hash_of_double(keys[i])), partitions);
    return FLOWLIKE_OK;
}

/* Keys of `width` bytes; zeros at the end are padding, as in numpy's 'S'. */
int flowlike_partition_ids_bytes(const char *keys, uint32_t *ids, size_t n, size_t width,
                                 uint64_t seed, uint32_t partitions)
{
    for (size_t i = 0; i < n; i++, keys += width) {
        size_t size = width;
        while (size > 0 && keys[size - 1] == 0)
            size--;
        ids[i] = partition_of(flowlike_hash_bytes(keys, size, seed), partitions);
    }
    return FLOWLIKE_OK;
}
