#include "lab/parts.hpp"

#include "lab/remains.hpp"
#include "traffic.hpp"
#include "wait.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

using namespace std::chrono_literals;

std::string end_of(const std::string& text, std::size_t most = 2000)
{
    return text.size() <= most ? text : ".. " + text.substr(text.size() - most);
}

/// The places below `directory` where something is mounted in the node, deepest first.
std::vector<std::string> mounts_below(const node& where, const std::string& directory)
{
    std::vector<std::string> found;
    std::istringstream lines(text_of_file("/proc/" + std::to_string(where.first_process()) + "/mounts"));
    for (std::string what, place, rest; lines >> what >> place && std::getline(lines, rest);)
        if (place.starts_with(directory + "/"))
            found.push_back(place);
    std::ranges::reverse(found);
    return found;
}

/// The next boot has another id than the last one: by a file over the kernel's.
void give_boot_id(const node& where)
{
    const auto file = where.directory() / "boot-id";
    const auto of_kernel = "/proc/sys/kernel/random/boot_id";
    (void)where.run({"umount", of_kernel});  // at the first time there is nothing
    std::ofstream(file) << text_of_file("/proc/sys/kernel/random/uuid");
    where.must_run({"mount", "--bind", file.string(), of_kernel});
}

}  // namespace

bool answers(const node& from, const std::string& address, std::uint16_t port, const std::string& path)
{
    return from.within([&] {
        const auto answer = ask_at(address, port, "GET", path, 1s);
        return answer && answer->status == 200;
    });
}

void etcd_member::start_etcd() const
{
    const auto peer = "http://" + address() + ":" + std::to_string(peer_port);
    node::start("etcd",
        {"etcd", "--name", name(), "--data-dir", (directory() / "data").string(), "--listen-client-urls",
            endpoint(), "--advertise-client-urls", endpoint(), "--listen-peer-urls", peer,
            "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster_, "--initial-cluster-state",
            "new", "--logger", "zap", "--log-outputs", "stderr"});
}

bool etcd_member::healthy() const { return answers(*this, address(), client_port, "/health"); }

std::optional<std::int64_t> etcd_member::term_led() const
{
    if (!runs("etcd") || frozen("etcd"))
        return std::nullopt;
    const auto asked = run(
        {"etcdctl", "--dial-timeout=1s", "--command-timeout=1s", "--write-out=json", "endpoint", "status"},
        {{"ETCDCTL_API", "3"}, {"ETCDCTL_ENDPOINTS", endpoint()}});
    boost::system::error_code bad;
    const auto answer = json::parse(asked.out, bad);
    if (bad || !answer.is_array() || answer.as_array().empty())
        return std::nullopt;
    const auto& status = answer.as_array()[0].at("Status").as_object();
    const auto* leader = status.if_contains("leader");
    if (leader == nullptr || *leader != status.at("header").at("member_id"))
        return std::nullopt;
    return status.at("raftTerm").to_number<std::int64_t>();
}

void registry_server::start_registry() const
{
    const auto config = directory() / "registry.yml";
    std::ofstream(config) << "version: 0.1\n"
                             "log: {accesslog: {disabled: true}, level: info}\n"
                             "storage:\n"
                             "  filesystem: {rootdirectory: "
                          << (directory() / "data").string()
                          << "}\n"
                             "  delete: {enabled: true}\n"
                             "http: {addr: \""
                          << prefix() << "\"}\n";
    node::start("registry", {"docker-registry", "serve", config.string()});
}

machine::machine(node where, int number, std::string cgroup, std::string etcd, std::string registry)
    : node(std::move(where)),
      number_(number),
      cgroup_(std::move(cgroup)),
      etcd_(std::move(etcd)),
      registry_(std::move(registry))
{
}

void machine::start_docker() const
{
    // A killed Engine takes its old number for a running one, should somebody else have it by now.
    const auto exec = directory() / "exec";
    std::filesystem::remove(directory() / "dockerd.pid");
    if (std::ranges::count(process_names(), "containerd") == 0)
        std::filesystem::remove(exec / "containerd" / "containerd.pid");
    const auto config = directory() / "daemon.json";
    std::ofstream(config) << "{}\n";
    std::vector<std::string> words{"dockerd", "--config-file", config.string(), "--data-root",
        (directory() / "docker").string(), "--exec-root", exec.string(), "--pidfile",
        (directory() / "dockerd.pid").string(), "--host", docker_host(), "--bip",
        "172.30." + std::to_string(number_) + ".1/24", "--exec-opt", "native.cgroupdriver=cgroupfs",
        "--cgroup-parent", "/" + cgroup_ + "/" + name(), "--live-restore"};
    if (!registry_.empty())
        words.insert(words.end(), {"--insecure-registry", registry_});
    node::start("docker", std::move(words));
}

bool machine::docker_answers() const
{
    auto engine = connection::to((directory() / "docker.sock").string());
    return engine && engine->send("GET /_ping HTTP/1.0\r\n\r\n") &&
           engine->receive_all(1s).starts_with("HTTP/1.0 200");
}

void machine::restart_docker() const
{
    start_docker();
    if (!wait_until([&] { return docker_answers() || !runs("docker"); }, 30s) || !docker_answers())
        throw std::runtime_error(
            "the Engine of " + name() + " does not answer: " + end_of(text_of_file(log_of("docker"))));
}

void machine::power_off() const
{
    thaw_cgroups(cgroup_ + "/" + name());  // not even SIGKILL ends a paused container
    kill_all();
    auto mounts = mounts_below(*this, directory().string());
    if (!mounts.empty()) {
        mounts.insert(mounts.begin(), {"umount", "--lazy"});
        must_run(std::move(mounts));
    }
    std::filesystem::remove_all(directory() / "exec");
    std::filesystem::remove(directory() / "docker.sock");
    give_boot_id(*this);
}

environment machine::variables() const
{
    environment out{{"DOCKER_HOST", docker_host()}, {"GANTRYD_STATE_DIR", state_directory().string()},
        {"ETCDCTL_API", "3"}, {"NO_COLOR", "1"}};
    if (!etcd_.empty())
        out["ETCDCTL_ENDPOINTS"] = etcd_;
    return out;
}

finished machine::gantryd(const std::vector<std::string>& words, std::chrono::seconds limit) const
{
    std::vector<std::string> all{GANTRYD_PROGRAM};
    all.insert(all.end(), words.begin(), words.end());
    return run(std::move(all), variables(), limit);
}

void machine::start_gantryd(const std::string& project, const std::vector<std::string>& more) const
{
    std::vector<std::string> all{GANTRYD_PROGRAM, "run", project};
    all.insert(all.end(), more.begin(), more.end());
    node::start("gantryd", std::move(all), variables());
}

std::optional<pid_t> machine::proxy_pid() const
{
    const auto inside = pid_in_file(state_directory() / "haproxy" / "haproxy.pid");
    return inside ? seen_from_outside(*inside) : std::nullopt;
}

std::string machine::make_image(
    const std::string& name, const std::map<std::string, std::string>& settings) const
{
    return docker().make_image(name, settings);
}

std::string machine::version_at(std::uint16_t port) const
{
    return within([&] { return integration::version_at(port); });
}

}  // namespace gantryd::integration
