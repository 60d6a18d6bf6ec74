"""ZooKeeper is gone under load: existing leaders go on; afterwards all is whole. It is slow: a broker
that starts waits for it."""
import os
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad
from tcp_proxy import TcpProxy

OUTAGE_SECONDS = int(os.environ.get("BARNABAS_OUTAGE_SECONDS", "60"))
PARTITIONS = 3
FIRST_ANSWER_BYTES = 41  # that there is a session


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

    def test_a_broker_that_starts_waits_for_a_slow_zookeeper(self):
        with BrokerCluster(1) as cluster:
            broker = cluster.brokers[1]
            cluster.stop(1)
            proxy = TcpProxy(("127.0.0.1", cluster.zookeeper.port))
            self.addCleanup(proxy.close)
            broker.settings |= {"zookeeper.connect": proxy.connect,
                                "zookeeper.connection.timeout.ms": 5000}
            proxy.hold(FIRST_ANSWER_BYTES)
            begun = time.monotonic()
            connected = broker.output().count(" zookeeper_connected ")
            broker.start()
            wait_until(lambda: broker.output().count(" zookeeper_connected ") > connected, 30,
                       "it has a session")
            # The time for the session does not count against what is done with it.
            while time.monotonic() < begun + 7:
                self.assertTrue(broker.is_running(), broker.output())
                time.sleep(0.1)
            proxy.release()
            cluster.wait_until_whole()


if __name__ == "__main__":
    unittest.main()
