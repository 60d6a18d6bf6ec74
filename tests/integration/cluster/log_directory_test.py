"""A data directory fails: its partitions are led by others, the broker serves the rest, and the
replicas are back when the directory is."""
import socket
import struct
import unittest

from broker_cluster import BrokerCluster, wait_until
from prometheus_text import Metrics
from steady_load import SteadyLoad

PARTITIONS = 8
KAFKA_STORAGE_ERROR = 56


def describe_log_dirs(port):
    """DescribeLogDirs version 1 of all topics: {path: (error, {(topic, partition): size})}."""
    body = struct.pack(">hhih", 35, 1, 7, -1) + struct.pack(">i", -1)
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        file = connection.makefile("rb")
        answer = file.read(struct.unpack(">i", file.read(4))[0])
    place = 4 + 4

    def take(form):
        nonlocal place
        values = struct.unpack_from(">" + form, answer, place)
        place += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal place
        size = take("h")
        place += size
        return answer[place - size:place].decode()

    directories = {}
    for _ in range(take("i")):
        error, path, replicas = take("h"), text(), {}
        for _ in range(take("i")):
            topic = text()
            for _ in range(take("i")):
                partition, size, _, _ = take("iqq?")
                replicas[topic, partition] = size
        directories[path] = (error, replicas)
    assert place == len(answer)
    return directories


class LogDirectoryTest(unittest.TestCase):
    def test_what_lies_in_it_is_led_by_others_and_the_rest_is_served(self):
        with BrokerCluster(3, settings={"replica.high.watermark.checkpoint.interval.ms": 500,
                                        "barnabas.admin.listener": "127.0.0.1:0"}) as cluster:
            victim = cluster.brokers[2]
            folders = [victim.folder / "data", victim.folder / "data2"]
            cluster.stop(2)
            folders[1].mkdir()
            victim.settings["log.dirs"] = ",".join(map(str, folders))
            victim.start()
            cluster.wait_until_whole()
            cluster.create_topic("orders", PARTITIONS)
            cluster.wait_until_in_sync("orders")

            def spread():
                where = {path: replicas for path, (error, replicas)
                         in describe_log_dirs(victim.port).items() if error == 0}
                counts = {path: len(replicas) for path, replicas in where.items()}
                return where if counts == {str(folder): PARTITIONS // 2 for folder in folders} else None
            where = wait_until(spread, 30, "each directory has half of the replicas")
            lost = {partition for _, partition in where[str(folders[1])]}
            led = {partition for partition, told in cluster.partitions("orders").items()
                   if told["leader"] == 2}
            self.assertTrue(led & lost, "it leads some of them")
            with SteadyLoad(cluster, "orders", PARTITIONS) as load:
                load.wait_for_more(60)
                gone = victim.folder / "gone"
                folders[1].rename(gone)

                def moved():
                    told = cluster.partitions("orders")
                    return len(told) == PARTITIONS and all(
                        (2 not in told[partition]["isr"]) == (partition in lost)
                        and told[partition]["leader"] >= 0 for partition in told)
                wait_until(moved, 30, "its replicas have left the isr, and only those")
                for broker in cluster.brokers.values():
                    wait_until(lambda broker=broker: {
                        partition: told["offline"] for partition, told
                        in cluster.partitions("orders", broker.address).items()} == {
                            partition: [2] if partition in lost else []
                            for partition in range(PARTITIONS)},
                        10, f"broker {broker.id} tells which replicas are offline")
                offline = "kafka_server_replicamanager_offlinereplicacount"
                self.assertEqual([Metrics(broker.http("/metrics")[1]).value(offline)
                                  for broker in cluster.brokers.values()],
                                 [0, PARTITIONS // 2, 0])
                load.wait_for_more(60)
                self.assertTrue(victim.is_running())
                directories = describe_log_dirs(victim.port)
                self.assertEqual(directories[str(folders[1])], (KAFKA_STORAGE_ERROR, {}))
                self.assertEqual(directories[str(folders[0])][0], 0)
                self.assertTrue(all(cluster.partitions("orders")[partition]["leader"] == 2
                                    for partition in led - lost), "it leads the others as before")
                # The controller is another one: it knows of the directory, too.
                controller = cluster.controller()
                if controller != 2:
                    cluster.kill(controller)
                    wait_until(lambda: cluster.controller() not in (controller, None), 30,
                               "another controller")
                    cluster.start_broker(controller)
                wait_until(lambda: all(2 not in told["isr"] for partition, told
                                       in cluster.partitions("orders").items()
                                       if partition in lost), 30, "they are still out")
                cluster.kill(2)
                gone.rename(folders[1])
                victim.start()
                cluster.wait_until_in_sync("orders")
                wait_until(lambda: not any(told["offline"] for broker in cluster.brokers.values()
                                           for told in cluster.partitions(
                                               "orders", broker.address).values()),
                           10, "no replica is offline any more")
                load.wait_for_more(60)
            # python3-kafka does not know KAFKA_STORAGE_ERROR, so it does not try again by itself.
            self.assertLessEqual({partition for partition, _, _ in load.problems}, lost)
            load.check_nothing_is_lost(self)


if __name__ == "__main__":
    unittest.main()
