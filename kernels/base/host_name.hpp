#pragma once

#include <string>

namespace moeperf {

std::string host_name();

}  // namespace moeperf
