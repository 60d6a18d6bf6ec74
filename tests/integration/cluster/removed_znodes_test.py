"""Somebody removes a topic's znodes: a mistake in ZooKeeper costs no records and no offsets. The topic is
not served any more, but its logs are set aside; only a topic that is deleted takes them with it."""
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from wire_codec import Connection, read_apis
from wire_frames import batch

APIS = read_apis()
SECONDS = 30
UNKNOWN_TOPIC = 3


class RemovedZnodesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(2, settings={
            "offsets.topic.num.partitions": 1, "log.segment.delete.delay.ms": 0})
        cls.enterClassContext(cls.cluster)
        cls.zookeeper = KazooClient(hosts=cls.cluster.zookeeper.connect)
        cls.zookeeper.start()
        cls.addClassCleanup(cls.zookeeper.close)
        cls.addClassCleanup(cls.zookeeper.stop)

    def ask(self, broker, api, version, values):
        with Connection(self.cluster.brokers[broker].port) as connection:
            return connection.ask(APIS[api], version, values)

    def error_of(self, broker, topic):
        answer = self.ask(broker, "Metadata", 4, {"topics": [{"name": topic}],
                                                  "allow_auto_topic_creation": False})
        return answer["topics"][0]["error_code"]

    def coordinator(self):
        answer = self.ask(1, "FindCoordinator", 3, {"key": "g", "key_type": 0})
        return answer["node_id"] if answer["error_code"] == 0 else None

    def fill(self, topic):
        """A record and a committed offset."""
        self.cluster.create_topic(topic, 1, 2)
        self.cluster.wait_until_in_sync(topic)
        leader = self.cluster.partitions(topic)[0]["leader"]
        answer = self.ask(leader, "Produce", 3, {
            "acks": -1, "timeout_ms": 10000, "topic_data": [{
                "name": topic, "partition_data": [{"index": 0, "records": batch()}]}]})
        self.assertEqual(answer["responses"][0]["partition_responses"][0]["error_code"], 0)

        def committed():
            coordinator = self.coordinator()
            answer = coordinator and self.ask(coordinator, "OffsetCommit", 2, {
                "group_id": "g", "generation_id_or_member_epoch": -1, "retention_time_ms": -1,
                "topics": [{"name": topic, "partitions": [
                    {"partition_index": 0, "committed_offset": 1, "committed_metadata": ""}]}]})
            return answer and answer["topics"][0]["partitions"][0]["error_code"] == 0
        wait_until(committed, SECONDS, "the offset is committed")

    def folders(self, topic):
        """Of both brokers, with the sizes of the segments in them."""
        return {folder.name: folder.joinpath(f"{0:020}.log").stat().st_size
                for broker in self.cluster.brokers.values()
                for folder in (broker.folder / "data").glob(f"{topic}-0*")}

    def offset(self, topic):
        answer = self.ask(self.coordinator(), "OffsetFetch", 1, {
            "group_id": "g", "topics": [{"name": topic, "partition_indexes": [0]}]})
        return answer["topics"][0]["partitions"][0]["committed_offset"]

    def wait_until_gone(self, topic):
        wait_until(lambda: all(self.error_of(broker, topic) == UNKNOWN_TOPIC for broker in (1, 2)),
                   SECONDS, f"{topic} is not known any more")

    def test_logs_and_offsets_outlive_a_mistake_but_not_a_deletion(self):
        self.fill("lost")
        self.fill("unwanted")
        size = len(batch())
        self.assertEqual(self.folders("lost"), {"lost-0": size})  # one name, of two brokers
        self.zookeeper.delete("/brokers/topics/lost", recursive=True)
        self.wait_until_gone("lost")
        wait_until(lambda: len(self.folders("lost")) == 2 and all(
            name.endswith("-stray") for name in self.folders("lost")),
            SECONDS, "both logs are set aside")
        self.assertEqual(set(self.folders("lost").values()), {size})
        self.assertEqual(self.offset("lost"), 1)
        self.cluster.barnabas("topic", "delete", "unwanted")
        self.wait_until_gone("unwanted")
        wait_until(lambda: not self.folders("unwanted"), SECONDS, "the deleted topic's logs are gone")
        wait_until(lambda: self.offset("unwanted") == -1, SECONDS, "its offset is gone")


if __name__ == "__main__":
    unittest.main()
