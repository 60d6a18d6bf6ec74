#!/usr/bin/env python3
"""Manual pages of the library's API from its headers, one page for each header.

    header_manual.py INCLUDE_FOLDER OUT_FOLDER VERSION

The comment at a header's head is the description; each comment before a declaration belongs to that
and to those that follow without one. Every function also gets a page that leads to its header's.
The pages are mdoc.
"""
import pathlib
import re
import sys

DATE = "November 29, 2026"
COMMENT = re.compile(r"/\*(.*?)\*/", re.S)
FUNCTION = re.compile(r"\b(barnabas_\w+)\(")


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def sentences(text):
    """Escaped, with each sentence on a line of its own, as mdoc wants it."""
    return re.sub(r"(?<=[a-z0-9)`_A-Z][.?:;]) +(?=[A-Z])", "\n", escape(text))


def declaration_lines(declaration):
    """Broken behind commas where it is long."""
    lines = [""]
    for piece in re.split(r"(?<=,) ", declaration):
        if len(lines[-1]) + len(piece) >= 76:
            lines.append("    ")
        lines[-1] += piece if lines[-1].strip() == "" else " " + piece
    return escape("\n".join(lines))


def prose(comment):
    """The text of a comment, without its stars."""
    lines = [re.sub(r"^\s*\* ?", "", line) for line in comment.strip("*").split("\n")]
    return "\n".join(line.rstrip() for line in lines).strip("\n").strip()


def paragraphs(text):
    """Blocks that empty lines divide; what is indented, or is a list, keeps its lines."""
    for block in re.split(r"\n\s*\n", text):
        lines = block.split("\n")
        if any(line.startswith(" ") or line.startswith("- ") for line in lines):
            yield ".Bd -literal\n" + escape(block) + "\n.Ed"
        else:
            yield ".Pp\n" + sentences(block)


def body_of(header):
    """What stands between the include guard's extern "C" braces."""
    begin = header.index('extern "C" {\n#endif\n') + len('extern "C" {\n#endif\n')
    return header[begin:header.index("#ifdef __cplusplus\n}")]


def functions(header):
    """(name, declaration, comment) of each function, in order."""
    comment = ""
    for part in re.split(r"\n\s*\n", body_of(header)):
        found = COMMENT.match(part.strip())
        comment = prose(found.group(1)) if found else ""
        rest = part.strip()[found.end():] if found else part.strip()
        for declaration in re.findall(r"BARNABAS_API\b[^;{]*;", rest):
            plain = re.sub(r"\s+", " ", COMMENT.sub("", declaration))
            name = FUNCTION.search(plain).group(1)
            yield name, plain.replace("BARNABAS_API ", ""), comment
            comment = ""


def types(header):
    """Structs, enums and callbacks with their comments, as they stand."""
    for part in re.split(r"\n\s*\n", body_of(header)):
        if "BARNABAS_API" in part and not re.search(r"^(struct|enum|typedef)\b[^;(]*\{", part, re.M):
            continue
        if re.search(r"^(struct|enum|typedef)\b.*[{(]", part, re.M):
            yield part.strip("\n").split("BARNABAS_API")[0].rstrip()


def page(path, version):
    header = path.read_text()
    head = prose(COMMENT.match(header).group(1))
    summary, _, description = head.partition("\n\n")
    title, _, what = summary.partition(":")
    what = re.sub(r"\s+", " ", what.strip() or title).rstrip(".")
    out = [f".Dd {DATE}", f".Dt BARNABAS_{path.stem.upper()} 3", f".Os Barnabas {version}",
           ".Sh NAME", f".Nm barnabas_{path.stem}", f".Nd {escape(what)}", ".Sh LIBRARY",
           "libbarnabas (pkg\\-config \\-\\-libs barnabas)", ".Sh SYNOPSIS",
           f".In barnabas/{path.name}"]
    listed = list(functions(header))
    for _, declaration, _ in listed:
        out += [".Bd -literal -compact", declaration_lines(declaration), ".Ed"]
    out += [".Sh DESCRIPTION", *paragraphs(description or what)]
    shown = list(types(header))
    if shown:
        out.append(".Sh TYPES")
        for part in shown:
            out += [".Bd -literal", escape(part), ".Ed"]
    out.append(".Sh FUNCTIONS")
    for _, declaration, comment in listed:
        out += [".Bd -literal", declaration_lines(declaration), ".Ed"]
        if comment:
            out.append(sentences(comment))
    out += [".Sh SEE ALSO", ".Xr barnabas 1 ,", ".Xr barnabas-config 5"]
    text = "\n".join(out).replace(".Sh DESCRIPTION\n.Pp\n", ".Sh DESCRIPTION\n")
    return text + "\n", [name for name, _, _ in listed]


def main():
    include, folder, version = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(include.glob("*.h")):
        if path.name == "barnabas.h":
            continue
        text, names = page(path, version)
        (folder / f"barnabas_{path.stem}.3").write_text(text)
        for name in names:
            if name != f"barnabas_{path.stem}":
                (folder / f"{name}.3").write_text(f".so man3/barnabas_{path.stem}.3\n")


if __name__ == "__main__":
    main()
