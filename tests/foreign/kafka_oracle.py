"""Apache Kafka 3.9 from Maven Central: its broker as an oracle, and its command-line tools.

    with oracle(3) as cluster, Tools() as tools:
        status, output = tools.run("topics", "--list", bootstrap=cluster.bootstrap)
"""
import base64
import os
import pathlib
import subprocess

from broker_cluster import BrokerCluster

HERE = pathlib.Path(__file__).resolve().parent
KAFKA = pathlib.Path(os.environ.get("BARNABAS_KAFKA",
                                    HERE.parents[1] / "build" / "foreign" / "java" / "kafka"))
# What bin/kafka-NAME.sh runs, in 3.9.
MAIN = {
    "acls": "kafka.admin.AclCommand",
    "broker-api-versions": "kafka.admin.BrokerApiVersionsCommand",
    "client-metrics": "org.apache.kafka.tools.ClientMetricsCommand",
    "cluster": "org.apache.kafka.tools.ClusterTool",
    "configs": "kafka.admin.ConfigCommand",
    "console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "console-producer": "kafka.tools.ConsoleProducer",
    "consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "delegation-tokens": "org.apache.kafka.tools.DelegationTokenCommand",
    "delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "dump-log": "kafka.tools.DumpLogSegments",
    "features": "org.apache.kafka.tools.FeatureCommand",
    "get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
    "log-dirs": "org.apache.kafka.tools.LogDirsCommand",
    "metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
    "producer-perf-test": "org.apache.kafka.tools.ProducerPerformance",
    "reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
    "replica-verification": "org.apache.kafka.tools.ReplicaVerificationTool",
    "topics": "org.apache.kafka.tools.TopicCommand",
    "transactions": "org.apache.kafka.tools.TransactionsCommand",
    "verifiable-consumer": "org.apache.kafka.tools.VerifiableConsumer",
    "verifiable-producer": "org.apache.kafka.tools.VerifiableProducer",
}


def oracle(count=3, **arguments):
    """A cluster of Apache Kafka's brokers; arguments as BrokerCluster's."""
    return BrokerCluster(count, daemon=str(HERE / "kafka_daemon"), **arguments)


# These end their process in ways that another program cannot catch.
ALONE = ("verifiable-consumer", "verifiable-producer")
JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
        "-cp", f"{KAFKA}/classes:{KAFKA}/jars/*")
ALONE_SECONDS = 60


class Tools:
    """The tools, nearly all in one Java process."""

    def __enter__(self):
        self.process = subprocess.Popen([*JAVA, "ToolRunner"], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.kill()
        self.process.wait()

    def run(self, tool, *words, stdin=""):
        """The exit status and what was printed on both streams."""
        if tool in ALONE:
            ran = subprocess.run([*JAVA, MAIN[tool], *map(str, words)], input=stdin.encode(),
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                 timeout=ALONE_SECONDS, check=False)
            return ran.returncode, ran.stdout.decode(errors="replace")
        line = [base64.b64encode(stdin.encode()).decode(), MAIN[tool], *map(str, words)]
        self.process.stdin.write("\t".join(line).encode() + b"\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        if len(answer) != 2:
            raise AssertionError(f"the Java process ended in {tool} {words}")
        status, size = map(int, answer)
        return status, self.process.stdout.read(size).decode(errors="replace")
