#include "harness/side_channel.hpp"

#include "harness/clock.hpp"
#include "kernels/base/error.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <random>
#include <sstream>
#include <vector>

namespace moeperf {
namespace {

constexpr std::size_t longest_line = 4096;
const std::string question_word = "moeperf-ask ";
const std::string answer_word = "moeperf-answer ";

/// Milliseconds for poll(), rounded up: it must not return before the time.
int milliseconds(double seconds) { return static_cast<int>(std::clamp(seconds, 0.0, 86400.0) * 1000) + 1; }

/// What follows `word` and the token in a line that starts with them; nothing for a stranger's line.
std::optional<std::string> after_token(const std::string& line, const std::string& word, const std::string& token) {
  const std::string start = word + token + " ";
  if (!line.starts_with(start)) return std::nullopt;
  return line.substr(start.size());
}

/// A listening socket of one family; none where the host has no such family.
Descriptor listen_on(int family) {
  Descriptor fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fd;
  sockaddr_storage any{};  // all zero: every address, a free port
  any.ss_family = static_cast<sa_family_t>(family);
  const int off = 0;
  if (family == AF_INET6 && ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) {
    return Descriptor();
  }
  const socklen_t length = family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), length) != 0) return Descriptor();
  if (::listen(fd.get(), SOMAXCONN) != 0) return Descriptor();
  return fd;
}

int port_of(int fd) {
  sockaddr_storage own{};
  socklen_t length = sizeof(own);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) {
    throw Error(fmt::format("getsockname: {}", std::strerror(errno)));
  }
  return ntohs(own.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(own).sin6_port
                                         : reinterpret_cast<const sockaddr_in&>(own).sin_port);
}

/// Whether it names this host for other hosts, too.
bool is_global(const ifaddrs& entry) {
  if (entry.ifa_addr == nullptr || (entry.ifa_flags & IFF_UP) == 0 || (entry.ifa_flags & IFF_LOOPBACK) != 0)
    return false;
  if (entry.ifa_addr->sa_family == AF_INET) return true;
  if (entry.ifa_addr->sa_family != AF_INET6) return false;
  return !IN6_IS_ADDR_LINKLOCAL(&reinterpret_cast<const sockaddr_in6*>(entry.ifa_addr)->sin6_addr);
}

/// A question on its way to one address.
struct Call {
  Descriptor fd;
  bool sent = false;
  std::string received;
};

/// Begins to connect; no descriptor where that is refused at once.
Descriptor connect_to(const std::string& address, const std::string& port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), port.c_str(), &hints, &found) != 0) return Descriptor();
  Descriptor fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const bool under_way =
      fd && (::connect(fd.get(), found->ai_addr, found->ai_addrlen) == 0 || errno == EINPROGRESS || errno == EINTR);
  ::freeaddrinfo(found);
  return under_way ? std::move(fd) : Descriptor();
}

/// Sends or receives what can be now. False: this call leads nowhere.
bool advance(Call& call, const std::string& line) {
  if (!call.sent) {
    int error = 0;
    socklen_t length = sizeof(error);
    if (::getsockopt(call.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0) return false;
    // A line fits into an empty send buffer.
    call.sent = ::send(call.fd.get(), line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
    return call.sent;
  }
  std::array<char, longest_line> part;
  const ssize_t length = ::recv(call.fd.get(), part.data(), part.size(), 0);
  if (length < 0) return errno == EAGAIN || errno == EINTR;
  call.received.append(part.data(), static_cast<std::size_t>(length));
  return length > 0 && call.received.size() <= longest_line;
}

}  // namespace

SideChannel::SideChannel(std::string token) : token_(std::move(token)), socket_(listen_on(AF_INET6)) {
  if (!socket_) socket_ = listen_on(AF_INET);
  if (!socket_) throw Error(fmt::format("cannot listen on a TCP port: {}", std::strerror(errno)));
  port_ = port_of(socket_.get());
}

std::string SideChannel::contact() const {
  std::string text = std::to_string(port_);
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) throw Error(fmt::format("getifaddrs: {}", std::strerror(errno)));
  for (const ifaddrs* entry = all; entry != nullptr; entry = entry->ifa_next) {
    if (!is_global(*entry)) continue;
    const socklen_t length = entry->ifa_addr->sa_family == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
    std::array<char, NI_MAXHOST> address{};
    if (::getnameinfo(entry->ifa_addr, length, address.data(), address.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
      text += std::string(" ") + address.data();
    }
  }
  ::freeifaddrs(all);
  return text;
}

bool SideChannel::serve(double seconds, int wake, const Answer& answer) {
  const double end_s = now_s() + seconds;
  while (true) {
    std::array<pollfd, 2> ready{pollfd{socket_.get(), POLLIN, 0}, pollfd{wake, POLLIN, 0}};
    const double left_s = end_s - now_s();
    if (left_s <= 0) return false;
    if (::poll(ready.data(), ready.size(), milliseconds(left_s)) <= 0) continue;
    if (ready[1].revents != 0) return true;
    if (ready[0].revents != 0) answer_one(answer);
  }
}

void SideChannel::answer_one(const Answer& answer) {
  const Descriptor peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!peer) return;
  // Ours send at once; whoever does not must not keep them waiting.
  const timeval patience{0, 300'000};
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  std::string line;
  const double end_s = now_s() + 0.3;
  while (line.find('\n') == std::string::npos) {
    std::array<char, longest_line> part;
    const ssize_t length = ::recv(peer.get(), part.data(), part.size(), 0);
    if (length <= 0 || line.size() + static_cast<std::size_t>(length) > longest_line || now_s() > end_s) return;
    line.append(part.data(), static_cast<std::size_t>(length));
  }
  line.resize(line.find('\n'));
  const auto question = after_token(line, question_word, token_);
  if (!question) return;
  const std::string reply = answer_word + token_ + " " + answer(*question) + "\n";
  // Whether it arrives is the asker's business: it asks others, or says that nobody answered.
  (void)!::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
}

std::optional<std::string> ask(const std::string& contact, bool same_host, const std::string& token,
                               const std::string& question, double seconds) {
  const double end_s = now_s() + seconds;
  const std::string line = question_word + token + " " + question + "\n";
  std::istringstream words(contact);
  std::string port;
  words >> port;
  std::vector<std::string> addresses;
  if (same_host) addresses = {"127.0.0.1", "::1"};
  for (std::string address; words >> address;) addresses.push_back(address);
  std::vector<Call> calls;
  for (const std::string& address : addresses) {
    if (Descriptor fd = connect_to(address, port)) calls.push_back({std::move(fd), false, ""});
  }
  while (!calls.empty() && now_s() < end_s) {
    std::vector<pollfd> ready;
    for (const Call& call : calls) {
      ready.push_back({call.fd.get(), static_cast<short>(call.sent ? POLLIN : POLLOUT), 0});
    }
    if (::poll(ready.data(), ready.size(), milliseconds(end_s - now_s())) <= 0) continue;
    std::vector<Call> going;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const bool goes_on = ready[i].revents == 0 || advance(calls[i], line);
      const auto end = calls[i].received.find('\n');
      if (end != std::string::npos) {
        if (auto answer = after_token(calls[i].received.substr(0, end), answer_word, token)) return answer;
      } else if (goes_on) {
        going.push_back(std::move(calls[i]));
      }
    }
    calls = std::move(going);
  }
  return std::nullopt;
}

std::string random_token() {
  std::random_device device;
  std::string token;
  for (int word = 0; word < 4; ++word) token += fmt::format("{:08x}", static_cast<std::uint32_t>(device()));
  return token;
}

}  // namespace moeperf
