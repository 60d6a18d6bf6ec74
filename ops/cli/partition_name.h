/* TOPIC or TOPIC:PARTITION, as operators write them. */
#ifndef OPS_CLI_PARTITION_NAME_H
#define OPS_CLI_PARTITION_NAME_H

#include <stdbool.h>
#include <stdint.h>

#define PARTITION_ALL (-1)

struct partition_name {
    char topic[256];
    int32_t partition; /* PARTITION_ALL if none is named */
};

/* False if it is neither. */
bool partition_name_parse(const char *text, struct partition_name *name);

#endif
