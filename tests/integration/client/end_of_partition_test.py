"""A reader that ends at the end has read all that was acknowledged, also right after a change of
leader: the new leader's high watermark starts where it knew it as a follower."""
import signal
import subprocess
import unittest

from broker_cluster import COMMAND, BrokerCluster, wait_until
from prometheus_text import Metrics

# A follower that has everything asks on, and hears of the high watermark when that is answered.
SETTINGS = {"barnabas.admin.listener": "127.0.0.1:0", "replica.fetch.wait.max.ms": 20000,
            "auto.leader.rebalance.enable": "false", "zookeeper.session.timeout.ms": 18000}
TOPIC = "orders"
RECORDS = [f"order {i}".encode() for i in range(10)]


class EndOfPartitionTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings=SETTINGS)
        self.enterContext(self.cluster)
        self.cluster.create_topic(TOPIC, 3, 2)
        self.cluster.wait_until_in_sync(TOPIC)

    def partition_beside_the_controller(self):
        controller = self.cluster.controller()
        return next((index, *partition["replicas"])
                    for index, partition in self.cluster.partitions(TOPIC).items()
                    if controller not in partition["replicas"])

    def lead(self, partition, broker_id):
        wait_until(lambda: self.cluster.partitions(TOPIC)[partition]["leader"] == broker_id, 30,
                   f"broker {broker_id} leads")

    def high_watermark(self, broker_id, partition):
        lines = [line for line in self.cluster.brokers[broker_id].output().splitlines()
                 if f" became_leader topic={TOPIC} partition={partition} " in line]
        return int(lines[-1].split("high_watermark=")[1])

    def refusals(self, broker_id):
        metrics = Metrics(self.cluster.brokers[broker_id].http("/metrics")[1])
        return metrics.total("kafka_network_requestmetrics_errors_total", request="ListOffsets",
                             error="OFFSET_NOT_AVAILABLE")

    def test_the_end_is_not_told_before_the_leader_knows_it(self):
        index, leader, follower = self.partition_beside_the_controller()
        self.cluster.stop(leader)
        self.lead(index, follower)
        self.cluster.start_broker(leader)
        self.cluster.wait_until_known(TOPIC)
        self.cluster.barnabas("produce", TOPIC, "--partition", str(index),
                              stdin=b"\n".join(RECORDS) + b"\n")
        self.cluster.brokers[follower].signal(signal.SIGSTOP)
        try:
            others = ",".join(broker.address for broker in self.cluster.brokers.values()
                              if broker.id != follower)
            self.cluster.barnabas("leader", "elect", "--preferred", f"{TOPIC}:{index}",
                                  bootstrap=others)
            self.lead(index, leader)
            wait_until(lambda: "became_leader" in self.cluster.brokers[leader].output(), 10,
                       "the leader knows it")
            self.assertEqual(self.high_watermark(leader, index), 0)
            reader = subprocess.Popen([COMMAND, "-b", others, "consume", TOPIC, "--exit-at-end",
                                       "--partition", str(index)], stdout=subprocess.PIPE)
            wait_until(lambda: reader.poll() is not None or self.refusals(leader) > 0, 30,
                       "the reader asks where the end is")
            self.assertIsNone(reader.poll(), "the reader ended before the leader knew the end")
        finally:
            self.cluster.brokers[follower].signal(signal.SIGCONT)
        printed, _ = reader.communicate(timeout=60)
        self.assertEqual(reader.returncode, 0)
        self.assertEqual(printed.splitlines(), RECORDS)


if __name__ == "__main__":
    unittest.main()
