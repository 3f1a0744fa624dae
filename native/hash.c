/* Stable hashes of keys, and the partitions they stand for.
 *
 * Keys that are equal in Python hash alike, so numbers start from Python's numeric hash, which
 * is the value modulo 2^61 - 1 whatever the type. The loops over arrays compute that hash
 * themselves; flowlike.native.hashing computes the same for one key at a time.
 */
#include "kernels.h"

#include <string.h>

#define MODULUS ((UINT64_C(1) << 61) - 1) /* of Python's numeric hash */
#define INFINITY_HASH UINT64_C(314159)
#define IMPLICIT_BIT (UINT64_C(1) << 52)  /* of a double's mantissa */

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

static inline uint64_t folded(uint64_t x)
{
    uint64_t r = (x & MODULUS) + (x >> 61);
    return r >= MODULUS ? r - MODULUS : r;
}

/* Python's hash of r, or of -r where flip has all bits set; r is already reduced. -1 is taken,
 * for errors. Without a branch, because signs are hard to predict. */
static inline uint64_t flipped_hash(uint64_t r, uint64_t flip)
{
    uint64_t hash = (r ^ flip) - flip;
    return hash == ~UINT64_C(0) ? hash - 1 : hash;
}

static inline uint64_t hash_of_int(int64_t x)
{
    /* Nearly always the number itself. */
    if ((uint64_t)x + (MODULUS - 1) < 2 * MODULUS - 1)
        return (uint64_t)x - (x == -1);
    uint64_t flip = (uint64_t)(x >> 63);
    return flipped_hash(folded(((uint64_t)x ^ flip) - flip), flip);
}

/* A double is mantissa * 2^(exponent - 1075), and modulo 2^61 - 1 a power of two is a rotation:
 * by (exponent - 1075) modulo 61, where 1098 = 18 * 61 keeps it positive, and 17190 / 2^20 is
 * 1 / 61 for all that an exponent can be. */
static inline uint64_t turn_of(unsigned exponent)
{
    uint64_t shifted = (uint64_t)exponent - 1075 + 1098;
    return shifted - ((shifted * 17190) >> 20) * 61;
}

static inline uint64_t turned(uint64_t mantissa, uint64_t turn)
{
    return ((mantissa << turn) | (mantissa >> (61 - turn))) & MODULUS;
}

static inline uint64_t hash_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint64_t flip = 0 - (bits >> 63);
    unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
    uint64_t mantissa = bits & (IMPLICIT_BIT - 1);
    if (exponent - 1 < 0x7fe)
        return flipped_hash(turned(mantissa | IMPLICIT_BIT, turn_of(exponent)), flip);
    if (exponent == 0)
        return flipped_hash(turned(mantissa, turn_of(1)), flip);
    return mantissa != 0 ? (uint64_t)FLOWLIKE_NAN_HASH : (INFINITY_HASH ^ flip) - flip;
}

/* The array loops for AVX-512, without a branch, so that the compiler makes vectors of them.
 * (AVX2 multiplies 64-bit numbers in three pieces: it would gain nothing.) */
#if defined(__x86_64__) && !defined(FLOWLIKE_NO_LANES)
#define LANES __attribute__((target("avx512f,avx512dq,avx512vl")))

/* `partition_of` in products that vectors have. */
static inline uint32_t partition_by_halves(uint64_t hash, uint32_t partitions)
{
    uint64_t low = (hash & 0xffffffff) * partitions, high = (hash >> 32) * partitions;
    return (uint32_t)((high + (low >> 32)) >> 32);
}

/* Numbers whose hash they are themselves, as nearly all are: from 0 to below 2^60 in blocks of 1024.
 * Says where the first other one may be. */
LANES static size_t ids_of_small_i64_in_lanes(const int64_t *restrict keys, uint32_t *restrict ids,
                                              size_t n, uint32_t partitions)
{
    enum { BLOCK = 1024 };
    /* Of a power of two the product's high half is the highest bits. */
    int even = partitions > 1 && (partitions & (partitions - 1)) == 0;
    int shift = even ? 64 - __builtin_ctz(partitions) : 0;
    size_t start = 0;
    for (; n - start >= BLOCK; start += BLOCK) {
        const int64_t *from = keys + start;
        uint64_t bits = 0;
        for (size_t i = 0; i < BLOCK; i++)
            bits |= (uint64_t)from[i];
        if (bits >> 60)
            break;
        if (even)
            for (size_t i = 0; i < BLOCK; i++)
                ids[start + i] = (uint32_t)(mixed((uint64_t)from[i]) >> shift);
        else
            for (size_t i = 0; i < BLOCK; i++)
                ids[start + i] = partition_by_halves(mixed((uint64_t)from[i]), partitions);
    }
    return start;
}

LANES static void ids_of_i64_in_lanes(const int64_t *restrict keys, uint32_t *restrict ids, size_t n,
                                    uint32_t partitions)
{
    size_t done = ids_of_small_i64_in_lanes(keys, ids, n, partitions);
    for (size_t i = done; i < n; i++) {
        uint64_t flip = (uint64_t)(keys[i] >> 63);
        uint64_t size = ((uint64_t)keys[i] ^ flip) - flip;
        ids[i] = partition_by_halves(mixed(flipped_hash(folded(size), flip)), partitions);
    }
}

LANES static void ids_of_u64_in_lanes(const uint64_t *restrict keys, uint32_t *restrict ids,
                                    size_t n, uint32_t partitions)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_by_halves(mixed(folded(keys[i])), partitions);
}

LANES static void ids_of_f64_in_lanes(const double *restrict keys, uint32_t *restrict ids, size_t n,
                                    uint32_t partitions)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, keys + i, sizeof bits);
        uint64_t flip = 0 - (bits >> 63);
        uint64_t exponent = (bits >> 52) & 0x7ff;
        uint64_t mantissa = bits & (IMPLICIT_BIT - 1);
        uint64_t endless = ((INFINITY_HASH ^ flip) - flip);
        uint64_t special = mantissa != 0 ? (uint64_t)FLOWLIKE_NAN_HASH : endless;
        uint64_t normal = exponent != 0;
        uint64_t turn = turn_of((unsigned)(exponent + 1 - normal));
        uint64_t hash = flipped_hash(turned(mantissa + normal * IMPLICIT_BIT, turn), flip);
        hash = exponent == 0x7ff ? special : hash;
        ids[i] = partition_by_halves(mixed(hash), partitions);
    }
}
#endif

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
#ifdef LANES
    if (flowlike_has_avx512()) {
        ids_of_i64_in_lanes(keys, ids, n, partitions);
        return FLOWLIKE_OK;
    }
#endif
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_of(mixed(hash_of_int(keys[i])), partitions);
    return FLOWLIKE_OK;
}

int flowlike_partition_ids_u64(const uint64_t *keys, uint32_t *ids, size_t n, uint32_t partitions)
{
#ifdef LANES
    if (flowlike_has_avx512()) {
        ids_of_u64_in_lanes(keys, ids, n, partitions);
        return FLOWLIKE_OK;
    }
#endif
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_of(mixed(folded(keys[i])), partitions);
    return FLOWLIKE_OK;
}

int flowlike_partition_ids_f64(const double *keys, uint32_t *ids, size_t n, uint32_t partitions)
{
#ifdef LANES
    if (flowlike_has_avx512()) {
        ids_of_f64_in_lanes(keys, ids, n, partitions);
        return FLOWLIKE_OK;
    }
#endif
    for (size_t i = 0; i < n; i++)
        ids[i] = partition_of(mixed(hash_of_double(keys[i])), partitions);
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
