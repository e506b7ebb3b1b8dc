#pragma once

#include <stdexcept>
#include <string>

namespace moeperf {

/// Exit statuses of the program; part of its interface.
enum ExitStatus : int { exit_ok = 0, exit_invalid = 1, exit_usage = 2, exit_failure = 3 };

/// Something the suite could not do. The message says what, where and, if known, why.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The user asked for something that cannot be: bad file, key, value, option. The message names
/// the place, what was given and what is accepted. Leads to exit status 2.
class UserError : public Error {
 public:
  using Error::Error;
};

/// A known thing that cannot work on this machine or in this build. Leads to a recorded skip.
class UnsupportedError : public Error {
 public:
  using Error::Error;
};

}  // namespace moeperf
