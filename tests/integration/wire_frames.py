"""Requests and answers byte by byte, for what no client library would send or look at."""
import socket
import struct
import time

ANSWER_SECONDS = 20


def frame(payload):
    return struct.pack(">i", len(payload)) + payload


def text(value):
    """A string; None is null."""
    return struct.pack(">h", -1) if value is None else struct.pack(">h", len(value)) + value.encode()


def array(*items):
    return struct.pack(">i", len(items)) + b"".join(items)


def header(api, version, correlation=7):
    """Header 1: of all requests that are not flexible."""
    return struct.pack(">hhi", api, version, correlation) + text("frames")


def uvarint(value):
    encoded = b""
    while value > 127:
        value, encoded = value >> 7, encoded + bytes([value & 127 | 128])
    return encoded + bytes([value])


def compact(data):
    """A compact string or bytes; None is null."""
    if data is None:
        return uvarint(0)
    data = data.encode() if isinstance(data, str) else data
    return uvarint(len(data) + 1) + data


def compact_array(*items):
    return uvarint(len(items) + 1) + b"".join(items)


def flexible_header(api, version, correlation=7):
    """Header 2, without tagged fields."""
    return header(api, version, correlation) + b"\0"


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def varint(value):
    return uvarint(value << 1 ^ value >> 63)


def record(value, offset_delta=0):
    """Without a key, at the batch's first timestamp."""
    body = b"\0\0" + varint(offset_delta) + varint(-1) + varint(len(value)) + value + b"\0"
    return varint(len(body)) + body


def batch(records=b"\x10\x00\x00\x00\x01\x04hi\x00", count=1, magic=2, crc=None, attributes=0,
          length=None, last_delta=None, producer=(-1, -1, -1), time_ms=None):
    """A record batch; by default a good one with the single value "hi". `producer`: id, epoch,
    first sequence."""
    now = int(time.time() * 1000) if time_ms is None else time_ms
    tail = struct.pack(">hiqqqhii", attributes, count - 1 if last_delta is None else last_delta,
                       now, now, *producer, count) + records
    body = struct.pack(">ibI", -1, magic, crc32c(tail) if crc is None else crc) + tail
    return struct.pack(">qi", 0, len(body) if length is None else length) + body


def read_answer(connection):
    """The payload of one answer, or None if the connection was closed."""
    def exactly(size):
        data = b""
        while len(data) < size:
            more = connection.recv(size - len(data))
            if not more:
                return None
            data += more
        return data
    try:
        size = exactly(4)
        return None if size is None else exactly(struct.unpack(">i", size)[0])
    except ConnectionError:
        return None


def connect(port):
    return socket.create_connection(("127.0.0.1", port), ANSWER_SECONDS)


def ask(port, payload):
    """The answer to one request over a connection of its own, or None if that was closed."""
    with connect(port) as connection:
        try:
            connection.sendall(frame(payload))
        except ConnectionError:
            return None
        return read_answer(connection)


class Fields:
    """Reads bytes field by field; `end` checks that nothing is left."""

    def __init__(self, data):
        self.rest = data

    def _take(self, form):
        size = struct.calcsize(form)
        value, self.rest = struct.unpack(form, self.rest[:size])[0], self.rest[size:]
        return value

    def i8(self):
        return self._take(">b")

    def i16(self):
        return self._take(">h")

    def i32(self):
        return self._take(">i")

    def i64(self):
        return self._take(">q")

    def raw(self, size):
        value, self.rest = self.rest[:size], self.rest[size:]
        return value

    def text(self):
        size = self.i16()
        return None if size < 0 else self.raw(size).decode()

    def data(self):
        size = self.i32()
        return None if size < 0 else self.raw(size)

    def array(self, read):
        count = self.i32()
        return None if count < 0 else [read() for _ in range(count)]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.raw(1)[0]
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def compact_data(self):
        size = self.uvarint()
        return None if size == 0 else self.raw(size - 1)

    def compact_text(self):
        data = self.compact_data()
        return None if data is None else data.decode()

    def compact_array(self, read):
        count = self.uvarint()
        return None if count == 0 else [read() for _ in range(count - 1)]

    def tags(self):
        """{tag: bytes}"""
        return {self.uvarint(): self.raw(self.uvarint()) for _ in range(self.uvarint())}

    def end(self):
        if self.rest:
            raise AssertionError(f"{len(self.rest)} bytes left over")


class Answer(Fields):
    """An answer, of which the header is read."""

    def __init__(self, payload, has_tags=False):
        super().__init__(payload)
        self.correlation = self.i32()
        if has_tags:
            self.tags()
