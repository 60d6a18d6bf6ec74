/*
 * The file meta.properties of a data directory: which broker and cluster it belongs to.
 *
 * Version 0 is ZooKeeper mode: version, broker.id, cluster.id and, since 3.7, directory.id. Keys
 * that we do not know are kept.
 * Source: Apache Kafka 3.9, MetaProperties, PropertiesUtils.
 */
#ifndef BROKER_LOG_META_PROPERTIES_H
#define BROKER_LOG_META_PROPERTIES_H

#include <stdbool.h>
#include <stdint.h>

#include "client/base/check.h"
#include "client/base/error.h"
#include "client/base/properties.h"

struct disk;

struct meta_properties {
    bool exists;
    int32_t broker_id;   /* -1: not said */
    char cluster_id[64]; /* empty: not said */
    struct properties all;
};

/* The caller frees it with meta_properties_done, also after a failure.
 * Errors: DISK_CORRUPT (unparsable, or of KRaft mode: version 1), the disk's, OUT_OF_MEMORY. */
MUST_CHECK enum error meta_properties_read(struct disk *disk, const char *dir,
                                           struct meta_properties *meta);
void meta_properties_done(struct meta_properties *meta);

/* Sets the ids and replaces the file, durably. */
MUST_CHECK enum error meta_properties_write(struct disk *disk, const char *dir,
                                            struct meta_properties *meta, int32_t broker_id,
                                            const char *cluster_id, int64_t now_ms);

#endif
