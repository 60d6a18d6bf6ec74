"""/groups: how far groups are behind, and what retention took from them."""
import json
import struct
import time
import unittest

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata

from broker_cluster import BrokerCluster, wait_until
from prometheus_text import Metrics
from wire_frames import Answer, array, ask, header, text

TOPIC = "orders"
GROUP = "billing"
DELETE_RECORDS = 21


class GroupProgressTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings={"barnabas.admin.listener": "127.0.0.1:0",
                                                  "barnabas.group.lag.interval.ms": 300,
                                                  "offsets.topic.num.partitions": 3})
        self.enterContext(self.cluster)
        self.cluster.create_topic(TOPIC, 2, retention_ms=3600000)
        self.cluster.wait_until_in_sync(TOPIC)

    def pages(self):
        return {broker_id: json.loads(broker.http("/groups")[1])
                for broker_id, broker in self.cluster.brokers.items() if broker.is_running()}

    def lag(self, partition=0):
        """The only row about the partition, or None."""
        rows = [row for page in self.pages().values() for row in page["lag"]
                if row["group"] == GROUP and row["partition"] == partition]
        self.assertLessEqual(len(rows), 1)
        return rows[0] if rows else None

    def lag_when(self, holds, what):
        """The row, as soon as that holds for it."""
        return wait_until(lambda: (row := self.lag()) and holds(row) and row, 20, what)

    def losses(self):
        return [(loss["group"], loss["topic"], loss["partition"], loss["firstLostOffset"],
                 loss["lastLostOffset"]) for page in self.pages().values() for loss in page["losses"]]

    def lost_offsets(self):
        """However many losses they are in."""
        return sorted({offset for *place, first, last in self.losses()
                       if place == [GROUP, TOPIC, 0] for offset in range(first, last + 1)})

    def produce(self, count, timestamp_ms=None):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","), acks="all",
                                 batch_size=0)
        for number in range(count):
            producer.send(TOPIC, b"%d" % number, partition=0, timestamp_ms=timestamp_ms)
        producer.flush(60)
        producer.close()

    def commit(self, offset):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id=GROUP, enable_auto_commit=False)
        consumer.commit({TopicPartition(TOPIC, 0): OffsetAndMetadata(offset, "")})
        consumer.close(autocommit=False)

    def delete_records_before(self, offset):
        def running():
            broker = self.cluster.brokers.get(self.cluster.partitions(TOPIC).get(0, {}).get("leader"))
            return broker and broker.is_running() and broker
        leader = wait_until(running, 30, "a leader")
        answer = Answer(ask(leader.port, header(DELETE_RECORDS, 1)
                            + array(text(TOPIC) + array(struct.pack(">iq", 0, offset)))
                            + struct.pack(">i", 10000)))
        answer.i32()
        told = answer.array(lambda: (answer.text(), answer.array(
            lambda: (answer.i32(), answer.i64(), answer.i16()))))
        return told == [(TOPIC, [(0, offset, 0)])]

    def test_lag_and_losses(self):
        self.produce(100, timestamp_ms=int(time.time() * 1000) - 600000)
        self.commit(10)
        row = self.lag_when(lambda row: row["secondsBehind"],
                            "the time of the first unread record is known")
        self.assertEqual((row["committedOffset"], row["logStartOffset"], row["logEndOffset"],
                          row["lagRecords"]), (10, 0, 100, 90))
        self.assertTrue(600 <= row["secondsBehind"] < 700, row)
        self.assertTrue(2900 < row["secondsToLoss"] <= 3000, row)
        self.assertIsNone(row["secondsToCatchUp"])

        samples = self.group_metrics()
        labels = f'{{consumergroup="{GROUP}",topic="{TOPIC}",partition="0"}}'
        self.assertIn(f"kafka_consumergroup_lag{labels} 90\n", samples)
        self.assertIn(f"kafka_consumergroup_current_offset{labels} 10\n", samples)
        self.assertRegex(samples, f"barnabas_group_lag_seconds{labels} 6[0-9][0-9]".replace("{", r"\{"))
        self.assertNotIn(f"barnabas_group_time_to_drain_seconds{labels}", samples)
        labels = f'{{consumergroup="{GROUP}",topic="{TOPIC}"}}'
        self.assertIn(f"kafka_consumergroup_lag_sum{labels} 90\n", samples)
        self.assertIn(f"kafka_consumergroup_current_offset_sum{labels} 10\n", samples)
        self.assertIn(f'kafka_consumergroup_members{{consumergroup="{GROUP}"}} 0\n', samples)
        self.assertIn(f"kafka_consumergroup_lag{labels[:-1]}", self.group_metrics(f"?topic={TOPIC}"))
        self.assertNotIn("kafka_consumergroup_lag{", self.group_metrics("?topic=another"))
        self.assertNotIn("{consumergroup=", self.cluster.brokers[1].http("/metrics")[1])

        # Everything is read: nothing is behind.
        self.commit(100)
        row = self.lag_when(lambda row: row["lagRecords"] == 0, "the group has caught up")
        self.assertEqual((row["secondsBehind"], row["secondsToCatchUp"], row["secondsToLoss"]),
                         (0, 0, None))

        # Back to an old offset, and the log is cut past it.
        self.commit(20)
        self.lag_when(lambda row: row["committedOffset"] == 20, "it is behind again")
        self.assertTrue(self.delete_records_before(50))
        row = self.lag_when(lambda row: row["lostRecords"], "the loss is told")
        self.assertEqual(row["lostRecords"], 30)
        self.assertEqual(self.losses(), [(GROUP, TOPIC, 0, 20, 49)])
        logged = [line for broker in self.cluster.brokers.values()
                  for line in broker.output().splitlines() if " group_records_lost " in line]
        self.assertEqual(len(logged), 1)
        self.assertIn("first_offset=20 last_offset=49", logged[0])
        self.check_losses_command()

        # The next coordinator tells it again, in one or, if it was there before the log was cut, in
        # two; and the command still shows one loss, now a longer one.
        self.cluster.kill(next(broker_id for broker_id, page in self.pages().items()
                               if page["losses"]))
        wait_until(lambda: self.delete_records_before(60), 30, "another leader cuts the log")
        wait_until(lambda: self.lost_offsets() == list(range(20, 60)), 60, "the loss has grown")
        self.check_losses_command(last=59)
        self.assertIn(f" {GROUP}  {TOPIC} ", self.cluster.barnabas("group", "losses").decode())

    def losses_told(self, *arguments):
        told = json.loads(self.cluster.barnabas("--output", "json", "group", "losses", *arguments))
        return [(item["groupId"], item["topic"], item["partition"], item["firstLostOffset"],
                 item["lastLostOffset"], item["records"]) for item in told["items"]]

    def check_losses_command(self, last=49):
        """Any broker gives all losses, also without the admin listener."""
        row = (GROUP, TOPIC, 0, 20, last, last - 19)
        wait_until(lambda: self.losses_told() == [row], 20, "the command tells the loss")
        self.assertEqual(self.losses_told(GROUP, "--since", "-1h"), [row])
        self.assertEqual(self.losses_told("another"), [])
        self.assertEqual(self.losses_told("--since", "end"), [])

    def group_metrics(self, query=""):
        return "".join(broker.http("/metrics/groups" + query)[1]
                       for broker in self.cluster.brokers.values() if broker.is_running())

    def census(self):
        """The states that there are, by how many groups are in them, and the other counts."""
        name = "kafka_coordinator_group_groupmetadatamanager_"
        pages = [Metrics(broker.http("/metrics")[1]) for broker in self.cluster.brokers.values()
                 if broker.is_running()]
        counts = {key: sum(page.value(name + key) for page in pages)
                  for key in ("numgroups", "numgroupsempty", "numgroupspreparingrebalance",
                              "numgroupscompletingrebalance", "numgroupsstable", "numgroupsdead",
                              "numoffsets")}
        return {key: count for key, count in counts.items() if count > 0}

    def rebalances(self, group):
        """How often, by reason."""
        pages = [Metrics(broker.http("/metrics/groups")[1])
                 for broker in self.cluster.brokers.values() if broker.is_running()]
        return {labels["reason"]: count for page in pages for labels, count in
                page.series("barnabas_group_rebalances_total", group=group)}

    def test_states_are_counted(self):
        self.assertEqual(self.census(), {})
        self.commit(10)
        self.assertEqual(self.census(), {"numgroups": 1, "numgroupsempty": 1, "numoffsets": 1})
        consumer = KafkaConsumer(TOPIC, bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id="readers")
        wait_until(lambda: consumer.poll(100) is not None and consumer.assignment(), 30,
                   "the consumer has joined")
        # It commits both of its partitions when it leaves.
        self.assertEqual(self.census(), {"numgroups": 2, "numgroupsempty": 1, "numgroupsstable": 1,
                                         "numoffsets": 1})
        consumer.close()
        wait_until(lambda: self.census() == {"numgroups": 2, "numgroupsempty": 2, "numoffsets": 3},
                   20, "the group is empty")
        # The rebalance that its first member began; that it left an empty group behind is another.
        wait_until(lambda: self.rebalances("readers") == {"joined": 1, "left": 1}, 20,
                   "why the group rebalanced")
        self.assertEqual(self.rebalances(GROUP), {})
        # Another coordinator counts what it loads; the one that was told of is gone.
        self.cluster.kill(next(broker_id for broker_id, page in self.pages().items() if page["lag"]))
        wait_until(lambda: self.census() == {"numgroups": 2, "numgroupsempty": 2, "numoffsets": 3},
                   60, "the groups have moved")
        self.cluster.barnabas("group", "delete", GROUP, "readers")
        wait_until(lambda: self.census() == {}, 20, "they are gone")

    def test_nothing_lost(self):
        self.assertEqual(self.losses_told(), [])

    def test_another_coordinator_goes_on(self):
        self.produce(10)
        self.commit(4)
        wait_until(lambda: self.lag(), 20, "the group's lag is known")
        coordinator = next(broker_id for broker_id, page in self.pages().items() if page["lag"])
        self.cluster.kill(coordinator)
        row = wait_until(lambda: self.lag(), 60, "the next coordinator knows it too")
        self.assertEqual(row["lagRecords"], 6)


if __name__ == "__main__":
    unittest.main()
