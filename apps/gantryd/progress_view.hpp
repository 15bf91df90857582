#pragma once
#include "commands.hpp"

#include <map>

namespace gantryd::app {

/// Shows how components stand: painted over the last state on a terminal, else a line for each change.
class progress_view {
public:
    explicit progress_view(const wait_style& style);

    void show(const model::component_name& name, const progress& seen);
    /// About the whole, not about a component: that the store does not answer. Empty: nothing any more.
    void note(const std::string& text);
    /// After a round of show().
    void paint();

private:
    struct line {
        std::string key;  ///< of whom it is
        std::string text;
        friend bool operator==(const line&, const line&) = default;
    };
    std::vector<line> lines_of(const model::component_name& name, const progress& seen) const;
    void print_changes(const std::vector<line>& before, const std::vector<line>& now) const;
    std::string fitted(const std::string& text) const;

    std::FILE* to_;
    bool json_;
    bool every_machine_;
    bool terminal_;
    std::map<std::string, std::vector<line>> shown_;  ///< by component
    std::map<std::string, std::string> last_json_;
    std::string note_;
    std::string painted_;
    std::size_t height_ = 0;
};

}  // namespace gantryd::app
