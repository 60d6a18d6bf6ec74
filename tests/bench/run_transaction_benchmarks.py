#!/usr/bin/env python3
"""What idempotence and transactions cost: three brokers, libbarnabas, acks=all.

    tests/bench/run_transaction_benchmarks.py [--build build/release] [--repetitions 5]
                                              [--only T1|T2] [--json FILE] [--folder FOLDER]

Idempotent producers are measured beside plain ones, by turns; transactions of 1, 100 and 10,000
records by themselves, of one producer to one partition, one after the other.
What the rows mean: tests/bench/README.md.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
LOAD_SECONDS_MAX = 300
PARTITIONS = 6
RECORD_BYTES = 100
PLAIN_RECORDS = 4000000
# Records of a transaction, and how many of those.
TRANSACTIONS = ((1, 500), (100, 500), (10000, 50))


def run(command):
    ran = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                         timeout=LOAD_SECONDS_MAX, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"{command}: {ran.stderr.strip()}")
    return json.loads(ran.stdout)


class Bench:
    def __init__(self, build, cluster, repetitions):
        self.build, self.cluster, self.repetitions = build, cluster, repetitions

    def topic(self, name, partitions=PARTITIONS):
        self.cluster.create_topic(name, partitions, 3)
        self.cluster.wait_until_in_sync(name)
        return name

    def cpu_seconds(self):
        """Of the brokers, and of the clients that have ended."""
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        brokers = 0
        for broker in self.cluster.brokers.values():
            fields = pathlib.Path(f"/proc/{broker.process.pid}/stat").read_text().split()
            brokers += (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")
        return brokers, children.ru_utime + children.ru_stime

    def produce(self, topic, idempotent):
        """(records per second, CPU of the brokers and of the client per record, in ns)."""
        before = self.cpu_seconds()
        told = run([self.build / "ops/cli/barnabas", "-b", self.cluster.bootstrap, "--output",
                    "json", "bench", "produce", topic, "--records", PLAIN_RECORDS, "--size",
                    RECORD_BYTES, "-X", "linger.ms=5", "-X", "batch.size=100000", "-X",
                    "acks=all", "-X", f"enable.idempotence={'true' if idempotent else 'false'}",
                    # Without idempotence order needs it; the same for both.
                    "-X", "max.in.flight.requests.per.connection=1"])["items"][0]
        cpu = [(after - begun) / told["records"] * 1e9
               for begun, after in zip(before, self.cpu_seconds())]
        self.cluster.barnabas("topic", "delete", topic)
        return told["records"] / told["seconds"], *cpu

    def idempotence(self):
        """What `produce` told (idempotent, plain) of each pair; who begins changes. The first is
        not counted."""
        pairs = []
        for repetition in range(self.repetitions + 1):
            told = {}
            for idempotent in (True, False) if repetition % 2 == 0 else (False, True):
                name = f"idempotence-{repetition}-{idempotent}"
                told[idempotent] = self.produce(self.topic(name), idempotent)
            pairs.append((told[True], told[False]))
        return pairs[1:]

    def transactions(self, records, count):
        """Transactions per second of each run."""
        rates = []
        for repetition in range(self.repetitions):
            name = f"transactions-{records}-{repetition}"
            told = run([self.build / "tests/bench/transaction_load", self.cluster.bootstrap,
                        self.topic(name, 1), name, records, count])
            rates.append(told["transactions"] / told["seconds"])
        return rates


def print_row(what, values, unit):
    print(f"{what:38} {statistics.median(values):12,.1f} {unit:6} "
          f"({min(values):,.1f}-{max(values):,.1f})", flush=True)


def show_idempotence(bench):
    pairs = bench.idempotence()
    for number, (what, unit, scale) in enumerate((("records", "k/s", 1000),
                                                  ("CPU of the brokers", "ns", 1),
                                                  ("CPU of the client", "ns", 1))):
        values = [(pair[0][number], pair[1][number]) for pair in pairs]
        print_row(f"T1 {what}, idempotent", [pair[0] / scale for pair in values], unit)
        print_row(f"T1 {what}, plain", [pair[1] / scale for pair in values], unit)
        print_row("T1 idempotent of plain", [pair[0] / pair[1] * 100 for pair in values], "%")
    return pairs


def show_transactions(bench):
    everything = {}
    for name, (records, count) in zip(("T2a", "T2b", "T2c"), TRANSACTIONS):
        rates = everything[name] = bench.transactions(records, count)
        print_row(f"{name} transactions of {records}", rates, "/s")
        print_row(f"{name} records in them", [rate * records for rate in rates], "/s")
    return everything


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build/release")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--only", choices=("T1", "T2"), default="")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path)
    options = parser.parse_args()
    build = options.build.resolve()
    os.environ["BARNABAS_BUILD"] = str(build)
    sys.path.insert(0, str(HERE.parent / "integration"))
    import broker_cluster
    tempfile.tempdir = str(options.folder or build)
    everything = {}
    # Deleted files go at once, so that what comes next is not written into fresh memory.
    settings = {"num.network.threads": 1, "min.insync.replicas": 2,
                "log.segment.delete.delay.ms": 0,
                "transaction.state.log.num.partitions": 6}
    with broker_cluster.BrokerCluster(3, settings=settings) as cluster:
        bench = Bench(build, cluster, options.repetitions)
        if options.only != "T2":
            everything["idempotence"] = show_idempotence(bench)
        if options.only != "T1":
            everything.update(show_transactions(bench))
    if options.json:
        options.json.write_text(json.dumps(everything, indent=1))


if __name__ == "__main__":
    main()
