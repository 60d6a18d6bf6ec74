"""A member of a consumer group for group_members.py: confluent_member.py BOOTSTRAP TOPIC GROUP
ASSIGNOR NAME[=INSTANCE]. Tells what happens to it, a line each, with the machine's monotonic time:

    TIME NAME assigned GENERATION PARTITION ...    before it consumes them
    TIME NAME revoked|lost PARTITION ...           after its last commit of them
    TIME NAME record PARTITION OFFSET
    TIME NAME committed PARTITION OFFSET           acknowledged
    TIME NAME refused REASON                       a commit

Leaves the group at SIGTERM, or at a line "leave" on standard input.
"""
import signal
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, TopicPartition

COMMIT_SECONDS = 0.3


class Member:
    def __init__(self, bootstrap, topic, group, assignor, name):
        self.name, _, instance = name.partition("=")
        self.topic = topic
        self.positions = {}
        self.stopping = threading.Event()
        settings = {
            "bootstrap.servers": bootstrap, "group.id": group, "client.id": self.name,
            "partition.assignment.strategy": assignor, "enable.auto.commit": False,
            "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500, "max.poll.interval.ms": 20000,
            "fetch.wait.max.ms": 100,
        }
        if instance:
            settings.update({"group.instance.id": instance, "session.timeout.ms": 20000})
        self.consumer = Consumer(settings)

    def tell(self, *words):
        print(f"{time.monotonic():.6f}", self.name, *words, flush=True)

    def commit(self, partitions):
        offsets = [TopicPartition(self.topic, partition, self.positions[partition])
                   for partition in partitions if partition in self.positions]
        if not offsets:
            return
        try:
            for place in self.consumer.commit(offsets=offsets, asynchronous=False):
                if place.error:
                    self.tell("refused", place.error.name())
                else:
                    self.positions.pop(place.partition)
                    self.tell("committed", place.partition, place.offset)
        except KafkaException as refused:
            self.tell("refused", refused.args[0].name())

    def on_assign(self, _, places):
        self.tell("assigned", -1, *(place.partition for place in places))

    def on_revoke(self, _, places):
        partitions = [place.partition for place in places]
        self.commit(partitions)
        self.give_up("revoked", partitions)

    def on_lost(self, _, places):
        self.give_up("lost", [place.partition for place in places])

    def give_up(self, what, partitions):
        for partition in partitions:
            self.positions.pop(partition, None)
        self.tell(what, *partitions)

    def run(self):
        self.consumer.subscribe([self.topic], on_assign=self.on_assign,
                                on_revoke=self.on_revoke, on_lost=self.on_lost)
        due = time.monotonic() + COMMIT_SECONDS
        while not self.stopping.is_set():
            message = self.consumer.poll(0.1)
            if message is not None and not message.error():
                self.tell("record", message.partition(), message.offset())
                self.positions[message.partition()] = message.offset() + 1
            if time.monotonic() > due:
                self.commit(list(self.positions))
                due = time.monotonic() + COMMIT_SECONDS
        self.consumer.close()
        self.tell("left")


def main():
    member = Member(*sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: member.stopping.set())
    threading.Thread(target=lambda: (sys.stdin.readline(), member.stopping.set()),
                     daemon=True).start()
    member.run()


if __name__ == "__main__":
    main()
