#include "ops/cli/start_position.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Above this a number after @ is milliseconds: in seconds it would be the year 5138. */
#define SECONDS_MAX INT64_C(99999999999)

static bool take_number(const char **at, int64_t *number) {
    intmax_t value;
    char *end;

    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    value = strtoimax(*at, &end, 10);
    *at = end;
    *number = value;
    return errno == 0;
}

static bool parse_epoch(const char *text, int64_t *ms) {
    int64_t number;

    if (!take_number(&text, &number) || *text != '\0')
        return false;
    *ms = number > SECONDS_MAX ? number : number * 1000;
    return true;
}

static bool parse_ago(const char *text, int64_t now_ms, int64_t *ms) {
    static const struct {
        char unit;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    int64_t number;

    if (!take_number(&text, &number) || text[0] == '\0' || text[1] != '\0')
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].unit == *text && number <= now_ms / units[i].ms) {
            *ms = now_ms - number * units[i].ms;
            return true;
        }
    return false;
}

/* "", "Z", "+02:00" or "-0230", in minutes east. */
static bool parse_zone(const char *text, int *minutes) {
    int hours = 0;
    int rest = 0;
    int used = 0;

    *minutes = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0)
        return true;
    if ((*text != '+' && *text != '-') || text[1] < '0' || text[1] > '9')
        return false;
    if ((sscanf(text + 1, "%2d:%2d%n", &hours, &rest, &used) != 2 &&
         sscanf(text + 1, "%2d%2d%n", &hours, &rest, &used) != 2) ||
        text[1 + used] != '\0' || hours > 23 || rest > 59)
        return false;
    *minutes = (*text == '-' ? -1 : 1) * (hours * 60 + rest);
    return true;
}

static bool parse_fraction(const char **text, int64_t *ms) {
    int64_t unit = 100;

    *ms = 0;
    if (**text != '.')
        return true;
    (*text)++;
    if (**text < '0' || **text > '9')
        return false;
    for (; **text >= '0' && **text <= '9'; (*text)++, unit /= 10)
        *ms += (**text - '0') * unit;
    return true;
}

static bool parse_iso(const char *text, int64_t *ms) {
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm broken = {0};
        const char *rest = strptime(text, forms[i], &broken);
        int64_t fraction_ms;
        int minutes;

        if (rest == NULL || !parse_fraction(&rest, &fraction_ms) || !parse_zone(rest, &minutes))
            continue;
        *ms = (int64_t)timegm(&broken) * 1000 + fraction_ms - (int64_t)minutes * 60000;
        return *ms >= 0;
    }
    return false;
}

bool start_position_parse(const char *text, int64_t now_ms, struct barnabas_position *position) {
    const char *at = text;

    *position = (struct barnabas_position){BARNABAS_FROM_BEGINNING, 0};
    if (strcmp(text, "beginning") == 0 || strcmp(text, "earliest") == 0)
        return true;
    position->kind = BARNABAS_FROM_END;
    if (strcmp(text, "end") == 0 || strcmp(text, "latest") == 0)
        return true;
    position->kind = BARNABAS_FROM_OFFSET;
    if (take_number(&at, &position->value) && *at == '\0')
        return true;
    position->kind = BARNABAS_FROM_TIME;
    if (text[0] == '@')
        return parse_epoch(text + 1, &position->value);
    if (text[0] == '-')
        return parse_ago(text + 1, now_ms, &position->value);
    return parse_iso(text, &position->value);
}
