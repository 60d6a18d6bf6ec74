"""A cluster of brokers with a ZooKeeper of its own, for tests.

    with BrokerCluster(3, settings={"min.insync.replicas": 2}) as cluster:
        cluster.bootstrap                   # "127.0.0.1:40001,127.0.0.1:40002,127.0.0.1:40003"
        cluster.barnabas("topic", "create", "orders", "--partitions", "3")
        cluster.kill(1)                     # SIGKILL
        cluster.start_broker(1)             # same port, same data

Brokers have the ids 1, 2, ... Everything is written below one temporary folder and goes with it.
BARNABAS_DAEMON names another program to run with the path of a server.properties: with one that
starts a Java Kafka 3.9, the tests themselves can be tested.
"""
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import failure_report
from zookeeper_server import ZookeeperServer, free_port

BUILD = pathlib.Path(os.environ.get("BARNABAS_BUILD", "build/debug")).resolve()
DAEMON = os.environ.get("BARNABAS_DAEMON", str(BUILD / "broker" / "barnabasd"))
COMMAND = str(BUILD / "ops" / "cli" / "barnabas")
START_SECONDS = 60
STOP_SECONDS = 60
OUTPUT_TAIL = 8000


def wait_until(condition, seconds, what):
    """Returns the condition's first true value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.05)


class Broker:
    def __init__(self, broker_id, folder, settings, daemon=DAEMON):
        self.id = broker_id
        self.daemon = daemon
        self.port = free_port()
        self.folder = folder
        self.settings = settings
        self.process = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        (self.folder / "data").mkdir(parents=True, exist_ok=True)
        properties = {
            "broker.id": self.id,
            "listeners": f"PLAINTEXT://{self.address}",
            "log.dirs": self.folder / "data",
            **self.settings,
        }
        path = self.folder / "server.properties"
        path.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        with open(self.folder / "output", "ab") as out:
            self.process = subprocess.Popen([self.daemon, str(path)], stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out)

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def pause(self, seconds):
        """Holds the process for so long."""
        self.signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.signal(signal.SIGCONT)

    def wait(self):
        self.process.wait(STOP_SECONDS)
        status, self.process = self.process.returncode, None
        return status

    def output(self):
        path = self.folder / "output"
        return path.read_text(errors="replace") if path.exists() else ""

    def admin_port(self):
        """Of barnabas.admin.listener, as the running process told; None if it has not yet."""
        lines = [line for line in self.output().splitlines() if " admin_listening " in line]
        return int(lines[-1].split("port=")[1]) if lines else None

    def http(self, path, method="GET"):
        """(status, text) of a page of the admin listener."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port(), timeout=30)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])


