#pragma once
#include "problem_list.hpp"

#include <gantryd/model/component.hpp>

#include <cstdint>
#include <vector>

namespace gantryd::project_file {

/// A check or a signal that talks to a port, which has to be one that the component declares.
struct port_use {
    cursor at;
    std::uint16_t port = 0;
};

/// The checks of one list; `interval` is what a check without its own has.
void read_checks(const cursor& from, model::milliseconds interval, std::vector<model::check_spec>& out,
    std::vector<port_use>& uses);

void read_signals(const cursor& from, std::vector<model::signal_spec>& out, std::vector<port_use>& uses);

/// The check of that kind with every default.
model::check_spec default_check(model::check_kind kind, model::milliseconds interval);

}  // namespace gantryd::project_file
