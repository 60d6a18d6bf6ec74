"""One data directory, used by turns: Apache Kafka 3.9 writes it, we open it in place, serve every
record and go on; Apache Kafka opens what we leave, serves every record and goes on; each also after
the other was killed. Kafka's DumpLogSegments and our `barnabas log verify` find nothing wrong."""
import re
import subprocess
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kazoo.client import KazooClient

from broker_cluster import COMMAND, DAEMON, wait_until
from kafka_oracle import HERE, Tools, oracle

KAFKA = str(HERE / "kafka_daemon")
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
SECONDS = 120
KEYS = 30
TRANSACTIONAL = "transactional"
COMPACTED = "compacted"
SETTINGS = {
    "log.cleaner.backoff.ms": 200, "log.initial.task.delay.ms": 0,
    "log.segment.delete.delay.ms": 1000, "transaction.state.log.min.isr": 1,
    "transaction.state.log.num.partitions": 2, "offsets.topic.num.partitions": 2,
    "num.recovery.threads.per.data.dir": 2, "log.flush.offset.checkpoint.interval.ms": 500,
}
# What DumpLogSegments says of what is not right; "isvalid: false" besides.
COMPLAINTS = re.compile(r"Found |isvalid: false|Non-consecutive|mismatch|Exception|not equal")


class DataDirectoryTest(unittest.TestCase):
    def setUp(self):
        self.cluster = oracle(1, settings=SETTINGS)
        self.enterContext(self.cluster)
        self.tools = Tools()
        self.enterContext(self.tools)
        self.broker = self.cluster.brokers[1]
        self.data = self.broker.folder / "data"
        self.written = {topic: [] for topic in CODECS}
        self.keyed = {}
        self.transactions = 0

    # ---- Turns ----

    def turn(self, daemon, clean=True):
        """The other broker takes over."""
        if clean:
            self.cluster.stop(1)
            self.check_files()
        else:
            self.cluster.kill(1)
            self.wait_until_forgotten()
        self.broker.daemon = daemon
        self.cluster.start_broker(1)
        self.cluster.wait_until_whole(SECONDS)

    def wait_until_forgotten(self):
        """Kafka's broker does not start beside what is left of a session with its id."""
        zookeeper = KazooClient(hosts=self.cluster.zookeeper.connect)
        zookeeper.start()
        try:
            wait_until(lambda: zookeeper.exists("/brokers/ids/1") is None, SECONDS,
                       "the dead broker's session ends")
        finally:
            zookeeper.stop()
            zookeeper.close()

    def check_files(self):
        ran = subprocess.run([COMMAND, "log", "verify", self.data], capture_output=True,
                             timeout=60, check=False, text=True)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        for suffix in ("log", "index", "timeindex", "txnindex", "snapshot"):
            files = sorted(map(str, self.data.glob(f"*-*/*.{suffix}")))
            if not files:
                continue
            status, output = self.tools.run("dump-log", "--files", ",".join(files),
                                            *(["--deep-iteration"] if suffix == "log" else []))
            self.assertEqual(status, 0, output)
            wrong = [line for line in output.splitlines() if COMPLAINTS.search(line)]
            self.assertEqual(wrong, [], suffix)

    # ---- Writing ----

    def create(self):
        for codec in CODECS:
            self.cluster.create_topic(codec, 1, 1, segment_bytes=30000, index_interval_bytes=500)
        self.cluster.create_topic(TRANSACTIONAL, 1, 1, segment_bytes=20000)
        self.cluster.create_topic(COMPACTED, 1, 1, segment_bytes=20000, cleanup_policy="compact",
                                  min_cleanable_dirty_ratio=0.01)

    def write(self, records=300):
        for codec in CODECS:
            lines = [f"{codec} {len(self.written[codec]) + number} {'x' * 50}"
                     for number in range(records)]
            for begin in range(0, records, 50):
                self.cluster.barnabas("-X", f"compression.type={codec}", "produce", codec, stdin="".join(
                    line + "\n" for line in lines[begin:begin + 50]).encode())
            self.written[codec] += lines
        self.write_keyed()
        self.write_transactions()

    def write_keyed(self):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap, acks="all", linger_ms=2)
        for number in range(20):
            for key in range(KEYS):
                value = b"%d-%d-" % (len(self.keyed), number) + b"y" * 100
                producer.send(COMPACTED, key=b"%d" % key, value=value)
                self.keyed[b"%d" % key] = value
        producer.flush()
        producer.close()

    def write_transactions(self, records=400):
        status, output = self.tools.run(
            "producer-perf-test", "--topic", TRANSACTIONAL, "--num-records", records,
            "--record-size", 60, "--throughput", 2000, "--transactional-id", "by-turns",
            "--transaction-duration-ms", 20,
            "--producer-props", f"bootstrap.servers={self.cluster.bootstrap}")
        self.assertEqual(status, 0, output)
        self.transactions += records

    # ---- Reading ----

    def records(self, topic, **settings):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap, **settings)
        try:
            where = TopicPartition(topic, 0)
            consumer.assign([where])
            consumer.seek_to_beginning(where)
            end = consumer.end_offsets([where])[where]
            records = []
            while consumer.position(where) < end:
                for batch in consumer.poll(1000).values():
                    records += batch
            return records
        finally:
            consumer.close()

    def check(self):
        for codec in CODECS:
            read = self.cluster.barnabas("consume", codec, "--exit-at-end").decode().splitlines()
            self.assertEqual(read, self.written[codec], codec)
        newest = {record.key: record.value for record in self.records(COMPACTED)}
        self.assertEqual(newest, self.keyed)
        status, output = self.tools.run(
            "console-consumer", "--bootstrap-server", self.cluster.bootstrap, "--topic",
            TRANSACTIONAL, "--partition", 0, "--offset", "earliest", "--isolation-level",
            "read_committed", "--max-messages", self.transactions, "--timeout-ms", 20000)
        self.assertEqual(status, 0, output)
        self.assertIn(f"Processed a total of {self.transactions} messages", output)

    def wait_for_compaction(self):
        """Every broker begins anew what it has not seen compacted."""
        wait_until(lambda: len(self.records(COMPACTED)) < 12 * KEYS, SECONDS, "compaction")

    # ---- The test ----

    def test_both_use_it_by_turns(self):
        self.create()
        self.write()
        self.wait_for_compaction()
        self.check()
        for clean in (True, False):
            for daemon in (DAEMON, KAFKA):
                self.turn(daemon, clean)
                self.check()
                self.write()
                self.wait_for_compaction()
                self.check()
        self.cluster.stop(1)
        self.check_files()


if __name__ == "__main__":
    unittest.main()
