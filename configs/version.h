// Which program this is.
#pragma once

namespace amalgam {

// "0.1.0 (3f2c1a9d)": the version, and the commit that was checked out when it was built; "0.1.0"
// where it was built outside a git checkout.
extern const char kVersionAndCommit[];

}  // namespace amalgam
