"""A broker that is told to stop gives its leaderships away first, and stops in any case."""
import signal
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad

PARTITIONS = 3


class ControlledShutdownTest(unittest.TestCase):
    def test_all_brokers_are_restarted_in_turn_under_load_and_producers_hardly_notice(self):
        with BrokerCluster(3, settings={"min.insync.replicas": 2}) as cluster:
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                # The controller stops last, so that each of them is asked by somebody.
                controller = wait_until(cluster.controller, 30, "the controller is known")
                for victim in sorted(cluster.brokers, key=lambda broker: broker == controller):
                    stopped = time.monotonic()
                    self.assertEqual(cluster.stop(victim), 0)
                    took = time.monotonic() - stopped
                    load.wait_for_more(60)
                    gap = load.longest_gap(stopped)
                    print(f"broker {victim} stopped within {took:.2f} s: {gap * 1000:.0f} ms "
                          "without an acknowledgement")
                    self.assertLess(gap, 1)
                    self.assertIn("controlled_shutdown_done broker=%d tries=1 "
                                  "partitions_without_successor=0" % victim,
                                  cluster.brokers[victim].output())
                    cluster.start_broker(victim)
                    cluster.wait_until_whole()
                    cluster.wait_until_in_sync("orders")
            # One that is about to stop does not follow those who lead now: they would propose it for
            # the ISR, in vain, and hold back what is committed meanwhile.
            for broker in cluster.brokers.values():
                self.assertNotIn("error=INELIGIBLE_REPLICA", broker.output())
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_a_broker_that_is_back_gets_its_leaderships_back_by_itself(self):
        settings = {"min.insync.replicas": 2, "leader.imbalance.check.interval.seconds": 1}
        with BrokerCluster(3, settings=settings) as cluster:
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_in_sync("orders")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                victim = cluster.partitions("orders")[0]["leader"]
                cluster.stop(victim)
                load.wait_for_more(60)
                cluster.start_broker(victim)
                wait_until(lambda: cluster.partitions("orders")[0]["leader"] == victim, 60,
                           "the preferred replica leads again")
                load.wait_for_more(60)
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)

    def test_partitions_that_nobody_can_take_are_named(self):
        settings = {"controlled.shutdown.retry.backoff.ms": 100}
        with BrokerCluster(2, settings=settings) as cluster:
            cluster.create_topic("alone", partitions=4, replicas=1)
            cluster.create_topic("both", partitions=4, replicas=2)
            cluster.wait_until_in_sync("both")
            self.assertEqual(cluster.stop(1), 0)
            output = cluster.brokers[1].output()
            self.assertEqual(output.count('partition_without_successor topic="alone"'), 2)
            self.assertNotIn('partition_without_successor topic="both"', output)

    def test_without_a_controller_a_stop_ends_after_its_tries(self):
        settings = {"controlled.shutdown.retry.backoff.ms": 100,
                    "zookeeper.session.timeout.ms": 18000}
        with BrokerCluster(2, settings=settings) as cluster:
            controller = wait_until(cluster.controller, 30, "the controller is known")
            other = next(broker for broker in cluster.brokers if broker != controller)
            cluster.kill(controller)
            self.assertEqual(cluster.stop(other), 0)
            self.assertIn("try=3 of=3", cluster.brokers[other].output())

    def test_a_broker_that_sleeps_does_not_hold_up_one_that_stops(self):
        with BrokerCluster(3, settings={"zookeeper.session.timeout.ms": 18000}) as cluster:
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_known("orders")
            controller = wait_until(cluster.controller, 30, "the controller is known")
            sleeper, other = (broker for broker in cluster.brokers if broker != controller)
            cluster.brokers[sleeper].signal(signal.SIGSTOP)
            begun = time.monotonic()
            self.assertEqual(cluster.stop(other), 0)
            took = time.monotonic() - begun
            print(f"stopped within {took:.1f} s beside a broker that sleeps")
            self.assertLess(took, 12)  # less than it sleeps until its session ends
            self.assertTrue(cluster.brokers[other].output().count("controlled_shutdown_done"))

    def test_a_second_signal_ends_the_waiting(self):
        settings = {"controlled.shutdown.retry.backoff.ms": 600000,
                    "zookeeper.session.timeout.ms": 18000}
        with BrokerCluster(2, settings=settings) as cluster:
            controller = wait_until(cluster.controller, 30, "the controller is known")
            other = next(broker for broker in cluster.brokers if broker != controller)
            cluster.kill(controller)
            cluster.brokers[other].signal(signal.SIGTERM)
            wait_until(lambda: "controlled_shutdown_incomplete" in cluster.brokers[other].output(),
                       30, "the controller was asked in vain")
            self.assertEqual(cluster.stop(other), 0)
            self.assertIn("controlled_shutdown_cut_short", cluster.brokers[other].output())

    def test_a_broker_that_waits_for_zookeeper_can_be_stopped(self):
        settings = {"zookeeper.connection.timeout.ms": 600000}
        with BrokerCluster(1, settings=settings) as cluster:
            cluster.stop(1)
            cluster.zookeeper.stop()
            cluster.start_broker(1)
            wait_until(lambda: "log_manager_open" in
                       cluster.brokers[1].output().split("broker_stopped")[1],
                       30, "it has begun to start")
            self.assertEqual(cluster.stop(1), 0)
            self.assertIn("was_started=no", cluster.brokers[1].output())
            cluster.zookeeper.start()


if __name__ == "__main__":
    unittest.main()
