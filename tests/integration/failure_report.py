"""When a case fails, what the servers that still run have written is shown before it is removed.

    failure_report.watch(server)     # server.report() is a text
    failure_report.forget(server)
"""
import sys
import unittest

_servers = []


def watch(server):
    _servers.append(server)


def forget(server):
    if server in _servers:
        _servers.remove(server)


class _Result(unittest.TextTestResult):
    def addError(self, test, err):
        super().addError(test, err)
        _show(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        _show(test)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            _show(subtest)


def _show(test):
    for server in _servers:
        print(f"\n---- when {test} had failed: {server.report()}", file=sys.stderr)


unittest.TextTestRunner.resultclass = _Result
