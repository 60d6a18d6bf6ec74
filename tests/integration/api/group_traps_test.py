"""What members of groups stumble over if a coordinator gets it wrong: who is told what in which
state, over the wire. The state machine has its tests in tests/unit/broker/group.

All of it also holds for a Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import concurrent.futures
import time
import unittest

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from broker_cluster import BrokerCluster, wait_until
from group_wire import (COMMIT, DESCRIBE, FETCH, HEARTBEAT, JOIN, LEAVE, SYNC, Form, GroupWire)

ILLEGAL_GENERATION, INCONSISTENT_PROTOCOL, UNKNOWN_MEMBER, REBALANCE = 22, 23, 25, 27
NON_EMPTY, MEMBER_ID_REQUIRED, GROUP_FULL, FENCED, SUBSCRIBED = 68, 79, 81, 82, 86

JOIN_OLD, JOIN_NEW, SYNC_NEW = Form(JOIN, 3), Form(JOIN, 9), Form(SYNC, 5)
BEAT, LEAVE_NEW = Form(HEARTBEAT, 4), Form(LEAVE, 5)
COMMIT_NEW, FETCH_NEW, DESCRIBE_NEW = Form(COMMIT, 9), Form(FETCH, 7), Form(DESCRIBE, 5)


class GroupTrapsTest(GroupWire, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1, settings={
            "group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 3,
            "group.max.size": 2})
        cls.enterClassContext(cls.cluster)
        cls.port = cls.cluster.brokers[1].port
        cls.cluster.barnabas("topic", "create", "topic", "--partitions", "2")
        consumer = KafkaConsumer(bootstrap_servers=cls.cluster.bootstrap, group_id="first",
                                 enable_auto_commit=False)
        consumer.assign([TopicPartition("topic", 0)])
        consumer.commit({TopicPartition("topic", 0): OffsetAndMetadata(1, "")})
        consumer.close(autocommit=False)
        cls.waiting = concurrent.futures.ThreadPoolExecutor(4)

    @classmethod
    def tearDownClass(cls):
        cls.waiting.shutdown(wait=True)

    def setUp(self):
        self.group = self.id().split(".")[-1]

    # ---- Steps ----

    def begin(self, function, *arguments, **named):
        return self.waiting.submit(function, *arguments, **named)

    def state(self):
        return self.describe(DESCRIBE_NEW, self.group)[1]

    def wait_for_state(self, state):
        wait_until(lambda: self.state() == state, 20, f"the group is {state}")

    def pair(self):
        """(leader, other) of generation 2, which have not sent SyncGroup yet."""
        first = self.member(self.group)
        second = self.begin(self.join, JOIN_OLD, self.group)
        self.wait_for_state("PreparingRebalance")
        leads = self.join(JOIN_OLD, self.group, first)
        joined = second.result(20)
        self.assertEqual((leads["error"], joined["error"]), (0, 0))
        self.assertEqual((leads["generation"], joined["generation"]), (2, 2))
        self.assertEqual({member[0] for member in leads["members"]}, {first, joined["member"]})
        self.assertEqual((joined["leader"], joined["members"]), (first, []))
        return first, joined["member"]

    def stable_pair(self):
        first, second = self.pair()
        waits = self.begin(self.sync, SYNC_NEW, self.group, 2, second)
        answer = self.sync(SYNC_NEW, self.group, 2, first, [(first, b"one"), (second, b"two")])
        self.assertEqual((answer["assignment"], waits.result(20)["assignment"]), (b"one", b"two"))
        return first, second

    def beat(self, generation, member, instance=None):
        return self.heartbeat(BEAT, self.group, generation, member, instance)

    # ---- A rebalance ----

    def test_while_it_prepares_members_beat_and_commit_and_are_sent_to_join(self):
        first = self.member(self.group)
        second = self.begin(self.join, JOIN_OLD, self.group)
        self.wait_for_state("PreparingRebalance")
        self.assertEqual(self.beat(1, first), REBALANCE)
        self.assertEqual(self.sync(SYNC_NEW, self.group, 1, first)["error"], REBALANCE)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, 1, first, offset=3), 0)
        _, _, kind, protocol, members, _ = self.describe(DESCRIBE_NEW, self.group)
        self.assertEqual((kind, protocol), ("consumer", ""))
        self.assertEqual([member[4:] for member in members], [(b"", b""), (b"", b"")])
        self.join(JOIN_OLD, self.group, first)
        self.assertEqual(second.result(20)["error"], 0)

    def test_while_it_completes_members_beat_but_do_not_commit(self):
        first, second = self.pair()
        self.assertEqual(self.state(), "CompletingRebalance")
        self.assertEqual(self.beat(2, first), 0)
        self.assertEqual(self.beat(1, first), ILLEGAL_GENERATION)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, 2, first), REBALANCE)
        self.assertEqual(self.join(JOIN_OLD, self.group, second)["generation"], 2)
        self.assertEqual(self.state(), "CompletingRebalance")

    def test_a_follower_that_joins_unchanged_does_not_disturb(self):
        first, second = self.stable_pair()
        again = self.join(JOIN_OLD, self.group, second)
        self.assertEqual((again["error"], again["generation"], again["leader"], again["members"]),
                         (0, 2, first, []))
        self.assertEqual(self.state(), "Stable")
        self.assertEqual(self.sync(SYNC_NEW, self.group, 2, second)["assignment"], b"two")

    def test_a_follower_that_changed_makes_all_join(self):
        first, second = self.stable_pair()
        waits = self.begin(self.join, JOIN_OLD, self.group, second, metadata=b"other")
        self.wait_for_state("PreparingRebalance")
        self.assertEqual(self.join(JOIN_OLD, self.group, first)["generation"], 3)
        self.assertEqual(waits.result(20)["generation"], 3)

    def test_who_has_an_id_but_has_not_joined_is_waited_for(self):
        first = self.member(self.group)
        given = self.join(JOIN_NEW, self.group)
        self.assertEqual(given["error"], MEMBER_ID_REQUIRED)
        self.assertEqual(self.state(), "Stable")
        waits = self.begin(self.join, JOIN_OLD, self.group, first)
        self.wait_for_state("PreparingRebalance")
        time.sleep(0.3)     # nothing tells that it goes on waiting
        self.assertFalse(waits.done())
        joined = self.join(JOIN_NEW, self.group, given["member"])
        self.assertEqual((joined["generation"], waits.result(20)["generation"]), (2, 2))

    def test_who_leaves_while_others_wait_for_it_lets_them_go_on(self):
        first, second = self.stable_pair()
        waits = self.begin(self.join, JOIN_OLD, self.group, first)
        self.wait_for_state("PreparingRebalance")
        self.assertEqual(self.leave(LEAVE_NEW, self.group, second), (0, [(second, None, 0)]))
        self.assertEqual(len(waits.result(20)["members"]), 1)

    def test_protocols_and_types_must_be_shared(self):
        self.member(self.group)
        for changed in ({"protocols": ("sticky",)}, {"kind": "connect"}, {"protocols": ()}):
            answer = self.join(JOIN_OLD, self.group, **changed)
            self.assertEqual((answer["error"], answer["member"]), (INCONSISTENT_PROTOCOL, ""))
        self.assertEqual(self.state(), "Stable")

    def test_a_full_group_takes_no_more(self):
        self.stable_pair()
        answer = self.join(JOIN_OLD, self.group)
        self.assertEqual((answer["error"], answer["member"]), (GROUP_FULL, ""))
        self.assertEqual(self.state(), "Stable")

    # ---- Static members ----

    def test_the_old_id_of_a_static_member_is_fenced(self):
        old = self.member(self.group, instance="i")
        new = self.join(JOIN_NEW, self.group, instance="i")["member"]
        self.assertEqual(self.beat(1, old, "i"), FENCED)
        self.assertEqual(self.beat(1, old), UNKNOWN_MEMBER)
        self.assertEqual(self.beat(1, new, "other"), UNKNOWN_MEMBER)
        self.assertEqual(self.sync(SYNC_NEW, self.group, 1, old, instance="i")["error"], FENCED)
        self.assertEqual(self.join(JOIN_NEW, self.group, old, instance="i")["error"], FENCED)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, 1, old, instance="i"), FENCED)
        self.assertEqual(self.leave(LEAVE_NEW, self.group, old, instance="i"),
                         (0, [(old, "i", FENCED)]))
        self.assertEqual(self.beat(1, new, "i"), 0)
        answer = self.sync(SYNC_NEW, self.group, 1, new, instance="i")
        self.assertEqual((answer["error"], answer["assignment"]), (0, b"own"))

    def test_an_operator_removes_a_static_member(self):
        self.member(self.group, instance="i")
        self.assertEqual(self.leave(LEAVE_NEW, self.group, "", instance="j"),
                         (0, [("", "j", UNKNOWN_MEMBER)]))
        self.assertEqual(self.leave(LEAVE_NEW, self.group, "", instance="i"), (0, [("", "i", 0)]))
        self.wait_for_state("Empty")

    # ---- Offsets ----

    def test_who_may_commit(self):
        self.assertEqual(self.commit(COMMIT_NEW, self.group, -1, "", offset=1), 0)
        member = self.member(self.group)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, -1, "", offset=2), UNKNOWN_MEMBER)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, -1, member), ILLEGAL_GENERATION)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, 2, member), ILLEGAL_GENERATION)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, 1, member, offset=3), 0)
        self.leave(LEAVE_NEW, self.group, member)
        self.wait_for_state("Empty")
        self.assertEqual(self.commit(COMMIT_NEW, self.group, 1, member), UNKNOWN_MEMBER)
        self.assertEqual(self.commit(COMMIT_NEW, self.group, -1, "", offset=4), 0)
        self.assertEqual(self.fetch(FETCH_NEW, self.group)[1]["topic"][1][0], 4)
        self.assertEqual(self.describe(DESCRIBE_NEW, self.group)[:5],
                         (0, "Empty", "consumer", "", []))

    def test_offsets_in_use_are_not_deleted(self):
        self.commit(COMMIT_NEW, self.group, -1, "", offset=1)
        member = self.member(self.group)
        self.assertEqual(self.delete_offsets(self.group, 1), (0, SUBSCRIBED))
        self.leave(LEAVE_NEW, self.group, member)
        self.wait_for_state("Empty")
        self.assertEqual(self.delete_offsets(self.group, 1), (0, 0))
        self.assertEqual(self.fetch(FETCH_NEW, self.group)[1]["topic"][1][0], -1)
        self.assertEqual(self.delete_offsets("nobody's", 1), (69, None))

    def test_of_other_types_no_offset_is_deleted_while_there_are_members(self):
        self.commit(COMMIT_NEW, self.group, -1, "", offset=1)
        self.assertEqual(self.join(JOIN_OLD, self.group, kind="connect")["error"], 0)
        self.assertEqual(self.delete_offsets(self.group, 1), (NON_EMPTY, None))


if __name__ == "__main__":
    unittest.main()
