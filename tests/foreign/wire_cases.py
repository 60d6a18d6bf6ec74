"""Requests that Apache Kafka's brokers and ours must answer alike: each in every version that both
advertise, against three brokers with the topics of TOPICS."""
import dataclasses
import struct
import uuid

import wire_frames

NOW = 1_700_000_000_000
NO_ID = uuid.UUID(int=0)
STRANGE_ID = uuid.UUID(int=7 << 64 | 9)
# {name: replicas of each partition}
TOPICS = {"orders": [[1, 2, 3], [2, 3, 1], [3, 1, 2]], "single.topic": [[2]], "log": [[1]]}


@dataclasses.dataclass(frozen=True)
class Case:
    """`values`: the request's, or a function of world and version. `to`: a broker's id,
    "controller", "other" (a broker that is not), or a function of the world. `versions`: which at
    most. `dropped`: keys of the answer that are not compared."""
    name: str
    api: str
    values: object
    to: object = 1
    versions: object = range(99)
    dropped: tuple = ()


def records(*values, first=0, producer=(-1, -1, -1), crc=None, magic=2, attributes=0):
    """A batch with a fixed time, so that it is the same for both clusters."""
    content = b"".join(wire_frames.record(value, index) for index, value in enumerate(values))
    tail = struct.pack(">hiqqqhii", attributes, len(values) - 1, NOW + first, NOW + first, *producer,
                       len(values)) + content
    body = struct.pack(">ibI", -1, magic, wire_frames.crc32c(tail) if crc is None else crc) + tail
    return struct.pack(">qi", 0, len(body)) + body


# ---- What any broker tells ----

def topics_by(world, version, *topics):
    """Of Metadata: by id where that can be."""
    return {"topics": [{"topic_id": topic, "name": None} if isinstance(topic, uuid.UUID)
                       else {"name": topic} for topic in topics],
            "allow_auto_topic_creation": False}


METADATA = [
    Case("versions", "ApiVersions", {"client_software_name": "test", "client_software_version": "1"},
         dropped=("api_keys",)),
    Case("versions for a nameless client", "ApiVersions", {}, versions=range(3, 99),
         dropped=("api_keys",)),
    Case("all topics", "Metadata", {"topics": None, "allow_auto_topic_creation": False},
         versions=range(1, 99)),
    Case("no topics", "Metadata", {"topics": []}),
    Case("a topic", "Metadata", lambda w, v: topics_by(w, v, "orders"), versions=range(4, 99)),
    Case("a missing topic", "Metadata", lambda w, v: topics_by(w, v, "missing"),
         versions=range(4, 99)),
    Case("a topic twice", "Metadata", lambda w, v: topics_by(w, v, "orders", "orders"),
         versions=range(4, 99)),
    Case("a bad name", "Metadata", lambda w, v: topics_by(w, v, "a b", ""), versions=range(4, 99)),
    Case("by id", "Metadata", lambda w, v: topics_by(w, v, w.ids["orders"]),
         versions=range(12, 99)),
    Case("by a strange id", "Metadata", lambda w, v: topics_by(w, v, STRANGE_ID),
         versions=range(12, 99)),
    Case("by id before it worked", "Metadata", lambda w, v: topics_by(w, v, w.ids["orders"]),
         versions=(10, 11)),
    Case("by id and name", "Metadata",
         lambda w, v: {"topics": [{"topic_id": w.ids["orders"], "name": "orders"}],
                       "allow_auto_topic_creation": False}, versions=range(12, 99)),
    Case("operations", "Metadata",
         {"topics": [{"name": "orders"}, {"name": "missing"}], "allow_auto_topic_creation": False,
          "include_cluster_authorized_operations": True,
          "include_topic_authorized_operations": True}, versions=range(8, 99)),
    Case("operations by id", "Metadata",
         lambda w, v: {**topics_by(w, v, w.ids["orders"], STRANGE_ID),
                       "include_topic_authorized_operations": True}, versions=range(12, 99)),
    Case("made as it is asked for, if the name were not like another", "Metadata",
         {"topics": [{"name": "single_topic"}, {"name": "a b"}],
          "allow_auto_topic_creation": True}, versions=range(4, 99)),
    Case("the cluster", "DescribeCluster", {}),
    Case("the cluster with operations", "DescribeCluster",
         {"include_cluster_authorized_operations": True}),
    Case("controllers", "DescribeCluster", {"endpoint_type": 2}, versions=range(1, 99)),
    Case("a strange type", "DescribeCluster", {"endpoint_type": 5}, versions=range(1, 99)),
    Case("a strange key type", "FindCoordinator", {"key": "k", "key_type": 9},
         versions=range(1, 4)),
    Case("shares' coordinator", "FindCoordinator", {"key": "g", "key_type": 2},
         versions=range(1, 4)),
    # Of version 6 Kafka answers COORDINATOR_NOT_AVAILABLE, for which the test would wait.
    Case("shares' coordinators", "FindCoordinator", {"coordinator_keys": ["g"], "key_type": 2},
         versions=range(4, 6)),
    Case("no keys", "FindCoordinator", {"coordinator_keys": [], "key_type": 0},
         versions=range(4, 99)),
    Case("strange key types", "FindCoordinator", {"coordinator_keys": ["k"], "key_type": 9},
         versions=range(4, 99)),
]


