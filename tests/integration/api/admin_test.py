"""What operators do with admin clients: Debian's python3-kafka and our own command.

All of it but the loggers and our own words also holds for a Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import json
import socket
import struct
import threading
import unittest

from kafka import KafkaProducer
from kafka.admin import (ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions,
                         NewTopic)
from kafka.errors import (InvalidPartitionsError, MessageSizeTooLargeError,
                          NotEnoughReplicasError)
from kafka.protocol.admin import AlterConfigsRequest_v1, DescribeConfigsRequest_v2
from kafka.protocol.api import Request, Response
from kafka.protocol.types import Array, Boolean, Int8, Int16, Int32, Schema, String
from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until

TOPIC = int(ConfigResourceType.TOPIC)
BROKER = int(ConfigResourceType.BROKER)
BROKER_LOGGER = 8
SOURCE_TOPIC, SOURCE_BROKER, SOURCE_ALL_BROKERS, SOURCE_STATIC, SOURCE_DEFAULT = 1, 2, 3, 4, 5
SET, DELETE, APPEND, SUBTRACT = 0, 1, 2, 3


class IncrementalAlterConfigsResponse(Response):
    API_KEY = 44
    API_VERSION = 0
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("resources", Array(("error_code", Int16), ("error_message", String("utf-8")),
                            ("resource_type", Int8), ("resource_name", String("utf-8")))))


class IncrementalAlterConfigsRequest(Request):
    """python3-kafka has no class for it."""
    API_KEY = 44
    API_VERSION = 0
    RESPONSE_TYPE = IncrementalAlterConfigsResponse
    SCHEMA = Schema(
        ("resources", Array(
            ("resource_type", Int8), ("resource_name", String("utf-8")),
            ("config_entries", Array(("config_name", String("utf-8")), ("config_operation", Int8),
                                     ("config_value", String("utf-8")))))),
        ("validate_only", Boolean))


class AdminTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={"log.retention.hours": 24})
        cls.enterClassContext(cls.cluster)
        cls.admin = KafkaAdminClient(bootstrap_servers=cls.cluster.bootstrap)
        cls.zookeeper = KazooClient(hosts=cls.cluster.zookeeper.connect)
        cls.zookeeper.start()

    @classmethod
    def tearDownClass(cls):
        cls.zookeeper.stop()
        cls.zookeeper.close()
        cls.admin.close()

    def create(self, name, partitions=1, **configs):
        configs = {key.replace("_", "."): value for key, value in configs.items()}
        self.admin.create_topics([NewTopic(name, partitions, 3, topic_configs=configs)])
        self.cluster.wait_until_in_sync(name)

    def ask(self, broker_id, request):
        """Sends to this very broker, rather than where the client would."""
        future = self.admin._send_request_to_node(broker_id, request)
        self.admin._wait_for_futures([future])
        return future.value

    def describe(self, kind, name, keys=None, broker_id=1):
        """(error code, {key: (value, read only, source, synonyms)})"""
        request = DescribeConfigsRequest_v2(resources=[(kind, name, keys)], include_synonyms=True)
        (error, _, kind_told, name_told, configs), = self.ask(broker_id, request).resources
        self.assertEqual((kind_told, name_told), (kind, name))
        return error, {key: (value, read_only, source, synonyms)
                       for key, value, read_only, source, _, synonyms in configs}

    # ---- DescribeConfigs ----

    def test_settings_of_a_topic_tell_where_they_come_from(self):
        self.create("described", retention_ms="5000")
        for broker_id in self.cluster.brokers:
            error, settings = self.describe(TOPIC, "described", broker_id=broker_id)
            self.assertEqual(error, 0)
            self.assertEqual(settings["retention.ms"], ("5000", False, SOURCE_TOPIC, [
                ("retention.ms", "5000", SOURCE_TOPIC)]))
            self.assertEqual(settings["segment.bytes"], ("1073741824", False, SOURCE_DEFAULT, [
                ("log.segment.bytes", "1073741824", SOURCE_DEFAULT)]))

    def test_only_the_settings_asked_for_are_told(self):
        self.create("partly")
        self.assertEqual(set(self.describe(TOPIC, "partly", ["cleanup.policy", "no.such"])[1]),
                         {"cleanup.policy"})

    def test_a_broker_tells_its_own_settings_and_no_other_brokers(self):
        error, settings = self.describe(BROKER, "2", broker_id=2)
        self.assertEqual(error, 0)
        self.assertEqual(settings["log.retention.hours"][:3], ("24", True, SOURCE_STATIC))
        self.assertEqual(settings["broker.id"][:3], ("2", True, SOURCE_STATIC))
        self.assertEqual(self.describe(BROKER, "2", broker_id=1), (42, {}))
        self.assertEqual(self.describe(BROKER, "two", broker_id=1), (42, {}))

    def test_a_client_library_finds_the_broker_by_itself(self):
        responses = self.admin.describe_configs(
            [ConfigResource(ConfigResourceType.BROKER, str(broker_id)) for broker_id in (1, 2, 3)])
        told = {resource[3]: dict((config[0], config[1]) for config in resource[4])["broker.id"]
                for response in responses for resource in response.resources}
        self.assertEqual(told, {"1": "1", "2": "2", "3": "3"})

    def test_what_cannot_be_described(self):
        for kind, name, error in ((TOPIC, "nobody-made-it", 3), (TOPIC, "not/a/name", 17),
                                  (BROKER_LOGGER, "", 42), (BROKER_LOGGER, "2", 42), (77, "1", 42)):
            with self.subTest(kind=kind, name=name):
                self.assertEqual(self.describe(kind, name), (error, {}))

    def test_loggers_have_levels(self):
        error, levels = self.describe(BROKER_LOGGER, "1")
        self.assertEqual((error, levels["root"][0]), (0, "INFO"))
        self.assertEqual(levels["broker.replica"][0], "INFO")
        self.assertEqual(set(self.describe(BROKER_LOGGER, "1", ["broker.api"])[1]), {"broker.api"})

    def test_levels_of_loggers_change_at_run_time(self):
        def lines():
            return self.cluster.brokers[3].output().count(" request_refused ")

        def refuse():
            with socket.create_connection(("127.0.0.1", self.cluster.brokers[3].port)) as client:
                client.sendall(struct.pack(">ihhih", 10, 999, 0, 1, -1))
                self.assertEqual(client.recv(100), b"")
        refuse()
        self.assertEqual(lines(), 1)
        self.assertEqual(self.change(BROKER_LOGGER, "3", ("broker.api", SET, "ERROR"),
                                     broker_id=3), 0)
        refuse()
        self.assertEqual(lines(), 1)
        # One that is wrong, and nothing is changed.
        self.assertEqual(self.change(BROKER_LOGGER, "3", ("broker", SET, "DEBUG"),
                                     ("broker.api", SET, "LOUD"), broker_id=3), 40)
        self.assertEqual(self.describe(BROKER_LOGGER, "3", broker_id=3)[1]["broker"][0], "INFO")
        self.assertEqual(self.change(BROKER_LOGGER, "3", ("broker.api", DELETE, None),
                                     broker_id=3), 0)
        refuse()
        self.assertEqual(lines(), 2)

    # ---- AlterConfigs, IncrementalAlterConfigs ----

    def change(self, kind, name, *operations, broker_id=1, validate_only=False):
        """The error code; operations are (key, operation, value)."""
        request = IncrementalAlterConfigsRequest(resources=[(kind, name, list(operations))],
                                                 validate_only=validate_only)
        (error, _, kind_told, name_told), = self.ask(broker_id, request).resources
        self.assertEqual((kind_told, name_told), (kind, name))
        return error

    def replace(self, kind, name, broker_id=1, **configs):
        """Sets these settings and no others; the error code."""
        configs = [(key.replace("_", "."), value) for key, value in configs.items()]
        request = AlterConfigsRequest_v1(resources=[(kind, name, configs)], validate_only=False)
        (error, _, _, _), = self.ask(broker_id, request).resources
        return error

    def kept(self, entity):
        """What ZooKeeper has of an entity's own settings; None if nothing."""
        path = f"/config/{entity}"
        if self.zookeeper.exists(path) is None:
            return None
        content = json.loads(self.zookeeper.get(path)[0])
        self.assertEqual((set(content), content["version"]), ({"version", "config"}, 1))
        return content["config"]

    def value(self, kind, name, key, broker_id=1):
        """(value, source)"""
        told = self.describe(kind, name, [key], broker_id=broker_id)[1][key]
        return told[0], told[2]

    def wait_for_value(self, kind, name, key, expected):
        for broker_id in self.cluster.brokers:
            wait_until(lambda broker_id=broker_id: self.value(
                kind, name or str(broker_id), key, broker_id) == expected, 10,
                f"broker {broker_id} tells {key}={expected}")

    def test_settings_of_a_topic_are_replaced_as_a_whole(self):
        self.create("replaced", retention_ms="5000", segment_bytes="2000000")
        self.assertEqual(self.replace(TOPIC, "replaced", retention_ms="7000",
                                      cleanup_policy="compact"), 0)
        self.assertEqual(self.kept("topics/replaced"),
                         {"retention.ms": "7000", "cleanup.policy": "compact"})
        self.wait_for_value(TOPIC, "replaced", "retention.ms", ("7000", SOURCE_TOPIC))
        self.wait_for_value(TOPIC, "replaced", "segment.bytes", ("1073741824", SOURCE_DEFAULT))
        self.assertEqual(self.replace(TOPIC, "replaced"), 0)
        self.assertEqual(self.kept("topics/replaced"), {})

    def test_single_settings_of_a_topic_are_changed(self):
        self.create("changed", retention_ms="5000", segment_bytes="2000000")
        for operations, kept in (
                ([("segment.ms", SET, "90000"), ("retention.ms", DELETE, None)],
                 {"segment.bytes": "2000000", "segment.ms": "90000"}),
                ([("cleanup.policy", APPEND, "compact"), ("segment.bytes", DELETE, None)],
                 {"segment.ms": "90000", "cleanup.policy": "delete,compact"}),
                ([("cleanup.policy", APPEND, "compact"), ("segment.ms", DELETE, None)],
                 {"cleanup.policy": "delete,compact"}),
                ([("cleanup.policy", SUBTRACT, "delete"), ("retention.ms", DELETE, None)],
                 {"cleanup.policy": "compact"})):
            with self.subTest(operations=operations):
                self.assertEqual(self.change(TOPIC, "changed", *operations, broker_id=2), 0)
                self.assertEqual(self.kept("topics/changed"), kept)
        self.wait_for_value(TOPIC, "changed", "cleanup.policy", ("compact", SOURCE_TOPIC))

    def test_a_change_is_announced(self):
        self.create("announced")
        before = set(self.zookeeper.get_children("/config/changes"))
        self.assertEqual(self.change(TOPIC, "announced", ("retention.ms", SET, "1")), 0)
        name, = set(self.zookeeper.get_children("/config/changes")) - before
        self.assertRegex(name, "^config_change_[0-9]{10}$")
        data, stat = self.zookeeper.get(f"/config/changes/{name}")
        self.assertEqual(json.loads(data), {"version": 2, "entity_path": "topics/announced"})
        self.assertEqual(stat.ephemeralOwner, 0)

    def test_what_other_tools_write_counts_too(self):
        """Kafka's tools of before 2.4 write by themselves, with entries of version 1."""
        self.create("from-outside", retention_ms="5000")
        path = "/config/topics/from-outside"
        self.zookeeper.set(path, b'{"config": {"retention.ms": "8000", "x.y": "z"}}')
        self.zookeeper.create("/config/changes/config_change_", b'{"version": 1, "entity_type": '
                              b'"topics", "entity_name": "from-outside"}', sequence=True)
        self.wait_for_value(TOPIC, "from-outside", "retention.ms", ("8000", SOURCE_TOPIC))
        self.zookeeper.delete(path)
        self.zookeeper.create("/config/changes/config_change_", b'{"version": 2, "entity_path": '
                              b'"topics/from-outside"}', sequence=True)
        self.wait_for_value(TOPIC, "from-outside", "segment.bytes", ("1073741824", SOURCE_DEFAULT))
        wait_until(lambda: self.value(TOPIC, "from-outside", "retention.ms")[1] != SOURCE_TOPIC,
                   10, "no settings are left")

    def test_changes_that_are_refused_change_nothing(self):
        self.create("refused", retention_ms="5000")
        for operations, error in (
                ([("retention.ms", SET, "soon")], 40), ([("min.insync.replicas", SET, "0")], 40),
                ([("no.such.key", SET, "1")], 40), ([("retention.ms", APPEND, "1")], 40),
                ([("retention.ms", SET, None)], 42),
                ([("retention.ms", SET, "1"), ("retention.ms", DELETE, None)], 42),
                ([("min.compaction.lag.ms", SET, "10"), ("max.compaction.lag.ms", SET, "5")], 40),
                ([("segment.ms", SET, "1"), ("no.such.key", SET, "1")], 40)):
            with self.subTest(operations=operations):
                self.assertEqual(self.change(TOPIC, "refused", *operations), error)
        self.assertEqual(self.change(TOPIC, "nobody-made-it", ("retention.ms", SET, "1")), 3)
        self.assertEqual(self.change(TOPIC, "", ("retention.ms", SET, "1")), 42)
        self.assertEqual(self.change(TOPIC, "refused", ("retention.ms", SET, "1"),
                                     validate_only=True), 0)
        self.assertEqual(self.kept("topics/refused"), {"retention.ms": "5000"})
        self.assertIsNone(self.kept("topics/nobody-made-it"))

    def test_a_smaller_batch_limit_counts_at_once_on_every_leader(self):
        self.create("limited", 3)
        record = b"x" * 5000
        for partition in range(3):
            self.produce("limited", partition, record)
        self.assertEqual(self.change(TOPIC, "limited", ("max.message.bytes", SET, "1000")), 0)
        self.wait_for_value(TOPIC, "limited", "max.message.bytes", ("1000", SOURCE_TOPIC))
        for partition in range(3):
            with self.assertRaises(MessageSizeTooLargeError):
                self.produce("limited", partition, record)
        self.assertEqual(self.change(TOPIC, "limited", ("max.message.bytes", DELETE, None)), 0)
        self.wait_for_value(TOPIC, "limited", "max.message.bytes", ("1048588", SOURCE_DEFAULT))
        for partition in range(3):
            self.produce("limited", partition, record)

    def produce(self, topic, partition, record):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap, retries=0)
        try:
            producer.send(topic, record, partition=partition).get(30)
        finally:
            producer.close()

    def test_settings_of_all_brokers_and_of_one_broker(self):
        key = "log.segment.bytes"
        self.create("follower-of-brokers")
        self.assertEqual(self.change(BROKER, "", (key, SET, "3000000")), 0)
        self.assertEqual(self.kept("brokers/<default>"), {key: "3000000"})
        self.wait_for_value(BROKER, None, key, ("3000000", SOURCE_ALL_BROKERS))
        self.wait_for_value(TOPIC, "follower-of-brokers", "segment.bytes",
                            ("3000000", SOURCE_ALL_BROKERS))
        self.assertEqual(self.describe(BROKER, "")[1],
                         {key: ("3000000", False, SOURCE_ALL_BROKERS,
                                [(key, "3000000", SOURCE_ALL_BROKERS)])})
        self.assertEqual(self.change(BROKER, "2", (key, SET, "4000000"), broker_id=2), 0)
        self.assertEqual(self.kept("brokers/2"), {key: "4000000"})
        wait_until(lambda: self.value(BROKER, "2", key, 2) == ("4000000", SOURCE_BROKER), 10,
                   "broker 2 tells it")
        self.assertEqual(self.describe(BROKER, "2", [key], 2)[1][key], (
            "4000000", False, SOURCE_BROKER, [(key, "4000000", SOURCE_BROKER),
                                              (key, "3000000", SOURCE_ALL_BROKERS),
                                              (key, "1073741824", SOURCE_DEFAULT)]))
        self.assertEqual(self.value(BROKER, "1", key), ("3000000", SOURCE_ALL_BROKERS))
        self.assertEqual(self.change(BROKER, "2", (key, DELETE, None), broker_id=2), 0)
        self.assertEqual(self.change(BROKER, "", (key, DELETE, None)), 0)
        self.wait_for_value(BROKER, None, key, ("1073741824", SOURCE_DEFAULT))

    def test_a_limit_of_connections_counts_at_once(self):
        host, port = self.cluster.address(3).split(":")

        def is_admitted():
            """Whether a new connection gets an answer, to ApiVersions of version 0."""
            with socket.create_connection((host, int(port)), 10) as connection:
                connection.sendall(bytes.fromhex("0000000a 0012 0000 00000001 ffff"))
                try:
                    return connection.recv(4) != b""
                except ConnectionResetError:
                    return False

        key = "max.connections.per.ip.overrides"
        self.assertTrue(is_admitted())
        self.assertEqual(self.change(BROKER, "3", (key, SET, "127.0.0.1:1"), broker_id=3), 0)
        wait_until(lambda: not is_admitted(), 10, "connections are refused")
        self.assertEqual(self.change(BROKER, "3", (key, DELETE, None), broker_id=3), 0)
        wait_until(is_admitted, 10, "connections are admitted")

    def test_settings_of_brokers_that_cannot_be_changed(self):
        for name, key, value in (
                ("1", "broker.id", "5"), ("1", "log.retention.hours", "5"),
                ("1", "log.retention.ms", "soon"), ("1", "min.insync.replicas", "0"),
                ("2", "log.retention.ms", "1"), ("one", "log.retention.ms", "1"),
                ("", "listeners", "PLAINTEXT://:1")):
            with self.subTest(name=name, key=key):
                self.assertEqual(self.change(BROKER, name, (key, SET, value)), 42)
        self.assertIsNone(self.kept("brokers/1"))

    # ---- CreatePartitions ----

    def test_a_topic_gets_more_partitions(self):
        self.create("growing", 2)
        self.admin.create_partitions({"growing": NewPartitions(5)})
        self.cluster.wait_until_in_sync("growing")
        for broker in self.cluster.brokers.values():
            partitions = wait_until(lambda broker=broker: self.cluster.partitions(
                "growing", broker.address), 10, "the topic is known")
            self.assertEqual(sorted(partitions), [0, 1, 2, 3, 4])
            self.assertNotIn(-1, [partition["leader"] for partition in partitions.values()])

    def test_new_partitions_can_be_placed(self):
        self.create("placed", 1)
        self.admin.create_partitions({"placed": NewPartitions(3, [[3, 1, 2], [2, 3, 1]])})
        wait_until(lambda: len(self.cluster.partitions("placed")) == 3, 10, "they are known")
        partitions = self.cluster.partitions("placed")
        self.assertEqual([partitions[index]["replicas"] for index in (1, 2)],
                         [[3, 1, 2], [2, 3, 1]])

    def test_a_topic_does_not_shrink(self):
        self.create("constant", 2)
        for count in (2, 1):
            with self.assertRaises(InvalidPartitionsError):
                self.admin.create_partitions({"constant": NewPartitions(count)})

    def test_partitions_that_are_only_checked_are_not_made(self):
        self.create("checked", 1)
        self.admin.create_partitions({"checked": NewPartitions(3)}, validate_only=True)
        self.assertEqual(list(self.cluster.partitions("checked")), [0])


    # ---- Our own command ----

    def run_json(self, *arguments):
        return json.loads(self.cluster.barnabas("--output", "json", *arguments))["items"]

    def told(self, *subject):
        return {item["name"]: (item["value"], item["source"])
                for item in self.run_json("config", "describe", *subject)}

    def refuses(self, *arguments):
        with self.assertRaises(AssertionError) as refusal:
            self.cluster.barnabas(*arguments)
        return str(refusal.exception)

    def test_the_command_alters_a_topic(self):
        self.create("by-command", 1)
        told = self.cluster.barnabas("topic", "alter", "by-command", "--partitions", "3",
                                     "--config", "retention.ms=7000", "--append",
                                     "cleanup.policy=compact").decode()
        self.assertIn("has now 3 partitions", told)
        self.assertEqual(len(self.cluster.partitions("by-command")), 3)
        self.assertEqual(self.told("topic", "by-command"),
                         {"retention.ms": ("7000", "topic"),
                          "cleanup.policy": ("delete,compact", "topic")})
        self.cluster.barnabas("config", "alter", "topic", "by-command", "--delete-config",
                              "retention.ms", "--subtract", "cleanup.policy=delete")
        self.assertEqual(self.kept("topics/by-command"), {"cleanup.policy": "compact"})
        self.cluster.barnabas("topic", "alter", "by-command", "--dry-run", "--partitions", "5",
                              "--config", "retention.ms=1")
        self.assertEqual(self.kept("topics/by-command"), {"cleanup.policy": "compact"})

    def test_the_command_alters_brokers(self):
        self.cluster.barnabas("config", "alter", "brokers", "--config", "log.roll.ms=5000000")
        self.cluster.barnabas("config", "alter", "broker", "3", "--config", "log.roll.ms=6000000")
        self.assertEqual(self.told("brokers"), {"log.roll.ms": ("5000000", "brokers")})
        self.assertEqual(self.told("broker", "3")["log.roll.ms"], ("6000000", "broker"))
        self.assertEqual(self.told("broker", "3")["log.retention.hours"], ("24", "file"))
        self.cluster.barnabas("config", "alter", "broker", "3", "--delete-config", "log.roll.ms")
        self.cluster.barnabas("config", "alter", "brokers", "--delete-config", "log.roll.ms")
        self.assertEqual(self.told("brokers"), {})

    def test_the_command_says_what_is_wrong(self):
        self.create("wrongly", 2)
        for arguments, words in (
                (("topic", "alter", "wrongly", "--partitions", "1"), "INVALID_PARTITIONS"),
                (("topic", "alter", "wrongly", "--config", "retention.ms=soon"), "a whole number"),
                (("topic", "alter", "nobody-made-it", "--partitions", "3"), "does not exist"),
                (("topic", "alter", "wrongly"), "nothing to change"),
                (("config", "alter", "topic", "wrongly", "--config", "retention.ms"), "KEY=VALUE"),
                (("config", "alter", "broker", "1", "--config", "broker.id=3"), "dynamically"),
                (("config", "describe", "topic", "nobody-made-it"), "UNKNOWN_TOPIC"),
                (("config", "describe", "broker", "one"), "which settings"),
                (("leader", "elect", "wrongly"), "--preferred or --unclean")):
            with self.subTest(arguments=arguments):
                self.assertIn(words, self.refuses(*arguments))


