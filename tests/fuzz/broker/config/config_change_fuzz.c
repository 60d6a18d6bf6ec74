/* Any changes of any settings: what may be set can be laid over, and no key stands twice.
 *
 * A line is an operation (one of "=-+/", or 'b' for what was there before), a key, '=' and a
 * value. */
#include <stdlib.h>

#include "broker/config/config_change.h"
#include "broker/config/config_overlay.h"

#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    struct config_pair before[LINES_MAX];
    size_t before_count;
    struct config_change changes[LINES_MAX];
    size_t change_count;
};

static bool is_known(const struct input *input, struct bytes key) {
    for (size_t i = 0; i < input->before_count; i++) {
        if (bytes_equal(input->before[i].key, key))
            return true;
    }
    return false;
}

static void take_line(struct input *input, struct bytes line) {
    static const char operations[] = "=-+/";
    const uint8_t *equals = line.size < 2 ? NULL : memchr(line.data + 1, '=', line.size - 1);
    struct bytes key, value = BYTES_NULL;
    const char *operation;

    if (line.size == 0)
        return;
    operation = memchr(operations, line.data[0], sizeof(operations) - 1);
    key =
        bytes_of(line.data + 1, equals == NULL ? line.size - 1 : (size_t)(equals - line.data) - 1);
    if (equals != NULL)
        value = bytes_of(equals + 1, (size_t)(line.data + line.size - equals) - 1);
    if (line.data[0] == 'b' && equals != NULL && !is_known(input, key))
        input->before[input->before_count++] = (struct config_pair){key, value};
    else
        input->changes[input->change_count++] = (struct config_change){
            key, value,
            operation == NULL ? (enum config_operation)line.data[0]
                              : (enum config_operation)(operation - operations)};
}

static void take_lines(struct input *input, const uint8_t *data, size_t size) {
    memset(input, 0, sizeof(*input));
    for (size_t line = 0; line < LINES_MAX && size > 0; line++) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t length = end == NULL ? size : (size_t)(end - data);
        take_line(input, bytes_of(data, length));
        size -= end == NULL ? size : length + 1;
        data = end == NULL ? data : end + 1;
    }
}

static struct config *file_config(void) {
    static struct config *config;
    struct config_report report;

    if (config != NULL)
        return config;
    config_report_init(&report);
    CHECK(config_parse("f", bytes_of_text("zookeeper.connect=z\n"), NULL, 0, &report, &config) ==
          ERR_NONE);
    config_report_done(&report);
    return config;
}

static void check_unique(const struct config_layer *layer) {
    for (size_t i = 0; i < layer->count; i++) {
        CHECK(!bytes_is_null(layer->pairs[i].value));
        for (size_t j = 0; j < i; j++)
            CHECK(!bytes_equal(layer->pairs[i].key, layer->pairs[j].key));
    }
}

static void lay_over(const struct config_layer *layer) {
    const struct config_layer nothing = {NULL, 0};
    char message[CONFIG_MESSAGE_SIZE] = "";
    struct config_report report;
    struct config *overlaid = NULL;
    enum error error = config_layer_check(file_config(), &nothing, layer, true, &nothing, message);
    bool is_allowed = error == ERR_NONE;

    CHECK(is_allowed || (error == ERR_INVALID_REQUEST && message[0] != '\0'));
    config_report_init(&report);
    error = config_overlay(file_config(), layer, &nothing, &report, &overlaid);
    CHECK(!is_allowed || error == ERR_NONE);
    config_free(overlaid);
    config_report_done(&report);
}

static void check_topic(const struct config_layer *layer) {
    char message[CONFIG_MESSAGE_SIZE] = "";
    struct topic_config resolved;
    enum error error =
        topic_config_resolve(file_config(), layer->pairs, layer->count, &resolved, message);

    CHECK(error == ERR_NONE || (error == ERR_INVALID_CONFIG && message[0] != '\0'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char message[CONFIG_MESSAGE_SIZE];
    struct input input;
    struct arena arena;

    take_lines(&input, data, size);
    arena_init(&arena, 64 << 20);
    if (config_changes_check(input.changes, input.change_count, &arena, message) == ERR_NONE) {
        for (int is_topic = 0; is_topic <= 1; is_topic++) {
            struct config_pair *after;
            struct config_layer layer;
            if (config_changes_apply(input.before, input.before_count, input.changes,
                                     input.change_count, is_topic, &arena, &after, &layer.count,
                                     message) != ERR_NONE)
                continue;
            layer.pairs = after;
            check_unique(&layer);
            if (is_topic)
                check_topic(&layer);
            else
                lay_over(&layer);
        }
    }
    arena_done(&arena);
    return 0;
}
