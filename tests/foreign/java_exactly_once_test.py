"""Exactly once with the Java client from Maven Central, unmodified, of 3.9 and of today: it consumes,
works and produces while brokers, coordinators, the programs and ZooKeeper are killed."""
import pathlib
import unittest

from exactly_once_chain import ExactlyOnceChain

FOREIGN = pathlib.Path(__file__).resolve().parents[2] / "build" / "foreign" / "java"


def program(release):
    return ["java", "-Xmx256m", "-XX:+UseSerialGC",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp", f"{FOREIGN}/{release}/classes:{FOREIGN}/{release}/jars/*", "JavaExactlyOnce"]


class Java39Test(ExactlyOnceChain, unittest.TestCase):
    program = program("3.9")


class JavaNewestTest(ExactlyOnceChain, unittest.TestCase):
    program = program("newest")


if __name__ == "__main__":
    unittest.main()
