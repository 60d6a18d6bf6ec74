"""The notation of schema/*.api: one file per API, read into Api, Struct and Field objects.

    api     = "api" key name "v" min "-" max "flex" ( n | "none" ) { struct } ">" fields "<" fields
    struct  = "struct" Name "{" fields "}"             shared by both bodies of the API
    fields  = [ field { ";" field } [ ";" ] ]
    field   = name shape [ "=" default ] [ "@" range ] [ "#" tag ] [ "!" ]
    shape   = ":" primitive [ null ]
            | ":[" ( primitive | Name ) "]" [ null ]   array of primitives or of a shared struct
            | ":" Name                                 shared struct
            | "[]" [ null ] "{" fields "}"             array of structs
            | [ null ] "{" fields "}"                  struct
    null    = "?" [ range ]                            nullable, always or in these versions
    range   = a "-" b | a "+" | a                      versions of the API

">" is the request, "<" the response. "@" are the versions that have the field (default: all), "#"
makes it a tagged field, "!" forbids to drop a value that is not the default when a version without
the field is encoded. "//" begins a comment. Defaults, where none is given, are 0, false, "", the
empty array and the zero uuid, also for what may be null: null is written "=null".
"""

import re

PRIMITIVES = ("bool", "i8", "i16", "i32", "i64", "u16", "f64", "uuid", "str", "bytes", "records")
INTEGERS = {"i8": 8, "i16": 16, "i32": 32, "i64": 64, "u16": 16}


class NotationError(Exception):
    """What is wrong, with file and line."""


class Range:
    """Versions first..last, both inclusive; empty if first > last."""

    def __init__(self, first, last):
        self.first = first
        self.last = last

    def __contains__(self, version):
        return self.first <= version <= self.last

    def __eq__(self, other):
        return (self.first, self.last) == (other.first, other.last)

    def intersection(self, other):
        return Range(max(self.first, other.first), min(self.last, other.last))

    def contains_range(self, other):
        return self.first <= other.first and other.last <= self.last

    def __iter__(self):
        return iter(range(self.first, self.last + 1))


class Struct:
    """A list of fields. `path` names it in C, `versions` are those in which it can occur."""

    def __init__(self, path, versions):
        self.path = path
        self.versions = versions
        self.fields = []


class Field:
    """primitive or struct, in an array or not. `nullable` is a Range or None."""

    def __init__(self, name):
        self.name = name
        self.primitive = None
        self.struct = None
        self.is_array = False
        self.nullable = None
        self.default = None
        self.versions = None
        self.tag = None
        self.must_keep = False


class Api:
    """One API: its key, versions, first flexible version or None, and its two bodies."""

    def __init__(self, key, name, versions, flexible_from):
        self.key = key
        self.name = name
        self.versions = versions
        self.flexible_from = flexible_from
        self.shared = {}
        self.request = None
        self.response = None

    @property
    def snake(self):
        return snake_case(self.name)

    def is_flexible(self, version):
        return self.flexible_from is not None and version >= self.flexible_from


