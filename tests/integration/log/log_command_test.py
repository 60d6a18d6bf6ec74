"""`barnabas log` on the data directory of a real broker: it refuses one in use, finds nothing wrong
in one that was stopped or killed and recovered, prints its files, and mends what is damaged."""
import json
import subprocess
import unittest

from broker_cluster import COMMAND, BrokerCluster

RECORDS = 2000


class LogCommandTest(unittest.TestCase):
    def run_log(self, *arguments):
        return subprocess.run([COMMAND, "log", *map(str, arguments)], capture_output=True,
                              timeout=60, check=False, text=True)

    def test_a_directory_from_its_use_to_its_repair(self):
        with BrokerCluster(1) as cluster:
            broker = cluster.brokers[1]
            data = broker.folder / "data"
            cluster.create_topic("dumped", 1, 1, segment_bytes=30000)
            cluster.wait_until_in_sync("dumped")
            for begin in range(0, RECORDS, 200):
                cluster.barnabas("produce", "dumped", stdin="".join(
                    f"record {number} of many\n" for number in range(begin, begin + 200)).encode())
            refused = self.run_log("verify", data)
            self.assertEqual(refused.returncode, 4, refused.stdout + refused.stderr)
            self.assertIn("in use by a broker", refused.stderr)
            self.assertEqual(self.run_log("repair", "--yes", data / "dumped-0").returncode, 4)
            cluster.stop(1)

            good = self.run_log("verify", data)
            self.assertEqual(good.returncode, 0, good.stdout + good.stderr)
            self.assertIn(f"{RECORDS} records", good.stdout)

            segments = sorted((data / "dumped-0").glob("*.log"))
            dumped = self.run_log("dump", "--print-data-log", *segments)
            self.assertEqual(dumped.returncode, 0, dumped.stderr)
            self.assertIn("payload: record 1999 of many", dumped.stdout)
            self.assertIn("baseOffset: 0 lastOffset: ", dumped.stdout)
            self.assertEqual(dumped.stdout.count("| offset: "), RECORDS)
            for suffix in ("index", "timeindex", "snapshot"):
                files = sorted((data / "dumped-0").glob(f"*.{suffix}"))
                self.assertEqual(self.run_log("dump", *files).returncode, 0, suffix)

            damaged = segments[0]
            content = bytearray(damaged.read_bytes())
            content[len(content) // 2] ^= 1
            damaged.write_bytes(content)
            found = self.run_log("verify", data)
            self.assertEqual(found.returncode, 7)
            self.assertIn(f"{damaged}: position ", found.stdout)
            found = self.run_log("verify", "--output", "json", data)
            told = json.loads(found.stdout)
            self.assertEqual((found.returncode, told["status"], told["kind"]),
                             (7, 7, "LogVerification"))
            self.assertIn(str(damaged), {item["path"] for item in told["items"]})
            self.assertEqual(self.run_log("repair", data / "dumped-0").returncode, 7)
            self.assertEqual(damaged.read_bytes(), content, "without --yes nothing changes")
            mended = self.run_log("repair", "--yes", data / "dumped-0")
            self.assertEqual(mended.returncode, 0, mended.stderr)
            self.assertEqual(self.run_log("verify", data).returncode, 0)

            cluster.start_broker(1)
            cluster.wait_until_whole()
            left = cluster.barnabas("consume", "dumped", "--exit-at-end").decode().splitlines()
            self.assertGreater(len(left), 10)
            self.assertEqual(left, [f"record {number} of many" for number in range(len(left))])


if __name__ == "__main__":
    unittest.main()
