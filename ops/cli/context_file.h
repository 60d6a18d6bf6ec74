/*
 * The file with contexts: clusters under names, each with settings of the client.
 *
 *   context = test                    # which one holds if none is asked for; may be left out
 *   [test]
 *   bootstrap.servers = localhost:9092
 *   [production]
 *   bootstrap.servers = k1:9092,k2:9092
 *
 * It is BARNABAS_CONFIG, else $XDG_CONFIG_HOME/barnabas/config, else ~/.config/barnabas/config.
 */
#ifndef OPS_CLI_CONTEXT_FILE_H
#define OPS_CLI_CONTEXT_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Told each setting of the chosen context; false ends the reading, and has been complained of. */
typedef bool context_setting(void *context, const char *key, const char *value);

enum context_found { CONTEXT_FOUND, CONTEXT_MISSING, CONTEXT_BROKEN };

/* Reads a file for the context `name`, or the one it names itself if that is NULL; none at all is
 * FOUND then. `*line_number` is where it is BROKEN: a line makes no sense, or `take` refused. */
enum context_found context_read(FILE *file, const char *name, context_setting *take, void *context,
                                size_t *line_number);

/* The path as above; false if there is none, or it does not fit. */
bool context_file_path(char *path, size_t size);

#endif
