"""Plants bugs in the controller, one at a time, and shows that random schedules find each.

    planted_bugs.py BUILD [SECONDS]

Compiles the changed file as the build did, links it before the build's own into the random runs, and
runs seeds from 1 on until one fails; at most so many seconds (60). BUILD is a folder of CMake with
Ninja in which simulation_random_test is built.

Not found within a minute, and so not in the list: an off-by-one in the checks of AlterPartition,
whether of the leader epoch or of the partition epoch (the modelled leaders seldom propose by an old
state, and each check covers most of what the other lets through).
"""
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TARGET = "simulation_random_test"
BUGS = [
    ("wrong leader: one that is not in the isr", "election_plan.c",
     "int32_t candidate = first_replica(input, healths, true);",
     "int32_t candidate = first_replica(input, healths, false);"),
    ("missing fence: a deposed controller goes on writing", "term.c",
     "c->config.test_without_fence ? -1 : epoch_version", "-1 + 0 * epoch_version"),
    ("lost notification: a dead broker's partitions are not looked at", "liveness.c",
     "        replica->eviction = EVICTION_WANTED;\n"
     "        controller_partition_touch(c, replica->partition);",
     "        replica->eviction = EVICTION_WANTED;\n        (void)c;"),
    ("who restarted uncleanly counts as ever", "cluster.c",
     "return REPLICA_UNCLEAN;", "return REPLICA_ONLINE;"),
]


def commands(build):
    listed = subprocess.run(["ninja", "-C", build, "-t", "commands", TARGET], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.strip()]


def run(build, command):
    subprocess.run(command, shell=True, check=True, cwd=build, stdout=subprocess.DEVNULL)


def plant(build, listed, bug, folder):
    """The program with the bug in it."""
    _, name, right, wrong = bug
    source = SOURCE / "controller" / "core" / name
    text = source.read_text()
    assert text.count(right) == 1, f"{name} has changed: {right!r}"
    changed, made, program = folder / name, folder / "changed.o", folder / "program"
    changed.write_text(text.replace(right, wrong))
    compiling = next(line for line in listed if line.endswith(f" -c {source}"))
    words = shlex.split(compiling)
    words[words.index("-o") + 1] = str(made)
    words[words.index("-c") + 1] = str(changed)
    run(build, " ".join(shlex.quote(word) for word in words if word not in ("ccache",)))
    linking = next(line for line in reversed(listed) if f"-o tests/simulation/{TARGET}" in line)
    run(build, linking.replace(f"-o tests/simulation/{TARGET}",
                               f"{shlex.quote(str(made))} -o {shlex.quote(str(program))}"))
    return program


def main():
    build = str(pathlib.Path(sys.argv[1]).resolve())
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    listed = commands(build)
    missed = 0
    for bug in BUGS:
        with tempfile.TemporaryDirectory() as folder:
            program = plant(build, listed, bug, pathlib.Path(folder))
            begun = time.monotonic()
            try:
                ran = subprocess.run([program, "1", "1000000"], capture_output=True, text=True,
                                     timeout=seconds, check=False)
                found = ran.stderr.strip().splitlines()[-1] if ran.returncode != 0 else None
            except subprocess.TimeoutExpired:
                found = None
            took = time.monotonic() - begun
        missed += found is None
        print(f"{bug[0]}: {'not found' if found is None else found} ({took:.1f} s)", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
