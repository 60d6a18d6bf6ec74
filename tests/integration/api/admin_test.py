"""What operators do with admin clients: Debian's python3-kafka and our own command.

All of it but our command's part also holds for a Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import unittest

from kafka.admin import (ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions,
                         NewTopic)
from kafka.errors import InvalidPartitionsError
from kafka.protocol.admin import DescribeConfigsRequest_v2

from broker_cluster import BrokerCluster, wait_until

TOPIC = int(ConfigResourceType.TOPIC)
BROKER = int(ConfigResourceType.BROKER)
BROKER_LOGGER = 8
SOURCE_TOPIC, SOURCE_STATIC, SOURCE_DEFAULT = 1, 4, 5


class AdminTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={"log.retention.hours": 24})
        cls.cluster.__enter__()
        cls.admin = KafkaAdminClient(bootstrap_servers=cls.cluster.bootstrap)

    @classmethod
    def tearDownClass(cls):
        cls.admin.close()
        cls.cluster.__exit__(None, None, None)

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
            self.assertEqual(self.leaders(cluster), preferred)
            told = cluster.barnabas("leader", "elect", "--preferred", "orders").decode()
            self.assertIn("0 elected, 6 already so, 0 failed", told)

    @staticmethod
    def leaders(cluster):
        return {index: partition["leader"]
                for index, partition in cluster.partitions("orders").items()}


if __name__ == "__main__":
    unittest.main()
