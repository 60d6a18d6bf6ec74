"""Members of a consumer group for group_members.py, with Debian's python3-kafka, a thread each:

    kafka_python_members.py BOOTSTRAP TOPIC GROUP ASSIGNOR NAME...

They tell, a line each, with the machine's monotonic time:

    TIME NAME assigned GENERATION PARTITION ...    before it consumes them
    TIME NAME revoked PARTITION ...                after its last commit of them
    TIME NAME record PARTITION OFFSET
    TIME NAME committed PARTITION OFFSET           acknowledged
    TIME NAME refused REASON                       a commit
    TIME NAME left

"leave NAME" on standard input makes one leave, its end all.
"""
import sys
import threading
import time

from kafka import ConsumerRebalanceListener, KafkaConsumer
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}
COMMIT_SECONDS = 0.3

telling = threading.Lock()


class Member(threading.Thread, ConsumerRebalanceListener):
    def __init__(self, bootstrap, topic, group, assignor, name):
        super().__init__(name=name)
        self.stopping = threading.Event()
        self.positions = {}
        self.consumer = KafkaConsumer(
            bootstrap_servers=bootstrap.split(","), group_id=group, client_id=name,
            partition_assignment_strategy=[ASSIGNORS[assignor]], enable_auto_commit=False,
            auto_offset_reset="earliest", session_timeout_ms=6000, heartbeat_interval_ms=500,
            max_poll_interval_ms=20000, fetch_max_wait_ms=100)
        self.consumer.subscribe([topic], listener=self)

    def tell(self, *words):
        with telling:
            print(f"{time.monotonic():.6f}", self.name, *words, flush=True)

    def commit(self):
        if not self.positions:
            return
        try:
            self.consumer.commit(self.positions)
        except KafkaError as refused:
            self.tell("refused", type(refused).__name__)
            return
        for place, committed in self.positions.items():
            self.tell("committed", place.partition, committed.offset)
        self.positions = {}

    def on_partitions_assigned(self, assigned):
        # Which generation that is has no public name.
        generation = self.consumer._coordinator._generation.generation_id
        self.tell("assigned", generation, *(place.partition for place in assigned))

    def on_partitions_revoked(self, revoked):
        self.commit()
        self.positions = {}
        self.tell("revoked", *(place.partition for place in revoked))

    def run(self):
        due = time.monotonic() + COMMIT_SECONDS
        while not self.stopping.is_set():
            for place, records in self.consumer.poll(timeout_ms=100).items():
                for record in records:
                    self.tell("record", place.partition, record.offset)
                self.positions[place] = OffsetAndMetadata(records[-1].offset + 1, "")
            if time.monotonic() > due:
                self.commit()
                due = time.monotonic() + COMMIT_SECONDS
        self.on_partitions_revoked(self.consumer.assignment())  # not called by close()
        self.consumer.close(autocommit=False)
        self.tell("left")


def main():
    *where, names = sys.argv[1:5], sys.argv[5:]
    members = {name: Member(*where[0], name) for name in names}
    for member in members.values():
        member.start()
    for line in sys.stdin:
        members[line.split()[1]].stopping.set()
    for member in members.values():
        member.stopping.set()


if __name__ == "__main__":
    main()
