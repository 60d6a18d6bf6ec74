"""Decides whether what readers of committed records saw of many concurrent transactions is
possible. Pure.

Transactions write records named "<transaction>/<number>", numbered from 0 in the order of sending.
`transactions`: {name: Transaction}; `views`: {reader: {partition: [Seen]}}, what each reader was
shown, in its order; a reader named in `whole` has read everything when all was over.
"""
from collections import defaultdict, namedtuple

# writer: transactions of one writer follow each other in the order of `order`. partitions: of each
# record, in the order of sending. asked: when the commit was asked for; None: never. end:
# "committed", "aborted" or "unknown", as its writer was told.
Transaction = namedtuple("Transaction", "writer order partitions asked end")
Seen = namedtuple("Seen", "offset value time")

ABORTED_READ = "aborted read"
DIRTY_READ = "dirty read"
LOST_WRITE = "lost write"
FRACTURED_READ = "fractured read"
DUPLICATED_WRITE = "duplicated write"
OUT_OF_ORDER = "read out of order"
MADE_UP = "made up"
DISAGREEMENT = "disagreement"


def _split(value):
    name, number = value.rsplit("/", 1)
    return name, int(number)


def _of_each_record(transactions, reader, partition, seen):
    for one in seen:
        name, number = _split(one.value)
        transaction = transactions.get(name)
        if (transaction is None or number >= len(transaction.partitions)
                or transaction.partitions[number] != partition):
            yield MADE_UP, f"{reader} sees {one.value} in {partition}"
        elif transaction.end == "aborted":
            yield ABORTED_READ, f"{reader} sees {one.value} at {one.offset}"
        elif transaction.asked is None or one.time < transaction.asked:
            yield DIRTY_READ, f"{reader} sees {one.value} before its commit is asked for"


def _of_order(transactions, reader, partition, seen):
    """Offsets grow, no record comes twice, and a writer's records come as they were sent."""
    latest, before, places = -1, defaultdict(lambda: (-1, -1)), {}
    for one in seen:
        if one.offset <= latest:
            yield OUT_OF_ORDER, f"{reader} sees offset {one.offset} of {partition} after {latest}"
        latest = max(latest, one.offset)
        if one.value in places:
            yield DUPLICATED_WRITE, f"{one.value} at {places[one.value]} and {one.offset}"
            continue
        places[one.value] = one.offset
        name, number = _split(one.value)
        if name in transactions:
            writer, place = transactions[name].writer, (transactions[name].order, number)
            if place < before[writer]:
                yield OUT_OF_ORDER, f"{reader} sees {one.value} of {partition} too late"
            before[writer] = max(before[writer], place)


def _of_wholes(transactions, reader, partitions):
    """All or nothing."""
    shown = defaultdict(set)
    for seen in partitions.values():
        for one in seen:
            name, number = _split(one.value)
            shown[name].add(number)
    for name, transaction in transactions.items():
        count = len(shown[name])
        if 0 < count < len(transaction.partitions):
            yield FRACTURED_READ, f"{reader} sees {count} of {len(transaction.partitions)} of {name}"
        if transaction.end == "committed" and count < len(transaction.partitions):
            yield LOST_WRITE, f"{reader} sees {count} of {len(transaction.partitions)} of {name}"


def _of_agreement(views):
    """At one offset lies one record; between a reader's first and last nothing is left out that
    another one sees."""
    values = defaultdict(dict)
    for reader, partitions in views.items():
        for partition, seen in partitions.items():
            for one in seen:
                known = values[partition].setdefault(one.offset, one.value)
                if known != one.value:
                    yield DISAGREEMENT, f"{reader}: {one.value} at {one.offset}, not {known}"
    for reader, partitions in views.items():
        for partition, seen in partitions.items():
            offsets = {one.offset for one in seen}
            for offset in values[partition]:
                if offsets and min(offsets) < offset < max(offsets) and offset not in offsets:
                    yield LOST_WRITE, f"{reader} passes over {values[partition][offset]}"


def anomalies(transactions, views, whole=()):
    """[(kind, sentence)]; empty if there is nothing wrong."""
    found = []
    for reader, partitions in views.items():
        for partition, seen in partitions.items():
            found += _of_each_record(transactions, reader, partition, seen)
            found += _of_order(transactions, reader, partition, seen)
    for reader in whole:
        found += _of_wholes(transactions, reader, views[reader])
    return found + list(_of_agreement(views))
