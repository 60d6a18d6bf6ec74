"""What three live brokers tell Prometheus: the format, and that the numbers are true."""
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
from prometheus_text import Metrics

SETTINGS = {"barnabas.admin.listener": "127.0.0.1:0", "min.insync.replicas": 2}


def scrape(broker, path="/metrics"):
    status, text = broker.http(path)
    if status != 200:
        raise AssertionError(f"{path}: status {status}")
    return Metrics(text)


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings=SETTINGS)
        cls.cluster.__enter__()
        cls.addClassCleanup(cls.cluster.__exit__, None, None, None)
        cls.cluster.create_topic("orders", partitions=4)
        cls.cluster.wait_until_known("orders")

    def total(self, name, **labels):
        return sum(scrape(broker).total(name, **labels)
                   for broker in self.cluster.brokers.values() if broker.is_running())

    def test_every_broker_tells_of_its_process(self):
        for broker in self.cluster.brokers.values():
            metrics = scrape(broker)
            self.assertAlmostEqual(metrics.value("process_resident_memory_bytes") / 1024,
                                   broker.resident_kib(), delta=20000)
            self.assertLess(abs(metrics.value("process_start_time_seconds") - time.time()), 600)
            self.assertGreater(metrics.value("process_cpu_seconds_total"), 0)
            self.assertGreater(metrics.value("process_open_fds"), 10)
            self.assertEqual(metrics.value("kafka_server_kafkaserver_brokerstate"), 3)
            self.assertEqual(metrics.total("barnabas_broker_info", broker=str(broker.id)), 1)
            self.assertEqual(metrics.value("barnabas_zk_connected"), 1)
            self.assertLess(metrics.series_count(), 2000)

    def test_there_is_one_controller_and_it_tells_of_the_cluster(self):
        self.assertEqual(self.total("kafka_controller_kafkacontroller_activecontrollercount"), 1)
        partitions = self.total("kafka_controller_kafkacontroller_globalpartitioncount")
        topics = self.total("kafka_controller_kafkacontroller_globaltopiccount")
        self.assertIn((topics, partitions), [(1, 4), (2, 6)])  # with or without "letters"
        self.assertEqual(self.total("kafka_controller_kafkacontroller_activebrokercount"), 3)
        self.assertEqual(self.total("kafka_controller_kafkacontroller_offlinepartitionscount"), 0)
        self.assertEqual(self.total("kafka_server_replicamanager_leadercount"), partitions)
        self.assertEqual(self.total("kafka_server_replicamanager_partitioncount"), 3 * partitions)

    def test_partitions_tell_of_their_logs(self):
        self.cluster.create_topic("letters", partitions=2)
        self.cluster.wait_until_known("letters")
        self.cluster.barnabas("produce", "letters", stdin=b"a\nb\nc\n")
        sums = {"kafka_topic_partition_current_offset": 3, "kafka_topic_partition_replicas": 6,
                "kafka_cluster_partition_insyncreplicascount": 6, "kafka_log_log_logendoffset": 9}

        def told():
            pages = [scrape(broker, "/metrics/partitions?topic=letters")
                     for broker in self.cluster.brokers.values()]
            return {name: sum(page.total(name, topic="letters") for page in pages)
                    for name in sums} == sums
        wait_until(told, 30, f"the partitions tell {sums}")
        whole = scrape(self.cluster.brokers[1], "/metrics/partitions")
        self.assertEqual(len(whole.series("kafka_log_log_size", topic="orders")), 4)
        one = scrape(self.cluster.brokers[1], "/metrics/partitions?topic=letters")
        self.assertEqual(one.series("kafka_log_log_size", topic="orders"), [])

    def test_a_broker_that_is_gone_is_missed(self):
        def under_replicated():
            return self.total("kafka_server_replicamanager_underreplicatedpartitions")
        wait_until(lambda: under_replicated() == 0, 30, "all replicas are in sync")
        victim = next(broker for broker in self.cluster.brokers.values()
                      if not scrape(broker).value(
                          "kafka_controller_kafkacontroller_activecontrollercount"))
        self.cluster.kill(victim.id)
        partitions = self.total("kafka_controller_kafkacontroller_globalpartitioncount")
        wait_until(lambda: under_replicated() == partitions, 60, "every partition lacks a replica")
        self.assertEqual(self.total("kafka_server_replicamanager_atminisrpartitioncount"),
                         partitions)
        self.assertEqual(self.total("kafka_server_replicamanager_underminisrpartitioncount"), 0)
        self.assertEqual(self.total("kafka_controller_kafkacontroller_activebrokercount"), 2)
        (victim.folder / "output").unlink()
        self.cluster.start_broker(victim.id)
        wait_until(victim.admin_port, 60, "its admin listener is up")
        self.cluster.wait_until_whole()
        wait_until(lambda: under_replicated() == 0, 60, "all replicas are in sync again")


if __name__ == "__main__":
    unittest.main()
