// What a failed call says: a stable code for programs and a sentence for people.
#pragma once

#include <exception>
#include <string>
#include <utility>

namespace stylear {

class Error : public std::exception {
 public:
  Error(const char* code, std::string message) : code_(code), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& code() const { return code_; }

 private:
  std::string code_;  // ERR_SHAPE, ERR_DTYPE, ERR_VALUE, ERR_DEVICE, ERR_OUT_OF_MEMORY, ...
  std::string message_;
};

}  // namespace stylear
