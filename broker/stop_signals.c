#include "broker/stop_signals.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct stop_signals {
    sigset_t awaited;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int first;                        /* lock; 0: none has come */
    int count;                        /* lock */
    bool requested;                   /* lock; its signal has been sent */
    bool ended;                       /* lock */
    void (*on_signal)(void *context); /* lock; called under it, so that listening can end */
    void *context;                    /* lock */
};

/* Wakes the thread when it is to end: nobody else sends it. */
#define END_SIGNAL SIGUSR2

static bool take(struct stop_signals *signals, int number) {
    bool ended;

    CHECK(pthread_mutex_lock(&signals->lock) == 0);
    ended = signals->ended;
    if (!ended && number != END_SIGNAL) {
        if (signals->count++ == 0)
            signals->first = number;
        CHECK(pthread_cond_broadcast(&signals->changed) == 0);
        if (signals->on_signal != NULL)
            signals->on_signal(signals->context);
    }
    CHECK(pthread_mutex_unlock(&signals->lock) == 0);
    return !ended;
}

static void *run(void *context) {
    struct stop_signals *signals = context;
    int number = 0;

    do
        CHECK(sigwait(&signals->awaited, &number) == 0);
    while (take(signals, number));
    return NULL;
}

enum error stop_signals_new(struct stop_signals **created) {
    struct stop_signals *signals = calloc(1, sizeof(*signals));

    if (signals == NULL)
        return ERR_OUT_OF_MEMORY;
    CHECK(sigemptyset(&signals->awaited) == 0);
    CHECK(sigaddset(&signals->awaited, SIGTERM) == 0);
    CHECK(sigaddset(&signals->awaited, SIGINT) == 0);
    CHECK(sigaddset(&signals->awaited, END_SIGNAL) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &signals->awaited, NULL) == 0);
    CHECK(pthread_mutex_init(&signals->lock, NULL) == 0);
    CHECK(pthread_cond_init(&signals->changed, NULL) == 0);
    if (pthread_create(&signals->thread, NULL, run, signals) != 0) {
        free(signals);
        return ERR_OUT_OF_MEMORY;
    }
    *created = signals;
    return ERR_NONE;
}

void stop_signals_free(struct stop_signals *signals) {
    if (signals == NULL)
        return;
    CHECK(pthread_mutex_lock(&signals->lock) == 0);
    signals->ended = true;
    CHECK(pthread_mutex_unlock(&signals->lock) == 0);
    CHECK(pthread_kill(signals->thread, END_SIGNAL) == 0);
    CHECK(pthread_join(signals->thread, NULL) == 0);
    CHECK(pthread_cond_destroy(&signals->changed) == 0);
    CHECK(pthread_mutex_destroy(&signals->lock) == 0);
    free(signals);
}

void stop_signals_listen(struct stop_signals *signals, void (*on_signal)(void *context),
                         void *context) {
    CHECK(pthread_mutex_lock(&signals->lock) == 0);
    signals->on_signal = on_signal;
    signals->context = context;
    for (int i = 0; on_signal != NULL && i < signals->count; i++)
        on_signal(context);
    CHECK(pthread_mutex_unlock(&signals->lock) == 0);
}

void stop_signals_request(struct stop_signals *signals) {
    CHECK(pthread_mutex_lock(&signals->lock) == 0);
    if (!signals->requested && signals->first == 0 && !signals->ended) {
        signals->requested = true;
        CHECK(pthread_kill(signals->thread, SIGTERM) == 0);
    }
    CHECK(pthread_mutex_unlock(&signals->lock) == 0);
}

int stop_signals_wait(struct stop_signals *signals) {
    int first;

    CHECK(pthread_mutex_lock(&signals->lock) == 0);
    while (signals->first == 0)
        CHECK(pthread_cond_wait(&signals->changed, &signals->lock) == 0);
    first = signals->first;
    CHECK(pthread_mutex_unlock(&signals->lock) == 0);
    return first;
}
