"""Requests that name something twice. No known client sends one. Apache Kafka refuses them, answers
each, or keeps what was named last and answers once, as it happens to keep them in a list or a map; where
it does the last, ours do and answer both, and nothing is lost (`explained.py`)."""
from wire_cases import (FROM_1, FROM_3, FROM_4, NO_ID, PRODUCE_ANSWER, STRANGE_ID, TOPIC, Case,
                        coordinator, created, fetched, records)

# How many records there are differs from then on.
LENGTHS = ("base_offset", "high_watermark", "last_stable_offset", "records", "end_offset",
           "log_start_offset")


def produced(*parts, acks=-1):
    """Of (topic, [(partition, value)])."""
    return {"acks": acks, "timeout_ms": 10000, "topic_data": [
        {"name": topic, "partition_data": [{"index": index, "records": records(value)}
                                           for index, value in partitions]}
        for topic, partitions in parts]}


PRODUCE = [
    Case(f"twice produce {name}", "Produce", values, versions=FROM_3,
         dropped=PRODUCE_ANSWER + LENGTHS)
    for name, values in (
        ("to a partition", produced(("orders", [(0, b"a"), (0, b"b")]))),
        ("to a topic", produced(("orders", [(0, b"a")]), ("orders", [(0, b"b")]))),
        ("to a topic in parts", produced(("orders", [(0, b"a")]), ("orders", [(9, b"b")]))),
        ("to a topic with another between", produced(("orders", [(0, b"a")]), ("log", [(0, b"c")]),
                                                     ("orders", [(9, b"b")]))),
        ("to a missing topic", produced(("missing", [(0, b"a")]), ("missing", [(0, b"b")]))),
        ("to a missing partition", produced(("orders", [(9, b"a"), (9, b"b")]))),
        ("with acks=1", produced(("orders", [(0, b"a"), (0, b"b")]), acks=1)),
    )
]


def fetch_twice(world, version, second=None, **more):
    once = fetched(world, version, 1, **more)
    topic = once["topics"][0]
    if second == "topic":
        return {**once, "topics": [topic, topic]}
    other = {**topic["partitions"][0], **(second or {})}
    return {**once, "topics": [{**topic, "partitions": [topic["partitions"][0], other]}]}


FETCH = [
    Case("twice fetch a partition", "Fetch", fetch_twice, versions=FROM_4,
         dropped=LENGTHS),
    Case("twice fetch a topic", "Fetch", lambda w, v: fetch_twice(w, v, "topic"), versions=FROM_4,
         dropped=LENGTHS),
    Case("twice fetch a partition at another offset", "Fetch",
         lambda w, v: fetch_twice(w, v, {"fetch_offset": 10**6}), versions=FROM_4,
         dropped=LENGTHS),
    Case("twice fetch a partition at another offset first", "Fetch",
         lambda w, v: fetch_twice(w, v, {"fetch_offset": 2, "partition_max_bytes": 1}),
         versions=FROM_4,
         dropped=LENGTHS),
    Case("twice fetch a missing topic", "Fetch",
         lambda w, v: fetch_twice(w, v, "topic", topic="missing"), versions=FROM_4,
         dropped=LENGTHS),
    Case("twice fetch a missing partition", "Fetch",
         lambda w, v: fetch_twice(w, v, partition=9), versions=FROM_4,
         dropped=LENGTHS),
    Case("twice fetch with a new session", "Fetch",
         lambda w, v: fetch_twice(w, v, size=1, session=(0, 0)), versions=range(7, 99),
         dropped=("session_id", *LENGTHS)),
    Case("twice fetch elsewhere with a new session", "Fetch",
         lambda w, v: fetch_twice(w, v, {"fetch_offset": 10**6}, size=1, session=(0, 0)),
         versions=range(7, 99), dropped=("session_id", *LENGTHS)),
]


def offsets(*topics, timestamp=-1):
    return {"replica_id": -1, "topics": [{"name": topic, "partitions": [
        {"partition_index": partition, "timestamp": timestamp, "current_leader_epoch": -1,
         "max_num_offsets": 5} for partition in partitions]} for topic, partitions in topics]}


