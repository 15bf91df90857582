// What a container was given is taken out of the words of the outside world: Docker's refusals, a program's
// last lines, what a check saw.
#include "secret_values.hpp"

#include <algorithm>
#include <ranges>
#include <set>

namespace gantryd::daemon {
namespace {

/// Texts that are shorter would take common words out of every sentence. It does not hold for what the file
/// declares as a secret.
constexpr std::size_t shortest_value = 6;

struct hidden {
    std::string_view variable;
    std::string_view text;
};

/// The values of all releases of a component; the releases have to outlive it.
class hidden_values {
public:
    hidden_values(const options& what, const planner::component& of) : reader_(what)
    {
        for (const auto& [number, release] : of.releases)
            add(*release);
        // The longest first: a shorter one that is a part of it would leave the rest standing.
        std::ranges::sort(all_, [](const hidden& a, const hidden& b) {
            return a.text.size() == b.text.size() ? a.variable < b.variable : a.text.size() > b.text.size();
        });
    }

    void hide_in(std::string& text) const
    {
        for (const auto& [variable, value] : all_)
            for (auto at = text.find(value); at != std::string::npos;
                at = text.find(value, at + variable.size() + 2))
                text.replace(at, value.size(), "(" + std::string(variable) + ")");
    }

private:
    void add(const model::release& release)
    {
        for (const auto& variable : release.spec.environment_variables) {
            if (!variable.secret) {
                if (variable.value.size() >= shortest_value)
                    add(variable.name, variable.value);
            } else if (!is_new(release, variable.name)) {
                continue;
            } else if (auto value = reader_.value_of(release, variable)) {
                opened_.push_back(std::move(*value));
                add(variable.name, opened_.back().view());
            }
        }
    }

    /// Releases in a row have the same values as a rule.
    bool is_new(const model::release& release, const std::string& variable)
    {
        const auto held = release.secrets.find(variable);
        return held == release.secrets.end() ||
               known_.insert(held->second.sealed.empty() ? held->second.fingerprint : held->second.sealed)
                   .second;
    }

    /// A program prints a value of several lines line by line.
    void add(std::string_view variable, std::string_view value)
    {
        all_.push_back({variable, value});
        if (!value.contains('\n'))
            return;
        for (const auto part : std::views::split(value, '\n'))
            if (const std::string_view line(part); line.size() >= shortest_value)
                all_.push_back({variable, line});
    }

    secret_reader reader_;
    std::vector<secrets::secret_text> opened_;  ///< a moved one keeps its bytes where they are
    std::vector<hidden> all_;
    std::set<std::string_view> known_;
};

/// Why the words of the component's programs cannot be shown: a container has a secret that we cannot read
/// any more, and so could not take out. Empty when they can.
std::string why_withheld(const state& st, const model::component_name& component)
{
    secret_reader reader(st.what);
    std::set<model::release_number> seen;
    for (const auto& [name, instance] : st.world.instances) {
        const auto release = instance.component == component ? st.release_of(instance) : nullptr;
        if (release == nullptr || !seen.insert(release->number).second)
            continue;
        if (const auto values = reader.values_of(*release); !values)
            return "(withheld, for a secret could be in it: " + values.error().why.context() + ")";
    }
    return {};
}

}  // namespace

void state::conceal(const model::component_name& component, std::string& text) const
{
    const auto found = world.components.find(component);
    if (found != world.components.end() && !text.empty())
        hidden_values(what, found->second).hide_in(text);
}

void state::conceal_words(const model::component_name& component, std::string& text) const
{
    if (auto why = text.empty() ? std::string() : why_withheld(*this, component); !why.empty())
        text = std::move(why);
    else
        conceal(component, text);
}

void state::conceal(const model::component_name& component, model::evidence& why) const
{
    const auto found = world.components.find(component);
    if (found == world.components.end())
        return;
    const hidden_values values(what, found->second);
    values.hide_in(why.reason);
    if (why.last_answer.empty() && why.last_log_lines.empty())
        return;
    if (const auto withheld = why_withheld(*this, component); !withheld.empty()) {
        if (!why.last_answer.empty())
            why.last_answer = withheld;
        if (!why.last_log_lines.empty())
            why.last_log_lines = {withheld};
        return;
    }
    values.hide_in(why.last_answer);
    for (auto& line : why.last_log_lines)
        values.hide_in(line);
}

}  // namespace gantryd::daemon
