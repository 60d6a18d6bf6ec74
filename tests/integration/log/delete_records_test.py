"""DeleteRecords: records before an offset are gone, on every replica, when the answer is there."""
import struct
import unittest

from broker_cluster import BrokerCluster
from wire_frames import Answer, array, ask, header, text

DELETE_RECORDS, LIST_OFFSETS = 21, 2
OUT_OF_RANGE, UNKNOWN_TOPIC, NOT_LEADER, TIMED_OUT, POLICY_VIOLATION = 1, 3, 6, 7, 44
DEBUGGING_REPLICA, EARLIEST = -2, -2
RECORDS = 50


class DeleteRecordsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3)
        cls.enterClassContext(cls.cluster)

    def filled(self, name, **configs):
        self.cluster.create_topic(name, 1, 3, **configs)
        self.cluster.wait_until_in_sync(name)
        self.cluster.barnabas("produce", name, stdin="".join(
            f"k{number}\n" for number in range(RECORDS)).encode())
        return name

    def leader(self, topic):
        return self.cluster.partitions(topic)[0]["leader"]

    def delete(self, topic, offset, broker=None, timeout_ms=10000):
        """(low watermark, error)"""
        answer = Answer(ask(
            self.cluster.brokers[broker or self.leader(topic)].port,
            header(DELETE_RECORDS, 1)
            + array(text(topic) + array(struct.pack(">iq", 0, offset)))
            + struct.pack(">i", timeout_ms)))
        self.assertEqual(answer.i32(), 0)
        topics = answer.array(lambda: (answer.text(), answer.array(
            lambda: (answer.i32(), answer.i64(), answer.i16()))))
        answer.end()
        self.assertEqual(topics[0][0], topic)
        return topics[0][1][0][1:]

    def log_start(self, topic, broker):
        """What this replica has as its first offset, leader or not."""
        answer = Answer(ask(broker.port, header(LIST_OFFSETS, 1)
                            + struct.pack(">i", DEBUGGING_REPLICA)
                            + array(text(topic) + array(struct.pack(">iq", 0, EARLIEST)))))
        topics = answer.array(lambda: (answer.text(), answer.array(
            lambda: (answer.i32(), answer.i16(), answer.i64(), answer.i64()))))
        self.assertEqual(topics[0][1][0][1], 0)
        return topics[0][1][0][3]

    def consumed(self, topic):
        return self.cluster.barnabas("consume", topic, "--exit-at-end").decode().split()

    def test_every_replica_begins_behind_them(self):
        topic = self.filled("trimmed")
        self.assertEqual(self.delete(topic, 20), (20, 0))
        for broker in self.cluster.brokers.values():
            self.assertEqual(self.log_start(topic, broker), 20, broker.id)
        self.assertEqual(self.consumed(topic), [f"k{number}" for number in range(20, RECORDS)])
        self.assertEqual(self.delete(topic, 10), (20, 0), "what is gone is no error")

    def test_minus_one_means_all_that_is_committed(self):
        topic = self.filled("emptied")
        self.assertEqual(self.delete(topic, -1), (RECORDS, 0))
        self.assertEqual(self.consumed(topic), [])
        self.cluster.barnabas("produce", topic, stdin=b"new\n")
        self.assertEqual(self.consumed(topic), ["new"])

    def test_what_cannot_be_deleted_is_told(self):
        topic = self.filled("kept")
        self.cluster.create_topic("compacted", 1, 3, cleanup_policy="compact")
        self.cluster.wait_until_in_sync("compacted")
        follower = next(broker for broker in self.cluster.brokers if broker != self.leader(topic))
        self.assertEqual(self.delete(topic, RECORDS + 1), (-1, OUT_OF_RANGE))
        self.assertEqual(self.delete(topic, -2), (-1, OUT_OF_RANGE))
        self.assertEqual(self.delete(topic, 1, broker=follower), (-1, NOT_LEADER))
        self.assertEqual(self.delete("nowhere", 1, broker=1), (-1, UNKNOWN_TOPIC))
        self.assertEqual(self.delete("compacted", 0), (-1, POLICY_VIOLATION))
        self.assertEqual(len(self.consumed(topic)), RECORDS)

    def test_a_follower_that_does_not_fetch_is_waited_for(self):
        topic = self.filled("stalled")
        follower = next(broker for broker in self.cluster.brokers.values()
                        if broker.id != self.leader(topic))
        follower.signal(19)
        try:
            self.assertEqual(self.delete(topic, 30, timeout_ms=1500), (-1, TIMED_OUT))
        finally:
            follower.signal(18)
        self.assertEqual(self.delete(topic, 30), (30, 0))

    def test_it_survives_a_restart_of_the_leader(self):
        topic = self.filled("restarted")
        self.assertEqual(self.delete(topic, 25), (25, 0))
        leader = self.leader(topic)
        self.assertIn(self.cluster.stop(leader), (0, 143))
        self.cluster.start_broker(leader)
        self.cluster.wait_until_whole()
        self.cluster.wait_until_in_sync(topic)
        for broker in self.cluster.brokers.values():
            self.assertEqual(self.log_start(topic, broker), 25, broker.id)


if __name__ == "__main__":
    unittest.main()
