"""What consumer groups promise, looked for in what their members tell, whatever client they are of
(clients/kafka_python_members.py says how).

A group of up to twenty members over a hundred partitions, into which a producer writes all the
while: members join, leave, crash and stop for longer than their sessions, and the coordinator is
killed. Whatever happens:

  - a partition has one owner at a time, and one in each generation: from "assigned" to "revoked",
    "lost", its crash or its pause, no other member is assigned it;
  - nothing below an acknowledged commit is delivered to a later owner, and nothing is left out;
  - with a cooperative assignor a rebalance takes away only what another member gets.
"""
import bisect
import collections
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from broker_cluster import BrokerCluster, wait_until
from transactions_wire import find_coordinator

PARTITIONS = 100
STABLE_SECONDS = 60
STATIC_SESSION_SECONDS = 20
KNOWN = {"api_version": (2, 5, 0)}  # or python3-kafka finds out first

Event = collections.namedtuple("Event", "time member what numbers")


class Host:
    """A process with members."""

    def __init__(self, command, log, names):
        self.names = names
        self.log = log
        self.gone_at = None     # killed
        self.paused = []        # [from, until)
        self.told = []          # events
        self.read_to = 0        # in the log
        self.has = {name.partition("=")[0]: set() for name in names}
        with open(self.log, "wb") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out,
                                            stderr=subprocess.STDOUT, start_new_session=True)

    def signal(self, number):
        """To the process and whatever it has started."""
        os.killpg(self.process.pid, number)

    def kill(self):
        self.gone_at = time.monotonic()
        self.signal(signal.SIGKILL)
        self.process.wait()

    def pause(self):
        self.paused.append([time.monotonic(), None])
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.paused[-1][1] = time.monotonic()
        self.signal(signal.SIGCONT)

    def leave(self, name):
        self.process.stdin.write(f"leave {name}\n".encode())
        self.process.stdin.flush()

    def events(self):
        """All so far; only what is new in the log is read. A line is whole when it has its end."""
        with open(self.log, "rb") as log:
            log.seek(self.read_to)
            new = log.read()
        whole = new.rfind(b"\n") + 1
        self.read_to += whole
        for line in new[:whole].decode(errors="replace").splitlines():
            words = line.split()
            try:
                at = float(words[0])
                numbers = [int(word) for word in words[3:] if word.lstrip("-").isdigit()]
                event = Event(at, words[1], words[2], numbers)
            except (ValueError, IndexError):
                continue        # a client's own log
            self.told.append(event)
            if event.what == "assigned":
                self.has[event.member] |= set(event.numbers[1:])
            elif event.what in ("revoked", "lost"):
                self.has[event.member] -= set(event.numbers)
        return self.told

    def owned(self):
        """Partitions of each member as of now; who is gone or stopped has none."""
        self.events()
        is_away = self.gone_at is not None or (self.paused and self.paused[-1][1] is None)
        return {member: set() if is_away else set(owned) for member, owned in self.has.items()}


class Producing(threading.Thread):
    """Writes to all partitions by turns until it is told to stop; pauses while `writing` is held."""

    def __init__(self, bootstrap, topic):
        super().__init__(daemon=True)
        self.stopping = threading.Event()
        self.writing = threading.Lock()
        self.bootstrap = bootstrap.split(",")
        self.ends = {}      # by partition, once they were asked for
        self.topic = topic
        self.producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), acks="all",
                                      linger_ms=20, retries=100, **KNOWN)
        self.start()

    def run(self):
        partition = 0
        while not self.stopping.is_set():
            with self.writing:
                for _ in range(5):
                    self.producer.send(self.topic, b"x", partition=partition)
                    partition = (partition + 1) % PARTITIONS
            time.sleep(0.02)
        self.producer.flush(60)
        self.producer.close()

    def ask_for_ends(self):
        """What is in the partitions: the producer repeats what it is not sure of."""
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, **KNOWN)
        places = [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)]
        self.ends = {place.partition: end for place, end in consumer.end_offsets(places).items()}
        consumer.close()

    def stop(self):
        self.stopping.set()
        self.join(90)
        self.ask_for_ends()


