#include "client/base/properties.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- A list of pairs ---- */

void properties_init(struct properties *properties) {
    memset(properties, 0, sizeof(*properties));
    /* The worst text repeats "a\n": two bytes of text for 16 of an aligned empty value. */
    arena_init(&properties->strings, 16 * PROPERTIES_TEXT_SIZE_MAX);
}

void properties_done(struct properties *properties) {
    free(properties->entries);
    arena_done(&properties->strings);
    memset(properties, 0, sizeof(*properties));
}

static struct property *find(const struct properties *properties, const char *key) {
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->entries[i].key, key) == 0)
            return &properties->entries[i];
    }
    return NULL;
}

static enum error put(struct properties *properties, const char *key, const char *value, int line) {
    struct bytes value_copy = arena_copy(&properties->strings, bytes_of_text(value));
    struct property *property = find(properties, key);

    if (value_copy.data == NULL)
        return ERR_OUT_OF_MEMORY;
    if (property == NULL) {
        struct bytes key_copy = arena_copy(&properties->strings, bytes_of_text(key));
        if (key_copy.data == NULL || properties->count == PROPERTIES_COUNT_MAX)
            return ERR_OUT_OF_MEMORY;
        if (properties->count == properties->capacity) {
            size_t capacity = properties->capacity == 0 ? 64 : properties->capacity * 2;
            struct property *grown = realloc(properties->entries, capacity * sizeof(*grown));
            if (grown == NULL)
                return ERR_OUT_OF_MEMORY;
            properties->entries = grown;
            properties->capacity = capacity;
        }
        property = &properties->entries[properties->count++];
        *property = (struct property){.key = (const char *)key_copy.data};
    }
    property->value = (const char *)value_copy.data;
    property->line_before = property->line;
    property->line = line;
    return ERR_NONE;
}

enum error properties_set(struct properties *properties, const char *key, const char *value) {
    return put(properties, key, value, 0);
}

const struct property *properties_find(const struct properties *properties, const char *key) {
    return find(properties, key);
}

const char *properties_value(const struct properties *properties, const char *key) {
    const struct property *property = find(properties, key);
    return property == NULL ? NULL : property->value;
}

/* ---- Reading: physical lines to logical ones, a logical line to a pair ---- */

struct line_reader {
    struct bytes text;
    size_t position; /* next byte of `text` */
    int line;        /* physical line of `position`, from 1 */
    char *logical;   /* the logical line: room for all of `text` */
    size_t size;     /* of the logical line */
    int begin;       /* physical line on which it begins */
};

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\f';
}

static bool at_line_end(const struct line_reader *r) {
    return r->position == r->text.size || r->text.data[r->position] == '\n' ||
           r->text.data[r->position] == '\r';
}

/* Steps over one of \n, \r, \r\n. */
static void skip_line_end(struct line_reader *r) {
    if (r->position == r->text.size)
        return;
    if (r->text.data[r->position++] == '\r' && r->position < r->text.size &&
        r->text.data[r->position] == '\n')
        r->position++;
    r->line++;
}

/* Appends one physical line without its leading blanks and its end; says whether a backslash
 * continues it. The backslash is not kept, not even at the end of the text, as in Java. */
static bool append_physical_line(struct line_reader *r) {
    bool escaped = false;

    while (!at_line_end(r) && is_blank((char)r->text.data[r->position]))
        r->position++;
    if (r->size == 0) {
        r->begin = r->line;
        if (!at_line_end(r) &&
            (r->text.data[r->position] == '#' || r->text.data[r->position] == '!')) {
            while (!at_line_end(r))
                r->position++;
        }
    }
    while (!at_line_end(r)) {
        char c = (char)r->text.data[r->position++];
        r->logical[r->size++] = c;
        escaped = c == '\\' && !escaped;
    }
    if (escaped)
        r->size--;
    return escaped;
}

/* The next logical line that is neither empty nor a comment; false at the end of the text. */
static bool next_logical_line(struct line_reader *r) {
    r->size = 0;
    while (r->position < r->text.size) {
        bool continued = append_physical_line(r);
        skip_line_end(r);
        if (!continued && r->size > 0)
            return true;
    }
    return r->size > 0;
}

