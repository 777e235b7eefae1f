// The team of threads: every piece once, in any team; exceptions; scratch memory.
#include "cpu/workers.h"

#include <chrono>
#include <set>
#include <stdexcept>
#include <vector>

#include "expect.h"

using namespace stylear::cpu;

namespace {

void every_piece_runs_once(Workers& workers) {
  for (const int64_t count : {1, 2, 7, 64, 1003}) {
    for (const int64_t grain : {1, 3, 64, 5000}) {
      std::vector<int> hits(static_cast<size_t>(count));
      for (int round = 0; round < 10; ++round) {
        workers.for_each(count, grain, [&](int64_t begin, int64_t end) {
          EXPECT(begin % grain == 0 && begin < end && end <= count && end - begin <= grain);
          for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
        });
      }
      for (const int hit : hits) EXPECT(hit == 10);
    }
  }
  workers.for_each(0, 1, [](int64_t, int64_t) { EXPECT(false); });
}

void every_number_of_a_thread_comes_once(Workers& workers) {
  std::vector<int> hits(static_cast<size_t>(workers.threads()));
  workers.for_each_thread([&](int thread) { ++hits[static_cast<size_t>(thread)]; });
  for (const int hit : hits) EXPECT(hit == 1);
}

void exceptions_reach_the_caller(Workers& workers) {
  for (int round = 0; round < 50; ++round) {
    const std::string what = thrown<std::runtime_error>([&] {
      workers.for_each(100, 1, [&](int64_t begin, int64_t) {
        if (begin >= 40) throw std::runtime_error("piece");
      });
    });
    EXPECT(what == "piece");
  }
  int64_t sum = 0;  // and the team works on
  workers.for_each(1, 1, [&](int64_t, int64_t) { sum = 1; });
  EXPECT(sum == 1);
}

void pieces_may_share_out_pieces(Workers& workers) {
  std::atomic<int64_t> sum{0};
  workers.for_each(10, 1, [&](int64_t outer, int64_t) {
    auto* mine = workers.thread_scratch_of<int64_t>(4);
    mine[0] = outer;
    workers.for_each(10, 3, [&](int64_t begin, int64_t end) {
      workers.thread_scratch_of<int64_t>(4)[0] = -1;
      for (int64_t i = begin; i < end; ++i) sum += mine[0] * 10 + i;
    });
  });
  EXPECT(sum == 99 * 100 / 2);
}

void scratch_memory_is_apart(Workers& workers) {
  for (int round = 0; round < 8; ++round) {
    const int64_t bytes = 1000 << round;
    auto* a = static_cast<char*>(workers.scratch(bytes));
    auto* b = static_cast<char*>(workers.scratch(bytes));
    EXPECT(reinterpret_cast<uintptr_t>(a) % 64 == 0 && reinterpret_cast<uintptr_t>(b) % 64 == 0);
    EXPECT(a + bytes <= b || b + bytes <= a);
    workers.for_each(64, 1, [&](int64_t begin, int64_t) {
      auto* mine = static_cast<char*>(workers.thread_scratch(bytes));
      auto* more = static_cast<char*>(workers.thread_scratch(bytes));
      EXPECT(reinterpret_cast<uintptr_t>(mine) % 64 == 0);
      std::fill(mine, mine + bytes, static_cast<char>(begin));
      std::fill(more, more + bytes, static_cast<char>(begin + 1));
      for (int64_t i = 0; i < bytes; ++i)
        if (mine[i] != static_cast<char>(begin)) {
          EXPECT(mine[i] == static_cast<char>(begin));
          break;
        }
    });
    workers.finish_op();
  }
  void* first = workers.scratch(100);
  workers.finish_op();
  EXPECT(workers.scratch(100) == first);  // nothing is allocated in a steady loop
  workers.finish_op();
}

// A helper that sleeps, or has not begun, must not be waited for.
void a_team_wakes_up(Workers& workers) {
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int> hits{0};
    workers.for_each(16, 1, [&](int64_t, int64_t) { ++hits; });
    EXPECT(hits == 16);
  }
}

}  // namespace

int main() {
  for (const int threads : {1, 2, 3, 8}) {
    Workers workers(threads);
    EXPECT(workers.threads() == threads);
    every_piece_runs_once(workers);
    every_number_of_a_thread_comes_once(workers);
    exceptions_reach_the_caller(workers);
    pieces_may_share_out_pieces(workers);
    scratch_memory_is_apart(workers);
    a_team_wakes_up(workers);
  }
  for (int round = 0; round < 50; ++round) {  // teams come and go, also without work
    Workers workers(1 + round % 5);
    if (round % 2) workers.for_each(8, 1, [](int64_t, int64_t) {});
  }
  return outcome();
}
