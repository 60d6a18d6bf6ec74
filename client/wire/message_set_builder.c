#include "client/wire/message_set_builder.h"

#include <stdlib.h>
#include <zlib.h>

#include "client/wire/big_endian.h"
#include "client/wire/compression_codec.h"

#define SET_BYTES_MAX         ((size_t)1 << 30)
#define CAPACITY_FIRST        1024
#define OFFSET_AND_SIZE_BYTES 12 /* not counted by the size field */
#define CRC_BYTES             4
#define LENGTH_BYTES          4

void message_set_builder_done(struct message_set_builder *builder) {
    free(builder->data);
    *builder = (struct message_set_builder){0};
}

/* Room for `size` bytes at the end, which count from now on; NULL if memory is exhausted. */
static uint8_t *extend(struct message_set_builder *builder, size_t size) {
    size_t capacity = builder->capacity == 0 ? CAPACITY_FIRST : builder->capacity;
    uint8_t *data;

    if (size > SET_BYTES_MAX - builder->size)
        return NULL;
    while (capacity < builder->size + size)
        capacity *= 2;
    if (capacity != builder->capacity) {
        data = realloc(builder->data, capacity);
        if (data == NULL)
            return NULL;
        builder->data = data;
        builder->capacity = capacity;
    }
    data = builder->data + builder->size;
    builder->size += size;
    return data;
}

static uint8_t *put_nullable(uint8_t *at, struct bytes value) {
    big_endian_store_u32(at, bytes_is_null(value) ? UINT32_MAX : (uint32_t)value.size);
    if (value.size > 0)
        memcpy(at + LENGTH_BYTES, value.data, value.size);
    return at + LENGTH_BYTES + value.size;
}

enum error message_set_builder_add(struct message_set_builder *builder,
                                   const struct message_set_entry *entry) {
    size_t time_bytes = entry->magic == 0 ? 0 : sizeof(entry->timestamp);
    size_t body = CRC_BYTES + 2 + time_bytes + LENGTH_BYTES;
    uint8_t *start;
    uint8_t *at;

    if (entry->key.size > SET_BYTES_MAX || entry->value.size > SET_BYTES_MAX)
        return ERR_OUT_OF_MEMORY;
    body += entry->key.size + LENGTH_BYTES + entry->value.size;
    if ((start = extend(builder, OFFSET_AND_SIZE_BYTES + body)) == NULL)
        return ERR_OUT_OF_MEMORY;
    big_endian_store_u64(start, (uint64_t)entry->offset);
    big_endian_store_u32(start + 8, (uint32_t)body);
    at = start + OFFSET_AND_SIZE_BYTES + CRC_BYTES;
    *at++ = (uint8_t)entry->magic;
    *at++ = (uint8_t)entry->attributes;
    if (time_bytes > 0)
        big_endian_store_u64(at, (uint64_t)entry->timestamp);
    at = put_nullable(at + time_bytes, entry->key);
    (void)put_nullable(at, entry->value);
    at = start + OFFSET_AND_SIZE_BYTES + CRC_BYTES;
    big_endian_store_u32(at - CRC_BYTES, (uint32_t)crc32_z(0, at, body - CRC_BYTES));
    return ERR_NONE;
}

enum error message_set_builder_add_raw(struct message_set_builder *builder, struct bytes entries) {
    uint8_t *at = entries.size == 0 ? builder->data : extend(builder, entries.size);

    if (entries.size == 0)
        return ERR_NONE;
    if (at == NULL)
        return ERR_OUT_OF_MEMORY;
    memcpy(at, entries.data, entries.size);
    return ERR_NONE;
}

enum error message_set_builder_add_wrapper(struct message_set_builder *builder,
                                           const struct message_set_entry *wrapper,
                                           struct bytes inner) {
    enum compression codec = message_set_entry_codec(wrapper);
    struct message_set_entry entry = *wrapper;
    uint8_t *compressed;
    size_t size;
    enum error error;

    error = codec == COMPRESSION_LZ4 && wrapper->magic == 0
                ? compression_compress_lz4_magic_0(inner, &compressed, &size)
                : compression_compress(codec, COMPRESSION_LEVEL_DEFAULT, inner, &compressed, &size);
    if (error != ERR_NONE)
        return error;
    entry.key = BYTES_NULL;
    entry.value = bytes_of(compressed, size);
    error = message_set_builder_add(builder, &entry);
    free(compressed);
    return error;
}
