"""Many concurrent transactions on few partitions, while brokers, coordinators and writers are
killed: what readers of committed records see of them is free of anomalies.

BARNABAS_HISTORY_SECONDS says how long (8); BARNABAS_HISTORY_WRITERS how many writers (8).
"""
import os
import random
import signal
import subprocess
import threading
import time
import unittest

from broker_cluster import BUILD, BrokerCluster, wait_until
from client.consumer_driver import Member
from transaction_history import Seen, Transaction, anomalies
from transaction_log import fates, read_committed, read_log
from transactions_wire import end_offset

SECONDS = float(os.environ.get("BARNABAS_HISTORY_SECONDS", "8"))
WRITERS = int(os.environ.get("BARNABAS_HISTORY_WRITERS", "8"))
DRIVER = str(BUILD / "tests" / "integration" / "transaction_driver")
PARTITIONS = 2
INTERNAL = ["__transaction_state", "__consumer_offsets"]
SETTINGS = {"transaction.state.log.num.partitions": 3, "offsets.topic.num.partitions": 3,
            "min.insync.replicas": 2, "group.initial.rebalance.delay.ms": 0,
            "zookeeper.session.timeout.ms": 3000,
            # Who leads when all is settled leads while the end is read.
            "auto.leader.rebalance.enable": "false"}


class Writers:
    """The process with the writers, and the next one with the same ids after it was killed."""

    def __init__(self, bootstrap, name):
        self.bootstrap, self.name = bootstrap, name
        self.transactions, self.threads, self.incarnation = {}, [], 0
        self._start()

    def _start(self):
        self.incarnation += 1
        self.process = subprocess.Popen(
            [DRIVER, self.bootstrap, "h", str(PARTITIONS), self.name, str(self.incarnation),
             str(WRITERS)], stdout=subprocess.PIPE, text=True)
        self.threads.append(threading.Thread(
            target=self._read, args=(self.process.stdout, self.incarnation), daemon=True))
        self.threads[-1].start()

    def _read(self, lines, incarnation):
        for line in lines:
            words = line.split()
            if words[0] == "begin":
                order = incarnation * 1000000 + int(words[3])
                partitions = [int(word) for word in words[4].split(",")]
                self.transactions[words[1]] = Transaction(words[2], order, partitions, None,
                                                          "unknown")
            elif words[0] == "asked":
                self.transactions[words[1]] = self.transactions[words[1]]._replace(
                    asked=float(words[2]))
            elif self.transactions[words[1]].end == "unknown":
                self.transactions[words[1]] = self.transactions[words[1]]._replace(end=words[2])
        lines.close()

    def count(self, end):
        return sum(one.end == end for one in list(self.transactions.values()))

    def at_work(self):
        """Whether all of this incarnation have their ids, and have ended what was left open."""
        began = self.incarnation * 1000000
        return len({one.writer for one in list(self.transactions.values())
                    if one.order >= began}) == WRITERS

    def kill_and_restart(self):
        self.process.kill()
        self.process.wait()
        self._start()
        wait_until(self.at_work, 60, "the writers are at work again")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(120)
        for thread in self.threads:
            thread.join()


class Reader:
    """Notes when each record came."""

    def __init__(self, bootstrap, name):
        self.member = Member(bootstrap, name, **{"isolation.level": "read_committed"})
        self.member.tell("subscribe h")
        self.times, self.stopping = [], False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopping:
            now, count = time.monotonic(), len(self.member.messages)
            self.times += [now] * (count - len(self.times))
            time.sleep(0.001)

    def view(self):
        found = {partition: [] for partition in range(PARTITIONS)}
        for (_, partition, offset, value), when in zip(self.member.messages, self.times):
            found[partition].append(Seen(offset, value, when))
        return found

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.member.end()


class HistoryTest(unittest.TestCase):
    def setUp(self):
        self.cluster = BrokerCluster(3, settings=SETTINGS)
        self.enterContext(self.cluster)
        self.cluster.create_topic("h", PARTITIONS)

    def end(self, partition, isolation):
        for broker in self.cluster.brokers.values():
            try:
                return broker.port, end_offset(broker.port, "h", isolation, partition)
            except (OSError, AssertionError):  # dead, or not its leader
                pass
        return None

    def restart_a_broker(self, chance, writers):
        broker, committed = chance.choice(list(self.cluster.brokers)), writers.count("committed")
        self.cluster.kill(broker)
        wait_until(lambda: writers.count("committed") > committed, 60, "transactions go on")
        self.cluster.start_broker(broker)
        self.cluster.wait_until_whole()
        for topic in ("h", *INTERNAL):
            self.cluster.wait_until_in_sync(topic)

    def disturb(self, writers):
        until, chance = time.monotonic() + SECONDS, random.Random()
        while time.monotonic() < until:
            time.sleep(0.5)
            chance.choice([writers.kill_and_restart,
                           lambda: self.restart_a_broker(chance, writers)])()

    def settled(self):
        """{partition: port} once nothing is open."""
        ports = {}
        for partition in range(PARTITIONS):
            stable, high = self.end(partition, 1), self.end(partition, 0)
            if stable is None or high is None or stable[1] != high[1]:
                return None
            ports[partition] = stable[0]
        return ports

    def test_readers_see_no_anomaly(self):
        writers = Writers(self.cluster.bootstrap, "tx")
        readers = []
        try:
            wait_until(writers.at_work, 60, "the writers are at work")
            readers = [Reader(self.cluster.bootstrap, name) for name in ("one", "two")]
            wait_until(lambda: all(reader.times for reader in readers), 60, "readers read")
            for topic in INTERNAL:
                self.cluster.wait_until_in_sync(topic)
            self.disturb(writers)
            writers.stop()
            ports = wait_until(self.settled, 60, "nothing is open")
            final = {partition: [Seen(offset, value, time.monotonic()) for offset, value
                                 in read_committed(port, "h", partition)]
                     for partition, port in ports.items()}
            count = sum(map(len, final.values()))
            for reader in readers:
                wait_until(lambda reader=reader: len(reader.times) >= count, 60, "all is read")
        finally:
            writers.process.kill()
            for reader in readers:
                reader.stop()
        self.check(writers, readers, final, ports)

    def check(self, writers, readers, final, ports):
        views = {"final": final, **{f"reader {i}": reader.view()
                                    for i, reader in enumerate(readers)}}
        found = anomalies(writers.transactions, views, views)
        self.assertEqual(found[:20], [])
        marked = [end for partition, port in ports.items()
                  for end in fates(read_log(port, "h", partition)).values()]
        print(f"{len(writers.transactions)} transactions: "
              + ", ".join(f"{writers.count(end)} {end}"
                          for end in ("committed", "aborted", "unknown"))
              + f"; {marked.count('committed')} records committed, "
              f"{marked.count('aborted')} aborted; {writers.incarnation} incarnations")
        self.assertGreater(writers.count("committed"), 20)
        self.assertGreater(marked.count("aborted"), 0)


if __name__ == "__main__":
    unittest.main()
