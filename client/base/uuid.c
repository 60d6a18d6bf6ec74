#include "client/base/uuid.h"

#include "client/base/rng.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct uuid uuid_random(struct rng *rng) {
    struct uuid uuid;
    char text[UUID_TEXT_SIZE + 1];

    do {
        uint64_t halves[2] = {rng_next(rng), rng_next(rng)};
        memcpy(uuid.bytes, halves, sizeof(halves));
        uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0f) | 0x40);
        uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3f) | 0x80);
        uuid_to_text(&uuid, text);
    } while (text[0] == '-');
    return uuid;
}

void uuid_to_text(const struct uuid *uuid, char text[UUID_TEXT_SIZE + 1]) {
    uint32_t bits = 0;
    int held = 0;
    int at = 0;

    for (int i = 0; i < 16; i++) {
        bits = bits << 8 | uuid->bytes[i];
        for (held += 8; held >= 6; held -= 6)
            text[at++] = alphabet[bits >> (held - 6) & 63];
    }
    text[at++] = alphabet[bits << (6 - held) & 63];
    text[at] = '\0';
}

enum error uuid_from_text(struct bytes text, struct uuid *uuid) {
    struct uuid parsed;
    uint32_t bits = 0;
    int held = 0;
    int at = 0;

    if (text.size != UUID_TEXT_SIZE)
        return ERR_INVALID_REQUEST;
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = memchr(alphabet, text.data[i], sizeof(alphabet) - 1);
        if (digit == NULL)
            return ERR_INVALID_REQUEST;
        bits = bits << 6 | (uint32_t)(digit - alphabet);
        held += 6;
        if (held >= 8 && at < 16) {
            held -= 8;
            parsed.bytes[at++] = (uint8_t)(bits >> held);
        }
    }
    *uuid = parsed;
    return ERR_NONE;
}
