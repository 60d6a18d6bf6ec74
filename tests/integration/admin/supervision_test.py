"""What a broker tells the supervisor that started it: systemd's notifications."""
import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

from broker_cluster import BrokerCluster

UNIT = pathlib.Path(__file__).resolve().parents[3] / "ops" / "systemd" / "barnabasd.service"


class SupervisionTest(unittest.TestCase):
    def test_a_broker_says_when_it_is_ready_and_when_it_stops(self):
        with tempfile.TemporaryDirectory(prefix="barnabas-notify-") as folder:
            for name in (f"{folder}/socket", "@barnabas-notify-" + os.path.basename(folder)):
                with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
                    supervisor.bind("\0" + name[1:] if name[0] == "@" else name)
                    supervisor.settimeout(60)
                    os.environ["NOTIFY_SOCKET"] = name
                    self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
                    with BrokerCluster(1) as cluster:
                        self.assertEqual(supervisor.recv(1000), b"READY=1\nSTATUS=serving")
                        # Then it serves, without a further look.
                        cluster.create_topic("orders")
                        self.assertEqual(cluster.stop(1), 0)
                        self.assertEqual(supervisor.recv(1000),
                                         b"STOPPING=1\nSTATUS=moving leaderships away")

    def test_without_a_supervisor_nobody_is_told(self):
        os.environ["NOTIFY_SOCKET"] = "/nowhere/at/all"
        self.addCleanup(os.environ.pop, "NOTIFY_SOCKET", None)
        with BrokerCluster(1) as cluster:
            self.assertEqual(cluster.stop(1), 0)

    def test_systemd_understands_the_unit(self):
        with tempfile.TemporaryDirectory(prefix="barnabas-unit-") as folder:
            text = re.sub(r"/usr/sbin/barnabasd", "/bin/true", UNIT.read_text())
            unit = pathlib.Path(folder) / "barnabasd.service"
            unit.write_text(text.replace("file:/usr/share/doc/barnabas/README.md", "man:true(1)"))
            ran = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True,
                                 check=False)
            self.assertNotIn(b"Unknown", ran.stderr)
            self.assertNotIn(b"Failed to parse", ran.stderr)
            # Of ten; what is left is the network, and what a broker needs of the kernel.
            ran = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20",
                                  "--no-pager", str(unit)], capture_output=True, check=False)
            self.assertEqual(ran.returncode, 0, ran.stdout)


if __name__ == "__main__":
    unittest.main()
