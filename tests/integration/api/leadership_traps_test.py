"""What clients are told of leaders, their epochs and the ids of topics, byte by byte.

A wrong epoch or id makes a client ignore what it is told, for ever. All of it also holds for a
Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import struct
import unittest

from broker_cluster import BrokerCluster, wait_until
from wire_frames import (Answer, Fields, array, ask, batch, compact, compact_array,
                         flexible_header, header, text)

PRODUCE, FETCH, LIST_OFFSETS, METADATA, OFFSET_FOR_LEADER_EPOCH = 0, 1, 2, 3, 23

UNKNOWN_TOPIC, NOT_LEADER, FENCED_EPOCH, UNKNOWN_EPOCH, UNKNOWN_TOPIC_ID = 3, 6, 74, 75, 100

NO_TAGS = b"\0"
CURRENT_LEADER, NODE_ENDPOINTS = {PRODUCE: 0, FETCH: 1}, 0


def node_endpoints(tags):
    """{broker: (host, port, rack)}"""
    if NODE_ENDPOINTS not in tags:
        return {}
    at = Fields(tags[NODE_ENDPOINTS])
    nodes = at.compact_array(lambda: (at.i32(), at.compact_text(), at.i32(), at.compact_text(),
                                      at.tags()))
    at.end()
    return {node[0]: node[1:4] for node in nodes}


def current_leader(api, tags):
    """(leader, leader epoch), or None."""
    if CURRENT_LEADER[api] not in tags:
        return None
    at = Fields(tags[CURRENT_LEADER[api]])
    told = at.i32(), at.i32()
    at.tags()
    at.end()
    return told


def produce_hints(port, version, topic):
    """One record to partition 0: (error, current leader, nodes)."""
    payload = flexible_header(PRODUCE, version) + compact(None) + struct.pack(">hi", 1, 10000)
    payload += compact_array(compact(topic) + compact_array(
        struct.pack(">i", 0) + compact(batch()) + NO_TAGS) + NO_TAGS) + NO_TAGS
    at = Answer(ask(port, payload), has_tags=True)
    told = []

    def partition():
        at.i32()
        error = at.i16()
        at.raw(3 * 8)
        at.compact_array(lambda: (at.i32(), at.compact_text(), at.tags()))
        at.compact_text()
        told.append((error, current_leader(PRODUCE, at.tags())))
    at.compact_array(lambda: (at.compact_text(), at.compact_array(partition), at.tags()))
    assert at.i32() == 0  # throttle time
    nodes = node_endpoints(at.tags())
    at.end()
    return *told[0], nodes


def fetch_hints(port, version, topic_id, leader_epoch=-1):
    """Of partition 0 from its start, by id: (error, current leader, nodes)."""
    payload = flexible_header(FETCH, version)
    payload += struct.pack(">i", -1) if version < 15 else b""
    payload += struct.pack(">iiibii", 0, 1, 1 << 20, 0, 0, -1)
    payload += compact_array(topic_id + compact_array(
        struct.pack(">iiqiqi", 0, leader_epoch, 0, -1, -1, 1 << 20) + NO_TAGS) + NO_TAGS)
    payload += compact_array() + compact("") + NO_TAGS
    at = Answer(ask(port, payload), has_tags=True)
    assert at.i32() == 0  # throttle time
    assert at.i16() == 0
    at.i32()
    told = []

    def partition():
        at.i32()
        error = at.i16()
        at.raw(3 * 8)
        at.compact_array(lambda: (at.i64(), at.i64(), at.tags()))
        at.i32()
        assert at.compact_data() is not None  # empty, but never null
        told.append((error, current_leader(FETCH, at.tags())))
    at.compact_array(lambda: (at.raw(16), at.compact_array(partition), at.tags()))
    nodes = node_endpoints(at.tags())
    at.end()
    return *told[0], nodes


def described(port, name=None, topic_id=bytes(16)):
    """Metadata 12 of one topic by name or id: (controller, brokers, error, name, id,
    {partition: (leader, leader epoch)})."""
    payload = flexible_header(METADATA, 12)
    payload += compact_array(topic_id + compact(name) + NO_TAGS) + b"\0\0" + NO_TAGS
    at = Answer(ask(port, payload), has_tags=True)
    assert at.i32() == 0  # throttle time
    brokers = at.compact_array(lambda: (at.i32(), at.compact_text(), at.i32(), at.compact_text(),
                                        at.tags()))
    at.compact_text()
    controller = at.i32()

    def partition():
        at.i16()
        told = at.i32(), (at.i32(), at.i32())
        for _ in range(3):
            at.compact_array(at.i32)
        at.tags()
        return told
    ((error, name, topic_id, _, partitions, _, _),) = at.compact_array(
        lambda: (at.i16(), at.compact_text(), at.raw(16), at.i8(), at.compact_array(partition),
                 at.i32(), at.tags()))
    at.tags()
    at.end()
    return controller, [broker[0] for broker in brokers], error, name, topic_id, dict(partitions)


def listed_offsets(port, *questions):
    """`questions`: (topic, partition, leader epoch). {(topic, partition): (error, leader epoch)}
    of each latest offset, version 4."""
    payload = header(LIST_OFFSETS, 4) + struct.pack(">ib", -1, 0)
    payload += array(*(text(topic) + array(struct.pack(">iiq", partition, leader_epoch, -1))
                       for topic, partition, leader_epoch in questions))
    at = Answer(ask(port, payload))
    assert at.i32() == 0  # throttle time
    topics = at.array(lambda: (at.text(), at.array(
        lambda: (at.i32(), at.i16(), at.i64(), at.i64(), at.i32()))))
    at.end()
    return {(topic, partition[0]): (partition[1], partition[4])
            for topic, partitions in topics for partition in partitions}


def epoch_end(port, topic, leader_epoch, current_leader_epoch=-1):
    """(error, leader epoch, end offset) of partition 0, version 2."""
    payload = header(OFFSET_FOR_LEADER_EPOCH, 2) + array(
        text(topic) + array(struct.pack(">iii", 0, current_leader_epoch, leader_epoch)))
    at = Answer(ask(port, payload))
    assert at.i32() == 0  # throttle time
    ((_, ((error, _, told_epoch, end_offset),)),) = at.array(
        lambda: (at.text(), at.array(lambda: (at.i16(), at.i32(), at.i32(), at.i64()))))
    at.end()
    return error, told_epoch, end_offset


class LeadershipTrapsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, racks=["r1", "r2", "r3"])
        cls.enterClassContext(cls.cluster)
        # A leader other than the first, so that its epoch is not 0.
        cls.cluster.create_topic("orders", 1)
        cls.cluster.wait_until_known("orders")
        cls.leader = cls.cluster.partitions("orders")[0]["leader"] % 3 + 1
        cls.cluster.barnabas("leader", "move", "orders:0", "--to", str(cls.leader))
        wait_until(lambda: all(
            described(broker.port, "orders")[5][0][0] == cls.leader
            for broker in cls.cluster.brokers.values()), 30, "every broker knows the new leader")
        cls.other = cls.leader % 3 + 1
        (_, _, _, _, cls.topic_id, partitions) = described(cls.port(cls.leader), "orders")
        cls.leader_epoch = partitions[0][1]

    @classmethod
    def port(cls, broker_id):
        return cls.cluster.brokers[broker_id].port

    def node(self):
        return {self.leader: ("127.0.0.1", self.port(self.leader), f"r{self.leader}")}

    # ---- Hints ----

    def test_who_does_not_lead_tells_producers_who_does_and_where(self):
        self.assertEqual(produce_hints(self.port(self.other), 10, "orders"),
                         (NOT_LEADER, (self.leader, self.leader_epoch), self.node()))

    def test_consumers_with_an_old_epoch_are_told_who_leads_and_where(self):
        self.assertGreater(self.leader_epoch, 0)
        for version in (16, 17):
            self.assertEqual(fetch_hints(self.port(self.leader), version, self.topic_id,
                                         self.leader_epoch - 1),
                             (FENCED_EPOCH, (self.leader, self.leader_epoch), self.node()))

    def test_who_does_not_host_a_partition_tells_consumers_who_does_and_where(self):
        self.cluster.create_topic("single", 1, replicas=1)
        self.cluster.wait_until_known("single")
        (_, _, _, _, topic_id, partitions) = described(self.port(1), "single")
        leader, leader_epoch = partitions[0]
        other = leader % 3 + 1
        for version in (16, 17):
            self.assertEqual(fetch_hints(self.port(other), version, topic_id),
                             (NOT_LEADER, (leader, leader_epoch),
                              {leader: ("127.0.0.1", self.port(leader), f"r{leader}")}))

    def test_versions_without_room_for_hints_have_none(self):
        self.assertEqual(produce_hints(self.port(self.other), 9, "orders"), (NOT_LEADER, None, {}))
        for version in (13, 15):
            self.assertEqual(fetch_hints(self.port(self.leader), version, self.topic_id,
                                         self.leader_epoch - 1)[::2], (FENCED_EPOCH, {}))

    def test_who_leads_gives_no_hints(self):
        self.assertEqual(produce_hints(self.port(self.leader), 11, "orders"), (0, None, {}))
        self.assertEqual(fetch_hints(self.port(self.leader), 17, self.topic_id), (0, None, {}))

    # ---- Epochs ----

    def test_every_broker_and_every_api_tells_the_same_epoch(self):
        for broker in self.cluster.brokers.values():
            self.assertEqual(described(broker.port, "orders")[5],
                             {0: (self.leader, self.leader_epoch)})
        produce_hints(self.port(self.leader), 9, "orders")
        self.assertEqual(listed_offsets(self.port(self.leader), ("orders", 0, -1)),
                         {("orders", 0): (0, self.leader_epoch)})
        self.assertEqual(epoch_end(self.port(self.leader), "orders", self.leader_epoch)[:2],
                         (0, self.leader_epoch))

    def test_minus_one_is_no_epoch_to_check_and_any_other_is_checked(self):
        port = self.port(self.leader)
        for epoch, expected in ((-1, 0), (self.leader_epoch, 0),
                                (self.leader_epoch - 1, FENCED_EPOCH),
                                (self.leader_epoch + 1, UNKNOWN_EPOCH)):
            self.assertEqual(fetch_hints(port, 13, self.topic_id, epoch)[0], expected, epoch)
            self.assertEqual(listed_offsets(port, ("orders", 0, epoch))[("orders", 0)][0],
                             expected, epoch)
            self.assertEqual(epoch_end(port, "orders", self.leader_epoch, epoch)[0], expected,
                             epoch)

    def test_of_an_epoch_that_never_was_nothing_is_known(self):
        self.assertEqual(epoch_end(self.port(self.leader), "orders", self.leader_epoch + 5),
                         (0, -1, -1))

    def test_offsets_are_told_of_every_partition_that_was_asked_for(self):
        told = listed_offsets(self.port(self.leader), ("nowhere", 0, -1), ("orders", 0, -1),
                              ("orders", 7, -1))
        self.assertEqual({where: error for where, (error, _) in told.items()},
                         {("nowhere", 0): UNKNOWN_TOPIC, ("orders", 0): 0,
                          ("orders", 7): UNKNOWN_TOPIC})
        self.assertEqual(told[("nowhere", 0)][1], -1)

    # ---- Ids ----

    def test_a_topic_has_one_id_everywhere_and_by_name_as_by_id(self):
        self.assertNotEqual(self.topic_id, bytes(16))
        for broker in self.cluster.brokers.values():
            self.assertEqual(described(broker.port, "orders")[2:5], (0, "orders", self.topic_id))
            self.assertEqual(described(broker.port, None, self.topic_id)[2:5],
                             (0, "orders", self.topic_id))

    def test_an_id_that_is_not_known_is_an_error_of_its_own(self):
        unknown = b"\x11" * 16
        self.assertEqual(described(self.port(1), None, unknown)[2:],
                         (UNKNOWN_TOPIC_ID, None, unknown, {}))
        self.assertEqual(fetch_hints(self.port(1), 17, unknown), (UNKNOWN_TOPIC_ID, None, {}))

    def test_a_topic_that_is_made_again_has_another_id(self):
        self.cluster.create_topic("again", 1)
        self.cluster.wait_until_known("again")
        before = described(self.port(1), "again")[4]
        self.cluster.barnabas("topic", "delete", "again")
        for broker in self.cluster.brokers.values():
            wait_until(lambda port=broker.port: described(port, "again")[2] == UNKNOWN_TOPIC, 30,
                       "it is gone")

        def is_made_again():
            # Refused as long as the deletion is not over.
            self.cluster.barnabas("topic", "create", "again", check=False)
            return described(self.port(1), "again")[2] == 0
        wait_until(is_made_again, 30, "the name is free again")
        self.assertNotIn(described(self.port(1), "again")[4], (before, bytes(16)))
        self.assertEqual(described(self.port(1), None, before)[2], UNKNOWN_TOPIC_ID)

    def test_every_broker_names_the_same_controller_among_the_brokers(self):
        told = [described(broker.port, "orders") for broker in self.cluster.brokers.values()]
        self.assertEqual(len({controller for controller, *_ in told}), 1)
        for controller, brokers, *_ in told:
            self.assertEqual(sorted(brokers), [1, 2, 3])
            self.assertIn(controller, brokers)


if __name__ == "__main__":
    unittest.main()