# ---- Offsets and epochs ----

def offset(timestamp, topic="orders", partition=0, epoch=-1, **more):
    return {"replica_id": -1,
            "topics": [{"name": topic, "partitions": [
                {"partition_index": partition, "timestamp": timestamp,
                 "current_leader_epoch": epoch, "max_num_offsets": 5}]}], **more}


def end_of_epoch(epoch, topic="orders", partition=0, current=-1, replica=-2):
    return {"replica_id": replica,
            "topics": [{"topic": topic, "partitions": [
                {"partition": partition, "leader_epoch": epoch,
                 "current_leader_epoch": current}]}]}


OFFSETS = [
    *(Case(f"offset {name}", "ListOffsets", offset(timestamp), versions=versions)
      for name, timestamp, versions in (
          ("latest", -1, range(99)), ("earliest", -2, range(99)),
          ("of the newest record", -3, range(7, 99)), ("earliest local", -4, range(8, 99)),
          ("tiered", -5, range(9, 99)), ("strange", -9, range(99)),
          ("at a time", NOW + 1, range(99)), ("at 0", 0, range(99)),
          ("in the future", NOW * 2, range(99)))),
    Case("offset with isolation", "ListOffsets", offset(-1, isolation_level=1),
         versions=range(2, 99)),
    Case("offset of a missing topic", "ListOffsets", offset(-1, "missing")),
    Case("offset of a missing partition", "ListOffsets", offset(-1, partition=9)),
    Case("offset from a follower", "ListOffsets", offset(-1), to=2),
    Case("offset from a stranger", "ListOffsets", offset(-1, "log"), to=3),
    Case("offset in an epoch to come", "ListOffsets", offset(-1, epoch=99), versions=range(4, 99)),
    Case("offset in this epoch", "ListOffsets", offset(-1, epoch=0), versions=range(4, 99)),
    Case("epoch 0", "OffsetForLeaderEpoch", end_of_epoch(0)),
    Case("epoch 5", "OffsetForLeaderEpoch", end_of_epoch(5)),
    Case("epoch -1", "OffsetForLeaderEpoch", end_of_epoch(-1)),
    Case("epoch of a missing topic", "OffsetForLeaderEpoch", end_of_epoch(0, "missing")),
    Case("epoch from a follower", "OffsetForLeaderEpoch", end_of_epoch(0), to=3),
    Case("epoch in an epoch to come", "OffsetForLeaderEpoch", end_of_epoch(0, current=9),
         versions=range(2, 99)),
]


# ---- Records ----

def produced(data, topic="orders", partition=0, acks=-1, **more):
    return {"acks": acks, "timeout_ms": 10000, **more,
            "topic_data": [{"name": topic, "partition_data": [{"index": partition,
                                                               "records": data}]}]}


