#include <stdlib.h>

#include "broker/group/group_internal.h"

/* ---- Owned bytes ---- */

struct bytes group_own(struct bytes source) {
    uint8_t *copy;

    if (bytes_is_null(source))
        return BYTES_NULL;
    copy = malloc(source.size + 1); /* empty is not null */
    CHECK(copy != NULL);
    if (source.size > 0)
        memcpy(copy, source.data, source.size);
    return bytes_of(copy, source.size);
}

void group_disown(struct bytes *owned) {
    free((void *)(uintptr_t)owned->data);
    *owned = BYTES_NULL;
}

struct group_protocol *group_own_protocols(const struct group_protocol *source, int32_t count) {
    struct group_protocol *copy = calloc((size_t)count + 1, sizeof(*copy));

    CHECK(copy != NULL);
    for (int32_t i = 0; i < count; i++)
        copy[i] = (struct group_protocol){group_own(source[i].name), group_own(source[i].metadata)};
    return copy;
}

void group_disown_protocols(struct group_protocol *protocols, int32_t count) {
    for (int32_t i = 0; i < count; i++) {
        group_disown(&protocols[i].name);
        group_disown(&protocols[i].metadata);
    }
    free(protocols);
}

/* ---- Finding ---- */

struct group_member *group_find_member(const struct group *group, struct bytes id) {
    struct group_member *member = NULL;

    if (!bytes_is_null(id))
        HASH_FIND(by_id, group->members, id.data, id.size, member);
    return member;
}

struct group_member *group_find_instance(const struct group *group, struct bytes instance_id) {
    if (bytes_is_null(instance_id))
        return NULL;
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (bytes_equal(member->instance_id, instance_id))
            return member;
    }
    return NULL;
}

enum error group_check_member(const struct group *group, struct bytes id, struct bytes instance_id,
                              struct group_member **found) {
    *found = group_find_member(group, id);
    if (bytes_is_null(instance_id) ||
        (*found != NULL && bytes_equal((*found)->instance_id, instance_id)))
        return *found == NULL ? ERR_UNKNOWN_MEMBER_ID : ERR_NONE;
    return group_find_instance(group, instance_id) == NULL ? ERR_UNKNOWN_MEMBER_ID
                                                           : ERR_FENCED_INSTANCE_ID;
}

struct group_pending *group_find_pending(const struct group *group, struct bytes id) {
    struct group_pending *pending = NULL;

    if (!bytes_is_null(id))
        HASH_FIND(by_id, group->pending, id.data, id.size, pending);
    return pending;
}

/* ---- Coming and going ---- */

struct group_member *group_add_member(struct group *group, struct bytes id,
                                      const struct group_join *join) {
    struct group_member *member = calloc(1, sizeof(*member));
    struct group_pending *pending = group_find_pending(group, id);

    CHECK(member != NULL);
    if (group->members == NULL) {
        group_disown(&group->protocol_type);
        group->protocol_type = group_own(join->protocol_type);
    }
    member->id = group_own(id);
    member->instance_id = group_own(join->instance_id);
    member->client_id = group_own(join->client_id);
    member->client_host = group_own(join->client_host);
    member->assignment = group_own(bytes_of_text(""));
    member->session_deadline_ms = GROUP_NO_DEADLINE;
    group_update_member(member, join);
    HASH_ADD_KEYPTR(by_id, group->members, member->id.data, member->id.size, member);
    if (group->leader == NULL)
        group->leader = member;
    if (pending != NULL)
        group_remove_pending(group, pending);
    return member;
}

void group_update_member(struct group_member *member, const struct group_join *join) {
    struct group_protocol *protocols = group_own_protocols(join->protocols, join->protocol_count);

    group_disown_protocols(member->protocols, member->protocol_count);
    member->protocols = protocols;
    member->protocol_count = join->protocol_count;
    member->rebalance_timeout_ms = join->rebalance_timeout_ms;
    member->session_timeout_ms = join->session_timeout_ms;
}

void group_remove_member(struct group *group, struct group_member *member) {
    CHECK(member->joined == NULL && member->synced == NULL);
    HASH_DELETE(by_id, group->members, member);
    if (group->leader == member)
        group->leader = group->members;
    group_disown(&member->id);
    group_disown(&member->instance_id);
    group_disown(&member->client_id);
    group_disown(&member->client_host);
    group_disown(&member->assignment);
    group_disown(&member->proposed);
    group_disown_protocols(member->protocols, member->protocol_count);
    free(member);
}

