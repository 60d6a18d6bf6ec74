"""Where our brokers are known to differ from Apache Kafka 3.9, and why: a regular expression for the
step, one for the lines of the difference, the reason."""

ALL = ""

EXPLAINED = [
    # ---- Not there yet ----
    (r"^configs .*--entity-type (clients|users|ips)", ALL,
     "neither quotas nor SCRAM are there yet"),
    (r"^log-dirs .*(--describe$|orders|missing)", ALL, "DescribeLogDirs is not there yet"),
    (r"^broker-api-versions", r"\(\d+\): ", "APIs that are not there yet"),
    (r"^(acls|delegation-tokens) | upgrade ", ALL, "APIs that are not there yet"),
    (r"--entity-type brokers --entity-name 1$", "replication.throttled.rate=",
     "the rates of replication throttles hold, but are not shown"),
    # ---- On purpose ----
    (r"^configs --\S+ \S+ --alter .*(segment.bytes=(1|many)|no.such=1)$",
     "(InvalidConfiguration|InvalidRequest)Exception: ", "our message says what is allowed"),
    (r"^configs .*no.such.broker.key|--entity-name 3$", ALL,
     "Kafka keeps settings that it does not know, for plugins; here they are spelling mistakes"),
    (r"--entity-name 1 --all$", r"^\+  barnabas\.", "settings that only our brokers have"),
    (r"--entity-name 1 --all$", r"^[+-]  num.network.threads=",
     "here the default is the number of processors"),
    (r"--entity-name 1 --all$",
     r"^\+  (allow\.everyone|config\.providers|group\.(consumer|coordinator|share)|log\.initial"
     r"|metadata\.log\.segment\.min|producer\.id\.exp|remote\.log\.manager\.task|server\.max"
     r"|super\.users|unclean\.leader\.election\.interval|unstable\.|zookeeper\.metadata)",
     "settings that Kafka has but does not show"),
    (r"--entity-name 1 --all$", r"^[+-]  (node\.id|alter\.config\.policy)", "to be mended"),
]
