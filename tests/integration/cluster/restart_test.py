"""A cluster that was stopped as an operator does comes back with its data."""
import unittest

from broker_cluster import BrokerCluster

TEXT = b"".join(b"line %d\n" % number for number in range(1000))


class RestartTest(unittest.TestCase):
    def test_brokers_stop_cleanly_and_serve_what_they_had(self):
        with BrokerCluster(3) as cluster:
            cluster.create_topic("orders", partitions=1)
            cluster.barnabas("produce", "orders", stdin=TEXT)
            for broker_id in (1, 2, 3):
                self.assertEqual(cluster.stop(broker_id), 0)
                self.assertIn("broker_stopped", cluster.brokers[broker_id].output())
            for broker_id in (1, 2, 3):
                cluster.start_broker(broker_id)
            cluster.wait_until_whole()
            self.assertEqual(cluster.barnabas("consume", "orders", "--exit-at-end"), TEXT)


if __name__ == "__main__":
    unittest.main()
