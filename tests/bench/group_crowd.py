"""Many members of many groups on one thread, with as little between them and the broker as can be:
requests of versions that are not flexible, a connection per member."""
import selectors
import socket
import struct
import time

from wire_frames import array, frame, header, text

JOIN, HEARTBEAT, SYNC, COMMIT = 11, 12, 14, 8
SESSION_MS = 30000
REBALANCE_MS = 60000
NO_ERROR, REBALANCE_IN_PROGRESS = 0, 27


def octets(data):
    return struct.pack(">i", len(data)) + data


def join(group, member):
    return header(JOIN, 3) + text(group) + struct.pack(">ii", SESSION_MS, REBALANCE_MS) + \
        text(member) + text("consumer") + array(text("range") + octets(b""))


def sync(group, member, generation, assigned):
    return header(SYNC, 2) + text(group) + struct.pack(">i", generation) + text(member) + \
        array(*(text(other) + octets(b"0123456789") for other in assigned))


def heartbeat(group, member, generation):
    return header(HEARTBEAT, 2) + text(group) + struct.pack(">i", generation) + text(member)


def commit(group, topic, offsets):
    """`offsets`: [(partition, offset)]; by one who is no member."""
    return header(COMMIT, 3) + text(group) + struct.pack(">i", -1) + text("") + \
        struct.pack(">q", -1) + array(text(topic) + array(
            *(struct.pack(">iq", partition, offset) + text("") for partition, offset in offsets)))


class Answer:
    def __init__(self, data):
        self.data, self.at = data, 8     # behind correlation id and throttle time

    def number(self, kind):
        value, = struct.unpack_from(">" + kind, self.data, self.at)
        self.at += struct.calcsize(">" + kind)
        return value

    def text(self):
        size = self.number("h")
        value = self.data[self.at:self.at + max(size, 0)]
        self.at += max(size, 0)
        return value.decode()


def ask(connection, payload):
    """One request, waiting for its answer."""
    connection.sendall(frame(payload))
    received = b""
    while len(received) < 4 or len(received) < 4 + struct.unpack(">i", received[:4])[0]:
        received += connection.recv(65536)
    return Answer(received[4:])


class Member:
    """One connection; `on_answer(member, answer)` is called for each answer."""

    def __init__(self, crowd, address, group):
        self.crowd, self.group = crowd, group
        self.id, self.generation, self.leads = "", -1, False
        self.others = []
        self.received = b""
        self.on_answer = None
        self.synced_at = None   # since when it has an assignment
        self.beats = True       # and False: is to be left alone
        self.outstanding = 0
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)))
        crowd.selector.register(self.socket, selectors.EVENT_READ, self)

    def send(self, payload, on_answer):
        self.on_answer = on_answer
        self.outstanding += 1
        self.socket.sendall(frame(payload))

    def receive(self):
        self.received += self.socket.recv(65536)
        while len(self.received) >= 4:
            size, = struct.unpack(">i", self.received[:4])
            if len(self.received) < 4 + size:
                return
            answer, self.received = Answer(self.received[4:4 + size]), self.received[4 + size:]
            self.outstanding -= 1
            self.on_answer(self, answer)

    # ---- What a member does ----

    def join(self):
        self.synced_at = None
        self.send(join(self.group, self.id), Member._joined)

    def _joined(self, answer):
        error = answer.number("h")
        if error != NO_ERROR:
            raise RuntimeError(f"{self.group}: JoinGroup answers {error}")
        self.generation = answer.number("i")
        answer.text()
        leader, self.id = answer.text(), answer.text()
        self.leads = leader == self.id
        self.others = []
        for _ in range(answer.number("i")):
            self.others.append(answer.text())
            size = answer.number("i")     # of what that member sent
            answer.at += size
        self.send(sync(self.group, self.id, self.generation, self.others), Member._synced)

    def _synced(self, answer):
        error = answer.number("h")
        if error == REBALANCE_IN_PROGRESS:
            self.join()
        elif error != NO_ERROR:
            raise RuntimeError(f"{self.group}: SyncGroup answers {error}")
        else:
            self.synced_at = time.monotonic()

    def beat(self):
        self.send(heartbeat(self.group, self.id, self.generation), Member._beaten)

    def _beaten(self, answer):
        error = answer.number("h")
        self.crowd.beats += 1
        if error == REBALANCE_IN_PROGRESS:
            self.join()
        elif error != NO_ERROR:
            raise RuntimeError(f"{self.group}: Heartbeat answers {error}")


class Crowd:
    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.beats = 0

    def turn(self, seconds):
        for key, _ in self.selector.select(seconds):
            key.data.receive()

    def run_until(self, condition, seconds):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise RuntimeError(f"not within {seconds} s")
            self.turn(0.1)

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
