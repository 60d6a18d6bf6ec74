"""Exactly once with confluent-kafka (librdkafka), unmodified: it consumes, works and produces while
brokers, coordinators, the programs and ZooKeeper are killed."""
import pathlib
import sys
import unittest

from exactly_once_chain import ExactlyOnceChain


class ConfluentTest(ExactlyOnceChain, unittest.TestCase):
    program = [sys.executable,
               str(pathlib.Path(__file__).resolve().parent / "confluent_exactly_once.py")]


if __name__ == "__main__":
    unittest.main()
