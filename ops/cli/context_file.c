#include "ops/cli/context_file.h"

#include <stdlib.h>
#include <string.h>

static char *trim(char *text) {
    size_t size;

    text += strspn(text, " \t");
    size = strlen(text);
    while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
        text[--size] = '\0';
    return text;
}

struct reading {
    char wanted[256]; /* "": none is chosen yet */
    bool in_section;
    bool chosen; /* in the section that is wanted */
    bool found;
    context_setting *take;
    void *context;
};

/* "[name]" */
static bool read_section(struct reading *reading, char *text) {
    size_t size = strlen(text);

    if (size < 3 || text[size - 1] != ']')
        return false;
    text[size - 1] = '\0';
    reading->in_section = true;
    reading->chosen = strcmp(trim(text + 1), reading->wanted) == 0;
    reading->found |= reading->chosen;
    return true;
}

static bool read_line(struct reading *reading, char *text) {
    char *equals;
    char *key;
    char *value;

    text = trim(text);
    if (*text == '\0' || *text == '#')
        return true;
    if (*text == '[')
        return read_section(reading, text);
    equals = strchr(text, '=');
    if (equals == NULL)
        return false;
    *equals = '\0';
    key = trim(text);
    value = trim(equals + 1);
    if (*key == '\0')
        return false;
    if (reading->in_section)
        return !reading->chosen || reading->take(reading->context, key, value);
    if (strcmp(key, "context") != 0 || strlen(value) >= sizeof(reading->wanted))
        return false;
    if (reading->wanted[0] == '\0')
        memcpy(reading->wanted, value, strlen(value) + 1);
    return true;
}

enum context_found context_read(FILE *file, const char *name, context_setting *take, void *context,
                                size_t *line_number) {
    struct reading reading = {.take = take, .context = context};
    char *text = NULL;
    size_t size = 0;
    bool fine = true;

    *line_number = 0;
    if (name != NULL &&
        snprintf(reading.wanted, sizeof(reading.wanted), "%s", name) >= (int)sizeof(reading.wanted))
        return CONTEXT_MISSING;
    while (fine && getline(&text, &size, file) >= 0) {
        (*line_number)++;
        fine = read_line(&reading, text);
    }
    free(text);
    if (!fine)
        return CONTEXT_BROKEN;
    return reading.found || reading.wanted[0] == '\0' ? CONTEXT_FOUND : CONTEXT_MISSING;
}

bool context_file_path(char *path, size_t size) {
    const char *named = getenv("BARNABAS_CONFIG");
    const char *folder = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    int length = -1;

    if (named != NULL && named[0] != '\0')
        length = snprintf(path, size, "%s", named);
    else if (folder != NULL && folder[0] != '\0')
        length = snprintf(path, size, "%s/barnabas/config", folder);
    else if (home != NULL && home[0] != '\0')
        length = snprintf(path, size, "%s/.config/barnabas/config", home);
    return length >= 0 && (size_t)length < size;
}
