// The k-th largest against a sort, on values that are hard to bracket, and the generator's lanes
// against one counter at a time.
#include "cpu/select.h"

#include <random>
#include <vector>

#include "cpu/philox_lanes.h"
#include "expect.h"

using namespace stylear::cpu;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

// Values of one kind: draw(i) for each index.
template <class Draw>
void finds_what_a_sort_finds(int64_t count, Draw draw) {
  std::vector<float> x(static_cast<size_t>(count + select_vectors * lanes), -infinity);
  for (int64_t i = 0; i < count; ++i) x[static_cast<size_t>(i)] = draw(i) + 0.0f;
  std::vector<float> sorted(x.begin(), x.begin() + count), spare(x.size());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  for (const int64_t k :
       {int64_t{1}, int64_t{2}, count / 100, count / 4, count / 2, count - 1, count})
    if (k >= 1 && k <= count)
      EXPECT(kth_largest(x.data(), count, k, spare.data()) == sorted[static_cast<size_t>(k - 1)]);
}

void finds_the_kth_largest() {
  std::mt19937 bits(1);
  std::normal_distribution<float> normal;
  for (const int64_t count : {1, 2, 3, 17, 255, 257, 2047, 2048, 8192, 65536}) {
    finds_what_a_sort_finds(count, [&](int64_t) { return normal(bits); });
    finds_what_a_sort_finds(count, [&](int64_t) { return std::pow(normal(bits), 9.0f); });
    finds_what_a_sort_finds(count, [&](int64_t) { return float(bits() % 3); });
    finds_what_a_sort_finds(count, [&](int64_t) { return 7.0f; });
    finds_what_a_sort_finds(count, [&](int64_t i) { return i % 9 ? -infinity : normal(bits); });
    finds_what_a_sort_finds(count, [&](int64_t i) { return i % 2 ? infinity : -infinity; });
    // Every magnitude there is, denormals too, and runs of values one unit apart.
    finds_what_a_sort_finds(count, [&](int64_t) {
      const auto magnitude = static_cast<uint32_t>(bits() % 0x7f800000u);
      return std::bit_cast<float>(magnitude | static_cast<uint32_t>(bits() & 0x80000000u));
    });
    finds_what_a_sort_finds(
        count, [&](int64_t i) { return std::bit_cast<float>(0x3f800000 + int32_t(i / 3)); });
  }
}

void lanes_draw_what_one_counter_draws() {
  std::mt19937 bits(2);
  for (int round = 0; round < 100; ++round) {
    Uint32s a, b, c, d;
    for (int i = 0; i < lanes; ++i)
      a[i] = uint32_t(bits()), b[i] = uint32_t(bits()), c[i] = uint32_t(bits()),
      d[i] = uint32_t(bits());
    const auto low = uint32_t(bits()), high = uint32_t(bits());
    const PhiloxLanes drawn = philox(a, b, c, d, low, high);
    for (int i = 0; i < lanes; ++i) {
      const auto one = stylear::philox({{a[i], b[i], c[i], d[i]}}, low, high);
      for (int word = 0; word < 4; ++word) EXPECT(drawn.words[word][i] == one.words[word]);
      EXPECT(uniform_of(drawn.words[0])[i] == stylear::uniform_of(one.words[0]));
    }
  }
  EXPECT(stylear::uniform_of(0) > 0 && stylear::uniform_of(0xffffffffu) < 1);
}

}  // namespace

int main() {
  finds_the_kth_largest();
  lanes_draw_what_one_counter_draws();
  return outcome();
}
