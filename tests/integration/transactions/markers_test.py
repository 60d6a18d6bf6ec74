"""What the ends of transactions do to a partition: readers of committed records wait, skip, go on.

The test is the coordinator itself here: it writes the markers.
"""
import threading
import unittest

from broker_cluster import BrokerCluster, wait_until
import transactions_wire as wire

FENCED_EPOCH, COORDINATOR_FENCED, UNKNOWN_TOPIC, NOT_LEADER = 47, 52, 3, 6


class MarkersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={
            "transaction.partition.verification.enable": "false", "min.insync.replicas": 2})
        cls.enterClassContext(cls.cluster)

    def leader(self, topic):
        broker = wait_until(lambda: self.cluster.partitions(topic).get(0, {}).get("leader"), 30,
                            f"{topic} has a leader")
        return broker, self.cluster.brokers[broker].port

    def produce(self, port, topic, producer, *values):
        transactional_id = None if producer[0] < 0 else "ours"
        error, offset = wire.produce(port, topic, producer, values,
                                     transactional_id=transactional_id)
        self.assertEqual(error, 0)
        return offset

    def test_committed_is_seen_and_aborted_is_not(self):
        self.cluster.create_topic("seen")
        _, port = self.leader("seen")
        self.produce(port, "seen", (-1, -1, -1), "plain")
        self.produce(port, "seen", (70, 0, 0), "a1", "a2")
        self.produce(port, "seen", (71, 0, 0), "b1")
        self.produce(port, "seen", (-1, -1, -1), "behind")
        self.assertEqual(wire.committed_values(port, "seen"), ["plain"])
        self.assertEqual(wire.end_offset(port, "seen"), 1)
        self.assertEqual(wire.end_offset(port, "seen", isolation=0), 5)
        self.assertEqual(wire.describe_producers(port, "seen"),
                         {70: (0, 1, -1, 1), 71: (0, 0, -1, 3)})
        self.assertEqual(wire.write_markers(port, "seen", 70, 0, commit=True), 0)
        self.assertEqual(wire.committed_values(port, "seen"), ["plain", "a1", "a2"])
        self.assertEqual(wire.write_markers(port, "seen", 71, 0, commit=False), 0)
        self.assertEqual(wire.committed_values(port, "seen"), ["plain", "a1", "a2", "behind"])
        self.assertEqual(wire.end_offset(port, "seen"), 7)
        error, stable, aborted, _ = wire.fetch(port, "seen")
        self.assertEqual((error, stable, aborted), (0, 7, [(71, 3)]))
        self.assertIsNone(wire.fetch(port, "seen", isolation=0)[2])
        self.assertEqual(wire.describe_producers(port, "seen"),
                         {70: (0, 1, 0, -1), 71: (0, 0, 0, -1)})

    def test_a_waiting_reader_is_woken_by_the_marker(self):
        self.cluster.create_topic("woken")
        _, port = self.leader("woken")
        self.produce(port, "woken", (72, 0, 0), "late")
        answers = []
        reader = threading.Thread(target=lambda: answers.append(
            wire.fetch(port, "woken", wait_ms=15000)))
        reader.start()
        reader.join(1)
        self.assertTrue(reader.is_alive())
        self.assertEqual(wire.write_markers(port, "woken", 72, 0, commit=True), 0)
        reader.join(5)
        self.assertFalse(reader.is_alive())
        self.assertEqual(answers[0][3][0][3], [b"late"])

    def test_old_coordinators_and_strange_partitions_are_refused(self):
        self.cluster.create_topic("fenced")
        leader, port = self.leader("fenced")
        other = next(broker for broker in self.cluster.brokers if broker != leader)
        self.produce(port, "fenced", (73, 4, 0), "x")
        self.assertEqual(wire.write_markers(port, "fenced", 73, 3, commit=True), FENCED_EPOCH)
        self.assertEqual(
            wire.write_markers(port, "fenced", 73, 4, commit=True, coordinator_epoch=9), 0)
        self.assertEqual(
            wire.write_markers(port, "fenced", 73, 4, commit=True, coordinator_epoch=8),
            COORDINATOR_FENCED)
        self.assertEqual(wire.write_markers(port, "nowhere", 73, 4, commit=True), UNKNOWN_TOPIC)
        self.assertEqual(wire.write_markers(self.cluster.brokers[other].port, "fenced", 73, 4,
                                            commit=True), NOT_LEADER)

    def test_the_next_leader_knows_what_is_open_and_what_was_aborted(self):
        self.cluster.create_topic("next")
        leader, port = self.leader("next")
        self.produce(port, "next", (74, 0, 0), "aborted")
        self.assertEqual(wire.write_markers(port, "next", 74, 0, commit=False), 0)
        self.produce(port, "next", (75, 0, 0), "open")
        self.cluster.kill(leader)
        try:
            new = wait_until(lambda: self.cluster.partitions("next").get(0, {}).get("leader")
                             not in (None, -1, leader) and self.leader("next"), 30, "a new leader")
            port = new[1]
            wait_until(lambda: wire.fetch(port, "next")[1] == 2, 30, "two offsets are stable")
            self.assertEqual(wire.committed_values(port, "next"), [])
            self.assertEqual(wire.write_markers(port, "next", 75, 0, commit=True), 0)
            self.assertEqual(wire.committed_values(port, "next"), ["open"])
        finally:
            self.cluster.start_broker(leader)
            self.cluster.wait_until_whole()


if __name__ == "__main__":
    unittest.main()
