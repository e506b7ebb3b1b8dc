#include "harness/side_channel.hpp"

#include "harness/clock.hpp"
#include "tests/catch.hpp"

#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

namespace moeperf {
namespace {

const std::string token = "0123456789abcdef";

/// A process that answers "echo" and what it was asked, until the object is gone.
struct Answerer {
  SideChannel channel{token};
  Descriptor wake{::eventfd(0, EFD_CLOEXEC)};
  std::vector<std::string> questions;  // to be read after stop()
  std::thread thread;

  Answerer() {
    thread = std::thread([this] {
      channel.serve(60, wake.get(), [this](const std::string& question) {
        questions.push_back(question);
        return "echo " + question;
      });
    });
  }
  ~Answerer() { stop(); }
  void stop() {
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof(one));
    if (thread.joinable()) thread.join();
  }
};

/// A stranger: connects, sends, and returns how many bytes come back until the connection is closed.
ssize_t answer_to(const std::string& contact, const std::string& text) {
  const Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(contact)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return -1;
  (void)!::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
  char byte = 0;
  return std::max<ssize_t>(0, ::recv(fd.get(), &byte, 1, 0));  // a reset is no answer either
}

TEST_CASE("a question of one line gets its answer, at every address of the contact") {
  Answerer answerer;
  const std::string contact = answerer.channel.contact();
  REQUIRE(ask(contact, true, token, "where are you", 20) == "echo where are you");
  // Without loopback there must be a network.
  if (contact.find(' ') != std::string::npos) REQUIRE(ask(contact, false, token, "?", 20) == "echo ?");
}

TEST_CASE("strangers get no answer, are not heeded, and keep nobody waiting") {
  Answerer answerer;
  const std::string contact = answerer.channel.contact();
  REQUIRE_FALSE(ask(contact, true, "fedcba9876543210", "where", 1));
  REQUIRE(answer_to(contact, "GET / HTTP/1.1\r\n\r\n") == 0);
  REQUIRE(answer_to(contact, "moeperf-ask " + token + "x y\n") == 0);
  REQUIRE(answer_to(contact, std::string(100'000, 'a')) == 0);
  REQUIRE(answer_to(contact, "") == 0);  // says nothing: dropped after a moment
  REQUIRE(ask(contact, true, token, "where", 20) == "echo where");
  answerer.stop();
  REQUIRE_FALSE(answerer.questions.empty());  // one for each address
  for (const std::string& question : answerer.questions) REQUIRE(question == "where");
}

TEST_CASE("who listens but does not answer is given up in time, who is not there at once") {
  const SideChannel deaf(token);  // as a stopped process: the system takes the connection
  const double start_s = now_s();
  REQUIRE_FALSE(ask(deaf.contact(), true, token, "where", 0.5));
  REQUIRE(now_s() - start_s >= 0.4);
  REQUIRE(now_s() - start_s < 10);
  std::string contact;
  {
    const SideChannel gone(token);
    contact = gone.contact().substr(0, gone.contact().find(' '));
  }
  const double gone_s = now_s();
  REQUIRE_FALSE(ask(contact, true, token, "where", 60));
  REQUIRE(now_s() - gone_s < 30);
  REQUIRE_FALSE(ask("", false, token, "where", 60));
}

TEST_CASE("serving ends when its time is over or when woken up") {
  SideChannel channel(token);
  const Descriptor wake(::eventfd(0, EFD_CLOEXEC));
  const auto nothing = [](const std::string&) { return std::string(); };
  REQUIRE_FALSE(channel.serve(0.05, wake.get(), nothing));
  const std::uint64_t one = 1;
  REQUIRE(::write(wake.get(), &one, sizeof(one)) == sizeof(one));
  REQUIRE(channel.serve(60, wake.get(), nothing));
}

TEST_CASE("tokens differ") {
  REQUIRE(random_token().size() == 32);
  REQUIRE(random_token() != random_token());
}

}  // namespace
}  // namespace moeperf
