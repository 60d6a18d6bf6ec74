"""All known brokers are gone, and come back at other addresses: clients find them by asking the
bootstrap servers again. Also by name and over IPv6."""
import json
import subprocess
import unittest

from broker_cluster import BUILD, COMMAND, BrokerCluster, wait_until
from tcp_proxy import TcpProxy
from zookeeper_server import free_port

SETTINGS = {"min.insync.replicas": 1, "group.initial.rebalance.delay.ms": 0,
            "offsets.topic.num.partitions": 1, "auto.create.topics.enable": "false"}


class RebootstrapTest(unittest.TestCase):
    def test_clients_survive_that_all_brokers_move(self):
        with BrokerCluster(2, settings=SETTINGS) as cluster:
            # The name that clients were given; it leads to broker 1, wherever that is.
            front = TcpProxy(("127.0.0.1", cluster.brokers[1].port))
            cluster.create_topic("stamped", 2, 2)
            cluster.wait_until_in_sync("stamped")
            process = subprocess.Popen(
                [BUILD / "tests/integration/faults_driver", f"localhost:{front.port}", "stamped",
                 "g", "1000"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True)
            try:
                wait_until(lambda: cluster.barnabas("consume", "stamped", "-e", "-c", "1"), 30,
                           "a first record")
                for broker_id, broker in cluster.brokers.items():
                    cluster.kill(broker_id)
                    broker.port = free_port()
                front.target = ("127.0.0.1", cluster.brokers[1].port)
                for broker_id in cluster.brokers:
                    cluster.start_broker(broker_id)
                cluster.wait_until_whole()
                cluster.wait_until_in_sync("stamped")
                out, err = process.communicate("", timeout=120)
            finally:
                process.kill()
                process.wait()
                front.close()
        self.assertEqual(process.returncode, 0, err)
        told = json.loads(out)
        self.assertEqual(told["failed"], 0, err)
        self.assertEqual(told["assigned"], {"received": told["delivered"], "lost": 0,
                                            "duplicated": 0, "reordered": 0})
        self.assertEqual(told["grouped"]["received"], told["delivered"])

    def test_a_broker_is_reached_over_either_kind_of_address(self):
        with BrokerCluster(1, settings=SETTINGS) as cluster:
            port = cluster.brokers[1].port
            for bootstrap in (f"localhost:{port}", f"[::ffff:127.0.0.1]:{port}",
                              f"127.0.0.1:1,127.0.0.1:{port}", f"no.such.invalid,localhost:{port}"):
                ran = subprocess.run([COMMAND, "-b", bootstrap, "broker", "list"], timeout=60,
                                     capture_output=True, text=True, check=False)
                self.assertEqual(ran.returncode, 0, f"{bootstrap}: {ran.stderr}")
                self.assertIn(str(port), ran.stdout)

    def test_a_broker_that_listens_on_ipv6_only_tells_of_itself_so(self):
        with BrokerCluster(1, settings=SETTINGS) as cluster:
            broker = cluster.brokers[1]
            port = free_port()
            cluster.stop(1)
            broker.settings["listeners"] = f"PLAINTEXT://[::1]:{port}"
            cluster.start_broker(1)
            address = f"[::1]:{port}"
            wait_until(lambda: cluster.known_brokers(address) == {1}, 60, "the broker answers")
            told = cluster.barnabas("broker", "list", bootstrap=address).decode()
            self.assertIn("::1", told)
            cluster.barnabas("topic", "create", "six", bootstrap=address)
            cluster.barnabas("produce", "six", "-", stdin=b"a\nb\n", bootstrap=address)
            self.assertEqual(cluster.barnabas("consume", "six", "-e", bootstrap=address).split(), [b"a", b"b"])
            self.assertEqual(cluster.barnabas("consume", "six", "-e", "--group", "g",
                                              bootstrap=address).split(), [b"a", b"b"])


if __name__ == "__main__":
    unittest.main()
