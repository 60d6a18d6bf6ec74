"""What operations would do is told before they are done, and comes true when they are."""
import json
import subprocess
import unittest

from broker_cluster import COMMAND, BrokerCluster, wait_until
from terminal import answer

UNHEALTHY, REFUSED, PARTLY_FAILED, CANCELLED = 7, 4, 3, 8


class ImpactTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings={
            "controlled.shutdown.retry.backoff.ms": 100,
            "zookeeper.session.timeout.ms": 2000,
            "barnabas.admin.listener": "127.0.0.1:0", "auto.leader.rebalance.enable": "false"})
        self.enterContext(self.cluster)

    def run_with(self, *arguments, **options):
        return subprocess.run([COMMAND, "-b", self.cluster.bootstrap, *arguments], text=True,
                              capture_output=True, timeout=60, check=False,
                              stdin=subprocess.DEVNULL, **options)

    def ask(self, *arguments):
        """(status, the JSON that was printed)"""
        ran = self.run_with("--output", "json", *arguments)
        self.assertIn(ran.returncode, (0, UNHEALTHY), ran.stderr)
        return ran.returncode, json.loads(ran.stdout)

    def answer(self, typed, *arguments):
        return answer([COMMAND, "-b", self.cluster.bootstrap, *arguments], typed)

    def make_topics(self):
        self.cluster.create_topic("safe", 3, 3)
        self.cluster.create_topic("tight", 3, 3, min_insync_replicas=2)
        self.cluster.create_topic("single", 3, 1)
        for topic in ("safe", "tight", "single"):
            self.cluster.wait_until_known(topic)

    def test_what_would_become_of_partitions_comes_true(self):
        self.make_topics()
        on_two = {p for p, told in self.cluster.partitions("single").items()
                  if told["replicas"] == [2]}
        status, told = self.ask("whatif", "--kill", "2")
        self.assertEqual(status, UNHEALTHY)
        self.assertEqual({(item["topic"], item["partitionIndex"], item["risk"])
                          for item in told["items"]},
                         {("tight", p, "at-min-isr") for p in range(3)} |
                         {("single", p, "offline") for p in on_two})
        led = {(topic, p) for topic in ("safe", "tight")
               for p, now in self.cluster.partitions(topic).items() if now["leader"] == 2}
        self.assertEqual(told["leadersMoved"], len(led))

        status, told = self.ask("whatif", "--kill", "2,3")
        expected = {(item["topic"], item["partitionIndex"]): item["leaderIdThen"]
                    for item in told["items"]}
        self.assertEqual(told["counts"]["below-min-isr"], 3)
        table = self.run_with("whatif", "--stop", "2")
        self.assertEqual(table.returncode, UNHEALTHY)
        self.assertIn("would have no leader", table.stdout)
        self.assertEqual(self.run_with("whatif").returncode, 2)

        self.cluster.kill(2)
        self.cluster.kill(3)

        def as_foretold():
            return all(self.cluster.partitions(topic, self.cluster.address(1))[p]["leader"] == then
                       for (topic, p), then in expected.items())
        wait_until(as_foretold, 60, f"{expected}")

    def test_a_broker_is_stopped_from_anywhere(self):
        self.make_topics()
        status, told = self.ask("broker", "shutdown", "3", "--dry-run")
        self.assertEqual(status, 0)
        self.assertTrue(told["harmful"])
        self.assertTrue(self.cluster.brokers[3].is_running())
        self.assertEqual(self.run_with("broker", "shutdown", "3").returncode, REFUSED)
        status, seen = self.answer("y", "broker", "shutdown", "3")
        self.assertEqual(status, CANCELLED, seen)
        self.assertIn("Type offline to go on", seen)
        self.assertTrue(self.cluster.brokers[3].is_running())

        status, seen = self.answer("offline", "broker", "shutdown", "3")
        self.assertEqual(status, 0, seen)
        self.assertIn("broker 3 leads 0 replicated partitions, is in sync for 0", seen)
        self.assertIn("broker 3 has left the cluster", seen)
        self.assertEqual(self.cluster.brokers[3].wait(), 0)
        self.assertIn("stop_requested", self.cluster.brokers[3].output())

        # Now the other two have all: nobody can take what broker 2 leads when 1 is gone.
        self.cluster.kill(1)
        wait_until(lambda: all(p["isr"] == [2] for topic in ("safe", "tight") for p in
                               self.cluster.partitions(topic, self.cluster.address(2)).values()),
                   60, "broker 2 is alone")
        self.assertEqual(self.cluster.brokers[2].http("/stop-ok")[0], 503)
        ran = self.run_with("--yes", "broker", "shutdown", "2")
        self.assertEqual(ran.returncode, PARTLY_FAILED, ran.stderr)
        self.assertIn("safe:0 has no other replica in sync", ran.stdout)
        self.assertTrue(self.cluster.brokers[2].is_running())
        ran = self.run_with("--yes", "broker", "shutdown", "2", "--force")
        self.assertEqual(ran.returncode, 0, ran.stderr)
        self.assertEqual(self.cluster.brokers[2].wait(), 0)

    def test_moving_and_deleting_tell_their_cost(self):
        self.cluster.create_topic("orders", 2, 2)
        self.cluster.barnabas("produce", "orders", "-", stdin=b"%s\n" % (b"x" * 5000) * 100)
        self.cluster.barnabas("consume", "orders", "--group", "readers", "--exit-at-end")
        self.cluster.wait_until_in_sync("orders")
        status, told = self.ask("partition", "reassign", "--remove", "3", "orders", "--dry-run")
        self.assertEqual(status, 0)
        on_three = [p for p, now in self.cluster.partitions("orders").items()
                    if 3 in now["replicas"]]
        self.assertEqual(sorted(move["partitionIndex"] for move in told["moves"]), on_three)
        self.assertEqual(told["bytesToCopy"],
                         sum(copies["bytes"] for copies in told["bytesByBroker"]))
        self.assertGreater(told["bytesToCopy"], 0)
        status, told = self.ask("topic", "delete", "orders", "--dry-run")
        self.assertEqual((told["numPartitions"], told["groups"]), (2, ["readers"]))
        self.assertGreater(told["bytes"], 2 * 100 * 5000)
        status, seen = self.answer("order", "topic", "delete", "orders")
        self.assertEqual(status, CANCELLED, seen)
        self.assertEqual(self.run_with("topic", "delete", "orders").returncode, REFUSED)
        self.assertEqual(len(self.cluster.partitions("orders")), 2)
        self.assertEqual(self.answer("orders", "topic", "delete", "orders")[0], 0)

        ran = self.run_with("partition", "reassign", "--replication-factor", "1", "--dry-run",
                            "nothing")
        self.assertNotEqual(ran.returncode, 0)

    def test_an_unclean_election_tells_what_is_lost(self):
        self.cluster.create_topic("orders", 1, 2)
        self.cluster.wait_until_in_sync("orders")
        self.cluster.barnabas("produce", "orders", "-", stdin=b"both\n" * 10)
        # While all brokers are there, so that the groups' topic can be made.
        self.cluster.barnabas("consume", "orders", "--group", "readers", "--exit-at-end")
        self.cluster.wait_until_in_sync("__consumer_offsets")
        leader, follower = self.cluster.partitions("orders")[0]["replicas"]
        self.cluster.kill(follower)
        wait_until(lambda: self.cluster.partitions("orders",
                   self.cluster.address(leader))[0]["isr"] == [leader], 60, "the isr is one")
        self.cluster.barnabas("produce", "orders", "-", stdin=b"alone\n" * 5)
        self.cluster.barnabas("consume", "orders", "--group", "readers", "--exit-at-end")
        self.cluster.kill(leader)
        third = ({1, 2, 3} - {leader, follower}).pop()
        self.cluster.start_broker(follower)
        wait_until(lambda: (told := self.cluster.partitions("orders", self.cluster.address(third)))
                   and told[0]["leader"] == -1 and
                   self.cluster.known_brokers(self.cluster.address(third)) == {follower, third},
                   60, "nobody leads, and the follower is back")
        status, told = self.ask("leader", "elect", "--unclean", "orders", "--dry-run")
        self.assertEqual(status, 0)
        self.assertEqual(
            told["items"],
            [{"topic": "orders", "partitionIndex": 0, "leaderIdThen": follower, "unclean": True,
              "logEndOffset": 10, "knownEndOffset": 15, "recordsLostAtLeast": 5}])
        status, seen = self.answer("unclean", "leader", "elect", "--unclean", "orders")
        self.assertEqual(status, 0, seen)
        self.assertIn("at least 5", seen)
        wait_until(lambda: self.cluster.partitions("orders")[0]["leader"] == follower, 30,
                   "the follower leads")


if __name__ == "__main__":
    unittest.main()
