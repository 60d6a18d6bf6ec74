/*
 * What the files of broker/log/segment*.c share; nobody else includes this.
 */
#ifndef BROKER_LOG_SEGMENT_INTERNAL_H
#define BROKER_LOG_SEGMENT_INTERNAL_H

#include "broker/log/segment.h"

/* Where one of the segment's two indexes lies. `path` must live as long as the place. */
struct index_place segment_index_place(const struct segment_home *home,
                                       const struct segment *segment,
                                       const struct index_file *index, char path[SEGMENT_PATH_MAX]);

#endif
