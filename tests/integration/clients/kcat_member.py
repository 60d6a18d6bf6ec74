"""A member of a consumer group for group_members.py: Debian's kcat.

    kcat_member.py BOOTSTRAP TOPIC GROUP ASSIGNOR NAME

Tells what kafka_python_members.py tells, but for generations (-1) and commits, of which kcat says
nothing. What kcat writes has no time. It happened between two looks at its pipes: "assigned" gets
the time of the later look and "revoked" that of the earlier one, so that two owners at a time are
told only where there were two. Leaves the group at a line "leave" on standard input, or at its end;
kcat goes when this process does.
"""
import ctypes
import os
import re
import selectors
import signal
import subprocess
import sys
import time

LOOK_SECONDS = 0.02
PR_SET_PDEATHSIG = 1
# Eagerly "assigned: t [0]", cooperatively "incremental assignment of 1 partition(s) (...): t [0]".
REBALANCED = re.compile(rb"rebalanced.*?(assign|revoke).*: (.*)")


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def kcat(bootstrap, topic, group, assignor, name):
    settings = {"client.id": name, "partition.assignment.strategy": assignor,
                "auto.offset.reset": "earliest", "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 500, "max.poll.interval.ms": 20000,
                "fetch.wait.max.ms": 100, "auto.commit.interval.ms": 300}
    return subprocess.Popen(
        ["kcat", "-b", bootstrap, "-G", group, "-u", "-f", "%p %o\n",
         *(word for item in settings.items() for word in ("-X", "%s=%s" % item)), topic],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        preexec_fn=die_with_parent)


class Lines:
    """Whole lines of a pipe, as they come."""

    def __init__(self, pipe):
        self.fd = pipe.fileno()
        self.rest = b""
        self.is_open = True
        os.set_blocking(self.fd, False)

    def take(self):
        while self.is_open:
            try:
                new = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            self.is_open = bool(new)
            self.rest += new
        *lines, self.rest = self.rest.split(b"\n")
        return lines


def main():
    name = sys.argv[5]
    process = kcat(*sys.argv[1:6])
    records, notices = Lines(process.stdout), Lines(process.stderr)
    waiting = selectors.DefaultSelector()
    waiting.register(sys.stdin, selectors.EVENT_READ)
    earlier = time.monotonic()
    while records.is_open or notices.is_open:
        if waiting.get_map() and waiting.select(LOOK_SECONDS):
            waiting.unregister(sys.stdin)
            process.terminate()
        elif not waiting.get_map():
            time.sleep(LOOK_SECONDS)
        begun = time.monotonic()
        # Records first: what came before them then is in the notices.
        consumed, told = records.take(), notices.take()
        later = time.monotonic()
        for match in filter(None, map(REBALANCED.search, told)):
            partitions = re.findall(r"\[(\d+)\]", match[2].decode())
            if match[1] == b"assign":
                print(f"{later:.6f}", name, "assigned", -1, *partitions, flush=True)
            else:
                print(f"{earlier:.6f}", name, "revoked", *partitions, flush=True)
        for line in consumed:
            print(f"{later:.6f}", name, "record", line.decode(), flush=True)
        earlier = begun
    process.wait()
    print(f"{time.monotonic():.6f}", name, "left", flush=True)


if __name__ == "__main__":
    main()
