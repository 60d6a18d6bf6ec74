"""Any request and response of any version as Python dictionaries, by client/wire/schema/*.api.

    apis = read_apis(ROOT)
    with Connection(port) as connection:
        answer = connection.ask(apis["Metadata"], 12, {"topics": [{"name": "orders"}]})

Fields that a request does not name have their defaults. Records are bytes.
"""
import pathlib
import struct
import sys
import uuid

import wire_frames

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "client" / "wire"))

from notation import read_api  # noqa: E402  (its folder is no package)

FORMS = {"bool": ">?", "i8": ">b", "i16": ">h", "i32": ">i", "i64": ">q", "u16": ">H", "f64": ">d"}
VARIABLE = ("str", "bytes", "records")


def read_apis():
    """{name: Api} of all APIs."""
    apis = [read_api(path) for path in sorted((ROOT / "client" / "wire" / "schema").glob("*.api"))]
    return {api.name: api for api in apis}


class Codec:
    """Of one API in one version."""

    def __init__(self, api, version):
        self.api = api
        self.version = version
        self.flexible = api.is_flexible(version)

    def fields(self, layout, tagged):
        return [field for field in layout.fields
                if self.version in field.versions and (field.tag is not None) == tagged]

    # ---- Writing ----

    def default(self, field):
        if field.default == "null":
            return None
        if field.is_array:
            return []
        if field.struct:
            return {}
        if field.primitive in VARIABLE:
            return "" if field.primitive == "str" else b""
        return uuid.UUID(int=0) if field.primitive == "uuid" else field.default or 0

    def count(self, size):
        return wire_frames.uvarint(size + 1) if self.flexible else struct.pack(">i", size)

    def one(self, field, value):
        if field.struct:
            return self.encode(field.struct, value)
        if field.primitive in FORMS:
            return struct.pack(FORMS[field.primitive], value)
        if field.primitive == "uuid":
            return value.bytes
        data = value.encode() if isinstance(value, str) else value
        if self.flexible:
            return wire_frames.compact(data)
        form = ">h" if field.primitive == "str" else ">i"
        return struct.pack(form, -1) if data is None else struct.pack(form, len(data)) + data

    def field(self, field, value):
        if field.is_array:
            return (self.count(-1) if value is None else
                    self.count(len(value)) + b"".join(self.one(field, item) for item in value))
        if field.struct and field.nullable is not None and self.version in field.nullable:
            return b"\xff" if value is None else b"\x01" + self.one(field, value)
        return self.one(field, value)

    def encode(self, layout, values):
        unknown = set(values) - {field.name for field in layout.fields}
        if unknown:
            raise KeyError(f"{self.api.name} has no {unknown}")
        data = b"".join(self.field(field, values.get(field.name, self.default(field)))
                        for field in self.fields(layout, tagged=False))
        if self.flexible:
            tagged = [field for field in self.fields(layout, tagged=True) if field.name in values]
            data += wire_frames.uvarint(len(tagged))
            for field in tagged:
                content = self.field(field, values[field.name])
                data += wire_frames.uvarint(field.tag) + wire_frames.uvarint(len(content)) + content
        return data

    # ---- Reading ----

    def read_one(self, field, source):
        if field.struct:
            return self.decode(field.struct, source)
        if field.primitive in FORMS:
            return source._take(FORMS[field.primitive])
        if field.primitive == "uuid":
            return uuid.UUID(bytes=source.raw(16))
        if self.flexible:
            data = source.compact_data()
        elif field.primitive == "str":
            size = source.i16()
            data = None if size < 0 else source.raw(size)
        else:
            data = source.data()
        return data.decode() if data is not None and field.primitive == "str" else data

    def read_field(self, field, source):
        if field.is_array:
            count = source.uvarint() - 1 if self.flexible else source.i32()
            return None if count < 0 else [self.read_one(field, source) for _ in range(count)]
        if field.struct and field.nullable is not None and self.version in field.nullable:
            if source.i8() < 0:
                return None
        return self.read_one(field, source)

    def decode(self, layout, source):
        values = {field.name: self.read_field(field, source)
                  for field in self.fields(layout, tagged=False)}
        if self.flexible:
            told = source.tags()
            for field in self.fields(layout, tagged=True):
                if field.tag in told:
                    values[field.name] = self.read_field(field, wire_frames.Fields(told[field.tag]))
        return values


class Connection:
    """Requests one after the other. `ask` returns None if the broker closed the connection; the
    next request then opens another."""

    def __init__(self, port):
        self.port = port
        self.socket = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.socket:
            self.socket.close()
        self.socket = None

    def ask(self, api, version, values):
        codec = Codec(api, version)
        head = wire_frames.header(api.key, version) + (b"\0" if codec.flexible else b"")
        if self.socket is None:
            self.socket = wire_frames.connect(self.port)
        try:
            self.socket.sendall(wire_frames.frame(head + codec.encode(api.request, values)))
            payload = wire_frames.read_answer(self.socket)
        except (ConnectionError, TimeoutError) as failure:
            self.close()
            return f"{type(failure).__name__}"
        if payload is None:
            self.close()
            return None
        answer = wire_frames.Answer(payload, codec.flexible and api.name != "ApiVersions")
        values = codec.decode(api.response, answer)
        answer.end()
        return values
