/*
 * Bytes in JSON, which has only text: what is UTF-8 is a string; the rest is base64, under its name
 * and "Base64".
 */
#ifndef OPS_OUTPUT_JSON_BYTES_H
#define OPS_OUTPUT_JSON_BYTES_H

#include <jansson.h>
#include <stddef.h>

/* `data` NULL: null. */
void json_set_bytes(json_t *object, const char *name, const void *data, size_t size);

#endif
