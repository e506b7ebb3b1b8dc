#include "results/table_text.hpp"

#include "results/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

namespace moeperf {
namespace {

/// A line of cells; `text_of` takes the number of a column.
template <class TextOf>
std::string line(const TitledTable& table, const std::vector<std::size_t>& widths, const TextOf& text_of) {
  std::string text;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string cell = text_of(i), pad(widths[i] - width(cell), ' ');
    if (i > 0) text += "  ";
    text += table.columns[i].is_right ? pad + cell : cell + pad;
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text + '\n';
}

std::string figures_text(const std::vector<Figure>& figures) {
  std::string text;
  for (const Figure& figure : figures) {
    text += fmt::format("{}[{}] = {}{}{}\n", figure.name, one_line(figure.of), figure.value,
                        figure.unit.empty() ? "" : " ", figure.unit);
    for (const std::string& remark : figure.remarks) text += hanging("# ", "#   ", one_line(remark));
  }
  return text.empty() ? text : "#\n" + text;
}

}  // namespace

std::string columns_text(const TitledTable& table, const std::string& header_prefix, const std::string& row_prefix) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    widths.push_back(std::max(width(table.columns[i].name), width(table.columns[i].unit)));
    for (const auto& row : table.rows) widths[i] = std::max(widths[i], width(row[i].text));
  }
  std::string text = header_prefix + line(table, widths, [&](std::size_t i) { return table.columns[i].name; }) +
                     header_prefix + line(table, widths, [&](std::size_t i) { return table.columns[i].unit; });
  for (const auto& row : table.rows)
    text += row_prefix + line(table, widths, [&](std::size_t i) { return row[i].text; });
  return text;
}

std::string comments(const std::string& text) {
  std::string lines;
  std::istringstream stream(text);
  for (std::string one; std::getline(stream, one);) lines += "# " + one + '\n';
  return lines;
}

std::string table_text(const TitledTable& table, const std::string& row_prefix) {
  return "#\n" + comments(table.title + ": " + table.explanation) + "#\n" + columns_text(table, "# ", row_prefix) +
         figures_text(table.figures);
}

}  // namespace moeperf
