"""Plants bugs, one at a time, and shows that random schedules find each.

    planted_bugs.py BUILD [--seconds N] [--starts N] [--shrink] [--only WORD] [--few]

Compiles the changed file as the build did, links it before the build's own into `simulate`, and runs
seeds until one fails; at most so many seconds of processor time (60). With --starts N it begins at N
different seeds and tells the mean time; with --shrink it prints what the first failing schedule
takes; with --few it plants one of each kind, as the tests do. BUILD is a folder of CMake with Ninja in which `simulate` is built. Exit status 1 if one was
not found.
"""
import argparse
import pathlib
import re
import resource
import shlex
import signal
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
TARGET = "simulate"
CORE = "controller/core/"
# What is wrong, where, and what is written instead of what.
BUGS = [
    ("wrong leader: one that is not in the isr", CORE + "election_plan.c",
     "int32_t candidate = first_replica(input, healths, true);",
     "int32_t candidate = first_replica(input, healths, false);"),
    ("wrong isr: who is gone stays in it", CORE + "election_plan.c",
     "if ((HEALTH_BIT(controller_election_health_of(input, input->isr[i])) & healths) != 0)",
     "if (healths != 0)"),
    ("an election without a new leader epoch", CORE + "partition_machine.c",
     ".leader_epoch = p->exists ? p->state.leader_epoch + 1 : 0,",
     ".leader_epoch = p->exists ? p->state.leader_epoch : 0,"),
    ("missing fence: a deposed controller goes on writing", CORE + "term.c",
     "c->config.test_without_fence ? -1 : epoch_version", "-1 + 0 * epoch_version"),
    ("missing fence: states are written in ignorance of registrations", CORE + "writes.c",
     "c->config.test_without_registrations_check ? -1 : c->registrations", "-1"),
    ("lost notification: a dead broker's partitions are not looked at", CORE + "liveness.c",
     "        replica->eviction = EVICTION_WANTED;\n"
     "        controller_partition_touch(c, replica->partition);",
     "        replica->eviction = EVICTION_WANTED;\n        (void)c;"),
    ("lost notification: a change while changes are listed is forgotten",
     "broker/metadata/watch_changes.c",
     "        watcher->list_changes_again = true;", "        watcher->list_changes_again = false;"),
    ("lost notification: the controller does not hear who comes and goes",
     "controller/shell/controller_shell.c",
     "{PATH_BROKER_IDS, CONTROLLER_EVENT_BROKERS_CHANGED},",
     "{PATH_BROKER_IDS, CONTROLLER_EVENT_CONTROLLER_CHANGED},"),
    ("lost notification: marks of topics to delete are not heard of",
     "controller/shell/controller_shell.c",
     "{PATH_DELETE_TOPICS, CONTROLLER_EVENT_DELETE_TOPICS_CHANGED},",
     "{PATH_DELETE_TOPICS, CONTROLLER_EVENT_CONTROLLER_CHANGED},"),
    ("off by one: a proposal over the partition epoch before is taken", CORE + "isr_plan.c",
     "if (proposal->partition_epoch < version)", "if (proposal->partition_epoch + 1 < version)"),
    ("off by one: a leader of the leader epoch before is heard", CORE + "isr_plan.c",
     "if (proposal->leader_epoch < state->leader_epoch)",
     "if (proposal->leader_epoch + 1 < state->leader_epoch)"),
    ("off by one: a leader of the present leader epoch is not heard", CORE + "isr_plan.c",
     "if (proposal->leader_epoch < state->leader_epoch)",
     "if (proposal->leader_epoch <= state->leader_epoch)"),
    ("an older registration of a member is taken for the present one", CORE + "partition_machine.c",
     "if (epoch >= 0 && epoch != replica->broker->epoch)",
     "if (epoch > replica->broker->epoch)"),
    ("lost notification: what happens while a partition is written is forgotten",
     CORE + "partition_machine.c", "        p->dirty = true;", "        p->dirty = false;"),
    ("two leaders: a new one acts in the leader epoch before", "broker/metadata/metadata_builder.c",
     "    partition->leader_epoch = state->leader_epoch;",
     "    partition->leader_epoch = state->leader_epoch - (state->leader_epoch > 0);"),
    ("who registered anew stays in the isr", CORE + "liveness.c",
     "    if (known)\n        lose_replicas(c, broker);", "    if (known)\n        return;"),
    ("who is back before a new controller could write so stays in the isr", CORE + "liveness.c",
     "        bool stale = is_stale(replica);", "        bool stale = false;"),
    ("who restarted uncleanly counts as ever", CORE + "cluster.c",
     "return REPLICA_UNCLEAN;", "return REPLICA_ONLINE;"),
    ("that nobody leads makes who lost records count again", CORE + "election_plan.c",
     "if (controller_election_health_of(input, input->isr[i]) == REPLICA_OFFLINE_UNCLEAN)",
     "if (input->isr[i] < 0)"),
    ("unclean restarts of who is gone are not known", CORE + "liveness.c",
     "        else\n            mark_seen(", "        else if (i > 1000)\n            mark_seen("),
    ("wrong truncation: at the leader's end of an epoch that the follower lacks",
     "broker/replica/truncation_plan.c",
     "return (struct truncation){smaller(input->own_end_offset, log_end), false};",
     "return (struct truncation){smaller(input->leader_end_offset, log_end), false};"),
    ("wrong truncation: one record too many", "broker/replica/truncation_plan.c",
     "smaller(smaller(input->own_end_offset, input->leader_end_offset), log_end), true}",
     "smaller(smaller(input->own_end_offset, input->leader_end_offset), log_end) - 1, true}"),
    ("wrong truncation: at the high watermark", "broker/replica/truncation_plan.c",
     "if (input->leader_end_offset < 0)", "if (input->leader_end_offset >= 0)"),
    ("high watermark too early: who may join is not waited for", "broker/replica/replica_progress.c",
     "broker_ids_contain(view->maximal_isr, view->maximal_isr_count, replica->broker_id) ||\n"
     "            (replica->log_end_offset != PROGRESS_UNKNOWN &&",
     "broker_ids_contain(view->isr, view->isr_count, replica->broker_id) ||\n"
     "            (replica->log_end_offset == INT64_MAX &&"),
    ("high watermark too early: one record before the followers", "broker/replica/replica_progress.c",
     "            candidate = replica->log_end_offset;",
     "            candidate = replica->log_end_offset + 1;"),
    ("who has not reached the high watermark joins the isr", "broker/replica/replica_progress.c",
     "replica->log_end_offset >= view->high_watermark &&\n"
     "           replica->log_end_offset >= view->leader_epoch_start_offset;",
     "replica->log_end_offset + 2 >= view->high_watermark;"),
    ("caches: an older state replaces a newer one", "broker/metadata/metadata_builder.c",
     "return state->partition_epoch > known->partition_epoch;",
     "return state->partition_epoch != known->partition_epoch;"),
    ("caches: a gap in the change log is not seen", "broker/metadata/watch_changes.c",
     "if (next != watcher->next_change &&", "if (next == watcher->next_change &&"),
    ("deletion stuck: what was refused is not listed anew", CORE + "topic_deletion.c",
     "void controller_deletion_on_refused(struct topic *topic) {\n"
     "    controller_cluster_topic_clear_tree(topic);",
     "void controller_deletion_on_refused(struct topic *topic) {\n    (void)topic;"),
    ("deletion stuck: a mark that came meanwhile stays", CORE + "topic_deletion.c",
     "if (topic->mark_seen && !topic->marked)", "if (topic->mark_seen && topic->marked)"),
    ("reassignment stuck: a write that was not made is not planned again", CORE + "reassignment.c",
     "        if (topic->partitions[i]->planned != NULL)\n            topic->assignment_wanted = true;",
     "        if (topic->partitions[i]->planned != NULL)\n            topic->assignment_wanted = false;"),
    ("reassignment stuck: a new controller does not go on with it", CORE + "reassignment.c",
     "    p->topic->assignment_wanted = true;\n    controller_topic_touch(c, p->topic);\n}\n\n"
     "bool controller_reassignment_bars",
     "    if (c->epoch == 1)\n        p->topic->assignment_wanted = true;\n"
     "    controller_topic_touch(c, p->topic);\n}\n\nbool controller_reassignment_bars"),
    ("reassignment: the leader is not told of its new replicas", CORE + "reassignment.c",
     "    p->epoch_wanted = p->exists;", "    p->epoch_wanted = false;"),
    ("an unknown outcome is taken for a success", CORE + "writes.c",
     "enum fate fate = unknown || i == failed ? FATE_REFUSED : FATE_UNDONE;",
     "enum fate fate = unknown ? FATE_WRITTEN : i == failed ? FATE_REFUSED : FATE_UNDONE;"),
    ("producer ids: a block is given twice", CORE + "producer_ids.c",
     "if (event->error == ERR_NONE)\n", "if (event->error != ERR_ZK_BAD_VERSION)\n"),
]