def epochs(*topics):
    return {"replica_id": -2, "topics": [{"topic": topic, "partitions": [
        {"partition": partition, "leader_epoch": epoch, "current_leader_epoch": -1}
        for partition, epoch in partitions]} for topic, partitions in topics]}


def deleted(*topics):
    return {"timeout_ms": 10000, "topics": [{"name": topic, "partitions": [
        {"partition_index": partition, "offset": offset} for partition, offset in partitions]}
        for topic, partitions in topics]}


OFFSETS = [
    *(Case(f"twice offset of {name}", "ListOffsets", offsets(*topics), dropped=("leader_epoch",))
      for name, topics in (
          ("a partition", [("orders", [0, 0])]),
          ("a topic", [("orders", [0]), ("orders", [0])]),
          ("a topic in parts", [("orders", [0]), ("orders", [9])]),
          ("a partition beside another", [("orders", [0, 9, 0])]),
          ("a missing partition", [("orders", [9, 9])]),
          ("a missing topic", [("missing", [0, 0])]))),
    Case("twice offset at a time", "ListOffsets",
         {"replica_id": -1, "topics": [{"name": "orders", "partitions": [
             {"partition_index": 0, "timestamp": -1, "current_leader_epoch": -1},
             {"partition_index": 0, "timestamp": -2, "current_leader_epoch": -1}]}]},
         versions=FROM_1),
    *(Case(f"twice epoch of {name}", "OffsetForLeaderEpoch", epochs(*topics), dropped=LENGTHS)
      for name, topics in (
          ("a partition", [("orders", [(0, 0), (0, 5)])]),
          ("a topic", [("orders", [(0, 0)]), ("orders", [(0, 5)])]),
          ("a topic in parts", [("orders", [(0, 0)]), ("orders", [(9, 0)])]))),
]

DELETION = [
    *(Case(f"twice delete records of {name}", "DeleteRecords", deleted(*topics))
      for name, topics in (
          ("a partition", [("orders", [(0, 1), (0, 2)])]),
          ("a partition, the later first", [("orders", [(0, 3), (0, 2)])]),
          ("a topic", [("orders", [(0, 1)]), ("orders", [(0, 2)])]),
          ("a topic in parts", [("orders", [(0, 1)]), ("orders", [(9, 2)])]),
          ("a missing topic", [("missing", [(0, 1)]), ("missing", [(0, 2)])]))),
]


def committed(*topics):
    return {"group_id": "g", "generation_id_or_member_epoch": -1, "retention_time_ms": -1,
            "topics": [{"name": topic, "partitions": [
                {"partition_index": partition, "committed_offset": offset,
                 "committed_leader_epoch": 0, "commit_timestamp": -1, "committed_metadata": "note"}
                for partition, offset in partitions]} for topic, partitions in topics]}


def named(*topics):
    return [{"name": topic, "partition_indexes": partitions} for topic, partitions in topics]


def whose(*topics, group="g"):
    return {"group_id": group, "member_id": None, "member_epoch": -1, "topics": named(*topics)}


def of_groups(*groups):
    return {"groups": list(groups)}