def snake_case(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


TOKEN = re.compile(
    r"(?P<space>\s+|//[^\n]*)"
    r"|(?P<word>-?0x[0-9a-fA-F]+|-?[0-9]+|[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>\[\]|[\[\]{}:;?=@#!<>+-])"
)


class Parser:
    """Recursive descent over the tokens of one file."""

    def __init__(self, path, text):
        self.path = path
        self.tokens = []
        self.position = 0
        self.api = None
        at = 0
        line = 1
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise NotationError(f"{path}:{line}: unexpected {text[at]!r}")
            if match.lastgroup != "space":
                self.tokens.append((match.group(), line))
            line += match.group().count("\n")
            at = match.end()
        self.tokens.append(("", line))

    def fail(self, message):
        raise NotationError(f"{self.path}:{self.tokens[self.position][1]}: {message}")

    def peek(self):
        return self.tokens[self.position][0]

    def take(self, expected=None):
        token = self.peek()
        if expected is not None and token != expected:
            self.fail(f"expected {expected!r}, found {token!r}")
        self.position += 1
        return token

    def accept(self, token):
        if self.peek() == token:
            self.position += 1
            return True
        return False

    def number(self):
        if not re.fullmatch(r"-?(0x[0-9a-fA-F]+|[0-9]+)", self.peek()):
            self.fail(f"expected a number, found {self.peek()!r}")
        return int(self.take(), 0)

    def name(self):
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", self.peek()):
            self.fail(f"expected a name, found {self.peek()!r}")
        return self.take()

    def range(self):
        first = self.number()
        last = first
        if self.accept("+"):
            last = self.api.versions.last
        elif re.fullmatch(r"-[0-9]+", self.peek()):
            # "4-7" reads as the numbers 4 and -7.
            last = -self.number()
        result = Range(first, last)
        if first > last or not self.api.versions.contains_range(result):
            self.fail(f"{first}-{last} are not versions of the API")
        return result

    def parse(self):
        self.take("api")
        key = self.number()
        name = self.name()
        versions = re.fullmatch(r"v([0-9]+)", self.take())
        last = self.take()
        if versions is None or not re.fullmatch(r"-[0-9]+", last):
            self.fail("expected versions like v0-4")
        self.take("flex")
        flexible_from = None if self.accept("none") else self.number()
        self.api = Api(key, name, Range(int(versions.group(1)), int(last[1:])), flexible_from)
        while self.accept("struct"):
            self.shared_struct()
        self.take(">")
        self.api.request = Struct(f"{self.api.snake}_request", self.api.versions)
        self.fields(self.api.request, "<")
        self.take("<")
        self.api.response = Struct(f"{self.api.snake}_response", self.api.versions)
        self.fields(self.api.response, "")
        return self.api

    def shared_struct(self):
        name = self.name()
        struct = self.shared(name)
        if struct.fields:
            self.fail(f"struct {name} is defined twice")
        self.take("{")
        self.fields(struct, "}")
        self.take("}")

    def shared(self, name):
        """The shared struct of that name, which may get its fields later."""
        path = snake_case(name)
        if not path.startswith(self.api.snake + "_"):
            path = f"{self.api.snake}_{path}"
        return self.api.shared.setdefault(name, Struct(path, self.api.versions))

    def fields(self, struct, end):
        names = set()
        while self.peek() != end:
            field = self.field(struct)
            if field.name in names:
                self.fail(f"field {field.name} occurs twice")
            names.add(field.name)
            struct.fields.append(field)
            if not self.accept(";"):
                break
        if self.peek() != end:
            self.fail(f"expected ';' or {end!r}, found {self.peek()!r}")
        tags = [field.tag for field in struct.fields if field.tag is not None]
        if tags != list(range(len(tags))):
            self.fail("tags must be 0, 1, ... in the order of the fields")

    def field(self, parent):
        field = Field(self.name())
        body_at = None
        if self.accept(":"):
            if self.accept("["):
                field.is_array = True
                self.type(field)
                self.take("]")
            else:
                self.type(field)
            self.nullability(field)
        else:
            field.is_array = self.accept("[]")
            self.nullability(field)
            body_at = self.position
            self.skip_body()
        if self.accept("="):
            field.default = self.default(field)
        field.versions = self.range() if self.accept("@") else self.api.versions
        field.versions = field.versions.intersection(parent.versions)
        if self.accept("#"):
            field.tag = self.number()
        field.must_keep = self.accept("!")
        if body_at is not None:
            self.inline_struct(field, parent, body_at)
        self.check(field)
        return field

    def type(self, field):
        name = self.name()
        if name in PRIMITIVES:
            field.primitive = name
        else:
            field.struct = self.shared(name)

    def nullability(self, field):
        if self.accept("?"):
            has_range = re.fullmatch(r"[0-9]+", self.peek()) is not None
            field.nullable = self.range() if has_range else self.api.versions

    def skip_body(self):
        depth = 0
        while True:
            token = self.take("{") if depth == 0 else self.take()
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth == 0:
                return
            if token == "":
                self.position -= 1
                self.fail("a '}' is missing")

    def inline_struct(self, field, parent, body_at):
        """Reads the body, now that the versions of the field, which bound its own, are known."""
        after = self.position
        field.struct = Struct(f"{parent.path}_{field.name}", field.versions)
        self.position = body_at
        self.take("{")
        self.fields(field.struct, "}")
        self.position = after

    def default(self, field):
        if self.accept("null"):
            if field.nullable is None:
                self.fail(f"{field.name} cannot be null")
            return "null"
        if field.primitive == "bool":
            token = self.take()
            if token not in ("true", "false"):
                self.fail("a bool is true or false")
            return token == "true"
        if field.primitive not in INTEGERS or field.is_array:
            self.fail("only numbers, bools and what may be null have defaults")
        return self.number()

    def check(self, field):
        if field.tag is not None:
            if self.api.flexible_from is None or field.versions.first < self.api.flexible_from:
                self.fail(f"{field.name}: only flexible versions have tagged fields")
            if field.primitive == "records":
                self.fail(f"{field.name}: records cannot be tagged")
        if field.nullable is not None and not field.is_array:
            if field.primitive not in (None, "str", "bytes", "records"):
                self.fail(f"{field.name}: a {field.primitive} cannot be null")
            if field.struct is not None and self.api.flexible_from is None:
                self.fail(f"{field.name}: only flexible versions have structs that may be null")
        if field.is_array and field.primitive == "records":
            self.fail(f"{field.name}: no arrays of records")


def read_api(path):
    with open(path, encoding="utf-8") as file:
        parser = Parser(path, file.read())
    api = parser.parse()
    for name, struct in api.shared.items():
        if not struct.fields:
            raise NotationError(f"{path}: struct {name} is not defined")
    return api