FEW = ("wrong leader", "missing fence: a deposed", "lost notification: a dead", "off by one: a prop",
       "wrong truncation: one", "high watermark too early: who", "reassignment stuck: a new")


def commands(build):
    listed = subprocess.run(["ninja", "-C", build, "-t", "commands", TARGET], check=True,
                            capture_output=True, text=True).stdout.splitlines()
    return [line for line in listed if line.strip()]


def run(build, command):
    subprocess.run(command, shell=True, check=True, cwd=build, stdout=subprocess.DEVNULL)


def plant(build, listed, bug, folder):
    """The program with the bug in it."""
    _, name, right, wrong = bug
    source = SOURCE / name
    text = source.read_text()
    assert text.count(right) == 1, f"{name} has changed: {right!r}"
    changed, made, program = folder / source.name, folder / "changed.o", folder / "program"
    changed.write_text(text.replace(right, wrong))
    compiling = next(line for line in listed if line.endswith(f" -c {source}"))
    words = shlex.split(compiling)
    words[words.index("-o") + 1] = str(made)
    words[words.index("-c") + 1] = str(changed)
    words = [word for word in words if word not in ("ccache", "-Werror")]
    run(build, " ".join(shlex.quote(word) for word in words + ["-w"]))
    linking = next(line for line in reversed(listed) if f"-o tests/simulation/{TARGET}" in line)
    run(build, linking.replace(f"-o tests/simulation/{TARGET}",
                               f"{shlex.quote(str(made))} -o {shlex.quote(str(program))}"))
    return program


