// Sampling of native/cuda against a full sort, where JavaScript is too slow to ask: rows wider than
// shared memory, thousands of ties, logits that are infinite or NaN, from odd addresses.
#include <algorithm>
#include <functional>

#include "core/philox.h"
#include "simt_products.h"

using namespace stylear;

namespace {

constexpr Dtype f32 = Dtype::f32, b16 = Dtype::bf16, i32 = Dtype::i32;

struct Row {
  int begin, end, top_k;
  float guidance, temperature, top_p, min_p;
  Seed seed;
  int position;
};

struct Drawn {
  int column;
  double log_prob;
};

// The draw by sorting `l`, the guided logits of the legal columns.
Drawn drawn(const Row& row, std::vector<float> l, uint32_t first_token) {
  const int n = static_cast<int>(l.size());
  for (float& v : l) v = v != v ? -INFINITY : v;
  if (n == 1 || row.temperature == 0)
    return {int(std::max_element(l.begin(), l.end()) - l.begin()), 0};
  std::vector<int> order(n);
  for (int i = 0; i < n; ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return l[a] > l[b]; });
  int kept = n;
  if (row.top_k > 0 && row.top_k < n)
    for (kept = row.top_k; kept < n && l[order[kept]] == l[order[row.top_k - 1]];) ++kept;
  for (float& v : l) v /= row.temperature;
  const float best = l[order[0]];
  const auto weight = [&](int i) { return l[i] == best ? 1 : std::exp(double(l[i]) - best); };
  if (row.top_p < 1 && best > -INFINITY) {
    double total = 0, before = 0;
    for (int i = 0; i < kept; ++i) total += weight(order[i]);
    int stays = 0;
    while (stays < kept && before < row.top_p * total) before += weight(order[stays++]);
    kept = stays;
  }
  while (kept > 1 && weight(order[kept - 1]) < row.min_p) --kept;

  double mass = 0;
  float highest = -INFINITY;
  int choice = *std::min_element(order.begin(), order.begin() + kept);
  for (int i = 0; i < kept; ++i) {
    const int token = order[i];
    mass += weight(token);
    const uint32_t bits = gumbel_bits(row.seed, row.position, first_token + row.begin + token);
    const float score = l[token] - std::log(-std::log(uniform_of(bits)));
    if (score > highest || (score == highest && token < choice)) highest = score, choice = token;
  }
  return {choice, (l[choice] == best ? 0.0 : double(l[choice]) - best) - std::log(mass)};
}

// `logit(bits)` makes a logit of random bits.
void test_rows(const char* name, Dtype dtype, int width, bool guided, int first_token, int skew,
               const std::function<float(uint32_t)>& logit) {
  constexpr int rows = 10;
  std::mt19937 bits(width);
  Array logits(dtype, {rows, width}, skew), uncond(dtype, {rows, width}, skew);
  Array range(i32, {rows, 2}), top_k(i32, {rows}), settings(f32, {rows, 4}), seeds(i32, {rows, 2});
  Array positions(i32, {rows}), tokens(i32, {rows}), log_probs(f32, {rows});
  for (int i = 0; i < rows * width; ++i)
    logits.set(i, logit(bits())), uncond.set(i, (bits() >> 8) / double(1 << 23) - 1);
  std::vector<Row> all;
  for (int r = 0; r < rows; ++r) {
    const int begin = r % 3 ? 0 : bits() % width,
              end = r % 2 ? width : begin + 1 + bits() % (width - begin);
    const float temperatures[] = {1, 0.7f, 1.3f, 0.05f, 0}, top_ps[] = {1, 0.9f, 0.5f, 1e-6f};
    const Row row{begin,
                  end,
                  r % 4 ? int(1 + bits() % width) : 0,
                  float(1 + r % 4),
                  temperatures[r % 5],
                  top_ps[r % 4],
                  r % 3 == 1 ? 0.02f : 0.0f,
                  Seed(r, -r),
                  1000 - r};
    all.push_back(row);
    range.set(2 * r, first_token + begin), range.set(2 * r + 1, first_token + end);
    top_k.set(r, row.top_k), positions.set(r, row.position);
    settings.set(4 * r, row.guidance), settings.set(4 * r + 1, row.temperature);
    settings.set(4 * r + 2, row.top_p), settings.set(4 * r + 3, row.min_p);
    seeds.set(2 * r, r), seeds.set(2 * r + 1, -r);
  }
  Sample op{
      logits,     {}, range, top_k, settings, seeds, positions, tokens, log_probs.as<MaybeOut>(),
      first_token};
  if (guided) op.uncond = uncond;
  run_checked(op);
  for (int r = 0; r < rows; ++r) {
    const Row& row = all[r];
    std::vector<float> l;
    for (int i = row.begin; i < row.end; ++i) {
      const float c = float(logits[int64_t{r} * width + i]),
                  u = float(uncond[int64_t{r} * width + i]);
      l.push_back(guided ? std::fma(row.guidance, c - u, u) : c);
    }
    const Drawn expected = drawn(row, l, first_token);
    const double error = std::fabs(log_probs[r] - expected.log_prob);
    if (tokens[r] == first_token + row.begin + expected.column &&
        error <= 2e-5 * (1 + std::fabs(expected.log_prob)))
      continue;
    ++failures;
    std::printf("FAIL %s %s of %d, row %d: token %d with %.7g, expected %d with %.7g\n", name,
                name_of(dtype), width, r, int(tokens[r]), log_probs[r],
                first_token + row.begin + expected.column, expected.log_prob);
  }
}

}  // namespace

int main() {
  const auto smooth = [](uint32_t bits) { return float((bits >> 8) / double(1 << 22) - 2); };
  const auto ties = [](uint32_t bits) { return float(bits % 5) - 2; };
  const auto broken = [](uint32_t bits) {
    const float of[] = {1.5f, -INFINITY, NAN, -0.0f, 0.0f, -3, 2};
    return of[bits % 7];
  };
  const auto infinite = [](uint32_t bits) { return bits % 50 ? float(bits % 9) : INFINITY; };
  const auto nothing = [](uint32_t bits) { return bits % 2 ? -INFINITY : NAN; };
  for (const Dtype dtype : {f32, b16}) {
    test_rows("smooth", dtype, 1031, true, 4, 1, smooth);
    test_rows("smooth", dtype, 17001, false, 4, 0, smooth);
    test_rows("ties", dtype, 2311, true, 8197, 0, ties);
    test_rows("ties", dtype, 17001, false, 0, 1, ties);
    test_rows("broken", dtype, 700, false, 1, 0, broken);
    test_rows("infinite", dtype, 700, false, 0, 0, infinite);
    test_rows("nothing", dtype, 513, false, 0, 0, nothing);
  }
  return outcome();
}
