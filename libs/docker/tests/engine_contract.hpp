#pragma once
#include <gantryd/docker/engine.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace gantryd::docker {

/// What the daemon relies on, checked with EXPECT_* by the same code against the real engine and the fake:
/// the fake is worth nothing where the two differ.
///
/// The image must run `/prog serve` by default (until SIGTERM, then exit code 0) and know `/prog exit
/// <code>`,
/// `/prog stubborn` (ignores SIGTERM), `/prog say <word>` (also on stderr, exit code 7); `/nope` must not
/// exist. Names and the label "contract" begin with `prefix`. Leaves nothing behind when it succeeds.
struct contract_subject {
    engine& tested;
    runtime::clock& clk;
    model::image_id image;
    std::string prefix;
};

boost::asio::awaitable<bool> check_unknown_things(contract_subject on);
boost::asio::awaitable<bool> check_one_life(contract_subject on);
boost::asio::awaitable<bool> check_exits(contract_subject on);
boost::asio::awaitable<bool> check_failed_start(contract_subject on);
boost::asio::awaitable<bool> check_stubborn_container(contract_subject on);
boost::asio::awaitable<bool> check_wait(contract_subject on);
boost::asio::awaitable<bool> check_list(contract_subject on);

}  // namespace gantryd::docker
