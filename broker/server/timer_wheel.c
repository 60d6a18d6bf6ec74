#include "broker/server/timer_wheel.h"

#include <string.h>

#define SLOT_OF(tick) ((size_t)((uint64_t)(tick) % TIMER_WHEEL_SLOT_COUNT))

void timer_wheel_init(struct timer_wheel *wheel, int64_t now_ms) {
    memset(wheel, 0, sizeof(*wheel));
    wheel->tick = now_ms / TIMER_WHEEL_TICK_MS;
}

void timer_wheel_add(struct timer_wheel *wheel, struct timer_wheel_entry *entry, int64_t now_ms,
                     int64_t delay_ms) {
    int64_t tick = 0;
    size_t slot;

    timer_wheel_cancel(wheel, entry);
    if (delay_ms < 0)
        delay_ms = 0;
    if (delay_ms > INT64_MAX / 2)
        delay_ms = INT64_MAX / 2;
    tick = (now_ms + delay_ms + TIMER_WHEEL_TICK_MS - 1) / TIMER_WHEEL_TICK_MS;
    if (tick <= wheel->tick)
        tick = wheel->tick + 1;
    entry->due_tick = tick;
    slot = SLOT_OF(tick);
    LIST_INSERT_HEAD(&wheel->slots[slot], entry, link);
    wheel->in_use[slot / 64] |= (uint64_t)1 << slot % 64;
}

static void clear_if_empty(struct timer_wheel *wheel, size_t slot) {
    if (LIST_EMPTY(&wheel->slots[slot]))
        wheel->in_use[slot / 64] &= ~((uint64_t)1 << slot % 64);
}

void timer_wheel_cancel(struct timer_wheel *wheel, struct timer_wheel_entry *entry) {
    if (entry->due_tick == 0)
        return;
    LIST_REMOVE(entry, link);
    clear_if_empty(wheel, SLOT_OF(entry->due_tick));
    entry->due_tick = 0;
}

/* The number of slots from `tick` + 1 on until the first in use, counting from 1; 0 if none. */
static int64_t distance_to_next(const struct timer_wheel *wheel, int64_t tick) {
    size_t first = SLOT_OF(tick + 1);

    for (size_t passed = 0; passed < TIMER_WHEEL_SLOT_COUNT;) {
        size_t slot = (first + passed) % TIMER_WHEEL_SLOT_COUNT;
        uint64_t word = wheel->in_use[slot / 64] >> slot % 64;

        if (word != 0) {
            passed += (size_t)__builtin_ctzll(word);
            return passed < TIMER_WHEEL_SLOT_COUNT ? (int64_t)passed + 1 : 0;
        }
        passed += 64 - slot % 64;
    }
    return 0;
}

static void advance(struct timer_wheel *wheel, int64_t now_tick) {
    /* One turn visits every slot, so no more than that is needed after a long sleep. */
    if (now_tick - wheel->tick > TIMER_WHEEL_SLOT_COUNT)
        wheel->tick = now_tick - TIMER_WHEEL_SLOT_COUNT;
    while (wheel->tick < now_tick) {
        int64_t distance = distance_to_next(wheel, wheel->tick);
        struct timer_wheel_entry *entry;
        size_t slot;

        if (distance == 0 || wheel->tick + distance > now_tick) {
            wheel->tick = now_tick;
            return;
        }
        wheel->tick += distance;
        slot = SLOT_OF(wheel->tick);
        entry = LIST_FIRST(&wheel->slots[slot]);
        while (entry != NULL) {
            struct timer_wheel_entry *next = LIST_NEXT(entry, link);
            if (entry->due_tick <= now_tick) {
                LIST_REMOVE(entry, link);
                LIST_INSERT_HEAD(&wheel->due, entry, link);
            }
            entry = next;
        }
        clear_if_empty(wheel, slot);
    }
}

struct timer_wheel_entry *timer_wheel_pop(struct timer_wheel *wheel, int64_t now_ms) {
    struct timer_wheel_entry *entry;

    advance(wheel, now_ms / TIMER_WHEEL_TICK_MS);
    entry = LIST_FIRST(&wheel->due);
    if (entry == NULL)
        return NULL;
    LIST_REMOVE(entry, link);
    entry->due_tick = 0;
    return entry;
}

int64_t timer_wheel_wait_ms(const struct timer_wheel *wheel, int64_t now_ms) {
    int64_t distance;
    int64_t wait_ms;

    if (!LIST_EMPTY(&wheel->due))
        return 0;
    distance = distance_to_next(wheel, wheel->tick);
    if (distance == 0)
        return -1;
    wait_ms = (wheel->tick + distance) * TIMER_WHEEL_TICK_MS - now_ms;
    return wait_ms > 0 ? wait_ms : 0;
}
