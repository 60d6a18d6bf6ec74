"""An ISR does not flap: a follower that falls behind again and again, but for less than
replica.lag.time.max.ms, stays a member, and nobody is asked to write anything; one that is away for
longer leaves once, and is back once, when it has everything."""
import signal
import time
import unittest

from kafka import KafkaProducer
from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until

LAG_MS = 6000
PATIENCE_SECONDS = 60
HICCUPS = 5
WAIT_SECONDS = 20


class IsrTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(2, settings={"replica.lag.time.max.ms": LAG_MS,
                                                  "zookeeper.session.timeout.ms": 40000})
        self.cluster.__enter__()
        self.addCleanup(self.cluster.__exit__, None, None, None)
        self.cluster.create_topic("orders", 1, 2)
        self.cluster.wait_until_in_sync("orders")
        self.zookeeper = KazooClient(self.cluster.zookeeper.connect)
        self.zookeeper.start()
        self.addCleanup(self.zookeeper.stop)

    def changes(self):
        """How often the partition's state has been written."""
        return self.zookeeper.exists("/brokers/topics/orders/partitions/0/state").version

    def told(self):
        return self.cluster.partitions("orders", self.cluster.address(self.leader))[0]

    def produce(self, records):
        for _ in range(records):
            self.producer.send("orders", b"x" * 100, partition=0).get(PATIENCE_SECONDS)

    def hiccup(self):
        """The follower misses what is produced meanwhile; how long it was held."""
        begun = time.monotonic()
        self.cluster.brokers[self.follower].signal(signal.SIGSTOP)
        try:
            self.produce(5)
        finally:
            self.cluster.brokers[self.follower].signal(signal.SIGCONT)
        return time.monotonic() - begun

    def test_who_falls_behind_for_a_moment_stays_and_who_is_away_leaves_once(self):
        self.leader = self.cluster.partitions("orders")[0]["leader"]
        self.follower = 3 - self.leader
        self.producer = KafkaProducer(bootstrap_servers=self.cluster.address(self.leader), acks=1)
        self.addCleanup(self.producer.close)
        before = self.changes()
        held = [self.hiccup() for _ in range(HICCUPS)]
        self.cluster.brokers[self.follower].signal(signal.SIGSTOP)
        try:
            self.produce(1)
            if max(held) < LAG_MS / 1000 / 2:  # else the machine was too busy to tell
                self.assertEqual(self.changes(), before)
            before = self.changes()
            wait_until(lambda: self.told()["isr"] == [self.leader], PATIENCE_SECONDS, "it left")
            self.produce(5)
        finally:
            self.cluster.brokers[self.follower].signal(signal.SIGCONT)
        wait_until(lambda: len(self.told()["isr"]) == 2, PATIENCE_SECONDS, "it is back")
        self.produce(5)
        self.assertEqual(self.changes(), before + 2)


class NewLeaderTest(unittest.TestCase):
    def test_a_new_leader_is_followed_at_once_though_its_followers_wait_for_others_of_its_data(self):
        """They fetch from it already, for as long as nothing comes; acks=all must not wait for that."""
        settings = {"replica.fetch.wait.max.ms": WAIT_SECONDS * 1000,
                    "auto.leader.rebalance.enable": "false"}
        with BrokerCluster(3, settings=settings) as cluster:
            cluster.create_topic("orders", 3, 3)
            cluster.wait_until_in_sync("orders")
            producer = KafkaProducer(bootstrap_servers=cluster.bootstrap.split(","), acks="all",
                                     retries=1000, retry_backoff_ms=20)
            self.addCleanup(producer.close)
            producer.send("orders", b"before", partition=0).get(PATIENCE_SECONDS)
            leader = cluster.partitions("orders")[0]["leader"]
            successor = leader % 3 + 1
            begun = time.monotonic()
            cluster.barnabas("leader", "move", "orders:0", "--to", str(successor))
            wait_until(lambda: cluster.partitions("orders")[0]["leader"] == successor,
                       PATIENCE_SECONDS, "it leads")
            producer.send("orders", b"after", partition=0).get(PATIENCE_SECONDS)
            self.assertLess(time.monotonic() - begun, WAIT_SECONDS / 2)


if __name__ == "__main__":
    unittest.main()
