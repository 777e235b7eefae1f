// What a test may ask of the library that stands in for cuBLASLt.
#pragma once

#include <cstdint>

struct StandIn {
  int create_status = 0;     // what cublasLtCreate returns
  int multiply_status = 0;   // what cublasLtMatmul returns
  bool knows_a_way = true;   // whether there is a way to do a product
  int handles = 0;           // made so far
  int plans = 0;             // ways that were asked for
  int objects = 0;           // descriptions, layouts and preferences that live
  uint32_t reductions = 7;   // those that were allowed when a way was last asked for
  uint64_t workspace = 0;    // likewise
  uint32_t alignments[4]{};  // likewise, of a, b, c and d
};
