// The checker of the race build; all of it does nothing in the other builds.
#pragma once

#include <string>
#include <vector>

#include "state.h"

namespace stylear::simt {

void check_block_start(const Launch& launch, uint3 index);
void check_region(size_t at, size_t bytes);        // a new shared variable
void check_copy_issued(void* to, unsigned bytes);  // a copy is under way
void check_copy_done(void* to, unsigned bytes, unsigned thread, uint32_t clock, bool ordinary);

// Everything before is ordered before everything after: for the whole block, some threads, lanes.
void order_block();
void order_threads(const std::vector<unsigned>& who);
void order_lanes(unsigned warp, uint32_t mask);
// Is what `e` notes ordered before thread `t` now?
bool ordered(const Epoch& e, unsigned t);

// The same for objects that threads meet at.
void release_into(std::vector<uint32_t>& clocks);
void acquire_from(const std::vector<uint32_t>& clocks);
uint32_t current_clock();
void order_proxy();

// One access of the current thread. `pc` is a code offset as made by code_offset().
void touch_shared(const void* p, unsigned bytes, bool write, uint32_t pc, bool atomic);
void touch_global(const void* p, unsigned bytes, bool write, uint32_t pc, bool atomic);

// Use of shared memory by an asynchronous instruction of the current thread.
void async_read(const void* p, unsigned bytes);
void async_proxy_check(const void* p, unsigned bytes);
void async_write_issue(void* p, unsigned bytes);
void async_write_done(void* p, unsigned bytes, unsigned thread, uint32_t clock);

// ---- source_lines.cc
uint32_t code_offset(const void* pc);      // relative to the module that holds the engine
std::string source_line(uint32_t offset);  // file:line < caller's file:line
std::string function_name(const void* code);
std::string region_name(const void* p);

}  // namespace stylear::simt