GROUPS = [
    *(Case(f"twice commit {name}", "OffsetCommit", committed(*topics), to=coordinator,
           versions=FROM_1)
      for name, topics in (
          ("a partition", [("orders", [(0, 7), (0, 8)])]),
          ("a topic", [("orders", [(1, 9)]), ("orders", [(1, 10)])]),
          ("a topic in parts", [("orders", [(2, 9)]), ("orders", [(9, 10)])]),
          ("a missing topic", [("missing", [(0, 1)]), ("missing", [(0, 2)])]))),
    Case("twice committed", "OffsetFetch", {"group_id": "g", "topics": None}, to=coordinator,
         versions=range(2, 8)),
    *(Case(f"twice fetch offsets of {name}", "OffsetFetch",
           {"group_id": "g", "topics": named(*topics)}, to=coordinator, versions=range(1, 8))
      for name, topics in (
          ("a partition", [("orders", [0, 0])]),
          ("a topic", [("orders", [0]), ("orders", [0])]),
          ("a topic in parts", [("orders", [0]), ("orders", [1])]),
          ("a missing topic", [("missing", [0]), ("missing", [0, 0])]))),
    *(Case(f"twice fetch offsets of groups with {name}", "OffsetFetch", values, to=coordinator,
           versions=range(8, 99))
      for name, values in (
          ("a partition", of_groups(whose(("orders", [0, 0])))),
          ("a topic", of_groups(whose(("orders", [0]), ("orders", [0])))),
          ("a group", of_groups(whose(("orders", [0])), whose(("orders", [0])))),
          ("a group in parts", of_groups(whose(("orders", [0])), whose(("orders", [1])))))),
    Case("twice delete offsets of a partition", "OffsetDelete",
         {"group_id": "g", "topics": [{"name": "orders", "partitions": [
             {"partition_index": 1}, {"partition_index": 1}]}]}, to=coordinator),
    Case("twice delete offsets of a topic", "OffsetDelete",
         {"group_id": "g", "topics": [{"name": "orders", "partitions": [{"partition_index": 2}]},
                                      {"name": "orders", "partitions": [{"partition_index": 2}]}]},
         to=coordinator),
    Case("twice delete offsets of a missing topic", "OffsetDelete",
         {"group_id": "g", "topics": [{"name": "missing", "partitions": [{"partition_index": 2}]},
                                      {"name": "missing", "partitions": [{"partition_index": 2}]}]},
         to=coordinator),
    Case("twice describe a group", "DescribeGroups", {"groups": ["g", "g"]}, to=coordinator),
    Case("twice delete nobody's group", "DeleteGroups", {"groups_names": ["nobody", "nobody"]},
         to=lambda w: w.coordinator("nobody")),
    Case("twice find a coordinator", "FindCoordinator",
         {"coordinator_keys": ["g", "g"], "key_type": 0}, versions=FROM_4,
         dropped=("node_id", "host", "port")),
    Case("twice leave as a stranger", "LeaveGroup",
         {"group_id": "g", "members": [{"member_id": "nobody", "group_instance_id": None}] * 2},
         to=coordinator, versions=FROM_3),
    Case("twice describe a transaction", "DescribeTransactions",
         {"transactional_ids": ["nobody", "nobody"]}, to=lambda w: w.coordinator("nobody", 1)),
    Case("twice add a partition to a strange transaction", "AddPartitionsToTxn",
         {"v3_and_below_transactional_id": "nobody", "v3_and_below_producer_id": 7,
          "v3_and_below_producer_epoch": 0, "v3_and_below_topics": [
              {"name": "orders", "partitions": [0, 0]}, {"name": "orders", "partitions": [0]}]},
         to=lambda w: w.coordinator("nobody", 1), versions=range(4)),
    Case("twice add a missing partition to a strange transaction", "AddPartitionsToTxn",
         {"v3_and_below_transactional_id": "nobody", "v3_and_below_producer_id": 7,
          "v3_and_below_producer_epoch": 0, "v3_and_below_topics": [
              {"name": "orders", "partitions": [0, 9, 9]}]},
         to=lambda w: w.coordinator("nobody", 1), versions=range(4)),
    Case("twice commit in a strange transaction", "TxnOffsetCommit",
         {"transactional_id": "nobody", "group_id": "g", "producer_id": 7, "producer_epoch": 0,
          "topics": [{"name": "orders", "partitions": [
              {"partition_index": 0, "committed_offset": 5, "committed_metadata": ""}] * 2}]},
         to=coordinator),
]


def described(*resources, **more):
    return {"resources": [{"resource_type": TOPIC, "resource_name": name, "configuration_keys": keys}
                          for name, keys in resources], **more}


def moved(*topics):
    return {"timeout_ms": 20000, "topics": [{"name": topic, "partitions": [
        {"partition_index": partition, "replicas": replicas} for partition, replicas in partitions]}
        for topic, partitions in topics]}


