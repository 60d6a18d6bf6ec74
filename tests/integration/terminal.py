"""Commands at a terminal: somebody types an answer, or sees what is only shown to people."""
import os
import pty
import subprocess


def answer(command, typed):
    """Runs it where somebody types a line; gives (status, all that is seen)."""
    own, other = pty.openpty()
    process = subprocess.Popen(command, stdin=other, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
    os.close(other)
    os.write(own, typed.encode() + b"\n")
    seen = process.communicate(timeout=60)[0].decode()
    os.close(own)
    return process.returncode, seen


def shown(command, stream, environment):
    """What it prints to "stdout" or "stderr" if that is a terminal; up to 64 KiB."""
    own, other = pty.openpty()
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment,
                               **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
                                  stream: other})
    os.close(other)
    seen = b""
    try:
        while part := os.read(own, 65536):
            seen += part
    except OSError:  # the other end is closed
        pass
    process.wait(60)
    os.close(own)
    return seen
