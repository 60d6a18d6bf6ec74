"""What three live brokers tell Prometheus: the format, and that the numbers are true."""
import socket
import time
import unittest

from kazoo.client import KazooClient

from broker_cluster import BrokerCluster, wait_until
from prometheus_text import Metrics
from steady_load import SteadyLoad
from transactions_wire import produce, write_markers

SETTINGS = {"barnabas.admin.listener": "127.0.0.1:0", "min.insync.replicas": 2,
            "log.cleaner.backoff.ms": 500, "transaction.partition.verification.enable": "false"}


def scrape(broker, path="/metrics"):
    status, text = broker.http(path)
    if status != 200:
        raise AssertionError(f"{path}: status {status}")
    return Metrics(text)


class MetricsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = BrokerCluster(3, settings=SETTINGS)
        cls.enterClassContext(cls.cluster)
        cls.cluster.create_topic("orders", partitions=4)
        cls.cluster.wait_until_known("orders")

    def total(self, name, **labels):
        return sum(scrape(broker).total(name, **labels)
                   for broker in self.cluster.brokers.values() if broker.is_running())

    def test_every_broker_tells_of_its_process(self):
        for broker in self.cluster.brokers.values():
            metrics = scrape(broker)
            self.assertAlmostEqual(metrics.value("process_resident_memory_bytes") / 1024,
                                   broker.resident_kib(), delta=20000)
            self.assertLess(abs(metrics.value("process_start_time_seconds") - time.time()), 600)
            self.assertGreater(metrics.value("process_cpu_seconds_total"), 0)
            self.assertGreater(metrics.value("process_open_fds"), 10)
            self.assertEqual(metrics.value("kafka_server_kafkaserver_brokerstate"), 3)
            self.assertEqual(metrics.total("barnabas_broker_info", broker=str(broker.id)), 1)
            self.assertEqual(metrics.value("kafka_broker_info", id=str(broker.id),
                                           address=broker.address), 1)
            self.assertEqual(metrics.value("barnabas_zk_connected"), 1)
            latency = "kafka_server_zookeeperclientmetrics_zookeeperrequestlatencyms"
            self.assertGreater(metrics.value(latency + "_count"), 5)
            self.assertTrue(0 < metrics.value(latency, quantile="0.99") < 60000)
            self.assertTrue(0 < metrics.value("barnabas_zk_session_seconds") < 3600)
            self.assertTrue(1 <= metrics.value("barnabas_zk_watches") < 20)
            self.assertGreater(metrics.value("barnabas_zk_bytes_total", direction="read"), 100)
            self.assertGreater(metrics.value("barnabas_zk_bytes_total", direction="written"), 100)
            self.assertEqual([state for _, state in metrics.series("barnabas_dir_state")], [1])
            self.assertLess(metrics.series_count(), 2000)

    def test_there_is_one_controller_and_it_tells_of_the_cluster(self):
        self.assertEqual(self.total("kafka_controller_kafkacontroller_activecontrollercount"), 1)
        partitions = self.total("kafka_controller_kafkacontroller_globalpartitioncount")
        self.assertGreaterEqual(partitions, 4)
        self.assertEqual(self.total("kafka_controller_kafkacontroller_activebrokercount"), 3)
        self.assertEqual(self.total("kafka_controller_kafkacontroller_offlinepartitionscount"), 0)
        self.assertEqual(self.total("kafka_server_replicamanager_leadercount"), partitions)
        self.assertEqual(self.total("kafka_server_replicamanager_partitioncount"), 3 * partitions)
        self.assertGreater(self.total("barnabas_zk_multi_size_sum"),
                           self.total("barnabas_zk_multi_size_count"))

    def test_the_controller_tells_what_it_did_and_that_it_is_idle(self):
        stats = "kafka_controller_controllerstats_"
        queue = "kafka_controller_controllereventmanager_"
        names = (stats + "topicchangerateandtimems", stats + "topicdeletionrateandtimems",
                 stats + "partitionreassignmentrateandtimems",
                 stats + "manualleaderbalancerateandtimems", queue + "eventqueueprocessingtimems")
        before = {name: self.total(name + "_count") for name in names}
        self.cluster.create_topic("brief", partitions=2)
        self.cluster.wait_until_known("brief")
        leader = self.cluster.partitions("brief")[0]["leader"]
        self.cluster.barnabas("leader", "move", "brief:0", "--to", str(leader % 3 + 1))
        self.cluster.barnabas("topic", "delete", "brief")
        for name in names:
            self.assertGreaterEqual(self.total(name + "_count") - before[name], 1, name)
            self.assertGreater(self.total(name + "_sum"), 0, name)
        # One was elected when the cluster began, and took its time.
        self.assertGreaterEqual(self.total(stats + "controllerchangerateandtimems_count"), 1)
        of_controller = "kafka_controller_kafkacontroller_"
        for name in ("controllerstate", "topicstodeletecount", "replicastodeletecount",
                     "topicsineligibletodeletecount", "replicasineligibletodeletecount",
                     "fencedbrokercount"):
            wait_until(lambda name=name: self.total(of_controller + name) == 0, 20, f"{name} is 0")
        self.assertEqual(self.total(queue + "eventqueuesize"), 0)
        self.check_terms()

    def check_terms(self):
        """Each broker that took office since its start tells how long that took, and of its steps."""
        for broker in self.cluster.brokers.values():
            page = scrape(broker)
            self.assertEqual(page.value("kafka_controller_kafkacontroller_zkmigrationstate"), 4)
            told = page.series("barnabas_controller_failover_seconds")
            self.assertEqual(len(told), page.value("barnabas_controller_terms_total") > 0)
            self.assertTrue(all(0 < seconds < 60 for _, seconds in told), told)
            steps = page.series("barnabas_controller_step_seconds_bucket")
            counts = [count for _, count in sorted(steps, key=lambda one: float(one[0]["le"]))]
            self.assertEqual(counts, sorted(counts))
            self.assertEqual(counts[-1], page.value("barnabas_controller_step_seconds_count"))
        self.assertGreater(self.total("barnabas_controller_step_seconds_count"), 0)

    def test_what_the_controller_seldom_does_is_timed(self):
        """Each is counted once it is done, by the name that Kafka gives it."""
        stats = "kafka_controller_controllerstats_"

        def times(name):
            return self.total(f"{stats}{name}rateandtimems_count")

        def counted_by(name, what):
            before = times(name)
            what()
            wait_until(lambda: times(name) > before, 20, f"{name} is counted")

        def alter(*arguments):
            self.cluster.barnabas("config", "alter", *arguments)
        counted_by("listpartitionreassignment",
                   lambda: self.cluster.barnabas("partition", "reassign"))
        self.cluster.create_topic("careless")
        self.cluster.wait_until_known("careless")
        counted_by("topicuncleanleaderelectionenable",
                   lambda: alter("topic", "careless", "--config",
                                 "unclean.leader.election.enable=true"))
        counted_by("uncleanleaderelectionenable",
                   lambda: alter("brokers", "--config",
                                 "unclean.leader.election.enable=true"))
        alter("brokers", "--delete-config", "unclean.leader.election.enable")
        zookeeper = KazooClient(self.cluster.zookeeper.connect)
        zookeeper.start(30)
        self.addCleanup(zookeeper.stop)
        counted_by("logdirchange", lambda: zookeeper.create(
            "/log_dir_event_notification/log_dir_event_", sequence=True,
            value=b'{"version":1,"broker":1,"event":1}'))
        # Kafka has the names, and nothing that moves them.
        self.assertEqual(times("controllershutdown") + times("updatefeatures"), 0)

    def test_what_a_reassignment_moves_is_counted_at_both_ends(self):
        self.cluster.create_topic("moved", partitions=1, replicas=1)
        self.cluster.wait_until_known("moved")
        self.cluster.barnabas("produce", "moved",
                              stdin=b"".join(b"%090d\n" % i for i in range(2000)))
        source = self.cluster.partitions("moved")[0]["leader"]
        target = source % 3 + 1
        traffic = "kafka_server_brokertopicmetrics_reassignmentbytes"
        size = scrape(self.cluster.brokers[source],
                      "/metrics/partitions?topic=moved").total("kafka_log_log_size")
        self.cluster.barnabas("partition", "reassign", "moved", "--to", str(target), "--wait")
        for broker, name in ((target, "in_total"), (source, "out_total")):
            wait_until(lambda broker=broker, name=name: scrape(self.cluster.brokers[broker])
                       .total(traffic + name) >= size, 20, f"{size} bytes at broker {broker}")
        self.cluster.barnabas("topic", "delete", "moved")
        wait_until(lambda: all("moved" not in self.cluster.barnabas(
            "topic", "list", bootstrap=broker.address).decode().split()
            for broker in self.cluster.brokers.values()), 20, "the topic is gone for all")

    def test_partitions_tell_of_their_logs(self):
        self.cluster.create_topic("letters", partitions=2)
        self.cluster.wait_until_known("letters")
        self.cluster.barnabas("produce", "letters", stdin=b"a\nb\nc\n")
        sums = {"kafka_topic_partition_current_offset": 3, "kafka_topic_partition_replicas": 6,
                "kafka_topic_partitions": 2, "kafka_cluster_partition_laststableoffsetlag": 0,
                "kafka_cluster_partition_insyncreplicascount": 6, "kafka_log_log_logendoffset": 9}

        def told():
            pages = [scrape(broker, "/metrics/partitions?topic=letters")
                     for broker in self.cluster.brokers.values()]
            return {name: sum(page.total(name, topic="letters") for page in pages)
                    for name in sums} == sums
        wait_until(told, 30, f"the partitions tell {sums}")
        whole = scrape(self.cluster.brokers[1], "/metrics/partitions")
        self.assertEqual(len(whole.series("kafka_log_log_size", topic="orders")), 4)
        one = scrape(self.cluster.brokers[1], "/metrics/partitions?topic=letters")
        self.assertEqual(one.series("kafka_log_log_size", topic="orders"), [])

    def test_traffic_is_counted_to_the_byte_and_the_record(self):
        self.cluster.create_topic("traffic", partitions=3, replicas=3)
        self.cluster.wait_until_known("traffic")
        traffic = "kafka_server_brokertopicmetrics_"
        before = {name: self.total(traffic + name) for name in
                  ("messagesin_total", "bytesin_total", "replicationbytesin_total")}
        lines = b"".join(b"%06d %s\n" % (i, b"x" * 90) for i in range(5000))
        self.cluster.barnabas("produce", "traffic", stdin=lines)
        self.assertEqual(self.total(traffic + "messagesin_total", topic="traffic"), 5000)
        told = self.total(traffic + "bytesin_total", topic="traffic")
        wait_until(lambda: sum(scrape(broker, "/metrics/partitions?topic=traffic")
                               .total("kafka_log_log_size")
                               for broker in self.cluster.brokers.values()) == 3 * told,
                   30, "three logs hold what came in")
        # The totals of all topics: with and without a label in one family, as Kafka has them.
        self.assertEqual(self.total(traffic + "messagesin_total") -
                         before["messagesin_total"], 2 * 5000)
        self.assertEqual(self.total(traffic + "replicationbytesin_total") -
                         before["replicationbytesin_total"], 2 * told)
        read = self.cluster.barnabas("consume", "traffic", "--exit-at-end")
        self.assertEqual(len(read), len(lines))
        self.assertGreaterEqual(self.total(traffic + "bytesout_total", topic="traffic"), told)
        self.assertEqual(self.total(traffic + "failedproducerequests_total"), 0)
        self.assertEqual(self.total(traffic + "failedfetchrequests_total"), 0)

    def test_requests_are_counted_and_timed_under_load(self):
        requests = "kafka_network_requestmetrics_"
        self.cluster.create_topic("busy", partitions=3)
        self.cluster.wait_until_known("busy")
        with SteadyLoad(self.cluster, "busy", 3) as load:
            load.wait_for_more(200)
            pages = [scrape(broker) for broker in self.cluster.brokers.values()]
            load.wait_for_more(20)
        self.assertEqual(load.problems, [])
        for page in pages:
            self.assertGreater(page.total(requests + "requests_total", request="Produce"), 0)
            self.assertGreater(page.total(requests + "requests_total", request="FetchFollower"), 0)
            stages = ("requestqueuetimems", "localtimems", "remotetimems", "responsequeuetimems",
                      "responsesendtimems")
            for name in ("totaltimems", *stages):
                told = {labels["quantile"]: value
                        for labels, value in page.series(requests + name, request="Produce")}
                self.assertEqual(sorted(told), ["0.50", "0.75", "0.95", "0.98", "0.99", "0.999"])
                self.assertEqual(sorted(told.values()), [told[key] for key in sorted(told)])
            # Followers are asked: producers with acks=all wait for them.
            share = (page.value(requests + "remotetimems_sum", request="Produce") /
                     page.value(requests + "totaltimems_sum", request="Produce"))
            self.assertTrue(0 < share < 1, share)
            self.assertGreater(page.value(requests + "requestbytes_sum", request="Produce"),
                               page.value(requests + "requestbytes_count", request="Produce"))
            # Followers wait at their leaders nearly always; in one scrape they may not.
            self.assertGreater(page.value(requests + "remotetimems_sum", request="FetchFollower"),
                               page.value(requests + "localtimems_sum", request="FetchFollower"))
        for page in [scrape(broker) for broker in self.cluster.brokers.values()]:
            # What dashboards draw on top of each other is the whole; each is cut to microseconds.
            count = page.value(requests + "totaltimems_count", request="Produce")
            whole = page.value(requests + "totaltimems_sum", request="Produce")
            parts = sum(page.value(requests + name + "_sum", request="Produce") for name in stages)
            self.assertTrue(whole - 0.001 * len(stages) * count <= parts <= whole + 0.001 * count,
                            (parts, whole, count))

    def test_times_of_acknowledgements_appends_and_flushes_are_in_buckets(self):
        names = {"barnabas_produce_ack_seconds": {"acks": "all"}, "barnabas_append_seconds": {},
                 "barnabas_flush_seconds": {}}

        def counted():
            return [self.total(name + "_count", **labels) for name, labels in names.items()]
        self.cluster.create_topic("timed", replicas=3, flush_messages=1)
        self.cluster.wait_until_known("timed")
        before = counted()
        self.cluster.barnabas("produce", "timed", stdin=b"a\n")
        for now, then in zip(counted(), before):
            self.assertGreater(now, then)
        page = scrape(self.cluster.brokers[1])
        for name, labels in names.items():
            counts = [count for _, count in sorted(
                page.series(name + "_bucket", **labels), key=lambda one: float(one[0]["le"]))]
            self.assertEqual(counts, sorted(counts))
            self.assertEqual(counts[-1], page.value(name + "_count", **labels))

    def test_a_transaction_that_nobody_ends_is_late(self):
        name = "kafka_server_replicamanager_partitionswithlatetransactionscount"
        self.cluster.create_topic("late", partitions=2)
        self.cluster.wait_until_known("late")
        leaders = {partition: self.cluster.brokers[state["leader"]].port
                   for partition, state in self.cluster.partitions("late").items()}
        now_ms = int(time.time() * 1000)
        # The longest transaction, and five minutes for its coordinator: 20 minutes.
        for partition, minutes in ((0, 21), (1, 19)):
            self.assertEqual(produce(leaders[partition], "late", (7, 0, 0), ["a"],
                                     partition=partition, transactional_id="x",
                                     time_ms=now_ms - minutes * 60000)[0], 0)
        self.assertEqual(self.total(name), 1)
        for partition, port in leaders.items():
            self.assertEqual(write_markers(port, "late", 7, 0, False, partition), 0)
        self.assertEqual(self.total(name), 0)

    def test_clients_are_counted_by_what_they_say_they_are(self):
        broker = self.cluster.brokers[1]

        def told():
            pages = [scrape(one) for one in self.cluster.brokers.values()]
            return (sum(page.total("barnabas_connections", client_software="barnabas")
                        for page in pages) > 0 and
                    all(page.total("barnabas_connections") == page.total(
                        "kafka_server_socket_server_metrics_connection_count") for page in pages))
        wait_until(told, 20, "every connection is told once, and brokers say what they are")
        silent = scrape(broker).value("barnabas_connections")
        with socket.create_connection(("127.0.0.1", broker.port), 10):
            wait_until(lambda: scrape(broker).value("barnabas_connections") > silent, 10,
                       "one that says nothing is counted, too")

    def test_nobody_is_authenticated_where_nobody_is_asked(self):
        for broker in self.cluster.brokers.values():
            told = scrape(broker).series(
                "kafka_server_socket_server_metrics_successful_authentication_total")
            self.assertTrue(told)
            self.assertEqual({(labels["listener"], count) for labels, count in told},
                             {("PLAINTEXT", 0)})

    def test_connections_are_counted_by_listener(self):
        name = "kafka_server_socket_server_metrics_connection_"
        broker = self.cluster.brokers[1]

        def told():
            page = scrape(broker)
            return tuple(int(page.total(name + what, listener="PLAINTEXT"))
                         for what in ("count", "creation_total", "close_total"))
        before = told()
        with socket.create_connection(("127.0.0.1", broker.port), 10):
            wait_until(lambda: told()[1] > before[1], 10, "the connection is counted")
            self.assertGreater(told()[0], 0)
        wait_until(lambda: told()[2] > before[2], 10, "its end is counted")

    def test_threads_are_looked_at(self):
        def told():
            page = scrape(self.cluster.brokers[1])
            delays = {labels["thread"]: delay for labels, delay in
                      page.series("barnabas_thread_delay_seconds")}
            return delays if all(delay > 0 for delay in delays.values()) else None
        delays = wait_until(told, 20, "every thread has answered")
        self.assertLessEqual({"control", "groups", "transactions", "reactor-0"}, set(delays))
        self.assertTrue(all(delay < 30 for delay in delays.values()), delays)
        page = scrape(self.cluster.brokers[1])
        for name in ("kafka_network_socketserver_networkprocessoravgidle_percent",
                     "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent"):
            self.assertTrue(0 <= page.value(name) <= 1)

    def test_producers_and_segments_are_counted(self):
        self.cluster.create_topic("pieces", partitions=1, replicas=3, segment_bytes=1000)
        self.cluster.wait_until_known("pieces")
        producers = "kafka_server_replicamanager_produceridcount"
        before = self.total(producers)
        self.cluster.barnabas("produce", "pieces", "-X", "enable.idempotence=true",
                              "-X", "batch.size=100",
                              stdin=b"".join(b"%090d\n" % i for i in range(100)))
        wait_until(lambda: self.total(producers) == before + 3, 20, "all replicas know it")
        for broker in self.cluster.brokers.values():
            page = scrape(broker, "/metrics/partitions?topic=pieces")
            self.assertGreater(page.value("kafka_log_log_numlogsegments", topic="pieces",
                                          partition="0"), 5)

    def test_compaction_is_told(self):
        self.cluster.create_topic("latest", partitions=1, replicas=3, cleanup_policy="compact",
                                  segment_bytes=2000, min_cleanable_dirty_ratio=0.01)
        self.cluster.wait_until_known("latest")
        self.cluster.barnabas("produce", "latest", "--key-separator", "\t",
                              "-X", "batch.size=100",
                              stdin=b"".join(b"k\t%090d\n" % i for i in range(300)))
        wait_until(lambda: self.total("barnabas_compactions_total") > 0, 60, "a log is compacted")
        page = scrape(next(broker for broker in self.cluster.brokers.values()
                           if scrape(broker).value("barnabas_compactions_total") > 0))
        self.assertTrue(0 < page.value("kafka_log_logcleaner_cleaner_recopy_percent") < 100)
        self.assertTrue(0 <= page.value("kafka_log_logcleanermanager_max_dirty_percent") <= 100)
        self.assertTrue(
            0 <= page.value("kafka_log_logcleanermanager_time_since_last_run_ms") < 60000)
        self.assertEqual(page.total("kafka_log_logcleanermanager_uncleanable_partitions_count"), 0)

    def test_flushes_are_timed(self):
        name = "kafka_log_logflushstats_logflushrateandtimems"
        self.cluster.create_topic("flushed", replicas=3, flush_messages=1)
        self.cluster.wait_until_known("flushed")
        before = self.total(name + "_count")
        self.cluster.barnabas("produce", "flushed", stdin=b"a\n")
        self.assertGreaterEqual(self.total(name + "_count") - before, 1)

    def test_errors_are_counted_by_request_and_code(self):
        def errors():
            return self.total("kafka_network_requestmetrics_errors_total",
                              error="TOPIC_ALREADY_EXISTS", request="CreateTopics")
        before = errors()
        self.cluster.barnabas("topic", "create", "orders", check=False)
        # Its broker, and the controller if that is another one, told of it.
        self.assertIn(errors() - before, (1, 2))

    def test_what_is_wrong_with_records_is_counted(self):
        self.cluster.create_topic("keyed", cleanup_policy="compact")
        self.cluster.wait_until_known("keyed")
        name = "kafka_server_brokertopicmetrics_nokeycompactedtopicrecords_total"
        before = self.total(name)
        self.cluster.barnabas("produce", "keyed", stdin=b"a\nb\n", check=False)
        self.assertEqual(self.total(name) - before, 2)
        self.assertEqual(
            self.total("kafka_server_brokertopicmetrics_invalidmessagecrcrecords_total"), 0)

    def test_a_slow_request_is_logged_with_where_its_time_went(self):
        broker = self.cluster.brokers[1]
        self.cluster.barnabas("config", "alter", "broker", "1", "--config",
                              "barnabas.slow.request.log.ms=0")

        def logged():
            self.cluster.barnabas("topic", "list", bootstrap=broker.address)
            return [line for line in broker.output().splitlines() if " slow_request " in line]
        line = wait_until(logged, 30, "a line about a request")[0]
        for key in ("version", "client", "client_id", "total_ms", "queue_ms", "local_ms",
                    "remote_ms", "response_queue_ms", "send_ms", "request_bytes", "response_bytes", "suppressed"):
            self.assertIn(f" {key}=", line)

    def test_a_broker_that_is_gone_is_missed(self):
        def under_replicated():
            return self.total("kafka_server_replicamanager_underreplicatedpartitions")
        wait_until(lambda: under_replicated() == 0, 30, "all replicas are in sync")
        victim = next(broker for broker in self.cluster.brokers.values()
                      if not scrape(broker).value(
                          "kafka_controller_kafkacontroller_activecontrollercount"))
        elections = self.total("barnabas_leader_elections_total")
        times = "kafka_controller_controllerstats_leaderelectionrateandtimems"
        timed = self.total(times + "_count")
        self.cluster.barnabas("produce", "orders", stdin=b"a\nb\nc\nd\n" * 50)
        self.cluster.kill(victim.id)
        partitions = self.total("kafka_controller_kafkacontroller_globalpartitioncount")
        wait_until(lambda: under_replicated() == partitions, 60, "every partition lacks a replica")
        self.assertEqual(self.total("kafka_server_replicamanager_atminisrpartitioncount"),
                         partitions)
        self.assertEqual(self.total("kafka_server_replicamanager_underminisrpartitioncount"), 0)
        self.cluster.barnabas("produce", "orders", stdin=b"a\nb\nc\nd\n" * 50)
        wait_until(lambda: max(delay for broker in self.cluster.brokers.values()
                               if broker.is_running() for _, delay in scrape(broker).series(
                                   "barnabas_replication_delay_seconds",
                                   follower=str(victim.id))) > 0, 20, "it is behind its leaders")
        self.assertEqual(self.total("kafka_controller_kafkacontroller_activebrokercount"), 2)
        # What the victim led has another leader now; each of those was in sync.
        self.assertGreaterEqual(self.total("barnabas_leader_elections_total") - elections, 1)
        self.assertGreaterEqual(self.total(times + "_count") - timed, 1)
        self.assertGreater(self.total(times + "_sum"), 0)
        self.assertEqual(
            self.total("kafka_controller_controllerstats_uncleanleaderelections_total"), 0)
        (victim.folder / "output").unlink()
        self.cluster.start_broker(victim.id)
        wait_until(victim.admin_port, 60, "its admin listener is up")
        self.cluster.wait_until_whole()
        wait_until(lambda: under_replicated() == 0, 60, "all replicas are in sync again")
        page = scrape(victim)
        self.assertGreater(page.total("barnabas_recovery_bytes_total"), 0)
        self.assertEqual(page.total("barnabas_recovery_bytes_done"),
                         page.total("barnabas_recovery_bytes_total"))


if __name__ == "__main__":
    unittest.main()
