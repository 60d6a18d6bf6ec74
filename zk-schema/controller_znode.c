#include "zk-schema/controller_znode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct bytes controller_znode_encode(const struct controller_znode *controller,
                                     struct arena *arena) {
    json_t *object = json_object();
    char timestamp[32];

    snprintf(timestamp, sizeof(timestamp), "%lld", (long long)controller->timestamp_ms);
    json_object_set_new(object, "version", json_integer(2));
    json_object_set_new(object, "brokerid", json_integer(controller->broker_id));
    json_object_set_new(object, "timestamp", json_string(timestamp));
    json_object_set_new(object, "kraftControllerEpoch",
                        json_integer(controller->kraft_controller_epoch));
    return znode_finish(object, arena);
}

enum error controller_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                   struct controller_znode *controller, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *controller = (struct controller_znode){0};
    controller->broker_id = znode_int32(&reader, object, "brokerid");
    controller->timestamp_ms = strtoll(znode_text_or(&reader, object, "timestamp", "0"), NULL, 10);
    controller->kraft_controller_epoch =
        znode_int32_or(&reader, object, "kraftControllerEpoch", -1);
    json_decref(object);
    return znode_result(&reader);
}

struct bytes controller_epoch_znode_encode(int32_t epoch, struct arena *arena) {
    char text[16];

    snprintf(text, sizeof(text), "%d", epoch);
    return arena_copy(arena, bytes_of_text(text));
}

enum error controller_epoch_znode_decode(const char *path, struct bytes data, int32_t *epoch,
                                         struct znode_error *error) {
    struct znode_reader reader;
    char text[16];
    char *end;
    long number;

    znode_reader_init(&reader, path, NULL, error);
    if (data.size == 0 || data.size >= sizeof(text)) {
        znode_fail(&reader, NULL, "is no decimal number");
        return znode_result(&reader);
    }
    memcpy(text, data.data, data.size);
    text[data.size] = '\0';
    errno = 0;
    number = strtol(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number < 0 || number > INT32_MAX)
        znode_fail(&reader, NULL, "is no decimal number");
    else
        *epoch = (int32_t)number;
    return znode_result(&reader);
}

struct bytes cluster_id_znode_encode(const char *cluster_id, struct arena *arena) {
    json_t *object = json_object();

    json_object_set_new(object, "version", json_string("1")); /* a string, as Kafka writes it */
    json_object_set_new(object, "id", json_string(cluster_id));
    return znode_finish(object, arena);
}

enum error cluster_id_znode_decode(const char *path, struct bytes data, struct arena *arena,
                                   const char **cluster_id, struct znode_error *error) {
    struct znode_reader reader;
    json_t *object;

    znode_reader_init(&reader, path, arena, error);
    object = znode_parse(&reader, data);
    if (object == NULL)
        return znode_result(&reader);
    *cluster_id = znode_text(&reader, object, "id");
    if (!reader.failed && **cluster_id == '\0')
        znode_fail(&reader, "id", "is empty");
    json_decref(object);
    return znode_result(&reader);
}
