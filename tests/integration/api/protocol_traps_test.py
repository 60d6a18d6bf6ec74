"""What clients stumble over if a broker gets it wrong, each as one test, byte by byte.

What is not here has its test elsewhere: refused frames in cluster/malformed_input_test.py, old message
formats in clients/old_clients_test.py, epochs that never fall in tests/simulation, wrapping
sequences, session epochs and codecs in tests/unit; leaders, epochs and ids in
leadership_traps_test.py.

All of it also holds for a Java Kafka 3.9 (BARNABAS_DAEMON), but for the APIs that are not served
here.
"""
import struct
import time
import unittest

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.client_async import KafkaClient

from broker_cluster import BrokerCluster, wait_until
from wire_frames import (Answer, array, ask, batch, connect, frame, header, read_answer, record,
                         text)

PRODUCE, FETCH, LIST_OFFSETS, METADATA, CONTROLLED_SHUTDOWN = 0, 1, 2, 3, 7
FIND_COORDINATOR, API_VERSIONS, INIT_PRODUCER_ID = 10, 18, 22

UNKNOWN_TOPIC, LEADER_NOT_AVAILABLE, NOT_LEADER, COORDINATOR_NOT_AVAILABLE = 3, 5, 6, 15
UNSUPPORTED_VERSION, INVALID_REQUEST, OUT_OF_ORDER_SEQUENCE, INVALID_EPOCH = 35, 42, 45, 47
UNSUPPORTED_COMPRESSION = 76

# Kafka 3.9's highest version of each API; clients infer a release from these.
KAFKA_3_9 = {
    0: 11, 1: 17, 2: 9, 3: 12, 4: 7, 5: 4, 6: 8, 7: 3, 8: 9, 9: 9, 10: 6, 11: 9, 12: 4, 13: 5,
    14: 5, 15: 5, 16: 5, 17: 1, 18: 4, 19: 7, 20: 6, 21: 2, 22: 5, 23: 4, 24: 5, 25: 4, 26: 4,
    27: 1, 28: 4, 29: 3, 30: 3, 31: 3, 32: 4, 33: 2, 34: 2, 35: 4, 36: 2, 37: 3, 38: 3, 39: 2,
    40: 2, 41: 3, 42: 2, 43: 2, 44: 1, 45: 0, 46: 0, 47: 0, 48: 1, 49: 1, 50: 0, 51: 0, 56: 3,
    57: 1, 60: 1, 61: 0, 65: 0, 66: 1, 67: 0, 68: 0, 69: 0}
NEVER_ADVERTISED = {52, 53, 54, 55, 58, 59, 62, 63, 64, 71, 72, 75}


def produce(topic, records, acks=-1, version=3, partition=0):
    return (header(PRODUCE, version) + text(None) + struct.pack(">hi", acks, 10000)
            + array(text(topic) + array(struct.pack(">ii", partition, len(records)) + records)))


def produced(answer):
    """(error, base offset) of the only partition, version 3."""
    at = Answer(answer)
    (partition,) = at.array(lambda: (at.text(), at.array(
        lambda: (at.i32(), at.i16(), at.i64(), at.i64()))))[0][1]
    assert at.i32() == 0  # throttle time
    at.end()
    return partition[1], partition[2]


def fetch(topic, *partitions, version=4, wait_ms=0, bytes_max=1 << 20, session=(0, -1),
          forgotten=()):
    """`partitions`: (number, offset)."""
    payload = header(FETCH, version) + struct.pack(">iii", -1, wait_ms, 1)
    payload += struct.pack(">ib", bytes_max, 0)
    if version >= 7:
        payload += struct.pack(">ii", *session)
    payload += array(*([text(topic) + array(*(
        struct.pack(">i", number) + (struct.pack(">i", -1) if version >= 9 else b"")
        + struct.pack(">q", offset) + (struct.pack(">q", -1) if version >= 5 else b"")
        + struct.pack(">i", bytes_max) for number, offset in partitions))] if partitions else []))
    if version >= 7:
        payload += array(*forgotten)
    return payload


