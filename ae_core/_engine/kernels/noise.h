/* The generator of noise, one number at a time: the definition is ae_core/formulas/noise.py. */
#ifndef AE_CORE_NOISE_H
#define AE_CORE_NOISE_H

#include <stddef.h>
#include <stdint.h>

/* Streams: dropout of layer l has l. */
#define AE_CORRUPTION_STREAM 0
#define AE_SAMPLE_STREAM (1 << 20)

#define AE_COARSE 3 /* bits that the normal noise of corruption does without */

/* SplitMix64's hash: as ae_core/formulas/noise.py. */
static inline uint64_t ae_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

/* One number of the noise of a row of n columns: what `noise` in noise_body.h writes there. */
static inline uint32_t ae_noise_at(uint64_t key, uint64_t stream, uint64_t row, ptrdiff_t n,
                                   ptrdiff_t column)
{
    uint64_t hashed = ae_mix(key ^ ae_mix(row + (stream << 40)));
    ptrdiff_t n_blocks = (n + 3) / 4, quarter = column / n_blocks;
    uint32_t left = (uint32_t)(column - quarter * n_blocks), right = (uint32_t)(hashed >> 32);
    uint32_t round_key = (uint32_t)hashed;
    for (int round = 0; round < 7; round++, round_key += 0x9E3779B9u) {
        uint64_t product = (uint64_t)left * 0xD256D193u;
        left = (uint32_t)(product >> 32) ^ round_key ^ right;
        right = (uint32_t)product;
    }
    uint32_t half = quarter < 2 ? left : right;
    return quarter % 2 ? half >> 16 : half & 0xFFFF;
}

#endif
