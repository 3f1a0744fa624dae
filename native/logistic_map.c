/* The logistic map on int64, exact for every x, p and mu.
 *
 * x (x + 1) is never negative, so a result is 0 or has the sign of mu, and the sign of p does
 * not matter. So everything is computed on residues modulo P = |p|, with m = mu modulo P, and
 * the sign is put on at the end.
 *
 * For P <= 2^26 the residues live in doubles (logistic_lanes.h), in one of three forms:
 *   SQUARE  P odd and prime to m: s = m x + m/2 (modulo P, m even) turns a step into
 *           s -> s^2 + c with c = m/2 - (m/2)^2, one reduction for any m; x = (s - m/2) / m.
 *   ONCE    m small: m x (x + 1) itself stays below 2^52.
 *   TWICE   otherwise m x is reduced first.
 * Up to 2^48 a CPU with fused multiply-add does SQUARE and TWICE on products of two doubles.
 * Whatever else there is takes 64-bit, and beyond 2^32 128-bit, integer division.
 */
#include "kernels.h"

#include <float.h>
#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
#ifdef __aarch64__
#include <arm_neon.h>
#endif

#if !defined(FLT_EVAL_METHOD) || FLT_EVAL_METHOD != 0
#error "the logistic map needs doubles that are rounded to double"
#endif

#define UNROLL _Pragma("GCC unroll 16")

/* 1.5 * 2^52: adding it rounds a double below 2^51 to the nearest integer, which then stands in
 * the low bits. */
#define ROUNDER 6755399441055744.0
#define ROUNDER_BITS UINT64_C(0x4338000000000000)

#define NARROW (INT64_C(1) << 26)
#define WIDE (INT64_C(1) << 48)

enum form { SQUARE, ONCE, TWICE };

struct plan {
    enum form form;
    int64_t num;
    double modulus, inverse;        /* P and 1 / P */
    double first_scale, first_shift; /* x to s */
    double step;                    /* c for SQUARE, else m */
    double last_scale, last_shift;  /* s to |result| */
    double sign;                    /* of the results */
    double high_weight, high_shift; /* 2^26 and -2^63 modulo P */
    uint64_t reach, beyond;         /* |x| < reach needs no reduction; bits that say otherwise */
};

static uint64_t magnitude(int64_t x)
{
    return x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
}

/* x modulo P, from 0 to P - 1. */
static uint64_t residue(int64_t x, uint64_t P)
{
    uint64_t r = magnitude(x) % P;
    return x < 0 && r != 0 ? P - r : r;
}

/* x modulo P around 0, for P <= 2^48. */
static int64_t centred(int64_t x, int64_t P)
{
    int64_t r = (int64_t)residue(x, (uint64_t)P);
    return r > P / 2 ? r - P : r;
}

static int64_t product(int64_t a, int64_t b, int64_t P)
{
    return centred((int64_t)((__int128)a * b % P), P);
}

/* The inverse of m modulo P, or 0 where there is none (Euclid's algorithm). */
static int64_t inverse_of(int64_t m, int64_t P)
{
    int64_t a = P, b = (int64_t)residue(m, (uint64_t)P), before = 0, now = 1;
    while (b != 0) {
        int64_t quotient = a / b, next = a - quotient * b, after = before - quotient * now;
        a = b, b = next;
        before = now, now = after;
    }
    return a == 1 ? centred(before, P) : 0;
}

static struct plan planned(int64_t P, int64_t mu, int64_t num)
{
    int64_t m = centred(mu, P), inverse = inverse_of(m, P), sign = mu < 0 ? -1 : 1;
    double half = (double)P / 2 + 3;
    struct plan plan = {
        .form = ONCE,
        .num = num,
        .modulus = (double)P,
        .inverse = 1.0 / (double)P,
        .first_scale = 1,
        .step = (double)m,
        .last_scale = (double)sign,
        .sign = (double)sign,
        .high_weight = (double)centred(INT64_C(1) << 26, P),
        .high_shift = (double)centred(INT64_MIN, P),
        .reach = UINT64_C(1) << 50,
    };
    if (P % 2 == 1 && inverse != 0) {
        int64_t even = m % 2 == 0 ? m : m > 0 ? m - P : m + P, shift = even / 2;
        int64_t back = centred(inverse * sign, P);
        plan.form = SQUARE;
        plan.first_scale = (double)even;
        plan.first_shift = (double)shift;
        plan.step = (double)centred(shift - product(shift, shift, P), P);
        plan.last_scale = (double)back;
        plan.last_shift = (double)-product(shift, back, P);
        /* x * first_scale + first_shift has to stay below 2^51. */
        while (P <= NARROW && (double)plan.reach * (double)magnitude(even) > 1125899906842624.0)
            plan.reach /= 2;
    } else if (P > NARROW || (double)magnitude(m) * half * half > 2251799813685248.0) {
        plan.form = TWICE;
    }
    plan.beyond = ~(2 * plan.reach - 1);
    return plan;
}

