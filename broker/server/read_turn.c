#include "broker/server/read_turn.h"

void read_turn_init(struct read_turn *turn) {
    *turn = (struct read_turn){.size = READ_TURN_BYTES_MAX};
}

void read_turn_note(struct read_turn *turn, size_t bytes, int64_t ns) {
    uint64_t size;

    if (bytes < READ_TURN_BYTES_MIN / 2 || ns < 0)
        return;
    turn->bytes += bytes;
    turn->ns += (uint64_t)ns;
    while (turn->bytes > READ_TURN_BYTES_LATE) {
        turn->bytes /= 2;
        turn->ns /= 2;
    }
    size = (uint64_t)READ_TURN_NS * turn->bytes / (turn->ns + 1);
    if (size < READ_TURN_BYTES_MIN)
        size = READ_TURN_BYTES_MIN;
    turn->size = size < READ_TURN_BYTES_MAX ? (size_t)size : READ_TURN_BYTES_MAX;
}
