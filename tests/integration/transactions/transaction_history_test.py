"""The checker of transactional histories finds each anomaly where it is planted."""
import random
import unittest

from transaction_history import (ABORTED_READ, DIRTY_READ, DISAGREEMENT, DUPLICATED_WRITE,
                                 FRACTURED_READ, LOST_WRITE, MADE_UP, OUT_OF_ORDER, Seen,
                                 Transaction, anomalies)

PARTITIONS = 3
TURNS = 30
WRITERS = 4


def history(seed):
    """What honest brokers would do: writers take turns by chance; some transactions are aborted,
    of some the end is never told. Two readers see it, one of them from somewhere on."""
    chance = random.Random(seed)
    transactions, time = {}, 0
    logs = {partition: [] for partition in range(PARTITIONS)}
    for order in range(TURNS):
        opened = []
        for writer in range(WRITERS):
            name = f"w{writer}-{order}"
            partitions = [chance.randrange(PARTITIONS) for _ in range(chance.randint(2, 5))]
            opened.append((name, writer, partitions, chance.choice(
                ["committed", "committed", "aborted", "unknown"]), chance.random() < 0.5))
        records = [(name, number) for name, _, partitions, _, _ in opened
                   for number in range(len(partitions))]
        chance.shuffle(records)
        records.sort(key=lambda one: one[1])  # each writer's own in order
        time += 10
        for name, number in records:
            _, _, partitions, end, applied = next(one for one in opened if one[0] == name)
            logs[partitions[number]].append((f"{name}/{number}", end, applied))
        for name, writer, partitions, end, _ in opened:
            asked = None if end == "aborted" else time + 1
            transactions[name] = Transaction(writer, order, partitions, asked, end)
    views = {"all": {}, "late": {}}
    for partition, log in logs.items():
        seen = [Seen(offset, value, 1000 + offset) for offset, (value, end, applied)
                in enumerate(log) if end == "committed" or end == "unknown" and applied]
        views["all"][partition] = seen
        views["late"][partition] = seen[len(seen) // 2:]
    return transactions, views


class TransactionHistoryTest(unittest.TestCase):
    def setUp(self):
        self.transactions, self.views = history(1)
        self.chance = random.Random(7)

    def kinds(self):
        return {kind for kind, _ in anomalies(self.transactions, self.views, ["all"])}

    def plant(self, seed):
        self.transactions, self.views = history(seed)
        return self.views["all"], self.chance.randrange(PARTITIONS)

    def name(self, end):
        return self.chance.choice([name for name, one in self.transactions.items()
                                   if one.end == end])

    def test_honest_histories_pass(self):
        for seed in range(100):
            self.plant(seed)
            self.assertEqual(anomalies(self.transactions, self.views, ["all"]), [], seed)

    def test_an_aborted_read(self):
        for seed in range(50):
            view, _ = self.plant(seed)
            name = self.name("aborted")
            partition = self.transactions[name].partitions[0]
            view[partition].append(Seen(10000, f"{name}/0", 20000))
            self.assertIn(ABORTED_READ, self.kinds())

    def test_a_dirty_read(self):
        for seed in range(50):
            view, partition = self.plant(seed)
            place = self.chance.randrange(len(view[partition]))
            one = view[partition][place]
            asked = self.transactions[one.value.split("/")[0]].asked
            view[partition][place] = one._replace(time=asked - 1)
            self.assertEqual(self.kinds(), {DIRTY_READ})

    def test_a_record_that_is_seen_of_a_transaction_that_never_asked(self):
        _, partition = self.plant(1)
        name = self.views["all"][partition][0].value.split("/")[0]
        self.transactions[name] = self.transactions[name]._replace(asked=None, end="unknown")
        self.assertEqual(self.kinds(), {DIRTY_READ})

    def test_a_lost_write(self):
        for seed in range(50):
            _, _ = self.plant(seed)
            name = self.name("committed")
            for reader in self.views.values():
                for partition in range(PARTITIONS):
                    reader[partition] = [one for one in reader[partition]
                                         if one.value.split("/")[0] != name]
            self.assertEqual(self.kinds(), {LOST_WRITE})

    def test_a_record_that_one_reader_passes_over(self):
        for seed in range(50):
            _, partition = self.plant(seed)
            late = self.views["late"][partition]
            late.pop(self.chance.randrange(1, len(late) - 1))
            self.assertEqual(self.kinds(), {LOST_WRITE})

    def test_a_fractured_read(self):
        """Of a transaction whose end nobody was told: it may be there or not, but not in part."""
        planted = 0
        for seed in range(50):
            view, partition = self.plant(seed)
            for one in view[partition]:
                if self.transactions[one.value.split("/")[0]].end == "unknown":
                    for reader in self.views.values():
                        reader[partition] = [other for other in reader[partition] if other != one]
                    self.assertEqual(self.kinds(), {FRACTURED_READ})
                    planted += 1
                    break
        self.assertGreater(planted, 25)

    def test_a_duplicated_write(self):
        for seed in range(50):
            view, partition = self.plant(seed)
            one = self.chance.choice(view[partition])
            view[partition].append(Seen(10000, one.value, 20000))
            self.assertEqual(self.kinds(), {DUPLICATED_WRITE})

    def test_a_writers_records_in_another_order(self):
        """As the log of both readers has it."""
        for seed in range(50):
            _, partition = self.plant(seed)
            of_one = [one for one in self.views["all"][partition] if one.value.startswith("w0-")]
            place = self.chance.randrange(len(of_one) - 1)
            first, second = of_one[place:place + 2]
            swapped = {first.offset: second.value, second.offset: first.value}
            for reader in self.views.values():
                reader[partition] = [one._replace(value=swapped.get(one.offset, one.value))
                                     for one in reader[partition]]
            self.assertEqual(self.kinds(), {OUT_OF_ORDER})

    def test_a_reader_that_goes_back(self):
        for seed in range(50):
            view, partition = self.plant(seed)
            place = self.chance.randrange(len(view[partition]) - 1)
            seen = view[partition]
            seen[place], seen[place + 1] = seen[place + 1], seen[place]
            self.assertIn(OUT_OF_ORDER, self.kinds())

    def test_readers_that_disagree(self):
        for seed in range(50):
            _, partition = self.plant(seed)
            late = self.views["late"][partition]
            late[0] = late[0]._replace(value=self.views["all"][partition][0].value)
            self.assertIn(DISAGREEMENT, self.kinds())

    def test_a_record_that_nobody_wrote(self):
        view, partition = self.plant(1)
        view[partition].append(Seen(10000, "w9-0/0", 20000))
        self.assertEqual(self.kinds(), {MADE_UP})

    def test_a_record_in_the_wrong_partition(self):
        view, _ = self.plant(1)
        one = view[0].pop()
        self.views["late"][0].pop()
        view[1].append(one._replace(offset=10000))
        self.assertIn(MADE_UP, self.kinds())


if __name__ == "__main__":
    unittest.main()
