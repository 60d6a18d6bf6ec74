#include "broker/control/rendezvous.h"

#include "client/base/clock.h"

void rendezvous_init(struct rendezvous *rendezvous) {
    mutex_init(&rendezvous->lock);
    condition_init(&rendezvous->changed);
}

void rendezvous_done(struct rendezvous *rendezvous) {
    mutex_done(&rendezvous->lock);
    condition_done(&rendezvous->changed);
}

void rendezvous_signal(struct rendezvous *rendezvous, enum error error) {
    mutex_lock(&rendezvous->lock);
    rendezvous->done = true;
    rendezvous->error = error;
    condition_broadcast(&rendezvous->changed);
    mutex_unlock(&rendezvous->lock);
}

void rendezvous_interrupt(struct rendezvous *rendezvous) {
    mutex_lock(&rendezvous->lock);
    rendezvous->interruptions++;
    condition_broadcast(&rendezvous->changed);
    mutex_unlock(&rendezvous->lock);
}

static bool is_interrupted(const struct rendezvous *rendezvous, int patience) {
    return patience > 0 && rendezvous->interruptions >= patience;
}

enum error rendezvous_wait(struct rendezvous *rendezvous, int64_t timeout_ms, int patience) {
    int64_t deadline_ms =
        timeout_ms < 0 ? INT64_MAX : clock_monotonic_ms(clock_system()) + timeout_ms;
    bool is_late = false;
    enum error error;

    mutex_lock(&rendezvous->lock);
    while (!rendezvous->done && !is_interrupted(rendezvous, patience) && !is_late)
        is_late = !condition_wait(&rendezvous->changed, &rendezvous->lock, deadline_ms);
    error = is_interrupted(rendezvous, patience) ? ERR_CANCELLED : ERR_CONNECTION_FAILED;
    if (rendezvous->done)
        error = rendezvous->error;
    rendezvous->done = false;
    mutex_unlock(&rendezvous->lock);
    return error;
}
