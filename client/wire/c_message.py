"""The C of one API's messages: structs, init, decode, encode, print, and their tables."""

import re

from c_lines import GENERATED, condition, indented, opposite

C_TYPES = {
    "bool": "bool",
    "i8": "int8_t",
    "i16": "int16_t",
    "i32": "int32_t",
    "i64": "int64_t",
    "u16": "uint16_t",
    "f64": "double",
    "uuid": "struct uuid",
    "str": "struct bytes",
    "bytes": "struct bytes",
    "records": "struct wire_records",
}
PRINT_FORMATS = {
    "i8": '%d"',
    "i16": '%d"',
    "i32": '%" PRId32',
    "i64": '%" PRId64',
    "u16": '%u"',
    "f64": '%g"',
}
FIXED_SIZES = {"bool": 1, "i8": 1, "i16": 2, "u16": 2, "i32": 4, "i64": 8, "f64": 8, "uuid": 16}
READERS = {"str": "string", "bytes": "bytes", "records": "bytes"}


class Body:
    """Emits the functions of all structs of one API."""

    def __init__(self, api):
        self.api = api

    def structs(self, root):
        """All structs below and with `root`, inner ones first, each once."""
        found = []

        def visit(struct):
            for field in struct.fields:
                if field.struct is not None:
                    visit(field.struct)
            if struct not in found:
                found.append(struct)

        visit(root)
        return found

    def all_structs(self):
        found = []
        for root in (self.api.request, self.api.response):
            found += [struct for struct in self.structs(root) if struct not in found]
        return found

    def flexible(self, struct):
        """The argument that says whether the version is flexible."""
        versions = struct.versions
        if self.api.flexible_from is None or versions.last < self.api.flexible_from:
            return "false"
        if versions.first >= self.api.flexible_from:
            return "true"
        return "flexible"

    def flexible_local(self, struct, lines):
        if self.flexible(struct) == "flexible" and any("flexible" in line for line in lines):
            return [f"const bool flexible = version >= {self.api.flexible_from};", ""]
        return []

    def nullable(self, field):
        if field.nullable is None:
            return "false"
        return condition(field.nullable, field.versions) or "true"

    def guarded(self, struct, fields, lines_of):
        """The lines of all fields, those of equal versions under one `if`."""
        lines = []
        position = 0
        while position < len(fields):
            versions = fields[position].versions
            block = []
            while position < len(fields) and fields[position].versions == versions:
                block += lines_of(fields[position])
                position += 1
            guard = condition(versions, struct.versions)
            if guard is None:
                lines += block
            elif len(block) == 1:
                lines += [f"if ({guard})"] + indented(block)
            else:
                lines += [f"if ({guard}) {{"] + indented(block) + ["}"]
        return lines

    @staticmethod
    def untagged(struct):
        return [field for field in struct.fields if field.tag is None]

    @staticmethod
    def tagged(struct):
        return [field for field in struct.fields if field.tag is not None]

    def function(self, head, lines, unused=()):
        """A function; the arguments in `unused` that its lines do not name are marked."""
        text = "\n".join(lines)
        marks = [f"(void){name};" for name in unused if not re.search(rf"\b{name}\b", text)]
        return [head + " {"] + indented(marks + lines) + ["}", ""]

    # --- the header ---------------------------------------------------------------------------

    @staticmethod
    def declaration(field):
        c_type = f"struct {field.struct.path}" if field.struct else C_TYPES[field.primitive]
        if field.is_array:
            return [f"{c_type} *{field.name};", f"int32_t {field.name}_count;"]
        if field.struct is not None and field.nullable is not None:
            return [f"bool {field.name}_present;", f"{c_type} {field.name};"]
        return [f"{c_type} {field.name};"]

    def remark(self, field, struct):
        remarks = []
        if field.versions != struct.versions:
            first, last = field.versions.first, field.versions.last
            if last == self.api.versions.last:
                remarks.append(f"v{first}+")
            else:
                remarks.append(f"v{first}" if first == last else f"v{first}-{last}")
        if field.nullable is not None:
            remarks.append("may be null")
        return f" /* {', '.join(remarks)} */" if remarks else ""

    def header(self):
        api = self.api
        guard = f"CLIENT_WIRE_MESSAGE_{api.snake.upper()}_H"
        first, last = api.versions.first, api.versions.last
        flexible = "never" if api.flexible_from is None else f"from {api.flexible_from}"
        lines = [
            GENERATED.format(source=f"schema/{api.name}.api"),
            f"/* Key {api.key}, versions {first} to {last}, flexible {flexible}. */",
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            '#include "client/wire/message.h"',
            "",
        ]
        structs = self.all_structs()
        for struct in structs:
            lines.append(f"struct {struct.path} {{")
            for field in struct.fields:
                declarations = self.declaration(field)
                declarations[0] += self.remark(field, struct)
                lines += indented(declarations)
            lines += ["};", ""]
        lines += [f"void {struct.path}_init(struct {struct.path} *out);" for struct in structs]
        for root in (api.request, api.response):
            lines += [
                "",
                f"MUST_CHECK enum error {root.path}_decode(struct wire_reader *reader, "
                f"int16_t version, struct arena *arena, struct {root.path} *out);",
                f"void {root.path}_encode(struct wire_writer *writer, int16_t version, "
                f"const struct {root.path} *in);",
                f"void {root.path}_print(FILE *out, int16_t version, const struct {root.path} *in);",
            ]
        lines += [
            "",
            f"extern const struct wire_message {api.request.path}_message;",
            f"extern const struct wire_message {api.response.path}_message;",
            f"extern const struct wire_api {api.snake}_api;",
            "",
            "#endif",
        ]
        return lines

    # --- init ---------------------------------------------------------------------------------

    def initial_value(self, field):
        """The initializer of a field, or None where zero is right."""
        if field.is_array:
            return (f"{field.name}_count", "-1") if field.default == "null" else None
        if field.struct is not None:
            return None
        if field.primitive in READERS:
            name = field.name + (".data" if field.primitive == "records" else "")
            return (name, "BYTES_NULL" if field.default == "null" else 'bytes_of("", 0)')
        if field.default is None or field.default is False or field.default == 0:
            return None
        if field.default is True:
            return (field.name, "true")
        return (field.name, self.literal(field))

    @staticmethod
    def literal(field):
        if field.default is None:
            return "0"
        if field.default == -(2**31):
            return "INT32_MIN"
        if field.default == 2**31 - 1:
            return "INT32_MAX"
        return str(field.default)

    def init(self, struct):
        values = [self.initial_value(field) for field in struct.fields]
        lines = [f".{value[0]} = {value[1]}," for value in values if value is not None]
        if lines:
            lines = [f"*out = (struct {struct.path}){{"] + indented(lines) + ["};"]
        else:
            lines = [f"*out = (struct {struct.path}){{0}};"]
        for field in struct.fields:
            if field.struct is not None and not field.is_array:
                lines.append(f"{field.struct.path}_init(&out->{field.name});")
                if field.nullable is not None and field.default != "null":
                    lines.append(f"out->{field.name}_present = true;")
        return self.function(f"void {struct.path}_init(struct {struct.path} *out)", lines)

    # --- decode -------------------------------------------------------------------------------

    def size_min(self, field, version):
        """The least bytes that an untagged field takes in a version."""
        flexible = self.api.is_flexible(version)
        if field.is_array or field.primitive in ("bytes", "records"):
            return 1 if flexible else 4
        if field.primitive == "str":
            return 1 if flexible else 2
        if field.primitive is not None:
            return FIXED_SIZES[field.primitive]
        if field.nullable is not None:
            return 1
        return self.struct_size_min(field.struct, version)

    def struct_size_min(self, struct, version):
        fields = [field for field in self.untagged(struct) if version in field.versions]
        sizes = [self.size_min(field, version) for field in fields]
        return sum(sizes) + (1 if self.api.is_flexible(version) else 0)

    def by_version(self, versions, value_of):
        """A C expression that picks value_of(version)."""
        steps = []
        for version in versions:
            value = value_of(version)
            if not steps or steps[-1][1] != value:
                steps.append((version, value))
        text = str(steps[0][1])
        for first, value in steps[1:]:
            text = f"version >= {first} ? {value} : {text}"
        return text

    def element_size_min(self, field, struct):
        """The expression for the least bytes of an array's element."""
        versions = field.versions
        if field.struct is not None:
            return self.by_version(versions, lambda v: self.struct_size_min(field.struct, v))
        if field.primitive in FIXED_SIZES:
            return str(FIXED_SIZES[field.primitive])
        plain = 2 if field.primitive == "str" else 4
        flexible = self.flexible(struct)
        return {"true": "1", "false": str(plain)}.get(flexible, f"flexible ? 1 : {plain}")

    def read(self, field, struct):
        """The statements that read the field's value."""
        out = f"out->{field.name}"
        flexible = self.flexible(struct)
        nullable = self.nullable(field)
        if field.is_array:
            size_min = self.element_size_min(field, struct)
            lines = [
                f"{out}_count = wire_read_array_count(reader, {flexible}, {nullable}, {size_min});",
                f"{out} = wire_allocate(reader, arena, &{out}_count, sizeof(*{out}));",
                f"for (int32_t i = 0; i < {out}_count; i++)",
            ]
            if field.struct is not None:
                call = f"{field.struct.path}_read(reader, version, arena, &{out}[i]);"
            elif field.primitive in READERS:
                call = f"{out}[i] = wire_read_{READERS[field.primitive]}(reader, {flexible}, false);"
            else:
                call = f"{out}[i] = wire_read_{field.primitive}(reader);"
            return lines + indented([call])
        if field.struct is not None:
            call = f"{field.struct.path}_read(reader, version, arena, &{out});"
            if field.nullable is None:
                return [call]
            present = f"{out}_present = wire_read_i8(reader) >= 0;"
            return [present, f"if ({out}_present)"] + indented([call])
        if field.primitive in READERS:
            data = ".data" if field.primitive == "records" else ""
            reader = READERS[field.primitive]
            return [f"{out}{data} = wire_read_{reader}(reader, {flexible}, {nullable});"]
        return [f"{out} = wire_read_{field.primitive}(reader);"]

    def flexible_versions(self, struct):
        first = max(self.api.flexible_from, struct.versions.first)
        return struct.versions.intersection(type(struct.versions)(first, struct.versions.last))

    def read_tagged(self, struct):
        flexible = self.flexible(struct)
        if flexible == "false":
            return []
        if not self.tagged(struct):
            skip = ["wire_skip_tagged_fields(reader);"]
            return skip if flexible == "true" else ["if (flexible)"] + indented(skip)
        lines = [
            "struct wire_tagged_fields fields = wire_read_tagged_fields(reader);",
            "",
            "while (wire_next_tagged_field(reader, &fields)) {",
            "    switch (fields.tag) {",
        ]
        for field in self.tagged(struct):
            absent = opposite(field.versions, self.flexible_versions(struct))
            lines.append(f"    case {field.tag}:")
            read = self.read(field, struct)
            if absent is not None:
                present = condition(field.versions, self.flexible_versions(struct))
                read = [f"if ({present}) {{"] + indented(read)
                read += ["} else {", "    wire_skip_tagged_field(reader);", "}"]
            lines += indented(read + ["break;"], 2)
        lines += [
            "    default:",
            "        wire_skip_tagged_field(reader);",
            "    }",
            "}",
        ]
        if flexible == "flexible":
            return ["if (flexible) {"] + indented(lines) + ["}"]
        return ["{"] + indented(lines) + ["}"]

    def reader(self, struct):
        lines = self.guarded(struct, self.untagged(struct), lambda field: self.read(field, struct))
        lines += self.read_tagged(struct)
        lines = self.flexible_local(struct, lines) + [f"{struct.path}_init(out);"] + lines
        return self.function(
            f"static void {struct.path}_read(struct wire_reader *reader, int16_t version, "
            f"struct arena *arena, struct {struct.path} *out)",
            lines,
            ("version", "arena"),
        )

    def decode(self, root):
        versions = self.api.versions
        lines = [
            f"if (version >= {versions.first} && version <= {versions.last}) {{",
            f"    {root.path}_read(reader, version, arena, out);",
            "} else {",
            f"    {root.path}_init(out);",
            "    wire_fail(reader, ERR_UNSUPPORTED_VERSION);",
            "}",
            "return reader->error;",
        ]
        return self.function(
            f"enum error {root.path}_decode(struct wire_reader *reader, int16_t version, "
            f"struct arena *arena, struct {root.path} *out)",
            lines,
        )

    # --- encode -------------------------------------------------------------------------------

    def differs(self, field):
        """A C expression: the field does not have its default."""
        value = f"in->{field.name}"
        if field.is_array:
            if field.default == "null":
                return f"{value}_count >= 0"
            return f"{value}_count {'>' if field.nullable is None else '!='} 0"
        if field.struct is not None:
            if field.nullable is not None:
                return f"{value}_present"
            return f"!{field.struct.path}_is_default(&{value})"
        if field.primitive in ("str", "bytes"):
            if field.default == "null":
                return f"!bytes_is_null({value})"
            if field.nullable is None:
                return f"{value}.size > 0"
            return f"(bytes_is_null({value}) || {value}.size > 0)"
        if field.primitive == "uuid":
            return f"!uuid_is_zero(&{value})"
        if field.primitive == "bool":
            return f"!{value}" if field.default is True else value
        return f"{value} != {self.literal(field)}"

    def needs_default_check(self, struct):
        """Whether some field of this struct's type is dropped or refused by its value."""
        for parent in self.all_structs():
            for field in parent.fields:
                if field.struct is not struct or field.is_array or field.nullable is not None:
                    continue
                if field.tag is not None or self.refusal(field, parent) is not None:
                    return True
                if self.needs_default_check(parent):
                    return True
        return False

    def default_check(self, struct):
        if not self.needs_default_check(struct):
            return []
        terms = " || ".join(self.differs(field) for field in struct.fields)
        return self.function(
            f"static bool {struct.path}_is_default(const struct {struct.path} *in)",
            [f"return !({terms});"],
        )

    def refusal(self, field, struct):
        """The condition of versions in which a value would be lost that must not be; or None."""
        return opposite(field.versions, struct.versions) if field.must_keep else None

    def write(self, field, struct):
        """The statements that write the field's value."""
        value = f"in->{field.name}"
        flexible = self.flexible(struct)
        nullable = self.nullable(field)
        if field.is_array:
            lines = [
                f"wire_write_array_count(writer, {value}_count, {flexible}, {nullable});",
                f"for (int32_t i = 0; i < {value}_count; i++)",
            ]
            if field.struct is not None:
                call = f"{field.struct.path}_write(writer, version, &{value}[i]);"
            elif field.primitive in READERS:
                name = READERS[field.primitive]
                call = f"wire_write_{name}(writer, {value}[i], {flexible}, false);"
            elif field.primitive == "uuid":
                call = f"wire_write_uuid(writer, &{value}[i]);"
            else:
                call = f"wire_write_{field.primitive}(writer, {value}[i]);"
            return lines + indented([call])
        if field.struct is not None:
            call = f"{field.struct.path}_write(writer, version, &{value});"
            if field.nullable is None:
                return [call]
            present = f"wire_write_i8(writer, {value}_present ? 1 : -1);"
            return [present, f"if ({value}_present)"] + indented([call])
        if field.primitive == "records":
            return [f"wire_write_records(writer, &{value}, {flexible}, {nullable});"]
        if field.primitive in READERS:
            name = READERS[field.primitive]
            return [f"wire_write_{name}(writer, {value}, {flexible}, {nullable});"]
        if field.primitive == "uuid":
            return [f"wire_write_uuid(writer, &{value});"]
        if field.primitive == "i16" and field.name.endswith("error_code"):
            return [f"wire_write_error_code(writer, {value});"]
        return [f"wire_write_{field.primitive}(writer, {value});"]

    def write_tagged(self, struct):
        flexible = self.flexible(struct)
        if flexible == "false":
            return []
        tagged = self.tagged(struct)
        if not tagged:
            empty = ["wire_write_uvarint(writer, 0);"]
            return empty if flexible == "true" else ["if (flexible)"] + indented(empty)
        lines = []
        for field in tagged:
            present = condition(field.versions, self.flexible_versions(struct))
            guard = f"{present} && " if present else ""
            lines.append(f"const bool has_{field.name} = {guard}{self.differs(field)};")
        count = " + ".join(f"has_{field.name}" for field in tagged)
        if len(tagged) == 1:
            count += " ? 1 : 0"
        lines += ["", f"wire_write_uvarint(writer, {count});"]
        for field in tagged:
            lines.append(f"if (has_{field.name}) {{")
            lines.append(f"    const size_t mark = wire_begin_tagged_field(writer, {field.tag});")
            lines.append("")
            lines += indented(self.write(field, struct))
            lines += ["    wire_end_tagged_field(writer, mark);", "}"]
        if flexible == "flexible":
            return ["if (flexible) {"] + indented(lines) + ["}"]
        return ["{"] + indented(lines) + ["}"]

    def writer(self, struct):
        lines = []
        for field in struct.fields:
            absent = self.refusal(field, struct)
            if absent is not None:
                lines.append(f"if ({absent} && {self.differs(field)})")
                lines.append("    wire_writer_fail(writer, ERR_UNSUPPORTED_VERSION);")
        untagged = self.untagged(struct)
        lines += self.guarded(struct, untagged, lambda field: self.write(field, struct))
        lines += self.write_tagged(struct)
        lines = self.flexible_local(struct, lines) + lines
        return self.function(
            f"static void {struct.path}_write(struct wire_writer *writer, int16_t version, "
            f"const struct {struct.path} *in)",
            lines,
            ("version",),
        )

    def encode(self, root):
        versions = self.api.versions
        lines = [
            f"if (version >= {versions.first} && version <= {versions.last})",
            f"    {root.path}_write(writer, version, in);",
            "else",
            "    wire_writer_fail(writer, ERR_UNSUPPORTED_VERSION);",
        ]
        return self.function(
            f"void {root.path}_encode(struct wire_writer *writer, int16_t version, "
            f"const struct {root.path} *in)",
            lines,
        )

    # --- print --------------------------------------------------------------------------------

    def print_value(self, field, value):
        if field.struct is not None:
            return f"{field.struct.path}_print(out, version, &{value});"
        if field.primitive in PRINT_FORMATS:
            return f'fprintf(out, "{PRINT_FORMATS[field.primitive]}, {value});'
        if field.primitive == "bool":
            return f'fputs({value} ? "true" : "false", out);'
        if field.primitive in ("uuid", "records"):
            return f"wire_print_{field.primitive}(out, &{value});"
        return f"wire_print_{READERS[field.primitive]}(out, {value});"

    def show(self, field):
        value = f"in->{field.name}"
        if field.is_array:
            return [
                f'wire_print_array(out, "{field.name}", {value}_count);',
                f"for (int32_t i = 0; i < {value}_count; i++) {{",
                "    wire_print_separator(out, i);",
                "    " + self.print_value(field, f"{value}[i]"),
                "}",
                f"wire_print_array_end(out, {value}_count);",
            ]
        lines = [f'fputs(" {field.name}=", out);']
        if field.struct is not None and field.nullable is not None:
            return lines + [
                f"if ({value}_present)",
                "    " + self.print_value(field, value),
                "else",
                '    fputs("null", out);',
            ]
        if field.primitive in PRINT_FORMATS:
            return [f'fprintf(out, " {field.name}={PRINT_FORMATS[field.primitive]}, {value});']
        return lines + [self.print_value(field, value)]

    def printer(self, struct, is_body):
        lines = ['fputs("{", out);']
        lines += self.guarded(struct, struct.fields, self.show)
        lines.append('fputs(" }", out);')
        static = "" if is_body else "static "
        return self.function(
            f"{static}void {struct.path}_print(FILE *out, int16_t version, "
            f"const struct {struct.path} *in)",
            lines,
            ("version",),
        )

    # --- the tables ---------------------------------------------------------------------------

    def message(self, root, kind):
        """The entry of message.h, with functions of the types that its pointers have."""
        path = root.path
        return [
            f"static void any_{kind}_init(void *message) {{",
            f"    {path}_init(message);",
            "}",
            "",
            f"static enum error any_{kind}_decode(struct wire_reader *reader, int16_t version,",
            "                                struct arena *arena, void *message) {",
            f"    return {path}_decode(reader, version, arena, message);",
            "}",
            "",
            f"static void any_{kind}_encode(struct wire_writer *writer, int16_t version,",
            "                         const void *message) {",
            f"    {path}_encode(writer, version, message);",
            "}",
            "",
            f"static void any_{kind}_print(FILE *out, int16_t version, const void *message) {{",
            f"    {path}_print(out, version, message);",
            "}",
            "",
            f"const struct wire_message {path}_message = {{",
            f'    .name = "{self.api.name}{kind.capitalize()}",',
            f"    .size = sizeof(struct {path}),",
            f"    .init = any_{kind}_init,",
            f"    .decode = any_{kind}_decode,",
            f"    .encode = any_{kind}_encode,",
            f"    .print = any_{kind}_print,",
            "};",
            "",
        ]

    def source(self):
        api = self.api
        lines = [
            GENERATED.format(source=f"schema/{api.name}.api"),
            f'#include "client/wire/message/{api.snake}.h"',
            "",
            "#include <inttypes.h>",
            "",
            '#include "client/wire/print.h"',
            "",
        ]
        roots = (api.request, api.response)
        for struct in self.all_structs():
            lines += self.init(struct)
            lines += self.reader(struct)
            lines += self.default_check(struct)
            lines += self.writer(struct)
            lines += self.printer(struct, struct in roots)
        for root, kind in zip(roots, ("request", "response")):
            lines += self.decode(root)
            lines += self.encode(root)
            lines += self.message(root, kind)
        lines += [
            f"const struct wire_api {api.snake}_api = {{",
            f"    .key = {api.key},",
            f'    .name = "{api.name}",',
            f"    .version_min = {api.versions.first},",
            f"    .version_max = {api.versions.last},",
            f"    .flexible_from = {-1 if api.flexible_from is None else api.flexible_from},",
            f"    .request = &{api.request.path}_message,",
            f"    .response = &{api.response.path}_message,",
            "};",
        ]
        return lines
