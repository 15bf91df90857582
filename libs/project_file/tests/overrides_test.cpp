#include "support.hpp"

#include <gantryd/model/component_json.hpp>
#include <gantryd/project_file/overrides.hpp>

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace json = boost::json;
namespace pf = gantryd::project_file;
namespace base = gantryd::base;
namespace model = gantryd::model;
using namespace std::chrono_literals;

namespace {

/// The component after the overrides, as JSON text; the error's sentence when one is refused.
std::string after(std::string_view component, const std::vector<std::string>& overrides)
{
    auto object = json::parse(component).as_object();
    for (const auto& each : overrides) {
        const auto before = object;
        if (const auto done = pf::apply_override(object, each); !done) {
            EXPECT_EQ(done.error().code(), base::errc::rejected);
            EXPECT_EQ(object, before) << "a refused override changed something: " << each;
            return done.error().context();
        }
    }
    return json::serialize(object);
}

}  // namespace

TEST(apply_override, sets_scalars_as_their_field_stores_them)
{
    EXPECT_EQ(after("{}", {"tag=v2"}), R"({"tag":"v2"})");
    EXPECT_EQ(after(R"({"tag":"v1"})", {"tag=2"}), R"({"tag":"2"})");
    EXPECT_EQ(after("{}", {"instances=3"}), R"({"instances":3})");
    EXPECT_EQ(after("{}", {"privileged=true"}), R"({"privileged":true})");
    EXPECT_EQ(after("{}", {"readyTimeout=5000", "stopTimeout=1.5"}),
        R"({"readyTimeout":5000,"stopTimeout":1.5E0})");
    EXPECT_EQ(after("{}", {"readyTimeout=5s"}), R"({"readyTimeout":"5s"})");
    EXPECT_EQ(after("{}", {"user=1000"}), R"({"user":"1000"})");
    EXPECT_EQ(after("{}", {"user="}), R"({"user":""})");
}

TEST(apply_override, keeps_everything_behind_the_first_equals_sign)
{
    EXPECT_EQ(after("{}", {"environmentVariables.OPTS=a=b=c"}),
        R"({"environmentVariables":[{"name":"OPTS","value":"a=b=c"}]})");
    EXPECT_EQ(after("{}", {"command=--x=y"}), R"({"command":["--x=y"]})");
}

TEST(apply_override, appends_to_plain_lists)
{
    EXPECT_EQ(after("{}", {"command=a b", "command=c"}), R"({"command":["a b","c"]})");
    EXPECT_EQ(after(R"({"volumesFrom":["x"]})", {"volumesFrom=y"}), R"({"volumesFrom":["x","y"]})");
    EXPECT_EQ(after(R"({"command":"run 'a b'"})", {"command=c"}), R"({"command":["run","a b","c"]})");
}

TEST(apply_override, appending_to_an_unset_list_touches_no_other_component)
{
    EXPECT_EQ(after("{}", {"command=first"}), R"({"command":["first"]})");
    EXPECT_EQ(after("{}", {"command=second"}), R"({"command":["second"]})");
    EXPECT_EQ(after("{}", {"terminationChecks.x=exec"}),
        R"({"terminationChecks":[{"kind":"connection"},{"id":"x","kind":"exec"}]})");
    EXPECT_EQ(after("{}", {"terminationChecks.y=exec"}),
        R"({"terminationChecks":[{"kind":"connection"},{"id":"y","kind":"exec"}]})");
    const auto read = pf::read_component(R"({"name":"a","repo":"a"})");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->termination_checks.size(), 1u);
}

TEST(apply_override, changes_the_default_termination_check_instead_of_losing_it)
{
    EXPECT_EQ(after("{}", {"terminationChecks.connection.interval=2s"}),
        R"({"terminationChecks":[{"kind":"connection","interval":"2s"}]})");
    EXPECT_EQ(after(R"({"terminationChecks":[]})", {"terminationChecks.t=tcp"}),
        R"({"terminationChecks":[{"id":"t","kind":"tcp"}]})");
}

