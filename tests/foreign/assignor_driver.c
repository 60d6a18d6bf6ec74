/* What our assignors give the groups that assignors_test.py describes, line by line: see there. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/group/assignor.h"

#define ITEMS_MAX 64
#define ARENA_MAX ((size_t)64 << 20)

struct group {
    struct arena arena;
    const struct assignor *assignor;
    struct assignor_topic topics[ITEMS_MAX];
    size_t topic_count;
    struct assignor_member members[ITEMS_MAX];
    size_t member_count;
};

static struct bytes keep(struct group *group, const char *text) {
    struct bytes copy = arena_copy(&group->arena, bytes_of_text(text));

    CHECK(copy.data != NULL);
    return copy;
}

static struct bytes or_null(struct group *group, const char *text) {
    return strcmp(text, "-") == 0 ? BYTES_NULL : keep(group, text);
}

/* "NAME RACKS...": of each partition "." or "A,B". */
static void read_topic(struct group *group, char *rest) {
    struct assignor_topic *topic = &group->topics[group->topic_count++];
    struct assignor_racks *racks = arena_alloc(&group->arena, ITEMS_MAX, sizeof(*racks));
    char *word = strsep(&rest, " ");

    CHECK(group->topic_count < ITEMS_MAX);
    CHECK(racks != NULL);
    topic->name = keep(group, word);
    topic->partition_count = 0;
    topic->racks = racks;
    while ((word = strsep(&rest, " ")) != NULL) {
        struct assignor_racks *of = &racks[topic->partition_count++];
        struct bytes *names = arena_alloc(&group->arena, ITEMS_MAX, sizeof(*names));
        char *rack;

        CHECK(names != NULL);
        of->racks = names;
        while ((rack = strsep(&word, ",")) != NULL)
            if (strcmp(rack, ".") != 0)
                names[of->count++] = keep(group, rack);
    }
}

/* "topic:0,topic:1", by topic; "-": none. */
static void read_owned(struct group *group, struct subscription *s, char *text) {
    struct topic_partitions *topics = arena_alloc(&group->arena, ITEMS_MAX, sizeof(*topics));
    char *item;

    CHECK(topics != NULL);
    s->owned.topics = topics;
    if (strcmp(text, "-") == 0)
        return;
    while ((item = strsep(&text, ",")) != NULL) {
        char *name = strsep(&item, ":");
        struct topic_partitions *last = s->owned.count == 0 ? NULL : &topics[s->owned.count - 1];

        if (last == NULL || !bytes_equal_text(last->topic, name)) {
            last = &topics[s->owned.count++];
            last->topic = keep(group, name);
            last->partitions = arena_alloc(&group->arena, ITEMS_MAX, sizeof(int32_t));
            CHECK(last->partitions != NULL);
        }
        ((int32_t *)(uintptr_t)last->partitions)[last->count++] = (int32_t)strtol(item, NULL, 10);
    }
}

/* "ID INSTANCE RACK GENERATION TOPICS OWNED", '-' for nothing. */
static void read_member(struct group *group, char *rest) {
    struct assignor_member *member = &group->members[group->member_count++];
    struct subscription *s = &member->subscription;
    struct bytes *topics = arena_alloc(&group->arena, ITEMS_MAX, sizeof(*topics));
    char *names, *name;

    CHECK(group->member_count < ITEMS_MAX);
    CHECK(topics != NULL);
    *member = (struct assignor_member){0};
    member->member_id = keep(group, strsep(&rest, " "));
    member->instance_id = or_null(group, strsep(&rest, " "));
    s->rack_id = or_null(group, strsep(&rest, " "));
    s->generation_id = (int32_t)strtol(strsep(&rest, " "), NULL, 10);
    names = strsep(&rest, " ");
    s->topics = topics;
    while ((name = strsep(&names, ",")) != NULL)
        topics[s->topic_count++] = keep(group, name);
    read_owned(group, s, rest);
    CHECK(assignor_user_data(group->assignor, &s->owned, s->generation_id, &group->arena,
                             &s->user_data) == ERR_NONE);
}

static void go(struct group *group) {
    struct assignment assignments[ITEMS_MAX];

    CHECK(assignor_assign(group->assignor, group->members, group->member_count, group->topics,
                          group->topic_count, &group->arena, assignments) == ERR_NONE);
    for (size_t m = 0; m < group->member_count; m++) {
        const struct partition_list *list = &assignments[m].partitions;
        const char *comma = "";

        printf("%.*s ", BYTES_FORMAT(group->members[m].member_id));
        for (int32_t t = 0; t < list->count; t++)
            for (int32_t i = 0; i < list->topics[t].count; i++) {
                printf("%s%.*s:%d", comma, BYTES_FORMAT(list->topics[t].topic),
                       list->topics[t].partitions[i]);
                comma = ",";
            }
        printf("\n");
    }
    printf("end\n");
    arena_reset(&group->arena);
    group->topic_count = 0;
    group->member_count = 0;
}

int main(void) {
    struct group group = {0};
    char *line = NULL;
    size_t size = 0;

    arena_init(&group.arena, ARENA_MAX);
    while (getline(&line, &size, stdin) > 0) {
        char *rest = line;
        char *verb;

        line[strcspn(line, "\n")] = '\0';
        verb = strsep(&rest, " ");
        if (strcmp(verb, "assign") == 0)
            group.assignor = assignor_find(bytes_of_text(rest));
        else if (strcmp(verb, "topic") == 0)
            read_topic(&group, rest);
        else if (strcmp(verb, "member") == 0)
            read_member(&group, rest);
        else
            go(&group);
    }
    free(line);
    arena_done(&group.arena);
    return 0;
}
