#include "server.hpp"

#include <cstdio>
#include <exception>
#include <string_view>

#include <unistd.h>

namespace {

constexpr const char* usage = R"(usage: demo_server [--hang]

A small HTTP and echo server, set up by its environment.
  VERSION         what GET / answers (dev)         START_DELAY_MS  listens only after this time
  PORT            HTTP (8080)                      EXIT_CODE       ends by itself with this code ..
  ECHO_PORT       raw TCP echo (8081)              EXIT_AFTER_MS   .. after this time (0)
  UNHEALTHY=1     GET /health answers 503          IGNORE_TERM=1   does nothing on SIGTERM
  LOG             a line to print at the start
  GET /, /health, /slow?ms=N, /env?NAME   POST /fail, /quit, /crash?code=N   Upgrade: echo
With --hang: does nothing until a signal ends it, as a check or hook that hangs.
)";

}  // namespace

int main(int argc, char** argv)
try {
    if (argc == 2 && std::string_view(argv[1]) == "--hang")
        return ::pause();
    if (argc > 1) {
        std::fputs(usage, stderr);
        return 2;
    }
    const auto how = demo::settings_from_environment();
    return how ? demo::serve(*how) : 2;
} catch (const std::exception& e) {
    std::fprintf(stderr, "demo_server: %s\n", e.what());
    return 1;
}
