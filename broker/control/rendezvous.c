#include "broker/control/rendezvous.h"

#include <time.h>

void rendezvous_init(struct rendezvous *rendezvous) {
    CHECK(pthread_mutex_init(&rendezvous->lock, NULL) == 0);
    CHECK(pthread_cond_init(&rendezvous->changed, NULL) == 0);
}

void rendezvous_done(struct rendezvous *rendezvous) {
    CHECK(pthread_mutex_destroy(&rendezvous->lock) == 0);
    CHECK(pthread_cond_destroy(&rendezvous->changed) == 0);
}

void rendezvous_signal(struct rendezvous *rendezvous, enum error error) {
    CHECK(pthread_mutex_lock(&rendezvous->lock) == 0);
    rendezvous->done = true;
    rendezvous->error = error;
    CHECK(pthread_cond_broadcast(&rendezvous->changed) == 0);
    CHECK(pthread_mutex_unlock(&rendezvous->lock) == 0);
}

void rendezvous_interrupt(struct rendezvous *rendezvous) {
    CHECK(pthread_mutex_lock(&rendezvous->lock) == 0);
    rendezvous->interruptions++;
    CHECK(pthread_cond_broadcast(&rendezvous->changed) == 0);
    CHECK(pthread_mutex_unlock(&rendezvous->lock) == 0);
}

static bool is_interrupted(const struct rendezvous *rendezvous, int patience) {
    return patience > 0 && rendezvous->interruptions >= patience;
}

enum error rendezvous_wait(struct rendezvous *rendezvous, int64_t timeout_ms, int patience) {
    struct timespec until;
    enum error error;
    int waited = 0;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000 + 1;
    CHECK(pthread_mutex_lock(&rendezvous->lock) == 0);
    while (!rendezvous->done && !is_interrupted(rendezvous, patience) && waited == 0) {
        if (timeout_ms < 0)
            CHECK(pthread_cond_wait(&rendezvous->changed, &rendezvous->lock) == 0);
        else
            waited = pthread_cond_timedwait(&rendezvous->changed, &rendezvous->lock, &until);
    }
    error = is_interrupted(rendezvous, patience) ? ERR_CANCELLED : ERR_CONNECTION_FAILED;
    if (rendezvous->done)
        error = rendezvous->error;
    rendezvous->done = false;
    CHECK(pthread_mutex_unlock(&rendezvous->lock) == 0);
    return error;
}
