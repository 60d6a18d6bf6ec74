"""A broker whose session expired reads everything anew, and then knows what one that was there
throughout knows: what is gone, too."""
import signal
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until

AWAY = 2


class ReloadTest(unittest.TestCase):
    def setting(self, cluster, broker_id):
        """What the broker tells of the topic's settings, but for the defaults."""
        return cluster.barnabas("config", "describe", "topic", "orders",
                                bootstrap=cluster.address(broker_id)).decode()

    def test_what_changed_while_a_broker_was_away_is_known_afterwards(self):
        settings = {"zookeeper.session.timeout.ms": 3000}
        with BrokerCluster(3, settings=settings) as cluster:
            zookeeper = KazooClient(hosts=cluster.zookeeper.connect)
            zookeeper.start()
            try:
                cluster.create_topic("orders", 2, 3, retention_ms="86400000")
                cluster.create_topic("replaced", 1, 3)
                cluster.create_topic("gone", 1, 3)
                for topic in ("orders", "replaced", "gone"):
                    cluster.wait_until_known(topic)
                self.assertIn("86400000", self.setting(cluster, AWAY))
                cluster.brokers[AWAY].signal(signal.SIGSTOP)
                wait_until(lambda: zookeeper.exists(f"/brokers/ids/{AWAY}") is None, 30,
                           "its session has expired")
                rest = ",".join(cluster.address(broker) for broker in (1, 3))
                for topic in ("replaced", "gone"):
                    cluster.barnabas("topic", "delete", topic, bootstrap=rest)
                wait_until(lambda: zookeeper.exists("/brokers/topics/replaced") is None, 30,
                           "the topic is deleted")
                cluster.barnabas("topic", "create", "replaced", "--partitions", "3",
                                 "--replication-factor", "2", bootstrap=rest)
                # By hand, and without a word in /config/changes.
                zookeeper.delete("/config/topics/orders")
                cluster.brokers[AWAY].signal(signal.SIGCONT)
                cluster.wait_until_whole()
                wait_until(lambda: "86400000" not in self.setting(cluster, AWAY), 30,
                           "the settings are gone")
                wait_until(lambda: len(cluster.partitions("replaced", cluster.address(AWAY))) == 3,
                           30, "the topic that replaced another is known")
                wait_until(lambda: cluster.partitions("gone", cluster.address(AWAY)) == {}, 30,
                           "the topic that was deleted is not")
                for topic in ("orders", "replaced"):
                    cluster.wait_until_in_sync(topic)
                    wait_until(lambda topic=topic: cluster.partitions(topic, cluster.address(AWAY))
                               == cluster.partitions(topic, cluster.address(1)), 30,
                               "it tells the same as one that was there throughout")
            finally:
                zookeeper.stop()
                zookeeper.close()


if __name__ == "__main__":
    unittest.main()