PRODUCE_ANSWER = ("log_append_time_ms",)
FROM_3 = range(3, 99)
PRODUCE = [
    Case("produce", "Produce", produced(records(b"one", b"two")), versions=FROM_3),
    Case("produce with acks=1", "Produce", produced(records(b"three", first=5), acks=1),
         versions=FROM_3),
    Case("produce with strange acks", "Produce", produced(records(b"x"), acks=7), versions=FROM_3),
    Case("produce to a missing topic", "Produce", produced(records(b"x"), "missing"),
         versions=FROM_3),
    Case("produce to a missing topic with strange acks", "Produce",
         produced(records(b"x"), "missing", acks=7), versions=FROM_3),
    Case("produce an old format with strange acks", "Produce",
         produced(records(b"x", magic=1), acks=7), to=2, versions=FROM_3),
    Case("produce a newer format", "Produce", produced(records(b"x", magic=3)), versions=FROM_3),
    Case("produce to a missing partition", "Produce", produced(records(b"x"), partition=9),
         versions=FROM_3),
    Case("produce to a follower", "Produce", produced(records(b"x")), to=2, versions=FROM_3),
    Case("produce with a wrong checksum", "Produce", produced(records(b"x", crc=1)),
         versions=FROM_3),
    Case("produce a torn batch", "Produce", produced(records(b"x")[:-1]), versions=FROM_3),
    Case("produce two batches", "Produce", produced(records(b"x") + records(b"y")),
         versions=FROM_3),
    Case("produce too much", "Produce", produced(records(b"x" * 1_100_000)), versions=FROM_3),
    Case("produce a control batch", "Produce", produced(records(b"x", attributes=0x20)),
         versions=FROM_3),
    Case("produce an unknown codec", "Produce", produced(records(b"x", attributes=6)),
         versions=FROM_3),
    Case("produce with a sequence", "Produce",
         lambda w, v: produced(records(b"x", producer=(900 + v, 0, 0))), versions=FROM_3),
    Case("produce it again", "Produce",
         lambda w, v: produced(records(b"x", producer=(900 + v, 0, 0))), versions=FROM_3),
    Case("produce out of order", "Produce",
         lambda w, v: produced(records(b"x", producer=(900 + v, 0, 7))), versions=FROM_3),
    Case("produce with a newer epoch", "Produce",
         lambda w, v: produced(records(b"x", producer=(900 + v, 2, 0))), versions=FROM_3),
    Case("produce with an older epoch", "Produce",
         lambda w, v: produced(records(b"x", producer=(900 + v, 1, 0))), versions=FROM_3),
    Case("produce with a newer epoch not from 0", "Produce",
         lambda w, v: produced(records(b"x", producer=(900 + v, 3, 4))), versions=FROM_3),
    Case("a producer that is unknown", "Produce",
         lambda w, v: produced(records(b"x", producer=(800 + v, 0, 9)), partition=2), to=3,
         versions=FROM_3),
    Case("producers", "DescribeProducers",
         {"topics": [{"name": "orders", "partition_indexes": [0]},
                     {"name": "missing", "partition_indexes": [0]}]},
         dropped=("last_timestamp",)),
    Case("producers of bad names", "DescribeProducers",
         {"topics": [{"name": "a b", "partition_indexes": [0]},
                     {"name": "", "partition_indexes": [0]}]}),
    Case("producers at a follower", "DescribeProducers",
         {"topics": [{"name": "orders", "partition_indexes": [0, 9]}]}, to=2,
         dropped=("last_timestamp",)),
    Case("an id", "InitProducerId", {"transactional_id": None, "transaction_timeout_ms": 1000,
                                     "producer_id": -1, "producer_epoch": -1},
         dropped=("producer_id",)),
    Case("an id that has a number already", "InitProducerId",
         {"transactional_id": None, "transaction_timeout_ms": 1000, "producer_id": 7,
          "producer_epoch": 2}, versions=range(3, 99), dropped=("producer_id",)),
    Case("an id that is half known", "InitProducerId",
         {"transactional_id": None, "transaction_timeout_ms": 1000, "producer_id": 7,
          "producer_epoch": -1}, versions=range(3, 99)),
    Case("an id for no name", "InitProducerId",
         {"transactional_id": "", "transaction_timeout_ms": 1000, "producer_id": -1,
          "producer_epoch": -1}),
    Case("delete records", "DeleteRecords",
         {"timeout_ms": 10000,
          "topics": [{"name": "orders", "partitions": [
              {"partition_index": 0, "offset": 1}, {"partition_index": 1, "offset": 0},
              {"partition_index": 7, "offset": 0}]},
              {"name": "missing", "partitions": [{"partition_index": 0, "offset": 0}]},
              {"name": "log", "partitions": [{"partition_index": 0, "offset": 99}]}]}),
    Case("delete records before the start", "DeleteRecords",
         {"timeout_ms": 10000,
          "topics": [{"name": "orders", "partitions": [{"partition_index": 0, "offset": -5}]}]}),
]


def fetched(world, version, at, topic="orders", partition=0, epoch=-1, size=1 << 20, session=(0, -1),
            **more):
    named = {"topic_id": world.ids.get(topic, STRANGE_ID)} if version >= 13 else {"topic": topic}
    return {"replica_id": -1, "max_wait_ms": 0, "min_bytes": 0, "max_bytes": size,
            "session_id": session[0], "session_epoch": session[1], **more,
            "topics": [{**named, "partitions": [
                {"partition": partition, "current_leader_epoch": epoch, "fetch_offset": at,
                 "log_start_offset": -1, "partition_max_bytes": size}]}]}


FROM_4 = range(4, 99)
FETCH = [
    Case("fetch", "Fetch", lambda w, v: fetched(w, v, 1), versions=FROM_4),
    Case("fetch one byte", "Fetch", lambda w, v: fetched(w, v, 1, size=1), versions=FROM_4),
    Case("fetch at the end", "Fetch", lambda w, v: fetched(w, v, 0, partition=1), to=2,
         versions=FROM_4),
    Case("fetch committed", "Fetch", lambda w, v: fetched(w, v, 1, isolation_level=1),
         versions=FROM_4),
    Case("fetch past the end", "Fetch", lambda w, v: fetched(w, v, 10**6), versions=FROM_4),
    Case("fetch before the start", "Fetch", lambda w, v: fetched(w, v, 0), versions=FROM_4),
    Case("fetch a missing topic", "Fetch", lambda w, v: fetched(w, v, 0, "missing"),
         versions=FROM_4),
    Case("fetch a missing partition", "Fetch", lambda w, v: fetched(w, v, 0, partition=9),
         versions=FROM_4),
    Case("fetch from a stranger", "Fetch", lambda w, v: fetched(w, v, 0, "log"), to=2,
         versions=FROM_4),
    Case("fetch in an epoch to come", "Fetch", lambda w, v: fetched(w, v, 1, epoch=9),
         versions=range(9, 99)),
    Case("fetch with a strange session", "Fetch", lambda w, v: fetched(w, v, 1, session=(77, 3)),
         versions=range(7, 99)),
    Case("fetch with a strange epoch", "Fetch", lambda w, v: fetched(w, v, 1, session=(0, 3)),
         versions=range(7, 99)),
    Case("fetch with a new session", "Fetch", lambda w, v: fetched(w, v, 1, size=1, session=(0, 0)),
         versions=range(7, 99), dropped=("session_id",)),
    Case("fetch in a negative epoch", "Fetch", lambda w, v: fetched(w, v, 1, epoch=-2),
         versions=range(9, 99)),
    Case("fetch with a negative epoch", "Fetch",
         lambda w, v: fetched(w, v, 1, session=(0, -2)), versions=range(7, 99)),
    Case("fetch as a strange replica", "Fetch",
         lambda w, v: {**fetched(w, v, 1), "replica_id": 9,
                       "replica_state": {"replica_id": 9, "replica_epoch": -1}}, versions=FROM_4,
         dropped=("aborted_transactions",)),
    Case("fetch as a strange replica in this epoch", "Fetch",
         lambda w, v: {**fetched(w, v, 1, epoch=0), "replica_id": 9,
                       "replica_state": {"replica_id": 9, "replica_epoch": -1}},
         versions=range(9, 99), dropped=("aborted_transactions",)),
    Case("fetch in a diverged epoch", "Fetch",
         lambda w, v: {**fetched(w, v, 1), "topics": [
             {**topic, "partitions": [{**topic["partitions"][0], "last_fetched_epoch": 0}]}
             for topic in fetched(w, v, 1)["topics"]]}, versions=range(12, 99)),
]


