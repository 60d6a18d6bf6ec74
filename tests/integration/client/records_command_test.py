"""barnabas records delete: what it tells beforehand, what it asks, what it does. With
BARNABAS_DAEMON the same holds of Apache Kafka's brokers."""
import json
import subprocess
import time
import unittest

from broker_cluster import COMMAND, BrokerCluster
from terminal import answer

USAGE, PARTLY_FAILED, REFUSED, CANCELLED = 2, 3, 4, 8
SETTINGS = {"group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 2}


class RecordsCommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2, settings=SETTINGS)
        cls.enterClassContext(cls.cluster)

    def run_with(self, *arguments):
        return subprocess.run([COMMAND, "-b", self.cluster.bootstrap, *arguments], text=True,
                              capture_output=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL)

    def delete(self, *arguments, status=0):
        """The document that `records delete` prints, with --yes."""
        ran = self.run_with("--yes", "-o", "json", "records", "delete", *arguments)
        self.assertEqual(ran.returncode, status, ran.stderr)
        told = json.loads(ran.stdout)
        self.assertEqual((told["kind"], told["status"]), ("RecordDeletion", status))
        return told["items"]

    def answer(self, typed, *arguments):
        return answer([COMMAND, "-b", self.cluster.bootstrap, *arguments], typed)

    def produce(self, topic, partition, count):
        self.cluster.barnabas("produce", topic, "-", "-p", str(partition),
                              stdin="".join(f"{i}\n" for i in range(count)).encode())

    def values(self, topic, partition):
        return [int(value) for value in self.cluster.barnabas(
            "consume", topic, "-p", str(partition), "-e").decode().split()]

    def test_what_is_told_beforehand_comes_true(self):
        self.cluster.create_topic("orders", 2, 2)
        for partition in range(2):
            self.produce("orders", partition, 100)
        self.cluster.barnabas("group", "reset-offsets", "slow", "--topic", "orders:0", "--to", "30")
        self.cluster.barnabas("group", "reset-offsets", "fast", "--topic", "orders:0", "--to", "60")
        for _ in range(2):  # the second time after a dry run, which has changed nothing
            told = self.delete("orders:0", "--before", "40", "--dry-run")
            self.assertEqual(told, [{
                "topic": "orders", "partitionIndex": 0, "logStartOffset": 0, "logEndOffset": 100,
                "logStartOffsetThen": 40, "recordsGone": 40,
                "groups": [{"groupId": "slow", "unread": 10}]}])
        ran = self.run_with("records", "delete", "orders:0", "--before", "40")
        self.assertEqual(ran.returncode, REFUSED)
        self.assertIn("group slow has not read 10 of orders:0", ran.stdout)
        self.assertEqual(self.run_with("-o", "json", "records", "delete", "orders:0", "--before",
                                       "40").returncode, REFUSED)
        self.assertEqual(self.answer("y", "records", "delete", "orders:0", "--before", "40")[0],
                         CANCELLED)
        self.assertEqual(self.values("orders", 0), list(range(100)))
        status, seen = self.answer("orders", "records", "delete", "orders:0", "--before", "40")
        self.assertEqual(status, 0, seen)
        self.assertIn("orders:0 begins at offset 40", seen)
        self.assertEqual(self.values("orders", 0), list(range(40, 100)))
        self.assertEqual(self.values("orders", 1), list(range(100)))
        # What is gone already is no failure, and all partitions of the topic are meant.
        self.assertEqual([item["logStartOffset"] for item in
                          self.delete("orders", "--before", "10")], [40, 10])
        self.assertEqual([item["logStartOffset"] for item in
                          self.delete("orders", "--before", "end")], [100, 100])
        self.assertEqual(self.values("orders", 1), [])

    def test_by_time_and_by_plan(self):
        self.cluster.create_topic("timed", 1, 2)
        self.produce("timed", 0, 10)
        time.sleep(0.05)
        between = int(time.time() * 1000)
        time.sleep(0.05)
        self.produce("timed", 0, 5)
        self.assertEqual(self.delete("timed", "--before", f"@{between}"), [
            {"topic": "timed", "partitionIndex": 0, "error": "NONE", "logStartOffset": 10}])
        self.assertEqual(self.values("timed", 0), list(range(5)))
        plan = self.cluster.folder / "plan.json"
        plan.write_text('{"partitions":[{"topic":"timed","partition":0,"offset":12}],"version":1}')
        self.delete("--plan", str(plan))
        self.assertEqual(self.values("timed", 0), [2, 3, 4])

    def test_what_cannot_be_done_is_told(self):
        self.cluster.create_topic("short", 1, 2)
        self.cluster.create_topic("compact", 1, 2, cleanup_policy="compact")
        self.cluster.barnabas("produce", "short", "-", stdin=b"a\n")
        self.cluster.barnabas("produce", "compact", "-", "-k", ":", stdin=b"a:b\n")
        failed = self.delete("short", "--before", "2", status=1)
        self.assertEqual(failed[0]["error"], "OFFSET_OUT_OF_RANGE")
        failed = self.delete("short", "compact", "--before", "1", status=PARTLY_FAILED)
        self.assertEqual([item["error"] for item in failed], ["NONE", "POLICY_VIOLATION"])
        self.assertEqual(self.run_with("--yes", "records", "delete", "none", "--before",
                                       "1").returncode, 1)
        for arguments in ((), ("short",), ("--before", "1"), ("short", "--before", "beginning"),
                          ("short", "--before", "x"), ("short", "--plan", "/dev/null"),
                          ("--plan", "/dev/null")):
            self.assertEqual(self.run_with("--yes", "records", "delete", *arguments).returncode,
                             USAGE, arguments)


if __name__ == "__main__":
    unittest.main()
