#include "ops/cli/record_format.h"

#include <inttypes.h>
#include <string.h>

static const char parts[] = "sSkKtpoTh%";
static const char escapes[] = "nrt\\0x";

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

const char *record_format_check(const char *format) {
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '%') {
            at++;
            if (*at == '\0' || strchr(parts, *at) == NULL)
                return "after % comes one of s S k K t p o T h %";
        } else if (*at == '\\') {
            at++;
            if (*at == '\0' || strchr(escapes, *at) == NULL)
                return "after \\ comes one of n r t \\ 0 x";
            if (*at == 'x' && (hex_digit(at[1]) < 0 || hex_digit(at[2]) < 0))
                return "after \\x come two hexadecimal digits";
        }
    }
    return NULL;
}

static void print_bytes(const void *data, size_t size, FILE *out) {
    if (size > 0)
        fwrite(data, 1, size, out);
}

static void print_headers(const struct barnabas_message *message, FILE *out) {
    for (size_t i = 0; i < message->header_count; i++) {
        const struct barnabas_header *header = &message->headers[i];

        if (i > 0)
            fputc(',', out);
        print_bytes(header->key, header->key_size, out);
        fputc('=', out);
        print_bytes(header->value, header->value_size, out);
    }
}

static int64_t size_or_null(const void *data, size_t size) {
    return data == NULL ? -1 : (int64_t)size;
}

static void print_part(char part, const struct barnabas_message *message, FILE *out) {
    switch (part) {
    case 's':
        print_bytes(message->value, message->value_size, out);
        break;
    case 'S':
        fprintf(out, "%" PRId64, size_or_null(message->value, message->value_size));
        break;
    case 'k':
        print_bytes(message->key, message->key_size, out);
        break;
    case 'K':
        fprintf(out, "%" PRId64, size_or_null(message->key, message->key_size));
        break;
    case 't':
        fputs(message->topic, out);
        break;
    case 'p':
        fprintf(out, "%" PRId32, message->partition);
        break;
    case 'o':
        fprintf(out, "%" PRId64, message->offset);
        break;
    case 'T':
        fprintf(out, "%" PRId64, message->timestamp);
        break;
    case 'h':
        print_headers(message, out);
        break;
    default:
        fputc(part, out);
        break;
    }
}

/* Gives the last character of the escape. */
static const char *print_escape(const char *at, FILE *out) {
    switch (*at) {
    case 'n':
        fputc('\n', out);
        break;
    case 'r':
        fputc('\r', out);
        break;
    case 't':
        fputc('\t', out);
        break;
    case '0':
        fputc('\0', out);
        break;
    case 'x':
        fputc(hex_digit(at[1]) * 16 + hex_digit(at[2]), out);
        return at + 2;
    default:
        fputc(*at, out);
        break;
    }
    return at;
}

void record_format_print(const char *format, const struct barnabas_message *message, FILE *out) {
    for (const char *at = format; *at != '\0'; at++) {
        if (*at == '%')
            print_part(*++at, message, out);
        else if (*at == '\\')
            at = print_escape(at + 1, out);
        else
            fputc(*at, out);
    }
}
