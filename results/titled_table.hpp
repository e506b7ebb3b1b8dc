#pragma once

#include "results/axes.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace moeperf {

/// What a table says in one place: as people read it and, where it is a number, unrounded in its column's unit.
struct Cell {
  std::string text;
  std::optional<double> value;

  Cell(std::string words) : text(std::move(words)) {}
  Cell(const char* words) : text(words) {}
  Cell(double number, std::string as_shown) : text(std::move(as_shown)), value(number) {}

  bool operator==(const Cell&) const = default;
};

/// A number in about `digits` significant digits (short_number); "-" where there is none.
Cell number_cell(const std::optional<double>& value, int digits = 4);
/// "12.3": a part of a whole in percent; "-" where the whole is nothing.
Cell percent_cell(double part, double whole);

/// A figure that a script looks for by name: layer_tokens_per_s of one case.
struct Figure {
  std::string name;                    ///< permanent
  std::string of;                      ///< the case's key
  std::string value, unit;             ///< the unit may be empty
  std::vector<std::string> remarks{};  ///< "cannot tell from: …", one a line
};

struct Column {
  std::string name, unit;
  bool is_right = true;  ///< stands to the right, as numbers do
};

/// What was computed, for any way of printing (results/table_text.hpp prints as text).
struct TitledTable {
  std::string title;        ///< a word, e.g. "Layer"
  std::string explanation;  ///< what its rows and columns are; may have line breaks
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<Figure> figures{};  ///< what follows from the table
};

}  // namespace moeperf
