"""Quotas and credentials that are in ZooKeeper (PLANTED) are told by ours as by Apache Kafka's brokers, and
removed. None can be set yet: what would be is refused (`explained.py`)."""
from wire_cases import Case

CREDENTIAL = "salt=c2FsdA==,stored_key=c3RvcmVk,server_key=c2VydmVy,iterations="
# {entity below /config: settings}
PLANTED = {
    "clients/c1": {"request_percentage": "50.5", "producer_byte_rate": "1000000"},
    "clients/<default>": {"consumer_byte_rate": "7"},
    "users/<default>": {"controller_mutation_rate": "2.5"},
    "users/<default>/clients/<default>": {"producer_byte_rate": "25"},
    "users/u%201%2A": {},
    "users/u%201%2A/clients/c%2F1": {"consumer_byte_rate": "5"},
    "users/alice": {"SCRAM-SHA-256": CREDENTIAL + "4096", "producer_byte_rate": "3",
                    "SCRAM-SHA-512": CREDENTIAL + "8192"},
    "users/b%40d": {"SCRAM-SHA-512": "iterations"},
    "users/b%3Db": {"SCRAM-SHA-512": CREDENTIAL + "16384"},
    "ips/<default>": {"connection_creation_rate": "5"},
    "ips/127.0.0.9": {"connection_creation_rate": "25"},
}
EXACT, DEFAULT, ANY = 0, 1, 2


def part(kind, match, name=None):
    return {"entity_type": kind, "match_type": match, "match": name}


def asked(name, *parts):
    return [Case(f"quotas {name}{' only' if strict else ''}", "DescribeClientQuotas",
                 {"components": list(parts), "strict": strict}) for strict in (False, True)]


DESCRIPTION = [
    *asked("of all"),
    *asked("of users", part("user", ANY)),
    *asked("of a user", part("user", EXACT, "u 1*")),
    *asked("of a user with credentials", part("user", EXACT, "alice")),
    *asked("of a missing user", part("user", EXACT, "nobody")),
    *asked("of the default user", part("user", DEFAULT)),
    *asked("of clients", part("client-id", ANY)),
    *asked("of a client", part("client-id", EXACT, "c1")),
    *asked("of a user's clients", part("user", EXACT, "u 1*"), part("client-id", ANY)),
    *asked("of a user's client", part("user", EXACT, "u 1*"), part("client-id", EXACT, "c/1")),
    *asked("of users' client", part("user", ANY), part("client-id", EXACT, "c/1")),
    *asked("of defaults", part("user", DEFAULT), part("client-id", DEFAULT)),
    *asked("of addresses", part("ip", ANY)),
    *asked("of an address", part("ip", EXACT, "127.0.0.9")),
    *asked("of the default address", part("ip", DEFAULT)),
    *asked("of an address and a user", part("ip", ANY), part("user", ANY)),
    *asked("of an unknown kind", part("odd", ANY)),
    *asked("of no kind", part("", ANY)),
    *asked("of a kind twice", part("client-id", ANY), part("client-id", ANY)),
    *asked("of no name", part("user", EXACT)),
    *asked("in a strange way", part("user", 7)),
    *asked("of the default with a name", part("user", DEFAULT, "x")),
]


def quota(entity, *operations):
    """Operations are (key, value); without a value it is removed."""
    return {"entity": [{"entity_type": kind, "entity_name": name} for kind, name in entity],
            "ops": [{"key": key, "value": value or 0.0, "remove": value is None}
                    for key, value in operations]}


