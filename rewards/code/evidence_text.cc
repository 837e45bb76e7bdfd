#include "rewards/code/harness.h"

namespace amalgam::rewards {

// Who decided a test that passed. The answer's own objects are compared by the answer, and a class
// whose __eq__ says yes to everything would pass each test that asks for nothing else. So the
// checker notes, of a test,
//   own: such a comparison was made;
//   values: an assert passed, or an exception came, that plain data decided;
//   is_own: the last thing that the answer said was about its own objects.
// Asserts of test code are followed by a call that looks at it, and `type(x)` and `x.__class__` of
// what stands for the answer's objects are the answer's classes, by number.
const char* const kEvidenceText = R"python(
evidence = {"own": False, "values": False, "is_own": False, "has_asked": False}

def note_own():
    evidence["own"] = evidence["is_own"] = True

def note_plain(v):
    if v is not None and not isinstance(v, Remote):
        evidence["is_own"] = False

def note_assert():
    if not evidence["is_own"]:
        evidence["values"] = True
    evidence["is_own"] = False

def how_it_passed():
    return "own" if evidence["own"] and not evidence["values"] else "pass" if evidence["values"] else "weak"

class Stranger:
    """What no honest object is equal to."""

def ask_of_stranger(v):
    if evidence["has_asked"]:
        return
    evidence["has_asked"] = True
    reply = wire.ask("op", "eq", Own(number_of(v)), Stranger())
    if reply[0] == "V" and reply[1] is True:
        undecided("an object of the answer's that equals everything")

def type_of(*args):
    if len(args) == 1 and isinstance(args[0], Remote):
        return class_of(args[0])
    return type(*args)

def class_of(v):
    if not isinstance(v, Remote):
        return v.__class__
    value = wire.do("type", Own(number_of(v)))
    return value if isinstance(value, Remote) else type(v)

# Of asserts about identity alone: an answer that always gives one object passes them.
def is_of_identity(node, ast):
    if not isinstance(node, ast.Compare) or not all(isinstance(op, (ast.Is, ast.IsNot)) for op in node.ops):
        return False
    return any(isinstance(op, ast.IsNot) for op in node.ops) or not isinstance(node.comparators[-1], ast.Constant)

def compile_test(text):
    import ast
    tree = ast.parse(text, "test_solution.py")
    own_type = any(isinstance(n, ast.Name) and n.id == "type" and not isinstance(n.ctx, ast.Load)
                   or isinstance(n, ast.arg) and n.arg == "type" for n in ast.walk(tree))

    def call(name, *args):
        return ast.Call(ast.Name(name, ast.Load()), list(args), [])

    class Rewriter(ast.NodeTransformer):
        def visit_Assert(self, node):
            after = ast.copy_location(ast.Expr(call("__note_assert__")), node)
            is_weak = is_of_identity(node.test, ast)
            self.generic_visit(node)
            return node if is_weak else [node, after]
        def visit_Call(self, node):
            self.generic_visit(node)
            if isinstance(node.func, ast.Name) and node.func.id == "type" and len(node.args) == 1 \
                    and not node.keywords and not own_type:
                node.func = ast.copy_location(ast.Name("__type_of__", ast.Load()), node.func)
            return node
        def visit_Attribute(self, node):
            self.generic_visit(node)
            if node.attr == "__class__" and isinstance(node.ctx, ast.Load):
                return ast.copy_location(call("__class_of__", node.value), node)
            return node

    tree = ast.fix_missing_locations(Rewriter().visit(tree))
    return compile(tree, "test_solution.py", "exec", dont_inherit=True)

def add_evidence():
    builtins.__note_assert__, builtins.__type_of__, builtins.__class_of__ = note_assert, type_of, class_of

# The same of unittest's methods; those about identity and classes say as little as such asserts.
def watch_unittest(unittest):
    weak = ("assertIs", "assertIsNot", "assertIsNotNone", "assertIsInstance", "assertNotIsInstance")
    def watched(method):
        def run(*args, **kwargs):
            result = method(*args, **kwargs)
            note_assert()
            return result
        return run
    for name in dir(unittest.TestCase):
        if name.startswith("assert") and name not in weak:
            setattr(unittest.TestCase, name, watched(getattr(unittest.TestCase, name)))
)python";

}  // namespace amalgam::rewards
