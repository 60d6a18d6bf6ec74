/*
 * A mutex that clang's thread-safety analysis understands, and the annotations with which a
 * function says which lock or thread it needs. gcc sees plain pthreads.
 */
#ifndef CLIENT_BASE_SYNC_H
#define CLIENT_BASE_SYNC_H

#include <pthread.h>

#include "client/base/check.h"

#ifdef __clang__
#define THREAD_ANNOTATION(x) __attribute__((x))
#else
#define THREAD_ANNOTATION(x)
#endif

#define CAPABILITY(name)     THREAD_ANNOTATION(capability(name))
#define REQUIRES(...)        THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRES(...)        THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASES(...)        THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define EXCLUDES(...)        THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NO_THREAD_ANALYSIS   THREAD_ANNOTATION(no_thread_safety_analysis)

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

#endif
