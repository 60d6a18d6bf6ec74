"""A reassignment with a throttle moves at that rate, and nothing is throttled afterwards."""
import time
import unittest

from kafka import KafkaProducer
from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until

RATE = 4 << 20
BYTES = 56 << 20
RECORD = b"x" * (64 << 10)


class ThrottleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3)
        cls.cluster.__enter__()
        cls.cluster.create_topic("orders", 2, 1)
        producer = KafkaProducer(bootstrap_servers=cls.cluster.bootstrap.split(","), acks="all")
        sent = [producer.send("orders", RECORD, partition=number % 2)
                for number in range(BYTES // len(RECORD))]
        for future in sent:
            future.get(60)
        producer.close()
        cls.zookeeper = KazooClient(hosts=cls.cluster.zookeeper.connect)
        cls.zookeeper.start()

    @classmethod
    def tearDownClass(cls):
        cls.zookeeper.stop()
        cls.cluster.__exit__(None, None, None)

    def leaders(self):
        return {told["leader"] for told in self.cluster.partitions("orders").values()}

    def other(self):
        return next(broker for broker in self.cluster.brokers if broker not in self.leaders())

    def settings(self):
        """What is set of throttles, in ZooKeeper."""
        nodes = [f"/config/brokers/{broker}" for broker in self.cluster.brokers]
        return [data for data in (self.zookeeper.get(node)[0] for node in nodes
                                  + ["/config/topics/orders"] if self.zookeeper.exists(node))
                if b"throttled" in data]

    def move(self, to, *more):
        begun = time.monotonic()
        self.cluster.barnabas("partition", "reassign", "orders", "--to", str(to), *more)
        return time.monotonic() - begun

    def test_data_moves_at_the_rate_of_the_throttle(self):
        # Both partitions on one broker, first without.
        target = self.other()
        took = self.move(target, "--wait")
        self.assertLess(took, BYTES / RATE / 2)
        self.assertEqual(self.leaders(), {target})
        target = self.other()
        took = self.move(target, "--wait", "--throttle", str(RATE), "--timeout", "120")
        rate = BYTES / took
        print(f"throttled to {RATE}: {rate:.0f} bytes/s, {100 * rate / RATE:.0f} %")
        self.assertLess(rate, RATE * 1.1)
        self.assertGreater(rate, RATE * 0.8)
        self.assertEqual(self.leaders(), {target})
        self.assertEqual(self.settings(), [])

    def test_a_throttled_reassignment_can_be_cancelled(self):
        before = {index: told["replicas"] for index, told
                  in self.cluster.partitions("orders").items()}
        self.move(self.other(), "--throttle", "100000")
        self.assertEqual(len(self.settings()), 4)
        self.cluster.barnabas("partition", "reassign", "orders", "--cancel")
        wait_until(lambda: before == {index: told["replicas"] for index, told
                                      in self.cluster.partitions("orders").items()},
                   20, "the replicas are those of before")
        self.assertEqual(self.settings(), [])


if __name__ == "__main__":
    unittest.main()
