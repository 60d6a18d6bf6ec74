"""--output json: whatever a command does, standard output is one document with a kind, the status
and what was done; nobody is asked. Every command stands in the table here, or among those whose
output is text by nature."""
import json
import os
import re
import subprocess
import unittest

from broker_cluster import COMMAND, BrokerCluster

USAGE, REFUSED = 2, 4

# One JSON document a line, for as many records as come.
LINES = {"consume", "topic tail"}
# Made for a shell, a pager or another program.
TEXT = {"log", "completion", "manual", "help"}

# In order: words, status, kind.
STEPS = [
    ("version", 0, "Version"),
    ("topic create orders -P 2 -r 2", 0, "TopicCreation"),
    ("topic create orders", 1, "TopicCreation"),
    ("topic create orders --if-not-exists", 0, "TopicCreation"),
    ("topic alter orders -P 3", 0, "TopicChange"),
    ("topic alter orders --config retention.ms=600000 --dry-run", 0, "TopicChange"),
    ("topic list", 0, "TopicList"),
    ("topic describe orders", 0, "TopicList"),
    ("produce orders {lines}", 0, "Production"),
    ("produce none {lines} --timeout 1 -X max.block.ms=1000", 1, "Production"),
    ("config alter topic orders --config retention.ms=700000", 0, "SettingChange"),
    ("config alter topic orders --config no.such=1", 1, "SettingChange"),
    ("config describe topic orders", 0, "SettingList"),
    ("records delete orders --before 1 --dry-run", 0, "RecordDeletion"),
    ("records delete orders --before end", 0, "RecordDeletion"),
    ("group reset-offsets g --topic orders --to earliest", 0, "GroupOffsets"),
    ("group list", 0, "GroupList"),
    ("group describe g", 0, "Group"),
    ("group lag g", 0, "GroupLag"),
    ("group losses g", 0, "GroupLosses"),
    ("group delete g --dry-run", 0, "GroupDeletion"),
    ("group delete g", 0, "GroupDeletion"),
    ("group delete g", 1, "GroupDeletion"),
    ("cluster describe", 0, "Cluster"),
    ("cluster health", 0, "ClusterHealth"),
    ("broker list", 0, "BrokerList"),
    ("whatif --stop 2", 0, "Impact"),
    ("leader elect --preferred", 0, "LeaderElection"),
    ("leader elect --unclean orders --dry-run", 0, None),
    ("leader move orders:0 --to {follower}", 0, "LeaderMove"),
    ("partition reassign", 0, "Reassignment"),
    ("partition reassign orders:1 --to 2 --dry-run", 0, "Reassignment"),
    ("partition reassign orders:1 --to 2 --wait", 0, "Reassignment"),
    ("partition reassign orders:1 --to 2 --verify", 0, "Reassignment"),
    ("partition move-dir", 0, "ReplicaMove"),
    ("partition move-dir orders --broker 2 --to {directory}", 0, "ReplicaMove"),
    ("transaction list", 0, "TransactionList"),
    ("transaction describe none", 1, None),
    ("transaction producers orders:0", 0, None),
    ("transaction find-hanging", 0, None),
    ("transaction abort orders:0 --start-offset 5", 1, "TransactionAbortion"),
    ("bench produce orders --records 100", 0, None),
    ("bench consume orders --records 10", 0, None),
    ("bench end-to-end orders --records 10 --rate 100", 0, None),
    ("topic delete orders --dry-run", 0, "TopicDeletion"),
    ("topic delete orders", 0, "TopicDeletion"),
    ("topic delete orders", 1, "TopicDeletion"),
    ("broker shutdown 2 --dry-run", 0, "Impact"),
    ("broker shutdown 2 --leaders-only", 0, "BrokerShutdown"),
]


class JsonCommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2, settings={
            "group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 1,
            "transaction.state.log.num.partitions": 1, "auto.create.topics.enable": "false"})
        cls.cluster.__enter__()
        cls.lines = cls.cluster.folder / "lines"
        cls.lines.write_text("a\nb\nc\nd\n")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.__exit__(None, None, None)

    def run_with(self, *words):
        return subprocess.run([COMMAND, "-b", self.cluster.bootstrap, "-o", "json", *words],
                              capture_output=True, text=True, timeout=90, check=False,
                              stdin=subprocess.DEVNULL)

    def fill(self, step):
        if "{follower}" in step:
            told = self.cluster.partitions("orders")[0]
            step = step.replace("{follower}", str(next(i for i in told["isr"]
                                                       if i != told["leader"])))
        return step.replace("{lines}", str(self.lines)).replace(
            "{directory}", str(self.cluster.brokers[2].folder / "data"))

    def test_every_command_prints_one_document(self):
        self.cluster.wait_until_whole()
        for step, status, kind in STEPS:
            with self.subTest(step):
                ran = self.run_with("--yes", *self.fill(step).split())
                self.assertEqual(ran.returncode, status, ran.stdout + ran.stderr)
                if status != 0 and ran.stdout == "" and kind is None:
                    continue
                told = json.loads(ran.stdout)
                self.assertEqual(told["apiVersion"], "barnabas/v1")
                self.assertTrue(told["kind"])
                if kind is not None:
                    self.assertEqual(told["kind"], kind)
                if "status" in told:
                    self.assertEqual(told["status"], status)
                if status != 0:
                    self.assertTrue(any(item["error"] != "NONE" for item in told["items"])
                                    or told["items"] == [], ran.stdout)

    def test_nobody_is_asked(self):
        self.cluster.create_topic("kept", 1, 1)
        self.cluster.barnabas("group", "reset-offsets", "kept", "--topic", "kept", "--to", "latest")
        for step in ("topic delete kept", "records delete kept --before end",
                     "partition reassign kept --to 2", "leader elect --preferred",
                     "broker shutdown 2", "group delete kept", "topic alter kept -P 2"):
            ran = self.run_with(*step.split())
            self.assertEqual(ran.returncode, REFUSED, step)
            self.assertEqual(json.loads(ran.stdout)["status"], REFUSED)

    def test_the_table_is_whole_and_every_command_has_help(self):
        shown = subprocess.run([COMMAND, "help"], capture_output=True, text=True,
                               check=True).stdout.split("commands:\n")[1].split("\n\n")[0]
        listed = set()
        for line in shown.splitlines():
            words = line[2:36].split()
            if not words:
                continue  # what goes on from the line before
            verb = words[1:2] if words[1:] and re.fullmatch("[a-z-]+", words[1]) else []
            listed.add(" ".join(words[:1] + verb))
        tested = {name for name in listed if any(f"{step} ".startswith(f"{name} ")
                                                 for step, _, _ in STEPS)}
        self.assertEqual(listed - tested, LINES | TEXT)
        told = subprocess.run([COMMAND, "topic", "--help"], capture_output=True, text=True,
                              check=True).stdout
        self.assertIn("topic create NAME", told)
        self.assertNotIn("group list", told)
        for name in listed:
            ran = subprocess.run([COMMAND, "help", *name.split()], capture_output=True, text=True,
                                 check=True)
            self.assertIn(f"usage: barnabas {name}", ran.stdout)
            ran = subprocess.run([COMMAND, *name.split(), "--help"], capture_output=True, text=True,
                                 check=False, env={**os.environ, "BARNABAS_BOOTSTRAP": ""})
            self.assertEqual(ran.returncode, 0, name)
            self.assertIn(name.split()[0], ran.stdout)
            ran = subprocess.run([COMMAND, *name.split(), "--no-such-flag"], capture_output=True,
                                 text=True, check=False)
            self.assertEqual(ran.returncode, USAGE, name)


if __name__ == "__main__":
    unittest.main()
