"""Requests for what neither Apache Kafka with ZooKeeper and without security has nor we: both say so
alike."""
from wire_cases import FROM_1, Case

ACL = {"resource_type": 2, "resource_name": "orders", "resource_pattern_type": 3,
       "principal": "User:x", "host": "*", "operation": 3, "permission_type": 3}
FILTER = {"resource_type_filter": 1, "resource_name_filter": None, "pattern_type_filter": 3,
          "principal_filter": None, "host_filter": None, "operation": 1, "permission_type": 1}
KINDS = ("resource_type", "resource_pattern_type", "operation", "permission_type")
FILTER_KINDS = ("resource_type_filter", "pattern_type_filter", "operation", "permission_type")

ACLS = [
    Case("access lists", "DescribeAcls", FILTER),
    Case("access of a kind to come", "CreateAcls",
         {"creations": [ACL, {**ACL, "resource_type": 99}]}),
    Case("no access", "CreateAcls", {"creations": []}),
    Case("no access away", "DeleteAcls", {"filters": []}),
    Case("access away", "DeleteAcls", {"filters": [FILTER, FILTER]}),
    # The connection is closed.
    *(Case(f"access of unknown {kind}", "CreateAcls", {"creations": [ACL, {**ACL, kind: 0}]})
      for kind in KINDS),
    *(Case(f"access lists of unknown {kind}", "DescribeAcls", {**FILTER, kind: 0})
      for kind in FILTER_KINDS),
    *(Case(f"access away of unknown {kind}", "DeleteAcls", {"filters": [{**FILTER, kind: 0}]})
      for kind in FILTER_KINDS),
]


def token(owner=None, **more):
    return {"owner_principal_type": owner and "User", "owner_principal_name": owner,
            "max_lifetime_ms": -1, **more}


AUTHENTICATION = [
    Case("handshake", "SaslHandshake", {"mechanism": "PLAIN"}),
    Case("authenticate", "SaslAuthenticate", {"auth_bytes": b"\0me\0secret"}),
    Case("a token", "CreateDelegationToken", token()),
    Case("a token for another", "CreateDelegationToken", token("x")),
    Case("a token for a strange renewer", "CreateDelegationToken",
         token(renewers=[{"principal_type": "Group", "principal_name": "x"}])),
    Case("renew a token", "RenewDelegationToken", {"hmac": b"h", "renew_period_ms": 5}),
    Case("expire a token", "ExpireDelegationToken", {"hmac": b"h", "expiry_time_period_ms": 5}),
    Case("tokens", "DescribeDelegationToken", {"owners": None}),
    Case("tokens of nobody", "DescribeDelegationToken", {"owners": []}),
    Case("tokens of somebody", "DescribeDelegationToken",
         {"owners": [{"principal_type": "User", "principal_name": "x"}]}),
]


def feature(name, level, kind=1, down=False):
    return {"feature": name, "max_version_level": level, "upgrade_type": kind,
            "allow_downgrade": down}


FEATURES = [
    Case(f"feature {name}", "UpdateFeatures", {"feature_updates": updates}, to="controller")
    for name, updates in (
        ("none", []),
        ("that is not there", [feature("metadata.version", 20), feature("other", 1)]),
        ("away", [feature("other", 0, 3, True)]),
        ("safely away", [feature("other", 0, 2, True)]),
        ("to nothing", [feature("other", 0)]),
        ("below nothing", [feature("other", -1)]),
        ("in a strange way", [feature("other", 1, 0)]),
        ("in a way to come", [feature("other", 0, 9)]),
        ("without a name", [feature("", 1, 0)]),
    )
] + [
    Case("feature to see", "UpdateFeatures",
         {"feature_updates": [feature("other", 1)], "validate_only": True}, to="controller",
         versions=FROM_1),
    Case("feature at another broker", "UpdateFeatures", {"feature_updates": [feature("x", 1)]},
         to="other"),
]

GROUPS = [
    Case("heartbeat of the next protocol", "ConsumerGroupHeartbeat",
         {"group_id": "g", "member_id": "", "member_epoch": 0, "rebalance_timeout_ms": 1000,
          "subscribed_topic_names": ["orders"], "topic_partitions": []}),
    Case("groups of the next protocol", "ConsumerGroupDescribe", {"group_ids": ["g", "h", ""]}),
    Case("groups of the next protocol with operations", "ConsumerGroupDescribe",
         {"group_ids": ["g"], "include_authorized_operations": True}),
]

CASES = ACLS + AUTHENTICATION + FEATURES + GROUPS
