"""barnabas group and barnabas consume --group, with a cluster of two brokers."""
from concurrent.futures import ThreadPoolExecutor
import json
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
from client.consumer_driver import Member

SETTINGS = {"group.initial.rebalance.delay.ms": 100, "group.min.session.timeout.ms": 1000,
            "offsets.topic.num.partitions": 3}
REFUSED = 4


class GroupCommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2, settings=SETTINGS)
        cls.enterClassContext(cls.cluster)
        cls.names = 0

    def setUp(self):
        type(self).names += 1
        self.topic, self.group = f"t{self.names}", f"g{self.names}"
        self.cluster.create_topic(self.topic, 2, 2)

    def run_json(self, *arguments):
        return json.loads(self.cluster.barnabas("--output", "json", *arguments))

    def fails(self, *arguments):
        with self.assertRaises(AssertionError) as raised:
            self.cluster.barnabas(*arguments)
        return str(raised.exception)

    def produce(self, partition, count, first=0):
        self.cluster.barnabas("produce", self.topic, "-", "--partition", str(partition),
                              stdin="".join(f"{first + i}\n" for i in range(count)).encode())

    def consume(self, *arguments):
        out = self.cluster.barnabas("consume", self.topic, "--group", self.group, *arguments)
        return sorted(int(line) for line in out.decode().split())

    def lag(self):
        return {(item["topic"], item["partition"]): (item["committedOffset"], item["lag"])
                for item in self.run_json("group", "lag", self.group)["items"]}

    def reset(self, *arguments):
        told = self.run_json("group", "reset-offsets", self.group, *arguments)
        return {item["partition"]: item["newOffset"] for item in told["items"]}

    def test_a_group_goes_on_where_it_left_off(self):
        self.produce(0, 10)
        self.produce(1, 10, 10)
        self.assertEqual(self.consume("--exit-at-end"), list(range(20)))
        self.produce(0, 5, 20)
        self.assertEqual(self.lag(), {(self.topic, 0): (10, 5), (self.topic, 1): (10, 0)})
        # What is not printed is not committed.
        self.assertEqual(len(self.consume("--count", "2")), 2)
        self.assertEqual(self.lag()[self.topic, 0], (12, 3))
        self.assertEqual(self.consume("--exit-at-end"), [22, 23, 24])
        self.assertEqual(self.consume("--exit-at-end"), [])

    def test_members_are_shown_and_a_living_group_is_left_alone(self):
        member = Member(self.cluster.bootstrap, self.group, **{"group.instance.id": "one",
                                                               "client.id": "reader"})
        try:
            member.tell(f"subscribe {self.topic}")
            member.wait_for(lambda: len(member.owned) == 2, "both partitions")
            told = self.run_json("group", "describe", self.group)
            self.assertEqual((told["state"], told["assignor"]), ("Stable", "range"))
            self.assertEqual(told["members"][0]["groupInstanceId"], "one")
            self.assertEqual(told["members"][0]["clientId"], "reader")
            self.assertEqual(told["members"][0]["partitions"],
                             [{"topic": self.topic, "partition": 0},
                              {"topic": self.topic, "partition": 1}])
            self.assertIn(f"{self.topic}:0,1", self.cluster.barnabas(
                "group", "describe", self.group).decode())
            listed = {item["groupId"]: item for item in self.run_json("group", "list")["items"]}
            self.assertEqual(listed[self.group]["state"], "Stable")
            self.assertIn(f"status {REFUSED}", self.fails(
                "group", "reset-offsets", self.group, "--topic", self.topic, "--to", "earliest"))
            self.assertIn("NON_EMPTY_GROUP", self.fails("group", "delete", self.group))
        finally:
            member.end()

    def test_offsets_are_reset_in_every_way(self):
        self.produce(0, 100)
        self.produce(1, 50)
        self.assertEqual(self.reset("--topic", self.topic, "--to", "latest"), {0: 100, 1: 50})
        self.assertEqual(self.reset("--to", "earliest", "--dry-run"), {0: 0, 1: 0})
        self.assertEqual(self.lag()[self.topic, 0], (100, 0))
        self.assertEqual(self.reset("--to", "70"), {0: 70, 1: 50})
        self.assertEqual(self.reset("--shift", "-60"), {0: 10, 1: 0})
        self.assertEqual(self.reset("--shift", "5", "--topic", f"{self.topic}:0"), {0: 15})
        path = self.cluster.folder / "offsets.csv"
        path.write_text(f"{self.topic},0,33\n{self.topic},1,7\n")
        self.assertEqual(self.reset("--from-file", str(path)), {0: 33, 1: 7})
        self.assertEqual(self.lag(), {(self.topic, 0): (33, 67), (self.topic, 1): (7, 43)})
        self.assertEqual(self.reset("--to", "-1h"), {0: 0, 1: 0})
        self.fails("group", "reset-offsets", self.group)
        self.fails("group", "reset-offsets", self.group, "--to", "x")
        told = self.run_json("group", "delete", self.group, "--dry-run")
        self.assertEqual(told["items"], [{"groupId": self.group, "state": "Empty", "members": 0,
                                          "committedOffsets": 2}])
        self.assertRegex(self.cluster.barnabas("group", "delete", self.group, "-n").decode(),
                         rf"{self.group} +Empty +0 +2\n")
        self.assertEqual(len(self.lag()), 2)
        self.cluster.barnabas("group", "delete", self.group)
        self.assertIn("GROUP_ID_NOT_FOUND", self.fails("group", "delete", self.group, "-n"))
        self.assertIn("GROUP_ID_NOT_FOUND", self.fails("group", "lag", self.group))

    def test_lag_in_seconds(self):
        self.cluster.barnabas("config", "alter", "topic", self.topic, "--config",
                              "retention.ms=3600000")
        self.produce(0, 20)
        self.produce(1, 5)
        self.cluster.barnabas("group", "reset-offsets", self.group, "--topic", self.topic, "--to",
                              "latest")
        self.produce(0, 10, 20)
        self.cluster.barnabas("group", "reset-offsets", self.group, "--topic", f"{self.topic}:0",
                              "--to", "7")
        told = {item["partition"]: item
                for item in self.run_json("group", "lag", self.group)["items"]}
        self.assertEqual(told[0]["lag"], 23)
        self.assertTrue(0 < told[0]["secondsBehind"] < 60, told)
        self.assertAlmostEqual(told[0]["secondsToLoss"] + told[0]["secondsBehind"], 3600, places=2)
        self.assertIsNone(told[0]["secondsToCatchUp"])
        self.assertEqual((told[1]["lag"], told[1]["secondsBehind"], told[1]["secondsToCatchUp"],
                          told[1]["secondsToLoss"]), (0, 0, 0, None))
        self.assertRegex(self.cluster.barnabas("group", "lag", self.group).decode(),
                         rf"{self.topic} +0 +7 +30 +23 +[0-9.]+s +- +59m[0-9]+s +- +-\n")

        # While the group reads, a second look tells when it will have read all.
        self.produce(0, 3000, 30)
        with ThreadPoolExecutor() as pool:
            looks = pool.submit(self.run_json, "group", "lag", self.group, "--rate", "1")
            offset = 7
            while not looks.done():
                offset += 1
                self.reset("--topic", f"{self.topic}:0", "--to", str(offset))
        told = looks.result()["items"][0]
        self.assertLess(told["lag"], 3023)
        self.assertGreater(told["secondsToCatchUp"], 0)

        # Three times what is there may be there: by size it is lost before it is by age, in about
        # twice the time that it took to come.
        folder = self.cluster.folder / "broker-1" / "data" / f"{self.topic}-0"
        size = sum(path.stat().st_size for path in folder.glob("*.log"))
        self.assertGreater(size, 3000)
        self.cluster.barnabas("config", "alter", "topic", self.topic, "--config",
                              f"retention.bytes={3 * size}")
        self.reset("--topic", f"{self.topic}:0", "--to", "earliest")
        told = self.run_json("group", "lag", self.group)["items"][0]
        self.assertAlmostEqual(told["secondsToLoss"] / told["secondsBehind"], 2, delta=0.1)

    def test_a_time_is_exact_to_the_millisecond(self):
        stamps = []
        for i in range(5):
            self.produce(0, 1, i)
            out = self.cluster.barnabas("consume", self.topic, "--partition", "0", "--from",
                                        str(i), "--count", "1", "--format", "%T\\n")
            stamps.append(int(out))
            wait_until(lambda: time.time() * 1000 > stamps[-1] + 1, 10, "the next millisecond")
        for i, stamp in enumerate(stamps):
            self.assertEqual(self.reset("--topic", f"{self.topic}:0", "--to", f"@{stamp}"), {0: i})
            self.assertEqual(self.reset("--topic", f"{self.topic}:0", "--to", f"@{stamp + 1}"),
                             {0: i + 1})


if __name__ == "__main__":
    unittest.main()
