"""The coordinator of transactions, byte by byte: begin, commit, abort, time out, fence, fail over."""
import time
import unittest

from broker_cluster import BrokerCluster, wait_until
import transactions_wire as wire

NOT_LEADER, NOT_ENOUGH_REPLICAS = 6, 19
LOADING, NOT_AVAILABLE, NOT_COORDINATOR = 14, 15, 16
INVALID_EPOCH, INVALID_STATE, WRONG_ID, WRONG_TIMEOUT, CONCURRENT = 47, 48, 49, 50, 51
NOT_ATTEMPTED, UNSTABLE, FENCED, ABORTABLE = 55, 88, 90, 120


class CoordinatorTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={
            "transaction.state.log.num.partitions": 3,
            "offsets.topic.num.partitions": 3,
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": 200,
            # Coordinators move when a test kills one, and at no other time.
            "auto.leader.rebalance.enable": "false",
            "min.insync.replicas": 2})
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("out", partitions=4)

    def port(self):
        return next(broker.port for broker in self.cluster.brokers.values()
                    if broker.is_running())

    def coordinator(self, transactional_id):
        def found():
            error, port = wire.find_coordinator(self.port(), transactional_id)
            return port if error == 0 else None
        return wait_until(found, 60, "the id has a coordinator")

    def leader(self, partition=0, topic="out"):
        def running():
            leader = self.cluster.partitions(topic).get(partition, {}).get("leader")
            broker = self.cluster.brokers.get(leader)
            return broker and broker.is_running() and broker
        return wait_until(running, 30, "a leader").port

    def init(self, transactional_id, **options):
        """Until it succeeds: another end may be under way."""
        def told():
            error, *producer = wire.init_producer_id(self.coordinator(transactional_id),
                                                     transactional_id, **options)
            if error in (LOADING, NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT):
                return None
            self.assertEqual(error, 0)
            return tuple(producer)
        return wait_until(told, 60, "InitProducerId succeeds")

    def add(self, transactional_id, producer, *partitions):
        def added():
            errors = wire.add_partitions(self.coordinator(transactional_id), transactional_id,
                                         producer, "out", *partitions)
            if set(errors.values()) & {LOADING, NOT_COORDINATOR, NOT_AVAILABLE, CONCURRENT}:
                return None
            return errors
        errors = wait_until(added, 60, "AddPartitionsToTxn is answered")
        self.assertEqual(errors, {partition: 0 for partition in partitions})

    def produce(self, transactional_id, producer, partition, sequence, *values):
        """The error that no repetition mends."""
        def produced():
            error, _ = wire.produce(self.leader(partition), "out", (*producer, sequence), values,
                                    partition=partition, transactional_id=transactional_id)
            return None if error in (NOT_LEADER, NOT_ENOUGH_REPLICAS) else (error,)
        return wait_until(produced, 60, "Produce is answered")[0]

    def must_produce(self, *arguments):
        self.assertEqual(self.produce(*arguments), 0)

    def end(self, transactional_id, producer, commit):
        def ended():
            error = wire.end_txn(self.coordinator(transactional_id), transactional_id, producer,
                                 commit)
            if error in (LOADING, NOT_COORDINATOR, NOT_AVAILABLE, CONCURRENT):
                return False
            self.assertEqual(error, 0)
            return True
        wait_until(ended, 60, "EndTxn is answered")

    def state(self, transactional_id):
        return wire.describe_transaction(self.coordinator(transactional_id), transactional_id)[1]

    def wait_for_state(self, transactional_id, state):
        wait_until(lambda: self.state(transactional_id) == state, 30,
                   f"{transactional_id} is {state}")

    def seen(self, partition):
        return wire.committed_values(self.leader(partition), "out", partition)

    def test_1_a_transaction_over_two_partitions_commits_as_one(self):
        producer = self.init("one")
        self.assertEqual(producer[1], 0)
        self.assertEqual(self.state("one"), "Empty")
        self.add("one", producer, 0, 1)
        self.assertEqual(wire.describe_transaction(self.coordinator("one"), "one"),
                         (0, "Ongoing", *producer, {"out": [0, 1]}))
        self.must_produce("one", producer, 0, 0, "a")
        self.must_produce("one", producer, 1, 0, "b")
        self.assertEqual(self.seen(0) + self.seen(1), [])
        self.end("one", producer, commit=True)
        self.wait_for_state("one", "CompleteCommit")
        self.assertEqual((self.seen(0), self.seen(1)), (["a"], ["b"]))
        coordinator = self.coordinator("one")
        self.assertEqual(wire.end_txn(coordinator, "one", producer, True), 0)
        self.assertEqual(wire.end_txn(coordinator, "one", producer, False), INVALID_STATE)
        # And the next one, aborted.
        self.add("one", producer, 0)
        self.must_produce("one", producer, 0, 1, "never")
        self.end("one", producer, commit=False)
        self.wait_for_state("one", "CompleteAbort")
        self.assertEqual(self.seen(0), ["a"])

    def test_2_what_is_wrong_is_refused_with_kafkas_codes(self):
        producer = self.init("wrong")
        coordinator = self.coordinator("wrong")
        other = next(broker.port for broker in self.cluster.brokers.values()
                     if broker.port != coordinator)
        older, stranger = (producer[0], producer[1] - 1), (producer[0] + 999999, producer[1])
        self.assertEqual(wire.init_producer_id(coordinator, "wrong", timeout_ms=0)[0],
                         WRONG_TIMEOUT)
        self.assertEqual(wire.init_producer_id(coordinator, "wrong", timeout_ms=900001)[0],
                         WRONG_TIMEOUT)
        self.assertEqual(wire.init_producer_id(coordinator, "", timeout_ms=1)[0], 42)
        self.assertEqual(wire.init_producer_id(other, "wrong")[0], NOT_COORDINATOR)
        self.assertEqual(wire.init_producer_id(coordinator, "wrong", producer=stranger)[0], FENCED)
        self.assertEqual(wire.add_partitions(coordinator, "wrong", older, "out", 0),
                         {0: INVALID_EPOCH})
        self.assertEqual(wire.add_partitions(coordinator, "wrong", older, "out", 0, version=2),
                         {0: FENCED})
        self.assertEqual(wire.add_partitions(coordinator, "wrong", stranger, "out", 0),
                         {0: WRONG_ID})
        self.assertEqual(wire.add_partitions(coordinator, "wrong", producer, "out", 0, 99),
                         {0: NOT_ATTEMPTED, 99: 3})
        self.assertEqual(wire.add_partitions(coordinator, "wrong", producer,
                                             "__consumer_offsets", 0), {0: 29})
        self.assertEqual(wire.end_txn(coordinator, "wrong", producer, True), INVALID_STATE)
        self.assertEqual(wire.end_txn(coordinator, "wrong", older, True), FENCED)
        self.assertEqual(wire.end_txn(coordinator, "wrong", older, True, version=1),
                         INVALID_EPOCH)
        self.add("wrong", producer, 0)
        self.assertEqual(wire.verify_partition(coordinator, "wrong", producer, "out", 0), 0)
        self.assertEqual(wire.verify_partition(coordinator, "wrong", producer, "out", 1),
                         ABORTABLE)
        self.assertEqual(wire.verify_partition(coordinator, "wrong", older, "out", 0), FENCED)
        self.assertEqual(wire.list_transactions(coordinator, "Ongoing", "Odd")[:2], (0, ["Odd"]))
        self.assertEqual(wire.list_transactions(coordinator, "Ongoing")[2], {"wrong": "Ongoing"})
        self.assertNotIn("wrong", wire.list_transactions(coordinator, "Empty")[2])
        self.end("wrong", producer, commit=False)
        known = {transactional_id: port for port in (coordinator, other)
                 for transactional_id in wire.list_transactions(port)[2]}
        self.assertEqual(known["wrong"], coordinator)
        self.assertEqual(wire.describe_transaction(coordinator, "")[0], 42)

    def test_3_a_new_instance_fences_the_old_one_and_aborts_what_it_left(self):
        old = self.init("twice")
        self.add("twice", old, 2)
        self.must_produce("twice", old, 2, 0, "left open")
        new = self.init("twice")
        self.assertEqual((new[0], new[1]), (old[0], old[1] + 2))
        self.assertEqual(wire.end_txn(self.coordinator("twice"), "twice", old, True), FENCED)
        error, _ = wire.produce(self.leader(2), "out", (*old, 1), ["late"], partition=2,
                                transactional_id="twice")
        self.assertEqual(error, INVALID_EPOCH)
        self.add("twice", new, 2)
        self.must_produce("twice", new, 2, 0, "new")
        self.end("twice", new, commit=True)
        self.wait_for_state("twice", "CompleteCommit")
        self.assertEqual(self.seen(2), ["new"])

    def test_4_what_takes_too_long_is_aborted(self):
        producer = self.init("slow", timeout_ms=1000)
        begun = time.monotonic()
        self.add("slow", producer, 3)
        # On a busy machine the second is over before it comes.
        self.assertIn(self.produce("slow", producer, 3, 0, "too late"), (0, INVALID_EPOCH))
        self.wait_for_state("slow", "CompleteAbort")
        self.assertGreater(time.monotonic() - begun, 0.9)
        self.assertEqual(wire.end_txn(self.coordinator("slow"), "slow", producer, True), FENCED)
        self.assertEqual(self.seen(3), [])
        # It may come back, and goes on with the epoch that it is given.
        again = self.init("slow")
        self.assertEqual(again, (producer[0], producer[1] + 2))

    def group_coordinator(self, group):
        def found():
            error, port = wire.find_coordinator(self.port(), group, key_type=0)
            return port if error == 0 else None
        return wait_until(found, 60, "the group has a coordinator")

    def commit_offset(self, producer, offset):
        error = wait_until(lambda: wire.add_offsets(self.coordinator("offsets"), "offsets",
                                                    producer, "readers") == 0, 30, "it is added")
        self.assertTrue(error)

        def committed():
            error = wire.commit_offset(self.group_coordinator("readers"), "offsets", producer,
                                       "readers", "out", 0, offset)
            if error in (LOADING, NOT_AVAILABLE, NOT_COORDINATOR):
                return False
            self.assertEqual(error, 0)
            return True
        wait_until(committed, 30, "the offset is written")

    def test_6_offsets_count_when_their_transaction_commits(self):
        producer = self.init("offsets")
        self.group_coordinator("readers")

        def offset(stable=False):
            return wire.committed_offset(self.group_coordinator("readers"), "readers", "out", 0,
                                         stable)
        self.commit_offset(producer, 5)
        self.assertEqual(offset(), (0, -1))
        self.assertEqual(offset(stable=True), (UNSTABLE, -1))
        self.end("offsets", producer, commit=True)
        self.wait_for_state("offsets", "CompleteCommit")
        self.assertEqual(offset(stable=True), (0, 5))
        self.commit_offset(producer, 9)
        self.assertEqual(offset(), (0, 5))
        self.end("offsets", producer, commit=False)
        self.wait_for_state("offsets", "CompleteAbort")
        self.assertEqual(offset(stable=True), (0, 5))
        # An older instance is refused where the newer one has written, or its markers.
        newer = self.init("offsets")
        self.commit_offset(newer, 11)
        self.assertEqual(wire.commit_offset(self.group_coordinator("readers"), "offsets", producer,
                                            "readers", "out", 0, 12), INVALID_EPOCH)
        self.end("offsets", newer, commit=True)
        self.wait_for_state("offsets", "CompleteCommit")
        self.assertEqual(offset(stable=True), (0, 11))

    def test_5_the_next_coordinator_goes_on_where_the_last_one_was(self):
        producer = self.init("moved")
        before = self.seen(0)
        for number in range(3):
            self.add("moved", producer, 0)
            self.must_produce("moved", producer, 0, number, f"moved {number}")
            coordinator = self.coordinator("moved")
            if number == 1:  # it dies with the decision written, and perhaps no marker
                self.end("moved", producer, commit=True)
            broker = next(broker for broker in self.cluster.brokers.values()
                          if broker.port == coordinator)
            self.cluster.kill(broker.id)
            try:
                wait_until(lambda dead=coordinator: self.coordinator("moved") != dead, 30,
                           "another coordinator")
                if number != 1:
                    self.end("moved", producer, commit=number == 0)
                wait_until(lambda expected=number != 2: self.state("moved") == (
                    "CompleteCommit" if expected else "CompleteAbort"), 30, "it ended")
            finally:
                self.cluster.start_broker(broker.id)
                self.cluster.wait_until_whole()
        self.assertEqual(self.seen(0), before + ["moved 0", "moved 1"])

    def test_7_what_comes_while_markers_are_written_waits_for_them(self):
        producer = self.init("at once")
        coordinator = self.coordinator("at once")
        for number in range(20):
            self.add("at once", producer, number % 4)
            self.end("at once", producer, commit=number % 2 == 0)
            begun = time.monotonic()
            (error,) = wire.add_partitions(coordinator, "at once", producer, "out", 0).values()
            self.assertIn(error, (0, CONCURRENT))
            # On a busy machine some markers take longer than anybody waits.
            if error == CONCURRENT:
                self.assertGreater(time.monotonic() - begun, 0.09)
            if number == 10:  # what is open is aborted first
                error, *producer = wire.init_producer_id(coordinator, "at once")
                self.assertIn(error, (0, CONCURRENT))
                producer = producer if error == 0 else self.init("at once")

    def test_8_and_is_told_so_when_it_takes_too_long(self):
        producer = self.init("too long")
        coordinator = self.coordinator("too long")
        self.cluster.create_topic("alone", partitions=3, replicas=1)
        self.cluster.wait_until_in_sync("alone")
        alone, victim = next((partition, self.cluster.brokers[told["leader"]])
                             for partition, told in self.cluster.partitions("alone").items()
                             if self.cluster.brokers[told["leader"]].port != coordinator)
        self.add("too long", producer, 0)
        self.assertEqual(wait_until(lambda: wire.add_partitions(
            coordinator, "too long", producer, "alone", alone), 30, "it is known"), {alone: 0})
        self.cluster.kill(victim.id)
        try:
            # The dead broker's replica is waited for, perhaps for longer than an answer.
            wait_until(lambda: self.state("too long") == "PrepareCommit" or wire.end_txn(
                coordinator, "too long", producer, True) == 0, 60, "it is to be committed")
            begun = time.monotonic()
            self.assertEqual(wire.add_partitions(coordinator, "too long", producer, "out", 1),
                             {1: CONCURRENT})
            self.assertGreater(time.monotonic() - begun, 0.09)
            self.assertEqual(wire.init_producer_id(coordinator, "too long")[0], CONCURRENT)
        finally:
            self.cluster.start_broker(victim.id)
            self.cluster.wait_until_whole()
        self.wait_for_state("too long", "CompleteCommit")


if __name__ == "__main__":
    unittest.main()
