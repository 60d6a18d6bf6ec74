/*
 * gzip by zlib: members of RFC 1952, of which we write one and read any number.
 */
#include "client/wire/compression.h"
#include "client/wire/compression_codec.h"

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window; + 16: gzip rather than zlib */
#define MEMORY_LEVEL     8
#define GZIP_MAGIC_0     0x1f
#define GZIP_MAGIC_1     0x8b

static int zlib_level(int32_t level) {
    if (level == COMPRESSION_LEVEL_DEFAULT || level == Z_DEFAULT_COMPRESSION)
        return Z_DEFAULT_COMPRESSION;
    if (level < Z_BEST_SPEED)
        return Z_BEST_SPEED;
    return level > Z_BEST_COMPRESSION ? Z_BEST_COMPRESSION : (int)level;
}

static z_stream *deflate_of_thread(int level) {
    struct compression_context *context = compression_context_of_thread();

    if (context == NULL)
        return NULL;
    if (context->deflate_is_ready && context->deflate_level == level) {
        CHECK(deflateReset(&context->deflate) == Z_OK);
        return &context->deflate;
    }
    if (context->deflate_is_ready)
        (void)deflateEnd(&context->deflate); /* tells only of unwritten data */
    context->deflate = (z_stream){0};
    context->deflate_level = level;
    context->deflate_is_ready = deflateInit2(&context->deflate, level, Z_DEFLATED, GZIP_WINDOW_BITS,
                                             MEMORY_LEVEL, Z_DEFAULT_STRATEGY) == Z_OK;
    return context->deflate_is_ready ? &context->deflate : NULL;
}

static z_stream *inflate_of_thread(void) {
    struct compression_context *context = compression_context_of_thread();

    if (context == NULL)
        return NULL;
    if (context->inflate_is_ready) {
        CHECK(inflateReset(&context->inflate) == Z_OK);
        return &context->inflate;
    }
    context->inflate = (z_stream){0};
    context->inflate_is_ready = inflateInit2(&context->inflate, GZIP_WINDOW_BITS) == Z_OK;
    return context->inflate_is_ready ? &context->inflate : NULL;
}

enum error gzip_compress(int32_t level, struct bytes plain, struct compression_output *output) {
    z_stream *stream = deflate_of_thread(zlib_level(level));
    size_t bound;
    enum error error;

    if (stream == NULL)
        return ERR_OUT_OF_MEMORY;
    bound = deflateBound(stream, plain.size);
    if ((error = compression_output_reserve(output, bound)) != ERR_NONE)
        return error;
    stream->next_in = (Bytef *)plain.data;
    stream->avail_in = (uInt)plain.size;
    stream->next_out = output->data + output->size;
    stream->avail_out = (uInt)bound;
    CHECK(deflate(stream, Z_FINISH) == Z_STREAM_END);
    output->size += bound - stream->avail_out;
    return ERR_NONE;
}

/* Java goes on with a member that follows, and ignores anything else behind the first. */
static bool another_member_follows(const z_stream *stream) {
    return stream->avail_in >= 2 && stream->next_in[0] == GZIP_MAGIC_0 &&
           stream->next_in[1] == GZIP_MAGIC_1;
}

enum error gzip_decompress(struct bytes compressed, struct compression_output *output) {
    z_stream *stream = inflate_of_thread();
    enum error error;

    if (stream == NULL)
        return ERR_OUT_OF_MEMORY;
    stream->next_in = (Bytef *)compressed.data;
    stream->avail_in = (uInt)compressed.size;
    for (;;) {
        size_t room;
        int result;

        if (output->size == output->capacity &&
            (error = compression_output_extend(output)) != ERR_NONE)
            return error;
        room = output->capacity - output->size;
        stream->next_out = output->data + output->size;
        stream->avail_out = (uInt)room;
        result = inflate(stream, Z_NO_FLUSH);
        output->size += room - stream->avail_out;
        if (result == Z_STREAM_END) {
            if (!another_member_follows(stream))
                return output->size > output->size_max ? ERR_MALFORMED : ERR_NONE;
            CHECK(inflateReset(stream) == Z_OK);
        } else if (result == Z_MEM_ERROR) {
            return ERR_OUT_OF_MEMORY;
        } else if (result != Z_OK || (stream->avail_in == 0 && stream->avail_out > 0)) {
            return ERR_MALFORMED; /* invalid, or it ends before its end */
        }
    }
}
