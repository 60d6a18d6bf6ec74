#!/usr/bin/env python3
"""barnabasd beside the ideal server, and Apache Kafka, in one run: the same load, by turns, on the
same disk.

    tests/bench/run_benchmarks.py [--scenario B1]... [--repetitions 3]
                                  [--kafka FOLDER [--warm-up 30]] [--json FILE] [--folder FOLDER]

BARNABAS_BUILD names another build than build/release. FOLDER of Kafka 3.9 is what
`ops/test --foreign` leaves in build/foreign/java/kafka, or an unpacked distribution. Prints per
scenario the medians, the ratios to the others and their range over the repetitions. What the scenarios are and how to read the columns: tests/bench/README.md.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import tempfile

import bench_servers
import comparison
from bench_servers import BUILD
from load_scenarios import METRICS, SCENARIOS, WARM_UP

LOAD_SECONDS_MAX = 300


def run_load(server, topic, address, load, pinned):
    mode, words = load
    command = [BUILD / "tests/bench/load_generator", mode, "--address", address, "--topic", topic,
               *words]
    for pid in server.pids:
        command += ["--server", str(pid)]
    pin = (lambda: os.sched_setaffinity(0, {bench_servers.LOAD_CPU})) \
        if pinned and os.cpu_count() > bench_servers.LOAD_CPU else None
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            preexec_fn=pin)


def result_of(process, server, topic):
    try:
        out, errors = process.communicate(timeout=LOAD_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        raise RuntimeError(f"{server.name}, topic {topic}: {errors.strip()}")
    return json.loads(out)


class Run:
    """One scenario's loads on several servers."""

    def __init__(self, scenario, servers):
        self.scenario = scenario
        self.servers = servers

    def load(self, server, topic, load, partitions=1):
        address = server.make_topic(topic, partitions, self.scenario.configs)
        return run_load(server, topic, address, load, self.scenario.brokers == 1)

    def once(self, server, topic):
        """The result of one load, with what ran meanwhile."""
        scenario = self.scenario
        meanwhile = None
        if scenario.cold:
            server.make_cold(topic)
        if scenario.meanwhile:
            meanwhile = self.load(server, f"{topic}-meanwhile", scenario.meanwhile)
        result = result_of(self.load(server, topic, scenario.load, scenario.partitions), server,
                           topic)
        if meanwhile:
            result["meanwhile"] = result_of(meanwhile, server, topic)
        return result

    def results(self, repetitions):
        """One per server and repetition; who begins changes with every repetition. A first one is
        not counted: a virtual machine's first writes may meet memory that is there already, and
        later ones not. If only the first is right, it is the only one."""
        scenario = self.scenario
        if scenario.fresh:
            return {server.name: [self.once(server, "first")] for server in self.servers}
        topic = scenario.name.replace(" ", "-")
        results = {server.name: [] for server in self.servers}
        if scenario.fill:
            for server in self.servers:
                result_of(self.load(server, topic, scenario.fill), server, topic)
        for repetition in range(repetitions + 1):
            for server in self.servers if repetition % 2 == 0 else reversed(self.servers):
                this = topic if scenario.keeps_topic else f"{topic}-{repetition}"
                results[server.name].append(self.once(server, this))
        for server in self.servers:
            self.remove_topics(server, topic, repetitions)
        return {name: all_of_it[1:] for name, all_of_it in results.items()}

    def remove_topics(self, server, topic, repetitions):
        names = [topic] if self.scenario.keeps_topic \
            else [f"{topic}-{repetition}" for repetition in range(repetitions + 1)]
        for name in names:
            server.remove_topic(name)
            if self.scenario.meanwhile:
                server.remove_topic(f"{name}-meanwhile")


def for_replicas(results, replicas):
    """The ideal for several replicas: its work once for each, one behind the other."""
    return [{**result, "seconds": result["seconds"] * replicas,
             "server_cpu_seconds": result["server_cpu_seconds"] * replicas} for result in results]


def machine():
    model = next((line.split(":")[1].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory_kib = int(pathlib.Path("/proc/meminfo").read_text().split()[1])
    return (f"{os.cpu_count()} x {model}, {memory_kib / 1e6:.0f} GB, Linux {platform.release()}, "
            f"load {os.getloadavg()[0]:.1f} at the start")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--scenario", action="append", help="by its name: B11, or B11a")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--kafka", type=pathlib.Path, metavar="FOLDER",
                        help="Apache Kafka 3.9, to be measured too")
    parser.add_argument("--warm-up", type=int, default=30, help="seconds of load for Kafka before")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--folder", type=pathlib.Path,
                        help="where data is written meanwhile; default: in the build folder")
    return parser.parse_args()


def limits(folder):
    """What the machine itself can do, measured in the same run."""
    ran = subprocess.run([BUILD / "tests/bench/machine_limits", str(folder)], capture_output=True,
                         text=True, check=True)
    return json.loads(ran.stdout)


@contextlib.contextmanager
def running_servers(options, folder, brokers):
    with contextlib.ExitStack() as running:
        servers = [running.enter_context(bench_servers.ideal_server(folder / "ideal")),
                   running.enter_context(bench_servers.barnabas(brokers))]
        if options.kafka:
            servers.append(running.enter_context(bench_servers.kafka(brokers, options.kafka)))
            warm_up(servers[-1], options)
        if brokers == 1:
            for server in servers:
                server.pin()
        yield servers


def warm_up(server, options):
    """A Java process is fast only after a while."""
    for scenario in WARM_UP:
        run = Run(scenario, [server])

        def load(topic, run=run, scenario=scenario):
            result_of(run.load(server, topic, scenario.load), server, topic)
        bench_servers.warm_up(server, options.warm_up / len(WARM_UP), load)


def measure_all(options, scenarios, folder, report):
    names = ["barnabas", "ideal"] + (["kafka"] if options.kafka else [])
    print(comparison.head(names))
    together = {}
    for scenario in scenarios:
        key = (scenario.brokers, scenario.name if scenario.fresh else "")
        together.setdefault(key, []).append(scenario)
    for (brokers, _), of_these in together.items():
        with running_servers(options, folder, brokers) as servers:
            for scenario in of_these:
                report["scenarios"].append(measure(options, scenario, servers, names))


def measure(options, scenario, servers, names):
    these = [server for server in servers
             if server.name == "barnabas" or server.name in scenario.beside]
    results = Run(scenario, these).results(options.repetitions)
    if "ideal" in results:
        results["ideal"] = for_replicas(results["ideal"], scenario.brokers)
    rows = comparison.ratio_rows(scenario, METRICS, results)
    for line in comparison.lines(scenario, rows, names):
        print(line, flush=True)
    return {"name": scenario.name, "what": scenario.what, "metrics": rows, "results": results}


def is_named(scenario, name):
    """By all of it, or without what comes behind the number: B11 means B11a, B11b and B11c."""
    return scenario.name == name or re.fullmatch(f"{re.escape(name)}([a-z]| .*)", scenario.name)


def main():
    options = parse()
    scenarios = [scenario for scenario in SCENARIOS
                 if not options.scenario or any(is_named(scenario, name) for name in options.scenario)]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-", dir=options.folder or BUILD))
    tempfile.tempdir = str(folder)  # logs of clusters lie on the disk that was asked for
    report = {"machine": machine(), "scenarios": []}
    print(report["machine"])
    try:
        report["limits"] = limits(folder)
        print("limits: " + ", ".join(f"{key.replace('_', ' ')} {value:g}"
                                     for key, value in report["limits"].items()))
        measure_all(options, scenarios, folder, report)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if options.json:
            options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
