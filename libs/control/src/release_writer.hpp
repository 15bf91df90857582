#pragma once
#include <gantryd/control/overview.hpp>

#include <string>

namespace gantryd::control {

/// True when the release has that spec and that image.
inline bool is_same(const model::release& release, const std::string& spec_hash, const model::image_id& image)
{
    return release.spec_hash == spec_hash && release.image == image;
}

/// True when such a request makes no new release: the wanted one is the same, and has not failed.
bool is_released(const component_overview& of, const std::string& spec_hash, const model::image_id& image);

store::operation put(std::string key, std::string value);

/// Adds one component's release to the transaction, which compares the component's state.
released add_release(const model::project_name& project, const release_request& request,
    const component_overview& of, const std::string& created_by, base::wall_time now,
    store::transaction& write);

}  // namespace gantryd::control
