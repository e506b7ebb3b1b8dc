#pragma once

#include "results/titled_table.hpp"

#include <string>
#include <vector>

namespace moeperf {

// Tables and figures as text for the terminal, where everything but rows and figures is a comment (#).

/// Columns as wide as their widest cell, under two rows of names and units. Each line begins with one of the prefixes.
std::string columns_text(const TitledTable& table, const std::string& header_prefix, const std::string& row_prefix);

/// "# TITLE: EXPLANATION" and the columns, all of it comments; then its figures, "NAME[CASE] = VALUE UNIT", each on its
/// line, with the remarks after it as comments.
std::string table_text(const TitledTable& table, const std::string& row_prefix = "# ");

/// Each line of a text as a comment.
std::string comments(const std::string& text);

}  // namespace moeperf
