"""Every version of what groups are asked: each answer is read to its last byte, one that is an error
too, and says what that version says.

All of it also holds for a Java Kafka 3.9 (BARNABAS_DAEMON).
"""
import unittest

from kazoo.client import KazooClient
from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from broker_cluster import BrokerCluster
from group_wire import (COMMIT, DELETE, DESCRIBE, FETCH, HEARTBEAT, JOIN, LEAVE, LIST, SUBSCRIPTION,
                        SYNC, VERSIONS, Form, GroupWire)

UNKNOWN_TOPIC, ILLEGAL_GENERATION = 3, 22
INVALID_GROUP_ID, UNKNOWN_MEMBER, INVALID_SESSION, NON_EMPTY = 24, 25, 26, 68
GROUP_NOT_FOUND, MEMBER_ID_REQUIRED = 69, 79
UNKNOWN_SERVER_ERROR, METADATA_TOO_LARGE = -1, 12


class GroupVersionsTest(GroupWire, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1, settings={"group.initial.rebalance.delay.ms": 0,
                                                 "offsets.topic.num.partitions": 3})
        cls.enterClassContext(cls.cluster)
        cls.port = cls.cluster.brokers[1].port
        cls.cluster.barnabas("topic", "create", "topic", "--partitions", "2")
        consumer = KafkaConsumer(bootstrap_servers=cls.cluster.bootstrap, group_id="first",
                                 enable_auto_commit=False)
        consumer.assign([TopicPartition("topic", 0)])
        consumer.commit({TopicPartition("topic", 0): OffsetAndMetadata(1, "")})
        consumer.close(autocommit=False)

    def each_version(self, api, first=0):
        return [Form(api, version) for version in range(first, VERSIONS[api][0] + 1)]

    # ---- Members ----

    def test_joins(self):
        for form in self.each_version(JOIN):
            group = f"join-{form.version}"
            none = "" if form.version < 7 else None
            answer = self.join(form, group, member="nobody")
            self.assertEqual(
                (answer["error"], answer["generation"], answer["type"], answer["protocol"],
                 answer["leader"], answer["member"], answer["members"]),
                (UNKNOWN_MEMBER, -1, None, none, "", "nobody", []))
            self.assertEqual(self.join(form, group, session_ms=5)["error"], INVALID_SESSION)
            self.assertEqual(self.join(form, "")["error"], INVALID_GROUP_ID)
            member = ""
            if form.version >= 4:
                answer = self.join(form, group)
                self.assertEqual((answer["error"], answer["protocol"]), (MEMBER_ID_REQUIRED, none))
                member = answer["member"]
                self.assertRegex(member, "^frames-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
            answer = self.join(form, group, member)
            self.assertEqual((answer["error"], answer["generation"], answer["protocol"]),
                             (0, 1, "range"))
            self.assertEqual(answer["type"], None if form.version < 7 else "consumer")
            self.assertEqual(answer["leader"], answer["member"])
            self.assertEqual(answer["members"], [(answer["member"], None, SUBSCRIPTION)])

    def test_static_members_come_back(self):
        for form in self.each_version(JOIN, first=5):
            group = f"static-{form.version}"
            before = self.member(group, instance="i")
            answer = self.join(form, group, instance="i")
            self.assertEqual((answer["error"], answer["generation"]), (0, 1))
            if form.version < 9:
                self.assertEqual((answer["leader"], answer["members"]), (before, []))
            else:
                self.assertEqual(answer["leader"], answer["member"])
                self.assertEqual(answer["members"], [(answer["member"], "i", SUBSCRIPTION)])
                self.assertTrue(answer["skips"])

    def test_syncs(self):
        for form in self.each_version(SYNC):
            group = f"sync-{form.version}"
            answer = self.sync(form, group, 1, "nobody")
            self.assertEqual(answer, {"error": UNKNOWN_MEMBER, "type": None, "protocol": None,
                                      "assignment": b""})
            member = self.join(Form(JOIN, 3), group)["member"]
            self.assertEqual(self.sync(form, group, 9, member)["error"], ILLEGAL_GENERATION)
            answer = self.sync(form, group, 1, member, [(member, b"own")])
            told = form.version >= 5
            self.assertEqual(answer, {"error": 0, "type": "consumer" if told else None,
                                      "protocol": "range" if told else None, "assignment": b"own"})

    def test_heartbeats(self):
        member = self.member("heartbeat")
        for form in self.each_version(HEARTBEAT):
            self.assertEqual(self.heartbeat(form, "heartbeat", 1, member), 0)
            self.assertEqual(self.heartbeat(form, "heartbeat", 1, "nobody"), UNKNOWN_MEMBER)
            self.assertEqual(self.heartbeat(form, "heartbeat", 3, member), ILLEGAL_GENERATION)
            self.assertEqual(self.heartbeat(form, "", 1, member), INVALID_GROUP_ID)

    def test_leaving(self):
        for form in self.each_version(LEAVE):
            group = f"leave-{form.version}"
            member = self.member(group)
            if form.version < 3:
                self.assertEqual(self.leave(form, group, "nobody"), (UNKNOWN_MEMBER, None))
                self.assertEqual(self.leave(form, group, member), (0, None))
                continue
            self.assertEqual(self.leave(form, group, "nobody", member),
                             (0, [("nobody", None, UNKNOWN_MEMBER), (member, None, 0)]))
            self.assertEqual(self.leave(form, "gone", "x"), (0, [("x", None, UNKNOWN_MEMBER)]))
            self.assertEqual(self.leave(form, "", "x"), (INVALID_GROUP_ID, []))

    # ---- Offsets ----

    def test_commits(self):
        for form in self.each_version(COMMIT, first=1):
            group = f"commit-{form.version}"
            self.assertEqual(self.commit(form, group, offset=form.version), 0)
            self.assertEqual(self.commit(form, group, topic="none"), UNKNOWN_TOPIC)
            self.assertEqual(self.commit(form, group, partition=2), UNKNOWN_TOPIC)
            _, offsets = self.fetch(Form(FETCH, 5), group)
            epoch = 4 if form.version >= 6 else -1
            self.assertEqual(offsets["topic"][1], (form.version, epoch, "md", 0))
            self.assertEqual(self.commit(form, "new" + group, generation=3), ILLEGAL_GENERATION)
            self.assertEqual(self.commit(form, group, generation=3, member="x"), UNKNOWN_MEMBER)

    def test_an_empty_group_id_may_keep_offsets(self):
        self.assertEqual(self.commit(Form(COMMIT, 2), "", offset=5), 0)
        self.assertEqual(self.fetch(Form(FETCH, 5), "")[1]["topic"][1][0], 5)

    def test_offsets_are_fetched(self):
        self.assertEqual(self.commit(Form(COMMIT, 6), "fetch", offset=9), 0)
        for form in self.each_version(FETCH, first=1):
            epoch = 4 if form.version >= 5 else None
            unknown = -1 if form.version >= 5 else None
            error, offsets = self.fetch(form, "fetch")
            self.assertEqual(error, 0 if form.version >= 2 else None)
            self.assertEqual(offsets["topic"][1], (9, epoch, "md", 0))
            self.assertEqual(offsets["topic"][0], (-1, unknown, "", 0))
            _, offsets = self.fetch(form, "nobody's", (1,))
            self.assertEqual(offsets["topic"][1], (-1, unknown, "", 0))
            if form.version >= 2:
                self.assertEqual(self.fetch(form, "fetch", None),
                                 (0, {"topic": {1: (9, epoch, "md", 0)}}))
                self.assertEqual(self.fetch(form, "nobody's", None), (0, {}))

    def test_offsets_of_version_0_are_in_zookeeper(self):
        commit, fetch = Form(COMMIT, 0), Form(FETCH, 0)
        unknown = (-1, None, "", UNKNOWN_TOPIC)
        self.assertEqual(self.fetch(fetch, "zero"), (None, {"topic": {0: unknown, 1: unknown}}))
        client = KazooClient(hosts=self.cluster.zookeeper.connect)
        client.start()
        try:
            for offset in (6, 2 ** 62, -1):  # made, then changed
                self.assertEqual(self.commit(commit, "zero", offset=offset), 0)
                self.assertEqual(client.get("/consumers/zero/offsets/topic/1")[0],
                                 b"%d" % offset)
                self.assertEqual(self.fetch(fetch, "zero", (0, 1, 7)), (None, {"topic": {
                    0: unknown, 1: (offset, None, "", 0), 7: unknown}}))
            # Neither side sees what the other has.
            self.assertEqual(self.fetch(Form(FETCH, 1), "zero")[1]["topic"][1][0], -1)
            self.assertEqual(self.commit(Form(COMMIT, 2), "two"), 0)
            self.assertEqual(self.fetch(fetch, "two", (1,)), (None, {"topic": {1: unknown}}))
            # A group with a slash is two names; one that ZooKeeper cannot have is refused.
            self.assertEqual(self.commit(commit, "a/b"), 0)
            self.assertEqual(client.get("/consumers/a/b/offsets/topic/1")[0], b"7")
            for group in ("", "a/../b", "nul\0"):
                self.assertEqual(self.commit(commit, group), UNKNOWN_SERVER_ERROR)
                self.assertEqual(self.fetch(fetch, group, (1,)), (None, {"topic": {
                    1: (-1, None, "", UNKNOWN_SERVER_ERROR)}}))
            self.assertEqual(self.commit(commit, "zero", partition=2), UNKNOWN_TOPIC)
            self.assertEqual(self.commit(commit, "zero", metadata="x" * 4097), METADATA_TOO_LARGE)
            # What is no number is an error, and so is what a client finds there.
            client.set("/consumers/zero/offsets/topic/1", b"seven")
            self.assertEqual(self.fetch(fetch, "zero", (1,)), (None, {"topic": {
                1: (-1, None, "", UNKNOWN_SERVER_ERROR)}}))
        finally:
            client.stop()
            client.close()

    # ---- Administration ----

    def test_groups_are_described(self):
        member = self.member("describe", instance="i")
        self.commit(Form(COMMIT, 2), "simple")
        for form in self.each_version(DESCRIBE):
            error, state, kind, protocol, members, operations = self.describe(form, "describe")
            self.assertEqual((error, state, kind, protocol), (0, "Stable", "consumer", "range"))
            self.assertEqual(members, [(member, "i" if form.version >= 4 else None, "frames",
                                        "/127.0.0.1", SUBSCRIPTION, b"own")])
            if form.version >= 3:
                self.assertGreater(operations, 0)
            self.assertEqual(self.describe(form, "nobody's")[:5], (0, "Dead", "", "", []))
            self.assertEqual(self.describe(form, "simple")[:5], (0, "Empty", "", "", []))

    def test_groups_are_listed(self):
        self.member("list")
        self.commit(Form(COMMIT, 2), "list-simple")
        for form in self.each_version(LIST):
            error, groups = self.listed(form)
            state = "Stable" if form.version >= 4 else None
            kind = "classic" if form.version >= 5 else None
            self.assertEqual(error, 0)
            self.assertEqual(groups["list"], ("consumer", state, kind))
            self.assertEqual(groups["list-simple"][0], "")
            if form.version >= 4:
                _, groups = self.listed(form, states=["stable"])
                self.assertIn("list", groups)
                self.assertNotIn("list-simple", groups)
            if form.version >= 5:
                self.assertIn("list", self.listed(form, types=["Classic"])[1])
                self.assertEqual(self.listed(form, types=["consumer"])[1], {})

    def test_groups_are_deleted(self):
        self.member("delete")
        for form in self.each_version(DELETE):
            self.commit(Form(COMMIT, 2), "delete-me")
            self.assertEqual(self.delete(form, "delete-me", "delete", "nobody's"),
                             {"delete-me": 0, "delete": NON_EMPTY, "nobody's": GROUP_NOT_FOUND})


if __name__ == "__main__":
    unittest.main()
