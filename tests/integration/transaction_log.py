"""What lies in a partition, marker by marker, and which of its records were committed."""
import struct
from collections import namedtuple

from transactions_wire import CONTROL, FETCH, TRANSACTIONAL, end_offset
from wire_frames import Answer, Fields, array, ask, header, text

# kind: "record", "commit" or "abort"; producer: (id, epoch); aborted only for fates().
Entry = namedtuple("Entry", "offset kind producer transactional value")


def _varint(at):
    value = at.uvarint()
    return value >> 1 ^ -(value & 1)


def _entries(whole):
    """Of one batch without compression."""
    base_offset, = struct.unpack(">q", whole[:8])
    attributes, = struct.unpack(">h", whole[21:23])
    producer = struct.unpack(">qh", whole[43:53])
    at, found = Fields(whole[61:]), []
    while at.rest:
        inner = Fields(at.raw(_varint(at)))
        inner.raw(1)
        _varint(inner)
        offset = base_offset + _varint(inner)
        key = inner.raw(max(_varint(inner), 0))
        value = inner.raw(max(_varint(inner), 0))
        kind = "record"
        if attributes & CONTROL:
            kind = {0: "abort", 1: "commit"}[struct.unpack(">hh", key)[1]]
        found.append(Entry(offset, kind, producer, bool(attributes & TRANSACTIONAL),
                           value.decode(errors="replace")))
    return found


def _fetch(port, topic, partition, offset, isolation):
    """The aborted transactions [(producer id, first offset)] and the entries of whole batches."""
    payload = header(FETCH, 4) + struct.pack(">iiiib", -1, 0, 1, 1 << 22, isolation)
    payload += array(text(topic) + array(struct.pack(">iqi", partition, offset, 1 << 22)))
    at = Answer(ask(port, payload))
    at.i32()

    def partition_of():
        at.i32()
        error = at.i16()
        assert error == 0, error
        at.i64()
        at.i64()
        return at.array(lambda: (at.i64(), at.i64())) or [], at.data() or b""
    aborted, data = at.array(lambda: (at.text(), at.array(partition_of)))[0][1][0]
    entries = []
    while len(data) >= 61:
        length, = struct.unpack(">i", data[8:12])
        if len(data) < 12 + length:
            break
        entries += _entries(data[:12 + length])
        data = data[12 + length:]
    return aborted, [entry for entry in entries if entry.offset >= offset]


def read_log(port, topic, partition):
    """Everything up to the high watermark."""
    end, entries = end_offset(port, topic, isolation=0, partition=partition), []
    while not entries or entries[-1].offset + 1 < end:
        _, more = _fetch(port, topic, partition, entries[-1].offset + 1 if entries else 0, 0)
        if not more:
            break
        entries += more
    return entries


def read_committed(port, topic, partition):
    """[(offset, value)] as the broker shows them to readers of what is committed."""
    seen, offset = [], 0
    while True:
        aborted, entries = _fetch(port, topic, partition, offset, 1)
        if not entries:
            return seen
        waiting, skipped = sorted(aborted, key=lambda one: one[1]), set()
        for entry in entries:
            while waiting and waiting[0][1] <= entry.offset:
                skipped.add(waiting.pop(0)[0])
            if entry.kind != "record":
                skipped.discard(entry.producer[0])
            elif not entry.transactional or entry.producer[0] not in skipped:
                seen.append((entry.offset, entry.value))
        offset = entries[-1].offset + 1


def fates(entries):
    """{offset of a record: "committed", "aborted" or "open"}, by the markers alone."""
    fate, unfinished = {}, {}
    for entry in entries:
        if entry.kind == "record":
            fate[entry.offset] = "open" if entry.transactional else "committed"
            if entry.transactional:
                unfinished.setdefault(entry.producer[0], []).append(entry.offset)
        else:
            for offset in unfinished.pop(entry.producer[0], []):
                fate[offset] = "committed" if entry.kind == "commit" else "aborted"
    return fate
