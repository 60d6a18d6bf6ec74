"""barnabas bench: what it sends is what it says, and times count from when records were due."""
import json
import subprocess
import time
import unittest

from broker_cluster import COMMAND, BrokerCluster

USAGE, TIMED_OUT = 2, 5


class BenchCommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1)
        cls.enterClassContext(cls.cluster)

    def bench(self, *arguments):
        told = self.cluster.barnabas("--output", "json", "bench", *map(str, arguments))
        return json.loads(told)["items"][0]

    def test_what_is_sent_can_be_read(self):
        self.cluster.create_topic("all", 3)
        sent = self.bench("produce", "all", "--records", 20000, "--size", 50, "--keys", 7,
                          "--compress", "lz4")
        self.assertEqual((sent["records"], sent["failed"], sent["bytes"]), (20000, 0, 1000000))
        self.assertLessEqual(sent["latencyMs"]["p50"], sent["latencyMs"]["p99.9"])
        self.assertLessEqual(sent["latencyMs"]["p99.9"], sent["latencyMs"]["max"])
        read = self.bench("consume", "all")
        self.assertEqual((read["records"], read["bytes"]), (20000, 1000000 + 20000))
        keys = self.cluster.barnabas("consume", "all", "--exit-at-end", "--format", "%k\\n")
        self.assertEqual(set(keys.split()), {str(key).encode() for key in range(7)})

    def test_a_rate_is_kept_and_every_record_comes_back(self):
        self.cluster.create_topic("paced", 2)
        begin = time.monotonic()
        told = self.bench("end-to-end", "paced", "--rate", 200, "--records", 200)
        self.assertGreaterEqual(time.monotonic() - begin, 199 / 200)
        self.assertEqual((told["records"], told["failed"]), (200, 0))
        self.assertGreater(told["latencyMs"]["p50"], 0)

    def test_a_pause_of_the_broker_is_not_left_out(self):
        """Half a second of silence makes that of all records which were due within it late."""
        self.cluster.create_topic("paused")
        process = subprocess.Popen(
            [COMMAND, "-b", self.cluster.bootstrap, "--output", "json", "bench", "produce",
             "paused", "--rate", "500", "--records", "1500"], stdout=subprocess.PIPE)
        while self.cluster.barnabas("consume", "paused", "-e", "--format", "x") == b"":
            self.assertIsNone(process.poll())
        self.cluster.brokers[1].pause(0.5)
        told = json.loads(process.communicate(timeout=60)[0])["items"][0]
        self.assertEqual(process.returncode, 0)
        self.assertEqual((told["records"], told["failed"]), (1500, 0))
        self.assertGreaterEqual(told["latencyMs"]["max"], 400)
        # 250 of 1,500 were due while it was silent, and waited a quarter of a second on average.
        self.assertGreaterEqual(told["latencyMs"]["p95"], 200)

    def test_failures_have_their_status(self):
        def status(*arguments):
            return subprocess.run([COMMAND, "-b", self.cluster.bootstrap, *arguments], timeout=60,
                                  capture_output=True, check=False).returncode
        self.cluster.create_topic("small", max_message_bytes=1000)
        self.assertEqual(status("bench", "produce", "small", "-n", "5", "-s", "5000"), 1)
        self.assertEqual(status("bench", "end-to-end", "small", "--size", "7"), USAGE)
        self.assertEqual(status("bench", "produce", "small", "--acks", "two"), USAGE)
        self.assertEqual(status("bench", "produce"), USAGE)
        self.assertEqual(status("--timeout", "1", "bench", "consume", "small", "-X",
                                "enable.partition.eof=false"), TIMED_OUT)


if __name__ == "__main__":
    unittest.main()
