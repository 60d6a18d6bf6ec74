"""Bytes that no client should send, against live brokers: an error or a closed connection, bounded
memory, and the brokers serve on."""
import random
import socket
import struct
import time
import unittest
import zlib

from broker_cluster import BrokerCluster
from wire_frames import ANSWER_SECONDS, batch, connect, frame, header, read_answer, text

PRODUCE, FETCH, METADATA, API_VERSIONS = 0, 1, 3, 18
CORRUPT_MESSAGE, UNSUPPORTED_VERSION, INVALID_RECORD = 2, 35, 87
GROWTH_KIB_MAX = 300 * 1024


def metadata_v1(*topics):
    return header(METADATA, 1) + struct.pack(">i", len(topics)) + b"".join(map(text, topics))


def produce_v3(topic, records, acks=-1):
    """One partition, number 0."""
    return (header(PRODUCE, 3) + struct.pack(">h", -1) + struct.pack(">hii", acks, 10000, 1)
            + text(topic) + struct.pack(">iii", 1, 0, len(records)) + records)


class MalformedInputTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1)
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("orders", 1)
        cls.cluster.wait_until_in_sync("orders")
        cls.broker = cls.cluster.brokers[1]

    def tearDown(self):
        self.assertTrue(self.broker.is_running(), self.broker.output()[-4000:])
        self.assertIsNotNone(self.ask(frame(metadata_v1("orders"))), "it serves on")

    def connect(self):
        return connect(self.broker.port)

    def ask(self, data):
        with self.connect() as connection:
            try:
                connection.sendall(data)
            except ConnectionError:
                return None
            return read_answer(connection)

    def produce_error(self, records):
        """The partition's error code in the answer, or None if it was a closed connection."""
        answer = self.ask(frame(produce_v3("orders", records)))
        if answer is None:
            return None
        at = 4 + 4 + 2 + len("orders") + 4 + 4
        return struct.unpack_from(">h", answer, at)[0]

    def test_a_frame_of_impossible_length_closes_the_connection(self):
        for length in (-1, -2147483648, 104857601, 2147483647):
            self.assertIsNone(self.ask(struct.pack(">i", length) + b"x" * 100), length)

    def test_a_frame_too_short_for_its_header_closes_the_connection(self):
        for payload in (b"", b"\x00", b"\x00\x03\x00\x01", header(METADATA, 1)[:9]):
            self.assertIsNone(self.ask(frame(payload)), payload)

    def test_unknown_apis_and_versions_close_the_connection(self):
        for api, version in ((999, 0), (-1, 0), (METADATA, 99), (PRODUCE, -1), (FETCH, 1000)):
            self.assertIsNone(self.ask(frame(header(api, version) + b"\x00" * 64)), (api, version))

    def test_api_versions_of_an_unknown_version_gets_an_answer(self):
        answer = self.ask(frame(header(API_VERSIONS, 99) + b"\x00" * 4))
        self.assertIsNotNone(answer)
        self.assertEqual(struct.unpack_from(">ih", answer), (7, UNSUPPORTED_VERSION))

    def test_array_counts_that_lie_close_the_connection(self):
        for count in (2, 1000, 2147483647):
            lie = header(METADATA, 1) + struct.pack(">i", count) + text("orders")
            self.assertIsNone(self.ask(frame(lie)), count)

    def test_strings_longer_than_the_frame_close_the_connection(self):
        lie = header(METADATA, 1) + struct.pack(">ih", 1, 32767) + b"orders"
        self.assertIsNone(self.ask(frame(lie)))

    def test_a_good_batch_is_accepted(self):
        self.assertEqual(self.produce_error(batch()), 0)

    def test_bad_batches_are_refused(self):
        # What is inside a compressed batch is looked at only where a rule asks for it: not here.
        cases = {
            "wrong crc": batch(crc=1),
            "unknown magic": batch(magic=9),
            "length beyond the records": batch(length=5000),
            "length shorter than a header": batch(length=10),
            "negative length": batch(length=-1),
            "count does not fit the records": batch(count=1000),
            "last delta does not fit the count": batch(last_delta=5),
            "unknown compression": batch(attributes=7),
            "cut": batch()[:-3],
            "only half a header": batch()[:20],
            "garbage after the batch": batch() + b"\xff" * 30,
        }
        for name, records in cases.items():
            self.assertNotEqual(self.produce_error(records), 0, name)

    def test_a_bomb_does_not_fill_the_memory(self):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(300)) + packer.flush()
        before = self.broker.resident_kib()
        self.produce_error(batch(attributes=1, records=bomb))
        self.assertLess(self.broker.resident_kib() - before, GROWTH_KIB_MAX)

    def test_random_bytes_do_no_harm(self):
        chance = random.Random(1)
        for _ in range(300):
            data = chance.randbytes(chance.randrange(1, 400))
            with self.connect() as connection:
                connection.sendall(data if chance.random() < 0.5 else frame(data))
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(ANSWER_SECONDS)
                try:
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass

    def test_good_requests_with_changed_bytes_do_no_harm(self):
        chance = random.Random(2)
        good = [metadata_v1("orders"), produce_v3("orders", batch()), header(API_VERSIONS, 0)]
        for _ in range(500):
            data = bytearray(chance.choice(good))
            for _ in range(chance.randrange(1, 4)):
                data[chance.randrange(8, len(data))] = chance.randrange(256)
            with self.connect() as connection:
                connection.sendall(frame(bytes(data)))
                connection.shutdown(socket.SHUT_WR)
                try:
                    while connection.recv(65536):
                        pass
                except ConnectionError:
                    pass

    def test_half_open_connections_and_slow_writers_hold_up_nobody(self):
        idle = [self.connect() for _ in range(200)]
        slow = [self.connect() for _ in range(50)]
        try:
            for connection in slow:
                connection.sendall(struct.pack(">i", 50000000) + b"x" * 1000)
            before = self.broker.resident_kib()
            begin = time.monotonic()
            self.assertIsNotNone(self.ask(frame(metadata_v1("orders"))))
            self.assertLess(time.monotonic() - begin, 5)
            # What was announced has not come, so it takes no memory.
            self.assertLess(self.broker.resident_kib() - before, GROWTH_KIB_MAX)
        finally:
            for connection in idle + slow:
                connection.close()

    def test_readers_that_do_not_read_hold_up_nobody(self):
        requests = frame(metadata_v1("orders")) * 2000
        before = self.broker.resident_kib()
        readers = []
        try:
            for _ in range(20):
                connection = self.connect()
                connection.setblocking(False)
                readers.append(connection)
                try:
                    connection.send(requests)
                except BlockingIOError:
                    pass
            begin = time.monotonic()
            self.assertIsNotNone(self.ask(frame(metadata_v1("orders"))))
            self.assertLess(time.monotonic() - begin, 5)
            self.assertLess(self.broker.resident_kib() - before, GROWTH_KIB_MAX)
        finally:
            for connection in readers:
                connection.close()


if __name__ == "__main__":
    unittest.main()
