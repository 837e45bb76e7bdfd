"""A folder may include only itself and the folders in its LINKS of CMakeLists.txt; slow headers stay in
.cc files."""

import pathlib
import re
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)
QUOTED_LIBRARIES = ("hwy/",)  # Highway's own documentation quotes them
SLOW_HEADERS = ("toml++/", "CLI/", "nlohmann/json.hpp", "boost/")


def allowed_edges(cmake):
    """{"model": {"configs", "kernels"}, …} from the amalgam_folder() lines, in order."""
    edges = {}
    for call in re.findall(r"^amalgam_folder\(([^)]*)\)", cmake, re.M):
        name, *words = call.split()
        links = set()
        if "LINKS" in words:
            for word in words[words.index("LINKS") + 1:]:
                if word == "PRIVATE":
                    break
                links.add(word)
        unknown = links - edges.keys()
        if unknown:
            raise ValueError(f"{name} links {sorted(unknown)}, which do not stand above it")
        edges[name] = links
    return edges


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".h", ".cc", ".cu", ".cuh"))


def violations(root):
    """One line per #include that must not be."""
    edges = allowed_edges((root / "CMakeLists.txt").read_text())
    found = []
    for folder in list(edges) + ["tests"]:
        for path in sources(root / folder):
            where = path.relative_to(root)
            if folder == "tests":
                own = where.parts[1]
                allowed = {own, "tests"} | edges[own] if own in edges else {*edges, "tests"}
            else:
                allowed = {folder} | edges[folder]
            for quote, name in INCLUDE.findall(path.read_text()):
                if name.startswith(QUOTED_LIBRARIES):
                    continue
                if quote == '"' and name.split("/")[0] not in allowed:
                    found.append(f"{where} includes {name}")
                if quote == "<" and path.suffix == ".h" and name.startswith(SLOW_HEADERS):
                    found.append(f"{where} includes <{name}>, a slow header")
    return found


class FolderEdges(unittest.TestCase):
    maxDiff = None

    def test_the_tree_has_no_forbidden_include(self):
        self.assertEqual(violations(ROOT), [])

    def test_every_folder_was_read(self):
        edges = allowed_edges((ROOT / "CMakeLists.txt").read_text())
        self.assertGreaterEqual(len(edges), 10)
        self.assertGreater(len(sources(ROOT / "configs")), 5)

    def test_forbidden_includes_are_found(self):
        with tempfile.TemporaryDirectory() as name:
            root = pathlib.Path(name)
            files = {
                "CMakeLists.txt": "amalgam_folder(a)\namalgam_folder(b LINKS a PRIVATE json)\n"
                                  "amalgam_folder(c LINKS\n  b)\n",
                "a/x.cc": '#include "b/y.h"\n#include <vector>\n#include <CLI/CLI.hpp>\n',
                "b/y.h": '#include "a/x.h"\n#include <toml++/toml.h>\n',
                "c/z.cu": '#include "a/x.h"\n#include "hwy/highway.h"\n#  include "b/y.h"\n',
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
                "tests/a/x_test.cc includes c/z.h",
                "tests/bench/x_bench.cc includes elsewhere/q.h",
            ])

    def test_an_edge_upwards_is_rejected(self):
        with self.assertRaises(ValueError):
            allowed_edges("amalgam_folder(a LINKS b)\namalgam_folder(b)\n")


if __name__ == "__main__":
    unittest.main()
