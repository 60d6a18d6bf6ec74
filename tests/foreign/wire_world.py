"""A cluster that wire_cases.py are sent to, and what its answers look like without ports, ids and
times."""
import json
import re
import uuid

from kazoo.client import KazooClient

from broker_cluster import wait_until
from wire_cases import NO_ID, TOPICS
from wire_quota_cases import PLANTED
from wire_codec import Connection, read_apis

APIS = read_apis()
SECONDS = 30
NOT_CONTROLLER = 41
CLUSTER_ID = r"^[A-Za-z0-9_-]{22}$"


def plant(ensemble):
    """What operators of other brokers had set, as if these had written it."""
    client = KazooClient(hosts=ensemble, timeout=30)
    client.start()
    for entity, settings in PLANTED.items():
        path = f"/config/{entity}"
        client.ensure_path(path)
        client.set(path, json.dumps({"version": 1, "config": settings},
                                    separators=(",", ":")).encode())
    client.stop()
    client.close()


class World:
    def __init__(self, cluster):
        self.cluster = cluster
        self.connections = {broker.id: Connection(broker.port)
                            for broker in cluster.brokers.values()}
        self.ids = {}
        self.coordinators = {}

    def __enter__(self):
        plant(self.cluster.zookeeper.connect)
        self.versions = {entry["api_key"]: range(entry["min_version"], entry["max_version"] + 1)
                         for entry in self.ask(1, "ApiVersions", 0, {})["api_keys"]}
        made = wait_until(self.make_topics, SECONDS, "a controller makes the topics")
        self.ids = {topic["name"]: topic["topic_id"] for topic in made["topics"]}
        for name in TOPICS:
            self.cluster.wait_until_known(name)
        return self

    def make_topics(self):
        """Asks once; None if who is said to be the controller does not know of it yet."""
        topics = [{"name": name, "num_partitions": -1, "replication_factor": -1, "assignments": [
            {"partition_index": index, "broker_ids": ids} for index, ids in enumerate(rows)]}
            for name, rows in TOPICS.items()]
        controller = self.controller()
        if controller not in self.connections:
            return None
        made = self.ask(controller, "CreateTopics", 7, {"topics": topics, "timeout_ms": 20000})
        errors = {topic["error_code"] for topic in made["topics"]}
        if errors == {NOT_CONTROLLER}:
            return None
        if errors != {0}:
            raise AssertionError(f"topics were not made: {made}")
        return made

    def __exit__(self, *_):
        for connection in self.connections.values():
            connection.close()

    def ask(self, broker, api, version, values):
        return self.connections[broker].ask(APIS[api], version, values)

    def controller(self):
        return self.ask(1, "Metadata", 9, {"topics": []})["controller_id"]

    def coordinator(self, key, kind=0):
        """Which has read its journal: it is named before it knows itself."""
        api, field = (("DescribeGroups", "groups"), ("DescribeTransactions",
                                                     "transactional_ids"))[kind]

        def found():
            answer = self.ask(1, "FindCoordinator", 3, {"key": key, "key_type": kind})
            if answer["error_code"] != 0:
                return None
            told = self.ask(answer["node_id"], api, 0, {field: [key]})
            return None if re.search(r"'error_code': 1[456]\b", str(told)) else answer["node_id"]
        if (key, kind) not in self.coordinators:
            # The first one makes the topic.
            self.coordinators[key, kind] = wait_until(found, SECONDS, f"a coordinator for {key}")
        return self.coordinators[key, kind]

    def to(self, case):
        if case.to == "controller":
            return self.controller()
        if case.to == "other":
            return self.controller() % 3 + 1
        return case.to(self) if callable(case.to) else case.to

    # ---- Answers ----

    def plain(self, value, key="", dropped=()):
        if isinstance(value, dict):
            return {name: "dropped" if name in dropped else self.plain(inner, name, dropped)
                    for name, inner in value.items()}
        if isinstance(value, list):
            plain = [self.plain(item, key, dropped) for item in value]
            ordered = sorted(plain, key=str) if key != "replica_nodes" else plain
            return ordered
        if isinstance(value, uuid.UUID):
            names = {topic_id: name for name, topic_id in self.ids.items()}
            return "no id" if value == NO_ID else f"id of {names.get(value, 'another')}"
        if isinstance(value, bytes):
            return value.hex()
        if isinstance(value, str):
            return self.plain_text(value)
        if key == "port":
            return next((f"port of {broker.id}" for broker in self.cluster.brokers.values()
                         if broker.port == value), value)
        return value

    def plain_text(self, text):
        if re.search(CLUSTER_ID, text) and re.search("[A-Z0-9]", text):
            return "some id"
        text = text.replace(str(self.cluster.folder), "FOLDER")
        for broker in self.cluster.brokers.values():
            text = re.sub(rf"\b{broker.port}\b", f"PORT{broker.id}", text)
        return text

    def relative(self, plain, to):
        """Which broker is the controller or a coordinator is chance."""
        if isinstance(plain, dict):
            return {key: "controller" if key == "controller_id" and value == self.controller()
                    else self.relative(value, to) for key, value in plain.items()}
        if isinstance(plain, list):
            return [self.relative(item, to) for item in plain]
        return plain

    @staticmethod
    def unless_loading(answer):
        """(answer,), or None if a coordinator reads its journal yet."""
        return None if re.search(r"'error_code': 1[45]\b", str(answer)) else (answer,)

    def answers(self, case, versions):
        """{version: answer} of a case."""
        found = {}
        for version in versions:
            to = self.to(case)
            values = case.values(self, version) if callable(case.values) else case.values
            answer = self.plain(wait_until(lambda: self.unless_loading(
                self.ask(to, case.api, version, values)), SECONDS, f"an answer to {case.name}")[0],
                dropped=case.dropped)
            found[str(version)] = self.relative(answer, to)
        return found