class Intervals:
    """Who owned what from when until when."""

    def __init__(self, hosts):
        self.owned = collections.defaultdict(list)      # partition: [(from, until, member)]
        self.generations = collections.defaultdict(set)  # (generation, partition): members
        for host in hosts:
            self._take(host)

    def _take(self, host):
        since = {}
        for event in host.events():
            if event.what == "assigned":
                for partition in event.numbers[1:]:
                    since[event.member, partition] = event.time
                    if event.numbers[0] >= 0:
                        self.generations[event.numbers[0], partition].add(event.member)
            elif event.what in ("revoked", "lost"):
                for partition in event.numbers:
                    self._close(host, partition, since.pop((event.member, partition), None),
                                event.time, event.member)
        for (member, partition), begun in since.items():
            self._close(host, partition, begun, host.gone_at or float("inf"), member)

    def _close(self, host, partition, begun, ended, member):
        """A member that is stopped cannot know when it stops being an owner."""
        if begun is None:
            return
        for paused, _ in host.paused:
            if begun <= paused < ended:
                ended = paused
        self.owned[partition].append((begun, ended, member))

    def problems(self):
        problems = []
        for partition, owners in self.owned.items():
            owners.sort()
            for before, after in zip(owners, owners[1:]):
                if after[0] < before[1]:
                    problems.append(f"partition {partition}: {before} and {after}")
        return problems + [f"generation {key[0]} partition {key[1]}: {sorted(members)}"
                           for key, members in self.generations.items() if len(members) > 1]


