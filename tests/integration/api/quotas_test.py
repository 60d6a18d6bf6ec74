"""Quotas and credentials that Kafka's brokers left in ZooKeeper are told and can be removed; none can be
set, since they would not be enforced."""
import json
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster
from wire_codec import Connection, read_apis

APIS = read_apis()
CREDENTIAL = "salt=c2FsdA==,stored_key=c3RvcmVk,server_key=c2VydmVy,iterations=4096"
PLANTED = {
    "clients/c1": {"request_percentage": "50.5", "producer_byte_rate": "1000000"},
    "users/alice": {"SCRAM-SHA-256": CREDENTIAL, "producer_byte_rate": "3"},
    "users/u%201%2A/clients/<default>": {"consumer_byte_rate": "5"},
    "ips/127.0.0.9": {"connection_creation_rate": "25"},
    **{f"users/many-{number}": {"producer_byte_rate": str(number)} for number in range(200)},
}
ANY = 2
UNSUPPORTED_SASL_MECHANISM, UNSUPPORTED_VERSION, NOT_FOUND = 33, 35, 91


class QuotasTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1)
        cls.enterClassContext(cls.cluster)
        cls.zookeeper = KazooClient(hosts=cls.cluster.zookeeper.connect)
        cls.zookeeper.start()
        cls.addClassCleanup(cls.zookeeper.close)
        cls.addClassCleanup(cls.zookeeper.stop)
        for entity, settings in PLANTED.items():
            cls.zookeeper.ensure_path(f"/config/{entity}")
            cls.zookeeper.set(f"/config/{entity}", cls.content(settings))
        cls.connection = Connection(cls.cluster.brokers[1].port)
        cls.addClassCleanup(cls.connection.close)

    @staticmethod
    def content(settings):
        return json.dumps({"version": 1, "config": settings}, separators=(",", ":")).encode()

    def ask(self, api, values, version=0):
        return self.connection.ask(APIS[api], version, values)

    def quotas(self, *components, strict=False):
        """{(user, client, address): {key: value}}"""
        answer = self.ask("DescribeClientQuotas", {"components": [
            {"entity_type": kind, "match_type": match, "match": name}
            for kind, match, name in components], "strict": strict})
        self.assertEqual(answer["error_code"], 0)
        found = {}
        for entry in answer["entries"]:
            names = {part["entity_type"]: part["entity_name"] or "default"
                     for part in entry["entity"]}
            found[tuple(names.get(kind) for kind in ("user", "client-id", "ip"))] = {
                value["key"]: value["value"] for value in entry["values"]}
        return found

    def alter(self, entity, *changes):
        answer = self.ask("AlterClientQuotas", {"entries": [{
            "entity": [{"entity_type": kind, "entity_name": name} for kind, name in entity],
            "ops": [{"key": key, "value": value or 0.0, "remove": value is None}
                    for key, value in changes]}]})
        return answer["entries"][0]["error_code"]

    def test_1_all_quotas_are_told(self):
        found = self.quotas()
        self.assertEqual(len(found), 204)
        self.assertEqual(found[None, "c1", None],
                         {"request_percentage": 50.5, "producer_byte_rate": 1000000.0})
        self.assertEqual(found["alice", None, None], {"producer_byte_rate": 3.0})
        self.assertEqual(found["u 1*", "default", None], {"consumer_byte_rate": 5.0})
        self.assertEqual(found[None, None, "127.0.0.9"], {"connection_creation_rate": 25.0})
        self.assertEqual(set(self.quotas(("user", ANY, None), ("client-id", ANY, None))),
                         {("u 1*", "default", None)})
        self.assertEqual(len(self.quotas(("user", ANY, None), strict=True)), 201)

    def test_2_none_can_be_set_but_those_that_are_there_can_be_removed(self):
        before, _ = self.zookeeper.get("/config/clients/c1")
        self.assertEqual(self.alter([("client-id", "c1")], ("consumer_byte_rate", 5.0)),
                         UNSUPPORTED_VERSION)
        self.assertEqual(self.zookeeper.get("/config/clients/c1")[0], before)
        self.assertEqual(self.alter([("client-id", "c1")], ("producer_byte_rate", None)), 0)
        self.assertEqual(self.zookeeper.get("/config/clients/c1")[0],
                         self.content({"request_percentage": "50.5"}))
        changes = self.zookeeper.get_children("/config/changes")
        data, _ = self.zookeeper.get(f"/config/changes/{max(changes)}")
        self.assertEqual(json.loads(data), {"version": 2, "entity_path": "clients/c1"})
        self.assertEqual(self.alter([("user", "u 1*"), ("client-id", None)],
                                    ("consumer_byte_rate", None)), 0)
        self.assertEqual(self.zookeeper.get("/config/users/u%201%2A/clients/<default>")[0],
                         self.content({}))

    def test_3_credentials_are_told_and_removed_but_not_set(self):
        def told(*names):
            return {result["user"]: (result["error_code"], result["credential_infos"])
                    for result in self.ask("DescribeUserScramCredentials", {
                        "users": [{"name": name} for name in names]})["results"]}

        def changed(deletions=(), upsertions=()):
            return [result["error_code"] for result in self.ask("AlterUserScramCredentials", {
                "deletions": [{"name": name, "mechanism": 1} for name in deletions],
                "upsertions": [{"name": name, "mechanism": 1, "iterations": 4096, "salt": b"s",
                                "salted_password": b"p" * 32} for name in upsertions]})["results"]]
        self.assertEqual(told(), {"alice": (0, [{"mechanism": 1, "iterations": 4096}])})
        self.assertEqual(told("alice", "nobody")["nobody"], (NOT_FOUND, []))
        self.assertEqual(changed(upsertions=["bob"]), [UNSUPPORTED_SASL_MECHANISM])
        self.assertIsNone(self.zookeeper.exists("/config/users/bob"))
        self.assertEqual(changed(deletions=["alice", "nobody"]), [0, NOT_FOUND])
        self.assertEqual(self.zookeeper.get("/config/users/alice")[0],
                         self.content({"producer_byte_rate": "3"}))


if __name__ == "__main__":
    unittest.main()
