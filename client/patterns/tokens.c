#include "client/patterns/tokens.h"

uint64_t tokens_of_value(const void *value, size_t size) {
    const char *digits = value;
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++) {
        uint64_t digit = (uint64_t)(digits[i] - '0');

        if (digits[i] < '0' || digits[i] > '9' || number > (UINT64_MAX - digit) / 10)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}
