"""Compacted topics: on every replica the newest record of each key stays, under load, across
restarts and for consumers that read meanwhile; marks of deletion go after their time."""
import re
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker_cluster import BrokerCluster, wait_until

SECONDS = 60
KEYS = 50


class CompactionTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={
            "log.cleaner.backoff.ms": 100, "log.segment.delete.delay.ms": 0,
            "log.initial.task.delay.ms": 0, "log.retention.check.interval.ms": 200})
        cls.enterClassContext(cls.cluster)

    def create(self, topic, **configs):
        settings = {"cleanup_policy": "compact", "segment_bytes": 20000,
                    "min_cleanable_dirty_ratio": 0.01, "delete_retention_ms": 86400000}
        self.cluster.create_topic(topic, 1, 3, **{**settings, **configs})
        self.cluster.wait_until_in_sync(topic)

    def producer(self, **settings):
        return KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","), acks="all",
                             **settings)

    def fill(self, topic, rounds, value=b"v" * 200, **settings):
        """Each round writes all keys. Returns the value of each key."""
        producer = self.producer(linger_ms=5, **settings)
        try:
            expected = {}
            for number in range(rounds):
                for key in range(KEYS):
                    text = b"%d-%d-" % (number, key) + value
                    producer.send(topic, key=b"%d" % key, value=text)
                    expected[b"%d" % key] = text
            producer.flush()
            return expected
        finally:
            producer.close()

    def read(self, topic):
        """All records as (offset, key, value)."""
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 consumer_timeout_ms=30000)
        try:
            where = TopicPartition(topic, 0)
            consumer.assign([where])
            consumer.seek_to_beginning(where)
            end = consumer.end_offsets([where])[where]
            records = []
            while consumer.position(where) < end:
                for batch in consumer.poll(1000).values():
                    records += [(record.offset, record.key, record.value) for record in batch]
            return records
        finally:
            consumer.close()

    def size(self, broker, topic):
        """Files may go while they are looked at: then it looks again."""
        folder = broker.folder / "data" / f"{topic}-0"
        while True:
            try:
                return sum(path.stat().st_size for path in folder.glob("*.log"))
            except FileNotFoundError:
                continue

    def wait_until_compacted(self, topic, bytes_max):
        for broker in self.cluster.brokers.values():
            wait_until(lambda broker=broker: self.size(broker, topic) < bytes_max, SECONDS,
                       f"broker {broker.id} compacts {topic}")

    def check_newest(self, topic, expected):
        records = self.read(topic)
        newest = {key: value for _, key, value in records}
        self.assertEqual(newest, expected)
        offsets = [offset for offset, _, _ in records]
        self.assertEqual(offsets, sorted(set(offsets)))
        return records

    def test_the_newest_record_of_each_key_stays(self):
        self.create("newest")
        expected = self.fill("newest", 100)
        self.wait_until_compacted("newest", 80000)
        records = self.check_newest("newest", expected)
        self.assertLess(len(records), 10 * KEYS)
        self.assertEqual(records[-1][0], 100 * KEYS - 1)

    def test_compressed_and_idempotent_batches(self):
        self.create("compressed")
        expected = self.fill("compressed", 60, compression_type="gzip")
        expected = self.fill("compressed", 60, value=b"w" * 300, compression_type="lz4")
        self.check_newest("compressed", expected)
        wait_until(lambda: len(self.read("compressed")) < 30 * KEYS, SECONDS, "batches shrink")
        self.check_newest("compressed", expected)

    def test_a_restart_and_a_kill_keep_what_is_left(self):
        self.create("restarted")
        expected = self.fill("restarted", 100)
        self.wait_until_compacted("restarted", 80000)
        for broker_id in list(self.cluster.brokers):
            self.cluster.kill(broker_id)
            self.cluster.start_broker(broker_id)
            self.cluster.wait_until_whole()
            self.cluster.wait_until_in_sync("restarted")
            self.check_newest("restarted", expected)
        expected = self.fill("restarted", 50)
        self.check_newest("restarted", expected)
        for broker in self.cluster.brokers.values():
            checkpoint = broker.folder / "data" / "cleaner-offset-checkpoint"
            wait_until(lambda checkpoint=checkpoint: re.search(
                r"(?m)^restarted 0 [1-9]\d*$", checkpoint.read_text()), SECONDS,
                "it is noted how far it was compacted")

    def test_marks_of_deletion_go_with_what_they_delete(self):
        self.create("deleted", delete_retention_ms=0, segment_ms=1000)
        self.fill("deleted", 20)
        producer = self.producer()
        for key in range(KEYS):
            producer.send("deleted", key=b"%d" % key, value=None)
        producer.flush()
        producer.close()

        def is_empty():
            self.fill_one("deleted")
            return {key for _, key, _ in self.read("deleted")} <= {b"other"}
        wait_until(is_empty, SECONDS, "nothing is left of what was deleted")

    def fill_one(self, topic):
        producer = self.producer()
        producer.send(topic, key=b"other", value=b"o" * 2000)
        producer.flush()
        producer.close()

    def test_compact_and_delete_together(self):
        self.create("both", cleanup_policy="compact,delete", retention_bytes=40000)
        self.fill("both", 30, value=b"v" * 1000)
        self.wait_until_compacted("both", 80000)
        records = self.read("both")
        self.assertEqual(records[-1][0], 30 * KEYS - 1)
        self.assertGreater(records[0][0], 20 * KEYS)

    def test_consumers_read_on_meanwhile(self):
        self.create("read")
        expected = {}
        for _ in range(5):
            expected = self.fill("read", 20)
            self.check_newest("read", expected)
        self.wait_until_compacted("read", 80000)
        self.check_newest("read", expected)

    def test_what_has_waited_too_long_is_compacted_however_little_it_is(self):
        # Nothing is ever dirtier than that, so that it is the age alone.
        self.create("aged", min_cleanable_dirty_ratio=1, max_compaction_lag_ms=1000)
        expected = self.fill("aged", 20)

        def is_compacted():
            self.fill_one("aged")  # the active segment rolls, too, by its age
            return len(self.read("aged")) < 4 * KEYS
        wait_until(is_compacted, SECONDS, "it is compacted")
        self.check_newest("aged", {**expected, b"other": b"o" * 2000})

    def test_the_cleaner_takes_its_settings_at_run_time(self):
        """Several threads take several logs at a time, within one rate."""
        self.cluster.barnabas("config", "alter", "brokers", "--config", "log.cleaner.threads=2",
                              "--config", "log.cleaner.io.max.bytes.per.second=10000000")
        topics = [f"settings-{number}" for number in range(3)]
        for topic in topics:
            self.create(topic)
        expected = {topic: self.fill(topic, 40) for topic in topics}
        for topic in topics:
            self.wait_until_compacted(topic, 80000)
            self.check_newest(topic, expected[topic])


if __name__ == "__main__":
    unittest.main()
