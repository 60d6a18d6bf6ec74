/*
 * The server's side of a load: connections, requests, answers, what it costs.
 */
#ifndef TESTS_BENCH_LOAD_GENERATOR_TARGET_H
#define TESTS_BENCH_LOAD_GENERATOR_TARGET_H

#include "tests/bench/load_generator/load.h"

#define FRAME_SIZE_BYTES  4
#define ANSWER_HEAD_BYTES 8 /* size and correlation id */

/* Prints what is wrong, and ends the program. */
_Noreturn void target_fail(const char *what);

/* A blocking socket. */
/* Raises the limit of open files, if need be. */
void target_expect_connections(int connections);
int target_connect(const struct load_options *options);

/* Sends a whole frame over a blocking socket, and reads one. */
void target_send(int fd, struct bytes frame);
size_t target_receive(int fd, uint8_t *buffer, size_t size); /* with its size in front */

/* Asks for the topic until it has a leader. */
void target_wait_for_topic(const struct load_options *options);

/* Requests, as frames with their size in front; `writer` is reset. */
void target_write_fetch(struct wire_writer *writer, const struct load_options *options,
                        int64_t offset);
/* `topic` as its text, or BYTES_NULL: all topics. */
void target_write_metadata(struct wire_writer *writer, struct bytes topic);
/* A batch of `count` records to the first partition; with `stamps` each value begins with its
 * stamp. Values are letters at random of 16: compression halves them. */
void target_write_produce(struct wire_writer *writer, const struct load_options *options, int count,
                          const int64_t *stamps);

/* Where a produce request's partition number is, an int32: with another the same batch goes to
 * another partition. */
size_t target_partition_position(const struct load_options *options);

/* Answers, whole frames. */
struct produce_answer {
    int error;
    int64_t base_offset;
};
struct produce_answer target_read_produce(const struct load_options *options, const uint8_t *frame);
struct bytes target_read_fetch(const struct load_options *options, const uint8_t *frame);

/* The size of the frame that begins here, with the size itself; 0: not known yet. */
size_t target_frame_size(const uint8_t *data, size_t have);

/* What the servers have used. */
struct target_usage {
    double cpu_seconds;
    double resident_kib;
};
struct target_usage target_usage(const struct load_options *options);

int64_t target_now_ns(void);

#endif
