/* One text, several instruction sets, in one C file.
 *
 *     #define LEVEL(name) name##_avx512
 *     SIMD_BEGIN_AVX512
 *     #include "loops.h"          // plain loops: void LEVEL(scale)(...) {...}
 *     SIMD_END
 *
 * Everything between BEGIN and END is compiled for that instruction set. Include
 * system headers before: what they define inline must stay baseline code.
 * Helpers shared by all levels must be ALWAYS_INLINE, so that they take the
 * instruction set of the loop that calls them.
 *
 * Not target_clones: with gcc 12 it failed to vectorise or to choose on AMD.
 */
#ifndef AE_CORE_SIMD_H
#define AE_CORE_SIMD_H

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) /* clang too */
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NEVER_INLINE __attribute__((noinline))
#elif defined(_MSC_VER)
#define ALWAYS_INLINE __forceinline
#define NEVER_INLINE __declspec(noinline)
#else
#define ALWAYS_INLINE inline
#define NEVER_INLINE
#endif

#if defined(__x86_64__) && defined(__GNUC__)
#define SIMD_X86 1
#else
#define SIMD_X86 0 /* aarch64 has NEON in its baseline; MSVC has no such pragmas */
#endif

#define SIMD_PRAGMA(text) _Pragma(#text)

#if SIMD_X86 && defined(__clang__)
#define SIMD_BEGIN_AVX512 \
    SIMD_PRAGMA(clang attribute push(__attribute__((target( \
                                         "avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), \
                                     apply_to = function))
#define SIMD_BEGIN_AVX2 \
    SIMD_PRAGMA(clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function))
#define SIMD_END SIMD_PRAGMA(clang attribute pop)
#elif SIMD_X86
#define SIMD_BEGIN_AVX512 \
    SIMD_PRAGMA(GCC push_options) \
    SIMD_PRAGMA(GCC target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma,prefer-vector-width=512"))
#define SIMD_BEGIN_AVX2 SIMD_PRAGMA(GCC push_options) SIMD_PRAGMA(GCC target("avx2,fma"))
#define SIMD_END SIMD_PRAGMA(GCC pop_options)
#endif

enum {
    SIMD_BASELINE,
    SIMD_AVX2,
    SIMD_AVX512
};

/* The best level of this CPU, or the lower one that AE_CORE_SIMD asks for
 * (baseline, avx2 or avx512; any other value is as if unset). */
static inline int simd_level(void)
{
    int level = SIMD_BASELINE;
#if SIMD_X86
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        level = SIMD_AVX2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
            level = SIMD_AVX512;
    }
#endif
    const char *wish = getenv("AE_CORE_SIMD");
    if (wish && strcmp(wish, "baseline") == 0)
        level = SIMD_BASELINE;
    else if (wish && strcmp(wish, "avx2") == 0 && level > SIMD_AVX2)
        level = SIMD_AVX2;
    return level;
}

#endif
