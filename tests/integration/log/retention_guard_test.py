"""What a named group has not read stays past its retention, within a budget."""
import unittest

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from broker_cluster import BrokerCluster, wait_until

VALUE = "v" * 900
GROUP = "archiver"
NOTHING_LEFT = 1 << 62


class RetentionGuardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={
            "log.initial.task.delay.ms": 0, "log.retention.check.interval.ms": 200,
            "log.segment.delete.delay.ms": 0, "barnabas.group.lag.interval.ms": 200,
            "barnabas.retention.guard.groups": f"{GROUP},another",
            "barnabas.retention.guard.bytes": 100000, "offsets.topic.num.partitions": 3})
        cls.enterClassContext(cls.cluster)

    def commit(self, topic, offset):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id=GROUP, enable_auto_commit=False)
        consumer.commit({TopicPartition(topic, 0): OffsetAndMetadata(offset, "")})
        consumer.close(autocommit=False)

    def produce(self, topic, first, count):
        for begin in range(first, first + count, 10):
            self.cluster.barnabas("produce", topic, stdin="".join(
                f"{number} {VALUE}\n" for number in range(begin, begin + 10)).encode())

    def log_starts(self, topic):
        """Of each replica the first offset that lies in a file; none does once all has gone."""
        return [min((int(path.stem) for path in
                     (broker.folder / "data" / f"{topic}-0").glob("*.log")), default=NOTHING_LEFT)
                for broker in self.cluster.brokers.values()]

    def unguarded(self, topic):
        """A topic that no group reads, until its old segments are gone."""
        self.cluster.create_topic(topic, 1, 3, segment_bytes=10000, retention_ms=1500)
        self.cluster.wait_until_in_sync(topic)
        self.produce(topic, 0, 60)
        wait_until(lambda: min(self.log_starts(topic)) >= 40, 30, "old segments go")

    def test_what_is_not_read_stays_within_the_budget(self):
        topic = "guarded"
        self.cluster.create_topic(topic, 1, 3, segment_bytes=10000, retention_ms=1500)
        self.cluster.wait_until_in_sync(topic)
        self.commit(topic, 0)
        self.produce(topic, 0, 60)
        # What nobody guards, and is younger, goes from every replica.
        self.unguarded("younger")
        self.assertEqual(self.log_starts(topic), [0, 0, 0])

        # What the group has read goes.
        self.commit(topic, 30)
        wait_until(lambda: min(self.log_starts(topic)) > 0, 30, "what is read goes")
        self.assertLessEqual(max(self.log_starts(topic)), 30)

        # 140 records of 900 bytes are more than the budget: the oldest go, unread.
        self.produce(topic, 60, 140)
        wait_until(lambda: min(self.log_starts(topic)) > 60, 60, "the budget is kept to")
        self.assertLess(max(self.log_starts(topic)), 150)


if __name__ == "__main__":
    unittest.main()
