#pragma once
#include <gantryd/control/overview.hpp>

#include <boost/json/fwd.hpp>

#include <optional>
#include <string>
#include <vector>

namespace gantryd::control {

/// A field of the spec that an update changes; values as JSON text, "" where there is none, "***" where they
/// may be secrets; of a declared secret, where its value is: "secret db, version 3".
struct field_change {
    std::string field;  ///< "ports[0].external"
    std::string from;
    std::string to;

    friend bool operator==(const field_change&, const field_change&) = default;
};

/// The fields in which two specs differ, in the order of the project file's fields.
std::vector<field_change> changes_between(const model::component_spec& from, const model::component_spec& to,
    const model::held_secrets& held_from = {}, const model::held_secrets& held_to = {});

/// What an update would do, going by what the store says now.
struct update_plan {
    struct step {
        model::machine_id machine;
        std::string name;  ///< for people
        int turn = 1;      ///< machines of one turn change at the same time
        std::optional<model::release_number> running;

        friend bool operator==(const step&, const step&) = default;
    };

    model::component_name component;
    /// Of the new release; of the present one when nothing would change.
    model::release_number number{};
    /// Absent: that depends on an image that is not here yet.
    std::optional<bool> is_new;
    std::optional<model::release_number> compared_with;  ///< the release that machines run; absent: none
    std::vector<field_change> changes;
    model::image_id image_before;
    std::optional<model::image_id> image;  ///< absent: not known
    int slots = 1;                         ///< how many machines may change at the same time
    std::vector<step> order;
    std::vector<std::string> notes;    ///< what an operator should know, one sentence each
    std::vector<std::string> unknown;  ///< what cannot be told, and why
};

/// `image`: absent when it is not known which one the update would take. `held`: what the files give that
/// secrets are in.
update_plan plan_update(const project_overview& all, const model::component_spec& spec,
    std::optional<model::image_id> image, model::held_secrets held = {});

boost::json::object to_json(const update_plan& plan);

}  // namespace gantryd::control
