"""What a producer sends twice is stored once, whatever happened to the partition in between."""
import json
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
import transactions_wire as wire

NOT_LEADER, OUT_OF_ORDER, INVALID_EPOCH, LOADING = 6, 45, 47, 14
EXPIRATION = "producer.id.expiration.ms"
LAST = 2 ** 31 - 1


class IdempotenceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={
            "producer.id.expiration.check.interval.ms": 100,
            "log.segment.bytes": 1048576})
        cls.enterClassContext(cls.cluster)

    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1]
        self.cluster.create_topic(self.topic, replicas=1 if "restart" in self.topic else 3,
                                  min_insync_replicas=1 if "restart" in self.topic else 2)
        self.cluster.wait_until_in_sync(self.topic)

    def leader(self):
        return wait_until(lambda: self.cluster.partitions(self.topic).get(0, {}).get("leader"),
                          30, "a leader")

    def produce(self, producer_id, epoch, sequence, count=1):
        """(error, base offset) of the leader."""
        def answered():
            told = wire.produce(self.cluster.brokers[self.leader()].port, self.topic,
                                (producer_id, epoch, sequence), ["x"] * count)
            return None if told[0] == NOT_LEADER else told
        return wait_until(answered, 30, "it is answered by the leader")

    def test_sequences(self):
        self.assertEqual(self.produce(1, 0, 0, 3), (0, 0))
        self.assertEqual(self.produce(1, 0, 0, 3), (0, 0))
        self.assertEqual(self.produce(1, 0, 4)[0], OUT_OF_ORDER)
        self.assertEqual(self.produce(1, 0, 1)[0], OUT_OF_ORDER)
        self.assertEqual(self.produce(1, 0, 3), (0, 3))
        # The window is of five batches: an older one is not known any more.
        for sequence in range(4, 8):
            self.assertEqual(self.produce(1, 0, sequence), (0, sequence))
        self.assertEqual(self.produce(1, 0, 3), (0, 3))
        self.assertEqual(self.produce(1, 0, 0, 3)[0], OUT_OF_ORDER)
        # A new epoch begins at 0, and shuts the old one out.
        self.assertEqual(self.produce(1, 1, 8)[0], OUT_OF_ORDER)
        self.assertEqual(self.produce(1, 1, 0), (0, 8))
        self.assertEqual(self.produce(1, 0, 8)[0], INVALID_EPOCH)
        # From the largest number on to 0, in the middle of a batch and between two.
        self.assertEqual(self.produce(2, 0, LAST - 1, 4), (0, 9))
        self.assertEqual(self.produce(2, 0, LAST - 1, 4), (0, 9))
        self.assertEqual(self.produce(2, 0, 1)[0], OUT_OF_ORDER)
        self.assertEqual(self.produce(2, 0, 2), (0, 13))
        self.assertEqual(self.produce(3, 0, LAST), (0, 14))
        self.assertEqual(self.produce(3, 0, 0), (0, 15))
        self.assertEqual(wire.end_offset(self.cluster.brokers[self.leader()].port, self.topic), 16)

    def test_the_next_leader_knows_what_came_before(self):
        for sequence in range(3):
            self.assertEqual(self.produce(1, 0, sequence), (0, sequence))
        leader = self.leader()
        self.cluster.kill(leader)
        try:
            wait_until(lambda: self.leader() != leader, 30, "a new leader")
            self.assertEqual(self.produce(1, 0, 1), (0, 1))
            self.assertEqual(self.produce(1, 0, 4)[0], OUT_OF_ORDER)
            self.assertEqual(self.produce(1, 0, 3), (0, 3))
        finally:
            self.cluster.start_broker(leader)
            self.cluster.wait_until_whole()

    def test_a_restart_keeps_what_is_known(self):
        self.assertEqual(self.produce(1, 0, 0, 2), (0, 0))
        self.assertEqual(self.produce(1, 0, 2), (0, 2))
        leader = self.leader()
        for stop in (self.cluster.stop, self.cluster.kill):
            stop(leader)
            self.cluster.start_broker(leader)
            self.cluster.wait_until_whole()
            # After a clean stop the snapshot has the newest batch of each producer only.
            self.assertEqual(self.produce(1, 0, 2), (0, 2))
            self.assertEqual(self.produce(1, 0, 4)[0], OUT_OF_ORDER)
        self.assertEqual(self.produce(1, 0, 3), (0, 3))

    def test_idle_producers_are_forgotten(self):
        self.assertEqual(self.produce(1, 0, 0), (0, 0))
        self.assertEqual(self.produce(1, 0, 5)[0], OUT_OF_ORDER)
        self.cluster.barnabas("config", "alter", "brokers", "--config", f"{EXPIRATION}=200")
        try:
            wait_until(lambda: self.produce(1, 0, 5) == (0, 1), 30, "any sequence is taken")
        finally:
            self.cluster.barnabas("config", "alter", "brokers", "--delete-config", EXPIRATION)

    def test_producer_ids_are_given_once_and_written_as_kafka_does(self):
        given, first = [], next(iter(self.cluster.brokers))

        def init(broker):
            def told():
                error, producer_id, epoch = wire.init_producer_id(
                    self.cluster.brokers[broker].port, None)
                self.assertIn(error, (0, LOADING))
                return None if error else (producer_id, epoch)
            return wait_until(told, 30, "a producer id")
        for broker in list(self.cluster.brokers) * 3:
            given.append(init(broker))
        self.cluster.kill(first)
        self.cluster.start_broker(first)
        self.cluster.wait_until_whole()
        given.append(init(first))
        self.assertEqual([epoch for _, epoch in given], [0] * len(given))
        ids = [producer_id for producer_id, _ in given]
        self.assertEqual(len(set(ids)), len(ids))
        # Each broker has blocks of its own, which begin at thousands; a restart takes a new one.
        self.assertEqual(len({producer_id // 1000 for producer_id in ids}), 4)
        self.assertEqual(ids[-1] % 1000, 0)
        zookeeper = KazooClient(hosts=self.cluster.zookeeper.connect)
        zookeeper.start()
        self.addCleanup(zookeeper.close)
        self.addCleanup(zookeeper.stop)
        block = json.loads(zookeeper.get("/latest_producer_id_block")[0])
        self.assertEqual((block["version"], block["broker"]), (1, first))
        self.assertEqual((int(block["block_start"]), int(block["block_end"])),
                         (ids[-1], ids[-1] + 999))
        self.assertEqual({type(block["block_start"]), type(block["block_end"])}, {str})


if __name__ == "__main__":
    unittest.main()