TEST(apply_override, finds_items_by_their_name_and_sets_their_value)
{
    EXPECT_EQ(after(R"({"ports":[{"external":8888,"container":1},{"external":"9","container":2}]})",
                  {"ports.8888=9000", "ports.9=10", "ports.7=70"}),
        R"({"ports":[{"external":8888,"container":9000},{"external":"9","container":10},)"
        R"({"external":7,"container":70}]})");
    EXPECT_EQ(after("{}", {"bindings./srv=/data", "bindings./srv=/other"}),
        R"({"bindings":[{"external":"/srv","volume":"/other"}]})");
    EXPECT_EQ(after("{}", {"defineComponentLinks.db=5432"}),
        R"({"defineComponentLinks":[{"name":"db","port":5432}]})");
    EXPECT_EQ(after("{}", {"requireComponentLinks.db=base"}),
        R"({"requireComponentLinks":[{"name":"db","alias":"base"}]})");
    EXPECT_EQ(
        after(R"({"environmentVariables":[{"name":"FOO","value":"x"}]})", {"environmentVariables.FOO=bar"}),
        R"({"environmentVariables":[{"name":"FOO","value":"bar"}]})");
    // A variable is a value or a secret.
    EXPECT_EQ(after(R"({"environmentVariables":[{"name":"FOO","secret":{"file":"/x"}}]})",
                  {"environmentVariables.FOO=bar"}),
        R"({"environmentVariables":[{"name":"FOO","value":"bar"}]})");
    EXPECT_EQ(after(R"({"environmentVariables":[{"name":"FOO","value":"x"}]})",
                  {"environmentVariables.FOO.secret=db"}),
        R"({"environmentVariables":[{"name":"FOO","secret":"db"}]})");
    EXPECT_EQ(after("{}", {"readyChecks.up=http", "readyChecks.up.port=80"}),
        R"({"readyChecks":[{"id":"up","kind":"http","port":80}]})");
    EXPECT_EQ(after("{}", {"terminationSignals.bye=exec", "terminationSignals.bye.command=quit -f"}),
        R"({"terminationSignals":[{"id":"bye","kind":"exec","command":"quit -f"}]})");
}

TEST(apply_override, sets_one_field_of_an_item)
{
    EXPECT_EQ(after(R"({"ports":[{"external":8888,"container":1}]})",
                  {"ports.8888.kind=http", "ports.8888.bind=::1"}),
        R"({"ports":[{"external":8888,"container":1,"kind":"http","bind":"::1"}]})");
    EXPECT_EQ(after("{}", {"ports.80.kind=http", "ports.80=8080"}),
        R"({"ports":[{"external":80,"kind":"http","container":8080}]})");
    EXPECT_EQ(after(R"({"healthChecks":[{"kind":"http","port":80}]})", {"healthChecks.http.path=/x"}),
        R"({"healthChecks":[{"kind":"http","port":80,"path":"/x"}]})");
}

TEST(apply_override, the_two_names_of_a_command_replace_each_other)
{
    EXPECT_EQ(after(R"({"terminationSignals":[{"kind":"exec","exec_command":"old"}]})",
                  {"terminationSignals.exec.command=new"}),
        R"({"terminationSignals":[{"kind":"exec","command":"new"}]})");
}

TEST(apply_override, sets_fields_of_nested_objects)
{
    EXPECT_EQ(after("{}", {"drain.timeout=5s", "drain.onTimeout=keep", "drain.timeout=7"}),
        R"({"drain":{"timeout":7,"onTimeout":"keep"}})");
    EXPECT_EQ(after("{}", {"resources.memory=64m", "resources.cpus=0.5", "resources.pids=10"}),
        R"({"resources":{"memory":"64m","cpus":5E-1,"pids":10}})");
    EXPECT_EQ(
        after("{}", {"labels.com.example.a=b", "labels.n=1"}), R"({"labels":{"com.example.a":"b","n":"1"}})");
}

TEST(apply_override, a_key_may_hold_dots_where_nothing_else_can_be_meant)
{
    EXPECT_EQ(after("{}", {"bindings./etc/app.conf=/conf"}),
        R"({"bindings":[{"external":"/etc/app.conf","volume":"/conf"}]})");
    EXPECT_EQ(after("{}", {"bindings./etc/app.conf.volume=/conf"}),
        R"({"bindings":[{"external":"/etc/app.conf","volume":"/conf"}]})");
    EXPECT_EQ(
        after(R"({"defineComponentLinks":[{"name":"my.db","port":1}]})", {"defineComponentLinks.my.db=2"}),
        R"({"defineComponentLinks":[{"name":"my.db","port":2}]})");
    EXPECT_EQ(after(R"({"defineComponentLinks":[{"name":"my.db","port":1}]})",
                  {"defineComponentLinks.my.db.kind=http"}),
        R"({"defineComponentLinks":[{"name":"my.db","port":1,"kind":"http"}]})");
    EXPECT_EQ(after("{}", {"environmentVariables.spring.profile=x"}),
        "environmentVariables.spring: unknown field \"profile\"; expected one of: name, value, secret");
}

