"""Consumer groups of the newest confluent-kafka (librdkafka) from PyPI, unmodified."""
import pathlib
import unittest

from group_members import CooperativeMembers, StaticMembers

FOLDER = pathlib.Path(__file__).resolve().parent
PYTHON = FOLDER.parents[1] / "build" / "foreign" / "python" / "bin" / "python"


class ConfluentGroupsTest(CooperativeMembers, StaticMembers, unittest.TestCase):
    eager, cooperative = "range", "cooperative-sticky"
    members_per_process = 1

    def member_command(self, bootstrap, topic, group, assignor, names):
        return [PYTHON, FOLDER / "confluent_member.py", bootstrap, topic, group, assignor, *names]


if __name__ == "__main__":
    unittest.main()
