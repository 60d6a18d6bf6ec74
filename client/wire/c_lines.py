"""Lines of C: where they are broken and indented, and conditions on a message's version."""

import re

GENERATED = "/* Made by generate.py from {source}: change that instead. */"
COLUMNS = 100
BREAKS = re.compile(r"(?<=,) |(?<= =) |(?<=&&) |(?<=\+) | (?=\? |: |/\* )|(?<=\()")


def wrapped(line):
    """A line of C in pieces that are not too long, broken as late as possible."""
    pieces = []
    indent = len(line) - len(line.lstrip()) + 4
    while len(line) > COLUMNS:
        ends = [match.end() for match in BREAKS.finditer(line, indent)]
        fitting = [end for end in ends if len(line[:end].rstrip()) <= COLUMNS]
        if not fitting:
            break
        pieces.append(line[: fitting[-1]].rstrip())
        line = " " * indent + line[fitting[-1] :]
    return pieces + [line]


def indented(lines, levels=1):
    return ["    " * levels + line if line else line for line in lines]


def condition(versions, within):
    """A C expression for "version is one of versions", known to be one of `within`; or None."""
    if versions.first > versions.last or versions.intersection(within).first > versions.last:
        return "false"
    low = f"version >= {versions.first}" if versions.first > within.first else None
    high = f"version <= {versions.last}" if versions.last < within.last else None
    if low and high:
        if versions.first == versions.last:
            return f"version == {versions.first}"
        return f"{low} && {high}"
    if high and versions.last == within.first:
        return f"version == {versions.last}"
    return low or high


def opposite(versions, within):
    """A C expression for "version is none of versions", known to be one of `within`; or None."""
    low = f"version < {versions.first}" if versions.first > within.first else None
    high = f"version > {versions.last}" if versions.last < within.last else None
    if low and high:
        return f"({low} || {high})"
    return low or high
