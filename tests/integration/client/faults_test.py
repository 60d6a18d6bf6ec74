"""libbarnabas under faults: brokers are killed and held, connections are cut, silenced and slow.
What was acknowledged is there, once and in order; a group's member misses nothing.

The clients reach the brokers through proxies, which the brokers advertise. BARNABAS_FAULT_ROUNDS:
how often the whole list of faults is gone through (1). With BARNABAS_DAEMON the brokers are others:
`ops/test --foreign` runs it with Apache Kafka's.
"""
import json
import os
import subprocess
import time
import unittest

from broker_cluster import BUILD, BrokerCluster, wait_until
from tcp_proxy import TcpProxy
from zookeeper_server import free_port

ROUNDS = int(os.environ.get("BARNABAS_FAULT_ROUNDS", "1"))
RATE = 2000
SETTINGS = {"min.insync.replicas": 2, "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 3, "auto.create.topics.enable": "false",
            "listener.security.protocol.map": "INTERNAL:PLAINTEXT,OUTSIDE:PLAINTEXT",
            "inter.broker.listener.name": "INTERNAL"}


class ProxiedCluster(BrokerCluster):
    """Clients come in through one proxy for each broker; brokers talk to each other without."""

    def __init__(self):
        super().__init__(3, settings=SETTINGS)
        self.proxies = {}
        for broker in self.brokers.values():
            inside = free_port()
            self.proxies[broker.id] = TcpProxy(("127.0.0.1", broker.port))
            broker.settings = {
                **broker.settings,
                "listeners": f"OUTSIDE://{broker.address},INTERNAL://127.0.0.1:{inside}",
                "advertised.listeners": f"OUTSIDE://{self.proxies[broker.id].connect},"
                                        f"INTERNAL://127.0.0.1:{inside}"}

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        for proxy in self.proxies.values():
            proxy.close()


class FaultsTest(unittest.TestCase):
    def faults(self, cluster):
        """One after the other; each ends with the cluster healed."""
        def leader():
            return cluster.partitions("stamped")[0]["leader"]

        def killed():
            victim = leader()
            cluster.kill(victim)
            wait_until(lambda: cluster.partitions("stamped")[0]["leader"] not in (victim, -1), 60,
                       "another leader")
            cluster.start_broker(victim)

        def held():
            broker = cluster.brokers[leader()]
            broker.pause(2)

        def cut():
            for proxy in cluster.proxies.values():
                proxy.cut()
                proxy.restore()

        def all_unreachable():
            for proxy in cluster.proxies.values():
                proxy.cut()
            time.sleep(1)
            for proxy in cluster.proxies.values():
                proxy.restore()

        def silent():
            proxy = cluster.proxies[leader()]
            proxy.silence()
            time.sleep(1)
            proxy.restore()

        def slow():
            proxy = cluster.proxies[leader()]
            proxy.slow()
            time.sleep(1)
            proxy.restore()
        return [cut, killed, held, silent, slow, all_unreachable]

    def test_what_was_acknowledged_is_there_once_and_in_order(self):
        with ProxiedCluster() as cluster:
            cluster.create_topic("stamped", 3, 3)
            cluster.wait_until_in_sync("stamped")
            process = subprocess.Popen(
                [BUILD / "tests/integration/faults_driver",
                 ",".join(proxy.connect for proxy in cluster.proxies.values()), "stamped", "g",
                 str(RATE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True)
            try:
                for _ in range(ROUNDS):
                    for fault in self.faults(cluster):
                        fault()
                        self.assertIsNone(process.poll(), fault.__name__)
                        cluster.wait_until_in_sync("stamped")
                out, err = process.communicate("", timeout=180)
            finally:
                process.kill()
                process.wait()
        self.assertEqual(process.returncode, 0, err)
        told = json.loads(out)
        print(told)
        delivered = told["delivered"]
        self.assertEqual(told["failed"], 0, err)
        self.assertGreater(delivered, RATE)
        self.assertEqual(told["assigned"], {"received": delivered, "lost": 0, "duplicated": 0,
                                            "reordered": 0})
        grouped = told["grouped"]
        self.assertEqual((grouped["received"], grouped["lost"], grouped["reordered"]),
                         (delivered, 0, 0))


if __name__ == "__main__":
    unittest.main()
