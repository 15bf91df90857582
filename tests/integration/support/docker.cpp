#include "docker.hpp"

#include "process.hpp"

#include <boost/json.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace json = boost::json;

namespace gantryd::integration {
namespace {

std::string text_at(const json::value& value, std::string_view pointer)
{
    return json::value_to<std::string>(value.at_pointer(pointer));
}

container container_of(const json::value& inspected)
{
    container out;
    out.id = text_at(inspected, "/Id");
    out.name = text_at(inspected, "/Name").substr(1);
    out.labels = json::value_to<std::map<std::string, std::string>>(inspected.at_pointer("/Config/Labels"));
    out.image = text_at(inspected, "/Image");
    out.state = text_at(inspected, "/State/Status");
    out.address = text_at(inspected, "/NetworkSettings/IPAddress");
    out.pid = static_cast<pid_t>(inspected.at_pointer("/State/Pid").as_int64());
    return out;
}

std::vector<std::string> lines_of(const std::string& text)
{
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        if (end > at)
            lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

}  // namespace

std::string docker::run(std::vector<std::string> words) const
{
    words.insert(words.begin(), "docker");
    const auto done =
        integration::run(words, host_.empty() ? environment{} : environment{{"DOCKER_HOST", host_}});
    if (done.exit_code == 0)
        return done.out;
    std::string command;
    for (const auto& word : words)
        command += word + " ";
    throw std::runtime_error(command + "failed: " + done.err);
}

std::string docker::problem() const
{
    try {
        run({"version"});
        return "";
    } catch (const std::runtime_error& why) {
        return std::string("these tests need a Docker Engine; run them by scripts/with-docker.\n") +
               why.what();
    }
}

std::vector<container> docker::containers(const std::string& project) const
{
    // One that is removed between the two commands makes the second one fail: look again.
    for (int attempt = 0;; ++attempt) {
        auto words = lines_of(
            run({"ps", "--all", "--quiet", "--no-trunc", "--filter", "label=io.gantryd.project=" + project}));
        if (words.empty())
            return {};
        words.insert(words.begin(), "inspect");
        try {
            std::vector<container> found;
            const auto answer = json::parse(run(std::move(words)));
            for (const auto& each : answer.as_array())
                found.push_back(container_of(each));
            std::ranges::sort(found, {}, &container::name);
            return found;
        } catch (const std::runtime_error&) {
            if (attempt == 10)
                throw;
        }
    }
}

std::vector<container> docker::running(const std::string& project, const std::string& component) const
{
    auto found = containers(project);
    std::erase_if(found, [&](const container& c) {
        const auto label = c.labels.find("io.gantryd.component");
        return !c.running() || label == c.labels.end() || label->second != component;
    });
    return found;
}

std::string docker::make_image(
    const std::string& name, const std::map<std::string, std::string>& settings) const
{
    std::vector<std::string> words{GANTRYD_SCRIPTS "/demo-image", DEMO_SERVER_PROGRAM, name, "unset"};
    for (const auto& [key, value] : settings)
        words.push_back("ENV " + key + "=" + json::serialize(json::string(value)));
    const auto made =
        integration::run(words, host_.empty() ? environment{} : environment{{"DOCKER_HOST", host_}});
    if (made.exit_code != 0)
        throw std::runtime_error("making the image " + name + " failed: " + made.err);
    return lines_of(run({"image", "inspect", "--format", "{{.Id}}", name})).at(0);
}

json::value docker::inspect(const std::string& id) const
{
    return json::parse(run({"inspect", id})).as_array().at(0);
}

void docker::remove_containers(const std::string& project) const
{
    auto words = lines_of(
        run({"ps", "--all", "--quiet", "--no-trunc", "--filter", "label=io.gantryd.project=" + project}));
    if (words.empty())
        return;
    words.insert(words.begin(), {"rm", "--force", "--volumes"});
    run(std::move(words));
}

void docker::remove_images(const std::vector<std::string>& ids) const
{
    if (ids.empty())
        return;
    std::vector<std::string> words{"image", "rm", "--force"};
    words.insert(words.end(), ids.begin(), ids.end());
    run(std::move(words));
}

}  // namespace gantryd::integration
