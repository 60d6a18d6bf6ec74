"""Requests of transactions byte by byte; all return what the answer says."""
import struct

from wire_frames import (Answer, Fields, array, ask, batch, compact, compact_array, crc32c,
                         flexible_header, header, record, text, varint)

PRODUCE, FETCH, LIST_OFFSETS, WRITE_TXN_MARKERS, DESCRIBE_PRODUCERS = 0, 1, 2, 27, 61
TRANSACTIONAL, CONTROL = 0x10, 0x20


def produce_request(topic, producer, values, partition=0, transactional_id=None, version=9,
                    is_transactional=None, acks=-1, time_ms=None):
    """`producer`: id, epoch, first sequence. Transactional if there is an id, unless it is said."""
    if is_transactional is None:
        is_transactional = transactional_id is not None
    records = b"".join(record(value.encode(), delta) for delta, value in enumerate(values))
    made = batch(records, len(values), attributes=TRANSACTIONAL if is_transactional else 0,
                 producer=producer, time_ms=time_ms)
    payload = flexible_header(PRODUCE, version) + compact(transactional_id)
    payload += struct.pack(">hi", acks, 20000)
    return payload + compact_array(compact(topic) + compact_array(
        struct.pack(">i", partition) + compact(made) + b"\0") + b"\0") + b"\0"


def produced(answer):
    """(error, base offset, message) of the answer's one partition."""
    at = Answer(answer, has_tags=True)

    def of_partition():
        at.i32()
        error, base_offset = at.i16(), at.i64()
        at.raw(16)
        at.compact_array(lambda: at.raw(1 << 30))
        message = at.compact_text()
        at.tags()
        return error, base_offset, message
    ((results,),) = [at.compact_array(lambda: (at.compact_text(), at.compact_array(of_partition),
                                               at.tags())[1])]
    return results[0]


def produce(port, topic, producer, values, **options):
    """(error, base offset). See produce_request."""
    return produced(ask(port, produce_request(topic, producer, values, **options)))[:2]


def write_markers(port, topic, producer_id, epoch, commit, partition=0, coordinator_epoch=0):
    """The error of the partition."""
    marker = (struct.pack(">qhb", producer_id, epoch, commit)
              + compact_array(compact(topic) + compact_array(struct.pack(">i", partition)) + b"\0")
              + struct.pack(">i", coordinator_epoch) + b"\0")
    at = Answer(ask(port, flexible_header(WRITE_TXN_MARKERS, 1) + compact_array(marker) + b"\0"),
                has_tags=True)
    told = at.compact_array(lambda: (at.i64(), at.compact_array(lambda: (
        at.compact_text(), at.compact_array(lambda: (at.i32(), at.i16(), at.tags())), at.tags())),
        at.tags()))
    return told[0][1][0][1][0][1]


def end_offset(port, topic, isolation=1, partition=0, timestamp=-1):
    payload = header(LIST_OFFSETS, 2) + struct.pack(">ib", -1, isolation) + array(
        text(topic) + array(struct.pack(">iq", partition, timestamp)))
    at = Answer(ask(port, payload))
    at.i32()
    (found,) = at.array(lambda: (at.text(), at.array(
        lambda: (at.i32(), at.i16(), at.i64(), at.i64()))))[0][1]
    assert found[1] == 0, found
    return found[3]


def varint_of(at):
    value = at.uvarint()
    return value >> 1 ^ -(value & 1)


def batches(data):
    """[(base offset, attributes, producer id, [value])] of whole batches."""
    found = []
    while len(data) >= 61:
        base_offset, length = struct.unpack(">qi", data[:12])
        whole, data = data[:12 + length], data[12 + length:]
        if len(whole) < 12 + length:
            break
        attributes, = struct.unpack(">h", whole[21:23])
        producer_id, = struct.unpack(">q", whole[43:51])
        at, values = Fields(whole[61:]), []
        while at.rest:
            inner = Fields(at.raw(varint_of(at)))
            inner.raw(1)
            varint_of(inner)
            varint_of(inner)
            inner.raw(max(varint_of(inner), 0))
            values.append(inner.raw(max(varint_of(inner), 0)))
        found.append((base_offset, attributes, producer_id, values))
    return found