# ---- What operators ask for ----

def created(name, validate=True, **more):
    return {"topics": [{"name": name, "num_partitions": 1, "replication_factor": 1, **more}],
            "timeout_ms": 20000, "validate_only": validate}


def assigned(name, *replicas, numbers=None):
    return created(name, num_partitions=-1, replication_factor=-1, assignments=[
        {"partition_index": (numbers or range(99))[index], "broker_ids": list(ids)}
        for index, ids in enumerate(replicas)])


def setting(key, value):
    return {"configs": [{"name": key, "value": value}]}


FROM_1 = range(1, 99)
CREATION = [
    Case(f"create {name}", "CreateTopics", values, to="controller", versions=FROM_1)
    for name, values in (
        ("a topic to see", created("new")),
        ("one that is there", created("orders")),
        ("one of a similar name", created("single_topic")),
        ("with a bad name", created("a b")),
        ("without a name", created("")),
        ("with too long a name", created("x" * 250)),
        ("without partitions", created("new", num_partitions=0)),
        ("without replicas", created("new", replication_factor=0)),
        ("with too many replicas", created("new", replication_factor=4)),
        ("with negative partitions", created("new", num_partitions=-5)),
        ("assigned", assigned("new", [1, 2], [2, 3])),
        ("assigned twice", assigned("new", [1, 1])),
        ("assigned unevenly", assigned("new", [1, 2], [1])),
        ("assigned with a gap", assigned("new", [1], [2], numbers=[0, 2])),
        ("assigned from 1", assigned("new", [1], numbers=[1])),
        ("assigned to nobody", assigned("new", [])),
        ("assigned to a missing broker", assigned("new", [9])),
        ("assigned to a negative broker", assigned("new", [-1])),
        ("assigned and counted", {**created("new"), "topics": [
            {**created("new")["topics"][0],
             "assignments": [{"partition_index": 0, "broker_ids": [1]}]}]}),
        ("twice", {**created("new"), "topics": created("new")["topics"] * 2}),
        ("the log of KRaft", created("__cluster_metadata")),
        ("what is there with a null setting", created("orders", **setting("retention.ms", None))),
        ("a bad name without partitions", created("a b", num_partitions=0)),
        ("a bad name with an unknown setting", created("a b", **setting("no.such", "5"))),
        ("a similar name without replicas", created("single_topic", replication_factor=0)),
        ("with two null settings", created("new", configs=[
            {"name": "retention.ms", "value": None}, {"name": "segment.ms", "value": None}])),
        ("with loosely written settings", created("new", configs=[
            {"name": "retention.ms", "value": " +5 "}, {"name": "preallocate", "value": "TRUE"},
            {"name": "cleanup.policy", "value": "compact , delete"},
            {"name": "min.cleanable.dirty.ratio", "value": "1"}])),
        ("with a setting", created("new", **setting("retention.ms", "5"))),
        ("with an unknown setting", created("new", **setting("no.such", "5"))),
        ("with a null setting", created("new", **setting("retention.ms", None))),
        ("with a setting that is no number", created("new", **setting("retention.ms", "soon"))),
        ("with a setting too small", created("new", **setting("segment.bytes", "1"))),
        ("with a setting that is none of its words",
         created("new", **setting("compression.type", "rar"))),
        ("with a setting that is no truth",
         created("new", **setting("preallocate", "perhaps"))),
        ("with contradicting settings", created("new", configs=[
            {"name": "min.compaction.lag.ms", "value": "10"},
            {"name": "max.compaction.lag.ms", "value": "5"}])),
    )
] + [
    Case("create from another broker", "CreateTopics", created("new"), to="other",
         versions=FROM_1),
    Case("create twice from another broker", "CreateTopics",
         {**created("new"), "topics": created("new")["topics"] * 2}, to="other", versions=FROM_1),
    Case("create without time", "CreateTopics",
         lambda w, v: {**created(f"hasty-{v}", validate=False), "timeout_ms": 0}, to="controller",
         versions=FROM_1, dropped=("topic_id",)),
    Case("create with the default numbers", "CreateTopics",
         created("new", num_partitions=-1, replication_factor=-1), to="controller",
         versions=range(4, 99)),
    Case("create", "CreateTopics", lambda w, v: created(f"new-{v}", validate=False),
         to="controller"),
]

