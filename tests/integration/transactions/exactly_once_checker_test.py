"""The checker of consume, work, produce finds what is wrong in doctored histories."""
import random
import unittest

from exactly_once_checker import problems
from transaction_log import Entry, fates

INPUTS = [f"a{number}" for number in range(40)]
PRODUCER = (7, 0)


def history(seed=1):
    """A log as a worker leaves it that is now and then made to begin anew, and what is seen of it."""
    chance, log, position = random.Random(seed), [], 0
    while position < len(INPUTS):
        batch = INPUTS[position:position + chance.randint(1, 5)]
        for value in batch:
            log.append(Entry(len(log), "record", PRODUCER, True, value.upper()))
        kind = chance.choice(["abort", "commit", "commit"])
        log.append(Entry(len(log), kind, PRODUCER, True, ""))
        if kind == "commit":
            position += len(batch)
    fate = fates(log)
    seen = [(entry.offset, entry.value) for entry in log
            if entry.kind == "record" and fate[entry.offset] == "committed"]
    return log, fate, seen


class ExactlyOnceCheckerTest(unittest.TestCase):
    def setUp(self):
        self.log, self.fate, self.seen = history()

    def found(self):
        return problems(INPUTS, self.fate, self.seen, str.upper)

    def assert_found(self, *beginnings):
        kinds = {sentence.split(":")[0] for sentence in self.found()}
        self.assertEqual(kinds, set(beginnings))

    def test_good_histories_pass(self):
        for seed in range(50):
            _, self.fate, self.seen = history(seed)
            self.assertEqual(self.found(), [], seed)

    def test_a_lost_record(self):
        for position in range(len(self.seen)):
            _, self.fate, self.seen = history()
            offset, _ = self.seen.pop(position)
            del self.fate[offset]
            self.assert_found("lost")

    def test_a_doubled_record(self):
        """Worked on twice, and committed both times."""
        end = len(self.log)
        for position, (_, value) in enumerate(self.seen):
            _, self.fate, self.seen = history()
            self.seen.append((end, value))
            self.fate[end] = "committed"
            self.assert_found("doubled", *(["out of order"] if position < len(INPUTS) - 1 else []))

    def test_a_doubled_record_beside_the_first(self):
        offset, value = self.seen[3]
        self.seen.insert(4, (offset, value))
        self.assert_found("doubled")

    def test_reordered_records(self):
        for position in range(len(self.seen) - 1):
            _, self.fate, self.seen = history()
            (one, first), (other, second) = self.seen[position:position + 2]
            self.seen[position:position + 2] = [(one, second), (other, first)]
            self.assert_found("out of order")

    def test_an_aborted_record_that_is_seen(self):
        """In the place of its later, committed double, so that each input is seen once."""
        aborted = {entry.value: entry.offset for entry in self.log if entry.kind == "record"
                   and self.fate[entry.offset] == "aborted"}
        self.assertTrue(aborted)
        for value, offset in aborted.items():
            _, self.fate, self.seen = history()
            position = next(i for i, (_, seen) in enumerate(self.seen) if seen == value)
            self.seen[position] = (offset, value)
            self.assert_found("seen though aborted", "hidden though committed")

    def test_an_aborted_record_that_is_seen_as_well(self):
        offset = next(offset for offset, fate in self.fate.items() if fate == "aborted")
        value = next(entry.value for entry in self.log if entry.offset == offset)
        self.seen = sorted([*self.seen, (offset, value)])
        self.assertIn("seen though aborted", {one.split(":")[0] for one in self.found()})

    def test_a_record_of_an_open_transaction_that_is_seen(self):
        self.fate[self.seen[-1][0]] = "open"
        self.assert_found("seen though open")

    def test_a_committed_record_that_stays_hidden(self):
        self.seen.pop()
        self.assert_found("lost", "hidden though committed")

    def test_a_record_that_nobody_wrote(self):
        end = len(self.log)
        self.seen.append((end, "X"))
        self.fate[end] = "committed"
        self.assert_found("made up")


if __name__ == "__main__":
    unittest.main()
