"""Reads Prometheus' text format, strictly: what it does not allow is an error.

    metrics = Metrics(text)
    metrics.value("kafka_server_replicamanager_leadercount")
    metrics.value("kafka_log_log_size", topic="orders", partition="0")
    metrics.total("kafka_server_brokertopicmetrics_bytesin_total")     # of all its series
"""
import re

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf"^({NAME})(?:\{{(.*)\}})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)')


class Metrics:
    def __init__(self, text):
        self.types = {}
        self.samples = {}  # name: {labels as a frozenset of pairs: value}
        if text and not text.endswith("\n"):
            raise ValueError("the last line does not end")
        family, helped = None, None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                helped = line.split(" ", 3)[2]
            elif line.startswith("# TYPE "):
                _, _, family, kind = line.split(" ")
                if family in self.types or family != helped:
                    raise ValueError(f"the family {family} is begun twice, or without help")
                if kind not in ("counter", "gauge", "summary", "histogram"):
                    raise ValueError(f"what is a {kind}?")
                self.types[family] = kind
            else:
                self._add(family, line)

    def _add(self, family, line):
        parts = SAMPLE.match(line)
        if parts is None or family is None:
            raise ValueError(f"this is no sample: {line}")
        name, label_text, value = parts.groups()
        endings = {"summary": ("", "_count", "_sum"), "histogram": ("_bucket", "_count", "_sum")}
        if name not in [family + end for end in endings.get(self.types[family], ("",))]:
            raise ValueError(f"{name} stands under {family}")
        labels = LABEL.findall(label_text or "")
        rebuilt = ",".join(f'{key}="{text}"' for key, text in labels)
        if rebuilt != (label_text or "") or len({key for key, _ in labels}) != len(labels):
            raise ValueError(f"bad labels: {line}")
        series = self.samples.setdefault(name, {})
        if frozenset(labels) in series:
            raise ValueError(f"the same series twice: {line}")
        series[frozenset(labels)] = float(value)

    def series(self, name, **labels):
        """[(labels as a dict, value)] of those that have all these labels."""
        wanted = set(labels.items())
        return [(dict(pairs), value) for pairs, value in self.samples.get(name, {}).items()
                if wanted <= pairs]

    def value(self, name, **labels):
        """Of the one series with exactly these labels."""
        return self.samples[name][frozenset(labels.items())]

    def total(self, name, **labels):
        return sum(value for _, value in self.series(name, **labels))

    def series_count(self):
        return sum(len(series) for series in self.samples.values())
