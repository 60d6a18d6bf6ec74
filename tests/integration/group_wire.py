"""What groups are asked, in every version: requests written and answers read byte by byte, to the
last one. By Kafka 3.9's message definitions.
"""
import struct

from wire_frames import (Answer, array, ask, compact, compact_array, flexible_header, header, text)

COMMIT, FETCH, JOIN, HEARTBEAT, LEAVE, SYNC = 8, 9, 11, 12, 13, 14
DESCRIBE, LIST, DELETE, DELETE_OFFSETS = 15, 16, 42, 47
# API: highest version, first flexible one.
VERSIONS = {COMMIT: (9, 8), FETCH: (9, 6), JOIN: (9, 6), HEARTBEAT: (4, 4), LEAVE: (5, 4),
            SYNC: (5, 4), DESCRIBE: (5, 5), LIST: (5, 3), DELETE: (2, 2), DELETE_OFFSETS: (0, 1)}
# Subscribes to "topic".
SUBSCRIPTION = b"\0\0" + array(text("topic")) + struct.pack(">i", -1)


class Form:
    """How one version of an API writes and reads."""

    def __init__(self, api, version):
        self.api, self.version = api, version
        self.flexible = version >= VERSIONS[api][1]

    def text(self, value):
        return compact(value) if self.flexible else text(value)

    def data(self, value):
        return compact(value) if self.flexible else struct.pack(">i", len(value)) + value

    def array(self, *items):
        return compact_array(*items) if self.flexible else array(*items)

    def item(self, *parts):
        return b"".join(parts) + (b"\0" if self.flexible else b"")

    def since(self, version, part):
        return part if self.version >= version else b""

    def request(self, *parts):
        head = flexible_header if self.flexible else header
        return head(self.api, self.version) + self.item(*parts)

    def read(self, payload):
        return Reading(payload, self)


class Reading:
    def __init__(self, payload, form):
        if payload is None:
            raise AssertionError(f"API {form.api} version {form.version}: the connection was closed")
        self.form = form
        self.fields = Answer(payload, has_tags=form.flexible)

    def text(self):
        return self.fields.compact_text() if self.form.flexible else self.fields.text()

    def data(self):
        return self.fields.compact_data() if self.form.flexible else self.fields.data()

    def i16(self):
        return self.fields.i16()

    def i32(self):
        return self.fields.i32()

    def i64(self):
        return self.fields.i64()

    def flag(self):
        return bool(self.fields.i8())

    def since(self, version, read):
        return read() if self.form.version >= version else None

    def items(self, *reads):
        """An array of structures."""
        def one():
            values = tuple(read() for read in reads)
            if self.form.flexible:
                self.fields.tags()
            return values
        return self.fields.compact_array(one) if self.form.flexible else self.fields.array(one)

    def end(self):
        if self.form.flexible:
            self.fields.tags()
        self.fields.end()


