"""What a consumer reads from a disk is not read by the threads that serve everybody else."""
import os
import pathlib
import tempfile
import time
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker_cluster import BUILD, BrokerCluster

RECORDS = 20000
VALUE = os.urandom(500)
# Less than a fetch. The kernel reads ahead to the end of a file, on the account of whoever comes to
# what is read already, without a wait: within one range that is the thread in the background.
SEGMENT_BYTES = 512 << 10


def bytes_read(pid):
    """{thread name: bytes that it read from the disk}"""
    read = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        name = (task / "comm").read_text().strip().split("-")[0]
        line = next(line for line in (task / "io").read_text().splitlines()
                    if line.startswith("read_bytes"))
        read[name] = read.get(name, 0) + int(line.split()[1])
    return read


class ColdReadTest(unittest.TestCase):
    def forget_pages(self, broker):
        for path in (broker.folder / "data").rglob("*.log"):
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)

    def setUp(self):
        # The temporary folder of the machine may lie in memory, where nothing is ever cold.
        before, tempfile.tempdir = tempfile.tempdir, str(BUILD)
        self.cluster = BrokerCluster(1)
        tempfile.tempdir = before
        self.enterContext(self.cluster)
        self.cluster.create_topic("old", segment_bytes=SEGMENT_BYTES)
        self.broker = self.cluster.brokers[1]
        producer = KafkaProducer(bootstrap_servers=self.broker.address, linger_ms=50)
        self.begun_ms = int(time.time() * 1000)
        for number in range(RECORDS):
            producer.send("old", VALUE, key=str(number).encode())
        producer.flush(60)
        producer.close()

    def test_a_backlog_is_read_in_the_background(self):
        where = TopicPartition("old", 0)
        consumer = KafkaConsumer(bootstrap_servers=self.broker.address,
                                 consumer_timeout_ms=30000)
        consumer.assign([where])
        self.forget_pages(self.broker)
        before = bytes_read(self.broker.process.pid)
        self.assertEqual(consumer.offsets_for_times({where: self.begun_ms})[where].offset, 0)
        consumer.seek(where, 0)
        keys = [int(next(consumer).key) for _ in range(RECORDS)]
        self.assertEqual(keys, list(range(RECORDS)))
        consumer.close()
        after = bytes_read(self.broker.process.pid)
        read = {name: after[name] - before.get(name, 0) for name in after}
        self.assertGreater(read["log"], RECORDS * len(VALUE) / 2, read)
        self.assertLess(read["reactor"], RECORDS * len(VALUE) / 10, read)


if __name__ == "__main__":
    unittest.main()
