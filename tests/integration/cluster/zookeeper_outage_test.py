"""ZooKeeper is gone for a minute under load: existing leaders go on; afterwards all is whole."""
import os
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad

OUTAGE_SECONDS = int(os.environ.get("BARNABAS_OUTAGE_SECONDS", "60"))
PARTITIONS = 3


class ZookeeperOutageTest(unittest.TestCase):
    def test_leaders_go_on_without_zookeeper_and_the_cluster_heals_itself(self):
        with BrokerCluster(3, settings={"min.insync.replicas": 2}) as cluster:
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                gone = time.monotonic()
                cluster.zookeeper.stop(kill=True)
                while time.monotonic() < gone + OUTAGE_SECONDS:
                    load.wait_for_more(10)
                self.assertLess(load.longest_gap(gone), 3)
                self.assertEqual(cluster.barnabas(
                    "consume", "orders", "--partition", "0", "--count", "5").split(),
                    [b"0", b"1", b"2", b"3", b"4"])
                back = time.monotonic()
                cluster.zookeeper.start()
                cluster.wait_until_whole()
                cluster.wait_until_in_sync("orders")
                load.wait_for_more(30)
                print(f"whole {time.monotonic() - back:.1f} s after ZooKeeper came back; longest "
                      f"pause {load.longest_gap(back):.2f} s")
                wait_until(cluster.controller, 30, "there is a controller")
                cluster.create_topic("afterwards", PARTITIONS)
                cluster.wait_until_in_sync("afterwards")
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)


if __name__ == "__main__":
    unittest.main()
