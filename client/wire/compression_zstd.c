/*
 * Zstandard frames without a dictionary. We write the content size into the frame; others,
 * which stream, leave it out.
 */
#include <zstd_errors.h>

#include "client/wire/compression.h"
#include "client/wire/compression_codec.h"

#define LEVEL_DEFAULT 3

/* A thread keeps contexts up to this size: high levels and long windows take far more. */
#define CONTEXT_BYTES_KEPT ((size_t)16 << 20)

static int zstd_level(int32_t level) {
    if (level == COMPRESSION_LEVEL_DEFAULT)
        return LEVEL_DEFAULT;
    if (level < ZSTD_minCLevel())
        return ZSTD_minCLevel();
    return level > ZSTD_maxCLevel() ? ZSTD_maxCLevel() : (int)level;
}

enum error zstd_compress(int32_t level, struct bytes plain, struct compression_output *output) {
    struct compression_context *context = compression_context_of_thread();
    size_t bound = ZSTD_compressBound(plain.size);
    size_t size;
    enum error error;

    if (context == NULL)
        return ERR_OUT_OF_MEMORY;
    if (context->zstd_compress == NULL && (context->zstd_compress = ZSTD_createCCtx()) == NULL)
        return ERR_OUT_OF_MEMORY;
    if ((error = compression_output_reserve(output, bound)) != ERR_NONE)
        return error;
    size = ZSTD_compressCCtx(context->zstd_compress, output->data + output->size, bound, plain.data,
                             plain.size, zstd_level(level));
    if (ZSTD_sizeof_CCtx(context->zstd_compress) > CONTEXT_BYTES_KEPT) {
        (void)ZSTD_freeCCtx(context->zstd_compress);
        context->zstd_compress = NULL;
    }
    if (ZSTD_isError(size))
        return ERR_OUT_OF_MEMORY; /* with room for the bound nothing else can happen */
    output->size += size;
    return ERR_NONE;
}

static enum error decompress_with(ZSTD_DCtx *context, struct bytes compressed,
                                  struct compression_output *output) {
    ZSTD_inBuffer in = {.src = compressed.data, .size = compressed.size};
    size_t left = 1; /* 0 when a frame has ended */
    enum error error;

    while (in.pos < in.size || left != 0) {
        size_t in_before = in.pos;
        ZSTD_outBuffer out;

        if (output->size == output->capacity &&
            (error = compression_output_extend(output)) != ERR_NONE)
            return error;
        out = (ZSTD_outBuffer){.dst = output->data, .size = output->capacity, .pos = output->size};
        left = ZSTD_decompressStream(context, &out, &in);
        if (ZSTD_isError(left))
            return ZSTD_getErrorCode(left) == ZSTD_error_memory_allocation ? ERR_OUT_OF_MEMORY
                                                                           : ERR_MALFORMED;
        if (left != 0 && in.pos == in_before && out.pos == output->size)
            return ERR_MALFORMED; /* it ends before its end */
        output->size = out.pos;
    }
    return output->size > output->size_max ? ERR_MALFORMED : ERR_NONE;
}

enum error zstd_decompress(struct bytes compressed, struct compression_output *output) {
    struct compression_context *context = compression_context_of_thread();
    unsigned long long declared = ZSTD_getFrameContentSize(compressed.data, compressed.size);
    enum error error;

    if (context == NULL)
        return ERR_OUT_OF_MEMORY;
    if (context->zstd_decompress == NULL && (context->zstd_decompress = ZSTD_createDCtx()) == NULL)
        return ERR_OUT_OF_MEMORY;
    CHECK(!ZSTD_isError(ZSTD_DCtx_reset(context->zstd_decompress, ZSTD_reset_session_only)));
    if (declared == ZSTD_CONTENTSIZE_ERROR)
        return ERR_MALFORMED;
    if (declared != ZSTD_CONTENTSIZE_UNKNOWN) {
        if (declared > output->size_max - output->size)
            return ERR_MALFORMED;
        /* With room for all of it the library decompresses straight into it. */
        if ((error = compression_output_reserve(output, (size_t)declared)) != ERR_NONE)
            return error;
    }
    error = decompress_with(context->zstd_decompress, compressed, output);
    if (ZSTD_sizeof_DCtx(context->zstd_decompress) > CONTEXT_BYTES_KEPT) {
        (void)ZSTD_freeDCtx(context->zstd_decompress);
        context->zstd_decompress = NULL;
    }
    return error;
}
