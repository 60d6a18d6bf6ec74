"""barnabas transaction: what is open, what hangs, and ending that."""
import json
import subprocess
import unittest

from broker_cluster import BUILD, BrokerCluster, wait_until
import transactions_wire as wire

REFUSED = 4
HANGING = 7000  # a producer that no coordinator knows


class TransactionCommandTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # So that a transaction can hang at all.
        cls.cluster = BrokerCluster(3, settings={
            "transaction.partition.verification.enable": "false",
            "transaction.state.log.num.partitions": 3})
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("pay", partitions=2)
        cls.cluster.wait_until_known("pay")

    def json(self, *words):
        return json.loads(self.cluster.barnabas("--output", "json", "transaction", *words))

    def run_it(self, *words):
        """(exit status, both streams)"""
        ran = subprocess.run(
            [BUILD / "ops" / "cli" / "barnabas", "-b", self.cluster.bootstrap, "transaction",
             *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        return ran.returncode, (ran.stdout + ran.stderr).decode()

    def leader(self, partition):
        return self.cluster.brokers[self.cluster.partitions("pay")[partition]["leader"]]

    def produce(self, transactional_id, producer, partition, value):
        error, offset = wire.produce(self.leader(partition).port, "pay", producer, [value],
                                     partition=partition, transactional_id=transactional_id)
        self.assertEqual(error, 0)
        return offset

    def begin(self, transactional_id, partition):
        def coordinator():
            error, port = wire.find_coordinator(self.cluster.brokers[1].port, transactional_id)
            return port if error == 0 else None

        def init():
            error, *producer = wire.init_producer_id(wait_until(
                coordinator, 30, "a coordinator"), transactional_id)
            return tuple(producer) if error == 0 else None
        producer = wait_until(init, 30, "a producer id")
        wait_until(lambda: wire.add_partitions(coordinator(), transactional_id, producer, "pay",
                                               partition) == {partition: 0}, 30, "it is added")
        return coordinator(), producer

    def test_what_hangs_is_found_and_ended(self):
        coordinator, producer = self.begin("known", 0)
        known = self.produce("known", (*producer, 0), 0, "known")
        hanging = self.produce("x", (HANGING, 3, 0), 0, "hangs")
        behind = self.produce(None, (-1, -1, -1), 0, "behind")
        self.assertEqual(self.produce("x", (HANGING, 3, 0), 1, "hangs too"), 0)

        # What there is.
        (listed,) = [one for one in self.json("list")["items"]
                     if one["transactionalId"] == "known"]
        self.assertEqual((listed["producerId"], listed["state"]), (producer[0], "Ongoing"))
        self.assertEqual(self.cluster.brokers[listed["coordinatorId"]].port, coordinator)
        self.assertEqual(self.json("list", "--longer-than", "3600")["items"], [])
        described = self.json("describe", "known")
        self.assertEqual((described["state"], described["producerId"], described["producerEpoch"],
                          described["partitions"]),
                         ("Ongoing", *producer, [{"topic": "pay", "partition": 0}]))
        self.assertIn("pay:0", self.run_it("describe", "known")[1])
        self.assertIn("TRANSACTIONAL_ID_NOT_FOUND", self.run_it("describe", "nobody")[1])
        producers = {one["producerId"]: one for one in self.json("producers", "pay:0")["items"]}
        self.assertEqual({key: one["currentTransactionStartOffset"]
                          for key, one in producers.items()},
                         {producer[0]: known, HANGING: hanging})
        replica = next(broker for broker in (1, 2, 3) if broker != self.leader(0).id)
        self.assertEqual(len(self.json("producers", "pay:0", "--broker", str(replica))["items"]), 2)

        # What hangs: not what the coordinator knows of, nor what has been written just now.
        self.assertEqual(self.json("find-hanging")["items"], [])
        found = self.json("find-hanging", "--older-than", "0")["items"]
        self.assertEqual([(one["topic"], one["partition"], one["producerId"],
                           one["producerEpoch"], one["coordinatorEpoch"], one["startOffset"])
                          for one in found],
                         [("pay", 0, HANGING, 3, -1, hanging), ("pay", 1, HANGING, 3, -1, 0)])
        self.assertEqual(len(self.json("find-hanging", "pay:1", "--older-than", "0")["items"]), 1)
        self.assertEqual(len(self.json("find-hanging", "pay", "--older-than", "0", "--broker",
                                       "2")["items"]), 2)
        self.assertIn("UNKNOWN_TOPIC", self.run_it("find-hanging", "nowhere")[1])

        # Ending it: what is known to a coordinator, and what nobody confirms, is refused.
        offset = ("--start-offset", str(hanging))
        self.assertEqual(self.run_it("abort", "pay:0", *offset)[0], REFUSED)
        status, told = self.run_it("--yes", "abort", "pay:0", "--start-offset", str(known))
        self.assertEqual(status, REFUSED)
        self.assertIn("its coordinator knows of it", told)
        self.assertEqual(self.run_it("--yes", "abort", "pay:0", "--start-offset", "99")[0], 1)
        self.assertEqual(self.run_it("abort", "pay:0")[0], 2)
        self.assertEqual(self.json("producers", "pay:0")["items"][-1]
                         ["currentTransactionStartOffset"], hanging)
        status, told = self.run_it("abort", "pay:0", "--dry-run", *offset)
        self.assertEqual((status, "would abort it" in told), (0, True), told)
        self.assertEqual(len(self.json("find-hanging", "--older-than", "0")["items"]), 2)
        status, told = self.run_it("--yes", "abort", "pay:0", *offset)
        self.assertEqual(status, 0, told)
        self.assertEqual([one["partition"] for one in self.json(
            "find-hanging", "--older-than", "0")["items"]], [1])
        self.assertEqual(wire.end_txn(coordinator, "known", producer, commit=True), 0)
        wait_until(lambda: wire.committed_values(self.leader(0).port, "pay") ==
                   ["known", "behind"], 30, "readers of committed records go on")
        self.assertEqual(behind, hanging + 1)


if __name__ == "__main__":
    unittest.main()
