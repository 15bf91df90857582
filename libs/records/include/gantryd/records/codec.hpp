#pragma once
#include <gantryd/base/error.hpp>
#include <gantryd/model/endpoint.hpp>
#include <gantryd/model/event.hpp>
#include <gantryd/model/report.hpp>
#include <gantryd/model/rollout.hpp>

#include <boost/json/fwd.hpp>

#include <string>
#include <string_view>

namespace gantryd::records {

// The values of the store as JSON. Reading is tolerant: unknown members are passed over and missing ones have
// their defaults, so that a newer and an older gantryd can share a store. Errors of every decode: malformed.

std::string encode(const model::component_state& state);
base::result<model::component_state> decode_component_state(std::string_view text);

std::string encode(const model::release& release);
base::result<model::release> decode_release(std::string_view text);

std::string encode(const model::stored_secret& secret);
base::result<model::stored_secret> decode_stored_secret(std::string_view text);

std::string encode(const model::rollout& rollout);
base::result<model::rollout> decode_rollout(std::string_view text);

std::string encode(const model::slot& slot);
base::result<model::slot> decode_slot(std::string_view text);

std::string encode(const model::rollout_step& step);
base::result<model::rollout_step> decode_rollout_step(std::string_view text);

std::string encode(const model::preflight& preflight);
base::result<model::preflight> decode_preflight(std::string_view text);

std::string encode(const model::component_report& report);
base::result<model::component_report> decode_component_report(std::string_view text);

std::string encode(const model::machine_report& report);
base::result<model::machine_report> decode_machine_report(std::string_view text);

/// Component, machine and instance are the key's: see endpoint_key().
std::string encode(const model::endpoint& endpoint);
base::result<model::endpoint> decode_endpoint(std::string_view text);
std::string encode(const model::drain_mark& mark);
base::result<model::drain_mark> decode_drain_mark(std::string_view text);

std::string encode(const model::evidence& evidence);
base::result<model::evidence> decode_evidence(std::string_view text);

/// The sequence number is the key's, and the machine too: see event_key().
std::string encode(const model::event& event);
base::result<model::event> decode_event(std::string_view text);

/// The same as values, for `-o json`.
boost::json::object to_json(const model::component_report& report);
boost::json::object to_json(const model::condition& condition);
boost::json::object to_json(const model::evidence& evidence);
boost::json::object to_json(const model::machine_report& report);
boost::json::object to_json(const model::rollout& rollout);
boost::json::object to_json(const model::event& event);
/// Without the spec's values of environment variables: they may be secrets.
boost::json::object summary_json(const model::release& release);
/// Without the sealed value.
boost::json::object to_json(const model::stored_secret& secret);

}  // namespace gantryd::records
