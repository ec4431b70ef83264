// _core.TableCheck.
#pragma once

#include <pybind11/pybind11.h>

namespace writebehind::bindings {

void DefineTableCheck(pybind11::module_& module);

}  // namespace writebehind::bindings