ALTERATION = [
    Case(f"quota {name}", "AlterClientQuotas", {"entries": [quota(*entry)], "validate_only": False})
    for name, entry in (
        ("that is unknown", ([("client-id", "c1")], ("no_such", 1.0))),
        ("in parts of a byte", ([("client-id", "c1")], ("producer_byte_rate", 1.5))),
        ("below nothing", ([("client-id", "c1")], ("producer_byte_rate", -5.0))),
        ("of an address in parts", ([("ip", "127.0.0.9")], ("connection_creation_rate", 2.5))),
        ("of an address in bytes", ([("ip", "127.0.0.9")], ("producer_byte_rate", 2.0))),
        ("of a client in connections", ([("client-id", "c1")], ("connection_creation_rate", 2.0))),
        ("of an address and a user",
         ([("ip", "127.0.0.9"), ("user", "x")], ("connection_creation_rate", 2.0))),
        ("of nobody", ([], ("producer_byte_rate", 2.0))),
        ("of an unknown kind", ([("odd", "x")], ("producer_byte_rate", 2.0))),
        ("of no name", ([("user", "")], ("producer_byte_rate", 2.0))),
        ("unchanged", ([("user", "only")],)),
        ("of a missing user away", ([("user", "never")], ("producer_byte_rate", None))),
        ("that is unknown away", ([("client-id", "c1")], ("no_such", None))),
        ("away", ([("client-id", "c1")], ("producer_byte_rate", None))),
        ("away beside credentials", ([("user", "alice")], ("producer_byte_rate", None))),
        ("of a user's client away",
         ([("user", "u 1*"), ("client-id", "c/1")], ("consumer_byte_rate", None))),
        ("set", ([("client-id", "c1")], ("consumer_byte_rate", 2.0))),
    )
] + [
    Case("quotas to set", "AlterClientQuotas",
         {"entries": [quota([("client-id", "c1")], ("consumer_byte_rate", 2.0))],
          "validate_only": True}),
    Case("quotas to remove", "AlterClientQuotas",
         {"entries": [quota([("ip", None)], ("connection_creation_rate", None))],
          "validate_only": True}),
    Case("no quotas", "AlterClientQuotas", {"entries": [], "validate_only": False}),
    *asked("that are left", part("user", ANY)),
    *asked("of the default address that are left", part("ip", DEFAULT)),
]


def users(*names):
    return {"users": [{"name": name} for name in names]}


def credentials(*changes):
    """(user, mechanism, iterations); without iterations it is removed."""
    return {"deletions": [{"name": user, "mechanism": mechanism}
                          for user, mechanism, iterations in changes if iterations is None],
            "upsertions": [{"name": user, "mechanism": mechanism, "iterations": iterations,
                            "salt": b"salt", "salted_password": b"x" * 32}
                           for user, mechanism, iterations in changes if iterations is not None]}


CREDENTIALS = [
    Case("credentials", "DescribeUserScramCredentials", {"users": None}),
    Case("credentials of no users", "DescribeUserScramCredentials", users()),
    Case("credentials of some", "DescribeUserScramCredentials",
         users("b=b", "alice", "nobody", "u 1*")),
    Case("credentials of bad ones", "DescribeUserScramCredentials",
         users("", "alice", "alice", "", "b@d")),
    *(Case(f"credential {name}", "AlterUserScramCredentials", credentials(*changes),
           to="controller")
      for name, changes in (
          ("of a strange kind", [("alice", 3, 4096)]),
          ("of a strange kind away", [("alice", 0, None)]),
          ("of nobody", [("", 1, 4096)]),
          ("of nobody away", [("", 1, None)]),
          ("with few iterations", [("alice", 1, 4095)]),
          ("with many iterations", [("alice", 2, 16385)]),
          ("twice", [("alice", 1, 4096), ("alice", 1, 4096)]),
          ("set and away", [("alice", 1, 4096), ("alice", 1, None)]),
          ("of a missing user away", [("nobody", 1, None)]),
          ("that is missing away", [("b=b", 1, None)]),
          ("away", [("alice", 1, None)]),
          ("away and another that is missing", [("b=b", 2, None), ("b=b", 1, None)]),
          ("of two users away", [("b=b", 2, None), ("nobody", 2, None)]))),
    Case("credential set", "AlterUserScramCredentials", credentials(("new", 1, 4096)),
         to="controller"),
    Case("credentials at another broker", "AlterUserScramCredentials",
         credentials(("new", 1, 4096), ("", 1, None)), to="other"),
    Case("no credentials to alter", "AlterUserScramCredentials", credentials(),
         to="controller"),
    Case("credentials that are left", "DescribeUserScramCredentials", users("alice", "b=b")),
]

CASES = DESCRIPTION + ALTERATION + CREDENTIALS
