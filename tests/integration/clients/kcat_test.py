"""Debian's kcat, unmodified."""
import json
import subprocess
import unittest

from clients.client_matrix import ClientMatrix

TIMEOUT_SECONDS = 90


def kcat(*arguments, stdin=b""):
    return subprocess.run(["kcat", *arguments], input=stdin, capture_output=True, check=True,
                          timeout=TIMEOUT_SECONDS).stdout.decode()


class Kcat:
    sends_empty_values = False  # it skips empty lines
    separator = "\x1e"

    def brokers(self, bootstrap):
        return [broker["id"] for broker in json.loads(kcat("-b", bootstrap, "-L", "-J"))["brokers"]]

    def produce(self, bootstrap, topic, partition, lines, acks, compression):
        kcat("-b", bootstrap, "-P", "-t", topic, "-p", str(partition), "-z", compression,
             "-X", f"acks={acks}", "-X", "message.max.bytes=2000000", "-D", self.separator,
             stdin=(self.separator.join(lines) + self.separator).encode())

    def consume(self, bootstrap, topic, partition, start):
        if isinstance(start, tuple):
            start = f"s@{start[1]}"
        out = kcat("-b", bootstrap, "-C", "-q", "-e", "-t", topic, "-p", str(partition),
                   "-o", str(start), "-f", "%s" + self.separator)
        return out.split(self.separator)[:-1]

    def follow(self, bootstrap, topic, partition):
        return kcat("-b", bootstrap, "-C", "-q", "-t", topic, "-p", str(partition), "-o", "end",
                    "-c", "1", "-f", "%s")


class KcatTest(ClientMatrix, unittest.TestCase):
    adapter = Kcat()


if __name__ == "__main__":
    unittest.main()
