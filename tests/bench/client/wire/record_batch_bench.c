/*
 * What record batches cost per byte: CRC-32C, the structure check, building, walking, and each
 * codec. Prints GB/s of plain bytes and CPU seconds per GB; the best of several rounds, because
 * what disturbs a round only ever makes it slower.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/base/rng.h"
#include "client/wire/crc32c.h"
#include "client/wire/record_batch.h"

#define RECORD_BYTES    100
#define BATCH_BYTES     100000
#define ROUNDS          7
#define ROUND_SECONDS   0.1
#define PLAIN_BYTES_MAX ((size_t)1 << 30)

/* One thing to measure: does its work once and returns the plain bytes that it handled. */
struct subject {
    size_t (*run)(const struct subject *subject);
    struct bytes input;
    enum compression codec;
};

/* Results go here, so that no compiler drops the work. */
static volatile uint32_t sink;

static double cpu_seconds(void) {
    struct timespec now;

    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void measure(const char *label, const struct subject *subject) {
    double best = 0;

    for (int round = 0; round < ROUNDS; round++) {
        double start = cpu_seconds();
        double seconds;
        double bytes = 0;

        do {
            bytes += (double)subject->run(subject);
            seconds = cpu_seconds() - start;
        } while (seconds < ROUND_SECONDS);
        if (bytes / seconds > best)
            best = bytes / seconds;
    }
    printf("%-36s %8.2f GB/s %8.4f s/GB\n", label, best / 1e9, 1e9 / best);
}

/* Small inputs are repeated, or the clock would be what is measured. */
static size_t run_crc(const struct subject *subject) {
    size_t repeats = ((size_t)1 << 20) / subject->input.size + 1;

    for (size_t i = 0; i < repeats; i++)
        sink = crc32c(sink, subject->input.data, subject->input.size);
    return repeats * subject->input.size;
}

static size_t run_crc_portable(const struct subject *subject) {
    sink = crc32c_portable(0, subject->input.data, subject->input.size);
    return subject->input.size;
}

static struct record_batch decoded(struct bytes bytes) {
    struct record_batch batch;

    CHECK(record_batch_decode(bytes, &batch) == ERR_NONE);
    return batch;
}

static size_t run_check_structure(const struct subject *subject) {
    struct record_batch batch = decoded(subject->input);

    CHECK(record_batch_check_structure(&batch) == ERR_NONE);
    return batch.whole.size;
}

static size_t run_iterate(const struct subject *subject) {
    struct record_batch batch = decoded(subject->input);
    struct record_iterator iterator;
    struct record record;
    enum error error;

    CHECK(record_iterator_init(&iterator, &batch, PLAIN_BYTES_MAX) == ERR_NONE);
    while (record_iterator_next(&iterator, &record, &error))
        sink += (uint32_t)record.value.size;
    CHECK(error == ERR_NONE);
    record_iterator_done(&iterator);
    return batch.whole.size;
}

static struct bytes build(enum compression codec, const uint8_t *values) {
    struct record_batch_options options = record_batch_options_default;
    struct record_batch_builder *builder;
    uint8_t *bytes;
    size_t size;

    options.codec = codec;
    CHECK(record_batch_builder_new(&options, &builder) == ERR_NONE);
    while (record_batch_builder_size(builder) < BATCH_BYTES) {
        struct bytes value = bytes_of(values, RECORD_BYTES);

        CHECK(record_batch_builder_add(builder, 1700000000000, BYTES_NULL, value, NULL, 0) ==
              ERR_NONE);
        values += RECORD_BYTES;
    }
    CHECK(record_batch_builder_finish(builder, &bytes, &size) == ERR_NONE);
    record_batch_builder_free(builder);
    return bytes_of(bytes, size);
}

static size_t run_build(const struct subject *subject) {
    struct bytes built = build(COMPRESSION_NONE, subject->input.data);

    free((void *)built.data);
    return built.size;
}

static size_t run_compress(const struct subject *subject) {
    uint8_t *compressed;
    size_t compressed_size;

    CHECK(compression_compress(subject->codec, COMPRESSION_LEVEL_DEFAULT, subject->input,
                               &compressed, &compressed_size) == ERR_NONE);
    free(compressed);
    return subject->input.size;
}

static size_t run_decompress(const struct subject *subject) {
    uint8_t *plain;
    size_t plain_size;

    CHECK(compression_decompress(subject->codec, subject->input, PLAIN_BYTES_MAX, &plain,
                                 &plain_size) == ERR_NONE);
    free(plain);
    return plain_size;
}

/* Words of a small vocabulary: gzip and zstd halve it. */
static void fill_values(uint8_t *values, size_t size) {
    struct rng rng;
    size_t at = 0;

    rng_seed(&rng, 1);
    while (at < size) {
        uint64_t word = rng_below(&rng, 4096) * 0x9e3779b97f4a7c15u;

        for (size_t i = 0; i < 3 + word % 6 && at < size; i++)
            values[at++] = (uint8_t)('a' + (word >> (8 + 5 * i)) % 26);
        if (at < size)
            values[at++] = ' ';
    }
}

static void measure_crc(struct bytes data) {
    static const size_t sizes[] = {100, 1000, 16384, 1 << 20};

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        char label[64];

        snprintf(label, sizeof(label), "crc32c, %zu bytes", sizes[i]);
        measure(label, &(struct subject){run_crc, bytes_of(data.data, sizes[i]), COMPRESSION_NONE});
    }
    measure("crc32c_portable", &(struct subject){run_crc_portable, data, COMPRESSION_NONE});
}

static void measure_codec(enum compression codec, struct bytes plain) {
    uint8_t *compressed;
    size_t compressed_size;
    char label[64];

    CHECK(compression_compress(codec, COMPRESSION_LEVEL_DEFAULT, plain, &compressed,
                               &compressed_size) == ERR_NONE);
    snprintf(label, sizeof(label), "%s, compress (to %.0f %%)", compression_name(codec),
             100.0 * (double)compressed_size / (double)plain.size);
    measure(label, &(struct subject){run_compress, plain, codec});
    snprintf(label, sizeof(label), "%s, decompress", compression_name(codec));
    measure(label, &(struct subject){run_decompress, bytes_of(compressed, compressed_size), codec});
    free(compressed);
}

int main(void) {
    static uint8_t values[1 << 20];
    struct bytes batch;

    fill_values(values, sizeof(values));
    measure_crc(bytes_of(values, sizeof(values)));
    batch = build(COMPRESSION_NONE, values);
    printf("a batch of %zu bytes, records of %d:\n", batch.size, RECORD_BYTES);
    measure("check the structure", &(struct subject){run_check_structure, batch, COMPRESSION_NONE});
    measure("walk the records", &(struct subject){run_iterate, batch, COMPRESSION_NONE});
    measure("build",
            &(struct subject){run_build, bytes_of(values, sizeof(values)), COMPRESSION_NONE});
    for (enum compression codec = COMPRESSION_GZIP; codec <= COMPRESSION_ZSTD; codec++)
        measure_codec(codec, decoded(batch).records);
    free((void *)batch.data);
    return 0;
}
