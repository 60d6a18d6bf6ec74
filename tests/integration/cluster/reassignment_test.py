"""Partitions move between brokers under load: nothing is lost, what is left behind is deleted."""
import random
import signal
import time
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad

PARTITIONS = 3
CHAOS_SEED = 11
CHAOS_ROUNDS = 6
SETTINGS = {"min.insync.replicas": 2, "zookeeper.session.timeout.ms": 3000}


def reassign(cluster, what, *arguments):
    return cluster.barnabas("partition", "reassign", what, *arguments).decode()


def under_way(cluster):
    lines = cluster.barnabas("partition", "reassign").decode().splitlines()[1:]
    return [line.split() for line in lines]


def folders(cluster, broker_id, topic):
    return sorted(path.name for path in (cluster.brokers[broker_id].folder / "data").iterdir()
                  if path.name.startswith(topic + "-") and not path.name.endswith("-delete"))


class ReassignmentTest(unittest.TestCase):
    def replicas(self, cluster, topic):
        return {number: partition["replicas"]
                for number, partition in cluster.partitions(topic).items()}

    def test_a_topic_moves_to_other_brokers_under_load(self):
        with BrokerCluster(5, settings=SETTINGS) as cluster:
            cluster.create_topic("orders", PARTITIONS, replicas=3)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                for brokers in ("3,4,5", "1,2,3", "5,1", "2,3,4"):
                    begun = time.monotonic()
                    output = reassign(cluster, "orders", "--to", brokers, "--wait")
                    # A partition that chance had put there already is not among them.
                    self.assertRegex(output, r"(?m)^0 of [1-3] partitions under way$")
                    took = time.monotonic() - begun
                    load.wait_for_more(60)
                    gap = load.longest_gap(begun)
                    print(f"moved to {brokers} within {took:.2f} s: {gap * 1000:.0f} ms without an "
                          "acknowledgement")
                    self.assertLess(gap, 3)
                    wanted = sorted(int(broker) for broker in brokers.split(","))
                    wait_until(lambda: all(sorted(replicas) == wanted for replicas in
                                           self.replicas(cluster, "orders").values()),
                               30, f"the replicas are {wanted}")
                    cluster.wait_until_in_sync("orders")
                    for broker in set(cluster.brokers) - set(wanted):
                        wait_until(lambda: folders(cluster, broker, "orders") == [], 30,
                                   f"broker {broker} has deleted what it had")
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_a_reassignment_survives_the_controller_and_a_broker_that_is_away(self):
        with BrokerCluster(4, settings=SETTINGS) as cluster:
            cluster.create_topic("orders", PARTITIONS, replicas=2)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                controller = wait_until(cluster.controller, 30, "the controller is known")
                others = [broker for broker in cluster.brokers if broker != controller]
                frozen = others[0]
                cluster.brokers[frozen].signal(signal.SIGSTOP)
                reassign(cluster, "orders", "--to", ",".join(map(str, others)))
                self.assertNotEqual(under_way(cluster), [])
                cluster.kill(controller)
                cluster.brokers[frozen].signal(signal.SIGCONT)
                wait_until(lambda: under_way(cluster) == [], 60, "the next controller ends it")
                cluster.start_broker(controller)
                cluster.wait_until_whole()
                cluster.wait_until_in_sync("orders")
                for replicas in self.replicas(cluster, "orders").values():
                    self.assertEqual(sorted(replicas), sorted(others))
                load.wait_for_more(60)
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_reassignments_amid_kills_stops_and_cancellations_lose_nothing(self):
        settings = {**SETTINGS, "leader.imbalance.check.interval.seconds": 2}
        chance = random.Random(CHAOS_SEED)
        with BrokerCluster(5, settings=settings) as cluster:
            cluster.create_topic("orders", PARTITIONS, replicas=3)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                for _ in range(CHAOS_ROUNDS):
                    for partition in range(PARTITIONS):
                        brokers = chance.sample(sorted(cluster.brokers), chance.choice([3, 4]))
                        reassign(cluster, f"orders:{partition}", "--to",
                                 ",".join(map(str, brokers)))
                    victim = chance.choice(sorted(cluster.brokers))
                    what = chance.choice([cluster.kill, cluster.stop, None])
                    if what is None:
                        cluster.barnabas("partition", "reassign", "orders", "--cancel",
                                         check=False)
                    else:
                        what(victim)
                        load.wait_for_more(60)
                        cluster.start_broker(victim)
                        cluster.wait_until_whole()
                    wait_until(lambda: under_way(cluster) == [], 90, "nothing is under way")
                    cluster.wait_until_in_sync("orders")
                    load.wait_for_more(60)
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_a_reassignment_can_be_taken_back(self):
        with BrokerCluster(4, settings=SETTINGS) as cluster:
            cluster.create_topic("orders", PARTITIONS, replicas=2)
            cluster.wait_until_in_sync("orders")
            before = self.replicas(cluster, "orders")
            victim = next(broker for broker in cluster.brokers if broker != cluster.controller()
                          and broker not in before[0])
            cluster.brokers[victim].signal(signal.SIGSTOP)
            reassign(cluster, "orders:0", "--to", ",".join(map(str, [victim] + before[0][:1])))
            self.assertEqual([row[:2] for row in under_way(cluster)], [["orders", "0"]])
            reassign(cluster, "orders:0", "--cancel")
            self.assertEqual(under_way(cluster), [])
            self.assertEqual(sorted(self.replicas(cluster, "orders")[0]), sorted(before[0]))
            cluster.brokers[victim].signal(signal.SIGCONT)
            wait_until(lambda: "orders-0" not in folders(cluster, victim, "orders"), 30,
                       "what was added is deleted")

    def test_leadership_moves_where_the_operator_wants_it(self):
        with BrokerCluster(3, settings=SETTINGS) as cluster:
            cluster.create_topic("orders", PARTITIONS, replicas=3)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                for broker in (1, 2, 3):
                    load.wait_for_more(60)
                    moved = time.monotonic()
                    cluster.barnabas("leader", "move", "orders:0", "--to", str(broker))
                    wait_until(lambda: cluster.partitions("orders")[0]["leader"] == broker, 30,
                               "the leader is shown")
                    load.wait_for_more(60)
                    gap = load.longest_gap(moved)
                    print(f"moved to {broker}: {gap * 1000:.0f} ms without an acknowledgement")
                    self.assertLess(gap, 2)
                drained = cluster.barnabas("broker", "shutdown", "3", "--leaders-only").decode()
                self.assertIn("leads no replicated partition any more", drained)
                wait_until(lambda: all(partition["leader"] != 3 and 3 not in partition["isr"]
                                       for partition in cluster.partitions("orders").values()),
                           30, "broker 3 is drained")
                load.wait_for_more(60)
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)
            with self.assertRaisesRegex(AssertionError, "(?s)status 4.*not in sync"):
                cluster.barnabas("leader", "move", "orders:0", "--to", "3")

    def test_a_broker_is_emptied_and_the_replication_factor_changes(self):
        with BrokerCluster(4, settings=SETTINGS) as cluster:
            for topic in ("orders", "bills"):
                cluster.create_topic(topic, 4, replicas=2)
                cluster.wait_until_in_sync(topic)
            planned = cluster.barnabas("partition", "reassign", "--remove", "4", "--dry-run")
            self.assertIn(b"orders:", planned)
            self.assertEqual(under_way(cluster), [])
            cluster.barnabas("partition", "reassign", "--remove", "4", "--wait")
            self.assertEqual(folders(cluster, 4, "orders") + folders(cluster, 4, "bills"), [])
            reassign(cluster, "orders", "--replication-factor", "3", "--remove", "4", "--wait")
            self.assertEqual([sorted(replicas) for replicas in
                              self.replicas(cluster, "orders").values()], [[1, 2, 3]] * 4)
            with self.assertRaisesRegex(AssertionError, "(?s)status 4.*too few brokers"):
                reassign(cluster, "orders", "--replication-factor", "4", "--remove", "4")

    def test_old_tools_ask_by_a_znode(self):
        with BrokerCluster(3, settings=SETTINGS) as cluster:
            cluster.create_topic("orders", 1, replicas=1)
            here = self.replicas(cluster, "orders")[0][0]
            there = here % 3 + 1
            client = KazooClient(cluster.zookeeper.connect)
            client.start()
            try:
                client.create("/admin/reassign_partitions",
                              b'{"version":1,"partitions":[{"topic":"orders","partition":0,'
                              b'"replicas":[%d]}]}' % there)
                wait_until(lambda: self.replicas(cluster, "orders")[0] == [there], 60, "it moves")
                wait_until(lambda: not client.exists("/admin/reassign_partitions"), 30,
                           "the wish is taken away")
            finally:
                client.stop()
                client.close()


if __name__ == "__main__":
    unittest.main()
