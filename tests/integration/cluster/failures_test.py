"""What happens to brokers in practice, under a load of acks=all: they bounce faster than anybody
notices, sleep and wake as leaders and controllers of the past, come back with an empty disk or with
data of long ago, and all sessions end at once. Nothing that was acknowledged is lost."""
import shutil
import signal
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from steady_load import SteadyLoad

PARTITIONS = 3
SESSION_MS = 2000
PATIENCE_SECONDS = 60


class FailuresTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings={"zookeeper.session.timeout.ms": SESSION_MS,
                                                 "min.insync.replicas": 2})
        cls.enterClassContext(cls.cluster)

    def begin(self):
        """A topic and a load of this test's own."""
        self.topic = self.id().rsplit(".", 1)[-1][:40]
        self.cluster.create_topic(self.topic, PARTITIONS)
        self.cluster.wait_until_known(self.topic)
        return SteadyLoad(self.cluster, self.topic, PARTITIONS)

    def finish(self, load):
        self.assertEqual(load.problems, [])
        load.check_nothing_is_lost(self)

    def leader(self, asked=None):
        told = self.cluster.partitions(self.topic, asked and self.cluster.address(asked))
        return told[0]["leader"] if told else None

    def wait_until_whole(self):
        self.cluster.wait_until_whole()
        self.cluster.wait_until_in_sync(self.topic, PATIENCE_SECONDS)

    def logged(self, broker_id, event, since):
        return event in self.cluster.brokers[broker_id].output()[since:]

    def test_a_leader_bounces_faster_than_its_session_ends(self):
        with self.begin() as load:
            load.wait_for_more(PATIENCE_SECONDS)
            victim = self.leader()
            begun = len(self.cluster.brokers[victim].output())
            self.cluster.kill(victim)
            self.cluster.start_broker(victim)
            wait_until(lambda: self.logged(victim, " broker_started ", begun), PATIENCE_SECONDS,
                       "it is back")
            load.wait_for_more(PATIENCE_SECONDS)
            self.wait_until_whole()
        self.finish(load)

    def test_a_leader_and_controller_that_slept_is_not_believed(self):
        with self.begin() as load:
            load.wait_for_more(PATIENCE_SECONDS)
            zombie = wait_until(self.cluster.controller, PATIENCE_SECONDS, "a controller")
            other = next(broker for broker in self.cluster.brokers if broker != zombie)
            slept = len(self.cluster.brokers[zombie].output())
            self.cluster.brokers[zombie].signal(signal.SIGSTOP)
            try:
                wait_until(lambda: self.leader(other) not in (None, -1, zombie) and all(
                    told["leader"] != zombie for told in self.cluster.partitions(
                        self.topic, self.cluster.address(other)).values()),
                    PATIENCE_SECONDS, "others lead")
                # By the next controller, whom the zombie does not know.
                self.cluster.barnabas("topic", "create", "made-meanwhile", "--partitions", "1",
                                      "--replication-factor", "2",
                                      bootstrap=self.cluster.address(other))
                load.wait_for_more(PATIENCE_SECONDS)
            finally:
                self.cluster.brokers[zombie].signal(signal.SIGCONT)
            wait_until(lambda: self.logged(zombie, " controller_term_ended ", slept),
                       PATIENCE_SECONDS, "it knows that it is not the controller")
            self.wait_until_whole()
            wait_until(lambda: self.cluster.partitions("made-meanwhile",
                                                       self.cluster.address(zombie)),
                       PATIENCE_SECONDS, "it knows what was done meanwhile")
            load.wait_for_more(PATIENCE_SECONDS)
        self.finish(load)

    def test_all_sessions_end_at_once(self):
        with self.begin() as load:
            load.wait_for_more(PATIENCE_SECONDS)
            begun = {broker.id: len(broker.output()) for broker in self.cluster.brokers.values()}
            zookeeper = KazooClient(self.cluster.zookeeper.connect)
            zookeeper.start()
            try:
                for broker in self.cluster.brokers.values():
                    broker.signal(signal.SIGSTOP)
                wait_until(lambda: not zookeeper.get_children("/brokers/ids"), PATIENCE_SECONDS,
                           "all sessions have ended")
            finally:
                for broker in self.cluster.brokers.values():
                    broker.signal(signal.SIGCONT)
                zookeeper.stop()
                zookeeper.close()
            for broker in begun:
                wait_until(lambda b=broker: self.logged(b, " broker_registered ", begun[b]),
                           PATIENCE_SECONDS, f"broker {broker} has registered anew")
            self.wait_until_whole()
            load.wait_for_more(PATIENCE_SECONDS)
        self.finish(load)

    def replace_disk(self, load, victim, backup=None):
        """Killed, and back with another disk before its session ends."""
        data = self.cluster.brokers[victim].folder / "data"
        self.cluster.kill(victim)
        shutil.rmtree(data)
        if backup is not None:
            backup.rename(data)
        self.cluster.start_broker(victim)
        self.wait_until_whole()
        load.wait_for_more(PATIENCE_SECONDS)

    def test_a_broker_comes_back_with_data_of_long_ago_and_with_an_empty_disk(self):
        """In both cases it must not count until it has everything again."""
        with self.begin() as load:
            victim = next(broker for broker in self.cluster.brokers if broker != self.leader())
            data = self.cluster.brokers[victim].folder / "data"
            load.wait_for_more(PATIENCE_SECONDS)
            self.assertEqual(self.cluster.stop(victim), 0)
            shutil.copytree(data, data.with_name("backup"))
            self.cluster.start_broker(victim)
            self.wait_until_whole()
            load.wait_for_more(PATIENCE_SECONDS)
            self.replace_disk(load, victim, data.with_name("backup"))
            self.replace_disk(load, victim)
        # It alone must have everything.
        self.cluster.barnabas("partition", "reassign", self.topic, "--to", str(victim), "--wait")
        self.finish(load)


if __name__ == "__main__":
    unittest.main()
