"""The notation of wire schemas: what is wrong is refused, with file and line."""

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../../client/wire"))

from notation import NotationError, read_api  # noqa: E402


def read(text):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "Test.api")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return read_api(path)


class Notation(unittest.TestCase):
    def test_an_api_is_read(self):
        api = read(
            """
            api 7 SomeThing v1-4 flex 3 // a comment
            struct Pair { a:i32; b:[str] }
            > pairs:[Pair] @2+; inner{ x:i64=-1 @3; y:str?2-3 };
              cursor?{ z:bool=true }=null @3+
            < tagged:i32=0x7fffffff @3+ #0 !
            """
        )
        self.assertEqual((api.key, api.name, api.snake), (7, "SomeThing", "some_thing"))
        self.assertEqual((api.versions.first, api.versions.last), (1, 4))
        pairs, inner, cursor = api.request.fields
        self.assertTrue(pairs.is_array)
        self.assertEqual(pairs.struct.path, "some_thing_pair")
        self.assertEqual((pairs.versions.first, pairs.versions.last), (2, 4))
        x, y = inner.struct.fields
        self.assertEqual(inner.struct.path, "some_thing_request_inner")
        self.assertEqual((x.default, x.versions.first, x.versions.last), (-1, 3, 3))
        self.assertEqual((y.nullable.first, y.nullable.last), (2, 3))
        self.assertEqual((cursor.default, cursor.struct.fields[0].default), ("null", True))
        tagged = api.response.fields[0]
        self.assertEqual((tagged.tag, tagged.default, tagged.must_keep), (0, 2**31 - 1, True))

    def test_what_is_wrong_is_refused_with_its_line(self):
        head = "api 7 Test v0-4 flex 3\n"
        for label, text, line, words in (
            ("no api", "> a:i32 <", 1, "expected 'api'"),
            ("a strange character", head + "> a:i32 $ <", 2, "unexpected '$'"),
            ("no response", head + "> a:i32", 2, "expected"),
            ("an unknown type", head + "> a:Missing\n<", None, "struct Missing is not defined"),
            ("a field twice", head + "> a:i32; a:i32 <", 2, "occurs twice"),
            ("a struct twice", head + "struct A { a:i8 }\nstruct A { a:i8 }\n> <", 3, "twice"),
            ("a version too high", head + "> a:i32 @5+ <", 2, "not versions of the API"),
            ("versions that fall", head + "> a:i32 @3-2 <", 2, "not versions of the API"),
            ("a tag before the flexible version", head + "> a:i32 @2+ #0 <", 2, "flexible"),
            ("tags out of order", head + "> a:i32 @3+ #1 <", 2, "tags must be"),
            ("tagged records", head + "> a:records @3+ #0 <", 2, "records cannot be tagged"),
            ("a null number", head + "> a:i32? <", 2, "cannot be null"),
            ("a null default", head + "> a:str=null <", 2, "cannot be null"),
            ("a default string", head + "> a:str=x <", 2, "have defaults"),
            ("a bool that is a number", head + "> a:bool=1 <", 2, "true or false"),
            ("a body without end", head + "> a[]{ b:i32 <", 2, "'}' is missing"),
            ("no separator", head + "> a:i32\n b:i32 <", 3, "expected ';'"),
        ):
            with self.subTest(label):
                with self.assertRaises(NotationError) as caught:
                    read(text)
                self.assertIn(words, str(caught.exception))
                self.assertIn("Test.api:" + (f"{line}:" if line else ""), str(caught.exception))


if __name__ == "__main__":
    unittest.main()
