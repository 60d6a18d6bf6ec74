"""A cluster of Apache Kafka 3.9 is taken over: all its brokers stop, ours start on the same ensemble,
directories and settings, and go on, with the clients that were there. Then back to Kafka, after a
clean stop as after a crash of all."""
import unittest

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata
from kazoo.client import KazooClient

from broker_cluster import DAEMON, wait_until
from kafka_oracle import HERE, Tools, oracle
from steady_load import SteadyLoad

KAFKA = str(HERE / "kafka_daemon")
SECONDS = 120
PARTITIONS = 3
SETTINGS = {"offsets.topic.num.partitions": 3, "transaction.state.log.num.partitions": 3,
            "min.insync.replicas": 2, "group.initial.rebalance.delay.ms": 0,
            "auto.leader.rebalance.enable": "false"}


class TakeoverTest(unittest.TestCase):
    def setUp(self):
        self.cluster = oracle(3, settings=SETTINGS, racks=["a", "b", "c"])
        self.enterContext(self.cluster)
        self.tools = Tools()
        self.enterContext(self.tools)
        self.zookeeper = KazooClient(hosts=self.cluster.zookeeper.connect)
        self.zookeeper.start()
        self.addCleanup(self.zookeeper.close)
        self.addCleanup(self.zookeeper.stop)

    # ---- What is there ----

    def tool(self, name, *words):
        status, output = self.tools.run(name, "--bootstrap-server", self.cluster.bootstrap, *words)
        self.assertEqual(status, 0, output)
        return output

    def configure(self):
        self.tool("configs", "--alter", "--topic", "orders", "--add-config", "retention.ms=86400000")
        self.tool("configs", "--alter", "--entity-type", "brokers", "--entity-default",
                  "--add-config", "log.cleaner.threads=2")
        self.tool("configs", "--alter", "--broker", "2", "--add-config",
                  "max.connections.per.ip=1000")

    def commit(self, offset):
        consumer = self.group_member()
        consumer.commit({TopicPartition("orders", partition): OffsetAndMetadata(offset, "")
                         for partition in range(PARTITIONS)})
        consumer.close(autocommit=False)

    def committed(self):
        consumer = self.group_member()
        offsets = [consumer.committed(TopicPartition("orders", partition))
                   for partition in range(PARTITIONS)]
        consumer.close(autocommit=False)
        return offsets

    def group_member(self):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id="billing", enable_auto_commit=False)
        consumer.assign([TopicPartition("orders", partition) for partition in range(PARTITIONS)])
        return consumer

    def transact(self, records=100):
        status, output = self.tools.run(
            "producer-perf-test", "--topic", "ledger", "--num-records", records, "--record-size", 60,
            "--throughput", 1000, "--transactional-id", "accounts", "--transaction-duration-ms", 20,
            "--producer-props", f"bootstrap.servers={self.cluster.bootstrap}")
        self.assertEqual(status, 0, output)
        return records

    def told(self):
        """What both kinds of brokers must tell alike: settings, ids, replicas, groups."""
        described = sorted(line.split("Leader:")[0] + line.split("Replicas:")[1].split("Isr:")[0]
                           if "Leader:" in line else line
                           for line in self.tool("topics", "--describe").splitlines())
        configs = [self.tool("configs", "--describe", *words)
                   for words in (("--topic", "orders"), ("--broker", "2"),
                                 ("--entity-type", "brokers", "--entity-default"))]
        return described, configs, sorted(self.tool("consumer-groups", "--list").splitlines())

    def leader_epochs(self):
        return [partition["leader_epoch"]
                for _, partition in sorted(self.cluster.partitions("orders").items())]

    # ---- The brokers are others ----

    def turn(self, daemon, clean=True):
        for broker_id in self.cluster.brokers:
            if clean:
                self.cluster.stop(broker_id)
            else:
                self.cluster.kill(broker_id)
        # Kafka's broker does not start beside what is left of a session with its id.
        wait_until(lambda: not self.zookeeper.get_children("/brokers/ids"), SECONDS,
                   "the sessions end")
        for broker_id, broker in self.cluster.brokers.items():
            broker.daemon = daemon
            self.cluster.start_broker(broker_id)
        self.cluster.wait_until_whole(SECONDS)
        for topic in ("orders", "ledger", "__consumer_offsets", "__transaction_state"):
            self.cluster.wait_until_in_sync(topic, SECONDS)

    # ---- The test ----

    def test_a_cluster_goes_to_us_and_back(self):
        self.cluster.create_topic("orders", PARTITIONS)
        self.cluster.create_topic("ledger", 1)
        self.configure()
        self.commit(5)
        transacted = self.transact()
        for topic in ("orders", "ledger"):
            self.cluster.wait_until_in_sync(topic, SECONDS)
        before, offset = self.told(), 5
        with SteadyLoad(self.cluster, "orders", PARTITIONS) as load:
            load.wait_for_more(SECONDS)
            for daemon, clean in ((DAEMON, True), (KAFKA, True), (DAEMON, False), (KAFKA, False)):
                epochs = self.leader_epochs()
                self.turn(daemon, clean)
                load.wait_for_more(SECONDS)
                self.assertEqual(self.told(), before)
                self.assertTrue(all(new > old for old, new in zip(epochs, self.leader_epochs())),
                                (epochs, self.leader_epochs()))
                self.assertEqual(self.committed(), [offset] * PARTITIONS)
                offset += 1
                self.commit(offset)
                transacted += self.transact()
            load.stop()
            self.assertEqual(load.problems, [])
            load.check_nothing_is_lost(self)
        read = self.cluster.barnabas("-X", "isolation.level=read_committed", "consume", "ledger",
                                     "--exit-at-end")
        self.assertEqual(len(read.splitlines()), transacted)


if __name__ == "__main__":
    unittest.main()
