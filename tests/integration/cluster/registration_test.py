"""Who a broker is: its id, its cluster, its data. Two must not be the same, and none another."""
import re
import shutil
import unittest

from broker_cluster import Broker, BrokerCluster, wait_until

REFUSAL_SECONDS = 30


class RegistrationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1)
        cls.enterClassContext(cls.cluster)

    def broker(self, broker_id, name, **settings):
        """One more broker of this cluster, not started. Settings by Kafka's names, _ for dots."""
        overrides = {key.replace("_", "."): value for key, value in settings.items()}
        broker = Broker(broker_id, self.cluster.folder / name,
                        {"zookeeper.connect": self.cluster.zookeeper.connect, **overrides})
        self.addCleanup(self.end, broker)
        return broker

    def end(self, broker):
        if broker.is_running():
            broker.signal(9)
            broker.wait()

    def check_refused(self, broker, *words):
        """It ends by itself, not well, and says why."""
        broker.start()
        wait_until(lambda: not broker.is_running(), REFUSAL_SECONDS, "the broker refuses to start")
        self.assertEqual(broker.wait(), 1, broker.output())
        for word in words:
            self.assertIn(word, broker.output())

    def started_id(self, broker):
        broker.start()
        wait_until(lambda: "broker_started" in broker.output() or not broker.is_running(),
                   REFUSAL_SECONDS, "the broker starts")
        started = re.findall(r"broker_started broker=(\d+)", broker.output())
        self.assertTrue(started, broker.output())
        return int(started[-1])

    def stop(self, broker):
        broker.signal(15)
        self.assertIn(broker.wait(), (0, 143))

    def test_a_second_broker_of_the_same_id_is_refused_and_the_first_goes_on(self):
        self.check_refused(self.broker(1, "twin"), "path=/brokers/ids/1",
                           "DUPLICATE_BROKER_REGISTRATION", "another broker.id")
        self.assertEqual(self.cluster.known_brokers(self.cluster.address(1)), {1})
        self.cluster.create_topic("goes-on", 1, 1)

    def test_ids_are_generated_above_the_reserved_ones_and_kept(self):
        first = self.broker(-1, "unnamed-1")
        second = self.broker(-1, "unnamed-2")
        ids = [self.started_id(first), self.started_id(second)]
        self.assertEqual(len(set(ids)), 2)
        self.assertTrue(all(broker_id > 1000 for broker_id in ids), ids)
        self.stop(first)
        self.assertEqual(self.started_id(first), ids[0])

    def test_data_of_another_broker_is_refused(self):
        other = self.broker(7, "seven")
        self.started_id(other)
        self.stop(other)
        thief = self.broker(8, "eight")
        shutil.copytree(other.folder / "data", thief.folder / "data")
        self.check_refused(thief, "meta_properties_contradict", "broker_id=7",
                           "configured_broker_id=8")

    def test_data_of_another_cluster_is_refused(self):
        lost = self.broker(9, "nine")
        self.started_id(lost)
        self.stop(lost)
        meta = lost.folder / "data" / "meta.properties"
        meta.write_text(re.sub("cluster.id=.*", "cluster.id=AnotherClustersOwnName", meta.read_text()))
        self.check_refused(lost, "meta_properties_contradict", "AnotherClustersOwnName")
        self.assertIn("AnotherClustersOwnName", meta.read_text())


if __name__ == "__main__":
    unittest.main()
