"""A file system that is soon full, for tests.

    enter_own_mounts()          # first of all: starts the program again where it may mount
    with SmallFileSystem(folder, megabytes=24) as disk:
        disk.fill(leave=2 << 20)    # only so much is left
        disk.make_room()

It is ext4 on a loop device, or where that may not be had (no root, no loop devices) tmpfs. All
mounts lie in a mount namespace of the test's own, and go with it, however it ends. Who is not root
needs user namespaces for it, as Debian allows them. Where none of this is allowed the test fails
and says so: nothing else has the very errors of a full disk.
"""
import os
import pathlib
import shutil
import subprocess
import sys

INSIDE = "BARNABAS_OWN_MOUNTS"


def enter_own_mounts():
    if os.environ.get(INSIDE):
        return
    command = ["unshare", "--mount"] + ([] if os.geteuid() == 0 else ["--map-root-user"])
    ran = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        raise RuntimeError(f"this test needs a file system of its own, so root or user namespaces: "
                           f"{' '.join(command)}: {ran.stderr.strip()}")
    os.environ[INSIDE] = "1"
    os.execvp(command[0], [*command, sys.executable, *sys.argv])


class SmallFileSystem:
    def __init__(self, folder, megabytes):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.image = self.folder.with_name(self.folder.name + ".image")
        if not self._mount_ext4(megabytes):
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs",
                            str(self.folder)], check=True)
            self.kind = "tmpfs"
        print(f"{self.folder}: {megabytes} MB of {self.kind}", file=sys.stderr)

    def _mount_ext4(self, megabytes):
        make = shutil.which("mkfs.ext4", path=os.environ.get("PATH", "") + ":/sbin:/usr/sbin")
        if make is None:
            return False
        with open(self.image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run([make, "-q", "-m", "0", str(self.image)], check=True)
        self.kind = "ext4"
        if subprocess.run(["mount", "-o", "loop", str(self.image), str(self.folder)],
                          capture_output=True, check=False).returncode != 0:
            return False
        (self.folder / "lost+found").rmdir()
        return True

    def free_bytes(self):
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leave):
        """Takes all of it but `leave` bytes."""
        with open(self.folder / "filler", "wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.free_bytes() - leave)

    def make_room(self):
        (self.folder / "filler").unlink()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Also while it is still used."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)
        self.image.unlink(missing_ok=True)
