#include "sandbox/service/agent_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace amalgam::sandbox {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string agent_of(AgentRegistry* registry, const std::string& session) {
  const auto place = registry->place(session);
  return place ? place->agent : "none";
}

TEST(AgentRegistry, PlacesOnTheLeastLoadedFirstByName) {
  AgentRegistry registry;
  EXPECT_EQ(agent_of(&registry, "a"), "none");
  registry.add("r1", "two", 1, 2, 0);  // routes in another order than names
  registry.add("r2", "four", 2, 4, 0);
  std::string order;
  for (const char* session : {"a", "b", "c", "d", "e", "f", "g"})
    order += agent_of(&registry, session) + " ";
  EXPECT_EQ(order, "four two four four two four none ");
  EXPECT_FALSE(registry.place("a")->is_new);
  EXPECT_EQ(registry.place("b")->route, "r1");
  EXPECT_EQ(registry.release("b"), "r1");
  EXPECT_EQ(registry.release("b"), "");
  EXPECT_EQ(registry.route_of("b"), "");
  EXPECT_EQ(agent_of(&registry, "g"), "two");
  EXPECT_FALSE(registry.place("g")->is_new);
}

TEST(AgentRegistry, TheDeadLoseTheirSessionsAndCalls) {
  AgentRegistry registry;
  registry.add("r1", "one", 1, 9, 0);
  EXPECT_TRUE(registry.place("a")->is_new);
  EXPECT_TRUE(registry.begin_call(5, "a", "r1", 100));
  EXPECT_TRUE(registry.begin_call(6, "b", "", 50));
  EXPECT_EQ(registry.session_of(5), "a");
  EXPECT_THAT(registry.unplaced(), ElementsAre(6u));
  EXPECT_THAT(registry.overdue(50), IsEmpty());
  EXPECT_THAT(registry.overdue(50.1), ElementsAre(6u));
  EXPECT_TRUE(registry.heard("r1", 3));
  EXPECT_THAT(registry.silent_since(3), IsEmpty());
  EXPECT_THAT(registry.silent_since(3.1), ElementsAre("r1"));
  registry.forgive(1);
  EXPECT_THAT(registry.silent_since(3.1), IsEmpty());
  EXPECT_THAT(registry.remove("r1"), ElementsAre(5u));
  EXPECT_FALSE(registry.heard("r1", 4));
  EXPECT_EQ(registry.num_agents(), 0);
  EXPECT_EQ(registry.route_of("a"), "");
  EXPECT_FALSE(registry.begin_call(7, "a", "r1", 100));
  registry.end_call(5);
  EXPECT_EQ(registry.session_of(5), "");
}

TEST(AgentRegistry, AnAgentThatComesBackIsOneAgent) {
  AgentRegistry registry;
  registry.add("r1", "one", 1, 9, 0);
  registry.place("a");
  registry.begin_call(5, "a", "r1", 100);
  EXPECT_THAT(registry.add("r2", "one", 1, 9, 0), ElementsAre(5u));
  EXPECT_EQ(registry.num_agents(), 1);
  EXPECT_EQ(registry.place("a")->route, "r2");
  registry.add("r3", "one", 2, 9, 0);  // another process with the same key
  EXPECT_EQ(registry.num_agents(), 2);
}

}  // namespace
}  // namespace amalgam::sandbox
