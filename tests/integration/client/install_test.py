"""What `cmake --install` gives a user: the examples are built against it by pkg-config, with the
shared library and with the archive, and by a CMake package; and they do what they say."""
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from broker_cluster import BUILD, BrokerCluster

SANITIZE = os.environ.get("BARNABAS_SANITIZE", "")
FLAGS = [f"-fsanitize={SANITIZE}"] if SANITIZE else []
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

    def test_examples_send_and_receive(self):
        lines = [f"key{i % 7}=value{i}" for i in range(100)]
        with BrokerCluster(1, settings={"group.initial.rebalance.delay.ms": 0}) as cluster:
            cluster.create_topic("t", 4, 1)
            sent = run(self.build("produce"), cluster.bootstrap, "t", env=self.environment,
                       input="".join(line + "\n" for line in lines))
            self.assertEqual(sent.count("t:"), 100)
            consume = self.build("consume_group", static=True)
            got = run(consume, cluster.bootstrap, "g", "t", 100, env=self.environment)
            self.assertEqual(sorted(got.split()), sorted(f"value{i}" for i in range(100)))
            command = self.prefix / "bin/barnabas"
            lag = run(command, "-b", cluster.bootstrap, "group", "lag", "g")
            self.assertIn("lag of all 0", lag)

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
