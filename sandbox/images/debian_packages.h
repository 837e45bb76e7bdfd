// Files of the Debian packages that are installed on this machine.
#pragma once
#include <string>
#include <vector>

#include "sandbox/files/layer.h"

namespace amalgam::sandbox {

// The named packages and all that they need to run, in the order found: Depends and Pre-Depends, of
// alternatives the first that is installed, without what only installation scripts use (dpkg,
// debconf). Error when a named package, or one that is needed, is not installed. admin: dpkg's
// database.
std::vector<std::string> package_closure(const std::vector<std::string>& names,
                                         const std::string& admin = "/var/lib/dpkg");

// The packages' programs, libraries and modules, with compiled Python modules, without
// documentation and configuration; /bin and its like as links where the machine has them so.
void add_packages(const std::vector<std::string>& packages, LayerWriter* layer);

// The default image: Python 3 and the usual commands (sh, coreutils, grep, sed, find, diff, awk),
// with one user, "work". Error when one of them is not a Debian package here.
void add_python_image(LayerWriter* layer);
// The packages of the default image with their versions, "name version" each.
std::vector<std::string> python_image_versions();

}  // namespace amalgam::sandbox
