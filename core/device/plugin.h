#pragma once

#include <string>

namespace rensa {

/// Opens librensa_<name>.so, once: from the folder that $RENSA_PLUGINS names, or from beside librensa_core, or from
/// where the system looks. Loading it fills the slots of kernels and whatever else it registers. Throws DeviceError
/// that says what the loader said; that the plug-in was built of another version of Rensa; and how to get one.
void open_plugin(const std::string& name);

/// The version that open_plugin() insists on. A plug-in tells its own by
///   extern "C" const char* rensa_plugin_version() { return RENSA_VERSION; }
const char* plugin_version();

}  // namespace rensa
