"""The servers that are measured beside each other, each for as long as a `with` block lasts.

    with ideal_server(folder) as ideal, barnabas(1) as ours, kafka(1, FOLDER) as theirs:
        address = ours.make_topic("t", partitions=1, configs={})
"""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
os.environ.setdefault("BARNABAS_BUILD", str(HERE.parents[1] / "build" / "release"))
sys.path.insert(0, str(HERE.parent / "integration"))
from broker_cluster import BUILD, BrokerCluster, free_port, wait_until  # noqa: E402

# What Apache Kafka's own start script gives its broker, with a heap of its default size.
KAFKA_JAVA = ("-server -Xms1G -Xmx1G -XX:+UseG1GC -XX:MaxGCPauseMillis=20 "
              "-XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent")
# A topic's files are gone soon after it was deleted, so that a load does not fall into that.
DELETE_DELAY_MS = 1000
GONE_SECONDS = 60
CREATE_SECONDS = 300
SERVER_CPU, LOAD_CPU = 0, 1


class Server:
    """Where loads go, and whose CPU time they are charged with."""

    def __init__(self, name, pids, folders):
        self.name = name
        self.pids = pids
        self.folders = folders  # where its logs lie

    def make_topic(self, topic, partitions=1, configs=None):
        """Returns the address of its leader."""
        raise NotImplementedError

    def remove_topic(self, topic):
        """Returns when its files are gone."""

    def pin(self):
        """All its threads to one processor, and the load to the other, if there are two."""
        if os.cpu_count() > LOAD_CPU:
            for pid in self.pids:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with contextlib.suppress(ProcessLookupError):
                        os.sched_setaffinity(int(thread), {SERVER_CPU})

    def files(self, topic):
        """Also of a topic that is being deleted, whose folders may vanish meanwhile."""
        of_topic = re.compile(rf"/{re.escape(topic)}(-[0-9]+.*|\.log$)")
        return [path for folder in self.folders for inner, _, names in os.walk(folder)
                for path in (pathlib.Path(inner) / name for name in names)
                if of_topic.search(str(path)[len(str(folder)):])]

    def make_cold(self, topic):
        """What the topic's files hold is on the disk, and not in memory."""
        for path in self.files(topic):
            with open(path, "rb") as file:
                os.fsync(file.fileno())
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Ideal(Server):
    def __init__(self, process, folder, port):
        super().__init__("ideal", [process.pid], [folder])
        self.address = f"127.0.0.1:{port}"

    def make_topic(self, topic, partitions=1, configs=None):
        return self.address  # it makes what is asked for

    def remove_topic(self, topic):
        for path in self.files(topic):  # which it keeps open
            os.truncate(path, 0)
            path.unlink()


def create_topic(running, topic, partitions, configs=None):
    """In a cluster, on all its brokers; many partitions take Kafka long."""
    running.barnabas("--timeout", str(CREATE_SECONDS), "topic", "create", topic,
                     "--partitions", str(partitions),
                     "--replication-factor", str(len(running.brokers)),
                     *(word for key, value in (configs or {}).items()
                       for word in ("--config", f"{key}={value}")), timeout=2 * CREATE_SECONDS)


class Cluster(Server):
    def __init__(self, name, running):
        super().__init__(name, [broker.process.pid for broker in running.brokers.values()],
                         [broker.folder / "data" for broker in running.brokers.values()])
        self.running = running
        self.leaders = {}  # addresses, of the first partitions of the topics that were made

    def make_topic(self, topic, partitions=1, configs=None):
        running = self.running
        if topic not in self.leaders:
            create_topic(running, topic, partitions, configs)
            running.wait_until_in_sync(topic)
            first = wait_until(lambda: running.partitions(topic).get(0), CREATE_SECONDS,
                               f"{topic} is told of")
            self.leaders[topic] = running.address(first["leader"])
        return self.leaders[topic]

    def remove_topic(self, topic):
        self.leaders.pop(topic, None)
        self.running.barnabas("topic", "delete", topic, check=False)
        wait_until(lambda: not self.files(topic), GONE_SECONDS, f"the files of {topic} are gone")


@contextlib.contextmanager
def ideal_server(folder):
    port = free_port()
    folder.mkdir()
    process = subprocess.Popen([BUILD / "tests/bench/ideal_server", str(folder), str(port)])
    try:
        yield Ideal(process, folder, port)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


def _settings(brokers, more):
    return {"min.insync.replicas": min(brokers, 2), "log.segment.delete.delay.ms": DELETE_DELAY_MS,
            **(more or {})}


def barnabas_cluster(brokers, settings=None, **more):
    """`more`: for BrokerCluster."""
    settings = _settings(brokers, {"num.network.threads": 1, **(settings or {})})
    return BrokerCluster(brokers, settings=settings, **more)


def kafka_cluster(brokers, folder, settings=None, **more):
    """Apache Kafka 3.9; `folder` has its jars in `jars` or `libs`."""
    os.environ["BARNABAS_KAFKA"] = str(folder)
    os.environ["BARNABAS_KAFKA_JAVA"] = KAFKA_JAVA
    return BrokerCluster(brokers, settings=_settings(brokers, settings),
                         daemon=str(HERE.parent / "foreign" / "kafka_daemon"), **more)


@contextlib.contextmanager
def barnabas(brokers):
    with barnabas_cluster(brokers) as running:
        yield Cluster("barnabas", running)


@contextlib.contextmanager
def kafka(brokers, folder):
    with kafka_cluster(brokers, folder) as running:
        yield Cluster("kafka", running)


def warm_up(server, seconds, load):
    """A Java process is fast only after a while: runs `load(topic)` again and again."""
    deadline = time.monotonic() + seconds
    round_ = 0
    while time.monotonic() < deadline:
        load(f"warm-up-{round_}")
        server.remove_topic(f"warm-up-{round_}")
        round_ += 1
