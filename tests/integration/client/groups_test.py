"""Consumers of libbarnabas as members of groups, with three brokers."""
import unittest

from kafka import KafkaConsumer

from broker_cluster import BrokerCluster, wait_until
from client.consumer_driver import Member

SETTINGS = {"group.initial.rebalance.delay.ms": 200, "group.min.session.timeout.ms": 1000,
            "offsets.topic.num.partitions": 5, "auto.create.topics.enable": "false"}


class GroupsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings=SETTINGS)
        cls.enterClassContext(cls.cluster)
        cls.names = 0

    def setUp(self):
        type(self).names += 1
        self.topic = f"t{self.names}"
        self.group = f"g{self.names}"
        self.members = []

    def tearDown(self):
        for member in self.members:
            member.end()

    def member(self, subscribe=True, **settings):
        member = Member(self.cluster.bootstrap, self.group, **settings)
        self.members.append(member)
        if subscribe:
            member.tell(f"subscribe {self.topic}")
        return member

    def create(self, partitions, name=None):
        self.cluster.barnabas("topic", "create", name or self.topic, "--partitions",
                              str(partitions), "--replication-factor", "3")
        return {(name or self.topic, index) for index in range(partitions)}

    def produce(self, count, first=0, topic=None, partition=None):
        values = [f"v{first + i}" for i in range(count)]
        where = [] if partition is None else ["--partition", str(partition)]
        self.cluster.barnabas("produce", topic or self.topic, "-", *where,
                              stdin="".join(value + "\n" for value in values).encode())
        return set(values)

    def wait_shared(self, members, everything):
        """All partitions have an owner, each one, and all members some."""
        def shared():
            owned = [member.owned for member in members]
            return (all(owned) and set().union(*owned) == everything and
                    sum(len(part) for part in owned) == len(everything))
        try:
            wait_until(shared, 60, "each partition has one owner")
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n---\n".join(
                member.report() for member in members)) from None

    @staticmethod
    def values(*members):
        return [message[3] for member in members for message in member.messages]

    def hand_over(self, strategy):
        everything = self.create(6)
        sent = self.produce(1000)
        settings = {"partition.assignment.strategy": strategy}
        first = self.member(**settings)
        first.wait_for(lambda: first.owned == everything, "all partitions")
        first.wait_for(lambda: len(first.messages) == 1000, "all records")
        second = self.member(**settings)
        self.wait_shared([first, second], everything)
        sent |= self.produce(1000, 1000)
        wait_until(lambda: len(self.values(first, second)) >= 2000, 60, "the second thousand")
        first.close()
        second.wait_for(lambda: second.owned == everything, "all partitions")
        sent |= self.produce(1000, 2000)
        second.wait_for(lambda: len(self.values(first, second)) >= 3000, "the third thousand")
        # What one member had committed is not delivered again by the other.
        self.assertEqual(sorted(self.values(first, second)), sorted(sent))
        second.close()
        return first, second

    def test_range_hands_over_cleanly(self):
        first, _ = self.hand_over("range")
        self.assertGreaterEqual(first.count("revoked"), 1)

    def test_roundrobin_hands_over_cleanly(self):
        self.hand_over("roundrobin")

    def test_sticky_hands_over_cleanly(self):
        self.hand_over("sticky")

    def test_cooperative_sticky_hands_over_cleanly_and_takes_only_what_it_must(self):
        first, second = self.hand_over("cooperative-sticky")
        revoked = [line for line in first.lines if line.startswith("revoked")]
        # Once for the second member, three of six; and all in the end.
        self.assertEqual([len(line.split(" ")) - 1 for line in revoked], [3, 3])
        self.assertEqual(second.count("lost"), 0)

    def test_what_a_killed_member_had_goes_to_the_others_from_where_it_committed(self):
        everything = self.create(4)
        settings = {"session.timeout.ms": 3000, "enable.auto.commit": "false"}
        first, second = self.member(**settings), self.member(**settings)
        self.wait_shared([first, second], everything)
        sent = self.produce(100)
        wait_until(lambda: len(self.values(first, second)) == 100, 60, "all records")
        self.assertEqual(first.ask("commit"), "commit NONE")
        self.assertEqual(second.ask("commit"), "commit NONE")
        # To one that the first owns: the second would read its own again, too, as they are revoked.
        more = self.produce(100, 100, partition=min(partition for _, partition in first.owned))
        wait_until(lambda: len(self.values(first, second)) == 200, 60, "more records")
        first.kill()
        second.wait_for(lambda: second.owned == everything, "all partitions")
        # What was not committed comes again, and only that.
        second.wait_for(lambda: more <= set(self.values(second)), "what was not committed")
        self.assertEqual(sorted(self.values(first, second)), sorted([*sent, *more, *more]))

    def test_a_static_member_comes_back_without_a_rebalance(self):
        everything = self.create(4)
        first = self.member(**{"group.instance.id": "a"})
        second = self.member(**{"group.instance.id": "b"})
        self.wait_shared([first, second], everything)
        had, seen = first.owned, second.count("assigned")
        first.close()
        again = self.member(**{"group.instance.id": "a"})
        again.wait_for(lambda: again.owned == had, "the same partitions")
        self.assertEqual(second.count("assigned"), seen)
        # A second one of the same name takes its place; the first is fenced.
        thief = self.member(**{"group.instance.id": "a"})
        thief.wait_for(lambda: thief.owned == had, "the same partitions")
        again.wait_for(lambda: again.count("failed") > 0, "it is fenced")
        self.assertIn("failed FENCED_INSTANCE_ID", again.lines)

    def test_a_pattern_follows_topics_that_come(self):
        one = self.create(2, f"{self.topic}-a")
        member = self.member(subscribe=False)
        member.tell(f"pattern {self.topic}-.*")
        member.wait_for(lambda: member.owned == one, "the topic that matches")
        two = self.create(3, f"{self.topic}-b")
        self.create(1, f"x{self.topic}-c")
        member.wait_for(lambda: member.owned == one | two, "both topics")
        self.produce(10, topic=f"{self.topic}-b")
        member.wait_for(lambda: len(member.messages) == 10, "records of the new topic")

    def test_new_partitions_are_shared_out(self):
        everything = self.create(1)
        member = self.member()
        member.wait_for(lambda: member.owned == everything, "its partition")
        self.cluster.barnabas("topic", "alter", self.topic, "--partitions", "3", "--yes")
        everything = {(self.topic, index) for index in range(3)}
        member.wait_for(lambda: member.owned == everything, "all three")

    def test_who_does_not_poll_in_time_loses_its_partitions_and_comes_back(self):
        everything = self.create(2)
        slow = self.member(**{"max.poll.interval.ms": 2000})
        slow.wait_for(lambda: slow.owned == everything, "all partitions")
        other = self.member()
        self.wait_shared([slow, other], everything)
        lost = slow.count("lost")  # on a busy machine it may have been slow before
        slow.tell("stall 8000")
        other.wait_for(lambda: other.owned == everything, "what the slow one had")
        slow.wait_for(lambda: slow.count("lost") > lost, "it is told")
        self.wait_shared([slow, other], everything)

    def test_commits_survive_the_coordinator(self):
        everything = self.create(3)
        sent = self.produce(300)
        member = self.member(**{"enable.auto.commit": "false"})
        member.wait_for(lambda: len(member.messages) == 300, "all records")
        self.assertEqual(member.ask("commit"), "commit NONE")
        for broker in (1, 2, 3):
            self.cluster.kill(broker)
            sent |= self.produce(100, 300 * broker)
            member.wait_for(lambda: set(self.values(member)) == sent, f"records without {broker}")
            self.assertTrue(member.ask("commit").startswith("commit"))
            self.cluster.start_broker(broker)
            self.cluster.wait_until_in_sync(self.topic)
            self.cluster.wait_until_in_sync("__consumer_offsets")
        member.wait_for(lambda: member.ask("commit") == "commit NONE", "a commit")
        self.assertEqual(member.count("lost"), 0)
        member.close()
        heir = self.member()
        heir.wait_for(lambda: heir.owned == everything, "all partitions")
        last = self.produce(10, 5000)
        heir.wait_for(lambda: len(heir.messages) >= 10, "new records")
        self.assertEqual(set(self.values(heir)), last)

    def test_positions_can_be_asked_and_moved(self):
        self.create(1)
        self.produce(100)
        member = self.member(**{"enable.auto.commit": "false", "auto.offset.reset": "latest"})
        member.wait_for(lambda: member.owned, "its partition")
        self.assertEqual(member.ask(f"committed {self.topic} 0"),
                         f"committed NONE {self.topic} 0 -1")
        self.assertEqual(member.ask(f"seek {self.topic} 0 90"), "seek NONE")
        member.wait_for(lambda: len(member.messages) == 10, "the last ten")
        self.assertEqual(member.ask("async").split(" ")[0:2], ["async", "NONE"])
        member.wait_for(lambda: f"async NONE {self.topic}:0=100" in member.lines, "the callback")
        self.assertEqual(member.ask(f"committed {self.topic} 0"),
                         f"committed NONE {self.topic} 0 100")
        self.assertEqual(member.ask(f"pause {self.topic} 0"), "pause NONE")
        self.assertEqual(member.ask(f"time {self.topic} 0 0"), "time NONE")
        self.assertEqual(member.ask(f"seek {self.topic} 7 0"), "seek INVALID_REQUEST")
        self.assertEqual(len(member.messages), 10)
        self.assertEqual(member.ask(f"resume {self.topic} 0"), "resume NONE")
        member.wait_for(lambda: len(member.messages) == 110, "all from the beginning")
        self.assertEqual(member.ask("unsubscribe"), "unsubscribe NONE")
        self.assertEqual(member.ask("assignment"), "assignment")

    def test_an_interceptor_sees_every_commit(self):
        def seen(member):
            return [line for line in member.lines if line.startswith("seen")]

        self.create(1)
        self.produce(10)
        settings = {"enable.auto.commit": "false"}
        member = self.member(**settings)
        member.wait_for(lambda: len(member.messages) == 10, "all records")
        self.assertEqual(seen(member), [])
        self.assertEqual(member.ask("commit"), "commit NONE")
        self.produce(5)
        member.wait_for(lambda: len(member.messages) == 15, "all records")
        self.assertEqual(member.ask("async"), "async NONE")
        member.wait_for(lambda: member.count("async") == 2, "the callback")
        # Each before those who committed are told.
        told = [line for line in member.lines if line.split(" ")[0] in ("seen", "commit", "async")]
        self.assertEqual(told, [f"seen NONE {self.topic}:0=10", "commit NONE", "async NONE",
                                f"seen NONE {self.topic}:0=15", f"async NONE {self.topic}:0=15"])
        member.close()
        self.members.clear()
        # What is committed automatically, in time and before partitions are given up.
        member = self.member(**{"auto.commit.interval.ms": 100})
        member.wait_for(lambda: member.owned, "its partition")
        self.produce(5)
        member.wait_for(lambda: seen(member) == [f"seen NONE {self.topic}:0=20"], "a commit")
        member.close()
        self.members.clear()
        member = self.member(**{"auto.commit.interval.ms": 100000})
        member.wait_for(lambda: member.owned, "its partition")
        self.produce(5)
        member.wait_for(lambda: len(member.messages) == 5, "all records")
        self.assertEqual(seen(member), [])
        member.close()
        self.assertEqual(seen(member), [f"seen NONE {self.topic}:0=25"])
        self.members.clear()

    def test_a_group_with_another_client(self):
        everything = self.create(4)
        ours = self.member(**{"partition.assignment.strategy": "range"})
        ours.wait_for(lambda: ours.owned == everything, "all partitions")
        theirs = KafkaConsumer(self.topic, bootstrap_servers=self.cluster.bootstrap.split(","),
                               group_id=self.group, auto_offset_reset="earliest")
        try:
            def shared():
                theirs.poll(timeout_ms=100)
                other = {(item.topic, item.partition) for item in theirs.assignment()}
                return len(ours.owned) == 2 and ours.owned | other == everything
            ours.wait_for(shared, "half each")
            self.produce(100)
            got = []

            def all_come():
                for records in theirs.poll(timeout_ms=100).values():
                    got.extend(record.value.decode() for record in records)
                return len(got) + len(ours.messages) == 100
            ours.wait_for(all_come, "all records")
        finally:
            theirs.close()
        ours.wait_for(lambda: ours.owned == everything, "all partitions")


if __name__ == "__main__":
    unittest.main()
