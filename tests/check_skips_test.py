"""Tests of check_skips.py, and of the list it reads."""

import pathlib
import unittest

from check_skips import parse_skips, skipped_tests, unlisted

JUNIT = """<?xml version="1.0"?>
<testsuite name="x" tests="3" failures="0" disabled="0" skipped="1">
  <testcase name="A.Runs" classname="A.Runs" status="run"><properties/></testcase>
  <testcase name="A.Skips" classname="A.Skips" status="notrun"><skipped message="SKIP_REGULAR_EXPRESSION_MATCHED"/></testcase>
  <testcase name="A.Disabled" classname="A.Disabled" time="0" status="disabled"/>
</testsuite>"""


class CheckSkips(unittest.TestCase):
    def test_skipped_tests_are_found(self):
        self.assertEqual(skipped_tests(JUNIT), ["A.Skips", "A.Disabled"])

    def test_results_without_tests_are_an_error(self):
        with self.assertRaises(ValueError):
            skipped_tests("<testsuite/>")

    def test_only_whole_names_are_listed(self):
        skips = parse_skips("# comment\n\nA\\.Sk  needs a thing\nB\\..*  needs another\n")
        self.assertEqual(unlisted(["A.Skips", "B.x"], skips), ["A.Skips"])

    def test_a_reason_is_required(self):
        with self.assertRaises(ValueError):
            parse_skips("A.Skips\n")

    def test_the_committed_list_is_well_formed(self):
        text = (pathlib.Path(__file__).parent / "skips.txt").read_text()
        self.assertGreater(len(parse_skips(text)), 0)


if __name__ == "__main__":
    unittest.main()
