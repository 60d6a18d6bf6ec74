"""Consumer groups of eight members of Debian's python3-kafka, unmodified; of twenty with
BARNABAS_GROUPS_LONG."""
import os
import pathlib
import sys
import unittest

from group_members import GroupMembers

MEMBERS = pathlib.Path(__file__).resolve().parent / "kafka_python_members.py"


class KafkaPythonGroupsTest(GroupMembers, unittest.TestCase):
    eager = "range"
    is_short = not os.environ.get("BARNABAS_GROUPS_LONG")
    members_per_process = 5

    def member_command(self, bootstrap, topic, group, assignor, names):
        return [sys.executable, MEMBERS, bootstrap, topic, group, assignor, *names]


if __name__ == "__main__":
    unittest.main()
