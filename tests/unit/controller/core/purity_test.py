"""Fails if the controller's core can reach the world: a clock, file, socket, thread, chance of its
own, libevent or ZooKeeper. Arguments: nm, the archive."""

import re
import subprocess
import sys

FORBIDDEN = re.compile(
    r"""^(
        clock_gettime | clock_system | gettimeofday | time | localtime.* | gmtime.* | sleep | usleep
      | nanosleep | timer.* | timerfd.* | alarm
      | open(at)?(64)? | creat(64)? | close | read | write | p?readv?(64)? | p?writev?(64)?
      | fopen(64)? | fdopen | fread | fwrite | fclose | stat(64)? | fstat(64)? | unlink.* | rename.*
      | mkdir | opendir | mmap(64)? | ioctl | fcntl(64)?
      | socket | socketpair | connect | bind | listen | accept4? | send(to|msg)? | recv(from|msg)?
      | getaddrinfo | poll | select | epoll_.*
      | pthread_.* | fork | vfork | clone | exec.* | system | signal | sigaction | kill
      | rand(_r)? | random(_r)? | drand48 | getrandom | getentropy | rng_seed_from_kernel
      | getenv | secure_getenv
      | printf | puts | fprintf | __fprintf_chk | __printf_chk | logger_write
      | event_.* | evutil_.* | bufferevent_.* | evbuffer_.* | zoo_.* | zookeeper_.* | zk_.* | json_.*
    )$""",
    re.VERBOSE,
)


def main():
    nm, archive = sys.argv[1:]
    listing = subprocess.run(
        [nm, "--undefined-only", "--format=posix", archive],
        check=True, capture_output=True, text=True,
    ).stdout
    member, bad = "", []
    for line in listing.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif line:
            symbol = line.split()[0].split("@")[0]
            if FORBIDDEN.match(symbol):
                bad.append(f"{member}: {symbol}")
    if not listing.strip():
        bad.append("the archive is empty")
    print("\n".join(bad) or "pure")
    return 1 if bad else 0


sys.exit(main())
