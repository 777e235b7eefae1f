// A file whose lock a process holds: the kernel's (flock), which ends with the process however that
// ends, and is the same for processes that do not see each other, as those of two containers.
#pragma once

#include <memory>
#include <string>

namespace stylear::addon {

class LockFile {
 public:
  // Makes the file where there is none, and writes into it who holds it. Where another holds it,
  // the result is null and `holder` is what that one wrote.
  static std::unique_ptr<LockFile> take(const std::string& path, const std::string& text,
                                        std::string& holder);
  // Removes the file.
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

 private:
  LockFile(std::string path, int file);

  const std::string path_;
  const int file_;
};

}  // namespace stylear::addon
