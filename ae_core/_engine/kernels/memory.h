/* Hints about memory: large pages for large buffers, and what will be read next. */
#ifndef AE_CORE_MEMORY_H
#define AE_CORE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

/* A hint for the whole pages within `bytes` at `address`; what the system makes of it is its own. */
static inline void ae_prefer_large_pages(char *address, size_t bytes)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    const uintptr_t page = 4096, least = (uintptr_t)4 << 20;
    uintptr_t first = ((uintptr_t)address + page - 1) / page * page;
    uintptr_t last = ((uintptr_t)address + bytes) / page * page;
    if (bytes >= least)
        (void)madvise((void *)first, last - first, MADV_HUGEPAGE);
#else
    (void)address;
    (void)bytes;
#endif
}

/* Starts to fetch a row that is read soon, from memory that nothing has touched for long. */
static inline void ae_prefetch(const char *address, ptrdiff_t bytes)
{
#if defined(__GNUC__)
    for (ptrdiff_t byte = 0; byte < bytes; byte += 64)
        __builtin_prefetch(address + byte);
#else
    (void)address;
    (void)bytes;
#endif
}

#endif
