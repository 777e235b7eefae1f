// What the programs of this folder claim with. Each returns `outcome()` from main.
#pragma once

#include <atomic>
#include <cstdio>
#include <string>

inline std::atomic<int> failures{0};

#define EXPECT(claim)                                           \
  do {                                                          \
    if (claim) break;                                           \
    ++failures;                                                 \
    std::printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #claim); \
  } while (0)

// What `call` throws, as `code: message`; empty when it does not.
template <class E, class Call>
std::string thrown(Call&& call) {
  try {
    call();
    return "";
  } catch (const E& error) {
    return error.what();
  }
}

inline int outcome() { return failures ? 1 : 0; }
