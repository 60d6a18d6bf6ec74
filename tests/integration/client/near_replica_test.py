"""A consumer reads from the replica in its rack, where the broker's settings want that."""
import unittest

from broker_cluster import BrokerCluster, wait_until
from client.consumer_driver import Member
from prometheus_text import Metrics

SETTINGS = {"replica.selector.class": "org.apache.kafka.common.replica.RackAwareReplicaSelector",
            "barnabas.admin.listener": "127.0.0.1:0", "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 1}
TOPIC = "orders"


class NearReplicaTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings=SETTINGS, racks=["a", "b", "c"])
        self.enterContext(self.cluster)
        self.cluster.create_topic(TOPIC, 1, 3)
        self.cluster.wait_until_in_sync(TOPIC)

    def given(self):
        """Bytes of the topic that each broker gave to consumers."""
        return {broker_id: Metrics(broker.http("/metrics")[1]).total(
            "kafka_server_brokertopicmetrics_bytesout_total", topic=TOPIC)
            for broker_id, broker in self.cluster.brokers.items() if broker.is_running()}

    def produce(self, first, count):
        self.cluster.barnabas("produce", TOPIC, stdin="".join(
            f"{first + i}\n" for i in range(count)).encode())

    def test_the_near_one_is_read_until_it_is_gone(self):
        leader = self.cluster.partitions(TOPIC)[0]["leader"]
        near = leader % 3 + 1
        self.produce(0, 100)
        member = Member(self.cluster.bootstrap, "g", **{"client.rack": "abc"[near - 1],
                                                        "auto.offset.reset": "earliest"})
        try:
            member.tell(f"subscribe {TOPIC}")
            member.wait_for(lambda: len(member.messages) == 100, "the first records")
            given = self.given()
            self.assertGreater(given[near], 0)
            self.assertEqual([given[broker] for broker in given if broker != near], [0, 0])
            self.produce(100, 100)
            member.wait_for(lambda: len(member.messages) == 200, "more records")
            self.assertEqual(self.given()[leader], 0)
            self.cluster.kill(near)
            self.produce(200, 100)
            member.wait_for(lambda: len(member.messages) == 300, "what comes without the near one",
                            60)
            wait_until(lambda: self.given()[leader] > 0, 10, "the leader is read")
        finally:
            member.end()


if __name__ == "__main__":
    unittest.main()
