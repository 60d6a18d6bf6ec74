"""Committed offsets expire: in what order of events, what becomes of their group, and that it is
written down.

A client of versions 2 to 4 says how long its offsets are kept; others need offsets.retention.minutes
to pass. All of it also holds for a Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import struct
import unittest

from kafka import KafkaConsumer, TopicPartition

from broker_cluster import BrokerCluster, wait_until
from group_wire import COMMIT, DESCRIBE, FETCH, LEAVE, Form, GroupWire

SHORT_MS, LONG_MS = 1000, 3600000
NONE = -1


class OffsetExpiryTest(GroupWire, unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(1, settings={"group.initial.rebalance.delay.ms": 0,
                                                  "offsets.retention.check.interval.ms": 200,
                                                  "offsets.topic.num.partitions": 1})
        self.enterContext(self.cluster)
        self.port = self.cluster.brokers[1].port
        self.cluster.barnabas("topic", "create", "topic", "--partitions", "2")
        # The first asks for the topic of offsets to be made.
        self.cluster.barnabas("consume", "topic", "--group", "first", "--exit-at-end")

    def keep(self, group, retention_ms, partition=0, **options):
        self.assertEqual(self.commit(Form(COMMIT, 4), group, partition=partition, offset=7,
                                     retention_ms=retention_ms, **options), 0)

    def offset(self, group, partition=0):
        """None while they are being loaded."""
        found = self.fetch(Form(FETCH, 5), group)[1].get("topic")
        return found and found[partition][0]

    def state(self, group):
        return self.describe(Form(DESCRIBE, 5), group)[1]

    def tombstones(self):
        """Keys of __consumer_offsets without a value."""
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, consumer_timeout_ms=1000,
                                 auto_offset_reset="earliest", exclude_internal_topics=False)
        consumer.assign([TopicPartition("__consumer_offsets", 0)])
        found = [record.key for record in consumer if record.value is None]
        consumer.close()
        return found

    def test_a_group_goes_with_its_last_offset(self):
        self.keep("long", LONG_MS)
        self.keep("default", -1)
        self.keep("mixed", LONG_MS, partition=0)
        self.keep("mixed", SHORT_MS, partition=1)
        self.keep("short", SHORT_MS)
        self.assertEqual((self.offset("short"), self.state("short")), (7, "Empty"))
        wait_until(lambda: self.offset("short") == NONE, 30, "the short one expires")
        wait_until(lambda: self.offset("mixed", 1) == NONE, 30, "one of two expires")
        wait_until(lambda: self.state("short") == "Dead", 30, "its group is gone")

        def check():
            self.assertEqual(self.offset("short"), NONE)
            self.assertEqual([self.offset(group) for group in ("long", "default", "mixed")], [7] * 3)
            self.assertEqual(self.offset("mixed", 1), NONE)
            self.assertEqual((self.state("mixed"), self.state("short")), ("Empty", "Dead"))
        check()

        def text(value):
            return struct.pack(">h", len(value)) + value
        key = struct.pack(">h", 1) + text(b"short") + text(b"topic") + struct.pack(">i", 0)
        self.assertIn(key, self.tombstones())

        self.cluster.stop(1)
        self.cluster.start_broker(1)
        self.port = self.cluster.brokers[1].port
        self.cluster.wait_until_whole()
        wait_until(lambda: self.offset("long") == 7, 30, "the offsets are read again")
        check()

    def test_what_a_member_is_subscribed_to_stays(self):
        member = self.member("members")
        self.keep("members", SHORT_MS, generation=1, member=member)
        self.keep("mark", SHORT_MS)
        wait_until(lambda: self.offset("mark") == NONE, 30, "what came later has expired")
        self.assertEqual((self.offset("members"), self.state("members")), (7, "Stable"))
        self.assertEqual(self.leave(Form(LEAVE, 1), "members", member), (0, None))
        wait_until(lambda: self.offset("members") == NONE, 30, "the empty group's expires")
        wait_until(lambda: self.state("members") == "Dead", 30, "the group is gone")
        self.assertIn(struct.pack(">hh", 2, 7) + b"members", self.tombstones())


if __name__ == "__main__":
    unittest.main()
