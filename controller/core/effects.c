#include "controller/core/request.h"

void controller_effects_init(struct controller_effects *effects) {
    *effects = (struct controller_effects){0};
    arena_init(&effects->arena, SIZE_MAX);
}

void controller_effects_reset(struct controller_effects *effects) {
    while (effects->answered != NULL) {
        struct request *request = effects->answered;
        effects->answered = request->next_answered;
        controller_request_free(request);
    }
    effects->count = 0;
    arena_reset(&effects->arena);
}

void controller_effects_done(struct controller_effects *effects) {
    controller_effects_reset(effects);
    arena_done(&effects->arena);
    free(effects->items);
    effects->items = NULL;
    effects->capacity = 0;
}

struct controller_effect *controller_effect_add(struct controller *c,
                                                struct controller_effects *effects,
                                                enum controller_effect_kind kind) {
    struct controller_effect *effect;

    effects->items = controller_grow(effects->items, effects->count, &effects->capacity,
                                     sizeof(*effects->items));
    effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof(*effect));
    effect->kind = kind;
    effect->term = c->term;
    effect->token = ++c->last_token;
    return effect;
}

static bool is_part_of_loading(enum controller_effect_kind kind) {
    return kind == CONTROLLER_EFFECT_READ_BROKERS || kind == CONTROLLER_EFFECT_READ_TOPICS ||
           kind == CONTROLLER_EFFECT_READ_TOPIC || kind == CONTROLLER_EFFECT_READ_DELETE_TOPICS;
}

uint64_t controller_effect_read(struct controller *c, struct controller_effects *effects,
                                enum controller_effect_kind kind, struct bytes name) {
    struct controller_effect *effect = controller_effect_add(c, effects, kind);

    effect->name = controller_effect_copy_bytes(effects, name);
    if (c->role == ROLE_LOADING && is_part_of_loading(kind))
        c->loads++;
    return effect->token;
}

void *controller_effect_copy(struct controller_effects *effects, const void *data, size_t size) {
    char *copy = arena_alloc(&effects->arena, size + 1, 1);

    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

struct bytes controller_effect_copy_bytes(struct controller_effects *effects, struct bytes source) {
    return bytes_is_null(source)
               ? BYTES_NULL
               : bytes_of(controller_effect_copy(effects, source.data, source.size), source.size);
}
