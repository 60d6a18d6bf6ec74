"""What Apache Kafka's command-line tools are run with, in this order, against the oracle and
against our brokers: three brokers 1, 2, 3 in racks r1, r2, r3, empty at first."""
import dataclasses
import json


@dataclasses.dataclass(frozen=True)
class Step:
    """`words` may name {bootstrap}, {one} (the first broker's address) and files of `files`, which
    are written as JSON (or text) before. `until`: a regular expression; the tool is run again and
    again until its output has it, for what takes effect a little later. `blur`: pairs of a regular
    expression and what its matches become before outputs are compared, for what is never twice
    the same. `ordered`: whether the order of lines counts."""
    tool: str
    words: tuple
    stdin: str = ""
    files: dict = dataclasses.field(default_factory=dict)
    until: str = ""
    blur: tuple = ()
    ordered: bool = True

    @property
    def name(self):
        return " ".join((self.tool,) + self.words)


def step(tool, line, server="--bootstrap-server {bootstrap}", words=(), **more):
    return Step(tool, (*server.split(), *line.split(), *words), **more)


def topics(line, **more):
    return step("topics", line, **more)


def configs(line, **more):
    return step("configs", line, **more)


def reassign(line, **more):
    return step("reassign-partitions", line, **more)


def elect(line, **more):
    return step("leader-election", line, **more)


def partitions(*named):
    return {"partitions": [{"topic": topic, "partition": partition}
                           for topic, partition in named]}


def plan(*moves):
    return {"version": 1, "partitions": [
        {"topic": topic, "partition": partition, "replicas": replicas}
        for topic, partition, replicas in moves]}


IN_SYNC = r"(Isr: \d,\d,\d\b(?s:.)*){3}"
NUMBERS = ((r"\d+(\.\d+)?", "N"),)
OTHER_LOGGERS = ((r"(?m)^  (?!root=).*\n", ""),)

TOPICS = [
    topics("--list"),
    topics("--describe"),
    topics("--create --topic orders --replica-assignment 1:2:3,2:3:1,3:1:2"
           " --config retention.ms=86400000 --config max.message.bytes=200000"),
    topics("--create --topic orders --partitions 1"),
    topics("--create --topic orders --partitions 1 --if-not-exists"),
    topics("--create --topic single.topic --replica-assignment 2"),
    topics("--create --topic single_topic --replica-assignment 2"),
    topics("--create --topic", words=("a b",)),
    topics("--create --topic ."),
    topics("--create --topic " + "x" * 250),
    topics("--create --topic wrong --partitions 0"),
    topics("--create --topic wrong --partitions 1 --replication-factor 4"),
    topics("--create --topic wrong --partitions 1 --replication-factor 0"),
    topics("--create --topic wrong --replica-assignment 1:1"),
    topics("--create --topic absent.replica --replica-assignment 1:9"),
    topics("--create --topic wrong --replica-assignment 1:2,1"),
    topics("--create --topic wrong --partitions 1 --config no.such=1"),
    topics("--create --topic wrong --partitions 1 --config retention.ms=soon"),
    topics("--create --topic wrong --partitions 1 --config cleanup.policy=burn"),
    topics("--create --topic wrong --partitions 1 --config min.insync.replicas=0"),
    topics("--list", until="orders"),
    topics("--list --topic or.*"),
    topics("--list --exclude-internal"),
    topics("--describe --topic orders", until=IN_SYNC),
    topics("--describe --topic missing"),
    topics("--describe --topic missing --if-exists"),
    topics("--describe --topic-id AAAAAAAAAAAAAAAAAAAAAQ"),
    topics("--describe --topics-with-overrides"),
    topics("--describe --under-replicated-partitions"),
    topics("--describe --unavailable-partitions"),
    topics("--describe --at-min-isr-partitions"),
    topics("--describe --under-min-isr-partitions"),
    topics("--alter --topic single.topic --partitions 2 --replica-assignment 2,3"),
    topics("--alter --topic single.topic --partitions 2"),
    topics("--alter --topic single.topic --partitions 1"),
    topics("--alter --topic single.topic --partitions 4 --replica-assignment 2,3,1"),
    topics("--alter --topic single.topic --partitions 3 --replica-assignment 2,3,1:2"),
    topics("--alter --topic single.topic --partitions 3 --replica-assignment 2,3,7"),
    topics("--alter --topic missing --partitions 3"),
    topics("--alter --topic missing --partitions 3 --if-exists"),
    topics("--describe --topic single.topic", until="Partition: 1"),
    topics("--create --topic brief --replica-assignment 1"),
    topics("--list --topic brief", until="brief"),
    topics("--delete --topic brief"),
    topics("--delete --topic missing"),
    topics("--delete --topic missing --if-exists"),
    topics("--list", until=r"\Aabsent.replica\norders\nsingle"),
]