DELETION = [
    Case("delete a missing topic", "DeleteTopics",
         {"topic_names": ["missing"], "timeout_ms": 20000}, to="controller", versions=range(6)),
    Case("delete from another broker", "DeleteTopics",
         {"topic_names": ["missing"], "timeout_ms": 20000}, to="other", versions=range(6)),
    Case("delete without time", "DeleteTopics",
         lambda w, v: {"topic_names": [f"hasty-{v}"], "timeout_ms": 0}, to="controller",
         versions=range(1, 6)),
    Case("delete by id and name at another broker", "DeleteTopics",
         lambda w, v: {"topics": [{"name": "orders", "topic_id": w.ids["orders"]}],
                       "timeout_ms": 20000}, to="other", versions=range(6, 99)),
    Case("delete by name", "DeleteTopics",
         lambda w, v: {"topic_names": [f"new-{v}"], "timeout_ms": 20000}, to="controller",
         versions=range(2, 4)),
    Case("delete by name and id", "DeleteTopics",
         lambda w, v: {"topics": [{"name": f"new-{v}"}, {"name": "missing"},
                                  {"name": None, "topic_id": STRANGE_ID}], "timeout_ms": 20000},
         to="controller", versions=range(6, 99)),
    Case("delete twice", "DeleteTopics",
         lambda w, v: {"topics": [{"name": "new-5"}, {"name": "new-5"}], "timeout_ms": 20000},
         to="controller", versions=range(6, 99)),
    Case("delete by id and name at once", "DeleteTopics",
         lambda w, v: {"topics": [{"name": "new-4", "topic_id": w.ids["orders"]}],
                       "timeout_ms": 20000}, to="controller", versions=range(6, 99)),
]


def more_partitions(name, count, *replicas, **more):
    return {"topics": [{"name": name, "count": count, "assignments":
                        [{"broker_ids": list(ids)} for ids in replicas] if replicas else None}],
            "timeout_ms": 20000, "validate_only": True, **more}


PARTITIONS = [
    Case(f"partitions {name}", "CreatePartitions", values, to="controller")
    for name, values in (
        ("to see", more_partitions("single.topic", 3)),
        ("fewer", more_partitions("orders", 2)),
        ("as many", more_partitions("orders", 3)),
        ("none", more_partitions("orders", 0)),
        ("of a missing topic", more_partitions("missing", 3)),
        ("assigned", more_partitions("single.topic", 2, [3])),
        ("assigned too few", more_partitions("single.topic", 3, [3])),
        ("assigned too many", more_partitions("single.topic", 2, [3], [1])),
        ("assigned to a missing broker", more_partitions("single.topic", 2, [9])),
        ("assigned unevenly", more_partitions("single.topic", 2, [1, 2])),
        ("assigned to nobody", more_partitions("single.topic", 2, [])),
        ("assigned twice", more_partitions("single.topic", 2, [1, 1])),
        ("twice", {**more_partitions("orders", 4),
                   "topics": more_partitions("orders", 4)["topics"] * 2}),
        *((f"of {topic} assigned nowhere", {
            **more_partitions(topic, count),
            "topics": [{"name": topic, "count": count, "assignments": []}]})
          for topic, count in (("orders", 4), ("orders", 3), ("missing", 3))),
    )
] + [Case("partitions from another broker", "CreatePartitions", more_partitions("orders", 4),
          to="other")]


def described(kind, name, keys=None, **more):
    return {"resources": [{"resource_type": kind, "resource_name": name,
                           "configuration_keys": keys}], **more}


def altered(kind, name, key, value, operation=0):
    return {"resources": [{"resource_type": kind, "resource_name": name, "configs": [
        {"name": key, "config_operation": operation, "value": value}]}], "validate_only": True}


def replaced(kind, name, key, value):
    return {"resources": [{"resource_type": kind, "resource_name": name, "configs": [
        {"name": key, "value": value}]}], "validate_only": True}


