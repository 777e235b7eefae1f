// The block pool: classes of sizes, reuse, recordings, and what happens when memory ends.
#include "core/pool.h"

#include <cstdlib>
#include <set>
#include <vector>

#include "expect.h"

using namespace stylear;

namespace {

// Memory of a machine with `limit` bytes.
struct Machine final : BlockSource {
  int64_t limit;
  int64_t taken = 0, settled = 0;
  std::set<void*> blocks;

  explicit Machine(int64_t limit = int64_t{1} << 40) : limit(limit) {}
  void* take(int64_t bytes) override {
    if (taken + bytes > limit) return nullptr;
    taken += bytes;
    void* block = std::malloc(static_cast<size_t>(bytes < 4096 ? bytes : 4096));
    blocks.insert(block);
    return block;
  }
  void give(void* block, int64_t bytes) override {
    EXPECT(blocks.erase(block) == 1);
    taken -= bytes;
    std::free(block);
  }
  void settle() override { ++settled; }
};

void classes_hold_what_they_promise() {
  int last = -1;
  for (int64_t bytes = 1; bytes < int64_t{1} << 40; bytes += 1 + bytes / 7) {
    const int index = Pool::class_of(bytes);
    const int64_t size = Pool::bytes_of_class(index);
    EXPECT(index >= last && index < Pool::classes);
    EXPECT(size >= bytes && size % 256 == 0);
    EXPECT(size - bytes < 256 || size - bytes <= bytes / 16);
    EXPECT(Pool::class_of(size) == index);
    EXPECT(Pool::bytes_of_class(index + 1) > size);
    last = index;
  }
}

void released_blocks_are_used_again() {
  Machine machine;
  {
    Pool pool(machine);
    void* a = pool.allocate(1000);
    void* b = pool.allocate(1000);
    EXPECT(a != b);
    EXPECT(pool.use().live_blocks == 2 && pool.use().live_bytes == 2048);
    pool.release(a);
    EXPECT(pool.allocate(900) == a);
    pool.release(a);
    EXPECT(pool.allocate(100000) != a);  // too large
    EXPECT(pool.allocate(100) != a);     // would waste most of it
    EXPECT(pool.use().live_blocks == 3);
    const int64_t before = machine.taken;
    pool.trim();
    EXPECT(before - machine.taken == 1024);
    EXPECT(pool.use().reserved_bytes == machine.taken);
  }
  EXPECT(machine.taken == 0 && machine.blocks.empty());
}

void a_recording_owns_its_blocks() {
  Machine machine;
  Pool pool(machine);
  void* before = pool.allocate(256);
  void* free_before = pool.allocate(256);
  pool.release(free_before);

  pool.begin_recording();
  void* a = pool.allocate(256);
  EXPECT(a == free_before);  // whoever had it is done before the recording is replayed
  pool.release(a);
  EXPECT(pool.allocate(256) == a);  // reused inside
  void* result = pool.allocate(256);
  pool.release(a);
  pool.release(before);  // not the recording's: everyone may have it
  const int64_t recording = pool.end_recording();

  EXPECT(pool.allocate(256) == before);
  void* other = pool.allocate(256);
  EXPECT(other != a && other != result);  // a replay will write those
  pool.release(result);
  void* more = pool.allocate(256);
  EXPECT(more != a && more != result);

  pool.forget(recording);
  void *x = pool.allocate(256), *y = pool.allocate(256);
  EXPECT((x == a && y == result) || (x == result && y == a));
}

void what_outlives_its_recording_is_released_later() {
  Machine machine;
  Pool pool(machine);
  pool.begin_recording();
  void* result = pool.allocate(256);
  pool.forget(pool.end_recording());
  EXPECT(pool.allocate(256) != result);
  pool.release(result);
  EXPECT(pool.allocate(256) == result);
}

void two_recordings_share_nothing() {
  Machine machine;
  Pool pool(machine);
  pool.begin_recording();
  void* a = pool.allocate(256);
  pool.release(a);
  const int64_t first = pool.end_recording();
  pool.begin_recording();
  void* b = pool.allocate(256);
  EXPECT(a != b);
  pool.release(a);  // nobody's any more, and yet the first recording's
  pool.release(b);
  EXPECT(pool.allocate(256) == b);
  pool.forget(pool.end_recording());
  pool.forget(first);
}

void the_end_of_memory_is_an_error_and_not_the_end() {
  Machine machine(4096);
  Pool pool(machine);
  void* a = pool.allocate(2048);
  void* b = pool.allocate(2048);
  EXPECT(
      thrown<Error>([&] { pool.allocate(1); }) ==
      "allocate: expected 1 bytes to be free, got none beside the 4096 bytes in use in 2 blocks");
  pool.release(a);
  pool.release(b);
  void* whole = pool.allocate(4096);  // takes what was kept in smaller blocks
  EXPECT(machine.settled > 0);
  EXPECT(!thrown<Error>([&] { pool.allocate(int64_t{1} << 60); }).empty());
  pool.release(whole);
  EXPECT(pool.allocate(4096) == whole);
}

void a_test_can_make_an_allocation_fail() {
  setenv("STYLEAR_TEST_FAIL_ALLOCATION", "3", 1);
  Machine machine;
  Pool pool(machine);
  unsetenv("STYLEAR_TEST_FAIL_ALLOCATION");
  pool.allocate(1);
  pool.allocate(1);
  EXPECT(!thrown<Error>([&] { pool.allocate(1); }).empty());
  pool.allocate(1);
}

}  // namespace

int main() {
  classes_hold_what_they_promise();
  released_blocks_are_used_again();
  a_recording_owns_its_blocks();
  what_outlives_its_recording_is_released_later();
  two_recordings_share_nothing();
  the_end_of_memory_is_an_error_and_not_the_end();
  a_test_can_make_an_allocation_fail();
  return outcome();
}