def fetched(answer, version=4):
    """(session id, {partition: (error, high watermark, records)})"""
    at = Answer(answer)
    assert at.i32() == 0  # throttle time
    error, session = (at.i16(), at.i32()) if version >= 7 else (0, 0)
    assert error == 0, error
    partitions = {}

    def partition():
        number, error, high_watermark = at.i32(), at.i16(), at.i64()
        at.i64()
        if version >= 5:
            at.i64()
        at.array(lambda: (at.i64(), at.i64()))
        partitions[number] = (error, high_watermark, at.data())
    at.array(lambda: (at.text(), at.array(partition)))
    at.end()
    return session, partitions


def metadata(version, topics):
    payload = header(METADATA, version)
    payload += struct.pack(">i", -1) if topics is None else array(*map(text, topics))
    return payload + (b"\1" if version >= 4 else b"")


def described(answer, version):
    """([broker id], {topic: error}); versions 0, 1 and 4."""
    at = Answer(answer)
    if version >= 3:
        assert at.i32() == 0
    brokers = at.array(lambda: (at.i32(), at.text(), at.i32(), at.text() if version >= 1 else None))
    if version >= 2:
        at.text()
    if version >= 1:
        at.i32()
    topics = {}

    def topic():
        error, name = at.i16(), at.text()
        topics[name] = error
        if version >= 1:
            at.i8()
        at.array(lambda: (at.i16(), at.i32(), at.i32(), at.array(at.i32), at.array(at.i32)))
    at.array(topic)
    at.end()
    return [broker[0] for broker in brokers], topics


class ProtocolTrapsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3)
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("orders", 2)
        cls.cluster.wait_until_known("orders")

    def port(self, broker_id=1):
        return self.cluster.brokers[broker_id].port

    def leader(self, topic="orders", partition=0):
        return self.port(self.cluster.partitions(topic)[partition]["leader"])

    def topic(self, name, partitions=1, **configs):
        self.cluster.create_topic(name, partitions, **configs)
        self.cluster.wait_until_known(name)
        return name

    # ---- ApiVersions ----

    def api_versions(self, version):
        payload = struct.pack(">hhi", API_VERSIONS, version, 7) + text("frames")
        if version >= 3:
            payload += b"\0" + b"\5test" + b"\0021" + b"\0"
        return ask(self.port(), payload)

    def test_api_versions_are_answered_with_header_0_in_every_version(self):
        for version in range(5):
            answer = Answer(self.api_versions(version))
            self.assertEqual(answer.correlation, 7)
            self.assertEqual(answer.i16(), 0)
            if version < 3:
                entries = answer.array(lambda: (answer.i16(), answer.i16(), answer.i16()))
            else:
                entries = answer.compact_array(
                    lambda: (answer.i16(), answer.i16(), answer.i16(), answer.tags()))
            if version >= 1:
                self.assertEqual(answer.i32(), 0)
            if version >= 3:
                answer.tags()
            answer.end()
            self.assertTrue(entries)

    def test_a_version_of_api_versions_that_is_not_known_is_answered_in_version_0(self):
        answer = Answer(self.api_versions(99))
        self.assertEqual(answer.correlation, 7)
        self.assertEqual(answer.i16(), UNSUPPORTED_VERSION)
        self.assertEqual(answer.array(lambda: (answer.i16(), answer.i16(), answer.i16())),
                         [(API_VERSIONS, 0, 4)])
        answer.end()

    def test_versions_are_those_of_one_kafka_release_and_begin_at_0(self):
        answer = Answer(self.api_versions(0))
        answer.i16()
        entries = answer.array(lambda: (answer.i16(), answer.i16(), answer.i16()))
        for key, lowest, highest in entries:
            self.assertEqual(lowest, 0, key)
            self.assertEqual(highest, KAFKA_3_9[key], key)
        keys = [key for key, _, _ in entries]
        self.assertEqual(keys, sorted(set(keys)))
        self.assertFalse(NEVER_ADVERTISED & set(keys))
        client = KafkaClient(bootstrap_servers=self.cluster.bootstrap.split(","))
        self.assertEqual(client.check_version(), (2, 5, 0))
        client.close()

    def test_the_client_id_is_an_old_string_even_in_header_2(self):
        payload = struct.pack(">hhi", METADATA, 9, 7) + text("frames") + b"\0"  # header 2
        payload += b"\2" + b"\7orders" + b"\0" + b"\1\0\0" + b"\0"
        answer = Answer(ask(self.port(), payload), has_tags=True)
        self.assertEqual(answer.i32(), 0)
        brokers = answer.compact_array(
            lambda: (answer.i32(), answer.compact_text(), answer.i32(), answer.compact_text(),
                     answer.tags()))
        self.assertEqual(sorted(broker[0] for broker in brokers), [1, 2, 3])

    # ---- Fetch ----

    def test_a_first_batch_larger_than_every_limit_comes_whole(self):
        topic = self.topic("large")
        whole = batch(records=record(b"x" * 10000))
        error, offset = produced(ask(self.leader(topic), produce(topic, whole)))
        self.assertEqual((error, offset), (0, 0))
        _, partitions = fetched(ask(self.leader(topic), fetch(topic, (0, 0), bytes_max=1)))
        self.assertEqual(len(partitions[0][2]), len(whole))

    def test_the_first_partition_that_has_data_may_pass_the_limits_and_no_other(self):
        topic = self.topic("limits", 3)
        leader = self.cluster.partitions(topic)[0]["leader"]
        for partition in (1, 2):
            if self.cluster.partitions(topic)[partition]["leader"] != leader:
                self.cluster.barnabas("leader", "move", f"{topic}:{partition}", "--to", str(leader))
            wait_until(lambda partition=partition: produced(ask(self.port(leader), produce(
                topic, batch(), partition=partition)))[0] == 0, 30, "it leads")
        _, partitions = fetched(ask(self.port(leader), fetch(topic, (0, 0), (1, 0), (2, 0),
                                                             bytes_max=1)))
        self.assertEqual([(error, len(records)) for error, _, records in partitions.values()],
                         [(0, 0), (0, len(batch())), (0, 0)])

    def test_a_partition_with_an_error_has_empty_records_and_no_offsets(self):
        for version in (4, 5, 7, 10, 11):
            payload = fetch("nowhere", (0, 0), version=version)
            payload += text("") if version >= 11 else b""
            answer = ask(self.port(), payload)
            at = Answer(answer)
            at.raw(4 + (6 if version >= 7 else 0))

            def partition(at=at, version=version):
                self.assertEqual((at.i32(), at.i16(), at.i64(), at.i64()),
                                 (0, UNKNOWN_TOPIC, -1, -1))
                if version >= 5:
                    self.assertEqual(at.i64(), -1)
                at.array(lambda: (at.i64(), at.i64()))
                if version >= 11:
                    self.assertEqual(at.i32(), -1)
                self.assertEqual(at.data(), b"")
            at.array(lambda at=at: (at.text(), at.array(partition)))
            at.end()

    def test_a_full_answer_of_a_session_has_all_partitions_and_the_next_one_what_changed(self):
        topic = self.topic("session", 1)
        with connect(self.leader(topic)) as connection:
            def turn(*partitions, session):
                connection.sendall(frame(fetch(topic, *partitions, version=7, session=session)))
                return fetched(read_answer(connection), version=7)
            session, partitions = turn((0, 0), session=(0, 0))
            self.assertNotEqual(session, 0)
            self.assertEqual(list(partitions), [0])
            self.assertEqual(turn(session=(session, 1)), (session, {}))
            produced(ask(self.leader(topic), produce(topic, batch())))
            _, partitions = turn(session=(session, 2))
            self.assertEqual(list(partitions), [0])
            self.assertTrue(partitions[0][2])
            _, partitions = turn((0, 1), session=(session, 3))
            self.assertEqual(partitions, {})
            closed, partitions = turn((0, 1), session=(session, -1))
            self.assertEqual((closed, list(partitions)), (0, [0]))

    def test_consumers_that_do_not_know_zstd_are_told_so(self):
        topic = self.topic("zstd", compression_type="zstd")
        for version, expected in ((4, UNSUPPORTED_COMPRESSION), (9, UNSUPPORTED_COMPRESSION),
                                  (10, 0)):
            _, partitions = fetched(ask(self.leader(topic), fetch(topic, (0, 0), version=version)),
                                    version=version)
            self.assertEqual(partitions[0][0], expected, version)

    # ---- Metadata ----

    def test_no_topics_means_all_in_version_0_and_none_later(self):
        _, topics = described(ask(self.port(), metadata(0, [])), 0)
        self.assertIn("orders", topics)
        _, topics = described(ask(self.port(), metadata(1, [])), 1)
        self.assertEqual(topics, {})
        brokers, topics = described(ask(self.port(), metadata(1, None)), 1)
        self.assertIn("orders", topics)
        self.assertEqual(sorted(brokers), [1, 2, 3])

    def test_a_topic_that_is_being_made_has_no_leader_yet(self):
        _, topics = described(ask(self.port(), metadata(4, ["made-now"])), 4)
        self.assertIn(topics["made-now"], (LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC))
        wait_until(lambda: described(ask(self.port(), metadata(4, ["made-now"])), 4)[1]
                   == {"made-now": 0}, 30, "the topic is there")

    # ---- Produce ----

    def test_answers_come_in_the_order_of_the_requests(self):
        topic = self.topic("order")
        with connect(self.leader(topic)) as connection:
            waiting = fetch(topic, (0, 0), wait_ms=1000)
            requests = [waiting] + [metadata(1, ["orders"]) for _ in range(20)]
            connection.sendall(b"".join(
                frame(request[:4] + struct.pack(">i", number) + request[8:])
                for number, request in enumerate(requests)))
            seen = [Answer(read_answer(connection)).correlation for _ in requests]
            self.assertEqual(seen, list(range(len(requests))))

    def test_acks_0_has_no_answer_and_an_error_closes_the_connection(self):
        topic = self.topic("silent")
        with connect(self.leader(topic)) as connection:
            connection.sendall(frame(produce(topic, batch(), acks=0))
                               + frame(metadata(1, ["orders"])))
            self.assertEqual(described(read_answer(connection), 1)[1], {"orders": 0})
            connection.sendall(frame(produce(topic, batch(crc=1), acks=0)))
            self.assertIsNone(read_answer(connection))

    def test_a_repeated_batch_is_a_success_at_its_first_offset(self):
        topic = self.topic("repeated")
        producer_id = self.fresh_producer_id(2)
        for first, expected in ((0, (0, 0)), (1, (0, 1)), (0, (0, 0)), (1, (0, 1)),
                                (3, (OUT_OF_ORDER_SEQUENCE, -1))):
            self.assertEqual(produced(ask(self.leader(topic), produce(
                topic, batch(producer=(producer_id, 1, first))))), expected)
        self.assertEqual(produced(ask(self.leader(topic), produce(
            topic, batch(producer=(producer_id, 0, 2))))), (INVALID_EPOCH, -1))

    # ---- Others ----

    def init_producer_id(self, port):
        answer = Answer(ask(port, header(INIT_PRODUCER_ID, 0) + text(None)
                            + struct.pack(">i", 60000)))
        self.assertEqual(answer.i32(), 0)
        told = answer.i16(), answer.i64(), answer.i16()
        answer.end()
        return told

    def fresh_producer_id(self, broker):
        """A broker that has no block yet says so, and gets one."""
        return wait_until(lambda: next((told for told in [self.init_producer_id(self.port(broker))]
                                        if told[0] == 0), None), 30,
                          f"broker {broker} has a block")[1]

    def test_every_broker_gives_out_producer_ids_and_none_twice(self):
        told = [self.init_producer_id(self.port(broker)) for broker in (1, 2, 3) * 10]
        for broker in (1, 2, 3):
            self.fresh_producer_id(broker)
        told += [self.init_producer_id(self.port(broker)) for broker in (1, 2, 3) * 10]
        ids = [producer_id for error, producer_id, epoch in told if error == 0]
        self.assertTrue(all(epoch == 0 for error, _, epoch in told if error == 0))
        self.assertEqual(len(ids), len(set(ids)))
        self.assertGreaterEqual(len(ids), 30)

    def test_coordinators_are_told_for_each_key_that_was_asked_for(self):
        keys = ["a", "b", "a-third-group"]
        payload = struct.pack(">hhi", FIND_COORDINATOR, 4, 7) + text("frames") + b"\0"
        payload += b"\0" + bytes([len(keys) + 1])
        payload += b"".join(bytes([len(key) + 1]) + key.encode() for key in keys) + b"\0"

        def told():
            answer = Answer(ask(self.port(), payload), has_tags=True)
            self.assertEqual(answer.i32(), 0)
            rows = answer.compact_array(lambda: (
                answer.compact_text(), answer.i32(), answer.compact_text(), answer.i32(),
                answer.i16(), answer.compact_text(), answer.tags()))
            answer.tags()
            answer.end()
            return rows
        rows = told()
        self.assertEqual([row[0] for row in rows], keys)
        self.assertTrue(all(row[4] in (0, COORDINATOR_NOT_AVAILABLE) for row in rows))
        self.assertTrue(all(row[1:4] == (-1, "", -1) for row in rows if row[4] != 0))
        wait_until(lambda: all(row[4] == 0 for row in told()), 60, "there are coordinators")

    def test_controlled_shutdown_of_version_0_has_no_client_id(self):
        controller = self.cluster.controller()
        answer = Answer(ask(self.port(controller),
                            struct.pack(">hhi", CONTROLLED_SHUTDOWN, 0, 7)
                            + struct.pack(">i", 99)))
        self.assertEqual(answer.correlation, 7)
        self.assertNotEqual(answer.i16(), 0)  # there is no broker 99
        answer.array(lambda: (answer.text(), answer.array(answer.i32)))
        answer.end()

    def test_times_that_a_version_of_list_offsets_does_not_know_are_refused(self):
        for version, timestamp, expected in ((1, -2, 0), (1, -3, UNSUPPORTED_VERSION),
                                             (1, -9, UNSUPPORTED_VERSION)):
            answer = Answer(ask(self.leader(), header(LIST_OFFSETS, version)
                                + struct.pack(">i", -1)
                                + array(text("orders") + array(struct.pack(">iq", 0, timestamp)))))
            partitions = answer.array(lambda: (answer.text(), answer.array(
                lambda: (answer.i32(), answer.i16(), answer.i64(), answer.i64()))))
            answer.end()
            self.assertEqual(partitions[0][1][0][1], expected, timestamp)

    def test_a_partition_asked_for_twice_is_refused(self):
        answer = Answer(ask(self.leader(), header(LIST_OFFSETS, 1) + struct.pack(">i", -1)
                            + array(text("orders") + array(struct.pack(">iq", 0, -1),
                                                           struct.pack(">iq", 0, -1)))))
        partitions = answer.array(lambda: (answer.text(), answer.array(
            lambda: (answer.i32(), answer.i16(), answer.i64(), answer.i64()))))
        self.assertEqual([partition[1] for partition in partitions[0][1]], [INVALID_REQUEST] * 2)

    def test_settings_that_tools_look_at_are_described(self):
        admin = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap.split(","))
        (answer,) = admin.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")])
        names = {entry[0] for entry in answer.resources[0][4]}
        admin.close()
        for name in ("inter.broker.protocol.version", "delete.topic.enable",
                     "auto.create.topics.enable", "log.retention.hours", "min.insync.replicas",
                     "message.max.bytes", "zookeeper.connect", "listeners"):
            self.assertIn(name, names)

    def test_a_long_wait_ends_when_its_time_is_up(self):
        topic = self.topic("waiting")
        begun = time.monotonic()
        _, partitions = fetched(ask(self.leader(topic), fetch(topic, (0, 0), wait_ms=700)))
        self.assertGreaterEqual(time.monotonic() - begun, 0.7)
        self.assertEqual(partitions[0], (0, 0, b""))


if __name__ == "__main__":
    unittest.main()
