#include "comm/dispatch/row_exchange.hpp"

#include "kernels/base/error.hpp"

namespace moeperf {

void RowExchange::start(Way, ConstRows, Rows) { throw Error("this exchange cannot be split"); }
void RowExchange::finish(Way) { throw Error("this exchange cannot be split"); }

}  // namespace moeperf
