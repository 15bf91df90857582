#include <gantryd/control/update_plan.hpp>

#include "release_writer.hpp"

#include <gantryd/control/rollout_view.hpp>
#include <gantryd/control/secrets.hpp>
#include <gantryd/model/component_json.hpp>

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <ranges>

namespace json = boost::json;

namespace gantryd::control {
namespace {

using model::release_outcome;

std::string name_of(model::release_number number)
{
    return fmt::format("release {}", model::value_of(number));
}

/// What may be shown of a secret: where its value is, and which one it is.
std::string described(const model::secret_source& secret, const model::held_secret& held)
{
    constexpr std::size_t enough = 8;  // digits, to see that it is another one
    if (!secret.name.empty())
        return held.version == 0 ? "secret " + secret.name
                                 : fmt::format("secret {}, version {}", secret.name, held.version);
    return held.fingerprint.empty()
               ? "file " + secret.file
               : fmt::format("file {} (fingerprint {})", secret.file, held.fingerprint.substr(0, enough));
}

/// The spec with its variables by name: values as they are, secrets as what may be shown.
json::object comparable(const model::component_spec& spec, const model::held_secrets& held)
{
    json::object by_name;
    for (const auto& variable : spec.environment_variables) {
        const auto found = held.find(variable.name);
        const auto one = found == held.end() ? model::held_secret() : found->second;
        if (variable.secret)
            by_name[variable.name] = json::object{{"shown", described(*variable.secret, one)}};
        else
            by_name[variable.name] = variable.value;
    }
    auto out = model::to_json(spec);
    out["environmentVariables"] = std::move(by_name);
    return out;
}

/// Environment values may be secrets, and are not shown.
std::string text_of_variable(const json::value& of)
{
    return of.is_object() ? std::string(of.at("shown").as_string()) : "***";
}

class difference {
public:
    std::vector<field_change> between(const json::object& from, const json::object& to)
    {
        compare_objects({}, from, to);
        return std::move(out_);
    }

private:
    void compare_values(const std::string& field, const json::value* from, const json::value* to)
    {
        const bool is_variable = field.starts_with("environmentVariables.");
        if (from != nullptr && to != nullptr) {
            if (*from == *to)
                return;
            if (is_variable)
                return out_.push_back({field, text_of_variable(*from), text_of_variable(*to)});
            if (from->is_object() && to->is_object())
                return compare_objects(field, from->get_object(), to->get_object());
            if (from->is_array() && to->is_array())
                return compare_arrays(field, from->get_array(), to->get_array());
        }
        const auto text = [&](const json::value* of) {
            return of == nullptr ? std::string() : is_variable ? text_of_variable(*of) : json::serialize(*of);
        };
        out_.push_back({field, text(from), text(to)});
    }

    void compare_objects(const std::string& field, const json::object& from, const json::object& to)
    {
        const auto name = [&](std::string_view key) {
            return field.empty() ? std::string(key) : field + "." + std::string(key);
        };
        for (const auto& [key, value] : from)
            compare_values(name(key), &value, to.if_contains(key));
        for (const auto& [key, value] : to)
            if (!from.contains(key))
                compare_values(name(key), nullptr, &value);
    }

    void compare_arrays(const std::string& field, const json::array& from, const json::array& to)
    {
        for (std::size_t i = 0; i < std::max(from.size(), to.size()); ++i)
            compare_values(fmt::format("{}[{}]", field, i), from.if_contains(i), to.if_contains(i));
    }

    std::vector<field_change> out_;
};

class update_planner {
public:
    update_planner(const project_overview& all, const model::component_spec& spec,
        std::optional<model::image_id> image, model::held_secrets held)
        : all_(all),
          of_(all.find(spec.name)),
          spec_(spec),
          held_(std::move(held))
    {
        if (auto all_held = hold_secrets(all, spec, held_))
            held_ = std::move(*all_held);
        else
            out_.notes.push_back("it would be refused: " + all_held.error().context());
        out_.component = spec.name;
        out_.image = std::move(image);
    }

    update_plan plan()
    {
        compare();
        number();
        order();
        note_present_rollout();
        return std::move(out_);
    }

private:
    const model::release* wanted() const { return of_ == nullptr ? nullptr : of_->wanted(); }

    /// The release that machines run or are on their way to.
    const model::release* present() const
    {
        const auto* release = wanted();
        if (release == nullptr || release->outcome != release_outcome::failed)
            return release;
        for (const auto& [number, older] : of_->releases | std::views::reverse)
            if (number < release->number && older.outcome == release_outcome::live)
                return &older;
        return nullptr;
    }

    void compare()
    {
        const auto* release = present();
        if (release == nullptr)
            return;
        out_.compared_with = release->number;
        out_.image_before = release->image;
        out_.changes = changes_between(release->spec, spec_, release->secrets, held_);
    }

