"""The newest Java client from Maven Central, unmodified."""
import pathlib
import subprocess
import unittest

from clients.client_matrix import ClientMatrix

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "build" / "foreign"
TIMEOUT_SECONDS = 120


def java(*arguments, lines=()):
    ran = subprocess.run(
        ["java", "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
         "-cp", f"{FOLDER}/classes:{FOLDER}/jars/*", "JavaClient", *map(str, arguments)],
        input="".join(line + "\n" for line in lines).encode(), capture_output=True,
        timeout=TIMEOUT_SECONDS, check=False)
    if ran.returncode != 0:
        raise AssertionError(f"{arguments}:\n{ran.stderr.decode(errors='replace')}")
    return ran.stdout.decode().split("\n")[:-1]


class Java:
    def brokers(self, bootstrap):
        return [int(line) for line in java("brokers", bootstrap)]

    def produce(self, bootstrap, topic, partition, lines, acks, compression):
        java("produce", bootstrap, topic, partition, acks, compression, lines=lines)

    def consume(self, bootstrap, topic, partition, start):
        words = start if isinstance(start, tuple) else (start,)
        return java("consume", bootstrap, topic, partition, *words)

    def follow(self, bootstrap, topic, partition):
        return java("follow", bootstrap, topic, partition)[0]


class JavaTest(ClientMatrix, unittest.TestCase):
    adapter = Java()


if __name__ == "__main__":
    unittest.main()