TOPIC, BROKER, LOGGER = 2, 4, 8
CONFIGS = [
    Case("settings of a topic", "DescribeConfigs", described(TOPIC, "orders")),
    Case("settings of a topic with synonyms", "DescribeConfigs",
         described(TOPIC, "orders", include_synonyms=True), versions=FROM_1),
    Case("one setting", "DescribeConfigs", described(TOPIC, "orders", ["retention.ms"])),
    Case("an unknown setting", "DescribeConfigs", described(TOPIC, "orders", ["no.such"])),
    Case("settings of a missing topic", "DescribeConfigs", described(TOPIC, "missing")),
    Case("settings of a bad name", "DescribeConfigs", described(TOPIC, "a b")),
    Case("settings of no name", "DescribeConfigs", described(TOPIC, "")),
    Case("settings of a strange type", "DescribeConfigs", described(99, "x")),
    *(Case(f"settings of type {kind}", "DescribeConfigs", described(kind, "x"))
      for kind in (0, 1, 3, 16, 32)),
    Case("settings of another broker", "DescribeConfigs", described(BROKER, "2")),
    Case("settings of no broker", "DescribeConfigs", described(BROKER, "x")),
    Case("settings of all brokers", "DescribeConfigs", described(BROKER, "")),
    Case("settings of node.id", "DescribeConfigs",
         described(BROKER, "1", ["node.id", "broker.id"], include_synonyms=True), versions=FROM_1),
    Case("levels of another broker", "DescribeConfigs", described(LOGGER, "2")),
    Case("levels of all brokers", "DescribeConfigs", described(LOGGER, "")),
    Case("some settings of the broker", "DescribeConfigs",
         described(BROKER, "1", ["broker.id", "log.retention.ms", "advertised.listeners",
                                 "ssl.keystore.password", "log.segment.bytes"],
                   include_synonyms=True), versions=FROM_1),
    Case("settings with their types", "DescribeConfigs",
         described(TOPIC, "orders", ["segment.bytes", "cleanup.policy", "preallocate"]),
         versions=range(3, 99)),
    *(Case(f"alter {name}", "IncrementalAlterConfigs", values) for name, values in (
        ("a setting to see", altered(TOPIC, "orders", "retention.ms", "5")),
        ("an unknown setting", altered(TOPIC, "orders", "no.such", "5")),
        ("a setting with a bad value", altered(TOPIC, "orders", "retention.ms", "soon")),
        ("a setting with null", altered(TOPIC, "orders", "retention.ms", None)),
        ("a setting of a missing topic", altered(TOPIC, "missing", "retention.ms", "5")),
        ("a setting that is not set", altered(TOPIC, "orders", "retention.ms", None, 1)),
        ("an unknown setting away", altered(TOPIC, "orders", "no.such", None, 1)),
        ("a list", altered(TOPIC, "orders", "cleanup.policy", "compact", 2)),
        ("a list by less", altered(TOPIC, "orders", "cleanup.policy", "compact", 3)),
        ("what is no list", altered(TOPIC, "orders", "retention.ms", "5", 2)),
        ("in a strange way", altered(TOPIC, "orders", "retention.ms", "5", 9)),
        ("a strange type", altered(99, "orders", "retention.ms", "5")),
        ("metrics of clients", altered(16, "x", "interval.ms", "5")),
        ("a group", altered(32, "x", "consumer.session.timeout.ms", "5")),
        ("another broker", altered(BROKER, "2", "log.retention.ms", "5")),
        ("no broker", altered(BROKER, "x", "log.retention.ms", "5")),
        ("levels of all brokers", altered(LOGGER, "", "root", "INFO")),
        ("this broker", altered(BROKER, "1", "log.retention.ms", "5000")),
        ("all brokers", altered(BROKER, "", "log.retention.ms", "5000")),
        ("what cannot change", altered(BROKER, "1", "broker.id", "5")),
        ("nothing", {"resources": [], "validate_only": True}),
        ("a topic twice", {**altered(TOPIC, "orders", "retention.ms", "5"), "resources":
                           altered(TOPIC, "orders", "retention.ms", "5")["resources"] * 2}),
        ("a setting twice", {"validate_only": True, "resources": [
            {"resource_type": TOPIC, "resource_name": "orders", "configs": [
                {"name": "retention.ms", "config_operation": 0, "value": "5"}] * 2}]}),
        ("no name", altered(TOPIC, "", "retention.ms", "5")),
    )),
    *(Case(f"replace {name}", "AlterConfigs", values) for name, values in (
        ("a setting to see", replaced(TOPIC, "orders", "retention.ms", "5")),
        ("an unknown setting", replaced(TOPIC, "orders", "no.such", "5")),
        ("a setting with null", replaced(TOPIC, "orders", "retention.ms", None)),
        ("a setting of a missing topic", replaced(TOPIC, "missing", "retention.ms", "5")),
        ("another broker", replaced(BROKER, "2", "log.retention.ms", "5")),
        ("a strange type", replaced(99, "x", "retention.ms", "5")),
    )),
]


def elected(kind, *partitions):
    return {"election_type": kind, "timeout_ms": 20000, "topic_partitions": None if not partitions
            else [{"topic": topic, "partitions": list(numbers)} for topic, numbers in partitions]}


def moved(topic, partition, replicas):
    return {"timeout_ms": 20000, "topics": [{"name": topic, "partitions": [
        {"partition_index": partition, "replicas": replicas}]}]}


