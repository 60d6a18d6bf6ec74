"""A consumer of libbarnabas that a test steers (consumer_driver.c).

    member = Member(cluster.bootstrap, "group", **{"session.timeout.ms": 6000})
    member.tell("subscribe orders")
    member.wait_for(lambda: member.owned == {("orders", 0)}, "its partition")
    member.messages              # [(topic, partition, offset, value), ...] in order
"""
import os
import pathlib
import subprocess
import tempfile
import threading

from broker_cluster import wait_until

BUILD = pathlib.Path(os.environ.get("BARNABAS_BUILD", "build/debug")).resolve()
DRIVER = str(BUILD / "tests" / "integration" / "consumer_driver")
SECONDS = 60


class Member:
    def __init__(self, bootstrap, group, **settings):
        values = {"bootstrap.servers": bootstrap, "group.id": group,
                  "auto.offset.reset": "earliest", "enable.partition.eof": "false",
                  "heartbeat.interval.ms": 500, "session.timeout.ms": 10000,
                  "metadata.max.age.ms": 1000}
        values.update({key.replace("_", "."): value for key, value in settings.items()})
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [DRIVER, *(f"{key}={value}" for key, value in values.items())],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.lines = []
        self.messages = []
        self.owned = set()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        for line in self.process.stdout:
            words = line.rstrip("\n").split(" ")
            partitions = set()
            if words[0] in ("assigned", "revoked", "lost"):
                for word in words[1:]:
                    topic, partition = word.rsplit(":", 1)
                    partitions.add((topic, int(partition)))
            if words[0] == "assigned":
                self.owned = self.owned | partitions
            elif words[0] in ("revoked", "lost"):
                self.owned = self.owned - partitions
            elif words[0] == "message":
                self.messages.append((words[1], int(words[2]), int(words[3]), words[4]))
            self.lines.append(line.rstrip("\n"))

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command):
        """The answer, which begins with the command's first word."""
        known = len(self.lines)
        name = command.split(" ")[0]
        self.tell(command)
        return self.wait_for(
            lambda: next((line for line in self.lines[known:] if line.split(" ")[0] == name), None),
            f"an answer to {command}")

    def wait_for(self, condition, what, seconds=SECONDS):
        try:
            return wait_until(condition, seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.report()}") from None

    def count(self, word):
        return sum(line.split(" ")[0] == word for line in self.lines)

    def report(self):
        self.log.seek(0)
        shown = [line for line in self.lines if not line.startswith("message")][-30:]
        return "\n".join([*shown, f"{len(self.messages)} messages",
                          self.log.read().decode(errors="replace")[-6000:]])

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self._done()

    def close(self):
        self.tell("close")
        status = self.process.wait(SECONDS)
        self.thread.join()
        if status != 0:
            raise AssertionError(f"status {status}\n{self.report()}")
        self._done()

    def _done(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.log.close()

    def end(self):
        """However it stands."""
        if self.process.poll() is None:
            self.kill()
