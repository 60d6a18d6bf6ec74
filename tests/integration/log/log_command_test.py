"""`barnabas log` on the data directory of a real broker: it refuses one in use, finds nothing wrong
in one that was stopped or killed and recovered, prints its files, and mends what is damaged."""
import json
import shutil
import subprocess
import unittest

from broker_cluster import COMMAND, BrokerCluster
from terminal import shown

RECORDS = 2000


class LogCommandTest(unittest.TestCase):
    def run_log(self, *arguments):
        return subprocess.run([COMMAND, "log", *map(str, arguments)], capture_output=True,
                              timeout=60, check=False, text=True)

    def dump_as_json(self, folder, segments):
        dumped = self.run_log("dump", "--print-data-log", "--output", "json", *segments)
        told = json.loads(dumped.stdout)
        self.assertEqual((told["kind"], told["status"]), ("LogDump", 0))
        records = [record for batch in told["items"] for record in batch["records"]]
        self.assertEqual([record["value"] for record in records],
                         [f"record {number} of many" for number in range(RECORDS)])
        self.assertEqual({batch["path"] for batch in told["items"]}, set(map(str, segments)))
        for suffix, kind in (("index", "offsetIndexEntry"), ("timeindex", "timeIndexEntry"),
                             ("snapshot", "producer")):
            files = sorted(folder.glob(f"*.{suffix}"))
            told = json.loads(self.run_log("dump", "--output", "json", *files).stdout)
            self.assertLessEqual({item["type"] for item in told["items"]}, {kind})
            self.assertEqual(told["status"], 0)

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
            refused = self.run_log("repair", "--yes", "--output", "json", data / "dumped-0")
            told = json.loads(refused.stdout)
            self.assertEqual((refused.returncode, told["status"], told["kind"]),
                             (4, 4, "LogRepair"))
            self.assertIn("in use by a broker", told["items"][0]["error"])
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
            self.dump_as_json(data / "dumped-0", segments)

            damaged = segments[0]
            content = bytearray(damaged.read_bytes())
            content[len(content) // 2] ^= 1
            damaged.write_bytes(content)
            found = self.run_log("verify", data)
            self.assertEqual(found.returncode, 7)
            self.assertIn(f"{damaged}: position ", found.stdout)
            found = shown([COMMAND, "log", "verify", data], "stderr", {"TERM": "xterm"})
            self.assertIn(b"partitions, ", found, "how far it has come")
            found = self.run_log("verify", "--output", "json", data)
            told = json.loads(found.stdout)
            self.assertEqual((found.returncode, told["status"], told["kind"]),
                             (7, 7, "LogVerification"))
            self.assertIn(str(damaged), {item["path"] for item in told["items"]})
            self.assertEqual(self.run_log("repair", data / "dumped-0").returncode, 7)
            self.assertEqual(damaged.read_bytes(), content, "without --yes nothing changes")
            dumped = self.run_log("dump", "--output", "json", damaged)
            told = json.loads(dumped.stdout)
            self.assertEqual((dumped.returncode, told["status"]), (7, 7))
            self.assertEqual(told["items"][-1]["type"], "invalidBytes")
            size = sum(segment.stat().st_size for segment in segments)
            shutil.copytree(data / "dumped-0", broker.folder / "copied" / "dumped-0")
            seen = shown([COMMAND, "log", "repair", "--yes", broker.folder / "copied" / "dumped-0"],
                         "stderr", {"TERM": "xterm"})
            self.assertRegex(seen, rb"\[#+ *\] +\d+ %  \S+ of \S+ MB", "how far it has come")
            mended = self.run_log("repair", "--yes", "--output", "json", data / "dumped-0")
            self.assertEqual(mended.returncode, 0, mended.stderr)
            self.assertEqual(mended.stderr, "", "progress is for terminals")
            (item,) = json.loads(mended.stdout)["items"]
            self.assertEqual((item["bytesBefore"], item["error"]), (size, None))
            self.assertGreater(item["bytesCutOff"], 0)
            self.assertEqual(self.run_log("verify", data).returncode, 0)

            cluster.start_broker(1)
            cluster.wait_until_whole()
            left = cluster.barnabas("consume", "dumped", "--exit-at-end").decode().splitlines()
            self.assertGreater(len(left), 10)
            self.assertEqual(left, [f"record {number} of many" for number in range(len(left))])


if __name__ == "__main__":
    unittest.main()