CONFIGS = [
    configs("--describe --entity-type topics --entity-name orders"),
    configs("--describe --entity-type topics --entity-name orders --all"),
    configs("--describe --entity-type topics --entity-name missing"),
    configs("--describe --entity-type topics"),
    configs("--alter --entity-type topics --entity-name orders"
            " --add-config segment.bytes=1048576,cleanup.policy=[compact,delete]"
            " --delete-config retention.ms"),
    configs("--describe --entity-type topics --entity-name orders", until="compact"),
    configs("--describe --entity-type topics --entity-name orders --all"),
    configs("--alter --entity-type topics --entity-name orders --delete-config"
            " segment.bytes,cleanup.policy"),
    configs("--alter --entity-type topics --entity-name orders --delete-config segment.bytes"),
    configs("--alter --entity-type topics --entity-name orders --add-config no.such=1"),
    configs("--alter --entity-type topics --entity-name orders --add-config segment.bytes=1"),
    configs("--alter --entity-type topics --entity-name orders --add-config segment.bytes=many"),
    configs("--alter --entity-type topics --entity-name missing --add-config segment.bytes=2000"),
    configs("--describe --entity-type topics --entity-name orders"),
    configs("--describe --entity-type brokers --entity-name 1"),
    configs("--describe --entity-type brokers --entity-default"),
    configs("--describe --entity-type brokers"),
    configs("--describe --entity-type brokers --entity-name x"),
    configs("--alter --entity-type brokers --entity-name 1 --add-config log.retention.ms=90000000"),
    configs("--alter --entity-type brokers --entity-default --add-config"
            " log.retention.ms=91000000,log.segment.bytes=2097152"),
    configs("--alter --entity-type brokers --entity-default --add-config broker.id=7"),
    configs("--alter --entity-type brokers --entity-name 1 --add-config log.segment.bytes=1"),
    configs("--alter --entity-type brokers --entity-name 1 --delete-config log.segment.ms"),
    configs("--describe --entity-type brokers --entity-name 1", until="91000000"),
    configs("--describe --entity-type brokers --entity-default", until="2097152"),
    configs("--describe --entity-type topics --entity-name orders --all", until="90000000"),
    configs("--alter --entity-type brokers --entity-name 1 --delete-config log.retention.ms"),
    configs("--alter --entity-type brokers --entity-default --delete-config"
            " log.retention.ms,log.segment.bytes"),
    configs("--describe --entity-type brokers --entity-name 1",
            until=r"\ADynamic configs for broker 1 are:\n\Z"),
    configs("--describe --entity-type brokers --entity-name 1 --all"),
    configs("--alter --entity-type brokers --entity-name 3 --add-config no.such.broker.key=1"),
    configs("--describe --entity-type brokers --entity-name 3"),
]

# Which loggers there are but for "root" is each broker's own affair.
LOGGERS = [
    configs("--describe --entity-type broker-loggers --entity-name 1",
            blur=OTHER_LOGGERS + ((r"root=\w+", "root=LEVEL"),)),
    configs("--describe --entity-type broker-loggers"),
    configs("--alter --entity-type broker-loggers --entity-name 1 --add-config root=WARN"),
    configs("--describe --entity-type broker-loggers --entity-name 1", until="root=WARN",
            blur=OTHER_LOGGERS),
    configs("--alter --entity-type broker-loggers --entity-name 1 --add-config root=LOUD"),
    configs("--alter --entity-type broker-loggers --entity-name 1 --add-config no.such=INFO"),
    configs("--alter --entity-type broker-loggers --entity-name 1 --delete-config root"),
    configs("--alter --entity-type broker-loggers --add-config root=INFO"),
    configs("--alter --entity-type broker-loggers --entity-name 1 --add-config root=INFO"),
    configs("--describe --entity-type broker-loggers --entity-name 1", until="root=INFO",
            blur=OTHER_LOGGERS),
]

