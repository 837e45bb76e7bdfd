"""A folder may include only itself and the folders in its LINKS of CMakeLists.txt, a room of a folder only itself and
the rooms before it in ROOMS; slow headers stay in .cc files."""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
QUOTED_LIBRARIES = ("hwy/",)  # Highway's own documentation quotes them
SLOW_HEADERS = ("toml++/", "CLI/", "nlohmann/json.hpp", "boost/")


def folders(cmake):
    """{"model": {"ROOMS": ["tensors", …], "LINKS": ["configs", …]}, …} from the amalgam_folder() lines, in order."""
    found = {}
    for call in re.findall(r"^amalgam_folder\(([^)]*)\)", cmake, re.M):
        name, *words = call.split()
        lists = found[name] = {"ROOMS": [], "LINKS": [], "PRIVATE": []}
        key = None
        for word in words:
            if word in lists:
                key = word
            else:
                lists[key].append(word)
        unknown = set(lists["LINKS"]) - found.keys() | set(lists["LINKS"]) & {name}
        if unknown:
            raise ValueError(f"{name} links {sorted(unknown)}, which do not stand above it")
    return found


def room_of(parts, rooms):
    """The index of a file's room, where parts are those of its path below the folder; None: there is no such room."""
    room = parts[0] if len(parts) > 1 else "."
    return rooms.index(room) if room in rooms else None


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".h", ".cc", ".cu", ".cuh"))


def violations(root):
    """One line per #include that must not be, and per file that is in no room."""
    tree = folders((root / "CMakeLists.txt").read_text())
    found = []
    for folder in list(tree) + ["tests"]:
        rooms = tree[folder]["ROOMS"] if folder in tree else []
        for path in sources(root / folder):
            where = path.relative_to(root)
            if folder == "tests":
                own = where.parts[1]
                allowed = {own, "tests", *tree[own]["LINKS"]} if own in tree else {*tree, "tests"}
            else:
                allowed = {folder, *tree[folder]["LINKS"]}
            room = room_of(where.parts[1:], rooms)
            if rooms and room is None:
                found.append(f"{where} is in no room")
                continue
            for quote, name in INCLUDE.findall(path.read_text()):
                if name.startswith(QUOTED_LIBRARIES):
                    continue
                target, *rest = name.split("/")
                if quote == '"' and target not in allowed:
                    found.append(f"{where} includes {name}")
                if quote == '"' and target == folder and rooms:
                    included = room_of(rest, rooms)
                    if included is None or included > room:
                        found.append(f"{where} includes {name}, of a later room")
                if quote == "<" and path.suffix == ".h" and name.startswith(SLOW_HEADERS):
                    found.append(f"{where} includes <{name}>, a slow header")
    return found


class FolderEdges(unittest.TestCase):
    maxDiff = None

    def test_the_tree_has_no_forbidden_include(self):
        self.assertEqual(violations(ROOT), [])

    def test_every_folder_was_read(self):
        tree = folders((ROOT / "CMakeLists.txt").read_text())
        self.assertGreaterEqual(len(tree), 10)
        for folder, lists in tree.items():
            for room in lists["ROOMS"]:
                self.assertTrue(any(sources(ROOT / folder / room)), f"{folder}/{room} is empty")
        self.assertGreater(len(sources(ROOT / "configs")), 5)

    def test_forbidden_includes_are_found(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            files = {
                "CMakeLists.txt": "amalgam_folder(a)\namalgam_folder(b LINKS a PRIVATE json)\n"
                                  "amalgam_folder(c LINKS\n  b)\n"
                                  "amalgam_folder(d ROOMS low high .\n LINKS a)\n",
                "a/x.cc": '#include "b/y.h"\n#include <vector>\n#include <CLI/CLI.hpp>\n',
                "b/y.h": '#include "a/x.h"\n#include <toml++/toml.h>\n',
                "c/z.cu": '#include "a/x.h"\n#include "hwy/highway.h"\n#  include "b/y.h"\n',
                "d/low/l.h": '#include "d/high/h.h"\n#include "a/x.h"\n',
                "d/high/h.h": '#include "d/low/l.h"\n#include "d/high/i.h"\n#include "d/main.h"\n',
                "d/main.h": '#include "d/high/h.h"\n#include "d/nowhere/n.h"\n',
                "d/attic/old.h": '#include "d/low/l.h"\n',
                "tests/a/x_test.cc": '#include "c/z.h"\n#include "tests/a/help.h"\n',
                "tests/bench/x_bench.cc": '#include "c/z.h"\n#include "elsewhere/q.h"\n',
            }
            for path, text in files.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            self.assertEqual(violations(root), [
                "a/x.cc includes b/y.h",
                "b/y.h includes <toml++/toml.h>, a slow header",
                "c/z.cu includes a/x.h",
                "d/attic/old.h is in no room",
                "d/high/h.h includes d/main.h, of a later room",
                "d/low/l.h includes d/high/h.h, of a later room",
                "d/main.h includes d/nowhere/n.h, of a later room",
                "tests/a/x_test.cc includes c/z.h",
                "tests/bench/x_bench.cc includes elsewhere/q.h",
            ])

    def test_an_edge_upwards_is_rejected(self):
        with self.assertRaises(ValueError):
            folders("amalgam_folder(a LINKS b)\namalgam_folder(b)\n")
        with self.assertRaises(ValueError):
            folders("amalgam_folder(a LINKS a)\n")


if __name__ == "__main__":
    unittest.main()
