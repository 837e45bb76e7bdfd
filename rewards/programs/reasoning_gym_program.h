// The Python program that draws rows of a data set of reasoning-gym and verifies answers to them.
// It is run as a plug-in (plugin_program.h): `load` checks what the config says, compute_score is a
// function in verl's form, and a line {"size", "seed"} asks for all entries of a data set, each
// with its "question", "answer" (null: none is known), itself as JSON in "entry", and, where JSON
// does not give it back as it was, in "exact".
#pragma once

namespace amalgam::rewards {

extern const char* const kReasoningGymProgram;

}  // namespace amalgam::rewards
