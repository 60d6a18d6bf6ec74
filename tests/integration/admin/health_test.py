"""What the admin listener tells orchestrators about a broker's health."""
import ctypes
import json
import os
import pathlib
import signal
import socket
import unittest

from broker_cluster import BrokerCluster, wait_until

SETTINGS = {"barnabas.admin.listener": "127.0.0.1:0", "min.insync.replicas": 1}


class StoppedThread:
    """One thread of a child stands still, held by ptrace, while all others run."""
    ATTACH, DETACH = 16, 17

    def __init__(self, pid, name):
        tasks = pathlib.Path(f"/proc/{pid}/task")
        self.id = next(int(task.name) for task in tasks.iterdir()
                       if (task / "comm").read_text().strip() == name)
        self.libc = ctypes.CDLL(None, use_errno=True)

    def trace(self, request):
        if self.libc.ptrace(ctypes.c_long(request), ctypes.c_long(self.id), None, None) != 0:
            raise OSError(ctypes.get_errno(), "ptrace")

    def __enter__(self):
        self.trace(self.ATTACH)
        os.waitpid(self.id, 0x40000000)  # __WALL: of threads too

    def __exit__(self, *_):
        self.trace(self.DETACH)


def readiness(broker):
    status, text = broker.http("/readyz")
    return status, json.loads(text)


class HealthTest(unittest.TestCase):
    def test_a_broker_tells_of_its_health_from_its_start_to_its_end(self):
        with BrokerCluster(2, settings=SETTINGS) as cluster:
            broker = cluster.brokers[1]
            self.assertEqual(broker.http("/healthz"), (200, "ok\n"))
            wait_until(lambda: readiness(broker)[0] == 200, 30, "the broker is ready")
            status, told = readiness(broker)
            self.assertEqual((told["ready"], told["phase"], told["brokerId"]),
                             (True, "serving", 1))

            # Its ensemble is gone: it serves on.
            cluster.zookeeper.stop(kill=True)
            self.assertEqual(readiness(broker)[0], 200)
            self.assertEqual(broker.http("/healthz")[0], 200)

            # Without the ensemble a broker that starts waits for it, and is alive meanwhile.
            cluster.kill(1)
            (broker.folder / "output").rename(broker.folder / "output-of-before")
            cluster.start_broker(1)
            wait_until(broker.admin_port, 30, "the admin listener is up")
            status, told = readiness(broker)
            self.assertEqual((status, told["ready"], told["reason"]), (503, False, "starting"))
            self.assertEqual(broker.http("/healthz")[0], 200)

            cluster.zookeeper.start()
            wait_until(lambda: readiness(broker)[0] == 200, 60, "the broker is ready again")

    def test_a_broker_that_gives_its_leaderships_away_is_not_ready(self):
        with BrokerCluster(2, settings=SETTINGS) as cluster:
            cluster.create_topic("shared", partitions=2, replicas=2)
            cluster.wait_until_in_sync("shared")
            broker = cluster.brokers[1]
            wait_until(lambda: readiness(broker)[0] == 200, 30, "the broker is ready")
            # Nothing can be moved while the ensemble does not answer: the departure waits.
            cluster.zookeeper.pause()
            broker.signal(signal.SIGTERM)
            wait_until(lambda: readiness(broker)[0] == 503, 30, "it is not ready any more")
            self.assertEqual(readiness(broker)[1]["reason"], "stopping")
            self.assertEqual(broker.http("/healthz")[0], 200)
            broker.signal(signal.SIGTERM)
            cluster.zookeeper.resume()
            self.assertEqual(broker.wait(), 0)

    def test_a_stuck_thread_is_told(self):
        with BrokerCluster(1, settings=dict(SETTINGS, **{"barnabas.health.stuck.ms": 1000})) as cluster:
            broker = cluster.brokers[1]
            wait_until(lambda: readiness(broker)[0] == 200, 30, "the broker is ready")
            for name in ("groups", "transactions", "reactor-0", "control"):
                with StoppedThread(broker.process.pid, name):
                    text = wait_until(lambda: (reply := broker.http("/healthz"))[0] == 503 and
                                      reply[1], 20, f"{name} is stuck")
                    self.assertIn(f"the thread {name} has been stuck for ", text)
                wait_until(lambda: broker.http("/healthz") == (200, "ok\n"), 20, f"{name} goes on")

    def test_what_is_no_request_for_a_page_is_refused_and_harms_nobody(self):
        with BrokerCluster(1, settings=SETTINGS) as cluster:
            broker = cluster.brokers[1]
            self.assertEqual(broker.http("/nothing")[0], 404)
            self.assertEqual(broker.http("/readyz", method="PUT")[0], 405)
            self.assertEqual(broker.http("/readyz?" + "x=1&" * 100)[0], 200)
            self.assertEqual(broker.http("/readyz?" + "x" * 20000)[0], 400)
            for bad in (b"\0" * 100, b"GET\r\n\r\n", b"POST /readyz HTTP/1.1\r\n\r\n",
                        b"GET //readyz HTTP/9.9\r\n\r\n", b"GET /%00%zz HTTP/1.0\r\n\r\n"):
                with socket.create_connection(("127.0.0.1", broker.admin_port())) as connection:
                    connection.sendall(bad)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
            self.assertEqual(broker.http("/healthz"), (200, "ok\n"))
            self.assertEqual(cluster.stop(1), 0)

    def test_a_port_in_use_is_a_plain_refusal(self):
        with BrokerCluster(1, settings=SETTINGS) as cluster:
            taken = cluster.brokers[1].admin_port()
            cluster.stop(1)
            with socket.create_server(("127.0.0.1", taken)):
                cluster.brokers[1].settings["barnabas.admin.listener"] = f"127.0.0.1:{taken}"
                cluster.start_broker(1)
                self.assertEqual(cluster.brokers[1].wait(), 1)
            self.assertIn("admin_listener_failed", cluster.brokers[1].output())


if __name__ == "__main__":
    unittest.main()
