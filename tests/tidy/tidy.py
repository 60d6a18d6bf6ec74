#!/usr/bin/env python3
"""Keeps what a tool can keep. Run one check or all of them:

    tests/tidy/tidy.py [arrows|words|length|headers|format|shell|events] [--update]

arrows   includes and CMake's DEPENDS point only where arrows.txt allows
words    no forgotten notes, no file called utils
length   no function over 70 lines and no file over 700, but for those in ratchet.txt, which
         may only get shorter
headers  every header is included by somebody
format   clang-format 14 would change nothing
shell    shellcheck has nothing to say about our scripts
events   broker/EVENTS.md lists every event that brokers log, with its levels and loggers

--update makes ratchet.txt anew (length). Exit status: 0 good, 1 not, 77 if the tool is missing.
"""

import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "tidy"
SKIPPED = 77
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 700


def project_files():
    """Paths of all files that belong to the project, relative to its root."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, capture_output=True, check=True).stdout.decode()
        names = [name for name in listed.split("\0") if name]
    else:
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
        names = [name for name in names if not re.match(r"build|\.git/|\.quickstart|\.test", name)]
    return [name for name in sorted(names) if (ROOT / name).is_file()]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def c_files(files):
    return [name for name in files if name.endswith((".c", ".h"))]


def folder_of(name):
    return name.rsplit("/", 1)[0] if "/" in name else ""


# ---- arrows ----

def read_arrows():
    """arrows.txt: what a folder may include, and which folders may include a library."""
    folders, libraries = {}, {}
    for line in (HERE / "arrows.txt").read_text().splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        left, right = (side.strip() for side in line.split(":", 1))
        if left.startswith("<"):
            libraries[left.strip("<>")] = right.split()
        else:
            folders[left] = right.split()
    return folders, libraries


def module_folder(module, folders):
    for folder in folders:
        if re.sub("[/-]", "_", folder) == module:
            return folder
    return None


def check_arrow(source, target, allowed):
    """`target` is a folder; generated headers lie in folders below their module's."""
    return any(target == folder or target.startswith(folder + "/")
               for folder in [source] + allowed)


def check_includes(name, folders, libraries):
    problems = []
    source = folder_of(name)
    is_test = source.startswith("tests")
    if not is_test and source not in folders and not source.startswith("client/include"):
        problems.append(f"{name}: the folder {source} is not in arrows.txt")
    for number, line in enumerate(read(name).splitlines(), 1):
        ours = re.match(r'#include "([^"]+)"', line)
        theirs = re.match(r"#include <([^>]+)>", line)
        if ours and not is_test and source in folders:
            if not check_arrow(source, folder_of(ours[1]), folders[source]):
                problems.append(f"{name}:{number}: {source} may not include {ours[1]}")
        for library, users in libraries.items():
            if theirs and re.match(library, theirs[1]):
                if not any(name == user or name.startswith(user + "/") for user in users):
                    problems.append(f"{name}:{number}: only {' '.join(users)} may include "
                                    f"{theirs[1]}")
    return problems


def check_depends(name, folders):
    problems = []
    for call in re.finditer(r"^barnabas_module\((\w+)([^)]*)\)", read(name), re.M):
        source = module_folder(call[1], folders)
        words = call[2].split()
        if source is None:
            problems.append(f"{name}: the folder of {call[1]} is not in arrows.txt")
            continue
        if "DEPENDS" not in words:
            continue
        for word in words[words.index("DEPENDS") + 1:]:
            if word.isupper():
                break
            target = module_folder(word, folders)
            if target is None or target not in folders[source]:
                problems.append(f"{name}: {call[1]} may not depend on {word}")
    return problems


def arrows(files):
    folders, libraries = read_arrows()
    problems = []
    for name in c_files(files):
        problems += check_includes(name, folders, libraries)
    for name in files:
        if name.endswith("CMakeLists.txt") and not name.startswith("tests/"):
            problems += check_depends(name, folders)
    for folder, targets in folders.items():
        for target in targets:
            if folder in folders.get(target, []):
                problems.append(f"arrows.txt: {folder} and {target} point at each other")
    return problems


# ---- words ----

NOTES = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX"]) + r")\b")
EMPTY_NAMES = re.compile(r"(^|[/_-])(utils?|common|misc|helpers?)([._-]|$)")


def words(files):
    problems = []
    for name in files:
        if EMPTY_NAMES.search(name.rsplit("/", 1)[-1]):
            problems.append(f"{name}: the name says nothing")
        if not name.endswith((".c", ".h", ".py", ".md", ".txt", ".sh", ".api", ".cmake")):
            continue
        for number, line in enumerate(read(name).splitlines(), 1):
            if NOTES.search(line):
                problems.append(f"{name}:{number}: a note is left: {line.strip()}")
    return problems


# ---- length ----

def functions(text):
    """(name, lines) of each function of clang-formatted C: its head begins in the first column
    and its last brace stands there."""
    head, head_line = "", 0
    inside = None
    for number, line in enumerate(text.splitlines(), 1):
        if inside is not None:
            if line.startswith("}"):
                yield inside[0], number - inside[1] + 1
                inside, head = None, ""
            continue
        if re.match(r"[A-Za-z_]", line):
            head, head_line = line, number
        elif head and line.startswith(" "):
            head += line
        else:
            head = ""
        if head and line.rstrip().endswith("{"):
            named = re.match(r"[^=;{]*?(\w+)\s*\(", head)
            if named and not re.match(r"(struct|enum|union|typedef)\s*\w*\s*{", head):
                inside = (named[1], head_line)
            head = ""
        elif head and line.rstrip().endswith((";", "}")):
            head = ""