class RestartTest(unittest.TestCase):
    def test_changed_settings_hold_after_a_restart(self):
        with BrokerCluster(1) as cluster:
            cluster.create_topic("kept")
            cluster.barnabas("topic", "alter", "kept", "--config", "retention.ms=7000")
            cluster.barnabas("config", "alter", "broker", "1", "--config", "min.insync.replicas=2")
            cluster.barnabas("config", "alter", "brokers", "--config", "log.roll.ms=5000000")
            self.assertEqual(cluster.stop(1), 0)
            cluster.start_broker(1)
            cluster.wait_until_whole()
            told = {item["name"]: (item["value"], item["source"]) for item in json.loads(
                cluster.barnabas("--output", "json", "config", "describe", "topic", "kept"))["items"]}
            self.assertEqual(told, {"retention.ms": ("7000", "topic"),
                                    "min.insync.replicas": ("2", "broker"),
                                    "segment.ms": ("5000000", "brokers")})


class MinInsyncTest(unittest.TestCase):
    def test_how_many_must_be_in_sync_can_change_at_any_time(self):
        with BrokerCluster(2) as cluster:
            cluster.create_topic("careful", 1, 2)
            cluster.wait_until_in_sync("careful")
            cluster.stop(2)
            address = cluster.address(1)
            wait_until(lambda: cluster.partitions("careful", address)[0]["isr"] == [1], 30,
                       "one is in sync")

            def is_accepted():
                producer = KafkaProducer(bootstrap_servers=address, acks="all", retries=0)
                try:
                    producer.send("careful", b"record").get(30)
                except NotEnoughReplicasError:
                    return False
                finally:
                    producer.close()
                return True

            self.assertTrue(is_accepted())
            for subject in (("topic", "careful"), ("broker", "1"), ("brokers",)):
                with self.subTest(subject=subject):
                    cluster.barnabas("config", "alter", *subject, "--config",
                                     "min.insync.replicas=2", bootstrap=address)
                    self.assertFalse(is_accepted())
                    cluster.barnabas("config", "alter", *subject, "--delete-config",
                                     "min.insync.replicas", bootstrap=address)
                    self.assertTrue(is_accepted())


