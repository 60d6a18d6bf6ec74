"""Brokers are killed under load: what was acknowledged is there, in order, and the pause is short."""
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad

SESSION_SECONDS = 3
KILLS = 5
PARTITIONS = 3


class FailoverTest(unittest.TestCase):
    def victim(self, cluster, number, before):
        """First the controller, then leaders of the first partition; never one twice in a row."""
        leader = cluster.partitions("orders")[0]["leader"]
        wanted = cluster.controller() if number == 0 else leader
        if wanted == before or wanted not in cluster.brokers:
            wanted = next(broker for broker in cluster.brokers if broker != before)
        return wanted

    def test_leaders_and_the_controller_are_killed_and_nothing_acknowledged_is_lost(self):
        settings = {"zookeeper.session.timeout.ms": SESSION_SECONDS * 1000,
                    "min.insync.replicas": 2}
        with BrokerCluster(3, settings=settings) as cluster:
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_in_sync("orders")
            before = None
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                for number in range(KILLS):
                    victim = self.victim(cluster, number, before)
                    killed = time.monotonic()
                    cluster.kill(victim)
                    load.wait_for_more(60)
                    gap = load.longest_gap(killed)
                    print(f"broker {victim} killed: {gap:.2f} s without an acknowledgement")
                    self.assertLess(gap, SESSION_SECONDS + 1)
                    cluster.start_broker(victim)
                    cluster.wait_until_whole()
                    cluster.wait_until_in_sync("orders")
                    load.wait_for_more(60)
                    before = victim
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_a_broker_that_is_stopped_gives_its_leaderships_away_first(self):
        with BrokerCluster(3, settings={"min.insync.replicas": 2}) as cluster:
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                victim = cluster.partitions("orders")[0]["leader"]
                stopped = time.monotonic()
                self.assertEqual(cluster.stop(victim), 0)
                load.wait_for_more(60)
                self.assertLess(load.longest_gap(stopped), 1)
                wait_until(lambda: all(partition["leader"] not in (victim, -1)
                                       for partition in cluster.partitions("orders").values()),
                           30, "nobody is led by the broker that was stopped")
                cluster.start_broker(victim)
                cluster.wait_until_in_sync("orders")
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)


if __name__ == "__main__":
    unittest.main()
