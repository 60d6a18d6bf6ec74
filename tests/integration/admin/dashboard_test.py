"""Every query of ops/monitoring finds its metrics at live brokers under load, and a Prometheus that
collects from them answers every panel's query."""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse
import urllib.request

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from broker_cluster import BrokerCluster, wait_until
from prometheus_text import Metrics
from steady_load import SteadyLoad
from zookeeper_server import free_port

MONITORING = pathlib.Path(__file__).resolve().parents[3] / "ops" / "monitoring"
SETTINGS = {"barnabas.admin.listener": "127.0.0.1:0", "min.insync.replicas": 2,
            "barnabas.group.lag.interval.ms": 300}
PAGES = ("/metrics", "/metrics/partitions", "/metrics/groups")
JOBS = ("barnabas", "barnabas-partitions", "barnabas-groups")
NO_METRICS = {"sum", "by", "rate", "max", "topk", "increase", "changes", "predict_linear", "up"}


def metrics_of(expression):
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", "", expression)
    return set(re.findall(r"[a-z_]{2,}", bare)) - NO_METRICS


def panels():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    return [(panel["title"], target["expr"]) for panel in dashboard["panels"]
            for target in panel.get("targets", [])]


def rules():
    return re.findall(r"^ +expr: (.*)$", (MONITORING / "alerts.yml").read_text(), re.M)


class Prometheus:
    """Collects from the cluster every second."""

    def __init__(self, cluster, folder):
        self.port = free_port()
        targets = [f"127.0.0.1:{broker.admin_port()}" for broker in cluster.brokers.values()]
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
                  "rule_files": [str(MONITORING / "alerts.yml")],
                  "scrape_configs": [
                      {"job_name": job, "metrics_path": page,
                       "static_configs": [{"targets": targets}]}
                      for job, page in zip(JOBS, PAGES)]}
        (folder / "prometheus.yml").write_text(json.dumps(config))
        with open(folder / "output", "wb") as out:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder / 'prometheus.yml'}",
                 f"--storage.tsdb.path={folder / 'data'}",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=out, stderr=out)

    def ask(self, path, **values):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(values)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except OSError:
            return None

    def end(self):
        self.process.terminate()
        self.process.wait(30)


class DashboardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings=SETTINGS)
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("orders", 3)
        cls.cluster.wait_until_known("orders")
        cls.load = SteadyLoad(cls.cluster, "orders", 3)
        cls.load.__enter__()
        cls.addClassCleanup(cls.load.stop)
        cls.load.wait_for_more(60)
        consumer = KafkaConsumer(bootstrap_servers=cls.cluster.bootstrap.split(","),
                                 group_id="billing", enable_auto_commit=False)
        consumer.commit({TopicPartition("orders", 0): OffsetAndMetadata(1, "")})
        consumer.close(autocommit=False)
        cls.cluster.barnabas("consume", "orders", "--exit-at-end")
        cls.cluster.barnabas("consume", "orders", "--group", "readers", "--count", "10")
        cls.cluster.barnabas("topic", "create", "orders", check=False)  # an error, to be counted

    def test_every_metric_that_is_asked_for_is_there(self):
        def missing():
            pages = [Metrics(broker.http(page)[1]) for broker in self.cluster.brokers.values()
                     for page in PAGES]
            known = {name for page in pages for name in page.samples}
            return wanted - known
        wanted = set().union(*(metrics_of(expr) for _, expr in panels()), *map(metrics_of, rules()))
        self.assertGreater(len(wanted), 35)
        wait_until(lambda: not missing(), 30, f"{wanted} are there")

    def test_the_dashboard_is_what_its_table_says(self):
        made = subprocess.run([sys.executable, MONITORING / "make_dashboard.py"],
                              capture_output=True, check=True).stdout.decode()
        self.assertEqual(made, (MONITORING / "dashboard.json").read_text())

    def test_promtool_has_nothing_to_say(self):
        for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"],
                          ["check", "config", "prometheus.yml"]):
            ran = subprocess.run(["promtool", *arguments], cwd=MONITORING, capture_output=True,
                                 check=False)
            self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        for page in PAGES:
            text = self.cluster.brokers[1].http(page)[1]
            ran = subprocess.run(["promtool", "check", "metrics"], input=text.encode(),
                                 capture_output=True, check=False)
            # 3: it dislikes names, which are Kafka's. What cannot be read is 1.
            self.assertIn(ran.returncode, (0, 3), ran.stderr)

    def test_every_panel_has_data_and_every_rule_is_evaluated(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="barnabas-prometheus-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        prometheus = Prometheus(self.cluster, folder)
        self.addCleanup(prometheus.end)
        for title, expression in panels():
            query = expression.replace("$job", "barnabas").replace("$__rate_interval", "10s")

            def has_data(query=query):
                data = prometheus.ask("query", query=query)
                return data is not None and data["result"]
            wait_until(has_data, 60, f"the panel {title} has data: {query}")
        self.assertEqual(self.load.problems, [])

        def evaluated():
            groups = prometheus.ask("rules")["groups"]
            return all(rule["health"] == "ok" for group in groups for rule in group["rules"])
        wait_until(evaluated, 30, "every rule is evaluated")
        firing = {alert["labels"]["alertname"] for alert in prometheus.ask("alerts")["alerts"]
                  if alert["state"] == "firing"}
        # Of a whole cluster only the disk may be a matter of concern: it is the test machine's.
        self.assertLessEqual(firing, {"BarnabasDiskFillsUp", "BarnabasDiskFullWithinADay"})


if __name__ == "__main__":
    unittest.main()
