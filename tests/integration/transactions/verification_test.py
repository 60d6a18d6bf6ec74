"""A partition takes the first record of a transaction only if the coordinator knows of it (KIP-890).

Else a record that comes late would begin a transaction that nobody ends, and readers of committed
records would wait for ever.
"""
import signal
import threading
import unittest

from broker_cluster import BrokerCluster, wait_until
import transactions_wire as wire
from wire_frames import connect, frame, read_answer

LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
NOT_ENOUGH_REPLICAS, INVALID_EPOCH, INVALID_STATE = 19, 47, 48
WRONG_ID, CONCURRENT, NOT_AUTHORIZED, ABORTABLE = 49, 51, 53, 120
TRY_AGAIN = (LOADING, NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT)
ENABLE = "transaction.partition.verification.enable"


class VerificationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={"transaction.state.log.num.partitions": 6,
                                                 "offsets.topic.num.partitions": 3})
        cls.enterClassContext(cls.cluster)
        # Each test has partitions of its own.
        cls.cluster.create_topic("out", partitions=12)

    def port(self):
        return next(broker.port for broker in self.cluster.brokers.values()
                    if broker.is_running())

    def find(self, key, key_type=1):
        def found():
            error, port = wire.find_coordinator(self.port(), key, key_type)
            return port if error == 0 else None
        return wait_until(found, 60, f"{key} has a coordinator")

    def leader(self, partition):
        return self.cluster.brokers[wait_until(
            lambda: self.cluster.partitions("out").get(partition, {}).get("leader"), 30,
            "a leader")].port

    def transactional_id(self, name, partition, is_here):
        """One whose coordinator leads the partition, or does not."""
        return next(f"{name}-{number}" for number in range(1000)
                    if (self.find(f"{name}-{number}") == self.leader(partition)) == is_here)

    def ask(self, request, *arguments):
        """Until the coordinator is there and ready."""
        return wait_until(lambda: (told := request(*arguments))[0] not in TRY_AGAIN and told, 60,
                          "the coordinator answers")

    def init(self, transactional_id):
        error, *producer = self.ask(lambda: wire.init_producer_id(
            self.find(transactional_id), transactional_id))
        self.assertEqual(error, 0)
        return tuple(producer)

    def add(self, transactional_id, producer, partition):
        self.assertEqual(self.ask(lambda: list(wire.add_partitions(
            self.find(transactional_id), transactional_id, producer, "out",
            partition).values())), [0])

    def end(self, transactional_id, producer, commit):
        self.assertEqual(self.ask(lambda: [wire.end_txn(
            self.find(transactional_id), transactional_id, producer, commit)]), [0])
        wait_until(lambda: wire.describe_transaction(
            self.find(transactional_id), transactional_id)[1].startswith("Complete"), 30,
            "it has ended")

    def produce(self, transactional_id, producer, sequence, partition, **options):
        """(error, message)"""
        return wire.produced(self.answer(self.leader(partition), wire.produce_request(
            "out", (*producer, sequence), [f"{sequence}"], partition=partition,
            transactional_id=transactional_id, **options)))[::2]

    @staticmethod
    def answer(port, request):
        with connect(port) as connection:
            connection.sendall(frame(request))
            return read_answer(connection)

    def assert_nothing_hangs(self, partition):
        port = self.leader(partition)
        self.assertEqual(wire.end_offset(port, "out", 1, partition),
                         wire.end_offset(port, "out", 0, partition))

    def test_a_record_outside_of_a_transaction_is_refused(self):
        for partition, is_here in ((0, True), (1, False)):
            with self.subTest(coordinator="here" if is_here else "elsewhere"):
                name = self.transactional_id("outside", partition, is_here)
                producer = self.init(name)
                self.assertEqual(self.produce(name, producer, 0, partition),
                                 (INVALID_STATE, "Partition was not added to the transaction"))
                self.assertEqual(self.produce(name, producer, 0, partition, version=11),
                                 (ABORTABLE, None))
                self.assertEqual(self.produce(name, (producer[0] + 99999, 0), 0, partition),
                                 (WRONG_ID, None))
                self.assertEqual(self.produce(name, (producer[0], 7), 0, partition),
                                 (INVALID_EPOCH, None))
                self.assertEqual(self.produce(None, producer, 0, partition,
                                              is_transactional=True), (NOT_AUTHORIZED, None))
                self.assertEqual(wire.end_offset(self.leader(partition), "out", 0, partition), 0)
                self.add(name, producer, partition)
                self.assertEqual(self.produce(name, producer, 0, partition), (0, None))
                self.assertEqual(self.produce(name, producer, 1, partition), (0, None))
                self.end(name, producer, commit=True)
                self.assert_nothing_hangs(partition)

    def test_a_record_that_comes_late_is_refused(self):
        partition, name = 2, "late"
        producer = self.init(name)
        for number, commit in enumerate((False, True)):
            self.add(name, producer, partition)
            self.assertEqual(self.produce(name, producer, number, partition), (0, None))
            self.end(name, producer, commit)
            self.assertEqual(self.produce(name, producer, number + 1, partition)[0],
                             INVALID_STATE)
            self.assert_nothing_hangs(partition)
        # It was in the transaction, but has not written when that is aborted.
        self.add(name, producer, partition)
        self.end(name, producer, commit=False)
        self.assertEqual(self.produce(name, producer, 2, partition)[0], INVALID_STATE)
        self.assert_nothing_hangs(partition)
        # An older instance, whose transaction another one has open.
        newer = self.init(name)
        self.add(name, newer, partition)
        self.assertEqual(self.produce(name, producer, 2, partition)[0], INVALID_EPOCH)
        self.assertEqual(self.produce(name, newer, 0, partition), (0, None))
        self.end(name, newer, commit=True)
        self.assert_nothing_hangs(partition)

    def test_requests_of_one_connection_keep_their_order(self):
        for partition, is_here in ((3, True), (4, False)):
            name = self.transactional_id("order", partition, is_here)
            producer = self.init(name)
            for first in (0, 5):
                self.add(name, producer, partition)
                requests = [wire.produce_request(
                    "out", (*producer, sequence), ["x"], partition=partition,
                    transactional_id=name) for sequence in range(first, first + 5)]
                with connect(self.leader(partition)) as connection:
                    connection.sendall(b"".join(frame(request) for request in requests))
                    answers = [wire.produced(read_answer(connection)) for _ in requests]
                self.assertEqual([error for error, _, _ in answers], [0] * 5)
                offsets = [offset for _, offset, _ in answers]
                self.assertEqual(offsets, list(range(offsets[0], offsets[0] + 5)))
                self.end(name, producer, commit=True)

    def test_offsets_outside_of_a_transaction_are_refused(self):
        name, group = "offsets", "readers"
        producer = self.init(name)

        def commit():
            return self.ask(lambda: [wire.commit_offset(
                self.find(group, key_type=0), name, producer, group, "out", 0, 5)])[0]
        self.assertEqual(commit(), INVALID_STATE)
        self.assertEqual(self.ask(lambda: [wire.add_offsets(
            self.find(name), name, producer, group)]), [0])
        self.assertEqual(commit(), 0)
        self.end(name, producer, commit=False)
        self.assertEqual(commit(), INVALID_STATE)

    def test_the_setting_changes_at_run_time(self):
        partition, name = 5, "setting"
        producer = self.init(name)
        self.assertEqual(self.produce(name, producer, 0, partition)[0], INVALID_STATE)
        self.cluster.barnabas("config", "alter", "brokers", "--config", f"{ENABLE}=false")
        wait_until(lambda: self.produce(name, producer, 0, partition)[0] == 0, 30,
                   "nobody asks")
        self.cluster.barnabas("config", "alter", "brokers", "--delete-config", ENABLE)
        sequence = 1

        def is_refused():
            nonlocal sequence
            self.assertEqual(wire.write_markers(self.leader(partition), "out", *producer,
                                                commit=True, partition=partition), 0)
            told = self.produce(name, producer, sequence, partition)[0]
            sequence += told == 0
            return told == INVALID_STATE
        wait_until(is_refused, 30, "it is asked again")

    def test_a_coordinator_that_dies_meanwhile_is_waited_for(self):
        partition = 6
        name = self.transactional_id("dies", partition, is_here=False)
        producer = self.init(name)
        self.add(name, producer, partition)
        coordinator = next(broker for broker in self.cluster.brokers.values()
                           if broker.port == self.find(name))
        leader, told = self.leader(partition), []
        neighbour = next(p for p in range(9, 12) if self.leader(p) == leader)

        def request(sequence):
            return wire.produce_request("out", (*producer, sequence), ["x"], partition=partition,
                                        transactional_id=name)
        asking = threading.Thread(target=lambda: told.append(wire.produced(
            self.answer(leader, request(0)))))
        coordinator.signal(signal.SIGSTOP)
        try:
            asking.start()
            asking.join(1)
            self.assertEqual(told, [], "it is answered although the coordinator can't be")
            # Other connections go on meanwhile.
            self.assertEqual(wire.produce(leader, "out", (-1, -1, -1), ["plain"],
                                          partition=neighbour, acks=1)[0], 0)
        finally:
            self.cluster.kill(coordinator.id)
        try:
            asking.join(30)
            self.assertEqual(told[0][0], NOT_ENOUGH_REPLICAS)
            self.assertIn("Unable to verify", told[0][2])
            wait_until(lambda: wire.produced(self.answer(leader, request(0)))[0] == 0, 60,
                       "another coordinator vouches for it")
            self.end(name, producer, commit=True)
            self.assert_nothing_hangs(partition)
        finally:
            self.cluster.start_broker(coordinator.id)
            self.cluster.wait_until_whole()


if __name__ == "__main__":
    unittest.main()
