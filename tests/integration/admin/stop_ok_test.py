"""Whether a broker may stop: what it says, and that it is true."""
import json
import unittest

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad

SETTINGS = {"barnabas.admin.listener": "127.0.0.1:0", "min.insync.replicas": 2}


def stop_ok(broker, query=""):
    status, text = broker.http("/stop-ok" + query)
    told = json.loads(text)
    if (status == 200) != told["stopOk"]:
        raise AssertionError(f"status {status}: {text}")
    return told


class StopOkTest(unittest.TestCase):
    def test_brokers_that_stop_when_they_may_harm_nobody(self):
        """What an orchestrator does: it asks, stops, starts, and waits until it is ready."""
        with BrokerCluster(3, settings=SETTINGS) as cluster:
            cluster.create_topic("orders", 3)
            cluster.wait_until_known("orders")
            with SteadyLoad(cluster, "orders", 3) as load:
                load.wait_for_more(30)
                for broker in cluster.brokers.values():
                    wait_until(lambda broker=broker: stop_ok(broker)["stopOk"], 60, "it may stop")
                    self.assertEqual(cluster.stop(broker.id), 0)
                    # While one is away, no other may stop.
                    for other in cluster.brokers.values():
                        if other is not broker:
                            told = wait_until(lambda other=other: not stop_ok(other)["stopOk"] and
                                              stop_ok(other), 60, "the others may not")
                            self.assertEqual(told["counts"]["below_min_isr"],
                                             told["partitionsInTheWay"])
                            self.assertEqual({item["topic"] for item in told["partitions"]},
                                             {"orders"})
                    load.wait_for_more(30)
                    (broker.folder / "output").unlink()
                    cluster.start_broker(broker.id)
                    wait_until(broker.admin_port, 60, "its admin listener is up")
                    wait_until(lambda broker=broker: broker.http("/readyz")[0] == 200, 60,
                               "it is ready again")
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_what_nobody_else_has_is_in_the_way(self):
        with BrokerCluster(2, settings={**SETTINGS, "min.insync.replicas": 1}) as cluster:
            cluster.create_topic("both", partitions=2, replicas=2)
            cluster.wait_until_known("both")
            for broker in cluster.brokers.values():
                wait_until(lambda broker=broker: stop_ok(broker)["stopOk"], 30, "it may stop")
                self.assertFalse(stop_ok(broker, "?margin=1")["stopOk"])
            cluster.create_topic("alone", partitions=2, replicas=1)
            broker = cluster.brokers[1]
            wait_until(lambda: not stop_ok(broker)["stopOk"], 30, "it may not any more")
            told = stop_ok(broker)
            self.assertEqual([(item["reason"], item["topic"], item["replicaNodes"])
                              for item in told["partitions"]], [("single_replica", "alone", [1])])
            self.assertTrue(stop_ok(broker, "?allow=single_replica")["stopOk"])
            self.assertEqual(broker.http("/stop-ok?margin=many")[0], 400)
            self.assertEqual(broker.http("/stop-ok?allow=anything")[0], 400)
            # The other one goes: now nobody else has anything.
            cluster.kill(2)
            wait_until(lambda: stop_ok(broker)["counts"]["only_in_sync_replica"] == 2, 60,
                       "it is the only one in sync")
            # Nobody knows what holds without ZooKeeper.
            cluster.zookeeper.stop(kill=True)
            wait_until(lambda: stop_ok(broker).get("reason") == "zookeeper_disconnected", 60,
                       "it says that it cannot know")


if __name__ == "__main__":
    unittest.main()