REASSIGNMENT = [
    reassign("--list"),
    reassign("--generate --topics-to-move-json-file {topics} --broker-list 1,2",
             files={"topics": {"version": 1, "topics": [{"topic": "single.topic"}]}},
             blur=((r'"replicas":\[\d\]', '"replicas":[N]'),)),
    reassign("--generate --topics-to-move-json-file {topics} --broker-list 1,9",
             files={"topics": {"version": 1, "topics": [{"topic": "single.topic"}]}}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [3]), ("single.topic", 1, [1, 3]))}),
    reassign("--verify --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [3]), ("single.topic", 1, [1, 3]))},
             until="0 is completed(?s:.)*1 is completed"),
    reassign("--verify --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [2]), ("missing", 0, [3]))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [9]))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": plan(("missing", 0, [1]))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, []))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [1, 1]))}),
    reassign("--execute --reassignment-json-file {plan} --throttle 1000000"
             " --replica-alter-log-dirs-throttle 2000000",
             files={"plan": plan(("single.topic", 0, [1, 2]))}),
    reassign("--verify --reassignment-json-file {plan} --preserve-throttles",
             files={"plan": plan(("single.topic", 0, [1, 2]))}, until="is completed"),
    configs("--describe --entity-type topics --entity-name single.topic"),
    configs("--describe --entity-type brokers --entity-name 1"),
    reassign("--verify --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [1, 2]))}),
    configs("--describe --entity-type topics --entity-name single.topic"),
    configs("--describe --entity-type brokers --entity-name 1"),
    reassign("--cancel --reassignment-json-file {plan}",
             files={"plan": plan(("single.topic", 0, [1, 2]))}),
    reassign("--list"),
    topics("--describe --topic single.topic", until=r"Isr: (1,2|2,1)\b(?s:.)*Isr: (1,3|3,1)\b"),
]

