#!/usr/bin/env python3
"""Writes the C of all messages from schema/*.api; message.h says what it looks like.

    generate.py FOLDER SCHEMA...   <api>.h and <api>.c per schema, api_keys.h, apis.c

Files that would not change are left alone, so that nothing is built anew for them.
"""

import os
import sys

from c_lines import GENERATED, wrapped
from c_message import Body
from notation import NotationError, read_api


def api_keys(apis):
    lines = [
        GENERATED.format(source="the files in schema/"),
        "#ifndef CLIENT_WIRE_MESSAGE_API_KEYS_H",
        "#define CLIENT_WIRE_MESSAGE_API_KEYS_H",
        "",
        "enum api_key {",
    ]
    lines += [f"    API_{api.snake.upper()} = {api.key}," for api in apis]
    return lines + ["};", "", "#endif"]


def api_tables(apis):
    names = sorted(api.snake for api in apis)
    lines = [GENERATED.format(source="the files in schema/")]
    lines += ['#include "client/wire/message.h"', ""]
    lines += [f'#include "client/wire/message/{name}.h"' for name in names]
    lines += ["", "const struct wire_api *const wire_apis[] = {"]
    lines += [f"    &{api.snake}_api," for api in apis]
    lines += ["};", "", "const size_t wire_api_count = ARRAY_COUNT(wire_apis);", ""]
    lines += ["const struct wire_api *wire_api_find(int16_t key) {", "    switch (key) {"]
    for api in apis:
        lines += [f"    case {api.key}:", f"        return &{api.snake}_api;"]
    return lines + ["    default:", "        return NULL;", "    }", "}"]


def write_if_changed(path, lines):
    text = "\n".join(piece for line in lines for piece in wrapped(line)).rstrip("\n") + "\n"
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def read_apis(paths):
    """The APIs of all files, ascending by key."""
    apis = []
    for path in paths:
        api = read_api(path)
        if os.path.basename(path) != api.name + ".api":
            raise NotationError(f"{path}: {api.name} belongs in {api.name}.api")
        apis.append(api)
    apis.sort(key=lambda api: api.key)
    for api, following in zip(apis, apis[1:]):
        if api.key == following.key:
            raise NotationError(f"{api.name} and {following.name} have the same key")
    return apis


def main(arguments):
    if len(arguments) < 2:
        sys.exit(__doc__)
    folder, paths = arguments[0], arguments[1:]
    try:
        apis = read_apis(paths)
    except NotationError as error:
        sys.exit(str(error))
    os.makedirs(folder, exist_ok=True)
    for api in apis:
        write_if_changed(os.path.join(folder, f"{api.snake}.h"), Body(api).header())
        write_if_changed(os.path.join(folder, f"{api.snake}.c"), Body(api).source())
    write_if_changed(os.path.join(folder, "api_keys.h"), api_keys(apis))
    write_if_changed(os.path.join(folder, "apis.c"), api_tables(apis))


if __name__ == "__main__":
    main(sys.argv[1:])
