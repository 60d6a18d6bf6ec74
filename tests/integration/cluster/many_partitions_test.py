"""A thousand partitions: made quickly, watched by a handful of watches, ZooKeeper restarted."""
import pathlib
import time
import unittest

from broker_cluster import BUILD, BrokerCluster, wait_until

PARTITIONS = 1000
CREATE_SECONDS = 10
RESIDENT_KIB_MAX = 100 * 1024
WATCHES_MORE_MAX = 30  # of all brokers together, for a thousand partitions


def is_optimised():
    """Sizes and times of the other builds say nothing about ours."""
    cache = pathlib.Path(BUILD / "CMakeCache.txt").read_text()
    return "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" in cache


class ManyPartitionsTest(unittest.TestCase):
    def led(self, cluster):
        """Whether every broker knows a leader of every partition."""
        return all(sum(partition["leader"] in cluster.brokers
                       for partition in cluster.partitions("many", broker.address).values())
                   == PARTITIONS
                   for broker in cluster.brokers.values())

    def watches(self, cluster):
        return int(cluster.zookeeper.monitor()["zk_watch_count"])

    def test_a_thousand_partitions_are_made_and_survive_zookeepers_restart(self):
        with BrokerCluster(3) as cluster:
            watches_before = self.watches(cluster)
            begin = time.monotonic()
            cluster.create_topic("many", PARTITIONS, 3)
            wait_until(lambda: self.led(cluster), 120, "every broker knows all leaders")
            seconds = time.monotonic() - begin
            cluster.wait_until_in_sync("many", 120)
            watches = self.watches(cluster)
            resident = [broker.resident_kib() for broker in cluster.brokers.values()]
            print(f"created in {seconds:.1f} s; watches {watches_before} -> {watches}; resident "
                  f"KiB {resident}")
            self.assertLess(watches - watches_before, WATCHES_MORE_MAX)
            if is_optimised():
                self.assertLess(seconds, CREATE_SECONDS)
                self.assertLess(max(resident), RESIDENT_KIB_MAX)

            cluster.zookeeper.restart(kill=True)
            cluster.wait_until_whole()
            cluster.create_topic("after", 1, 3)
            cluster.wait_until_in_sync("after")
            self.assertTrue(self.led(cluster))
            self.assertLess(self.watches(cluster) - watches_before, WATCHES_MORE_MAX)
            cluster.kill(2)
            wait_until(lambda: all(partition["leader"] in (1, 3) for partition
                                   in cluster.partitions("many", cluster.address(1)).values()),
                       60, "others lead what the killed broker led")
            cluster.start_broker(2)
            cluster.wait_until_whole()
            cluster.wait_until_in_sync("many", 120)


if __name__ == "__main__":
    unittest.main()
