#include "../fuzz.hpp"

#include <gantryd/project_file/reader.hpp>
#include <gantryd/records/codec.hpp>
#include <gantryd/records/keys.hpp>
#include <gantryd/secrets/secret_key.hpp>

#include <boost/json/object.hpp>

namespace gantryd::fuzz {
namespace {

using namespace gantryd::records;

/// What a value says is kept when it is written anew; times have milliseconds, so the text is compared.
template <class T>
std::optional<T> check(base::result<T> (*decode)(std::string_view), std::string_view input)
{
    auto read = decode(input);
    if (!read) {
        require(read.error() == base::errc::malformed && !read.error().context().empty(),
            "what makes no sense is malformed, with a sentence");
        return std::nullopt;
    }
    const auto written = encode(*read);
    const auto again = decode(written);
    require(again && encode(*again) == written, "a value that is read and written says the same");
    return std::move(*read);
}

void read_values(std::string_view input)
{
    check(decode_component_state, input);
    if (const auto release = check(decode_release, input)) {
        require(release->number < model::next(release->number), "there is a release after each");
        const auto summary = summary_json(*release);
        require(!summary.contains("spec"), "a summary has no environment");
    }
    check(decode_stored_secret, input);
    check(decode_rollout, input);
    check(decode_slot, input);
    check(decode_rollout_step, input);
    check(decode_preflight, input);
    check(decode_component_report, input);
    check(decode_machine_report, input);
    check(decode_endpoint, input);
    check(decode_drain_mark, input);
    check(decode_evidence, input);
    check(decode_event, input);
}

std::string key_of(const model::project_name& project, const rollout_part& what)
{
    switch (what.what) {
    case rollout_part::kind::record: return rollout_key(project, what.component);
    case rollout_part::kind::slot: return slot_key(project, what.component, what.slot);
    case rollout_part::kind::step: return step_key(project, what.component, what.machine);
    case rollout_part::kind::preflight: return preflight_key(project, what.component, what.machine);
    }
    return {};
}

void read_key(std::string_view key)
{
    const model::project_name project("shop");
    if (const auto said = parse_component_key(project, key))
        require((said->release ? release_key(project, said->component, *said->release)
                               : state_key(project, said->component)) == key,
            "a key is a component's");
    if (const auto said = parse_rollout_key(project, key))
        require(key_of(project, *said) == key, "a key is one part of a rollout");
    if (const auto said = parse_machine_key(project, key))
        require((said->what == machine_part::kind::drain ? drain_key(project, said->machine)
                                                         : presence_key(project, said->machine)) == key,
            "a key is a machine's");
    if (const auto said = parse_event_key(project, key))
        require(event_key(project, said->machine, said->sequence) == key &&
                    event_key(project, said->machine, said->sequence + 1) > key,
            "a key is an event's, and there is a next one");
    if (const auto said = parse_secret_key(project, key))
        require(secret_key(project, *said) == key, "a key is a secret's");
    (void)is_report_key(project, key);
}

/// Whoever cannot seal has nothing that opens.
void open_value(std::string_view sealed)
{
    static const auto key = *secrets::secret_key::from(secrets::secret_text(std::string(32, 'k')));
    const auto opened = key.open({"shop", "db", 1}, sealed);
    require(!opened && opened.error() == base::errc::rejected, "what others made up is refused");
}

}  // namespace

/// Values of the store as a hostile, an older or a newer writer leaves them, and keys.
void records(std::string_view input)
{
    read_values(input);
    read_key(input);
    open_value(input);
}

}  // namespace gantryd::fuzz
