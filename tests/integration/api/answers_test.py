"""Fields and texts of answers that other people's tools show or stumble over, as Apache Kafka's."""
import unittest
import uuid

from broker_cluster import BrokerCluster
from wire_codec import Connection, read_apis

APIS = read_apis()
STRANGE_ID = uuid.UUID(int=7 << 64 | 9)


def created(name, **more):
    return {"topics": [{"name": name, "num_partitions": 1, "replication_factor": 1, **more}],
            "timeout_ms": 20000, "validate_only": True}


def extended(name, count, *assignments):
    return {"topics": [{"name": name, "count": count, "assignments":
                        [{"broker_ids": ids} for ids in assignments] or None}],
            "timeout_ms": 20000, "validate_only": True}


class AnswersTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(1)
        cls.enterClassContext(cls.cluster)
        cls.connection = Connection(cls.cluster.brokers[1].port)
        cls.cluster.create_topic("or.ders", 2)
        cls.cluster.wait_until_known("or.ders")

    @classmethod
    def tearDownClass(cls):
        cls.connection.close()

    def ask(self, api, version, values):
        return self.connection.ask(APIS[api], version, values)

    def test_what_creation_refuses_is_said_in_kafkas_words(self):
        for request, message in (
                (created("or.ders"), "Topic 'or.ders' already exists."),
                (created("or_ders"), "Topic 'or_ders' collides with existing topics: or.ders"),
                (created("a b"), "Topic name is invalid: 'a b' contains one or more characters "
                                 "other than ASCII alphanumerics, '.', '_' and '-'"),
                (created("."), "Topic name is invalid: '.' is not allowed"),
                (created("x", replication_factor=4),
                 "Replication factor: 4 larger than available brokers: 1."),
                (created("x", num_partitions=0), "Number of partitions must be larger than 0.")):
            with self.subTest(message):
                topic, = self.ask("CreateTopics", 7, request)["topics"]
                self.assertEqual(topic["error_message"], message)

    def test_what_extension_refuses_is_said_in_kafkas_words(self):
        for request, message in (
                (extended("or.ders", 2), "Topic already has 2 partitions."),
                (extended("or.ders", 1), "Topic currently has 2 partitions, which is higher than "
                                         "the requested 1."),
                (extended("or.ders", 4, [1]), "Increasing the number of partitions by 2 but 1 "
                                              "assignments provided."),
                (extended("or.ders", 4, [7], [9]),
                 "Unknown broker(s) in replica assignment: 7, 9."),
                (extended("missing", 4), "The topic 'missing' does not exist.")):
            with self.subTest(message):
                result, = self.ask("CreatePartitions", 3, request)["results"]
                self.assertEqual(result["error_message"], message)

    def test_a_partition_that_is_not_there_gets_the_same_text_everywhere(self):
        text = "The partition does not exist."
        election = self.ask("ElectLeaders", 2, {
            "election_type": 0, "timeout_ms": 20000,
            "topic_partitions": [{"topic": "missing", "partitions": [0]}]})
        self.assertEqual(
            election["replica_election_results"][0]["partition_result"][0]["error_message"], text)
        moved = self.ask("AlterPartitionReassignments", 0, {"timeout_ms": 20000, "topics": [
            {"name": "missing", "partitions": [{"partition_index": 0, "replicas": [1]}]}]})
        self.assertEqual(moved["responses"][0]["partitions"][0]["error_message"], text)
        self.assertEqual(moved["error_message"], "")

    def test_a_topic_is_deleted_by_name_or_by_id_but_not_by_both(self):
        answer = self.ask("DeleteTopics", 6, {"timeout_ms": 20000, "topics": [
            {"name": "or.ders", "topic_id": STRANGE_ID}, {"name": "missing"}]})
        self.assertEqual([topic["error_code"] for topic in answer["responses"]], [42, 42])
        self.assertEqual([topic["error_message"] for topic in answer["responses"]], [None, None])
        self.assertIn(0, self.cluster.partitions("or.ders"))

    def test_aborted_transactions_are_null_where_none_were_looked_for(self):
        def fetched(topic, offset):
            answer = self.ask("Fetch", 12, {
                "replica_id": -1, "max_wait_ms": 0, "min_bytes": 0, "session_epoch": -1, "topics": [
                    {"topic": topic, "partitions": [{"partition": 0, "fetch_offset": offset,
                                                     "current_leader_epoch": -1,
                                                     "partition_max_bytes": 1}]}]})
            return answer["responses"][0]["partitions"][0]
        self.assertIsNone(fetched("or.ders", 0)["aborted_transactions"])
        beyond = fetched("or.ders", 99)
        self.assertEqual((beyond["error_code"], beyond["aborted_transactions"]), (1, None))
        self.assertEqual(fetched("missing", 0)["aborted_transactions"], [])

    def test_an_endpoint_of_another_kind_is_told_of_this_one(self):
        answer = self.ask("DescribeCluster", 1, {"endpoint_type": 2})
        self.assertEqual((answer["error_code"], answer["endpoint_type"]), (114, 1))
        answer = self.ask("DescribeCluster", 1, {"endpoint_type": 5})
        self.assertEqual((answer["error_code"], answer["endpoint_type"], answer["error_message"]),
                         (115, 1, "Unsupported endpoint type 5"))

    def test_a_strange_kind_of_coordinator_is_refused_with_a_text(self):
        answer = self.ask("FindCoordinator", 4, {"key_type": 9, "coordinator_keys": ["k"]})
        found, = answer["coordinators"]
        self.assertEqual(found["error_code"], 42)
        self.assertIn("malformed", found["error_message"])

    def test_ids_asked_for_too_early_are_told_back(self):
        answer = self.ask("Metadata", 10, {"topics": [{"topic_id": STRANGE_ID, "name": None}]})
        self.assertEqual((answer["topics"][0]["error_code"], answer["topics"][0]["topic_id"]),
                         (42, STRANGE_ID))


if __name__ == "__main__":
    unittest.main()
