"""For how long partitions are not acknowledged anything while their leader goes.

    with ProduceGaps(ask, old_leader, topics) as gaps:   # {broker: its connection's ask}
        ...                                              # the old leader gives them up
    gaps.seconds                                         # one for each partition, in order
"""
import struct
import threading
import time

from wire_frames import batch

PRODUCE, VERSION = 0, 3
ACKS_OF_LEADER, TIMEOUT_MS = 1, 5000
PAUSE_SECONDS = 0.002
PATIENCE_SECONDS = 120


def text(value):
    return struct.pack(">h", len(value)) + value.encode()


def read_partitions(answer):
    """Those without an error; ListOffsets (version 1) and Produce tell of them alike."""
    good, at = set(), 4
    for _ in range(struct.unpack_from(">i", answer)[0]):
        size = struct.unpack_from(">h", answer, at)[0]
        name = answer[at + 2:at + 2 + size].decode()
        count = struct.unpack_from(">i", answer, at + 2 + size)[0]
        at += 6 + size
        good.update((name, index) for index, error, _, _ in
                    struct.iter_unpack(">ihqq", answer[at:at + 22 * count]) if error == 0)
        at += 22 * count
    return good


class ProduceGaps:
    """One record for each of the partitions, with acks=1, again and again to every broker: who
    does not lead one refuses it. A partition's gap is from the last answer of its old leader that
    acknowledged it to the first one of another."""

    def __init__(self, ask, old_leader, topics):
        self.old_leader = old_leader
        self.partitions = {(topic, index) for topic, all_ in topics.items() for index in all_}
        self.last, self.first = {}, {}  # of the old leader, of others; each by one thread at a time
        self.over = threading.Event()
        record = batch()
        self.request = struct.pack(">hhii", -1, ACKS_OF_LEADER, TIMEOUT_MS, len(topics))
        for topic, all_ in topics.items():
            self.request += text(topic) + struct.pack(">i", len(all_))
            self.request += b"".join(struct.pack(">ii", index, len(record)) + record
                                     for index in all_)
        self.threads = [threading.Thread(target=self._produce, args=(broker, asks))
                        for broker, asks in ask.items()]

    def _produce(self, broker, ask):
        while not self.over.is_set():
            answer = ask(PRODUCE, VERSION, self.request)
            now = time.monotonic()
            for key in read_partitions(answer) if answer is not None else ():
                if broker == self.old_leader:
                    self.last[key] = now
                else:
                    self.first.setdefault(key, now)
            time.sleep(PAUSE_SECONDS)

    def _wait_for(self, what):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(what) < len(self.partitions):
            if time.monotonic() > deadline:
                raise RuntimeError("not all partitions were acknowledged")
            time.sleep(PAUSE_SECONDS)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        self._wait_for(self.last)
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self._wait_for(self.first)
        finally:
            self.over.set()
            for thread in self.threads:
                thread.join()

    @property
    def seconds(self):
        return sorted(max(0.0, self.first[key] - self.last[key]) for key in self.partitions)
