/*
 * The order of members in the hash maps of Java and Scala, which is the order in which Kafka writes
 * them: a znode of ours has the same bytes, so that nothing that compares or hashes znodes sees who
 * wrote them. No reader needs any order.
 *
 * Keys are hashed as Java does where they are ASCII, which names of settings and numbers are.
 *
 * Threads: any. Source: OpenJDK 17, java.util.Properties and ConcurrentHashMap; Scala 2.13,
 * scala.collection.mutable.HashMap.
 */
#ifndef ZK_SCHEMA_JAVA_MAP_H
#define ZK_SCHEMA_JAVA_MAP_H

#include <jansson.h>

enum java_map {
    JAVA_PROPERTIES, /* depends on the order in which members were put */
    SCALA_HASH_MAP
};

/* Takes over `object`, whose members are in the order in which they were put, and gives them in the
 * order of such a map. */
json_t *java_map_ordered(json_t *object, enum java_map map);

#endif
