"""Where our brokers are known to differ from Apache Kafka 3.9, and why: a regular expression for the
step, one for the lines of the difference, the reason."""

ALL = ""

EXPLAINED = [
    # ---- Not there yet ----
    (r"^configs .*--entity-type (clients|users|ips) .*--(add|delete)-config", ALL,
     "quotas are not enforced, and there is no login: neither can be set"),
    (r"^configs .*--describe --entity-type (clients|users|ips)", r"^-.*_rate=|_percentage=|SCRAM",
     "so there is none to tell"),
    (r"^broker-api-versions",
     r"(LeaderAndIsr|StopReplica|UpdateMetadata|Envelope)\(\d+\): ",
     "NOT_ADVERTISED"),
    # ---- On purpose ----
    (r"^configs --\S+ \S+ --alter .*(segment.bytes=(1|many)|no.such=1)$",
     "(InvalidConfiguration|InvalidRequest)Exception: ", "our message says what is allowed"),
    (r"^configs .*no.such.broker.key|--entity-name 3$", ALL,
     "Kafka keeps settings that it does not know, for plugins; here they are spelling mistakes"),
    (r"--entity-name 1 --all$", r"^\+  barnabas\.", "settings that only our brokers have"),
    (r"--entity-name 1 --all$", r"^[+-]  num.network.threads=",
     "here the default is the number of processors"),
    (r"--entity-name 1 --all$", r"^[+-]  socket\.(send|receive)\.buffer\.bytes=",
     "here the kernel tunes them"),
    (r"--entity-name 1 --all$",
     r"^\+  (allow\.everyone|config\.providers|group\.(consumer|coordinator|share)|log\.initial"
     r"|metadata\.log\.segment\.min|producer\.id\.exp|remote\.log\.manager\.task|server\.max"
     r"|super\.users|unclean\.leader\.election\.interval|unstable\.|zookeeper\.metadata)",
     "settings that Kafka has but does not show"),
    (r"--entity-name 1 --all$", r"^[+-]  alter\.config\.policy", "to be mended"),
]

# Keys of APIs that Kafka advertises: LeaderAndIsr, StopReplica, UpdateMetadata, with which only its own
# brokers speak to each other; Envelope, to which it closes the connection.
NOT_ADVERTISED = {"4", "5", "6", "58"}

# The same for wire_cases.py: case, difference, reason.
WIRE = [
    (r"^versions$", "finalized_features_epoch", "the version of /feature; clients make nothing of it"),
    (r"^(create|alter|replace) ", r"error_message: .*(config|setting|allowed|value)",
     "our message says what is allowed"),
    (r"^produce ", "error_message: None", "our message says what is wrong with the records"),
    (r"^(create|partitions|move) ", r"error_message: '.*(ArrayBuffer|HashMap|Inconsistent|Cannot"
     r" have|Duplicate|Empty replica)", "Kafka's message is of Java collections, or is not one text"),
    (r"^produce a newer format$", "error_message: '.*', ours None", "the error code says it"),
    (r"(in a strange way|elect strangely|unknown codec|without a group)",
     r"error_(code|message): (-1|None), ours", "Kafka meets an exception there"),
    (r"^produce ", "log_start_offset: 0, ours -1",
     "with some errors Kafka tells where the log begins; clients make nothing of it"),
    (r"^produce it again", "log_append_time_ms", "Kafka tells the time that the producer gave"),
    (r"^create assigned to (nobody|a negative)", ALL, "Kafka makes partitions without a replica"),
    (r"^delete ", "topic_id: 'no id', ours", "ours tells the id of what was named, as newer brokers"),
    (r"^partitions twice", r"results\[1\]", "Kafka merges the two results into one"),
    (r"^(quotas? (to )?set|credential set)", r"error_(code|message): (0|None|''), ours",
     "quotas are not enforced and nobody can log in: neither can be set"),
    (r"^twice (produce|fetch|delete|commit|add|elect|move)", "'missing'",
     "Kafka answers once for what is named twice, ours each"),
    (r"^twice fetch .*(at another offset$|elsewhere)", "error_code: 1, ours 0",
     "Kafka keeps what was named last only"),
    (r"^twice delete records", "low_watermark", "Kafka takes the offset named last, ours the largest"),
    (r"^twice create a partition$", ALL, "Kafka keeps the assignment named last; ours refuse both"),
    (r"^twice delete no id", "error_code: 29", "there is nobody who might not"),
    (r"^(settings of a topic|one setting|some settings)", "read_only",
     "what cannot be changed at run time here is more than in Kafka"),
    (r"^(settings of a topic|one setting)", "is_default: False, ours True",
     "Kafka 3.9 says of no setting that it is the default"),
]