#define LANES 2
#define IN_FLIGHT 6
#define TARGET
#ifdef __aarch64__
#define FUSED(a, b, c) \
    (reals_portable) vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b))
#endif
#define NAME(x) x##_portable
#include "logistic_lanes.h"

#ifdef __x86_64__
#define LANES 4
#define IN_FLIGHT 10
#define TARGET __attribute__((target("avx2,fma")))
#define FUSED(a, b, c) (reals_avx2) _mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define NAME(x) x##_avx2
#include "logistic_lanes.h"

#define LANES 8
#define IN_FLIGHT 12
#define TARGET __attribute__((target("avx512f,avx512dq,fma")))
#define FUSED(a, b, c) (reals_avx512) _mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#define NAME(x) x##_avx512
#include "logistic_lanes.h"
#endif

static void divided(const int64_t *in, int64_t *out, size_t n, int64_t num, uint64_t P, int64_t mu)
{
    uint64_t m = residue(mu, P);
    for (size_t i = 0; i < n; i++) {
        uint64_t r = residue(in[i], P);
        if (P <= UINT64_C(1) << 32) {
            for (int64_t k = 0; k < num; k++)
                r = r * (r + 1) % P * m % P;
        } else {
            for (int64_t k = 0; k < num; k++) {
                r = (uint64_t)((unsigned __int128)r * (r + 1) % P);
                r = (uint64_t)((unsigned __int128)r * m % P);
            }
        }
        out[i] = mu < 0 && r != 0 ? -(int64_t)(P - r) : (int64_t)r;
    }
}

typedef void vector_loop(const int64_t *, int64_t *, size_t, const struct plan *);

static int mapped(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p, int64_t mu,
                  vector_loop *narrow, vector_loop *wide)
{
    if (p == 0)
        return FLOWLIKE_ZERO_MODULUS;
    if (n == 0)
        return FLOWLIKE_OK;
    uint64_t P = magnitude(p);
    if (num <= 0) {
        memmove(out, in, n * sizeof *in);
    } else if (residue(mu, P) == 0) { /* P = 1 too */
        memset(out, 0, n * sizeof *out);
    } else if (P <= NARROW || (P <= WIDE && wide != NULL)) {
        struct plan plan = planned((int64_t)P, mu, num);
        (P <= NARROW ? narrow : wide)(in, out, n, &plan);
    } else {
        divided(in, out, n, num, P, mu);
    }
    return FLOWLIKE_OK;
}

int flowlike_logistic_map_portable(const int64_t *in, int64_t *out, size_t n, int64_t num,
                                   int64_t p, int64_t mu)
{
#ifdef __aarch64__
    return mapped(in, out, n, num, p, mu, run_portable, run_wide_portable);
#else
    return mapped(in, out, n, num, p, mu, run_portable, NULL);
#endif
}

#ifdef __x86_64__
int flowlike_has_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

int flowlike_has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl");
}

int flowlike_logistic_map_avx2(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                               int64_t mu)
{
    return mapped(in, out, n, num, p, mu, run_avx2, run_wide_avx2);
}

int flowlike_logistic_map_avx512(const int64_t *in, int64_t *out, size_t n, int64_t num,
                                 int64_t p, int64_t mu)
{
    return mapped(in, out, n, num, p, mu, run_avx512, run_wide_avx512);
}
#else
int flowlike_has_avx2(void)
{
    return 0;
}

int flowlike_has_avx512(void)
{
    return 0;
}

int flowlike_logistic_map_avx2(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                               int64_t mu)
{
    return flowlike_logistic_map_portable(in, out, n, num, p, mu);
}

int flowlike_logistic_map_avx512(const int64_t *in, int64_t *out, size_t n, int64_t num,
                                 int64_t p, int64_t mu)
{
    return flowlike_logistic_map_portable(in, out, n, num, p, mu);
}
#endif

int flowlike_logistic_map(const int64_t *in, int64_t *out, size_t n, int64_t num, int64_t p,
                          int64_t mu)
{
    if (flowlike_has_avx512())
        return flowlike_logistic_map_avx512(in, out, n, num, p, mu);
    if (flowlike_has_avx2())
        return flowlike_logistic_map_avx2(in, out, n, num, p, mu);
    return flowlike_logistic_map_portable(in, out, n, num, p, mu);
}
