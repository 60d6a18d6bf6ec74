"""The example client/examples/exactly_once.c does what it says, whoever is killed meanwhile."""
import unittest

from broker_cluster import BUILD
from exactly_once_chain import ExactlyOnceChain


class ExactlyOnceTest(ExactlyOnceChain, unittest.TestCase):
    program = [str(BUILD / "client" / "examples" / "example_exactly_once")]


if __name__ == "__main__":
    unittest.main()
