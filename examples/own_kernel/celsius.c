/* A kernel of one's own: raw readings of a sensor to degrees Celsius.
 *
 * The shape that Kernel.from_cffi takes: input, output, how many, then the parameters. It
 * returns 0, or a status of its own choice that says what is wrong.
 */
#include <stddef.h>
#include <stdint.h>

#define BROKEN 1  /* a reading that only a broken sensor gives */
#define NO_GAIN 2 /* a gain of 0 would make every reading the same */

int celsius(const int16_t *in, double *out, size_t n, double gain, double offset)
{
    if (gain == 0)
        return NO_GAIN;
    for (size_t i = 0; i < n; i++) {
        if (in[i] == INT16_MIN)
            return BROKEN;
        out[i] = in[i] * gain + offset;
    }
    return 0;
}
