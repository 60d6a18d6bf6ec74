"""Producers that never stop, and what must be true of what they were told.

One thread per partition sends the numbers 0, 1, 2, ... with acks=all, each until it is
acknowledged. So afterwards each acknowledged number must be found at least once, and the first
occurrences must be in order; how long nothing was acknowledged is how long the partition was not
available.
"""
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from broker_cluster import wait_until

ACKNOWLEDGEMENT_SECONDS = 90


class SteadyLoad:
    def __init__(self, cluster, topic, partitions):
        self.cluster = cluster
        self.topic = topic
        self.acknowledged = {partition: [] for partition in range(partitions)}  # times, by number
        self.stopping = threading.Event()
        self.problems = []
        self.threads = [threading.Thread(target=self._run, args=(partition,), daemon=True)
                        for partition in range(partitions)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(ACKNOWLEDGEMENT_SECONDS + 10)

    def _run(self, partition):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","), acks="all",
                                 retries=1000000, retry_backoff_ms=50, request_timeout_ms=20000,
                                 max_block_ms=60000, metadata_max_age_ms=5000,
                                 reconnect_backoff_ms=20, reconnect_backoff_max_ms=100,
                                 max_in_flight_requests_per_connection=1, linger_ms=0)
        number = 0
        while not self.stopping.is_set():
            try:
                producer.send(self.topic, str(number).encode(), partition=partition).get(
                    ACKNOWLEDGEMENT_SECONDS)
            except KafkaError as error:
                self.problems.append((partition, number, repr(error)))
                continue
            self.acknowledged[partition].append(time.monotonic())
            number += 1
        producer.close(5)

    def count(self):
        return {partition: len(times) for partition, times in self.acknowledged.items()}

    def wait_for_more(self, seconds, records=20):
        """Until so many more records were acknowledged in every partition."""
        before = self.count()
        wait_until(lambda: all(count >= before[partition] + records
                               for partition, count in self.count().items()),
                   seconds, "records are acknowledged in every partition")

    def longest_gap(self, since, until=None):
        """The longest time, in seconds, for which some partition had nothing acknowledged."""
        until = until or time.monotonic()
        longest = 0
        for times in self.acknowledged.values():
            moments = [since] + [moment for moment in times if since < moment < until] + [until]
            longest = max([longest] + [b - a for a, b in zip(moments, moments[1:])])
        return longest

    def check_nothing_is_lost(self, test):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 consumer_timeout_ms=60000)
        try:
            for partition, times in self.acknowledged.items():
                received = self._read(consumer, TopicPartition(self.topic, partition))
                seen, firsts = set(), []
                for number in received:
                    if number not in seen:
                        seen.add(number)
                        firsts.append(number)
                missing = [number for number in range(len(times)) if number not in seen]
                test.assertEqual(missing, [], f"partition {partition}: acknowledged, and lost")
                test.assertEqual(firsts, sorted(firsts), f"partition {partition}: out of order")
        finally:
            consumer.close()

    @staticmethod
    def _read(consumer, where):
        consumer.assign([where])
        consumer.seek_to_beginning(where)
        end = consumer.end_offsets([where])[where]
        received = []
        while consumer.position(where) < end:
            received.append(int(next(consumer).value))
        return received
