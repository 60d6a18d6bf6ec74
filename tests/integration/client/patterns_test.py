"""The patterns of the library, by their examples: each does what its header promises."""
import collections
import subprocess
import time
import unittest

from broker_cluster import BUILD, BrokerCluster, wait_until

EXAMPLES = BUILD / "client/examples"
SETTINGS = {"group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 2,
            "auto.create.topics.enable": "false", "min.insync.replicas": 1}


class PatternsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2, settings=SETTINGS)
        cls.enterClassContext(cls.cluster)

    def start(self, name, *arguments, stdin=subprocess.DEVNULL):
        command = [str(EXAMPLES / f"example_{name}"), self.cluster.bootstrap,
                   *map(str, arguments)]
        return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True)

    def run_example(self, name, *arguments, stdin="", status=0):
        process = self.start(name, *arguments, stdin=subprocess.PIPE)
        out, err = process.communicate(stdin, timeout=90)
        self.assertEqual(process.returncode, status, err)
        return out.splitlines()

    def produce(self, topic, lines, *flags):
        self.cluster.barnabas("produce", topic, "-", *flags,
                              stdin="".join(line + "\n" for line in lines).encode())

    def consumed(self, topic, form="%s\\n"):
        return self.cluster.barnabas("consume", topic, "--exit-at-end", "--format",
                                     form).decode().splitlines()

    def lag(self, group):
        return self.cluster.barnabas("group", "lag", group).decode()

    def test_retries_come_after_their_pauses_and_end_among_the_dead_letters(self):
        for topic in ("work", "work.retry-1", "work.retry-2", "work.retry-3",
                      "work.dead-letter"):
            self.cluster.create_topic(topic, 2)
        self.produce("work", ["fine", "fail 1", "fail 3", "fail 4", "give up", "fine too"])
        begin = time.monotonic()
        process = self.start("retry_topics", "retriers", "work", 5)
        lines = [process.stdout.readline().strip() for _ in range(4)]
        # 100 ms, 300 ms and a second lie between the first and the last try.
        self.assertGreaterEqual(time.monotonic() - begin, 1.4)
        rest, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, rest), (0, ""), err)
        self.assertEqual(sorted(line.split(",")[0] + line[-11:] for line in lines),
                         ["fail 1 1 failures", "fail 3 3 failures", "fine 0 failures",
                          "fine too 0 failures"])
        dead = dict(line.split("|") for line in self.consumed("work.dead-letter", "%s|%h\\n"))
        self.assertEqual(set(dead), {"fail 4", "give up"})
        self.assertRegex(dead["fail 4"], r"barnabas-retry=4 work \d \d")
        self.assertRegex(dead["give up"], r"barnabas-retry=1 work \d \d")
        # Whoever comes next finds nothing left to do.
        self.assertEqual(self.run_example("retry_topics", "retriers", "work", 2), [])

    def test_stamps_show_what_a_killed_broker_does_not_do(self):
        self.cluster.create_topic("stamped", 3, 2)
        process = self.start("check_delivery", "stamped", 200000)
        wait_until(lambda: self.cluster.barnabas("consume", "stamped", "-e", "-c", "1"), 30,
                   "a first record")
        self.cluster.kill(2)
        self.cluster.start_broker(2)
        out, err = process.communicate(timeout=120)
        self.assertEqual(process.returncode, 0, out + err)
        self.assertEqual(out.count("lost 0, duplicated 0, reordered 0"), 3, out)
        self.cluster.wait_until_whole()

    def test_copies_are_left_out(self):
        self.cluster.create_topic("doubled", 1)
        self.produce("doubled", ["a:1", "b:2", "a:3", "b:4", "c:5"], "-k", ":")
        self.assertEqual(self.run_example("deduplicate", "doubled", 3), ["1", "2", "5"])

    def test_members_share_tokens_and_take_no_more_than_were_fed(self):
        self.cluster.create_topic("tokens", 4)
        self.produce("tokens", ["3", "x", "2", "4"])
        lines = "".join(f"{i}\n" for i in range(20))
        both = [self.start("token_bucket", "buckets", "tokens", stdin=subprocess.PIPE)
                for _ in range(2)]
        for process in both:
            process.stdin.write(lines)
            process.stdin.close()
        # The two between them print nine lines; with a rebalance, some tokens may be lost.
        printed = [process.stdout.read().splitlines() for process in both]
        for process in both:
            process.stderr.read()
            self.assertEqual(process.wait(60), 1)
            process.stdout.close()
            process.stderr.close()
        self.assertLessEqual(sum(map(len, printed)), 9)
        self.produce("tokens", ["5"])
        self.assertEqual(len(self.run_example("token_bucket", "buckets", "tokens", stdin=lines,
                                              status=1)), 5)

    def test_keys_stay_in_order_while_threads_work_and_nothing_is_lost(self):
        self.cluster.create_topic("keyed", 2)
        count, keys = 4800, 40  # six seconds of work at least
        self.produce("keyed", [f"k{i % keys}:{i}" for i in range(count)], "-k", ":")
        values = collections.defaultdict(list)
        runs = []
        while sum(runs) < count:  # each goes on where the one before had come to
            self.assertNotIn(0, runs[1:])
            lines = self.run_example("parallel", "workers", "keyed", 6 if runs else 2)
            runs.append(len(lines))
            for key, value in map(str.split, lines):
                values[key].append(int(value))
        self.assertEqual(sum(runs), count)
        # One thread does a hundred in a second; the first run was to be cut off.
        self.assertGreater(runs[0], 300)
        self.assertGreater(len(runs), 1)
        self.assertEqual({value for of_key in values.values() for value in of_key},
                         set(range(count)))
        for key, of_key in values.items():
            self.assertEqual(of_key, sorted(of_key), key)
        self.assertIn("lag of all 0", self.lag("workers"))


if __name__ == "__main__":
    unittest.main()