ELECTION = [
    elect("--election-type preferred --all-topic-partitions"),
    elect("--election-type preferred --topic orders --partition 0"),
    elect("--election-type preferred --topic orders --partition 9"),
    elect("--election-type preferred --topic missing --partition 0"),
    elect("--election-type unclean --topic orders --partition 0"),
    elect("--election-type preferred --path-to-json-file {some}",
          files={"some": partitions(("orders", 1), ("missing", 1))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": plan(("orders", 0, [3, 2, 1]))}),
    reassign("--verify --reassignment-json-file {plan}",
             files={"plan": plan(("orders", 0, [3, 2, 1]))}),
    elect("--election-type preferred --topic orders --partition 0"),
    elect("--election-type preferred --all-topic-partitions"),
    topics("--describe --topic orders", until="Partition: 0\tLeader: 3"),
]

RECORDS = [
    step("console-producer", "--topic orders --property parse.key=true --property"
         " key.separator=: --request-required-acks all --batch-size 1",
         stdin="".join(f"k{i}:value {i}\n" for i in range(30))),
    step("console-consumer", "--topic orders --partition 0 --offset earliest --max-messages 3"
         " --timeout-ms 20000", ),
    step("console-consumer", "--topic orders --partition 1 --offset 2 --max-messages 3"
         " --timeout-ms 20000 --property print.key=true --property print.offset=true"
         " --property print.partition=true --property print.timestamp=true"
         " --property print.headers=true", blur=((r"CreateTime:\d+", "CreateTime:N"),)),
    step("console-consumer", "--topic orders --partition 1 --offset latest --timeout-ms 1500"),
    step("get-offsets", "--topic orders"),
    step("get-offsets", "--topic orders --time earliest"),
    step("get-offsets", "--topic orders --time -1 --partitions 0,2"),
    step("console-producer", "--topic absent.replica", stdin="one\ntwo\n"),
    step("get-offsets", "--topic absent.replica --time latest"),
    step("get-offsets", "--topic missing --time max-timestamp"),
    step("get-offsets", "--topic orders --time earliest-local"),
    step("get-offsets", "--topic orders --time latest-tiered"),
    step("get-offsets", "--topic orders --time 1000"),
    step("get-offsets", "--topic-partitions orders:0-2,single.topic"),
    step("get-offsets", "--topic missing"),
    step("get-offsets", ""),
    step("delete-records", "--offset-json-file {offsets}", ordered=False,
         files={"offsets": {"version": 1, "partitions": [
             {"topic": "orders", "partition": 0, "offset": 3},
             {"topic": "orders", "partition": 1, "offset": -1},
             {"topic": "orders", "partition": 2, "offset": 100000}]}}),
    step("get-offsets", "--topic orders --time earliest"),
    step("log-dirs", "--describe", blur=((r'"size":\d+', '"size":N'),), ordered=False),
    step("log-dirs", "--describe --broker-list 1,2 --topic-list orders"),
    step("log-dirs", "--describe --broker-list 1,9"),
    step("log-dirs", "--describe --topic-list missing"),
    step("producer-perf-test", "--topic absent.replica --num-records 100 --record-size 100 --throughput -1"
         " --producer-props acks=all bootstrap.servers={one}", server="", blur=NUMBERS),
    step("verifiable-producer", "--topic absent.replica --max-messages 3 --acks -1",
         blur=((r'"timestamp":\d+', '"timestamp":N'), (r'"offset":\d+', '"offset":N'),
               (r'"avg_throughput":[\d.]+', '"avg_throughput":N'),
               (r'"partition":\d', '"partition":N'))),
]

CLUSTER = [
    step("cluster", "cluster-id --bootstrap-server {bootstrap}", server=""),
    step("cluster", "unregister --id 3 --bootstrap-server {bootstrap}", server=""),
    step("broker-api-versions", "", ordered=False),
    step("features", "describe"),
    step("features", "upgrade --metadata 3.9"),
    step("metadata-quorum", "describe --status"),
    step("metadata-quorum", "describe --replication"),
    step("client-metrics", "--list"),
    step("acls", "--list"),
    step("acls", "--add --allow-principal User:x --operation read --topic orders"),
    step("delegation-tokens", "--describe --owner-principal User:x --command-config {none}",
         files={"none": ""}),
    step("delegation-tokens", "--create --max-life-time-period -1 --command-config {none}",
         files={"none": ""}),
]

QUOTAS = [
    configs("--describe --entity-type clients"),
    configs("--describe --entity-type users"),
    configs("--alter --entity-type clients --entity-name c1 --add-config"
            " producer_byte_rate=1000000,request_percentage=50"),
    configs("--alter --entity-type users --entity-default --add-config consumer_byte_rate=2000000"),
    configs("--alter --entity-type users --entity-name u1 --entity-type clients --entity-name c1"
            " --add-config consumer_byte_rate=3000000"),
    configs("--alter --entity-type ips --entity-name 127.0.0.9 --add-config"
            " connection_creation_rate=10"),
    configs("--alter --entity-type clients --entity-name c1 --add-config no_such_rate=1"),
    configs("--alter --entity-type clients --entity-name c1 --add-config producer_byte_rate=-5"),
    configs("--alter --entity-type ips --entity-name not.a.known.host --add-config"
            " connection_creation_rate=10"),
    configs("--describe --entity-type clients", until="c1"),
    configs("--describe --entity-type clients --entity-name c1"),
    configs("--describe --entity-type users"),
    configs("--describe --entity-type users --entity-name u1 --entity-type clients"),
    configs("--describe --entity-type ips"),
    configs("--alter --entity-type clients --entity-name c1 --delete-config producer_byte_rate"),
    configs("--describe --entity-type clients --entity-name c1"),
    configs("--alter --entity-type users --entity-name u1 --add-config"
            " SCRAM-SHA-256=[iterations=4096,password=secret]"),
    configs("--describe --entity-type users --entity-name u1"),
]

GROUP = "--group readers"
WITHOUT_COORDINATOR = ((r"PORT\d \(\d\)|PORT\d\s+\(\d\)", "COORDINATOR"), (r" +", " "))


def groups(line, **more):
    return step("consumer-groups", line, blur=WITHOUT_COORDINATOR, **more)


GROUPS = [
    step("console-consumer", "--topic orders --group readers --from-beginning --max-messages 5"
         " --timeout-ms 20000", ordered=False, blur=((r"(?m)^value \d+$", "value N"),)),
    groups("--list"),
    groups(f"--describe {GROUP} --state"),
    groups(f"--describe {GROUP} --members"),
    groups("--describe --group nobody"),
    groups(f"--reset-offsets {GROUP} --topic orders --to-offset 5 --dry-run", ordered=False),
    groups(f"--reset-offsets {GROUP} --topic orders --to-offset 5 --execute", ordered=False),
    groups(f"--describe {GROUP}", ordered=False, until="orders"),
    groups(f"--describe {GROUP} --offsets", ordered=False),
    groups(f"--reset-offsets {GROUP} --topic orders:1 --shift-by -1 --execute"),
    groups(f"--reset-offsets {GROUP} --topic missing --to-earliest --dry-run"),
    groups(f"--delete-offsets {GROUP} --topic orders:0", ordered=False),
    groups(f"--delete-offsets {GROUP} --topic missing", ordered=False),
    groups("--list --state"),
    groups(f"--delete {GROUP}"),
    groups("--delete --group nobody"),
    groups("--list"),
]

def place(*moves):
    """Of broker 1."""
    return {"version": 1, "partitions": [
        {"topic": topic, "partition": partition, "replicas": [1], "log_dirs": [path]}
        for topic, partition, path in moves]}


SIZES = ((r'"size":\d+', '"size":N'),)

# Of one broker with two directories, {data} and {data2}.
MOVES = [
    topics("--create --topic moved --replica-assignment 1,1"),
    step("console-producer", "--topic moved --request-required-acks all",
         stdin="".join(f"value {i}\n" for i in range(30))),
    step("log-dirs", "--describe --topic-list moved", blur=SIZES, ordered=False),
    reassign("--execute --reassignment-json-file {plan} --replica-alter-log-dirs-throttle 10000000",
             files={"plan": place(("moved", 0, "{data2}"), ("moved", 1, "{data2}"))}, ordered=False),
    reassign("--verify --reassignment-json-file {plan} --preserve-throttles", ordered=False,
             files={"plan": place(("moved", 0, "{data2}"), ("moved", 1, "{data2}"))},
             until="(?s)(completed successfully.*){2}"),
    configs("--describe --entity-type brokers --entity-name 1"),
    reassign("--verify --reassignment-json-file {plan}", ordered=False,
             files={"plan": place(("moved", 0, "{data2}"), ("moved", 1, "{data}"))}),
    configs("--describe --entity-type brokers --entity-name 1"),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": place(("moved", 0, "any"), ("moved", 1, "{data2}"))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": place(("moved", 0, "/nowhere"))}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": {"version": 1, "partitions": [
                 {"topic": "moved", "partition": 0, "replicas": [1],
                  "log_dirs": ["any", "any"]}]}}),
    reassign("--execute --reassignment-json-file {plan}",
             files={"plan": place(("moved", 1, "{data}"))}),
    reassign("--verify --reassignment-json-file {plan}",
             files={"plan": place(("moved", 1, "{data}"))}, until="completed successfully"),
    step("log-dirs", "--describe --topic-list moved", blur=SIZES),
    step("console-consumer", "--topic moved --from-beginning --max-messages 30"
         " --timeout-ms 20000", ordered=False),
]

RACKS = ["r1", "r2", "r3"]
# The groups of one pair of clusters, and how these are made.
WORLDS = {
    "three": ({"count": 3, "racks": RACKS},
              ["topics", "configs", "loggers", "reassignment", "election", "records", "cluster",
               "quotas", "groups"]),
    "directories": ({"count": 1, "directories": 2}, ["moves"]),
}

STEPS = {"moves": MOVES, "topics": TOPICS, "configs": CONFIGS, "loggers": LOGGERS,
         "reassignment": REASSIGNMENT, "election": ELECTION, "records": RECORDS, "cluster": CLUSTER, "quotas": QUOTAS, "groups": GROUPS}


def text_of(content):
    return content if isinstance(content, str) else json.dumps(content)