class GroupMembers:
    """Stories for all clients; a client's test gives `member_command(bootstrap, topic, group,
    assignor, names)`, `eager` and `members_per_process`."""

    is_short = False    # fewer members, and one coordinator is killed in place of each

    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={"group.initial.rebalance.delay.ms": 500,
                                                 "offsets.topic.num.partitions": 5})
        cls.enterClassContext(cls.cluster)

    def setUp(self):
        name = self.id().split(".")[-1]
        self.topic, self.group = "topic-" + name, "group-" + name
        self.cluster.barnabas("topic", "create", self.topic, "--partitions", str(PARTITIONS))
        self.cluster.wait_until_in_sync(self.topic)
        self.hosts = []
        self.next_name = 0
        self.scratch = tempfile.TemporaryDirectory(prefix="barnabas-group-")
        self.producing = Producing(self.cluster.bootstrap, self.topic)

    def tearDown(self):
        self.producing.stopping.set()
        self.producing.join(90)
        for host in self.hosts:
            if host.process.poll() is None:
                host.kill()
            host.process.stdin.close()
        self.scratch.cleanup()

    # ---- Members ----

    def start(self, count, assignor, instances=False, together=False):
        """In processes of members_per_process; `together` in one, if that has several."""
        names = []
        for _ in range(count):
            name = f"m{self.next_name}"
            names.append(f"{name}=i{self.next_name}" if instances else name)
            self.next_name += 1
        started = []
        each = count if together and self.members_per_process > 1 else self.members_per_process
        for at in range(0, count, each):
            started.append(self.start_host(names[at:at + each], assignor))
        return started

    def start_host(self, names, assignor):
        command = self.member_command(self.cluster.bootstrap, self.topic, self.group, assignor,
                                      names)
        log = pathlib.Path(self.scratch.name) / f"log-{len(self.hosts)}"
        host = Host(command, log, names)
        self.hosts.append(host)
        return host

    def members(self):
        return {member: owned for host in self.hosts for member, owned in host.owned().items()
                if owned}

    def wait_until_shared(self, count):
        """`count` members have all partitions, each about as many."""
        def shared():
            owned = self.members()
            every = sorted(partition for some in owned.values() for partition in some)
            return (len(owned) == count and every == list(range(PARTITIONS)) and
                    max(map(len, owned.values())) - min(map(len, owned.values())) <= 1)
        wait_until(shared, STABLE_SECONDS, f"{count} members share the partitions")

    def leave(self, hosts):
        for host in hosts:
            for name in host.names:
                host.leave(name)
        wait_until(lambda: all(sum(event.what == "left" for event in host.events()) ==
                               len(host.names) for host in hosts), STABLE_SECONDS, "they have left")

    def leave_all(self):
        """Whoever leaves commits first."""
        for host in self.hosts:
            if host.gone_at is None:
                host.process.stdin.close()
        for host in self.hosts:
            host.process.wait(60)
        self.assertEqual(self.committed(), self.producing.ends)

    def committed(self):
        consumer = KafkaConsumer(bootstrap_servers=self.cluster.bootstrap.split(","),
                                 group_id=self.group, enable_auto_commit=False, **KNOWN)
        places = [TopicPartition(self.topic, partition) for partition in range(PARTITIONS)]
        try:
            # Its public way asks for one partition at a time.
            offsets = consumer._coordinator.fetch_committed_offsets(places)
        finally:
            consumer.close(autocommit=False)
        return {place.partition: offsets[place].offset if place in offsets else 0
                for place in places}

    def consumed(self):
        ends = collections.Counter()
        for host in self.hosts:
            for event in host.events():
                if event.what == "record":
                    partition, offset = event.numbers
                    ends[partition] = max(ends[partition], offset + 1)
        return {partition: ends[partition] for partition in range(PARTITIONS)}

    def wait_until_consumed(self):
        self.producing.stop()
        wait_until(lambda: self.consumed() == self.producing.ends, STABLE_SECONDS,
                   "all that was produced is consumed")

    def wait_until_committed(self):
        self.producing.stop()
        wait_until(lambda: self.committed() == self.producing.ends, STABLE_SECONDS,
                   "all that was produced is consumed and committed")

    @contextlib.contextmanager
    def silence(self):
        """Nothing is produced, and what was is consumed."""
        with self.producing.writing:
            self.producing.producer.flush(60)
            self.producing.ask_for_ends()
            wait_until(lambda: self.consumed() == self.producing.ends, STABLE_SECONDS,
                       "all that was produced is consumed")
            yield

    def while_leaving(self):
        """What holds while members leave, for clients that want it."""
        return contextlib.nullcontext()

    def coordinators(self):
        """Brokers to kill: the group's own for certain."""
        if not self.is_short:
            return list(self.cluster.brokers)
        _, port = find_coordinator(next(iter(self.cluster.brokers.values())).port, self.group, 0)
        return [number for number, broker in self.cluster.brokers.items() if broker.port == port]

    # ---- What is promised ----

    def check_promises(self, with_repetitions):
        self.assertEqual(Intervals(self.hosts).problems(), [])
        events = sorted(event for host in self.hosts for event in host.events())
        delivered = collections.defaultdict(list)       # partition: offsets in order of time
        committed = collections.defaultdict(lambda: ([], []))
        last_of = {}                                    # (member, partition): its last offset
        for event in events:
            if event.what == "committed":
                partition, offset = event.numbers
                times, offsets = committed[partition]
                times.append(event.time)
                offsets.append(max(offset, offsets[-1]) if offsets else offset)
            elif event.what == "record":
                delivered[event.numbers[0]].append(event.numbers[1])
        for event in events:
            if event.what == "assigned":
                for partition in event.numbers[1:]:
                    times, offsets = committed[partition]
                    at = bisect.bisect_left(times, event.time)
                    last_of[event.member, partition] = (offsets[at - 1] if at > 0 else 0) - 1
            elif event.what == "record":
                partition, offset = event.numbers
                self.assertGreater(offset, last_of[event.member, partition],
                                   f"{event} comes below what was committed or consumed")
                last_of[event.member, partition] = offset
        for partition in range(PARTITIONS):
            self.assertEqual(sorted(set(delivered[partition])),
                             list(range(self.producing.ends[partition])), f"of {partition}")
            if not with_repetitions:
                self.assertEqual(len(delivered[partition]), len(set(delivered[partition])),
                                 f"of {partition} something came twice")

    # ---- Stories ----

    def clean_changes(self, assignor):
        """From one member to five to twenty, and to fifteen."""
        second, third = (2, 5) if self.is_short else (4, 15)
        hosts = self.start(1, assignor)
        self.wait_until_shared(1)
        hosts += self.start(second, assignor, together=True)
        self.wait_until_shared(1 + second)
        self.start(third, assignor, together=True)
        self.wait_until_shared(1 + second + third)
        with self.while_leaving():
            self.leave(hosts)
        self.wait_until_shared(third)
        self.wait_until_consumed()
        self.leave_all()
        self.check_promises(with_repetitions=False)

    def test_members_join_and_leave_eagerly(self):
        self.clean_changes(self.eager)

    def test_members_crash_and_stop_and_the_coordinator_is_killed(self):
        count = 2 * self.members_per_process if self.members_per_process > 1 else 6
        self.start(count, self.eager)
        self.wait_until_shared(count)
        for broker in self.coordinators():
            before = self.committed()
            self.cluster.kill(broker)
            after = self.committed()
            for partition, offset in before.items():
                self.assertGreaterEqual(after[partition], offset)
            self.cluster.start_broker(broker)
            self.cluster.wait_until_whole()
            self.cluster.wait_until_in_sync(self.topic)
            self.cluster.wait_until_in_sync("__consumer_offsets")
        self.wait_until_shared(count)
        crashed, stopped = self.hosts[:2]
        crashed.kill()
        stopped.pause()
        self.start(2, self.eager)
        count += 2 - len(crashed.names)
        self.wait_until_shared(count - len(stopped.names))
        stopped.resume()
        self.wait_until_shared(count)
        self.wait_until_committed()
        self.leave_all()
        self.check_promises(with_repetitions=True)


