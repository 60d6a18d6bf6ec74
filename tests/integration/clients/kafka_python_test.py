"""Debian's python3-kafka, unmodified, with Debian's modules for the compressions."""
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient

from clients.client_matrix import ClientMatrix


class KafkaPython:
    def brokers(self, bootstrap):
        client = KafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            return [broker["node_id"] for broker in client.describe_cluster()["brokers"]]
        finally:
            client.close()

    def produce(self, bootstrap, topic, partition, lines, acks, compression):
        producer = KafkaProducer(bootstrap_servers=bootstrap.split(","),
                                 acks="all" if acks == "all" else int(acks),
                                 compression_type=None if compression == "none" else compression,
                                 max_request_size=2000000)
        try:
            futures = [producer.send(topic, line.encode(), partition=partition) for line in lines]
            producer.flush(60)
            for future in futures:
                future.get(60)
        finally:
            producer.close()

    def _consumer(self, bootstrap, topic, partition):
        where = TopicPartition(topic, partition)
        consumer = KafkaConsumer(bootstrap_servers=bootstrap.split(","),
                                 consumer_timeout_ms=60000, max_partition_fetch_bytes=2000000)
        consumer.assign([where])
        return consumer, where

    def consume(self, bootstrap, topic, partition, start):
        consumer, where = self._consumer(bootstrap, topic, partition)
        try:
            end = consumer.end_offsets([where])[where]
            if start == "beginning":
                consumer.seek_to_beginning(where)
            elif isinstance(start, tuple):
                consumer.seek(where, consumer.offsets_for_times({where: start[1]})[where].offset)
            else:
                consumer.seek(where, start)
            lines = []
            while consumer.position(where) < end:
                lines.append(next(consumer).value.decode())
            return lines
        finally:
            consumer.close()

    def follow(self, bootstrap, topic, partition):
        consumer, where = self._consumer(bootstrap, topic, partition)
        try:
            consumer.seek_to_end(where)
            return next(consumer).value.decode()
        finally:
            consumer.close()


class KafkaPythonTest(ClientMatrix, unittest.TestCase):
    adapter = KafkaPython()


if __name__ == "__main__":
    unittest.main()
