/*
 * Where to begin reading, as operators write it:
 *
 *   beginning or earliest, end or latest, an offset (17), or a time: @1700000000 (seconds),
 * @1700000000000 (milliseconds), 2026-11-20T21:00:00Z (ISO 8601; without a zone it is UTC, the time
 * of day may be left out), -2h (before now; units s m h d)
 *
 * Pure: the time is given.
 */
#ifndef OPS_CLI_START_POSITION_H
#define OPS_CLI_START_POSITION_H

#include <barnabas/consumer.h>

/* False if it is none of these. */
bool start_position_parse(const char *text, int64_t now_ms, struct barnabas_position *position);

#endif
