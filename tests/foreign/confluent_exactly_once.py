"""Consumes, works and produces exactly once, with confluent-kafka, until SIGTERM.

    confluent_exactly_once.py BOOTSTRAP GROUP TRANSACTIONAL_ID IN OUT

Whatever cannot be retried ends it with status 1: it is to be started again. An alarm ends it when
offsets are not sent in time: librdkafka (2.x) remembers the coordinator of the group, also when that
broker has died and left the metadata, and waits for it past the time it was given.
"""
import os
import signal
import sys

from confluent_kafka import Consumer, KafkaException, Producer

TIMEOUT_SECONDS = 30
OFFSETS_SECONDS = 8
stopping = []


def retried(step):
    while True:
        try:
            return step()
        except KafkaException as failure:
            if not failure.args[0].retriable():
                raise


def transact(producer, consumer, messages, out):
    producer.begin_transaction()
    for message in messages:
        producer.produce(out, message.value().upper(), partition=message.partition())
    signal.alarm(2 * OFFSETS_SECONDS)
    producer.send_offsets_to_transaction(consumer.position(consumer.assignment()),
                                         consumer.consumer_group_metadata(), OFFSETS_SECONDS)
    signal.alarm(0)
    retried(lambda: producer.commit_transaction(TIMEOUT_SECONDS))


def main():
    bootstrap, group, name, source, out = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group,
                         "group.instance.id": name, "enable.auto.commit": False,
                         "auto.offset.reset": "earliest", "isolation.level": "read_committed",
                         "partition.assignment.strategy": "cooperative-sticky"})
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": name,
                         "transaction.timeout.ms": 60000})
    retried(lambda: producer.init_transactions(TIMEOUT_SECONDS))
    consumer.subscribe([source])
    while not stopping:
        messages = [message for message in consumer.consume(100, 0.2) if not message.error()]
        if messages:
            transact(producer, consumer, messages, out)
    consumer.close()


if __name__ == "__main__":
    try:
        main()
    except KafkaException as ending:
        print(ending, file=sys.stderr, flush=True)
        os._exit(1)  # without waiting for connections that cannot be made
