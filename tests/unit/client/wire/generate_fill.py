#!/usr/bin/env python3
"""Writes fill.c, which fills each message with random content, as fill.h says.

    generate_fill.py FOLDER SCHEMA...
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../../client/wire"))

from c_lines import indented  # noqa: E402
from c_message import READERS, Body  # noqa: E402
from generate import read_apis, write_if_changed  # noqa: E402


def fill_field(body, field):
    """The statements that give a field a value."""
    out = f"out->{field.name}"
    nullable = body.nullable(field)
    if field.is_array:
        if field.struct is not None:
            call = f"{field.struct.path}_fill(fill, version, &{out}[i]);"
        elif field.primitive in READERS:
            call = f"{out}[i] = fill_bytes(fill, false);"
        else:
            call = f"{out}[i] = fill_{field.primitive}(fill);"
        return [
            f"{out}_count = fill_count(fill, {nullable});",
            f"{out} = fill_allocate(fill, {out}_count, sizeof(*{out}));",
            f"for (int32_t i = 0; i < {out}_count; i++)",
            f"    {call}",
        ]
    if field.struct is not None:
        call = f"{field.struct.path}_fill(fill, version, &{out});"
        if field.nullable is None:
            return [call]
        return [f"{out}_present = fill_bool(fill);", f"if ({out}_present)", f"    {call}"]
    if field.primitive in READERS:
        data = ".data" if field.primitive == "records" else ""
        return [f"{out}{data} = fill_bytes(fill, {nullable});"]
    lines = [f"{out} = fill_{field.primitive}(fill);"]
    if field.tag is not None:
        # A tagged field must be seen with its default, too.
        return ["if (fill_bool(fill))"] + indented(lines)
    return lines


def fill_api(api):
    body = Body(api)
    lines = []
    for struct in body.all_structs():
        statements = body.guarded(struct, struct.fields, lambda field: fill_field(body, field))
        lines += body.function(
            f"static void {struct.path}_fill(struct fill *fill, int16_t version, "
            f"struct {struct.path} *out)",
            [f"{struct.path}_init(out);"] + statements,
            ("fill", "version"),
        )
    for root in (api.request, api.response):
        lines += body.function(
            f"static void {root.path}_fill_any(struct fill *fill, int16_t version, void *out)",
            [f"{root.path}_fill(fill, version, out);"],
        )
    return lines


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    apis = read_apis(arguments[1:])
    lines = ['#include "tests/unit/client/wire/fill.h"', ""]
    lines += [f'#include "client/wire/message/{api.snake}.h"' for api in apis] + [""]
    for api in apis:
        lines += fill_api(api)
    lines += ["const struct fill_entry fill_entries[] = {"]
    for api in apis:
        lines.append(f"    {{{api.request.path}_fill_any, {api.response.path}_fill_any}},")
    lines += ["};", "", "const size_t fill_entry_count = ARRAY_COUNT(fill_entries);"]
    os.makedirs(arguments[0], exist_ok=True)
    write_if_changed(os.path.join(arguments[0], "fill.c"), lines)


if __name__ == "__main__":
    main(sys.argv[1:])
