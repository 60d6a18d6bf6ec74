"""The znodes are Kafka's, key by key, read with Debian's python3-kazoo.

All of it but what is below /barnabas also holds for a Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import json
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from wire_codec import Connection, read_apis

APIS = read_apis()
SECONDS = 30
UUID = r"^[A-Za-z0-9_][A-Za-z0-9_-]{21}$"
PERSISTENT_WITHOUT_DATA = (
    "/consumers", "/brokers/ids", "/brokers/topics", "/config/changes", "/config/topics",
    "/config/clients", "/config/users", "/config/brokers", "/config/ips",
    "/admin/delete_topics", "/brokers/seqid", "/isr_change_notification",
    "/log_dir_event_notification")


class ZnodesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, racks=["r1", "r2", "r3"], settings={
            "offsets.topic.num.partitions": 3, "transaction.state.log.num.partitions": 3,
            "offsets.topic.segment.bytes": 1048576, "transaction.state.log.min.isr": 3,
            "transaction.state.log.segment.bytes": 2097152})
        cls.enterClassContext(cls.cluster)
        cls.zookeeper = KazooClient(hosts=cls.cluster.zookeeper.connect)
        cls.zookeeper.start()

    @classmethod
    def tearDownClass(cls):
        cls.zookeeper.stop()
        cls.zookeeper.close()

    def json(self, path):
        data, stat = self.zookeeper.get(path)
        return json.loads(data), stat

    def check_keys(self, content, **expected):
        """Exactly these keys; a value, or a type that it must have."""
        self.assertEqual(set(content), set(expected))
        for key, value in expected.items():
            if isinstance(value, type):
                self.assertIs(type(content[key]), value, key)
            else:
                self.assertEqual(content[key], value, key)

    def test_the_paths_of_a_cluster_are_there(self):
        for path in PERSISTENT_WITHOUT_DATA:
            data, stat = self.zookeeper.get(path)
            self.assertIn(data, (b"", None), path)
            self.assertEqual(stat.ephemeralOwner, 0, path)

    def test_internal_topics_have_kafkas_settings(self):
        with Connection(self.cluster.brokers[1].port) as connection:
            for kind in (0, 1):
                wait_until(lambda kind=kind: connection.ask(
                    APIS["FindCoordinator"], 3, {"key": "k", "key_type": kind})["error_code"] == 0,
                    SECONDS, "a coordinator")
        for topic, settings in (
                ("__consumer_offsets", {"compression.type": "producer", "cleanup.policy": "compact",
                                        "segment.bytes": "1048576"}),
                ("__transaction_state", {
                    "compression.type": "uncompressed", "cleanup.policy": "compact",
                    "min.insync.replicas": "3", "segment.bytes": "2097152",
                    "unclean.leader.election.enable": "false"})):
            content, _ = self.json(f"/config/topics/{topic}")
            self.check_keys(content, version=1, config=settings)

    def test_the_cluster_has_an_id(self):
        content, stat = self.json("/cluster/id")
        self.check_keys(content, version="1", id=str)
        self.assertRegex(content["id"], UUID)
        self.assertEqual(stat.ephemeralOwner, 0)

    def test_brokers_are_registered(self):
        self.assertEqual(sorted(self.zookeeper.get_children("/brokers/ids")), ["1", "2", "3"])
        for broker in self.cluster.brokers.values():
            content, stat = self.json(f"/brokers/ids/{broker.id}")
            self.check_keys(content, version=5, host="127.0.0.1", port=broker.port, jmx_port=-1,
                            timestamp=str, features={},
                            endpoints=[f"PLAINTEXT://127.0.0.1:{broker.port}"],
                            listener_security_protocol_map={"PLAINTEXT": "PLAINTEXT"},
                            rack=f"r{broker.id}")
            self.assertTrue(content["timestamp"].isdigit())
            self.assertNotEqual(stat.ephemeralOwner, 0)
            self.assertEqual(stat.version, 1)

    def test_one_broker_is_the_controller(self):
        content, stat = self.json("/controller")
        self.check_keys(content, version=2, brokerid=int, timestamp=str, kraftControllerEpoch=-1)
        self.assertIn(content["brokerid"], self.cluster.brokers)
        self.assertNotEqual(stat.ephemeralOwner, 0)
        data, stat = self.zookeeper.get("/controller_epoch")
        self.assertEqual(int(data), stat.version)
        self.assertGreaterEqual(int(data), 1)

    def test_a_topic_has_its_assignment_states_and_settings(self):
        self.cluster.create_topic("orders", 2, 3, retention_ms="86400000")
        self.cluster.wait_until_in_sync("orders")
        content, stat = self.json("/brokers/topics/orders")
        self.check_keys(content, version=3, topic_id=str, partitions=dict, adding_replicas={},
                        removing_replicas={})
        self.assertRegex(content["topic_id"], UUID)
        self.assertEqual(sorted(content["partitions"]), ["0", "1"])
        self.assertEqual(stat.ephemeralOwner, 0)
        data, _ = self.zookeeper.get("/controller_epoch")
        for partition, replicas in content["partitions"].items():
            self.assertEqual(sorted(replicas), [1, 2, 3])
            state, stat = self.json(f"/brokers/topics/orders/partitions/{partition}/state")
            self.check_keys(state, version=1, leader=replicas[0], leader_epoch=0,
                            isr=list, controller_epoch=int(data))
            self.assertEqual(sorted(state["isr"]), [1, 2, 3])
            self.assertEqual(stat.ephemeralOwner, 0)
        content, _ = self.json("/config/topics/orders")
        self.check_keys(content, version=1, config={"retention.ms": "86400000"})

    def test_a_topic_that_is_deleted_leaves_nothing(self):
        self.cluster.create_topic("brief", 1, 3)
        self.cluster.wait_until_in_sync("brief")
        self.cluster.barnabas("topic", "delete", "brief")
        for path in ("/brokers/topics/brief", "/config/topics/brief",
                     "/admin/delete_topics/brief"):
            wait_until(lambda path=path: self.zookeeper.exists(path) is None, 30,
                       f"{path} is gone")


if __name__ == "__main__":
    unittest.main()