void group_rename_member(struct group *group, struct group_member *member, struct bytes id) {
    struct bytes owned = group_own(id);

    HASH_DELETE(by_id, group->members, member);
    group_disown(&member->id);
    member->id = owned;
    HASH_ADD_KEYPTR(by_id, group->members, member->id.data, member->id.size, member);
}

void group_add_pending(struct group *group, struct bytes id, int64_t deadline_ms) {
    struct group_pending *pending = calloc(1, sizeof(*pending));

    CHECK(pending != NULL);
    pending->id = group_own(id);
    pending->deadline_ms = deadline_ms;
    HASH_ADD_KEYPTR(by_id, group->pending, pending->id.data, pending->id.size, pending);
}

void group_remove_pending(struct group *group, struct group_pending *pending) {
    HASH_DELETE(by_id, group->pending, pending);
    group_disown(&pending->id);
    free(pending);
}

/* ---- Protocols ---- */

static const struct group_protocol *find_protocol(const struct group_member *member,
                                                  struct bytes name) {
    for (int32_t i = 0; i < member->protocol_count; i++) {
        if (bytes_equal(member->protocols[i].name, name))
            return &member->protocols[i];
    }
    return NULL;
}

bool group_member_has_protocols(const struct group_member *member,
                                const struct group_protocol *protocols, int32_t count) {
    if (member->protocol_count != count)
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (!bytes_equal(member->protocols[i].name, protocols[i].name) ||
            !bytes_equal(member->protocols[i].metadata, protocols[i].metadata))
            return false;
    }
    return true;
}

struct bytes group_member_metadata(const struct group_member *member, struct bytes protocol) {
    const struct group_protocol *found = find_protocol(member, protocol);

    return found == NULL ? bytes_of_text("") : found->metadata;
}

static bool is_known_to_all(const struct group *group, struct bytes protocol) {
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (find_protocol(member, protocol) == NULL)
            return false;
    }
    return true;
}

bool group_supports(const struct group *group, struct bytes protocol_type,
                    const struct group_protocol *protocols, int32_t count) {
    if (group->state == GROUP_EMPTY)
        return protocol_type.size > 0 && count > 0;
    if (!bytes_equal(group->protocol_type, protocol_type))
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (is_known_to_all(group, protocols[i].name))
            return true;
    }
    return false;
}

/* The first of its protocols that is one of the candidates: -1 if there is none, which cannot be,
 * because a member is let in only with one that all know. */
static int32_t vote(const struct group_member *member, const struct group_protocol *candidates,
                    const bool *is_candidate, int32_t count) {
    for (int32_t i = 0; i < member->protocol_count; i++) {
        for (int32_t j = 0; j < count; j++) {
            if (is_candidate[j] && bytes_equal(member->protocols[i].name, candidates[j].name))
                return j;
        }
    }
    return -1;
}

/* All that everybody knows, the first member lists. */
struct bytes group_choose_protocol(const struct group *group) {
    const struct group_member *first = group->members;
    int32_t count = first->protocol_count;
    int32_t *votes = calloc((size_t)count + 1, sizeof(*votes));
    bool *is_candidate = calloc((size_t)count + 1, sizeof(*is_candidate));
    int32_t best = 0;

    CHECK(votes != NULL && is_candidate != NULL);
    for (int32_t i = 0; i < count; i++)
        is_candidate[i] = is_known_to_all(group, first->protocols[i].name);
    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        int32_t choice = vote(member, first->protocols, is_candidate, count);
        if (choice >= 0)
            votes[choice]++;
    }
    for (int32_t i = 1; i < count; i++) {
        if (votes[i] > votes[best])
            best = i;
    }
    free(votes);
    free(is_candidate);
    return count == 0 ? bytes_of_text("") : first->protocols[best].name;
}

int32_t group_longest_rebalance_timeout_ms(const struct group *group) {
    int32_t longest = 0;

    for (struct group_member *member = group->members; member != NULL;
         member = member->by_id.next) {
        if (member->rebalance_timeout_ms > longest)
            longest = member->rebalance_timeout_ms;
    }
    return longest;
}