    void number()
    {
        const auto hash = model::spec_hash(spec_, held_);
        const auto* release = wanted();
        out_.number = model::next(of_ == nullptr ? model::release_number{} : of_->last);
        if (out_.image)
            out_.is_new = of_ == nullptr || !is_released(*of_, hash, *out_.image);
        else if (release == nullptr || !is_released(*of_, hash, release->image))
            out_.is_new = true;
        if (out_.is_new == false)
            out_.number = release->number;
    }

    void order()
    {
        int here = 0;
        for (const auto& [id, name] : all_.names()) {
            const auto* daemon = all_.find_machine(id);
            const auto* report = of_ == nullptr ? nullptr : of_->report_of(id);
            if (daemon == nullptr && report != nullptr)
                out_.unknown.push_back(fmt::format(
                    "{} is lost: what it runs now; it takes the release when it is there again", name));
            if (daemon == nullptr || !looks_after(*daemon, spec_.name))
                continue;
            ++here;
            if (all_.draining.contains(id)) {
                out_.notes.push_back(name + " is drained and does not change");
                continue;
            }
            if (report == nullptr && wanted() != nullptr)
                out_.unknown.push_back(name + ": it has not told yet what it runs");
            const auto running = report == nullptr ? std::nullopt : report->running;
            const bool has_it = out_.is_new == false && report != nullptr && runs_alone(*report, out_.number);
            if (!has_it)
                out_.order.push_back({id, name, 1, running});
        }
        if (here == 0)
            out_.notes.push_back(
                "no gantryd daemon looks after the component: nothing happens before one does");
        out_.slots = spec_.rollout.max_parallel.of(std::max(here, 1));
        for (std::size_t i = 0; i < out_.order.size(); ++i)
            out_.order[i].turn = 1 + static_cast<int>(i) / out_.slots;
    }

    void note_present_rollout()
    {
        const auto* release = wanted();
        if (release == nullptr)
            return;
        if (of_->state->status != model::intent::ready)
            out_.notes.push_back(
                fmt::format("the component is {}, and is set to ready", text_of(of_->state->status)));
        const auto* record = of_->wanted_rollout();
        if (const auto in_the_way = obstacles_to(all_, *of_); !in_the_way.empty())
            out_.notes.push_back(fmt::format("no machine is touched before all of them could run {}: {}",
                name_of(release->number), in_the_way));
        if (out_.is_new == false)
            return;
        if (release->outcome == release_outcome::pending)
            out_.notes.push_back(name_of(release->number) + " is not live yet, and is superseded");
        if (record != nullptr && (record->held || record->verdict == model::rollout_verdict::paused))
            out_.notes.push_back(fmt::format(
                "the pause of {} ends with it: the new release goes out", name_of(release->number)));
        for (const auto& [number, slot] : of_->slots)
            out_.notes.push_back(fmt::format("{} changes to {} now, and goes on to the new one",
                all_.name_of(slot.machine), name_of(slot.release)));
    }

    const project_overview& all_;
    const component_overview* of_;
    const model::component_spec& spec_;
    model::held_secrets held_;
    update_plan out_;
};

json::array strings(const std::vector<std::string>& from)
{
    json::array out;
    for (const auto& text : from)
        out.emplace_back(text);
    return out;
}

}  // namespace

std::vector<field_change> changes_between(const model::component_spec& from, const model::component_spec& to,
    const model::held_secrets& held_from, const model::held_secrets& held_to)
{
    return difference().between(comparable(from, held_from), comparable(to, held_to));
}

update_plan plan_update(const project_overview& all, const model::component_spec& spec,
    std::optional<model::image_id> image, model::held_secrets held)
{
    return update_planner(all, spec, std::move(image), std::move(held)).plan();
}

json::object to_json(const update_plan& plan)
{
    json::array changes;
    for (const auto& change : plan.changes)
        changes.emplace_back(json::object{{"field", change.field}, {"from", change.from}, {"to", change.to}});
    json::array order;
    for (const auto& step : plan.order) {
        json::object row{{"machine", step.machine.text()}, {"name", step.name}, {"turn", step.turn}};
        if (step.running)
            row["running"] = model::value_of(*step.running);
        order.emplace_back(std::move(row));
    }
    json::object out{{"component", plan.component.text()}, {"release", model::value_of(plan.number)},
        {"new", nullptr}, {"changes", std::move(changes)}, {"imageBefore", plan.image_before.text()},
        {"imageid", nullptr}, {"slots", plan.slots}, {"order", std::move(order)},
        {"notes", strings(plan.notes)}, {"unknown", strings(plan.unknown)}};
    if (plan.is_new)
        out["new"] = *plan.is_new;
    if (plan.image)
        out["imageid"] = plan.image->text();
    if (plan.compared_with)
        out["comparedWith"] = model::value_of(*plan.compared_with);
    return out;
}

}  // namespace gantryd::control
