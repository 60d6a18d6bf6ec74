#include "client/wire/print.h"

void wire_print_string(FILE *out, struct bytes value) {
    if (bytes_is_null(value)) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (size_t i = 0; i < value.size; i++) {
        const uint8_t c = value.data[i];

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            fprintf(out, "\\x%02x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

void wire_print_bytes(FILE *out, struct bytes value) {
    if (bytes_is_null(value))
        fputs("null", out);
    else
        fprintf(out, "<%zu bytes>", value.size);
}

void wire_print_records(FILE *out, const struct wire_records *value) {
    if (value->range.size > 0)
        fprintf(out, "<%zu bytes of a file>", value->range.size);
    else
        wire_print_bytes(out, value->data);
}

void wire_print_uuid(FILE *out, const struct uuid *value) {
    char text[UUID_TEXT_SIZE + 1];

    uuid_to_text(value, text);
    fputs(text, out);
}

void wire_print_array(FILE *out, const char *name, int32_t count) {
    fprintf(out, " %s=%s", name, count < 0 ? "null" : "[");
}

void wire_print_separator(FILE *out, int32_t index) {
    if (index > 0)
        fputc(' ', out);
}

void wire_print_array_end(FILE *out, int32_t count) {
    if (count >= 0)
        fputc(']', out);
}
