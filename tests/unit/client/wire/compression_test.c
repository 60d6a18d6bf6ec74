#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/base/rng.h"
#include "client/wire/compression.h"
#include "client/wire/compression_codec.h"
#include "tests/unit/client/wire/hex.h"

#define UNBOUNDED ((size_t)INT32_MAX)

static const enum compression codecs[] = {COMPRESSION_NONE, COMPRESSION_GZIP, COMPRESSION_SNAPPY,
                                          COMPRESSION_LZ4, COMPRESSION_ZSTD};

static void names_are_those_of_kafka(void **state) {
    enum compression codec;

    (void)state;
    assert_string_equal(compression_name(COMPRESSION_NONE), "none");
    assert_string_equal(compression_name(COMPRESSION_ZSTD), "zstd");
    assert_string_equal(compression_name((enum compression)5), "unknown");
    for (size_t i = 0; i < ARRAY_COUNT(codecs); i++) {
        assert_true(compression_from_name(compression_name(codecs[i]), &codec));
        assert_int_equal(codec, codecs[i]);
    }
    assert_false(compression_from_name("unknown", &codec));
}

enum content { ZEROS, TEXT, RANDOM };

static uint8_t *make_content(enum content content, size_t size) {
    static const char text[] = "the quick brown fox jumps over the lazy dog, ";
    uint8_t *data = malloc(size + 1);
    struct rng rng;

    assert_non_null(data);
    rng_seed(&rng, size);
    for (size_t i = 0; i < size; i++) {
        if (content == RANDOM)
            data[i] = (uint8_t)rng_next(&rng);
        else if (content == TEXT)
            data[i] = (uint8_t)text[(i + i / 1000) % (sizeof(text) - 1)];
        else
            data[i] = 0;
    }
    return data;
}

static void assert_round_trip(enum compression codec, int32_t level, struct bytes plain) {
    uint8_t *compressed;
    size_t compressed_size;
    uint8_t *again;
    size_t again_size;

    assert_int_equal(compression_compress(codec, level, plain, &compressed, &compressed_size),
                     ERR_NONE);
    /* A bound that is just enough is enough, and one byte less is too little. */
    assert_int_equal(compression_decompress(codec, bytes_of(compressed, compressed_size),
                                            plain.size, &again, &again_size),
                     ERR_NONE);
    assert_int_equal(again_size, plain.size);
    assert_memory_equal(again, plain.data, plain.size);
    free(again);
    if (plain.size > 0)
        assert_int_equal(compression_decompress(codec, bytes_of(compressed, compressed_size),
                                                plain.size - 1, &again, &again_size),
                         ERR_MALFORMED);
    free(compressed);
}

static void what_goes_in_comes_out(void **state) {
    static const size_t sizes[] = {0,     1,      2,      15,      16,     100,   4095,
                                   4096,  32767,  32768,  32769,   65535,  65536, 65537,
                                   98304, 131072, 200000, 1048576, 1500000};

    (void)state;
    for (size_t c = 0; c < ARRAY_COUNT(codecs); c++) {
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            for (enum content content = ZEROS; content <= RANDOM; content++) {
                uint8_t *plain = make_content(content, sizes[i]);

                assert_round_trip(codecs[c], COMPRESSION_LEVEL_DEFAULT, bytes_of(plain, sizes[i]));
                free(plain);
            }
        }
    }
}

static void every_level_works_and_one_out_of_range_is_the_nearest(void **state) {
    static const int32_t levels[] = {-1, 1, 2, 3, 6, 8, 9, 10, 12, 17, 19, 1000, 0, -7, -200000};
    uint8_t *plain = make_content(TEXT, 100000);

    (void)state;
    for (size_t c = 0; c < ARRAY_COUNT(codecs); c++) {
        for (size_t i = 0; i < ARRAY_COUNT(levels); i++)
            assert_round_trip(codecs[c], levels[i], bytes_of(plain, 100000));
    }
    free(plain);
}

