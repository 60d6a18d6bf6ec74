"""Consumer groups of the Java client from Maven Central, unmodified: of 3.9 and the newest."""
import pathlib
import unittest

from group_members import CooperativeMembers, StaticMembers

FOREIGN = pathlib.Path(__file__).resolve().parents[2] / "build" / "foreign" / "java"


class JavaGroups(CooperativeMembers, StaticMembers):
    eager, cooperative = "RangeAssignor", "CooperativeStickyAssignor"
    members_per_process = 5

    def member_command(self, bootstrap, topic, group, assignor, names):
        folder = FOREIGN / self.release
        # The cheap compiler only: none of these processes lives long enough for the other.
        return ["java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                "-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp",
                f"{folder}/classes:{folder}/jars/*", "JavaMembers",
                bootstrap, topic, group, assignor, *names]


class Java39GroupsTest(JavaGroups, unittest.TestCase):
    release = "3.9"


class JavaNewestGroupsTest(JavaGroups, unittest.TestCase):
    release = "newest"


if __name__ == "__main__":
    unittest.main()
