"""The Java client from Maven Central, unmodified: the newest of 3.9 and the newest of all."""
import pathlib
import subprocess
import unittest

from clients.client_matrix import ClientMatrix

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build" / "foreign" / "java"
TIMEOUT_SECONDS = 120


class Java:
    def __init__(self, release):
        self.folder = FOLDER / release

    def run(self, *arguments, lines=()):
        ran = subprocess.run(
            ["java", "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
             "-cp", f"{self.folder}/classes:{self.folder}/jars/*", "JavaClient",
             *map(str, arguments)],
            input="".join(line + "\n" for line in lines).encode(), capture_output=True,
            timeout=TIMEOUT_SECONDS, check=False)
        if ran.returncode != 0:
            raise AssertionError(f"{arguments}:\n{ran.stderr.decode(errors='replace')}")
        return ran.stdout.decode().split("\n")[:-1]

    def brokers(self, bootstrap):
        return [int(line) for line in self.run("brokers", bootstrap)]

    def produce(self, bootstrap, topic, partition, lines, acks, compression):
        self.run("produce", bootstrap, topic, partition, acks, compression, lines=lines)

    def consume(self, bootstrap, topic, partition, start):
        words = start if isinstance(start, tuple) else (start,)
        return self.run("consume", bootstrap, topic, partition, *words)

    def follow(self, bootstrap, topic, partition):
        return self.run("follow", bootstrap, topic, partition)[0]


class Java39Test(ClientMatrix, unittest.TestCase):
    adapter = Java("3.9")


class JavaNewestTest(ClientMatrix, unittest.TestCase):
    adapter = Java("newest")


if __name__ == "__main__":
    unittest.main()
