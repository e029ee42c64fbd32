/* SPDX-License-Identifier: MIT */
/* A plugin in C++ (thrower.h), which brings the C++ runtime into a program that has none. */
#include <stdexcept>
#include <string>

#include <peal/plugin.h>

#include "tests/contract/plugins/thrower.h"

namespace
{

int throw_and_wait(const char *text, void (*wait)(void))
{
	try {
		throw std::runtime_error(text);
	} catch (const std::exception &) {
		wait();
		try {
			throw;
		} catch (const std::exception &again) {
			return again.what() == std::string(text) ? 0 : -1;
		}
	}
}

const thrower_api api = { sizeof(api), throw_and_wait };

peal_plugin describe()
{
	peal_plugin plugin = {};

	plugin.magic = PEAL_PLUGIN_MAGIC;
	plugin.abi_major = PEAL_PLUGIN_ABI_MAJOR;
	plugin.abi_minor = PEAL_PLUGIN_ABI_MINOR;
	plugin.size = sizeof(peal_plugin);
	plugin.param_size = sizeof(peal_param);
	plugin.counter_size = sizeof(peal_plugin_counter);
	plugin.name = "thrower";
	plugin.version = "1.0";
	plugin.summary = "throws";
	plugin.api = &api;
	plugin.api_major = THROWER_API_MAJOR;
	return plugin;
}

} // namespace

PEAL_PLUGIN = describe();
