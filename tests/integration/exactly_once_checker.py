"""Decides whether consume, work, produce happened exactly once. Pure.

For one partition: `inputs`, the values in order; `fate`, {offset: "committed", "aborted" or
"open"}, what the markers in the log of the results say of each record; `seen`, [(offset, value)],
what a reader of committed records was shown; `result`, what the work makes of an input.
"""


def problems(inputs, fate, seen, result=lambda value: value):
    """Sentences; empty if every input has exactly one visible result, in the inputs' order."""
    found = []
    expected = {result(value): position for position, value in enumerate(inputs)}
    times = {}
    for _, value in seen:
        times[value] = times.get(value, 0) + 1
    for value in expected:
        if value not in times:
            found.append(f"lost: {value}")
    for value, count in times.items():
        if value not in expected:
            found.append(f"made up: {value}")
        elif count > 1:
            found.append(f"doubled: {value}, {count} times")
    latest = -1
    for offset, value in seen:
        if expected.get(value, latest) < latest:
            found.append(f"out of order: {value} at {offset}")
        latest = max(latest, expected.get(value, latest))
    for offset, value in seen:
        if fate.get(offset) != "committed":
            found.append(f"seen though {fate.get(offset, 'not there')}: {value} at {offset}")
    shown = {offset for offset, _ in seen}
    for offset, end in fate.items():
        if end == "committed" and offset not in shown:
            found.append(f"hidden though committed: the record at {offset}")
    return found
