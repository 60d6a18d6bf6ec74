/*
 * Deadlines of waiting requests: add and cancel cost a few pointer writes, whatever their number.
 *
 * Ticks of 10 ms on 512 slots; what is due later than one turn of the wheel stays in its slot
 * for as many turns as it takes. A bitmap of the slots in use tells how long to sleep. Nothing
 * expires early.
 *
 * Pure: the caller gives the time, in milliseconds of a clock that does not go back.
 * Threads: one at a time. Ownership: entries are embedded in what they are about.
 */
#ifndef BROKER_SERVER_TIMER_WHEEL_H
#define BROKER_SERVER_TIMER_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#define TIMER_WHEEL_TICK_MS    10
#define TIMER_WHEEL_SLOT_COUNT 512

struct timer_wheel_entry {
    LIST_ENTRY(timer_wheel_entry) link;
    int64_t due_tick; /* 0: not in a wheel */
};

LIST_HEAD(timer_wheel_list, timer_wheel_entry);

struct timer_wheel {
    struct timer_wheel_list slots[TIMER_WHEEL_SLOT_COUNT];
    uint64_t in_use[TIMER_WHEEL_SLOT_COUNT / 64];
    struct timer_wheel_list due; /* expired and not yet popped */
    int64_t tick;                /* slots up to this one have been emptied into `due` */
};

void timer_wheel_init(struct timer_wheel *wheel, int64_t now_ms);

/* Moves the entry if it is in the wheel already. */
void timer_wheel_add(struct timer_wheel *wheel, struct timer_wheel_entry *entry, int64_t now_ms,
                     int64_t delay_ms);

/* Accepts an entry that is in no wheel, if it was zeroed once. */
void timer_wheel_cancel(struct timer_wheel *wheel, struct timer_wheel_entry *entry);

/* Takes out one entry that is due, or NULL. */
struct timer_wheel_entry *timer_wheel_pop(struct timer_wheel *wheel, int64_t now_ms);

/* After how long pop is worth a call; -1 if the wheel is empty. */
int64_t timer_wheel_wait_ms(const struct timer_wheel *wheel, int64_t now_ms);

#endif
