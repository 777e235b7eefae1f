// A file as read-only memory: pages come in when they are touched and are shared between processes.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "core/error.h"

namespace stylear::addon {

class MappedFile {
 public:
  explicit MappedFile(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(path, "readable");
    struct stat status {};
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0) {
      ::close(file);
      throw Error("ERR_INPUT", "map: expected " + path + " to be a file with content");
    }
    bytes_ = status.st_size;
    void* mapped = mmap(nullptr, static_cast<size_t>(bytes_), PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    if (mapped == MAP_FAILED) fail(path, "mappable");
    data_ = static_cast<const char*>(mapped);
  }
  ~MappedFile() { munmap(const_cast<char*>(data_), static_cast<size_t>(bytes_)); }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const char* data() const { return data_; }
  int64_t bytes() const { return bytes_; }

 private:
  [[noreturn]] static void fail(const std::string& path, const char* expected) {
    throw Error("ERR_INPUT",
                "map: expected " + path + " to be " + expected + ", got " + std::strerror(errno));
  }

  const char* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace stylear::addon
