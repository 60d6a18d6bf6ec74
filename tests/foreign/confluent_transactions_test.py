"""Exactly once with confluent-kafka (librdkafka), unmodified: what is consumed, worked on and
produced in one transaction comes out once, whatever is aborted. While brokers are killed:
confluent_exactly_once_test.py."""
import time
import unittest

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka import OFFSET_BEGINNING

from broker_cluster import BrokerCluster, wait_until

TIMEOUT_SECONDS = 60
OFFSETS_SECONDS = 10
INPUTS = 300


class TransactionsTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings={
            "transaction.state.log.num.partitions": 3, "offsets.topic.num.partitions": 3,
            "min.insync.replicas": 2, "group.initial.rebalance.delay.ms": 0})
        self.enterContext(self.cluster)
        self.cluster.create_topic("in", partitions=2)
        self.cluster.create_topic("out", partitions=2)

    def consumer(self, group, **more):
        return Consumer({"bootstrap.servers": self.cluster.bootstrap, "group.id": group,
                         "enable.auto.commit": False, "auto.offset.reset": "earliest",
                         "isolation.level": "read_committed", "session.timeout.ms": 10000, **more})

    def producer(self, transactional_id):
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap,
                             "transactional.id": transactional_id,
                             "transaction.timeout.ms": 20000})
        producer.init_transactions(TIMEOUT_SECONDS)
        return producer

    def committed(self, topic):
        """All values that a reader of committed records finds, partition by partition."""
        values = []
        for partition in (0, 1):
            consumer = self.consumer("reader", **{"enable.partition.eof": True})
            consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING)])
            deadline = time.monotonic() + TIMEOUT_SECONDS
            while time.monotonic() < deadline:
                message = consumer.poll(1)
                if message is None:
                    continue
                if message.error():  # the end
                    break
                values.append(message.value().decode())
            consumer.close()
        return values

    def feed(self):
        producer = Producer({"bootstrap.servers": self.cluster.bootstrap, "acks": "all"})
        for number in range(INPUTS):
            producer.produce("in", str(number).encode(), partition=number % 2)
        self.assertEqual(producer.flush(TIMEOUT_SECONDS), 0)

    def retried(self, step):
        """Until it is done; raises what can only be aborted, or is fatal."""
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                return step()
            except KafkaException as failure:
                if not failure.args[0].retriable() or time.monotonic() > deadline:
                    raise

    def work_once(self, producer, consumer, turn):
        """One transaction; every fourth is aborted on purpose. The number that was committed."""
        messages = [message for message in consumer.consume(20, 1.0) if not message.error()]
        if not messages:
            return 0
        producer.begin_transaction()
        for message in messages:
            producer.produce("out", message.value(), partition=message.partition())
        if turn % 4 == 3:
            self.retried(lambda: producer.abort_transaction(TIMEOUT_SECONDS))
            raise InterruptedError("aborted on purpose")
        # Not retried: librdkafka (2.x) goes on waiting for a group's coordinator that has died and
        # left the metadata; a worker that is begun anew asks who it is now.
        producer.send_offsets_to_transaction(
            consumer.position(consumer.assignment()), consumer.consumer_group_metadata(),
            OFFSETS_SECONDS)
        self.retried(lambda: producer.commit_transaction(TIMEOUT_SECONDS))
        return len(messages)

    def work(self, until_done):
        """A worker that is begun anew after every error, as applications do."""
        turn, done = 0, len(self.committed("out"))
        while done < INPUTS and time.monotonic() < until_done:
            producer, consumer = None, self.consumer("workers")
            try:
                producer = self.producer("worker")
                consumer.subscribe(["in"])
                while done < INPUTS and time.monotonic() < until_done:
                    turn += 1
                    done += self.work_once(producer, consumer, turn)
            except (KafkaException, InterruptedError):
                # What became of a commit that failed only the committed offsets tell.
                done = len(self.committed("out"))
            finally:
                consumer.close()
        return done

    def test_1_commit_and_abort(self):
        producer = self.producer("simple")
        producer.begin_transaction()
        for partition in (0, 1):
            producer.produce("out", b"yes", partition=partition)
        producer.commit_transaction(TIMEOUT_SECONDS)
        producer.begin_transaction()
        producer.produce("out", b"no", partition=0)
        producer.flush(TIMEOUT_SECONDS)
        producer.abort_transaction(TIMEOUT_SECONDS)
        producer.begin_transaction()
        producer.produce("out", b"again", partition=0)
        producer.commit_transaction(TIMEOUT_SECONDS)
        wait_until(lambda: len(self.committed("out")) == 3, 30, "the markers are written")
        self.assertEqual(self.committed("out"), ["yes", "again", "yes"])

    def test_2_a_second_instance_fences_the_first(self):
        first = self.producer("same")
        first.begin_transaction()
        first.produce("out", b"lost", partition=0)
        first.flush(TIMEOUT_SECONDS)
        second = self.producer("same")
        second.begin_transaction()
        second.produce("out", b"kept", partition=0)
        second.commit_transaction(TIMEOUT_SECONDS)
        with self.assertRaises(KafkaException) as raised:
            first.commit_transaction(TIMEOUT_SECONDS)
        self.assertTrue(raised.exception.args[0].fatal())
        self.assertEqual(self.committed("out"), ["kept"])

    def check_output(self):
        expected = [str(number) for number in range(INPUTS)]
        wait_until(lambda: len(self.committed("out")) >= INPUTS, 60, "all is committed")
        self.assertEqual(sorted(self.committed("out"), key=int), expected)

    def test_3_consume_work_produce_is_exactly_once_whatever_is_aborted(self):
        self.feed()
        self.assertGreaterEqual(self.work(time.monotonic() + 120), INPUTS)
        self.check_output()


if __name__ == "__main__":
    unittest.main()
