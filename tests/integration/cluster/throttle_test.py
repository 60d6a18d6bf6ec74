"""A reassignment with a throttle moves at that rate, and nothing is throttled afterwards."""
import json
import re
import subprocess
import time
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until

RATE = 4 << 20
BYTES = 56 << 20
RECORD = b"x" * (64 << 10)


class ThrottleTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3)
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("orders", 2, 1)
        # Not with python3-kafka, which takes 10 to 40 ms for the CRC of such a record.
        for partition in range(2):
            subprocess.run(["kcat", "-b", cls.cluster.bootstrap, "-t", "orders", "-p",
                            str(partition), "-P", "-X", "acks=all"], check=True,
                           input=(RECORD + b"\n") * (BYTES // len(RECORD) // 2))
        cls.zookeeper = KazooClient(hosts=cls.cluster.zookeeper.connect)
        cls.zookeeper.start()

    @classmethod
    def tearDownClass(cls):
        cls.zookeeper.stop()

    def leaders(self):
        return {told["leader"] for told in self.cluster.partitions("orders").values()}

    def other(self):
        return next(broker for broker in self.cluster.brokers if broker not in self.leaders())

    def settings(self):
        """What is set of throttles, in ZooKeeper."""
        nodes = [f"/config/brokers/{broker}" for broker in self.cluster.brokers]
        return [data for data in (self.zookeeper.get(node)[0] for node in nodes
                                  + ["/config/topics/orders"] if self.zookeeper.exists(node))
                if b"throttled" in data]

    def move(self, to, *more):
        begun = time.monotonic()
        self.output = self.cluster.barnabas("partition", "reassign", "orders", "--to", str(to),
                                            *more).decode()
        return time.monotonic() - begun

    def check_progress(self, bytes_wanted, rate):
        """What it said grows to the whole, at a rate and with a time left that come true."""
        told = re.findall(r"(?m)under way: ([\d.]+) (\w+) of ([\d.]+ \w+) copied, ([\d.]+) (\w+)"
                          r" left, ([\d.]+) (\w+)/s, (?:(\d+) s|nobody)", self.output)
        units = {"B": 1, "kB": 1e3, "MB": 1e6}
        copied = [float(number) * units[unit] for number, unit, *_ in told]
        self.assertGreater(len(told), 5, self.output)
        self.assertEqual(copied, sorted(copied))
        self.assertLess(copied[0], bytes_wanted / 2)
        self.assertGreater(copied[-1], bytes_wanted / 2)
        middle = told[len(told) // 2]
        self.assertAlmostEqual(float(middle[5]) * units[middle[6]] / rate, 1, delta=0.35)
        self.assertTrue(middle[7], "it says how long")

    def test_data_moves_at_the_rate_of_the_throttle(self):
        # Both partitions on one broker, first without.
        target = self.other()
        took = self.move(target, "--wait")
        self.assertLess(took, BYTES / RATE / 2)
        self.assertEqual(self.leaders(), {target})
        target = self.other()
        took = self.move(target, "--wait", "--throttle", str(RATE), "--timeout", "120")
        rate = BYTES / took
        print(f"throttled to {RATE}: {rate:.0f} bytes/s, {100 * rate / RATE:.0f} %")
        self.assertLess(rate, RATE * 1.1)
        # Not held up for longer than the throttle wants; the rest is the machine's.
        self.assertGreater(rate, RATE * 0.5)
        self.assertEqual(self.leaders(), {target})
        self.assertEqual(self.settings(), [])
        self.check_progress(BYTES, RATE)

    def plan(self, replicas):
        """A file as kafka-reassign-partitions takes it."""
        path = self.cluster.folder / "plan.json"
        path.write_text(json.dumps({"version": 1, "partitions": [
            {"topic": "orders", "partition": partition, "replicas": replicas,
             "log_dirs": ["any"] * len(replicas)} for partition in range(2)]}))
        return ["partition", "reassign", "--plan", str(path)]

    def test_what_kafkas_tool_planned_is_carried_out_and_verified(self):
        target = self.other()
        plan = self.plan([target])
        verify = [*plan, "--verify"]
        self.assertIn(b"orders:0 is not as wanted", self.cluster.barnabas(*verify, check=False))
        self.cluster.barnabas(*plan, "--throttle", str(RATE))
        self.assertEqual(self.cluster.barnabas(*verify, check=False).count(b"is under way"), 2)
        listed = self.cluster.barnabas("partition", "reassign").decode()
        self.assertRegex(listed, r"(?m)^orders +0 .* [\d.]+ MB$")
        self.assertEqual(len(self.settings()), 4)
        self.cluster.barnabas(*plan, "--cancel")
        self.assertIn(b"orders:1 is not as wanted", self.cluster.barnabas(*verify, check=False))
        self.assertEqual(self.settings(), [])
        self.cluster.barnabas(*plan, "--throttle", str(100 * RATE))
        wait_until(lambda: self.cluster.barnabas(*verify, check=False).count(b"is done") == 2, 60,
                   "it is done")
        self.assertEqual(self.leaders(), {target})
        self.assertEqual(self.settings(), [], "the throttle is gone with that")

    def test_a_throttled_reassignment_can_be_cancelled(self):
        before = {index: told["replicas"] for index, told
                  in self.cluster.partitions("orders").items()}
        self.move(self.other(), "--throttle", "100000")
        self.assertEqual(len(self.settings()), 4)
        self.cluster.barnabas("partition", "reassign", "orders", "--cancel")
        wait_until(lambda: before == {index: told["replicas"] for index, told
                                      in self.cluster.partitions("orders").items()},
                   20, "the replicas are those of before")
        self.assertEqual(self.settings(), [])


if __name__ == "__main__":
    unittest.main()
