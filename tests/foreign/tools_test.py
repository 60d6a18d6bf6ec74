"""Apache Kafka's command-line tools of 3.9 print the same of our brokers as of Apache Kafka's.

The steps (tool_steps.py) run first against the oracle, brokers of the same release in ZooKeeper
mode, then against ours: most against three, some against one with two data directories. What the oracle printed is kept beside its jars, and taken from
there as long as neither the steps nor the jars change. What EXPLAINED lists must differ: what
is no longer different has to leave the list.
"""
import difflib
import hashlib
import json
import pathlib
import re
import unittest

from broker_cluster import BrokerCluster
from explained import EXPLAINED
from kafka_oracle import KAFKA, Tools, oracle
from run_steps import SETTINGS, run_steps
from tool_steps import STEPS, WORLDS

HERE = pathlib.Path(__file__).resolve().parent


def oracle_results():
    digest = hashlib.sha256("".join(sorted(jar.name for jar in (KAFKA / "jars").iterdir())).encode())
    for source in ("tool_steps.py", "run_steps.py", "kafka_oracle.py", "ToolRunner.java"):
        digest.update((HERE / source).read_bytes())
    kept = KAFKA / f"oracle-{digest.hexdigest()[:16]}.json"
    if not kept.exists():
        results = {}
        for world, groups in WORLDS.values():
            with oracle(settings=SETTINGS, **world) as cluster, Tools() as tools:
                results.update(run_steps(groups, cluster, tools))
        kept.write_text(json.dumps(results))
    return json.loads(kept.read_text())


def difference(theirs, ours):
    """Lines that say how [status, output] differ; none if they do not."""
    lines = [] if theirs[0] == ours[0] else [f"exit status {theirs[0]}, ours {ours[0]}"]
    diff = difflib.unified_diff(theirs[1].split("\n"), ours[1].split("\n"), lineterm="", n=0)
    return lines + [line for line in list(diff)[2:] if not line.startswith("@@")]


class ToolsTest(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.theirs = oracle_results()
        cls.ours = {}
        for world, groups in WORLDS.values():
            with BrokerCluster(settings=SETTINGS, **world) as cluster, Tools() as tools:
                cls.ours.update(run_steps(groups, cluster, tools))
        cls.used = set()
        cls.left = {group: [(step, cls.unexplained(step, difference(theirs, ours)))
                            for step, theirs, ours in zip(STEPS[group], cls.theirs[group],
                                                          cls.ours[group])]
                    for group in STEPS}

    @classmethod
    def unexplained(cls, step, lines):
        """Of these lines those that no explanation covers."""
        left = []
        for line in lines:
            covering = {explanation for explanation in EXPLAINED
                        if re.search(explanation[0], step.name) and re.search(explanation[1], line)}
            cls.used |= covering
            if not covering:
                left.append(line)
        return left

    def check(self, group):
        self.assertEqual(len(self.theirs[group]), len(STEPS[group]))
        for step, left in self.left[group]:
            with self.subTest(step.name):
                self.assertFalse(left, "\n".join([step.name, *left[:60]]))

    def test_explanations_are_needed(self):
        for explanation in EXPLAINED:
            with self.subTest(explanation):
                self.assertIn(explanation, self.used)


for name in STEPS:
    setattr(ToolsTest, f"test_{name}", lambda self, group=name: self.check(group))


if __name__ == "__main__":
    unittest.main()
