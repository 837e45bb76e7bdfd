#include "sandbox/function/function_pool.h"

#include <thread>

#include "sandbox/function/function.h"

namespace amalgam::sandbox {
namespace {

constexpr size_t kMaxPools = 4;
constexpr auto kRest = std::chrono::seconds(1);
// A call has the processors for itself before what it took is replaced, unless the pool runs low.
constexpr auto kAfterTaking = std::chrono::milliseconds(2);
constexpr size_t kLow = kWarmFunctions / 2;

// What the waiting interpreter runs. It says that it is ready, reads from stdin, unbuffered,
// two lengths of 8 hexadecimal digits, the arguments (each ended by a 0 byte) and the code, and
// becomes the program: what is left on stdin, sys.argv, sys.path and __main__ are the program's
// own. The end is the interpreter's without its clean-up of modules, which nobody sees: threads are
// waited for, exit functions run, streams flushed. A good end is announced at kEndFd, unless the
// program put something else there or this is a process that it forked: for the kernel to take a
// process apart takes longer than a small call. Nothing is imported that `python3 -S` would not
// have imported. The first compile of an interpreter makes the types of syntax trees, which takes
// a millisecond: it is made before the wait.
constexpr const char* kWaiter = R"python(
def _wait():
    import atexit, posix, sys
    del sys.modules["atexit"]
    compile("", "", "exec")
    def read(n):
        data = b""
        while len(data) < n:
            part = posix.read(0, n - len(data))
            if not part:
                posix._exit(0)
            data += part
        return data
    def end_pipe():
        try:
            return posix.fstat(255).st_ino
        except OSError:
            return None
    end = end_pipe()
    own = posix.getpid()
    if end:
        posix.set_inheritable(255, False)
    posix.write(1, b"\0")
    sizes = read(16)
    split = int(sizes[:8], 16)
    code = read(split + int(sizes[8:], 16))
    argv = [a.decode("utf-8", "surrogateescape") for a in code[:split].split(b"\0")[:-1]]
    code = code[split:]
    main = sys.modules["__main__"].__dict__
    del main["_wait"]
    sys.argv[:] = argv
    sys.orig_argv[-2:] = argv
    name = "<string>"
    status = 0
    try:
        if argv[0] != "-c":
            name = argv[0] if argv[0].startswith("/") else posix.getcwd() + "/" + argv[0]
            main["__file__"] = name
            sys.path[0] = name.rpartition("/")[0]
            try:
                with open(name, "rb") as file:
                    code = file.read()
            except OSError as e:
                sys.stderr.write("python3: can't open file '%s': [Errno %d] %s\n" %
                                 (name, e.errno, e.strerror))
                posix._exit(2)
        exec(compile(code, name, "exec", dont_inherit=True), main)
    except SystemExit as e:
        status = e.code
        if status is None:
            status = 0
        elif not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
        elif not -2**63 <= status < 2**63:
            status = -1
    except BaseException as e:
        e.__traceback__ = e.__traceback__.tb_next
        sys.excepthook(type(e), e, e.__traceback__)
        status = 1
    threading = sys.modules.get("threading")
    if threading:
        threading._shutdown()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except Exception:
            status = status or 120
    status &= 255
    if status == 0 and end and end_pipe() == end and posix.getpid() == own:
        posix.write(255, b"\0")
    posix._exit(status)
_wait()
)python";
static_assert(kEndFd == 255);

std::unique_ptr<Container> start_one(const Limits& limits, std::string* error) {
  auto container = Container::create(limits, error);
  if (!container || !container->start({python_call({"-c", kWaiter})}, error)) return nullptr;
  return container;
}

}  // namespace

FunctionPool& FunctionPool::instance() {
  static FunctionPool* const pool = new FunctionPool;
  return *pool;
}

FunctionPool::FunctionPool() {
  std::thread([this] { refill(); }).detach();
}

FunctionPool::Pool& FunctionPool::open(const Limits& limits) {
  for (auto pool = pools_.begin(); pool != pools_.end(); ++pool) {
    if (pool->limits != limits) continue;
    pools_.splice(pools_.begin(), pools_, pool);
    return *pool;
  }
  if (pools_.size() == kMaxPools) pools_.pop_back();
  pools_.push_front({limits, {}});
  return pools_.front();
}

std::unique_ptr<Container> FunctionPool::take(const Limits& limits, std::string* error) {
  {
    std::lock_guard lock(mutex_);
    Pool& pool = open(limits);
    pool.last_taken = Clock::now();
    taken_.notify_one();
    while (!pool.idle.empty()) {
      std::unique_ptr<Container> container = std::move(pool.idle.front());
      pool.idle.pop_front();
      if (container->is_started_alive()) return container;
    }
  }
  std::unique_ptr<Container> container = start_one(limits, error);
  return container ? std::move(container) : Container::create(limits, error);
}

const FunctionPool::Pool* FunctionPool::find(const Limits& limits) const {
  for (const Pool& pool : pools_)
    if (pool.limits == limits) return &pool;
  return nullptr;
}

int FunctionPool::num_idle(const Limits& limits) {
  std::lock_guard lock(mutex_);
  const Pool* pool = find(limits);
  return pool ? static_cast<int>(pool->idle.size()) : 0;
}

bool FunctionPool::wait_full(const Limits& limits, double deadline_seconds) {
  std::unique_lock lock(mutex_);
  open(limits);
  taken_.notify_one();
  return filled_.wait_for(lock, std::chrono::duration<double>(deadline_seconds), [&] {
    const Pool* pool = find(limits);
    return pool && pool->idle.size() >= kWarmFunctions;
  });
}

const FunctionPool::Pool* FunctionPool::first_short() const {
  const auto now = Clock::now();
  for (const Pool& pool : pools_)
    if (pool.idle.size() < kWarmFunctions && pool.rest_until <= now) return &pool;
  return nullptr;
}

void FunctionPool::refill() {
  std::unique_lock lock(mutex_);
  for (;;) {
    const Pool* pool = first_short();
    if (!pool) {
      taken_.wait_for(lock, kRest);
      continue;
    }
    if (const auto begin = pool->last_taken + kAfterTaking;
        pool->idle.size() > kLow && Clock::now() < begin) {
      taken_.wait_until(lock, begin);
      continue;
    }
    const Limits limits = pool->limits;
    lock.unlock();
    std::string error;  // the call that needs one meets the same failure and reports it
    std::unique_ptr<Container> container = start_one(limits, &error);
    lock.lock();
    // The pool may have been closed meanwhile.
    for (Pool& p : pools_) {
      if (p.limits != limits) continue;
      if (container)
        p.idle.push_back(std::move(container));
      else
        p.rest_until = Clock::now() + kRest;
    }
    filled_.notify_all();
  }
}

}  // namespace amalgam::sandbox
