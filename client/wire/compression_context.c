#include <pthread.h>
#include <stdlib.h>

#include "client/wire/compression_codec.h"

static pthread_key_t key;
static pthread_once_t key_once = PTHREAD_ONCE_INIT;

static void context_free(void *memory) {
    struct compression_context *context = memory;

    if (context->deflate_is_ready)
        (void)deflateEnd(&context->deflate); /* tells only of unwritten data */
    if (context->inflate_is_ready)
        (void)inflateEnd(&context->inflate);
    free(context->lz4_high);
    (void)ZSTD_freeCCtx(context->zstd_compress);
    (void)ZSTD_freeDCtx(context->zstd_decompress);
    free(context);
}

static void key_create(void) {
    CHECK(pthread_key_create(&key, context_free) == 0);
}

struct compression_context *compression_context_of_thread(void) {
    struct compression_context *context;

    CHECK(pthread_once(&key_once, key_create) == 0);
    context = pthread_getspecific(key);
    if (context != NULL)
        return context;
    context = calloc(1, sizeof(*context));
    if (context != NULL && pthread_setspecific(key, context) != 0) {
        free(context);
        return NULL;
    }
    return context;
}