class CooperativeMembers(GroupMembers):
    """Stories for clients with a `cooperative` assignor, beside the eager ones."""

    def test_members_join_and_leave_cooperatively(self):
        self.clean_changes(self.cooperative)
        moved = sum(len(event.numbers) for host in self.hosts for event in host.events()
                    if event.what == "revoked")
        # Four changes: few partitions move more than once in each.
        self.assertLess(moved, 4 * PARTITIONS)

    def test_others_consume_on_while_a_member_joins_cooperatively(self):
        self.start(2, self.cooperative)
        self.wait_until_shared(2)
        before = self.members()
        begun = time.monotonic()
        self.start(1, self.cooperative)
        self.wait_until_shared(3)
        ended = time.monotonic()
        after = self.members()
        for member, owned in before.items():
            kept = owned & after[member]
            events = [event for host in self.hosts for event in host.events()
                      if event.member == member and begun < event.time < ended]
            self.assertGreaterEqual(len(kept), PARTITIONS // 3)
            for event in events:
                if event.what in ("revoked", "lost"):
                    self.assertFalse(set(event.numbers) & kept, event)
            self.assertTrue([event for event in events if event.what == "record"
                             and event.numbers[0] in kept])
        self.wait_until_consumed()
        self.leave_all()
        self.check_promises(with_repetitions=False)


class StaticMembers(GroupMembers):
    """Stories for clients with static members."""

    def test_a_static_member_comes_back_unnoticed(self):
        self.start(3, self.eager, instances=True)
        self.wait_until_shared(3)
        before = self.members()
        gone = self.hosts[-1]
        gone.kill()
        begun = time.monotonic()
        back = self.start_host(gone.names, self.eager)
        wait_until(lambda: any(back.owned().values()), STABLE_SECONDS, "it is back")
        self.assertLess(time.monotonic() - begun, STATIC_SESSION_SECONDS)
        time.sleep(1)   # that nothing happens cannot be waited for
        self.assertEqual(self.members(), before)
        for host in self.hosts[:-2]:
            for event in host.events():
                self.assertFalse(event.time > begun and
                                 event.what in ("assigned", "revoked", "lost"), event)
        self.wait_until_committed()
        for host in self.hosts:
            if host.gone_at is None:
                host.kill()
        self.check_promises(with_repetitions=True)
