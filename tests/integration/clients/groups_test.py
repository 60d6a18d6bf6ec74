"""Consumer groups with Debian's python3-kafka and kcat, unmodified."""
import collections
import struct
import subprocess
import threading
import time
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from broker_cluster import BrokerCluster, wait_until

PARTITIONS = 6


class Member(threading.Thread):
    """A consumer that polls on a thread of its own, and commits what it has seen."""

    def __init__(self, bootstrap, group, topic, **options):
        super().__init__(daemon=True)
        self.consumer = KafkaConsumer(
            topic, bootstrap_servers=bootstrap.split(","), group_id=group,
            auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=6000,
            heartbeat_interval_ms=500, max_poll_interval_ms=20000, **options)
        self.seen = []
        self.owned = set()
        self.stopping = threading.Event()
        self.crashing = False
        self.start()

    def run(self):
        while not self.stopping.is_set():
            for records in self.consumer.poll(timeout_ms=200).values():
                self.seen += [(record.partition, record.offset) for record in records]
            self.owned = {place.partition for place in self.consumer.assignment()}
            if self.owned:
                self.consumer.commit_async()
        if not self.crashing:
            self.consumer.commit()
            self.consumer.close(autocommit=False)

    def leave(self):
        self.stopping.set()
        self.join(30)


def owners(members):
    return sorted(partition for member in members for partition in member.owned)


class GroupsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={"group.initial.rebalance.delay.ms": 300,
                                                 "offsets.topic.num.partitions": 5})
        cls.enterClassContext(cls.cluster)

    def setUp(self):
        self.topic = "topic-" + self.id().split(".")[-1]
        self.group = "group-" + self.id().split(".")[-1]
        self.cluster.barnabas("topic", "create", self.topic, "--partitions", str(PARTITIONS))
        self.cluster.wait_until_in_sync(self.topic)

    def produce(self, count):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","), acks="all")
        for number in range(count):
            producer.send(self.topic, b"%d" % number, partition=number % PARTITIONS)
        producer.flush(60)
        producer.close()

    def committed(self):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id=self.group, enable_auto_commit=False)
        try:
            return {partition: consumer.committed(TopicPartition(self.topic, partition))
                    for partition in range(PARTITIONS)}
        finally:
            consumer.close(autocommit=False)

    def commit(self, offset, metadata=""):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id=self.group, enable_auto_commit=False)
        places = [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)]
        try:
            consumer.assign(places)
            consumer.commit({place: OffsetAndMetadata(offset, metadata) for place in places})
        finally:
            consumer.close(autocommit=False)

    def test_each_partition_has_one_owner_while_members_come_and_go(self):
        everything = list(range(PARTITIONS))
        self.produce(600)
        members = [Member(self.cluster.bootstrap, self.group, self.topic)]
        try:
            wait_until(lambda: owners(members) == everything, 30, "the first owns all")
            members.append(Member(self.cluster.bootstrap, self.group, self.topic))
            members.append(Member(self.cluster.bootstrap, self.group, self.topic))
            wait_until(lambda: owners(members) == everything and
                       all(len(member.owned) == 2 for member in members), 30,
                       "three share six partitions")
            gone = members.pop(0)
            gone.leave()
            wait_until(lambda: owners(members) == everything, 30, "two have all after a leave")
            wait_until(lambda: sum(len(member.seen) for member in members + [gone]) >= 600, 30,
                       "all records are consumed")
            self.produce(600)
            wait_until(lambda: sum(len(member.seen) for member in members + [gone]) >= 1200, 30,
                       "new records go to the owners")
        finally:
            for member in members:
                member.leave()
        counts = collections.Counter(place for member in members + [gone] for place in member.seen)
        self.assertEqual(len(counts), 1200)
        self.assertEqual(set(self.committed().values()), {200})

    def test_a_crashed_member_loses_its_partitions_when_its_session_ends(self):
        crashing = Member(self.cluster.bootstrap, self.group, self.topic)
        staying = Member(self.cluster.bootstrap, self.group, self.topic)
        try:
            wait_until(lambda: len(crashing.owned) == 3 and len(staying.owned) == 3, 30,
                       "both have three")
            crashing.crashing = True
            crashing.leave()
            # Heartbeats stop with the connections; no LeaveGroup is sent.
            crashing.consumer._coordinator._heartbeat_thread.disable()
            crashing.consumer._client.close()
            begun = time.monotonic()
            wait_until(lambda: len(staying.owned) == PARTITIONS, 30, "the other gets all")
            self.assertGreater(time.monotonic() - begun, 3)
        finally:
            staying.leave()

    def test_a_clean_hand_over_delivers_nothing_twice(self):
        seen = []
        for turn in range(1, 4):
            self.produce(60)
            member = Member(self.cluster.bootstrap, self.group, self.topic)
            wait_until(lambda: len(seen) + len(member.seen) >= 60 * turn, 30,
                       "the member has seen what is new")
            member.leave()
            seen += member.seen
        self.assertEqual(len(seen), 180)
        self.assertEqual(len(set(seen)), 180)

    def test_commits_survive_the_loss_of_each_coordinator(self):
        self.commit(1, "first")
        for offset, broker_id in enumerate(self.cluster.brokers, 2):
            self.cluster.kill(broker_id)
            wait_until(lambda: set(self.committed().values()) == {offset - 1}, 60,
                       f"offset {offset - 1} is known without broker {broker_id}")
            self.commit(offset)
            self.cluster.start_broker(broker_id)
            self.cluster.wait_until_whole()
            self.cluster.wait_until_in_sync("__consumer_offsets")
            self.assertEqual(set(self.committed().values()), {offset})

    def test_kcat_goes_on_where_it_stopped(self):
        self.produce(30)

        def consume(count):
            ran = subprocess.run(
                ["kcat", "-b", self.cluster.bootstrap, "-G", self.group, "-c", str(count), "-q",
                 "-X", "auto.offset.reset=earliest", self.topic],
                capture_output=True, timeout=60, check=True)
            return sorted(int(line) for line in ran.stdout.split())
        self.assertEqual(consume(30), list(range(30)))
        self.produce(12)
        self.assertEqual(consume(12), list(range(12)))

    def test_admins_see_and_delete_groups(self):
        admin = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        member = Member(self.cluster.bootstrap, self.group, self.topic, client_id="looker")
        try:
            wait_until(lambda: len(member.owned) == PARTITIONS, 30, "the member has all")
            self.assertIn((self.group, "consumer"), admin.list_consumer_groups())
            described = admin.describe_consumer_groups([self.group, "nobody"])
            by_id = {group.group: group for group in described}
            self.assertEqual(by_id["nobody"].state, "Dead")
            self.assertEqual(by_id[self.group].state, "Stable")
            self.assertEqual(by_id[self.group].protocol, "range")
            self.assertEqual(by_id[self.group].members[0].client_id, "looker")
            self.assertEqual(by_id[self.group].members[0].client_host, "/127.0.0.1")
            (_, error), = admin.delete_consumer_groups([self.group])
            self.assertEqual(error.errno, 68)
        finally:
            member.leave()
        wait_until(lambda: admin.describe_consumer_groups([self.group])[0].state == "Empty", 10,
                   "the group is empty")
        self.assertEqual(len(admin.list_consumer_group_offsets(self.group)), PARTITIONS)
        (_, error), = admin.delete_consumer_groups([self.group])
        self.assertEqual(error.errno, 0)
        (_, error), = admin.delete_consumer_groups([self.group])
        self.assertEqual(error.errno, 69)
        self.assertEqual(set(self.committed().values()), {None})
        admin.close()

    def test_offsets_go_with_their_topic(self):
        self.commit(7)
        admin = KafkaAdminClient(bootstrap_servers=self.cluster.bootstrap)
        self.assertEqual(len(admin.list_consumer_group_offsets(self.group)), PARTITIONS)
        self.cluster.barnabas("topic", "delete", self.topic)
        wait_until(lambda: not admin.list_consumer_group_offsets(self.group), 30,
                   "the offsets are gone")
        admin.close()

    def test_the_records_are_kafkas(self):
        self.commit(1234, "note")
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 auto_offset_reset="earliest", consumer_timeout_ms=20000,
                                 exclude_internal_topics=False)
        consumer.assign([TopicPartition("__consumer_offsets", number) for number in range(5)])

        def text(value):
            return struct.pack(">h", len(value)) + value.encode()
        key = struct.pack(">h", 1) + text(self.group) + text(self.topic) + struct.pack(">i", 5)
        value = next(record.value for record in consumer if record.key == key)
        consumer.close()
        self.assertEqual(value[:-8], struct.pack(">hqi", 3, 1234, -1) + text("note"))
        committed_ms, = struct.unpack(">q", value[-8:])
        self.assertLess(abs(committed_ms / 1000 - time.time()), 600)


if __name__ == "__main__":
    unittest.main()