/* Made by the programs named, and what ours must make of them. */
static const struct {
    const char *label;
    enum compression codec;
    const char *compressed;
    const char *plain;
} foreign[] = {
    {"java.util.zip.GZIPOutputStream", COMPRESSION_GZIP,
     "1f8b08000000000000ff4baf ca2c5048c7240084cc4867180000 00", "gzip gzip gzip gzip gzip"},
    {"gzip -n, with a file name and a second member", COMPRESSION_GZIP,
     "1f8b0808000000000203612e74787400 4b04 0043beb7e8 01000000"
     "1f8b0800000000000003 4b02 00f9efbe71 01000000",
     "ab"},
    {"a gzip member with something else behind it", COMPRESSION_GZIP,
     "1f8b0800000000000003 4b04 0043beb7e8 01000000 0000", "a"},
    {"xerial snappy-java 1.1.8.3, two blocks", COMPRESSION_SNAPPY,
     "82534e4150505900 00000001 00000001 0000000c 1b18736e61707079204e0700"
     "0000000c 0a2420616e6420616761696e",
     "snappy snappy snappy snappy and again"},
    {"two xerial streams in a row", COMPRESSION_SNAPPY,
     "82534e4150505900 00000001 00000001 0000000c 1b18736e61707079204e0700"
     "82534e4150505900 00000001 00000001 0000000c 0a2420616e6420616761696e",
     "snappy snappy snappy snappy and again"},
    {"one raw snappy block", COMPRESSION_SNAPPY, "1b18736e61707079204e0700",
     "snappy snappy snappy snappy"},
    {"a xerial header alone", COMPRESSION_SNAPPY, "82534e4150505900 00000001 00000001", ""},
    {"lz4 1.9.4 -B4 --no-frame-crc", COMPRESSION_LZ4,
     "04224d18604082 14000000 af6c7a34206672616d65200a0005506672616d65 00000000",
     "lz4 frame lz4 frame lz4 frame lz4 frame"},
    {"lz4 -B4, with a content checksum", COMPRESSION_LZ4,
     "04224d186440a7 14000000 af6c7a34206672616d65200a0005506672616d65 00000000 105ab1a5",
     "lz4 frame lz4 frame lz4 frame lz4 frame"},
    {"lz4 with a wrong content checksum, which Java does not look at", COMPRESSION_LZ4,
     "04224d186440a7 14000000 af6c7a34206672616d65200a0005506672616d65 00000000 00000000",
     "lz4 frame lz4 frame lz4 frame lz4 frame"},
    {"lz4 -B4 -BX, with block checksums", COMPRESSION_LZ4,
     "04224d187440bd 14000000 af6c7a34206672616d65200a0005506672616d65 7e23a6f2 00000000 105ab1a5",
     "lz4 frame lz4 frame lz4 frame lz4 frame"},
    {"lz4 -B7 --content-size", COMPRESSION_LZ4,
     "04224d186c40 2700000000000000 67 14000000 af6c7a34206672616d65200a0005506672616d65 00000000"
     "105ab1a5",
     "lz4 frame lz4 frame lz4 frame lz4 frame"},
    {"an lz4 frame with a stored block and something behind its end", COMPRESSION_LZ4,
     "04224d18604082 02000080 6869 00000000 ff", "hi"},
    {"zstd 1.5.4 of a pipe: no content size, checksum", COMPRESSION_ZSTD,
     "28b52ffd04585d0000287a73746420010000 8b16374ea57d", "zstd zstd zstd zstd zstd zstd"},
    {"zstd 1.5.4 of a file: content size, checksum", COMPRESSION_ZSTD,
     "28b52ffd241d5d0000287a73746420010000 8b16374ea57d", "zstd zstd zstd zstd zstd zstd"},
    {"two zstd frames and a skippable one", COMPRESSION_ZSTD,
     "28b52ffd241d5d0000287a73746420010000 8b16374ea57d 502a4d18 01000000 00"
     "28b52ffd04585d0000287a73746420010000 8b16374ea57d",
     "zstd zstd zstd zstd zstd zstdzstd zstd zstd zstd zstd zstd"},
};

static void what_others_wrote_is_read(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(foreign); i++) {
        struct hex compressed = hex_of(foreign[i].compressed);
        uint8_t *plain;
        size_t plain_size;
        enum error error = compression_decompress(foreign[i].codec, hex_bytes(&compressed),
                                                  UNBOUNDED, &plain, &plain_size);

        if (error != ERR_NONE)
            fail_msg("%s: %s", foreign[i].label, error_name(error));
        assert_int_equal(plain_size, strlen(foreign[i].plain));
        assert_memory_equal(plain, foreign[i].plain, plain_size);
        free(plain);
    }
}