static size_t utf8_append(char *to, uint32_t rune) {
    if (rune < 0x80) {
        to[0] = (char)rune;
        return 1;
    }
    if (rune < 0x800) {
        to[0] = (char)(0xc0 | rune >> 6);
        to[1] = (char)(0x80 | (rune & 0x3f));
        return 2;
    }
    if (rune < 0x10000) {
        to[0] = (char)(0xe0 | rune >> 12);
        to[1] = (char)(0x80 | (rune >> 6 & 0x3f));
        to[2] = (char)(0x80 | (rune & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | rune >> 18);
    to[1] = (char)(0x80 | (rune >> 12 & 0x3f));
    to[2] = (char)(0x80 | (rune >> 6 & 0x3f));
    to[3] = (char)(0x80 | (rune & 0x3f));
    return 4;
}

/* Four hex digits at `from`, or -1. */
static int32_t hex_unit(const char *from, const char *end) {
    int32_t unit = 0;

    if (end - from < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef0123456789ABCDEF";
        const char *digit = from[i] == '\0' ? NULL : strchr(digits, from[i]);
        if (digit == NULL)
            return -1;
        unit = unit << 4 | (int32_t)((digit - digits) & 15);
    }
    return unit;
}

/* Decodes what follows "\u"; *from is moved past it. Returns a phrase on failure. */
static const char *decode_unicode(const char **from, const char *end, uint32_t *rune) {
    int32_t unit = hex_unit(*from, end);

    if (unit < 0)
        return "\\u must be followed by four hexadecimal digits";
    *from += 4;
    *rune = (uint32_t)unit;
    if (unit == 0)
        return "the character zero is not allowed";
    if (unit < 0xd800 || unit > 0xdfff)
        return NULL;
    if (unit < 0xdc00 && end - *from >= 6 && (*from)[0] == '\\' && (*from)[1] == 'u') {
        int32_t low = hex_unit(*from + 2, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *from += 6;
            *rune = 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
            return NULL;
        }
    }
    return "half of a surrogate pair";
}

/* Resolves escapes of [from, end) into `to` as UTF-8 with a zero; `to` has room for twice as
 * many bytes and one. Returns a phrase on failure. */
static const char *decode(const char *from, const char *end, char *to) {
    while (from < end) {
        uint32_t rune = (uint8_t)*from++;

        if (rune == 0)
            return "the character zero is not allowed";
        if (rune == '\\' && from < end) {
            static const char letters[] = "tnrf";
            static const char controls[] = "\t\n\r\f";
            const char *letter;

            rune = (uint8_t)*from++;
            if (rune == 0)
                return "the character zero is not allowed";
            letter = strchr(letters, (int)rune);
            if (letter != NULL) {
                rune = (uint8_t)controls[letter - letters];
            } else if (rune == 'u') {
                const char *problem = decode_unicode(&from, end, &rune);
                if (problem != NULL)
                    return problem;
            }
        }
        to += utf8_append(to, rune);
    }
    *to = '\0';
    return NULL;
}

/* Finds the end of the key and the begin of the value. */
static void split(const char *line, size_t size, size_t *key_size, size_t *value_begin) {
    bool escaped = false;
    bool separated = false;
    size_t i = 0;

    while (i < size && (escaped || (line[i] != '=' && line[i] != ':' && !is_blank(line[i])))) {
        escaped = line[i] == '\\' && !escaped;
        i++;
    }
    *key_size = i;
    while (i < size && (is_blank(line[i]) || (!separated && (line[i] == '=' || line[i] == ':')))) {
        separated = separated || !is_blank(line[i]);
        i++;
    }
    *value_begin = i;
}

enum error properties_parse(struct properties *properties, struct bytes text,
                            struct properties_failure *failure) {
    struct line_reader reader = {.text = text, .line = 1};
    enum error error = ERR_NONE;
    const char *problem = NULL;
    char *key = NULL;

    if (text.size > PROPERTIES_TEXT_SIZE_MAX) {
        *failure = (struct properties_failure){1, "the text is larger than 1 MiB"};
        return ERR_MALFORMED;
    }
    reader.logical = malloc(text.size + 1);
    key = malloc(2 * text.size + 2);
    if (reader.logical == NULL || key == NULL) {
        error = ERR_OUT_OF_MEMORY;
        goto out;
    }
    while (next_logical_line(&reader)) {
        size_t key_size, value_begin;
        char *value;

        split(reader.logical, reader.size, &key_size, &value_begin);
        value = key + 2 * key_size + 1;
        problem = decode(reader.logical, reader.logical + key_size, key);
        if (problem == NULL)
            problem = decode(reader.logical + value_begin, reader.logical + reader.size, value);
        if (problem == NULL && properties->count == PROPERTIES_COUNT_MAX &&
            find(properties, key) == NULL)
            problem = "more than 4096 keys";
        if (problem != NULL) {
            *failure = (struct properties_failure){reader.begin, problem};
            error = ERR_MALFORMED;
            goto out;
        }
        if ((error = put(properties, key, value, reader.begin)) != ERR_NONE)
            goto out;
    }
out:
    free(key);
    free(reader.logical);
    return error;
}

/* ---- Writing ---- */

/* The next character of valid or broken UTF-8; a broken byte is taken as ISO-8859-1. */
static uint32_t utf8_next(const uint8_t **at) {
    const uint8_t *p = *at;
    uint32_t lead = p[0];
    int more = 0;
    uint32_t rune = lead;

    if (lead >= 0xc2 && lead < 0xf5)
        more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (more > 0)
        rune = lead & (0x3fU >> more);

    for (int i = 1; i <= more; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            *at = p + 1;
            return lead;
        }
        rune = rune << 6 | (p[i] & 0x3f);
    }
    *at = p + 1 + more;
    return rune;
}

static void write_text(FILE *out, const char *text, bool is_key) {
    const uint8_t *at = (const uint8_t *)text;
    bool first = true;

    while (*at != 0) {
        uint32_t rune = utf8_next(&at);
        static const char letters[] = "tnrf";
        static const char controls[] = "\t\n\r\f";
        const char *control = rune < 0x80 ? strchr(controls, (int)rune) : NULL;

        if (control != NULL)
            fprintf(out, "\\%c", letters[control - controls]);
        else if (rune == ' ')
            fputs(is_key || first ? "\\ " : " ", out);
        else if (rune < 0x80 && strchr("\\=:#!", (int)rune) != NULL)
            fprintf(out, "\\%c", (char)rune);
        else if (rune >= 0x10000)
            fprintf(out, "\\u%04X\\u%04X", 0xd800 + ((rune - 0x10000) >> 10),
                    0xdc00 + ((rune - 0x10000) & 0x3ff));
        else if (rune < 0x20 || rune > 0x7e)
            fprintf(out, "\\u%04X", rune);
        else
            fputc((char)rune, out);
        first = false;
    }
}

enum error properties_format(const struct properties *properties, int64_t wall_ms, char **text,
                             size_t *size) {
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm = {0};
    char *written = NULL;
    size_t written_size = 0;
    FILE *out = open_memstream(&written, &written_size);

    if (out == NULL)
        return ERR_OUT_OF_MEMORY;
    gmtime_r(&seconds, &tm);
    fprintf(out, "#\n#%.3s %.3s %02d %02d:%02d:%02d UTC %d\n", days + 3 * tm.tm_wday,
            months + 3 * tm.tm_mon, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
            tm.tm_year + 1900);
    for (size_t i = 0; i < properties->count; i++) {
        write_text(out, properties->entries[i].key, true);
        fputc('=', out);
        write_text(out, properties->entries[i].value, false);
        fputc('\n', out);
    }
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        free(written);
        return ERR_OUT_OF_MEMORY;
    }
    *text = written;
    *size = written_size;
    return ERR_NONE;
}
