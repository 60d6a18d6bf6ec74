/*
 * A mutex that clang's thread-safety analysis understands, the annotations with which a function
 * says which lock or thread it needs, and a condition to wait for under a mutex. gcc sees plain
 * pthreads.
 */
#ifndef CLIENT_BASE_SYNC_H
#define CLIENT_BASE_SYNC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "client/base/check.h"

#ifdef __clang__
#define THREAD_ANNOTATION(x) __attribute__((x))
#else
#define THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(name)   THREAD_ANNOTATION(capability(name))
#define REQUIRES(...)      THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRES(...)      THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASES(...)      THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define EXCLUDES(...)      THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NO_THREAD_ANALYSIS THREAD_ANNOTATION(no_thread_safety_analysis)

struct CAPABILITY("mutex") mutex {
    pthread_mutex_t raw;
};

static inline void mutex_init(struct mutex *mutex) {
    CHECK(pthread_mutex_init(&mutex->raw, NULL) == 0);
}

static inline void mutex_done(struct mutex *mutex) {
    CHECK(pthread_mutex_destroy(&mutex->raw) == 0);
}

static inline void mutex_lock(struct mutex *mutex) ACQUIRES(*mutex) NO_THREAD_ANALYSIS {
    CHECK(pthread_mutex_lock(&mutex->raw) == 0);
}

static inline void mutex_unlock(struct mutex *mutex) RELEASES(*mutex) NO_THREAD_ANALYSIS {
    CHECK(pthread_mutex_unlock(&mutex->raw) == 0);
}

/* Waits for what a mutex guards to change; deadlines are of the monotonic clock. */
struct condition {
    pthread_cond_t raw;
};

static inline void condition_init(struct condition *condition) {
    pthread_condattr_t attributes;

    CHECK(pthread_condattr_init(&attributes) == 0);
    CHECK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_cond_init(&condition->raw, &attributes) == 0);
    CHECK(pthread_condattr_destroy(&attributes) == 0);
}

static inline void condition_done(struct condition *condition) {
    CHECK(pthread_cond_destroy(&condition->raw) == 0);
}

static inline void condition_broadcast(struct condition *condition) {
    CHECK(pthread_cond_broadcast(&condition->raw) == 0);
}

/* Gives up the mutex while it waits; may wake without a cause. False once `deadline_ms` is past;
 * INT64_MAX waits for ever. */
static inline bool condition_wait(struct condition *condition, struct mutex *mutex,
                                  int64_t deadline_ms) REQUIRES(*mutex) {
    struct timespec until = {(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000 * 1000000)};

    if (deadline_ms == INT64_MAX)
        return pthread_cond_wait(&condition->raw, &mutex->raw) == 0;
    return pthread_cond_timedwait(&condition->raw, &mutex->raw, &until) == 0;
}

#endif
