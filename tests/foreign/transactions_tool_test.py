"""kafka-transactions and DumpLogSegments of Apache Kafka 3.9 say the same of our brokers, and of what
they leave on disk, as of Apache Kafka's.

The story is told twice, first to the oracle (which is kept, as in tools_test.py): transactions that
are committed, aborted, open, and one that hangs in a partition; the tool lists, describes, finds and
aborts; then the brokers stop, and both internal topics are dumped with their decoders.
"""
import hashlib
import json
import pathlib
import re
import time
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from kafka_oracle import KAFKA, Tools, oracle
from run_steps import RACKS, SETTINGS, normalised
from tools_test import difference
import transactions_wire as wire

HERE = pathlib.Path(__file__).resolve().parent
HANGING = 7_000_000  # a producer id that nobody gives; others are above 8,000,000
TIMEOUT_MS = 600_000
TRY_AGAIN = (14, 15, 16, 51)
# What never is the same twice.
BLUR = (
    (r"(CreateTime|LastUpdateTimestamp|StartTimestamp|[a-z]*[tT]imestamp)([:=] ?)\d{13}", r"\1\2TIME"),
    (r"\b1\d{12}\b", "TIME"),
    (r"crc: \d+", "crc: CRC"),
    (r"((?:Ongoing|Complete\w+)\s+\d+\s+TIME\s+)\d+", r"\1N"),  # for how long
    # Who coordinates is chance.
    (r"(?m)^(\w+\s+)\d(\s+PRODUCER-)", r"\1N\2"),
    (r"(?m)^\d(\s+\w+\s+PRODUCER-)", r"N\1"),
    (r"FOLDER/\S*?/(__\w+-\d+)", r"\1"),
)


def plain(output, cluster, names):
    output = normalised(output, cluster)
    for number, name in names.items():
        output = re.sub(rf"\b{number}\b", name, output)
    for pattern, instead in BLUR:
        output = re.sub(pattern, instead, output)
    # Columns are as wide as what was in them.
    return "\n".join(re.sub(r"[ \t]+", " ", line).strip() for line in output.split("\n"))


