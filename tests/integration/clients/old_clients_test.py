"""Clients of before Kafka 0.11, played by today's in the versions they spoke: Produce 0 to 2, Fetch
0 to 3. What they write today's clients read, and the other way round."""
import subprocess
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker_cluster import BrokerCluster

SECONDS = 30
KAFKA_PYTHON_VERSIONS = ((0, 8, 2), (0, 9), (0, 10), (0, 10, 1))
LIBRDKAFKA_VERSIONS = ("0.8.2.1", "0.9.0.1", "0.10.0.0")
CODECS = ("none", "gzip", "snappy", "lz4")


class OldClientsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3)
        cls.enterClassContext(cls.cluster)

    def topic(self, name, **configs):
        self.cluster.create_topic(name, 1, 3, **configs)
        self.cluster.wait_until_in_sync(name)
        return name

    def produce(self, topic, version, codec, values):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 api_version=version, acks="all",
                                 compression_type=None if codec == "none" else codec)
        sent = [producer.send(topic, value, key=b"key") for value in values]
        offsets = [future.get(SECONDS).offset for future in sent]
        producer.close()
        return offsets

    def consume(self, topic, version, count, offset=0):
        where = TopicPartition(topic, 0)
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 api_version=version, consumer_timeout_ms=SECONDS * 1000)
        consumer.assign([where])
        consumer.seek(where, offset)
        records = []
        while len(records) < count:
            records.append(next(consumer))
        consumer.close()
        return records

    def test_each_version_reads_what_each_version_wrote(self):
        for codec in CODECS:
            # For lz4 in the oldest format it wants a module that its package does not ask for.
            versions = tuple(version for version in KAFKA_PYTHON_VERSIONS + ((2, 5, 0),)
                             if codec != "lz4" or version >= (0, 10))
            topic = self.topic(f"old-{codec}")
            values = [f"{version} {codec} {i}".encode() for version in versions for i in range(50)]
            offsets = []
            for number, version in enumerate(versions):
                offsets += self.produce(topic, version, codec,
                                        values[number * 50:number * 50 + 50])
            self.assertEqual(offsets, list(range(len(values))))
            for version in versions:
                records = self.consume(topic, version, len(values))
                self.assertEqual([record.value for record in records], values, version)
                self.assertEqual([record.offset for record in records], offsets)
                self.assertTrue(all(record.key == b"key" for record in records))
                middle = self.consume(topic, version, 10, offset=123)
                self.assertEqual([record.offset for record in middle], list(range(123, 133)))

    def test_librdkafka_speaks_old_versions_both_ways(self):
        topic = self.topic("old-librdkafka")
        expected = []
        for version in LIBRDKAFKA_VERSIONS:
            old = ["-X", "api.version.request=false", "-X", f"broker.version.fallback={version}"]
            for codec in CODECS:
                lines = [f"{version} {codec} {i}" for i in range(20)]
                expected += lines
                subprocess.run(["kcat", "-b", self.cluster.bootstrap, "-P", "-t", topic, "-p", "0",
                                "-z", codec, *old], input="\n".join(lines).encode(), check=True,
                               timeout=SECONDS)
            read = subprocess.run(["kcat", "-b", self.cluster.bootstrap, "-C", "-q", "-t", topic,
                                   "-p", "0", "-o", "beginning", "-c", str(len(expected)), *old],
                                  capture_output=True, check=True, timeout=SECONDS).stdout
            self.assertEqual(read.decode().splitlines(), expected)

    def test_a_topic_may_refuse_to_convert_for_consumers(self):
        topic = self.topic("refusing", message_downconversion_enable="false")
        self.produce(topic, (0, 10), "none", [b"value"])
        self.assertEqual(self.consume(topic, (2, 5, 0), 1)[0].value, b"value")
        where = TopicPartition(topic, 0)
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 api_version=(0, 9), consumer_timeout_ms=1000)
        consumer.assign([where])
        consumer.seek(where, 0)
        with self.assertRaisesRegex(Exception, "UnsupportedVersion|StopIteration|Unexpected"):
            next(consumer)
        consumer.close()


if __name__ == "__main__":
    unittest.main()
