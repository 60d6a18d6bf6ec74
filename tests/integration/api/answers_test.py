"""Fields and texts of answers that other people's tools show or stumble over, as Apache Kafka's."""
import unittest
import uuid

from broker_cluster import BrokerCluster, wait_until
from wire_codec import Connection, read_apis

APIS = read_apis()
SECONDS = 30
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

    def test_what_needs_an_authorizer_or_a_login_is_refused_as_in_kafka(self):
        wanted = {"resource_type_filter": 1, "resource_name_filter": None, "pattern_type_filter": 3,
                  "principal_filter": None, "host_filter": None, "operation": 1,
                  "permission_type": 1}
        answer = self.ask("DescribeAcls", 3, wanted)
        self.assertEqual((answer["error_code"], answer["error_message"], answer["resources"]),
                         (54, "No Authorizer is configured on the broker", []))
        self.assertIsNone(self.ask("DescribeAcls", 3, {**wanted, "operation": 0}))
        removed = self.ask("DeleteAcls", 3, {"filters": [wanted, wanted]})["filter_results"]
        self.assertEqual([result["error_code"] for result in removed], [54, 54])
        self.assertEqual(self.ask("SaslHandshake", 1, {"mechanism": "PLAIN"}),
                         {"error_code": 34, "mechanisms": []})
        self.assertEqual(self.ask("SaslAuthenticate", 2, {"auth_bytes": b"x"})["error_code"], 34)
        token = self.ask("CreateDelegationToken", 3, {
            "owner_principal_type": "User", "owner_principal_name": "x", "max_lifetime_ms": -1})
        self.assertEqual((token["error_code"], token["principal_name"],
                          token["token_requester_principal_name"], token["expiry_timestamp_ms"]),
                         (64, "x", "ANONYMOUS", -1))

    def test_directories_are_told_with_the_replicas_that_are_asked_for(self):
        def told(topics):
            directory, = self.ask("DescribeLogDirs", 4, {"topics": topics})["results"]
            return {topic["name"] for topic in directory["topics"]}
        self.assertIn("or.ders", told(None))
        self.assertEqual(told([]), set())
        self.assertEqual(told([{"topic": "or.ders", "partitions": []}]), set())
        self.assertEqual(told([{"topic": "or.ders", "partitions": [0]}]), {"or.ders"})

    def test_what_needs_kraft_is_refused_as_in_kafka(self):
        answer = self.ask("UpdateFeatures", 1, {"feature_updates": [
            {"feature": "metadata.version", "max_version_level": 20, "upgrade_type": 1}]})
        result, = answer["results"]
        self.assertEqual((answer["error_code"], result["error_code"], result["error_message"]),
                         (0, 42, "Could not apply finalized feature update because the provided "
                                 "feature is not supported."))
        answer = self.ask("ConsumerGroupHeartbeat", 0, {"group_id": "g"})
        self.assertEqual((answer["error_code"], answer["member_id"]), (35, None))
        answer = self.ask("ConsumerGroupDescribe", 0, {"group_ids": ["g", "h"]})
        self.assertEqual([(group["group_id"], group["error_code"]) for group in answer["groups"]],
                         [("g", 35), ("h", 35)])

    def test_a_strange_kind_of_coordinator_is_refused_with_a_text(self):
        answer = self.ask("FindCoordinator", 4, {"key_type": 9, "coordinator_keys": ["k"]})
        found, = answer["coordinators"]
        self.assertEqual(found["error_code"], 42)
        self.assertIn("malformed", found["error_message"])

    def test_shares_have_no_coordinator(self):
        codes = {version: self.ask("FindCoordinator", version, {
            "key_type": 2, "coordinator_keys": ["k"]})["coordinators"][0]["error_code"]
            for version in (5, 6)}
        self.assertEqual(codes, {5: 42, 6: 15})

    def test_of_several_faults_of_a_topic_kafkas_first_is_told(self):
        def setting(key, value):
            return {"configs": [{"name": key, "value": value}]}
        for request, code in (
                (created("or.ders", **setting("retention.ms", None)), 36),
                (created("a b", num_partitions=0), 37),
                (created("a b", replication_factor=4), 38),
                (created("a b", **setting("no.such", "5")), 17),
                (created("or_ders", **setting("retention.ms", None)), 40),
                (created("or_ders", **setting("retention.ms", "soon")), 17),
                (created("__cluster_metadata"), 42)):
            with self.subTest(request):
                topic, = self.ask("CreateTopics", 7, request)["topics"]
                self.assertEqual(topic["error_code"], code)

    def test_without_time_creation_and_deletion_time_out_and_are_carried_out(self):
        topic, = self.ask("CreateTopics", 7, {**created("hasty"), "timeout_ms": 0,
                                                "validate_only": False})["topics"]
        self.assertEqual((topic["error_code"], topic["error_message"], topic["num_partitions"]),
                         (7, None, -1))
        self.cluster.wait_until_known("hasty")
        gone, = self.ask("DeleteTopics", 4, {"topic_names": ["hasty"],
                                             "timeout_ms": 0})["responses"]
        self.assertEqual(gone["error_code"], 7)
        wait_until(lambda: not self.cluster.partitions("hasty"), SECONDS, "the topic goes")

    def test_loosely_written_settings_are_shown_as_they_were_read(self):
        written = {"retention.ms": " +5 ", "preallocate": "TRUE",
                   "cleanup.policy": "compact , delete", "min.cleanable.dirty.ratio": "1"}
        answer = self.ask("CreateTopics", 7, created("x", configs=[
            {"name": key, "value": value} for key, value in written.items()]))
        shown = {entry["name"]: entry["value"] for entry in answer["topics"][0]["configs"]}
        self.assertEqual({key: shown[key] for key in written}, {
            "retention.ms": "5", "preallocate": "true", "cleanup.policy": "compact,delete",
            "min.cleanable.dirty.ratio": "1.0"})

    def test_a_topic_that_cannot_be_made_by_itself_is_told_why(self):
        topics = self.ask("Metadata", 9, {"allow_auto_topic_creation": True, "topics": [
            {"name": "or_ders"}, {"name": "a b"}]})["topics"]
        self.assertEqual({topic["name"]: topic["error_code"] for topic in topics},
                         {"or_ders": 17, "a b": 17})

    def test_what_may_be_done_with_a_group_and_with_a_topic_that_is_not_there(self):
        group, = self.ask("DescribeGroups", 5, {"groups": ["nobody"],
                                                "include_authorized_operations": True})["groups"]
        # Only a coordinator tells it.
        self.assertEqual(group["authorized_operations"],
                         328 if group["error_code"] == 0 else -2**31)
        topic, = self.ask("Metadata", 12, {
            "topics": [{"name": "missing"}], "allow_auto_topic_creation": False,
            "include_topic_authorized_operations": True})["topics"]
        self.assertEqual((topic["error_code"], topic["topic_authorized_operations"]), (3, 3576))

    def test_what_moves_nowhere_is_told_before_that_it_is_not_there(self):
        for replicas, code in ((None, 85), ([], 39), ([1, 1], 39), ([9], 39), ([1], 3)):
            answer = self.ask("AlterPartitionReassignments", 0, {"timeout_ms": 20000, "topics": [
                {"name": "missing", "partitions": [
                    {"partition_index": 0, "replicas": replicas}]}]})
            with self.subTest(replicas):
                self.assertEqual(answer["responses"][0]["partitions"][0]["error_code"], code)

    def test_a_fetch_of_who_is_no_replica_and_with_negative_epochs(self):
        def fetched(replica=-1, leader_epoch=-1, session_epoch=-1):
            return self.ask("Fetch", 12, {
                "replica_id": replica, "max_wait_ms": 0, "min_bytes": 0,
                "session_epoch": session_epoch, "topics": [{"topic": "or.ders", "partitions": [
                    {"partition": 0, "fetch_offset": 0, "partition_max_bytes": 1,
                     "current_leader_epoch": leader_epoch}]}]})
        def code(**values):
            return fetched(**values)["responses"][0]["partitions"][0]["error_code"]
        self.assertEqual((code(replica=9), code(replica=9, leader_epoch=0),
                          code(leader_epoch=-2)), (6, 75, 0))
        self.assertEqual(fetched(session_epoch=-2)["error_code"], 70)

    def test_that_a_topic_is_missing_is_told_before_that_acks_are_strange(self):
        def code(topic, acks, magic=2):
            records = bytes(16) + bytes([magic]) + bytes(60)
            answer = self.ask("Produce", 9, {"acks": acks, "timeout_ms": 1000, "topic_data": [
                {"name": topic, "partition_data": [{"index": 0, "records": records}]}]})
            return answer["responses"][0]["partition_responses"][0]["error_code"]
        self.assertEqual((code("missing", 7), code("or.ders", 7), code("or.ders", 7, magic=1),
                          code("or.ders", 7, magic=3)), (3, 21, 87, 2))

    def test_ids_asked_for_too_early_are_told_back(self):
        answer = self.ask("Metadata", 10, {"topics": [{"topic_id": STRANGE_ID, "name": None}]})
        self.assertEqual((answer["topics"][0]["error_code"], answer["topics"][0]["topic_id"]),
                         (42, STRANGE_ID))


if __name__ == "__main__":
    unittest.main()