def fetch(port, topic, offset=0, isolation=1, partition=0, wait_ms=0):
    """(error, last stable offset, [(producer id, first offset)] or None, batches)"""
    payload = header(FETCH, 4) + struct.pack(">iiiib", -1, wait_ms, 1, 1 << 20, isolation)
    payload += array(text(topic) + array(struct.pack(">iqi", partition, offset, 1 << 20)))
    at = Answer(ask(port, payload))
    at.i32()

    def partition_of():
        at.i32()
        error, _, stable = at.i16(), at.i64(), at.i64()
        aborted = at.array(lambda: (at.i64(), at.i64()))
        return error, stable, aborted, batches(at.data() or b"")
    return at.array(lambda: (at.text(), at.array(partition_of)))[0][1][0]


def committed_values(port, topic, partition=0):
    """As a consumer of committed records sees them."""
    values, offset = [], 0
    while True:
        error, stable, aborted, found = fetch(port, topic, offset, partition=partition)
        assert error == 0, error
        if not found:
            assert offset >= stable, (offset, stable)
            return values
        waiting, skipped = sorted(aborted, key=lambda one: one[1]), set()
        for base_offset, attributes, producer_id, batch_values in found:
            while waiting and waiting[0][1] <= base_offset:
                skipped.add(waiting.pop(0)[0])
            if attributes & CONTROL:
                skipped.discard(producer_id)
            elif not (attributes & TRANSACTIONAL and producer_id in skipped):
                values += [value.decode() for value in batch_values]
            offset = base_offset + max(len(batch_values), 1)


def describe_producers(port, topic, partition=0):
    """{producer id: (epoch, last sequence, coordinator epoch, first offset of the transaction)}"""
    payload = flexible_header(DESCRIBE_PRODUCERS, 0) + compact_array(
        compact(topic) + compact_array(struct.pack(">i", partition)) + b"\0") + b"\0"
    at = Answer(ask(port, payload), has_tags=True)
    at.i32()
    found = {}

    def producer():
        producer_id, epoch, sequence = at.i64(), at.i32(), at.i32()
        at.i64()
        found[producer_id] = (epoch, sequence, at.i32(), at.i64())
        at.tags()

    def partition_of():
        at.i32()
        error = at.i16()
        at.compact_text()
        at.compact_array(producer)
        at.tags()
        assert error == 0, error
    at.compact_array(lambda: (at.compact_text(), at.compact_array(partition_of), at.tags()))
    at.tags()
    at.end()
    return found


# ---- the coordinator ----

FIND_COORDINATOR, INIT_PRODUCER_ID, ADD_PARTITIONS, ADD_OFFSETS, END_TXN = 10, 22, 24, 25, 26
TXN_OFFSET_COMMIT, DESCRIBE_TRANSACTIONS, LIST_TRANSACTIONS = 28, 65, 66


def find_coordinator(port, key, key_type=1):
    """(error, port)"""
    at = Answer(ask(port, header(FIND_COORDINATOR, 1) + text(key) + struct.pack(">b", key_type)))
    at.i32()
    error = at.i16()
    at.text()
    at.i32()
    at.text()
    return error, at.i32()


def init_producer_id(port, transactional_id, producer=(-1, -1), timeout_ms=60000, version=4):
    """(error, producer id, epoch)"""
    payload = flexible_header(INIT_PRODUCER_ID, version) + compact(transactional_id)
    payload += struct.pack(">i", timeout_ms)
    if version >= 3:
        payload += struct.pack(">qh", *producer)
    at = Answer(ask(port, payload + b"\0"), has_tags=True)
    at.i32()
    return at.i16(), at.i64(), at.i16()


def add_partitions(port, transactional_id, producer, topic, *partitions, version=1):
    """{partition: error}"""
    payload = header(ADD_PARTITIONS, version) + text(transactional_id)
    payload += struct.pack(">qh", *producer) + array(
        text(topic) + array(*(struct.pack(">i", number) for number in partitions)))
    at = Answer(ask(port, payload))
    at.i32()
    return dict(at.array(lambda: (at.text(), at.array(lambda: (at.i32(), at.i16()))))[0][1])


