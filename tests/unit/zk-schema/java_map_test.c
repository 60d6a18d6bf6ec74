/* The order of members: what Apache Kafka 3.9.2 wrote for the same topics. */
#include "zk-schema/java_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_SIZE 2048

/* The names of `object`, which goes, between commas. */
static void check_names(json_t *object, const char *expected) {
    char text[TEXT_SIZE] = "";
    const char *key;
    json_t *value;

    json_object_foreach (object, key, value) {
        size_t size = strlen(text);
        snprintf(text + size, sizeof(text) - size, "%s%s", size == 0 ? "" : ",", key);
        assert_int_equal(json_integer_value(value), strlen(key)); /* it has its value still */
    }
    assert_string_equal(text, expected);
    json_decref(object);
}

static void put(json_t *object, const char *key) {
    assert_int_equal(json_object_set_new(object, key, json_integer((json_int_t)strlen(key))), 0);
}

static void partitions_are_in_the_order_of_their_hashes(void **state) {
    static const struct {
        int count;
        const char *order;
    } cases[] = {
        {0, ""},
        {11, "0,1,2,3,4,5,6,7,8,9,10"},
        {12, "11,0,1,2,3,4,5,6,7,8,9,10"},
        {40, "22,23,24,25,26,27,28,29,30,31,10,32,11,33,12,34,13,35,14,36,15,37,16,"
             "38,17,39,18,19,0,1,2,3,4,5,6,7,8,9,20,21"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *object = json_object();
        for (int partition = 0; partition < cases[i].count; partition++) {
            char key[16];
            snprintf(key, sizeof(key), "%d", partition);
            put(object, key);
        }
        check_names(java_map_ordered(object, SCALA_HASH_MAP), cases[i].order);
    }
}

static const char *const settings[] = {
    "retention.ms",
    "segment.bytes",
    "cleanup.policy",
    "max.message.bytes",
    "min.insync.replicas",
    "compression.type",
    "flush.ms",
    "flush.messages",
    "segment.ms",
    "retention.bytes",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "index.interval.bytes",
    "min.cleanable.dirty.ratio",
    "preallocate",
    "message.timestamp.type",
    "segment.jitter.ms",
    "segment.index.bytes",
    "unclean.leader.election.enable",
    "max.compaction.lag.ms",
    "min.compaction.lag.ms",
    "leader.replication.throttled.replicas",
    "follower.replication.throttled.replicas",
    "message.downconversion.enable",
    "message.timestamp.before.max.ms",
};

static void settings_are_in_the_order_of_properties(void **state) {
    static const struct {
        size_t count;
        const char *order;
    } cases[] = {
        {3, "cleanup.policy,retention.ms,segment.bytes"},
        {10, "compression.type,cleanup.policy,flush.ms,max.message.bytes,min.insync.replicas,"
             "retention.ms,segment.bytes,segment.ms,flush.messages,retention.bytes"},
        {25, "compression.type,leader.replication.throttled.replicas,min.insync.replicas,"
             "message.downconversion.enable,segment.jitter.ms,cleanup.policy,flush.ms,"
             "follower.replication.throttled.replicas,segment.bytes,retention.ms,"
             "flush.messages,file.delete.delay.ms,max.compaction.lag.ms,max.message.bytes,"
             "min.compaction.lag.ms,message.timestamp.type,preallocate,index.interval.bytes,"
             "min.cleanable.dirty.ratio,unclean.leader.election.enable,retention.bytes,"
             "delete.retention.ms,message.timestamp.before.max.ms,segment.ms,"
             "segment.index.bytes"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        json_t *object = json_object();
        for (size_t j = 0; j < cases[i].count; j++)
            put(object, settings[j]);
        check_names(java_map_ordered(object, JAVA_PROPERTIES), cases[i].order);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(partitions_are_in_the_order_of_their_hashes),
        cmocka_unit_test(settings_are_in_the_order_of_properties),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
