"""A real ZooKeeper server for tests: Debian's package, a data directory and ports of its own.

    with ZookeeperServer() as zookeeper:
        ... zookeeper.connect ...            # "127.0.0.1:40123"
        zookeeper.restart()                  # same data, same port
        zookeeper.words("wchs")              # the answer to a four-letter word

Everything it writes is in one temporary folder, which goes with it unless `keep` is set. The
server listens on the loopback interface only and is ended by its process id.
"""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

JAR = "/usr/share/java/zookeeper.jar"  # its manifest names the jars it needs
START_SECONDS = 60
PROBE_SECONDS = 0.5
LOG_PROPERTIES = """\
log4j.rootLogger=WARN, FILE
log4j.logger.org.apache.zookeeper.server.ZooKeeperServer=INFO
log4j.appender.FILE=org.apache.log4j.FileAppender
log4j.appender.FILE.File={folder}/server.log
log4j.appender.FILE.layout=org.apache.log4j.PatternLayout
log4j.appender.FILE.layout.ConversionPattern=%d %-5p %c{{1}} %m%n
"""


_claims = []  # of the ports that this process was given


def free_port():
    """A port that is the caller's until this process ends, also while no server listens at it: no
    other test is given it, and no outgoing connection, as those have a range of their own. The
    claim is a socket with the port in its name, which only one process at a time can have."""
    outgoing = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(outgoing // 2, outgoing)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0barnabas-test-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port


class ZookeeperServer:
    def __init__(self, tick_ms=500, port=None, admin_port=None, heap_mb=256, settings=None,
                 folder=None, keep=False):
        """Sessions last between 2 and 20 ticks, whatever a client asks for. `admin_port`: the
        HTTP admin server, off by default. `settings`: more lines of zoo.cfg, as a dict."""
        self.port = port or free_port()
        self.tick_ms = tick_ms
        self.admin_port = admin_port
        self.heap_mb = heap_mb
        self.settings = settings or {}
        self.keep = keep or folder is not None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="barnabas-zookeeper-"))
        self.process = None

    @property
    def connect(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.remove()

    def start(self):
        """Returns when the server answers."""
        if not os.path.exists(JAR):
            raise RuntimeError(f"{JAR} is missing: apt-get install zookeeper")
        self._write_config()
        command = ["java", f"-Xmx{self.heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                   "-Dzookeeper.jmx.log4j.disable=true",
                   # The machine outlives the test: what was written is there, also without fsync.
                   "-Dzookeeper.forceSync=no", "-Dzookeeper.preAllocSize=1024",
                   "-cp", f"{self.folder}:{JAR}",
                   "org.apache.zookeeper.server.quorum.QuorumPeerMain", f"{self.folder}/zoo.cfg"]
        with open(self.folder / "server.out", "ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=out)
        self._wait_until_it_answers()

    def _write_config(self):
        config = {
            "tickTime": self.tick_ms,
            "dataDir": self.folder / "data",
            "clientPort": self.port,
            "clientPortAddress": "127.0.0.1",
            "maxClientCnxns": 0,
            "4lw.commands.whitelist": "*",
            "admin.enableServer": "true" if self.admin_port else "false",
            **({"admin.serverPort": self.admin_port, "admin.serverAddress": "127.0.0.1"}
               if self.admin_port else {}),
            **self.settings,
        }
        text = "".join(f"{key}={value}\n" for key, value in config.items())
        (self.folder / "data").mkdir(exist_ok=True)
        (self.folder / "zoo.cfg").write_text(text)
        (self.folder / "log4j.properties").write_text(LOG_PROPERTIES.format(folder=self.folder))

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"ZooKeeper ended at once:\n{self.output()}")
            try:
                # A connection that comes while the server starts may never be answered.
                if self.words("ruok", PROBE_SECONDS) == "imok" and "not currently serving" \
                        not in self.words("mntr", PROBE_SECONDS):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"ZooKeeper does not answer:\n{self.output()}")

    def output(self):
        return "".join((self.folder / name).read_text(errors="replace")
                       for name in ("server.out", "server.log")
                       if (self.folder / name).exists())[-8000:]

    def words(self, word, timeout=5):
        """The answer to a four-letter word: "mntr", "wchs", "wchp", "cons", "dump"..."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            connection.sendall(word.encode())
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer.decode()

    def monitor(self):
        """The numbers of "mntr" by name, such as zk_watch_count."""
        lines = (line.split("\t", 1) for line in self.words("mntr").splitlines())
        return {parts[0]: parts[1] for parts in lines if len(parts) == 2}

    def stop(self, kill=False):
        """Ends the process; the data stays for start()."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        self.process.wait(START_SECONDS)
        self.process = None

    def restart(self, kill=False):
        self.stop(kill)
        self.start()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def remove(self):
        self.stop(kill=True)
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)
