"""Replicas move between the directories of a broker, under load, with a kill -9 in the middle."""
import pathlib
import subprocess
import time
import unittest

from kafka import KafkaProducer

from broker_cluster import COMMAND, BrokerCluster, wait_until
from steady_load import SteadyLoad
from wire_codec import Connection, read_apis

PARTITIONS = 4
BROKER = 2
BULK_BYTES = 8 << 20
CHUNK_BYTES = 1 << 20  # what is copied at once
RECORD_BYTES = 64 << 10
NONE, UNKNOWN, REPLICA_NOT_AVAILABLE, INVALID_TOPIC, LOG_DIR_NOT_FOUND = 0, 3, 9, 17, 57
APIS = read_apis()


class MoveReplicaTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2, settings={"min.insync.replicas": 1}, directories=2)
        cls.enterClassContext(cls.cluster)
        cls.broker = cls.cluster.brokers[BROKER]
        cls.dirs = cls.broker.settings["log.dirs"].split(",")

    def ask(self, api, version, values):
        with Connection(self.broker.port) as connection:
            return connection.ask(APIS[api], version, values)

    def move(self, topic, partitions, directory, version=2):
        """{partition: error code}"""
        answer = self.ask("AlterReplicaLogDirs", version, {"dirs": [
            {"path": directory, "topics": [{"name": topic, "partitions": list(partitions)}]}]})
        return {partition["partition_index"]: partition["error_code"]
                for result in answer["results"] for partition in result["partitions"]}

    def replicas(self, topic):
        """{(partition, is future): (directory, size, lag)}"""
        answer = self.ask("DescribeLogDirs", 4, {"topics": None})
        return {(partition["partition_index"], partition["is_future_key"]):
                (told["log_dir"], partition["partition_size"], partition["offset_lag"])
                for told in answer["results"] for found in told["topics"] if found["name"] == topic
                for partition in found["partitions"]}

    def directories(self, topic):
        return {partition: told[0] for (partition, is_future), told
                in self.replicas(topic).items() if not is_future}

    def throttle(self, rate):
        self.cluster.barnabas("config", "alter", "broker", str(BROKER), *(
            ("--config", f"replica.alter.log.dirs.io.max.bytes.per.second={rate}") if rate else
            ("--delete-config", "replica.alter.log.dirs.io.max.bytes.per.second")))

    def wait_until_in(self, topic, directory, seconds=60):
        wait_until(lambda: set(self.replicas(topic)) == {(partition, False) for partition
                                                         in self.directories(topic)}
                   and set(self.directories(topic).values()) == {directory},
                   seconds, f"all replicas of {topic} are in {directory}")

    def fill(self, topic):
        producer = KafkaProducer(bootstrap_servers=self.cluster.bootstrap.split(","), acks="all")
        sent = [producer.send(topic, b"x" * RECORD_BYTES, partition=0)
                for _ in range(BULK_BYTES // RECORD_BYTES)]
        for future in sent:
            future.get(60)
        producer.close()

    def test_under_load_and_killed_in_the_middle(self):
        self.cluster.create_topic("orders", PARTITIONS, segment_bytes=1 << 20)
        self.cluster.wait_until_in_sync("orders")
        with SteadyLoad(self.cluster, "orders", PARTITIONS) as load:
            load.wait_for_more(60)
            self.assertEqual(set(self.move("orders", range(PARTITIONS), self.dirs[1]).values()),
                             {NONE})
            self.wait_until_in("orders", self.dirs[1])
            load.wait_for_more(60)
            self.throttle(2000)
            self.move("orders", range(PARTITIONS), self.dirs[0])
            wait_until(lambda: any(is_future for _, is_future in self.replicas("orders")), 20,
                       "a copy is under way")
            load.wait_for_more(60)
            self.cluster.kill(BROKER)
            self.broker.start()
            self.cluster.wait_until_in_sync("orders")
            self.throttle(None)
            self.wait_until_in("orders", self.dirs[0])
            load.wait_for_more(60)
        self.assertEqual([problem for problem in load.problems
                          if "KafkaStorage" in problem[2]], [])
        load.check_nothing_is_lost(self)
        self.assertEqual(self.cluster.stop(BROKER), 0)
        for directory in self.dirs:
            ran = subprocess.run([COMMAND, "log", "verify", directory], capture_output=True,
                                 timeout=60, check=False)
            self.assertEqual(ran.returncode, 0, ran.stdout.decode() + ran.stderr.decode())
        names = {path.name for path in pathlib.Path(self.dirs[1]).glob("orders-*")}
        self.assertTrue(all(name.endswith("-delete") for name in names), names)
        self.broker.start()
        self.cluster.wait_until_in_sync("orders")

    def test_the_throttle_holds_and_the_move_is_cancelled_by_naming_where_it_is(self):
        rate = 1 << 20
        self.cluster.create_topic("bulk", 1, 2)
        self.cluster.wait_until_in_sync("bulk")
        self.fill("bulk")
        before = self.directories("bulk")[0]
        other = next(path for path in self.dirs if path != before)
        self.throttle(1)
        # As in Kafka the rate is that of up to eleven seconds: those of a test before do not count.
        self.cluster.stop(BROKER)
        self.broker.start()
        self.cluster.wait_until_in_sync("bulk")
        begun = time.monotonic()
        self.assertEqual(self.move("bulk", [0], other), {0: NONE})
        place, size, lag = wait_until(lambda: self.replicas("bulk").get((0, True)), 20,
                                      "the future log is shown")
        self.assertEqual(place, other)
        self.assertGreater(lag, 0)
        self.assertLess(size, BULK_BYTES)
        self.assertEqual(self.move("bulk", [0], before), {0: NONE})
        self.assertEqual(set(self.replicas("bulk")), {(0, False)})
        self.assertEqual(self.directories("bulk")[0], before)
        self.throttle(rate)
        self.move("bulk", [0], other)
        self.wait_until_in("bulk", other)
        took = time.monotonic() - begun
        print(f"throttled to {rate}: {100 * BULK_BYTES / took / rate:.0f} %")
        # The last chunk is not waited for, and neither is the rest that is copied with the exchange.
        self.assertGreaterEqual(took * rate, BULK_BYTES - 2 * CHUNK_BYTES)
        self.throttle(None)

    def command(self, *arguments, **more):
        return self.cluster.barnabas("partition", "move-dir", *arguments, **more).decode()

    def test_the_command_moves_tells_and_takes_back(self):
        self.cluster.create_topic("records", 1, 2)
        self.cluster.wait_until_in_sync("records")
        self.fill("records")
        before = self.directories("records")[0]
        other = next(path for path in self.dirs if path != before)
        wanted = ("records", "--broker", str(BROKER), "--to", other)
        self.assertIn("nothing to change", self.command(*wanted[:-1], before))
        self.assertIn(f"records:0 {before} -> {other}", self.command(*wanted, "--dry-run"))
        self.assertEqual(set(self.replicas("records")), {(0, False)})
        self.assertIn("the throttle stays", self.command(*wanted, "--throttle", "1"))
        self.assertRegex(self.command(), rf"(?m)^records +0 +{BROKER} +{before} +{other} +[\d.]+ MB$")
        self.assertIn("stays in", self.command("records:0", "--broker", str(BROKER), "--cancel"))
        self.assertEqual(self.command().count("\n"), 1)
        self.assertEqual(self.directories("records")[0], before)
        # Slow enough to be looked at twice: from then on there is a rate.
        output = self.command(*wanted, "--throttle", str(BULK_BYTES // 8), "--wait")
        self.assertRegex(output, r"(?m)^1 of 1 replicas under way: [\d.]+ [kM]B of 8.4 MB copied, "
                                 r"[\d.]+ [kM]B left, [\d.]+ [kM]B/s, \d+ s to go$")
        self.assertRegex(output, r"(?m)^0 of 1 replicas under way: 8.4 MB of 8.4 MB copied")
        self.assertEqual(self.directories("records")[0], other)
        self.assertNotIn("replica.alter", self.cluster.barnabas(
            "config", "describe", "broker", str(BROKER)).decode())
        self.command("records", "--broker", "77", "--to", other, "--timeout", "1", check=False)
        refused = self.cluster.barnabas("partition", "move-dir", *wanted[:-1], "/nowhere",
                                        check=False)
        self.assertEqual(self.directories("records")[0], other, refused)

    def test_errors_and_a_replica_that_is_not_there_yet(self):
        self.assertEqual(self.move("nothing", [0], "/nowhere"), {0: LOG_DIR_NOT_FOUND})
        self.assertEqual(self.move("x" * 230, [0], self.dirs[0]), {0: INVALID_TOPIC})
        for version in (1, 2):
            self.assertEqual(self.move("later", range(6), self.dirs[1], version),
                             {partition: UNKNOWN for partition in range(6)})
        self.cluster.create_topic("later", 6, 2)
        self.cluster.wait_until_in_sync("later")
        self.assertEqual(set(self.directories("later").values()), {self.dirs[1]})
        self.cluster.barnabas("topic", "delete", "later")
        # Of another broker for now: it comes to where it was wanted.
        self.cluster.create_topic("elsewhere", 1, 1)
        self.cluster.barnabas("partition", "reassign", "elsewhere", "--to", "1", "--wait")
        self.assertEqual(self.move("elsewhere", [0], self.dirs[1]), {0: REPLICA_NOT_AVAILABLE})
        self.cluster.barnabas("partition", "reassign", "elsewhere", "--to", "1,2", "--wait")
        self.assertEqual(self.directories("elsewhere"), {0: self.dirs[1]})


if __name__ == "__main__":
    unittest.main()
