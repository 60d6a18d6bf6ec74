"""The controller against a real ZooKeeper: topics and deaths, the znodes key by key, watches."""
import json
import os
import queue
import subprocess
import threading
import time
import unittest

from kazoo.client import KazooClient

from zookeeper_server import ZookeeperServer

DRIVER = os.path.join(os.environ["BARNABAS_BUILD"], "tests/integration/controller_driver")
TICK_MS = 500
SESSION_MS = 1500
WAIT_SECONDS = 60


class Broker:
    """The process tests/integration/controller/controller_driver.c."""

    def __init__(self, connect, broker_id):
        self.id = broker_id
        self.process = subprocess.Popen([DRIVER, connect, str(SESSION_MS), str(broker_id)],
                                        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        self.lines = queue.Queue()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.strip())

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def expect(self, start, seconds=WAIT_SECONDS):
        deadline = time.monotonic() + seconds
        seen = []
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"broker {self.id}: no {start!r}, but {seen}") from None
            if line.startswith(start):
                return line
            seen.append(line)

    def end(self, kill=False):
        if kill:
            self.process.kill()
        else:
            self.process.stdin.close()
        self.process.wait(WAIT_SECONDS)
        self.thread.join()
        self.process.stdout.close()
        if not self.process.stdin.closed:
            self.process.stdin.close()


def wait_until(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.02)


class ControllerTest(unittest.TestCase):
    def setUp(self):
        self.zookeeper = ZookeeperServer(tick_ms=TICK_MS)
        self.zookeeper.start()
        self.addCleanup(self.zookeeper.remove)
        self.start_kazoo()
        self.addCleanup(self._stop_kazoo)
        self.brokers = {}
        for broker_id in (1, 2, 3):
            self.start_broker(broker_id)
        self.brokers[1].expect("active 1")

    def start_kazoo(self):
        self.kazoo = KazooClient(hosts=self.zookeeper.connect)
        self.kazoo.start()

    def _stop_kazoo(self):
        self.kazoo.stop()
        self.kazoo.close()

    def start_broker(self, broker_id):
        broker = Broker(self.zookeeper.connect, broker_id)
        self.brokers[broker_id] = broker
        self.addCleanup(lambda: broker.process.poll() is None and broker.end())
        broker.expect("registered")
        return broker

    def create(self, broker, name, partitions, replicas):
        """Asks again until the controller has seen that all brokers are there."""
        answer = "INVALID_REPLICATION_FACTOR"

        def asks():
            nonlocal answer
            broker.tell(f"create {name} {partitions} {replicas}")
            answer = broker.expect(f"created {name} ")
            return "INVALID_REPLICATION_FACTOR" not in answer

        wait_until(asks, "all brokers are there")
        self.assertIn("NONE", answer)
        return answer

    def read(self, path):
        data, stat = self.kazoo.get(path)
        return json.loads(data), stat

    def state(self, topic, partition):
        return self.read(f"/brokers/topics/{topic}/partitions/{partition}/state")

    def states(self, topic, count):
        pending = [self.kazoo.get_async(f"/brokers/topics/{topic}/partitions/{p}/state")
                   for p in range(count)]
        return [json.loads(one.get()[0]) for one in pending]

    def milliseconds(self, line):
        return int(line.rsplit("ms=", 1)[1])

    def test_a_topic_is_znodes_as_kafka_writes_them(self):
        self.create(self.brokers[1], "orders", 2, 3)
        topic, stat = self.read("/brokers/topics/orders")
        self.assertEqual(set(topic), {"version", "topic_id", "partitions", "adding_replicas",
                                      "removing_replicas"})
        self.assertEqual(topic["version"], 3)
        self.assertEqual(len(topic["topic_id"]), 22)
        self.assertEqual(set(topic["partitions"]), {"0", "1"})
        self.assertEqual(sorted(topic["partitions"]["0"]), [1, 2, 3])
        self.assertEqual(stat.version, 0)
        config, _ = self.read("/config/topics/orders")
        self.assertEqual(config, {"version": 1, "config": {}})
        state, stat = self.state("orders", 0)
        replicas = topic["partitions"]["0"]
        self.assertEqual(state, {"controller_epoch": 1, "leader": replicas[0], "version": 1,
                                 "leader_epoch": 0, "isr": replicas})
        self.assertEqual(stat.version, 0)
        self.assertEqual(self.kazoo.get("/brokers/topics/orders/partitions/0")[0], None)
        controller, stat = self.read("/controller")
        self.assertEqual({key: controller[key] for key in ("version", "brokerid",
                                                           "kraftControllerEpoch")},
                         {"version": 2, "brokerid": 1, "kraftControllerEpoch": -1})
        self.assertIsInstance(controller["timestamp"], str)
        self.assertNotEqual(stat.ephemeralOwner, 0)
        self.assertEqual(self.kazoo.get("/controller_epoch")[0], b"1")

    def test_a_thousand_partitions_come_survive_and_go(self):
        line = self.create(self.brokers[1], "wide", 1000, 3)
        self.assertLess(self.milliseconds(line), 5000)
        self.assertEqual(len(self.kazoo.get_children("/brokers/topics/wide/partitions")), 1000)
        watches = int(self.zookeeper.monitor()["zk_watch_count"])
        self.assertLess(watches, 30)

        # A broker dies: nobody is led by it or counts on it any more.
        self.brokers[3].end(kill=True)
        wait_until(lambda: all(3 not in state["isr"] for state in self.states("wide", 1000)),
                   "broker 3 leaves the ISRs")
        for state in self.states("wide", 1000):
            self.assertIn(state["leader"], (1, 2))
            self.assertEqual(state["leader_epoch"], 1)

        # The controller dies with it: the other takes over, elects, and goes on.
        self.brokers[1].end(kill=True)
        self.brokers[2].expect("active 2")
        wait_until(lambda: all(state["leader"] == 2 for state in self.states("wide", 1000)),
                   "broker 2 leads all")
        self.assertTrue(all(state["isr"] == [2] and state["controller_epoch"] == 2
                            for state in self.states("wide", 1000)))
        self.brokers[2].tell("delete wide")
        line = self.brokers[2].expect("deleted wide")
        self.assertIn("NONE", line)
        self.assertIsNone(self.kazoo.exists("/brokers/topics/wide"))
        self.assertIsNone(self.kazoo.exists("/config/topics/wide"))
        self.assertEqual(self.kazoo.get_children("/admin/delete_topics"), [])

    def test_the_change_log_is_kept_short_and_without_gaps(self):
        for i in range(600):
            self.create(self.brokers[1], f"t{i}", 1, 1)
        numbers = sorted(int(name[len("change_"):])
                         for name in self.kazoo.get_children("/barnabas/changes"))
        self.assertLessEqual(len(numbers), 512)
        self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))

    def test_a_zookeeper_restart_is_survived(self):
        self.create(self.brokers[1], "before", 10, 3)
        # It is the brokers' sessions that are to survive, not the test's.
        self._stop_kazoo()
        self.zookeeper.restart(kill=True)
        self.start_kazoo()

        def creates():
            for broker in self.brokers.values():
                broker.tell("create after 10 3")
            answers = [broker.expect("created after") for broker in self.brokers.values()]
            return any("NONE" in answer or "TOPIC_ALREADY_EXISTS" in answer
                       for answer in answers)

        wait_until(creates, "a topic is created")
        wait_until(lambda: all(state["leader"] >= 0 for state in self.states("before", 10)),
                   "all are led")


if __name__ == "__main__":
    unittest.main(verbosity=2)
