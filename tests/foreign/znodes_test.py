"""Our brokers write into ZooKeeper what Apache Kafka's write, byte for byte: the same is done with both
and all znodes are compared, but for what is ours alone (/barnabas)."""
import difflib
import re
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from kafka_oracle import oracle
from run_steps import RACKS, SETTINGS
from wire_world import APIS, World

SECONDS = 30
TOPIC, BROKER = 2, 4
SET, DELETE, APPEND = 0, 1, 2
# As Kafka reads them, none of which is the default.
MANY = {
    "retention.ms": "1000", "segment.bytes": "1048576", "cleanup.policy": "compact",
    "max.message.bytes": "1000", "min.insync.replicas": "1", "compression.type": "zstd",
    "flush.ms": "1000", "flush.messages": "1000", "segment.ms": "1000", "retention.bytes": "1000",
    "delete.retention.ms": "1000", "file.delete.delay.ms": "1000", "index.interval.bytes": "1000",
    "min.cleanable.dirty.ratio": "0.7", "preallocate": "false", "segment.jitter.ms": "1000",
    "message.timestamp.type": "LogAppendTime", "segment.index.bytes": "1000",
    "unclean.leader.election.enable": "true", "max.compaction.lag.ms": "3000",
    "min.compaction.lag.ms": "2000", "leader.replication.throttled.replicas": "*",
}


def done(answer, *rows):
    """All of these rows of the answer went well."""
    if not rows or any(row["error_code"] for row in rows):
        raise AssertionError(answer)


def make(world, name, replicas, settings=None):
    answer = world.ask(world.controller(), "CreateTopics", 7, {"timeout_ms": 20000, "topics": [{
        "name": name, "num_partitions": -1, "replication_factor": -1,
        "assignments": [{"partition_index": index, "broker_ids": ids}
                        for index, ids in enumerate(replicas)],
        "configs": [{"name": key, "value": value} for key, value in (settings or {}).items()]}]})
    done(answer, *answer["topics"])
    world.cluster.wait_until_known(name)


def alter(world, kind, name, *changes):
    answer = world.ask(int(name) if kind == BROKER and name else 1, "IncrementalAlterConfigs", 1, {
        "resources": [{"resource_type": kind, "resource_name": name, "configs": [
            {"name": key, "config_operation": operation, "value": value}
            for key, operation, value in changes]}]})
    done(answer, *answer["responses"])


def move(world, topic, *replicas):
    answer = world.ask(world.controller(), "AlterPartitionReassignments", 0, {
        "timeout_ms": 20000, "topics": [{"name": topic, "partitions": [
            {"partition_index": index, "replicas": ids} for index, ids in enumerate(replicas)]}]})
    done(answer, *answer["responses"][0]["partitions"])
    wait_until(lambda: not world.ask(world.controller(), "ListPartitionReassignments", 0, {
        "timeout_ms": 20000, "topics": None})["topics"], SECONDS, "the replicas have moved")


def live(world):
    """What leaves something in every kind of znode."""
    make(world, "wide", [[index % 3 + 1] for index in range(40)])
    make(world, "set", [[1, 2]], MANY)
    make(world, "gone", [[3]])
    alter(world, TOPIC, "wide", ("segment.bytes", SET, "1048576"), ("retention.ms", SET, "9"))
    alter(world, TOPIC, "wide", ("retention.ms", SET, "10"), ("cleanup.policy", APPEND, "compact"))
    alter(world, TOPIC, "set", ("flush.ms", DELETE, None), ("flush.messages", SET, "7"))
    alter(world, TOPIC, "single.topic", ("retention.ms", SET, "5"))
    alter(world, TOPIC, "single.topic", ("retention.ms", DELETE, None))
    alter(world, BROKER, "", ("log.retention.ms", SET, "70000000"))
    alter(world, BROKER, "1", ("log.retention.ms", SET, "80000000"),
          ("log.cleaner.threads", SET, "2"))
    answer = world.ask(world.controller(), "DeleteTopics", 5,
                       {"topic_names": ["gone"], "timeout_ms": 20000})
    done(answer, *answer["responses"])
    move(world, "orders", [3, 1], [1], [2, 1, 3])
    world.coordinator("g")
    world.ask(1, "InitProducerId", 4, {"transactional_id": None, "transaction_timeout_ms": 1000,
                                       "producer_id": -1, "producer_epoch": -1})


def dump(world):
    """A line for each znode."""
    lines = []
    client = KazooClient(hosts=world.cluster.zookeeper.connect, timeout=30)
    client.start()

    def walk(path):
        data, stat = client.get(path)
        kind = "ephemeral" if stat.ephemeralOwner else "persistent"
        lines.append(normalised(world, f"{path} {kind} {None if data is None else data.decode()}"))
        for child in client.get_children(path):
            below = f"{path.rstrip('/')}/{child}"
            if below not in ("/zookeeper", "/barnabas"):
                walk(below)
    try:
        walk("/")
    finally:
        client.stop()
        client.close()
    return sorted(lines)


def normalised(world, line):
    """Without what never is the same twice."""
    line = re.sub(r'"(\w*id)":"[\w-]{22}"', r'"\1":"ID"', line)
    line = re.sub(r'"timestamp":"\d{13}"', '"timestamp":"NOW"', line)
    for broker in world.cluster.brokers.values():
        line = re.sub(rf"\b{broker.port}\b", f"PORT{broker.id}", line)
    line = re.sub(r'"brokerid":\d', '"brokerid":N', line)  # who is elected is chance
    if "/__consumer_offsets" in line:  # who has its replicas is chance
        line = re.sub(r"[\[,:][123]\b", "N", line)
    if line.startswith("/brokers/topics/orders/"):  # in how many steps its replicas moved
        line = re.sub(r'"leader_epoch":\d+', '"leader_epoch":N', line)
    return line


def is_settled(world):
    """What was deleted has gone, and no notification of the controller's is left."""
    return not any(re.match("/(brokers/topics/gone|admin/delete_topics/|isr_change_notification/)",
                            line) for line in dump(world))


def left_by(cluster):
    with cluster, World(cluster) as world:
        live(world)
        wait_until(lambda: is_settled(world), SECONDS, "nothing is under way")
        return dump(world)


class ZnodesTest(unittest.TestCase):
    def test_znodes_are_the_same_byte_for_byte(self):
        theirs = left_by(oracle(3, settings=SETTINGS, racks=RACKS))
        ours = left_by(BrokerCluster(3, settings=SETTINGS, racks=RACKS))
        self.assertGreater(len(theirs), 100)
        lines = [line for line in difflib.unified_diff(theirs, ours, lineterm="", n=0)
                 if not line.startswith(("@@", "---", "+++"))]
        self.assertFalse(lines, "\n".join(["", *lines]))


if __name__ == "__main__":
    unittest.main()
