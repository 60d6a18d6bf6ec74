/*
 * How many descriptors the process may have. Segments and connections share them.
 *
 * Threads: descriptors_prepare before any is made; else any.
 */
#ifndef BROKER_LOG_DESCRIPTORS_H
#define BROKER_LOG_DESCRIPTORS_H

#include <stddef.h>

/* The kernel's table of descriptors is made this long at once, if so many are allowed. */
#define DESCRIPTORS_PREPARED ((size_t)16384)

/* Raises the soft limit to the hard one, and has the kernel's table be long from the beginning: it
 * is doubled when it is full, and whoever opens a file or accepts a connection then waits until
 * every processor has passed through the scheduler, 10 ms to a second where they are busy, once the
 * process has more than one thread. It costs 8 bytes per descriptor. */
void descriptors_prepare(void);

/* The soft limit; 0 if the system does not tell. */
size_t descriptors_limit(void);

#endif