LEADERSHIP = [
    Case("elect all", "ElectLeaders", elected(0), to="controller"),
    Case("elect some", "ElectLeaders", elected(0, ("orders", [0, 9]), ("missing", [0])),
         to="controller"),
    Case("elect uncleanly", "ElectLeaders", elected(1, ("orders", [0])), to="controller",
         versions=FROM_1),
    Case("elect strangely", "ElectLeaders", elected(7, ("orders", [0])), to="controller",
         versions=FROM_1),
    Case("elect from another broker", "ElectLeaders", elected(0, ("orders", [0])), to="other"),
    *(Case(f"move {name}", "AlterPartitionReassignments", values, to="controller")
      for name, values in (
          ("to a missing broker", moved("orders", 0, [1, 9])),
          ("twice to a broker", moved("orders", 0, [1, 1])),
          ("to nobody", moved("orders", 0, [])),
          ("to a negative broker", moved("orders", 0, [-1])),
          ("a missing topic", moved("missing", 0, [1])),
          ("a missing partition", moved("orders", 9, [1])),
          ("nothing that moves back", moved("orders", 0, None)),
          ("a missing partition back", moved("orders", 9, None)),
          ("a missing topic to nobody", moved("missing", 0, [])),
          ("a missing topic to a missing broker", moved("missing", 0, [9])),
          ("where it is", moved("orders", 0, [1, 2, 3])))),
    Case("move from another broker", "AlterPartitionReassignments", moved("orders", 0, [1, 2, 3]),
         to="other"),
    Case("what moves", "ListPartitionReassignments", {"timeout_ms": 20000, "topics": None},
         to="controller"),
    Case("what of it moves", "ListPartitionReassignments",
         {"timeout_ms": 20000, "topics": [{"name": "orders", "partition_indexes": [0, 9]},
                                          {"name": "missing", "partition_indexes": [0]}]},
         to="controller"),
    Case("what moves, of another broker", "ListPartitionReassignments",
         {"timeout_ms": 20000, "topics": None}, to="other"),
    *(Case(f"directories of {name}", "DescribeLogDirs", {"topics": topics},
           dropped=("total_bytes", "usable_bytes", "partition_size"))
      for name, topics in (("none", []), ("no partitions", [{"topic": "orders", "partitions": []}]))),
    Case("directories of some", "DescribeLogDirs",
         {"topics": [{"topic": "orders", "partitions": [0, 9]},
                     {"topic": "missing", "partitions": [0]}]},
         dropped=("total_bytes", "usable_bytes", "partition_size")),
]


# ---- Groups ----

def coordinator(world):
    return world.coordinator("g")


def committed(partition=0, topic="orders", group="g", **more):
    return {"group_id": group, "generation_id_or_member_epoch": -1, "retention_time_ms": -1, **more,
            "topics": [{"name": topic, "partitions": [
                {"partition_index": partition, "committed_offset": 5, "committed_leader_epoch": 0,
                 "commit_timestamp": -1, "committed_metadata": "note"}]}]}


def joined(**more):
    return {"group_id": "g", "session_timeout_ms": 10000, "rebalance_timeout_ms": 10000,
            "member_id": "", "protocol_type": "consumer",
            "protocols": [{"name": "range", "metadata": b""}], **more}