def too_long(files):
    """{what: lines}"""
    found = {}
    for name in files:
        if not name.endswith((".c", ".h", ".py")) or "/corpus/" in name:
            continue
        text = read(name)
        lines = text.count("\n")
        if lines > FILE_LINES_MAX:
            found[f"file {name}"] = lines
        if name.endswith((".c", ".h")):
            for function, count in functions(text):
                if count > FUNCTION_LINES_MAX:
                    found[f"function {name} {function}"] = count
    return found


def read_ratchet():
    listed = {}
    for line in (HERE / "ratchet.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            what, lines = line.rsplit(" ", 1)
            listed[what] = int(lines)
    return listed


def write_ratchet(found):
    with open(HERE / "ratchet.txt", "w", encoding="utf-8") as out:
        out.write("# Longer than we like. None may join or grow; who mends one takes it off.\n"
                  "# Made by tests/tidy/tidy.py length --update.\n")
        for what in sorted(found):
            out.write(f"{what} {found[what]}\n")


def compare_with_ratchet(found, listed):
    """What is too long and not listed, longer than listed, or listed and mended."""
    problems = [f"{what}: {found[what]} lines" for what in sorted(found) if what not in listed]
    problems += [f"{what}: grew from {listed[what]} to {found[what]} lines"
                 for what in sorted(found) if found[what] > listed.get(what, found[what])]
    problems += [f"{what}: no longer too long, take it off ratchet.txt"
                 for what in sorted(listed) if what not in found]
    return problems


def length(files, update=False):
    found = too_long(files)
    if update:
        write_ratchet(found)
    return compare_with_ratchet(found, read_ratchet())


# ---- headers ----

def headers(files):
    included = set()
    for name in c_files(files):
        for match in re.finditer(r'^#include ["<]([^">]+)[">]', read(name), re.M):
            included.add(match[1])
    forced = re.findall(r"-include \S*?/((?:\w[\w-]*/)+\w+\.h)", read("CMakeLists.txt"))
    public = "client/include/"
    return [f"{name}: nobody includes it" for name in c_files(files)
            if name.endswith(".h") and name not in included and name not in forced
            and not (name.startswith(public) and name[len(public):] in included)]


# ---- tools ----

def clang_format():
    for tool in ("clang-format-14", "clang-format"):
        if shutil.which(tool):
            version = subprocess.run([tool, "--version"], capture_output=True, text=True,
                                     check=True).stdout
            if " 14." in version:
                return tool
    return None


def format_(files):
    tool = clang_format()
    if tool is None:
        print("clang-format 14 is not installed")
        sys.exit(SKIPPED)
    ran = subprocess.run([tool, "--dry-run"] + c_files(files), cwd=ROOT, capture_output=True,
                         text=True, check=False)
    wrong = sorted(set(re.findall(r"^(\S+?):\d+:\d+: warning", ran.stderr, re.M)))
    return [f"{name}: run {tool} -i" for name in wrong]


def is_shell_script(name):
    if name.endswith(".sh"):
        return True
    with open(ROOT / name, "rb") as file:
        return re.match(rb"#!\s*/\S*(bin/env )?(ba)?sh\b", file.readline(80)) is not None


def shell(files):
    if not shutil.which("shellcheck"):
        print("shellcheck is not installed")
        sys.exit(SKIPPED)
    scripts = [name for name in files if is_shell_script(name)]
    if not scripts:
        return []
    ran = subprocess.run(["shellcheck", "--format=gcc", "--external-sources"] + scripts, cwd=ROOT,
                         capture_output=True, text=True, check=False)
    return ran.stdout.splitlines() + ran.stderr.splitlines()


# ---- events ----

# A folder whose code runs in brokers.
OF_BROKERS = re.compile(r"(broker|controller|zk-schema|client/(base|net|wire))(/|$)")
LOGGED = re.compile(r"\bLOG_(ERROR|WARN|INFO|DEBUG)\(((?:[^,\"]|\"[^\"]*\")*),")


def log_events(files):
    """{event: (levels, folders)}"""
    found = {}
    for name in files:
        if not name.endswith(".c") or not OF_BROKERS.match(folder_of(name)):
            continue
        for level, first in LOGGED.findall(read(name)):
            for event in re.findall(r'"([a-z0-9_]+)"', first):
                levels, folders = found.setdefault(event, (set(), set()))
                levels.add(level)
                folders.add(folder_of(name))
    return found


def listed_events(text):
    """The same of the table."""
    rows = re.findall(r"^\| `([a-z0-9_]+)` \| ([A-Z, ]+) \| ([^|]+) \| [^|]+ \|$", text, re.M)
    return {event: (set(levels.split(", ")),
                    {logger.strip("`").replace(".", "/") for logger in loggers.split(", ")})
            for event, levels, loggers in rows}


def compare_events(logged, listed):
    problems = [f"broker/EVENTS.md: lacks {event}" for event in sorted(set(logged) - set(listed))]
    problems += [f"broker/EVENTS.md: nobody logs {event}"
                 for event in sorted(set(listed) - set(logged))]
    return problems + [f"broker/EVENTS.md: {event} is {logged[event]}"
                       for event in sorted(set(logged) & set(listed))
                       if logged[event] != listed[event]]


def events(files):
    return compare_events(log_events(files), listed_events(read("broker/EVENTS.md")))


CHECKS = {"arrows": arrows, "words": words, "length": length, "headers": headers,
          "format": format_, "shell": shell, "events": events}


def main(arguments):
    update = "--update" in arguments
    names = [name for name in arguments if name != "--update"] or list(CHECKS)
    if any(name not in CHECKS for name in names):
        print(__doc__)
        return 2
    files = project_files()
    count = 0
    for name in names:
        problems = length(files, update) if name == "length" else CHECKS[name](files)
        count += len(problems)
        for problem in problems:
            print(problem)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