class BrokerCluster:
    def __init__(self, count=3, settings=None, racks=None, zookeeper=None, keep=False,
                 daemon=DAEMON, directories=1):
        """`settings`: more keys for every broker. `racks`: one per broker. `zookeeper`: arguments
        of ZookeeperServer. `daemon`: the program that is the broker. `directories`: of each
        broker's data: data, data2, ..."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="barnabas-cluster-"))
        self.keep = keep
        self.zookeeper = ZookeeperServer(folder=self.folder / "zookeeper", **(zookeeper or {}))
        (self.folder / "zookeeper").mkdir()
        common = {
            "zookeeper.connect": self.zookeeper.connect,
            "zookeeper.session.timeout.ms": 6000,
            "zookeeper.connection.timeout.ms": START_SECONDS * 1000,
            "default.replication.factor": min(count, 3),
            "offsets.topic.replication.factor": min(count, 3),
            "transaction.state.log.replication.factor": min(count, 3),
            **(settings or {}),
        }
        self.brokers = {}
        for broker_id in range(1, count + 1):
            rack = {"broker.rack": racks[broker_id - 1]} if racks else {}
            folder = self.folder / f"broker-{broker_id}"
            dirs = [folder / f"data{number if number > 1 else ''}"
                    for number in range(1, directories + 1)]
            own = {"log.dirs": ",".join(map(str, dirs))} if directories > 1 else {}
            self.brokers[broker_id] = Broker(broker_id, folder, {**common, **rack, **own}, daemon)

    def report(self):
        return "".join(f"\n-- broker {broker.id}\n{broker.output()[-OUTPUT_TAIL:]}"
                       for broker in self.brokers.values())

    def __enter__(self):
        failure_report.watch(self)
        try:
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, *_):
        failure_report.forget(self)
        if kind is not None:
            print(self.report(), file=sys.stderr)
        for broker in self.brokers.values():
            if broker.is_running():
                broker.signal(signal.SIGCONT)
                broker.signal(signal.SIGKILL)
                broker.wait()
        self.zookeeper.remove()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def bootstrap(self):
        return ",".join(broker.address for broker in self.brokers.values())

    def address(self, broker_id):
        return self.brokers[broker_id].address

    # ---- Processes ----

    def start(self):
        self.zookeeper.start()
        for broker in self.brokers.values():
            broker.start()
        self.wait_until_whole()

    def start_broker(self, broker_id):
        self.brokers[broker_id].start()

    def kill(self, broker_id):
        self.brokers[broker_id].signal(signal.SIGKILL)
        self.brokers[broker_id].wait()

    def stop(self, broker_id):
        """As an operator does; returns the exit status."""
        self.brokers[broker_id].signal(signal.SIGTERM)
        return self.brokers[broker_id].wait()

    def wait_until_whole(self, seconds=START_SECONDS):
        """Until every broker tells of all brokers."""
        def knows_all(broker):
            if not broker.is_running():
                raise AssertionError(f"broker {broker.id} ended:\n{broker.output()[-OUTPUT_TAIL:]}")
            return self.known_brokers(broker.address) == set(self.brokers)
        for broker in self.brokers.values():
            wait_until(lambda broker=broker: knows_all(broker), seconds,
                       f"broker {broker.id} tells of all brokers")

    # ---- The command ----

    def barnabas(self, *arguments, bootstrap=None, stdin=None, check=True, timeout=90):
        """Runs the command and returns what it printed."""
        ran = subprocess.run([COMMAND, "-b", bootstrap or self.bootstrap, "--yes", *arguments],
                             input=stdin, capture_output=True, timeout=timeout, check=False)
        if check and ran.returncode != 0:
            raise AssertionError(f"barnabas {' '.join(arguments)}: status {ran.returncode}\n"
                                 f"{ran.stderr.decode(errors='replace')}")
        return ran.stdout

    def known_brokers(self, address):
        """The ids of the brokers that the one at `address` tells of; empty if it does not."""
        table = self.barnabas("--timeout", "2", "broker", "list", bootstrap=address, check=False)
        firsts = (line.split()[:1] for line in table.decode().splitlines())
        return {int(first[0]) for first in firsts if first and first[0].isdigit()}

    def create_topic(self, name, partitions=1, replicas=None, **configs):
        replicas = replicas or min(len(self.brokers), 3)
        settings = [word for key, value in configs.items()
                    for word in ("--config", f"{key.replace('_', '.')}={value}")]
        self.barnabas("topic", "create", name, "--partitions", str(partitions),
                      "--replication-factor", str(replicas), *settings)

    # ---- What the cluster says of itself ----

    def partitions(self, topic, address=None):
        """{partition: {"leader", "leader_epoch", "replicas", "isr", "offline"}} as one broker, or
        any, tells; empty if it does not know the topic."""
        told = self.barnabas("--output", "json", "--timeout", "5", "topic", "describe", topic,
                             bootstrap=address, check=False)
        try:
            topics = json.loads(told)["items"]
        except (ValueError, KeyError):
            return {}
        return {partition["partitionIndex"]: {"leader": partition["leaderId"],
                                              "leader_epoch": partition["leaderEpoch"],
                                              "replicas": partition["replicaNodes"],
                                              "isr": partition["isrNodes"],
                                              "offline": partition["offlineReplicas"]}
                for described in topics for partition in described.get("partitions", [])}

    def controller(self):
        told = self.barnabas("--output", "json", "--timeout", "5", "broker", "list", check=False)
        try:
            return next((broker["brokerId"] for broker in json.loads(told)["items"]
                         if broker["isController"]), None)
        except (ValueError, KeyError):
            return None

    def wait_until_in_sync(self, topic, seconds=START_SECONDS):
        """Until every replica of the topic is in its ISR."""
        def in_sync():
            partitions = self.partitions(topic).values()
            return partitions and all(sorted(partition["isr"]) == sorted(partition["replicas"])
                                      for partition in partitions)
        wait_until(in_sync, seconds, f"all replicas of {topic} are in sync")

    def wait_until_known(self, topic, seconds=START_SECONDS):
        """Until every broker tells that every replica of the topic is in its ISR."""
        for broker in self.brokers.values():
            def in_sync(address=broker.address):
                partitions = self.partitions(topic, address).values()
                return partitions and all(
                    partition["leader"] >= 0
                    and sorted(partition["isr"]) == sorted(partition["replicas"])
                    for partition in partitions)
            wait_until(in_sync, seconds, f"broker {broker.id} tells of {topic}")
