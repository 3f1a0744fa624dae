/* The vector loop of the logistic map, written once for every vector width.
 *
 * Included by logistic_map.c with LANES (doubles in a vector), IN_FLIGHT (vectors worked on at
 * a time: enough to hide the latency of a step, few enough for the registers), TARGET (the
 * attribute that allows the instructions) and NAME(x) (a suffix) defined; where the CPU has it
 * also FUSED(a, b, c), a * b + c rounded once, without which there is no wide loop.
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

/* One number in all lanes. */
INLINE NAME(reals) NAME(all)(double x)
{
    NAME(reals) same = {0};
    return same + x;
}

/* A residue of a * b + c. Narrow: a * b + c is exact. Wide: for |a| and |b| up to 1.25 P and |c|
 * up to P / 2, between -1.25 P and 1.25 P; the product is high + low, exactly, and
 * high - guess * P is small enough to be exact. */
INLINE NAME(reals) NAME(product)(NAME(reals) a, NAME(reals) b, double c, const struct plan *plan,
                                 const int wide)
{
#ifdef FUSED
    if (wide) {
        NAME(reals) high = a * b;
        NAME(reals) low = FUSED(a, b, -high);
        NAME(reals) guess = (high * plan->inverse + ROUNDER) - ROUNDER;
        return FUSED(-guess, NAME(all)(plan->modulus), high) + (low + c);
    }
#else
    (void)wide;
#endif
    return NAME(reduced)(a * b + c, plan);
}

/* The doubles of integers between -2^51 and 2^51. Words, because int64 sums may overflow. */
INLINE NAME(reals) NAME(real)(NAME(words) x)
{
    return (NAME(reals))(x + ROUNDER_BITS) - ROUNDER;
}

/* Residues of any int64: x + 2^63 as high * 2^26 + low, both parts small. */
INLINE NAME(reals) NAME(residue_of_any)(NAME(words) x, const struct plan *plan, const int wide)
{
    NAME(words) shifted = x ^ ((uint64_t)1 << 63);
    NAME(reals) high = NAME(real)(shifted >> 26);
    NAME(reals) low = NAME(real)(shifted & (((uint64_t)1 << 26) - 1));
    NAME(reals) weight = NAME(all)(plan->high_weight), rest = NAME(reduced)(high, plan);
    NAME(reals) weighted = NAME(product)(rest, weight, plan->high_shift, plan, wide);
    return NAME(reduced)(weighted + low, plan);
}

INLINE void NAME(block)(const int64_t *in, int64_t *out, const struct plan *plan,
                        const enum form form, const int wide)
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
        NAME(reals) v = any ? NAME(residue_of_any)(x[i], plan, wide) : NAME(real)(x[i]);
        if (wide && !any)
            v = NAME(reduced)(v, plan);
        s[i] = NAME(product)(v, NAME(all)(plan->first_scale), plan->first_shift, plan, wide);
    }
    for (int64_t k = 0; k < plan->num; k++) {
        UNROLL
        for (int i = 0; i < IN_FLIGHT; i++) {
            if (form == SQUARE) {
                s[i] = NAME(product)(s[i], s[i], plan->step, plan, wide);
            } else if (form == ONCE) {
                NAME(reals) t = s[i] * plan->step;
                s[i] = NAME(reduced)(t * s[i] + t, plan);
            } else {
                NAME(reals) t = NAME(product)(s[i], NAME(all)(plan->step), 0, plan, wide);
                s[i] = NAME(product)(t, s[i] + 1, 0, plan, wide);
            }
        }
    }
    UNROLL
    for (int i = 0; i < IN_FLIGHT; i++) {
        NAME(reals) scale = NAME(all)(plan->last_scale), modulus = NAME(all)(plan->modulus);
        NAME(reals) r = NAME(product)(s[i], scale, plan->last_shift, plan, wide);
        if (wide)
            r = NAME(reduced)(r, plan);
        r += (NAME(reals))((NAME(words))modulus & (NAME(words))(r < 0));
        /* The sign of the result is put on with the conversion back. */
        *(NAME(loose) *)(out + i * LANES) =
            (NAME(words))(r * plan->sign + ROUNDER) - ROUNDER_BITS;
    }
}

INLINE void NAME(blocks)(const int64_t *in, int64_t *out, size_t n, const struct plan *plan,
                         const enum form form, const int wide)
{
    enum { SIZE = LANES * IN_FLIGHT };
    size_t i = 0;
    for (; n - i >= SIZE; i += SIZE)
        NAME(block)(in + i, out + i, plan, form, wide);
    if (i < n) {
        int64_t rest[SIZE] = {0};
        memcpy(rest, in + i, (n - i) * sizeof *in);
        NAME(block)(rest, rest, plan, form, wide);
        memcpy(out + i, rest, (n - i) * sizeof *out);
    }
}

static TARGET void NAME(run)(const int64_t *in, int64_t *out, size_t n, const struct plan *plan)
{
    if (plan->form == SQUARE)
        NAME(blocks)(in, out, n, plan, SQUARE, 0);
    else if (plan->form == ONCE)
        NAME(blocks)(in, out, n, plan, ONCE, 0);
    else
        NAME(blocks)(in, out, n, plan, TWICE, 0);
}

#ifdef FUSED
static TARGET void NAME(run_wide)(const int64_t *in, int64_t *out, size_t n,
                                  const struct plan *plan)
{
    if (plan->form == SQUARE)
        NAME(blocks)(in, out, n, plan, SQUARE, 1);
    else
        NAME(blocks)(in, out, n, plan, TWICE, 1);
}
#endif

#undef INLINE
#undef LANES
#undef IN_FLIGHT
#undef TARGET
#undef FUSED
#undef NAME
