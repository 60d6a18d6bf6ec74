/*
 * How a consumed record is printed: a text in which percent signs stand for its parts, as in
 * kcat:
 *
 *   %s value   %S its size, -1 for null   %t topic      %o offset
 *   %k key     %K its size, -1 for null   %p partition  %T timestamp, ms since 1970
 *   %h headers as name=value,...          %% a percent sign
 *   \n \r \t \\ \0 and \xHH as in C
 *
 * A null key or value prints nothing.
 */
#ifndef OPS_CLI_RECORD_FORMAT_H
#define OPS_CLI_RECORD_FORMAT_H

#include <barnabas/consumer.h>
#include <stdio.h>

/* NULL if the format can be printed, else what is wrong with it. */
const char *record_format_check(const char *format);

/* `format` has been checked. */
void record_format_print(const char *format, const struct barnabas_message *message, FILE *out);

#endif
