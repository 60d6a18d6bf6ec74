/*
 * Ranges of a log that lie on the disk and not in memory: sending one would hold up everybody else
 * of the sender's thread until it has been read. So a plan is made for each large range before it
 * is sent, with a few system calls that do not wait; what it asks for runs on a pool.
 *
 * Who reads a log one range behind the other is read ahead of: the disk reads the next ranges while
 * this one is sent. How far is bounded by the caller, per reader. Who jumps about is not (the byte
 * where he begins is cold: nobody has read the range before it), nor is who reads at the end of a
 * log (what was just written is in memory, and nothing follows).
 */
#ifndef BROKER_LOG_COLD_READ_H
#define BROKER_LOG_COLD_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "client/base/executor.h"
#include "client/wire/writer.h"

struct cold_read_plan {
    bool is_cold; /* to be read before it is sent */
    size_t ahead; /* bytes behind its end that are to be asked for; 0: none */
};

/* What is not in the page cache: the first byte of a range, others of it, and what a sequential
 * reader will want soon. `ahead_max`: bytes that may be asked for ahead of him. Pure. */
struct cold_read_plan cold_read_decide(bool first_is_cold, bool rest_is_cold, bool next_is_cold,
                                       size_t ahead_max);

/* Looks at a range (an empty one needs nothing). Any thread; does not wait. A descriptor whose
 * file system cannot tell counts as in memory. */
struct cold_read_plan cold_read_plan(const struct file_range *range, size_t ahead_max);

/* Does what the plan says; waits for the disk until the range itself is in memory. For a pool. */
void cold_read_run(const struct file_range *range, const struct cold_read_plan *plan);

/* Has `pool` ask for what lies ahead, for a range that can be sent at once. Only a hint: without
 * memory nothing happens. */
void cold_read_ahead_later(struct executor *pool, const struct file_range *range, size_t ahead);

#endif
