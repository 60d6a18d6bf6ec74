"""A killed broker that lost the end of its log, as after a power failure, comes back: no record that
was acknowledged is lost while another member of the ISR is there."""
import json
import unittest

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until

RECORDS = 300
OPERATOR = {"version": 2, "brokerid": 99, "timestamp": "1", "kraftControllerEpoch": -1}


class UncleanRestartTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings={"controlled.shutdown.enable": "false",
                                                  "zookeeper.session.timeout.ms": 5000})
        self.enterContext(self.cluster)
        self.zookeeper = KazooClient(hosts=self.cluster.zookeeper.connect)
        self.zookeeper.start()
        self.addCleanup(self.zookeeper.stop)

    def create(self, replicas):
        client = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap.split(","))
        client.create_topics([NewTopic("orders", -1, -1, replica_assignments={0: replicas})])
        client.close()
        self.cluster.wait_until_in_sync("orders")

    def produce(self, first, count):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","), acks="all")
        sent = [producer.send("orders", b"%d" % number, partition=0)
                for number in range(first, first + count)]
        for future in sent:
            future.get(30)
        producer.close()

    def check_records(self, count):
        where = TopicPartition("orders", 0)
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 consumer_timeout_ms=20000)
        consumer.assign([where])
        consumer.seek_to_beginning(where)
        end = consumer.end_offsets([where])[where]
        found = []
        while consumer.position(where) < end:
            found.append(int(next(consumer).value))
        consumer.close()
        self.assertEqual(found, list(range(count)))

    def lose_the_end(self, broker_id):
        """What was not flushed when the power failed: here half of the log."""
        segment = next((self.cluster.brokers[broker_id].folder / "data" / "orders-0").glob("*.log"))
        size = segment.stat().st_size
        self.assertGreater(size, 0)
        with open(segment, "r+b") as file:
            file.truncate(size // 2)

    def partition(self):
        return self.cluster.partitions("orders").get(0, {"leader": -1, "isr": []})

    def registered(self):
        return set(map(int, self.zookeeper.get_children("/brokers/ids")))

    def marked(self, broker_id):
        """The registration before which it may have lost records."""
        return self.zookeeper.get(f"/barnabas/unclean_restarts/{broker_id}")[1].mzxid

    def state_zxid(self):
        return self.zookeeper.get("/brokers/topics/orders/partitions/0/state")[1].mzxid

    def test_of_a_whole_isr_that_was_gone_the_one_with_a_whole_log_leads(self):
        controller = self.cluster.controller()
        damaged, whole = [broker for broker in self.cluster.brokers if broker != controller]
        self.create([damaged, whole])
        self.produce(0, RECORDS)
        self.assertEqual(self.partition()["leader"], damaged)
        # Nobody is there to take them out of the ISR, which stays as it was.
        self.cluster.kill(controller)
        self.cluster.kill(damaged)
        self.assertEqual(self.cluster.stop(whole), 0)
        self.lose_the_end(damaged)
        wait_until(lambda: self.zookeeper.exists("/controller") is None, 30, "its session ends")
        self.zookeeper.create("/controller", json.dumps(OPERATOR).encode())
        wait_until(lambda: not self.registered(), 30, "their sessions end")
        # Both are there when the next controller looks.
        self.cluster.start_broker(damaged)
        wait_until(lambda: damaged in self.registered(), 30, "it is registered")
        self.cluster.start_broker(whole)
        wait_until(lambda: whole in self.registered(), 30, "it is registered")
        marks = [int(broker) for broker in self.cluster.brokers
                 if self.marked(broker) > self.state_zxid()]
        self.assertEqual(marks, [damaged])
        self.zookeeper.delete("/controller")
        wait_until(lambda: self.partition()["leader"] == whole, 30, "the whole log leads")
        self.check_records(RECORDS)
        wait_until(lambda: sorted(self.partition()["isr"]) == sorted([damaged, whole]), 30,
                   "the other has caught up")
        self.cluster.kill(whole)
        wait_until(lambda: self.partition()["leader"] == damaged, 30, "the other leads")
        self.check_records(RECORDS)

    def test_a_follower_is_back_in_the_isr_only_with_all_records(self):
        controller = self.cluster.controller()
        leader = controller
        follower = next(broker for broker in self.cluster.brokers if broker != leader)
        self.create([leader, follower])
        self.produce(0, RECORDS)
        for time_of_it in range(2):
            self.cluster.kill(follower)
            self.lose_the_end(follower)
            wait_until(lambda: self.partition()["isr"] == [leader], 30, "it left the isr")
            self.produce((time_of_it + 1) * RECORDS, RECORDS)
            self.cluster.start_broker(follower)
            wait_until(lambda: len(self.partition()["isr"]) == 2, 30, "it has caught up")
        self.cluster.kill(leader)
        wait_until(lambda: self.partition()["leader"] == follower, 30, "it leads")
        self.check_records(3 * RECORDS)


if __name__ == "__main__":
    unittest.main()
