#include "tests/bench/ideal_server/ideal_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/base/check.h"
#include "client/wire/big_endian.h"

#define SIZE_BYTES      4
#define FRAME_BYTES_MIN 8
#define FRAME_BYTES_MAX (100u << 20)
#define READS_PER_TURN  8

static void keep(struct ideal_connection *connection, const uint8_t *frame, size_t size) {
    connection->waiting = malloc(size);
    CHECK(connection->waiting != NULL);
    memcpy(connection->waiting, frame, size);
    connection->waiting_size = size;
}

/* A frame larger than the input buffer gets one of its own, and the rest is read straight into it.
 */
static void begin_large(struct ideal_connection *connection, const uint8_t *begun, size_t have,
                        size_t size) {
    connection->large = malloc(size);
    CHECK(connection->large != NULL);
    connection->large_size = size;
    connection->large_have = have;
    memcpy(connection->large, begun, have);
}

void ideal_connection_go_on(struct ideal_connection *connection, ideal_handler *handle,
                            void *context) {
    size_t at = 0;

    while (!connection->is_doomed && connection->waiting == NULL &&
           connection->have - at >= SIZE_BYTES) {
        uint8_t *frame = connection->input + at + SIZE_BYTES;
        size_t size = big_endian_load_u32(connection->input + at);
        size_t have = connection->have - at - SIZE_BYTES;
        if (size < FRAME_BYTES_MIN || size > FRAME_BYTES_MAX) {
            connection->is_doomed = true;
        } else if (have >= size) {
            if (!handle(context, connection, frame, size))
                keep(connection, frame, size);
            at += SIZE_BYTES + size;
        } else if (SIZE_BYTES + size > INPUT_BYTES) {
            begin_large(connection, frame, have, size);
            at = connection->have;
        } else {
            break;
        }
    }
    memmove(connection->input, connection->input + at, connection->have - at);
    connection->have -= at;
}

static void end_large(struct ideal_connection *connection, ideal_handler *handle, void *context) {
    uint8_t *frame = connection->large;

    connection->large = NULL;
    if (!handle(context, connection, frame, connection->large_size))
        keep(connection, frame, connection->large_size);
    free(frame);
}

/* False: there is no more for now, or no room. */
static bool read_once(struct ideal_connection *connection, ideal_handler *handle, void *context) {
    bool is_large = connection->large != NULL;
    uint8_t *at = is_large ? connection->large + connection->large_have
                           : connection->input + connection->have;
    size_t room =
        is_large ? connection->large_size - connection->large_have : INPUT_BYTES - connection->have;
    ssize_t got = room == 0 ? -1 : read(connection->fd, at, room);

    if (room == 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return false;
    if (got <= 0) {
        connection->is_doomed = true;
        return false;
    }
    if (!is_large) {
        connection->have += (size_t)got;
        ideal_connection_go_on(connection, handle, context);
    } else if ((connection->large_have += (size_t)got) == connection->large_size) {
        end_large(connection, handle, context);
    }
    return (size_t)got == room;
}

void ideal_connection_read(struct ideal_connection *connection, ideal_handler *handle,
                           void *context) {
    for (int i = 0; i < READS_PER_TURN && !connection->is_doomed; i++) {
        if (!read_once(connection, handle, context))
            break;
    }
}

void ideal_connection_answer(struct ideal_connection *connection, struct wire_writer *writer,
                             struct file_range records) {
    struct ideal_answer *answer = malloc(sizeof(*answer));
    struct wire_output output;

    CHECK(answer != NULL && writer->error == ERR_NONE);
    wire_patch_i32(writer, 0, (int32_t)(writer->size - SIZE_BYTES + records.size));
    output = wire_writer_take(writer);
    *answer = (struct ideal_answer){.data = output.data, .size = output.size, .records = records};
    STAILQ_INSERT_TAIL(&connection->answers, answer, next);
}

static bool send_answer(struct ideal_connection *connection, struct ideal_answer *answer) {
    bool is_last = STAILQ_NEXT(answer, next) == NULL && answer->records.size == 0;

    while (answer->sent < answer->size) {
        ssize_t sent = send(connection->fd, answer->data + answer->sent,
                            answer->size - answer->sent, MSG_NOSIGNAL | (is_last ? 0 : MSG_MORE));
        if (sent < 0)
            return false;
        answer->sent += (size_t)sent;
    }
    while (answer->records.size > 0) {
        off_t position = answer->records.position;
        ssize_t sent =
            sendfile(connection->fd, answer->records.fd, &position, answer->records.size);
        if (sent <= 0)
            return false;
        answer->records.position = position;
        answer->records.size -= (size_t)sent;
    }
    return true;
}

bool ideal_connection_send(struct ideal_connection *connection) {
    struct ideal_answer *answer;

    while ((answer = STAILQ_FIRST(&connection->answers)) != NULL) {
        if (!send_answer(connection, answer)) {
            connection->is_doomed = connection->is_doomed || errno != EAGAIN;
            return connection->is_doomed;
        }
        STAILQ_REMOVE_HEAD(&connection->answers, next);
        free(answer->data);
        free(answer);
    }
    return true;
}

void ideal_connection_free(struct ideal_connection *connection) {
    struct ideal_answer *answer;

    while ((answer = STAILQ_FIRST(&connection->answers)) != NULL) {
        STAILQ_REMOVE_HEAD(&connection->answers, next);
        free(answer->data);
        free(answer);
    }
    close(connection->fd);
    free(connection->waiting);
    free(connection->large);
    free(connection);
}
