"""Our brokers answer the same requests as Apache Kafka's, field by field, in every version."""
import hashlib
import json
import pathlib
import re
import unittest

from broker_cluster import BrokerCluster
from explained import NOT_ADVERTISED, WIRE
from kafka_oracle import KAFKA, oracle
from run_steps import RACKS, SETTINGS
import wire_cases
import wire_quota_cases
import wire_refused_cases
import wire_repeat_cases
from wire_world import APIS, World

HERE = pathlib.Path(__file__).resolve().parent
# Those that put more into one log than into the other are last.
SOURCES = (wire_cases, wire_refused_cases, wire_quota_cases, wire_repeat_cases)
CASES = [case for source in SOURCES for case in source.CASES]


def versions_of(case, theirs, world):
    key = APIS[case.api].key
    return [version for version in APIS[case.api].versions
            if version in case.versions and version in theirs.get(str(key), ())
            and (world is None or version in world.versions.get(key, ()))]


def advertised_by(world):
    return {str(key): list(versions) for key, versions in world.versions.items()}


def run(world, versions):
    """What it advertises, and {case: {version: answer}}."""
    return advertised_by(world), {
        case.name: world.answers(case, versions_of(case, versions, world)) for case in CASES}


def ours():
    with BrokerCluster(3, settings=SETTINGS, racks=RACKS) as cluster, World(cluster) as world:
        return run(world, advertised_by(world))


def theirs(advertised):
    """What the oracle advertises, and answers in our versions; kept as in tools_test.py."""
    digest = hashlib.sha256(json.dumps(advertised, sort_keys=True).encode())
    digest.update("".join(sorted(jar.name for jar in (KAFKA / "jars").iterdir())).encode())
    for source in (*(module.__name__ + ".py" for module in SOURCES), "wire_world.py", "run_steps.py",
                   "wire_test.py"):
        digest.update((HERE / source).read_bytes())
    kept = KAFKA / f"oracle-wire-{digest.hexdigest()[:16]}.json"
    if not kept.exists():
        with oracle(3, settings=SETTINGS, racks=RACKS) as cluster, World(cluster) as world:
            kept.write_text(json.dumps(run(world, advertised)))
    return json.loads(kept.read_text())


def flat(value, path=""):
    """{path: leaf} of an answer."""
    if isinstance(value, dict):
        return {inner: leaf for key, item in value.items()
                for inner, leaf in flat(item, f"{path}.{key}" if path else key).items()}
    if isinstance(value, list) and value:
        return {inner: leaf for index, item in enumerate(value)
                for inner, leaf in flat(item, f"{path}[{index}]").items()}
    return {path: value}


def differences(theirs, ours):
    """["path: their value, ours value"]"""
    theirs, ours = flat(theirs), flat(ours)
    return [f"{path}: {theirs.get(path, 'missing')!r}, ours {ours.get(path, 'missing')!r}"
            for path in sorted(set(theirs) | set(ours))
            if theirs.get(path, "missing") != ours.get(path, "missing")]


class WireTest(unittest.TestCase):
    def test_answers_are_the_same(self):
        advertised, told = ours()
        their_own, expected = theirs(advertised)
        self.assertEqual({key: versions for key, versions in their_own.items()
                          if key not in NOT_ADVERTISED}, advertised)
        used = set()
        for case in CASES:
            lines = {}
            for version, answer in expected[case.name].items():
                for line in differences(answer, json.loads(json.dumps(told[case.name][version]))):
                    covering = {one for one in WIRE if re.search(one[0], case.name)
                                and re.search(one[1], line)}
                    used |= covering
                    if not covering:
                        lines.setdefault(line, []).append(version)
            with self.subTest(case.name):
                self.assertFalse(lines, "\n".join(
                    [f"{case.api}: {case.name}",
                     *(f"  v{','.join(versions)} {line[:300]}" for line, versions in
                       list(lines.items())[:20])]))
        for explanation in WIRE:
            with self.subTest(explanation):
                self.assertIn(explanation, used)


if __name__ == "__main__":
    unittest.main()