class AwayTest(unittest.TestCase):
    def test_a_change_waits_for_zookeeper(self):
        with BrokerCluster(1) as cluster:
            cluster.create_topic("patient")
            cluster.zookeeper.stop()
            wait_until(lambda: "zookeeper_disconnected" in cluster.brokers[1].output(), 30,
                       "the broker has noticed")
            later = threading.Timer(2, cluster.zookeeper.start)
            later.start()
            try:
                cluster.barnabas("topic", "alter", "patient", "--config", "retention.ms=7000")
            finally:
                later.join()
            told = cluster.barnabas("--output", "json", "config", "describe", "topic", "patient")
            self.assertEqual([item["value"] for item in json.loads(told)["items"]], ["7000"])


class UncleanLeaderTest(unittest.TestCase):
    LEADER, LAGGING, BYSTANDER = 1, 2, 3
    TOPICS = ("asked-for", "topic-allows", "brokers-allow")

    def test_a_replica_that_lagged_leads_only_where_that_is_allowed(self):
        with BrokerCluster(3) as self.cluster:
            self.lose_the_leaders()
            told = self.barnabas("leader", "elect", "--preferred", check=False)
            self.assertIn("0 elected, 0 already so, 3 failed", told)
            self.assertEqual([self.leader(topic) for topic in self.TOPICS], [-1, -1, -1])
            self.assertIn("1 elected", self.barnabas("leader", "elect", "--unclean",
                                                     "asked-for:0"))
            self.wait_for_leaders(self.LAGGING, -1, -1)
            self.barnabas("topic", "alter", "topic-allows", "--config",
                          "unclean.leader.election.enable=true")
            self.wait_for_leaders(self.LAGGING, self.LAGGING, -1)
            self.barnabas("config", "alter", "brokers", "--config",
                          "unclean.leader.election.enable=true")
            self.wait_for_leaders(self.LAGGING, self.LAGGING, self.LAGGING)
            for topic in self.TOPICS:
                self.barnabas("produce", topic, stdin=b"life goes on\n")

    def lose_the_leaders(self):
        """Only the leader has all records of each topic, and it is gone."""
        admin = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        replicas = {0: [self.LEADER, self.LAGGING]}
        admin.create_topics([NewTopic(topic, -1, -1, replica_assignments=replicas)
                             for topic in self.TOPICS])
        admin.close()
        for topic in self.TOPICS:
            self.cluster.wait_until_in_sync(topic)
        self.cluster.kill(self.LAGGING)
        wait_until(lambda: all(self.partition(topic)["isr"] == [self.LEADER]
                               for topic in self.TOPICS), 60, "the lagging replica left the ISR")
        for topic in self.TOPICS:
            self.barnabas("produce", topic, stdin=b"only the leader has it\n")
        self.cluster.kill(self.LEADER)
        self.cluster.start_broker(self.LAGGING)
        wait_until(lambda: self.cluster.known_brokers(self.cluster.address(self.BYSTANDER)) ==
                   {self.LAGGING, self.BYSTANDER}, 60, "the leader is gone, the other one back")

    def barnabas(self, *arguments, **options):
        """By way of the broker that was never away."""
        return self.cluster.barnabas(*arguments, bootstrap=self.cluster.address(self.BYSTANDER),
                                     **options).decode()

    def partition(self, topic):
        return self.cluster.partitions(topic, self.cluster.address(self.BYSTANDER))[0]

    def leader(self, topic):
        return self.partition(topic)["leader"]

    def wait_for_leaders(self, *leaders):
        wait_until(lambda: tuple(map(self.leader, self.TOPICS)) == leaders, 10,
                   f"leaders are {leaders}")


