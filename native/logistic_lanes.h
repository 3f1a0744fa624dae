/* The vector loop of the logistic map, written once for every vector width.
 *
 * Included by logistic_map.c with LANES (doubles in a vector), IN_FLIGHT (vectors worked on at
 * a time: enough to hide the latency of a step, few enough for the registers), TARGET (the
 * attribute that allows the instructions) and NAME(x) (a suffix) defined.
 *
 * Every number below is an integer held in a double. Sums and products of integers below 2^53
 * are exact; the quotient guess alone is rounded, and being off by one merely leaves a residue
 * that is not the smallest. So it does not matter whether a * b + c is fused or not.
 */
typedef double NAME(reals) __attribute__((vector_size(8 * LANES)));
typedef uint64_t NAME(words) __attribute__((vector_size(8 * LANES)));
typedef uint64_t NAME(loose) __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

#define INLINE static inline TARGET __attribute__((always_inline))

/* A residue of t, between -(P / 2 + 1) and P / 2 + 1, for |t| <= 2^52. */
INLINE NAME(reals) NAME(reduced)(NAME(reals) t, const struct plan *plan)
{
    NAME(reals) guess = (t * plan->inverse + ROUNDER) - ROUNDER;
    return t - guess * plan->modulus;
}

/* The doubles of integers between -2^51 and 2^51. Words, because int64 sums may overflow. */
INLINE NAME(reals) NAME(real)(NAME(words) x)
{
    return (NAME(reals))(x + ROUNDER_BITS) - ROUNDER;
}

/* Residues of any int64: x + 2^63 as high * 2^26 + low, both parts small. */
INLINE NAME(reals) NAME(residue_of_any)(NAME(words) x, const struct plan *plan)
{
    NAME(words) shifted = x ^ ((uint64_t)1 << 63);
    NAME(reals) high = NAME(real)(shifted >> 26);
    NAME(reals) low = NAME(real)(shifted & (((uint64_t)1 << 26) - 1));
    NAME(reals) weighted = NAME(reduced)(high, plan) * plan->wide_weight + plan->wide_shift;
    return NAME(reduced)(weighted + low, plan);
}

INLINE void NAME(block)(const int64_t *in, int64_t *out, const struct plan *plan,
                        const enum form form)
{
    NAME(words) x[IN_FLIGHT];
    NAME(reals) s[IN_FLIGHT];
    NAME(words) beyond = {0};
    UNROLL
    for (int i = 0; i < IN_FLIGHT; i++) {
        x[i] = *(const NAME(loose) *)(in + i * LANES);
        beyond |= (x[i] + plan->reach) & plan->beyond;
    }
    uint64_t any = 0;
    for (int lane = 0; lane < LANES; lane++)
        any |= beyond[lane];
    UNROLL
    for (int i = 0; i < IN_FLIGHT; i++) {
        NAME(reals) v = any ? NAME(residue_of_any)(x[i], plan) : NAME(real)(x[i]);
        s[i] = NAME(reduced)(v * plan->first_scale + plan->first_shift, plan);
    }
    for (int64_t k = 0; k < plan->num; k++) {
        UNROLL
        for (int i = 0; i < IN_FLIGHT; i++) {
            NAME(reals) t;
            if (form == SQUARE) {
                t = s[i] * s[i] + plan->step;
            } else {
                t = s[i] * plan->step;
                if (form == TWICE)
                    t = NAME(reduced)(t, plan);
                t = t * s[i] + t;
            }
            s[i] = NAME(reduced)(t, plan);
        }
    }
    UNROLL
    for (int i = 0; i < IN_FLIGHT; i++) {
        NAME(reals) r = NAME(reduced)(s[i] * plan->last_scale + plan->last_shift, plan);
        NAME(reals) modulus = {0};
        modulus += plan->modulus;
        r += (NAME(reals))((NAME(words))modulus & (NAME(words))(r < 0));
        /* The sign of the result is put on with the conversion back. */
        *(NAME(loose) *)(out + i * LANES) =
            (NAME(words))(r * plan->sign + ROUNDER) - ROUNDER_BITS;
    }
}

INLINE void NAME(blocks)(const int64_t *in, int64_t *out, size_t n, const struct plan *plan,
                         const enum form form)
{
    enum { SIZE = LANES * IN_FLIGHT };
    size_t i = 0;
    for (; n - i >= SIZE; i += SIZE)
        NAME(block)(in + i, out + i, plan, form);
    if (i < n) {
        int64_t rest[SIZE] = {0};
        memcpy(rest, in + i, (n - i) * sizeof *in);
        NAME(block)(rest, rest, plan, form);
        memcpy(out + i, rest, (n - i) * sizeof *out);
    }
}

static TARGET void NAME(run)(const int64_t *in, int64_t *out, size_t n, const struct plan *plan)
{
    if (plan->form == SQUARE)
        NAME(blocks)(in, out, n, plan, SQUARE);
    else if (plan->form == ONCE)
        NAME(blocks)(in, out, n, plan, ONCE);
    else
        NAME(blocks)(in, out, n, plan, TWICE);
}

#undef INLINE
#undef LANES
#undef IN_FLIGHT
#undef TARGET
#undef NAME
