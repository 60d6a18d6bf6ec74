"""Old segments go on every replica, by size and by age; consumers begin at what is left."""
import unittest

from kafka import KafkaConsumer, TopicPartition

from broker_cluster import BrokerCluster, wait_until

VALUE = "v" * 900
SECONDS = 60


class RetentionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={
            "log.initial.task.delay.ms": 0, "log.retention.check.interval.ms": 200,
            "log.segment.delete.delay.ms": 0})
        cls.enterClassContext(cls.cluster)

    def fill(self, topic, records, **configs):
        self.cluster.create_topic(topic, 1, 3, **configs)
        self.cluster.wait_until_in_sync(topic)
        for begin in range(0, records, 10):
            self.cluster.barnabas("produce", topic, stdin="".join(
                f"{number} {VALUE}\n" for number in range(begin, begin + 10)).encode())

    def files(self, broker, topic):
        return sorted(path.name for path in (broker.folder / "data" / f"{topic}-0").iterdir())

    def first_offset(self, topic):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","))
        try:
            where = TopicPartition(topic, 0)
            return consumer.beginning_offsets([where])[where]
        finally:
            consumer.close()

    def wait_for_deletion(self, topic):
        """Until the oldest segment is gone from every replica, and nothing waits for removal."""
        for broker in self.cluster.brokers.values():
            wait_until(lambda broker=broker: "00000000000000000000.log"
                       not in self.files(broker, topic)
                       and not any(name.endswith(".deleted") for name in self.files(broker, topic)),
                       SECONDS, f"broker {broker.id} removes the oldest segment of {topic}")

    def test_a_partition_keeps_to_its_size(self):
        self.fill("by-size", 200, segment_bytes=20000, retention_bytes=60000)
        self.wait_for_deletion("by-size")
        wait_until(lambda: self.first_offset("by-size") >= 100, SECONDS, "old records go")
        first = self.first_offset("by-size")
        self.assertLess(first, 160)
        read = self.cluster.barnabas("consume", "by-size", "--exit-at-end").decode().splitlines()
        self.assertEqual([int(line.split()[0]) for line in read], list(range(first, 200)))

    def test_records_go_when_they_are_old_enough(self):
        self.fill("by-age", 50, segment_bytes=20000, retention_ms=2000)
        self.wait_for_deletion("by-age")
        wait_until(lambda: self.first_offset("by-age") == 50, SECONDS, "all records go")
        self.assertEqual(self.cluster.barnabas("consume", "by-age", "--exit-at-end"), b"")

    def test_settings_of_a_topic_take_effect_at_once(self):
        self.fill("changed", 100, segment_bytes=20000)
        self.assertEqual(self.first_offset("changed"), 0)
        self.cluster.barnabas("topic", "alter", "changed", "--config", "retention.bytes=30000")
        self.wait_for_deletion("changed")

    def test_a_restart_keeps_what_is_left(self):
        self.fill("restarted", 100, segment_bytes=20000, retention_bytes=40000)
        self.wait_for_deletion("restarted")
        wait_until(lambda: self.first_offset("restarted") >= 30, SECONDS, "old records go")
        first = self.first_offset("restarted")
        for broker_id in list(self.cluster.brokers):
            self.cluster.kill(broker_id)
            self.cluster.start_broker(broker_id)
            self.cluster.wait_until_whole()
            self.cluster.wait_until_in_sync("restarted")
        self.assertGreaterEqual(self.first_offset("restarted"), first)
        read = self.cluster.barnabas("consume", "restarted", "--exit-at-end").decode().splitlines()
        self.assertEqual(int(read[-1].split()[0]), 99)


if __name__ == "__main__":
    unittest.main()
