"""Our assignors beside those of the Java client of 3.9, on random groups with and without racks.

A group is told to both programs, line by line, and each answers with what every member gets:

    assign range
    topic NAME RACKS...                                where the replicas of each partition stand
    member ID INSTANCE RACK GENERATION TOPICS OWNED    '-' for nothing
    go

range and roundrobin must give the same. So must cooperative-sticky where all want the same topics and
nobody had anything; when the group goes on it must do no worse: as many partitions stay where they
are, and as many are near.
"""
import os
import pathlib
import random
import subprocess
import unittest

BUILD = pathlib.Path(os.environ["BARNABAS_BUILD"])
JAVA = pathlib.Path(__file__).resolve().parents[2] / "build" / "foreign" / "java" / "3.9"
OURS = [BUILD / "tests" / "foreign" / "assignor_driver"]
JAVAS = ["java", "-Xmx256m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off",
         "-cp", f"{JAVA}/classes:{JAVA}/jars/*", "JavaAssignors"]
GROUPS = 1500


class Group:
    def __init__(self, chance, assignor, alike):
        self.assignor = assignor
        racks = "ABC"[:chance.randint(1, 3)]
        replicas = chance.randint(1, 2)
        knows_racks = chance.random() < 0.8
        self.topics = {}
        for name in "tuvw"[:chance.randint(1, 4)]:
            count = chance.choice([1, 2, 3, 6, 6, 7])
            self.topics[name] = [set(chance.choices(racks, k=replicas)) if knows_racks else set()
                                 for _ in range(count)]
        self.members = {}
        for number in chance.sample(range(100), chance.randint(1, 6)):
            wanted = [name for name in self.topics if alike or chance.random() < 0.7]
            # With static ones Java's sticky assignor sorts by member id, ours as range does.
            static = assignor in ("range", "roundrobin") and chance.random() < 0.2
            self.members[f"m{number:02}"] = {
                "instance": f"i{99 - number:02}" if static else "-",
                "rack": chance.choice("ABCD") if knows_racks and chance.random() < 0.9 else "-",
                "topics": wanted or [next(iter(self.topics))], "owned": [], "generation": -1}

    def lines(self):
        yield f"assign {self.assignor}"
        for name, partitions in self.topics.items():
            yield f"topic {name} " + " ".join(",".join(sorted(racks)) or "." for racks in partitions)
        for name, member in sorted(self.members.items()):
            owned = ",".join(f"{topic}:{number}" for topic, number in sorted(member["owned"])) or "-"
            yield (f"member {name} {member['instance']} {member['rack']} {member['generation']} "
                   f"{','.join(member['topics'])} {owned}")
        yield "go"

    def give(self, given):
        for name, member in self.members.items():
            member["owned"] = given[name]
            member["generation"] = 1

    def near(self, given):
        return sum(self.members[name]["rack"] in self.topics[topic][number]
                   for name, owned in given.items() for topic, number in owned)

    def kept(self, given):
        return sum(len(set(member["owned"]) & set(given[name]))
                   for name, member in self.members.items())


def ask(program, groups):
    ran = subprocess.run(program, input="".join(line + "\n" for group in groups
                                                for line in group.lines()),
                         capture_output=True, text=True, timeout=300, check=True)
    answers, answer = [], {}
    for line in ran.stdout.splitlines():
        if line == "end":
            answers.append(answer)
            answer = {}
            continue
        name, text = line.split(" ", 1)
        answer[name] = [(item.split(":")[0], int(item.split(":")[1]))
                        for item in text.split(",") if item]
    return answers


class AssignorsTest(unittest.TestCase):
    def both(self, groups):
        ours, javas = ask(OURS, groups), ask(JAVAS, groups)
        self.assertEqual((len(ours), len(javas)), (len(groups), len(groups)))
        return zip(groups, ours, javas)

    def assert_equal(self, groups):
        for group, ours, javas in self.both(groups):
            self.assertEqual(ours, javas, "\n".join(group.lines()))

    def test_range(self):
        chance = random.Random(1)
        groups = [Group(chance, "range", chance.random() < 0.5) for _ in range(GROUPS)]
        self.assert_equal(groups)
        # And racks were looked at: without them many get something else.
        before = ask(OURS, groups)
        for group in groups:
            for member in group.members.values():
                member["rack"] = "-"
        changed = sum(ours != given for ours, given in zip(before, ask(OURS, groups)))
        self.assertGreater(changed, GROUPS / 10)

    def test_roundrobin(self):
        chance = random.Random(2)
        self.assert_equal([Group(chance, "roundrobin", chance.random() < 0.5)
                           for _ in range(GROUPS)])

    def test_sticky_groups_that_begin(self):
        chance = random.Random(3)
        self.assert_equal([Group(chance, "cooperative-sticky", True) for _ in range(GROUPS)])

    def test_sticky_groups_that_go_on(self):
        chance = random.Random(4)
        groups = [Group(chance, "cooperative-sticky", True) for _ in range(GROUPS)]
        for group, given in zip(groups, ask(OURS, groups)):
            group.give(given)
            if len(group.members) > 1 and chance.random() < 0.5:
                del group.members[chance.choice(sorted(group.members))]
        for group, ours, javas in self.both(groups):
            said = "\n".join(group.lines())
            self.assertGreaterEqual(group.kept(ours), group.kept(javas), said)
            self.assertGreaterEqual(group.near(ours), group.near(javas), said)


if __name__ == "__main__":
    unittest.main()
