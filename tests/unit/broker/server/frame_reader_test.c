/* However a stream is cut into reads, the same frames come out, and memory follows what has
 * arrived. */
#include "broker/server/frame_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/base/rng.h"

#define FRAME_BYTES_MAX ((size_t)8 << 20)

struct fixture {
    _Atomic int64_t held_bytes;
    struct buffer_pool pool;
    struct frame_reader reader;
};

static int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    buffer_pool_init(&f->pool, (size_t)16 << 20, &f->held_bytes);
    frame_reader_init(&f->reader, &f->pool, FRAME_BYTES_MAX);
    *state = f;
    return 0;
}

static int fixture_teardown(void **state) {
    struct fixture *f = *state;

    frame_reader_done(&f->reader);
    assert_int_equal(f->held_bytes, 0);
    buffer_pool_done(&f->pool);
    free(f);
    return 0;
}

static size_t frame_write(uint8_t *at, size_t size, uint8_t fill) {
    at[0] = (uint8_t)(size >> 24);
    at[1] = (uint8_t)(size >> 16);
    at[2] = (uint8_t)(size >> 8);
    at[3] = (uint8_t)size;
    memset(at + 4, fill, size);
    return size + 4;
}

static void assert_frame(struct bytes frame, size_t size, uint8_t fill) {
    assert_int_equal(frame.size, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(frame.data[i], fill);
}

static void whole_frames_are_handed_out_in_place(void **state) {
    struct fixture *f = *state;
    uint8_t stream[64];
    size_t size = frame_write(stream, 5, 'a');
    struct bytes input, frame;

    size += frame_write(stream + size, 0, 0);
    size += frame_write(stream + size, 7, 'b');
    input = bytes_of(stream, size);
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_ptr_equal(frame.data, stream + 4);
    assert_frame(frame, 5, 'a');
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_int_equal(frame.size, 0);
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_frame(frame, 7, 'b');
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_NEEDS_MORE);
    assert_int_equal(f->held_bytes, 0);
}

static void a_frame_that_comes_byte_by_byte_is_put_together(void **state) {
    struct fixture *f = *state;
    uint8_t stream[3000];
    size_t size = frame_write(stream, 2000, 'x');
    struct bytes input = BYTES_NULL, frame = BYTES_NULL;
    enum frame_status status = FRAME_NEEDS_MORE;

    for (size_t i = 0; i < size; i++) {
        assert_int_equal(status, FRAME_NEEDS_MORE);
        input = bytes_of(stream + i, 1);
        status = frame_reader_next(&f->reader, &input, &frame);
        assert_int_equal(input.size, 0);
    }
    assert_int_equal(status, FRAME_READY);
    assert_frame(frame, 2000, 'x');
}

static void sizes_over_the_bound_or_negative_are_refused(void **state) {
    static const uint32_t sizes[] = {FRAME_BYTES_MAX + 1, 0x7fffffff, 0x80000000, 0xffffffff,
                                     0x47455420 /* "GET " */};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
        for (size_t first = 1; first <= 4; first++) {
            uint8_t prefix[4];
            struct bytes input, frame;
            enum frame_status status;

            prefix[0] = (uint8_t)(sizes[i] >> 24);
            prefix[1] = (uint8_t)(sizes[i] >> 16);
            prefix[2] = (uint8_t)(sizes[i] >> 8);
            prefix[3] = (uint8_t)sizes[i];
            input = bytes_of(prefix, first);
            status = frame_reader_next(&f->reader, &input, &frame);
            if (first < 4) {
                assert_int_equal(status, FRAME_NEEDS_MORE);
                input = bytes_of(prefix + first, 4 - first);
                status = frame_reader_next(&f->reader, &input, &frame);
            }
            assert_int_equal(status, FRAME_REFUSED);
            assert_int_equal((uint32_t)frame_reader_announced_size(&f->reader, input), sizes[i]);
            frame_reader_done(&f->reader);
        }
    }
}

static void an_announced_size_alone_costs_little_memory(void **state) {
    struct fixture *f = *state;
    uint8_t prefix[5] = {0x00, 0x80, 0x00, 0x00, 'x'};
    struct bytes input = bytes_of(prefix, sizeof(prefix)), frame;
    uint8_t *at;
    size_t room;

    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_NEEDS_MORE);
    assert_true(frame_reader_room(&f->reader, &at, &room));
    assert_true(room > 0);
    assert_true(f->held_bytes <= 1 << 20);
}

static void the_rest_of_a_large_frame_is_read_into_its_place(void **state) {
    struct fixture *f = *state;
    const size_t size = FRAME_BYTES_MAX;
    uint8_t *stream = malloc(size + 4);
    size_t sent = 100;
    struct bytes input, frame;
    uint8_t *at;
    size_t room;

    frame_write(stream, size, 'L');
    input = bytes_of(stream, sent);
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_NEEDS_MORE);
    for (;;) {
        assert_true(frame_reader_room(&f->reader, &at, &room));
        assert_true(room > 0 && room <= size + 4 - sent);
        memcpy(at, stream + sent, room);
        frame_reader_received(&f->reader, room);
        sent += room;
        if (sent == size + 4)
            break;
        input = BYTES_NULL;
        assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_NEEDS_MORE);
    }
    input = BYTES_NULL;
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_frame(frame, size, 'L');
    free(stream);
}

