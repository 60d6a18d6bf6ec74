"""The manual: a page for every command and every function of the API, that mandoc finds nothing
wrong with; help, manual and completion tell of the same; colour is for terminals."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from broker_cluster import BUILD, COMMAND, BrokerCluster
from terminal import shown

FUNCTION = re.compile(r"BARNABAS_API\b[^;{]*?\b(barnabas_\w+)\(", re.S)


class ManualTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.prefix = pathlib.Path(tempfile.mkdtemp(prefix="barnabas-manual-"))
        subprocess.run(["cmake", "--install", BUILD, "--prefix", cls.prefix], check=True,
                       capture_output=True)
        cls.help = subprocess.run([COMMAND, "help"], capture_output=True, text=True,
                                  check=True).stdout

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.prefix)

    def page(self, section, name):
        return (self.prefix / f"share/man/man{section}/{name}.{section}").read_text()

    def commands(self):
        """(first word, second or None) of each line of the help."""
        lines = self.help.split("commands:\n")[1].split("\n\n")[0].splitlines()
        for line in lines:
            words = line[2:36].split()
            if not words:
                continue  # what goes on from the line before
            verb = words[1] if len(words) > 1 and re.fullmatch("[a-z-]+", words[1]) else None
            yield words[0], verb

    def test_every_command_has_a_page_with_its_flags(self):
        commands = list(self.commands())
        self.assertGreater(len(commands), 25)
        for group, verb in commands:
            page = self.page(1, f"barnabas-{group}" + (f"-{verb}" if verb else ""))
            told = subprocess.run([COMMAND, group, *([verb] if verb else []), "--help"],
                                  capture_output=True, text=True, check=False).stdout
            if group == "log" or "\nflags:\n" not in told:
                continue
            for flag in re.findall(r"--([a-z-]+)", told.split("\nflags:\n")[1].split("\n\n")[0]):
                self.assertIn(flag, page.replace("\\-", "-"))

    def test_every_function_has_a_page(self):
        for header in sorted((self.prefix / "include/barnabas").glob("*.h")):
            for name in FUNCTION.findall(header.read_text()):
                page = self.page(3, name)
                self.assertIn(f"barnabas_{header.stem}", page)
                self.assertIn(f"{name}(", self.page(3, f"barnabas_{header.stem}"))

    def test_mandoc_finds_nothing_wrong(self):
        pages = [page for page in (self.prefix / "share/man").glob("man*/*")
                 if not page.read_text().startswith(".so ")]
        self.assertGreater(len(pages), 40)
        ran = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages],
                             capture_output=True, text=True, check=False)
        self.assertEqual(ran.stdout + ran.stderr, "")

    def test_statuses_and_settings_are_told(self):
        overview = self.page(1, "barnabas")
        for status in range(9):
            self.assertIn(f".It {status}\n", overview)
            self.assertRegex(self.help, rf"\n  {status}  \w")
        self.assertIn(".It Va bootstrap.servers", self.page(5, "barnabas-config"))

    def test_completion_is_installed_for_both_shells(self):
        bash = self.prefix / "share/bash-completion/completions/barnabas"
        script = f"source {bash}; COMP_WORDS=(barnabas top); COMP_CWORD=1; " \
                 "__barnabas_complete; echo \"${COMPREPLY[@]}\""
        ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        self.assertEqual(ran.stdout.strip(), "topic")
        zsh = (self.prefix / "share/zsh/site-functions/_barnabas").read_text()
        self.assertTrue(zsh.startswith("#compdef barnabas\n"))
        self.assertIn("topic", zsh)

    def test_colour_is_for_terminals(self):
        with BrokerCluster(1) as cluster:
            command = [COMMAND, "-b", cluster.bootstrap, "cluster", "health"]
            piped = subprocess.run(command, capture_output=True, check=False).stdout
            self.assertIn(b"healthy: 1 brokers", piped)
            self.assertNotIn(b"\x1b", piped)
            for environment, coloured in (({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False),
                                          ({"TERM": "xterm", "NO_COLOR": "1"}, False)):
                variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
                seen = shown(command, "stdout", {**variables, **environment})
                self.assertEqual(b"\x1b[32mhealthy\x1b[0m" in seen, coloured, seen)


if __name__ == "__main__":
    unittest.main()
