/* What several threads on one job need of the machine: atomic counters, a barrier, a clock.
 *
 * The threads themselves are Python's, started once per call, with the GIL released; so this works
 * after fork and leaves nothing running.
 */
#ifndef AE_CORE_TEAM_H
#define AE_CORE_TEAM_H

#include <stddef.h>

#if defined(_MSC_VER)
#include <windows.h>
typedef volatile long long ae_counter;
#define ae_add(counter, n) InterlockedExchangeAdd64((counter), (n))
#define ae_get(counter) InterlockedCompareExchange64((counter), 0, 0)
#define ae_set(counter, value) ((void)InterlockedExchange64((counter), (value)))
#define ae_yield() SwitchToThread()
#define ae_pause() YieldProcessor()
static double ae_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}
#else
#include <sched.h>
#include <time.h>
typedef long long ae_counter;
#define ae_add(counter, n) __atomic_fetch_add((counter), (n), __ATOMIC_ACQ_REL)
#define ae_get(counter) __atomic_load_n((counter), __ATOMIC_ACQUIRE)
#define ae_set(counter, value) __atomic_store_n((counter), (value), __ATOMIC_RELEASE)
#define ae_yield() sched_yield()
#if defined(__x86_64__) || defined(__i386__)
#define ae_pause() __builtin_ia32_pause()
#else
#define ae_pause() ((void)0)
#endif
static inline double ae_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif

enum { AE_SPINS = 2000 }; /* some microseconds: then the processor is offered to others */

typedef struct {
    ae_counter arrived;
    ae_counter round;
    ae_counter agreed; /* whether to stop, as it stood when the last thread arrived */
} ae_barrier;

/* Takes the next of n pieces of work; whether there was one. With one thread the addition is a plain
 * one: an atomic addition takes as long as a product of the smallest networks. */
static inline int ae_take(ae_counter *counter, ptrdiff_t n, int n_threads, ptrdiff_t *piece)
{
    *piece = (ptrdiff_t)(n_threads > 1 ? ae_add(counter, 1) : (*counter)++);
    return *piece < n;
}

/* Waits for all, and returns what `stopped` was when the last arrived: the same for all of them,
 * though it may be set again at once. The last to arrive also sets the counter of the phase just
 * finished to zero, which nobody touches before the next barrier. */
static inline long long ae_wait(ae_barrier *barrier, int n_threads, ae_counter *finished,
                                ae_counter *stopped)
{
    if (n_threads == 1) {
        *finished = 0;
        return ae_get(stopped);
    }
    long long round = ae_get(&barrier->round);
    if (ae_add(&barrier->arrived, 1) == n_threads - 1) {
        ae_set(&barrier->arrived, 0);
        ae_set(finished, 0);
        long long agreed = ae_get(stopped);
        ae_set(&barrier->agreed, agreed);
        ae_add(&barrier->round, 1);
        return agreed;
    }
    for (int spins = 0; ae_get(&barrier->round) == round; spins++) {
        if (spins < AE_SPINS)
            ae_pause();
        else
            ae_yield();
    }
    return ae_get(&barrier->agreed);
}

#endif