static void a_frame_in_a_buffer_of_its_own_can_be_taken_over(void **state) {
    struct fixture *f = *state;
    uint8_t stream[64];
    size_t size = frame_write(stream, 20, 's');
    struct bytes input = bytes_of(stream, 10), frame, next;
    struct buffer stolen;

    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_NEEDS_MORE);
    input = bytes_of(stream + 10, size - 10);
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_true(frame_reader_steal(&f->reader, frame, &stolen));
    assert_int_equal(frame_reader_next(&f->reader, &input, &next), FRAME_NEEDS_MORE);
    assert_frame(frame, 20, 's');
    buffer_pool_give(&f->pool, &stolen);

    input = bytes_of(stream, size);
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_false(frame_reader_steal(&f->reader, frame, &stolen));
}

/* Frames of many sizes, cut at random, sometimes stashed, sometimes read into the room. */
static void random_cuts_give_the_same_frames(void **state) {
    struct fixture *f = *state;
    uint8_t *stream = malloc((size_t)64 << 20);
    struct rng rng;

    for (uint64_t seed = 1; seed <= 60; seed++) {
        size_t sizes[40];
        size_t total = 0, at = 0, expected = 0;

        rng_seed(&rng, seed);
        for (size_t i = 0; i < ARRAY_COUNT(sizes); i++) {
            static const size_t bounds[] = {4, 40, 3000, 100000, 1500000};
            sizes[i] = (size_t)rng_below(&rng, bounds[rng_below(&rng, ARRAY_COUNT(bounds))]);
            total += frame_write(stream + total, sizes[i], (uint8_t)i);
        }
        while (at < total) {
            size_t count = 1 + (size_t)rng_below(&rng, rng_below(&rng, 2) ? 20 : 300000);
            struct bytes input, frame = BYTES_NULL;
            enum frame_status status;
            uint8_t *place;
            size_t room;

            if (count > total - at)
                count = total - at;
            assert_true(frame_reader_room(&f->reader, &place, &room));
            if (room > count)
                room = count;
            if (room > 0) {
                memcpy(place, stream + at, room);
                frame_reader_received(&f->reader, room);
            }
            input = bytes_of(stream + at + room, count - room);
            at += count;
            while ((status = frame_reader_next(&f->reader, &input, &frame)) == FRAME_READY) {
                assert_true(expected < ARRAY_COUNT(sizes));
                assert_frame(frame, sizes[expected], (uint8_t)expected);
                expected++;
                if (rng_below(&rng, 3) == 0) {
                    assert_true(frame_reader_stash(&f->reader, input));
                    input = BYTES_NULL;
                }
            }
            assert_int_equal(status, FRAME_NEEDS_MORE);
        }
        assert_int_equal(expected, ARRAY_COUNT(sizes));
        assert_int_equal(f->held_bytes, 0);
    }
    free(stream);
}

static void the_pool_gives_freed_buffers_again_and_bounds_what_it_keeps(void **state) {
    struct fixture *f = *state;
    struct buffer a, b, large[40];
    uint8_t *first;

    assert_true(buffer_pool_take(&f->pool, 3000, &a));
    assert_int_equal(a.capacity, 4096);
    first = a.data;
    buffer_pool_give(&f->pool, &a);
    buffer_pool_give(&f->pool, &a); /* none: accepted */
    assert_true(buffer_pool_take(&f->pool, 4096, &b));
    assert_ptr_equal(b.data, first);
    buffer_pool_give(&f->pool, &b);
    for (size_t i = 0; i < ARRAY_COUNT(large); i++)
        assert_true(buffer_pool_take(&f->pool, (size_t)1 << 20, &large[i]));
    assert_int_equal(f->held_bytes, (int64_t)ARRAY_COUNT(large) << 20);
    for (size_t i = 0; i < ARRAY_COUNT(large); i++)
        buffer_pool_give(&f->pool, &large[i]);
    assert_true(f->pool.free_bytes <= f->pool.free_bytes_max);
    assert_true(buffer_pool_take(&f->pool, (size_t)5 << 20, &a));
    assert_int_equal(a.capacity, (size_t)5 << 20);
    buffer_pool_give(&f->pool, &a);
}

static void what_is_stashed_is_counted_in_whole_frames(void **state) {
    struct fixture *f = *state;
    uint8_t stream[64];
    size_t size = 0;
    struct bytes input = BYTES_NULL, frame;

    for (int i = 0; i < 3; i++)
        size += frame_write(stream + size, 5, 'a');
    size += frame_write(stream + size, 0, 0);
    assert_int_equal(frame_reader_whole_frames(&f->reader), 0);
    assert_true(frame_reader_stash(&f->reader, bytes_of(stream, size - 1)));
    assert_int_equal(frame_reader_whole_frames(&f->reader), 3);
    assert_int_equal(frame_reader_next(&f->reader, &input, &frame), FRAME_READY);
    assert_int_equal(frame_reader_whole_frames(&f->reader), 2);
    assert_true(frame_reader_stash(&f->reader, bytes_of(stream + size - 1, 1)));
    assert_int_equal(frame_reader_whole_frames(&f->reader), 3);
}

int main(void) {
#define FRAME_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        FRAME_TEST(whole_frames_are_handed_out_in_place),
        FRAME_TEST(a_frame_that_comes_byte_by_byte_is_put_together),
        FRAME_TEST(sizes_over_the_bound_or_negative_are_refused),
        FRAME_TEST(an_announced_size_alone_costs_little_memory),
        FRAME_TEST(the_rest_of_a_large_frame_is_read_into_its_place),
        FRAME_TEST(a_frame_in_a_buffer_of_its_own_can_be_taken_over),
        FRAME_TEST(what_is_stashed_is_counted_in_whole_frames),
        FRAME_TEST(random_cuts_give_the_same_frames),
        FRAME_TEST(the_pool_gives_freed_buffers_again_and_bounds_what_it_keeps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
