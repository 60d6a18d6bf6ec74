#include "broker/metrics/counting_thread.h"

_Thread_local size_t counting_thread_plus_one;

static atomic_size_t given_out;

size_t counting_thread_begin(void) {
    size_t thread = atomic_fetch_add(&given_out, 1);

    if (thread > COUNTING_CELL_SHARED)
        thread = COUNTING_CELL_SHARED;
    counting_thread_plus_one = thread + 1;
    return thread;
}
