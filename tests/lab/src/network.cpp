#include "lab/network.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace gantryd::integration {
namespace {

/// The router's end of the node's link; the node's end is called eth0.
std::string link_of(const node& a) { return "to-" + a.name(); }

std::vector<std::string> words_of(const std::string& line)
{
    std::istringstream in(line);
    return {std::istream_iterator<std::string>(in), {}};
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

void run_batch(const node& where, const std::string& commands)
{
    const auto file = where.directory() / "links.batch";
    std::ofstream(file) << commands;
    // Nothing but the network of the node: the numbers of the other nodes' processes are those of our /proc.
    const auto done = run({"nsenter", "--net=/proc/" + std::to_string(where.first_process()) + "/ns/net",
        "--", "ip", "-batch", file.string()});
    if (done.exit_code != 0)
        throw std::runtime_error("links of " + where.name() + ": " + done.both());
}

}  // namespace

void network::connect(const std::vector<node>& nodes) const
{
    std::string commands;
    for (const auto& each : nodes) {
        const auto link = link_of(each);
        commands += "link add " + link + " type veth peer name eth0 netns " +
                    std::to_string(each.first_process()) + "\n";
        commands += "address add " + std::string(gateway) + "/32 dev " + link + "\n";
        commands += "link set " + link + " up\n";
        commands += "route add " + each.address() + "/32 dev " + link + "\n";
    }
    run_batch(router_, commands);
    for (const auto& each : nodes)
        run_batch(each, "address add " + each.address() + "/32 dev eth0\n" + "link set eth0 up\n" +
                            "route add " + gateway + "/32 dev eth0\n" + "route add default via " + gateway +
                            " src " + each.address() + "\n");
}

void network::forward_rule(std::vector<std::string> match) const
{
    match.insert(match.begin(), {"iptables", "--wait", "--append", "FORWARD"});
    match.insert(match.end(), {"--jump", "DROP"});
    router_.must_run(std::move(match));
}

void network::cut(const node& a) const
{
    forward_rule({"--in-interface", link_of(a)});
    forward_rule({"--out-interface", link_of(a)});
}

void network::cut(const node& a, const node& b) const
{
    cut_one_way(a, b);
    cut_one_way(b, a);
}

void network::cut_one_way(const node& from, const node& to) const
{
    forward_rule({"--in-interface", link_of(from), "--out-interface", link_of(to)});
}

void network::lose(const node& a, double share) const
{
    for (const std::string direction : {"--in-interface", "--out-interface"})
        forward_rule({direction, link_of(a), "--match", "statistic", "--mode", "random", "--probability",
            std::to_string(share)});
}

void network::slow(const node& a, int kilobits) const
{
    // The bucket holds a full packet at least, else nothing passes.
    const auto qdisc = [&](const std::string& device) {
        return std::vector<std::string>{"tc", "qdisc", "replace", "dev", device, "root", "tbf", "rate",
            std::to_string(kilobits) + "kbit", "burst", "4kb", "latency", "400ms"};
    };
    router_.must_run(qdisc(link_of(a)));
    a.must_run(qdisc("eth0"));
}

void network::heal(const node& a) const
{
    for (const auto& line : lines_of(router_.must_run({"iptables", "--wait", "--list-rules", "FORWARD"}))) {
        auto words = words_of(line);
        if (words.size() < 2 || words[0] != "-A" || std::ranges::count(words, link_of(a)) == 0)
            continue;
        words[0] = "-D";
        words.insert(words.begin(), {"iptables", "--wait"});
        router_.must_run(std::move(words));
    }
    // They fail when nothing was slowed down.
    router_.run({"tc", "qdisc", "delete", "dev", link_of(a), "root"});
    a.run({"tc", "qdisc", "delete", "dev", "eth0", "root"});
}

void network::heal_all(const std::vector<node>& nodes) const
{
    for (const auto& each : nodes)
        heal(each);
}

std::vector<std::string> network::impairments() const
{
    auto lines = lines_of(router_.must_run({"iptables", "--wait", "--list-rules", "FORWARD"}));
    std::erase_if(lines, [](const std::string& line) { return !line.starts_with("-A"); });
    for (auto& line : lines_of(router_.must_run({"tc", "qdisc", "show"})))
        if (line.starts_with("qdisc tbf"))
            lines.push_back(std::move(line));
    return lines;
}

}  // namespace gantryd::integration
