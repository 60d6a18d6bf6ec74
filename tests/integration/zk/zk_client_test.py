"""The session over libzookeeper_mt (zk-schema/zk_client.c) and the broker's registration, against
a real ZooKeeper, with connections that are cut, servers that restart and sessions that expire."""
import logging
import os
import queue
import socket
import subprocess
import threading
import time
import unittest

from kazoo.client import KazooClient
from kazoo.exceptions import NoNodeError

from tcp_proxy import TcpProxy
from zookeeper_server import ZookeeperServer, free_port

DRIVER = os.path.join(os.environ["BARNABAS_BUILD"], "tests/integration/zk_driver")
TICK_MS = 200  # sessions of 400 to 4000 ms
SESSION_MS = 1200
LONG_SESSION_MS = 60000  # for a restart of the server, however long that takes
WAIT_SECONDS = 30


class Driver:
    """The process tests/integration/zk/zk_driver.c."""

    def __init__(self, connect, *auth, timeout_ms=SESSION_MS):
        self.process = subprocess.Popen([DRIVER, connect, str(timeout_ms), *auth], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        self.lines = queue.Queue()
        self.seen = []
        self.errors = []
        self.tags = 0
        self.threads = [threading.Thread(target=self._read, daemon=True),
                        threading.Thread(target=self._read_errors, daemon=True)]
        for thread in self.threads:
            thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n").rstrip(" "))

    def _read_errors(self):
        for line in self.process.stderr:
            self.errors.append(line)

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def expect(self, start, seconds=WAIT_SECONDS):
        """The next line that begins with `start`; those before it are kept in `seen`."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no line {start!r}; last: {self.seen[-10:]}; "
                                     f"log: {''.join(self.errors[-20:])}") from None
            if line.startswith(start):
                return line
            self.seen.append(line)

    def ask(self, command):
        """Sends "VERB REST" with a tag and returns the words of its answer."""
        self.tags += 1
        tag = f"t{self.tags}"
        verb, _, rest = command.partition(" ")
        self.tell(f"{verb} {tag} {rest}")
        return self.expect(f"done {tag} ").split(" ")[2:]

    def ask_once_connected(self, command):
        """Repeats while the outcome is unknown, as every user of a session must."""
        while True:
            words = self.ask(command)
            if words[0] != "ZK_OUTCOME_UNKNOWN":
                return words

    def state(self):
        self.tell("state")
        return dict(word.split("=") for word in self.expect("state ").split(" ")[1:])

    def close(self):
        self.tell("close")
        return self.wait_closed()

    def wait_closed(self):
        line = self.expect("closed ")
        status = self.process.wait(WAIT_SECONDS)
        self.end()
        if status != 0:
            raise AssertionError(f"the driver ended with {status}: {''.join(self.errors[-40:])}")
        return dict(word.split("=") for word in line.split(" ")[1:])

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for thread in self.threads:
            thread.join()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()


class ZkTest(unittest.TestCase):
    server_settings = None

    @classmethod
    def setUpClass(cls):
        cls.zookeeper = ZookeeperServer(tick_ms=TICK_MS, settings=cls.server_settings)
        cls.addClassCleanup(cls.zookeeper.remove)
        cls.zookeeper.start()

    def setUp(self):
        self.kazoo = KazooClient(self.zookeeper.connect)
        self.kazoo.start()
        self.addCleanup(self.kazoo.close)
        self.addCleanup(self.kazoo.stop)
        self.root = f"/test-{self._testMethodName}"
        self.kazoo.ensure_path(self.root)

    def open(self, connect=None, *auth, new=True, **options):
        connect = self.zookeeper.connect if connect is None else connect
        driver = Driver(connect, *auth, **options)
        self.addCleanup(driver.end)
        if new:
            driver.expect("session NEW")
        return driver

    def proxy(self):
        proxy = TcpProxy(("127.0.0.1", self.zookeeper.port))
        self.addCleanup(proxy.close)
        return proxy

    def wait_until(self, condition, what):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            self.assertLess(time.monotonic(), deadline, f"never happened: {what}")
            time.sleep(0.02)


class Requests(ZkTest):
    def test_every_kind_of_request_does_what_it_says(self):
        driver, node = self.open(), f"{self.root}/node"
        self.assertEqual(driver.ask(f"create {node} p hello")[0::4], ["NONE", f"created={node}"])
        self.assertEqual(driver.ask(f"create {node} p hello")[0], "ZK_NODE_EXISTS")
        self.assertEqual(driver.ask(f"set {node} 0 world")[:2], ["NONE", "version=1"])
        self.assertEqual(driver.ask(f"set {node} 0 world")[0], "ZK_BAD_VERSION")
        self.assertEqual(driver.ask(f"get {node}")[-1], "data=world")
        self.assertEqual(driver.ask(f"exists {node}")[:2], ["NONE", "version=1"])
        self.assertEqual(driver.ask(f"children {self.root}")[-1], "children=node")
        self.assertEqual(driver.ask(f"sync {self.root}")[0], "NONE")
        self.assertEqual(driver.ask(f"remove {self.root} -1")[0], "ZK_NOT_EMPTY")
        self.assertEqual(driver.ask(f"remove {node} 1")[0], "NONE")
        self.assertEqual(driver.ask(f"get {node}")[0], "ZK_NO_NODE")
        self.assertEqual(driver.ask(f"create {node}/below p x")[0], "ZK_NO_NODE")

    def test_null_data_is_null_and_not_empty(self):
        driver = self.open()
        driver.ask(f"create {self.root}/null p -")
        self.kazoo.create(f"{self.root}/empty", b"")
        self.assertFalse(any(w.startswith("data=") for w in driver.ask(f"get {self.root}/null")))
        self.assertEqual(driver.ask(f"get {self.root}/empty")[-1], "data=")

    def test_sequential_znodes_tell_their_number(self):
        driver = self.open()
        self.assertEqual(driver.ask(f"create {self.root}/n_ s x")[-1],
                         f"created={self.root}/n_0000000000")
        self.assertEqual(driver.ask(f"multi create:{self.root}/n_:s:x")[-1],
                         f"ops=NONE:{self.root}/n_0000000001")

    def test_a_multi_gives_a_result_per_operation(self):
        driver, a, b = self.open(), f"{self.root}/a", f"{self.root}/b"
        words = driver.ask(f"multi create:{a}:p:1 set:{a}:0:2 create:{b}:e:- check:{a}:1 "
                           f"delete:{b}:-1")
        self.assertEqual(words[0], "NONE")
        self.assertEqual(words[-1], f"ops=NONE:{a},NONE:1,NONE:{b},NONE,NONE")

    def test_a_failed_multi_names_the_operation_and_changes_nothing(self):
        driver, a = self.open(), f"{self.root}/a"
        driver.ask(f"create {a} p 1")
        words = driver.ask(f"multi create:{self.root}/x:p:1 check:{a}:7 set:{a}:0:2")
        self.assertEqual(words[0], "ZK_BAD_VERSION")
        self.assertEqual(words[-1], "ops=NONE,ZK_BAD_VERSION,ZK_NOT_ATTEMPTED")
        words = driver.ask(f"multi check:{a}:7 set:{a}:0:2")
        self.assertEqual(words[-1], "ops=ZK_BAD_VERSION,ZK_NOT_ATTEMPTED")
        words = driver.ask(f"multi create:{a}:p:1")
        self.assertEqual((words[0], words[-1]), ("ZK_NODE_EXISTS", "ops=ZK_NODE_EXISTS"))
        self.assertIsNone(self.kazoo.exists(f"{self.root}/x"))

    def test_ten_thousand_requests_are_pipelined_and_answered_in_order(self):
        driver = self.open()
        began = time.monotonic()
        self.assertEqual(driver.ask(f"pipeline 5000 {self.root}"), ["NONE", "in_order=yes"])
        self.assertLess(time.monotonic() - began, 20)

    def test_a_request_that_zookeeper_would_choke_on_is_refused_alone(self):
        driver = self.open()
        self.assertEqual(driver.ask(f"big {self.root} 1039000")[0], "NONE")
        self.assertEqual(driver.ask(f"big {self.root} 1048000")[0], "ZK_REFUSED")
        self.assertEqual(driver.ask(f"exists {self.root}")[0], "NONE")
        self.assertNotIn("session DISCONNECTED", driver.seen)

    def test_bad_paths_are_refused(self):
        self.assertEqual(self.open().ask("get no-slash")[0], "ZK_REFUSED")


class Watches(ZkTest):
    server_settings = {"maxSessionTimeout": LONG_SESSION_MS}

    def test_each_kind_of_watch_fires_once(self):
        driver, a = self.open(), f"{self.root}/a"
        self.assertEqual(driver.ask(f"exists {a} watch")[0], "ZK_NO_NODE")
        driver.ask(f"children {self.root} watch")
        self.kazoo.create(a, b"1")
        self.assertEqual(sorted([driver.expect("watch"), driver.expect("watch")]),
                         [f"watch CHILDREN {self.root}", f"watch CREATED {a}"])
        driver.ask(f"get {a} watch")
        self.kazoo.set(a, b"2")
        driver.expect(f"watch DATA {a}")
        self.kazoo.set(a, b"3")
        driver.ask(f"get {a} watch")
        self.kazoo.delete(a)
        driver.expect(f"watch DELETED {a}")
        self.assertEqual(driver.state()["watched"], "4")

    def test_the_event_comes_before_the_answer_that_shows_the_change(self):
        driver, a = self.open(), f"{self.root}/a"
        driver.ask(f"create {a} p old")
        driver.ask(f"get {a} watch")
        driver.tell(f"set s {a} -1 new")
        driver.tell(f"get g {a}")
        driver.expect(f"watch DATA {a}")
        driver.expect("done g NONE")
        self.assertFalse(any(line.startswith("done g") for line in driver.seen))

    def test_a_thousand_watches_survive_a_restart_of_the_server(self):
        driver = self.open(timeout_ms=LONG_SESSION_MS)
        session = driver.state()["session"]
        self.assertEqual(driver.ask(f"watches 1000 {self.root}")[0], "NONE")
        self.zookeeper.restart()
        driver.expect("session DISCONNECTED")
        driver.expect("session RECONNECTED")
        self.assertEqual(driver.state()["session"], session)
        self.wait_until(lambda: int(self.zookeeper.monitor()["zk_watch_count"]) >= 1000,
                        "the server knows the watches again")
        self.kazoo.stop()
        self.kazoo.start()
        for number in range(1000):
            self.kazoo.set_async(f"{self.root}/{number:04}", b"changed")
        self.wait_until(lambda: driver.state()["watched"] == "1000", "all watches fired")

    def test_changes_made_while_disconnected_are_told_on_reconnection(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect, timeout_ms=4000)
        driver.ask(f"create {self.root}/a p 1")
        driver.ask(f"get {self.root}/a watch")
        driver.ask(f"exists {self.root}/b watch")
        proxy.cut()
        driver.expect("session DISCONNECTED")
        self.kazoo.set(f"{self.root}/a", b"2")
        self.kazoo.create(f"{self.root}/b")
        proxy.restore()
        events = {driver.expect("watch"), driver.expect("watch")}
        self.assertEqual(events, {f"watch DATA {self.root}/a", f"watch CREATED {self.root}/b"})


class Sessions(ZkTest):
    def test_the_server_bounds_the_timeout(self):
        self.assertEqual(self.open(timeout_ms=60000).state()["timeout"], str(20 * TICK_MS))
        self.assertEqual(self.open(timeout_ms=100).state()["timeout"], str(2 * TICK_MS))

    def test_requests_before_the_first_session_say_that_there_is_none(self):
        driver = self.open(f"127.0.0.1:{free_port()}", new=False)
        self.assertEqual(driver.ask("get /")[0], "ZK_SESSION_EXPIRED")
        self.assertEqual(driver.state(), {"session": "0", "timeout": "0", "watched": "0",
                                          "deadline": "no_session"})
        driver.close()

    def test_a_name_that_does_not_resolve_is_tried_again(self):
        driver = self.open("does-not-exist.invalid:2181", new=False)
        self.wait_until(lambda: any("zookeeper_not_opened" in line for line in driver.errors),
                        "the failure is logged")
        driver.close()

    def test_a_server_that_comes_later_is_found(self):
        with ZookeeperServer(tick_ms=TICK_MS) as later:
            later.stop()
            with socket.create_server(("127.0.0.1", later.port)) as refuser:
                driver = self.open(later.connect, "user:secret", "set_acl", new=False)
                for _ in range(3):  # attempts to connect fail meanwhile
                    refuser.accept()[0].close()
            later.start()
            driver.expect("session NEW")
            # The credentials must have been taken in spite of the failures.
            self.assertEqual(driver.ask_once_connected("create /a p x")[0], "NONE")
            driver.close()

    def test_a_lost_connection_is_regained_within_the_session(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect, timeout_ms=4000)
        session = driver.state()["session"]
        driver.ask(f"create {self.root}/e e x")
        self.assertEqual(driver.state()["deadline"], "none")
        proxy.cut()
        driver.expect("session DISCONNECTED")
        self.assertEqual(driver.state()["deadline"], "ahead")
        self.assertEqual(driver.ask(f"get {self.root}/e")[0], "ZK_OUTCOME_UNKNOWN")
        self.wait_until(lambda: driver.state()["deadline"] == "past", "the deadline passes")
        proxy.restore()
        driver.expect("session RECONNECTED")
        self.assertEqual(driver.state()["session"], session)
        self.assertEqual(driver.state()["deadline"], "none")
        self.assertIn(f"owner={session}", driver.ask(f"exists {self.root}/e"))

    def test_what_was_under_way_when_the_connection_fell_silent_is_unknown(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect)
        proxy.silence()
        self.assertIn(driver.ask(f"create {self.root}/a p x")[0],
                      ("ZK_OUTCOME_UNKNOWN", "ZK_SESSION_EXPIRED"))

    def test_an_expired_session_is_followed_by_a_new_one(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect)
        old = driver.state()["session"]
        driver.ask(f"create {self.root}/e e x")
        driver.ask(f"exists {self.root} watch")
        for _ in range(3):
            proxy.silence()
            self.wait_until(lambda: self.kazoo.exists(f"{self.root}/e") is None, "it expires")
            proxy.restore()
            driver.expect("session EXPIRED")
            driver.expect("session NEW")
            new = driver.state()["session"]
            self.assertNotIn(new, (old, "0"))
            self.assertEqual(driver.ask(f"create {self.root}/e e x")[0], "NONE")
            old = new
        self.kazoo.set(self.root, b"x")
        driver.ask(f"sync {self.root}")
        self.assertEqual(driver.state()["watched"], "0")  # the watch went with its session
        driver.close()

    def test_a_multi_in_the_moment_in_which_the_session_is_found_to_be_over(self):
        # The library knows it already, and its user does not yet.
        proxy = self.proxy()
        driver = self.open(proxy.connect)
        driver.ask(f"create {self.root}/e e x")
        proxy.cut()
        self.wait_until(lambda: self.kazoo.exists(f"{self.root}/e") is None, "it expires")
        checks = " ".join(f"check:{self.root}/{letter}:0" for letter in "abcdefgh")
        driver.tell(f"hold multi m {checks}")
        proxy.restore()
        self.wait_until(lambda: any("has expired" in line for line in driver.errors),
                        "the library knows")
        driver.tell("state")
        self.assertEqual(driver.expect("done m").split()[2], "ZK_SESSION_EXPIRED")
        driver.expect("session NEW")
        self.assertEqual(driver.ask(f"multi {checks}")[0], "ZK_NO_NODE")
        driver.close()

    def test_a_multi_without_a_connection_is_carried_out_or_unknown(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect, timeout_ms=4000)
        proxy.cut()
        driver.expect("session DISCONNECTED")
        self.assertEqual(driver.ask(f"multi create:{self.root}/a:p:1 create:{self.root}/b:p:1")[0],
                         "ZK_OUTCOME_UNKNOWN")
        driver.tell(f"multi m create:{self.root}/a:p:1 create:{self.root}/b:p:1")
        proxy.restore()
        driver.expect("session RECONNECTED")
        if driver.expect("done m").split()[2] == "NONE":
            self.assertEqual(sorted(self.kazoo.get_children(self.root)), ["a", "b"])
        driver.close()

    def test_closing_ends_the_session_at_once(self):
        driver = self.open(timeout_ms=4000)
        driver.ask(f"create {self.root}/e e x")
        driver.close()
        self.assertIsNone(self.kazoo.exists(f"{self.root}/e"))

    def test_closing_ends_the_session_at_once_though_answers_are_on_their_way(self):
        for _ in range(10):
            driver = self.open(timeout_ms=4000)
            driver.ask(f"create {self.root}/e e x")
            driver.tell(f"flood f 3000 {self.root}\nclose")
            driver.wait_closed()
            self.assertIsNone(self.kazoo.exists(f"{self.root}/e"))

    def test_closing_answers_every_request_exactly_once(self):
        driver = self.open()
        driver.tell(f"flood f 3000 {self.root}\nclose")
        counts = driver.wait_closed()
        self.assertEqual(int(counts["cancelled"]) + int(counts["answered"]), 3000)
        self.assertGreater(int(counts["cancelled"]), 0)

    def test_closing_while_disconnected_does_not_hang(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect)
        proxy.silence()
        driver.tell(f"flood f 100 {self.root}")
        began = time.monotonic()
        counts = driver.close()
        self.assertEqual(int(counts["cancelled"]) + int(counts["answered"]), 100)
        self.assertLess(time.monotonic() - began, 10)

    def test_a_malformed_connect_string_is_refused(self):
        for connect in ("", "/only/chroot", "h:1/a//b", "h:1/a/"):
            with self.subTest(connect=connect):
                self.open(connect, new=False).expect("not opened")


class Chroot(ZkTest):
    def test_a_missing_chroot_is_made_and_paths_are_below_it(self):
        driver = self.open(f"{self.zookeeper.connect}{self.root}/a/b")
        self.assertEqual(driver.ask("create /x s hello")[-1], "created=/x0000000000")
        self.assertEqual(self.kazoo.get(f"{self.root}/a/b/x0000000000")[0], b"hello")
        self.assertEqual(driver.ask("multi create:/y:s:1 create:/z:p:2")[-1],
                         "ops=NONE:/y0000000001,NONE:/z")
        driver.ask("get /z watch")
        driver.ask("children / watch")
        self.kazoo.set(f"{self.root}/a/b/z", b"3")
        driver.expect("watch DATA /z")
        self.kazoo.create(f"{self.root}/a/b/more")
        driver.expect("watch CHILDREN /")

    def test_a_chroot_may_have_the_name_of_what_is_below_it(self):
        driver = self.open(f"{self.zookeeper.connect}/brokers")
        self.assertEqual(driver.ask("create /brokers p -")[-1], "created=/brokers")
        self.assertEqual(driver.ask("create /brokers/ids p -")[-1], "created=/brokers/ids")
        driver.ask("exists /brokers/ids/1 watch")
        driver.tell("multi m create:/brokers/ids/1:p:-")
        driver.expect("watch CREATED /brokers/ids/1")
        self.assertTrue(driver.expect("done m").endswith("ops=NONE:/brokers/ids/1"))

    def test_a_chroot_of_only_a_slash_is_none(self):
        driver = self.open(f"{self.zookeeper.connect}/")
        self.assertEqual(driver.ask(f"exists {self.root}")[0], "NONE")

    def test_the_chroot_is_made_when_the_server_comes_later(self):
        with ZookeeperServer(tick_ms=TICK_MS) as later:
            later.stop()
            driver = self.open(f"{later.connect}/late", new=False)
            later.start()
            driver.expect("session NEW")
            self.assertEqual(driver.ask("create /x p -")[0], "NONE")
            driver.close()


class Access(ZkTest):
    def acl(self, path):
        return {(entry.id.scheme, entry.perms) for entry in self.reader.get_acls(path)[0]}

    def setUp(self):
        super().setUp()
        self.reader = KazooClient(self.zookeeper.connect, auth_data=[("digest", "broker:secret")])
        self.reader.start()
        self.addCleanup(self.reader.close)
        self.addCleanup(self.reader.stop)

    def test_without_acls_anyone_may_do_anything(self):
        self.open().ask(f"create {self.root}/open p x")
        self.assertEqual(self.acl(f"{self.root}/open"), {("world", 31)})

    def test_znodes_belong_to_their_creator_and_secrets_are_not_readable(self):
        chroot = f"{self.zookeeper.connect}{self.root}/secured"
        driver = self.open(chroot, "broker:secret", "set_acl")
        for path in ("/consumers", "/brokers", "/config", "/config/users", "/config/users/alice",
                     "/config/brokers", "/config/topics", "/delegation_token",
                     "/delegation_token/tokens"):
            self.assertEqual(driver.ask(f"create {path} p x")[0], "NONE", path)
        driver.ask("multi create:/brokers/one:p:x create:/config/users/bob:p:x")
        readable, secret = {("digest", 31), ("world", 1)}, {("digest", 31)}
        for path, expected in (("", readable), ("/consumers", {("world", 31)}),
                               ("/brokers", readable), ("/brokers/one", readable),
                               ("/config/topics", readable), ("/config/users", secret),
                               ("/config/users/alice", secret), ("/config/users/bob", secret),
                               ("/config/brokers", secret),
                               ("/delegation_token/tokens", secret)):
            self.assertEqual(self.acl(f"{self.root}/secured{path}"), expected, path)
        stranger = self.open(chroot)
        self.assertEqual(stranger.ask("get /brokers/one")[0], "NONE")
        self.assertEqual(stranger.ask("set /brokers/one -1 y")[0], "ZK_NO_AUTH")
        self.assertEqual(stranger.ask("get /config/users/alice")[0], "ZK_NO_AUTH")

    def test_credentials_are_given_again_after_a_reconnection_and_in_a_new_session(self):
        proxy = self.proxy()
        driver = self.open(proxy.connect, "broker:secret", "set_acl")
        driver.ask(f"create {self.root}/a p x")
        driver.ask(f"create {self.root}/e e x")
        proxy.cut()
        driver.expect("session DISCONNECTED")
        proxy.restore()
        self.assertEqual(driver.ask_once_connected(f"set {self.root}/a -1 y")[0], "NONE")
        proxy.silence()
        self.wait_until(lambda: self.kazoo.exists(f"{self.root}/e") is None, "it expires")
        proxy.restore()
        driver.expect("session NEW")
        self.assertEqual(driver.ask_once_connected(f"set {self.root}/a -1 z")[0], "NONE")


class Registration(ZkTest):
    def setUp(self):
        super().setUp()
        self.kazoo.ensure_path(f"{self.root}/brokers/ids")
        self.kazoo.ensure_path(f"{self.root}/barnabas/registrations")
        self.chroot = self.root
        self.path = f"{self.root}/brokers/ids/7"

    def connect(self, to=None):
        return f"{(to or self.zookeeper).connect}{self.chroot}"

    def registered(self, driver):
        epoch = int(driver.expect("registered").split(" ")[1])
        data, stat = self.kazoo.get(self.path)
        self.assertEqual(epoch, stat.czxid)
        self.assertEqual(str(stat.ephemeralOwner), driver.state()["session"])
        return epoch, data, stat

    def test_a_broker_registers_and_its_epoch_is_the_czxid(self):
        driver = self.open(self.connect())
        driver.tell("register 7 hello")
        _, data, stat = self.registered(driver)
        self.assertEqual((data, stat.version), (b"hello", 1))
        driver.close()
        self.assertIsNone(self.kazoo.exists(self.path))

    def test_a_new_session_registers_anew_with_a_larger_epoch(self):
        proxy = self.proxy()
        driver = self.open(self.connect(proxy))
        driver.tell("register 7 hello")
        before, _, _ = self.registered(driver)
        proxy.silence()
        self.wait_until(lambda: self.kazoo.exists(self.path) is None, "it expires")
        proxy.restore()
        driver.expect("session NEW")
        after, _, _ = self.registered(driver)
        self.assertGreater(after, before)

    def test_a_reconnection_does_not_register_again(self):
        proxy = self.proxy()
        driver = self.open(self.connect(proxy), timeout_ms=4000)
        driver.tell("register 7 hello")
        _, _, before = self.registered(driver)
        proxy.cut()
        driver.expect("session DISCONNECTED")
        proxy.restore()
        driver.expect("session RECONNECTED")
        driver.ask_once_connected("sync /")
        self.assertFalse(any(line.startswith("registered") for line in driver.seen))
        self.assertEqual(self.kazoo.exists(self.path), before)

    def test_a_registration_cut_off_half_way_is_settled_after_the_reconnection(self):
        proxy = self.proxy()
        driver = self.open(self.connect(proxy), timeout_ms=4000)
        proxy.silence()
        driver.tell("register 7 hello")
        driver.state()  # the command has been read
        proxy.restore()
        self.registered(driver)

    def test_the_leftover_of_an_own_former_session_is_replaced(self):
        driver = self.open(self.connect())
        driver.tell("register 7 hello")
        before, _, stat = self.registered(driver)
        driver.tell("adopt")
        driver.expect("session NEW")
        after, _, now = self.registered(driver)
        self.assertGreater(after, before)
        self.assertNotEqual(now.ephemeralOwner, stat.ephemeralOwner)
        driver.close()

    def test_a_killed_broker_waits_for_its_own_old_znode_and_registers(self):
        first = self.open(self.connect(), timeout_ms=2000)
        first.tell("register 7 first")
        before, _, _ = self.registered(first)
        first.end()  # kill -9: the session lives on for its timeout
        second = self.open(self.connect(), timeout_ms=2000)
        second.tell("register 7 second")
        after, data, _ = self.registered(second)
        self.assertGreater(after, before)
        self.assertEqual(data, b"second")

    def test_a_second_live_broker_with_the_same_id_is_refused(self):
        first = self.open(self.connect())
        first.tell("register 7 first")
        self.registered(first)
        second = self.open(self.connect())
        began = time.monotonic()
        second.tell("register 7 second")
        second.expect("refused DUPLICATE_BROKER_REGISTRATION")
        waited = time.monotonic() - began
        self.assertGreater(waited, SESSION_MS / 1000)
        self.assertLess(waited, 2 * SESSION_MS / 1000 + 5)
        self.assertEqual(self.kazoo.get(self.path)[0], b"first")

    def test_a_persistent_znode_in_its_place_is_never_deleted(self):
        self.kazoo.create(self.path, b"by hand")
        driver = self.open(self.connect())
        driver.tell("register 7 hello")
        driver.expect("refused DUPLICATE_BROKER_REGISTRATION")
        self.assertEqual(self.kazoo.get(self.path)[0], b"by hand")

    def test_missing_parents_are_a_refusal(self):
        self.kazoo.delete(f"{self.root}/brokers", recursive=True)
        driver = self.open(self.connect())
        driver.tell("register 7 hello")
        driver.expect("refused ZK_NO_NODE")
        with self.assertRaises(NoNodeError):
            self.kazoo.get(self.path)


if __name__ == "__main__":
    logging.getLogger("kazoo").setLevel(logging.CRITICAL)  # it is the servers that we break
    unittest.main(verbosity=2)
