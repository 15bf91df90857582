#include <gantryd/etcd/cluster.hpp>

#include <gantryd/base/temporary_directory.hpp>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

namespace gantryd::etcd_testing {
namespace {

using namespace std::chrono_literals;

/// A port below those that the kernel gives to outgoing connections, on which nobody listens.
std::uint16_t free_port()
{
    static int next = 20000 + (::getpid() * 7) % 12000;
    for (int tries = 0; tries < 12000; ++tries) {
        const auto port = static_cast<std::uint16_t>(20000 + (next++ - 20000) % 12000);
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const bool is_free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
        ::close(fd);
        if (is_free)
            return port;
    }
    throw std::runtime_error("no free port");
}

std::vector<char*> pointers_to(const std::vector<std::string>& words)
{
    std::vector<char*> out;
    out.reserve(words.size() + 1);
    for (const auto& word : words)
        out.push_back(const_cast<char*>(word.c_str()));  // NOLINT: execve's signature
    out.push_back(nullptr);
    return out;
}

/// `added` over our own environment; of two with one name the last one counts.
std::vector<std::string> environment_with(const std::vector<std::string>& added)
{
    // getenv() takes the first.
    std::vector<std::string> out(added.rbegin(), added.rend());
    for (char** variable = environ; *variable != nullptr; ++variable)
        out.emplace_back(*variable);
    return out;
}

/// Starts a program with its output in a file. The kernel kills it when we die.
pid_t spawn(const std::vector<std::string>& words, const std::string& output,
    const std::vector<std::string>& environment = {})
{
    const auto arguments = pointers_to(words);
    const auto all = environment_with(environment);
    const auto variables = pointers_to(all);
    const auto parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        throw std::runtime_error("fork: " + std::generic_category().message(errno));
    if (pid > 0)
        return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
        ::_exit(127);
    const int to = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ::dup2(to, STDOUT_FILENO);
    ::dup2(to, STDERR_FILENO);
    ::execvpe(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
}

int wait_for(pid_t pid)
{
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string text_of_file(const std::filesystem::path& file)
{
    std::ifstream in(file, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

}  // namespace

cluster::cluster(cluster_options what)
    : what_(std::move(what)),
      directory_(base::make_test_directory("gantryd-etcd"))
{
    for (std::size_t i = 0; i < what_.members; ++i)
        members_.push_back({"m" + std::to_string(i), free_port(), free_port(), -1});
    try {
        for (std::size_t i = 0; i < size(); ++i)
            launch(i);
        (void)leader();
    } catch (...) {
        remove_everything();
        throw;
    }
}

cluster::~cluster() { remove_everything(); }

void cluster::remove_everything()
{
    for (std::size_t i = 0; i < size(); ++i)
        kill(i);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

std::string cluster::endpoint(std::size_t which) const
{
    const auto* scheme = what_.certificate_file.empty() ? "http" : "https";
    return std::string(scheme) + "://127.0.0.1:" + std::to_string(members_[which].client_port);
}

std::string cluster::endpoints() const
{
    std::string out;
    for (std::size_t i = 0; i < size(); ++i)
        out += (i == 0 ? "" : ",") + endpoint(i);
    return out;
}

std::string cluster::peer_url(const member& of) const
{
    return "http://127.0.0.1:" + std::to_string(of.peer_port);
}

std::string cluster::initial_cluster() const
{
    std::string out;
    for (const auto& one : members_)
        out += (out.empty() ? "" : ",") + one.name + "=" + peer_url(one);
    return out;
}

void cluster::launch(std::size_t which)
{
    auto& one = members_[which];
    std::vector<std::string> words;
    if (which == what_.wrapped_member)
        words = what_.wrapper;
    for (const auto& word : {std::string("etcd"), std::string("--name"), one.name, std::string("--data-dir"),
             data_of(one).string(), std::string("--listen-client-urls"), endpoint(which),
             std::string("--advertise-client-urls"), endpoint(which), std::string("--listen-peer-urls"),
             peer_url(one), std::string("--initial-advertise-peer-urls"), peer_url(one),
             std::string("--initial-cluster"), initial_cluster(), std::string("--initial-cluster-token"),
             token_, std::string("--unsafe-no-fsync")})
        words.push_back(word);
    if (!what_.certificate_file.empty()) {
        for (const auto& word :
            {std::string("--cert-file"), what_.certificate_file, std::string("--key-file"), what_.key_file,
                std::string("--trusted-ca-file"), what_.ca_file, std::string("--client-cert-auth")})
            words.push_back(word);
    }
    words.insert(words.end(), what_.arguments.begin(), what_.arguments.end());
    one.pid = spawn(words, (directory_ / (one.name + ".log")).string());
}

void cluster::kill(std::size_t which)
{
    auto& one = members_[which];
    if (one.pid <= 0)
        return;
    ::kill(one.pid, SIGKILL);
    wait_for(one.pid);
    one.pid = -1;
}

void cluster::start(std::size_t which) { launch(which); }

void cluster::pause(std::size_t which) const { ::kill(members_[which].pid, SIGSTOP); }

void cluster::resume(std::size_t which) const { ::kill(members_[which].pid, SIGCONT); }

std::string cluster::etcdctl(
    std::vector<std::string> words, const std::vector<std::string>& environment) const
{
    words.insert(words.begin(), {"etcdctl", "--command-timeout", "3s"});
    std::vector<std::string> variables{"ETCDCTL_API=3", "ETCDCTL_ENDPOINTS=" + endpoints()};
    if (!what_.certificate_file.empty()) {
        variables.push_back("ETCDCTL_CACERT=" + what_.ca_file);
        variables.push_back("ETCDCTL_CERT=" + what_.certificate_file);
        variables.push_back("ETCDCTL_KEY=" + what_.key_file);
    }
    // Those that follow count.
    variables.insert(variables.end(), environment.begin(), environment.end());
    const auto output = directory_ / "etcdctl.out";
    std::filesystem::remove(output);
    const auto code = wait_for(spawn(words, output.string(), variables));
    auto text = text_of_file(output);
    if (code != 0)
        throw std::runtime_error("etcdctl " + words[3] + ": " + text);
    return text;
}

std::size_t cluster::leader(std::chrono::seconds limit) const
{
    const auto until = std::chrono::steady_clock::now() + limit;
    std::string last;
    while (std::chrono::steady_clock::now() < until) {
        for (std::size_t i = 0; i < size(); ++i) {
            if (members_[i].pid <= 0)
                continue;
            try {
                // Endpoint, id, version, size, is leader, ..
                last = etcdctl(
                    {"endpoint", "status", "--write-out", "simple"}, {"ETCDCTL_ENDPOINTS=" + endpoint(i)});
                std::istringstream fields(last);
                std::string field;
                for (int n = 0; n < 5; ++n)
                    std::getline(fields, field, ',');
                if (field == " true")
                    return i;
            } catch (const std::runtime_error& why) {
                last = why.what();
            }
        }
        std::this_thread::sleep_for(50ms);
    }
    std::string logs;
    for (std::size_t i = 0; i < size(); ++i)
        logs += "\n--- " + members_[i].name + "\n" + log_of(i);
    throw std::runtime_error("etcd has no leader: " + last + logs);
}

void cluster::compact() const
{
    const auto status = etcdctl({"endpoint", "status", "--write-out", "json"});
    const std::string mark = "\"revision\":";
    const auto at = status.find(mark);
    if (at == std::string::npos)
        throw std::runtime_error("no revision in " + status);
    etcdctl({"compact", "--physical=true", std::to_string(std::stoll(status.substr(at + mark.size())))});
}

std::filesystem::path cluster::save() const
{
    const auto file = directory_ / "saved.db";
    std::filesystem::remove(file);
    etcdctl({"snapshot", "save", file.string()}, {"ETCDCTL_ENDPOINTS=" + endpoint(0)});
    return file;
}

void cluster::restore(const std::filesystem::path& saved, const std::string& token)
{
    for (std::size_t i = 0; i < size(); ++i)
        kill(i);
    token_ = token;
    for (const auto& one : members_) {
        std::filesystem::remove_all(data_of(one));
        etcdctl({"snapshot", "restore", saved.string(), "--name", one.name, "--data-dir",
            data_of(one).string(), "--initial-cluster", initial_cluster(), "--initial-cluster-token", token_,
            "--initial-advertise-peer-urls", peer_url(one)});
    }
    for (std::size_t i = 0; i < size(); ++i)
        launch(i);
    (void)leader();
}

std::string cluster::log_of(std::size_t which) const
{
    return text_of_file(directory_ / (members_[which].name + ".log"));
}

}  // namespace gantryd::etcd_testing