/* Cut anywhere, a stream is refused, or gives no more than it holds (snappy has no end mark). */
static void what_is_cut_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(foreign); i++) {
        struct hex compressed = hex_of(foreign[i].compressed);

        for (size_t cut = 0; cut < compressed.size; cut++) {
            uint8_t *exact = malloc(cut + 1);
            uint8_t *plain;
            size_t plain_size;
            enum error error;

            assert_non_null(exact);
            memcpy(exact, compressed.data, cut);
            error = compression_decompress(foreign[i].codec, bytes_of(exact, cut), UNBOUNDED,
                                           &plain, &plain_size);
            if (error == ERR_NONE) {
                assert_true(plain_size <= strlen(foreign[i].plain));
                assert_memory_equal(plain, foreign[i].plain, plain_size);
                free(plain);
            } else {
                assert_int_equal(error, ERR_MALFORMED);
            }
            free(exact);
        }
    }
}

static void malformed_streams_are_refused(void **state) {
    static const struct {
        const char *label;
        enum compression codec;
        const char *compressed;
    } cases[] = {
        {"nothing, gzip", COMPRESSION_GZIP, ""},
        {"nothing, snappy", COMPRESSION_SNAPPY, ""},
        {"nothing, lz4", COMPRESSION_LZ4, ""},
        {"nothing, zstd", COMPRESSION_ZSTD, ""},
        {"a codec that does not exist", (enum compression)5, "00"},
        {"gzip with a wrong CRC", COMPRESSION_GZIP,
         "1f8b0800000000000003 4b04 0043beb7e9 01000000"},
        {"gzip with a wrong size", COMPRESSION_GZIP,
         "1f8b0800000000000003 4b04 0043beb7e8 02000000"},
        {"zlib instead of gzip", COMPRESSION_GZIP, "789c4b040000620062"},
        {"a snappy block size past the end", COMPRESSION_SNAPPY,
         "82534e4150505900 00000001 00000001 0000000d 1b18736e61707079204e0700"},
        {"a snappy block size of 4 GiB", COMPRESSION_SNAPPY,
         "82534e4150505900 00000001 00000001 ffffffff 1b18736e61707079204e0700"},
        {"a raw block that declares 4 GiB", COMPRESSION_SNAPPY, "ffffffff0f 00"},
        {"a raw block that declares 16 MiB in two bytes", COMPRESSION_SNAPPY, "80808008 0000"},
        {"a snappy block that copies from before its start", COMPRESSION_SNAPPY,
         "1b18736e61707079204e0800"},
        {"xerial version 0", COMPRESSION_SNAPPY, "82534e4150505900 00000000 00000001"},
        {"lz4 with linked blocks", COMPRESSION_LZ4, "04224d184040c0 02000080 6869 00000000"},
        {"lz4 with a dictionary", COMPRESSION_LZ4,
         "04224d186140 00000000 a0 02000080 6869 00000000"},
        {"lz4 with the reserved flag", COMPRESSION_LZ4, "04224d186240f0 02000080 6869 00000000"},
        {"lz4 of version 2", COMPRESSION_LZ4, "04224d18a0400f 02000080 6869 00000000"},
        {"an lz4 block maximum of 16 KiB", COMPRESSION_LZ4,
         "04224d186030d4 02000080 6869 00000000"},
        {"a wrong lz4 header checksum", COMPRESSION_LZ4, "04224d18604083 02000080 6869 00000000"},
        {"an lz4 block larger than its maximum", COMPRESSION_LZ4,
         "04224d18604082 01000180 6869 00000000"},
        {"an lz4 frame without its end", COMPRESSION_LZ4, "04224d18604082 02000080 6869"},
        {"a wrong lz4 block checksum", COMPRESSION_LZ4,
         "04224d187440bd 14000000 af6c7a34206672616d65200a0005506672616d65 7e23a6f3 00000000"},
        {"an lz4 block that copies from before its start", COMPRESSION_LZ4,
         "04224d18604082 14000000 af6c7a34206672616d65200b0005506672616d65 00000000"},
        {"zstd with a wrong checksum", COMPRESSION_ZSTD,
         "28b52ffd04585d0000287a73746420010000 8b16374ea57e"},
        {"zstd with something behind it", COMPRESSION_ZSTD,
         "28b52ffd04585d0000287a73746420010000 8b16374ea57d 00"},
        {"zstd that declares 2^62 bytes", COMPRESSION_ZSTD, "28b52ffde00000000000000040 010000"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct hex compressed = hex_of(cases[i].compressed);
        uint8_t *plain = NULL;
        size_t plain_size;
        enum error error = compression_decompress(cases[i].codec, hex_bytes(&compressed), UNBOUNDED,
                                                  &plain, &plain_size);

        if (error != ERR_MALFORMED)
            fail_msg("%s: %s", cases[i].label, error_name(error));
        assert_null(plain);
    }
}

static void a_bomb_costs_no_more_than_the_bound(void **state) {
    const size_t size = (size_t)64 << 20;
    uint8_t *zeros = calloc(1, size);

    (void)state;
    assert_non_null(zeros);
    for (size_t c = 0; c < ARRAY_COUNT(codecs); c++) {
        uint8_t *compressed;
        size_t compressed_size;
        uint8_t *plain = NULL;
        size_t plain_size;

        assert_int_equal(compression_compress(codecs[c], COMPRESSION_LEVEL_DEFAULT,
                                              bytes_of(zeros, size), &compressed, &compressed_size),
                         ERR_NONE);
        assert_int_equal(compression_decompress(codecs[c], bytes_of(compressed, compressed_size),
                                                1000, &plain, &plain_size),
                         ERR_MALFORMED);
        assert_null(plain);
        free(compressed);
    }
    free(zeros);
}

static void lz4_of_magic_0_may_have_any_header_checksum(void **state) {
    struct hex compressed = hex_of("04224d18604000 02000080 6869 00000000");
    uint8_t *plain;
    size_t plain_size;

    (void)state;
    assert_int_equal(
        compression_decompress_lz4_magic_0(hex_bytes(&compressed), 2, &plain, &plain_size),
        ERR_NONE);
    assert_int_equal(plain_size, 2);
    assert_memory_equal(plain, "hi", 2);
    free(plain);
}

static void room_in_front_of_the_compressed_bytes_is_counted(void **state) {
    uint8_t *compressed;
    size_t size;
    uint8_t *plain;
    size_t plain_size;

    (void)state;
    for (size_t c = 0; c < ARRAY_COUNT(codecs); c++) {
        assert_int_equal(compression_compress_behind(61, codecs[c], COMPRESSION_LEVEL_DEFAULT,
                                                     bytes_of_text("plain"), &compressed, &size),
                         ERR_NONE);
        assert_int_equal(compression_decompress(codecs[c], bytes_of(compressed + 61, size - 61), 5,
                                                &plain, &plain_size),
                         ERR_NONE);
        assert_memory_equal(plain, "plain", 5);
        free(plain);
        free(compressed);
    }
}

static void *compress_everything(void *argument) {
    (void)argument;
    for (size_t c = 0; c < ARRAY_COUNT(codecs); c++) {
        uint8_t *plain = make_content(TEXT, 50000);

        for (int32_t level = 1; level < 12; level += 5)
            assert_round_trip(codecs[c], level, bytes_of(plain, 50000));
        free(plain);
    }
    return NULL;
}

static void threads_have_their_own_contexts(void **state) {
    pthread_t threads[3];

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, compress_everything, NULL), 0);
    for (size_t i = 0; i < ARRAY_COUNT(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_those_of_kafka),
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(every_level_works_and_one_out_of_range_is_the_nearest),
        cmocka_unit_test(what_others_wrote_is_read),
        cmocka_unit_test(what_is_cut_is_refused),
        cmocka_unit_test(malformed_streams_are_refused),
        cmocka_unit_test(a_bomb_costs_no_more_than_the_bound),
        cmocka_unit_test(lz4_of_magic_0_may_have_any_header_checksum),
        cmocka_unit_test(room_in_front_of_the_compressed_bytes_is_counted),
        cmocka_unit_test(threads_have_their_own_contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