def search(program, first, seconds):
    """Processor seconds until a seed failed, and what it said; None if none did."""
    begun = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    ran = subprocess.run([program, "seeds", str(first), str(first + 999999)], capture_output=True,
                         text=True, errors="replace", check=False,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU,
                                                               (seconds, seconds + 5)))
    took = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - begun
    lines = ran.stderr.strip().splitlines() or [f"ended with status {ran.returncode}"]
    if ran.returncode in (0, -signal.SIGXCPU, -signal.SIGKILL):
        return took, None
    return took, next((line for line in lines if "simulation failed" in line), lines[0])


def report(bug, program, options):
    """Whether it was found from every first seed."""
    times, message, seed = [], None, None
    for start in range(options.starts):
        took, said = search(program, 1 + start * 1000000, options.seconds)
        if said is None:
            print(f"{bug[0]}: NOT FOUND in {took:.0f} s from seed {1 + start * 1000000}", flush=True)
            return False
        times.append(took)
        if message is None:
            message = said.replace("simulation failed: ", "")
            found = re.search(r"seed=(\d+)", said)
            seed = found.group(1) if found else None
    print(f"{bug[0]}: {sum(times) / len(times):.1f} s\n    {message}", flush=True)
    if options.shrink and seed is not None:
        shrunk = subprocess.run([program, "shrink", seed], capture_output=True, text=True,
                                check=False).stdout
        print("".join(f"    {line}\n" for line in shrunk.splitlines()), end="", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--starts", type=int, default=1)
    parser.add_argument("--shrink", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--few", action="store_true")
    options = parser.parse_args()
    build = str(pathlib.Path(options.build).resolve())
    listed = commands(build)
    missed = 0
    for bug in BUGS:
        if options.only not in bug[0] or (options.few and not bug[0].startswith(FEW)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            program = plant(build, listed, bug, pathlib.Path(folder))
            missed += not report(bug, program, options)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
