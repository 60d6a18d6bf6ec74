"""What is measured: loads, and what of their results is compared. See README.md for the rows."""

MEGABYTE = 1000 * 1000


class Scenario:
    def __init__(self, name, what, load, metrics, brokers=1, partitions=1, configs=None, fill=None,
                 cold=False, meanwhile=None, fresh=False, beside=("ideal", "kafka")):
        """`load`, `fill`, `meanwhile`: mode and arguments of the load generator. `metrics`: names of
        METRICS. With several brokers each has a replica: so much more work than the ideal server's.

        `configs`: of the topic. `fill`: what is in the topic before; it is filled once, and every
        load reads it, with `cold` from the disk. `meanwhile`: a load on a topic of its own that begins
        before and ends after. `fresh`: once, on servers that have done nothing before. `beside`: the
        servers that can do the same."""
        self.name = name
        self.what = what
        self.load = load
        self.metrics = metrics
        self.brokers = brokers
        self.partitions = partitions
        self.configs = configs or {}
        self.fill = fill
        self.cold = cold
        self.meanwhile = meanwhile
        self.fresh = fresh
        self.beside = beside

    @property
    def keeps_topic(self):
        """Whether all repetitions use one topic."""
        return self.fill is not None or self.partitions > 1


def arguments(**values):
    return [word for key, value in values.items()
            for word in ("--" + key.replace("_", "-"), str(value))]


# Of one load's result: its unit, whether more is better, the value.
METRICS = {
    "rate": ("MB/s", True, lambda r: r["bytes"] / r["seconds"] / MEGABYTE),
    "wire rate": ("MB/s", True, lambda r: r["wire_bytes"] / r["seconds"] / MEGABYTE),
    "requests": ("k/s", True, lambda r: r["requests"] / r["seconds"] / 1000),
    "cpu": ("s/GB", False, lambda r: r["server_cpu_seconds"] / (r["bytes"] / 1e9)),
    "wire cpu": ("s/GB", False, lambda r: r["server_cpu_seconds"] / (r["wire_bytes"] / 1e9)),
    "cpu/request": ("us", False, lambda r: r["server_cpu_seconds"] / r["requests"] * 1e6),
    "p50": ("us", False, lambda r: r["p50_us"]),
    "p99": ("us", False, lambda r: r["p99_us"]),
    "p99.9": ("us", False, lambda r: r["p999_us"]),
    "ack p50": ("us", False, lambda r: r["ack_p50_us"]),
    "ack p99": ("us", False, lambda r: r["ack_p99_us"]),
    "ack p99.9": ("us", False, lambda r: r["ack_p999_us"]),
    "memory": ("MB", False, lambda r: r["server_resident_kib"] / 1000),
    "bytes each": ("B", False, lambda r: r["bytes_each"]),
    "idle cpu": ("%", False, lambda r: r["idle_cpu_share"] * 100),
    "p50 meanwhile": ("us", False, lambda r: r["meanwhile"]["p50_us"]),
    "p99 meanwhile": ("us", False, lambda r: r["meanwhile"]["p99_us"]),
}

THROUGHPUT = ("rate", "cpu")
SMALL = ("requests", "cpu/request", "p99")
END_TO_END = ("p50", "p99", "p99.9")
REPLICATED = ("ack p50", "ack p99", "ack p99.9", "p50", "p99", "p99.9")


def produce(**values):
    return ("produce", arguments(**values))


def consume(name, connections, megabytes_each):
    return Scenario(name, f"consume, 1 MiB at a time, {connections} at once",
                    ("fetch", arguments(connections=connections, bytes=megabytes_each * MEGABYTE)),
                    THROUGHPUT,
                    fill=produce(record_bytes=1024, batch_records=100, bytes=400 * MEGABYTE))


def end_to_end(name, rate):
    return Scenario(name, f"end to end at {rate:,} records/s",
                    ("latency", arguments(rate=rate, seconds=4)), END_TO_END)


