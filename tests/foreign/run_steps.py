"""Runs steps (tool_steps.py) against a cluster; outputs without what never is the same twice."""
import json
import re
import time

from tool_steps import RACKS, STEPS, text_of  # noqa: F401  (RACKS: for wire_test)

SETTLE_SECONDS = 30
UUID = r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{22}(?![A-Za-z0-9_-])"
SETTINGS = {
    "auto.leader.rebalance.enable": "false",
    "group.initial.rebalance.delay.ms": 0,
    "offsets.topic.num.partitions": 3,
    "transaction.state.log.num.partitions": 3,
    "log.index.size.max.bytes": 65536,
}


def with_sorted_directories(line):
    """The tool tells of directories in the order of a hash of their paths, which are chance."""
    told = json.loads(line)
    for broker in told["brokers"]:
        broker["logDirs"].sort(key=lambda directory: directory["logDir"])
    return json.dumps(told, separators=(",", ":"))


def normalised(output, cluster):
    for broker in cluster.brokers.values():
        output = re.sub(rf"\b{broker.port}\b", f"PORT{broker.id}", output)
    output = re.sub(rf"\b{cluster.zookeeper.port}\b", "ZOOKEEPER", output)
    output = output.replace(str(cluster.folder), "FOLDER")
    output = re.sub(r"(adminclient|producer|consumer)-\d+", r"\1-N", output)
    # In what order replicas came back into an ISR is chance.
    output = re.sub(r"Isr: ([\d,]+)",
                    lambda found: "Isr: " + ",".join(sorted(found[1].split(","))), output)
    output = re.sub(r'(?m)^\{.*"logDirs":.*\}$', lambda found: with_sorted_directories(found[0]), output)
    names = {}
    return re.sub(UUID, lambda found: names.setdefault(found[0], f"UUID{len(names) + 1}")
                  if re.search("[A-Z0-9]", found[0]) else found[0], output)


def run_step(step, cluster, tools):
    """[exit status, output]"""
    places = {"bootstrap": cluster.bootstrap, "one": cluster.address(1)}
    for number, path in enumerate(cluster.brokers[1].settings.get("log.dirs", "").split(","), 1):
        places[f"data{number if number > 1 else ''}"] = path
    for name, content in step.files.items():
        path = cluster.folder / f"{name}.json"
        path.write_text(re.sub(r"\{(data2?)\}", lambda found: places[found[1]],
                               text_of(content)))
        places[name] = str(path)
    words = [re.sub(r"\{(\w+)\}", lambda found: places[found[1]], word) for word in step.words]
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        status, output = tools.run(step.tool, *words, stdin=step.stdin)
        if not step.until or re.search(step.until, output) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    output = normalised(output, cluster)
    for pattern, instead in step.blur:
        output = re.sub(pattern, instead, output)
    if not step.ordered:
        output = "\n".join(sorted(output.split("\n")))
    return [status, output]


def run_steps(groups, cluster, tools, report=None):
    """{group: [[status, output] of every step]}"""
    results = {}
    for group in groups:
        results[group] = []
        for step in STEPS[group]:
            result = run_step(step, cluster, tools)
            results[group].append(result)
            if report:
                report(step, result)
    return results