STRANGE_MEMBER = {"group_id": "g", "generation_id": 3, "member_id": "nobody"}
GROUPS = [
    Case("commit", "OffsetCommit", committed(), to=coordinator),
    Case("commit for a missing topic", "OffsetCommit", committed(topic="missing"), to=coordinator),
    Case("commit for a missing partition", "OffsetCommit", committed(9), to=coordinator),
    Case("commit without a group", "OffsetCommit", committed(group=""), to=coordinator),
    Case("commit for a strange member", "OffsetCommit",
         committed(member_id="nobody", generation_id_or_member_epoch=4), to=coordinator,
         versions=FROM_1),
    Case("fetch offsets", "OffsetFetch",
         {"group_id": "g", "topics": [{"name": "orders", "partition_indexes": [0, 1]},
                                      {"name": "missing", "partition_indexes": [0]}]},
         to=coordinator, versions=range(8)),
    Case("fetch all offsets", "OffsetFetch", {"group_id": "g", "topics": None}, to=coordinator,
         versions=range(2, 8)),
    Case("fetch offsets of nobody", "OffsetFetch", {"group_id": "g2", "topics": None},
         to=lambda w: w.coordinator("g2"), versions=range(2, 8)),
    Case("fetch offsets of groups", "OffsetFetch",
         {"groups": [{"group_id": "g", "topics": None, "member_id": None, "member_epoch": -1}]},
         to=coordinator, versions=range(8, 99)),
    *(Case(f"join {name}", "JoinGroup", values, to=coordinator) for name, values in (
        ("without a group", joined(group_id="")),
        ("for too short", joined(session_timeout_ms=1)),
        ("for too long", joined(session_timeout_ms=10**9)),
        ("as a stranger", joined(member_id="nobody")),
        ("without protocols", joined(protocols=[])),
        ("without a type", joined(protocol_type="")))),
    Case("join elsewhere", "JoinGroup", joined(), to=lambda w: w.coordinator("g") % 3 + 1),
    Case("sync as a stranger", "SyncGroup", STRANGE_MEMBER, to=coordinator),
    Case("sync without a group", "SyncGroup", {**STRANGE_MEMBER, "group_id": ""}, to=coordinator),
    Case("sync without a group and protocol", "SyncGroup",
         {**STRANGE_MEMBER, "group_id": "", "protocol_type": "consumer", "protocol_name": "range"},
         to=coordinator, versions=range(5, 99)),
    Case("heartbeat of a stranger", "Heartbeat", STRANGE_MEMBER, to=coordinator),
    Case("heartbeat without a group", "Heartbeat", {**STRANGE_MEMBER, "group_id": ""},
         to=coordinator),
    Case("heartbeat elsewhere", "Heartbeat", STRANGE_MEMBER,
         to=lambda w: w.coordinator("g") % 3 + 1),
    Case("leave as a stranger", "LeaveGroup", {"group_id": "g", "member_id": "nobody"},
         to=coordinator, versions=range(3)),
    Case("leave as strangers", "LeaveGroup",
         {"group_id": "g", "members": [{"member_id": "nobody", "group_instance_id": None},
                                       {"member_id": "", "group_instance_id": "i"}]},
         to=coordinator, versions=range(3, 99)),
    Case("describe groups", "DescribeGroups", {"groups": ["g", "nobody"]}, to=coordinator),
    Case("describe groups with operations", "DescribeGroups",
         {"groups": ["g", "nobody"], "include_authorized_operations": True}, to=coordinator,
         versions=range(3, 99)),
    Case("describe with operations elsewhere", "DescribeGroups",
         {"groups": ["g"], "include_authorized_operations": True},
         to=lambda w: w.coordinator("g") % 3 + 1, versions=range(3, 99)),
    Case("describe elsewhere", "DescribeGroups", {"groups": ["g"]},
         to=lambda w: w.coordinator("g") % 3 + 1),
    Case("list groups", "ListGroups", {}, to=coordinator),
    Case("list groups by state", "ListGroups", {"states_filter": ["Empty"]}, to=coordinator,
         versions=range(4, 99)),
    Case("list groups by a strange state", "ListGroups", {"states_filter": ["Odd"]},
         to=coordinator, versions=range(4, 99)),
    Case("delete offsets", "OffsetDelete",
         {"group_id": "g", "topics": [{"name": "orders", "partitions": [{"partition_index": 1}]},
                                      {"name": "missing", "partitions": [{"partition_index": 0}]}]},
         to=coordinator),
    Case("delete offsets of nobody", "OffsetDelete",
         {"group_id": "nobody",
          "topics": [{"name": "orders", "partitions": [{"partition_index": 1}]}]},
         to=lambda w: w.coordinator("nobody")),
    Case("delete nobody's group", "DeleteGroups", {"groups_names": ["nobody", ""]},
         to=lambda w: w.coordinator("nobody")),
    Case("transactions", "ListTransactions", {}),
    Case("transactions in a strange state", "ListTransactions", {"state_filters": ["Odd"]}),
    Case("a strange transaction", "DescribeTransactions", {"transactional_ids": ["nobody", ""]},
         to=lambda w: w.coordinator("nobody", 1)),
    Case("end a strange transaction", "EndTxn",
         {"transactional_id": "nobody", "producer_id": 7, "producer_epoch": 0, "committed": True},
         to=lambda w: w.coordinator("nobody", 1)),
    Case("add to a strange transaction", "AddOffsetsToTxn",
         {"transactional_id": "nobody", "producer_id": 7, "producer_epoch": 0, "group_id": "g"},
         to=lambda w: w.coordinator("nobody", 1)),
    Case("commit in a strange transaction", "TxnOffsetCommit",
         {"transactional_id": "nobody", "group_id": "g", "producer_id": 7, "producer_epoch": 0,
          "topics": [{"name": "orders", "partitions": [
              {"partition_index": 9, "committed_offset": 5, "committed_metadata": ""}]}]},
         to=coordinator),
    Case("commit in a transaction of no group", "TxnOffsetCommit",
         {"transactional_id": "nobody", "group_id": "", "producer_id": 7, "producer_epoch": 0,
          "topics": [{"name": "orders", "partitions": [
              {"partition_index": 0, "committed_offset": 5, "committed_metadata": ""}]}]},
         to=coordinator),
]

# ---- What only brokers send each other ----

OTHERS = [
    Case("partition change of a strange broker", "AlterPartition",
         {"broker_id": 1, "broker_epoch": 1, "topics": []}, to="controller", versions=range(3)),
    Case("ids for a strange broker", "AllocateProducerIds", {"broker_id": 9, "broker_epoch": 1},
         to="controller"),
    Case("shutdown of a strange broker", "ControlledShutdown",
         {"broker_id": 9, "broker_epoch": 1}, to="controller", versions=FROM_1),
]

CASES = (METADATA + OFFSETS + PRODUCE + FETCH + CREATION + DELETION + PARTITIONS + CONFIGS
         + LEADERSHIP + GROUPS + OTHERS)