TEST(apply_override, says_what_it_refuses_without_the_value)
{
    EXPECT_EQ(after("{}", {"environmentVariables.PASSWORD:hunter2"}),
        "override: expected NAME=VALUE, found no '='");
    EXPECT_EQ(after("{}", {"instances=hunter2"}), "instances: expected a whole number");
    EXPECT_EQ(after("{}", {"instances=-1"}), "instances: expected a whole number");
    EXPECT_EQ(after("{}", {"privileged=yes"}), "privileged: expected true or false");
    EXPECT_EQ(after("{}", {"ports=80"}), "ports: expected ports.KEY=VALUE or ports.KEY.FIELD=VALUE");
    EXPECT_EQ(after("{}", {"ports.=80"}), "ports: expected ports.KEY=VALUE");
    EXPECT_EQ(after("{}", {"ports.http=80"}), "ports.http: expected a whole number");
    EXPECT_EQ(after("{}", {"ports.80=http"}), "ports.80.container: expected a whole number");
    EXPECT_EQ(after("{}", {"ports.80.knid=http"}), "ports.80: unknown field \"knid\"; expected one of: "
                                                   "external, container, kind, bind; did you mean \"kind\"?");
    EXPECT_EQ(after("{}", {"drain=5s"}), "drain: expected drain.FIELD=VALUE");
    EXPECT_EQ(after("{}", {"drain.timeot=5s"}),
        "drain: unknown field \"timeot\"; expected one of: timeout, onTimeout; did you mean \"timeout\"?");
    EXPECT_EQ(after("{}", {"labels=x"}), "labels: expected labels.FIELD=VALUE");
    EXPECT_EQ(after("{}", {"tag.x=y"}), "tag: expected tag=VALUE, found a field behind it");
    EXPECT_TRUE(
        after("{}", {"tga=v2"}).starts_with("override: unknown field \"tga\"; expected one of: name, repo"));
    EXPECT_TRUE(after("{}", {"tga=v2"}).ends_with("did you mean \"tag\"?"));
    EXPECT_TRUE(after("{}", {"=v2"}).starts_with("override: unknown field"));
    EXPECT_TRUE(after("{}", {"nothing.a=b"}).starts_with("override: unknown field"));
    EXPECT_EQ(after(R"({"ports":8})", {"ports.80=80"}), "ports: what the file has there is not a list");
    EXPECT_EQ(
        after(R"({"drain":8})", {"drain.timeout=80"}), "drain: what the file has there is not an object");
    EXPECT_EQ(after(R"({"command":8})", {"command=x"}), "command: what the file has there is not a list");
}

TEST(apply_override, reaches_every_field_of_a_component)
{
    model::component_spec everything;
    everything.rollout.pause = 1s;  // written only where it is not the default
    const auto fields = model::to_json(everything);
    for (const auto& field : fields) {
        const std::string name = field.key();
        json::object component;
        const bool whole = pf::apply_override(component, name + "=1").has_value() ||
                           pf::apply_override(component, name + "=true").has_value();
        const bool part = pf::apply_override(component, name + ".1=1").has_value() ||
                          pf::apply_override(component, name + ".x=tcp").has_value() ||
                          pf::apply_override(component, name + ".timeout=1").has_value() ||
                          pf::apply_override(component, name + ".pause=1").has_value() ||
                          pf::apply_override(component, name + ".memory=1").has_value();
        EXPECT_NE(whole, part) << name;
        EXPECT_TRUE(component.contains(name)) << name;
    }
}

TEST(apply_override, makes_documents_that_the_reader_accepts)
{
    const auto text = after(R"({"name":"web","repo":"my/web"})",
        {"tag=v2", "command=serve", "ports.8888=9000", "ports.8888.kind=http", "environmentVariables.FOO=bar",
            "readyChecks.http=http", "readyChecks.http.port=9000", "readyChecks.http.interval=250ms",
            "drain.timeout=5s", "resources.memory=64m", "labels.a=b", "rollout.maxParallel=25%",
            "rollout.minHealthyTime=5", "terminationChecks.connection.interval=2s"});
    const auto read = pf::read_component(text);
    ASSERT_TRUE(read) << pf::text_of(read.error().front(), text);
    EXPECT_EQ(read->tag, "v2");
    EXPECT_EQ(read->ports.at(0), (model::port_mapping{8888, 9000, model::port_kind::http, "0.0.0.0"}));
    EXPECT_EQ(read->ready_checks.at(0).interval, 250ms);
    EXPECT_EQ(read->termination_checks.at(0).interval, 2s);
    EXPECT_EQ(read->resources.memory_bytes, 64 << 20);
    EXPECT_EQ(read->rollout.max_parallel, (model::parallel_limit{25, true}));
    EXPECT_EQ(read->rollout.min_healthy_time, 5s);
}
