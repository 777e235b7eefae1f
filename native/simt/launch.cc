// Launches: the blocks of a grid over OS threads, the options, and how a kernel fails.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "block.h"
#include "check.h"
#include "fiber.h"
#include "memory.h"

namespace stylear::simt {

__thread Ids* current __attribute__((tls_model("initial-exec"))) = nullptr;
__thread BlockIds current_block __attribute__((tls_model("initial-exec"))) = {};
__thread Worker* worker __attribute__((tls_model("initial-exec"))) = nullptr;

namespace {

Stats counted_last{};

uint64_t blocks_of(const Launch& launch) {
  return uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
}

// The OS threads that run blocks. They live as long as the process, so that stacks and arenas are
// mapped once, and so does all that they share: a process may end amid a launch.
class Team {
 public:
  void run(const Launch& launch) {
    const std::lock_guard one_launch(launching_);
    const uint64_t blocks = blocks_of(launch);
    unsigned wanted = options().workers;
    if (wanted == 0) wanted = std::max(1u, std::thread::hardware_concurrency());
    if (race_build()) wanted = 1;  // reports that repeat, and hooks without locks
    wanted = unsigned(std::min<uint64_t>(wanted, blocks));
    // The checker reads the heap without locks: nobody may allocate meanwhile.
    std::unique_lock heap_guard(heap().mutex, std::defer_lock);
    if (race_build()) heap_guard.lock();
    ++heap().launch;
    heap().released.clear();
    std::unique_lock guard(mutex_);
    launch_ = &launch;
    options_ = options();
    next_ = 0;
    failed_ = false;
    error_.clear();
    counted_ = {};
    wanted_ = busy_ = wanted;
    while (threads_.size() < wanted)
      threads_.emplace_back([this, index = unsigned(threads_.size())] { serve(index); });
    ++generation_;
    wake_.notify_all();
    idle_.wait(guard, [this] { return busy_ == 0; });
    counted_last = counted_;
    if (failed_) throw failure(error_);
  }

 private:
  void serve(unsigned index) {
    Worker mine;
    worker = &mine;
    unsigned seen = 0;
    for (;;) {
      {
        std::unique_lock guard(mutex_);
        wake_.wait(guard, [&] { return generation_ != seen && index < wanted_; });
        seen = generation_;
      }
      run_blocks(mine);
      const std::lock_guard guard(mutex_);
      if (--busy_ == 0) idle_.notify_all();
    }
  }

  void run_blocks(Worker& w) {
    w.opt = options_;
    w.counted = {};
    map_stacks();
    const Launch& launch = *launch_;
    const uint64_t blocks = blocks_of(launch), width = launch.grid.x, height = launch.grid.y;
    while (!failed_) {
      uint64_t b = next_.fetch_add(1);
      if (b >= blocks) break;
      if (options_.order == Order::reverse) b = blocks - 1 - b;
      run_block(launch,
                {unsigned(b % width), unsigned(b / width % height), unsigned(b / width / height)});
      if (!w.failed) continue;
      const std::lock_guard guard(mutex_);
      if (!failed_) error_ = w.error;
      failed_ = true;
    }
    const std::lock_guard guard(mutex_);
    auto* sum = reinterpret_cast<uint64_t*>(&counted_);
    const auto* more = reinterpret_cast<const uint64_t*>(&w.counted);
    for (size_t i = 0; i < sizeof(Stats) / sizeof(uint64_t); ++i) sum[i] += more[i];
  }

  std::mutex launching_, mutex_;
  std::condition_variable wake_, idle_;
  std::vector<std::thread> threads_;
  const Launch* launch_ = nullptr;
  Options options_;
  unsigned generation_ = 0, busy_ = 0, wanted_ = 0;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::string error_;
  Stats counted_{};
};

}  // namespace

Options options_from_environment() {
  const auto is = [](const char* name, const char* value) {
    const char* text = std::getenv(name);
    return text && !std::strcmp(text, value);
  };
  const auto number = [](const char* name, uint64_t usual) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : usual;
  };
  Options o;
  if (is("STYLEAR_SIMT_ORDER", "reverse")) o.order = Order::reverse;
  if (is("STYLEAR_SIMT_ORDER", "random")) o.order = Order::random;
  if (is("STYLEAR_SIMT_ASYNC", "early")) o.async = Async::early;
  if (is("STYLEAR_SIMT_ASYNC", "random")) o.async = Async::random;
  o.seed = number("STYLEAR_SIMT_SEED", o.seed);
  o.workers = unsigned(number("STYLEAR_SIMT_WORKERS", o.workers));
  return o;
}

GpuTraits gpu_from_environment() {
  const char* compute = std::getenv("STYLEAR_SIMT_COMPUTE");
  const int capability = compute ? std::atoi(compute) : 80;
  const size_t kilobytes = capability == 80 ? 163 : capability == 89 ? 99 : 227;
  return {capability, 4, kilobytes * 1024};
}

Options& options() {
  static Options options = options_from_environment();
  return options;
}
const Stats& last_stats() { return counted_last; }
Stats& stats() { return worker->counted; }

void fail(const char* format, ...) {
  char text[2048];
  va_list args;
  va_start(args, format);
  std::vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (!current) throw failure(text);
  const uint3 block = current_block.block;
  char at[64];
  std::snprintf(at, sizeof at, ", block (%u,%u,%u): ", block.x, block.y, block.z);
  worker->failed = true;
  worker->error = function_name(worker->launch->code) + at + text;
  leave_block();
}

void run(const Launch& launch) {
  const dim3 grid = launch.grid, block = launch.block;
  const auto refuse = [&](const std::string& why) {
    throw failure(function_name(launch.code) + ": " + why);
  };
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > max_threads || block.z > 64)
    refuse("launched with blocks of " + std::to_string(threads) + " threads");
  if (!grid.x || !grid.y || !grid.z || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535)
    refuse("launched with a grid of " + std::to_string(grid.x) + " x " + std::to_string(grid.y) +
           " x " + std::to_string(grid.z) + " blocks");
  if (launch.shared > options().max_shared)
    refuse("launched with " + std::to_string(launch.shared) + " bytes of dynamic shared memory");
  if (current) refuse("launched from device code");
  static Team& team = *new Team;
  team.run(launch);
}

}  // namespace stylear::simt
