"""The disk is full, a real one: its directory goes offline and says why, the broker serves the
rest; nothing that was acknowledged is lost, and with room on the disk all is there again."""
import unittest

from broker_cluster import BrokerCluster, wait_until
from small_file_system import SmallFileSystem, enter_own_mounts
from steady_load import SteadyLoad

PARTITIONS = 4
MEGABYTES = 24
SETTINGS = {"log.segment.bytes": 1 << 20,  # so that new files are made, too
            "replica.high.watermark.checkpoint.interval.ms": 500}


def told_full(broker, folder):
    """What the broker says of the directory that is full."""
    return [line for line in broker.output().splitlines()
            if " log_directory_failed " in line and f'path="{folder}" operation=' in line]


class FullDiskTest(unittest.TestCase):
    def check_message(self, broker, folder):
        lines = told_full(broker, folder)
        self.assertEqual(len(lines), 1, "told once")
        self.assertRegex(lines[0], r'errno="No space left on device"')
        self.assertRegex(lines[0], r" error=DISK_FULL ")

    def test_its_partitions_are_led_by_others_and_the_rest_is_served(self):
        with BrokerCluster(2, settings=SETTINGS) as cluster:
            victim = cluster.brokers[2]
            folders = [victim.folder / "data", victim.folder / "data2"]
            cluster.stop(2)
            with SmallFileSystem(folders[1], MEGABYTES) as disk:
                victim.settings["log.dirs"] = ",".join(map(str, folders))
                victim.start()
                cluster.wait_until_whole()
                cluster.create_topic("orders", PARTITIONS, 2)
                cluster.wait_until_in_sync("orders")
                cluster.create_topic("bulk", 2, 2)
                with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                    load.wait_for_more(40)
                    disk.fill(leave=1 << 20)
                    self.produce(cluster, "bulk", 2000)
                    wait_until(lambda: told_full(victim, folders[1]), 30, "its directory fails")

                    def moved():
                        told = cluster.partitions("orders").values()
                        out = [partition for partition in told if 2 not in partition["isr"]]
                        return len(out) == PARTITIONS // 2 and all(
                            partition["leader"] == 1 for partition in out)
                    wait_until(moved, 30, "what lies in it is led by the other, and only that")
                    load.wait_for_more(40)
                    self.assertTrue(victim.is_running())
                    self.check_message(victim, folders[1])
                    # With acks=all: it has taken them, too, in its other directory.
                    self.assertTrue(moved())
                    cluster.stop(2)
                    disk.make_room()
                    victim.start()
                    cluster.wait_until_in_sync("orders")
                    load.wait_for_more(40)
                load.check_nothing_is_lost(self)

    def produce(self, cluster, topic, count):
        """Records of 2 KB, until all were taken or the disk is full."""
        lines = b"".join(b"%06d" % number + b"x" * 2000 + b"\n" for number in range(count))
        path = cluster.folder / "lines"
        path.write_bytes(lines)
        cluster.barnabas("--timeout", "2", "produce", topic, str(path), check=False)

    def test_a_broker_without_another_directory_stops_and_loses_nothing(self):
        with BrokerCluster(1, settings=SETTINGS) as cluster:
            broker = cluster.brokers[1]
            folder = broker.folder / "small"
            cluster.stop(1)
            with SmallFileSystem(folder, MEGABYTES) as disk:
                broker.settings["log.dirs"] = folder
                broker.start()
                cluster.wait_until_whole()
                cluster.create_topic("orders", 1, 1)
                cluster.create_topic("bulk", 1, 1)
                with SteadyLoad(cluster, "orders", 1) as load:
                    load.wait_for_more(40)
                    disk.fill(leave=1 << 20)
                    self.produce(cluster, "bulk", 1000)
                    wait_until(lambda: not broker.is_running(), 30, "the broker has stopped")
                    self.assertEqual(broker.wait(), 1)
                    self.check_message(broker, folder)
                    # On a disk that is still full it says so again, or serves what it has.
                    broker.start()
                    wait_until(lambda: len(told_full(broker, folder)) == 2 or " broker_started " in
                               broker.output().split("log_directory_failed")[-1],
                               30, "it starts, or says that the disk is full")
                    if broker.is_running():
                        cluster.kill(1)
                    else:
                        broker.wait()
                    disk.make_room()
                    broker.start()
                    load.wait_for_more(40)
                load.check_nothing_is_lost(self)


if __name__ == "__main__":
    enter_own_mounts()
    unittest.main()