def replicated(name, rate, record_bytes, beside):
    """Until the answer, and until the consumer."""
    return Scenario(name, f"acks=all, 3 replicas, {rate:,}/s of {record_bytes:,} B",
                    ("latency", arguments(acks=-1, rate=rate, record_bytes=record_bytes, seconds=4)),
                    REPLICATED, brokers=3, beside=beside)


def compressed(codec):
    return Scenario(f"B12 {codec}", f"produce, 100 x 1 KiB, {codec}",
                    produce(record_bytes=1024, batch_records=100, codec=codec, bytes=250 * MEGABYTE),
                    ("wire rate", "wire cpu"))


def flushed(connections, requests):
    return Scenario(f"B13 {connections}", f"produce, flush.messages=1, {connections} x 1",
                    produce(batch_records=1, connections=connections, depth=1, bytes=requests * 100),
                    ("requests", "p50", "p99"), configs={"flush.messages": 1}, beside=("kafka",))


SCENARIOS = [
    Scenario("B1", "produce, batches of 1000 x 100 B", produce(bytes=500 * MEGABYTE),
             ("rate", "cpu", "memory")),
    Scenario("B2a", "produce, batches of 100 x 1 KiB",
             produce(record_bytes=1024, batch_records=100, bytes=500 * MEGABYTE), THROUGHPUT),
    Scenario("B2b", "produce, batches of 1000 x 1 KiB",
             produce(record_bytes=1024, batch_records=1000, bytes=500 * MEGABYTE), THROUGHPUT),
    Scenario("B3", "produce, batches of 150 x 100 B",
             produce(batch_records=150, bytes=300 * MEGABYTE), THROUGHPUT),
    Scenario("B4a", "produce, one record, 16 connections x 5",
             produce(batch_records=1, connections=16, bytes=25 * MEGABYTE), SMALL),
    Scenario("B4b", "produce, one record, 64 connections x 1",
             produce(batch_records=1, connections=64, depth=1, bytes=20 * MEGABYTE), SMALL),
    Scenario("B5", "produce, acks=all, 3 replicas, 1000 x 100 B",
             produce(acks=-1, bytes=250 * MEGABYTE), THROUGHPUT, brokers=3),
    replicated("B6a", 1000, 100, beside=("kafka",)),
    replicated("B6b", 10000, 1000, beside=("kafka",)),
    replicated("B6c", 70000, 1000, beside=()),
    Scenario("B7", "produce, 150 x 100 B, to 1,000 partitions in turn",
             produce(partitions=1000, batch_records=150, bytes=300 * MEGABYTE), THROUGHPUT,
             partitions=1000),
    consume("B8", 1, 400),
    Scenario("B9", "consume from the disk, end to end meanwhile (B11b)",
             ("fetch", arguments(bytes=2000 * MEGABYTE)), ("rate", "p50 meanwhile", "p99 meanwhile"),
             fill=produce(record_bytes=1024, batch_records=100, bytes=2000 * MEGABYTE), cold=True,
             meanwhile=("latency", arguments(rate=10000, seconds=3))),
    consume("B10a", 10, 200),
    consume("B10b", 100, 40),
    end_to_end("B11a", 1000),
    end_to_end("B11b", 10000),
    end_to_end("B11c", 50000),
    *(compressed(codec) for codec in ("lz4", "zstd", "snappy", "gzip")),
    flushed(1, 10000),
    flushed(16, 50000),
    flushed(64, 100000),
    Scenario("B21", "10,000 connections come, ask once, idle",
             ("connections", arguments(connections=10000, seconds=3)),
             ("requests", "bytes each", "idle cpu"), fresh=True, beside=("kafka",)),
    Scenario("B22a", "metadata of 1,000 partitions, one at a time",
             ("metadata", arguments(seconds=2, depth=1)),
             ("rate", "p50", "cpu/request"), partitions=1000),
    Scenario("B22b", "metadata of 1,000 partitions, 8 outstanding",
             ("metadata", arguments(seconds=2, depth=8)),
             ("rate", "p50", "cpu/request"), partitions=1000),
]
WARM_UP = [scenario for scenario in SCENARIOS if scenario.name in ("B1", "B4a")]
