#include "lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace stylear::addon {

namespace {

[[noreturn]] void fail(const std::string& path, const char* expected, int error) {
  throw Error("ERR_INPUT",
              path + ": expected the file to be " + expected + ", got " + std::strerror(error));
}

// Whether the path still leads to the open file. One that was removed, or that another has taken
// the place of, locks nobody out.
bool is_at(const std::string& path, int file) {
  struct stat open {
  }, named{};
  return fstat(file, &open) == 0 && stat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

std::string first_bytes(int file) {
  char bytes[200];
  const ssize_t count = pread(file, bytes, sizeof bytes, 0);
  return std::string(bytes, count > 0 ? static_cast<size_t>(count) : 0);
}

}  // namespace

std::unique_ptr<LockFile> LockFile::take(const std::string& path, const std::string& text,
                                         std::string& holder) {
  for (;;) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) fail(path, "writable", errno);
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
      const int error = errno;
      if (error == EWOULDBLOCK) holder = first_bytes(file);
      ::close(file);
      if (error == EINTR) continue;
      if (error != EWOULDBLOCK) fail(path, "lockable", error);
      return nullptr;
    }
    // A holder removes the file before it lets go of it, perhaps after it was opened here.
    if (!is_at(path, file)) {
      ::close(file);
      continue;
    }
    std::unique_ptr<LockFile> lock(new LockFile(path, file));
    const bool written = ftruncate(file, 0) == 0 && pwrite(file, text.data(), text.size(), 0) ==
                                                        static_cast<ssize_t>(text.size());
    if (!written) fail(path, "writable", errno);
    return lock;
  }
}

LockFile::LockFile(std::string path, int file) : path_(std::move(path)), file_(file) {}

LockFile::~LockFile() {
  // While it is still held: nobody else removes it, and none can take it in between.
  if (is_at(path_, file_)) unlink(path_.c_str());
  ::close(file_);
}

}  // namespace stylear::addon
