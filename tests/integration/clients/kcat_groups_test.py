"""Consumer groups of eight members of Debian's kcat, unmodified; of twenty with
BARNABAS_GROUPS_LONG."""
import os
import pathlib
import sys
import unittest

from group_members import CooperativeMembers

MEMBER = pathlib.Path(__file__).resolve().parent / "kcat_member.py"


class KcatGroupsTest(CooperativeMembers, unittest.TestCase):
    eager, cooperative = "range", "cooperative-sticky"
    is_short = not os.environ.get("BARNABAS_GROUPS_LONG")
    members_per_process = 1

    def member_command(self, bootstrap, topic, group, assignor, names):
        return [sys.executable, MEMBER, bootstrap, topic, group, assignor, *names]

    def while_leaving(self):
        # When kcat is told to end it drops the record that comes then, and librdkafka commits it.
        return self.silence()


if __name__ == "__main__":
    unittest.main()
