"""The newest confluent-kafka (librdkafka) from PyPI, unmodified."""
import unittest

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from clients.client_matrix import ClientMatrix

TIMEOUT_SECONDS = 60


class Confluent:
    def brokers(self, bootstrap):
        metadata = AdminClient({"bootstrap.servers": bootstrap}).list_topics(
            timeout=TIMEOUT_SECONDS)
        return list(metadata.brokers)

    def produce(self, bootstrap, topic, partition, lines, acks, compression):
        errors = []
        producer = Producer({"bootstrap.servers": bootstrap, "acks": acks,
                             "compression.type": compression})
        for line in lines:
            producer.produce(topic, line.encode(), partition=partition,
                             on_delivery=lambda error, _: error and errors.append(error))
        if producer.flush(TIMEOUT_SECONDS) != 0 or errors:
            raise AssertionError(f"not delivered: {errors[:3]}")

    def _consumer(self, bootstrap):
        # A group id must be given, though no group is joined.
        return Consumer({"bootstrap.servers": bootstrap, "group.id": "none",
                         "enable.auto.commit": False, "auto.offset.reset": "error"})

    def _next(self, consumer):
        message = consumer.poll(TIMEOUT_SECONDS)
        if message is None or message.error():
            raise AssertionError(f"nothing comes any more: {message and message.error()}")
        return message

    def consume(self, bootstrap, topic, partition, start):
        consumer = self._consumer(bootstrap)
        try:
            where = TopicPartition(topic, partition)
            _, end = consumer.get_watermark_offsets(where, TIMEOUT_SECONDS)
            if start == "beginning":
                where.offset = OFFSET_BEGINNING
            elif isinstance(start, tuple):
                where.offset = start[1]
                where, = consumer.offsets_for_times([where], TIMEOUT_SECONDS)
            else:
                where.offset = start
            consumer.assign([where])
            lines, at = [], where.offset if where.offset > 0 else 0
            while at < end:
                message = self._next(consumer)
                lines.append(message.value().decode())
                at = message.offset() + 1
            return lines
        finally:
            consumer.close()

    def follow(self, bootstrap, topic, partition):
        consumer = self._consumer(bootstrap)
        try:
            consumer.assign([TopicPartition(topic, partition, OFFSET_END)])
            return self._next(consumer).value().decode()
        finally:
            consumer.close()


class ConfluentKafkaTest(ClientMatrix, unittest.TestCase):
    adapter = Confluent()


if __name__ == "__main__":
    unittest.main()