class Story:
    def __init__(self, cluster, tools):
        self.cluster, self.tools = cluster, tools
        self.names = {HANGING: "HANGING"}
        self.told = {}

    def leader(self, topic, partition=0):
        return self.cluster.brokers[wait_until(
            lambda: self.cluster.partitions(topic).get(partition, {}).get("leader"), 60,
            f"{topic} has a leader")].port

    def coordinator(self, key, key_type=1):
        def found():
            error, port = wire.find_coordinator(self.cluster.brokers[1].port, key, key_type)
            return port if error == 0 else None
        return wait_until(found, 60, f"a coordinator for {key}")

    @staticmethod
    def until_done(request):
        def done():
            error = request()
            assert error == 0 or error in TRY_AGAIN, error
            return error == 0
        wait_until(done, 60, "the coordinator agrees")

    # ---- Transactions ----

    def begin(self, transactional_id):
        producer = []

        def init():
            producer[:] = wire.init_producer_id(self.coordinator(transactional_id),
                                                transactional_id, timeout_ms=TIMEOUT_MS)
            return producer.pop(0)
        self.until_done(init)
        self.names[producer[0]] = f"PRODUCER-{transactional_id}"
        return tuple(producer)

    def write(self, transactional_id, producer, sequence, partition):
        self.until_done(lambda: wire.add_partitions(
            self.coordinator(transactional_id), transactional_id, producer, "pay",
            partition)[partition])
        self.produce(transactional_id, (*producer, sequence), partition)

    def produce(self, transactional_id, producer, partition):
        error, _ = wire.produce(self.leader("pay", partition), "pay", producer, ["value"],
                                partition=partition, transactional_id=transactional_id)
        assert error == 0, error

    def commit_offset(self, transactional_id, producer, offset):
        self.until_done(lambda: wire.add_offsets(self.coordinator(transactional_id),
                                                 transactional_id, producer, "readers"))
        self.until_done(lambda: wire.commit_offset(
            self.coordinator("readers", 0), transactional_id, producer, "readers", "pay", 0,
            offset))

    def end(self, transactional_id, producer, commit):
        self.until_done(lambda: wire.end_txn(self.coordinator(transactional_id), transactional_id,
                                             producer, commit))
        wait_until(lambda: wire.describe_transaction(
            self.coordinator(transactional_id), transactional_id)[1].startswith("Complete"), 60,
            "all markers are written")

    def number_producers(self):
        """So that their ids are like no other number."""
        zookeeper = KazooClient(hosts=self.cluster.zookeeper.connect)
        zookeeper.start()
        path, block = "/latest_producer_id_block", {
            "version": 1, "broker": 1, "block_start": "8000000", "block_end": "8000999"}
        zookeeper.ensure_path(path)
        zookeeper.set(path, json.dumps(block).encode())
        zookeeper.stop()
        zookeeper.close()

    def write_all(self):
        self.number_producers()
        self.cluster.barnabas("topic", "create", "pay", "--partitions", "2",
                              "--replication-factor", "3")
        self.cluster.wait_until_known("pay")
        done = self.begin("done")
        for sequence, commit in enumerate((True, False)):
            self.write("done", done, sequence, 0)
            self.commit_offset("done", done, 10 + sequence)
            self.end("done", done, commit)
        self.write("open", self.begin("open"), 0, 0)
        self.write("other", self.begin("other"), 0, 1)
        self.produce("nobody", (HANGING, 4, 0), 0)
        # kafka-transactions compares whole minutes' limits with what is older, by some ms.
        time.sleep(0.05)

    # ---- Tools ----

    def tool(self, name, *words):
        told = self.tools.run("transactions", "--bootstrap-server", self.cluster.bootstrap,
                              *words)
        status, output = told[0], plain(told[1], self.cluster, self.names)
        lines = output.split("\n")
        self.told[name] = [status, "\n".join(lines[:1] + sorted(lines[1:]))]

    def use_the_tool(self):
        self.tool("list", "list")
        self.tool("list of long ones", "list", "--duration-filter", "3600000")
        for transactional_id in ("open", "done", "nobody"):
            self.tool(f"describe {transactional_id}", "describe", "--transactional-id",
                      transactional_id)
        at = ("--topic", "pay", "--partition", "0")
        self.tool("producers", "describe-producers", *at)
        self.tool("producers of a replica", "describe-producers", *at, "--broker-id", "2")
        self.tool("find nothing", "find-hanging", "--topic", "pay")
        everything = ("--max-transaction-timeout", "0")
        self.tool("find by topic", "find-hanging", "--topic", "pay", *everything)
        self.tool("find by broker", "find-hanging", "--broker-id", "3", *everything)
        self.tool("abort nothing", "abort", *at, "--start-offset", "77")
        self.tool("abort a newer one", "abort", *at, "--producer-id", str(HANGING),
                  "--producer-epoch", "3", "--coordinator-epoch", "0")
        self.tool("abort", "abort", *at, "--start-offset", "5")
        self.tool("find what is left", "find-hanging", "--topic", "pay", *everything)
        self.tool("abort again", "abort", *at, "--start-offset", "5")

    def dump(self):
        folders = {path.parent.name: path for broker in self.cluster.brokers.values()
                   for path in sorted(self.cluster.folder.glob(f"*{broker.id}*/**/__*/*.log"))
                   if path.stat().st_size > 0}
        for folder, path in sorted(folders.items()):
            decoder = ("--transaction-log-decoder" if "transaction" in folder
                       else "--offsets-decoder")
            status, output = self.tools.run("dump-log", decoder, "--files", str(path))
            self.told[f"dump {folder}"] = [status, plain(output, self.cluster, self.names)]

    def tell(self):
        self.write_all()
        self.use_the_tool()
        for broker in self.cluster.brokers:
            self.cluster.stop(broker)
        self.dump()
        return self.told


def tell(cluster):
    with cluster, Tools() as tools:
        return Story(cluster, tools).tell()


MORE = {**SETTINGS, "transaction.partition.verification.enable": "false"}


def theirs():
    digest = hashlib.sha256("".join(sorted(jar.name for jar in (KAFKA / "jars").iterdir())).encode())
    for source in ("transactions_tool_test.py", "run_steps.py"):
        digest.update((HERE / source).read_bytes())
    kept = KAFKA / f"oracle-transactions-{digest.hexdigest()[:16]}.json"
    if not kept.exists():
        kept.write_text(json.dumps(tell(oracle(3, settings=MORE, racks=RACKS))))
    return json.loads(kept.read_text())


class TransactionsToolTest(unittest.TestCase):
    def test_the_tools_say_the_same(self):
        expected = theirs()
        told = tell(BrokerCluster(3, settings=MORE, racks=RACKS))
        self.assertEqual(sorted(expected), sorted(told))
        for name, result in expected.items():
            with self.subTest(name):
                lines = difference(result, told[name])
                self.assertFalse(lines, "\n".join([name, *lines[:60]]))
        # It is not nothing that is compared.
        self.assertIn("HANGING", told["find by topic"][1])
        self.assertNotIn("HANGING", told["find what is left"][1])
        dumps = "\n".join(output for name, (_, output) in told.items() if "dump" in name)
        for words in ("CompleteCommit", "PrepareAbort", "transactionalId=", "readers"):
            self.assertIn(words, dumps)


if __name__ == "__main__":
    unittest.main()
