/* Every loop of the engine, compiled for each instruction set of this machine's family. */
#include "kernels.h"

#include "elementary.h"
#include "matmul_compiler.h"
#include "noise.h"
#include "simd.h"
#include "special.h"

/* Klambauer et al. 2017, as in ae_core/formulas/activations.py */
#define SELU_ALPHA 1.6732632423543772
#define SELU_SCALE 1.0507009873554805

#define CHUNK 512 /* elements that go from sums to deltas at a time: they stay in the first cache */
#define NOISE_BLOCKS 32 /* of the generator, worked at side by side */
#define PARTIAL_SUMS 64 /* of a long sum: no addition waits for the one before */

/* One instruction each, and named alike for both types. */
#define ae_abs_f32 fabsf
#define ae_abs_f64 fabs
#define ae_sqrt_f32 sqrtf
#define ae_sqrt_f64 sqrt

/* What is worth its own product was measured against OpenBLAS. The baseline knows nothing wider
 * than 16 bytes, where BLAS chooses for itself. */
#define LEVEL(name, type) name##_baseline_##type
#define VECTOR_BYTES 16
#define LEVEL_NAME "baseline"
#define LARGEST_PRODUCT 4096
#include "kernels_types.h"

#if SIMD_X86
SIMD_BEGIN_AVX2
#define LEVEL(name, type) name##_avx2_##type
#define VECTOR_BYTES 32
#define LEVEL_NAME "avx2"
#define LARGEST_PRODUCT (1LL << 25)
#include "kernels_types.h"
SIMD_END

SIMD_BEGIN_AVX512
#define LEVEL(name, type) name##_avx512_##type
#define VECTOR_BYTES 64
#define LEVEL_NAME "avx512"
#define LARGEST_PRODUCT (1LL << 30)
#include "kernels_types.h"
SIMD_END
#endif

#define NAME(name, ...) #name,
const char *const ae_activation_names[] = {AE_ACTIVATIONS(NAME) NULL};
const char *const ae_loss_names[] = {AE_LOSSES(NAME) NULL};
const char *const ae_solver_names[] = {AE_SOLVERS(NAME) NULL};
const char *const ae_corruption_names[] = {AE_CORRUPTIONS(NAME) NULL};
#undef NAME

const ae_kernels *ae_kernels_of(int level, int is_double)
{
    static const ae_kernels *const tables[3][2] = {
        {&table_baseline_f32, &table_baseline_f64},
#if SIMD_X86
        {&table_avx2_f32, &table_avx2_f64},
        {&table_avx512_f32, &table_avx512_f64},
#endif
    };
    if (level < 0 || level > simd_level())
        return NULL;
    return tables[level][is_double != 0];
}

const ae_kernels *ae_best_kernels(int is_double)
{
    return ae_kernels_of(simd_level(), is_double);
}