OPERATORS = [
    Case("twice settings of a topic", "DescribeConfigs",
         described(("orders", ["retention.ms"]), ("orders", ["retention.ms"])),
         dropped=("is_default",)),
    Case("twice a setting", "DescribeConfigs",
         described(("orders", ["retention.ms", "retention.ms"])), dropped=("is_default",)),
    Case("twice replace a setting", "AlterConfigs",
         {"resources": [{"resource_type": TOPIC, "resource_name": "orders", "configs": [
             {"name": "retention.ms", "value": "5"}, {"name": "retention.ms", "value": "6"}]}],
          "validate_only": True}),
    Case("twice create with a setting", "CreateTopics", created("new", configs=[
        {"name": "retention.ms", "value": "5"}, {"name": "retention.ms", "value": "6"}]),
        to="controller", versions=FROM_1),
    Case("twice create a partition", "CreateTopics",
         {"topics": [{"name": "new", "num_partitions": -1, "replication_factor": -1,
                      "assignments": [{"partition_index": 0, "broker_ids": [1]},
                                      {"partition_index": 0, "broker_ids": [2]}]}],
          "timeout_ms": 20000, "validate_only": True}, to="controller", versions=FROM_1),
    Case("twice delete a missing topic", "DeleteTopics",
         {"topic_names": ["missing", "missing"], "timeout_ms": 20000}, to="controller",
         versions=range(6)),
    Case("twice delete a strange id", "DeleteTopics",
         {"topics": [{"name": None, "topic_id": STRANGE_ID}] * 2, "timeout_ms": 20000},
         to="controller", versions=range(6, 99)),
    Case("twice delete no id and no name", "DeleteTopics",
         {"topics": [{"name": None, "topic_id": NO_ID}] * 2, "timeout_ms": 20000},
         to="controller", versions=range(6, 99)),
    *(Case(f"twice elect {name}", "ElectLeaders",
           {"election_type": 0, "timeout_ms": 20000, "topic_partitions": [
               {"topic": topic, "partitions": partitions} for topic, partitions in topics]},
           to="controller")
      for name, topics in (
          ("a partition", [("orders", [0, 0])]),
          ("a topic", [("orders", [0]), ("orders", [0])]),
          ("a topic in parts", [("orders", [0]), ("orders", [1])]),
          ("a missing topic", [("missing", [0, 0])]))),
    *(Case(f"twice move {name}", "AlterPartitionReassignments", moved(*topics), to="controller")
      for name, topics in (
          ("a missing partition", [("orders", [(9, [1]), (9, [2])])]),
          ("a partition to nobody", [("orders", [(0, []), (0, [])])]),
          ("a partition where it is", [("orders", [(0, [1, 2, 3]), (0, [1, 2, 3])])]),
          ("a topic in parts", [("orders", [(9, [1])]), ("orders", [(8, [1])])]))),
    *(Case(f"twice what moves of {name}", "ListPartitionReassignments",
           {"timeout_ms": 20000, "topics": named(*topics)}, to="controller")
      for name, topics in (("a partition", [("orders", [0, 0])]),
                           ("a topic", [("orders", [0]), ("orders", [0])]))),
    *(Case(f"twice directories of {name}", "DescribeLogDirs",
           {"topics": [{"topic": topic, "partitions": partitions} for topic, partitions in topics]},
           dropped=("total_bytes", "usable_bytes", "partition_size"))
      for name, topics in (("a partition", [("orders", [0, 0])]),
                           ("a topic", [("orders", [0]), ("orders", [0])]),
                           ("a topic in parts", [("orders", [0]), ("orders", [1])]))),
    *(Case(f"twice producers of {name}", "DescribeProducers",
           {"topics": [{"name": topic, "partition_indexes": partitions}
                       for topic, partitions in topics]}, dropped=("last_timestamp",))
      for name, topics in (("a partition", [("orders", [0, 0])]),
                           ("a topic", [("orders", [0]), ("orders", [0])]),
                           ("a missing topic", [("missing", [0, 0])]))),
    *(Case(f"twice place {name}", "AlterReplicaLogDirs",
           {"dirs": [{"path": path, "topics": [{"name": topic, "partitions": partitions}]}
                     for path, topic, partitions in dirs]})
      for name, dirs in (("a partition", [("/nowhere", "orders", [0, 0])]),
                         ("a directory", [("/nowhere", "orders", [0])] * 2),
                         ("a partition in two directories", [("/nowhere", "orders", [0]),
                                                             ("/elsewhere", "orders", [0])]))),
]

CASES = OFFSETS + PRODUCE + FETCH + DELETION + GROUPS + OPERATORS
