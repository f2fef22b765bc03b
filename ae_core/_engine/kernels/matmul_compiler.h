/* What differs between compilers, for matmul_body.h.  With GNU vectors (gcc, clang) the products
   are blocked in registers; elsewhere, and under MATMUL_PLAIN (for tests), they are plain loops. */
#ifndef MATMUL_COMPILER_H
#define MATMUL_COMPILER_H

#include <stddef.h>
#include <string.h>

#if defined(__GNUC__) && !defined(MATMUL_PLAIN)
#  define MATMUL_VECTORS 1
#  define MATMUL_INLINE static inline __attribute__((always_inline))
#  define MATMUL_FUNCTION static __attribute__((noinline))
#  define MATMUL_ALIGNED __attribute__((aligned(64)))
#  define MATMUL_KEEP_SCALAR __asm__ volatile("")
#  define MATMUL_FETCH(at) __builtin_prefetch(at, 0, 2)             /* to the second cache */
#  define MATMUL_FETCH_TO_WRITE(at) __builtin_prefetch(at, 1, 3)
#  if defined(__x86_64__)
#    include <immintrin.h>
#  endif
#else
#  define MATMUL_VECTORS 0
#  define MATMUL_INLINE static __inline
#  define MATMUL_FUNCTION static
#  define MATMUL_ALIGNED
#  define MATMUL_KEEP_SCALAR
#  define MATMUL_FETCH(at)
#  define MATMUL_FETCH_TO_WRITE(at)
#endif
#if defined(__clang__)
#  define MATMUL_UNROLL _Pragma("unroll")
#  define MATMUL_SHUFFLE(index, x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
#  define MATMUL_UNROLL _Pragma("GCC unroll 16")
#  define MATMUL_SHUFFLE(index, x, y, ...) __builtin_shuffle(x, y, (index){__VA_ARGS__})
#endif
#define MATMUL_BYTES_float 4            /* sizeof, for the preprocessor */
#define MATMUL_BYTES_double 8
#define MATMUL_INDEX_float int          /* an integer of the same size */
#define MATMUL_INDEX_double long long
#define MATMUL_PASTE_(a, b) a##b
#define MATMUL_PASTE(a, b) MATMUL_PASTE_(a, b)

#endif