class PreferredLeaderTest(unittest.TestCase):
    def test_leadership_returns_to_a_broker_that_was_away(self):
        with BrokerCluster(3, settings={"auto.leader.rebalance.enable": "false"}) as cluster:
            cluster.create_topic("orders", 6, 3)
            cluster.wait_until_in_sync("orders")
            preferred = {index: partition["replicas"][0]
                         for index, partition in cluster.partitions("orders").items()}
            cluster.stop(1)
            wait_until(lambda: 1 not in self.leaders(cluster).values(), 30, "others lead")
            cluster.start_broker(1)
            cluster.wait_until_whole()
            cluster.wait_until_in_sync("orders")
            self.assertNotIn(1, self.leaders(cluster).values())
            told = cluster.barnabas("leader", "elect", "--preferred").decode()
            self.assertIn(f"{list(preferred.values()).count(1)} elected", told)
            wait_until(lambda: self.leaders(cluster) == preferred, 10, "preferred replicas lead")
            told = cluster.barnabas("leader", "elect", "--preferred", "orders").decode()
            self.assertIn("0 elected, 6 already so, 0 failed", told)

    @staticmethod
    def leaders(cluster):
        return {index: partition["leader"]
                for index, partition in cluster.partitions("orders").items()}


if __name__ == "__main__":
    unittest.main()
