"""What `cmake --install` gives a user: every example is built against it by pkg-config, with the
shared library or with the archive, and does what it says; and a CMake package is found."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from broker_cluster import BUILD, BrokerCluster, wait_until

SANITIZE = os.environ.get("BARNABAS_SANITIZE", "")
FLAGS = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
PARTITIONS = 2
LINES = [f"key{i % 7}=value{i}" for i in range(100)]
CMAKE = """
cmake_minimum_required(VERSION 3.13)
project(user C)
find_package(barnabas 0.1 REQUIRED)
add_executable(produce produce.c)
target_link_libraries(produce barnabas::barnabas)
"""


def run(*words, **options):
    ran = subprocess.run([str(word) for word in words], capture_output=True, text=True,
                         timeout=120, check=False, **options)
    if ran.returncode != 0:
        raise AssertionError(f"{words}: status {ran.returncode}\n{ran.stdout}\n{ran.stderr}")
    return ran.stdout


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="barnabas-install-"))
        cls.prefix = cls.folder / "prefix"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix)
        cls.examples = cls.prefix / "share/doc/barnabas/examples"
        cls.environment = {**os.environ, "LD_LIBRARY_PATH": str(cls.prefix / "lib"),
                           "PKG_CONFIG_PATH": str(cls.prefix / "lib/pkgconfig")}

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def pkg_config(self, *words):
        return run("pkg-config", *words, "barnabas", env=self.environment).split()

    def build(self, name, static=False):
        program = self.folder / (name + ("-static" if static else ""))
        libraries = self.pkg_config("--libs", *(["--static"] if static else []))
        if static:
            libraries = ["-l:libbarnabas.a" if word == "-lbarnabas" else word
                         for word in libraries]
        run("cc", "-Wall", "-Wextra", "-Werror", *FLAGS, "-o", program,
            self.examples / f"{name}.c", *self.pkg_config("--cflags"), *libraries)
        return program

    def run_example(self, name, *arguments, stdin="", static=False):
        """What it prints, line by line."""
        return run(self.build(name, static), self.cluster.bootstrap, *arguments,
                   env=self.environment, input=stdin).splitlines()

    def produce(self, topic, lines, *flags):
        self.cluster.barnabas("produce", topic, "-", *flags,
                              stdin="".join(line + "\n" for line in lines).encode())

    # ---- Each example, by its name ----

    def see_produce(self):
        lines = self.run_example("produce", "lines", stdin="".join(line + "\n" for line in LINES))
        self.assertEqual(sum(line.startswith("lines:") for line in lines), len(LINES))

    def see_consume_group(self):
        self.produce("read", LINES, "-k", "=")
        got = self.run_example("consume_group", "g", "read", len(LINES), static=True)
        self.assertEqual(sorted(got), sorted(line.split("=")[1] for line in LINES))
        command = self.prefix / "bin/barnabas"
        self.assertIn("lag of all 0", run(command, "-b", self.cluster.bootstrap, "group", "lag",
                                          "g"))

    def see_check_delivery(self):
        lines = self.run_example("check_delivery", "stamped", 1000)
        self.assertEqual(sum(int(line.split("received ")[1].split()[0]) for line in lines), 1000)
        for line in lines:
            self.assertTrue(line.endswith("lost 0, duplicated 0, reordered 0"), line)

    def see_deduplicate(self):
        self.produce("doubled", ["a:1", "b:2", "a:3", "b:4", "c:5"], "-k", ":", "-p", "0")
        self.assertEqual(self.run_example("deduplicate", "doubled", 3), ["1", "2", "5"])

    def see_exactly_once(self):
        self.produce("in", ["one", "two", "three"])
        process = subprocess.Popen([self.build("exactly_once"), self.cluster.bootstrap, "x", "x",
                                    "in", "out"], env=self.environment)
        try:
            def results():
                return sorted(self.cluster.barnabas(
                    "consume", "out", "-e", "-X", "isolation.level=read_committed").split())
            wait_until(lambda: results() == [b"ONE", b"THREE", b"TWO"], 60, "the results")
            process.terminate()
            self.assertEqual(process.wait(60), 0)
        finally:
            process.kill()
            process.wait()
        self.assertEqual(results(), [b"ONE", b"THREE", b"TWO"])

    def see_parallel(self):
        self.produce("keyed", [f"k{i % 5}:{i}" for i in range(50)], "-k", ":")
        by_key = {}
        for line in self.run_example("parallel", "workers", "keyed", 3):
            key, value = line.split()
            by_key.setdefault(key, []).append(int(value))
        self.assertEqual(by_key, {f"k{k}": list(range(k, 50, 5)) for k in range(5)})

    def see_retry_topics(self):
        self.produce("work", ["fine", "fail 1", "give up"])
        lines = self.run_example("retry_topics", "retriers", "work", 3)
        self.assertEqual(sorted(line.split(",")[0] for line in lines), ["fail 1", "fine"])
        self.assertEqual(self.cluster.barnabas("consume", "work.dead-letter", "-e").split(b"\n"),
                         [b"give up", b""])

    def see_token_bucket(self):
        self.produce("tokens", ["2", "1"])
        process = subprocess.run([self.build("token_bucket"), self.cluster.bootstrap, "buckets",
                                  "tokens"], env=self.environment, input="a\nb\nc\nd\n", text=True,
                                 capture_output=True, timeout=60, check=False)
        self.assertEqual((process.stdout.split(), process.returncode), (["a", "b", "c"], 1))
        self.assertIn("no token", process.stderr)

    def test_every_example_is_built_against_it_and_does_what_it_says(self):
        names = {path.stem for path in self.examples.glob("*.c")}
        self.assertEqual(names, {name[4:] for name in dir(self) if name.startswith("see_")})
        for name in names:
            self.assertLess(len((self.examples / f"{name}.c").read_text().splitlines()), 150, name)
        settings = {"group.initial.rebalance.delay.ms": 0, "offsets.topic.num.partitions": 2,
                    "transaction.state.log.num.partitions": 2,
                    "transaction.state.log.min.isr": 1, "num.partitions": PARTITIONS}
        with BrokerCluster(1, settings=settings) as type(self).cluster:
            for topic in ("lines", "read", "stamped", "doubled", "in", "out", "keyed", "work",
                          "work.retry-1", "work.retry-2", "work.retry-3", "work.dead-letter",
                          "tokens"):
                self.cluster.create_topic(topic, PARTITIONS, 1)
            for name in sorted(names):
                with self.subTest(name):
                    getattr(self, f"see_{name}")()

    def test_a_cmake_project_finds_the_package(self):
        user = self.folder / "user"
        user.mkdir()
        (user / "CMakeLists.txt").write_text(CMAKE)
        shutil.copy(self.examples / "produce.c", user)
        run("cmake", "-G", "Ninja", "-S", user, "-B", user / "build",
            f"-DCMAKE_PREFIX_PATH={self.prefix}",
            f"-DCMAKE_C_FLAGS={' '.join(FLAGS)}")
        run("cmake", "--build", user / "build")

    def test_the_library_shows_public_names_only(self):
        names = run("nm", "-D", "--defined-only", self.prefix / "lib/libbarnabas.so").split("\n")
        shown = {line.split()[-1].split("@")[0] for line in names if line}
        self.assertIn("barnabas_consumer_subscribe", shown)
        self.assertEqual({name for name in shown if not name.lower().startswith("barnabas_")}, set())


if __name__ == "__main__":
    unittest.main()