class GroupWire:
    """For a test case with `port`, that of the coordinator."""

    def call(self, form, *parts):
        return form.read(ask(self.port, form.request(*parts)))

    # ---- The requests ----

    def join(self, form, group, member="", session_ms=10000, protocols=("range",), instance=None,
             metadata=SUBSCRIPTION, kind="consumer"):
        at = self.call(form, form.text(group), struct.pack(">i", session_ms),
                       form.since(1, struct.pack(">i", 60000)), form.text(member),
                       form.since(5, form.text(instance)), form.text(kind),
                       form.array(*(form.item(form.text(name), form.data(metadata))
                                    for name in protocols)),
                       form.since(8, form.text("because")))
        at.since(2, at.i32)
        answer = {"error": at.i16(), "generation": at.i32(), "type": at.since(7, at.text),
                  "protocol": at.text(), "leader": at.text(), "skips": at.since(9, at.flag),
                  "member": at.text(),
                  "members": at.items(at.text, lambda: at.since(5, at.text), at.data)}
        at.end()
        return answer

    def sync(self, form, group, generation, member, assigned=(), protocol="range",
             instance=None):
        at = self.call(form, form.text(group), struct.pack(">i", generation), form.text(member),
                       form.since(3, form.text(instance)),
                       form.since(5, form.text("consumer") + form.text(protocol)),
                       form.array(*(form.item(form.text(name), form.data(data))
                                    for name, data in assigned)))
        at.since(1, at.i32)
        answer = {"error": at.i16(), "type": at.since(5, at.text),
                  "protocol": at.since(5, at.text), "assignment": at.data()}
        at.end()
        return answer

    def member(self, group, instance=None):
        """The id of the only member, in generation 1 and with an assignment."""
        joined = self.join(Form(JOIN, 5 if instance else 3), group, instance=instance)
        self.assertEqual(joined["error"], 0)
        synced = self.sync(Form(SYNC, 3), group, 1, joined["member"], [(joined["member"], b"own")])
        self.assertEqual((synced["error"], synced["assignment"]), (0, b"own"))
        return joined["member"]

    def heartbeat(self, form, group, generation, member, instance=None):
        at = self.call(form, form.text(group), struct.pack(">i", generation), form.text(member),
                       form.since(3, form.text(instance)))
        at.since(1, at.i32)
        error = at.i16()
        at.end()
        return error

    def leave(self, form, group, *members, instance=None):
        if form.version < 3:
            at = self.call(form, form.text(group), form.text(members[0]))
        else:
            at = self.call(form, form.text(group), form.array(*(
                form.item(form.text(member), form.text(instance), form.since(5, form.text("because")))
                for member in members)))
        at.since(1, at.i32)
        answer = at.i16(), at.since(3, lambda: at.items(at.text, at.text, at.i16))
        at.end()
        return answer

    def commit(self, form, group, generation=-1, member="", topic="topic", partition=1, offset=7,
               metadata="md", instance=None, retention_ms=-1):
        """`retention_ms`: versions 2 to 4 only; -1 is the broker's."""
        part = form.item(struct.pack(">iq", partition, offset),
                         form.since(6, struct.pack(">i", 4)),
                         struct.pack(">q", -1) if form.version == 1 else b"", form.text(metadata))
        at = self.call(form, form.text(group),
                       form.since(1, struct.pack(">i", generation) + form.text(member)),
                       form.since(7, form.text(instance)),
                       struct.pack(">q", retention_ms) if 2 <= form.version <= 4 else b"",
                       form.array(form.item(form.text(topic), form.array(part))))
        at.since(3, at.i32)
        ((name, parts),) = at.items(at.text, lambda: at.items(at.i32, at.i16))
        at.end()
        self.assertEqual((name, parts[0][0]), (topic, partition))
        return parts[0][1]

    def fetch(self, form, group, partitions=(0, 1)):
        """`partitions` None: all. (error of the group, {topic: {partition: (...)}})"""
        places = None if partitions is None else (form.item(form.text("topic"), form.array(
            *(struct.pack(">i", partition) for partition in partitions))),)
        null = b"\0" if form.flexible else struct.pack(">i", -1)
        topics = null if places is None else form.array(*places)
        at_part = lambda at: at.items(at.i32, at.i64, lambda: at.since(5, at.i32), at.text, at.i16)
        if form.version < 8:
            at = self.call(form, form.text(group), topics, form.since(7, b"\0"))
            at.since(3, at.i32)
            answer = at.items(at.text, lambda: at_part(at))
            error = at.since(2, at.i16)
        else:
            member = form.since(9, form.text(None) + struct.pack(">i", -1))
            at = self.call(form, form.array(form.item(form.text(group), member, topics)), b"\0")
            at.i32()
            ((name, answer, error),) = at.items(
                at.text, lambda: at.items(at.text, lambda: at_part(at)), at.i16)
            self.assertEqual(name, group)
        at.end()
        return error, {topic: {part[0]: part[1:] for part in parts} for topic, parts in answer}

    def describe(self, form, group):
        at = self.call(form, form.array(form.text(group)), form.since(3, b"\1"))
        at.since(1, at.i32)
        member = lambda: at.items(at.text, lambda: at.since(4, at.text), at.text, at.text, at.data,
                                  at.data)
        ((error, name, state, kind, protocol, members, operations),) = at.items(
            at.i16, at.text, at.text, at.text, at.text, member, lambda: at.since(3, at.i32))
        at.end()
        self.assertEqual(name, group)
        return error, state, kind, protocol, members, operations

    def listed(self, form, states=(), types=()):
        at = self.call(form, form.since(4, form.array(*map(form.text, states))),
                       form.since(5, form.array(*map(form.text, types))))
        at.since(1, at.i32)
        error = at.i16()
        groups = at.items(at.text, at.text, lambda: at.since(4, at.text),
                          lambda: at.since(5, at.text))
        at.end()
        return error, {group[0]: group[1:] for group in groups}

    def delete(self, form, *groups):
        at = self.call(form, form.array(*map(form.text, groups)))
        at.i32()
        results = at.items(at.text, at.i16)
        at.end()
        return dict(results)

    def delete_offsets(self, group, partition):
        """Of "topic": (error of the request, of the partition)."""
        form = Form(DELETE_OFFSETS, 0)
        at = self.call(form, form.text(group), form.array(form.item(
            form.text("topic"), form.array(struct.pack(">i", partition)))))
        error = at.i16()
        at.i32()
        topics = at.items(at.text, lambda: at.items(at.i32, at.i16))
        at.end()
        return error, topics[0][1][0][1] if topics else None
