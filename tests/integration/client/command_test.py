"""The command's daily work: health, tail, contexts, completion."""
import json
import os
import re
import subprocess
import time
import unittest

from broker_cluster import COMMAND, BrokerCluster, wait_until
from zookeeper_server import free_port

UNHEALTHY = 7

# Prints what is offered at the end of each line of standard input: in bash, and in zsh, which
# itself leaves out what does not begin as the word does.
BASH = """
source <("$0" completion bash)
while read -r line; do
  read -ra COMP_WORDS <<< "$line"; [[ "$line" == *'|' ]] && COMP_WORDS[-1]=
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMPREPLY=(); __barnabas_complete
  echo "${COMPREPLY[@]}"
done
"""
ZSH = """
autoload -Uz compinit bashcompinit; compinit -D -u; bashcompinit
source <("$0" completion bash)
offer() {
  emulate -L ksh; setopt kshglob noshglob braceexpand
  COMP_WORDS=("$@"); [[ "${COMP_WORDS[-1]}" == '|' ]] && COMP_WORDS[-1]=
  COMP_CWORD=$(($# - 1)); COMPREPLY=(); __barnabas_complete; print -r -- "${COMPREPLY[@]}"
}
while read -r line; do offer ${=line}; done
"""


class CommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2)
        for broker in cls.cluster.brokers.values():  # fixed, so that the settings tell it
            broker.settings["barnabas.admin.listener"] = f"127.0.0.1:{free_port()}"
        cls.enterClassContext(cls.cluster)

    def run_with(self, *arguments, **environment):
        return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=60,
                              check=False, env={**os.environ, **environment})

    def findings(self):
        ran = self.run_with("-b", self.cluster.bootstrap, "--output", "json", "cluster", "health")
        return json.loads(ran.stdout)["items"]

    def health(self):
        ran = self.run_with("-b", self.cluster.bootstrap, "--output", "json", "cluster", "health")
        told = json.loads(ran.stdout)
        self.assertEqual(ran.returncode, 0 if told["healthy"] else UNHEALTHY)
        # Other tests' topics may lie on one broker only.
        return told["healthy"], {(item["what"], item["where"]) for item in told["items"]
                                 if item["where"].split(":")[0] in ("both", "one", "broker 2")}

    def test_health_tells_what_is_wrong_and_where(self):
        self.cluster.create_topic("both", 2, 2)
        self.cluster.create_topic("one", 2, 1)
        wait_until(lambda: self.health() == (True, set()), 60, "a healthy cluster")
        on_two = {partition for partition, told in self.cluster.partitions("one").items()
                  if told["replicas"] == [2]}
        killed = time.time()
        self.cluster.kill(2)
        expected = {("broker-missing", "broker 2"), ("under-replicated", "both:0"),
                    ("under-replicated", "both:1"), *(("offline", f"one:{p}") for p in on_two)}
        try:
            wait_until(lambda: self.health() == (False, expected), 60, f"{expected}")
        except AssertionError:
            self.assertEqual(self.health(), (False, expected))
            raise
        table = self.run_with("-b", self.cluster.bootstrap, "cluster", "health")
        self.assertIn("unhealthy: 1 brokers", table.stdout)
        # Since when, by ZooKeeper's clock, which is this machine's.
        since = {item["where"]: item["sinceMs"] / 1000 for item in self.findings()}
        for where in ("both:0", "both:1", "broker 2", *(f"one:{p}" for p in on_two)):
            self.assertTrue(killed - 1 <= since[where] <= time.time(), (where, since, killed))
        self.assertEqual(since["broker 2"], min(since["both:0"], since["both:1"],
                                                *(since[f"one:{p}"] for p in on_two)))
        self.assertRegex(table.stdout, r" both:0 +20[0-9-]+T[0-9:]+Z +not in sync: 2 ")
        self.cluster.start_broker(2)
        wait_until(lambda: self.health()[0], 60, "a healthy cluster")

    def test_health_tells_of_groups_that_are_behind(self):
        def told(*arguments):
            ran = self.run_with("-b", self.cluster.bootstrap, "--output", "json", "cluster",
                                "health", *arguments)
            return [(item["severity"], item["what"], item["details"].rsplit(",", 1)[0])
                    for item in json.loads(ran.stdout)["items"] if item["where"] == "group slow"]
        self.cluster.create_topic("read", 1, 1)
        before = time.time()
        self.cluster.barnabas("produce", "read", "-", stdin=b"a\nb\nc\n")
        self.cluster.barnabas("group", "reset-offsets", "slow", "--topic", "read", "--to", "1")
        self.assertEqual(told(), [])
        expected = [("notice", "group-lagging", "read:0 by 2 records")]
        wait_until(lambda: told("--lag", "0") == expected, 20, "the group lags")
        since = next(item["sinceMs"] for item in json.loads(self.run_with(
            "-b", self.cluster.bootstrap, "--output", "json", "cluster", "health", "--lag",
            "0").stdout)["items"] if item["where"] == "group slow")
        self.assertTrue(before - 1 <= since / 1000 <= time.time())
        self.cluster.barnabas("config", "alter", "topic", "read", "--config",
                              "retention.ms=1800000")
        wait_until(lambda: told()[:1] and told()[0][:2] == ("unhealthy", "group-loses-soon"), 20,
                   "it is about to lose records")
        self.cluster.barnabas("group", "delete", "slow")

    def test_tail_prints_the_last_and_what_comes(self):
        self.cluster.create_topic("tailed", 1, 1)
        self.cluster.barnabas("produce", "tailed", "-",
                              stdin="".join(f"{i}\n" for i in range(30)).encode())
        out = self.cluster.barnabas("topic", "tail", "tailed", "-n", "3", "--exit-at-end")
        self.assertEqual(out.decode(), "tailed:0:27 27\ntailed:0:28 28\ntailed:0:29 29\n")
        out = self.cluster.barnabas("topic", "tail", "tailed", "-n", "99", "-e", "-f", "%s\\n")
        self.assertEqual(out.decode().split(), [str(i) for i in range(30)])
        tail = subprocess.Popen([COMMAND, "-b", self.cluster.bootstrap, "topic", "tail", "tailed",
                                 "-n", "1"], stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(tail.stdout.readline(), "tailed:0:29 29\n")
            self.cluster.barnabas("produce", "tailed", "-", stdin=b"new\n")
            self.assertEqual(tail.stdout.readline(), "tailed:0:30 new\n")
        finally:
            tail.kill()
            tail.wait()
            tail.stdout.close()

    def test_contexts_name_clusters(self):
        path = self.cluster.folder / "contexts"
        path.write_text(f"context = here\n[here]\nbootstrap.servers={self.cluster.bootstrap}\n"
                        "[gone]\nbootstrap.servers=127.0.0.1:1\n[odd]\nno.such.key=1\n")
        own = {"BARNABAS_CONFIG": str(path), "BARNABAS_BOOTSTRAP": ""}
        self.assertEqual(self.run_with("broker", "list", **own).returncode, 0)
        gone = self.run_with("--context", "gone", "--timeout", "1", "broker", "list", **own)
        self.assertNotEqual(gone.returncode, 0)
        self.assertIn("127.0.0.1:1", gone.stderr)
        self.assertEqual(self.run_with("--context", "gone", "-b", self.cluster.bootstrap, "broker",
                                       "list", **own).returncode, 0)
        for name, complaint in (("none", "has no context none"), ("odd", "contexts:7:")):
            ran = self.run_with("--context", name, "broker", "list", **own)
            self.assertEqual(ran.returncode, 2)
            self.assertIn(complaint, ran.stderr)

    def complete(self, line):
        """What bash offers at the end of the line."""
        words = line.split(" ")
        script = ("source <(\"$1\" completion bash); COMP_WORDS=(\"${@:2}\"); "
                  "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); __barnabas_complete; "
                  "printf '%s\\n' \"${COMPREPLY[@]}\"")
        out = subprocess.run(
            ["bash", "-c", script, "bash", COMMAND, *words], capture_output=True, text=True,
            check=True, timeout=60,
            env={**os.environ, "BARNABAS_BOOTSTRAP": self.cluster.bootstrap,
                 "PATH": f"{os.path.dirname(COMMAND)}:{os.environ['PATH']}"})
        self.assertEqual(out.stderr, "")
        return set(out.stdout.split())

    def test_a_shell_completes_commands_flags_and_names(self):
        self.cluster.create_topic("completed-topic", 1, 1)
        self.assertEqual(self.complete("barnabas to"), {"topic"})
        self.assertLessEqual({"create", "list", "tail"}, self.complete("barnabas topic "))
        self.assertEqual(self.complete("barnabas -b x topic ta"), {"tail"})
        self.assertEqual(self.complete("barnabas consume --exi"), {"--exit-at-end"})
        self.assertEqual(self.complete("barnabas topic describe completed"), {"completed-topic"})
        self.assertEqual(self.complete("barnabas group reset-offsets --dry"), {"--dry-run"})
        for command in ("records delete", "partition reassign", "leader move", "consume"):
            self.assertEqual(self.complete(f"barnabas {command} completed"), {"completed-topic"})
        self.assertEqual(self.run_with("completion", "fish").returncode, 2)

    def commands(self):
        """(first word, second or None, flags) of every command, as its help tells."""
        lines = self.run_with("help").stdout.split("commands:\n")[1].split("\n\n")[0]
        for words in (line[2:36].split() for line in lines.splitlines()):
            if not words:
                continue  # what goes on from the line before
            verb = words[1] if words[1:] and re.fullmatch("[a-z-]+", words[1]) else None
            told = self.run_with(*filter(None, (words[0], verb)), "--help").stdout
            yield words[0], verb, re.findall(r"^ +(?:-\w, |    )?(--[a-z-]+)", told, re.M)

    def test_every_command_and_flag_is_completed_in_both_shells(self):
        wanted = []  # line, a | for a word that has not begun; what must be offered
        for group, verb, flags in self.commands():
            wanted.append(("barnabas |", {group}))
            wanted.append((f"barnabas {group} |", {verb} if verb else set()))
            name = f"{group} {verb}" if verb else group
            wanted.append((f"barnabas {name} --", set(flags) if group != "log" else set()))
        self.assertGreater(sum(len(words) for _, words in wanted), 300)
        for shell, script in (("bash", BASH), ("zsh", ZSH)):
            ran = subprocess.run([shell, *(["-f"] if shell == "zsh" else []), "-c", script, COMMAND],
                                 input="".join(f"{line}\n" for line, _ in wanted), text=True,
                                 capture_output=True, check=True, timeout=60,
                                 env={**os.environ, "BARNABAS_BOOTSTRAP": "127.0.0.1:1"})
            self.assertEqual(ran.stderr, "")
            offers = ran.stdout.splitlines()
            self.assertEqual(len(offers), len(wanted))
            for (line, words), offer in zip(wanted, offers):
                self.assertLessEqual(words, set(offer.split()), (shell, line))


if __name__ == "__main__":
    unittest.main()
