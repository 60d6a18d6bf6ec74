"""The checks find what they are for."""

import unittest

import tidy

SHORT = "int one(void) {\n    return 1;\n}\n"
TABLE = "static const struct row rows[] = {\n" + "    {f(1)},\n" * 100 + "};\n"
STRUCT = "struct wide {\n" + "    int a;\n" * 100 + "};\n"
LONG = ("static enum error long_one(struct a *a,\n"
        "                           int b) {\n" + "    a++;\n" * 97 + "}\n")


class Functions(unittest.TestCase):
    def test_functions_are_found_with_their_length(self):
        found = list(tidy.functions(SHORT + "\n" + LONG))
        self.assertEqual(found, [("one", 3), ("long_one", 100)])

    def test_tables_and_structs_are_no_functions(self):
        self.assertEqual(list(tidy.functions(TABLE + STRUCT)), [])

    def test_a_prototype_is_no_function(self):
        self.assertEqual(list(tidy.functions("int one(void);\n" + SHORT)), [("one", 3)])


class Events(unittest.TestCase):
    ROW = "| `a_b` | INFO, WARN | `broker.log`, `zk-schema` | it says so |\n"

    def test_rows_are_read(self):
        self.assertEqual(tidy.listed_events("| event | level |\n" + self.ROW),
                         {"a_b": ({"INFO", "WARN"}, {"broker/log", "zk-schema"})})

    def test_each_event_has_its_row(self):
        logged = {"a_b": ({"INFO"}, {"broker"})}
        self.assertEqual(tidy.compare_events(logged, dict(logged)), [])
        self.assertEqual(len(tidy.compare_events(logged, {})), 1)
        self.assertEqual(len(tidy.compare_events({}, logged)), 1)
        self.assertEqual(len(tidy.compare_events(logged, {"a_b": ({"WARN"}, {"broker"})})), 1)

    def test_events_are_found_in_the_source(self):
        self.assertEqual(tidy.LOGGED.findall('LOG_INFO(x ? "a" : "b",\n "k=%d", k);'),
                         [("INFO", 'x ? "a" : "b"')])


class Ratchet(unittest.TestCase):
    def test_what_is_listed_may_only_get_shorter(self):
        compare = tidy.compare_with_ratchet
        self.assertEqual(compare({"file a.c": 800}, {"file a.c": 800}), [])
        self.assertEqual(compare({"file a.c": 790}, {"file a.c": 800}), [])
        self.assertEqual(compare({"file a.c": 801}, {"file a.c": 800}),
                         ["file a.c: grew from 800 to 801 lines"])

    def test_nothing_joins_and_what_is_mended_leaves(self):
        compare = tidy.compare_with_ratchet
        self.assertEqual(compare({"file b.c": 701}, {}), ["file b.c: 701 lines"])
        self.assertEqual(compare({}, {"file a.c": 800}),
                         ["file a.c: no longer too long, take it off ratchet.txt"])


class Arrows(unittest.TestCase):
    def test_a_folder_may_include_itself_and_what_it_is_allowed(self):
        self.assertTrue(tidy.check_arrow("broker/log", "broker/log", []))
        self.assertTrue(tidy.check_arrow("broker/log", "client/wire/message", ["client/wire"]))
        self.assertFalse(tidy.check_arrow("broker/log", "broker/replica", ["client/wire"]))
        self.assertFalse(tidy.check_arrow("client/base", "client/baseline", ["client/wire"]))

    def test_the_table_points_down_only(self):
        folders, _ = tidy.read_arrows()
        order = list(folders)
        for folder, targets in folders.items():
            for target in targets:
                self.assertIn(target, order)


class Words(unittest.TestCase):
    def test_empty_names_are_seen(self):
        for name in ("utils.c", "string_util.h", "common.py", "test-helpers.sh"):
            self.assertTrue(tidy.EMPTY_NAMES.search(name), name)
        for name in ("utilisation.c", "uncommon.c", "miscount.h"):
            self.assertFalse(tidy.EMPTY_NAMES.search(name), name)


if __name__ == "__main__":
    unittest.main()
