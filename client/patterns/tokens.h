/* The level of a token bucket, and what records are worth. Pure. */
#ifndef CLIENT_PATTERNS_TOKENS_H
#define CLIENT_PATTERNS_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tokens {
    uint64_t capacity;
    uint64_t level; /* <= capacity */
};

/* What overflows is lost. */
static inline void tokens_add(struct tokens *tokens, uint64_t count) {
    uint64_t room = tokens->capacity - tokens->level;

    tokens->level += count < room ? count : room;
}

/* All or nothing. */
static inline bool tokens_take(struct tokens *tokens, uint64_t count) {
    if (count > tokens->level)
        return false;
    tokens->level -= count;
    return true;
}

/* Decimal digits and nothing else; what is no number, or too large for one, is worth nothing. */
uint64_t tokens_of_value(const void *value, size_t size);

#endif
