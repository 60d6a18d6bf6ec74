"""A chain of two programs that consume, work and produce: each input comes out once, in order,
whoever is killed meanwhile: every broker, the coordinators, the programs themselves, ZooKeeper.

    class OurTest(ExactlyOnceChain, unittest.TestCase):
        program = [...]     # BOOTSTRAP GROUP TRANSACTIONAL_ID IN OUT are added; SIGTERM ends it

BARNABAS_CHAIN_SECONDS=600 does so for ten minutes, instead of some faults once.
"""
import os
import random
import signal
import subprocess
import threading
import time

from broker_cluster import BUILD, BrokerCluster, wait_until
from exactly_once_checker import problems
from transaction_log import fates, read_committed, read_log
from transactions_wire import end_offset, find_coordinator

SECONDS = float(os.environ.get("BARNABAS_CHAIN_SECONDS", "0"))
PARTITIONS = 2
INTERNAL = ["__transaction_state", "__consumer_offsets"]
SETTINGS = {"transaction.state.log.num.partitions": 3, "offsets.topic.num.partitions": 3,
            "min.insync.replicas": 2, "group.initial.rebalance.delay.ms": 0,
            "zookeeper.session.timeout.ms": 3000,
            # Who leads when all is settled leads while the end is read.
            "auto.leader.rebalance.enable": "false"}


class Worker:
    """A program that is started again whenever it ends, as a supervisor would."""

    def __init__(self, program, cluster, name, source, target):
        self.command = [*program, cluster.bootstrap, f"group-{name}", name, source, target]
        self.output = open(cluster.folder / f"worker-{name}", "ab")
        self.name, self.starts, self.stopping = name, 0, False
        self.process = None
        self._start()
        self.thread = threading.Thread(target=self._supervise, daemon=True)
        self.thread.start()

    def _start(self):
        self.starts += 1
        self.process = subprocess.Popen(self.command, stdout=self.output, stderr=self.output)

    def _supervise(self):
        while True:
            self.process.wait()
            if self.stopping:
                return
            self._start()

    def kill(self):
        before = self.starts
        self.process.kill()
        wait_until(lambda: self.starts > before, 10, "it is started again")

    def stop(self):
        """Its status."""
        self.stopping = True
        self.process.send_signal(signal.SIGTERM)
        self.thread.join(60)
        self.process.kill()
        self.output.close()
        return self.process.wait()


class Feeder:
    """Sends numbers, evenly over the partitions, until it is stopped."""

    def __init__(self, cluster, topic):
        self.commands = [subprocess.Popen(
            [str(BUILD / "ops/cli/barnabas"), "-b", cluster.bootstrap, "--timeout", "120", "produce",
             topic, "--partition", str(partition)], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for partition in range(PARTITIONS)]
        self.stopping = threading.Event()
        self.sent = 0
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping.wait(0.01):
            for command in self.commands:
                command.stdin.write(f"a{self.sent}\n".encode())
                command.stdin.flush()
            self.sent += 1

    def stop(self):
        self.stopping.set()
        self.thread.join()
        for command in self.commands:
            _, errors = command.communicate(timeout=120)
            assert command.returncode == 0, errors.decode()


class ExactlyOnceChain:
    program = None

    def setUp(self):
        self.cluster = BrokerCluster(3, settings=SETTINGS)
        self.enterContext(self.cluster)
        for topic in ("in", "middle", "out"):
            self.cluster.create_topic(topic, PARTITIONS)
        self.workers = []

    def end(self, topic, partition):
        """(port of its leader, end of what is committed), or None."""
        for broker in self.cluster.brokers.values():
            try:
                return broker.port, end_offset(broker.port, topic, 1, partition)
            except (OSError, AssertionError):  # dead, or not its leader
                pass
        return None

    def port(self, topic, partition):
        return wait_until(lambda: self.end(topic, partition), 30, f"{topic}-{partition} is led")[0]

    def count_out(self):
        return sum(len(read_committed(self.port("out", partition), "out", partition))
                   for partition in range(PARTITIONS))

    def stable_end(self):
        """Of the results: it grows with every commit. None while somebody is not led."""
        ends = [self.end("out", partition) for partition in range(PARTITIONS)]
        return None if None in ends else sum(end for _, end in ends)

    def wait_for_progress(self):
        before = wait_until(self.stable_end, 60, "there are results")
        wait_until(lambda: (self.stable_end() or 0) > before, 60, "results go on coming")

    # ---- faults ----

    def restart_broker(self, broker):
        self.cluster.kill(broker)
        self.wait_for_progress()
        self.cluster.start_broker(broker)
        self.cluster.wait_until_whole()
        for topic in ("in", "middle", "out", *INTERNAL):
            self.cluster.wait_until_in_sync(topic)

    def kill_coordinator(self, key, key_type):
        def coordinator():
            error, port = find_coordinator(next(iter(self.cluster.brokers.values())).port, key,
                                           key_type)
            return port if error == 0 else None
        port = wait_until(coordinator, 30, f"{key} has a coordinator")
        self.restart_broker(next(broker.id for broker in self.cluster.brokers.values()
                                 if broker.port == port))

    def faults(self):
        first, second = self.workers
        return [
            ("the first program", first.kill),
            ("the coordinator of its transactions", lambda: self.kill_coordinator(first.name, 1)),
            ("the second program", second.kill),
            ("ZooKeeper", lambda: self.cluster.zookeeper.restart(kill=True)),
            ("the coordinator of its group",
             lambda: self.kill_coordinator(f"group-{second.name}", 0)),
            *((f"broker {number}", lambda number=number: self.restart_broker(number))
              for number in (1, 2, 3)),
        ]

    def disturb(self):
        until, chance, faults = time.monotonic() + SECONDS, random.Random(), self.faults()
        for what, fault in faults if SECONDS else faults[:4]:
            self.inflict(what, fault)
        while time.monotonic() < until:
            self.inflict(*chance.choice(faults))

    def inflict(self, what, fault):
        begun = time.monotonic()
        fault()
        self.wait_for_progress()
        print(f"{what} killed: {time.monotonic() - begun:.1f} s until results came again",
              flush=True)

    # ---- what must be true ----

    def inputs(self, partition):
        return [entry.value for entry in read_log(self.port("in", partition), "in", partition)]

    def check(self, topic):
        for partition in range(PARTITIONS):
            port = self.port(topic, partition)
            fate = fates(read_log(port, topic, partition))
            seen = read_committed(port, topic, partition)
            self.assertEqual(problems(self.inputs(partition), fate, seen, str.upper), [])
            self.assertNotIn("open", fate.values())
            print(f"{topic}-{partition}: {len(seen)} results, "
                  f"{sum(end == 'aborted' for end in fate.values())} aborted records")

    def test_each_input_comes_out_once_whoever_is_killed(self):
        feeder = Feeder(self.cluster, "in")
        self.workers = [Worker(self.program, self.cluster, "one", "in", "middle"),
                        Worker(self.program, self.cluster, "two", "middle", "out")]
        try:
            wait_until(lambda: self.count_out() > 0, 60, "the first results come")
            for topic in INTERNAL:
                self.cluster.wait_until_in_sync(topic)
            self.disturb()
            feeder.stop()
            wait_until(lambda: self.count_out() >= PARTITIONS * feeder.sent, 120, "all is done")
        finally:
            feeder.stopping.set()
            statuses = [worker.stop() for worker in self.workers]
        self.assertEqual(statuses, [0, 0])
        self.check("middle")
        self.check("out")