def verify_partition(port, transactional_id, producer, topic, partition):
    """The error, as a broker asks (version 4)."""
    topics = compact_array(compact(topic) + compact_array(struct.pack(">i", partition)) + b"\0")
    payload = flexible_header(ADD_PARTITIONS, 4) + compact_array(
        compact(transactional_id) + struct.pack(">qhb", *producer, 1) + topics + b"\0") + b"\0"
    at = Answer(ask(port, payload), has_tags=True)
    at.i32()
    assert at.i16() == 0
    return at.compact_array(lambda: (at.compact_text(), at.compact_array(lambda: (
        at.compact_text(), at.compact_array(lambda: (at.i32(), at.i16(), at.tags())), at.tags())),
        at.tags()))[0][1][0][1][0][1]


def add_offsets(port, transactional_id, producer, group):
    at = Answer(ask(port, header(ADD_OFFSETS, 2) + text(transactional_id)
                    + struct.pack(">qh", *producer) + text(group)))
    at.i32()
    return at.i16()


def end_txn(port, transactional_id, producer, commit, version=2):
    at = Answer(ask(port, header(END_TXN, version) + text(transactional_id)
                    + struct.pack(">qhb", *producer, commit)))
    at.i32()
    return at.i16()


def describe_transaction(port, transactional_id):
    """(error, state, producer id, epoch, {topic: [partition]})"""
    at = Answer(ask(port, flexible_header(DESCRIBE_TRANSACTIONS, 0)
                    + compact_array(compact(transactional_id)) + b"\0"), has_tags=True)
    at.i32()

    def described():
        error = at.i16()
        at.compact_text()
        state = at.compact_text()
        at.i32()
        at.i64()
        producer_id, epoch = at.i64(), at.i16()
        topics = dict(at.compact_array(lambda: (
            at.compact_text(), at.compact_array(at.i32), at.tags())[:2]))
        at.tags()
        return error, state, producer_id, epoch, topics
    (answer,) = at.compact_array(described)
    return answer


def list_transactions(port, *states):
    """(error, unknown states, {transactional id: state})"""
    at = Answer(ask(port, flexible_header(LIST_TRANSACTIONS, 0)
                    + compact_array(*(compact(state) for state in states))
                    + compact_array() + b"\0"), has_tags=True)
    at.i32()
    error, unknown = at.i16(), at.compact_array(at.compact_text)
    found = at.compact_array(lambda: (at.compact_text(), at.i64(), at.compact_text(), at.tags()))
    return error, unknown, {one[0]: one[2] for one in found}


# ---- offsets in transactions: the group's coordinator ----

OFFSET_FETCH = 9


def commit_offset(port, transactional_id, producer, group, topic, partition, offset):
    """The error of the partition: TxnOffsetCommit 2, for nobody's member."""
    payload = header(TXN_OFFSET_COMMIT, 2) + text(transactional_id) + text(group)
    payload += struct.pack(">qh", *producer) + array(text(topic) + array(
        struct.pack(">iqi", partition, offset, -1) + text("")))
    at = Answer(ask(port, payload))
    at.i32()
    return at.array(lambda: (at.text(), at.array(lambda: (at.i32(), at.i16()))))[0][1][0][1]


def committed_offset(port, group, topic, partition, stable=False):
    """(error, offset)"""
    payload = flexible_header(OFFSET_FETCH, 7) + compact(group)
    payload += compact_array(compact(topic) + compact_array(struct.pack(">i", partition)) + b"\0")
    at = Answer(ask(port, payload + struct.pack(">b", stable) + b"\0"), has_tags=True)
    at.i32()

    def partition_of():
        at.i32()
        offset = at.i64()
        at.i32()
        at.compact_text()
        error = at.i16()
        at.tags()
        return error, offset
    return at.compact_array(lambda: (at.compact_text(), at.compact_array(partition_of),
                                     at.tags()))[0][1][0]
